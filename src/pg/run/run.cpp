#include "pg/run/run.h"

#include "bridge/query.h"
#include "bridge/run_as.h"
#include "bridge/subtransaction.h"
#include "pg/run/evidence.h"
#include "pg/run/recorder.h"
#include "pg/run/redact.h"

namespace dap {

namespace {

void warn_once(Run* run, const RecorderResult* result, const char* consequence) {
  if (run->warned || result->reason == nullptr) return;
  run->warned = true;
  ereport(WARNING,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("could not record run " INT64_FORMAT " outside its transaction: %s", run->id, result->reason),
           errdetail("%s", consequence), result->hint != nullptr ? errhint("%s", result->hint) : 0));
}

void write_line_inside(const char* line) {
  Parameter parameter = text_parameter(line);
  RunAs saved = run_as_begin(ledger_owner());
  (void)run_statement("SELECT dap_internal.record_run($1::pg_catalog.jsonb)", &parameter, 1);
  run_as_end(&saved);
}

}  // namespace

Run* run_begin(const char* command) {
  MemoryContext outer = CurrentMemoryContext;
  MemoryContext context = AllocSetContextCreate(outer, "dap run", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(context);
  Run* run = static_cast<Run*>(palloc0(sizeof(Run)));
  run->context = context;
  run->command = pstrdup(command);
  run->run_by = GetUserNameFromId(GetSessionUserId(), false);
  run->started_at = GetCurrentTimestamp();
  run->id = nextval_internal(dap_relation("run_id_seq"), false);
  run->xid = GetCurrentFullTransactionId();

  RecorderTask task = {run_line(run, RunStatus::running, nullptr), NIL, true, true};
  RecorderResult result = record_outside(&task);
  MemoryContextSwitchTo(outer);
  if (!result.written)
    warn_once(run, &result,
              "The run goes on; its line appears when it ends, and not at all should the server process die.");
  return run;
}

int64 run_id(const Run* run) { return run->id; }

void run_add_step(Run* run, const StepResult* step) {
  MemoryContext outer = MemoryContextSwitchTo(run->context);
  StepResult* copy = static_cast<StepResult*>(palloc(sizeof(StepResult)));
  *copy = *step;
  copy->object = pstrdup(step->object);
  copy->message = step->message == nullptr ? nullptr : pstrdup(step->message);
  run->steps = lappend(run->steps, copy);
  MemoryContextSwitchTo(outer);
}

List* run_steps(const Run* run) { return run->steps; }

void run_set_current(Run* run, int step, const char* object) {
  run->current_step = step;
  run->current_object = object == nullptr ? nullptr : MemoryContextStrdup(run->context, object);
}

void run_add_failed_file(Run* run, const char* json) {
  MemoryContext outer = MemoryContextSwitchTo(run->context);
  run->files = lappend(run->files, pstrdup(json));
  MemoryContextSwitchTo(outer);
}

void run_succeed(Run* run) {
  RecorderTask task = {run_line(run, RunStatus::returned, nullptr), NIL, true, false};
  RecorderResult result = record_outside(&task);
  if (!result.written)
    warn_once(run, &result, "Should the transaction be rolled back, the run will show as crashed rather than aborted.");

  // A cancel that arrives just now ends a run like any other error: rolled back first, so that the recorder finds its
  // line free.
  ErrorData* error = in_subtransaction([run] {
    write_line_inside(run_line(run, RunStatus::succeeded, nullptr));
    return true;
  });
  if (error != nullptr) {
    run_fail(run, error);
    ReThrowError(run_safe_error(run, error));
  }
}

ErrorData* run_safe_error(const Run* run, const ErrorData* error) { return redacted_copy(error, run->current_object); }

void run_fail(Run* run, const ErrorData* original) {
  MemoryContext outer = CurrentMemoryContext;
  uint32 held = InterruptHoldoffCount;
  // A cancel that arrives now must not take the place of the original error: even a WARNING would look for it.
  HOLD_INTERRUPTS();
  PG_TRY();
  {
    const ErrorData* error = run_safe_error(run, original);
    RecorderTask task = {run_line(run, RunStatus::failed, error), run->files, false, true};
    RecorderResult result = record_outside(&task);
    if (!result.written && run->files != NIL) {
      // Their size may be what did not fit: the run's own line matters most.
      task.files = NIL;
      RecorderResult alone = record_outside(&task);
      if (alone.written) {
        alone.files_lost = list_length(run->files);
        alone.reason = result.reason;
        alone.hint = result.hint;
        result = alone;
      }
    }
    if (!result.written || result.files_lost > 0) {
      run->warned = false;  // this one is about evidence that is lost, whatever was said before
      ereport(LOG, (errmsg("%s", run_summary(run, error))));
      warn_once(run, &result,
                result.written ? "Rejects of failed files were not kept; the main points are in the server log."
                               : "The evidence of this failure is in the server log.");
    }
  }
  PG_CATCH();
  {
    HOLD_INTERRUPTS();
    MemoryContextSwitchTo(outer);
    FlushErrorState();  // nothing more can be done, and the caller's error says what matters
  }
  PG_END_TRY();
  MemoryContextSwitchTo(outer);
  InterruptHoldoffCount = held;
}

}  // namespace dap
