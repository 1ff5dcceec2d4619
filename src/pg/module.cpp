// The module's entrance.
#include "bridge/pg.h"

#include "pg/settings.h"

extern "C" {
PG_MODULE_MAGIC;

__attribute__((visibility("default"))) void _PG_init(void);

void _PG_init(void) { dap::define_settings(); }
}
