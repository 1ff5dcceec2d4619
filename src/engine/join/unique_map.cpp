#include "engine/join/unique_map.h"

#include <algorithm>
#include <cstring>

namespace dap::join {

namespace {

using column::KeyTable;
using column::row_at;
using column::RowHead;
using column::Step;
using column::step_rows;

// A row's flags: the keys that are NULL, whether it was filled, whether a probe found it, the payloads that are NULL.
constexpr std::uint64_t filled_flag = 0x100, matched_flag = 0x200;
constexpr int payload_shift = 16;
constexpr std::uint32_t rows_at_a_time = 1U << 16;

std::uint64_t payload_flag(std::uint32_t payload) { return std::uint64_t{1} << (payload_shift + payload); }

std::int64_t* payloads_of(const KeyTable& table, RowHead* row) { return row->keys() + table.key_count; }

void fill(const UniqueMap& map, RowHead* row, const column::Vector* payloads, std::uint32_t from) {
  row->flags |= filled_flag;
  std::int64_t* const out = payloads_of(map.table, row);
  for (std::uint32_t p = 0; p < map.plan.payload_count; p++) {
    const bool null = payloads[p].nulls != nullptr && payloads[p].nulls[from] != 0;
    out[p] = null ? 0 : payloads[p].values[from];
    if (null) row->flags |= payload_flag(p);
  }
}

void put_payload(const KeyTable& table, RowHead* row, std::uint32_t payload, std::uint32_t to, const Found& out) {
  out.values[payload][to] = payloads_of(table, row)[payload];
  out.nulls[payload][to] = (row->flags & payload_flag(payload)) != 0 ? 1 : 0;
}

// A row whose key holds NULL: nothing is equal to it.
void keep_unfound(UniqueMap* map, const Step& step, std::uint32_t i, const column::Vector* payloads,
                  std::uint32_t from) {
  RowHead* const row = column::add_unfound(&map->table, &map->table.stores[0]);
  row->flags = step.nulls[i];
  for (std::uint32_t k = 0; k < map->table.key_count; k++) row->keys()[k] = step.keys[k][i];
  fill(*map, row, payloads, from);
}

// Takes the places whose keys hold NULL out of a step; `places` says where those that remain stood.
void without_nulls(const KeyTable& table, Step* step, std::uint8_t* places) {
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < step->count; i++) {
    if (step->nulls[i] != 0) continue;
    places[count] = static_cast<std::uint8_t>(i);
    step->nulls[count] = 0;
    step->hashes[count] = step->hashes[i];
    for (std::uint32_t k = 0; k < table.key_count; k++) step->keys[k][count] = step->keys[k][i];
    count++;
  }
  step->count = count;
}

}  // namespace

bool begin_map(UniqueMap* map, const MapPlan& plan, std::pmr::memory_resource* memory) {
  *map = UniqueMap{};
  if (plan.key_count < 1 || plan.key_count > most_join_keys || plan.payload_count > most_payloads) return false;
  map->plan = plan;
  const unsigned char fresh[most_payloads * sizeof(std::int64_t)] = {};
  const std::size_t size = column::keys_end(plan.key_count) + plan.payload_count * sizeof(std::int64_t);
  column::begin_key_table(&map->table, plan.key_count, plan.key_dictionaries, size, fresh, 0, memory);
  return true;
}

Outcome add_rows(UniqueMap* map, const column::Vector* keys, const column::Vector* payloads,
                 const column::Selection& selection) {
  Step step;
  std::uint8_t places[step_rows];
  RowHead* rows[step_rows];
  for (std::uint32_t from = 0; from < selection.count; from += step_rows) {
    column::load_step(map->table, keys, selection, from, &step);
    if (map->plan.keeps_unmatched)
      for (std::uint32_t i = 0; i < step.count; i++)
        if (step.nulls[i] != 0) keep_unfound(map, step, i, payloads, row_at(selection, from + i));
    without_nulls(map->table, &step, places);
    column::find_or_add(&map->table, step, 0, rows);
    for (std::uint32_t i = 0; i < step.count; i++) {
      if ((rows[i]->flags & filled_flag) != 0) return Outcome::duplicate;
      fill(*map, rows[i], payloads, row_at(selection, from + places[i]));
    }
  }
  return Outcome::done;
}

void probe(UniqueMap* map, const column::Vector* keys, const column::Selection& selection, const Found& out,
           std::uint16_t* kept, column::Selection* result) {
  Step step;
  RowHead* rows[step_rows];
  std::uint16_t at[step_rows];
  std::uint32_t count = 0;
  for (std::uint32_t from = 0; from < selection.count; from += step_rows) {
    column::load_step(map->table, keys, selection, from, &step);
    column::find(map->table, step, rows);
    for (std::uint32_t i = 0; i < step.count; i++) {
      const std::uint32_t row = row_at(selection, from + i);
      at[i] = static_cast<std::uint16_t>(row);
      if (step.nulls[i] != 0) rows[i] = nullptr;
      out.found[row] = rows[i] != nullptr ? 1 : 0;
      if (rows[i] != nullptr && map->plan.keeps_unmatched) rows[i]->flags |= matched_flag;
      if (kept == nullptr) continue;
      kept[count] = at[i];
      count += rows[i] != nullptr ? 1 : 0;
    }
    for (std::uint32_t p = 0; p < map->plan.payload_count; p++) {
      for (std::uint32_t i = 0; i < step.count; i++) {
        if (rows[i] != nullptr) {
          put_payload(map->table, rows[i], p, at[i], out);
          continue;
        }
        out.values[p][at[i]] = 0;
        out.nulls[p][at[i]] = 1;
      }
    }
  }
  if (kept != nullptr) *result = column::Selection{kept, count};
}

std::uint32_t next_unmatched(const UniqueMap& map, std::uint32_t* next, const FoundKeys& keys, const Found& out) {
  const column::RowStore& store = map.table.stores[0];
  const std::uint32_t end = std::min(store.count, *next + rows_at_a_time);
  std::uint32_t count = 0;
  for (; *next < end && count < column::batch_rows; ++*next) {
    RowHead* const row = column::row_of(map.table, store, *next);
    if ((row->flags & matched_flag) != 0) continue;
    for (std::uint32_t k = 0; k < map.plan.key_count; k++) {
      if (keys.values[k] == nullptr) continue;
      keys.values[k][count] = row->keys()[k];
      keys.nulls[k][count] = static_cast<unsigned char>(row->flags >> k & 1);
    }
    for (std::uint32_t p = 0; p < map.plan.payload_count; p++) put_payload(map.table, row, p, count, out);
    count++;
  }
  return count;
}

}  // namespace dap::join
