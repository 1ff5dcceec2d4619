#include "pg/aggregate/numeric_value.h"

#include <algorithm>

namespace dap::aggregate {

using quantile::DecimalClass;

Datum text_numeric(const char* text) {
  return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

Datum decimal_numeric(const quantile::Decimal& decimal) {
  if (decimal.sort == DecimalClass::nan) return text_numeric("NaN");
  if (decimal.sort == DecimalClass::infinity) return text_numeric("Infinity");
  if (decimal.sort == DecimalClass::minus_infinity) return text_numeric("-Infinity");
  const int scale = std::min(quantile::decimal_groups(decimal) * 4, 0x3fff);
  // The long stored form, from which the server's own arithmetic makes the shortest.
  const Size size = VARHDRSZ + 4 + 2 * Size{decimal.count};
  auto* stored = static_cast<char*>(palloc0(size));
  SET_VARSIZE(stored, size);
  const uint16 header = static_cast<uint16>((decimal.sort == DecimalClass::negative ? 0x4000 : 0) | scale);
  const int16 weight = static_cast<int16>(decimal.weight);
  memcpy(stored + VARHDRSZ, &header, 2);
  memcpy(stored + VARHDRSZ + 2, &weight, 2);
  if (decimal.count > 0) memcpy(stored + VARHDRSZ + 4, decimal.digits, 2 * Size{decimal.count});
  return DirectFunctionCall1(numeric_trim_scale, PointerGetDatum(stored));
}

Datum part_numeric(const quantile::Position& position) {
  char text[64];
  quantile::part_text(position, text);
  return text_numeric(text);
}

Datum mixed_numeric(Datum low, Datum high, const quantile::Position& position) {
  const Datum part = part_numeric(position);
  const Datum rest = DirectFunctionCall2(numeric_sub, NumericGetDatum(int64_to_numeric(1)), part);
  const Datum from_low = DirectFunctionCall2(numeric_mul, rest, low);
  const Datum from_high = DirectFunctionCall2(numeric_mul, part, high);
  return DirectFunctionCall1(numeric_trim_scale, DirectFunctionCall2(numeric_add, from_low, from_high));
}

}  // namespace dap::aggregate
