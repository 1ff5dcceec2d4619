// What a model's query gives and reads, found by parsing it as its owner would run it.
#pragma once

#include "bridge/pg.h"

namespace dap {

struct ResultColumn {
  char* name;
  Oid type;
  int32 typmod;
  Oid collation;
};

struct QueryAnalysis {
  List* names;  // of char*: the columns' names
  // of char*: their types as CREATE TABLE takes them, with a COLLATE clause where it is not the type's own
  List* types;
  List* columns;   // of ResultColumn*: the same as the server knows them
  List* upstream;  // of Oid: the tables that the query reads, also through views, in order of OID
  List* views;     // of Oid: the views that it reads, also within each other, in the order met
  // of Oid: the functions that it and its views call by any name (operators, casts, aggregates), without the server's
  // own and this extension's
  List* functions;
  // the values of those literals whose reading is not a matter of their text alone (dates, regclass, ...); empty where
  // there are none
  char* literals;
  // the result can differ without a change of these tables (volatile or stable functions, TABLESAMPLE, literals such as
  // 'now'::timestamp)
  bool always;
};

// Parse-analyses exactly one SELECT (42601 otherwise; 0A000 for data-modifying WITH, INTO and row locks) under the
// current search_path and user. Columns need names of their own (42601, 42701) and types that a table can have (42P16,
// 0A000 for this extension's types). 42P17 for views that read themselves.
QueryAnalysis analyze_query(const char* query);

}  // namespace dap
