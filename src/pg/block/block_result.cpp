#include "pg/block/block_result.h"

#include "engine/group/items.h"
#include "engine/group/order.h"

#include "bridge/compat/tuple_desc.h"
#include "bridge/context_memory.h"
#include "bridge/engine_call.h"
#include "pg/aggregate/quantile_state.h"
#include "pg/block/block_first.h"
#include "pg/block/block_value.h"

extern "C" {
#include "nodes/nodeFuncs.h"
}

namespace dap {

namespace {

struct Results {
  const Block* block;
  const group::Table* table;
  const FirstGroups* first;  // nullptr: all
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
  const group::Table& table = *results->table;
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
    raise_engine_fault(try_engine([&] { more = group::step_ranks(search); }), block_place);
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
  const group::Table& table = *results->table;
  const group::List& list = group::list_of(table, row, static_cast<uint32>(answer.list));
  auto* sort = static_cast<group::ItemSort*>(palloc0(sizeof(group::ItemSort)));
  group::ItemTotals totals = {};
  raise_engine_fault(try_engine([&] { group::begin_items(sort, list, 1, &results->work); }), block_place);
  for (bool more = true; more;) {
    raise_engine_fault(try_engine([&] { more = group::step_items(sort); }), block_place);
    CHECK_FOR_INTERRUPTS();
  }
  for (bool more = true; more;) {
    raise_engine_fault(try_engine([&] { more = group::step_totals(sort, &totals); }), block_place);
    CHECK_FOR_INTERRUPTS();
  }
  return Int64GetDatum(static_cast<int64>(totals.distinct));
}

Datum sum(const BlockAnswer& answer, group::Int128 total) {
  if (answer.kind.sort == Sort::int2 || answer.kind.sort == Sort::int4) return Int64GetDatum(static_cast<int64>(total));
  return units_numeric(total, answer.kind.scale);
}

Datum answer_datum(Results* results, const BlockAnswer& answer, const group::Row& row, bool* is_null) {
  const group::Table& table = *results->table;
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

int total_count(const Block* block) { return block->top != nullptr ? block->top->total_count : 0; }

Node* column_node(const Block* block, int i) {
  if (i < block->key_count) return block->keys[i].node;
  i -= block->key_count;
  if (i < block->answer_count) return reinterpret_cast<Node*>(block->answers[i].aggref);
  return block->top->totals[i - block->answer_count].node;
}

TupleDesc describe(const Block* block) {
  int columns = block->key_count + block->answer_count + total_count(block);
  TupleDesc desc = CreateTemplateTupleDesc(columns);
  for (int i = 0; i < columns; i++) {
    Node* node = column_node(block, i);
    auto number = static_cast<AttrNumber>(i + 1);
    TupleDescInitEntry(desc, number, psprintf("c%d", i + 1), exprType(node), exprTypmod(node), 0);
    TupleDescInitEntryCollation(desc, number, exprCollation(node));
  }
  return finished(desc);
}

// The window's sum of bigint or numeric, or its count.
Datum total_datum(const Block* block, const BlockTotal& total, group::Int128 value) {
  if (total.answer < 0) return Int64GetDatum(static_cast<int64>(value));
  const BlockAnswer& answer = block->answers[total.answer];
  return units_numeric(value, answer.answer == Answer::sum ? answer.kind.scale : 0);
}

void put_totals(const Results* results, uint64 number, Datum* values, bool* nulls) {
  const Block* block = results->block;
  for (int i = 0; i < total_count(block); i++) {
    group::Int128 total;
    nulls[i] = !total_of(results->first, number, i, &total);
    values[i] = nulls[i] ? 0 : total_datum(block, block->top->totals[i], total);
  }
}

void put_group(Results* results, const group::Row& row, uint64 number, BlockRows* rows, Datum* values, bool* nulls) {
  const Block* block = results->block;
  MemoryContext old = MemoryContextSwitchTo(results->row);
  for (int i = 0; i < block->key_count; i++) {
    auto key = static_cast<uint32>(i);
    nulls[i] = group::key_is_null(row, key);
    values[i] = nulls[i] ? 0 : value_datum(block->keys[i].kind, group::key_of(row, key), block->dictionary);
  }
  for (int i = 0; i < block->answer_count; i++)
    values[block->key_count + i] = answer_datum(results, block->answers[i], row, &nulls[block->key_count + i]);
  const int known = block->key_count + block->answer_count;
  put_totals(results, number, values + known, nulls + known);
  MemoryContextSwitchTo(old);
  tuplestore_putvalues(rows->store, rows->desc, values, nulls);
  MemoryContextReset(results->row);
}

}  // namespace

void put_groups(Block* block, const group::Table* table, std::pmr::memory_resource* memory, BlockRows* rows) {
  Results results = {block, table, nullptr, {}, nullptr};
  results.work.memory = memory;
  MemoryContext outside = CurrentMemoryContext;
  MemoryContext own = AllocSetContextCreate(outside, "dap block rows", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(own);
  // Where there is no room to find the first ones, all are handed on: the query above does the same with them.
  if (block->top != nullptr && (results.first = first_groups(block, table, memory)) == nullptr) block->top = nullptr;
  results.row = AllocSetContextCreate(own, "dap block row", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(outside);
  rows->desc = describe(block);
  rows->store = tuplestore_begin_heap(true, false, work_mem);
  const auto columns = static_cast<Size>(rows->desc->natts + 1);
  auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * columns));
  auto* nulls = static_cast<bool*>(palloc0(sizeof(bool) * columns));
  uint64 number = 0;
  for (uint32 partition = 0; partition < group::partition_count(*table); partition++) {
    uint32 count = group::group_count(*table, partition);
    for (uint32 i = 0; i < count; i++, number++) {
      CHECK_FOR_INTERRUPTS();
      const group::Row& row = group::group_at(*table, partition, i);
      if (results.first != nullptr && !is_first(results.first, row, number)) continue;
      put_group(&results, row, number, rows, values, nulls);
      rows->rows++;
    }
  }
  rows->groups = static_cast<int64>(number);
  MemoryContextDelete(own);
}

}  // namespace dap
