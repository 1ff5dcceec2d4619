// Brings a table to a new set of rows by writing only the rows that differ.
#pragma once

#include "bridge/pg.h"
#include "bridge/query.h"
#include "pg/catalog/model.h"

namespace dap {

// A model's new rows: its columns by name, in the table's types.
struct NewRows {
  TupleDesc desc;
  Tuplestorestate* store;
  int64 count;
};

// The table's columns that are the model's own, in the table's order: others, which somebody added, are left alone.
// 42703 if one is gone.
TupleDesc model_columns(const Model*, Relation);
NewRows* new_rows_open(TupleDesc);

// Rows that differ, as columns old_1, old_2, …, new_1, new_2, … of the model's columns in their order.
struct Changes {
  Tuplestorestate* store;
  int64 count;
};

struct MergeResult {
  bool was_empty;
  int64 inserted;
  int64 updated;
  int64 deleted;
  int64 rows;  // afterwards
  // Both images of the changed rows; without stores after a first build.
  TupleDesc change_desc;
  Changes deletes;  // new columns are NULL
  Changes updates;
  Changes inserts;  // old columns are NULL
};

// Under a lock against other writers that the caller has taken: checks that keys are unique and not NULL (21000), finds
// the rows that differ in any byte of their values, and deletes, updates and inserts those. Runs as the table's owner:
// call it within run_as.
MergeResult merge_rows(const Model*, NewRows*);

// What finds how a table differs from its model's new rows: it fills the result's change_desc and changes.
struct MergeTarget;
struct DifferenceFinder {
  void (*find)(const MergeTarget*, void* argument, MergeResult*);
  void* argument;
};
// The same where somebody has found already what differs (`found`, with the number of rows), and can look again.
void merge_changes(const MergeTarget*, const DifferenceFinder*, MergeResult* found);

void merge_close(MergeResult*, NewRows*);  // rows: NULL where there are none

}  // namespace dap
