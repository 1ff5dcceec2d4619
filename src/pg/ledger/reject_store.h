// The rejects of one file while it is read, spilling to disk beyond work_mem.
#pragma once

#include "bridge/pg.h"
#include "pg/csv/csv_reader.h"

namespace dap {

struct RejectStore;

RejectStore* reject_store_open();
void reject_store_add(RejectStore*, const CsvReject*, const char* column_name);
// Forgets them all.
void reject_store_clear(RejectStore*);
int64 reject_store_count(const RejectStore*);
// Writes the first `most` of them, or all (-1), to the ledger, as the current user.
void reject_store_record(RejectStore*, int32 file_id, int32 source_id, int64 run_id, int64 most);
// Appends the first dap.max_kept_rejects as a JSON array of about *room bytes at most, which it takes off *room: raw
// bytes are cut off, then rejects left out.
void reject_store_json(RejectStore*, StringInfo, Size* room);
void reject_store_close(RejectStore*);

}  // namespace dap
