#include "engine/convert/format.h"

namespace dap::convert {

namespace {

constexpr std::string_view month_names[12] = {"january", "february", "march",     "april",   "may",      "june",
                                              "july",    "august",   "september", "october", "november", "december"};

constexpr bool is_letter(char c) noexcept { return lower_ascii(c) >= 'a' && lower_ascii(c) <= 'z'; }

struct Word {
  std::string_view text;
  Element element;
  std::uint8_t digits;
  FormatError error;
};

// Longer words before those they begin with. Words of to_timestamp that are known but not taken are named, so that
// `DDD` is not read as `DD`.
constexpr Word words[] = {
    {"a.m.", Element::dotted_meridiem, 0, FormatError::none},
    {"p.m.", Element::dotted_meridiem, 0, FormatError::none},
    {"a.d.", Element::literal, 0, FormatError::unsupported_word},
    {"b.c.", Element::literal, 0, FormatError::unsupported_word},
    {"y,yyy", Element::literal, 0, FormatError::unsupported_word},
    {"iyyy", Element::literal, 0, FormatError::unsupported_word},
    {"iddd", Element::literal, 0, FormatError::unsupported_word},
    {"sssss", Element::literal, 0, FormatError::unsupported_word},
    {"ssss", Element::literal, 0, FormatError::unsupported_word},
    {"month", Element::month_name, 0, FormatError::none},
    {"yyyy", Element::year, 0, FormatError::none},
    {"yyy", Element::literal, 0, FormatError::two_digit_year},
    {"yy", Element::literal, 0, FormatError::two_digit_year},
    {"y", Element::literal, 0, FormatError::two_digit_year},
    {"hh24", Element::hour24, 0, FormatError::none},
    {"hh12", Element::hour12, 0, FormatError::none},
    {"hh", Element::hour12, 0, FormatError::none},
    {"tzh", Element::zone_hour, 0, FormatError::none},
    {"tzm", Element::zone_minute, 0, FormatError::none},
    {"tz", Element::literal, 0, FormatError::unsupported_word},
    {"ff1", Element::fraction, 1, FormatError::none},
    {"ff2", Element::fraction, 2, FormatError::none},
    {"ff3", Element::fraction, 3, FormatError::none},
    {"ff4", Element::fraction, 4, FormatError::none},
    {"ff5", Element::fraction, 5, FormatError::none},
    {"ff6", Element::fraction, 6, FormatError::none},
    {"ff7", Element::fraction, 7, FormatError::none},
    {"ff8", Element::fraction, 8, FormatError::none},
    {"ff9", Element::fraction, 9, FormatError::none},
    {"ff", Element::fraction, 0, FormatError::none},
    {"mon", Element::month_short, 0, FormatError::none},
    {"day", Element::literal, 0, FormatError::unsupported_word},
    {"ddd", Element::literal, 0, FormatError::unsupported_word},
    {"dd", Element::day, 0, FormatError::none},
    {"dy", Element::literal, 0, FormatError::unsupported_word},
    {"d", Element::literal, 0, FormatError::unsupported_word},
    {"mm", Element::month, 0, FormatError::none},
    {"mi", Element::minute, 0, FormatError::none},
    {"ms", Element::fraction, 3, FormatError::none},
    {"us", Element::fraction, 6, FormatError::none},
    {"ss", Element::second, 0, FormatError::none},
    {"am", Element::meridiem, 0, FormatError::none},
    {"pm", Element::meridiem, 0, FormatError::none},
    {"of", Element::offset, 0, FormatError::none},
    {"rm", Element::literal, 0, FormatError::unsupported_word},
    {"ww", Element::literal, 0, FormatError::unsupported_word},
    {"iw", Element::literal, 0, FormatError::unsupported_word},
    {"cc", Element::literal, 0, FormatError::unsupported_word},
    {"ad", Element::literal, 0, FormatError::unsupported_word},
    {"bc", Element::literal, 0, FormatError::unsupported_word},
    {"fm", Element::literal, 0, FormatError::unsupported_word},
    {"fx", Element::literal, 0, FormatError::unsupported_word},
    {"th", Element::literal, 0, FormatError::unsupported_word},
    {"tm", Element::literal, 0, FormatError::unsupported_word},
    {"sp", Element::literal, 0, FormatError::unsupported_word},
    {"iyy", Element::literal, 0, FormatError::unsupported_word},
    {"iy", Element::literal, 0, FormatError::unsupported_word},
    {"id", Element::literal, 0, FormatError::unsupported_word},
    {"i", Element::literal, 0, FormatError::unsupported_word},
    {"j", Element::literal, 0, FormatError::unsupported_word},
    {"q", Element::literal, 0, FormatError::unsupported_word},
    {"w", Element::literal, 0, FormatError::unsupported_word},
};

bool begins_with(std::string_view text, std::string_view word) noexcept {
  if (text.size() < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (lower_ascii(text[i]) != word[i]) return false;
  }
  return true;
}

// Elements that say the same part of a moment share a part; literals have none.
int part_of(Element element) noexcept {
  switch (element) {
    case Element::literal: return -1;
    case Element::month_short:
    case Element::month_name: return static_cast<int>(Element::month);
    case Element::hour12: return static_cast<int>(Element::hour24);
    case Element::dotted_meridiem: return static_cast<int>(Element::meridiem);
    case Element::offset: return static_cast<int>(Element::zone_hour);
    default: return static_cast<int>(element);
  }
}

// What a text may have at such an item is a digit.
bool begins_with_digit(const Format::Item& item) noexcept {
  switch (item.element) {
    case Element::literal: return is_digit(item.character);
    case Element::year:
    case Element::month:
    case Element::day:
    case Element::hour24:
    case Element::hour12:
    case Element::minute:
    case Element::second:
    case Element::fraction:
    case Element::zone_minute: return true;
    default: return false;
  }
}

FormatError missing_part(const Format& format, std::uint32_t parts) noexcept {
  const auto has = [parts](Element element) noexcept { return (parts >> static_cast<int>(element) & 1) != 0; };
  bool hour12 = false;
  bool offset = false;
  for (int i = 0; i < format.count; ++i) {
    hour12 |= format.items[i].element == Element::hour12;
    offset |= format.items[i].element == Element::offset;
  }
  if (!has(Element::year)) return FormatError::missing_year;
  if (!has(Element::month)) return FormatError::missing_month;
  if (!has(Element::day)) return FormatError::missing_day;
  if (hour12 != has(Element::meridiem)) return FormatError::hour12_and_meridiem;
  if (has(Element::minute) && !has(Element::hour24)) return FormatError::minute_without_hour;
  if (has(Element::second) && !has(Element::minute)) return FormatError::second_without_minute;
  if (has(Element::fraction) && !has(Element::second)) return FormatError::fraction_without_second;
  if (has(Element::zone_minute) && (!has(Element::zone_hour) || offset)) return FormatError::minute_of_offset_alone;
  if (has(Element::zone_hour) && !has(Element::hour24)) return FormatError::offset_without_hour;
  if (offset && format.items[format.count - 1].element != Element::offset) return FormatError::offset_not_last;
  for (int i = 0; i + 1 < format.count; ++i) {
    const Format::Item& item = format.items[i];
    if (item.element == Element::fraction && item.digits == 0 && begins_with_digit(format.items[i + 1]))
      return FormatError::digit_after_fraction;
  }
  return FormatError::none;
}

}  // namespace

FormatResult compile_format(std::string_view text, Format* format) noexcept {
  const auto fail = [](FormatError error, std::size_t position, std::size_t length) noexcept {
    return FormatResult{error, static_cast<std::int16_t>(position), static_cast<std::int16_t>(length)};
  };
  if (text.size() > max_format_length) return fail(FormatError::too_long, 0, 0);
  // Blanks around a text are ignored, so those around a format say nothing.
  std::size_t at = 0;
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  while (at < text.size() && is_blank(text[at])) ++at;

  Format made{};
  std::uint32_t parts = 0;
  bool quoted = false;
  std::size_t quote_at = 0;
  while (at < text.size()) {
    if (made.count == max_format_elements) return fail(FormatError::too_long, 0, 0);
    const char c = text[at];
    if (c == '"') {
      quoted = !quoted;
      quote_at = at++;
      continue;
    }
    if (quoted || !(is_letter(c) || is_digit(c) || c == '\\')) {
      if (quoted && c == '\\' && at + 1 < text.size()) ++at;
      made.items[made.count++] = {Element::literal, text[at++], 0};
      continue;
    }
    const Word* found = nullptr;
    for (const Word& word : words) {
      if (begins_with(text.substr(at), word.text)) {
        found = &word;
        break;
      }
    }
    if (found == nullptr) return fail(FormatError::unknown_word, at, 1);
    if (found->error != FormatError::none) return fail(found->error, at, found->text.size());
    const std::uint32_t part = 1U << part_of(found->element);
    if ((parts & part) != 0) return fail(FormatError::repeated_part, at, found->text.size());
    parts |= part;
    made.items[made.count++] = {found->element, '\0', found->digits};
    at += found->text.size();
  }
  if (quoted) return fail(FormatError::open_quote, quote_at, 1);
  const FormatError missing = missing_part(made, parts);
  if (missing != FormatError::none) return fail(missing, 0, 0);
  made.has_time = (parts >> static_cast<int>(Element::hour24) & 1) != 0;
  made.has_offset = (parts >> static_cast<int>(Element::zone_hour) & 1) != 0;
  *format = made;
  return fail(FormatError::none, 0, 0);
}

bool FormatCursor::step_digit(char c, int digits, int lowest, int highest, std::int32_t* target) noexcept {
  if (!is_digit(c)) return false;
  number_ = number_ * 10 + (c - '0');
  ++inside_;
  // The numbers that may still come of it are least .. most.
  std::int32_t least = number_;
  std::int32_t most = number_;
  for (int i = inside_; i < digits; ++i) {
    least *= 10;
    most = most * 10 + 9;
  }
  if ((least > highest || most < lowest) && !shape_only_) {
    refused_value_ = true;
    return false;
  }
  if (inside_ == digits) {
    *target = number_;
    leave_element();
  }
  return true;
}

bool FormatCursor::step_month(char c, bool whole_name) noexcept {
  if (inside_ == 0) months_ = 0xfff;
  const char letter = lower_ascii(c);
  for (int i = 0; i < 12; ++i) {
    const std::string_view name = month_names[i];
    if (static_cast<std::size_t>(inside_) >= name.size() || name[inside_] != letter)
      months_ &= static_cast<std::uint16_t>(~(1U << i));
  }
  if (months_ == 0) return false;
  ++inside_;
  if ((months_ & (months_ - 1)) != 0) return true;  // still several names; three letters always leave one
  int month = 0;
  while ((months_ >> month & 1) == 0) ++month;
  const std::size_t length = whole_name ? month_names[month].size() : 3;
  if (static_cast<std::size_t>(inside_) == length) {
    month_ = month + 1;
    leave_element();
  }
  return true;
}

bool FormatCursor::step_fraction(char c, int digits) noexcept {
  constexpr std::int32_t units[] = {100000, 10000, 1000, 100, 10, 1};
  constexpr int counted = 6;
  if (!is_digit(c)) {
    if (digits != 0 || inside_ == 0) return false;
    leave_element();
    return step(c);
  }
  if (inside_ < counted) {
    fraction_ += (c - '0') * units[inside_];
  } else if (c != '0') {
    lost_digit_ = true;
  }
  if (digits == 0) {
    if (inside_ < counted) ++inside_;  // more are looked at, not counted
    return true;
  }
  if (++inside_ == digits) leave_element();
  return true;
}

// `Z`, `+HH`, `+HHMM`, `+HH:MM`; inside_ counts 1 after the sign, 3 after the hours, 4 after a colon, 5 inside the
// minutes.
bool FormatCursor::step_offset(char c) noexcept {
  const auto refuse = [this]() noexcept {
    refused_value_ = true;
    return false;
  };
  switch (inside_) {
    case 0:
      if (c == 'Z') {
        leave_element();
        return true;
      }
      if (c != '+' && c != '-') return false;
      offset_negative_ = c == '-';
      inside_ = 1;
      return true;
    case 1:
    case 2:
      if (!is_digit(c)) return false;
      offset_hour_ = offset_hour_ * 10 + (c - '0');
      if ((inside_ == 1 ? offset_hour_ > highest_offset_hour / 10 : offset_hour_ > highest_offset_hour) && !shape_only_)
        return refuse();
      ++inside_;
      return true;
    case 3:
      if (c == ':') {
        inside_ = 4;
        return true;
      }
      [[fallthrough]];
    case 4:
      if (!is_digit(c)) return false;
      if (c > '5' && !shape_only_) return refuse();
      offset_minute_ = c - '0';
      inside_ = 5;
      return true;
    default:
      if (!is_digit(c)) return false;
      offset_minute_ = offset_minute_ * 10 + (c - '0');
      leave_element();
      return true;
  }
}

bool FormatCursor::step(char c) noexcept {
  if (next_ >= format_->count) return false;
  const Format::Item& item = format_->items[next_];
  switch (item.element) {
    case Element::literal:
      if (c != item.character) return false;
      leave_element();
      return true;
    case Element::year: return step_digit(c, 4, lowest_year_, highest_year_, &year_);
    case Element::month: return step_digit(c, 2, 1, 12, &month_);
    case Element::month_short: return step_month(c, false);
    case Element::month_name: return step_month(c, true);
    case Element::day: return step_digit(c, 2, 1, 31, &day_);
    case Element::hour24: return step_digit(c, 2, 0, 23, &hour_);
    case Element::hour12: return step_digit(c, 2, 1, 12, &hour_);
    case Element::minute: return step_digit(c, 2, 0, 59, &minute_);
    case Element::second: return step_digit(c, 2, 0, 59, &second_);
    case Element::fraction: return step_fraction(c, item.digits);
    case Element::meridiem:
    case Element::dotted_meridiem: {
      const char letter = lower_ascii(c);
      const bool dotted = item.element == Element::dotted_meridiem;
      if (inside_ == 0) {
        if (letter != 'a' && letter != 'p') return false;
        afternoon_ = letter == 'p';
        inside_ = 1;
        return true;
      }
      const bool dot_expected = dotted && inside_ % 2 == 1;
      if (dot_expected ? c != '.' : letter != 'm') return false;
      if (++inside_ == (dotted ? 4 : 2)) leave_element();
      return true;
    }
    case Element::zone_hour:
      if (inside_ == 0) {
        if (c != '+' && c != '-') return false;
        offset_negative_ = c == '-';
        inside_ = 1;
        return true;
      }
      return step_digit(c, 3, 0, highest_offset_hour, &offset_hour_);  // the sign counts as a leading zero
    case Element::zone_minute: return step_digit(c, 2, 0, 59, &offset_minute_);
    case Element::offset: return step_offset(c);
  }
  return false;
}

bool FormatCursor::may_end() const noexcept {
  if (next_ == format_->count) return true;
  if (next_ != format_->count - 1) return false;
  const Format::Item& last = format_->items[next_];
  if (last.element == Element::fraction) return last.digits == 0 && inside_ > 0;
  return last.element == Element::offset && inside_ == 3;
}

Status FormatCursor::finish(CivilTime* result) const noexcept {
  if (day_ > days_in_month(year_, month_)) return Status::no_such_time;
  if (lost_digit_) return Status::would_be_rounded;
  int hour = hour_;
  for (int i = 0; i < format_->count; ++i) {
    if (format_->items[i].element == Element::hour12) hour = hour % 12 + (afternoon_ ? 12 : 0);
  }
  result->day = day_number(year_, month_, day_);
  result->microsecond = ((hour * 60 + minute_) * 60 + second_) * microseconds_per_second + fraction_;
  result->has_time = format_->has_time;
  result->has_offset = format_->has_offset;
  const int offset = (offset_hour_ * 60 + offset_minute_) * 60;
  result->offset_seconds = offset_negative_ ? -offset : offset;
  return Status::ok;
}

Status parse_by_format(const Format& format, std::string_view text, CivilTime* result) noexcept {
  text = strip_blanks(text);
  FormatCursor cursor(format, 1, 9999);
  for (const char c : text) {
    if (cursor.step(c)) continue;
    if (!cursor.refused_value()) return Status::malformed;
    // A number that cannot be is the reason only if the text is written as the format says to its end.
    FormatCursor shape(format);
    for (const char any : text) {
      if (!shape.step(any)) return Status::malformed;
    }
    return shape.may_end() ? Status::no_such_time : Status::malformed;
  }
  return cursor.may_end() ? cursor.finish(result) : Status::malformed;
}

}  // namespace dap::convert
