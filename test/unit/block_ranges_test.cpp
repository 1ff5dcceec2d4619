#include "engine/blocks/block_ranges.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace dap {
namespace {

std::vector<std::pair<std::uint32_t, std::uint32_t>> listed(const BlockRanges& set) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> out;
  for (int i = 0; i < set.count; i++) out.emplace_back(set.ranges[i].first, set.ranges[i].last);
  return out;
}

using List = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

TEST(BlockRanges, NeighboursBecomeOne) {
  BlockRanges set = {};
  add_blocks(set, 10, 19);
  add_blocks(set, 30, 39);
  EXPECT_EQ(listed(set), (List{{10, 19}, {30, 39}}));
  add_blocks(set, 20, 29);
  EXPECT_EQ(listed(set), (List{{10, 39}}));
  add_blocks(set, 0, 8);
  EXPECT_EQ(listed(set), (List{{0, 8}, {10, 39}}));
  add_blocks(set, 5, 50);
  EXPECT_EQ(listed(set), (List{{0, 50}}));
}

TEST(BlockRanges, TheLargestBlockNumberDoesNotWrap) {
  BlockRanges set = {};
  add_blocks(set, 0xFFFFFFFEu, 0xFFFFFFFEu);
  add_blocks(set, 0, 0);
  add_blocks(set, 0xFFFFFFFDu, 0xFFFFFFFDu);
  EXPECT_EQ(listed(set), (List{{0, 0}, {0xFFFFFFFDu, 0xFFFFFFFEu}}));
}

// Against a set of blocks: nothing that was added is missing, ranges are in order and apart; as long as there is room,
// nothing else is covered.
TEST(BlockRanges, CoverWhatWasAdded) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 300; round++) {
    BlockRanges set = {};
    std::set<std::uint32_t> added;
    const bool crowded = round % 2 == 1;
    const std::uint32_t width = crowded ? 4000 : 100;  // at most 50 ranges fit 100 blocks
    bool was_full = false;
    for (int i = 0; i < 200; i++) {
      const std::uint32_t first = random() % width, last = first + random() % 3;
      add_blocks(set, first, last);
      was_full = was_full || set.count >= BlockRanges::most - 1;
      for (std::uint32_t b = first; b <= last; b++) added.insert(b);
      ASSERT_LE(set.count, BlockRanges::most);
    }
    std::size_t covered = 0;
    for (int i = 0; i < set.count; i++) {
      ASSERT_LE(set.ranges[i].first, set.ranges[i].last);
      if (i > 0) {
        ASSERT_GT(set.ranges[i].first, set.ranges[i - 1].last + 1);
      }
      covered += set.ranges[i].last - set.ranges[i].first + 1;
    }
    for (const std::uint32_t block : added) {
      bool found = false;
      for (int i = 0; i < set.count; i++)
        found = found || (set.ranges[i].first <= block && block <= set.ranges[i].last);
      ASSERT_TRUE(found) << block;
    }
    if (!was_full) {
      ASSERT_EQ(covered, added.size());
    }
    ASSERT_TRUE(was_full || !crowded);
  }
}

}  // namespace
}  // namespace dap
