// What several fuzzers share: memory that is asked of the system once and still watched, and inputs whose first bytes
// choose a dialect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory_resource>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <sanitizer/asan_interface.h>

#include "csv_support.h"
#include "engine/simd/kernels.h"

namespace dap::fuzz {

inline void require(bool condition) {
  if (!condition) std::abort();
}

// Hands out blocks of exactly the size asked for, and keeps them when they are given back: a hundred kilobytes from the
// system for every input would be most of the time. A block that was given back is poisoned until it is asked for
// again.
class RecyclingMemory final : public std::pmr::memory_resource {
 public:
  ~RecyclingMemory() override { forget(); }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    require(alignment <= alignof(std::max_align_t));
    std::vector<void*>& kept = kept_[bytes];
    if (kept.empty()) return std::malloc(bytes);
    void* block = kept.back();
    kept.pop_back();
    ASAN_UNPOISON_MEMORY_REGION(block, bytes);
    return block;
  }
  void do_deallocate(void* block, std::size_t bytes, std::size_t) override {
    std::vector<void*>& kept = kept_[bytes];
    ASAN_POISON_MEMORY_REGION(block, bytes);
    kept.push_back(block);
    kept_bytes_ += bytes;
    if (kept_bytes_ > (256u << 20)) forget();
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  void forget() {
    for (auto& [bytes, kept] : kept_) {
      for (void* block : kept) {
        ASAN_UNPOISON_MEMORY_REGION(block, bytes);
        std::free(block);
      }
      kept.clear();
    }
    kept_bytes_ = 0;
  }

  std::unordered_map<std::size_t, std::vector<void*>> kept_;
  std::size_t kept_bytes_ = 0;
};

// One place for chunk after chunk; a byte past the chunk's end, or well before it, must not be read.
class ChunkPlace {
 public:
  explicit ChunkPlace(std::size_t most) : place_(static_cast<char*>(std::malloc(most))), most_(most) {}

  const char* put(const char* data, std::size_t size) {
    require(size <= most_);
    ASAN_UNPOISON_MEMORY_REGION(place_, most_);
    std::memset(place_ + most_ - last_, '#', last_);
    char* at = place_ + most_ - size;
    if (size > 0) std::memcpy(at, data, size);
    ASAN_POISON_MEMORY_REGION(place_, most_ - size);
    last_ = size;
    return at;
  }

 private:
  char* place_;
  std::size_t most_;
  std::size_t last_ = 0;
};

constexpr std::size_t control_bytes = 6;

// What the first control_bytes of an input choose.
struct Choice {
  csv::test::Options options;
  csv::test::Feeding feeding;
  std::size_t level;  // of simd::available()
};

inline Choice choose(const std::uint8_t* data) {
  static constexpr char delimiters[] = {',', ';', '\t', '|'};
  static constexpr char quotes[] = {'"', '"', '\'', 0};
  static constexpr char escapes[] = {'"', 0, '\\', '\''};
  static constexpr const char* nulls[] = {"", "", "NULL", "x"};
  Choice choice;
  csv::Dialect& dialect = choice.options.dialect;
  dialect.delimiter = delimiters[data[0] & 3];
  dialect.quote = quotes[data[0] >> 2 & 3];
  dialect.escape = escapes[data[0] >> 4 & 3];
  dialect.null_text = nulls[data[0] >> 6];
  dialect.lenient = (data[1] & 1) != 0;
  dialect.validate_utf8 = (data[1] & 2) == 0;
  choice.options.header = (data[1] & 4) == 0;
  choice.options.columns = data[1] >> 3 & 7;
  if ((data[2] & 0x80) != 0) choice.options.limits.field_bytes = data[2] & 0x7F;
  if ((data[3] & 0x80) != 0) choice.options.limits.record_bytes = data[3] & 0x7F;
  if ((data[1] & 0x80) != 0) choice.options.limits.reject_bytes = data[3] & 0x7F;
  if ((data[2] & 1) != 0) choice.options.limits.step_bytes = data[3] & 0x7F;
  choice.feeding.chunks = {std::size_t{1} + data[4] % 16, std::size_t{1} + data[4] / 16 * 10};
  choice.feeding.max_records = 1 + data[5] % 16;
  choice.feeding.finish_early = (data[5] & 0x80) != 0;
  choice.level = (data[5] >> 4 & 7) % simd::available().size();
  return choice;
}

inline void use_level(std::size_t level) {
  require(simd::select(simd::available()[level % simd::available().size()]->name));
}

}  // namespace dap::fuzz
