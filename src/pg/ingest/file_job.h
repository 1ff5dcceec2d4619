// One file on its way in: what the parts of ingest (the call, the load, the ledger) share.
#pragma once

#include "bridge/pg.h"
#include "pg/catalog/options.h"
#include "pg/csv/column_map.h"
#include "pg/csv/csv_reader.h"
#include "pg/file/byte_source.h"
#include "pg/ingest/ingest.h"
#include "pg/ledger/ledger_lookup.h"
#include "pg/ledger/reject_store.h"
#include "pg/table/table_writer.h"

namespace dap {

// One file on its way in. Allocated in a context of its own; `result` in the request's.
struct FileJob {
  const IngestRequest* request;
  const SourceOptions* options;
  const Ledger* ledger;
  const char* definition_hash;  // of definition and call options
  const char* path;
  ByteSource* source;
  CsvReader* reader;
  ColumnMap* map;
  RejectStore* rejects;
  TableWriter* writer;
  FileResult* result;
  Size* evidence_room;  // what the rejects of failed files may still take
  TimestampTz started;
  int64 read_ns;
  uint8 hash[16];
  int64 bytes;
  bool hashed;
  bool recalled_as_new;  // by the file's identity: its bytes are known, and are to be loaded
  bool has_failures;     // the ledger has lines of failed attempts at this name or content
  int64 first_line;      // of the first reject, for `place`
  const char* first_column;
  Reason first_reason;
  const char* first_message;
};

// Decide the job's result; `place` as in FileResult.
void fail(FileJob*, Reason, int sqlerrcode, const char* message, const char* place);
void skip(FileJob*, Reason, const char* message, int32 file_id);
inline bool decided(const FileJob* job) { return job->result->status != FileStatus::undecided; }

// file_load.cpp
// Reads the file and loads it, or finds why not.
void read_and_load(FileJob*);

// file_ledger.cpp
// The definition under which bytes fail: the source's and the call's.
const char* effective_definition_hash(const IngestRequest*);
// Asks the ledger about the job's content: true if it is to be loaded. `renewed` is set where the name held other bytes
// before.
bool content_is_new(FileJob*, bool* renewed = nullptr);
int32 next_file_id(const FileJob*);
// The ledger line and rejects of the loaded file, within its subtransaction; decides the job.
void record_loaded(FileJob*);
// What is kept of a failed file, unless its bytes turn out to be known: then the job becomes skipped.
void build_evidence(FileJob*);
// Keeps what bytes the path holds, and under which other name they are known.
void record_known(FileJob*);

}  // namespace dap
