// A list by item: sorted by its first column, so that equal items stand together: distinct values, sums of the second
// column by item, the items with the highest sums.
#pragma once

#include <cstdint>

#include "engine/group/list.h"
#include "engine/group/plan.h"
#include "engine/group/workspace.h"

namespace dap::group {

// Plain data. It takes twice the list's entries of the workspace: 8 bytes each, of pairs of wide numbers 16.
struct ItemSort {
  const List* list;
  Workspace* work;
  std::uint32_t columns;
  enum class Form : std::uint8_t { value, packed, pair } form;
  enum class Phase : std::uint8_t { gather, count, scatter, sorted } phase;
  ListReader reader;
  std::uint64_t count, done;
  std::uint64_t low, high;  // of the items, whose order is here that of unsigned numbers
  std::uint32_t pass, passes;
  unsigned char *from, *to;
  std::uint64_t next;  // of the entries that next_item has not read
};

// A list whose items are sorted in steps; it stays until the end. The list has fewer than 2^32 entries.
void begin_items(ItemSort* sort, const List& list, std::uint32_t columns, Workspace* work);
// Goes on for a while; false when it is sorted. Throws std::bad_alloc.
bool step_items(ItemSort* sort);

struct ItemSum {
  std::int64_t item;
  Int128 sum;  // 0 where the list has one column
  std::uint64_t count;
};

// Of a sorted list the next item, in ascending order; false at the end.
bool next_item(ItemSort* sort, ItemSum* item);
// Goes back to the first item.
inline void rewind_items(ItemSort* sort) { sort->next = 0; }

// What a sorted list of pairs or values comes to.
struct ItemTotals {
  std::uint64_t distinct;
  Int128 total;
  ItemSum* top;  // the caller's place for `wanted`: the highest by sum, of equals the lower item first
  std::uint32_t wanted, count;
};

// Sets what has not been read so far on top of `totals`, which begins with zeros; false when all has been read.
bool step_totals(ItemSort* sort, ItemTotals* totals);

}  // namespace dap::group
