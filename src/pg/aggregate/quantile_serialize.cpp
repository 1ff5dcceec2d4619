// States for other processes: serialize.
#include <algorithm>
#include <new>

#include "pg/aggregate/call_context.h"
#include "pg/aggregate/quantile_state.h"
#include "pg/settings.h"

namespace dap::aggregate {

namespace {

using quantile::Kind;
using quantile::Packing;
using quantile::Sample;
using quantile::Shape;

constexpr Size least_heavy = 64 * 1024;
constexpr Size most_queued = 1024 * 1024;
constexpr uint32 least_handed = 256;  // fewer keys or values beside a file are sent in the image

// How an extent's or the memory's keys are packed.
Packing packing_of(Kind kind, const Sample& sample) {
  int64 low = sample.keys[0], high = low;
  quantile::key_range(sample.keys, sample.key_count, &low, &high);
  const bool dotted = kind == Kind::float4 || kind == Kind::float8;
  return quantile::plan_packing(
      low, high, dotted ? 1 : quantile::common_unit(sample.keys, sample.key_count, quantile::decimal_base, low));
}

Packing packing_of(const Extent& extent) { return quantile::plan_packing(extent.low, extent.high, extent.unit); }

// What memory holds, in an image.
Size memory_size(const Sample& sample, Packing* packing) {
  Size size = 0;
  if (sample.key_count > 0) {
    *packing = packing_of(sample.kind, sample);
    size += quantile::keys_size(*packing, sample.key_count);
  }
  if (sample.dense != nullptr) size += quantile::dense_size(*sample.dense);
  if (sample.wide != nullptr && sample.wide->count > 0)
    size += quantile::wide_size(sample.wide->count, sample.wide->bytes);
  return size;
}

// What an extent holds, in an image.
Size extent_size(const Extent& extent) {
  return extent.wide ? quantile::wide_size(extent.count, extent.bytes - quantile::wide_record_header * extent.count)
                     : quantile::keys_size(packing_of(extent), extent.count);
}

// True where the leader can read the file that the extents are in.
bool can_hand_over(const QuantileState* state) {
  return state->pool->hands_over && std::all_of(state->extents, state->extents + state->extent_count,
                                                [&](const Extent& e) { return e.file == state->pool->own; });
}

// True where memory has no room for the image of keys or values and the executor's copy of it; also where the leader
// would take longer to get them through the tuple queue, which copies them four times, than to read them from a file.
// Whose files are limited has them only as far as memory ends.
bool is_heavy(const QuantileState* state, Size size) {
  const Sample& sample = state->sample;
  const bool can_move =
      sample.key_count >= least_handed || (sample.wide != nullptr && sample.wide->count >= least_handed);
  if (!can_move || size < least_heavy) return false;
  return (size >= most_queued && temp_file_limit < 0) || !has_room(state->pool, 2 * size);
}

// Leaves the state to the leader, in the file: what is there already, what is large, and all of it when `whole`.
quantile::FileReference hand_over(QuantileState* state, bool whole, uint64* count) {
  Sample* sample = &state->sample;
  if (whole && sample->dense != nullptr) {
    spill_counts(state);
    sample->dense = nullptr;
  }
  if (sample->key_count >= (whole ? 1 : least_handed)) spill_keys(state);
  if (sample->wide != nullptr && sample->wide->count >= (whole ? 1 : least_handed)) spill_wide(state);
  quantile::FileReference reference{};
  reference.extents = state->extent_count;
  if (!pg_strong_random(reference.token, sizeof reference.token))
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
  reference.offset = static_cast<uint64>(write_file(state->pool, reference.token, sizeof reference.token));
  write_file(state->pool, state->extents, state->extent_count * sizeof(Extent));
  const HandedFile& name = state->pool->output->name;
  reference.tablespace = name.tablespace;
  reference.launch = name.launch;
  reference.number = name.number;
  *count = 0;
  for (uint32 i = 0; i < state->extent_count; i++) *count += state->extents[i].count;
  return reference;
}

bytea* serialize(QuantileState* state) {
  const Sample& sample = state->sample;
  quantile::ImageHeader header{};
  header.kind = sample.kind;
  header.groups = sample.groups;
  header.scale_known = sample.scale_known;
  header.shape = state->fractions.shape;
  header.count = sample.count;
  uint32 fraction_bytes = 0;
  if (header.shape == Shape::scalar) {
    header.fractions = reinterpret_cast<const unsigned char*>(&state->fractions.scalar);
    fraction_bytes = sizeof(float8);
  } else if (header.shape == Shape::array) {
    header.fractions = reinterpret_cast<const unsigned char*>(state->fractions.array);
    fraction_bytes = VARSIZE(state->fractions.array);
  }
  const Size most = static_cast<Size>(setting_largest_sent_state);
  Packing packing{};
  Size size = quantile::header_size(fraction_bytes) + memory_size(sample, &packing);
  bool handed = false;
  quantile::FileReference reference{};
  uint64 in_file = 0;
  if ((state->extent_count > 0 || size > most || is_heavy(state, size)) && can_hand_over(state)) {
    reference = hand_over(state, size > most, &in_file);
    handed = true;
    size = quantile::header_size(fraction_bytes) + memory_size(sample, &packing) + quantile::file_size();
  }
  // What is handed over stays where it is all the same: a node that is scanned again may serialize the same state
  // again.
  const uint32 sent = handed ? 0 : state->extent_count;
  for (uint32 i = 0; i < sent; i++) size += extent_size(state->extents[i]);
  if (size > (handed ? MaxAllocSize - VARHDRSZ : most))
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("the state of an order statistic is too large to be sent to another process"),
                    errdetail("It takes %zu bytes; the limit is %zu.", size, most),
                    errhint("SET max_parallel_workers_per_gather = 0 computes it in one process.")));
  const bool has_wide = sample.wide != nullptr && sample.wide->count > 0;
  auto* image = static_cast<bytea*>(palloc(VARHDRSZ + size));
  SET_VARSIZE(image, VARHDRSZ + size);
  auto* out = reinterpret_cast<unsigned char*>(VARDATA(image));
  out = quantile::write_header(header, fraction_bytes, out);
  // Counts first: who reads them can take them over before any other key comes.
  if (sample.dense != nullptr) out = quantile::write_dense(*sample.dense, out);
  if (sample.key_count > 0) {
    out = quantile::write_keys_header(packing, sample.key_count, out);
    constexpr uint32 step = 1 << 20;
    for (uint32 from = 0; from < sample.key_count; from += step) {
      CHECK_FOR_INTERRUPTS();
      out = quantile::write_keys(packing, sample.keys + from, std::min(step, sample.key_count - from), out);
    }
  }
  if (has_wide) {
    out = quantile::write_wide_header(sample.wide->count, sample.wide->bytes, out);
    for (uint32 i = 0; i < sample.wide->count; i++)
      out = quantile::write_wide_value(sample.wide->values[i].bytes->data(), sample.wide->values[i].bytes->length, out);
  }
  if (handed) out = quantile::write_file_reference(reference, in_file, out);
  if (sent == 0) return image;
  auto* keys = static_cast<int64*>(palloc(block_bytes + sizeof(Link)));
  for (uint32 i = 0; i < sent; i++) {
    const Extent& extent = state->extents[i];
    ExtentReader reader = read_parts(state->pool, extent);
    if (!extent.wide) {
      const Packing packed = packing_of(extent);
      out = quantile::write_keys_header(packed, extent.count, out);
      while (const uint64 count = read_keys(&reader, keys, block_bytes / sizeof(int64)))
        out = quantile::write_keys(packed, reinterpret_cast<const int64_t*>(keys), count, out);
      continue;
    }
    out = quantile::write_wide_header(extent.count, extent.bytes - quantile::wide_record_header * extent.count, out);
    char* records = nullptr;
    while (const uint64 bytes = read_records(&reader, &records)) {
      for (const char* at = records; at < records + bytes;) {
        uint32 length;
        memcpy(&length, at + 8, 4);
        out = quantile::write_wide_value(reinterpret_cast<const unsigned char*>(at + quantile::wide_record_header),
                                         length, out);
        at += quantile::wide_record_header + length;
      }
    }
    end_reading(&reader);
  }
  pfree(keys);
  return image;
}

}  // namespace

}  // namespace dap::aggregate

// (internal) -> bytea
DAP_FUNCTION(dap_quantile_serialize) {
  using namespace dap::aggregate;
  if (AggCheckCallContext(fcinfo, nullptr) == 0) raise_not_aggregate();
  PG_RETURN_BYTEA_P(serialize(reinterpret_cast<QuantileState*>(PG_GETARG_POINTER(0))));
}
