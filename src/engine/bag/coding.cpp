#include "engine/bag/coding.h"

#include <cstring>

static_assert(std::endian::native == std::endian::little, "packed numbers are written as memory has them");

namespace dap::bag {

namespace {

constexpr unsigned char has_exceptions = 0x80;

std::uint64_t load64(const unsigned char* at) {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::uint64_t low_bits(unsigned width) { return width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1; }

std::size_t packed_size(unsigned count, unsigned width) { return (std::size_t{count} * width + 7) / 8; }

struct Plan {
  unsigned width;
  unsigned exceptions;
};

// The cheapest width, given which widths the numbers have (a bit each, 64 in the last place) and how many have each.
Plan choose_width(std::uint64_t narrower, const unsigned char* having, unsigned count) {
  unsigned widths[65], numbers = 0;
  if ((narrower & 1) == 0) widths[numbers++] = 0;
  for (; narrower != 0; narrower &= narrower - 1) widths[numbers++] = static_cast<unsigned>(std::countr_zero(narrower));
  if (having[64] > 0) widths[numbers++] = 64;
  Plan best{widths[numbers - 1], 0};
  std::size_t best_size = packed_size(count, best.width);
  for (unsigned i = numbers - 1; i-- > 0;) {
    std::size_t size = packed_size(count, widths[i]) + 1;
    unsigned exceptions = 0;
    for (unsigned wider = i + 1; wider < numbers && size < best_size; wider++) {
      const unsigned many = having[widths[wider]];
      exceptions += many;
      size += many * (1 + (widths[wider] - widths[i] + 6) / 7);
    }
    if (size >= best_size) continue;
    best = Plan{widths[i], exceptions};
    best_size = size;
  }
  return best;
}

unsigned char* pack(const std::uint64_t* values, unsigned count, unsigned width, unsigned char* out) {
  if (width == 0) return out;
  const std::uint64_t mask = low_bits(width);
  std::uint64_t gathered = 0;
  unsigned filled = 0;
  for (unsigned i = 0; i < count; i++) {
    const std::uint64_t value = values[i] & mask;
    gathered |= value << filled;
    filled += width;
    if (filled < 64) continue;
    std::memcpy(out, &gathered, 8);
    out += 8;
    filled -= 64;
    gathered = filled > 0 ? value >> (width - filled) : 0;
  }
  std::memcpy(out, &gathered, 8);
  return out + (filled + 7) / 8;
}

// Reads up to 8 bytes past the packed numbers.
void unpack(const unsigned char* in, unsigned count, unsigned width, std::uint64_t* values) {
  const std::uint64_t mask = low_bits(width);
  if (width <= 57) {
    for (unsigned i = 0, bit = 0; i < count; i++, bit += width) values[i] = load64(in + (bit >> 3)) >> (bit & 7) & mask;
    return;
  }
  for (unsigned i = 0, bit = 0; i < count; i++, bit += width) {
    const unsigned char* const at = in + (bit >> 3);
    const unsigned shift = bit & 7;
    std::uint64_t value = load64(at) >> shift;
    if (shift > 0) value |= static_cast<std::uint64_t>(at[8]) << (64 - shift);
    values[i] = value & mask;
  }
}

}  // namespace

unsigned char* write_array(const std::uint64_t* values, unsigned count, unsigned char* out) {
  unsigned char having[65] = {};
  std::uint64_t narrower = 0;
  for (unsigned i = 0; i < count; i++) {
    const auto width = static_cast<unsigned>(std::bit_width(values[i]));
    having[width]++;
    narrower |= std::uint64_t{width < 64} << (width & 63);
  }
  const auto [width, exceptions] = choose_width(narrower, having, count);
  *out++ = static_cast<unsigned char>(width | (exceptions > 0 ? has_exceptions : 0));
  out = pack(values, count, width, out);
  if (exceptions == 0) return out;
  *out++ = static_cast<unsigned char>(exceptions);
  for (unsigned i = 0; i < count; i++) {
    const std::uint64_t high = values[i] >> width;  // there are exceptions: the width is below 64
    if (high == 0) continue;
    *out++ = static_cast<unsigned char>(i);
    out = put_varint(high, out);
  }
  return out;
}

bool read_array(const unsigned char** at, const unsigned char* end, unsigned count, std::uint64_t* values) {
  if (*at == end) return false;
  const unsigned mark = *(*at)++;
  const unsigned width = mark & 0x7f;
  if (width > 64) return false;
  if (width == 0) {
    std::memset(values, 0, count * sizeof *values);
  } else {
    const std::size_t size = packed_size(count, width);
    const auto left = static_cast<std::size_t>(end - *at);
    if (size > left) return false;
    if (size + 8 <= left) {
      unpack(*at, count, width, values);
    } else {
      unsigned char copy[8 * block_items + 8];
      std::memcpy(copy, *at, size);
      std::memset(copy + size, 0, 8);
      unpack(copy, count, width, values);
    }
    *at += size;
  }
  if ((mark & has_exceptions) == 0) return true;
  if (width == 64 || *at == end) return false;
  const unsigned exceptions = *(*at)++;
  for (unsigned i = 0; i < exceptions; i++) {
    std::uint64_t high;
    if (*at == end) return false;
    const unsigned index = *(*at)++;
    if (index >= count || !get_varint(at, end, &high) || high > ~std::uint64_t{0} >> width) return false;
    values[index] |= high << width;
  }
  return true;
}

}  // namespace dap::bag
