// Writes records into a source's table: in bulk where that is the plain local heap that create_source made, else
// through the executor.
#pragma once

#include "bridge/pg.h"
#include "engine/blocks/block_ranges.h"
#include "pg/csv/csv_reader.h"

namespace dap {

struct TableWriter;

// `attributes[i]` is the attribute number of the file's column i, 0: the column is ignored. Runs as the table's owner.
// `expected_bytes`: about how much is coming, 0: unknown.
TableWriter* table_writer_open(Relation, int32 file_id, const AttrNumber* attributes, int file_columns,
                               int64 expected_bytes);
// Writes the batch's records. Those that no page can hold are left out: their indexes within the batch are in *too_big,
// *too_big_count of them.
void table_writer_add(TableWriter*, const CsvBatch*, const int** too_big, int* too_big_count);
void table_writer_finish(TableWriter*);
// False while every row added can still be forgotten without a trace in the table.
bool table_writer_has_written(const TableWriter*);
// Forgets the rows added, none of which is written.
void table_writer_forget(TableWriter*);
// Instead of table_writer_finish, where the rows are about to be rolled back: without an error, and after one.
void table_writer_abandon(TableWriter*);
void table_writer_discard(TableWriter*);
// After table_writer_finish: the blocks that hold every row written; NULL where the executor put them somewhere.
const BlockRanges* table_writer_blocks(const TableWriter*);
// True while a statement of the ordinary path runs: an error is then the record's, not ours.
bool table_writer_in_statement(const TableWriter*);
// Records that the table's triggers or rules dropped without an error; the error that is raised for it is the
// statement's.
int64 table_writer_left_out(const TableWriter*);
// The lines of the records that the statement writes or wrote last.
void table_writer_lines(const TableWriter*, int64* first, int64* last);

}  // namespace dap
