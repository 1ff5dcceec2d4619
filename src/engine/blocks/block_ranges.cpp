#include "engine/blocks/block_ranges.h"

#include <algorithm>

namespace dap {
namespace {

// Do the two cover one run of blocks without a gap? `left` does not start after `right`.
bool joins(const BlockRange& left, const BlockRange& right) noexcept {
  return right.first <= left.last || right.first - left.last == 1;
}

// Takes range `at` + 1 into range `at`.
void merge(BlockRanges& set, int at) noexcept {
  set.ranges[at].last = std::max(set.ranges[at].last, set.ranges[at + 1].last);
  std::copy(set.ranges + at + 2, set.ranges + set.count, set.ranges + at + 1);
  set.count--;
}

void merge_nearest(BlockRanges& set) noexcept {
  int nearest = 0;
  for (int i = 1; i + 1 < set.count; i++)
    if (set.ranges[i + 1].first - set.ranges[i].last < set.ranges[nearest + 1].first - set.ranges[nearest].last)
      nearest = i;
  merge(set, nearest);
}

}  // namespace

void add_blocks(BlockRanges& set, std::uint32_t first, std::uint32_t last) noexcept {
  if (set.count == BlockRanges::most) merge_nearest(set);
  int at = set.count;
  while (at > 0 && set.ranges[at - 1].first > first) at--;
  std::copy_backward(set.ranges + at, set.ranges + set.count, set.ranges + set.count + 1);
  set.ranges[at] = {first, last};
  set.count++;
  if (at > 0 && joins(set.ranges[at - 1], set.ranges[at])) merge(set, --at);
  while (at + 1 < set.count && joins(set.ranges[at], set.ranges[at + 1])) merge(set, at);
}

}  // namespace dap
