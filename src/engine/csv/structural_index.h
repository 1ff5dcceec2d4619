// Where the bytes stand that can mean something to the dialect, found a window at a time, and up to where the bytes are
// valid text.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/csv/rules.h"
#include "engine/simd/kernels.h"

namespace dap::csv {

// Runs ahead of the fast path over one contiguous piece of input. Positions are ascending and relative to base().
class StructuralIndex {
 public:
  static constexpr std::size_t window_bytes = 16u << 10;
  // A record that is still open after so many positions is left to RecordMachine.
  static constexpr std::size_t most_kept = 16u << 10;

  StructuralIndex(const Rules& rules, std::pmr::memory_resource* memory);

  // Another piece of input, of which nothing has been looked at.
  void begin(const char* data, const char* end) noexcept;

  // Drops the positions before `at`, where the next record starts.
  void seek(const char* at) noexcept;

  // Drops the positions before `at`, where the current record starts, makes it the base and adds those of one more
  // window. False at the end of the input, or if too many positions would be kept.
  bool extend(const char* at);

  const char* base() const noexcept { return base_; }
  const std::uint32_t* positions() const noexcept { return positions_.data() + first_; }
  std::size_t count() const noexcept { return count_ - first_; }
  // What begins at the last seek() or extend() is well-formed up to here, or up to the last window's end if nothing is
  // validated.
  const char* valid_to() const noexcept { return valid_to_; }

 private:
  void validate() noexcept;

  const simd::Kernels& kernels_;
  simd::Needles needles_;
  bool validate_utf8_;
  const char* base_ = nullptr;
  const char* indexed_to_ = nullptr;
  const char* valid_to_ = nullptr;
  const char* end_ = nullptr;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  Buffer<std::uint32_t> positions_;
};

}  // namespace dap::csv
