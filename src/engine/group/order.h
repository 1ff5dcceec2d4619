// Order statistics of a list: the values at given ranks, exactly, in time linear in its length.
#pragma once

#include <cstdint>

#include "engine/group/list.h"
#include "engine/group/workspace.h"
#include "engine/quantile/selector.h"

namespace dap::group {

// Plain data, but for `selector`, which may be abandoned too.
struct RankSearch {
  const List* list;
  std::uint32_t columns, column;
  const std::uint64_t* ranks;
  std::uint32_t rank_count;
  std::int64_t* results;
  Workspace* work;
  std::pmr::memory_resource* temporary;
  std::uint64_t count;
  ListReader reader;
  std::int64_t low, high;
  bool bounded;  // low and high are known
  quantile::Selector* selector;
};

// Looks for the values of a column (0, 1) at `ranks`, 0-based, ascending, each below the list's length. What the caller
// passes stays until the end. `temporary` is used for long lists alone; nothing of it is needed after the last step.
void begin_ranks(RankSearch* search, const List& list, std::uint32_t columns, std::uint32_t column,
                 const std::uint64_t* ranks, std::uint32_t rank_count, std::int64_t* results, Workspace* work,
                 std::pmr::memory_resource* temporary);

// Goes on for a while; false when all results are there. Throws std::bad_alloc.
bool step_ranks(RankSearch* search);

}  // namespace dap::group
