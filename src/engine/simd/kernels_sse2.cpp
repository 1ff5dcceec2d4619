#include "engine/simd/levels.h"

#if defined(__x86_64__)

#include <emmintrin.h>

#include <bit>
#include <cstring>

#include "engine/simd/utf8_scalar.h"

namespace dap::simd {
namespace {

inline std::uint64_t bits16(__m128i v) noexcept { return static_cast<std::uint16_t>(_mm_movemask_epi8(v)); }

struct Block {
  std::uint64_t needles;
  std::uint64_t high;
};

inline Block classify(const char* data, const __m128i* wanted) noexcept {
  Block block{0, 0};
  for (int part = 0; part < 4; part++) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data) + part);
    __m128i hit = _mm_cmpeq_epi8(bytes, wanted[0]);
    for (std::size_t k = 1; k < Needles::max_bytes; k++) hit = _mm_or_si128(hit, _mm_cmpeq_epi8(bytes, wanted[k]));
    block.needles |= bits16(hit) << (16 * part);
    block.high |= bits16(bytes) << (16 * part);
  }
  return block;
}

inline std::uint32_t* flatten(std::uint64_t mask, std::uint32_t at, std::uint32_t* out) noexcept {
  while (mask != 0) {
    *out++ = at + static_cast<std::uint32_t>(std::countr_zero(mask));
    mask &= mask - 1;
  }
  return out;
}

std::size_t index(const char* data, std::size_t size, const Needles& needles, std::uint32_t first, std::uint32_t* out,
                  bool& non_ascii) noexcept {
  __m128i wanted[Needles::max_bytes];
  for (std::size_t k = 0; k < Needles::max_bytes; k++) wanted[k] = _mm_set1_epi8(static_cast<char>(needles.bytes[k]));
  std::uint32_t* end = out;
  std::uint64_t high = 0;
  std::size_t i = 0;
  for (; i + 64 <= size; i += 64) {
    const Block block = classify(data + i, wanted);
    high |= block.high;
    end = flatten(block.needles, first + static_cast<std::uint32_t>(i), end);
  }
  if (i < size) {
    char tail[64] = {};
    std::memcpy(tail, data + i, size - i);
    const Block block = classify(tail, wanted);
    high |= block.high;
    end = flatten(block.needles & ((std::uint64_t{1} << (size - i)) - 1), first + static_cast<std::uint32_t>(i), end);
  }
  if (high != 0) non_ascii = true;
  return static_cast<std::size_t>(end - out);
}

// SSE2 has no byte shuffle for the table method of the wider kernels, only the skipping of ASCII.
std::size_t utf8_prefix(const char* data, std::size_t size) noexcept {
  std::size_t i = 0;
  while (i < size) {
    while (i + 16 <= size && _mm_movemask_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data + i))) == 0)
      i += 16;
    // Some characters at once: a text that is not ASCII seldom goes back to it within a few bytes.
    const std::size_t part = size - i < 64 ? size - i : 64;
    const std::size_t good = utf8_prefix_scalar(data + i, part);
    if (good == 0) break;
    i += good;
  }
  return i;
}

const Kernels kernels{"sse2", index, utf8_prefix};

}  // namespace

const Kernels* sse2_kernels() noexcept { return &kernels; }

}  // namespace dap::simd

#else

namespace dap::simd {
const Kernels* sse2_kernels() noexcept { return nullptr; }
}  // namespace dap::simd

#endif
