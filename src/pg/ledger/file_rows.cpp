// dap.file_rows(row, file_id): the rows of one file, read where the ledger says that they are.
//
// What the ledger keeps is where the rows were written. It is believed only if as many rows with that _file_id are
// there as were loaded: VACUUM FULL, CLUSTER or a restore may have moved them, and then the whole table is read.
#include "pg/ledger/file_rows.h"
#include "bridge/query.h"
#include "bridge/run_as.h"

extern "C" {
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"
}

namespace dap {

const char* blocks_text(const BlockRanges* blocks) {
  if (!blocks) return nullptr;
  StringInfoData text;
  initStringInfo(&text);
  for (int i = 0; i < blocks->count; i++)
    appendStringInfo(&text, "%c[%u,%u]", i ? ',' : '{', blocks->ranges[i].first, blocks->ranges[i].last);
  return blocks->count ? appendStringInfoChar(&text, '}'), text.data : "{}";
}

namespace {

// The file's line in the ledger, as far as it is needed here.
struct LoadedFile {
  Oid relation;  // InvalidOid: its source was dropped
  bool live;
  int64 rows;
  bool has_blocks;
  Datum blocks;
};

// The columns as a row of the table's type has them: dropped ones have their place in it.
const char* row_columns(Relation relation) {
  TupleDesc desc = RelationGetDescr(relation);
  StringInfoData columns;
  initStringInfo(&columns);
  for (int i = 0; i < desc->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    appendStringInfo(&columns, "%s%s", i ? ", " : "",
                     attribute->attisdropped ? "NULL::pg_catalog.int4"
                                             : psprintf("t.%s", quote_identifier(NameStr(attribute->attname))));
  }
  return columns.data;
}

// Each range of blocks is a TID range scan.
const char* blocks_query(const char* columns, const char* label, int32 file_id, Datum blocks) {
  MultirangeType* ranges = DatumGetMultirangeTypeP(blocks);
  TypeCacheEntry* type = lookup_type_cache(MultirangeTypeGetOid(ranges), TYPECACHE_MULTIRANGE_INFO);
  StringInfoData query;
  initStringInfo(&query);
  for (uint32 i = 0; i < ranges->rangeCount; i++) {
    RangeBound first, beyond;  // canonical: the upper bound is excluded
    multirange_get_bounds(type->rngtype, ranges, i, &first, &beyond);
    appendStringInfo(&query,
                     "%sSELECT %s FROM ONLY %s t WHERE t.ctid >= '(" INT64_FORMAT ",0)' AND t.ctid < '(" INT64_FORMAT
                     ",0)' AND t._file_id = %d",
                     i ? " UNION ALL " : "", columns, label, DatumGetInt64(first.val), DatumGetInt64(beyond.val),
                     file_id);
  }
  return query.data;
}

LoadedFile find_file(int32 file_id) {
  Parameter parameter = int4_parameter(file_id);
  RunAs ledger = run_as_begin(ledger_owner());
  ResultRows rows = query_rows(
      "SELECT s.relation::pg_catalog.oid, l.status = 'loaded', l.rows_loaded, l.blocks FROM dap_internal.file_ledger l "
      "LEFT JOIN dap_internal.source_definition s ON s.source_id = l.source_id WHERE l.file_id = $1",
      &parameter, 1, CurrentMemoryContext, ReadAt::active_snapshot);
  run_as_end(&ledger);
  if (rows.rows == 0)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("file %d does not exist", file_id),
                    errhint("The files are the lines of dap.files.")));
  LoadedFile file = {};
  file.relation = rows.nulls[0] ? InvalidOid : DatumGetObjectId(rows.values[0]);
  file.live = DatumGetBool(rows.values[1]);
  file.rows = rows.nulls[2] ? 0 : DatumGetInt64(rows.values[2]);
  file.has_blocks = !rows.nulls[3];
  file.blocks = rows.values[3];
  return file;
}

// Fills the store with the query's rows, read as the current user under the active snapshot.
int64 fill(const char* query, Tuplestorestate* store) {
  int settings = NewGUCNestLevel();
  set_config_option("enable_tidscan", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  auto rows = static_cast<int64>(read_into(query, store_receiver(store)));
  AtEOXact_GUC(true, settings);
  return rows;
}

void read_file_rows(const LoadedFile* file, int32 file_id, Tuplestorestate* store) {
  Relation relation = table_open(file->relation, AccessShareLock);
  const char *columns = row_columns(relation), *label = relation_label(file->relation);
  table_close(relation, NoLock);
  if (file->has_blocks && file->rows > 0) {
    if (fill(blocks_query(columns, label, file_id, file->blocks), store) == file->rows) return;
    ereport(DEBUG1,
            (errmsg("the rows of file %d are no longer in the blocks where they were written, the whole table is read",
                    file_id)));
    tuplestore_clear(store);
  }
  // Blocks are known of plain tables only: no partition, and no child's rows.
  fill(
      psprintf("SELECT %s FROM %s%s t WHERE t._file_id = %d", columns, file->has_blocks ? "ONLY " : "", label, file_id),
      store);
}

}  // namespace
}  // namespace dap

DAP_FUNCTION(dap_file_rows) {
  if (PG_ARGISNULL(1)) ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("file_id must not be NULL")));
  int32 file_id = PG_GETARG_INT32(1);
  Oid row_type = get_fn_expr_argtype(fcinfo->flinfo, 0);
  Oid relation = OidIsValid(row_type) ? get_typ_typrelid(row_type) : InvalidOid;
  dap::LoadedFile file = dap::find_file(file_id);
  if (!OidIsValid(file.relation))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("the source of file %d was dropped", file_id)));
  if (!get_rel_name(file.relation))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("the table that file %d was loaded into does not exist any more", file_id)));
  if (relation != file.relation)
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("file %d was loaded into %s", file_id, dap::relation_label(file.relation)),
                    errhint("Call dap.file_rows(NULL::%s, %d).", dap::relation_label(file.relation), file_id)));
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  if (file.live) dap::read_file_rows(&file, file_id, result->setResult);
  return static_cast<Datum>(0);
}
