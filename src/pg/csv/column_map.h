// Which column of a file goes to which column of its source's table.
#pragma once

#include "bridge/pg.h"
#include "pg/catalog/options.h"
#include "pg/catalog/source.h"
#include "pg/csv/csv_reader.h"

namespace dap {

struct ColumnMap {
  AttrNumber* attributes;  // per column of the file, 0: ignored
  const char** names;      // per column of the file: the table's column, or the header's name if ignored
  int columns;             // of the file
  char** added;            // table columns to add before the attributes are known
  int added_count;
  char** ignored;
  int ignored_count;
  CsvFault fault;  // missing, empty, duplicate or over-long names
};

// Matches header names with columns: trimmed, through the aliases, exact, else ignoring case. NULL header: by position.
ColumnMap* map_columns(const SourceDefinition*, const SourceOptions*, char** header, int header_count);
// Looks up the attribute numbers, after added columns were added.
void map_attributes(ColumnMap*, Relation);
// The columns that a header means, for a source that is made from it: names trimmed and through the aliases, in place.
char** header_columns(const SourceOptions*, char** header, int count);
// Which field of the header each wanted column is, -1: none. 42701 where the header has a wanted name twice, ignoring
// case.
void find_header_columns(const SourceOptions*, char** header, int header_count, const char* const* wanted, int count,
                         int* fields);

}  // namespace dap
