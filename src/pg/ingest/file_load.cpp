// Reading one file and loading its records.
#include "pg/ingest/add_columns.h"
#include "pg/ingest/file_job.h"

#include "bridge/query.h"
#include "bridge/reason_text.h"
#include "bridge/run_as.h"
#include "bridge/subtransaction.h"
#include "pg/settings.h"

namespace dap {
namespace {

constexpr int batch_records = 1000;

void show_progress(const FileJob* job) {
  pgstat_progress_update_param(PROGRESS_COPY_BYTES_PROCESSED, byte_source_used(job->source));
}

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
  if (fault->reason != Reason::none) return false;
  byte_source_hash(job->source, job->hash, &job->bytes);
  job->hashed = true;
  job->result->bytes = job->bytes;
  return true;
}

// The hash of contents with a fault. Where they cannot be decompressed, the bytes as they are stand for them; where
// they changed while they were read, nothing does.
void drain_broken(FileJob* job) {
  const ContentFault* fault = byte_source_fault(job->source);
  if (fault->reason != Reason::none && !fault->changed) byte_source_rewind_undecoded(job->source);
  if (drain(job)) return;
  if (byte_source_fault(job->source)->changed) return;
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
  const char* column =
      reject->column >= 0 && reject->column < job->map->columns ? job->map->names[reject->column] : nullptr;
  if (job->options->stop_on_error && reject_store_count(job->rejects) > 0) return;  // the first is the end
  reject_store_add(job->rejects, reject, column);
  if (reject_store_count(job->rejects) > 1) return;
  job->first_line = reject->line;
  job->first_column = column;
  job->first_reason = reject->reason;
  job->first_message = pstrdup(reject->message);
}

// As decimals say it: 145 of 50,000 are 0.29 percent, although the nearest doubles say that they are more.
bool is_more_than(int64 part, int64 whole, double percent) {
  return static_cast<double>(part) * 100.0 > percent * static_cast<double>(whole) * (1 + 1e-12);
}

// Would the file fail if it ended with these counts?
bool past_limits(const SourceOptions* options, int64 rejects, int64 read) {
  return rejects > 0 && (rejects == read || (rejects > 10 && is_more_than(rejects, read, options->max_reject_percent)));
}

void fail_on_rejects(FileJob* job, Reason why, const char* message) {
  fail(job, why, ERRCODE_BAD_COPY_FILE_FORMAT, message, place_of(job->first_line, job->first_column));
}

// Fails the job as soon as the rejects say so; those that depend on the number of records wait for the end.
void check_rejects(FileJob* job, bool at_end) {
  int64 rejects = reject_store_count(job->rejects), read = job->result->rows_loaded + rejects;
  const SourceOptions* options = job->options;
  if (rejects == 0) return;
  bool too_many = options->max_rejects >= 0 && rejects > options->max_rejects;
  if (!at_end && !options->stop_on_error && !too_many) return;
  const char* first = job->first_message;
  if (options->stop_on_error) fail_on_rejects(job, job->first_reason, first);
  else if (too_many)
    fail_on_rejects(job, Reason::too_many_rejects,
                    reason_text(Reason::too_many_rejects, {number_text(options->max_rejects), first}));
  else if (rejects == read)
    fail_on_rejects(job, Reason::no_good_record, reason_text(Reason::no_good_record, {number_text(read), first}));
  else if (past_limits(options, rejects, read))
    fail_on_rejects(job, Reason::too_high_share,
                    reason_text(Reason::too_high_share, {number_text(rejects), number_text(read),
                                                         psprintf("%g", options->max_reject_percent), first}));
}

void add_batch(FileJob* job, const CsvBatch* batch) {
  const int* too_big;
  int too_big_count;
  // before the table may refuse them: the file's failure says how many were read
  job->result->rows_loaded += batch->records;
  table_writer_add(job->writer, batch, &too_big, &too_big_count);
  for (int i = 0, big = 0; i < batch->reject_count || big < too_big_count;) {  // in the file's order
    const CsvPlace* place = big < too_big_count ? &batch->places[too_big[big]] : nullptr;
    if (!place || (i < batch->reject_count && batch->rejects[i].offset < place->offset)) {
      add_reject(job, &batch->rejects[i++]);
      continue;
    }
    uint32 kept = place->raw_size > static_cast<uint32>(setting_max_reject_bytes)
                      ? static_cast<uint32>(setting_max_reject_bytes)
                      : place->raw_size;
    CsvReject reject = {
        place->line, place->offset,  -1, Reason::row_too_big, reason_words(Reason::row_too_big), place->raw,
        kept,        place->raw_size};
    add_reject(job, &reject);
    big++;
  }
  job->result->rows_loaded -= too_big_count;
  show_progress(job);
  pgstat_progress_update_param(PROGRESS_COPY_TUPLES_EXCLUDED, reject_store_count(job->rejects));
}

void fail_on_reader(FileJob* job) {
  if (const CsvFault* fault = csv_reader_fault(job->reader); fault->reason != Reason::none) fail_on_fault(job, fault);
  else check_rejects(job, true);
}

// Reads on to the end, writing nothing, and fails the job if its rejects do. Counts `batch`, which was read last, too.
void survey_rest(FileJob* job, const CsvBatch* batch) {
  CsvBatch next = *batch;
  do {
    CHECK_FOR_INTERRUPTS();
    job->result->rows_loaded += next.records;
    for (int i = 0; i < next.reject_count; i++) add_reject(job, &next.rejects[i]);
    show_progress(job);
    check_rejects(job, false);
  } while (!decided(job) && csv_reader_next(job->reader, batch_records, &next));
  if (!decided(job)) fail_on_reader(job);
}

// Reads all of the file, writing nothing.
void survey_all(FileJob* job) {
  CsvBatch first;
  if (csv_reader_next(job->reader, batch_records, &first)) survey_rest(job, &first);
  else fail_on_reader(job);
}

// Everything that was read is to be read again. The rejects' store stays the one that was opened outside the
// subtransaction, which it has to outlive.
void begin_again(FileJob* job) {
  csv_reader_close(job->reader);
  reject_store_clear(job->rejects);
  byte_source_rewind(job->source);
  job->result->rows_loaded = 0;
  job->reader = csv_reader_open(job->source, job->options);
  int count;
  // a fault of a header that has changed comes up again with the first record
  if (job->options->header) csv_reader_header(job->reader, &count);
  csv_reader_set_columns(job->reader, job->map->columns);
}

// Writes the records. A file that looks bad before the first pages are handed on to be written is read to its end
// first: if it fails, it leaves no dead rows. (Rows that no page holds are found by writing only: they do not count
// there.)
void write_records(FileJob* job) {
  bool surveyed = false;
  CsvBatch batch;
  while (!decided(job) && csv_reader_next(job->reader, batch_records, &batch)) {
    CHECK_FOR_INTERRUPTS();
    int64 rejects = reject_store_count(job->rejects) + batch.reject_count;
    if (!surveyed && past_limits(job->options, rejects, job->result->rows_loaded + batch.records + rejects) &&
        !table_writer_has_written(job->writer)) {
      surveyed = true;
      survey_rest(job, &batch);
      if (decided(job)) return;
      begin_again(job);
      table_writer_forget(job->writer);
      continue;
    }
    add_batch(job, &batch);
    check_rejects(job, false);
  }
  if (!decided(job)) fail_on_reader(job);
}

// Within the file's subtransaction: everything from the header on.
void load_records(FileJob* job, char** header, int header_count) {
  const SourceDefinition* definition = job->request->definition;
  RunAs owner = run_as_begin(relation_owner(definition->relation));
  job->map = map_columns(definition, job->options, header, header_count);
  if (job->map->fault.reason != Reason::none) {
    fail_on_fault(job, &job->map->fault);
    run_as_end(&owner);
    return;
  }
  csv_reader_set_columns(job->reader, job->map->columns);
  if (job->map->added_count > 0) {  // they stay in the table: not for a file that fails
    survey_all(job);
    if (decided(job)) {
      run_as_end(&owner);
      return;
    }
    begin_again(job);
    add_columns(job->map, job->request->definition);
  }
  Relation relation = table_open(definition->relation, RowExclusiveLock);
  check_runs_as_owner(relation);
  map_attributes(job->map, relation);
  job->writer = table_writer_open(relation, job->result->file_id, job->map->attributes, job->map->columns,
                                  byte_source_total(job->source));
  PG_TRY();
  { write_records(job); }
  PG_CATCH();
  {
    table_writer_discard(job->writer);
    PG_RE_THROW();
  }
  PG_END_TRY();
  if (decided(job)) table_writer_abandon(job->writer);
  else table_writer_finish(job->writer);
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

// An error that the table's own constraints, triggers or types raise is the file's. What no other file could have
// avoided is the statement's: a lost connection, a lock or deadlock, lack of resources, an object's state, an end that
// was asked for, broken definitions.
bool is_record_error(const FileJob* job, const ErrorData* error) {
  if (!job->writer || !table_writer_in_statement(job->writer)) return false;
  switch (ERRCODE_TO_CATEGORY(error->sqlerrcode)) {
    case ERRCODE_CONNECTION_EXCEPTION:
    case ERRCODE_FEATURE_NOT_SUPPORTED:
    case ERRCODE_INVALID_TRANSACTION_STATE:
    case ERRCODE_TRANSACTION_ROLLBACK:
    case ERRCODE_INSUFFICIENT_RESOURCES:
    case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
    case ERRCODE_OPERATOR_INTERVENTION:
    case ERRCODE_SYSTEM_ERROR:
    case ERRCODE_CONFIG_FILE_ERROR:
    case ERRCODE_FDW_ERROR:
    case ERRCODE_INTERNAL_ERROR: return false;
    case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION: return error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE;
    default: return true;
  }
}

void fail_on_error(FileJob* job, const ErrorData* error) {
  int64 first, last;
  table_writer_lines(job->writer, &first, &last);
  const char* lines = first == last ? psprintf("line " INT64_FORMAT, first)
                                    : psprintf("lines " INT64_FORMAT " to " INT64_FORMAT, first, last);
  if (int64 left_out = table_writer_left_out(job->writer); left_out > 0) {
    fail(job, Reason::left_out_record, error->sqlerrcode, reason_text(Reason::left_out_record, {number_text(left_out)}),
         lines);
    return;
  }
  const char* by = error->constraint_name ? psprintf("constraint \"%s\"", error->constraint_name)
                                          : "a constraint, trigger or rule of the table";
  fail(job, Reason::refused_record, error->sqlerrcode,
       reason_text(Reason::refused_record, {by, unpack_sql_state(error->sqlerrcode)}), lines);
}

void load_in_subtransaction(FileJob* job, char** header, int header_count) {
  ErrorData* error = in_subtransaction([=] {
    load_records(job, header, header_count);
    return job->result->status == FileStatus::loaded;
  });
  if (!error) return;
  if (!is_record_error(job, error)) ReThrowError(error);
  fail_on_error(job, error);
}

void begin_progress(const FileJob* job) {
  pgstat_progress_start_command(PROGRESS_COMMAND_COPY, job->request->definition->relation);
  pgstat_progress_update_param(PROGRESS_COPY_COMMAND, PROGRESS_COPY_COMMAND_FROM);
  pgstat_progress_update_param(PROGRESS_COPY_TYPE, PROGRESS_COPY_TYPE_FILE);
  pgstat_progress_update_param(PROGRESS_COPY_BYTES_TOTAL, byte_source_total(job->source));
}

}  // namespace

void read_and_load(FileJob* job) {
  begin_progress(job);
  // Where the ledger may know the bytes, hashing first is cheaper than loading in vain.
  if (!job->recalled_as_new &&
      ledger_has_size(job->ledger, job->request->definition->source_id, byte_source_total(job->source))) {
    if (drain(job) && !content_is_new(job)) {
      record_known(job);
      pgstat_progress_end_command();
      return;
    }
    job->hashed = false;
    byte_source_rewind(job->source);
  }
  job->result->file_id = next_file_id(job);
  job->rejects = reject_store_open();
  job->reader = csv_reader_open_file(job->source, job->options);
  int header_count = 0;
  char** header = job->options->header ? csv_reader_header(job->reader, &header_count) : nullptr;
  if (const CsvFault* fault = csv_reader_fault(job->reader); fault->reason != Reason::none) {
    fail_on_fault(job, fault);
  } else if (job->options->header && !header) {
    // Not one byte of a record: a file that is empty has lost nothing, and is new again as soon as it has bytes.
    job->map = static_cast<ColumnMap*>(palloc0(sizeof(ColumnMap)));
    job->result->why = Reason::empty_file;
    job->result->reason = reason_words(Reason::empty_file);
    if (drain(job) && content_is_new(job)) record_loaded(job);
    else if (!decided(job)) fail_on_content(job);
  } else {
    load_in_subtransaction(job, header, header_count);
  }
  csv_reader_close(job->reader);
  if (job->result->status == FileStatus::failed && !job->result->failed_before) {
    if (!job->hashed) drain_broken(job);
    build_evidence(job);
  }
  if (job->result->status == FileStatus::skipped) record_known(job);
  pgstat_progress_end_command();
  reject_store_close(job->rejects);
}

}  // namespace dap
