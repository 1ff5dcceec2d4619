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

// The ranks of files whose records come one after the other, mostly many of one file.
struct FileRanks {
  const ArrivalRank* ranks;
  int count;
  int last;  // where the last record's file was found
};

// Is the file one of these, and where does it arrive?
inline bool rank_of(FileRanks* files, int32 file_id, int32* rank) {
  const ArrivalRank* ranks = files->ranks;
  if (files->last >= files->count || ranks[files->last].file_id != file_id) {
    int low = 0, high = files->count;
    while (low < high) {
      int middle = (low + high) / 2;
      if (ranks[middle].file_id < file_id) low = middle + 1;
      else high = middle;
    }
    if (low == files->count || ranks[low].file_id != file_id) return false;
    files->last = low;
  }
  *rank = ranks[files->last].rank;
  return true;
}

}  // namespace dap
