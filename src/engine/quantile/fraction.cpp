#include "engine/quantile/fraction.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace dap::quantile {

namespace {

constexpr int power_limit = 38;  // 10^38 is the largest power of ten in 128 bits
constexpr int narrow_places = 18;

UInt128 power_of_ten(int exponent) {
  UInt128 power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

}  // namespace

bool read_fraction(double value, Fraction* out) {
  if (!(value >= 0.0 && value <= 1.0)) return false;
  *out = Fraction{0, 0};
  if (value == 0.0) return true;
  char text[64];
  const auto written = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
  const char* at = text;
  int behind_point = 0;
  bool point = false;
  for (; at < written.ptr && *at != 'e'; at++) {
    if (*at == '.') {
      point = true;
      continue;
    }
    out->digits = out->digits * 10 + static_cast<std::uint64_t>(*at - '0');
    behind_point += point;
  }
  int exponent = 0;
  if (at < written.ptr) {
    at++;
    if (*at == '+') at++;
    std::from_chars(at, written.ptr, exponent);
  }
  out->places = behind_point - exponent;
  return true;
}

Position continuous_position(Fraction fraction, std::uint64_t count) {
  // Below 10^17 × 2^63, which is below 2^120.
  const UInt128 product = static_cast<UInt128>(fraction.digits) * (count - 1);
  if (fraction.places > power_limit) return Position{0, product, product == 0 ? 0 : fraction.places};
  const UInt128 one = power_of_ten(fraction.places);
  Position position{static_cast<std::uint64_t>(product / one), product % one, fraction.places};
  while (position.places > 0 && position.part % 10 == 0) {
    position.part /= 10;
    position.places--;
  }
  return position;
}

std::uint64_t discrete_rank(Fraction fraction, std::uint64_t count) {
  const UInt128 product = static_cast<UInt128>(fraction.digits) * count;
  if (fraction.places > power_limit || product == 0) return 0;
  const UInt128 one = power_of_ten(fraction.places);
  return static_cast<std::uint64_t>((product + one - 1) / one) - 1;
}

void part_text(const Position& position, char* text) {
  char digits[40];
  int length = 0;
  UInt128 rest = position.part;
  do {
    digits[length++] = static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  while (length > 0) *text++ = digits[--length];
  *text++ = 'e';
  text = std::to_chars(text, text + 12, -position.places).ptr;
  *text = '\0';
}

double part_double(const Position& position) {
  char text[64];
  part_text(position, text);
  const char* end = text;
  while (*end != '\0') end++;
  double value = 0;
  std::from_chars(text, end, value);  // an underflow leaves 0, the nearest there is
  return value;
}

bool interpolate_scaled(std::int64_t low, std::int64_t high, int scale, const Position& position, std::int64_t* result,
                        int* places) {
  if (position.places > narrow_places) return false;
  const auto one = static_cast<Int128>(power_of_ten(position.places));
  Int128 value =
      static_cast<Int128>(low) * one + static_cast<Int128>(position.part) * (static_cast<Int128>(high) - low);
  int behind = scale + position.places;
  while (behind > 0 && value % 10 == 0) {
    value /= 10;
    behind--;
  }
  if (value < std::numeric_limits<std::int64_t>::min() || value > std::numeric_limits<std::int64_t>::max())
    return false;
  *result = static_cast<std::int64_t>(value);
  *places = behind;
  return true;
}

bool interpolate_rounded(std::int64_t low, std::int64_t high, const Position& position, std::int64_t* result) {
  if (position.places > narrow_places) return false;
  const UInt128 one = power_of_ten(position.places);
  // The difference of two 64-bit numbers in order is below 2^64, the product below 2^124.
  const UInt128 way = position.part * static_cast<UInt128>(static_cast<Int128>(high) - low);
  *result = static_cast<std::int64_t>(low + static_cast<Int128>((2 * way + one) / (2 * one)));
  return true;
}

double interpolate_double(double low, double high, const Position& position) {
  if (position.part == 0 || low == high || std::isnan(low)) return low;
  const double part = part_double(position);
  const double difference = high - low;
  if (!std::isfinite(difference)) return (1.0 - part) * low + part * high;
  return low + part * difference;
}

}  // namespace dap::quantile
