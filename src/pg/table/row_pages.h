// Rows that were formed elsewhere into whole pages at the end of a plain heap.
#pragma once

#include "bridge/pg.h"
#include "engine/row/row.h"

extern "C" {
#include "storage/bufpage.h"
}

namespace dap {

// Which heap rows are to become: what all of them have in common.
struct RowStamp {
  TransactionId xid;
  CommandId command;
  int attributes;
};

// A row's body is what its tuple holds behind the fixed header: the null bitmap, if any, without the bytes that align
// the values, then the values. Its tag is the tuple's infomask.

// Forms the body of a row in `out`, which is MAXALIGNed and has room for `room` bytes. Returns its length, 0 where it
// would be longer or the row needs TOAST.
Size form_body(TupleDesc, const Datum* values, const bool* nulls, char* out, Size room, uint16* tag);

// What the body begins with: bytes of the null bitmap.
inline Size body_bitmap_bytes(uint16 tag, int attributes) {
  return tag & HEAP_HASNULL ? static_cast<Size>(BITMAPLEN(attributes)) : 0;
}

// Makes the tuple of a row of so many attributes, of no transaction; returns its length. `at` is MAXALIGNed.
Size make_tuple(const row::Row*, int attributes, char* at);

// Who looks at each page with its rows once it is written, in their order. `take` NULL: nobody.
struct PageTaker {
  void (*take)(void* argument, Page, BlockNumber);
  void* argument;
};

struct RowPages;

// Any process of the transaction's parallel group may write. `ring`: keep the pages out of the rest of shared buffers.
RowPages* row_pages_open(Relation, const RowStamp*, bool ring, PageTaker taker = {});
void row_pages_add(RowPages*, const row::Row*);
// Writes what is buffered; returns the number of rows.
int64 row_pages_finish(RowPages*);

}  // namespace dap
