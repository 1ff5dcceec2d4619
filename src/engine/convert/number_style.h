// Numbers as people and programs write them, when a rule says how: another decimal sign, groups of thousands, texts
// before and behind, the ways to say that a number is negative. No locale, no allocation.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/convert/status.h"

namespace dap::convert {

// What a text beside a number says of its sign.
enum class AffixMeaning : std::uint8_t { none, plus, minus };

struct Affix {
  std::string_view text;
  AffixMeaning meaning;
};

// Texts in one encoding, in which ASCII bytes are ASCII characters. What has no value is not taken.
struct NumberStyle {
  std::string_view decimal = ".";
  const std::string_view* thousands = nullptr;  // one of them separates all groups of a number
  int thousands_count = 0;
  const Affix* affixes = nullptr;  // none holds a digit, a sign or a parenthesis
  int affix_count = 0;
  std::string_view blanks[2];    // that are taken where ASCII's may stand beside a mark
  std::string_view other_minus;  // a character that stands for -
  bool sign = true;              // - or + before the number
  bool trailing = false;         // - behind it
  bool parentheses = false;      // around a negative number
  bool percent = false;          // % before or behind, always: the number is a hundredth
};

// How much longer than the text its plain form may be.
constexpr std::size_t plain_number_room = 4;

// The number of the text, written `[-]digits[.digits][e[+-]digits]` into `room`, for parse_decimal and its like to
// judge. malformed: the style gives the text no number, or two.
Status plain_number(const NumberStyle& style, std::string_view text, char* room, std::string_view* plain) noexcept;

// The plain case in one pass, as read_short_decimal: a text of a sign or none and digits, with the style's decimal sign
// and its first separator where these are single bytes, whose value times ten to `scale` (0 to 18) has at most 18
// digits. False says nothing about the text but that it must be read the long way.
bool read_short_number(const NumberStyle& style, std::string_view text, int scale, std::int64_t* result) noexcept;

}  // namespace dap::convert
