#include "pg/refresh/merge.h"

#include <initializer_list>

#include "pg/refresh/difference.h"
#include "pg/refresh/merge_sql.h"

namespace dap {
namespace {

NamedStore new_rows_as(const char* name, const NewRows* rows) {
  tuplestore_rescan(rows->store);
  return {name, rows->desc, rows->store, static_cast<double>(rows->count)};
}

void check_keys(const Model* model, const NewRows* rows) {
  NamedStore named = new_rows_as(new_rows_name, rows);
  Tuplestorestate* answer = tuplestore_begin_heap(false, false, work_mem);
  run_statement(faulty_keys_query(model), &named, 1, store_receiver(answer));
  int64 faults = tuplestore_tuple_count(answer);
  tuplestore_end(answer);
  if (faults > 0)
    ereport(ERROR, (errcode(ERRCODE_CARDINALITY_VIOLATION), errmsg("model %s gives more than one row, or NULL, for " INT64_FORMAT " of its keys", model->label, faults),
                    errhint("The query must give one row per key; group by it, or choose another key.")));
}

bool is_empty(const MergeTarget* target) {
  ResultRows rows = query_rows(psprintf("SELECT 1 FROM %s LIMIT 1", target->scan), nullptr, 0, CurrentMemoryContext);
  return rows.rows == 0;
}

int64 apply(const char* sql, const Changes* changes, TupleDesc desc) {
  if (changes->count == 0) return 0;
  tuplestore_rescan(changes->store);
  NamedStore named = {changes_name, desc, changes->store, static_cast<double>(changes->count)};
  return static_cast<int64>(run_statement(sql, &named, 1));
}

// Rows may trade values that an index of the user's keeps unique: one after the other they would collide on the way though they do not at the end.
// The rows that change are then taken out before they are put in, where that loses nothing.
int64 apply_updates(const MergeTarget* target, const MergeResult* result) {
  MemoryContext context = CurrentMemoryContext;
  ResourceOwner resources = CurrentResourceOwner;
  volatile int64 updated = -1;
  BeginInternalSubTransaction(nullptr);
  MemoryContextSwitchTo(context);
  PG_TRY();
  {
    updated = apply(update_statement(target), &result->updates, result->change_desc);
    ReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = resources;
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    ErrorData* error = CopyErrorData();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = resources;
    bool collides = error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION || error->sqlerrcode == ERRCODE_EXCLUSION_VIOLATION;
    if (!collides || target->has_other_columns) ReThrowError(error);
    FreeErrorData(error);
  }
  PG_END_TRY();
  if (updated >= 0) return updated;
  apply(delete_statement(target), &result->updates, result->change_desc);
  return apply(insert_statement(target), &result->updates, result->change_desc);
}

}  // namespace

NewRows* new_rows_open(TupleDesc desc) {
  auto* rows = static_cast<NewRows*>(palloc0(sizeof(NewRows)));
  rows->desc = desc;
  rows->store = tuplestore_begin_heap(true, false, work_mem);
  return rows;
}

MergeResult merge_rows(const Model* model, NewRows* rows) {
  MergeResult result = {};
  rows->count = tuplestore_tuple_count(rows->store);
  result.rows = rows->count;
  if (!model->is_clean) check_keys(model, rows);
  MergeTarget* target = merge_target(model, rows->desc);
  result.was_empty = is_empty(target);
  if (result.was_empty) {
    if (rows->count == 0) return result;
    NamedStore named = new_rows_as(new_rows_name, rows);
    result.inserted = static_cast<int64>(run_statement(build_statement(target), &named, 1));
    return result;
  }
  NamedStore named = new_rows_as(new_rows_name, rows);
  find_differences(target, &named, &result);
  result.deleted = apply(delete_statement(target), &result.deletes, result.change_desc);
  if (result.updates.count > 0) result.updated = apply_updates(target, &result);
  result.inserted = apply(insert_statement(target), &result.inserts, result.change_desc);
  return result;
}

void merge_close(MergeResult* result, NewRows* rows) {
  tuplestore_end(rows->store);
  for (Tuplestorestate* store : {result->deletes.store, result->updates.store, result->inserts.store})
    if (store) tuplestore_end(store);
}

}  // namespace dap
