// What an ordering operator sorts by.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "access/stratnum.h"
}

namespace dap {

// Whether a btree's operator sorts downwards; false: it is none.
inline bool sorts_downwards(Oid ordering, bool* downwards) {
  Oid family, type;
#if PG_VERSION_NUM >= 180000
  CompareType direction;  // since 18, not of btrees alone
  if (!get_ordering_op_properties(ordering, &family, &type, &direction)) return false;
  *downwards = direction == COMPARE_GT;
#else
  int16 strategy;
  if (!get_ordering_op_properties(ordering, &family, &type, &strategy)) return false;
  *downwards = strategy == BTGreaterStrategyNumber;
#endif
  return true;
}

}  // namespace dap
