#include "pg/catalog/view_query.h"

extern "C" {
#include "rewrite/rewriteHandler.h"
}

namespace dap {

Query* view_query(Oid view) {
  Relation relation = table_open(view, AccessShareLock);
  Query* query = static_cast<Query*>(copyObjectImpl(get_view_query(relation)));
  // The lock stays: the definition must not change before the model is stored.
  table_close(relation, NoLock);
  return query;
}

}  // namespace dap
