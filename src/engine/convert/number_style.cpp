#include "engine/convert/number_style.h"

#include <cstring>

namespace dap::convert {

namespace {

bool starts_with(std::string_view text, std::string_view start) noexcept {
  return !start.empty() && text.substr(0, start.size()) == start;
}

std::string_view skip_style_blanks(const NumberStyle& style, std::string_view text) noexcept {
  for (;;) {
    std::size_t length = 0;
    if (!text.empty() && is_blank(text.front())) length = 1;
    for (const std::string_view blank : style.blanks)
      if (starts_with(text, blank)) length = blank.size();
    if (length == 0) return text;
    text.remove_prefix(length);
  }
}

enum SideSign : unsigned { no_sign, plus_sign, minus_sign, parenthesis };

// What has been read of one side of a number: each kind of mark stands there once at most.
struct Marks {
  SideSign sign = no_sign;
  bool percent = false;
  bool affix = false;
  bool takes_blank = false;  // a blank may follow the last one
};

constexpr unsigned reading_of(SideSign sign, bool percent) noexcept { return 1U << (sign * 2 + (percent ? 1 : 0)); }

// Adds every way to read the rest of what stands before (`is_front`) or behind the digits to `readings`, a set of
// reading_of. A blank stands beside an affix, a percent sign or a parenthesis, never between a sign and its number.
void read_marks(const NumberStyle& style, bool is_front, std::string_view rest, Marks found,
                unsigned* readings) noexcept {
  const std::string_view at = skip_style_blanks(style, rest);
  const bool has_blank = at.size() != rest.size();
  if (at.empty()) {
    if (!has_blank || found.takes_blank) *readings |= reading_of(found.sign, found.percent);
    return;
  }
  const auto take = [&](std::size_t length, Marks marks, bool takes_blank) noexcept {
    if (has_blank && !found.takes_blank && !takes_blank) return;
    marks.takes_blank = takes_blank;
    read_marks(style, is_front, at.substr(length), marks, readings);
  };
  const auto take_sign = [&](std::size_t length, SideSign sign, bool takes_blank) noexcept {
    Marks marks = found;
    marks.sign = sign;
    if (found.sign == no_sign) take(length, marks, takes_blank);
  };

  if (is_front && style.sign && at.front() == '+') take_sign(1, plus_sign, false);
  if ((is_front ? style.sign : style.trailing) && at.front() == '-') take_sign(1, minus_sign, false);
  if ((is_front || style.trailing) && starts_with(at, style.other_minus))
    take_sign(style.other_minus.size(), minus_sign, false);
  if (style.parentheses && at.front() == (is_front ? '(' : ')')) take_sign(1, parenthesis, true);
  if (style.percent && !found.percent && at.front() == '%') {
    Marks marks = found;
    marks.percent = true;
    take(1, marks, true);
  }
  for (int i = 0; i < style.affix_count; ++i) {
    const Affix& affix = style.affixes[i];
    if (!starts_with(at, affix.text)) continue;
    if (affix.meaning != AffixMeaning::none) {
      take_sign(affix.text.size(), affix.meaning == AffixMeaning::plus ? plus_sign : minus_sign, true);
    } else if (!found.affix) {
      Marks marks = found;
      marks.affix = true;
      take(affix.text.size(), marks, true);
    }
  }
}

unsigned side_readings(const NumberStyle& style, bool is_front, std::string_view side) noexcept {
  unsigned readings = 0;
  read_marks(style, is_front, side, Marks{}, &readings);
  return readings;
}

// Whether the marks on both sides say one thing, and which.
Status read_sign(const NumberStyle& style, std::string_view front, std::string_view back, bool* negative) noexcept {
  if (back.empty() && !style.percent && (front.empty() || (style.sign && front == "-"))) {
    *negative = !front.empty();
    return Status::ok;
  }
  const unsigned fronts = side_readings(style, true, front);
  const unsigned backs = side_readings(style, false, back);
  bool can_be[2] = {false, false};  // positive, negative
  for (unsigned one = 0; one < 8; ++one) {
    for (unsigned other = 0; other < 8; ++other) {
      if ((fronts >> one & 1U) == 0 || (backs >> other & 1U) == 0) continue;
      if ((one & 1U) + (other & 1U) != (style.percent ? 1U : 0U)) continue;
      const unsigned before = one / 2;
      const unsigned behind = other / 2;
      if (before == parenthesis && behind == parenthesis) can_be[1] = true;
      else if (before == parenthesis || behind == parenthesis || (before != no_sign && behind != no_sign)) continue;
      else can_be[(before | behind) == minus_sign ? 1 : 0] = true;
    }
  }
  *negative = can_be[1];
  return can_be[0] != can_be[1] ? Status::ok : Status::malformed;
}

// A number from its first to its last digit, as it is read and written.
struct Body {
  std::string_view rest;
  char* out;
};

std::ptrdiff_t copy_digits(Body* body) noexcept {
  const char* at = body->rest.data();
  const char* const end = at + body->rest.size();
  char* out = body->out;
  while (at != end && is_digit(*at)) *out++ = *at++;
  const std::ptrdiff_t count = out - body->out;
  body->out = out;
  body->rest.remove_prefix(static_cast<std::size_t>(count));
  return count;
}

// Digits before the decimal sign: groups of three behind a first one of one to three, which begins with no zero, as
// nobody writes 0.123 for 123; or no groups.
Status copy_whole(const NumberStyle& style, Body* body) noexcept {
  const char* const start = body->out;
  const std::ptrdiff_t first = copy_digits(body);
  if (body->rest.empty()) return Status::ok;
  for (int i = 0; i < style.thousands_count; ++i) {
    const std::string_view separator = style.thousands[i];
    if (!starts_with(body->rest, separator)) continue;
    if (first > 3 || *start == '0') return Status::malformed;
    while (starts_with(body->rest, separator)) {
      body->rest.remove_prefix(separator.size());
      if (copy_digits(body) != 3) return Status::malformed;
    }
    break;
  }
  return Status::ok;
}

// All that is left: e, a sign or none, digits.
Status copy_exponent(Body* body) noexcept {
  if (lower_ascii(body->rest.front()) != 'e') return Status::malformed;
  const std::size_t start = body->rest.size() > 1 && (body->rest[1] == '+' || body->rest[1] == '-') ? 2 : 1;
  std::memcpy(body->out, body->rest.data(), start);
  body->out += start;
  body->rest.remove_prefix(start);
  copy_digits(body);
  return body->rest.empty() ? Status::ok : Status::malformed;
}

// Puts the point of the digits from `start` to `end`, of which `whole` stand before it, two places to the left. Returns
// the new end.
char* divide_by_hundred(char* start, char* end, std::ptrdiff_t whole) noexcept {
  const std::ptrdiff_t before = whole > 2 ? whole - 2 : 0;
  const std::ptrdiff_t room = whole > 2 ? 1 : 4 - whole;  // the point; 0. and a zero for each digit that is missing
  std::memmove(start + before + room, start + before, static_cast<std::size_t>(end - start - before));
  if (whole > 2) start[before] = '.';
  else std::memcpy(start, "0.0", static_cast<std::size_t>(room));
  return end + room;
}

}  // namespace

Status plain_number(const NumberStyle& style, std::string_view text, char* room, std::string_view* plain) noexcept {
  text = strip_blanks(text);
  std::size_t first = 0;
  while (first < text.size() && !is_digit(text[first])) ++first;
  if (first == text.size()) return Status::malformed;
  std::size_t end = text.size();
  while (!is_digit(text[end - 1])) --end;
  bool negative = false;
  if (read_sign(style, text.substr(0, first), text.substr(end), &negative) != Status::ok) return Status::malformed;

  Body body = {text.substr(first, end - first), room};
  if (negative) *body.out++ = '-';
  char* const start = body.out;
  if (copy_whole(style, &body) != Status::ok) return Status::malformed;
  const std::ptrdiff_t whole = body.out - start;
  if (starts_with(body.rest, style.decimal)) {
    body.rest.remove_prefix(style.decimal.size());
    if (!style.percent) *body.out++ = '.';
    if (copy_digits(&body) == 0) return Status::malformed;
  }
  if (style.percent) body.out = divide_by_hundred(start, body.out, whole);
  if (!body.rest.empty() && copy_exponent(&body) != Status::ok) return Status::malformed;
  *plain = std::string_view(room, static_cast<std::size_t>(body.out - room));
  return Status::ok;
}

bool read_short_number(const NumberStyle& style, std::string_view text, int scale, std::int64_t* result) noexcept {
  constexpr std::size_t most = 26;  // 18 digits, a sign, separators
  if (style.percent || !style.sign || style.decimal.size() != 1 || text.empty() || text.size() > most) return false;
  const char decimal = style.decimal[0];
  const bool has_groups = style.thousands_count > 0 && style.thousands[0].size() == 1;
  const char separator = has_groups ? style.thousands[0][0] : decimal;
  const char* at = text.data();
  const char* const end = at + text.size();
  const bool negative = *at == '-';
  if (negative || *at == '+') ++at;
  std::uint64_t value = 0;  // of too many digits it is wrong, and not looked at
  const auto read = [&]() noexcept {
    const char* const start = at;
    for (; at != end && is_digit(*at); ++at) value = value * 10 + static_cast<std::uint64_t>(*at - '0');
    return at - start;
  };
  const char first = at != end ? *at : '0';
  std::ptrdiff_t digits = read();
  if (digits == 0) return false;
  if (at != end && *at == separator && separator != decimal) {
    if (digits > 3 || first == '0') return false;
    do {
      ++at;
      if (read() != 3) return false;
      digits += 3;
    } while (at != end && *at == separator);
  }
  std::ptrdiff_t missing = scale;
  if (at != end) {
    if (*at != decimal) return false;
    ++at;
    const std::ptrdiff_t fraction = read();
    if (fraction == 0 || at != end) return false;
    digits += fraction;
    missing -= fraction;
  }
  if (missing < 0 || digits + missing > 18) return false;
  for (; missing > 0; --missing) value *= 10;
  *result = negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
  return true;
}

}  // namespace dap::convert
