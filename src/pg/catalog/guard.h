// What keeps a source's table the live records and nothing else: the trigger of dap_internal.guard().
#pragma once

#include "bridge/pg.h"

namespace dap {

// What the guard lets pass: one INSERT into the relation. Set for the time of one statement; what was set before comes
// back.
struct GuardPass {
  Oid relation;  // invalid: nothing
  int depth;     // of triggers, where the statement runs
  bool used;     // its statement has begun
};

// Lets the INSERT that this backend runs next into the relation pass, and nothing that runs inside it. Returns what to
// give to guard_close, also when the statement fails.
GuardPass guard_open(Oid relation);
void guard_close(const GuardPass* before);
// OID of dap_internal.guard(), the function of the guard's triggers; invalid if it is not there.
Oid guard_function();

}  // namespace dap
