// The SQL functions that load: thin wrappers over ingest.h.
#include <cstring>

#include "bridge/pg.h"
#include "bridge/query.h"
#include "bridge/reason_text.h"
#include "pg/catalog/options.h"
#include "pg/csv/column_map.h"
#include "pg/csv/csv_reader.h"
#include "pg/file/byte_source.h"
#include "pg/ingest/ingest.h"
#include "pg/run/nesting.h"

namespace dap {
namespace {

void put_result(ReturnSetInfo* result_info, const FileResult* file) {
  Datum values[9];
  bool nulls[9] = {};
  nulls[0] = file->file_id == 0;
  values[0] = Int32GetDatum(file->file_id);
  values[1] = CStringGetTextDatum(file->path);
  values[2] = CStringGetTextDatum(file_status_text(file->status));
  nulls[3] = file->reason == nullptr;
  values[3] = file->reason
                  ? CStringGetTextDatum(file->place ? psprintf("%s: %s", file->place, file->reason) : file->reason)
                  : static_cast<Datum>(0);
  values[4] = Int64GetDatum(file->rows_read);
  values[5] = Int64GetDatum(file->rows_loaded);
  values[6] = Int64GetDatum(file->rows_rejected);
  values[7] = Int64GetDatum(file->bytes);
  Interval elapsed = {};
  elapsed.time = file->elapsed_us;
  values[8] = IntervalPGetDatum(&elapsed);
  tuplestore_putvalues(result_info->setResult, result_info->setDesc, values, nulls);
}

char* text_argument(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

char* required_text(FunctionCallInfo fcinfo, int argument, const char* name) {
  char* text = text_argument(fcinfo, argument);
  if (!text) ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", name)));
  return text;
}

IngestRequest begin_request(FunctionCallInfo fcinfo, int options_argument) {
  const char* name = required_text(fcinfo, 0, "source");
  return ingest_request(name, PG_ARGISNULL(options_argument) ? nullptr : PG_GETARG_JSONB_P(options_argument));
}

}  // namespace

IngestRequest ingest_request(const char* source, Jsonb* call_options) {
  refuse_within_work("load files");
  PreventCommandIfReadOnly("loading files");
  PreventCommandIfParallelMode("loading files");
  IngestRequest request = {};
  request.call_options = call_options;
  request.definition = find_source(source);
  for (;;) {
    parse_options(request.definition->options, request.call_options, OptionScope::call);
    ingest_begin(&request);
    // The lock was waited for: the definition may be another now, or the source too.
    const SourceDefinition* locked = find_source(source);
    bool same = locked->source_id == request.definition->source_id;
    request.definition = locked;
    if (!same) continue;
    check_source_columns(locked);
    return request;
  }
}

}  // namespace dap

DAP_FUNCTION(dap_ingest_csv) {
  InitMaterializedSRF(fcinfo, 0);
  dap::IngestRequest request = dap::begin_request(fcinfo, 2);
  char* path = dap::text_argument(fcinfo, 1);
  List* results = NIL;
  dap::as_work("a load", [&] { results = dap::ingest_path(&request, path); });
  ListCell* cell;
  foreach (cell, results)
    dap::put_result(reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo), static_cast<dap::FileResult*>(lfirst(cell)));
  return static_cast<Datum>(0);
}

DAP_FUNCTION(dap_ingest_bytes) {
  InitMaterializedSRF(fcinfo, 0);
  dap::IngestRequest request = dap::begin_request(fcinfo, 3);
  char* name = dap::required_text(fcinfo, 1, "name");
  if (PG_ARGISNULL(2)) ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("content must not be NULL")));
  bytea* content = PG_GETARG_BYTEA_PP(2);
  dap::FileResult* file = nullptr;
  dap::as_work("a load",
               [&] { file = dap::ingest_content(&request, name, VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content)); });
  dap::put_result(reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo), file);
  return static_cast<Datum>(0);
}

DAP_FUNCTION(dap_ingest_largeobject) {
  InitMaterializedSRF(fcinfo, 0);
  dap::IngestRequest request = dap::begin_request(fcinfo, 3);
  char* name = dap::required_text(fcinfo, 1, "name");
  if (PG_ARGISNULL(2)) ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("object must not be NULL")));
  Oid object = PG_GETARG_OID(2);
  dap::FileResult* file = nullptr;
  dap::as_work("a load", [&] { file = dap::ingest_large_object(&request, name, object); });
  dap::put_result(reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo), file);
  return static_cast<Datum>(0);
}

// dap_internal.csv_header(path text, options jsonb) RETURNS text[]: the columns that the header of the first file
// means, trimmed and through the aliases, NULL if there is no file.
DAP_FUNCTION(dap_csv_header) {
  const dap::SourceOptions* options = dap::parse_options(PG_GETARG_JSONB_P(1), nullptr, dap::OptionScope::source);
  List* files = dap::find_files(text_to_cstring(PG_GETARG_TEXT_PP(0)));
  if (files == NIL) PG_RETURN_NULL();
  auto* file = static_cast<dap::FoundFile*>(linitial(files));
  dap::ByteSource* source = dap::byte_source_open_file(file->path, options->compression);
  dap::CsvReader* reader = dap::csv_reader_open_file(source, options);
  int count;
  char** names = dap::csv_reader_header(reader, &count);
  if (const dap::CsvFault* fault = dap::csv_reader_fault(reader); fault->reason != dap::Reason::none)
    ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT), errmsg("the header of \"%s\" cannot be read", file->path),
                    errdetail("%s", dap::csv_fault_sentence(fault)), dap::reason_errhint(fault->reason)));
  if (!names)
    ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT), errmsg("\"%s\" has no header: it is empty", file->path),
                    errhint("Give the columns.")));
  names = header_columns(options, names, count);
  Datum* values = static_cast<Datum*>(palloc(sizeof(Datum) * static_cast<Size>(count)));
  for (int i = 0; i < count; i++) values[i] = CStringGetTextDatum(names[i]);
  dap::csv_reader_close(reader);
  dap::byte_source_close(source);
  PG_RETURN_ARRAYTYPE_P(construct_array(values, count, TEXTOID, -1, false, TYPALIGN_INT));
}
