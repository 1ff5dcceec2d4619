// States of dap.top_n in PostgreSQL's memory.
#pragma once

#include "engine/top/image.h"
#include "engine/top/table.h"

#include "pg/aggregate/quantile_state.h"

namespace dap::aggregate {

// The rest of an amount is a numeric in the state's context.
struct TopState {
  top::Table table;
  int32 wanted;
  MemoryContext context;
  const bytea* image;  // set only by deserialize: everything is in there, until it is combined
  alignas(ContextMemory) char memory_place[sizeof(ContextMemory)];
  std::pmr::memory_resource* memory() { return reinterpret_cast<ContextMemory*>(memory_place); }
};

TopState* new_top_state(MemoryContext context, top::KeyKind kind, int32 wanted);

// Adds a numeric to what an amount keeps beside its units.
void add_rest(top::Amount* amount, Datum numeric, MemoryContext context);
// Units as a numeric of a display scale.
Datum units_numeric(quantile::Int128 units, int groups, int scale);
// Adds one amount to another, whatever their sizes.
void add_amount(top::Amount* into, const top::Amount& from, MemoryContext context);
// The whole sum, with the display scale that sum() gives it.
Datum amount_numeric(const top::Amount& amount);

}  // namespace dap::aggregate
