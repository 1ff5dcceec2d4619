// Rows in the order of their keys, the latest of each, against std::map.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory_resource>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "engine/row/image.h"
#include "engine/row/row_merge.h"
#include "engine/row/row_set.h"

namespace dap::row {
namespace {

struct Given {
  std::string key, latest, body;
  std::uint64_t arrival;
};

using Expected = std::map<std::string, Given>;

void keep(Expected* expected, const Given& given) {
  auto [at, is_new] = expected->try_emplace(given.key, given);
  if (!is_new && std::tie(given.latest, given.arrival) > std::tie(at->second.latest, at->second.arrival))
    at->second = given;
}

void add(RowSet* set, const Given& given) {
  unsigned char first[8] = {};
  const std::size_t whole = std::min<std::size_t>(given.key.size(), 8);
  std::memcpy(first, given.key.data(), whole);
  const std::size_t rest = given.key.size() - whole;
  set->make_room(row_bytes(rest, given.latest.size(), given.body.size()));
  Row* row = set->next();
  *row = {0,
          given.arrival,
          static_cast<std::uint16_t>(rest),
          static_cast<std::uint16_t>(given.latest.size()),
          static_cast<std::uint16_t>(given.body.size()),
          7};
  std::memcpy(&row->key, first, 8);
  row->key = __builtin_bswap64(row->key);
  auto* out = reinterpret_cast<unsigned char*>(row + 1);
  std::memcpy(out, given.key.data() + whole, rest);
  std::memcpy(out + rest, given.latest.data(), given.latest.size());
  std::memcpy(out + rest + given.latest.size(), given.body.data(), given.body.size());
  set->added();
}

std::string text(const unsigned char* bytes, std::size_t count) {
  return {reinterpret_cast<const char*>(bytes), count};
}

std::string key_of(const Row& row) {
  unsigned char first[8];
  put_unsigned(row.key, first);
  std::string key = text(first, 8) + text(row.key_bytes(), row.key_rest);
  return key;
}

std::string padded(std::string key) {
  if (key.size() < 8) key.resize(8, '\0');
  return key;
}

void expect_same(const Expected& expected, RowSet* set) {
  const Row* row = set->next_in_order();
  for (const auto& [key, given] : expected) {
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(padded(key), key_of(*row));
    EXPECT_EQ(given.arrival, row->arrival);
    EXPECT_EQ(given.latest, text(row->latest_bytes(), row->latest));
    EXPECT_EQ(given.body, text(row->body_bytes(), row->body));
    EXPECT_EQ(row->tag, 7);
    row = set->next_in_order();
  }
  EXPECT_EQ(row, nullptr);
}

std::string integer_image(std::int64_t value) {
  unsigned char bytes[8];
  put_integer(value, bytes);
  return text(bytes, 8);
}

std::string text_image(const std::string& value) {
  std::string bytes(value.size() + 1, '\0');
  put_text(value.data(), value.size(), reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

// Keys of one of the kinds that tables have.
std::string random_key(std::mt19937_64* random, int kind, int spread) {
  const auto number = static_cast<std::int64_t>((*random)() % static_cast<unsigned>(spread)) - spread / 2;
  switch (kind) {
    case 0: return integer_image(number);
    case 1: return text_image("customer-2026-" + std::to_string(number));
    case 2: return text_image(std::string(static_cast<std::size_t>((*random)() % 40), 'a')) + integer_image(number);
    case 3: return integer_image(number * 1'000'000'007);
    default: return integer_image(number % 3) + integer_image(number);
  }
}

TEST(Row, LatestOfEachKeyInOrder) {
  const std::uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; round++) {
    std::pmr::monotonic_buffer_resource memory;
    RowSet set(&memory);
    Expected expected;
    const int kind = round % 5, count = round % 7 == 0 ? 20000 : static_cast<int>(random() % 900);
    const bool ascending = round % 11 == 0, has_latest = round % 2 == 0;
    for (int i = 0; i < count; i++) {
      Given given = {ascending ? integer_image(i) : random_key(&random, kind, 1 + count / (1 + round % 4)), "",
                     std::string(random() % 90, 'x'), static_cast<std::uint64_t>(i)};
      if (has_latest) given.latest = integer_image(static_cast<std::int64_t>(random() % 5));
      if (round % 13 == 0) given.arrival = static_cast<std::uint64_t>(count - i);
      keep(&expected, given);
      add(&set, given);
    }
    EXPECT_EQ(set.count(), static_cast<std::size_t>(count));
    ASSERT_TRUE(set.keep_latest());
    expect_same(expected, &set);
    ASSERT_TRUE(set.keep_latest());  // from the first one on again
    expect_same(expected, &set);
    set.clear();
    EXPECT_EQ(set.count(), 0U);
    EXPECT_TRUE(set.keep_latest());
    EXPECT_EQ(set.next_in_order(), nullptr);
  }
}

TEST(Row, StopsAndBeginsAnew) {
  std::pmr::monotonic_buffer_resource memory;
  RowSet set(&memory);
  Expected expected;
  std::mt19937_64 random(1);
  for (int i = 0; i < 200000; i++) {
    Given given = {random_key(&random, i % 2 == 0 ? 0 : 1, 100000), "", "b", static_cast<std::uint64_t>(i)};
    keep(&expected, given);
    add(&set, given);
  }
  volatile std::sig_atomic_t stop = 1;
  EXPECT_FALSE(set.keep_latest(&stop));
  stop = 0;
  EXPECT_TRUE(set.keep_latest(&stop));
  expect_same(expected, &set);
}

TEST(Row, MemoryGoesBack) {
  std::pmr::unsynchronized_pool_resource memory;
  RowSet set(&memory);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 100000; i++) add(&set, {integer_image(-i), "", "body", static_cast<std::uint64_t>(i)});
    EXPECT_GT(set.memory_used(), 100000 * (row_bytes(0, 0, 4) + 32));
    EXPECT_LT(set.memory_used(), 100000 * (row_bytes(0, 0, 4) + 32) + (std::size_t{17} << 20));
    EXPECT_TRUE(set.keep_latest());
    set.clear();
    EXPECT_EQ(set.memory_used(), 0U);
  }
}

TEST(Row, ImagesOrderAsValues) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double ordered[] = {-infinity, -1e300, -1.5, -5e-324, 0.0, 5e-324, 1.5, 1e300, infinity, std::nan("")};
  std::string before;
  for (double value : ordered) {
    unsigned char bytes[8];
    put_double(value, bytes);
    EXPECT_LT(before, text(bytes, 8)) << value;
    before = text(bytes, 8);
  }
  unsigned char zero[8], minus_zero[8];
  put_double(0.0, zero);
  put_double(-0.0, minus_zero);
  EXPECT_EQ(text(zero, 8), text(minus_zero, 8));
  EXPECT_LT(integer_image(std::numeric_limits<std::int64_t>::min()), integer_image(-1));
  EXPECT_LT(integer_image(-1), integer_image(0));
  EXPECT_LT(integer_image(0), integer_image(std::numeric_limits<std::int64_t>::max()));
  EXPECT_LT(text_image("a"), text_image("aa"));
}

TEST(Row, StreamsAsOne) {
  const std::uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 100; round++) {
    std::pmr::monotonic_buffer_resource memory;
    Expected expected;
    const int count = 1 + static_cast<int>(random() % 9), kind = round % 5;
    std::vector<RowSet> sets(static_cast<std::size_t>(count), RowSet(&memory));
    std::vector<RowMerge::Stream> streams;
    std::uint64_t arrival = 0;
    for (int s = 0; s < count; s++) {
      RowSet& set = sets[static_cast<std::size_t>(s)];
      for (int i = static_cast<int>(random() % 300); i > 0; i--) {
        Given given = {random_key(&random, kind, 200), integer_image(static_cast<std::int64_t>(random() % 3)), "b",
                       arrival++};
        keep(&expected, given);
        add(&set, given);
      }
      set.keep_latest();
      if (const Row* row = set.next_in_order()) streams.push_back({row, s});
    }
    RowMerge merge(streams.data(), static_cast<int>(streams.size()));
    for (const auto& [key, given] : expected) {
      ASSERT_FALSE(merge.is_empty());
      EXPECT_EQ(padded(key), key_of(merge.top()));
      EXPECT_EQ(given.arrival, merge.top().arrival);
      const Row latest = merge.top();
      const std::string same = key_of(merge.top());
      while (!merge.is_empty() && key_of(merge.top()) == same)
        merge.replace_top(sets[static_cast<std::size_t>(merge.top_stream())].next_in_order());
      (void)latest;
    }
    EXPECT_TRUE(merge.is_empty());
  }
}

}  // namespace
}  // namespace dap::row
