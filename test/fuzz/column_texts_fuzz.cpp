// Hostile pieces of a dictionary's image, behind a right magic: refused, or texts whose codes are right.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory_resource>
#include <vector>

#include "engine/column/dictionary.h"

namespace {

using namespace dap::column;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::pmr::monotonic_buffer_resource memory;
  Dictionary dictionary, other;
  begin_dictionary(&dictionary, &memory);
  begin_dictionary(&other, &memory);
  code_of(&dictionary, "b", 1);
  CodeMap map{&memory, nullptr, 0, 0};
  std::vector<unsigned char> bytes(data, data + size);
  if (size >= 4) std::memcpy(bytes.data(), "DAPD", 4);
  const bool good = merge_texts(&dictionary, &map, bytes.data(), size);
  require(map.count + 1 >= dictionary.count);
  for (std::uint32_t i = 0; i < map.count; i++) require(map.codes[i] < dictionary.count);
  for (std::uint32_t code = 0; code < dictionary.count; code++)
    require(find_code(dictionary, dictionary.texts[code].bytes, dictionary.texts[code].length) == code);
  if (!good) return 0;
  CodeMap same{&memory, nullptr, 0, 0};
  std::vector<unsigned char> piece(least_text_piece);
  std::uint32_t next = 0;
  while (const std::size_t written = export_texts(dictionary, &next, piece.data(), piece.size()))
    require(merge_texts(&other, &same, piece.data(), written));
  require(other.count == dictionary.count);
  for (std::uint32_t code = 0; code < same.count; code++) require(same.codes[code] == code);
  return 0;
}
