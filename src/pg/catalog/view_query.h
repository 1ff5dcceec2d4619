// Look-ups that PostgreSQL's headers do not offer as one call.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace dap {

// The query that a view stands for; 42P17 if it has none.
Query* view_query(Oid view);

}  // namespace dap
