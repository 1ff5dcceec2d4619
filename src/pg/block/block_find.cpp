#include "pg/block/block.h"

#include <cstring>
#include <utility>

#include "bridge/compat/group_rte.h"
#include "bridge/compat/tree_walker.h"
#include "bridge/engine_call.h"
#include "bridge/run_as.h"
#include "bridge/slab_memory.h"
#include "pg/block/query_tree.h"
#include "pg/table/heap_scan.h"

extern "C" {
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "storage/bufmgr.h"
#include "utils/regproc.h"
}

namespace dap {

namespace {

// A grouping, aggregates; what stands above them is the server's.
bool has_form(Block* block) {
  const Query* query = block->query;
  if (query->commandType != CMD_SELECT || query->setOperations != nullptr) return forbid(block, "no SELECT of its own");
  if (query->groupClause == NIL && !query->hasAggs)
    return forbid(block, query->hasDistinctOn           ? "DISTINCT ON"
                         : query->distinctClause != NIL ? "DISTINCT"
                                                        : "no groups");
  if (query->groupingSets != NIL) return forbid(block, "grouping sets");
  if (query->hasSubLinks) return forbid(block, "subqueries in expressions");
  if (query->hasModifyingCTE) return forbid(block, "a WITH that writes");
  if (query->rowMarks != NIL) return forbid(block, "FOR UPDATE");
  return true;
}

// ---- the sides ----
bool set_table(Block* block, BlockSide* side, const RangeTblEntry* entry) {
  if (entry->relid < FirstNormalObjectId) return forbid(block, "a table of the catalog");
  if (entry->tablesample != nullptr) return forbid(block, "TABLESAMPLE");
  if (entry->securityQuals != NIL) return forbid(block, "row-level security");
  side->relation = entry->relid;
  Relation relation = relation_open(entry->relid, NoLock);
  bool readable = is_readable_heap(relation);
  if (readable) side->pages = RelationGetNumberOfBlocks(relation);
  relation_close(relation, NoLock);
  return readable || forbid(block, psprintf("%s, which is no plain local table", relation_label(entry->relid)));
}

bool is_simple(const Query* query) {
  return query->commandType == CMD_SELECT && query->setOperations == nullptr && query->groupClause == NIL &&
         !query->hasAggs && query->groupingSets == NIL && query->havingQual == nullptr && !query->hasWindowFuncs &&
         !query->hasTargetSRFs && !query->hasSubLinks && query->cteList == NIL && query->distinctClause == NIL &&
         query->limitCount == nullptr && query->limitOffset == nullptr && query->rowMarks == NIL &&
         only_entry(query) != 0;
}

bool add_side(Block* block, int number, const List* outer) {
  BlockSide* side = &block->sides[block->side_count++];
  side->entry = number;
  auto* entry = rt_fetch(number, block->query->rtable);
  if (entry->rtekind == RTE_RELATION) return set_table(block, side, entry);
  side->inner = query_behind(block->query, entry, outer, &side->cte);
  if (side->inner == nullptr || !is_simple(side->inner)) return forbid(block, "rows of another query");
  if (contain_volatile_functions(reinterpret_cast<Node*>(side->inner->targetList)))
    return forbid(block, "a volatile function");
  side->inner_entry = only_entry(side->inner);
  entry = rt_fetch(side->inner_entry, side->inner->rtable);
  if (entry->rtekind != RTE_RELATION) return forbid(block, "rows of another query");
  return set_table(block, side, entry);
}

// The inner queries' conditions, after the block's sides are known.
bool add_side_filters(Block* block) {
  for (int i = 0; i < block->side_count; i++) {
    BlockSide* side = &block->sides[i];
    if (side->inner == nullptr || side->inner->jointree->quals == nullptr) continue;
    side->has_filter = true;
    if (!block_expression(block, side, side->inner->jointree->quals, &side->filter)) return false;
    if (side->filter.kind.sort != Sort::boolean) return forbid(block, "a condition");
  }
  return true;
}

// ---- the join ----
// varchar as text is the same value; text as character(n) is another.
Node* plain(Node* node) {
  Kind kind;
  while (IsA(node, RelabelType) && kind_of(exprType(node), exprTypmod(node), exprCollation(node), &kind))
    node = reinterpret_cast<Node*>(castNode(RelabelType, node)->arg);
  return node;
}

bool add_join_key(Block* block, Node* condition) {
  if (!IsA(condition, OpExpr)) return forbid(block, "a join by more than equality");
  auto* equality = castNode(OpExpr, condition);
  if (equality->opno >= FirstNormalObjectId || list_length(equality->args) != 2 ||
      strcmp(get_opname(equality->opno), "=") != 0)
    return forbid(block, "a join by more than equality");
  if (block->join_key_count == static_cast<int>(join::most_join_keys)) return forbid(block, "a join by many columns");
  Node* both[2] = {plain(static_cast<Node*>(linitial(equality->args))),
                   plain(static_cast<Node*>(lsecond(equality->args)))};
  int taken = 0;
  Kind kinds[2];
  for (Node* one : both) {
    if (!IsA(one, Var)) return forbid(block, "a join by expressions");
    int number = block_source(block, castNode(Var, one));
    if (number < 0) return false;
    const BlockSource& source = block->sources[number];
    block->join_keys[source.side][block->join_key_count] = source.output;
    kinds[source.side] = block->sides[source.side].outputs[source.output].kind;
    taken |= 1 << source.side;
  }
  if (taken != 3) return forbid(block, "a join by more than equality");
  if (!is_comparable(kinds[0], kinds[1])) return forbid(block, "a join of different types");
  // Of texts: all that the engine has are equal by their bytes alone; the join must mean the same.
  if (kinds[0].sort == Sort::text &&
      (!OidIsValid(equality->inputcollid) || !get_collation_isdeterministic(equality->inputcollid)))
    return forbid(block, "a nondeterministic collation");
  block->join_key_count++;
  return true;
}

bool add_join(Block* block, const JoinExpr* join, const List* outer) {
  if (!IsA(join->larg, RangeTblRef) || !IsA(join->rarg, RangeTblRef)) return forbid(block, "more than two tables");
  // RIGHT: the other way round
  bool turned = join->jointype == JOIN_RIGHT;
  block->join = turned ? JOIN_LEFT : join->jointype;
  if (block->join != JOIN_INNER && block->join != JOIN_LEFT && block->join != JOIN_FULL)
    return forbid(block, "a kind of join");
  auto* first = castNode(RangeTblRef, turned ? join->rarg : join->larg);
  auto* second = castNode(RangeTblRef, turned ? join->larg : join->rarg);
  if (!add_side(block, first->rtindex, outer) || !add_side(block, second->rtindex, outer)) return false;
  // Where either may come first, rows are looked for in the smaller table: there the key is more likely unique.
  if (block->join != JOIN_LEFT && block->sides[1].pages > block->sides[0].pages)
    std::swap(block->sides[0], block->sides[1]);
  Node* condition = join->quals;
  if (condition == nullptr) return forbid(block, "a join without a condition");
  if (!is_andclause(condition)) return add_join_key(block, condition);
  ListCell* cell;
  foreach (cell, castNode(BoolExpr, condition)->args)
    if (!add_join_key(block, static_cast<Node*>(lfirst(cell)))) return false;
  return true;
}

bool add_sides(Block* block, const List* outer) {
  const List* from = block->query->jointree->fromlist;
  if (list_length(from) != 1) return forbid(block, from == NIL ? "no table" : "tables that no JOIN connects");
  auto* one = static_cast<Node*>(linitial(from));
  bool known = IsA(one, JoinExpr) ? add_join(block, castNode(JoinExpr, one), outer)
                                  : add_side(block, castNode(RangeTblRef, one)->rtindex, outer);
  return known && add_side_filters(block);
}

// ---- keys and answers ----
bool add_keys(Block* block) {
  ListCell* cell;
  foreach (cell, block->query->groupClause) {
    auto* clause = lfirst_node(SortGroupClause, cell);
    auto* entry = get_sortgroupclause_tle(clause, block->target_list);
    if (block->key_count == static_cast<int>(column::most_keys)) return forbid(block, "too many columns in GROUP BY");
    if (!block_expression(block, nullptr, reinterpret_cast<Node*>(entry->expr), &block->keys[block->key_count]))
      return false;
    block->key_count++;
  }
  return true;
}

bool same_input(const BlockInput& a, const BlockInput& b) {
  return a.has_value == b.has_value && a.has_filter == b.has_filter &&
         (!a.has_value || equal(a.value.node, b.value.node)) && (!a.has_filter || equal(a.filter.node, b.filter.node));
}

int add_aggregate(Block* block, group::Aggregate kind, const BlockInput& input) {
  for (int i = 0; i < block->aggregate_count; i++)
    if (block->aggregates[i] == kind && same_input(block->aggregate_inputs[i], input)) return i;
  if (block->aggregate_count == static_cast<int>(group::most_aggregates)) return -1;
  block->aggregates[block->aggregate_count] = kind;
  block->aggregate_inputs[block->aggregate_count] = input;
  return block->aggregate_count++;
}

int add_list(Block* block, const BlockInput& input) {
  for (int i = 0; i < block->list_count; i++)
    if (same_input(block->list_inputs[i], input)) return i;
  if (block->list_count == static_cast<int>(group::most_lists)) return -1;
  block->list_inputs[block->list_count] = input;
  return block->list_count++;
}

bool is_extension_function(Oid function, const char* name) {
  return strcmp(get_func_name(function), name) == 0 &&
         getExtensionOfObject(ProcedureRelationId, function) == extension_oid();
}

bool add_answer(Block* block, const BlockAnswer& answer, bool room) {
  if (!room || block->answer_count == most_block_answers) return forbid(block, "too many aggregates");
  block->answers[block->answer_count++] = answer;
  return true;
}

// How an aggregate's name tells what it is: built-in ones have one meaning for each of the engine's types.
bool answer_of(Block* block, const BlockInput& input, BlockAnswer* answer) {
  Aggref* aggref = answer->aggref;
  const char* name = get_func_name(aggref->aggfnoid);
  bool built_in = aggref->aggfnoid < FirstNormalObjectId;
  Sort sort = input.value.kind.sort;
  bool number = is_integer(input.value.kind) || sort == Sort::numeric;
  using group::Aggregate;
  answer->kind = input.value.kind;
  if (aggref->aggdistinct != NIL && !(built_in && strcmp(name, "count") == 0))
    return forbid(block, psprintf("%s(DISTINCT)", name));
  if (built_in && strcmp(name, "count") == 0) {
    if (aggref->aggdistinct != NIL) {
      answer->answer = Answer::distinct;
      answer->list = add_list(block, input);
      return add_answer(block, *answer, answer->list >= 0);
    }
    answer->answer = Answer::count;
    answer->aggregate = add_aggregate(block, input.has_value ? Aggregate::values : Aggregate::rows, input);
    return add_answer(block, *answer, answer->aggregate >= 0);
  }
  if (built_in && number && (strcmp(name, "sum") == 0 || strcmp(name, "avg") == 0)) {
    answer->answer = name[0] == 's' ? Answer::sum : Answer::mean;
    answer->aggregate = add_aggregate(block, Aggregate::sum, input);
    answer->values = answer->answer == Answer::mean ? add_aggregate(block, Aggregate::values, input) : 0;
    return add_answer(block, *answer, answer->aggregate >= 0 && answer->values >= 0);
  }
  if (built_in && sort != Sort::text && sort != Sort::boolean &&
      (strcmp(name, "min") == 0 || strcmp(name, "max") == 0)) {
    answer->answer = Answer::extreme;
    answer->aggregate = add_aggregate(block, name[1] == 'i' ? Aggregate::least : Aggregate::greatest, input);
    return add_answer(block, *answer, answer->aggregate >= 0);
  }
  bool all = strcmp(name, "bool_and") == 0 || strcmp(name, "every") == 0;
  if (built_in && sort == Sort::boolean && (all || strcmp(name, "bool_or") == 0)) {
    answer->answer = Answer::extreme;
    answer->aggregate = add_aggregate(block, all ? Aggregate::least : Aggregate::greatest, input);
    return add_answer(block, *answer, answer->aggregate >= 0);
  }
  if (!built_in && sort != Sort::text && sort != Sort::boolean && is_extension_function(aggref->aggfnoid, "median")) {
    answer->answer = Answer::median;
    answer->list = add_list(block, input);
    return add_answer(block, *answer, answer->list >= 0);
  }
  return forbid(block, psprintf("aggregate %s", format_procedure(aggref->aggfnoid)));
}

bool add_aggref(Block* block, Aggref* aggref) {
  for (int i = 0; i < block->answer_count; i++)
    if (equal(block->answers[i].aggref, aggref)) return true;
  if (aggref->agglevelsup != 0) return forbid(block, "an aggregate of an outer query");
  if (aggref->aggkind != AGGKIND_NORMAL || aggref->aggorder != NIL || aggref->aggvariadic ||
      list_length(aggref->args) > 1)
    return forbid(block, psprintf("aggregate %s", format_procedure(aggref->aggfnoid)));
  BlockAnswer answer = {};
  answer.aggref = aggref;
  BlockInput input = {};
  input.has_value = aggref->args != NIL;
  if (input.has_value) {
    Node* argument = reinterpret_cast<Node*>(linitial_node(TargetEntry, aggref->args)->expr);
    if (!block_expression(block, nullptr, argument, &input.value)) return false;
  }
  input.has_filter = aggref->aggfilter != nullptr;
  if (input.has_filter && !block_expression(block, nullptr, reinterpret_cast<Node*>(aggref->aggfilter), &input.filter))
    return false;
  if (aggref->aggfnoid != F_COUNT_ && !input.has_value) return forbid(block, "an aggregate without arguments");
  return answer_of(block, input, &answer);
}

// Above the groups everything is made of keys and answers; true: something is not, and the walk ends.
bool walk_output(Node* node, void* context) {
  auto* block = static_cast<Block*>(context);
  if (node == nullptr) return false;
  for (int i = 0; i < block->key_count; i++)
    if (equal(node, block->keys[i].node)) return false;
  if (IsA(node, Aggref)) return !add_aggref(block, castNode(Aggref, node));
  if (IsA(node, Var)) return !forbid(block, "a column that is determined by the primary key, or of an outer query");
  if (IsA(node, GroupingFunc) || IsA(node, SubLink) || IsA(node, Query)) return !forbid(block, "GROUPING()");
  return expression_tree_walker(node, tree_walker(walk_output), context);
}

// SQL computes all columns of a WITH that is kept as rows, and may fail at one that nobody reads.
bool reads_all(Block* block) {
  for (int i = 0; i < block->side_count; i++) {
    const BlockSide& side = block->sides[i];
    if (side.cte == nullptr || side.cte->ctematerialized == CTEMaterializeNever ||
        (side.cte->ctematerialized == CTEMaterializeDefault && side.cte->cterefcount <= 1))
      continue;
    ListCell* cell;
    foreach (cell, side.inner->targetList) {
      auto* entry = lfirst_node(TargetEntry, cell);
      bool is_read = IsA(entry->expr, Var) || IsA(entry->expr, Const);
      for (int j = 0; j < side.output_count; j++) is_read |= side.attributes[j] == entry->resno;
      if (!is_read) return forbid(block, "a WITH with an expression that is not read");
    }
  }
  return true;
}

bool add_filter(Block* block) {
  Node* quals = block->query->jointree->quals;
  if (quals == nullptr) return true;
  block->has_filter = true;
  return block_expression(block, nullptr, quals, &block->filter) &&
         (block->filter.kind.sort == Sort::boolean || forbid(block, "a condition"));
}

}  // namespace

Block* find_block(Query* query, const List* outer) {
  auto* block = static_cast<Block*>(palloc0(sizeof(Block)));
  block->query = query;
  if (!has_form(block)) return block;
  block->target_list = reinterpret_cast<List*>(above_groups(query, query->targetList));
  block->having = above_groups(query, query->havingQual);
  block->context = AllocSetContextCreate(CurrentMemoryContext, "dap block texts", ALLOCSET_DEFAULT_SIZES);
  auto* place = MemoryContextAlloc(block->context, sizeof(SlabMemory));
  auto* memory = new (place) SlabMemory(block->context);
  block->dictionary = static_cast<column::Dictionary*>(palloc0(sizeof(column::Dictionary)));
  EngineFault fault = try_engine([&] { column::begin_dictionary(block->dictionary, memory); });
  raise_engine_fault(fault, block_place);
  bool known = add_sides(block, outer) && add_keys(block) && add_filter(block) &&
               !walk_output(reinterpret_cast<Node*>(block->target_list), block) && !walk_output(block->having, block) &&
               reads_all(block);
  if (!known) MemoryContextDelete(block->context);
  return block;
}

}  // namespace dap
