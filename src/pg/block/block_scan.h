// One side of a block, from the pages of its table to batches of what it gives.
#pragma once

#include <memory_resource>

#include "engine/column/batch.h"

#include "bridge/pg.h"
#include "pg/block/block.h"

namespace dap {

struct SideBatch {
  uint32 rows;
  column::Selection selection;                 // the rows that the side has
  column::Vector outputs[most_block_columns];  // good in them
};

struct SideScan {
  const Block* block;
  const BlockSide* side;
  std::pmr::memory_resource* memory;
  void* owner;
  bool (*take)(void* owner, const SideBatch&);  // C++ alone, may throw std::bad_alloc; false: the block is given up
  Size (*used)(const void* owner);              // memory
  Size limit;                                   // the block is given up when it goes beyond
  int64 read;                                   // rows of the table
};

// False: the block is given up.
bool scan_side(SideScan*);

}  // namespace dap
