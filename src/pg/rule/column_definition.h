// The columns of a model as its definition gives them: the one place that reads them from JSON.
#pragma once

#include "bridge/pg.h"

namespace dap {

// A text of `map` and what stands for it.
struct MapEntry {
  const char* from;
  int from_length;
  const char* to;  // NULL: the text stands for NULL
  int to_length;
};

// A text that may stand before or behind a number; `sign` is '+' or '-' where it says which side the number is on, else
// 0.
struct DefinedAffix {
  const char* text;
  char sign;
};

// Plain data in the memory context that was current when it was read; nothing of it points into the JSON.
struct ColumnDefinition {
  const char* name;
  const char* type;  // as format_type prints or accepts; NULL: not given
  // Of clean models' rules alone. NULL: not given, or null.
  const char* source;
  const char* zone;
  const char* min;
  const char* max;
  bool required;
  bool trim;
  bool lower;
  bool has_exponent;  // whether `exponent` is given
  bool exponent;
  int map_count;
  MapEntry* map;
  const char** formats;
  int format_count;
  // How numbers are written.
  const char* decimal;
  const char** thousands;
  int thousands_count;
  DefinedAffix* affixes;
  int affix_count;
  const char** negative;
  int negative_count;
  bool has_percent;
  bool percent;
};

// A rule of that name and type, and nothing else.
ColumnDefinition plain_column(const char* name, const char* type);
// One rule of a clean model: {name, source, type, required, trim, lower, map, decimal, thousands, affix, negative,
// percent, exponent, format, zone, min, max}. Raises 22023 for anything but an object of these keys and for values of
// other kinds than theirs; what the rule means is compile_column_rule's to judge.
ColumnDefinition read_column_rule(Jsonb*);

struct ColumnDefinitions {
  int count;
  ColumnDefinition* column;
};

// A model's `columns`: an array of rules, or of a query's {name, type, not_null}. Raises 22023 for anything else, 42701
// for a name that is there twice, 54011 for more columns than a table can have.
ColumnDefinitions read_clean_columns(JsonbContainer*);
ColumnDefinitions read_query_columns(JsonbContainer*);

// Is the name that of a column?
bool has_column(const ColumnDefinitions*, const char* name);

}  // namespace dap
