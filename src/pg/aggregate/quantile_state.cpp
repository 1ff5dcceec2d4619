#include "pg/aggregate/quantile_state.h"

#include <algorithm>
#include <new>

extern "C" {
#include "commands/tablespace.h"
#include "executor/nodeHash.h"
}

#include "bridge/engine_call.h"

namespace dap::aggregate {

using quantile::Kind;
using quantile::Shape;

namespace {

constexpr uint32 least_spilled = 256;  // fewer keys are not worth a write
constexpr uint64 least_wide_spilled = 16 * 1024;

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
  if (pool->file >= 0) FileClose(pool->file);
  pool->file = -1;
  pool->file_end = 0;
  pool->used = 0;
  pool->in_use = false;
}

// Writes at the file's end; the caller keeps where.
void write_file(Pool* pool, const void* data, uint64 bytes) {
  if (pool->file < 0) {
    PrepareTempTablespaces();
    pool->file = OpenTemporaryFile(false);
    pool->file_end = 0;
  }
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    CHECK_FOR_INTERRUPTS();
    const int part = static_cast<int>(std::min(bytes, block_bytes));
#if PG_VERSION_NUM >= 160000
    const int written = static_cast<int>(FileWrite(pool->file, at, part, pool->file_end, WAIT_EVENT_BUFFILE_WRITE));
#else
    const int written = FileWrite(pool->file, const_cast<char*>(at), part, pool->file_end, WAIT_EVENT_BUFFILE_WRITE);
#endif
    if (written != part) {
      if (written >= 0) errno = ENOSPC;
      ereport(ERROR, (errcode_for_file_access(), errmsg("could not write to temporary file: %m")));
    }
    at += part;
    bytes -= static_cast<uint64>(part);
    pool->file_end += part;
  }
}

Extent* new_extent(QuantileState* state) {
  if (state->extent_count == state->extent_capacity) {
    const uint32 capacity = state->extent_capacity == 0 ? 8 : state->extent_capacity * 2;
    auto* extents = static_cast<Extent*>(MemoryContextAllocHuge(state->pool->context, capacity * sizeof(Extent)));
    std::copy_n(state->extents, state->extent_count, extents);
    if (state->extents != nullptr) pfree(state->extents);
    state->pool->used += (capacity - state->extent_capacity) * sizeof(Extent);
    state->extents = extents;
    state->extent_capacity = capacity;
  }
  return &state->extents[state->extent_count];
}

void spill_keys(QuantileState* state) {
  quantile::Sample* sample = &state->sample;
  Extent* extent = new_extent(state);
  int64 low = sample->keys[0], high = low;
  quantile::key_range(sample->keys, sample->key_count, &low, &high);
  const bool dotted = sample->kind == Kind::float4 || sample->kind == Kind::float8;
  const uint64 unit = dotted ? 1 : quantile::common_unit(sample->keys, sample->key_count, quantile::decimal_base, low);
  const uint64 bytes = sample->key_count * sizeof(int64);
  const off_t offset = state->pool->file < 0 ? 0 : state->pool->file_end;
  write_file(state->pool, sample->keys, bytes);
  *extent = Extent{offset, sample->key_count, bytes, low, high, static_cast<uint32>(unit), false};
  state->extent_count++;
  sample->key_count = 0;
  sample->scale_fixed = true;
}

void spill_wide(QuantileState* state) {
  quantile::Wide* wide = state->sample.wide;
  Extent* extent = new_extent(state);
  const off_t offset = state->pool->file < 0 ? 0 : state->pool->file_end;
  const uint64 bytes = wide->bytes + quantile::wide_record_header * uint64{wide->count};
  int64 low = wide->values[0].key, high = low;
  auto* buffer = static_cast<char*>(MemoryContextAllocHuge(state->pool->context, bytes));
  char* at = buffer;
  for (uint32 i = 0; i < wide->count; i++) {
    const quantile::Value& value = wide->values[i];
    low = std::min<int64>(low, value.key);
    high = std::max<int64>(high, value.key);
    memcpy(at, &value.key, 8);
    memcpy(at + 8, &value.bytes->length, 4);
    memcpy(at + 12, value.bytes->data(), value.bytes->length);
    at += quantile::wide_record_header + value.bytes->length;
  }
  write_file(state->pool, buffer, bytes);
  pfree(buffer);
  *extent = Extent{offset, wide->count, bytes, low, high, 1, true};
  state->extent_count++;
  state->sample.scale_fixed = true;
  const uint64 before = state->sample.memory;
  quantile::release_wide(&state->sample, state->pool->memory());
  state->pool->used -= before - state->sample.memory;
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
  if (called_as == 0) ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("aggregate function called in non-aggregate context")));
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
    pool->file = -1;
    if (called_as == AGG_CONTEXT_AGGREGATE) {
      pool->next = site->pools;
      site->pools = pool;
    }
  }
  pool->may_spill = called_as == AGG_CONTEXT_AGGREGATE;
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

void state_make_room(QuantileState* state) {
  Pool* pool = state->pool;
  quantile::Sample* sample = &state->sample;
  // A capacity that doubles needs the old array and the new one for a moment.
  const uint64 growth = uint64{sample->key_capacity} * 2 * sizeof(int64);
  const bool fits = pool->used + growth <= pool->limit;
  if (!pool->may_spill || fits || sample->key_count < least_spilled) {
    grow(state, [&] { quantile::make_room(sample, pool->memory(), counts_budget(pool)); });
    return;
  }
  bool collapsed = false;
  grow(state, [&] { collapsed = quantile::collapse(sample, pool->memory(), counts_budget(pool)); });
  if (!collapsed || sample->key_count > sample->key_capacity / 2) spill_keys(state);
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
      if (sample->dense == nullptr) {
        const uint64 part = std::min<uint64>(count, sample->key_capacity - sample->key_count);
        if (part > 0) memcpy(sample->keys + sample->key_count, keys, part * sizeof(int64));
        sample->key_count += static_cast<uint32>(part);
        sample->count += part;
        keys += part;
        count -= part;
        if (count > 0) state_make_room(state);
      } else {
        while (!quantile::add_key(sample, *keys)) state_make_room(state);
        keys++;
        count--;
      }
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

void read_extent(const Pool* pool, const Extent& extent, uint64 from, void* buffer, uint64 bytes) {
  auto* at = static_cast<char*>(buffer);
  off_t offset = extent.offset + static_cast<off_t>(from);
  while (bytes > 0) {
    CHECK_FOR_INTERRUPTS();
    const int part = static_cast<int>(std::min(bytes, block_bytes));
    const int got = static_cast<int>(FileRead(pool->file, at, part, offset, WAIT_EVENT_BUFFILE_READ));
    if (got != part) {
      if (got >= 0)
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("could not read temporary file: read only %d of %d bytes", got, part)));
      ereport(ERROR, (errcode_for_file_access(), errmsg("could not read temporary file: %m")));
    }
    at += part;
    offset += part;
    bytes -= static_cast<uint64>(part);
  }
}

}  // namespace dap::aggregate
