// The seam outward: runs engine code, and turns what it throws into a PostgreSQL error after every C++ frame is gone.
#pragma once

#include <exception>
#include <new>
#include <utility>

#include "bridge/pg.h"

namespace dap {

enum class EngineFault { none, out_of_memory, internal };

// Runs `work`, which must not call PostgreSQL, and says what it threw. The exception is gone when this returns.
template <class Work>
EngineFault try_engine(Work&& work) noexcept {
  try {
    std::forward<Work>(work)();
    return EngineFault::none;
  } catch (const std::bad_alloc&) {
    return EngineFault::out_of_memory;
  } catch (...) {
    return EngineFault::internal;
  }
}

// Raises what try_engine reported: 53200 or XX000. Call it from a frame that owns no C++ object.
inline void raise_engine_fault(EngineFault fault, const char* where) {
  if (fault == EngineFault::none) return;
  if (fault == EngineFault::out_of_memory)
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"), errdetail("Failed in %s.", where)));
  ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("unexpected exception in %s", where)));
}

}  // namespace dap
