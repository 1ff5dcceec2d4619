#include "pg/rule/column_definition.h"

#include <cstring>

namespace dap {

namespace {

constexpr const char* rule_keys =
    "name, source, type, required, trim, lower, map, decimal, thousands, affix, negative, percent, exponent, format, "
    "zone, min, max";
constexpr uint32 most_formats = 32;
constexpr uint32 most_separators = 16;
constexpr uint32 most_affixes = 64;
constexpr uint32 most_forms = 4;  // of a negative number
constexpr uint32 most_mapped = 100000;

[[noreturn]] void wrong_value(const char* column, const char* key, const char* expected) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("\"%s\" of column \"%s\" must be %s", key, column, expected)));
  pg_unreachable();
}

char* string_of(const JsonbValue* value) {
  return pnstrdup(value->val.string.val, static_cast<Size>(value->val.string.len));
}

const char* read_string(const char* column, const char* key, const JsonbValue* value) {
  if (value->type != jbvString) wrong_value(column, key, "a string");
  return string_of(value);
}

bool read_bool(const char* column, const char* key, const JsonbValue* value) {
  if (value->type != jbvBool) wrong_value(column, key, "true or false");
  return value->val.boolean;
}

const char* read_bound(const char* column, const char* key, const JsonbValue* value) {
  if (value->type == jbvNumeric)
    return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
  if (value->type != jbvString) wrong_value(column, key, "a string or a number");
  return string_of(value);
}

// A string, or an array of them.
const char** read_strings(const char* column, const char* key, const JsonbValue* value, uint32 most, int* count) {
  constexpr const char* expected = "a string or an array of strings, not empty";
  *count = 1;
  if (value->type == jbvString) {
    auto* strings = static_cast<const char**>(palloc(sizeof(char*)));
    strings[0] = string_of(value);
    return strings;
  }
  if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data)) wrong_value(column, key, expected);
  JsonbContainer* array = value->val.binary.data;
  const uint32 size = JsonContainerSize(array);
  if (size == 0 || size > most)
    wrong_value(column, key, size == 0 ? expected : psprintf("an array of at most %u strings", most));
  auto* strings = static_cast<const char**>(palloc(sizeof(char*) * size));
  for (uint32 i = 0; i < size; ++i) {
    const JsonbValue* element = getIthJsonbValueFromContainer(array, i);
    if (element->type != jbvString) wrong_value(column, key, expected);
    strings[i] = string_of(element);
  }
  *count = static_cast<int>(size);
  return strings;
}

void add_affixes(ColumnDefinition* column, const JsonbValue* value, char sign) {
  int count = 0;
  const char** texts = read_strings(column->name, "affix", value, most_affixes, &count);
  const int known = column->affix_count;
  if (known + count > static_cast<int>(most_affixes))
    wrong_value(column->name, "affix", psprintf("at most %u texts", most_affixes));
  const Size size = sizeof(DefinedAffix) * static_cast<Size>(known + count);
  column->affixes = static_cast<DefinedAffix*>(known == 0 ? palloc(size) : repalloc(column->affixes, size));
  for (int i = 0; i < count; ++i) column->affixes[column->affix_count++] = {texts[i], sign};
}

// {plus, minus}: texts that say which side a number is on. Each is a string or an array of them.
void read_signed_affixes(ColumnDefinition* column, JsonbContainer* object, const char* expected) {
  JsonbIterator* iterator = JsonbIteratorInit(object);
  JsonbValue key;
  JsonbValue value;
  (void)JsonbIteratorNext(&iterator, &key, true);
  while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY) {
    const char* side = string_of(&key);
    (void)JsonbIteratorNext(&iterator, &value, true);
    const bool is_plus = std::strcmp(side, "plus") == 0;
    if (!is_plus && std::strcmp(side, "minus") != 0) wrong_value(column->name, "affix", expected);
    add_affixes(column, &value, is_plus ? '+' : '-');
  }
}

void read_affixes(ColumnDefinition* column, const JsonbValue* value) {
  constexpr const char* expected = "a string, an object {\"plus\", \"minus\"} or an array of these, not empty";
  const auto read_one = [column, expected](const JsonbValue* one) {
    if (one->type == jbvString) add_affixes(column, one, 0);
    else if (one->type == jbvBinary && JsonContainerIsObject(one->val.binary.data))
      read_signed_affixes(column, one->val.binary.data, expected);
    else wrong_value(column->name, "affix", expected);
  };
  if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data)) {
    JsonbContainer* array = value->val.binary.data;
    for (uint32 i = 0; i < JsonContainerSize(array); ++i) read_one(getIthJsonbValueFromContainer(array, i));
  } else {
    read_one(value);
  }
  if (column->affix_count == 0) wrong_value(column->name, "affix", expected);
}

void read_map(ColumnDefinition* column, const JsonbValue* given) {
  constexpr const char* expected = "an object of strings";
  if (given->type != jbvBinary || !JsonContainerIsObject(given->val.binary.data))
    wrong_value(column->name, "map", expected);
  JsonbContainer* object = given->val.binary.data;
  if (JsonContainerSize(object) > most_mapped) wrong_value(column->name, "map", "an object of at most 100000 strings");
  column->map_count = 0;
  column->map = static_cast<MapEntry*>(palloc(sizeof(MapEntry) * (JsonContainerSize(object) + 1)));
  JsonbIterator* iterator = JsonbIteratorInit(object);
  JsonbValue key;
  JsonbValue value;
  (void)JsonbIteratorNext(&iterator, &key, true);
  while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY) {
    (void)JsonbIteratorNext(&iterator, &value, true);
    if (value.type != jbvString && value.type != jbvNull) wrong_value(column->name, "map", expected);
    const bool is_null = value.type == jbvNull;
    column->map[column->map_count++] = {string_of(&key), key.val.string.len, is_null ? nullptr : string_of(&value),
                                        is_null ? 0 : value.val.string.len};
  }
}

[[noreturn]] void not_an_object() {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a column's definition must be a JSON object"),
                  errhint("Example: {\"name\": \"amount\", \"type\": \"numeric(18,2)\", \"required\": true}.")));
  pg_unreachable();
}

// The column's name comes first: every other message needs it.
const char* read_name(JsonbContainer* object, const char* keys) {
  JsonbValue found;
  const JsonbValue* name = getKeyJsonValueFromContainer(object, "name", 4, &found);
  if (name == nullptr || name->type != jbvString || name->val.string.len == 0)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a column's definition has no \"name\""),
                    errdetail("The name is a string that is not empty."), errhint("Keys of a column are: %s.", keys)));
  if (name->val.string.len >= NAMEDATALEN)
    ereport(ERROR, (errcode(ERRCODE_NAME_TOO_LONG), errmsg("column name \"%s\" is too long", string_of(name)),
                    errdetail("Names have at most %d bytes.", NAMEDATALEN - 1)));
  return string_of(name);
}

// Takes one key of a column; false for a key that it does not know.
using ReadKey = bool (*)(ColumnDefinition* column, const char* key, const JsonbValue* value);

bool read_rule_key(ColumnDefinition* column, const char* key, const JsonbValue* value) {
  const auto is = [key](const char* known) { return std::strcmp(key, known) == 0; };
  const char* name = column->name;
  const bool is_null = value->type == jbvNull;  // as if the key were absent
  if (is("source")) {
    if (!is_null) column->source = read_string(name, key, value);
    if (column->source && *column->source == '\0') wrong_value(name, key, "the name of a column of the source");
  } else if (is("type")) {
    if (!is_null) column->type = read_string(name, key, value);
  } else if (is("required")) {
    if (!is_null) column->required = read_bool(name, key, value);
  } else if (is("trim")) {
    if (!is_null) column->trim = read_bool(name, key, value);
  } else if (is("lower")) {
    if (!is_null) column->lower = read_bool(name, key, value);
  } else if (is("map")) {
    if (!is_null) read_map(column, value);
  } else if (is("decimal")) {
    if (!is_null) column->decimal = read_string(name, key, value);
  } else if (is("thousands")) {
    if (!is_null) column->thousands = read_strings(name, key, value, most_separators, &column->thousands_count);
  } else if (is("affix")) {
    if (!is_null) read_affixes(column, value);
  } else if (is("negative")) {
    if (!is_null) column->negative = read_strings(name, key, value, most_forms, &column->negative_count);
  } else if (is("percent")) {
    column->has_percent = !is_null;
    if (!is_null) column->percent = read_bool(name, key, value);
  } else if (is("exponent")) {
    column->has_exponent = !is_null;
    if (!is_null) column->exponent = read_bool(name, key, value);
  } else if (is("format")) {
    if (!is_null) column->formats = read_strings(name, key, value, most_formats, &column->format_count);
  } else if (is("zone")) {
    if (!is_null) column->zone = read_string(name, key, value);
  } else if (is("min")) {
    if (!is_null) column->min = read_bound(name, key, value);
  } else if (is("max")) {
    if (!is_null) column->max = read_bound(name, key, value);
  } else {
    return false;
  }
  return true;
}

bool read_query_key(ColumnDefinition* column, const char* key, const JsonbValue* value) {
  if (std::strcmp(key, "type") == 0) column->type = read_string(column->name, key, value);
  else if (std::strcmp(key, "not_null") == 0) column->required = read_bool(column->name, key, value);
  else return false;
  return true;
}

ColumnDefinition read_column(JsonbContainer* object, ReadKey read_key, const char* keys) {
  ColumnDefinition column = plain_column(read_name(object, keys), nullptr);
  JsonbIterator* iterator = JsonbIteratorInit(object);
  JsonbValue key;
  JsonbValue value;
  (void)JsonbIteratorNext(&iterator, &key, true);
  while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY) {
    const char* name = string_of(&key);
    (void)JsonbIteratorNext(&iterator, &value, true);
    if (std::strcmp(name, "name") != 0 && !read_key(&column, name, &value))
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("column \"%s\" has an unknown key \"%s\"", column.name, name),
                      errhint("Keys of a column are: %s.", keys)));
  }
  return column;
}

ColumnDefinitions read_columns(JsonbContainer* columns, ReadKey read_key, const char* keys) {
  // A scalar is an array to the server's functions, too.
  if (!JsonContainerIsArray(columns) || JsonContainerIsScalar(columns) || JsonContainerSize(columns) == 0)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("columns must be a JSON array with one object per column")));
  const uint32 count = JsonContainerSize(columns);
  if (count > MaxHeapAttributeNumber)
    ereport(ERROR,
            (errcode(ERRCODE_TOO_MANY_COLUMNS), errmsg("tables can have at most %d columns", MaxHeapAttributeNumber)));
  ColumnDefinitions definitions = {0, static_cast<ColumnDefinition*>(palloc(sizeof(ColumnDefinition) * count))};
  for (uint32 i = 0; i < count; i++) {
    const JsonbValue* element = getIthJsonbValueFromContainer(columns, i);
    if (element->type != jbvBinary || !JsonContainerIsObject(element->val.binary.data)) not_an_object();
    ColumnDefinition column = read_column(element->val.binary.data, read_key, keys);
    if (has_column(&definitions, column.name))
      ereport(ERROR, (errcode(ERRCODE_DUPLICATE_COLUMN), errmsg("column \"%s\" is given twice", column.name)));
    definitions.column[definitions.count++] = column;
  }
  return definitions;
}

}  // namespace

ColumnDefinition plain_column(const char* name, const char* type) {
  ColumnDefinition column = {};
  column.name = pstrdup(name);
  column.type = type ? pstrdup(type) : nullptr;
  column.trim = true;
  return column;
}

ColumnDefinition read_column_rule(Jsonb* rule) {
  if (!JB_ROOT_IS_OBJECT(rule)) not_an_object();
  return read_column(&rule->root, read_rule_key, rule_keys);
}

ColumnDefinitions read_clean_columns(JsonbContainer* columns) {
  return read_columns(columns, read_rule_key, rule_keys);
}

ColumnDefinitions read_query_columns(JsonbContainer* columns) {
  return read_columns(columns, read_query_key, "name, type, not_null");
}

bool has_column(const ColumnDefinitions* columns, const char* name) {
  for (int i = 0; i < columns->count; i++)
    if (std::strcmp(columns->column[i].name, name) == 0) return true;
  return false;
}

}  // namespace dap
