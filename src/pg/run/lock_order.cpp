// lock_in_order() first tries without waiting. If the lock is taken it looks at all locks that this transaction holds
// (keeps_order): where each of them comes before the wanted one, or nobody can wait for it who is waited for, waiting
// in the server's queue cannot close a circle, and it waits there. Otherwise it waits "outside": it polls with growing
// pauses, and takes a lock that conflicts with nobody, a mark, by which dap_internal.waits_in_circle() of other
// sessions sees that it waits and for what. Each time round it asks the same function whether those it waits for,
// directly or through others, wait for it; if so, one of the circle fails with 55P03. The server's deadlock detector
// never sees such a wait, so it never cancels the other transaction, which may be no call of this extension.
#include "pg/run/lock_order.h"

#include <cstring>

#include "bridge/query.h"
#include "bridge/run_as.h"

extern "C" {
#include "catalog/catalog.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/inval.h"
}

namespace dap {
namespace {

constexpr uint16 mark_number = 1;  // of the lock's object: what a mark has instead of 0
constexpr long first_pause_ms = 10, longest_pause_ms = 100;

// Where a lock stands in the order; -1: among those that come last.
int64 place(const LOCKTAG* tag, Oid sources) {
  if (tag->locktag_type != LOCKTAG_OBJECT || tag->locktag_field4 != 0) return -1;
  if (tag->locktag_field2 == ExtensionRelationId) return 0;
  return tag->locktag_field2 == sources ? 1 + static_cast<int64>(tag->locktag_field3) : -1;
}

// Can nobody wait for it who is waited for? Tables of the catalog and our own are only read under this lock.
bool is_harmless(const LockInstanceData* held, Oid sources, int64 wanted) {
  switch (static_cast<LockTagType>(held->locktag.locktag_type)) {
    case LOCKTAG_VIRTUALTRANSACTION: return true;
    case LOCKTAG_RELATION: {
      Oid schema = get_rel_namespace(held->locktag.locktag_field2);
      return held->holdMask == LOCKBIT_ON(AccessShareLock) && (IsCatalogNamespace(schema) || is_own_schema(schema));
    }
    case LOCKTAG_OBJECT: {
      int64 at = place(&held->locktag, sources);
      return at >= 0 && at < wanted;
    }
    default: return false;
  }
}

bool keeps_order(const LOCKTAG* tag) {
  Oid sources = dap_relation("source_definition");
  int64 wanted = place(tag, sources);
  LockData* locks = GetLockStatusData();
  for (int i = 0; i < locks->nelements; i++) {
    const LockInstanceData* held = &locks->locks[i];
    if (held->pid == MyProcPid && held->holdMask != 0 && !is_harmless(held, sources, wanted)) return false;
  }
  return true;
}

bool waits_in_circle() {
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows("SELECT dap_internal.waits_in_circle()", nullptr, 0, CurrentMemoryContext);
  run_as_end(&ledger);
  return DatumGetBool(rows.values[0]);
}

void pause_for(long ms) {
  (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, PG_WAIT_LOCK | LOCKTAG_OBJECT);
  ResetLatch(MyLatch);
  CHECK_FOR_INTERRUPTS();
}

void wait_outside(const LOCKTAG* tag, const char* what) {
  OutsideWait wait = outside_wait_begin(tag);
  for (long pause = first_pause_ms; !lock_if_free(tag);
       pause = pause * 2 < longest_pause_ms ? pause * 2 : longest_pause_ms) {
    outside_wait_check(&wait, what);
    pause_for(pause);
  }
  outside_wait_end(&wait);
}

}  // namespace

LOCKTAG runs_lock() {
  LOCKTAG tag;
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, extension_oid(), 0);
  return tag;
}

LOCKTAG source_lock(int32 source_id) {
  LOCKTAG tag;
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, dap_relation("source_definition"), static_cast<Oid>(source_id), 0);
  return tag;
}

bool lock_if_free(const LOCKTAG* tag) {
  if (LockAcquire(tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL) return false;
  AcceptInvalidationMessages();
  return true;
}

void lock_in_order(const LOCKTAG* tag, const char* what) {
  if (lock_if_free(tag)) return;
  if (!keeps_order(tag)) {
    wait_outside(tag, what);
    return;
  }
  (void)LockAcquire(tag, ExclusiveLock, false, false);
  AcceptInvalidationMessages();
}

void unlock(const LOCKTAG* tag) { LockRelease(tag, ExclusiveLock, false); }

OutsideWait outside_wait_begin(const LOCKTAG* tag) {
  OutsideWait wait = {};
  if (tag->locktag_type == LOCKTAG_RELATION)
    SET_LOCKTAG_OBJECT(wait.mark, tag->locktag_field1, RelationRelationId, tag->locktag_field2, mark_number);
  else SET_LOCKTAG_OBJECT(wait.mark, tag->locktag_field1, tag->locktag_field2, tag->locktag_field3, mark_number);
  wait.started = GetCurrentTimestamp();
  (void)LockAcquire(&wait.mark, AccessShareLock, false, false);
  return wait;
}

void outside_wait_check(const OutsideWait* wait, const char* what) {
  // Twice: who waits for whom and who holds what are not read at one instant, so that one look may put together what
  // never was at the same time.
  bool circle = waits_in_circle();
  if (circle) {
    pause_for(first_pause_ms);
    circle = waits_in_circle();
  }
  if (circle)
    ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
                    errmsg("could not %s: this transaction and another one wait for each other", what),
                    errdetail("The transaction holds locks from what it did before, and who holds the lock that it "
                              "needs now waits for these."),
                    errhint("Commit before, and try again; or begin the transaction with what refreshes or defines, "
                            "then load, and use sources in the order in which they were created.")));
  if (LockTimeout > 0 && TimestampDifferenceExceeds(wait->started, GetCurrentTimestamp(), LockTimeout))
    ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE), errmsg("could not %s within \"lock_timeout\"", what)));
}

void outside_wait_end(const OutsideWait* wait) { LockRelease(&wait->mark, AccessShareLock, false); }

void check_not_superseded(const char* sql, int32 parameter, const char* changed) {
  if (!IsolationUsesXactSnapshot()) return;
  Parameter value = int4_parameter(parameter);
  RunAs ledger = run_as_begin(ledger_owner());
  const char* seen = query_text(sql, &value, 1);
  const char* newest = query_text(sql, &value, 1, ReadAt::newest);
  bool same = seen && newest ? std::strcmp(seen, newest) == 0 : seen == newest;
  run_as_end(&ledger);
  if (!same)
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("could not serialize access: %s by a concurrent transaction", changed),
                    errhint("Try again in a new transaction.")));
}

}  // namespace dap
