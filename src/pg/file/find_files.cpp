#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>

#include "engine/path/name.h"
#include "engine/path/pattern.h"
#include "pg/file/access.h"
#include "pg/file/byte_source.h"
#include "pg/file/ingest_directories.h"

namespace dap {

namespace {

bool takes_csv(const char* name, const path::Pattern* /*pattern*/) { return path::is_csv(name); }

bool takes_match(const char* name, const path::Pattern* pattern) { return path::matches(pattern, name); }

using Takes = bool (*)(const char* name, const path::Pattern* pattern);

path::Pattern* pattern_of(const char* component, size_t length) {
  auto* pattern = static_cast<path::Pattern*>(palloc(sizeof(path::Pattern)));
  if (!path::read_pattern(component, length, pattern))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a component of the pattern is too long"),
                    errdetail("It has %zu bytes. Patterns of names have at most %zu.", length, path::longest_pattern)));
  return pattern;
}

char* join(const char* directory, const char* name) {
  return psprintf("%s/%s", strcmp(directory, "/") == 0 ? "" : directory, name);
}

// A name in bytes that are no text in this database's encoding could be neither stored nor shown.
void check_name_encoding(const char* directory, const char* name) {
  int length = static_cast<int>(strlen(name));
  if (pg_verify_mbstr(GetDatabaseEncoding(), name, length, true)) return;
  char* shown = pstrdup(name);
  for (char* p = shown; *p != '\0'; p++)
    if (IS_HIGHBIT_SET(*p)) *p = '?';
  ereport(ERROR,
          (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
           errmsg("a file name in directory \"%s\" is not valid in encoding %s", directory, GetDatabaseEncodingName()),
           errdetail("The name is \"%s\", with ? for each byte outside ASCII.", shown), errhint("Rename the file.")));
}

List* add_file(List* files, const char* path, const struct stat* status) {
  auto* file = static_cast<FoundFile*>(palloc(sizeof(FoundFile)));
  file->path = pstrdup(path);
  file->identity = identity_of(status);
  return lappend(files, file);
}

// The entries of a directory that `takes` chooses: files (anything but directories, so that a FIFO or a broken link in
// the inbox is an error when it is opened, not a silent gap), or with `directories` those alone, as FoundFile too.
List* list_directory(const char* directory, Takes takes, const path::Pattern* pattern, bool directories) {
  List* found = NIL;
  DIR* handle = open_allowed_directory(directory);
  while (struct dirent* entry = ReadDir(handle, directory)) {
    CHECK_FOR_INTERRUPTS();
    const char* name = entry->d_name;
    if (name[0] == '.' || (!directories && path::is_unfinished(name)) || !takes(name, pattern)) continue;

    char* path = join(directory, name);
    struct stat status;
    if (fstatat(dirfd(handle), name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // gone since it was listed
      Location location = locate(path);
      if (location.error != 0) raise_location_error(path, &location);
      status = location.status;
    }
    if (S_ISLNK(status.st_mode)) {
      Location location = locate(path);  // may it be looked at?
      if (location.error != 0) raise_location_error(path, &location);
      status = location.status;
    }
    if (static_cast<bool>(S_ISDIR(status.st_mode)) != directories) continue;
    check_name_encoding(directory, name);
    found = add_file(found, path, &status);
  }
  FreeDir(handle);
  return found;
}

// The files below `directory` that the components `rest` of a pattern mean. `directory` is there: a component after a
// wildcard may lack.
List* expand(const char* directory, const char* rest) {
  while (*rest == '/') rest++;
  size_t length = strcspn(rest, "/");
  char* component = pnstrdup(rest, length);
  bool last = rest[length] == '\0';
  rest += length;

  if (!path::has_wildcard(component, length)) {
    char* path = join(directory, component);
    Location location = locate(path);
    if (location.error == ENOENT || location.error == ENOTDIR) return NIL;
    if (location.error != 0) raise_location_error(path, &location);
    bool is_directory = S_ISDIR(location.status.st_mode);
    if (!last) return is_directory ? expand(path, rest) : NIL;
    return is_directory || path::is_unfinished(component) ? NIL : add_file(NIL, path, &location.status);
  }
  const path::Pattern* pattern = pattern_of(component, length);
  if (last) return list_directory(directory, takes_match, pattern, false);
  List* files = NIL;
  List* directories = list_directory(directory, takes_match, pattern, true);
  ListCell* cell;
  foreach (cell, directories)
    files = list_concat(files, expand(static_cast<const FoundFile*>(lfirst(cell))->path, rest));
  return files;
}

// The slash before the first component with a wildcard; null if there is none.
const char* find_wildcard(const char* path) {
  while (*path == '/') {
    size_t length = strcspn(path + 1, "/");
    if (path::has_wildcard(path + 1, length)) return path;
    path += 1 + length;
  }
  return nullptr;
}

// The files that an absolute path means. Where `absent` is given, a missing file or directory sets it; otherwise it
// raises.
List* find_absolute(const char* path, bool* absent) {
  Location location = locate(path);
  if (location.error == 0) {
    if (S_ISDIR(location.status.st_mode)) return list_directory(path, takes_csv, nullptr, false);
    return add_file(NIL, path, &location.status);
  }
  // Only what is not there under its very name, which may be too long for one, is read as a pattern.
  const char* rest = find_wildcard(path);
  if ((location.error == ENOENT || location.error == ENAMETOOLONG) && rest != nullptr) {
    char* directory = rest == path ? pstrdup("/") : pnstrdup(path, rest - path);
    location = locate(directory);
    if (location.error == 0) return expand(directory, rest);
  }
  if (absent == nullptr || location.error != ENOENT) raise_location_error(path, &location);
  *absent = true;
  return NIL;
}

bool has_parent_component(const char* path) {
  while (*path != '\0') {
    size_t length = strcspn(path, "/");
    if (length == 2 && path[0] == '.' && path[1] == '.') return true;
    path += length;
    path += strspn(path, "/");
  }
  return false;
}

List* find_relative(const char* path) {
  List* directories = ingest_directories();
  if (directories == NIL)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("relative path \"%s\" means nothing: dap.ingest_directories is empty", path),
                    errhint("Give an absolute path, or let a superuser name the directory: %s",
                            allow_statement("/path/to/inbox"))));
  if (has_parent_component(path))
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("relative path \"%s\" must not contain \"..\"", path)));

  List* files = NIL;
  int absent_below = 0;
  ListCell* cell;
  foreach (cell, directories) {
    const char* directory = static_cast<const char*>(lfirst(cell));
    Location location = locate(directory);  // an inbox that is not there (not mounted?) is never "no files"
    if (location.error != 0) raise_location_error(directory, &location);
    bool absent = false;
    files = list_concat(files, find_absolute(strcmp(path, ".") == 0 ? directory : join(directory, path), &absent));
    if (absent) absent_below++;
  }
  if (absent_below == list_length(directories))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FILE), errmsg("\"%s\" does not exist below dap.ingest_directories", path),
                    errdetail("Looked below: %s.", ingest_directories_text())));
  return files;
}

int compare_files(const ListCell* a, const ListCell* b) {
  CHECK_FOR_INTERRUPTS();
  const char* a_path = static_cast<const FoundFile*>(lfirst(a))->path;
  const char* b_path = static_cast<const FoundFile*>(lfirst(b))->path;
  int order = natural_compare(strrchr(a_path, '/') + 1, strrchr(b_path, '/') + 1);
  return order != 0 ? order : strcmp(a_path, b_path);
}

}  // namespace

List* find_files(const char* path) {
  if (path[0] == '\0') ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("path is empty")));
  char* tidy = tidy_path(path);
  List* files = tidy[0] == '/' ? find_absolute(tidy, nullptr) : find_relative(tidy);
  list_sort(files, compare_files);

  // Directories of the setting may lie in each other.
  List* distinct = NIL;
  ListCell* cell;
  foreach (cell, files) {
    if (distinct == NIL ||
        strcmp(static_cast<FoundFile*>(llast(distinct))->path, static_cast<FoundFile*>(lfirst(cell))->path) != 0)
      distinct = lappend(distinct, lfirst(cell));
  }
  return distinct;
}

int natural_compare(const char* a, const char* b) { return path::natural_compare(a, b); }

}  // namespace dap
