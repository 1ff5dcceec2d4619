// Sums by key: a hash table whose entries stand in one array. Plain data in memory of the caller's resource: it may be
// abandoned at any time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>

#include "engine/quantile/value.h"
#include "engine/top/amount.h"

namespace dap::top {

enum class KeyKind : std::uint8_t { number = 1, text };

union Key {
  std::int64_t number;
  const quantile::Bytes* text;
};

struct Entry {
  Key key;
  Amount amount;
  std::uint32_t hash;
  bool is_null;  // the key
};

struct Table {
  KeyKind kind;
  std::uint32_t count, capacity;
  Entry* entries;
  std::uint32_t* index;      // 1 + place of an entry, 0: free
  std::uint32_t index_size;  // a power of two, or 0 while entries are few
  std::uint32_t null_entry;  // 1 + place of the entry whose key is NULL
  unsigned char* place;      // where the next text goes
  std::size_t place_left;
  std::size_t next_chunk;
};

// The entry of a key, made with an empty sum if there is none; texts are copied, the pointer holds until the next call.
// Throws std::bad_alloc and has then changed nothing.
Entry* entry_of(Table* table, std::int64_t key, std::pmr::memory_resource* memory);
Entry* entry_of(Table* table, const unsigned char* text, std::uint32_t length, std::pmr::memory_resource* memory);
Entry* entry_of_null(Table* table, std::pmr::memory_resource* memory);

// Orders keys: numbers by value, texts by their bytes, NULL last.
int compare_keys(KeyKind kind, const Entry& a, const Entry& b);

}  // namespace dap::top
