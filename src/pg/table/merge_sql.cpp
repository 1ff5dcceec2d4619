#include "pg/table/merge_sql.h"

#include "bridge/compat/tuple_desc.h"
#include "bridge/query.h"
#include "bridge/run_as.h"
#include "pg/table/merge.h"

extern "C" {
#include "catalog/pg_operator.h"
#include "utils/typcache.h"
}

namespace dap {
namespace {

const char* name_at(TupleDesc desc, int position) {
  return quote_identifier(NameStr(TupleDescAttr(desc, position)->attname));
}

int position_of(TupleDesc desc, const char* name) {
  for (int i = 0; i < desc->natts; i++)
    if (namestrcmp(&TupleDescAttr(desc, i)->attname, name) == 0) return i;
  return -1;
}

char* column_list(TupleDesc desc, const char* prefix) {
  StringInfoData list;
  initStringInfo(&list);
  for (int i = 0; i < desc->natts; i++) appendStringInfo(&list, "%s%s%s", i ? ", " : "", prefix, name_at(desc, i));
  return list.data;
}

// The equality that the type's unique index knows; types need not live in a schema that is searched.
char* equality(TupleDesc desc, int position) {
  Oid type = TupleDescAttr(desc, position)->atttypid;
  Oid equal = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
  if (!OidIsValid(equal))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                    errmsg("could not identify an equality operator for type %s", format_type_be(type))));
  HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(equal));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for operator %u", equal);
  auto* form = reinterpret_cast<Form_pg_operator>(GETSTRUCT(tuple));
  char* text =
      psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)), NameStr(form->oprname));
  ReleaseSysCache(tuple);
  return text;
}

// Is each key column of the table's row that of the change's old image?
char* old_key_matches(const MergeTarget* target) {
  StringInfoData match;
  initStringInfo(&match);
  for (int i = 0; i < target->model->key_count; i++) {
    int key = target->key[i];
    appendStringInfo(&match, "%st.%s %s c.old_%d", i ? " AND " : "", name_at(target->desc, key),
                     equality(target->desc, key), key + 1);
  }
  return match.data;
}

char* new_values(const MergeTarget* target) {
  StringInfoData values;
  initStringInfo(&values);
  for (int i = 0; i < target->desc->natts; i++) appendStringInfo(&values, "%sc.new_%d", i ? ", " : "", i + 1);
  return values.data;
}

}  // namespace

TupleDesc model_columns(const Model* model, Relation relation) {
  TupleDesc all = RelationGetDescr(relation);
  int count = 0;
  for (int i = 0; i < all->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(all, i);
    count += !attribute->attisdropped && has_column(&model->columns, NameStr(attribute->attname));
  }
  if (count < model->columns.count)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("table %s lacks a column of its model", model->label),
                    errhint("Define the model again with or_replace => true.")));
  TupleDesc desc = CreateTemplateTupleDesc(count);
  AttrNumber at = 0;
  for (int i = 0; i < all->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(all, i);
    if (attribute->attisdropped || !has_column(&model->columns, NameStr(attribute->attname))) continue;
    TupleDescInitEntry(desc, ++at, NameStr(attribute->attname), attribute->atttypid, attribute->atttypmod, 0);
    TupleDescInitEntryCollation(desc, at, attribute->attcollation);
  }
  return finished(desc);
}

MergeTarget* merge_target(const Model* model, TupleDesc desc) {
  auto* target = static_cast<MergeTarget*>(palloc0(sizeof(MergeTarget)));
  target->model = model;
  target->label = model->label;
  target->scan =
      get_rel_relkind(model->relation) == RELKIND_PARTITIONED_TABLE ? model->label : psprintf("ONLY %s", model->label);
  target->desc = desc;
  target->key = static_cast<int*>(palloc(sizeof(int) * static_cast<Size>(model->key_count)));
  for (int i = 0; i < model->key_count; i++) {
    target->key[i] = position_of(desc, model->key[i]);
    if (target->key[i] < 0)
      ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                      errmsg("key column \"%s\" of model %s is not one of its columns", model->key[i], model->label),
                      errhint("Define the model again with or_replace.")));
  }
  Relation relation = table_open(model->relation, NoLock);
  TupleDesc all = RelationGetDescr(relation);
  for (int i = 0; i < all->natts; i++)
    target->has_other_columns |= !TupleDescAttr(all, i)->attisdropped && TupleDescAttr(all, i)->attgenerated == '\0' &&
                                 position_of(desc, NameStr(TupleDescAttr(all, i)->attname)) < 0;
  table_close(relation, NoLock);
  return target;
}

char* faulty_keys_query(const Model* model) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "SELECT 1 FROM %s GROUP BY ", new_rows_name);
  for (int i = 0; i < model->key_count; i++)
    appendStringInfo(&sql, "%s%s", i ? ", " : "", quote_identifier(model->key[i]));
  appendStringInfoString(&sql, " HAVING pg_catalog.count(*) > 1");
  for (int i = 0; i < model->key_count; i++) appendStringInfo(&sql, " OR %s IS NULL", quote_identifier(model->key[i]));
  return sql.data;
}

char* pairs_query(const MergeTarget* target) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "SELECT %s, %s FROM %s n FULL JOIN %s o ON ", column_list(target->desc, "o."),
                   column_list(target->desc, "n."), new_rows_name, target->scan);
  for (int i = 0; i < target->model->key_count; i++) {
    const char* key = name_at(target->desc, target->key[i]);
    appendStringInfo(&sql, "%sn.%s %s o.%s", i ? " AND " : "", key, equality(target->desc, target->key[i]), key);
  }
  return sql.data;
}

char* build_statement(const MergeTarget* target) {
  const char* columns = column_list(target->desc, "");
  return psprintf("INSERT INTO %s (%s) SELECT %s FROM %s", target->label, columns, columns, new_rows_name);
}

char* delete_statement(const MergeTarget* target) {
  return psprintf("DELETE FROM %s t USING %s c WHERE %s", target->scan, changes_name, old_key_matches(target));
}

char* update_statement(const MergeTarget* target) {
  StringInfoData set;
  initStringInfo(&set);
  for (int i = 0; i < target->desc->natts; i++)
    appendStringInfo(&set, "%s%s = c.new_%d", i ? ", " : "", name_at(target->desc, i), i + 1);
  return psprintf("UPDATE %s t SET %s FROM %s c WHERE %s", target->scan, set.data, changes_name,
                  old_key_matches(target));
}

char* insert_statement(const MergeTarget* target) {
  return psprintf("INSERT INTO %s (%s) SELECT %s FROM %s c", target->label, column_list(target->desc, ""),
                  new_values(target), changes_name);
}

}  // namespace dap
