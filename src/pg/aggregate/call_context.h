// What the aggregates' functions say when they are called as plain ones.
#pragma once

#include "bridge/pg.h"

namespace dap::aggregate {

// XX000, as the server's own aggregates have it.
[[noreturn]] inline void raise_not_aggregate() {
  ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("aggregate function called in non-aggregate context")));
  pg_unreachable();
}

}  // namespace dap::aggregate
