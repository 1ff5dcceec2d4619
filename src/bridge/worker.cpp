#include "bridge/worker.h"
#include "bridge/compat/timeouts.h"

#include <cstring>

namespace dap {

dsm_segment* worker_segment(Size size, uint32 magic) {
  dsm_segment* segment = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
  if (!segment) return nullptr;
  auto* request = static_cast<WorkerRequest*>(dsm_segment_address(segment));
  request->magic = magic;
  request->database = MyDatabaseId;
  pg_atomic_init_u32(&request->state, static_cast<uint32>(WorkerState::pending));
  request->sqlerrcode = 0;
  request->message[0] = '\0';
  return segment;
}

BackgroundWorkerHandle* worker_start(dsm_segment* segment, const char* function, const char* name) {
  BackgroundWorker worker;
  std::memset(&worker, 0, sizeof(worker));
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  strlcpy(worker.bgw_library_name, "$libdir/dap_analytics", sizeof(worker.bgw_library_name));
  strlcpy(worker.bgw_function_name, function, sizeof(worker.bgw_function_name));
  strlcpy(worker.bgw_name, name, sizeof(worker.bgw_name));
  strlcpy(worker.bgw_type, name, sizeof(worker.bgw_type));
  worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
  worker.bgw_notify_pid = MyProcPid;
  BackgroundWorkerHandle* handle;
  return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : nullptr;
}

WorkerState worker_state(WorkerRequest* request) {
  auto state = static_cast<WorkerState>(pg_atomic_read_u32(&request->state));
  pg_read_barrier();
  return state;
}

WorkerRequest* worker_attach(Datum handle, uint32 magic) {
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  dsm_segment* segment = dsm_attach(DatumGetUInt32(handle));
  if (!segment)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the session that asked for this worker no longer waits for it")));
  auto* request = static_cast<WorkerRequest*>(dsm_segment_address(segment));
  if (request->magic != magic)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("bad magic number in the request to this worker")));
  return request;
}

void worker_option(const char* name, const char* value) { SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE); }

void worker_connect(const WorkerRequest* request, const char* name) {
  BackgroundWorkerInitializeConnectionByOid(request->database, InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
  worker_option("application_name", name);
  worker_option("search_path", "pg_catalog, pg_temp");
  worker_option("statement_timeout", "0");
  if (has_transaction_timeout) worker_option("transaction_timeout", "0");
  worker_option("default_transaction_read_only", "off");
  worker_option("default_transaction_isolation", "read committed");
}

void worker_finish(WorkerRequest* request, WorkerState state) {
  pg_write_barrier();
  pg_atomic_write_u32(&request->state, static_cast<uint32>(state));
}

}  // namespace dap
