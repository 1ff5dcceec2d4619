// The one order of the extension's locks, and what happens where a transaction cannot keep it.
//
// First the lock of runs and definitions, then those of sources by their number, then tables and rows. Who asks in this
// order waits in the server's queue. Who holds what comes later (a load's tables, say, before a refresh) waits outside
// of it: others that wait for this transaction are then never told that they are part of a deadlock. It asks again and
// again, and gives up with 55P03 as soon as whom it waits for waits for it.
#pragma once

#include "bridge/pg.h"

namespace dap {

// The lock of runs and definitions: of the extension itself, so that DROP EXTENSION waits, and pg_dump and autovacuum
// do not.
LOCKTAG runs_lock();
// The lock of a source: of its loads, of what changes its definition, and of what writes its files' lines.
LOCKTAG source_lock(int32 source_id);

// Takes an exclusive lock until the end of the transaction, if it is free.
bool lock_if_free(const LOCKTAG*);
// Waits for it; `what` says what could not be done ("load into source \"s\"").
void lock_in_order(const LOCKTAG*, const char* what);
// Gives a lock back that this call took and did nothing under.
void unlock(const LOCKTAG*);

// A wait outside the server's queues for a lock or, with the tag of a table, for everybody who uses it. Others see it
// by a mark among the locks.
struct OutsideWait {
  LOCKTAG mark;
  TimestampTz started;
};
OutsideWait outside_wait_begin(const LOCKTAG*);
// 55P03 where whom it waits for waits for this transaction, or lock_timeout is over.
void outside_wait_check(const OutsideWait*, const char* what);
void outside_wait_end(const OutsideWait*);

// For transactions that keep their snapshot: 40001 unless `sql` gives the same text now as under it. `changed` says
// what another transaction did ("files were loaded").
void check_not_superseded(const char* sql, int32 parameter, const char* changed);

}  // namespace dap
