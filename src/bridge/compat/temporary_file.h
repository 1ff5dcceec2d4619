// Writing to the server's temporary files.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "storage/buffile.h"
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

// Writes to, and reads from, a file that is buffered here; errors are raised.
inline void write_buffered(BufFile* file, const void* data, Size bytes) {
  BufFileWrite(file, const_cast<void*>(data), bytes);  // of const data since 16 (commit 2d4f1ba6cf)
}

inline void read_buffered(BufFile* file, void* data, Size bytes) {
#if PG_VERSION_NUM >= 160000
  BufFileReadExact(file, data, bytes);  // 16 looks itself whether all was there (commit 20428d344a)
#else
  if (BufFileRead(file, data, bytes) != bytes)
    ereport(ERROR, (errcode_for_file_access(), errmsg("could not read from a temporary file: %m")));
#endif
}

}  // namespace dap
