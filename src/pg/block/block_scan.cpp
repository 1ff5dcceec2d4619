#include "pg/block/block_scan.h"

#include <cstring>

#include "engine/column/expression.h"

#include "bridge/engine_call.h"
#include "pg/block/block_value.h"
#include "pg/table/heap_scan.h"
#include "pg/table/tuple_shape.h"

extern "C" {
#include "access/detoast.h"
#include "storage/bufmgr.h"
}

namespace dap {

using column::batch_rows;

namespace {

constexpr Size longest_numeric = 100;           // of those that fit 64 bits
constexpr uint32 most_texts = 4 * 1024 * 1024;  // beyond, a dictionary grows for too long at a time

struct Reader {
  SideScan* scan;
  const BlockSide* side;
  column::Dictionary* dictionary;
  column::Program filter, outputs[most_block_columns];
  uint16* kept;
  int64* values[most_block_columns];
  unsigned char* nulls[most_block_columns];
  bool has_nulls[most_block_columns];
  uint32 rows;
  SideBatch* batch;
  TupleShape* shape;
  MemoryContext detoasted;
};

bool prepare(Reader* reader, const BlockExpression& expression, column::Program* program) {
  bool fits = false;
  const auto columns = static_cast<uint32>(reader->side->column_count);
  raise_engine_fault(try_engine([&] {
                       fits = column::prepare(program, expression.instructions, expression.count, columns,
                                              reader->scan->memory);
                     }),
                     block_place);
  return fits;
}

bool open_reader(Reader* reader, Relation relation) {
  const BlockSide* side = reader->side;
  AttrNumber attributes[most_block_columns];
  for (int i = 0; i < side->column_count; i++) {
    attributes[i] = side->columns[i].attribute;
    reader->values[i] = static_cast<int64*>(palloc(sizeof(int64) * batch_rows));
    reader->nulls[i] = static_cast<unsigned char*>(palloc0(batch_rows));
  }
  reader->shape = tuple_shape(RelationGetDescr(relation), attributes, side->column_count);
  if (reader->shape == nullptr) return false;
  reader->batch = static_cast<SideBatch*>(palloc0(sizeof(SideBatch)));
  reader->kept = static_cast<uint16*>(palloc(sizeof(uint16) * batch_rows));
  if (side->has_filter && !prepare(reader, side->filter, &reader->filter)) return false;
  for (int i = 0; i < side->output_count; i++)
    if (side->outputs[i].column < 0 && !prepare(reader, side->outputs[i], &reader->outputs[i])) return false;
  reader->detoasted = AllocSetContextCreate(CurrentMemoryContext, "dap block values", ALLOCSET_DEFAULT_SIZES);
  return true;
}

// C++ alone. False: an overflow, which is SQL's to tell, or nobody wants more.
bool pass_on(Reader* reader) {
  const BlockSide* side = reader->side;
  column::Vector columns[most_block_columns];
  for (int i = 0; i < side->column_count; i++)
    columns[i] = {reader->values[i], reader->has_nulls[i] ? reader->nulls[i] : nullptr};
  SideBatch* batch = reader->batch;
  batch->rows = reader->rows;
  batch->selection = {nullptr, reader->rows};
  if (side->has_filter && column::filter(&reader->filter, columns, reader->rows, batch->selection, reader->kept,
                                         &batch->selection) != column::Outcome::done)
    return false;
  if (batch->selection.count == 0) return true;
  for (int i = 0; i < side->output_count; i++) {
    if (side->outputs[i].column >= 0) batch->outputs[i] = columns[side->outputs[i].column];
    else if (column::evaluate(&reader->outputs[i], columns, reader->rows, batch->selection, &batch->outputs[i]) !=
             column::Outcome::done)
      return false;
  }
  return reader->scan->take(reader->scan->owner, *batch);
}

bool flush(Reader* reader) {
  if (reader->rows == 0) return true;
  bool done = false;
  raise_engine_fault(try_engine([&] { done = pass_on(reader); }), block_place);
  for (int i = 0; i < reader->side->column_count; i++) {
    if (reader->has_nulls[i]) std::memset(reader->nulls[i], 0, batch_rows);
    reader->has_nulls[i] = false;
  }
  reader->rows = 0;
  return done;
}

// A value of variable length, not toasted; nullptr where a toasted one has more bytes.
const char* in_line(Reader* reader, const char* stored, Size most) {
  if (!VARATT_IS_EXTERNAL(stored) && !VARATT_IS_COMPRESSED(stored)) return stored;
  if (toast_raw_datum_size(PointerGetDatum(stored)) > most + VARHDRSZ) return nullptr;
  MemoryContext old = MemoryContextSwitchTo(reader->detoasted);
  const char* whole = reinterpret_cast<const char*>(
      pg_detoast_datum_packed(reinterpret_cast<struct varlena*>(const_cast<char*>(stored))));
  MemoryContextSwitchTo(old);
  return whole;
}

// False: not a value that the engine has.
bool load_value(Reader* reader, Kind kind, const char* stored, int64* value) {
  if (kind.sort == Sort::numeric) {
    const char* number = in_line(reader, stored, longest_numeric);
    return number != nullptr && numeric_units(number, kind.scale, true, value);
  }
  if (kind.sort != Sort::text) {
    *value = stored_value(kind.sort, stored);
    return true;
  }
  const char* text = in_line(reader, stored, column::most_text_bytes);
  if (text == nullptr) return false;
  uint32 code = column::no_code;
  column::Dictionary* dictionary = reader->dictionary;
  raise_engine_fault(
      try_engine([&] { code = column::code_of(dictionary, VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text)); }), block_place);
  *value = code;
  return code != column::no_code && dictionary->count <= most_texts;
}

bool load_tuple(Reader* reader, const TupleShape* shape, HeapTupleHeader tuple) {
  const char* places[most_block_columns];
  tuple_places(shape, tuple, places);
  for (int i = 0; i < reader->side->column_count; i++) {
    if (places[i] == nullptr) {
      reader->values[i][reader->rows] = 0;
      reader->nulls[i][reader->rows] = 1;
      reader->has_nulls[i] = true;
    } else if (!load_value(reader, reader->side->columns[i].kind, places[i], &reader->values[i][reader->rows])) {
      return false;
    }
  }
  reader->rows++;
  return true;
}

bool load_page(Reader* reader, const HeapPage* page) {
  for (int i = 0; i < page->count; i++) {
    if (!load_tuple(reader, reader->shape, page->tuples[i])) return false;
    if (reader->rows == batch_rows && !flush(reader)) return false;
  }
  MemoryContextReset(reader->detoasted);
  return true;
}

// More than there may be, now or, as it has gone so far, in the end.
bool exceeds_memory(const SideScan* scan, BlockNumber done, BlockNumber all) {
  Size used = scan->used(scan->owner);
  if (used > scan->limit) return true;
  return done > 100 && done > all / 16 &&
         static_cast<double>(used) / static_cast<double>(done) * static_cast<double>(all) >
             1.5 * static_cast<double>(scan->limit);
}

bool read_pages(Reader* reader, Relation relation) {
  BlockNumber all = RelationGetNumberOfBlocks(relation), pages = 0;
  HeapScan* scan = heap_scan_open(relation, 0, all);
  bool going = true;
  while (going) {
    const HeapPage* page = heap_scan_next(scan);
    if (page == nullptr) break;
    reader->scan->read += page->count;
    going = load_page(reader, page) && !exceeds_memory(reader->scan, ++pages, all);
  }
  heap_scan_close(scan);
  return going && flush(reader);
}

}  // namespace

bool scan_side(SideScan* scan) {
  auto* reader = static_cast<Reader*>(palloc0(sizeof(Reader)));
  reader->scan = scan;
  reader->side = scan->side;
  reader->dictionary = scan->block->dictionary;
  Relation relation = table_open(scan->side->relation, NoLock);
  bool done = open_reader(reader, relation) && read_pages(reader, relation);
  table_close(relation, NoLock);
  return done;
}

}  // namespace dap
