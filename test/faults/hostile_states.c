/*
 * A module of the test of hostile states: it damages states of an aggregate, and gives them to the aggregate's own
 * deserialize, combine, serialize and final function in a node of the executor, each in a subtransaction. What is taken
 * must give the same answer after it was sent on.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

PG_MODULE_MAGIC;

typedef enum Outcome { refused, internal, same, different, outcomes } Outcome;

typedef struct Functions {
  Oid aggregate;
  FmgrInfo deserialize, combine, serialize, final;
  FmgrInfo output;
} Functions;

typedef struct Damage {
  unsigned char* data;
  Size size;
} Damage;

static Functions* functions_of(FunctionCallInfo fcinfo, Oid aggregate) {
  Functions* functions = (Functions*)fcinfo->flinfo->fn_extra;
  HeapTuple tuple;
  Form_pg_aggregate form;
  Oid output;
  bool varlena;

  if (functions != NULL && functions->aggregate == aggregate) return functions;
  functions = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Functions));
  tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggregate));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "no such aggregate");
  form = (Form_pg_aggregate)GETSTRUCT(tuple);
  fmgr_info_cxt(form->aggdeserialfn, &functions->deserialize, fcinfo->flinfo->fn_mcxt);
  fmgr_info_cxt(form->aggcombinefn, &functions->combine, fcinfo->flinfo->fn_mcxt);
  fmgr_info_cxt(form->aggserialfn, &functions->serialize, fcinfo->flinfo->fn_mcxt);
  fmgr_info_cxt(form->aggfinalfn, &functions->final, fcinfo->flinfo->fn_mcxt);
  getTypeOutputInfo(get_func_rettype(form->aggfinalfn), &output, &varlena);
  fmgr_info_cxt(output, &functions->output, fcinfo->flinfo->fn_mcxt);
  ReleaseSysCache(tuple);
  functions->aggregate = aggregate;
  fcinfo->flinfo->fn_extra = functions;
  return functions;
}

static Datum call(FunctionCallInfo outer, FmgrInfo* function, NullableDatum a, NullableDatum b, bool* null) {
  LOCAL_FCINFO(fcinfo, 2);
  Datum result;

  InitFunctionCallInfoData(*fcinfo, function, function->fn_nargs, InvalidOid, outer->context, NULL);
  fcinfo->args[0] = a;
  fcinfo->args[1] = b;
  result = FunctionCallInvoke(fcinfo);
  *null = fcinfo->isnull;
  return result;
}

static NullableDatum value(Datum datum) {
  NullableDatum result = {datum, false};

  return result;
}

static const NullableDatum nothing = {(Datum)0, true};

/* The state that a state and an image together are. */
static NullableDatum combined(FunctionCallInfo outer, Functions* functions, NullableDatum state, bytea* image) {
  bool null;
  Datum other = call(outer, &functions->deserialize, value(PointerGetDatum(image)), nothing, &null);
  Datum sum = call(outer, &functions->combine, state, value(other), &null);

  return value(sum);
}

static char* answer(FunctionCallInfo outer, Functions* functions, NullableDatum state) {
  bool null;
  Datum result = call(outer, &functions->final, state, nothing, &null);

  return null ? NULL : OutputFunctionCall(&functions->output, result);
}

typedef struct Sending {
  FunctionCallInfo outer;
  Functions* functions;
  bytea *damaged, *beside;
} Sending;

/* Whether the damaged state, alone or beside a good one, is what it is after it was sent on. */
static bool is_sent(void* argument) {
  Sending* sending = (Sending*)argument;
  FunctionCallInfo outer = sending->outer;
  Functions* functions = sending->functions;
  bytea* beside = sending->beside;
  NullableDatum state = beside != NULL ? combined(outer, functions, nothing, beside) : nothing;
  NullableDatum again;
  bytea* sent;
  bool null;
  char *first, *second;

  state = combined(outer, functions, state, sending->damaged);
  sent = DatumGetByteaPP(call(outer, &functions->serialize, state, nothing, &null));
  again = combined(outer, functions, nothing, sent);
  second = answer(outer, functions, again);
  first = answer(outer, functions, state);
  return first == NULL || second == NULL ? first == second : strcmp(first, second) == 0;
}

static uint64 below(pg_prng_state* random, uint64 end) { return pg_prng_uint64_range(random, 0, end - 1); }

/* Replaces `taken` bytes at `at` by `given` others. */
static void splice(Damage* damage, Size at, Size taken, const unsigned char* bytes, Size given) {
  unsigned char* data = palloc(damage->size - taken + given + 1);

  memcpy(data, damage->data, at);
  memcpy(data + at, bytes, given);
  memcpy(data + at + given, damage->data + at + taken, damage->size - at - taken);
  damage->data = data;
  damage->size = damage->size - taken + given;
}

static void hurt(Damage* damage, const bytea* other, pg_prng_state* random) {
  static const uint64 numbers[] = {0,
                                   1,
                                   2,
                                   7,
                                   8,
                                   100,
                                   127,
                                   128,
                                   255,
                                   256,
                                   10000,
                                   65535,
                                   65536,
                                   0x7fffffff,
                                   0x80000000,
                                   0xffffffff,
                                   UINT64CONST(1) << 40,
                                   PG_INT64_MAX,
                                   UINT64CONST(1) << 63,
                                   PG_UINT64_MAX,
                                   UINT64CONST(0x7ff0000000000000),
                                   UINT64CONST(0x7ff8000000000000)};
  /* Anywhere, among the numbers in front, in the few bytes that say what it is, or among the values. */
  static const Size from_to[][2] = {{0, SIZE_MAX}, {0, 60}, {5, 9}, {40, SIZE_MAX}};
  const Size* range = from_to[below(random, lengthof(from_to))];
  Size end = Min(damage->size, range[1]);
  Size begin = end > range[0] ? range[0] : 0;
  Size at = end == 0 ? 0 : begin + below(random, end - begin);
  Size left = damage->size - at;
  uint64 number = numbers[below(random, lengthof(numbers))];
  unsigned char byte = (unsigned char)(below(random, 3) == 0 ? number : below(random, 256));
  Size length, from;

  if (damage->size == 0) {
    splice(damage, 0, 0, &byte, 1);
    return;
  }
  switch (below(random, 9)) {
    case 0:
    case 1: damage->data[at] = byte; break;
    case 2: damage->data[at] ^= (unsigned char)(1 << below(random, 8)); break;
    case 3: splice(damage, at, 0, &byte, 1); break;
    case 4: splice(damage, at, 1 + below(random, Min(left, 9)), &byte, 0); break;
    case 5: /* a number of 2, 4 or 8 bytes */
      length = (Size)2 << below(random, 3);
      memcpy(damage->data + at, &number, Min(length, left));
      break;
    case 6: damage->size = at; break;
    case 7: /* a piece of itself again */
      length = 1 + below(random, left);
      from = below(random, damage->size);
      splice(damage, from, 0, damage->data + at, length);
      break;
    default: /* a piece of another state */
      length = VARSIZE_ANY_EXHDR(other);
      from = below(random, length);
      splice(damage, at, 0, (const unsigned char*)VARDATA_ANY(other) + from, 1 + below(random, length - from));
  }
}

/* Mends the number of values in the header of an order statistic's state, so that the damage is not told by it. */
static void mend(Damage* damage) {
  unsigned char* at = damage->data;
  unsigned char* end = damage->data + damage->size;
  unsigned char* total_at;
  uint64 total = 0;
  uint32 fraction_bytes;

  if (damage->size < 21 || memcmp(at, "DAPQ\1", 5) != 0) return;
  memcpy(&fraction_bytes, at + 9, 4);
  if (fraction_bytes > damage->size - 21) return;
  total_at = at + 13 + fraction_bytes;
  at = total_at + 8;
  while (at < end) {
    int tag = *at;
    Size header = tag == 1 ? 22 : tag == 2 ? 29 : tag == 3 || tag == 4 ? 17 : damage->size;
    uint64 count, bytes;

    if ((Size)(end - at) < header) return;
    memcpy(&count, at + (tag == 1 ? 14 : tag == 2 ? 13 : 1), 8);
    memcpy(&bytes, at + header - 8, 8);
    if (tag == 1) bytes = count > damage->size ? count : at[1] * count;
    at += header;
    if (bytes > (Size)(end - at)) return;
    if (tag == 2) {
      uint64 slot = 0;
      int shift = 0;

      for (Size i = 0; i < bytes; i++) {
        slot |= (uint64)(at[i] & 0x7f) << shift;
        shift = at[i] < 0x80 ? 0 : Min(shift + 7, 56);
        if (shift == 0) {
          total += slot;
          slot = 0;
        }
      }
    } else total += count;
    at += bytes;
  }
  /* Many values take long, and show nothing that a few do not. */
  if (total <= 100000) memcpy(total_at, &total, 8);
}

static bytea* damaged_bytes(const bytea* image, const bytea* other, bool is_state, pg_prng_state* random) {
  Damage damage = {palloc(VARSIZE_ANY_EXHDR(image) + 1), VARSIZE_ANY_EXHDR(image)};
  bytea* result;

  memcpy(damage.data, VARDATA_ANY(image), damage.size);
  for (uint64 times = below(random, 64) == 0 ? 0 : 1 + below(random, 3); times > 0; times--)
    hurt(&damage, other, random);
  if (is_state && below(random, 4) != 0) mend(&damage);
  result = palloc(VARHDRSZ + damage.size);
  SET_VARSIZE(result, VARHDRSZ + damage.size);
  memcpy(VARDATA(result), damage.data, damage.size);
  return result;
}

/* Calls `is_same` in a subtransaction of its own. */
static Outcome attempt(bool (*is_same)(void*), void* argument) {
  MemoryContext caller = CurrentMemoryContext;
  ResourceOwner owner = CurrentResourceOwner;
  volatile Outcome outcome = refused;

  BeginInternalSubTransaction(NULL);
  MemoryContextSwitchTo(caller);
  PG_TRY();
  {
    outcome = is_same(argument) ? same : different;
    ReleaseCurrentSubTransaction();
  }
  PG_CATCH();
  {
    ErrorData* error;

    MemoryContextSwitchTo(caller);
    error = CopyErrorData();
    FlushErrorState();
    /* A state must not keep the server busy for long either. */
    if (error->sqlerrcode == ERRCODE_INTERNAL_ERROR || error->sqlerrcode == ERRCODE_QUERY_CANCELED) {
      outcome = internal;
      elog(LOG, "a damaged state ends with: %s", error->message);
    }
    RollbackAndReleaseCurrentSubTransaction();
  }
  PG_END_TRY();
  MemoryContextSwitchTo(caller);
  CurrentResourceOwner = owner;
  return outcome;
}

static void report(Outcome outcome, bytea* damaged) {
  if (outcome == different || outcome == internal)
    elog(LOG, "%s: %s", outcome == different ? "not the same" : "internal error",
         TextDatumGetCString(DirectFunctionCall2(binary_encode, PointerGetDatum(damaged), CStringGetTextDatum("hex"))));
}

PG_FUNCTION_INFO_V1(hostile_add);
PG_FUNCTION_INFO_V1(hostile_final);
PG_FUNCTION_INFO_V1(hostile_receive);

/* (internal, aggregate oid, image bytea, other bytea, seed bigint, rounds integer) -> internal: counts of outcomes */
Datum hostile_add(PG_FUNCTION_ARGS) {
  Functions* functions = functions_of(fcinfo, PG_GETARG_OID(1));
  bytea* image = PG_GETARG_BYTEA_PP(2);
  bytea* other = PG_GETARG_BYTEA_PP(3);
  MemoryContext aggregate_context;
  MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "hostile states", ALLOCSET_DEFAULT_SIZES);
  MemoryContext caller = CurrentMemoryContext;
  pg_prng_state random;
  int64* counts;

  if (AggCheckCallContext(fcinfo, &aggregate_context) == 0) elog(ERROR, "not an aggregate");
  counts = PG_ARGISNULL(0) ? MemoryContextAllocZero(aggregate_context, sizeof(int64) * outcomes)
                           : (int64*)PG_GETARG_POINTER(0);
  pg_prng_seed(&random, (uint64)PG_GETARG_INT64(4));
  for (int32 i = 0; i < PG_GETARG_INT32(5); i++) {
    Sending sending = {fcinfo, functions, NULL, NULL};
    Outcome outcome;

    CHECK_FOR_INTERRUPTS();
    MemoryContextSwitchTo(scratch);
    sending.damaged = damaged_bytes(image, other, true, &random);
    sending.beside = below(&random, 2) == 0 ? NULL : below(&random, 2) == 0 ? image : other;
    outcome = attempt(is_sent, &sending);
    counts[outcome]++;
    report(outcome, sending.damaged);
    MemoryContextSwitchTo(caller);
    MemoryContextReset(scratch);
  }
  MemoryContextDelete(scratch);
  PG_RETURN_POINTER(counts);
}

static Datum counts_array(const int64* counts) {
  Datum numbers[outcomes];

  for (int i = 0; i < outcomes; i++) numbers[i] = Int64GetDatum(counts[i]);
  return PointerGetDatum(construct_array(numbers, outcomes, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* (internal) -> bigint[]: refused, internal errors, the same, different */
Datum hostile_final(PG_FUNCTION_ARGS) { PG_RETURN_DATUM(counts_array((int64*)PG_GETARG_POINTER(0))); }

typedef struct Receiving {
  FmgrInfo receive, send, in, out;
  bytea* damaged;
} Receiving;

/* Whether the damaged bytes are taken as they are, and come back from their text. */
static bool is_received(void* argument) {
  Receiving* receiving = (Receiving*)argument;
  bytea* damaged = receiving->damaged;
  StringInfoData message;
  Datum taken;
  bytea* sent;

  initStringInfo(&message);
  appendBinaryStringInfo(&message, VARDATA_ANY(damaged), VARSIZE_ANY_EXHDR(damaged));
  taken = ReceiveFunctionCall(&receiving->receive, &message, InvalidOid, -1);
  sent = SendFunctionCall(&receiving->send, taken);
  if (VARSIZE(sent) != VARSIZE(damaged) || memcmp(sent, damaged, VARSIZE(sent)) != 0) return false;
  taken = InputFunctionCall(&receiving->in, OutputFunctionCall(&receiving->out, taken), InvalidOid, -1);
  sent = SendFunctionCall(&receiving->send, taken);
  return VARSIZE(sent) == VARSIZE(damaged) && memcmp(sent, damaged, VARSIZE(sent)) == 0;
}

/* (type oid, image bytea, other bytea, seed bigint, rounds integer) -> bigint[] */
Datum hostile_receive(PG_FUNCTION_ARGS) {
  bytea* image = PG_GETARG_BYTEA_PP(1);
  bytea* other = PG_GETARG_BYTEA_PP(2);
  MemoryContext caller = CurrentMemoryContext;
  MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "hostile bytes", ALLOCSET_DEFAULT_SIZES);
  Receiving receiving;
  pg_prng_state random;
  int64 counts[outcomes] = {0};
  Oid function, io;
  bool varlena;

  getTypeBinaryInputInfo(PG_GETARG_OID(0), &function, &io);
  fmgr_info(function, &receiving.receive);
  getTypeBinaryOutputInfo(PG_GETARG_OID(0), &function, &varlena);
  fmgr_info(function, &receiving.send);
  getTypeInputInfo(PG_GETARG_OID(0), &function, &io);
  fmgr_info(function, &receiving.in);
  getTypeOutputInfo(PG_GETARG_OID(0), &function, &varlena);
  fmgr_info(function, &receiving.out);
  pg_prng_seed(&random, (uint64)PG_GETARG_INT64(3));
  for (int32 i = 0; i < PG_GETARG_INT32(4); i++) {
    Outcome outcome;

    CHECK_FOR_INTERRUPTS();
    MemoryContextSwitchTo(scratch);
    receiving.damaged = damaged_bytes(image, other, false, &random);
    outcome = attempt(is_received, &receiving);
    counts[outcome]++;
    report(outcome, receiving.damaged);
    MemoryContextSwitchTo(caller);
    MemoryContextReset(scratch);
  }
  MemoryContextDelete(scratch);
  PG_RETURN_DATUM(counts_array(counts));
}
