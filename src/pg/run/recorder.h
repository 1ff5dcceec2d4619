// The recorder: a short-lived background worker that writes into the ledger in its own transaction, so that the line survives the caller's.
#pragma once

#include "bridge/pg.h"

namespace dap {

struct RecorderResult {
  bool written;        // the run's line was committed
  int files_lost;      // failed files whose evidence was not taken although the line was
  const char* reason;  // why not, palloc'd, nullptr when all was written or the wait was given up for a pending cancel
  const char* hint;
};

// Starts the worker with the run's line (jsonb text for dap._record_run) and the failed files' (for dap._record_failed_file), and waits for it,
// at most 5 s and with interrupts held; `may_give_up`: a pending cancel or terminate shortens the wait. Never raises.
RecorderResult record_outside(const char* line, const List* files, bool may_give_up);

}  // namespace dap
