#include "pg/refresh/model.h"

#include "bridge/query.h"
#include "bridge/run_as.h"
#include "pg/catalog/query_analysis.h"

namespace dap {
namespace {

char** texts_of(Datum array, int* count) {
  Datum* values;
  bool* nulls;
  deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, count);
  char** texts = static_cast<char**>(palloc(sizeof(char*) * static_cast<Size>(*count + 1)));
  for (int i = 0; i < *count; i++) {
    if (nulls[i]) ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION), errmsg("a model's list of columns holds NULL")));
    texts[i] = TextDatumGetCString(values[i]);
  }
  return texts;
}

Oid* oids_of(Datum array, int* count) {
  Datum* values;
  bool* nulls;
  deconstruct_array(DatumGetArrayTypeP(array), OIDOID, sizeof(Oid), true, TYPALIGN_INT, &values, &nulls, count);
  Oid* oids = static_cast<Oid*>(palloc(sizeof(Oid) * static_cast<Size>(*count + 1)));
  for (int i = 0; i < *count; i++) oids[i] = DatumGetObjectId(values[i]);
  return oids;
}

Model* model_of(const ResultRows* rows, int row) {
  Datum* values = rows->values + static_cast<Size>(row) * static_cast<Size>(rows->columns);
  bool* nulls = rows->nulls + static_cast<Size>(row) * static_cast<Size>(rows->columns);
  auto* model = static_cast<Model*>(palloc0(sizeof(Model)));
  model->model_id = DatumGetInt32(values[0]);
  model->relation = DatumGetObjectId(values[1]);
  model->tier = DatumGetInt16(values[2]);
  model->is_clean = DatumGetBool(values[3]);
  model->source_id = nulls[4] ? 0 : DatumGetInt32(values[4]);
  JsonbContainer* columns = &DatumGetJsonbP(values[5])->root;
  model->columns = model->is_clean ? read_clean_columns(columns) : read_query_columns(columns);
  model->key = texts_of(values[6], &model->key_count);
  if (!nulls[7]) model->latest_by = texts_of(values[7], &model->latest_by_count);
  model->query = nulls[8] ? nullptr : TextDatumGetCString(values[8]);
  model->upstream = oids_of(values[9], &model->upstream_count);
  model->always = DatumGetBool(values[10]);
  model->definition_hash = TextDatumGetCString(values[11]);
  model->version = DatumGetInt64(values[12]);
  if (!get_rel_name(model->relation))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("the table of model %d does not exist any more", model->model_id),
                    errhint("Its definition is removed by: SELECT dap.drop_model('%u').", model->relation)));
  model->label = relation_label(model->relation);
  // What the catalog's constraints say, should somebody have taken them away: the refresh stands on it.
  if (model->key_count == 0 || (model->is_clean ? model->upstream_count != 1 : model->query == nullptr))
    ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION), errmsg("the definition of model %s is damaged", model->label),
                    errhint("Define it again with or_replace.")));
  return model;
}

char* hash_of_views(const List* views) {
  int count = list_length(views);
  auto* oids = static_cast<Datum*>(palloc(sizeof(Datum) * static_cast<Size>(count)));
  for (int i = 0; i < count; i++) oids[i] = ObjectIdGetDatum(list_nth_oid(views, i));
  Parameter parameter = {OIDARRAYOID, PointerGetDatum(construct_array(oids, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT)), false};
  return query_text("SELECT md5(string_agg(v.oid::regclass || ' ' || pg_get_viewdef(v.oid), E'\n' ORDER BY v.oid::regclass::text)) FROM unnest($1) AS v(oid)", &parameter, 1);
}

Model* model_for(const List* models, Oid relation) {
  ListCell* cell;
  foreach (cell, models) {
    auto* model = static_cast<Model*>(lfirst(cell));
    if (model->relation == relation) return model;
  }
  return nullptr;
}

void visit(const List* models, Model* model, List** ordered) {
  if (model->visited) return;
  if (model->visiting)
    ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION), errmsg("models read each other in a cycle"), errdetail("%s reads itself through other models.", model->label)));
  check_stack_depth();
  model->visiting = true;
  for (int i = 0; i < model->upstream_count; i++)
    if (Model* upstream = model_for(models, model->upstream[i])) visit(models, upstream, ordered);
  model->visiting = false;
  model->visited = true;
  *ordered = lappend(*ordered, model);
}

}  // namespace

List* all_models() {
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows("SELECT d.model_id, d.relation::oid, d.tier, d.kind = 'clean', d.source_id, d.columns, d.key, d.latest_by, d.query, d.upstream::oid[], "
                               "d.always, d.definition_hash, coalesce(s.version, 0) FROM dap.model_definition d LEFT JOIN dap.model_state s USING (model_id) "
                               "ORDER BY d.tier, d.model_id", nullptr, 0, CurrentMemoryContext);
  run_as_end(&ledger);
  List* models = NIL;
  for (int row = 0; row < rows.rows; row++) models = lappend(models, model_of(&rows, row));
  return models;
}

void resolve_query(Model* model) {
  if (model->is_clean) return;
  RunAs owner = run_as_begin(relation_owner(model->relation));
  QueryAnalysis analysis = analyze_query(model->query);
  model->upstream_count = list_length(analysis.upstream);
  model->upstream = static_cast<Oid*>(palloc(sizeof(Oid) * static_cast<Size>(model->upstream_count + 1)));
  for (int i = 0; i < model->upstream_count; i++) model->upstream[i] = list_nth_oid(analysis.upstream, i);
  model->always |= analysis.always;
  if (analysis.views != NIL) model->views = hash_of_views(analysis.views);
  run_as_end(&owner);
}

List* ordered_models(const List* models) {
  List* ordered = NIL;
  ListCell* cell;
  foreach (cell, models) visit(models, static_cast<Model*>(lfirst(cell)), &ordered);
  return ordered;
}

char* model_inputs(const Model* model, const List* models) {
  StringInfoData inputs;
  initStringInfo(&inputs);
  appendStringInfoChar(&inputs, '{');
  bool known = !model->always;
  RunAs ledger = run_as_begin(ledger_owner());
  for (int i = 0; i < model->upstream_count && known; i++) {
    const char* separator = inputs.len > 1 ? ", " : "";
    if (const Model* upstream = model_for(models, model->upstream[i])) {
      appendStringInfo(&inputs, "%s\"model %d\": " INT64_FORMAT, separator, upstream->model_id, upstream->version);
      continue;
    }
    Parameter parameter = {OIDOID, ObjectIdGetDatum(model->upstream[i]), false};
    ResultRows rows = query_rows("SELECT d.source_id, coalesce(max(l.change_id), 0) FROM dap.source_definition d LEFT JOIN dap.file_ledger l "
                                 "ON l.source_id = d.source_id AND l.status NOT IN ('failed', 'dismissed') WHERE d.relation = $1 GROUP BY d.source_id",
                                 &parameter, 1, CurrentMemoryContext, ReadAt::active_snapshot);
    if (rows.rows == 0) known = false;
    else appendStringInfo(&inputs, "%s\"source %d\": " INT64_FORMAT, separator, DatumGetInt32(rows.values[0]), DatumGetInt64(rows.values[1]));
  }
  run_as_end(&ledger);
  if (model->views) appendStringInfo(&inputs, "%s\"views\": \"%s\"", inputs.len > 1 ? ", " : "", model->views);
  appendStringInfoChar(&inputs, '}');
  return known ? inputs.data : nullptr;
}

bool model_is_current(const Model* model, const char* inputs) {
  if (!inputs) return false;
  Parameter parameters[] = {int4_parameter(model->model_id), text_parameter(model->definition_hash), text_parameter(inputs)};
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows("SELECT 1 FROM dap.model_state s WHERE s.model_id = $1 AND s.definition_hash = $2 AND s.inputs = $3::jsonb", parameters, 3, CurrentMemoryContext);
  run_as_end(&ledger);
  return rows.rows > 0;
}

void model_built(Model* model, const char* inputs, int64 run_id, int64 rows, int64 rejected, bool changed) {
  if (changed || model->version == 0) model->version = run_id;
  Parameter parameters[] = {int4_parameter(model->model_id), text_parameter(model->definition_hash), text_parameter(inputs ? inputs : "{}"),
                            int8_parameter(model->version), int8_parameter(rows), int8_parameter(rejected), int8_parameter(run_id)};
  RunAs ledger = run_as_begin(ledger_owner());
  // Where nothing is new nothing is written: not even the lock that ON CONFLICT would put on the row.
  run_statement("INSERT INTO dap.model_state AS s (model_id, definition_hash, inputs, version, rows, rejected, run_id, refreshed_at) "
                "SELECT $1, $2, $3::jsonb, $4, $5, $6, $7, pg_catalog.clock_timestamp() "
                "WHERE NOT EXISTS (SELECT 1 FROM dap.model_state o WHERE (o.model_id, o.definition_hash, o.inputs, o.version, o.rows, o.rejected) "
                "= ($1, $2, $3::jsonb, $4, $5, $6)) "
                "ON CONFLICT (model_id) DO UPDATE SET definition_hash = excluded.definition_hash, inputs = excluded.inputs, version = excluded.version, "
                "rows = excluded.rows, rejected = excluded.rejected, run_id = excluded.run_id, refreshed_at = excluded.refreshed_at", parameters, 7);
  run_as_end(&ledger);
}

}  // namespace dap
