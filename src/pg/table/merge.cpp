#include "pg/table/merge.h"

#include <initializer_list>

#include "bridge/subtransaction.h"
#include "pg/table/difference.h"
#include "pg/table/merge_sql.h"
#include "pg/table/table_hooks.h"

extern "C" {
#include "catalog/partition.h"
}

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
    ereport(ERROR, (errcode(ERRCODE_CARDINALITY_VIOLATION),
                    errmsg("model %s gives more than one row, or NULL, for " INT64_FORMAT " of its keys", model->label,
                           faults),
                    errhint("The query must give one row per key; group by it, or choose another key.")));
}

bool is_empty(const MergeTarget* target) {
  ResultRows rows = query_rows(psprintf("SELECT 1 FROM %s LIMIT 1", target->scan), nullptr, 0, CurrentMemoryContext);
  return rows.rows == 0;
}

[[noreturn]] void raise_not_taken(const MergeTarget* target, const TableHooks* hooks, const char* detail) {
  ereport(
      ERROR,
      (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
       errmsg("table %s did not take the rows of its model as they are", target->label), errdetail("%s", detail),
       hooks->acting
           ? errhint(
                 "These act on its writes: %s. They may raise errors, but must let the rows of a model pass unchanged.",
                 hooks->acting)
           : 0));
  pg_unreachable();
}

// Runs a statement that is to write `asked` rows.
int64 write_rows(const MergeTarget* target, const char* sql, const NamedStore* rows, int64 asked, const char* what) {
  auto done = static_cast<int64>(run_statement(sql, rows, 1));
  if (done != asked) {
    TableHooks hooks = table_hooks(target->model->relation);
    raise_not_taken(target, &hooks, psprintf("Rows %s: " INT64_FORMAT " of " INT64_FORMAT ".", what, done, asked));
  }
  return done;
}

int64 apply(const MergeTarget* target, const char* sql, const Changes* changes, TupleDesc desc, const char* what) {
  if (changes->count == 0) return 0;
  tuplestore_rescan(changes->store);
  NamedStore named = {changes_name, desc, changes->store, static_cast<double>(changes->count)};
  return write_rows(target, sql, &named, changes->count, what);
}

// The index of the table, or of a partition of it, that an error is about; InvalidOid: it is about something else.
Oid index_of(const MergeTarget* target, const ErrorData* error) {
  Oid schema = error->schema_name ? get_namespace_oid(error->schema_name, true) : InvalidOid;
  Oid index =
      OidIsValid(schema) && error->constraint_name ? get_relname_relid(error->constraint_name, schema) : InvalidOid;
  Oid table = OidIsValid(index) ? IndexGetRelation(index, true) : InvalidOid;
  if (!OidIsValid(table)) return InvalidOid;
  bool own =
      table == target->model->relation ||
      (get_rel_relispartition(table) && list_member_oid(get_partition_ancestors(table), target->model->relation));
  return own ? index : InvalidOid;
}

// Is the index checked row by row, so that rows can collide on the way to where they do not?
bool is_immediate(Oid index) {
  HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
  if (!HeapTupleIsValid(tuple)) return false;
  bool immediate = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple))->indimmediate;
  ReleaseSysCache(tuple);
  return immediate;
}

// Raises the collision with words of ours: the server's own would quote values, and know no way out.
[[noreturn]] void raise_collision(const MergeTarget* target, ErrorData* error, const char* why_not) {
  const char* name = error->constraint_name;
  error->domain = TEXTDOMAIN;
  error->message = psprintf("rows of model %s collide in \"%s\", which keeps them apart", target->label, name);
  error->detail = psprintf(
      "Rows that only trade values collide on the way, not at the end. They cannot be deleted and inserted again for "
      "that: %s.",
      why_not);
  error->hint =
      psprintf("Replace \"%s\" by a constraint that is DEFERRABLE: it is checked when all rows are in place.", name);
  ReThrowError(error);
  pg_unreachable();
}

// Rows may trade values that an index of the user's keeps unique: one after the other they would collide on the way
// though they do not at the end. The rows that change are then taken out before they are put in, where that loses
// nothing and nobody takes it for what it is not.
int64 apply_updates(const MergeTarget* target, const MergeResult* result) {
  int64 updated = 0;
  ErrorData* error = in_subtransaction([&updated, target, result] {
    updated = apply(target, update_statement(target), &result->updates, result->change_desc, "updated");
    return true;
  });
  if (!error) return updated;
  bool collides = error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION || error->sqlerrcode == ERRCODE_EXCLUSION_VIOLATION;
  if (!collides || !is_immediate(index_of(target, error))) ReThrowError(error);
  if (target->has_other_columns)
    raise_collision(target, error, "columns that are not the model's would lose their values");
  if (TableHooks hooks = table_hooks(target->model->relation); hooks.noticing)
    raise_collision(target, error, psprintf("%s would notice", hooks.noticing));
  FreeErrorData(error);
  apply(target, delete_statement(target), &result->updates, result->change_desc, "deleted");
  return apply(target, insert_statement(target), &result->updates, result->change_desc, "inserted");
}

// What acts on writes may have written something else, or elsewhere, or more: then the table is looked at again.
void check_taken(const MergeTarget* target, const DifferenceFinder* finder) {
  TableHooks hooks = table_hooks(target->model->relation);
  if (!hooks.acting) return;
  MergeResult left = {};
  finder->find(target, finder->argument, &left);
  int64 differing = left.deletes.count + left.updates.count + left.inserts.count;
  close_changes(&left);
  if (differing > 0)
    raise_not_taken(target, &hooks, psprintf("Rows that are not the model's afterwards: " INT64_FORMAT ".", differing));
}

void find_by_query(const MergeTarget* target, void* rows, MergeResult* result) {
  NamedStore named = new_rows_as(new_rows_name, static_cast<const NewRows*>(rows));
  find_differences(target, &named, result);
}

void apply_changes(const MergeTarget* target, const DifferenceFinder* finder, MergeResult* result) {
  result->deleted = apply(target, delete_statement(target), &result->deletes, result->change_desc, "deleted");
  if (result->updates.count > 0) result->updated = apply_updates(target, result);
  result->inserted = apply(target, insert_statement(target), &result->inserts, result->change_desc, "inserted");
  if (result->deleted + result->updated + result->inserted > 0) check_taken(target, finder);
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
  DifferenceFinder finder = {find_by_query, rows};
  result.was_empty = is_empty(target);
  if (result.was_empty) {
    if (rows->count == 0) return result;
    NamedStore named = new_rows_as(new_rows_name, rows);
    result.inserted = write_rows(target, build_statement(target), &named, rows->count, "inserted");
    check_taken(target, &finder);
    return result;
  }
  finder.find(target, finder.argument, &result);
  apply_changes(target, &finder, &result);
  return result;
}

void merge_changes(const MergeTarget* target, const DifferenceFinder* finder, MergeResult* found) {
  found->was_empty = is_empty(target);
  apply_changes(target, finder, found);
}

void merge_close(MergeResult* result, NewRows* rows) {
  if (rows) tuplestore_end(rows->store);
  close_changes(result);
}

}  // namespace dap
