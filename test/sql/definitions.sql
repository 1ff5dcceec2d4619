-- Sources and models: what can be defined, changed and dropped, and every refusal.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
RESET client_min_messages;
CREATE FUNCTION pg_temp.shape(relation regclass) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(format('%I %s%s', attname, format_type(atttypid, atttypmod),
    CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END), ', ' ORDER BY attnum)
  FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped $$;

-- Without layers
SELECT dap.create_source('s', columns => '{a}');
SELECT dap.create_clean_model('m', 's', '[{"name": "a"}]', '{a}');
SELECT dap.create_model('m', 'SELECT 1 AS a', '{a}');
CREATE SCHEMA staging;
CREATE SCHEMA intermediate;
CREATE SCHEMA analytics;

-- Sources: names and columns
SELECT dap.create_source('', columns => '{a}');
SELECT dap.create_source(NULL, columns => '{a}');
SELECT dap.create_source(repeat('x', 64), columns => '{a}');
SELECT dap.create_source('s', columns => '{}');
SELECT dap.create_source('s', columns => '{{a,b},{c,d}}');
SELECT dap.create_source('s', columns => '{a,""}');
SELECT dap.create_source('s', columns => '{a,NULL}');
SELECT dap.create_source('s', columns => ARRAY['a', repeat('x', 64)]);
SELECT dap.create_source('s', columns => '{a,b,A}');
SELECT dap.create_source('s', columns => '{a,_line}');
SELECT dap.create_source('s', columns => '{a,_file_id}');
SELECT dap.create_source('s', columns => '{a,ctid}');
-- paths and options
SELECT dap.create_source('s', path => '', columns => '{a}');
SELECT dap.create_source('s');
SELECT dap.create_source('s', path => 'x.csv', options => '{"header": false}');
SELECT dap.create_source('s', columns => '{a}', options => '{"delimeter": ";"}');
SELECT dap.create_source('s', NULL, '{a}', '0');
SELECT dap.create_source('s', NULL, '{a}', '["adopt"]');
SELECT dap.create_source('s', columns => '{a}',
  options => jsonb_build_object('optional', (SELECT jsonb_agg('c' || i) FROM generate_series(1, 10001) AS i)));
SELECT dap.create_source('s', columns => '{a}',
  options => jsonb_build_object('aliases',
  (SELECT jsonb_object_agg('c' || i, 'a') FROM generate_series(1, 10001) AS i)));
SELECT dap.create_source('s', columns => '{a}', options => '{"delimiter": ";;"}');
SELECT dap.create_source('s', columns => '{a}', options => '{"adopt": "perhaps"}');
SELECT dap.create_source('s', columns => '{a}', options => '[]');
SELECT count(*) FROM dap.status;

SELECT dap.create_source('s', columns => '{a,B c,"d\"e"}');
SELECT pg_temp.shape('staging.s');
SELECT obj_description('staging.s'::regclass, 'pg_class') IS NOT NULL AS has_comment;
-- the same again, with defaults spelled out, and another one
SELECT dap.create_source('s', columns => '{a,B c,"d\"e"}');
SELECT dap.create_source('s', options => '{"delimiter": ",", "header": true}');
SELECT dap.create_source('s', columns => '{a}');
SELECT dap.create_source('s', path => 's.csv');
SELECT dap.create_source('s', options => '{"delimiter": ";"}');
-- or_replace keeps the table
SELECT 'staging.s'::regclass::oid AS before \gset
SELECT dap.create_source('s', path => 's*.csv', columns => '{a,f,"B c"}', options => '{"delimiter": ";"}',
  or_replace => true);
SELECT 'staging.s'::regclass::oid = :before AS same_table, pg_temp.shape('staging.s');
SELECT path, columns, options, definition_hash <> '' AS hashed, created_by = current_user AS mine
FROM dap_internal.source_definition;
-- columns that hold values stay
SELECT status, rows_loaded FROM dap.ingest_bytes('s', 'one', E'a;f;B c\n1;;3\n'::bytea);
SELECT dap.create_source('s', path => 's*.csv', columns => '{a,f}', or_replace => true);
SELECT dap.create_source('s', path => 's*.csv', columns => '{a,"B c",g}', or_replace => true);
SELECT pg_temp.shape('staging.s');
-- names of any kind
SELECT dap.create_source('Odd "name", with 100% é', columns => '{"Odd column %s"}');
SELECT dap.create_source('Odd "name", with 100% é', columns => '{"Odd column %s"}');
SELECT dap.drop_source('Odd "name", with 100% é');
-- columns from the first file
\getenv builddir PG_ABS_BUILDDIR
\set header_file :builddir '/definitions_header.csv'
COPY (SELECT 'id; Amount ;note') TO :'header_file';
SELECT dap.create_source('from_file', path => :'header_file', options => '{"delimiter": ";"}');
SELECT columns FROM dap_internal.source_definition WHERE source = 'from_file';
SELECT dap.create_source('from_file', path => :'header_file', options => '{"delimiter": ";"}');
SELECT dap.drop_source('from_file');
\set no_files :builddir '/definitions_none*.csv'
\set VERBOSITY sqlstate
SELECT dap.create_source('from_file', path => :'no_files');
\set VERBOSITY default

-- The table is guarded
INSERT INTO staging.s (a) VALUES ('1');
INSERT INTO staging.s (_line, a) VALUES (1, '1');
UPDATE staging.s SET a = '2';
DELETE FROM staging.s;
TRUNCATE staging.s;
WITH gone AS (DELETE FROM staging.s WHERE false RETURNING 1) SELECT * FROM gone;
SELECT dap_internal.guard();
\set VERBOSITY terse
DROP EXTENSION dap_analytics;
\set VERBOSITY default

-- Tables that exist already
CREATE TABLE staging.plain (a text);
SELECT dap.create_source('plain', columns => '{a}');
CREATE TABLE staging.old (_line bigint, _file_id integer, a text, b text);
INSERT INTO staging.old VALUES (2, 7, 'x', 'y'), (3, 7, 'x', NULL), (2, 9, 'z', '');
SELECT dap.create_source('old', columns => '{a,b}');
SELECT dap.create_source('old', columns => '{a,c}', options => '{"adopt": true}');
SELECT dap.create_source('old', columns => '{a,b}', options => '{"adopt": true}');
SELECT f.path, f.status, f.reason, f.rows_read, f.rows_loaded, s.a, s.b FROM staging.old s
JOIN dap.files f ON f.file_id = s._file_id ORDER BY f.file_id, s._line;
SELECT pg_temp.shape('staging.old');
DELETE FROM staging.old;
SELECT options FROM dap_internal.source_definition WHERE source = 'old';
CREATE VIEW staging.view_of AS SELECT 1::bigint AS _line, 1 AS _file_id, ''::text AS a;
SELECT dap.create_source('view_of', columns => '{a}');
CREATE TABLE staging.empty_one (_line bigint, _file_id integer, a text);
SELECT dap.create_source('empty_one', columns => '{a}');
INSERT INTO staging.empty_one (a) VALUES ('1');

-- A table that is gone
SELECT status FROM dap.ingest_bytes('empty_one', 'file', E'a\n1\n'::bytea);
DROP TABLE staging.empty_one;
SELECT object ~ '^\d+$' AS number_only, state, message FROM dap.status WHERE state = 'failed';
SELECT dap.create_source('empty_one', columns => '{a}');
SELECT dap.create_source('empty_one', columns => '{a}', or_replace => true);
SELECT path, status, replace(reason, current_user, 'me') AS reason FROM dap.files WHERE source = 'empty_one';
SELECT status FROM dap.ingest_bytes('empty_one', 'file', E'a\n1\n'::bytea);
DROP TABLE staging.empty_one;
SELECT dap.drop_source('empty_one');
SELECT dap.drop_source('empty_one');

-- Clean models
SELECT dap.create_source('t', columns => '{id,amount,at,note}');
SELECT dap.create_clean_model('c', 'nowhere', '[{"name": "id", "type": "bigint"}]', '{id}');
SELECT dap.create_clean_model('c', 't', NULL, '{id}');
SELECT dap.create_clean_model('c', 't', '[]', '{id}');
SELECT dap.create_clean_model('c', 't', '{"name": "id"}', '{id}');
SELECT dap.create_clean_model('c', 't', '["id"]', '{id}');
SELECT dap.create_clean_model('c', 't', '[{"name": "id", "type": "bigint"}]', NULL);
SELECT dap.create_clean_model('c', 't', '[{"name": "id", "type": "bigint"}]', '{}');
SELECT dap.create_clean_model('c', 't', '[{"name": "id", "type": "bigint"}]', '{nothing}');
SELECT dap.create_clean_model('c', 't', '[{"name": "id", "type": "bigint"}]', '{id,id}');
SELECT dap.create_clean_model('c', 't', '[{"name": "id", "type": "bigint"}]', '{id}', latest_by => '{at}');
SELECT dap.create_clean_model('c', 't', '[{"name": "id", "type": "bigint"}, {"name": "id", "type": "bigint"}]', '{id}');
SELECT dap.create_clean_model('c', 't', '[{"name": "id", "source": "key", "type": "bigint"}]', '{id}');
SELECT dap.create_clean_model('c', 't', '[{"name": "id", "type": "money"}]', '{id}');
SELECT dap.create_clean_model('c', 't', '[{"name": "id", "tipe": "bigint"}]', '{id}');
SELECT dap.create_clean_model('analytics.c', 't', '[{"name": "id", "type": "bigint"}]', '{id}');
SELECT dap.create_clean_model('public.c', 't', '[{"name": "id", "type": "bigint"}]', '{id}');
SELECT dap.create_clean_model('staging.c', 't', '[{"name": "id", "type": "bigint"}]', '{id}');
SELECT dap.create_clean_model('a.b.c', 't', '[{"name": "id", "type": "bigint"}]', '{id}');
SELECT dap.create_clean_model('', 't', '[{"name": "id", "type": "bigint"}]', '{id}');
SELECT dap.create_clean_model('c', 't',
  '[{"name": "id", "type": "bigint"}, {"name": "amount", "type": "numeric(10,2)", "required": true},
  {"name": "note", "type": "text"}]', '{id}');
SELECT pg_temp.shape('intermediate.c'), pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = 'intermediate.c'::regclass AND contype = 'p';
SELECT dap.create_clean_model('intermediate.c', 't',
  '[{"name": "id", "type": "bigint"}, {"name": "amount", "type": "numeric(10,2)", "required": true},
  {"name": "note", "type": "text"}]', '{id}');
SELECT dap.create_clean_model('c', 't', '[{"name": "id", "type": "bigint"}]', '{id}');
SELECT status FROM dap.ingest_bytes('t', 't1', E'id,amount,at,note\n1,1.50,2024-01-01,a\n2,2.50,2024-01-02,b\n'::bytea);
SELECT object, action, rows_inserted, rows_updated, rows_deleted FROM dap.refresh_intermediate();
-- or_replace: columns come and go, the table stays
SELECT 'intermediate.c'::regclass::oid AS before \gset
SELECT dap.create_clean_model('c', 't',
  '[{"name": "id", "type": "bigint"}, {"name": "amount", "type": "numeric(12,2)"},
  {"name": "at", "type": "date", "required": true}]', '{id}', '{at}', or_replace => true);
SELECT 'intermediate.c'::regclass::oid = :before AS same_table, pg_temp.shape('intermediate.c');
SELECT state, message FROM dap.status WHERE object = 'intermediate.c';
SELECT object, action, rows_inserted, rows_updated, rows_deleted FROM dap.refresh_intermediate();
SELECT * FROM intermediate.c ORDER BY id;
CREATE VIEW public.reads_c AS SELECT amount FROM intermediate.c;
SELECT dap.create_clean_model('c', 't', '[{"name": "id", "type": "bigint"}, {"name": "at", "type": "date"}]', '{id}',
  or_replace => true);
DROP VIEW public.reads_c;
SELECT dap.create_clean_model('c', 't', '[{"name": "id", "type": "bigint"}, {"name": "amount", "type": "numeric"}]',
  '{amount,id}', or_replace => true);
SELECT pg_temp.shape('intermediate.c'), pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = 'intermediate.c'::regclass AND contype = 'p';
-- a column that a file brought
SELECT status FROM dap.ingest_bytes('t', 't2', E'id,amount,at,note,brought\n3,3.50,2024-01-03,c,later\n'::bytea);
SELECT dap.create_clean_model('brought', 't', '[{"name": "id", "type": "bigint"}, {"name": "brought", "type": "text"}]',
  '{id}');
SELECT dap.create_clean_model('line', 't', '[{"name": "id", "type": "bigint"}, {"name": "_line", "type": "bigint"}]',
  '{id}');
SELECT dap.create_source('t', columns => '{id,amount,at,note,brought}', options => '{"optional": ["brought"]}',
  or_replace => true);
SELECT dap.drop_model('brought');
-- a source that a model reads
SELECT dap.drop_source('t');
SELECT dap.create_source('t', columns => '{id,at,note,brought}', or_replace => true);
CREATE TABLE intermediate.by_hand (id bigint);
SELECT dap.create_clean_model('by_hand', 't', '[{"name": "id", "type": "bigint"}]', '{id}', or_replace => true);

-- Query models: what is no query
SELECT dap.create_model('m', NULL, '{a}');
SELECT dap.create_model('m', '', '{a}');
SELECT dap.create_model('m', 'SELECT 1 AS a; SELECT 2 AS a', '{a}');
SELECT dap.create_model('m', 'DELETE FROM intermediate.c', '{a}');
SELECT dap.create_model('m', 'SELECT 1 AS a INTO public.x', '{a}');
SELECT dap.create_model('m', 'WITH d AS (DELETE FROM intermediate.c RETURNING id) SELECT id FROM d', '{id}');
SELECT dap.create_model('m', 'SELECT id FROM intermediate.c FOR UPDATE', '{id}');
SELECT dap.create_model('m', 'SELECT id FROM (SELECT id FROM intermediate.c FOR SHARE) s', '{id}');
SELECT dap.create_model('m', 'EXPLAIN SELECT 1 AS a', '{a}');
SELECT dap.create_model('m', 'SELECT id FORM intermediate.c', '{id}');
SELECT dap.create_model('m', 'SELECT id FROM c', '{id}');
-- (from 19 on the server adds a DETAIL of its own)
DO $$
DECLARE message text; hint text;
BEGIN
  PERFORM dap.create_model('m', 'SELECT no_such_function(1) AS a', '{a}');
EXCEPTION WHEN undefined_function THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
  RAISE NOTICE '%; %', message, hint;
END $$;
SELECT dap.create_model('m', 'SELECT $1 AS a', '{a}');
-- columns and key
SELECT dap.create_model('m', 'SELECT 1', '{a}');
SELECT dap.create_model('m', 'SELECT', '{a}');
SELECT dap.create_model('m', 'SELECT 1 AS a, 2 AS a', '{a}');
SELECT dap.create_model('m', 'SELECT 1 AS a, ROW(1, 2) AS b', '{a}');
SELECT dap.create_model('m', 'SELECT 1 AS a, ARRAY[ROW(1, 2)] AS b', '{a}');
SELECT dap.create_model('m', 'SELECT 1 AS a, NULL::dap.step_result AS b', '{a}');
SELECT dap.create_model('m', 'SELECT 1 AS a, NULL::dap.step_result[] AS b', '{a}');
CREATE DOMAIN public.regress_bags AS dap.bag;
CREATE TYPE public.regress_with_bag AS (a integer, b dap.bag);
SELECT dap.create_model('m', 'SELECT 1 AS a, ARRAY[''{1}''::public.regress_bags] AS b', '{a}');
SELECT dap.create_model('m', 'SELECT 1 AS a, ARRAY[ROW(1, ''{1}'')::public.regress_with_bag] AS b', '{a}');
DROP TYPE public.regress_with_bag;
DROP DOMAIN public.regress_bags;
SELECT dap.create_model('m', 'SELECT 1 AS ctid', '{ctid}');
SELECT dap.create_model('m', 'SELECT 1 AS a', NULL);
SELECT dap.create_model('m', 'SELECT 1 AS a', '{b}');
SELECT dap.create_model('m', 'SELECT 1 AS a', '{a,a}');
SELECT dap.create_model('public.m', 'SELECT 1 AS a', '{a}');
SELECT count(*) FROM dap_internal.model_definition WHERE kind = 'query';

SELECT dap.create_model('m', $$SELECT 'x' AS label, 1.5::numeric(5,2) AS number, 'y'::varchar(10) AS short,
  'z' COLLATE "C" AS sorted, ARRAY[1] AS list, id FROM intermediate.c$$, '{label,id}');
SELECT pg_temp.shape('analytics.m');
SELECT attname, attcollation::regcollation FROM pg_attribute WHERE attrelid = 'analytics.m'::regclass
  AND attname IN ('label', 'sorted');
SELECT dap.create_model('m', $$SELECT 'x' AS label, 1.5::numeric(5,2) AS number, 'y'::varchar(10) AS short,
  'z' COLLATE "C" AS sorted, ARRAY[1] AS list, id FROM intermediate.c$$, '{label,id}');
SELECT dap.create_model('m', 'SELECT 1 AS a', '{a}');

-- What a query reads is found: through views, subqueries, WITH and EXISTS
CREATE VIEW public.over_c AS SELECT id FROM intermediate.c;
CREATE VIEW public.over_over_c AS SELECT id FROM public.over_c
  WHERE EXISTS (SELECT FROM staging.old o WHERE o.a = id::text);
SELECT dap.create_model('deep', $$WITH w AS (SELECT id FROM public.over_over_c) SELECT id,
  (SELECT count(*) FROM analytics.m WHERE id IN (SELECT length(a) FROM staging.s)) AS n FROM w$$, '{id}');
SELECT upstream, always FROM dap_internal.model_definition WHERE relation = 'analytics.deep'::regclass;
-- what can change by itself is computed each time
CREATE TABLE public.lookup (id integer);
CREATE FUNCTION public.any_number() RETURNS integer LANGUAGE sql STABLE AS 'SELECT 1';
CREATE VIEW public.today AS SELECT current_date AS day;
SELECT dap.create_model('k1', 'SELECT now() AS t', '{t}');
SELECT dap.create_model('k2', 'SELECT public.any_number() AS t', '{t}');
SELECT dap.create_model('k3', 'SELECT day FROM public.today', '{day}');
SELECT dap.create_model('k4', 'SELECT id FROM public.lookup', '{id}');
SELECT dap.create_model('k5', 'SELECT id FROM intermediate.c TABLESAMPLE BERNOULLI (100)', '{id}');
SELECT dap.create_model('k6', 'SELECT id FROM intermediate.c WHERE id > random()', '{id}');
SELECT dap.create_model('k7',
  'SELECT DISTINCT at::timestamp::date AS day FROM (SELECT note::date AS at FROM (VALUES (date ''2024-01-01'')) AS '
  'v(note)) s', '{day}');
SELECT dap.create_model('k8', 'TABLE intermediate.c', '{id}');
SELECT dap.create_model('k9', 'VALUES (1)', '{column1}');
SELECT relation, always, upstream FROM dap_internal.model_definition WHERE relation::text LIKE 'analytics.k%'
ORDER BY model_id;
SELECT dap.drop_model('k' || n) FROM generate_series(1, 9) AS n;

-- Cycles, and layers in the wrong order
SELECT dap.create_model('a1', 'SELECT id FROM analytics.deep', '{id}');
SELECT dap.create_model('a2', 'SELECT id FROM analytics.a1', '{id}');
SELECT dap.create_model('a1', 'SELECT id FROM analytics.a2', '{id}', or_replace => true);
SELECT dap.create_model('a1', 'SELECT id FROM analytics.a1', '{id}', or_replace => true);
SELECT dap.create_model('intermediate.early', 'SELECT id FROM analytics.a2', '{id}');
SELECT dap.drop_model('a1');
-- what looks like a table's number and is none
SELECT dap.drop_model('99999999999999');
SELECT dap.drop_model('4294967296');
SELECT dap.drop_model('4294967295');
SELECT dap.drop_model('0');
SELECT dap.drop_model('a2');
SELECT dap.drop_model('a2');
SELECT dap.drop_model('public.lookup');

-- or_replace of a query model
SELECT 'analytics.a1'::regclass::oid AS before \gset
GRANT SELECT ON analytics.a1 TO PUBLIC;
SELECT dap.create_model('a1', 'SELECT id, id::numeric(20,1) AS half FROM intermediate.c', '{id}', or_replace => true);
SELECT dap.create_model('a1', 'SELECT id, id::numeric(30,1) AS half FROM intermediate.c', '{half,id}',
  or_replace => true);
SELECT 'analytics.a1'::regclass::oid = :before AS same_table, pg_temp.shape('analytics.a1'),
  has_table_privilege('public', 'analytics.a1', 'SELECT');
CREATE VIEW public.reads_half AS SELECT half FROM analytics.a1;
SELECT dap.create_model('a1', 'SELECT id FROM intermediate.c', '{id}', or_replace => true);
SELECT dap.drop_model('a1');
DROP VIEW public.reads_half;
SELECT dap.create_model('a1', 'SELECT id FROM intermediate.c', '{id}', or_replace => true);
SELECT pg_temp.shape('analytics.a1');
SELECT object, action FROM dap.refresh_all(ingest => false);
SELECT object, state FROM dap.status;

-- A model's table that is gone
CREATE TABLE public.remember AS SELECT 'analytics.a1'::regclass::oid::text AS oid;
DROP TABLE analytics.a1;
SELECT state, replace(message, (SELECT oid FROM public.remember), 'OID') FROM dap.status
WHERE object = (SELECT oid FROM public.remember);
SELECT dap.drop_model(oid) FROM public.remember;
DROP TABLE public.remember;

-- More columns than a refresh can compare
SELECT dap.create_source('very_wide', columns => array_agg('c' || i)) FROM generate_series(1, 833) AS i;
\set VERBOSITY terse
SELECT dap.create_clean_model('very_wide', 'very_wide', jsonb_agg(jsonb_build_object('name', 'c' || i, 'type', 'text')),
  '{c1}') FROM generate_series(1, 833) AS i;
\set VERBOSITY default
SELECT dap.create_clean_model('very_wide', 'very_wide', jsonb_agg(jsonb_build_object('name', 'c' || i, 'type', 'text')),
  '{c1}') FROM generate_series(1, 832) AS i;
SELECT dap.drop_model('very_wide'), dap.drop_source('very_wide');

-- What is left when all is dropped
SELECT dap.drop_model('deep'), dap.drop_model('m');
DROP VIEW public.over_over_c;
DROP VIEW public.over_c;
SELECT dap.drop_model('c');
-- A source that stays as it is waits for no load: no lock of it is taken
SELECT dap.create_source('idle', columns => '{a}');
CREATE FUNCTION pg_temp.locks() RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'object'
    AND classid = 'dap_internal.source_definition'::regclass $$;
BEGIN;
SELECT dap.create_source('idle', columns => '{a}', options => NULL),
  dap.create_source('idle', columns => '{a}', options => '{"adopt": true}');
SELECT pg_temp.locks() AS unchanged;
SELECT dap.create_source('idle', columns => '{a,b}', or_replace => true);
SELECT pg_temp.locks() AS changed;
COMMIT;
-- A session that quotes all identifiers means the same models
SET quote_all_identifiers = on;
SELECT dap.create_model('quoted', 'SELECT 1 AS a', '{a}');
SELECT model FROM dap_internal.model_definition;
DROP TABLE analytics.quoted;
SELECT dap.create_model('quoted', 'SELECT 1 AS a', '{a}');
SELECT count(*) FROM dap_internal.model_definition;
DROP TABLE analytics.quoted;
SELECT dap.drop_model('analytics.quoted');
RESET quote_all_identifiers;
SELECT dap.drop_source(source) FROM dap_internal.source_definition ORDER BY source_id;
SELECT (SELECT count(*) FROM dap_internal.source_definition) AS sources,
  (SELECT count(*) FROM dap_internal.model_definition) AS models,
  (SELECT count(*) FROM dap_internal.model_state) AS states;
SELECT status, count(*) FROM dap.files GROUP BY status;
SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace IN ('staging'::regnamespace, 'intermediate'::regnamespace,
  'analytics'::regnamespace) AND c.relkind IN ('r', 'v') ORDER BY c.relname;
DROP EXTENSION dap_analytics;

SET client_min_messages = warning;
DROP SCHEMA staging, intermediate, analytics CASCADE;
DROP TABLE public.lookup;
DROP VIEW public.today;
DROP FUNCTION public.any_number();
