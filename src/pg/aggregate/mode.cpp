// dap.mode over the states of the order statistics: runs of equal values, from memory or, once values are in a file, by
// the server's sort.
#include <algorithm>
#include <new>
#include <type_traits>

#include "bridge/compat/tuple_desc.h"
#include "bridge/compat/tuplesort.h"
#include "engine/quantile/runs.h"

#include "pg/aggregate/mode.h"

extern "C" {
#include "catalog/pg_operator_d.h"
#include "executor/tuptable.h"
#include "utils/tuplesort.h"
}

#include "bridge/engine_call.h"

namespace dap::aggregate {

namespace {

using quantile::Kind;
using quantile::Mode;
using quantile::Runs;
using quantile::Sample;
using quantile::Value;

constexpr uint64 a_time = 1 << 16;

void raise_fault(EngineFault fault) { raise_engine_fault(fault, "dap.mode"); }

bool same_span(const Value& a, const Value& b) {
  return memcmp(a.bytes->data(), b.bytes->data(), quantile::interval_span) == 0;
}

// A key that was counted in the table as well.
uint64 counted(const Sample& sample, int64 key) {
  uint64 slot;
  return sample.dense != nullptr && quantile::dense_slot(sample.dense, key, &slot) ? sample.dense->counts[slot] : 0;
}

void consider_dense(const Sample& sample, Mode* mode) {
  if (sample.dense == nullptr) return;
  const quantile::Dense& dense = *sample.dense;
  for (uint64 i = 0; i < dense.length; i++) {
    if (i % a_time == 0) CHECK_FOR_INTERRUPTS();
    if (dense.counts[i] >= mode->times)
      quantile::consider(mode, Value{static_cast<int64>(static_cast<uint64>(dense.base) + i * dense.unit), nullptr},
                         dense.counts[i]);
  }
}

// Puts the items in order, which changes no multiset, and considers each run; `take` makes a value and a number of
// times of it.
template <class Item, class Less, class Take>
void consider_items(Item* items, uint64 count, std::pmr::memory_resource* memory, Less less, Take take, Mode* mode) {
  if (count == 0) return;
  static_assert(std::is_trivially_destructible_v<Runs<Item, Less>>, "an error may jump over it");
  Runs<Item, Less> runs(items, count, less);
  bool more = true;
  while (more) {
    CHECK_FOR_INTERRUPTS();
    raise_fault(try_engine([&] { more = runs.sort_next(memory); }));
  }
  more = true;
  while (more) {
    CHECK_FOR_INTERRUPTS();
    raise_fault(try_engine([&] {
      const Item* item;
      uint64_t times;
      for (uint64 i = 0; i < a_time && more; i++)
        if ((more = runs.next(&item, &times))) take(mode, *item, times);
    }));
  }
}

void consider_memory(QuantileState* state, std::pmr::memory_resource* memory, Mode* mode) {
  Sample& sample = state->sample;
  // Equal intervals stand side by side, the one to be shown first.
  Mode equal{};
  consider_items(
      sample.keys, sample.key_count, memory, [](int64_t a, int64_t b) { return a < b; },
      [&](Mode* best, int64_t key, uint64 times) {
        quantile::consider(best, Value{key, nullptr}, times + counted(sample, key));
      },
      mode);
  if (sample.wide != nullptr)
    consider_items(
        sample.wide->values, sample.wide->count, memory,
        [](const Value& a, const Value& b) { return quantile::compare(a, b) < 0; },
        [&](Mode* best, const Value& value, uint64 times) {
          if (sample.kind == Kind::interval && equal.times > 0 && same_span(equal.value, value)) {
            equal.times += times;
            return;
          }
          quantile::consider(best, equal.value, equal.times);
          equal = Mode{value, times};
        },
        mode);
  quantile::consider(mode, equal.value, equal.times);
}

// All keys, of memory and file.
void consider_sorted_keys(const QuantileState* state, Mode* mode) {
  const Sample& sample = state->sample;
  Tuplesortstate* sort =
      tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false, work_mem, nullptr, TUPLESORT_NONE);
  for (uint32 i = 0; i < sample.key_count; i++) tuplesort_putdatum(sort, Int64GetDatum(sample.keys[i]), false);
  auto* keys = static_cast<int64*>(palloc(block_bytes + sizeof(Link)));
  for (uint32 e = 0; e < state->extent_count; e++) {
    ExtentReader reader = read_parts(state->pool, state->extents[e]);
    while (const uint64 count = state->extents[e].wide ? 0 : read_keys(&reader, keys, block_bytes / sizeof(int64)))
      for (uint64 i = 0; i < count; i++) tuplesort_putdatum(sort, Int64GetDatum(keys[i]), false);
  }
  pfree(keys);
  tuplesort_performsort(sort);
  Datum datum;
  int64 key = 0;
  uint64 times = 0;
  for (uint64 i = 0; next_sorted(sort, &datum); i++) {
    if (i % a_time == 0) CHECK_FOR_INTERRUPTS();
    if (times > 0 && DatumGetInt64(datum) == key) {
      times++;
      continue;
    }
    if (times > 0) quantile::consider(mode, Value{key, nullptr}, times + counted(sample, key));
    key = DatumGetInt64(datum);
    times = 1;
  }
  if (times > 0) quantile::consider(mode, Value{key, nullptr}, times + counted(sample, key));
  tuplesort_end(sort);
}

// A wide value as a bytea that sorts as it does: its key, then its bytes.
void put_wide(Tuplesortstate* sort, TupleTableSlot* slot, bytea* place, int64 key, const unsigned char* bytes,
              uint32 length) {
  SET_VARSIZE(place, VARHDRSZ + sortable_key + length);
  write_sortable_key(key, reinterpret_cast<unsigned char*>(VARDATA(place)));
  memcpy(VARDATA(place) + sortable_key, bytes, length);
  ExecClearTuple(slot);
  slot->tts_values[0] = PointerGetDatum(place);
  slot->tts_isnull[0] = false;
  ExecStoreVirtualTuple(slot);
  tuplesort_puttupleslot(sort, slot);
}

void consider_wide(Mode* mode, const bytea* sorted, uint64 times) {
  if (times == 0 || times < mode->times) return;
  const Value value = sortable_value(reinterpret_cast<const unsigned char*>(VARDATA(sorted)),
                                     static_cast<uint32>(VARSIZE(sorted) - VARHDRSZ));
  quantile::consider(mode, value, times);
  if (mode->value.bytes != value.bytes) pfree(const_cast<quantile::Bytes*>(value.bytes));
}

// As rows of one column: of single values that are passed by reference a sort does not count, since 17, what it keeps
// in memory.
void consider_sorted_wide(const QuantileState* state, Mode* mode) {
  const quantile::Wide* wide = state->sample.wide;
  TupleDesc desc = CreateTemplateTupleDesc(1);
  TupleDescInitEntry(desc, 1, "value", BYTEAOID, -1, 0);
  desc = finished(desc);
  AttrNumber column = 1;
  Oid less = ByteaLessOperator;
  Oid collation = InvalidOid;
  bool nulls_first = false;
  Tuplesortstate* sort =
      tuplesort_begin_heap(desc, 1, &column, &less, &collation, &nulls_first, work_mem, nullptr, TUPLESORT_NONE);
  TupleTableSlot* put = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
  TupleTableSlot* got = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
  auto* place = static_cast<bytea*>(palloc(VARHDRSZ + sortable_key + 5 + 2 * quantile::most_decimal_digits));
  for (uint32 i = 0; wide != nullptr && i < wide->count; i++)
    put_wide(sort, put, place, wide->values[i].key, wide->values[i].bytes->data(), wide->values[i].bytes->length);
  for (uint32 e = 0; e < state->extent_count; e++) {
    if (!state->extents[e].wide) continue;
    ExtentReader reader = read_parts(state->pool, state->extents[e]);
    char* records = nullptr;
    while (const uint64 bytes = read_records(&reader, &records)) {
      for (const char* at = records; at < records + bytes;) {
        int64 key;
        uint32 length;
        memcpy(&key, at, 8);
        memcpy(&length, at + 8, 4);
        put_wide(sort, put, place, key, reinterpret_cast<const unsigned char*>(at + quantile::wide_record_header),
                 length);
        at += quantile::wide_record_header + length;
      }
    }
    end_reading(&reader);
  }
  tuplesort_performsort(sort);
  uint64 times = 0;
  for (uint64 i = 0; tuplesort_gettupleslot(sort, true, false, got, nullptr); i++) {
    if (i % a_time == 0) CHECK_FOR_INTERRUPTS();
    bool is_null;
    const auto* next = reinterpret_cast<const bytea*>(DatumGetPointer(slot_getattr(got, 1, &is_null)));
    const Size size = VARSIZE_ANY_EXHDR(next);
    // Equal intervals stand side by side, the one to be shown first.
    const Size told_by = state->sample.kind == Kind::interval ? sortable_key + quantile::interval_span : size;
    if (times > 0 && size == VARSIZE(place) - VARHDRSZ && memcmp(VARDATA(place), VARDATA_ANY(next), told_by) == 0) {
      times++;
    } else {
      consider_wide(mode, place, times);
      SET_VARSIZE(place, VARHDRSZ + size);
      memcpy(VARDATA(place), VARDATA_ANY(next), size);
      times = 1;
    }
  }
  consider_wide(mode, place, times);
  ExecDropSingleTupleTableSlot(put);
  ExecDropSingleTupleTableSlot(got);
  tuplesort_end(sort);
}

Value mode_of(QuantileState* state) {
  Mode mode{};
  if (state->extent_count == 0) {
    consider_memory(state, new (palloc(sizeof(ContextMemory))) ContextMemory(CurrentMemoryContext), &mode);
    consider_dense(state->sample, &mode);
    return mode.value;
  }
  bool keys = state->sample.key_count > 0, wide = state->sample.wide != nullptr && state->sample.wide->count > 0;
  for (uint32 i = 0; i < state->extent_count; i++) (state->extents[i].wide ? wide : keys) = true;
  if (keys) consider_sorted_keys(state, &mode);
  if (wide) consider_sorted_wide(state, &mode);
  consider_dense(state->sample, &mode);
  return mode.value;
}

}  // namespace

void write_sortable_key(int64 key, unsigned char* out) {
  const uint64 shifted = static_cast<uint64>(key) ^ (uint64{1} << 63);
  for (uint32 i = 0; i < sortable_key; i++)
    out[i] = static_cast<unsigned char>(shifted >> (8 * (sortable_key - 1 - i)));
}

Value sortable_value(const unsigned char* data, uint32 size) {
  uint64 shifted = 0;
  for (uint32 i = 0; i < sortable_key; i++) shifted = shifted << 8 | data[i];
  Value value{static_cast<int64>(shifted ^ (uint64{1} << 63)), nullptr};
  if (size == sortable_key) return value;
  const uint32 length = size - sortable_key;
  auto* bytes = new (palloc(sizeof(quantile::Bytes) + length)) quantile::Bytes{length};
  memcpy(bytes->data(), data + sortable_key, length);
  value.bytes = bytes;
  return value;
}

Oid value_type(Kind kind) {
  switch (kind) {
    case Kind::int2: return INT2OID;
    case Kind::int4: return INT4OID;
    case Kind::int8: return INT8OID;
    case Kind::numeric: return NUMERICOID;
    case Kind::float4: return FLOAT4OID;
    case Kind::float8: return FLOAT8OID;
    case Kind::date: return DATEOID;
    case Kind::timestamp: return TIMESTAMPOID;
    case Kind::timestamptz: return TIMESTAMPTZOID;
    case Kind::interval: return INTERVALOID;
  }
  pg_unreachable();
}

Datum value_datum(Kind kind, int groups, const Value& value) {
  switch (kind) {
    case Kind::int2: return Int16GetDatum(static_cast<int16>(value.key));
    case Kind::int4: return Int32GetDatum(static_cast<int32>(value.key));
    case Kind::int8: return Int64GetDatum(value.key);
    case Kind::numeric: return value_numeric(value, groups);
    case Kind::float4: return Float4GetDatum(static_cast<float4>(quantile::key_double(value.key)));
    case Kind::float8: return Float8GetDatum(quantile::key_double(value.key));
    case Kind::date: return DateADTGetDatum(static_cast<DateADT>(value.key));
    case Kind::timestamp:
    case Kind::timestamptz: return TimestampGetDatum(value.key);
    case Kind::interval: return IntervalPGetDatum(value_interval(value));
  }
  pg_unreachable();
}

}  // namespace dap::aggregate

DAP_FUNCTION(dap_mode_final) {
  using namespace dap::aggregate;
  RankSource source;
  if (!final_source(fcinfo, &source)) PG_RETURN_NULL();
  check_foreign(fcinfo, source, value_type(source.kind));
  return value_datum(source.kind, source.groups, mode_of(static_cast<QuantileState*>(source.state)));
}
