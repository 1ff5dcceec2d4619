#include "engine/simd/levels.h"
#include "engine/simd/utf8_scalar.h"

namespace dap::simd {
namespace {

std::size_t index(const char* data, std::size_t size, const Needles& needles, std::uint32_t first, std::uint32_t* out,
                  bool& non_ascii) noexcept {
  std::size_t n = 0;
  unsigned char seen = 0;
  for (std::size_t i = 0; i < size; i++) {
    const auto byte = static_cast<unsigned char>(data[i]);
    // Written always, kept only for a needle: no branch to mispredict.
    out[n] = first + static_cast<std::uint32_t>(i);
    n += needles.table[byte];
    seen |= byte;
  }
  if (seen >= 0x80) non_ascii = true;
  return n;
}

}  // namespace

const Kernels scalar_kernels{"scalar", index, utf8_prefix_scalar};

}  // namespace dap::simd
