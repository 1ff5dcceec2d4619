#include "engine/group/list.h"

#include <algorithm>

namespace dap::group {

namespace {

constexpr std::size_t first_block = 64;
constexpr std::uint8_t last_step = 8;  // blocks of 16 kB
constexpr std::size_t first_chunk = std::size_t{4} << 10, largest_chunk = std::size_t{256} << 10;

template <class Number>
void widen(const unsigned char* from, std::uint32_t columns, std::uint32_t count, std::int64_t* first,
           std::int64_t* second) {
  for (std::uint32_t i = 0; i < count; i++, from += columns * sizeof(Number)) {
    Number number;
    std::memcpy(&number, from, sizeof number);
    first[i] = number;
  }
  if (columns < 2 || second == nullptr) return;
  from -= count * columns * sizeof(Number);
  for (std::uint32_t i = 0; i < count; i++, from += columns * sizeof(Number)) {
    Number number;
    std::memcpy(&number, from + sizeof number, sizeof number);
    second[i] = number;
  }
}

}  // namespace

void open_block(List* list, Arena* arena, std::uint32_t columns, bool wide, std::pmr::memory_resource* memory,
                std::size_t* bytes) {
  const std::size_t size = first_block << list->size_step;
  if (size > arena->left) {  // what is left of the chunk is lost: a block's size at most
    const std::size_t next = arena->last == nullptr ? first_chunk : std::min(arena->last->size * 2, largest_chunk);
    const std::size_t room = std::max(next, size + sizeof(Arena::Chunk));
    auto* const chunk = static_cast<Arena::Chunk*>(memory->allocate(room, alignof(Arena::Chunk)));
    *bytes += room;
    *chunk = Arena::Chunk{arena->last, room};
    arena->last = chunk;
    arena->place = reinterpret_cast<unsigned char*>(chunk + 1);
    arena->left = room - sizeof(Arena::Chunk);
  }
  auto* const block = reinterpret_cast<Block*>(arena->place);
  arena->place += size;
  arena->left -= size;
  if (list->last != nullptr) list->last->count -= list->left;
  block->before = list->last;
  block->count = static_cast<std::uint32_t>((size - sizeof(Block)) / entry_bytes(columns, wide));
  block->wide = wide;
  list->last = block;
  list->next = block->entries();
  list->left = block->count;
  list->wide = wide;
  if (list->size_step < last_step) list->size_step++;
}

void clear_arena(Arena* arena, std::pmr::memory_resource* memory, std::size_t* bytes) {
  while (arena->last != nullptr) {
    Arena::Chunk* const chunk = arena->last;
    arena->last = chunk->before;
    *bytes -= chunk->size;
    memory->deallocate(chunk, chunk->size, alignof(Arena::Chunk));
  }
  *arena = Arena{};
}

std::uint64_t entry_count(const List& list) {
  std::uint64_t count = 0;
  for (const Block* block = list.last; block != nullptr; block = block->before) count += block->count;
  return count - list.left;
}

void open_list(ListReader* reader, const List& list, std::uint32_t columns) {
  *reader = ListReader{list.last, columns, 0, list.last == nullptr ? 0 : list.last->count - list.left};
}

std::uint32_t read_list(ListReader* reader, std::int64_t* first, std::int64_t* second, std::uint32_t most) {
  std::uint32_t done = 0;
  while (reader->block != nullptr && done < most) {
    const Block& block = *reader->block;
    const std::uint32_t count = std::min(reader->count - reader->read, most - done);
    const unsigned char* const from = block.entries() + reader->read * entry_bytes(reader->columns, block.wide);
    std::int64_t* const to = second == nullptr ? nullptr : second + done;
    if (block.wide) widen<std::int64_t>(from, reader->columns, count, first + done, to);
    else widen<std::int32_t>(from, reader->columns, count, first + done, to);
    done += count;
    reader->read += count;
    if (reader->read < reader->count) continue;
    reader->block = block.before;
    reader->read = 0;
    reader->count = block.before == nullptr ? 0 : block.before->count;
  }
  return done;
}

}  // namespace dap::group
