// Which of a source's files came later.
#pragma once

#include "bridge/pg.h"

namespace dap {

// What the rule of a source says of "later": one file of the ledger and its rank.
struct ArrivalRank {
  int32 file_id;
  int32 rank;
};
// Loaded files of a source in order of file_id, with their arrival ranks, under the pushed snapshot; as the ledger's
// owner.
ArrivalRank* arrival_ranks(int32 source_id, int* count);

}  // namespace dap
