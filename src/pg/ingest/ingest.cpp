#include "pg/ingest/ingest.h"

#include <cstring>
#include <ctime>

#include "bridge/query.h"
#include "bridge/run_as.h"
#include "pg/file/byte_source.h"
#include "pg/ingest/column_map.h"
#include "pg/ingest/csv_reader.h"
#include "pg/ingest/options.h"
#include "pg/ingest/reject_store.h"
#include "pg/ingest/table_writer.h"
#include "pg/settings.h"

extern "C" {
#include "common/hashfn.h"
#include "utils/json.h"
}

namespace dap {
namespace {

constexpr int batch_records = 1000;

// One file on its way in. Allocated in a context of its own; `result` in the request's.
struct FileJob {
  const IngestRequest* request;
  const SourceOptions* options;
  const char* definition_hash;  // of definition and call options
  const char* path;
  ByteSource* source;
  CsvReader* reader;
  ColumnMap* map;
  RejectStore* rejects;
  TableWriter* writer;
  FileResult* result;
  TimestampTz started;
  int64 read_ns;
  uint8 hash[16];
  int64 bytes;
  bool hashed;
  bool statement_failed;
  int64 first_line;  // of the first reject, for `place`
  const char* first_column;
  const char* first_reason;
};

int64 now_ns() {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<int64>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

char* hash_hex(const FileJob* job) {
  char* text = static_cast<char*>(palloc(33));
  text[hex_encode(reinterpret_cast<const char*>(job->hash), 16, text)] = '\0';
  return text;
}

char* call_options_text(const IngestRequest* request) {
  return request->call_options ? JsonbToCString(nullptr, &request->call_options->root, static_cast<int>(VARSIZE(request->call_options))) : pstrdup("{}");
}

// The definition under which bytes fail: the source's and the call's.
const char* effective_hash(const IngestRequest* request) {
  if (!request->call_options || JB_ROOT_COUNT(request->call_options) == 0) return request->definition->definition_hash;
  const char* call = call_options_text(request);
  return psprintf("%s-%08x", request->definition->definition_hash, hash_bytes(reinterpret_cast<const unsigned char*>(call), static_cast<int>(std::strlen(call))));
}

void fail(FileJob* job, const char* code, int sqlerrcode, const char* message, const char* place) {
  FileResult* result = job->result;
  result->status = "failed";
  result->code = pstrdup(code);
  result->sqlerrcode = sqlerrcode;
  result->reason = pstrdup(message);
  result->place = place ? pstrdup(place) : nullptr;
}

void skip(FileJob* job, const char* reason, int32 file_id) {
  job->result->status = "skipped";
  job->result->place = nullptr;
  job->result->reason = pstrdup(reason);
  job->result->file_id = file_id;
}

bool decided(const FileJob* job) { return job->result->status != nullptr; }

// Asks the ledger about the job's content: true if it is to be loaded. `renewed` is set where the name held other bytes before.
bool content_is_new(FileJob* job, bool* renewed = nullptr) {
  auto* hash = static_cast<bytea*>(palloc(VARHDRSZ + 16));
  SET_VARSIZE(hash, VARHDRSZ + 16);
  std::memcpy(VARDATA(hash), job->hash, 16);
  Parameter parameters[] = {int4_parameter(job->request->definition->source_id), text_parameter(job->path), {BYTEAOID, PointerGetDatum(hash), false},
                            int8_parameter(job->bytes), text_parameter(job->definition_hash)};
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows("SELECT d.verdict, d.file_id, d.reason, d.renewed FROM dap._decide_content($1, $2, $3, $4, $5) AS d", parameters, 5, CurrentMemoryContext);
  run_as_end(&ledger);
  const char* verdict = TextDatumGetCString(rows.values[0]);
  int32 file_id = rows.nulls[1] ? 0 : DatumGetInt32(rows.values[1]);
  const char* reason = rows.nulls[2] ? "" : TextDatumGetCString(rows.values[2]);
  job->result->bytes = job->bytes;
  bool load = std::strcmp(verdict, "load") == 0 || (job->request->retry_failed && std::strcmp(verdict, "failed") == 0);
  if (job->options->again || load) {
    if (renewed) *renewed = !rows.nulls[3] && DatumGetBool(rows.values[3]);
    return true;
  }
  if (std::strcmp(verdict, "skip") == 0) {
    skip(job, reason, file_id);
  } else {
    job->result->file_id = file_id;
    fail(job, "failed_before", ERRCODE_BAD_COPY_FILE_FORMAT, reason, nullptr);
  }
  return false;
}

// Does a ledger line tell what this file holds without reading it?
bool recognise(FileJob* job) {
  const FileIdentity* identity = byte_source_identity(job->source);
  if (identity->inode == 0 && identity->device == 0) return false;
  Parameter parameters[] = {int4_parameter(job->request->definition->source_id), text_parameter(job->path), int8_parameter(identity->device),
                            int8_parameter(identity->inode), int8_parameter(identity->size), int8_parameter(identity->mtime_ns), int8_parameter(identity->ctime_ns)};
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows("SELECT i.content_hash, i.bytes FROM dap.file_identity i WHERE i.source_id = $1 AND i.path = $2 AND i.device = $3 AND i.inode = $4 "
                               "AND i.size = $5 AND i.mtime_ns = $6 AND i.ctime_ns = $7 AND i.read_ns - greatest(i.mtime_ns, i.ctime_ns) > 2000000000",
                               parameters, 7, CurrentMemoryContext);
  run_as_end(&ledger);
  if (rows.rows == 0) return false;
  std::memcpy(job->hash, VARDATA_ANY(DatumGetByteaPP(rows.values[0])), 16);
  job->bytes = DatumGetInt64(rows.values[1]);
  return true;
}

// Could the ledger know these bytes already? Then hashing first is cheaper than loading in vain.
bool may_be_known(FileJob* job) {
  Parameter parameters[] = {int4_parameter(job->request->definition->source_id), int8_parameter(byte_source_total(job->source))};
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows("SELECT EXISTS (SELECT 1 FROM dap.file_ledger l WHERE l.source_id = $1 AND l.bytes = $2) "
                               "OR EXISTS (SELECT 1 FROM dap.file_identity i WHERE i.source_id = $1 AND i.size = $2)", parameters, 2, CurrentMemoryContext);
  run_as_end(&ledger);
  return DatumGetBool(rows.values[0]);
}

void show_progress(const FileJob* job) { pgstat_progress_update_param(PROGRESS_COPY_BYTES_PROCESSED, byte_source_used(job->source)); }

// Reads what is left of the source for the hash. False if the contents have a fault: their hash says nothing.
bool drain(FileJob* job) {
  Size room = 256 * 1024;
  char* buffer = static_cast<char*>(palloc(room));
  while (byte_source_read(job->source, buffer, room) > 0) {
    CHECK_FOR_INTERRUPTS();
    show_progress(job);
  }
  pfree(buffer);
  byte_source_check_unchanged(job->source);
  const ContentFault* fault = byte_source_fault(job->source);
  if (fault && fault->reason) return false;
  byte_source_hash(job->source, job->hash, &job->bytes);
  job->hashed = true;
  job->result->bytes = job->bytes;
  return true;
}

// The hash of contents with a fault. Where they cannot be decompressed, the bytes as they are stand for them; where they changed while
// they were read, nothing does.
void drain_broken(FileJob* job) {
  const ContentFault* fault = byte_source_fault(job->source);
  if (fault && fault->reason && std::strcmp(fault->reason, "changed_while_read") != 0) byte_source_rewind_undecoded(job->source);
  if (drain(job)) return;
  fault = byte_source_fault(job->source);
  if (std::strcmp(fault->reason, "changed_while_read") == 0) return;
  byte_source_rewind_undecoded(job->source);
  drain(job);
}

const char* place_of(int64 line, const char* column) {
  if (line <= 0) return nullptr;
  return column ? psprintf("line " INT64_FORMAT ", column \"%s\"", line, column) : psprintf("line " INT64_FORMAT, line);
}

void fail_on_fault(FileJob* job, const CsvFault* fault) {
  fail(job, fault->reason, ERRCODE_BAD_COPY_FILE_FORMAT, fault->message, place_of(fault->line, nullptr));
}

void fail_on_content(FileJob* job) {
  const ContentFault* content = byte_source_fault(job->source);
  CsvFault fault = {content->reason, content->message, 0, -1};
  fail_on_fault(job, &fault);
}

void add_reject(FileJob* job, const CsvReject* reject) {
  const char* column = reject->column >= 0 && reject->column < job->map->columns ? job->map->names[reject->column] : nullptr;
  if (job->options->stop_on_error && reject_store_count(job->rejects) > 0) return;  // the first is the end
  reject_store_add(job->rejects, reject, column);
  if (reject_store_count(job->rejects) > 1) return;
  job->first_line = reject->line;
  job->first_column = column;
  job->first_reason = pstrdup(reject->message);
}

// Fails the job as soon as the rejects say so; those that depend on the number of records wait for the end.
void check_rejects(FileJob* job, bool at_end) {
  int64 rejects = reject_store_count(job->rejects), read = job->result->rows_loaded + rejects;
  const SourceOptions* options = job->options;
  if (rejects == 0) return;
  bool too_many = options->max_rejects >= 0 && rejects > options->max_rejects;
  if (!at_end && !options->stop_on_error && !too_many) return;
  const char* place = place_of(job->first_line, job->first_column);
  if (options->stop_on_error)
    fail(job, "bad_record", ERRCODE_BAD_COPY_FILE_FORMAT, job->first_reason, place);
  else if (too_many)
    fail(job, "too_many_rejects", ERRCODE_BAD_COPY_FILE_FORMAT, psprintf("more than " INT64_FORMAT " records rejected; the first: %s", options->max_rejects, job->first_reason), place);
  else if (rejects == read)
    fail(job, "no_good_record", ERRCODE_BAD_COPY_FILE_FORMAT, psprintf("none of " INT64_FORMAT " records is good; the first: %s", read, job->first_reason), place);
  else if (rejects > 10 && static_cast<double>(rejects) * 100.0 > options->max_reject_percent * static_cast<double>(read))
    fail(job, "too_many_rejects", ERRCODE_BAD_COPY_FILE_FORMAT,
         psprintf(INT64_FORMAT " of " INT64_FORMAT " records rejected, more than %g percent; the first: %s", rejects, read, options->max_reject_percent, job->first_reason), place);
}

void add_batch(FileJob* job, const CsvBatch* batch) {
  const int* too_big;
  int too_big_count;
  job->result->rows_loaded += batch->records;  // before the table may refuse them: the file's failure says how many were read
  table_writer_add(job->writer, batch, &too_big, &too_big_count);
  for (int i = 0, big = 0; i < batch->reject_count || big < too_big_count;) {  // in the file's order
    const CsvPlace* place = big < too_big_count ? &batch->places[too_big[big]] : nullptr;
    if (!place || (i < batch->reject_count && batch->rejects[i].offset < place->offset)) {
      add_reject(job, &batch->rejects[i++]);
      continue;
    }
    uint32 kept = place->raw_size > static_cast<uint32>(setting_max_reject_bytes) ? static_cast<uint32>(setting_max_reject_bytes) : place->raw_size;
    CsvReject reject = {place->line, place->offset, -1, "row_too_big", "no page can hold the row", place->raw, kept, place->raw_size};
    add_reject(job, &reject);
    big++;
  }
  job->result->rows_loaded -= too_big_count;
  show_progress(job);
  pgstat_progress_update_param(PROGRESS_COPY_TUPLES_EXCLUDED, reject_store_count(job->rejects));
}

void record_loaded(FileJob* job);

// Within the file's subtransaction: everything from the header on.
void load_records(FileJob* job, char** header, int header_count) {
  const SourceDefinition* definition = job->request->definition;
  RunAs owner = run_as_begin(relation_owner(definition->relation));
  job->map = map_columns(definition, job->options, header, header_count);
  if (job->map->fault.reason) {
    fail_on_fault(job, &job->map->fault);
    run_as_end(&owner);
    return;
  }
  add_columns(job->map, definition);
  Relation relation = table_open(definition->relation, RowExclusiveLock);
  map_attributes(job->map, relation);
  job->writer = table_writer_open(relation, job->result->file_id, job->map->attributes, job->map->columns, byte_source_total(job->source));
  csv_reader_set_columns(job->reader, job->map->columns);
  CsvBatch batch;
  while (!decided(job) && csv_reader_next(job->reader, batch_records, &batch)) {
    CHECK_FOR_INTERRUPTS();
    add_batch(job, &batch);
    check_rejects(job, false);
  }
  if (!decided(job)) {
    if (const CsvFault* fault = csv_reader_fault(job->reader); fault->reason) fail_on_fault(job, fault);
    else check_rejects(job, true);
  }
  if (!decided(job)) table_writer_finish(job->writer);
  table_close(relation, NoLock);
  run_as_end(&owner);
  if (decided(job)) return;
  byte_source_hash(job->source, job->hash, &job->bytes);
  job->hashed = true;
  bool renewed = false;
  if (!content_is_new(job, &renewed)) return;
  if (renewed) ereport(NOTICE, (errmsg("\"%s\" holds other bytes than before: loaded as a new file", job->path)));
  record_loaded(job);
}

void append_identity(StringInfo out, const FileJob* job) {
  const FileIdentity* identity = byte_source_identity(job->source);
  if (!job->hashed || (identity->inode == 0 && identity->device == 0)) return;
  appendStringInfo(out, ",\"identity\":{\"device\":" INT64_FORMAT ",\"inode\":" INT64_FORMAT ",\"size\":" INT64_FORMAT ",\"mtime_ns\":" INT64_FORMAT
                        ",\"ctime_ns\":" INT64_FORMAT ",\"read_ns\":" INT64_FORMAT "}",
                   identity->device, identity->inode, identity->size, identity->mtime_ns, identity->ctime_ns, job->read_ns);
}

void append_text(StringInfo out, const char* name, const char* value) {
  appendStringInfo(out, ",\"%s\":", name);
  if (value) escape_json(out, value);
  else appendStringInfoString(out, "null");
}

// The ledger line as JSON, open at the end.
void append_line(StringInfo out, const FileJob* job) {
  const FileResult* result = job->result;
  const SourceDefinition* definition = job->request->definition;
  appendStringInfo(out, "{\"file_id\":%d,\"source_id\":%d", result->file_id, definition->source_id);
  append_text(out, "source", definition->source);
  append_text(out, "path", job->path);
  append_text(out, "reason", result->place ? psprintf("%s: %s", result->place, result->reason) : result->reason);
  append_text(out, "content_hash", job->hashed ? hash_hex(job) : nullptr);
  append_text(out, "definition_hash", job->definition_hash);
  append_text(out, "loaded_by", GetUserNameFromId(GetUserId(), false));
  appendStringInfo(out, ",\"options\":%s", call_options_text(job->request));
  if (job->hashed) appendStringInfo(out, ",\"bytes\":" INT64_FORMAT, job->bytes);
  int64 mtime = byte_source_identity(job->source)->mtime_ns;
  if (mtime) appendStringInfo(out, ",\"modified_s\":" INT64_FORMAT ".%06d", mtime / 1000000000, static_cast<int>(mtime % 1000000000 / 1000));
  if (result->rows_read >= 0)
    appendStringInfo(out, ",\"rows_read\":" INT64_FORMAT ",\"rows_loaded\":" INT64_FORMAT ",\"rows_rejected\":" INT64_FORMAT, result->rows_read,
                     result->rows_loaded, result->rows_rejected);
  if (job->request->run_id) appendStringInfo(out, ",\"run_id\":" INT64_FORMAT, job->request->run_id);
  if (job->map && job->map->ignored_count) {
    appendStringInfoString(out, ",\"ignored_columns\":[");
    for (int i = 0; i < job->map->ignored_count; i++) {
      if (i) appendStringInfoChar(out, ',');
      escape_json(out, job->map->ignored[i]);
    }
    appendStringInfoChar(out, ']');
  }
  append_identity(out, job);
}

// What it takes to read one of the file's rejects again: the header's bytes, and what decides where records end.
void append_reading(StringInfo out, const FileJob* job) {
  Size size;
  const char* header = csv_reader_header_bytes(job->reader, &size);
  appendStringInfoString(out, ",\"reading\":{\"header\":");
  if (header) {
    char* hex = static_cast<char*>(MemoryContextAllocHuge(CurrentMemoryContext, size * 2 + 1));
    hex[hex_encode(header, size, hex)] = '\0';
    appendStringInfo(out, "\"%s\"", hex);
  } else {
    appendStringInfoString(out, "null");
  }
  const SourceOptions* options = job->options;
  append_text(out, "delimiter", pnstrdup(&options->delimiter, 1));
  append_text(out, "quote", pnstrdup(&options->quote, 1));
  append_text(out, "escape", pnstrdup(&options->escape, 1));
  appendStringInfoChar(out, '}');
}

void record_loaded(FileJob* job) {
  FileResult* result = job->result;
  result->rows_rejected = reject_store_count(job->rejects);
  result->rows_read = result->rows_loaded + result->rows_rejected;
  StringInfoData line;
  initStringInfo(&line);
  append_line(&line, job);
  if (result->rows_rejected > 0) append_reading(&line, job);
  appendStringInfoChar(&line, '}');
  Parameter parameter = text_parameter(line.data);
  RunAs ledger = run_as_begin(ledger_owner());
  run_statement("SELECT dap._record_loaded_file($1::pg_catalog.jsonb)", &parameter, 1);
  reject_store_record(job->rejects, result->file_id, job->request->definition->source_id, job->request->run_id);
  run_as_end(&ledger);
  result->status = "loaded";
}

// Bytes that are live or dismissed are skipped, although under this name, compression or definition they fail.
bool known_to_skip(FileJob* job) {
  FileResult failed = *job->result;
  if (content_is_new(job) || std::strcmp(job->result->status, "skipped") != 0) {
    *job->result = failed;
    return false;
  }
  return true;
}

void build_evidence(FileJob* job) {
  FileResult* result = job->result;
  if (std::strcmp(result->code, "failed_before") == 0) return;
  if (!job->hashed) drain_broken(job);
  if (job->hashed && !job->options->again && known_to_skip(job)) return;
  result->rows_rejected = job->rejects ? reject_store_count(job->rejects) : 0;
  result->rows_read = result->rows_loaded + result->rows_rejected;
  result->rows_loaded = 0;
  StringInfoData line;
  initStringInfo(&line);
  append_line(&line, job);
  appendStringInfoString(&line, ",\"rejects\":");
  if (job->rejects) reject_store_json(job->rejects, &line);
  else appendStringInfoString(&line, "[]");
  appendStringInfoChar(&line, '}');
  result->evidence = line.data;
}

void remember_identity(FileJob* job) {
  StringInfoData line;
  initStringInfo(&line);
  appendStringInfo(&line, "{\"source_id\":%d", job->request->definition->source_id);
  append_text(&line, "path", job->path);
  append_text(&line, "content_hash", hash_hex(job));
  appendStringInfo(&line, ",\"bytes\":" INT64_FORMAT, job->bytes);
  append_identity(&line, job);
  appendStringInfoChar(&line, '}');
  Parameter parameter = text_parameter(line.data);
  RunAs ledger = run_as_begin(ledger_owner());
  run_statement("SELECT dap._remember_identity($1::pg_catalog.jsonb)", &parameter, 1);
  run_as_end(&ledger);
}

// An error that the table's own constraints, triggers or types raise is the file's. What no other file could have avoided is the statement's:
// a lost connection, a lock or deadlock, lack of resources, an end that was asked for, broken definitions.
bool is_record_error(const FileJob* job, const ErrorData* error) {
  if (!job->writer || !table_writer_in_statement(job->writer)) return false;
  if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE) return false;
  switch (ERRCODE_TO_CATEGORY(error->sqlerrcode)) {
    case ERRCODE_CONNECTION_EXCEPTION:
    case ERRCODE_FEATURE_NOT_SUPPORTED:
    case ERRCODE_INVALID_TRANSACTION_STATE:
    case ERRCODE_TRANSACTION_ROLLBACK:
    case ERRCODE_INSUFFICIENT_RESOURCES:
    case ERRCODE_OPERATOR_INTERVENTION:
    case ERRCODE_SYSTEM_ERROR:
    case ERRCODE_CONFIG_FILE_ERROR:
    case ERRCODE_FDW_ERROR:
    case ERRCODE_INTERNAL_ERROR:
      return false;
    case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
      return error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE;
    default:
      return true;
  }
}

void fail_on_error(FileJob* job, const ErrorData* error) {
  int64 first, last;
  table_writer_lines(job->writer, &first, &last);
  const char* lines = first == last ? psprintf("line " INT64_FORMAT, first) : psprintf("lines " INT64_FORMAT " to " INT64_FORMAT, first, last);
  if (int64 left_out = table_writer_left_out(job->writer); left_out > 0) {
    fail(job, "left_out_by_table", error->sqlerrcode, psprintf("a trigger or rule of the table left out " INT64_FORMAT " records without an error", left_out), lines);
    return;
  }
  const char* by = error->constraint_name ? psprintf("constraint \"%s\"", error->constraint_name) : "a constraint, trigger or rule of the table";
  fail(job, "refused_by_table", error->sqlerrcode, psprintf("%s refused a record (SQLSTATE %s)", by, unpack_sql_state(error->sqlerrcode)), lines);
}

void load_in_subtransaction(FileJob* job, char** header, int header_count) {
  MemoryContext context = CurrentMemoryContext;
  ResourceOwner resources = CurrentResourceOwner;
  BeginInternalSubTransaction(nullptr);
  MemoryContextSwitchTo(context);
  PG_TRY();
  {
    load_records(job, header, header_count);
    if (std::strcmp(job->result->status, "loaded") == 0) ReleaseCurrentSubTransaction();
    else RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = resources;
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    ErrorData* error = CopyErrorData();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = resources;
    if (!is_record_error(job, error)) ReThrowError(error);
    fail_on_error(job, error);
  }
  PG_END_TRY();
}

int32 next_file_id() {
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows("SELECT pg_catalog.nextval('dap.file_id_seq')::pg_catalog.int4", nullptr, 0, CurrentMemoryContext);
  run_as_end(&ledger);
  return DatumGetInt32(rows.values[0]);
}

void begin_progress(const FileJob* job) {
  pgstat_progress_start_command(PROGRESS_COMMAND_COPY, job->request->definition->relation);
  pgstat_progress_update_param(PROGRESS_COPY_COMMAND, PROGRESS_COPY_COMMAND_FROM);
  pgstat_progress_update_param(PROGRESS_COPY_TYPE, PROGRESS_COPY_TYPE_FILE);
  pgstat_progress_update_param(PROGRESS_COPY_BYTES_TOTAL, byte_source_total(job->source));
}

void read_and_load(FileJob* job) {
  begin_progress(job);
  if (may_be_known(job)) {
    if (drain(job) && !content_is_new(job)) {
      remember_identity(job);
      pgstat_progress_end_command();
      return;
    }
    job->hashed = false;
    byte_source_rewind(job->source);
  }
  job->result->file_id = next_file_id();
  job->rejects = reject_store_open();
  job->reader = csv_reader_open(job->source, job->options);
  int header_count = 0;
  char** header = job->options->header ? csv_reader_header(job->reader, &header_count) : nullptr;
  if (const CsvFault* fault = csv_reader_fault(job->reader); fault->reason) {
    fail_on_fault(job, fault);
  } else if (job->options->header && !header) {
    // Not one byte of a record: a file that is empty has lost nothing, and is new again as soon as it has bytes.
    job->map = static_cast<ColumnMap*>(palloc0(sizeof(ColumnMap)));
    job->result->reason = "the file is empty";
    if (drain(job) && content_is_new(job)) record_loaded(job);
    else if (!decided(job)) fail_on_content(job);
  } else {
    load_in_subtransaction(job, header, header_count);
  }
  csv_reader_close(job->reader);
  if (std::strcmp(job->result->status, "failed") == 0) build_evidence(job);
  if (std::strcmp(job->result->status, "skipped") == 0) remember_identity(job);
  pgstat_progress_end_command();
  reject_store_close(job->rejects);
}

bool settles(const FileJob* job) {
  int64 mtime = byte_source_identity(job->source)->mtime_ns;
  return job->options->settle_us > 0 && mtime > 0 && job->read_ns - mtime < job->options->settle_us * 1000;
}

FileResult* process(const IngestRequest* request, const SourceOptions* options, const char* path, ByteSource* source) {
  auto* result = static_cast<FileResult*>(palloc0(sizeof(FileResult)));
  result->path = pstrdup(path);
  result->rows_read = -1;
  auto* job = static_cast<FileJob*>(palloc0(sizeof(FileJob)));
  job->request = request;
  job->options = options;
  job->definition_hash = effective_hash(request);
  job->path = result->path;
  job->source = source;
  job->result = result;
  job->started = GetCurrentTimestamp();
  job->read_ns = now_ns();
  if (settles(job)) skip(job, "changed too recently, left for the next run (option settle)", 0);
  else if (!(result->recognised = recognise(job)) || content_is_new(job)) read_and_load(job);
  byte_source_close(source);
  result->elapsed_us = GetCurrentTimestamp() - job->started;
  if (std::strcmp(result->status, "skipped") == 0 || result->rows_read < 0) result->rows_read = result->rows_loaded = result->rows_rejected = 0;
  return result;
}

// More would not fit the ledger's index.
constexpr Size most_path_bytes = 2000;

void check_path_length(const char* path) {
  if (path[0] == '\0') ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a file must have a name")));
  if (std::strlen(path) > most_path_bytes)
    ereport(ERROR, (errcode(ERRCODE_NAME_TOO_LONG), errmsg("the name of a file is longer than %d bytes", static_cast<int>(most_path_bytes)),
                    errdetail("It begins \"%.*s\".", pg_mbcliplen(path, static_cast<int>(std::strlen(path)), 100), path)));
}

// Runs `process` with memory of its own, of which only the result stays.
FileResult* process_alone(const IngestRequest* request, const SourceOptions* options, const char* path, ByteSource* (*open)(const char*, const SourceOptions*, void*),
                          void* argument) {
  check_path_length(path);
  MemoryContext caller = CurrentMemoryContext;
  MemoryContext context = AllocSetContextCreate(caller, "dap file", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(context);
  ByteSource* source = open(path, options, argument);
  FileResult* in_context = process(request, options, path, source);
  MemoryContextSwitchTo(caller);
  auto* result = static_cast<FileResult*>(palloc(sizeof(FileResult)));
  *result = *in_context;
  auto keep = [](const char* text) { return text ? pstrdup(text) : nullptr; };
  result->path = keep(result->path);
  result->status = keep(result->status);
  result->reason = keep(result->reason);
  result->code = keep(result->code);
  result->place = keep(result->place);
  result->evidence = keep(result->evidence);
  MemoryContextDelete(context);
  return result;
}

ByteSource* open_file(const char* path, const SourceOptions* options, void*) { return byte_source_open_file(path, options->compression); }

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
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for source \"%s\"", definition->source),
                    errdetail("Loading needs INSERT on %s.", definition->label),
                    errhint("GRANT INSERT ON %s TO %s, or dap.grant_access(%s, 'operator').", definition->label,
                            quote_identifier(GetUserNameFromId(GetUserId(), false)), quote_literal_cstr(GetUserNameFromId(GetUserId(), false)))));
}

int64 newest_change(int32 source_id) {
  Parameter parameter = int4_parameter(source_id);
  ResultRows rows = query_rows("SELECT coalesce(max(l.change_id), 0) FROM dap.file_ledger l WHERE l.source_id = $1", &parameter, 1, CurrentMemoryContext);
  return DatumGetInt64(rows.values[0]);
}

// In REPEATABLE READ and above this transaction cannot see what others loaded since its snapshot: loading might then load twice.
void check_snapshot(int32 source_id) {
  if (!IsolationUsesXactSnapshot()) return;
  RunAs ledger = run_as_begin(ledger_owner());
  int64 seen = newest_change(source_id);
  SPI_connect();
  Oid type = INT4OID;
  SPIPlanPtr plan = SPI_prepare("SELECT coalesce(max(l.change_id), 0) FROM dap.file_ledger l WHERE l.source_id = $1", 1, &type);
  Datum value = Int32GetDatum(source_id);
  SPI_execute_snapshot(plan, &value, " ", GetLatestSnapshot(), InvalidSnapshot, true, false, 1);
  bool is_null;
  int64 newest = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
  SPI_finish();
  run_as_end(&ledger);
  if (newest > seen)
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE), errmsg("could not serialize access: files were loaded into the source by a concurrent transaction"),
                    errhint("Try again in a new transaction.")));
}

}  // namespace

void ingest_begin(const IngestRequest* request) {
  check_privilege(request->definition);
  LockDatabaseObject(dap_relation("source_definition"), static_cast<Oid>(request->definition->source_id), 0, ExclusiveLock);
  check_snapshot(request->definition->source_id);
}

bool ingest_sets_aside(const IngestRequest* request) {
  return parse_options(request->definition->options, request->call_options, OptionScope::call)->set_aside;
}

List* ingest_path(const IngestRequest* request, const char* path) {
  const SourceOptions* options = parse_options(request->definition->options, request->call_options, OptionScope::call);
  if (!path) path = request->definition->path;
  if (!path)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source \"%s\" has no path", request->definition->source),
                    errhint("Give a path, or define one with dap.create_source(..., or_replace => true).")));
  List* results = NIL;
  ListCell* cell;
  List* files = find_files(path);
  foreach (cell, files) {
    auto* file = static_cast<FoundFile*>(lfirst(cell));
    CHECK_FOR_INTERRUPTS();
    if (!pg_verifymbstr(file->path, static_cast<int>(std::strlen(file->path)), true))
      ereport(ERROR, (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE), errmsg("a file's name below \"%s\" is not valid in the database's encoding", path)));
    results = lappend(results, process_alone(request, options, file->path, open_file, nullptr));
  }
  return results;
}

FileResult* ingest_file(const IngestRequest* request, const char* path) {
  return process_alone(request, parse_options(request->definition->options, request->call_options, OptionScope::call), path, open_file, nullptr);
}

FileResult* ingest_content(const IngestRequest* request, const char* name, const char* data, Size size) {
  Bytes bytes = {data, size};
  return process_alone(request, parse_options(request->definition->options, request->call_options, OptionScope::call), name, open_bytes, &bytes);
}

FileResult* ingest_large_object(const IngestRequest* request, const char* name, Oid object) {
  return process_alone(request, parse_options(request->definition->options, request->call_options, OptionScope::call), name, open_large_object, &object);
}

void ingest_record_failure(FileResult* result) {
  if (!result->evidence) return;
  Parameter parameter = text_parameter(result->evidence);
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows("SELECT dap._record_failed_file($1::pg_catalog.jsonb)", &parameter, 1, CurrentMemoryContext);
  run_as_end(&ledger);
  result->file_id = DatumGetInt32(rows.values[0]);
}

}  // namespace dap
