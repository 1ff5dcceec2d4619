// One process's part of a clean step that is done in bulk: the records whose keys lie in its range.
#pragma once

#include "bridge/pg.h"
#include "engine/row/row.h"
#include "pg/clean/clean_rejects.h"
#include "pg/clean/clean_rules.h"
#include "pg/ledger/arrival.h"
#include "pg/table/row_pages.h"

extern "C" {
#include "port/atomics.h"
}

namespace dap {

constexpr int most_clean_processes = 8;
constexpr Size most_bound_bytes = 256;

// Keys from this image on belong to the next process.
struct KeyBound {
  uint16 length;
  unsigned char image[most_bound_bytes];
};

// What all processes of a step agree on.
struct CleanTask {
  Relation source, target;
  const Model* model;  // name, key, latest_by and columns
  const ArrivalRank* ranks;
  int rank_count;
  RowStamp stamp;
  int processes;
  KeyBound bounds[most_clean_processes - 1];
  pg_atomic_uint32* given_up;  // not 0: a process has met what cannot be done this way
  bool compares;               // with what the table holds, instead of filling it
  Snapshot present;            // then that is read under this one
  Relation index;              // of a table that is filled, made of its rows; NULL: built afterwards
};

inline bool is_given_up(const CleanTask* task) { return pg_atomic_read_u32(task->given_up) != 0; }
inline void give_up(const CleanTask* task) { pg_atomic_write_u32(task->given_up, 1); }

// Which process's range a key's image lies in.
int process_of(const CleanTask*, const unsigned char* image, Size length);

// Why records cannot be read from this table, converted by these rules and put in order here, in words; nullptr: they
// can. Needs name, key, latest_by and columns of the model.
const char* forbids_bulk_clean(const Model*, Relation source, Relation target);

// Takes a row that goes to the leader: a reject (form_reject), or a change (compare_rows).
using TupleSink = void (*)(void* argument, MinimalTuple);

struct CleanShare;

// `memory`: bytes that rows may take; beyond it they go to temporary files.
CleanShare* clean_share_open(const CleanTask*, int process, Size memory, TupleDesc reject_desc, TupleSink sink,
                             void* argument);
// Reads all records and keeps those of this process, unless the step is given up: it does so itself where a record
// cannot be written here (it needs TOAST, or its file or line has a number beyond what is kept).
void clean_share_read(CleanShare*);
// After it: puts the rows in order.
void clean_share_sort(CleanShare*);
int64 clean_share_records(const CleanShare*);  // that were looked at, of all processes
// The latest row of each key, in the order of the keys; NULL after the last.
const row::Row* clean_share_next(CleanShare*);
void clean_share_close(CleanShare*);

// Bounds that divide a source's keys about evenly, from a few of its pages.
void choose_bounds(CleanTask*);

}  // namespace dap
