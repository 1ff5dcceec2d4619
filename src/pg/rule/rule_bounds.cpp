// The limits of a column rule, as given or by default.
#include <cstring>
#include <string_view>

#include "engine/convert/datetime.h"
#include "pg/rule/rule.h"

namespace dap {

namespace {

[[noreturn]] void bad_bound(const ColumnRule* rule, const char* key, const char* detail) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("\"%s\" of column \"%s\" is not a value of type %s", key, rule->name,
                         format_type_with_typemod(rule->type, rule->typmod)),
                  errdetail("Of the value given: %s.", detail),
                  errhint("Write it as a text of the column's own type, dates as YYYY-MM-DD.")));
}

// A date or timestamp, inclusive: as a maximum, a day without a time of day is meant to its end.
int64 moment_bound(const ColumnRule* rule, const char* key, const char* written, bool is_max) {
  const std::string_view view(written, strlen(written));
  convert::CivilTime moment;
  convert::Status status;
  if (rule->kind == RuleKind::date) {
    status = convert::parse_iso_date(view, &moment.day);
  } else {
    status = convert::parse_iso_timestamp(view, &moment);
  }
  if (status != convert::Status::ok) bad_bound(rule, key, "it is not a day or time written YYYY-MM-DD [HH:MI[:SS]]");
  if (rule->kind == RuleKind::date) return moment.day;
  if (moment.has_offset && rule->kind == RuleKind::timestamp && rule->zone == nullptr) {
    bad_bound(rule, key, "it has an offset from UTC, and the column has no zone");
  }

  const bool whole_day = is_max && !moment.has_time;
  int64 local = moment.local_microseconds();
  if (whole_day) local += USECS_PER_DAY;
  int64 bound = local;
  if (moment.has_offset) {
    bound = moment.utc_microseconds();
    if (rule->kind == RuleKind::timestamp) bound = utc_to_local(bound, rule->zone);
  } else if (rule->kind == RuleKind::timestamptz) {
    // A limit that clocks skip is the moment at which they do.
    (void)local_to_utc(local, rule->zone != nullptr ? rule->zone : pg_tzset("GMT"), &bound);
  }
  return whole_day ? bound - 1 : bound;
}

[[noreturn]] void contradiction(const ColumnRule* rule, bool by_default) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("\"min\" of column \"%s\" is above its \"max\"", rule->name),
                  by_default ? errhint("Where only one is given, the other is 1900-01-01 or 2199-12-31.") : 0));
}

}  // namespace

void compile_bounds(ColumnRule* rule, const char* min, const char* max) {
  rule->bounds = RuleBounds{};
  RuleBounds bounds{};
  const bool is_moment =
      rule->kind == RuleKind::date || rule->kind == RuleKind::timestamp || rule->kind == RuleKind::timestamptz;
  if (is_moment) {
    // One mistyped year must not make a table of millions of days.
    bounds.min_integer = moment_bound(rule, "min", min != nullptr ? min : "1900-01-01", false);
    bounds.max_integer = moment_bound(rule, "max", max != nullptr ? max : "2199-12-31", true);
    bounds.has_min = bounds.has_max = true;
    if (bounds.min_integer > bounds.max_integer) contradiction(rule, min == nullptr || max == nullptr);
    rule->bounds = bounds;
    return;
  }
  if (min == nullptr && max == nullptr) return;
  if (rule->kind == RuleKind::text || rule->kind == RuleKind::boolean || rule->kind == RuleKind::uuid) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("\"%s\" does not apply to column \"%s\" of type %s", min != nullptr ? "min" : "max",
                           rule->name, format_type_be(rule->type)),
                    errhint("Numbers, dates and timestamps can have a minimum and a maximum.")));
  }
  // The limits are read as the column's values are, but for what changes texts.
  ColumnRule plain = *rule;
  plain.map_count = 0;
  plain.required = true;
  plain.style = nullptr;
  plain.takes_exponent = true;  // a limit is no identifier
  const char* const keys[2] = {"min", "max"};
  const char* const texts[2] = {min, max};
  Datum values[2] = {};
  for (int i = 0; i < 2; ++i) {
    if (texts[i] == nullptr) continue;
    const ConvertResult result = convert_value(&plain, texts[i], static_cast<int>(strlen(texts[i])), false);
    if (result.reason != Reason::none) bad_bound(rule, keys[i], reason_words(result.reason));
    values[i] = result.value;
  }
  bounds.has_min = min != nullptr;
  bounds.has_max = max != nullptr;
  const bool has_both = bounds.has_min && bounds.has_max;
  switch (rule->kind) {
    case RuleKind::integer: {
      const auto widen = [rule](Datum value) -> int64 {
        if (rule->type == INT8OID) return DatumGetInt64(value);
        return rule->type == INT4OID ? DatumGetInt32(value) : DatumGetInt16(value);
      };
      if (bounds.has_min) bounds.min_integer = widen(values[0]);
      if (bounds.has_max) bounds.max_integer = widen(values[1]);
      if (has_both && bounds.min_integer > bounds.max_integer) contradiction(rule, false);
      break;
    }
    case RuleKind::numeric:
      if (bounds.has_min) bounds.min_numeric = DatumGetNumeric(values[0]);
      if (bounds.has_max) bounds.max_numeric = DatumGetNumeric(values[1]);
      if (has_both && DatumGetInt32(DirectFunctionCall2(numeric_cmp, values[0], values[1])) > 0)
        contradiction(rule, false);
      break;
    default: {
      const bool is_single = rule->kind == RuleKind::float4;
      if (bounds.has_min) bounds.min_float = is_single ? DatumGetFloat4(values[0]) : DatumGetFloat8(values[0]);
      if (bounds.has_max) bounds.max_float = is_single ? DatumGetFloat4(values[1]) : DatumGetFloat8(values[1]);
      if (has_both && bounds.min_float > bounds.max_float) contradiction(rule, false);
      break;
    }
  }
  rule->bounds = bounds;
}

}  // namespace dap
