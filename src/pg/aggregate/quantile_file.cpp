// What a pool keeps in files: its own, and those that workers have handed to this process.
#include <algorithm>

#include "pg/aggregate/quantile_state.h"

extern "C" {
#include "commands/tablespace.h"
}

namespace dap::aggregate {

namespace {

constexpr uint64 wide_extent_bytes = 1024 * 1024;  // a little more where the last value is long

uint32 new_pool_file(Pool* pool) {
  if (pool->file_count == pool->file_capacity) {
    const uint32 capacity = pool->file_capacity == 0 ? 4 : pool->file_capacity * 2;
    auto* files = static_cast<PoolFile*>(MemoryContextAlloc(GetMemoryChunkContext(pool), capacity * sizeof(PoolFile)));
    std::copy_n(pool->files, pool->file_count, files);
    if (pool->files != nullptr) pfree(pool->files);
    pool->files = files;
    pool->file_capacity = capacity;
  }
  return pool->file_count;
}

}  // namespace

void close_files(Pool* pool) {
  for (uint32 i = 0; i < pool->file_count; i++)
    if (!pool->files[i].of_node) FileClose(pool->files[i].file);
  pool->file_count = 0;
  pool->own = no_file;
  pool->own_end = 0;
}

uint32 adopt_file(Pool* pool, const HandedFile& name) {
  const File file = node_input(pool->agg, name);
  for (uint32 i = 0; i < pool->file_count; i++)
    if (pool->files[i].file == file) return i;
  const uint32 at = new_pool_file(pool);
  pool->files[at] = PoolFile{file, true};
  pool->file_count++;
  return at;
}

off_t write_file(Pool* pool, const void* data, uint64 bytes) {
  if (pool->own == no_file) {
    const uint32 at = new_pool_file(pool);
    if (pool->hands_over) {
      pool->output = node_output(pool->agg);
      pool->files[at] = PoolFile{pool->output->file, true};
    } else {
      PrepareTempTablespaces();
      pool->files[at] = PoolFile{OpenTemporaryFile(false), false};
    }
    pool->file_count++;
    pool->own = at;
    pool->own_end = 0;
  }
  off_t* const end = pool->hands_over ? &pool->output->end : &pool->own_end;
  const off_t begin = *end;
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    CHECK_FOR_INTERRUPTS();
    const int part = static_cast<int>(std::min(bytes, block_bytes));
    const File file = pool->files[pool->own].file;
#if PG_VERSION_NUM >= 160000
    const int written = static_cast<int>(FileWrite(file, at, part, *end, WAIT_EVENT_BUFFILE_WRITE));
#else
    const int written = FileWrite(file, const_cast<char*>(at), part, *end, WAIT_EVENT_BUFFILE_WRITE);
#endif
    if (written != part) {
      if (written >= 0) errno = ENOSPC;
      ereport(ERROR, (errcode_for_file_access(), errmsg("could not write to temporary file: %m")));
    }
    at += part;
    bytes -= static_cast<uint64>(part);
    *end += part;
  }
  return begin;
}

void read_extent(const Pool* pool, const Extent& extent, uint64 from, void* buffer, uint64 bytes) {
  auto* at = static_cast<char*>(buffer);
  off_t offset = extent.offset + static_cast<off_t>(from);
  while (bytes > 0) {
    CHECK_FOR_INTERRUPTS();
    const int part = static_cast<int>(std::min(bytes, block_bytes));
    const int got = static_cast<int>(FileRead(pool->files[extent.file].file, at, part, offset, WAIT_EVENT_BUFFILE_READ));
    if (got != part) {
      if (got >= 0)
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("could not read temporary file: read only %d of %d bytes", got, part)));
      ereport(ERROR, (errcode_for_file_access(), errmsg("could not read temporary file: %m")));
    }
    at += part;
    offset += part;
    bytes -= static_cast<uint64>(part);
  }
}

Extent* new_extent(QuantileState* state) {
  if (state->extent_count == state->extent_capacity) {
    const uint32 capacity = state->extent_capacity == 0 ? 8 : state->extent_capacity * 2;
    auto* extents = static_cast<Extent*>(MemoryContextAllocHuge(state->pool->context, capacity * sizeof(Extent)));
    std::copy_n(state->extents, state->extent_count, extents);
    if (state->extents != nullptr) pfree(state->extents);
    state->pool->used += (capacity - state->extent_capacity) * sizeof(Extent);
    state->extents = extents;
    state->extent_capacity = capacity;
  }
  return &state->extents[state->extent_count];
}

static void write_keys(QuantileState* state, const int64_t* keys, uint32 count) {
  Extent* extent = new_extent(state);
  int64_t low = keys[0], high = low;
  quantile::key_range(keys, count, &low, &high);
  const bool dotted = state->sample.kind == quantile::Kind::float4 || state->sample.kind == quantile::Kind::float8;
  const uint64 unit = dotted ? 1 : quantile::common_unit(keys, count, quantile::decimal_base, low);
  const uint64 bytes = count * sizeof(int64);
  const off_t offset = write_file(state->pool, keys, bytes);
  *extent = Extent{offset, count, bytes, low, high, static_cast<uint32>(unit), state->pool->own, false};
  state->extent_count++;
  state->sample.scale_fixed = true;
}

void spill_keys(QuantileState* state) {
  write_keys(state, state->sample.keys, state->sample.key_count);
  state->sample.key_count = 0;
}

void spill_counts(QuantileState* state) {
  const quantile::Dense dense = *state->sample.dense;
  constexpr uint32 room = block_bytes / sizeof(int64);
  auto* keys = static_cast<int64_t*>(palloc(block_bytes));
  uint32 filled = 0;
  for (uint64 i = 0; i < dense.length; i++) {
    const auto key = static_cast<int64_t>(static_cast<uint64>(dense.base) + i * dense.unit);
    for (uint32 times = dense.counts[i]; times > 0; times--) {
      keys[filled++] = key;
      if (filled < room) continue;
      write_keys(state, keys, filled);
      filled = 0;
    }
    dense.counts[i] = 0;
  }
  if (filled > 0) write_keys(state, keys, filled);
  pfree(keys);
}

void spill_wide(QuantileState* state) {
  quantile::Wide* wide = state->sample.wide;
  uint64 room = 0;
  for (uint32 i = 0; i < wide->count; i++) room = std::max<uint64>(room, wide->values[i].bytes->length);
  room += wide_extent_bytes + quantile::wide_record_header;
  auto* buffer = static_cast<char*>(palloc(room));
  for (uint32 i = 0; i < wide->count;) {
    Extent extent{0, 0, 0, wide->values[i].key, wide->values[i].key, 1, 0, true};
    for (; i < wide->count && extent.bytes < wide_extent_bytes; i++) {
      const quantile::Value& value = wide->values[i];
      extent.low = std::min<int64>(extent.low, value.key);
      extent.high = std::max<int64>(extent.high, value.key);
      char* at = buffer + extent.bytes;
      memcpy(at, &value.key, 8);
      memcpy(at + 8, &value.bytes->length, 4);
      memcpy(at + quantile::wide_record_header, value.bytes->data(), value.bytes->length);
      extent.bytes += quantile::wide_record_header + value.bytes->length;
      extent.count++;
    }
    Extent* kept = new_extent(state);
    extent.offset = write_file(state->pool, buffer, extent.bytes);
    extent.file = state->pool->own;
    *kept = extent;
    state->extent_count++;
  }
  pfree(buffer);
  state->sample.scale_fixed = true;
  const uint64 before = state->sample.memory;
  quantile::release_wide(&state->sample, state->pool->memory());
  state->pool->used -= before - state->sample.memory;
}

}  // namespace dap::aggregate
