#include "pg/ingest/column_map.h"

#include <cstring>

extern "C" {
#include "catalog/heap.h"
#include "catalog/pg_collation.h"
#include "utils/formatting.h"
}

namespace dap {
namespace {

char* trimmed(const char* name) {
  while (*name == ' ' || *name == '\t') name++;
  Size length = std::strlen(name);
  while (length > 0 && (name[length - 1] == ' ' || name[length - 1] == '\t')) length--;
  return pnstrdup(name, length);
}

char* folded(const char* name) { return str_tolower(name, std::strlen(name), DEFAULT_COLLATION_OID); }

bool same(const char* a, const char* b) { return std::strcmp(a, b) == 0; }
bool same_folded(const char* a, const char* b) { return same(folded(a), folded(b)); }

void fault(ColumnMap* map, const char* reason, char* message) {
  if (!map->fault.reason) map->fault = {reason, message, 1, 0};
}

// Names of the user columns of the table, which may have more than the definition after columns were added.
List* table_columns(Oid relation) {
  List* names = NIL;
  Relation table = table_open(relation, AccessShareLock);
  TupleDesc desc = RelationGetDescr(table);
  for (int i = 0; i < desc->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    if (attribute->attisdropped || attribute->attgenerated) continue;
    if (same(NameStr(attribute->attname), "_line") || same(NameStr(attribute->attname), "_file_id")) continue;
    names = lappend(names, pstrdup(NameStr(attribute->attname)));
  }
  table_close(table, NoLock);
  return names;
}

const char* column_for(const SourceOptions* options, List* columns, const char* header) {
  const char* wanted = header;
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < options->alias_count; i++)
      if (wanted == header && (pass ? same_folded(options->aliases[i].header, header) : same(options->aliases[i].header, header)))
        wanted = options->aliases[i].column;
  ListCell* cell;
  foreach (cell, columns)
    if (same(static_cast<char*>(lfirst(cell)), wanted)) return static_cast<char*>(lfirst(cell));
  foreach (cell, columns)
    if (same_folded(static_cast<char*>(lfirst(cell)), wanted)) return static_cast<char*>(lfirst(cell));
  return nullptr;
}

bool check_name(ColumnMap* map, const char* name, int position) {
  if (*name == '\0') {
    fault(map, "empty_column_name", psprintf("column %d of the header has no name", position + 1));
    return false;
  }
  if (std::strlen(name) >= NAMEDATALEN) {
    fault(map, "long_column_name", psprintf("the name of column %d of the header is longer than %d bytes", position + 1, NAMEDATALEN - 1));
    return false;
  }
  return true;
}

// Names beyond the definition, and what happens to them.
const char* new_column(ColumnMap* map, const SourceOptions* options, char* header) {
  switch (options->on_new_column) {
    case NewColumn::add:
      if (same_folded(header, "_line") || same_folded(header, "_file_id") || SystemAttributeByName(header)) {
        fault(map, "reserved_column_name", psprintf("the header's column \"%s\" has a name that is reserved", header));
        return header;
      }
      map->added[map->added_count++] = header;
      return header;
    case NewColumn::stop:
      fault(map, "new_column", psprintf("the header's column \"%s\" is not in the source", header));
      return header;
    case NewColumn::ignore:
      map->ignored[map->ignored_count++] = header;
      return nullptr;
  }
  return nullptr;
}

void check_missing(ColumnMap* map, const SourceDefinition* definition, const SourceOptions* options) {
  StringInfoData missing;
  initStringInfo(&missing);
  for (int i = 0; i < definition->column_count; i++) {
    const char* column = definition->columns[i];
    bool found = false;
    for (int j = 0; j < map->columns && !found; j++) found = map->names[j] && same(map->names[j], column);
    for (int j = 0; j < options->optional_count && !found; j++) found = same_folded(options->optional[j], column);
    if (!found) appendStringInfo(&missing, "%s\"%s\"", missing.len ? ", " : "", column);
  }
  if (missing.len) fault(map, "missing_column", psprintf("the header lacks %s", missing.data));
}

// Duplicates ignoring case, by sorting: a hostile header may have a million names.
int compare_names(const void* a, const void* b) { return std::strcmp(*static_cast<char* const*>(a), *static_cast<char* const*>(b)); }

void check_duplicates(ColumnMap* map, const char* const* names) {
  auto** sorted = static_cast<char**>(MemoryContextAllocHuge(CurrentMemoryContext, sizeof(char*) * static_cast<Size>(map->columns + 1)));
  int count = 0;
  for (int i = 0; i < map->columns; i++)
    if (names[i]) sorted[count++] = folded(names[i]);
  qsort(sorted, static_cast<Size>(count), sizeof(char*), compare_names);
  for (int i = 1; i < count; i++)
    if (same(sorted[i - 1], sorted[i])) {
      fault(map, "duplicate_column", psprintf("the header names column \"%s\" twice", sorted[i]));
      return;
    }
}

constexpr int most_header_columns = MaxHeapAttributeNumber;

}  // namespace

ColumnMap* map_columns(const SourceDefinition* definition, const SourceOptions* options, char** header, int header_count) {
  auto* map = static_cast<ColumnMap*>(palloc0(sizeof(ColumnMap)));
  map->columns = header ? header_count : definition->column_count;
  Size room = static_cast<Size>(map->columns) + 1;
  map->attributes = static_cast<AttrNumber*>(palloc0(sizeof(AttrNumber) * room));
  map->names = static_cast<const char**>(palloc0(sizeof(char*) * room));
  if (!header) {
    for (int i = 0; i < map->columns; i++) map->names[i] = definition->columns[i];
    return map;
  }
  if (header_count > most_header_columns) {
    fault(map, "too_many_columns", psprintf("the header has %d columns, a table can have %d", header_count, most_header_columns));
    return map;
  }
  map->added = static_cast<char**>(palloc(sizeof(char*) * room));
  map->ignored = static_cast<char**>(palloc(sizeof(char*) * room));
  auto** given = static_cast<char**>(palloc(sizeof(char*) * room));
  for (int i = 0; i < header_count; i++) {
    given[i] = trimmed(header[i]);
    if (!check_name(map, given[i], i)) return map;
  }
  check_duplicates(map, given);
  List* columns = table_columns(definition->relation);
  for (int i = 0; i < header_count && !map->fault.reason; i++) {
    const char* column = column_for(options, columns, given[i]);
    map->names[i] = column ? column : new_column(map, options, given[i]);
  }
  if (!map->fault.reason) check_duplicates(map, map->names);
  if (!map->fault.reason) check_missing(map, definition, options);
  return map;
}

void map_attributes(ColumnMap* map, Relation relation) {
  for (int i = 0; i < map->columns; i++) {
    map->attributes[i] = 0;
    if (!map->names[i]) continue;
    map->attributes[i] = get_attnum(RelationGetRelid(relation), map->names[i]);
    if (map->attributes[i] <= 0)
      ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("table \"%s\" lacks column \"%s\" of its source", RelationGetRelationName(relation), map->names[i])));
  }
}

}  // namespace dap
