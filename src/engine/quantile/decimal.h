// PostgreSQL's numerics (base 10,000, the stored form) as keys: value × 10,000^groups where that is an integer of 64
// bits, else its floor as key and all digits as sortable bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "engine/quantile/value.h"

namespace dap::quantile {

constexpr int decimal_base = 10000;
constexpr int most_groups = 3;                         // 12 digits behind the point leave 6 before it
constexpr std::uint32_t most_decimal_digits = 0x9100;  // base-10,000 digits of the longest numeric there is, and some

enum class DecimalClass : std::uint8_t {
  minus_infinity = 0,
  negative = 1,
  zero = 2,
  positive = 3,
  infinity = 4,
  nan = 5
};

// A decoded numeric; digits points at `count` 16-bit base-10,000 digits, native order, perhaps unaligned, none of the
// outer ones 0.
struct Decimal {
  DecimalClass sort;
  int weight;  // the first digit counts 10,000^weight
  std::uint32_t count;
  const unsigned char* digits;
};

inline std::uint16_t load16(const unsigned char* at) {
  std::uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Decodes the payload (what follows the length word) of a stored numeric.
inline Decimal read_numeric(const unsigned char* data, std::size_t size) {
  const std::uint16_t header = load16(data);
  Decimal decimal;
  bool negative;
  if ((header & 0xc000) == 0x8000) {
    negative = (header & 0x2000) != 0;
    decimal.weight = (header & 0x0040) ? static_cast<int>(header & 0x003f) - 64 : header & 0x003f;
    decimal.digits = data + 2;
    decimal.count = static_cast<std::uint32_t>((size - 2) / 2);
  } else if ((header & 0xc000) == 0xc000) {
    const auto sort = (header & 0xf000) == 0xd000   ? DecimalClass::infinity
                      : (header & 0xf000) == 0xf000 ? DecimalClass::minus_infinity
                                                    : DecimalClass::nan;
    return Decimal{sort, 0, 0, data};
  } else {
    negative = (header & 0xc000) == 0x4000;
    decimal.weight = static_cast<std::int16_t>(load16(data + 2));
    decimal.digits = data + 4;
    decimal.count = static_cast<std::uint32_t>((size - 4) / 2);
  }
  // The server strips outer zeros; older rows or other writers may not have.
  while (decimal.count > 0 && load16(decimal.digits) == 0) {
    decimal.digits += 2;
    decimal.count--;
    decimal.weight--;
  }
  while (decimal.count > 0 && load16(decimal.digits + 2 * (decimal.count - 1)) == 0) decimal.count--;
  decimal.sort = decimal.count == 0 ? DecimalClass::zero : negative ? DecimalClass::negative : DecimalClass::positive;
  return decimal;
}

// Groups of four digits behind the point.
inline int decimal_groups(const Decimal& decimal) {
  const int behind = static_cast<int>(decimal.count) - 1 - decimal.weight;
  return decimal.count == 0 || behind < 0 ? 0 : behind;
}

// The key of a decimal at a scale; true when it is the whole value (never the smallest int64, which clamps what lies
// below).
bool decimal_key(const Decimal& decimal, int groups, std::int64_t* key);

// The common case of decimal_key, in place: up to four digits that cannot overflow.
inline bool decimal_key_fast(const Decimal& decimal, int groups, std::int64_t* key) {
  const int spare = groups - (static_cast<int>(decimal.count) - 1 - decimal.weight);
  if (decimal.sort < DecimalClass::negative || decimal.sort > DecimalClass::positive || decimal.weight + groups > 3 ||
      spare < 0)
    return decimal_key(decimal, groups, key);
  if (decimal.count == 0) return *key = 0, true;
  std::int64_t value = 0;
  for (std::uint32_t i = 0; i < decimal.count; i++) value = value * decimal_base + load16(decimal.digits + 2 * i);
  for (int i = 0; i < spare; i++) value *= decimal_base;
  *key = decimal.sort == DecimalClass::negative ? -value : value;
  return true;
}

// Bytes of a decimal whose memcmp order is the order of values: length, then the writing itself.
std::uint32_t decimal_bytes_length(const Decimal& decimal);
void write_decimal_bytes(const Decimal& decimal, unsigned char* bytes);

// Reads such bytes back, digits into `digits` (room for length / 2); false when they are not what write_decimal_bytes
// writes.
bool read_decimal_bytes(const unsigned char* bytes, std::uint32_t length, std::uint16_t* digits, Decimal* decimal);

// key / 10,000^groups as a decimal; `digits` has room for 8 and must outlive it.
Decimal key_decimal(std::int64_t key, int groups, std::uint16_t* digits);

}  // namespace dap::quantile
