// Functions that walk a tree of nodes, as the server's walkers take them.
#pragma once

#include "bridge/pg.h"

namespace dap {

#if PG_VERSION_NUM >= 160000
using TreeWalker = bool (*)(Node*, void*);
inline TreeWalker tree_walker(bool (*walk)(Node*, void*)) { return walk; }
#else
// Before 16 (commit 1c27d16e6e) walkers were declared without their arguments.
using TreeWalker = bool (*)();
inline TreeWalker tree_walker(bool (*walk)(Node*, void*)) {
  return reinterpret_cast<TreeWalker>(reinterpret_cast<void (*)()>(walk));
}
#endif

}  // namespace dap
