// What GROUP BY leaves in an analysed query.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "optimizer/optimizer.h"
}

namespace dap {

// Since 18 (commit 247dea89f7) columns above a grouping name an entry of its own in the range table: the target list or
// the HAVING of a query with the expressions that they stand for, as it was before. The query stays as it is.
inline Node* above_groups(Query* query, void* node) {
#if PG_VERSION_NUM >= 180000
  if (query->hasGroupRTE) return flatten_group_exprs(nullptr, query, static_cast<Node*>(node));
#else
  (void)query;
#endif
  return static_cast<Node*>(node);
}

// A query that has no such entry any more.
inline void drop_group_entry(Query* query) {
#if PG_VERSION_NUM >= 180000
  query->hasGroupRTE = false;
#else
  (void)query;
#endif
}

}  // namespace dap
