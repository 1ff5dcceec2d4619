-- The refresh on every version: building, merging, which record wins, models over models, and errors. Concurrency,
-- crashes and files are in test/t.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE ROLE regress_dap_owner;
CREATE TEMP TABLE made AS SELECT * FROM dap.setup(owner => 'regress_dap_owner');
RESET client_min_messages;
CREATE FUNCTION pg_temp.load(source text, name text, content text) RETURNS text
LANGUAGE sql AS $$ SELECT format('%s: %s read, %s rejected', status, rows_read, rows_rejected)
  FROM dap.ingest_bytes(source, name, convert_to(content, 'UTF8')) $$;
CREATE VIEW pg_temp.done AS
  SELECT object, action, rows_in, rows_inserted AS ins, rows_updated AS upd, rows_deleted AS del, rows_rejected AS rej
  FROM dap.refresh_all(ingest => false) WHERE action <> 'unchanged';

-- Nothing at all, then the first rows
SELECT * FROM pg_temp.done;
SELECT * FROM pg_temp.done;
SELECT pg_temp.load('users', 'u1',
  E'user_id,name,email,phone,created_at\n1,Ann,ANN@example.com,,2024-01-01\n2,"Bob, B.",,+49 '
  '1,\n3,Cyd,,,2024-01-03T10:00\n');
SELECT pg_temp.load('onboarding', 'o1',
  E'onboarding_id,user_id,role,status,onboarding_date\n1,1,Buyer,KYC_done,2024-02-29\n2,2,seller,pending,2024-03-01\n'
  '3,1,buyer,verified,2024-03-09\n');
SELECT pg_temp.load('transactions', 't1',
  E'transaction_id,user_id,amount,transaction_date\n1,1,10.00,2024-03-01\n2,2,0.10,2024-03-01 '
  '12:00\n3,9,5,2024-03-02\n4,1,x,2024-03-02\n');
SELECT * FROM pg_temp.done;
SELECT * FROM intermediate.users_clean ORDER BY 1;
SELECT * FROM analytics.daily_kyc_completions ORDER BY 1;
SELECT * FROM analytics.kyc_comparison ORDER BY 1;
SELECT path, line, object, column_name, reason, message FROM dap.rejects;
SELECT * FROM pg_temp.done;
SELECT object, action FROM dap.refresh_all('full', false) WHERE action <> 'unchanged';

-- Sent again, corrected, new; what says the same in another way is no change
SELECT pg_temp.load('transactions', 't2',
  E'transaction_id,user_id,amount,transaction_date\n1,1,1e1,2024-03-01T00:00:00\n2,2,0.20,2024-03-01 '
  '12:00\n4,1,7,2024-03-02\n3,9,1.234,2024-03-02\n');
CREATE TEMP TABLE before AS SELECT transaction_id, ctid AS at FROM intermediate.transactions_clean;
SELECT * FROM pg_temp.done;
SELECT t.*, b.transaction_id IS NOT NULL AS untouched FROM intermediate.transactions_clean t
LEFT JOIN before b ON b.transaction_id = t.transaction_id AND b.at = t.ctid ORDER BY 1;
SELECT path, line, column_name, reason FROM dap.rejects ORDER BY reject_id;
SELECT object, action FROM dap.refresh_all('full', false) WHERE action <> 'unchanged';
-- One layer at a time
SELECT pg_temp.load('users', 'u2', E'user_id,name,email,phone,created_at\n1,Old,,,2023-12-31\n2,Bo,,,2020-01-01\n');
SELECT object, action, rows_updated FROM dap.refresh_analytics() WHERE action <> 'unchanged';
SELECT object, action, rows_updated FROM dap.refresh_intermediate() WHERE action <> 'unchanged';
SELECT object, action, rows_updated FROM dap.refresh_analytics() WHERE action <> 'unchanged';
SELECT user_id, name FROM intermediate.users_clean ORDER BY 1;

-- Models of one's own: equal keys that are not identical, two layers, columns of somebody else's
SET ROLE regress_dap_owner;
SELECT dap.create_source('m', NULL, '{k,v}');
SELECT dap.create_clean_model('m', 'm', '[{"name": "k", "type": "numeric"}, {"name": "v", "type": "numeric"}]', '{k}');
SELECT dap.create_model('intermediate."Odd Ones"',
  'SELECT m.k AS "The Key", m.v FROM intermediate.m WHERE m.v % 2 = 1; -- odd', '{The Key}');
SELECT dap.create_model('total', 'SELECT true AS one, sum(v) AS v, count(*) FROM intermediate."Odd Ones"', '{one}');
RESET ROLE;
SELECT pg_temp.load('m', 'm1', E'k,v\n1.0,1\n2,3\n3,4\n');
SELECT * FROM pg_temp.done;
ALTER TABLE intermediate.m ADD COLUMN note text NOT NULL DEFAULT 'new',
  ADD COLUMN twice numeric GENERATED ALWAYS AS (v * 2) STORED;
UPDATE intermediate.m SET note = 'kept';
SELECT pg_temp.load('m', 'm2', E'k,v\n1.00,1\n2,3.0\n3,5\n4,6\n');
SELECT * FROM pg_temp.done;
SELECT * FROM intermediate.m ORDER BY k;
SELECT * FROM intermediate."Odd Ones" ORDER BY 1;
SELECT * FROM analytics.total;
-- Rows that trade what an index of the user's keeps unique
CREATE UNIQUE INDEX ON analytics.daily_top_users (day, user_id);
SELECT pg_temp.load('transactions', 't3', E'transaction_id,user_id,amount,transaction_date\n9,2,99,2024-03-01\n');
SELECT * FROM pg_temp.done WHERE object = 'analytics.daily_top_users';
SELECT day, rank, user_id, total_amount FROM analytics.daily_top_users ORDER BY 1, 2;

-- Errors change nothing and are kept
SET ROLE regress_dap_owner;
SELECT dap.create_model('twice', 'SELECT 1 AS one FROM intermediate.m', '{one}');
RESET ROLE;
SELECT * FROM pg_temp.done;
SELECT status, failed_step, sqlstate, message FROM dap.runs ORDER BY run_id DESC LIMIT 1;
SELECT object, action, message FROM dap.run_steps WHERE run_id = (SELECT max(run_id) FROM dap.runs)
  AND action = 'failed';
SET ROLE regress_dap_owner;
SELECT dap.create_model('twice', 'SELECT k, 1 / (k - 1) AS q FROM intermediate.m', '{k}', or_replace => true);
RESET ROLE;
SELECT * FROM pg_temp.done;
SELECT dap.drop_model('twice');
ALTER TABLE intermediate.transactions_clean ADD CONSTRAINT mine CHECK (amount < 100);
SELECT pg_temp.load('transactions', 't4', E'transaction_id,user_id,amount,transaction_date\n10,2,4711.11,2024-03-01\n');
SELECT * FROM pg_temp.done;
ALTER TABLE intermediate.transactions_clean DROP CONSTRAINT mine;
SELECT pg_temp.load('m', 'm3', E'v,k\nx,5\n');
SELECT * FROM pg_temp.done;
SELECT dap.create_source('m', NULL, '{k,v}', '{"max_reject_percent": 100}', true);
SELECT object, action FROM pg_temp.done WHERE object LIKE 'intermediate.%';
SELECT dap.refresh_all('fast');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT dap.refresh_all();
ROLLBACK;
BEGIN READ ONLY;
SELECT dap.refresh_all();
ROLLBACK;
SELECT status, count(*) FROM dap.runs GROUP BY 1 ORDER BY 1;
SET client_min_messages = warning;
DROP SCHEMA staging, intermediate, analytics CASCADE;
DROP EXTENSION dap_analytics CASCADE;
DROP ROLE regress_dap_owner;
