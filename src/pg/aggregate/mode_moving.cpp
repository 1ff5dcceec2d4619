// dap.mode over a window's moving frame: how often each value is there, and the values ranked by it.
#include <algorithm>
#include <new>

#include "pg/aggregate/call_context.h"
#include "pg/aggregate/mode.h"

#include "bridge/engine_call.h"

namespace dap::aggregate {

namespace {

using quantile::Kind;
using quantile::MovingSample;
using quantile::Value;

struct MovingMode {
  MovingSample sample;
  MovingSample ranking;    // of each different value once: minus its times as key, the value as sortable bytes
  MovingSample intervals;  // as they are: in the two others their spans stand for them
  Kind kind;
  uint8 groups;
  bool scale_known;
  alignas(ContextMemory) char memory_place[sizeof(ContextMemory)];
  std::pmr::memory_resource* memory() { return reinterpret_cast<ContextMemory*>(memory_place); }
};

// A value's place in the ranking, but for the times; its bytes stand in `place` or are palloc'd.
Value ranking_value(const Value& value, void* place) {
  const uint32 length = sortable_key + (value.bytes != nullptr ? value.bytes->length : 0);
  void* room = sizeof(quantile::Bytes) + length <= bytes_at_hand ? place : palloc(sizeof(quantile::Bytes) + length);
  auto* bytes = new (room) quantile::Bytes{length};
  write_sortable_key(value.key, bytes->data());
  if (value.bytes != nullptr) memcpy(bytes->data() + sortable_key, value.bytes->data(), value.bytes->length);
  return {0, bytes};
}

// Adds one to a value's times, or takes one away; false if it is not there.
bool change(MovingMode* state, Datum argument, bool adds) {
  alignas(8) char place[bytes_at_hand], ranking_place[bytes_at_hand];
  alignas(8) char span_place[sizeof(quantile::Bytes) + quantile::interval_span];
  const Value given = read_value(state->kind, argument, &state->groups, &state->scale_known, place);
  Value value = given;
  const bool is_interval = state->kind == Kind::interval;
  if (is_interval) {
    auto* span = new (span_place) quantile::Bytes{quantile::interval_span};
    memcpy(span->data(), given.bytes->data(), quantile::interval_span);
    value.bytes = span;
  }
  Value ranked = ranking_value(value, ranking_place);
  bool there = true;
  const EngineFault fault = try_engine([&] {
    if (is_interval) {
      if (adds) quantile::moving_add(&state->intervals, given, state->memory());
      else there = quantile::moving_remove(&state->intervals, given, state->memory());
      if (!there) return;
    }
    const auto times = static_cast<int64>(quantile::moving_times(state->sample, value));
    if (!adds && times == 0) {
      there = false;
      return;
    }
    ranked.key = -times;
    if (times > 0) quantile::moving_remove(&state->ranking, ranked, state->memory());
    ranked.key = adds ? ranked.key - 1 : ranked.key + 1;
    if (ranked.key != 0) quantile::moving_add(&state->ranking, ranked, state->memory());
    if (adds) quantile::moving_add(&state->sample, value, state->memory());
    else quantile::moving_remove(&state->sample, value, state->memory());
  });
  raise_engine_fault(fault, "dap.mode");
  return there;
}

// The first of the intervals with a span.
Value interval_of_span(const MovingSample& intervals, const Value& span) {
  uint64 low = 0, high = quantile::moving_count(intervals) - 1;
  while (low < high) {
    const uint64 middle = low + (high - low) / 2;
    if (memcmp(quantile::moving_at(intervals, middle).bytes->data(), span.bytes->data(), quantile::interval_span) < 0)
      low = middle + 1;
    else high = middle;
  }
  return quantile::moving_at(intervals, low);
}

MovingMode* begin(FunctionCallInfo fcinfo) {
  MemoryContext context = nullptr;
  if (AggCheckCallContext(fcinfo, &context) == 0) raise_not_aggregate();
  auto* state = static_cast<MovingMode*>(MemoryContextAllocZero(context, sizeof(MovingMode)));
  state->kind = call_site(fcinfo)->kind;
  new (state->memory_place) ContextMemory(context);
  return state;
}

}  // namespace

}  // namespace dap::aggregate

// (internal, value) -> internal
DAP_FUNCTION(dap_mode_moving_add) {
  using namespace dap::aggregate;
  auto* state = PG_ARGISNULL(0) ? begin(fcinfo) : reinterpret_cast<MovingMode*>(PG_GETARG_POINTER(0));
  if (!PG_ARGISNULL(1)) change(state, PG_GETARG_DATUM(1), true);
  PG_RETURN_POINTER(state);
}

// The same arguments; NULL, which makes the server start the frame over, when the value is not there (a volatile
// argument).
DAP_FUNCTION(dap_mode_moving_remove) {
  using namespace dap::aggregate;
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  auto* state = reinterpret_cast<MovingMode*>(PG_GETARG_POINTER(0));
  if (!PG_ARGISNULL(1) && !change(state, PG_GETARG_DATUM(1), false)) PG_RETURN_NULL();
  PG_RETURN_POINTER(state);
}

DAP_FUNCTION(dap_mode_moving_final) {
  using namespace dap::aggregate;
  if (AggCheckCallContext(fcinfo, nullptr) == 0) raise_not_aggregate();
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  const auto* state = reinterpret_cast<const MovingMode*>(PG_GETARG_POINTER(0));
  if (dap::quantile::moving_count(state->ranking) == 0) PG_RETURN_NULL();
  const dap::quantile::Bytes* bytes = dap::quantile::moving_at(state->ranking, 0).bytes;
  dap::quantile::Value value = sortable_value(bytes->data(), bytes->length);
  if (state->kind == dap::quantile::Kind::interval) value = interval_of_span(state->intervals, value);
  return value_datum(state->kind, state->groups, value);
}
