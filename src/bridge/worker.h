// Background workers that do one thing for a session and end: what they are asked stands in a shared segment, what
// became of it comes back there.
#pragma once

#include "bridge/pg.h"

namespace dap {

enum class WorkerState : uint32 { pending, done, failed, gave_up };

// What each request starts with.
struct WorkerRequest {
  uint32 magic;  // of the kind of request
  Oid database;
  pg_atomic_uint32 state;
  int sqlerrcode;  // of what it failed with
  char message[512];
};

// A new segment of `size` bytes that starts with a WorkerRequest, pending; NULL where the server has none left.
dsm_segment* worker_segment(Size size, uint32 magic);
// Starts the worker with the segment: `function` of this library, shown as `name`. NULL where no slot is free.
BackgroundWorkerHandle* worker_start(dsm_segment* segment, const char* function, const char* name);
// What the worker has come to: what it wrote before is seen then.
WorkerState worker_state(WorkerRequest* request);

// In the worker, first: attaches to the segment that its argument names. 55000 where nobody waits for it any more, or
// the request is of another kind.
WorkerRequest* worker_attach(Datum handle, uint32 magic);
// Then: connects to the request's database as the bootstrap superuser, since the role that it works for need not be
// able to connect, with settings that no role's or database's change.
void worker_connect(const WorkerRequest* request, const char* name);
void worker_option(const char* name, const char* value);
// Last: after all that the leader is to see.
void worker_finish(WorkerRequest* request, WorkerState state);

}  // namespace dap
