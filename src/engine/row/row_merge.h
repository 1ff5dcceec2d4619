// Several ascending streams of rows, each with one row a key, as one.
#pragma once

#include "engine/row/row.h"

namespace dap::row {

// A heap of the streams' next rows: the lowest key is on top, of equal keys the latest row. Rows and the array of
// streams are the caller's.
class RowMerge {
 public:
  struct Stream {
    const Row* row;  // the next one
    int number;
  };

  // `streams` are all that have a row.
  RowMerge(Stream* streams, int count);

  bool is_empty() const { return count_ == 0; }
  const Row& top() const { return *streams_[0].row; }
  int top_stream() const { return streams_[0].number; }
  // The stream on top has gone on to this row; NULL: it has ended.
  void replace_top(const Row* row);

 private:
  void sink(int at);

  Stream* streams_;
  int count_;
};

}  // namespace dap::row
