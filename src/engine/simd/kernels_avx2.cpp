#include "engine/simd/levels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

#include "engine/simd/utf8_scalar.h"
#include "engine/simd/utf8_tables.h"

DAP_TARGET_BEGIN("avx2,bmi,popcnt")

namespace dap::simd {
namespace {

struct Block {
  std::uint64_t needles;
  std::uint64_t high;
};

inline __m256i hits(__m256i bytes, const __m256i* wanted) noexcept {
  const __m256i a = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, wanted[0]), _mm256_cmpeq_epi8(bytes, wanted[1]));
  const __m256i b = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, wanted[2]), _mm256_cmpeq_epi8(bytes, wanted[3]));
  const __m256i c = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, wanted[4]), _mm256_cmpeq_epi8(bytes, wanted[5]));
  return _mm256_or_si256(_mm256_or_si256(a, b), c);
}

inline std::uint64_t bits64(__m256i low, __m256i high) noexcept {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
         static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high))) << 32;
}

inline Block classify(const char* data, const __m256i* wanted) noexcept {
  const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data));
  const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + 32));
  return {bits64(hits(a, wanted), hits(b, wanted)), bits64(a, b)};
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
  __m256i wanted[Needles::max_bytes];
  for (std::size_t k = 0; k < Needles::max_bytes; k++)
    wanted[k] = _mm256_set1_epi8(static_cast<char>(needles.bytes[k]));
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

inline __m256i lookup(const std::uint8_t* table, __m256i nibbles) noexcept {
  const __m256i t = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  return _mm256_shuffle_epi8(t, nibbles);
}

inline __m256i load(const char* data) noexcept { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data)); }

// Non-zero bytes where data[0, 32) breaks UTF-8, given the three bytes before it.
inline __m256i utf8_errors(const char* data) noexcept {
  const __m256i now = load(data), before1 = load(data - 1), before2 = load(data - 2), before3 = load(data - 3);
  const __m256i nibble = _mm256_set1_epi8(0x0F);
  const __m256i special = _mm256_and_si256(
      _mm256_and_si256(lookup(utf8_first_high, _mm256_and_si256(_mm256_srli_epi16(before1, 4), nibble)),
                       lookup(utf8_first_low, _mm256_and_si256(before1, nibble))),
      lookup(utf8_second_high, _mm256_and_si256(_mm256_srli_epi16(now, 4), nibble)));
  // The top bit remains where a third or fourth byte of a character must stand.
  const __m256i third = _mm256_subs_epu8(before2, _mm256_set1_epi8(0xE0 - 0x80));
  const __m256i fourth = _mm256_subs_epu8(before3, _mm256_set1_epi8(0xF0 - 0x80));
  const __m256i must = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8(static_cast<char>(0x80)));
  return _mm256_xor_si256(must, special);
}

std::size_t utf8_prefix(const char* data, std::size_t size) noexcept {
  std::size_t i = 0;
  bool previous_ascii = true;
  char first[4 + 64] = {};
  for (; i + 64 <= size; i += 64) {
    const char* block = data + i;
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 32));
    const bool ascii = _mm256_movemask_epi8(_mm256_or_si256(a, b)) == 0;
    if (!ascii || !previous_ascii) {
      if (i == 0) {  // nothing may be read before the text
        std::memcpy(first + 4, data, 64);
        block = first + 4;
      }
      const __m256i errors = _mm256_or_si256(utf8_errors(block), utf8_errors(block + 32));
      if (_mm256_testz_si256(errors, errors) == 0) break;
    }
    previous_ascii = ascii;
  }
  return utf8_prefix_from(data, size, i);
}

const Kernels kernels{"avx2", index, utf8_prefix};

}  // namespace

const Kernels* avx2_kernels() noexcept { return &kernels; }

}  // namespace dap::simd

DAP_TARGET_END

#else

namespace dap::simd {
const Kernels* avx2_kernels() noexcept { return nullptr; }
}  // namespace dap::simd

#endif
