// Lets create_clean_model validate a column's rule before it stores it.

#include "bridge/pg.h"
#include "bridge/type_text.h"
#include "pg/rule/column_rule.h"

using namespace dap;

// dap_internal.check_rule(rule jsonb, is_key boolean, OUT name text, OUT source text, OUT type text)
DAP_FUNCTION(dap_check_rule) {
  TupleDesc descriptor;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "dap_internal.check_rule must return a row");
  BlessTupleDesc(descriptor);

  const ColumnRule* rule = compile_column_rule(read_column_rule(PG_GETARG_JSONB_P(0)), PG_GETARG_BOOL(1));
  Datum values[3] = {
      CStringGetTextDatum(rule_name(rule)), CStringGetTextDatum(rule_source(rule)),
      CStringGetTextDatum(type_text(rule_type(rule), rule_typmod(rule), get_typcollation(rule_type(rule))))};
  bool nulls[3] = {false, false, false};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}
