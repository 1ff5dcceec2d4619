// Snapshots that the server may have declared too old.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "storage/bufmgr.h"
}

namespace dap {

// 72000 where rows that the snapshot should see may have been removed from the page: old_snapshot_threshold, which 17
// no longer has (commit f691f5b80a).
inline void check_old_snapshot([[maybe_unused]] Snapshot snapshot, [[maybe_unused]] Relation relation,
                               [[maybe_unused]] Page page) {
#if PG_VERSION_NUM < 170000
  TestForOldSnapshot(snapshot, relation, page);
#endif
}

}  // namespace dap
