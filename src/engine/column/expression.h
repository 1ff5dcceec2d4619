// Expressions over a batch's columns, an operator at a time for all rows, with SQL's NULLs. An overflow is an error
// only where SQL would come to it: not in a branch that is not taken, not in a row that does not count.
#pragma once

#include <cstdint>
#include <memory_resource>

#include "engine/column/batch.h"

namespace dap::column {

// In postfix order: an operator takes its operands from the stack, the last one from the top, and pushes its result.
// Operands and results are of any kind that Vector names; the author sees to it that they fit each other.
enum class Op : std::uint8_t {
  column,    // pushes the batch's column number `column`
  constant,  // pushes `constant`
  null,      // pushes NULL
  // a, b → boolean; texts as codes of one dictionary: equal, not_equal, distinct alone
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  distinct,  // IS DISTINCT FROM
  // booleans
  logical_and,
  logical_or,
  logical_not,
  is_null,
  is_not_null,
  coalesce,  // a, b → a where it is not NULL, else b
  choose,    // condition, a, b → a where the condition is true, else b: CASE WHEN condition THEN a ELSE b END
  // a, b → a number within `width`, else an overflow, as is a division by zero
  add,
  subtract,
  multiply,
  divide,     // towards zero
  remainder,  // of that division
  date_of_timestamp,
  timestamp_of_date,   // overflows where the server's would
  truncate_timestamp,  // date_trunc(unit, timestamp)
};
constexpr std::uint8_t op_count = static_cast<std::uint8_t>(Op::truncate_timestamp) + 1;

enum class Width : std::uint8_t { int2, int4, int8 };
enum class Unit : std::uint8_t { millisecond, second, minute, hour, day, week, month, quarter, year };

struct Instruction {
  Op op;
  union {
    Width width;
    Unit unit;
  };
  std::uint16_t column;
  std::int64_t constant;
};

constexpr std::uint32_t most_instructions = 4096;
constexpr std::uint32_t most_depth = 64;  // of the stack; each level takes 9 kB

// A checked expression and its scratch memory: plain data that may be abandoned.
struct Program {
  const Instruction* instructions;
  std::uint32_t count;
  std::int64_t* values;   // by level of the stack and row
  unsigned char* states;  // the same
};

// Is it an expression over so many columns, and not too large? `*deepest`: levels of the stack that it needs.
bool is_program(const Instruction* instructions, std::uint32_t count, std::uint32_t columns, std::uint32_t* deepest);

// Copies an expression over so many columns; false where it is none: the caller does without it. Throws
// std::bad_alloc.
bool prepare(Program* program, const Instruction* instructions, std::uint32_t count, std::uint32_t columns,
             std::pmr::memory_resource* memory);

enum class Outcome : std::uint8_t { done, overflow };

// The expression's value in each selected row of a batch of `rows` rows; in others it is anything. The result stands in
// the program or the columns, until the program is next used. On overflow there is none: SQL is to say what it was.
Outcome evaluate(Program* program, const Vector* columns, std::uint32_t rows, const Selection& selection,
                 Vector* result);

// Those of the selected rows in which the expression is true, written to `kept`, which has room for selection.count and
// may be the selection's own rows.
Outcome filter(Program* program, const Vector* columns, std::uint32_t rows, const Selection& selection,
               std::uint16_t* kept, Selection* result);

}  // namespace dap::column
