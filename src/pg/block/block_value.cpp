#include "pg/block/block_value.h"

#include "engine/bag/scale.h"

namespace dap {

namespace {

// How a numeric is stored (numeric.c): the header's upper bits say what follows.
constexpr uint16 sign_bits = 0xC000, is_negative = 0x4000, is_short = 0x8000, is_special = 0xC000;
constexpr uint16 short_negative = 0x2000, short_scale = 0x1F80, short_weight_sign = 0x0040, short_weight = 0x003F;
constexpr uint16 long_scale = 0x3FFF;
constexpr int digits_each = 4;

struct Parts {
  bool negative;
  int scale, weight, count;
  const char* digits;
};

// False: NaN or an infinity.
bool take_apart(const char* stored, Parts* parts) {
  const char* data = VARDATA_ANY(stored);
  int bytes = static_cast<int>(VARSIZE_ANY_EXHDR(stored));
  uint16 header;
  std::memcpy(&header, data, 2);
  if ((header & sign_bits) == is_special) return false;
  if ((header & sign_bits) == is_short) {
    int weight = header & short_weight;
    if ((header & short_weight_sign) != 0) weight |= ~static_cast<int>(short_weight);
    *parts = {(header & short_negative) != 0, (header & short_scale) >> 7, weight, (bytes - 2) / 2, data + 2};
    return true;
  }
  int16 weight;
  std::memcpy(&weight, data + 2, 2);
  *parts = {(header & sign_bits) == is_negative, header & long_scale, weight, (bytes - 4) / 2, data + 4};
  return true;
}

bool scale_up(int64* value, int power) {
  return power <= bag::most_scale && !__builtin_mul_overflow(*value, bag::power_of_ten(power), value);
}

}  // namespace

bool numeric_scale(int32 typmod, int16* scale) {
  // As numeric.c has it since 15: precision in the upper half, scale in 11 bits, signed.
  if (typmod < static_cast<int32>(VARHDRSZ)) return false;
  int32 stated = ((typmod - static_cast<int32>(VARHDRSZ)) & 0x7ff) ^ 1024;
  *scale = static_cast<int16>(stated - 1024);
  return *scale >= 0 && *scale <= bag::most_scale;
}

bool shown_scale(const char* stored, int16* scale) {
  Parts parts;
  if (!take_apart(stored, &parts) || parts.scale > bag::most_scale) return false;
  *scale = static_cast<int16>(parts.scale);
  return true;
}

bool numeric_units(const char* stored, int scale, bool shown, int64* units) {
  Parts parts;
  if (!take_apart(stored, &parts) || (shown && parts.scale != scale)) return false;
  int64 value = 0;
  // How far the last digit reaches beyond the scale: it is cut there, so that nothing overflows that fits in the end.
  int power = digits_each * (parts.weight - parts.count + 1) + scale;
  if (parts.count > 0 && power <= -digits_each) return false;
  for (int i = 0; i < parts.count; i++) {
    int16 digit;
    std::memcpy(&digit, parts.digits + 2 * i, 2);
    bool is_cut = i == parts.count - 1 && power < 0;
    int64 cut = is_cut ? bag::power_of_ten(-power) : 1;
    if (digit % cut != 0) return false;
    if (__builtin_mul_overflow(value, bag::power_of_ten(digits_each) / cut, &value) ||
        __builtin_add_overflow(value, digit / cut, &value))
      return false;
  }
  if (power > 0 && value != 0 && !scale_up(&value, power)) return false;
  *units = parts.negative ? -value : value;
  return true;
}

Datum units_numeric(group::Int128 units, int scale) {
  if (units == static_cast<int64>(units)) {
    auto narrow = static_cast<int64>(units);
    return NumericGetDatum(scale == 0 ? int64_to_numeric(narrow) : int64_div_fast_to_numeric(narrow, scale));
  }
  // Digits from the end, the point among them
  char text[64];
  char* at = text + sizeof text;
  *--at = '\0';
  bool negative = units < 0;
  for (int place = 0; units != 0 || place <= scale; place++) {
    if (place == scale && scale > 0) *--at = '.';
    int digit = static_cast<int>(units % 10);
    *--at = static_cast<char>('0' + (negative ? -digit : digit));
    units /= 10;
  }
  if (negative) *--at = '-';
  return DirectFunctionCall3(numeric_in, CStringGetDatum(at), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

Datum value_datum(Kind kind, int64 value, const column::Dictionary* dictionary) {
  switch (kind.sort) {
    case Sort::int2: return Int16GetDatum(static_cast<int16>(value));
    case Sort::int4:
    case Sort::date: return Int32GetDatum(static_cast<int32>(value));
    case Sort::boolean: return BoolGetDatum(value != 0);
    case Sort::int8:
    case Sort::timestamp:
    case Sort::timestamptz: return Int64GetDatum(value);
    case Sort::numeric: return units_numeric(value, kind.scale);
    case Sort::text: {
      const column::Text& text = dictionary->texts[value];
      return PointerGetDatum(
          cstring_to_text_with_len(reinterpret_cast<const char*>(text.bytes), static_cast<int>(text.length)));
    }
  }
  pg_unreachable();
}

}  // namespace dap
