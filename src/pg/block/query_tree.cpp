#include "pg/block/query_tree.h"

#include <cstring>

namespace dap {

namespace {

CommonTableExpr* cte_of(const Query* query, const RangeTblEntry* entry, const List* outer) {
  auto level = static_cast<int>(entry->ctelevelsup);
  if (entry->self_reference || level > list_length(outer)) return nullptr;
  const Query* owner = level == 0 ? query : list_nth_node(Query, outer, level - 1);
  ListCell* cell;
  foreach (cell, owner->cteList) {
    auto* cte = lfirst_node(CommonTableExpr, cell);
    if (strcmp(cte->ctename, entry->ctename) == 0) return cte->cterecursive ? nullptr : cte;
  }
  return nullptr;
}

}  // namespace

int only_entry(const Query* query) {
  const List* from = query->jointree->fromlist;
  return list_length(from) == 1 && IsA(linitial(from), RangeTblRef) ? linitial_node(RangeTblRef, from)->rtindex : 0;
}

Query* query_behind(const Query* query, const RangeTblEntry* entry, const List* outer, CommonTableExpr** cte) {
  *cte = nullptr;
  if (entry->rtekind == RTE_SUBQUERY) return entry->lateral || entry->security_barrier ? nullptr : entry->subquery;
  if (entry->rtekind != RTE_CTE) return nullptr;
  *cte = cte_of(query, entry, outer);
  return *cte != nullptr && IsA((*cte)->ctequery, Query) ? castNode(Query, (*cte)->ctequery) : nullptr;
}

}  // namespace dap
