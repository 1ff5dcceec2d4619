#include "pg/catalog/guard.h"

#include "bridge/run_as.h"

extern "C" {
#include "catalog/partition.h"
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "utils/fmgrprotos.h"
}

namespace dap {
namespace {

GuardPass pass = {};

int trigger_depth() {
  LOCAL_FCINFO(call, 0);
  InitFunctionCallInfoData(*call, nullptr, 0, InvalidOid, nullptr, nullptr);
  return DatumGetInt32(pg_trigger_depth(call));
}

// Is the row one of an INSERT into the pass's relation, itself or by way of its partitions? What was found for a table
// serves the rest of its statement.
bool takes_rows_of_pass(const TriggerData* trigger, FmgrInfo* call) {
  Oid relation = RelationGetRelid(trigger->tg_relation);
  if (relation == pass.relation) return true;
  auto* found = static_cast<Oid*>(call->fn_extra);
  if (found && *found == pass.relation) return true;
  if (!list_member_oid(get_partition_ancestors(relation), pass.relation)) return false;
  if (!found) call->fn_extra = found = static_cast<Oid*>(MemoryContextAlloc(call->fn_mcxt, sizeof(Oid)));
  *found = pass.relation;
  return true;
}

// Is this the statement that the pass was given for? It runs one trigger deep; another statement that a trigger of it
// runs, a deeper one. Of those that begin as deep (in a function that a default calls, say) only the first gets
// through, and if that is not ours, then ours does not, and the error takes all of it back.
bool may_insert(const TriggerData* trigger, FmgrInfo* call) {
  if (!OidIsValid(pass.relation) || trigger_depth() != pass.depth + 1) return false;
  if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event)) return pass.used && takes_rows_of_pass(trigger, call);
  if (pass.used || RelationGetRelid(trigger->tg_relation) != pass.relation) return false;
  pass.used = true;
  return true;
}

}  // namespace

GuardPass guard_open(Oid relation) {
  GuardPass before = pass;
  pass = {relation, trigger_depth(), false};
  return before;
}

void guard_close(const GuardPass* before) { pass = *before; }

Oid guard_function() {
  return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("guard"),
                         PointerGetDatum(buildoidvector(nullptr, 0)), ObjectIdGetDatum(internal_schema()));
}

}  // namespace dap

// dap_internal.guard() RETURNS trigger: refuses INSERT, UPDATE, DELETE and TRUNCATE by hand.
DAP_FUNCTION(dap_guard) {
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    ereport(ERROR,
            (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("dap_internal.guard() is a trigger function")));
  }
  const TriggerData* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
  bool inserts = TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
  if (inserts && dap::may_insert(trigger, fcinfo->flinfo))
    PG_RETURN_POINTER(TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ? trigger->tg_trigtuple : nullptr);
  const char* relation = RelationGetRelationName(trigger->tg_relation);
  const char* schema = get_namespace_name(RelationGetNamespace(trigger->tg_relation));
  if (inserts) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("INSERT into \"%s.%s\" by hand is refused", schema, relation),
                    errdetail("Each record belongs to a file of the ledger, which says how many there are."),
                    errhint("Load a file with dap.ingest_csv(), or bytes with dap.ingest_bytes(). A dump of data alone "
                            "is restored with triggers off: by pg_restore "
                            "--disable-triggers, or with session_replication_role = replica.")));
  }
  const char* verb = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)   ? "UPDATE"
                     : TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ? "DELETE"
                                                                  : "TRUNCATE";
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("%s of \"%s.%s\" by hand is refused", verb, schema, relation),
                  errdetail("The table holds the live records of the files in dap.files; records that vanish or change "
                            "behind the ledger would leave "
                            "the models that were built from them wrong."),
                  errhint("Send a corrected record in a new file: the latest record of a key wins. dap.drop_source() "
                          "removes the source with all its "
                          "records.")));
  PG_RETURN_NULL();
}

// dap_internal.no_stray_insert() RETURNS integer: the default of a raw table's _file_id, which nobody but the ingest
// gives.
DAP_FUNCTION(dap_no_stray_insert) {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("a source's table takes no INSERT by hand"),
                  errdetail("Each record belongs to a file of the ledger."),
                  errhint("Load a file with dap.ingest_csv(), or bytes with dap.ingest_bytes().")));
  PG_RETURN_NULL();
}
