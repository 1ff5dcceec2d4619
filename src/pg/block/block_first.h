// The groups that come first in each partition.
#pragma once

#include <memory_resource>

#include "engine/group/table.h"

#include "bridge/pg.h"
#include "pg/block/block.h"

namespace dap {

struct FirstGroups;

// Goes through all groups of a block that has a `top`; nullptr: it is more than the memory has room for.
FirstGroups* first_groups(const Block*, const group::Table*, std::pmr::memory_resource* memory);

// Is a group, the number-th of them all, among the first of its partition?
bool is_first(const FirstGroups*, const group::Row&, uint64 number);

// A total of its partition; false: it is NULL.
bool total_of(const FirstGroups*, uint64 number, int total, group::Int128* value);

}  // namespace dap
