// The conversion of one text by a compiled rule: called for every field, so by-value types allocate nothing.
#include "pg/rule/column_rule.h"

#include <cstring>
#include <string_view>

#include "engine/convert/datetime.h"
#include "engine/convert/number.h"
#include "engine/convert/word.h"
#include "pg/rule/rule.h"

namespace dap {

namespace {

using convert::Status;

ConvertResult reject(Reason reason) { return {static_cast<Datum>(0), true, reason}; }
ConvertResult value_of(Datum value) { return {value, false, Reason::none}; }

ConvertResult null_value(const ColumnRule* rule) {
  if (rule->required) return reject(Reason::required);
  return {static_cast<Datum>(0), true, Reason::none};
}

ConvertResult below_min() { return reject(Reason::before_min); }
ConvertResult above_max() { return reject(Reason::after_max); }

ConvertResult number_reject(const ColumnRule* rule, Status status) {
  switch (status) {
    case Status::out_of_range: return reject(Reason::out_of_range);
    case Status::would_be_rounded: return reject(Reason::would_be_rounded);
    case Status::unexpected_exponent: return reject(Reason::unexpected_exponent);
    default: return reject(rule->style != nullptr ? Reason::number_not_in_style : Reason::invalid_number);
  }
}

ConvertResult finish_integer(const ColumnRule* rule, std::int64_t value) {
  if (unlikely(rule->bounds.has_min && value < rule->bounds.min_integer)) return below_min();
  if (unlikely(rule->bounds.has_max && value > rule->bounds.max_integer)) return above_max();
  switch (rule->type) {
    case INT8OID: return value_of(Int64GetDatum(value));
    case INT4OID: return value_of(Int32GetDatum(static_cast<int32>(value)));
    default: return value_of(Int16GetDatum(static_cast<int16>(value)));
  }
}

ConvertResult convert_integer(const ColumnRule* rule, std::string_view text) {
  std::int64_t value = 0;
  const Status status = convert::parse_integer(text, rule->lowest, rule->highest, rule->takes_exponent, &value);
  if (unlikely(status != Status::ok)) return number_reject(rule, status);
  return finish_integer(rule, value);
}

ConvertResult finish_numeric(const ColumnRule* rule, Datum value) {
  if (rule->bounds.has_min &&
      DatumGetInt32(DirectFunctionCall2(numeric_cmp, value, NumericGetDatum(rule->bounds.min_numeric))) < 0)
    return below_min();
  if (rule->bounds.has_max &&
      DatumGetInt32(DirectFunctionCall2(numeric_cmp, value, NumericGetDatum(rule->bounds.max_numeric))) > 0)
    return above_max();
  return value_of(value);
}

ConvertResult convert_numeric(const ColumnRule* rule, std::string_view text) {
  Datum value;
  std::int64_t scaled = 0;
  if (rule->highest > 0 && convert::read_short_decimal(text, rule->scale, &scaled) && scaled >= rule->lowest &&
      scaled <= rule->highest) {
    value = NumericGetDatum(int64_div_fast_to_numeric(scaled, rule->scale));
  } else {
    convert::Decimal decimal;
    Status status = convert::parse_decimal(text, &decimal);
    if (status == Status::ok && decimal.has_exponent && !rule->takes_exponent) status = Status::unexpected_exponent;
    if (status == Status::ok) {
      status = rule->is_constrained ? convert::fits_numeric(decimal, rule->precision, rule->scale)
                                    : convert::fits_unconstrained_numeric(decimal);
    }
    if (unlikely(status != Status::ok)) return number_reject(rule, status);

    const int scale = rule->is_constrained ? rule->scale : static_cast<int>(decimal.scale);
    if (likely(convert::scaled_integer(decimal, scale, &scaled))) {
      value = NumericGetDatum(int64_div_fast_to_numeric(scaled, scale));
    } else {
      // Long, but known to be accepted and to lose nothing.
      char* copy = pnstrdup(decimal.token.data(), decimal.token.size());
      value = DirectFunctionCall3(numeric_in, CStringGetDatum(copy), ObjectIdGetDatum(InvalidOid),
                                  Int32GetDatum(rule->typmod));
      pfree(copy);
    }
  }
  return finish_numeric(rule, value);
}

ConvertResult convert_float(const ColumnRule* rule, std::string_view text) {
  double value = 0;
  float single = 0;
  const bool is_single = rule->kind == RuleKind::float4;
  const Status status = is_single ? convert::parse_float(text, &single) : convert::parse_double(text, &value);
  if (unlikely(status == Status::malformed)) return number_reject(rule, status);
  // No other part of a number has this letter.
  if (unlikely(!rule->takes_exponent && text.find_first_of("eE") != text.npos))
    return number_reject(rule, Status::unexpected_exponent);
  if (unlikely(status != Status::ok)) return number_reject(rule, status);
  if (is_single) value = single;
  if (rule->bounds.has_min && value < rule->bounds.min_float) return below_min();
  if (rule->bounds.has_max && value > rule->bounds.max_float) return above_max();
  return value_of(is_single ? Float4GetDatum(single) : Float8GetDatum(value));
}

ConvertResult convert_plain_number(const ColumnRule* rule, std::string_view text) {
  switch (rule->kind) {
    case RuleKind::integer: return convert_integer(rule, text);
    case RuleKind::numeric: return convert_numeric(rule, text);
    default: return convert_float(rule, text);
  }
}

ConvertResult convert_number(const ColumnRule* rule, std::string_view text) {
  if (likely(rule->style == nullptr)) return convert_plain_number(rule, text);
  // Limits that are not 0 are those of integers and of numerics that read_short_number reads.
  std::int64_t scaled = 0;
  if (rule->highest > 0 && convert::read_short_number(*rule->style, text, rule->scale, &scaled) &&
      scaled >= rule->lowest && scaled <= rule->highest) {
    if (rule->kind == RuleKind::integer) return finish_integer(rule, scaled);
    return finish_numeric(rule, NumericGetDatum(int64_div_fast_to_numeric(scaled, rule->scale)));
  }
  char short_room[128];
  const Size size = text.size() + convert::plain_number_room;
  char* room = size <= sizeof short_room ? short_room : static_cast<char*>(palloc(size));
  std::string_view plain;
  const Status status = convert::plain_number(*rule->style, text, room, &plain);
  const ConvertResult result =
      likely(status == Status::ok) ? convert_plain_number(rule, plain) : number_reject(rule, status);
  if (room != short_room) pfree(room);
  return result;
}

ConvertResult moment_reject(const ColumnRule* rule, Status status) {
  const bool is_date = rule->kind == RuleKind::date;
  switch (status) {
    case Status::unexpected_time: return reject(Reason::unexpected_time);
    case Status::no_such_time: return reject(is_date ? Reason::no_such_day : Reason::no_such_time);
    case Status::would_be_rounded: return reject(Reason::time_would_be_rounded);
    default:
      if (rule->format_count > 0) return reject(is_date ? Reason::date_not_in_format : Reason::timestamp_not_in_format);
      return reject(is_date ? Reason::invalid_date : Reason::invalid_timestamp);
  }
}

// A moment that was read, as a value within the bounds.
ConvertResult finish_moment(const ColumnRule* rule, const convert::CivilTime& moment) {
  const MomentResult result = rule_moment(rule, moment);
  if (unlikely(result.reason != Reason::none)) return reject(result.reason);
  if (unlikely(rule->bounds.has_min && result.value < rule->bounds.min_integer)) return reject(Reason::date_before_min);
  if (unlikely(rule->bounds.has_max && result.value > rule->bounds.max_integer)) return reject(Reason::date_after_max);
  if (rule->kind == RuleKind::date) return value_of(DateADTGetDatum(static_cast<DateADT>(result.value)));
  return value_of(Int64GetDatum(result.value));
}

ConvertResult convert_moment(const ColumnRule* rule, std::string_view text) {
  convert::CivilTime moment;
  if (rule->format_count == 0) {
    const Status status = rule->kind == RuleKind::date ? convert::parse_iso_date(text, &moment.day)
                                                       : convert::parse_iso_timestamp(text, &moment);
    return likely(status == Status::ok) ? finish_moment(rule, moment) : moment_reject(rule, status);
  }
  // Formats were proved to give one value at most, so the first that gives one has it. The reject of the format that
  // came furthest is kept.
  ConvertResult worst = moment_reject(rule, Status::malformed);
  Status furthest = Status::malformed;
  for (int i = 0; i < rule->format_count; ++i) {
    const Status status = convert::parse_by_format(rule->formats[i], text, &moment);
    if (status == Status::ok) {
      const ConvertResult result = finish_moment(rule, moment);
      if (result.reason == Reason::none) return result;
      worst = result;
      furthest = Status::ok;
    } else if (status != Status::malformed && furthest == Status::malformed) {
      worst = moment_reject(rule, status);
      furthest = status;
    }
  }
  return worst;
}

const MapEntry* find_in_map(const ColumnRule* rule, const char* value, int length) {
  int low = 0;
  int high = rule->map_count;
  while (low < high) {
    const int middle = (low + high) / 2;
    const MapEntry& entry = rule->map[middle];
    const int order = map_entry_order(value, length, entry.from, entry.from_length);
    if (order == 0) return &entry;
    if (order < 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return nullptr;
}

}  // namespace

int map_entry_order(const char* one, int one_length, const char* other, int other_length) {
  if (one_length != other_length) return one_length < other_length ? -1 : 1;
  return one_length == 0 ? 0 : std::memcmp(one, other, static_cast<std::size_t>(one_length));
}

MomentResult rule_moment(const ColumnRule* rule, const convert::CivilTime& moment) {
  switch (rule->kind) {
    case RuleKind::date: return {moment.day, Reason::none};
    case RuleKind::timestamp:
      if (!moment.has_offset) return {moment.local_microseconds(), Reason::none};
      if (rule->zone == nullptr) return {0, Reason::unexpected_offset};
      return {utc_to_local(moment.utc_microseconds(), rule->zone), Reason::none};
    default: {
      if (moment.has_offset) return {moment.utc_microseconds(), Reason::none};
      if (rule->zone == nullptr) return {0, Reason::missing_zone};
      int64 utc = 0;
      if (!local_to_utc(moment.local_microseconds(), rule->zone, &utc)) return {0, Reason::nonexistent_local_time};
      return {utc, Reason::none};
    }
  }
}

ConvertResult convert_value(const ColumnRule* rule, const char* value, int length, bool is_null) {
  if (is_null) return null_value(rule);
  if (rule->trim) {
    // As btrim(text): spaces and nothing else.
    while (length > 0 && *value == ' ') ++value, --length;
    while (length > 0 && value[length - 1] == ' ') --length;
  }
  text* lowered = nullptr;
  if (rule->lower && length > 0) {
    lowered = lower_text(value, length);
    value = VARDATA(lowered);
    length = static_cast<int>(VARSIZE(lowered) - VARHDRSZ);
  }
  if (rule->map_count > 0) {
    const MapEntry* entry = find_in_map(rule, value, length);
    if (entry != nullptr) {
      if (entry->to == nullptr) return null_value(rule);
      value = entry->to;
      length = entry->to_length;
      lowered = nullptr;
    }
  }
  if (length == 0 && rule->empty_is_null) return null_value(rule);

  const std::string_view view(value, static_cast<std::size_t>(length));
  switch (rule->kind) {
    case RuleKind::text:
      return value_of(PointerGetDatum(lowered != nullptr ? lowered : cstring_to_text_with_len(value, length)));
    case RuleKind::integer:
    case RuleKind::numeric:
    case RuleKind::float8:
    case RuleKind::float4: return convert_number(rule, view);
    case RuleKind::boolean: {
      bool parsed = false;
      if (convert::parse_boolean(view, &parsed) != Status::ok) return reject(Reason::invalid_boolean);
      return value_of(BoolGetDatum(parsed));
    }
    case RuleKind::uuid: {
      pg_uuid_t parsed;
      if (convert::parse_uuid(view, parsed.data) != Status::ok) return reject(Reason::invalid_uuid);
      auto* uuid = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
      *uuid = parsed;
      return value_of(UUIDPGetDatum(uuid));
    }
    case RuleKind::date:
    case RuleKind::timestamp:
    case RuleKind::timestamptz: return convert_moment(rule, view);
  }
  pg_unreachable();
}

const char* rule_name(const ColumnRule* rule) { return rule->name; }
const char* rule_source(const ColumnRule* rule) { return rule->source; }
Oid rule_type(const ColumnRule* rule) { return rule->type; }
int32 rule_typmod(const ColumnRule* rule) { return rule->typmod; }

}  // namespace dap
