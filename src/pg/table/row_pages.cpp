#include "pg/table/row_pages.h"

#include <cstring>

#include "pg/table/page_store.h"

extern "C" {
#include "access/heaptoast.h"
#include "storage/freespace.h"
}

namespace dap {

struct RowPages {
  Relation relation;
  RowStamp stamp;
  Size reserve;  // of each page, by fillfactor
  PageStore* store;
  char* images;  // batch_pages of them
  int page;      // the one being filled
  bool started;
  int64 rows;
  PageTaker taker;
};

namespace {

char* image(RowPages* pages, int number) { return pages->images + static_cast<Size>(number) * BLCKSZ; }
char* image(RowPages* pages) { return image(pages, pages->page); }

BlockNumber flush(RowPages* pages, int count) {
  BlockNumber blocks[batch_pages];
  page_store_write(pages->store, pages->images, count, blocks);
  for (int i = 0; pages->taker.take && i < count; i++)
    pages->taker.take(pages->taker.argument, image(pages, i), blocks[i]);
  pages->page = 0;
  pages->started = false;
  return blocks[count - 1];
}

void begin_page(RowPages* pages, Size length) {
  if (pages->started) {
    if (PageGetHeapFreeSpace(image(pages)) >= MAXALIGN(length) + pages->reserve) return;
    if (pages->page + 1 == batch_pages) flush(pages, batch_pages);
    else pages->page++;
  }
  PageInit(image(pages), BLCKSZ, 0);
  pages->started = true;
}

}  // namespace

Size form_body(TupleDesc desc, const Datum* values, const bool* nulls, char* out, Size room, uint16* tag) {
  bool has_null = false;
  for (int i = 0; i < desc->natts; i++) has_null |= nulls[i];
  Size bitmap = has_null ? static_cast<Size>(BITMAPLEN(desc->natts)) : 0;
  Size data = heap_compute_data_size(desc, const_cast<Datum*>(values), const_cast<bool*>(nulls));
  Size header = MAXALIGN(SizeofHeapTupleHeader + bitmap);
  if (header + data > TOAST_TUPLE_THRESHOLD || header + data > room) return 0;
  // The values lie as if the bitmap had been aligned; it is moved to where they begin.
  Size aligned = MAXALIGN(bitmap);
  // What aligns values has to be zero: a reader tells a value from that by it.
  std::memset(out, 0, aligned + data);
  *tag = 0;
  heap_fill_tuple(desc, const_cast<Datum*>(values), const_cast<bool*>(nulls), out + aligned, data, tag,
                  has_null ? reinterpret_cast<uint8*>(out) : nullptr);
  if (*tag & HEAP_HASEXTERNAL) return 0;  // a value that lies in another table's TOAST
  if (aligned > bitmap) std::memmove(out + bitmap, out + aligned, data);
  return bitmap + data;
}

Size make_tuple(const row::Row* row, int attributes, char* at) {
  auto* tuple = reinterpret_cast<HeapTupleHeader>(at);
  Size bitmap = body_bitmap_bytes(row->tag, attributes), header = MAXALIGN(SizeofHeapTupleHeader + bitmap);
  std::memset(at, 0, header);
  HeapTupleHeaderSetNatts(tuple, attributes);
  tuple->t_infomask = row->tag;
  tuple->t_hoff = static_cast<uint8>(header);
  const unsigned char* body = row->body_bytes();
  std::memcpy(tuple->t_bits, body, bitmap);
  std::memcpy(at + header, body + bitmap, row->body - bitmap);
  return header + row->body - bitmap;
}

RowPages* row_pages_open(Relation relation, const RowStamp* stamp, bool ring, PageTaker taker) {
  auto* pages = static_cast<RowPages*>(palloc0(sizeof(RowPages)));
  pages->relation = relation;
  pages->stamp = *stamp;
  pages->taker = taker;
  pages->reserve = RelationGetTargetPageFreeSpace(relation, HEAP_DEFAULT_FILLFACTOR);
  pages->store = page_store_open(relation, ring);
  pages->images = static_cast<char*>(palloc(static_cast<Size>(batch_pages) * BLCKSZ));
  return pages;
}

void row_pages_add(RowPages* pages, const row::Row* row) {
  Size bitmap = body_bitmap_bytes(row->tag, pages->stamp.attributes);
  Size length = MAXALIGN(SizeofHeapTupleHeader + bitmap) + row->body - bitmap;
  begin_page(pages, length);
  char* page = image(pages);
  auto* page_header = reinterpret_cast<PageHeader>(page);
  auto upper = static_cast<LocationIndex>(page_header->pd_upper - MAXALIGN(length));
  make_tuple(row, pages->stamp.attributes, page + upper);
  auto* tuple = reinterpret_cast<HeapTupleHeader>(page + upper);
  HeapTupleHeaderSetXmin(tuple, pages->stamp.xid);
  HeapTupleHeaderSetCmin(tuple, pages->stamp.command);
  tuple->t_infomask |= HEAP_XMAX_INVALID;
  if (Size padding = MAXALIGN(length) - length) std::memset(page + upper + length, 0, padding);
  auto offset = static_cast<OffsetNumber>(PageGetMaxOffsetNumber(page) + 1);
  ItemIdSetNormal(PageGetItemId(page, offset), upper, static_cast<unsigned>(length));
  page_header->pd_lower = static_cast<LocationIndex>(page_header->pd_lower + sizeof(ItemIdData));
  page_header->pd_upper = upper;
  pages->rows++;
}

int64 row_pages_finish(RowPages* pages) {
  int64 rows = pages->rows;
  if (pages->started) {
    Size free = PageGetHeapFreeSpace(image(pages));
    BlockNumber last = flush(pages, pages->page + 1);
    RecordPageWithFreeSpace(pages->relation, last, free);
  }
  page_store_close(pages->store);
  pfree(pages->images);
  pfree(pages);
  return rows;
}

}  // namespace dap
