#include "pg/file/access.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <unistd.h>

#include "pg/file/ingest_directories.h"

namespace dap {

namespace {

constexpr int kMaxSymlinks = 40;  // as Linux

// One directory that the current user may read below.
struct Allowed {
  char* real;      // free of symlinks
  List* approach;  // every place that the way to it leads through, of char*: looking there tells nobody anything new
};

// What the current user may see. Where `everything` is set, only the server's own files are out of bounds.
struct Bounds {
  bool everything;
  List* allowed;  // of Allowed*
};

bool is_below(const char* path, const char* directory) {
  size_t length = strlen(directory);
  if (length == 1) return true;  // "/"
  return strncmp(path, directory, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

bool contains(List* places, const char* place) {
  ListCell* cell;
  foreach (cell, places)
    if (strcmp(static_cast<const char*>(lfirst(cell)), place) == 0) return true;
  return false;
}

bool within(const Bounds* bounds, const char* real) {
  ListCell* cell;
  foreach (cell, bounds->allowed)
    if (is_below(real, static_cast<const Allowed*>(lfirst(cell))->real)) return true;
  return bounds->everything;
}

bool may_look_at(const Bounds* bounds, const char* place) {
  if (within(bounds, place)) return true;
  ListCell* cell;
  foreach (cell, bounds->allowed)
    if (contains(static_cast<const Allowed*>(lfirst(cell))->approach, place)) return true;
  return false;
}

// Follows `path` step by step as the kernel does. With bounds, stops before a step to a place that may not be looked at
// and returns false; otherwise fills `location`. `visited`, where given, receives each place.
bool follow(const char* path, const Bounds* bounds, Location* location, List** visited) {
  StringInfoData real;  // what is resolved; empty is the root
  initStringInfo(&real);
  char* pending = pstrdup(path);
  int links = 0;

  memset(location, 0, sizeof *location);
  if (lstat("/", &location->status) != 0) location->error = errno;
  while (location->error == 0) {
    while (*pending == '/') pending++;
    if (*pending == '\0') break;
    char* end = pending + strcspn(pending, "/");
    size_t length = end - pending;

    if (length == 1 && pending[0] == '.') {
      pending = end;
      continue;
    }
    int parent_length = real.len;
    if (length == 2 && pending[0] == '.' && pending[1] == '.') {
      while (real.len > 0 && real.data[--real.len] != '/') continue;
      real.data[real.len] = '\0';
    } else {
      appendStringInfoChar(&real, '/');
      appendBinaryStringInfo(&real, pending, static_cast<int>(length));
    }
    pending = end;

    const char* place = real.len > 0 ? real.data : "/";
    if (bounds != nullptr && !may_look_at(bounds, place)) return false;
    if (visited != nullptr) *visited = lappend(*visited, pstrdup(place));

    if (lstat(place, &location->status) != 0) {
      location->error = errno;
    } else if (S_ISLNK(location->status.st_mode)) {
      char target[PATH_MAX];
      ssize_t size = readlink(place, target, sizeof target - 1);
      if (size < 0) {
        location->error = errno;
      } else if (++links > kMaxSymlinks) {
        location->error = ELOOP;
      } else {
        target[size] = '\0';
        pending = psprintf("%s%s", target, pending);
        real.len = target[0] == '/' ? 0 : parent_length;
        real.data[real.len] = '\0';
      }
    } else if (!S_ISDIR(location->status.st_mode) && pending[strspn(pending, "/")] != '\0') {
      location->error = ENOTDIR;
    }
    CHECK_FOR_INTERRUPTS();  // a network file system may answer slowly
  }
  location->real = real.len > 0 ? real.data : pstrdup("/");
  return true;
}

void find_bounds(Bounds* bounds) {
  bounds->everything = has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES);
  bounds->allowed = NIL;
  if (bounds->everything) return;
  ListCell* cell;
  foreach (cell, ingest_directories()) {
    auto* allowed = static_cast<Allowed*>(palloc0(sizeof(Allowed)));
    Location location;
    follow(static_cast<const char*>(lfirst(cell)), nullptr, &location, &allowed->approach);
    allowed->real = location.real;
    // An entry that is not there allows its own place and nothing below: what comes there later is looked at anew.
    bounds->allowed = lappend(bounds->allowed, allowed);
  }
}

// Is it a file of the server itself: below the data directory, the directory of the WAL, or this version's part of a
// tablespace?
bool is_server_file(const char* real) {
  Location place;
  follow(DataDir, nullptr, &place, nullptr);
  if (is_below(real, place.real)) return true;
  follow(psprintf("%s/pg_wal", DataDir), nullptr, &place, nullptr);
  if (is_below(real, place.real)) return true;

  const char* links = psprintf("%s/pg_tblspc", DataDir);
  DIR* directory = AllocateDir(links);
  bool found = false;
  while (struct dirent* entry = ReadDir(directory, links)) {
    if (entry->d_name[0] == '.') continue;
    follow(psprintf("%s/%s/%s", links, entry->d_name, TABLESPACE_VERSION_DIRECTORY), nullptr, &place, nullptr);
    if (place.error == 0 && is_below(real, place.real)) found = true;
  }
  FreeDir(directory);
  return found;
}

// The directory that a path was probably meant to be read from, told from its text alone: nothing may be looked at
// here.
char* wanted_directory(const char* path) {
  char* directory = pstrdup(path);
  if (char* wildcard = strpbrk(directory, "*?[{"); wildcard != nullptr) {
    *wildcard = '\0';
    return directory_part(directory);
  }
  const char* name = strrchr(directory, '/');
  return name != nullptr && strchr(name, '.') != nullptr ? directory_part(directory) : directory;
}

[[noreturn]] void raise_not_allowed(const char* path) {
  const char* directory = wanted_directory(path);
  bool is_named = false;
  ListCell* cell;
  foreach (cell, ingest_directories())
    is_named |= is_below(directory, static_cast<const char*>(lfirst(cell))) && strstr(directory, "/..") == nullptr;
  ereport(
      ERROR,
      (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for path \"%s\"", path),
       errdetail("Role \"%s\" may read server files below the directories of dap.ingest_directories; "
                 "members of pg_read_server_files may "
                 "read others.",
                 GetUserNameFromId(GetUserId(), false)),
       is_named
           ? errhint("The path is below one of them, but a symbolic link leads out of it: where it leads to must be "
                     "allowed too.")
           : errhint("A superuser can allow the directory: %s", allow_statement(directory))));
  pg_unreachable();
}

[[noreturn]] void raise_server_file(const char* path) {
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for path \"%s\"", path),
                  errdetail("Files of the database server itself are never read."),
                  errhint("Put the file into a directory outside the data directory.")));
  pg_unreachable();
}

// Names a user or group of the operating system, or gives its number.
const char* user_name(uid_t user) {
  struct passwd* entry = getpwuid(user);
  return entry != nullptr ? pstrdup(entry->pw_name) : psprintf("%u", static_cast<unsigned>(user));
}

const char* group_name(gid_t group) {
  struct group* entry = getgrgid(group);
  return entry != nullptr ? pstrdup(entry->gr_name) : psprintf("%u", static_cast<unsigned>(group));
}

// The operating system refuses: which component does it, whose is it, and who are we? `action` is what was tried on the
// component.
[[noreturn]] void raise_refused(const char* path, const char* component, const char* action) {
  struct stat status;
  const char* us = user_name(geteuid());
  if (stat(component, &status) != 0)
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("could not open \"%s\": permission denied by the operating system", path),
                    errdetail("Operating system user \"%s\" may not %s \"%s\".", us, action, component)));
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("could not open \"%s\": permission denied by the operating system", path),
                  errdetail("Operating system user \"%s\" may not %s \"%s\" (owner \"%s\", group \"%s\", mode %04o).",
                            us, action, component, user_name(status.st_uid), group_name(status.st_gid),
                            static_cast<unsigned>(status.st_mode & 07777)),
                  errhint("Let that user %s it, with chmod, chgrp or setfacl.", action)));
  pg_unreachable();
}

// The real path of what a descriptor has open, whatever the path it was opened by says now. `expected` is checked by
// inode where there is no /proc.
char* descriptor_path(int descriptor, const struct stat* status, const char* expected) {
  char link[64];
  char target[PATH_MAX];
  pg_snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t size = readlink(link, target, sizeof target - 1);
  if (size > 0 && target[0] == '/') {
    target[size] = '\0';
    constexpr const char* kDeleted = " (deleted)";
    size_t suffix = strlen(kDeleted);
    if (status->st_nlink == 0 && static_cast<size_t>(size) > suffix && strcmp(target + size - suffix, kDeleted) == 0)
      target[size - suffix] = '\0';
    return pstrdup(target);
  }
  struct stat now;
  if (lstat(expected, &now) == 0 && now.st_dev == status->st_dev && now.st_ino == status->st_ino)
    return pstrdup(expected);
  return nullptr;
}

// Checks what a descriptor has open against the bounds; raises, leaving the descriptor to the transaction's abort.
void check_descriptor(int descriptor, const struct stat* status, const char* path, const Location* location,
                      const Bounds* bounds) {
  char* real = descriptor_path(descriptor, status, location->real);
  if (real == nullptr || !within(bounds, real)) raise_not_allowed(path);
  if (is_server_file(real)) raise_server_file(path);
}

Location locate_within(const char* path, const Bounds* bounds) {
  Location location;
  if (path[0] != '/')
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("path \"%s\" is not absolute", path)));
  if (!follow(path, bounds, &location, nullptr)) raise_not_allowed(path);
  // Where the way ends before its end (absent, refused), the place that ends it counts: it may be seen, so its absence
  // may be said.
  if (is_server_file(location.real)) raise_server_file(path);
  return location;
}

}  // namespace

Location locate(const char* path) {
  Bounds bounds;
  find_bounds(&bounds);
  return locate_within(path, &bounds);
}

void raise_location_error(const char* path, const Location* location) {
  switch (location->error) {
    case ENOENT:
      ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FILE), errmsg("\"%s\" does not exist", path),
                      strcmp(path, location->real) == 0 ? 0 : errdetail("There is no \"%s\".", location->real)));
      break;
    case EACCES:
    case EPERM: raise_refused(path, directory_part(location->real), "search");
    case ENOTDIR:
      ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("could not open \"%s\"", path),
                      errdetail("\"%s\" is not a directory.", location->real)));
      break;
    case ELOOP:
      ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("could not open \"%s\"", path),
                      errdetail("Too many symbolic links; the last one is \"%s\".", location->real)));
      break;
    case ENAMETOOLONG:
      ereport(ERROR,
              (errcode(ERRCODE_NAME_TOO_LONG), errmsg("path \"%s\" is too long for the operating system", path)));
      break;
    default:
      errno = location->error;
      ereport(ERROR, (errcode(ERRCODE_IO_ERROR), errmsg("could not open \"%s\": %m", path)));
  }
  pg_unreachable();
}

int open_allowed_file(const char* path, struct stat* status) {
  Bounds bounds;
  find_bounds(&bounds);
  Location location = locate_within(path, &bounds);
  if (location.error != 0) raise_location_error(path, &location);
  // Asked before opening too: opening a device or a FIFO can have an effect on others.
  *status = location.status;
  int descriptor = -1;
  if (S_ISREG(status->st_mode)) {
    descriptor = OpenTransientFile(location.real, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | PG_BINARY);
    if (descriptor < 0) {
      if (errno == EACCES || errno == EPERM) raise_refused(path, location.real, "read");
      location.error = errno;
      raise_location_error(path, &location);
    }
    if (fstat(descriptor, status) != 0)
      ereport(ERROR, (errcode(ERRCODE_IO_ERROR), errmsg("could not stat file \"%s\": %m", path)));
    check_descriptor(descriptor, status, path, &location, &bounds);
  }
  if (!S_ISREG(status->st_mode))
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a regular file", path),
                    errdetail("It is a %s.", S_ISDIR(status->st_mode)    ? "directory"
                                             : S_ISFIFO(status->st_mode) ? "FIFO"
                                             : S_ISCHR(status->st_mode)  ? "character device"
                                             : S_ISBLK(status->st_mode)  ? "block device"
                                             : S_ISSOCK(status->st_mode) ? "socket"
                                                                         : "file of another kind")));
  return descriptor;
}

DIR* open_allowed_directory(const char* path) {
  Bounds bounds;
  find_bounds(&bounds);
  Location location = locate_within(path, &bounds);
  if (location.error == 0 && !S_ISDIR(location.status.st_mode)) location.error = ENOTDIR;
  if (location.error != 0) raise_location_error(path, &location);
  DIR* directory = AllocateDir(location.real);
  if (directory == nullptr) {
    if (errno == EACCES || errno == EPERM) raise_refused(path, location.real, "read");
    location.error = errno;
    raise_location_error(path, &location);
  }
  struct stat status;
  if (fstat(dirfd(directory), &status) != 0)
    ereport(ERROR, (errcode(ERRCODE_IO_ERROR), errmsg("could not stat directory \"%s\": %m", path)));
  check_descriptor(dirfd(directory), &status, path, &location, &bounds);
  return directory;
}

char* tidy_path(const char* path) {
  StringInfoData tidy;
  initStringInfo(&tidy);
  bool absolute = path[0] == '/';
  while (*path != '\0') {
    while (*path == '/') path++;
    size_t length = strcspn(path, "/");
    if (length > 0 && !(length == 1 && path[0] == '.')) {
      if (absolute || tidy.len > 0) appendStringInfoChar(&tidy, '/');
      appendBinaryStringInfo(&tidy, path, static_cast<int>(length));
    }
    path += length;
  }
  if (tidy.len == 0) appendStringInfoChar(&tidy, absolute ? '/' : '.');
  return tidy.data;
}

char* directory_part(const char* path) {
  const char* slash = strrchr(path, '/');
  if (slash == nullptr || slash == path) return pstrdup("/");
  return pnstrdup(path, slash - path);
}

char* allow_statement(const char* directory) {
  StringInfoData value;
  initStringInfo(&value);
  const char* present = ingest_directories_text();
  if (present[strspn(present, " \t\n")] != '\0') appendStringInfo(&value, "%s, ", present);
  // An entry with a comma, a quote or blanks around it is quoted within the list.
  size_t length = strlen(directory);
  if (strpbrk(directory, ",\"") != nullptr || (length > 0 && scanner_isspace(directory[length - 1]))) {
    appendStringInfoChar(&value, '"');
    for (const char* p = directory; *p != '\0'; p++) {
      if (*p == '"') appendStringInfoChar(&value, '"');
      appendStringInfoChar(&value, *p);
    }
    appendStringInfoChar(&value, '"');
  } else {
    appendStringInfoString(&value, directory);
  }
  return psprintf("ALTER DATABASE %s SET dap.ingest_directories = %s;",
                  quote_identifier(get_database_name(MyDatabaseId)), quote_literal_cstr(value.data));
}

}  // namespace dap
