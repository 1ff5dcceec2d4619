// Final functions of ordinary aggregates: values at ranks from memory and file.
#include <algorithm>
#include <new>

#include "pg/aggregate/call_context.h"
#include "pg/aggregate/quantile_state.h"

#include "bridge/engine_call.h"

namespace dap::aggregate {

namespace {

using quantile::Sample;
using quantile::Selector;
using quantile::Value;

constexpr uint32 small_sample = 1024;
constexpr uint64 most_candidates = 256 * 1024;  // sorted without a look at interrupts
constexpr uint64 most_wide_candidates = 32 * 1024;

// Without any allocation: the keys are put in order around the wanted ranks, which changes no multiset.
void select_in_place(Sample* sample, const uint64* ranks, size_t rank_count, Value* values) {
  int64* from = sample->keys;
  int64* const end = sample->keys + sample->key_count;
  for (size_t i = 0; i < rank_count; i++) {
    int64* const at = sample->keys + ranks[i];
    // The neighbour of the last one found is the least of what is left.
    if (i > 0 && ranks[i] == ranks[i - 1] + 1) std::iter_swap(at, std::min_element(at, end));
    else if (at >= from) std::nth_element(from, at, end);
    values[i] = Value{*at, nullptr};
    from = at;
  }
}

// All keys' range.
void range_of(const QuantileState* state, int64* low, int64* high) {
  const Sample& sample = state->sample;
  *low = PG_INT64_MAX;
  *high = PG_INT64_MIN;
  quantile::key_range(sample.keys, sample.key_count, low, high);
  if (const quantile::Dense* dense = sample.dense) {
    for (uint64 i = 0; i < dense->length; i++) {
      if (dense->counts[i] == 0) continue;
      *low = std::min<int64>(*low, static_cast<int64>(static_cast<uint64>(dense->base) + i * dense->unit));
      break;
    }
    for (uint64 i = dense->length; i > 0; i--) {
      if (dense->counts[i - 1] == 0) continue;
      *high = std::max<int64>(*high, static_cast<int64>(static_cast<uint64>(dense->base) + (i - 1) * dense->unit));
      break;
    }
  }
  for (uint32 i = 0; sample.wide != nullptr && i < sample.wide->count; i++) {
    *low = std::min<int64>(*low, sample.wide->values[i].key);
    *high = std::max<int64>(*high, sample.wide->values[i].key);
  }
  for (uint32 i = 0; i < state->extent_count; i++) {
    *low = std::min(*low, state->extents[i].low);
    *high = std::max(*high, state->extents[i].high);
  }
}

void feed_extents(const QuantileState* state, Selector* selector) {
  uint64 most = 0;
  for (uint32 i = 0; i < state->extent_count; i++)
    if (!state->extents[i].wide) most = std::max(most, state->extents[i].count);
  most = std::min(most, block_bytes / sizeof(int64));
  auto* keys = static_cast<int64*>(palloc((most + link_keys) * sizeof(int64)));
  EngineFault fault = EngineFault::none;
  for (uint32 i = 0; i < state->extent_count; i++) {
    ExtentReader reader = read_parts(state->pool, state->extents[i]);
    if (!state->extents[i].wide) {
      while (const uint64 count = read_keys(&reader, keys, most)) {
        fault = try_engine([&] { selector->feed_keys(reinterpret_cast<const int64_t*>(keys), count); });
        raise_engine_fault(fault, "order statistics");
      }
      continue;
    }
    char* records = nullptr;
    while (const uint64 bytes = read_records(&reader, &records)) {
      fault = try_engine([&] {
        for (const char* at = records; at < records + bytes;) {
          int64 key;
          uint32 length;
          memcpy(&key, at, 8);
          memcpy(&length, at + 8, 4);
          selector->feed_wide(key, reinterpret_cast<const unsigned char*>(at + quantile::wide_record_header), length);
          at += quantile::wide_record_header + length;
        }
      });
      raise_engine_fault(fault, "order statistics");
    }
    end_reading(&reader);
  }
  pfree(keys);
}

void feed_memory(const QuantileState* state, Selector* selector) {
  const Sample& sample = state->sample;
  constexpr uint64 step = 1 << 20;
  EngineFault fault = EngineFault::none;
  for (uint64 from = 0; from < sample.key_count; from += step) {
    CHECK_FOR_INTERRUPTS();
    fault =
        try_engine([&] { selector->feed_keys(sample.keys + from, std::min<uint64>(step, sample.key_count - from)); });
    raise_engine_fault(fault, "order statistics");
  }
  for (uint64 from = 0; sample.dense != nullptr && from < sample.dense->length; from += step) {
    CHECK_FOR_INTERRUPTS();
    quantile::Dense part = *sample.dense;
    part.base = static_cast<int64>(static_cast<uint64>(part.base) + from * part.unit);
    part.counts += from;
    part.length = std::min<uint64>(step, part.length - from);
    fault = try_engine([&] { selector->feed_dense(part); });
    raise_engine_fault(fault, "order statistics");
  }
  for (uint64 from = 0; sample.wide != nullptr && from < sample.wide->count; from += step / 16) {
    CHECK_FOR_INTERRUPTS();
    fault = try_engine([&] {
      for (uint64 i = from; i < std::min<uint64>(from + step / 16, sample.wide->count); i++) {
        const Value& value = sample.wide->values[i];
        selector->feed_wide(value.key, value.bytes->data(), value.bytes->length);
      }
    });
    raise_engine_fault(fault, "order statistics");
  }
}

// Brings the file's keys to those in memory, for this answer, where that takes little: they are read once instead of
// once a pass.
bool gather_keys(const QuantileState* state, QuantileState* gathered) {
  uint64 bytes = state->sample.key_count * sizeof(int64);
  for (uint32 i = 0; i < state->extent_count; i++) {
    if (state->extents[i].wide) return false;
    bytes += state->extents[i].bytes;
  }
  if (state->extent_count == 0 || bytes > state->pool->node->limit / 8) return false;
  auto* keys = static_cast<int64_t*>(MemoryContextAllocHuge(CurrentMemoryContext, bytes + sizeof(Link)));
  uint64 count = state->sample.key_count;
  std::copy_n(state->sample.keys, count, keys);
  for (uint32 i = 0; i < state->extent_count; i++) {
    ExtentReader reader = read_parts(state->pool, state->extents[i]);
    count += read_keys(&reader, reinterpret_cast<int64*>(keys + count), state->extents[i].count);
  }
  *gathered = *state;
  gathered->sample.keys = keys;
  gathered->sample.key_count = static_cast<uint32>(count);
  gathered->extent_count = 0;
  return true;
}

// How many values the last step holds at a time, beside all that the node holds. A wide one takes its bytes and some 80
// more, and longer to compare.
uint64 candidates(const QuantileState* state) {
  const Sample& sample = state->sample;
  const bool wide = (sample.wide != nullptr && sample.wide->count > 0) ||
                    std::any_of(state->extents, state->extents + state->extent_count,
                                [](const Extent& extent) { return extent.wide; });
  return wide ? std::min(state->pool->node->limit / 512, most_wide_candidates)
              : std::min(state->pool->node->limit / 128, most_candidates);
}

// Values at ascending ranks; those that are not keys are copied into the current context.
void select_ranks(const RankSource* source, uint64* ranks, size_t rank_count, Value* values) {
  const auto* state = static_cast<QuantileState*>(source->state);
  Sample* sample = &static_cast<QuantileState*>(source->state)->sample;
  const bool plain =
      sample->dense == nullptr && (sample->wide == nullptr || sample->wide->count == 0) && state->extent_count == 0;
  if (plain && sample->key_count <= small_sample) {
    if (rank_count > 8) std::sort(sample->keys, sample->keys + sample->key_count);
    if (rank_count > 8)
      for (size_t i = 0; i < rank_count; i++) values[i] = Value{sample->keys[ranks[i]], nullptr};
    else select_in_place(sample, ranks, rank_count, values);
    return;
  }
  MemoryContext caller = CurrentMemoryContext;
  MemoryContext context = AllocSetContextCreate(caller, "dap order statistics", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(context);
  int64 low, high;
  range_of(state, &low, &high);
  QuantileState gathered;
  if (gather_keys(state, &gathered)) state = &gathered;
  auto* memory = new (palloc(sizeof(ContextMemory))) ContextMemory(context);
  void* place = palloc(sizeof(Selector));
  Selector* selector = nullptr;
  EngineFault fault = try_engine(
      [&] { selector = new (place) Selector(memory, ranks, rank_count, low, high, sample->count, candidates(state)); });
  raise_engine_fault(fault, "order statistics");
  for (;;) {
    bool more = false;
    fault = try_engine([&] { more = selector->next_pass(); });
    raise_engine_fault(fault, "order statistics");
    if (!more) break;
    feed_memory(state, selector);
    feed_extents(state, selector);
  }
  MemoryContextSwitchTo(caller);
  for (size_t i = 0; i < rank_count; i++) {
    values[i] = selector->result(i);
    if (const quantile::Bytes* bytes = values[i].bytes) {
      auto* copy = static_cast<quantile::Bytes*>(palloc(sizeof(quantile::Bytes) + bytes->length));
      memcpy(copy, bytes, sizeof(quantile::Bytes) + bytes->length);
      values[i].bytes = copy;
    }
  }
  MemoryContextDelete(context);
}

QuantileState* final_state(FunctionCallInfo fcinfo) {
  if (AggCheckCallContext(fcinfo, nullptr) == 0) raise_not_aggregate();
  if (PG_ARGISNULL(0)) return nullptr;
  auto* state = reinterpret_cast<QuantileState*>(PG_GETARG_POINTER(0));
  return state->sample.count == 0 || state->fractions.shape == quantile::Shape::null ? nullptr : state;
}

RankSource source_of(QuantileState* state) {
  return {state->sample.kind, state->sample.groups, state->sample.count, select_ranks, state};
}

}  // namespace

bool final_source(FunctionCallInfo fcinfo, RankSource* source) {
  QuantileState* state = final_state(fcinfo);
  if (state != nullptr) *source = source_of(state);
  return state != nullptr;
}

}  // namespace dap::aggregate

DAP_FUNCTION(dap_median_final) {
  using namespace dap::aggregate;
  QuantileState* state = final_state(fcinfo);
  if (state == nullptr) PG_RETURN_NULL();
  check_foreign(fcinfo, state, result_type(state->sample.kind));
  return answer_one(source_of(state), 0.5, Statistic::continuous);
}

DAP_FUNCTION(dap_percentile_final) {
  using namespace dap::aggregate;
  QuantileState* state = final_state(fcinfo);
  if (state == nullptr) PG_RETURN_NULL();
  check_foreign(fcinfo, state, result_type(state->sample.kind), dap::quantile::Shape::scalar);
  return answer_one(source_of(state), state->fractions.scalar, Statistic::continuous);
}

DAP_FUNCTION(dap_percentile_disc_final) {
  using namespace dap::aggregate;
  QuantileState* state = final_state(fcinfo);
  if (state == nullptr) PG_RETURN_NULL();
  check_foreign(fcinfo, state, result_type(state->sample.kind), dap::quantile::Shape::scalar);
  return answer_one(source_of(state), state->fractions.scalar, Statistic::discrete);
}

DAP_FUNCTION(dap_percentiles_final) {
  using namespace dap::aggregate;
  QuantileState* state = final_state(fcinfo);
  if (state == nullptr) PG_RETURN_NULL();
  check_foreign(fcinfo, state, get_array_type(result_type(state->sample.kind)), dap::quantile::Shape::array);
  return answer_many(source_of(state), state->fractions.array);
}
