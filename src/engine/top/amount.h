// Exact sums of decimals: 128 bits where that holds them, else the caller keeps what does not fit in its own
// arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/quantile/decimal.h"

namespace dap::top {

using quantile::Decimal;
using quantile::DecimalClass;
using quantile::Int128;
// As a member: a MemoryContext aligns to 8 bytes only.
__extension__ typedef __int128 StoredInt128 __attribute__((aligned(8)));

constexpr int most_sum_groups = 8;           // 32 digits behind the point leave 6 before it
constexpr int most_scale = 0x3fff;           // of a numeric
constexpr std::size_t units_text_size = 48;  // and the scale

struct Amount {
  StoredInt128 units;   // the sum × 10,000^groups, less what is in `rest`
  void* rest;           // the caller's: NULL, or the sum of what did not fit
  std::uint16_t scale;  // the most places behind the point that any summand was written with
  std::uint8_t groups;
};

// Places behind the point that a stored numeric (what follows its length word) is written with; 0 where it is not
// finite.
inline int numeric_scale(const unsigned char* data) {
  const std::uint16_t header = quantile::load16(data);
  if ((header & 0xc000) == 0x8000) return (header & 0x1f80) >> 7;
  return (header & 0xc000) == 0xc000 ? 0 : header & 0x3fff;
}

// value × 10,000^groups; false where that is no whole number, no number at all, or beyond 36 digits.
bool decimal_units(const Decimal& decimal, int groups, Int128* units);

// Adds a decimal; false, having changed nothing, where the sum would not hold it.
bool add_decimal_slow(Amount* amount, const Decimal& decimal);
inline bool add_decimal(Amount* amount, const Decimal& decimal) {
  std::int64_t key;
  if (!quantile::decimal_key_fast(decimal, amount->groups, &key)) return add_decimal_slow(amount, decimal);
  Int128 sum;
  if (__builtin_add_overflow(static_cast<Int128>(amount->units), static_cast<Int128>(key), &sum)) return false;
  amount->units = sum;
  return true;
}

// Adds units of a scale; false, having changed nothing, where the sum would not hold them.
bool add_units(Amount* amount, Int128 units, int groups);

// Orders two sums by their units.
int compare_units(const Amount& a, const Amount& b);

// The units as a decimal number with exactly `scale` places behind the point, NUL-terminated; `text` has room for
// units_text_size + scale. The scale is no less than what the units need.
void units_text(Int128 units, int groups, int scale, char* text);

}  // namespace dap::top
