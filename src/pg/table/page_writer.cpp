// Rows are formed as tuples straight into page images in local memory; `batch_pages` images are handed on at once, to
// page_store, which extends the relation and logs a record a page, or, from a certain length of the file on, to a slot
// of page_workers, whose memory then is where rows are formed. No image is visible to anybody before that, and none is
// changed after. Two things are special at the end: an image that is more than half empty is not added, its rows are
// inserted where the relation has room, and of the last page the free space is made known. Where the transaction must
// not be in parallel mode page_writer_alone() ends the workers and takes the unfinished images back.
#include "pg/table/page_writer.h"

#include <cstring>

#include "pg/table/page_store.h"
#include "pg/table/page_workers.h"

extern "C" {
#include "access/heaptoast.h"
#include "storage/bufpage.h"
#include "storage/freespace.h"
#include "storage/predicate.h"
}

namespace dap {

// Starting and ending workers takes some milliseconds. They are asked for after 4 MB of pages; in a file that is short,
// as far as one can tell, after 16 MB.
constexpr int64 pages_before_workers = 512;
constexpr int64 pages_before_workers_of_short = 2048;
constexpr int64 short_bytes = 5 * 1024 * 1024;

struct PageWriter {
  Relation relation;
  RowForm form;
  Size reserve;  // of each page, by fillfactor
  bool ring;
  BlockRanges* written;
  PageStore* store;
  PageWorkers* workers;      // NULL: none
  int64 pages_before_start;  // to be written before workers are asked for
  int64 pages_written;       // since the last time that there were none
  char* own_pages;           // batch_pages images
  char* pages;               // where rows go: own_pages, or a slot of the workers
  int page;                  // the image being filled
  bool started;              // it was initialised
  int64 rows;                // not yet counted in the statistics
};

namespace {

char* image(PageWriter* writer, int page) { return writer->pages + static_cast<Size>(page) * BLCKSZ; }

// Hands the first `count` images on and begins anew with an empty one. Returns the block of the last image, where this
// process wrote it.
BlockNumber flush(PageWriter* writer, int count) {
  BlockNumber last = InvalidBlockNumber;
  // Counted here and not by the worker that writes: what this transaction's abort makes dead rows is its leader's to
  // tell.
  pgstat_count_heap_insert(writer->relation, writer->rows);
  int64 rows = writer->rows;
  writer->rows = 0;
  if (writer->workers) {
    page_workers_give(writer->workers, count, rows);
    writer->pages = page_workers_slot(writer->workers);
  } else {
    BlockNumber blocks[batch_pages];
    page_store_write(writer->store, writer->pages, count, blocks);
    for (int i = 0; i < count; i++) add_blocks(*writer->written, blocks[i], blocks[i]);
    last = blocks[count - 1];
    writer->pages_written += count;
    if (writer->pages_written >= writer->pages_before_start) {
      writer->workers = page_workers_start(writer->relation, writer->ring, writer->store, writer->written);
      writer->pages_before_start *= 2;  // where there are none now, or they have to end often, asking costs
      writer->pages_written = 0;
      if (writer->workers) writer->pages = page_workers_slot(writer->workers);
    }
  }
  writer->page = 0;
  writer->started = false;
  return last;
}

// The rows of an image that is mostly empty go where the relation has room, as an ordinary insert finds it: many small
// files must not take a page each.
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
  table_multi_insert(writer->relation, slots, count, writer->form.command, 0, nullptr);
  for (int i = 0; i < count; i++) {
    BlockNumber block = ItemPointerGetBlockNumber(&slots[i]->tts_tid);
    add_blocks(*writer->written, block, block);
    ExecDropSingleTupleTableSlot(slots[i]);
  }
}

// The images that are left, after the workers' end.
void flush_rest(PageWriter* writer) {
  if (!writer->started) {
    if (writer->page > 0) flush(writer, writer->page);
    return;
  }
  Page rest = image(writer, writer->page);
  Size free = PageGetHeapFreeSpace(rest);
  if (free > BLCKSZ / 2) {
    writer->rows -= PageGetMaxOffsetNumber(rest);       // the insert counts them itself
    if (writer->page > 0) flush(writer, writer->page);  // leaves this image as it is
    insert_rows(writer, rest);
    return;
  }
  BlockNumber last = flush(writer, writer->page + 1);
  if (free <= MAXALIGN(SizeofHeapTupleHeader)) return;
  RecordPageWithFreeSpace(writer->relation, last, free);
  FreeSpaceMapVacuumRange(writer->relation, last, last + 1);
}

// Lets the images filled so far go on in this process's own memory.
void take_back(PageWriter* writer) {
  int images = writer->page + (writer->started ? 1 : 0);
  std::memcpy(writer->own_pages, writer->pages, static_cast<Size>(images) * BLCKSZ);
  writer->pages = writer->own_pages;
}

}  // namespace

PageWriter* page_writer_open(Relation relation, int32 file_id, const int* fields, int64 expected_bytes, bool ring,
                             BlockRanges* written) {
  auto* writer = static_cast<PageWriter*>(palloc0(sizeof(PageWriter)));
  writer->relation = relation;
  writer->form = {RelationGetDescr(relation)->natts, fields, file_id, GetCurrentTransactionId(),
                  GetCurrentCommandId(true)};
  writer->reserve = RelationGetTargetPageFreeSpace(relation, HEAP_DEFAULT_FILLFACTOR);
  writer->ring = ring;
  writer->written = written;
  writer->store = page_store_open(relation, ring);
  writer->pages_before_start =
      expected_bytes > 0 && expected_bytes < short_bytes ? pages_before_workers_of_short : pages_before_workers;
  writer->pages = writer->own_pages = static_cast<char*>(palloc(static_cast<Size>(batch_pages) * BLCKSZ));
  CheckForSerializableConflictIn(relation, nullptr, InvalidBlockNumber);
  return writer;
}

bool page_writer_add(PageWriter* writer, const CsvField* record, int64 line) {
  RowSize size = row_size(&writer->form, record);
  if (size.length > TOAST_TUPLE_THRESHOLD) return false;
  Page page = image(writer, writer->page);
  if (writer->started && PageGetHeapFreeSpace(page) < MAXALIGN(size.length) + writer->reserve) {
    if (writer->page + 1 == batch_pages) flush(writer, batch_pages);
    else writer->page++;
    writer->started = false;
    page = image(writer, writer->page);
  }
  if (!writer->started) {
    PageInit(page, BLCKSZ, 0);
    writer->started = true;
  }
  image_add_row(&writer->form, page, &size, record, line);
  writer->rows++;
  return true;
}

void page_writer_alone(PageWriter* writer) {
  if (!writer->workers) return;
  take_back(writer);
  page_workers_finish(writer->workers);
  writer->workers = nullptr;
}

void page_writer_forget(PageWriter* writer) {
  writer->page = 0;
  writer->started = false;
  writer->rows = 0;
}

void page_writer_finish(PageWriter* writer) {
  page_writer_alone(writer);
  writer->pages_before_start = PG_INT64_MAX;
  flush_rest(writer);
  CheckForSerializableConflictIn(writer->relation, nullptr, InvalidBlockNumber);
  page_store_close(writer->store);
  pfree(writer->own_pages);
}

void page_writer_discard(PageWriter* writer) {
  if (writer->workers) pgstat_count_heap_insert(writer->relation, -page_workers_discard(writer->workers));
}

void page_writer_abandon(PageWriter* writer) {
  if (!writer->workers) return;
  page_writer_discard(writer);
  page_workers_finish(writer->workers);
  writer->workers = nullptr;
}

}  // namespace dap
