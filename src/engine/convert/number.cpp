#include "engine/convert/number.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

namespace dap::convert {

namespace {

constexpr int coefficient_digits = 19;  // 9999999999999999999 is below 2^64

constexpr std::uint64_t powers_of_ten[20] = {1ULL,
                                             10ULL,
                                             100ULL,
                                             1000ULL,
                                             10000ULL,
                                             100000ULL,
                                             1000000ULL,
                                             10000000ULL,
                                             100000000ULL,
                                             1000000000ULL,
                                             10000000000ULL,
                                             100000000000ULL,
                                             1000000000000ULL,
                                             10000000000000ULL,
                                             100000000000000ULL,
                                             1000000000000000ULL,
                                             10000000000000000ULL,
                                             100000000000000000ULL,
                                             1000000000000000000ULL,
                                             10000000000000000000ULL};

// PostgreSQL refuses exponents from INT_MAX / 2 on before it looks at the digits; here a zero is zero whatever its
// exponent.
constexpr std::int64_t exponent_limit = std::numeric_limits<std::int32_t>::max() / 2;

// numeric's header: a 16-bit weight in groups of four digits, a 14-bit display scale.
constexpr std::int64_t highest_numeric_exponent = 131071;
constexpr std::int64_t highest_numeric_scale = 16383;

template <typename Float>
Status parse_floating(std::string_view text, Float* result) noexcept {
  Decimal decimal;
  if (parse_decimal(text, &decimal) != Status::ok) return Status::malformed;
  const char* first = decimal.token.data();
  const char* last = first + decimal.token.size();
  if (*first == '+') ++first;  // from_chars takes a minus only
  Float value = 0;
  const auto [end, error] = std::from_chars(first, last, value, std::chars_format::general);
  if (decimal.is_zero()) {
    // Libraries disagree about a zero with an absurd exponent; it is zero.
    *result = decimal.negative ? -Float{0} : Float{0};
    return Status::ok;
  }
  // Denormal values are values. What underflows to zero or overflows is not, whether or not the library says so.
  if (error != std::errc{} || end != last || value == 0 || std::isinf(value)) return Status::out_of_range;
  *result = value;
  return Status::ok;
}

}  // namespace

Status parse_decimal(std::string_view text, Decimal* result) noexcept {
  text = strip_blanks(text);
  const char* at = text.data();
  const char* const end = at + text.size();
  Decimal decimal;
  decimal.token = text;
  if (at != end && (*at == '+' || *at == '-')) {
    decimal.negative = *at == '-';
    ++at;
  }

  std::int64_t digits = 0;         // all digits read so far
  std::int64_t last_nonzero = -1;  // index of the last one that is not zero
  std::int64_t zeros = 0;          // zeros behind it that may still turn out to be significant
  const auto read_digits = [&]() noexcept {
    const char* const start = at;
    for (; at != end && is_digit(*at); ++at, ++digits) {
      if (*at == '0') {
        if (decimal.significant_digits != 0) ++zeros;
        continue;
      }
      decimal.significant_digits += zeros + 1;
      if (decimal.significant_digits <= coefficient_digits) {
        decimal.coefficient = decimal.coefficient * powers_of_ten[zeros + 1] + static_cast<std::uint64_t>(*at - '0');
      }
      zeros = 0;
      last_nonzero = digits;
    }
    return at - start;
  };

  const std::int64_t whole = read_digits();
  if (whole == 0) return Status::malformed;
  std::int64_t fraction = 0;
  if (at != end && *at == '.') {
    ++at;
    fraction = read_digits();
    if (fraction == 0) return Status::malformed;
  }
  std::int64_t exponent = 0;
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    decimal.has_exponent = true;
    bool negative = false;
    if (at != end && (*at == '+' || *at == '-')) {
      negative = *at == '-';
      ++at;
    }
    const char* const start = at;
    for (; at != end && is_digit(*at); ++at) {
      if (exponent < exponent_limit) exponent = exponent * 10 + (*at - '0');
    }
    if (at == start) return Status::malformed;
    if (exponent >= exponent_limit) {
      exponent = exponent_limit;
      decimal.exponent_overflow = true;
    }
    if (negative) exponent = -exponent;
  }
  if (at != end) return Status::malformed;

  decimal.scale = fraction > exponent ? fraction - exponent : 0;
  if (!decimal.is_zero()) decimal.lowest_exponent = whole - 1 - last_nonzero + exponent;
  *result = decimal;
  return Status::ok;
}

Status fits_numeric(const Decimal& value, int precision, int scale) noexcept {
  if (value.is_zero()) return Status::ok;
  if (value.lowest_exponent < -static_cast<std::int64_t>(scale)) return Status::would_be_rounded;
  if (value.exponent_overflow) return Status::out_of_range;
  if (value.significant_digits + value.lowest_exponent + scale > precision) return Status::out_of_range;
  return Status::ok;
}

Status fits_unconstrained_numeric(const Decimal& value) noexcept {
  if (value.scale > highest_numeric_scale) return Status::out_of_range;
  if (value.is_zero()) return Status::ok;
  const std::int64_t highest_exponent = value.significant_digits - 1 + value.lowest_exponent;
  return value.exponent_overflow || highest_exponent > highest_numeric_exponent ? Status::out_of_range : Status::ok;
}

bool scaled_integer(const Decimal& value, int scale, std::int64_t* result) noexcept {
  if (value.is_zero()) {
    *result = 0;
    return true;
  }
  const std::int64_t shift = value.lowest_exponent + scale;
  if (shift < 0 || shift > 17 || value.significant_digits + shift > 18) return false;
  const auto magnitude = static_cast<std::int64_t>(value.coefficient * powers_of_ten[shift]);
  *result = value.negative ? -magnitude : magnitude;
  return true;
}

bool read_short_decimal(std::string_view text, int scale, std::int64_t* result) noexcept {
  if (text.empty() || text.size() > 20) return false;  // 18 digits, a sign, a point
  const char* at = text.data();
  const char* const end = at + text.size();
  const bool negative = *at == '-';
  if (negative || *at == '+') ++at;
  std::uint64_t value = 0;
  const char* start = at;
  for (; at != end && is_digit(*at); ++at) value = value * 10 + static_cast<std::uint64_t>(*at - '0');
  std::int64_t digits = at - start;
  if (digits == 0) return false;
  std::int64_t missing = scale;
  if (at != end) {
    if (*at != '.') return false;
    start = ++at;
    for (; at != end && is_digit(*at); ++at) value = value * 10 + static_cast<std::uint64_t>(*at - '0');
    if (at == start || at != end) return false;
    digits += at - start;
    missing -= at - start;
  }
  if (missing < 0 || digits + missing > 18) return false;
  const auto magnitude = static_cast<std::int64_t>(value * powers_of_ten[missing]);
  *result = negative ? -magnitude : magnitude;
  return true;
}

Status parse_integer(std::string_view text, std::int64_t lowest, std::int64_t highest, bool takes_exponent,
                     std::int64_t* result) noexcept {
  std::int64_t plain = 0;
  if (read_short_decimal(text, 0, &plain)) {
    if (plain < lowest || plain > highest) return Status::out_of_range;
    *result = plain;
    return Status::ok;
  }
  Decimal decimal;
  if (parse_decimal(text, &decimal) != Status::ok) return Status::malformed;
  if (decimal.has_exponent && !takes_exponent) return Status::unexpected_exponent;
  if (decimal.is_zero()) {
    if (lowest > 0 || highest < 0) return Status::out_of_range;
    *result = 0;
    return Status::ok;
  }
  if (decimal.lowest_exponent < 0) return Status::would_be_rounded;
  if (decimal.exponent_overflow || decimal.significant_digits + decimal.lowest_exponent > coefficient_digits)
    return Status::out_of_range;
  // At most 19 digits, so the product stays below 2^64.
  const std::uint64_t magnitude = decimal.coefficient * powers_of_ten[decimal.lowest_exponent];
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  if (magnitude > most + (decimal.negative ? 1 : 0)) return Status::out_of_range;
  const auto value = static_cast<std::int64_t>(decimal.negative ? 0 - magnitude : magnitude);
  if (value < lowest || value > highest) return Status::out_of_range;
  *result = value;
  return Status::ok;
}

Status parse_double(std::string_view text, double* result) noexcept { return parse_floating(text, result); }
Status parse_float(std::string_view text, float* result) noexcept { return parse_floating(text, result); }

}  // namespace dap::convert
