#include "engine/text/utf8.h"

#include "engine/simd/kernels.h"

namespace dap::text {

std::size_t utf8_prefix(const char* data, std::size_t size) noexcept { return simd::active().utf8_prefix(data, size); }

bool Utf8Stream::lead(unsigned char byte) noexcept {
  if (byte < 0xC2 || byte > 0xF4) return false;
  low_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
  high_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
  left_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  return true;
}

}  // namespace dap::text
