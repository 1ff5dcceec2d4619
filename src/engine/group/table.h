// Groups by key, in partitions by the key's hash: aggregates and lists of each. Plain data in memory of the caller's
// resource: it may be abandoned at any time, and must be where std::bad_alloc was thrown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "engine/column/batch.h"
#include "engine/column/key_table.h"
#include "engine/group/list.h"
#include "engine/group/plan.h"

namespace dap::group {

struct Table {
  Plan plan;
  Layout layout;
  column::KeyTable keys;
  Arena* arenas;  // by partition
  std::size_t list_bytes;
  std::uint64_t certain;  // flags of aggregates that every row so far had a value for
};

// What a batch has for an aggregate; of `rows` the vector is not read.
struct AggregateInput {
  column::Vector values;
  const column::Selection* filter;  // of the batch's selected rows those that count; nullptr: all
};

struct ListInput {
  column::Vector columns[2];
  const column::Selection* filter;
};

struct Input {
  column::Selection selection;
  const column::Vector* keys;
  const AggregateInput* aggregates;
  const ListInput* lists;
};

enum class Outcome : std::uint8_t {
  done,
  null_in_list,  // a list that refuses NULL met one: the table is of no more use
  damaged        // bytes that are no image of such a table: the table is of no more use
};

// False where the plan cannot be; throws std::bad_alloc. The plan is copied, its dictionaries are the caller's and
// stay.
bool begin_table(Table* table, const Plan& plan, std::pmr::memory_resource* memory);

// Adds a batch. Throws std::bad_alloc.
Outcome add_batch(Table* table, const Input& input);

// Makes the one group of a table without keys, which there is without rows too. Throws std::bad_alloc.
void add_only_group(Table* table);

// Bytes that the table holds; its lists are most of them, or its groups.
inline std::size_t memory_used(const Table& table) { return table.keys.bytes + table.list_bytes; }
inline std::uint32_t partition_count(const Table& table) { return column::partition_count(table.keys); }

// Gives a partition's memory back; it has no groups then.
void clear_partition(Table* table, std::uint32_t partition);

// ---- a partition's groups, by number ----
using Row = column::RowHead;

inline std::uint32_t group_count(const Table& table, std::uint32_t partition) {
  return table.keys.stores[partition].count;
}
inline const Row& group_at(const Table& table, std::uint32_t partition, std::uint32_t number) {
  return *column::row_of(table.keys, table.keys.stores[partition], number);
}

inline bool key_is_null(const Row& row, std::uint32_t key) { return (row.flags >> key & 1) != 0; }
inline std::int64_t key_of(const Row& row, std::uint32_t key) { return row.keys()[key]; }

inline std::uint64_t value_flag(std::uint32_t aggregate) { return std::uint64_t{1} << (8 + aggregate); }
// Whether an aggregate had a value; rows and values are never NULL.
inline bool is_null(const Row& row, std::uint32_t aggregate) { return (row.flags & value_flag(aggregate)) == 0; }

inline std::int64_t* place_of(const Table& table, Row* row, std::uint32_t aggregate) {
  return reinterpret_cast<std::int64_t*>(reinterpret_cast<unsigned char*>(row) + table.layout.aggregates[aggregate]);
}
// rows, values: the count; least, greatest: the value unless it is NULL.
inline std::int64_t value_of(const Table& table, const Row& row, std::uint32_t aggregate) {
  return *place_of(table, const_cast<Row*>(&row), aggregate);
}
// Of a sum, unless it is NULL.
inline Int128 sum_of(const Table& table, const Row& row, std::uint32_t aggregate) {
  Int128 sum;
  std::memcpy(&sum, place_of(table, const_cast<Row*>(&row), aggregate), sizeof sum);
  return sum;
}
inline List* list_of(const Table& table, Row* row, std::uint32_t list) {
  return reinterpret_cast<List*>(reinterpret_cast<unsigned char*>(row) + table.layout.lists[list]);
}
inline const List& list_of(const Table& table, const Row& row, std::uint32_t list) {
  return *list_of(table, const_cast<Row*>(&row), list);
}

}  // namespace dap::group
