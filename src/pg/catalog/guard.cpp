// What keeps a source's table the live records and nothing else.

#include "bridge/pg.h"

extern "C" {
#include "commands/trigger.h"
}

// dap._guard() RETURNS trigger: refuses UPDATE, DELETE and TRUNCATE by hand.
DAP_FUNCTION(dap_guard) {
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("dap._guard() is a trigger function")));
  }
  const TriggerData* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
  const char* relation = RelationGetRelationName(trigger->tg_relation);
  const char* schema = get_namespace_name(RelationGetNamespace(trigger->tg_relation));
  const char* verb = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? "UPDATE"
                     : TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ? "DELETE"
                                                                  : "TRUNCATE";
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("%s of \"%s.%s\" by hand is refused", verb, schema, relation),
           errdetail("The table holds the live records of the files in dap.files; records that vanish or change behind the ledger would leave "
                     "the models that were built from them wrong."),
           errhint("Send a corrected record in a new file: the latest record of a key wins. dap.drop_source() removes the source with all its "
                   "records.")));
  PG_RETURN_NULL();
}

// dap._no_stray_insert() RETURNS integer: the default of a raw table's _file_id, which nobody but the ingest gives.
DAP_FUNCTION(dap_no_stray_insert) {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("a source's table takes no INSERT by hand"),
                  errdetail("Each record belongs to a file of the ledger."),
                  errhint("Load a file with dap.ingest_csv(), or bytes with dap.ingest_bytes().")));
  PG_RETURN_NULL();
}
