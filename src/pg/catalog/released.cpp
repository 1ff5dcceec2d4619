// What released versions' SQL calls and this version's does not: a database whose extension is not updated yet, or that
// pg_upgrade carries over, finds the function, and an answer that helps.
#include "bridge/run_as.h"

using namespace dap;

// dap._analyze_query(query text, owner regrole, OUT ...), until 0.1.0
DAP_FUNCTION(dap_analyze_query) {
  (void)fcinfo;
  internal_schema();  // 55000, with the hint to update
  PG_RETURN_NULL();
}
