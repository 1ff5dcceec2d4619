// The second side of a join, if there is one, becomes a map; the first side's batches look for their rows there and go
// into groups.
#include "pg/block/block.h"

#include <cstring>

#include "engine/group/table.h"
#include "engine/join/unique_map.h"

#include "bridge/engine_call.h"
#include "bridge/slab_memory.h"
#include "pg/block/block_result.h"
#include "pg/block/block_scan.h"

namespace dap {

using column::batch_rows;
using column::Selection;
using column::Vector;

namespace {

// A table of groups grows partition by partition: each time for a moment.
constexpr uint32 partition_bits = 6;

struct Computed {
  column::Program value, filter;
  uint16* kept;
  Selection filtered;
};

struct Run {
  Block* block;
  std::pmr::memory_resource* memory;
  group::Table table;
  column::Program filter;
  uint16* kept;
  Computed keys[column::most_keys];
  Computed aggregates[group::most_aggregates];
  Computed lists[group::most_lists];
  // of a join
  join::UniqueMap map;
  join::Found found;
  uint16* joined;
  Vector nothing;  // NULL in each row
};

template <class Element>
Element* batch_of() {
  return static_cast<Element*>(palloc0(sizeof(Element) * batch_rows));
}

bool prepare(Run* run, const BlockExpression& expression, column::Program* program) {
  bool fits = false;
  const auto columns = static_cast<uint32>(run->block->source_count);
  raise_engine_fault(try_engine([&] {
                       fits = column::prepare(program, expression.instructions, expression.count, columns, run->memory);
                     }),
                     block_place);
  return fits;
}

bool prepare_input(Run* run, const BlockInput& input, Computed* computed) {
  if (input.has_value && input.value.column < 0 && !prepare(run, input.value, &computed->value)) return false;
  if (!input.has_filter) return true;
  computed->kept = batch_of<uint16>();
  return prepare(run, input.filter, &computed->filter);
}

const column::Dictionary* dictionary_of(const Block* block, Kind kind) {
  return kind.sort == Sort::text ? block->dictionary : nullptr;
}

bool prepare_groups(Run* run) {
  const Block* block = run->block;
  run->kept = batch_of<uint16>();
  if (block->has_filter && !prepare(run, block->filter, &run->filter)) return false;
  group::Plan plan = {};
  plan.partition_bits = partition_bits;
  plan.key_count = static_cast<uint32>(block->key_count);
  for (int i = 0; i < block->key_count; i++) {
    if (block->keys[i].column < 0 && !prepare(run, block->keys[i], &run->keys[i].value)) return false;
    plan.key_dictionaries[i] = dictionary_of(block, block->keys[i].kind);
  }
  plan.aggregate_count = static_cast<uint32>(block->aggregate_count);
  for (int i = 0; i < block->aggregate_count; i++) {
    if (!prepare_input(run, block->aggregate_inputs[i], &run->aggregates[i])) return false;
    plan.aggregates[i] = block->aggregates[i];
  }
  plan.list_count = static_cast<uint32>(block->list_count);
  for (int i = 0; i < block->list_count; i++) {
    if (!prepare_input(run, block->list_inputs[i], &run->lists[i])) return false;
    plan.lists[i] = {1, false, {dictionary_of(block, block->list_inputs[i].value.kind), nullptr}};
  }
  bool fits = false;
  raise_engine_fault(try_engine([&] { fits = group::begin_table(&run->table, plan, run->memory); }), block_place);
  return fits;
}

Size memory_limit() { return static_cast<Size>(maintenance_work_mem) * 1024; }

Size memory_used(const void* owner) {
  auto* run = static_cast<const Run*>(owner);
  Size used = group::memory_used(run->table) + column::memory_used(*run->block->dictionary);
  return run->block->side_count == 2 ? used + join::memory_used(run->map) : used;
}

// ---- batches into groups: C++ alone; false: an overflow, which is SQL's to tell ----
bool vector_of(const BlockExpression& expression, column::Program* program, const Vector* columns, uint32 rows,
               const Selection& selection, Vector* vector) {
  if (expression.column >= 0) {
    *vector = columns[expression.column];
    return true;
  }
  return column::evaluate(program, columns, rows, selection, vector) == column::Outcome::done;
}

bool input_of(const BlockInput& input, Computed* computed, const Vector* columns, uint32 rows,
              const Selection& selection, Vector* vector, const Selection** filter) {
  *filter = nullptr;
  const Selection* counted = &selection;
  if (input.has_filter) {
    if (column::filter(&computed->filter, columns, rows, selection, computed->kept, &computed->filtered) !=
        column::Outcome::done)
      return false;
    *filter = counted = &computed->filtered;
  }
  return !input.has_value || vector_of(input.value, &computed->value, columns, rows, *counted, vector);
}

bool add_to_groups(Run* run, const Vector* columns, uint32 rows, Selection selection) {
  const Block* block = run->block;
  if (block->has_filter &&
      column::filter(&run->filter, columns, rows, selection, run->kept, &selection) != column::Outcome::done)
    return false;
  if (selection.count == 0) return true;
  Vector keys[column::most_keys];
  for (int i = 0; i < block->key_count; i++)
    if (!vector_of(block->keys[i], &run->keys[i].value, columns, rows, selection, &keys[i])) return false;
  group::AggregateInput aggregates[group::most_aggregates];
  for (int i = 0; i < block->aggregate_count; i++)
    if (!input_of(block->aggregate_inputs[i], &run->aggregates[i], columns, rows, selection, &aggregates[i].values,
                  &aggregates[i].filter))
      return false;
  group::ListInput lists[group::most_lists];
  for (int i = 0; i < block->list_count; i++)
    if (!input_of(block->list_inputs[i], &run->lists[i], columns, rows, selection, &lists[i].columns[0],
                  &lists[i].filter))
      return false;
  return group::add_batch(&run->table, {selection, keys, aggregates, lists}) == group::Outcome::done;
}

// ---- the join ----
void join_keys(const Block* block, int side, const SideBatch& batch, Vector* keys) {
  for (int i = 0; i < block->join_key_count; i++) keys[i] = batch.outputs[block->join_keys[side][i]];
}

bool add_to_map(void* owner, const SideBatch& batch) {
  auto* run = static_cast<Run*>(owner);
  Vector keys[join::most_join_keys];
  join_keys(run->block, 1, batch, keys);
  return join::add_rows(&run->map, keys, batch.outputs, batch.selection) == join::Outcome::done;
}

// What the block's expressions are over: the first side's vectors, `outputs`, and what was found of the second.
void joined_columns(const Run* run, const Vector* outputs, Vector* columns) {
  const Block* block = run->block;
  for (int i = 0; i < block->source_count; i++) {
    const BlockSource& source = block->sources[i];
    if (source.side == 1) columns[i] = {run->found.values[source.output], run->found.nulls[source.output]};
    else columns[i] = outputs != nullptr ? outputs[source.output] : run->nothing;
  }
}

bool take_first_side(void* owner, const SideBatch& batch) {
  auto* run = static_cast<Run*>(owner);
  const Block* block = run->block;
  Selection selection = batch.selection;
  if (block->side_count == 2) {
    Vector keys[join::most_join_keys];
    join_keys(block, 0, batch, keys);
    bool inner = block->join == JOIN_INNER;
    join::probe(&run->map, keys, batch.selection, run->found, inner ? run->joined : nullptr,
                inner ? &selection : nullptr);
  }
  Vector columns[most_block_columns];
  joined_columns(run, batch.outputs, columns);
  return selection.count == 0 || add_to_groups(run, columns, batch.rows, selection);
}

bool prepare_join(Run* run) {
  const Block* block = run->block;
  const BlockSide& second = block->sides[1];
  join::MapPlan plan = {};
  plan.key_count = static_cast<uint32>(block->join_key_count);
  for (int i = 0; i < block->join_key_count; i++)
    plan.key_dictionaries[i] = dictionary_of(block, second.outputs[block->join_keys[1][i]].kind);
  plan.payload_count = static_cast<uint32>(second.output_count);
  plan.keeps_unmatched = block->join == JOIN_FULL;
  bool fits = false;
  raise_engine_fault(try_engine([&] { fits = join::begin_map(&run->map, plan, run->memory); }), block_place);
  for (int i = 0; fits && i < second.output_count; i++) {
    run->found.values[i] = batch_of<int64>();
    run->found.nulls[i] = batch_of<unsigned char>();
  }
  run->found.found = batch_of<unsigned char>();
  run->joined = batch_of<uint16>();
  auto* all = batch_of<unsigned char>();
  std::memset(all, 1, batch_rows);
  run->nothing = {batch_of<int64>(), all};
  return fits;
}

// The rows of the second side that no row of the first has found.
bool take_unmatched(Run* run) {
  uint32 next = 0;
  bool done = true;
  while (done && next < join::row_count(run->map)) {
    CHECK_FOR_INTERRUPTS();
    if (memory_used(run) > memory_limit()) return false;
    raise_engine_fault(try_engine([&] {
                         join::FoundKeys keys = {};
                         uint32 rows = join::next_unmatched(run->map, &next, keys, run->found);
                         if (rows == 0) return;
                         Vector columns[most_block_columns];
                         joined_columns(run, nullptr, columns);
                         done = add_to_groups(run, columns, rows, {nullptr, rows});
                       }),
                       block_place);
  }
  return done;
}

bool scan(Run* run, int side, bool (*take)(void*, const SideBatch&), int64* read) {
  SideScan scan = {run->block, &run->block->sides[side], run->memory, run, take, memory_used, memory_limit(), 0};
  bool done = scan_side(&scan);
  *read += scan.read;
  return done;
}

bool fill_groups(Run* run, int64* read) {
  const Block* block = run->block;
  if (!prepare_groups(run)) return false;
  if (block->side_count == 2 && (!prepare_join(run) || !scan(run, 1, add_to_map, read))) return false;
  if (!scan(run, 0, take_first_side, read)) return false;
  if (block->side_count == 2 && block->join == JOIN_FULL && !take_unmatched(run)) return false;
  if (block->key_count == 0) raise_engine_fault(try_engine([&] { group::add_only_group(&run->table); }), block_place);
  return true;
}

}  // namespace

bool run_block(Block* block, BlockRows* rows) {
  *rows = {};
  MemoryContext outside = CurrentMemoryContext;
  MemoryContext inside = AllocSetContextCreate(outside, "dap block", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(inside);
  auto* run = static_cast<Run*>(palloc0(sizeof(Run)));
  run->block = block;
  run->memory = new (palloc(sizeof(SlabMemory))) SlabMemory(inside);
  bool done = fill_groups(run, &rows->read);
  MemoryContextSwitchTo(outside);
  if (done) put_groups(block, &run->table, run->memory, rows);
  MemoryContextDelete(inside);
  MemoryContextDelete(block->context);
  return done;
}

}  // namespace dap
