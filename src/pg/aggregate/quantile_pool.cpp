// The memory of a plan node: what its groups may take together, and how it comes back when it ends.
#include <algorithm>
#include <new>

#include "bridge/compat/hash_aggregate.h"
#include "pg/aggregate/call_context.h"
#include "pg/aggregate/quantile_state.h"

extern "C" {
#include "executor/nodeHash.h"
}

namespace dap::aggregate {

namespace {

constexpr uint64 small_piece = 8192;  // up to here a memory context keeps a piece that is freed
constexpr uint64 states_ahead = 4096;
constexpr uint32 kept_keys = quantile::first_capacity;  // so few are not worth a part of a file

PlanNode* nodes = nullptr;

void forget_node(void* argument) {
  PlanNode** at = &nodes;
  while (*at != argument) at = &(*at)->next;
  *at = (*at)->next;
}

// Calls of several aggregates share a node; so do its sets of groups.
PlanNode* node_of(AggState* aggregate) {
  for (PlanNode* node = nodes; node != nullptr; node = node->next)
    if (node->aggregate == aggregate) return node;
  MemoryContext context = aggregate->ss.ps.state->es_query_cxt;
  auto* node = static_cast<PlanNode*>(MemoryContextAllocZero(context, sizeof(PlanNode)));
  node->aggregate = aggregate;
  node->at_end.func = forget_node;
  node->at_end.arg = node;
  node->next = nodes;
  nodes = node;
  MemoryContextRegisterResetCallback(context, &node->at_end);
  return node;
}

bool is_hashed(const AggState* aggregate) {
  return aggregate != nullptr && (aggregate->aggstrategy == AGG_HASHED || aggregate->aggstrategy == AGG_MIXED);
}

// A child, so that the server counts it and resets it with its parent.
MemoryContext new_arena(const Pool* pool) {
  const uint64 limit = most_bytes(pool->node);
  const Size largest_block = std::clamp<Size>(limit / 64, ALLOCSET_DEFAULT_INITSIZE, 1024 * 1024) & ~Size{8191};
  return AllocSetContextCreate(pool->context, "dap order statistics", ALLOCSET_DEFAULT_MINSIZE,
                               ALLOCSET_DEFAULT_INITSIZE, largest_block);
}

void close_pool(Datum argument) {
  auto* pool = reinterpret_cast<Pool*>(DatumGetPointer(argument));
  close_files(pool);
  pool->node->states -= pool->state_count;
  pool->node->least = 0;
  pool->arena = nullptr;  // it goes with its parent, right away
  pool->states = pool->spare = nullptr;
  pool->state_count = pool->spare_count = 0;
  pool->in_use = false;
}

// A copy that outlives the arena.
template <class T>
T* moved(const Pool* pool, T* from, uint64 count, uint64 capacity) {
  auto* copy =
      static_cast<T*>(MemoryContextAlloc(pool->arena != nullptr ? pool->arena : pool->context, capacity * sizeof(T)));
  std::copy_n(from, count, copy);
  pfree(from);
  return copy;
}

// Tables of counts stay where they say more in less room than the file would take.
void move_counts(QuantileState* state, Batch* batch) {
  quantile::Sample* sample = &state->sample;
  quantile::count_keys(sample);
  const Pool* pool = state->pool;
  quantile::Dense* dense = sample->dense;
  uint64 counted = 0;
  for (uint64 i = 0; i < dense->length; i++) counted += dense->counts[i];
  if (counted <= dense->length * 2) {
    spill_counts(state, batch);
    pfree(dense->counts);
    pfree(dense);
    sample->dense = nullptr;
    return;
  }
  sample->dense = moved(pool, dense, 1, 1);
  if (dense->length * sizeof(uint32) <= small_piece)
    sample->dense->counts = moved(pool, sample->dense->counts, sample->dense->length, sample->dense->length);
}

// Leaves the arena that was: what the state holds goes to the file, or to the new arena if it is little.
void move_values(QuantileState* state, Batch* batch) {
  quantile::Sample* sample = &state->sample;
  if (sample->dense != nullptr) move_counts(state, batch);
  if (sample->key_count > kept_keys) spill_keys(state, batch);
  if (sample->wide != nullptr && sample->wide->count > 0) spill_wide(state, batch);
  if (sample->key_count > 0) {
    sample->keys = moved(state->pool, sample->keys, sample->key_count, kept_keys);
    sample->key_capacity = kept_keys;
  } else if (sample->keys != nullptr) {
    pfree(sample->keys);
    sample->keys = nullptr;
    sample->key_capacity = 0;
  }
}

void move_all(PlanNode* node) {
  for (Pool* pool = node->pools; pool != nullptr; pool = pool->next) {
    pool->old_arena = pool->arena;
    if (pool->arena != nullptr) pool->arena = new_arena(pool);
  }
  for (Pool* pool = node->pools; pool != nullptr; pool = pool->next) {
    if (pool->states == nullptr) continue;
    Batch batch = begin_batch(pool);
    for (QuantileState* state = pool->states; state != nullptr; state = state->next) {
      CHECK_FOR_INTERRUPTS();
      move_values(state, &batch);
    }
    end_batch(&batch);
  }
  for (Pool* pool = node->pools; pool != nullptr; pool = pool->next) {
    if (pool->old_arena != nullptr) MemoryContextDelete(pool->old_arena);
    pool->old_arena = nullptr;
  }
  node->least = used_bytes(node);
}

}  // namespace

void* SampleMemory::do_allocate(std::size_t bytes, std::size_t) {
  if (bytes >= MaxAllocHugeSize) throw std::bad_alloc();
  MemoryContext context = bytes <= small_piece && pool_->arena != nullptr ? pool_->arena : pool_->context;
  void* pointer = MemoryContextAllocExtended(context, bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}

void SampleMemory::do_deallocate(void* pointer, std::size_t, std::size_t) { pfree(pointer); }

Pool* pool_of(FunctionCallInfo fcinfo) {
  MemoryContext context = nullptr;
  const int called_as = AggCheckCallContext(fcinfo, &context);
  if (called_as == 0) raise_not_aggregate();
  PlanNode* node = nullptr;
  Pool* pool = nullptr;
  if (called_as == AGG_CONTEXT_AGGREGATE) {
    node = node_of(castNode(AggState, fcinfo->context));
    for (pool = node->pools; pool != nullptr; pool = pool->next)
      if (pool->context == context) break;
    if (pool != nullptr && pool->in_use) return pool;
  }
  if (pool == nullptr) {
    // A window has one state at a time, whose pool goes with it.
    MemoryContext place = node != nullptr ? node->aggregate->ss.ps.state->es_query_cxt : context;
    if (node == nullptr) node = static_cast<PlanNode*>(MemoryContextAllocZero(place, sizeof(PlanNode)));
    pool = static_cast<Pool*>(MemoryContextAllocZero(place, sizeof(Pool)));
    pool->context = context;
    pool->own = no_file;
    pool->node = node;
    pool->next = node->pools;
    node->pools = pool;
    new (pool->memory_place) SampleMemory(pool);
    new (pool->lasting_place) ContextMemory(context);
  }
  pool->may_spill = called_as == AGG_CONTEXT_AGGREGATE;
  // Only such a node is sure to be read by this process or by its leader. (Citus serializes on its own account, for
  // another machine.)
  pool->hands_over = pool->node->aggregate != nullptr && DO_AGGSPLIT_SERIALIZE(pool->node->aggregate->aggsplit);
  pool->node->limit = get_hash_memory_limit();
  if (pool->may_spill) {
    AggRegisterCallback(fcinfo, close_pool, PointerGetDatum(pool));
    pool->in_use = true;
  }
  return pool;
}

QuantileState* new_state(Pool* pool, quantile::Kind kind) {
  if (pool->spare_count == 0) {
    pool->spare_count =
        static_cast<uint32>(std::clamp<uint64>(pool->state_count, 1, states_ahead / sizeof(QuantileState)));
    pool->spare =
        static_cast<QuantileState*>(MemoryContextAllocZero(pool->context, pool->spare_count * sizeof(QuantileState)));
  }
  QuantileState* state = pool->spare++;
  pool->spare_count--;
  state->sample.kind = kind;
  state->pool = pool;
  state->next = pool->states;
  pool->states = state;
  pool->state_count++;
  pool->node->states++;
  if (pool->state_count == 2 && is_hashed(pool->node->aggregate)) pool->arena = new_arena(pool);
  return state;
}

uint64 used_bytes(const PlanNode* node) {
  uint64 used = 0;
  for (const Pool* pool = node->pools; pool != nullptr; pool = pool->next)
    used += pool->context->mem_allocated + (pool->arena != nullptr ? pool->arena->mem_allocated : 0);
  return used;
}

uint64 most_bytes(const PlanNode* node) {
  uint64 most = node->limit;
  const AggState* aggregate = node->aggregate;
  if (is_hashed(aggregate) && aggregate->hash_mem_limit > 0) {
    most = aggregate->hash_mem_limit - std::min<uint64>(aggregate->hash_mem_limit / 2, hash_table_bytes(aggregate));
  }
  // The rest is for groups that are still to come: beyond its limit the server takes none.
  return most - most / 16;
}

Room find_room(QuantileState* state, uint64 more, uint64 own, uint64 least_own) {
  const Pool* pool = state->pool;
  PlanNode* node = pool->node;
  if (!pool->may_spill) return Room::there;
  const uint64 used = used_bytes(node) + more, most = most_bytes(node);
  if (used <= most) return Room::there;
  // A state that has its share of the memory goes by itself; the smaller ones go together, once it brings something
  // back.
  if (own >= std::max(least_own, most / (4 * node->states))) return Room::own_values;
  if (used < node->least + most / 8) return Room::there;
  move_all(node);
  return Room::moved;
}

}  // namespace dap::aggregate
