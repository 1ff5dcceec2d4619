// dap.top_n: the first items of the sums, in order.
#include <algorithm>

#include "pg/aggregate/call_context.h"
#include "pg/aggregate/top_n.h"

extern "C" {
#include "utils/typcache.h"
}

namespace dap::aggregate {

namespace {

using top::Amount;
using top::Entry;
using top::Table;

constexpr uint32 a_time = 4096;
constexpr int item_columns = 4;

// What a call site knows of its result, kept in fn_extra.
struct ItemType {
  Oid type;
  TupleDesc row;
};

ItemType* item_type(FunctionCallInfo fcinfo) {
  auto* item = static_cast<ItemType*>(fcinfo->flinfo->fn_extra);
  if (item != nullptr) return item;
  item = static_cast<ItemType*>(MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ItemType)));
  item->type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
  MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
  item->row = lookup_rowtype_tupdesc_copy(item->type, -1);
  MemoryContextSwitchTo(caller);
  if (item->row->natts != item_columns)
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                    errmsg("dap.top_item has %d columns instead of %d", item->row->natts, item_columns)));
  fcinfo->flinfo->fn_extra = item;
  return item;
}

// The sums that are not units alone, as numerics; made when first asked for.
struct Ranking {
  const Table* table;
  Datum* numerics;  // NULL while every amount is units
};

Datum numeric_of(const Ranking& ranking, uint32 entry) {
  if (ranking.numerics == nullptr) return amount_numeric(ranking.table->entries[entry].amount);
  if (ranking.numerics[entry] == 0) ranking.numerics[entry] = amount_numeric(ranking.table->entries[entry].amount);
  return ranking.numerics[entry];
}

// Whether a stands before b: the larger amount, then the lower key.
bool before(const Ranking& ranking, uint32 a, uint32 b) {
  const Entry& first = ranking.table->entries[a];
  const Entry& second = ranking.table->entries[b];
  const bool units = first.amount.rest == nullptr && second.amount.rest == nullptr;
  const int order =
      units ? top::compare_units(first.amount, second.amount)
            : DatumGetInt32(DirectFunctionCall2(numeric_cmp, numeric_of(ranking, a), numeric_of(ranking, b)));
  if (order != 0) return order > 0;
  return top::compare_keys(ranking.table->kind, first, second) < 0;
}

// A heap whose top stands last of all that are in it.
void sift_down(const Ranking& ranking, uint32* heap, uint32 count, uint32 hole) {
  const uint32 moved = heap[hole];
  for (;;) {
    uint32 child = 2 * hole + 1;
    if (child >= count) break;
    if (child + 1 < count && before(ranking, heap[child], heap[child + 1])) child++;
    if (!before(ranking, moved, heap[child])) break;
    heap[hole] = heap[child];
    hole = child;
  }
  heap[hole] = moved;
}

// The places of the first `wanted` entries, in order.
uint32* first_entries(const Ranking& ranking, uint32 wanted) {
  auto* heap = static_cast<uint32*>(MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * (Size{wanted} + 1)));
  for (uint32 i = 0; i < wanted; i++) heap[i] = i;
  for (uint32 i = wanted / 2; i > 0; i--) {
    if (i % a_time == 0) CHECK_FOR_INTERRUPTS();
    sift_down(ranking, heap, wanted, i - 1);
  }
  for (uint32 i = wanted; i < ranking.table->count && wanted > 0; i++) {
    if (i % a_time == 0) CHECK_FOR_INTERRUPTS();
    if (!before(ranking, i, heap[0])) continue;
    heap[0] = i;
    sift_down(ranking, heap, wanted, 0);
  }
  for (uint32 left = wanted; left > 1; left--) {
    if (left % a_time == 0) CHECK_FOR_INTERRUPTS();
    const uint32 last = heap[0];
    heap[0] = heap[left - 1];
    heap[left - 1] = last;
    sift_down(ranking, heap, left - 1, 0);
  }
  return heap;
}

Datum key_text(const Table& table, const Entry& entry) {
  if (table.kind == top::KeyKind::text)
    return PointerGetDatum(cstring_to_text_with_len(reinterpret_cast<const char*>(entry.key.text->data()),
                                                    static_cast<int>(entry.key.text->length)));
  char digits[24];
  pg_lltoa(entry.key.number, digits);
  return PointerGetDatum(cstring_to_text(digits));
}

Datum top_items(const TopState* state, const ItemType* item) {
  const Table& table = state->table;
  const uint32 wanted = std::min(static_cast<uint32>(state->wanted), table.count);
  Ranking ranking{&table, nullptr};
  Amount total{};
  for (uint32 i = 0; i < table.count; i++) {
    if (i % a_time == 0) CHECK_FOR_INTERRUPTS();
    const Amount& amount = table.entries[i].amount;
    add_amount(&total, amount, CurrentMemoryContext);
    if (amount.rest != nullptr && ranking.numerics == nullptr)
      ranking.numerics = static_cast<Datum*>(MemoryContextAllocExtended(
          CurrentMemoryContext, sizeof(Datum) * Size{table.count}, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
  }
  const uint32* first = first_entries(ranking, wanted);
  const Datum sum = amount_numeric(total);
  const Datum zero = NumericGetDatum(int64_to_numeric(0));
  const bool is_zero = DatumGetInt32(DirectFunctionCall2(numeric_cmp, sum, zero)) == 0;
  auto* items = static_cast<Datum*>(MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum) * (Size{wanted} + 1)));
  for (uint32 i = 0; i < wanted; i++) {
    if (i % a_time == 0) CHECK_FOR_INTERRUPTS();
    const Entry& entry = table.entries[first[i]];
    Datum values[item_columns] = {};
    bool nulls[item_columns] = {};
    values[0] = Int32GetDatum(static_cast<int32>(i + 1));
    nulls[1] = entry.is_null;
    if (!entry.is_null) values[1] = key_text(table, entry);
    values[2] = numeric_of(ranking, first[i]);
    nulls[3] = is_zero;
    if (!is_zero) values[3] = DirectFunctionCall2(numeric_div, values[2], sum);
    items[i] = HeapTupleGetDatum(heap_form_tuple(item->row, values, nulls));
  }
  return PointerGetDatum(construct_array(items, static_cast<int>(wanted), item->type, -1, false, TYPALIGN_DOUBLE));
}

}  // namespace

}  // namespace dap::aggregate

// (internal) -> dap.top_item[]
DAP_FUNCTION(dap_top_n_final) {
  using namespace dap::aggregate;
  if (AggCheckCallContext(fcinfo, nullptr) == 0) raise_not_aggregate();
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  const auto* state = reinterpret_cast<const TopState*>(PG_GETARG_POINTER(0));
  if (state->table.count == 0) PG_RETURN_NULL();
  return top_items(state, item_type(fcinfo));
}
