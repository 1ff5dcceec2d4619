// What a query model's query gives, and where it goes.
#pragma once

#include "bridge/pg.h"
#include "pg/catalog/model.h"
#include "pg/table/merge.h"

namespace dap {

// The rows of the model's query, each column in the table's type; 42804 where the query gives another one. Runs as the
// table's owner: call it within run_as_model.
NewRows* model_rows(const Model*, Relation target, Snapshot);

// Where the model's table is such that it can be filled in bulk (take_bulk_target): fills it with the query's rows as
// they come, builds its indexes, and returns true. False, with nothing done: merge the rows of model_rows, also to be
// told what is wrong with their keys.
bool query_in_bulk(const Model*, Relation target, Snapshot, int64* rows);

}  // namespace dap
