// Where the rows of a file are: which blocks of its source's table hold them, as the ledger keeps it.
#pragma once

#include "bridge/pg.h"
#include "engine/blocks/block_ranges.h"

namespace dap {

// The ranges as an int8multirange's text; NULL gives NULL.
const char* blocks_text(const BlockRanges*);

}  // namespace dap
