// A column of a clean model: its compiled rule, and the exact conversion of one text to one Datum.
#pragma once

#include "bridge/pg.h"
#include "engine/reason/reason.h"
#include "pg/rule/column_definition.h"

namespace dap {

struct ColumnRule;  // allocated in the memory context current at compile time

// Compiles a rule as create_clean_model documents them. Raises 22023 for contradictory rules and formats under which
// one text could be two dates; 42704 for types that are not convertible. `type` is as format_type prints or accepts:
// bigint, integer, numeric(18,2), numeric, double precision, boolean, date, timestamp, timestamptz, uuid, text.
// `force_required` is for keys. Shares the definition's memory.
ColumnRule* compile_column_rule(const ColumnDefinition& definition, bool force_required);
// The rule of a plain column of this type, as read_csv uses it: no trimming of texts, not required.
ColumnRule* compile_plain_rule(const char* name, Oid type, int32 typmod);

const char* rule_name(const ColumnRule*);
const char* rule_source(const ColumnRule*);  // the source's column; defaults to the name
Oid rule_type(const ColumnRule*);
int32 rule_typmod(const ColumnRule*);

// A value, or why the text is none of the column's: a reason of Stage::clean, whose words are the whole message.
struct ConvertResult {
  Datum value;  // palloc'd in the current context where by reference
  bool is_null;
  Reason reason;
};

// Trims, lower-cases, maps, then converts. Never raises for contents; may allocate.
ConvertResult convert_value(const ColumnRule*, const char* text, int length, bool is_null);

}  // namespace dap
