// The order statistics' engine against sorting, on random multisets in every form a state can have.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <memory_resource>
#include <random>
#include <vector>

#include "engine/quantile/image.h"
#include "engine/quantile/moving.h"
#include "engine/quantile/sample.h"
#include "engine/quantile/selector.h"
#include "quantile_support.h"

namespace dap::quantile {
namespace {

using test::Combined;

using Keys = std::vector<std::int64_t>;
constexpr std::uint64_t budget = 1 << 20;

Keys random_keys(std::mt19937_64& random, std::size_t count) {
  Keys keys(count);
  const int form = static_cast<int>(random() % 6);
  for (std::size_t i = 0; i < count; i++) {
    switch (form) {
      case 0: keys[i] = static_cast<std::int64_t>(random()); break;
      case 1: keys[i] = static_cast<std::int64_t>(random() % 10000) * 100; break;
      case 2: keys[i] = 7; break;
      case 3: keys[i] = static_cast<std::int64_t>(i) - 500; break;
      case 4:
        keys[i] = random() % 100 == 0 ? std::numeric_limits<std::int64_t>::max()
                                      : static_cast<std::int64_t>(random() % 3000) - 1500;
        break;
      default:
        keys[i] = random() % 2 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
    }
  }
  return keys;
}

Sample sample_of(const Keys& keys, std::pmr::memory_resource* memory) {
  Sample sample{};
  sample.kind = Kind::int8;
  for (std::int64_t key : keys)
    while (!add_key(&sample, key)) make_room(&sample, memory, budget);
  return sample;
}

void expect_ranks(const Sample& sample, Keys keys, std::mt19937_64& random, std::pmr::memory_resource* memory) {
  ASSERT_EQ(sample.count, keys.size());
  if (keys.empty()) return;
  std::sort(keys.begin(), keys.end());
  std::vector<std::uint64_t> ranks(1 + random() % 12);
  for (auto& rank : ranks) rank = random() % keys.size();
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  Selector selector(memory, ranks.data(), ranks.size(), keys.front(), keys.back(), keys.size(), random() % 5000);
  int passes = 0;
  while (selector.next_pass()) {
    selector.feed_sample(sample);
    ASSERT_LT(++passes, 60);
  }
  for (std::size_t i = 0; i < ranks.size(); i++)
    EXPECT_EQ(selector.result(i).key, keys[ranks[i]]) << "rank " << ranks[i];
}

TEST(QuantileSelector, AgreesWithSorting) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 300; round++) {
    std::pmr::monotonic_buffer_resource memory;
    const Keys keys = random_keys(random, 1 + random() % 60000);
    const Sample sample = sample_of(keys, &memory);
    expect_ranks(sample, keys, random, &memory);
  }
}

// Counts what is in use and the most that ever was; what is left is released with it, as a memory context would.
class MeteredMemory final : public std::pmr::memory_resource {
 public:
  std::size_t used = 0, most = 0;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    most = std::max(most, used += bytes);
    return blocks_.allocate(bytes, alignment);
  }
  void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override {
    used -= bytes;
    blocks_.deallocate(pointer, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
  std::pmr::unsynchronized_pool_resource blocks_;
};

// Wide values of which most share one key and long beginnings, plain ones among them: found with few of them in memory
// at a time.
TEST(QuantileSelector, WideValuesOfOneKeyStayWithinTheirBound) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 12; round++) {
    std::pmr::monotonic_buffer_resource memory;
    Sample sample{};
    sample.kind = Kind::numeric;
    sample.groups = 1;
    sample.scale_known = sample.scale_fixed = true;
    const std::uint32_t front = 1 + round % 4 * 40, spread = round % 3 == 0 ? 2 : 9998;
    for (int i = 0; i < 20000; i++) {
      std::vector<std::uint16_t> digits(front + 1 + random() % 8, 1234);
      for (std::size_t d = front; d < digits.size(); d++) digits[d] = static_cast<std::uint16_t>(1 + random() % spread);
      if (random() % 50 == 0) digits[0] = static_cast<std::uint16_t>(1 + random() % 9999);
      const DecimalClass sort = random() % 20 == 0 ? DecimalClass::negative : DecimalClass::positive;
      // Either all are too large to be a key, or they lie close behind the plain key 1234.
      const int weight = round % 2 ? 30 : 0;
      add_decimal(&sample,
                  Decimal{sort, weight, static_cast<std::uint32_t>(digits.size()),
                          reinterpret_cast<const unsigned char*>(digits.data())},
                  &memory, budget);
      if (random() % 10 == 0)
        while (!add_key(&sample, 12341234)) make_room(&sample, &memory, budget);
    }
    std::vector<Value> sorted(sample.wide->values, sample.wide->values + sample.wide->count);
    for (std::uint32_t i = 0; i < sample.key_count; i++) sorted.push_back(Value{sample.keys[i], nullptr});
    std::sort(sorted.begin(), sorted.end(), [](const Value& a, const Value& b) { return compare(a, b) < 0; });
    ASSERT_EQ(sorted.size(), sample.count);
    std::vector<std::uint64_t> ranks{
        0, sample.count / 4, sample.count / 2, sample.count / 2 + 1, sample.count / 10 * 9, sample.count - 1};
    MeteredMemory metered;
    {
      Selector selector(&metered, ranks.data(), ranks.size(), sorted.front().key, sorted.back().key, sample.count,
                        1024);
      int passes = 0;
      while (selector.next_pass()) {
        selector.feed_sample(sample);
        ASSERT_LT(++passes, 100);
      }
      for (std::size_t i = 0; i < ranks.size(); i++)
        EXPECT_EQ(compare(selector.result(i), sorted[ranks[i]]), 0) << "round " << round << ", rank " << ranks[i];
    }
    // Histogram and slots, and per candidate its place and its bytes; the values themselves are millions of bytes.
    EXPECT_LT(metered.most, 700000U) << "round " << round;
    EXPECT_GT(sample.wide->bytes, 200000U);
  }
}

TEST(QuantileSample, CountsReplaceRepeatedKeys) {
  std::pmr::monotonic_buffer_resource memory;
  Keys keys(200000);
  for (std::size_t i = 0; i < keys.size(); i++) keys[i] = static_cast<std::int64_t>(i * 7919 % 5000) * 100;
  const Sample sample = sample_of(keys, &memory);
  ASSERT_NE(sample.dense, nullptr);
  EXPECT_EQ(sample.dense->unit, 100U);
  EXPECT_LT(sample.dense->length * sizeof(std::uint32_t) + sample.key_capacity * sizeof(std::int64_t), 400000U);
}

TEST(QuantileSample, WideValuesTakeWhatTheyNeed) {
  for (std::uint32_t count : {1U, 3U, 10U, 100U, 30000U, 300000U}) {
    MeteredMemory metered;
    Sample sample{};
    sample.kind = Kind::interval;
    for (std::uint32_t i = 0; i < count; i++) add_interval(&sample, {i, 1, 2}, &metered);
    // Two arrays while one grows, and the last piece may be empty.
    EXPECT_LT(metered.most, 320 + count * 130) << count;
    std::size_t pieces = 0;
    for (const Wide::Chunk* chunk = sample.wide->chunks; chunk != nullptr; chunk = chunk->next) pieces++;
    EXPECT_LT(pieces, 150U) << count;
    release_wide(&sample, &metered);
    EXPECT_EQ(sample.wide, nullptr);
    EXPECT_EQ(metered.used, 0U);
    add_interval(&sample, {5, 1, 2}, &metered);
    EXPECT_EQ(sample.count, count + 1);
  }
}

// The first key need not be the least, and lower and finer ones may follow a table that is there.
TEST(QuantileSample, CountsWhateverTheOrder) {
  std::mt19937_64 random(7);
  for (std::int64_t later : {100, 10, 1}) {
    std::pmr::monotonic_buffer_resource memory;
    Keys keys{400 * 100};
    for (int i = 0; i < 100000; i++) keys.push_back(static_cast<std::int64_t>(random() % 500) * 100);
    for (int i = 0; i < 200000; i++) keys.push_back(static_cast<std::int64_t>(random() % 500) * 100 - 25000 + later);
    const Sample sample = sample_of(keys, &memory);
    ASSERT_NE(sample.dense, nullptr);
    EXPECT_EQ(sample.dense->unit, static_cast<std::uint64_t>(later));
    EXPECT_LT(sample.key_count, 20000U);
    expect_ranks(sample, keys, random, &memory);
  }
}

// What an image holds into a fresh sample.
Combined load(const std::vector<unsigned char>& image, Sample* into, std::pmr::memory_resource* memory) {
  return test::combine(image.data(), image.size(), into, memory, budget, 1000000);
}

TEST(QuantileImage, ComesBackAsItWent) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 100; round++) {
    std::pmr::monotonic_buffer_resource memory;
    const Keys keys = random_keys(random, 1 + random() % 40000);
    const std::vector<unsigned char> image = test::image_of(sample_of(keys, &memory));
    Sample back{};
    ASSERT_EQ(load(image, &back, &memory), Combined::added);
    expect_ranks(back, keys, random, &memory);
    for (std::size_t cut : {std::size_t{0}, std::size_t{5}, image.size() / 2, image.size() - 1}) {
      ImageHeader header{};
      const unsigned char* at;
      EXPECT_FALSE(read_image(image.data(), cut, &header, &at, &memory));
    }
  }
}

// Tables side by side, apart, and of other steps become one, where there is memory for it; the values are the same
// whether or not.
TEST(QuantileImage, TablesAreJoined) {
  std::mt19937_64 random(9);
  for (const auto& [shift, step] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {0, 100}, {50000, 100}, {-70000, 10}, {12345, 1}, {INT64_C(1) << 40, 100}}) {
    std::pmr::monotonic_buffer_resource memory;
    Keys keys, second;
    for (int i = 0; i < 40000; i++) keys.push_back(static_cast<std::int64_t>(random() % 500) * 100);
    for (int i = 0; i < 40000; i++) second.push_back(shift + static_cast<std::int64_t>(random() % 500) * step);
    const Sample a = sample_of(keys, &memory), b = sample_of(second, &memory);
    ASSERT_TRUE(a.dense != nullptr && b.dense != nullptr);
    keys.insert(keys.end(), second.begin(), second.end());
    for (const std::uint64_t tables : {std::uint64_t{0}, std::uint64_t{8192}, budget}) {
      Sample both{};
      for (const std::vector<unsigned char>& image : {test::image_of(a), test::image_of(b)})
        ASSERT_EQ(test::combine(image.data(), image.size(), &both, &memory, tables, 1000000), Combined::added);
      expect_ranks(both, keys, random, &memory);
      if (tables == budget && shift < 1000000) {
        EXPECT_LT(both.key_count, 10000U) << shift;
      }
    }
  }
}

// Five bytes may stand for four thousand million values, but no byte for none: what an image claims is borne out by its
// size.
TEST(QuantileImage, ClaimsNeedBytes) {
  std::pmr::monotonic_buffer_resource memory;
  Keys keys(1000, 42);
  const std::vector<unsigned char> image = test::image_of(sample_of(keys, &memory));
  ImageHeader header{};
  const unsigned char* sections = nullptr;
  ASSERT_TRUE(read_image(image.data(), image.size(), &header, &sections, &memory));
  EXPECT_GE(image.size(), header_size(0) + keys.size());
  std::vector<unsigned char> claim(header_size(0) + keys_size(Packing{42, 1, 0}, 1));
  for (const std::uint64_t count : {std::uint64_t{1}, std::uint64_t{1} << 40}) {
    header.count = count;
    write_keys_header(Packing{42, 1, 0}, count, write_header(header, 0, claim.data()));
    EXPECT_FALSE(read_image(claim.data(), claim.size(), &header, &sections, &memory));
  }
  // More than any relation holds, one slot at a time.
  constexpr std::uint64_t slots = 300;
  std::vector<std::uint32_t> counts(slots, UINT32_MAX);
  const Dense dense{0, 1, 1.0, slots, counts.data()};
  std::vector<unsigned char> heavy(header_size(0) + dense_size(dense));
  header.count = slots * UINT32_MAX;
  write_dense(dense, write_header(header, 0, heavy.data()));
  EXPECT_FALSE(read_image(heavy.data(), heavy.size(), &header, &sections, &memory));
}

TEST(QuantileImage, NamesAFile) {
  std::pmr::monotonic_buffer_resource memory;
  FileReference reference{1663, 4242, 7, 3, 65536, {}};
  for (unsigned i = 0; i < sizeof reference.token; i++) reference.token[i] = static_cast<unsigned char>(i * 37);
  ImageHeader header{};
  header.kind = Kind::int8;
  header.count = 1000;
  std::vector<unsigned char> image(header_size(0) + file_size());
  unsigned char* const section_at = write_header(header, 0, image.data());
  ASSERT_EQ(write_file_reference(reference, 1000, section_at), image.data() + image.size());
  const unsigned char* at = nullptr;
  ASSERT_TRUE(read_image(image.data(), image.size(), &header, &at, &memory));
  Section section;
  ASSERT_TRUE(next_section(&at, image.data() + image.size(), &section));
  EXPECT_EQ(section.tag, Section::Tag::file);
  EXPECT_EQ(section.count, 1000U);
  const FileReference back = file_reference(section);
  EXPECT_EQ(std::memcmp(&back, &reference, sizeof back), 0);
  // Neither shorter, nor longer, nor with another count.
  for (int change : {-1, 1}) {
    std::vector<unsigned char> damaged = image;
    damaged[static_cast<std::size_t>(section_at - image.data()) + 9] = static_cast<unsigned char>(40 + change);
    damaged.resize(static_cast<std::size_t>(static_cast<std::ptrdiff_t>(image.size()) + change));
    EXPECT_FALSE(read_image(damaged.data(), damaged.size(), &header, &at, &memory));
  }
  std::vector<unsigned char> damaged = image;
  damaged[static_cast<std::size_t>(section_at - image.data()) + 1] ^= 1;
  EXPECT_FALSE(read_image(damaged.data(), damaged.size(), &header, &at, &memory));
}

Sample numeric_sample(std::mt19937_64& random, std::pmr::memory_resource* memory) {
  Sample sample{};
  sample.kind = Kind::numeric;
  for (int i = 0; i < 100; i++) {
    std::uint16_t digits[40];
    const auto count = static_cast<std::uint32_t>(1 + random() % (i % 3 == 0 ? 40 : 3));
    for (std::uint32_t d = 0; d < count; d++) digits[d] = static_cast<std::uint16_t>(random() % 9999 + 1);
    const Decimal decimal{random() % 2 ? DecimalClass::negative : DecimalClass::positive,
                          static_cast<int>(random() % 10) - 5, count, reinterpret_cast<const unsigned char*>(digits)};
    add_decimal(&sample, decimal, memory, budget);
  }
  return sample;
}

// DAP_MUTATIONS (2000) of each of sixty images: 17000 makes a million.
TEST(QuantileImage, DamagedBytesAreFoundOrHarmless) {
  std::mt19937_64 random(3);
  const char* const asked = std::getenv("DAP_MUTATIONS");
  const int rounds = asked == nullptr ? 2000 : std::atoi(asked);
  int accepted = 0;
  for (int base = 0; base < 60; base++) {
    std::pmr::monotonic_buffer_resource memory;
    const std::vector<unsigned char> image =
        base % 2 ? test::image_of(numeric_sample(random, &memory))
                 : test::image_of(sample_of(random_keys(random, 1 + random() % 300), &memory));
    for (int round = 0; round < rounds; round++) {
      std::pmr::monotonic_buffer_resource scratch;
      std::vector<unsigned char> damaged = image;
      for (std::uint64_t n = 1 + random() % 3; n > 0; n--)
        damaged[random() % std::min<std::size_t>(damaged.size(), random() % 3 ? 60 : damaged.size())] =
            static_cast<unsigned char>(random());
      if (random() % 4 == 0) damaged.resize(random() % damaged.size());
      Sample back{};
      accepted += load(damaged, &back, &scratch) != Combined::refused;
    }
  }
  EXPECT_GT(accepted, 0);
}

TEST(QuantileMoving, AgreesWithASortedVector) {
  std::mt19937_64 random(4);
  std::pmr::unsynchronized_pool_resource memory;
  for (std::uint64_t spread : {3, 100, 1000000000}) {
    MovingSample moving{};
    Keys keys;
    for (int step = 0; step < 20000; step++) {
      const auto key = static_cast<std::int64_t>(random() % spread);
      if (random() % 5 < (step < 10000 ? 3U : 2U) || keys.empty()) {
        moving_add(&moving, Value{key, nullptr}, &memory);
        keys.insert(std::lower_bound(keys.begin(), keys.end(), key), key);
      } else {
        const auto at = keys.begin() + static_cast<std::ptrdiff_t>(random() % keys.size());
        ASSERT_TRUE(moving_remove(&moving, Value{*at, nullptr}, &memory));
        keys.erase(at);
      }
      ASSERT_EQ(moving_count(moving), keys.size());
      if (!keys.empty()) {
        const std::uint64_t rank = random() % keys.size();
        ASSERT_EQ(moving_at(moving, rank).key, keys[rank]);
      }
      EXPECT_FALSE(moving_remove(&moving, Value{-1, nullptr}, &memory));
    }
  }
}

// Memory that ends after so many allocations.
class EndingMemory final : public std::pmr::memory_resource {
 public:
  std::uint64_t left = 0;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (left == 0) throw std::bad_alloc();
    left--;
    return upstream_.allocate(bytes, alignment);
  }
  void do_deallocate(void* at, std::size_t bytes, std::size_t alignment) override {
    upstream_.deallocate(at, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
  std::pmr::unsynchronized_pool_resource upstream_;
};

struct OwnBytes {
  explicit OwnBytes(std::uint64_t tail) {
    auto* bytes = new (room) Bytes{8};
    for (int i = 0; i < 8; i++) bytes->data()[i] = static_cast<unsigned char>(tail >> (56 - 8 * i));
  }
  Value value(std::int64_t key) const { return {key, reinterpret_cast<const Bytes*>(room)}; }
  alignas(8) unsigned char room[sizeof(Bytes) + 8];
};

std::uint64_t tail_of(const Value& value) {
  std::uint64_t tail = 0;
  for (int i = 0; i < 8; i++) tail = tail << 8 | value.bytes->data()[i];
  return tail;
}

// Frames whose values come in any order, ascending, descending and to and fro, deep enough for three levels, with
// values of one key among them; memory that ends now and then changes nothing.
TEST(QuantileMoving, HoldsWhatCameAndDidNotGo) {
  std::mt19937_64 random(7);
  for (int order = 0; order < 4; order++) {
    for (const bool narrow : {true, false}) {
      EndingMemory memory;
      MovingSample moving{};
      std::map<std::uint64_t, std::uint64_t> expected;
      std::vector<std::uint64_t> frame;
      std::size_t first = 0;
      const std::size_t most = narrow && order == 2 ? 100000 : 30000;  // descending values leave nodes half full
      std::uint32_t height = 0;
      std::uint64_t refused = 0;
      const auto value_of = [&](std::uint64_t number, const OwnBytes& bytes) {
        return narrow ? Value{static_cast<std::int64_t>(number), nullptr}
                      : bytes.value(static_cast<std::int64_t>(number / 1000));
      };
      const auto number_of = [&](const Value& value) {
        return narrow ? static_cast<std::uint64_t>(value.key) : tail_of(value);
      };
      const auto check_all = [&] {
        ASSERT_EQ(moving_count(moving), frame.size() - first);
        std::uint64_t rank = 0;
        for (const auto& [number, times] : expected) {
          ASSERT_EQ(number_of(moving_at(moving, rank)), number);
          ASSERT_EQ(number_of(moving_at(moving, rank + times - 1)), number);
          ASSERT_EQ(moving_times(moving, value_of(number, OwnBytes(number))), times);
          rank += times;
        }
      };
      for (std::uint64_t i = 0; i < 3 * most; i++) {
        const std::uint64_t number = order == 0   ? random() % 100000
                                     : order == 1 ? i / 2
                                     : order == 2 ? 4 * most - i
                                                  : (i % 2 == 0 ? i : 4 * most - i);
        const OwnBytes bytes(number);
        memory.left = random() % 4;
        for (;;) {
          try {
            moving_add(&moving, value_of(number, bytes), &memory);
            break;
          } catch (const std::bad_alloc&) {
            refused++;
            memory.left = 20;
            ASSERT_EQ(moving_count(moving), frame.size() - first);
          }
        }
        expected[number]++;
        frame.push_back(number);
        height = std::max(height, moving.height);
        // The frame grows to its most, shrinks to nothing, and stays at a third.
        const std::size_t limit = i < most ? most : i < 2 * most ? (2 * most - i) / 2 : most / 3;
        while (frame.size() - first > limit) {
          const std::uint64_t gone = frame[first++];
          const auto entry = expected.find(gone);
          if (--entry->second == 0) expected.erase(entry);
          const OwnBytes gone_bytes(gone);
          ASSERT_TRUE(moving_remove(&moving, value_of(gone, gone_bytes), &memory));
          if (moving_times(moving, value_of(gone, gone_bytes)) == 0) {
            ASSERT_FALSE(moving_remove(&moving, value_of(gone, gone_bytes), &memory));
          }
        }
        if (i % 9973 == 0) check_all();
      }
      check_all();
      EXPECT_GT(refused, 0U);
      EXPECT_GE(height, narrow && order == 2 ? 3U : 2U);
      while (first < frame.size()) {
        const std::uint64_t gone = frame[first++];
        ASSERT_TRUE(moving_remove(&moving, value_of(gone, OwnBytes(gone)), &memory));
      }
      EXPECT_EQ(moving_count(moving), 0U);
      EXPECT_EQ(moving.height, 0U);
    }
  }
}

TEST(QuantileDecimal, KeysAndBytesHaveTheOrderOfTheValues) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 100000; round++) {
    std::uint16_t first_digits[8], second_digits[8];
    const int groups = 1 + static_cast<int>(random() % 3);
    const auto first = static_cast<std::int64_t>(random() >> (random() % 60)) * (random() % 2 ? 1 : -1);
    const auto second = random() % 3 ? first + static_cast<std::int64_t>(random() % 3)
                                     : static_cast<std::int64_t>(random() >> (random() % 60));
    if (first == std::numeric_limits<std::int64_t>::min() || second == std::numeric_limits<std::int64_t>::min())
      continue;
    const Decimal a = key_decimal(first, groups, first_digits), b = key_decimal(second, groups, second_digits);
    std::int64_t a_key, b_key;
    ASSERT_TRUE(decimal_key_fast(a, groups, &a_key));
    ASSERT_EQ(a_key, first);
    unsigned char a_bytes[32], b_bytes[32];
    write_decimal_bytes(a, a_bytes);
    write_decimal_bytes(b, b_bytes);
    const int order = std::memcmp(a_bytes, b_bytes, std::min(decimal_bytes_length(a), decimal_bytes_length(b)));
    if (first != 0 && second != 0) {
      ASSERT_EQ((order > 0) - (order < 0), (first > second) - (first < second));
    }
    // A coarser scale keeps the order, not strictly.
    const bool a_exact = decimal_key(a, 0, &a_key), b_exact = decimal_key(b, 0, &b_key);
    if (first < second) {
      ASSERT_LE(a_key, b_key);
      ASSERT_TRUE(a_key < b_key || !b_exact) << a_exact;
    }
  }
}

TEST(QuantileFraction, ShortestDecimals) {
  Fraction fraction;
  EXPECT_FALSE(read_fraction(-0.1, &fraction));
  EXPECT_FALSE(read_fraction(1.0000001, &fraction));
  EXPECT_FALSE(read_fraction(std::nan(""), &fraction));
  ASSERT_TRUE(read_fraction(0.1, &fraction));
  EXPECT_EQ(fraction.digits, 1U);
  EXPECT_EQ(fraction.places, 1);
  // 0.29 × 100 is 29 exactly, which doubles miss.
  ASSERT_TRUE(read_fraction(0.29, &fraction));
  EXPECT_EQ(continuous_position(fraction, 101).low, 29U);
  EXPECT_EQ(static_cast<std::uint64_t>(continuous_position(fraction, 101).part), 0U);
  EXPECT_EQ(discrete_rank(fraction, 100), 28U);
  ASSERT_TRUE(read_fraction(5e-324, &fraction));
  EXPECT_EQ(continuous_position(fraction, std::uint64_t{1} << 40).low, 0U);
  EXPECT_EQ(discrete_rank(fraction, 10), 0U);
  ASSERT_TRUE(read_fraction(1, &fraction));
  EXPECT_EQ(continuous_position(fraction, 10).low, 9U);
  EXPECT_EQ(discrete_rank(fraction, 10), 9U);
}

}  // namespace
}  // namespace dap::quantile
