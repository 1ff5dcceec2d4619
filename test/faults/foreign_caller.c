/* Calls an aggregate's parts as an extension does that distributes aggregates: by function numbers, with an FmgrInfo
   that lives for one call and knows no parse tree. part(oid, arguments...): the serialized state; whole(oid, bytea,
   anyelement): the answer from such states. */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "fmgr.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

PG_MODULE_MAGIC;

typedef struct Box {
  Oid aggregate;
  NullableDatum state;
} Box;

static FormData_pg_aggregate parts_of(Oid aggregate) {
  HeapTuple tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggregate));
  FormData_pg_aggregate form;

  if (!HeapTupleIsValid(tuple)) elog(ERROR, "no aggregate %u", aggregate);
  memcpy(&form, GETSTRUCT(tuple), sizeof(form));
  ReleaseSysCache(tuple);
  return form;
}

static Box* box_of(FunctionCallInfo fcinfo) {
  MemoryContext context;
  Box* box;

  if (!PG_ARGISNULL(0)) return (Box*)PG_GETARG_POINTER(0);
  if (!AggCheckCallContext(fcinfo, &context)) elog(ERROR, "not called as an aggregate");
  box = MemoryContextAllocZero(context, sizeof(Box));
  box->aggregate = PG_GETARG_OID(1);
  box->state.isnull = true;
  return box;
}

static NullableDatum call(FunctionCallInfo outer, Oid function, int count, const NullableDatum* arguments) {
  LOCAL_FCINFO(inner, FUNC_MAX_ARGS);
  FmgrInfo info;
  NullableDatum result;

  fmgr_info(function, &info);
  InitFunctionCallInfoData(*inner, &info, count, outer->fncollation, outer->context, outer->resultinfo);
  memcpy(inner->args, arguments, count * sizeof(NullableDatum));
  result.value = FunctionCallInvoke(inner);
  result.isnull = inner->isnull;
  return result;
}

PG_FUNCTION_INFO_V1(part_add);
Datum part_add(PG_FUNCTION_ARGS) {
  Box* box = box_of(fcinfo);
  NullableDatum arguments[FUNC_MAX_ARGS];
  int count = PG_NARGS() - 2;

  arguments[0] = box->state;
  for (int i = 0; i < count; i++) arguments[i + 1] = fcinfo->args[i + 2];
  box->state = call(fcinfo, parts_of(box->aggregate).aggtransfn, count + 1, arguments);
  PG_RETURN_POINTER(box);
}

PG_FUNCTION_INFO_V1(part_final);
Datum part_final(PG_FUNCTION_ARGS) {
  Box* box = PG_ARGISNULL(0) ? NULL : (Box*)PG_GETARG_POINTER(0);

  if (box == NULL || box->state.isnull) PG_RETURN_NULL();
  PG_RETURN_DATUM(call(fcinfo, parts_of(box->aggregate).aggserialfn, 1, &box->state).value);
}

PG_FUNCTION_INFO_V1(whole_add);
Datum whole_add(PG_FUNCTION_ARGS) {
  Box* box = box_of(fcinfo);
  FormData_pg_aggregate parts = parts_of(box->aggregate);
  NullableDatum arguments[2] = {{.value = 0, .isnull = false}, {.value = 0, .isnull = false}};

  if (PG_ARGISNULL(2)) PG_RETURN_POINTER(box);
  arguments[0].value = PG_GETARG_DATUM(2);
  arguments[1] = call(fcinfo, parts.aggdeserialfn, 2, arguments);
  arguments[0] = box->state;
  box->state = call(fcinfo, parts.aggcombinefn, 2, arguments);
  PG_RETURN_POINTER(box);
}

PG_FUNCTION_INFO_V1(whole_final);
Datum whole_final(PG_FUNCTION_ARGS) {
  Box* box = PG_ARGISNULL(0) ? NULL : (Box*)PG_GETARG_POINTER(0);
  NullableDatum result;

  if (box == NULL || box->state.isnull) PG_RETURN_NULL();
  result = call(fcinfo, parts_of(box->aggregate).aggfinalfn, 1, &box->state);
  if (result.isnull) PG_RETURN_NULL();
  PG_RETURN_DATUM(result.value);
}
