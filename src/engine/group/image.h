// A partition's groups as bytes, in pieces of bounded size: from one process to another, or to a file and back. Each
// piece can be merged alone, in any order. Little-endian; every byte is checked before it is used.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/column/dictionary.h"
#include "engine/group/table.h"

namespace dap::group {

constexpr std::size_t least_piece = 4096;

// How far a partition has been written. The table must not change meanwhile.
struct Export {
  std::uint32_t partition;
  std::uint32_t group;
  bool inside;  // the group's keys and aggregates are written
  std::uint32_t list;
  bool in_list;
  const Block* block;
  std::uint32_t written, count;  // of the block's entries
};

void begin_export(Export* work, std::uint32_t partition);

// Writes the next piece, of at most `capacity` bytes, which are least_piece or more, and returns its size; 0 at the
// end.
std::size_t export_piece(Export* work, const Table& table, unsigned char* out, std::size_t capacity);

// What the codes of an image's writer are here, of each column that has a dictionary; nullptr: the codes are our own.
struct CodeMaps {
  const column::CodeMap* keys[column::most_keys];
  const column::CodeMap* lists[most_lists][2];
};

// Adds a piece's groups to a table of the same plan; `maps` may be nullptr where all codes are our own. The partition
// is the writer's. Returns done or damaged; throws std::bad_alloc.
Outcome merge_piece(Table* table, const unsigned char* data, std::size_t size, const CodeMaps* maps);

}  // namespace dap::group
