// Small questions about analysed queries.
#pragma once

#include "bridge/pg.h"

namespace dap {

// The number of the one entry that a query reads, 0: it reads none or several.
int only_entry(const Query*);

// The query whose rows an entry of `query` stands for: a subquery's, or that of a WITH, of the query itself or of one
// of those that it is a part of (`outer`, the innermost first); nullptr: it is neither, or must be kept apart. `*cte`
// is the WITH.
Query* query_behind(const Query* query, const RangeTblEntry* entry, const List* outer, CommonTableExpr** cte);

}  // namespace dap
