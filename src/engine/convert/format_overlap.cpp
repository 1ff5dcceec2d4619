#include <algorithm>
#include <cstring>

#include "engine/convert/format.h"

namespace dap::convert {

namespace {

// Walks both formats over all texts that both can read, character by character. A character is tried only if both take
// it, and a number is cut off as soon as no digits can bring it into its range, so that few texts are walked to the
// end.
class OverlapSearch {
 public:
  OverlapSearch(const Format& one, const Format& other, int lowest_year, int highest_year, char* witness,
                const volatile std::sig_atomic_t* stop) noexcept
      : lowest_year_(lowest_year), highest_year_(highest_year), witness_(witness), stop_(stop) {
    add_characters("0123456789abcdefghijklmnopqrstuvwxyz+-:.Z");
    add_literals(one);
    add_literals(other);
  }

  // Whether a text with two readings goes on from here; length_ is then its length.
  bool search(const FormatCursor& one, const FormatCursor& other, int length) noexcept {
    if (stop_ != nullptr && *stop_ != 0) stopped_ = true;
    if (steps_left_ == 0 || stopped_) return false;
    if (one.may_end() && other.may_end() && differs(one, other)) {
      length_ = length;
      return true;
    }
    if (length == max_witness) return false;
    const Format::Item* item = one.at_start();
    const Format::Item* other_item = other.at_start();
    if (item != nullptr && other_item != nullptr && item->element == other_item->element) {
      if (item->element == Element::year) return search_years(one, other, length);
      if (item->element == Element::fraction) return search_fractions(one, other, length);
      const char* sample = sample_of(*item);
      if (sample != nullptr) return follow(one, other, length, sample, static_cast<int>(std::strlen(sample)));
    }
    for (int i = 0; i < characters_; ++i) {
      if (steps_left_ > 0) --steps_left_;
      FormatCursor next_one = one;
      if (!next_one.step(alphabet_[i])) continue;
      FormatCursor next_other = other;
      if (!next_other.step(alphabet_[i])) continue;
      witness_[length] = alphabet_[i];
      if (search(next_one, next_other, length + 1)) return true;
    }
    return false;
  }

  bool given_up() const noexcept { return steps_left_ == 0; }
  bool stopped() const noexcept { return stopped_; }
  int length() const noexcept { return length_; }

 private:
  // Both formats read the same part from the same characters, so that one text can stand for all: if any text has two
  // readings, so has the one with the sample in its place. A time part adds the same to both moments and bears on
  // nothing else. With the same month for both, January takes every day, and two dates differ as they did by day or
  // year; with the same day, the 1st exists in every month.
  static const char* sample_of(const Format::Item& item) noexcept {
    switch (item.element) {
      case Element::month:
      case Element::day: return "01";
      case Element::month_short: return "jan";
      case Element::month_name: return "january";
      case Element::hour24:
      case Element::minute:
      case Element::second: return "10";
      case Element::zone_hour: return "+05";
      case Element::zone_minute: return "30";
      case Element::offset: return "Z";
      default: return nullptr;
    }
  }

  // Both read the year from the same digits: it bears only on whether there is a 29 February, so two years stand for
  // all.
  bool search_years(const FormatCursor& one, const FormatCursor& other, int length) noexcept {
    bool leap_seen = false;
    bool common_seen = false;
    for (int year = lowest_year_; year <= highest_year_ && !(leap_seen && common_seen); ++year) {
      bool& seen = is_leap_year(year) ? leap_seen : common_seen;
      if (seen) continue;
      seen = true;
      const char digits[4] = {static_cast<char>('0' + year / 1000), static_cast<char>('0' + year / 100 % 10),
                              static_cast<char>('0' + year / 10 % 10), static_cast<char>('0' + year % 10)};
      if (follow(one, other, length, digits, 4)) return true;
    }
    return false;
  }

  // The digits that both fractions begin with add the same to both moments, so that one text stands for all.
  bool search_fractions(const FormatCursor& one, const FormatCursor& other, int length) noexcept {
    static constexpr char sample[] = "123456000";
    const int digits = one.at_start()->digits;
    const int other_digits = other.at_start()->digits;
    if (digits != 0 && other_digits != 0) return follow(one, other, length, sample, std::min(digits, other_digits));
    if (digits + other_digits != 0) return follow(one, other, length, sample, digits + other_digits);
    // Two of any length end with the same digit.
    FormatCursor next_one = one;
    FormatCursor next_other = other;
    (void)next_one.step(sample[0]);
    (void)next_other.step(sample[0]);
    next_one.end_fraction();
    next_other.end_fraction();
    if (length == max_witness) return false;
    witness_[length] = sample[0];
    return search(next_one, next_other, length + 1);
  }

  bool follow(FormatCursor one, FormatCursor other, int length, const char* text, int text_length) noexcept {
    if (length + text_length > max_witness) return false;
    for (int i = 0; i < text_length; ++i) {
      if (!one.step(text[i]) || !other.step(text[i])) return false;
      witness_[length + i] = text[i];
    }
    return search(one, other, length + text_length);
  }

  static bool differs(const FormatCursor& one, const FormatCursor& other) noexcept {
    CivilTime first;
    CivilTime second;
    if (one.finish(&first) != Status::ok || other.finish(&second) != Status::ok) return false;
    if (first.has_offset != second.has_offset) return true;
    return first.utc_microseconds() != second.utc_microseconds();
  }

  void add_characters(std::string_view characters) noexcept {
    for (const char c : characters) {
      if (std::memchr(alphabet_, c, static_cast<std::size_t>(characters_)) == nullptr) alphabet_[characters_++] = c;
    }
  }
  // Case matters in literals only: elsewhere the lower-case letter stands for both.
  void add_literals(const Format& format) noexcept {
    for (int i = 0; i < format.count; ++i) {
      if (format.items[i].element == Element::literal) add_characters(std::string_view(&format.items[i].character, 1));
    }
  }

  int lowest_year_;
  int highest_year_;
  char* witness_;
  char alphabet_[256] = {};
  int characters_ = 0;
  int length_ = 0;
  std::int64_t steps_left_ = 20'000'000;  // about a tenth of a second
  const volatile std::sig_atomic_t* stop_;
  bool stopped_ = false;
};

}  // namespace

Overlap find_overlap(const Format& one, const Format& other, int lowest_year, int highest_year, char* witness,
                     int* witness_length, const volatile std::sig_atomic_t* stop) noexcept {
  *witness_length = 0;
  OverlapSearch search(one, other, lowest_year, highest_year, witness, stop);
  const bool found =
      search.search(FormatCursor(one, lowest_year, highest_year), FormatCursor(other, lowest_year, highest_year), 0);
  if (found) {
    *witness_length = search.length();
    return Overlap::found;
  }
  if (search.stopped()) return Overlap::stopped;
  return search.given_up() ? Overlap::undecided : Overlap::none;
}

}  // namespace dap::convert
