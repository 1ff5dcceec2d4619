#include "pg/table/bulk_target.h"

#include "bridge/compat/reindex.h"
#include "bridge/query.h"
#include "pg/table/table_hooks.h"

extern "C" {
#include "catalog/pg_am.h"
#include "catalog/storage.h"
#include "rewrite/prs2lock.h"
#include "storage/bufmgr.h"
}

namespace dap {
namespace {

// The model's own definition of a column; NULL: it is not the model's.
const ColumnDefinition* definition_of(const Model* model, const char* name) {
  for (int i = 0; i < model->columns.count; i++)
    if (strcmp(model->columns.column[i].name, name) == 0) return &model->columns.column[i];
  return nullptr;
}

// Nobody but the model gives a column a value, or refuses one.
bool has_plain_columns(const Model* model, TupleDesc desc) {
  for (int i = 0; i < desc->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    if (attribute->attisdropped) continue;
    const char* name = NameStr(attribute->attname);
    const ColumnDefinition* definition = definition_of(model, name);
    if (attribute->attgenerated || attribute->attidentity) return false;
    if (!definition && (attribute->atthasdef || get_typdefault(attribute->atttypid))) return false;
    // The key's values, and those that a rule requires, are there in every row.
    if (attribute->attnotnull && !is_key_column(model, name) && !(definition && definition->required)) return false;
    if (get_typtype(attribute->atttypid) == TYPTYPE_DOMAIN) return false;
  }
  return true;
}

// The index of the model's key, and no other.
bool has_key_alone(const Model* model, Relation relation) {
  List* indexes = RelationGetIndexList(relation);
  if (list_length(indexes) != 1) return false;
  HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(linitial_oid(indexes)));
  if (!HeapTupleIsValid(tuple)) return false;
  auto* form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
  bool is_models = form->indisprimary && form->indimmediate && form->indisvalid && form->indnatts == model->key_count;
  for (int i = 0; is_models && i < form->indnatts; i++) {
    AttrNumber attribute = form->indkey.values[i];
    is_models = is_key_column(model, NameStr(TupleDescAttr(RelationGetDescr(relation), attribute - 1)->attname));
  }
  ReleaseSysCache(tuple);
  return is_models;
}

bool is_plain(const Model* model, Relation relation) {
  Form_pg_class form = relation->rd_rel;
  if (form->relkind != RELKIND_RELATION || form->relam != HEAP_TABLE_AM_OID || form->relispartition ||
      form->relhassubclass || form->relrowsecurity || form->relpersistence == RELPERSISTENCE_TEMP ||
      RelationIsUsedAsCatalogTable(relation))
    return false;
  TupleDesc desc = RelationGetDescr(relation);
  if (relation->rd_rules || has_insert_trigger(relation)) return false;
  if (desc->constr && (desc->constr->num_check > 0 || desc->constr->has_generated_stored)) return false;
  return has_plain_columns(model, desc) && has_key_alone(model, relation);
}

char* model_column_list(const Model* model) {
  StringInfoData columns;
  initStringInfo(&columns);
  for (int i = 0; i < model->columns.count; i++)
    appendStringInfo(&columns, "%s%s", i ? ", " : "", quote_identifier(model->columns.column[i].name));
  return columns.data;
}

}  // namespace

bool take_bulk_target(const Model* model, Relation relation) {
  // A cursor of this session that reads the table would stand in the way of its indexes.
  return relation->rd_refcnt == 1 && is_plain(model, relation) && RelationGetNumberOfBlocks(relation) == 0 &&
         ConditionalLockRelationOid(RelationGetRelid(relation), AccessExclusiveLock) &&
         RelationGetNumberOfBlocks(relation) == 0;
}

void check_may_insert(const Model* model) {
  const char* columns = model_column_list(model);
  run_statement(
      psprintf("INSERT INTO %s (%s) SELECT %s FROM ONLY %s WHERE false", model->label, columns, columns, model->label));
}

void check_may_read(const Model* model) {
  run_statement(psprintf("SELECT %s FROM ONLY %s LIMIT 0", model_column_list(model), model->label));
}

void give_back_bulk_target(Relation relation) {
  if (RelationGetNumberOfBlocks(relation) > 0) RelationTruncate(relation, 0);
  UnlockRelationOid(RelationGetRelid(relation), AccessExclusiveLock);
}

void build_indexes(Oid relation) {
  TimestampTz started = GetCurrentTimestamp();
  CommandCounterIncrement();
  reindex_table(relation);
  ereport(DEBUG1, (errmsg("%s.%s: PostgreSQL builds its indexes in %.0f ms",
                          quote_identifier(get_namespace_name(get_rel_namespace(relation))),
                          quote_identifier(get_rel_name(relation)),
                          static_cast<double>(GetCurrentTimestamp() - started) / 1000)));
}

}  // namespace dap
