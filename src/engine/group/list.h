// A group's list: values, or pairs of them, in blocks of an arena. Entries of 32-bit numbers take half of the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>

#include "engine/column/key_table.h"

namespace dap::group {

// Entries follow.
struct Block {
  Block* before;
  std::uint32_t count;  // of entries; of the last block how many have room
  bool wide;            // entries of 64-bit numbers, else of 32-bit ones

  unsigned char* entries() { return reinterpret_cast<unsigned char*>(this + 1); }
  const unsigned char* entries() const { return reinterpret_cast<const unsigned char*>(this + 1); }
};

struct List {
  unsigned char* next;  // where the next entry goes
  Block* last;
  std::uint32_t left;      // room in it, entries
  std::uint8_t size_step;  // of the next block
  bool wide;               // of the last block: once wide, always wide
};

// Memory of a partition's lists, given back as a whole.
struct Arena {
  struct Chunk {
    Chunk* before;
    std::size_t size;
  };
  Chunk* last;
  unsigned char* place;
  std::size_t left;
};

inline std::size_t entry_bytes(std::uint32_t columns, bool wide) { return columns * (wide ? 8U : 4U); }

// A block more for a list, whose entries from now on are wide or not. Throws std::bad_alloc.
void open_block(List* list, Arena* arena, std::uint32_t columns, bool wide, std::pmr::memory_resource* memory,
                std::size_t* bytes);
void clear_arena(Arena* arena, std::pmr::memory_resource* memory, std::size_t* bytes);

// Adds an entry; the second value counts where there are two columns. Throws std::bad_alloc.
template <std::uint32_t columns>
void append(List* list, Arena* arena, std::int64_t first, std::int64_t second, std::pmr::memory_resource* memory,
            std::size_t* bytes) {
  const bool narrow =
      first == static_cast<std::int32_t>(first) && (columns == 1 || second == static_cast<std::int32_t>(second));
  if (list->left == 0 || (!narrow && !list->wide))
    open_block(list, arena, columns, list->wide || !narrow, memory, bytes);
  list->left--;
  unsigned char* const next = list->next;
  if (list->wide) {
    list->next = next + 8 * columns;
    std::memcpy(next, &first, 8);
    if (columns == 2) std::memcpy(next + 8, &second, 8);
  } else {
    const auto a = static_cast<std::int32_t>(first), b = static_cast<std::int32_t>(second);
    list->next = next + 4 * columns;
    std::memcpy(next, &a, 4);
    if (columns == 2) std::memcpy(next + 4, &b, 4);
  }
}

std::uint64_t entry_count(const List& list);

// Reads a list's entries, in no particular order; it must not change meanwhile.
struct ListReader {
  const Block* block;
  std::uint32_t columns;
  std::uint32_t read, count;  // of the block's entries
};
void open_list(ListReader* reader, const List& list, std::uint32_t columns);
// Up to `most` entries; `second` may be nullptr. Returns how many; 0 at the end.
std::uint32_t read_list(ListReader* reader, std::int64_t* first, std::int64_t* second, std::uint32_t most);

}  // namespace dap::group
