// Tables that can be filled as a whole, in pages.
#pragma once

#include "bridge/pg.h"
#include "pg/catalog/model.h"

namespace dap {

// Is this an ordinary local table, still without a page, whose rows are its model's and nothing else's to make: no
// triggers or rules for an INSERT, no constraints, defaults of other columns, or indexes but the model's key, no
// row-level security? Then it is locked against everybody, unless somebody else holds a lock on it, or this session
// reads it. The caller has opened it once, with a lock against other writers.
bool take_bulk_target(const Model*, Relation);

// Raises where the executor would not let the current user insert into the table, or read the model's columns of it.
void check_may_insert(const Model*);
void check_may_read(const Model*);

// After what was written to the table has been rolled back: it is without a page again, and others may read it.
void give_back_bulk_target(Relation);

// After the table was filled: makes its indexes anew.
void build_indexes(Oid relation);

}  // namespace dap
