// A query of which the engine runs what it knows.
#pragma once

#include "bridge/pg.h"

namespace dap {

// The one SELECT that a text is, analysed and rewritten; nullptr: it is something else.
Query* select_query(const char* sql);

// Runs one SELECT as the current user under the active snapshot into the receiver, as read_into() of bridge/query does,
// its blocks by the engine; the result is the same. False, with nothing done: it has no block that the engine can run.
// `label` names the query in messages. The receiver is not asked to start before the blocks are done.
bool read_by_blocks(const char* sql, const char* label, DestReceiver*);

}  // namespace dap
