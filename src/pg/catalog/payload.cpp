#include "pg/catalog/payload.h"

#include <cstring>

#include "bridge/run_as.h"
#include "pg/catalog/model_settings.h"
#include "pg/catalog/options.h"
#include "pg/catalog/query_analysis.h"
#include "pg/rule/column_rule.h"

namespace dap {
namespace {

enum class Kind : unsigned char { text, texts, whole, wholes, boolean, object, array };

struct Member {
  const char* name;
  Kind kind;
  bool required;  // else it may be absent or null
};

[[noreturn]] void bad_payload(const char* detail) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid catalog entry"), errdetail("%s", detail),
                  errhint("Entries are made by dap.create_source(), dap.create_clean_model(), dap.create_model() and "
                          "dap.dismiss_file().")));
  pg_unreachable();
}

[[noreturn]] void bad_member(const char* name, const char* expected) {
  bad_payload(psprintf("Its \"%s\" is not %s.", name, expected));
}

const JsonbValue* find(Jsonb* payload, const char* name) {
  const JsonbValue* value =
      getKeyJsonValueFromContainer(&payload->root, name, static_cast<int>(std::strlen(name)), nullptr);
  return value && value->type != jbvNull ? value : nullptr;
}

bool is_whole(const JsonbValue* value) {
  if (value->type != jbvNumeric) return false;
  Datum number = NumericGetDatum(value->val.numeric);
  return DatumGetBool(
             DirectFunctionCall2(numeric_eq, number, DirectFunctionCall2(numeric_trunc, number, Int32GetDatum(0)))) &&
         DatumGetBool(DirectFunctionCall2(numeric_ge, number, DirectFunctionCall1(int8_numeric, Int64GetDatum(0)))) &&
         DatumGetBool(
             DirectFunctionCall2(numeric_le, number, DirectFunctionCall1(int8_numeric, Int64GetDatum(PG_INT64_MAX))));
}

bool is_array_of(const JsonbValue* value, bool (*is_element)(const JsonbValue*)) {
  if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data)) return false;
  JsonbIterator* iterator = JsonbIteratorInit(value->val.binary.data);
  JsonbValue element;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE;)
    if (token == WJB_ELEM && !is_element(&element)) return false;
  return true;
}

bool is_text(const JsonbValue* value) { return value->type == jbvString; }

void check_member(const Member& member, const JsonbValue* value) {
  const char* name = member.name;
  switch (member.kind) {
    case Kind::text:
      if (!is_text(value)) bad_member(name, "a string");
      break;
    case Kind::texts:
      if (!is_array_of(value, is_text)) bad_member(name, "an array of strings");
      break;
    case Kind::whole:
      if (!is_whole(value)) bad_member(name, "a whole number of at least 0");
      break;
    case Kind::wholes:
      if (!is_array_of(value, is_whole)) bad_member(name, "an array of whole numbers of at least 0");
      break;
    case Kind::boolean:
      if (value->type != jbvBool) bad_member(name, "true or false");
      break;
    case Kind::object:
      if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data)) bad_member(name, "an object");
      break;
    case Kind::array:
      if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data)) bad_member(name, "an array");
      break;
  }
}

// Raises unless the payload is an object of these members.
void check_members(Jsonb* payload, const Member* members, int count) {
  if (!JB_ROOT_IS_OBJECT(payload)) bad_payload("It is not a JSON object.");
  int known = 0;
  for (int i = 0; i < count; i++) {
    const JsonbValue* value = getKeyJsonValueFromContainer(&payload->root, members[i].name,
                                                           static_cast<int>(std::strlen(members[i].name)), nullptr);
    known += value != nullptr;
    if (value && value->type != jbvNull) check_member(members[i], value);
    else if (members[i].required) bad_payload(psprintf("It lacks \"%s\".", members[i].name));
  }
  if (known < static_cast<int>(JsonContainerSize(&payload->root)))
    bad_payload("It has a member that such entries do not have.");
}

char* text_of(Jsonb* payload, const char* name) {
  const JsonbValue* value = find(payload, name);
  return value ? pnstrdup(value->val.string.val, static_cast<Size>(value->val.string.len)) : nullptr;
}

JsonbContainer* container_of(Jsonb* payload, const char* name) {
  const JsonbValue* value = find(payload, name);
  return value ? value->val.binary.data : nullptr;
}

Jsonb* object_of(Jsonb* payload, const char* name) {
  const JsonbValue* value = find(payload, name);
  return value ? JsonbValueToJsonb(const_cast<JsonbValue*>(value)) : nullptr;
}

bool contains_text(JsonbContainer* array, const char* text) {
  for (uint32 i = 0; i < JsonContainerSize(array); i++) {
    const JsonbValue* value = getIthJsonbValueFromContainer(array, i);
    if (value->val.string.len == static_cast<int>(std::strlen(text)) &&
        std::memcmp(value->val.string.val, text, std::strlen(text)) == 0)
      return true;
  }
  return false;
}

// Are all elements of the member, if it is there, names of columns, each once?
void check_names(Jsonb* payload, const char* name, const ColumnDefinitions* columns) {
  JsonbContainer* array = container_of(payload, name);
  if (!array) return;
  if (JsonContainerSize(array) == 0 || JsonContainerSize(array) > static_cast<uint32>(columns->count))
    bad_member(name, "a list of its columns");
  int found = 0;
  for (int i = 0; i < columns->count; i++) found += contains_text(array, columns->column[i].name);
  if (found != static_cast<int>(JsonContainerSize(array))) bad_member(name, "a list of its columns");
}

// md5's, as the catalog keeps it.
void check_hash(Jsonb* payload, const char* name) {
  const char* hash = text_of(payload, name);
  if (hash && (std::strlen(hash) != 32 || std::strspn(hash, "0123456789abcdef") != 32))
    bad_member(name, "32 hexadecimal digits");
}

void check_rules(Jsonb* payload, const ColumnDefinitions* columns) {
  JsonbContainer* key = container_of(payload, "key");
  for (int i = 0; i < columns->count; i++)
    compile_column_rule(columns->column[i], contains_text(key, columns->column[i].name));
}

// Is the query what the rest of the payload says of it?
void check_query(Oid relation, Jsonb* payload, const ColumnDefinitions* columns) {
  RunAs owner = run_as_begin(relation_owner(relation));
  (void)apply_settings(object_of(payload, "settings"));
  QueryAnalysis analysis = analyze_query(text_of(payload, "query"));
  run_as_end(&owner);
  if (list_length(analysis.names) != columns->count) bad_member("columns", "the list of its query's columns");
  for (int i = 0; i < columns->count; i++)
    if (std::strcmp(static_cast<char*>(list_nth(analysis.names, i)), columns->column[i].name) != 0)
      bad_member("columns", "the list of its query's columns");
  JsonbContainer* upstream = container_of(payload, "upstream");
  if (static_cast<int>(JsonContainerSize(upstream)) != list_length(analysis.upstream))
    bad_member("upstream", "the list of what its query reads");
  for (uint32 i = 0; i < JsonContainerSize(upstream); i++) {
    int64 oid = DatumGetInt64(
        DirectFunctionCall1(numeric_int8, NumericGetDatum(getIthJsonbValueFromContainer(upstream, i)->val.numeric)));
    if (oid > PG_UINT32_MAX || !list_member_oid(analysis.upstream, static_cast<Oid>(oid)))
      bad_member("upstream", "the list of what its query reads");
  }
}

bool is_blank(const char* text) { return text[std::strspn(text, " ")] == '\0'; }

}  // namespace

void check_source_payload(Oid, Jsonb* payload) {
  constexpr Member members[] = {{"source", Kind::text, true},
                                {"path", Kind::text, false},
                                {"columns", Kind::texts, true},
                                {"options", Kind::object, true}};
  check_members(payload, members, lengthof(members));
  const char* path = text_of(payload, "path");
  if (path && path[0] == '\0') bad_member("path", "a path");
  parse_options(object_of(payload, "options"), nullptr, OptionScope::source);
}

void check_model_payload(Oid relation, Jsonb* payload) {
  constexpr Member members[] = {
      {"tier", Kind::whole, true},           {"kind", Kind::text, true},       {"source_id", Kind::whole, false},
      {"columns", Kind::array, true},        {"key", Kind::texts, true},       {"latest_by", Kind::texts, false},
      {"query", Kind::text, false},          {"upstream", Kind::wholes, true}, {"always", Kind::boolean, true},
      {"definition_hash", Kind::text, true}, {"settings", Kind::object, false}};
  check_members(payload, members, lengthof(members));
  check_hash(payload, "definition_hash");
  const bool is_clean = std::strcmp(text_of(payload, "kind"), "clean") == 0;
  if (!is_clean && std::strcmp(text_of(payload, "kind"), "query") != 0) bad_member("kind", "clean or query");
  if (is_clean != (find(payload, "source_id") != nullptr)) bad_member("source_id", "what its kind has");
  if (is_clean != (find(payload, "query") == nullptr)) bad_member("query", "what its kind has");
  if (is_clean && find(payload, "settings")) bad_member("settings", "what its kind has");
  if (!is_clean && find(payload, "latest_by")) bad_member("latest_by", "what its kind has");
  JsonbContainer* given = container_of(payload, "columns");
  const ColumnDefinitions columns = is_clean ? read_clean_columns(given) : read_query_columns(given);
  check_names(payload, "key", &columns);
  check_names(payload, "latest_by", &columns);
  if (is_clean) check_rules(payload, &columns);
  else check_query(relation, payload, &columns);
}

void check_dismiss_payload(Oid, Jsonb* payload) {
  constexpr Member members[] = {{"path", Kind::text, true},
                                {"reason", Kind::text, true},
                                {"content_hash", Kind::text, false},
                                {"bytes", Kind::whole, false}};
  check_members(payload, members, lengthof(members));
  if (text_of(payload, "path")[0] == '\0') bad_member("path", "a path");
  if (is_blank(text_of(payload, "reason"))) bad_member("reason", "a reason");
  check_hash(payload, "content_hash");
  if (find(payload, "content_hash") && !find(payload, "bytes")) bad_payload("It lacks \"bytes\".");
}

void check_empty_payload(Oid, Jsonb* payload) { check_members(payload, nullptr, 0); }

}  // namespace dap
