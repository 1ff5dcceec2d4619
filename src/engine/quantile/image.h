// A multiset as bytes, from a worker to its leader. Little-endian; every byte is checked before it is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>

#include "engine/quantile/sample.h"
#include "engine/quantile/selector.h"

namespace dap::quantile {

constexpr std::uint32_t image_magic = 0x51504144;  // "DAPQ"
constexpr std::uint8_t image_version = 1;

// What the fractions of a state look like.
enum class Shape : std::uint8_t { none, null, scalar, array };

struct ImageHeader {
  Kind kind;
  std::uint8_t groups;
  bool scale_known;
  Shape shape;
  const unsigned char* fractions;
  std::uint32_t fraction_count;
  std::uint64_t count;
};

// How a block of keys is packed: (key - base) / unit in `width` bytes each, 1 to 8; a width of 8 is the keys as they
// are.
struct Packing {
  std::int64_t base;
  std::uint32_t unit;
  std::uint8_t width;
};
Packing plan_packing(std::int64_t low, std::int64_t high, std::uint64_t unit);

// Where the rest of a state lies that is too large to be sent: in a file that only the writer's leader can read. The
// token also stands in the file.
struct FileReference {
  std::uint32_t tablespace;
  std::uint32_t launch;
  std::uint32_t number;
  std::uint32_t extents;
  std::uint64_t offset;
  unsigned char token[16];
};
static_assert(sizeof(FileReference) == 40);

// Sizes, then the writing: each write returns where it stopped.
std::size_t header_size(std::uint32_t fraction_bytes);
std::size_t keys_size(const Packing& packing, std::uint64_t count);
std::size_t dense_size(const Dense& dense);
std::size_t wide_size(std::uint64_t count, std::uint64_t bytes);
unsigned char* write_header(const ImageHeader& header, std::uint32_t fraction_bytes, unsigned char* out);
unsigned char* write_keys_header(const Packing& packing, std::uint64_t count, unsigned char* out);
unsigned char* write_keys(const Packing& packing, const std::int64_t* keys, std::uint64_t count, unsigned char* out);
unsigned char* write_dense(const Dense& dense, unsigned char* out);
unsigned char* write_wide_header(std::uint64_t count, std::uint64_t bytes, unsigned char* out);
unsigned char* write_wide_value(const unsigned char* bytes, std::uint32_t length, unsigned char* out);
std::size_t file_size();
unsigned char* write_file_reference(const FileReference& reference, std::uint64_t count, unsigned char* out);

// One part of an image that has been read.
struct Section {
  enum class Tag : std::uint8_t { keys = 1, dense = 2, wide = 3, file = 4 } tag;
  Packing packing;      // keys; of dense, base and unit
  std::uint64_t count;  // keys, slots, values; of a file, how many values are in it
  const unsigned char* data;
  std::size_t size;
};

// Reads the header and checks the whole image: sizes, counts, ranges and every value (but those in a file); false when
// anything is wrong. Fractions are 8 bytes each, or whatever `fraction_bytes` says of an array, which the caller
// checks. Throws std::bad_alloc.
bool read_image(const unsigned char* data, std::size_t size, ImageHeader* header, const unsigned char** sections,
                std::pmr::memory_resource* memory);
// Where the sections of a checked image begin.
const unsigned char* image_sections(const unsigned char* data);
// The next section of a checked image; false at its end.
bool next_section(const unsigned char** at, const unsigned char* end, Section* section);

FileReference file_reference(const Section& section);
// Unpacks keys first..first + count - 1 of a keys section.
void unpack_keys(const Section& section, std::uint64_t first, std::uint64_t count, std::int64_t* keys);
// Steps through the counts of a dense section: the next slot's count; `at` starts at section.data.
inline std::uint32_t next_count(const unsigned char** at) {
  std::uint32_t value = 0;
  for (int shift = 0;; shift += 7) {
    const unsigned char byte = *(*at)++;
    value |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}
// Eight counts of 0: mostly, tables are sparse.
inline bool eight_empty(const unsigned char* at, const unsigned char* end) {
  std::uint64_t word;
  if (end - at < 8) return false;
  std::memcpy(&word, at, sizeof word);
  return word == 0;
}
// Steps through the values of a wide section.
const unsigned char* next_wide_value(const unsigned char** at, std::uint32_t* length);

}  // namespace dap::quantile
