// Which blocks of a table hold a file's rows: a few ranges of block numbers that cover all of them.
#pragma once

#include <cstdint>

namespace dap {

struct BlockRange {
  std::uint32_t first;
  std::uint32_t last;  // included
};

// Ascending, never touching each other. Where more would be needed the two nearest become one, so that the ranges may
// cover more than was added, never less.
struct BlockRanges {
  static constexpr int most = 64;
  int count;
  BlockRange ranges[most];
};

// Covers the blocks `first` to `last` too; `first` <= `last`.
void add_blocks(BlockRanges&, std::uint32_t first, std::uint32_t last) noexcept;

}  // namespace dap
