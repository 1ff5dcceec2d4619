// Almost all rows are the same, and the bytes of their tuples with them: these are looked at first. Where they differ
// the values may still be the same (a column of somebody else's has a value, a text is compressed): then they are.
#include "pg/clean/compare_rows.h"

#include <cstring>

#include "bridge/compat/minimal_tuple.h"
#include "pg/clean/clean_rules.h"
#include "pg/table/difference.h"

namespace dap {
namespace {

struct Comparison {
  TupleDesc desc;     // of the table
  TupleDesc columns;  // of the model's columns
  int* attribute;     // where in the table each of them is
  TupleDesc change_desc;
  char* tuples[2];  // rows of the table, as tuples: old and new
  Datum* all_values;
  bool* all_nulls;
  Datum* values;  // of a change
  bool* nulls;
  TupleSink sink;
  void* argument;
  MemoryContext context;  // of one row
};

Comparison* open(const CleanTask* task, TupleSink sink, void* argument) {
  auto* comparison = static_cast<Comparison*>(palloc0(sizeof(Comparison)));
  TupleDesc desc = comparison->desc = RelationGetDescr(task->target);
  TupleDesc columns = comparison->columns = model_columns(task->model, task->target);
  comparison->change_desc = change_columns(columns);
  comparison->attribute = static_cast<int*>(palloc(sizeof(int) * static_cast<Size>(columns->natts)));
  for (int i = 0; i < columns->natts; i++)
    comparison->attribute[i] = model_column_position(task->model, desc, NameStr(TupleDescAttr(columns, i)->attname));
  // A body is no longer than a page.
  for (char*& tuple : comparison->tuples) tuple = static_cast<char*>(palloc(2 * BLCKSZ));
  comparison->all_values = static_cast<Datum*>(palloc(sizeof(Datum) * static_cast<Size>(desc->natts)));
  comparison->all_nulls = static_cast<bool*>(palloc(sizeof(bool) * static_cast<Size>(desc->natts)));
  comparison->values = static_cast<Datum*>(palloc(sizeof(Datum) * 2 * static_cast<Size>(columns->natts)));
  comparison->nulls = static_cast<bool*>(palloc(sizeof(bool) * 2 * static_cast<Size>(columns->natts)));
  comparison->sink = sink;
  comparison->argument = argument;
  comparison->context = AllocSetContextCreate(CurrentMemoryContext, "dap row comparison", ALLOCSET_DEFAULT_SIZES);
  return comparison;
}

// Sets one image of a change: 0 the old one, 1 the new one. NULL: there is none.
void set_image(Comparison* comparison, int image, const row::Row* row, int attributes) {
  int count = comparison->columns->natts, first = image * count;
  if (!row) {
    std::memset(comparison->nulls + first, true, static_cast<Size>(count));
    return;
  }
  HeapTupleData tuple = {};
  tuple.t_data = reinterpret_cast<HeapTupleHeader>(comparison->tuples[image]);
  tuple.t_len = static_cast<uint32>(make_tuple(row, attributes, comparison->tuples[image]));
  heap_deform_tuple(&tuple, comparison->desc, comparison->all_values, comparison->all_nulls);
  for (int i = 0; i < count; i++) {
    comparison->values[first + i] = comparison->all_values[comparison->attribute[i]];
    comparison->nulls[first + i] = comparison->all_nulls[comparison->attribute[i]];
  }
}

// One of them may be NULL: there is no such row.
void take(Comparison* comparison, const row::Row* stored, const row::Row* fresh) {
  MemoryContext old = MemoryContextSwitchTo(comparison->context);
  set_image(comparison, 0, stored, stored ? static_cast<int>(stored->arrival) : 0);
  set_image(comparison, 1, fresh, comparison->desc->natts);
  if (!stored || !fresh || !is_same_pair(comparison->columns, comparison->values, comparison->nulls))
    comparison->sink(comparison->argument,
                     form_minimal_tuple(comparison->change_desc, comparison->values, comparison->nulls));
  MemoryContextSwitchTo(old);
  MemoryContextReset(comparison->context);
}

bool has_same_body(const Comparison* comparison, const row::Row* stored, const row::Row* fresh) {
  return stored->body == fresh->body && stored->tag == fresh->tag &&
         stored->arrival == static_cast<uint64>(comparison->desc->natts) &&
         std::memcmp(stored->body_bytes(), fresh->body_bytes(), fresh->body) == 0;
}

}  // namespace

int64 compare_rows(const CleanTask* task, CleanShare* fresh_rows, StoredRows* stored_rows, TupleSink sink,
                   void* argument) {
  Comparison* comparison = open(task, sink, argument);
  const row::Row *fresh = clean_share_next(fresh_rows), *stored = stored_rows_next(stored_rows);
  int64 rows = 0;
  for (int64 seen = 0; fresh || stored; seen++) {
    if (seen % 1024 == 0) CHECK_FOR_INTERRUPTS();
    int order = !fresh ? 1 : !stored ? -1 : row::compare_keys(*fresh, *stored);
    if (order < 0) take(comparison, nullptr, fresh);
    else if (order > 0) take(comparison, stored, nullptr);
    else if (!has_same_body(comparison, stored, fresh)) take(comparison, stored, fresh);
    rows += order <= 0;
    if (order <= 0) fresh = clean_share_next(fresh_rows);
    if (order >= 0) stored = stored_rows_next(stored_rows);
  }
  MemoryContextDelete(comparison->context);
  return rows;
}

}  // namespace dap
