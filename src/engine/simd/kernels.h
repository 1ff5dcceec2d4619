// The inner loops that exist once per instruction set; every one of them gives bit-identical results.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace dap::simd {

// The set of at most `max_bytes` byte values that an index is made of.
struct Needles {
  static constexpr std::size_t max_bytes = 6;

  explicit Needles(std::initializer_list<unsigned char> wanted) noexcept;

  std::array<unsigned char, max_bytes> bytes;  // repeated when fewer are wanted
  std::array<std::uint8_t, 256> table;         // 1 for a wanted byte
};

struct Kernels {
  const char* name;

  // Writes `first` + i for each i where data[i] is a needle to `out`, ascending, and returns how many; sets `non_ascii`
  // if a byte of 0x80 or more was seen, else leaves it. `out` has room for size + 64 positions; nothing outside data[0,
  // size) is read.
  std::size_t (*index)(const char* data, std::size_t size, const Needles& needles, std::uint32_t first,
                       std::uint32_t* out, bool& non_ascii) noexcept;

  // The length of the longest prefix that consists of whole, well-formed UTF-8 characters (RFC 3629; NUL is one).
  std::size_t (*utf8_prefix)(const char* data, std::size_t size) noexcept;
};

// The kernels in use: the best ones of this CPU, unless select() chose others.
const Kernels& active() noexcept;

// Uses the kernels called `name` ("auto", "scalar", "sse2", "avx2", "avx512") from now on; false, and no change, if
// this CPU or build lacks them.
bool select(std::string_view name) noexcept;

// The kernels that this CPU can run, from the plainest to the fastest.
std::span<const Kernels* const> available() noexcept;

}  // namespace dap::simd
