#include "engine/top/amount.h"

namespace dap::top {

namespace {

Int128 power_of_base(int exponent) {
  Int128 power = 1;
  while (exponent-- > 0) power *= quantile::decimal_base;
  return power;
}

// Whole part, rounded down, and the rest in 0..10,000^groups - 1.
void part(const Amount& amount, Int128* whole, Int128* rest) {
  const Int128 one = power_of_base(amount.groups);
  *whole = amount.units / one;
  *rest = amount.units % one;
  if (*rest < 0) {
    *rest += one;
    --*whole;
  }
}

}  // namespace

bool decimal_units(const Decimal& decimal, int groups, Int128* units) {
  if (decimal.sort < DecimalClass::negative || decimal.sort > DecimalClass::positive) return false;
  *units = 0;
  if (decimal.count == 0) return true;
  const int whole = decimal.weight + groups + 1;  // digits of the scaled number
  if (whole > 9 || static_cast<int>(decimal.count) > whole) return false;
  for (int i = 0; i < whole; i++)
    *units = *units * quantile::decimal_base +
             (i < static_cast<int>(decimal.count) ? quantile::load16(decimal.digits + 2 * i) : 0);
  if (decimal.sort == DecimalClass::negative) *units = -*units;
  return true;
}

bool add_units(Amount* amount, Int128 units, int groups) {
  Int128 sum = amount->units;
  if (groups < amount->groups) {
    if (__builtin_mul_overflow(units, power_of_base(amount->groups - groups), &units)) return false;
  } else if (groups > amount->groups) {
    if (__builtin_mul_overflow(sum, power_of_base(groups - amount->groups), &sum)) return false;
  }
  if (__builtin_add_overflow(sum, units, &sum)) return false;
  amount->units = sum;
  if (groups > amount->groups) amount->groups = static_cast<std::uint8_t>(groups);
  return true;
}

bool add_decimal_slow(Amount* amount, const Decimal& decimal) {
  const int needed = quantile::decimal_groups(decimal);
  const int groups = needed > amount->groups ? needed : amount->groups;
  Int128 units;
  if (groups > most_sum_groups || !decimal_units(decimal, groups, &units)) return false;
  return add_units(amount, units, groups);
}

int compare_units(const Amount& a, const Amount& b) {
  if (a.groups == b.groups) return a.units < b.units ? -1 : a.units > b.units;
  Int128 whole_a, whole_b, rest_a, rest_b;
  part(a, &whole_a, &rest_a);
  part(b, &whole_b, &rest_b);
  if (whole_a != whole_b) return whole_a < whole_b ? -1 : 1;
  // Both rests are below 10^32, whatever scale they are brought to.
  if (a.groups < b.groups) rest_a *= power_of_base(b.groups - a.groups);
  else rest_b *= power_of_base(a.groups - b.groups);
  return rest_a < rest_b ? -1 : rest_a > rest_b;
}

void units_text(Int128 units, int groups, int scale, char* text) {
  const bool negative = units < 0;
  auto left =
      negative ? quantile::UInt128{0} - static_cast<quantile::UInt128>(units) : static_cast<quantile::UInt128>(units);
  char reversed[units_text_size];
  int length = 0;
  int behind = 4 * groups;
  for (; behind > scale; behind--) left /= 10;  // zeros
  do {
    reversed[length++] = static_cast<char>('0' + static_cast<int>(left % 10));
    left /= 10;
  } while (left != 0 || length <= behind);
  if (negative) *text++ = '-';
  while (length > behind) *text++ = reversed[--length];
  if (scale > 0) {
    *text++ = '.';
    while (length > 0) *text++ = reversed[--length];
    for (; behind < scale; behind++) *text++ = '0';
  }
  *text = '\0';
}

}  // namespace dap::top
