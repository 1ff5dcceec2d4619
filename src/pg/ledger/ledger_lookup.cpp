#include "pg/ledger/ledger_lookup.h"

#include <cstring>

#include "bridge/reason_text.h"
#include "bridge/run_as.h"

namespace dap {
namespace {

constexpr int64 at_rest_ns = 2000000000;
constexpr int content_hash_bytes = 16;

enum class LineStatus : unsigned char { loaded, archived, unloaded, dismissed, failed };

AttrNumber column(Oid table, const char* name) {
  AttrNumber attribute = get_attnum(table, name);
  if (attribute <= 0) elog(ERROR, "table %u of the ledger lacks column \"%s\"", table, name);
  return attribute;
}

ScanKeyData key(AttrNumber attribute, RegProcedure equal, Datum value, Oid collation = InvalidOid) {
  ScanKeyData key;
  ScanKeyEntryInitialize(&key, 0, attribute, BTEqualStrategyNumber, InvalidOid, collation, equal, value);
  return key;
}

ScanKeyData source_key(AttrNumber attribute, int32 source_id) {
  return key(attribute, F_INT4EQ, Int32GetDatum(source_id));
}
ScanKeyData path_key(AttrNumber attribute, const char* path) {
  return key(attribute, F_TEXTEQ, CStringGetTextDatum(path), DEFAULT_COLLATION_OID);
}
ScanKeyData bytes_key(AttrNumber attribute, int64 bytes) { return key(attribute, F_INT8EQ, Int64GetDatum(bytes)); }

// What the transaction's own commands wrote so far is seen as well.
Snapshot take_snapshot() {
  CommandCounterIncrement();
  return RegisterSnapshot(GetTransactionSnapshot());
}

// Calls `see` with each tuple that the keys find, until it says that this is enough. The keys are the index's first
// columns, in its order.
template <class See>
void look_up(Oid table, Oid index, ScanKeyData* keys, int count, Snapshot snapshot, See&& see) {
  Relation relation = table_open(table, AccessShareLock);
  SysScanDesc scan = systable_beginscan(relation, index, true, snapshot, count, keys);
  while (HeapTuple tuple = systable_getnext(scan))
    if (see(tuple, RelationGetDescr(relation))) break;
  systable_endscan(scan);
  table_close(relation, NoLock);
}

Datum value_of(HeapTuple tuple, TupleDesc desc, AttrNumber attribute, bool* is_null) {
  return heap_getattr(tuple, attribute, desc, is_null);
}

int64 number_of(HeapTuple tuple, TupleDesc desc, AttrNumber attribute) {
  bool is_null;
  return DatumGetInt64(value_of(tuple, desc, attribute, &is_null));
}

int32 file_id_of(HeapTuple tuple, TupleDesc desc, AttrNumber attribute) {
  bool is_null;
  return DatumGetInt32(value_of(tuple, desc, attribute, &is_null));
}

char* text_of(HeapTuple tuple, TupleDesc desc, AttrNumber attribute) {
  bool is_null;
  Datum value = value_of(tuple, desc, attribute, &is_null);
  return is_null ? nullptr : TextDatumGetCString(value);
}

bool holds_text(HeapTuple tuple, TupleDesc desc, AttrNumber attribute, const char* wanted) {
  char* text = text_of(tuple, desc, attribute);
  bool same = text && std::strcmp(text, wanted) == 0;
  if (text) pfree(text);
  return same;
}

bool holds_content(HeapTuple tuple, TupleDesc desc, const Ledger::Lines& lines, const Content* content) {
  bool no_hash, no_bytes;
  Datum hash = value_of(tuple, desc, lines.content_hash, &no_hash);
  Datum bytes = value_of(tuple, desc, lines.bytes, &no_bytes);
  if (no_hash || no_bytes || DatumGetInt64(bytes) != content->bytes) return false;
  bytea* value = DatumGetByteaPP(hash);
  return VARSIZE_ANY_EXHDR(value) == content_hash_bytes &&
         std::memcmp(VARDATA_ANY(value), content->hash, content_hash_bytes) == 0;
}

LineStatus status_of(HeapTuple tuple, TupleDesc desc, AttrNumber attribute) {
  char* text = text_of(tuple, desc, attribute);
  LineStatus status = LineStatus::failed;
  if (std::strcmp(text, "loaded") == 0) status = LineStatus::loaded;
  else if (std::strcmp(text, "archived") == 0) status = LineStatus::archived;
  else if (std::strcmp(text, "unloaded") == 0) status = LineStatus::unloaded;
  else if (std::strcmp(text, "dismissed") == 0) status = LineStatus::dismissed;
  pfree(text);
  return status;
}

bool is_live(LineStatus status) { return status == LineStatus::loaded || status == LineStatus::archived; }

// The line that decides about a content.
struct Line {
  int32 file_id;  // 0: none
  LineStatus status;
  char* path;
  char* reason;
};

Line line_of(HeapTuple tuple, TupleDesc desc, const Ledger::Lines& lines, int32 file_id, LineStatus status) {
  return {file_id, status, text_of(tuple, desc, lines.path), text_of(tuple, desc, lines.reason)};
}

// What the ledger has of a name and of a content.
struct Known {
  int32 newest_here;       // of the name: the line that was loaded last, whatever became of it since; 0: none
  bool newest_is_content;  // and it holds the content
  int32 oldest_live_here;  // of the name and the content; 0: none
  Line best;               // of the content: not failed; a live line before others, then the newest
  Line failure;            // of the content: the newest that failed under the same definition
  bool has_failures;
};

// Calls `see` with each line of a name, or of a content: tuple, its descriptor, its number and status.
template <class See>
void look_up_name(const Ledger::Lines& lines, const Content* content, Snapshot snapshot, See&& see) {
  ScanKeyData keys[] = {source_key(lines.source_id, content->source_id), path_key(lines.path, content->path)};
  look_up(lines.table, lines.by_path, keys, 2, snapshot, [&](HeapTuple tuple, TupleDesc desc) {
    see(tuple, desc, file_id_of(tuple, desc, lines.file_id), status_of(tuple, desc, lines.status));
    return false;
  });
}

template <class See>
void look_up_content(const Ledger::Lines& lines, const Content* content, Snapshot snapshot, See&& see) {
  auto* hash = static_cast<bytea*>(palloc(VARHDRSZ + content_hash_bytes));
  SET_VARSIZE(hash, VARHDRSZ + content_hash_bytes);
  std::memcpy(VARDATA(hash), content->hash, content_hash_bytes);
  ScanKeyData keys[] = {source_key(lines.source_id, content->source_id), bytes_key(lines.bytes, content->bytes),
                        key(lines.content_hash, F_BYTEAEQ, PointerGetDatum(hash))};
  look_up(lines.table, lines.by_content, keys, 3, snapshot, [&](HeapTuple tuple, TupleDesc desc) {
    see(tuple, desc, file_id_of(tuple, desc, lines.file_id), status_of(tuple, desc, lines.status));
    return false;
  });
}

void see_name(Known* known, const Ledger::Lines& lines, const Content* content, Snapshot snapshot) {
  look_up_name(lines, content, snapshot, [&](HeapTuple tuple, TupleDesc desc, int32 file_id, LineStatus status) {
    if (status == LineStatus::failed) known->has_failures = true;
    if (status == LineStatus::failed || status == LineStatus::dismissed || file_id <= known->newest_here) return;
    known->newest_here = file_id;
    known->newest_is_content = holds_content(tuple, desc, lines, content);
  });
}

void see_content(Known* known, const Ledger::Lines& lines, const Content* content, Snapshot snapshot) {
  look_up_content(lines, content, snapshot, [&](HeapTuple tuple, TupleDesc desc, int32 file_id, LineStatus status) {
    if (status == LineStatus::failed) {
      known->has_failures = true;
      if (file_id > known->failure.file_id && holds_text(tuple, desc, lines.definition_hash, content->definition_hash))
        known->failure = line_of(tuple, desc, lines, file_id, status);
      return;
    }
    const Line* best = &known->best;
    if (best->file_id == 0 || is_live(status) > is_live(best->status) ||
        (is_live(status) == is_live(best->status) && file_id > best->file_id))
      known->best = line_of(tuple, desc, lines, file_id, status);
    if (is_live(status) && (known->oldest_live_here == 0 || file_id < known->oldest_live_here) &&
        holds_text(tuple, desc, lines.path, content->path))
      known->oldest_live_here = file_id;
  });
}

void explain(Decision* decision, Reason why, std::initializer_list<const char*> parts, const char* more = "") {
  decision->why = why;
  decision->reason = psprintf("%s%s", reason_text(why, parts), more);
}

void explain_by(Decision* decision, const Line* line, bool here) {
  const char* file = here ? psprintf("file %d", line->file_id) : psprintf("file %d (%s)", line->file_id, line->path);
  const char* cause = line->reason ? psprintf(": %s", line->reason) : "";
  switch (line->status) {
    case LineStatus::loaded:
      if (here) return explain(decision, Reason::already_loaded, {});
      return explain(decision, Reason::already_loaded_as, {file});
    case LineStatus::archived: return explain(decision, Reason::archived, {file});
    case LineStatus::unloaded: return explain(decision, Reason::unloaded, {file}, cause);
    case LineStatus::dismissed:
      if (here) return explain(decision, Reason::dismissed, {}, cause);
      return explain(decision, Reason::dismissed_as, {file}, cause);
    case LineStatus::failed: {
      const char* reason = line->reason ? line->reason : reason_words(Reason::failed_before);
      if (!here) return explain(decision, Reason::failed_before_as, {reason, file});
      decision->why = Reason::failed_before;
      decision->reason = reason;
    }
  }
}

}  // namespace

Ledger* ledger_open() {
  auto* ledger = static_cast<Ledger*>(palloc(sizeof(Ledger)));
  Ledger::Lines* lines = &ledger->lines;
  lines->table = dap_relation("file_ledger");
  lines->by_path = dap_relation("file_ledger_path_idx");
  lines->by_content = dap_relation("file_ledger_content_idx");
  lines->file_id = column(lines->table, "file_id");
  lines->source_id = column(lines->table, "source_id");
  lines->path = column(lines->table, "path");
  lines->status = column(lines->table, "status");
  lines->reason = column(lines->table, "reason");
  lines->content_hash = column(lines->table, "content_hash");
  lines->bytes = column(lines->table, "bytes");
  lines->definition_hash = column(lines->table, "definition_hash");
  Ledger::Identities* identities = &ledger->identities;
  identities->table = dap_relation("file_identity");
  identities->by_path = dap_relation("file_identity_pkey");
  identities->by_size = dap_relation("file_identity_size_idx");
  identities->source_id = column(identities->table, "source_id");
  identities->path = column(identities->table, "path");
  identities->device = column(identities->table, "device");
  identities->inode = column(identities->table, "inode");
  identities->size = column(identities->table, "size");
  identities->mtime_ns = column(identities->table, "mtime_ns");
  identities->ctime_ns = column(identities->table, "ctime_ns");
  identities->read_ns = column(identities->table, "read_ns");
  identities->content_hash = column(identities->table, "content_hash");
  identities->bytes = column(identities->table, "bytes");
  Ledger::Skips* skips = &ledger->skips;
  skips->table = dap_relation("skip_ledger");
  skips->by_name = dap_relation("skip_ledger_pkey");
  skips->file_id = column(skips->table, "file_id");
  skips->path = column(skips->table, "path");
  ledger->file_ids = dap_relation("file_id_seq");
  return ledger;
}

Decision ledger_decide(const Ledger* ledger, const Content* content) {
  Known known = {};
  Snapshot snapshot = take_snapshot();
  see_name(&known, ledger->lines, content, snapshot);
  see_content(&known, ledger->lines, content, snapshot);
  UnregisterSnapshot(snapshot);

  Decision decision = {};
  decision.renewed = known.newest_here != 0 && !known.newest_is_content;
  decision.has_failures = known.has_failures;
  // A, B, A under one name ends at A: this name carried these bytes, then others.
  bool carried = decision.renewed && is_live(known.best.status) && known.oldest_live_here != 0 &&
                 known.oldest_live_here < known.newest_here;
  const Line* line = known.best.file_id != 0 && !carried ? &known.best : &known.failure;
  if (line->file_id == 0) return decision;
  decision.file_id = line->file_id;
  decision.under_other_name = std::strcmp(line->path, content->path) != 0;
  explain_by(&decision, line, !decision.under_other_name);
  if (line->status == LineStatus::failed) decision.verdict = Verdict::failed;
  else
    decision.verdict =
        line->status == LineStatus::loaded && !decision.under_other_name ? Verdict::known : Verdict::skip;
  return decision;
}

bool ledger_recognise(const Ledger* ledger, int32 source_id, const char* path, const FileIdentity* identity,
                      uint8 hash[16], int64* bytes) {
  if (identity->inode == 0 && identity->device == 0) return false;
  const Ledger::Identities& identities = ledger->identities;
  bool recognised = false;
  ScanKeyData keys[] = {source_key(identities.source_id, source_id), path_key(identities.path, path)};
  Snapshot snapshot = take_snapshot();
  look_up(identities.table, identities.by_path, keys, 2, snapshot, [&](HeapTuple tuple, TupleDesc desc) {
    int64 mtime = number_of(tuple, desc, identities.mtime_ns), ctime = number_of(tuple, desc, identities.ctime_ns);
    if (number_of(tuple, desc, identities.device) != identity->device ||
        number_of(tuple, desc, identities.inode) != identity->inode ||
        number_of(tuple, desc, identities.size) != identity->size || mtime != identity->mtime_ns ||
        ctime != identity->ctime_ns ||
        number_of(tuple, desc, identities.read_ns) - (mtime > ctime ? mtime : ctime) <= at_rest_ns)
      return true;
    bool is_null;
    bytea* value = DatumGetByteaPP(value_of(tuple, desc, identities.content_hash, &is_null));
    if (VARSIZE_ANY_EXHDR(value) != content_hash_bytes) return true;
    std::memcpy(hash, VARDATA_ANY(value), content_hash_bytes);
    *bytes = number_of(tuple, desc, identities.bytes);
    recognised = true;
    return true;
  });
  UnregisterSnapshot(snapshot);
  return recognised;
}

bool ledger_has_size(const Ledger* ledger, int32 source_id, int64 bytes) {
  bool found = false;
  auto see = [&found](HeapTuple, TupleDesc) { return found = true; };
  ScanKeyData lines[] = {source_key(ledger->lines.source_id, source_id), bytes_key(ledger->lines.bytes, bytes)};
  ScanKeyData identities[] = {source_key(ledger->identities.source_id, source_id),
                              bytes_key(ledger->identities.size, bytes)};
  Snapshot snapshot = take_snapshot();
  look_up(ledger->lines.table, ledger->lines.by_content, lines, 2, snapshot, see);
  if (!found) look_up(ledger->identities.table, ledger->identities.by_size, identities, 2, snapshot, see);
  UnregisterSnapshot(snapshot);
  return found;
}

bool ledger_has_skip(const Ledger* ledger, int32 file_id, const char* path) {
  bool found = false;
  ScanKeyData keys[] = {key(ledger->skips.file_id, F_INT4EQ, Int32GetDatum(file_id)),
                        path_key(ledger->skips.path, path)};
  Snapshot snapshot = take_snapshot();
  look_up(ledger->skips.table, ledger->skips.by_name, keys, 2, snapshot,
          [&found](HeapTuple, TupleDesc) { return found = true; });
  UnregisterSnapshot(snapshot);
  return found;
}

// The lines of failed attempts at a name or content (hash NULL: unknown), of int.
static List* failed_lines(const Ledger* ledger, int32 source_id, const char* path, const bytea* hash, int64 bytes) {
  List* failed = NIL;
  auto see = [&failed](HeapTuple, TupleDesc, int32 file_id, LineStatus status) {
    if (status == LineStatus::failed) failed = list_append_unique_int(failed, file_id);
  };
  Content content = {source_id, path, hash ? reinterpret_cast<const uint8*>(VARDATA_ANY(hash)) : nullptr, bytes,
                     nullptr};
  Snapshot snapshot = take_snapshot();
  look_up_name(ledger->lines, &content, snapshot, see);
  if (hash) look_up_content(ledger->lines, &content, snapshot, see);
  UnregisterSnapshot(snapshot);
  return failed;
}

}  // namespace dap

// dap_internal.record_earlier_failures(source_id integer, path text, content_hash bytea, bytes bigint) RETURNS
// integer[]
DAP_FUNCTION(dap_record_earlier_failures) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_NULL();
  bytea* hash = PG_ARGISNULL(2) || PG_ARGISNULL(3) ? nullptr : PG_GETARG_BYTEA_PP(2);
  if (hash && VARSIZE_ANY_EXHDR(hash) != dap::content_hash_bytes) hash = nullptr;
  List* failed = dap::failed_lines(dap::ledger_open(), PG_GETARG_INT32(0), text_to_cstring(PG_GETARG_TEXT_PP(1)), hash,
                                   hash ? PG_GETARG_INT64(3) : 0);
  if (failed == NIL) PG_RETURN_NULL();
  auto* ids = static_cast<Datum*>(palloc(sizeof(Datum) * static_cast<Size>(list_length(failed))));
  for (int i = 0; i < list_length(failed); i++) ids[i] = Int32GetDatum(list_nth_int(failed, i));
  PG_RETURN_ARRAYTYPE_P(construct_array(ids, list_length(failed), INT4OID, sizeof(int32), true, TYPALIGN_INT));
}
