#include "pg/refresh/merge.h"

namespace dap {
namespace {

// Pieces of SQL that name the model's columns.
struct Columns {
  int count;
  char** names;  // quoted
  char** types;
};

Columns columns_of(TupleDesc desc) {
  Columns columns = {desc->natts, static_cast<char**>(palloc(sizeof(char*) * static_cast<Size>(desc->natts))), nullptr};
  for (int i = 0; i < desc->natts; i++) columns.names[i] = pstrdup(quote_identifier(NameStr(TupleDescAttr(desc, i)->attname)));
  return columns;
}

int position_of(TupleDesc desc, const char* name) {
  for (int i = 0; i < desc->natts; i++)
    if (namestrcmp(&TupleDescAttr(desc, i)->attname, name) == 0) return i;
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("key column \"%s\" is not a column of the model", name)));
  pg_unreachable();
}

char* column_list(const Columns* columns, const char* prefix) {
  StringInfoData list;
  initStringInfo(&list);
  for (int i = 0; i < columns->count; i++) appendStringInfo(&list, "%s%s%s", i ? ", " : "", prefix, columns->names[i]);
  return list.data;
}

// "t.k1 OPERATOR(pg_catalog.=) c.new_0 AND …"
char* key_match(const Model* model, TupleDesc desc, const char* image) {
  StringInfoData match;
  initStringInfo(&match);
  for (int i = 0; i < model->key_count; i++)
    appendStringInfo(&match, "%st.%s = c.%s_%d", i ? " AND " : "", quote_identifier(model->key[i]), image, position_of(desc, model->key[i]));
  return match.data;
}

void check_keys(const Model* model, NewRows* rows) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfoString(&sql, "SELECT count(*) FROM (SELECT 1 FROM dap_new GROUP BY ");
  for (int i = 0; i < model->key_count; i++) appendStringInfo(&sql, "%s%s", i ? ", " : "", quote_identifier(model->key[i]));
  appendStringInfoString(&sql, " HAVING count(*) > 1");
  for (int i = 0; i < model->key_count; i++) appendStringInfo(&sql, " OR %s IS NULL", quote_identifier(model->key[i]));
  appendStringInfoString(&sql, ") AS t");
  NamedStore named = {"dap_new", rows->desc, rows->store, static_cast<double>(rows->count)};
  Tuplestorestate* answer = tuplestore_begin_heap(false, false, work_mem);
  tuplestore_rescan(rows->store);
  run_statement(sql.data, &named, 1, store_receiver(answer));
  TupleDesc desc = CreateTemplateTupleDesc(1);
  TupleDescInitEntry(desc, 1, "count", INT8OID, -1, 0);
  TupleTableSlot* slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
  tuplestore_gettupleslot(answer, true, false, slot);
  bool is_null;
  int64 faults = DatumGetInt64(slot_getattr(slot, 1, &is_null));
  ExecDropSingleTupleTableSlot(slot);
  tuplestore_end(answer);
  if (faults > 0)
    ereport(ERROR, (errcode(ERRCODE_CARDINALITY_VIOLATION), errmsg("model %s gives more than one row, or NULL, for " INT64_FORMAT " of its keys", model->label, faults),
                    errhint("The query must give one row per key; group by it, or choose another key.")));
}

bool is_empty(const Model* model) {
  ResultRows rows = query_rows(psprintf("SELECT 1 FROM ONLY %s LIMIT 1", model->label), nullptr, 0, CurrentMemoryContext);
  return rows.rows == 0;
}

TupleDesc change_columns(TupleDesc desc) {
  TupleDesc changes = CreateTemplateTupleDesc(desc->natts * 2 + 1);
  TupleDescInitEntry(changes, 1, "_change", TEXTOID, -1, 0);
  for (int image = 0; image < 2; image++)
    for (int i = 0; i < desc->natts; i++) {
      AttrNumber at = static_cast<AttrNumber>(2 + image * desc->natts + i);
      Form_pg_attribute attribute = TupleDescAttr(desc, i);
      TupleDescInitEntry(changes, at, psprintf("%s_%d", image ? "new" : "old", i), attribute->atttypid, attribute->atttypmod, 0);
      TupleDescInitEntryCollation(changes, at, attribute->attcollation);
    }
  return changes;
}

char* difference_query(const Model* model, const NewRows* rows, const Columns* columns) {
  StringInfoData sql;
  initStringInfo(&sql);
  const char* first_key = quote_identifier(model->key[0]);
  appendStringInfo(&sql, "SELECT CASE WHEN o.%s IS NULL THEN 'I' WHEN n.%s IS NULL THEN 'D' ELSE 'U' END", first_key, first_key);
  appendStringInfo(&sql, ", %s, %s FROM dap_new n FULL JOIN ONLY %s o ON ", column_list(columns, "o."), column_list(columns, "n."), model->label);
  for (int i = 0; i < model->key_count; i++) {
    const char* key = columns->names[position_of(rows->desc, model->key[i])];
    appendStringInfo(&sql, "%sn.%s = o.%s", i ? " AND " : "", key, key);
  }
  // Compared as images: 1.0 and 1.00 are equal but not identical.
  appendStringInfo(&sql, " WHERE o.%s IS NULL OR n.%s IS NULL OR ROW(%s)::record *<> ROW(%s)::record", first_key, first_key, column_list(columns, "o."), column_list(columns, "n."));
  return sql.data;
}

uint64 apply(const char* sql, MergeResult* result) {
  tuplestore_rescan(result->changes);
  NamedStore named = {"dap_changes", result->change_desc, result->changes, static_cast<double>(tuplestore_tuple_count(result->changes))};
  return run_statement(sql, &named, 1);
}

void apply_changes(const Model* model, TupleDesc desc, const Columns* columns, MergeResult* result) {
  result->deleted = static_cast<int64>(
      apply(psprintf("DELETE FROM ONLY %s t USING dap_changes c WHERE c._change = 'D' AND %s", model->label, key_match(model, desc, "old")), result));
  StringInfoData set, values;
  initStringInfo(&set);
  initStringInfo(&values);
  for (int i = 0; i < columns->count; i++) {
    appendStringInfo(&set, "%s%s = c.new_%d", i ? ", " : "", columns->names[i], i);
    appendStringInfo(&values, "%sc.new_%d", i ? ", " : "", i);
  }
  result->updated = static_cast<int64>(
      apply(psprintf("UPDATE ONLY %s t SET %s FROM dap_changes c WHERE c._change = 'U' AND %s", model->label, set.data, key_match(model, desc, "old")), result));
  result->inserted = static_cast<int64>(apply(psprintf("INSERT INTO %s (%s) SELECT %s FROM dap_changes c WHERE c._change = 'I'", model->label,
                                                       column_list(columns, ""), values.data), result));
}

}  // namespace

TupleDesc live_columns(Relation relation) {
  TupleDesc all = RelationGetDescr(relation);
  int count = 0;
  for (int i = 0; i < all->natts; i++) count += !TupleDescAttr(all, i)->attisdropped;
  TupleDesc desc = CreateTemplateTupleDesc(count);
  AttrNumber at = 0;
  for (int i = 0; i < all->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(all, i);
    if (attribute->attisdropped) continue;
    TupleDescInitEntry(desc, ++at, NameStr(attribute->attname), attribute->atttypid, attribute->atttypmod, 0);
    TupleDescInitEntryCollation(desc, at, attribute->attcollation);
  }
  return desc;
}

NewRows* new_rows_open(TupleDesc desc) {
  auto* rows = static_cast<NewRows*>(palloc0(sizeof(NewRows)));
  rows->desc = desc;
  rows->store = tuplestore_begin_heap(true, false, work_mem);
  return rows;
}

MergeResult merge_rows(const Model* model, NewRows* rows) {
  MergeResult result = {};
  LockRelationOid(model->relation, ShareRowExclusiveLock);
  rows->count = tuplestore_tuple_count(rows->store);
  result.rows = rows->count;
  if (!model->is_clean) check_keys(model, rows);
  Columns columns = columns_of(rows->desc);
  NamedStore named = {"dap_new", rows->desc, rows->store, static_cast<double>(rows->count)};
  tuplestore_rescan(rows->store);
  result.was_empty = is_empty(model);
  if (result.was_empty) {
    const char* list = column_list(&columns, "");
    result.inserted = static_cast<int64>(run_statement(psprintf("INSERT INTO %s (%s) SELECT %s FROM dap_new", model->label, list, list), &named, 1));
    return result;
  }
  result.change_desc = change_columns(rows->desc);
  result.changes = tuplestore_begin_heap(true, false, work_mem);
  run_statement(difference_query(model, rows, &columns), &named, 1, store_receiver(result.changes));
  if (tuplestore_tuple_count(result.changes) > 0) apply_changes(model, rows->desc, &columns, &result);
  return result;
}

}  // namespace dap
