#include "pg/catalog/model_settings.h"

#include "bridge/settings.h"

namespace dap {
namespace {

const Setting* setting_of(const JsonbValue* key) {
  const char* name = pnstrdup(key->val.string.val, key->val.string.len);
  const Setting* setting = pinned_setting(name);
  if (setting == nullptr) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a model cannot have a setting \"%s\" of its own", name),
             errhint("It can have those that change what a query means: %s.", pinned_setting_names())));
  }
  return setting;
}

const char* text_of(const Setting* setting, const JsonbValue* value) {
  if (value->type == jbvString) return pnstrdup(value->val.string.val, value->val.string.len);
  if (value->type == jbvNumeric)
    return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
  if (value->type == jbvBool) return value->val.boolean ? "on" : "off";
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid value for setting \"%s\"", setting->name),
                  errdetail("Expected a text, a number, true or false.")));
  pg_unreachable();
}

}  // namespace

Jsonb* apply_settings(Jsonb* settings) {
  if (settings == nullptr) return nullptr;
  if (!JB_ROOT_IS_OBJECT(settings)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("settings of a model must be a JSON object"),
                    errhint("For example {\"TimeZone\": \"Europe/Berlin\"}.")));
  }
  StringInfoData kept;
  initStringInfo(&kept);
  List* seen = NIL;
  JsonbIterator* iterator = JsonbIteratorInit(&settings->root);
  JsonbValue item;
  const Setting* setting = nullptr;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE;) {
    if (token == WJB_KEY) {
      setting = setting_of(&item);
      if (list_member_ptr(seen, setting))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("setting \"%s\" is given twice (case is ignored)", setting->name)));
      seen = lappend(seen, const_cast<Setting*>(setting));
    }
    if (token != WJB_VALUE) continue;
    const char* value = text_of(setting, &item);
    set_setting(setting->name, value);
    appendStringInfoString(&kept, kept.len ? ", " : "{");
    escape_json(&kept, setting->name);
    appendStringInfoString(&kept, ": ");
    escape_json(&kept, value);
  }
  if (kept.len == 0) return nullptr;
  appendStringInfoChar(&kept, '}');
  return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(kept.data)));
}

}  // namespace dap
