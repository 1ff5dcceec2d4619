-- Tables of sources and models that somebody dropped: each can be made again under its name, or its definition removed.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE SCHEMA staging;
CREATE SCHEMA intermediate;
CREATE SCHEMA analytics;
CREATE FUNCTION pg_temp.refresh() RETURNS TABLE (object text, action text, ins bigint, upd bigint, del bigint)
  LANGUAGE sql AS $$
  SELECT object, action, rows_inserted, rows_updated, rows_deleted FROM dap.refresh_all(ingest => false) $$;
CREATE FUNCTION pg_temp.load(name text, content text) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(': ', status, reason) FROM dap.ingest_bytes('s', name, convert_to(content, 'UTF8')) $$;
CREATE FUNCTION pg_temp.m() RETURNS regclass LANGUAGE sql AS $$
  SELECT dap.create_clean_model('m', 's', '[{"name": "id", "type": "bigint"}, {"name": "v", "type": "numeric(10,2)"}]',
    '{id}') $$;
-- Numbers of tables that are gone differ from run to run.
CREATE FUNCTION pg_temp.say(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  message text; detail text; hint text;
BEGIN
  EXECUTE statement;
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN regexp_replace(SQLSTATE || ' ' || message || coalesce(E'\nDETAIL: ' || nullif(detail, ''), '')
    || coalesce(E'\nHINT: ' || nullif(hint, ''), ''),
    '''[0-9]+''|\m[0-9]{5,6}\M(?! )', 'NUMBER', 'g');
END $$;

SELECT dap.create_source('s', columns => '{id,v}');
SELECT pg_temp.load('a.csv', E'id,v\n1,1.25\n2,2.50\n3,3.75\nx,1\n');
SELECT pg_temp.load('bad.csv', E'id,w\n1,1\n');
SELECT dap.dismiss_file('bad.csv', 'wrong columns');
SELECT pg_temp.m();
SELECT dap.create_model('intermediate.n', 'SELECT id, v FROM intermediate.m WHERE v > 2', '{id}');
SELECT dap.create_model('t', 'SELECT 1 AS k, sum(v) AS total FROM intermediate.n', '{k}');
SELECT dap.create_model('direct', 'SELECT count(*) AS n, 1 AS k FROM staging.s', '{k}');
SELECT * FROM pg_temp.refresh();

-- A source's table
DROP TABLE staging.s;
SELECT state, regexp_replace(message, '''[0-9]+''', 'NUMBER') AS message FROM dap.status WHERE state <> 'ok';
SELECT object, reason FROM dap.rejects;
SELECT pg_temp.say($$SELECT * FROM dap.refresh_intermediate('full')$$);
SELECT pg_temp.say('SELECT * FROM dap.refresh_analytics()');
SELECT pg_temp.say($$SELECT * FROM dap.ingest_bytes('s', 'a.csv', '')$$);
CREATE TYPE public.regress_row AS (id text);
SELECT pg_temp.say('SELECT * FROM dap.file_rows(NULL::public.regress_row, ' || min(file_id) || ')') FROM dap.files;
SELECT pg_temp.say($$SELECT dap.retry_rejects($$ || min(file_id) || ')') FROM dap.files;
SELECT pg_temp.say($$SELECT dap.drop_source('s')$$);
SELECT dap.create_source('s', columns => '{id,v}');
SELECT path, status, regexp_replace(reason, ' by .*', '') AS reason FROM dap.files ORDER BY file_id;
SELECT pg_temp.load('a.csv', E'id,v\n1,1.25\n2,2.50\n3,3.75\nx,1\n');
SELECT pg_temp.load('bad.csv', E'id,w\n1,1\n');
SELECT * FROM pg_temp.refresh();
SELECT object, reason FROM dap.rejects;
SELECT pg_temp.m();
SELECT pg_temp.load('b.csv', E'id,v\n4,4.75\n');
SELECT * FROM pg_temp.refresh();
SELECT object, state FROM dap.status WHERE state <> 'ok';
SELECT pg_temp.say($$SELECT dap.drop_source('s')$$);
-- with another definition
DROP TABLE staging.s;
SELECT dap.create_source('s', columns => '{id,v,w}', options => '{"delimiter": ";"}', or_replace => true);
SELECT pg_temp.load('a.csv', E'id;v;w\n1;1.00;\n');
SELECT * FROM pg_temp.refresh();
SELECT * FROM intermediate.m;
-- without what a model reads
DROP TABLE staging.s;
SELECT dap.create_source('s', columns => '{id}');
SELECT pg_temp.load('a.csv', E'id\n1\n');
SELECT pg_temp.say('SELECT pg_temp.refresh()');
DROP TABLE staging.s;
SELECT dap.create_source('s', columns => '{id,v}');
SELECT pg_temp.load('a.csv', E'id,v\n1,1.25\n2,2.50\n3,3.75\n');
SELECT * FROM pg_temp.refresh();
-- from a copy that somebody kept
CREATE TABLE staging.kept AS TABLE staging.s;
DROP TABLE staging.s;
ALTER TABLE staging.kept RENAME TO s;
SELECT pg_temp.say($$SELECT dap.create_source('s', columns => '{id,v}')$$);
SELECT dap.create_source('s', columns => '{id,v}', options => '{"adopt": true}');
SELECT path, status, rows_loaded FROM dap.files WHERE status IN ('loaded', 'dismissed') ORDER BY file_id;
SELECT * FROM pg_temp.refresh();

-- A model's table: the same definition again, others than it are not touched
SELECT min(model_id) AS number FROM dap_internal.model_definition \gset
SELECT pg_temp.load('x.csv', E'id,v\nx,1\n2,2.50\n');
SELECT * FROM pg_temp.refresh();
DROP TABLE intermediate.m;
SELECT state, regexp_replace(message, '''[0-9]+''', 'NUMBER') AS message FROM dap.status WHERE state <> 'ok';
SELECT object, reason FROM dap.rejects;
SELECT pg_temp.say('SELECT pg_temp.refresh()');
SELECT pg_temp.m();
SELECT model_id = :number AS same_number, relation, upstream FROM dap_internal.model_definition ORDER BY model_id;
SELECT pg_temp.m();
SELECT * FROM pg_temp.refresh();
SELECT * FROM pg_temp.refresh();
SELECT pg_temp.say($$SELECT dap.drop_model('m')$$);
-- another definition, whether it says or_replace or not; readers get their types from it
DROP TABLE intermediate.m, intermediate.n;
SELECT dap.create_clean_model('m', 's', '[{"name": "id", "type": "bigint"}, {"name": "v", "type": "numeric(10,3)"}]',
  '{id}', or_replace => true);
SELECT dap.create_model('intermediate.n', 'SELECT id, v FROM intermediate.m WHERE v > 3', '{id}');
SELECT * FROM pg_temp.refresh();
SELECT * FROM analytics.t;
-- of another kind
DROP TABLE intermediate.m;
SELECT dap.create_model('intermediate.m', 'SELECT 5::bigint AS id, 5.5 AS v', '{id}');
SELECT * FROM pg_temp.refresh();
SELECT * FROM analytics.t;
-- not one that would read itself by way of those that read it
DROP TABLE intermediate.m;
SELECT dap.create_model('intermediate.m', 'SELECT id, v FROM intermediate.n', '{id}');
SELECT pg_temp.m();
SELECT * FROM pg_temp.refresh();
-- the definition removed, by the number that dap.status shows or by name
DROP TABLE intermediate.m;
SELECT object AS gone FROM dap.status WHERE state = 'failed' \gset
SELECT dap.drop_model(:'gone');
SELECT pg_temp.say('SELECT pg_temp.refresh()');
SELECT pg_temp.m();
SELECT * FROM pg_temp.refresh();
SELECT pg_temp.say($$SELECT dap.drop_model('m')$$);
DROP TABLE analytics.t;
SELECT dap.drop_model('t');
SELECT dap.drop_model('t');
-- renamed before it was dropped
ALTER TABLE intermediate.n RENAME TO renamed;
SELECT * FROM pg_temp.refresh();
DROP TABLE intermediate.renamed;
SELECT pg_temp.say('SELECT pg_temp.refresh()');
SELECT dap.create_model('intermediate.renamed', 'SELECT id, v FROM intermediate.m WHERE v > 2', '{id}');
SELECT * FROM pg_temp.refresh();
-- made again by hand: not the model's
DROP TABLE intermediate.renamed;
CREATE TABLE intermediate.renamed (id bigint);
SELECT dap.create_model('intermediate.renamed', 'SELECT id, v FROM intermediate.m WHERE v > 2', '{id}');
DROP TABLE intermediate.renamed;
SELECT dap.create_model('intermediate.renamed', 'SELECT id, v FROM intermediate.m WHERE v > 2', '{id}');
SELECT * FROM pg_temp.refresh();
-- a layer with all that is in it
DROP SCHEMA intermediate CASCADE;
CREATE SCHEMA intermediate;
SELECT pg_temp.m();
SELECT dap.create_model('intermediate.renamed', 'SELECT id, v FROM intermediate.m WHERE v > 2', '{id}');
SELECT * FROM pg_temp.refresh();

-- A run needs the models that it brings up to date, no others
CREATE VIEW public.w AS SELECT 1 AS k, 2 AS x;
SELECT dap.create_model('broken', 'SELECT k, x FROM public.w', '{k}');
DROP VIEW public.w;
SELECT dap.create_model('gone', 'SELECT 1 AS k', '{k}');
DROP TABLE analytics.gone;
SELECT pg_temp.load('c.csv', E'id,v\n9,9.75\n');
SELECT object, action FROM dap.refresh_intermediate();
SELECT pg_temp.say('SELECT * FROM dap.refresh_analytics()');
SELECT dap.drop_model('gone');
SELECT pg_temp.say('SELECT * FROM dap.refresh_analytics()');
SELECT dap.drop_model('broken');
DROP TABLE intermediate.renamed;
SELECT object, action FROM dap.refresh_analytics();
SELECT pg_temp.say('SELECT * FROM dap.refresh_intermediate()');
SELECT dap.drop_model('renamed');
SELECT object, action FROM dap.refresh_all(ingest => false);
SELECT status, count(*) FROM dap.runs GROUP BY 1 ORDER BY 1;

-- The built-in pipeline
SET client_min_messages = error;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
SELECT action, count(*) FROM dap.setup() GROUP BY 1;
DROP TABLE staging.users, intermediate.users_clean, analytics.daily_top_users;
SELECT object, kind, action FROM dap.setup() WHERE action <> 'exists';
DROP SCHEMA analytics CASCADE;
SELECT object, kind, action FROM dap.setup() WHERE action <> 'exists';
SELECT count(*), count(*) FILTER (WHERE action = 'built') AS built FROM dap.refresh_all(ingest => false);
SELECT count(*), count(DISTINCT relation) FROM dap_internal.model_definition;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging, intermediate, analytics CASCADE;
DROP TYPE public.regress_row;
