// A bag's bytes, version 1: a compressed multiset of numerics, the same bytes for the same multiset.
//
//   u8 version, u8 parts (1 keys, 2 wide values, 4 -Infinity, 8 Infinity, 16 NaN), varint how many values in all,
//   varint how many of -Infinity, Infinity, NaN, each if it has the part,
//   keys: i8 scale, varint how many different, zigzag varint the first, varint the distance to the last,
//   wide: varint how many different, varint their bytes, then of each: varint length, sortable bytes, varint times,
//   keys: blocks of up to 128, each two packed arrays (coding.h): the distances between neighbours less one (of the
//   first key 0), the times less one.
//
// Keys are values times 10^scale in 64 bits. The scale is the one at which most of the different values are keys, of
// several the least; the others are wide. Every reading function is safe on any bytes; that bytes are the only ones of
// their multiset is for Combination (combine.h) to say.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/bag/coding.h"
#include "engine/bag/scale.h"

namespace dap::bag {

constexpr unsigned char bag_version = 1;
constexpr std::uint64_t most_values = INT64_MAX;  // in all
// a larger one could not be dumped: its shortest text (text.h) has a third more
constexpr std::size_t most_bag_bytes = 749'000'000;
constexpr std::size_t most_header_bytes = 3 + 11 * most_varint_bytes;
constexpr unsigned char empty_bag[3] = {bag_version, 0, 0};

enum Part : unsigned char { keys_part = 1, wide_part = 2, minus_infinity_part = 4, infinity_part = 8, nan_part = 16 };

// Values that are no finite number, in their order: the first before, the others behind all numbers.
enum Special : unsigned char { minus_infinity, infinity, not_a_number, special_count };

struct Header {
  std::uint64_t values;
  std::uint64_t specials[special_count];
  int scale;  // least_scale where there are no keys
  std::uint64_t key_count;
  std::int64_t first;
  std::uint64_t span;  // the last key less the first
  std::uint64_t wide_count;
  std::uint64_t wide_bytes;
  std::size_t size;  // of the header itself
  std::int64_t last() const { return static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + span); }
};

// Reads the header, for which the first most_header_bytes are enough; false where the bytes are no bag's.
bool read_header(const unsigned char* data, std::size_t size, Header* header);

struct Block {
  unsigned count;
  std::int64_t keys[block_items];
  std::uint64_t times[block_items];
};

// Steps through a bag's keys.
struct KeyReader {
  const unsigned char* at;
  const unsigned char* end;
  std::int64_t first;
  std::uint64_t offset;  // of the last key read from the first
  std::uint64_t span;
  std::uint64_t left, count;
  std::uint64_t values;  // times of all keys read
  bool damaged;
};
// The next block; false at the end, and where the bytes are damaged.
bool read_block(KeyReader* reader, Block* block);

struct WideValue {
  const unsigned char* bytes;  // as quantile::write_decimal_bytes writes them
  std::uint32_t length;
  std::uint64_t times;
};
// Steps through a bag's wide values, in order.
struct WideReader {
  const unsigned char* at;
  const unsigned char* end;
  std::uint64_t left;
  std::uint64_t values;
  WideValue last;
  bool damaged;
};
// The next value; false at the end, and where the bytes are damaged. Its bytes are not decoded yet: that may fail.
bool read_wide(WideReader* reader, WideValue* value);

// Opens a whole bag; false where the bytes are no bag's.
bool open_bag(const unsigned char* data, std::size_t size, Header* header, KeyReader* keys, WideReader* wide);

int compare_bytes(const unsigned char* a, std::uint32_t a_length, const unsigned char* b, std::uint32_t b_length);

}  // namespace dap::bag
