// The leader divides the keys into ranges by a look at some pages, and starts parallel workers, one for each range but
// its own. Each process reads the whole source (clean_share), and writes the rows of its range to the table in pages of
// its own. What the model rejects, workers write to shared temporary files, which the leader reads at the end. If one
// of them meets a row that cannot be written this way all stop, what is written is rolled back, and the step is done as
// SQL.
#include "pg/clean/clean_bulk.h"

#include <cstring>
#include <initializer_list>

#include "bridge/parallel.h"
#include "bridge/query.h"
#include "bridge/run_as.h"
#include "bridge/subtransaction.h"
#include "pg/clean/clean_share.h"
#include "pg/run/reading.h"
#include "pg/settings.h"
#include "pg/table/bulk_target.h"
#include "pg/table/merge.h"

extern "C" {
#include "port/atomics.h"
#include "storage/bufmgr.h"
#include "storage/sharedfileset.h"
#include "utils/sharedtuplestore.h"
}

namespace dap {
namespace {

// Below that a worker's start takes longer than its part of the work.
constexpr BlockNumber least_blocks_of_a_process = 512;

struct Shared {
  Oid source, target;
  RowStamp stamp;
  int processes;
  int rank_count;
  bool ring;
  Size memory;  // of each process
  KeyBound bounds[most_clean_processes - 1];
  pg_atomic_uint32 given_up;  // somebody met a row that cannot be written in bulk
  pg_atomic_uint64 rows;
  SharedFileSet files;
};

constexpr uint64 key_shared = 1, key_model = 2, key_ranks = 3, key_rejects = 4;

struct RejectStore {
  CleanRejects* own;                 // the leader's
  SharedTuplestoreAccessor* shared;  // a worker's
  MemoryContext context;             // where that one's file is made, with the first reject
};

void sink(void* argument, MinimalTuple reject) {
  auto* store = static_cast<RejectStore*>(argument);
  if (store->own) {
    add_reject(store->own, reject);
    return;
  }
  MemoryContext old = MemoryContextSwitchTo(store->context);
  sts_puttuple(store->shared, nullptr, reject);
  MemoryContextSwitchTo(old);
}

double milliseconds(TimestampTz from, TimestampTz to) { return static_cast<double>(to - from) / 1000; }

// Reads and writes one process's part, unless the step is given up.
void work(const CleanTask* task, int process, Shared* shared, TupleDesc reject_desc, RejectStore* rejects,
          int64* records) {
  TimestampTz started = GetCurrentTimestamp();
  CleanShare* share = clean_share_open(task, process, shared->memory, reject_desc, sink, rejects);
  clean_share_read(share);
  TimestampTz read = GetCurrentTimestamp();
  if (pg_atomic_read_u32(&shared->given_up) == 0) clean_share_sort(share);
  TimestampTz sorted = GetCurrentTimestamp();
  *records = clean_share_records(share);
  if (pg_atomic_read_u32(&shared->given_up) == 0) {
    RowPages* pages = row_pages_open(task->target, &task->stamp, shared->ring);
    while (const row::Row* row = clean_share_next(share)) row_pages_add(pages, row);
    pg_atomic_fetch_add_u64(&shared->rows, row_pages_finish(pages));
  }
  ereport(DEBUG1, (errmsg("%s, process %d: read in %.0f ms, put in order in %.0f ms, written in %.0f ms",
                          task->model->label, process, milliseconds(started, read), milliseconds(read, sorted),
                          milliseconds(sorted, GetCurrentTimestamp()))));
  clean_share_close(share);
}

int processes_wanted(const CleanTask* task) {
  auto worth = static_cast<int64>(RelationGetNumberOfBlocks(task->source)) / least_blocks_of_a_process;
  int wanted = 1 + parallel_workers(setting_max_refresh_workers, most_clean_processes - 1);
  return wanted < worth ? wanted : worth < 1 ? 1 : static_cast<int>(worth);
}

// What a worker needs to know of the model: the JSON of its columns, then texts.
void put_texts(StringInfo data, char* const* texts, int count) {
  appendBinaryStringInfo(data, reinterpret_cast<const char*>(&count), sizeof(count));
  for (int i = 0; i < count; i++) appendBinaryStringInfo(data, texts[i], static_cast<int>(std::strlen(texts[i]) + 1));
}

StringInfoData model_bytes(const Model* model) {
  StringInfoData data;
  initStringInfo(&data);
  Size size = VARSIZE_ANY(model->columns_json);
  appendBinaryStringInfo(&data, reinterpret_cast<const char*>(model->columns_json), static_cast<int>(size));
  put_texts(&data, &model->label, 1);
  put_texts(&data, model->key, model->key_count);
  put_texts(&data, model->latest_by, model->latest_by_count);
  return data;
}

char** get_texts(const char** at, int* count) {
  std::memcpy(count, *at, sizeof(*count));
  *at += sizeof(*count);
  char** texts = static_cast<char**>(palloc(sizeof(char*) * static_cast<Size>(*count + 1)));
  for (int i = 0; i < *count; i++) {
    texts[i] = pstrdup(*at);
    *at += std::strlen(*at) + 1;
  }
  return texts;
}

Model* model_from_bytes(const char* bytes) {
  auto* model = static_cast<Model*>(palloc0(sizeof(Model)));
  auto* json = reinterpret_cast<const Jsonb*>(bytes);
  model->columns = read_clean_columns(&const_cast<Jsonb*>(json)->root);
  const char* at = bytes + VARSIZE_ANY(json);
  int one;
  model->label = get_texts(&at, &one)[0];
  model->key = get_texts(&at, &model->key_count);
  model->latest_by = get_texts(&at, &model->latest_by_count);
  return model;
}

struct Team {
  ParallelContext* context;
  Shared* shared;
  SharedTuplestoreAccessor* rejects;
  WorkerAccounts accounts;
};

// Starts the workers. False: none are to be had; then nothing is left of it.
bool start_team(Team* team, CleanTask* task, const Shared* agreed) {
  StringInfoData model = model_bytes(task->model);
  int workers = task->processes - 1;
  Size ranks_size = sizeof(ArrivalRank) * static_cast<Size>(task->rank_count);
  EnterParallelMode();
  ParallelContext* context = team->context = CreateParallelContext("dap_analytics", "dap_clean_worker_main", workers);
  Size rejects_size = sts_estimate(task->processes);
  for (Size size : {sizeof(Shared), static_cast<Size>(model.len), ranks_size + 1, rejects_size})
    estimate_chunk(context, size);
  estimate_accounts(context);
  InitializeParallelDSM(context);
  if (context->seg) {
    Shared* shared = team->shared = add_chunk<Shared>(context, key_shared, sizeof(Shared));
    std::memcpy(static_cast<void*>(shared), agreed, sizeof(Shared));
    pg_atomic_init_u32(&shared->given_up, 0);
    pg_atomic_init_u64(&shared->rows, 0);
    SharedFileSetInit(&shared->files, context->seg);
    std::memcpy(add_chunk<char>(context, key_model, static_cast<Size>(model.len)), model.data,
                static_cast<Size>(model.len));
    std::memcpy(add_chunk<char>(context, key_ranks, ranks_size + 1), task->ranks, ranks_size);
    auto* rejects = add_chunk<SharedTuplestore>(context, key_rejects, rejects_size);
    team->rejects = sts_initialize(rejects, task->processes, 0, 0, 0, &shared->files, "dap_rejects");
    team->accounts = add_accounts(context);
    LaunchParallelWorkers(context);
    // Each worker has a range that nobody else would do.
    if (context->nworkers_launched == workers) return true;
    pg_atomic_write_u32(&shared->given_up, 1);
    WaitForParallelWorkersToFinish(context);
  }
  leave_parallel(context);
  team->context = nullptr;
  return false;
}

void end_team(Team* team, CleanRejects* rejects) {
  ParallelContext* context = team->context;
  WaitForParallelWorkersToFinish(context);
  take_accounts(context, &team->accounts);
  sts_begin_parallel_scan(team->rejects);
  while (MinimalTuple reject = sts_parallel_scan_next(team->rejects, nullptr)) {
    CHECK_FOR_INTERRUPTS();
    add_reject(rejects, reject);
  }
  sts_end_parallel_scan(team->rejects);
}

// False: a row cannot be written this way.
bool fill(const Model* model, Relation source, Relation target, const ArrivalRank* ranks, int rank_count,
          BulkClean* result) {
  CleanTask task = {};
  task.source = source;
  task.target = target;
  task.model = model;
  task.ranks = ranks;
  task.rank_count = rank_count;
  task.stamp = {GetCurrentTransactionId(), GetCurrentCommandId(true), RelationGetDescr(target)->natts};
  task.processes = processes_wanted(&task);
  if (task.processes > 1) choose_bounds(&task);
  Shared own = {};
  own.source = RelationGetRelid(source);
  own.target = RelationGetRelid(target);
  own.stamp = task.stamp;
  own.rank_count = rank_count;
  // Pages that models read soon are best left in shared buffers.
  own.ring = RelationGetNumberOfBlocks(source) > static_cast<BlockNumber>(NBuffers) / 2;
  std::memcpy(own.bounds, task.bounds, sizeof(task.bounds));
  own.processes = task.processes;
  own.memory = static_cast<Size>(maintenance_work_mem) * 1024 / static_cast<Size>(task.processes);
  pg_atomic_init_u32(&own.given_up, 0);
  pg_atomic_init_u64(&own.rows, 0);
  Team team = {};
  Shared* shared = &own;
  if (task.processes > 1 && start_team(&team, &task, &own)) {
    shared = team.shared;
  } else {
    task.processes = 1;
    own.memory = static_cast<Size>(maintenance_work_mem) * 1024;
  }
  task.given_up = &shared->given_up;
  ereport(DEBUG1, (errmsg_plural("%s is cleaned in bulk by %d process", "%s is cleaned in bulk by %d processes",
                                 static_cast<unsigned long>(task.processes), model->label, task.processes)));
  RejectStore rejects = {&result->rejects, nullptr, nullptr};
  work(&task, 0, shared, result->rejects.desc, &rejects, &result->read);
  if (team.context) end_team(&team, &result->rejects);
  bool good = pg_atomic_read_u32(&shared->given_up) == 0;
  result->rows = static_cast<int64>(pg_atomic_read_u64(&shared->rows));
  if (team.context) leave_parallel(team.context);
  if (good) pgstat_count_heap_insert(target, result->rows);
  return good;
}

}  // namespace

bool clean_in_bulk(const Model* model, Relation target, Snapshot snapshot, BulkClean* result) {
  (void)model_columns(model, target);  // raises where one is gone
  Relation source = table_open(model->upstream[0], AccessShareLock);
  bool done = false;
  if (can_clean_in_bulk(model, source, target) && take_bulk_target(model, target)) {
    check_may_insert(model);
    CleanRules rules = compile_clean_rules(model, RelationGetDescr(target));
    read_into(snapshot, psprintf("%s LIMIT 0", record_query(model, &rules)), None_Receiver);
    RunAs ledger = run_as_begin(ledger_owner());
    reading_push(snapshot);
    int rank_count;
    ArrivalRank* ranks = arrival_ranks(model->source_id, &rank_count);
    reading_pop();
    run_as_end(&ledger);
    result->rejects = clean_rejects_open();
    // What is written in vain is undone.
    ErrorData* error = in_subtransaction([&] {
      reading_push(snapshot);
      done = fill(model, source, target, ranks, rank_count, result);
      reading_pop();
      return done;
    });
    if (error) ReThrowError(error);
    if (!done) {
      give_back_bulk_target(target);
      clean_rejects_close(&result->rejects);
    }
  }
  table_close(source, NoLock);
  return done;
}

}  // namespace dap

// A worker's life: its range, from the first page of the source to the last page of the table.
extern "C" __attribute__((visibility("default"))) void dap_clean_worker_main(dsm_segment* segment, shm_toc* toc) {
  using namespace dap;
  auto* shared = find_chunk<Shared>(toc, key_shared);
  worker_begins(toc);
  int process = ParallelWorkerNumber + 1;
  CleanTask task = {};
  // The leader holds the locks: no wait.
  task.source = table_open(shared->source, AccessShareLock);
  task.target = table_open(shared->target, RowExclusiveLock);
  task.model = model_from_bytes(find_chunk<char>(toc, key_model));
  task.ranks = find_chunk<ArrivalRank>(toc, key_ranks);
  task.rank_count = shared->rank_count;
  task.stamp = shared->stamp;
  task.processes = shared->processes;
  std::memcpy(task.bounds, shared->bounds, sizeof(task.bounds));
  task.given_up = &shared->given_up;
  SharedFileSetAttach(&shared->files, segment);
  RejectStore rejects = {};
  rejects.context = CurrentMemoryContext;
  rejects.shared = sts_attach(find_chunk<SharedTuplestore>(toc, key_rejects), process, &shared->files);
  CleanRejects form = clean_rejects_open();
  int64 records;
  work(&task, process, shared, form.desc, &rejects, &records);
  sts_end_write(rejects.shared);
  worker_ends(toc);
  table_close(task.target, RowExclusiveLock);
  table_close(task.source, AccessShareLock);
}
