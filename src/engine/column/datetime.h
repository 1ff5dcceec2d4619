// Dates and timestamps as the server stores them: days and microseconds since 2000-01-01, infinities at the ends.
#pragma once

#include <cstdint>

namespace dap::column {

constexpr std::int64_t day_microseconds = 86400000000;
constexpr std::int64_t date_minus_infinity = INT32_MIN, date_infinity = INT32_MAX;
constexpr std::int64_t timestamp_minus_infinity = INT64_MIN, timestamp_infinity = INT64_MAX;
// The first valid one, and the first behind the last.
constexpr std::int64_t first_timestamp = -211813488000000000, end_timestamp = 9223371331200000000;

inline std::int64_t floor_divide(std::int64_t value, std::int64_t unit) {
  return value / unit - (value % unit < 0 ? 1 : 0);
}

inline std::int64_t date_of_timestamp(std::int64_t value) {
  if (value == timestamp_minus_infinity) return date_minus_infinity;
  if (value == timestamp_infinity) return date_infinity;
  return floor_divide(value, day_microseconds);
}

// False where it has no timestamp.
inline bool timestamp_of_date(std::int64_t value, std::int64_t* result) {
  if (value == date_minus_infinity || value == date_infinity) {
    *result = value == date_infinity ? timestamp_infinity : timestamp_minus_infinity;
    return true;
  }
  if (value < first_timestamp / day_microseconds || value >= end_timestamp / day_microseconds) return false;
  *result = value * day_microseconds;
  return true;
}

// The first day of the month, quarter (months 3) or year (months 12) of a day, in the proleptic Gregorian calendar.
std::int64_t first_day(std::int64_t day, int months);
// Its Monday.
inline std::int64_t monday(std::int64_t day) { return floor_divide(day + 5, 7) * 7 - 5; }

}  // namespace dap::column
