// Writes rows of a source's plain heap as whole pages: tuples are formed straight into page images, and a batch of pages is
// added to the relation at once, through the buffer manager, with one multi-insert WAL record a page, as COPY writes.
#pragma once

#include "bridge/pg.h"
#include "pg/ingest/csv_reader.h"

namespace dap {

struct PageWriter;

// Attributes 1 and 2 are the line (bigint) and the file (integer), all others text. `fields[a]` is the file's column of attribute a + 1, -1: NULL.
// `ring`: keep the pages out of the rest of shared buffers.
PageWriter* page_writer_open(Relation, int32 file_id, const int* fields, bool ring);
// Adds one row; false if it needs TOAST, then nothing was done.
bool page_writer_add(PageWriter*, const CsvField* record, int64 line);
// Writes what is buffered and makes the last page's free space known.
void page_writer_finish(PageWriter*);

}  // namespace dap
