// A block of a query that the engine runs: one GROUP BY over one local heap.
#pragma once

#include <memory_resource>

#include "engine/column/dictionary.h"
#include "engine/column/expression.h"
#include "engine/group/plan.h"

#include "bridge/pg.h"

namespace dap {

// What the 64-bit numbers of a column stand for.
enum class Sort : unsigned char { int2, int4, int8, boolean, date, timestamp, timestamptz, numeric, text };
struct Kind {
  Sort sort;
  int16 scale;  // of numeric: the value is in units of 10^-scale
};

// The kind of a type's values under a collation; false: the engine has none.
bool kind_of(Oid type, int32 typmod, Oid collation, Kind* kind);

struct BlockColumn {
  AttrNumber attribute;
  Kind kind;
};
constexpr int most_block_columns = 32;

// An expression over the block's columns.
struct BlockExpression {
  Node* node;
  Kind kind;
  int column;  // -1, or it is just this one
  column::Instruction* instructions;
  uint32 count;
};

// A value of each row and, where there is one, which rows count.
struct BlockInput {
  bool has_value, has_filter;
  BlockExpression value, filter;
};

enum class Answer : unsigned char { count, sum, mean, extreme, median, distinct };

struct BlockAnswer {
  Aggref* aggref;
  Answer answer;
  Kind kind;      // of what is aggregated
  int aggregate;  // which of the block's aggregates; of a mean the sum
  int values;     // of a mean: the aggregate that counts
  int list;       // median, distinct
};
constexpr int most_block_answers = 48;

struct Block {
  Query* query;
  Oid relation;
  int column_count;
  BlockColumn columns[most_block_columns];
  bool has_filter;
  BlockExpression filter;
  int key_count;
  BlockExpression keys[column::most_keys];
  int aggregate_count;
  group::Aggregate aggregates[group::most_aggregates];
  BlockInput aggregate_inputs[group::most_aggregates];
  int list_count;
  BlockInput list_inputs[group::most_lists];
  int answer_count;
  BlockAnswer answers[most_block_answers];
  std::pmr::memory_resource* memory;
  column::Dictionary* dictionary;  // of all texts
  const char* forbidden;           // why it is none, in words; nullptr: it is one
};

// Adds an expression over the block's columns; false, with block->forbidden set: the engine does not know it.
bool block_expression(Block*, Node*, BlockExpression*);

// The block that a query is, whose `forbidden` says why it may be none. The query's relations are locked.
Block* find_block(Query*);

// What a block's rows came to.
struct BlockRows {
  TupleDesc desc;  // keys, then answers
  Tuplestorestate* store;
  int64 read, groups;
};

// Runs a block under the active snapshot; false: it cannot be told by the engine (a number that is too large, memory),
// SQL has to. Nobody's rights are checked here.
bool run_block(Block*, BlockRows*);

}  // namespace dap
