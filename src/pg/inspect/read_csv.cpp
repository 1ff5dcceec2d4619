// dap.read_csv(path, options): a file's records as a set, typed by the query's column definition list.
#include <cstring>

#include "bridge/pg.h"
#include "bridge/reason_text.h"
#include "pg/catalog/options.h"
#include "pg/csv/column_map.h"
#include "pg/csv/csv_reader.h"
#include "pg/file/byte_source.h"
#include "pg/rule/column_rule.h"

namespace dap {
namespace {

// The query's columns and where each comes from.
struct ReadPlan {
  TupleDesc desc;
  int* field;          // per column of the query: its place in the file, -1: NULL (option optional)
  ColumnRule** rules;  // NULL for text
  Datum* values;
  bool* nulls;
};

bool is_optional(const char* name, const SourceOptions* options) {
  for (int i = 0; i < options->optional_count; i++)
    if (pg_strcasecmp(options->optional[i], name) == 0) return true;
  return false;
}

ReadPlan make_plan(TupleDesc desc, char** header, int header_count, const SourceOptions* options, const char* path) {
  ReadPlan plan = {};
  plan.desc = desc;
  Size columns = static_cast<Size>(desc->natts);
  plan.field = static_cast<int*>(palloc(sizeof(int) * columns));
  plan.rules = static_cast<ColumnRule**>(palloc0(sizeof(ColumnRule*) * columns));
  plan.values = static_cast<Datum*>(palloc0(sizeof(Datum) * columns));
  plan.nulls = static_cast<bool*>(palloc0(sizeof(bool) * columns));
  auto** wanted = static_cast<const char**>(palloc(sizeof(char*) * columns));
  for (int i = 0; i < desc->natts; i++) {
    wanted[i] = NameStr(TupleDescAttr(desc, i)->attname);
    plan.field[i] = i;
  }
  if (header) find_header_columns(options, header, header_count, wanted, desc->natts, plan.field);
  for (int i = 0; i < desc->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    const char* name = NameStr(attribute->attname);
    if (plan.field[i] < 0 && !is_optional(name, options))
      ereport(
          ERROR,
          (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("\"%s\" has no column \"%s\"", path, name),
           errhint("Columns are matched by the header's names; option \"optional\" lists those that may be missing.")));
    if (attribute->atttypid != TEXTOID)
      plan.rules[i] = compile_plain_rule(name, attribute->atttypid, attribute->atttypmod);
  }
  return plan;
}

// False with a reason where a value does not fit its column.
bool fill_row(ReadPlan* plan, const CsvField* fields, const char** column, const char** message) {
  for (int i = 0; i < plan->desc->natts; i++) {
    plan->nulls[i] = true;
    if (plan->field[i] < 0) continue;
    const CsvField& field = fields[plan->field[i]];
    if (plan->rules[i]) {
      ConvertResult converted = convert_value(plan->rules[i], field.data, static_cast<int>(field.size), field.is_null);
      if (converted.reason != Reason::none) {
        *column = NameStr(TupleDescAttr(plan->desc, i)->attname);
        *message = reason_words(converted.reason);
        return false;
      }
      plan->nulls[i] = converted.is_null;
      plan->values[i] = converted.value;
    } else if (!field.is_null) {
      plan->nulls[i] = false;
      plan->values[i] =
          PointerGetDatum(cstring_to_text_with_len(field.data ? field.data : "", static_cast<int>(field.size)));
    }
  }
  return true;
}

[[noreturn]] void raise_bad_record(const char* path, int64 line, const char* column, const char* message) {
  ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT), errmsg("bad record in \"%s\"", path),
                  column ? errdetail("Line " INT64_FORMAT ", column \"%s\": %s.", line, column, message)
                         : errdetail("Line " INT64_FORMAT ": %s.", line, message),
                  errhint("Option \"skip_rejects\" leaves such records out.")));
  pg_unreachable();
}

// Puts the file's rows into the result until `left` (-1: no limit) are there.
void read_file(const char* path, const SourceOptions* options, ReturnSetInfo* result, int64* left) {
  ByteSource* source = byte_source_open_file(path, options->compression);
  CsvReader* reader = csv_reader_open_file(source, options);
  int header_count = result->expectedDesc->natts;
  char** header = options->header ? csv_reader_header(reader, &header_count) : nullptr;
  const CsvFault* fault = csv_reader_fault(reader);
  if (fault->reason == Reason::none && (header || !options->header)) {
    ReadPlan plan = make_plan(result->setDesc, header, header_count, options, path);
    csv_reader_set_columns(reader, header_count);
    MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "dap read_csv rows", ALLOCSET_DEFAULT_SIZES);
    CsvBatch batch;
    while (*left != 0 && csv_reader_next(reader, 1000, &batch)) {
      CHECK_FOR_INTERRUPTS();
      MemoryContext old = MemoryContextSwitchTo(rows);
      int reject = 0;
      for (int i = 0; *left != 0 && (i < batch.records || reject < batch.reject_count);) {
        // In the file's order: beyond the limit nothing is bad, and the first bad record is the one to report.
        if (reject < batch.reject_count &&
            (i == batch.records || batch.rejects[reject].offset < batch.places[i].offset)) {
          const CsvReject& bad = batch.rejects[reject++];
          if (!options->skip_rejects)
            raise_bad_record(path, bad.line,
                             header && bad.column >= 0 && bad.column < header_count ? header[bad.column] : nullptr,
                             bad.message);
          continue;
        }
        const char *column = nullptr, *message = nullptr;
        if (fill_row(&plan, batch.fields + static_cast<Size>(i) * static_cast<Size>(header_count), &column, &message)) {
          csv_batch_release(&batch);
          tuplestore_putvalues(result->setResult, result->setDesc, plan.values, plan.nulls);
          if (*left > 0) --*left;
        } else if (!options->skip_rejects) {
          raise_bad_record(path, batch.places[i].line, column, message);
        }
        i++;
      }
      MemoryContextSwitchTo(old);
      MemoryContextReset(rows);
    }
  }
  if (*left != 0 && fault->reason != Reason::none)
    ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT), errmsg("\"%s\" cannot be read as CSV", path),
                    errdetail("%s", csv_fault_sentence(fault)), reason_errhint(fault->reason)));
  csv_reader_close(reader);
  byte_source_close(source);
}

}  // namespace
}  // namespace dap

DAP_FUNCTION(dap_read_csv) {
  InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  // Not strict: a NULL must not look like a file without records.
  if (PG_ARGISNULL(0)) ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("path must not be NULL")));
  const dap::SourceOptions* options =
      dap::parse_options(nullptr, PG_ARGISNULL(1) ? nullptr : PG_GETARG_JSONB_P(1), dap::OptionScope::read);
  const char* path = text_to_cstring(PG_GETARG_TEXT_PP(0));
  List* files = dap::find_files(path);
  if (files == NIL) ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FILE), errmsg("no file matches \"%s\"", path)));
  int64 left = options->limit;
  ListCell* cell;
  foreach (cell, files) {
    if (left == 0) break;
    MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dap read_csv", ALLOCSET_DEFAULT_SIZES);
    MemoryContext old = MemoryContextSwitchTo(context);
    dap::read_file(static_cast<dap::FoundFile*>(lfirst(cell))->path, options, result, &left);
    MemoryContextSwitchTo(old);
    MemoryContextDelete(context);
  }
  return static_cast<Datum>(0);
}
