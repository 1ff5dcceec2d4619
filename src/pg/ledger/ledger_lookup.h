// What the ledger knows of a file, found through its indexes without SQL: a plan would depend on statistics, which
// these tables lack or have outgrown while one transaction fills them with thousands of files.
#pragma once

#include "bridge/pg.h"
#include "engine/reason/reason.h"
#include "pg/file/byte_source.h"

namespace dap {

// The ledger's tables, with the indexes and columns that look-ups use.
struct Ledger {
  struct Lines {
    Oid table, by_path, by_content;
    AttrNumber file_id, source_id, path, status, reason, content_hash, bytes, definition_hash;
  } lines;
  struct Identities {
    Oid table, by_path, by_size;
    AttrNumber source_id, path, device, inode, size, mtime_ns, ctime_ns, read_ns, content_hash, bytes;
  } identities;
  struct Skips {
    Oid table, by_name;
    AttrNumber file_id, path;
  } skips;
  Oid file_ids;  // the sequence
};

// A content under a name, and what decides whether it fails again.
struct Content {
  int32 source_id;
  const char* path;
  const uint8* hash;  // 16 bytes
  int64 bytes;
  const char* definition_hash;
};

// known: loaded under this name; skip: loaded under another one, unloaded or dismissed; failed: under the same
// definition.
enum class Verdict : unsigned char { load, known, skip, failed };

struct Decision {
  Verdict verdict;
  int32 file_id;          // of the line that decides; 0 for load
  Reason why;             // none for load
  const char* reason;     // its words; NULL for load
  bool under_other_name;  // the line that decides has another path
  bool renewed;           // the name held other bytes last time
  bool has_failures;      // lines of failed attempts at this name or these bytes are there
};

// Finds the tables; 55000 where they are not the extension's.
Ledger* ledger_open();
// What to do with a content. Sees what this transaction did so far, and in READ COMMITTED what others have committed;
// strings in the current memory context.
Decision ledger_decide(const Ledger*, const Content*);
// The hash and length of what `path` holds, if its line says so of a file with this identity that was at rest for more
// than 2 s when it was read.
bool ledger_recognise(const Ledger*, int32 source_id, const char* path, const FileIdentity*, uint8 hash[16],
                      int64* bytes);
// Is there any line or identity of this many bytes? Then a file may hold bytes that are known.
bool ledger_has_size(const Ledger*, int32 source_id, int64 bytes);
// Was `path` left out before, since the file has its bytes?
bool ledger_has_skip(const Ledger*, int32 file_id, const char* path);

}  // namespace dap
