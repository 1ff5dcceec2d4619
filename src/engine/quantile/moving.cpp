#include "engine/quantile/moving.h"

#include <algorithm>
#include <new>

namespace dap::quantile {

namespace {

using Node = MovingSample::Node;

constexpr std::uint32_t most_nodes = 1U << 30;

std::uint32_t next_priority(std::uint64_t* state) {
  std::uint64_t z = (*state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return static_cast<std::uint32_t>((z ^ (z >> 31)) >> 32);
}

void update(Node* nodes, std::uint32_t at) {
  nodes[at].total = nodes[nodes[at].left].total + nodes[nodes[at].right].total + nodes[at].times;
}

// Parts the tree `at` into what is below and what is above the value, which is not in it.
void split(Node* nodes, std::uint32_t at, const Value& value, std::uint32_t* below, std::uint32_t* above) {
  if (at == 0) {
    *below = *above = 0;
    return;
  }
  if (compare(nodes[at].value, value) < 0) {
    split(nodes, nodes[at].right, value, &nodes[at].right, above);
    *below = at;
  } else {
    split(nodes, nodes[at].left, value, below, &nodes[at].left);
    *above = at;
  }
  update(nodes, at);
}

// Joins two trees of which the first is all below the second.
std::uint32_t join(Node* nodes, std::uint32_t below, std::uint32_t above) {
  if (below == 0) return above;
  if (above == 0) return below;
  if (nodes[below].priority > nodes[above].priority) {
    nodes[below].right = join(nodes, nodes[below].right, above);
    update(nodes, below);
    return below;
  }
  nodes[above].left = join(nodes, below, nodes[above].left);
  update(nodes, above);
  return above;
}

std::uint32_t find(const MovingSample& sample, const Value& value) {
  std::uint32_t at = sample.root;
  while (at != 0) {
    const int order = compare(value, sample.nodes[at].value);
    if (order == 0) break;
    at = order < 0 ? sample.nodes[at].left : sample.nodes[at].right;
  }
  return at;
}

// Adds `change` to the totals on the way from the root to a value that is there.
void change_totals(MovingSample* sample, const Value& value, std::uint64_t change) {
  std::uint32_t at = sample->root;
  for (;;) {
    Node& node = sample->nodes[at];
    node.total += change;
    const int order = compare(value, node.value);
    if (order == 0) return;
    at = order < 0 ? node.left : node.right;
  }
}

std::uint32_t new_node(MovingSample* sample, std::pmr::memory_resource* memory) {
  if (sample->free_list != 0) {
    const std::uint32_t at = sample->free_list;
    sample->free_list = sample->nodes[at].left;
    return at;
  }
  if (sample->node_count == sample->node_capacity) {
    if (sample->node_capacity >= most_nodes) throw std::bad_alloc();
    const std::uint32_t capacity = std::max<std::uint32_t>(16, sample->node_capacity * 2);
    auto* nodes = static_cast<Node*>(memory->allocate(capacity * sizeof(Node), alignof(Node)));
    if (sample->nodes == nullptr) {
      nodes[0] = Node{};
      sample->node_count = 1;
    } else {
      std::copy_n(sample->nodes, sample->node_count, nodes);
      memory->deallocate(sample->nodes, sample->node_capacity * sizeof(Node), alignof(Node));
    }
    sample->nodes = nodes;
    sample->node_capacity = capacity;
  }
  return sample->node_count++;
}

}  // namespace

void moving_add(MovingSample* sample, const Value& value, std::pmr::memory_resource* memory) {
  if (const std::uint32_t found = find(*sample, value)) {
    change_totals(sample, value, 1);
    sample->nodes[found].times++;
    return;
  }
  Bytes* bytes = nullptr;
  if (value.bytes != nullptr) {
    bytes = new (memory->allocate(sizeof(Bytes) + value.bytes->length, alignof(std::uint64_t))) Bytes{value.bytes->length};
    std::memcpy(bytes->data(), value.bytes->data(), value.bytes->length);
  }
  const std::uint32_t added = new_node(sample, memory);
  Node* nodes = sample->nodes;
  nodes[added] = Node{Value{value.key, bytes}, 1, 1, 0, 0, next_priority(&sample->random), 0};
  std::uint32_t* link = &sample->root;
  while (*link != 0 && nodes[*link].priority >= nodes[added].priority) {
    Node& node = nodes[*link];
    node.total++;
    link = compare(value, node.value) < 0 ? &node.left : &node.right;
  }
  split(nodes, *link, value, &nodes[added].left, &nodes[added].right);
  update(nodes, added);
  *link = added;
}

bool moving_remove(MovingSample* sample, const Value& value, std::pmr::memory_resource* memory) {
  const std::uint32_t found = find(*sample, value);
  if (found == 0) return false;
  Node* nodes = sample->nodes;
  change_totals(sample, value, ~std::uint64_t{0});
  if (--nodes[found].times > 0) return true;
  std::uint32_t* link = &sample->root;
  while (*link != found) link = compare(value, nodes[*link].value) < 0 ? &nodes[*link].left : &nodes[*link].right;
  *link = join(nodes, nodes[found].left, nodes[found].right);
  if (const Bytes* bytes = nodes[found].value.bytes)
    memory->deallocate(const_cast<Bytes*>(bytes), sizeof(Bytes) + bytes->length, alignof(std::uint64_t));
  nodes[found] = Node{};
  nodes[found].left = sample->free_list;
  sample->free_list = found;
  return true;
}

std::uint64_t moving_times(const MovingSample& sample, const Value& value) {
  const std::uint32_t found = find(sample, value);
  return found == 0 ? 0 : sample.nodes[found].times;
}

Value moving_at(const MovingSample& sample, std::uint64_t rank) {
  std::uint32_t at = sample.root;
  for (;;) {
    const Node& node = sample.nodes[at];
    const std::uint64_t below = sample.nodes[node.left].total;
    if (rank < below) {
      at = node.left;
    } else if (rank < below + node.times) {
      return node.value;
    } else {
      rank -= below + node.times;
      at = node.right;
    }
  }
}

}  // namespace dap::quantile
