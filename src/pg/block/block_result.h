// What a block's groups come to, as rows.
#pragma once

#include <memory_resource>

#include "engine/group/table.h"

#include "bridge/pg.h"
#include "pg/block/block.h"

namespace dap {

// Puts the groups' keys and answers into a tuplestore of the current memory context; `memory` is for scratch.
void put_groups(const Block*, const group::Table*, std::pmr::memory_resource* memory, BlockRows*);

}  // namespace dap
