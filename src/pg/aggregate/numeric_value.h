// The server's numerics of what the engine computes with.
#pragma once

#include "engine/quantile/decimal.h"
#include "engine/quantile/fraction.h"

#include "bridge/pg.h"

namespace dap::aggregate {

Datum text_numeric(const char* text);
// Any decimal, without trailing zeros behind the point.
Datum decimal_numeric(const quantile::Decimal& decimal);
// (1 - part) × low + part × high, which cannot overflow where low + part × (high - low) can.
Datum mixed_numeric(Datum low, Datum high, const quantile::Position& position);
Datum part_numeric(const quantile::Position& position);

}  // namespace dap::aggregate
