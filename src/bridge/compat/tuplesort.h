// Values that come out of a sort one by one.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "utils/tuplesort.h"
}

namespace dap {

// The next value of a sort without NULLs, false after the last. Since 16 tuplesort_getdatum is told whether to copy:
// the sort lends the value until it is asked for the next.
inline bool next_sorted(Tuplesortstate* sort, Datum* datum) {
  bool is_null = false;
#if PG_VERSION_NUM >= 160000
  return tuplesort_getdatum(sort, true, false, datum, &is_null, nullptr);
#else
  return tuplesort_getdatum(sort, true, datum, &is_null, nullptr);
#endif
}

// Done with what next_sorted() gave, of a type that is passed by reference: before 16 it is a copy in the caller's
// memory.
inline void release_sorted([[maybe_unused]] Datum datum) {
#if PG_VERSION_NUM < 160000
  pfree(DatumGetPointer(datum));
#endif
}

}  // namespace dap
