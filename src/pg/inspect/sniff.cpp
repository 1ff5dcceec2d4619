// dap.sniff_csv(path, options): reads a whole file and says how it could be defined as a source and typed by a clean
// model.
#include <cstring>
#include <initializer_list>

#include "pg/catalog/options.h"
#include "pg/csv/column_map.h"
#include "pg/csv/csv_reader.h"
#include "pg/inspect/column_survey.h"
#include "pg/inspect/sniff_job.h"

extern "C" {
#include "catalog/heap.h"
#include "utils/fmgrprotos.h"
#include "utils/typcache.h"
}

namespace dap {
namespace {

constexpr int batch_records = 1000;
constexpr int most_columns = MaxHeapAttributeNumber;

void count_reject(Sniff* sniff, const CsvReject* reject) {
  if (sniff->rejects++ == 0) sniff->first_reject_line = reject->line;
  int i = 0;
  const char* code = reason_code(reject->reason);
  while (i < sniff->reason_count && std::strcmp(reason_code(sniff->reasons[i].reason), code) != 0) i++;
  if (i == most_reasons) return;
  if (i == sniff->reason_count) sniff->reasons[sniff->reason_count++] = {reject->reason, 0};
  sniff->reasons[i].count++;
}

CsvField header_field(const Sniff* sniff, int column) {
  const char* text = sniff->header[column];
  return {text, static_cast<uint32>(std::strlen(text)), std::strcmp(text, sniff->options->null_text) == 0};
}

bool without_header(const Sniff* sniff) { return sniff->header_given && !sniff->options->header; }

char** numbered_names(int count) {
  char** names = static_cast<char**>(palloc(sizeof(char*) * (static_cast<Size>(count) + 1)));
  for (int i = 0; i < count; i++) names[i] = psprintf("column_%d", i + 1);
  return names;
}

// The second pass: every record, by the dialect that was found. The first is kept aside until the others tell whether
// it is a header, if nobody said that there is none.
void survey_records(Sniff* sniff, ByteSource* source) {
  CsvReader* reader = csv_reader_open_file(source, sniff->options);
  if (without_header(sniff)) {
    sniff->columns = csv_reader_width(reader);
    if (sniff->columns > 0) {
      sniff->header = numbered_names(sniff->columns);
      csv_reader_close(reader);
      byte_source_rewind(source);
      reader = csv_reader_open(source, sniff->options);
    }
  } else {
    sniff->header = csv_reader_header(reader, &sniff->columns);
  }
  if (!sniff->header && csv_reader_fault(reader)->reason == Reason::none)
    note(sniff,
         sniff->bytes > 0 && without_header(sniff) ? "the file has no record without a fault" : "the file is empty");
  if (sniff->columns > most_columns) {
    note(sniff, "the first record has %d fields; a table can have %d columns", sniff->columns, most_columns);
    sniff->header = nullptr;
    sniff->columns = 0;
  }
  if (sniff->header) {
    sniff->survey = column_survey_open(sniff->columns);
    csv_reader_set_columns(reader, sniff->columns);
    MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "dap sniffed rows", ALLOCSET_DEFAULT_SIZES);
    CsvBatch batch;
    bool limited = false;
    while (!limited && csv_reader_next(reader, batch_records, &batch)) {
      CHECK_FOR_INTERRUPTS();
      for (int i = 0; i < batch.reject_count; i++) count_reject(sniff, &batch.rejects[i]);
      MemoryContext old = MemoryContextSwitchTo(rows);
      for (int i = 0; i < batch.records && !limited; i++) {
        limited = sniff->options->limit >= 0 && sniff->records >= sniff->options->limit;
        if (limited) break;
        column_survey_add(sniff->survey, batch.fields + static_cast<Size>(i) * static_cast<Size>(sniff->columns),
                          batch.places[i].line);
        sniff->records++;
      }
      MemoryContextSwitchTo(old);
      MemoryContextReset(rows);
    }
    MemoryContextDelete(rows);
    if (limited) note(sniff, "only the first " INT64_FORMAT " records were read (option \"limit\")", sniff->records);
    sniff->complete = !limited;
  }
  const CsvFault* fault = csv_reader_fault(reader);
  if (fault->reason != Reason::none) {
    sniff->complete = false;
    if (fault->line > 0)
      note(sniff, "the file would fail (%s), line " INT64_FORMAT ": %s", reason_code(fault->reason), fault->line,
           fault->message);
    else note(sniff, "the file would fail (%s): %s", reason_code(fault->reason), fault->message);
  }
  csv_reader_close(reader);
}

bool is_reserved(const char* name) {
  return SystemAttributeByName(name) || std::strcmp(name, "_line") == 0 || std::strcmp(name, "_file_id") == 0;
}

// Why the names cannot be a table's columns; NULL: they can.
const char* unusable_names(char** names, int count) {
  char** folded = static_cast<char**>(palloc(sizeof(char*) * (static_cast<Size>(count) + 1)));
  for (int i = 0; i < count; i++) {
    folded[i] = str_tolower(names[i], std::strlen(names[i]), DEFAULT_COLLATION_OID);
    if (names[i][0] == '\0') return psprintf("column %d has no name", i + 1);
    if (std::strlen(names[i]) >= NAMEDATALEN)
      return psprintf("the name of column %d is longer than %d bytes", i + 1, NAMEDATALEN - 1);
    if (is_reserved(folded[i])) return psprintf("column %d has a name that is reserved", i + 1);
    for (int j = 0; j < i; j++)
      if (std::strcmp(folded[i], folded[j]) == 0) return psprintf("columns %d and %d have the same name", j + 1, i + 1);
  }
  return nullptr;
}

// Is the first record a header? Where a column is of some type, its field there tells.
bool guess_header(Sniff* sniff) {
  int values = 0, others = 0;
  bool no_name = false;
  for (int i = 0; i < sniff->columns; i++) {
    CsvField field = header_field(sniff, i);
    HeaderFit fit = column_survey_fits(sniff->survey, i, sniff->header[i], &field);
    values += fit == HeaderFit::value;
    others += fit == HeaderFit::other;
    no_name = no_name || is_no_name(sniff->survey, sniff->header[i]);
  }
  if (others > 0 && values == 0) return true;
  if (values > 0 && others == 0) return false;
  if (values > 0) {
    note(sniff,
         "undecided: the first record has values of some columns' types and not of others'; it is assumed to be %s",
         no_name ? "a record" : "the header");
    return !no_name;
  }
  bool header = !no_name && unusable_names(sniff->header, sniff->columns) == nullptr;
  note(sniff, "undecided: no column's type tells whether the first record is a header; it is assumed to be %s",
       header ? "one" : "a record");
  return header;
}

void settle_header(Sniff* sniff) {
  if (!sniff->header) return;
  sniff->has_header = sniff->header_given ? sniff->options->header : guess_header(sniff);
  sniff->names = static_cast<char**>(palloc(sizeof(char*) * (static_cast<Size>(sniff->columns) + 1)));
  if (sniff->has_header) {
    for (int i = 0; i < sniff->columns; i++) sniff->names[i] = sniff->header[i];
    header_columns(sniff->options, sniff->names, sniff->columns);
  } else {
    sniff->names = numbered_names(sniff->columns);
  }
  if (!sniff->has_header && !without_header(sniff)) {
    auto* fields = static_cast<CsvField*>(palloc(sizeof(CsvField) * (static_cast<Size>(sniff->columns) + 1)));
    for (int i = 0; i < sniff->columns; i++) fields[i] = header_field(sniff, i);
    column_survey_add(sniff->survey, fields, 1);
    sniff->records++;
  }
  const char* unusable = unusable_names(sniff->names, sniff->columns);
  sniff->names_usable = !unusable;
  if (unusable) note(sniff, "the header cannot be the columns of a table: %s", unusable);
}

// How many records would be rejects with "lenient"; -1: the file would fail.
int64 rejects_if_lenient(const Sniff* sniff, ByteSource* source) {
  SourceOptions options = *sniff->options;
  options.lenient = true;
  byte_source_rewind(source);
  CsvReader* reader = csv_reader_open(source, &options);
  int columns = sniff->columns;
  bool fine = without_header(sniff) || (csv_reader_header(reader, &columns) && columns == sniff->columns);
  int64 records = 0, rejects = 0;
  if (fine) {
    csv_reader_set_columns(reader, columns);
    CsvBatch batch;
    while ((options.limit < 0 || records < options.limit) && csv_reader_next(reader, batch_records, &batch)) {
      CHECK_FOR_INTERRUPTS();
      records += batch.records;
      rejects += batch.reject_count;
    }
    fine = csv_reader_fault(reader)->reason == Reason::none;
  }
  csv_reader_close(reader);
  return fine ? rejects : -1;
}

void judge_rejects(Sniff* sniff, ByteSource* source) {
  if (sniff->rejects == 0) return;
  StringInfoData text;
  initStringInfo(&text);
  bool quotes = false;
  for (int i = 0; i < sniff->reason_count; i++) {
    Reason reason = sniff->reasons[i].reason;
    appendStringInfo(&text, "%s%s " INT64_FORMAT, i ? ", " : "", reason_code(reason), sniff->reasons[i].count);
    quotes = quotes || reason == Reason::quote_in_field || reason == Reason::text_after_quote ||
             reason == Reason::unterminated_quote;
  }
  note(sniff, "rejects: " INT64_FORMAT ", the first in line " INT64_FORMAT ": %s", sniff->rejects,
       sniff->first_reject_line, text.data);
  if (!quotes || sniff->options->lenient) return;
  int64 left = rejects_if_lenient(sniff, source);
  if (left >= 0 && left < sniff->rejects)
    note(sniff,
         "quotes stand where none may: with option \"lenient\" " INT64_FORMAT
         " records would be rejected; option \"escape\" or \"quote\" may be what the file means as well",
         left);
  else
    note(sniff,
         "quotes stand where none may, and option \"lenient\" is no help: option \"escape\" or \"quote\" may be what "
         "the file means");
}

// A table's name from the file's.
char* source_name(const char* path) {
  const char* base = std::strrchr(path, '/');
  char* name = pstrdup(base ? base + 1 : path);
  for (const char* ending : {".gz", ".zst", ".csv", ".tsv", ".txt"}) {
    Size length = std::strlen(name), cut = std::strlen(ending);
    if (length > cut && pg_strcasecmp(name + length - cut, ending) == 0) name[length - cut] = '\0';
  }
  char* to = name;
  for (const char* from = name; *from; from++) {
    char c = pg_ascii_tolower(static_cast<unsigned char>(*from));
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) *to++ = c;
    else if (to > name && to[-1] != '_') *to++ = '_';
  }
  while (to > name && to[-1] == '_') to--;
  *to = '\0';
  if (name[0] == '\0' || (name[0] >= '0' && name[0] <= '9')) name = psprintf("csv_%s", name);
  if (std::strlen(name) >= NAMEDATALEN) name[NAMEDATALEN - 1] = '\0';
  return name;
}

Jsonb* with_member(Jsonb* object, const char* member) {
  Datum added = DirectFunctionCall1(jsonb_in, CStringGetDatum(member));
  return object ? DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(object), added))
                : DatumGetJsonbP(added);
}

// The options that create_source needs, as a literal; NULL if none.
char* options_literal(const Sniff* sniff) {
  Jsonb* options = sniff->call_options;
  if (options)
    options = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(options), CStringGetTextDatum("limit")));
  if (!is_given(sniff->call_options, "delimiter") && sniff->options->delimiter != ',')
    options = with_member(options, sniff->options->delimiter == '\t'
                                       ? "{\"delimiter\": \"\\t\"}"
                                       : psprintf("{\"delimiter\": \"%c\"}", sniff->options->delimiter));
  if (!is_given(sniff->call_options, "quote") && sniff->options->quote != '"')
    options = with_member(options, "{\"quote\": \"'\"}");
  if (!is_given(sniff->call_options, "escape") && sniff->options->escape != sniff->options->quote)
    options = with_member(options, "{\"escape\": \"\\\\\"}");
  if (!sniff->header_given && !sniff->has_header) options = with_member(options, "{\"header\": false}");
  if (!options || JB_ROOT_COUNT(options) == 0) return nullptr;
  return quote_literal_cstr(JsonbToCString(nullptr, &options->root, static_cast<int>(VARSIZE(options))));
}

char* create_source_call(const Sniff* sniff) {
  StringInfoData call;
  initStringInfo(&call);
  appendStringInfo(&call, "SELECT dap.create_source(%s, %s, ARRAY[", quote_literal_cstr(source_name(sniff->path)),
                   quote_literal_cstr(sniff->given_path));
  for (int i = 0; i < sniff->columns; i++)
    appendStringInfo(&call, "%s%s", i ? ", " : "", quote_literal_cstr(sniff->names[i]));
  appendStringInfoChar(&call, ']');
  if (char* options = options_literal(sniff)) appendStringInfo(&call, ", %s", options);
  appendStringInfoString(&call, ");");
  return call.data;
}

Datum column_datum(TupleDesc desc, int position, const char* name, const SurveyedColumn* column) {
  auto text = [](const char* value) { return value ? CStringGetTextDatum(value) : static_cast<Datum>(0); };
  Datum values[] = {Int32GetDatum(position),
                    text(name),
                    text(column->type),
                    text(column->format),
                    Int64GetDatum(column->values),
                    Int64GetDatum(column->nulls),
                    text(column->min),
                    text(column->max),
                    Int64GetDatum(column->longest),
                    text(column->note)};
  bool nulls[] = {false,
                  name == nullptr,
                  false,
                  column->format == nullptr,
                  false,
                  false,
                  column->min == nullptr,
                  column->max == nullptr,
                  false,
                  column->note == nullptr};
  return heap_copy_tuple_as_datum(heap_form_tuple(desc, values, nulls), desc);
}

// The columns as an array of their composite type, and as the rules of a clean model.
Datum columns_datum(const Sniff* sniff, Oid element, StringInfo rules) {
  TupleDesc desc = lookup_rowtype_tupdesc(element, -1);
  Datum* values = static_cast<Datum*>(palloc(sizeof(Datum) * (static_cast<Size>(sniff->columns) + 1)));
  appendStringInfoChar(rules, '[');
  for (int i = 0; i < sniff->columns; i++) {
    SurveyedColumn column = column_survey_result(sniff->survey, i, sniff->names[i]);
    values[i] = column_datum(desc, i + 1, sniff->names[i], &column);
    appendStringInfo(rules, "%s{\"name\":", i ? "," : "");
    escape_json(rules, sniff->names[i]);
    appendStringInfo(rules, ",\"type\":\"%s\"", column.type);
    if (column.format) appendStringInfo(rules, ",\"format\":\"%s\"", column.format);
    appendStringInfoChar(rules, '}');
  }
  appendStringInfoChar(rules, ']');
  ReleaseTupleDesc(desc);
  return PointerGetDatum(construct_array(values, sniff->columns, element, -1, false, TYPALIGN_DOUBLE));
}

void sniff_file(Sniff* sniff) {
  ByteSource* source = byte_source_open_file(sniff->path, sniff->options->compression);
  judge_dialect(sniff, source);
  byte_source_rewind(source);
  survey_records(sniff, source);
  settle_header(sniff);
  judge_rejects(sniff, source);
  byte_source_close(source);
}

}  // namespace
}  // namespace dap

DAP_FUNCTION(dap_sniff_csv) {
  TupleDesc desc;
  if (get_call_result_type(fcinfo, nullptr, &desc) != TYPEFUNC_COMPOSITE)
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("function returning record called in context that cannot accept type record")));
  dap::Sniff sniff = {};
  sniff.call_options = PG_GETARG_JSONB_P(1);
  sniff.options = dap::parse_options(nullptr, sniff.call_options, dap::OptionScope::sniff);
  sniff.header_given = dap::is_given(sniff.call_options, "header");
  sniff.given_path = text_to_cstring(PG_GETARG_TEXT_PP(0));
  List* files = dap::find_files(sniff.given_path);
  if (files == NIL)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FILE), errmsg("no file matches \"%s\"", sniff.given_path)));
  sniff.path = static_cast<dap::FoundFile*>(linitial(files))->path;
  sniff.files = list_length(files);
  if (sniff.files > 1) dap::note(&sniff, "the path means %d files; this is the first", sniff.files);
  dap::sniff_file(&sniff);

  enum {
    path,
    files_found,
    delimiter,
    quote,
    escape,
    header,
    encoding,
    suggested,
    bom,
    line_ends,
    bytes,
    records,
    rejects,
    notes,
    create_source,
    clean_columns,
    columns,
    count
  };
  Datum values[count] = {};
  bool nulls[count];
  std::memset(nulls, true, sizeof(nulls));
  auto put = [&values, &nulls](int at, Datum value) {
    values[at] = value;
    nulls[at] = false;
  };
  put(path, CStringGetTextDatum(sniff.path));
  put(files_found, Int32GetDatum(sniff.files));
  put(delimiter, PointerGetDatum(cstring_to_text_with_len(&sniff.options->delimiter, 1)));
  put(quote, PointerGetDatum(cstring_to_text_with_len(&sniff.options->quote, sniff.options->quote ? 1 : 0)));
  if (sniff.options->quote) put(escape, PointerGetDatum(cstring_to_text_with_len(&sniff.options->escape, 1)));
  if (sniff.header) put(header, BoolGetDatum(sniff.has_header));
  if (sniff.encoding) put(encoding, CStringGetTextDatum(sniff.encoding));
  if (sniff.suggested_encoding) put(suggested, CStringGetTextDatum(sniff.suggested_encoding));
  put(bom, BoolGetDatum(sniff.bom));
  if (sniff.line_ends) put(line_ends, CStringGetTextDatum(sniff.line_ends));
  put(bytes, Int64GetDatum(sniff.bytes));
  put(records, Int64GetDatum(sniff.records));
  put(rejects, Int64GetDatum(sniff.rejects));
  if (sniff.header) {
    StringInfoData rules;
    initStringInfo(&rules);
    put(columns, dap::columns_datum(&sniff, get_element_type(TupleDescAttr(desc, columns)->atttypid), &rules));
    if (sniff.names_usable) {
      put(clean_columns, DirectFunctionCall1(jsonb_in, CStringGetDatum(rules.data)));
      put(create_source, CStringGetTextDatum(dap::create_source_call(&sniff)));
    }
  }
  Datum* texts = static_cast<Datum*>(palloc(sizeof(Datum) * static_cast<Size>(list_length(sniff.notes) + 1)));
  ListCell* cell;
  int note_count = 0;
  foreach (cell, sniff.notes) texts[note_count++] = CStringGetTextDatum(static_cast<char*>(lfirst(cell)));
  put(notes, PointerGetDatum(construct_array(texts, note_count, TEXTOID, -1, false, TYPALIGN_INT)));
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
