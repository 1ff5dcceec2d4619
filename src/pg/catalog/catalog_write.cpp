// The two ways from a definition function to the catalog: statements as a layer's owner, and ledger writes as the
// ledger's owner. Both functions check the caller first, so that holding EXECUTE on them gives nobody a right beyond
// memberships.

#include "bridge/pg.h"
#include "bridge/query.h"
#include "bridge/run_as.h"
#include "pg/catalog/payload.h"
#include "pg/catalog/privilege.h"
#include "pg/run/nesting.h"

namespace dap {
namespace {

constexpr const char* adopt = "adopt";

// What may be written, each by one fixed SQL function that nobody but the ledger's owner can execute.
struct WriteKind {
  const char* name;
  const char* statement;
  void (*check)(Oid relation, Jsonb* payload);
  bool outlives_relation;  // may clean up after a relation that somebody dropped by hand
};

constexpr WriteKind write_kinds[] = {
    {"source", "SELECT dap_internal.write_source($1, $2, $3)", check_source_payload, false},
    {"model", "SELECT dap_internal.write_model($1, $2, $3)", check_model_payload, false},
    {"guard", "SELECT dap_internal.write_guard($1, $2, $3)", check_empty_payload, false},
    {adopt, "SELECT dap_internal.write_adopt($1, $2, $3)", check_empty_payload, false},
    {"dismiss", "SELECT dap_internal.write_dismiss($1, $2, $3)", check_dismiss_payload, false},
    {"drop_source", "SELECT dap_internal.write_drop_source($1, $2, $3)", check_empty_payload, true},
    {"drop_model", "SELECT dap_internal.write_drop_model($1, $2, $3)", check_empty_payload, true},
};

const WriteKind* find_kind(const char* name) {
  for (const WriteKind& kind : write_kinds) {
    if (strcmp(kind.name, name) == 0) return &kind;
  }
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown kind of catalog entry \"%s\"", name)));
  return nullptr;
}

// The records that a table holds, file by file, counted as its owner: nobody gives the ledger numbers of their own.
Datum count_records(Oid relation) {
  RunAs owner = run_as_begin(relation_owner(relation));
  ResultRows files = query_rows(psprintf("SELECT coalesce(jsonb_agg(to_jsonb(f)), '[]') FROM (SELECT t._file_id AS "
                                         "file_id, count(*) AS records FROM %s t GROUP BY 1) f",
                                         relation_label(relation)),
                                nullptr, 0, CurrentMemoryContext);
  run_as_end(&owner);
  return files.values[0];
}

// A grant that an extension's script makes is the extension's to a dump, with all that the object's privileges held
// before. Those of a definition or a level belong to the database, also where an update script gives them.
template <class Work>
void outside_extension_script(Work&& work) {
  const bool within = creating_extension;
  creating_extension = false;
  PG_TRY();
  { work(); }
  PG_FINALLY();
  { creating_extension = within; }
  PG_END_TRY();
}

}  // namespace
}  // namespace dap

using namespace dap;

// dap_internal.run_as(owner regrole, statement text) RETURNS text: the first value of the last statement that gives
// rows
DAP_FUNCTION(dap_run_as) {
  const Oid owner = PG_GETARG_OID(0);
  char* statement = text_to_cstring(PG_GETARG_TEXT_PP(1));

  require_set_role(owner);
  RunAs saved = run_as_begin(owner);
  char* answer = run_for_first_value(statement);
  run_as_end(&saved);
  if (answer == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(answer));
}

// dap_internal.write(kind text, relation regclass, payload jsonb) RETURNS jsonb
DAP_FUNCTION(dap_write) {
  char* kind_name = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const Oid relation = PG_GETARG_OID(1);
  const WriteKind* kind = find_kind(kind_name);
  const Oid caller = GetUserId();

  refuse_within_work("change definitions or the ledger");
  if (!(kind->outlives_relation && get_rel_name(relation) == nullptr)) require_relation_owner(relation);
  kind->check(relation, PG_GETARG_JSONB_P(2));

  Parameter parameters[] = {
      {REGCLASSOID, PG_GETARG_DATUM(1), false},
      {JSONBOID, kind->name == adopt ? count_records(relation) : PG_GETARG_DATUM(2), false},
      text_parameter(GetUserNameFromId(caller, false)),
  };
  RunAs saved = run_as_begin(ledger_owner());
  ResultRows answer = {};
  outside_extension_script([&] { answer = query_rows(kind->statement, parameters, 3, CurrentMemoryContext); });
  run_as_end(&saved);
  if (answer.nulls[0]) PG_RETURN_NULL();
  PG_RETURN_DATUM(answer.values[0]);
}

// dap_internal.grant(role regrole, level text) RETURNS void. Whoever may execute it is an admin: EXECUTE is that
// level's alone.
DAP_FUNCTION(dap_grant) {
  (void)GetUserNameFromId(PG_GETARG_OID(0), false);  // raises for no role
  Parameter parameters[] = {{REGROLEOID, PG_GETARG_DATUM(0), false}, {TEXTOID, PG_GETARG_DATUM(1), false}};
  RunAs saved = run_as_begin(ledger_owner());
  outside_extension_script([&] { (void)run_statement("SELECT dap_internal.write_grant($1, $2)", parameters, 2); });
  run_as_end(&saved);
  PG_RETURN_VOID();
}
