-- The built-in pipeline: what setup makes, finds in its way, and leaves alone.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE ROLE regress_dap_owner;
CREATE ROLE regress_dap_other;
RESET client_min_messages;

-- What stands in the way is told at once, and nothing is made
SELECT dap.setup('');
SELECT dap.setup(owner => NULL);
CREATE SCHEMA staging AUTHORIZATION regress_dap_other;
CREATE SCHEMA analytics AUTHORIZATION regress_dap_other;
SELECT dap.setup(owner => 'regress_dap_owner');
DROP SCHEMA staging;
DROP SCHEMA analytics;
CREATE SCHEMA intermediate AUTHORIZATION regress_dap_owner;
CREATE SCHEMA analytics AUTHORIZATION regress_dap_owner;
CREATE TABLE intermediate.users_clean (user_id bigint);
CREATE VIEW analytics.transaction_stats AS SELECT 1;
SELECT dap.setup(owner => 'regress_dap_owner');
SELECT to_regnamespace('staging') IS NULL AS nothing_made;
DROP TABLE intermediate.users_clean;
DROP VIEW analytics.transaction_stats;

-- Made for another role
SELECT object, kind, action, regexp_replace(note, 'DATABASE \S+', 'DATABASE name') AS note
FROM dap.setup(owner => 'regress_dap_owner');
SELECT object, kind, action FROM dap.setup(owner => 'regress_dap_owner') WHERE action <> 'exists';
SELECT n.nspname, c.relname, c.relowner::regrole FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('staging', 'intermediate', 'analytics') AND c.relkind = 'r'
  AND c.relowner <> 'regress_dap_owner'::regrole;
SELECT source, path, columns, options FROM dap_internal.source_definition ORDER BY source_id;
-- Every table, key and column
SELECT m.relation, m.kind, m.upstream, m.always FROM dap_internal.model_definition m ORDER BY m.model_id;
SELECT c.oid::regclass AS relation, pg_get_constraintdef(k.oid) AS key,
  (SELECT string_agg(format('%I %s%s', attname, format_type(atttypid, atttypmod),
    CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END), ', ' ORDER BY attnum)
   FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_constraint k ON k.conrelid = c.oid
  AND k.contype = 'p'
WHERE n.nspname IN ('staging', 'intermediate', 'analytics') AND c.relkind = 'r'
ORDER BY array_position(ARRAY['staging', 'intermediate', 'analytics'], n.nspname::text), c.relname;

-- A refresh without a file builds empty tables; the same again changes nothing
SELECT object, action, rows_inserted FROM dap.refresh_all(ingest => false);
SELECT object, action FROM dap.refresh_all(ingest => false) WHERE action <> 'unchanged';
TABLE analytics.transaction_stats;

-- A small pipeline, by bytes
SELECT status, rows_loaded, rows_rejected FROM dap.ingest_bytes('users', 'u1', $$user_id,name,email,phone,created_at
1, Ann ,Ann@Example.com,+1,2024-01-01
2,Bob,bob@example.com,,2024-01-02 10:00:00
2,Bobby,BOB@EXAMPLE.COM,,
3,Cem,cem@example.com,3,2024-02-29
4,Dee,,,
x,Eve,,,2024-01-01
$$::bytea);
SELECT status, rows_loaded, rows_rejected
FROM dap.ingest_bytes('onboarding', 'o1', $$onboarding_id,user_id,role,status,onboarding_date
1,1,Buyer,KYC_DONE,2024-01-01
2,1,seller,pending,2024-01-02
3,2,buyer,verified,2024-01-09
4,2,seller,complete,2024-01-09
5,3,buyer,,2024-01-08
6,9,buyer,completed,2024-01-08
7,1,buyer,completed,2024-01-08
$$::bytea);
SELECT status, rows_loaded, rows_rejected
FROM dap.ingest_bytes('transactions', 't1', $$transaction_id,user_id,amount,transaction_date
1,1,10.00,2024-01-01
2,1,0.01,2024-01-01 23:59:59
3,2,10.01,2024-01-01
4,3,-5.00,2024-01-02
5,3,5.00,2024-01-02
6,77,100,2024-02-29
7,1,1.005,2024-02-29
1,1,20.00,2024-01-03
$$::bytea);
SELECT object, action, rows_in, rows_inserted, rows_rejected FROM dap.refresh_all(ingest => false);
SELECT path, line, stage, object, column_name, reason FROM dap.rejects ORDER BY reject_id;
SET datestyle = iso;
SELECT * FROM intermediate.users_clean ORDER BY user_id;
SELECT * FROM intermediate.user_activity ORDER BY user_id;
SELECT * FROM analytics.daily_kyc_completions ORDER BY day;
SELECT * FROM analytics.weekly_kyc_completions ORDER BY week_start;
SELECT * FROM analytics.daily_top_users ORDER BY day, rank;
SELECT * FROM analytics.transaction_stats;
SELECT * FROM analytics.daily_transaction_stats ORDER BY day;
SELECT * FROM analytics.kyc_comparison ORDER BY kyc_status;
SELECT * FROM analytics.kyc_comparison_by_role ORDER BY role, kyc_status;
SELECT object, state FROM dap.status WHERE state <> 'ok';

-- Setup again keeps what is there, takes another inbox, and leaves changed definitions alone
SELECT dap.create_model('analytics.daily_top_users', 'SELECT NULL::date AS day, 1 AS rank', '{day,rank}',
  or_replace => true);
SELECT object, kind, action FROM dap.setup('/nowhere/[in]box', 'regress_dap_owner') WHERE action <> 'exists';
SELECT source, path FROM dap_internal.source_definition ORDER BY source_id;
SELECT note FROM dap.setup('/nowhere/[in]box', 'regress_dap_owner') WHERE object = 'staging.users';
SELECT count(*) FROM staging.users;
-- A source that grew keeps its columns; one that lacks some is in the way
SELECT dap.create_source('users', path, columns || 'country'::text, or_replace => true)
FROM dap_internal.source_definition WHERE source = 'users';
SELECT object, kind, action FROM dap.setup(owner => 'regress_dap_owner') WHERE action <> 'exists';

-- Roles and pieces that are gone
SELECT dap.setup(owner => 'regress_dap_other');
\set VERBOSITY terse
DROP EXTENSION dap_analytics;
\set VERBOSITY default
SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
RESET client_min_messages;
-- rows stay, and a new installation does not take them for its own
SELECT count(*) FROM staging.users;
CREATE EXTENSION dap_analytics;
SELECT dap.setup(owner => 'regress_dap_owner');
SELECT dap.create_source('users', columns => '{user_id,name,email,phone,created_at}', options => '{"adopt": true}');
SELECT status, reason, rows_loaded FROM dap.files;
UPDATE staging.users SET name = 'x';

SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging, intermediate, analytics CASCADE;
DROP OWNED BY regress_dap_owner, regress_dap_other;
DROP ROLE regress_dap_owner, regress_dap_other;
CREATE EXTENSION dap_analytics;
