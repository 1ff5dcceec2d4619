// Why a text is not a value of a type. Shared by every converter of this directory.
#pragma once

#include <cstdint>
#include <string_view>

namespace dap::convert {

enum class Status : std::uint8_t {
  ok,
  malformed,            // not the text of such a value at all
  out_of_range,         // a value, but one that the type cannot hold
  would_be_rounded,     // a value that the type could hold only after losing a digit
  unexpected_exponent,  // a number with an exponent where none may stand
  no_such_time,         // well-formed, but no calendar has that day or no clock that time
  unexpected_time,      // a time of day where only a date may stand
  unexpected_offset,    // an offset from UTC where none may stand
};

// The characters that the server's own input functions skip around numbers, booleans and dates.
constexpr bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

constexpr char lower_ascii(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// The text without the blanks at its ends.
constexpr std::string_view strip_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace dap::convert
