// Dates and times of day of the proleptic Gregorian calendar, years 1 to 9999, in ISO 8601's extended form.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/convert/status.h"

namespace dap::convert {

constexpr std::int64_t microseconds_per_second = 1000000;
constexpr std::int64_t microseconds_per_day = 86400 * microseconds_per_second;
constexpr int highest_offset_hour = 15;  // PostgreSQL's limit: below 16 hours either way

// What a text says about a moment: a local day and time of day, and perhaps the local time's offset from UTC.
struct CivilTime {
  std::int32_t day = 0;             // days since 2000-01-01
  std::int64_t microsecond = 0;     // of the day
  std::int32_t offset_seconds = 0;  // east of UTC
  bool has_time = false;
  bool has_offset = false;

  // Microseconds since 2000-01-01 00:00, local.
  std::int64_t local_microseconds() const noexcept { return day * microseconds_per_day + microsecond; }
  // The same moment in UTC; meaningful where there is an offset.
  std::int64_t utc_microseconds() const noexcept {
    return local_microseconds() - offset_seconds * microseconds_per_second;
  }
};

constexpr bool is_leap_year(int year) noexcept { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }
// Days of a month 1 to 12.
int days_in_month(int year, int month) noexcept;
// Days since 2000-01-01 of an existing day.
std::int32_t day_number(int year, int month, int day) noexcept;
// The year in which the day (since 2000-01-01) falls.
int year_of_day(std::int64_t day) noexcept;

// `YYYY-MM-DD`, blanks around ignored. A text that goes on with a time of day is unexpected_time if the day exists.
Status parse_iso_date(std::string_view text, std::int32_t* day) noexcept;

// `YYYY-MM-DD`, then optionally `T` or one blank and `HH:MI[:SS[.f…]]`, then optionally `Z`, `+HH`, `+HH:MM` or
// `+HHMM`. A digit behind the sixth decimal that is not zero is would_be_rounded.
Status parse_iso_timestamp(std::string_view text, CivilTime* result) noexcept;

}  // namespace dap::convert
