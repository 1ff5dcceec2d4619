// Parallel workers that add filled batches of page images to the relation while the leader goes on filling others. The
// leader writes a batch too, whenever every slot is filled: nobody waits for a particular batch until the end.
#pragma once

#include "engine/blocks/block_ranges.h"
#include "pg/table/page_store.h"

namespace dap {

struct PageWorkers;

// Launches what max_parallel_maintenance_workers and the server's free slots allow, and enters parallel mode; NULL
// where that is none, or where parallelism is not allowed. The transaction must have its xid, with a record of it in
// the WAL where the relation's changes go there. `own` is the leader's way to write; `written` takes the blocks that
// everybody wrote.
PageWorkers* page_workers_start(Relation, bool ring, PageStore* own, BlockRanges* written);
// Room for a batch of images.
char* page_workers_slot(PageWorkers*);
// The first `count` images of the room last given out, with `rows` rows, are to be written.
void page_workers_give(PageWorkers*, int count, int64 rows);
// Returns when every batch is written and no worker is left; leaves parallel mode.
void page_workers_finish(PageWorkers*);
// For a load that is given up: batches that nobody has begun to write are forgotten, and the workers told to end. Does
// not wait; page_workers_finish, or the rollback of an error, does. Returns the rows forgotten.
int64 page_workers_discard(PageWorkers*);

}  // namespace dap
