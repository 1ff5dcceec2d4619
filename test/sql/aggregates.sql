-- Exact order statistics: results and their types, what is ignored, errors, windows, plans.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dap_analytics;
RESET client_min_messages;
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
SET datestyle = 'ISO';

-- Result types.
SELECT pg_typeof(dap.median(1::smallint)), pg_typeof(dap.median(1)), pg_typeof(dap.median(1::bigint)),
  pg_typeof(dap.median(1.0)), pg_typeof(dap.median(1::real)),
  pg_typeof(dap.median(1::float8)), pg_typeof(dap.median(date '2024-01-01')),
  pg_typeof(dap.median(timestamp '2024-01-01')),
  pg_typeof(dap.median(timestamptz '2024-01-01')), pg_typeof(dap.median(interval '1 day')),
  pg_typeof(dap.percentiles(1, '{0.5}')) \gx

-- Continuous and discrete.
SELECT dap.median(x), dap.percentile(x, 0.9), dap.percentile_disc(x, 0.9), dap.percentiles(x, ARRAY[0, 0.25, NULL, 1])
FROM generate_series(1, 10) x;
SELECT dap.percentiles(x, '{{0,0.5},{0.75,1}}') FROM generate_series(1, 10) x;
SELECT dap.percentiles(x, '{}'), dap.percentiles(x, NULL), dap.percentile(x, NULL) FROM generate_series(1, 10) x;
SELECT dap.percentile(x, 0.29), dap.percentile(x, 1e-9), dap.percentile(x, 0.123456789012345678)
FROM generate_series(1, 101) x;

-- Numerics: exact, without trailing zeros, whatever their size.
SELECT dap.median(x) FROM (VALUES (1.10), (2.3500)) v(x);
SELECT dap.median(x) FROM (VALUES (5.50), (5.5), (5.500)) v(x);
SELECT dap.median(x) FROM (VALUES (9223372036854775807), (9223372036854775806)) v(x);
SELECT dap.median(x) FROM (VALUES (1e-30), (3e-30)) v(x);
SELECT dap.median(x) FROM (VALUES (1e40), (1)) v(x);
SELECT dap.percentiles(x, '{0,0.25,0.5,0.75,1}')
FROM (VALUES ('NaN'::numeric), (1), (1e30), ('-Infinity'), (1e-20)) v(x);
SELECT dap.median(x) FROM (VALUES ('-Infinity'::numeric), ('Infinity')) v(x);
SELECT length(dap.median(x)::text) FROM (VALUES ((9.9 * 10.0 ^ 131070)::numeric), (-(10.0 ^ 131070))) v(x);

-- Floats.
SELECT dap.median(x), dap.percentile_disc(x, 0) FROM (VALUES ('-0'::float8)) v(x);
SELECT dap.median(x) FROM (VALUES ('-1.7e308'::float8), ('1.7e308')) v(x);
SELECT dap.percentiles(x, '{0,0.25,0.5,0.75,1}')
FROM (VALUES ('-Infinity'::float8), (1), (2), ('Infinity'), ('NaN')) v(x);
SELECT dap.median(x) FROM (VALUES ('-Infinity'::float8), (2)) v(x);
SELECT dap.median(x) FROM (VALUES (0.1::real), (0.1::real)) v(x);

-- Dates and times.
SELECT dap.median(x) FROM (VALUES (date '2024-01-01'), ('2024-01-02')) v(x);
SELECT dap.median(x) FROM (VALUES (timestamp '2024-01-01 00:00:00.000001'), ('2024-01-01 00:00:00.000002')) v(x);
SELECT dap.median(x) FROM (VALUES (timestamp 'infinity'), ('2024-01-01')) v(x);
SELECT dap.median(x) FROM (VALUES (timestamp 'infinity'), ('-infinity')) v(x);
SELECT dap.percentile_disc(x, 0.5) FROM (VALUES (date '300000-01-01')) v(x);
SELECT dap.mode(x) FROM (VALUES (date '300000-01-01')) v(x);
SELECT dap.percentile_disc(x, 0.1), dap.percentile_disc(x, 0.4), dap.percentile_disc(x, 0.9)
FROM (VALUES (interval '1 month'), ('720 hours'), ('30 days')) v(x);

-- NULLs, nothing, FILTER, DISTINCT, GROUPING SETS.
SELECT dap.median(x) FROM (VALUES (NULL), (3), (1), (NULL)) v(x);
SELECT dap.median(x), dap.percentile(x, 0.5), dap.percentiles(x, '{0.5}') FROM (VALUES (NULL::integer)) v(x);
SELECT dap.median(x) FROM generate_series(1, 0) x;
SELECT dap.median(x) FILTER (WHERE x > 5), dap.median(DISTINCT x / 4) FROM generate_series(1, 10) x;
SELECT x % 3 AS g, x % 2 AS h, dap.median(x), dap.percentile(x, 0.25) FROM generate_series(1, 20) x
GROUP BY GROUPING SETS ((x % 3), (x % 2), ()) ORDER BY 1, 2;

-- Errors.
\set SHOW_CONTEXT never
SELECT dap.percentile(x, 1.5) FROM generate_series(1, 3) x;
SELECT dap.percentile(x, x / 10.0) FROM generate_series(1, 3) x;
\set VERBOSITY sqlstate
SELECT dap.percentile(x, 1.5) FROM generate_series(1, 3) x;
SELECT dap.percentile(x, 'NaN') FROM generate_series(1, 3) x;
SELECT dap.percentiles(x, '{0.5,-1}') FROM generate_series(1, 3) x;
SELECT dap.percentile(x, x / 10.0) FROM generate_series(1, 3) x;
SELECT dap.percentile(x, CASE WHEN x > 1 THEN 0.5 END) FROM generate_series(1, 3) x;
SELECT dap.percentiles(x, ARRAY[x / 10.0]) FROM generate_series(1, 3) x;
\set VERBOSITY default

-- Windows: every frame moves.
SELECT x, dap.median(x) OVER (ORDER BY x), dap.median(x) OVER (ORDER BY x ROWS 2 PRECEDING) AS rows,
  dap.percentile_disc(x * 1.5, 0.25) OVER (ORDER BY x ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS rest,
  dap.percentiles(x::float8, '{0,1}') OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING
    AND 1 FOLLOWING EXCLUDE CURRENT ROW) AS around, dap.median(x * interval '1 hour') OVER (PARTITION BY x % 2
    ORDER BY x) AS part
FROM generate_series(1, 6) x ORDER BY x;
SELECT x, dap.median(y) OVER (ORDER BY x ROWS 1 PRECEDING)
FROM (VALUES (1, NULL), (2, NULL), (3, 1e30), (4, NULL), (5, 1e-30), (6, NULL), (7, NULL)) v(x, y);
SELECT count(m) FROM (SELECT dap.median(random()) OVER (ROWS 3 PRECEDING) AS m FROM generate_series(1, 100)) s;
SELECT x, dap.percentile(x, f) OVER (ORDER BY x ROWS 0 PRECEDING) FROM (VALUES (1, 0.5), (2, 0.1)) v(x, f);

-- Partial aggregation.
CREATE TABLE dap_test_values AS SELECT i, i % 10 AS g, (i * 7919 % 100003)::numeric / 100 AS x
  FROM generate_series(1, 50000) i;
ANALYZE dap_test_values;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS off) SELECT dap.median(x) FROM dap_test_values;
SELECT dap.median(x), dap.percentile(x, 0.999), dap.percentiles(x, '{0.1,0.9}') FROM dap_test_values;
SELECT g, dap.median(x) = percentile_cont(0.5) WITHIN GROUP (ORDER BY x::float8)::numeric AS same FROM dap_test_values
GROUP BY g ORDER BY g;
SELECT dap.percentile(x, CASE WHEN i < 40000 THEN 0.1 ELSE 0.2 END) FROM dap_test_values;
DROP TABLE dap_test_values;

-- Everyone may use them; nobody may call what is behind them.
CREATE ROLE regress_dap_stranger;
SELECT bool_and(has_function_privilege('regress_dap_stranger', oid, 'EXECUTE') = (prokind = 'a')) FROM pg_proc
WHERE pronamespace = 'dap'::regnamespace AND prokind = 'a' OR pronamespace = 'dap_internal'::regnamespace
  AND proname ~ '^(quantile|median|percentile)';
SET ROLE regress_dap_stranger;
SELECT dap.median(x) FROM generate_series(1, 3) x;
RESET ROLE;
DROP ROLE regress_dap_stranger;
SELECT count(*) FROM pg_proc WHERE pronamespace = 'dap'::regnamespace AND prokind = 'a'
  AND obj_description(oid, 'pg_proc') IS NULL;
