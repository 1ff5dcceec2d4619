-- A definition that changes invalidates what was built under the one before, whichever it returns to; so does any
-- change of what a model reads.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE SCHEMA staging;
CREATE SCHEMA intermediate;
CREATE SCHEMA analytics;
CREATE FUNCTION pg_temp.shape(relation regclass) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
  FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped $$;
-- A refresh, and what a rebuild of everything would have changed besides: nothing.
CREATE FUNCTION pg_temp.refresh() RETURNS TABLE (object text, action text, ins bigint, upd bigint, del bigint)
  LANGUAGE sql AS $$
  SELECT object, action, rows_inserted, rows_updated, rows_deleted FROM dap.refresh_all(ingest => false)
  UNION ALL
  SELECT 'full rebuild of ' || object, action, rows_inserted, rows_updated, rows_deleted
  FROM dap.refresh_all('full', false) WHERE action <> 'unchanged' $$;
CREATE FUNCTION pg_temp.m(type text, or_replace boolean DEFAULT true) RETURNS regclass LANGUAGE sql AS $$
  SELECT dap.create_clean_model('m', 's', jsonb_build_array('{"name": "id", "type": "bigint"}'::jsonb) ||
    CASE WHEN type IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('name', 'v', 'type', type)) END, '{id}',
      or_replace => or_replace) $$;

SELECT dap.create_source('s', columns => '{id,v,w}');
SELECT status, rows_loaded FROM dap.ingest_bytes('s', 'a.csv', E'id,v,w\n1,1.25,\n2,2.50,\n3,3.75,\n');
SELECT pg_temp.m('numeric(10,2)');
SELECT dap.create_model('t', 'SELECT 1 AS k, sum(v) AS total FROM intermediate.m', '{k}');
SELECT dap.create_model('u', 'SELECT id, v FROM intermediate.m', '{id}');
SELECT dap.create_model('w', 'SELECT sum(v) AS total, count(*) AS n FROM analytics.u', '{n}');
SELECT * FROM pg_temp.refresh();

-- A type that loses digits, and back: the same definition as before, but not the same table
SELECT pg_temp.m('integer');
SELECT pg_temp.m('numeric(10,2)');
SELECT object, state, message FROM dap.status WHERE state <> 'ok';
SELECT * FROM pg_temp.refresh();
SELECT * FROM intermediate.m ORDER BY 1;
SELECT * FROM analytics.w;
-- with the layer above refreshed in between, from the table as it was then
SELECT pg_temp.m('integer');
SELECT object, action FROM dap.refresh_analytics();
SELECT total FROM analytics.t;
SELECT pg_temp.m('numeric(10,2)');
SELECT object, action FROM dap.refresh_analytics();
SELECT * FROM pg_temp.refresh();
SELECT total FROM analytics.t;

-- Another scale reaches every model downstream, in its values and in the columns that take their type from it
SELECT pg_temp.m('numeric(10,3)');
SELECT pg_temp.shape('analytics.t'), pg_temp.shape('analytics.u'), pg_temp.shape('analytics.w');
SELECT * FROM pg_temp.refresh();
SELECT * FROM analytics.t;
SELECT * FROM analytics.u ORDER BY 1;
SELECT * FROM analytics.w;
SELECT status FROM dap.ingest_bytes('s', 'b.csv', E'id,v,w\n4,4.125,\n');
SELECT * FROM pg_temp.refresh();
SELECT v FROM analytics.u WHERE id = 4;
-- the same definition of a reader is the same still
SET client_min_messages = notice;
SELECT dap.create_model('u', 'SELECT id, v FROM intermediate.m', '{id}');
SET client_min_messages = warning;
-- a table that cannot follow stands in the way
CREATE VIEW public.over_u AS SELECT v FROM analytics.u;
SELECT pg_temp.m('numeric(10,4)');
DROP VIEW public.over_u;
SELECT pg_temp.shape('intermediate.m');

-- A column that goes, and comes back
SELECT pg_temp.m(NULL);
SELECT object, action FROM dap.refresh_analytics();
SELECT object, action FROM dap.refresh_intermediate();
SELECT pg_temp.m('numeric(10,3)');
SELECT * FROM intermediate.m ORDER BY 1;
SELECT * FROM pg_temp.refresh();
SELECT * FROM intermediate.m ORDER BY 1;
SELECT * FROM analytics.w;
-- without a refresh in between
SELECT dap.drop_model(m) FROM (VALUES ('w'), ('u'), ('t')) AS v(m);
SELECT pg_temp.m(NULL);
SELECT pg_temp.m('numeric(10,3)');
SELECT object, state, message FROM dap.status WHERE state <> 'ok';
SELECT * FROM pg_temp.refresh();
SELECT count(v) FROM intermediate.m;

-- Query models, also such as read nothing
SELECT dap.create_model('q', 'SELECT 1 AS k, 1.25::numeric(10,2) AS v', '{k}');
SELECT dap.create_model('r', 'SELECT k, v FROM analytics.q', '{k}');
SELECT * FROM pg_temp.refresh();
SELECT dap.create_model('q', 'SELECT 1 AS k, 1.25::integer AS v', '{k}', or_replace => true);
SELECT pg_temp.shape('analytics.r');
SELECT dap.create_model('q', 'SELECT 1 AS k, 1.25::numeric(10,2) AS v', '{k}', or_replace => true);
SELECT * FROM pg_temp.refresh();
SELECT * FROM analytics.r;
SELECT dap.create_model('q', 'SELECT 1 AS k', '{k}', or_replace => true);
SELECT dap.create_model('q', 'SELECT 1 AS k, 1.25::numeric(10,2) AS v', '{k}', or_replace => true);
SELECT * FROM pg_temp.refresh();
SELECT * FROM analytics.r;
-- another key, and back
SELECT dap.create_model('q', 'SELECT 1 AS k, 1.25::numeric(10,2) AS v', '{k,v}', or_replace => true);
SELECT dap.create_model('q', 'SELECT 1 AS k, 1.25::numeric(10,2) AS v', '{k}', or_replace => true);
SELECT object, state FROM dap.status WHERE state <> 'ok';
SELECT * FROM pg_temp.refresh();
-- a query that reads the row's shape
SELECT dap.create_model('whole', 'SELECT k, to_jsonb(q.*) AS row FROM analytics.q', '{k}');
SELECT dap.create_model('whole_source', 'SELECT min(to_jsonb(s)::text) AS first, 1 AS k FROM staging.s', '{k}');
SELECT * FROM pg_temp.refresh();
SELECT dap.create_model('q', 'SELECT 1 AS k, 1.25::numeric(10,2) AS v, NULL::text AS more', '{k}', or_replace => true);
SELECT dap.create_source('s', columns => '{id,v,more}', or_replace => true);
SELECT * FROM pg_temp.refresh();
SELECT row FROM analytics.whole;
SELECT first FROM analytics.whole_source;
-- what was read through a view that has changed since the model was made
CREATE VIEW public.either AS SELECT k, v FROM analytics.r;
SELECT dap.create_model('through', 'SELECT k, v FROM public.either', '{k}');
CREATE OR REPLACE VIEW public.either AS SELECT k, v FROM analytics.q;
SELECT * FROM pg_temp.refresh();
SELECT object, state, message FROM dap.status WHERE object = 'analytics.through';
SELECT dap.drop_model('q');
SELECT dap.drop_model('r');
SELECT dap.create_model('q', 'SELECT 1 AS k, 1.25::numeric(10,2) AS v', '{k}', or_replace => true);
SELECT object, state, message FROM dap.status WHERE state <> 'ok';
SELECT * FROM pg_temp.refresh();

-- Readers that lose what they read are named at once, and by the run that meets them
SELECT dap.drop_model('through');
DROP VIEW public.either;
SELECT dap.create_model('reader', 'SELECT k, v FROM analytics.q', '{k}');
SELECT * FROM pg_temp.refresh();
SELECT dap.create_model('q', 'SELECT 1 AS k', '{k}', or_replace => true);
SELECT * FROM pg_temp.refresh();
SELECT dap.create_model('q', 'SELECT 1 AS k, 1.25::numeric(10,2) AS v', '{k}', or_replace => true);
SELECT * FROM pg_temp.refresh();
-- a list of columns that grew by itself is nobody's wish to publish them: the table follows when it is told to
SELECT dap.create_model('star', 'TABLE analytics.q', '{k}');
SELECT dap.create_model('q', 'SELECT 1 AS k, 1.25::numeric(10,2) AS v, 2 AS more', '{k}', or_replace => true);
SELECT object, action FROM pg_temp.refresh() WHERE action <> 'unchanged';
SELECT dap.create_model('q', 'SELECT 1 AS k, 1.125::numeric(10,3) AS v, 2 AS more', '{k}', or_replace => true);
SELECT * FROM pg_temp.refresh();
SELECT dap.create_model('star', 'TABLE analytics.q', '{k}', or_replace => true);
SELECT object, action FROM pg_temp.refresh() WHERE action <> 'unchanged';
SELECT * FROM analytics.star;
SELECT dap.drop_model('star');
-- as are types that a view brought: values are not rounded on the way
CREATE VIEW public.either AS SELECT k, v FROM analytics.q;
SELECT dap.create_model('through', 'SELECT k, v FROM public.either', '{k}');
SELECT object, action FROM pg_temp.refresh() WHERE action <> 'unchanged';
DROP VIEW public.either;
CREATE VIEW public.either AS SELECT k, v::numeric(10,4) AS v FROM analytics.q;
SELECT * FROM pg_temp.refresh();
SELECT dap.create_model('through', 'SELECT k, v FROM public.either', '{k}', or_replace => true);
SELECT * FROM pg_temp.refresh();
DROP VIEW public.either;
CREATE VIEW public.either AS SELECT k FROM analytics.q;
SELECT * FROM pg_temp.refresh();
SELECT dap.drop_model('through');
DROP VIEW public.either;

-- What somebody changed in a model's table by hand, its definition brings back
ALTER TABLE intermediate.m DROP COLUMN v;
SELECT * FROM pg_temp.refresh();
SELECT pg_temp.m('numeric(10,3)', or_replace => false);
SELECT pg_temp.m('numeric(10,3)');
SELECT * FROM pg_temp.refresh();
SELECT * FROM intermediate.m ORDER BY 1;
ALTER TABLE intermediate.m ALTER v TYPE text;
SELECT * FROM pg_temp.refresh();
ALTER TABLE intermediate.m ALTER v TYPE integer USING v::numeric::integer;
SELECT pg_temp.m('numeric(10,3)');
SELECT * FROM pg_temp.refresh();
SELECT * FROM intermediate.m ORDER BY 1;
ALTER TABLE intermediate.m DROP CONSTRAINT m_pkey;
SELECT pg_temp.m('numeric(10,3)');
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'intermediate.m'::regclass AND contype = 'p';
SET client_min_messages = notice;
SELECT pg_temp.m('numeric(10,3)');
SET client_min_messages = warning;
SELECT * FROM pg_temp.refresh();

-- also in that of a query: nothing is rounded
ALTER TABLE analytics.reader ALTER v TYPE integer;
SELECT * FROM dap.refresh_all('full', false);
SELECT dap.create_model('reader', 'SELECT k, v FROM analytics.q', '{k}', or_replace => true);
SELECT object, action FROM pg_temp.refresh() WHERE action <> 'unchanged';
SELECT * FROM analytics.reader;
-- a type's new name makes it no other type
CREATE DOMAIN public.weight AS numeric(10,3);
SELECT dap.create_model('named', 'SELECT k, v::public.weight AS v FROM analytics.q', '{k}');
SELECT object, action FROM pg_temp.refresh() WHERE action <> 'unchanged';
CREATE VIEW public.named AS SELECT k, v::public.weight AS v FROM analytics.q;
SELECT dap.create_model('named', 'SELECT k, v FROM public.named', '{k}', or_replace => true);
ALTER DOMAIN public.weight RENAME TO mass;
SELECT object, action FROM pg_temp.refresh() WHERE object = 'analytics.named';
-- nor does the way it is written: the same definition is the same, and a table that views read takes a new column
CREATE FUNCTION pg_temp.typed(more text DEFAULT '') RETURNS regclass LANGUAGE sql AS $$ SELECT dap.create_model('typed',
  'SELECT 1 AS k, ''x''::pg_catalog.text AS t, ARRAY[''x''] AS ts, ''a''::text COLLATE "C" AS c, ''b''::"char" AS ch, '
  'current_date AS d, 2::int4 AS i, ''pad ''::bpchar AS bp, B''101''::"bit" AS b'
  || more, '{k}', or_replace => true) $$;
SELECT pg_temp.typed();
SELECT pg_temp.shape('analytics.typed');
SELECT object, action FROM pg_temp.refresh() WHERE object = 'analytics.typed';
CREATE VIEW public.of_typed AS SELECT * FROM analytics.typed;
SET client_min_messages = notice;
SELECT pg_temp.typed();
SELECT pg_temp.typed(', 3 AS more');
SELECT dap.create_clean_model('texts', 's', '[{"name": "id", "type": "text"}]', '{id}');
CREATE VIEW public.of_texts AS SELECT id FROM intermediate.texts;
SELECT dap.create_clean_model('texts', 's', '[{"name": "id", "type": "text"}]', '{id}', or_replace => true);
SET quote_all_identifiers = on;
SELECT dap.create_clean_model('texts', 's', '[{"name": "id", "type": "pg_catalog.text"}]', '{id}', or_replace => true);
RESET quote_all_identifiers;
SET client_min_messages = warning;
DROP VIEW public.of_typed, public.of_texts;
SELECT dap.drop_model(m) FROM (VALUES ('typed'), ('texts')) AS v(m);
SELECT dap.drop_model('named');
DROP VIEW public.named;
DROP DOMAIN public.mass;

-- From clean to query: what the rules rejected goes with them
SELECT status FROM dap.ingest_bytes('s', 'c.csv', E'id,v,more\nx,1,\n7,7,\n');
SELECT dap.create_clean_model('other', 's', '[{"name": "id", "type": "bigint"}]', '{id}');
SELECT object, action FROM dap.refresh_all(ingest => false) WHERE action <> 'unchanged';
SELECT object, stage, reason FROM dap.rejects ORDER BY object;
SELECT dap.create_model('intermediate.m', 'SELECT 1::bigint AS id, 1::numeric(10,3) AS v', '{id}', or_replace => true);
SELECT object, stage, reason FROM dap.rejects ORDER BY object;
SELECT * FROM pg_temp.refresh();
-- and back
SELECT pg_temp.m('numeric(10,3)');
SELECT object, action FROM dap.refresh_all(ingest => false) WHERE action <> 'unchanged';
SELECT object, stage, reason FROM dap.rejects ORDER BY object;

DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging, intermediate, analytics CASCADE;
