// What a run reads: one snapshot for all its steps, so that they see the same files whatever others commit meanwhile.
#pragma once

#include "bridge/pg.h"

namespace dap {

// Locks these relations (of Oid; those that are gone are passed by) against changes of their shape, then takes the
// run's snapshot. The order matters: to a snapshot older than it, a table that was truncated or rewritten is empty.
Snapshot reading_begin(const List* relations);
void reading_end(Snapshot);

// 42501 where row-level security hides rows of the relation from this role: what it reads of it then is not what it
// holds. One that is gone is passed by.
void check_sees_all(Oid relation, Oid reader);

// Runs one SELECT as the current user under that snapshot, which sees what the run itself has written as well; returns
// the number of rows.
uint64 read_into(Snapshot, const char* sql, DestReceiver* into);
// While it is pushed, query_rows with ReadAt::active_snapshot reads under it too.
void reading_push(Snapshot);
void reading_pop();

}  // namespace dap
