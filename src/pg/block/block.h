// A block of a query that the engine runs: one GROUP BY over one local heap, or over two that are joined by equality.
#pragma once

#include <memory_resource>

#include "engine/column/dictionary.h"
#include "engine/column/expression.h"
#include "engine/group/plan.h"
#include "engine/join/unique_map.h"

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

// An expression over columns: of a side those of its table, of the block what its sides give.
struct BlockExpression {
  Node* node;
  Kind kind;
  int column;  // -1, or it is just this one
  column::Instruction* instructions;
  uint32 count;
};

// One of the block's tables, or a query that only filters and computes columns of one.
struct BlockSide {
  int entry;             // its number among the block's
  Query* inner;          // nullptr: the table itself
  int inner_entry;       // the table's number there
  CommonTableExpr* cte;  // whose query the inner one is, nullptr: none
  Oid relation;
  BlockNumber pages;
  int column_count;
  BlockColumn columns[most_block_columns];  // what is read of the table
  bool has_filter;
  BlockExpression filter;
  int output_count;
  AttrNumber attributes[most_block_columns];  // as the block names them
  BlockExpression outputs[most_block_columns];
};

// What the block's own expressions are made of.
struct BlockSource {
  int side, output;
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

// Of each partition's groups only those are wanted that come first in an order: of so many, and of all that are equal
// to the last of them. What windows sum over whole partitions comes with them.
struct BlockOrder {
  bool is_key;
  int number;  // of the key or the answer
  bool descending, nulls_first;
};
struct BlockTotal {
  Node* node;  // the window's sum(answer) or count(*)
  int answer;  // -1: how many groups
};
constexpr int most_block_totals = 8;
struct BlockTop {
  int wanted;
  int partition_count;
  int partitions[column::most_keys];  // of the keys
  int order_count;
  BlockOrder order[column::most_keys];
  int total_count;
  BlockTotal totals[most_block_totals];
  // Who reads the block's rows: a query, its entry for them, and the WITH that they are in, if they are in one.
  Query* reader;
  RangeTblEntry* entry;
  CommonTableExpr* cte;
};

struct Block {
  Query* query;
  List* target_list;  // the query's, its columns those of the tables
  Node* having;
  int side_count;  // 1, or 2: of each row of the first side the one of the second is looked for
  BlockSide sides[2];
  JoinType join;  // of the first to the second: inner, left or full
  int join_key_count;
  int join_keys[2][join::most_join_keys];  // outputs of each side that are equal
  int source_count;
  BlockSource sources[most_block_columns];
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
  BlockTop* top;                   // nullptr: all groups are wanted
  MemoryContext context;           // of the texts
  column::Dictionary* dictionary;  // of all texts
  const char* forbidden;           // why it is none, in words; nullptr: it is one
};

constexpr const char* block_place = "a query's block";  // where the engine failed, for its errors

inline bool is_integer(Kind kind) {
  return kind.sort == Sort::int2 || kind.sort == Sort::int4 || kind.sort == Sort::int8;
}
// Can values of the two be compared as they are?
inline bool is_comparable(Kind a, Kind b) {
  return (is_integer(a) && is_integer(b)) || (a.sort == b.sort && a.scale == b.scale);
}

// Says why it is none, and returns false.
inline bool forbid(Block* block, const char* why) {
  if (block->forbidden == nullptr) block->forbidden = why;
  return false;
}

// Makes an expression over what the block's sides give, or, with `side`, over that side's table; false, with
// block->forbidden set: the engine does not know it.
bool block_expression(Block*, BlockSide* side, Node*, BlockExpression*);
// The source of the block that is a column of one of its sides; -1, with block->forbidden set: there is none.
int block_source(Block*, const Var*);

// The block that a query is, whose `forbidden` says why it may be none. `outer`: the queries that it is a part of, the
// innermost first. The queries' relations are locked.
Block* find_block(Query*, const List* outer);

// Whether `query` filters what a query with windows over a block's rows gives to the first of each partition: then the
// block's `top` says so. `blocks`: of Block*.
void find_top(Query*, const List* outer, const List* blocks);
// Lets the reader of the block's rows take totals from them; they stand behind the block's own columns.
void read_totals(Block*);

// What a block's rows came to.
struct BlockRows {
  TupleDesc desc;  // keys, then answers, then totals
  Tuplestorestate* store;
  int64 read, groups, rows;  // of the tables; of all groups; of the store
};

// Runs a block under the active snapshot; false: it cannot be told by the engine (a number that is too large, memory),
// SQL has to. Nobody's rights are checked here.
// The block is of no more use then.
bool run_block(Block*, BlockRows*);

}  // namespace dap
