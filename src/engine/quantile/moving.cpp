// A B+ tree whose inner nodes also hold how many values lie below each child: a rank is found by going down and
// subtracting the counts that are passed, a value by its key. find() notes the way from the root to the leaf in an
// array on the stack, and every change goes back up along it; nodes have no parent pointers. Equal values are one slot
// with a count, so most changes touch counts alone. Nodes that adding may need are provided before anything is changed,
// so that running out of memory changes nothing. Nodes that become free are kept for later splits. Leaves and inner
// nodes share their code for what both do to their arrays (LeafParts, InnerParts).
#include "engine/quantile/moving.h"

#include <algorithm>
#include <new>

namespace dap::quantile {

// A leaf holds different values and how often each is there; an inner node the least value below each child and how
// much is below it. The arrays stand apart, so that a search reads keys only. With them a node takes a little less than
// 2 kB, which allocators round up to.
struct MovingSample::Node {
  static constexpr std::uint32_t leaf_slots = 84;
  static constexpr std::uint32_t inner_slots = 63;
  std::uint32_t used;
  union {
    struct {
      std::int64_t keys[leaf_slots];
      const Bytes* bytes[leaf_slots];
      std::uint64_t counts[leaf_slots];
    } leaf;
    struct {
      std::int64_t keys[inner_slots];
      const Bytes* bytes[inner_slots];  // of the least value, which the leaf owns
      std::uint64_t counts[inner_slots];
      Node* children[inner_slots];
    } inner;
    Node* next;  // of the spare ones
  };
};

namespace {

using Node = MovingSample::Node;

// a node is at least a quarter full but where its neighbour is more than half full
constexpr std::uint32_t most_levels = 16;

template <class Arrays>
void copy_slots(const Arrays& from, std::uint32_t first, std::uint32_t count, Arrays* to, std::uint32_t at) {
  std::copy_n(from.keys + first, count, to->keys + at);
  std::copy_n(from.bytes + first, count, to->bytes + at);
  std::copy_n(from.counts + first, count, to->counts + at);
}

template <class T>
void shift_array(T* array, std::uint32_t first, std::uint32_t count, std::int32_t by) {
  std::memmove(array + first + by, array + first, count * sizeof(T));
}

template <class Arrays>
void shift_slots(Arrays* arrays, std::uint32_t first, std::uint32_t count, std::int32_t by) {
  shift_array(arrays->keys, first, count, by);
  shift_array(arrays->bytes, first, count, by);
  shift_array(arrays->counts, first, count, by);
}

// The two kinds of node as one: what is done to the arrays that both have is written once.
struct LeafParts {
  static constexpr std::uint32_t slots = Node::leaf_slots;
  static auto& of(Node* node) { return node->leaf; }
  static const auto& of(const Node* node) { return node->leaf; }
  static void copy(const Node* from, std::uint32_t first, std::uint32_t count, Node* to, std::uint32_t at) {
    copy_slots(from->leaf, first, count, &to->leaf, at);
  }
  static void shift(Node* node, std::uint32_t first, std::int32_t by) {
    shift_slots(&node->leaf, first, node->used - first, by);
  }
};

struct InnerParts {
  static constexpr std::uint32_t slots = Node::inner_slots;
  static auto& of(Node* node) { return node->inner; }
  static const auto& of(const Node* node) { return node->inner; }
  static void copy(const Node* from, std::uint32_t first, std::uint32_t count, Node* to, std::uint32_t at) {
    copy_slots(from->inner, first, count, &to->inner, at);
    std::copy_n(from->inner.children + first, count, to->inner.children + at);
  }
  static void shift(Node* node, std::uint32_t first, std::int32_t by) {
    shift_slots(&node->inner, first, node->used - first, by);
    shift_array(node->inner.children, first, node->used - first, by);
  }
};

// The first of the keys that is not below the given one.
std::uint32_t lower_bound(const std::int64_t* keys, std::uint32_t count, std::int64_t key) {
  const std::int64_t* at = keys;
  while (count > 1) {
    const std::uint32_t half = count / 2;
    at += at[half - 1] < key ? half : 0;
    count -= half;
  }
  return static_cast<std::uint32_t>(at - keys) + (count == 1 && *at < key ? 1 : 0);
}

// The first slot whose value is not below the given one.
template <class Parts>
std::uint32_t first_not_below(const Node* node, const Value& value) {
  const auto& parts = Parts::of(node);
  std::uint32_t at = lower_bound(parts.keys, node->used, value.key);
  while (at < node->used && parts.keys[at] == value.key && compare_bytes(parts.bytes[at], value.bytes) < 0) at++;
  return at;
}

bool holds(const Node* leaf, std::uint32_t slot, const Value& value) {
  return slot < leaf->used && leaf->leaf.keys[slot] == value.key &&
         compare_bytes(leaf->leaf.bytes[slot], value.bytes) == 0;
}

std::uint32_t child_slot(const Node* node, const Value& value) {
  const std::uint32_t at = first_not_below<InnerParts>(node, value);
  const bool is_least =
      at < node->used && node->inner.keys[at] == value.key && compare_bytes(node->inner.bytes[at], value.bytes) == 0;
  return is_least || at == 0 ? at : at - 1;
}

// The way from the root to where a value is, or would be.
struct Way {
  struct Step {
    Node* node;
    std::uint32_t slot;
  };
  Step inner[most_levels];
  Node* leaf;
  std::uint32_t slot;
  bool found;
};

void find(const MovingSample& sample, const Value& value, Way* way) {
  Node* node = sample.root;
  for (std::uint32_t level = 0; level < sample.height; level++) {
    const std::uint32_t slot = child_slot(node, value);
    way->inner[level] = {node, slot};
    node = node->inner.children[slot];
  }
  way->leaf = node;
  way->slot = first_not_below<LeafParts>(node, value);
  way->found = holds(node, way->slot, value);
}

Node* take_spare(MovingSample* sample) {
  Node* node = sample->spare;
  sample->spare = node->next;
  node->used = 0;
  return node;
}

void keep_spare(MovingSample* sample, Node* node) {
  node->next = sample->spare;
  sample->spare = node;
}

// As many spare nodes as adding at the end of this way splits off.
void provide_nodes(MovingSample* sample, const Way& way, std::pmr::memory_resource* memory) {
  std::uint32_t needed = 0;
  if (way.leaf->used == Node::leaf_slots) {
    needed++;
    std::uint32_t level = sample->height;
    for (; level > 0 && way.inner[level - 1].node->used == Node::inner_slots; level--) needed++;
    if (level == 0) needed++;
  }
  for (const Node* spare = sample->spare; spare != nullptr && needed > 0; spare = spare->next) needed--;
  for (; needed > 0; needed--) keep_spare(sample, new (memory->allocate(sizeof(Node), alignof(Node))) Node);
}

template <class Parts>
std::uint64_t count_of(const Node* node) {
  std::uint64_t count = 0;
  for (std::uint32_t i = 0; i < node->used; i++) count += Parts::of(node).counts[i];
  return count;
}

// Makes room in a full node for one at the slot: its upper part moves to a new node. Values that come in order leave
// full nodes behind.
template <class Parts>
Node* split(MovingSample* sample, Node* node, std::uint32_t slot, bool is_last) {
  Node* above = take_spare(sample);
  const std::uint32_t kept = is_last && slot == Parts::slots ? Parts::slots - 1 : Parts::slots / 2;
  Parts::copy(node, kept, Parts::slots - kept, above, 0);
  above->used = Parts::slots - kept;
  node->used = kept;
  return above;
}

template <class Parts>
void describe(const Node* child, Node* parent, std::uint32_t slot) {
  parent->inner.keys[slot] = Parts::of(child).keys[0];
  parent->inner.bytes[slot] = Parts::of(child).bytes[0];
  parent->inner.counts[slot] = count_of<Parts>(child);
}

void describe(const Node* child, bool is_leaf, Node* parent, std::uint32_t slot) {
  if (is_leaf) describe<LeafParts>(child, parent, slot);
  else describe<InnerParts>(child, parent, slot);
}

void add_to_leaf(Node* leaf, std::uint32_t slot, const Value& value) {
  LeafParts::shift(leaf, slot, 1);
  leaf->leaf.keys[slot] = value.key;
  leaf->leaf.bytes[slot] = value.bytes;
  leaf->leaf.counts[slot] = 1;
  leaf->used++;
}

// After a change of the leaf's first value: each node of the way learns the least value below its child, as far as that
// is its first.
void describe_least(const MovingSample& sample, const Way& way) {
  const std::int64_t key = way.leaf->leaf.keys[0];
  const Bytes* bytes = way.leaf->leaf.bytes[0];
  for (std::uint32_t level = sample.height; level-- > 0;) {
    const auto& [node, slot] = way.inner[level];
    node->inner.keys[slot] = key;
    node->inner.bytes[slot] = bytes;
    if (slot > 0) return;
  }
}

void add_new(MovingSample* sample, const Way& way, const Value& value) {
  Node* leaf = way.leaf;
  if (leaf->used < Node::leaf_slots) {
    add_to_leaf(leaf, way.slot, value);
    if (way.slot == 0) describe_least(*sample, way);
    return;
  }
  bool is_last = true;
  for (std::uint32_t level = 0; level < sample->height; level++)
    is_last = is_last && way.inner[level].slot == way.inner[level].node->used - 1;
  Node* low = leaf;
  Node* high = split<LeafParts>(sample, leaf, way.slot, is_last);
  if (way.slot <= low->used) add_to_leaf(low, way.slot, value);
  else add_to_leaf(high, way.slot - low->used, value);
  // Each level above takes up the node that the level below has split off.
  bool is_leaf = true;
  for (std::uint32_t level = sample->height; level-- > 0;) {
    Node* node = way.inner[level].node;
    std::uint32_t slot = way.inner[level].slot;
    describe(low, is_leaf, node, slot);
    slot++;
    Node* above = nullptr;
    Node* into = node;
    if (node->used == Node::inner_slots) {
      above = split<InnerParts>(sample, node, slot, is_last);
      if (slot > node->used) {
        slot -= node->used;
        into = above;
      }
    }
    InnerParts::shift(into, slot, 1);
    into->used++;
    into->inner.children[slot] = high;
    describe(high, is_leaf, into, slot);
    is_leaf = false;
    low = node;
    high = above;
    if (high == nullptr) break;
  }
  if (way.slot == 0) describe_least(*sample, way);
  if (high == nullptr) return;
  Node* root = take_spare(sample);
  root->used = 2;
  root->inner.children[0] = low;
  root->inner.children[1] = high;
  describe(low, is_leaf, root, 0);
  describe(high, is_leaf, root, 1);
  sample->root = root;
  sample->height++;
}

// Adds `change` to what is below each node of the way.
void change_counts(MovingSample* sample, const Way& way, std::uint64_t change) {
  sample->total += change;
  for (std::uint32_t level = 0; level < sample->height; level++)
    way.inner[level].node->inner.counts[way.inner[level].slot] += change;
}

template <class Parts>
void drop_slot(Node* node, std::uint32_t slot) {
  Parts::shift(node, slot + 1, -1);
  node->used--;
}

// Two neighbouring children become one where that leaves a quarter of it free (true), else alike in size.
template <class Parts>
bool join(MovingSample* sample, Node* parent, std::uint32_t first) {
  Node* low = parent->inner.children[first];
  Node* high = parent->inner.children[first + 1];
  const std::uint32_t both = low->used + high->used;
  const bool is_one = both <= Parts::slots * 3 / 4;
  const std::uint32_t kept = is_one ? both : both / 2;
  if (kept > low->used) {
    const std::uint32_t moved = kept - low->used;
    Parts::copy(high, 0, moved, low, low->used);
    if (!is_one) Parts::shift(high, moved, -static_cast<std::int32_t>(moved));
  } else {
    const std::uint32_t moved = low->used - kept;
    Parts::shift(high, 0, static_cast<std::int32_t>(moved));
    Parts::copy(low, kept, moved, high, 0);
  }
  low->used = kept;
  high->used = both - kept;
  describe<Parts>(low, parent, first);
  if (!is_one) {
    describe<Parts>(high, parent, first + 1);
    return false;
  }
  drop_slot<InnerParts>(parent, first + 1);
  keep_spare(sample, high);
  return true;
}

// Fills a child that is three quarters empty from a neighbour, which every child has; true if there is one child less.
template <class Parts>
bool fill(MovingSample* sample, Node* parent, std::uint32_t slot) {
  if (parent->inner.children[slot]->used > Parts::slots / 4) return false;
  return join<Parts>(sample, parent, slot > 0 ? slot - 1 : 0);
}

void remove_last(MovingSample* sample, const Way& way) {
  drop_slot<LeafParts>(way.leaf, way.slot);
  // Only the last leaf can become empty, which has a neighbour below it.
  if (way.slot == 0 && way.leaf->used > 0) describe_least(*sample, way);
  bool fewer = true;
  for (std::uint32_t level = sample->height; level-- > 0 && fewer;) {
    const auto& [node, slot] = way.inner[level];
    fewer = level + 1 == sample->height ? fill<LeafParts>(sample, node, slot) : fill<InnerParts>(sample, node, slot);
  }
  while (sample->height > 0 && sample->root->used == 1) {
    Node* root = sample->root;
    sample->root = root->inner.children[0];
    sample->height--;
    keep_spare(sample, root);
  }
}

}  // namespace

void moving_add(MovingSample* sample, const Value& value, std::pmr::memory_resource* memory) {
  if (sample->root == nullptr) {
    Node* leaf = new (memory->allocate(sizeof(Node), alignof(Node))) Node;
    leaf->used = 0;
    sample->root = leaf;
  }
  Way way;
  find(*sample, value, &way);
  if (way.found) {
    way.leaf->leaf.counts[way.slot]++;
    change_counts(sample, way, 1);
    return;
  }
  provide_nodes(sample, way, memory);
  Bytes* bytes = nullptr;
  if (value.bytes != nullptr) {
    bytes =
        new (memory->allocate(sizeof(Bytes) + value.bytes->length, alignof(std::uint64_t))) Bytes{value.bytes->length};
    std::memcpy(bytes->data(), value.bytes->data(), value.bytes->length);
  }
  change_counts(sample, way, 1);
  add_new(sample, way, Value{value.key, bytes});
}

bool moving_remove(MovingSample* sample, const Value& value, std::pmr::memory_resource* memory) {
  if (sample->root == nullptr) return false;
  Way way;
  find(*sample, value, &way);
  if (!way.found) return false;
  change_counts(sample, way, ~std::uint64_t{0});
  if (--way.leaf->leaf.counts[way.slot] > 0) return true;
  const Bytes* bytes = way.leaf->leaf.bytes[way.slot];
  remove_last(sample, way);
  if (bytes != nullptr)
    memory->deallocate(const_cast<Bytes*>(bytes), sizeof(Bytes) + bytes->length, alignof(std::uint64_t));
  return true;
}

std::uint64_t moving_times(const MovingSample& sample, const Value& value) {
  if (sample.root == nullptr) return 0;
  Way way;
  find(sample, value, &way);
  return way.found ? way.leaf->leaf.counts[way.slot] : 0;
}

Value moving_at(const MovingSample& sample, std::uint64_t rank) {
  const Node* node = sample.root;
  for (std::uint32_t level = 0; level < sample.height; level++) {
    std::uint32_t slot = 0;
    for (; rank >= node->inner.counts[slot]; slot++) rank -= node->inner.counts[slot];
    node = node->inner.children[slot];
  }
  std::uint32_t slot = 0;
  for (; rank >= node->leaf.counts[slot]; slot++) rank -= node->leaf.counts[slot];
  return {node->leaf.keys[slot], node->leaf.bytes[slot]};
}

}  // namespace dap::quantile
