// Every converter on arbitrary bytes: no fault, and what is accepted obeys the written grammar and survives being read
// again.
#include <algorithm>
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
#include "engine/convert/number_style.h"
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

// The digits that count and the place of the point, by moving characters about.
struct Digits {
  std::string digits;  // no zero at either end
  std::int64_t point;  // so many digits stand before the point
  bool negative;
};

Digits digits_of(std::string_view token) {
  Digits result{{}, 0, token[0] == '-'};
  std::int64_t exponent = 0;
  if (const std::size_t e = token.find_first_of("eE"); e != token.npos) {
    exponent = std::strtoll(std::string(token.substr(e + 1)).c_str(), nullptr, 10);
    token = token.substr(0, e);
  }
  if (token[0] == '+' || token[0] == '-') token.remove_prefix(1);
  const std::size_t point = std::min(token.find('.'), token.size());
  result.digits = token.substr(0, point);
  if (point < token.size()) result.digits += token.substr(point + 1);
  result.point = static_cast<std::int64_t>(point) + exponent;
  const std::size_t first = std::min(result.digits.find_first_not_of('0'), result.digits.size());
  result.digits.erase(0, first);
  result.point -= static_cast<std::int64_t>(first);
  while (!result.digits.empty() && result.digits.back() == '0') result.digits.pop_back();
  return result;
}

void check_decimal(std::string_view token, const Decimal& decimal) {
  if (token.size() > 60 || decimal.exponent_overflow) return;
  const Digits number = digits_of(token);
  require(decimal.is_zero() == number.digits.empty() && decimal.negative == number.negative);
  const auto count = static_cast<std::int64_t>(number.digits.size());
  for (const auto& [precision, scale] : {std::pair{18, 2}, {2, -3}, {3, 5}, {38, 10}, {10, 0}, {1000, 1000}}) {
    Status expected = Status::ok;
    if (count > 0 && count - number.point > scale) expected = Status::would_be_rounded;
    else if (count > 0 && number.point + scale > precision) expected = Status::out_of_range;
    require(fits_numeric(decimal, precision, scale) == expected);
  }
  for (const int scale : {0, 2, 7, 18}) {
    // The value times ten to `scale`, digit by digit, where it is an integer of at most 18 digits.
    const std::int64_t length = number.point + scale;
    const bool whole = count == 0 || (count <= length && length <= 18);
    std::int64_t value = 0;
    if (whole && count > 0)
      for (std::int64_t i = 0; i < length; i++)
        value = value * 10 + (i < count ? number.digits[static_cast<std::size_t>(i)] - '0' : 0);
    if (number.negative) value = -value;
    std::int64_t got = 0;
    require(scaled_integer(decimal, scale, &got) == whole && (!whole || got == value));
    if (read_short_decimal(token, scale, &got)) require(whole && got == value);
  }
}

void check_numbers(std::string_view text) {
  Decimal decimal;
  const bool read = parse_decimal(text, &decimal) == Status::ok;
  require(read == is_number(strip_blanks(text)));
  std::int64_t integer = 0;
  std::int64_t narrow = 0;
  std::int64_t plain = 0;
  double real = 0;
  float single = 0;
  constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
  const Status integer_status = parse_integer(text, lowest, highest, true, &integer);
  const Status narrow_status = parse_integer(text, -32768, 32767, true, &narrow);
  const Status plain_status = parse_integer(text, lowest, highest, false, &plain);
  const Status real_status = parse_double(text, &real);
  const Status single_status = parse_float(text, &single);
  require((integer_status != Status::malformed) == read && (narrow_status != Status::malformed) == read);
  require((real_status != Status::malformed) == read && (single_status != Status::malformed) == read);
  if (!read) return;
  check_decimal(strip_blanks(text), decimal);
  // Without exponents the same, but for texts that have one.
  require(decimal.has_exponent == (text.find_first_of("eE") != std::string_view::npos));
  require(plain_status == (decimal.has_exponent ? Status::unexpected_exponent : integer_status));
  if (plain_status == Status::ok) require(plain == integer);

  if (narrow_status == Status::ok) require(integer_status == Status::ok && narrow == integer);
  if (integer_status == Status::ok) {
    require(fits_numeric(decimal, 19, 0) == Status::ok);
    // Written plainly it is the same number.
    std::int64_t again = 0;
    require(parse_integer(std::to_string(integer), lowest, highest, false, &again) == Status::ok && again == integer);
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

std::string without(std::string text, std::string_view any) {
  text.erase(std::remove_if(text.begin(), text.end(), [any](char c) { return any.find(c) != std::string_view::npos; }),
             text.end());
  return text;
}

bool read_style(const NumberStyle& style, std::string_view text, std::string* result) {
  std::string room(text.size() + plain_number_room, '?');
  std::string_view plain;
  const bool read = plain_number(style, text, room.data(), &plain) == Status::ok;
  for (const int scale : {0, 2, 18}) {
    std::int64_t value = 0;
    std::int64_t again = 0;
    if (read_short_number(style, text, scale, &value))
      require(read && read_short_decimal(plain, scale, &again) && again == value);
  }
  if (!read) return false;
  require(is_number(plain) && plain[0] != '+');
  *result = plain;
  return true;
}

void check_styles(std::string_view text) {
  const std::string_view stripped = strip_blanks(text);
  std::string plain;
  require(read_style(NumberStyle{}, text, &plain) == is_number(stripped));
  if (is_number(stripped)) require(plain == stripped.substr(stripped[0] == '+' ? 1 : 0));

  // Another decimal sign, groups.
  constexpr std::string_view points[] = {"."};
  NumberStyle style;
  style.decimal = ",";
  style.thousands = points;
  style.thousands_count = 1;
  if (read_style(style, text, &plain)) {
    std::string swapped = without(std::string(stripped), ".");
    std::replace(swapped.begin(), swapped.end(), ',', '.');
    require(plain == swapped.substr(swapped[0] == '+' ? 1 : 0));
    const std::size_t point = stripped.find('.');
    if (point != stripped.npos) require(point > 0 && stripped.size() > point + 3 && is_digit(stripped[point + 3]));
  }

  // All marks at once: the digits are the text's, in their order, and it says a minus in one way at most.
  constexpr Affix affixes[] = {{"C", AffixMeaning::none},   {"CR", AffixMeaning::plus}, {"R", AffixMeaning::minus},
                               {"DR", AffixMeaning::minus}, {"k", AffixMeaning::none},  {"kr", AffixMeaning::none}};
  style.affixes = affixes;
  style.affix_count = 6;
  style.blanks[0] = "\u00a0";
  style.other_minus = "\u2212";
  style.trailing = style.parentheses = true;
  for (const bool percent : {false, true}) {
    style.percent = percent;
    if (!read_style(style, text, &plain)) continue;
    const bool negative = plain[0] == '-';
    const auto holds = [text](std::string_view any) { return text.find(any) != text.npos; };
    require(holds("%") == percent);
    const bool is_signed =
        holds("(") || holds("\u2212") || holds("R") || text.substr(0, text.find_first_of("eE")).find('-') != text.npos;
    if (negative) require(is_signed || text.back() == '-' || text.find_last_of('-') > text.find_last_of("0123456789"));
    constexpr std::string_view marks = "+-.,()% eE\t\n\v\f\rCRDkr\xc2\xa0\xe2\x88\x92";
    const std::string digits = without(std::string(text), marks);
    const std::string got = without(plain, marks);
    require(got.size() >= digits.size() && got.substr(got.size() - digits.size()) == digits);
    require(got.find_first_not_of('0') == got.npos || got.size() - digits.size() <= 2);
  }
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
  if (date_status == Status::unexpected_time)
    require((status == Status::ok && moment.has_time) || status == Status::would_be_rounded ||
            status == Status::no_such_time);
  // The seventh digit and those behind it are zeros, or the moment would be rounded.
  const std::size_t point = stripped.find('.');
  const std::size_t end = point == stripped.npos ? point : stripped.find_first_not_of("0123456789", point + 1);
  const std::string_view beyond =
      point == stripped.npos ? ""
                             : stripped.substr(point + 1, end - point - 1)
                                   .substr(std::min<std::size_t>(6, std::min(end, stripped.size()) - point - 1));
  if (status == Status::ok) require(beyond.find_first_not_of('0') == beyond.npos);
  if (status == Status::would_be_rounded) require(beyond.find_first_not_of('0') != beyond.npos);
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
  std::string lower(strip_blanks(text).substr(0, 6));
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const auto one_of = [&](std::initializer_list<const char*> words) {
    return std::find(words.begin(), words.end(), lower) != words.end();
  };
  const bool yes = one_of({"1", "t", "tr", "tru", "true", "y", "ye", "yes", "on"});
  const bool no = one_of({"0", "f", "fa", "fal", "fals", "false", "n", "no", "of", "off"});
  require((parse_boolean(text, &value) == Status::ok) == (yes || no) && (!(yes || no) || value == yes));
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
  check_styles(text);
  check_moments(text);
  check_words(text);
  return 0;
}
