// The bag's engine against multisets of decimals as texts: order, sums, differences, ranks, forms of the bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <random>

#include "bag_support.h"
#include "engine/bag/search.h"
#include "engine/bag/sort.h"
#include "engine/bag/table.h"

namespace dap::bag {
namespace {

using test::Bytes;
using test::combine;
using test::parse;
using test::text_of;

const Bytes nothing(empty_bag, empty_bag + sizeof empty_bag);

// A decimal as the tests know it: its text, in the order of values.
struct Number {
  std::string text;
  static std::pair<std::string, std::string> parts(const std::string& text) {
    const std::string amount = text[0] == '-' ? text.substr(1) : text;
    const std::size_t point = amount.find('.');
    return {amount.substr(0, point), point == std::string::npos ? "" : amount.substr(point + 1)};
  }
  bool operator<(const Number& other) const {
    static const std::map<std::string, int> sorts = {{"-Infinity", 0}, {"Infinity", 2}, {"NaN", 3}};
    const auto sort = [&](const std::string& t) { return sorts.count(t) ? sorts.at(t) : 1; };
    if (sort(text) != sort(other.text) || sort(text) != 1) return sort(text) < sort(other.text);
    const bool negative = text[0] == '-', other_negative = other.text[0] == '-';
    if (negative != other_negative) return negative;
    const auto a = parts(text), b = parts(other.text);
    const auto less = [](const auto& x, const auto& y) {
      if (x.first.size() != y.first.size()) return x.first.size() < y.first.size();
      return x < y;
    };
    return negative ? less(b, a) : less(a, b);
  }
};
using Multiset = std::map<Number, std::uint64_t>;

std::string text(const Multiset& values) {
  std::string all = "{";
  for (const auto& [number, times] : values)
    all += (all.size() > 1 ? "," : "") + number.text + ":" + std::to_string(times);
  return all + "}";
}

// A random number's shortest text.
Number random_number(std::mt19937_64& random, unsigned form) {
  const auto trimmed = [&](bool negative, std::string before, std::string behind) {
    before.erase(0, std::min(before.find_first_not_of('0'), before.size()));
    behind.erase(behind.find_last_not_of('0') + 1);
    if (before.empty() && behind.empty()) return Number{"0"};
    return Number{(negative ? "-" : "") + (before.empty() ? "0" : before) + (behind.empty() ? "" : "." + behind)};
  };
  const auto digits = [&](std::size_t count) {
    std::string all;
    for (; count > 0; count--) all += static_cast<char>('0' + random() % 10);
    return all;
  };
  const bool negative = form % 2 == 1 && random() % 2 == 1;
  switch (form / 2) {
    case 0: return trimmed(negative, std::to_string(random() % 5000), std::to_string(100 + random() % 100).substr(1));
    case 1: return Number{std::to_string(static_cast<std::int64_t>(random()))};
    case 2: return trimmed(negative, digits(random() % 30), digits(random() % 30));
    case 3: return trimmed(negative, digits(1 + random() % 3) + std::string(random() % 25, '0'), "");
    case 4: return trimmed(negative, "", std::string(random() % 25, '0') + digits(1 + random() % 3));
    case 5:
      return std::array{Number{"9223372036854775807"},
                        Number{"-9223372036854775808"},
                        Number{"-9223372036854775807"},
                        Number{"9223372036854775808"},
                        Number{"0"},
                        Number{"0.000000000000000001"},
                        Number{"922337203685477580.7"},
                        Number{"1000000000000000000"}}[random() % 8];
    case 6:
      return random() % 50 == 0 ? std::array{Number{"NaN"}, Number{"Infinity"}, Number{"-Infinity"}}[random() % 3]
                                : trimmed(negative, std::to_string(random() % 100), "5");
    case 7:
      return random() % 20 == 0 ? trimmed(negative, digits(200), digits(200))
                                : trimmed(negative, std::to_string(random() % 1000), "");
    default: return random_number(random, static_cast<unsigned>(random() % 16));
  }
}

Multiset random_multiset(std::mt19937_64& random, unsigned form, std::size_t count) {
  Multiset values;
  for (std::size_t i = 0; i < count; i++)
    values[random_number(random, form)] += random() % 8 == 0 ? 1 + (random() >> (20 + random() % 43)) : 1;
  return values;
}

// The items of a multiset in a random order, some of them in several parts, some without their number.
std::string shuffled_text(const Multiset& values, std::mt19937_64& random) {
  std::vector<std::string> items;
  for (const auto& [number, times] : values) {
    const std::uint64_t part = random() % 3 == 0 ? random() % times : 0;
    if (part > 0) items.push_back(number.text + " : " + std::to_string(part));
    items.push_back(times - part == 1 && random() % 2 ? number.text : number.text + ":" + std::to_string(times - part));
  }
  std::shuffle(items.begin(), items.end(), random);
  std::string all = " {";
  for (const std::string& item : items) all += (all.size() > 2 ? ", " : "") + item;
  return all + " } ";
}

class BagRandom : public testing::TestWithParam<unsigned> {};

TEST_P(BagRandom, TextSumDifferenceAndRanks) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 15; round++) {
    const std::size_t size = std::array<std::size_t, 6>{0, 1, 5, 127, 300, 3000}[random() % 6];
    const unsigned other_form = random() % 3 == 0 ? static_cast<unsigned>(random() % 18) : GetParam();
    const Multiset first = random_multiset(random, GetParam(), size),
                   second = random_multiset(random, other_form, random() % (size + 2));
    const auto a = parse(shuffled_text(first, random), 1 + static_cast<unsigned>(random() % 500)),
               b = parse(text(second));
    ASSERT_TRUE(a && b);
    ASSERT_EQ(text_of(*a), text(first));
    ASSERT_EQ(text_of(*b), text(second));
    EXPECT_EQ(*a, *parse(text(first)));  // the same bytes however they came about
    EXPECT_TRUE(test::accepted(*a));
    Multiset both = first;
    for (const auto& [number, times] : second) both[number] += times;
    Bytes sum, other_sum, back;
    const unsigned step = 1 + static_cast<unsigned>(random() % 400);
    ASSERT_EQ(combine(*a, *b, false, &sum, step), Outcome::done);
    ASSERT_EQ(combine(*b, *a, false, &other_sum), Outcome::done);
    EXPECT_EQ(sum, other_sum);
    EXPECT_EQ(sum, *parse(text(both)));
    ASSERT_EQ(combine(sum, *b, true, &back, step), Outcome::done);
    EXPECT_EQ(back, *a);
    ASSERT_EQ(combine(sum, *a, true, &back), Outcome::done);
    EXPECT_EQ(back, *b);
    const bool contained = std::all_of(second.begin(), second.end(), [&](const auto& item) {
      const auto at = first.find(item.first);
      return at != first.end() && at->second >= item.second;
    });
    EXPECT_EQ(combine(*a, *b, true, &back, step), contained ? Outcome::done : Outcome::negative);

    std::uint64_t values = 0;
    for (const auto& [number, times] : both) values += times;
    Header header;
    ASSERT_TRUE(read_header(sum.data(), sum.size(), &header));
    EXPECT_EQ(header.values, values);
    for (int probe = 0; values > 0 && probe < 5; probe++) {
      const std::uint64_t rank = probe == 0 ? 0 : probe == 1 ? values - 1 : random() % values;
      const unsigned wanted = rank + 1 < values ? 2 : 1;
      auto search = std::make_unique<Search>();
      std::pmr::monotonic_buffer_resource memory;
      Outcome outcome = begin_search(search.get(), sum.data(), sum.size(), rank, wanted, &memory);
      while (outcome == Outcome::more) outcome = step_search(search.get(), 1 + static_cast<unsigned>(random() % 1000));
      ASSERT_EQ(outcome, Outcome::done);
      for (unsigned i = 0; i < wanted; i++) {
        std::uint64_t passed = 0;
        auto at = both.begin();
        while (passed + at->second <= rank + i) passed += (at++)->second;
        const Found& found = search->results[i];
        Writer writer;
        begin_bag(&writer, header.scale, &memory);
        if (found.special < special_count) put_special(&writer, found.special, 1);
        else if (found.element.bytes == nullptr) put_key(&writer, found.element.key, 1);
        else put_wide(&writer, found.element.bytes, found.element.length, 1);
        EXPECT_EQ(text_of(test::written(&writer)), "{" + at->first.text + ":1}") << "rank " << rank + i;
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Forms, BagRandom, testing::Range(0U, 18U));

// Bags that exist have these bytes for ever. A change of the format needs a new version, and a reader of the old one.
TEST(BagBytes, AreStable) {
  const auto hex = [](const Bytes& bytes) {
    std::string all;
    char two[3];
    for (const unsigned char byte : bytes) {
      std::snprintf(two, sizeof two, "%02x", byte);
      all += two;
    }
    return all;
  };
  const std::pair<const char*, const char*> known[] = {
      {"{}", "010000"},
      {"{0}", "010101ee0100000000"},
      {"{2:1}", "010101000104000000"},
      {"{1.25:3,2:1}", "0101040202fa014b0700250202"},
      {"{-0.01:1,100:1000000,100.01:1}", "0101c2843d020301924e800101904e800101bf843d"},
      {"{-Infinity:1,1:1,Infinity:2,NaN:300}", "011db0020102ac02000102000000"},
      {"{-9223372036854775808:1,9223372036854775807:1}",
       "0103020001feffffffffffffffff010001110f017ffbfc64f2d2fe8eea99e94effff010000"},
      {"{1,1e-1000,1e1000:2,-12345678901234567890.5}",
       "01030500010200032511017ffbfb2ce9d0dccaf27ee12cec76ffff0107037f060002000001070380fa00020000020000"},
  };
  for (const auto& [text, bytes] : known) {
    const auto bag = parse(text);
    ASSERT_TRUE(bag);
    EXPECT_EQ(hex(*bag), bytes) << text;
  }
}

TEST(BagBytes, DayOfCentAmountsTakesAtMostTwoBytesADifferentValue) {
  std::mt19937_64 random(7);
  for (int form = 0; form < 3; form++) {
    std::map<std::int64_t, std::uint64_t> amounts;
    for (int i = 0; i < 27000; i++) {
      const double u = std::generate_canonical<double, 53>(random), v = std::generate_canonical<double, 53>(random);
      // Products of two uniforms, a long tail, and prices of which some are very common.
      const double amount = form == 0   ? u * v * 10000
                            : form == 1 ? std::exp(4 + 2.0 * std::sqrt(-2 * std::log(u)) * std::cos(6.2831853 * v))
                                        : (u < 0.5 ? std::floor(v * 40) + 0.99 : v * 5000);
      amounts[static_cast<std::int64_t>(amount * 100)]++;
    }
    Writer writer;
    begin_bag(&writer, 2, std::pmr::new_delete_resource());
    for (const auto& [key, times] : amounts) put_key(&writer, key, times);
    const double bytes = static_cast<double>(end_bag(&writer)) / static_cast<double>(amounts.size());
    release_bag(&writer);
    EXPECT_LE(bytes, 2.0) << amounts.size() << " different values";
    RecordProperty("bytes_" + std::to_string(form), std::to_string(bytes));
  }
}

TEST(BagText, WhatIsNoBagIsRefusedWhereItGoesWrong) {
  const std::pair<std::string, TextFault> wrong[] = {{"", TextFault::malformed},
                                                     {"1", TextFault::malformed},
                                                     {"{", TextFault::malformed},
                                                     {"{1", TextFault::malformed},
                                                     {"{1,}", TextFault::malformed},
                                                     {"{,1}", TextFault::malformed},
                                                     {"{1}x", TextFault::malformed},
                                                     {"{}}", TextFault::malformed},
                                                     {"{1{2}}", TextFault::malformed},
                                                     {"{1:2:3}", TextFault::malformed},
                                                     {"{a}", TextFault::number},
                                                     {"{1 2}", TextFault::number},
                                                     {"{0x10}", TextFault::number},
                                                     {"{1_000}", TextFault::number},
                                                     {"{.5}", TextFault::number},
                                                     {"{nan}", TextFault::number},
                                                     {"{1:}", TextFault::times},
                                                     {"{1:0}", TextFault::times},
                                                     {"{1:-1}", TextFault::times},
                                                     {"{1:1.5}", TextFault::times},
                                                     {"{1:9223372036854775808}", TextFault::times},
                                                     {"{1:9223372036854775807,2}", TextFault::total},
                                                     {"{1e131072}", TextFault::range},
                                                     {"{1e-16384}", TextFault::range},
                                                     {"{1e99999999999}", TextFault::range},
                                                     {"{1e-99999999999}", TextFault::range}};
  for (const auto& [text, fault] : wrong) {
    TextReader reader;
    Writer writer;
    begin_bag(&writer, 0, std::pmr::new_delete_resource());
    open_text(&reader, text.data(), text.size());
    read_items(&reader, 100, &writer);
    release_bag(&writer);
    EXPECT_EQ(reader.fault, fault) << text;
    EXPECT_LE(reader.at, text.data() + text.size());
  }
  EXPECT_TRUE(parse("{9223372036854775806, 1e131071, 1e-16383, -0.0:9223372036854775803}"));
}

TEST(BagText, AZeroIsOneWhateverItsExponent) {
  const std::string text = "{0e99999999999,-0.0e1073741823:2,0e-99999999999}";
  TextReader reader;
  Writer writer;
  begin_bag(&writer, 0, std::pmr::new_delete_resource());
  open_text(&reader, text.data(), text.size());
  read_items(&reader, 100, &writer);
  release_bag(&writer);
  EXPECT_EQ(reader.fault, TextFault::none);
  EXPECT_TRUE(reader.ended);
}

TEST(BagText, BytesAsBase64) {
  std::mt19937_64 random(12);
  for (std::size_t size = 0; size < 70; size++) {
    Bytes bytes(size), back(size + 3);
    for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random());
    std::string text(encoded_size(size) - encoded_mark.size(), '?');
    // In one piece, and in pieces.
    ASSERT_EQ(write_base64(bytes.data(), size, text.data()), text.data() + text.size());
    std::string pieces(text.size(), '?');
    char* out = pieces.data();
    for (std::size_t from = 0; from < size; from += 9)
      out = write_base64(bytes.data() + from, std::min<std::size_t>(9, size - from), out);
    EXPECT_EQ(pieces, text);
    ASSERT_EQ(read_base64(" " + text + "\n", back.data()), back.data() + size) << text;
    back.resize(size);
    EXPECT_EQ(back, bytes);
    // Any other text is of other bytes, or of none.
    for (std::size_t at = 0; at < text.size(); at++) {
      std::string changed = text;
      changed[at] = "A/+=-\n*b"[random() % 8];
      Bytes other(size + 3);
      const unsigned char* const end = read_base64(changed, other.data());
      if (changed == text || end == nullptr) continue;
      other.resize(static_cast<std::size_t>(end - other.data()));
      EXPECT_NE(other, bytes) << changed << " and " << text;
    }
  }
  unsigned char place[16];
  EXPECT_EQ(read_base64("AQAA", place), place + 3);
  EXPECT_EQ(read_base64("AQ==AQ==", place), nullptr);
  EXPECT_EQ(read_base64("A===", place), nullptr);
  EXPECT_EQ(read_base64("AQ", place), nullptr);
}

TEST(BagWriter, StopsWhereItCouldNotBeDumped) {
  Writer writer;
  begin_bag(&writer, 0, std::pmr::new_delete_resource());
  const std::vector<unsigned char> bytes(100000, 1);
  put_wide(&writer, bytes.data(), 100000, 1);
  EXPECT_FALSE(writer.too_large);
  writer.wide.size = most_bag_bytes - 50000;  // as if so much had been written
  put_wide(&writer, bytes.data(), 100000, 1);
  EXPECT_TRUE(writer.too_large);
  for (std::int64_t key = 0; key < 1000; key++) put_key(&writer, key, 1);
  EXPECT_EQ(writer.keys.size, 0U);  // nothing is kept any more
  end_bag(&writer);
  EXPECT_TRUE(writer.too_large);
  release_bag(&writer);
}

TEST(BagTable, AddsUpWhatLiesInsideAndHandsBackTheRest) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 40; round++) {
    std::vector<std::uint32_t> counts(1 + random() % 3000);
    Table table{counts.data(), static_cast<std::int64_t>(random() % 2000) - 1000, counts.size(), 2};
    Bytes sum = nothing, rest = nothing;
    for (int day = 0; day < 20; day++) {
      const int scale = 2 - static_cast<int>(random() % 3);
      std::map<std::int64_t, std::uint64_t> keys;
      for (std::size_t i = random() % 600; i > 0; i--)
        keys[static_cast<std::int64_t>(random() % 3000) - 1000] += random() % 40 == 0    ? UINT32_MAX / 2
                                                                   : random() % 200 == 0 ? 1ULL << 40
                                                                                         : 1;
      Writer writer;
      begin_bag(&writer, scale, std::pmr::new_delete_resource());
      for (const auto& [key, times] : keys) put_key(&writer, key, times);
      const Bytes bag = test::written(&writer);
      restart_bag(&writer, scale);
      Header header;
      KeyReader reader;
      WideReader wide;
      ASSERT_TRUE(open_bag(bag.data(), bag.size(), &header, &reader, &wide));
      while (add_blocks(&table, &reader, keys.empty() ? 2 : scale, 1, &writer)) {
      }
      ASSERT_FALSE(reader.damaged);
      ASSERT_EQ(combine(rest, test::written(&writer), false, &rest), Outcome::done);
      ASSERT_EQ(combine(sum, bag, false, &sum), Outcome::done);
      release_bag(&writer);
    }
    Writer writer;
    begin_bag(&writer, 2, std::pmr::new_delete_resource());
    put_slots(table, 0, table.length, &writer);
    Bytes total;
    ASSERT_EQ(combine(rest, test::written(&writer), false, &total), Outcome::done);
    release_bag(&writer);
    EXPECT_EQ(total, sum);
  }
}

TEST(BagSort, OrdersKeysOfAnyRange) {
  std::mt19937_64 random(13);
  for (int round = 0; round < 200; round++) {
    std::vector<std::int64_t> keys(random() % 5000), scratch(keys.size());
    const std::uint64_t shift = random() % 64;
    for (auto& key : keys) key = static_cast<std::int64_t>(random()) >> shift;
    if (keys.size() > 2 && round % 3 == 0) keys[0] = INT64_MIN, keys[1] = INT64_MAX;
    std::vector<std::int64_t> expected = keys;
    std::sort(expected.begin(), expected.end());
    const std::int64_t* sorted = sort_keys(keys.data(), keys.size(), scratch.data());
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), sorted));
  }
}

TEST(BagTable, RangeHoldsTheMost) {
  const std::vector<std::int64_t> samples = {INT64_MIN, -5, 1, 2, 2, 3, 90, INT64_MAX};
  const Range range = best_range(samples.data(), samples.size(), 3);
  EXPECT_EQ(range.base, 1);
  EXPECT_EQ(range.length, 3U);
  EXPECT_EQ(range.samples, 4U);
}

// Damage of every kind, a million times: refused, or a bag whose bytes are the only ones of their multiset.
TEST(BagBytes, MutatedOnesAreRefusedOrTrue) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::vector<Bytes> seeds;
  for (unsigned form = 0; form < 18; form++)
    for (const std::size_t size : {1, 3, 12, 140}) seeds.push_back(*parse(text(random_multiset(random, form, size))));
  std::uint64_t good = 0;
  for (int i = 0; i < 1000000; i++) {
    Bytes bytes = seeds[random() % seeds.size()];
    for (unsigned changes = 1 + random() % 3; changes > 0; changes--) {
      const std::size_t at = random() % (bytes.size() + 1) % (random() % 2 ? 24 : bytes.size() + 1);
      switch (random() % 6) {
        case 0:
          bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at, bytes.size())),
                       static_cast<unsigned char>(random()));
          break;
        case 1:
          if (at < bytes.size()) bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        case 2: bytes.resize(at < bytes.size() ? at : bytes.size()); break;
        case 3:
          if (at < bytes.size()) bytes[at] = random() % 2 ? 0xff : 0x80;
          break;
        case 4:
          if (at < bytes.size()) bytes[at]++;
          break;
        default:
          if (at < bytes.size()) bytes[at] = static_cast<unsigned char>(random());
      }
    }
    if (!test::accepted(bytes)) continue;
    good++;
    if (good % 16 != 0) continue;
    const auto again = parse(text_of(bytes));
    ASSERT_TRUE(again);
    ASSERT_EQ(*again, bytes);
  }
  RecordProperty("accepted", std::to_string(good));
}

}  // namespace
}  // namespace dap::bag
