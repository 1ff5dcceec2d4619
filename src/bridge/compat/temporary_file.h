// Writing to the server's temporary files.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "storage/fd.h"
#include "utils/wait_event.h"
}

namespace dap {

// How many bytes were written; negative with errno set where none could be.
inline int write_temporary(File file, const void* data, int bytes, off_t offset) {
#if PG_VERSION_NUM >= 160000
  return static_cast<int>(FileWrite(file, data, static_cast<size_t>(bytes), offset,
                                    WAIT_EVENT_BUFFILE_WRITE));  // of const data, ssize_t since 16 (commit 2d4f1ba6cf)
#else
  return FileWrite(file, const_cast<char*>(static_cast<const char*>(data)), bytes, offset, WAIT_EVENT_BUFFILE_WRITE);
#endif
}

}  // namespace dap
