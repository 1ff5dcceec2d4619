// Most rows of a table come from few transactions. Whether a row is visible is asked of the server once for each
// transaction that wrote it, and remembered, where nothing but the writer decides: no deletion or lock, no combined
// command ids, no relic of an old VACUUM FULL. Rows of this transaction itself never get hint bits, so that the server
// would look at each one's transaction anew.
#include "pg/table/heap_scan.h"

#include "bridge/compat/old_snapshot.h"

extern "C" {
#include "catalog/pg_am.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
}

namespace dap {

struct HeapScan {
  Relation relation;
  Snapshot snapshot;
  BufferAccessStrategy strategy;
  BlockNumber next, end;
  Buffer buffer;
  TransactionId own;        // of this transaction, seen to be; Invalid: none yet
  TransactionId committed;  // before the snapshot, seen to be
  HeapPage page;
};

namespace {

constexpr int lines_ahead = 6;
constexpr uint16 needs_server = HEAP_MOVED | HEAP_COMBOCID;

bool decided_by_writer(uint16 mask) {
  return (mask & HEAP_XMAX_INVALID) != 0 && (mask & needs_server) == 0 &&
         ((mask & HEAP_XMIN_INVALID) == 0 || (mask & HEAP_XMIN_FROZEN) == HEAP_XMIN_FROZEN);
}

bool ask_server(HeapScan* scan, HeapTupleHeader tuple, Size length, OffsetNumber offset) {
  HeapTupleData asked;
  asked.t_data = tuple;
  asked.t_len = static_cast<uint32>(length);
  asked.t_tableOid = RelationGetRelid(scan->relation);
  ItemPointerSet(&asked.t_self, BufferGetBlockNumber(scan->buffer), offset);
  return HeapTupleSatisfiesVisibility(&asked, scan->snapshot, scan->buffer);
}

bool is_visible(HeapScan* scan, HeapTupleHeader tuple, Size length, OffsetNumber offset) {
  uint16 mask = tuple->t_infomask;
  if (!decided_by_writer(mask)) return ask_server(scan, tuple, length, offset);
  if ((mask & HEAP_XMIN_FROZEN) == HEAP_XMIN_FROZEN) return true;
  TransactionId writer = HeapTupleHeaderGetRawXmin(tuple);
  if (!TransactionIdIsValid(writer)) return ask_server(scan, tuple, length, offset);
  if (writer == scan->committed) return true;
  if (writer == scan->own) return HeapTupleHeaderGetRawCommandId(tuple) < scan->snapshot->curcid;
  if (!ask_server(scan, tuple, length, offset)) return false;
  if (TransactionIdIsCurrentTransactionId(writer)) scan->own = writer;
  else scan->committed = writer;
  return true;
}

void collect(HeapScan* scan, Page page) {
  HeapPage* found = &scan->page;
  found->count = 0;
  OffsetNumber last = PageGetMaxOffsetNumber(page);
  bool all_visible = PageIsAllVisible(page) && !scan->snapshot->takenDuringRecovery;
  for (OffsetNumber offset = FirstOffsetNumber; offset <= last; offset++) {
    ItemId item = PageGetItemId(page, offset);
    // The tuples are hardly ever in the processor's cache: the one of some lines on is asked for now.
    if (offset + lines_ahead <= last)
      __builtin_prefetch(page + ItemIdGetOffset(PageGetItemId(page, offset + lines_ahead)));
    if (!ItemIdIsNormal(item)) continue;
    auto* tuple = reinterpret_cast<HeapTupleHeader>(PageGetItem(page, item));
    if (!all_visible && !is_visible(scan, tuple, ItemIdGetLength(item), offset)) continue;
    found->tuples[found->count] = tuple;
    found->lengths[found->count++] = static_cast<uint16>(ItemIdGetLength(item));
  }
}

void release(HeapScan* scan) {
  if (BufferIsValid(scan->buffer)) ReleaseBuffer(scan->buffer);
  scan->buffer = InvalidBuffer;
}

}  // namespace

bool is_readable_heap(Relation relation) {
  Form_pg_class form = relation->rd_rel;
  return form->relkind == RELKIND_RELATION && form->relam == HEAP_TABLE_AM_OID && !form->relhassubclass &&
         !RELATION_IS_OTHER_TEMP(relation);
}

HeapScan* heap_scan_open(Relation relation, BlockNumber first, BlockNumber end) {
  auto* scan = static_cast<HeapScan*>(palloc0(sizeof(HeapScan)));
  scan->relation = relation;
  scan->snapshot = GetActiveSnapshot();
  // As the server's own scans: a table that would sweep shared buffers keeps to a few of them.
  if (RelationGetNumberOfBlocks(relation) > static_cast<BlockNumber>(NBuffers) / 4)
    scan->strategy = GetAccessStrategy(BAS_BULKREAD);
  scan->next = first;
  scan->end = end;
  scan->buffer = InvalidBuffer;
  return scan;
}

const HeapPage* heap_scan_next(HeapScan* scan) {
  release(scan);
  while (scan->next < scan->end) {
    CHECK_FOR_INTERRUPTS();
    scan->buffer = ReadBufferExtended(scan->relation, MAIN_FORKNUM, scan->next++, RBM_NORMAL, scan->strategy);
    LockBuffer(scan->buffer, BUFFER_LOCK_SHARE);
    Page page = BufferGetPage(scan->buffer);
    check_old_snapshot(scan->snapshot, scan->relation, page);
    collect(scan, page);
    LockBuffer(scan->buffer, BUFFER_LOCK_UNLOCK);  // the pin keeps the tuples where they are
    if (scan->page.count > 0) return &scan->page;
    release(scan);
  }
  return nullptr;
}

void heap_scan_close(HeapScan* scan) {
  release(scan);
  if (scan->strategy) FreeAccessStrategy(scan->strategy);
  pfree(scan);
}

}  // namespace dap
