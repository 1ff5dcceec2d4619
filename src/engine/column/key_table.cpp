#include "engine/column/key_table.h"

#include <algorithm>
#include <new>

namespace dap::column {

namespace {

constexpr std::size_t line = 64;
constexpr std::uint32_t first_rows = 16, first_slots = 32;
constexpr std::uint32_t most_rows = 1U << 30;
constexpr std::uint64_t start = 0x9e3779b97f4a7c15, factor = 0xd6e8feb86659fd93, null_hash = 0xa0761d6478bd642f;

Slot no_slot[1] = {};  // of a store without rows; never written

// Both halves of the product depend on the whole number: the high bits choose the partition, the low ones the slot.
std::uint64_t mix(std::uint64_t value) {
  __extension__ typedef unsigned __int128 Wide;
  const Wide product = static_cast<Wide>(value) * factor;
  return static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
}

// No row lies across more lines than it must.
std::size_t padded(std::size_t size) {
  if (size > line) return (size + line / 2 - 1) / (line / 2) * (line / 2);
  std::size_t power = sizeof(RowHead);
  while (power < size) power *= 2;
  return power;
}

void* allocate(KeyTable* table, std::size_t size) {
  void* const place = table->memory->allocate(size, alignof(std::uint64_t));
  table->bytes += size;
  return place;
}

void release(KeyTable* table, void* place, std::size_t size) {
  table->memory->deallocate(place, size, alignof(std::uint64_t));
  table->bytes -= size;
}

Chunk new_chunk(KeyTable* table, std::uint32_t rows) {
  Chunk chunk{};
  chunk.size = std::size_t{rows} * table->row_size + line;
  chunk.allocated = allocate(table, chunk.size);
  const auto address = reinterpret_cast<std::uintptr_t>(chunk.allocated);
  chunk.rows = static_cast<unsigned char*>(chunk.allocated) + (line - address % line) % line;
  return chunk;
}

// Room for one more row.
void make_row_room(KeyTable* table, RowStore* store) {
  if (store->count >= most_rows) throw std::bad_alloc();
  if (store->count < chunk_rows) {
    if (store->count < store->first_capacity) return;
    const std::uint32_t rows = store->first_capacity == 0 ? first_rows : store->first_capacity * 2;
    if (store->chunk_capacity == 0) {
      store->chunks = static_cast<Chunk*>(allocate(table, 4 * sizeof(Chunk)));
      store->chunk_capacity = 4;
    }
    const Chunk chunk = new_chunk(table, rows);
    if (store->chunk_count > 0) {
      std::memcpy(chunk.rows, store->chunks[0].rows, std::size_t{store->count} * table->row_size);
      release(table, store->chunks[0].allocated, store->chunks[0].size);
    }
    store->chunks[0] = chunk;
    store->chunk_count = 1;
    store->first_capacity = rows;
    return;
  }
  if (store->count < store->chunk_count * chunk_rows) return;
  if (store->chunk_count == store->chunk_capacity) {
    const std::uint32_t capacity = store->chunk_capacity * 2;
    auto* const chunks = static_cast<Chunk*>(allocate(table, capacity * sizeof(Chunk)));
    std::copy_n(store->chunks, store->chunk_count, chunks);
    release(table, store->chunks, store->chunk_capacity * sizeof(Chunk));
    store->chunks = chunks;
    store->chunk_capacity = capacity;
  }
  store->chunks[store->chunk_count] = new_chunk(table, chunk_rows);
  store->chunk_count++;
}

void put_slot(Slot* slots, std::uint32_t mask, Slot slot) {
  std::uint32_t at = slot.hash & mask;
  while (slots[at].row != 0) at = (at + 1) & mask;
  slots[at] = slot;
}

// The slots stay at most half full. Hashes are in the slots: no row is looked at.
void make_slot_room(KeyTable* table, RowStore* store) {
  const bool none = store->slots == no_slot;
  if (!none && store->count < store->slot_count / 2) return;
  const std::uint32_t count = none ? first_slots : store->slot_count * 2;
  auto* const slots = static_cast<Slot*>(allocate(table, count * sizeof(Slot)));
  std::memset(static_cast<void*>(slots), 0, count * sizeof(Slot));
  for (std::uint32_t i = 0; !none && i < store->slot_count; i++)
    if (store->slots[i].row != 0) put_slot(slots, count - 1, store->slots[i]);
  if (!none) release(table, store->slots, store->slot_count * sizeof(Slot));
  store->slots = slots;
  store->slot_count = count;
}

RowHead* new_row(KeyTable* table, RowStore* store) {
  make_row_room(table, store);
  RowHead* const row = row_of(*table, *store, store->count++);
  row->flags = 0;
  std::memset(row->keys(), 0, table->key_count * sizeof(std::int64_t));
  const std::size_t behind = keys_end(table->key_count);
  if (table->row_size > behind)
    std::memcpy(reinterpret_cast<unsigned char*>(row) + behind, table->fresh, table->row_size - behind);
  return row;
}

template <std::uint32_t known>
bool same_key(const KeyTable& table, const Step& step, std::uint32_t i, const RowHead* row) {
  if (static_cast<unsigned char>(row->flags) != step.nulls[i]) return false;
  const std::uint32_t count = known > 0 ? known : table.key_count;
  for (std::uint32_t k = 0; k < count; k++)
    if (row->keys()[k] != step.keys[k][i]) return false;
  return true;
}

// 1 + the number of the key's row, 0: none.
template <std::uint32_t known>
std::uint32_t search(const KeyTable& table, const RowStore& store, const Step& step, std::uint32_t i) {
  const std::uint32_t mask = store.slot_count - 1;
  const auto hash = static_cast<std::uint32_t>(step.hashes[i]);
  for (std::uint32_t at = hash & mask; store.slots[at].row != 0; at = (at + 1) & mask)
    if (store.slots[at].hash == hash && same_key<known>(table, step, i, row_of(table, store, store.slots[at].row - 1)))
      return store.slots[at].row;
  return 0;
}

std::uint32_t add(KeyTable* table, RowStore* store, const Step& step, std::uint32_t i, std::uint64_t flags) {
  make_slot_room(table, store);
  RowHead* const row = new_row(table, store);
  row->flags = flags | step.nulls[i];
  for (std::uint32_t k = 0; k < table->key_count; k++) row->keys()[k] = step.keys[k][i];
  put_slot(store->slots, store->slot_count - 1, Slot{static_cast<std::uint32_t>(step.hashes[i]), store->count});
  return store->count;
}

// A store that has grown may have moved its rows: where they are now.
void follow(const KeyTable& table, const RowStore& grown, RowStore* const* stores, const std::uint32_t* numbers,
            std::uint32_t count, RowHead** rows) {
  for (std::uint32_t i = 0; i < count; i++)
    if (stores[i] == &grown && numbers[i] != 0) rows[i] = row_of(table, grown, numbers[i] - 1);
}

// `table` is changed where `adds` says so, and where a key is new.
template <std::uint32_t known, bool adds>
void look_up(KeyTable* table, const Step& step, std::uint64_t flags, RowHead** rows) {
  RowStore* stores[step_rows];
  std::uint32_t numbers[step_rows];
  for (std::uint32_t i = 0; i < step.count; i++) {
    stores[i] = &table->stores[partition_of(*table, step.hashes[i])];
    __builtin_prefetch(&stores[i]->slots[static_cast<std::uint32_t>(step.hashes[i]) & (stores[i]->slot_count - 1)]);
  }
  // What the hash alone finds is nearly always the row: its lines come while the others are looked for.
  for (std::uint32_t i = 0; i < step.count; i++) {
    const RowStore& store = *stores[i];
    const Slot* const slots = store.slots;
    const std::uint32_t mask = store.slot_count - 1;
    const auto hash = static_cast<std::uint32_t>(step.hashes[i]);
    std::uint32_t at = hash & mask;
    while (slots[at].row != 0 && slots[at].hash != hash) at = (at + 1) & mask;
    numbers[i] = slots[at].row;
    rows[i] = nullptr;
    if (numbers[i] == 0) continue;
    rows[i] = row_of(*table, store, numbers[i] - 1);
    const auto* const bytes = reinterpret_cast<const unsigned char*>(rows[i]);
    __builtin_prefetch(bytes, 1);
    for (std::size_t byte = line; byte < table->row_size && byte < 4 * line; byte += line)
      __builtin_prefetch(bytes + byte, 1);
  }
  for (std::uint32_t i = 0; i < step.count; i++) {
    if (rows[i] != nullptr && same_key<known>(*table, step, i, rows[i])) continue;
    numbers[i] = search<known>(*table, *stores[i], step, i);
    if (adds && numbers[i] == 0) {
      const std::uint32_t capacity = stores[i]->first_capacity;
      numbers[i] = add(table, stores[i], step, i, flags);
      if (stores[i]->first_capacity != capacity) follow(*table, *stores[i], stores, numbers, step.count, rows);
    }
    rows[i] = numbers[i] == 0 ? nullptr : row_of(*table, *stores[i], numbers[i] - 1);
  }
}

void begin_store(RowStore* store) {
  *store = RowStore{};
  store->slots = no_slot;
  store->slot_count = 1;
}

}  // namespace

void begin_key_table(KeyTable* table, std::uint32_t key_count, const Dictionary* const* dictionaries,
                     std::size_t row_size, const unsigned char* fresh, std::uint32_t partition_bits,
                     std::pmr::memory_resource* memory) {
  *table = KeyTable{};
  table->memory = memory;
  table->key_count = key_count;
  for (std::uint32_t k = 0; k < key_count; k++)
    table->dictionaries[k] = dictionaries == nullptr ? nullptr : dictionaries[k];
  table->row_size = static_cast<std::uint32_t>(padded(row_size));
  table->partition_bits = partition_bits;
  const std::size_t behind = keys_end(key_count);
  if (table->row_size > behind) {
    auto* const copy = static_cast<unsigned char*>(allocate(table, table->row_size - behind));
    std::memset(copy, 0, table->row_size - behind);
    if (row_size > behind) std::memcpy(copy, fresh, row_size - behind);
    table->fresh = copy;
  }
  table->stores = static_cast<RowStore*>(allocate(table, partition_count(*table) * sizeof(RowStore)));
  for (std::uint32_t p = 0; p < partition_count(*table); p++) begin_store(&table->stores[p]);
}

void load_step(const KeyTable& table, const Vector* keys, const Selection& selection, std::uint32_t from, Step* step) {
  step->count = std::min(selection.count - from, step_rows);
  std::memset(step->nulls, 0, step->count);
  for (std::uint32_t k = 0; k < table.key_count; k++) {
    const Vector& column = keys[k];
    std::int64_t* const out = step->keys[k];
    if (selection.rows == nullptr) {
      std::copy_n(column.values + from, step->count, out);
    } else {
      for (std::uint32_t i = 0; i < step->count; i++) out[i] = column.values[selection.rows[from + i]];
    }
    if (column.nulls == nullptr) continue;
    for (std::uint32_t i = 0; i < step->count; i++) {
      if (column.nulls[row_at(selection, from + i)] == 0) continue;
      step->nulls[i] |= static_cast<unsigned char>(1U << k);
      out[i] = 0;
    }
  }
  hash_step(table, step);
}

void hash_step(const KeyTable& table, Step* step) {
  std::fill_n(step->hashes, step->count, start);
  for (std::uint32_t k = 0; k < table.key_count; k++) {
    const std::int64_t* const keys = step->keys[k];
    if (const Dictionary* const dictionary = table.dictionaries[k]) {
      for (std::uint32_t i = 0; i < step->count; i++)
        if ((step->nulls[i] >> k & 1) == 0) step->hashes[i] = mix(step->hashes[i] ^ dictionary->texts[keys[i]].hash);
    } else {
      for (std::uint32_t i = 0; i < step->count; i++)
        step->hashes[i] = mix(step->hashes[i] ^ static_cast<std::uint64_t>(keys[i]));
    }
  }
  for (std::uint32_t i = 0; i < step->count; i++)
    if (step->nulls[i] != 0) step->hashes[i] = mix(step->hashes[i] ^ null_hash ^ step->nulls[i]);
}

void find_or_add(KeyTable* table, const Step& step, std::uint64_t flags, RowHead** rows) {
  if (table->key_count == 1) look_up<1, true>(table, step, flags, rows);
  else look_up<0, true>(table, step, flags, rows);
}

void find(const KeyTable& table, const Step& step, RowHead** rows) {
  auto* const unchanged = const_cast<KeyTable*>(&table);
  if (table.key_count == 1) look_up<1, false>(unchanged, step, 0, rows);
  else look_up<0, false>(unchanged, step, 0, rows);
}

RowHead* add_unfound(KeyTable* table, RowStore* store) { return new_row(table, store); }

void clear_store(KeyTable* table, RowStore* store) {
  if (store->slots != no_slot) release(table, store->slots, store->slot_count * sizeof(Slot));
  for (std::uint32_t i = 0; i < store->chunk_count; i++)
    release(table, store->chunks[i].allocated, store->chunks[i].size);
  if (store->chunk_capacity > 0) release(table, store->chunks, store->chunk_capacity * sizeof(Chunk));
  begin_store(store);
}

}  // namespace dap::column
