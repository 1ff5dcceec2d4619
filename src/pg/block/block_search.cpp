#include "pg/block/block_search.h"

extern "C" {
#include "miscadmin.h"
}

namespace dap {

namespace {

// Visits a query and those that it is made of, each before its own; `outer` are those that one is a part of, the
// innermost first. `visit` says whether to go on below the query.
template <class Visit>
void walk(Query* query, List* outer, const Visit& visit) {
  check_stack_depth();
  if (!visit(query, outer)) return;
  outer = lcons(query, list_copy(outer));
  ListCell* cell;
  foreach (cell, query->rtable) {
    auto* entry = lfirst_node(RangeTblEntry, cell);
    if (entry->rtekind == RTE_SUBQUERY && !entry->security_barrier) walk(entry->subquery, outer, visit);
  }
  foreach (cell, query->cteList) {
    auto* cte = lfirst_node(CommonTableExpr, cell);
    // One that nobody reads is not computed.
    if (!cte->cterecursive && cte->cterefcount > 0 && IsA(cte->ctequery, Query))
      walk(castNode(Query, cte->ctequery), outer, visit);
  }
}

}  // namespace

FoundBlocks search_blocks(Query* query) {
  FoundBlocks found = {NIL, NIL};
  walk(query, NIL, [&found](Query* at, List* outer) {
    Block* block = find_block(at, outer);
    if (block->forbidden == nullptr) {
      found.runnable = lappend(found.runnable, block);
      return false;
    }
    if (at->groupClause != NIL || at->hasAggs || at->distinctClause != NIL)
      found.refused = lappend(found.refused, block);
    return true;
  });
  walk(query, NIL, [&found](Query* at, List* outer) {
    find_top(at, outer, found.runnable);
    return true;
  });
  return found;
}

}  // namespace dap
