// Which server files and directories the current user may read: decided on the opened descriptor, so that symlinks and
// `..` cannot leave.
#pragma once

#include <sys/stat.h>

#include "bridge/pg.h"

namespace dap {

// What a path leads to, or how far it leads.
struct Location {
  char* real;          // absolute, free of symlinks; where `error` is set, of the component that failed
  int error;           // errno of that component; 0 where the path is there
  struct stat status;  // of the end, where `error` is 0
};

// Follows a path step by step. Raises 42501, with the statement that would allow it, before a step leaves what the
// current user may see; so nobody learns what exists elsewhere. `path` is absolute.
Location locate(const char* path);

// Opens a regular file for reading, as a transient descriptor, and checks on the descriptor what it is. All errors as
// byte_source_open_file has them.
int open_allowed_file(const char* path, struct stat* status);
// Opens a directory to list it, under the same rules; a missing or unreadable one raises.
DIR* open_allowed_directory(const char* path);

// Raises for an errno that `location` or an open reports about `path`: 58P01 absent, 42501 with operating system user,
// component, owner and mode, else by errno.
[[noreturn]] void raise_location_error(const char* path, const Location* location);

// The path without doubled and trailing slashes and `.` components; `..` stays, since symlinks give it a meaning.
// palloc'd.
char* tidy_path(const char* path);
// The directory part of an absolute path; palloc'd.
char* directory_part(const char* path);
// `ALTER DATABASE … SET dap.ingest_directories = '…'` that adds a directory to those there are; palloc'd.
char* allow_statement(const char* directory);

}  // namespace dap
