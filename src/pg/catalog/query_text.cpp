#include "pg/catalog/query_text.h"

#include "bridge/pg.h"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace dap {

char* statement_text(const char* query) {
  List* statements = pg_parse_query(query);
  if (list_length(statements) != 1)
    ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("a model's query must be exactly one SELECT")));
  RawStmt* statement = linitial_node(RawStmt, statements);
  const char* start = query + statement->stmt_location;
  return statement->stmt_len > 0 ? pnstrdup(start, static_cast<Size>(statement->stmt_len)) : pstrdup(start);
}

}  // namespace dap
