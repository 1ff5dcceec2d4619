// What every group of parallel workers needs.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "access/parallel.h"
#include "executor/instrument.h"
#include "storage/shm_toc.h"
}

namespace dap {

// How many workers may work beside the leader: `setting`, or where that is negative as many as there are processors
// beside the leader's, at most `most`; never more than max_parallel_maintenance_workers. 0 where this session cannot
// have any.
int parallel_workers(int setting, int most);

// A group's shared memory: each chunk is first estimated, then, after InitializeParallelDSM, added under its key.
inline void estimate_chunk(ParallelContext* context, Size size) {
  shm_toc_estimate_chunk(&context->estimator, size);
  shm_toc_estimate_keys(&context->estimator, 1);
}
template <class Chunk>
Chunk* add_chunk(ParallelContext* context, uint64 key, Size size) {
  void* chunk = shm_toc_allocate(context->toc, size);
  shm_toc_insert(context->toc, key, chunk);
  return static_cast<Chunk*>(chunk);
}
template <class Chunk>
Chunk* find_chunk(shm_toc* toc, uint64 key) {
  return static_cast<Chunk*>(shm_toc_lookup(toc, key, false));
}

// What workers show and count: the leader's query, what they read, write and log.
struct WorkerAccounts {
  BufferUsage* buffers;  // by worker
  WalUsage* wal;
};
void estimate_accounts(ParallelContext*);
WorkerAccounts add_accounts(ParallelContext*);
// After the workers have ended: adds what they did to what this session did.
void take_accounts(const ParallelContext*, const WorkerAccounts*);
// In a worker: before its work, and after.
void worker_begins(shm_toc*);
void worker_ends(shm_toc*);

// Before workers that write are launched: logical decoding learns of which transaction the current subtransaction is a
// part. Of workers' records it would not: they bear the subtransaction's number alone.
void log_subtransaction();

// Ends the group and parallel mode.
void leave_parallel(ParallelContext*);

}  // namespace dap
