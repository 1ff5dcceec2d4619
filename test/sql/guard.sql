-- A source's table is closed: nobody puts records into it but the ingest, on whatever way it writes them.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE SCHEMA staging;
RESET client_min_messages;
CREATE FUNCTION pg_temp.load(source text, name text, content text, OUT status text, OUT rows bigint, OUT reason text)
  RETURNS SETOF record
LANGUAGE
  sql AS 'SELECT i.status, i.rows_loaded, i.reason FROM dap.ingest_bytes(source, name, convert_to(content, ''UTF8'')) '
  'AS i';
CREATE FUNCTION pg_temp.rows(relation regclass) RETURNS bigint LANGUAGE plpgsql AS
  $$ DECLARE n bigint; BEGIN EXECUTE format('SELECT count(*) FROM %s', relation) INTO n; RETURN n; END $$;
SELECT dap.create_source('s', columns => '{id,v}');
SELECT * FROM pg_temp.load('s', 'a', E'id,v\n1,1\n2,2\n');
SELECT file_id FROM dap.files \gset

-- By the owner, a superuser even: of a known file, of an unknown one, without a file
INSERT INTO staging.s (_line, _file_id, id, v) VALUES (99, :file_id, '7', '1000.00');
\set VERBOSITY terse
INSERT INTO staging.s (_line, _file_id, id, v) VALUES (99, 4711, '8', '1');
INSERT INTO staging.s (id) VALUES ('8');
INSERT INTO staging.s SELECT * FROM staging.s WHERE false;
INSERT INTO staging.s SELECT * FROM staging.s ON CONFLICT DO NOTHING;
WITH put AS (INSERT INTO staging.s VALUES (99, 4711, '8', '1') RETURNING 1) SELECT * FROM put;
MERGE INTO staging.s USING (VALUES ('9')) AS n(id) ON s.id = n.id WHEN NOT MATCHED THEN INSERT VALUES (99, 4711, n.id,
  '1');
COPY staging.s FROM stdin;
99	4711	8	1
\.
COPY staging.s (_line, _file_id, id) FROM stdin;
99	4711	8
\.
-- by those who may load
CREATE ROLE regress_dap_operator;
SELECT dap.grant_access('regress_dap_operator', 'operator');
SET ROLE regress_dap_operator;
INSERT INTO staging.s (_line, _file_id, id, v) VALUES (99, :file_id, '7', '1000.00');
SELECT * FROM pg_temp.load('s', 'b', E'id,v\n3,3\n');
INSERT INTO staging.s (_line, _file_id, id, v) VALUES (99, :file_id, '7', '1000.00');
RESET ROLE;
SELECT pg_temp.rows('staging.s');

-- A load that is not written in bulk passes, with what its table makes of it; what runs inside does not
CREATE TABLE public.noted (n int);
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.noted
  VALUES (1); RETURN NEW; END $$;
CREATE TRIGGER noting BEFORE INSERT ON staging.s FOR EACH ROW EXECUTE FUNCTION public.note();
SELECT * FROM pg_temp.load('s', 'c', E'id,v\n4,4\n5,5\n');
INSERT INTO staging.s VALUES (99, 4711, '8', '1');
CREATE OR REPLACE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.v = 'twice' THEN INSERT INTO staging.s VALUES (99, 4711, '8', '1'); END IF; RETURN NEW; END $$;
SELECT * FROM pg_temp.load('s', 'd', E'id,v\n6,twice\n');
-- a trigger that comes before the guard takes nothing away from it
CREATE FUNCTION public.first() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO staging.s
  VALUES (99, 4711, '8', 'once'); RETURN NULL; END $$;
CREATE TRIGGER a_first BEFORE INSERT ON staging.s FOR EACH STATEMENT
  WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION public.first();
SELECT * FROM pg_temp.load('s', 'e', E'id,v\n6,6\n');
DROP TRIGGER a_first ON staging.s;
DROP TRIGGER noting ON staging.s;
-- functions that a default calls: while the rows are written, and while the statement is planned
CREATE FUNCTION public.sneak() RETURNS text LANGUAGE plpgsql VOLATILE AS $$ BEGIN INSERT INTO staging.s
  VALUES (99, 4711, '8', 'sneaked'); RETURN 'x'; END $$;
ALTER TABLE staging.s ADD COLUMN d text;
ALTER TABLE staging.s ALTER COLUMN d SET DEFAULT public.sneak();
SELECT * FROM pg_temp.load('s', 'f', E'id,v\n6,6\n');
ALTER FUNCTION public.sneak() IMMUTABLE;
SELECT status, rows FROM pg_temp.load('s', 'g', E'id,v\n6,6\n');  -- refused by the guard, or by the depth of the calls
ALTER TABLE staging.s ALTER COLUMN d DROP DEFAULT;
-- and nothing of a statement that failed stays open
INSERT INTO staging.s VALUES (99, 4711, '8', '1');
SELECT * FROM pg_temp.load('s', 'h', E'id,v\n7,7\n');
SELECT pg_temp.rows('staging.s'), (SELECT sum(rows_loaded) FROM dap.files), count(*) FROM public.noted;

-- Partitions, also later ones; a partition of somebody's table; a child
CREATE TABLE staging.parted (_line bigint, _file_id integer, id text) PARTITION BY HASH (_line);
CREATE TABLE staging.parted_0 PARTITION OF staging.parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
SELECT dap.create_source('parted', columns => '{id}');
CREATE TABLE staging.parted_1 PARTITION OF staging.parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SELECT * FROM pg_temp.load('parted', 'p', E'id\n1\n2\n3\n4\n5\n');
INSERT INTO staging.parted VALUES (1, 1, '1');
INSERT INTO staging.parted_0 VALUES (1, 1, '1');
INSERT INTO staging.parted_1 VALUES (2, 1, '1');
COPY staging.parted_1 FROM stdin;
1	1	1
\.
DELETE FROM staging.parted_0;
UPDATE staging.parted_1 SET id = 'x';
CREATE TABLE public.whole (_line bigint, _file_id integer, id text) PARTITION BY HASH (_line);
CREATE TABLE staging.part PARTITION OF public.whole FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SELECT dap.create_source('part', columns => '{id}');
SELECT * FROM pg_temp.load('part', 'q', E'id\n1\n');
INSERT INTO public.whole VALUES (1, 1, '1');
DELETE FROM public.whole;
CREATE TABLE public.parent (_line bigint, _file_id integer, id text);
CREATE TABLE staging.child () INHERITS (public.parent);
SELECT dap.create_source('child', columns => '{id}');
SELECT * FROM pg_temp.load('child', 'r', E'id\n1\n');
DELETE FROM public.parent;
SELECT pg_temp.rows('staging.parted'), pg_temp.rows('staging.part'), pg_temp.rows('staging.child');

-- A table that gets a parent later
CREATE TABLE public.over (_line bigint NOT NULL, _file_id integer NOT NULL, id text) PARTITION BY LIST (_file_id);
CREATE TABLE public.beside PARTITION OF public.over FOR VALUES IN (0);
SELECT dap.create_source('under', columns => '{id}');
SELECT * FROM pg_temp.load('under', 'u', E'id\n1\n');
ALTER TABLE public.over ATTACH PARTITION staging.under DEFAULT;
INSERT INTO public.over VALUES (1, 1, '1');
COPY public.over FROM stdin;
1	1	1
\.
INSERT INTO public.over VALUES (1, 0, '1');
UPDATE public.over SET _file_id = 1;
UPDATE public.over SET _file_id = 0 WHERE _file_id > 0;
DELETE FROM public.over WHERE _file_id > 0;
TRUNCATE public.over;
SELECT * FROM pg_temp.load('under', 'v', E'id\n2\n');
SELECT pg_temp.rows('staging.under'), pg_temp.rows('public.over');
CREATE TABLE public.above (_line bigint, _file_id integer, id text);
SELECT dap.create_source('heir', columns => '{id}');
SELECT * FROM pg_temp.load('heir', 'w', E'id\n1\n');
ALTER TABLE staging.heir INHERIT public.above;
UPDATE public.above SET id = '2';
DELETE FROM public.above;
TRUNCATE public.above;
SELECT * FROM pg_temp.load('heir', 'x', E'id\n2\n');
SELECT string_agg(id, ',' ORDER BY id) FROM public.above;

-- A source's table that becomes a partition of another source's, and is one no more
CREATE TABLE staging.all_of_it (_line bigint NOT NULL, _file_id integer NOT NULL, id text) PARTITION BY LIST (id);
SELECT dap.create_source('all_of_it', columns => '{id}');
SELECT dap.create_source('piece', columns => '{id}');
ALTER TABLE staging.all_of_it ATTACH PARTITION staging.piece DEFAULT;
INSERT INTO staging.all_of_it VALUES (1, 1, '1');
SELECT * FROM pg_temp.load('all_of_it', 'y', E'id\n7\n');
SELECT id FROM staging.piece;
ALTER TABLE staging.all_of_it DETACH PARTITION staging.piece;
SELECT count(*) FILTER (WHERE tgtype & 1 = 1) AS by_row FROM pg_trigger WHERE tgrelid = 'staging.piece'::regclass;
INSERT INTO staging.piece VALUES (1, 1, '1');

-- A table whose guard is of an earlier version, or gone
DROP TRIGGER dap_guard ON staging.child;
CREATE TRIGGER dap_guard BEFORE UPDATE OR DELETE OR TRUNCATE
  ON staging.child FOR EACH STATEMENT EXECUTE FUNCTION dap_internal.guard();
SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass) FROM pg_trigger t
WHERE t.tgrelid = 'staging.child'::regclass AND t.tgname LIKE 'dap_guard_rows%' \gexec
DROP TRIGGER dap_guard ON staging.s;
SELECT dap_internal.guard_raw_table(s.relation, c.relowner) FROM dap_internal.sources s
JOIN pg_class c ON c.oid = s.relation;
SELECT tgrelid::regclass, tgname, pg_get_triggerdef(oid) FROM pg_trigger
WHERE tgfoid = 'dap_internal.guard()'::regprocedure ORDER BY 1, 2;
INSERT INTO staging.child VALUES (1, 1, '1');
DELETE FROM public.parent;
INSERT INTO staging.s VALUES (99, 4711, '8', '1');

-- Restoring a dump of data alone
BEGIN;
SET session_replication_role = replica;
COPY staging.s FROM stdin;
99	4711	8	1	\N
\.
RESET session_replication_role;
ALTER TABLE staging.s DISABLE TRIGGER ALL;
COPY staging.s FROM stdin;
99	4711	8	1	\N
\.
ALTER TABLE staging.s ENABLE TRIGGER ALL;
INSERT INTO staging.s VALUES (99, 4711, '8', '1');
ROLLBACK;

SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging CASCADE;
DROP TABLE public.noted, public.whole, public.parent, public.above, public.over;
DROP FUNCTION public.note(), public.first(), public.sneak();
DROP ROLE regress_dap_operator;
CREATE EXTENSION dap_analytics;
