#include "pg/ingest/ingest.h"

#include <cstring>
#include <ctime>

#include "bridge/run_as.h"
#include "pg/catalog/options.h"
#include "pg/file/byte_source.h"
#include "pg/ingest/file_job.h"
#include "pg/run/run.h"

namespace dap {

const char* file_status_text(FileStatus status) {
  switch (status) {
    case FileStatus::loaded: return "loaded";
    case FileStatus::skipped: return "skipped";
    case FileStatus::failed: return "failed";
    case FileStatus::undecided: break;
  }
  elog(ERROR, "a file's result was not decided");
}

void fail(FileJob* job, Reason why, int sqlerrcode, const char* message, const char* place) {
  FileResult* result = job->result;
  result->status = FileStatus::failed;
  result->why = why;
  result->sqlerrcode = sqlerrcode;
  result->reason = pstrdup(message);
  result->place = place ? pstrdup(place) : nullptr;
}

void skip(FileJob* job, Reason why, const char* message, int32 file_id) {
  job->result->status = FileStatus::skipped;
  job->result->place = nullptr;
  job->result->why = why;
  job->result->reason = pstrdup(message);
  job->result->file_id = file_id;
}

namespace {

int64 now_ns() {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<int64>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

// What the files of one call have in common.
struct Loading {
  const IngestRequest* request;
  const SourceOptions* options;
  const Ledger* ledger;
  const char* definition_hash;
  Size evidence_room;  // what the rejects of its failed files may still take
};

Loading begin_loading(const IngestRequest* request) {
  const SourceOptions* options = parse_options(request->definition->options, request->call_options, OptionScope::call);
  return {request, options, ledger_open(), effective_definition_hash(request), most_evidence_bytes};
}

FileJob* begin_job(Loading* loading, const char* path) {
  auto* result = static_cast<FileResult*>(palloc0(sizeof(FileResult)));
  result->path = path;
  result->rows_read = -1;
  auto* job = static_cast<FileJob*>(palloc0(sizeof(FileJob)));
  job->request = loading->request;
  job->options = loading->options;
  job->ledger = loading->ledger;
  job->definition_hash = loading->definition_hash;
  job->path = path;
  job->result = result;
  job->evidence_room = &loading->evidence_room;
  job->started = GetCurrentTimestamp();
  job->read_ns = now_ns();
  return job;
}

FileResult* end_job(FileJob* job) {
  FileResult* result = job->result;
  result->elapsed_us = GetCurrentTimestamp() - job->started;
  if (result->status == FileStatus::skipped || result->rows_read < 0)
    result->rows_read = result->rows_loaded = result->rows_rejected = 0;
  return result;
}

bool settles(const FileJob* job, const FileIdentity* identity) {
  return job->options->settle_us > 0 && identity->mtime_ns > 0 &&
         job->read_ns - identity->mtime_ns < job->options->settle_us * 1000;
}

// Does the ledger know the file by its path and identity, and that it is not to be loaded? Then the job is decided.
bool recall(FileJob* job, const FileIdentity* identity) {
  if (!ledger_recognise(job->ledger, job->request->definition->source_id, job->path, identity, job->hash, &job->bytes))
    return false;
  job->recalled_as_new = content_is_new(job);
  if (job->recalled_as_new) return false;
  FileResult* result = job->result;
  result->recognised = true;
  if (result->status != FileStatus::skipped || !result->under_other_name) return true;
  // Another file may have become the one that has its bytes since it was read.
  result->told_before = ledger_has_skip(job->ledger, result->file_id, job->path);
  if (!result->told_before) record_known(job);
  return true;
}

FileResult* process(FileJob* job, ByteSource* source) {
  job->source = source;
  const FileIdentity* identity = byte_source_identity(source);
  if (settles(job, identity)) skip(job, Reason::not_settled, reason_words(Reason::not_settled), 0);
  else if (!recall(job, identity)) read_and_load(job);
  byte_source_close(source);
  return end_job(job);
}

// What the ledger says of a file that was found with this identity. NULL: it has to be opened.
FileResult* process_unopened(FileJob* job, const FileIdentity* identity) {
  if (settles(job, identity) || !recall(job, identity)) return nullptr;
  return end_job(job);
}

// More would not fit the ledger's index.
constexpr Size most_path_bytes = 2000;

void check_path_length(const char* path) {
  if (path[0] == '\0') ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a file must have a name")));
  if (std::strlen(path) > most_path_bytes)
    ereport(ERROR,
            (errcode(ERRCODE_NAME_TOO_LONG),
             errmsg("the name of a file is longer than %d bytes", static_cast<int>(most_path_bytes)),
             errdetail("It begins \"%.*s\".", pg_mbcliplen(path, static_cast<int>(std::strlen(path)), 100), path)));
}

// Processes a file with memory of its own, of which only the result stays. `found` is NULL where it is no file that was
// just found.
FileResult* process_alone(Loading* loading, const char* path, const FileIdentity* found,
                          ByteSource* (*open)(const char*, const SourceOptions*, void*), void* argument) {
  check_path_length(path);
  MemoryContext caller = CurrentMemoryContext;
  MemoryContext context = AllocSetContextCreate(caller, "dap file", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(context);
  FileResult* in_context = found ? process_unopened(begin_job(loading, path), found) : nullptr;
  if (!in_context) in_context = process(begin_job(loading, path), open(path, loading->options, argument));
  MemoryContextSwitchTo(caller);
  auto* result = static_cast<FileResult*>(palloc(sizeof(FileResult)));
  *result = *in_context;
  auto keep = [](const char* text) { return text ? pstrdup(text) : nullptr; };
  result->path = keep(result->path);
  result->reason = keep(result->reason);
  result->place = keep(result->place);
  result->evidence = keep(result->evidence);
  MemoryContextDelete(context);
  return result;
}

// The role with whose rights files are found and opened: the caller's, but for a path of the definition no more than
// those of the role that gave it. Who may define a source must not read, by way of a superuser's nightly run, what it
// may not read itself.
Oid file_reader(const SourceDefinition* definition, bool own_path) {
  Oid caller = GetUserId();
  if (!own_path || !has_privs_of_role(caller, ROLE_PG_READ_SERVER_FILES)) return caller;
  Oid giver = get_role_oid(definition->path_by, true);
  if (!OidIsValid(giver)) giver = relation_owner(definition->relation);  // the role is gone
  return has_privs_of_role(giver, ROLE_PG_READ_SERVER_FILES) ? caller : giver;
}

// Becomes the reader; an error's end of the (sub)transaction undoes it too.
struct ReadAs {
  Oid saved_user;
  int saved_context;
};

ReadAs read_as_begin(Oid reader) {
  ReadAs saved;
  GetUserIdAndSecContext(&saved.saved_user, &saved.saved_context);
  SetUserIdAndSecContext(reader, saved.saved_context | SECURITY_LOCAL_USERID_CHANGE);
  return saved;
}

void read_as_end(const ReadAs* saved) { SetUserIdAndSecContext(saved->saved_user, saved->saved_context); }

ByteSource* open_file(const char* path, const SourceOptions* options, void* argument) {
  ReadAs saved = read_as_begin(*static_cast<Oid*>(argument));
  ByteSource* source = byte_source_open_file(path, options->compression);
  read_as_end(&saved);
  return source;
}

struct Bytes {
  const char* data;
  Size size;
};

ByteSource* open_bytes(const char* name, const SourceOptions* options, void* argument) {
  auto* bytes = static_cast<Bytes*>(argument);
  return byte_source_open_bytes(name, bytes->data, bytes->size, options->compression);
}

ByteSource* open_large_object(const char* name, const SourceOptions* options, void* argument) {
  return byte_source_open_largeobject(name, *static_cast<Oid*>(argument), options->compression);
}

void check_privilege(const SourceDefinition* definition) {
  AclResult acl = pg_class_aclcheck(definition->relation, GetUserId(), ACL_INSERT);
  if (acl != ACLCHECK_OK)
    ereport(ERROR,
            (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for source \"%s\"", definition->source),
             errdetail("Loading needs INSERT on %s.", definition->label),
             errhint("GRANT INSERT ON %s TO %s, or dap.grant_access(%s, 'operator').", definition->label,
                     quote_identifier(GetUserNameFromId(GetUserId(), false)),
                     quote_literal_cstr(GetUserNameFromId(GetUserId(), false)))));
}

}  // namespace

void ingest_begin(const IngestRequest* request) {
  check_privilege(request->definition);
  load_lock(request->definition->source_id, psprintf("load into source \"%s\"", request->definition->source));
}

bool ingest_sets_aside(const IngestRequest* request) {
  return parse_options(request->definition->options, request->call_options, OptionScope::call)->set_aside;
}

List* ingest_path(const IngestRequest* request, const char* path) {
  Loading loading = begin_loading(request);
  Oid reader = file_reader(request->definition, path == nullptr);
  if (!path) path = request->definition->path;
  if (!path)
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source \"%s\" has no path", request->definition->source),
             errhint("Give a path, or define one with dap.create_source(..., or_replace => true).")));
  List* results = NIL;
  ListCell* cell;
  ReadAs saved = read_as_begin(reader);
  List* files = find_files(path);
  read_as_end(&saved);
  foreach (cell, files) {
    auto* file = static_cast<FoundFile*>(lfirst(cell));
    CHECK_FOR_INTERRUPTS();
    if (!pg_verifymbstr(file->path, static_cast<int>(std::strlen(file->path)), true))
      ereport(ERROR, (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
                      errmsg("a file's name below \"%s\" is not valid in the database's encoding", path)));
    results = lappend(results, process_alone(&loading, file->path, &file->identity, open_file, &reader));
  }
  return results;
}

ByteSource* ingest_open_again(const IngestRequest* request, const char* path, const SourceOptions* options) {
  Oid reader = file_reader(request->definition, true);
  return open_file(path, options, &reader);
}

FileResult* ingest_file_again(const IngestRequest* request, const char* path) {
  Oid reader = file_reader(request->definition, true);
  Loading loading = begin_loading(request);
  return process_alone(&loading, path, nullptr, open_file, &reader);
}

FileResult* ingest_content(const IngestRequest* request, const char* name, const char* data, Size size) {
  Bytes bytes = {data, size};
  Loading loading = begin_loading(request);
  return process_alone(&loading, name, nullptr, open_bytes, &bytes);
}

FileResult* ingest_large_object(const IngestRequest* request, const char* name, Oid object) {
  Loading loading = begin_loading(request);
  return process_alone(&loading, name, nullptr, open_large_object, &object);
}

}  // namespace dap
