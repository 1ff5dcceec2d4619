// New columns of a source's table.
#pragma once

#include "bridge/pg.h"

namespace dap {

// Adds text columns to a table, as its owner. In a transaction of its own, by a background worker, so that nobody who reads the table waits for the end of the caller's: the columns
// stay, even should the caller roll back. Readers that are there already are waited for, without keeping out others. Where the caller's transaction has made or changed the
// table, a partition or a column of these, or no worker is to be had (a WARNING), in the caller's transaction.
void add_text_columns(Oid relation, char* const* names, int count);

}  // namespace dap
