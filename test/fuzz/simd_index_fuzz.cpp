// Every kernel finds the same bytes as a plain search, wherever in a block the text begins, and touches nothing around
// it. The first bytes are the needles.
#include <cstring>
#include <initializer_list>

#include "fuzz_support.h"

using namespace dap;
using namespace dap::fuzz;

namespace {

constexpr std::size_t most_bytes = 4096;

simd::Needles needles_of(const std::uint8_t* b, std::size_t count) {
  switch (count) {
    case 1: return simd::Needles{b[0]};
    case 2: return simd::Needles{b[0], b[1]};
    case 3: return simd::Needles{b[0], b[1], b[2]};
    case 4: return simd::Needles{b[0], b[1], b[2], b[3]};
    case 5: return simd::Needles{b[0], b[1], b[2], b[3], b[4]};
    default: return simd::Needles{b[0], b[1], b[2], b[3], b[4], b[5]};
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t head = 1 + simd::Needles::max_bytes;
  if (size < head || size > most_bytes) return 0;
  static std::uint32_t expected[most_bytes];
  static ChunkPlace place(most_bytes);
  static RecyclingMemory memory;
  const std::size_t count = 1 + data[0] % simd::Needles::max_bytes;
  const simd::Needles needles = needles_of(data + 1, count);
  const std::uint32_t first = data[0] >= 0x80 ? 0x7FFFF000u + data[0] : data[0];
  const char* body = reinterpret_cast<const char*>(data) + head;
  const std::size_t body_size = size - head;
  // From the body's start, and from places around those where a block would begin.
  for (const std::size_t skip : {std::size_t{0}, std::size_t{1}, std::size_t{31}, std::size_t{63}, std::size_t{64}}) {
    if (skip > body_size) break;
    const char* text = place.put(body + skip, body_size - skip);
    const std::size_t text_size = body_size - skip;
    std::size_t found = 0;
    bool high = false;
    for (std::size_t i = 0; i < text_size; i++) {
      if (std::memchr(data + 1, static_cast<unsigned char>(text[i]), count) != nullptr)
        expected[found++] = first + static_cast<std::uint32_t>(i);
      high |= static_cast<unsigned char>(text[i]) >= 0x80;
    }
    for (const simd::Kernels* kernels : simd::available()) {
      const std::size_t room = (text_size + 64) * sizeof(std::uint32_t);
      auto* out = static_cast<std::uint32_t*>(memory.allocate(room));
      bool non_ascii = false, kept = true;
      require(kernels->index(text, text_size, needles, first, out, non_ascii) == found);
      require(found == 0 || std::memcmp(out, expected, found * sizeof(std::uint32_t)) == 0);
      require(non_ascii == high);
      kernels->index(text, text_size, needles, first, out, kept);
      require(kept);
      memory.deallocate(out, room);
    }
  }
  return 0;
}
