// States from other processes: deserialize, combine.
#include <algorithm>
#include <new>

#include "engine/quantile/image_parts.h"

#include "pg/aggregate/call_context.h"
#include "pg/aggregate/quantile_state.h"

#include "bridge/engine_call.h"

namespace dap::aggregate {

namespace {

using quantile::Kind;
using quantile::Part;
using quantile::PartReader;
using quantile::Section;
using quantile::Shape;

[[noreturn]] void raise_bad_image() {
  ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid state of an order statistic"),
                  errdetail("The bytes are not a state of version %d, or they are damaged.", quantile::image_version)));
}

// An array of doubles as it stands in an image: what can be trusted after this is what array functions trust.
ArrayType* check_fraction_array(const unsigned char* bytes, uint32 size, MemoryContext context) {
  if (size < sizeof(ArrayType) || size > MaxAllocSize) return nullptr;
  auto* array = static_cast<ArrayType*>(MemoryContextAlloc(context, size));
  memcpy(array, bytes, size);
  if (VARATT_IS_EXTENDED(array) || VARSIZE(array) != size || array->elemtype != FLOAT8OID || array->ndim < 0 ||
      array->ndim > MAXDIM)
    return nullptr;
  const bool has_nulls = array->dataoffset != 0;
  const Size header = has_nulls ? 0 : ARR_OVERHEAD_NONULLS(array->ndim);
  if (size < sizeof(ArrayType) + 2 * sizeof(int) * static_cast<Size>(array->ndim)) return nullptr;
  uint64 items = array->ndim == 0 ? 0 : 1;
  for (int i = 0; i < array->ndim; i++) {
    const int length = ARR_DIMS(array)[i];
    if (length < 1) return nullptr;
    items *= static_cast<uint64>(length);
    if (items > MaxAllocSize / sizeof(Datum)) return nullptr;
    if (ARR_LBOUND(array)[i] > PG_INT32_MAX - length) return nullptr;
  }
  if (!has_nulls) return size == header + items * sizeof(float8) ? array : nullptr;
  if (array->dataoffset != static_cast<int32>(ARR_OVERHEAD_WITHNULLS(array->ndim, static_cast<int>(items))))
    return nullptr;
  uint64 present = 0;
  const uint8* bitmap = ARR_NULLBITMAP(array);
  for (uint64 i = 0; i < items; i++) present += (bitmap[i / 8] >> (i % 8)) & 1;
  return size == static_cast<Size>(array->dataoffset) + present * sizeof(float8) ? array : nullptr;
}

bool fractions_in_range(const Fractions& fractions) {
  if (fractions.shape == Shape::scalar) return fractions.scalar >= 0.0 && fractions.scalar <= 1.0;
  if (fractions.shape != Shape::array) return true;
  Datum* values = nullptr;
  bool* nulls = nullptr;
  int count = 0;
  deconstruct_array(fractions.array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls,
                    &count);
  for (int i = 0; i < count; i++)
    if (!nulls[i] && !(DatumGetFloat8(values[i]) >= 0.0 && DatumGetFloat8(values[i]) <= 1.0)) return false;
  return true;
}

// One value as it stands in an image or a file.
void add_wide_value(QuantileState* into, const unsigned char* bytes, uint32 length, uint16* digits) {
  if (into->sample.kind == Kind::interval) {
    const quantile::IntervalParts parts = quantile::read_interval(bytes);
    Interval interval;
    interval.time = parts.time;
    interval.day = parts.day;
    interval.month = parts.month;
    state_add_interval(into, &interval);
  } else {
    quantile::Decimal decimal;
    if (!quantile::read_decimal_bytes(bytes, length, digits, &decimal)) raise_bad_image();
    state_add_decimal(into, decimal);
  }
}

// What a worker left in a file: taken over where it lies, unless the numerics are of another scale.
void add_file(QuantileState* into, const Section& section, int groups) {
  const quantile::FileReference reference = quantile::file_reference(section);
  Pool* pool = into->pool;
  if (!pool->may_spill || !OidIsValid(reference.tablespace)) raise_bad_image();
  const uint32 file = adopt_file(pool, HandedFile{reference.tablespace, reference.launch, reference.number});
  Extent directory{};
  directory.offset = static_cast<off_t>(reference.offset);
  directory.file = file;
  unsigned char token[sizeof reference.token];
  const off_t size = FileSize(pool->files[file].file);
  if (size < 0 || reference.offset > static_cast<uint64>(size) ||
      sizeof token + uint64{reference.extents} * sizeof(Extent) > static_cast<uint64>(size) - reference.offset)
    raise_bad_image();
  read_extent(pool, directory, 0, token, sizeof token);
  // Who knows the token has written the file: it needs no further checks.
  if (memcmp(token, reference.token, sizeof token) != 0) raise_bad_image();
  const bool same_scale = into->sample.kind != Kind::numeric || into->sample.groups == groups;
  uint64 found = 0;
  int64* keys = nullptr;
  uint16* digits = nullptr;
  auto* listed =
      static_cast<Extent*>(MemoryContextAllocHuge(CurrentMemoryContext, (reference.extents + 1) * sizeof(Extent)));
  read_extent(pool, directory, sizeof token, listed, reference.extents * sizeof(Extent));
  for (uint32 i = 0; i < reference.extents; i++) {
    Extent extent = listed[i];
    extent.file = file;
    found += extent.count;
    if (same_scale) {
      Extent* kept = new_extent(into);
      *kept = extent;
      into->extent_count++;
      into->sample.count += extent.count;
      into->sample.scale_fixed = true;
      continue;
    }
    if (keys == nullptr) {
      keys = static_cast<int64*>(palloc(block_bytes + sizeof(Link)));
      digits = static_cast<uint16*>(palloc(quantile::most_decimal_digits * sizeof(uint16)));
    }
    ExtentReader reader = read_parts(pool, extent);
    if (!extent.wide) {
      while (const uint64 count = read_keys(&reader, keys, block_bytes / sizeof(int64)))
        state_add_keys(into, keys, count, groups);
      continue;
    }
    char* records = nullptr;
    while (const uint64 bytes = read_records(&reader, &records)) {
      for (const char* at = records; at < records + bytes;) {
        uint32 length;
        memcpy(&length, at + 8, 4);
        add_wide_value(into, reinterpret_cast<const unsigned char*>(at + quantile::wide_record_header), length, digits);
        at += quantile::wide_record_header + length;
      }
    }
    end_reading(&reader);
  }
  pfree(listed);
  if (keys != nullptr) pfree(keys);
  if (digits != nullptr) pfree(digits);
  if (found != section.count) raise_bad_image();
}

// Counts arrive in one table: it is taken over, or joined with what is there, if there is memory for it.
void make_table(QuantileState* into, const Section& counts, int groups) {
  Pool* pool = into->pool;
  quantile::Table table;
  if (!quantile::plan_table(into->sample, counts, groups, &table) || !has_room(pool, table.length * sizeof(uint32)))
    return;
  const EngineFault fault =
      try_engine([&] { quantile::set_table(&into->sample, table.base, table.unit, table.length, pool->memory()); });
  raise_engine_fault(fault, "order statistics");
}

// Adds what deserialize has checked.
void add_image(QuantileState* into, const QuantileState* from) {
  PartReader reader;
  quantile::ImageHeader header{};
  header.groups = from->sample.groups;
  header.scale_known = from->sample.scale_known;
  quantile::open_parts(&reader, reinterpret_cast<const unsigned char*>(VARDATA_ANY(from->image)),
                       VARSIZE_ANY_EXHDR(from->image), header, &into->sample);
  uint16* digits = nullptr;
  for (Part part; (part = quantile::next_part(&reader, &into->sample)) != Part::end;) {
    CHECK_FOR_INTERRUPTS();
    switch (part) {
      case Part::table: make_table(into, reader.section, reader.groups); break;
      case Part::keys:
        if (reader.expected > 0 && into->sample.groups == reader.groups) state_expect_keys(into, reader.expected);
        state_add_keys(into, reinterpret_cast<const int64*>(reader.keys), reader.key_count, reader.groups);
        break;
      case Part::wide:
        if (digits == nullptr) digits = static_cast<uint16*>(palloc(quantile::most_decimal_digits * sizeof(uint16)));
        add_wide_value(into, reader.bytes, reader.length, digits);
        break;
      default: add_file(into, reader.section, reader.groups);
    }
  }
  if (digits != nullptr) pfree(digits);
}

}  // namespace

void check_foreign(FunctionCallInfo fcinfo, const QuantileState* state, Oid type, Shape shape) {
  if (state->foreign && (get_func_rettype(fcinfo->flinfo->fn_oid) != type || state->fractions.shape != shape))
    raise_bad_image();
}

}  // namespace dap::aggregate

// (internal, internal) -> internal
DAP_FUNCTION(dap_quantile_combine) {
  using namespace dap::aggregate;
  if (AggCheckCallContext(fcinfo, nullptr) == 0) raise_not_aggregate();
  if (PG_ARGISNULL(1)) {
    if (PG_ARGISNULL(0)) PG_RETURN_NULL();
    PG_RETURN_DATUM(PG_GETARG_DATUM(0));
  }
  const auto* from = reinterpret_cast<const QuantileState*>(PG_GETARG_POINTER(1));
  QuantileState* into;
  if (PG_ARGISNULL(0)) {
    Pool* pool = pool_of(fcinfo);
    into = new_state(pool, from->sample.kind);
    into->fractions = from->fractions;
    if (from->fractions.shape == dap::quantile::Shape::array) {
      const Size size = VARSIZE(from->fractions.array);
      into->fractions.array = static_cast<ArrayType*>(MemoryContextAlloc(pool->context, size));
      memcpy(into->fractions.array, from->fractions.array, size);
    }
  } else {
    into = reinterpret_cast<QuantileState*>(PG_GETARG_POINTER(0));
    if (into->sample.kind != from->sample.kind) raise_bad_image();
    compare_fractions(into->fractions, from->fractions);
  }
  // Wherever the server combines states whose type is internal, it has serialized them before (AGGSPLIT_INITIAL_SERIAL,
  // AGGSPLIT_FINAL_DESERIAL).
  if (from->image == nullptr)
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                    errmsg("a state of an order statistic was not serialized before it was combined")));
  into->foreign = true;
  add_image(into, from);
  PG_RETURN_POINTER(into);
}

// (bytea, internal) -> internal: checks everything, copies nothing; the combine function, called next, reads the bytes
// where they are.
DAP_FUNCTION(dap_quantile_deserialize) {
  using namespace dap::aggregate;
  if (AggCheckCallContext(fcinfo, nullptr) == 0) raise_not_aggregate();
  bytea* image = PG_GETARG_BYTEA_PP(0);
  auto* state = static_cast<QuantileState*>(palloc0(sizeof(QuantileState)));
  auto* memory = new (palloc(sizeof(ContextMemory))) ContextMemory(CurrentMemoryContext);
  dap::quantile::ImageHeader header{};
  const unsigned char* sections = nullptr;
  bool good = false;
  const dap::EngineFault fault = dap::try_engine([&] {
    good = dap::quantile::read_image(reinterpret_cast<const unsigned char*>(VARDATA_ANY(image)),
                                     VARSIZE_ANY_EXHDR(image), &header, &sections, memory);
  });
  dap::raise_engine_fault(fault, "order statistics");
  if (!good) raise_bad_image();
  state->sample.kind = header.kind;
  state->sample.groups = header.groups;
  state->sample.scale_known = header.scale_known;
  state->sample.count = header.count;
  state->fractions.shape = header.shape;
  if (header.shape == dap::quantile::Shape::scalar) memcpy(&state->fractions.scalar, header.fractions, sizeof(float8));
  if (header.shape == dap::quantile::Shape::array) {
    state->fractions.array = check_fraction_array(header.fractions, header.fraction_count, CurrentMemoryContext);
    if (state->fractions.array == nullptr) raise_bad_image();
  }
  if (!fractions_in_range(state->fractions)) raise_bad_image();
  state->image = image;
  PG_RETURN_POINTER(state);
}
