#include "pg/aggregate/quantile_state.h"
#include "pg/aggregate/call_context.h"

#include <algorithm>
#include <new>

extern "C" {
#include "executor/nodeHash.h"
}

#include "bridge/engine_call.h"

namespace dap::aggregate {

using quantile::Kind;
using quantile::Shape;

namespace {

constexpr uint32 least_spilled = 256;  // fewer keys are not worth a write
constexpr uint64 least_wide_spilled = 16 * 1024;
constexpr uint32 remapped_keys = 16 * 1024;  // from here on an array grows where it is

Kind kind_of_type(Oid type) {
  switch (type) {
    case INT2OID: return Kind::int2;
    case INT4OID: return Kind::int4;
    case INT8OID: return Kind::int8;
    case NUMERICOID: return Kind::numeric;
    case FLOAT4OID: return Kind::float4;
    case FLOAT8OID: return Kind::float8;
    case DATEOID: return Kind::date;
    case TIMESTAMPOID: return Kind::timestamp;
    case TIMESTAMPTZOID: return Kind::timestamptz;
    case INTERVALOID: return Kind::interval;
    default: ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("order statistics of an unexpected type %u", type)));
  }
}

void close_pool(Datum argument) {
  auto* pool = reinterpret_cast<Pool*>(DatumGetPointer(argument));
  close_files(pool);
  pool->used = 0;
  pool->in_use = false;
}

}  // namespace

void* ContextMemory::do_allocate(std::size_t bytes, std::size_t) {
  if (bytes >= MaxAllocHugeSize) throw std::bad_alloc();
  void* pointer = MemoryContextAllocExtended(context_, bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}

void ContextMemory::do_deallocate(void* pointer, std::size_t, std::size_t) { pfree(pointer); }

CallSite* call_site(FunctionCallInfo fcinfo) {
  auto* site = static_cast<CallSite*>(fcinfo->flinfo->fn_extra);
  if (site != nullptr) return site;
  site = static_cast<CallSite*>(MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite)));
  Oid* types = nullptr;
  int count = 0;
  get_func_signature(fcinfo->flinfo->fn_oid, &types, &count);
  if (count >= 2 && types[0] == INTERNALOID && types[1] != INTERNALOID) site->kind = kind_of_type(types[1]);
  site->has_fraction = count == 3;
  fcinfo->flinfo->fn_extra = site;
  return site;
}

Pool* pool_of(FunctionCallInfo fcinfo, CallSite* site) {
  MemoryContext context = nullptr;
  const int called_as = AggCheckCallContext(fcinfo, &context);
  if (called_as == 0) raise_not_aggregate();
  Pool* pool = nullptr;
  if (called_as == AGG_CONTEXT_AGGREGATE) {
    for (pool = site->pools; pool != nullptr; pool = pool->next)
      if (pool->context == context) break;
    if (pool != nullptr && pool->in_use) return pool;
  }
  if (pool == nullptr) {
    // A window has one state at a time, whose pool goes with it.
    pool = static_cast<Pool*>(MemoryContextAllocZero(called_as == AGG_CONTEXT_AGGREGATE ? fcinfo->flinfo->fn_mcxt : context, sizeof(Pool)));
    pool->context = context;
    new (pool->memory_place) ContextMemory(context);
    pool->own = no_file;
    if (called_as == AGG_CONTEXT_AGGREGATE) {
      pool->next = site->pools;
      site->pools = pool;
    }
  }
  pool->may_spill = called_as == AGG_CONTEXT_AGGREGATE;
  // Only such a node is sure to be read by this process or by its leader. (Citus serializes on its own account, for another machine.)
  pool->agg = called_as == AGG_CONTEXT_AGGREGATE ? castNode(AggState, fcinfo->context) : nullptr;
  pool->hands_over = pool->agg != nullptr && DO_AGGSPLIT_SERIALIZE(pool->agg->aggsplit);
  pool->limit = get_hash_memory_limit();
  if (pool->may_spill) {
    AggRegisterCallback(fcinfo, close_pool, PointerGetDatum(pool));
    pool->in_use = true;
  }
  return pool;
}

QuantileState* new_state(Pool* pool, Kind kind) {
  auto* state = static_cast<QuantileState*>(MemoryContextAllocZero(pool->context, sizeof(QuantileState)));
  state->sample.kind = kind;
  state->pool = pool;
  pool->used += sizeof(QuantileState);
  return state;
}

void raise_fraction_range() {
  ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("fraction is not between 0 and 1"),
                  errhint("The 90th percentile is the fraction 0.9.")));
}

void check_fraction(float8 fraction) {
  if (!(fraction >= 0.0 && fraction <= 1.0)) raise_fraction_range();
}

[[noreturn]] static void raise_fraction_varies() {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("fraction is not the same in all rows of a group"),
                  errhint("Group by the fraction, or ask for several fractions at once with dap.percentiles().")));
}

static void check_array(ArrayType* array) {
  Datum* values = nullptr;
  bool* nulls = nullptr;
  int count = 0;
  deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls, &count);
  for (int i = 0; i < count; i++)
    if (!nulls[i]) check_fraction(DatumGetFloat8(values[i]));
}

void take_fractions(FunctionCallInfo fcinfo, int argument, Fractions* fractions, bool first, MemoryContext context) {
  const bool is_array = fractions->shape == Shape::array ||
                        (first && get_fn_expr_argtype(fcinfo->flinfo, argument) == FLOAT8ARRAYOID);
  if (PG_ARGISNULL(argument)) {
    if (!first && fractions->shape != Shape::null) raise_fraction_varies();
    fractions->shape = Shape::null;
    return;
  }
  if (!first && fractions->shape == Shape::null) raise_fraction_varies();
  if (is_array) {
    ArrayType* array = PG_GETARG_ARRAYTYPE_P(argument);
    if (!first) {
      if (VARSIZE(array) != VARSIZE(fractions->array) || memcmp(array, fractions->array, VARSIZE(array)) != 0) raise_fraction_varies();
    } else {
      check_array(array);
      fractions->array = static_cast<ArrayType*>(MemoryContextAlloc(context, VARSIZE(array)));
      memcpy(fractions->array, array, VARSIZE(array));
      fractions->shape = Shape::array;
    }
    if (reinterpret_cast<Pointer>(array) != PG_GETARG_POINTER(argument)) pfree(array);
    return;
  }
  const float8 fraction = PG_GETARG_FLOAT8(argument);
  if (first) {
    check_fraction(fraction);
    fractions->scalar = fraction;
    fractions->shape = Shape::scalar;
  } else if (!(fraction == fractions->scalar)) {
    check_fraction(fraction);
    raise_fraction_varies();
  }
}

void compare_fractions(const Fractions& mine, const Fractions& other) {
  const bool same = mine.shape == other.shape && (mine.shape != Shape::scalar || mine.scalar == other.scalar) &&
                    (mine.shape != Shape::array || (VARSIZE(mine.array) == VARSIZE(other.array) &&
                                                    memcmp(mine.array, other.array, VARSIZE(mine.array)) == 0));
  if (!same) raise_fraction_varies();
}

// Runs engine code on the sample and charges the pool with what it grew.
template <class Work>
static void grow(QuantileState* state, Work&& work) {
  const uint64 before = state->sample.memory;
  const EngineFault fault = try_engine(work);
  state->pool->used += state->sample.memory - before;
  raise_engine_fault(fault, "order statistics");
}

// What a table of counts may take.
static uint64 counts_budget(const Pool* pool) {
  const uint64 most = pool->limit / 2;
  return pool->used >= pool->limit ? most / 8 : most;
}

// A large array moves by remapping its pages, or not at all: no copy, no second array.
static void widen_keys(QuantileState* state, uint64 capacity) {
  quantile::Sample* sample = &state->sample;
  if (capacity > quantile::most_keys)
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"), errdetail("A window's frame has more than %u values.", quantile::most_keys)));
  const uint64 added = (capacity - sample->key_capacity) * sizeof(int64);
  sample->keys = static_cast<int64_t*>(repalloc_huge(sample->keys, capacity * sizeof(int64)));
  sample->key_capacity = static_cast<uint32>(capacity);
  sample->memory += added;
  state->pool->used += added;
}

void state_make_room(QuantileState* state) {
  Pool* pool = state->pool;
  quantile::Sample* sample = &state->sample;
  if (sample->dense != nullptr && sample->key_capacity > 0) {
    quantile::count_keys(sample);
    if (sample->key_count <= sample->key_capacity / 2) return;
  }
  const bool remapped = sample->key_capacity >= remapped_keys;
  // A small capacity that doubles needs the old array and the new one.
  const uint64 growth = uint64{sample->key_capacity} * (remapped ? 1 : 2) * sizeof(int64);
  const bool fits = pool->used + growth <= pool->limit;
  const bool grows = !pool->may_spill || fits || sample->key_count < least_spilled;
  if (grows && !remapped) {
    grow(state, [&] { quantile::make_room(sample, pool->memory(), counts_budget(pool)); });
    return;
  }
  bool collapsed = false;
  grow(state, [&] { collapsed = quantile::collapse(sample, pool->memory(), counts_budget(pool)); });
  if (collapsed && sample->key_count <= sample->key_capacity / 2) return;
  if (grows)
    widen_keys(state, uint64{sample->key_capacity} * 2);
  else
    spill_keys(state);
}

void state_expect_keys(QuantileState* state, uint64 more) {
  quantile::Sample* sample = &state->sample;
  const uint64 capacity = sample->key_count + more;
  if (capacity <= sample->key_capacity || sample->dense != nullptr || capacity > quantile::most_keys) return;
  const uint64 growth = (capacity - (sample->key_capacity >= remapped_keys ? sample->key_capacity : 0)) * sizeof(int64);
  if (state->pool->used + growth > state->pool->limit) return;
  if (sample->key_capacity >= remapped_keys)
    widen_keys(state, capacity);
  else
    grow(state, [&] { quantile::reserve_keys(sample, more, state->pool->memory()); });
}

void state_settle(QuantileState* state) {
  Pool* pool = state->pool;
  if (!pool->may_spill || pool->used <= pool->limit) return;
  if (state->sample.wide != nullptr && state->sample.wide->count > 0 && state->sample.wide->bytes >= least_wide_spilled) spill_wide(state);
}

void state_add_keys(QuantileState* state, const int64* keys, uint64 count, int groups) {
  quantile::Sample* sample = &state->sample;
  if (sample->kind == Kind::numeric && !sample->scale_known) {
    sample->groups = static_cast<uint8>(groups);
    sample->scale_known = true;
  }
  if (sample->kind != Kind::numeric || sample->groups == groups) {
    while (count > 0) {
      const uint64 part = std::min<uint64>(count, sample->key_capacity - sample->key_count);
      if (part > 0) memcpy(sample->keys + sample->key_count, keys, part * sizeof(int64));
      sample->key_count += static_cast<uint32>(part);
      sample->count += part;
      keys += part;
      count -= part;
      if (count > 0) state_make_room(state);
    }
    return;
  }
  uint16 digits[8];
  for (uint64 i = 0; i < count; i++) state_add_decimal(state, quantile::key_decimal(keys[i], groups, digits));
}

void state_add_decimal(QuantileState* state, const quantile::Decimal& decimal) {
  quantile::Sample* sample = &state->sample;
  if (sample->scale_known) {
    int64 key;
    if (quantile::decimal_key_fast(decimal, sample->groups, &key)) {
      while (!quantile::add_key(sample, key)) state_make_room(state);
      return;
    }
  }
  grow(state, [&] { quantile::add_decimal(sample, decimal, state->pool->memory(), counts_budget(state->pool)); });
  state_settle(state);
}

void state_add_interval(QuantileState* state, const Interval* interval) {
  const quantile::IntervalParts parts{interval->time, interval->day, interval->month};
  grow(state, [&] { quantile::add_interval(&state->sample, parts, state->pool->memory()); });
  state_settle(state);
}

}  // namespace dap::aggregate
