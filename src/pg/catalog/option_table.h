// Every option of sources and calls, one row each: the parser, SQL (dap_internal.options()) and the README's table know
// no other.
//
// To add an option:
// 1. give SourceOptions (options.h) a member for it;
// 2. add a row here, whose default is the value that sources which were defined before the option have;
// 3. read the member where the option matters;
// 4. put the row that test/sql/options.sql then misses into README.md's table;
// 5. add values that can and that cannot be to test/sql/ingest_options.sql.
#pragma once

#include "pg/catalog/options.h"

namespace dap {

// What a value must be. Minimum and maximum are of a number; of a character: how many there are, so that 0 means that
// there may be none; of an interval: days; of names: how many.
enum class OptionType : unsigned char {
  boolean,
  integer,
  number,
  character,
  text,
  words,
  encoding,
  interval,
  names,
  aliases
};

// A value that was checked. Which member holds it is said behind the types that it is for.
struct OptionValue {
  bool truth;      // boolean
  int64 whole;     // integer (-1: null), words (which one), encoding (its number), interval (microseconds)
  double number;   // number
  char character;  // character; 0: none
  char* text;      // text
  char** names;    // names
  Alias* aliases;  // aliases
  int count;       // names, aliases
};

constexpr unsigned char bit(OptionScope scope) {
  return static_cast<unsigned char>(1U << static_cast<unsigned>(scope));
}
constexpr unsigned char source_call = bit(OptionScope::source) | bit(OptionScope::call);
constexpr unsigned char read_sniff = bit(OptionScope::read) | bit(OptionScope::sniff);
constexpr unsigned char everywhere = source_call | read_sniff;

constexpr int64 no_bound = -1;
constexpr int64 most_names = 10000;  // more than any table has columns
constexpr int64 most_days = 10000;   // far from where sums of times would overflow

struct Option {
  const char* name;
  unsigned char scopes;
  OptionType type;
  const char* default_value;  // as JSON
  int64 minimum;
  int64 maximum;
  const char* words;     // of type words: separated by blanks
  bool decides_reading;  // what a file's bytes become depends on it: a file that failed is tried again when it changes
  const char* description;
  void (*set)(SourceOptions*, const OptionValue&);
};

// clang-format off
constexpr Option option_table[] = {
    {"delimiter", everywhere, OptionType::character, "\",\"", 1, 1, nullptr, true,
     "what separates fields",
     [](SourceOptions* o, const OptionValue& v) { o->delimiter = v.character; }},
    {"quote", everywhere, OptionType::character, "\"\\\"\"", 0, 1, nullptr, true,
     "what encloses fields; empty: nothing does",
     [](SourceOptions* o, const OptionValue& v) { o->quote = v.character; }},
    {"escape", everywhere, OptionType::character, "\"\\\"\"", 1, 1, nullptr, true,
     "what stands before a quote that is data; where it is not given, the quote",
     [](SourceOptions* o, const OptionValue& v) { o->escape = v.character; }},
    {"header", everywhere, OptionType::boolean, "true", no_bound, no_bound, nullptr, true,
     "the first record names the columns",
     [](SourceOptions* o, const OptionValue& v) { o->header = v.truth; }},
    {"null", everywhere, OptionType::text, "\"\"", no_bound, no_bound, nullptr, true,
     "the unquoted text that means NULL",
     [](SourceOptions* o, const OptionValue& v) { o->null_text = v.text; }},
    {"encoding", everywhere, OptionType::encoding, "\"UTF8\"", no_bound, no_bound, nullptr, true,
     "the encoding of the file",
     [](SourceOptions* o, const OptionValue& v) { o->encoding = static_cast<int>(v.whole); }},
    {"compression", everywhere, OptionType::words, "\"auto\"", no_bound, no_bound, "auto plain gzip zstd", true,
     "how the file is compressed; auto looks at its first bytes",
     [](SourceOptions* o, const OptionValue& v) { o->compression = static_cast<Compression>(v.whole); }},
    {"lenient", everywhere, OptionType::boolean, "false", no_bound, no_bound, nullptr, true,
     "accept quotes that are not escaped",
     [](SourceOptions* o, const OptionValue& v) { o->lenient = v.truth; }},
    {"on_error", source_call, OptionType::words, "\"reject\"", no_bound, no_bound, "reject stop", true,
     "reject a bad record, or stop",
     [](SourceOptions* o, const OptionValue& v) { o->stop_on_error = v.whole != 0; }},
    {"max_rejects", source_call, OptionType::integer, "null", 0, no_bound, nullptr, true,
     "a file with more records rejected fails; null: no such limit",
     [](SourceOptions* o, const OptionValue& v) { o->max_rejects = v.whole; }},
    {"max_reject_percent", source_call, OptionType::number, "1", 0, 100, nullptr, true,
     "a file with more than this and more than 10 records rejected fails, as does one without a good record",
     [](SourceOptions* o, const OptionValue& v) { o->max_reject_percent = v.number; }},
    {"on_failed_file", source_call, OptionType::words, "\"stop\"", no_bound, no_bound, "stop set_aside", false,
     "stop the run, or set the file aside with a WARNING",
     [](SourceOptions* o, const OptionValue& v) { o->set_aside = v.whole != 0; }},
    {"on_new_column", source_call, OptionType::words, "\"add\"", no_bound, no_bound, "add stop ignore", true,
     "what becomes of a column that the source does not have",
     [](SourceOptions* o, const OptionValue& v) { o->on_new_column = static_cast<NewColumn>(v.whole); }},
    {"aliases", everywhere, OptionType::aliases, "{}", no_bound, most_names, nullptr, true,
     "renamed columns: an object of the header's names and the columns' names",
     [](SourceOptions* o, const OptionValue& v) { o->aliases = v.aliases; o->alias_count = v.count; }},
    {"optional", source_call | bit(OptionScope::read), OptionType::names, "[]", no_bound, most_names, nullptr, true,
     "columns that may be missing",
     [](SourceOptions* o, const OptionValue& v) { o->optional = v.names; o->optional_count = v.count; }},
    {"arrival", bit(OptionScope::source), OptionType::words, "\"loaded\"", no_bound, no_bound, "loaded name", false,
     "what \"later\" means between files: the order of their loads, or that of their names",
     [](SourceOptions* o, const OptionValue& v) { o->arrival_by_name = v.whole != 0; }},
    {"settle", source_call, OptionType::interval, "0", 0, most_days, nullptr, false,
     "leave files that changed less than this interval ago for the next run",
     [](SourceOptions* o, const OptionValue& v) { o->settle_us = v.whole; }},
    {"adopt", bit(OptionScope::create), OptionType::boolean, "false", no_bound, no_bound, nullptr, false,
     "take over the rows that the table already holds",
     [](SourceOptions*, const OptionValue&) {}},  // dap.create_source() does
    {"again", bit(OptionScope::call), OptionType::boolean, "false", no_bound, no_bound, nullptr, false,
     "load known content once more",
     [](SourceOptions* o, const OptionValue& v) { o->again = v.truth; }},
    {"skip_rejects", bit(OptionScope::read), OptionType::boolean, "false", no_bound, no_bound, nullptr, false,
     "leave bad records out, which are an error else",
     [](SourceOptions* o, const OptionValue& v) { o->skip_rejects = v.truth; }},
    {"limit", read_sniff, OptionType::integer, "null", 0, no_bound, nullptr, false,
     "read no more than so many records; null: all",
     [](SourceOptions* o, const OptionValue& v) { o->limit = v.whole; }},
};
// clang-format on

static_assert(static_cast<int>(Compression::zstd) == 3 && static_cast<int>(NewColumn::ignore) == 2,
              "as the words stand");

}  // namespace dap
