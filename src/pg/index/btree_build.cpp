#include "pg/index/btree_build.h"

#include <cstring>

#include "bridge/compat/bulk_extend.h"
#include "bridge/compat/index_storage.h"

extern "C" {
#include "access/nbtree.h"
#include "access/xloginsert.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/inval.h"
#include "utils/typcache.h"
}

namespace dap {
namespace {

// Its order is the usual one of the column's values.
bool is_in_usual_order(Relation heap, Relation index, int column, AttrNumber attribute) {
  Form_pg_attribute form = TupleDescAttr(RelationGetDescr(heap), attribute - 1);
  TypeCacheEntry* type = lookup_type_cache(form->atttypid, TYPECACHE_BTREE_OPFAMILY);
  return index->rd_index->indkey.values[column] == attribute && form->attnotnull && index->rd_indoption[column] == 0 &&
         index->rd_opfamily[column] == type->btree_opf && index->rd_opcintype[column] == form->atttypid &&
         index->rd_indcollation[column] == form->attcollation;
}

bool is_plain_btree(Relation index) {
  Form_pg_index form = index->rd_index;
  return index->rd_rel->relam == BTREE_AM_OID && index->rd_rel->relkind == RELKIND_INDEX &&
         index->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT && form->indisunique && form->indimmediate &&
         form->indisvalid && form->indisready && form->indislive && !form->indcheckxmin && !form->indisexclusion &&
         !form->indnullsnotdistinct && form->indnatts == form->indnkeyatts &&
         heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, nullptr) &&
         heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr);
}

// Writes the level above the one that begins with the page `at`, and returns its ends: one item for each page, its
// lowest possible key being the high key of the page to the left.
LevelEnds write_level_above(Relation heap, Relation index, BlockNumber at, uint32 number) {
  BtreeLevel* level = btree_level_open(heap, index, number, false);
  auto* pivot = static_cast<IndexTuple>(palloc0(BLCKSZ));
  pivot->t_info = sizeof(IndexTupleData);
  BTreeTupleSetNAtts(pivot, 0, false);
  while (at != P_NONE) {
    CHECK_FOR_INTERRUPTS();
    BTreeTupleSetDownLink(pivot, at);
    btree_level_add(level, pivot);
    Buffer buffer = ReadBuffer(index, at);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    Page page = BufferGetPage(buffer);
    BTPageOpaque opaque = BTPageGetOpaque(page);
    at = opaque->btpo_next;
    if (at != P_NONE) {
      auto* high_key = reinterpret_cast<IndexTuple>(PageGetItem(page, PageGetItemId(page, P_HIKEY)));
      std::memcpy(pivot, high_key, IndexTupleSize(high_key));
    }
    UnlockReleaseBuffer(buffer);
  }
  pfree(pivot);
  return btree_level_finish(level, false);
}

// The highest page of all.
void mark_root(Relation index, BlockNumber root) {
  Buffer buffer = ReadBuffer(index, root);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  START_CRIT_SECTION();
  Page page = BufferGetPage(buffer);
  BTPageGetOpaque(page)->btpo_flags |= BTP_ROOT;
  MarkBufferDirty(buffer);
  if (RelationNeedsWAL(index)) log_newpage_buffer(buffer, true);
  END_CRIT_SECTION();
  UnlockReleaseBuffer(buffer);
}

// With it the index is one.
void write_metapage(Relation index, BlockNumber root, uint32 level) {
  bool equal_is_same = _bt_allequalimage(index, false);
  Buffer buffer = ReadBuffer(index, BTREE_METAPAGE);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  START_CRIT_SECTION();
  _bt_initmetapage(BufferGetPage(buffer), root, level, equal_is_same);
  MarkBufferDirty(buffer);
  if (RelationNeedsWAL(index)) log_newpage_buffer(buffer, true);
  END_CRIT_SECTION();
  UnlockReleaseBuffer(buffer);
}

}  // namespace

bool can_build_btree(Relation heap, Oid oid, const AttrNumber* columns, int count) {
  Relation index = index_open(oid, AccessExclusiveLock);
  bool can =
      index->rd_refcnt == 1 && is_plain_btree(index) && index->rd_index->indnatts == count && !prunes_early(heap);
  for (int i = 0; can && i < count; i++) can = is_in_usual_order(heap, index, i, columns[i]);
  index_close(index, NoLock);
  return can;
}

Relation btree_build_begin(Oid oid) {
  Relation index = index_open(oid, AccessExclusiveLock);
  TransferPredicateLocksToHeapRelation(index);
  set_new_storage(index);
  Buffer metapage;
  bulk_extend(index, nullptr, 1, &metapage);
  ReleaseBuffer(metapage);
  return index;
}

void btree_build_finish(Relation heap, Relation index, const LevelEnds* parts, int count, int64 rows) {
  LevelEnds ends = {P_NONE, P_NONE};
  for (int i = 0; i < count; i++) {
    if (parts[i].first == P_NONE) continue;
    if (ends.first == P_NONE) ends.first = parts[i].first;
    else join_leaves(index, ends.last, parts[i].first);
    ends.last = parts[i].last;
  }
  uint32 level = 0;
  while (ends.first != ends.last) ends = write_level_above(heap, index, ends.first, ++level);
  if (ends.first != P_NONE) mark_root(index, ends.first);
  write_metapage(index, ends.first, level);
  CacheInvalidateRelcache(index);
  note_size(heap, rows, true);
  note_size(index, rows, false);
  CommandCounterIncrement();
  index_close(index, NoLock);
}

}  // namespace dap
