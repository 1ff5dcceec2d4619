// Every converter on arbitrary bytes: no fault, and what is accepted obeys the written grammar and survives being read
// again.
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include "engine/convert/datetime.h"
#include "engine/convert/number.h"
#include "engine/convert/word.h"

namespace {

using namespace dap::convert;

void require(bool condition) {
  if (!condition) std::abort();
}

// The grammar, spelled out a second time.
bool is_number(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t start = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at > start;
  };
  const auto take = [&](std::string_view any) {
    const bool there = at < text.size() && any.find(text[at]) != std::string_view::npos;
    at += there ? 1 : 0;
    return there;
  };
  take("+-");
  if (!digits()) return false;
  if (take(".") && !digits()) return false;
  if (take("eE")) {
    take("+-");
    if (!digits()) return false;
  }
  return at == text.size();
}

void check_numbers(std::string_view text) {
  Decimal decimal;
  const bool read = parse_decimal(text, &decimal) == Status::ok;
  require(read == is_number(strip_blanks(text)));
  std::int64_t integer = 0;
  std::int32_t narrow = 0;
  double real = 0;
  float single = 0;
  const Status integer_status = parse_int64(text, &integer);
  const Status narrow_status = parse_int32(text, &narrow);
  const Status real_status = parse_double(text, &real);
  const Status single_status = parse_float(text, &single);
  require((integer_status != Status::malformed) == read && (narrow_status != Status::malformed) == read);
  require((real_status != Status::malformed) == read && (single_status != Status::malformed) == read);
  if (!read) return;

  if (narrow_status == Status::ok) require(integer_status == Status::ok && narrow == integer);
  if (integer_status == Status::ok) {
    require(fits_numeric(decimal, 19, 0) == Status::ok);
    // Written plainly it is the same number.
    std::int64_t again = 0;
    require(parse_int64(std::to_string(integer), &again) == Status::ok && again == integer);
    if (std::abs(static_cast<double>(integer)) < 9e15)
      require(real_status == Status::ok && real == static_cast<double>(integer));
  }
  if (real_status == Status::ok) {
    require(std::isfinite(real) && (real != 0 || decimal.is_zero()));
    const std::string copy(strip_blanks(text));
    if (copy.size() < 1000) require(std::strtod(copy.c_str(), nullptr) == real);
    char shortest[64];
    const auto [end, error] = std::to_chars(shortest, shortest + sizeof shortest, real);
    require(error == std::errc{});
    double again = 0;
    require(parse_double(std::string_view(shortest, static_cast<std::size_t>(end - shortest)), &again) == Status::ok &&
            again == real);
  }
  if (single_status == Status::ok) require(std::isfinite(single) && (single != 0 || decimal.is_zero()));
  for (const auto& [precision, scale] : {std::pair{18, 2}, {2, -3}, {3, 5}, {38, 10}}) {
    if (fits_numeric(decimal, precision, scale) != Status::ok) continue;
    std::int64_t scaled = 0;
    if (precision == 18) {
      require(scaled_integer(decimal, scale, &scaled));
      require(scaled < 1000000000000000000 && scaled > -1000000000000000000);
    }
  }
  if (fits_unconstrained_numeric(decimal) == Status::ok) require(decimal.scale >= 0 && decimal.scale <= 16383);
}

void check_moments(std::string_view text) {
  std::int32_t day = 0;
  CivilTime moment;
  const Status date_status = parse_iso_date(text, &day);
  const Status status = parse_iso_timestamp(text, &moment);
  const std::string_view stripped = strip_blanks(text);
  if (date_status == Status::ok) {
    require(stripped.size() == 10 && status == Status::ok && moment.day == day && !moment.has_time);
    require(year_of_day(day) == std::atoi(std::string(stripped.substr(0, 4)).c_str()));
  }
  if (date_status == Status::unexpected_time) require(status == Status::ok && moment.has_time);
  if (status != Status::ok) return;
  require(moment.microsecond >= 0 && moment.microsecond < microseconds_per_day);
  require(moment.has_time || !moment.has_offset);
  require(std::abs(moment.offset_seconds) < 16 * 3600 && moment.offset_seconds % 60 == 0);
  // Written again with all six digits it is the same moment.
  char again[64];
  const std::int64_t second = moment.microsecond / microseconds_per_second;
  std::snprintf(again, sizeof again, "%.10sT%02d:%02d:%02d.%06d%c%02d:%02d", stripped.data(),
                static_cast<int>(second / 3600), static_cast<int>(second / 60 % 60), static_cast<int>(second % 60),
                static_cast<int>(moment.microsecond % microseconds_per_second), moment.offset_seconds < 0 ? '-' : '+',
                std::abs(moment.offset_seconds) / 3600, std::abs(moment.offset_seconds) / 60 % 60);
  CivilTime reread;
  require(parse_iso_timestamp(again, &reread) == Status::ok);
  require(reread.local_microseconds() == moment.local_microseconds() && reread.offset_seconds == moment.offset_seconds);
}

void check_words(std::string_view text) {
  bool value = false;
  if (parse_boolean(text, &value) == Status::ok) require(strip_blanks(text).size() <= 5);
  std::uint8_t bytes[16];
  if (parse_uuid(text, bytes) == Status::ok) {
    char plain[33];
    for (int i = 0; i < 16; ++i) std::snprintf(plain + 2 * i, 3, "%02X", bytes[i]);
    std::uint8_t again[16];
    require(parse_uuid(std::string_view(plain, 32), again) == Status::ok && std::memcmp(bytes, again, 16) == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_numbers(text);
  check_moments(text);
  check_words(text);
  return 0;
}
