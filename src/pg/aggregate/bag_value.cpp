#include "pg/aggregate/bag_value.h"

#include <algorithm>
#include <new>

#include "bridge/engine_call.h"

namespace dap::aggregate {

using bag::Combination;
using bag::Outcome;

namespace {

constexpr unsigned values_a_step = 1 << 16;  // about a millisecond
const BagBytes nothing{bag::empty_bag, sizeof bag::empty_bag};

std::pmr::memory_resource* memory_of(MemoryContext context) {
  return new (palloc(sizeof(ContextMemory))) ContextMemory(context);
}

int rank_of(Size size) { return std::min<int>(level_count - 1, std::bit_width(size >> 4)); }

Level copy_level(Levels* levels, Size size, bool canonical) {
  levels->bytes += size;
  return Level{static_cast<unsigned char*>(MemoryContextAllocHuge(levels->context, size)), size, canonical};
}

void drop_level(Levels* levels, Level* level) {
  levels->bytes -= level->size;
  pfree(level->data);
  *level = Level{nullptr, 0, false};
}

// The sum of two levels, or one level's true form; both are dropped.
Level merge_levels(Levels* levels, Level* a, Level* b) {
  std::pmr::memory_resource* memory = memory_of(CurrentMemoryContext);
  auto* work = static_cast<Combination*>(palloc(sizeof(Combination)));
  const Size size = combine_bags(work, BagBytes{a->data, a->size}, b != nullptr ? BagBytes{b->data, b->size} : nothing,
                                 false, memory);
  Level sum = copy_level(levels, size, true);
  bag::copy_bag(work->writer, sum.data);
  bag::release_combination(work);
  pfree(work);
  pfree(memory);
  drop_level(levels, a);
  if (b != nullptr) drop_level(levels, b);
  return sum;
}

void push_level(Levels* levels, Level bag) {
  for (;;) {
    Level* place = &levels->level[rank_of(bag.size)];
    if (place->data == nullptr) {
      *place = bag;
      return;
    }
    bag = merge_levels(levels, &bag, place);
  }
}

}  // namespace

BagBytes bag_bytes(Datum bag) {
  varlena* stored = PG_DETOAST_DATUM_PACKED(bag);
  return {reinterpret_cast<const unsigned char*>(VARDATA_ANY(stored)), VARSIZE_ANY_EXHDR(stored)};
}

bag::Header bag_header(Datum datum) {
  varlena* stored = PG_DETOAST_DATUM_SLICE(datum, 0, static_cast<int32>(bag::most_header_bytes));
  bag::Header header;
  if (!bag::read_header(reinterpret_cast<const unsigned char*>(VARDATA_ANY(stored)), VARSIZE_ANY_EXHDR(stored),
                        &header))
    raise_bag_outcome(Outcome::damaged);
  return header;
}

Datum bag_datum(const bag::Writer& writer, Size size) {
  auto* result = static_cast<char*>(palloc(VARHDRSZ + size));
  SET_VARSIZE(result, VARHDRSZ + size);
  bag::copy_bag(writer, reinterpret_cast<unsigned char*>(VARDATA(result)));
  return PointerGetDatum(result);
}

Datum bag_datum(BagBytes bytes) {
  auto* result = static_cast<char*>(palloc(VARHDRSZ + bytes.size));
  SET_VARSIZE(result, VARHDRSZ + bytes.size);
  memcpy(VARDATA(result), bytes.data, bytes.size);
  return PointerGetDatum(result);
}

Datum special_numeric(bag::Special special) {
  return text_numeric(special == bag::minus_infinity ? "-Infinity" : special == bag::infinity ? "Infinity" : "NaN");
}

Datum key_numeric(int64 key, int scale) {
  uint16_t digits[8];
  return decimal_numeric(bag::key_decimal(key, scale, digits));
}

Datum element_numeric(const bag::Element& element, int scale) {
  if (element.bytes == nullptr) return key_numeric(element.key, scale);
  bag::Decimal decimal;
  auto* digits = static_cast<uint16_t*>(palloc(element.length + 2));
  if (!quantile::read_decimal_bytes(element.bytes, element.length, digits, &decimal))
    raise_bag_outcome(Outcome::damaged);
  const Datum result = decimal_numeric(decimal);
  pfree(digits);
  return result;
}

void raise_bag_outcome(Outcome outcome) {
  switch (outcome) {
    case Outcome::negative:
      ereport(ERROR,
              (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("a difference of bags would go below zero"),
               errdetail("The bag that is subtracted holds a value more often than the one it is subtracted from.")));
    case Outcome::too_many:
      ereport(ERROR,
              (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("a bag cannot hold that many values"),
               errdetail("The limit is %lld values, equal ones counted.", static_cast<long long>(bag::most_values))));
    case Outcome::too_large:
      ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                      errmsg("a bag would be larger than %zu MB", bag::most_bag_bytes / 1'000'000),
                      errdetail("As text, in which pg_dump has it, it would be larger than 1 GB."),
                      errhint("Keep several smaller bags, for example one for each day.")));
    default:
      ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("the bytes of a bag are damaged"),
                      errdetail("They are not a bag of version %d.", bag::bag_version)));
  }
}

Size run_combination(Combination* work, Outcome outcome) {
  std::size_t size = 0;
  while (outcome == Outcome::more) {
    CHECK_FOR_INTERRUPTS();
    const EngineFault fault = try_engine([&] { outcome = bag::step_combination(work, values_a_step, &size); });
    raise_engine_fault(fault, "bags");
  }
  if (outcome != Outcome::done) raise_bag_outcome(outcome);
  return size;
}

Size combine_bags(Combination* work, BagBytes a, BagBytes b, bool subtract, std::pmr::memory_resource* memory) {
  Outcome outcome = Outcome::damaged;
  const EngineFault fault =
      try_engine([&] { outcome = bag::begin_combination(work, a.data, a.size, b.data, b.size, subtract, memory); });
  raise_engine_fault(fault, "bags");
  return run_combination(work, outcome);
}

bool check_bag(BagBytes bytes) {
  std::pmr::memory_resource* memory = memory_of(CurrentMemoryContext);
  auto* work = static_cast<Combination*>(palloc(sizeof(Combination)));
  Outcome outcome = Outcome::damaged;
  std::size_t size = 0;
  EngineFault fault = try_engine([&] { outcome = bag::begin_check(work, bytes.data, bytes.size, memory); });
  while (fault == EngineFault::none && outcome == Outcome::more) {
    CHECK_FOR_INTERRUPTS();
    fault = try_engine([&] { outcome = bag::step_combination(work, values_a_step, &size); });
  }
  raise_engine_fault(fault, "bags");
  const bool good = outcome == Outcome::done && bag::is_bag(work->writer, bytes.data, bytes.size);
  bag::release_combination(work);
  pfree(work);
  pfree(memory);
  return good;
}

void push_bag(Levels* levels, BagBytes bytes, bool canonical) {
  Level level = copy_level(levels, bytes.size, canonical);
  memcpy(level.data, bytes.data, bytes.size);
  push_level(levels, level);
}

void push_writer(Levels* levels, bag::Writer* writer, bool canonical) {
  std::size_t size = 0;
  const EngineFault fault = try_engine([&] { size = bag::end_bag(writer); });
  raise_engine_fault(fault, "bags");
  if (writer->too_large) raise_bag_outcome(Outcome::too_large);
  if (writer->values > 0) {
    const Level level = copy_level(levels, size, canonical);
    bag::copy_bag(*writer, level.data);
    bag::release_bag(writer);
    push_level(levels, level);
  } else {
    bag::release_bag(writer);
  }
}

BagBytes sum_levels(Levels* levels) {
  Level sum{nullptr, 0, false};
  for (Level& level : levels->level) {
    if (level.data == nullptr) continue;
    Level next = level;
    level = Level{nullptr, 0, false};
    sum = sum.data == nullptr ? next : merge_levels(levels, &sum, &next);
  }
  if (sum.data == nullptr) return nothing;
  if (!sum.canonical) sum = merge_levels(levels, &sum, nullptr);
  levels->level[rank_of(sum.size)] = sum;
  return {sum.data, sum.size};
}

}  // namespace dap::aggregate
