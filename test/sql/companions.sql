-- The analysts' companions: results and their types, what is ignored, ties, errors, windows, plans, privileges.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dap_analytics;
RESET client_min_messages;
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never

-- Result types: dap.mode gives the values' own, the two others those of the distances.
SELECT proname, pg_get_function_arguments(oid) AS arguments, pg_get_function_result(oid) AS result FROM pg_proc
WHERE pronamespace = 'dap'::regnamespace AND proname IN ('mode', 'mad', 'iqr', 'top_n') ORDER BY proname,
  array_position('{int2,int4,int8,numeric,float4,float8,date,timestamp,timestamptz,interval}'::regtype[],
  proargtypes[0]);

-- The most frequent value, the lowest of several.
SELECT dap.mode(x), dap.mad(x), dap.iqr(x) FROM unnest('{1,1,2,2,4,6,9}'::integer[]) x;
SELECT dap.mode(x) FROM unnest('{9,4,4,9,-3}'::bigint[]) x;
SELECT dap.mode(x) FROM (VALUES (5.50), (5.5), (7), (7.000), (5.5)) v(x);
SELECT dap.mode(x), dap.mode(x::real) FROM unnest('{0,-0,NaN,NaN,1,Infinity}'::float8[]) x;
SELECT dap.mode(x) FROM unnest('{0.1,0.1,0.3}'::real[]) x;
SELECT dap.mode(x) FROM unnest('{1e-30,1e30,NaN,1e30,NaN}'::numeric[]) x;
SELECT dap.mode(x) FROM unnest('{2024-03-01,infinity,2024-03-01,-infinity}'::date[]) x;
SELECT dap.mode(x) FROM unnest('{2024-03-01 10:00,infinity,infinity}'::timestamptz[]) x;
-- Equal intervals are one value, shown as the first of them.
SELECT dap.mode(x) FROM unnest('{5 days,30 days,5 days,1 mon,720:00,1 day}'::interval[]) x;
SELECT dap.mode(x) OVER (ORDER BY i)
FROM unnest('{5 days,1 mon,30 days,5 days,720:00}'::interval[]) WITH ORDINALITY v(x, i);

-- The median of the distances from the median: exact, whatever the size.
SELECT dap.mad(x), dap.iqr(x) FROM unnest('{9223372036854775807,-9223372036854775808,0}'::bigint[]) x;
SELECT dap.mad(x), dap.iqr(x) FROM unnest('{9223372036854775807,-9223372036854775808}'::bigint[]) x;
SELECT dap.mad(x), dap.iqr(x) FROM (VALUES (0.10), (0.2), (0.45)) v(x);
SELECT dap.mad(x), dap.iqr(x) FROM (VALUES (1e-30), (1e30), (3), (5)) v(x);
SELECT dap.mad(x), dap.iqr(x) FROM unnest('{1,2,4,NaN}'::numeric[]) x;
SELECT dap.mad(x), dap.iqr(x) FROM unnest('{-Infinity,2,4,Infinity}'::numeric[]) x;
SELECT dap.mad(x), dap.iqr(x) FROM unnest('{1,2,4,NaN}'::float8[]) x;
SELECT dap.mad(x), dap.iqr(x) FROM unnest('{-Infinity,1,2,4,Infinity}'::float8[]) x;
SELECT dap.mad(x) FROM unnest('{Infinity,Infinity,1}'::float8[]) x;
SELECT dap.mad(x) FROM unnest('{-Infinity,Infinity}'::numeric[]) x;
SELECT dap.mad(x), dap.iqr(x) FROM unnest('{2024-01-01,2024-01-02,2024-01-02,2024-02-01}'::date[]) x;
SELECT dap.mad(x), dap.iqr(x)
FROM unnest('{2024-01-01,2024-01-01 00:00:00.000001,2024-01-01 00:00:00.000002,2024-01-01 '
  '00:00:00.000005}'::timestamp[]) x;
SELECT dap.mad(x), dap.iqr(x) FROM unnest('{4713-01-01 BC,294276-12-31}'::timestamp[]) x;
SELECT dap.mad(x), dap.iqr(x) FROM unnest('{1 mon,30 days,31 days,1 day}'::interval[]) x;
SELECT dap.mad(x) FROM unnest('{2024-01-01,2024-01-02,infinity}'::timestamp[]) x;

-- NULLs, nothing, FILTER, DISTINCT.
SELECT dap.mode(x), dap.mad(x), dap.iqr(x) FROM (VALUES (NULL), (3), (1), (NULL), (3)) v(x);
SELECT dap.mode(x), dap.mad(x), dap.iqr(x) FROM (VALUES (NULL::date)) v(x);
SELECT dap.mode(x), dap.mad(x), dap.iqr(x) FROM generate_series(1, 0) x;
SELECT dap.mode(7), dap.mad(7.5), dap.iqr(7::float8);
SELECT dap.mode(x / 3) FILTER (WHERE x > 5), dap.mad(DISTINCT x / 4), dap.iqr(DISTINCT x / 4)
FROM generate_series(1, 10) x;

-- Sums and differences beyond a double: what lies that far off is never in the middle.
SELECT dap.mad(x) FROM unnest('{1.7e308,-1.7e308,-1.7e308,-1.7e308,1.7e308,1.7e308,-1.7e308,1}'::float8[]) x;
SELECT dap.mad(x) FROM unnest('{1.7e308,1.7e308,-1.7e308,-1.7e308,1.7e308,-1.7e308,1.7e308}'::float8[]) x;
-- What has no answer.
SELECT dap.mad(x) FROM unnest('{2024-01-01,infinity,-infinity}'::timestamp[]) x;
SELECT dap.mad(x) FROM unnest('{infinity,infinity,-infinity}'::date[]) x;
SELECT dap.iqr(x) FROM unnest('{2024-01-01,infinity,infinity}'::timestamptz[]) x;
SELECT dap.iqr(x) FROM unnest('{1.7e308,-1.7e308,1.7e308,-1.7e308}'::float8[]) x;
\set VERBOSITY sqlstate
SELECT dap.mad(x) FROM unnest('{2024-01-01,infinity,-infinity}'::timestamp[]) x;
SELECT dap.mad(x) FROM unnest('{infinity,infinity,-infinity}'::date[]) x;
SELECT dap.iqr(x) FROM unnest('{2024-01-01,infinity,infinity}'::timestamptz[]) x;
SELECT dap.iqr(x) FROM unnest('{1.7e308,-1.7e308,1.7e308,-1.7e308}'::float8[]) x;
\set VERBOSITY default

-- Windows: every frame moves.
SELECT x, dap.mode(x) OVER w, dap.mad(x) OVER w, dap.iqr(x) OVER w, dap.mode(x / 2) OVER (ORDER BY i DESC) AS rest
FROM unnest('{4,4,1,1,1,NULL,4}'::integer[]) WITH ORDINALITY v(x, i)
WINDOW w AS (ORDER BY i ROWS 2 PRECEDING) ORDER BY i;
SELECT count(m) FROM (SELECT dap.mode(random()) OVER (ROWS 3 PRECEDING) AS m FROM generate_series(1, 100)) s;

-- The first keys by their sums.
SELECT * FROM unnest((SELECT dap.top_n(k, a, 3)
  FROM (VALUES (1, 2.50), (2, 4), (1, 1.5), (3, 4.000), (4, -1)) v(k, a)));
\pset null '(null)'
SELECT * FROM unnest((SELECT dap.top_n(k, a, 9)
  FROM (VALUES ('b', 2), ('B', 2), (NULL, 2), ('', 2), ('é', 2), ('b', 0)) v(k, a)));
\pset null ''
SELECT g, i.* FROM (SELECT k % 2 AS g, dap.top_n(k, k * 1.1, 2) AS top FROM generate_series(1, 9) k GROUP BY 1) s,
  unnest(top) i ORDER BY g, rank;
-- Amounts that are NULL count for nothing; a key with no other is not there.
SELECT dap.top_n(k, a, 5) FROM (VALUES (1, 2.5), (2, NULL), (1, NULL)) v(k, a);
SELECT dap.top_n(1, NULL, 5), dap.top_n(1, 1, 5) FILTER (WHERE false), dap.top_n(1, 1, 0);
-- No share of nothing.
SELECT dap.top_n(k, a, 5) FROM (VALUES (1, 2.5), (2, -2.5)) v(k, a);
SELECT dap.top_n(k, a, 5) FROM (VALUES (1, 1e40), (2, 1e-40), (1, -1e40), (3, 1), (2, 1e-32)) v(k, a);
SELECT dap.top_n(k, a, 5) FROM (VALUES (1, 'NaN'::numeric), (2, 'Infinity'), (3, '-Infinity'), (2, '-Infinity'),
  (4, 7)) v(k, a);
SELECT dap.top_n(DISTINCT k, a, 5), dap.top_n(k, a, 1) FILTER (WHERE k < 2)
FROM (VALUES (1, 2), (1, 2), (2, 3)) v(k, a);
SELECT dap.top_n(k, 99999999999999999999.9999, 1) FROM (SELECT 1 FROM generate_series(1, 10000)) v(k);

SELECT dap.top_n(x, 1, NULL) FROM generate_series(1, 3) x;
SELECT dap.top_n(x, 1, -1) FROM generate_series(1, 3) x;
SELECT dap.top_n(x, 1, x) FROM generate_series(1, 3) x;
SELECT dap.top_n(x::text, NULL, CASE WHEN x < 3 THEN 1 END) FROM generate_series(1, 3) x;
\set VERBOSITY sqlstate
SELECT dap.top_n(x, 1, NULL) FROM generate_series(1, 3) x;
SELECT dap.top_n(x, 1, -1) FROM generate_series(1, 3) x;
SELECT dap.top_n(x, 1, x) FROM generate_series(1, 3) x;
SELECT dap.top_n(x::text, NULL, CASE WHEN x < 3 THEN 1 END) FROM generate_series(1, 3) x;
\set VERBOSITY default

-- Partial aggregation.
CREATE TABLE dap_test_values AS SELECT i, i % 10 AS g, (i * 7919 % 100003)::numeric / 100 AS x
  FROM generate_series(1, 50000) i;
ANALYZE dap_test_values;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS off) SELECT dap.mode(x), dap.mad(x), dap.iqr(x), dap.top_n(i, x, 3) FROM dap_test_values;
SELECT dap.mode(x), dap.mad(x), dap.iqr(x), dap.top_n(i, x, 2), dap.top_n(g::text, x, 2) FROM dap_test_values;
DROP TABLE dap_test_values;

-- Everyone may use them; nobody may call what is behind them.
CREATE ROLE regress_dap_stranger;
SELECT bool_and(has_function_privilege('regress_dap_stranger', oid, 'EXECUTE') = (prokind = 'a')), count(*) FROM pg_proc
WHERE pronamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace) AND proname ~ '^(mode|mad|iqr|top_n)';
SET ROLE regress_dap_stranger;
SELECT dap.mode(x), dap.mad(x), dap.iqr(x), dap.top_n(x, x, 1) FROM generate_series(1, 3) x;
RESET ROLE;
DROP ROLE regress_dap_stranger;
