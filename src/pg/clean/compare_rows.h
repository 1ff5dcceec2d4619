// New rows and those of the table, side by side in the order of their keys.
#pragma once

#include "bridge/pg.h"
#include "pg/clean/clean_share.h"
#include "pg/clean/stored_rows.h"

namespace dap {

// Gives the sink each row that differs, as a row of change_columns() in a short-lived memory context; returns the
// number of new rows. Both sides have been read.
int64 compare_rows(const CleanTask*, CleanShare* fresh, StoredRows* stored, TupleSink, void* argument);

}  // namespace dap
