// Building a table's indexes anew.
#pragma once

#include "bridge/pg.h"

namespace dap {

// All indexes of a table that the caller has locked exclusively; 23505 where values that are to be unique are not.
inline void reindex_table(Oid relation) {
  ReindexParams parameters = {};
  parameters.options = REINDEXOPT_REPORT_PROGRESS;
#if PG_VERSION_NUM >= 170000
  // The statement is for event triggers, since 17 (commit f21848de20).
  (void)reindex_relation(nullptr, relation, REINDEX_REL_CHECK_CONSTRAINTS, &parameters);
#else
  (void)reindex_relation(relation, REINDEX_REL_CHECK_CONSTRAINTS, &parameters);
#endif
}

}  // namespace dap
