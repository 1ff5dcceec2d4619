#include "pg/block/block_first.h"

#include <cstring>

#include "bridge/engine_call.h"

namespace dap {

using group::Int128;
using group::Row;

namespace {

constexpr Size most_kept = Size{4} * 1024 * 1024;  // rows, of all partitions
constexpr uint32 number_bits = 6;                  // of the table of partitions: it grows for a moment each time

typedef Int128 Total __attribute__((aligned(8)));  // as the server's memory is

struct Partition {
  uint32 count;       // of the rows that are kept
  uint64 has_totals;  // a bit for each that is not NULL
};

// What the order compares of a row.
struct Place {
  bool is_null;
  Int128 value;
};

}  // namespace

struct FirstGroups {
  const Block* block;
  const BlockTop* top;
  const group::Table* table;
  column::KeyTable numbers;  // of partitions, by their keys
  uint32* partition;         // of each group
  uint32 count, capacity;
  Size room;  // bytes that all this may take
  Partition* partitions;
  Total* totals;      // so many of each partition
  const Row** first;  // the first so many of each partition, in order
};

namespace {

Place place_of(const FirstGroups* groups, const Row& row, const BlockOrder& order) {
  if (order.is_key) {
    auto key = static_cast<uint32>(order.number);
    return {group::key_is_null(row, key), group::key_of(row, key)};
  }
  const BlockAnswer& answer = groups->block->answers[order.number];
  auto at = static_cast<uint32>(answer.aggregate);
  if (answer.answer == Answer::count) return {false, group::value_of(*groups->table, row, at)};
  if (group::is_null(row, at)) return {true, 0};
  return {false, answer.answer == Answer::sum ? group::sum_of(*groups->table, row, at)
                                              : Int128{group::value_of(*groups->table, row, at)}};
}

int compare(const FirstGroups* groups, const Row& a, const Row& b) {
  for (int i = 0; i < groups->top->order_count; i++) {
    const BlockOrder& order = groups->top->order[i];
    Place one = place_of(groups, a, order), other = place_of(groups, b, order);
    if (one.is_null || other.is_null) {
      if (one.is_null == other.is_null) continue;
      return one.is_null == order.nulls_first ? -1 : 1;
    }
    if (one.value == other.value) continue;
    return (one.value < other.value) != order.descending ? -1 : 1;
  }
  return 0;
}

const Row** kept(const FirstGroups* groups, uint32 partition) {
  return groups->first + static_cast<Size>(partition) * static_cast<Size>(groups->top->wanted);
}

// Keeps a row if it is before the last one that is kept, or there is room.
void keep(FirstGroups* groups, uint32 number, const Row* row) {
  Partition* partition = &groups->partitions[number];
  const Row** rows = kept(groups, number);
  auto wanted = static_cast<uint32>(groups->top->wanted);
  if (partition->count == wanted && compare(groups, *row, *rows[wanted - 1]) >= 0) return;
  uint32 at = partition->count < wanted ? partition->count++ : wanted - 1;
  for (; at > 0 && compare(groups, *row, *rows[at - 1]) < 0; at--) rows[at] = rows[at - 1];
  rows[at] = row;
}

Total* totals_of(const FirstGroups* groups, uint32 partition) {
  return groups->totals + static_cast<Size>(partition) * static_cast<Size>(groups->top->total_count);
}

void add_totals(FirstGroups* groups, uint32 partition, const Row& row) {
  for (int i = 0; i < groups->top->total_count; i++) {
    int number = groups->top->totals[i].answer;
    Place value = {false, 1};
    if (number >= 0) value = place_of(groups, row, {false, number, false, false});
    if (value.is_null) continue;
    totals_of(groups, partition)[i] += value.value;
    groups->partitions[partition].has_totals |= uint64{1} << i;
  }
}

template <class Element>
Element* grow(Element* old, Size count) {
  return static_cast<Element*>(old == nullptr ? MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Element) * count)
                                              : repalloc_huge(old, sizeof(Element) * count));
}

bool add_partition(FirstGroups* groups) {
  if (groups->count == groups->capacity) {
    groups->capacity = groups->capacity == 0 ? 64 : 2 * groups->capacity;
    Size capacity = groups->capacity, rows = capacity * static_cast<Size>(groups->top->wanted);
    Size totals = capacity * static_cast<Size>(groups->top->total_count);
    if (rows > most_kept ||
        capacity * sizeof(Partition) + rows * sizeof(Row*) + totals * sizeof(Total) + groups->numbers.bytes >
            groups->room)
      return false;
    groups->partitions = grow(groups->partitions, capacity);
    groups->first = grow(groups->first, rows);
    if (totals > 0) groups->totals = grow(groups->totals, totals);
  }
  uint32 number = groups->count++;
  groups->partitions[number] = {0, 0};
  for (int i = 0; i < groups->top->total_count; i++) totals_of(groups, number)[i] = 0;
  return true;
}

uint32* number_place(const FirstGroups* groups, column::RowHead* row) {
  return reinterpret_cast<uint32*>(row->keys() + groups->top->partition_count);
}

// Up to step_rows groups, from the first-th of a store on, the number-th of them all.
bool add_step(FirstGroups* groups, uint32 store, uint32 first, uint32 count, uint64 number) {
  column::Step step;
  const Row* rows[column::step_rows];
  column::RowHead* found[column::step_rows];
  const BlockTop* top = groups->top;
  step.count = count;
  for (uint32 i = 0; i < count; i++) {
    rows[i] = &group::group_at(*groups->table, store, first + i);
    step.nulls[i] = 0;
    for (int k = 0; k < top->partition_count; k++) {
      auto key = static_cast<uint32>(top->partitions[k]);
      bool is_null = group::key_is_null(*rows[i], key);
      step.nulls[i] = static_cast<unsigned char>(step.nulls[i] | (is_null ? 1 << k : 0));
      step.keys[k][i] = is_null ? 0 : group::key_of(*rows[i], key);
    }
  }
  raise_engine_fault(try_engine([&] {
                       column::hash_step(groups->numbers, &step);
                       column::find_or_add(&groups->numbers, step, 0, found);
                     }),
                     block_place);
  for (uint32 i = 0; i < count; i++) {
    uint32* known = number_place(groups, found[i]);
    if (*known == 0) {
      if (!add_partition(groups)) return false;
      *known = groups->count;
    }
    groups->partition[number + i] = *known - 1;
    add_totals(groups, *known - 1, *rows[i]);
    keep(groups, *known - 1, rows[i]);
  }
  return true;
}

}  // namespace

FirstGroups* first_groups(const Block* block, const group::Table* table, std::pmr::memory_resource* memory) {
  auto* groups = static_cast<FirstGroups*>(palloc0(sizeof(FirstGroups)));
  groups->block = block;
  groups->top = block->top;
  groups->table = table;
  const column::Dictionary* dictionaries[column::most_keys] = {};
  for (int i = 0; i < block->top->partition_count; i++)
    if (block->keys[block->top->partitions[i]].kind.sort == Sort::text) dictionaries[i] = block->dictionary;
  const auto keys = static_cast<uint32>(block->top->partition_count);
  const unsigned char fresh[sizeof(uint64)] = {};
  raise_engine_fault(try_engine([&] {
                       column::begin_key_table(&groups->numbers, keys, dictionaries,
                                               column::keys_end(keys) + sizeof fresh, fresh, number_bits, memory);
                     }),
                     block_place);
  uint64 all = 0;
  for (uint32 store = 0; store < group::partition_count(*table); store++) all += group::group_count(*table, store);
  const Size used = group::memory_used(*table) + column::memory_used(*block->dictionary) + all * sizeof(uint32);
  const Size limit = static_cast<Size>(maintenance_work_mem) * 1024;
  if (used >= limit) return nullptr;
  groups->room = limit - used;
  groups->partition = grow<uint32>(nullptr, all + 1);
  uint64 number = 0;
  for (uint32 store = 0; store < group::partition_count(*table); store++) {
    uint32 count = group::group_count(*table, store);
    for (uint32 first = 0; first < count; first += column::step_rows) {
      CHECK_FOR_INTERRUPTS();
      uint32 some = count - first < column::step_rows ? count - first : column::step_rows;
      if (!add_step(groups, store, first, some, number)) return nullptr;
      number += some;
    }
  }
  return groups;
}

bool is_first(const FirstGroups* groups, const Row& row, uint64 number) {
  uint32 at = groups->partition[number];
  const Partition& partition = groups->partitions[at];
  auto wanted = static_cast<uint32>(groups->top->wanted);
  return partition.count < wanted || compare(groups, row, *kept(groups, at)[wanted - 1]) <= 0;
}

bool total_of(const FirstGroups* groups, uint64 number, int total, Int128* value) {
  uint32 partition = groups->partition[number];
  bool known = (groups->partitions[partition].has_totals >> total & 1) != 0;
  *value = totals_of(groups, partition)[total];
  return known;
}

}  // namespace dap
