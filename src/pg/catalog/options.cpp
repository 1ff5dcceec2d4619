#include "pg/catalog/options.h"

#include <cstring>
#include <initializer_list>

#include "pg/catalog/option_table.h"

namespace dap {
namespace {

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
char character_of(const Option& option, const JsonbValue* value) {
  bool may_be_empty = option.minimum == 0;
  char* text = string_of(option.name, value);
  if (text[0] == '\0' && may_be_empty) return '\0';
  if (std::strlen(text) != 1 || text[0] == '\n' || text[0] == '\r' || static_cast<unsigned char>(text[0]) >= 0x80)
    bad_value(option.name, may_be_empty ? "a single one-byte character other than a line end, or an empty string"
                                        : "a single one-byte character other than a line end");
  return text[0];
}

Numeric numeric_of(const char* key, const JsonbValue* value) {
  if (value->type != jbvNumeric) bad_value(key, "a number");
  return value->val.numeric;
}

bool is_within(Numeric number, int64 minimum, int64 maximum) {
  Datum value = NumericGetDatum(number);
  Datum least = DirectFunctionCall1(int8_numeric, Int64GetDatum(minimum));
  Datum most = DirectFunctionCall1(int8_numeric, Int64GetDatum(maximum));
  return DatumGetBool(DirectFunctionCall2(numeric_ge, value, least)) &&
         DatumGetBool(DirectFunctionCall2(numeric_le, value, most));
}

// -1: null, which is no number
int64 whole_of(const Option& option, const JsonbValue* value) {
  if (value->type == jbvNull) return -1;
  Numeric number = numeric_of(option.name, value);
  Datum whole = DirectFunctionCall2(numeric_trunc, NumericGetDatum(number), Int32GetDatum(0));
  int64 most = option.maximum == no_bound ? PG_INT64_MAX : option.maximum;
  if (!DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(number), whole)) ||
      !is_within(number, option.minimum, most))
    bad_value(option.name,
              option.maximum == no_bound
                  ? psprintf("a whole number of at least " INT64_FORMAT, option.minimum)
                  : psprintf("a whole number from " INT64_FORMAT " to " INT64_FORMAT, option.minimum, most));
  return DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
}

double number_of(const Option& option, const JsonbValue* value) {
  Numeric number = numeric_of(option.name, value);
  if (!is_within(number, option.minimum, option.maximum))
    bad_value(option.name, psprintf("a number from " INT64_FORMAT " to " INT64_FORMAT, option.minimum, option.maximum));
  return DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(number)));
}

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

int64 interval_us_of(const Option& option, const JsonbValue* value) {
  const char* expected =
      psprintf("an interval of days and time such as \"30 seconds\", from " INT64_FORMAT " to " INT64_FORMAT " days",
               option.minimum, option.maximum);
  if (value->type == jbvNumeric) {
    Numeric seconds = value->val.numeric;
    if (!is_within(seconds, option.minimum * SECS_PER_DAY, option.maximum * SECS_PER_DAY))
      bad_value(option.name, expected);
    return static_cast<int64>(DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(seconds))) * 1e6);
  }
  if (value->type != jbvString) bad_value(option.name, expected);
  Interval* interval = parse_interval(string_of(option.name, value));
  if (!interval || interval->month != 0 || interval->time < 0 || interval->day < option.minimum ||
      interval->day + interval->time / USECS_PER_DAY > option.maximum)
    bad_value(option.name, expected);
  return interval->time + interval->day * USECS_PER_DAY;
}

// Which of the option's words it is.
int word_of(const Option& option, const JsonbValue* value) {
  char* text = string_of(option.name, value);
  StringInfoData expected;
  initStringInfo(&expected);
  int n = 0;
  for (const char* word = option.words; *word; n++) {
    Size length = std::strcspn(word, " ");
    if (std::strlen(text) == length && std::strncmp(text, word, length) == 0) return n;
    bool is_last = word[length] == '\0';
    appendStringInfo(&expected, "%s\"%.*s\"", n == 0 ? "" : is_last ? " or " : ", ", static_cast<int>(length), word);
    word += length + (is_last ? 0 : 1);
  }
  bad_value(option.name, expected.data);
}

int encoding_of(const Option& option, const JsonbValue* value) {
  int encoding = pg_char_to_encoding(string_of(option.name, value));
  if (encoding < 0) bad_value(option.name, "the name of an encoding that PostgreSQL knows");
  // As everywhere in PostgreSQL, SQL_ASCII is no encoding but the lack of one: the bytes must then be the database's.
  return encoding == PG_SQL_ASCII ? GetDatabaseEncoding() : encoding;
}

void check_count(const Option& option, JsonbContainer* container) {
  if (JsonContainerSize(container) > option.maximum)
    bad_value(option.name, psprintf("at most " INT64_FORMAT " names", option.maximum));
}

void aliases_of(const Option& option, const JsonbValue* value, OptionValue* result) {
  if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
    bad_value(option.name, "an object of header names and column names");
  JsonbContainer* object = value->val.binary.data;
  check_count(option, object);
  result->aliases = static_cast<Alias*>(palloc(sizeof(Alias) * (JsonContainerSize(object) + 1)));
  JsonbIterator* iterator = JsonbIteratorInit(object);
  JsonbValue item;
  char* key = nullptr;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE;) {
    if (token == WJB_KEY) key = pnstrdup(item.val.string.val, item.val.string.len);
    if (token == WJB_VALUE) {
      char* column = string_of(option.name, &item);
      if (column[0] == '\0' || std::strlen(column) >= NAMEDATALEN)
        bad_value(option.name, "column names of 1 to 63 bytes");
      result->aliases[result->count++] = {key, column};
    }
  }
}

void names_of(const Option& option, const JsonbValue* value, OptionValue* result) {
  if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
    bad_value(option.name, "an array of column names");
  JsonbContainer* array = value->val.binary.data;
  check_count(option, array);
  result->names = static_cast<char**>(palloc(sizeof(char*) * (JsonContainerSize(array) + 1)));
  JsonbIterator* iterator = JsonbIteratorInit(array);
  JsonbValue item;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE;)
    if (token == WJB_ELEM) result->names[result->count++] = string_of(option.name, &item);
}

OptionValue value_of(const Option& option, const JsonbValue* value) {
  OptionValue result = {};
  switch (option.type) {
    case OptionType::boolean: result.truth = bool_of(option.name, value); break;
    case OptionType::integer: result.whole = whole_of(option, value); break;
    case OptionType::number: result.number = number_of(option, value); break;
    case OptionType::character: result.character = character_of(option, value); break;
    case OptionType::text: result.text = string_of(option.name, value); break;
    case OptionType::words: result.whole = word_of(option, value); break;
    case OptionType::encoding: result.whole = encoding_of(option, value); break;
    case OptionType::interval: result.whole = interval_us_of(option, value); break;
    case OptionType::names: names_of(option, value, &result); break;
    case OptionType::aliases: aliases_of(option, value, &result); break;
  }
  return result;
}

const char* names_in(unsigned char scopes) {
  StringInfoData list;
  initStringInfo(&list);
  for (const Option& option : option_table)
    if (option.scopes & scopes) appendStringInfo(&list, "%s%s", list.len ? ", " : "", option.name);
  return list.data;
}

// The option of this name, if it may be given there.
const Option& find_option(const char* name, OptionScope scope) {
  // What a source keeps is also given to dap.create_source; dap.sniff_csv is tried with what dap.read_csv then takes.
  unsigned char known = scope == OptionScope::source  ? bit(OptionScope::source) | bit(OptionScope::create)
                        : scope == OptionScope::sniff ? bit(OptionScope::read)
                                                      : bit(scope);
  for (const Option& option : option_table) {
    if (std::strcmp(option.name, name) != 0 || !(option.scopes & known)) continue;
    if (scope == OptionScope::sniff && !(option.scopes & bit(OptionScope::sniff)))
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("option \"%s\" has no meaning here", name),
                      errhint("The options here are: %s.", names_in(bit(OptionScope::sniff)))));
    return option;
  }
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown option \"%s\"", name),
                  errhint("The options here are: %s.", names_in(known))));
  pg_unreachable();
}

void overlay(SourceOptions* options, Jsonb* given, OptionScope scope) {
  if (!given) return;
  if (!JB_ROOT_IS_OBJECT(given))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("options must be a JSON object")));
  JsonbIterator* iterator = JsonbIteratorInit(&given->root);
  JsonbValue item;
  const Option* option = nullptr;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE;) {
    if (token == WJB_KEY) option = &find_option(pnstrdup(item.val.string.val, item.val.string.len), scope);
    else if (token == WJB_VALUE) option->set(options, value_of(*option, &item));
  }
}

void set_defaults(SourceOptions* options) {
  for (const Option& option : option_table) {
    // A scalar stands in an array of its own.
    Jsonb* json =
        DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("[%s]", option.default_value))));
    option.set(options, value_of(option, getIthJsonbValueFromContainer(&json->root, 0)));
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
  set_defaults(options);
  overlay(options, definition, OptionScope::source);
  overlay(options, call, scope);
  if (!is_given(definition, "escape") && !is_given(call, "escape")) options->escape = options->quote;
  check_dialect(options);
  return options;
}

bool is_given(Jsonb* options, const char* key) {
  return options &&
         getKeyJsonValueFromContainer(&options->root, key, static_cast<int>(std::strlen(key)), nullptr) != nullptr;
}
namespace {

ArrayType* text_array(Datum* texts, int count) {
  return construct_array(texts, count, TEXTOID, -1, false, TYPALIGN_INT);
}

Datum scope_names(unsigned char scopes) {
  constexpr const char* names[] = {"source", "create", "call", "read", "sniff"};
  Datum texts[lengthof(names)];
  int count = 0;
  for (unsigned i = 0; i < lengthof(names); i++)
    if (scopes & (1U << i)) texts[count++] = CStringGetTextDatum(names[i]);
  return PointerGetDatum(text_array(texts, count));
}

const char* type_name(OptionType type) {
  switch (type) {
    case OptionType::boolean: return "boolean";
    case OptionType::integer: return "integer";
    case OptionType::number: return "number";
    case OptionType::character: return "character";
    case OptionType::text: return "text";
    case OptionType::words: return "words";
    case OptionType::encoding: return "encoding";
    case OptionType::interval: return "interval";
    case OptionType::names: return "names";
    case OptionType::aliases: return "aliases";
  }
  return nullptr;
}

}  // namespace
}  // namespace dap

// dap_internal.check_options(options jsonb): raises unless these can be a source's options.
DAP_FUNCTION(dap_check_options) {
  dap::parse_options(PG_GETARG_JSONB_P(0), nullptr, dap::OptionScope::source);
  PG_RETURN_VOID();
}

// dap_internal.options(): the rows of the table.
DAP_FUNCTION(dap_options) {
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  enum { name, scopes, type, words, default_value, minimum, maximum, decides_reading, description, columns };
  for (const dap::Option& option : dap::option_table) {
    Datum values[columns] = {};
    bool nulls[columns] = {};
    values[name] = CStringGetTextDatum(option.name);
    values[scopes] = dap::scope_names(option.scopes);
    values[type] = CStringGetTextDatum(dap::type_name(option.type));
    nulls[words] = option.words == nullptr;
    if (option.words)
      values[words] = DirectFunctionCall2Coll(text_to_array, DEFAULT_COLLATION_OID, CStringGetTextDatum(option.words),
                                              CStringGetTextDatum(" "));
    values[default_value] = DirectFunctionCall1(jsonb_in, CStringGetDatum(option.default_value));
    values[minimum] = Int64GetDatum(option.minimum);
    nulls[minimum] = option.minimum == dap::no_bound;
    values[maximum] = Int64GetDatum(option.maximum);
    nulls[maximum] = option.maximum == dap::no_bound;
    values[decides_reading] = BoolGetDatum(option.decides_reading);
    values[description] = CStringGetTextDatum(option.description);
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  return static_cast<Datum>(0);
}
