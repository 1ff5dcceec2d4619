// Intervals without end.
#pragma once

#include "bridge/pg.h"

namespace dap {

// -1 for -infinity, 1 for infinity, 0 for what is finite.
inline int interval_infinity([[maybe_unused]] const Interval* interval) {
#if PG_VERSION_NUM >= 170000  // intervals can be infinite since 17 (commit 519fc1bd9e)
  if (INTERVAL_NOT_FINITE(interval)) return INTERVAL_IS_NOBEGIN(interval) ? -1 : 1;
#endif
  return 0;
}

}  // namespace dap
