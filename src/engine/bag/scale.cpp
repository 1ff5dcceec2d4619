#include "engine/bag/scale.h"

#include <algorithm>

namespace dap::bag {

using quantile::DecimalClass;
using quantile::Int128;
using quantile::load16;
using quantile::UInt128;

namespace {

unsigned digit(const Decimal& value, int i) { return load16(value.digits + 2 * i); }

// The value is a key at the scales from..to.
void count_range(Survey* survey, int from, int to) {
  from = std::max(from, least_scale);
  to = std::min(to, most_scale);
  if (from > to) return;
  survey->change[from - least_scale]++;
  survey->change[to - least_scale + 1]--;
}

}  // namespace

bool scaled_key(const Decimal& value, int scale, std::int64_t* key) {
  *key = 0;
  if (value.count == 0) return true;
  const bool negative = value.sort == DecimalClass::negative;
  const int count = static_cast<int>(value.count);
  // The power of ten that a unit of what has been read stands for.
  int unit = 4 * (value.weight + 1) + scale;
  if (unit - 4 > 18) {
    *key = negative ? INT64_MIN : INT64_MAX;
    return false;
  }
  Int128 amount = 0;
  int i = 0;
  for (; i < count && unit >= 4; i++, unit -= 4) amount = amount * quantile::decimal_base + digit(value, i);
  bool exact = true;
  if (i == count) {
    amount *= powers_of_ten[unit];
  } else if (unit > 0) {
    const auto cut = static_cast<unsigned>(powers_of_ten[4 - unit]);
    amount = amount * powers_of_ten[unit] + digit(value, i) / cut;
    exact = digit(value, i) % cut == 0 && i + 1 == count;
  } else {
    exact = false;
  }
  if (negative) amount = -amount - !exact;  // floor
  if (amount > most_key || amount < -most_key) {
    *key = negative ? INT64_MIN : INT64_MAX;
    return false;
  }
  *key = static_cast<std::int64_t>(amount);
  return exact;
}

Decimal key_decimal(std::int64_t key, int scale, std::uint16_t* digits) {
  // To a multiple of four places: at most three digits more.
  const int groups = (scale + 20) / 4 - 5 + ((scale + 20) % 4 != 0);
  UInt128 rest = key < 0 ? 0 - static_cast<UInt128>(key) : static_cast<UInt128>(key);
  rest *= static_cast<UInt128>(powers_of_ten[4 * groups - scale]);
  std::uint16_t reversed[8];
  std::uint32_t count = 0;
  for (; rest != 0; rest /= quantile::decimal_base)
    reversed[count++] = static_cast<std::uint16_t>(rest % quantile::decimal_base);
  Decimal decimal{count == 0 ? DecimalClass::zero
                  : key < 0  ? DecimalClass::negative
                             : DecimalClass::positive,
                  static_cast<int>(count) - 1 - groups, count, reinterpret_cast<const unsigned char*>(digits)};
  for (std::uint32_t i = 0; i < count; i++) digits[i] = reversed[count - 1 - i];
  while (decimal.count > 0 && digits[decimal.count - 1] == 0) decimal.count--;
  if (decimal.count == 0) decimal.weight = 0;
  return decimal;
}

int decimal_places(const Decimal& value) {
  unsigned last = digit(value, static_cast<int>(value.count) - 1);
  int places = 4 * (static_cast<int>(value.count) - 1 - value.weight);
  for (; last % 10 == 0; last /= 10) places--;
  return places;
}

void survey_key(Survey* survey, std::int64_t key, int scale) {
  if (key == 0) {
    count_range(survey, least_scale, most_scale);
    return;
  }
  const std::int64_t amount = key < 0 ? -key : key;
  int from = scale, to = scale;
  for (std::int64_t rest = amount; rest % 10 == 0; rest /= 10) from--;
  while (to < most_scale && to - scale < 18 && amount <= most_key / powers_of_ten[to + 1 - scale]) to++;
  count_range(survey, from, to);
}

void survey_decimal(Survey* survey, const Decimal& value) {
  if (value.count == 0) {
    count_range(survey, least_scale, most_scale);
    return;
  }
  const int places = decimal_places(value);
  int before = 4 * value.weight;  // digits before the point
  for (unsigned first = digit(value, 0); first > 0; first /= 10) before++;
  for (int to = 19 - before; to >= 18 - before; to--) {
    std::int64_t key;
    const int tried = std::min(to, most_scale);
    if (tried < places || tried < least_scale || !scaled_key(value, tried, &key)) continue;
    count_range(survey, places, tried);
    return;
  }
}

int surveyed_scale(const Survey& survey) {
  std::int64_t keys = 0, most = -1;
  int best = least_scale;
  for (int scale = least_scale; scale <= most_scale; scale++) {
    keys += survey.change[scale - least_scale];
    if (keys <= most) continue;
    most = keys;
    best = scale;
  }
  return best;
}

}  // namespace dap::bag
