// A source's definition as the catalog holds it.
#pragma once

#include "bridge/pg.h"

namespace dap {

struct SourceDefinition {
  int32 source_id;
  char* source;
  Oid relation;
  char* label;    // qualified name of the table, for messages
  char* path;     // NULL: none
  char* path_by;  // the role that gave it
  char** columns;
  int column_count;
  Jsonb* options;
  char* definition_hash;
};

// Reads the definition; 42704 with a hint if there is none, 42P01 if its table is gone.
SourceDefinition* find_source(const char* name);
// Raises 42P01 for a source whose table is gone.
void require_source_table(int32 source_id);
// Every source that has a path, in order of name.
List* sources_with_path();
// Those whose tables are among `relations` (a list of OIDs).
List* sources_of(const List* relations);
// 42703 where somebody dropped or renamed a column that the definition names.
void check_source_columns(const SourceDefinition*);
// The numbers of every source that has a path, ascending: the order of their locks.
List* source_ids_with_path(const void*);

}  // namespace dap
