#include "pg/run/recorder.h"

#include "bridge/run_as.h"
#include "pg/run/redact.h"

namespace dap {

namespace {

constexpr int kPatienceMs = 5000;
constexpr int kGraceMs = 30;  // once a cancel is pending; a recorder that meets no lock needs less
constexpr uint32 kMagic = 0x64617021;
constexpr Size kReasonBytes = 512;

enum RecorderState : uint32 { kPending, kWritten, kRefused };

// The shared segment: this, then the texts, each NUL-terminated, the run's line first.
struct RecorderRequest {
  uint32 magic;
  Oid database;
  bool flush;
  pg_atomic_uint32 state;
  int files;
  int files_lost;
  char reason[kReasonBytes];
  char texts[FLEXIBLE_ARRAY_MEMBER];
};

RecorderResult refused(const char* reason, const char* hint) {
  return RecorderResult{false, 0, reason, hint};
}

void fill_request(RecorderRequest* request, const RecorderTask* task) {
  request->magic = kMagic;
  request->database = MyDatabaseId;
  pg_atomic_init_u32(&request->state, kPending);
  request->flush = task->flush;
  request->files = list_length(task->files);
  request->files_lost = 0;
  request->reason[0] = '\0';
  char* end = stpcpy(request->texts, task->line) + 1;
  ListCell* cell;
  foreach (cell, task->files) end = stpcpy(end, static_cast<const char*>(lfirst(cell))) + 1;
}

bool interrupt_pending() {
  return InterruptPending && (QueryCancelPending || ProcDiePending);
}

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

  dsm_segment* segment = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
  if (segment == nullptr)
    return refused("too many dynamic shared memory segments are in use",
                   "You might need to increase \"max_connections\".");
  RecorderRequest* request = static_cast<RecorderRequest*>(dsm_segment_address(segment));
  fill_request(request, task);

  BackgroundWorker definition;
  memset(&definition, 0, sizeof(definition));
  definition.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  definition.bgw_start_time = BgWorkerStart_RecoveryFinished;
  definition.bgw_restart_time = BGW_NEVER_RESTART;
  strlcpy(definition.bgw_library_name, "$libdir/dap_analytics", sizeof(definition.bgw_library_name));
  strlcpy(definition.bgw_function_name, "dap_recorder_main", sizeof(definition.bgw_function_name));
  strlcpy(definition.bgw_name, "dap recorder", sizeof(definition.bgw_name));
  strlcpy(definition.bgw_type, "dap recorder", sizeof(definition.bgw_type));
  definition.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
  definition.bgw_notify_pid = MyProcPid;

  BackgroundWorkerHandle* worker;
  if (!RegisterDynamicBackgroundWorker(&definition, &worker)) {
    dsm_detach(segment);
    return refused("no background worker slot is free",
                   "You might need to increase \"max_worker_processes\", so that one is left for the recorder.");
  }

  BgwHandleStatus status = wait_for_recorder(worker, task->give_up);
  if (status != BGWH_STOPPED && status != BGWH_POSTMASTER_DIED) TerminateBackgroundWorker(worker);

  RecorderResult result = {};
  uint32 state = pg_atomic_read_u32(&request->state);
  pg_read_barrier();
  if (state == kWritten) {
    result.written = true;
    result.files_lost = request->files_lost;
    if (result.files_lost > 0) result.reason = pstrdup(request->reason);
  } else if (state == kRefused) {
    result = refused(pstrdup(request->reason), nullptr);
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
  ResourceOwner owner = CurrentResourceOwner;
  uint32 held = InterruptHoldoffCount;
  volatile bool in_subtransaction = false;
  RecorderResult result = {};
  RecorderResult* volatile out = &result;

  HOLD_INTERRUPTS();
  PG_TRY();
  {
    // What fails in here (no shared memory, say) must cost neither the run nor its original error.
    BeginInternalSubTransaction(nullptr);
    in_subtransaction = true;
    MemoryContextSwitchTo(context);
    *out = record(task);
    ReleaseCurrentSubTransaction();
    in_subtransaction = false;
  }
  PG_CATCH();
  {
    HOLD_INTERRUPTS();  // the error's unwinding has let them go
    MemoryContextSwitchTo(context);
    ErrorData* error = CopyErrorData();
    FlushErrorState();
    if (in_subtransaction) RollbackAndReleaseCurrentSubTransaction();
    *out = refused(error->message, error->hint);
  }
  PG_END_TRY();
  MemoryContextSwitchTo(context);
  CurrentResourceOwner = owner;
  InterruptHoldoffCount = held;
  return result;
}

namespace {

// Runs one of our functions on a text, as the ledger's owner; returns its result's truth, false also for NULL.
bool run_on_text(const char* query, const char* text) {
  Oid types[1] = {TEXTOID};
  Datum values[1] = {CStringGetTextDatum(text)};
  RunAs saved = run_as_begin(ledger_owner());
  if (SPI_execute_with_args(query, 1, types, values, nullptr, false, 1) != SPI_OK_SELECT)
    elog(ERROR, "unexpected result of \"%s\"", query);
  bool is_null;
  bool truth = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
  run_as_end(&saved);
  return truth && !is_null;
}

void write_request(RecorderRequest* request) {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  SPI_connect();
  PushActiveSnapshot(GetTransactionSnapshot());
  pgstat_report_activity(STATE_RUNNING, "recording a run of dap_analytics");

  // Rows of the recorder's own functions are all that is read here: the texts are theirs to validate.
  const char* text = request->texts;
  (void)run_on_text("SELECT dap._record_run($1::pg_catalog.jsonb)", text);
  int lost = 0;
  for (int i = 0; i < request->files; i++) {
    text += strlen(text) + 1;
    if (!run_on_text("SELECT dap._record_run_file($1)", text)) lost++;
  }
  SPI_finish();
  PopActiveSnapshot();
  CommitTransactionCommand();
  request->files_lost = lost;
  if (lost > 0) strlcpy(request->reason, "the ledger did not take them", kReasonBytes);
}

void set_option(const char* name, const char* value) {
  SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

}  // namespace

}  // namespace dap

extern "C" {
PGDLLEXPORT __attribute__((visibility("default"))) void dap_recorder_main(Datum handle);
}

// The worker's entry point; its argument is the segment's handle.
void dap_recorder_main(Datum handle) {
  using namespace dap;
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();

  dsm_segment* segment = dsm_attach(DatumGetUInt32(handle));
  if (segment == nullptr)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the session that asked for the recorder no longer waits for it")));
  RecorderRequest* request = static_cast<RecorderRequest*>(dsm_segment_address(segment));
  if (request->magic != kMagic)
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("bad magic number in the recorder's request")));

  // The bootstrap superuser: neither a NOLOGIN role nor a connection limit can keep evidence from being written. What
  // runs then runs as the ledger's owner.
  BackgroundWorkerInitializeConnectionByOid(request->database, InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
  set_option("application_name", "dap recorder");
  set_option("search_path", "pg_catalog, pg_temp");
  set_option("lock_timeout", "2s");
  set_option("statement_timeout", "0");
#if PG_VERSION_NUM >= 170000
  set_option("transaction_timeout", "0");  // new in 17 (51efe38cb92f)
#endif
  set_option("jit", "off");
  set_option("default_transaction_read_only", "off");
  set_option("default_transaction_isolation", "read committed");
  // A missing standby must not hold the caller's error back; and what only tells a later rollback from a crash needs no
  // flush of its own: should the server crash before it is flushed, the run did crash.
  set_option("synchronous_commit", request->flush ? "local" : "off");
  set_option("client_encoding", GetDatabaseEncodingName());

  PG_TRY();
  {
    write_request(request);
    pg_write_barrier();
    pg_atomic_write_u32(&request->state, kWritten);
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(TopMemoryContext);
    ErrorData* error = CopyErrorData();
    FlushErrorState();
    const char* reason =
        may_quote_data(error) ? psprintf("SQLSTATE %s", unpack_sql_state(error->sqlerrcode)) : error->message;
    strlcpy(request->reason, reason, kReasonBytes);
    pg_write_barrier();
    pg_atomic_write_u32(&request->state, kRefused);
    ereport(LOG, (errcode(error->sqlerrcode), errmsg("could not record a run of dap_analytics: %s", reason)));
    AbortOutOfAnyTransaction();
    proc_exit(1);
  }
  PG_END_TRY();
  proc_exit(0);
}
