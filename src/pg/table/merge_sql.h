// The statements of a merge.
#pragma once

#include "bridge/pg.h"
#include "pg/catalog/model.h"

namespace dap {

inline constexpr const char* new_rows_name = "dap_new";
inline constexpr const char* changes_name = "dap_changes";

// A model's table as statements name it.
struct MergeTarget {
  const Model* model;
  const char* label;
  const char* scan;  // ONLY the table itself, or all of a partitioned one
  TupleDesc desc;    // of the model's columns
  int* key;          // their positions in it
  bool has_other_columns;
};

MergeTarget* merge_target(const Model*, TupleDesc desc);

// Keys of the new rows that are NULL or there more than once.
char* faulty_keys_query(const Model*);
// The new rows and the table's, those of one key beside each other: old columns, then new columns.
char* pairs_query(const MergeTarget*);
// All new rows into the empty table.
char* build_statement(const MergeTarget*);
// Of changes: rows by their old key; all columns; rows of the new images.
char* delete_statement(const MergeTarget*);
char* update_statement(const MergeTarget*);
char* insert_statement(const MergeTarget*);

}  // namespace dap
