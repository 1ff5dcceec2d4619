// Transition functions: one value of any kind into a group's state.
#include "pg/aggregate/quantile_state.h"

namespace dap::aggregate {

namespace {

using quantile::Kind;

void add_numeric(QuantileState* state, Datum argument) {
  // Read where it lies, with its short header if it has one: no copy for the alignment.
  varlena* stored = PG_DETOAST_DATUM_PACKED(argument);
  const quantile::Decimal decimal =
      quantile::read_numeric(reinterpret_cast<const unsigned char*>(VARDATA_ANY(stored)), VARSIZE_ANY_EXHDR(stored));
  state_add_decimal(state, decimal);
  if (reinterpret_cast<Pointer>(stored) != DatumGetPointer(argument)) pfree(stored);
}

}  // namespace

}  // namespace dap::aggregate

// (internal, value [, fraction or fractions]) -> internal
DAP_FUNCTION(dap_quantile_add) {
  using namespace dap::aggregate;
  QuantileState* state;
  if (unlikely(PG_ARGISNULL(0))) {
    CallSite* site = call_site(fcinfo);
    if (!site->has_fraction && PG_ARGISNULL(1)) PG_RETURN_NULL();
    Pool* pool = pool_of(fcinfo);
    state = new_state(pool, site->kind);
    if (site->has_fraction) take_fractions(fcinfo, 2, &state->fractions, true, pool->context);
  } else {
    state = reinterpret_cast<QuantileState*>(PG_GETARG_POINTER(0));
    if (state->fractions.shape == dap::quantile::Shape::scalar && !PG_ARGISNULL(2) &&
        PG_GETARG_FLOAT8(2) == state->fractions.scalar) {
      // the same as before: nearly always
    } else if (state->fractions.shape != dap::quantile::Shape::none) {
      take_fractions(fcinfo, 2, &state->fractions, false, state->pool->context);
    }
  }
  if (PG_ARGISNULL(1)) PG_RETURN_POINTER(state);
  switch (state->sample.kind) {
    case dap::quantile::Kind::numeric: add_numeric(state, PG_GETARG_DATUM(1)); break;
    case dap::quantile::Kind::interval: state_add_interval(state, PG_GETARG_INTERVAL_P(1)); break;
    default: {
      const int64 key = datum_key(state->sample.kind, PG_GETARG_DATUM(1));
      while (!dap::quantile::add_key(&state->sample, key)) state_make_room(state);
    }
  }
  PG_RETURN_POINTER(state);
}
