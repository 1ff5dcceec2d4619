// Many bags added up fast: counts of the keys in the range where most of them lie.
#pragma once

#include <cstdint>

#include "engine/bag/writer.h"

namespace dap::bag {

// counts[i] is how many times base + i, a key at the scale, has come.
struct Table {
  std::uint32_t* counts;
  std::int64_t base;
  std::uint64_t length;
  int scale;
};

// The range of at most `most_length` keys that holds the most of the samples, which are sorted, and how many these are.
struct Range {
  std::int64_t base;
  std::uint64_t length;
  std::size_t samples;
};
Range best_range(const std::int64_t* samples, std::size_t count, std::uint64_t most_length);

// Adds up to `blocks` blocks of a bag of the reader's scale, which is no finer than the table's; what the table cannot
// take goes to `rest`, a bag of the reader's scale. True while there is more. Throws std::bad_alloc.
bool add_blocks(Table* table, KeyReader* reader, int scale, unsigned blocks, Writer* rest);

// Writes the keys of the slots from..to - 1. Throws std::bad_alloc.
void put_slots(const Table& table, std::uint64_t from, std::uint64_t to, Writer* writer);

}  // namespace dap::bag
