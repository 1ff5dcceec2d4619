#include "pg/refresh/reading.h"

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

void reading_end(Snapshot snapshot) { UnregisterSnapshot(snapshot); }

void reading_push(Snapshot snapshot) {
  CommandCounterIncrement();
  PushCopiedSnapshot(snapshot);
  UpdateActiveSnapshotCommandId();
}

void reading_pop() { PopActiveSnapshot(); }

uint64 read_into(Snapshot snapshot, const char* sql, DestReceiver* into) {
  reading_push(snapshot);
  SPI_connect();
  SPIExecuteOptions options = {};
  options.read_only = true;  // SPI then takes no snapshot of its own
  options.dest = into;
  if (int result = SPI_execute_extended(sql, &options); result < 0) elog(ERROR, "SPI failed: %s: %s", SPI_result_code_string(result), sql);
  uint64 processed = SPI_processed;
  SPI_finish();
  reading_pop();
  return processed;
}

}  // namespace dap
