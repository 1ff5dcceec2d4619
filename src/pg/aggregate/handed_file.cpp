// A worker's state is serialized as references to places in a file instead of the values themselves; the leader opens
// that file by its name. Such a file can belong to no resource owner, as both processes need it, so this file keeps the
// books: for each plan node of this process a NodeFiles says what it writes and reads, from the first use until the
// memory of its query goes. At that point its files are unlinked (forget_node). What a query never heard of, since it
// stopped early or failed, is found by sweep(), which walks the leader's folders and removes what neither a node here
// nor a launch that still has its shared memory can need. The end of the transaction removes the folders with all that
// is left.
#include "pg/aggregate/handed_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
#include "access/parallel.h"
#include "catalog/pg_tablespace_d.h"
#include "commands/tablespace.h"
#include "common/file_utils.h"  // PG_TEMP_FILE_PREFIX, from PostgreSQL 17 on
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/proc.h"
}

namespace dap::aggregate {

namespace {

// A file that the node reads.
struct NodeInput {
  HandedFile name;
  File file;
  NodeInput* next;
};

// The handed files of a plan node of this process, as long as its query has not ended.  What has been read is kept till
// then: a sort, say, above the node that wrote may be read again, with all references in it.
struct NodeFiles {
  AggState* node;
  NodeOutput output;  // without a name: none yet
  NodeInput* inputs;
  NodeFiles* next;
  MemoryContextCallback at_end;
};

NodeFiles* nodes = nullptr;
uint32 next_number = 0;

// A worker may also be its own reader, where a whole plan runs in it.
int leader_pid() {
  const PGPROC* leader = MyProc->lockGroupLeader;
  return leader != nullptr ? leader->pid : MyProcPid;
}

uint32 own_launch() { return IsParallelWorker() ? DatumGetUInt32(MyBgworkerEntry->bgw_main_arg) : 0; }

bool same_file(const HandedFile& a, const HandedFile& b) {
  return a.tablespace == b.tablespace && a.launch == b.launch && a.number == b.number;
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
  print_path(path, "%s/%u.%u", folder, name.launch, name.number);
}

void make_folder(Oid tablespace, int leader) {
  char base[MAXPGPATH], folder[MAXPGPATH];
  TempTablespacePath(base, tablespace);
  folder_path(folder, tablespace, leader);
  PathNameCreateTemporaryDir(base, folder);
}

// The folder in the default tablespace says, by an empty file each, in which others there is one: a leader looks in one
// place.
void note_tablespace(Oid tablespace, int leader) {
  make_folder(DEFAULTTABLESPACE_OID, leader);
  char folder[MAXPGPATH], path[MAXPGPATH];
  folder_path(folder, DEFAULTTABLESPACE_OID, leader);
  print_path(path, "%s/in.%u", folder, tablespace);
  const int note = OpenTransientFile(path, O_CREAT | O_WRONLY | PG_BINARY);
  if (note < 0) ereport(ERROR, (errcode_for_file_access(), errmsg("could not create temporary file \"%s\": %m", path)));
  CloseTransientFile(note);
}

// Raises nothing, where the file is gone already; reports to log_temp_files and the statistics.
void remove_file(const HandedFile& name, int leader) {
  char path[MAXPGPATH];
  file_path(path, name, leader);
  PathNameDeleteTemporaryFile(path, false);
}

// A launch whose segment this process has given up has no worker left, and its query asks for no more rows; what it has
// read of them it keeps.
bool is_needed(const HandedFile& name) {
  if (name.launch != 0 && dsm_find_mapping(name.launch) != nullptr) return true;
  for (const NodeFiles* files = nodes; files != nullptr; files = files->next) {
    if (same_file(files->output.name, name)) return true;
    for (const NodeInput* input = files->inputs; input != nullptr; input = input->next)
      if (same_file(input->name, name) || (name.launch != 0 && input->name.launch == name.launch)) return true;
  }
  return false;
}

void sweep_folder(Oid tablespace, const char* folder) {
  DIR* listing = AllocateDir(folder);
  if (listing == nullptr) return;
  while (const dirent* entry = ReadDirExtended(listing, folder, LOG)) {
    HandedFile name{tablespace, 0, 0};
    if (sscanf(entry->d_name, "%u.%u", &name.launch, &name.number) == 2 && !is_needed(name))
      remove_file(name, MyProcPid);
  }
  FreeDir(listing);
}

void clear_folder(Oid, const char* folder) { PathNameDeleteTemporaryDir(folder); }

// The folders of which this process is the leader, the default tablespace's last.
void visit_folders(void (*visit)(Oid tablespace, const char* folder), bool forget_notes) {
  char folder[MAXPGPATH];
  struct stat found;
  folder_path(folder, DEFAULTTABLESPACE_OID, MyProcPid);
  if (stat(folder, &found) != 0) return;
  if (DIR* listing = AllocateDir(folder)) {
    while (const dirent* entry = ReadDirExtended(listing, folder, LOG)) {
      if (strncmp(entry->d_name, "in.", 3) != 0) continue;
      const Oid tablespace = static_cast<Oid>(strtoul(entry->d_name + 3, nullptr, 10));
      char other[MAXPGPATH];
      folder_path(other, tablespace, MyProcPid);
      if (stat(other, &found) == 0) visit(tablespace, other);
      if (!forget_notes) continue;
      // Without a report: it is no file of data.
      print_path(other, "%s/%s", folder, entry->d_name);
      unlink(other);
    }
    FreeDir(listing);
  }
  visit(DEFAULTTABLESPACE_OID, folder);
}

// Removes what no query of this process needs any more, and what an earlier process of the same id left behind when it
// crashed.
void sweep() {
  if (!IsParallelWorker()) visit_folders(sweep_folder, false);
}

// When a query has ended without an error: after one, the resource owner closes what is open.
void close_node(Datum argument) {
  auto* files = reinterpret_cast<NodeFiles*>(DatumGetPointer(argument));
  if (OidIsValid(files->output.name.tablespace)) FileClose(files->output.file);
  for (const NodeInput* input = files->inputs; input != nullptr; input = input->next) FileClose(input->file);
}

// When a query has ended in whatever way. Only unlinks.
void forget_node(void* argument) {
  auto* files = static_cast<NodeFiles*>(argument);
  NodeFiles** link = &nodes;
  while (*link != files) link = &(*link)->next;
  *link = files->next;
  const int leader = leader_pid();
  if (OidIsValid(files->output.name.tablespace) && files->output.name.launch == 0)
    remove_file(files->output.name, leader);
  for (const NodeInput* input = files->inputs; input != nullptr; input = input->next) remove_file(input->name, leader);
  // Where the query needed no more rows, there may be files of which it has not heard.
  if (files->inputs != nullptr) sweep();
}

NodeFiles* node_files(AggState* node) {
  for (NodeFiles* files = nodes; files != nullptr; files = files->next)
    if (files->node == node) return files;
  sweep();
  MemoryContext context = node->ss.ps.state->es_query_cxt;
  auto* files = static_cast<NodeFiles*>(MemoryContextAllocZero(context, sizeof(NodeFiles)));
  files->node = node;
  // The one expression context of the node that lasts as long as the query, and not as long as a group.
  RegisterExprContextCallback(node->tmpcontext, close_node, PointerGetDatum(files));
  files->next = nodes;
  nodes = files;
  files->at_end.func = forget_node;
  files->at_end.arg = files;
  MemoryContextRegisterResetCallback(context, &files->at_end);
  return files;
}

void at_transaction_end(XactEvent event, void*) {
  // By then no worker is left that could write: they have ended before, also where they failed.
  if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE || event == XACT_EVENT_ABORT)
    visit_folders(clear_folder, true);
}

void at_subtransaction_end(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event == SUBXACT_EVENT_ABORT_SUB) sweep();
}

}  // namespace

NodeOutput* node_output(AggState* node) {
  NodeOutput* output = &node_files(node)->output;
  if (OidIsValid(output->name.tablespace)) return output;
  const int leader = leader_pid();
  PrepareTempTablespaces();
  Oid tablespace = GetNextTempTableSpace();
  if (!OidIsValid(tablespace))
    tablespace = OidIsValid(MyDatabaseTableSpace) ? MyDatabaseTableSpace : DEFAULTTABLESPACE_OID;
  if (tablespace == GLOBALTABLESPACE_OID) tablespace = DEFAULTTABLESPACE_OID;
  if (tablespace != DEFAULTTABLESPACE_OID) note_tablespace(tablespace, leader);
  make_folder(tablespace, leader);
  // The other workers number theirs too, and so did those of an earlier launch: who creates a file has its name.
  for (;;) {
    const HandedFile name{tablespace, own_launch(), next_number++};
    char path[MAXPGPATH];
    file_path(path, name, leader);
    const int created = OpenTransientFile(path, O_CREAT | O_EXCL | O_WRONLY | PG_BINARY);
    if (created < 0) {
      if (errno == EEXIST) continue;
      ereport(ERROR, (errcode_for_file_access(), errmsg("could not create temporary file \"%s\": %m", path)));
    }
    CloseTransientFile(created);
    output->file = PathNameCreateTemporaryFile(path, true);
    output->name = name;
    output->end = 0;
    return output;
  }
}

File node_input(AggState* node, const HandedFile& name) {
  NodeFiles* files = node_files(node);
  for (const NodeInput* input = files->inputs; input != nullptr; input = input->next)
    if (same_file(input->name, name)) return input->file;
  auto* input = static_cast<NodeInput*>(MemoryContextAlloc(node->ss.ps.state->es_query_cxt, sizeof(NodeInput)));
  char path[MAXPGPATH];
  file_path(path, name, leader_pid());
  const File file = PathNameOpenTemporaryFile(path, O_RDONLY);
  if (file <= 0)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FILE), errmsg("could not open temporary file \"%s\": %m", path)));
  *input = NodeInput{name, file, files->inputs};
  files->inputs = input;
  return file;
}

void watch_handed_files() {
  RegisterXactCallback(at_transaction_end, nullptr);
  RegisterSubXactCallback(at_subtransaction_end, nullptr);
}

}  // namespace dap::aggregate
