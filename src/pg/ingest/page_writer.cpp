#include "pg/ingest/page_writer.h"

#include <cstring>

#include "bridge/bulk_extend.h"

extern "C" {
#include "access/heapam_xlog.h"
#include "access/heaptoast.h"
#include "access/xloginsert.h"
#include "catalog/catalog.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/freespace.h"
#include "storage/predicate.h"
}

namespace dap {

constexpr int batch_pages = bulk_extend_most;

struct PageWriter {
  Relation relation;
  int32 file_id;
  const int* fields;
  int attributes;
  BufferAccessStrategy strategy;  // NULL: none
  Size reserve;                   // of each page, by fillfactor
  char* pages;                    // batch_pages images
  int page;                       // the image being filled
  bool started;                   // it was initialised
  char* wal_data;
  TransactionId xid;
  CommandId command;
  int64 rows;      // not yet counted in the statistics
  Size bitmap_bytes;
};

namespace {

char* image(PageWriter* writer, int page) { return writer->pages + static_cast<Size>(page) * BLCKSZ; }

// The size of a row's values behind its header; short varlena headers need no alignment, long ones four bytes.
Size data_size(const PageWriter* writer, const CsvField* record, bool* has_null) {
  Size size = sizeof(int64) + sizeof(int32);
  for (int a = 2; a < writer->attributes; a++) {
    int field = writer->fields[a];
    if (field < 0 || record[field].is_null) {
      *has_null = true;
      continue;
    }
    Size length = record[field].size;
    size = length + VARHDRSZ_SHORT <= VARATT_SHORT_MAX ? size + VARHDRSZ_SHORT + length : INTALIGN(size) + VARHDRSZ + length;
  }
  return size;
}

void put_text(char** at, const char* start, const CsvField* field) {
  Size length = field->size;
  if (length + VARHDRSZ_SHORT <= VARATT_SHORT_MAX) {
    SET_VARSIZE_SHORT(*at, length + VARHDRSZ_SHORT);
    std::memcpy(*at + VARHDRSZ_SHORT, field->data, length);
    *at += VARHDRSZ_SHORT + length;
    return;
  }
  char* aligned = const_cast<char*>(start) + INTALIGN(*at - start);
  std::memset(*at, 0, static_cast<Size>(aligned - *at));
  SET_VARSIZE(aligned, length + VARHDRSZ);
  std::memcpy(aligned + VARHDRSZ, field->data, length);
  *at = aligned + VARHDRSZ + length;
}

void put_row(PageWriter* writer, HeapTupleHeader tuple, Size header, bool has_null, const CsvField* record, int64 line) {
  std::memset(static_cast<void*>(tuple), 0, header);
  HeapTupleHeaderSetXmin(tuple, writer->xid);
  HeapTupleHeaderSetCmin(tuple, writer->command);
  HeapTupleHeaderSetNatts(tuple, writer->attributes);
  tuple->t_infomask |= static_cast<uint16>(HEAP_XMAX_INVALID | HEAP_HASVARWIDTH | (has_null ? HEAP_HASNULL : 0));
  tuple->t_hoff = static_cast<uint8>(header);
  char* start = reinterpret_cast<char*>(tuple) + header;
  char* at = start;
  std::memcpy(at, &line, sizeof(line));
  at += sizeof(line);
  std::memcpy(at, &writer->file_id, sizeof(int32));
  at += sizeof(int32);
  bits8* bitmap = tuple->t_bits;
  if (has_null) bitmap[0] = 3;
  for (int a = 2; a < writer->attributes; a++) {
    int field = writer->fields[a];
    if (field < 0 || record[field].is_null) continue;
    if (has_null) bitmap[a >> 3] |= static_cast<bits8>(1 << (a & 7));
    put_text(&at, start, &record[field]);
  }
}

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

void log_page(PageWriter* writer, Buffer buffer, Page page, bool last) {
  char record[SizeOfHeapMultiInsert + sizeof(OffsetNumber)];
  auto* insert = reinterpret_cast<xl_heap_multi_insert*>(record);
  bool decoded = RelationIsLogicallyLogged(writer->relation);
  insert->flags = static_cast<uint8>((last ? XLH_INSERT_LAST_IN_MULTI : 0) | (decoded ? XLH_INSERT_CONTAINS_NEW_TUPLE : 0));
  insert->ntuples = PageGetMaxOffsetNumber(page);
  Size size = wal_rows(writer->wal_data, page);
  XLogBeginInsert();
  XLogRegisterData(record, SizeOfHeapMultiInsert);
  XLogRegisterBuffer(0, buffer, static_cast<uint8>(REGBUF_STANDARD | REGBUF_WILL_INIT | (decoded ? REGBUF_KEEP_DATA : 0)));
  XLogRegisterBufData(0, writer->wal_data, static_cast<uint32>(size));
  XLogSetRecordFlags(XLOG_INCLUDE_ORIGIN);
  XLogRecPtr position = XLogInsert(RM_HEAP2_ID, XLOG_HEAP2_MULTI_INSERT | XLOG_HEAP_INIT_PAGE);
  PageSetLSN(page, position);  // a macro that names its argument twice
}

// Fills one new, exclusively locked page of the relation from an image.
void write_page(PageWriter* writer, Buffer buffer, char* from, bool last) {
  BlockNumber block = BufferGetBlockNumber(buffer);
  for (OffsetNumber offset = FirstOffsetNumber; offset <= PageGetMaxOffsetNumber(from); offset++) {
    auto* tuple = reinterpret_cast<HeapTupleHeader>(PageGetItem(from, PageGetItemId(from, offset)));
    ItemPointerSet(&tuple->t_ctid, block, offset);
  }
  Page page = BufferGetPage(buffer);
  START_CRIT_SECTION();
  std::memcpy(page, from, BLCKSZ);
  MarkBufferDirty(buffer);
  if (RelationNeedsWAL(writer->relation)) log_page(writer, buffer, page, last);
  END_CRIT_SECTION();
}

// Adds the images filled so far to the relation.
void flush(PageWriter* writer, int count) {
  Buffer buffers[batch_pages];
  int written = 0;
  while (written < count) {
    CHECK_FOR_INTERRUPTS();
    int extended = bulk_extend(writer->relation, writer->strategy, count - written, buffers);
    for (int i = 0; i < extended; i++) {
      LockBuffer(buffers[i], BUFFER_LOCK_EXCLUSIVE);
      // Another session may have found the new page at the relation's end and taken it; then ours is the next one.
      if (PageIsNew(BufferGetPage(buffers[i]))) {
        write_page(writer, buffers[i], image(writer, written), written + 1 == count);
        written++;
      }
      UnlockReleaseBuffer(buffers[i]);
    }
  }
  pgstat_count_heap_insert(writer->relation, writer->rows);
  writer->rows = 0;
  writer->page = 0;
  writer->started = false;
}

// The rows of an image that is mostly empty go where the relation has room, as an ordinary insert finds it: many small files must not
// take a page each.
void insert_rows(PageWriter* writer, Page from) {
  int count = PageGetMaxOffsetNumber(from);
  auto** slots = static_cast<TupleTableSlot**>(palloc(sizeof(TupleTableSlot*) * static_cast<Size>(count)));
  auto* tuples = static_cast<HeapTupleData*>(palloc0(sizeof(HeapTupleData) * static_cast<Size>(count)));
  for (int i = 0; i < count; i++) {
    ItemId item = PageGetItemId(from, static_cast<OffsetNumber>(i + 1));
    tuples[i].t_len = ItemIdGetLength(item);
    tuples[i].t_tableOid = RelationGetRelid(writer->relation);
    tuples[i].t_data = reinterpret_cast<HeapTupleHeader>(PageGetItem(from, item));
    slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(writer->relation), &TTSOpsHeapTuple);
    ExecStoreHeapTuple(&tuples[i], slots[i], false);
  }
  table_multi_insert(writer->relation, slots, count, writer->command, 0, nullptr);
  for (int i = 0; i < count; i++) ExecDropSingleTupleTableSlot(slots[i]);
  writer->rows = 0;
}

}  // namespace

PageWriter* page_writer_open(Relation relation, int32 file_id, const int* fields, bool ring) {
  auto* writer = static_cast<PageWriter*>(palloc0(sizeof(PageWriter)));
  writer->relation = relation;
  writer->file_id = file_id;
  writer->fields = fields;
  writer->attributes = RelationGetDescr(relation)->natts;
  writer->bitmap_bytes = static_cast<Size>(BITMAPLEN(writer->attributes));
  writer->strategy = ring ? GetAccessStrategy(BAS_BULKWRITE) : nullptr;
  writer->reserve = RelationGetTargetPageFreeSpace(relation, HEAP_DEFAULT_FILLFACTOR);
  writer->pages = static_cast<char*>(palloc(static_cast<Size>(batch_pages) * BLCKSZ));
  writer->wal_data = static_cast<char*>(palloc(2 * BLCKSZ));
  writer->xid = GetCurrentTransactionId();
  writer->command = GetCurrentCommandId(true);
  CheckForSerializableConflictIn(relation, nullptr, InvalidBlockNumber);
  return writer;
}

bool page_writer_add(PageWriter* writer, const CsvField* record, int64 line) {
  bool has_null = false;
  Size data = data_size(writer, record, &has_null);
  Size header = MAXALIGN(SizeofHeapTupleHeader + (has_null ? writer->bitmap_bytes : 0));
  Size length = header + data;
  if (length > TOAST_TUPLE_THRESHOLD) return false;
  Page page = image(writer, writer->page);
  if (writer->started && PageGetHeapFreeSpace(page) < MAXALIGN(length) + writer->reserve) {
    if (writer->page + 1 == batch_pages) flush(writer, batch_pages);
    else writer->page++;
    writer->started = false;
    page = image(writer, writer->page);
  }
  if (!writer->started) {
    PageInit(page, BLCKSZ, 0);
    writer->started = true;
  }
  auto* header_of_page = reinterpret_cast<PageHeader>(page);
  OffsetNumber offset = static_cast<OffsetNumber>(PageGetMaxOffsetNumber(page) + 1);
  auto upper = static_cast<LocationIndex>(header_of_page->pd_upper - MAXALIGN(length));
  put_row(writer, reinterpret_cast<HeapTupleHeader>(page + upper), header, has_null, record, line);
  Size padding = MAXALIGN(length) - length;
  if (padding) std::memset(page + upper + length, 0, padding);
  ItemIdSetNormal(PageGetItemId(page, offset), upper, length);
  header_of_page->pd_lower = static_cast<LocationIndex>(header_of_page->pd_lower + sizeof(ItemIdData));
  header_of_page->pd_upper = upper;
  writer->rows++;
  return true;
}

void page_writer_finish(PageWriter* writer) {
  if (writer->started) {
    Size free = PageGetHeapFreeSpace(image(writer, writer->page));
    bool sparse = free > BLCKSZ / 2;
    if (!sparse) flush(writer, writer->page + 1);
    else if (writer->page > 0) {
      char* rest = image(writer, writer->page);
      int64 rows = PageGetMaxOffsetNumber(rest);
      writer->rows -= rows;
      flush(writer, writer->page);
      insert_rows(writer, rest);
    } else {
      insert_rows(writer, image(writer, 0));
    }
    if (!sparse && free > MAXALIGN(SizeofHeapTupleHeader)) {
      BlockNumber last = RelationGetNumberOfBlocks(writer->relation) - 1;
      RecordPageWithFreeSpace(writer->relation, last, free);
      FreeSpaceMapVacuumRange(writer->relation, last, last + 1);
    }
  }
  CheckForSerializableConflictIn(writer->relation, nullptr, InvalidBlockNumber);
  if (writer->strategy) FreeAccessStrategy(writer->strategy);
  pfree(writer->pages);
  pfree(writer->wal_data);
}

}  // namespace dap
