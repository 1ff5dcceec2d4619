-- A model's query, a function or a trigger that a refresh or a load runs cannot begin another one, nor change a
-- definition or load a file.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE SCHEMA staging;
CREATE SCHEMA intermediate;
CREATE SCHEMA analytics;
SELECT dap.create_source('s', columns => '{id,v}');
SELECT dap.create_clean_model('m', 's', '[{"name": "id", "type": "bigint"}, {"name": "v", "type": "text"}]', '{id}');
SET max_stack_depth = '500kB';  -- what goes on and on ends soon
RESET client_min_messages;
SELECT file_id, status FROM dap.ingest_bytes('s', 'a.csv', E'id,v\n1,a\n2,b\n');
-- Runs any statement, in models and triggers
CREATE TABLE public.statement (sql text);
INSERT INTO public.statement VALUES ('SELECT 1');
CREATE FUNCTION public.run() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE (SELECT sql FROM public.statement);
  RETURN 1;
END $$;
CREATE FUNCTION public.run_in_trigger() RETURNS trigger
  LANGUAGE plpgsql AS $$ BEGIN PERFORM public.run(); RETURN NULL; END $$;
CREATE FUNCTION pg_temp.raises(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  EXECUTE statement INTO detail;
  RETURN detail;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n  ', SQLSTATE || ': ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
-- How the statement ends when this one runs it, and how many runs it left
CREATE FUNCTION pg_temp.within(outermost text, inner_one text, OUT outcome text, OUT runs bigint) LANGUAGE plpgsql AS $$
DECLARE newest bigint := (SELECT max(run_id) FROM dap.runs);
BEGIN
  UPDATE public.statement SET sql = inner_one;
  outcome := pg_temp.raises(outermost);
  runs := (SELECT count(*) FROM dap.runs WHERE run_id > newest AND status = 'failed');
END $$;
SELECT action FROM dap.refresh_all();

-- In a model's query
SELECT dap.create_model('analytics.t', 'SELECT id, public.run() AS one FROM intermediate.m', '{id}');
\set refresh 'SELECT count(*) FROM dap.refresh_all(ingest => false)'
SELECT * FROM pg_temp.within(:'refresh', 'SELECT dap.refresh_all(ingest => false)');
SELECT * FROM pg_temp.within(:'refresh', 'SELECT dap.refresh_intermediate()');
SELECT * FROM pg_temp.within(:'refresh', 'SELECT dap.refresh_analytics()');
SELECT * FROM pg_temp.within('SELECT count(*) FROM dap.refresh_analytics()', 'SELECT dap.refresh_intermediate()');
SELECT * FROM pg_temp.within(:'refresh', $$SELECT dap.ingest_csv('s', '/nowhere')$$);
SELECT * FROM pg_temp.within(:'refresh', $$SELECT dap.ingest_bytes('s', 'b.csv', 'id,v')$$);
SELECT * FROM pg_temp.within(:'refresh', $$SELECT dap.ingest_largeobject('s', 'b.csv', 1)$$);
SELECT * FROM pg_temp.within(:'refresh', $$SELECT dap.retry_rejects((SELECT max(file_id) FROM dap.files))$$);
SELECT * FROM pg_temp.within(:'refresh', $$SELECT dap.create_source('z', columns => '{a}')$$);
SELECT * FROM pg_temp.within(:'refresh', $$SELECT dap.create_clean_model('z', 's', '[{"name": "id", "type": "bigint"}]',
  '{id}')$$);
SELECT * FROM pg_temp.within(:'refresh', $$SELECT dap.create_model('z', 'SELECT 1 AS one', '{one}')$$);
SELECT * FROM pg_temp.within(:'refresh', $$SELECT dap.drop_model('m')$$);
SELECT * FROM pg_temp.within(:'refresh', $$SELECT dap.drop_source('s')$$);
SELECT * FROM pg_temp.within(:'refresh', $$SELECT dap_internal.write('guard', 'staging.s', '{}')$$);
SELECT failed_step, sqlstate, message FROM dap.runs ORDER BY run_id DESC LIMIT 1;
-- whatever the function makes of the refusal
SELECT * FROM pg_temp.within(:'refresh',
  $$DO 'BEGIN PERFORM dap.refresh_all(); EXCEPTION WHEN object_not_in_prerequisite_state THEN NULL; END'$$);
-- What only reads may be read
SELECT * FROM pg_temp.within(:'refresh', $$SELECT count(*) FROM dap.files, dap.status,
  dap.file_rows(NULL::staging.s, (SELECT max(file_id) FROM dap.files))$$);
-- After a failure as after a success, a refresh can start
SELECT * FROM pg_temp.within(:'refresh', 'SELECT 1');
SELECT DISTINCT run_id = (SELECT max(run_id) FROM dap.runs) AS a_run FROM dap.refresh_all(ingest => false);
BEGIN;
SELECT object, action FROM dap.refresh_all(ingest => false);
SELECT object, action FROM dap.refresh_all(ingest => false);
SELECT status FROM dap.ingest_bytes('s', 'c.csv', E'id,v\n3,c\n');
SELECT object, action FROM dap.refresh_all(ingest => false);
COMMIT;

-- In a parallel worker: at once too
CREATE TABLE public.big AS SELECT i AS id FROM generate_series(1, 5000) i;
ALTER FUNCTION public.run() PARALLEL SAFE;
SELECT dap.create_model('analytics.t', 'SELECT count(*) AS id, sum(public.run()) AS one FROM public.big', '{id}',
  or_replace => true);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT * FROM pg_temp.within(:'refresh', 'SELECT dap.refresh_all(ingest => false)');
SELECT * FROM pg_temp.within(:'refresh', $$SELECT dap.ingest_bytes('s', 'b.csv', 'id,v')$$);
SELECT * FROM pg_temp.within(:'refresh', $$SELECT dap.create_source('z', columns => '{a}')$$);
RESET parallel_leader_participation;
SELECT dap.drop_model('analytics.t');

-- In triggers of a model's table and of a source's, which a load runs by itself as well
CREATE TRIGGER run AFTER INSERT ON intermediate.m FOR EACH ROW EXECUTE FUNCTION public.run_in_trigger();
SELECT status FROM dap.ingest_bytes('s', 'd.csv', E'id,v\n4,d\n');
SELECT * FROM pg_temp.within(:'refresh', 'SELECT dap.refresh_all(ingest => false)');
SELECT * FROM pg_temp.within(:'refresh', 'SELECT dap.refresh_all()');
SELECT * FROM pg_temp.within(:'refresh', $$SELECT dap.ingest_bytes('s', 'b.csv', 'id,v')$$);
DROP TRIGGER run ON intermediate.m;
CREATE TRIGGER run AFTER INSERT ON staging.s FOR EACH ROW EXECUTE FUNCTION public.run_in_trigger();
CREATE FUNCTION pg_temp.load() RETURNS text LANGUAGE sql AS $$ SELECT status || coalesce(': ' || reason, '')
  FROM dap.ingest_bytes('s', 'e.csv', E'id,v\n5,e\n') $$;
SELECT * FROM pg_temp.within('SELECT pg_temp.load()', 'SELECT dap.refresh_all(ingest => false)');
SELECT * FROM pg_temp.within('SELECT pg_temp.load()', $$SELECT dap.ingest_bytes('s', 'b.csv', 'id,v')$$);
SELECT * FROM pg_temp.within('SELECT pg_temp.load()',
  $$SELECT dap.retry_rejects((SELECT max(file_id) FROM dap.files))$$);
SELECT * FROM pg_temp.within('SELECT pg_temp.load()', $$SELECT dap.drop_source('s')$$);
SELECT * FROM pg_temp.within('SELECT pg_temp.load()', 'SELECT 1');
SELECT path, status, reason FROM dap.files ORDER BY file_id;
SELECT object, action FROM dap.refresh_all(ingest => false);

SET client_min_messages = warning;
DROP SCHEMA staging, intermediate, analytics CASCADE;
DROP TABLE public.statement, public.big;
DROP FUNCTION public.run(), public.run_in_trigger();
DROP EXTENSION dap_analytics CASCADE;
