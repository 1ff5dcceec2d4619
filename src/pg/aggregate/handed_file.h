// Temporary files that a parallel worker writes and its leader reads and removes.  They lie below pgsql_tmp in a folder
// that bears the leader's process id: the server clears it away after a crash, the leader at the end of each
// transaction, whatever became of it and of its workers; and before that, as soon as no query needs them: when the
// query has ended, or was cut short, or failed in a subtransaction.
#pragma once

#include "bridge/pg.h"

extern "C" {
#include "nodes/execnodes.h"
}

namespace dap::aggregate {

// Names a file among those of one leader.
struct HandedFile {
  Oid tablespace;  // InvalidOid: no such file
  uint32 launch;   // the shared memory segment through which the writer's leader launched it; 0: the leader wrote it
  uint32 number;
};

// The file that a plan node hands to the leader: one for all its groups, open until the query has ended, so that
// temp_file_limit counts all of it.
struct NodeOutput {
  File file;
  HandedFile name;
  off_t end;
};

// The file to which this process writes the node's states, created at the first call: by a name that nobody else has.
NodeOutput* node_output(AggState* node);
// A file of the same leader, open to be read until the query has ended, and then removed; raises 58P01 when it is not
// there.
File node_input(AggState* node, const HandedFile& name);

// Has what was handed to this process removed at the end of every transaction, and what no query needs any more at a
// subtransaction's abort; called once, when the module is loaded.
void watch_handed_files();

}  // namespace dap::aggregate
