// The leader divides the keys into ranges by a look at some pages, and starts parallel workers, one for each range but
// its own. Each process reads the whole source (clean_share), and writes the rows of its range to the table in pages of
// its own; or it reads the table too (stored_rows), and looks for the rows of its range that differ (compare_rows).
// What the model rejects, and what differs, workers write to shared temporary files, which the leader reads at the end.
// If one of them meets a row that cannot be dealt with this way all stop, what is written is rolled back, and the step
// is done as SQL.
#include "pg/clean/clean_bulk.h"

#include <cstring>
#include <initializer_list>

#include "bridge/parallel.h"
#include "bridge/query.h"
#include "bridge/run_as.h"
#include "bridge/subtransaction.h"
#include "pg/clean/clean_share.h"
#include "pg/clean/compare_rows.h"
#include "pg/clean/key_index.h"
#include "pg/clean/stored_rows.h"
#include "pg/index/btree_build.h"
#include "pg/run/reading.h"
#include "pg/settings.h"
#include "pg/table/bulk_target.h"
#include "pg/table/difference.h"

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

// A process's part of the index.
struct IndexPart {
  LevelEnds leaves;
  double milliseconds;
};

struct Shared {
  Oid source, target;
  Oid index;  // InvalidOid: not made here
  RowStamp stamp;
  int processes;
  int rank_count;
  bool ring;
  bool compares;
  Size memory;  // of each process
  KeyBound bounds[most_clean_processes - 1];
  pg_atomic_uint32 given_up;  // somebody met a row that cannot be written in bulk
  pg_atomic_uint64 rows;
  IndexPart index_parts[most_clean_processes];
  SharedFileSet files;
};

constexpr uint64 key_shared = 1, key_model = 2, key_ranks = 3, key_rejects = 4, key_changes = 5, key_present = 6;

// Where a process's rows for the leader go.
struct Outlet {
  void (*take)(void* own, MinimalTuple);  // the leader's
  void* own;
  SharedTuplestoreAccessor* shared;  // a worker's
  MemoryContext context;             // where that one's file is made, with the first row
};

void sink(void* argument, MinimalTuple row) {
  auto* outlet = static_cast<Outlet*>(argument);
  if (outlet->take) {
    outlet->take(outlet->own, row);
    return;
  }
  MemoryContext old = MemoryContextSwitchTo(outlet->context);
  sts_puttuple(outlet->shared, nullptr, row);
  MemoryContextSwitchTo(old);
}

void take_reject(void* rejects, MinimalTuple row) { add_reject(static_cast<CleanRejects*>(rejects), row); }

struct FoundChanges {
  const MergeTarget* target;
  MergeResult* merged;
  TupleTableSlot* slot;
};

void take_change(void* argument, MinimalTuple row) {
  auto* found = static_cast<FoundChanges*>(argument);
  ExecStoreMinimalTuple(row, found->slot, false);
  add_change(found->target, found->merged, found->slot);
  ExecClearTuple(found->slot);
}

int64 fill(const CleanTask* task, int process, Shared* shared, CleanShare* share) {
  KeyIndex* index = task->index ? key_index_open(task->target, task->index, shared->ring) : nullptr;
  PageTaker taker = {};
  if (index) taker = {key_index_take, index};
  RowPages* pages = row_pages_open(task->target, &task->stamp, shared->ring, taker);
  int64 rows = 0;
  while (const row::Row* row = clean_share_next(share)) {
    if (++rows % 4096 == 0 && is_given_up(task)) break;
    row_pages_add(pages, row);
  }
  rows = row_pages_finish(pages);
  if (index) {
    IndexPart* part = &shared->index_parts[process];
    part->leaves = key_index_finish(index, process + 1 < task->processes, &part->milliseconds);
  }
  return rows;
}

int64 compare(const CleanTask* task, int process, Size memory, CleanShare* share, Outlet* changes) {
  StoredRows* stored = stored_rows_open(task, process, memory);
  stored_rows_read(stored);
  int64 rows = is_given_up(task) ? 0 : compare_rows(task, share, stored, sink, changes);
  stored_rows_close(stored);
  return rows;
}

double milliseconds(TimestampTz from, TimestampTz to) { return static_cast<double>(to - from) / 1000; }

// Does one process's part, unless the step is given up.
void work(const CleanTask* task, int process, Shared* shared, TupleDesc reject_desc, Outlet* rejects, Outlet* changes,
          int64* records) {
  TimestampTz started = GetCurrentTimestamp();
  Size memory = task->compares ? shared->memory / 2 : shared->memory;
  CleanShare* share = clean_share_open(task, process, memory, reject_desc, sink, rejects);
  clean_share_read(share);
  TimestampTz read = GetCurrentTimestamp();
  if (!is_given_up(task)) clean_share_sort(share);
  TimestampTz sorted = GetCurrentTimestamp();
  *records = clean_share_records(share);
  if (!is_given_up(task)) {
    int64 rows = task->compares ? compare(task, process, memory, share, changes) : fill(task, process, shared, share);
    pg_atomic_fetch_add_u64(&shared->rows, rows);
  }
  ereport(DEBUG1, (errmsg("%s, process %d: read in %.0f ms, put in order in %.0f ms, %s in %.0f ms", task->model->label,
                          process, milliseconds(started, read), milliseconds(read, sorted),
                          task->compares ? "compared" : "written", milliseconds(sorted, GetCurrentTimestamp()))));
  clean_share_close(share);
}

void say_how(const CleanTask* task) {
  auto count = static_cast<unsigned long>(task->processes);
  const char* label = task->model->label;
  ereport(DEBUG1,
          (task->compares ? errmsg_plural("%s is compared in bulk by %d process",
                                          "%s is compared in bulk by %d processes", count, label, task->processes)
                          : errmsg_plural("%s is cleaned in bulk by %d process",
                                          "%s is cleaned in bulk by %d processes", count, label, task->processes)));
}

// Joins the processes' parts of the index.
void finish_index(const CleanTask* task, const Shared* shared, int64 rows) {
  TimestampTz started = GetCurrentTimestamp();
  LevelEnds parts[most_clean_processes];
  double spent = 0;
  for (int i = 0; i < task->processes; i++) {
    parts[i] = shared->index_parts[i].leaves;
    if (shared->index_parts[i].milliseconds > spent) spent = shared->index_parts[i].milliseconds;
  }
  char* name = pstrdup(RelationGetRelationName(task->index));
  btree_build_finish(task->target, task->index, parts, task->processes, rows);
  ereport(DEBUG1,
          (errmsg("%s: index \"%s\" is made of the rows as they come: its leaves in %.0f ms, the rest in %.0f ms",
                  task->model->label, name, spent, milliseconds(started, GetCurrentTimestamp()))));
}

int processes_wanted(const CleanTask* task) {
  auto worth = static_cast<int64>(RelationGetNumberOfBlocks(task->source)) / least_blocks_of_a_process;
  if (RelationUsesLocalBuffers(task->source)) return 1;  // which no other process sees
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
  SharedTuplestoreAccessor *rejects, *changes;
  WorkerAccounts accounts;
};

// Starts the workers. False: none are to be had; then nothing is left of it.
bool start_team(Team* team, CleanTask* task, const Shared* agreed) {
  StringInfoData model = model_bytes(task->model);
  int workers = task->processes - 1;
  Size ranks_size = sizeof(ArrivalRank) * static_cast<Size>(task->rank_count);
  EnterParallelMode();
  ParallelContext* context = team->context = CreateParallelContext("dap_analytics", "dap_clean_worker_main", workers);
  Size store_size = sts_estimate(task->processes);
  Size present_size = task->compares ? EstimateSnapshotSpace(task->present) : 0;
  for (Size size : {sizeof(Shared), static_cast<Size>(model.len), ranks_size + 1, store_size, store_size, present_size})
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
    auto* rejects = add_chunk<SharedTuplestore>(context, key_rejects, store_size);
    team->rejects = sts_initialize(rejects, task->processes, 0, 0, 0, &shared->files, "dap_rejects");
    auto* changes = add_chunk<SharedTuplestore>(context, key_changes, store_size);
    team->changes = sts_initialize(changes, task->processes, 0, 0, 0, &shared->files, "dap_changes");
    if (task->compares) SerializeSnapshot(task->present, add_chunk<char>(context, key_present, present_size));
    team->accounts = add_accounts(context);
    log_subtransaction();
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

void take_rows(SharedTuplestoreAccessor* rows, const Outlet* outlet) {
  sts_begin_parallel_scan(rows);
  while (MinimalTuple row = sts_parallel_scan_next(rows, nullptr)) {
    CHECK_FOR_INTERRUPTS();
    outlet->take(outlet->own, row);
  }
  sts_end_parallel_scan(rows);
}

void end_team(Team* team, const Outlet* rejects, const Outlet* changes) {
  ParallelContext* context = team->context;
  WaitForParallelWorkersToFinish(context);
  take_accounts(context, &team->accounts);
  take_rows(team->rejects, rejects);
  take_rows(team->changes, changes);
}

// False: a row cannot be dealt with this way.
bool clean(const Model* model, Relation source, Relation target, const ArrivalRank* ranks, int rank_count,
           Snapshot present, BulkClean* result) {
  CleanTask task = {};
  task.source = source;
  task.target = target;
  task.model = model;
  task.ranks = ranks;
  task.rank_count = rank_count;
  task.compares = present != nullptr;
  task.present = present;
  Oid index = task.compares ? InvalidOid : buildable_key_index(model, target);
  if (OidIsValid(index)) task.index = btree_build_begin(index);
  if (!task.compares)
    task.stamp = {GetCurrentTransactionId(), GetCurrentCommandId(true), RelationGetDescr(target)->natts};
  task.processes = processes_wanted(&task);
  if (task.processes > 1) choose_bounds(&task);
  Shared own = {};
  own.source = RelationGetRelid(source);
  own.target = RelationGetRelid(target);
  own.index = index;
  own.stamp = task.stamp;
  own.rank_count = rank_count;
  own.compares = task.compares;
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
  say_how(&task);
  Outlet rejects = {take_reject, &result->rejects, nullptr, nullptr};
  FoundChanges found = {};
  if (task.compares)
    found = {result->target, &result->merged,
             MakeSingleTupleTableSlot(result->merged.change_desc, &TTSOpsMinimalTuple)};
  Outlet changes = {take_change, &found, nullptr, nullptr};
  work(&task, 0, shared, result->rejects.desc, &rejects, &changes, &result->read);
  if (team.context) end_team(&team, &rejects, &changes);
  bool good = !is_given_up(&task);
  result->rows = static_cast<int64>(pg_atomic_read_u64(&shared->rows));
  std::memcpy(own.index_parts, shared->index_parts, sizeof(own.index_parts));
  if (team.context) leave_parallel(team.context);
  if (found.slot) ExecDropSingleTupleTableSlot(found.slot);
  result->indexed = good && task.index && result->rows > 0;
  if (result->indexed) finish_index(&task, &own, result->rows);
  else if (task.index) index_close(task.index, NoLock);
  if (good && !task.compares) pgstat_count_heap_insert(target, result->rows);
  return good;
}

ArrivalRank* ranks_of(const Model* model, Snapshot snapshot, int* count) {
  RunAs ledger = run_as_begin(ledger_owner());
  reading_push(snapshot);
  ArrivalRank* ranks = arrival_ranks(model->source_id, count);
  reading_pop();
  run_as_end(&ledger);
  return ranks;
}

bool fill_table(const Model* model, Relation source, Relation target, Snapshot snapshot, BulkClean* result) {
  bool done = false;
  int rank_count;
  ArrivalRank* ranks = ranks_of(model, snapshot, &rank_count);
  // What is written in vain is undone.
  ErrorData* error = in_subtransaction([&] {
    reading_push(snapshot);
    done = clean(model, source, target, ranks, rank_count, nullptr, result);
    reading_pop();
    return done && result->rows > 0;
  });
  if (error) ReThrowError(error);
  if (!done || result->rows == 0) give_back_bulk_target(target);
  return done;
}

// What the table holds is what it holds now, as a statement would see it, not what it held when the run began.
bool compare_table(const Model* model, Relation source, Relation target, Snapshot snapshot, BulkClean* result) {
  int rank_count;
  ArrivalRank* ranks = ranks_of(model, snapshot, &rank_count);
  reading_push(snapshot);
  Snapshot present = RegisterSnapshot(GetTransactionSnapshot());
  bool done = clean(model, source, target, ranks, rank_count, present, result);
  UnregisterSnapshot(present);
  reading_pop();
  return done;
}

void check_may_read_source(const Model* model, Relation target, Snapshot snapshot) {
  CleanRules rules = compile_clean_rules(model, RelationGetDescr(target));
  read_into(snapshot, psprintf("%s LIMIT 0", record_query(model, &rules)), None_Receiver);
}

void open_comparison(const MergeTarget* target, BulkClean* result) {
  result->target = target;
  result->merged = {};
  open_changes(target, &result->merged);
}

// After what differed was written: nothing may differ now.
void compare_again(const MergeTarget* target, void* argument, MergeResult* left) {
  const Model* model = target->model;
  BulkClean again = {};
  again.rejects = clean_rejects_open();
  open_comparison(target, &again);
  Relation relation = table_open(model->relation, NoLock), source = table_open(model->upstream[0], NoLock);
  bool done = compare_table(model, source, relation, static_cast<Snapshot>(argument), &again);
  table_close(source, NoLock);
  table_close(relation, NoLock);
  clean_rejects_close(&again.rejects);
  if (!done) elog(ERROR, "rows of %s cannot be compared any more", model->label);
  *left = again.merged;
}

}  // namespace

BulkWay clean_in_bulk(const Model* model, Relation target, Snapshot snapshot, BulkClean* result) {
  TupleDesc desc = model_columns(model, target);  // raises where one is gone
  Relation source = table_open(model->upstream[0], AccessShareLock);
  BulkWay way = BulkWay::none;
  *result = {};
  if (forbids_bulk_clean(model, source, target) == nullptr) {
    if (take_bulk_target(model, target)) way = BulkWay::filled;
    else if (can_read_stored(model, target)) way = BulkWay::compared;
  }
  if (way != BulkWay::none) {
    bool fills = way == BulkWay::filled;
    if (fills) check_may_insert(model);
    else check_may_read(model);
    check_may_read_source(model, target, snapshot);
    result->rejects = clean_rejects_open();
    if (!fills) open_comparison(merge_target(model, desc), result);
    if (!(fills ? fill_table : compare_table)(model, source, target, snapshot, result)) {
      way = BulkWay::none;
      clean_rejects_close(&result->rejects);
      close_changes(&result->merged);
    }
  }
  result->merged.rows = result->rows;
  table_close(source, NoLock);
  return way;
}

void merge_bulk(BulkClean* bulk, Snapshot snapshot) {
  DifferenceFinder finder = {compare_again, snapshot};
  merge_changes(bulk->target, &finder, &bulk->merged);
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
  if (OidIsValid(shared->index)) task.index = index_open(shared->index, RowExclusiveLock);
  task.model = model_from_bytes(find_chunk<char>(toc, key_model));
  task.ranks = find_chunk<ArrivalRank>(toc, key_ranks);
  task.rank_count = shared->rank_count;
  task.stamp = shared->stamp;
  task.processes = shared->processes;
  std::memcpy(task.bounds, shared->bounds, sizeof(task.bounds));
  task.given_up = &shared->given_up;
  task.compares = shared->compares;
  if (task.compares) task.present = RestoreSnapshot(find_chunk<char>(toc, key_present));
  SharedFileSetAttach(&shared->files, segment);
  Outlet rejects = {}, changes = {};
  rejects.context = changes.context = CurrentMemoryContext;
  rejects.shared = sts_attach(find_chunk<SharedTuplestore>(toc, key_rejects), process, &shared->files);
  changes.shared = sts_attach(find_chunk<SharedTuplestore>(toc, key_changes), process, &shared->files);
  CleanRejects form = clean_rejects_open();
  int64 records;
  work(&task, process, shared, form.desc, &rejects, &changes, &records);
  sts_end_write(rejects.shared);
  sts_end_write(changes.shared);
  worker_ends(toc);
  if (task.index) index_close(task.index, RowExclusiveLock);
  table_close(task.target, RowExclusiveLock);
  table_close(task.source, AccessShareLock);
}
