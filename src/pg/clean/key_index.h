// The index of a model's key, made of the rows of a clean step, which come in its order.
#pragma once

#include "bridge/pg.h"
#include "pg/catalog/model.h"
#include "pg/index/btree_level.h"

namespace dap {

// The only index of the table, if it can be made so; InvalidOid: it is the server's to build.
Oid buildable_key_index(const Model*, Relation target);

struct KeyIndex;

// One process's entries.
KeyIndex* key_index_open(Relation target, Relation index, bool ring);
// Adds the rows of a page of the target: a PageTaker of row_pages.
void key_index_take(void* index, Page, BlockNumber);
// `goes_on`: another process may have entries behind these. `milliseconds`: adds what all this took.
LevelEnds key_index_finish(KeyIndex*, bool goes_on, double* milliseconds);

}  // namespace dap
