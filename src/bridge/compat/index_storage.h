// New storage of an index, and what the planner knows of a relation's size.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "access/multixact.h"
#include "catalog/catalog.h"
#include "commands/vacuum.h"
#include "utils/relcache.h"
}

namespace dap {

// Gives the relation an empty file; the one it had goes when the transaction commits.
inline void set_new_storage(Relation relation) {
#if PG_VERSION_NUM >= 160000
  RelationSetNewRelfilenumber(relation, relation->rd_rel->relpersistence);  // since 16 (commit b0a55e4329)
#else
  RelationSetNewRelfilenode(relation, relation->rd_rel->relpersistence);
#endif
}

// Notes in pg_class how large the relation is, in place, as building an index does.
inline void note_size(Relation relation, int64 rows, bool has_index) {
  BlockNumber pages = RelationGetNumberOfBlocks(relation);
  auto tuples = static_cast<double>(rows);
#if PG_VERSION_NUM >= 180000
  // Counts frozen pages too, since 18 (commit 99f8f3fbbc).
  vac_update_relstats(relation, pages, tuples, 0, 0, has_index, InvalidTransactionId, InvalidMultiXactId, nullptr,
                      nullptr, true);
#else
  vac_update_relstats(relation, pages, tuples, 0, has_index, InvalidTransactionId, InvalidMultiXactId, nullptr, nullptr,
                      true);
#endif
}

// Does the server set store by when an index was made anew, since it may have removed rows that old snapshots see?
inline bool prunes_early([[maybe_unused]] Relation relation) {
#if PG_VERSION_NUM < 170000
  return EarlyPruningEnabled(relation);  // old_snapshot_threshold, gone in 17 (commit f691f5b80a)
#else
  return false;
#endif
}

}  // namespace dap
