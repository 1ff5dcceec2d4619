#include "pg/inspect/column_survey.h"

#include <cstring>
#include <initializer_list>

#include "pg/rule/column_rule.h"

extern "C" {
#include "utils/fmgrprotos.h"
}

namespace dap {
namespace {

// Whether a text that converts would come back as it was written.
using Keeps = bool (*)(const char* text, int size);

enum class Order : unsigned char { integer, numeric, bytes };

struct Candidate {
  const char* type;
  const char* format;  // NULL: the type's own
  Keeps keeps;         // NULL: always
  Order order;
  int other_reading;  // the candidate that reads day and month the other way round; -1: none
};

bool digit(char c) { return c >= '0' && c <= '9'; }

// -?(0|[1-9][0-9]*), then perhaps a point and digits; no "-0".
bool plain_number(const char* text, int size, int most_digits, bool may_have_point) {
  int at = size > 0 && text[0] == '-';
  int start = at;
  while (at < size && digit(text[at])) at++;
  int whole = at - start;
  if (whole == 0 || whole > most_digits || (whole > 1 && text[start] == '0')) return false;
  bool zero = text[start] == '0';
  if (at < size) {
    if (!may_have_point || text[at] != '.' || at + 1 == size) return false;
    for (at++; at < size; at++) {
      if (!digit(text[at])) return false;
      zero = zero && text[at] == '0';
    }
  }
  return !(zero && start == 1);
}

// Longer digits are an identifier, not a quantity.
constexpr int most_integer_digits = 18;
// Of what is as long as that, too: the least and the greatest of each column are kept.
constexpr int most_number_bytes = 1000;

bool keeps_integer(const char* text, int size) { return plain_number(text, size, most_integer_digits, false); }
bool keeps_numeric(const char* text, int size) {
  return size <= most_number_bytes &&
         plain_number(text, size, std::memchr(text, '.', static_cast<Size>(size)) ? size : most_integer_digits, true);
}
bool keeps_timestamp(const char*, int size) { return size > 10; }  // a day alone says nothing of a time
bool keeps_utc(const char* text, int size) {
  for (const char* utc : {"Z", "+00", "+0000", "+00:00"}) {
    int length = static_cast<int>(std::strlen(utc));
    if (size > length + 10 && std::memcmp(text + size - length, utc, static_cast<Size>(length)) == 0) return true;
  }
  return false;
}
bool keeps_uuid(const char* text, int size) {
  for (int i = 0; i < size; i++)
    if (text[i] >= 'A' && text[i] <= 'Z') return false;
  return size == 36;
}
bool is_word(const char* text, int size, const char* one, const char* other) {
  return (static_cast<int>(std::strlen(one)) == size && std::memcmp(text, one, static_cast<Size>(size)) == 0) ||
         (static_cast<int>(std::strlen(other)) == size && std::memcmp(text, other, static_cast<Size>(size)) == 0);
}
bool keeps_true(const char* text, int size) { return is_word(text, size, "true", "false"); }
bool keeps_t(const char* text, int size) { return is_word(text, size, "t", "f"); }

// In order of preference.
constexpr Candidate candidates[] = {
    {"bigint", nullptr, keeps_integer, Order::integer, -1},
    {"numeric", nullptr, keeps_numeric, Order::numeric, -1},
    {"date", nullptr, nullptr, Order::integer, -1},
    {"timestamp", nullptr, keeps_timestamp, Order::integer, -1},
    {"timestamptz", nullptr, keeps_utc, Order::integer, -1},
    {"uuid", nullptr, keeps_uuid, Order::bytes, -1},
    {"boolean", nullptr, keeps_true, Order::bytes, -1},
    {"boolean", nullptr, keeps_t, Order::bytes, -1},
    {"date", "YYYY/MM/DD", nullptr, Order::integer, -1},
    {"date", "DD.MM.YYYY", nullptr, Order::integer, 10},
    {"date", "MM.DD.YYYY", nullptr, Order::integer, 9},
    {"date", "DD/MM/YYYY", nullptr, Order::integer, 12},
    {"date", "MM/DD/YYYY", nullptr, Order::integer, 11},
    {"date", "DD-MM-YYYY", nullptr, Order::integer, 14},
    {"date", "MM-DD-YYYY", nullptr, Order::integer, 13},
    {"timestamp", "DD.MM.YYYY HH24:MI:SS", nullptr, Order::integer, 16},
    {"timestamp", "MM.DD.YYYY HH24:MI:SS", nullptr, Order::integer, 15},
    {"timestamp", "DD/MM/YYYY HH24:MI:SS", nullptr, Order::integer, 18},
    {"timestamp", "MM/DD/YYYY HH24:MI:SS", nullptr, Order::integer, 17},
    {"timestamp", "DD.MM.YYYY HH24:MI", nullptr, Order::integer, 20},
    {"timestamp", "MM.DD.YYYY HH24:MI", nullptr, Order::integer, 19},
    {"timestamp", "DD/MM/YYYY HH24:MI", nullptr, Order::integer, 22},
    {"timestamp", "MM/DD/YYYY HH24:MI", nullptr, Order::integer, 21},
};
constexpr int candidate_count = lengthof(candidates);
constexpr int number_candidates = 2;   // the first
constexpr int letter_candidate = 7;    // t and f: both must be seen
constexpr int most_misses = 10;        // after as many a candidate is out
constexpr int64 values_per_miss = 20;  // fewer misses than one in so many are worth a note
constexpr int most_kept_bytes = 256;   // of a text's beginning, for min and max
constexpr int most_shown_characters = 64;

// A text that is kept, in a buffer that grows.
struct Kept {
  char* data;
  int size;
  int room;
};

struct Extremes {
  bool any;
  int64 min, max;  // Order::integer
  Numeric min_numeric, max_numeric;
  Kept min_text, max_text;
};

struct Track {       // of one candidate in one column
  uint8 refused;     // values that do not convert
  uint8 altered;     // values that convert and would come back otherwise
  int64 first_line;  // of the first refused
  const char* message;
  Extremes extremes;
};

struct Column {
  uint32 alive;  // candidates, a bit each
  int64 values;
  int64 nulls;
  int64 longest;
  Extremes texts;
  Track tracks[candidate_count];
};

}  // namespace

struct ColumnSurvey {
  MemoryContext context;
  int columns;
  Column* column;
  ColumnRule* rules[candidate_count];
};

namespace {

void keep(const ColumnSurvey* survey, Kept* kept, const char* text, int size) {
  if (size > kept->room) {
    if (kept->data) pfree(kept->data);
    kept->room = size < 32 ? 32 : size * 2;
    kept->data = static_cast<char*>(MemoryContextAlloc(survey->context, static_cast<Size>(kept->room)));
  }
  std::memcpy(kept->data, text, static_cast<Size>(size));
  kept->size = size;
}

int compare_bytes(const Kept* kept, const char* text, int size) {
  int least = kept->size < size ? kept->size : size;
  int order = std::memcmp(kept->data, text, static_cast<Size>(least));
  return order ? order : kept->size - size;
}

int compare_numeric(Numeric a, Numeric b) {
  return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)));
}

Numeric keep_numeric(const ColumnSurvey* survey, Numeric old, Numeric value) {
  if (old) pfree(old);
  auto* copy = static_cast<Numeric>(MemoryContextAlloc(survey->context, VARSIZE(value)));
  std::memcpy(static_cast<void*>(copy), value, VARSIZE(value));
  return copy;
}

void extend(const ColumnSurvey* survey, Extremes* extremes, Order order, Oid type, Datum value, const char* text,
            int size) {
  bool first = !extremes->any, less = false, more = false;
  int64 number = 0;
  if (order == Order::integer) {
    number = type == DATEOID ? DatumGetDateADT(value) : DatumGetInt64(value);
    less = first || number < extremes->min;
    more = first || number > extremes->max;
  } else if (order == Order::numeric) {
    less = first || compare_numeric(DatumGetNumeric(value), extremes->min_numeric) < 0;
    more = first || compare_numeric(DatumGetNumeric(value), extremes->max_numeric) > 0;
  } else {
    if (size > most_kept_bytes) size = pg_mbcliplen(text, size, most_kept_bytes);
    less = first || compare_bytes(&extremes->min_text, text, size) > 0;
    more = first || compare_bytes(&extremes->max_text, text, size) < 0;
  }
  extremes->any = true;
  if (less) {
    extremes->min = number;
    if (order == Order::numeric)
      extremes->min_numeric = keep_numeric(survey, extremes->min_numeric, DatumGetNumeric(value));
    keep(survey, &extremes->min_text, text, size);
  }
  if (more) {
    extremes->max = number;
    if (order == Order::numeric)
      extremes->max_numeric = keep_numeric(survey, extremes->max_numeric, DatumGetNumeric(value));
    keep(survey, &extremes->max_text, text, size);
  }
}

void try_candidate(const ColumnSurvey* survey, Column* column, int i, const char* text, int size, int64 line) {
  Track* track = &column->tracks[i];
  ConvertResult converted = convert_value(survey->rules[i], text, size, false);
  if (converted.reason != Reason::none) {
    if (track->refused == 0) {
      track->first_line = line;
      track->message = reason_words(converted.reason);
    }
    if (++track->refused > most_misses) column->alive &= ~(1u << i);
  } else if (candidates[i].keeps && !candidates[i].keeps(text, size)) {
    if (++track->altered > most_misses) column->alive &= ~(1u << i);
  } else {
    extend(survey, &track->extremes, candidates[i].order, rule_type(survey->rules[i]), converted.value, text, size);
  }
}

void trim(const char** text, int* size) {  // as the clean step does
  while (*size > 0 && **text == ' ') ++*text, --*size;
  while (*size > 0 && (*text)[*size - 1] == ' ') --*size;
}

bool fits_all(const Column* column, int i) {
  if (column->values == 0 || !(column->alive & (1u << i)) || column->tracks[i].refused || column->tracks[i].altered)
    return false;
  const Extremes& extremes = column->tracks[i].extremes;
  return i != letter_candidate ||
         compare_bytes(&extremes.min_text, extremes.max_text.data, extremes.max_text.size) != 0;
}

bool says_no_number(const char* name) {
  char* lower = pstrdup(name);
  for (char* c = lower; *c; c++) *c = pg_ascii_tolower(static_cast<unsigned char>(*c));
  for (const char* word : {"phone", "mobile", "fax", "zip", "postal", "postcode", "plz"})
    if (std::strstr(lower, word)) return true;
  return false;
}

// The type's candidate; -1: text, with the reason if there is one.
int choose(const Column* column, const char* name, const char** note) {
  *note = nullptr;
  if (column->values == 0) {
    *note = "no value";
    return -1;
  }
  for (int i = 0; i < candidate_count; i++) {
    if (!fits_all(column, i)) continue;
    int other = candidates[i].other_reading;
    if (other >= 0 && fits_all(column, other)) {
      *note = psprintf("%s or %s: every value is a %s in both formats", candidates[i].format, candidates[other].format,
                       candidates[i].type);
      return -1;
    }
    if (i < number_candidates && says_no_number(name)) {
      *note = "digits that the column's name says are no number";
      return -1;
    }
    return i;
  }
  return -1;
}

// Why a column that is nearly of some type is text.
const char* near_miss(const Column* column) {
  for (int i = 0; i < candidate_count; i++) {
    const Track& track = column->tracks[i];
    if (track.refused > 0 || track.altered == 0) continue;
    if (i < number_candidates)
      return "digits that a number would not keep as written: leading zeros, plus signs, exponents or more than 18 "
             "digits";
    if (std::strcmp(candidates[i].type, "timestamptz") == 0)
      return "moments with offsets from UTC: timestamptz would keep the moments, not the offsets";
    if (std::strcmp(candidates[i].type, "uuid") == 0)
      return "uuid would keep every value, in lower case and with hyphens";
  }
  for (int i = 0; i < candidate_count; i++) {
    const Track& track = column->tracks[i];
    if (!(column->alive & (1u << i)) || track.refused == 0 || track.altered > 0 ||
        column->values < values_per_miss * track.refused)
      continue;
    return psprintf("%s%s%s but for %d of " INT64_FORMAT " values, the first in line " INT64_FORMAT ": %s",
                    candidates[i].type, candidates[i].format ? " " : "",
                    candidates[i].format ? candidates[i].format : "", track.refused, column->values, track.first_line,
                    track.message);
  }
  return nullptr;
}

char* shown(const Kept* kept) {
  int size = kept->size;
  int clipped = pg_mbcharcliplen(kept->data, size, most_shown_characters);
  return clipped < size ? psprintf("%s...", pnstrdup(kept->data, static_cast<Size>(clipped)))
                        : pnstrdup(kept->data, static_cast<Size>(size));
}

}  // namespace

ColumnSurvey* column_survey_open(int columns) {
  static_assert(candidate_count <= 32);
  auto* survey = static_cast<ColumnSurvey*>(palloc0(sizeof(ColumnSurvey)));
  survey->context = CurrentMemoryContext;
  survey->columns = columns;
  survey->column = static_cast<Column*>(MemoryContextAllocExtended(
      CurrentMemoryContext, sizeof(Column) * (static_cast<Size>(columns) + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
  for (int i = 0; i < columns; i++) survey->column[i].alive = (1u << candidate_count) - 1;
  for (int i = 0; i < candidate_count; i++) {
    ColumnDefinition definition = plain_column("column", candidates[i].type);
    const char* format = candidates[i].format;
    if (format) {
      definition.formats = &format;
      definition.format_count = 1;
    }
    survey->rules[i] = compile_column_rule(definition, false);
  }
  return survey;
}

void column_survey_add(ColumnSurvey* survey, const CsvField* fields, int64 line) {
  for (int c = 0; c < survey->columns; c++) {
    CHECK_FOR_INTERRUPTS();  // a record may have many fields, and each of them every candidate to try
    Column* column = &survey->column[c];
    const char* text = fields[c].data;
    int size = static_cast<int>(fields[c].size);
    if (!fields[c].is_null) {
      int64 length = pg_mbstrlen_with_len(text, size);
      if (length > column->longest) column->longest = length;
      trim(&text, &size);
    }
    if (fields[c].is_null || size == 0) {
      column->nulls++;
      continue;
    }
    column->values++;
    for (uint32 alive = column->alive; alive; alive &= alive - 1) {
      CHECK_FOR_INTERRUPTS();  // a field may be long
      try_candidate(survey, column, __builtin_ctz(alive), text, size, line);
    }
    extend(survey, &column->texts, Order::bytes, TEXTOID, 0, text, size);
  }
}

SurveyedColumn column_survey_result(const ColumnSurvey* survey, int c, const char* name) {
  const Column* column = &survey->column[c];
  SurveyedColumn result = {"text", nullptr, column->values, column->nulls, nullptr, nullptr, column->longest, nullptr};
  int chosen = choose(column, name, &result.note);
  const Extremes* extremes = &column->texts;
  if (chosen >= 0) {
    result.type = candidates[chosen].type;
    result.format = candidates[chosen].format;
    extremes = &column->tracks[chosen].extremes;
  } else if (!result.note) {
    result.note = near_miss(column);
  }
  if (extremes->any) {
    result.min = shown(&extremes->min_text);
    result.max = shown(&extremes->max_text);
  }
  return result;
}

HeaderFit column_survey_fits(const ColumnSurvey* survey, int c, const char* name, const CsvField* field) {
  const char* note;
  int chosen = choose(&survey->column[c], name, &note);
  const char* text = field->data;
  int size = static_cast<int>(field->size);
  if (chosen < 0 || field->is_null) return HeaderFit::unknown;
  trim(&text, &size);
  if (size == 0) return HeaderFit::unknown;
  if (convert_value(survey->rules[chosen], text, size, false).reason != Reason::none) return HeaderFit::other;
  return HeaderFit::value;
}

bool is_no_name(const ColumnSurvey* survey, const char* text) {
  int size = static_cast<int>(std::strlen(text));
  trim(&text, &size);
  for (int i = 0; i < candidate_count; i++) {
    if (std::strcmp(candidates[i].type, "boolean") == 0) continue;
    if (convert_value(survey->rules[i], text, size, false).reason == Reason::none) return true;
  }
  return false;
}

}  // namespace dap
