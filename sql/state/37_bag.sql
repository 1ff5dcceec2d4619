-- dap.bag: a compressed multiset of numerics as a value. Functions of dap_internal are the type's own; the others are
-- everybody's.
-- None pins a search_path, which would cost a call for every row: the C code behind them runs no SQL.

CREATE TYPE dap.bag;

CREATE FUNCTION dap_internal.bag_in(cstring) RETURNS dap.bag AS 'MODULE_PATHNAME', 'dap_bag_in'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.bag_in(cstring) IS 'Reads a bag as {value:times,...}, such as {1.25:3,2:1}';

CREATE FUNCTION dap_internal.bag_out(dap.bag) RETURNS cstring AS 'MODULE_PATHNAME', 'dap_bag_out'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.bag_out(dap.bag) IS 'Writes a bag as {value:times,...}, values in order';

CREATE FUNCTION dap_internal.bag_receive(internal) RETURNS dap.bag AS 'MODULE_PATHNAME', 'dap_bag_receive'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.bag_receive(internal) IS 'Takes a bag''s bytes from a client; all of them are checked';

CREATE FUNCTION dap_internal.bag_send(dap.bag) RETURNS bytea AS 'MODULE_PATHNAME', 'dap_bag_send'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.bag_send(dap.bag) IS 'The bytes of a bag, the same for the same multiset';

CREATE TYPE dap.bag (
  INPUT = dap_internal.bag_in, OUTPUT = dap_internal.bag_out, RECEIVE = dap_internal.bag_receive,
  SEND = dap_internal.bag_send,
  INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended);
COMMENT ON TYPE dap.bag
  IS 'A multiset of numerics, compressed: values with how often each is there. For tables of your own; no layer table '
  'may have a column of it';

-- ---- sum, difference, equality ----

CREATE FUNCTION dap.bag_add(a dap.bag, b dap.bag) RETURNS dap.bag AS 'MODULE_PATHNAME', 'dap_bag_add'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_add(dap.bag, dap.bag) IS 'The values of both bags together; what OPERATOR(dap.+) calls';

CREATE FUNCTION dap.bag_subtract(a dap.bag, b dap.bag) RETURNS dap.bag AS 'MODULE_PATHNAME', 'dap_bag_subtract'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_subtract(dap.bag, dap.bag)
  IS 'The first bag without the values of the second, which must all be in it (else 22003); what OPERATOR(dap.-) calls';

CREATE FUNCTION dap.bag_equal(a dap.bag, b dap.bag) RETURNS boolean AS 'MODULE_PATHNAME', 'dap_bag_equal'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_equal(dap.bag, dap.bag)
  IS 'Whether both bags hold the same values equally often; what OPERATOR(dap.=) calls';

CREATE FUNCTION dap.bag_not_equal(a dap.bag, b dap.bag) RETURNS boolean AS 'MODULE_PATHNAME', 'dap_bag_not_equal'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_not_equal(dap.bag, dap.bag) IS 'Whether the bags differ; what OPERATOR(dap.<>) calls';

CREATE OPERATOR dap.+ (LEFTARG = dap.bag, RIGHTARG = dap.bag, FUNCTION = dap.bag_add, COMMUTATOR = OPERATOR(dap.+));
COMMENT ON OPERATOR dap.+ (dap.bag, dap.bag) IS 'The values of both bags together';

CREATE OPERATOR dap.- (LEFTARG = dap.bag, RIGHTARG = dap.bag, FUNCTION = dap.bag_subtract);
COMMENT ON OPERATOR dap.- (dap.bag, dap.bag)
  IS 'The first bag without the values of the second, which must all be in it';

CREATE OPERATOR dap.= (LEFTARG = dap.bag, RIGHTARG = dap.bag, FUNCTION = dap.bag_equal, COMMUTATOR = OPERATOR(dap.=),
  NEGATOR = OPERATOR(dap.<>),
  RESTRICT = eqsel, JOIN = eqjoinsel, HASHES);
COMMENT ON OPERATOR dap.= (dap.bag, dap.bag) IS 'The same values equally often';

CREATE OPERATOR dap.<> (LEFTARG = dap.bag, RIGHTARG = dap.bag, FUNCTION = dap.bag_not_equal,
  COMMUTATOR = OPERATOR(dap.<>), NEGATOR = OPERATOR(dap.=),
  RESTRICT = neqsel, JOIN = neqjoinsel);
COMMENT ON OPERATOR dap.<> (dap.bag, dap.bag) IS 'Not the same values equally often';

CREATE FUNCTION dap_internal.bag_hash(dap.bag) RETURNS integer AS 'MODULE_PATHNAME', 'dap_bag_hash'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.bag_hash(dap.bag) IS 'Hash of a bag, for GROUP BY, DISTINCT and joins';

CREATE FUNCTION dap_internal.bag_hash_extended(dap.bag, bigint) RETURNS bigint AS 'MODULE_PATHNAME',
  'dap_bag_hash_extended'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.bag_hash_extended(dap.bag, bigint)
  IS 'Hash of a bag with a salt, for hash partitioning';

CREATE OPERATOR FAMILY dap.bag_ops USING hash;
COMMENT ON OPERATOR FAMILY dap.bag_ops USING hash IS 'Equality of bags by their hash; bags have no order';

CREATE OPERATOR CLASS dap.bag_ops DEFAULT FOR TYPE dap.bag USING hash FAMILY dap.bag_ops AS
  OPERATOR 1 dap.= (dap.bag, dap.bag), FUNCTION 1 dap_internal.bag_hash(dap.bag),
    FUNCTION 2 dap_internal.bag_hash_extended(dap.bag, bigint);
COMMENT ON OPERATOR CLASS dap.bag_ops USING hash IS 'Equality of bags by their hash; bags have no order';

-- ---- answers ----

CREATE FUNCTION dap.bag_count(bag dap.bag) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_bag_count'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_count(dap.bag) IS 'How many values the bag holds, equal ones counted';

CREATE FUNCTION dap.bag_sum(bag dap.bag) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_bag_sum'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_sum(dap.bag) IS 'The exact sum of all values, NULL of the empty bag';

CREATE FUNCTION dap.bag_min(bag dap.bag) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_bag_min'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_min(dap.bag) IS 'The least value, NULL of the empty bag';

CREATE FUNCTION dap.bag_max(bag dap.bag) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_bag_max'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_max(dap.bag) IS 'The greatest value (NaN above all), NULL of the empty bag';

CREATE FUNCTION dap.median(bag dap.bag) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_bag_median'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.median(dap.bag)
  IS 'Exact median of the bag''s values, as the aggregate of the same name gives it of the rows';

CREATE FUNCTION dap.percentile(bag dap.bag, fraction double precision) RETURNS numeric AS 'MODULE_PATHNAME',
  'dap_bag_percentile'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.percentile(dap.bag, double precision)
  IS 'Exact continuous percentile of the bag''s values, as the aggregate of the same name gives it of the rows';

-- ---- bags of rows: collected as the order statistics collect ----

CREATE FUNCTION dap_internal.bag_agg_final(internal) RETURNS dap.bag AS 'MODULE_PATHNAME', 'dap_bag_agg_final'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.bag_agg_final(internal) IS 'The bag of what an order statistic''s state holds';

CREATE AGGREGATE dap.bag_agg(x smallint) (
  SFUNC = dap_internal.quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap_internal.bag_agg_final,
  FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap_internal.quantile_combine, SERIALFUNC = dap_internal.quantile_serialize,
  DESERIALFUNC = dap_internal.quantile_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.bag_agg(smallint) IS 'All values as one dap.bag';

CREATE AGGREGATE dap.bag_agg(x integer) (
  SFUNC = dap_internal.quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap_internal.bag_agg_final,
  FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap_internal.quantile_combine, SERIALFUNC = dap_internal.quantile_serialize,
  DESERIALFUNC = dap_internal.quantile_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.bag_agg(integer) IS 'All values as one dap.bag';

CREATE AGGREGATE dap.bag_agg(x bigint) (
  SFUNC = dap_internal.quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap_internal.bag_agg_final,
  FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap_internal.quantile_combine, SERIALFUNC = dap_internal.quantile_serialize,
  DESERIALFUNC = dap_internal.quantile_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.bag_agg(bigint) IS 'All values as one dap.bag';

CREATE AGGREGATE dap.bag_agg(x numeric) (
  SFUNC = dap_internal.quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap_internal.bag_agg_final,
  FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap_internal.quantile_combine, SERIALFUNC = dap_internal.quantile_serialize,
  DESERIALFUNC = dap_internal.quantile_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.bag_agg(numeric) IS 'All values as one dap.bag';

-- ---- bags of bags ----

CREATE FUNCTION dap_internal.bag_merge_add(internal, dap.bag) RETURNS internal AS 'MODULE_PATHNAME', 'dap_bag_merge_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.bag_merge_add(internal, dap.bag) IS 'Adds a bag to the state of dap.bag_merge';

CREATE FUNCTION dap_internal.bag_merge_combine(internal, internal) RETURNS internal AS 'MODULE_PATHNAME',
  'dap_bag_merge_combine'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.bag_merge_combine(internal, internal) IS 'Joins two states of dap.bag_merge';

CREATE FUNCTION dap_internal.bag_merge_serialize(internal) RETURNS bytea AS 'MODULE_PATHNAME', 'dap_bag_merge_serialize'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.bag_merge_serialize(internal) IS 'A state of dap.bag_merge as a bag''s bytes';

CREATE FUNCTION dap_internal.bag_merge_deserialize(bytea, internal) RETURNS internal AS 'MODULE_PATHNAME',
  'dap_bag_merge_deserialize'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.bag_merge_deserialize(bytea, internal)
  IS 'The state that the bytes hold; damaged bytes are an error';

CREATE FUNCTION dap_internal.bag_merge_final(internal) RETURNS dap.bag AS 'MODULE_PATHNAME', 'dap_bag_merge_final'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap_internal.bag_merge_final(internal) IS 'The bag that a state of dap.bag_merge has come to';

CREATE AGGREGATE dap.bag_merge(bag dap.bag) (
  SFUNC = dap_internal.bag_merge_add, STYPE = internal, SSPACE = 131072, FINALFUNC = dap_internal.bag_merge_final,
  FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap_internal.bag_merge_combine, SERIALFUNC = dap_internal.bag_merge_serialize,
  DESERIALFUNC = dap_internal.bag_merge_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.bag_merge(dap.bag) IS 'The values of all bags together';
