#include "bridge/context_memory.h"

#include <sys/mman.h>
#include <cstdint>
#include <new>

namespace dap {

namespace {

constexpr std::size_t page = 4096, huge_page = std::size_t{2} << 20;

// Touching fresh memory by pages of 4 kB costs about as much as filling it. Asking for huge ones changes nothing else,
// and where there are none it is as before.
void ask_for_huge_pages(void* pointer, std::size_t bytes) {
  auto address = reinterpret_cast<std::uintptr_t>(pointer);
  // What lies beside it in its first and last page does not mind.
  std::uintptr_t first = address & ~(page - 1), end = (address + bytes + page - 1) & ~(page - 1);
  (void)madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
}

}  // namespace

void* ContextMemory::do_allocate(std::size_t bytes, std::size_t) {
  if (bytes >= MaxAllocHugeSize) throw std::bad_alloc();
  void* pointer = MemoryContextAllocExtended(context_, bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
  if (pointer == nullptr) throw std::bad_alloc();
  if (bytes >= huge_page) ask_for_huge_pages(pointer, bytes);
  return pointer;
}

void ContextMemory::do_deallocate(void* pointer, std::size_t, std::size_t) { pfree(pointer); }

}  // namespace dap
