// The memory of a hashed aggregation's table, its groups' states apart.
#pragma once

#include "bridge/pg.h"

namespace dap {

inline uint64 hash_table_bytes(const AggState* aggregate) {
  uint64 bytes = aggregate->hash_metacxt->mem_allocated;
  // 18 gave the entries a context of their own (commit cc721c459d), which 19 calls by another name.
#if PG_VERSION_NUM >= 190000
  bytes += aggregate->hash_tuplescxt->mem_allocated;
#elif PG_VERSION_NUM >= 180000
  bytes += aggregate->hash_tablecxt->mem_allocated;
#endif
  return bytes;
}

}  // namespace dap
