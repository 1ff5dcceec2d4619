// Formats of date and timestamp columns: compiled, held against the type, and proved to give each text one reading.
#include <cstring>
#include <string_view>

#include "engine/convert/datetime.h"
#include "engine/convert/format.h"
#include "pg/rule/rule.h"

namespace dap {

namespace {

using convert::FormatError;

const char* format_error_text(FormatError error) {
  switch (error) {
    case FormatError::none: break;
    case FormatError::too_long: return "it is longer than 128 characters or 64 parts";
    case FormatError::unknown_word:
      return "it is no part of a date or time; letters and digits that stand for themselves need double quotes";
    case FormatError::two_digit_year: return "a year needs four digits, YYYY";
    case FormatError::unsupported_word: return "this part of to_timestamp's formats is not taken";
    case FormatError::open_quote: return "a double quote is not closed";
    case FormatError::repeated_part: return "it says a part of the date or time that the format has already";
    case FormatError::missing_year: return "it has no year (YYYY)";
    case FormatError::missing_month: return "it has no month (MM, Mon or Month)";
    case FormatError::missing_day: return "it has no day (DD)";
    case FormatError::hour12_and_meridiem: return "HH12 and AM or PM go together, HH24 stands without";
    case FormatError::minute_without_hour: return "it has minutes but no hour";
    case FormatError::second_without_minute: return "it has seconds but no minutes";
    case FormatError::fraction_without_second: return "it has a fraction but no seconds";
    case FormatError::offset_without_hour: return "it has an offset from UTC but no hour";
    case FormatError::minute_of_offset_alone: return "TZM needs TZH";
    case FormatError::offset_not_last: return "OF can only stand at the end";
    case FormatError::digit_after_fraction:
      return "FF reads every digit that there is, so that no other can follow it; FF1 to FF9 read as many as they say";
  }
  return "it is not a format";
}

[[noreturn]] void bad_format(const ColumnRule* rule, const char* format, const char* detail) {
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
           errmsg("format \"%s\" of column \"%s\" cannot be used", format, rule->name),
           errdetail("For type %s: %s.", format_type_be(rule->type), detail),
           errhint("Formats are made of YYYY, MM, Mon, Month, DD, HH24, HH12, MI, SS, MS, US, FF, FF1 to FF9, AM or "
                   "A.M., TZH, TZM, OF, "
                   "punctuation and \"quoted text\".")));
}

int64 floor_day(int64 microseconds) {
  const int64 day = microseconds / USECS_PER_DAY;
  return day * USECS_PER_DAY > microseconds ? day - 1 : day;
}

int clamp_year(int64 day) {
  const int year = convert::year_of_day(day);
  return year < 1 ? 1 : year > 9999 ? 9999 : year;
}

void refuse_overlaps(const ColumnRule* rule, const char* const* texts) {
  // Dates out of bounds are rejects, so only the years within can be two readings. Zone and offset shift a local time
  // by less than a day each.
  int64 first = rule->bounds.min_integer;
  int64 last = rule->bounds.max_integer;
  if (rule->kind != RuleKind::date) {
    const int64 margin = rule->kind == RuleKind::timestamptz || rule->zone != nullptr ? 2 : 0;
    first = floor_day(first) - margin;
    last = floor_day(last) + margin;
  }
  for (int i = 0; i < rule->format_count; ++i) {
    for (int j = i + 1; j < rule->format_count; ++j) {
      char witness[convert::max_witness + 1];
      int length = 0;
      convert::Overlap overlap;
      // One that was stopped starts anew from its first step: an interrupt that does not end the query costs what was
      // done so far.
      do {
        CHECK_FOR_INTERRUPTS();
        overlap = convert::find_overlap(rule->formats[i], rule->formats[j], clamp_year(first), clamp_year(last),
                                        witness, &length, INTERRUPTS_CAN_BE_PROCESSED() ? &InterruptPending : nullptr);
      } while (overlap == convert::Overlap::stopped);  // not by what ends the query
      if (overlap == convert::Overlap::none) continue;
      witness[length] = '\0';
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("formats \"%s\" and \"%s\" of column \"%s\" can read one text as two different values",
                             texts[i], texts[j], rule->name),
                      overlap == convert::Overlap::found
                          ? errdetail("An example is \"%s\".", witness)
                          : errdetail("That they do not could not be shown in reasonable time."),
                      errhint("Keep formats that no text has in common, or load such files as sources of their own.")));
    }
  }
}

}  // namespace

void compile_formats(ColumnRule* rule, const char* const* texts, int count) {
  rule->formats = static_cast<convert::Format*>(palloc(sizeof(convert::Format) * count));
  rule->format_count = count;
  for (int i = 0; i < count; ++i) {
    convert::Format* format = &rule->formats[i];
    const convert::FormatResult result = convert::compile_format(std::string_view(texts[i], strlen(texts[i])), format);
    if (result.error != FormatError::none) {
      const char* detail = format_error_text(result.error);
      if (result.length > 0) {
        detail = psprintf("at \"%.*s\" %s",
                          pg_mbcliplen(texts[i] + result.position, static_cast<int>(strlen(texts[i] + result.position)),
                                       result.length),
                          texts[i] + result.position, detail);
      }
      bad_format(rule, texts[i], detail);
    }
    if (rule->kind == RuleKind::date && format->has_time) bad_format(rule, texts[i], "a date takes no time of day");
    if (rule->kind == RuleKind::timestamp && format->has_offset && rule->zone == nullptr) {
      bad_format(rule, texts[i], "an offset from UTC needs the column's \"zone\", whose local time the value becomes");
    }
    if (rule->kind == RuleKind::timestamptz && !format->has_offset && rule->zone == nullptr) {
      bad_format(rule, texts[i], "without an offset from UTC (TZH or OF) the column needs a \"zone\"");
    }
  }
  refuse_overlaps(rule, texts);
}

}  // namespace dap
