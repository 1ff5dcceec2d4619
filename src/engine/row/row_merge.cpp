#include "engine/row/row_merge.h"

#include <utility>

namespace dap::row {

namespace {

bool is_before(const Row& a, const Row& b) {
  const int order = compare_keys(a, b);
  return order < 0 || (order == 0 && is_later(a, b));
}

}  // namespace

RowMerge::RowMerge(Stream* streams, int count) : streams_(streams), count_(count) {
  for (int at = count / 2 - 1; at >= 0; at--) sink(at);
}

void RowMerge::replace_top(const Row* row) {
  if (row != nullptr) streams_[0].row = row;
  else streams_[0] = streams_[--count_];
  sink(0);
}

void RowMerge::sink(int at) {
  for (;;) {
    int child = 2 * at + 1;
    if (child >= count_) return;
    if (child + 1 < count_ && is_before(*streams_[child + 1].row, *streams_[child].row)) child++;
    if (!is_before(*streams_[child].row, *streams_[at].row)) return;
    std::swap(streams_[child], streams_[at]);
    at = child;
  }
}

}  // namespace dap::row
