// How definitions spell a column's type.
#pragma once

#include "bridge/pg.h"

namespace dap {

// The type as CREATE TABLE takes it under any search_path, with a COLLATE clause where the collation is not the type's
// own; each type has one such text.
char* type_text(Oid type, int32 typmod, Oid collation);

}  // namespace dap
