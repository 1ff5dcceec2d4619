// What a model's table holds of one process's range of keys, in their order.
#pragma once

#include "bridge/pg.h"
#include "engine/row/row.h"
#include "pg/clean/clean_share.h"

namespace dap {

// Can the table's rows be read here, and does it hold each key once?
bool can_read_stored(const Model*, Relation target);

struct StoredRows;

// `memory` as for clean_share_open.
StoredRows* stored_rows_open(const CleanTask*, int process, Size memory);
// Reads the table under the task's snapshot of it, unless the step is given up: it does so itself where it meets a row
// that cannot be told by its key.
void stored_rows_read(StoredRows*);
// NULL after the last. A row's arrival is the number of attributes that its tuple has.
const row::Row* stored_rows_next(StoredRows*);
void stored_rows_close(StoredRows*);

}  // namespace dap
