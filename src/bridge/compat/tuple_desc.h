// Row descriptors that are made column by column.
#pragma once

#include "bridge/pg.h"

namespace dap {

// The descriptor, of which all columns are set now; before, no row may be formed or read with it.
inline TupleDesc finished(TupleDesc desc) {
#if PG_VERSION_NUM >= 190000
  TupleDescFinalize(desc);  // 19 works the columns' offsets out once, here
#endif
  return desc;
}

}  // namespace dap
