-- A clean step has two ways, pages to pages and SQL: which one is taken makes no difference but in time.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE TEMP TABLE made AS SELECT * FROM dap.setup();
SET datestyle = 'ISO';
SELECT dap.create_source('things', NULL, '{i,j,t,u,d,s,z,n,m,f,r,b,spare}', '{"max_reject_percent": 100}');
-- Values of every type, some of them wrong, keys that come again, texts of all lengths up to what needs no TOAST
CREATE FUNCTION pg_temp.content(seed integer, records integer) RETURNS bytea LANGUAGE sql AS $$
  SELECT convert_to(E'i,j,t,u,d,s,z,n,m,f,r,b,spare\n' || string_agg(concat_ws(',',
    (x * 7919 % 4001 - 2000)::text, CASE WHEN x % 97 = 0 THEN 'x' ELSE (x % 50)::text END,
    '"' || CASE WHEN x % 31 = 0 THEN '' ELSE repeat(chr(97 + x % 26), x % 7) || (x % 40) || CASE WHEN x % 50 = 0
      THEN repeat('long ', 200) ELSE '' END END || '"',
    md5((x % 700)::text)::uuid::text, (date '2020-01-01' + x % 900)::text,
    to_char(timestamp '2021-01-01' + x * interval '1 minute', 'YYYY-MM-DD HH24:MI:SS'),
    to_char(timestamp '2021-01-01' + x * interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS.US') || 'Z',
    CASE WHEN x % 61 = 0 THEN 'n' ELSE ((x * 13 % 100000 - 50000) / 100.0)::numeric(18,2)::text END,
    (x * 1000003::numeric / 7)::numeric(30,9)::text, CASE WHEN x % 11 = 0 THEN '-0' ELSE (x / 8.0)::text END,
    (x % 5)::text, CASE WHEN x % 2 = 0 THEN 'true' ELSE 'f' END, CASE WHEN x % 3 = 0 THEN '' ELSE 'y' END), E'\n')
    || E'\n', 'UTF8')
  FROM (SELECT g + seed AS x FROM generate_series(1, records) AS g) AS s $$;
SELECT status, rows_loaded, rows_rejected FROM dap.ingest_bytes('things', 'first', pg_temp.content(0, 3000));
SELECT status, rows_loaded, rows_rejected FROM dap.ingest_bytes('things', 'second', pg_temp.content(2500, 3000));
CREATE FUNCTION pg_temp.columns() RETURNS jsonb LANGUAGE sql AS $$ SELECT '[
  {"name": "i", "type": "integer"}, {"name": "j", "type": "smallint"}, {"name": "t", "type": "text"},
  {"name": "u", "type": "uuid"}, {"name": "d", "type": "date"}, {"name": "s", "type": "timestamp"},
  {"name": "z", "type": "timestamptz"}, {"name": "n", "type": "numeric(18,2)"}, {"name": "m", "type": "numeric"},
  {"name": "f", "type": "double precision"}, {"name": "r", "type": "real"}, {"name": "b", "type": "boolean"},
  {"name": "again", "source": "i", "type": "bigint", "required": true}]'::jsonb $$;
-- The table, the rejects and what the step says, by one way; NULL as `made_anew` where the other one would have done.
CREATE TYPE pg_temp.outcome AS (step text, rows bigint, content text, rejects bigint, reasons text, made_anew boolean);
CREATE FUNCTION pg_temp.by(engine text) RETURNS pg_temp.outcome LANGUAGE plpgsql AS $$
DECLARE result pg_temp.outcome; before oid;
BEGIN
  PERFORM set_config('dap.engine', engine, true);
  TRUNCATE intermediate.things_clean;
  before := pg_relation_filenode((SELECT indexrelid FROM pg_index WHERE indrelid = 'intermediate.things_clean'::regclass
    AND indisprimary));
  SELECT concat_ws(' ', action, rows_in, rows_inserted, rows_rejected) INTO result.step
    FROM dap.refresh_intermediate('full') WHERE object = 'intermediate.things_clean';
  SELECT count(*), md5(string_agg(whole::text, E'\n' ORDER BY whole::text COLLATE "C")) INTO result.rows, result.content
    FROM intermediate.things_clean AS whole;
  SELECT count(*), md5(string_agg(concat_ws(' ', file_id, line, column_name, reason, message, raw), E'\n'
    ORDER BY file_id, line, column_name)) INTO result.rejects, result.reasons
    FROM dap.rejects WHERE stage = 'clean' AND object = 'intermediate.things_clean';
  result.made_anew := before <> pg_relation_filenode((SELECT indexrelid FROM pg_index
    WHERE indrelid = 'intermediate.things_clean'::regclass AND indisprimary));
  RETURN result;
END $$;
-- Both ways agree, and the first of them is pages to pages
CREATE FUNCTION pg_temp.compare(OUT step text, OUT rows bigint, OUT rejects bigint, OUT same boolean, OUT pages boolean)
LANGUAGE plpgsql AS $$
DECLARE one pg_temp.outcome; other pg_temp.outcome;
BEGIN
  one := pg_temp.by('on');
  other := pg_temp.by('off');
  step := one.step; rows := one.rows; rejects := one.rejects; pages := one.made_anew;
  same := (one.step, one.rows, one.content, one.rejects, one.reasons)
    = (other.step, other.rows, other.content, other.rejects, other.reasons) AND NOT other.made_anew;
END $$;
CREATE FUNCTION pg_temp.define(key text[], latest_by text[] DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM dap.drop_model('things_clean') FROM dap.status WHERE object = 'intermediate.things_clean';
  DROP TABLE IF EXISTS intermediate.things_clean;
  PERFORM dap.create_clean_model('things_clean', 'things', pg_temp.columns(), key, latest_by);
END $$;
CREATE FUNCTION pg_temp.compare_each(keys text[], latest_bys text[])
RETURNS TABLE (key text, latest_by text, step text, rows bigint, rejects bigint, same boolean, pages boolean)
LANGUAGE plpgsql AS $$
BEGIN
  FOREACH key IN ARRAY keys LOOP
    FOREACH latest_by IN ARRAY latest_bys LOOP
      PERFORM pg_temp.define(key::text[], latest_by::text[]);
      SELECT * INTO step, rows, rejects, same, pages FROM pg_temp.compare();
      RETURN NEXT;
    END LOOP;
  END LOOP;
END $$;

-- Keys of every kind
SELECT * FROM pg_temp.compare_each(
  '{"{i}","{j}","{t}","{u}","{d}","{s}","{z}","{f}","{r}","{b}","{j,t}","{t,j}","{u,d,t}","{b,r}","{m}"}', '{NULL}');
-- The latest by every kind; NULL is lowest
SELECT * FROM pg_temp.compare_each('{"{j}"}',
  '{"{i}","{u,d}","{d}","{s}","{z}","{f}","{r,b}","{n}","{t}"}');
-- Files in the order of their names
SELECT dap.create_source('things', NULL, '{i,j,t,u,d,s,z,n,m,f,r,b,spare}',
  '{"max_reject_percent": 100, "arrival": "name"}', or_replace => true);
SELECT status FROM dap.ingest_bytes('things', 'a third that is earlier', pg_temp.content(4000, 500));
SELECT pg_temp.define('{i}');
SELECT * FROM pg_temp.compare();

-- Memory that ends: temporary files
SET maintenance_work_mem = '1MB';
SELECT * FROM pg_temp.compare();
SELECT pg_temp.define('{t,j}', '{s}');
SELECT * FROM pg_temp.compare();
RESET maintenance_work_mem;

SELECT pg_temp.define('{i}');
-- Tables with something on them take the way on which all of it is looked at
CREATE FUNCTION pg_temp.with(alteration text, undo text) RETURNS TABLE (altered text, pages boolean, same boolean)
LANGUAGE plpgsql AS $$
DECLARE compared record;
BEGIN
  EXECUTE alteration;
  compared := pg_temp.compare();
  EXECUTE undo;
  RETURN QUERY SELECT alteration, compared.pages, compared.same;
END $$;
CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
SELECT w.* FROM (VALUES
  ('ALTER TABLE intermediate.things_clean ADD note text', 'ALTER TABLE intermediate.things_clean DROP note'),
  ('ALTER TABLE intermediate.things_clean SET (fillfactor = 40)',
    'ALTER TABLE intermediate.things_clean RESET (fillfactor)'),
  ('ALTER TABLE intermediate.things_clean SET UNLOGGED', 'ALTER TABLE intermediate.things_clean SET LOGGED'),
  ('ALTER TABLE intermediate.things_clean ADD made timestamp DEFAULT ''2026-01-01''',
    'ALTER TABLE intermediate.things_clean DROP made'),
  ('ALTER TABLE intermediate.things_clean ADD twice bigint GENERATED ALWAYS AS (i * 2::bigint) STORED',
    'ALTER TABLE intermediate.things_clean DROP twice'),
  ('ALTER TABLE intermediate.things_clean ADD CONSTRAINT positive CHECK (i > -10000)',
    'ALTER TABLE intermediate.things_clean DROP CONSTRAINT positive'),
  ('ALTER TABLE intermediate.things_clean DROP CONSTRAINT things_clean_pkey,
      ADD CONSTRAINT things_clean_pkey PRIMARY KEY (again)',
    'ALTER TABLE intermediate.things_clean DROP CONSTRAINT things_clean_pkey,
      ADD CONSTRAINT things_clean_pkey PRIMARY KEY (i)'),
  ('CREATE INDEX by_day ON intermediate.things_clean (d)', 'DROP INDEX intermediate.by_day'),
  ('CREATE TRIGGER one AFTER INSERT ON intermediate.things_clean FOR EACH ROW EXECUTE FUNCTION public.nothing()',
    'DROP TRIGGER one ON intermediate.things_clean'),
  ('CREATE RULE aside AS ON INSERT TO intermediate.things_clean DO ALSO NOTHING',
    'DROP RULE aside ON intermediate.things_clean'),
  ('CREATE TABLE intermediate.child () INHERITS (intermediate.things_clean)', 'DROP TABLE intermediate.child')
) AS a(alteration, undo), pg_temp.with(alteration, undo) AS w;
-- Tables that hold rows: what differs is written, whichever way finds it, and nothing else is touched
CREATE TYPE pg_temp.merged AS (step text, rows bigint, content text, kept bigint, touched bigint);
CREATE FUNCTION pg_temp.merged_by(engine text, change text) RETURNS pg_temp.merged LANGUAGE plpgsql AS $$
DECLARE result pg_temp.merged;
BEGIN
  TRUNCATE intermediate.things_clean;
  PERFORM dap.refresh_intermediate('full');
  EXECUTE change;
  CREATE TEMP TABLE before AS SELECT whole.ctid AS place, whole.xmin::text AS writer, whole::text AS content
    FROM intermediate.things_clean AS whole;
  PERFORM set_config('dap.engine', engine, true);
  SELECT concat_ws(' ', action, rows_in, rows_inserted, rows_updated, rows_deleted, rows_rejected) INTO result.step
    FROM dap.refresh_intermediate('full') WHERE object = 'intermediate.things_clean';
  PERFORM set_config('dap.engine', 'on', true);
  SELECT count(*), md5(string_agg(whole::text, E'\n' ORDER BY whole::text COLLATE "C")) INTO result.rows, result.content
    FROM intermediate.things_clean AS whole;
  -- What is as it was is also where it was
  SELECT count(*) FILTER (WHERE whole.ctid = b.place AND whole.xmin::text = b.writer),
      count(*) FILTER (WHERE whole.ctid <> b.place OR whole.xmin::text <> b.writer) INTO result.kept, result.touched
    FROM intermediate.things_clean AS whole JOIN before AS b ON b.content = whole::text;
  DROP TABLE before;
  RETURN result;
END $$;
CREATE FUNCTION pg_temp.compare_merged(change text, OUT step text, OUT rows bigint, OUT kept bigint, OUT touched bigint,
  OUT same boolean) LANGUAGE plpgsql AS $$
DECLARE one pg_temp.merged; other pg_temp.merged;
BEGIN
  one := pg_temp.merged_by('on', change);
  other := pg_temp.merged_by('off', change);
  step := one.step; rows := one.rows; kept := one.kept; touched := one.touched;
  same := one = other;
END $$;
-- Of keys of every kind: rows that changed, are gone, and are new; written, and written again, in this transaction
CREATE FUNCTION pg_temp.compare_merged_each(keys text[])
RETURNS TABLE (key text, step text, rows bigint, kept bigint, touched bigint, same boolean) LANGUAGE plpgsql AS $$
BEGIN
  FOREACH key IN ARRAY keys LOOP
    PERFORM pg_temp.define(key::text[]);
    SELECT * INTO step, rows, kept, touched, same FROM pg_temp.compare_merged($sql$
      INSERT INTO intermediate.things_clean SELECT i + 1000000, j, '~' || t, md5(u::text)::uuid, d + 3000,
          s + interval '10 years', z + interval '10 years', n, m, f + 1e6, r + 100, b, again
        FROM intermediate.things_clean WHERE hashtext(i::text || t) % 4 = 0 ON CONFLICT DO NOTHING;
      DELETE FROM intermediate.things_clean WHERE hashtext(i::text || t) % 7 = 0;
      UPDATE intermediate.things_clean SET n = n + 1 WHERE hashtext(i::text || t) % 5 = 0;
      UPDATE intermediate.things_clean SET n = n - 1 WHERE hashtext(i::text || t) % 10 = 0 $sql$);
    RETURN NEXT;
  END LOOP;
END $$;
SELECT * FROM pg_temp.compare_merged_each(
  '{"{i}","{j}","{t}","{u}","{d}","{s}","{z}","{f}","{r}","{b}","{j,t}","{u,d,t}","{b,r}"}');
SELECT pg_temp.define('{i}');
SELECT c.* FROM unnest(ARRAY[
  'SELECT', 'DELETE FROM intermediate.things_clean',
  -- Equal, and not the same
  'UPDATE intermediate.things_clean SET m = m + 0.000000000000 WHERE i % 3 = 0',
  'UPDATE intermediate.things_clean SET m = trim_scale(m)', 'UPDATE intermediate.things_clean SET f = 0 WHERE f = 0',
  'UPDATE intermediate.things_clean SET f = ''NaN'', r = ''-Infinity'' WHERE i % 3 = 0',
  'UPDATE intermediate.things_clean SET t = NULL WHERE i % 3 = 0; UPDATE intermediate.things_clean SET j = 1, t = ''''
    WHERE i % 5 = 0',
  -- Texts that are stored in other ways
  'UPDATE intermediate.things_clean SET t = repeat(t, 30000) WHERE i % 100 = 0',
  'UPDATE intermediate.things_clean SET t = (SELECT string_agg(md5((g * i)::text), '''')
    FROM generate_series(1, 300) AS g) WHERE i % 100 = 0',
  'ALTER TABLE intermediate.things_clean SET (toast_tuple_target = 128), ALTER t SET STORAGE EXTERNAL;
    UPDATE intermediate.things_clean SET t = t || '''' WHERE i % 2 = 0',
  'ALTER TABLE intermediate.things_clean ALTER t SET STORAGE EXTENDED;
    UPDATE intermediate.things_clean SET t = t || '''', j = CASE WHEN i % 20 = 0 THEN j - 1 ELSE j END WHERE i % 4 = 0',
  'ALTER TABLE intermediate.things_clean RESET (toast_tuple_target); DELETE FROM intermediate.things_clean WHERE i < 0',
  -- What was written and undone
  'DO ''BEGIN UPDATE intermediate.things_clean SET j = 0; RAISE ''''no''''; EXCEPTION WHEN OTHERS THEN NULL; END'''
  ]::text[]) AS a(change), pg_temp.compare_merged(change) AS c;
-- Columns of somebody else, of whose values nothing is lost, and what is left of them
CREATE FUNCTION pg_temp.merged_with(alteration text, change text, undo text)
RETURNS TABLE (step text, rows bigint, kept bigint, touched bigint, same boolean) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE alteration;
  SELECT * INTO step, rows, kept, touched, same FROM pg_temp.compare_merged(change);
  EXECUTE undo;
  RETURN NEXT;
END $$;
SELECT w.* FROM (VALUES
  ('ALTER TABLE intermediate.things_clean ADD note text', 'UPDATE intermediate.things_clean SET note = ''mine''
      WHERE i % 3 = 0; UPDATE intermediate.things_clean SET j = -j WHERE i % 10 = 0',
    'ALTER TABLE intermediate.things_clean DROP note'),
  ('SELECT', 'UPDATE intermediate.things_clean SET j = -j WHERE i % 10 = 0', 'SELECT'),
  ('SELECT', 'ALTER TABLE intermediate.things_clean DROP IF EXISTS made, ADD made timestamp DEFAULT ''2026-01-01'';
      UPDATE intermediate.things_clean SET j = -j WHERE i % 10 = 0; UPDATE intermediate.things_clean SET made = NULL
      WHERE i % 9 = 0', 'ALTER TABLE intermediate.things_clean DROP made'),
  ('CREATE TRIGGER one AFTER UPDATE ON intermediate.things_clean FOR EACH ROW EXECUTE FUNCTION public.nothing()',
    'UPDATE intermediate.things_clean SET j = -j WHERE i % 10 = 0', 'DROP TRIGGER one ON intermediate.things_clean'),
  ('ALTER TABLE intermediate.things_clean DROP CONSTRAINT things_clean_pkey',
    'UPDATE intermediate.things_clean SET j = -j WHERE i % 10 = 0',
    'ALTER TABLE intermediate.things_clean ADD CONSTRAINT things_clean_pkey PRIMARY KEY (i)')
) AS a(alteration, change, undo), pg_temp.merged_with(alteration, change, undo) AS w;
-- A table that the caller's own cursor reads
BEGIN;
TRUNCATE intermediate.things_clean;
DECLARE reading CURSOR FOR SELECT * FROM intermediate.things_clean;
FETCH 0 FROM reading;
SELECT action, rows_inserted FROM dap.refresh_intermediate('full') WHERE object = 'intermediate.things_clean';
ROLLBACK;
-- A record that a page cannot hold as it is
SELECT status FROM dap.ingest_bytes('things', 'wide',
  convert_to(E'i,t\n5000,' || (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 400) AS g) || E'\n', 'UTF8'),
  '{"optional": ["j","u","d","s","z","n","m","f","r","b","spare"]}');
SELECT * FROM pg_temp.compare();
SELECT * FROM pg_temp.compare_merged('UPDATE intermediate.things_clean SET j = -j WHERE i % 10 = 0');
SELECT length(t) FROM intermediate.things_clean WHERE i = 5000;
-- A field that staging holds compressed, whose value is short
SELECT status FROM dap.ingest_bytes('things', 'z compressed',
  convert_to(E'i,t,n\n5000,ok,' || repeat(' ', 9000) || E'7.5\n', 'UTF8'),
  '{"optional": ["j","u","d","s","z","m","f","r","b","spare"]}');
SELECT * FROM pg_temp.compare();
SELECT length(t), n FROM intermediate.things_clean WHERE i = 5000;

SELECT dap.drop_model('things_clean');
DROP FUNCTION public.nothing();
