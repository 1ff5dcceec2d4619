-- Analysts' companions: dap.mode, dap.mad and dap.iqr over the states of the order statistics, and dap.top_n. Like there, nobody but the aggregates' owner may
-- execute the support functions, which run no SQL and pin no search_path.

CREATE FUNCTION dap._mode_moving_add(internal, smallint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, smallint) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, smallint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, smallint) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, integer) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, integer) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, integer) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, integer) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, bigint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, bigint) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, bigint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, bigint) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, numeric) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, numeric) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, numeric) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, numeric) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, real) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, real) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, real) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, real) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, double precision) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, double precision) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, date) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, date) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, date) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, date) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, timestamp) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, timestamp) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, timestamp) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, timestamp) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, timestamptz) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, timestamptz) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, timestamptz) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, timestamptz) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, interval) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, interval) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, interval) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, interval) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_smallint(internal) RETURNS smallint AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_smallint(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_smallint(internal) RETURNS smallint AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_smallint(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_integer(internal) RETURNS integer AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_integer(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_integer(internal) RETURNS integer AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_integer(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_bigint(internal) RETURNS bigint AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_bigint(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_bigint(internal) RETURNS bigint AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_bigint(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_numeric(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_numeric(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_real(internal) RETURNS real AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_real(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_real(internal) RETURNS real AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_real(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_double(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_double(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_date(internal) RETURNS date AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_date(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_date(internal) RETURNS date AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_date(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_timestamp(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_timestamp(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_timestamptz(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_timestamptz(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_interval(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_interval(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mad_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_mad_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mad_numeric(internal) IS 'The answer of dap.mad from its state';

CREATE FUNCTION dap._mad_moving_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_mad_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mad_moving_numeric(internal) IS 'The answer of dap.mad from its moving state';

CREATE FUNCTION dap._mad_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_mad_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mad_double(internal) IS 'The answer of dap.mad from its state';

CREATE FUNCTION dap._mad_moving_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_mad_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mad_moving_double(internal) IS 'The answer of dap.mad from its moving state';

CREATE FUNCTION dap._mad_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_mad_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mad_interval(internal) IS 'The answer of dap.mad from its state';

CREATE FUNCTION dap._mad_moving_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_mad_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mad_moving_interval(internal) IS 'The answer of dap.mad from its moving state';

CREATE FUNCTION dap._iqr_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_iqr_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._iqr_numeric(internal) IS 'The answer of dap.iqr from its state';

CREATE FUNCTION dap._iqr_moving_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_iqr_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._iqr_moving_numeric(internal) IS 'The answer of dap.iqr from its moving state';

CREATE FUNCTION dap._iqr_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_iqr_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._iqr_double(internal) IS 'The answer of dap.iqr from its state';

CREATE FUNCTION dap._iqr_moving_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_iqr_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._iqr_moving_double(internal) IS 'The answer of dap.iqr from its moving state';

CREATE FUNCTION dap._iqr_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_iqr_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._iqr_interval(internal) IS 'The answer of dap.iqr from its state';

CREATE FUNCTION dap._iqr_moving_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_iqr_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._iqr_moving_interval(internal) IS 'The answer of dap.iqr from its moving state';

CREATE AGGREGATE dap.mode(x smallint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_smallint, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_smallint, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(smallint) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x integer) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_integer, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_integer, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(integer) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x bigint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_bigint, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_bigint, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(bigint) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x numeric) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(numeric) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x real) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_real, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_real, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(real) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(double precision) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x date) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_date, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_date, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(date) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x timestamp) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(timestamp) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x timestamptz) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_timestamptz, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_timestamptz, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(timestamptz) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x interval) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 2048, FINALFUNC = dap._mode_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(interval) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mad(x smallint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(smallint) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x integer) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(integer) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x bigint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(bigint) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x numeric) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(numeric) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x real) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(real) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(double precision) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x date) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(date) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x timestamp) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(timestamp) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x timestamptz) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(timestamptz) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x interval) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 2048, FINALFUNC = dap._mad_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(interval) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.iqr(x smallint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(smallint) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x integer) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(integer) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x bigint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(bigint) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x numeric) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(numeric) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x real) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(real) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(double precision) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x date) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(date) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x timestamp) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(timestamp) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x timestamptz) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(timestamptz) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x interval) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 2048, FINALFUNC = dap._iqr_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(interval) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE TYPE dap.top_item AS (rank integer, key text, amount numeric, share numeric);
COMMENT ON TYPE dap.top_item IS 'One of the first items of dap.top_n';
COMMENT ON COLUMN dap.top_item.rank IS '1 is the item with the largest amount';
COMMENT ON COLUMN dap.top_item.key IS 'The key, NULL where the rows'' key is; a number as its decimal text';
COMMENT ON COLUMN dap.top_item.amount IS 'The sum of the key''s amounts, as sum() gives it';
COMMENT ON COLUMN dap.top_item.share IS 'The amount divided by that of all keys, NULL where it is 0';

CREATE FUNCTION dap._top_n_add(internal, bigint, numeric, integer) RETURNS internal AS 'MODULE_PATHNAME', 'dap_top_n_add_number'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._top_n_add(internal, bigint, numeric, integer) IS 'Adds a row to the sums of dap.top_n';

CREATE FUNCTION dap._top_n_add(internal, text, numeric, integer) RETURNS internal AS 'MODULE_PATHNAME', 'dap_top_n_add_text'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._top_n_add(internal, text, numeric, integer) IS 'Adds a row to the sums of dap.top_n';

CREATE FUNCTION dap._top_n_combine(internal, internal) RETURNS internal AS 'MODULE_PATHNAME', 'dap_top_n_combine'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._top_n_combine(internal, internal) IS 'Joins two states of dap.top_n';

CREATE FUNCTION dap._top_n_serialize(internal) RETURNS bytea AS 'MODULE_PATHNAME', 'dap_top_n_serialize'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._top_n_serialize(internal) IS 'A state of dap.top_n as bytes';

CREATE FUNCTION dap._top_n_deserialize(bytea, internal) RETURNS internal AS 'MODULE_PATHNAME', 'dap_top_n_deserialize'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._top_n_deserialize(bytea, internal) IS 'A state of dap.top_n from bytes';

CREATE FUNCTION dap._top_n(internal) RETURNS dap.top_item[] AS 'MODULE_PATHNAME', 'dap_top_n_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._top_n(internal) IS 'The answer of dap.top_n from its state';

-- How many keys a group has nobody can know: room for about a hundred is what the planner counts on.
CREATE AGGREGATE dap.top_n(key bigint, amount numeric, n integer) (
  SFUNC = dap._top_n_add, STYPE = internal, SSPACE = 8192, FINALFUNC = dap._top_n, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap._top_n_combine, SERIALFUNC = dap._top_n_serialize, DESERIALFUNC = dap._top_n_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.top_n(bigint, numeric, integer) IS 'The n keys with the largest sums, with rank, amount and share of the total; ties by lower key';

CREATE AGGREGATE dap.top_n(key text, amount numeric, n integer) (
  SFUNC = dap._top_n_add, STYPE = internal, SSPACE = 8192, FINALFUNC = dap._top_n, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap._top_n_combine, SERIALFUNC = dap._top_n_serialize, DESERIALFUNC = dap._top_n_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.top_n(text, numeric, integer) IS 'The n keys with the largest sums, with rank, amount and share of the total; ties by lower key';
