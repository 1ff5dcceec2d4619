// Sums by key against maps of long numbers, and their image; random data with a fixed seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory_resource>
#include <random>
#include <string>
#include <vector>

#include "engine/top/image.h"
#include "engine/top/table.h"

namespace dap::top {
namespace {

// A stored numeric's payload, as the server writes it, from digits behind a weight.
std::vector<unsigned char> stored(bool negative, int weight, int scale, const std::vector<std::uint16_t>& digits) {
  std::vector<unsigned char> bytes(4 + 2 * digits.size());
  const auto header = static_cast<std::uint16_t>((negative ? 0x4000 : 0) | scale);
  const auto place = static_cast<std::int16_t>(weight);
  std::memcpy(bytes.data(), &header, 2);
  std::memcpy(bytes.data() + 2, &place, 2);
  if (!digits.empty()) std::memcpy(bytes.data() + 4, digits.data(), 2 * digits.size());
  return bytes;
}

Decimal decimal_of(const std::vector<unsigned char>& bytes) {
  return quantile::read_numeric(bytes.data(), bytes.size());
}

std::string text_of(Int128 units, int groups, int scale) {
  std::vector<char> text(units_text_size + static_cast<std::size_t>(scale));
  units_text(units, groups, scale, text.data());
  return text.data();
}

TEST(TopAmount, WritesUnits) {
  EXPECT_EQ(text_of(0, 0, 0), "0");
  EXPECT_EQ(text_of(0, 1, 3), "0.000");
  EXPECT_EQ(text_of(123400, 1, 2), "12.34");
  EXPECT_EQ(text_of(-123400, 1, 4), "-12.3400");
  EXPECT_EQ(text_of(-1, 8, 32), "-0.00000000000000000000000000000001");
  EXPECT_EQ(text_of(7, 0, 6), "7.000000");
  EXPECT_EQ(text_of(120000, 1, 0), "12");
  const Int128 least = static_cast<Int128>(static_cast<quantile::UInt128>(1) << 127);
  EXPECT_EQ(text_of(least, 0, 1), "-170141183460469231731687303715884105728.0");
}

TEST(TopAmount, AddsWhatFitsAndRefusesTheRest) {
  Amount amount{};
  amount.groups = 1;
  EXPECT_TRUE(add_decimal(&amount, decimal_of(stored(false, 0, 2, {12, 3400}))));
  EXPECT_EQ(static_cast<std::int64_t>(amount.units), 123400);
  EXPECT_TRUE(add_decimal(&amount, decimal_of(stored(true, -2, 8, {5}))));  // -0.00000005
  EXPECT_EQ(amount.groups, 2);
  EXPECT_EQ(text_of(amount.units, amount.groups, 8), "12.33999995");
  EXPECT_FALSE(add_decimal(&amount, decimal_of(stored(false, 40, 0, {1}))));
  EXPECT_FALSE(add_decimal(&amount, decimal_of(stored(false, -9, 36, {1}))));
  const std::vector<unsigned char> nan = {0x00, 0xc0};
  EXPECT_FALSE(add_decimal(&amount, decimal_of(nan)));
  EXPECT_EQ(text_of(amount.units, amount.groups, 8), "12.33999995");  // nothing has changed
  EXPECT_EQ(numeric_scale(nan.data()), 0);
  EXPECT_EQ(numeric_scale(stored(false, 0, 37, {1}).data()), 37);
  const std::vector<unsigned char> brief = {0x01, 0x81, 0x01, 0x00};  // short form: 2 places, weight 1
  EXPECT_EQ(numeric_scale(brief.data()), 2);
}

TEST(TopAmount, OverflowChangesNothing) {
  Amount amount{};
  const Int128 most = static_cast<Int128>(~static_cast<quantile::UInt128>(0) >> 1);
  ASSERT_TRUE(add_units(&amount, most, 0));
  EXPECT_FALSE(add_units(&amount, 1, 0));
  EXPECT_FALSE(add_units(&amount, 1, 1));
  EXPECT_FALSE(add_decimal(&amount, decimal_of(stored(false, 0, 0, {1}))));
  EXPECT_EQ(amount.groups, 0);
  EXPECT_TRUE(amount.units == most);
  EXPECT_TRUE(add_units(&amount, -1, 0));
  EXPECT_TRUE(add_units(&amount, 1, 0));
}

TEST(TopAmount, ComparesAcrossScales) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 20000; round++) {
    Amount a{}, b{};
    a.groups = static_cast<std::uint8_t>(random() % 4);
    b.groups = static_cast<std::uint8_t>(random() % 4);
    a.units = static_cast<std::int64_t>(random() % 2000) - 1000;
    b.units = static_cast<std::int64_t>(random() % 2000) - 1000;
    if (random() % 3 == 0) a.units *= 10000;
    if (random() % 3 == 0) b.units *= 100000000;
    Int128 scaled_a = a.units, scaled_b = b.units;
    for (int i = a.groups; i < 4; i++) scaled_a *= 10000;
    for (int i = b.groups; i < 4; i++) scaled_b *= 10000;
    EXPECT_EQ(compare_units(a, b), scaled_a < scaled_b ? -1 : scaled_a > scaled_b) << round;
  }
}

TEST(TopTable, SumsLikeAMap) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 60; round++) {
    std::pmr::monotonic_buffer_resource memory;
    Table numbers{}, texts{};
    numbers.kind = KeyKind::number;
    texts.kind = KeyKind::text;
    std::map<std::int64_t, std::int64_t> expected_numbers;
    std::map<std::string, std::int64_t> expected_texts;
    std::int64_t expected_null = 0;
    const std::uint64_t keys = 1 + random() % 5000;
    const int rows = static_cast<int>(random() % 20000);
    for (int i = 0; i < rows; i++) {
      const auto key = static_cast<std::int64_t>(random() % keys * (round % 2 == 0 ? 1 : 0x123456789abcdef));
      const std::string text(random() % 100 == 0 ? 300000 / keys : static_cast<std::size_t>(key % 7 + 7) % 7,
                             static_cast<char>('a' + random() % 26));
      entry_of(&numbers, key, &memory)->amount.units += i;
      expected_numbers[key] += i;
      entry_of(&texts, reinterpret_cast<const unsigned char*>(text.data()), static_cast<std::uint32_t>(text.size()),
               &memory)
          ->amount.units += i;
      expected_texts[text] += i;
      if (random() % 10 == 0) {
        entry_of_null(&numbers, &memory)->amount.units += i;
        expected_null += i;
      }
    }
    ASSERT_EQ(numbers.count, expected_numbers.size() + (numbers.null_entry != 0));
    ASSERT_EQ(texts.count, expected_texts.size());
    for (std::uint32_t i = 0; i < numbers.count; i++) {
      const Entry& entry = numbers.entries[i];
      ASSERT_EQ(static_cast<std::int64_t>(entry.amount.units),
                entry.is_null ? expected_null : expected_numbers.at(entry.key.number));
    }
    for (std::uint32_t i = 0; i < texts.count; i++) {
      const quantile::Bytes* bytes = texts.entries[i].key.text;
      const std::string key(reinterpret_cast<const char*>(bytes->data()), bytes->length);
      ASSERT_EQ(static_cast<std::int64_t>(texts.entries[i].amount.units), expected_texts.at(key));
    }
  }
}

TEST(TopTable, OrdersKeys) {
  std::pmr::monotonic_buffer_resource memory;
  Table table{};
  table.kind = KeyKind::text;
  const auto add = [&](const char* text) {
    return *entry_of(&table, reinterpret_cast<const unsigned char*>(text),
                     static_cast<std::uint32_t>(std::strlen(text)), &memory);
  };
  const Entry z = add("Z"), a = add("a"), ab = add("ab"), none = *entry_of_null(&table, &memory);
  EXPECT_LT(compare_keys(KeyKind::text, z, a), 0);
  EXPECT_LT(compare_keys(KeyKind::text, a, ab), 0);
  EXPECT_LT(compare_keys(KeyKind::text, ab, none), 0);
  EXPECT_GT(compare_keys(KeyKind::text, none, z), 0);
  EXPECT_EQ(compare_keys(KeyKind::text, a, a), 0);
  Entry low{}, high{};
  low.key.number = INT64_MIN;
  high.key.number = INT64_MAX;
  EXPECT_LT(compare_keys(KeyKind::number, low, high), 0);
}

ImageEntry random_entry(KeyKind kind, std::mt19937_64& random, std::vector<unsigned char>* rest) {
  static const unsigned char letters[] = "some letters";
  ImageEntry entry{};
  entry.is_null = random() % 10 == 0;
  if (!entry.is_null && kind == KeyKind::number)
    entry.number = static_cast<std::int64_t>(random() >> random() % 64) * (random() % 2 ? 1 : -1);
  if (!entry.is_null && kind == KeyKind::text) {
    entry.text = letters;
    entry.text_length = static_cast<std::uint32_t>(random() % sizeof letters);
  }
  entry.units = static_cast<Int128>(static_cast<quantile::UInt128>(random()) << 64 | random()) >> random() % 127;
  entry.groups = static_cast<std::uint8_t>(random() % (most_sum_groups + 1));
  entry.scale = static_cast<std::uint16_t>(4 * entry.groups + random() % 100);
  if (random() % 4 == 0) {
    const std::vector<unsigned char> numeric = stored(random() % 2 == 0, static_cast<int>(random() % 200), 4,
                                                      {static_cast<std::uint16_t>(1 + random() % 9999), 5});
    const Decimal decimal = decimal_of(numeric);
    rest->resize(quantile::decimal_bytes_length(decimal));
    quantile::write_decimal_bytes(decimal, rest->data());
    entry.rest = rest->data();
    entry.rest_length = static_cast<std::uint32_t>(rest->size());
  }
  return entry;
}

TEST(TopImage, ComesBackAndBearsDamage) {
  std::mt19937_64 random(4);
  std::pmr::monotonic_buffer_resource memory;
  for (int round = 0; round < 400; round++) {
    const KeyKind kind = round % 2 == 0 ? KeyKind::number : KeyKind::text;
    std::vector<ImageEntry> entries(random() % 30);
    std::vector<std::vector<unsigned char>> rests(entries.size());
    std::size_t size = header_size;
    for (std::size_t i = 0; i < entries.size(); i++) {
      entries[i] = random_entry(kind, random, &rests[i]);
      size += entry_size(kind, entries[i]);
    }
    std::vector<unsigned char> image(size);
    unsigned char* out = write_header({kind, 5, entries.size()}, image.data());
    for (const ImageEntry& entry : entries) out = write_entry(kind, entry, out);
    ASSERT_EQ(out, image.data() + size);
    ImageHeader header{};
    ASSERT_TRUE(read_image(image.data(), size, &header, &memory));
    EXPECT_EQ(header.wanted, 5);
    const unsigned char* at = image.data() + header_size;
    ImageEntry back;
    for (const ImageEntry& entry : entries) {
      ASSERT_TRUE(next_entry(kind, &at, image.data() + size, &back));
      EXPECT_EQ(back.is_null, entry.is_null);
      EXPECT_EQ(back.number, entry.number);
      EXPECT_EQ(back.text_length, entry.text_length);
      EXPECT_TRUE(back.units == entry.units);
      EXPECT_EQ(back.groups, entry.groups);
      EXPECT_EQ(back.scale, entry.scale);
      ASSERT_EQ(back.rest_length, entry.rest_length);
      EXPECT_TRUE(entry.rest_length == 0 || std::memcmp(back.rest, entry.rest, entry.rest_length) == 0);
    }
    EXPECT_FALSE(next_entry(kind, &at, image.data() + size, &back));
    // Cut anywhere, it is refused; changed anywhere, it is refused or read without a fault.
    std::vector<unsigned char> cut(image.begin(), image.begin() + static_cast<std::ptrdiff_t>(random() % size));
    EXPECT_FALSE(read_image(cut.data(), cut.size(), &header, &memory));
    for (int i = 0; i < 20; i++) {
      std::vector<unsigned char> changed = image;
      changed[random() % size] = static_cast<unsigned char>(random());
      if (!read_image(changed.data(), size, &header, &memory)) continue;
      at = changed.data() + header_size;
      std::uint64_t count = 0;
      while (next_entry(header.kind, &at, changed.data() + size, &back)) count++;
      EXPECT_EQ(count, header.count);
    }
  }
}

TEST(TopImage, RefusesWhatCouldNotBeWritten) {
  std::pmr::monotonic_buffer_resource memory;
  ImageHeader header{};
  const auto image_of = [](ImageEntry entry, std::int32_t wanted) {
    std::vector<unsigned char> image(header_size + entry_size(KeyKind::number, entry));
    write_entry(KeyKind::number, entry, write_header({KeyKind::number, wanted, 1}, image.data()));
    return image;
  };
  ImageEntry entry{};
  entry.units = 12345;
  entry.groups = 1;
  entry.scale = 4;
  EXPECT_TRUE(read_image(image_of(entry, 0).data(), image_of(entry, 0).size(), &header, &memory));
  EXPECT_FALSE(read_image(image_of(entry, -1).data(), image_of(entry, -1).size(), &header, &memory));
  entry.scale = 3;  // digits that the scale hides
  EXPECT_FALSE(read_image(image_of(entry, 0).data(), image_of(entry, 0).size(), &header, &memory));
  entry.scale = most_scale;
  entry.groups = most_sum_groups + 1;
  EXPECT_FALSE(read_image(image_of(entry, 0).data(), image_of(entry, 0).size(), &header, &memory));
}

}  // namespace
}  // namespace dap::top
