-- The merge and what users hang on a model's table: it deletes nothing that stays, and what it wrote is what it was
-- asked to write.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE ROLE regress_dap_owner;
CREATE SCHEMA staging AUTHORIZATION regress_dap_owner;
CREATE SCHEMA intermediate AUTHORIZATION regress_dap_owner;
SELECT dap.grant_access('regress_dap_owner', 'admin');
SET ROLE regress_dap_owner;
SELECT dap.create_source('u', columns => '{id,email}');
SELECT dap.create_clean_model('users', 'u', '[{"name": "id", "type": "bigint"}, {"name": "email", "type": "text"}]',
  '{id}');
RESET ROLE;
RESET client_min_messages;
CREATE SEQUENCE pg_temp.file;
CREATE FUNCTION pg_temp.load(content text) RETURNS text
LANGUAGE sql AS $$ SELECT status
  FROM dap.ingest_bytes('u', nextval('pg_temp.file')::text, convert_to(E'id,email\n' || content, 'UTF8'),
  '{"again": true}') $$;
-- What a refresh makes of these records, or how it ends.
CREATE FUNCTION pg_temp.merge(content text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  PERFORM pg_temp.load(content);
  RETURN (SELECT format('%s: %s inserted, %s updated, %s deleted', action, rows_inserted, rows_updated, rows_deleted)
    FROM dap.refresh_all('full', false) WHERE object = 'intermediate.users');
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n  ', SQLSTATE || ': ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
CREATE FUNCTION pg_temp.users() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(id || ' ' || email, ', ' ORDER BY id)
  FROM intermediate.users $$;

-- Rows that trade what an index keeps unique are taken out and put in again where nobody sees it
SELECT pg_temp.merge(E'1,a\n2,b\n');
CREATE UNIQUE INDEX mail ON intermediate.users (email);
SELECT pg_temp.merge(E'1,b\n2,a\n'), pg_temp.users();
-- a generated column has the value that it had
ALTER TABLE intermediate.users ADD COLUMN domain text GENERATED ALWAYS AS (email || '.') STORED;
SELECT pg_temp.merge(E'1,a\n2,b\n'), pg_temp.merge(E'1,b\n2,a\n'), pg_temp.users();
ALTER TABLE intermediate.users DROP COLUMN domain;
-- A foreign key would: with any action, or none
CREATE TABLE public.note (user_id bigint, txt text);
INSERT INTO public.note VALUES (1, 'one'), (2, 'two');
ALTER TABLE public.note ADD CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES intermediate.users ON DELETE CASCADE;
SELECT pg_temp.merge(E'1,a\n2,b\n');
SELECT pg_temp.users(), count(*) AS notes FROM public.note WHERE user_id IS NOT NULL;
ALTER TABLE public.note DROP CONSTRAINT of_user,
  ADD CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES intermediate.users ON DELETE SET NULL;
SELECT pg_temp.merge(E'1,a\n2,b\n');
ALTER TABLE public.note DROP CONSTRAINT of_user,
  ADD CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES intermediate.users;
SELECT pg_temp.merge(E'1,a\n2,b\n');
ALTER TABLE public.note DROP CONSTRAINT of_user,
  ADD CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES intermediate.users DEFERRABLE INITIALLY DEFERRED;
SELECT pg_temp.merge(E'1,a\n2,b\n');
SELECT pg_temp.users(), count(*) AS notes FROM public.note WHERE user_id IS NOT NULL;
-- What the hint says helps; rows that really go take their notes with them, as the foreign key says
DROP INDEX intermediate.mail;
ALTER TABLE intermediate.users ADD CONSTRAINT mail UNIQUE (email) DEFERRABLE;
ALTER TABLE public.note DROP CONSTRAINT of_user,
  ADD CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES intermediate.users ON DELETE CASCADE;
SELECT pg_temp.merge(E'1,a\n2,b\n');
SELECT pg_temp.users(), count(*) AS notes FROM public.note;
SELECT pg_temp.merge(E'1,b\n2,b\n');
DROP TABLE public.note;
-- So would a trigger or a rule, but one that is disabled
ALTER TABLE intermediate.users DROP CONSTRAINT mail;
CREATE UNIQUE INDEX mail ON intermediate.users (email);
CREATE TABLE public.log (what text, id bigint);
GRANT ALL ON public.log TO regress_dap_owner;
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log
  VALUES (TG_OP, (CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END).id); RETURN NULL; END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON intermediate.users FOR EACH ROW EXECUTE FUNCTION public.note();
SELECT pg_temp.merge(E'1,b\n2,a\n');
ALTER TABLE intermediate.users DISABLE TRIGGER audit;
SELECT pg_temp.merge(E'1,b\n2,a\n'), pg_temp.users();
ALTER TABLE intermediate.users ENABLE TRIGGER audit;
SELECT pg_temp.merge(E'1,b\n2,c\n3,d\n'), pg_temp.users();
TABLE public.log;
DROP TRIGGER audit ON intermediate.users;
CREATE RULE told AS ON DELETE TO intermediate.users DO ALSO INSERT INTO public.log VALUES ('rule', old.id);
SELECT pg_temp.merge(E'2,b\n1,c\n');
DROP RULE told ON intermediate.users;
DROP INDEX intermediate.mail;

-- Writes that a trigger swallows or changes are errors, each time
CREATE FUNCTION public.meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_ARGV[0] = 'swallow' THEN RETURN NULL; END IF;
  NEW.email := upper(NEW.email);
  RETURN NEW;
END $$;
CREATE TRIGGER meddle BEFORE UPDATE ON intermediate.users FOR EACH ROW EXECUTE FUNCTION public.meddle('swallow');
SELECT pg_temp.merge(E'1,bb\n');
SELECT pg_temp.load(E'1,bb\n');
SELECT object, action FROM dap.refresh_all(ingest => false);
SELECT object, action FROM dap.refresh_all(ingest => false);
SELECT object, state FROM dap.status WHERE object = 'intermediate.users';
DROP TRIGGER meddle ON intermediate.users;
SELECT object, action FROM dap.refresh_all(ingest => false);
CREATE TRIGGER meddle BEFORE UPDATE ON intermediate.users FOR EACH ROW WHEN (NEW.id = 1)
  EXECUTE FUNCTION public.meddle('swallow');
SELECT pg_temp.merge(E'1,a\n2,b\n');
DROP TRIGGER meddle ON intermediate.users;
CREATE TRIGGER meddle BEFORE INSERT OR UPDATE ON intermediate.users FOR EACH
  ROW EXECUTE FUNCTION public.meddle('change');
SELECT pg_temp.merge(E'1,a\n');
SELECT pg_temp.merge(E'9,a\n');
DROP TRIGGER meddle ON intermediate.users;
CREATE TRIGGER meddle BEFORE INSERT OR DELETE ON intermediate.users FOR EACH
  ROW EXECUTE FUNCTION public.meddle('swallow');
SELECT pg_temp.merge(E'9,a\n');
-- with the first build
CREATE FUNCTION pg_temp.first_build(content text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE outcome text;
BEGIN
  TRUNCATE intermediate.users;
  outcome := pg_temp.merge(content);
  RAISE EXCEPTION USING MESSAGE = outcome, ERRCODE = 'DAP00';
EXCEPTION WHEN SQLSTATE 'DAP00' THEN
  RETURN SQLERRM;
END $$;
SELECT pg_temp.first_build(E'9,a\n');
DROP TRIGGER meddle ON intermediate.users;
CREATE TRIGGER meddle BEFORE INSERT ON intermediate.users FOR EACH ROW EXECUTE FUNCTION public.meddle('change');
SELECT pg_temp.first_build(E'9,a\n');
DROP TRIGGER meddle ON intermediate.users;
SELECT pg_temp.first_build(E'9,a\n');
-- and with deletes
SET ROLE regress_dap_owner;
SELECT dap.create_model('intermediate.short',
  'SELECT u.id, u.email FROM intermediate.users u WHERE u.email <> ''gone''', '{id}');
RESET ROLE;
SELECT pg_temp.merge(E'1,a\n2,b\n3,c\n');
CREATE TRIGGER meddle BEFORE DELETE ON intermediate.short FOR EACH ROW EXECUTE FUNCTION public.meddle('swallow');
SELECT pg_temp.merge(E'3,gone\n');
DROP TRIGGER meddle ON intermediate.short;
-- A foreign key of the table on itself that deletes more
ALTER TABLE intermediate.short ADD COLUMN parent bigint REFERENCES intermediate.short ON DELETE CASCADE;
UPDATE intermediate.short SET parent = 3 WHERE id = 2;
SELECT pg_temp.merge(E'3,gone\n');
ALTER TABLE intermediate.short DROP COLUMN parent;
SELECT pg_temp.merge(E'3,gone\n');

-- Rules that redirect, and rules that add
CREATE TABLE public.elsewhere (id bigint, email text);
GRANT ALL ON public.elsewhere TO regress_dap_owner;
CREATE RULE away AS ON UPDATE TO intermediate.users DO INSTEAD NOTHING;
SELECT pg_temp.merge(E'1,aaa\n');
CREATE OR REPLACE RULE away AS ON UPDATE TO intermediate.users DO INSTEAD INSERT INTO public.elsewhere
  VALUES (new.id, new.email);
SELECT pg_temp.merge(E'1,aaa\n');
DROP RULE away ON intermediate.users;
CREATE RULE away AS ON INSERT TO intermediate.users DO INSTEAD INSERT INTO public.elsewhere VALUES (new.id, new.email);
SELECT pg_temp.merge(E'10,aaa\n');
SELECT pg_temp.first_build(E'10,aaa\n');
DROP RULE away ON intermediate.users;
CREATE RULE added AS ON INSERT TO intermediate.users DO ALSO INSERT INTO public.elsewhere VALUES (new.id, new.email);
SELECT pg_temp.merge(E'10,aaa\n'), pg_temp.users();
TABLE public.elsewhere;
DROP RULE added ON intermediate.users;

-- Triggers that leave the model's columns alone are nobody's business
ALTER TABLE intermediate.users ADD COLUMN seen integer DEFAULT 0;
CREATE FUNCTION public.count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.seen := coalesce(OLD.seen, 0)
  + 1; RETURN NEW; END $$;
CREATE TRIGGER count BEFORE INSERT OR UPDATE ON intermediate.users FOR EACH ROW EXECUTE FUNCTION public.count();
SELECT pg_temp.merge(E'10,bbb\n11,ccc\n');
SELECT * FROM intermediate.users WHERE id > 9 ORDER BY id;
SELECT pg_temp.merge(E'10,bbb\n');
DROP TRIGGER count ON intermediate.users;

-- Rows that row-level security hides from the owner are neither duplicates nor gone
ALTER TABLE intermediate.users ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON intermediate.users USING (id < 3);
SELECT pg_temp.merge(E'10,ddd\n'), pg_temp.users();
ALTER TABLE intermediate.users FORCE ROW LEVEL SECURITY;
SELECT pg_temp.merge(E'10,eee\n'), pg_temp.users();
ALTER TABLE intermediate.users DISABLE ROW LEVEL SECURITY;
ALTER TABLE staging.u ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY writes ON staging.u FOR INSERT WITH CHECK (true);
CREATE POLICY reads ON staging.u FOR SELECT USING (id = '1');
SELECT pg_temp.merge(E'10,eee\n'), pg_temp.users();
ALTER TABLE staging.u DISABLE ROW LEVEL SECURITY;
SELECT pg_temp.merge(E'10,eee\n'), pg_temp.users();

-- nor are they left out where it hides them from the model's owner alone; who reads by way of a view has the rights of
-- its owner
CREATE TABLE public.ruled AS SELECT 1 AS id UNION ALL SELECT 2;
CREATE VIEW public.over_ruled AS SELECT id FROM public.ruled;
ALTER TABLE public.ruled ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON public.ruled USING (id < 2);
GRANT SELECT ON public.ruled, public.over_ruled TO regress_dap_owner;
SET ROLE regress_dap_owner;
SELECT dap.create_model('intermediate.ruled', 'SELECT id FROM public.ruled', '{id}');
RESET ROLE;
SELECT pg_temp.merge(E'10,eee\n');
SET ROLE regress_dap_owner;
SELECT dap.create_model('intermediate.ruled', 'SELECT id FROM public.over_ruled', '{id}', or_replace => true);
RESET ROLE;
SELECT pg_temp.merge(E'10,eee\n');
SELECT count(*) FROM intermediate.ruled;
SELECT dap.drop_model('intermediate.ruled');
DROP TABLE public.ruled CASCADE;

-- Partitions have triggers of their own
SELECT 'intermediate.short'::regclass::oid AS short \gset
ALTER TABLE intermediate.short RENAME TO short_before;
CREATE TABLE intermediate.short (id bigint, email text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE intermediate.short_low PARTITION OF intermediate.short FOR VALUES FROM (0) TO (100);
CREATE TABLE intermediate.short_high PARTITION OF intermediate.short FOR VALUES FROM (100) TO (200);
ALTER TABLE intermediate.short OWNER TO regress_dap_owner;
ALTER TABLE intermediate.short_low OWNER TO regress_dap_owner;
ALTER TABLE intermediate.short_high OWNER TO regress_dap_owner;
UPDATE dap_internal.model_definition SET relation = 'intermediate.short' WHERE relation = :short;
DROP TABLE intermediate.short_before;
SELECT pg_temp.merge(E'100,x\n101,y\n');
CREATE TRIGGER meddle BEFORE UPDATE ON intermediate.short_high FOR EACH ROW EXECUTE FUNCTION public.meddle('change');
SELECT pg_temp.merge(E'100,z\n');
CREATE UNIQUE INDEX mail ON intermediate.short_high (email);
DROP TRIGGER meddle ON intermediate.short_high;
CREATE TRIGGER audit AFTER DELETE ON intermediate.short_high FOR EACH ROW EXECUTE FUNCTION public.note();
SELECT pg_temp.merge(E'100,y\n101,x\n');
DROP TRIGGER audit ON intermediate.short_high;
SELECT pg_temp.merge(E'100,y\n101,x\n');
SELECT * FROM intermediate.short WHERE id > 99 ORDER BY id;

SET client_min_messages = warning;
DROP SCHEMA staging, intermediate CASCADE;
DROP TABLE public.log, public.elsewhere;
DROP FUNCTION public.note(), public.meddle(), public.count();
DROP EXTENSION dap_analytics CASCADE;
DROP OWNED BY regress_dap_owner;
DROP ROLE regress_dap_owner;
