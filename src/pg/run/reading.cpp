#include "pg/run/reading.h"

#include "bridge/query.h"
#include "bridge/run_as.h"

extern "C" {
#include "utils/rls.h"
}

namespace dap {

Snapshot reading_begin(const List* relations) {
  List* sorted = list_copy(relations);
  list_sort(sorted, list_oid_cmp);
  ListCell* cell;
  Oid last = InvalidOid;
  foreach (cell, sorted) {
    Oid relation = lfirst_oid(cell);
    if (relation != last) LockRelationOid(relation, AccessShareLock);
    last = relation;
  }
  return RegisterSnapshot(GetLatestSnapshot());
}

void check_sees_all(Oid relation, Oid reader) {
  if (get_rel_relkind(relation) == '\0') return;  // dropped: for whoever reads it to say
  if (check_enable_rls(relation, reader, true) != RLS_ENABLED) return;
  const char* label = relation_label(relation);
  const char* detail = "A model must read all rows of its own table and of those that it is made from.";
  if (reader == relation_owner(relation))
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("row-level security may hide rows of %s from its owner", label), errdetail("%s", detail),
                    errhint("ALTER TABLE %s NO FORCE ROW LEVEL SECURITY.", label)));
  const char* role = quote_identifier(GetUserNameFromId(reader, false));
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("row-level security may hide rows of %s from role %s, which owns a model", label, role),
                  errdetail("%s", detail),
                  errhint("ALTER ROLE %s BYPASSRLS, or ALTER TABLE %s DISABLE ROW LEVEL SECURITY.", role, label)));
}

void reading_end(Snapshot snapshot) { UnregisterSnapshot(snapshot); }

void reading_push(Snapshot snapshot) {
  CommandCounterIncrement();
  PushCopiedSnapshot(snapshot);
  UpdateActiveSnapshotCommandId();
}

void reading_pop() { PopActiveSnapshot(); }

uint64 read_into(Snapshot snapshot, const char* sql, DestReceiver* into) {
  reading_push(snapshot);
  uint64 rows = read_into(sql, into);
  reading_pop();
  return rows;
}

}  // namespace dap
