// Tuples without the fields that a heap needs.
#pragma once

#include "bridge/pg.h"

namespace dap {

inline MinimalTuple form_minimal_tuple(TupleDesc desc, Datum* values, bool* nulls) {
#if PG_VERSION_NUM >= 180000
  return heap_form_minimal_tuple(desc, values, nulls, 0);  // room to be left before it, since 18 (commit 4c787a24e7)
#else
  return heap_form_minimal_tuple(desc, values, nulls);
#endif
}

}  // namespace dap
