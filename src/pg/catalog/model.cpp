#include "pg/catalog/model.h"

#include "bridge/query.h"
#include "bridge/run_as.h"
#include "pg/catalog/function_hash.h"
#include "pg/catalog/model_settings.h"
#include "pg/catalog/query_analysis.h"

namespace dap {
namespace {

char** texts_of(Datum array, int* count) {
  Datum* values;
  bool* nulls;
  deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, count);
  char** texts = static_cast<char**>(palloc(sizeof(char*) * static_cast<Size>(*count + 1)));
  for (int i = 0; i < *count; i++) {
    if (nulls[i])
      ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION), errmsg("a model's list of columns holds NULL")));
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
  model->columns_json = DatumGetJsonbP(values[5]);
  JsonbContainer* columns = &model->columns_json->root;
  model->columns = model->is_clean ? read_clean_columns(columns) : read_query_columns(columns);
  model->key = texts_of(values[6], &model->key_count);
  if (!nulls[7]) model->latest_by = texts_of(values[7], &model->latest_by_count);
  model->query = nulls[8] ? nullptr : TextDatumGetCString(values[8]);
  model->upstream = oids_of(values[9], &model->upstream_count);
  model->always = DatumGetBool(values[10]);
  model->definition_hash = TextDatumGetCString(values[11]);
  model->version = DatumGetInt64(values[12]);
  model->settings = nulls[14] ? nullptr : DatumGetJsonbP(values[14]);
  model->name = TextDatumGetCString(values[13]);
  model->label = get_rel_name(model->relation) ? relation_label(model->relation) : nullptr;
  return model;
}

Parameter oids_parameter(const List* list) {
  int count = list_length(list);
  auto* oids = static_cast<Datum*>(palloc(sizeof(Datum) * static_cast<Size>(count + 1)));
  for (int i = 0; i < count; i++) oids[i] = ObjectIdGetDatum(list_nth_oid(list, i));
  return {OIDARRAYOID, PointerGetDatum(construct_array(oids, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT)), false};
}

char* hash_of_views(const List* views) {
  Parameter parameter = oids_parameter(views);
  return query_text(
      "SELECT md5(string_agg(v.oid::regclass || ' ' || pg_get_viewdef(v.oid), E'\n' ORDER BY v.oid::regclass::text)) "
      "FROM unnest($1) AS v(oid)",
      &parameter, 1);
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
    ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION), errmsg("models read each other in a cycle"),
                    errdetail("%s reads itself through other models.", model->label)));
  check_stack_depth();
  model->visiting = true;
  for (int i = 0; i < model->upstream_count; i++)
    if (Model* upstream = model_for(models, model->upstream[i])) visit(models, upstream, ordered);
  model->visiting = false;
  model->visited = true;
  *ordered = lappend(*ordered, model);
}

// The columns that the table was made for; of what type they are, the table itself says when the rows go into it.
void check_columns(const Model* model) {
  for (int i = 0; i < model->columns.count; i++) {
    const char* name = model->columns.column[i].name;
    if (result_column(model, name)) continue;
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("the query of model %s gives no column \"%s\" any more", model->label, name),
                    errdetail("What it reads has changed since the model was made."),
                    errhint("Change the model with dap.create_model(…, or_replace => true).")));
  }
}

// Has the query no version to compare, because it reads a table that no run writes?
bool reads_unversioned(const List* upstream) {
  Parameter parameter = oids_parameter(upstream);
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows(
      "SELECT 1 FROM unnest($1) AS u(oid) WHERE NOT EXISTS (SELECT 1 FROM dap_internal.model_definition m WHERE "
      "m.relation = u.oid) "
      "AND NOT EXISTS (SELECT 1 FROM dap_internal.source_definition s WHERE s.relation = u.oid) LIMIT 1",
      &parameter, 1, CurrentMemoryContext);
  run_as_end(&ledger);
  return rows.rows > 0;
}

// Who asks for a model's readers, or for its name when the table is gone, is answered from the definition.
void correct_definition(const Model* model, const List* upstream) {
  Parameter parameters[] = {int4_parameter(model->model_id),
                            text_parameter(model->label),
                            oids_parameter(upstream),
                            {BOOLOID, BoolGetDatum(model->always), false}};
  RunAs ledger = run_as_begin(ledger_owner());
  run_statement("UPDATE dap_internal.model_definition SET model = $2, upstream = $3, always = $4 WHERE model_id = $1",
                parameters, 4);
  run_as_end(&ledger);
}

}  // namespace

bool is_key_column(const Model* model, const char* name) {
  for (int i = 0; i < model->key_count; i++)
    if (strcmp(model->key[i], name) == 0) return true;
  return false;
}

List* all_models() {
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows(
      "SELECT d.model_id, d.relation::oid, d.tier, d.kind = 'clean', d.source_id, d.columns, d.key, d.latest_by, "
      "d.query, d.upstream::oid[], "
      "d.always, d.definition_hash, coalesce(s.version, 0), d.model, d.settings FROM dap_internal.model_definition d "
      "LEFT JOIN dap_internal.model_state s USING (model_id) "
      "ORDER BY d.tier, d.model_id",
      nullptr, 0, CurrentMemoryContext);
  List* models = NIL;
  for (int row = 0; row < rows.rows; row++) models = lappend(models, model_of(&rows, row));
  run_as_end(&ledger);  // not before the labels are made: a session may quote all identifiers
  return models;
}

RunAs run_as_model(const Model* model) {
  RunAs saved = run_as_begin(relation_owner(model->relation));
  (void)apply_settings(model->settings);
  return saved;
}

const ResultColumn* result_column(const Model* model, const char* name) {
  ListCell* cell;
  foreach (cell, model->result) {
    auto* column = static_cast<ResultColumn*>(lfirst(cell));
    if (strcmp(column->name, name) == 0) return column;
  }
  return nullptr;
}

void resolve_model(Model* model) {
  if (!model->label)
    ereport(
        ERROR,
        (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("the table of model %s does not exist any more", model->name),
         errhint("Create the model again, or remove its definition: SELECT dap.drop_model('%u').", model->relation)));
  // What the catalog's constraints say, should somebody have taken them away: the refresh stands on it.
  if (model->key_count == 0 || (model->is_clean ? model->upstream_count != 1 : model->query == nullptr))
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_OBJECT_DEFINITION), errmsg("the definition of model %s is damaged", model->label),
             errhint("Define it again with or_replace.")));
  List* upstream = NIL;
  for (int i = 0; i < model->upstream_count; i++) upstream = lappend_oid(upstream, model->upstream[i]);
  bool is_correct = strcmp(model->name, model->label) == 0;
  if (!model->is_clean) {
    RunAs owner = run_as_model(model);
    QueryAnalysis analysis = analyze_query(model->query);
    model->calls_functions = analysis.functions != NIL;
    model->result = analysis.columns;
    // Of no interest where it is computed each time.
    if (!analysis.always && analysis.views != NIL) model->views = hash_of_views(analysis.views);
    if (!analysis.always && analysis.functions != NIL)
      model->functions = function_hash(oids_parameter(analysis.functions));
    if (!analysis.always && analysis.literals[0] != '\0')
      model->literals = TextDatumGetCString(DirectFunctionCall1(md5_text, CStringGetTextDatum(analysis.literals)));
    run_as_end(&owner);
    check_columns(model);
    bool always = analysis.always || reads_unversioned(analysis.upstream);
    is_correct &= always == model->always && equal(upstream, analysis.upstream);
    model->always = always;
    upstream = analysis.upstream;
    model->upstream_count = list_length(upstream);
    model->upstream = static_cast<Oid*>(palloc(sizeof(Oid) * static_cast<Size>(model->upstream_count + 1)));
    for (int i = 0; i < model->upstream_count; i++) model->upstream[i] = list_nth_oid(upstream, i);
  }
  if (!is_correct) correct_definition(model, upstream);
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
    ResultRows rows = query_rows(
        "SELECT d.source_id, coalesce(max(l.change_id), 0) FROM dap_internal.source_definition d LEFT JOIN "
        "dap_internal.file_ledger l "
        "ON l.source_id = d.source_id AND l.status NOT IN ('failed', 'dismissed') WHERE d.relation = $1 GROUP BY "
        "d.source_id",
        &parameter, 1, CurrentMemoryContext, ReadAt::active_snapshot);
    if (rows.rows == 0) known = false;
    else
      appendStringInfo(&inputs, "%s\"source %d\": " INT64_FORMAT, separator, DatumGetInt32(rows.values[0]),
                       DatumGetInt64(rows.values[1]));
  }
  run_as_end(&ledger);
  const struct {
    const char* name;
    const char* hash;
  } readings[] = {{"views", model->views}, {"functions", model->functions}, {"literals", model->literals}};
  for (const auto& reading : readings)
    if (reading.hash)
      appendStringInfo(&inputs, "%s\"%s\": \"%s\"", inputs.len > 1 ? ", " : "", reading.name, reading.hash);
  appendStringInfoChar(&inputs, '}');
  return known ? inputs.data : nullptr;
}

bool model_is_current(const Model* model, const char* inputs) {
  if (!inputs) return false;
  Parameter parameters[] = {int4_parameter(model->model_id), text_parameter(model->definition_hash),
                            text_parameter(inputs)};
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows(
      "SELECT 1 FROM dap_internal.model_state s WHERE s.model_id = $1 AND s.definition_hash = $2 AND s.inputs = "
      "$3::jsonb",
      parameters, 3, CurrentMemoryContext);
  run_as_end(&ledger);
  return rows.rows > 0;
}

void model_built(Model* model, const char* inputs, int64 run_id, int64 rows, int64 rejected, bool changed) {
  if (changed || model->version == 0) model->version = run_id;
  Parameter parameters[] = {int4_parameter(model->model_id),
                            text_parameter(model->definition_hash),
                            text_parameter(inputs ? inputs : "{}"),
                            int8_parameter(model->version),
                            int8_parameter(rows),
                            int8_parameter(rejected),
                            int8_parameter(run_id)};
  RunAs ledger = run_as_begin(ledger_owner());
  // Where nothing is new nothing is written: not even the lock that ON CONFLICT would put on the row.
  run_statement(
      "INSERT INTO dap_internal.model_state AS s (model_id, definition_hash, inputs, version, rows, rejected, run_id, "
      "refreshed_at) "
      "SELECT $1, $2, $3::jsonb, $4, $5, $6, $7, pg_catalog.clock_timestamp() "
      "WHERE NOT EXISTS (SELECT 1 FROM dap_internal.model_state o WHERE (o.model_id, o.definition_hash, o.inputs, "
      "o.version, o.rows, o.rejected) "
      "= ($1, $2, $3::jsonb, $4, $5, $6)) "
      "ON CONFLICT (model_id) DO UPDATE SET definition_hash = excluded.definition_hash, inputs = excluded.inputs, "
      "version = excluded.version, "
      "rows = excluded.rows, rejected = excluded.rejected, run_id = excluded.run_id, refreshed_at = "
      "excluded.refreshed_at",
      parameters, 7);
  run_as_end(&ledger);
}

}  // namespace dap
