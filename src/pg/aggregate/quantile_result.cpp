// From values at ranks to results: interpolation in each type's own arithmetic.
#include <algorithm>
#include <cmath>

#include "bridge/compat/interval.h"
#include "pg/aggregate/numeric_value.h"
#include "pg/aggregate/quantile_state.h"

namespace dap::aggregate {

using quantile::Kind;
using quantile::Position;
using quantile::Value;

Datum scaled_numeric(int64 key, int places) {
  while (places > 0 && key % 10 == 0) {
    key /= 10;
    places--;
  }
  return NumericGetDatum(places == 0 ? int64_to_numeric(key) : int64_div_fast_to_numeric(key, places));
}

Datum bytes_numeric(const quantile::Bytes* bytes) {
  quantile::Decimal decimal;
  auto* digits = static_cast<uint16*>(palloc(bytes->length + 2));
  if (!quantile::read_decimal_bytes(bytes->data(), bytes->length, digits, &decimal))
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("order statistics kept an unreadable numeric")));
  return decimal_numeric(decimal);
}

Datum value_numeric(const Value& value, int groups) {
  return value.bytes != nullptr ? bytes_numeric(value.bytes) : scaled_numeric(value.key, 4 * groups);
}

Interval* value_interval(const Value& value) {
  const quantile::IntervalParts parts = quantile::read_interval(value.bytes->data());
  auto* interval = static_cast<Interval*>(palloc(sizeof(Interval)));
  interval->time = parts.time;
  interval->day = parts.day;
  interval->month = parts.month;
  return interval;
}

namespace {

Datum interpolate_numeric(int groups, const Value& low, const Value& high, const Position& position) {
  if (position.part == 0 || quantile::compare(low, high) == 0) return value_numeric(low, groups);
  if (low.bytes == nullptr && high.bytes == nullptr) {
    int64_t result;
    int places;
    if (quantile::interpolate_scaled(low.key, high.key, 4 * groups, position, &result, &places))
      return scaled_numeric(result, places);
  }
  return mixed_numeric(value_numeric(low, groups), value_numeric(high, groups), position);
}

Datum interpolate_timestamp(int64 low, int64 high, const Position& position) {
  if (position.part == 0 || low == high) return TimestampGetDatum(low);
  const bool low_infinite = TIMESTAMP_NOT_FINITE(low), high_infinite = TIMESTAMP_NOT_FINITE(high);
  if (low_infinite && high_infinite)
    ereport(ERROR,
            (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("there is no value between -infinity and infinity"),
             errhint("Leave infinite values out with FILTER, or ask for dap.percentile_disc().")));
  if (low_infinite) return TimestampGetDatum(low);
  if (high_infinite) return TimestampGetDatum(high);
  int64_t result;
  if (quantile::interpolate_rounded(low, high, position, &result)) return TimestampGetDatum(result);
  // floor(low + part × (high - low) + 1/2)
  const Datum difference =
      DirectFunctionCall2(numeric_sub, NumericGetDatum(int64_to_numeric(high)), NumericGetDatum(int64_to_numeric(low)));
  const Datum way = DirectFunctionCall2(numeric_mul, part_numeric(position), difference);
  const Datum moved = DirectFunctionCall2(numeric_add, DirectFunctionCall2(numeric_add, way, text_numeric("0.5")),
                                          NumericGetDatum(int64_to_numeric(low)));
  return DirectFunctionCall1(numeric_int8, DirectFunctionCall1(numeric_floor, moved));
}

Datum interpolate_interval(const Value& low, const Value& high, const Position& position) {
  const Datum from = PointerGetDatum(value_interval(low));
  if (position.part == 0 || quantile::compare(low, high) == 0) return from;
  const int low_end = interval_infinity(value_interval(low)), high_end = interval_infinity(value_interval(high));
  if (low_end != 0 && high_end != 0)
    ereport(ERROR,
            (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("there is no value between -infinity and infinity"),
             errhint("Leave infinite values out with FILTER, or ask for dap.percentile_disc().")));
  if (low_end != 0) return from;
  if (high_end != 0) return PointerGetDatum(value_interval(high));
  const Datum difference = DirectFunctionCall2(interval_mi, PointerGetDatum(value_interval(high)), from);
  const Datum way = DirectFunctionCall2(interval_mul, difference, Float8GetDatum(quantile::part_double(position)));
  return DirectFunctionCall2(interval_pl, way, from);
}

void ranks_of(double number, uint64 count, Statistic statistic, Position* position) {
  quantile::Fraction fraction;
  if (!quantile::read_fraction(number, &fraction)) raise_fraction_range();
  if (statistic == Statistic::discrete) *position = Position{quantile::discrete_rank(fraction, count), 0, 0};
  else *position = quantile::continuous_position(fraction, count);
}

}  // namespace

Oid result_type(Kind kind) {
  switch (kind) {
    case Kind::int2:
    case Kind::int4:
    case Kind::int8:
    case Kind::numeric: return NUMERICOID;
    case Kind::float4:
    case Kind::float8: return FLOAT8OID;
    case Kind::date:
    case Kind::timestamp: return TIMESTAMPOID;
    case Kind::timestamptz: return TIMESTAMPTZOID;
    case Kind::interval: return INTERVALOID;
  }
  return InvalidOid;
}

Datum interpolate(Kind kind, int groups, const Value& low, const Value& high, const Position& position) {
  switch (kind) {
    case Kind::int2:
    case Kind::int4:
    case Kind::int8:
    case Kind::numeric: return interpolate_numeric(groups, low, high, position);
    case Kind::float4:
    case Kind::float8:
      return Float8GetDatum(
          quantile::interpolate_double(quantile::key_double(low.key), quantile::key_double(high.key), position));
    case Kind::date:
      return interpolate_timestamp(
          DatumGetTimestamp(DirectFunctionCall1(date_timestamp, DateADTGetDatum(static_cast<DateADT>(low.key)))),
          DatumGetTimestamp(DirectFunctionCall1(date_timestamp, DateADTGetDatum(static_cast<DateADT>(high.key)))),
          position);
    case Kind::timestamp:
    case Kind::timestamptz: return interpolate_timestamp(low.key, high.key, position);
    case Kind::interval: return interpolate_interval(low, high, position);
  }
  pg_unreachable();
}

Datum interpolate_at(const RankSource& source, const uint64* ranks, size_t rank_count, const Value* values,
                     const Position& position) {
  const auto at = static_cast<size_t>(std::lower_bound(ranks, ranks + rank_count, position.low) - ranks);
  return interpolate(source.kind, source.groups, values[at], values[position.part != 0 ? at + 1 : at], position);
}

Datum answer_one(const RankSource& source, float8 fraction, Statistic statistic) {
  Position position;
  ranks_of(fraction, source.count, statistic, &position);
  uint64 ranks[2] = {position.low, position.low + 1};
  Value values[2];
  const size_t wanted = position.part == 0 ? 1 : 2;
  source.values_at(&source, ranks, wanted, values);
  if (wanted == 1) values[1] = values[0];
  return interpolate(source.kind, source.groups, values[0], values[1], position);
}

Datum answer_many(const RankSource& source, ArrayType* fractions) {
  Datum* elements = nullptr;
  bool* nulls = nullptr;
  int count = 0;
  deconstruct_array(fractions, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls, &count);
  const Oid type = result_type(source.kind);
  if (count == 0) return PointerGetDatum(construct_empty_array(type));
  auto* positions = static_cast<Position*>(palloc(sizeof(Position) * static_cast<Size>(count)));
  auto* ranks = static_cast<uint64*>(palloc(sizeof(uint64) * 2 * static_cast<Size>(count)));
  size_t rank_count = 0;
  for (int i = 0; i < count; i++) {
    if (nulls[i]) continue;
    ranks_of(DatumGetFloat8(elements[i]), source.count, Statistic::continuous, &positions[i]);
    ranks[rank_count++] = positions[i].low;
    if (positions[i].part != 0) ranks[rank_count++] = positions[i].low + 1;
  }
  std::sort(ranks, ranks + rank_count);
  rank_count = static_cast<size_t>(std::unique(ranks, ranks + rank_count) - ranks);
  auto* values = static_cast<Value*>(palloc(sizeof(Value) * (rank_count + 1)));
  if (rank_count > 0) source.values_at(&source, ranks, rank_count, values);
  for (int i = 0; i < count; i++) {
    if (nulls[i]) continue;
    elements[i] = interpolate_at(source, ranks, rank_count, values, positions[i]);
  }
  int16 length = 0;
  bool by_value = false;
  char alignment = 0;
  get_typlenbyvalalign(type, &length, &by_value, &alignment);
  return PointerGetDatum(construct_md_array(elements, nulls, ARR_NDIM(fractions), ARR_DIMS(fractions),
                                            ARR_LBOUND(fractions), type, length, by_value, alignment));
}

}  // namespace dap::aggregate
