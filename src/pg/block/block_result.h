// What a block's groups come to, as rows.
#pragma once

#include <memory_resource>

#include "engine/group/table.h"

#include "bridge/pg.h"
#include "pg/block/block.h"

namespace dap {

// Puts the groups' keys and answers into a tuplestore of the current memory context, of a block with a `top` those that
// come first, with totals; `memory` is for scratch. Where memory has no room to find those the block loses its `top`.
void put_groups(Block*, const group::Table*, std::pmr::memory_resource* memory, BlockRows*);

}  // namespace dap
