#include "pg/catalog/options.h"

#include <cstring>
#include <initializer_list>

namespace dap {
namespace {

struct Key {
  const char* name;
  unsigned char scopes;  // bits: 1 source, 2 call, 4 read
};

constexpr Key keys[] = {
    {"delimiter", 7},
    {"quote", 7},
    {"escape", 7},
    {"header", 7},
    {"null", 7},
    {"encoding", 7},
    {"compression", 7},
    {"lenient", 7},
    {"on_error", 3},
    {"max_rejects", 3},
    {"max_reject_percent", 3},
    {"on_failed_file", 3},
    {"on_new_column", 3},
    {"aliases", 7},
    {"optional", 7},
    {"arrival", 1},
    {"settle", 3},
    {"adopt", 1},
    {"again", 2},
    {"skip_rejects", 4},
    {"limit", 4},
};

unsigned char scope_bit(OptionScope scope) {
  return scope == OptionScope::source ? 1 : scope == OptionScope::call ? 2 : 4;
}

[[noreturn]] void bad_value(const char* key, const char* expected) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid value for option \"%s\"", key),
                  errdetail("Expected %s.", expected)));
  pg_unreachable();
}

char* string_of(const char* key, const JsonbValue* value) {
  if (value->type != jbvString) bad_value(key, "a string");
  return pnstrdup(value->val.string.val, value->val.string.len);
}

bool bool_of(const char* key, const JsonbValue* value) {
  if (value->type == jbvBool) return value->val.boolean;
  if (value->type == jbvString) {
    bool result;
    if (parse_bool_with_len(value->val.string.val, value->val.string.len, &result)) return result;
  }
  bad_value(key, "true or false");
}

// A single byte that does not end lines; empty means none where that is allowed.
char byte_of(const char* key, const JsonbValue* value, bool may_be_empty) {
  char* text = string_of(key, value);
  if (text[0] == '\0' && may_be_empty) return '\0';
  if (std::strlen(text) != 1 || text[0] == '\n' || text[0] == '\r' || static_cast<unsigned char>(text[0]) >= 0x80)
    bad_value(key, may_be_empty ? "a single one-byte character other than a line end, or an empty string"
                                : "a single one-byte character other than a line end");
  return text[0];
}

Numeric numeric_of(const char* key, const JsonbValue* value) {
  if (value->type != jbvNumeric) bad_value(key, "a number");
  return value->val.numeric;
}

int64 count_of(const char* key, const JsonbValue* value) {
  if (value->type == jbvNull) return -1;
  Datum number = NumericGetDatum(numeric_of(key, value));
  Datum whole = DirectFunctionCall2(numeric_trunc, number, Int32GetDatum(0));
  Datum most = DirectFunctionCall1(int8_numeric, Int64GetDatum(PG_INT64_MAX));
  if (!DatumGetBool(DirectFunctionCall2(numeric_eq, number, whole)) ||
      DatumGetBool(DirectFunctionCall2(numeric_gt, number, most)))
    bad_value(key, "a whole number of at least 0");
  Datum zero = DirectFunctionCall1(int8_numeric, Int64GetDatum(0));
  if (DatumGetBool(DirectFunctionCall2(numeric_lt, number, zero))) bad_value(key, "a whole number of at least 0");
  return DatumGetInt64(DirectFunctionCall1(numeric_int8, number));
}

// Raises unless the number is one from 0 to `most`.
void check_range(const char* key, Numeric number, int64 most, const char* expected) {
  Datum value = NumericGetDatum(number);
  if (DatumGetBool(DirectFunctionCall2(numeric_lt, value, DirectFunctionCall1(int8_numeric, Int64GetDatum(0)))) ||
      DatumGetBool(DirectFunctionCall2(numeric_gt, value, DirectFunctionCall1(int8_numeric, Int64GetDatum(most)))))
    bad_value(key, expected);
}

double percent_of(const char* key, const JsonbValue* value) {
  Numeric number = numeric_of(key, value);
  check_range(key, number, 100, "a number from 0 to 100");
  return DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(number)));
}

// Far from where sums of times would overflow.
constexpr int most_days = 10000;

// NULL for a text that is no interval.
Interval* parse_interval(char* text) {
  MemoryContext context = CurrentMemoryContext;
  Interval* volatile interval = nullptr;
  PG_TRY();
  {
    interval = DatumGetIntervalP(
        DirectFunctionCall3(interval_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
  }
  PG_CATCH();
  {
    // Sound without a subtransaction: the input function touched nothing, and the caller raises in turn.
    MemoryContextSwitchTo(context);
    ErrorData* error = CopyErrorData();
    if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION) PG_RE_THROW();
    FlushErrorState();
  }
  PG_END_TRY();
  return interval;
}

int64 interval_us_of(const char* key, const JsonbValue* value) {
  constexpr const char* expected = "an interval of days and time such as \"30 seconds\", from 0 to 10000 days";
  if (value->type == jbvNumeric) {
    check_range(key, value->val.numeric, static_cast<int64>(most_days) * SECS_PER_DAY, expected);
    return static_cast<int64>(DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value->val.numeric))) *
                              1e6);
  }
  if (value->type != jbvString) bad_value(key, expected);
  Interval* interval = parse_interval(string_of(key, value));
  if (!interval || interval->month != 0 || interval->time < 0 || interval->day < 0 ||
      interval->day + interval->time / USECS_PER_DAY > most_days)
    bad_value(key, expected);
  return interval->time + interval->day * USECS_PER_DAY;
}

bool choice_of(const char* key, const JsonbValue* value, const char* first, const char* second) {
  char* text = string_of(key, value);
  if (std::strcmp(text, first) == 0) return false;
  if (std::strcmp(text, second) == 0) return true;
  bad_value(key, psprintf("\"%s\" or \"%s\"", first, second));
}

// More than any table has columns.
constexpr uint32 most_names = 10000;

void aliases_of(SourceOptions* options, const JsonbValue* value) {
  if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
    bad_value("aliases", "an object of header names and column names");
  JsonbContainer* object = value->val.binary.data;
  if (JsonContainerSize(object) > most_names) bad_value("aliases", "at most 10000 names");
  options->aliases = static_cast<Alias*>(palloc(sizeof(Alias) * (JsonContainerSize(object) + 1)));
  options->alias_count = 0;
  JsonbIterator* iterator = JsonbIteratorInit(object);
  JsonbValue item;
  char* key = nullptr;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE;) {
    if (token == WJB_KEY) key = pnstrdup(item.val.string.val, item.val.string.len);
    if (token == WJB_VALUE) {
      char* column = string_of("aliases", &item);
      if (column[0] == '\0' || std::strlen(column) >= NAMEDATALEN)
        bad_value("aliases", "column names of 1 to 63 bytes");
      options->aliases[options->alias_count].header = key;
      options->aliases[options->alias_count++].column = column;
    }
  }
}

void optional_of(SourceOptions* options, const JsonbValue* value) {
  if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
    bad_value("optional", "an array of column names");
  JsonbContainer* array = value->val.binary.data;
  if (JsonContainerSize(array) > most_names) bad_value("optional", "at most 10000 names");
  options->optional = static_cast<char**>(palloc(sizeof(char*) * (JsonContainerSize(array) + 1)));
  options->optional_count = 0;
  JsonbIterator* iterator = JsonbIteratorInit(array);
  JsonbValue item;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE;)
    if (token == WJB_ELEM) options->optional[options->optional_count++] = string_of("optional", &item);
}

Compression compression_of(const JsonbValue* value) {
  char* text = string_of("compression", value);
  if (std::strcmp(text, "auto") == 0) return Compression::automatic;
  if (std::strcmp(text, "plain") == 0) return Compression::plain;
  if (std::strcmp(text, "gzip") == 0) return Compression::gzip;
  if (std::strcmp(text, "zstd") == 0) return Compression::zstd;
  bad_value("compression", "\"auto\", \"plain\", \"gzip\" or \"zstd\"");
}

NewColumn new_column_of(const JsonbValue* value) {
  char* text = string_of("on_new_column", value);
  if (std::strcmp(text, "add") == 0) return NewColumn::add;
  if (std::strcmp(text, "stop") == 0) return NewColumn::stop;
  if (std::strcmp(text, "ignore") == 0) return NewColumn::ignore;
  bad_value("on_new_column", "\"add\", \"stop\" or \"ignore\"");
}

int encoding_of(const JsonbValue* value) {
  char* text = string_of("encoding", value);
  int encoding = pg_char_to_encoding(text);
  if (encoding < 0) bad_value("encoding", "the name of an encoding that PostgreSQL knows");
  // As everywhere in PostgreSQL, SQL_ASCII is no encoding but the lack of one: the bytes must then be the database's.
  return encoding == PG_SQL_ASCII ? GetDatabaseEncoding() : encoding;
}

void set_option(SourceOptions* options, const char* key, const JsonbValue* value, bool* escape_set) {
  auto is = [key](const char* name) { return std::strcmp(key, name) == 0; };
  if (is("delimiter")) options->delimiter = byte_of(key, value, false);
  else if (is("quote")) options->quote = byte_of(key, value, true);
  else if (is("escape")) {
    options->escape = byte_of(key, value, false);
    *escape_set = true;
  } else if (is("header")) options->header = bool_of(key, value);
  else if (is("null")) options->null_text = string_of(key, value);
  else if (is("encoding")) options->encoding = encoding_of(value);
  else if (is("compression")) options->compression = compression_of(value);
  else if (is("lenient")) options->lenient = bool_of(key, value);
  else if (is("on_error")) options->stop_on_error = choice_of(key, value, "reject", "stop");
  else if (is("max_rejects")) options->max_rejects = count_of(key, value);
  else if (is("max_reject_percent")) options->max_reject_percent = percent_of(key, value);
  else if (is("on_failed_file")) options->set_aside = choice_of(key, value, "stop", "set_aside");
  else if (is("on_new_column")) options->on_new_column = new_column_of(value);
  else if (is("aliases")) aliases_of(options, value);
  else if (is("optional")) optional_of(options, value);
  else if (is("arrival")) options->arrival_by_name = choice_of(key, value, "loaded", "name");
  else if (is("settle")) options->settle_us = interval_us_of(key, value);
  else if (is("adopt")) bool_of(key, value);
  else if (is("again")) options->again = bool_of(key, value);
  else if (is("skip_rejects")) options->skip_rejects = bool_of(key, value);
  else if (is("limit")) options->limit = count_of(key, value);
}

void overlay(SourceOptions* options, Jsonb* given, OptionScope scope, bool* escape_set) {
  if (!given) return;
  if (!JB_ROOT_IS_OBJECT(given))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("options must be a JSON object")));
  JsonbIterator* iterator = JsonbIteratorInit(&given->root);
  JsonbValue item;
  char* key = nullptr;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE;) {
    if (token == WJB_KEY) {
      key = pnstrdup(item.val.string.val, item.val.string.len);
      bool known = false;
      for (const Key& candidate : keys)
        if (std::strcmp(candidate.name, key) == 0 && (candidate.scopes & scope_bit(scope))) known = true;
      if (!known) {
        StringInfoData list;
        initStringInfo(&list);
        for (const Key& candidate : keys)
          if (candidate.scopes & scope_bit(scope))
            appendStringInfo(&list, "%s%s", list.len ? ", " : "", candidate.name);
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown option \"%s\"", key),
                        errhint("The options here are: %s.", list.data)));
      }
    } else if (token == WJB_VALUE) {
      set_option(options, key, &item, escape_set);
    }
  }
}

// In these encodings a multi-byte character may hold bytes of the ASCII range from 0x30 on.
bool embeds_ascii(int encoding) { return !PG_VALID_BE_ENCODING(encoding); }

void check_dialect(const SourceOptions* options) {
  auto conflict = [](const char* message) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message)));
  };
  if (options->quote && options->quote == options->delimiter)
    conflict("options \"delimiter\" and \"quote\" must differ");
  if (options->quote && options->escape == options->delimiter)
    conflict("options \"delimiter\" and \"escape\" must differ");
  if (std::strchr(options->null_text, '\n') || std::strchr(options->null_text, '\r'))
    conflict("option \"null\" cannot contain a line end");
  if (std::strchr(options->null_text, options->delimiter)) conflict("option \"null\" cannot contain the delimiter");
  if (options->quote && std::strchr(options->null_text, options->quote))
    conflict("option \"null\" cannot contain the quote");
  if (embeds_ascii(options->encoding)) {
    for (char c : {options->delimiter, options->quote, options->escape})
      if (c >= 0x30)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("this delimiter, quote or escape cannot be used with encoding %s",
                               pg_encoding_to_char(options->encoding)),
                        errdetail("The byte can be part of a character there."),
                        errhint("Use a character below \"0\", such as a comma or a tab.")));
  }
}

}  // namespace

SourceOptions* parse_options(Jsonb* definition, Jsonb* call, OptionScope scope) {
  auto* options = static_cast<SourceOptions*>(palloc0(sizeof(SourceOptions)));
  options->delimiter = ',';
  options->quote = '"';
  options->escape = '"';
  options->header = true;
  options->null_text = pstrdup("");
  options->encoding = PG_UTF8;
  options->compression = Compression::automatic;
  options->max_rejects = -1;
  options->max_reject_percent = 1;
  options->limit = -1;
  bool escape_set = false;
  overlay(options, definition, OptionScope::source, &escape_set);
  overlay(options, call, scope, &escape_set);
  if (!escape_set) options->escape = options->quote;
  check_dialect(options);
  return options;
}

}  // namespace dap

// dap_internal.check_options(options jsonb): raises unless these can be a source's options.
DAP_FUNCTION(dap_check_options) {
  dap::parse_options(PG_GETARG_JSONB_P(0), nullptr, dap::OptionScope::source);
  PG_RETURN_VOID();
}
