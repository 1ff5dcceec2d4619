// Rows of one size that are found by key: 0 to 8 columns, NULLs equal to each other. The rows lie in partitions by the
// key's hash, the same in every process. Plain data in memory of the caller's resource: it may be abandoned at any
// time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>

#include "engine/column/batch.h"
#include "engine/column/dictionary.h"

namespace dap::column {

constexpr std::uint32_t most_keys = 8;
constexpr std::uint32_t most_partition_bits = 8;
// So many rows are looked up at a time: their places are fetched into the cache together.
constexpr std::uint32_t step_rows = 128;

// How a row begins; behind stand its keys, 0 where they are NULL, and then what the owner keeps.
struct RowHead {
  std::uint64_t flags;  // the lowest byte: a bit for each key that is NULL; the others are the owner's

  std::int64_t* keys() { return reinterpret_cast<std::int64_t*>(this + 1); }
  const std::int64_t* keys() const { return reinterpret_cast<const std::int64_t*>(this + 1); }
};
constexpr std::uint64_t null_flags = 0xff;

struct Slot {
  std::uint32_t hash;  // its low half
  std::uint32_t row;   // 1 + number, 0: free
};

struct Chunk {
  unsigned char* rows;  // where a cache line begins
  void* allocated;
  std::size_t size;
};

struct RowStore {
  Slot* slots;
  std::uint32_t slot_count;  // a power of two
  std::uint32_t count;       // of rows
  Chunk* chunks;             // each of chunk_rows rows, the first while it is the only one of first_capacity
  std::uint32_t chunk_count, chunk_capacity;
  std::uint32_t first_capacity;
};
constexpr std::uint32_t chunk_rows = 1024;

struct KeyTable {
  std::pmr::memory_resource* memory;
  std::uint32_t key_count;
  std::uint32_t row_size;
  std::uint32_t partition_bits;
  const Dictionary* dictionaries[most_keys];  // of the keys that are codes: what is hashed is the text
  const unsigned char* fresh;                 // what a new row holds behind its keys
  RowStore* stores;
  std::size_t bytes;  // held
};

// The rows that are looked up at a time: their keys, 0 where NULL, and hashes.
struct Step {
  std::uint32_t count;
  std::uint64_t hashes[step_rows];
  unsigned char nulls[step_rows];
  std::int64_t keys[most_keys][step_rows];
};

constexpr std::size_t keys_end(std::uint32_t key_count) { return sizeof(RowHead) + key_count * sizeof(std::int64_t); }

// Rows take `row_size` bytes or a few more, so that they lie well in cache lines; a new one begins as `fresh`, which is
// copied: row_size less keys_end() bytes. Throws std::bad_alloc.
void begin_key_table(KeyTable* table, std::uint32_t key_count, const Dictionary* const* dictionaries,
                     std::size_t row_size, const unsigned char* fresh, std::uint32_t partition_bits,
                     std::pmr::memory_resource* memory);

inline std::uint32_t partition_count(const KeyTable& table) { return 1U << table.partition_bits; }
inline std::uint32_t partition_of(const KeyTable& table, std::uint64_t hash) {
  return static_cast<std::uint32_t>((hash >> 1) >> (63 - table.partition_bits));
}

inline RowHead* row_of(const KeyTable& table, const RowStore& store, std::uint32_t number) {
  return reinterpret_cast<RowHead*>(store.chunks[number / chunk_rows].rows +
                                    std::size_t{number % chunk_rows} * table.row_size);
}

// Takes the keys of selected rows from, from + 1, ... into a step, at most step_rows of them.
void load_step(const KeyTable& table, const Vector* keys, const Selection& selection, std::uint32_t from, Step* step);
// The hashes of a step whose keys somebody else has set.
void hash_step(const KeyTable& table, Step* step);

// Each key's row, a new one with these flags if there is none. The rows hold until a row is added. Throws
// std::bad_alloc; the table can then only be abandoned.
void find_or_add(KeyTable* table, const Step& step, std::uint64_t flags, RowHead** rows);
// Each key's row, or nullptr.
void find(const KeyTable& table, const Step& step, RowHead** rows);

// A row that is not found by any key. Throws std::bad_alloc.
RowHead* add_unfound(KeyTable* table, RowStore* store);

// Gives a partition's memory back: it holds no rows then.
void clear_store(KeyTable* table, RowStore* store);

}  // namespace dap::column
