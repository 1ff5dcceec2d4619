-- Tables as create_source made them are written in bulk, others by INSERT: with the same result.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE SCHEMA staging;
RESET client_min_messages;
-- Loads a text as a file
CREATE FUNCTION pg_temp.load(source text, name text, content text, options jsonb DEFAULT '{}',
  OUT status text, OUT reason text, OUT read bigint, OUT loaded bigint, OUT rejected bigint)
LANGUAGE sql AS $$ SELECT r.status, r.reason, r.rows_read, r.rows_loaded, r.rows_rejected
  FROM dap.ingest_bytes(source, name, convert_to(content, 'UTF8'), options) AS r $$;

CREATE FUNCTION pg_temp.content() RETURNS text LANGUAGE sql AS $$
  SELECT E'a,b,c\n1,x,\n2,"",y\n3,bad\n4,"two\nlines",' || repeat('long ', 2000) || E'\n,,\n6,"q""q",z' $$;
CREATE FUNCTION pg_temp.digest(relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
  EXECUTE format('SELECT md5(string_agg(concat_ws(''|'', _line, coalesce(''='' || a, ''NULL''), coalesce(''='' || b, '
    '''NULL''), coalesce(''='' || c, ''NULL'')), '';'' ORDER BY _line)) FROM staging.%I', relation) INTO result;
  RETURN result;
END $$;
SELECT dap.create_source('plain', columns => '{a,b,c}');

-- Everything that can stand on a table
SELECT dap.create_source(n, columns => '{a,b,c}')
FROM unnest('{row_trigger,after_trigger,statement_trigger,rule,also_rule,indexed,checked,secured,generated,dropped,'
  'not_null,defaulted,extended,unlogged,identity,domained,stored}'::text[]) AS n;
CREATE TABLE public.log (what text);
CREATE FUNCTION public.log_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log
  VALUES (TG_NAME || ' ' || TG_WHEN || ' ' || TG_LEVEL); RETURN NEW; END $$;
CREATE TRIGGER before_row BEFORE INSERT ON staging.row_trigger FOR EACH ROW EXECUTE FUNCTION public.log_row();
CREATE TRIGGER after_row AFTER INSERT ON staging.after_trigger FOR EACH ROW EXECUTE FUNCTION public.log_row();
CREATE TRIGGER before_statement BEFORE INSERT ON staging.statement_trigger FOR EACH STATEMENT
  EXECUTE FUNCTION public.log_row();
CREATE RULE to_log AS ON INSERT TO staging.also_rule DO ALSO INSERT INTO public.log VALUES ('rule');
CREATE INDEX ON staging.indexed (a);
CREATE UNIQUE INDEX ON staging.indexed (_file_id, _line);
ALTER TABLE staging.checked ADD CHECK (a <> 'never');
ALTER TABLE staging.secured ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE staging.generated ADD COLUMN g text GENERATED ALWAYS AS (coalesce(a, '') || '!') STORED;
ALTER TABLE staging.dropped ADD COLUMN d text;
ALTER TABLE staging.dropped DROP COLUMN d;
ALTER TABLE staging.not_null ALTER COLUMN _line SET NOT NULL, ADD COLUMN n text NOT NULL DEFAULT 'n';
ALTER TABLE staging.defaulted ADD COLUMN d text DEFAULT 'given';
ALTER TABLE staging.extended ADD COLUMN at timestamptz DEFAULT now();
ALTER TABLE staging.unlogged SET UNLOGGED;
ALTER TABLE staging.identity ADD COLUMN i int GENERATED ALWAYS AS IDENTITY;
CREATE DOMAIN public.any_text AS text CHECK (VALUE <> 'never');
ALTER TABLE staging.domained ALTER COLUMN b TYPE public.any_text;
ALTER TABLE staging.stored ALTER COLUMN c SET STORAGE EXTERNAL;
CREATE TABLE staging.parted (_line bigint, _file_id integer, a text, b text, c text) PARTITION BY LIST (a);
CREATE TABLE staging.parted_2 PARTITION OF staging.parted FOR VALUES IN ('2');
CREATE TABLE staging.parted_other PARTITION OF staging.parted DEFAULT;
SELECT dap.create_source('parted', columns => '{a,b,c}');
CREATE TABLE public.parent (_line bigint, _file_id integer, a text, b text, c text);
CREATE TABLE staging.child () INHERITS (public.parent);
SELECT dap.create_source('child', columns => '{a,b,c}');
SELECT d.source, l.* FROM dap_internal.source_definition AS d,
  LATERAL pg_temp.load(d.source, 'f', pg_temp.content()) AS l ORDER BY source_id;
SELECT source, pg_temp.digest(source) = pg_temp.digest('plain') AS same FROM dap_internal.source_definition
ORDER BY source_id;
SELECT what, count(*) FROM public.log GROUP BY what ORDER BY what;
SELECT a, b, g FROM staging.generated WHERE a = '2';
SELECT DISTINCT n FROM staging.not_null;
SELECT DISTINCT d FROM staging.defaulted;
SELECT count(at) FROM staging.extended;
SELECT count(DISTINCT i) FROM staging.identity;
SELECT tableoid::regclass, count(*) FROM staging.parted GROUP BY 1 ORDER BY 1;

-- What a table refuses fails the file, with its SQLSTATE and without its values
CREATE FUNCTION pg_temp.refusal(source text) RETURNS TABLE (status text, reason text, read bigint, in_table bigint)
  LANGUAGE plpgsql AS $$
DECLARE r record; n bigint;
BEGIN
  SELECT * INTO r FROM pg_temp.load(source, 'refused', E'a,b,c\nfine,1,1\nnever,never,4711\n');
  EXECUTE format('SELECT count(*) FROM staging.%I WHERE a IN (''fine'', ''never'')', source) INTO n;
  RETURN QUERY SELECT r.status, r.reason, r.read, n;
END $$;
SELECT * FROM pg_temp.refusal('checked');
SELECT * FROM pg_temp.refusal('domained');
CREATE UNIQUE INDEX ON staging.indexed (c);
SELECT * FROM pg_temp.load('indexed', 'unique', E'a,b,c\nfine,1,1\nnever,1,1\n');
DROP RULE to_log ON staging.also_rule;
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.a = 'never' THEN
    RAISE EXCEPTION 'the value is %', NEW.c USING ERRCODE = TG_ARGV[0], DETAIL = NEW.c, HINT = NEW.c;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON staging.row_trigger FOR EACH ROW EXECUTE FUNCTION public.refuse('P0001');
CREATE TRIGGER refuse AFTER INSERT ON staging.after_trigger FOR EACH ROW EXECUTE FUNCTION public.refuse('DAP42');
SELECT * FROM pg_temp.refusal('row_trigger');
SELECT * FROM pg_temp.refusal('after_trigger');
-- a policy of a table that is secured against its owner too
CREATE ROLE regress_dap_ingest_owner;
GRANT CREATE, USAGE ON SCHEMA staging TO regress_dap_ingest_owner;
ALTER TABLE staging.secured OWNER TO regress_dap_ingest_owner;
GRANT USAGE ON SCHEMA dap TO regress_dap_ingest_owner;
GRANT EXECUTE ON FUNCTION dap_internal.no_stray_insert(), dap_internal.guard() TO regress_dap_ingest_owner;
CREATE POLICY fine ON staging.secured FOR INSERT WITH CHECK (a <> 'never');
SELECT * FROM pg_temp.refusal('secured');
-- partitions that are not there
DROP TABLE staging.parted_other;
SELECT * FROM pg_temp.refusal('parted');
-- deferred constraints cannot be left to the caller's rights
ALTER TABLE staging.extended ADD CONSTRAINT late UNIQUE (a) DEFERRABLE INITIALLY DEFERRED;
SELECT * FROM pg_temp.load('extended', 'deferred', E'a,b,c\nd1,1,1\nd1,1,1\n');
-- Records that a trigger or a rule drops without a word
CREATE FUNCTION public.drop_never() RETURNS trigger
  LANGUAGE plpgsql AS $$ BEGIN IF NEW.a = 'never' THEN RETURN NULL; END IF; RETURN NEW; END $$;
CREATE TRIGGER drop_never BEFORE INSERT ON staging.statement_trigger FOR EACH ROW EXECUTE FUNCTION public.drop_never();
SELECT * FROM pg_temp.refusal('statement_trigger');
CREATE RULE nothing AS ON INSERT TO staging.rule DO INSTEAD NOTHING;
SELECT * FROM pg_temp.refusal('rule');
CREATE OR REPLACE RULE nothing AS ON INSERT TO staging.rule DO INSTEAD INSERT INTO public.log SELECT new.a;
SELECT * FROM pg_temp.load('rule', 'moved', E'a,b,c\nx1,1,1\nx2,1,1\n');
CREATE RULE nothing AS ON INSERT TO staging.also_rule WHERE new.a = 'never' DO INSTEAD NOTHING;
SELECT * FROM pg_temp.refusal('also_rule');
-- What is no fault of the file is no status of it
CREATE FUNCTION public.broken() RETURNS trigger
  LANGUAGE plpgsql AS $$ BEGIN PERFORM * FROM public.no_such_table; RETURN NEW; END $$;
CREATE TRIGGER broken BEFORE INSERT ON staging.generated FOR EACH ROW EXECUTE FUNCTION public.broken();
SELECT * FROM pg_temp.load('generated', 'broken', E'a,b,c\n1,1,1\n');
SELECT source, path, status, reason FROM dap.files WHERE status = 'failed' ORDER BY file_id;
-- A row that TOAST may not shrink
ALTER TABLE staging.stored ALTER COLUMN b SET STORAGE PLAIN;
SELECT * FROM pg_temp.load('stored', 'too big', E'a,b,c\n1,' || repeat('p', 9000) || E',2\n');

-- The load is the owner's work, in a security-restricted operation, although a superuser calls
CREATE FUNCTION public.attack() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.log
  VALUES (format('attack as %s, session %s, path %s', current_user, current_user = session_user,
    current_setting('search_path')));
  BEGIN
    SET LOCAL ROLE NONE;
    INSERT INTO public.log VALUES ('became ' || current_user);
  EXCEPTION WHEN OTHERS THEN INSERT INTO public.log VALUES (SQLERRM);
  END;
  BEGIN
    CREATE TEMP TABLE trap (a int) ON COMMIT DROP;
    INSERT INTO public.log VALUES ('temp table');
  EXCEPTION WHEN OTHERS THEN INSERT INTO public.log VALUES (SQLERRM);
  END;
  RETURN NEW;
END $$;
ALTER FUNCTION public.attack() OWNER TO regress_dap_ingest_owner;
GRANT INSERT, SELECT ON public.log TO regress_dap_ingest_owner;
TRUNCATE public.log;
CREATE TRIGGER attack BEFORE INSERT ON staging.secured FOR EACH ROW EXECUTE FUNCTION public.attack();
SELECT * FROM pg_temp.load('secured', 'attack', E'a,b,c\nx,1,1\n');
SELECT what FROM public.log;

SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging CASCADE;
DROP OWNED BY regress_dap_ingest_owner CASCADE;
DROP ROLE regress_dap_ingest_owner;
DROP TABLE public.log, public.parent;
DROP FUNCTION public.log_row(), public.refuse(), public.drop_never(), public.broken();
DROP DOMAIN public.any_text;
CREATE EXTENSION dap_analytics;

