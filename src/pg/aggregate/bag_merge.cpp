// dap.bag_merge: bags added up. Most keys are counted in a table over the range where they are dense; what is outside
// waits as bags.
#include <algorithm>
#include <new>

#include "engine/bag/table.h"

#include "pg/aggregate/bag_value.h"
#include "pg/aggregate/call_context.h"

#include "bridge/engine_call.h"

namespace dap::aggregate {

using bag::Outcome;

namespace {

constexpr unsigned blocks_a_step = 512;
constexpr uint64 slots_a_step = 1 << 18;
constexpr uint64 worth_a_table = 1 << 14;  // keys that lie outside the table before another one is thought of
constexpr uint64 slots_a_key = 8;          // a table is at most so many times as long as keys have come

struct MergeState {
  Pool* pool;
  Levels levels;
  bag::Table table;  // counts NULL: none
  bag::Writer* writer;
  uint64 values;
  uint64 keys;       // that have come, equal ones of different bags each
  uint64 next_plan;  // keys at which a new table is thought of
  uint64 outside;    // keys since the last plan that the table did not take
};

MergeState* new_merge(FunctionCallInfo fcinfo) {
  Pool* pool = pool_of(fcinfo);
  auto* state = static_cast<MergeState*>(MemoryContextAllocZero(pool->context, sizeof(MergeState)));
  state->pool = pool;
  state->levels.context = pool->context;
  state->writer = static_cast<bag::Writer*>(MemoryContextAlloc(pool->context, sizeof(bag::Writer)));
  return state;
}

void drop_table(MergeState* state) {
  pfree(state->table.counts);
  state->table.counts = nullptr;
}

// The table's keys become a bag among the others.
void empty_table(MergeState* state) {
  const bag::Table& table = state->table;
  if (table.counts == nullptr) return;
  bag::begin_bag(state->writer, table.scale, state->pool->lasting());
  for (uint64 from = 0; from < table.length; from += slots_a_step) {
    CHECK_FOR_INTERRUPTS();
    const EngineFault fault =
        try_engine([&] { bag::put_slots(table, from, std::min(from + slots_a_step, table.length), state->writer); });
    raise_engine_fault(fault, "bags");
  }
  push_writer(&state->levels, state->writer, false);
  drop_table(state);
}

// A bag's keys into the table; the rest of it waits.
void add_to_table(MergeState* state, BagBytes bytes) {
  bag::Header header;
  bag::KeyReader keys;
  bag::WideReader wide;
  bag::Writer* rest = state->writer;
  if (!bag::open_bag(bytes.data, bytes.size, &header, &keys, &wide)) raise_bag_outcome(Outcome::damaged);
  bag::begin_bag(rest, header.scale, state->pool->lasting());
  for (bool more = true; more;) {
    CHECK_FOR_INTERRUPTS();
    const EngineFault fault =
        try_engine([&] { more = bag::add_blocks(&state->table, &keys, header.scale, blocks_a_step, rest); });
    raise_engine_fault(fault, "bags");
  }
  state->outside += rest->key_count;
  for (bool more = header.wide_count > 0; more;) {
    CHECK_FOR_INTERRUPTS();
    const EngineFault fault = try_engine([&] {
      bag::WideValue value;
      for (unsigned i = 0; i < blocks_a_step && (more = bag::read_wide(&wide, &value)); i++)
        bag::put_wide(rest, value.bytes, value.length, value.times);
    });
    raise_engine_fault(fault, "bags");
  }
  if (keys.damaged || wide.damaged) raise_bag_outcome(Outcome::damaged);
  for (unsigned i = 0; i < bag::special_count; i++) bag::put_special(rest, i, header.specials[i]);
  push_writer(&state->levels, rest, false);
}

// Keys of the waiting bags, one of each block, at the scale of the largest of these bags.
int64* sample_levels(const Levels& levels, int* scale, uint64* count) {
  const Level* largest = nullptr;
  uint64 room = 0;
  bag::Header header;
  bag::KeyReader keys;
  bag::WideReader wide;
  for (const Level& level : levels.level) {
    if (level.data == nullptr || !bag::open_bag(level.data, level.size, &header, &keys, &wide)) continue;
    room += header.key_count / bag::block_items + 1;
    if (largest == nullptr || level.size > largest->size) {
      largest = &level;
      *scale = header.scale;
    }
  }
  auto* samples = static_cast<int64*>(MemoryContextAllocHuge(CurrentMemoryContext, (room + 1) * sizeof(int64)));
  *count = 0;
  bag::Block block;
  for (const Level& level : levels.level) {
    if (level.data == nullptr || !bag::open_bag(level.data, level.size, &header, &keys, &wide)) continue;
    const int finer = *scale - header.scale;
    if (finer < 0 || finer > 18) continue;
    const int64 factor = bag::power_of_ten(finer);
    for (uint64 i = 0; bag::read_block(&keys, &block); i++) {
      if (i % blocks_a_step == 0) CHECK_FOR_INTERRUPTS();
      const int64 key = block.keys[block.count / 2];
      if (key <= bag::most_key / factor && key >= -(bag::most_key / factor)) samples[(*count)++] = key * factor;
    }
  }
  std::sort(samples, samples + *count);
  return samples;
}

// Once in a while: a table over the range in which most of what waits lies, if there is memory for it.
void plan_table(MergeState* state) {
  if (state->keys < state->next_plan || state->outside < worth_a_table || state->outside < state->keys / 64) return;
  state->next_plan = 2 * state->keys;
  state->outside = 0;
  empty_table(state);
  const Pool* pool = state->pool;
  const uint64 used = used_bytes(pool->node), limit = most_bytes(pool->node);
  const uint64 left = limit > used ? limit - used : 0;
  const uint64 most = std::min(left / sizeof(uint32), slots_a_key * state->keys);
  int scale = 0;
  uint64 samples_count = 0;
  int64* samples = sample_levels(state->levels, &scale, &samples_count);
  const bag::Range range = bag::best_range(reinterpret_cast<const int64_t*>(samples), samples_count, most);
  pfree(samples);
  if (most < worth_a_table || range.samples * 2 < samples_count || range.samples == 0) return;

  // The samples are one of many: some room at both ends.
  const uint64 margin = std::min(range.length / 16 + 1, (most - range.length) / 2);
  const uint64 below = std::min(margin, static_cast<uint64>(range.base) - static_cast<uint64>(-bag::most_key));
  bag::Table* table = &state->table;
  table->scale = scale;
  table->base = range.base - static_cast<int64>(below);
  table->length = range.length + below + margin;
  table->counts = static_cast<uint32_t*>(
      MemoryContextAllocExtended(pool->context, table->length * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
  Levels waiting = state->levels;
  for (Level& level : state->levels.level) level = Level{nullptr, 0, false};
  for (const Level& level : waiting.level) {
    bag::Header header;
    if (level.data == nullptr) continue;
    if (!bag::read_header(level.data, level.size, &header)) raise_bag_outcome(Outcome::damaged);
    if (header.scale <= scale) add_to_table(state, BagBytes{level.data, level.size});
    else push_bag(&state->levels, BagBytes{level.data, level.size}, level.canonical);
    state->levels.bytes -= level.size;
    pfree(level.data);
  }
  state->outside = 0;
}

void add_bag(MergeState* state, BagBytes bytes) {
  bag::Header header;
  if (!bag::read_header(bytes.data, bytes.size, &header)) raise_bag_outcome(Outcome::damaged);
  if (header.values > bag::most_values - state->values) raise_bag_outcome(Outcome::too_many);
  state->values += header.values;
  state->keys += header.key_count;
  if (state->table.counts != nullptr && header.scale <= state->table.scale) {
    add_to_table(state, bytes);
  } else {
    push_bag(&state->levels, bytes, true);
    state->outside += header.key_count;
  }
  plan_table(state);
}

// The sum, which stays the state's; more bags may be added afterwards.
BagBytes sum_of(MergeState* state) {
  empty_table(state);
  const BagBytes sum = sum_levels(&state->levels);
  return sum;
}

MergeState* merge_argument(FunctionCallInfo fcinfo) {
  if (AggCheckCallContext(fcinfo, nullptr) == 0) raise_not_aggregate();
  return PG_ARGISNULL(0) ? nullptr : reinterpret_cast<MergeState*>(PG_GETARG_POINTER(0));
}

}  // namespace

}  // namespace dap::aggregate

// (internal, dap.bag) -> internal
DAP_FUNCTION(dap_bag_merge_add) {
  using namespace dap::aggregate;
  MergeState* state = merge_argument(fcinfo);
  if (PG_ARGISNULL(1)) {
    if (state == nullptr) PG_RETURN_NULL();
    PG_RETURN_POINTER(state);
  }
  if (state == nullptr) state = new_merge(fcinfo);
  const BagBytes bytes = bag_bytes(PG_GETARG_DATUM(1));
  add_bag(state, bytes);
  PG_RETURN_POINTER(state);
}

// (internal, internal) -> internal
DAP_FUNCTION(dap_bag_merge_combine) {
  using namespace dap::aggregate;
  MergeState* state = merge_argument(fcinfo);
  if (PG_ARGISNULL(1)) {
    if (state == nullptr) PG_RETURN_NULL();
    PG_RETURN_POINTER(state);
  }
  if (state == nullptr) state = new_merge(fcinfo);
  add_bag(state, sum_of(reinterpret_cast<MergeState*>(PG_GETARG_POINTER(1))));
  PG_RETURN_POINTER(state);
}

// (internal) -> bytea: the state is a bag
DAP_FUNCTION(dap_bag_merge_serialize) {
  using namespace dap::aggregate;
  PG_RETURN_DATUM(bag_datum(sum_of(merge_argument(fcinfo))));
}

// (bytea, internal) -> internal
DAP_FUNCTION(dap_bag_merge_deserialize) {
  using namespace dap::aggregate;
  if (AggCheckCallContext(fcinfo, nullptr) == 0) raise_not_aggregate();
  const BagBytes bytes = bag_bytes(PG_GETARG_DATUM(0));
  if (!check_bag(bytes)) raise_bag_outcome(dap::bag::Outcome::damaged);
  // It lives until it is combined, right away.
  auto* state = static_cast<MergeState*>(palloc0(sizeof(MergeState)));
  state->pool = static_cast<Pool*>(palloc0(sizeof(Pool)));
  state->pool->context = CurrentMemoryContext;
  state->levels.context = CurrentMemoryContext;
  push_bag(&state->levels, bytes, true);
  PG_RETURN_POINTER(state);
}

// (internal) -> dap.bag
DAP_FUNCTION(dap_bag_merge_final) {
  using namespace dap::aggregate;
  MergeState* state = merge_argument(fcinfo);
  if (state == nullptr) PG_RETURN_NULL();
  PG_RETURN_DATUM(bag_datum(sum_of(state)));
}
