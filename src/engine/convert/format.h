// Dates and timestamps in a written format: to_timestamp's words, read strictly (every digit counts, nothing is
// guessed).
#pragma once

#include <csignal>
#include <cstdint>
#include <string_view>

#include "engine/convert/datetime.h"
#include "engine/convert/status.h"

namespace dap::convert {

enum class Element : std::uint8_t {
  literal,          // one character, exactly
  year,             // YYYY
  month,            // MM
  month_short,      // Mon
  month_name,       // Month
  day,              // DD
  hour24,           // HH24
  hour12,           // HH12, HH
  minute,           // MI
  second,           // SS
  fraction,         // FF, FF1 to FF9, MS (FF3), US (FF6)
  meridiem,         // AM, PM
  dotted_meridiem,  // A.M., P.M.
  zone_hour,        // TZH
  zone_minute,      // TZM
  offset,           // OF
};

constexpr int max_format_elements = 64;
constexpr int max_format_length = 128;

// A compiled format; plain data, may be copied bytewise.
struct Format {
  struct Item {
    Element element;
    char character;       // of a literal
    std::uint8_t digits;  // of a fraction; 0: as many as there are
  };
  Item items[max_format_elements];
  std::int16_t count;
  bool has_time;
  bool has_offset;
};

enum class FormatError : std::uint8_t {
  none,
  too_long,
  unknown_word,      // letters or digits that are no element and not in double quotes
  two_digit_year,    // a year of fewer than four digits
  unsupported_word,  // one of to_timestamp's words that is not taken here
  open_quote,
  repeated_part,  // the same part of a date twice
  missing_year,
  missing_month,
  missing_day,
  hour12_and_meridiem,  // one without the other, or with HH24
  minute_without_hour,
  second_without_minute,
  fraction_without_second,
  offset_without_hour,
  minute_of_offset_alone,  // TZM without TZH
  offset_not_last,         // OF is of variable length
  digit_after_fraction,    // FF ends before what is no digit
};

struct FormatResult {
  FormatError error;
  std::int16_t position;  // of the offending word in the format's text
  std::int16_t length;
};

// Compiles the text of a format.
FormatResult compile_format(std::string_view text, Format* format) noexcept;

// Reads a text by a format; blanks around are ignored. At most one reading exists. malformed: the text is not written
// so; no_such_time: it is, with a number that no calendar or clock has; would_be_rounded: a digit behind the sixth
// decimal of a second is not zero.
Status parse_by_format(const Format& format, std::string_view text, CivilTime* result) noexcept;

// A format's reading of a text so far, character by character.
class FormatCursor {
 public:
  FormatCursor(const Format& format, int lowest_year, int highest_year) noexcept
      : format_(&format), lowest_year_(lowest_year), highest_year_(highest_year) {}
  // One that reads the format's shape: any digits will do, and there is no moment to finish with.
  explicit FormatCursor(const Format& format) noexcept
      : format_(&format), lowest_year_(0), highest_year_(9999), shape_only_(true) {}

  // Takes one more character; false if no text that goes on so can be read.
  bool step(char c) noexcept;
  // Whether the text may end here.
  bool may_end() const noexcept;
  // The moment read, once the text has ended; ok, no_such_time or would_be_rounded.
  Status finish(CivilTime* result) const noexcept;
  // A digit was refused for its value, not for being one.
  bool refused_value() const noexcept { return refused_value_; }

  // The element whose first character is next; null at the end and inside an element.
  const Format::Item* at_start() const noexcept {
    return inside_ == 0 && next_ < format_->count ? &format_->items[next_] : nullptr;
  }
  // Ends a fraction of any length that has been begun.
  void end_fraction() noexcept { leave_element(); }

 private:
  bool step_digit(char c, int digits, int lowest, int highest, std::int32_t* target) noexcept;
  bool step_month(char c, bool whole_name) noexcept;
  bool step_fraction(char c, int digits) noexcept;
  bool step_offset(char c) noexcept;
  void leave_element() noexcept {
    ++next_;
    inside_ = 0;
    number_ = 0;
  }

  const Format* format_;
  int lowest_year_;
  int highest_year_;
  std::int32_t number_ = 0;   // digits of the element so far
  std::int16_t next_ = 0;     // index of the current element
  std::int16_t inside_ = 0;   // characters of it already read
  std::uint16_t months_ = 0;  // names that still match, one bit each
  std::int32_t year_ = 0, month_ = 0, day_ = 0, hour_ = 0, minute_ = 0, second_ = 0, fraction_ = 0;
  std::int32_t offset_hour_ = 0, offset_minute_ = 0;
  bool afternoon_ = false, offset_negative_ = false, refused_value_ = false, lost_digit_ = false, shape_only_ = false;
};

enum class Overlap : std::uint8_t {
  none,       // no text of years lowest..highest has two readings
  found,      // `witness` is one that has
  undecided,  // the search was given up; treat as found
  stopped,    // the caller's flag was set
};

constexpr int max_witness = 2 * max_format_length;

// Whether some text is read by both formats, as two different moments of the given years (inclusive). The search is
// exhaustive; it ends early when `stop`, if there is one, becomes true. Another call then starts from the first step.
Overlap find_overlap(const Format& one, const Format& other, int lowest_year, int highest_year, char* witness,
                     int* witness_length, const volatile std::sig_atomic_t* stop = nullptr) noexcept;

}  // namespace dap::convert
