// Bags as PostgreSQL's values: their bytes, sums and differences, numerics of their elements, errors.
#pragma once

#include "engine/bag/combine.h"
#include "engine/bag/search.h"

#include "pg/aggregate/numeric_value.h"
#include "pg/aggregate/quantile_state.h"

namespace dap::aggregate {

struct BagBytes {
  const unsigned char* data;
  Size size;
};

// What a dap.bag holds, detoasted where it must be.
BagBytes bag_bytes(Datum bag);
// Its header alone, for which a toasted bag is not fetched whole; raises XX001.
bag::Header bag_header(Datum bag);
// A new dap.bag of what a writer ended with.
Datum bag_datum(const bag::Writer& writer, Size size);
Datum bag_datum(BagBytes bytes);

// Raises what stopped the engine: 22003 (negative, too many values), 54000 (too large), XX001 (damaged).
[[noreturn]] void raise_bag_outcome(bag::Outcome outcome);
// Runs a combination that was begun to its end and returns the size of the result; raises.
Size run_combination(bag::Combination* work, bag::Outcome outcome);
// a + b or a - b in `work`, which the caller releases; raises.
Size combine_bags(bag::Combination* work, BagBytes a, BagBytes b, bool subtract, std::pmr::memory_resource* memory);
// Whether the bytes are a bag, the only ones of its multiset.
bool check_bag(BagBytes bytes);

Datum special_numeric(bag::Special special);
// Without trailing zeros behind the point.
Datum key_numeric(int64 key, int scale);
Datum element_numeric(const bag::Element& element, int scale);

// Bags that wait to be added up, of different sizes: each is merged a few times only.
struct Level {
  unsigned char* data;
  Size size;
  bool canonical;
};
constexpr int level_count = 32;
struct Levels {
  MemoryContext context;
  uint64 bytes;
  Level level[level_count];
};
void push_bag(Levels* levels, BagBytes bytes, bool canonical);
// Ends the writer, takes over what it wrote, and releases it; canonical: it is written as a bag must be.
void push_writer(Levels* levels, bag::Writer* writer, bool canonical);
// The sum of all, which stays the levels'.
BagBytes sum_levels(Levels* levels);

}  // namespace dap::aggregate
