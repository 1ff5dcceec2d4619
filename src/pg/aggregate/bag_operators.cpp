// Sum, difference, equality and hash of dap.bag.
#include <new>

#include "pg/aggregate/bag_value.h"

extern "C" {
#include "access/detoast.h"
#include "common/hashfn.h"
}

namespace dap::aggregate {

namespace {

Datum combined(Datum a, Datum b, bool subtract) {
  auto* memory = new (palloc(sizeof(ContextMemory))) ContextMemory(CurrentMemoryContext);
  auto* work = static_cast<bag::Combination*>(palloc(sizeof(bag::Combination)));
  const Size size = combine_bags(work, bag_bytes(a), bag_bytes(b), subtract, memory);
  const Datum result = bag_datum(work->writer, size);
  bag::release_combination(work);
  return result;
}

// Equal multisets have equal bytes.
bool equal(Datum a, Datum b) {
  if (toast_raw_datum_size(a) != toast_raw_datum_size(b)) return false;
  const BagBytes first = bag_bytes(a), second = bag_bytes(b);
  return first.size == second.size && memcmp(first.data, second.data, first.size) == 0;
}

}  // namespace

}  // namespace dap::aggregate

DAP_FUNCTION(dap_bag_add) { PG_RETURN_DATUM(dap::aggregate::combined(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), false)); }

DAP_FUNCTION(dap_bag_subtract) {
  PG_RETURN_DATUM(dap::aggregate::combined(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), true));
}

DAP_FUNCTION(dap_bag_equal) { PG_RETURN_BOOL(dap::aggregate::equal(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1))); }

DAP_FUNCTION(dap_bag_not_equal) { PG_RETURN_BOOL(!dap::aggregate::equal(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1))); }

DAP_FUNCTION(dap_bag_hash) {
  const dap::aggregate::BagBytes bytes = dap::aggregate::bag_bytes(PG_GETARG_DATUM(0));
  return hash_any(bytes.data, static_cast<int>(bytes.size));
}

DAP_FUNCTION(dap_bag_hash_extended) {
  const dap::aggregate::BagBytes bytes = dap::aggregate::bag_bytes(PG_GETARG_DATUM(0));
  return hash_any_extended(bytes.data, static_cast<int>(bytes.size), static_cast<uint64>(PG_GETARG_INT64(1)));
}
