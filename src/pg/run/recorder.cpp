#include "pg/run/recorder.h"

#include "bridge/query.h"
#include "bridge/run_as.h"
#include "bridge/subtransaction.h"
#include "bridge/worker.h"
#include "pg/run/redact.h"

namespace dap {

namespace {

constexpr int kPatienceMs = 5000;
constexpr int kGraceMs = 30;  // once a cancel is pending; a recorder that meets no lock needs less
constexpr uint32 kMagic = 0x64617021;
constexpr const char* kName = "dap recorder";

// The shared segment: this, then the texts, each NUL-terminated, the run's line first.
struct RecorderRequest {
  WorkerRequest base;
  bool flush;
  int files;
  int files_lost;
  char texts[FLEXIBLE_ARRAY_MEMBER];
};

RecorderResult refused(const char* reason, const char* hint) { return RecorderResult{false, 0, reason, hint}; }

void fill_request(RecorderRequest* request, const RecorderTask* task) {
  request->flush = task->flush;
  request->files = list_length(task->files);
  request->files_lost = 0;
  char* end = stpcpy(request->texts, task->line) + 1;
  ListCell* cell;
  foreach (cell, task->files) end = stpcpy(end, static_cast<const char*>(lfirst(cell))) + 1;
}

bool interrupt_pending() { return InterruptPending && (QueryCancelPending || ProcDiePending); }

// Waits until the worker is gone, so that its slot is free again for the next one.
BgwHandleStatus wait_for_recorder(BackgroundWorkerHandle* worker, bool give_up) {
  TimestampTz start = GetCurrentTimestamp();
  int patience = kPatienceMs;
  for (;;) {
    pid_t pid;
    BgwHandleStatus status = GetBackgroundWorkerPid(worker, &pid);
    if (status == BGWH_STOPPED || status == BGWH_POSTMASTER_DIED) return status;
    long waited = TimestampDifferenceMilliseconds(start, GetCurrentTimestamp());
    if (give_up && patience > kGraceMs && interrupt_pending()) patience = static_cast<int>(waited) + kGraceMs;
    if (waited >= patience) return status;
    // A signal that is pending but held keeps no latch set: resetting it here loses nothing, interrupts are looked at
    // after RESUME.
    int events =
        WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_POSTMASTER_DEATH, patience - waited, PG_WAIT_EXTENSION);
    if (events & WL_POSTMASTER_DEATH) return BGWH_POSTMASTER_DIED;
    ResetLatch(MyLatch);
  }
}

RecorderResult record(const RecorderTask* task) {
  Size size = offsetof(RecorderRequest, texts) + strlen(task->line) + 1;
  ListCell* cell;
  foreach (cell, task->files) size = add_size(size, strlen(static_cast<const char*>(lfirst(cell))) + 1);

  dsm_segment* segment = worker_segment(size, kMagic);
  if (segment == nullptr)
    return refused("too many dynamic shared memory segments are in use",
                   "You might need to increase \"max_connections\".");
  RecorderRequest* request = static_cast<RecorderRequest*>(dsm_segment_address(segment));
  fill_request(request, task);

  BackgroundWorkerHandle* worker = worker_start(segment, "dap_recorder_main", kName);
  if (worker == nullptr) {
    dsm_detach(segment);
    return refused("no background worker slot is free",
                   "You might need to increase \"max_worker_processes\", so that one is left for the recorder.");
  }

  BgwHandleStatus status = wait_for_recorder(worker, task->give_up);
  if (status != BGWH_STOPPED && status != BGWH_POSTMASTER_DIED) TerminateBackgroundWorker(worker);

  RecorderResult result = {};
  WorkerState state = worker_state(&request->base);
  if (state == WorkerState::done) {
    result.written = true;
    result.files_lost = request->files_lost;
    if (result.files_lost > 0) result.reason = pstrdup(request->base.message);
  } else if (state == WorkerState::failed) {
    result = refused(pstrdup(request->base.message), nullptr);
  } else if (status == BGWH_STOPPED) {
    result = refused("the recorder ended without a result", "Its reason is in the server log.");
  } else if (status == BGWH_POSTMASTER_DIED) {
    result = refused("the postmaster is gone", nullptr);
  } else if (!(task->give_up && interrupt_pending())) {
    result = refused("the recorder did not finish within 5 s",
                     "Look for locks on the ledger tables of schema \"dap\", and for a system under heavy load.");
  }
  dsm_detach(segment);
  return result;
}

}  // namespace

RecorderResult record_outside(const RecorderTask* task) {
  MemoryContext context = CurrentMemoryContext;
  uint32 held = InterruptHoldoffCount;
  RecorderResult result = {};
  RecorderResult* volatile out = &result;
  ErrorData* volatile error = nullptr;

  // What fails in here (no shared memory, say) must cost neither the run nor its original error: nor does it where the
  // subtransaction cannot even begin.
  HOLD_INTERRUPTS();
  PG_TRY();
  {
    error = in_subtransaction([out, task] {
      *out = record(task);
      return true;
    });
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    error = CopyErrorData();
    FlushErrorState();
  }
  PG_END_TRY();
  if (error != nullptr) result = refused(error->message, error->hint);
  InterruptHoldoffCount = held;
  return result;
}

namespace {

// Runs one of our functions on a text, as the ledger's owner; returns its result's truth, false also for NULL.
bool run_on_text(const char* query, const char* text) {
  Parameter parameter = text_parameter(text);
  RunAs saved = run_as_begin(ledger_owner());
  ResultRows result = query_rows(query, &parameter, 1, CurrentMemoryContext);
  run_as_end(&saved);
  return !result.nulls[0] && DatumGetBool(result.values[0]);
}

void write_request(RecorderRequest* request) {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  pgstat_report_activity(STATE_RUNNING, "recording a run of dap_analytics");

  // Rows of the recorder's own functions are all that is read here: the texts are theirs to validate.
  const char* text = request->texts;
  (void)run_on_text("SELECT dap_internal.record_run($1::pg_catalog.jsonb)", text);
  int lost = 0;
  for (int i = 0; i < request->files; i++) {
    text += strlen(text) + 1;
    if (!run_on_text("SELECT dap_internal.record_run_file($1)", text)) lost++;
  }
  PopActiveSnapshot();
  CommitTransactionCommand();
  request->files_lost = lost;
  if (lost > 0) strlcpy(request->base.message, "the ledger did not take them", sizeof(request->base.message));
}

}  // namespace

}  // namespace dap

extern "C" {
PGDLLEXPORT __attribute__((visibility("default"))) void dap_recorder_main(Datum handle);
}

// The worker's entry point; its argument is the segment's handle.
void dap_recorder_main(Datum handle) {
  using namespace dap;
  auto* request = reinterpret_cast<RecorderRequest*>(worker_attach(handle, kMagic));
  worker_connect(&request->base, kName);
  worker_option("lock_timeout", "2s");
  worker_option("jit", "off");
  // A missing standby must not hold the caller's error back; and what only tells a later rollback from a crash needs no
  // flush of its own: should the server crash before it is flushed, the run did crash.
  worker_option("synchronous_commit", request->flush ? "local" : "off");
  worker_option("client_encoding", GetDatabaseEncodingName());

  PG_TRY();
  {
    write_request(request);
    worker_finish(&request->base, WorkerState::done);
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(TopMemoryContext);
    ErrorData* error = CopyErrorData();
    FlushErrorState();
    const char* reason =
        may_quote_data(error) ? psprintf("SQLSTATE %s", unpack_sql_state(error->sqlerrcode)) : error->message;
    strlcpy(request->base.message, reason, sizeof(request->base.message));
    worker_finish(&request->base, WorkerState::failed);
    ereport(LOG, (errcode(error->sqlerrcode), errmsg("could not record a run of dap_analytics: %s", reason)));
    AbortOutOfAnyTransaction();
    proc_exit(1);
  }
  PG_END_TRY();
  proc_exit(0);
}
