#include "engine/convert/datetime.h"

namespace dap::convert {

namespace {

// Two digits at `at`, or -1.
int two_digits(std::string_view text, std::size_t at) noexcept {
  if (at + 2 > text.size() || !is_digit(text[at]) || !is_digit(text[at + 1])) return -1;
  return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

Status parse_day(std::string_view text, std::int32_t* day) noexcept {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return Status::malformed;
  const int century = two_digits(text, 0);
  const int year_of_century = two_digits(text, 2);
  const int month = two_digits(text, 5);
  const int day_of_month = two_digits(text, 8);
  if (century < 0 || year_of_century < 0 || month < 0 || day_of_month < 0) return Status::malformed;
  const int year = century * 100 + year_of_century;
  if (year == 0 || month == 0 || month > 12 || day_of_month == 0 || day_of_month > days_in_month(year, month)) {
    return Status::no_such_time;
  }
  *day = day_number(year, month, day_of_month);
  return Status::ok;
}

// What stands behind the time of day: nothing or an offset.
Status parse_offset(std::string_view text, CivilTime* result) noexcept {
  if (text.empty()) return Status::ok;
  result->has_offset = true;
  if (text == "Z") return Status::ok;
  if (text[0] != '+' && text[0] != '-') return Status::malformed;
  const int hours = two_digits(text, 1);
  if (hours < 0) return Status::malformed;
  int minutes = 0;
  if (text.size() != 3) {
    const std::size_t at = text[3] == ':' ? 4 : 3;
    minutes = two_digits(text, at);
    if (minutes < 0 || text.size() != at + 2) return Status::malformed;
  }
  if (hours > highest_offset_hour || minutes > 59) return Status::no_such_time;
  const int seconds = (hours * 60 + minutes) * 60;
  result->offset_seconds = text[0] == '-' ? -seconds : seconds;
  return Status::ok;
}

// `HH:MI[:SS[.f…]]` and what follows it.
Status parse_time(std::string_view text, CivilTime* result) noexcept {
  const int hour = two_digits(text, 0);
  const int minute = two_digits(text, 3);
  if (hour < 0 || minute < 0 || text[2] != ':') return Status::malformed;
  int second = 0;
  std::int64_t fraction = 0;
  bool rounded = false;
  std::size_t at = 5;
  if (at < text.size() && text[at] == ':') {
    second = two_digits(text, at + 1);
    if (second < 0) return Status::malformed;
    at += 3;
    if (at < text.size() && text[at] == '.') {
      ++at;
      const std::size_t first = at;
      std::int64_t unit = microseconds_per_second;
      for (; at < text.size() && is_digit(text[at]); ++at) {
        unit /= 10;  // zero from the seventh digit on
        if (unit == 0 && text[at] != '0') rounded = true;
        fraction += (text[at] - '0') * unit;
      }
      if (at == first) return Status::malformed;
    }
  }
  const Status offset = parse_offset(text.substr(at), result);
  if (offset != Status::ok) return offset;
  if (hour > 23 || minute > 59 || second > 59) return Status::no_such_time;
  if (rounded) return Status::would_be_rounded;
  result->has_time = true;
  result->microsecond = ((hour * 60 + minute) * 60 + second) * microseconds_per_second + fraction;
  return Status::ok;
}

}  // namespace

int days_in_month(int year, int month) noexcept {
  constexpr std::uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

std::int32_t day_number(int year, int month, int day) noexcept {
  // Years that begin in March put the leap day last (Hinnant, chrono-compatible low-level date algorithms).
  const int shifted_year = month <= 2 ? year - 1 : year;
  const int era = (shifted_year >= 0 ? shifted_year : shifted_year - 399) / 400;
  const int year_of_era = shifted_year - era * 400;
  const int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 730425;  // 0000-03-01 to 2000-01-01
}

int year_of_day(std::int64_t day) noexcept {
  const std::int64_t shifted = day + 730425;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const std::int64_t day_of_era = shifted - era * 146097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  return static_cast<int>(year_of_era + era * 400 + (day_of_year >= 306 ? 1 : 0));  // January and February
}

Status parse_iso_date(std::string_view text, std::int32_t* day) noexcept {
  text = strip_blanks(text);
  const Status status = parse_day(text, day);
  if (text.size() == 10 || status == Status::malformed) return status;
  CivilTime moment;
  if (parse_iso_timestamp(text, &moment) == Status::malformed) return Status::malformed;
  return status == Status::ok ? Status::unexpected_time : status;
}

Status parse_iso_timestamp(std::string_view text, CivilTime* result) noexcept {
  text = strip_blanks(text);
  CivilTime moment;
  const Status day = parse_day(text, &moment.day);
  if (day == Status::malformed) return day;
  if (text.size() > 10) {
    if (text[10] != 'T' && text[10] != ' ') return Status::malformed;
    const Status time = parse_time(text.substr(11), &moment);
    if (time == Status::malformed || (time != Status::ok && day == Status::ok)) return time;
  }
  if (day != Status::ok) return day;
  *result = moment;
  return Status::ok;
}

}  // namespace dap::convert
