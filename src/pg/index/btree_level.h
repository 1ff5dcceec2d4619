// One level of a btree, written from left to right: pages are filled as the server's own build fills them (nbtsort.c),
// and added to the index through the buffer manager, many at once, with their images in the WAL.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "access/itup.h"
}

namespace dap {

// The first and the last page of a level, or of a part of one; 0, where no such page can be, both: there is none.
struct LevelEnds {
  BlockNumber first, last;
};

struct BtreeLevel;

// Level 0 are the leaves. Any process of the transaction's parallel group may write a part of them. `ring`: keep the
// pages out of the rest of shared buffers.
BtreeLevel* btree_level_open(Relation heap, Relation index, uint32 level, bool ring);
// Adds what comes next in order: on the leaves a row's tuple, else a pivot with its downlink. 54000 for a row that
// needs more than a third of a page.
void btree_level_add(BtreeLevel*, IndexTuple);
// Writes what is left. `goes_on`: another part may follow, and the last page has room for the high key it then needs.
LevelEnds btree_level_finish(BtreeLevel*, bool goes_on);

// Puts one part of the leaves behind another one, neither of them empty.
void join_leaves(Relation index, BlockNumber left_last, BlockNumber right_first);

}  // namespace dap
