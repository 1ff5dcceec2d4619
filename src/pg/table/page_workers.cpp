// The leader and its parallel workers share an array of slots, each with room for a batch of page images. A slot's
// state goes round: free, filled (by the leader), taken and written (by whoever adds the batch to the relation), and
// free again, when the leader has noted its blocks. There is no queue and no lock: who wants to write takes any filled
// slot by compare-and-exchange, and sleeps on a condition variable where there is none. When no slot is free the leader
// writes a batch itself, so it never waits for a worker that was not scheduled. Workers write under the leader's
// transaction id, as parallel workers do; so an abort makes their rows dead like its own. `over` ends them after the
// last batch.
#include "pg/table/page_workers.h"

#include <cstring>

#include "bridge/parallel.h"
#include "pg/settings.h"

extern "C" {
#include "port/atomics.h"
#include "storage/condition_variable.h"
}

namespace dap {
namespace {

// The leader fills images about as fast as two workers write them; a third helps where writing waits for the disk.
constexpr int most_useful_workers = 3;
// More slots than the setting allows workers, so that one that the leader can write itself is always among those that
// are not free.
constexpr int slot_count = 16;

enum SlotState : uint32 { slot_free, slot_filled, slot_taken, slot_written };

struct Slot {
  pg_atomic_uint32 state;  // the leader sets free and filled; who writes the batch sets taken and written
  int count;
  int64 rows;
  BlockNumber blocks[batch_pages];
};

struct Shared {
  Oid relation;
  bool ring;
  pg_atomic_uint32 over;  // no batch comes any more
  ConditionVariable filled;
  Slot slots[slot_count];
};

constexpr uint64 key_shared = 1, key_images = 2;
constexpr Size images_bytes = static_cast<Size>(slot_count) * batch_pages * BLCKSZ;

char* slot_images(char* images, int slot) { return images + static_cast<Size>(slot) * batch_pages * BLCKSZ; }

// A filled slot that is the caller's now; -1: none.
int take_filled(Shared* shared) {
  for (int i = 0; i < slot_count; i++) {
    uint32 expected = slot_filled;
    if (pg_atomic_compare_exchange_u32(&shared->slots[i].state, &expected, slot_taken)) return i;
  }
  return -1;
}

void write_taken(Shared* shared, char* images, int i, PageStore* store) {
  Slot* slot = &shared->slots[i];
  page_store_write(store, slot_images(images, i), slot->count, slot->blocks);
  pg_write_barrier();
  pg_atomic_write_u32(&slot->state, slot_written);
}

}  // namespace

struct PageWorkers {
  ParallelContext* context;
  Shared* shared;
  char* images;
  WorkerAccounts accounts;
  PageStore* own;
  BlockRanges* written;
  int current;  // the slot given out
};

namespace {

void fill_shared(PageWorkers* workers, Relation relation, bool ring) {
  ParallelContext* context = workers->context;
  Shared* shared = workers->shared = add_chunk<Shared>(context, key_shared, sizeof(Shared));
  shared->relation = RelationGetRelid(relation);
  shared->ring = ring;
  pg_atomic_init_u32(&shared->over, 0);
  ConditionVariableInit(&shared->filled);
  for (Slot& slot : shared->slots) pg_atomic_init_u32(&slot.state, slot_free);
  workers->images = add_chunk<char>(context, key_images, images_bytes);
  workers->accounts = add_accounts(context);
}

void collect_written(PageWorkers* workers) {
  for (Slot& slot : workers->shared->slots) {
    if (pg_atomic_read_u32(&slot.state) != slot_written) continue;
    pg_read_barrier();
    for (int i = 0; i < slot.count; i++) add_blocks(*workers->written, slot.blocks[i], slot.blocks[i]);
    pg_atomic_write_u32(&slot.state, slot_free);
  }
}

// For the leader: false if no batch is waiting.
bool write_one(PageWorkers* workers) {
  int i = take_filled(workers->shared);
  if (i >= 0) write_taken(workers->shared, workers->images, i, workers->own);
  return i >= 0;
}

void end_workers(PageWorkers* workers) {
  ParallelContext* context = workers->context;
  pg_atomic_write_u32(&workers->shared->over, 1);
  ConditionVariableBroadcast(&workers->shared->filled);
  WaitForParallelWorkersToFinish(context);
  take_accounts(context, &workers->accounts);
  collect_written(workers);
  leave_parallel(context);
  pfree(workers);
}

}  // namespace

PageWorkers* page_workers_start(Relation relation, bool ring, PageStore* own, BlockRanges* written) {
  int wanted = parallel_workers(setting_max_ingest_workers, most_useful_workers);
  if (wanted == 0 || !ActiveSnapshotSet()) return nullptr;
  EnterParallelMode();
  ParallelContext* context = CreateParallelContext("dap_analytics", "dap_page_worker_main", wanted);
  estimate_chunk(context, sizeof(Shared));
  estimate_chunk(context, images_bytes);
  estimate_accounts(context);
  InitializeParallelDSM(context);
  if (!context->seg) {  // no shared memory was to be had
    leave_parallel(context);
    return nullptr;
  }
  // it lives as long
  auto* workers = static_cast<PageWorkers*>(MemoryContextAllocZero(GetMemoryChunkContext(own), sizeof(PageWorkers)));
  workers->context = context;
  workers->own = own;
  workers->written = written;
  fill_shared(workers, relation, ring);
  log_subtransaction();
  LaunchParallelWorkers(context);
  ereport(DEBUG1,
          (errmsg_plural("%d parallel worker writes pages of \"%s\"", "%d parallel workers write pages of \"%s\"",
                         context->nworkers_launched, context->nworkers_launched, RelationGetRelationName(relation))));
  if (context->nworkers_launched > 0) return workers;
  leave_parallel(context);
  pfree(workers);
  return nullptr;
}

char* page_workers_slot(PageWorkers* workers) {
  for (;;) {
    collect_written(workers);
    for (int i = 0; i < slot_count; i++) {
      if (pg_atomic_read_u32(&workers->shared->slots[i].state) != slot_free) continue;
      workers->current = i;
      return slot_images(workers->images, i);
    }
    write_one(workers);
  }
}

void page_workers_give(PageWorkers* workers, int count, int64 rows) {
  Slot* slot = &workers->shared->slots[workers->current];
  slot->count = count;
  slot->rows = rows;
  pg_write_barrier();
  pg_atomic_write_u32(&slot->state, slot_filled);
  ConditionVariableSignal(&workers->shared->filled);
}

void page_workers_finish(PageWorkers* workers) {
  while (write_one(workers)) {
  }
  end_workers(workers);
}

int64 page_workers_discard(PageWorkers* workers) {
  int64 rows = 0;
  for (int i = take_filled(workers->shared); i >= 0; i = take_filled(workers->shared))
    rows += workers->shared->slots[i].rows;
  pg_atomic_write_u32(&workers->shared->over, 1);
  ConditionVariableBroadcast(&workers->shared->filled);
  return rows;
}

}  // namespace dap

// A worker's life: writes filled batches until there will be no more.
extern "C" __attribute__((visibility("default"))) void dap_page_worker_main(dsm_segment* /*segment*/, shm_toc* toc) {
  using namespace dap;
  auto* shared = find_chunk<Shared>(toc, key_shared);
  auto* images = find_chunk<char>(toc, key_images);
  worker_begins(toc);
  Relation relation = table_open(shared->relation, RowExclusiveLock);  // the leader holds it: no wait
  PageStore* store = page_store_open(relation, shared->ring);
  for (;;) {
    // Read before the search: a batch filled before the end is found.
    bool over = pg_atomic_read_u32(&shared->over) != 0;
    pg_read_barrier();
    if (int i = take_filled(shared); i >= 0) {
      // Not on the list of sleepers while it works: a wait inside would eat the signal meant for this one.
      ConditionVariableCancelSleep();
      write_taken(shared, images, i, store);
      continue;
    }
    if (over) break;
    ConditionVariableSleep(&shared->filled, PG_WAIT_EXTENSION);
  }
  ConditionVariableCancelSleep();
  worker_ends(toc);
  page_store_close(store);
  table_close(relation, RowExclusiveLock);
}
