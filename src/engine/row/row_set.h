// Rows held in memory until all have come: then the latest of each key, in the order of the keys.
#pragma once

#include <csignal>
#include <memory_resource>

#include "engine/row/row.h"

namespace dap::row {

// Plain data in memory of the caller's resource: it may be abandoned at any time.
class RowSet {
 public:
  explicit RowSet(std::pmr::memory_resource* memory) : memory_(memory) {}

  // Is there room for so many bytes without asking for memory?
  bool has_room(std::size_t bytes) const { return bytes <= room_; }
  // Makes it; throws std::bad_alloc and has then changed nothing.
  void make_room(std::size_t bytes);
  // The place of the next row, as long as the room reaches: fill it, then call added().
  Row* next() const { return reinterpret_cast<Row*>(at_); }
  void added();

  std::size_t count() const { return count_; }
  // The bytes that keep_latest() will have taken in the end.
  std::size_t memory_used() const { return chunk_bytes_ + (in_order_ ? 0 : count_ * 2 * sizeof(Entry)); }
  // What they may be when room for so many bytes more was made and used.
  std::size_t memory_after(std::size_t bytes) const;

  // Drops all but the latest row of each key; then rows are given out by next_in_order(), from the first one on. False
  // soon after `stop` has become other than 0, with nothing done: it may be called again. Throws std::bad_alloc.
  bool keep_latest(const volatile std::sig_atomic_t* stop = nullptr);
  // NULL after the last.
  const Row* next_in_order();

  // Empty again, as new; memory goes back to the resource.
  void clear();

 private:
  struct Entry {
    std::uint64_t key;  // eight bytes of the image
    const Row* row;
  };
  struct Chunk {
    Chunk* next;
    std::size_t bytes;  // of all of it
    std::size_t used;   // by rows
  };
  static constexpr std::size_t chunk_header = (sizeof(Chunk) + 7) & ~std::size_t{7};

  using StopFlag = const volatile std::sig_atomic_t*;
  static bool stopped(StopFlag stop) { return stop != nullptr && *stop != 0; }
  std::size_t next_chunk(std::size_t bytes) const;
  bool make_entries(StopFlag stop);
  bool sort_range(std::size_t first, std::size_t count, std::size_t depth, StopFlag stop);
  static bool sort_by_part(Entry* entries, Entry* scratch, std::size_t count, StopFlag stop);
  bool drop_earlier(StopFlag stop);

  std::pmr::memory_resource* memory_;
  Chunk* chunks_ = nullptr;  // in the order in which they were filled
  Chunk* last_chunk_ = nullptr;
  unsigned char* at_ = nullptr;
  std::size_t room_ = 0;
  std::size_t count_ = 0;
  std::size_t chunk_bytes_ = 0;
  const Row* last_ = nullptr;
  bool in_order_ = true;      // every row's key was above the one before
  Entry* entries_ = nullptr;  // with as many behind them to sort them with
  std::size_t entry_room_ = 0;
  std::size_t longest_key_rest_ = 0;
  std::size_t kept_ = 0;
  std::size_t given_ = 0;
  const Chunk* giving_ = nullptr;  // of rows that came in order
  std::size_t giving_at_ = 0;
};

}  // namespace dap::row
