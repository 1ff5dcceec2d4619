// Expressions that mean in the engine exactly what they mean in the server: built-in operators and functions of types
// that are numbers of 64 bits, and texts that are equal where their bytes are.
#include "pg/block/block.h"

#include <algorithm>
#include <cstring>

#include "engine/bag/scale.h"

#include "bridge/engine_call.h"
#include "pg/block/block_value.h"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/array.h"
#include "utils/regproc.h"
}

namespace dap {

using column::Instruction;
using column::Op;

namespace {

constexpr const char* large_expression = "a large expression";

struct Compiler {
  Block* block;
  BlockSide* side;  // whose table's columns it is over; nullptr: the block's sources
  Instruction* instructions;
  uint32 count, capacity;
  Node* compared;  // what the CASE around compares
};

Instruction* add(Compiler* compiler, Op op) {
  if (compiler->count == compiler->capacity) {
    compiler->capacity *= 2;
    compiler->instructions =
        static_cast<Instruction*>(repalloc(compiler->instructions, sizeof(Instruction) * compiler->capacity));
  }
  Instruction* instruction = &compiler->instructions[compiler->count++];
  std::memset(instruction, 0, sizeof *instruction);
  instruction->op = op;
  return instruction;
}

bool compile(Compiler* compiler, Node* node, Kind* kind);

int column_number(BlockSide* side, AttrNumber attribute, Kind kind) {
  for (int i = 0; i < side->column_count; i++)
    if (side->columns[i].attribute == attribute) return i;
  if (side->column_count == most_block_columns) return -1;
  side->columns[side->column_count] = {attribute, kind};
  return side->column_count++;
}

// A column of a side's table.
bool table_column(Block* block, BlockSide* side, const Var* var, Kind* kind, int* number) {
  if (var->varattno <= 0) return forbid(block, "a system column or a whole row");
  if (!kind_of(var->vartype, var->vartypmod, var->varcollid, kind))
    return forbid(block, psprintf("a column of type %s", format_type_with_typemod(var->vartype, var->vartypmod)));
  *number = column_number(side, var->varattno, *kind);
  return *number >= 0 || forbid(block, "too many columns");
}

bool compile_var(Compiler* compiler, const Var* var, Kind* kind) {
  Block* block = compiler->block;
  BlockSide* side = compiler->side;
  if (var->varlevelsup != 0) return forbid(block, "a column of an outer query");
  int number;
  if (side != nullptr) {
    if (static_cast<int>(var->varno) != (side->inner != nullptr ? side->inner_entry : side->entry))
      return forbid(block, "a column of something else");
    if (!table_column(block, side, var, kind, &number)) return false;
  } else {
    number = block_source(block, var);
    if (number < 0) return false;
    const BlockSource& source = block->sources[number];
    *kind = block->sides[source.side].outputs[source.output].kind;
  }
  add(compiler, Op::column)->column = static_cast<uint16>(number);
  return true;
}

// A side's output by the name that the block has for it.
int output_number(Block* block, BlockSide* side, const Var* var) {
  for (int i = 0; i < side->output_count; i++)
    if (side->attributes[i] == var->varattno) return i;
  if (side->output_count == most_block_columns) return forbid(block, "too many columns") - 1;
  Node* node = const_cast<Node*>(reinterpret_cast<const Node*>(var));
  if (side->inner != nullptr) {
    auto* entry = get_tle_by_resno(side->inner->targetList, var->varattno);
    if (entry == nullptr) return forbid(block, "a whole row") - 1;
    node = reinterpret_cast<Node*>(entry->expr);
  }
  if (!block_expression(block, side, node, &side->outputs[side->output_count])) return -1;
  side->attributes[side->output_count] = var->varattno;
  return side->output_count++;
}

bool text_code(Block* block, Datum value, int64* code) {
  auto* stored = DatumGetTextPP(value);
  uint32 number = column::no_code;
  EngineFault fault =
      try_engine([&] { number = column::code_of(block->dictionary, VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored)); });
  raise_engine_fault(fault, block_place);
  *code = number;
  return number != column::no_code;
}

bool compile_const(Compiler* compiler, const Const* value, Kind* kind) {
  Block* block = compiler->block;
  const char* stored = nullptr;
  if (value->consttype == NUMERICOID) {
    *kind = {Sort::numeric, 0};
    if (!value->constisnull) stored = reinterpret_cast<const char*>(DatumGetNumeric(value->constvalue));
    if (stored != nullptr && !shown_scale(stored, &kind->scale)) return forbid(block, "a long numeric constant");
  } else if (!kind_of(value->consttype, value->consttypmod, value->constcollid, kind)) {
    return forbid(block, psprintf("a constant of type %s", format_type_be(value->consttype)));
  }
  if (value->constisnull) {
    add(compiler, Op::null);
    return true;
  }
  int64 number = 0;
  if (kind->sort == Sort::text) {
    if (!text_code(block, value->constvalue, &number)) return forbid(block, "a long text");
  } else if (kind->sort == Sort::numeric) {
    if (!numeric_units(stored, kind->scale, false, &number)) return forbid(block, "a long numeric constant");
  } else {
    number = fixed_value(kind->sort, value->constvalue);
  }
  add(compiler, Op::constant)->constant = number;
  return true;
}

// Makes what was compiled last before `end` a number of so many digits more behind the point.
void scale_up(Compiler* compiler, uint32 end, int digits) {
  add(compiler, Op::constant)->constant = bag::power_of_ten(digits);
  add(compiler, Op::multiply)->width = column::Width::int8;
  Instruction* from = compiler->instructions + end;
  std::rotate(from, compiler->instructions + compiler->count - 2, compiler->instructions + compiler->count);
}

// Two operands, numerics with the larger one's scale.
bool compile_pair(Compiler* compiler, const List* args, Kind* first, Kind* second) {
  if (!compile(compiler, static_cast<Node*>(linitial(args)), first)) return false;
  uint32 end = compiler->count;
  if (!compile(compiler, static_cast<Node*>(lsecond(args)), second)) return false;
  if (first->sort != Sort::numeric || second->sort != Sort::numeric || first->scale == second->scale) return true;
  if (first->scale < second->scale) scale_up(compiler, end, second->scale - first->scale);
  else scale_up(compiler, compiler->count, first->scale - second->scale);
  first->scale = second->scale = std::max(first->scale, second->scale);
  return true;
}

struct Named {
  const char* name;
  Op op;
};
constexpr Named comparisons[] = {{"=", Op::equal},       {"<>", Op::not_equal}, {"<", Op::less},
                                 {"<=", Op::less_equal}, {">", Op::greater},    {">=", Op::greater_equal}};
constexpr Named arithmetic[] = {
    {"+", Op::add}, {"-", Op::subtract}, {"*", Op::multiply}, {"/", Op::divide}, {"%", Op::remainder}};

bool compile_comparison(Compiler* compiler, const OpExpr* expression, Op op, Kind* kind) {
  Block* block = compiler->block;
  Kind first, second;
  if (!compile_pair(compiler, expression->args, &first, &second)) return false;
  if (!is_comparable(first, second)) return forbid(block, "a comparison of different types");
  if (first.sort == Sort::text) {
    if (op != Op::equal && op != Op::not_equal && op != Op::distinct) return forbid(block, "an order of texts");
    if (!OidIsValid(expression->inputcollid) || !get_collation_isdeterministic(expression->inputcollid))
      return forbid(block, "a nondeterministic collation");
  }
  add(compiler, op);
  *kind = {Sort::boolean, 0};
  return true;
}

column::Width width_of(Kind kind) {
  return kind.sort == Sort::int2   ? column::Width::int2
         : kind.sort == Sort::int4 ? column::Width::int4
                                   : column::Width::int8;
}

// Numeric's sums, differences and products have just the digits that their operands have, and are shown with them.
bool compile_numeric(Compiler* compiler, const OpExpr* expression, Op op, Kind* kind) {
  Block* block = compiler->block;
  Kind first, second;
  if (op == Op::multiply) {
    if (!compile(compiler, static_cast<Node*>(linitial(expression->args)), &first) ||
        !compile(compiler, static_cast<Node*>(lsecond(expression->args)), &second))
      return false;
  } else if (!compile_pair(compiler, expression->args, &first, &second)) {
    return false;
  }
  if (first.sort != Sort::numeric || second.sort != Sort::numeric) return forbid(block, "arithmetic of other types");
  int scale = op == Op::multiply ? first.scale + second.scale : first.scale;
  if (scale > bag::most_scale) return forbid(block, "a product of many digits");
  *kind = {Sort::numeric, static_cast<int16>(scale)};
  add(compiler, op)->width = column::Width::int8;
  return true;
}

bool compile_arithmetic(Compiler* compiler, const OpExpr* expression, Op op, Kind* kind) {
  Block* block = compiler->block;
  if (expression->opresulttype == NUMERICOID && op != Op::divide && op != Op::remainder)
    return compile_numeric(compiler, expression, op, kind);
  Kind first, second;
  if (!compile_pair(compiler, expression->args, &first, &second)) return false;
  if (!is_integer(first) || !is_integer(second) || !kind_of(expression->opresulttype, -1, InvalidOid, kind) ||
      !is_integer(*kind))
    return forbid(block, psprintf("operator %s of other types than integers", get_opname(expression->opno)));
  add(compiler, op)->width = width_of(*kind);
  return true;
}

// -value
bool compile_negation(Compiler* compiler, const OpExpr* expression, Kind* kind) {
  add(compiler, Op::constant);
  if (!compile(compiler, static_cast<Node*>(linitial(expression->args)), kind)) return false;
  if (!is_integer(*kind) && kind->sort != Sort::numeric) return forbid(compiler->block, "operator -");
  add(compiler, Op::subtract)->width = width_of(*kind);
  return true;
}

bool compile_operator(Compiler* compiler, const OpExpr* expression, Kind* kind) {
  const char* name = get_opname(expression->opno);
  int operands = list_length(expression->args);
  if (expression->opno < FirstNormalObjectId && !expression->opretset) {
    if (operands == 1 && strcmp(name, "-") == 0) return compile_negation(compiler, expression, kind);
    for (const Named& one : comparisons)
      if (operands == 2 && strcmp(one.name, name) == 0) return compile_comparison(compiler, expression, one.op, kind);
    for (const Named& one : arithmetic)
      if (operands == 2 && strcmp(one.name, name) == 0) return compile_arithmetic(compiler, expression, one.op, kind);
  }
  return forbid(compiler->block, psprintf("operator %s", name));
}

bool truncation_unit(const char* text, Size length, column::Unit* unit) {
  constexpr struct {
    const char* name;
    column::Unit unit;
  } units[] = {{"second", column::Unit::second}, {"minute", column::Unit::minute},  {"hour", column::Unit::hour},
               {"day", column::Unit::day},       {"week", column::Unit::week},      {"month", column::Unit::month},
               {"year", column::Unit::year},     {"quarter", column::Unit::quarter}};
  for (const auto& one : units) {
    if (strlen(one.name) != length || memcmp(one.name, text, length) != 0) continue;
    *unit = one.unit;
    return true;
  }
  return false;
}

bool compile_function(Compiler* compiler, const FuncExpr* function, Kind* kind) {
  Block* block = compiler->block;
  Kind from;
  switch (function->funcid) {
    case F_DATE_TIMESTAMP:
      if (!compile(compiler, static_cast<Node*>(linitial(function->args)), &from)) return false;
      add(compiler, Op::date_of_timestamp);
      *kind = {Sort::date, 0};
      return true;
    case F_TIMESTAMP_DATE:
      if (!compile(compiler, static_cast<Node*>(linitial(function->args)), &from)) return false;
      add(compiler, Op::timestamp_of_date);
      *kind = {Sort::timestamp, 0};
      return true;
    case F_DATE_TRUNC_TEXT_TIMESTAMP: {
      auto* unit = static_cast<Node*>(linitial(function->args));
      column::Unit by;
      if (!IsA(unit, Const) || castNode(Const, unit)->constisnull) return forbid(block, "date_trunc by a column");
      text* name = DatumGetTextPP(castNode(Const, unit)->constvalue);
      if (!truncation_unit(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), &by))
        return forbid(block, "a unit of date_trunc");
      if (!compile(compiler, static_cast<Node*>(lsecond(function->args)), &from)) return false;
      add(compiler, Op::truncate_timestamp)->unit = by;
      *kind = {Sort::timestamp, 0};
      return true;
    }
    case F_INT4_INT2:
    case F_INT8_INT2:
    case F_INT8_INT4:
      *kind = {function->funcid == F_INT4_INT2 ? Sort::int4 : Sort::int8, 0};
      return compile(compiler, static_cast<Node*>(linitial(function->args)), &from);
    case F_NUMERIC_INT2:
    case F_NUMERIC_INT4:
    case F_NUMERIC_INT8:
      *kind = {Sort::numeric, 0};
      return compile(compiler, static_cast<Node*>(linitial(function->args)), &from);
    default: return forbid(block, psprintf("function %s", format_procedure(function->funcid)));
  }
}

bool compile_boolean(Compiler* compiler, const BoolExpr* expression, Kind* kind) {
  ListCell* cell;
  int count = 0;
  foreach (cell, expression->args) {
    if (!compile(compiler, static_cast<Node*>(lfirst(cell)), kind)) return false;
    if (kind->sort != Sort::boolean) return forbid(compiler->block, "a condition");
    if (expression->boolop == NOT_EXPR) add(compiler, Op::logical_not);
    else if (count++ > 0) add(compiler, expression->boolop == AND_EXPR ? Op::logical_and : Op::logical_or);
  }
  return true;
}

// Values of which one is taken: all of one kind, and of one type modifier where that tells how they are shown.
bool same_kind(Block* block, Kind a, Kind b) {
  return (a.sort == b.sort && a.scale == b.scale) || forbid(block, "values of different types");
}

bool compile_coalesce(Compiler* compiler, const CoalesceExpr* expression, Kind* kind) {
  ListCell* cell;
  foreach (cell, expression->args) {
    Kind one;
    if (!compile(compiler, static_cast<Node*>(lfirst(cell)), &one)) return false;
    if (cell == list_head(expression->args)) {
      *kind = one;
      continue;
    }
    if (!same_kind(compiler->block, *kind, one)) return false;
    add(compiler, Op::coalesce);
  }
  return true;
}

// With a value to compare that one is computed for each WHEN: it is cheap, and the same each time.
bool compile_case(Compiler* compiler, const CaseExpr* expression, Kind* kind) {
  Block* block = compiler->block;
  Node* around = compiler->compared;
  ListCell* cell;
  foreach (cell, expression->args) {
    auto* when = lfirst_node(CaseWhen, cell);
    Kind condition, result;
    compiler->compared = reinterpret_cast<Node*>(expression->arg);
    if (!compile(compiler, reinterpret_cast<Node*>(when->expr), &condition)) return false;
    compiler->compared = around;
    if (!compile(compiler, reinterpret_cast<Node*>(when->result), &result)) return false;
    if (cell == list_head(expression->args)) *kind = result;
    else if (!same_kind(block, *kind, result)) return false;
  }
  Kind otherwise = *kind;
  if (expression->defresult == nullptr) add(compiler, Op::null);
  else if (!compile(compiler, reinterpret_cast<Node*>(expression->defresult), &otherwise)) return false;
  for (int i = 0; i < list_length(expression->args); i++) add(compiler, Op::choose);
  return same_kind(block, *kind, otherwise);
}

// The elements of a list that stands in the query, or of a constant one; NIL: it is neither, or empty.
List* list_elements(Node* list, Oid collation) {
  if (IsA(list, ArrayExpr)) return castNode(ArrayExpr, list)->multidims ? NIL : castNode(ArrayExpr, list)->elements;
  if (!IsA(list, Const) || castNode(Const, list)->constisnull) return NIL;
  auto* array = DatumGetArrayTypeP(castNode(Const, list)->constvalue);
  Oid type = ARR_ELEMTYPE(array);
  int16 length;
  bool by_value;
  char alignment;
  get_typlenbyvalalign(type, &length, &by_value, &alignment);
  Datum* values;
  bool* nulls;
  int count;
  deconstruct_array(array, type, length, by_value, alignment, &values, &nulls, &count);
  List* elements = NIL;
  for (int i = 0; i < count; i++)
    elements = lappend(elements, makeConst(type, -1, collation, length, values[i], nulls[i], by_value));
  return elements;
}

// value = ANY (list), value <> ALL (list), or another comparison: the value is computed for each element.
bool compile_list(Compiler* compiler, const ScalarArrayOpExpr* expression, Kind* kind) {
  Block* block = compiler->block;
  List* elements = list_elements(static_cast<Node*>(lsecond(expression->args)), expression->inputcollid);
  if (elements == NIL) return forbid(block, "a list that is not written in the query");
  ListCell* cell;
  foreach (cell, elements) {
    auto* one =
        castNode(OpExpr, make_opclause(expression->opno, BOOLOID, false, static_cast<Expr*>(linitial(expression->args)),
                                       static_cast<Expr*>(lfirst(cell)), InvalidOid, expression->inputcollid));
    if (!compile_operator(compiler, one, kind)) return false;
    if (kind->sort != Sort::boolean) return forbid(block, "a condition");
    if (cell != list_head(elements)) add(compiler, expression->useOr ? Op::logical_or : Op::logical_and);
  }
  return true;
}

// IS [NOT] TRUE, FALSE, UNKNOWN
bool compile_boolean_test(Compiler* compiler, const BooleanTest* test, Kind* kind) {
  if (!compile(compiler, reinterpret_cast<Node*>(test->arg), kind)) return false;
  BoolTestType type = test->booltesttype;
  if (type == IS_UNKNOWN || type == IS_NOT_UNKNOWN) {
    add(compiler, type == IS_UNKNOWN ? Op::is_null : Op::is_not_null);
    return true;
  }
  add(compiler, Op::constant)->constant = type == IS_TRUE || type == IS_NOT_TRUE;
  add(compiler, Op::distinct);
  if (type == IS_TRUE || type == IS_FALSE) add(compiler, Op::logical_not);
  return true;
}

bool compile(Compiler* compiler, Node* node, Kind* kind) {
  check_stack_depth();
  CHECK_FOR_INTERRUPTS();
  // What is computed for each element of a list, or each WHEN, multiplies where such are nested.
  if (compiler->count >= column::most_instructions) return forbid(compiler->block, large_expression);
  switch (nodeTag(node)) {
    case T_Var: return compile_var(compiler, castNode(Var, node), kind);
    case T_Const: return compile_const(compiler, castNode(Const, node), kind);
    case T_OpExpr: return compile_operator(compiler, castNode(OpExpr, node), kind);
    case T_DistinctExpr: {
      auto* expression = reinterpret_cast<OpExpr*>(node);
      if (expression->opno >= FirstNormalObjectId) return forbid(compiler->block, "IS DISTINCT FROM");
      return compile_comparison(compiler, expression, Op::distinct, kind);
    }
    case T_FuncExpr: return compile_function(compiler, castNode(FuncExpr, node), kind);
    case T_BoolExpr: return compile_boolean(compiler, castNode(BoolExpr, node), kind);
    case T_CoalesceExpr: return compile_coalesce(compiler, castNode(CoalesceExpr, node), kind);
    case T_CaseExpr: return compile_case(compiler, castNode(CaseExpr, node), kind);
    case T_CaseTestExpr:
      if (compiler->compared == nullptr) return forbid(compiler->block, "an expression that only SQL knows");
      return compile(compiler, compiler->compared, kind);
    case T_ScalarArrayOpExpr: return compile_list(compiler, castNode(ScalarArrayOpExpr, node), kind);
    case T_BooleanTest: return compile_boolean_test(compiler, castNode(BooleanTest, node), kind);
    case T_NullTest: {
      auto* test = castNode(NullTest, node);
      if (test->argisrow) return forbid(compiler->block, "a test of a row");
      if (!compile(compiler, reinterpret_cast<Node*>(test->arg), kind)) return false;
      add(compiler, test->nulltesttype == IS_NULL ? Op::is_null : Op::is_not_null);
      *kind = {Sort::boolean, 0};
      return true;
    }
    case T_RelabelType: {
      // varchar as text
      auto* relabel = castNode(RelabelType, node);
      Kind to;
      if (relabel->resulttype == NUMERICOID && relabel->resulttypmod < 0)  // any scale: its own
        return compile(compiler, reinterpret_cast<Node*>(relabel->arg), kind);
      if (!kind_of(relabel->resulttype, relabel->resulttypmod, relabel->resultcollid, &to))
        return forbid(compiler->block, psprintf("a value of type %s", format_type_be(relabel->resulttype)));
      if (!compile(compiler, reinterpret_cast<Node*>(relabel->arg), kind)) return false;
      return same_kind(compiler->block, to, *kind);
    }
    default: return forbid(compiler->block, "an expression that only SQL knows");
  }
}

}  // namespace

bool kind_of(Oid type, int32 typmod, Oid collation, Kind* kind) {
  *kind = {Sort::int8, 0};
  switch (type) {
    case INT2OID: kind->sort = Sort::int2; return true;
    case INT4OID: kind->sort = Sort::int4; return true;
    case INT8OID: return true;
    case BOOLOID: kind->sort = Sort::boolean; return true;
    case DATEOID: kind->sort = Sort::date; return true;
    case TIMESTAMPOID: kind->sort = Sort::timestamp; return true;
    case TIMESTAMPTZOID: kind->sort = Sort::timestamptz; return true;
    case NUMERICOID: kind->sort = Sort::numeric; return numeric_scale(typmod, &kind->scale);
    case TEXTOID:
    case VARCHAROID: kind->sort = Sort::text; return OidIsValid(collation) && get_collation_isdeterministic(collation);
    default: return false;
  }
}

int block_source(Block* block, const Var* var) {
  for (int i = 0; i < block->side_count; i++) {
    BlockSide* side = &block->sides[i];
    if (var->varlevelsup != 0 || side->entry != static_cast<int>(var->varno)) continue;
    int output = output_number(block, side, var);
    if (output < 0) return -1;
    for (int j = 0; j < block->source_count; j++)
      if (block->sources[j].side == i && block->sources[j].output == output) return j;
    if (block->source_count == most_block_columns) return forbid(block, "too many columns") - 1;
    block->sources[block->source_count] = {i, output};
    return block->source_count++;
  }
  return forbid(block, "a column of something else") - 1;
}

bool block_expression(Block* block, BlockSide* side, Node* node, BlockExpression* expression) {
  Compiler compiler = {block, side, nullptr, 0, 16, nullptr};
  compiler.instructions = static_cast<Instruction*>(palloc(sizeof(Instruction) * compiler.capacity));
  *expression = {node, {}, -1, nullptr, 0};
  if (!compile(&compiler, node, &expression->kind)) return false;
  const int columns = side != nullptr ? side->column_count : block->source_count;
  uint32 deepest;
  if (!column::is_program(compiler.instructions, compiler.count, static_cast<uint32>(columns), &deepest))
    return forbid(block, large_expression);
  expression->instructions = compiler.instructions;
  expression->count = compiler.count;
  if (compiler.count == 1 && compiler.instructions[0].op == Op::column)
    expression->column = compiler.instructions[0].column;
  return true;
}

}  // namespace dap
