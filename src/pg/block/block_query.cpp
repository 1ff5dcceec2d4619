#include "pg/block/block_query.h"

#include "bridge/compat/execute.h"
#include "bridge/compat/group_rte.h"
#include "bridge/compat/tree_walker.h"
#include "bridge/run_as.h"
#include "pg/block/block_search.h"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/queryenvironment.h"
}

namespace dap {

namespace {

struct Found {
  Block* block;
  BlockRows rows;
  char* name;
};

// The executor's own check of the whole query, of functions too; nothing is run.
void check_permissions(const Query* query, const char* sql) {
  PlannedStmt* plan = plan_query(static_cast<Query*>(copyObjectImpl(query)), sql);
  plan->queryId = 0;  // not a query to be counted
  QueryDesc* desc =
      CreateQueryDesc(plan, sql, GetActiveSnapshot(), InvalidSnapshot, None_Receiver, nullptr, nullptr, 0);
  ExecutorStart(desc, EXEC_FLAG_EXPLAIN_ONLY);
  ExecutorEnd(desc);
  FreeQueryDesc(desc);
}

Node* as_result(Node* node, void* context) {
  auto* block = static_cast<Block*>(context);
  if (node == nullptr) return nullptr;
  for (int i = 0; i < block->key_count + block->answer_count; i++) {
    bool is_key = i < block->key_count;
    Node* known = is_key ? block->keys[i].node : reinterpret_cast<Node*>(block->answers[i - block->key_count].aggref);
    if (equal(node, known))
      return reinterpret_cast<Node*>(
          makeVar(1, static_cast<AttrNumber>(i + 1), exprType(node), exprTypmod(node), exprCollation(node), 0));
  }
  return expression_tree_mutator(node, tree_mutator(as_result), context);
}

RangeTblEntry* store_entry(const Found* found) {
  TupleDesc desc = found->rows.desc;
  auto* entry = makeNode(RangeTblEntry);
  entry->rtekind = RTE_NAMEDTUPLESTORE;
  entry->enrname = found->name;
  entry->enrtuples = static_cast<Cardinality>(found->rows.rows);
  entry->inFromCl = true;
  entry->eref = makeAlias(found->name, NIL);
  for (int i = 0; i < desc->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    entry->eref->colnames = lappend(entry->eref->colnames, makeString(pstrdup(NameStr(attribute->attname))));
    entry->coltypes = lappend_oid(entry->coltypes, attribute->atttypid);
    entry->coltypmods = lappend_int(entry->coltypmods, attribute->atttypmod);
    entry->colcollations = lappend_oid(entry->colcollations, attribute->attcollation);
  }
  return entry;
}

// The block's query over its rows: what stood above the groups is left.
void read_store(const Found* found) {
  Block* block = found->block;
  Query* query = block->query;
  query->targetList = reinterpret_cast<List*>(as_result(reinterpret_cast<Node*>(block->target_list), block));
  Node* having = as_result(block->having, block);
  auto* reference = makeNode(RangeTblRef);
  reference->rtindex = 1;
  query->rtable = list_make1(store_entry(found));
  query->jointree = makeFromExpr(list_make1(reference), having);
  query->havingQual = nullptr;
  query->groupClause = NIL;
  query->cteList = NIL;
  query->hasAggs = false;
  drop_permissions(query);
  drop_group_entry(query);
  if (block->top != nullptr) read_totals(block);
}

// A WITH that blocks alone have read is read by nobody now. One that the rest reads too stays what it was: how often it
// is read tells the planner whether to keep its rows.
void forget_readers(const List* done) {
  for (int change : {-1, 1}) {
    ListCell* cell;
    foreach (cell, done) {
      const Block* block = static_cast<Found*>(lfirst(cell))->block;
      for (int i = 0; i < block->side_count; i++) {
        CommonTableExpr* cte = block->sides[i].cte;
        if (cte != nullptr && (change < 0 || cte->cterefcount > 0)) cte->cterefcount += change;
      }
    }
  }
}

QueryEnvironment* environment(const List* all) {
  QueryEnvironment* made = create_queryEnv();
  ListCell* cell;
  foreach (cell, all) {
    auto* found = static_cast<Found*>(lfirst(cell));
    auto* relation = static_cast<EphemeralNamedRelation>(palloc0(sizeof(EphemeralNamedRelationData)));
    relation->md.name = found->name;
    relation->md.reliddesc = InvalidOid;
    relation->md.tupdesc = found->rows.desc;
    relation->md.enrtype = ENR_NAMED_TUPLESTORE;
    relation->md.enrtuples = static_cast<double>(found->rows.rows);
    relation->reldata = found->rows.store;
    register_ENR(made, relation);
  }
  return made;
}

// The blocks that came to an end.
List* run_blocks(const List* blocks, const char* label) {
  List* done = NIL;
  ListCell* cell;
  foreach (cell, blocks) {
    auto* found = static_cast<Found*>(palloc0(sizeof(Found)));
    found->block = static_cast<Block*>(lfirst(cell));
    found->name = psprintf("dap_block_%d", foreach_current_index(cell) + 1);
    TimestampTz begin = GetCurrentTimestamp();
    bool ended = run_block(found->block, &found->rows);
    long milliseconds = TimestampDifferenceMilliseconds(begin, GetCurrentTimestamp());
    if (!ended) {
      ereport(DEBUG1,
              (errmsg_internal("%s: a block was given up after %ld ms and is left to SQL", label, milliseconds)));
      continue;
    }
    const BlockRows& rows = found->rows;
    const char* first = found->block->top == nullptr
                            ? ""
                            : psprintf(", of which the first %lld were taken", static_cast<long long>(rows.rows));
    ereport(DEBUG1, (errmsg_internal("%s: a block read %lld rows of %s into %lld groups%s, %ld ms", label,
                                     static_cast<long long>(rows.read), relation_label(found->block->sides[0].relation),
                                     static_cast<long long>(rows.groups), first, milliseconds)));
    done = lappend(done, found);
  }
  return done;
}

void run_rest(Query* query, const char* sql, List* done, DestReceiver* into) {
  PlannedStmt* plan = plan_query(query, sql);
  QueryDesc* desc =
      CreateQueryDesc(plan, sql, GetActiveSnapshot(), InvalidSnapshot, into, nullptr, environment(done), 0);
  ExecutorStart(desc, 0);
  run_to_end(desc);
  ExecutorFinish(desc);
  ExecutorEnd(desc);
  FreeQueryDesc(desc);
}

}  // namespace

Query* select_query(const char* sql) {
  List* statements = pg_parse_query(sql);
  if (list_length(statements) != 1) return nullptr;
  List* queries = pg_analyze_and_rewrite_fixedparams(linitial_node(RawStmt, statements), sql, nullptr, 0, nullptr);
  if (list_length(queries) != 1) return nullptr;
  auto* query = linitial_node(Query, queries);
  return query->commandType == CMD_SELECT ? query : nullptr;
}

bool read_by_blocks(const char* sql, const char* label, DestReceiver* into) {
  Query* query = select_query(sql);
  if (query == nullptr) return false;
  Query* whole = static_cast<Query*>(copyObjectImpl(query));
  FoundBlocks found = search_blocks(query);
  ListCell* cell;
  foreach (cell, found.refused)
    ereport(DEBUG1,
            (errmsg_internal("%s: a block stays with SQL: %s", label, static_cast<Block*>(lfirst(cell))->forbidden)));
  if (found.runnable == NIL) return false;
  check_permissions(whole, sql);
  List* done = run_blocks(found.runnable, label);
  if (done == NIL) return false;
  foreach (cell, done) read_store(static_cast<Found*>(lfirst(cell)));
  forget_readers(done);
  run_rest(query, sql, done, into);
  foreach (cell, done) tuplestore_end(static_cast<Found*>(lfirst(cell))->rows.store);
  return true;
}

}  // namespace dap
