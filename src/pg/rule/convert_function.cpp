// dap_internal.convert: one text by one rule, for tests and for people who ask why a value was refused.
#include <cstring>

#include "pg/rule/column_rule.h"

namespace dap {

namespace {

// A call site's last rule; a query converts many texts by the same one.
struct ConvertCache {
  MemoryContext context;
  ColumnRule* rule;  // NULL while there is none
  Jsonb* definition;
};

const ColumnRule* cached_rule(FunctionCallInfo fcinfo, Jsonb* definition) {
  auto* cache = static_cast<ConvertCache*>(fcinfo->flinfo->fn_extra);
  if (cache == nullptr) {
    cache = static_cast<ConvertCache*>(MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ConvertCache)));
    cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "dap conversion rule", ALLOCSET_SMALL_SIZES);
    fcinfo->flinfo->fn_extra = cache;
  }
  const Size size = VARSIZE(definition);
  if (cache->rule != nullptr && VARSIZE(cache->definition) == size && memcmp(cache->definition, definition, size) == 0)
    return cache->rule;

  cache->rule = nullptr;
  MemoryContextReset(cache->context);
  MemoryContext caller = MemoryContextSwitchTo(cache->context);
  cache->definition = static_cast<Jsonb*>(palloc(size));
  memcpy(cache->definition, definition, size);
  cache->rule = compile_column_rule(read_column_rule(cache->definition), false);
  MemoryContextSwitchTo(caller);
  return cache->rule;
}

// The value's text in ISO form, UTC and shortest digits, whatever the session's settings are.
char* value_text(Oid type, Datum value) {
  char buffer[MAXDATELEN + 1];
  struct pg_tm civil = {};
  fsec_t fraction = 0;
  switch (type) {
    case DATEOID:
      j2date(DatumGetDateADT(value) + POSTGRES_EPOCH_JDATE, &civil.tm_year, &civil.tm_mon, &civil.tm_mday);
      EncodeDateOnly(&civil, USE_ISO_DATES, buffer);
      return pstrdup(buffer);
    case TIMESTAMPOID:
      if (timestamp2tm(DatumGetTimestamp(value), nullptr, &civil, &fraction, nullptr, nullptr) != 0) break;
      EncodeDateTime(&civil, fraction, false, 0, nullptr, USE_ISO_DATES, buffer);
      return pstrdup(buffer);
    case TIMESTAMPTZOID:
      if (timestamp2tm(DatumGetTimestampTz(value), nullptr, &civil, &fraction, nullptr, nullptr) != 0) break;
      civil.tm_isdst = 0;  // known, so that the offset is shown
      EncodeDateTime(&civil, fraction, true, 0, nullptr, USE_ISO_DATES, buffer);
      return pstrdup(buffer);
    case FLOAT8OID: {
      char digits[DOUBLE_SHORTEST_DECIMAL_LEN];
      double_to_shortest_decimal_buf(DatumGetFloat8(value), digits);
      return pstrdup(digits);
    }
    case FLOAT4OID: {
      char digits[FLOAT_SHORTEST_DECIMAL_LEN];
      float_to_shortest_decimal_buf(DatumGetFloat4(value), digits);
      return pstrdup(digits);
    }
    default: {
      Oid output = InvalidOid;
      bool is_varlena = false;
      getTypeOutputInfo(type, &output, &is_varlena);
      return OidOutputFunctionCall(output, value);
    }
  }
  ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
}

}  // namespace

}  // namespace dap

DAP_FUNCTION(dap_convert) {
  TupleDesc descriptor = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("function returning record called in context that cannot accept type record")));
  }
  if (PG_ARGISNULL(1)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the rule must not be null")));
  }
  const dap::ColumnRule* rule = dap::cached_rule(fcinfo, PG_GETARG_JSONB_P(1));
  const bool is_null = PG_ARGISNULL(0);
  text* input = is_null ? nullptr : PG_GETARG_TEXT_PP(0);
  const dap::ConvertResult result = dap::convert_value(
      rule, is_null ? nullptr : VARDATA_ANY(input), is_null ? 0 : static_cast<int>(VARSIZE_ANY_EXHDR(input)), is_null);

  Datum values[4] = {BoolGetDatum(result.reason == dap::Reason::none), 0, 0, 0};
  bool nulls[4] = {false, true, true, true};
  if (result.reason != dap::Reason::none) {
    values[2] = CStringGetTextDatum(dap::reason_code(result.reason));
    values[3] = CStringGetTextDatum(dap::reason_words(result.reason));
    nulls[2] = nulls[3] = false;
  } else if (!result.is_null) {
    values[1] = CStringGetTextDatum(dap::value_text(dap::rule_type(rule), result.value));
    nulls[1] = false;
  }
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
