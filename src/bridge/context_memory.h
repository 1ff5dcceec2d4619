// PostgreSQL's memory for the engine.
#pragma once

#include <memory_resource>

#include "bridge/pg.h"

namespace dap {

// A MemoryContext as the engine's memory; what is not there is std::bad_alloc.
class ContextMemory final : public std::pmr::memory_resource {
 public:
  explicit ContextMemory(MemoryContext context) : context_(context) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
  MemoryContext context_;
};

}  // namespace dap
