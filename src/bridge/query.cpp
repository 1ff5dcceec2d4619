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
  if (result == SPI_ERROR_TRANSACTION || result == SPI_ERROR_COPY)
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    result == SPI_ERROR_COPY ? errmsg("cannot COPY to or from the client here")
                                             : errmsg("cannot begin or end a transaction here"),
                    errdetail("The statements run within one that is not finished.")));
  if (result < 0) elog(ERROR, "SPI failed: %s: %s", SPI_result_code_string(result), sql);
}

void execute(const char* sql, const Parameter* parameters, int count, ReadAt at) {
  if (count > max_parameters) elog(ERROR, "too many parameters");
  Oid types[max_parameters];
  Datum values[max_parameters];
  char nulls[max_parameters];
  for (int i = 0; i < count; i++) {
    types[i] = parameters[i].type;
    values[i] = parameters[i].value;
    nulls[i] = parameters[i].is_null ? 'n' : ' ';
  }
  if (at == ReadAt::newest) PushActiveSnapshot(GetLatestSnapshot());
  // What only reads takes the active snapshot for its own.
  check(SPI_execute_with_args(sql, count, types, values, nulls, at != ReadAt::now, 0), sql);
  if (at == ReadAt::newest) PopActiveSnapshot();
}

uint64 execute_into(const char* sql, DestReceiver* into, bool read_only) {
  SPIExecuteOptions options = {};
  options.read_only = read_only;
  options.dest = into;
  check(SPI_execute_extended(sql, &options), sql);
  return SPI_processed;
}

struct FirstValue {
  DestReceiver base;
  MemoryContext context;
  bool has_row;
  char* text;  // NULL: none, or NULL
};

void first_value_startup(DestReceiver* self, int, TupleDesc) {
  auto* first = reinterpret_cast<FirstValue*>(self);
  first->has_row = false;
  first->text = nullptr;
}

bool first_value_receive(TupleTableSlot* slot, DestReceiver* self) {
  auto* first = reinterpret_cast<FirstValue*>(self);
  if (first->has_row) return true;
  first->has_row = true;
  if (slot->tts_tupleDescriptor->natts == 0) return true;
  bool is_null;
  Datum value = slot_getattr(slot, 1, &is_null);
  if (is_null) return true;
  Oid output;
  bool is_varlena;
  getTypeOutputInfo(TupleDescAttr(slot->tts_tupleDescriptor, 0)->atttypid, &output, &is_varlena);
  first->text = MemoryContextStrdup(first->context, OidOutputFunctionCall(output, value));
  return true;
}

void first_value_nothing(DestReceiver*) {}

}  // namespace

uint64 run_statement(const char* sql) { return run_statement(sql, static_cast<const Parameter*>(nullptr), 0); }

uint64 run_statement(const char* sql, const Parameter* parameters, int count) {
  SPI_connect();
  execute(sql, parameters, count, ReadAt::now);
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
  uint64 processed = execute_into(sql, into, false);
  SPI_finish();
  return processed;
}

uint64 read_into(const char* sql, DestReceiver* into) {
  SPI_connect();
  uint64 processed = execute_into(sql, into, true);
  SPI_finish();
  return processed;
}

char* run_for_first_value(const char* statements) {
  FirstValue first = {};
  first.base.receiveSlot = first_value_receive;
  first.base.rStartup = first_value_startup;
  first.base.rShutdown = first.base.rDestroy = first_value_nothing;
  first.base.mydest = DestNone;
  first.context = CurrentMemoryContext;
  SPI_connect();
  (void)execute_into(statements, &first.base, false);
  SPI_finish();
  return first.text;
}

ResultRows query_rows(const char* sql, const Parameter* parameters, int count, MemoryContext context, ReadAt at) {
  SPI_connect();
  execute(sql, parameters, count, at);
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

char* query_text(const char* sql, const Parameter* parameters, int count, ReadAt at) {
  ResultRows result = query_rows(sql, parameters, count, CurrentMemoryContext, at);
  if (result.rows == 0 || result.nulls[0]) return nullptr;
  return TextDatumGetCString(result.values[0]);
}

DestReceiver* store_receiver(Tuplestorestate* store) {
  DestReceiver* receiver = CreateTuplestoreDestReceiver();
  SetTuplestoreDestReceiverParams(receiver, store, CurrentMemoryContext, false, nullptr, nullptr);
  return receiver;
}

}  // namespace dap
