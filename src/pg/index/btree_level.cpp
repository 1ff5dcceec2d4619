// A page is finished when the next item does not fit any more: its last item moves on to a new page, of which it is the
// lowest, and what is left of it here, without the columns that tell nothing apart, is the high key. So far a page is
// an image in this process's memory, the line pointer of its high key kept free. Images are written when a batch of
// them is complete, since only then blocks are taken. Siblings name each other's blocks: one block more than there are
// images is taken each time, which is the next image's.
#include "pg/index/btree_level.h"

#include <cstring>

#include "bridge/compat/bulk_extend.h"

extern "C" {
#include "access/nbtree.h"
#include "access/xloginsert.h"
#include "catalog/pg_control.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
}

namespace dap {

struct BtreeLevel {
  Relation heap, index;
  BTScanInsert key;
  uint32 number;
  Size reserve;  // of each page, by fillfactor
  BufferAccessStrategy strategy;
  char* images;  // bulk_extend_most complete ones and the one being filled
  int complete;
  bool started;
  Buffer next;  // the next image's, pinned
  LevelEnds ends;
};

namespace {

// More than any high key takes: a third of a page is the most for a row's tuple with the row's place added.
constexpr Size high_key_room = BLCKSZ / 3;

char* image(BtreeLevel* level, int number) { return level->images + static_cast<Size>(number) * BLCKSZ; }
char* current(BtreeLevel* level) { return image(level, level->complete); }
PageHeader header(char* page) { return reinterpret_cast<PageHeader>(page); }
IndexTuple item_at(char* page, OffsetNumber offset) {
  return reinterpret_cast<IndexTuple>(PageGetItem(page, PageGetItemId(page, offset)));
}

void begin_page(BtreeLevel* level) {
  char* page = current(level);
  _bt_pageinit(page, BLCKSZ);
  BTPageOpaque opaque = BTPageGetOpaque(page);
  opaque->btpo_prev = opaque->btpo_next = P_NONE;
  opaque->btpo_level = level->number;
  opaque->btpo_flags = level->number == 0 ? BTP_LEAF : 0;
  opaque->btpo_cycleid = 0;
  header(page)->pd_lower = static_cast<LocationIndex>(header(page)->pd_lower + sizeof(ItemIdData));
}

// As the item behind the last one; there is room.
void place(char* page, IndexTuple item, OffsetNumber offset) {
  Size size = IndexTupleSize(item);
  auto upper = static_cast<LocationIndex>(header(page)->pd_upper - MAXALIGN(size));
  std::memcpy(page + upper, item, size);
  if (Size padding = MAXALIGN(size) - size) std::memset(page + upper + size, 0, padding);
  ItemIdSetNormal(PageGetItemId(page, offset), upper, static_cast<unsigned>(size));
  header(page)->pd_upper = upper;
}

void append(BtreeLevel* level, IndexTuple item) {
  char* page = current(level);
  auto offset = static_cast<OffsetNumber>(PageGetMaxOffsetNumber(page) + 1);
  IndexTupleData lowest;
  if (level->number > 0 && offset == P_FIRSTKEY) {
    // Above the leaves a page's first item is lower than all else: only its downlink counts.
    lowest = *item;
    lowest.t_info = sizeof(IndexTupleData);
    BTreeTupleSetNAtts(&lowest, 0, false);
    item = &lowest;
  }
  header(page)->pd_lower = static_cast<LocationIndex>(header(page)->pd_lower + sizeof(ItemIdData));
  place(page, item, offset);
}

// The rightmost page of a level has no high key.
void drop_high_key_place(char* page) {
  Size kept = sizeof(ItemIdData) * static_cast<Size>(PageGetMaxOffsetNumber(page) - 1);
  std::memmove(PageGetItemId(page, P_HIKEY), PageGetItemId(page, P_FIRSTKEY), kept);
  header(page)->pd_lower = static_cast<LocationIndex>(header(page)->pd_lower - sizeof(ItemIdData));
}

// Fills new pages from images, one record of the WAL for all.
void write_pages(Relation index, const Buffer* buffers, char* images, int count) {
  bool logged = RelationNeedsWAL(index);
  if (logged) XLogEnsureRecordSpace(count - 1, 0);
  for (int i = 0; i < count; i++) LockBuffer(buffers[i], BUFFER_LOCK_EXCLUSIVE);
  START_CRIT_SECTION();
  for (int i = 0; i < count; i++) {
    std::memcpy(BufferGetPage(buffers[i]), images + static_cast<Size>(i) * BLCKSZ, BLCKSZ);
    MarkBufferDirty(buffers[i]);
  }
  if (logged) {
    XLogBeginInsert();
    for (int i = 0; i < count; i++)
      XLogRegisterBuffer(static_cast<uint8>(i), buffers[i], REGBUF_FORCE_IMAGE | REGBUF_STANDARD);
    XLogRecPtr position = XLogInsert(RM_XLOG_ID, XLOG_FPI);
    for (int i = 0; i < count; i++) {
      Page page = BufferGetPage(buffers[i]);
      PageSetLSN(page, position);
    }
  }
  END_CRIT_SECTION();
  for (int i = 0; i < count; i++) UnlockReleaseBuffer(buffers[i]);
}

// Writes all complete images; `last`: nothing follows.
void flush(BtreeLevel* level, bool last) {
  Buffer buffers[bulk_extend_most + 1];
  int written = 0;
  while (written < level->complete) {
    CHECK_FOR_INTERRUPTS();
    int left = level->complete - written, have = 0;
    if (BufferIsValid(level->next)) buffers[have++] = level->next;
    if (int wanted = left + (last ? 0 : 1) - have; wanted > 0)
      have += bulk_extend(level->index, level->strategy, wanted < bulk_extend_most ? wanted : bulk_extend_most,
                          buffers + have);
    int now = last && have == left ? left : have - 1;
    for (int i = 0; i < now; i++) {
      BTPageOpaque opaque = BTPageGetOpaque(image(level, written + i));
      opaque->btpo_prev = level->ends.last;
      opaque->btpo_next = i + 1 < have ? BufferGetBlockNumber(buffers[i + 1]) : P_NONE;
      level->ends.last = BufferGetBlockNumber(buffers[i]);
      if (level->ends.first == P_NONE) level->ends.first = level->ends.last;
    }
    level->next = now < have ? buffers[now] : InvalidBuffer;
    if (now > 0) write_pages(level->index, buffers, image(level, written), now);
    written += now;
  }
  if (!last) std::memcpy(image(level, 0), image(level, level->complete), BLCKSZ);
  level->complete = 0;
}

// Goes on with a new page, which begins with the last item of this one.
void finish_page(BtreeLevel* level) {
  char* page = current(level);
  OffsetNumber last = PageGetMaxOffsetNumber(page);
  IndexTuple moved = item_at(page, last);
  level->complete++;
  begin_page(level);
  append(level, moved);
  // Only on the leaves is there something to leave out: pivots come without it.
  IndexTuple high_key =
      level->number > 0 ? moved : _bt_truncate(level->index, item_at(page, OffsetNumberPrev(last)), moved, level->key);
  Size size = MAXALIGN(IndexTupleSize(moved));
  ItemId place_of_high_key = PageGetItemId(page, P_HIKEY);
  header(page)->pd_lower = static_cast<LocationIndex>(header(page)->pd_lower - sizeof(ItemIdData));
  if (high_key == moved) {
    *place_of_high_key = *PageGetItemId(page, last);
  } else {
    header(page)->pd_upper = static_cast<LocationIndex>(header(page)->pd_upper + size);
    place(page, high_key, P_HIKEY);
    pfree(high_key);
  }
  if (level->complete == bulk_extend_most) flush(level, false);
}

}  // namespace

BtreeLevel* btree_level_open(Relation heap, Relation index, uint32 number, bool ring) {
  auto* level = static_cast<BtreeLevel*>(palloc0(sizeof(BtreeLevel)));
  level->heap = heap;
  level->index = index;
  level->key = _bt_mkscankey(index, nullptr);
  level->number = number;
  level->reserve =
      number > 0 ? BLCKSZ * (100 - BTREE_NONLEAF_FILLFACTOR) / 100 : static_cast<Size>(BTGetTargetPageFreeSpace(index));
  level->strategy = ring ? GetAccessStrategy(BAS_BULKWRITE) : nullptr;
  level->images = static_cast<char*>(palloc(static_cast<Size>(bulk_extend_most + 1) * BLCKSZ));
  level->ends = {P_NONE, P_NONE};
  return level;
}

void btree_level_add(BtreeLevel* level, IndexTuple item) {
  if (!level->started) begin_page(level);
  level->started = true;
  Size size = MAXALIGN(IndexTupleSize(item));
  if (unlikely(size > BLCKSZ / 4) && level->number == 0)
    _bt_check_third_page(level->index, level->heap, true, current(level), item);
  // On the leaves a high key may be longer than the item it is made from, by the row's place.
  Size free = PageGetFreeSpace(current(level)),
       needed = size + (level->number == 0 ? MAXALIGN(sizeof(ItemPointerData)) : 0);
  if (free < needed || (free < level->reserve && PageGetMaxOffsetNumber(current(level)) > P_FIRSTKEY))
    finish_page(level);
  append(level, item);
}

LevelEnds btree_level_finish(BtreeLevel* level, bool goes_on) {
  if (level->started) {
    if (goes_on && PageGetFreeSpace(current(level)) < high_key_room &&
        PageGetMaxOffsetNumber(current(level)) > P_FIRSTKEY)
      finish_page(level);
    drop_high_key_place(current(level));
    level->complete++;
    flush(level, true);
  }
  LevelEnds ends = level->ends;
  if (level->strategy) FreeAccessStrategy(level->strategy);
  pfree(level->key);
  pfree(level->images);
  pfree(level);
  return ends;
}

void join_leaves(Relation index, BlockNumber left_last, BlockNumber right_first) {
  Buffer buffers[] = {ReadBuffer(index, left_last), ReadBuffer(index, right_first)};
  auto* images = static_cast<char*>(palloc(2 * BLCKSZ));
  char *left = images, *right = images + BLCKSZ;
  std::memcpy(left, BufferGetPage(buffers[0]), BLCKSZ);
  std::memcpy(right, BufferGetPage(buffers[1]), BLCKSZ);
  BTPageGetOpaque(left)->btpo_next = right_first;
  BTPageGetOpaque(right)->btpo_prev = left_last;
  BTScanInsert key = _bt_mkscankey(index, nullptr);
  OffsetNumber right_lowest = P_FIRSTDATAKEY(BTPageGetOpaque(right)), count = PageGetMaxOffsetNumber(left);
  IndexTuple high_key = _bt_truncate(index, item_at(left, count), item_at(right, right_lowest), key);
  if (PageGetFreeSpace(left) < MAXALIGN(IndexTupleSize(high_key))) elog(ERROR, "no room for a high key");
  std::memmove(PageGetItemId(left, P_FIRSTKEY), PageGetItemId(left, P_HIKEY), sizeof(ItemIdData) * count);
  header(left)->pd_lower = static_cast<LocationIndex>(header(left)->pd_lower + sizeof(ItemIdData));
  place(left, high_key, P_HIKEY);
  write_pages(index, buffers, images, 2);
  pfree(high_key);
  pfree(key);
  pfree(images);
}

}  // namespace dap
