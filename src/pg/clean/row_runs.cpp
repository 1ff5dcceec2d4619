// While memory lasts this is a row::RowSet. When it ends, the rows so far are put in order and the latest of each key
// go to a temporary file, a run; at the end all runs, and what is left in memory, are read side by side: of the rows
// that have the lowest key among all next ones the latest is given out, the others are passed over.
#include "pg/clean/row_runs.h"

#include <cstring>
#include <new>

#include "bridge/compat/temporary_file.h"
#include "bridge/engine_call.h"
#include "bridge/slab_memory.h"
#include "engine/row/row_merge.h"
#include "engine/row/row_set.h"

namespace dap {

namespace {

// One run, read from its start to its end.
struct Run {
  BufFile* file;
  int64 left;      // rows not read yet
  row::Row* held;  // the last one read
  Size room;
};

}  // namespace

struct RowRuns {
  MemoryContext context;
  Size memory;
  std::pmr::memory_resource* resource;
  alignas(row::RowSet) char set_place[sizeof(row::RowSet)];
  Run* runs;
  int run_count, run_room;
  bool merging;
  alignas(row::RowMerge) char merge_place[sizeof(row::RowMerge)];
  row::Row* taken;  // a copy of the row given out, while runs are merged
  Size taken_room;

  row::RowSet* set() { return reinterpret_cast<row::RowSet*>(set_place); }
  row::RowMerge* merge() { return reinterpret_cast<row::RowMerge*>(merge_place); }
};

namespace {

void keep_latest(row::RowSet* set) {
  for (bool done = false; !done;) {
    const volatile sig_atomic_t* stop = INTERRUPTS_CAN_BE_PROCESSED() ? &InterruptPending : nullptr;
    raise_engine_fault(try_engine([&] { done = set->keep_latest(stop); }), "the order of rows");
    CHECK_FOR_INTERRUPTS();
  }
}

void spill(RowRuns* runs) {
  row::RowSet* set = runs->set();
  keep_latest(set);
  MemoryContext old = MemoryContextSwitchTo(runs->context);
  if (runs->run_count == runs->run_room) {
    runs->run_room = runs->run_room ? 2 * runs->run_room : 16;
    Size bytes = sizeof(Run) * static_cast<Size>(runs->run_room);
    runs->runs = static_cast<Run*>(runs->runs ? repalloc(runs->runs, bytes) : palloc(bytes));
  }
  Run* run = &runs->runs[runs->run_count++];
  *run = {BufFileCreateTemp(false), 0, nullptr, 0};
  MemoryContextSwitchTo(old);
  while (const row::Row* row = set->next_in_order()) {
    if (run->left % 1024 == 0) CHECK_FOR_INTERRUPTS();
    write_buffered(run->file, row, row::row_bytes(*row));
    run->left++;
  }
  set->clear();
}

const row::Row* read_row(RowRuns* runs, Run* run) {
  if (run->left == 0) {
    if (run->file) BufFileClose(run->file);
    run->file = nullptr;
    return nullptr;
  }
  run->left--;
  row::Row head;
  read_buffered(run->file, &head, sizeof(head));
  Size bytes = row::row_bytes(head);
  if (bytes > run->room) {
    if (run->held) pfree(run->held);
    run->room = bytes * 2;
    run->held = static_cast<row::Row*>(MemoryContextAlloc(runs->context, run->room));
  }
  *run->held = head;
  read_buffered(run->file, run->held + 1, bytes - sizeof(head));
  return run->held;
}

void begin_merge(RowRuns* runs) {
  auto* streams = static_cast<row::RowMerge::Stream*>(
      MemoryContextAlloc(runs->context, sizeof(row::RowMerge::Stream) * static_cast<Size>(runs->run_count + 1)));
  int count = 0;
  for (int i = 0; i < runs->run_count; i++) {
    if (BufFileSeek(runs->runs[i].file, 0, 0, SEEK_SET) != 0)
      ereport(ERROR, (errcode_for_file_access(), errmsg("could not rewind a temporary file: %m")));
    if (const row::Row* row = read_row(runs, &runs->runs[i])) streams[count++] = {row, i};
  }
  if (const row::Row* row = runs->set()->next_in_order()) streams[count++] = {row, runs->run_count};
  new (runs->merge_place) row::RowMerge(streams, count);
  runs->merging = true;
}

const row::Row* next_of_stream(RowRuns* runs, int stream) {
  return stream == runs->run_count ? runs->set()->next_in_order() : read_row(runs, &runs->runs[stream]);
}

// The stream goes on, and with it the place where its row lay: the row is copied.
const row::Row* take_top(RowRuns* runs) {
  row::RowMerge* merge = runs->merge();
  const row::Row* top = &merge->top();
  Size bytes = row::row_bytes(*top);
  if (bytes > runs->taken_room) {
    if (runs->taken) pfree(runs->taken);
    runs->taken_room = bytes * 2;
    runs->taken = static_cast<row::Row*>(MemoryContextAlloc(runs->context, runs->taken_room));
  }
  std::memcpy(static_cast<void*>(runs->taken), top, bytes);
  do {
    merge->replace_top(next_of_stream(runs, merge->top_stream()));
  } while (!merge->is_empty() && row::compare_keys(merge->top(), *runs->taken) == 0);
  return runs->taken;
}

row::Row* next_place(RowRuns* runs, Size bytes) {
  row::RowSet* set = runs->set();
  if (!set->has_room(bytes)) {
    if (set->memory_after(bytes) > runs->memory && set->count() > 0) spill(runs);
    raise_engine_fault(try_engine([&] { set->make_room(bytes); }), "rows");
  }
  return set->next();
}

}  // namespace

RowRuns* row_runs_open(Size memory) {
  auto* runs = static_cast<RowRuns*>(palloc0(sizeof(RowRuns)));
  // Rows by the hundred megabytes, in few large pieces.
  runs->context = AllocSetContextCreate(CurrentMemoryContext, "dap rows", ALLOCSET_DEFAULT_SIZES);
  runs->memory = memory;
  runs->resource = new (MemoryContextAlloc(runs->context, sizeof(SlabMemory))) SlabMemory(runs->context);
  new (runs->set_place) row::RowSet(runs->resource);
  return runs;
}

unsigned char* row_runs_put(RowRuns* runs, const unsigned char* images, Size key, Size latest, Size body,
                            uint64 arrival, uint16 tag) {
  Size key_rest = key - sizeof(uint64);
  row::Row* row = next_place(runs, row::row_bytes(key_rest, latest, body));
  uint64 first;
  std::memcpy(&first, images, sizeof(first));
  row->key = __builtin_bswap64(first);
  row->arrival = arrival;
  row->key_rest = static_cast<uint16>(key_rest);
  row->latest = static_cast<uint16>(latest);
  row->body = static_cast<uint16>(body);
  row->tag = tag;
  auto* out = reinterpret_cast<unsigned char*>(row + 1);
  std::memcpy(out, images + sizeof(uint64), key_rest + latest);
  return out + key_rest + latest;
}

void row_runs_added(RowRuns* runs) { runs->set()->added(); }

void row_runs_sort(RowRuns* runs) {
  keep_latest(runs->set());
  if (runs->run_count > 0) begin_merge(runs);
  else runs->merging = false;
}

const row::Row* row_runs_take(RowRuns* runs) {
  if (runs->merging) return runs->merge()->is_empty() ? nullptr : take_top(runs);
  return runs->set()->next_in_order();
}

void row_runs_close(RowRuns* runs) {
  for (int i = 0; i < runs->run_count; i++)
    if (runs->runs[i].file) BufFileClose(runs->runs[i].file);
  MemoryContextDelete(runs->context);
  pfree(runs);
}

}  // namespace dap
