#include "bridge/pg.h"

// What a user needs to be told about his job although pg_cron's settings are for superusers' eyes: three that reveal
// nothing.
DAP_FUNCTION(dap_schedule_setting) {
  const char* name = text_to_cstring(PG_GETARG_TEXT_PP(0));
  if (strcmp(name, "cron.database_name") != 0 && strcmp(name, "cron.timezone") != 0 &&
      strcmp(name, "cron.match_dom_and_dow") != 0)
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("setting \"%s\" may not be read by this function", name), errhint("Use SHOW.")));
  const char* value = GetConfigOption(name, true, false);
  if (value == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(value));
}
