// A file's bytes as batches of records in the database's encoding: joins the byte source and the scanner.
#pragma once

#include <cstdint>

#include "bridge/pg.h"
#include "engine/reason/reason.h"
#include "pg/catalog/options.h"
#include "pg/file/byte_source.h"

namespace dap {

struct CsvField {
  const char* data;  // not terminated
  uint32 size;
  bool is_null;
};

struct CsvPlace {
  int64 line;
  int64 offset;
  // the record as it came, without its line end; of a long one at least the first dap.max_reject_bytes
  const char* raw;
  uint32 raw_size;
};

struct CsvReject {
  int64 line;
  int64 offset;
  int32 column;  // 0-based field, -1: the whole record
  Reason reason;
  const char* message;  // names counts and places, never a value
  const char* raw;
  uint32 raw_size;
  int64 raw_length;
};

struct CsvReader;  // lives in the memory context current at opening; the engine's memory is freed with that context

// Valid until the next call.
struct CsvBatch {
  const CsvField* fields;  // row-major
  const CsvPlace* places;
  int records;
  const CsvReject* rejects;
  int reject_count;
  CsvReader* long_record = nullptr;  // whose batch it is, if it is one long record: for csv_batch_release
};

// What ended a file before its time. No contents in it.
struct CsvFault {
  Reason reason;
  const char* message;
  int64 line;    // 0: unknown
  int64 offset;  // -1: unknown
};

// Reads from the source's beginning, whatever the bytes are.
CsvReader* csv_reader_open(ByteSource*, const SourceOptions*);
// The same where a file is read for the first time: one that is certainly something else, such as an archive or UTF-16,
// has a fault from the start, and a database without an encoding is worth a WARNING.
CsvReader* csv_reader_open_file(ByteSource*, const SourceOptions*);
// The header's names in the database's encoding, as they stand; *count 0 and NULL for a file without any record. A
// fault of the header sets the reader's fault.
char** csv_reader_header(CsvReader*, int* count);
// The header's bytes as they came, without line end; NULL before csv_reader_header has found one.
const char* csv_reader_header_bytes(const CsvReader*, Size* size);
// The number of fields of the first record that has no fault, 0 if there is none; of what was read before it no other
// call tells.
int csv_reader_width(CsvReader*);
// The number of fields a record must have; call before csv_reader_next.
void csv_reader_set_columns(CsvReader*, int columns);
// The next batch of at most `most` records; false at the end or at a fault.
bool csv_reader_next(CsvReader*, int most, CsvBatch*);
// Was there a record with fields that stand as they are, since no quote of their line closes them? In another place
// they may be another record's.
bool csv_reader_had_bare(const CsvReader*);
// Gives back the memory of a batch of one long record as soon as its values were copied: they and its bytes are gone
// then. Other batches stay.
void csv_batch_release(const CsvBatch*);
const CsvFault* csv_reader_fault(const CsvReader*);
// A fault's place and message as an error's DETAIL.
char* csv_fault_sentence(const CsvFault*);
// Frees the engine's memory now rather than with the context.
void csv_reader_close(CsvReader*);

}  // namespace dap
