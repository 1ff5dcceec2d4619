// A unique btree made from rows that come in the order of its key, without reading the table again: several processes
// each write the leaves of a range of keys (btree_level.h), then one joins them and writes what stands above.
#pragma once

#include "bridge/pg.h"
#include "pg/index/btree_level.h"

namespace dap {

// Can this be done for the index, which is then locked exclusively, where rows come in the ascending order of these
// columns' values? Every other index is the server's to build. The table is locked exclusively.
bool can_build_btree(Relation heap, Oid index, const AttrNumber* columns, int count);

// Opens the index and gives it new storage, in which it cannot be used until it is finished.
Relation btree_build_begin(Oid index);
// The parts in the order of their keys, some of them empty, hold the entries of all rows of a table that had none
// before. Closes the index. Not in parallel mode.
void btree_build_finish(Relation heap, Relation index, const LevelEnds* parts, int count, int64 rows);

}  // namespace dap
