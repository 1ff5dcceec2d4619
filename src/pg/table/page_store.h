// Adds page images to a plain heap: through the buffer manager, many pages at once, with one multi-insert WAL record a
// page, as COPY writes. Any process of the transaction's parallel group may do it.
#pragma once

#include "bridge/compat/bulk_extend.h"
#include "bridge/pg.h"

namespace dap {

// The images that are added at once.
constexpr int batch_pages = bulk_extend_most;

struct PageStore;

// `ring`: keep the pages out of the rest of shared buffers.
PageStore* page_store_open(Relation, bool ring);
// Adds the first `count` (at most batch_pages) of the images at `images`, BLCKSZ apart; `blocks[i]` says where image i
// went. The images are changed.
void page_store_write(PageStore*, char* images, int count, BlockNumber* blocks);
void page_store_close(PageStore*);

}  // namespace dap
