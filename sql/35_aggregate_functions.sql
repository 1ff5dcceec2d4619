-- Support functions of the order statistics. Nobody but the aggregates' owner may execute them; they pin no search_path, which
-- would cost a call for every row: the C code behind them runs no SQL.

CREATE FUNCTION dap._quantile_combine(internal, internal) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_combine'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_combine(internal, internal) IS 'Joins two states of an order statistic';

CREATE FUNCTION dap._quantile_serialize(internal) RETURNS bytea AS 'MODULE_PATHNAME', 'dap_quantile_serialize'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_serialize(internal) IS 'A state of an order statistic as bytes';

CREATE FUNCTION dap._quantile_deserialize(bytea, internal) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_deserialize'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_deserialize(bytea, internal) IS 'The state that the bytes hold; damaged bytes are an error';

CREATE FUNCTION dap._quantile_add(internal, smallint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, smallint) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, smallint, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, smallint, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, smallint, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, smallint, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, integer) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, integer) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, integer, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, integer, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, integer, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, integer, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, bigint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, bigint) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, bigint, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, bigint, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, bigint, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, bigint, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, numeric) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, numeric) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, numeric, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, numeric, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, numeric, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, numeric, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, real) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, real) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, real, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, real, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, real, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, real, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, double precision, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, double precision, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, double precision, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, double precision, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, date) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, date) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, date, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, date, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, date, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, date, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, timestamp) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, timestamp) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, timestamp, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, timestamp, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, timestamp, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, timestamp, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, timestamptz) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, timestamptz) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, timestamptz, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, timestamptz, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, timestamptz, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, timestamptz, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, interval) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, interval) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, interval, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, interval, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, interval, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, interval, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, smallint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, smallint) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, smallint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, smallint) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, smallint, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, smallint, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, smallint, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, smallint, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, smallint, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, smallint, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, smallint, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, smallint, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, integer) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, integer) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, integer) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, integer) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, integer, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, integer, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, integer, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, integer, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, integer, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, integer, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, integer, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, integer, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, bigint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, bigint) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, bigint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, bigint) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, bigint, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, bigint, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, bigint, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, bigint, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, bigint, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, bigint, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, bigint, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, bigint, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, numeric) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, numeric) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, numeric) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, numeric) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, numeric, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, numeric, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, numeric, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, numeric, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, numeric, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, numeric, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, numeric, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, numeric, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, real) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, real) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, real) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, real) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, real, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, real, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, real, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, real, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, real, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, real, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, real, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, real, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, double precision, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, double precision, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, double precision, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, double precision, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, double precision, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, double precision, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, double precision, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, double precision, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, date) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, date) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, date) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, date) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, date, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, date, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, date, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, date, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, date, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, date, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, date, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, date, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, timestamp) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, timestamp) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, timestamp) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, timestamp) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, timestamp, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, timestamp, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, timestamp, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, timestamp, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, timestamp, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, timestamp, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, timestamp, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, timestamp, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, timestamptz) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, timestamptz) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, timestamptz) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, timestamptz) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, timestamptz, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, timestamptz, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, timestamptz, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, timestamptz, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, timestamptz, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, timestamptz, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, timestamptz, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, timestamptz, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, interval) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, interval) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, interval) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, interval) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, interval, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, interval, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, interval, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, interval, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, interval, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, interval, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, interval, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, interval, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._median_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_median_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_numeric(internal) IS 'The answer of dap.median from its state';

CREATE FUNCTION dap._median_moving_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_median_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_moving_numeric(internal) IS 'The answer of dap.median from its moving state';

CREATE FUNCTION dap._median_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_median_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_double(internal) IS 'The answer of dap.median from its state';

CREATE FUNCTION dap._median_moving_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_median_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_moving_double(internal) IS 'The answer of dap.median from its moving state';

CREATE FUNCTION dap._median_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_median_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_timestamp(internal) IS 'The answer of dap.median from its state';

CREATE FUNCTION dap._median_moving_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_median_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_moving_timestamp(internal) IS 'The answer of dap.median from its moving state';

CREATE FUNCTION dap._median_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_median_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_timestamptz(internal) IS 'The answer of dap.median from its state';

CREATE FUNCTION dap._median_moving_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_median_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_moving_timestamptz(internal) IS 'The answer of dap.median from its moving state';

CREATE FUNCTION dap._median_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_median_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_interval(internal) IS 'The answer of dap.median from its state';

CREATE FUNCTION dap._median_moving_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_median_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_moving_interval(internal) IS 'The answer of dap.median from its moving state';

CREATE FUNCTION dap._percentile_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_percentile_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_numeric(internal) IS 'The answer of dap.percentile from its state';

CREATE FUNCTION dap._percentile_moving_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_percentile_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_moving_numeric(internal) IS 'The answer of dap.percentile from its moving state';

CREATE FUNCTION dap._percentile_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_percentile_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_double(internal) IS 'The answer of dap.percentile from its state';

CREATE FUNCTION dap._percentile_moving_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_percentile_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_moving_double(internal) IS 'The answer of dap.percentile from its moving state';

CREATE FUNCTION dap._percentile_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_percentile_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_timestamp(internal) IS 'The answer of dap.percentile from its state';

CREATE FUNCTION dap._percentile_moving_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_percentile_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_moving_timestamp(internal) IS 'The answer of dap.percentile from its moving state';

CREATE FUNCTION dap._percentile_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_percentile_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_timestamptz(internal) IS 'The answer of dap.percentile from its state';

CREATE FUNCTION dap._percentile_moving_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_percentile_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_moving_timestamptz(internal) IS 'The answer of dap.percentile from its moving state';

CREATE FUNCTION dap._percentile_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_percentile_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_interval(internal) IS 'The answer of dap.percentile from its state';

CREATE FUNCTION dap._percentile_moving_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_percentile_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_moving_interval(internal) IS 'The answer of dap.percentile from its moving state';

CREATE FUNCTION dap._percentile_disc_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_percentile_disc_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_numeric(internal) IS 'The answer of dap.percentile_disc from its state';

CREATE FUNCTION dap._percentile_disc_moving_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_percentile_disc_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_moving_numeric(internal) IS 'The answer of dap.percentile_disc from its moving state';

CREATE FUNCTION dap._percentile_disc_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_percentile_disc_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_double(internal) IS 'The answer of dap.percentile_disc from its state';

CREATE FUNCTION dap._percentile_disc_moving_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_percentile_disc_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_moving_double(internal) IS 'The answer of dap.percentile_disc from its moving state';

CREATE FUNCTION dap._percentile_disc_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_percentile_disc_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_timestamp(internal) IS 'The answer of dap.percentile_disc from its state';

CREATE FUNCTION dap._percentile_disc_moving_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_percentile_disc_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_moving_timestamp(internal) IS 'The answer of dap.percentile_disc from its moving state';

CREATE FUNCTION dap._percentile_disc_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_percentile_disc_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_timestamptz(internal) IS 'The answer of dap.percentile_disc from its state';

CREATE FUNCTION dap._percentile_disc_moving_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_percentile_disc_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_moving_timestamptz(internal) IS 'The answer of dap.percentile_disc from its moving state';

CREATE FUNCTION dap._percentile_disc_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_percentile_disc_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_interval(internal) IS 'The answer of dap.percentile_disc from its state';

CREATE FUNCTION dap._percentile_disc_moving_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_percentile_disc_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_moving_interval(internal) IS 'The answer of dap.percentile_disc from its moving state';

CREATE FUNCTION dap._percentiles_numeric(internal) RETURNS numeric[] AS 'MODULE_PATHNAME', 'dap_percentiles_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_numeric(internal) IS 'The answer of dap.percentiles from its state';

CREATE FUNCTION dap._percentiles_moving_numeric(internal) RETURNS numeric[] AS 'MODULE_PATHNAME', 'dap_percentiles_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_moving_numeric(internal) IS 'The answer of dap.percentiles from its moving state';

CREATE FUNCTION dap._percentiles_double(internal) RETURNS double precision[] AS 'MODULE_PATHNAME', 'dap_percentiles_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_double(internal) IS 'The answer of dap.percentiles from its state';

CREATE FUNCTION dap._percentiles_moving_double(internal) RETURNS double precision[] AS 'MODULE_PATHNAME', 'dap_percentiles_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_moving_double(internal) IS 'The answer of dap.percentiles from its moving state';

CREATE FUNCTION dap._percentiles_timestamp(internal) RETURNS timestamp[] AS 'MODULE_PATHNAME', 'dap_percentiles_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_timestamp(internal) IS 'The answer of dap.percentiles from its state';

CREATE FUNCTION dap._percentiles_moving_timestamp(internal) RETURNS timestamp[] AS 'MODULE_PATHNAME', 'dap_percentiles_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_moving_timestamp(internal) IS 'The answer of dap.percentiles from its moving state';

CREATE FUNCTION dap._percentiles_timestamptz(internal) RETURNS timestamptz[] AS 'MODULE_PATHNAME', 'dap_percentiles_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_timestamptz(internal) IS 'The answer of dap.percentiles from its state';

CREATE FUNCTION dap._percentiles_moving_timestamptz(internal) RETURNS timestamptz[] AS 'MODULE_PATHNAME', 'dap_percentiles_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_moving_timestamptz(internal) IS 'The answer of dap.percentiles from its moving state';

CREATE FUNCTION dap._percentiles_interval(internal) RETURNS interval[] AS 'MODULE_PATHNAME', 'dap_percentiles_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_interval(internal) IS 'The answer of dap.percentiles from its state';

CREATE FUNCTION dap._percentiles_moving_interval(internal) RETURNS interval[] AS 'MODULE_PATHNAME', 'dap_percentiles_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_moving_interval(internal) IS 'The answer of dap.percentiles from its moving state';
