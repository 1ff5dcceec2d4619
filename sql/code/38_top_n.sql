-- dap.top_n: the keys with the largest sums. Like the other aggregates' support functions, nobody but their owner may
-- execute these, which run no SQL and pin no search_path.

CREATE FUNCTION dap_internal.top_n_add(internal, bigint, numeric, integer) RETURNS internal AS 'MODULE_PATHNAME',
  'dap_top_n_add_number'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.top_n_add(internal, bigint, numeric, integer) IS 'Adds a row to the sums of dap.top_n';

CREATE FUNCTION dap_internal.top_n_add(internal, text, numeric, integer) RETURNS internal AS 'MODULE_PATHNAME',
  'dap_top_n_add_text'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.top_n_add(internal, text, numeric, integer) IS 'Adds a row to the sums of dap.top_n';

CREATE FUNCTION dap_internal.top_n_combine(internal, internal) RETURNS internal AS 'MODULE_PATHNAME',
  'dap_top_n_combine'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.top_n_combine(internal, internal) IS 'Joins two states of dap.top_n';

CREATE FUNCTION dap_internal.top_n_serialize(internal) RETURNS bytea AS 'MODULE_PATHNAME', 'dap_top_n_serialize'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.top_n_serialize(internal) IS 'A state of dap.top_n as bytes';

CREATE FUNCTION dap_internal.top_n_deserialize(bytea, internal) RETURNS internal AS 'MODULE_PATHNAME',
  'dap_top_n_deserialize'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.top_n_deserialize(bytea, internal) IS 'A state of dap.top_n from bytes';

CREATE FUNCTION dap_internal.top_n(internal) RETURNS dap.top_item[] AS 'MODULE_PATHNAME', 'dap_top_n_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.top_n(internal) IS 'The answer of dap.top_n from its state';

-- How many keys a group has nobody can know: room for about a hundred is what the planner counts on.
CREATE AGGREGATE dap.top_n(key bigint, amount numeric, n integer) (
  SFUNC = dap_internal.top_n_add, STYPE = internal, SSPACE = 8192, FINALFUNC = dap_internal.top_n,
  FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap_internal.top_n_combine, SERIALFUNC = dap_internal.top_n_serialize,
  DESERIALFUNC = dap_internal.top_n_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.top_n(bigint, numeric, integer)
  IS 'The n keys with the largest sums, with rank, amount and share of the total; ties by lower key';

CREATE AGGREGATE dap.top_n(key text, amount numeric, n integer) (
  SFUNC = dap_internal.top_n_add, STYPE = internal, SSPACE = 8192, FINALFUNC = dap_internal.top_n,
  FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap_internal.top_n_combine, SERIALFUNC = dap_internal.top_n_serialize,
  DESERIALFUNC = dap_internal.top_n_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.top_n(text, numeric, integer)
  IS 'The n keys with the largest sums, with rank, amount and share of the total; ties by lower key';
