#include "pg/aggregate/quantile_state.h"

#include <algorithm>

#include "bridge/engine_call.h"

namespace dap::aggregate {

using quantile::Kind;
using quantile::Shape;

namespace {

constexpr uint64 least_own = 256 * sizeof(int64);  // fewer keys of one state are not worth a write
constexpr uint64 least_own_wide = 16 * 1024;
constexpr uint64 remapped_bytes = 128 * 1024;  // from here on an array grows where it is
constexpr uint32 remapped_keys = remapped_bytes / sizeof(int64);
constexpr uint32 watched_wide = 1024;  // an array of so many takes much when it doubles

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
    default:
      ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("order statistics of an unexpected type %u", type)));
  }
}

}  // namespace

CallSite* call_site(FunctionCallInfo fcinfo) {
  auto* site = static_cast<CallSite*>(fcinfo->flinfo->fn_extra);
  if (site != nullptr) return site;
  site = static_cast<CallSite*>(MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite)));
  Oid* types = nullptr;
  int count = 0;
  get_func_signature(fcinfo->flinfo->fn_oid, &types, &count);
  if (count >= 2 && types[0] == INTERNALOID && types[1] != INTERNALOID) site->kind = kind_of_type(types[1]);
  // By the signature: who calls without a parse tree of the call has no types of its arguments.
  site->has_fraction = count == 3;
  site->has_array = site->has_fraction && types[2] == FLOAT8ARRAYOID;
  fcinfo->flinfo->fn_extra = site;
  return site;
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
  const bool is_array = fractions->shape == Shape::array || (first && call_site(fcinfo)->has_array);
  if (PG_ARGISNULL(argument)) {
    if (!first && fractions->shape != Shape::null) raise_fraction_varies();
    fractions->shape = Shape::null;
    return;
  }
  if (!first && fractions->shape == Shape::null) raise_fraction_varies();
  if (is_array) {
    ArrayType* array = PG_GETARG_ARRAYTYPE_P(argument);
    if (!first) {
      if (VARSIZE(array) != VARSIZE(fractions->array) || memcmp(array, fractions->array, VARSIZE(array)) != 0)
        raise_fraction_varies();
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

template <class Work>
static void grow(Work&& work) {
  raise_engine_fault(try_engine(work), "order statistics");
}

// What a table of counts may take, instead of the keys.
static uint64 counts_budget(const QuantileState* state) {
  const PlanNode* node = state->pool->node;
  const uint64 most = most_bytes(node), used = used_bytes(node),
               own = uint64{state->sample.key_capacity} * sizeof(int64);
  if (!state->pool->may_spill) return most / 2;
  return std::min(most / 2, most + own > used ? most + own - used : 0);
}

// A large array moves by remapping its pages, or not at all: no copy, no second array.
static void widen_keys(QuantileState* state, uint64 capacity) {
  quantile::Sample* sample = &state->sample;
  if (capacity > quantile::most_keys)
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                    errdetail("A window's frame has more than %u values.", quantile::most_keys)));
  sample->keys = static_cast<int64_t*>(repalloc_huge(sample->keys, capacity * sizeof(int64)));
  sample->key_capacity = static_cast<uint32>(capacity);
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
  const bool fits = !pool->may_spill || has_room(pool, growth);
  if (!fits || remapped) {
    bool collapsed = false;
    grow([&] { collapsed = quantile::collapse(sample, pool->memory(), counts_budget(state)); });
    if (collapsed && sample->key_count <= sample->key_capacity / 2) return;
  }
  if (!fits) {
    const Room room = find_room(state, growth, uint64{sample->key_count} * sizeof(int64), least_own);
    if (room == Room::own_values) spill_keys(state);
    if (sample->key_count < sample->key_capacity) return;
  }
  if (sample->key_capacity >= remapped_keys) widen_keys(state, uint64{sample->key_capacity} * 2);
  else grow([&] { quantile::make_room(sample, pool->memory(), counts_budget(state)); });
}

void state_expect_keys(QuantileState* state, uint64 more) {
  quantile::Sample* sample = &state->sample;
  const uint64 capacity = sample->key_count + more;
  if (capacity <= sample->key_capacity || sample->dense != nullptr || capacity > quantile::most_keys) return;
  const uint64 growth = (capacity - (sample->key_capacity >= remapped_keys ? sample->key_capacity : 0)) * sizeof(int64);
  if (!has_room(state->pool, growth)) return;
  if (sample->key_capacity >= remapped_keys) widen_keys(state, capacity);
  else grow([&] { quantile::reserve_keys(sample, more, state->pool->memory()); });
}

static uint64 wide_bytes(const quantile::Wide* wide) {
  return wide->bytes + wide->count * (sizeof(quantile::Value) + sizeof(quantile::Bytes));
}

// Before a value comes that is not a plain key: the array of them may be about to double.
static void make_wide_room(QuantileState* state) {
  quantile::Wide* wide = state->sample.wide;
  if (wide == nullptr || wide->count < wide->capacity || wide->capacity < watched_wide) return;
  const uint64 bytes = uint64{wide->capacity} * sizeof(quantile::Value);
  const bool remapped = bytes >= remapped_bytes;
  const Room room = find_room(state, remapped ? bytes : 2 * bytes, wide_bytes(wide), least_own_wide);
  if (room == Room::own_values) spill_wide(state);
  if (room != Room::there || !remapped || wide->capacity > quantile::most_keys / 2) return;
  wide->values = static_cast<quantile::Value*>(repalloc_huge(wide->values, 2 * bytes));
  wide->capacity *= 2;
}

void state_settle(QuantileState* state) {
  const quantile::Wide* wide = state->sample.wide;
  if (wide != nullptr && find_room(state, 0, wide_bytes(wide), least_own_wide) == Room::own_values) spill_wide(state);
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
  make_wide_room(state);
  grow([&] { quantile::add_decimal(sample, decimal, state->pool->memory(), counts_budget(state)); });
  state_settle(state);
}

void state_add_interval(QuantileState* state, const Interval* interval) {
  const quantile::IntervalParts parts{interval->time, interval->day, interval->month};
  make_wide_room(state);
  grow([&] { quantile::add_interval(&state->sample, parts, state->pool->memory()); });
  state_settle(state);
}

}  // namespace dap::aggregate
