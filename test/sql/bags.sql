-- dap.bag: its text, bytes, arithmetic, answers and errors; what stands for it in plans, dumps and privileges.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dap_analytics;
RESET client_min_messages;
\set SHOW_CONTEXT never

-- Text: any order, repeated values and blanks come in; values in order with their numbers go out.
SELECT b::dap.bag FROM (VALUES ('{}'), ('{ }'), ('{1}'), (' { 2 : 3 , 1.50, 1.5:2, -0, +7e2 } '),
  ('{1e-20:2,1e20,-1e-20}'),
  ('{NaN,Infinity:2,-Infinity:9223372036854775800}'),
  ('{-9223372036854775808,9223372036854775807,9223372036854775808}'), ('{0.000:5}')) v(b);
SELECT length(b::text), b OPERATOR(dap.=) b::text::dap.bag AS same
FROM (SELECT '{1e-1000:2,1e1000,-1e1000,1.5}'::dap.bag AS b) s;
SELECT length('{1e131071,1e-16383}'::dap.bag::text);

-- Bytes: stored bags keep these for ever.
SELECT t, dap_internal.bag_send(t::dap.bag)
FROM (VALUES ('{}'), ('{0}'), ('{2}'), ('{1.25:3,2}'), ('{-0.01,100:1000000,100.01}'),
  ('{-Infinity,1,Infinity:2,NaN:300}'),
  ('{-9223372036854775808,9223372036854775807}'), ('{1,1e-1000,1e1000:2,-12345678901234567890.5}')) v(t);
SELECT dap_internal.bag_send(dap.bag_agg(x)) AS hundred FROM generate_series(1, 300) x;
SELECT dap_internal.bag_send('{1.50:2,3}') = dap_internal.bag_send('{3.000,1.5,1.5}') AS values_alone;
SELECT pg_column_size(dap.bag_agg(x % 10)) AS bytes_of_ten FROM generate_series(1, 100000) x;

-- Sum, difference, equality: of values, whatever their scale.
SELECT a, b, a OPERATOR(dap.+) b AS sum, a OPERATOR(dap.+) b OPERATOR(dap.-) a OPERATOR(dap.=) b AS back,
  a OPERATOR(dap.=) b AS equal, a OPERATOR(dap.<>) b AS differ
FROM (VALUES ('{1:2,2}'::dap.bag, '{1,3.5}'::dap.bag), ('{}', '{}'), ('{1.0}', '{1.00}'), ('{1e30,1}', '{1e-30,NaN}'),
  ('{Infinity}', '{-Infinity,Infinity}'), ('{100}', '{0.5}')) v(a, b);
SELECT dap.bag_subtract('{1:2,2}', '{1}'), dap.bag_subtract('{1:2,2.25}', '{2.25}'),
  dap.bag_subtract('{1e30:5,1}', '{1e30:5}'), dap.bag_add('{1}', NULL);
SET search_path = public, dap;
SELECT '{1}'::bag + '{2}' - '{1}' = '{2}' AS with_search_path;
RESET search_path;
SELECT count(DISTINCT c), count(*)
FROM (SELECT b, count(*) AS c FROM (VALUES ('{1.0:2}'::dap.bag), ('{1,1}'), ('{1:3}')) v(b) GROUP BY b) s;
SELECT a.i, b.i FROM (VALUES (1, '{1.0:2}'::dap.bag), (2, '{5}')) a(i, b)
JOIN (VALUES (1, '{1,1}'::dap.bag), (2, '{6}')) b(i, b) ON a.b OPERATOR(dap.=) b.b;

-- Answers: numeric, exact, without trailing zeros; NaN sorts last.
SELECT b, dap.bag_count(b), dap.bag_sum(b), dap.bag_min(b), dap.bag_max(b), dap.median(b),
  dap.percentile(b, 0.1) AS p10, dap.percentile(b, 1) AS p100
FROM (VALUES ('{}'::dap.bag), ('{5.50:3}'), ('{1.10,2.3500}'), ('{1:3,2:1}'),
  ('{9223372036854775807:2,9223372036854775806:2}'), ('{-9223372036854775808,9223372036854775807}'),
  ('{1e-30,3e-30}'), ('{100,300:2}'), ('{1:9223372036854775806,4}'), ('{NaN,1,Infinity,-Infinity}'),
  ('{-Infinity:3,1}'), ('{1e30,-1e30:2,0.1:3}'), ('{1,1e20}')) v(b);
SELECT pg_typeof(dap.bag_count(b)), pg_typeof(dap.bag_sum(b)), pg_typeof(dap.bag_min(b)), pg_typeof(dap.median(b)),
  pg_typeof(dap.percentile(b, 0.5)), dap.percentile(b, NULL) IS NULL AS null_fraction
FROM (VALUES ('{1}'::dap.bag)) v(b);

-- Of rows: NULLs ignored, nothing left is NULL; FILTER, DISTINCT, GROUPING SETS, OVER.
SELECT dap.bag_agg(x::smallint), dap.bag_agg(x), dap.bag_agg(x::bigint), dap.bag_agg(x::numeric / 4)
FROM generate_series(-2, 2) x;
SELECT dap.bag_agg(x), dap.bag_agg(-x * 1000) FROM (VALUES (-888.862055143196), (888.862055143196), (100.10)) v(x);
SELECT dap.bag_agg(x), dap.bag_agg(NULL::numeric) IS NULL AS none,
  dap.bag_agg(x) FILTER (WHERE x > 5) IS NULL AS none_left, dap.bag_agg(DISTINCT x)
FROM (VALUES (NULL), (3.10), (1), (3.1)) v(x);
SELECT x % 2 AS g, x % 3 AS h, dap.bag_agg(x) FROM generate_series(1, 6) x GROUP BY GROUPING SETS ((x % 2), (x % 3), ())
ORDER BY 1, 2;
SELECT x, dap.bag_agg(x) OVER (ORDER BY x) AS growing, dap.bag_agg(x * 1.5) OVER (ORDER BY x ROWS 1 PRECEDING) AS moving
FROM generate_series(1, 4) x;
SELECT dap.bag_merge(b), dap.bag_merge(b) FILTER (WHERE b IS NULL) IS NULL AS none
FROM (VALUES ('{1:2}'::dap.bag), (NULL), ('{}'), ('{1,2.5}')) v(b);
SELECT i, dap.bag_merge(b) OVER (ORDER BY i) FROM (VALUES (1, '{1:2}'::dap.bag), (2, NULL), (3, '{1e30}')) v(i, b);

-- Parallel: the same bags.
CREATE TABLE dap_test_values AS SELECT i, i % 10 AS g, (i * 7919 % 100003)::numeric / 100 AS x
  FROM generate_series(1, 50000) i;
CREATE TABLE dap_test_bags AS SELECT i % 500 AS g, dap.bag_agg(x) AS b FROM dap_test_values GROUP BY 1;
ANALYZE dap_test_values, dap_test_bags;
SET max_parallel_workers_per_gather = 0;
CREATE TEMPORARY TABLE serial AS SELECT dap.bag_agg(x) AS b FROM dap_test_values;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS off) SELECT dap.bag_agg(x) FROM dap_test_values;
EXPLAIN (COSTS off) SELECT dap.bag_merge(b) FROM dap_test_bags;
SELECT (SELECT dap.bag_agg(x) FROM dap_test_values) OPERATOR(dap.=) b AS agg,
  (SELECT dap.bag_merge(b) FROM dap_test_bags) OPERATOR(dap.=) b AS merge FROM serial;
RESET max_parallel_workers_per_gather;
SELECT dap.bag_count(b), dap.bag_sum(b) = (SELECT sum(x) FROM dap_test_values) AS sum,
  dap.median(b) = (SELECT dap.median(x) FROM dap_test_values) AS median FROM serial;
DROP TABLE dap_test_values, dap_test_bags;

-- Errors.
SELECT dap.bag_subtract('{1:2,2}', '{1:3}');
SELECT dap.bag_subtract('{1}', '{1.5}');
SELECT dap.bag_subtract('{NaN}', '{NaN:2}');
SELECT dap.bag_add('{1:9223372036854775807}', '{2}');
SELECT dap.bag_merge(b) FROM (VALUES ('{1:9223372036854775807}'::dap.bag), ('{2}')) v(b);
SELECT dap.percentile('{1,2}'::dap.bag, 1.5);
SELECT '{1,x}'::dap.bag;
SELECT '{1 2}'::dap.bag;
SELECT '{1,,2}'::dap.bag;
SELECT '{é}'::dap.bag;
SELECT '{1:2'::dap.bag;
SELECT '{1:0}'::dap.bag;
SELECT '{1:2.5}'::dap.bag;
SELECT '{1:9223372036854775807,2}'::dap.bag;
SELECT '{1e131072}'::dap.bag;
\set VERBOSITY sqlstate
SELECT dap.bag_subtract('{1:2,2}', '{1:3}');
SELECT dap.bag_add('{1:9223372036854775807}', '{2}');
SELECT dap.percentile('{1,2}'::dap.bag, 'NaN');
SELECT '{1,x}'::dap.bag;
SELECT '{1:0}'::dap.bag;
SELECT '{1e-16384}'::dap.bag;
SELECT '\x010000'::bytea::dap.bag;
SELECT b FROM (VALUES ('{1}'::dap.bag)) v(b) ORDER BY b;
\set VERBOSITY default

-- Everyone may use them; nobody may call what is behind them.
CREATE ROLE regress_dap_stranger;
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace)
  AND 'dap.bag'::regtype = ANY (p.proargtypes || p.prorettype)
  AND has_function_privilege('regress_dap_stranger', p.oid, 'EXECUTE') = (p.pronamespace = 'dap_internal'::regnamespace
    AND p.proname !~ '^bag_(in|out|send|hash|hash_extended)$') ORDER BY 1;
SET ROLE regress_dap_stranger;
SELECT dap.median(dap.bag_agg(x) OPERATOR(dap.+) '{2:10}'), '{1}'::dap.bag OPERATOR(dap.=) '{1.0}' AS equal
FROM generate_series(1, 3) x;
RESET ROLE;
DROP ROLE regress_dap_stranger;
