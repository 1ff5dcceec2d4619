// Which rows of a table differ from its model's new ones.
#pragma once

#include "bridge/query.h"
#include "pg/table/merge.h"
#include "pg/table/merge_sql.h"

namespace dap {

// Fills the result's change_desc and changes. Rows are the same only where each value has the same bytes: 1.0 and 1.00
// are equal, not identical.
void find_differences(const MergeTarget*, const NamedStore* new_rows, MergeResult*);

}  // namespace dap
