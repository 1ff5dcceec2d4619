// Functions that walk a tree of nodes, or copy it with changes, as the server's walkers and mutators take them.
#pragma once

#include "bridge/pg.h"

namespace dap {

#if PG_VERSION_NUM >= 160000
using TreeWalker = bool (*)(Node*, void*);
inline TreeWalker tree_walker(bool (*walk)(Node*, void*)) { return walk; }
using TreeMutator = Node* (*)(Node*, void*);
inline TreeMutator tree_mutator(Node* (*mutate)(Node*, void*)) { return mutate; }
#else
// Before 16 (commit 1c27d16e6e) walkers were declared without their arguments.
using TreeWalker = bool (*)();
inline TreeWalker tree_walker(bool (*walk)(Node*, void*)) {
  return reinterpret_cast<TreeWalker>(reinterpret_cast<void (*)()>(walk));
}
using TreeMutator = Node* (*)();
inline TreeMutator tree_mutator(Node* (*mutate)(Node*, void*)) {
  return reinterpret_cast<TreeMutator>(reinterpret_cast<void (*)()>(mutate));
}
#endif

}  // namespace dap
