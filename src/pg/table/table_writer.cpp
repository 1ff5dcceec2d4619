#include "pg/table/table_writer.h"

#include <cstring>

#include "bridge/compat/tuple_desc.h"
#include "bridge/query.h"
#include "bridge/subtransaction.h"
#include "pg/catalog/guard.h"
#include "pg/table/long_row.h"
#include "pg/table/page_writer.h"
#include "pg/table/table_hooks.h"

extern "C" {
#include "access/detoast.h"
#include "access/heaptoast.h"
#include "catalog/pg_am.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteDefine.h"
#include "utils/rls.h"
}

namespace dap {

// The two columns that every source's table starts with: create_source names them, the writer only needs their places.
constexpr const char* line_column = "_line";
constexpr const char* file_column = "_file_id";

constexpr int most_buffered_tuples = 1000;
constexpr Size most_buffered_bytes = 64 * 1024;
constexpr int64 statement_rows = 20000;

struct TableWriter {
  Relation relation;
  int32 file_id;
  const AttrNumber* attributes;
  int file_columns;
  bool bulk;
  bool has_pages;  // of its own: not a foreign table
  bool in_statement;
  AttrNumber line_attribute;
  AttrNumber file_attribute;
  MemoryContext context;
  MemoryContext row_context;  // reset after each flush
  // bulk
  PageWriter* pages;   // NULL: the columns stand in another order than create_source gives them
  BlockRanges blocks;  // that hold the rows written
  BulkInsertState bulk_state;
  TupleTableSlot** slots;
  int buffered;
  Size buffered_bytes;
  Datum* values;
  bool* nulls;
  const CsvField** texts;  // of a long row; all NULL between rows
  // ordinary
  Tuplestorestate* store;
  TupleDesc store_desc;
  int64 stored;
  int64 written;  // for progress
  int64 left_out;
  int64 first_line;  // of those stored
  int64 last_line;
  char* statement;
  int* too_big;
  int too_big_room;
};

namespace {

// Does a rule put other statements in the place of an INSERT into this table? It takes no row then, however many those
// report. (That is how views are written.)
bool inserts_elsewhere(Relation relation) {
  const RuleLock* rules = relation->rd_rel->relkind == RELKIND_VIEW ? nullptr : relation->rd_rules;
  for (int i = 0; rules && i < rules->numLocks; i++) {
    const RewriteRule* rule = rules->rules[i];
    if (rule->event == CMD_INSERT && rule->isInstead && !rule->qual && rule->enabled != RULE_DISABLED) return true;
  }
  return false;
}

// The plain local heap as create_source made it: nothing on it that an INSERT would have to look after.
bool is_plain_heap(Relation relation) {
  Form_pg_class form = relation->rd_rel;
  if (form->relkind != RELKIND_RELATION || form->relam != HEAP_TABLE_AM_OID || form->relispartition ||
      form->relrowsecurity)
    return false;
  // logical decoding then wants each row's command in the WAL
  if (RelationIsUsedAsCatalogTable(relation)) return false;
  if (relation->rd_rules || has_insert_trigger(relation) || RelationGetIndexList(relation) != NIL) return false;
  TupleDesc desc = RelationGetDescr(relation);
  if (desc->constr && (desc->constr->num_check > 0 || desc->constr->has_generated_stored)) return false;
  for (int i = 0; i < desc->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    if (attribute->attisdropped || attribute->attgenerated || attribute->attidentity) return false;
    if (std::strcmp(NameStr(attribute->attname), line_column) == 0) {
      if (attribute->atttypid != INT8OID) return false;
    } else if (std::strcmp(NameStr(attribute->attname), file_column) == 0) {
      if (attribute->atttypid != INT4OID) return false;
    } else if (attribute->attnotnull || attribute->atttypid != TEXTOID || attribute->atthasdef ||
               attribute->attstorage != TYPSTORAGE_EXTENDED) {
      return false;
    }
  }
  return true;
}

// Pages that are read again soon, by the models, are best left in shared buffers; a file that would fill those keeps to
// a ring.
bool needs_ring(int64 expected_bytes) { return expected_bytes / 2 * 3 > static_cast<int64>(NBuffers) * BLCKSZ / 2; }

void open_pages(TableWriter* writer, int64 expected_bytes) {
  if (writer->line_attribute != 1 || writer->file_attribute != 2) return;
  int attributes = RelationGetDescr(writer->relation)->natts;
  int* fields = static_cast<int*>(palloc(sizeof(int) * static_cast<Size>(attributes)));
  for (int a = 0; a < attributes; a++) fields[a] = -1;
  for (int i = 0; i < writer->file_columns; i++)
    if (writer->attributes[i] > 0) fields[writer->attributes[i] - 1] = i;
  writer->pages = page_writer_open(writer->relation, writer->file_id, fields, expected_bytes,
                                   needs_ring(expected_bytes), &writer->blocks);
}

void open_bulk(TableWriter* writer) {
  TupleDesc desc = RelationGetDescr(writer->relation);
  writer->bulk_state = GetBulkInsertState();
  writer->slots = static_cast<TupleTableSlot**>(palloc0(sizeof(TupleTableSlot*) * most_buffered_tuples));
  writer->values = static_cast<Datum*>(palloc0(sizeof(Datum) * static_cast<Size>(desc->natts)));
  writer->nulls = static_cast<bool*>(palloc(sizeof(bool) * static_cast<Size>(desc->natts)));
  writer->texts = static_cast<const CsvField**>(palloc0(sizeof(CsvField*) * static_cast<Size>(desc->natts)));
  std::memset(writer->nulls, true, static_cast<Size>(desc->natts));
}

void open_ordinary(TableWriter* writer) {
  TupleDesc desc = RelationGetDescr(writer->relation);
  int used = 0;
  for (int i = 0; i < writer->file_columns; i++) used += writer->attributes[i] != 0;
  writer->store_desc = CreateTemplateTupleDesc(used + 2);
  TupleDescInitEntry(writer->store_desc, 1, line_column, INT8OID, -1, 0);
  TupleDescInitEntry(writer->store_desc, 2, file_column, INT4OID, -1, 0);
  StringInfoData into, from;
  initStringInfo(&into);
  initStringInfo(&from);
  appendStringInfo(&into, "%s, %s", line_column, file_column);
  appendStringInfo(&from, "%s, %s", line_column, file_column);
  int at = 2;
  for (int i = 0; i < writer->file_columns; i++) {
    if (writer->attributes[i] == 0) continue;
    at++;
    TupleDescInitEntry(writer->store_desc, static_cast<AttrNumber>(at), psprintf("c%d", at), TEXTOID, -1, 0);
    appendStringInfo(&into, ", %s", quote_identifier(NameStr(TupleDescAttr(desc, writer->attributes[i] - 1)->attname)));
    appendStringInfo(&from, ", c%d", at);
  }
  finished(writer->store_desc);
  writer->store = tuplestore_begin_heap(false, false, work_mem);
  writer->statement = psprintf("INSERT INTO %s (%s) SELECT %s FROM dap_batch",
                               quote_qualified_identifier(get_namespace_name(RelationGetNamespace(writer->relation)),
                                                          RelationGetRelationName(writer->relation)),
                               into.data, from.data);
  writer->values = static_cast<Datum*>(palloc(sizeof(Datum) * static_cast<Size>(used + 2)));
  writer->nulls = static_cast<bool*>(palloc(sizeof(bool) * static_cast<Size>(used + 2)));
}

void count_written(TableWriter* writer, int64 rows) {
  writer->written += rows;
  pgstat_progress_update_param(PROGRESS_COPY_TUPLES_PROCESSED, writer->written);
}

void add_block(TableWriter* writer, const TupleTableSlot* slot) {
  BlockNumber block = ItemPointerGetBlockNumber(&slot->tts_tid);
  add_blocks(writer->blocks, block, block);
}

void flush_bulk(TableWriter* writer) {
  if (writer->buffered == 0) return;
  // An insert does not lock the extension of a table that its own transaction made, but workers may be extending it.
  if (writer->pages && RELATION_IS_LOCAL(writer->relation)) page_writer_alone(writer->pages);
  MemoryContext old = MemoryContextSwitchTo(writer->row_context);  // what it allocates, it leaves
  table_multi_insert(writer->relation, writer->slots, writer->buffered, GetCurrentCommandId(true), 0,
                     writer->bulk_state);
  MemoryContextSwitchTo(old);
  count_written(writer, writer->buffered);
  for (int i = 0; i < writer->buffered; i++) {
    add_block(writer, writer->slots[i]);
    ExecClearTuple(writer->slots[i]);
  }
  writer->buffered = 0;
  writer->buffered_bytes = 0;
  MemoryContextReset(writer->row_context);
}

int64 insert_past_guard(TableWriter* writer, const NamedStore* batch) {
  volatile int64 done = 0;
  GuardPass before = guard_open(RelationGetRelid(writer->relation));
  PG_TRY();
  { done = static_cast<int64>(run_statement(writer->statement, batch, 1)); }
  PG_FINALLY();
  { guard_close(&before); }
  PG_END_TRY();
  return done;
}

void flush_ordinary(TableWriter* writer) {
  if (writer->stored == 0) return;
  NamedStore named = {"dap_batch", writer->store_desc, writer->store, static_cast<double>(writer->stored)};
  writer->in_statement = true;
  int64 done = insert_past_guard(writer, &named);
  if (inserts_elsewhere(writer->relation)) done = 0;
  if (done != writer->stored) {
    writer->left_out = writer->stored - done;
    ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION), errmsg("the table did not take every record")));
  }
  writer->in_statement = false;
  count_written(writer, writer->stored);
  tuplestore_clear(writer->store);
  writer->stored = 0;
}

enum class Fit : unsigned char { yes, no, perhaps };

// The longest that a value of more than 24 bytes can be within the row after TOAST did all it can: it may stay there
// compressed.
constexpr Size most_toasted_bytes = MAXALIGN(TOAST_POINTER_SIZE) + 3;

// Does a page hold the row, once TOAST has moved out of it what it can? TOAST leaves values alone that are no longer
// than its pointer.
Fit fits_page(const TableWriter* writer, const CsvField* fields) {
  if (!writer->has_pages) return Fit::yes;
  Size least = MAXALIGN(SizeofHeapTupleHeader + BITMAPLEN(RelationGetDescr(writer->relation)->natts)) + 16;
  Size most = least, whole = least;
  for (int i = 0; i < writer->file_columns; i++) {
    if (writer->attributes[i] == 0 || fields[i].is_null) continue;
    Size length = fields[i].size + (fields[i].size < 127 ? 1 : VARHDRSZ + 3);
    bool movable = length > MAXALIGN(TOAST_POINTER_SIZE);
    whole += length;
    least += movable ? TOAST_POINTER_SIZE : length;
    most += movable && length > most_toasted_bytes ? most_toasted_bytes : length;
  }
  if (whole <= MaxHeapTupleSize || most <= MaxHeapTupleSize) return Fit::yes;
  return least > MaxHeapTupleSize ? Fit::no : Fit::perhaps;
}

Datum text_datum(const CsvField& field) {
  auto* value = static_cast<text*>(palloc(VARHDRSZ + field.size));
  SET_VARSIZE(value, VARHDRSZ + field.size);
  if (field.size) std::memcpy(VARDATA(value), field.data, field.size);
  return PointerGetDatum(value);
}

HeapTuple form_tuple(TableWriter* writer, const CsvField* fields, int64 line, Size* bytes) {
  writer->values[writer->line_attribute - 1] = Int64GetDatum(line);
  writer->nulls[writer->line_attribute - 1] = false;
  writer->values[writer->file_attribute - 1] = Int32GetDatum(writer->file_id);
  writer->nulls[writer->file_attribute - 1] = false;
  MemoryContext old = MemoryContextSwitchTo(writer->row_context);
  Size row_bytes = 0;
  for (int i = 0; i < writer->file_columns; i++)
    if (writer->attributes[i] > 0) row_bytes += fields[i].size;
  *bytes += row_bytes;
  bool is_long = row_bytes >= long_row_bytes;
  for (int i = 0; i < writer->file_columns; i++) {
    int at = writer->attributes[i] - 1;
    if (at < 0) continue;
    writer->nulls[at] = fields[i].is_null;
    if (is_long) writer->texts[at] = fields[i].is_null ? nullptr : &fields[i];
    else if (!fields[i].is_null) writer->values[at] = text_datum(fields[i]);
  }
  TupleDesc desc = RelationGetDescr(writer->relation);
  HeapTuple tuple = is_long ? long_row_form(desc, writer->texts, writer->values, writer->nulls)
                            : heap_form_tuple(desc, writer->values, writer->nulls);
  if (is_long) std::memset(writer->texts, 0, sizeof(CsvField*) * static_cast<Size>(desc->natts));
  tuple->t_tableOid = RelationGetRelid(writer->relation);
  MemoryContextSwitchTo(old);
  return tuple;
}

// Slots are made as they are needed: most files fill pages and need none.
TupleTableSlot* slot(TableWriter* writer, int i) {
  if (!writer->slots[i]) {
    MemoryContext old = MemoryContextSwitchTo(writer->context);
    writer->slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(writer->relation), &TTSOpsHeapTuple);
    MemoryContextSwitchTo(old);
  }
  return writer->slots[i];
}

void add_bulk(TableWriter* writer, const CsvBatch* batch, const CsvField* fields, int64 line) {
  HeapTuple tuple = form_tuple(writer, fields, line, &writer->buffered_bytes);
  csv_batch_release(batch);
  ExecStoreHeapTuple(tuple, slot(writer, writer->buffered++), true);  // the slot's own: it is copied otherwise
  if (writer->buffered == most_buffered_tuples || writer->buffered_bytes >= most_buffered_bytes) flush_bulk(writer);
}

// The heap's own refusal of a row: of the errors with its SQLSTATE, those of indexes and triggers are theirs.
bool is_refusal_of_page(const ErrorData* error) {
  return error->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED && error->funcname &&
         std::strcmp(error->funcname, "RelationGetBufferForTuple") == 0;
}

// Stores a row of which only TOAST can tell whether a page holds it. False if none does.
bool try_bulk(TableWriter* writer, const CsvField* fields, int64 line) {
  flush_bulk(writer);                                   // in the file's order
  if (writer->pages) page_writer_alone(writer->pages);  // no subtransactions in parallel mode (before PostgreSQL 17)
  TupleTableSlot* row = slot(writer, 0);                // of the outer transaction
  ErrorData* error = in_subtransaction([=] {
    MemoryContextSwitchTo(writer->row_context);
    Size bytes = 0;
    ExecStoreHeapTuple(form_tuple(writer, fields, line, &bytes), row, true);
    table_tuple_insert(writer->relation, row, GetCurrentCommandId(true), 0, nullptr);
    return true;
  });
  if (error && !is_refusal_of_page(error)) ReThrowError(error);
  bool stored = error == nullptr;
  if (error) FreeErrorData(error);
  if (stored) add_block(writer, row);
  ExecClearTuple(row);
  MemoryContextReset(writer->row_context);
  if (stored) count_written(writer, 1);
  return stored;
}

void add_ordinary(TableWriter* writer, const CsvBatch* batch, const CsvField* fields, int64 line) {
  MemoryContext old = MemoryContextSwitchTo(writer->row_context);
  writer->values[0] = Int64GetDatum(line);
  writer->values[1] = Int32GetDatum(writer->file_id);
  writer->nulls[0] = writer->nulls[1] = false;
  int at = 2;
  for (int i = 0; i < writer->file_columns; i++) {
    if (writer->attributes[i] == 0) continue;
    writer->nulls[at] = fields[i].is_null;
    if (!fields[i].is_null) writer->values[at] = text_datum(fields[i]);
    at++;
  }
  csv_batch_release(batch);
  tuplestore_putvalues(writer->store, writer->store_desc, writer->values, writer->nulls);
  MemoryContextSwitchTo(old);
  MemoryContextReset(writer->row_context);
  if (writer->stored == 0) writer->first_line = line;
  writer->last_line = line;
  if (++writer->stored >= statement_rows) flush_ordinary(writer);
}

// What try_bulk is to rows in bulk: the row is a statement of its own.
bool try_ordinary(TableWriter* writer, const CsvBatch* batch, const CsvField* fields, int64 line) {
  flush_ordinary(writer);
  add_ordinary(writer, batch, fields, line);
  ErrorData* error = in_subtransaction([writer] {
    flush_ordinary(writer);
    return true;
  });
  if (!error) return true;
  if (!is_refusal_of_page(error)) ReThrowError(error);
  FreeErrorData(error);
  writer->in_statement = false;
  tuplestore_clear(writer->store);
  writer->stored = 0;
  return false;
}

AttrNumber attribute_named(Relation relation, const char* name) {
  AttrNumber attribute = get_attnum(RelationGetRelid(relation), name);
  if (attribute <= 0)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("table \"%s\" has no column \"%s\"", RelationGetRelationName(relation), name),
                    errhint("Tables of sources are made by dap.create_source().")));
  return attribute;
}

}  // namespace

TableWriter* table_writer_open(Relation relation, int32 file_id, const AttrNumber* attributes, int file_columns,
                               int64 expected_bytes) {
  auto* writer = static_cast<TableWriter*>(palloc0(sizeof(TableWriter)));
  writer->relation = relation;
  writer->file_id = file_id;
  writer->attributes = attributes;
  writer->file_columns = file_columns;
  writer->context = CurrentMemoryContext;
  writer->row_context = AllocSetContextCreate(CurrentMemoryContext, "dap rows", ALLOCSET_DEFAULT_SIZES);
  writer->line_attribute = attribute_named(relation, line_column);
  writer->file_attribute = attribute_named(relation, file_column);
  writer->bulk = is_plain_heap(relation);
  writer->has_pages = relation->rd_rel->relkind != RELKIND_FOREIGN_TABLE;
  ereport(DEBUG1, (errmsg_internal("loading into \"%s\" %s", RelationGetRelationName(relation),
                                   writer->bulk ? "in bulk" : "by INSERT")));
  if (writer->bulk) {
    open_bulk(writer);
    open_pages(writer, expected_bytes);
  } else {
    open_ordinary(writer);
  }
  return writer;
}

void table_writer_add(TableWriter* writer, const CsvBatch* batch, const int** too_big, int* too_big_count) {
  if (batch->records > writer->too_big_room) {
    writer->too_big_room = batch->records;
    writer->too_big =
        static_cast<int*>(MemoryContextAlloc(writer->context, sizeof(int) * static_cast<Size>(batch->records)));
  }
  int refused = 0, in_pages = 0;
  const CsvField* fields = batch->fields;
  for (int i = 0; i < batch->records; i++, fields += writer->file_columns) {
    if (writer->pages && page_writer_add(writer->pages, fields, batch->places[i].line)) {
      in_pages++;
      continue;
    }
    Fit fit = fits_page(writer, fields);
    if (fit == Fit::no) writer->too_big[refused++] = i;
    else if (fit == Fit::perhaps && writer->bulk)
      writer->too_big[refused] = i, refused += !try_bulk(writer, fields, batch->places[i].line);
    else if (fit == Fit::perhaps)
      writer->too_big[refused] = i, refused += !try_ordinary(writer, batch, fields, batch->places[i].line);
    else if (writer->bulk) add_bulk(writer, batch, fields, batch->places[i].line);
    else add_ordinary(writer, batch, fields, batch->places[i].line);
  }
  if (in_pages) count_written(writer, in_pages);
  *too_big = writer->too_big;
  *too_big_count = refused;
}

void table_writer_finish(TableWriter* writer) {
  if (writer->bulk) {
    if (writer->pages) page_writer_finish(writer->pages);
    flush_bulk(writer);
    FreeBulkInsertState(writer->bulk_state);
    table_finish_bulk_insert(writer->relation, 0);
    for (int i = 0; i < most_buffered_tuples && writer->slots[i]; i++) ExecDropSingleTupleTableSlot(writer->slots[i]);
  } else {
    flush_ordinary(writer);
    tuplestore_end(writer->store);
  }
}

bool table_writer_has_written(const TableWriter* writer) {
  return writer->bulk ? writer->blocks.count > 0 : writer->written > 0;
}

void table_writer_forget(TableWriter* writer) {
  Assert(!table_writer_has_written(writer));
  if (writer->pages) page_writer_forget(writer->pages);
  if (writer->store) tuplestore_clear(writer->store);
  for (int i = 0; i < writer->buffered; i++) ExecClearTuple(writer->slots[i]);
  MemoryContextReset(writer->row_context);
  writer->buffered = 0;
  writer->buffered_bytes = 0;
  writer->stored = 0;
  writer->written = 0;
  count_written(writer, 0);
}

void table_writer_abandon(TableWriter* writer) {
  if (writer->pages) page_writer_abandon(writer->pages);
}

void table_writer_discard(TableWriter* writer) {
  if (writer->pages) page_writer_discard(writer->pages);
}

const BlockRanges* table_writer_blocks(const TableWriter* writer) { return writer->bulk ? &writer->blocks : nullptr; }
int64 table_writer_left_out(const TableWriter* writer) { return writer->left_out; }
void table_writer_lines(const TableWriter* writer, int64* first, int64* last) {
  *first = writer->first_line;
  *last = writer->last_line;
}
bool table_writer_in_statement(const TableWriter* writer) { return writer->in_statement; }

}  // namespace dap
