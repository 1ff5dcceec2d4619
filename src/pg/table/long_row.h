// Rows of very long texts, formed with one copy of each text.
#pragma once

#include "bridge/pg.h"
#include "pg/csv/csv_reader.h"

namespace dap {

// From this size on a row is worth forming so.
constexpr Size long_row_bytes = 1024 * 1024;

// What heap_form_tuple makes of the row, in the current memory context, but without a datum of each text beforehand:
// `texts[a]`, where it is not NULL, is the text of attribute a + 1; elsewhere `values` and `nulls` hold, and are of
// types passed by value.
HeapTuple long_row_form(TupleDesc desc, const CsvField* const* texts, const Datum* values, const bool* nulls);

}  // namespace dap
