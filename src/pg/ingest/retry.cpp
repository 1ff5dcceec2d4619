// dap.retry_rejects(file_id, options): what a file's records are under corrected options.
//
// A loaded file's rejects are read again from the ledger, each alone. That is exact as long as the records' ends cannot
// have moved, which delimiter, quote and escape decide, and "lenient" where a quote is out of place; where one of these
// is another now, the file itself is read again, and a record counts that starts where the reject did and is as long.
// Another "lenient" moves nothing as long as each reject ends by itself where it ended in the file. The header's names
// stay those that the load read: a correction is of records.
#include <cstring>

#include "bridge/compat/tuple_desc.h"
#include "bridge/query.h"
#include "bridge/run_as.h"
#include "pg/catalog/options.h"
#include "pg/csv/column_map.h"
#include "pg/csv/csv_reader.h"
#include "pg/file/byte_source.h"
#include "pg/ingest/add_columns.h"
#include "pg/ingest/ingest.h"
#include "pg/ledger/file_rows.h"
#include "pg/run/nesting.h"
#include "pg/run/redact.h"
#include "pg/table/table_writer.h"

namespace dap {
namespace {

// What the ledger says of a file: rejects of others are not retried.
enum class LedgerStatus : unsigned char { loaded, failed, other };

// The file's line in the ledger.
struct LedgerLine {
  int32 source_id;
  const char* source;
  const char* path;
  const char* status_text;
  LedgerStatus status;
  bytea* header;  // NULL: the file was read without one
  bool has_reading;
  const char* delimiter;
  const char* quote;
  const char* escape;
  const char* lenient;  // of a file that an earlier version loaded: NULL, as is
  const char* encoding;
  bytea* content_hash;
  int64 bytes;
  bool from_server;  // read at `path`; else a client gave the content and chose the name, which may look like any path
};

// What happened, as SQL sees it.
struct Outcome {
  int32 file_id;
  FileStatus status;
  const char* reason;  // NULL: none
  int64 retried;
  int64 loaded;
  int64 still_rejected;
};

struct Retry {
  int32 file_id;
  const LedgerLine* line;
  const IngestRequest* request;
  const SourceOptions* options;
  ColumnMap* map;
  MemoryContext context;  // of all that follows
  Relation relation;
  TableWriter* writer;       // NULL: no record was good so far
  Tuplestorestate* rejects;  // whole ones, in the file's order
  TupleTableSlot* slot;
  Tuplestorestate* outcomes;
  TupleDesc outcome_desc;
  MemoryContext record_context;
  bool lenient_differs;  // or may
  bool uncertain;        // a reject before this one does not end by itself where it ended in the file
  int64 retried;
  int64 loaded;
};

enum RejectColumn { reject_id, reject_line, reject_offset, reject_raw, reject_columns };
enum OutcomeColumn { outcome_id, outcome_loaded, outcome_column, outcome_reason, outcome_message, outcome_columns };

[[noreturn]] void raise_state(int32 file_id, const char* detail, const char* hint) {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("the rejects of file %d cannot be retried", file_id), errdetail("%s", detail),
                  hint ? errhint("%s", hint) : 0));
  pg_unreachable();
}

LedgerStatus status_of(const char* text) {
  if (std::strcmp(text, "loaded") == 0) return LedgerStatus::loaded;
  return std::strcmp(text, "failed") == 0 ? LedgerStatus::failed : LedgerStatus::other;
}

LedgerLine* find_line(int32 file_id) {
  Parameter parameter = int4_parameter(file_id);
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows(
      "SELECT l.source_id, l.source, l.path, l.status, pg_catalog.decode(l.reading->>'header', 'hex'), "
      "l.reading->>'delimiter', l.reading->>'quote', "
      "l.reading->>'escape', l.reading->>'lenient', l.reading->>'encoding', l.content_hash, l.bytes, l.modified_at IS "
      "NOT NULL AND l.path LIKE '/%' FROM dap_internal.file_ledger l WHERE l.file_id = $1",
      &parameter, 1, CurrentMemoryContext);
  run_as_end(&ledger);
  if (rows.rows == 0)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("file %d does not exist", file_id),
                    errhint("The files are the lines of dap.files.")));
  auto* line = static_cast<LedgerLine*>(palloc0(sizeof(LedgerLine)));
  auto text_of = [&rows](int column) {
    return rows.nulls[column] ? nullptr : TextDatumGetCString(rows.values[column]);
  };
  line->source_id = DatumGetInt32(rows.values[0]);
  line->source = text_of(1);
  line->path = text_of(2);
  line->status_text = text_of(3);
  line->status = status_of(line->status_text);
  line->header = rows.nulls[4] ? nullptr : DatumGetByteaPP(rows.values[4]);
  line->has_reading = !rows.nulls[5];
  line->delimiter = text_of(5);
  line->quote = text_of(6);
  line->escape = text_of(7);
  line->lenient = text_of(8);
  line->encoding = text_of(9);
  line->content_hash = rows.nulls[10] ? nullptr : DatumGetByteaPP(rows.values[10]);
  line->bytes = rows.nulls[11] ? 0 : DatumGetInt64(rows.values[11]);
  line->from_server = DatumGetBool(rows.values[12]);  // only a file has a time of modification
  return line;
}

// Could any record end elsewhere under these options than under those of the load? Without quotes every line is a
// record, as it was or as a part of one.
bool ends_can_move(const LedgerLine* line, const SourceOptions* options) {
  if (options->quote == '\0') return false;
  return options->delimiter != line->delimiter[0] || options->quote != line->quote[0] ||
         options->escape != line->escape[0];
}

// The file's rejects that the ledger holds whole; says how many it does not.
void collect_rejects(Retry* retry, int64* cut_off) {
  TupleDesc desc = CreateTemplateTupleDesc(reject_columns);
  TupleDescInitEntry(desc, reject_id + 1, "reject_id", INT8OID, -1, 0);
  TupleDescInitEntry(desc, reject_line + 1, "line", INT8OID, -1, 0);
  TupleDescInitEntry(desc, reject_offset + 1, "byte_offset", INT8OID, -1, 0);
  TupleDescInitEntry(desc, reject_raw + 1, "raw", BYTEAOID, -1, 0);
  retry->rejects = tuplestore_begin_heap(true, false, work_mem);
  retry->slot = MakeSingleTupleTableSlot(finished(desc), &TTSOpsMinimalTuple);
  Parameter parameter = int4_parameter(retry->file_id);
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows(
      "SELECT pg_catalog.count(*) FROM dap_internal.reject_ledger r WHERE r.file_id = $1 AND r.stage = 'ingest' "
      "AND (r.raw IS NULL OR r.raw_length IS DISTINCT FROM pg_catalog.length(r.raw))",
      &parameter, 1, CurrentMemoryContext);
  *cut_off = DatumGetInt64(rows.values[0]);
  run_statement(psprintf("SELECT r.reject_id, r.line, r.byte_offset, r.raw FROM dap_internal.reject_ledger r WHERE "
                         "r.file_id = %d AND r.stage = 'ingest' "
                         "AND r.raw_length = pg_catalog.length(r.raw) ORDER BY r.byte_offset",
                         retry->file_id),
                nullptr, 0, store_receiver(retry->rejects));
  run_as_end(&ledger);
}

void open_outcomes(Retry* retry) {
  TupleDesc desc = CreateTemplateTupleDesc(outcome_columns);
  TupleDescInitEntry(desc, outcome_id + 1, "reject_id", INT8OID, -1, 0);
  TupleDescInitEntry(desc, outcome_loaded + 1, "loaded", BOOLOID, -1, 0);
  TupleDescInitEntry(desc, outcome_column + 1, "column_name", TEXTOID, -1, 0);
  TupleDescInitEntry(desc, outcome_reason + 1, "reason", TEXTOID, -1, 0);
  TupleDescInitEntry(desc, outcome_message + 1, "message", TEXTOID, -1, 0);
  retry->outcome_desc = finished(desc);
  retry->outcomes = tuplestore_begin_heap(true, false, work_mem);
}

// Keeps what became of the reject in the slot. `why` NULL and not loaded: as before.
void put_outcome(Retry* retry, bool loaded, const CsvReject* why) {
  bool is_null;
  Datum values[outcome_columns] = {slot_getattr(retry->slot, reject_id + 1, &is_null), BoolGetDatum(loaded), 0, 0, 0};
  bool nulls[outcome_columns] = {false, false, true, true, true};
  if (why) {
    nulls[outcome_reason] = nulls[outcome_message] = false;
    values[outcome_reason] = CStringGetTextDatum(reason_code(why->reason));
    values[outcome_message] = CStringGetTextDatum(why->message);
    if (why->column >= 0 && why->column < retry->map->columns && retry->map->names[why->column]) {
      nulls[outcome_column] = false;
      values[outcome_column] = CStringGetTextDatum(retry->map->names[why->column]);
    }
  }
  tuplestore_putvalues(retry->outcomes, retry->outcome_desc, values, nulls);
  if (loaded) retry->loaded++;
}

// For the first record that is good: where none is, the table keeps its columns.
void open_writer(Retry* retry) {
  MemoryContext old = MemoryContextSwitchTo(retry->context);
  add_columns(retry->map, retry->request->definition);
  retry->relation = table_open(retry->request->definition->relation, RowExclusiveLock);
  check_runs_as_owner(retry->relation);
  map_attributes(retry->map, retry->relation);
  retry->writer = table_writer_open(retry->relation, retry->file_id, retry->map->attributes, retry->map->columns, 0);
  MemoryContextSwitchTo(old);
}

// A record that is good now goes to the table under the line that it came from.
void load_record(Retry* retry, const CsvField* fields, const CsvPlace* place) {
  if (!retry->writer) open_writer(retry);
  CsvBatch batch = {fields, place, 1, nullptr, 0};
  const int* too_big;
  int too_big_count;
  table_writer_add(retry->writer, &batch, &too_big, &too_big_count);
  CsvReject why = {
      place->line, place->offset, -1, Reason::row_too_big, reason_words(Reason::row_too_big), nullptr, 0, 0};
  put_outcome(retry, too_big_count == 0, too_big_count ? &why : nullptr);
}

CsvPlace slot_place(const Retry* retry, bytea** raw) {
  slot_getallattrs(retry->slot);
  const Datum* values = retry->slot->tts_values;
  *raw = DatumGetByteaPP(values[reject_raw]);
  return {DatumGetInt64(values[reject_line]), DatumGetInt64(values[reject_offset]), VARDATA_ANY(*raw),
          static_cast<uint32>(VARSIZE_ANY_EXHDR(*raw))};
}

// Opens a reader of these bytes as a line, behind another one if that is given.
CsvReader* open_line(const Retry* retry, const SourceOptions* options, const char* before, const char* data,
                     Size size) {
  Size before_size = before ? std::strlen(before) : 0;
  char* text = static_cast<char*>(MemoryContextAllocHuge(CurrentMemoryContext, before_size + size + 1));
  if (before) std::memcpy(text, before, before_size);
  std::memcpy(text + before_size, data, size);
  text[before_size + size] = '\n';
  return csv_reader_open(byte_source_open_bytes(retry->line->path, text, before_size + size + 1, Compression::plain),
                         options);
}

bool has_lone_cr(const CsvPlace* place) {
  for (Size i = 0; i < place->raw_size; i++)
    if (place->raw[i] == '\r' && (i + 1 == place->raw_size || place->raw[i + 1] != '\n')) return true;
  return false;
}

// Opens the record behind a line that stands for the header: nothing of it is then at a file's start, where byte order
// marks are dropped and line ends decided. Whether CR ended the file's lines nobody knows: if lenient one may, lest the
// record be taken for one where it could be several.
CsvReader* open_alone(const Retry* retry, const CsvPlace* place) {
  const char* candidate = "h\nx\ny\n0\n";
  while (*candidate == retry->options->delimiter || *candidate == retry->options->quote ||
         *candidate == retry->options->escape)
    candidate += 2;
  char* header = pnstrdup(candidate, 2);
  if (retry->options->lenient && has_lone_cr(place)) header[1] = '\r';
  CsvReader* reader = open_line(retry, retry->options, header, place->raw, place->raw_size);
  int count;
  csv_reader_header(reader, &count);
  csv_reader_set_columns(reader, retry->map->columns);
  return reader;
}

// What the reject in the slot is by itself.
struct Alone {
  CsvPlace place;
  CsvField* fields;  // NULL: it is not one good record
  CsvReject* why;    // NULL: it is not one reject
  bool complete;     // it is one record, good or bad, that ends where it ends
};

Alone read_alone(const Retry* retry) {
  bytea* raw;
  Alone alone = {slot_place(retry, &raw), nullptr, nullptr, false};
  CsvReader* reader = open_alone(retry, &alone.place);
  CsvBatch batch;
  int records = 0, rejects = 0;
  while (csv_reader_next(reader, 2, &batch)) {
    if (batch.records > 0 && !alone.fields && batch.places[0].raw_size == alone.place.raw_size) {
      Size columns = static_cast<Size>(retry->map->columns);
      alone.fields = static_cast<CsvField*>(palloc(sizeof(CsvField) * (columns + 1)));
      for (Size i = 0; i < columns; i++) {
        alone.fields[i] = batch.fields[i];
        alone.fields[i].data = alone.fields[i].size ? pnstrdup(alone.fields[i].data, alone.fields[i].size) : "";
      }
    }
    if (batch.reject_count > 0 && !alone.why) {
      alone.why = static_cast<CsvReject*>(palloc(sizeof(CsvReject)));
      *alone.why = batch.rejects[0];
      alone.why->message = pstrdup(alone.why->message);
    }
    records += batch.records;
    rejects += batch.reject_count;
  }
  // With another "lenient" it is not known whether a quote behind it closes what nothing in it closes
  bool whole =
      csv_reader_fault(reader)->reason == Reason::none && !(retry->lenient_differs && csv_reader_had_bare(reader));
  csv_reader_close(reader);
  if (!whole || records + rejects != 1) alone.fields = nullptr, alone.why = nullptr;
  alone.complete = alone.fields || (alone.why && alone.why->raw_length == alone.place.raw_size &&
                                    alone.why->reason != Reason::unterminated_quote);
  return alone;
}

// Does the reject count as the record that it is alone? With another "lenient" a line that is whole is a record in the
// file as well; what spans lines may be a part of a record that began before, and whether a CR in it ends lines the
// file alone tells.
bool counts_alone(const Retry* retry, const CsvPlace* place) {
  if (!retry->lenient_differs) return true;
  if (has_lone_cr(place)) return false;
  return !retry->uncertain || !std::memchr(place->raw, '\n', place->raw_size);
}

bool next_reject(Retry* retry) {
  CHECK_FOR_INTERRUPTS();
  return tuplestore_gettupleslot(retry->rejects, true, false, retry->slot);
}

void retry_each_alone(Retry* retry) {
  while (next_reject(retry)) {
    MemoryContext old = MemoryContextSwitchTo(retry->record_context);
    retry->retried++;
    Alone alone = read_alone(retry);
    if (alone.fields && counts_alone(retry, &alone.place)) load_record(retry, alone.fields, &alone.place);
    else put_outcome(retry, false, alone.why);
    retry->uncertain = retry->uncertain || !alone.complete;
    MemoryContextSwitchTo(old);
    MemoryContextReset(retry->record_context);
  }
}

// Does each reject end by itself where it ended in the file?
bool all_complete(Retry* retry) {
  bool all = !retry->uncertain;
  while (all && next_reject(retry)) {
    MemoryContext old = MemoryContextSwitchTo(retry->record_context);
    all = read_alone(retry).complete;
    MemoryContextSwitchTo(old);
    MemoryContextReset(retry->record_context);
  }
  tuplestore_rescan(retry->rejects);
  return all;
}

[[noreturn]] void raise_moved(const Retry* retry, const char* detail) {
  raise_state(retry->file_id,
              psprintf("Its records may end elsewhere, with another delimiter, quote, escape or \"lenient\" than it "
                       "was loaded with: the file itself has to be read again. %s",
                       detail),
              "Put the file back where it was, or keep delimiter, quote, escape and \"lenient\": those given to the "
              "call that loaded it have to be given again.");
}

// Walks the file under the new options and takes from it the records that the rejects are now.
void retry_in_file(Retry* retry, CsvReader* reader, ByteSource* source) {
  csv_reader_set_columns(reader, retry->map->columns);
  bool left = next_reject(retry);
  CsvBatch batch;
  while (csv_reader_next(reader, 1000, &batch)) {
    CHECK_FOR_INTERRUPTS();
    MemoryContext old = MemoryContextSwitchTo(retry->record_context);
    for (int i = 0, r = 0; left && (i < batch.records || r < batch.reject_count);) {
      bytea* raw;
      CsvPlace place = slot_place(retry, &raw);
      bool is_reject =
          i == batch.records || (r < batch.reject_count && batch.rejects[r].offset < batch.places[i].offset);
      int64 offset = is_reject ? batch.rejects[r].offset : batch.places[i].offset;
      if (offset < place.offset) {
        (is_reject ? r : i)++;
        continue;
      }
      retry->retried++;
      if (offset > place.offset) put_outcome(retry, false, nullptr);
      else if (is_reject) put_outcome(retry, false, &batch.rejects[r]);
      else if (batch.places[i].raw_size != place.raw_size) put_outcome(retry, false, nullptr);
      else load_record(retry, batch.fields + static_cast<Size>(i) * static_cast<Size>(retry->map->columns), &place);
      left = next_reject(retry);
    }
    MemoryContextSwitchTo(old);
    MemoryContextReset(retry->record_context);
  }
  if (const CsvFault* fault = csv_reader_fault(reader); fault->reason != Reason::none)
    raise_moved(retry, psprintf("That fails: %s.", fault->message));
  for (; left; left = next_reject(retry)) {
    MemoryContext old = MemoryContextSwitchTo(retry->record_context);
    retry->retried++;
    put_outcome(retry, false, nullptr);
    MemoryContextSwitchTo(old);
    MemoryContextReset(retry->record_context);
  }
  uint8 hash[16];
  int64 bytes;
  byte_source_hash(source, hash, &bytes);
  const bytea* known = retry->line->content_hash;
  if (!known || bytes != retry->line->bytes || VARSIZE_ANY_EXHDR(known) != 16 ||
      std::memcmp(VARDATA_ANY(known), hash, 16) != 0)
    raise_moved(retry, "It holds other bytes now.");
}

[[noreturn]] void raise_header(const Retry* retry, CsvReader* reader) {
  const CsvFault* fault = csv_reader_fault(reader);
  raise_state(retry->file_id,
              psprintf("Its header cannot be read under these options: %s.",
                       fault->reason != Reason::none ? fault->message : "it is empty"),
              nullptr);
}

// The columns that the header names, as it was read when the file was loaded.
void map_header(Retry* retry) {
  const LedgerLine* line = retry->line;
  char** header = nullptr;
  int count = 0;
  if (line->header) {
    auto* options = static_cast<SourceOptions*>(palloc(sizeof(SourceOptions)));
    *options = *retry->options;
    options->delimiter = line->delimiter[0];
    options->quote = line->quote[0];
    options->escape = line->escape[0];
    if (line->lenient) options->lenient = std::strcmp(line->lenient, "true") == 0;
    if (line->encoding) options->encoding = pg_char_to_encoding(line->encoding);
    CsvReader* reader = open_line(retry, options, nullptr, VARDATA_ANY(line->header), VARSIZE_ANY_EXHDR(line->header));
    header = csv_reader_header(reader, &count);
    if (!header) raise_header(retry, reader);
    csv_reader_close(reader);
  }
  retry->map = map_columns(retry->request->definition, retry->options, header, count);
  if (retry->map->fault.reason != Reason::none)
    raise_state(retry->file_id, psprintf("Its header does not fit the source: %s.", retry->map->fault.message),
                reason_hint(retry->map->fault.reason));
}

void load_good_ones(Retry* retry) {
  map_header(retry);
  bool in_file = ends_can_move(retry->line, retry->options);
  if (in_file && !retry->line->from_server) raise_moved(retry, "A client gave it.");
  if (!in_file && retry->lenient_differs && retry->line->from_server) in_file = !all_complete(retry);
  ByteSource* source = in_file ? ingest_open_again(retry->request, retry->line->path, retry->options) : nullptr;
  CsvReader* reader = in_file ? csv_reader_open_file(source, retry->options) : nullptr;
  RunAs owner = run_as_begin(relation_owner(retry->request->definition->relation));
  if (int count; in_file && retry->line->header && !csv_reader_header(reader, &count)) raise_header(retry, reader);
  if (in_file) retry_in_file(retry, reader, source);
  else retry_each_alone(retry);
  if (retry->writer) {
    table_writer_finish(retry->writer);
    table_close(retry->relation, NoLock);
  }
  run_as_end(&owner);
  if (in_file) {
    csv_reader_close(reader);
    byte_source_close(source);
  }
}

// A record that a constraint or trigger refuses ends the statement: without the record's values in the message.
void load_or_raise_redacted(Retry* retry) {
  MemoryContext context = CurrentMemoryContext;
  PG_TRY();
  { load_good_ones(retry); }
  PG_CATCH();
  {
    if (!retry->writer || !table_writer_in_statement(retry->writer)) PG_RE_THROW();
    MemoryContextSwitchTo(context);
    ErrorData* error = CopyErrorData();
    FlushErrorState();
    ReThrowError(redacted_copy(error, retry->request->definition->label));
  }
  PG_END_TRY();
}

void record_outcomes(Retry* retry) {
  RunAs ledger = run_as_begin(ledger_owner());
  NamedStore named = {"dap_outcomes", retry->outcome_desc, retry->outcomes, static_cast<double>(retry->retried)};
  if (retry->loaded > 0) {
    tuplestore_rescan(retry->outcomes);
    uint64 gone = run_statement(
        "DELETE FROM dap_internal.reject_ledger r USING dap_outcomes o WHERE r.reject_id = o.reject_id AND o.loaded",
        &named, 1);
    if (gone != static_cast<uint64>(retry->loaded))
      elog(ERROR, "the rejects of file %d changed while they were retried", retry->file_id);
    Parameter parameters[] = {
        int4_parameter(retry->file_id),
        int8_parameter(retry->loaded),
        {JSONBOID, PointerGetDatum(retry->request->call_options), retry->request->call_options == nullptr},
        text_parameter(blocks_text(table_writer_blocks(retry->writer)))};
    run_statement(
        "UPDATE dap_internal.file_ledger l SET rows_loaded = l.rows_loaded + $2, rows_rejected = l.rows_rejected - $2, "
        "options = l.options || coalesce($3, '{}'), blocks = l.blocks + $4::pg_catalog.int8multirange, change_id = "
        "pg_catalog.nextval('dap_internal.change_id_seq') "
        "WHERE l.file_id = $1",
        parameters, 4);
  }
  tuplestore_rescan(retry->outcomes);
  run_statement(
      "UPDATE dap_internal.reject_ledger r SET column_name = o.column_name, reason = o.reason, message = o.message "
      "FROM dap_outcomes o "
      "WHERE r.reject_id = o.reject_id AND o.reason IS NOT NULL "
      "AND (r.column_name, r.reason, r.message) IS DISTINCT FROM (o.column_name, o.reason, o.message)",
      &named, 1);
  run_as_end(&ledger);
}

Outcome retry_loaded(int32 file_id, const LedgerLine* line, const IngestRequest* request) {
  Retry retry = {};
  retry.file_id = file_id;
  retry.line = line;
  retry.request = request;
  SourceOptions* options = parse_options(request->definition->options, request->call_options, OptionScope::call);
  options->header = line->header != nullptr;
  retry.options = options;
  retry.context = CurrentMemoryContext;
  retry.record_context = AllocSetContextCreate(CurrentMemoryContext, "dap retried record", ALLOCSET_DEFAULT_SIZES);
  int64 cut_off;
  collect_rejects(&retry, &cut_off);
  // Without quotes nothing is lenient
  retry.lenient_differs =
      options->quote && (!line->lenient || (std::strcmp(line->lenient, "true") == 0) != options->lenient);
  retry.uncertain = cut_off > 0;
  open_outcomes(&retry);
  if (tuplestore_tuple_count(retry.rejects) > 0) {
    if (!line->has_reading) raise_state(file_id, "The ledger does not say how it was read.", nullptr);
    load_or_raise_redacted(&retry);
    record_outcomes(&retry);
  }
  if (cut_off > 0)
    ereport(NOTICE, (errmsg(INT64_FORMAT
                            " rejected records of file %d are longer than what is kept of them and were not retried",
                            cut_off, file_id),
                     errhint("What is kept is set by dap.max_reject_bytes when a file is loaded.")));
  ExecDropSingleTupleTableSlot(retry.slot);
  tuplestore_end(retry.rejects);
  tuplestore_end(retry.outcomes);
  MemoryContextDelete(retry.record_context);
  return {file_id, FileStatus::loaded, nullptr, retry.retried, retry.loaded, retry.retried - retry.loaded + cut_off};
}

Outcome retry_failed(int32 file_id, const LedgerLine* line, IngestRequest* request) {
  if (!line->from_server)
    raise_state(file_id, "None of its records is loaded, and it is no file of the server: a client gave its content.",
                "Give it again, with dap.ingest_bytes() or dap.ingest_largeobject().");
  request->retry_failed = true;
  FileResult* file = ingest_file_again(request, line->path);
  const char* reason = file->reason && file->place ? psprintf("%s: %s", file->place, file->reason) : file->reason;
  return {file->file_id, file->status, reason, file->rows_read, file->rows_loaded, file->rows_read - file->rows_loaded};
}

Outcome retry_file(int32 file_id, Jsonb* call_options) {
  LedgerLine* line = find_line(file_id);
  IngestRequest request = ingest_request(line->source, call_options);
  line = find_line(file_id);  // the lock was waited for
  if (line->status == LedgerStatus::other)
    raise_state(file_id, psprintf("The file is %s.", line->status_text), nullptr);
  if (request.definition->source_id != line->source_id)
    raise_state(file_id, psprintf("Source \"%s\" was dropped and made anew since.", line->source), nullptr);
  Outcome outcome = {};
  as_work("a load", [&] {
    outcome = line->status == LedgerStatus::loaded ? retry_loaded(file_id, line, &request)
                                                   : retry_failed(file_id, line, &request);
  });
  return outcome;
}

}  // namespace
}  // namespace dap

DAP_FUNCTION(dap_retry_rejects) {
  if (PG_ARGISNULL(0)) ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("file_id must not be NULL")));
  TupleDesc desc;
  if (get_call_result_type(fcinfo, nullptr, &desc) != TYPEFUNC_COMPOSITE)
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("function returning record called in context that cannot accept type record")));
  dap::Outcome outcome = dap::retry_file(PG_GETARG_INT32(0), PG_ARGISNULL(1) ? nullptr : PG_GETARG_JSONB_P(1));
  Datum values[6] = {Int32GetDatum(outcome.file_id),
                     Int64GetDatum(outcome.retried),
                     Int64GetDatum(outcome.loaded),
                     Int64GetDatum(outcome.still_rejected),
                     CStringGetTextDatum(dap::file_status_text(outcome.status)),
                     outcome.reason ? CStringGetTextDatum(outcome.reason) : static_cast<Datum>(0)};
  bool nulls[6] = {outcome.file_id == 0, false, false, false, false, outcome.reason == nullptr};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

// dap_internal.reject_text(raw bytea): the bytes as text where they are one, for people; else NULL.
DAP_FUNCTION(dap_reject_text) {
  bytea* raw = PG_GETARG_BYTEA_PP(0);
  if (!pg_verifymbstr(VARDATA_ANY(raw), static_cast<int>(VARSIZE_ANY_EXHDR(raw)), true)) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text_with_len(VARDATA_ANY(raw), static_cast<int>(VARSIZE_ANY_EXHDR(raw))));
}
