#include "pg/clean/key_index.h"

#include <cstring>

#include "pg/clean/key_image.h"
#include "pg/index/btree_build.h"
#include "pg/table/tuple_shape.h"

extern "C" {
#include "access/itup.h"
#include "access/tupmacs.h"
#include "portability/instr_time.h"
#include "storage/bufpage.h"
}

namespace dap {

struct KeyIndex {
  Relation index;
  BtreeLevel* leaves;
  TupleShape* shape;
  const char** places;
  int columns;
  // Where all columns are of a fixed length, so is the entry: where each value lies in it.
  IndexTuple entry;  // NULL: they are not
  Size* offsets;
  Datum* values;
  bool* nulls;
  MemoryContext row_context;
  instr_time spent;
};

namespace {

AttrNumber* key_attributes(Relation index) { return index->rd_index->indkey.values; }

// Lays an entry out as index_form_tuple does where nothing is NULL.
void lay_out(KeyIndex* key) {
  TupleDesc desc = RelationGetDescr(key->index);
  key->offsets = static_cast<Size*>(palloc(sizeof(Size) * static_cast<Size>(key->columns)));
  Size at = 0;
  for (int i = 0; i < key->columns; i++) {
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    if (attribute->attlen <= 0) return;
    at = att_align_nominal(at, attribute->attalign);
    key->offsets[i] = sizeof(IndexTupleData) + at;
    at += static_cast<Size>(attribute->attlen);
  }
  Size size = MAXALIGN(sizeof(IndexTupleData) + at);
  key->entry = static_cast<IndexTuple>(palloc0(size));
  key->entry->t_info = static_cast<unsigned short>(size);
}

void copy_values(KeyIndex* key) {
  TupleDesc desc = RelationGetDescr(key->index);
  auto* entry = reinterpret_cast<char*>(key->entry);
  for (int i = 0; i < key->columns; i++) {
    switch (TupleDescAttr(desc, i)->attlen) {
      case sizeof(int64): std::memcpy(entry + key->offsets[i], key->places[i], sizeof(int64)); break;
      case sizeof(int32): std::memcpy(entry + key->offsets[i], key->places[i], sizeof(int32)); break;
      default: std::memcpy(entry + key->offsets[i], key->places[i], static_cast<Size>(TupleDescAttr(desc, i)->attlen));
    }
  }
}

IndexTuple form_entry(KeyIndex* key) {
  TupleDesc desc = RelationGetDescr(key->index);
  for (int i = 0; i < key->columns; i++) {
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    key->values[i] = fetch_att(key->places[i], attribute->attbyval, attribute->attlen);
  }
  return index_form_tuple(desc, key->values, key->nulls);
}

}  // namespace

Oid buildable_key_index(const Model* model, Relation target) {
  TupleDesc desc = RelationGetDescr(target);
  int count = model->key_count;
  auto* columns = static_cast<AttrNumber*>(palloc(sizeof(AttrNumber) * static_cast<Size>(count)));
  for (int i = 0; i < count; i++) {
    ImageColumn column = image_column(model, desc, model->key[i], true);
    if (column.kind == ImageKind::none) return InvalidOid;  // images say what is equal, not what is less
    columns[i] = static_cast<AttrNumber>(column.target + 1);
  }
  List* indexes = RelationGetIndexList(target);
  if (list_length(indexes) != 1 || !tuple_shape(desc, columns, count)) return InvalidOid;
  Oid index = linitial_oid(indexes);
  return can_build_btree(target, index, columns, count) ? index : InvalidOid;
}

KeyIndex* key_index_open(Relation target, Relation index, bool ring) {
  auto* key = static_cast<KeyIndex*>(palloc0(sizeof(KeyIndex)));
  key->index = index;
  key->columns = index->rd_index->indnatts;
  auto count = static_cast<Size>(key->columns);
  key->leaves = btree_level_open(target, index, 0, ring);
  key->shape = tuple_shape(RelationGetDescr(target), key_attributes(index), key->columns);
  key->places = static_cast<const char**>(palloc(sizeof(char*) * count));
  key->values = static_cast<Datum*>(palloc(sizeof(Datum) * count));
  key->nulls = static_cast<bool*>(palloc0(sizeof(bool) * count));
  key->row_context = AllocSetContextCreate(CurrentMemoryContext, "dap index entries", ALLOCSET_DEFAULT_SIZES);
  lay_out(key);
  return key;
}

void key_index_take(void* argument, Page page, BlockNumber block) {
  auto* key = static_cast<KeyIndex*>(argument);
  instr_time started, ended;
  INSTR_TIME_SET_CURRENT(started);
  MemoryContext old = MemoryContextSwitchTo(key->row_context);
  OffsetNumber last = PageGetMaxOffsetNumber(page);
  for (OffsetNumber offset = FirstOffsetNumber; offset <= last; offset++) {
    tuple_places(key->shape, reinterpret_cast<HeapTupleHeader>(PageGetItem(page, PageGetItemId(page, offset))),
                 key->places);
    IndexTuple entry = key->entry;
    if (entry) copy_values(key);
    else entry = form_entry(key);
    ItemPointerSet(&entry->t_tid, block, offset);
    btree_level_add(key->leaves, entry);
  }
  MemoryContextSwitchTo(old);
  MemoryContextReset(key->row_context);
  INSTR_TIME_SET_CURRENT(ended);
  INSTR_TIME_ACCUM_DIFF(key->spent, ended, started);
}

LevelEnds key_index_finish(KeyIndex* key, bool goes_on, double* milliseconds) {
  instr_time started, ended;
  INSTR_TIME_SET_CURRENT(started);
  LevelEnds ends = btree_level_finish(key->leaves, goes_on);
  INSTR_TIME_SET_CURRENT(ended);
  INSTR_TIME_ACCUM_DIFF(key->spent, ended, started);
  *milliseconds += INSTR_TIME_GET_MILLISEC(key->spent);
  MemoryContextDelete(key->row_context);
  pfree(key);
  return ends;
}

}  // namespace dap
