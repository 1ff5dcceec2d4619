// Temporary files that a parallel worker writes and its leader reads and removes.  They lie below pgsql_tmp in a folder that bears the leader's
// process id: the server clears it away after a crash, the leader at the end of each transaction, whatever became of it and of its workers.
#pragma once

#include "bridge/pg.h"

namespace dap::aggregate {

// Names a file among those of one leader.
struct HandedFile {
  Oid tablespace;
  int32 writer;  // the process that wrote it; 0: no such file
  uint32 number;
};

// Creates a file for the leader of this process (itself, if it is no worker), counted by temp_file_limit; closed with the resource owner at the latest.
File create_handed_file(HandedFile* name);
// Opens a file of the same leader to be read; raises 58P01 when it is not there.
File open_handed_file(const HandedFile& name);
// Removes such a file, if it is still there; raises nothing, and reports to log_temp_files.
void remove_handed_file(const HandedFile& name);

// Has what was handed to this process removed at the end of every transaction; called once, when the module is loaded.
void watch_handed_files();

}  // namespace dap::aggregate
