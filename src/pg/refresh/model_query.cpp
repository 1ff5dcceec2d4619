#include "pg/refresh/model_query.h"

#include <cstring>

#include "bridge/query.h"
#include "bridge/settings.h"
#include "bridge/subtransaction.h"
#include "pg/block/block_query.h"
#include "pg/catalog/query_text.h"
#include "pg/run/reading.h"
#include "pg/settings.h"
#include "pg/table/bulk_target.h"
#include "pg/table/row_pages.h"

extern "C" {
#include "storage/bufmgr.h"
#include "utils/plancache.h"
}

namespace dap {
namespace {

const char* with_collation(Oid type, Oid collation) {
  return collation == get_typcollation(type) ? ""
                                             : psprintf(" COLLATE %s", quote_identifier(get_collation_name(collation)));
}

// The rows go into the table as its columns are: another type than the query's would lose what it cannot hold.
void check_type(const Model* model, Form_pg_attribute attribute) {
  const char* name = NameStr(attribute->attname);
  const ResultColumn* column = result_column(model, name);
  if (column && column->type == attribute->atttypid && column->typmod == attribute->atttypmod &&
      column->collation == attribute->attcollation)
    return;
  if (!column) elog(ERROR, "query of model %s was not resolved", model->label);
  ereport(
      ERROR,
      (errcode(ERRCODE_DATATYPE_MISMATCH),
       errmsg("the query of model %s gives column \"%s\" another type than its table has", model->label, name),
       errdetail("The table has %s%s and the query gives %s%s: the table, or what the query reads, was changed since "
                 "the model was made.",
                 format_type_with_typemod(attribute->atttypid, attribute->atttypmod),
                 with_collation(attribute->atttypid, attribute->attcollation),
                 format_type_with_typemod(column->type, column->typmod),
                 with_collation(column->type, column->collation)),
       errhint("Give the table that type by the model's definition again: dap.create_model(…, or_replace => true).")));
}

// The model's query with each column in the table's type.
char* select_statement(const Model* model, TupleDesc desc) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfoString(&sql, "SELECT ");
  for (int i = 0; i < desc->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    check_type(model, attribute);
    appendStringInfo(&sql, "%sq.%s::%s", i ? ", " : "", quote_identifier(NameStr(attribute->attname)),
                     format_type_extended(attribute->atttypid, attribute->atttypmod,
                                          FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
  }
  appendStringInfo(&sql, " FROM (\n%s\n) AS q", statement_text(model->query));
  return sql.data;
}

void run_query(const Model* model, TupleDesc desc, Snapshot snapshot, DestReceiver* receiver) {
  char* sql = select_statement(model, desc);
  // A plan that this session keeps of a function's statement may hold what another function gave before it was
  // redefined: constants know no function.
  if (model->calls_functions) ResetPlanCache();
  int level = NewGUCNestLevel();
  set_setting("row_security", "off");  // rows that a policy hides are an error
  reading_push(snapshot);
  if (!setting_engine || !read_by_blocks(sql, model->label, receiver)) read_into(sql, receiver);
  reading_pop();
  AtEOXact_GUC(true, level);
}

// Receives the query's rows and puts them into pages.
struct PageReceiver {
  DestReceiver base;
  Relation target;
  MemoryContext context;
  TransactionId xid;  // assigned before the query, which may have parallel workers
  TupleDesc desc;     // of the table
  int columns;        // of the model
  int* targets;       // the position in the table of each
  bool* is_key;
  Datum* values;
  bool* nulls;
  row::Row* row;
  RowPages* pages;
  bool given_up;
};

bool receive(TupleTableSlot* slot, DestReceiver* self) {
  auto* receiver = reinterpret_cast<PageReceiver*>(self);
  slot_getallattrs(slot);
  for (int i = 0; i < receiver->columns; i++) {
    receiver->values[receiver->targets[i]] = slot->tts_values[i];
    receiver->nulls[receiver->targets[i]] = slot->tts_isnull[i];
    receiver->given_up |= slot->tts_isnull[i] && receiver->is_key[i];
  }
  uint16 tag;
  auto* body = reinterpret_cast<char*>(receiver->row + 1);
  Size length = form_body(receiver->desc, receiver->values, receiver->nulls, body, BLCKSZ, &tag);
  receiver->given_up |= length == 0;
  if (receiver->given_up) return false;  // no more rows are wanted
  receiver->row->body = static_cast<uint16>(length);
  receiver->row->tag = tag;
  row_pages_add(receiver->pages, receiver->row);
  return true;
}

// Now, not before: rows of the command that the query has seen to its end would be visible to the query itself.
void startup(DestReceiver* self, int, TupleDesc) {
  auto* receiver = reinterpret_cast<PageReceiver*>(self);
  RowStamp stamp = {receiver->xid, GetCurrentCommandId(true), receiver->desc->natts};
  MemoryContext old = MemoryContextSwitchTo(receiver->context);  // not the query's, which ends before
  receiver->pages = row_pages_open(receiver->target, &stamp, false);
  MemoryContextSwitchTo(old);
}

void nothing(DestReceiver*) {}

template <class Element>
Element* allocate(int count) {
  return static_cast<Element*>(palloc0(sizeof(Element) * static_cast<Size>(count + 1)));
}

PageReceiver* page_receiver(const Model* model, Relation target, TupleDesc columns) {
  auto* receiver = static_cast<PageReceiver*>(palloc0(sizeof(PageReceiver)));
  receiver->base.receiveSlot = receive;
  receiver->base.rStartup = startup;
  receiver->base.rShutdown = nothing;
  receiver->base.rDestroy = nothing;
  receiver->base.mydest = DestNone;
  receiver->target = target;
  receiver->context = CurrentMemoryContext;
  receiver->xid = GetCurrentTransactionId();
  receiver->desc = RelationGetDescr(target);
  receiver->columns = columns->natts;
  receiver->targets = allocate<int>(columns->natts);
  receiver->is_key = allocate<bool>(columns->natts);
  for (int i = 0; i < columns->natts; i++) {
    const char* name = NameStr(TupleDescAttr(columns, i)->attname);
    receiver->targets[i] = get_attnum(RelationGetRelid(target), name) - 1;
    receiver->is_key[i] = is_key_column(model, name);
  }
  receiver->values = allocate<Datum>(receiver->desc->natts);
  receiver->nulls = allocate<bool>(receiver->desc->natts);
  std::memset(receiver->nulls, true, static_cast<Size>(receiver->desc->natts));
  receiver->row = static_cast<row::Row*>(palloc0(sizeof(row::Row) + BLCKSZ));
  return receiver;
}

// False: the rows cannot go into pages as they are.
bool fill(const Model* model, Relation target, TupleDesc columns, Snapshot snapshot, int64* rows) {
  PageReceiver* receiver = page_receiver(model, target, columns);
  run_query(model, columns, snapshot, &receiver->base);
  if (receiver->given_up) return false;
  *rows = row_pages_finish(receiver->pages);
  pgstat_count_heap_insert(target, *rows);
  return true;
}

}  // namespace

NewRows* model_rows(const Model* model, Relation target, Snapshot snapshot) {
  NewRows* rows = new_rows_open(model_columns(model, target));
  run_query(model, rows->desc, snapshot, store_receiver(rows->store));
  return rows;
}

bool query_in_bulk(const Model* model, Relation target, Snapshot snapshot, int64* rows) {
  TupleDesc columns = model_columns(model, target);
  if (!take_bulk_target(model, target)) return false;
  check_may_insert(model);
  bool done = false;
  // What is written in vain is undone.
  ErrorData* error = in_subtransaction([&] {
    done = fill(model, target, columns, snapshot, rows);
    if (!done || *rows == 0) return false;
    build_indexes(model->relation);
    return true;
  });
  // Rows that have one key: whoever merges them counts them.
  if (error && error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION) ReThrowError(error);
  if (error) FreeErrorData(error);
  done = done && !error;
  if (!done || *rows == 0) give_back_bulk_target(target);
  return done;
}

}  // namespace dap
