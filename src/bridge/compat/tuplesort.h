// Values that come out of a sort one by one.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "utils/tuplesort.h"
}

namespace dap {

// The next of a sort's values, which are passed by value and not NULL, false after the last. Since 16
// tuplesort_getdatum is told whether to copy.
inline bool next_sorted(Tuplesortstate* sort, Datum* datum) {
  bool is_null = false;
#if PG_VERSION_NUM >= 160000
  return tuplesort_getdatum(sort, true, false, datum, &is_null, nullptr);
#else
  return tuplesort_getdatum(sort, true, datum, &is_null, nullptr);
#endif
}

}  // namespace dap
