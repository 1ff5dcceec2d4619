// What a pool keeps in files: its own, and those that workers have handed to this process.
//
// A state that is larger than its share of memory writes what it holds to a file as a part: of one kind, keys of 8
// bytes or wide records. All states of a pool share one file, so the parts of a state lie scattered in it: each ends
// with a link to the one before, and the state keeps an Extent for each file and kind, with the newest part, the count
// and the range of the keys. Reading therefore goes backwards, which no reader minds: a multiset has no order. Many
// small states that are spilled together go through a Batch, so that a file gets writes of a sensible size. A file that
// another process wrote is adopted by its name; it is read in the same way and never written.
#include <algorithm>

#include "bridge/compat/temporary_file.h"
#include "pg/aggregate/quantile_state.h"

extern "C" {
#include "commands/tablespace.h"
}

namespace dap::aggregate {

namespace {

constexpr uint64 wide_extent_bytes = 256 * 1024;  // a little more where the last value is long

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
  const File file = node_input(pool->node->aggregate, name);
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
      pool->output = node_output(pool->node->aggregate);
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
    const int written = write_temporary(file, at, part, *end);
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
    const int got =
        static_cast<int>(FileRead(pool->files[extent.file].file, at, part, offset, WAIT_EVENT_BUFFILE_READ));
    if (got != part) {
      if (got >= 0)
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                        errmsg("could not read temporary file: read only %d of %d bytes", got, part)));
      ereport(ERROR, (errcode_for_file_access(), errmsg("could not read temporary file: %m")));
    }
    at += part;
    offset += part;
    bytes -= static_cast<uint64>(part);
  }
}

ExtentReader read_parts(const Pool* pool, const Extent& extent) { return {pool, extent, nullptr, 0}; }

// The part before the one that has been read, whose link is known.
static void go_back(ExtentReader* reader, const Link& link) {
  reader->at.offset = link.offset;
  reader->at.part = link.part;
}

uint64 read_keys(ExtentReader* reader, int64* keys, uint64 most) {
  auto* at = reinterpret_cast<char*>(keys);
  uint64 left = most * sizeof(int64);
  Extent& extent = reader->at;
  while (left > 0 && extent.part > 0) {
    const uint64 bytes = std::min(left, extent.part);
    const bool whole = bytes == extent.part;
    // The link comes with what stands before it: most parts are short.
    read_extent(reader->pool, extent, 0, at, bytes + (whole ? sizeof(Link) : 0));
    at += bytes;
    left -= bytes;
    if (whole) {
      Link link;
      memcpy(&link, at, sizeof link);
      go_back(reader, link);
    } else {
      extent.offset += static_cast<off_t>(bytes);
      extent.part -= bytes;
    }
  }
  return most - left / sizeof(int64);
}

uint64 read_records(ExtentReader* reader, char** records) {
  const uint64 bytes = reader->at.part;
  if (bytes == 0) return 0;
  if (bytes + sizeof(Link) > reader->room) {
    if (reader->records != nullptr) pfree(reader->records);
    reader->room = bytes + sizeof(Link);
    reader->records = static_cast<char*>(MemoryContextAllocHuge(CurrentMemoryContext, reader->room));
  }
  read_extent(reader->pool, reader->at, 0, reader->records, bytes + sizeof(Link));
  Link link;
  memcpy(&link, reader->records + bytes, sizeof link);
  go_back(reader, link);
  *records = reader->records;
  return bytes;
}

void end_reading(ExtentReader* reader) {
  if (reader->records != nullptr) pfree(reader->records);
  reader->records = nullptr;
  reader->room = 0;
}

Extent* new_extent(QuantileState* state) {
  if (state->extent_count == state->extent_capacity) {
    const uint32 capacity = state->extent_capacity == 0 ? 1 : state->extent_capacity * 2;
    auto* extents = static_cast<Extent*>(MemoryContextAllocHuge(state->pool->context, capacity * sizeof(Extent)));
    std::copy_n(state->extents, state->extent_count, extents);
    if (state->extents != nullptr) pfree(state->extents);
    state->extents = extents;
    state->extent_capacity = capacity;
  }
  return &state->extents[state->extent_count];
}

Batch begin_batch(Pool* pool) {
  const uint64 room = std::clamp<uint64>(pool->node->limit / 32, 8192, block_bytes);
  return {pool, static_cast<char*>(palloc(room)), 0, room};
}

static void flush(Batch* batch) {
  if (batch->filled > 0) write_file(batch->pool, batch->buffer, batch->filled);
  batch->filled = 0;
}

void end_batch(Batch* batch) {
  flush(batch);
  pfree(batch->buffer);
}

// Writes bytes at the end of the file, or of what will be, and returns where.
static off_t append(Pool* pool, Batch* batch, const void* data, uint64 bytes) {
  if (batch == nullptr) return write_file(pool, data, bytes);
  if (batch->filled + bytes > batch->room) flush(batch);
  if (bytes > batch->room) return write_file(pool, data, bytes);
  const off_t offset = write_file(pool, nullptr, 0) + static_cast<off_t>(batch->filled);
  memcpy(batch->buffer + batch->filled, data, bytes);
  batch->filled += bytes;
  return offset;
}

// Adds a part to what the state has in the pool's own file. `part` says its count, low, high, unit and whether it is
// wide.
static void add_part(QuantileState* state, Batch* batch, const void* data, uint64 bytes, Extent part) {
  Pool* pool = state->pool;
  part.offset = append(pool, batch, data, bytes);
  part.part = part.bytes = bytes;
  part.file = pool->own;
  state->sample.scale_fixed = true;
  Link link{0, 0};
  Extent* const end = state->extents + state->extent_count;
  Extent* const found =
      std::find_if(state->extents, end, [&](const Extent& e) { return e.file == part.file && e.wide == part.wide; });
  if (found == end) {
    *new_extent(state) = part;
    state->extent_count++;
  } else {
    link = Link{found->offset, found->part};
    const int64_t other = std::max(found->low, part.low);
    found->low = std::min(found->low, part.low);
    found->high = std::max(found->high, part.high);
    found->unit = static_cast<uint32>(quantile::common_unit(&other, 1, std::min(found->unit, part.unit), found->low));
    found->count += part.count;
    found->bytes += bytes;
    found->offset = part.offset;
    found->part = bytes;
  }
  append(pool, batch, &link, sizeof link);
}

static void write_keys(QuantileState* state, const int64_t* keys, uint32 count, Batch* batch) {
  Extent part{};
  int64_t low = keys[0], high = low;
  quantile::key_range(keys, count, &low, &high);
  part.low = low;
  part.high = high;
  const bool dotted = state->sample.kind == quantile::Kind::float4 || state->sample.kind == quantile::Kind::float8;
  part.unit = static_cast<uint32>(dotted ? 1 : quantile::common_unit(keys, count, quantile::decimal_base, low));
  part.count = count;
  add_part(state, batch, keys, count * sizeof(int64), part);
}

void spill_keys(QuantileState* state, Batch* batch) {
  write_keys(state, state->sample.keys, state->sample.key_count, batch);
  state->sample.key_count = 0;
}

void spill_counts(QuantileState* state, Batch* batch) {
  const quantile::Dense dense = *state->sample.dense;
  constexpr uint32 room = block_bytes / sizeof(int64);
  auto* keys = static_cast<int64_t*>(palloc(block_bytes));
  uint32 filled = 0;
  for (uint64 i = 0; i < dense.length; i++) {
    const auto key = static_cast<int64_t>(static_cast<uint64>(dense.base) + i * dense.unit);
    for (uint32 times = dense.counts[i]; times > 0; times--) {
      keys[filled++] = key;
      if (filled < room) continue;
      write_keys(state, keys, filled, batch);
      filled = 0;
    }
    dense.counts[i] = 0;
  }
  if (filled > 0) write_keys(state, keys, filled, batch);
  pfree(keys);
}

void spill_wide(QuantileState* state, Batch* batch) {
  const quantile::Wide* wide = state->sample.wide;
  char* buffer = nullptr;
  uint64 room = 0;
  for (uint32 i = 0; i < wide->count;) {
    Extent part{};
    part.wide = true;
    part.unit = 1;
    part.low = part.high = wide->values[i].key;
    uint64 bytes = 0;
    uint32 end = i;
    for (; end < wide->count && bytes < wide_extent_bytes; end++)
      bytes += quantile::wide_record_header + wide->values[end].bytes->length;
    if (bytes > room) {
      if (buffer != nullptr) pfree(buffer);
      buffer = static_cast<char*>(palloc(bytes));
      room = bytes;
    }
    part.count = end - i;
    for (char* at = buffer; i < end; i++) {
      const quantile::Value& value = wide->values[i];
      part.low = std::min<int64>(part.low, value.key);
      part.high = std::max<int64>(part.high, value.key);
      memcpy(at, &value.key, 8);
      memcpy(at + 8, &value.bytes->length, 4);
      memcpy(at + quantile::wide_record_header, value.bytes->data(), value.bytes->length);
      at += quantile::wide_record_header + value.bytes->length;
    }
    add_part(state, batch, buffer, bytes, part);
  }
  if (buffer != nullptr) pfree(buffer);
  quantile::release_wide(&state->sample, state->pool->memory());
}

}  // namespace dap::aggregate
