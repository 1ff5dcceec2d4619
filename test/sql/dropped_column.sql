-- A column of a source's table that somebody dropped or renamed is missed where files are loaded and where models are
-- built.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE SCHEMA staging;
CREATE SCHEMA intermediate;
CREATE SCHEMA analytics;
RESET client_min_messages;
CREATE FUNCTION pg_temp.load(name text, content text, OUT status text, OUT rows bigint, OUT reason text)
  RETURNS SETOF record
LANGUAGE
  sql AS 'SELECT i.status, i.rows_loaded, i.reason FROM dap.ingest_bytes(''s'', name, convert_to(content, ''UTF8'')) '
  'AS i';
SELECT dap.create_source('s', columns => '{id,v,w}');
SELECT dap.create_clean_model('m', 's', '[{"name": "id", "type": "bigint"}, {"name": "v", "type": "integer"}]', '{id}');
SELECT dap.create_source('t', columns => '{a}');
SELECT dap.create_clean_model('other', 't', '[{"name": "a", "type": "bigint"}]', '{a}');
SELECT * FROM pg_temp.load('a', E'id,v,w\n1,10,x\n2,20,y\n');
SELECT object, action FROM dap.refresh_all();
-- dropped: one that no model reads
ALTER TABLE staging.s DROP COLUMN w;
SELECT * FROM pg_temp.load('b', E'id,v,w\n3,30,z\n');
\set VERBOSITY terse
SELECT object, action FROM dap.refresh_all();
SELECT object, action FROM dap.refresh_intermediate();
SELECT status, sqlstate, failed_step FROM dap.runs ORDER BY run_id DESC LIMIT 1;
SELECT * FROM dap.retry_rejects(1);
-- the same definition is no repair unless it is said so
SELECT dap.create_source('s', columns => '{id,v,w}');
SELECT * FROM pg_temp.load('b', E'id,v,w\n3,30,z\n');
\set VERBOSITY default
SELECT dap.create_source('s', columns => '{id,v,w}', or_replace => true);
SELECT * FROM pg_temp.load('b', E'id,v,w\n3,30,z\n');
SELECT object, action FROM dap.refresh_all();
SELECT id, w FROM staging.s ORDER BY id;
-- given up
ALTER TABLE staging.s DROP COLUMN w;
SELECT dap.create_source('s', columns => '{id,v}', or_replace => true);
SELECT * FROM pg_temp.load('c', E'id,v\n4,40\n');
-- renamed, and back
ALTER TABLE staging.s RENAME COLUMN v TO other;
\set VERBOSITY terse
SELECT * FROM pg_temp.load('d', E'id,v\n5,50\n');
SELECT object, action FROM dap.refresh_intermediate();
ALTER TABLE staging.s RENAME COLUMN other TO v;
SELECT * FROM pg_temp.load('d', E'id,v\n5,50\n');
SELECT object, action FROM dap.refresh_all();
SELECT * FROM intermediate.m ORDER BY id;
-- a column that a file brought, and that a model reads
SELECT * FROM pg_temp.load('e', E'id,v,n\n6,60,600\n');
SELECT dap.create_clean_model('n', 's', '[{"name": "id", "type": "bigint"}, {"name": "n", "type": "integer"}]', '{id}');
SELECT object, action FROM dap.refresh_all();
ALTER TABLE staging.s DROP COLUMN n;
SELECT * FROM pg_temp.load('f', E'id,v\n7,70\n');
SELECT object, action FROM dap.refresh_all();
SELECT status, sqlstate, failed_step FROM dap.runs ORDER BY run_id DESC LIMIT 1;

SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
