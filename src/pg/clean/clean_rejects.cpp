#include "pg/clean/clean_rejects.h"

#include "bridge/compat/minimal_tuple.h"
#include "bridge/compat/tuple_desc.h"
#include "bridge/query.h"
#include "pg/settings.h"

namespace dap {
namespace {

enum RejectColumn {
  reject_file,
  reject_line,
  reject_column_name,
  reject_reason,
  reject_message,
  reject_raw,
  reject_raw_length,
  reject_columns
};

}  // namespace

CleanRejects clean_rejects_open() {
  TupleDesc desc = CreateTemplateTupleDesc(reject_columns);
  TupleDescInitEntry(desc, reject_file + 1, "file_id", INT4OID, -1, 0);
  TupleDescInitEntry(desc, reject_line + 1, "line", INT8OID, -1, 0);
  TupleDescInitEntry(desc, reject_column_name + 1, "column_name", TEXTOID, -1, 0);
  TupleDescInitEntry(desc, reject_reason + 1, "reason", TEXTOID, -1, 0);
  TupleDescInitEntry(desc, reject_message + 1, "message", TEXTOID, -1, 0);
  TupleDescInitEntry(desc, reject_raw + 1, "raw", BYTEAOID, -1, 0);
  TupleDescInitEntry(desc, reject_raw_length + 1, "raw_length", INT8OID, -1, 0);
  return {finished(desc), tuplestore_begin_heap(true, false, work_mem), 0};
}

void clean_rejects_close(CleanRejects* rejects) { tuplestore_end(rejects->store); }

MinimalTuple form_reject(TupleDesc desc, int32 file_id, int64 line, const ColumnRule* rule, Reason why,
                         const char* text, int length) {
  Datum values[reject_columns];
  bool nulls[reject_columns] = {};
  values[reject_file] = Int32GetDatum(file_id);
  values[reject_line] = Int64GetDatum(line);
  values[reject_column_name] = CStringGetTextDatum(rule_source(rule));
  values[reject_reason] = CStringGetTextDatum(reason_code(why));
  values[reject_message] = CStringGetTextDatum(reason_words(why));
  nulls[reject_raw] = nulls[reject_raw_length] = text == nullptr;
  int kept = length > setting_max_reject_bytes ? setting_max_reject_bytes : length;
  values[reject_raw] = text ? PointerGetDatum(cstring_to_text_with_len(text, kept)) : static_cast<Datum>(0);
  values[reject_raw_length] = Int64GetDatum(length);
  return form_minimal_tuple(desc, values, nulls);
}

void add_reject(CleanRejects* rejects, MinimalTuple reject) {
  TupleTableSlot* slot = MakeSingleTupleTableSlot(rejects->desc, &TTSOpsMinimalTuple);
  ExecStoreMinimalTuple(reject, slot, false);
  tuplestore_puttupleslot(rejects->store, slot);
  ExecDropSingleTupleTableSlot(slot);
  rejects->count++;
}

void record_clean_rejects(const Model* model, const CleanRejects* rejects, int64 run_id) {
  NamedStore named = {"dap_rejects", rejects->desc, rejects->store, static_cast<double>(rejects->count)};
  tuplestore_rescan(rejects->store);
  // Rejects of files that failed or were dismissed are evidence of another kind: they stay.
  run_statement(
      psprintf("DELETE FROM dap_internal.reject_ledger r WHERE r.model_id = %d AND r.stage = 'clean' AND NOT r.attempt "
               "AND NOT EXISTS (SELECT 1 FROM dap_internal.file_ledger l WHERE l.file_id = r.file_id AND l.status IN "
               "('failed', 'dismissed')) "
               "AND NOT EXISTS (SELECT 1 FROM dap_rejects n WHERE n.file_id = r.file_id AND n.line = r.line "
               "AND n.column_name = r.column_name AND n.reason = r.reason AND n.message = r.message AND n.raw IS NOT "
               "DISTINCT FROM r.raw)",
               model->model_id),
      &named, 1);
  run_statement(psprintf("INSERT INTO dap_internal.reject_ledger (file_id, source_id, line, stage, model_id, "
                         "column_name, reason, message, raw, raw_length, run_id) "
                         "SELECT n.file_id, %d, n.line, 'clean', %d, n.column_name, n.reason, n.message, n.raw, "
                         "n.raw_length, " INT64_FORMAT " FROM dap_rejects n "
                         "WHERE NOT EXISTS (SELECT 1 FROM dap_internal.reject_ledger r WHERE r.model_id = %d AND "
                         "r.stage = 'clean' AND NOT r.attempt AND r.file_id = n.file_id AND r.line = n.line "
                         "AND r.column_name = n.column_name)",
                         model->source_id, model->model_id, run_id, model->model_id),
                &named, 1);
}

}  // namespace dap
