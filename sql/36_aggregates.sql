-- Exact order statistics. FINALFUNC_MODIFY = SHAREABLE beside MFINALFUNC_MODIFY = READ_ONLY makes the server use the moving form in every window,
-- the default growing frame included: an answer for each row must not sort the frame again.
-- SSPACE is what a group of ten values takes (a handful of intervals, which are wider): the executor takes no more groups at a time than fit by it, and what
-- a group has beyond it goes to a file when memory ends.

CREATE AGGREGATE dap.median(x smallint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(smallint) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x integer) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(integer) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x bigint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(bigint) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x numeric) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(numeric) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x real) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(real) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(double precision) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x date) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(date) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x timestamp) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(timestamp) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x timestamptz) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_timestamptz, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_timestamptz, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(timestamptz) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x interval) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 2048, FINALFUNC = dap._median_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(interval) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.percentile(x smallint, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(smallint, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x integer, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(integer, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x bigint, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(bigint, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x numeric, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(numeric, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x real, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(real, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x double precision, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(double precision, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x date, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(date, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x timestamp, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(timestamp, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x timestamptz, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_timestamptz, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_timestamptz, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(timestamptz, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x interval, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 2048, FINALFUNC = dap._percentile_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(interval, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x smallint, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(smallint, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x integer, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(integer, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x bigint, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(bigint, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x numeric, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(numeric, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x real, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(real, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x double precision, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(double precision, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x date, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(date, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x timestamp, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(timestamp, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x timestamptz, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_timestamptz, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_timestamptz, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(timestamptz, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x interval, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 2048, FINALFUNC = dap._percentile_disc_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(interval, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentiles(x smallint, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(smallint, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x integer, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(integer, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x bigint, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(bigint, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x numeric, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(numeric, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x real, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(real, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x double precision, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(double precision, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x date, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(date, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x timestamp, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(timestamp, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x timestamptz, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_timestamptz, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_timestamptz, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(timestamptz, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x interval, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 2048, FINALFUNC = dap._percentiles_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(interval, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';
