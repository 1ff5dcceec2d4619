// Brings a table to a new set of rows by writing only the rows that differ.
#pragma once

#include "bridge/pg.h"
#include "bridge/query.h"
#include "pg/refresh/model.h"

namespace dap {

// A model's new rows: its columns by name, in the table's types.
struct NewRows {
  TupleDesc desc;
  Tuplestorestate* store;
  int64 count;
};

// The tuple descriptor of a table's live columns.
TupleDesc live_columns(Relation);
NewRows* new_rows_open(TupleDesc);

struct MergeResult {
  bool was_empty;
  int64 inserted;
  int64 updated;
  int64 deleted;
  int64 rows;  // afterwards
  // The changed rows with both images, `_change` ('I', 'U', 'D'), then each column's old value (old_N) and new value (new_N); NULL after a first build.
  TupleDesc change_desc;
  Tuplestorestate* changes;
};

// Locks the table against other writers (SHARE ROW EXCLUSIVE: readers are not blocked), checks that keys are unique and not NULL (21000, 23502),
// finds the rows that differ in any byte of their values, and deletes, updates and inserts those. Runs as the table's owner: call it within run_as.
MergeResult merge_rows(const Model*, NewRows*);

}  // namespace dap
