// From a column's definition in JSON to a rule.
#include <cstdlib>
#include <cstring>

#include "pg/clean/rule.h"

namespace dap {

namespace {

constexpr const char* allowed_keys = "name, source, type, required, trim, lower, map, format, zone, min, max";
constexpr const char* convertible_types =
    "text, smallint, integer, bigint, numeric, real, double precision, boolean, uuid, date, timestamp, timestamptz";

// The definition's values as they stand; what is absent or null is left as it is here.
struct Definition {
  const char* name = nullptr;
  const char* source = nullptr;
  const char* type = nullptr;
  const char* zone = nullptr;
  const char* min = nullptr;
  const char* max = nullptr;
  bool required = false;
  bool trim = true;
  bool lower = false;
  JsonbContainer* map = nullptr;
  const char** formats = nullptr;
  int format_count = 0;
};

[[noreturn]] void wrong_value(const char* column, const char* key, const char* expected) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("\"%s\" of column \"%s\" must be %s", key, column, expected)));
}

char* string_of(const JsonbValue* value) {
  return pnstrdup(value->val.string.val, value->val.string.len);
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

void read_formats(Definition* definition, const JsonbValue* value) {
  constexpr const char* expected = "a string or an array of strings, not empty";
  if (value->type == jbvString) {
    definition->formats = static_cast<const char**>(palloc(sizeof(char*)));
    definition->formats[0] = string_of(value);
    definition->format_count = 1;
    return;
  }
  if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
    wrong_value(definition->name, "format", expected);
  JsonbContainer* array = value->val.binary.data;
  const uint32 count = JsonContainerSize(array);
  if (count == 0 || count > 32)
    wrong_value(definition->name, "format", count == 0 ? expected : "an array of at most 32 strings");
  definition->formats = static_cast<const char**>(palloc(sizeof(char*) * count));
  for (uint32 i = 0; i < count; ++i) {
    const JsonbValue* element = getIthJsonbValueFromContainer(array, i);
    if (element->type != jbvString) wrong_value(definition->name, "format", expected);
    definition->formats[definition->format_count++] = string_of(element);
  }
}

// The column's name comes first: every other message needs it.
const char* read_name(Jsonb* json) {
  if (!JB_ROOT_IS_OBJECT(json)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a column's definition must be a JSON object"),
                    errhint("Example: {\"name\": \"amount\", \"type\": \"numeric(18,2)\", \"required\": true}.")));
  }
  JsonbValue found;
  const JsonbValue* name = getKeyJsonValueFromContainer(&json->root, "name", 4, &found);
  if (name == nullptr || name->type != jbvString || name->val.string.len == 0) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a column's definition has no \"name\""),
             errdetail("The name is a string that is not empty."), errhint("Keys of a column are: %s.", allowed_keys)));
  }
  if (name->val.string.len >= NAMEDATALEN) {
    ereport(ERROR, (errcode(ERRCODE_NAME_TOO_LONG), errmsg("column name \"%s\" is too long", string_of(name)),
                    errdetail("Names have at most %d bytes.", NAMEDATALEN - 1)));
  }
  return string_of(name);
}

Definition read_definition(Jsonb* json) {
  Definition definition;
  definition.name = read_name(json);
  JsonbIterator* iterator = JsonbIteratorInit(&json->root);
  JsonbValue key;
  JsonbValue value;
  (void)JsonbIteratorNext(&iterator, &key, true);
  while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY) {
    const char* name = string_of(&key);
    (void)JsonbIteratorNext(&iterator, &value, true);
    const auto is = [name](const char* known) { return strcmp(name, known) == 0; };
    const char* column = definition.name;
    const bool is_null = value.type == jbvNull;  // as if the key were absent
    if (is("name")) {
    } else if (is("source")) {
      if (!is_null) definition.source = read_string(column, name, &value);
    } else if (is("type")) {
      if (!is_null) definition.type = read_string(column, name, &value);
    } else if (is("required")) {
      if (!is_null) definition.required = read_bool(column, name, &value);
    } else if (is("trim")) {
      if (!is_null) definition.trim = read_bool(column, name, &value);
    } else if (is("lower")) {
      if (!is_null) definition.lower = read_bool(column, name, &value);
    } else if (is("map")) {
      if (is_null) continue;
      if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
        wrong_value(column, name, "an object of strings");
      definition.map = value.val.binary.data;
    } else if (is("format")) {
      if (!is_null) read_formats(&definition, &value);
    } else if (is("zone")) {
      if (!is_null) definition.zone = read_string(column, name, &value);
    } else if (is("min")) {
      if (!is_null) definition.min = read_bound(column, name, &value);
    } else if (is("max")) {
      if (!is_null) definition.max = read_bound(column, name, &value);
    } else {
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("column \"%s\" has an unknown key \"%s\"", column, name),
                      errhint("Keys of a column are: %s.", allowed_keys)));
    }
  }
  return definition;
}

void set_type(ColumnRule* rule, Oid type, int32 typmod) {
  rule->type = type;
  rule->typmod = typmod;
  switch (type) {
    case TEXTOID:
      rule->kind = RuleKind::text;
      break;
    case INT2OID:
      rule->kind = RuleKind::integer;
      rule->lowest = PG_INT16_MIN;
      rule->highest = PG_INT16_MAX;
      break;
    case INT4OID:
      rule->kind = RuleKind::integer;
      rule->lowest = PG_INT32_MIN;
      rule->highest = PG_INT32_MAX;
      break;
    case INT8OID:
      rule->kind = RuleKind::integer;
      rule->lowest = PG_INT64_MIN;
      rule->highest = PG_INT64_MAX;
      break;
    case NUMERICOID:
      rule->kind = RuleKind::numeric;
      break;
    case FLOAT4OID:
      rule->kind = RuleKind::float4;
      break;
    case FLOAT8OID:
      rule->kind = RuleKind::float8;
      break;
    case BOOLOID:
      rule->kind = RuleKind::boolean;
      break;
    case UUIDOID:
      rule->kind = RuleKind::uuid;
      break;
    case DATEOID:
      rule->kind = RuleKind::date;
      break;
    case TIMESTAMPOID:
      rule->kind = RuleKind::timestamp;
      break;
    case TIMESTAMPTZOID:
      rule->kind = RuleKind::timestamptz;
      break;
    default:
      ereport(
          ERROR,
          (errcode(ERRCODE_UNDEFINED_OBJECT),
           errmsg("column \"%s\" cannot be converted to type %s", rule->name, format_type_with_typemod(type, typmod)),
           errhint("Convertible types are %s. Other types can be made from text in SQL.", convertible_types)));
  }
  if (typmod < 0) return;
  if (rule->kind != RuleKind::numeric) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("column \"%s\" cannot have type %s", rule->name, format_type_with_typemod(type, typmod)),
                    errdetail("Of the convertible types only numeric takes a precision: values are never rounded."),
                    errhint("Use %s.", format_type_be(type))));
  }
  // As numeric.c packs them.
  rule->is_constrained = true;
  rule->precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
  rule->scale = (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
  if (rule->precision <= 18 && rule->scale >= 0 && rule->scale <= 18) {
    rule->highest = 1;
    for (int i = 0; i < rule->precision; ++i) rule->highest *= 10;
    rule->highest -= 1;
    rule->lowest = -rule->highest;
  }
}

void parse_type(const char* column, const char* type, Oid* oid, int32* typmod) {
  if (type == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("column \"%s\" has no \"type\"", column),
                    errhint("Convertible types are %s.", convertible_types)));
  }
#if PG_VERSION_NUM >= 160000  // the last argument became an error context (858e776c84)
  (void)parseTypeString(type, oid, typmod, nullptr);
#else
  parseTypeString(type, oid, typmod, false);
#endif
}

int compare_map_entries(const void* one, const void* other) {
  const auto* first = static_cast<const MapEntry*>(one);
  const auto* second = static_cast<const MapEntry*>(other);
  return map_entry_order(first->from, first->from_length, second->from, second->from_length);
}

// A key that trimming and lower-casing would change never meets a text.
void refuse_dead_key(const ColumnRule* rule, const char* key, int length) {
  const char* change = nullptr;
  if (rule->trim && length > 0 && (key[0] == ' ' || key[length - 1] == ' ')) change = "trimmed";
  if (rule->lower && length > 0) {
    const text* lowered = lower_text(key, length);
    if (VARSIZE(lowered) - VARHDRSZ != static_cast<Size>(length) || memcmp(VARDATA(lowered), key, length) != 0)
      change = "lower-cased";
  }
  if (change == nullptr) return;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("\"map\" of column \"%s\" has a key that can never match: \"%s\"", rule->name, key),
                  errdetail("Texts are %s before they are mapped.", change),
                  errhint("Write the key as it stands after that.")));
}

void compile_map(ColumnRule* rule, JsonbContainer* map) {
  rule->map = static_cast<MapEntry*>(palloc(sizeof(MapEntry) * (JsonContainerSize(map) + 1)));
  JsonbIterator* iterator = JsonbIteratorInit(map);
  JsonbValue key;
  JsonbValue value;
  (void)JsonbIteratorNext(&iterator, &key, true);
  while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY) {
    (void)JsonbIteratorNext(&iterator, &value, true);
    if (value.type != jbvString && value.type != jbvNull) wrong_value(rule->name, "map", "an object of strings");
    MapEntry* entry = &rule->map[rule->map_count++];
    entry->from = string_of(&key);
    entry->from_length = key.val.string.len;
    refuse_dead_key(rule, entry->from, entry->from_length);
    entry->to = value.type == jbvNull ? nullptr : string_of(&value);
    entry->to_length = value.type == jbvNull ? 0 : value.val.string.len;
  }
  qsort(rule->map, rule->map_count, sizeof(MapEntry), compare_map_entries);
}

[[noreturn]] void does_not_apply(const ColumnRule* rule, const char* key, const char* hint) {
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
           errmsg("\"%s\" does not apply to column \"%s\" of type %s", key, rule->name, format_type_be(rule->type)),
           errhint("%s", hint)));
}

}  // namespace

ColumnRule* compile_column_rule(Jsonb* json, bool force_required) {
  const Definition definition = read_definition(json);
  auto* rule = static_cast<ColumnRule*>(palloc0(sizeof(ColumnRule)));
  rule->name = definition.name;
  rule->source = definition.source != nullptr ? definition.source : definition.name;
  if (*rule->source == '\0') wrong_value(rule->name, "source", "the name of a column of the source");
  Oid type = InvalidOid;
  int32 typmod = -1;
  parse_type(rule->name, definition.type, &type, &typmod);
  set_type(rule, type, typmod);
  rule->required = definition.required || force_required;
  rule->trim = definition.trim;
  rule->empty_is_null = true;

  rule->lower = definition.lower;
  if (rule->lower && rule->kind != RuleKind::text) does_not_apply(rule, "lower", "Only texts are lower-cased.");
  if (definition.map != nullptr) compile_map(rule, definition.map);
  if (definition.zone != nullptr) {
    if (rule->kind != RuleKind::timestamp && rule->kind != RuleKind::timestamptz) {
      does_not_apply(rule, "zone", "Only timestamps have a time zone.");
    }
    rule->zone = find_zone(definition.zone);
    if (rule->zone == nullptr) {
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("\"zone\" of column \"%s\" is not a time zone: \"%s\"", rule->name, definition.zone),
                      errhint("Zones are names such as Europe/Berlin or UTC; pg_timezone_names lists them.")));
    }
  }
  compile_bounds(rule, definition.min, definition.max);
  if (definition.format_count > 0) {
    if (rule->kind != RuleKind::date && rule->kind != RuleKind::timestamp && rule->kind != RuleKind::timestamptz) {
      does_not_apply(rule, "format", "Only dates and timestamps have a format.");
    }
    compile_formats(rule, definition.formats, definition.format_count);
  }
  return rule;
}

ColumnRule* compile_plain_rule(const char* name, Oid type, int32 typmod) {
  auto* rule = static_cast<ColumnRule*>(palloc0(sizeof(ColumnRule)));
  rule->name = pstrdup(name);
  rule->source = rule->name;
  set_type(rule, type, typmod);
  // A text is what the file says, to the last space; other types are read as clean models read them.
  rule->trim = rule->kind != RuleKind::text;
  rule->empty_is_null = rule->kind != RuleKind::text;
  compile_bounds(rule, nullptr, nullptr);
  return rule;
}

}  // namespace dap
