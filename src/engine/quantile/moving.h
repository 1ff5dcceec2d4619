// The multiset of a window's frame: values come and go, ranks are found in the logarithm of its size.
// Plain data in memory of the caller's resource: it may be abandoned at any time and has no destructor.
#pragma once

#include <cstdint>
#include <memory_resource>

#include "engine/quantile/value.h"

namespace dap::quantile {

// A B+ tree of the different values that counts what is below each node. All zero is the empty one.
struct MovingSample {
  struct Node;
  Node* root;
  Node* spare;           // nodes at hand, linked
  std::uint32_t height;  // levels above the leaves
  std::uint64_t total;
};

// Adds one value; its bytes are copied if it is the first of its kind. Throws std::bad_alloc and has then changed
// nothing.
void moving_add(MovingSample* sample, const Value& value, std::pmr::memory_resource* memory);
// Takes one value out; false if it is not there.
bool moving_remove(MovingSample* sample, const Value& value, std::pmr::memory_resource* memory);
// How often the value is there.
std::uint64_t moving_times(const MovingSample& sample, const Value& value);
// The value at a 0-based rank, which is below the count.
Value moving_at(const MovingSample& sample, std::uint64_t rank);
inline std::uint64_t moving_count(const MovingSample& sample) { return sample.total; }

}  // namespace dap::quantile
