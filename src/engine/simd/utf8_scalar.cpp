#include "engine/simd/utf8_scalar.h"

#include <cstdint>
#include <cstring>

namespace dap::simd {
namespace {

inline bool continues(unsigned char byte) noexcept { return continues_character(static_cast<char>(byte)); }

// Length of the well-formed character at `p`, of which `size` bytes can be read; 0 if there is none.
inline std::size_t character(const unsigned char* p, std::size_t size) noexcept {
  const unsigned char c = p[0];
  if (c < 0x80) return 1;
  if (c < 0xC2 || c > 0xF4) return 0;
  if (c < 0xE0) return size >= 2 && continues(p[1]) ? 2 : 0;
  if (c < 0xF0) {
    if (size < 3 || !continues(p[1]) || !continues(p[2])) return 0;
    if (c == 0xE0 && p[1] < 0xA0) return 0;
    if (c == 0xED && p[1] > 0x9F) return 0;
    return 3;
  }
  if (size < 4 || !continues(p[1]) || !continues(p[2]) || !continues(p[3])) return 0;
  if (c == 0xF0 && p[1] < 0x90) return 0;
  if (c == 0xF4 && p[1] > 0x8F) return 0;
  return 4;
}

}  // namespace

std::size_t utf8_prefix_scalar(const char* data, std::size_t size) noexcept {
  std::size_t i = 0;
  while (i < size) {
    if (i + 8 <= size) {
      std::uint64_t eight;
      std::memcpy(&eight, data + i, 8);
      if ((eight & 0x8080808080808080u) == 0) {
        i += 8;
        continue;
      }
    }
    const std::size_t length = character(reinterpret_cast<const unsigned char*>(data) + i, size - i);
    if (length == 0) break;
    i += length;
  }
  return i;
}

std::size_t utf8_prefix_from(const char* data, std::size_t size, std::size_t checked) noexcept {
  // Back to the start of the character that `checked` may have cut; one that is whole is merely looked at again.
  std::size_t start = checked;
  while (start > 0 && checked - start < 3 && continues_character(data[start - 1])) start--;
  if (start > 0) start--;
  return start + utf8_prefix_scalar(data + start, size - start);
}

}  // namespace dap::simd
