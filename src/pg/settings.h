// The settings (dap.*): definitions, and what the code reads of them.
#pragma once

#include "bridge/pg.h"

namespace dap {

// Defines the settings that no room has to itself, and reserves their prefix; called once, when the module is loaded.
void define_settings();

extern bool setting_engine;              // off: models run as SQL alone
extern int setting_max_reject_bytes;     // of a rejected record's raw bytes that the ledger keeps
extern int setting_max_field_bytes;      // a longer field makes its record a reject
extern int setting_max_record_bytes;     // a longer record is a reject
extern int setting_max_kept_rejects;     // of each failed file's rejects that survive a failed run
extern int setting_max_ingest_workers;   // parallel workers of one load; -1: as the processors allow
extern int setting_max_refresh_workers;  // of one step of a refresh; -1: as the processors allow
extern int setting_chunk_bytes;          // of a file that are read and scanned at a time
extern int setting_largest_sent_state;   // a larger aggregate state goes from a worker to its leader by way of a file
extern int setting_longest_bag_text;     // a bag's longer text is base64

}  // namespace dap
