// Every kernel and the byte-by-byte check find the same well-formed prefix, from every distance to a block's start,
// without reading around the text.
#include "engine/text/utf8.h"
#include "fuzz_support.h"

using namespace dap;
using namespace dap::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t most_bytes = 4096, padding = 64;
  if (size > most_bytes) return 0;
  static char padded[padding + most_bytes];
  static ChunkPlace place(padding + most_bytes);
  text::Utf8Stream stream;
  std::size_t good = 0;
  for (std::size_t i = 0; i < size && stream.push(data[i]); i++) {
    if (!stream.inside()) good = i + 1;
  }
  for (const simd::Kernels* kernels : simd::available()) {
    require(kernels->utf8_prefix(place.put(reinterpret_cast<const char*>(data), size), size) == good);
    // Behind so many letters, and behind so many of its own characters.
    for (std::size_t shift = 1 + good % 5; shift < padding; shift += 9) {
      std::memset(padded, 'a', shift);
      if (size > 0) std::memcpy(padded + shift, data, size);
      require(kernels->utf8_prefix(place.put(padded, shift + size), shift + size) == shift + good);
      if (shift < good && (data[shift] & 0xC0) != 0x80)
        require(kernels->utf8_prefix(reinterpret_cast<const char*>(data) + shift, size - shift) == good - shift);
    }
  }
  return 0;
}
