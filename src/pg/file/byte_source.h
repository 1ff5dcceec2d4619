// Where a CSV's bytes come from: a server file, a bytea or a large object, plain or compressed, read in one pass.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>

#include "bridge/pg.h"
#include "engine/reason/reason.h"

namespace dap {

// What tells a file again without reading it. All zero for bytes that are no file.
struct FileIdentity {
  int64 device;
  int64 inode;
  int64 size;      // bytes on disk (compressed)
  int64 mtime_ns;  // since the Unix epoch
  int64 ctime_ns;
};

FileIdentity identity_of(const struct stat*);

enum class Compression : std::uint8_t { automatic, plain, gzip, zstd };

// A fault of the contents (cut or broken compression, a file that changed while it was read): the file fails, the
// statement does not.
struct ContentFault {
  Reason reason;  // none, or truncated_gzip to changed_while_read
  char* message;  // its words, palloc'd
  bool changed;   // while it was read: what was read is no file's content
};

// Allocated in the current memory context, whose end releases its memory; a descriptor ends with byte_source_close or
// with the (sub)transaction that opened it, as transient files do.
struct ByteSource;

// Opens a regular file for reading with O_NONBLOCK|O_CLOEXEC; checks on the descriptor that the current user may read
// there (42501 with the ALTER DATABASE statement as hint; 58P01 absent; 42501 with operating system user, path
// component, owner and mode where the operating system refuses; 42809 for a directory, FIFO or device).
ByteSource* byte_source_open_file(const char* path, Compression);
ByteSource* byte_source_open_bytes(const char* name, const char* data, Size size, Compression);
// A large object read with the current user's rights.
ByteSource* byte_source_open_largeobject(const char* name, Oid object, Compression);

const FileIdentity* byte_source_identity(const ByteSource*);
// Bytes of input (compressed) in all and used so far, for progress.
int64 byte_source_total(const ByteSource*);
int64 byte_source_used(const ByteSource*);

// Reads up to `capacity` decompressed bytes, fewer only at the end or before a fault; 0 is the end or a fault. Raises
// only for the operating system's errors (58030) and interrupts.
Size byte_source_read(ByteSource*, char* buffer, Size capacity);
// What a buffer of `capacity` bytes can ever get of it at once: less where the source is few bytes in memory. At
// least 1.
Size byte_source_most(const ByteSource*, Size capacity);
// Back to the first byte, for a second pass.
void byte_source_rewind(ByteSource*);
// The same, and from now on the bytes come as they are: what cannot be decompressed still has a hash.
void byte_source_rewind_undecoded(ByteSource*);
const ContentFault* byte_source_fault(const ByteSource*);
// Compares the descriptor's size and times with those at opening (and that the bytes read agree); call at the end of
// reading. Where only the inode's change time is another (a rename, a link, a chmod) the bytes are read a second time
// and compared, and the identity takes the new time.
void byte_source_check_unchanged(ByteSource*);
// XXH3-128 (canonical big-endian bytes) and length of the decompressed bytes read since opening or rewinding.
void byte_source_hash(const ByteSource*, uint8 hash[16], int64* length);
// Gives the descriptor and the buffers back; identity, hash and fault stay.
void byte_source_close(ByteSource*);

// One file that a path means.
struct FoundFile {
  char* path;             // absolute
  FileIdentity identity;  // when it was found
};

// The files that `path` (file, directory, or glob; relative ones below each dap.ingest_directories entry) means now, in
// natural order of name (C collation, runs of digits as numbers), duplicates removed. Errors as for opening; a glob
// without match gives an empty list, a missing file or directory is 58P01. Takes no dot files, *.tmp, *.part,
// *.filepart.
List* find_files(const char* path);  // of FoundFile*

// Compares names in natural order: C collation, runs of digits as numbers (then by length of the run's zeros).
int natural_compare(const char* a, const char* b);

}  // namespace dap
