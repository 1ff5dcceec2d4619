// States of dap.top_n between processes: combine, serialize, deserialize.
#include <new>

#include "pg/aggregate/call_context.h"
#include "pg/aggregate/top_n.h"

#include "bridge/engine_call.h"

namespace dap::aggregate {

namespace {

using quantile::Decimal;
using top::Entry;
using top::ImageEntry;
using top::KeyKind;
using top::Table;

constexpr uint32 a_time = 4096;

void check_called_as_aggregate(FunctionCallInfo fcinfo) {
  if (AggCheckCallContext(fcinfo, nullptr) == 0) raise_not_aggregate();
}

[[noreturn]] void raise_bad_image() {
  ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid state of dap.top_n"),
                  errdetail("The bytes are not a state of version %d, or they are damaged.", top::image_version)));
}

[[noreturn]] void raise_items_vary() {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("the number of items is not the same in all rows of a group"),
                  errhint("Ask for the most that is needed, and take the first of them.")));
}

// Whether all texts are valid in the database's encoding: nothing else looks at their bytes again.
bool texts_valid(KeyKind kind, const bytea* image) {
  if (kind != KeyKind::text) return true;
  const auto* at = reinterpret_cast<const unsigned char*>(VARDATA_ANY(image));
  const unsigned char* const end = at + VARSIZE_ANY_EXHDR(image);
  at += top::header_size;
  ImageEntry entry;
  for (uint32 i = 0; top::next_entry(kind, &at, end, &entry); i++) {
    if (i % a_time == 0) CHECK_FOR_INTERRUPTS();
    if (!pg_verifymbstr(reinterpret_cast<const char*>(entry.text), static_cast<int>(entry.text_length), true))
      return false;
  }
  return true;
}

// The entry of a key of an image.
Entry* entry_like(TopState* state, const ImageEntry& from) {
  Entry* entry = nullptr;
  const EngineFault fault = try_engine([&] {
    Table* table = &state->table;
    entry = from.is_null                     ? top::entry_of_null(table, state->memory())
            : table->kind == KeyKind::number ? top::entry_of(table, from.number, state->memory())
                                             : top::entry_of(table, from.text, from.text_length, state->memory());
  });
  raise_engine_fault(fault, "dap.top_n");
  return entry;
}

// What stands in an image of an entry; `rest` is where its bytes go, with room for them.
ImageEntry image_entry(KeyKind kind, const Entry& entry) {
  ImageEntry image{};
  image.is_null = entry.is_null;
  if (!entry.is_null && kind == KeyKind::number) {
    image.number = entry.key.number;
  } else if (!entry.is_null) {
    image.text = entry.key.text->data();
    image.text_length = entry.key.text->length;
  }
  image.units = entry.amount.units;
  image.groups = entry.amount.groups;
  image.scale = entry.amount.scale;
  if (entry.amount.rest == nullptr) return image;
  const auto* stored = static_cast<const varlena*>(entry.amount.rest);
  const Decimal decimal =
      quantile::read_numeric(reinterpret_cast<const unsigned char*>(VARDATA(stored)), VARSIZE(stored) - VARHDRSZ);
  if (decimal.sort == quantile::DecimalClass::zero) return image;
  image.rest_length = quantile::decimal_bytes_length(decimal);
  auto* bytes = static_cast<unsigned char*>(palloc(image.rest_length));
  quantile::write_decimal_bytes(decimal, bytes);
  image.rest = bytes;
  return image;
}

bytea* serialize(const TopState* state) {
  const Table& table = state->table;
  Size size = top::header_size;
  for (uint32 i = 0; i < table.count; i++) {
    if (i % a_time == 0) CHECK_FOR_INTERRUPTS();
    const ImageEntry entry = image_entry(table.kind, table.entries[i]);
    size += top::entry_size(table.kind, entry);
    if (entry.rest != nullptr) pfree(const_cast<unsigned char*>(entry.rest));
  }
  if (size > MaxAllocSize - VARHDRSZ)
    ereport(ERROR,
            (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
             errmsg("the sums of dap.top_n are too large to be sent to another process"),
             errdetail("They take %zu bytes; the limit is %zu.", size, static_cast<Size>(MaxAllocSize - VARHDRSZ)),
             errhint("SET max_parallel_workers_per_gather = 0 computes them in one process.")));
  auto* image = static_cast<bytea*>(palloc(VARHDRSZ + size));
  SET_VARSIZE(image, VARHDRSZ + size);
  unsigned char* out =
      top::write_header({table.kind, state->wanted, table.count}, reinterpret_cast<unsigned char*>(VARDATA(image)));
  for (uint32 i = 0; i < table.count; i++) {
    if (i % a_time == 0) CHECK_FOR_INTERRUPTS();
    const ImageEntry entry = image_entry(table.kind, table.entries[i]);
    out = top::write_entry(table.kind, entry, out);
    if (entry.rest != nullptr) pfree(const_cast<unsigned char*>(entry.rest));
  }
  return image;
}

void add_image(TopState* into, const bytea* image) {
  const auto* at = reinterpret_cast<const unsigned char*>(VARDATA_ANY(image));
  const unsigned char* const end = at + VARSIZE_ANY_EXHDR(image);
  at += top::header_size;
  ImageEntry from;
  for (uint32 i = 0; top::next_entry(into->table.kind, &at, end, &from); i++) {
    if (i % a_time == 0) CHECK_FOR_INTERRUPTS();
    top::Amount amount{};
    amount.units = from.units;
    amount.groups = from.groups;
    amount.scale = from.scale;
    if (from.rest != nullptr) {
      auto* bytes = new (palloc(sizeof(quantile::Bytes) + from.rest_length)) quantile::Bytes{from.rest_length};
      memcpy(bytes->data(), from.rest, from.rest_length);
      amount.rest = DatumGetPointer(bytes_numeric(bytes));
    }
    add_amount(&entry_like(into, from)->amount, amount, into->context);
  }
}

}  // namespace

}  // namespace dap::aggregate

// (internal, internal) -> internal
DAP_FUNCTION(dap_top_n_combine) {
  using namespace dap::aggregate;
  MemoryContext context = nullptr;
  if (AggCheckCallContext(fcinfo, &context) == 0) raise_not_aggregate();
  if (PG_ARGISNULL(1)) {
    if (PG_ARGISNULL(0)) PG_RETURN_NULL();
    PG_RETURN_DATUM(PG_GETARG_DATUM(0));
  }
  const auto* from = reinterpret_cast<const TopState*>(PG_GETARG_POINTER(1));
  auto* into = PG_ARGISNULL(0) ? new_top_state(context, from->table.kind, from->wanted)
                               : reinterpret_cast<TopState*>(PG_GETARG_POINTER(0));
  if (into->table.kind != from->table.kind) raise_bad_image();
  if (into->wanted != from->wanted) raise_items_vary();
  // Wherever the server combines states whose type is internal, it has serialized them before (AGGSPLIT_INITIAL_SERIAL,
  // AGGSPLIT_FINAL_DESERIAL).
  if (from->image == nullptr)
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                    errmsg("a state of dap.top_n was not serialized before it was combined")));
  add_image(into, from->image);
  PG_RETURN_POINTER(into);
}

// (internal) -> bytea
DAP_FUNCTION(dap_top_n_serialize) {
  using namespace dap::aggregate;
  check_called_as_aggregate(fcinfo);
  PG_RETURN_BYTEA_P(serialize(reinterpret_cast<const TopState*>(PG_GETARG_POINTER(0))));
}

// (bytea, internal) -> internal: checks everything, copies nothing; the combine function, called next, reads the bytes
// where they are.
DAP_FUNCTION(dap_top_n_deserialize) {
  using namespace dap::aggregate;
  check_called_as_aggregate(fcinfo);
  bytea* image = PG_GETARG_BYTEA_PP(0);
  dap::top::ImageHeader header{};
  bool good = false;
  auto* memory = new (palloc(sizeof(ContextMemory))) ContextMemory(CurrentMemoryContext);
  const dap::EngineFault fault = dap::try_engine([&] {
    good = dap::top::read_image(reinterpret_cast<const unsigned char*>(VARDATA_ANY(image)), VARSIZE_ANY_EXHDR(image),
                                &header, memory);
  });
  dap::raise_engine_fault(fault, "dap.top_n");
  if (!good || !texts_valid(header.kind, image)) raise_bad_image();
  TopState* state = new_top_state(CurrentMemoryContext, header.kind, header.wanted);
  state->image = image;
  PG_RETURN_POINTER(state);
}
