// The module's entrance.
#include "bridge/pg.h"

#include "pg/settings.h"

DAP_MODULE_MAGIC;

void _PG_init(void) {
  dap::define_settings();
}
