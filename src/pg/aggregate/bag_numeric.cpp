// Elements of bags as the server's numerics.
#include <algorithm>

#include "pg/aggregate/bag_value.h"

namespace dap::aggregate {

Datum text_numeric(const char* text) {
  return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

Datum special_numeric(bag::Special special) {
  return text_numeric(special == bag::minus_infinity ? "-Infinity" : special == bag::infinity ? "Infinity" : "NaN");
}

Datum decimal_numeric(const bag::Decimal& decimal) {
  const int scale = decimal.count == 0 ? 0 : std::max(bag::decimal_places(decimal), 0);
  // The long stored form, from which the server's own arithmetic makes the shortest.
  const Size size = VARHDRSZ + 4 + 2 * Size{decimal.count};
  auto* stored = static_cast<char*>(palloc0(size));
  SET_VARSIZE(stored, size);
  const uint16 header = static_cast<uint16>((decimal.sort == quantile::DecimalClass::negative ? 0x4000 : 0) | scale);
  const int16 weight = static_cast<int16>(decimal.weight);
  memcpy(stored + VARHDRSZ, &header, 2);
  memcpy(stored + VARHDRSZ + 2, &weight, 2);
  if (decimal.count > 0) memcpy(stored + VARHDRSZ + 4, decimal.digits, 2 * Size{decimal.count});
  return DirectFunctionCall1(numeric_trim_scale, PointerGetDatum(stored));
}

Datum key_numeric(int64 key, int scale) {
  uint16_t digits[8];
  return decimal_numeric(bag::key_decimal(key, scale, digits));
}

Datum element_numeric(const bag::Element& element, int scale) {
  if (element.bytes == nullptr) return key_numeric(element.key, scale);
  bag::Decimal decimal;
  auto* digits = static_cast<uint16_t*>(palloc(element.length + 2));
  if (!quantile::read_decimal_bytes(element.bytes, element.length, digits, &decimal)) raise_bag_outcome(bag::Outcome::damaged);
  const Datum result = decimal_numeric(decimal);
  pfree(digits);
  return result;
}

}  // namespace dap::aggregate
