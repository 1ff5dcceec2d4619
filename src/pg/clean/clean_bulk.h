// The clean step in bulk: from pages of the source to pages of a table that is still empty, or to what differs from the
// rows of one that is not, by several processes.
#pragma once

#include "bridge/pg.h"
#include "pg/clean/clean_rejects.h"
#include "pg/table/merge.h"

namespace dap {

// What has been done: the table is filled, and its indexes are to be built unless they are (build_indexes); or it has
// been compared, and what differs is to be written (merge_bulk); or nothing.
enum class BulkWay : unsigned char { none, filled, compared };

struct BulkClean {
  int64 read;
  int64 rows;
  bool indexed;  // the table that is filled has its index too
  CleanRejects rejects;
  // Of a table that was compared: what is not written yet.
  const MergeTarget* target;
  MergeResult merged;
};

// Looks whether source, table and rules are such that the step can be done this way, and does it; where it is not
// possible after all, clean_rows is the way. A table is filled only where nobody else has a lock on it. What clean_rows
// requires is required here too.
BulkWay clean_in_bulk(const Model*, Relation target, Snapshot, BulkClean* result);

// Writes what differs, as merge_rows does, into `bulk->merged`. The relation is not open here any more.
void merge_bulk(BulkClean* bulk, Snapshot);

}  // namespace dap
