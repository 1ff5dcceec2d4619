// New columns of a source's table.
#pragma once

#include "bridge/pg.h"
#include "pg/csv/column_map.h"

namespace dap {

// Adds text columns to a table, as its owner. In a transaction of its own, by a background worker, so that nobody who
// reads the table waits for the end of the caller's: the columns stay, even should the caller roll back. Readers that
// are there already are waited for, without keeping out others. Where the caller's transaction has made or changed the
// table, a partition or a column of these, or no worker is to be had or gets through ALTER TABLE (a WARNING), in the
// caller's transaction.
void add_text_columns(Oid relation, char* const* names, int count);

// Adds the map's new columns to the source's table in this way, with a NOTICE each; called as the table's owner.
void add_columns(const ColumnMap*, const SourceDefinition*);

}  // namespace dap
