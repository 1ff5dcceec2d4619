// The multiset that an aggregate collects: plain keys, counts per key where keys repeat, and values wider than a key.
// Plain data in memory of the caller's resource: it may be abandoned at any time and has no destructor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "engine/quantile/decimal.h"
#include "engine/quantile/value.h"

namespace dap::quantile {

// Counts of the keys base, base + unit, ...
struct Dense {
  std::int64_t base;
  std::uint64_t unit;
  double unit_inverse;
  std::uint64_t length;
  std::uint32_t* counts;
};

struct Wide {
  Value* values;
  std::uint32_t count, capacity;
  std::uint32_t next_rescale;  // count at which a finer scale is considered
  struct Chunk {
    Chunk* next;
    std::size_t size;
  };
  Chunk* chunks;         // all memory that bytes are in
  unsigned char* place;  // where the next bytes go, in the first chunk
  std::size_t place_left;
  std::uint64_t bytes;  // of all values
};

struct Sample {
  Kind kind;
  std::uint8_t groups;  // numerics: keys are value × 10,000^groups
  bool scale_known;     // numerics: the first value has been seen
  bool scale_fixed;     // keys of this scale have left memory
  std::uint32_t key_capacity;
  std::uint64_t count;  // values in all, those that were moved to a file included
  std::uint32_t key_count;
  std::uint32_t unused;
  std::int64_t* keys;
  Dense* dense;
  Wide* wide;
  std::uint64_t next_collapse;  // count below which it is of no use to look for repeated keys again
};

constexpr std::uint32_t first_capacity = 8;
// more wide values than that are not looked at again for a finer scale
constexpr std::uint32_t most_rescaled = 1U << 16;
constexpr std::uint32_t most_keys = 1U << 30;
constexpr std::uint32_t dense_from = 1U << 14;

// Keys of these kinds may be counted: what is no plain number seldom repeats.
inline bool counted_kind(Kind kind) { return kind != Kind::float4 && kind != Kind::float8 && kind != Kind::interval; }

inline bool dense_slot(const Dense* dense, std::int64_t key, std::uint64_t* slot) {
  const std::uint64_t distance = static_cast<std::uint64_t>(key) - static_cast<std::uint64_t>(dense->base);
  if (dense->unit == 1) {
    *slot = distance;
    return distance < dense->length;
  }
  if (distance > (std::uint64_t{1} << 52)) return false;
  *slot = static_cast<std::uint64_t>(
      static_cast<std::int64_t>(static_cast<double>(static_cast<std::int64_t>(distance)) * dense->unit_inverse + 0.5));
  return *slot < dense->length && *slot * dense->unit == distance;
}

// Adds a key if there is room; false asks for make_room() first (or for the keys to be moved to a file).
inline bool add_key(Sample* sample, std::int64_t key) {
  if (sample->key_count == sample->key_capacity) return false;
  sample->keys[sample->key_count++] = key;
  sample->count++;
  return true;
}

// Counts the plain keys that have a place in the table of counts, if there is one: many at once, since each is a far
// place in memory.
void count_keys(Sample* sample);

// Makes room for at least one more key: turns keys to counts where that pays within `budget` bytes, or doubles the
// array. Throws std::bad_alloc.
void make_room(Sample* sample, std::pmr::memory_resource* memory, std::uint64_t budget);

// Room for `more` further plain keys. Throws std::bad_alloc.
void reserve_keys(Sample* sample, std::uint64_t more, std::pmr::memory_resource* memory);

// Turns plain keys into counts, once in a while, if most of them repeat and the table fits `budget` bytes; true if it
// did.
bool collapse(Sample* sample, std::pmr::memory_resource* memory, std::uint64_t budget);

// Gives the sample an empty table of counts, or one that its present table's counts move to: that has then no slot
// which the new one lacks. Throws std::bad_alloc.
void set_table(Sample* sample, std::int64_t base, std::uint64_t unit, std::uint64_t length,
               std::pmr::memory_resource* memory);
constexpr std::uint64_t longest_table = std::uint64_t{1} << 28;

// Adds a numeric, whatever its size; keys beyond the room are made room for. Throws std::bad_alloc.
void add_decimal(Sample* sample, const Decimal& decimal, std::pmr::memory_resource* memory, std::uint64_t budget);
// Adds an interval. Throws std::bad_alloc.
void add_interval(Sample* sample, const IntervalParts& parts, std::pmr::memory_resource* memory);
// Adds a value whose bytes are copied. Throws std::bad_alloc.
void add_wide(Sample* sample, std::int64_t key, const unsigned char* bytes, std::uint32_t length,
              std::pmr::memory_resource* memory);

// Forgets the wide values and frees their memory; the count stays.
void release_wide(Sample* sample, std::pmr::memory_resource* memory);

// The scale for a state whose first value this is.
inline int first_scale(const Decimal& decimal) {
  const int groups = decimal_groups(decimal);
  return groups <= 1 ? 1 : groups == 2 ? 2 : most_groups;
}

// The greatest of 1, 10, 100, 1,000, 10,000, from `unit` down, that divides number(i) for every i below `count`.
template <class Number>
std::uint64_t common_divisor(std::size_t count, std::uint64_t unit, Number&& number) {
  for (std::size_t i = 0; i < count && unit > 1;) {
    // The two most frequent ones as constants: a division less.
    if (unit == 10000) {
      while (i < count && number(i) % 10000 == 0) i++;
    } else if (unit == 100) {
      while (i < count && number(i) % 100 == 0) i++;
    } else {
      while (i < count && number(i) % static_cast<decltype(number(i))>(unit) == 0) i++;
    }
    if (i < count) unit /= 10;
  }
  return unit;
}

// The greatest of 1, 10, 100, 1,000, 10,000, from `unit` down, that divides every key's distance from `base`, which is
// none's superior.
std::uint64_t common_unit(const std::int64_t* keys, std::size_t count, std::uint64_t unit, std::int64_t base);
void key_range(const std::int64_t* keys, std::size_t count, std::int64_t* low, std::int64_t* high);

}  // namespace dap::quantile
