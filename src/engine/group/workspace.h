// Scratch memory of what is computed of lists, kept from one list to the next: plain data that may be
// abandoned. One computation uses it at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>

namespace dap::group {

struct Workspace {
  std::pmr::memory_resource* memory;
  void* places[3];
  std::size_t sizes[3];
};

// At least so many bytes in place 0, 1 or 2; what stood there is lost. Throws std::bad_alloc.
inline void* scratch(Workspace* work, int place, std::size_t bytes) {
  if (work->sizes[place] >= bytes) return work->places[place];
  if (work->sizes[place] > 0)
    work->memory->deallocate(work->places[place], work->sizes[place], alignof(std::max_align_t));
  work->sizes[place] = 0;
  work->places[place] = work->memory->allocate(bytes, alignof(std::max_align_t));
  work->sizes[place] = bytes;
  return work->places[place];
}

inline std::size_t memory_used(const Workspace& work) { return work.sizes[0] + work.sizes[1] + work.sizes[2]; }

// So many entries are worked on at a time, then the caller may look around: well below a millisecond.
constexpr std::uint32_t entries_at_a_time = 1U << 16;

}  // namespace dap::group
