// Values as 64-bit numbers, and back.
#pragma once

#include <cstring>

#include "engine/group/plan.h"

#include "bridge/pg.h"
#include "pg/block/block.h"

namespace dap {

// The scale of numeric values with a type modifier; false where they may have any, or more digits than the engine has.
bool numeric_scale(int32 typmod, int16* scale);

// The scale that a stored numeric, not toasted, is shown with; false: it is no number, or has more digits.
bool shown_scale(const char* stored, int16* scale);

// A stored numeric, not toasted, in units of 10^-scale; false where it is none of so many: NaN, an infinity, too large
// or with more digits. `shown`: it has to be shown with just that scale, too.
bool numeric_units(const char* stored, int scale, bool shown, int64* units);

// A value of a type of fixed width.
inline int64 fixed_value(Sort sort, Datum value) {
  switch (sort) {
    case Sort::int2: return DatumGetInt16(value);
    case Sort::int4:
    case Sort::date: return DatumGetInt32(value);
    case Sort::boolean: return DatumGetBool(value) ? 1 : 0;
    default: return DatumGetInt64(value);
  }
}

// The same of a value that lies in a tuple.
inline int64 stored_value(Sort sort, const char* place) {
  int16 two;
  int32 four;
  int64 eight;
  switch (sort) {
    case Sort::int2: std::memcpy(&two, place, 2); return two;
    case Sort::int4:
    case Sort::date: std::memcpy(&four, place, 4); return four;
    case Sort::boolean: return *place != 0 ? 1 : 0;
    default: std::memcpy(&eight, place, 8); return eight;
  }
}

// A number of units as numeric, shown with that scale.
Datum units_numeric(group::Int128 units, int scale);

// A number as the value that it stands for.
Datum value_datum(Kind, int64 value, const column::Dictionary*);

}  // namespace dap
