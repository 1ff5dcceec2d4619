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

void keep(Changes* changes, TupleDesc desc, const TupleTableSlot* pair) {
  tuplestore_putvalues(changes->store, desc, pair->tts_values, pair->tts_isnull);
  changes->count++;
}

bool is_same(TupleDesc desc, const TupleTableSlot* pair) {
  for (int i = 0; i < desc->natts; i++) {
    int other = desc->natts + i;
    if (pair->tts_isnull[i] != pair->tts_isnull[other]) return false;
    if (pair->tts_isnull[i]) continue;
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    if (!datum_image_eq(pair->tts_values[i], pair->tts_values[other], attribute->attbyval, attribute->attlen))
      return false;
  }
  return true;
}

bool receive(TupleTableSlot* pair, DestReceiver* self) {
  auto* receiver = reinterpret_cast<DifferenceReceiver*>(self);
  MergeResult* result = receiver->result;
  TupleDesc desc = receiver->target->desc;
  int key = receiver->target->key[0];
  slot_getallattrs(pair);
  if (pair->tts_isnull[key]) {
    keep(&result->inserts, result->change_desc, pair);
  } else if (pair->tts_isnull[desc->natts + key]) {
    keep(&result->deletes, result->change_desc, pair);
  } else {
    MemoryContext old = MemoryContextSwitchTo(receiver->context);
    bool same = is_same(desc, pair);
    MemoryContextSwitchTo(old);
    MemoryContextReset(receiver->context);
    if (!same) keep(&result->updates, result->change_desc, pair);
  }
  return true;
}

void startup(DestReceiver*, int, TupleDesc) {}
void nothing(DestReceiver*) {}

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

}  // namespace

void find_differences(const MergeTarget* target, const NamedStore* new_rows, MergeResult* result) {
  result->change_desc = change_columns(target->desc);
  for (Changes* changes : {&result->deletes, &result->updates, &result->inserts})
    changes->store = tuplestore_begin_heap(true, false, work_mem);
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
