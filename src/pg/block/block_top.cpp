// A query that takes the first of each partition of a block's rows,
//
//   SELECT … FROM (SELECT …, row_number() OVER (PARTITION BY day ORDER BY total DESC, user_id) AS place,
//                    sum(total) OVER (PARTITION BY day) AS day_total FROM block) AS r WHERE r.place <= 5
//
// as two queries see it: the outer one has the bound, the inner one, the reader, has the windows.
#include "pg/block/block.h"

#include <cstring>

#include "bridge/compat/ordering.h"
#include "pg/block/query_tree.h"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
}

namespace dap {

namespace {

constexpr int most_wanted = 100;

bool is_built_in(Oid function, const char* name) {
  return function < FirstNormalObjectId && strcmp(get_func_name(function), name) == 0;
}

// Nothing but windows over one thing's rows.
bool is_reader(const Query* query) {
  return query->commandType == CMD_SELECT && query->setOperations == nullptr && query->hasWindowFuncs &&
         query->groupClause == NIL && !query->hasAggs && query->groupingSets == NIL && query->havingQual == nullptr &&
         query->distinctClause == NIL && query->limitCount == nullptr && query->limitOffset == nullptr &&
         query->rowMarks == NIL && !query->hasTargetSRFs && !query->hasSubLinks && query->cteList == NIL &&
         query->jointree->quals == nullptr && only_entry(query) != 0;
}

Block* block_of(const List* blocks, const Query* query) {
  ListCell* cell;
  foreach (cell, blocks) {
    auto* block = static_cast<Block*>(lfirst(cell));
    if (block->query == query) return block;
  }
  return nullptr;
}

// The key (true) or the answer that an expression above the groups is; -1: it is more than that.
int part_of(const Block* block, const Expr* expression, bool* is_key) {
  *is_key = true;
  for (int i = 0; i < block->key_count; i++)
    if (equal(expression, block->keys[i].node)) return i;
  *is_key = false;
  for (int i = 0; i < block->answer_count; i++)
    if (equal(expression, block->answers[i].aggref)) return i;
  return -1;
}

// The same of a column of the reader.
int output_of(const Block* block, const Node* node, bool* is_key) {
  if (!IsA(node, Var) || castNode(Var, node)->varlevelsup != 0) return -1;
  auto* entry = get_tle_by_resno(block->target_list, castNode(Var, node)->varattno);
  return entry == nullptr ? -1 : part_of(block, entry->expr, is_key);
}

// Are the block's rows just its groups? What else the block's query does above them, drops, repeats, numbers or
// computes, it does for all of them.
bool gives_groups(const Block* block) {
  const Query* query = block->query;
  if (block->having != nullptr || query->distinctClause != NIL || query->limitCount != nullptr ||
      query->limitOffset != nullptr || query->hasWindowFuncs || query->hasTargetSRFs)
    return false;
  ListCell* cell;
  foreach (cell, block->target_list) {
    auto* entry = lfirst_node(TargetEntry, cell);
    bool is_key;
    if (entry->resjunk || (!IsA(entry->expr, Const) && part_of(block, entry->expr, &is_key) < 0)) return false;
  }
  return true;
}

Node* sorted_node(const Query* reader, const SortGroupClause* clause) {
  return reinterpret_cast<Node*>(
      get_sortgroupclause_tle(const_cast<SortGroupClause*>(clause), reader->targetList)->expr);
}

// The partition's keys, as a set of bits; 0: they are no keys, or there are none.
uint32 partition_keys(const Block* block, const Query* reader, const WindowClause* window) {
  uint32 keys = 0;
  ListCell* cell;
  foreach (cell, window->partitionClause) {
    bool is_key;
    int number = output_of(block, sorted_node(reader, lfirst_node(SortGroupClause, cell)), &is_key);
    if (number < 0 || !is_key) return 0;
    keys |= 1U << number;
  }
  return keys;
}

bool add_order(const Block* block, BlockTop* top, Node* node, const SortGroupClause* clause) {
  if (top->order_count == static_cast<int>(column::most_keys) || clause->sortop >= FirstNormalObjectId) return false;
  BlockOrder* order = &top->order[top->order_count++];
  order->number = output_of(block, node, &order->is_key);
  if (order->number < 0) return false;
  if (order->is_key ? block->keys[order->number].kind.sort == Sort::text
                    : block->answers[order->number].answer != Answer::sum &&
                          block->answers[order->number].answer != Answer::count &&
                          block->answers[order->number].answer != Answer::extreme)
    return false;
  if (!sorts_downwards(clause->sortop, &order->descending)) return false;
  order->nulls_first = clause->nulls_first;
  return true;
}

// The window of the function that numbers the rows.
bool take_window(const Block* block, const Query* reader, const WindowClause* window, BlockTop* top) {
  uint32 keys = partition_keys(block, reader, window);
  if (keys == 0 || window->orderClause == NIL) return false;
  for (int i = 0; i < block->key_count; i++)
    if ((keys >> i & 1) != 0) top->partitions[top->partition_count++] = i;
  ListCell* cell;
  foreach (cell, window->orderClause) {
    auto* clause = lfirst_node(SortGroupClause, cell);
    if (!add_order(block, top, sorted_node(reader, clause), clause)) return false;
  }
  return true;
}

const WindowClause* window_of(const Query* reader, Index number) {
  ListCell* cell;
  foreach (cell, reader->windowClause)
    if (lfirst_node(WindowClause, cell)->winref == number) return lfirst_node(WindowClause, cell);
  return nullptr;
}

bool numbers_rows(const WindowFunc* function) {
  return function->aggfilter == nullptr &&
         (is_built_in(function->winfnoid, "row_number") || is_built_in(function->winfnoid, "rank"));
}

bool add_total(const Block* block, const Query* reader, WindowFunc* function, uint32 keys, BlockTop* top) {
  const WindowClause* window = window_of(reader, function->winref);
  if (window == nullptr || window->orderClause != NIL || window->frameOptions != FRAMEOPTION_DEFAULTS ||
      function->aggfilter != nullptr || partition_keys(block, reader, window) != keys ||
      top->total_count == most_block_totals)
    return false;
  BlockTotal total = {reinterpret_cast<Node*>(function), -1};
  if (!function->winstar || !is_built_in(function->winfnoid, "count")) {
    bool is_key = false;
    if (!is_built_in(function->winfnoid, "sum") || list_length(function->args) != 1) return false;
    total.answer = output_of(block, static_cast<Node*>(linitial(function->args)), &is_key);
    if (total.answer < 0 || is_key) return false;
    Answer answer = block->answers[total.answer].answer;
    // What they give is added as integers; the sum of such, bigint or numeric, is numeric.
    if ((answer != Answer::sum && answer != Answer::count) || function->wintype != NUMERICOID) return false;
  }
  top->totals[top->total_count++] = total;
  return true;
}

// All that the reader gives is a column, a constant, or a window that is known: what it computes for rows that nobody
// sees cannot fail.
bool take_outputs(const Block* block, const Query* reader, Index numbering, BlockTop* top) {
  uint32 keys = 0;
  for (int i = 0; i < top->partition_count; i++) keys |= 1U << top->partitions[i];
  ListCell* cell;
  foreach (cell, reader->targetList) {
    auto* node = reinterpret_cast<Node*>(lfirst_node(TargetEntry, cell)->expr);
    if (IsA(node, Const)) continue;
    if (IsA(node, Var) && castNode(Var, node)->varlevelsup == 0 && castNode(Var, node)->varattno > 0) continue;
    if (!IsA(node, WindowFunc)) return false;
    auto* function = castNode(WindowFunc, node);
    if (function->winref == numbering && numbers_rows(function)) continue;
    if (!add_total(block, reader, function, keys, top)) return false;
  }
  return true;
}

// The bound that a condition puts on a column of the entry: column <= n, column < n. 0: none.
int bound_of(const Node* condition, int entry, AttrNumber* attribute) {
  if (!IsA(condition, OpExpr)) return 0;
  auto* comparison = castNode(OpExpr, condition);
  if (comparison->opno >= FirstNormalObjectId || list_length(comparison->args) != 2) return 0;
  auto* column = static_cast<Node*>(linitial(comparison->args));
  auto* bound = static_cast<Node*>(lsecond(comparison->args));
  if (!IsA(column, Var) || !IsA(bound, Const) || castNode(Const, bound)->constisnull) return 0;
  if (static_cast<int>(castNode(Var, column)->varno) != entry || castNode(Var, column)->varlevelsup != 0) return 0;
  Oid type = castNode(Const, bound)->consttype;
  Datum value = castNode(Const, bound)->constvalue;
  if (type != INT4OID && type != INT8OID) return 0;
  int64 number = type == INT4OID ? DatumGetInt32(value) : DatumGetInt64(value);
  const char* name = get_opname(comparison->opno);
  if (strcmp(name, "<") == 0) number--;
  else if (strcmp(name, "<=") != 0) return 0;
  *attribute = castNode(Var, column)->varattno;
  return number >= 1 && number <= most_wanted ? static_cast<int>(number) : 0;
}

bool try_bound(const Node* condition, int entry, Query* reader, Block* block) {
  AttrNumber attribute = 0;
  int wanted = bound_of(condition, entry, &attribute);
  auto* output = wanted > 0 ? get_tle_by_resno(reader->targetList, attribute) : nullptr;
  if (output == nullptr || !IsA(output->expr, WindowFunc)) return false;
  auto* function = reinterpret_cast<WindowFunc*>(output->expr);
  const WindowClause* window = window_of(reader, function->winref);
  if (window == nullptr || !numbers_rows(function)) return false;
  auto* top = static_cast<BlockTop*>(palloc0(sizeof(BlockTop)));
  top->wanted = wanted;
  if (!take_window(block, reader, window, top) || !take_outputs(block, reader, function->winref, top)) return false;
  top->reader = reader;
  block->top = top;
  return true;
}

bool is_read_once(const CommonTableExpr* cte) { return cte == nullptr || cte->cterefcount == 1; }

}  // namespace

void find_top(Query* query, const List* outer, const List* blocks) {
  int number = only_entry(query);
  if (number == 0 || query->jointree->quals == nullptr) return;
  CommonTableExpr* cte;
  auto* entry = rt_fetch(number, query->rtable);
  Query* reader = query_behind(query, entry, outer, &cte);
  if (reader == nullptr || !is_read_once(cte) || !is_reader(reader)) return;
  // Where the reader stands: in the query, or in that one of the outer ones whose WITH it is.
  List* around = cte == nullptr            ? lcons(query, list_copy(outer))
                 : entry->ctelevelsup == 0 ? lcons(query, list_copy(outer))
                                           : list_copy_tail(outer, static_cast<int>(entry->ctelevelsup) - 1);
  auto* rows = rt_fetch(only_entry(reader), reader->rtable);
  Query* behind = query_behind(reader, rows, around, &cte);
  Block* block = behind != nullptr && is_read_once(cte) ? block_of(blocks, behind) : nullptr;
  if (block == nullptr || block->top != nullptr || !gives_groups(block)) return;
  Node* quals = query->jointree->quals;
  List* conditions = is_andclause(quals) ? castNode(BoolExpr, quals)->args : list_make1(quals);
  ListCell* cell;
  foreach (cell, conditions) {
    if (!try_bound(static_cast<Node*>(lfirst(cell)), number, reader, block)) continue;
    block->top->entry = rows;
    block->top->cte = cte;
    return;
  }
}

namespace {

struct Replaced {
  const Block* block;
  int first;  // the column of the first total
  int entry;
};

Node* as_column(Node* node, void* context) {
  auto* replaced = static_cast<Replaced*>(context);
  const BlockTop* top = replaced->block->top;
  for (int i = 0; i < top->total_count; i++)
    if (top->totals[i].node == node)
      return reinterpret_cast<Node*>(makeVar(replaced->entry, static_cast<AttrNumber>(replaced->first + i),
                                             exprType(node), exprTypmod(node), exprCollation(node), 0));
  return node;
}

}  // namespace

void read_totals(Block* block) {
  BlockTop* top = block->top;
  Replaced replaced = {block, list_length(block->query->targetList) + 1, only_entry(top->reader)};
  for (int i = 0; i < top->total_count; i++) {
    Node* node = top->totals[i].node;
    Oid type = exprType(node);
    char* name = psprintf("total_%d", i + 1);
    auto* column = makeVar(1, static_cast<AttrNumber>(block->key_count + block->answer_count + i + 1), type,
                           exprTypmod(node), exprCollation(node), 0);
    block->query->targetList = lappend(
        block->query->targetList,
        makeTargetEntry(reinterpret_cast<Expr*>(column), static_cast<AttrNumber>(replaced.first + i), name, false));
    top->entry->eref->colnames = lappend(top->entry->eref->colnames, makeString(name));
    if (top->cte == nullptr) continue;
    CommonTableExpr* cte = top->cte;
    cte->ctecolnames = lappend(cte->ctecolnames, makeString(name));
    cte->ctecoltypes = lappend_oid(cte->ctecoltypes, type);
    cte->ctecoltypmods = lappend_int(cte->ctecoltypmods, exprTypmod(node));
    cte->ctecolcollations = lappend_oid(cte->ctecolcollations, exprCollation(node));
    top->entry->coltypes = lappend_oid(top->entry->coltypes, type);
    top->entry->coltypmods = lappend_int(top->entry->coltypmods, exprTypmod(node));
    top->entry->colcollations = lappend_oid(top->entry->colcollations, exprCollation(node));
  }
  ListCell* cell;
  foreach (cell, top->reader->targetList) {
    auto* entry = lfirst_node(TargetEntry, cell);
    entry->expr = reinterpret_cast<Expr*>(as_column(reinterpret_cast<Node*>(entry->expr), &replaced));
  }
}

}  // namespace dap
