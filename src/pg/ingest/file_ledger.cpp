// What the ledger knows of files, and what it is told.
#include <cstring>

#include "pg/ingest/file_job.h"
#include "pg/ledger/file_rows.h"

#include "bridge/query.h"
#include "bridge/run_as.h"
#include "pg/settings.h"

extern "C" {
#include "common/hashfn.h"
#include "utils/json.h"
}

namespace dap {
namespace {

char* hash_hex(const FileJob* job) {
  char* text = static_cast<char*>(palloc(33));
  text[hex_encode(reinterpret_cast<const char*>(job->hash), 16, text)] = '\0';
  return text;
}

char* call_options_text(const IngestRequest* request) {
  return request->call_options
             ? JsonbToCString(nullptr, &request->call_options->root, static_cast<int>(VARSIZE(request->call_options)))
             : pstrdup("{}");
}

void append_identity(StringInfo out, const FileJob* job) {
  if (!job->hashed) return;  // not read: the ledger has it
  const FileIdentity* identity = byte_source_identity(job->source);
  if (identity->inode == 0 && identity->device == 0) return;
  appendStringInfo(out,
                   ",\"identity\":{\"device\":" INT64_FORMAT ",\"inode\":" INT64_FORMAT ",\"size\":" INT64_FORMAT
                   ",\"mtime_ns\":" INT64_FORMAT ",\"ctime_ns\":" INT64_FORMAT ",\"read_ns\":" INT64_FORMAT "}",
                   identity->device, identity->inode, identity->size, identity->mtime_ns, identity->ctime_ns,
                   job->read_ns);
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
  int64 mtime_us = mtime / 1000 - (mtime % 1000 < 0);  // times before 1970 are negative
  if (mtime) appendStringInfo(out, ",\"modified_s\":%.6f", static_cast<double>(mtime_us) / 1e6);
  if (result->rows_read >= 0)
    appendStringInfo(out,
                     ",\"rows_read\":" INT64_FORMAT ",\"rows_loaded\":" INT64_FORMAT ",\"rows_rejected\":" INT64_FORMAT,
                     result->rows_read, result->rows_loaded, result->rows_rejected);
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

// What it takes to read one of the file's rejects again: the header's bytes and encoding, and what decides where
// records end.
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
  append_text(out, "encoding", pg_encoding_to_char(options->encoding));
  appendStringInfo(out, ",\"lenient\":%s}", options->lenient ? "true" : "false");
}

}  // namespace

const char* effective_definition_hash(const IngestRequest* request) {
  if (!request->call_options || JB_ROOT_COUNT(request->call_options) == 0) return request->definition->definition_hash;
  const char* call = call_options_text(request);
  return psprintf("%s-%08x", request->definition->definition_hash,
                  hash_bytes(reinterpret_cast<const unsigned char*>(call), static_cast<int>(std::strlen(call))));
}

bool content_is_new(FileJob* job, bool* renewed) {
  Content content = {job->request->definition->source_id, job->path, job->hash, job->bytes, job->definition_hash};
  Decision decision = ledger_decide(job->ledger, &content);
  FileResult* result = job->result;
  result->bytes = job->bytes;
  job->has_failures = decision.has_failures;
  bool load = decision.verdict == Verdict::load || (job->request->retry_failed && decision.verdict == Verdict::failed);
  if (job->options->again || load) {
    if (renewed) *renewed = decision.renewed;
    return true;
  }
  result->under_other_name = decision.under_other_name;
  if (decision.verdict == Verdict::failed) {
    result->file_id = decision.file_id;
    fail(job, decision.why, ERRCODE_BAD_COPY_FILE_FORMAT, decision.reason, nullptr);
    result->failed_before = true;
  } else {
    skip(job, decision.why, decision.reason, decision.file_id);
    result->known = decision.verdict == Verdict::known;
  }
  return false;
}

int32 next_file_id(const FileJob* job) { return static_cast<int32>(nextval_internal(job->ledger->file_ids, false)); }

void record_loaded(FileJob* job) {
  FileResult* result = job->result;
  result->rows_rejected = reject_store_count(job->rejects);
  result->rows_read = result->rows_loaded + result->rows_rejected;
  StringInfoData line;
  initStringInfo(&line);
  append_line(&line, job);
  if (result->rows_rejected > 0) append_reading(&line, job);
  if (job->has_failures) appendStringInfoString(&line, ",\"has_failures\":true");
  if (job->writer) append_text(&line, "blocks", blocks_text(table_writer_blocks(job->writer)));
  appendStringInfoChar(&line, '}');
  Parameter parameter = text_parameter(line.data);
  RunAs ledger = run_as_begin(ledger_owner());
  run_statement("SELECT dap_internal.record_loaded_file($1::pg_catalog.jsonb)", &parameter, 1);
  reject_store_record(job->rejects, result->file_id, job->request->definition->source_id, job->request->run_id, -1);
  run_as_end(&ledger);
  result->status = FileStatus::loaded;
}

// Bytes that are live or dismissed are skipped, although under this name, compression or definition they fail.
static bool known_to_skip(FileJob* job) {
  FileResult failed = *job->result;
  if (content_is_new(job) || job->result->status != FileStatus::skipped) {
    *job->result = failed;
    return false;
  }
  return true;
}

void build_evidence(FileJob* job) {
  FileResult* result = job->result;
  if (job->hashed && !job->options->again && known_to_skip(job)) return;
  result->rows_rejected = job->rejects ? reject_store_count(job->rejects) : 0;
  result->rows_read = result->rows_loaded + result->rows_rejected;
  result->rows_loaded = 0;
  StringInfoData line;
  initStringInfo(&line);
  append_line(&line, job);
  if (job->request->run_id == 0) {  // nothing will be rolled back: the rejects need not travel
    appendStringInfoChar(&line, '}');
    result->evidence = line.data;
    ingest_record_failure(result);
    result->evidence = nullptr;
    RunAs ledger = run_as_begin(ledger_owner());
    if (job->rejects)
      reject_store_record(job->rejects, result->file_id, job->request->definition->source_id, 0,
                          setting_max_kept_rejects);
    run_as_end(&ledger);
    return;
  }
  appendStringInfoString(&line, ",\"rejects\":");
  if (job->rejects) reject_store_json(job->rejects, &line, job->evidence_room);
  else appendStringInfoString(&line, "[]");
  appendStringInfoChar(&line, '}');
  result->evidence = line.data;
}

void record_known(FileJob* job) {
  StringInfoData line;
  initStringInfo(&line);
  appendStringInfo(&line, "{\"source_id\":%d", job->request->definition->source_id);
  append_text(&line, "path", job->path);
  append_text(&line, "content_hash", hash_hex(job));
  appendStringInfo(&line, ",\"bytes\":" INT64_FORMAT, job->bytes);
  append_identity(&line, job);
  if (job->result->status == FileStatus::skipped && job->result->under_other_name) {
    appendStringInfo(&line, ",\"file_id\":%d", job->result->file_id);
    append_text(&line, "skipped_by", GetUserNameFromId(GetUserId(), false));
    if (job->request->run_id) appendStringInfo(&line, ",\"run_id\":" INT64_FORMAT, job->request->run_id);
  }
  appendStringInfoChar(&line, '}');
  Parameter parameter = text_parameter(line.data);
  RunAs ledger = run_as_begin(ledger_owner());
  job->result->told_before = DatumGetBool(
      query_rows("SELECT dap_internal.record_known_file($1::pg_catalog.jsonb)", &parameter, 1, CurrentMemoryContext)
          .values[0]);
  run_as_end(&ledger);
}

void ingest_record_failure(FileResult* result) {
  if (!result->evidence) return;
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dap failed file", ALLOCSET_DEFAULT_SIZES);
  MemoryContext old = MemoryContextSwitchTo(context);
  Parameter parameter = text_parameter(result->evidence);
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows =
      query_rows("SELECT dap_internal.record_failed_file($1::pg_catalog.jsonb)", &parameter, 1, CurrentMemoryContext);
  run_as_end(&ledger);
  result->file_id = DatumGetInt32(rows.values[0]);
  MemoryContextSwitchTo(old);
  MemoryContextDelete(context);
}

}  // namespace dap
