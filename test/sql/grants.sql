-- Who may do what: dap.grant_access() by level, for objects of today and tomorrow.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE ROLE regress_dap_owner;
CREATE ROLE regress_dap_nobody;
CREATE ROLE regress_dap_monitor;
CREATE ROLE "Regress dap reader";
CREATE ROLE regress_dap_operator;
CREATE ROLE regress_dap_admin;
RESET client_min_messages;

-- Refusals
SELECT dap.grant_access('regress_dap_nobody', 'reader');
SELECT count(*) AS made FROM dap.setup(owner => 'regress_dap_owner');
SELECT dap.grant_access('regress_dap_nobody', 'king');
SELECT dap.grant_access('regress_dap_nobody', 'Reader');
SELECT dap.grant_access('regress_dap_nobody', NULL);
SELECT dap.grant_access(NULL, 'reader');
SELECT dap.grant_access('regress_dap_missing', 'reader');
SELECT dap.grant_access(0::regrole, 'reader');
SELECT dap.grant_access(4711::oid::regrole, 'reader');

SELECT dap.grant_access('regress_dap_monitor', 'monitor');
SELECT dap.grant_access('"Regress dap reader"', 'reader');
SELECT dap.grant_access('regress_dap_operator', 'operator');
SELECT dap.grant_access('regress_dap_admin', 'admin');
SELECT dap.grant_access('regress_dap_admin', 'admin');
SELECT pg_has_role('regress_dap_admin', 'regress_dap_owner', 'MEMBER') AS admin_is_member;

-- What each level may execute
CREATE FUNCTION pg_temp.letters(variadic levels boolean[]) RETURNS text LANGUAGE sql AS
  $$ SELECT string_agg(CASE WHEN levels[n] THEN (ARRAY['nobody', 'monitor', 'reader', 'operator', 'admin'])[n] END, ', '
    ORDER BY n) FROM generate_series(1, 5) AS n $$;
SELECT p.proname, pg_temp.letters(has_function_privilege('regress_dap_nobody', p.oid, 'EXECUTE'),
  has_function_privilege('regress_dap_monitor', p.oid, 'EXECUTE'),
  has_function_privilege('Regress dap reader', p.oid, 'EXECUTE'),
  has_function_privilege('regress_dap_operator', p.oid, 'EXECUTE'),
  has_function_privilege('regress_dap_admin', p.oid, 'EXECUTE')) AS executable_by
FROM pg_proc p WHERE p.pronamespace = 'dap'::regnamespace AND p.prokind = 'f' ORDER BY p.proname COLLATE "C";
SELECT p.proname AS internal_beyond_admins FROM pg_proc p,
  unnest(ARRAY['regress_dap_nobody', 'regress_dap_monitor', 'Regress dap reader', 'regress_dap_operator']) AS r
WHERE p.pronamespace = 'dap_internal'::regnamespace AND has_function_privilege(r, p.oid, 'EXECUTE')
  AND p.proname NOT LIKE 'bag\_%';
-- what the server checks where it folds constants and hashes a list
SET ROLE regress_dap_nobody;
SELECT '{1:3}'::dap.bag::text, '{2}'::text::dap.bag, dap.bag_add('{1}', '{2}')::text;
SELECT b::text FROM (VALUES (dap.bag_add('{1}', '{2}'))) v (b)
WHERE b OPERATOR(dap.=) ANY (ARRAY['{1}', '{2}', '{3}', '{4}', '{5}', '{6}', '{7}', '{8}', '{9}', '{1,2}']::dap.bag[]);
RESET ROLE;
SELECT p.proname AS writer_open_to_admins FROM pg_proc p
WHERE p.pronamespace = 'dap_internal'::regnamespace AND p.proname ~ '^(write|record)_'
  AND has_function_privilege('regress_dap_admin', p.oid, 'EXECUTE');
-- read
SELECT c.relname, pg_temp.letters(has_table_privilege('regress_dap_nobody', c.oid, 'SELECT'),
  has_table_privilege('regress_dap_monitor', c.oid, 'SELECT'),
  has_table_privilege('Regress dap reader', c.oid, 'SELECT'),
  has_table_privilege('regress_dap_operator', c.oid, 'SELECT'),
  has_table_privilege('regress_dap_admin', c.oid, 'SELECT')) AS readable_by
FROM pg_class c WHERE c.relnamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace) AND c.relkind IN ('r', 'v')
ORDER BY c.relname COLLATE "C";
-- and write: no role has DML on the ledger
SELECT c.relname AS writable FROM pg_class c,
  unnest(ARRAY['regress_dap_nobody', 'regress_dap_monitor', 'Regress dap reader', 'regress_dap_operator',
  'regress_dap_admin']) AS r
WHERE c.relnamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace) AND c.relkind = 'r'
  AND has_table_privilege(r, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES');
SELECT c.relname AS usable_sequence FROM pg_class c,
  unnest(ARRAY['regress_dap_nobody', 'regress_dap_operator', 'regress_dap_admin']) AS r
WHERE c.relnamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace) AND c.relkind = 'S'
  AND has_sequence_privilege(r, c.oid, 'USAGE, UPDATE, SELECT');
SELECT n.nspname, c.relkind, p.privilege, count(*),
  count(*) FILTER (WHERE has_table_privilege('regress_dap_monitor', c.oid, p.privilege)) AS monitor,
  count(*) FILTER (WHERE has_table_privilege('Regress dap reader', c.oid, p.privilege)) AS reader,
  count(*) FILTER (WHERE has_table_privilege('regress_dap_operator', c.oid, p.privilege)) AS operator
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
  unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS p(privilege)
WHERE n.nspname IN ('staging', 'intermediate', 'analytics') AND c.relkind = 'r' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT n.nspname, r AS may_use FROM pg_namespace n,
  unnest(ARRAY['regress_dap_monitor', 'Regress dap reader', 'regress_dap_operator']) AS r
WHERE n.nspname IN ('staging', 'intermediate', 'analytics') AND has_schema_privilege(r, n.oid, 'USAGE') ORDER BY 1, 2;

-- only what the extension has: a view that somebody adds to its schema is not among it
CREATE VIEW dap.health AS SELECT 1 AS added;
SELECT dap.grant_access('regress_dap_monitor', 'monitor'), dap.grant_access('regress_dap_operator', 'operator');
SELECT has_table_privilege('regress_dap_monitor', 'dap.health', 'SELECT') AS monitor,
  has_table_privilege('regress_dap_operator', 'dap.health', 'SELECT') AS operator;
DROP VIEW dap.health;

-- Nobody
SET ROLE regress_dap_nobody;
SELECT dap.version() <> '' AS version;
SELECT dap.setup();
SELECT dap.create_source('x', columns => '{a}');
SELECT dap.refresh_all();
SELECT dap.ingest_bytes('users', 'x', ''::bytea);
SELECT dap.grant_access('regress_dap_nobody', 'admin');
SELECT dap.dismiss_file('x', 'y');
TABLE dap.status;
TABLE dap_internal.file_ledger;
RESET ROLE;

-- The monitor sees states, no data
SET ROLE regress_dap_monitor;
SELECT count(*) > 0 AS status FROM dap.status;
SELECT count(*) AS runs FROM dap.runs;
SELECT count(*) AS steps FROM dap.run_steps;
SELECT count(*) AS files FROM dap.files;
TABLE dap.rejects;
SELECT * FROM analytics.transaction_stats;
SELECT dap.refresh_all();
RESET ROLE;

-- The operator loads and refreshes, and defines nothing
SET ROLE regress_dap_operator;
SELECT status, rows_loaded
FROM dap.ingest_bytes('users', 'u1', E'user_id,name,email,phone,created_at\n1,Ann,a@b.c,1,2024-01-01\nx,,,,\n'::bytea);
SELECT count(*) AS steps, count(*) FILTER (WHERE action = 'failed') AS failed FROM dap.refresh_all(ingest => false);
SELECT path, line, reason FROM dap.rejects;
SELECT * FROM staging.users;
SELECT * FROM analytics.transaction_stats;
INSERT INTO staging.users (name) VALUES ('by hand');
UPDATE staging.users SET name = 'by hand';
SELECT dap.create_source('x', columns => '{a}');
SELECT dap.create_model('x', 'SELECT 1 AS a', '{a}');
SELECT dap.drop_source('users');
SELECT dap.drop_model('user_activity');
SELECT dap.dismiss_file('u1', 'because');
SELECT dap.setup();
SELECT dap.grant_access('regress_dap_operator', 'admin');
SELECT dap_internal.run_as('regress_dap_owner', 'SELECT 1');
SELECT dap_internal.write('drop_source', 'staging.users', '{}');
RESET ROLE;

-- The admin defines, and gives access, but cannot reach beyond the owner's rights
SET ROLE regress_dap_admin;
SELECT dap.create_source('x', columns => '{a,b}');
SELECT dap.create_clean_model('x_clean', 'x', '[{"name": "a", "type": "bigint"}]', '{a}');
SELECT dap.create_model('x_count', 'SELECT 1 AS one, count(*) AS n FROM intermediate.x_clean', '{one}');
SELECT relname, relowner::regrole FROM pg_class WHERE relname IN ('x', 'x_clean', 'x_count') ORDER BY relname;
SELECT count(*) AS steps FROM dap.setup(owner => 'regress_dap_owner');
SELECT dap.grant_access('regress_dap_nobody', 'monitor');
SELECT dap.setup();
\set VERBOSITY sqlstate
SELECT dap_internal.run_as(rolname::text::regrole, 'SELECT 1') FROM pg_roles WHERE oid = 10;
\set VERBOSITY default
SELECT dap_internal.run_as(4294967294::oid::regrole, 'SELECT 1');
SELECT dap_internal.write('source', 'dap_internal.source_definition', '{}');
SELECT dap_internal.write('nothing', 'staging.x', '{}');
SELECT dap_internal.write_drop_source('staging.x', '{}', '');
DELETE FROM dap_internal.file_ledger;
RESET ROLE;
-- made later, open to the levels at once
SELECT has_table_privilege('Regress dap reader', 'analytics.x_count', 'SELECT') AS reader,
  has_table_privilege('regress_dap_operator', 'staging.x', 'INSERT') AS operator,
  has_table_privilege('Regress dap reader', 'intermediate.x_clean', 'SELECT') AS reader_beyond,
  has_table_privilege('regress_dap_operator', 'staging.x', 'SELECT') AS operator_beyond;
SET ROLE "Regress dap reader";
SELECT transactions FROM analytics.transaction_stats;
SELECT count(*) > 0 AS status FROM dap.status;
SELECT * FROM staging.users;
SELECT * FROM intermediate.users_clean;
TABLE dap.files;
RESET ROLE;

-- Only who can admit members to the owner makes admins
SET ROLE regress_dap_admin;
\set VERBOSITY sqlstate
SELECT dap.grant_access('regress_dap_operator', 'admin');
\set VERBOSITY default
RESET ROLE;
SELECT pg_has_role('regress_dap_operator', 'regress_dap_owner', 'MEMBER') AS operator_is_member;

-- What everybody may execute: these and no others
\pset format unaligned
SELECT p.proname AS name, string_agg(pg_get_function_identity_arguments(p.oid), '; '
  ORDER BY pg_get_function_identity_arguments(p.oid) COLLATE "C") AS arguments
FROM pg_proc p WHERE p.pronamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace)
  AND has_function_privilege('public', p.oid, 'EXECUTE') GROUP BY 1 ORDER BY p.proname COLLATE "C";
\pset format aligned

SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging, intermediate, analytics CASCADE;
DROP OWNED BY regress_dap_owner, regress_dap_nobody, regress_dap_monitor, "Regress dap reader", regress_dap_operator,
  regress_dap_admin;
DROP ROLE regress_dap_owner, regress_dap_nobody, regress_dap_monitor, "Regress dap reader", regress_dap_operator,
  regress_dap_admin;
CREATE EXTENSION dap_analytics;
