#include "pg/block/block.h"

#include <cstring>

#include "bridge/compat/group_rte.h"
#include "bridge/compat/tree_walker.h"
#include "bridge/context_memory.h"
#include "bridge/engine_call.h"
#include "bridge/run_as.h"
#include "pg/table/heap_scan.h"

extern "C" {
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/regproc.h"
}

namespace dap {

namespace {

bool forbid(Block* block, const char* why) {
  if (block->forbidden == nullptr) block->forbidden = why;
  return false;
}

// One relation, a grouping, aggregates; what stands above them is the server's.
bool has_form(Block* block) {
  Query* query = block->query;
  if (query->commandType != CMD_SELECT || query->setOperations != nullptr) return forbid(block, "no SELECT of its own");
  if (query->groupClause == NIL && !query->hasAggs) return forbid(block, "no groups");
  if (query->groupingSets != NIL) return forbid(block, "grouping sets");
  if (query->hasSubLinks) return forbid(block, "subqueries in expressions");
  if (query->cteList != NIL) return forbid(block, "a WITH of its own");
  if (query->rowMarks != NIL) return forbid(block, "FOR UPDATE");
  if (list_length(query->jointree->fromlist) != 1 || !IsA(linitial(query->jointree->fromlist), RangeTblRef))
    return forbid(block, "more than one table");
  int number = linitial_node(RangeTblRef, query->jointree->fromlist)->rtindex;
  auto* entry = rt_fetch(number, query->rtable);
  if (entry->rtekind != RTE_RELATION) return forbid(block, "rows of another query");
  if (entry->relid < FirstNormalObjectId) return forbid(block, "a table of the catalog");
  if (entry->tablesample != nullptr) return forbid(block, "TABLESAMPLE");
  if (entry->securityQuals != NIL) return forbid(block, "row-level security");
  block->relation = entry->relid;
  Relation relation = table_open(entry->relid, NoLock);
  bool readable = is_readable_heap(relation);
  table_close(relation, NoLock);
  return readable || forbid(block, psprintf("%s, which is no plain local table", relation_label(entry->relid)));
}

bool add_keys(Block* block) {
  ListCell* cell;
  foreach (cell, block->query->groupClause) {
    auto* clause = lfirst_node(SortGroupClause, cell);
    auto* entry = get_sortgroupclause_tle(clause, block->query->targetList);
    if (block->key_count == static_cast<int>(column::most_keys)) return forbid(block, "too many columns in GROUP BY");
    if (!block_expression(block, reinterpret_cast<Node*>(entry->expr), &block->keys[block->key_count])) return false;
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

bool is_integer(Sort sort) { return sort == Sort::int2 || sort == Sort::int4 || sort == Sort::int8; }

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
  bool number = is_integer(sort) || sort == Sort::numeric;
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
    // What is only counted may be of any type, where it is a column: of a column that the engine does not know nothing
    // is known here.
    if (!block_expression(block, argument, &input.value)) return false;
  }
  input.has_filter = aggref->aggfilter != nullptr;
  if (input.has_filter && !block_expression(block, reinterpret_cast<Node*>(aggref->aggfilter), &input.filter))
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

bool add_filter(Block* block) {
  Node* quals = block->query->jointree->quals;
  if (quals == nullptr) return true;
  block->has_filter = true;
  return block_expression(block, quals, &block->filter) &&
         (block->filter.kind.sort == Sort::boolean || forbid(block, "a condition"));
}

}  // namespace

Block* find_block(Query* query) {
  auto* block = static_cast<Block*>(palloc0(sizeof(Block)));
  block->query = query;
  if (!has_form(block)) return block;
  expand_group_entry(query);
  block->memory = new (palloc(sizeof(ContextMemory))) ContextMemory(CurrentMemoryContext);
  block->dictionary = static_cast<column::Dictionary*>(palloc0(sizeof(column::Dictionary)));
  EngineFault fault = try_engine([&] { column::begin_dictionary(block->dictionary, block->memory); });
  raise_engine_fault(fault, "a query's block");
  if (!add_keys(block) || !add_filter(block)) return block;
  if (!walk_output(reinterpret_cast<Node*>(query->targetList), block)) (void)walk_output(query->havingQual, block);
  return block;
}

}  // namespace dap
