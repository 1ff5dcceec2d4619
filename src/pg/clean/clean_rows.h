// The clean step: a source's live records, converted, the latest per key.
#pragma once

#include "bridge/pg.h"
#include "pg/catalog/model.h"
#include "pg/clean/clean_rejects.h"
#include "pg/run/reading.h"
#include "pg/table/merge.h"

namespace dap {

struct CleanResult {
  NewRows* rows;
  int64 read;
  CleanRejects rejects;
};

// Reads the source's table (any relation that can be read) under the run's snapshot, converts each record by the
// model's rules and keeps the latest of each key. Records of files that the ledger does not have as loaded are not
// read. 42804 if the table's columns have other types than their rules. Runs as the table's owner: call it within
// run_as.
CleanResult clean_rows(const Model*, Relation target, Snapshot);

}  // namespace dap
