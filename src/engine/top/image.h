// Sums by key as bytes, from a worker to its leader. Little-endian; every byte is checked before it is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "engine/top/table.h"

namespace dap::top {

constexpr std::uint32_t image_magic = 0x54504144;  // "DAPT"
constexpr std::uint8_t image_version = 1;

struct ImageHeader {
  KeyKind kind;
  std::int32_t wanted;  // how many items are asked for
  std::uint64_t count;  // entries
};

// One entry as it stands in an image.
struct ImageEntry {
  bool is_null;
  std::int64_t number;
  const unsigned char* text;
  std::uint32_t text_length;
  Int128 units;
  std::uint8_t groups;
  std::uint16_t scale;
  const unsigned char* rest;  // NULL, or bytes as quantile::write_decimal_bytes writes them
  std::uint32_t rest_length;
};

constexpr std::size_t header_size = 4 + 1 + 1 + 4 + 8;

// Size of an entry, then its writing, which returns where it stopped. A zero among the rests is no rest.
std::size_t entry_size(KeyKind kind, const ImageEntry& entry);
unsigned char* write_header(const ImageHeader& header, unsigned char* out);
unsigned char* write_entry(KeyKind kind, const ImageEntry& entry, unsigned char* out);

// Reads the header and checks the whole image; false when anything is wrong. Throws std::bad_alloc.
bool read_image(const unsigned char* data, std::size_t size, ImageHeader* header, std::pmr::memory_resource* memory);
// The next entry of a checked image; `at` starts behind the header; false at its end.
bool next_entry(KeyKind kind, const unsigned char** at, const unsigned char* end, ImageEntry* entry);

}  // namespace dap::top
