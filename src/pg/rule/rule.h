// What a compiled column rule holds. Only the rule_*.cpp files beside it and column_rule.cpp look inside.
#pragma once

#include "engine/convert/format.h"
#include "engine/convert/number_style.h"
#include "pg/rule/column_rule.h"

namespace dap {

enum class RuleKind : uint8 { text, integer, numeric, float8, float4, boolean, uuid, date, timestamp, timestamptz };

// Inclusive limits in the representation of the kind: `integers` also for dates (days) and timestamps (microseconds).
struct RuleBounds {
  bool has_min;
  bool has_max;
  int64 min_integer;
  int64 max_integer;
  double min_float;
  double max_float;
  Numeric min_numeric;
  Numeric max_numeric;
};

// Plain data in one memory context.
struct ColumnRule {
  const char* name;
  const char* source;
  Oid type;
  int32 typmod;
  RuleKind kind;
  bool required;
  bool trim;
  bool lower;
  bool empty_is_null;
  bool takes_exponent;                // of numbers
  const convert::NumberStyle* style;  // how numbers are written; NULL: plainly
  bool is_constrained;                // numeric(precision, scale)
  int precision;
  int scale;
  int64
      lowest;  // of an integer type; of numeric(p, s), where p is at most 18 and s not negative, times ten to s; else 0
  int64 highest;
  int map_count;
  MapEntry* map;  // sorted by map_entry_order
  int format_count;
  convert::Format* formats;
  pg_tz* zone;
  RuleBounds bounds;
};

// Lengths first, then bytes: the order in which a rule's map is kept.
int map_entry_order(const char* one, int one_length, const char* other, int other_length);

// The converted moment of a civil time under the rule's type and zone, not yet held against its bounds.
struct MomentResult {
  int64 value;  // days or microseconds since 2000-01-01
  Reason reason;
};
MomentResult rule_moment(const ColumnRule*, const convert::CivilTime&);

// Microseconds (since 2000-01-01, UTC) of a local time in a zone. Where clocks are put back and a local time comes
// twice, the later of the two moments, as PostgreSQL takes it; false for a local time that clocks skip, with the moment
// that the clocks before the gap would have shown.
bool local_to_utc(int64 local, pg_tz* zone, int64* utc);
int64 utc_to_local(int64 utc, pg_tz* zone);

// An IANA time zone by name, ignoring case; NULL for anything else, such as POSIX rules or the host's own zone.
pg_tz* find_zone(const char* name);

// The text in lower case as PostgreSQL's lower() gives it in the database's collation, as a text datum.
text* lower_text(const char* value, int length);

// Reads the `min` and `max` of a definition (NULL: the type's default) into a rule that is otherwise complete.
void compile_bounds(ColumnRule* rule, const char* min, const char* max);

// Compiles how numbers are written, of a column of numbers; 22023 where a text could be two numbers, or none could be
// any.
void compile_number_style(ColumnRule* rule, const ColumnDefinition& definition);

// Compiles formats and proves that no text has two readings under them within the rule's bounds; 22023 otherwise.
void compile_formats(ColumnRule* rule, const char* const* texts, int count);

}  // namespace dap
