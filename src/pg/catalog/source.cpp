#include "pg/catalog/source.h"

#include "bridge/query.h"
#include "bridge/run_as.h"

namespace dap {
namespace {

constexpr const char* select_source =
    "SELECT d.source_id, d.source, d.relation::pg_catalog.oid, d.path, d.columns, d.options, d.definition_hash, "
    "d.path_by "
    "FROM dap_internal.source_definition d ";

SourceDefinition* definition_of(const ResultRows* rows, int row) {
  Datum* values = rows->values + static_cast<Size>(row) * static_cast<Size>(rows->columns);
  bool* nulls = rows->nulls + static_cast<Size>(row) * static_cast<Size>(rows->columns);
  auto* definition = static_cast<SourceDefinition*>(palloc0(sizeof(SourceDefinition)));
  definition->source_id = DatumGetInt32(values[0]);
  definition->source = TextDatumGetCString(values[1]);
  definition->relation = DatumGetObjectId(values[2]);
  definition->path = nulls[3] ? nullptr : TextDatumGetCString(values[3]);
  Datum* names;
  deconstruct_array(DatumGetArrayTypeP(values[4]), TEXTOID, -1, false, TYPALIGN_INT, &names, nullptr,
                    &definition->column_count);
  definition->columns = static_cast<char**>(palloc(sizeof(char*) * static_cast<Size>(definition->column_count + 1)));
  for (int i = 0; i < definition->column_count; i++) definition->columns[i] = TextDatumGetCString(names[i]);
  definition->options = DatumGetJsonbP(values[5]);
  definition->definition_hash = TextDatumGetCString(values[6]);
  definition->path_by = TextDatumGetCString(values[7]);
  const char* relation = get_rel_name(definition->relation);
  if (!relation)
    ereport(
        ERROR,
        (errcode(ERRCODE_UNDEFINED_TABLE),
         errmsg("the table of source \"%s\" does not exist any more", definition->source),
         errhint("Create the source again with dap.create_source(), or remove its definition with dap.drop_source(%s).",
                 quote_literal_cstr(definition->source))));
  definition->label = relation_label(definition->relation);
  return definition;
}

}  // namespace

SourceDefinition* find_source(const char* name) {
  RunAs ledger = run_as_begin(ledger_owner());
  Parameter parameter = text_parameter(name);
  ResultRows rows = query_rows(psprintf("%s WHERE d.source OPERATOR(pg_catalog.=) $1", select_source), &parameter, 1,
                               CurrentMemoryContext);
  if (rows.rows == 0)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("source \"%s\" does not exist", name),
                    errhint("Sources are made by dap.create_source() or dap.setup().")));
  SourceDefinition* definition = definition_of(&rows, 0);
  run_as_end(&ledger);  // not before its label is made: a session may quote all identifiers
  return definition;
}

void require_source_table(int32 source_id) {
  RunAs ledger = run_as_begin(ledger_owner());
  Parameter parameter = int4_parameter(source_id);
  ResultRows rows = query_rows(psprintf("%s WHERE d.source_id OPERATOR(pg_catalog.=) $1", select_source), &parameter, 1,
                               CurrentMemoryContext);
  run_as_end(&ledger);
  if (rows.rows > 0) (void)definition_of(&rows, 0);
}

List* sources_with_path() {
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows =
      query_rows(psprintf("%s WHERE d.path IS NOT NULL ORDER BY d.source COLLATE pg_catalog.\"C\"", select_source),
                 nullptr, 0, CurrentMemoryContext);
  List* list = NIL;
  for (int row = 0; row < rows.rows; row++) list = lappend(list, definition_of(&rows, row));
  run_as_end(&ledger);
  return list;
}

List* sources_of(const List* relations) {
  auto* oids = static_cast<Datum*>(palloc(sizeof(Datum) * (static_cast<Size>(list_length(relations)) + 1)));
  int count = 0;
  ListCell* cell;
  foreach (cell, relations) oids[count++] = ObjectIdGetDatum(lfirst_oid(cell));
  Parameter parameter = {OIDARRAYOID,
                         PointerGetDatum(construct_array(oids, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT)), false};
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows =
      query_rows(psprintf("%s WHERE d.relation::pg_catalog.oid OPERATOR(pg_catalog.=) ANY ($1) ORDER BY d.source_id",
                          select_source),
                 &parameter, 1, CurrentMemoryContext);
  run_as_end(&ledger);
  List* list = NIL;
  for (int row = 0; row < rows.rows; row++) list = lappend(list, definition_of(&rows, row));
  return list;
}

void check_source_columns(const SourceDefinition* definition) {
  for (int i = 0; i < definition->column_count; i++) {
    HeapTuple column = SearchSysCacheAttName(definition->relation, definition->columns[i]);
    if (HeapTupleIsValid(column)) {
      ReleaseSysCache(column);
      continue;
    }
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("column \"%s\" of %s does not exist any more", definition->columns[i], definition->label),
                    errdetail("Source \"%s\" has it by definition; it was dropped or renamed by hand, and what files "
                              "brought in it is not there under its name.",
                              definition->source),
                    errhint("Rename it back; or dap.create_source(%s, ..., or_replace => true) makes it anew, empty, "
                            "or with other columns gives it up. dap.drop_source() and loading the "
                            "files again bring its values back.",
                            quote_literal_cstr(definition->source))));
  }
}

List* source_ids_with_path(const void*) {
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows(
      "SELECT d.source_id FROM dap_internal.source_definition d WHERE d.path IS NOT NULL ORDER BY d.source_id", nullptr,
      0, CurrentMemoryContext);
  run_as_end(&ledger);
  List* ids = NIL;
  for (int row = 0; row < rows.rows; row++) ids = lappend_int(ids, DatumGetInt32(rows.values[row]));
  return ids;
}

}  // namespace dap
