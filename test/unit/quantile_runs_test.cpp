// Runs of equal items against a map, with fewer and more items than a block holds.
#include <gtest/gtest.h>

#include <map>
#include <memory_resource>
#include <random>
#include <vector>

#include "engine/quantile/moving.h"
#include "engine/quantile/runs.h"

namespace dap::quantile {
namespace {

TEST(QuantileRuns, AgreeWithAMap) {
  std::mt19937_64 random(5);
  for (std::uint64_t count : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{1000}, sorted_block,
                              sorted_block + 1, 3 * sorted_block + 17}) {
    for (std::uint64_t different : {std::uint64_t{1}, std::uint64_t{3}, std::uint64_t{50000}, ~std::uint64_t{0}}) {
      std::pmr::monotonic_buffer_resource memory;
      std::vector<std::int64_t> keys(count);
      std::map<std::int64_t, std::uint64_t> expected;
      for (auto& key : keys) expected[key = static_cast<std::int64_t>(random() % different) - 1]++;
      const auto less = [](std::int64_t a, std::int64_t b) { return a < b; };
      Runs<std::int64_t, decltype(less)> runs(keys.data(), count, less);
      while (runs.sort_next(&memory)) {
      }
      const std::int64_t* key;
      std::uint64_t times;
      Mode mode{};
      auto at = expected.begin();
      while (runs.next(&key, &times)) {
        ASSERT_NE(at, expected.end());
        ASSERT_EQ(*key, at->first);
        ASSERT_EQ(times, at->second);
        consider(&mode, Value{*key, nullptr}, times);
        ++at;
      }
      ASSERT_EQ(at, expected.end());
      std::uint64_t most = 0;
      std::int64_t first = 0;
      for (const auto& [value, number] : expected)
        if (number > most) {
          most = number;
          first = value;
        }
      EXPECT_EQ(mode.times, most);
      EXPECT_TRUE(most == 0 || mode.value.key == first);
    }
  }
}

TEST(QuantileRuns, TheLowestOfTheMostFrequent) {
  Mode mode{};
  consider(&mode, Value{5, nullptr}, 0);
  EXPECT_EQ(mode.times, 0U);
  consider(&mode, Value{5, nullptr}, 2);
  consider(&mode, Value{4, nullptr}, 2);
  consider(&mode, Value{3, nullptr}, 1);
  consider(&mode, Value{9, nullptr}, 2);
  EXPECT_EQ(mode.value.key, 4);
  EXPECT_EQ(mode.times, 2U);
}

TEST(QuantileMoving, KnowsHowOften) {
  std::mt19937_64 random(6);
  std::pmr::unsynchronized_pool_resource memory;
  MovingSample sample{};
  std::map<std::int64_t, std::uint64_t> expected;
  EXPECT_EQ(moving_times(sample, Value{1, nullptr}), 0U);
  for (int i = 0; i < 20000; i++) {
    const auto key = static_cast<std::int64_t>(random() % 50);
    if (random() % 2 == 0) {
      moving_add(&sample, Value{key, nullptr}, &memory);
      expected[key]++;
    } else if (moving_remove(&sample, Value{key, nullptr}, &memory)) {
      expected[key]--;
    }
    ASSERT_EQ(moving_times(sample, Value{key, nullptr}), expected[key]);
  }
}

}  // namespace
}  // namespace dap::quantile
