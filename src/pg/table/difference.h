// Which rows of a table differ from its model's new ones.
#pragma once

#include "bridge/query.h"
#include "pg/table/merge.h"
#include "pg/table/merge_sql.h"

namespace dap {

// Columns of a change: old_1, old_2, …, new_1, new_2, … of these.
TupleDesc change_columns(TupleDesc);
// Are old and new image, which lie behind each other, the same? Only where each value has the same bytes: 1.0 and 1.00
// are equal, not identical. What is detoasted is left in the current memory context.
bool is_same_pair(TupleDesc, const Datum* values, const bool* nulls);

// Makes the result's change_desc and its stores; then the pairs that differ are added. One whose old image has no key
// is an insert, one whose new image has none a delete.
void open_changes(const MergeTarget*, MergeResult*);
void add_change(const MergeTarget*, MergeResult*, TupleTableSlot* pair);
void close_changes(MergeResult*);

// Fills the result's change_desc and changes.
void find_differences(const MergeTarget*, const NamedStore* new_rows, MergeResult*);

}  // namespace dap
