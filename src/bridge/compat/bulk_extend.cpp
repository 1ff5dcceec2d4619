#include "bridge/compat/bulk_extend.h"

#include <fcntl.h>
#include <cerrno>

#if PG_VERSION_NUM < 160000
extern "C" {
#include "common/relpath.h"
#include "storage/bufpage.h"
#include "storage/smgr.h"
}
#endif

namespace dap {

#if PG_VERSION_NUM >= 160000

// PostgreSQL 16 (commit 31966b151e6) extends by several pages itself.
int bulk_extend(Relation relation, BufferAccessStrategy strategy, int count, Buffer* buffers) {
  uint32 extended = 0;
  ExtendBufferedRelBy(BMR_REL(relation), MAIN_FORKNUM, strategy, 0, static_cast<uint32>(count), buffers, &extended);
  return static_cast<int>(extended);
}

#else

namespace {

// Reserves the blocks' space in their segment's file, so that a full disk is this statement's error and not the
// checkpointer's.
void reserve(Relation relation, BlockNumber first, int count) {
  char* base = relpathperm(relation->rd_node, MAIN_FORKNUM);
  BlockNumber segment = first / RELSEG_SIZE;
  char* path = segment ? psprintf("%s.%u", base, segment) : base;
  int file = OpenTransientFile(path, O_RDWR | O_CREAT | PG_BINARY);
  if (file < 0) ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path)));
  off_t offset = static_cast<off_t>(first % RELSEG_SIZE) * BLCKSZ;
  int result;
  do {
    CHECK_FOR_INTERRUPTS();
    result = posix_fallocate(file, offset, static_cast<off_t>(count) * BLCKSZ);
  } while (result == EINTR);
  CloseTransientFile(file);
  if (result != 0) {
    errno = result;
    ereport(ERROR, (errcode_for_file_access(), errmsg("could not extend file \"%s\": %m", path),
                    errhint("Check free disk space.")));
  }
  if (path != base) pfree(path);
  pfree(base);
}

// This session's share of the buffers, so that many loads at once, or few buffers, leave some unpinned: as
// LimitAdditionalPins of 16 has it.
int fair_share(int count) {
  int share = NBuffers / MaxBackends;
  return share < 1 ? 1 : share < count ? share : count;
}

}  // namespace

// Each single-page extension of PostgreSQL 15 writes a page of zeros that is written again soon. Here the buffers come
// first, zeroed and locked while nobody can know the blocks yet (a session that finds a block at the relation's end may
// use it at once); then the file grows by all of them, the last one through the storage manager. If that fails, zero
// pages beyond the end stay behind in clean buffers, which every extension expects.
int bulk_extend(Relation relation, BufferAccessStrategy strategy, int count, Buffer* buffers) {
  count = fair_share(count);
  // also in the transaction that made the relation: its parallel workers extend it too
  LockRelationForExtension(relation, ExclusiveLock);
  BlockNumber first = RelationGetNumberOfBlocks(relation);
  BlockNumber left = RELSEG_SIZE - first % RELSEG_SIZE;  // never across a segment's end
  if (static_cast<BlockNumber>(count) > left) count = static_cast<int>(left);
  if (first > MaxBlockNumber - static_cast<BlockNumber>(count))
    ereport(ERROR,
            (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("cannot extend relation \"%s\" beyond %u blocks",
                                                             RelationGetRelationName(relation), MaxBlockNumber)));
  for (int i = 0; i < count; i++) {
    buffers[i] =
        ReadBufferExtended(relation, MAIN_FORKNUM, first + static_cast<BlockNumber>(i), RBM_ZERO_AND_LOCK, strategy);
    if (!PageIsNew(BufferGetPage(buffers[i])))
      ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                      errmsg("unexpected data beyond the end of relation \"%s\"", RelationGetRelationName(relation))));
  }
  reserve(relation, first, count);
  PGAlignedBlock zero = {};
  smgrextend(RelationGetSmgr(relation), MAIN_FORKNUM, first + static_cast<BlockNumber>(count) - 1, zero.data, false);
  for (int i = 0; i < count; i++) LockBuffer(buffers[i], BUFFER_LOCK_UNLOCK);
  UnlockRelationForExtension(relation, ExclusiveLock);
  return count;
}

#endif

}  // namespace dap
