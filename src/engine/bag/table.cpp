#include "engine/bag/table.h"

namespace dap::bag {

namespace {

std::uint64_t distance(std::int64_t from, std::int64_t to) {
  return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
}

// Every key of the block is in the table.
void add_inside(Table* table, const Block& block, Writer* rest) {
  std::uint32_t* const counts = table->counts;
  const std::int64_t base = table->base;
  for (unsigned i = 0; i < block.count; i++) {
    std::uint32_t* const slot = counts + distance(base, block.keys[i]);
    const std::uint64_t sum = *slot + block.times[i];
    if (sum <= UINT32_MAX) *slot = static_cast<std::uint32_t>(sum);
    else put_key(rest, block.keys[i], block.times[i]);
  }
}

void add_scaled(Table* table, const Block& block, std::int64_t factor, Writer* rest) {
  const std::int64_t most = most_key / factor;
  for (unsigned i = 0; i < block.count; i++) {
    const std::int64_t key = block.keys[i];
    if (key <= most && key >= -most) {
      const std::uint64_t place = distance(table->base, key * factor);
      if (place < table->length && table->counts[place] + block.times[i] <= UINT32_MAX) {
        table->counts[place] += static_cast<std::uint32_t>(block.times[i]);
        continue;
      }
    }
    put_key(rest, key, block.times[i]);
  }
}

}  // namespace

Range best_range(const std::int64_t* samples, std::size_t count, std::uint64_t most_length) {
  Range best{0, 0, 0};
  for (std::size_t from = 0, to = 0; from < count; from++) {
    if (to < from) to = from;
    while (to < count && distance(samples[from], samples[to]) < most_length) to++;
    if (to - from <= best.samples) continue;
    best.samples = to - from;
    best.base = samples[from];
    best.length = distance(samples[from], samples[to - 1]) + 1;
  }
  return best;
}

bool add_blocks(Table* table, KeyReader* reader, int scale, unsigned blocks, Writer* rest) {
  const std::int64_t factor = table->scale - scale <= 18 ? power_of_ten(table->scale - scale) : 0;
  Block block;
  for (; blocks > 0; blocks--) {
    if (!read_block(reader, &block)) return false;
    // Keys ascend: where the first and the last are inside, all are.
    if (factor == 1 && distance(table->base, block.keys[0]) < table->length &&
        distance(table->base, block.keys[block.count - 1]) < table->length)
      add_inside(table, block, rest);
    else if (factor > 0) add_scaled(table, block, factor, rest);
    else
      for (unsigned i = 0; i < block.count; i++) put_key(rest, block.keys[i], block.times[i]);
  }
  return true;
}

void put_slots(const Table& table, std::uint64_t from, std::uint64_t to, Writer* writer) {
  for (std::uint64_t i = from; i < to; i++)
    if (table.counts[i] > 0)
      put_key(writer, static_cast<std::int64_t>(static_cast<std::uint64_t>(table.base) + i), table.counts[i]);
}

}  // namespace dap::bag
