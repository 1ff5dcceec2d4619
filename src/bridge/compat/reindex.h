// Building a table's indexes anew.
#pragma once

#include "bridge/pg.h"

namespace dap {

// All indexes of a table that the caller has locked exclusively.
inline void reindex_table(Oid relation) {
  ReindexParams parameters = {};
  parameters.options = REINDEXOPT_REPORT_PROGRESS;
#if PG_VERSION_NUM >= 170000
  (void)reindex_relation(nullptr, relation, 0, &parameters);  // for event triggers, since 17 (commit f21848de20)
#else
  (void)reindex_relation(relation, 0, &parameters);
#endif
}

}  // namespace dap
