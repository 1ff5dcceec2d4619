#include "engine/group/table.h"

#include <algorithm>
#include <cstring>

namespace dap::group {

namespace {

using column::row_at;
using column::RowHead;
using column::Selection;
using column::Step;
using column::step_rows;
using column::Vector;

// The rows of a batch that are looked up together, and their groups.
struct Piece {
  const Selection* selection;
  std::uint32_t from, count;
  RowHead* rows[step_rows];
};

// Places within a piece.
struct Places {
  std::uint32_t count;
  std::uint8_t places[step_rows];
};

struct Sum {
  std::uint64_t low;
  std::int64_t high;
};

void add_to(Sum* sum, std::int64_t value) {
  const std::uint64_t low = sum->low + static_cast<std::uint64_t>(value);
  sum->high += (value >> 63) + (low < sum->low ? 1 : 0);
  sum->low = low;
}

// The places whose rows a filter lets through and that are NULL in neither column. A filter's rows ascend as the
// selection's do: `cursor` stands where the last piece ended.
void choose_places(const Piece& piece, const Selection* filter, std::uint32_t* cursor, const unsigned char* nulls,
                   const unsigned char* other_nulls, Places* chosen) {
  chosen->count = 0;
  for (std::uint32_t i = 0; i < piece.count; i++) {
    const std::uint32_t row = row_at(*piece.selection, piece.from + i);
    if (filter != nullptr) {
      while (*cursor < filter->count && row_at(*filter, *cursor) < row) ++*cursor;
      if (*cursor == filter->count) return;
      if (row_at(*filter, *cursor) != row) continue;
    }
    if (nulls != nullptr && nulls[row] != 0) continue;
    if (other_nulls != nullptr && other_nulls[row] != 0) continue;
    chosen->places[chosen->count++] = static_cast<std::uint8_t>(i);
  }
}

// Applies `use` to a group's place and a value, for all rows of a piece or the chosen ones.
template <class Place, class Use>
void for_rows(const Piece& piece, const Places* chosen, const std::int64_t* values, std::size_t offset, Use use) {
  const auto place = [&](std::uint32_t i) {
    return reinterpret_cast<Place*>(reinterpret_cast<unsigned char*>(piece.rows[i]) + offset);
  };
  if (chosen != nullptr) {
    for (std::uint32_t j = 0; j < chosen->count; j++) {
      const std::uint32_t i = chosen->places[j];
      use(place(i), values[row_at(*piece.selection, piece.from + i)]);
    }
  } else if (piece.selection->rows != nullptr) {
    const std::uint16_t* const rows = piece.selection->rows + piece.from;
    for (std::uint32_t i = 0; i < piece.count; i++) use(place(i), values[rows[i]]);
  } else {
    for (std::uint32_t i = 0; i < piece.count; i++) use(place(i), values[piece.from + i]);
  }
}

void count_rows(const Piece& piece, const Places* chosen, std::size_t offset) {
  const std::uint32_t count = chosen == nullptr ? piece.count : chosen->count;
  for (std::uint32_t j = 0; j < count; j++) {
    const std::uint32_t i = chosen == nullptr ? j : chosen->places[j];
    ++*reinterpret_cast<std::int64_t*>(reinterpret_cast<unsigned char*>(piece.rows[i]) + offset);
  }
}

void aggregate(const Piece& piece, const Places* chosen, Aggregate kind, const std::int64_t* values,
               std::size_t offset) {
  using Number = std::int64_t;
  switch (kind) {
    case Aggregate::rows:
    case Aggregate::values: return count_rows(piece, chosen, offset);
    case Aggregate::sum: return for_rows<Sum>(piece, chosen, values, offset, add_to);
    case Aggregate::least:
      return for_rows<Number>(piece, chosen, values, offset, [](Number* place, Number value) {
        if (value < *place) *place = value;
      });
    case Aggregate::greatest:
      return for_rows<Number>(piece, chosen, values, offset, [](Number* place, Number value) {
        if (value > *place) *place = value;
      });
  }
}

void mark_values(const Piece& piece, const Places* chosen, std::uint64_t flags) {
  const std::uint32_t count = chosen == nullptr ? piece.count : chosen->count;
  for (std::uint32_t j = 0; j < count; j++) piece.rows[chosen == nullptr ? j : chosen->places[j]]->flags |= flags;
}

std::uint32_t partition_of_row(const Table& table, const Step& step, std::uint32_t i) {
  return column::partition_of(table.keys, step.hashes[i]);
}

// `chosen`: nullptr, all rows of the piece. What the loop reads is copied: for all the compiler knows, entries that are
// written could lie there.
template <std::uint32_t columns>
void append_all(Table* table, const Step& step, const Piece& piece, const Places* chosen, std::size_t offset,
                const ListInput& input) {
  const Selection selection = *piece.selection;
  const std::int64_t* const first = input.columns[0].values;
  const std::int64_t* const second = input.columns[columns - 1].values;
  const std::uint32_t count = chosen == nullptr ? piece.count : chosen->count, from = piece.from;
  std::pmr::memory_resource* const memory = table->keys.memory;
  const auto place = [&](std::uint32_t j) -> std::uint32_t { return chosen == nullptr ? j : chosen->places[j]; };
  const auto list = [&](std::uint32_t i) {
    return reinterpret_cast<List*>(reinterpret_cast<unsigned char*>(piece.rows[i]) + offset);
  };
  for (std::uint32_t j = 0; j < count; j++) __builtin_prefetch(list(place(j))->next, 1);
  for (std::uint32_t j = 0; j < count; j++) {
    const std::uint32_t i = place(j), row = row_at(selection, from + i);
    append<columns>(list(i), &table->arenas[partition_of_row(*table, step, i)], first[row], second[row], memory,
                    &table->list_bytes);
  }
}

Outcome add_to_list(Table* table, const Step& step, const Piece& piece, std::uint32_t number, const ListInput& input,
                    std::uint32_t* cursor) {
  const ListPlan& plan = table->plan.lists[number];
  const unsigned char* const nulls = input.columns[0].nulls;
  const unsigned char* const other_nulls = plan.columns == 2 ? input.columns[1].nulls : nullptr;
  Places some;
  const Places* chosen = nullptr;
  const std::uint32_t from = *cursor;
  if (nulls != nullptr || other_nulls != nullptr || input.filter != nullptr) {
    choose_places(piece, input.filter, cursor, nulls, other_nulls, &some);
    chosen = &some;
  }
  if (plan.refuse_nulls && (nulls != nullptr || other_nulls != nullptr)) {
    Places all;
    std::uint32_t again = from;
    choose_places(piece, input.filter, &again, nullptr, nullptr, &all);
    if (all.count != some.count) return Outcome::null_in_list;
  }
  const std::size_t offset = table->layout.lists[number];
  if (plan.columns == 2) append_all<2>(table, step, piece, chosen, offset, input);
  else append_all<1>(table, step, piece, chosen, offset, input);
  return Outcome::done;
}

bool counts_only(Aggregate kind) { return kind == Aggregate::rows || kind == Aggregate::values; }

}  // namespace

bool begin_table(Table* table, const Plan& plan, std::pmr::memory_resource* memory) {
  *table = Table{};
  if (!lay_out(plan, &table->layout)) return false;
  table->plan = plan;
  const Layout& layout = table->layout;
  unsigned char fresh[sizeof(Int128) * most_aggregates + sizeof(List) * most_lists] = {};
  const std::size_t behind = column::keys_end(plan.key_count);
  for (std::uint32_t i = 0; i < plan.aggregate_count; i++) {
    const std::int64_t none = plan.aggregates[i] == Aggregate::least      ? INT64_MAX
                              : plan.aggregates[i] == Aggregate::greatest ? INT64_MIN
                                                                          : 0;
    std::memcpy(fresh + layout.aggregates[i] - behind, &none, sizeof none);
    table->certain |= value_flag(i);
  }
  column::begin_key_table(&table->keys, plan.key_count, plan.key_dictionaries, layout.size, fresh, plan.partition_bits,
                          memory);
  if (plan.list_count > 0) {
    const std::uint32_t partitions = partition_count(*table);
    table->arenas = static_cast<Arena*>(memory->allocate(partitions * sizeof(Arena), alignof(Arena)));
    std::fill_n(table->arenas, partitions, Arena{});
    table->list_bytes += partitions * sizeof(Arena);
  }
  return true;
}

Outcome add_batch(Table* table, const Input& input) {
  const Plan& plan = table->plan;
  std::uint32_t cursors[most_aggregates] = {}, list_cursors[most_lists] = {};
  for (std::uint32_t a = 0; a < plan.aggregate_count; a++) {
    const bool some = input.aggregates[a].filter != nullptr ||
                      (plan.aggregates[a] != Aggregate::rows && input.aggregates[a].values.nulls != nullptr);
    if (some) table->certain &= ~value_flag(a);
  }
  Step step;
  Piece piece;
  piece.selection = &input.selection;
  for (piece.from = 0; piece.from < input.selection.count; piece.from += step_rows) {
    column::load_step(table->keys, input.keys, input.selection, piece.from, &step);
    piece.count = step.count;
    column::find_or_add(&table->keys, step, table->certain, piece.rows);
    std::uint64_t marks = 0;
    for (std::uint32_t a = 0; a < plan.aggregate_count; a++) {
      const AggregateInput& from = input.aggregates[a];
      const Aggregate kind = plan.aggregates[a];
      const unsigned char* const nulls = kind == Aggregate::rows ? nullptr : from.values.nulls;
      Places some;
      const Places* chosen = nullptr;
      if (nulls != nullptr || from.filter != nullptr) {
        choose_places(piece, from.filter, &cursors[a], nulls, nullptr, &some);
        chosen = &some;
      }
      aggregate(piece, chosen, kind, from.values.values, table->layout.aggregates[a]);
      if (counts_only(kind) || (table->certain & value_flag(a)) != 0) continue;
      if (chosen == nullptr) marks |= value_flag(a);
      else mark_values(piece, chosen, value_flag(a));
    }
    if (marks != 0) mark_values(piece, nullptr, marks);
    for (std::uint32_t l = 0; l < plan.list_count; l++)
      if (const Outcome outcome = add_to_list(table, step, piece, l, input.lists[l], &list_cursors[l]);
          outcome != Outcome::done)
        return outcome;
  }
  return Outcome::done;
}

void add_only_group(Table* table) {
  Step step;
  step.count = 1;
  step.nulls[0] = 0;
  column::hash_step(table->keys, &step);
  RowHead* row;
  column::find_or_add(&table->keys, step, 0, &row);
  table->certain &= row->flags;
}

void clear_partition(Table* table, std::uint32_t partition) {
  column::clear_store(&table->keys, &table->keys.stores[partition]);
  if (table->arenas != nullptr) clear_arena(&table->arenas[partition], table->keys.memory, &table->list_bytes);
}

}  // namespace dap::group
