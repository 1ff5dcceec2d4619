#include "engine/column/datetime.h"

namespace dap::column {

// Years are counted from March, so that the leap day is a year's last: an era is 400 of them.
std::int64_t first_day(std::int64_t day, int months) {
  constexpr std::int64_t era_days = 146097, march_of_era = 730425;  // from 0000-03-01 to 2000-01-01
  const std::int64_t from_march = day + march_of_era;
  const std::int64_t era = floor_divide(from_march, era_days);
  const std::int64_t in_era = from_march - era * era_days;
  const std::int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
  const std::int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
  const std::int64_t month_from_march = (5 * in_year + 2) / 153;
  // Back to the year from January, then to the first of its months.
  const bool next_year = month_from_march >= 10;
  const std::int64_t month = next_year ? month_from_march - 10 : month_from_march + 2;
  const std::int64_t wanted = month - month % months;
  std::int64_t march_year = year + (next_year ? 1 : 0);
  std::int64_t wanted_from_march = wanted - 2;
  if (wanted_from_march < 0) {
    wanted_from_march += 12;
    march_year--;
  }
  const std::int64_t leaps = march_year < 0 ? -1 : march_year / 4 - march_year / 100;  // -1: the era's before it
  return era * era_days + 365 * march_year + leaps + (153 * wanted_from_march + 2) / 5 - march_of_era;
}

}  // namespace dap::column
