// Planning and running an analysed query.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "tcop/tcopprot.h"
}

namespace dap {

inline PlannedStmt* plan_query(Query* query, const char* sql) {
#if PG_VERSION_NUM >= 190000
  return pg_plan_query(query, sql, CURSOR_OPT_PARALLEL_OK, nullptr, nullptr);
#else
  return pg_plan_query(query, sql, CURSOR_OPT_PARALLEL_OK, nullptr);
#endif
}

inline void run_to_end(QueryDesc* desc) {
#if PG_VERSION_NUM >= 180000
  ExecutorRun(desc, ForwardScanDirection, 0);
#else
  ExecutorRun(desc, ForwardScanDirection, 0, true);
#endif
}

// A query without permissions to check.
inline void drop_permissions(Query* query) {
#if PG_VERSION_NUM >= 160000
  query->rteperminfos = NIL;
#else
  (void)query;
#endif
}

}  // namespace dap
