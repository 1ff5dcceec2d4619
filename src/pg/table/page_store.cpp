#include "pg/table/page_store.h"

#include <cstring>

extern "C" {
#include "access/heapam_xlog.h"
#include "access/xloginsert.h"
#include "catalog/catalog.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
}

namespace dap {

struct PageStore {
  Relation relation;
  BufferAccessStrategy strategy;  // NULL: none
  char* wal_data;
};

namespace {

// The page's rows as xl_heap_multi_insert carries them; each aligned to two bytes.
Size wal_rows(char* out, Page page) {
  char* at = out;
  OffsetNumber last = PageGetMaxOffsetNumber(page);
  for (OffsetNumber offset = FirstOffsetNumber; offset <= last; offset++) {
    ItemId item = PageGetItemId(page, offset);
    auto* tuple = reinterpret_cast<HeapTupleHeader>(PageGetItem(page, item));
    auto* row = reinterpret_cast<xl_multi_insert_tuple*>(SHORTALIGN(at));
    row->t_infomask2 = tuple->t_infomask2;
    row->t_infomask = tuple->t_infomask;
    row->t_hoff = tuple->t_hoff;
    row->datalen = static_cast<uint16>(ItemIdGetLength(item) - SizeofHeapTupleHeader);
    at = reinterpret_cast<char*>(row) + SizeOfMultiInsertTuple;
    std::memcpy(at, reinterpret_cast<char*>(tuple) + SizeofHeapTupleHeader, row->datalen);
    at += row->datalen;
  }
  return static_cast<Size>(at - out);
}

// XLH_INSERT_LAST_IN_MULTI stays unset: it makes logical decoding forget the TOAST chunks gathered so far, and those
// may be the leader's, of a row whose own record comes later. No row of an image has any.
void log_page(PageStore* store, Buffer buffer, Page page) {
  char record[SizeOfHeapMultiInsert + sizeof(OffsetNumber)];
  auto* insert = reinterpret_cast<xl_heap_multi_insert*>(record);
  bool decoded = RelationIsLogicallyLogged(store->relation);
  insert->flags = static_cast<uint8>(decoded ? XLH_INSERT_CONTAINS_NEW_TUPLE : 0);
  insert->ntuples = PageGetMaxOffsetNumber(page);
  Size size = wal_rows(store->wal_data, page);
  XLogBeginInsert();
  XLogRegisterData(record, SizeOfHeapMultiInsert);
  XLogRegisterBuffer(0, buffer,
                     static_cast<uint8>(REGBUF_STANDARD | REGBUF_WILL_INIT | (decoded ? REGBUF_KEEP_DATA : 0)));
  XLogRegisterBufData(0, store->wal_data, static_cast<uint32>(size));
  XLogSetRecordFlags(XLOG_INCLUDE_ORIGIN);
  XLogRecPtr position = XLogInsert(RM_HEAP2_ID, XLOG_HEAP2_MULTI_INSERT | XLOG_HEAP_INIT_PAGE);
  PageSetLSN(page, position);  // a macro that names its argument twice
}

// Fills one new, exclusively locked page of the relation from an image.
void write_page(PageStore* store, Buffer buffer, char* from) {
  BlockNumber block = BufferGetBlockNumber(buffer);
  for (OffsetNumber offset = FirstOffsetNumber; offset <= PageGetMaxOffsetNumber(from); offset++) {
    auto* tuple = reinterpret_cast<HeapTupleHeader>(PageGetItem(from, PageGetItemId(from, offset)));
    ItemPointerSet(&tuple->t_ctid, block, offset);
  }
  Page page = BufferGetPage(buffer);
  START_CRIT_SECTION();
  std::memcpy(page, from, BLCKSZ);
  MarkBufferDirty(buffer);
  if (RelationNeedsWAL(store->relation)) log_page(store, buffer, page);
  END_CRIT_SECTION();
}

}  // namespace

PageStore* page_store_open(Relation relation, bool ring) {
  auto* store = static_cast<PageStore*>(palloc0(sizeof(PageStore)));
  store->relation = relation;
  store->strategy = ring ? GetAccessStrategy(BAS_BULKWRITE) : nullptr;
  store->wal_data = static_cast<char*>(palloc(2 * BLCKSZ));
  return store;
}

void page_store_write(PageStore* store, char* images, int count, BlockNumber* blocks) {
  Buffer buffers[batch_pages];
  int written = 0;
  while (written < count) {
    CHECK_FOR_INTERRUPTS();
    int extended = bulk_extend(store->relation, store->strategy, count - written, buffers);
    for (int i = 0; i < extended; i++) {
      LockBuffer(buffers[i], BUFFER_LOCK_EXCLUSIVE);
      // Another session may have found the new page at the relation's end and taken it; then ours is the next one.
      if (PageIsNew(BufferGetPage(buffers[i]))) {
        blocks[written] = BufferGetBlockNumber(buffers[i]);
        write_page(store, buffers[i], images + static_cast<Size>(written) * BLCKSZ);
        written++;
      }
      UnlockReleaseBuffer(buffers[i]);
    }
  }
}

void page_store_close(PageStore* store) {
  if (store->strategy) FreeAccessStrategy(store->strategy);
  pfree(store->wal_data);
  pfree(store);
}

}  // namespace dap
