// Numbers as a bag's bytes hold them: varints, and arrays packed to a common width with exceptions. Readers never pass
// the end.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace dap::bag {

constexpr unsigned block_items = 128;
// An array takes a mark, at most eight bytes an item, and the number of its exceptions: with none no plan is dearer.
constexpr std::size_t most_array_bytes = 2 + 8 * block_items;
constexpr std::size_t most_varint_bytes = 10;

// Seven bits a byte, the lowest first; returns where the writing stopped.
inline unsigned char* put_varint(std::uint64_t value, unsigned char* out) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<unsigned char>(value | 0x80);
  *out++ = static_cast<unsigned char>(value);
  return out;
}

inline std::size_t varint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1U)) + 6) / 7;
}

// Reads a varint; false where the bytes end too soon or say more than 64 bits.
inline bool get_varint(const unsigned char** at, const unsigned char* end, std::uint64_t* value) {
  std::uint64_t result = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (*at == end) return false;
    const unsigned char byte = *(*at)++;
    if (shift == 63 && byte > 1) return false;
    result |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = result;
      return true;
    }
  }
  return false;
}

// Signed numbers as unsigned ones that are small where the number is near zero.
inline std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t unzigzag(std::uint64_t value) { return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1))); }

// Packs 1 to 128 numbers: a mark (width, and whether there are exceptions), their low bits, then of each exception its
// index and high part. The width is the one of the numbers' own widths, or 0, that takes the fewest bytes; of several
// such, the widest. `out` has room for most_array_bytes and 8 more; returns where the writing stopped.
unsigned char* write_array(const std::uint64_t* values, unsigned count, unsigned char* out);

// Unpacks `count` numbers; false where the bytes cannot be such an array. It does not ask whether the width was the
// best.
bool read_array(const unsigned char** at, const unsigned char* end, unsigned count, std::uint64_t* values);

}  // namespace dap::bag
