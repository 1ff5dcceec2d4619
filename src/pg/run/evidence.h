// A run as the jsonb texts that the functions of the ledger take.
#pragma once

#include "pg/run/run.h"

namespace dap {

struct Run {
  MemoryContext context;
  int64 id;
  char* command;
  char* run_by;
  TimestampTz started_at;
  FullTransactionId xid;  // of the subtransaction that the run belongs to: with it the run's fate is sealed
  List* steps;            // StepResult*
  List* files;            // char*
  int current_step;
  char* current_object;
  bool warned;  // that the recorder could not be had: said once a run
};

// `returned`: the function has, what its transaction does is open.
enum class RunStatus : unsigned char { running, returned, succeeded, failed };

// The run's line for dap_internal.record_run, palloc'd; `error` (already redacted) only with status failed; steps with
// succeeded and failed.
char* run_line(const Run*, RunStatus, const ErrorData* error);
// One readable line for the server log: what the ledger could not take, without any value.
char* run_summary(const Run*, const ErrorData* error);

}  // namespace dap
