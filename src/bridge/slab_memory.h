// PostgreSQL's memory for tables that grow to hundreds of megabytes in pieces of some kilobytes.
#pragma once

#include <memory_resource>

#include "bridge/context_memory.h"

namespace dap {

// As ContextMemory, but that pieces from 4 kB to 1 MB are cut from slabs of huge pages: the first touch of fresh memory
// is dear by pages of 4 kB. What is given back serves pieces of about the same size; all goes with the context. The
// object lies where it is until then.
class SlabMemory final : public std::pmr::memory_resource {
 public:
  explicit SlabMemory(MemoryContext context);

 private:
  struct Link {
    Link* next;
  };
  static constexpr std::size_t least = 4096, most = std::size_t{1} << 20;
  static constexpr int steps = 16;  // of sizes from one power of two to the next: a piece wastes at most a 16th
  static constexpr int classes = 8 * steps + 1;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
  static int class_of(std::size_t bytes, std::size_t* rounded);
  static void give_back(void* memory);
  void open_slab(std::size_t piece);

  ContextMemory large_;
  unsigned char* place_ = nullptr;
  std::size_t left_ = 0;
  std::size_t slab_ = std::size_t{1} << 18;  // of the next slab; a small table has a small one
  Link* free_[classes] = {};
  Link* stocked_ = nullptr;  // slabs that go back to the stock
  uint64 stock_ = 0;         // which one
  MemoryContextCallback callback_ = {};
};

// Until the context is reset, large slabs that are given back wait there for the next table, whose memory is not fresh
// then: as many as take half of maintenance_work_mem, as sorts that come between have theirs beside them.
void stock_slabs(MemoryContext context);

}  // namespace dap
