// What a bag answers: how many, sum, least, greatest, median, percentiles. Every answer is numeric.
#include <algorithm>
#include <charconv>
#include <new>

#include "pg/aggregate/bag_value.h"

#include "bridge/engine_call.h"

namespace dap::aggregate {

using bag::Header;
using bag::Outcome;

namespace {

constexpr unsigned blocks_a_check = 512;

uint16_t* digits_scratch() { return static_cast<uint16_t*>(palloc(quantile::most_decimal_digits * sizeof(uint16_t))); }

void open_parts(BagBytes bytes, Header* header, bag::KeyReader* keys, bag::WideReader* wide) {
  if (!bag::open_bag(bytes.data, bytes.size, header, keys, wide)) raise_bag_outcome(Outcome::damaged);
}

bag::Decimal decode(const bag::WideValue& value, uint16_t* digits) {
  bag::Decimal decimal;
  if (!quantile::read_decimal_bytes(value.bytes, value.length, digits, &decimal)) raise_bag_outcome(Outcome::damaged);
  return decimal;
}

bool next_wide(bag::WideReader* reader, bag::WideValue* value) {
  CHECK_FOR_INTERRUPTS();
  if (bag::read_wide(reader, value)) return true;
  if (reader->damaged) raise_bag_outcome(Outcome::damaged);
  return false;
}

// coefficient / 10^scale
Datum wide_numeric(quantile::Int128 coefficient, int scale) {
  char digits[48], text[64];
  int length = 0;
  const bool negative = coefficient < 0;
  auto rest = negative ? 0 - static_cast<quantile::UInt128>(coefficient) : static_cast<quantile::UInt128>(coefficient);
  do {
    digits[length++] = static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  char* out = text;
  if (negative) *out++ = '-';
  while (length > 0) *out++ = digits[--length];
  *out++ = 'e';
  out = std::to_chars(out, out + 8, -scale).ptr;
  *out = '\0';
  return DirectFunctionCall1(numeric_trim_scale, text_numeric(text));
}

Datum sum_of(Datum datum) {
  const BagBytes bytes = bag_bytes(datum);
  Header header;
  bag::KeyReader keys;
  bag::WideReader wide;
  open_parts(bytes, &header, &keys, &wide);
  if (header.specials[bag::not_a_number] > 0 ||
      (header.specials[bag::infinity] > 0 && header.specials[bag::minus_infinity] > 0))
    return special_numeric(bag::not_a_number);
  if (header.specials[bag::infinity] > 0) return special_numeric(bag::infinity);
  if (header.specials[bag::minus_infinity] > 0) return special_numeric(bag::minus_infinity);

  // At most 2^63 - 1 values below 2^63: the sum is below 2^126.
  quantile::Int128 sum = 0;
  bag::Block block;
  for (uint64 i = 0; bag::read_block(&keys, &block); i++) {
    if (i % blocks_a_check == 0) CHECK_FOR_INTERRUPTS();
    for (unsigned k = 0; k < block.count; k++)
      sum += static_cast<quantile::Int128>(block.keys[k]) * static_cast<quantile::Int128>(block.times[k]);
  }
  if (keys.damaged) raise_bag_outcome(Outcome::damaged);
  Datum total = wide_numeric(sum, header.scale);
  if (header.wide_count == 0) return total;
  uint16_t* digits = digits_scratch();
  bag::WideValue value;
  while (next_wide(&wide, &value)) {
    const Datum one = decimal_numeric(decode(value, digits));
    const Datum all =
        DirectFunctionCall2(numeric_mul, one, NumericGetDatum(int64_to_numeric(static_cast<int64>(value.times))));
    const Datum next = DirectFunctionCall2(numeric_add, total, all);
    pfree(DatumGetPointer(one));
    pfree(DatumGetPointer(all));
    pfree(DatumGetPointer(total));
    total = next;
  }
  return DirectFunctionCall1(numeric_trim_scale, total);
}

// The least or the greatest finite value, of which there is one.
Datum end_of(Datum datum, const Header& header, bool greatest) {
  if (header.wide_count == 0) return key_numeric(greatest ? header.last() : header.first, header.scale);
  Header again;
  bag::KeyReader keys;
  bag::WideReader wide;
  open_parts(bag_bytes(datum), &again, &keys, &wide);
  uint16_t* digits = digits_scratch();
  bag::WideValue value, next;
  if (!next_wide(&wide, &value)) raise_bag_outcome(Outcome::damaged);
  while (greatest && next_wide(&wide, &next)) value = next;
  const bag::Decimal decimal = decode(value, digits);
  int64_t floor;
  bag::scaled_key(decimal, header.scale, &floor);
  const bool wide_one = header.key_count == 0 || (greatest ? floor >= header.last() : floor < header.first);
  return wide_one ? decimal_numeric(decimal) : key_numeric(greatest ? header.last() : header.first, header.scale);
}

Datum found_numeric(const bag::Found& found, int scale) {
  return found.special < bag::special_count ? special_numeric(found.special) : element_numeric(found.element, scale);
}

// As the aggregates do it: exact, between two neighbours (1 - part) × low + part × high.
Datum percentile_of(Datum datum, float8 number) {
  quantile::Fraction fraction;
  if (!quantile::read_fraction(number, &fraction)) raise_fraction_range();
  const BagBytes bytes = bag_bytes(datum);
  Header header;
  if (!bag::read_header(bytes.data, bytes.size, &header)) raise_bag_outcome(Outcome::damaged);
  if (header.values == 0) return 0;
  const quantile::Position position = quantile::continuous_position(fraction, header.values);
  auto* memory = new (palloc(sizeof(ContextMemory))) ContextMemory(CurrentMemoryContext);
  auto* search = static_cast<bag::Search*>(palloc(sizeof(bag::Search)));
  Outcome outcome = Outcome::damaged;
  EngineFault fault = try_engine([&] {
    outcome = bag::begin_search(search, bytes.data, bytes.size, position.low, position.part == 0 ? 1 : 2, memory);
  });
  while (fault == EngineFault::none && outcome == Outcome::more) {
    CHECK_FOR_INTERRUPTS();
    fault = try_engine([&] { outcome = bag::step_search(search, 1 << 16); });
  }
  raise_engine_fault(fault, "bags");
  if (outcome != Outcome::done) raise_bag_outcome(outcome);

  const bag::Found& low = search->results[0];
  const bag::Found& high = search->results[1];
  const Datum from = found_numeric(low, header.scale);
  if (position.part == 0) return from;
  const bool finite = low.special == bag::special_count && high.special == bag::special_count;
  if (low.special == high.special && (!finite || bag::compare(low.element, high.element) == 0)) return from;
  if (finite && low.element.bytes == nullptr && high.element.bytes == nullptr && header.scale >= 0) {
    int64_t result;
    int places;
    if (quantile::interpolate_scaled(low.element.key, high.element.key, header.scale, position, &result, &places))
      return wide_numeric(result, places);
  }
  return mixed_numeric(from, found_numeric(high, header.scale), position);
}

}  // namespace

}  // namespace dap::aggregate

DAP_FUNCTION(dap_bag_count) {
  PG_RETURN_NUMERIC(int64_to_numeric(static_cast<int64>(dap::aggregate::bag_header(PG_GETARG_DATUM(0)).values)));
}

DAP_FUNCTION(dap_bag_sum) {
  using namespace dap::aggregate;
  if (bag_header(PG_GETARG_DATUM(0)).values == 0) PG_RETURN_NULL();
  PG_RETURN_DATUM(sum_of(PG_GETARG_DATUM(0)));
}

DAP_FUNCTION(dap_bag_min) {
  using namespace dap::aggregate;
  namespace bag = dap::bag;
  const bag::Header header = bag_header(PG_GETARG_DATUM(0));
  if (header.specials[bag::minus_infinity] > 0) PG_RETURN_DATUM(special_numeric(bag::minus_infinity));
  if (header.key_count + header.wide_count > 0) PG_RETURN_DATUM(end_of(PG_GETARG_DATUM(0), header, false));
  if (header.specials[bag::infinity] > 0) PG_RETURN_DATUM(special_numeric(bag::infinity));
  if (header.specials[bag::not_a_number] > 0) PG_RETURN_DATUM(special_numeric(bag::not_a_number));
  PG_RETURN_NULL();
}

DAP_FUNCTION(dap_bag_max) {
  using namespace dap::aggregate;
  namespace bag = dap::bag;
  const bag::Header header = bag_header(PG_GETARG_DATUM(0));
  if (header.specials[bag::not_a_number] > 0) PG_RETURN_DATUM(special_numeric(bag::not_a_number));
  if (header.specials[bag::infinity] > 0) PG_RETURN_DATUM(special_numeric(bag::infinity));
  if (header.key_count + header.wide_count > 0) PG_RETURN_DATUM(end_of(PG_GETARG_DATUM(0), header, true));
  if (header.specials[bag::minus_infinity] > 0) PG_RETURN_DATUM(special_numeric(bag::minus_infinity));
  PG_RETURN_NULL();
}

DAP_FUNCTION(dap_bag_median) {
  const Datum result = dap::aggregate::percentile_of(PG_GETARG_DATUM(0), 0.5);
  if (result == 0) PG_RETURN_NULL();
  PG_RETURN_DATUM(result);
}

DAP_FUNCTION(dap_bag_percentile) {
  const Datum result = dap::aggregate::percentile_of(PG_GETARG_DATUM(0), PG_GETARG_FLOAT8(1));
  if (result == 0) PG_RETURN_NULL();
  PG_RETURN_DATUM(result);
}
