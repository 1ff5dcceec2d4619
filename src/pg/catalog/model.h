// Models as the catalog holds them, in an order in which each comes after what it reads.
#pragma once

#include "bridge/pg.h"
#include "bridge/run_as.h"
#include "pg/catalog/query_analysis.h"
#include "pg/rule/column_definition.h"

namespace dap {

struct Model {
  int32 model_id;
  Oid relation;
  char* name;   // of the table, when it was last seen
  char* label;  // of the table; NULL: it is gone
  int tier;
  bool is_clean;
  int32 source_id;  // clean models
  char** key;
  int key_count;
  char** latest_by;
  int latest_by_count;
  ColumnDefinitions columns;
  Jsonb* columns_json;  // what they were read from
  char* query;          // query models
  Jsonb* settings;      // those that the model wants otherwise than they are pinned; NULL: none
  Oid* upstream;
  int upstream_count;
  char* views;           // hash of the definitions of the views that the query reads; NULL: none
  bool calls_functions;  // that are neither the server's own nor this extension's
  char* functions;       // hash of what these functions do; NULL: there are none, or the query is computed each time
  List* result;          // of ResultColumn*: what the query gives now
  char* literals;        // hash of the values that the query's literals have today; NULL: none could have another
  bool always;           // the query's result changes without its inputs, or one of them has no version
  char* definition_hash;
  int64 version;  // of the rows, 0: never built
  bool visited;
  bool visiting;
};

// Is it a column of the model's key?
bool is_key_column(const Model*, const char* name);

// All models with their state.
List* all_models();  // of Model*
// Becomes the owner of the model's table, under the model's settings: as its query is analysed and run. Ended by
// run_as_end().
RunAs run_as_model(const Model*);
// What the query reads now: a view that it reads may have another definition than when the model was made. Locks it
// against changes, and keeps what the definition says of it up to date. 42P01 for a model whose table is gone, 42703
// where the query lacks a column that its table was made for.
void resolve_model(Model*);
// What the query of a resolved model gives under this name; NULL: nothing.
const ResultColumn* result_column(const Model*, const char* name);
// Upstream first, as far as it is among them; 42P17 for a cycle.
List* ordered_models(const List* models);

// The version of everything that a model reads under the pushed snapshot, as JSON text; NULL where something it reads
// has none (a table that is neither source nor model).
char* model_inputs(const Model*, const List* models);
// Was the model built from these inputs under this definition?
bool model_is_current(const Model*, const char* inputs);
// Writes the model's state where it differs; `changed`: its rows did, so that its version grows to the run's. Updates
// model->version.
void model_built(Model*, const char* inputs, int64 run_id, int64 rows, int64 rejected, bool changed);

}  // namespace dap
