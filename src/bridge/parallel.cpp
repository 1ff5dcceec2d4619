#include "bridge/parallel.h"

#include <sched.h>
#include <cstring>

#include "bridge/compat/replication_origin.h"

extern "C" {
#include "access/xloginsert.h"
#include "catalog/pg_control.h"
}

namespace dap {

namespace {

// Beyond what any group's own keys are.
constexpr uint64 key_query = 1001, key_buffers = 1002, key_wal = 1003;

const char* query() { return debug_query_string ? debug_query_string : ""; }

// As much of it as pg_stat_activity shows: a statement may be as long as a file.
Size query_size() {
  Size size = std::strlen(query()) + 1;
  if (size <= static_cast<Size>(pgstat_track_activity_query_size)) return size;
  return static_cast<Size>(
             pg_mbcliplen(query(), pgstat_track_activity_query_size, pgstat_track_activity_query_size - 1)) +
         1;
}

Size workers_of(const ParallelContext* context) { return static_cast<Size>(context->nworkers); }

}  // namespace

int parallel_workers(int setting, int most) {
  // A worker would log its records without the origin that this session replays.
  if (!IsUnderPostmaster || IsInParallelMode() || replays_an_origin()) return 0;
  int wanted = setting;
  if (wanted < 0) {
    // A worker that shares its processor with the leader only costs.
    cpu_set_t usable;
    int beside = (sched_getaffinity(0, sizeof(usable), &usable) == 0 ? CPU_COUNT(&usable) : 1) - 1;
    wanted = beside < 0 ? 0 : beside < most ? beside : most;
  }
  return wanted < max_parallel_maintenance_workers ? wanted : max_parallel_maintenance_workers;
}

void estimate_accounts(ParallelContext* context) {
  estimate_chunk(context, query_size());
  estimate_chunk(context, sizeof(BufferUsage) * workers_of(context));
  estimate_chunk(context, sizeof(WalUsage) * workers_of(context));
}

WorkerAccounts add_accounts(ParallelContext* context) {
  Size size = query_size();
  char* shared = add_chunk<char>(context, key_query, size);
  std::memcpy(shared, query(), size - 1);
  shared[size - 1] = '\0';
  return {add_chunk<BufferUsage>(context, key_buffers, sizeof(BufferUsage) * workers_of(context)),
          add_chunk<WalUsage>(context, key_wal, sizeof(WalUsage) * workers_of(context))};
}

void take_accounts(const ParallelContext* context, const WorkerAccounts* accounts) {
  for (int i = 0; i < context->nworkers_launched; i++)
    InstrAccumParallelQuery(&accounts->buffers[i], &accounts->wal[i]);
}

void worker_begins(shm_toc* toc) {
  debug_query_string = find_chunk<char>(toc, key_query);
  pgstat_report_activity(STATE_RUNNING, debug_query_string);
  InstrStartParallelQuery();
}

void worker_ends(shm_toc* toc) {
  InstrEndParallelQuery(&find_chunk<BufferUsage>(toc, key_buffers)[ParallelWorkerNumber],
                        &find_chunk<WalUsage>(toc, key_wal)[ParallelWorkerNumber]);
}

void log_subtransaction() {
  if (!XLogLogicalInfoActive()) return;
  // The first record of a subtransaction that its own session writes names the transaction. This one does nothing else.
  char nothing = 0;
  XLogBeginInsert();
  XLogRegisterData(&nothing, sizeof(nothing));
  XLogInsert(RM_XLOG_ID, XLOG_NOOP);
}

void leave_parallel(ParallelContext* context) {
  DestroyParallelContext(context);
  ExitParallelMode();
}

}  // namespace dap
