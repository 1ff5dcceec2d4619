#include "bridge/type_text.h"

extern "C" {
#include "catalog/pg_collation.h"
}

namespace dap {
namespace {

char* collation_schema(Oid collation) {
  HeapTuple tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for collation %u", collation);
  char* schema = get_namespace_name(reinterpret_cast<Form_pg_collation>(GETSTRUCT(tuple))->collnamespace);
  ReleaseSysCache(tuple);
  return schema;
}

}  // namespace

char* type_text(Oid type, int32 typmod, Oid collation) {
  // Also without a modifier it is given: "character" alone would be character(1), not bpchar.
  char* text = format_type_extended(type, typmod, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
  if (!OidIsValid(collation) || collation == get_typcollation(type)) return text;
  return psprintf("%s COLLATE %s", text,
                  quote_qualified_identifier(collation_schema(collation), get_collation_name(collation)));
}

}  // namespace dap
