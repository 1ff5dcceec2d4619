// Whether this session replays changes of a replication origin.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "replication/origin.h"
}

namespace dap {

inline bool replays_an_origin() {
#if PG_VERSION_NUM >= 190000
  // 19 keeps a session's origin in one struct, and its type is ReplOriginId (commit 1fdbca159e).
  return replorigin_xact_state.origin != InvalidReplOriginId;
#else
  return replorigin_session_origin != InvalidRepOriginId;
#endif
}

}  // namespace dap
