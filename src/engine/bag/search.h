// The values at two neighbouring ranks of a bag.
#pragma once

#include "engine/bag/combine.h"

namespace dap::bag {

// What stands at a rank.
struct Found {
  Special special;  // special_count: a finite value
  Element element;  // at the bag's scale; its bytes are the bag's own
};

struct Search {
  Cursor cursor;
  std::uint64_t passed;
  std::uint64_t ranks[2];
  unsigned wanted, found;
  Found results[2];
};

// Begins to look for `rank` (0-based, below the number of values) and, if `wanted` is 2, for the next as well. Throws
// std::bad_alloc.
Outcome begin_search(Search* search, const unsigned char* data, std::size_t size, std::uint64_t rank, unsigned wanted,
                     std::pmr::memory_resource* memory);
// Goes on for about so many values; damaged where the bytes are no bag's.
Outcome step_search(Search* search, unsigned values);

}  // namespace dap::bag
