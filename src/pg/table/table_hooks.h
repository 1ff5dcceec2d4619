// What users hang on a model's table that acts when it is written.
#pragma once

#include "bridge/pg.h"

namespace dap {

// Each a list for people, such as `trigger "audit", a rule`; NULL: none.
struct TableHooks {
  const char* acting;    // what may change or swallow a write, or write more than it was asked to
  const char* noticing;  // what a row's deletion and insertion is not the same to as its update; all that acts does
};

// Of the table and its partitions, which it locks as a write does. What is disabled, and what only checks, is none.
TableHooks table_hooks(Oid relation);

// Has the table a trigger for an INSERT, but the guard of sources' tables, which has nothing to say to their own load?
bool has_insert_trigger(Relation);

}  // namespace dap
