#include "pg/csv/csv_reader.h"

#include <algorithm>
#include <cstring>
#include <memory_resource>
#include <new>

#include "bridge/engine_call.h"
#include "bridge/reason_text.h"
#include "bridge/sentence.h"
#include "engine/csv/file_kind.h"
#include "engine/csv/scanner.h"
#include "pg/settings.h"

namespace dap {
namespace {

// As many names as the scanner takes, each as long as a column's may be. A header is kept in several forms: what is
// longer is none.
constexpr Size most_header_bytes = 65536 * NAMEDATALEN;
// From this size on a record is not held in more forms at once than needed.
constexpr Size long_record_bytes = 1024 * 1024;

// Everything of the engine that one reader holds. Its frames never call PostgreSQL.
struct Engine {
  csv::Scanner* scanner = nullptr;
  csv::Batch batch;
};

}  // namespace

struct CsvReader {
  MemoryContext context;        // of the reader
  MemoryContext batch_context;  // reset for each batch
  ByteSource* source;
  const SourceOptions* options;
  Engine engine;
  MemoryContextCallback release;
  char* chunk;
  Size chunk_bytes;
  bool finished;
  bool convert;   // the file's bytes are not in the database's encoding
  bool validate;  // and not validated by the scanner
  Oid conversion;
  int columns;
  char* header;  // its bytes
  Size header_size;
  CsvFault fault;
};

namespace {

void release_engine(void* argument) {
  auto* reader = static_cast<CsvReader*>(argument);
  delete reader->engine.scanner;
  reader->engine.scanner = nullptr;
}

void set_fault(CsvReader* reader, Reason reason, const char* message, int64 line, int64 offset) {
  reader->fault = {reason, MemoryContextStrdup(reader->context, message), line, offset};
}

// A fault of the source becomes the reader's. False if there is none.
bool take_source_fault(CsvReader* reader) {
  const ContentFault* fault = byte_source_fault(reader->source);
  if (fault->reason == Reason::none) return false;
  set_fault(reader, fault->reason, fault->message, 0, -1);
  return true;
}

// Feeds the scanner its next chunk. False when the source has a fault.
bool feed(CsvReader* reader) {
  CHECK_FOR_INTERRUPTS();
  Size size = reader->finished ? 0 : byte_source_read(reader->source, reader->chunk, reader->chunk_bytes);
  if (size == 0) {
    if (take_source_fault(reader)) return false;
    reader->finished = true;
    reader->engine.scanner->finish();
    return true;
  }
  EngineFault fault = try_engine([&] { reader->engine.scanner->feed(reader->chunk, size); });
  raise_engine_fault(fault, "the CSV scanner");
  return true;
}

void scanner_failed(CsvReader* reader) {
  csv::Scanner* scanner = reader->engine.scanner;
  Reason reason = scanner->file_error();
  if (reason == Reason::none) elog(ERROR, "CSV scanner failed without a reason");
  int64 line = static_cast<int64>(scanner->error_line());
  set_fault(reader, reason, reason_text(reason, {number_text(line)}), line,
            static_cast<int64>(scanner->error_offset()));
}

bool is_ascii(const char* data, Size size) {
  for (Size i = 0; i < size; i++)
    if (static_cast<unsigned char>(data[i]) >= 0x80) return false;
  return true;
}

// Of a field at a time; interrupts are looked at between them. A character that the end cuts is left for the next.
constexpr int most_converted_bytes = 256 * 1024;

// Validates and converts one field into the batch's memory; none: it is fine.
Reason convert_field(CsvReader* reader, const csv::Field& from, CsvField* to) {
  *to = {from.data, from.size, from.is_null};
  if (from.is_null || is_ascii(from.data, from.size)) return Reason::none;
  int size = static_cast<int>(from.size);
  if (reader->validate && pg_encoding_verifymbstr(reader->options->encoding, from.data, size) != size)
    return Reason::invalid_encoding;
  if (!reader->convert) return Reason::none;
  // Room for the worst, but for no more than a field may have; each round converts what is sure to fit.
  Size room = std::min(static_cast<Size>(size) * MAX_CONVERSION_GROWTH + 1,
                       static_cast<Size>(setting_max_field_bytes) + 64 * 1024);
  auto* converted = static_cast<unsigned char*>(MemoryContextAllocHuge(reader->batch_context, room));
  Size out = 0;
  for (int at = 0; at < size;) {
    CHECK_FOR_INTERRUPTS();
    if (out > static_cast<Size>(setting_max_field_bytes)) return Reason::converted_field_too_long;
    int used = pg_do_encoding_conversion_buf(reader->conversion, reader->options->encoding, GetDatabaseEncoding(),
                                             reinterpret_cast<unsigned char*>(const_cast<char*>(from.data)) + at,
                                             std::min(size - at, most_converted_bytes), converted + out,
                                             static_cast<int>(room - out), true);
    if (used == 0) return Reason::untranslatable_character;
    at += used;
    out += std::strlen(reinterpret_cast<char*>(converted) + out);
  }
  to->data = reinterpret_cast<char*>(converted);
  to->size = static_cast<uint32>(out);
  return Reason::none;
}

// Of the scanner's own rejects.
const char* reject_message(const CsvReader* reader, Reason reason, std::uint32_t fields) {
  switch (reason) {
    case Reason::header_field_count: return reason_text(reason, {number_text(fields)});
    case Reason::field_count: return reason_text(reason, {number_text(fields), number_text(reader->columns)});
    case Reason::field_too_long: return reason_text(reason, {number_text(setting_max_field_bytes)});
    case Reason::record_too_long: return reason_text(reason, {number_text(setting_max_record_bytes)});
    default: return reason_words(reason);
  }
}

void copy_rejects(CsvReader* reader, const csv::Batch& from, CsvReject* to) {
  for (size_t i = 0; i < from.rejects.size(); i++) {
    const csv::Reject& reject = from.rejects[i];
    to[i] = {static_cast<int64>(reject.line),
             static_cast<int64>(reject.offset),
             reject.column,
             reject.reason,
             reject_message(reader, reject.reason, reject.fields_found),
             reject.raw.data(),
             static_cast<uint32>(reject.raw.size()),
             static_cast<int64>(reject.raw_size)};
  }
}

// Merges two lists of rejects by place. Conversion's rejects are found after the scanner's, but belong between them.
int compare_rejects(const void* a, const void* b) {
  int64 left = static_cast<const CsvReject*>(a)->offset, right = static_cast<const CsvReject*>(b)->offset;
  return left < right ? -1 : left > right;
}

CsvPlace place_of(const csv::RecordPlace& record) {
  return {static_cast<int64>(record.line), static_cast<int64>(record.offset), record.raw, record.raw_size};
}

// A field or record may be within the limits as it is in the file and not in the database's encoding.
Reason too_long(const CsvField& field, Size* record_bytes) {
  *record_bytes += field.size;
  if (field.size > static_cast<Size>(setting_max_field_bytes)) return Reason::converted_field_too_long;
  if (*record_bytes > static_cast<Size>(setting_max_record_bytes)) return Reason::converted_record_too_long;
  return Reason::none;
}

// Of what conversion refuses.
const char* conversion_message(const CsvReader* reader, Reason reason) {
  switch (reason) {
    case Reason::invalid_encoding: return reason_text(reason, {pg_encoding_to_char(reader->options->encoding)});
    case Reason::converted_field_too_long: return reason_text(reason, {number_text(setting_max_field_bytes)});
    case Reason::converted_record_too_long: return reason_text(reason, {number_text(setting_max_record_bytes)});
    default: return reason_text(reason, {GetDatabaseEncodingName()});
  }
}

uint32 kept_of(const csv::RecordPlace& record) {
  uint32 most = static_cast<uint32>(setting_max_reject_bytes);
  return record.raw_size > most ? most : record.raw_size;
}

// A batch of one long record, converted: what it was read as is given back, but for what a reject would keep of it.
void keep_converted_only(CsvReader* reader, const csv::Batch& from, CsvPlace* place, CsvField* fields) {
  char* raw = static_cast<char*>(palloc(kept_of(from.records[0]) + 1));
  std::memcpy(raw, place->raw, kept_of(from.records[0]));
  place->raw = raw;
  for (size_t i = 0; i < from.fields.size(); i++) {
    if (fields[i].is_null || fields[i].data != from.fields[i].data) continue;
    char* copy = static_cast<char*>(MemoryContextAllocHuge(reader->batch_context, fields[i].size + 1));
    if (fields[i].size) std::memcpy(copy, fields[i].data, fields[i].size);
    fields[i].data = copy;
  }
  EngineFault fault = try_engine([reader] { reader->engine.scanner->release_record(); });
  raise_engine_fault(fault, "the CSV scanner");
}

bool is_long_record(const CsvPlace* places, size_t records) {
  return records == 1 && places[0].raw_size >= long_record_bytes;
}

void convert_batch(CsvReader* reader, const csv::Batch& from, CsvBatch* out) {
  MemoryContext old = MemoryContextSwitchTo(reader->batch_context);
  size_t records = from.records.size(), columns = static_cast<size_t>(reader->columns);
  auto* rejects = static_cast<CsvReject*>(palloc(sizeof(CsvReject) * (from.rejects.size() + records + 1)));
  int reject_count = static_cast<int>(from.rejects.size());
  copy_rejects(reader, from, rejects);
  auto* places = static_cast<CsvPlace*>(palloc(sizeof(CsvPlace) * (records + 1)));
  bool transcode = reader->convert || reader->validate;
  static_assert(sizeof(CsvField) == sizeof(csv::Field) && offsetof(CsvField, size) == offsetof(csv::Field, size) &&
                offsetof(CsvField, is_null) == offsetof(csv::Field, is_null));
  if (!transcode) {
    for (size_t i = 0; i < records; i++) places[i] = place_of(from.records[i]);
    *out = {
        reinterpret_cast<const CsvField*>(from.fields.data()), places, static_cast<int>(records), rejects, reject_count,
        is_long_record(places, records) ? reader : nullptr};
    MemoryContextSwitchTo(old);
    return;
  }
  auto* fields =
      static_cast<CsvField*>(MemoryContextAllocHuge(reader->batch_context, sizeof(CsvField) * (records * columns + 1)));
  int good = 0;
  for (size_t i = 0; i < records; i++) {
    const csv::RecordPlace& record = from.records[i];
    Reason reason = Reason::none;
    size_t column = 0;
    Size record_bytes = 0;
    for (; column < columns; column++) {
      CsvField* field = &fields[static_cast<size_t>(good) * columns + column];
      reason = convert_field(reader, from.fields[i * columns + column], field);
      if (reason == Reason::none) reason = too_long(*field, &record_bytes);
      if (reason != Reason::none) break;
    }
    if (reason != Reason::none) {
      int32 at = reason == Reason::converted_record_too_long ? -1 : static_cast<int32>(column);
      rejects[reject_count++] = {static_cast<int64>(record.line),
                                 static_cast<int64>(record.offset),
                                 at,
                                 reason,
                                 conversion_message(reader, reason),
                                 record.raw,
                                 kept_of(record),
                                 static_cast<int64>(record.raw_size)};
    } else {
      places[good++] = place_of(record);
    }
  }
  if (reject_count > static_cast<int>(from.rejects.size()))
    qsort(rejects, static_cast<size_t>(reject_count), sizeof(CsvReject), compare_rejects);
  if (good == 1 && is_long_record(places, records)) keep_converted_only(reader, from, places, fields);
  *out = {fields, places, good, rejects, reject_count, good == 1 && is_long_record(places, records) ? reader : nullptr};
  MemoryContextSwitchTo(old);
}

void create_scanner(CsvReader* reader) {
  const SourceOptions* options = reader->options;
  // Compared with the file's bytes, before they are converted.
  const char* null_text = options->null_text;
  if (reader->convert && !is_ascii(null_text, std::strlen(null_text)))
    null_text = pg_server_to_any(null_text, static_cast<int>(std::strlen(null_text)), options->encoding);
  EngineFault fault = try_engine([reader, options, null_text] {
    csv::Dialect dialect;
    dialect.delimiter = options->delimiter;
    dialect.quote = options->quote;
    dialect.escape = options->escape;
    dialect.lenient = options->lenient;
    dialect.null_text = null_text;
    dialect.validate_utf8 = options->encoding == PG_UTF8;
    csv::Limits limits;
    limits.field_bytes = static_cast<std::uint64_t>(setting_max_field_bytes);
    limits.record_bytes = static_cast<std::uint64_t>(setting_max_record_bytes);
    limits.reject_bytes = static_cast<std::uint64_t>(setting_max_reject_bytes);
    reader->engine.scanner = new csv::Scanner(dialect, limits, std::pmr::new_delete_resource());
  });
  raise_engine_fault(fault, "the CSV scanner");
}

// What is certainly no CSV is named rather than read.
void check_kind(CsvReader* reader) {
  char* head = static_cast<char*>(palloc(csv::file_kind_bytes));
  Reason kind = csv::file_kind(head, byte_source_read(reader->source, head, csv::file_kind_bytes));
  pfree(head);
  byte_source_rewind(reader->source);  // a fault that was met comes again when it is read
  if (kind != Reason::none) set_fault(reader, kind, reason_words(kind), 0, -1);
}

// Reads the next record as a header; false at the end or at a fault.
bool read_header(CsvReader* reader) {
  for (;;) {
    csv::Step step = csv::Step::failed;
    EngineFault engine_fault = try_engine([&] { step = reader->engine.scanner->read_header(reader->engine.batch); });
    raise_engine_fault(engine_fault, "the CSV scanner");
    if (step == csv::Step::end) return false;
    if (step == csv::Step::failed) {
      scanner_failed(reader);
      return false;
    }
    if (step == csv::Step::batch) return true;
    if (step == csv::Step::call_again) continue;  // does not happen with a header
    if (!feed(reader)) return false;
  }
}

}  // namespace

CsvReader* csv_reader_open(ByteSource* source, const SourceOptions* options) {
  auto* reader = static_cast<CsvReader*>(palloc0(sizeof(CsvReader)));
  reader->context = CurrentMemoryContext;
  reader->batch_context = AllocSetContextCreate(CurrentMemoryContext, "dap CSV batch", ALLOCSET_DEFAULT_SIZES);
  reader->source = source;
  reader->options = options;
  reader->chunk_bytes = byte_source_most(source, static_cast<Size>(setting_chunk_bytes));
  reader->chunk = static_cast<char*>(palloc(reader->chunk_bytes));
  int database = GetDatabaseEncoding();
  bool any = database == PG_SQL_ASCII || options->encoding == PG_SQL_ASCII;
  reader->convert = !any && options->encoding != database;
  reader->validate = options->encoding != PG_UTF8 && options->encoding != PG_SQL_ASCII;
  if (reader->convert) {
    reader->conversion = FindDefaultConversionProc(options->encoding, database);
    if (!OidIsValid(reader->conversion))
      ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                      errmsg("there is no conversion from encoding %s to %s", pg_encoding_to_char(options->encoding),
                             GetDatabaseEncodingName())));
  }
  reader->release.func = release_engine;
  reader->release.arg = reader;
  MemoryContextRegisterResetCallback(reader->context, &reader->release);
  create_scanner(reader);
  return reader;
}

CsvReader* csv_reader_open_file(ByteSource* source, const SourceOptions* options) {
  CsvReader* reader = csv_reader_open(source, options);
  if (GetDatabaseEncoding() == PG_SQL_ASCII)
    ereport(WARNING, (errmsg("the database's encoding is SQL_ASCII: bytes are stored as they come"),
                      errhint("Use a database with encoding UTF8.")));
  check_kind(reader);
  return reader;
}

int csv_reader_width(CsvReader* reader) {
  while (reader->fault.reason == Reason::none && read_header(reader))
    if (!reader->engine.batch.records.empty()) return static_cast<int>(reader->engine.batch.fields.size());
  return 0;
}

char** csv_reader_header(CsvReader* reader, int* count) {
  *count = 0;
  if (reader->fault.reason != Reason::none || !read_header(reader)) return nullptr;
  const csv::Batch& batch = reader->engine.batch;
  if (!batch.rejects.empty()) {
    const csv::Reject& reject = batch.rejects[0];
    Reason reason = reject.reason == Reason::field_count ? Reason::header_field_count : reject.reason;
    set_fault(reader, reason, psprintf("the header is broken: %s", reject_message(reader, reason, reject.fields_found)),
              static_cast<int64>(reject.line), static_cast<int64>(reject.offset));
    return nullptr;
  }
  if (batch.records[0].raw_size > most_header_bytes) {
    set_fault(reader, Reason::header_too_long,
              reason_text(Reason::header_too_long, {number_text(static_cast<int64>(most_header_bytes))}),
              static_cast<int64>(batch.records[0].line), static_cast<int64>(batch.records[0].offset));
    return nullptr;
  }
  reader->header_size = batch.records[0].raw_size;
  reader->header = static_cast<char*>(MemoryContextAllocHuge(reader->context, reader->header_size + 1));
  std::memcpy(reader->header, batch.records[0].raw, reader->header_size);
  int found = static_cast<int>(batch.fields.size());
  char** names =
      static_cast<char**>(MemoryContextAllocHuge(reader->context, sizeof(char*) * static_cast<Size>(found + 1)));
  for (int i = 0; i < found; i++) {
    CsvField field;
    if (convert_field(reader, batch.fields[static_cast<size_t>(i)], &field) != Reason::none) {
      set_fault(
          reader, Reason::header_encoding,
          reason_text(Reason::header_encoding, {number_text(i + 1), pg_encoding_to_char(reader->options->encoding)}), 1,
          0);
      return nullptr;
    }
    char* name = static_cast<char*>(MemoryContextAlloc(reader->context, field.size + 1));
    if (field.size) std::memcpy(name, field.data, field.size);
    name[field.size] = '\0';
    names[i] = name;
  }
  *count = found;
  return names;
}

const char* csv_reader_header_bytes(const CsvReader* reader, Size* size) {
  *size = reader->header_size;
  return reader->header;
}

void csv_reader_set_columns(CsvReader* reader, int columns) {
  reader->columns = columns;
  EngineFault fault = try_engine([&] { reader->engine.scanner->set_columns(static_cast<std::uint32_t>(columns)); });
  raise_engine_fault(fault, "the CSV scanner");
}

bool csv_reader_next(CsvReader* reader, int most, CsvBatch* out) {
  MemoryContextReset(reader->batch_context);
  if (reader->fault.reason != Reason::none) return false;
  for (;;) {
    csv::Step step = csv::Step::failed;
    EngineFault fault =
        try_engine([&] { step = reader->engine.scanner->next(reader->engine.batch, static_cast<size_t>(most)); });
    raise_engine_fault(fault, "the CSV scanner");
    switch (step) {
      case csv::Step::batch: convert_batch(reader, reader->engine.batch, out); return true;
      case csv::Step::need_input:
        if (!feed(reader)) return false;
        break;
      case csv::Step::call_again: CHECK_FOR_INTERRUPTS(); break;
      case csv::Step::end:
        byte_source_check_unchanged(reader->source);
        take_source_fault(reader);
        return false;
      case csv::Step::failed:
        // A file that is being written ends anywhere: that is the better explanation of an open quote.
        byte_source_check_unchanged(reader->source);
        if (!take_source_fault(reader)) scanner_failed(reader);
        return false;
    }
  }
}

bool csv_reader_had_bare(const CsvReader* reader) { return reader->engine.scanner->bare_records() > 0; }

void csv_batch_release(const CsvBatch* batch) {
  CsvReader* reader = batch->long_record;
  if (!reader) return;
  if (reader->convert || reader->validate)  // each value is by itself
    for (int i = 0; i < reader->columns; i++)
      if (!batch->fields[i].is_null) pfree(const_cast<char*>(batch->fields[i].data));
  EngineFault fault = try_engine([reader] { reader->engine.scanner->release_record(); });
  raise_engine_fault(fault, "the CSV scanner");
}

char* csv_fault_sentence(const CsvFault* fault) {
  return fault->line > 0 ? psprintf("Line " INT64_FORMAT ": %s.", fault->line, fault->message)
                         : sentence(fault->message);
}

const CsvFault* csv_reader_fault(const CsvReader* reader) { return &reader->fault; }

void csv_reader_close(CsvReader* reader) { release_engine(reader); }

}  // namespace dap
