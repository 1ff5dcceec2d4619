// Rows that come in any order and leave in the order of their keys, the latest of each key, within a limit of memory.
#pragma once

#include "bridge/pg.h"
#include "engine/row/row.h"

namespace dap {

struct RowRuns;

// Its memory is the current context's. `memory`: bytes that rows may take; beyond it they go to temporary files, each a
// run of rows in order.
RowRuns* row_runs_open(Size memory);
// Begins a row whose images lie at `images`: of the key, at least eight bytes, then of what makes it the latest.
// Returns the place of its body: fill it, then call row_runs_added().
unsigned char* row_runs_put(RowRuns*, const unsigned char* images, Size key, Size latest, Size body, uint64 arrival,
                            uint16 tag);
void row_runs_added(RowRuns*);
// After the last row: puts them in order. Then row_runs_take gives the latest row of each key; NULL after the last. A
// row given holds until the next one is asked for.
void row_runs_sort(RowRuns*);
const row::Row* row_runs_take(RowRuns*);
void row_runs_close(RowRuns*);

}  // namespace dap
