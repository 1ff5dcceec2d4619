// SQL from C++: one statement through SPI, over named tuplestores, into a tuplestore or a receiver. Nobody else calls
// SPI.
#pragma once

#include "bridge/pg.h"

namespace dap {

// A tuplestore that a statement can read under this name, as a trigger reads its transition table.
struct NamedStore {
  const char* name;
  TupleDesc desc;
  Tuplestorestate* store;
  double rows;  // for the planner
};

struct Parameter {
  Oid type;
  Datum value;
  bool is_null;
};

inline Parameter text_parameter(const char* text) {
  return {TEXTOID, text ? CStringGetTextDatum(text) : static_cast<Datum>(0), text == nullptr};
}
inline Parameter int4_parameter(int32 value) { return {INT4OID, Int32GetDatum(value), false}; }
inline Parameter int8_parameter(int64 value) { return {INT8OID, Int64GetDatum(value), false}; }
inline Parameter null_parameter(Oid type) { return {type, static_cast<Datum>(0), true}; }

// Runs one statement as the current user and returns the number of rows it processed. Its own snapshot in READ
// COMMITTED.
uint64 run_statement(const char* sql);
uint64 run_statement(const char* sql, const Parameter* parameters, int count);
uint64 run_statement(const char* sql, const NamedStore* stores, int count, DestReceiver* into = nullptr);

// Which snapshot a query reads under: one of its own as the transaction's isolation has it, the one that is active, or
// one of what is committed by now, also in a transaction that keeps its snapshot. The last two only read.
enum class ReadAt : unsigned char { now, active_snapshot, newest };

// The result rows of a query in `context`: rows × columns, row-major. Few rows only.
struct ResultRows {
  int rows;
  int columns;
  Datum* values;
  bool* nulls;
};
ResultRows query_rows(const char* sql, const Parameter* parameters, int count, MemoryContext context,
                      ReadAt at = ReadAt::now);
// The text of the first column of the first row; NULL if there is none.
char* query_text(const char* sql, const Parameter* parameters, int count, ReadAt at = ReadAt::now);

// Runs one SELECT under the active snapshot into the receiver; returns the number of rows.
uint64 read_into(const char* sql, DestReceiver* into);
// Runs statements as somebody has written them, each to its end, and keeps no rows: the first row's first value of the
// last statement that gives rows, as text; NULL if there is none.
char* run_for_first_value(const char* statements);

// A receiver that fills `store`; its memory is the current context's.
DestReceiver* store_receiver(Tuplestorestate* store);

}  // namespace dap
