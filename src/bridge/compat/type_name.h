// Types by their names.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "parser/parse_type.h"
}

namespace dap {

// Raises where there is no such type.
inline void read_type_name(const char* name, Oid* type, int32* typmod) {
#if PG_VERSION_NUM >= 160000
  (void)parseTypeString(name, type, typmod,
                        nullptr);  // the last argument became an error context in 16 (commit 858e776c84)
#else
  parseTypeString(name, type, typmod, false);
#endif
}

}  // namespace dap
