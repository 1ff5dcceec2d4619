// Work done as another role in a security-restricted operation, as REFRESH MATERIALIZED VIEW does.
#pragma once

#include "bridge/pg.h"

namespace dap {

// What to restore; on an error the (sub)transaction's abort restores the user by itself.
struct RunAs {
  Oid saved_user;
  int saved_context;
  int guc_level;
};

// Becomes `role`, with SECURITY_RESTRICTED_OPERATION, a new GUC level, search_path pinned to pg_catalog, pg_temp, and
// the settings of bridge/settings.h at their values, so that what is done means the same in every session.
RunAs run_as_begin(Oid role);
void run_as_end(const RunAs*);

// The owner of the extension's tables: the only role that writes the ledger.
Oid ledger_owner();
// OID of the extension; raises 55000 when it is not installed.
Oid extension_oid();
// OID of the extension's own table or schema member by name, such as "file_ledger"; raises 55000 when the extension is
// not there.
Oid dap_relation(const char* name);
// The schema of what nobody calls; 55000 when it is not there.
Oid internal_schema();
// Is it one of the extension's two schemas?
bool is_own_schema(Oid schema);
// For a relation that was locked since run_as_begin: 40001 if it belongs to somebody else now than whom the work runs
// as.
void check_runs_as_owner(Relation relation);
// The owner of a relation; 42P01 if there is no such relation.
Oid relation_owner(Oid relation);
// "schema"."name", quoted where needed.
char* relation_label(Oid relation);

}  // namespace dap
