#include <pwd.h>
#include <unistd.h>

#include "bridge/pg.h"
#include "bridge/query.h"
#include "bridge/run_as.h"

namespace dap {
namespace {

// Whether libpq, in the server's own processes, might find a password: what a password file holds is its owner's.
bool may_have_password() {
  if (getenv("PGPASSWORD") != nullptr) return true;
  const char* file = getenv("PGPASSFILE");
  char home[MAXPGPATH];
  if (file == nullptr && get_home_path(home)) file = psprintf("%s/.pgpass", home);
  return file != nullptr && access(file, R_OK) == 0;
}

const char* server_user() {
  const struct passwd* entry = getpwuid(geteuid());
  return entry != nullptr ? entry->pw_name : "";
}

}  // namespace
}  // namespace dap

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

// dap_internal.schedule_refusal() RETURNS text: why a job of the current user's could not connect, NULL where it can,
// needs no connection, or nobody can tell.
DAP_FUNCTION(dap_schedule_refusal) {
  const char* workers = GetConfigOption("cron.use_background_workers", true, false);
  if (workers != nullptr && strcmp(workers, "on") == 0) PG_RETURN_NULL();
  const char* host = GetConfigOption("cron.host", true, false);
  const dap::Parameter parameters[] = {dap::text_parameter(GetUserNameFromId(GetUserId(), false)),
                                       dap::text_parameter(host != nullptr ? host : "localhost"),
                                       dap::text_parameter(dap::server_user()),
                                       {BOOLOID, BoolGetDatum(dap::may_have_password()), false}};
  // Who may log in how is for superusers' eyes; the caller learns it of himself alone.
  const dap::RunAs owner = dap::run_as_begin(dap::ledger_owner());
  const char* refusal = dap::query_text("SELECT dap_internal.login_refusal($1, $2, $3, $4)", parameters, 4);
  dap::run_as_end(&owner);
  if (refusal == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(refusal));
}
