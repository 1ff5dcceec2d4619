#include "engine/csv/structural_index.h"

namespace dap::csv {
namespace {

simd::Needles needles_of(const Rules& rules) noexcept {
  const auto delimiter = static_cast<unsigned char>(rules.delimiter);
  const auto quote = static_cast<unsigned char>(rules.quote < 0 ? rules.delimiter : rules.quote);
  const auto escape = static_cast<unsigned char>(rules.escape < 0 ? rules.delimiter : rules.escape);
  return simd::Needles{delimiter, quote, escape, '\n', '\r', '\0'};
}

}  // namespace

StructuralIndex::StructuralIndex(const Rules& rules, std::pmr::memory_resource* memory)
    : kernels_(simd::active()), needles_(needles_of(rules)), validate_utf8_(rules.validate_utf8), positions_(memory) {}

void StructuralIndex::begin(const char* data, const char* end) noexcept {
  base_ = indexed_to_ = valid_to_ = data;
  end_ = end;
  first_ = count_ = 0;
}

void StructuralIndex::seek(const char* at) noexcept {
  if (at >= indexed_to_) {
    begin(at, end_);
    return;
  }
  const auto skipped = static_cast<std::uint32_t>(at - base_);
  const std::uint32_t* positions = positions_.data();
  first_ = static_cast<std::size_t>(std::lower_bound(positions + first_, positions + count_, skipped) - positions);
  if (valid_to_ < at) {
    valid_to_ = at;
    validate();
  }
}

bool StructuralIndex::extend(const char* at) {
  if (indexed_to_ == end_) return false;
  seek(at);
  const std::size_t kept = count();
  // Positions have 32 bits: a record that is longer than half of that is over every limit.
  if (kept > most_kept || indexed_to_ - at > INT32_MAX) return false;
  positions_.reserve(most_kept + window_bytes + 64);
  std::uint32_t* positions = positions_.data();
  const auto moved = static_cast<std::uint32_t>(at - base_);
  for (std::size_t k = 0; k < kept; k++) positions[k] = positions[first_ + k] - moved;
  base_ = at;
  first_ = 0;

  const std::size_t window = std::min(window_bytes, static_cast<std::size_t>(end_ - indexed_to_));
  bool non_ascii = false;
  count_ = kept + kernels_.index(indexed_to_, window, needles_, static_cast<std::uint32_t>(indexed_to_ - base_),
                                 positions + kept, non_ascii);
  const bool valid_so_far = valid_to_ == indexed_to_;
  indexed_to_ += window;
  if (!validate_utf8_ || (valid_so_far && !non_ascii)) {
    valid_to_ = indexed_to_;
  } else {
    validate();
  }
  return true;
}

void StructuralIndex::validate() noexcept {
  const auto ahead = static_cast<std::size_t>(indexed_to_ - valid_to_);
  valid_to_ += validate_utf8_ ? kernels_.utf8_prefix(valid_to_, ahead) : ahead;
}

}  // namespace dap::csv
