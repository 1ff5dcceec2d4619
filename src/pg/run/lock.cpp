#include "bridge/query.h"
#include "bridge/run_as.h"
#include "bridge/subtransaction.h"
#include "pg/run/lock_order.h"
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

// "Run 17 (pid 4711, user etl) holds the lock since …", or nullptr when the holder has just gone.
char* describe_holder(const LOCKTAG* tag) {
  Parameter parameters[] = {{OIDOID, ObjectIdGetDatum(tag->locktag_field2), false},
                            {OIDOID, ObjectIdGetDatum(tag->locktag_field3), false}};
  RunAs ledger = run_as_begin(ledger_owner());
  char* text = query_text("SELECT dap_internal.describe_lock_holder($1, $2)", parameters, 2);
  run_as_end(&ledger);
  return text;
}

// describe_holder, but no failure of its own may replace the error that it explains.
char* describe_holder_safely(const LOCKTAG* tag) {
  char* text = nullptr;
  ErrorData* error = in_subtransaction([&text, tag] {
    text = describe_holder(tag);
    return true;
  });
  return error ? nullptr : text;
}

// In a transaction that keeps its snapshot: could it not see what others loaded since, loading might load twice, and a
// column seem to be empty.
void check_loads_seen(int32 source_id) {
  check_not_superseded(
      "SELECT coalesce(pg_catalog.max(l.change_id), 0)::text FROM dap_internal.file_ledger l WHERE l.source_id = $1",
      source_id, "files were loaded into the source");
}

// How often the locks are let go again for somebody who holds a source's. After that the wait keeps to the order.
constexpr int most_rounds = 5;

// The lock of runs and definitions, and those of sources, which may be listed only under it. While a load in flight is
// waited for, nothing new is held: its transaction may go on to refresh or define. `asked` is the lock that was asked
// for last.
void lock_all(const char* what, SourceIds sources, const void* argument, LOCKTAG* asked) {
  LOCKTAG runs = runs_lock();
  for (int round = 0;; round++) {
    *asked = runs;
    lock_in_order(&runs, what);
    (void)extension_oid();  // dropped while we waited?
    List *ids = sources ? sources(argument) : NIL, *taken = NIL;
    bool busy = false;
    ListCell* cell;
    foreach (cell, ids) {
      *asked = source_lock(lfirst_int(cell));
      if (round >= most_rounds) {
        lock_in_order(asked, what);
      } else if (!lock_if_free(asked)) {
        busy = true;
        break;
      }
      taken = lappend_int(taken, lfirst_int(cell));
    }
    if (!busy) return;
    foreach (cell, taken) {
      LOCKTAG source = source_lock(lfirst_int(cell));
      unlock(&source);
    }
    unlock(&runs);
    lock_in_order(asked, what);
    unlock(asked);
  }
}

// `what` could not begin if the locks are not granted in time.
void lock_runs(const char* what, SourceIds sources, const void* argument) {
  // The locks survive the release of this subtransaction; a failure leaves the transaction fit to look for the holder.
  LOCKTAG asked = {};
  ErrorData* error = in_subtransaction([=, &asked] {
    lock_all(what, sources, argument, &asked);
    return true;
  });

  if (error != nullptr) {
    if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE) {
      char* holder = describe_holder_safely(&asked);
      if (error->domain == nullptr || strcmp(error->domain, TEXTDOMAIN) != 0) {  // the server's own timeout
        error->message = psprintf("could not %s within \"lock_timeout\"", what);
        error->domain = TEXTDOMAIN;
      }
      if (error->detail == nullptr) error->detail = holder;
      if (error->hint == nullptr)
        error->hint = pstrdup(
            "SELECT * FROM dap.runs shows it; wait for it, raise \"lock_timeout\", or end it with "
            "pg_terminate_backend().");
    }
    ReThrowError(error);
  }
}

// The source of a name, if there is one.
List* source_named(const void* name) {
  Parameter parameter = text_parameter(static_cast<const char*>(name));
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows("SELECT d.source_id FROM dap_internal.source_definition d WHERE d.source = $1",
                               &parameter, 1, CurrentMemoryContext);
  run_as_end(&ledger);
  return rows.rows > 0 ? list_make1_int(DatumGetInt32(rows.values[0])) : NIL;
}

}  // namespace

void run_lock(SourceIds sources) {
  refuse_within_work("refresh");
  refuse_unfit_session();
  lock_runs("start a refresh", sources, nullptr);
}

void definition_lock(const char* source) {
  refuse_within_work("change definitions");
  PreventCommandDuringRecovery("a change of definitions");
  PreventCommandIfParallelMode("a change of definitions");
  lock_runs("change a definition", source ? source_named : nullptr, source);
  check_not_superseded(
      "SELECT pg_catalog.md5(pg_catalog.concat((SELECT pg_catalog.string_agg(d.xmin::text, ',' ORDER BY d.source_id) "
      "FROM dap_internal.source_definition d), ' ', "
      "(SELECT pg_catalog.string_agg(m.xmin::text, ',' ORDER BY m.model_id) FROM dap_internal.model_definition m), "
      "$1))",
      0, "definitions were changed");
  ListCell* cell;
  if (source)
    foreach (cell, source_named(source)) check_loads_seen(lfirst_int(cell));
}

void load_lock(int32 source_id, const char* what) {
  LOCKTAG source = source_lock(source_id);
  lock_in_order(&source, what);
  check_not_superseded("SELECT d.xmin::text FROM dap_internal.source_definition d WHERE d.source_id = $1", source_id,
                       "the definition of the source was changed");
  check_loads_seen(source_id);
}

}  // namespace dap

// dap_internal.lock_definitions()
DAP_FUNCTION(dap_lock_definitions) {
  (void)fcinfo;
  dap::definition_lock(nullptr);
  PG_RETURN_VOID();
}

// dap_internal.lock_definition(source text)
DAP_FUNCTION(dap_lock_definition) {
  dap::definition_lock(text_to_cstring(PG_GETARG_TEXT_PP(0)));
  PG_RETURN_VOID();
}

// dap_internal.lock_loads(source_id integer)
DAP_FUNCTION(dap_lock_loads) {
  dap::refuse_within_work("write the ledger");
  PreventCommandDuringRecovery("a change of the ledger");
  dap::load_lock(PG_GETARG_INT32(0), "write the lines of a source's files");
  PG_RETURN_VOID();
}
