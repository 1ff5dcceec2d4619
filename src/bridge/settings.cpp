#include "bridge/settings.h"

namespace dap {
namespace {

// PostgreSQL's own defaults where they depend on no machine. Every one can be set by every role. Not here are settings
// that make a query fail and never mean something else (row_security: an error is better than the rows that a policy
// lets through), and the plan's.
constexpr Setting pinned_settings[] = {
    // how texts are read and values are written
    {"TimeZone", "UTC"},
    {"timezone_abbreviations", "Default"},
    {"DateStyle", "ISO, MDY"},
    {"IntervalStyle", "postgres"},
    {"extra_float_digits", "1"},
    {"bytea_output", "hex"},
    {"array_nulls", "on"},
    {"xmlbinary", "base64"},
    {"xmloption", "content"},
    {"lc_monetary", "C"},
    {"lc_numeric", "C"},
    {"lc_time", "C"},
    {"quote_all_identifiers", "off"},
    // how the query itself is read
    {"standard_conforming_strings", "on"},
    // "safe_encoding" depends on the client's encoding; this text comes from the catalog, in the server's
    {"backslash_quote", "on"},
    {"transform_null_equals", "off"},
    // what it finds
    {"default_text_search_config", "pg_catalog.simple"},
    {"gin_fuzzy_search_limit", "0"},
    {"synchronize_seqscans", "off"},  // a scan that joins another's begins anywhere: sums of floats depend on the order
};

}  // namespace

const Setting* pinned_setting(const char* name) {
  for (const Setting& setting : pinned_settings) {
    if (pg_strcasecmp(setting.name, name) == 0) return &setting;
  }
  return nullptr;
}

char* pinned_setting_names() {
  StringInfoData names;
  initStringInfo(&names);
  for (const Setting& setting : pinned_settings) appendStringInfo(&names, "%s%s", names.len ? ", " : "", setting.name);
  return names.data;
}

void set_setting(const char* name, const char* value) {
  (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void pin_settings() {
  for (const Setting& setting : pinned_settings) {
    // Most have it already: to look is cheaper than to set. What a server does not know cannot change a meaning there.
    const char* current = GetConfigOption(setting.name, true, false);
    if (current != nullptr && strcmp(current, setting.value) != 0) set_setting(setting.name, setting.value);
  }
}

}  // namespace dap
