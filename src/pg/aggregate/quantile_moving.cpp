// Aggregates over a window's moving frame: values come and go, an answer for every row.
#include <algorithm>

#include "pg/aggregate/call_context.h"
#include "pg/aggregate/quantile_state.h"

#include "bridge/engine_call.h"

namespace dap::aggregate {

namespace {

using quantile::Kind;
using quantile::MovingSample;
using quantile::Value;

struct MovingState {
  MovingSample sample;
  Kind kind;
  uint8 groups;
  bool scale_known;
  Fractions fractions;
  MemoryContext context;
  alignas(ContextMemory) char memory_place[sizeof(ContextMemory)];
  std::pmr::memory_resource* memory() { return reinterpret_cast<ContextMemory*>(memory_place); }
};

}  // namespace

Value read_value(Kind kind, Datum argument, uint8* groups, bool* scale_known, void* place) {
  if (kind == Kind::interval) {
    const Interval* interval = DatumGetIntervalP(argument);
    auto* bytes = new (place) quantile::Bytes{quantile::interval_length};
    const int64 key = quantile::write_interval({interval->time, interval->day, interval->month}, bytes->data());
    return {key, bytes};
  }
  if (kind != Kind::numeric) return {datum_key(kind, argument), nullptr};
  varlena* stored = PG_DETOAST_DATUM_PACKED(argument);
  const quantile::Decimal decimal =
      quantile::read_numeric(reinterpret_cast<const unsigned char*>(VARDATA_ANY(stored)), VARSIZE_ANY_EXHDR(stored));
  if (!*scale_known) {
    *groups = static_cast<uint8>(quantile::first_scale(decimal));
    *scale_known = true;
  }
  Value value{0, nullptr};
  int64_t key;
  const bool exact = quantile::decimal_key_fast(decimal, *groups, &key);
  value.key = key;
  if (!exact) {
    const uint32 length = quantile::decimal_bytes_length(decimal);
    void* room = sizeof(quantile::Bytes) + length <= bytes_at_hand ? place : palloc(sizeof(quantile::Bytes) + length);
    auto* bytes = new (room) quantile::Bytes{length};
    quantile::write_decimal_bytes(decimal, bytes->data());
    value.bytes = bytes;
  }
  return value;
}

namespace {

MovingState* begin(FunctionCallInfo fcinfo) {
  CallSite* site = call_site(fcinfo);
  MemoryContext context = nullptr;
  if (AggCheckCallContext(fcinfo, &context) == 0) raise_not_aggregate();
  auto* state = static_cast<MovingState*>(MemoryContextAllocZero(context, sizeof(MovingState)));
  state->kind = site->kind;
  state->context = context;
  new (state->memory_place) ContextMemory(context);
  if (site->has_fraction) take_fractions(fcinfo, 2, &state->fractions, true, context);
  return state;
}

void values_at(const RankSource* source, uint64* ranks, size_t rank_count, Value* values) {
  const auto* state = static_cast<const MovingState*>(source->state);
  for (size_t i = 0; i < rank_count; i++) values[i] = quantile::moving_at(state->sample, ranks[i]);
}

MovingState* final_state(FunctionCallInfo fcinfo) {
  if (AggCheckCallContext(fcinfo, nullptr) == 0) raise_not_aggregate();
  if (PG_ARGISNULL(0)) return nullptr;
  auto* state = reinterpret_cast<MovingState*>(PG_GETARG_POINTER(0));
  return quantile::moving_count(state->sample) == 0 || state->fractions.shape == quantile::Shape::null ? nullptr
                                                                                                       : state;
}

RankSource source_of(MovingState* state) {
  return {state->kind, state->groups, quantile::moving_count(state->sample), values_at, state};
}

}  // namespace

bool moving_source(FunctionCallInfo fcinfo, RankSource* source) {
  MovingState* state = final_state(fcinfo);
  if (state != nullptr) *source = source_of(state);
  return state != nullptr;
}

}  // namespace dap::aggregate

// (internal, value [, fraction or fractions]) -> internal
DAP_FUNCTION(dap_quantile_moving_add) {
  using namespace dap::aggregate;
  MovingState* state;
  if (PG_ARGISNULL(0)) {
    state = begin(fcinfo);
  } else {
    state = reinterpret_cast<MovingState*>(PG_GETARG_POINTER(0));
    // Never the first row: the server begins a new state instead of taking the last row out of one.
    if (state->fractions.shape != dap::quantile::Shape::none)
      take_fractions(fcinfo, 2, &state->fractions, false, state->context);
  }
  if (PG_ARGISNULL(1)) PG_RETURN_POINTER(state);
  alignas(8) char place[bytes_at_hand];
  const Value value = read_value(state->kind, PG_GETARG_DATUM(1), &state->groups, &state->scale_known, place);
  const dap::EngineFault fault =
      dap::try_engine([&] { dap::quantile::moving_add(&state->sample, value, state->memory()); });
  dap::raise_engine_fault(fault, "order statistics");
  PG_RETURN_POINTER(state);
}

// The same arguments; NULL, which makes the server start the frame over, when the value is not there (a volatile
// argument).
DAP_FUNCTION(dap_quantile_moving_remove) {
  using namespace dap::aggregate;
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  auto* state = reinterpret_cast<MovingState*>(PG_GETARG_POINTER(0));
  if (PG_ARGISNULL(1)) PG_RETURN_POINTER(state);
  alignas(8) char place[bytes_at_hand];
  const Value value = read_value(state->kind, PG_GETARG_DATUM(1), &state->groups, &state->scale_known, place);
  bool found = false;
  const dap::EngineFault fault =
      dap::try_engine([&] { found = dap::quantile::moving_remove(&state->sample, value, state->memory()); });
  dap::raise_engine_fault(fault, "order statistics");
  if (!found) PG_RETURN_NULL();
  PG_RETURN_POINTER(state);
}

DAP_FUNCTION(dap_median_moving_final) {
  using namespace dap::aggregate;
  MovingState* state = final_state(fcinfo);
  if (state == nullptr) PG_RETURN_NULL();
  return answer_one(source_of(state), 0.5, Statistic::continuous);
}

DAP_FUNCTION(dap_percentile_moving_final) {
  using namespace dap::aggregate;
  MovingState* state = final_state(fcinfo);
  if (state == nullptr) PG_RETURN_NULL();
  return answer_one(source_of(state), state->fractions.scalar, Statistic::continuous);
}

DAP_FUNCTION(dap_percentile_disc_moving_final) {
  using namespace dap::aggregate;
  MovingState* state = final_state(fcinfo);
  if (state == nullptr) PG_RETURN_NULL();
  return answer_one(source_of(state), state->fractions.scalar, Statistic::discrete);
}

DAP_FUNCTION(dap_percentiles_moving_final) {
  using namespace dap::aggregate;
  MovingState* state = final_state(fcinfo);
  if (state == nullptr) PG_RETURN_NULL();
  return answer_many(source_of(state), state->fractions.array);
}
