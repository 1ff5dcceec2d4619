#include "engine/simd/levels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

#include "engine/simd/utf8_scalar.h"
#include "engine/simd/utf8_tables.h"

#if !defined(__clang__)
// GCC bug 105593: its own header's "undefined" vectors are reported once they are inlined here.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

DAP_TARGET_BEGIN("avx512f,avx512bw,avx2,bmi,popcnt")

namespace dap::simd {
namespace {

inline std::uint64_t hits(__m512i bytes, const __m512i* wanted) noexcept {
  std::uint64_t mask = _mm512_cmpeq_epi8_mask(bytes, wanted[0]);
  for (std::size_t k = 1; k < Needles::max_bytes; k++) mask |= _mm512_cmpeq_epi8_mask(bytes, wanted[k]);
  return mask;
}

// Writes eight positions at a time, more than there are: the next block overwrites the surplus.
inline std::uint32_t* flatten(std::uint64_t mask, std::uint32_t at, std::uint32_t* out) noexcept {
  const auto count = static_cast<unsigned>(_mm_popcnt_u64(mask));
  for (unsigned done = 0; done < count; done += 8) {
    for (unsigned k = 0; k < 8; k++) {
      out[done + k] = at + static_cast<std::uint32_t>(_tzcnt_u64(mask));
      mask = _blsr_u64(mask);
    }
  }
  return out + count;
}

std::size_t index(const char* data, std::size_t size, const Needles& needles, std::uint32_t first, std::uint32_t* out,
                  bool& non_ascii) noexcept {
  __m512i wanted[Needles::max_bytes];
  for (std::size_t k = 0; k < Needles::max_bytes; k++)
    wanted[k] = _mm512_set1_epi8(static_cast<char>(needles.bytes[k]));
  std::uint32_t* end = out;
  std::uint64_t high = 0;
  std::size_t i = 0;
  for (; i + 64 <= size; i += 64) {
    const __m512i bytes = _mm512_loadu_si512(data + i);
    high |= _mm512_movepi8_mask(bytes);
    end = flatten(hits(bytes, wanted), first + static_cast<std::uint32_t>(i), end);
  }
  if (i < size) {
    const std::uint64_t valid = (std::uint64_t{1} << (size - i)) - 1;
    const __m512i bytes = _mm512_maskz_loadu_epi8(valid, data + i);
    high |= _mm512_movepi8_mask(bytes);
    end = flatten(hits(bytes, wanted) & valid, first + static_cast<std::uint32_t>(i), end);
  }
  if (high != 0) non_ascii = true;
  return static_cast<std::size_t>(end - out);
}

inline __m512i lookup(const std::uint8_t* table, __m512i nibbles) noexcept {
  const __m512i t = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  return _mm512_shuffle_epi8(t, nibbles);
}

// Whether data[0, 64) breaks UTF-8, given the three bytes before it.
inline bool utf8_broken(const char* data) noexcept {
  const __m512i now = _mm512_loadu_si512(data), before1 = _mm512_loadu_si512(data - 1);
  const __m512i before2 = _mm512_loadu_si512(data - 2), before3 = _mm512_loadu_si512(data - 3);
  const __m512i nibble = _mm512_set1_epi8(0x0F);
  const __m512i special = _mm512_and_si512(
      _mm512_and_si512(lookup(utf8_first_high, _mm512_and_si512(_mm512_srli_epi16(before1, 4), nibble)),
                       lookup(utf8_first_low, _mm512_and_si512(before1, nibble))),
      lookup(utf8_second_high, _mm512_and_si512(_mm512_srli_epi16(now, 4), nibble)));
  const __m512i third = _mm512_subs_epu8(before2, _mm512_set1_epi8(0xE0 - 0x80));
  const __m512i fourth = _mm512_subs_epu8(before3, _mm512_set1_epi8(0xF0 - 0x80));
  const __m512i must = _mm512_and_si512(_mm512_or_si512(third, fourth), _mm512_set1_epi8(static_cast<char>(0x80)));
  const __m512i errors = _mm512_xor_si512(must, special);
  return _mm512_test_epi8_mask(errors, errors) != 0;
}

std::size_t utf8_prefix(const char* data, std::size_t size) noexcept {
  std::size_t i = 0;
  bool previous_ascii = true;
  char first[4 + 64] = {};
  for (; i + 64 <= size; i += 64) {
    const char* block = data + i;
    const bool ascii = _mm512_movepi8_mask(_mm512_loadu_si512(block)) == 0;
    if (!ascii || !previous_ascii) {
      if (i == 0) {  // nothing may be read before the text
        std::memcpy(first + 4, data, 64);
        block = first + 4;
      }
      if (utf8_broken(block)) break;
    }
    previous_ascii = ascii;
  }
  return utf8_prefix_from(data, size, i);
}

const Kernels kernels{"avx512", index, utf8_prefix};

}  // namespace

const Kernels* avx512_kernels() noexcept { return &kernels; }

}  // namespace dap::simd

DAP_TARGET_END

#else

namespace dap::simd {
const Kernels* avx512_kernels() noexcept { return nullptr; }
}  // namespace dap::simd

#endif
