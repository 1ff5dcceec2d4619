// One refresh run: its lock, its line in the ledger, and the evidence it leaves when it fails.
//
// A refresh calls, in this order: run_lock, run_begin, the work in an internal subtransaction (run_set_current,
// run_add_step, run_add_failed_file), then run_succeed after it. When the work raises: roll its subtransaction back,
// run_fail, and raise run_safe_error's copy of the error.
#pragma once

#include "bridge/pg.h"

namespace dap {

// Of the rejects that failed files of one run, or of one clean step, hold in memory until they are recorded: a thousand
// bad files must not cost a thousand times a bad file, and whoever records them has them in several forms at once.
// Those of the first file are always kept.
constexpr Size most_evidence_bytes = 8 * 1024 * 1024;

enum class StepAction : unsigned char { loaded, skipped, failed, built, merged, unchanged };
// As dap.run_steps says it.
const char* step_action_text(StepAction);

// A row of dap.run_steps and of the refresh functions' result.
struct StepResult {
  int step;
  const char* object;
  StepAction action;
  int64 rows_in;
  int64 rows_inserted;
  int64 rows_updated;
  int64 rows_deleted;
  int64 rows_rejected;
  int64 elapsed_us;
  const char* message;  // NULL: none; of a step that failed, the error's is taken
};

struct Run;  // lives in the memory context current at run_begin, which must outlive the subtransaction of the work

// Lists sources by their numbers, ascending (an integer list).
using SourceIds = List* (*)(const void* argument);

// Refuses what a refresh cannot run in (55000 within another refresh or a load of this session, 25006 on a standby or
// read-only, 25000 under REPEATABLE READ or SERIALIZABLE), then takes the refresh lock, and those of the sources that
// it will load, until the end of the transaction; waits as PostgreSQL waits; 55P03 gets a DETAIL with run, pid, user,
// since. See lock_order.h. `sources` NULL: none.
void run_lock(SourceIds sources);
// The same lock for those who change a definition: a run and a change would wait for each other's tables otherwise, in
// any order. With a source's name (NULL: none) also the lock of its loads, so that what is in flight counts. 40001
// where the transaction's snapshot is older than the definitions.
void definition_lock(const char* source);
// The lock of a source's loads. 40001 where the transaction's snapshot is older than the source's definition or its
// last load.
void load_lock(int32 source_id, const char* what);
// Assigns run_id and has the recorder write the `running` line; marks dead earlier lines as crashed or aborted. Without
// a worker slot: WARNING.
Run* run_begin(const char* command);
int64 run_id(const Run*);
void run_add_step(Run*, const StepResult*);  // copies
List* run_steps(const Run*);                 // of StepResult*
// Says which object a step works on now: becomes failed_step if it raises.
void run_set_current(Run*, int step, const char* object);
// A failed file, as the jsonb text that dap_internal.record_failed_file takes, or one that is loaded and failed a clean
// step, as dap_internal.record_attempt takes it: part of the evidence.
void run_add_failed_file(Run*, const char* json);
// Within the transaction: step lines and status succeeded; and, outside it, the mark that the function returned. What
// fails here is recorded and raised by itself; call it after the work's subtransaction was released.
void run_succeed(Run*);
// After the work's subtransaction was rolled back: writes the evidence outside the transaction. Never raises; the
// caller raises run_safe_error's copy next.
void run_fail(Run*, const ErrorData* error);
// A palloc'd copy of `error` fit for messages and logs: one of the server's own that may quote a field's value
// (conversion failures, violated constraints) keeps its SQLSTATE and the names of table, column and constraint, and
// loses its texts.
ErrorData* run_safe_error(const Run*, const ErrorData* error);

}  // namespace dap
