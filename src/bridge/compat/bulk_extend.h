// Adding many pages to a relation at once.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "storage/bufmgr.h"
}

namespace dap {

constexpr int bulk_extend_most = 32;

// Adds 1 to `count` (at most bulk_extend_most) zeroed pages at the relation's end, their space reserved on disk, and
// returns how many; their buffers are pinned, not locked. Other sessions may see and use the pages as soon as this
// returns.
int bulk_extend(Relation relation, BufferAccessStrategy strategy, int count, Buffer* buffers);

}  // namespace dap
