// The recorder: a short-lived background worker that writes into the ledger in its own transaction, so that the line
// survives the caller's.
#pragma once

#include "bridge/pg.h"

namespace dap {

struct RecorderResult {
  bool written;        // the run's line was committed
  int files_lost;      // failed files whose evidence was not taken although the line was
  const char* reason;  // why not, palloc'd, nullptr when all was written or the wait was given up for a pending cancel
  const char* hint;
};

struct RecorderTask {
  const char* line;   // jsonb text for dap_internal.record_run
  const List* files;  // char*: jsonb texts for dap_internal.record_run_file
  bool give_up;       // whether a pending cancel or terminate shortens the wait
  bool flush;         // whether the line must outlive a crash of the server that follows at once
};

// Starts the worker and waits for it, at most 5 s and with interrupts held. Never raises.
RecorderResult record_outside(const RecorderTask* task);

}  // namespace dap
