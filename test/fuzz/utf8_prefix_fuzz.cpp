// Every kernel and the byte-by-byte check find the same well-formed prefix.
#include <cstdint>
#include <cstdlib>

#include "engine/simd/kernels.h"
#include "engine/text/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const char* text = reinterpret_cast<const char*>(data);
  dap::text::Utf8Stream stream;
  std::size_t good = 0;
  for (std::size_t i = 0; i < size && stream.push(data[i]); i++) {
    if (!stream.inside()) good = i + 1;
  }
  // At every distance from a block's start, as far as the input is long.
  for (const dap::simd::Kernels* kernels : dap::simd::available()) {
    if (kernels->utf8_prefix(text, size) != good) std::abort();
    for (std::size_t skip = 1; skip < 65 && skip < good; skip += 7) {
      if ((data[skip] & 0xC0) != 0x80 && kernels->utf8_prefix(text + skip, size - skip) != good - skip) std::abort();
    }
  }
  return 0;
}
