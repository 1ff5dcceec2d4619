#include "pg/csv/column_map.h"

#include <cstring>

#include "bridge/reason_text.h"

extern "C" {
#include "catalog/heap.h"
}

namespace dap {
namespace {

constexpr int most_header_columns = MaxHeapAttributeNumber;

// A name with its folded form, made once: a header and a table may have 1,600 of them each.
struct Name {
  char* exact;
  char* folded;
};

char* trimmed(const char* name) {
  while (*name == ' ' || *name == '\t') name++;
  Size length = std::strlen(name);
  while (length > 0 && (name[length - 1] == ' ' || name[length - 1] == '\t')) length--;
  return pnstrdup(name, length);
}

char* fold(const char* name) { return str_tolower(name, std::strlen(name), DEFAULT_COLLATION_OID); }
Name name_of(char* exact) { return {exact, fold(exact)}; }

bool same(const char* a, const char* b) { return std::strcmp(a, b) == 0; }

void fault(ColumnMap* map, Reason reason, std::initializer_list<const char*> parts) {
  if (map->fault.reason == Reason::none) map->fault = {reason, reason_text(reason, parts), 1, 0};
}

char* quoted(const char* name) { return psprintf("\"%s\"", name); }

// The columns of the table that records go to: more than the definition's after columns were added.
struct TableColumns {
  Name* names;
  int count;
  Name* taken;  // names that a new column cannot have: generated columns
  int taken_count;
  int attributes;  // with those dropped: what counts against the limit
};

TableColumns table_columns(Oid relation) {
  Relation table = table_open(relation, AccessShareLock);
  TupleDesc desc = RelationGetDescr(table);
  TableColumns columns = {};
  columns.names = static_cast<Name*>(palloc(sizeof(Name) * (static_cast<Size>(desc->natts) + 1)));
  columns.taken = static_cast<Name*>(palloc(sizeof(Name) * (static_cast<Size>(desc->natts) + 1)));
  columns.attributes = desc->natts;
  for (int i = 0; i < desc->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    if (attribute->attisdropped) continue;
    Name name = name_of(pstrdup(NameStr(attribute->attname)));
    bool ours = same(name.exact, "_line") || same(name.exact, "_file_id");
    if (ours || attribute->attgenerated) columns.taken[columns.taken_count++] = name;
    else columns.names[columns.count++] = name;
  }
  table_close(table, NoLock);
  return columns;
}

const char* find_name(const Name* names, int count, const Name* wanted) {
  for (int i = 0; i < count; i++)
    if (same(names[i].exact, wanted->exact)) return names[i].exact;
  for (int i = 0; i < count; i++)
    if (same(names[i].folded, wanted->folded)) return names[i].exact;
  return nullptr;
}

// What an alias makes of a header's name: exact, else ignoring case.
Name aliased(const SourceOptions* options, const Name* folded_aliases, Name header) {
  for (int i = 0; i < options->alias_count; i++)
    if (same(options->aliases[i].header, header.exact)) return name_of(options->aliases[i].column);
  for (int i = 0; i < options->alias_count; i++)
    if (same(folded_aliases[i].folded, header.folded)) return name_of(options->aliases[i].column);
  return header;
}

Name* aliased_header(const SourceOptions* options, char** header, int count) {
  auto* folded_aliases = static_cast<Name*>(palloc(sizeof(Name) * (static_cast<Size>(options->alias_count) + 1)));
  for (int i = 0; i < options->alias_count; i++) folded_aliases[i] = name_of(options->aliases[i].header);
  auto* names = static_cast<Name*>(palloc(sizeof(Name) * (static_cast<Size>(count) + 1)));
  for (int i = 0; i < count; i++) {
    CHECK_FOR_INTERRUPTS();  // a header may be long, and the list of aliases
    names[i] = aliased(options, folded_aliases, name_of(trimmed(header[i])));
  }
  return names;
}

void check_names(ColumnMap* map, const Name* names) {
  for (int i = 0; i < map->columns; i++) {
    if (names[i].exact[0] == '\0') fault(map, Reason::empty_column_name, {number_text(i + 1)});
    else if (std::strlen(names[i].exact) >= NAMEDATALEN)
      fault(map, Reason::long_column_name, {number_text(i + 1), number_text(NAMEDATALEN - 1)});
  }
}

int compare_folded(const void* a, const void* b) {
  return std::strcmp(static_cast<const Name*>(a)->folded, static_cast<const Name*>(b)->folded);
}

// Names that are equal ignoring case, empty ones apart. NULL if there are none.
const char* duplicate_name(const Name* names, int count) {
  auto* sorted = static_cast<Name*>(palloc(sizeof(Name) * (static_cast<Size>(count) + 1)));
  std::memcpy(sorted, names, sizeof(Name) * static_cast<Size>(count));
  qsort(sorted, static_cast<Size>(count), sizeof(Name), compare_folded);
  for (int i = 1; i < count; i++)
    if (sorted[i].exact[0] != '\0' && same(sorted[i - 1].folded, sorted[i].folded)) return sorted[i].exact;
  return nullptr;
}

// Says first what is missing: a file without header lacks every column, and its first record's values must not be taken
// for names in a message.
void check_missing(ColumnMap* map, const SourceDefinition* definition, const SourceOptions* options,
                   const Name* names) {
  StringInfoData missing;
  initStringInfo(&missing);
  char** optional = static_cast<char**>(palloc(sizeof(char*) * (static_cast<Size>(options->optional_count) + 1)));
  for (int i = 0; i < options->optional_count; i++) optional[i] = fold(options->optional[i]);
  for (int i = 0; i < definition->column_count; i++) {
    CHECK_FOR_INTERRUPTS();
    const char* column = definition->columns[i];
    const char* folded = fold(column);
    bool found = false;
    for (int j = 0; j < map->columns && !found; j++) found = same(names[j].folded, folded);
    for (int j = 0; j < options->optional_count && !found; j++) found = same(optional[j], folded);
    if (!found) appendStringInfo(&missing, "%s\"%s\"", missing.len ? ", " : "", column);
  }
  if (missing.len) fault(map, Reason::missing_column, {missing.data});
}

bool is_reserved(const TableColumns* table, const Name* name) {
  return SystemAttributeByName(name->folded) || find_name(table->taken, table->taken_count, name);
}

// Names beyond the table's columns, and what happens to them.
void place_new_columns(ColumnMap* map, const SourceOptions* options, const TableColumns* table, const Name* names) {
  for (int i = 0; i < map->columns && map->fault.reason == Reason::none; i++) {
    if (map->names[i]) continue;
    char* name = names[i].exact;
    switch (options->on_new_column) {
      case NewColumn::add:
        if (is_reserved(table, &names[i])) fault(map, Reason::reserved_column_name, {quoted(name)});
        map->added[map->added_count++] = name;
        map->names[i] = name;
        break;
      case NewColumn::stop: fault(map, Reason::new_column, {quoted(name)}); break;
      case NewColumn::ignore: map->ignored[map->ignored_count++] = name; break;
    }
  }
  if (table->attributes + map->added_count > most_header_columns)
    fault(map, Reason::table_too_wide,
          {number_text(table->attributes + map->added_count), number_text(most_header_columns)});
}

}  // namespace

ColumnMap* map_columns(const SourceDefinition* definition, const SourceOptions* options, char** header,
                       int header_count) {
  auto* map = static_cast<ColumnMap*>(palloc0(sizeof(ColumnMap)));
  map->columns = header ? header_count : definition->column_count;
  if (header_count > most_header_columns) {
    fault(map, Reason::header_too_wide, {number_text(header_count), number_text(most_header_columns)});
    return map;
  }
  Size room = static_cast<Size>(map->columns) + 1;
  map->attributes = static_cast<AttrNumber*>(palloc0(sizeof(AttrNumber) * room));
  map->names = static_cast<const char**>(palloc0(sizeof(char*) * room));
  if (!header) {
    for (int i = 0; i < map->columns; i++) map->names[i] = definition->columns[i];
    return map;
  }
  map->added = static_cast<char**>(palloc(sizeof(char*) * room));
  map->ignored = static_cast<char**>(palloc(sizeof(char*) * room));
  TableColumns table = table_columns(definition->relation);
  Name* names = aliased_header(options, header, header_count);
  for (int i = 0; i < header_count; i++) map->names[i] = find_name(table.names, table.count, &names[i]);
  check_missing(map, definition, options, names);
  check_names(map, names);
  if (const char* twice = duplicate_name(names, header_count)) fault(map, Reason::duplicate_column, {quoted(twice)});
  if (map->fault.reason == Reason::none) place_new_columns(map, options, &table, names);
  return map;
}

void map_attributes(ColumnMap* map, Relation relation) {
  for (int i = 0; i < map->columns; i++) {
    map->attributes[i] = 0;
    if (!map->names[i]) continue;
    map->attributes[i] = get_attnum(RelationGetRelid(relation), map->names[i]);
    if (map->attributes[i] <= 0)
      ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("table \"%s\" lacks column \"%s\" of its source",
                                                                RelationGetRelationName(relation), map->names[i])));
  }
}

char** header_columns(const SourceOptions* options, char** header, int count) {
  Name* names = aliased_header(options, header, count);
  for (int i = 0; i < count; i++) header[i] = names[i].exact;
  return header;
}

void find_header_columns(const SourceOptions* options, char** header, int header_count, const char* const* wanted,
                         int count, int* fields) {
  Name* names = aliased_header(options, header, header_count);
  for (int i = 0; i < count; i++) {
    CHECK_FOR_INTERRUPTS();
    const char* folded = fold(wanted[i]);
    fields[i] = -1;
    for (int j = 0; j < header_count; j++) {
      if (!same(names[j].folded, folded)) continue;
      if (fields[i] >= 0)
        ereport(ERROR, (errcode(ERRCODE_DUPLICATE_COLUMN), errmsg("the header names column \"%s\" twice", wanted[i])));
      fields[i] = j;
    }
  }
}

}  // namespace dap
