-- The first rows of a query model go into its table in pages, or by INSERT: it makes no difference but in time.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE TEMP TABLE made AS SELECT * FROM dap.setup();
SET datestyle = 'ISO';
CREATE TABLE public.wide AS SELECT g AS id, CASE WHEN g % 3 = 0 THEN (SELECT string_agg(md5(i::text || g), '')
  FROM generate_series(1, 300) AS i) ELSE 'short' END AS note FROM generate_series(1, 30) AS g;
-- Values of many types, NULLs, numerics of every form
CREATE FUNCTION pg_temp.define(query text, key text[] DEFAULT '{id}') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM dap.drop_model('paths') FROM dap.status WHERE object = 'analytics.paths';
  DROP TABLE IF EXISTS analytics.paths;
  PERFORM dap.create_model('analytics.paths', query, key);
END $$;
CREATE FUNCTION pg_temp.by(engine text, OUT step text, OUT content text, OUT rows bigint, OUT made_anew boolean)
LANGUAGE plpgsql AS $$
DECLARE before oid;
BEGIN
  PERFORM set_config('dap.engine', engine, true);
  TRUNCATE analytics.paths;
  before := pg_relation_filenode('analytics.paths_pkey');
  SELECT concat_ws(' ', action, rows_in, rows_inserted) INTO step FROM dap.refresh_analytics('full')
    WHERE object = 'analytics.paths';
  SELECT count(*), md5(string_agg(t::text, E'\n' ORDER BY t::text COLLATE "C")) INTO rows, content
    FROM analytics.paths AS t;
  made_anew := before <> pg_relation_filenode('analytics.paths_pkey');
END $$;
CREATE FUNCTION pg_temp.compare(OUT step text, OUT rows bigint, OUT same boolean, OUT pages boolean)
LANGUAGE plpgsql AS $$
DECLARE one record; other record;
BEGIN
  one := pg_temp.by('on');
  other := pg_temp.by('off');
  step := one.step; rows := one.rows; pages := one.made_anew;
  same := (one.step, one.rows, one.content) IS NOT DISTINCT FROM (other.step, other.rows, other.content)
    AND NOT other.made_anew;
END $$;

SELECT pg_temp.define($$SELECT g AS id, CASE WHEN g % 5 = 0 THEN NULL ELSE g::smallint END AS s, g * 0.5::float8 AS f,
  (g - 500)::numeric(30,9) / 7 AS n, 'NaN'::numeric AS nan, repeat('x', g % 300) AS t, '{1,2}'::int[] || g AS a,
  jsonb_build_object('g', g) AS j, g % 2 = 0 AS b, '"a"'::"char" AS c, date '2026-01-01' + g AS d,
  (g || ' minutes')::interval AS i, NULL::text AS nothing FROM generate_series(1, 1000) AS g$$);
SELECT * FROM pg_temp.compare();
SELECT pg_temp.define('SELECT g AS id FROM generate_series(1, 0) AS g');
SELECT * FROM pg_temp.compare();
SELECT pg_temp.define($$SELECT 'k' || g AS id, g AS other FROM generate_series(1, 2000) AS g$$, '{other,id}');
SELECT * FROM pg_temp.compare();
-- What a page cannot hold as it is
SELECT pg_temp.define('SELECT w.id, w.note FROM public.wide AS w');
SELECT * FROM pg_temp.compare();
SELECT pg_temp.define('SELECT w.id, w.note || ''!'' AS note FROM public.wide AS w');
SELECT * FROM pg_temp.compare();
SELECT pg_relation_size('analytics.paths') < 30000 AS no_room_is_lost, sum(length(note)) FROM analytics.paths;
-- Keys that are no keys
SELECT pg_temp.define('SELECT g / 2 AS id, g FROM generate_series(1, 1000) AS g');
SELECT pg_temp.by('on');
SELECT pg_temp.by('off');
SELECT pg_temp.define('SELECT nullif(g, 7) AS id, g FROM generate_series(1, 1000) AS g');
SELECT pg_temp.by('on');
SELECT pg_relation_size('analytics.paths');
-- Errors of the query
SELECT pg_temp.define('SELECT g AS id, 1 / (900 - g) AS q FROM generate_series(1, 1000) AS g');
SELECT pg_temp.by('on');
SELECT pg_temp.by('off');
-- A user's column
SELECT pg_temp.define('SELECT g AS id, g * 2 AS twice FROM generate_series(1, 1000) AS g');
ALTER TABLE analytics.paths ADD note text, DROP COLUMN twice, ADD COLUMN twice integer;
SELECT * FROM pg_temp.compare();
SELECT * FROM analytics.paths ORDER BY id LIMIT 2;
ALTER TABLE analytics.paths ALTER note SET DEFAULT 'none';
SELECT * FROM pg_temp.compare();
-- A NOT NULL that somebody gave a column
SELECT pg_temp.define('SELECT g AS id, nullif(g, 3) AS three FROM generate_series(1, 10) AS g');
ALTER TABLE analytics.paths ALTER three SET NOT NULL;
SELECT pg_temp.by('on');
SELECT dap.drop_model('paths');
DROP TABLE public.wide;
