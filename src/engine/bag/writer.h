// Writes a bag from values in order. Plain data in memory of the caller's resource: it may be abandoned at any time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "engine/bag/reader.h"

namespace dap::bag {

struct Buffer {
  unsigned char* data;
  std::size_t size, capacity;
};

struct Writer {
  std::pmr::memory_resource* memory;
  Buffer keys, wide;
  std::uint64_t values;
  std::uint64_t specials[special_count];
  int scale;
  std::int64_t first, last;
  std::uint64_t key_count, wide_count;
  bool too_large;  // past most_bag_bytes: nothing more is kept
  unsigned pending;
  std::uint64_t distances[block_items], times[block_items];
};

void begin_bag(Writer* writer, int scale, std::pmr::memory_resource* memory);
// Forgets what was written but not the memory.
void restart_bag(Writer* writer, int scale);
void release_bag(Writer* writer);

void write_block(Writer* writer);

// Adds a key, greater than all before, `times` (at least 1) times. Throws std::bad_alloc.
inline void put_key(Writer* writer, std::int64_t key, std::uint64_t times) {
  if (writer->key_count == 0) writer->first = key;
  writer->distances[writer->pending] =
      writer->key_count == 0 ? 0 : static_cast<std::uint64_t>(key) - static_cast<std::uint64_t>(writer->last) - 1;
  writer->times[writer->pending] = times - 1;
  writer->last = key;
  writer->key_count++;
  writer->values += times;
  if (++writer->pending == block_items) write_block(writer);
}

// Adds a value that is no key, behind all before that are none. Throws std::bad_alloc.
void put_wide(Writer* writer, const unsigned char* bytes, std::uint32_t length, std::uint64_t times);
void put_wide(Writer* writer, const Decimal& value, std::uint64_t times);

inline void put_special(Writer* writer, unsigned special, std::uint64_t times) {
  writer->specials[special] += times;
  writer->values += times;
}

// Ends the writing and says how many bytes the bag takes; too_large may be set by it. Throws std::bad_alloc.
std::size_t end_bag(Writer* writer);
// Writes the bag to where that many bytes are.
void copy_bag(const Writer& writer, unsigned char* out);
// Whether the bag that was ended is these very bytes.
bool is_bag(const Writer& writer, const unsigned char* data, std::size_t size);

}  // namespace dap::bag
