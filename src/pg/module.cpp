// The module's entrance.
#include "bridge/pg.h"

#include "pg/aggregate/handed_file.h"
#include "pg/file/ingest_directories.h"
#include "pg/settings.h"

DAP_MODULE_MAGIC;

void _PG_init(void) {
  dap::define_ingest_directories();
  dap::define_settings();
  dap::aggregate::watch_handed_files();
}
