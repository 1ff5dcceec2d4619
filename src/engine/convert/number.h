// Numbers: `[+-]digits[.digits][e[+-]digits]`, blanks around them ignored, nothing else. No locale, no allocation.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/convert/status.h"

namespace dap::convert {

// A decimal number as it was written: its value is coefficient (when it fits) or the digits of `token`, times ten to
// `lowest_exponent`.
struct Decimal {
  std::string_view token;         // sign, digits, point and exponent, without the blanks around
  std::uint64_t coefficient = 0;  // the significant digits, where there are at most 19
  std::int64_t significant_digits =
      0;  // from the first to the last digit that is not zero; 0 means that the value is zero
  std::int64_t lowest_exponent = 0;  // the power of ten of the last digit that is not zero
  std::int64_t scale =
      0;  // digits after the point once the exponent is carried out: the display scale of an unconstrained numeric
  bool negative = false;  // a minus sign was written (also before zero)
  bool has_exponent = false;
  bool exponent_overflow = false;  // the exponent is beyond what is counted: only zero has a value with it

  bool is_zero() const noexcept { return significant_digits == 0; }
};

// Reads the text; ok or malformed.
Status parse_decimal(std::string_view text, Decimal* result) noexcept;

// Whether the value is held by numeric(precision, scale) without rounding; scale may be negative or exceed precision.
Status fits_numeric(const Decimal& value, int precision, int scale) noexcept;

// Whether a numeric without precision holds the value with all its written scale (PostgreSQL: 131072 digits before the
// point, 16383 after).
Status fits_unconstrained_numeric(const Decimal& value) noexcept;

// The value times ten to `scale` as an integer; false where that has more than 18 digits or is no integer.
bool scaled_integer(const Decimal& value, int scale, std::int64_t* result) noexcept;

// The plain case in one pass: a text `[+-]digits[.digits]` without blanks, with at most `scale` (0 to 18) digits after
// the point, whose value times ten to `scale` has at most 18 digits. False says nothing about the text but that it must
// be read the long way.
bool read_short_decimal(std::string_view text, int scale, std::int64_t* result) noexcept;

// An integer between the limits, whole as written: 12.00 is an integer, 12.5 would be rounded. With `takes_exponent`
// 1e3 is one, too; else it is an unexpected_exponent: among identifiers 12E4 is not 120000.
Status parse_integer(std::string_view text, std::int64_t lowest, std::int64_t highest, bool takes_exponent,
                     std::int64_t* result) noexcept;

// The nearest value; what would become infinite, or zero though it is not zero, is out of range.
Status parse_double(std::string_view text, double* result) noexcept;
Status parse_float(std::string_view text, float* result) noexcept;

}  // namespace dap::convert
