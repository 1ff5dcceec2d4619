#include "engine/top/table.h"

#include <algorithm>
#include <new>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace dap::top {

namespace {

using quantile::Bytes;

constexpr std::uint32_t few = 8;  // so many are looked through without an index
constexpr std::uint32_t most_entries = 1U << 30;
constexpr std::size_t first_chunk = 256, largest_chunk = std::size_t{1} << 20;

std::uint32_t hash_number(std::int64_t key) {
  auto z = static_cast<std::uint64_t>(key);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return static_cast<std::uint32_t>((z ^ (z >> 31)) >> 32);
}

template <class T>
T* allocate(std::pmr::memory_resource* memory, std::size_t count) {
  return static_cast<T*>(memory->allocate(count * sizeof(T), alignof(T)));
}

void put_in_index(Table* table, std::uint32_t entry) {
  const std::uint32_t mask = table->index_size - 1;
  std::uint32_t slot = table->entries[entry].hash & mask;
  while (table->index[slot] != 0) slot = (slot + 1) & mask;
  table->index[slot] = entry + 1;
}

// Room for one more entry in array and index, which stays at most half full.
void make_room(Table* table, std::pmr::memory_resource* memory) {
  if (table->count == table->capacity) {
    if (table->capacity >= most_entries) throw std::bad_alloc();
    const std::uint32_t capacity = table->capacity == 0 ? 4 : table->capacity * 2;
    auto* entries = allocate<Entry>(memory, capacity);
    std::copy_n(table->entries, table->count, entries);
    if (table->entries != nullptr) memory->deallocate(table->entries, table->capacity * sizeof(Entry), alignof(Entry));
    table->entries = entries;
    table->capacity = capacity;
  }
  if (table->count < few || table->count < table->index_size / 2) return;
  const std::uint32_t size = table->index_size == 0 ? 4 * few : table->index_size * 2;
  auto* index = allocate<std::uint32_t>(memory, size);
  std::fill_n(index, size, 0);
  if (table->index != nullptr)
    memory->deallocate(table->index, table->index_size * sizeof(std::uint32_t), alignof(std::uint32_t));
  table->index = index;
  table->index_size = size;
  for (std::uint32_t i = 0; i < table->count; i++)
    if (!table->entries[i].is_null) put_in_index(table, i);
}

// Looks for an entry by hash and `same`; NULL if there is none.
template <class Same>
Entry* find(const Table& table, std::uint32_t hash, Same same) {
  if (table.index_size == 0) {
    for (std::uint32_t i = 0; i < table.count; i++)
      if (table.entries[i].hash == hash && !table.entries[i].is_null && same(table.entries[i]))
        return &table.entries[i];
    return nullptr;
  }
  const std::uint32_t mask = table.index_size - 1;
  for (std::uint32_t slot = hash & mask; table.index[slot] != 0; slot = (slot + 1) & mask) {
    Entry& entry = table.entries[table.index[slot] - 1];
    if (entry.hash == hash && same(entry)) return &entry;
  }
  return nullptr;
}

Entry* new_entry(Table* table, Key key, std::uint32_t hash, bool is_null) {
  Entry* entry = new (&table->entries[table->count]) Entry{};
  entry->key = key;
  entry->hash = hash;
  entry->is_null = is_null;
  entry->amount.groups = 1;
  if (table->index_size > 0 && !is_null) put_in_index(table, table->count);
  table->count++;
  return entry;
}

const Bytes* copy_text(Table* table, const unsigned char* text, std::uint32_t length,
                       std::pmr::memory_resource* memory) {
  const std::size_t size = (sizeof(Bytes) + length + 7) & ~std::size_t{7};
  if (size > table->place_left) {
    if (size > largest_chunk / 4) {  // a chunk of its own
      auto* bytes = new (memory->allocate(size, alignof(std::uint64_t))) Bytes{length};
      std::memcpy(bytes->data(), text, length);
      return bytes;
    }
    const std::size_t room = std::max({size, table->next_chunk, first_chunk});
    table->place = static_cast<unsigned char*>(memory->allocate(room, alignof(std::uint64_t)));
    table->place_left = room;
    table->next_chunk = std::min(room * 2, largest_chunk);
  }
  auto* bytes = new (table->place) Bytes{length};
  if (length > 0) std::memcpy(bytes->data(), text, length);
  table->place += size;
  table->place_left -= size;
  return bytes;
}

}  // namespace

Entry* entry_of(Table* table, std::int64_t key, std::pmr::memory_resource* memory) {
  const std::uint32_t hash = hash_number(key);
  if (Entry* found = find(*table, hash, [key](const Entry& entry) { return entry.key.number == key; })) return found;
  make_room(table, memory);
  return new_entry(table, Key{.number = key}, hash, false);
}

Entry* entry_of(Table* table, const unsigned char* text, std::uint32_t length, std::pmr::memory_resource* memory) {
  const auto hash = static_cast<std::uint32_t>(XXH3_64bits(text, length));
  const auto same = [&](const Entry& entry) {
    return entry.key.text->length == length && (length == 0 || std::memcmp(entry.key.text->data(), text, length) == 0);
  };
  if (Entry* found = find(*table, hash, same)) return found;
  make_room(table, memory);
  return new_entry(table, Key{.text = copy_text(table, text, length, memory)}, hash, false);
}

Entry* entry_of_null(Table* table, std::pmr::memory_resource* memory) {
  if (table->null_entry == 0) {
    make_room(table, memory);
    new_entry(table, Key{.number = 0}, 0, true);
    table->null_entry = table->count;
  }
  return &table->entries[table->null_entry - 1];
}

int compare_keys(KeyKind kind, const Entry& a, const Entry& b) {
  if (a.is_null || b.is_null) return a.is_null - b.is_null;
  if (kind == KeyKind::text) return quantile::compare_bytes(a.key.text, b.key.text);
  return a.key.number < b.key.number ? -1 : a.key.number > b.key.number;
}

}  // namespace dap::top
