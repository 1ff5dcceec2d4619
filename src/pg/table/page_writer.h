// Writes rows of a source's plain heap as whole pages: tuples are formed straight into page images, and batches of
// pages are added to the relation, by parallel workers too where the file is long enough.
#pragma once

#include "engine/blocks/block_ranges.h"
#include "pg/table/page_image.h"

namespace dap {

struct PageWriter;

// `fields` as in RowForm. `expected_bytes`: about how much is coming, 0: unknown. `ring`: keep the pages out of the
// rest of shared buffers. `written` takes the blocks that hold the rows.
PageWriter* page_writer_open(Relation, int32 file_id, const int* fields, int64 expected_bytes, bool ring,
                             BlockRanges* written);
// Adds one row; false if it needs TOAST, then nothing was done.
bool page_writer_add(PageWriter*, const CsvField* record, int64 line);
// Until the next row is added no worker writes, and the transaction is not in parallel mode.
void page_writer_alone(PageWriter*);
// Forgets the rows added since the last image was handed on.
void page_writer_forget(PageWriter*);
// Writes what is buffered and makes the last page's free space known.
void page_writer_finish(PageWriter*);
// After an error, before the rollback, which ends the workers: they are told that nothing more is wanted.
void page_writer_discard(PageWriter*);
// Ends the workers of a load that is given up without an error.
void page_writer_abandon(PageWriter*);

}  // namespace dap
