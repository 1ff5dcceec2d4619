#include "pg/ledger/reject_store.h"

#include <cstring>

#include "bridge/compat/tuple_desc.h"
#include "bridge/query.h"
#include "pg/settings.h"

extern "C" {
#include "utils/json.h"
}

namespace dap {

struct RejectStore {
  Tuplestorestate* store;
  TupleDesc desc;
  MemoryContext row_context;
  int64 count;
};

namespace {

enum Column { place_line, place_offset, column_name, reason, message, raw, raw_length, column_count };

void put_json_string(StringInfo out, const char* name, Datum value, bool is_null) {
  appendStringInfo(out, ",\"%s\":", name);
  if (is_null) appendStringInfoString(out, "null");
  else escape_json(out, TextDatumGetCString(value));
}

}  // namespace

RejectStore* reject_store_open() {
  auto* rejects = static_cast<RejectStore*>(palloc0(sizeof(RejectStore)));
  rejects->store = tuplestore_begin_heap(true, false, work_mem);
  rejects->row_context = AllocSetContextCreate(CurrentMemoryContext, "dap reject", ALLOCSET_SMALL_SIZES);
  rejects->desc = CreateTemplateTupleDesc(column_count);
  TupleDescInitEntry(rejects->desc, place_line + 1, "line", INT8OID, -1, 0);
  TupleDescInitEntry(rejects->desc, place_offset + 1, "byte_offset", INT8OID, -1, 0);
  TupleDescInitEntry(rejects->desc, column_name + 1, "column_name", TEXTOID, -1, 0);
  TupleDescInitEntry(rejects->desc, reason + 1, "reason", TEXTOID, -1, 0);
  TupleDescInitEntry(rejects->desc, message + 1, "message", TEXTOID, -1, 0);
  TupleDescInitEntry(rejects->desc, raw + 1, "raw", BYTEAOID, -1, 0);
  TupleDescInitEntry(rejects->desc, raw_length + 1, "raw_length", INT8OID, -1, 0);
  finished(rejects->desc);
  return rejects;
}

void reject_store_add(RejectStore* rejects, const CsvReject* reject, const char* name) {
  MemoryContext old = MemoryContextSwitchTo(rejects->row_context);
  Datum values[column_count];
  bool nulls[column_count] = {};
  values[place_line] = Int64GetDatum(reject->line);
  values[place_offset] = Int64GetDatum(reject->offset);
  nulls[column_name] = name == nullptr;
  values[column_name] = name ? CStringGetTextDatum(name) : static_cast<Datum>(0);
  values[reason] = CStringGetTextDatum(reason_code(reject->reason));
  values[message] = CStringGetTextDatum(reject->message);
  values[raw] =
      PointerGetDatum(cstring_to_text_with_len(reject->raw ? reject->raw : "", static_cast<int>(reject->raw_size)));
  values[raw_length] = Int64GetDatum(reject->raw_length);
  tuplestore_putvalues(rejects->store, rejects->desc, values, nulls);
  MemoryContextSwitchTo(old);
  MemoryContextReset(rejects->row_context);
  rejects->count++;
}

void reject_store_clear(RejectStore* rejects) {
  tuplestore_clear(rejects->store);
  rejects->count = 0;
}

int64 reject_store_count(const RejectStore* rejects) { return rejects->count; }

void reject_store_record(RejectStore* rejects, int32 file_id, int32 source_id, int64 run, int64 most) {
  if (rejects->count == 0) return;
  tuplestore_rescan(rejects->store);
  NamedStore named = {"dap_rejects", rejects->desc, rejects->store, static_cast<double>(rejects->count)};
  char* run_text = run ? psprintf(INT64_FORMAT, run) : pstrdup("NULL");
  run_statement(psprintf("INSERT INTO dap_internal.reject_ledger (file_id, source_id, line, byte_offset, stage, "
                         "column_name, reason, message, raw, raw_length, run_id) "
                         "SELECT %d, %d, line, byte_offset, 'ingest', column_name, reason, message, raw, raw_length, "
                         "%s FROM dap_rejects LIMIT %s",
                         file_id, source_id, run_text, most < 0 ? "ALL" : psprintf(INT64_FORMAT, most)),
                &named, 1);
}

void reject_store_json(RejectStore* rejects, StringInfo out, Size* room) {
  tuplestore_rescan(rejects->store);
  TupleTableSlot* slot = MakeSingleTupleTableSlot(rejects->desc, &TTSOpsMinimalTuple);
  int kept = 0;
  appendStringInfoChar(out, '[');
  while (kept<setting_max_kept_rejects&& * room> 0 && tuplestore_gettupleslot(rejects->store, true, false, slot)) {
    slot_getallattrs(slot);
    Size before = static_cast<Size>(out->len);
    appendStringInfo(out, "%s{\"stage\":\"ingest\",\"line\":" INT64_FORMAT ",\"byte_offset\":" INT64_FORMAT,
                     kept ? "," : "", DatumGetInt64(slot->tts_values[place_line]),
                     DatumGetInt64(slot->tts_values[place_offset]));
    put_json_string(out, "column_name", slot->tts_values[column_name], slot->tts_isnull[column_name]);
    put_json_string(out, "reason", slot->tts_values[reason], false);
    put_json_string(out, "message", slot->tts_values[message], false);
    bytea* bytes = DatumGetByteaPP(slot->tts_values[raw]);
    Size size = VARSIZE_ANY_EXHDR(bytes);
    if (size > *room / 2) size = *room / 2;
    appendStringInfo(out, ",\"raw_length\":" INT64_FORMAT ",\"raw\":\"", DatumGetInt64(slot->tts_values[raw_length]));
    enlargeStringInfo(out, static_cast<int>(size * 2 + 8));
    out->len += static_cast<int>(hex_encode(VARDATA_ANY(bytes), size, out->data + out->len));
    out->data[out->len] = '\0';
    appendStringInfoString(out, "\"}");
    Size taken = static_cast<Size>(out->len) - before;
    *room -= taken < *room ? taken : *room;
    kept++;
  }
  appendStringInfoChar(out, ']');
  ExecDropSingleTupleTableSlot(slot);
}

void reject_store_close(RejectStore* rejects) {
  tuplestore_end(rejects->store);
  MemoryContextDelete(rejects->row_context);
}

}  // namespace dap
