// A clean model's rules, compiled for its table.
#pragma once

#include "bridge/pg.h"
#include "pg/catalog/model.h"
#include "pg/rule/column_rule.h"

namespace dap {

struct CleanRule {
  ColumnRule* rule;
  int target;  // its column's position in the descriptor that it was compiled for
};

struct CleanRules {
  int count;
  CleanRule* rule;
};

// Of a model, of which name, key and columns are looked at. 42804 if a column has another type than its rule.
CleanRules compile_clean_rules(const Model*, TupleDesc);
// The position of a column of the model; 42703 if there is none.
int model_column_position(const Model*, TupleDesc, const char* name);
// The SELECT of the source's records: line and file, then the text of each rule's column in their order.
char* record_query(const Model*, const CleanRules*);

}  // namespace dap
