#include "bridge/run_as.h"
#include "bridge/subtransaction.h"
#include "pg/run/nesting.h"
#include "pg/run/run.h"

namespace dap {

namespace {

void refuse_unfit_session() {
  if (RecoveryInProgress())
    ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION), errmsg("cannot refresh during recovery"),
                    errhint("This server is a standby: run the refresh on the primary.")));
  if (XactReadOnly)
    ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION), errmsg("cannot refresh in a read-only transaction"),
                    errhint("Run it in a READ WRITE transaction; see \"default_transaction_read_only\".")));
  if (IsolationUsesXactSnapshot())
    ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
                    errmsg("cannot refresh in a REPEATABLE READ or SERIALIZABLE transaction"),
                    errdetail("After waiting for another refresh its result could not be seen."),
                    errhint("Run it in a READ COMMITTED transaction; see \"default_transaction_isolation\".")));
  if (IsInParallelMode())
    ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE), errmsg("cannot refresh during a parallel operation")));
}

// "Run 17 (pid 4711, user etl) holds the refresh lock since …", or nullptr when the holder has just gone.
char* describe_holder() {
  MemoryContext context = CurrentMemoryContext;
  char* text = nullptr;
  SPI_connect();
  RunAs saved = run_as_begin(ledger_owner());
  if (SPI_execute("SELECT dap._describe_lock_holder()", false, 1) == SPI_OK_SELECT && SPI_processed == 1) {
    char* found = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
    if (found != nullptr) text = MemoryContextStrdup(context, found);
  }
  run_as_end(&saved);
  SPI_finish();
  return text;
}

// describe_holder, but no failure of its own may replace the error that it explains.
char* describe_holder_safely() {
  char* text = nullptr;
  ErrorData* error = in_subtransaction([&text] {
    text = describe_holder();
    return true;
  });
  return error ? nullptr : text;
}

// The one lock of runs and definitions. `what` could not begin if it is not granted in time.
void lock_runs(const char* what) {
  Oid extension = extension_oid();
  // The lock survives the release of this subtransaction; a failure leaves the transaction fit to look for the holder.
  // Locking the extension itself makes DROP EXTENSION wait, and leaves pg_dump and autovacuum alone.
  ErrorData* error = in_subtransaction([extension] {
    LockDatabaseObject(ExtensionRelationId, extension, 0, ExclusiveLock);
    return true;
  });

  if (error != nullptr) {
    if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE) {
      error->message = psprintf("could not %s within \"lock_timeout\"", what);
      error->detail = describe_holder_safely();
      error->hint = pstrdup(
          "SELECT * FROM dap.runs shows it; wait for it, raise \"lock_timeout\", or end it with "
          "pg_terminate_backend().");
      error->domain = TEXTDOMAIN;
    }
    ReThrowError(error);
  }
  (void)extension_oid();  // dropped while we waited?
}

}  // namespace

void run_lock() {
  refuse_within_work("refresh");
  refuse_unfit_session();
  lock_runs("start a refresh: another one did not end");
}

void definition_lock() {
  refuse_within_work("change definitions");
  PreventCommandDuringRecovery("a change of definitions");
  PreventCommandIfParallelMode("a change of definitions");
  lock_runs("change a definition: a refresh did not end");
}

}  // namespace dap

// dap._lock_definitions()
DAP_FUNCTION(dap_lock_definitions) {
  (void)fcinfo;
  dap::definition_lock();
  PG_RETURN_VOID();
}
