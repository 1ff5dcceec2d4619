// Work in an internal subtransaction, so that its errors can be looked at and what it did undone. Nobody else begins
// one.
#pragma once

#include "bridge/pg.h"

namespace dap {

// Runs `work`, which says whether what it did stays. NULL, or the error that ended it, after the rollback, in the
// caller's memory context. The caller's memory context and resource owner are current again in every case, and
// interrupts that it holds stay held. `work` owns no C++ object that needs a destructor.
template <class Work>
ErrorData* in_subtransaction(Work&& work) {
  MemoryContext context = CurrentMemoryContext;
  ResourceOwner resources = CurrentResourceOwner;
  uint32 held = InterruptHoldoffCount;
  ErrorData* volatile error = nullptr;
  BeginInternalSubTransaction(nullptr);
  MemoryContextSwitchTo(context);
  PG_TRY();
  {
    if (work()) ReleaseCurrentSubTransaction();
    else RollbackAndReleaseCurrentSubTransaction();
  }
  PG_CATCH();
  {
    InterruptHoldoffCount = held;  // the error has let them go
    MemoryContextSwitchTo(context);
    error = CopyErrorData();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
  }
  PG_END_TRY();
  MemoryContextSwitchTo(context);
  CurrentResourceOwner = resources;
  return error;
}

}  // namespace dap
