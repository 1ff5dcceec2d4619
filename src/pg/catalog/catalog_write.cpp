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

// The first row's first value of the last statement that gives rows: all of them are run to their ends, and no row is
// kept.
struct FirstValue {
  DestReceiver base;
  MemoryContext context;
  bool has_row;
  char* text;  // NULL: none, or NULL
};

void first_value_startup(DestReceiver* self, int, TupleDesc) {
  auto* first = reinterpret_cast<FirstValue*>(self);
  first->has_row = false;
  first->text = nullptr;
}

bool first_value_receive(TupleTableSlot* slot, DestReceiver* self) {
  auto* first = reinterpret_cast<FirstValue*>(self);
  if (first->has_row) return true;
  first->has_row = true;
  if (slot->tts_tupleDescriptor->natts == 0) return true;
  bool is_null;
  Datum value = slot_getattr(slot, 1, &is_null);
  if (is_null) return true;
  Oid output;
  bool is_varlena;
  getTypeOutputInfo(TupleDescAttr(slot->tts_tupleDescriptor, 0)->atttypid, &output, &is_varlena);
  first->text = MemoryContextStrdup(first->context, OidOutputFunctionCall(output, value));
  return true;
}

void first_value_nothing(DestReceiver*) {}

char* run_for_first_value(const char* statement) {
  FirstValue first = {};
  first.base.receiveSlot = first_value_receive;
  first.base.rStartup = first_value_startup;
  first.base.rShutdown = first.base.rDestroy = first_value_nothing;
  first.base.mydest = DestNone;
  first.context = CurrentMemoryContext;
  SPI_connect();
  SPIExecuteOptions options = {};
  options.dest = &first.base;
  const int result = SPI_execute_extended(statement, &options);
  if (result == SPI_ERROR_TRANSACTION || result == SPI_ERROR_COPY)
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    result == SPI_ERROR_COPY ? errmsg("cannot COPY to or from the client here")
                                             : errmsg("cannot begin or end a transaction here"),
                    errdetail("The statements run within one that is not finished.")));
  if (result < 0) elog(ERROR, "SPI_execute_extended: %s", SPI_result_code_string(result));
  SPI_finish();
  return first.text;
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

  Oid types[3] = {REGCLASSOID, JSONBOID, TEXTOID};
  Datum values[3] = {PG_GETARG_DATUM(1), kind->name == adopt ? count_records(relation) : PG_GETARG_DATUM(2),
                     CStringGetTextDatum(GetUserNameFromId(caller, false))};

  MemoryContext result_context = CurrentMemoryContext;
  RunAs saved = run_as_begin(ledger_owner());
  SPI_connect();
  const int result = SPI_execute_with_args(kind->statement, 3, types, values, nullptr, false, 1);
  if (result != SPI_OK_SELECT || SPI_processed != 1)
    elog(ERROR, "%s: %s", kind->statement, SPI_result_code_string(result));
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

// dap_internal.grant(role regrole, level text) RETURNS void. Whoever may execute it is an admin: EXECUTE is that
// level's alone.
DAP_FUNCTION(dap_grant) {
  (void)GetUserNameFromId(PG_GETARG_OID(0), false);  // raises for no role
  Oid types[2] = {REGROLEOID, TEXTOID};
  Datum values[2] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
  RunAs saved = run_as_begin(ledger_owner());
  SPI_connect();
  const int result =
      SPI_execute_with_args("SELECT dap_internal.write_grant($1, $2)", 2, types, values, nullptr, false, 1);
  if (result != SPI_OK_SELECT) elog(ERROR, "dap_internal.write_grant: %s", SPI_result_code_string(result));
  SPI_finish();
  run_as_end(&saved);
  PG_RETURN_VOID();
}
