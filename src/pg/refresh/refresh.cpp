// The refresh functions: ingest, then models in the order of what they read, in one transaction.
#include <cstring>

#include "bridge/pg.h"
#include "bridge/query.h"
#include "bridge/run_as.h"
#include "bridge/sentence.h"
#include "bridge/slab_memory.h"
#include "bridge/subtransaction.h"
#include "pg/catalog/model.h"
#include "pg/catalog/source.h"
#include "pg/clean/clean_bulk.h"
#include "pg/clean/clean_rows.h"
#include "pg/ingest/ingest.h"
#include "pg/refresh/model_query.h"
#include "pg/run/nesting.h"
#include "pg/run/reading.h"
#include "pg/run/run.h"
#include "pg/settings.h"
#include "pg/table/bulk_target.h"
#include "pg/table/merge.h"

namespace dap {
namespace {

struct Plan {
  bool full;
  bool ingest;
  int first_tier;
  int last_tier;
  Run* run;
  int step;
  Snapshot snapshot;  // of everything that models read
};

StepResult begin_step(Plan* plan, const char* object) {
  StepResult step = {};
  step.step = ++plan->step;
  step.object = object;
  run_set_current(plan->run, step.step, object);
  step.elapsed_us = GetCurrentTimestamp();
  return step;
}

void end_step(Plan* plan, StepResult* step, StepAction action) {
  step->action = action;
  step->elapsed_us = GetCurrentTimestamp() - step->elapsed_us;
  run_add_step(plan->run, step);
}

char* with_place(const FileResult* file) {
  return file->place ? psprintf("%s: %s", file->place, file->reason) : pstrdup(file->reason);
}

// A file that failed in an earlier run is not read again: what the ledger knows of it.
void recall_failure(FileResult* file) {
  if (file->evidence || file->file_id == 0) return;
  Parameter parameter = int4_parameter(file->file_id);
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows(
      "SELECT coalesce(l.rows_read, 0), coalesce(l.rows_rejected, 0), "
      "(SELECT concat('line ' || r.line, ', column \"' || r.column_name || '\"') FROM dap_internal.reject_ledger r "
      "WHERE r.file_id = l.file_id AND r.line IS NOT NULL ORDER BY r.line, r.reject_id LIMIT 1) "
      "FROM dap_internal.file_ledger l WHERE l.file_id = $1",
      &parameter, 1, CurrentMemoryContext);
  run_as_end(&ledger);
  if (rows.rows == 0) return;
  file->rows_read = DatumGetInt64(rows.values[0]);
  file->rows_rejected = DatumGetInt64(rows.values[1]);
  if (!file->place && !rows.nulls[2]) file->place = TextDatumGetCString(rows.values[2]);
}

// The query that shows more: a file that is broken as a whole has no rejects. What failed before under another name
// stands there under that one.
char* query_for_more(const FileResult* file) {
  const char* view = file->rows_rejected > 0 ? "rejects" : "files";
  if (file->under_other_name) return psprintf("SELECT * FROM dap.%s WHERE file_id = %d", view, file->file_id);
  return psprintf("SELECT * FROM dap.%s WHERE path = %s", view, quote_literal_cstr(file->path));
}

// What the reason itself asks for, behind the rest of a hint.
const char* also_to_do(const FileResult* file) {
  const char* hint = file->why == Reason::none ? "" : reason_hint(file->why);
  return hint[0] == '\0' ? hint : psprintf(" %s", hint);
}

// The files that a run left out and did not leave out before, in words. The first few by name: thousands may have come
// a second time.
struct LeftOut {
  StringInfoData words;
  int count;
};

constexpr int most_named_files = 5;

void leave_out(LeftOut* left_out, const FileResult* file) {
  if (left_out->count == 0) initStringInfo(&left_out->words);
  if (left_out->count < most_named_files)
    appendStringInfo(&left_out->words, "%s\"%s\" was left out: %s", left_out->count ? "\n" : "", file->path,
                     file->reason);
  left_out->count++;
}

const char* words_of(LeftOut* left_out) {
  if (left_out->count == 0) return nullptr;
  if (left_out->count > most_named_files)
    appendStringInfo(&left_out->words, "\nand %d more; dap.skipped_files has those whose bytes are known",
                     left_out->count - most_named_files);
  return left_out->words.data;
}

[[noreturn]] void stop_on_file(const IngestRequest* request, FileResult* file) {
  recall_failure(file);
  ereport(ERROR, (errcode(file->sqlerrcode), errmsg("file \"%s\" failed, nothing was published", file->path),
                  errdetail("Source %s, %s. " INT64_FORMAT " records read, " INT64_FORMAT " rejected.",
                            request->definition->source, with_place(file), file->rows_read, file->rows_rejected),
                  errhint("%s; to go on without the file: SELECT dap.dismiss_file(%s, 'why').%s", query_for_more(file),
                          quote_literal_cstr(file->path), also_to_do(file))));
  pg_unreachable();
}

void set_aside(Plan* plan, FileResult* file) {
  recall_failure(file);
  ereport(WARNING,
          (errcode(file->sqlerrcode), errmsg("file \"%s\" is set aside", file->path),
           errdetail("%s", sentence(with_place(file))), errhint("%s.%s", query_for_more(file), also_to_do(file))));
  ingest_record_failure(file);
  StepResult step = begin_step(plan, file->path);
  step.rows_in = file->rows_read;
  step.rows_rejected = file->rows_rejected;
  step.elapsed_us -= file->elapsed_us;
  end_step(plan, &step, StepAction::failed);
}

void ingest_source(Plan* plan, const SourceDefinition* definition) {
  StepResult step = begin_step(plan, definition->label);
  IngestRequest request = {definition, nullptr, run_id(plan->run)};
  ingest_begin(&request);
  check_source_columns(definition);
  List* files = ingest_path(&request, nullptr);
  bool sets_aside = ingest_sets_aside(&request), loaded = false;
  LeftOut left_out = {};
  ListCell* cell;
  // Whatever ends the run: the evidence is that of every file that failed.
  foreach (cell, files) {
    auto* file = static_cast<FileResult*>(lfirst(cell));
    if (file->status == FileStatus::failed && file->evidence) run_add_failed_file(plan->run, file->evidence);
  }
  foreach (cell, files) {
    auto* file = static_cast<FileResult*>(lfirst(cell));
    if (file->status == FileStatus::failed) {
      if (!sets_aside) stop_on_file(&request, file);
      continue;
    }
    loaded |= file->status == FileStatus::loaded;
    // Once told: what was skipped before and is still the same is nothing new.
    if (file->status == FileStatus::skipped && !file->known && !file->told_before &&
        (!file->recognised || file->under_other_name))
      leave_out(&left_out, file);
    step.rows_in += file->rows_read;
    step.rows_inserted += file->rows_loaded;
    step.rows_rejected += file->rows_rejected;
  }
  step.message = words_of(&left_out);
  end_step(plan, &step, loaded ? StepAction::loaded : left_out.count > 0 ? StepAction::skipped : StepAction::unchanged);
  foreach (cell, files) {
    auto* file = static_cast<FileResult*>(lfirst(cell));
    if (file->status == FileStatus::failed) set_aside(plan, file);
  }
}

// Clean rejects count against the limits of their file as ingest rejects do. Of each file that is past them the first
// rejects are kept.
void check_limits(Plan* plan, const Model* model) {
  Parameter parameters[] = {int4_parameter(model->source_id), int8_parameter(run_id(plan->run))};
  RunAs ledger = run_as_begin(ledger_owner());
  enum { id, path, place, why, read, rejected, of_run, columns };
  ResultRows over = query_rows(
      "SELECT f.file_id, f.path, f.place, f.why, f.rows_read, f.rows_rejected, f.of_run FROM "
      "dap_internal.files_over_limit($1, $2) AS f",
      parameters, 2, CurrentMemoryContext);
  Size kept = 0;
  for (int i = 0; i < over.rows && kept < most_evidence_bytes; i++) {
    Datum* file = over.values + i * columns;
    Parameter failed[] = {int4_parameter(DatumGetInt32(file[id])), text_parameter(TextDatumGetCString(file[why])),
                          int8_parameter(DatumGetInt64(file[rejected]))};
    Parameter attempt[] = {failed[0], parameters[1]};
    char* evidence = DatumGetBool(file[of_run])
                         ? query_text("SELECT dap_internal.failed_file_evidence($1, $2, $3)::text", failed, 3)
                         : query_text("SELECT dap_internal.attempt_evidence($1, $2)::text", attempt, 2);
    run_add_failed_file(plan->run, evidence);
    kept += std::strlen(evidence);
    pfree(evidence);
  }
  run_as_end(&ledger);
  if (over.rows == 0) return;
  Datum* first = over.values;
  const char* name = TextDatumGetCString(first[path]);
  const char* way_out =
      DatumGetBool(first[of_run])
          ? psprintf("; to go on without the file: SELECT dap.dismiss_file(%s, 'why')", quote_literal_cstr(name))
          : "; the file was loaded before: correct the model's rules, or take it as it is with the source's option "
            "max_reject_percent 100";
  ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT), errmsg("file \"%s\" failed, nothing was published", name),
                  errdetail("Model %s: %s; %s. " INT64_FORMAT " records read, " INT64_FORMAT " rejected.", model->label,
                            TextDatumGetCString(first[place]), TextDatumGetCString(first[why]),
                            DatumGetInt64(first[read]), DatumGetInt64(first[rejected])),
                  errhint("SELECT * FROM dap.rejects WHERE path = %s%s.", quote_literal_cstr(name), way_out)));
}

// What failed clean steps have rejected is of no use once their models are as they should be.
void forget_attempts(const Plan* plan) {
  Parameter tiers[] = {int4_parameter(plan->first_tier), int4_parameter(plan->last_tier)};
  RunAs ledger = run_as_begin(ledger_owner());
  run_statement(
      "DELETE FROM dap_internal.reject_ledger r USING dap_internal.model_definition m WHERE r.attempt AND m.model_id = "
      "r.model_id AND m.tier BETWEEN $1 AND $2",
      tiers, 2);
  run_as_end(&ledger);
}

// The table's new rows in the place of the old ones; closes both.
MergeResult merge(const Model* model, Relation target, NewRows* rows) {
  table_close(target, NoLock);
  MergeResult merged = merge_rows(model, rows);
  merge_close(&merged, rows);  // before their memory goes: a store that spilled has a file to close
  return merged;
}

void take_rejects(Plan* plan, const Model* model, CleanRejects* rejects, StepResult* step) {
  step->rows_rejected = rejects->count;
  RunAs ledger = run_as_begin(ledger_owner());
  record_clean_rejects(model, rejects, run_id(plan->run));
  run_as_end(&ledger);
  clean_rejects_close(rejects);
  check_limits(plan, model);
}

void clean(Plan* plan, const Model* model, Relation target, StepResult* step, MergeResult* merged) {
  require_source_table(model->source_id);
  BulkClean bulk;
  BulkWay way = setting_engine ? clean_in_bulk(model, target, plan->snapshot, &bulk) : BulkWay::none;
  if (way != BulkWay::none) {
    step->rows_in = bulk.read;
    take_rejects(plan, model, &bulk.rejects, step);
    table_close(target, NoLock);
    if (way == BulkWay::filled) {
      if (bulk.rows > 0 && !bulk.indexed) build_indexes(model->relation);
      bulk.merged.was_empty = true;
      bulk.merged.inserted = bulk.rows;
    } else {
      merge_bulk(&bulk, plan->snapshot);
      merge_close(&bulk.merged, nullptr);
    }
    *merged = bulk.merged;
    return;
  }
  CleanResult cleaned = clean_rows(model, target, plan->snapshot);
  step->rows_in = cleaned.read;
  take_rejects(plan, model, &cleaned.rejects, step);
  *merged = merge(model, target, cleaned.rows);
}

MergeResult query(Plan* plan, const Model* model, Relation target, StepResult* step) {
  MergeResult merged = {};
  if (setting_engine && query_in_bulk(model, target, plan->snapshot, &merged.rows)) {
    table_close(target, NoLock);
    merged.was_empty = true;
    merged.inserted = step->rows_in = merged.rows;
    return merged;
  }
  NewRows* rows = model_rows(model, target, plan->snapshot);
  step->rows_in = tuplestore_tuple_count(rows->store);
  return merge(model, target, rows);
}

void refresh_model(Plan* plan, Model* model, const List* models) {
  StepResult step = begin_step(plan, model->label);
  reading_push(plan->snapshot);
  char* inputs = model_inputs(model, models);
  reading_pop();
  if (!plan->full && model_is_current(model, inputs)) {
    end_step(plan, &step, StepAction::unchanged);
    return;
  }
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dap model", ALLOCSET_DEFAULT_SIZES);
  MemoryContext old = MemoryContextSwitchTo(context);
  Oid reader = relation_owner(model->relation);
  check_sees_all(model->relation, reader);
  // A query may read by way of a view, with the rights of that one's owner: there PostgreSQL itself refuses what
  // row-level security would hide.
  if (model->is_clean) check_sees_all(model->upstream[0], reader);
  RunAs owner = run_as_model(model);
  Relation target = table_open(model->relation, ShareRowExclusiveLock);
  check_runs_as_owner(target);
  MergeResult merged = {};
  if (model->is_clean) clean(plan, model, target, &step, &merged);
  else merged = query(plan, model, target, &step);
  int64 changed = merged.inserted + merged.updated + merged.deleted;
  if (changed > 0 && changed * 10 >= merged.rows) run_statement(psprintf("ANALYZE %s", model->label));
  run_as_end(&owner);
  step.rows_inserted = merged.inserted;
  step.rows_updated = merged.updated;
  step.rows_deleted = merged.deleted;
  model_built(model, inputs, run_id(plan->run), merged.rows, step.rows_rejected, changed > 0);
  MemoryContextSwitchTo(old);
  MemoryContextDelete(context);
  end_step(plan, &step,
           changed == 0       ? StepAction::unchanged
           : merged.was_empty ? StepAction::built
                              : StepAction::merged);
}

// Of the columns that clean models read: those that a file brought once, which no definition names, too.
void check_columns_read(Plan* plan, const List* models) {
  ListCell* cell;
  foreach (cell, models) {
    auto* model = static_cast<Model*>(lfirst(cell));
    if (!model->is_clean) continue;
    Parameter parameter = int4_parameter(model->model_id);
    RunAs ledger = run_as_begin(ledger_owner());
    ResultRows rows = query_rows(
        "SELECT r.name, s.relation::pg_catalog.oid FROM dap_internal.model_definition m JOIN "
        "dap_internal.source_definition s ON s.source_id = m.source_id "
        "CROSS JOIN LATERAL (SELECT coalesce(c->>'source', c->>'name') AS name FROM jsonb_array_elements(m.columns) AS "
        "c "
        "WHERE jsonb_typeof(c) = 'object' AND coalesce(jsonb_typeof(c->'source'), 'string') = 'string') AS r "
        "WHERE m.model_id = $1 AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = s.relation AND "
        "a.attname = r.name AND NOT a.attisdropped) "
        "LIMIT 1",
        &parameter, 1, CurrentMemoryContext);
    run_as_end(&ledger);
    if (rows.rows == 0) continue;
    run_set_current(plan->run, plan->step + 1, model->label);
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("column \"%s\" of %s does not exist any more", TextDatumGetCString(rows.values[0]),
                           relation_label(DatumGetObjectId(rows.values[1]))),
                    errdetail("Model %s reads it; it was dropped or renamed by hand, and what files brought in it is "
                              "not there under its name.",
                              model->label),
                    errhint("Rename it back, or define the model anew, without it, with or_replace => true.")));
  }
}

// Models are not built from a source that lacks what files brought.
void check_sources(Plan* plan, const List* relations, const List* models) {
  ListCell* cell;
  foreach (cell, sources_of(relations)) {
    auto* source = static_cast<SourceDefinition*>(lfirst(cell));
    run_set_current(plan->run, plan->step + 1, source->label);
    check_source_columns(source);
  }
  check_columns_read(plan, models);
}

void refresh(Plan* plan) {
  ListCell* cell;
  stock_slabs(CurrentMemoryContext);
  if (plan->ingest) {
    List* sources = sources_with_path();
    foreach (cell, sources) ingest_source(plan, static_cast<SourceDefinition*>(lfirst(cell)));
  }
  run_set_current(plan->run, plan->step + 1, nullptr);  // no object's fault yet
  List *models = all_models(), *wanted = NIL, *read = NIL;
  foreach (cell, models) {
    auto* model = static_cast<Model*>(lfirst(cell));
    if (model->tier < plan->first_tier || model->tier > plan->last_tier) continue;
    run_set_current(plan->run, plan->step + 1, model->label ? model->label : model->name);
    resolve_model(model);
    wanted = lappend(wanted, model);
  }
  wanted = ordered_models(wanted);
  foreach (cell, wanted) {
    auto* model = static_cast<Model*>(lfirst(cell));
    for (int i = 0; i < model->upstream_count; i++) read = lappend_oid(read, model->upstream[i]);
  }
  plan->snapshot = reading_begin(read);
  check_sources(plan, read, wanted);
  foreach (cell, wanted) refresh_model(plan, static_cast<Model*>(lfirst(cell)), models);
  reading_end(plan->snapshot);
  forget_attempts(plan);
}

bool is_full(FunctionCallInfo fcinfo) {
  const char* mode = PG_ARGISNULL(0) ? "NULL" : text_to_cstring(PG_GETARG_TEXT_PP(0));
  if (std::strcmp(mode, "full") == 0) return true;
  if (std::strcmp(mode, "auto") != 0)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid mode \"%s\"", mode),
                    errhint("The modes are \"auto\" and \"full\".")));
  return false;
}

void put_steps(FunctionCallInfo fcinfo, const Plan* plan) {
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  ListCell* cell;
  foreach (cell, run_steps(plan->run)) {
    auto* step = static_cast<StepResult*>(lfirst(cell));
    Interval elapsed = {};
    elapsed.time = step->elapsed_us;
    bool nulls[10] = {};
    Datum values[10] = {Int64GetDatum(run_id(plan->run)),   Int32GetDatum(step->step),
                        CStringGetTextDatum(step->object),  CStringGetTextDatum(step_action_text(step->action)),
                        Int64GetDatum(step->rows_in),       Int64GetDatum(step->rows_inserted),
                        Int64GetDatum(step->rows_updated),  Int64GetDatum(step->rows_deleted),
                        Int64GetDatum(step->rows_rejected), IntervalPGetDatum(&elapsed)};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
}

// The work in a subtransaction of its own, so that what it did is undone, and its locks on rows gone, before its
// evidence is written.
Datum run_plan(FunctionCallInfo fcinfo, Plan* plan, const char* command) {
  InitMaterializedSRF(fcinfo, 0);
  run_lock(plan->ingest ? source_ids_with_path : nullptr);
  plan->run = run_begin(command);
  ErrorData* error = in_subtransaction([plan] {
    as_work("a refresh", [plan] { refresh(plan); });
    return true;
  });
  if (error) {
    run_fail(plan->run, error);
    ReThrowError(run_safe_error(plan->run, error));
  }
  run_succeed(plan->run);
  put_steps(fcinfo, plan);
  return static_cast<Datum>(0);
}

Datum run_tier(FunctionCallInfo fcinfo, int tier, const char* name) {
  Plan plan = {};
  plan.full = is_full(fcinfo);
  plan.first_tier = plan.last_tier = tier;
  return run_plan(fcinfo, &plan, psprintf("%s('%s')", name, plan.full ? "full" : "auto"));
}

}  // namespace
}  // namespace dap

DAP_FUNCTION(dap_refresh_first) { return dap::run_tier(fcinfo, 1, get_func_name(fcinfo->flinfo->fn_oid)); }

DAP_FUNCTION(dap_refresh_second) { return dap::run_tier(fcinfo, 2, get_func_name(fcinfo->flinfo->fn_oid)); }

DAP_FUNCTION(dap_refresh_all) {
  dap::Plan plan = {};
  plan.full = dap::is_full(fcinfo);
  plan.ingest = PG_ARGISNULL(1) || PG_GETARG_BOOL(1);
  plan.first_tier = 1;
  plan.last_tier = 2;
  return dap::run_plan(fcinfo, &plan,
                       psprintf("refresh_all('%s', %s)", plan.full ? "full" : "auto", plan.ingest ? "true" : "false"));
}
