// The rows of a block: pages of its table become batches of columns, batches go into groups, and what the groups came
// to is a tuplestore.
#include "pg/block/block.h"

#include <cstring>

#include "engine/group/items.h"
#include "engine/group/order.h"
#include "engine/group/table.h"

#include "bridge/context_memory.h"
#include "bridge/engine_call.h"
#include "pg/aggregate/quantile_state.h"
#include "pg/block/block_value.h"
#include "pg/table/heap_scan.h"
#include "pg/table/tuple_shape.h"

extern "C" {
#include "nodes/nodeFuncs.h"
#include "storage/bufmgr.h"
}

namespace dap {

using column::batch_rows;
using column::Selection;
using column::Vector;

namespace {

constexpr const char* place = "a query's block";

struct Computed {
  column::Program value, filter;
  uint16* kept;
  Selection filtered;
};

struct Run {
  Block* block;
  group::Table table;
  column::Program filter;
  uint16* kept;
  Computed keys[column::most_keys];
  Computed aggregates[group::most_aggregates];
  Computed lists[group::most_lists];
  int64* values[most_block_columns];
  unsigned char* nulls[most_block_columns];
  bool has_nulls[most_block_columns];
  uint32 rows;
  MemoryContext detoasted;
  Size limit;
  bool given_up;
};

bool check_fault(EngineFault fault) {
  raise_engine_fault(fault, place);
  return true;
}

void prepare(Run* run, const BlockExpression& expression, column::Program* program) {
  bool fits = false;
  const auto columns = static_cast<uint32>(run->block->column_count);
  check_fault(try_engine([&] {
    fits = column::prepare(program, expression.instructions, expression.count, columns, run->block->memory);
  }));
  run->given_up |= !fits;
}

void prepare_input(Run* run, const BlockInput& input, Computed* computed) {
  if (input.has_value && input.value.column < 0) prepare(run, input.value, &computed->value);
  if (!input.has_filter) return;
  prepare(run, input.filter, &computed->filter);
  computed->kept = static_cast<uint16*>(palloc(sizeof(uint16) * batch_rows));
}

void prepare_run(Run* run) {
  Block* block = run->block;
  for (int i = 0; i < block->column_count; i++) {
    run->values[i] = static_cast<int64*>(palloc(sizeof(int64) * batch_rows));
    run->nulls[i] = static_cast<unsigned char*>(palloc0(batch_rows));
  }
  if (block->has_filter) {
    prepare(run, block->filter, &run->filter);
    run->kept = static_cast<uint16*>(palloc(sizeof(uint16) * batch_rows));
  }
  for (int i = 0; i < block->key_count; i++)
    if (block->keys[i].column < 0) prepare(run, block->keys[i], &run->keys[i].value);
  for (int i = 0; i < block->aggregate_count; i++) prepare_input(run, block->aggregate_inputs[i], &run->aggregates[i]);
  for (int i = 0; i < block->list_count; i++) prepare_input(run, block->list_inputs[i], &run->lists[i]);

  group::Plan plan = {};
  plan.key_count = static_cast<uint32>(block->key_count);
  for (int i = 0; i < block->key_count; i++)
    plan.key_dictionaries[i] = block->keys[i].kind.sort == Sort::text ? block->dictionary : nullptr;
  plan.aggregate_count = static_cast<uint32>(block->aggregate_count);
  for (int i = 0; i < block->aggregate_count; i++) plan.aggregates[i] = block->aggregates[i];
  plan.list_count = static_cast<uint32>(block->list_count);
  for (int i = 0; i < block->list_count; i++)
    plan.lists[i] = {
        1, false, {block->list_inputs[i].value.kind.sort == Sort::text ? block->dictionary : nullptr, nullptr}};
  bool fits = false;
  check_fault(try_engine([&] { fits = group::begin_table(&run->table, plan, block->memory); }));
  run->given_up |= !fits;
}

Size memory_used(const Run* run) {
  return group::memory_used(run->table) + column::memory_used(*run->block->dictionary);
}

// ---- a batch ----
bool vector_of(Run* run, const BlockExpression& expression, column::Program* program, const Vector* columns,
               const Selection& selection, Vector* vector) {
  if (expression.column >= 0) {
    *vector = columns[expression.column];
    return true;
  }
  return column::evaluate(program, columns, run->rows, selection, vector) == column::Outcome::done;
}

bool input_of(Run* run, const BlockInput& input, Computed* computed, const Vector* columns, const Selection& selection,
              Vector* vector, const Selection** filter) {
  *filter = nullptr;
  const Selection* counted = &selection;
  if (input.has_filter) {
    if (column::filter(&computed->filter, columns, run->rows, selection, computed->kept, &computed->filtered) !=
        column::Outcome::done)
      return false;
    *filter = counted = &computed->filtered;
  }
  return !input.has_value || vector_of(run, input.value, &computed->value, columns, *counted, vector);
}

// C++ alone. False: an overflow, which is SQL's to tell.
bool add_to_groups(Run* run) {
  const Block* block = run->block;
  Vector columns[most_block_columns];
  for (int i = 0; i < block->column_count; i++)
    columns[i] = {run->values[i], run->has_nulls[i] ? run->nulls[i] : nullptr};
  Selection selection = {nullptr, run->rows};
  if (block->has_filter &&
      column::filter(&run->filter, columns, run->rows, selection, run->kept, &selection) != column::Outcome::done)
    return false;
  if (selection.count == 0) return true;
  Vector keys[column::most_keys];
  for (int i = 0; i < block->key_count; i++)
    if (!vector_of(run, block->keys[i], &run->keys[i].value, columns, selection, &keys[i])) return false;
  group::AggregateInput aggregates[group::most_aggregates];
  for (int i = 0; i < block->aggregate_count; i++)
    if (!input_of(run, block->aggregate_inputs[i], &run->aggregates[i], columns, selection, &aggregates[i].values,
                  &aggregates[i].filter))
      return false;
  group::ListInput lists[group::most_lists];
  for (int i = 0; i < block->list_count; i++)
    if (!input_of(run, block->list_inputs[i], &run->lists[i], columns, selection, &lists[i].columns[0],
                  &lists[i].filter))
      return false;
  return group::add_batch(&run->table, {selection, keys, aggregates, lists}) == group::Outcome::done;
}

void flush(Run* run) {
  if (run->rows == 0) return;
  bool done = false;
  check_fault(try_engine([&] { done = add_to_groups(run); }));
  run->given_up |= !done;
  for (int i = 0; i < run->block->column_count; i++) {
    if (run->has_nulls[i]) std::memset(run->nulls[i], 0, batch_rows);
    run->has_nulls[i] = false;
  }
  run->rows = 0;
}

const char* in_line(Run* run, const char* stored) {
  if (!VARATT_IS_EXTERNAL(stored) && !VARATT_IS_COMPRESSED(stored)) return stored;
  MemoryContext old = MemoryContextSwitchTo(run->detoasted);
  const char* whole = reinterpret_cast<const char*>(
      pg_detoast_datum_packed(reinterpret_cast<struct varlena*>(const_cast<char*>(stored))));
  MemoryContextSwitchTo(old);
  return whole;
}

// False: not a value that the engine has.
bool load_value(Run* run, Kind kind, const char* stored, int64* value) {
  if (kind.sort == Sort::numeric) return numeric_units(in_line(run, stored), kind.scale, true, value);
  if (kind.sort != Sort::text) {
    *value = stored_value(kind.sort, stored);
    return true;
  }
  const char* text = in_line(run, stored);
  uint32 code = column::no_code;
  column::Dictionary* dictionary = run->block->dictionary;
  check_fault(try_engine([&] { code = column::code_of(dictionary, VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text)); }));
  *value = code;
  return code != column::no_code;
}

bool load_tuple(Run* run, const TupleShape* shape, HeapTupleHeader tuple) {
  const char* places[most_block_columns];
  tuple_places(shape, tuple, places);
  for (int i = 0; i < run->block->column_count; i++) {
    if (places[i] == nullptr) {
      run->values[i][run->rows] = 0;
      run->nulls[i][run->rows] = 1;
      run->has_nulls[i] = true;
    } else if (!load_value(run, run->block->columns[i].kind, places[i], &run->values[i][run->rows])) {
      return false;
    }
  }
  run->rows++;
  return true;
}

// More than there may be, now or, as it has gone so far, in the end.
bool exceeds_memory(const Run* run, BlockNumber done, BlockNumber all) {
  Size used = memory_used(run);
  if (used > run->limit) return true;
  return done > 100 && done > all / 16 &&
         static_cast<double>(used) / static_cast<double>(done) * static_cast<double>(all) >
             1.5 * static_cast<double>(run->limit);
}

int64 scan(Run* run, Relation relation) {
  AttrNumber attributes[most_block_columns];
  for (int i = 0; i < run->block->column_count; i++) attributes[i] = run->block->columns[i].attribute;
  TupleShape* shape = tuple_shape(RelationGetDescr(relation), attributes, run->block->column_count);
  run->given_up |= shape == nullptr;
  if (run->given_up) return 0;
  BlockNumber all = RelationGetNumberOfBlocks(relation), pages = 0;
  HeapScan* scan = heap_scan_open(relation, 0, all);
  int64 read = 0;
  while (const HeapPage* page = heap_scan_next(scan)) {
    for (int i = 0; i < page->count && !run->given_up; i++) {
      run->given_up |= !load_tuple(run, shape, page->tuples[i]);
      if (run->rows == batch_rows) flush(run);
    }
    read += page->count;
    MemoryContextReset(run->detoasted);
    if (++pages % 64 == 0 || memory_used(run) > run->limit) run->given_up |= exceeds_memory(run, pages, all);
    if (run->given_up) break;
  }
  heap_scan_close(scan);
  if (!run->given_up) flush(run);
  return read;
}

// ---- the groups ----
struct Results {
  Run* run;
  group::Workspace work;
  MemoryContext row;  // of one group
};

quantile::Kind quantile_kind(Sort sort) {
  switch (sort) {
    case Sort::int2: return quantile::Kind::int2;
    case Sort::int4: return quantile::Kind::int4;
    case Sort::date: return quantile::Kind::date;
    case Sort::timestamp: return quantile::Kind::timestamp;
    case Sort::timestamptz: return quantile::Kind::timestamptz;
    case Sort::numeric: return quantile::Kind::numeric;
    default: return quantile::Kind::int8;
  }
}

Datum median(Results* results, const BlockAnswer& answer, const group::Row& row, bool* is_null) {
  const group::Table& table = results->run->table;
  const group::List& list = group::list_of(table, row, static_cast<uint32>(answer.list));
  uint64 count = group::entry_count(list);
  *is_null = count == 0;
  if (*is_null) return 0;
  uint64 ranks[2] = {(count - 1) / 2, count / 2};
  uint32 wanted = ranks[0] == ranks[1] ? 1 : 2;
  int64 found[2];
  auto* search = static_cast<group::RankSearch*>(palloc0(sizeof(group::RankSearch)));
  auto* temporary = new (palloc(sizeof(ContextMemory))) ContextMemory(results->row);
  group::begin_ranks(search, list, 1, 0, ranks, wanted, found, &results->work, temporary);
  for (bool more = true; more;) {
    check_fault(try_engine([&] { more = group::step_ranks(search); }));
    CHECK_FOR_INTERRUPTS();
  }
  if (wanted == 1) found[1] = found[0];
  quantile::Position middle = {ranks[0], wanted == 1 ? 0U : 5U, 1};
  if (answer.kind.sort == Sort::numeric) {
    // Half of the two sum: an odd one has a decimal more.
    group::Int128 sum = static_cast<group::Int128>(found[0]) + found[1];
    Datum result =
        sum % 2 == 0 ? units_numeric(sum / 2, answer.kind.scale) : units_numeric(sum * 5, answer.kind.scale + 1);
    return DirectFunctionCall1(numeric_trim_scale, result);
  }
  return aggregate::interpolate(quantile_kind(answer.kind.sort), 0, {found[0], nullptr}, {found[1], nullptr}, middle);
}

Datum distinct(Results* results, const BlockAnswer& answer, const group::Row& row) {
  const group::Table& table = results->run->table;
  const group::List& list = group::list_of(table, row, static_cast<uint32>(answer.list));
  auto* sort = static_cast<group::ItemSort*>(palloc0(sizeof(group::ItemSort)));
  group::ItemTotals totals = {};
  check_fault(try_engine([&] { group::begin_items(sort, list, 1, &results->work); }));
  for (bool more = true; more;) {
    check_fault(try_engine([&] { more = group::step_items(sort); }));
    CHECK_FOR_INTERRUPTS();
  }
  for (bool more = true; more;) {
    check_fault(try_engine([&] { more = group::step_totals(sort, &totals); }));
    CHECK_FOR_INTERRUPTS();
  }
  return Int64GetDatum(static_cast<int64>(totals.distinct));
}

Datum sum(const BlockAnswer& answer, group::Int128 total) {
  if (answer.kind.sort == Sort::int2 || answer.kind.sort == Sort::int4) return Int64GetDatum(static_cast<int64>(total));
  return units_numeric(total, answer.kind.scale);
}

Datum answer_datum(Results* results, const BlockAnswer& answer, const group::Row& row, bool* is_null) {
  const group::Table& table = results->run->table;
  auto at = static_cast<uint32>(answer.aggregate);
  *is_null = false;
  switch (answer.answer) {
    case Answer::count: return Int64GetDatum(group::value_of(table, row, at));
    case Answer::distinct: return distinct(results, answer, row);
    case Answer::median: return median(results, answer, row, is_null);
    case Answer::extreme:
      *is_null = group::is_null(row, at);
      return *is_null ? 0 : value_datum(answer.kind, group::value_of(table, row, at), nullptr);
    case Answer::sum:
      *is_null = group::is_null(row, at);
      return *is_null ? 0 : sum(answer, group::sum_of(table, row, at));
    case Answer::mean: {
      // As the server's avg: its own division of the sum by the number.
      *is_null = group::is_null(row, at);
      if (*is_null) return 0;
      int64 values = group::value_of(table, row, static_cast<uint32>(answer.values));
      return DirectFunctionCall2(numeric_div, units_numeric(group::sum_of(table, row, at), answer.kind.scale),
                                 NumericGetDatum(int64_to_numeric(values)));
    }
  }
  pg_unreachable();
}

TupleDesc describe(const Block* block) {
  TupleDesc desc = CreateTemplateTupleDesc(block->key_count + block->answer_count);
  for (int i = 0; i < block->key_count + block->answer_count; i++) {
    Node* node = i < block->key_count ? block->keys[i].node
                                      : reinterpret_cast<Node*>(block->answers[i - block->key_count].aggref);
    auto number = static_cast<AttrNumber>(i + 1);
    TupleDescInitEntry(desc, number, psprintf("c%d", i + 1), exprType(node), exprTypmod(node), 0);
    TupleDescInitEntryCollation(desc, number, exprCollation(node));
  }
  return desc;
}

void put_group(Results* results, const group::Row& row, BlockRows* rows, Datum* values, bool* nulls) {
  const Block* block = results->run->block;
  MemoryContext old = MemoryContextSwitchTo(results->row);
  for (int i = 0; i < block->key_count; i++) {
    auto key = static_cast<uint32>(i);
    nulls[i] = group::key_is_null(row, key);
    values[i] = nulls[i] ? 0 : value_datum(block->keys[i].kind, group::key_of(row, key), block->dictionary);
  }
  for (int i = 0; i < block->answer_count; i++)
    values[block->key_count + i] = answer_datum(results, block->answers[i], row, &nulls[block->key_count + i]);
  MemoryContextSwitchTo(old);
  tuplestore_putvalues(rows->store, rows->desc, values, nulls);
  MemoryContextReset(results->row);
}

void put_groups(Run* run, BlockRows* rows) {
  Results results = {run, {}, AllocSetContextCreate(CurrentMemoryContext, "dap block row", ALLOCSET_DEFAULT_SIZES)};
  results.work.memory = run->block->memory;
  rows->desc = describe(run->block);
  rows->store = tuplestore_begin_heap(true, false, work_mem);
  const int columns = rows->desc->natts + 1;
  auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * static_cast<Size>(columns)));
  auto* nulls = static_cast<bool*>(palloc0(sizeof(bool) * static_cast<Size>(columns)));
  for (uint32 partition = 0; partition < group::partition_count(run->table); partition++) {
    uint32 count = group::group_count(run->table, partition);
    for (uint32 i = 0; i < count; i++) {
      CHECK_FOR_INTERRUPTS();
      put_group(&results, group::group_at(run->table, partition, i), rows, values, nulls);
    }
    rows->groups += count;
  }
}

}  // namespace

bool run_block(Block* block, BlockRows* rows) {
  *rows = {};
  MemoryContext outside = CurrentMemoryContext;
  MemoryContext inside = AllocSetContextCreate(outside, "dap block", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(inside);
  auto* run = static_cast<Run*>(palloc0(sizeof(Run)));
  run->block = block;
  run->limit = static_cast<Size>(maintenance_work_mem) * 1024;
  run->detoasted = AllocSetContextCreate(inside, "dap block values", ALLOCSET_DEFAULT_SIZES);
  // What the groups take goes with `inside`; texts that the query holds stay in the block's own dictionary.
  std::pmr::memory_resource* own = block->memory;
  block->memory = new (palloc(sizeof(ContextMemory))) ContextMemory(inside);
  prepare_run(run);
  if (!run->given_up) {
    Relation relation = table_open(block->relation, NoLock);
    rows->read = scan(run, relation);
    table_close(relation, NoLock);
  }
  if (!run->given_up && block->key_count == 0) check_fault(try_engine([&] { group::add_only_group(&run->table); }));
  if (!run->given_up) {
    MemoryContextSwitchTo(outside);
    put_groups(run, rows);
  }
  MemoryContextSwitchTo(outside);
  block->memory = own;
  bool done = !run->given_up;
  MemoryContextDelete(inside);
  return done;
}

}  // namespace dap
