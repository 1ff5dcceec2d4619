#include "pg/run/evidence.h"

namespace dap {

namespace {

struct Object {
  StringInfo out;
  bool first;
};

const char* status_text(RunStatus status) {
  switch (status) {
    case RunStatus::running: return "running";
    case RunStatus::returned: return "returned";
    case RunStatus::succeeded: return "succeeded";
    case RunStatus::failed: return "failed";
  }
  pg_unreachable();
}

void put_key(Object* object, const char* key) {
  appendStringInfoString(object->out, object->first ? "{" : ", ");
  object->first = false;
  escape_json(object->out, key);
  appendStringInfoString(object->out, ": ");
}

void put_text(Object* object, const char* key, const char* value) {
  if (value == nullptr) return;
  put_key(object, key);
  escape_json(object->out, value);
}

void put_number(Object* object, const char* key, int64 value) {
  put_key(object, key);
  appendStringInfo(object->out, INT64_FORMAT, value);
}

void put_time(Object* object, const char* key, TimestampTz value) {
  char text[MAXDATELEN + 1];
  JsonEncodeDateTime(text, TimestampTzGetDatum(value), TIMESTAMPTZOID, nullptr);
  put_text(object, key, text);
}

void put_step(StringInfo out, const StepResult* step) {
  Object object = {out, true};
  put_number(&object, "step", step->step);
  put_text(&object, "object", step->object);
  put_text(&object, "action", step_action_text(step->action));
  put_number(&object, "rows_in", step->rows_in);
  put_number(&object, "rows_inserted", step->rows_inserted);
  put_number(&object, "rows_updated", step->rows_updated);
  put_number(&object, "rows_deleted", step->rows_deleted);
  put_number(&object, "rows_rejected", step->rows_rejected);
  put_number(&object, "elapsed_us", step->elapsed_us);
  put_text(&object, "message", step->message);
  appendStringInfoChar(out, '}');
}

void put_failed_step(StringInfo out, const Run* run, const ErrorData* error) {
  Object object = {out, true};
  put_number(&object, "step", run->current_step);
  put_text(&object, "object", run->current_object);
  put_text(&object, "action", step_action_text(StepAction::failed));
  put_text(&object, "message",
           error->detail != nullptr ? psprintf("%s\n%s", error->message, error->detail) : error->message);
  appendStringInfoChar(out, '}');
}

void put_steps(Object* line, const Run* run, const ErrorData* error) {
  put_key(line, "steps");
  appendStringInfoChar(line->out, '[');
  bool first = true;
  bool has_current = false;
  ListCell* cell;
  foreach (cell, run->steps) {
    const StepResult* step = static_cast<const StepResult*>(lfirst(cell));
    if (!first) appendStringInfoString(line->out, ", ");
    first = false;
    if (step->step == run->current_step) has_current = true;
    put_step(line->out, step);
  }
  if (error != nullptr && run->current_object != nullptr && !has_current) {
    if (!first) appendStringInfoString(line->out, ", ");
    put_failed_step(line->out, run, error);
  }
  appendStringInfoChar(line->out, ']');
}

// Runs that found nothing to do leave their own line only.
bool did_something(const Run* run) {
  ListCell* cell;
  foreach (cell, run->steps)
    if (static_cast<const StepResult*>(lfirst(cell))->action != StepAction::unchanged) return true;
  return false;
}

}  // namespace

const char* step_action_text(StepAction action) {
  switch (action) {
    case StepAction::loaded: return "loaded";
    case StepAction::skipped: return "skipped";
    case StepAction::failed: return "failed";
    case StepAction::built: return "built";
    case StepAction::merged: return "merged";
    case StepAction::unchanged: return "unchanged";
  }
  pg_unreachable();
}

char* run_line(const Run* run, RunStatus status, const ErrorData* error) {
  StringInfoData text;
  initStringInfo(&text);
  Object line = {&text, true};
  put_number(&line, "run_id", run->id);
  put_text(&line, "command", run->command);
  put_text(&line, "status", status_text(status));
  put_time(&line, "started_at", run->started_at);
  put_text(&line, "run_by", run->run_by);
  put_number(&line, "pid", MyProcPid);
  put_text(&line, "xid", psprintf(UINT64_FORMAT, U64FromFullTransactionId(run->xid)));
  put_number(&line, "system_identifier", static_cast<int64>(GetSystemIdentifier()));
  put_number(&line, "database_oid", MyDatabaseId);
  if (status != RunStatus::running) put_time(&line, "finished_at", GetCurrentTimestamp());
  if (error != nullptr) {
    put_text(&line, "failed_step", run->current_object);
    put_text(&line, "sqlstate", unpack_sql_state(error->sqlerrcode));
    put_text(&line, "message", error->message);
    put_text(&line, "detail", error->detail);
    put_text(&line, "hint", error->hint);
  }
  if (error != nullptr || (status == RunStatus::succeeded && did_something(run))) put_steps(&line, run, error);
  appendStringInfoChar(&text, '}');
  return text.data;
}

char* run_summary(const Run* run, const ErrorData* error) {
  StringInfoData text;
  initStringInfo(&text);
  appendStringInfo(&text, "run " INT64_FORMAT " (%s, user %s) failed", run->id, run->command, run->run_by);
  if (run->current_object != nullptr)
    appendStringInfo(&text, " in step %d on %s", run->current_step, run->current_object);
  appendStringInfo(&text, ": SQLSTATE %s: %s", unpack_sql_state(error->sqlerrcode), error->message);
  if (error->detail != nullptr) appendStringInfo(&text, "; %s", error->detail);
  appendStringInfo(&text, "; steps done: %d, failed files: %d", list_length(run->steps), list_length(run->files));
  return text.data;
}

}  // namespace dap
