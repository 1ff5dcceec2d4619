#include "bridge/query.h"

#include "bridge/pg.h"

extern "C" {
#include "executor/tstoreReceiver.h"
#include "utils/queryenvironment.h"
}

namespace dap {
namespace {

constexpr int max_parameters = 32;

void check(int result, const char* sql) {
  if (result < 0) elog(ERROR, "SPI failed: %s: %s", SPI_result_code_string(result), sql);
}

int execute(const char* sql, const Parameter* parameters, int count, bool read_only) {
  if (count > max_parameters) elog(ERROR, "too many parameters");
  Oid types[max_parameters];
  Datum values[max_parameters];
  char nulls[max_parameters];
  for (int i = 0; i < count; i++) {
    types[i] = parameters[i].type;
    values[i] = parameters[i].value;
    nulls[i] = parameters[i].is_null ? 'n' : ' ';
  }
  int result = SPI_execute_with_args(sql, count, types, values, nulls, read_only, 0);
  check(result, sql);
  return result;
}

}  // namespace

uint64 run_statement(const char* sql) { return run_statement(sql, static_cast<const Parameter*>(nullptr), 0); }

uint64 run_statement(const char* sql, const Parameter* parameters, int count) {
  SPI_connect();
  execute(sql, parameters, count, false);
  uint64 processed = SPI_processed;
  SPI_finish();
  return processed;
}

uint64 run_statement(const char* sql, const NamedStore* stores, int count, DestReceiver* into) {
  SPI_connect();
  for (int i = 0; i < count; i++) {
    auto* relation = static_cast<EphemeralNamedRelationData*>(palloc0(sizeof(EphemeralNamedRelationData)));
    relation->md.name = pstrdup(stores[i].name);
    relation->md.tupdesc = stores[i].desc;
    relation->md.enrtype = ENR_NAMED_TUPLESTORE;
    relation->md.enrtuples = stores[i].rows;
    relation->reldata = stores[i].store;
    check(SPI_register_relation(relation), sql);
  }
  SPIExecuteOptions options = {};
  options.dest = into;
  check(SPI_execute_extended(sql, &options), sql);
  uint64 processed = SPI_processed;
  SPI_finish();
  return processed;
}

ResultRows query_rows(const char* sql, const Parameter* parameters, int count, MemoryContext context, ReadAt at) {
  SPI_connect();
  execute(sql, parameters, count, at == ReadAt::active_snapshot);
  ResultRows result = {};
  result.rows = static_cast<int>(SPI_processed);
  if (SPI_tuptable) {
    TupleDesc desc = SPI_tuptable->tupdesc;
    result.columns = desc->natts;
    MemoryContext old = MemoryContextSwitchTo(context);
    Size cells = static_cast<Size>(result.rows) * static_cast<Size>(result.columns) + 1;
    result.values = static_cast<Datum*>(palloc(sizeof(Datum) * cells));
    result.nulls = static_cast<bool*>(palloc(sizeof(bool) * cells));
    for (int row = 0; row < result.rows; row++) {
      for (int column = 0; column < result.columns; column++) {
        Size at = static_cast<Size>(row) * static_cast<Size>(result.columns) + static_cast<Size>(column);
        Form_pg_attribute attribute = TupleDescAttr(desc, column);
        Datum value = SPI_getbinval(SPI_tuptable->vals[row], desc, column + 1, &result.nulls[at]);
        if (!result.nulls[at] && attribute->attlen == -1) value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
        result.values[at] = result.nulls[at] || attribute->attlen == -1
                                ? value
                                : datumCopy(value, attribute->attbyval, attribute->attlen);
      }
    }
    MemoryContextSwitchTo(old);
  }
  SPI_finish();
  return result;
}

char* query_text(const char* sql, const Parameter* parameters, int count) {
  ResultRows result = query_rows(sql, parameters, count, CurrentMemoryContext);
  if (result.rows == 0 || result.nulls[0]) return nullptr;
  return TextDatumGetCString(result.values[0]);
}

DestReceiver* store_receiver(Tuplestorestate* store) {
  DestReceiver* receiver = CreateTuplestoreDestReceiver();
  SetTuplestoreDestReceiverParams(receiver, store, CurrentMemoryContext, false, nullptr, nullptr);
  return receiver;
}

}  // namespace dap
