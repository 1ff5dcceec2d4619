#include "pg/table/difference.h"

#include <initializer_list>

#include "bridge/compat/tuple_desc.h"

namespace dap {
namespace {

// Receives pairs of rows from the executor and keeps those that differ.
struct DifferenceReceiver {
  DestReceiver base;
  const MergeTarget* target;
  MergeResult* result;
  MemoryContext context;  // of one pair: detoasted values
};

bool receive(TupleTableSlot* pair, DestReceiver* self) {
  auto* receiver = reinterpret_cast<DifferenceReceiver*>(self);
  slot_getallattrs(pair);
  MemoryContext old = MemoryContextSwitchTo(receiver->context);
  bool same = is_same_pair(receiver->target->desc, pair->tts_values, pair->tts_isnull);
  MemoryContextSwitchTo(old);
  MemoryContextReset(receiver->context);
  if (!same) add_change(receiver->target, receiver->result, pair);
  return true;
}

void startup(DestReceiver*, int, TupleDesc) {}
void nothing(DestReceiver*) {}

void keep(Changes* changes, TupleTableSlot* pair) {
  tuplestore_puttupleslot(changes->store, pair);
  changes->count++;
}

}  // namespace

TupleDesc change_columns(TupleDesc desc) {
  TupleDesc changes = CreateTemplateTupleDesc(desc->natts * 2);
  for (int image = 0; image < 2; image++)
    for (int i = 0; i < desc->natts; i++) {
      auto at = static_cast<AttrNumber>(1 + image * desc->natts + i);
      Form_pg_attribute attribute = TupleDescAttr(desc, i);
      TupleDescInitEntry(changes, at, psprintf("%s_%d", image ? "new" : "old", i + 1), attribute->atttypid,
                         attribute->atttypmod, 0);
      TupleDescInitEntryCollation(changes, at, attribute->attcollation);
    }
  return finished(changes);
}

bool is_same_pair(TupleDesc desc, const Datum* values, const bool* nulls) {
  for (int i = 0; i < desc->natts; i++) {
    int other = desc->natts + i;
    if (nulls[i] != nulls[other]) return false;
    if (nulls[i]) continue;
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    if (!datum_image_eq(values[i], values[other], attribute->attbyval, attribute->attlen)) return false;
  }
  return true;
}

void open_changes(const MergeTarget* target, MergeResult* result) {
  result->change_desc = change_columns(target->desc);
  for (Changes* changes : {&result->deletes, &result->updates, &result->inserts})
    changes->store = tuplestore_begin_heap(true, false, work_mem);
}

void add_change(const MergeTarget* target, MergeResult* result, TupleTableSlot* pair) {
  int key = target->key[0];
  if (slot_attisnull(pair, key + 1)) keep(&result->inserts, pair);
  else if (slot_attisnull(pair, target->desc->natts + key + 1)) keep(&result->deletes, pair);
  else keep(&result->updates, pair);
}

void close_changes(MergeResult* result) {
  for (Tuplestorestate* store : {result->deletes.store, result->updates.store, result->inserts.store})
    if (store) tuplestore_end(store);
}

void find_differences(const MergeTarget* target, const NamedStore* new_rows, MergeResult* result) {
  open_changes(target, result);
  DifferenceReceiver receiver = {};
  receiver.base.receiveSlot = receive;
  receiver.base.rStartup = startup;
  receiver.base.rShutdown = nothing;
  receiver.base.rDestroy = nothing;
  receiver.base.mydest = DestNone;
  receiver.target = target;
  receiver.result = result;
  receiver.context = AllocSetContextCreate(CurrentMemoryContext, "dap row comparison", ALLOCSET_SMALL_SIZES);
  run_statement(pairs_query(target), new_rows, 1, &receiver.base);
  MemoryContextDelete(receiver.context);
}

}  // namespace dap
