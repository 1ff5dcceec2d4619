// The multiset of a window's frame: values come and go, ranks are found in the logarithm of its size.
// Plain data in memory of the caller's resource: it may be abandoned at any time and has no destructor.
#pragma once

#include <cstdint>
#include <memory_resource>

#include "engine/quantile/value.h"

namespace dap::quantile {

// A treap: a search tree by value, a heap by random priority. Node 0 stands for none.
struct MovingSample {
  struct Node {
    Value value;
    std::uint64_t times;
    std::uint64_t total;  // of the node's whole subtree
    std::uint32_t left, right;
    std::uint32_t priority;
    std::uint32_t unused;
  };
  Node* nodes;
  std::uint32_t node_count, node_capacity, root, free_list;
  std::uint64_t random;
};

// Adds one value; its bytes are copied if it is the first of its kind. Throws std::bad_alloc and has then changed nothing.
void moving_add(MovingSample* sample, const Value& value, std::pmr::memory_resource* memory);
// Takes one value out; false if it is not there.
bool moving_remove(MovingSample* sample, const Value& value, std::pmr::memory_resource* memory);
// How often the value is there.
std::uint64_t moving_times(const MovingSample& sample, const Value& value);
// The value at a 0-based rank, which is below the count.
Value moving_at(const MovingSample& sample, std::uint64_t rank);
inline std::uint64_t moving_count(const MovingSample& sample) {
  return sample.root == 0 ? 0 : sample.nodes[sample.root].total;
}

}  // namespace dap::quantile
