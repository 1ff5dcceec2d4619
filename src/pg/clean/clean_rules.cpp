#include "pg/clean/clean_rules.h"

#include "bridge/run_as.h"

namespace dap {
namespace {

// Converted values go into the table as they are: a column that somebody gave another type would take them for
// something else.
void check_type(const Model* model, const ColumnRule* rule, Form_pg_attribute attribute) {
  if (attribute->atttypid == rule_type(rule) && attribute->atttypmod == rule_typmod(rule)) return;
  ereport(
      ERROR,
      (errcode(ERRCODE_DATATYPE_MISMATCH),
       errmsg("column %s of %s has type %s, its rule gives %s", quote_identifier(NameStr(attribute->attname)),
              model->label, format_type_with_typemod(attribute->atttypid, attribute->atttypmod),
              format_type_with_typemod(rule_type(rule), rule_typmod(rule))),
       errhint(
           "Give the column its type back, or change the model with dap.create_clean_model(…, or_replace => true).")));
}

}  // namespace

int model_column_position(const Model* model, TupleDesc desc, const char* name) {
  for (int i = 0; i < desc->natts; i++)
    if (!TupleDescAttr(desc, i)->attisdropped && namestrcmp(&TupleDescAttr(desc, i)->attname, name) == 0) return i;
  ereport(ERROR,
          (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("table %s lacks column \"%s\" of its model", model->label, name),
           errhint("Define the model again with or_replace.")));
  pg_unreachable();
}

CleanRules compile_clean_rules(const Model* model, TupleDesc desc) {
  CleanRules rules = {model->columns.count, nullptr};
  rules.rule = static_cast<CleanRule*>(palloc(sizeof(CleanRule) * static_cast<Size>(rules.count)));
  for (int i = 0; i < rules.count; i++) {
    const ColumnDefinition& definition = model->columns.column[i];
    CleanRule* rule = &rules.rule[i];
    rule->rule = compile_column_rule(definition, is_key_column(model, definition.name));
    rule->target = model_column_position(model, desc, definition.name);
    check_type(model, rule->rule, TupleDescAttr(desc, rule->target));
  }
  return rules;
}

char* record_query(const Model* model, const CleanRules* rules) {
  StringInfoData sql;
  initStringInfo(&sql);
  // As what the receiver takes them for, whatever somebody made of the table's columns.
  appendStringInfoString(&sql, "SELECT _line::int8, _file_id::int4");
  for (int i = 0; i < rules->count; i++)
    appendStringInfo(&sql, ", %s::text", quote_identifier(rule_source(rules->rule[i].rule)));
  appendStringInfo(&sql, " FROM %s", relation_label(model->upstream[0]));
  return sql.data;
}

}  // namespace dap
