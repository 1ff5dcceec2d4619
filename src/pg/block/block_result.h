// What a block's groups come to, as rows.
#pragma once

#include <memory_resource>

#include "engine/group/table.h"

#include "bridge/pg.h"
#include "pg/block/block.h"

namespace dap {

// Puts the groups' keys and answers into a tuplestore of the current memory context, of a block with a `top` those that
// come first, with totals; `memory` is for scratch. False: it is more than the memory has room for.
bool put_groups(const Block*, const group::Table*, std::pmr::memory_resource* memory, BlockRows*);

}  // namespace dap
