#include "pg/ingest/add_columns.h"

#include <cstddef>
#include <cstring>

#include "bridge/query.h"
#include "bridge/run_as.h"
#include "bridge/subtransaction.h"
#include "bridge/worker.h"
#include "pg/run/lock_order.h"

extern "C" {
#include "catalog/pg_inherits.h"
#include "commands/tablecmds.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/inval.h"
#include "utils/timeout.h"
}

namespace dap {
namespace {

constexpr uint32 magic_number = 0x64617022;
constexpr long check_ms = 100;     // how often the caller looks whether its wait can end
constexpr long pause_ms = 200;     // of the worker between two attempts to have the table alone
constexpr int patience_ms = 3000;  // of the worker once it has the table: nobody reads it meanwhile
constexpr const char* worker_name = "dap column adder";

// The shared segment: this, then the columns' names, each NUL-terminated.
struct AdderRequest {
  WorkerRequest base;
  PGPROC* leader;
  pid_t leader_pid;
  Oid relation;
  int count;
  char names[FLEXIBLE_ARRAY_MEMBER];
};

void add_columns_here(Oid relation, const char* const* names, int count) {
  for (int i = 0; i < count; i++)
    run_statement(psprintf("ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s pg_catalog.text", relation_label(relation),
                           quote_identifier(names[i])));
}

bool is_ours(HeapTuple tuple) { return TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)); }

// Has this transaction written the catalog's rows of the table or of its columns (a column that is dropped or renamed
// changes no other)? Then a worker could not see it as it is, and would wait for the row, without end in our own lock
// group.
bool is_of_this_transaction(Oid relation) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(tuple)) return true;
  bool ours = is_ours(tuple);
  AttrNumber columns = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relnatts;
  ReleaseSysCache(tuple);
  for (AttrNumber i = 1; i <= columns && !ours; i++) {
    tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relation), Int16GetDatum(i));
    if (!HeapTupleIsValid(tuple)) return true;
    ours = is_ours(tuple);
    ReleaseSysCache(tuple);
  }
  return ours;
}

// A worker would not see what this session still does with a table: refused as ALTER TABLE does.
void check_not_in_use(Oid relation) {
  Relation table = table_open(relation, AccessShareLock);
  CheckTableNotInUse(table, "ALTER TABLE");
  table_close(table, NoLock);
}

bool can_be_added_outside(Oid relation) {
  LockRelationOid(relation, AccessShareLock);
  List* all = find_all_inheritors(relation, AccessShareLock, nullptr);
  ListCell* cell;
  foreach (cell, all)
    if (is_of_this_transaction(lfirst_oid(cell))) return false;
  foreach (cell, all) check_not_in_use(lfirst_oid(cell));
  return true;
}

dsm_segment* request_segment(Oid relation, char* const* names, int count) {
  Size size = offsetof(AdderRequest, names);
  for (int i = 0; i < count; i++) size += std::strlen(names[i]) + 1;
  dsm_segment* segment = worker_segment(size, magic_number);
  if (!segment) return nullptr;
  auto* request = static_cast<AdderRequest*>(dsm_segment_address(segment));
  request->leader = MyProc;
  request->leader_pid = MyProcPid;
  request->relation = relation;
  request->count = count;
  char* end = request->names;
  for (int i = 0; i < count; i++) end = stpcpy(end, names[i]) + 1;
  return segment;
}

// Until the worker is gone.
void wait_for_worker(BackgroundWorkerHandle* handle, const OutsideWait* wait, const char* what) {
  PG_TRY();
  {
    pid_t pid;
    while (GetBackgroundWorkerPid(handle, &pid) != BGWH_STOPPED) {
      if (WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, check_ms,
                    PG_WAIT_LOCK | LOCKTAG_RELATION) &
          WL_TIMEOUT)
        outside_wait_check(wait, what);
      ResetLatch(MyLatch);
      CHECK_FOR_INTERRUPTS();
    }
  }
  PG_CATCH();
  {
    // Its locks do not conflict with ours: it must be gone before this session does anything else.
    TerminateBackgroundWorker(handle);
    HOLD_INTERRUPTS();
    (void)WaitForBackgroundWorkerShutdown(handle);
    RESUME_INTERRUPTS();
    PG_RE_THROW();
  }
  PG_END_TRY();
}

// Why no worker did it, and what helps.
struct Refusal {
  const char* reason;
  const char* hint;
};

constexpr const char* slots_hint = "You might need to increase \"max_worker_processes\".";

// False, with the refusal, if no worker did it.
bool add_outside(Oid relation, char* const* names, int count, Refusal* refusal) {
  dsm_segment* segment = request_segment(relation, names, count);
  if (!segment) {
    *refusal = {"too many dynamic shared memory segments are in use",
                "You might need to increase \"max_connections\"."};
    return false;
  }
  auto* request = static_cast<AdderRequest*>(dsm_segment_address(segment));
  // In one lock group with this session the worker does not wait for our locks on the table, and deadlocks that its
  // wait makes are ours for the server too.
  BecomeLockGroupLeader();
  // The mark makes its wait ours for those who look for circles. Between its start and the wait for it nothing may
  // fail.
  LOCKTAG tag;
  SET_LOCKTAG_RELATION(tag, MyDatabaseId, relation);
  const char* what = psprintf("add columns to %s", relation_label(relation));
  OutsideWait wait = outside_wait_begin(&tag);
  BackgroundWorkerHandle* handle = worker_start(segment, "dap_column_worker_main", worker_name);
  if (!handle) {
    outside_wait_end(&wait);
    dsm_detach(segment);
    *refusal = {"no background worker slot is free", slots_hint};
    return false;
  }
  wait_for_worker(handle, &wait, what);
  outside_wait_end(&wait);
  WorkerState state = worker_state(&request->base);
  if (state == WorkerState::failed) {
    // A deadlock that the server found is one that we did not look for in time.
    int code = request->base.sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ? ERRCODE_LOCK_NOT_AVAILABLE
                                                                         : request->base.sqlerrcode;
    const char* message = pstrdup(request->base.message);
    ereport(ERROR, (errcode(code), errmsg("could not add columns to %s: %s", relation_label(relation), message)));
  }
  dsm_detach(segment);
  if (state == WorkerState::gave_up)
    *refusal = {psprintf("ALTER TABLE did not end within %d s", patience_ms / 1000),
                "Look at what event triggers of ALTER TABLE wait for."};
  else *refusal = {"it ended without a result, the server log says why", slots_hint};
  if (state == WorkerState::done) AcceptInvalidationMessages();
  return state == WorkerState::done;
}

}  // namespace

void add_text_columns(Oid relation, char* const* names, int count) {
  Refusal refusal;
  if (IsUnderPostmaster && can_be_added_outside(relation)) {
    if (add_outside(relation, names, count, &refusal)) return;
    ereport(WARNING,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("no background worker could add columns to %s: %s", relation_label(relation), refusal.reason),
             errdetail("They are added by this transaction: until it ends, nobody else can read the table."),
             errhint("%s", refusal.hint)));
  }
  add_columns_here(relation, names, count);
}

void add_columns(const ColumnMap* map, const SourceDefinition* definition) {
  if (map->added_count == 0) return;
  add_text_columns(definition->relation, map->added, map->added_count);
  for (int i = 0; i < map->added_count; i++)
    ereport(NOTICE, (errmsg("column %s was added to %s", quote_identifier(map->added[i]), definition->label)));
}

namespace {

// The table and its partitions, alone. Each attempt is so short that other readers hardly notice the queue behind it,
// and long enough for the server to send autovacuum away.
void lock_alone(const AdderRequest* request) {
  for (;;) {
    worker_option("lock_timeout", "50ms");
    ErrorData* error = in_subtransaction([request] {
      LockRelationOid(request->relation, AccessExclusiveLock);
      (void)find_all_inheritors(request->relation, AccessExclusiveLock, nullptr);
      return true;
    });
    worker_option("lock_timeout", "0");
    if (!error) return;
    if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE) ReThrowError(error);
    FreeErrorData(error);
    if (!BackendPidGetProc(request->leader_pid)) proc_exit(0);  // nobody waits for it any more
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, pause_ms,
                    PG_WAIT_LOCK | LOCKTAG_RELATION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
  }
}

void add_requested(const AdderRequest* request) {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  pgstat_report_activity(STATE_RUNNING, "adding columns to the table of a source");
  lock_alone(request);
  // A user's event trigger may wait for a row that the leader has written: without end, and no deadlock for the server,
  // since the leader's locks do not conflict with ours.
  enable_timeout_after(STATEMENT_TIMEOUT, patience_ms);
  const char** names = static_cast<const char**>(palloc(sizeof(char*) * static_cast<Size>(request->count)));
  const char* next = request->names;
  for (int i = 0; i < request->count; i++, next += std::strlen(next) + 1) names[i] = next;
  RunAs owner = run_as_begin(relation_owner(request->relation));
  add_columns_here(request->relation, names, request->count);
  run_as_end(&owner);
  PopActiveSnapshot();
  CommitTransactionCommand();
  disable_timeout(STATEMENT_TIMEOUT, false);
}

// Was it canceled by its own time limit, not by somebody?
bool ran_out_of_time(const ErrorData* error) {
  return error->sqlerrcode == ERRCODE_QUERY_CANCELED && get_timeout_start_time(STATEMENT_TIMEOUT) != 0 &&
         !get_timeout_active(STATEMENT_TIMEOUT);
}

}  // namespace
}  // namespace dap

extern "C" {
PGDLLEXPORT __attribute__((visibility("default"))) void dap_column_worker_main(Datum handle);
}

// The worker's entry point; its argument is the segment's handle.
void dap_column_worker_main(Datum handle) {
  using namespace dap;
  auto* request = reinterpret_cast<AdderRequest*>(worker_attach(handle, magic_number));
  // Before anything is locked, as parallel workers do.
  if (!BecomeLockGroupMember(request->leader, request->leader_pid)) proc_exit(0);
  worker_connect(&request->base, worker_name);
  worker_option("deadlock_timeout", "20ms");
  worker_option("client_min_messages", "error");
  worker_option("synchronous_commit", "off");  // what needs the columns is written and flushed after them

  PG_TRY();
  {
    add_requested(request);
    worker_finish(&request->base, WorkerState::done);
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(TopMemoryContext);
    ErrorData* error = CopyErrorData();
    FlushErrorState();
    request->base.sqlerrcode = error->sqlerrcode;
    strlcpy(request->base.message, error->message, sizeof(request->base.message));
    worker_finish(&request->base, ran_out_of_time(error) ? WorkerState::gave_up : WorkerState::failed);
    AbortOutOfAnyTransaction();
    proc_exit(1);
  }
  PG_END_TRY();
  proc_exit(0);
}
