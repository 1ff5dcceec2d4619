// What the functions that a query calls do, as far as it can be seen.
#pragma once

#include "bridge/query.h"

namespace dap {

// A hash of the definitions of these functions (oid[]) and of all that they call, for comparison with that of another
// run, also after a dump and restore.
char* function_hash(Parameter functions);

}  // namespace dap
