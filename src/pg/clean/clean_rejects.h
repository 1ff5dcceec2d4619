// What clean steps reject.
#pragma once

#include "bridge/pg.h"
#include "engine/reason/reason.h"
#include "pg/catalog/model.h"
#include "pg/rule/column_rule.h"

namespace dap {

// Rejected records of one clean step: file_id, line, column_name, reason, message, raw, raw_length.
struct CleanRejects {
  TupleDesc desc;
  Tuplestorestate* store;
  int64 count;
};

CleanRejects clean_rejects_open();
void clean_rejects_close(CleanRejects*);

// A record whose field (NULL for NULL) is none of the rule's, and why: as a row of such a store, in the current memory
// context.
MinimalTuple form_reject(TupleDesc, int32 file_id, int64 line, const ColumnRule*, Reason, const char* text, int length);
void add_reject(CleanRejects*, MinimalTuple);

// Replaces the model's rejects in the ledger by these, writing only those that differ; as the ledger's owner.
void record_clean_rejects(const Model*, const CleanRejects*, int64 run_id);

}  // namespace dap
