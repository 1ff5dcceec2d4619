#include "pg/aggregate/handed_file.h"

#include <sys/stat.h>
#include <unistd.h>

extern "C" {
#include "catalog/pg_tablespace_d.h"
#include "commands/tablespace.h"
#include "common/file_utils.h"  // PG_TEMP_FILE_PREFIX, from PostgreSQL 17 on
#include "storage/proc.h"
}

namespace dap::aggregate {

namespace {

uint32 next_number = 0;

// A worker may also be its own reader, where a whole plan runs in it.
int leader_pid() {
  const PGPROC* leader = MyProc->lockGroupLeader;
  return leader != nullptr ? leader->pid : MyProcPid;
}

// A path that is too long becomes an empty one, which is nowhere.
template <class... Parts>
void print_path(char* path, const char* format, Parts... parts) {
  if (snprintf(path, MAXPGPATH, format, parts...) >= MAXPGPATH) *path = '\0';
}

void folder_path(char* path, Oid tablespace, int leader) {
  char base[MAXPGPATH];
  TempTablespacePath(base, tablespace);
  // The prefix is what the server's own clearing away after a crash looks for.
  print_path(path, "%s/%s%d.dap", base, PG_TEMP_FILE_PREFIX, leader);
}

void file_path(char* path, const HandedFile& name, int leader) {
  char folder[MAXPGPATH];
  folder_path(folder, name.tablespace, leader);
  print_path(path, "%s/%d.%u", folder, name.writer, name.number);
}

void make_folder(Oid tablespace, int leader) {
  char base[MAXPGPATH], folder[MAXPGPATH];
  TempTablespacePath(base, tablespace);
  folder_path(folder, tablespace, leader);
  PathNameCreateTemporaryDir(base, folder);
}

// The folder in the default tablespace says, by an empty file each, in which others there is one: a leader looks in one place.
void note_tablespace(Oid tablespace, int leader) {
  make_folder(DEFAULTTABLESPACE_OID, leader);
  char folder[MAXPGPATH], path[MAXPGPATH];
  folder_path(folder, DEFAULTTABLESPACE_OID, leader);
  print_path(path, "%s/in.%u", folder, tablespace);
  const int note = OpenTransientFile(path, O_CREAT | O_WRONLY | PG_BINARY);
  if (note < 0) ereport(ERROR, (errcode_for_file_access(), errmsg("could not create temporary file \"%s\": %m", path)));
  CloseTransientFile(note);
}

void clear_folder() {
  char folder[MAXPGPATH];
  struct stat found;
  folder_path(folder, DEFAULTTABLESPACE_OID, MyProcPid);
  if (stat(folder, &found) != 0) return;
  if (DIR* listing = AllocateDir(folder)) {
    while (const dirent* entry = ReadDirExtended(listing, folder, LOG)) {
      if (strncmp(entry->d_name, "in.", 3) != 0) continue;
      char other[MAXPGPATH];
      folder_path(other, static_cast<Oid>(strtoul(entry->d_name + 3, nullptr, 10)), MyProcPid);
      PathNameDeleteTemporaryDir(other);
    }
    FreeDir(listing);
  }
  PathNameDeleteTemporaryDir(folder);
}

void at_transaction_end(XactEvent event, void*) {
  // By then no worker is left that could write: they have ended before, also where they failed.
  if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE || event == XACT_EVENT_ABORT) clear_folder();
}

}  // namespace

File create_handed_file(HandedFile* name) {
  const int leader = leader_pid();
  PrepareTempTablespaces();
  Oid tablespace = GetNextTempTableSpace();
  if (!OidIsValid(tablespace)) tablespace = OidIsValid(MyDatabaseTableSpace) ? MyDatabaseTableSpace : DEFAULTTABLESPACE_OID;
  if (tablespace == GLOBALTABLESPACE_OID) tablespace = DEFAULTTABLESPACE_OID;
  *name = HandedFile{tablespace, MyProcPid, next_number++};
  if (tablespace != DEFAULTTABLESPACE_OID) note_tablespace(tablespace, leader);
  make_folder(tablespace, leader);
  char path[MAXPGPATH];
  file_path(path, *name, leader);
  return PathNameCreateTemporaryFile(path, true);
}

File open_handed_file(const HandedFile& name) {
  char path[MAXPGPATH];
  file_path(path, name, leader_pid());
  const File file = PathNameOpenTemporaryFile(path, O_RDONLY);
  if (file <= 0) ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FILE), errmsg("could not open temporary file \"%s\": %m", path)));
  return file;
}

void remove_handed_file(const HandedFile& name) {
  char path[MAXPGPATH];
  file_path(path, name, leader_pid());
  PathNameDeleteTemporaryFile(path, false);
}

void watch_handed_files() { RegisterXactCallback(at_transaction_end, nullptr); }

}  // namespace dap::aggregate
