#include "pg/clean/clean_rows.h"

#include <cstring>

#include "bridge/compat/tuple_desc.h"
#include "bridge/query.h"
#include "bridge/run_as.h"
#include "pg/ledger/arrival.h"
#include "pg/rule/column_rule.h"
#include "pg/settings.h"

extern "C" {
#include "utils/tuplesort.h"
#include "utils/typcache.h"
}

namespace dap {
namespace {

enum RejectColumn {
  reject_file,
  reject_line,
  reject_column_name,
  reject_reason,
  reject_message,
  reject_raw,
  reject_raw_length,
  reject_columns
};

struct Rule {
  ColumnRule* rule;
  AttrNumber target;  // in the row's descriptor
};

// Receives the source's records from the executor: converts them and puts the good ones into the sort.
struct CleanReceiver {
  DestReceiver base;
  const ArrivalRank* ranks;
  int rank_count;
  int last_rank;  // where the last record's file was found
  Rule* rules;
  int rule_count;
  int columns;  // of the model; the sort's rows have two more: rank and line
  TupleTableSlot* slot;
  Tuplesortstate* sort;
  CleanResult* result;
  MemoryContext row_context;
};

// Is the file one of this run's, and where does it arrive?
bool rank_of(CleanReceiver* receiver, int32 file_id, int32* rank) {
  if (receiver->last_rank < receiver->rank_count && receiver->ranks[receiver->last_rank].file_id == file_id) {
    *rank = receiver->ranks[receiver->last_rank].rank;
    return true;
  }
  int low = 0, high = receiver->rank_count;
  while (low < high) {
    int middle = (low + high) / 2;
    if (receiver->ranks[middle].file_id < file_id) low = middle + 1;
    else high = middle;
  }
  if (low == receiver->rank_count || receiver->ranks[low].file_id != file_id) return false;
  receiver->last_rank = low;
  *rank = receiver->ranks[low].rank;
  return true;
}

void add_reject(CleanReceiver* receiver, int32 file_id, int64 line, const ColumnRule* rule, Reason why,
                const char* text, int length) {
  Datum values[reject_columns];
  bool nulls[reject_columns] = {};
  values[reject_file] = Int32GetDatum(file_id);
  values[reject_line] = Int64GetDatum(line);
  values[reject_column_name] = CStringGetTextDatum(rule_source(rule));
  values[reject_reason] = CStringGetTextDatum(reason_code(why));
  values[reject_message] = CStringGetTextDatum(reason_words(why));
  nulls[reject_raw] = nulls[reject_raw_length] = text == nullptr;
  int kept = length > setting_max_reject_bytes ? setting_max_reject_bytes : length;
  values[reject_raw] = text ? PointerGetDatum(cstring_to_text_with_len(text, kept)) : static_cast<Datum>(0);
  values[reject_raw_length] = Int64GetDatum(length);
  tuplestore_putvalues(receiver->result->rejects, receiver->result->reject_desc, values, nulls);
  receiver->result->rejected++;
}

bool receive(TupleTableSlot* record, DestReceiver* self) {
  auto* receiver = reinterpret_cast<CleanReceiver*>(self);
  slot_getallattrs(record);
  int64 line = DatumGetInt64(record->tts_values[0]);
  int32 file_id = DatumGetInt32(record->tts_values[1]);
  int32 rank;
  if (!rank_of(receiver, file_id, &rank)) return true;
  receiver->result->read++;
  MemoryContextReset(receiver->row_context);
  MemoryContext old = MemoryContextSwitchTo(receiver->row_context);
  TupleTableSlot* slot = receiver->slot;
  ExecClearTuple(slot);
  bool good = true;
  for (int i = 0; i < receiver->rule_count && good; i++) {
    const Rule* rule = &receiver->rules[i];
    bool is_null = record->tts_isnull[2 + i];
    const char* text = nullptr;
    int length = 0;
    if (!is_null) {
      auto* value = reinterpret_cast<varlena*>(PG_DETOAST_DATUM_PACKED(record->tts_values[2 + i]));
      text = VARDATA_ANY(value);
      length = static_cast<int>(VARSIZE_ANY_EXHDR(value));
    }
    ConvertResult converted = convert_value(rule->rule, text, length, is_null);
    if (converted.reason != Reason::none) {
      add_reject(receiver, file_id, line, rule->rule, converted.reason, text, length);
      good = false;
    } else {
      slot->tts_values[rule->target] = converted.value;
      slot->tts_isnull[rule->target] = converted.is_null;
    }
  }
  if (good) {
    slot->tts_values[receiver->columns] = Int32GetDatum(rank);
    slot->tts_isnull[receiver->columns] = false;
    slot->tts_values[receiver->columns + 1] = Int64GetDatum(line);
    slot->tts_isnull[receiver->columns + 1] = false;
    ExecStoreVirtualTuple(slot);
    tuplesort_puttupleslot(receiver->sort, slot);
  }
  MemoryContextSwitchTo(old);
  return true;
}

void startup(DestReceiver*, int, TupleDesc) {}
void nothing(DestReceiver*) {}

int position_of(TupleDesc desc, const char* name, const Model* model) {
  for (int i = 0; i < desc->natts; i++)
    if (namestrcmp(&TupleDescAttr(desc, i)->attname, name) == 0) return i;
  ereport(ERROR,
          (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("table %s lacks column \"%s\" of its model", model->label, name),
           errhint("Define the model again with or_replace.")));
  pg_unreachable();
}

bool is_key(const Model* model, const char* name) {
  for (int i = 0; i < model->key_count; i++)
    if (std::strcmp(model->key[i], name) == 0) return true;
  return false;
}

// Converted values go into the table as they are: a column that somebody gave another type would take them for
// something else.
void check_type(const Model* model, const ColumnRule* rule, Form_pg_attribute attribute) {
  if (attribute->atttypid == rule_type(rule) && attribute->atttypmod == rule_typmod(rule)) return;
  ereport(
      ERROR,
      (errcode(ERRCODE_DATATYPE_MISMATCH),
       errmsg("column %s of %s has type %s, its rule gives %s", quote_identifier(NameStr(attribute->attname)),
              model->label, format_type_with_typemod(attribute->atttypid, attribute->atttypmod),
              format_type_with_typemod(rule_type(rule), rule_typmod(rule))),
       errhint(
           "Give the column its type back, or change the model with dap.create_clean_model(…, or_replace => true).")));
}

Rule* compile_rules(const Model* model, TupleDesc desc, int* count) {
  int rules = model->columns.count;
  auto* compiled = static_cast<Rule*>(palloc(sizeof(Rule) * static_cast<Size>(rules)));
  for (int i = 0; i < rules; i++) {
    const ColumnDefinition& definition = model->columns.column[i];
    compiled[i].rule = compile_column_rule(definition, is_key(model, definition.name));
    compiled[i].target = static_cast<AttrNumber>(position_of(desc, definition.name, model));
    check_type(model, compiled[i].rule, TupleDescAttr(desc, compiled[i].target));
  }
  *count = rules;
  return compiled;
}

// The row's descriptor with arrival behind it: rank and line.
TupleDesc sort_columns(TupleDesc desc) {
  TupleDesc sorted = CreateTemplateTupleDesc(desc->natts + 2);
  for (int i = 0; i < desc->natts; i++)
    TupleDescCopyEntry(sorted, static_cast<AttrNumber>(i + 1), desc, static_cast<AttrNumber>(i + 1));
  TupleDescInitEntry(sorted, static_cast<AttrNumber>(desc->natts + 1), "_rank", INT4OID, -1, 0);
  TupleDescInitEntry(sorted, static_cast<AttrNumber>(desc->natts + 2), "_line", INT8OID, -1, 0);
  return finished(sorted);
}

// Keys ascending, then the latest record of a key first.
Tuplesortstate* begin_sort(const Model* model, TupleDesc desc, TupleDesc sorted) {
  int keys = model->key_count + model->latest_by_count + 2;
  auto* attributes = static_cast<AttrNumber*>(palloc(sizeof(AttrNumber) * static_cast<Size>(keys)));
  auto* operators = static_cast<Oid*>(palloc(sizeof(Oid) * static_cast<Size>(keys)));
  auto* collations = static_cast<Oid*>(palloc(sizeof(Oid) * static_cast<Size>(keys)));
  auto* nulls_first = static_cast<bool*>(palloc0(sizeof(bool) * static_cast<Size>(keys)));
  for (int i = 0; i < keys; i++) {
    int at = i < model->key_count ? position_of(desc, model->key[i], model)
             : i < keys - 2       ? position_of(desc, model->latest_by[i - model->key_count], model)
                                  : desc->natts + (i - (keys - 2));
    Form_pg_attribute attribute = TupleDescAttr(sorted, at);
    TypeCacheEntry* type = lookup_type_cache(attribute->atttypid, TYPECACHE_LT_OPR | TYPECACHE_GT_OPR);
    attributes[i] = static_cast<AttrNumber>(at + 1);
    operators[i] = i < model->key_count ? type->lt_opr : type->gt_opr;
    collations[i] = attribute->attcollation;
    nulls_first[i] = false;  // descending with NULL last: NULL is lowest
  }
  return tuplesort_begin_heap(sorted, keys, attributes, operators, collations, nulls_first, maintenance_work_mem,
                              nullptr, TUPLESORT_NONE);
}

struct KeyCompare {
  int position;
  FmgrInfo* equal;
  Oid collation;
};

KeyCompare* key_compares(const Model* model, TupleDesc desc) {
  auto* compares = static_cast<KeyCompare*>(palloc(sizeof(KeyCompare) * static_cast<Size>(model->key_count)));
  for (int i = 0; i < model->key_count; i++) {
    int at = position_of(desc, model->key[i], model);
    Form_pg_attribute attribute = TupleDescAttr(desc, at);
    TypeCacheEntry* type = lookup_type_cache(attribute->atttypid, TYPECACHE_EQ_OPR_FINFO);
    compares[i] = {at, &type->eq_opr_finfo, attribute->attcollation};
  }
  return compares;
}

bool same_key(const Model* model, const KeyCompare* compares, TupleTableSlot* a, TupleTableSlot* b) {
  for (int i = 0; i < model->key_count; i++)
    if (!DatumGetBool(FunctionCall2Coll(compares[i].equal, compares[i].collation, a->tts_values[compares[i].position],
                                        b->tts_values[compares[i].position])))
      return false;
  return true;
}

// The first of each key's records, which is the latest, into the new rows.
void take_latest(const Model* model, CleanReceiver* receiver, TupleDesc desc, TupleDesc sorted) {
  tuplesort_performsort(receiver->sort);
  KeyCompare* compares = key_compares(model, desc);
  TupleTableSlot* current = MakeSingleTupleTableSlot(sorted, &TTSOpsMinimalTuple);
  TupleTableSlot* previous = MakeSingleTupleTableSlot(sorted, &TTSOpsMinimalTuple);
  MemoryContext compare_context =
      AllocSetContextCreate(CurrentMemoryContext, "dap key comparison", ALLOCSET_SMALL_SIZES);
  while (tuplesort_gettupleslot(receiver->sort, true, true, current, nullptr)) {
    CHECK_FOR_INTERRUPTS();
    MemoryContextReset(compare_context);
    MemoryContext old = MemoryContextSwitchTo(compare_context);
    slot_getallattrs(current);
    bool same = !TTS_EMPTY(previous) && same_key(model, compares, current, previous);
    if (!same) tuplestore_putvalues(receiver->result->rows->store, desc, current->tts_values, current->tts_isnull);
    MemoryContextSwitchTo(old);
    if (same) continue;
    TupleTableSlot* swap = previous;
    previous = current;
    current = swap;
  }
  ExecDropSingleTupleTableSlot(current);
  ExecDropSingleTupleTableSlot(previous);
  MemoryContextDelete(compare_context);
  tuplesort_end(receiver->sort);
}

TupleDesc reject_descriptor() {
  TupleDesc desc = CreateTemplateTupleDesc(reject_columns);
  TupleDescInitEntry(desc, reject_file + 1, "file_id", INT4OID, -1, 0);
  TupleDescInitEntry(desc, reject_line + 1, "line", INT8OID, -1, 0);
  TupleDescInitEntry(desc, reject_column_name + 1, "column_name", TEXTOID, -1, 0);
  TupleDescInitEntry(desc, reject_reason + 1, "reason", TEXTOID, -1, 0);
  TupleDescInitEntry(desc, reject_message + 1, "message", TEXTOID, -1, 0);
  TupleDescInitEntry(desc, reject_raw + 1, "raw", BYTEAOID, -1, 0);
  TupleDescInitEntry(desc, reject_raw_length + 1, "raw_length", INT8OID, -1, 0);
  return finished(desc);
}

char* record_query(const Model* model, const Rule* rules, int count) {
  StringInfoData sql;
  initStringInfo(&sql);
  // As what the receiver takes them for, whatever somebody made of the table's columns.
  appendStringInfoString(&sql, "SELECT _line::int8, _file_id::int4");
  for (int i = 0; i < count; i++) appendStringInfo(&sql, ", %s::text", quote_identifier(rule_source(rules[i].rule)));
  appendStringInfo(&sql, " FROM %s", relation_label(model->upstream[0]));
  return sql.data;
}

}  // namespace

CleanResult clean_rows(const Model* model, Relation target, Snapshot snapshot) {
  CleanResult result = {};
  TupleDesc desc = model_columns(model, target);
  result.rows = new_rows_open(desc);
  result.reject_desc = reject_descriptor();
  result.rejects = tuplestore_begin_heap(true, false, work_mem);
  CleanReceiver receiver = {};
  receiver.base.receiveSlot = receive;
  receiver.base.rStartup = startup;
  receiver.base.rShutdown = nothing;
  receiver.base.rDestroy = nothing;
  receiver.base.mydest = DestNone;
  RunAs ledger = run_as_begin(ledger_owner());
  reading_push(snapshot);
  receiver.ranks = arrival_ranks(model->source_id, &receiver.rank_count);
  reading_pop();
  run_as_end(&ledger);
  receiver.rules = compile_rules(model, desc, &receiver.rule_count);
  receiver.columns = desc->natts;
  receiver.result = &result;
  receiver.row_context = AllocSetContextCreate(CurrentMemoryContext, "dap clean row", ALLOCSET_DEFAULT_SIZES);
  TupleDesc sorted = sort_columns(desc);
  receiver.slot = MakeSingleTupleTableSlot(sorted, &TTSOpsVirtual);
  std::memset(receiver.slot->tts_isnull, true, sizeof(bool) * static_cast<Size>(sorted->natts));
  receiver.sort = begin_sort(model, desc, sorted);
  read_into(snapshot, record_query(model, receiver.rules, receiver.rule_count), &receiver.base);
  take_latest(model, &receiver, desc, sorted);
  ExecDropSingleTupleTableSlot(receiver.slot);
  MemoryContextDelete(receiver.row_context);
  return result;
}

void record_clean_rejects(const Model* model, CleanResult* result, int64 run_id) {
  NamedStore named = {"dap_rejects", result->reject_desc, result->rejects, static_cast<double>(result->rejected)};
  tuplestore_rescan(result->rejects);
  // Rejects of files that failed or were dismissed are evidence of another kind: they stay.
  run_statement(
      psprintf("DELETE FROM dap_internal.reject_ledger r WHERE r.model_id = %d AND r.stage = 'clean' AND NOT r.attempt "
               "AND NOT EXISTS (SELECT 1 FROM dap_internal.file_ledger l WHERE l.file_id = r.file_id AND l.status IN "
               "('failed', 'dismissed')) "
               "AND NOT EXISTS (SELECT 1 FROM dap_rejects n WHERE n.file_id = r.file_id AND n.line = r.line "
               "AND n.column_name = r.column_name AND n.reason = r.reason AND n.message = r.message AND n.raw IS NOT "
               "DISTINCT FROM r.raw)",
               model->model_id),
      &named, 1);
  run_statement(psprintf("INSERT INTO dap_internal.reject_ledger (file_id, source_id, line, stage, model_id, "
                         "column_name, reason, message, raw, raw_length, run_id) "
                         "SELECT n.file_id, %d, n.line, 'clean', %d, n.column_name, n.reason, n.message, n.raw, "
                         "n.raw_length, " INT64_FORMAT " FROM dap_rejects n "
                         "WHERE NOT EXISTS (SELECT 1 FROM dap_internal.reject_ledger r WHERE r.model_id = %d AND "
                         "r.stage = 'clean' AND NOT r.attempt AND r.file_id = n.file_id AND r.line = n.line "
                         "AND r.column_name = n.column_name)",
                         model->source_id, model->model_id, run_id, model->model_id),
                &named, 1);
}

}  // namespace dap
