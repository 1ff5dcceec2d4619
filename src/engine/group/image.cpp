#include "engine/group/image.h"

#include <algorithm>
#include <cstring>

#include "engine/bytes.h"

namespace dap::group {

namespace {

using column::RowHead;
using column::Step;
using column::step_rows;

// A piece is a header and records: a group's row as it stands in memory, lists aside; or, where a piece begins within a
// group, its keys alone; then parts of its lists.
constexpr std::uint32_t piece_magic = 0x47504144;  // "DAPG"
constexpr std::size_t header_bytes = 4 + 4 + 8;
constexpr unsigned char group_record = 1, keys_record = 2, list_record = 3;
constexpr std::size_t list_record_bytes = 1 + 1 + 1 + 2;

std::size_t keys_record_bytes(const Plan& plan) { return 1 + 1 + plan.key_count * sizeof(std::int64_t); }

// The flags that mean something: of aggregates that may be NULL.
std::uint64_t value_flags(const Plan& plan) {
  std::uint64_t flags = 0;
  for (std::uint32_t a = 0; a < plan.aggregate_count; a++)
    if (plan.aggregates[a] != Aggregate::rows && plan.aggregates[a] != Aggregate::values) flags |= value_flag(a);
  return flags;
}

std::uint64_t key_flags(const Plan& plan) { return (std::uint64_t{1} << plan.key_count) - 1; }

// ---- writing ----

unsigned char* put_group(const Table& table, const Row& row, unsigned char* out) {
  *out++ = group_record;
  std::memcpy(out, &row, table.layout.fixed);
  put(row.flags & (value_flags(table.plan) | column::null_flags), out);
  return out + table.layout.fixed;
}

unsigned char* put_keys(const Table& table, const Row& row, unsigned char* out) {
  *out++ = keys_record;
  *out++ = static_cast<unsigned char>(row.flags);
  const std::size_t size = table.plan.key_count * sizeof(std::int64_t);
  if (size > 0) std::memcpy(out, row.keys(), size);
  return out + size;
}

// Moves to the list's next entries that are not written; false where there are none.
bool next_part(Export* work, const Table& table, const Row& row) {
  const List& list = list_of(table, row, work->list);
  if (!work->in_list) {
    work->in_list = true;
    work->block = list.last;
    work->written = 0;
    work->count = list.last == nullptr ? 0 : list.last->count - list.left;
  }
  while (work->block != nullptr && work->written == work->count) {
    work->block = work->block->before;
    work->written = 0;
    work->count = work->block == nullptr ? 0 : work->block->count;
  }
  return work->block != nullptr;
}

// Writes what has room of the group's lists; false where more is left.
bool put_lists(Export* work, const Table& table, const Row& row, unsigned char** out, const unsigned char* end) {
  for (; work->list < table.plan.list_count; work->list++, work->in_list = false) {
    while (next_part(work, table, row)) {
      const std::size_t bytes = entry_bytes(table.plan.lists[work->list].columns, work->block->wide);
      const auto room = static_cast<std::size_t>(end - *out);
      if (room < list_record_bytes + bytes) return false;
      const auto count = static_cast<std::uint32_t>(
          std::min<std::size_t>(work->count - work->written, (room - list_record_bytes) / bytes));
      *(*out)++ = list_record;
      *(*out)++ = static_cast<unsigned char>(work->list);
      *(*out)++ = work->block->wide ? 1 : 0;
      *out = put(static_cast<std::uint16_t>(count), *out);
      std::memcpy(*out, work->block->entries() + work->written * bytes, count * bytes);
      *out += count * bytes;
      work->written += count;
    }
  }
  return true;
}

// ---- reading ----

struct Reader {
  Table* table;
  const CodeMaps* maps;
  std::uint32_t partition;
  std::uint64_t allowed;  // flags
};

// A column's code or number as it is here; false where there is no such code.
bool own_value(const column::Dictionary* dictionary, const column::CodeMap* map, std::int64_t* value) {
  if (dictionary == nullptr) return true;
  const std::uint32_t codes = map == nullptr ? dictionary->count : map->count;
  if (*value < 0 || *value >= codes) return false;
  if (map != nullptr) *value = map->codes[*value];
  return true;
}

// The end of the record that begins here, or nullptr.
const unsigned char* record_end(const Table& table, const unsigned char* at, const unsigned char* end) {
  const auto left = static_cast<std::size_t>(end - at);
  std::size_t size = 0;
  if (*at == group_record) size = 1 + std::size_t{table.layout.fixed};
  else if (*at == keys_record) size = keys_record_bytes(table.plan);
  else if (*at == list_record && left >= list_record_bytes && at[1] < table.plan.list_count && at[2] <= 1) {
    const unsigned char* count = at + 3;
    size = list_record_bytes + get<std::uint16_t>(&count) * entry_bytes(table.plan.lists[at[1]].columns, at[2] != 0);
  }
  return size == 0 || size > left ? nullptr : at + size;
}

// Takes the keys of a group's record as the step's next ones.
bool take_keys(const Reader& reader, const unsigned char* at, Step* step) {
  const Plan& plan = reader.table->plan;
  const unsigned char kind = *at++;
  const std::uint64_t flags = kind == group_record ? get<std::uint64_t>(&at) : get<std::uint8_t>(&at);
  if ((flags & ~reader.allowed) != 0) return false;
  const std::uint32_t i = step->count++;
  step->nulls[i] = static_cast<unsigned char>(flags);
  for (std::uint32_t k = 0; k < plan.key_count; k++) {
    auto key = get<std::int64_t>(&at);
    if ((flags >> k & 1) != 0) key = 0;
    else if (!own_value(plan.key_dictionaries[k], reader.maps == nullptr ? nullptr : reader.maps->keys[k], &key))
      return false;
    step->keys[k][i] = key;
  }
  return true;
}

bool merge_aggregates(const Reader& reader, const unsigned char* row, RowHead* into) {
  Table* const table = reader.table;
  const unsigned char* at = row;
  const auto flags = get<std::uint64_t>(&at);
  at = row + column::keys_end(table->plan.key_count);
  for (std::uint32_t a = 0; a < table->plan.aggregate_count; a++) {
    std::int64_t* const place = place_of(*table, into, a);
    switch (table->plan.aggregates[a]) {
      case Aggregate::rows:
      case Aggregate::values: {
        const auto count = get<std::int64_t>(&at);
        if (count < 0 || __builtin_add_overflow(*place, count, place)) return false;
        break;
      }
      case Aggregate::sum: {
        const auto other = get<Int128>(&at);
        Int128 sum = sum_of(*table, *into, a);
        if ((flags & value_flag(a)) == 0) break;
        if (__builtin_add_overflow(sum, other, &sum)) return false;
        std::memcpy(place, &sum, sizeof sum);
        break;
      }
      case Aggregate::least: {
        const auto value = get<std::int64_t>(&at);
        if ((flags & value_flag(a)) != 0) *place = std::min(*place, value);
        break;
      }
      case Aggregate::greatest: {
        const auto value = get<std::int64_t>(&at);
        if ((flags & value_flag(a)) != 0) *place = std::max(*place, value);
        break;
      }
    }
  }
  into->flags |= flags & ~column::null_flags;
  return true;
}

template <class Number, std::uint32_t columns>
bool merge_entries(const Reader& reader, const unsigned char* at, std::uint32_t number, std::uint32_t count, List* list,
                   Arena* arena) {
  Table* const table = reader.table;
  const ListPlan& plan = table->plan.lists[number];
  for (std::uint32_t i = 0; i < count; i++) {
    std::int64_t values[2] = {};
    for (std::uint32_t c = 0; c < columns; c++) {
      values[c] = get<Number>(&at);
      const column::CodeMap* const map = reader.maps == nullptr ? nullptr : reader.maps->lists[number][c];
      if (!own_value(plan.dictionaries[c], map, &values[c])) return false;
    }
    append<columns>(list, arena, values[0], values[1], table->keys.memory, &table->list_bytes);
  }
  return true;
}

bool merge_list(const Reader& reader, const unsigned char* at, RowHead* row, Arena* arena) {
  const std::uint32_t number = at[1];
  const bool wide = at[2] != 0;
  at += 3;
  const auto count = get<std::uint16_t>(&at);
  List* const list = list_of(*reader.table, row, number);
  if (reader.table->plan.lists[number].columns == 2)
    return wide ? merge_entries<std::int64_t, 2>(reader, at, number, count, list, arena)
                : merge_entries<std::int32_t, 2>(reader, at, number, count, list, arena);
  return wide ? merge_entries<std::int64_t, 1>(reader, at, number, count, list, arena)
              : merge_entries<std::int32_t, 1>(reader, at, number, count, list, arena);
}

// Merges the records between two places, whose groups' keys are the step's.
bool merge_step(const Reader& reader, Step* step, const unsigned char* at, const unsigned char* end) {
  Table* const table = reader.table;
  RowHead* rows[step_rows];
  column::hash_step(table->keys, step);
  for (std::uint32_t i = 0; i < step->count; i++)
    if (column::partition_of(table->keys, step->hashes[i]) != reader.partition) return false;
  column::find_or_add(&table->keys, *step, 0, rows);
  std::uint32_t next = 0;
  while (at < end) {
    const unsigned char* const behind = record_end(*table, at, end);
    if (*at == list_record) {
      if (!merge_list(reader, at, rows[next - 1], &table->arenas[reader.partition])) return false;
    } else {
      if (*at == group_record && !merge_aggregates(reader, at + 1, rows[next])) return false;
      next++;
    }
    at = behind;
  }
  for (std::uint32_t i = 0; i < step->count; i++) table->certain &= rows[i]->flags;
  return true;
}

}  // namespace

void begin_export(Export* work, std::uint32_t partition) {
  *work = Export{};
  work->partition = partition;
}

std::size_t export_piece(Export* work, const Table& table, unsigned char* out, std::size_t capacity) {
  const std::uint32_t groups = group_count(table, work->partition);
  if (work->group == groups) return 0;
  const unsigned char* const end = out + capacity;
  unsigned char* at = put(fingerprint(table.plan), put(work->partition, put(piece_magic, out)));
  if (work->inside) at = put_keys(table, group_at(table, work->partition, work->group), at);
  for (; work->group < groups; work->group++) {
    const Row& row = group_at(table, work->partition, work->group);
    if (!work->inside) {
      if (static_cast<std::size_t>(end - at) < 1 + std::size_t{table.layout.fixed}) break;
      at = put_group(table, row, at);
      work->inside = true;
    }
    if (!put_lists(work, table, row, &at, end)) break;
    work->inside = false;
    work->list = 0;
  }
  return static_cast<std::size_t>(at - out);
}

Outcome merge_piece(Table* table, const unsigned char* data, std::size_t size, const CodeMaps* maps) {
  const unsigned char* at = data;
  const unsigned char* const end = data + size;
  if (size < header_bytes || get<std::uint32_t>(&at) != piece_magic) return Outcome::damaged;
  Reader reader{table, maps, get<std::uint32_t>(&at), value_flags(table->plan) | key_flags(table->plan)};
  if (reader.partition >= partition_count(*table) || get<std::uint64_t>(&at) != fingerprint(table->plan))
    return Outcome::damaged;
  Step step;
  step.count = 0;
  const unsigned char* from = at;  // where the step's records begin
  while (at < end) {
    const unsigned char* const behind = record_end(*table, at, end);
    if (behind == nullptr) return Outcome::damaged;
    if (*at != list_record) {
      if (step.count == step_rows) {
        if (!merge_step(reader, &step, from, at)) return Outcome::damaged;
        step.count = 0;
        from = at;
      }
      if (!take_keys(reader, at, &step)) return Outcome::damaged;
    } else if (step.count == 0) {
      return Outcome::damaged;
    }
    at = behind;
  }
  return step.count == 0 || merge_step(reader, &step, from, end) ? Outcome::done : Outcome::damaged;
}

}  // namespace dap::group
