// The list of directories that files may be read from: the setting dap.ingest_directories.
#pragma once

#include "bridge/pg.h"

namespace dap {

// Defines the setting; called once, when the module is loaded.
void define_ingest_directories();

// Entries of dap.ingest_directories as they are written, absolute, without trailing slashes; of char*, palloc'd in the
// current context.
List* ingest_directories();
// The setting's text, for the hint that extends it.
const char* ingest_directories_text();

}  // namespace dap
