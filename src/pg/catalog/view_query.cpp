#include "pg/catalog/view_query.h"

extern "C" {
#include "catalog/pg_collation.h"
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

char* collation_schema(Oid collation) {
  HeapTuple tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for collation %u", collation);
  char* schema = get_namespace_name(reinterpret_cast<Form_pg_collation>(GETSTRUCT(tuple))->collnamespace);
  ReleaseSysCache(tuple);
  return schema;
}

}  // namespace dap
