// Loads files into a source: each content once, in the same transaction as its ledger line.
#pragma once

#include "bridge/pg.h"
#include "engine/reason/reason.h"
#include "pg/catalog/options.h"
#include "pg/catalog/source.h"
#include "pg/file/byte_source.h"

namespace dap {

enum class FileStatus : unsigned char { undecided, loaded, skipped, failed };
// As dap.ingest_result says it.
const char* file_status_text(FileStatus);

// A row of dap.ingest_result, and what a failed refresh keeps as evidence.
struct FileResult {
  int32 file_id;  // 0: none
  const char* path;
  FileStatus status;
  Reason why;          // what `reason` says in words
  const char* reason;  // NULL: none
  int64 rows_read;     // -1: unknown
  int64 rows_loaded;
  int64 rows_rejected;
  int64 bytes;
  int64 elapsed_us;
  bool recognised;        // by its path and identity: it was not read
  bool known;             // skipped only: these bytes were loaded under this name
  bool under_other_name;  // skipped or failed before only: the ledger's line, `file_id`, has another path
  bool told_before;       // skipped only: it was left out before for the same file's bytes
  // failed only
  bool failed_before;  // these bytes did, under this definition: the ledger has it
  int sqlerrcode;
  const char* place;  // "line 7, column \"amount\"" or NULL
  // jsonb text for dap_internal.record_failed_file; NULL: the ledger has this failure already, or it was no run's file
  // and was recorded at once
  const char* evidence;
};

struct IngestRequest {
  const SourceDefinition* definition;
  Jsonb* call_options;        // NULL: none
  int64 run_id;               // 0: not part of a run
  bool retry_failed = false;  // bytes that failed under the same definition are read again
};

// A call's request for a source, begun: options checked, the lock taken, the definition read under it. 55000 within a
// refresh or another load.
IngestRequest ingest_request(const char* source, Jsonb* call_options);
// Takes the source's lock until the end of the transaction, so that files of one source are loaded in one order.
// 40001 where the transaction's snapshot is older than the last load or the definition; 42501 without INSERT on the
// table.
void ingest_begin(const IngestRequest*);
// Each file that `path` (NULL: the definition's) means, in natural order. Failed files are rolled back and recorded;
// within a run they are not recorded: that is the caller's, and their evidence together keeps within a limit.
List* ingest_path(const IngestRequest*, const char* path);  // of FileResult*
// One file that the ledger names, by its exact path. The caller did not choose it: it is opened with the rights for the
// definition's own path.
FileResult* ingest_file_again(const IngestRequest*, const char* path);
ByteSource* ingest_open_again(const IngestRequest*, const char* path, const SourceOptions*);
FileResult* ingest_content(const IngestRequest*, const char* name, const char* data, Size size);
FileResult* ingest_large_object(const IngestRequest*, const char* name, Oid object);
// Does one file fail the caller's run? (option on_failed_file)
bool ingest_sets_aside(const IngestRequest*);
// Writes the ledger line and kept rejects of a run's failed file; sets file_id.
void ingest_record_failure(FileResult*);

}  // namespace dap
