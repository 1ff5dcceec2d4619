// dap.top_n: sums by key while rows come in.
#include <new>

#include "pg/aggregate/call_context.h"
#include "pg/aggregate/numeric_value.h"
#include "pg/aggregate/top_n.h"

#include "bridge/engine_call.h"

namespace dap::aggregate {

namespace {

using top::Amount;
using top::Entry;
using top::KeyKind;

MemoryContext aggregate_context(FunctionCallInfo fcinfo) {
  MemoryContext context = nullptr;
  if (AggCheckCallContext(fcinfo, &context) == 0) raise_not_aggregate();
  return context;
}

// The row's state, made with the first row, after a check of its n.
TopState* state_of_row(FunctionCallInfo fcinfo, KeyKind kind) {
  auto* state = PG_ARGISNULL(0) ? nullptr : reinterpret_cast<TopState*>(PG_GETARG_POINTER(0));
  if (state != nullptr && !PG_ARGISNULL(3) && PG_GETARG_INT32(3) == state->wanted) return state;
  if (PG_ARGISNULL(3))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the number of items must not be null"),
                    errhint("dap.top_n(key, amount, 5) gives the first five.")));
  const int32 wanted = PG_GETARG_INT32(3);
  if (wanted < 0)
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("the number of items must not be negative"),
                    errhint("dap.top_n(key, amount, 5) gives the first five.")));
  if (state != nullptr)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("the number of items is not the same in all rows of a group"),
                    errhint("Ask for the most that is needed, and take the first of them.")));
  return new_top_state(aggregate_context(fcinfo), kind, wanted);
}

void add_row(FunctionCallInfo fcinfo, TopState* state, Entry* entry) {
  Amount* amount = &entry->amount;
  // Read where it lies, with its short header if it has one.
  varlena* stored = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(2));
  const auto* data = reinterpret_cast<const unsigned char*>(VARDATA_ANY(stored));
  const int scale = top::numeric_scale(data);
  if (scale > amount->scale) amount->scale = static_cast<uint16>(scale);
  if (!top::add_decimal(amount, quantile::read_numeric(data, VARSIZE_ANY_EXHDR(stored))))
    add_rest(amount, PointerGetDatum(stored), state->context);
  if (reinterpret_cast<Pointer>(stored) != DatumGetPointer(PG_GETARG_DATUM(2))) pfree(stored);
}

}  // namespace

TopState* new_top_state(MemoryContext context, KeyKind kind, int32 wanted) {
  auto* state = static_cast<TopState*>(MemoryContextAllocZero(context, sizeof(TopState)));
  state->table.kind = kind;
  state->wanted = wanted;
  state->context = context;
  new (state->memory_place) ContextMemory(context);
  return state;
}

void add_rest(Amount* amount, Datum numeric, MemoryContext context) {
  // The sum is made in the caller's short-lived memory and copied: nothing of it stays behind in the state's.
  Datum sum = numeric;
  if (amount->rest != nullptr) sum = DirectFunctionCall2(numeric_add, PointerGetDatum(amount->rest), numeric);
  varlena* plain = pg_detoast_datum(reinterpret_cast<varlena*>(DatumGetPointer(sum)));
  const Size size = VARSIZE(plain);
  void* kept = MemoryContextAlloc(context, size);
  memcpy(kept, plain, size);
  if (amount->rest != nullptr) pfree(amount->rest);
  amount->rest = kept;
}

Datum units_numeric(quantile::Int128 units, int groups, int scale) {
  char fixed[256];
  char* text = scale <= 200 ? fixed : static_cast<char*>(palloc(top::units_text_size + static_cast<Size>(scale)));
  top::units_text(units, groups, scale, text);
  const Datum numeric = text_numeric(text);
  if (text != fixed) pfree(text);
  return numeric;
}

void add_amount(Amount* into, const Amount& from, MemoryContext context) {
  if (from.scale > into->scale) into->scale = from.scale;
  if (!top::add_units(into, from.units, from.groups))
    add_rest(into, units_numeric(from.units, from.groups, 4 * from.groups), context);
  if (from.rest != nullptr) add_rest(into, PointerGetDatum(from.rest), context);
}

Datum amount_numeric(const Amount& amount) {
  const Datum units = units_numeric(amount.units, amount.groups, amount.scale);
  return amount.rest == nullptr ? units : DirectFunctionCall2(numeric_add, units, PointerGetDatum(amount.rest));
}

}  // namespace dap::aggregate

// (internal, bigint key, numeric amount, integer n) -> internal
DAP_FUNCTION(dap_top_n_add_number) {
  using namespace dap::aggregate;
  TopState* state = state_of_row(fcinfo, dap::top::KeyKind::number);
  if (PG_ARGISNULL(2)) PG_RETURN_POINTER(state);
  dap::top::Entry* entry = nullptr;
  const bool is_null = PG_ARGISNULL(1);
  const int64 key = is_null ? 0 : PG_GETARG_INT64(1);
  const dap::EngineFault fault = dap::try_engine([&] {
    entry = is_null ? dap::top::entry_of_null(&state->table, state->memory())
                    : dap::top::entry_of(&state->table, key, state->memory());
  });
  dap::raise_engine_fault(fault, "dap.top_n");
  add_row(fcinfo, state, entry);
  PG_RETURN_POINTER(state);
}

// (internal, text key, numeric amount, integer n) -> internal
DAP_FUNCTION(dap_top_n_add_text) {
  using namespace dap::aggregate;
  TopState* state = state_of_row(fcinfo, dap::top::KeyKind::text);
  if (PG_ARGISNULL(2)) PG_RETURN_POINTER(state);
  dap::top::Entry* entry = nullptr;
  varlena* key = PG_ARGISNULL(1) ? nullptr : PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(1));
  const dap::EngineFault fault = dap::try_engine([&] {
    entry = key == nullptr ? dap::top::entry_of_null(&state->table, state->memory())
                           : dap::top::entry_of(&state->table, reinterpret_cast<const unsigned char*>(VARDATA_ANY(key)),
                                                static_cast<uint32>(VARSIZE_ANY_EXHDR(key)), state->memory());
  });
  dap::raise_engine_fault(fault, "dap.top_n");
  if (key != nullptr && reinterpret_cast<Pointer>(key) != DatumGetPointer(PG_GETARG_DATUM(1))) pfree(key);
  add_row(fcinfo, state, entry);
  PG_RETURN_POINTER(state);
}
