// The clean step of a table that is still empty: from pages of the source to pages of the table, by several processes.
#pragma once

#include "bridge/pg.h"
#include "pg/clean/clean_rejects.h"

namespace dap {

struct BulkClean {
  int64 read;
  int64 rows;
  CleanRejects rejects;
};

// Fills the model's table and returns true, where source, table and rules are such that it can be done this way and
// nobody else has a lock on the table; else nothing has been done, and clean_rows is the way. The table's indexes are
// then to be built (build_indexes). What clean_rows requires is required here too.
bool clean_in_bulk(const Model*, Relation target, Snapshot, BulkClean* result);

}  // namespace dap
