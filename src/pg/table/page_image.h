// Rows of a source's plain heap, formed straight into page images.
#pragma once

#include "bridge/pg.h"
#include "pg/csv/csv_reader.h"

namespace dap {

// What all rows of a file have in common. Attributes 1 and 2 are the line (bigint) and the file (integer), all others
// text.
struct RowForm {
  int attributes;
  const int* fields;  // `fields[a]` is the file's column of attribute a + 1, -1: NULL
  int32 file_id;
  TransactionId xid;
  CommandId command;
};

struct RowSize {
  Size header;
  Size length;  // with the header, not aligned
  bool has_null;
};

RowSize row_size(const RowForm*, const CsvField* record);
// Adds the row to an image that has room for it.
void image_add_row(const RowForm*, Page, const RowSize*, const CsvField* record, int64 line);

}  // namespace dap
