#include "engine/quantile/decimal.h"

namespace dap::quantile {

namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();
constexpr int weight_bias = 0x8000;

void put16(unsigned value, unsigned char mask, unsigned char* out) {
  out[0] = static_cast<unsigned char>(value >> 8) ^ mask;
  out[1] = static_cast<unsigned char>(value) ^ mask;
}

unsigned get16(const unsigned char* in, unsigned char mask) {
  return static_cast<unsigned>(in[0] ^ mask) << 8 | static_cast<unsigned char>(in[1] ^ mask);
}

bool is_finite(DecimalClass sort) { return sort >= DecimalClass::negative && sort <= DecimalClass::positive; }

}  // namespace

bool decimal_key(const Decimal& decimal, int groups, std::int64_t* key) {
  if (!is_finite(decimal.sort)) {
    *key = decimal.sort == DecimalClass::minus_infinity ? smallest : largest;
    return false;
  }
  const bool negative = decimal.sort == DecimalClass::negative;
  const int whole = decimal.weight + groups + 1;  // digits of the scaled integer part
  if (decimal.count != 0 && whole > 5) {
    *key = negative ? smallest : largest;
    return false;
  }
  Int128 value = 0;
  for (int i = 0; i < whole; i++)
    value = value * decimal_base + (i < static_cast<int>(decimal.count) ? load16(decimal.digits + 2 * i) : 0);
  const bool exact = static_cast<int>(decimal.count) <= (whole > 0 ? whole : 0);
  if (negative) value = -value - !exact;  // floor
  if (value > largest || value <= smallest) {
    *key = negative ? smallest : largest;
    return false;
  }
  *key = static_cast<std::int64_t>(value);
  return exact;
}

std::uint32_t decimal_bytes_length(const Decimal& decimal) {
  return is_finite(decimal.sort) ? 1 + 2 + 2 * decimal.count + 2 : 1;
}

void write_decimal_bytes(const Decimal& decimal, unsigned char* bytes) {
  *bytes++ = static_cast<unsigned char>(decimal.sort);
  if (!is_finite(decimal.sort)) return;
  const unsigned char mask = decimal.sort == DecimalClass::negative ? 0xff : 0;
  put16(static_cast<unsigned>(decimal.weight + weight_bias), mask, bytes);
  bytes += 2;
  for (std::uint32_t i = 0; i < decimal.count; i++, bytes += 2) put16(load16(decimal.digits + 2 * i) + 1U, mask, bytes);
  put16(0, mask, bytes);
}

bool read_decimal_bytes(const unsigned char* bytes, std::uint32_t length, std::uint16_t* digits, Decimal* decimal) {
  if (length == 0 || bytes[0] > static_cast<unsigned char>(DecimalClass::nan)) return false;
  decimal->sort = static_cast<DecimalClass>(bytes[0]);
  decimal->weight = 0;
  decimal->count = 0;
  decimal->digits = reinterpret_cast<const unsigned char*>(digits);
  if (!is_finite(decimal->sort)) return length == 1;
  // Zero is always a key.
  if (decimal->sort == DecimalClass::zero || length < 7 || length % 2 == 0) return false;
  const std::uint32_t count = (length - 5) / 2;
  if (count > most_decimal_digits) return false;
  const unsigned char mask = decimal->sort == DecimalClass::negative ? 0xff : 0;
  decimal->weight = static_cast<int>(get16(bytes + 1, mask)) - weight_bias;
  for (std::uint32_t i = 0; i < count; i++) {
    const unsigned digit = get16(bytes + 3 + 2 * i, mask);
    if (digit == 0 || digit > decimal_base) return false;
    digits[i] = static_cast<std::uint16_t>(digit - 1);
  }
  if (get16(bytes + length - 2, mask) != 0 || digits[0] == 0 || digits[count - 1] == 0) return false;
  // As far as a numeric goes: 16,383 places behind the point are 4,096 groups.
  const int behind = static_cast<int>(count) - 1 - decimal->weight;
  if (behind > 4096) return false;
  decimal->count = count;
  return true;
}

Decimal key_decimal(std::int64_t key, int groups, std::uint16_t* digits) {
  std::uint64_t rest = key < 0 ? 0 - static_cast<std::uint64_t>(key) : static_cast<std::uint64_t>(key);
  std::uint16_t reversed[8];
  std::uint32_t count = 0;
  while (rest != 0) {
    reversed[count++] = static_cast<std::uint16_t>(rest % decimal_base);
    rest /= decimal_base;
  }
  Decimal decimal{count == 0 ? DecimalClass::zero
                  : key < 0  ? DecimalClass::negative
                             : DecimalClass::positive,
                  static_cast<int>(count) - 1 - groups, count, reinterpret_cast<const unsigned char*>(digits)};
  for (std::uint32_t i = 0; i < count; i++) digits[i] = reversed[count - 1 - i];
  while (decimal.count > 0 && digits[decimal.count - 1] == 0) decimal.count--;
  if (decimal.count == 0) decimal.weight = 0;
  return decimal;
}

}  // namespace dap::quantile
