// Every process of a step reads all pages of the source and converts the keys of all records; what it does with the
// rest of a record only that process does in whose range the key lies. Reading keys is cheap beside the rest, and so
// nothing has to go from one process to another but rejects.
#include "pg/clean/clean_share.h"

#include <cstring>

#include "bridge/run_as.h"
#include "pg/clean/key_image.h"
#include "pg/clean/row_runs.h"
#include "pg/table/heap_scan.h"
#include "pg/table/tuple_shape.h"

extern "C" {
#include "storage/bufmgr.h"
}

namespace dap {

namespace {

// Arrival as one number: the file's rank, then the line.
constexpr int line_bits = 40;
constexpr int64 most_lines = int64{1} << line_bits;
constexpr int32 most_ranks = 1 << (63 - line_bits);

// A record's fields, as rules' columns, and what they were converted to.
struct Record {
  int64 line;
  int32 file_id;
  const char** places;  // line, file, then fields
  ConvertResult* converted;
  bool* is_converted;
};

}  // namespace

struct CleanShare {
  const CleanTask* task;
  int process;
  FileRanks files;
  CleanRules rules;
  TupleShape* shape;
  int* places;     // where in the record's places each rule's field is
  int* key_rules;  // positions of the rules of the key's columns
  ImageColumn* key;
  ImageColumn* latest;
  Record record;
  Datum* values;  // of the target's attributes
  bool* nulls;
  Datum* key_values;
  ImageBuffer images;  // of the key, then of what is latest
  char* body;
  RowRuns* runs;
  MemoryContext row_context;
  bool detoasted;  // it holds fields as large as they may be
  TupleDesc reject_desc;
  TupleSink sink;
  void* sink_argument;
  int64 records;
};

namespace {

AttrNumber attribute_of(Relation relation, const char* name, Oid type) {
  AttrNumber attribute = get_attnum(RelationGetRelid(relation), name);
  if (attribute <= 0 || TupleDescAttr(RelationGetDescr(relation), attribute - 1)->atttypid != type) return 0;
  return attribute;
}

// Several rules may read one column, which lies in one place: `places` says where each one's does, behind line and
// file. NULL: the records cannot be read where they lie.
TupleShape* record_shape(const CleanRules* rules, Relation source, int* places) {
  auto* wanted = static_cast<AttrNumber*>(palloc(sizeof(AttrNumber) * static_cast<Size>(rules->count + 2)));
  int count = 0;
  wanted[count++] = attribute_of(source, "_line", INT8OID);
  wanted[count++] = attribute_of(source, "_file_id", INT4OID);
  for (int i = 0; i < rules->count; i++) {
    AttrNumber attribute = attribute_of(source, rule_source(rules->rule[i].rule), TEXTOID);
    places[i] = 2;
    while (places[i] < count && wanted[places[i]] != attribute) places[i]++;
    if (places[i] == count) wanted[count++] = attribute;
  }
  for (int i = 0; i < count; i++)
    if (wanted[i] == 0) return nullptr;
  return tuple_shape(RelationGetDescr(source), wanted, count);
}

// The field of a rule, detoasted; false for NULL.
bool field_of(CleanShare* share, int rule, const char** text, int* length) {
  const char* place = share->record.places[share->places[rule]];
  *text = nullptr;
  *length = 0;
  if (!place) return false;
  if (VARATT_IS_1B(place) && !VARATT_IS_1B_E(place)) {
    *text = VARDATA_1B(place);
    *length = static_cast<int>(VARSIZE_1B(place) - VARHDRSZ_SHORT);
    return true;
  }
  auto* value = reinterpret_cast<varlena*>(PG_DETOAST_DATUM_PACKED(PointerGetDatum(place)));
  share->detoasted |= reinterpret_cast<const char*>(value) != place;
  *text = VARDATA_ANY(value);
  *length = static_cast<int>(VARSIZE_ANY_EXHDR(value));
  return true;
}

bool convert(CleanShare* share, int rule) {
  Record* record = &share->record;
  const char* text;
  int length;
  bool is_null = !field_of(share, rule, &text, &length);
  record->converted[rule] = convert_value(share->rules.rule[rule].rule, text, length, is_null);
  record->is_converted[rule] = true;
  return record->converted[rule].reason == Reason::none;
}

void reject(CleanShare* share, int rule) {
  const Record* record = &share->record;
  const char* text;
  int length;
  if (!field_of(share, rule, &text, &length)) text = nullptr;
  share->sink(share->sink_argument,
              form_reject(share->reject_desc, record->file_id, record->line, share->rules.rule[rule].rule,
                          record->converted[rule].reason, text, length));
}

// Returns its length.
Size key_image(CleanShare* share) {
  int count = share->task->model->key_count;
  for (int i = 0; i < count; i++) share->key_values[i] = share->record.converted[share->key_rules[i]].value;
  return put_key_image(&share->images, share->key, share->key_values, count);
}

// The image of what makes a record the latest of its key, behind the key's; NULL is lowest. Returns its length.
Size latest_image(CleanShare* share, Size key_length) {
  int count = share->task->model->latest_by_count;
  Size room = key_length;
  for (int i = 0; i < count; i++) {
    int target = share->latest[i].target;
    room += 1 + (share->nulls[target] ? 0 : image_room(share->latest[i].kind, share->values[target]));
  }
  make_image_room(&share->images, room);
  unsigned char* at = share->images.bytes + key_length;
  for (int i = 0; i < count; i++) {
    int target = share->latest[i].target;
    *at++ = share->nulls[target] ? 0 : 1;
    if (!share->nulls[target]) at = put_image(share->latest[i].kind, share->values[target], at);
  }
  return static_cast<Size>(at - share->images.bytes) - key_length;
}

// Converts the key's columns alone. False if one of them is rejected.
bool convert_key(CleanShare* share) {
  for (int i = 0; i < share->task->model->key_count; i++)
    if (!convert(share, share->key_rules[i])) return false;
  return true;
}

// Converts what is not converted yet, in the rules' order. False: the record is a reject.
bool convert_rest(CleanShare* share) {
  Record* record = &share->record;
  for (int i = 0; i < share->rules.count; i++) {
    if (!record->is_converted[i]) convert(share, i);
    const ConvertResult& converted = record->converted[i];
    if (converted.reason != Reason::none) {
      reject(share, i);
      return false;
    }
    int target = share->rules.rule[i].target;
    share->values[target] = converted.value;
    share->nulls[target] = converted.is_null;
  }
  return true;
}

// False if the row needs TOAST.
bool add_row(CleanShare* share, int32 rank, Size key_length) {
  Size latest = share->task->model->latest_by_count == 0 ? 0 : latest_image(share, key_length);
  uint16 tag;
  Size body = form_body(RelationGetDescr(share->task->target), share->values, share->nulls, share->body, BLCKSZ, &tag);
  if (body == 0) return false;
  uint64 arrival = static_cast<uint64>(rank) << line_bits | static_cast<uint64>(share->record.line);
  std::memcpy(row_runs_put(share->runs, share->images.bytes, key_length, latest, body, arrival, tag), share->body,
              body);
  row_runs_added(share->runs);
  return true;
}

// False if the record cannot be taken here.
bool take_record(CleanShare* share) {
  Record* record = &share->record;
  if (!record->places[0] || !record->places[1]) return false;
  std::memcpy(&record->line, record->places[0], sizeof(int64));
  std::memcpy(&record->file_id, record->places[1], sizeof(int32));
  int32 rank;
  if (!rank_of(&share->files, record->file_id, &rank)) return true;
  share->records++;
  if (rank >= most_ranks || record->line < 0 || record->line >= most_lines) return false;
  std::memset(record->is_converted, false, static_cast<Size>(share->rules.count));
  // Who has no key is the first process's.
  bool has_key = convert_key(share);
  Size key_length = has_key ? key_image(share) : 0;
  int process = has_key ? process_of(share->task, share->images.bytes, key_length) : 0;
  if (process != share->process || !convert_rest(share)) return true;
  return add_row(share, rank, key_length);
}

int compare_bounds(const void* a, const void* b) {
  const auto *left = static_cast<const KeyBound*>(a), *right = static_cast<const KeyBound*>(b);
  return row::compare_images(left->image, left->length, right->image, right->length);
}

template <class Element>
Element* allocate(int count) {
  return static_cast<Element*>(palloc0(sizeof(Element) * static_cast<Size>(count + 1)));
}

void no_sink(void*, MinimalTuple) {}

// Between two records.
void settle(CleanShare* share) {
  CHECK_FOR_INTERRUPTS();
  if (!share->detoasted) return;
  MemoryContextReset(share->row_context);
  share->detoasted = false;
}

}  // namespace

int process_of(const CleanTask* task, const unsigned char* image, Size length) {
  int process = 0;
  while (process < task->processes - 1 &&
         row::compare_images(image, length, task->bounds[process].image, task->bounds[process].length) >= 0)
    process++;
  return process;
}

const char* forbids_bulk_clean(const Model* model, Relation source, Relation target) {
  TupleDesc desc = RelationGetDescr(target);
  if (!is_readable_heap(source))
    return psprintf("%s is no plain local table", relation_label(RelationGetRelid(source)));
  CleanRules rules = compile_clean_rules(model, desc);
  auto* places = static_cast<int*>(palloc(sizeof(int) * static_cast<Size>(rules.count + 1)));
  if (!record_shape(&rules, source, places)) return "the source's table is not as dap.create_source() made it";
  for (int i = 0; i < model->key_count; i++)
    if (image_column(model, desc, model->key[i], false).kind == ImageKind::none)
      return psprintf("key column \"%s\" is of a type that the engine does not compare", model->key[i]);
  for (int i = 0; i < model->latest_by_count; i++)
    if (image_column(model, desc, model->latest_by[i], true).kind == ImageKind::none)
      return psprintf("latest_by column \"%s\" is of a type that the engine does not order", model->latest_by[i]);
  return nullptr;
}

CleanShare* clean_share_open(const CleanTask* task, int process, Size memory, TupleDesc reject_desc, TupleSink sink,
                             void* argument) {
  auto* share = static_cast<CleanShare*>(palloc0(sizeof(CleanShare)));
  const Model* model = task->model;
  TupleDesc desc = RelationGetDescr(task->target);
  share->task = task;
  share->process = process;
  share->files = {task->ranks, task->rank_count, 0};
  share->rules = compile_clean_rules(model, desc);
  share->places = allocate<int>(share->rules.count);
  share->shape = record_shape(&share->rules, task->source, share->places);
  share->key_rules = allocate<int>(model->key_count);
  share->key = allocate<ImageColumn>(model->key_count);
  share->latest = allocate<ImageColumn>(model->latest_by_count);
  for (int i = 0; i < model->key_count; i++) {
    share->key[i] = image_column(model, desc, model->key[i], false);
    while (share->rules.rule[share->key_rules[i]].target != share->key[i].target) share->key_rules[i]++;
  }
  for (int i = 0; i < model->latest_by_count; i++)
    share->latest[i] = image_column(model, desc, model->latest_by[i], true);
  share->record.places = allocate<const char*>(share->rules.count + 2);
  share->record.converted = allocate<ConvertResult>(share->rules.count);
  share->record.is_converted = allocate<bool>(share->rules.count);
  share->values = allocate<Datum>(desc->natts);
  share->nulls = allocate<bool>(desc->natts);
  std::memset(share->nulls, true, static_cast<Size>(desc->natts));
  share->key_values = allocate<Datum>(model->key_count);
  share->images = image_buffer();
  share->body = static_cast<char*>(palloc(BLCKSZ));
  share->runs = row_runs_open(memory);
  share->row_context = AllocSetContextCreate(CurrentMemoryContext, "dap clean records", ALLOCSET_DEFAULT_SIZES);
  share->reject_desc = reject_desc;
  share->sink = sink;
  share->sink_argument = argument;
  return share;
}

void clean_share_read(CleanShare* share) {
  HeapScan* scan = heap_scan_open(share->task->source, 0, RelationGetNumberOfBlocks(share->task->source));
  while (const HeapPage* page = is_given_up(share->task) ? nullptr : heap_scan_next(scan)) {
    MemoryContext old = MemoryContextSwitchTo(share->row_context);
    for (int i = 0; i < page->count; i++) {
      tuple_places(share->shape, page->tuples[i], share->record.places);
      if (!take_record(share)) {
        give_up(share->task);
        break;
      }
      settle(share);
    }
    MemoryContextSwitchTo(old);
    MemoryContextReset(share->row_context);
  }
  heap_scan_close(scan);
}

void clean_share_sort(CleanShare* share) { row_runs_sort(share->runs); }

int64 clean_share_records(const CleanShare* share) { return share->records; }

const row::Row* clean_share_next(CleanShare* share) { return row_runs_take(share->runs); }

void clean_share_close(CleanShare* share) {
  row_runs_close(share->runs);
  MemoryContextDelete(share->row_context);
  pfree(share);
}

void choose_bounds(CleanTask* task) {
  constexpr int pages = 32, most_samples = 8192;
  int processes = task->processes;
  task->processes = 1;
  auto* samples = static_cast<KeyBound*>(palloc(sizeof(KeyBound) * most_samples));
  int count = 0;
  CleanShare* share = clean_share_open(task, 0, 0, nullptr, no_sink, nullptr);
  BlockNumber blocks = RelationGetNumberOfBlocks(task->source);
  for (int i = 0; i < pages; i++) {
    auto block = static_cast<BlockNumber>(static_cast<uint64>(blocks) * static_cast<uint64>(i) / pages);
    HeapScan* scan = heap_scan_open(task->source, block, block + 1);
    MemoryContext old = MemoryContextSwitchTo(share->row_context);
    while (const HeapPage* page = heap_scan_next(scan))
      for (int j = 0; j < page->count && count < most_samples; j++) {
        settle(share);
        tuple_places(share->shape, page->tuples[j], share->record.places);
        if (!convert_key(share)) continue;
        Size length = key_image(share);
        if (length > most_bound_bytes) length = most_bound_bytes;  // a bound need not be a key
        samples[count].length = static_cast<uint16>(length);
        std::memcpy(samples[count++].image, share->images.bytes, length);
      }
    MemoryContextSwitchTo(old);
    MemoryContextReset(share->row_context);
    heap_scan_close(scan);
  }
  clean_share_close(share);
  qsort(samples, static_cast<Size>(count), sizeof(KeyBound), compare_bounds);
  if (count > 0) task->processes = processes;
  for (int i = 1; i < task->processes; i++) task->bounds[i - 1] = samples[static_cast<int64>(count) * i / processes];
  pfree(samples);
}

}  // namespace dap
