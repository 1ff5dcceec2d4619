// What GROUP BY leaves in an analysed query.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "optimizer/optimizer.h"
}

namespace dap {

// Since 18 (commit 247dea89f7) columns above a grouping name an entry of its own in the range table: makes them the
// expressions that they stand for, as they were before.
inline void expand_group_entry(Query* query) {
#if PG_VERSION_NUM >= 180000
  if (!query->hasGroupRTE) return;
  query->targetList =
      reinterpret_cast<List*>(flatten_group_exprs(nullptr, query, reinterpret_cast<Node*>(query->targetList)));
  query->havingQual = flatten_group_exprs(nullptr, query, query->havingQual);
  query->hasGroupRTE = false;
#else
  (void)query;
#endif
}

}  // namespace dap
