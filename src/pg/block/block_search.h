// The blocks of a query, wherever they stand in it.
#pragma once

#include "pg/block/block.h"

namespace dap {

struct FoundBlocks {
  List* runnable;  // of Block*: those that the engine runs, not one within another
  List* refused;   // of Block*: of the others those with groups or DISTINCT, of which `forbidden` says why not
};

// Looks through an analysed query, its subqueries and its WITHs. What a security barrier keeps apart is not looked at.
FoundBlocks search_blocks(Query*);

}  // namespace dap
