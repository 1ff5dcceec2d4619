// The module's entrance.
#include "bridge/pg.h"

#include "pg/settings.h"

extern "C" {
// Declared first to be exported: PGDLLEXPORT is empty on 15, and everything else is hidden.
__attribute__((visibility("default"))) const Pg_magic_struct* PG_MAGIC_FUNCTION_NAME(void);
PG_MODULE_MAGIC;

__attribute__((visibility("default"))) void _PG_init(void);

void _PG_init(void) {
  dap::define_settings();
}
}
