// The two ways from a definition function to the catalog: statements as a layer's owner, and ledger writes as the ledger's owner.
// Both functions check the caller first, so that holding EXECUTE on them gives nobody a right beyond memberships.

#include "bridge/pg.h"
#include "bridge/run_as.h"
#include "pg/catalog/privilege.h"

namespace dap {
namespace {

// What may be written, each by one fixed SQL function that nobody but the ledger's owner can execute.
struct WriteKind {
  const char* name;
  const char* statement;
  bool outlives_relation;  // may clean up after a relation that somebody dropped by hand
};

constexpr WriteKind write_kinds[] = {
    {"source", "SELECT dap._write_source($1, $2, $3)", false},
    {"model", "SELECT dap._write_model($1, $2, $3)", false},
    {"guard", "SELECT dap._write_guard($1, $2, $3)", false},
    {"adopt", "SELECT dap._write_adopt($1, $2, $3)", false},
    {"dismiss", "SELECT dap._write_dismiss($1, $2, $3)", false},
    {"drop_source", "SELECT dap._write_drop_source($1, $2, $3)", true},
    {"drop_model", "SELECT dap._write_drop_model($1, $2, $3)", true},
};

const WriteKind* find_kind(const char* name) {
  for (const WriteKind& kind : write_kinds) {
    if (strcmp(kind.name, name) == 0) return &kind;
  }
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown kind of catalog entry \"%s\"", name)));
  return nullptr;
}

}  // namespace
}  // namespace dap

using namespace dap;

// dap._run_as(owner regrole, statement text) RETURNS text: the first value of the last statement, if it gave any
DAP_FUNCTION(dap_run_as) {
  const Oid owner = PG_GETARG_OID(0);
  char* statement = text_to_cstring(PG_GETARG_TEXT_PP(1));

  require_set_role(owner);
  RunAs saved = run_as_begin(owner);
  SPI_connect();
  const int result = SPI_execute(statement, false, 0);
  if (result < 0) elog(ERROR, "SPI_execute: %s", SPI_result_code_string(result));
  char* answer = nullptr;
  if (SPI_tuptable != nullptr && SPI_processed > 0) answer = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
  if (answer != nullptr) {
    // The caller's memory outlives SPI's, which SPI_finish frees.
    char* copy = static_cast<char*>(SPI_palloc(strlen(answer) + 1));
    strcpy(copy, answer);
    answer = copy;
  }
  SPI_finish();
  run_as_end(&saved);
  if (answer == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(answer));
}

// dap._write(kind text, relation regclass, payload jsonb) RETURNS jsonb
DAP_FUNCTION(dap_write) {
  char* kind_name = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const Oid relation = PG_GETARG_OID(1);
  const WriteKind* kind = find_kind(kind_name);
  const Oid caller = GetUserId();

  if (!(kind->outlives_relation && get_rel_name(relation) == nullptr)) require_relation_owner(relation);

  Oid types[3] = {REGCLASSOID, JSONBOID, TEXTOID};
  Datum values[3] = {PG_GETARG_DATUM(1), PG_GETARG_DATUM(2), CStringGetTextDatum(GetUserNameFromId(caller, false))};

  MemoryContext result_context = CurrentMemoryContext;
  RunAs saved = run_as_begin(ledger_owner());
  SPI_connect();
  const int result = SPI_execute_with_args(kind->statement, 3, types, values, nullptr, false, 1);
  if (result != SPI_OK_SELECT || SPI_processed != 1) elog(ERROR, "%s: %s", kind->statement, SPI_result_code_string(result));
  bool is_null = true;
  Datum answer = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
  if (!is_null) {
    MemoryContext spi_context = MemoryContextSwitchTo(result_context);
    answer = datumCopy(answer, false, -1);
    MemoryContextSwitchTo(spi_context);
  }
  SPI_finish();
  run_as_end(&saved);
  if (is_null) PG_RETURN_NULL();
  PG_RETURN_DATUM(answer);
}

// dap._grant(role regrole, level text) RETURNS void. Whoever may execute it is an admin: EXECUTE is that level's alone.
DAP_FUNCTION(dap_grant) {
  Oid types[2] = {REGROLEOID, TEXTOID};
  Datum values[2] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
  RunAs saved = run_as_begin(ledger_owner());
  SPI_connect();
  const int result = SPI_execute_with_args("SELECT dap._write_grant($1, $2)", 2, types, values, nullptr, false, 1);
  if (result != SPI_OK_SELECT) elog(ERROR, "dap._write_grant: %s", SPI_result_code_string(result));
  SPI_finish();
  run_as_end(&saved);
  PG_RETURN_VOID();
}
