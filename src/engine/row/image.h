// Values as bytes whose order is the values' order: what rows are sorted by.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

namespace dap::row {

// Each writes a value's image and returns where it stopped.

inline unsigned char* put_unsigned(std::uint64_t value, unsigned char* out) {
  value = __builtin_bswap64(value);
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}

inline unsigned char* put_integer(std::int64_t value, unsigned char* out) {
  return put_unsigned(static_cast<std::uint64_t>(value) ^ std::uint64_t{1} << 63, out);
}

// As PostgreSQL orders them: -0 is 0, NaN is above all else.
inline unsigned char* put_double(double value, unsigned char* out) {
  if (value != value) return put_unsigned(std::numeric_limits<std::uint64_t>::max(), out);
  const auto bits = std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);
  return put_unsigned(bits >> 63 != 0 ? ~bits : bits | std::uint64_t{1} << 63, out);
}

// Bytes without a zero among them, in the order of memcmp.
inline unsigned char* put_text(const char* text, std::size_t length, unsigned char* out) {
  std::memcpy(out, text, length);
  out[length] = 0;  // so that no image begins with another one
  return out + length + 1;
}

}  // namespace dap::row
