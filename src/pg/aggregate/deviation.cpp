// Final functions of dap.mad and dap.iqr: spread around the middle, over the states of the order statistics.
#include <algorithm>
#include <cmath>
#include <limits>

#include "bridge/compat/interval.h"
#include "pg/aggregate/numeric_value.h"
#include "pg/aggregate/quantile_state.h"

namespace dap::aggregate {

namespace {

using quantile::Int128;
using quantile::Kind;
using quantile::Position;
using quantile::Value;

constexpr size_t most_probes = 64;
constexpr uint64 small_count = 1024;
constexpr Int128 infinite_point = Int128{1} << 100;

bool is_float(Kind kind) { return kind == Kind::float4 || kind == Kind::float8; }
bool is_number(Kind kind) {
  return kind == Kind::int2 || kind == Kind::int4 || kind == Kind::int8 || kind == Kind::numeric;
}

Oid deviation_type(Kind kind) { return is_float(kind) ? FLOAT8OID : is_number(kind) ? NUMERICOID : INTERVALOID; }

[[noreturn]] void raise_infinite(const char* what) {
  ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("the %s is infinite", what),
                  errhint("Leave infinite values out with FILTER.")));
}

// Days of 24 hours and the rest, as the server subtracts timestamps.
Datum microseconds_interval(Int128 span) {
  const Int128 days = span / USECS_PER_DAY;
  if (days > PG_INT32_MAX)
    ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("interval out of range")));
  auto* interval = static_cast<Interval*>(palloc0(sizeof(Interval)));
  interval->day = static_cast<int32>(days);
  interval->time = static_cast<int64>(span % USECS_PER_DAY);
  return IntervalPGetDatum(interval);
}

// Where a value stands on a line of whole numbers: keys, or microseconds; false for a numeric that is no key. Not for
// floats.
bool point_of(Kind kind, const Value& value, Int128* point) {
  *point = value.key;
  switch (kind) {
    case Kind::date: {
      const auto day = static_cast<DateADT>(value.key);
      *point = DATE_IS_NOBEGIN(day) ? -infinite_point : DATE_IS_NOEND(day) ? infinite_point : *point * USECS_PER_DAY;
      return true;
    }
    case Kind::timestamp:
    case Kind::timestamptz:
      if (TIMESTAMP_NOT_FINITE(value.key)) *point = value.key < 0 ? -infinite_point : infinite_point;
      return true;
    case Kind::interval: {
      const quantile::IntervalParts parts = quantile::read_interval(value.bytes->data());
      *point = static_cast<Int128>(parts.time) +
               (static_cast<Int128>(parts.month) * DAYS_PER_MONTH + parts.day) * USECS_PER_DAY;
      if (const int end = interval_infinity(value_interval(value)); end != 0)
        *point = end < 0 ? -infinite_point : infinite_point;
      return true;
    }
    default: return value.bytes == nullptr;
  }
}

// The median from which values deviate.
struct Centre {
  Kind kind;
  int groups;
  bool keyed;  // `doubled` is twice the centre
  Int128 doubled;
  float8 number;  // of floats
  Datum numeric;  // of numbers
  Datum doubled_numeric;
};

// Whether a value deviates at least as far below the centre as another one deviates above it, and farther: for low <=
// high in order.
bool farther(const Centre& centre, const Value& low, const Value& high) {
  if (is_float(centre.kind)) {
    const float8 below = centre.number - quantile::key_double(low.key),
                 above = quantile::key_double(high.key) - centre.number;
    return quantile::double_key(below) > quantile::double_key(above);
  }
  Int128 from, to;
  if (centre.keyed && point_of(centre.kind, low, &from) && point_of(centre.kind, high, &to))
    return centre.doubled > from + to;
  const Datum sum =
      DirectFunctionCall2(numeric_add, value_numeric(low, centre.groups), value_numeric(high, centre.groups));
  return DatumGetInt32(DirectFunctionCall2(numeric_cmp, centre.doubled_numeric, sum)) > 0;
}

// The `held` values that lie nearest to the centre stand side by side: these are at their ends and next to them.
struct Window {
  bool has_before, has_after;
  Value before, first, last, after;
};

// Narrows down where the window starts by several places at a time, since an answer may be a pass over everything.
Window nearest(const RankSource& source, const Centre& centre, uint64 held, size_t probes) {
  uint64 low = 0, high = source.count - held;
  uint64 ranks[2 * most_probes], asked[2 * most_probes];
  Value values[2 * most_probes];
  const auto fetch = [&](size_t count) {
    std::copy_n(ranks, count, asked);
    std::sort(asked, asked + count);
    count = static_cast<size_t>(std::unique(asked, asked + count) - asked);
    source.values_at(&source, asked, count, values);
    return count;
  };
  while (low < high) {
    CHECK_FOR_INTERRUPTS();
    const size_t count = std::min<uint64>(probes, high - low);
    const uint64 step = (high - low) / count;
    for (size_t i = 0; i < count; i++) {
      ranks[i] = low + step * i + (step - 1) / 2;
      ranks[count + i] = ranks[i] + held;
    }
    const size_t known = fetch(2 * count);
    const auto value = [&](uint64 rank) -> const Value& {
      return values[std::lower_bound(asked, asked + known, rank) - asked];
    };
    size_t i = 0;
    while (i < count && farther(centre, value(ranks[i]), value(ranks[i] + held))) i++;
    if (i < count) high = ranks[i];
    if (i > 0) low = ranks[i - 1] + 1;
  }
  Window window{};
  window.has_before = low > 0;
  window.has_after = low + held < source.count;
  size_t count = 0;
  if (window.has_before) ranks[count++] = low - 1;
  ranks[count++] = low;
  ranks[count++] = low + held - 1;
  if (window.has_after) ranks[count++] = low + held;
  const size_t known = fetch(count);
  const auto value = [&](uint64 rank) -> const Value& {
    return values[std::lower_bound(asked, asked + known, rank) - asked];
  };
  window.first = value(low);
  window.last = value(low + held - 1);
  if (window.has_before) window.before = value(low - 1);
  if (window.has_after) window.after = value(low + held);
  return window;
}

// The two middle deviations: the farther end of the window, and with an even count what comes next.
template <class Deviation, class Deviate, class Less>
void middle_deviations(const Window& window, bool even, Deviate&& deviate, Less&& less, Deviation* low,
                       Deviation* high) {
  const Deviation first = deviate(window.first), last = deviate(window.last);
  *low = less(first, last) ? last : first;
  *high = *low;
  if (!even) return;
  *high = deviate(window.has_before ? window.before : window.after);
  if (!window.has_before || !window.has_after) return;
  const Deviation after = deviate(window.after);
  if (less(after, *high)) *high = after;
}

// Far values' deviations may overflow to infinity, which is where they sort; the middle ones cannot.
Datum deviation_double(const Centre& centre, const Window& window, bool even, const Position& half) {
  float8 low, high;
  const auto deviate = [&](const Value& value) { return std::fabs(quantile::key_double(value.key) - centre.number); };
  middle_deviations<float8>(
      window, even, deviate, [](float8 a, float8 b) { return quantile::double_key(a) < quantile::double_key(b); }, &low,
      &high);
  return Float8GetDatum(quantile::interpolate_double(low, high, half));
}

Datum deviation_numeric(const Centre& centre, const Window& window, bool even, const Position& half) {
  Datum low, high;
  const auto deviate = [&](const Value& value) {
    return DirectFunctionCall1(numeric_abs,
                               DirectFunctionCall2(numeric_sub, value_numeric(value, centre.groups), centre.numeric));
  };
  const auto less = [](Datum a, Datum b) { return DatumGetInt32(DirectFunctionCall2(numeric_cmp, a, b)) < 0; };
  middle_deviations<Datum>(window, even, deviate, less, &low, &high);
  if (half.part == 0) return DirectFunctionCall1(numeric_trim_scale, low);
  const Datum part = scaled_numeric(static_cast<int64>(half.part), half.places);
  return DirectFunctionCall1(numeric_trim_scale,
                             DirectFunctionCall2(numeric_mul, DirectFunctionCall2(numeric_add, low, high), part));
}

// False where a value is no key, or the result no 64-bit number.
bool deviation_keyed(const Centre& centre, const Window& window, bool even, Datum* result) {
  Int128 low, high;
  bool keyed = centre.keyed;
  const auto deviate = [&](const Value& value) {
    Int128 point;
    keyed = point_of(centre.kind, value, &point) && keyed;
    const Int128 deviation = 2 * point - centre.doubled;
    return deviation < 0 ? -deviation : deviation;
  };
  middle_deviations<Int128>(
      window, even, deviate, [](Int128 a, Int128 b) { return a < b; }, &low, &high);
  const Int128 quarters = low + high;
  if (!is_number(centre.kind)) {
    if (quarters >= infinite_point) raise_infinite("median absolute deviation");
    *result = microseconds_interval((quarters + 2) / 4);
    return true;
  }
  if (!keyed || quarters > PG_INT64_MAX / 25) return false;
  *result = scaled_numeric(static_cast<int64>(quarters) * 25, 4 * centre.groups + 2);
  return true;
}

// The median of |x - median|: of a sorted multiset those nearest to the median stand side by side, so that ranks are
// all it takes.
Datum median_deviation(const RankSource& source, size_t probes) {
  const uint64 count = source.count;
  const bool even = count % 2 == 0;
  const Position half = quantile::continuous_position({5, 1}, count);
  uint64 ranks[2] = {(count - 1) / 2, count / 2};
  Value middle[2];
  source.values_at(&source, ranks, even ? 2 : 1, middle);
  if (!even) middle[1] = middle[0];
  Centre centre{};
  centre.kind = source.kind;
  centre.groups = source.groups;
  if (is_float(source.kind)) {
    centre.number =
        quantile::interpolate_double(quantile::key_double(middle[0].key), quantile::key_double(middle[1].key), half);
    if (!std::isfinite(centre.number)) return Float8GetDatum(std::numeric_limits<float8>::quiet_NaN());
    return deviation_double(centre, nearest(source, centre, ranks[0] + 1, probes), even, half);
  }
  Int128 low, high;
  centre.keyed = point_of(source.kind, middle[0], &low) && point_of(source.kind, middle[1], &high);
  if (centre.keyed) centre.doubled = low + high;
  if (is_number(source.kind)) {
    centre.numeric = interpolate(source.kind, source.groups, middle[0], middle[1], half);
    const Numeric number = DatumGetNumeric(centre.numeric);
    if (numeric_is_nan(number) || numeric_is_inf(number)) return text_numeric("NaN");
    centre.doubled_numeric = DirectFunctionCall2(numeric_add, centre.numeric, centre.numeric);
  } else {
    if (low == -infinite_point || high == infinite_point || low == infinite_point || high == -infinite_point)
      raise_infinite("median");
    // A timestamp's median is a whole microsecond, the later one of two.
    if (source.kind != Kind::interval) centre.doubled = ((centre.doubled + 1) >> 1) * 2;
  }
  const Window window = nearest(source, centre, ranks[0] + 1, probes);
  Datum result;
  if (deviation_keyed(centre, window, even, &result)) return result;
  return deviation_numeric(centre, window, even, half);
}

void values_of_array(const RankSource* source, uint64* ranks, size_t rank_count, Value* values) {
  const auto* all = static_cast<const Value*>(source->state);
  for (size_t i = 0; i < rank_count; i++) values[i] = all[ranks[i]];
}

// Few values are all fetched at once.
RankSource small_source(const RankSource& source) {
  auto* ranks = static_cast<uint64*>(palloc(sizeof(uint64) * source.count));
  auto* values = static_cast<Value*>(palloc(sizeof(Value) * source.count));
  for (uint64 i = 0; i < source.count; i++) ranks[i] = i;
  source.values_at(&source, ranks, source.count, values);
  pfree(ranks);
  return {source.kind, source.groups, source.count, values_of_array, values};
}

// The third quartile less the first one.
Datum quartile_range(const RankSource& source) {
  Position positions[2] = {quantile::continuous_position({25, 2}, source.count),
                           quantile::continuous_position({75, 2}, source.count)};
  uint64 ranks[4];
  Value values[4];
  size_t rank_count = 0;
  const auto ask = [&](uint64 rank) {
    if (rank_count == 0 || rank > ranks[rank_count - 1]) ranks[rank_count++] = rank;
  };
  for (const Position& position : positions) {
    ask(position.low);
    if (position.part != 0) ask(position.low + 1);
  }
  source.values_at(&source, ranks, rank_count, values);
  Datum quartiles[2];
  for (int i = 0; i < 2; i++) quartiles[i] = interpolate_at(source, ranks, rank_count, values, positions[i]);
  if (is_float(source.kind)) return DirectFunctionCall2(float8mi, quartiles[1], quartiles[0]);
  if (is_number(source.kind))
    return DirectFunctionCall1(numeric_trim_scale, DirectFunctionCall2(numeric_sub, quartiles[1], quartiles[0]));
  if (source.kind == Kind::interval) return DirectFunctionCall2(interval_mi, quartiles[1], quartiles[0]);
  const Timestamp low = DatumGetTimestamp(quartiles[0]), high = DatumGetTimestamp(quartiles[1]);
  if (TIMESTAMP_NOT_FINITE(low) || TIMESTAMP_NOT_FINITE(high)) raise_infinite("interquartile range");
  return microseconds_interval(static_cast<Int128>(high) - low);
}

}  // namespace

}  // namespace dap::aggregate

DAP_FUNCTION(dap_mad_final) {
  using namespace dap::aggregate;
  RankSource source;
  if (!final_source(fcinfo, &source)) PG_RETURN_NULL();
  check_foreign(fcinfo, source, deviation_type(source.kind));
  return median_deviation(source.count <= small_count ? small_source(source) : source, most_probes);
}

// A rank of a window costs little: halving asks for the fewest.
DAP_FUNCTION(dap_mad_moving_final) {
  using namespace dap::aggregate;
  RankSource source;
  if (!moving_source(fcinfo, &source)) PG_RETURN_NULL();
  return median_deviation(source, 1);
}

DAP_FUNCTION(dap_iqr_final) {
  using namespace dap::aggregate;
  RankSource source;
  if (!final_source(fcinfo, &source)) PG_RETURN_NULL();
  check_foreign(fcinfo, source, deviation_type(source.kind));
  return quartile_range(source);
}

DAP_FUNCTION(dap_iqr_moving_final) {
  using namespace dap::aggregate;
  RankSource source;
  if (!moving_source(fcinfo, &source)) PG_RETURN_NULL();
  return quartile_range(source);
}
