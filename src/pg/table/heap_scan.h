// The rows of a plain local heap that a snapshot sees, page by page, as they lie there.
#pragma once

#include "bridge/pg.h"

namespace dap {

// A page's visible tuples; pinned, and so in their place, until the next page is asked for.
struct HeapPage {
  int count;
  HeapTupleHeader tuples[MaxHeapTuplesPerPage];
  uint16 lengths[MaxHeapTuplesPerPage];
};

struct HeapScan;

// Can the relation's pages be read here? A permanent, unlogged or temporary table of the server's own heap, that has no
// parts elsewhere: no partitions, no inheritance children.
bool is_readable_heap(Relation);

// Reads the relation's blocks `first` to `end` - 1 under the active snapshot. Whoever reads must have been allowed to:
// nothing is checked here.
HeapScan* heap_scan_open(Relation, BlockNumber first, BlockNumber end);
// The next page that has visible tuples; NULL after the last. Checks for interrupts.
const HeapPage* heap_scan_next(HeapScan*);
void heap_scan_close(HeapScan*);

}  // namespace dap
