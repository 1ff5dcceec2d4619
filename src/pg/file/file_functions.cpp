// SQL's view of this directory: what a path means now, and what reading it gives.
#include "bridge/pg.h"

#include "pg/file/byte_source.h"

namespace dap {

namespace {

constexpr Size kReadBlock = 256 * 1024;

Compression compression_named(const char* name) {
  if (strcmp(name, "auto") == 0) return Compression::automatic;
  if (strcmp(name, "plain") == 0) return Compression::plain;
  if (strcmp(name, "gzip") == 0) return Compression::gzip;
  if (strcmp(name, "zstd") == 0) return Compression::zstd;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown compression \"%s\"", name),
                  errhint("Use auto, plain, gzip or zstd.")));
  pg_unreachable();
}

// Reads a source to its end and returns the one row (length, hash, reason, message) about it.
void return_reading(FunctionCallInfo fcinfo, ByteSource* source) {
  char* buffer = static_cast<char*>(palloc(kReadBlock));
  while (byte_source_read(source, buffer, kReadBlock) > 0) continue;
  byte_source_check_unchanged(source);

  auto* hash = static_cast<bytea*>(palloc(VARHDRSZ + 16));
  SET_VARSIZE(hash, VARHDRSZ + 16);
  int64 length;
  byte_source_hash(source, reinterpret_cast<uint8*>(VARDATA(hash)), &length);
  const ContentFault* fault = byte_source_fault(source);
  bool faulty = fault->reason != Reason::none;
  byte_source_close(source);

  Datum values[4] = {Int64GetDatum(length), PointerGetDatum(hash), 0, 0};
  bool nulls[4] = {false, false, !faulty, !faulty};
  if (faulty) {
    values[2] = CStringGetTextDatum(reason_code(fault->reason));
    values[3] = CStringGetTextDatum(psprintf("%s.", fault->message));
  }
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

}  // namespace

}  // namespace dap

// dap_internal.find_files(path text): one row per file.
DAP_FUNCTION(dap_find_files) {
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  List* files = dap::find_files(text_to_cstring(PG_GETARG_TEXT_PP(0)));
  ListCell* cell;
  foreach (cell, files) {
    auto* file = static_cast<const dap::FoundFile*>(lfirst(cell));
    // Floor, so that a time before 2000 with a fraction is not rounded into the next microsecond.
    int64 mtime = file->identity.mtime_ns;
    int64 microseconds = mtime / 1000 - (mtime % 1000 < 0 ? 1 : 0);
    TimestampTz modified = microseconds - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
    Datum values[3] = {CStringGetTextDatum(file->path), Int64GetDatum(file->identity.size),
                       TimestampTzGetDatum(modified)};
    bool nulls[3] = {false, false, false};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  return static_cast<Datum>(0);
}

// dap_internal.read_bytes(path text, compression text): reads a server file.
DAP_FUNCTION(dap_read_file_bytes) {
  InitMaterializedSRF(fcinfo, 0);
  dap::Compression compression = dap::compression_named(text_to_cstring(PG_GETARG_TEXT_PP(1)));
  dap::return_reading(fcinfo, dap::byte_source_open_file(text_to_cstring(PG_GETARG_TEXT_PP(0)), compression));
  return static_cast<Datum>(0);
}

// dap_internal.read_bytes(content bytea, compression text): reads a value.
DAP_FUNCTION(dap_read_value_bytes) {
  InitMaterializedSRF(fcinfo, 0);
  bytea* content = PG_GETARG_BYTEA_PP(0);
  dap::Compression compression = dap::compression_named(text_to_cstring(PG_GETARG_TEXT_PP(1)));
  dap::return_reading(
      fcinfo, dap::byte_source_open_bytes("bytea", VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content), compression));
  return static_cast<Datum>(0);
}

// dap_internal.read_bytes(object oid, compression text): reads a large object.
DAP_FUNCTION(dap_read_largeobject_bytes) {
  InitMaterializedSRF(fcinfo, 0);
  Oid object = PG_GETARG_OID(0);
  dap::Compression compression = dap::compression_named(text_to_cstring(PG_GETARG_TEXT_PP(1)));
  dap::return_reading(fcinfo,
                      dap::byte_source_open_largeobject(psprintf("large object %u", object), object, compression));
  return static_cast<Datum>(0);
}
