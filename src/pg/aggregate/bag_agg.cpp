// dap.bag_agg: collects as the order statistics do, and makes a bag of what was collected.
#include <algorithm>
#include <new>

#include "engine/bag/sort.h"

#include "pg/aggregate/bag_value.h"
#include "pg/aggregate/call_context.h"

#include "bridge/engine_call.h"

namespace dap::aggregate {

namespace {

using quantile::DecimalClass;
using quantile::Value;

constexpr uint64 keys_a_bag = 1 << 18;  // 2 MB that are sorted at a time
constexpr uint64 wide_a_bag = 1 << 14;
constexpr uint64 slots_a_step = 1 << 18;

struct Collector {
  Levels levels;
  std::pmr::memory_resource* memory;
  bag::Writer* writer;
  int64* keys;  // room for the keys that are sorted at a time, twice
  uint64 room;
  int scale;
  int64 unit;  // of the present keys: they are divided by it
  bool odd;    // one of them then does not end in 0
};

int zeros(int64 unit) { return unit == 1 ? 0 : unit == 10 ? 1 : unit == 100 ? 2 : unit == 1000 ? 3 : 4; }

// Keys that follow are divided by a power of ten, of which the scale then needs fewer.
void begin_keys(Collector* collector, int64 unit) {
  collector->unit = unit;
  collector->odd = false;
  bag::begin_bag(collector->writer, collector->scale - zeros(unit), collector->memory);
}

void put_any_key(Collector* collector, int64 key, uint64 times) {
  if (key == PG_INT64_MIN) {
    // The least bigint is no key of a bag.
    uint16_t digits[8];
    bag::put_wide(collector->writer, quantile::key_decimal(key, 0, digits), times);
    return;
  }
  if (collector->unit != 1) key /= collector->unit;
  collector->odd = collector->odd || key % 10 != 0;
  bag::put_key(collector->writer, key, times);
}

// All keys at the least scale that holds them: as a bag must be.
void push_written(Collector* collector) {
  push_writer(&collector->levels, collector->writer, collector->odd && collector->writer->wide_count == 0);
}

void push_keys(Collector* collector, const int64* keys, uint64 count) {
  CHECK_FOR_INTERRUPTS();
  const auto unit =
      static_cast<int64>(quantile::common_divisor(count, quantile::decimal_base, [&](uint64 i) { return keys[i]; }));
  begin_keys(collector, unit);
  collector->unit = 1;
  const EngineFault fault = try_engine([&] {
    auto* copy = reinterpret_cast<int64_t*>(collector->keys);
    for (uint64 i = 0; i < count; i++) copy[i] = unit == 1 ? keys[i] : keys[i] / unit;
    const int64_t* sorted = bag::sort_keys(copy, count, copy + collector->room);
    for (uint64 from = 0, to = 0; from < count; from = to) {
      while (to < count && sorted[to] == sorted[from]) to++;
      put_any_key(collector, sorted[from], to - from);
    }
  });
  raise_engine_fault(fault, "bags");
  push_written(collector);
}

void push_dense(Collector* collector, const quantile::Dense& dense) {
  int64 unit = quantile::decimal_base;
  while (dense.base % unit != 0 || static_cast<int64>(dense.unit) % unit != 0) unit /= 10;
  begin_keys(collector, unit);
  for (uint64 from = 0; from < dense.length; from += slots_a_step) {
    CHECK_FOR_INTERRUPTS();
    const uint64 to = std::min(from + slots_a_step, dense.length);
    const EngineFault fault = try_engine([&] {
      for (uint64 i = from; i < to; i++)
        if (dense.counts[i] > 0)
          put_any_key(collector, static_cast<int64>(static_cast<uint64>(dense.base) + i * dense.unit), dense.counts[i]);
    });
    raise_engine_fault(fault, "bags");
  }
  push_written(collector);
}

void put_any_wide(bag::Writer* writer, const quantile::Bytes* bytes, uint64 times) {
  switch (static_cast<DecimalClass>(bytes->data()[0])) {
    case DecimalClass::minus_infinity: return bag::put_special(writer, bag::minus_infinity, times);
    case DecimalClass::infinity: return bag::put_special(writer, bag::infinity, times);
    case DecimalClass::nan: return bag::put_special(writer, bag::not_a_number, times);
    default: bag::put_wide(writer, bytes->data(), bytes->length, times);
  }
}

// Wide values; they are put in order.
void push_wide(Collector* collector, Value* values, uint64 count) {
  for (uint64 first = 0; first < count; first += wide_a_bag) {
    CHECK_FOR_INTERRUPTS();
    bag::Writer* writer = collector->writer;
    Value* const begin = values + first;
    Value* const end = values + std::min(first + wide_a_bag, count);
    bag::begin_bag(writer, collector->scale, collector->memory);
    const EngineFault fault = try_engine([&] {
      std::sort(begin, end, [](const Value& a, const Value& b) { return quantile::compare(a, b) < 0; });
      for (Value *from = begin, *to = begin; from < end; from = to) {
        while (to < end && quantile::compare(*from, *to) == 0) to++;
        put_any_wide(writer, from->bytes, static_cast<uint64>(to - from));
      }
    });
    raise_engine_fault(fault, "bags");
    push_writer(&collector->levels, writer, false);
  }
}

void push_extent(Collector* collector, const QuantileState* state, const Extent& extent) {
  ExtentReader reader = read_parts(state->pool, extent);
  if (!extent.wide) {
    const uint64 most = std::min<uint64>(extent.count, keys_a_bag);
    auto* keys = static_cast<int64*>(MemoryContextAllocHuge(CurrentMemoryContext, (most + link_keys) * sizeof(int64)));
    while (const uint64 count = read_keys(&reader, keys, most)) push_keys(collector, keys, count);
    pfree(keys);
    return;
  }
  Value* values = nullptr;
  uint64 room = 0;
  char* records = nullptr;
  while (const uint64 bytes = read_records(&reader, &records)) {
    // A record's length stands right before its bytes, as in quantile::Bytes.
    uint64 count = 0;
    for (const char* at = records; at < records + bytes; count++) {
      uint32 length;
      memcpy(&length, at + sizeof(int64), sizeof length);
      at += quantile::wide_record_header + length;
    }
    if (count > room) {
      if (values != nullptr) pfree(values);
      values = static_cast<Value*>(MemoryContextAllocHuge(CurrentMemoryContext, count * sizeof(Value)));
      room = count;
    }
    const char* at = records;
    for (uint64 i = 0; i < count; i++) {
      memcpy(&values[i].key, at, sizeof(int64));
      values[i].bytes = reinterpret_cast<const quantile::Bytes*>(at + sizeof(int64));
      at += quantile::wide_record_header + values[i].bytes->length;
    }
    push_wide(collector, values, count);
  }
  if (values != nullptr) pfree(values);
  end_reading(&reader);
}

BagBytes collect(const QuantileState* state, Collector* collector) {
  const quantile::Sample& sample = state->sample;
  collector->scale = 4 * sample.groups;
  if (sample.dense != nullptr) push_dense(collector, *sample.dense);
  for (uint64 from = 0; from < sample.key_count; from += keys_a_bag)
    push_keys(collector, reinterpret_cast<const int64*>(sample.keys) + from,
              std::min<uint64>(keys_a_bag, sample.key_count - from));
  if (sample.wide != nullptr && sample.wide->count > 0) {
    // The state's own order stays: a window asks again.
    const uint64 count = sample.wide->count;
    auto* values = static_cast<Value*>(MemoryContextAllocHuge(CurrentMemoryContext, count * sizeof(Value)));
    std::copy_n(sample.wide->values, count, values);
    push_wide(collector, values, count);
    pfree(values);
  }
  for (uint32 i = 0; i < state->extent_count; i++) push_extent(collector, state, state->extents[i]);
  return sum_levels(&collector->levels);
}

}  // namespace

}  // namespace dap::aggregate

// (internal) -> dap.bag
DAP_FUNCTION(dap_bag_agg_final) {
  using namespace dap::aggregate;
  if (AggCheckCallContext(fcinfo, nullptr) == 0) raise_not_aggregate();
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  const auto* state = reinterpret_cast<const QuantileState*>(PG_GETARG_POINTER(0));
  if (state->sample.count == 0) PG_RETURN_NULL();
  check_foreign(fcinfo, state,
                result_type(state->sample.kind) == NUMERICOID ? get_func_rettype(fcinfo->flinfo->fn_oid) : InvalidOid);
  MemoryContext caller = CurrentMemoryContext;
  MemoryContext context = AllocSetContextCreate(caller, "dap bag", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(context);
  auto* collector = static_cast<Collector*>(palloc0(sizeof(Collector)));
  collector->levels.context = context;
  collector->memory = new (palloc(sizeof(ContextMemory))) ContextMemory(context);
  collector->writer = static_cast<dap::bag::Writer*>(palloc(sizeof(dap::bag::Writer)));
  collector->room = state->extent_count > 0 ? keys_a_bag : std::min<uint64>(keys_a_bag, state->sample.key_count);
  collector->keys = static_cast<int64*>(palloc(2 * collector->room * sizeof(int64)));
  const BagBytes sum = collect(state, collector);
  MemoryContextSwitchTo(caller);
  const Datum result = bag_datum(sum);
  MemoryContextDelete(context);
  PG_RETURN_DATUM(result);
}
