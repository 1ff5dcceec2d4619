#include "pg/clean/stored_rows.h"

#include <cstring>

#include "pg/clean/clean_rules.h"
#include "pg/clean/key_image.h"
#include "pg/clean/row_runs.h"
#include "pg/table/heap_scan.h"
#include "pg/table/tuple_shape.h"

extern "C" {
#include "access/tupmacs.h"
#include "storage/bufmgr.h"
}

namespace dap {

struct StoredRows {
  const CleanTask* task;
  int process;
  TupleShape* shape;  // of rows up to their keys
  ImageColumn* key;
  const char** places;
  Datum* values;  // of the key
  ImageBuffer images;
  RowRuns* runs;
  MemoryContext row_context;
};

namespace {

constexpr uint16 form_bits = HEAP_HASNULL | HEAP_HASVARWIDTH | HEAP_HASEXTERNAL;

TupleShape* key_shape(const Model* model, TupleDesc desc) {
  auto* wanted = static_cast<AttrNumber*>(palloc(sizeof(AttrNumber) * static_cast<Size>(model->key_count)));
  for (int i = 0; i < model->key_count; i++)
    wanted[i] = static_cast<AttrNumber>(model_column_position(model, desc, model->key[i]) + 1);
  return tuple_shape(desc, wanted, model->key_count);
}

// Does the index keep rows of the same key apart at any time?
bool keeps_apart(const Model* model, TupleDesc desc, Oid index) {
  HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
  if (!HeapTupleIsValid(tuple)) return false;
  auto* form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
  bool apart = form->indisprimary && form->indimmediate && form->indisvalid && !form->indisexclusion;
  for (int i = 0; apart && i < form->indnkeyatts; i++)
    apart = is_key_column(model, NameStr(TupleDescAttr(desc, form->indkey.values[i] - 1)->attname));
  ReleaseSysCache(tuple);
  return apart;
}

Datum key_value(TupleDesc desc, const ImageColumn* column, const char* place) {
  Form_pg_attribute attribute = TupleDescAttr(desc, column->target);
  Datum value = fetch_att(place, attribute->attbyval, attribute->attlen);
  return attribute->attlen == -1 ? PointerGetDatum(PG_DETOAST_DATUM_PACKED(value)) : value;
}

// False if the row has no key, or one that is too long for here.
bool take_tuple(StoredRows* rows, HeapTupleHeader tuple, Size length) {
  const CleanTask* task = rows->task;
  tuple_places(rows->shape, tuple, rows->places);
  for (int i = 0; i < task->model->key_count; i++) {
    if (!rows->places[i]) return false;
    rows->values[i] = key_value(RelationGetDescr(task->target), &rows->key[i], rows->places[i]);
  }
  Size key = put_key_image(&rows->images, rows->key, rows->values, task->model->key_count);
  if (key > PG_UINT16_MAX) return false;
  if (process_of(task, rows->images.bytes, key) != rows->process) return true;
  int attributes = HeapTupleHeaderGetNatts(tuple);
  auto tag = static_cast<uint16>(tuple->t_infomask & form_bits);
  Size bitmap = body_bitmap_bytes(tag, attributes), data = length - tuple->t_hoff;
  unsigned char* body =
      row_runs_put(rows->runs, rows->images.bytes, key, 0, bitmap + data, static_cast<uint64>(attributes), tag);
  std::memcpy(body, tuple->t_bits, bitmap);
  std::memcpy(body + bitmap, reinterpret_cast<const char*>(tuple) + tuple->t_hoff, data);
  row_runs_added(rows->runs);
  return true;
}

}  // namespace

bool can_read_stored(const Model* model, Relation target) {
  TupleDesc desc = RelationGetDescr(target);
  if (!is_readable_heap(target) || RelationUsesLocalBuffers(target) || !key_shape(model, desc)) return false;
  ListCell* cell;
  foreach (cell, RelationGetIndexList(target))
    if (keeps_apart(model, desc, lfirst_oid(cell))) return true;
  return false;
}

StoredRows* stored_rows_open(const CleanTask* task, int process, Size memory) {
  auto* rows = static_cast<StoredRows*>(palloc0(sizeof(StoredRows)));
  const Model* model = task->model;
  TupleDesc desc = RelationGetDescr(task->target);
  auto count = static_cast<Size>(model->key_count);
  rows->task = task;
  rows->process = process;
  rows->shape = key_shape(model, desc);
  rows->key = static_cast<ImageColumn*>(palloc(sizeof(ImageColumn) * count));
  for (int i = 0; i < model->key_count; i++) rows->key[i] = image_column(model, desc, model->key[i], false);
  rows->places = static_cast<const char**>(palloc(sizeof(char*) * count));
  rows->values = static_cast<Datum*>(palloc(sizeof(Datum) * count));
  rows->images = image_buffer();
  rows->runs = row_runs_open(memory);
  rows->row_context = AllocSetContextCreate(CurrentMemoryContext, "dap stored rows", ALLOCSET_DEFAULT_SIZES);
  return rows;
}

void stored_rows_read(StoredRows* rows) {
  const CleanTask* task = rows->task;
  PushActiveSnapshot(task->present);
  HeapScan* scan = heap_scan_open(task->target, 0, RelationGetNumberOfBlocks(task->target));
  while (const HeapPage* page = is_given_up(task) ? nullptr : heap_scan_next(scan)) {
    MemoryContext old = MemoryContextSwitchTo(rows->row_context);
    for (int i = 0; i < page->count; i++)
      if (!take_tuple(rows, page->tuples[i], page->lengths[i])) {
        give_up(task);
        break;
      }
    MemoryContextSwitchTo(old);
    MemoryContextReset(rows->row_context);
  }
  heap_scan_close(scan);
  PopActiveSnapshot();
  if (!is_given_up(task)) row_runs_sort(rows->runs);
}

const row::Row* stored_rows_next(StoredRows* rows) { return row_runs_take(rows->runs); }

void stored_rows_close(StoredRows* rows) {
  row_runs_close(rows->runs);
  MemoryContextDelete(rows->row_context);
  pfree(rows);
}

}  // namespace dap
