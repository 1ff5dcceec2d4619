// From a column's definition to a rule.
#include <cstdlib>
#include <cstring>

#include "bridge/compat/type_name.h"
#include "pg/rule/rule.h"

namespace dap {

namespace {

constexpr const char* convertible_types =
    "text, smallint, integer, bigint, numeric, real, double precision, boolean, uuid, date, timestamp, timestamptz";

void set_type(ColumnRule* rule, Oid type, int32 typmod) {
  rule->type = type;
  rule->typmod = typmod;
  switch (type) {
    case TEXTOID: rule->kind = RuleKind::text; break;
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
    case NUMERICOID: rule->kind = RuleKind::numeric; break;
    case FLOAT4OID: rule->kind = RuleKind::float4; break;
    case FLOAT8OID: rule->kind = RuleKind::float8; break;
    case BOOLOID: rule->kind = RuleKind::boolean; break;
    case UUIDOID: rule->kind = RuleKind::uuid; break;
    case DATEOID: rule->kind = RuleKind::date; break;
    case TIMESTAMPOID: rule->kind = RuleKind::timestamp; break;
    case TIMESTAMPTZOID: rule->kind = RuleKind::timestamptz; break;
    default:
      ereport(
          ERROR,
          (errcode(ERRCODE_UNDEFINED_OBJECT),
           errmsg("column \"%s\" cannot be converted to type %s", rule->name, format_type_with_typemod(type, typmod)),
           errhint("Convertible types are %s. Other types can be made from text in SQL.", convertible_types)));
  }
  // An integer may be an identifier, such as 12E4.
  rule->takes_exponent = rule->kind != RuleKind::integer;
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

bool is_number(RuleKind kind) {
  return kind == RuleKind::integer || kind == RuleKind::numeric || kind == RuleKind::float8 || kind == RuleKind::float4;
}

// The first key of the definition that says how numbers are written; NULL if it has none.
const char* number_key(const ColumnDefinition& definition) {
  return definition.decimal != nullptr    ? "decimal"
         : definition.thousands_count > 0 ? "thousands"
         : definition.affix_count > 0     ? "affix"
         : definition.negative_count > 0  ? "negative"
         : definition.has_percent         ? "percent"
         : definition.has_exponent        ? "exponent"
                                          : nullptr;
}

void parse_type(const char* column, const char* type, Oid* oid, int32* typmod) {
  if (type == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("column \"%s\" has no \"type\"", column),
                    errhint("Convertible types are %s.", convertible_types)));
  }
  read_type_name(type, oid, typmod);
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

void compile_map(ColumnRule* rule, const ColumnDefinition& definition) {
  rule->map_count = definition.map_count;
  rule->map = definition.map;
  for (int i = 0; i < rule->map_count; i++) refuse_dead_key(rule, rule->map[i].from, rule->map[i].from_length);
  qsort(rule->map, static_cast<size_t>(rule->map_count), sizeof(MapEntry), compare_map_entries);
}

[[noreturn]] void does_not_apply(const ColumnRule* rule, const char* key, const char* hint) {
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
           errmsg("\"%s\" does not apply to column \"%s\" of type %s", key, rule->name, format_type_be(rule->type)),
           errhint("%s", hint)));
}

}  // namespace

ColumnRule* compile_column_rule(const ColumnDefinition& definition, bool force_required) {
  auto* rule = static_cast<ColumnRule*>(palloc0(sizeof(ColumnRule)));
  rule->name = definition.name;
  rule->source = definition.source != nullptr ? definition.source : definition.name;
  Oid type = InvalidOid;
  int32 typmod = -1;
  parse_type(rule->name, definition.type, &type, &typmod);
  set_type(rule, type, typmod);
  rule->required = definition.required || force_required;
  rule->trim = definition.trim;
  rule->empty_is_null = true;

  rule->lower = definition.lower;
  if (rule->lower && rule->kind != RuleKind::text) does_not_apply(rule, "lower", "Only texts are lower-cased.");
  if (definition.map_count > 0) compile_map(rule, definition);
  const char* key = number_key(definition);
  if (key != nullptr && !is_number(rule->kind)) does_not_apply(rule, key, "Only columns of numbers take it.");
  if (definition.has_exponent) rule->takes_exponent = definition.exponent;
  compile_number_style(rule, definition);
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
