// What a table of groups keeps: keys, aggregates of fixed size, lists of values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/column/key_table.h"

namespace dap::group {

__extension__ typedef __int128 Int128;

constexpr std::uint32_t most_aggregates = 48;
constexpr std::uint32_t most_lists = 16;

// avg is sum and values; bool_and and bool_or are least and greatest.
enum class Aggregate : std::uint8_t { rows, values, sum, least, greatest };

// A list keeps the values of one column, or pairs of two. A row with NULL in it is left out where that is right (an
// order statistic), else it is refused: a pair (item, amount) whose columns are asked for one by one has to be whole.
struct ListPlan {
  std::uint8_t columns;  // 1 or 2
  bool refuse_nulls;
  const column::Dictionary* dictionaries[2];  // of columns that are codes
};

struct Plan {
  std::uint32_t key_count;                                        // 0: one group
  const column::Dictionary* key_dictionaries[column::most_keys];  // nullptr: a number
  std::uint32_t aggregate_count;
  Aggregate aggregates[most_aggregates];
  std::uint32_t list_count;
  ListPlan lists[most_lists];
  std::uint32_t partition_bits;  // 2^bits partitions: the same in every process
};

// Where a group's row has what.
struct Layout {
  std::uint16_t aggregates[most_aggregates];
  std::uint16_t lists[most_lists];
  std::uint16_t fixed;  // bytes of head, keys and aggregates: what an image has of a row
  std::uint16_t size;
};

// False where the plan is none: too many of something, an unknown kind.
bool lay_out(const Plan& plan, Layout* layout);

// The same for plans whose images fit each other.
std::uint64_t fingerprint(const Plan& plan);

}  // namespace dap::group
