// What of a model a refresh runs in the engine, and what forbids it for the rest.
#include "bridge/pg.h"
#include "bridge/run_as.h"
#include "bridge/settings.h"
#include "pg/block/block_query.h"
#include "pg/block/block_search.h"
#include "pg/catalog/model.h"
#include "pg/catalog/query_text.h"
#include "pg/catalog/source.h"
#include "pg/clean/clean_share.h"
#include "pg/settings.h"

namespace dap {
namespace {

constexpr const char* engine_is_off = "dap.engine is off";

struct Explanation {
  ReturnSetInfo* result;
  int parts;
};

void put_part(Explanation* to, const char* reads, bool in_engine, const char* does, const char* forbids) {
  Datum values[5] = {Int32GetDatum(++to->parts), reads == nullptr ? 0 : CStringGetTextDatum(reads),
                     CStringGetTextDatum(in_engine ? "engine" : "SQL"), CStringGetTextDatum(does),
                     forbids == nullptr ? 0 : CStringGetTextDatum(forbids)};
  bool nulls[5] = {false, reads == nullptr, false, false, forbids == nullptr};
  tuplestore_putvalues(to->result->setResult, to->result->setDesc, values, nulls);
}

// The tables that were found before the engine gave the block up, or all.
const char* tables_of(const Block* block) {
  StringInfoData tables;
  initStringInfo(&tables);
  for (int i = 0; i < block->side_count; i++)
    if (OidIsValid(block->sides[i].relation))
      appendStringInfo(&tables, "%s%s", tables.len > 0 ? ", " : "", relation_label(block->sides[i].relation));
  return tables.len > 0 ? tables.data : nullptr;
}

const char* work_of(const Block* block) {
  StringInfoData work;
  initStringInfo(&work);
  if (block->side_count == 2) appendStringInfoString(&work, "join, ");
  int keys = list_length(block->query->groupClause);
  if (keys == 0 && !block->query->hasAggs) appendStringInfoString(&work, "distinct rows");
  else if (keys == 0) appendStringInfoString(&work, "one group");
  else appendStringInfo(&work, "groups by %d column%s", keys, keys == 1 ? "" : "s");
  if (block->top != nullptr) appendStringInfo(&work, ", of each partition the first %d", block->top->wanted);
  return work.data;
}

void explain_query(Explanation* to, const Model* model) {
  RunAs owner = run_as_model(model);
  set_setting("row_security", "off");
  Query* query = select_query(statement_text(model->query));
  FoundBlocks found = query == nullptr ? FoundBlocks{NIL, NIL} : search_blocks(query);
  ListCell* cell;
  foreach (cell, found.runnable) {
    auto* block = static_cast<Block*>(lfirst(cell));
    put_part(to, tables_of(block), setting_engine, work_of(block), setting_engine ? nullptr : engine_is_off);
    MemoryContextDelete(block->context);
  }
  foreach (cell, found.refused) {
    auto* block = static_cast<Block*>(lfirst(cell));
    put_part(to, tables_of(block), false, work_of(block), block->forbidden);
  }
  bool whole = found.runnable == NIL && found.refused == NIL;
  put_part(to, nullptr, false, whole ? "the query" : "the rest, over what the parts above give",
           whole ? "no groups" : nullptr);
  run_as_end(&owner);
}

void explain_clean(Explanation* to, const Model* model) {
  require_source_table(model->source_id);
  RunAs owner = run_as_model(model);
  Relation target = table_open(model->relation, AccessShareLock);
  Relation source = table_open(model->upstream[0], AccessShareLock);
  const char* forbids = setting_engine ? forbids_bulk_clean(model, source, target) : engine_is_off;
  const char* does = model->latest_by_count > 0 ? "types, and of each key the latest by value"
                                                : "types, and of each key the record that arrived last";
  put_part(to, relation_label(RelationGetRelid(source)), forbids == nullptr, does, forbids);
  table_close(source, NoLock);
  table_close(target, NoLock);
  run_as_end(&owner);
}

}  // namespace
}  // namespace dap

// dap_internal.explain_model(model_id integer): part, reads, runs_in, does, forbids
DAP_FUNCTION(dap_explain_model) {
  using namespace dap;
  InitMaterializedSRF(fcinfo, 0);
  Explanation to = {reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo), 0};
  ListCell* cell;
  foreach (cell, all_models()) {
    auto* model = static_cast<Model*>(lfirst(cell));
    if (model->model_id != PG_GETARG_INT32(0)) continue;
    if (model->label == nullptr)
      ereport(ERROR,
              (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("the table of model %s does not exist any more", model->name)));
    if (model->is_clean) explain_clean(&to, model);
    else explain_query(&to, model);
  }
  return static_cast<Datum>(0);
}
