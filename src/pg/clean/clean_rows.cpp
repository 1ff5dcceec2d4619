#include "pg/clean/clean_rows.h"

#include <cstring>

#include "bridge/compat/tuple_desc.h"
#include "bridge/query.h"
#include "bridge/run_as.h"
#include "pg/clean/clean_rules.h"
#include "pg/ledger/arrival.h"

extern "C" {
#include "utils/tuplesort.h"
#include "utils/typcache.h"
}

namespace dap {
namespace {

// Receives the source's records from the executor: converts them and puts the good ones into the sort.
struct CleanReceiver {
  DestReceiver base;
  FileRanks files;
  CleanRules rules;
  int columns;  // of the model; the sort's rows have two more: rank and line
  TupleTableSlot* slot;
  Tuplesortstate* sort;
  CleanResult* result;
  MemoryContext row_context;
};

bool receive(TupleTableSlot* record, DestReceiver* self) {
  auto* receiver = reinterpret_cast<CleanReceiver*>(self);
  slot_getallattrs(record);
  int64 line = DatumGetInt64(record->tts_values[0]);
  int32 file_id = DatumGetInt32(record->tts_values[1]);
  int32 rank;
  if (!rank_of(&receiver->files, file_id, &rank)) return true;
  receiver->result->read++;
  MemoryContextReset(receiver->row_context);
  MemoryContext old = MemoryContextSwitchTo(receiver->row_context);
  TupleTableSlot* slot = receiver->slot;
  ExecClearTuple(slot);
  bool good = true;
  for (int i = 0; i < receiver->rules.count && good; i++) {
    const CleanRule* rule = &receiver->rules.rule[i];
    bool is_null = record->tts_isnull[2 + i];
    const char* text = nullptr;
    int length = 0;
    if (!is_null) {
      auto* value = reinterpret_cast<varlena*>(PG_DETOAST_DATUM_PACKED(record->tts_values[2 + i]));
      text = VARDATA_ANY(value);
      length = static_cast<int>(VARSIZE_ANY_EXHDR(value));
    }
    ConvertResult converted = convert_value(rule->rule, text, length, is_null);
    if (converted.reason != Reason::none) {
      CleanRejects* rejects = &receiver->result->rejects;
      add_reject(rejects, form_reject(rejects->desc, file_id, line, rule->rule, converted.reason, text, length));
      good = false;
    } else {
      slot->tts_values[rule->target] = converted.value;
      slot->tts_isnull[rule->target] = converted.is_null;
    }
  }
  if (good) {
    slot->tts_values[receiver->columns] = Int32GetDatum(rank);
    slot->tts_isnull[receiver->columns] = false;
    slot->tts_values[receiver->columns + 1] = Int64GetDatum(line);
    slot->tts_isnull[receiver->columns + 1] = false;
    ExecStoreVirtualTuple(slot);
    tuplesort_puttupleslot(receiver->sort, slot);
  }
  MemoryContextSwitchTo(old);
  return true;
}

void startup(DestReceiver*, int, TupleDesc) {}
void nothing(DestReceiver*) {}

// The row's descriptor with arrival behind it: rank and line.
TupleDesc sort_columns(TupleDesc desc) {
  TupleDesc sorted = CreateTemplateTupleDesc(desc->natts + 2);
  for (int i = 0; i < desc->natts; i++)
    TupleDescCopyEntry(sorted, static_cast<AttrNumber>(i + 1), desc, static_cast<AttrNumber>(i + 1));
  TupleDescInitEntry(sorted, static_cast<AttrNumber>(desc->natts + 1), "_rank", INT4OID, -1, 0);
  TupleDescInitEntry(sorted, static_cast<AttrNumber>(desc->natts + 2), "_line", INT8OID, -1, 0);
  return finished(sorted);
}

// Keys ascending, then the latest record of a key first.
Tuplesortstate* begin_sort(const Model* model, TupleDesc desc, TupleDesc sorted) {
  int keys = model->key_count + model->latest_by_count + 2;
  auto* attributes = static_cast<AttrNumber*>(palloc(sizeof(AttrNumber) * static_cast<Size>(keys)));
  auto* operators = static_cast<Oid*>(palloc(sizeof(Oid) * static_cast<Size>(keys)));
  auto* collations = static_cast<Oid*>(palloc(sizeof(Oid) * static_cast<Size>(keys)));
  auto* nulls_first = static_cast<bool*>(palloc0(sizeof(bool) * static_cast<Size>(keys)));
  for (int i = 0; i < keys; i++) {
    int at = i < model->key_count ? model_column_position(model, desc, model->key[i])
             : i < keys - 2       ? model_column_position(model, desc, model->latest_by[i - model->key_count])
                                  : desc->natts + (i - (keys - 2));
    Form_pg_attribute attribute = TupleDescAttr(sorted, at);
    TypeCacheEntry* type = lookup_type_cache(attribute->atttypid, TYPECACHE_LT_OPR | TYPECACHE_GT_OPR);
    attributes[i] = static_cast<AttrNumber>(at + 1);
    operators[i] = i < model->key_count ? type->lt_opr : type->gt_opr;
    collations[i] = attribute->attcollation;
    nulls_first[i] = false;  // descending with NULL last: NULL is lowest
  }
  return tuplesort_begin_heap(sorted, keys, attributes, operators, collations, nulls_first, maintenance_work_mem,
                              nullptr, TUPLESORT_NONE);
}

struct KeyCompare {
  int position;
  FmgrInfo* equal;
  Oid collation;
};

KeyCompare* key_compares(const Model* model, TupleDesc desc) {
  auto* compares = static_cast<KeyCompare*>(palloc(sizeof(KeyCompare) * static_cast<Size>(model->key_count)));
  for (int i = 0; i < model->key_count; i++) {
    int at = model_column_position(model, desc, model->key[i]);
    Form_pg_attribute attribute = TupleDescAttr(desc, at);
    TypeCacheEntry* type = lookup_type_cache(attribute->atttypid, TYPECACHE_EQ_OPR_FINFO);
    compares[i] = {at, &type->eq_opr_finfo, attribute->attcollation};
  }
  return compares;
}

bool same_key(const Model* model, const KeyCompare* compares, TupleTableSlot* a, TupleTableSlot* b) {
  for (int i = 0; i < model->key_count; i++)
    if (!DatumGetBool(FunctionCall2Coll(compares[i].equal, compares[i].collation, a->tts_values[compares[i].position],
                                        b->tts_values[compares[i].position])))
      return false;
  return true;
}

// The first of each key's records, which is the latest, into the new rows.
void take_latest(const Model* model, CleanReceiver* receiver, TupleDesc desc, TupleDesc sorted) {
  tuplesort_performsort(receiver->sort);
  KeyCompare* compares = key_compares(model, desc);
  TupleTableSlot* current = MakeSingleTupleTableSlot(sorted, &TTSOpsMinimalTuple);
  TupleTableSlot* previous = MakeSingleTupleTableSlot(sorted, &TTSOpsMinimalTuple);
  MemoryContext compare_context =
      AllocSetContextCreate(CurrentMemoryContext, "dap key comparison", ALLOCSET_SMALL_SIZES);
  while (tuplesort_gettupleslot(receiver->sort, true, true, current, nullptr)) {
    CHECK_FOR_INTERRUPTS();
    MemoryContextReset(compare_context);
    MemoryContext old = MemoryContextSwitchTo(compare_context);
    slot_getallattrs(current);
    bool same = !TTS_EMPTY(previous) && same_key(model, compares, current, previous);
    if (!same) tuplestore_putvalues(receiver->result->rows->store, desc, current->tts_values, current->tts_isnull);
    MemoryContextSwitchTo(old);
    if (same) continue;
    TupleTableSlot* swap = previous;
    previous = current;
    current = swap;
  }
  ExecDropSingleTupleTableSlot(current);
  ExecDropSingleTupleTableSlot(previous);
  MemoryContextDelete(compare_context);
  tuplesort_end(receiver->sort);
}

}  // namespace

CleanResult clean_rows(const Model* model, Relation target, Snapshot snapshot) {
  CleanResult result = {};
  TupleDesc desc = model_columns(model, target);
  result.rows = new_rows_open(desc);
  result.rejects = clean_rejects_open();
  CleanReceiver receiver = {};
  receiver.base.receiveSlot = receive;
  receiver.base.rStartup = startup;
  receiver.base.rShutdown = nothing;
  receiver.base.rDestroy = nothing;
  receiver.base.mydest = DestNone;
  RunAs ledger = run_as_begin(ledger_owner());
  reading_push(snapshot);
  receiver.files.ranks = arrival_ranks(model->source_id, &receiver.files.count);
  reading_pop();
  run_as_end(&ledger);
  receiver.rules = compile_clean_rules(model, desc);
  receiver.columns = desc->natts;
  receiver.result = &result;
  receiver.row_context = AllocSetContextCreate(CurrentMemoryContext, "dap clean row", ALLOCSET_DEFAULT_SIZES);
  TupleDesc sorted = sort_columns(desc);
  receiver.slot = MakeSingleTupleTableSlot(sorted, &TTSOpsVirtual);
  std::memset(receiver.slot->tts_isnull, true, sizeof(bool) * static_cast<Size>(sorted->natts));
  receiver.sort = begin_sort(model, desc, sorted);
  read_into(snapshot, record_query(model, &receiver.rules), &receiver.base);
  take_latest(model, &receiver, desc, sorted);
  ExecDropSingleTupleTableSlot(receiver.slot);
  MemoryContextDelete(receiver.row_context);
  return result;
}

}  // namespace dap
