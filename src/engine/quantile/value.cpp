#include "engine/quantile/value.h"

namespace dap::quantile {

namespace {

void write_big_endian(std::uint64_t value, int width, unsigned char* out) {
  for (int i = 0; i < width; i++) out[i] = static_cast<unsigned char>(value >> (8 * (width - 1 - i)));
}

std::uint64_t read_big_endian(const unsigned char* in, int width) {
  std::uint64_t value = 0;
  for (int i = 0; i < width; i++) value = value << 8 | in[i];
  return value;
}

constexpr std::uint64_t sign64 = std::uint64_t{1} << 63;
constexpr std::uint32_t sign32 = std::uint32_t{1} << 31;

}  // namespace

std::int64_t write_interval(const IntervalParts& parts, unsigned char* bytes) {
  // As the server compares intervals: a month is 30 days, a day 24 hours.
  const Int128 span = static_cast<Int128>(parts.time) +
                      (static_cast<Int128>(parts.month) * 30 + parts.day) * static_cast<Int128>(86400000000);
  const auto wide = static_cast<UInt128>(span);
  write_big_endian(static_cast<std::uint64_t>(wide >> 64) ^ sign64, 8, bytes);
  write_big_endian(static_cast<std::uint64_t>(wide), 8, bytes + 8);
  write_big_endian(static_cast<std::uint32_t>(parts.month) ^ sign32, 4, bytes + 16);
  write_big_endian(static_cast<std::uint32_t>(parts.day) ^ sign32, 4, bytes + 20);
  write_big_endian(static_cast<std::uint64_t>(parts.time) ^ sign64, 8, bytes + 24);
  return static_cast<std::int64_t>(span >> 16);  // spans are below 2^74: it fits
}

IntervalParts read_interval(const unsigned char* bytes) {
  return {static_cast<std::int64_t>(read_big_endian(bytes + 24, 8) ^ sign64),
          static_cast<std::int32_t>(static_cast<std::uint32_t>(read_big_endian(bytes + 20, 4)) ^ sign32),
          static_cast<std::int32_t>(static_cast<std::uint32_t>(read_big_endian(bytes + 16, 4)) ^ sign32)};
}

}  // namespace dap::quantile
