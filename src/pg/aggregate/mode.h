// What dap.mode's ordinary and moving form share.
#pragma once

#include "pg/aggregate/quantile_state.h"

namespace dap::aggregate {

// A value as bytes whose memcmp order, shorter ones first, is the values' order: so many of its key, then its own.
constexpr uint32 sortable_key = 8;
void write_sortable_key(int64 key, unsigned char* out);
// Reads it back, its bytes palloc'd.
quantile::Value sortable_value(const unsigned char* data, uint32 size);

// An input value as its own type has it, and that type.
Oid value_type(quantile::Kind kind);
Datum value_datum(quantile::Kind kind, int groups, const quantile::Value& value);

}  // namespace dap::aggregate
