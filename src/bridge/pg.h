// The only way to PostgreSQL's headers. Include it after every standard and engine header: the server's macros break
// them.
#pragma once
#pragma GCC system_header  // the server's own headers are not clean under -Wall -Wextra as C++20

extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_largeobject_metadata.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "commands/progress.h"
#include "commands/sequence.h"
#include "common/shortest_dec.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/be-fsstubs.h"
#include "libpq/libpq-fs.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "parser/parse_type.h"
#include "parser/scansup.h"
#include "pgstat.h"
#include "pgtime.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/large_object.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/backend_progress.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/formatting.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"
#include "utils/varlena.h"
#include "utils/wait_event.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
}

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 200000
#error "dap_analytics supports PostgreSQL 15 to 19"
#endif

// Every error that the module raises carries this domain: the only sound way to tell them from the server's own
// (pg/run/redact.h).
#undef TEXTDOMAIN
#define TEXTDOMAIN "dap_analytics"

#undef Min
#undef Max
#undef printf
#undef fprintf
#undef sprintf
#undef snprintf
#undef vsnprintf
#undef vprintf
#undef vfprintf
#undef strerror
#undef strerror_r
#undef gettext

// A function of the module that SQL can call: it and its info record are exported though everything else is hidden
// (PGDLLEXPORT says so itself from PostgreSQL 16 on, commit 089480c07705).
#define DAP_FUNCTION(name)                                                             \
  extern "C" {                                                                         \
  __attribute__((visibility("default"))) const Pg_finfo_record* pg_finfo_##name(void); \
  __attribute__((visibility("default"))) Datum name(PG_FUNCTION_ARGS);                 \
  PG_FUNCTION_INFO_V1(name);                                                           \
  }                                                                                    \
  Datum name(PG_FUNCTION_ARGS)

// Stands once in the module: the block that the server checks before it accepts the library.
#define DAP_MODULE_MAGIC                                                             \
  extern "C" {                                                                       \
  __attribute__((visibility("default"))) const Pg_magic_struct* Pg_magic_func(void); \
  __attribute__((visibility("default"))) void _PG_init(void);                        \
  PG_MODULE_MAGIC;                                                                   \
  }                                                                                  \
  static_assert(true)
