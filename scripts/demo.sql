-- What ./demo shows, on an empty database.  Variables: inbox, password (of the role that only reads).
\set QUIET on
\pset footer on
\pset linestyle unicode
\pset border 1
SET client_min_messages = warning;

\echo
\echo == CREATE EXTENSION, and one directory that the server may read
\echo '   CREATE EXTENSION dap_analytics;'
\echo '   ALTER DATABASE demo SET dap.ingest_directories =' :'inbox' ';'
CREATE EXTENSION pg_cron;
CREATE EXTENSION dap_analytics;
ALTER DATABASE demo SET dap.ingest_directories = :'inbox';

-- The pipeline belongs to an ordinary role, which also runs it every night.
CREATE ROLE pipeline LOGIN;
CREATE ROLE analyst LOGIN PASSWORD :'password';
GRANT USAGE ON SCHEMA cron TO pipeline;
\c -
\pset footer off
SET client_min_messages = warning;

\echo
\echo == SELECT * FROM dap.setup(inbox, owner)
SELECT * FROM dap.setup(:'inbox', owner => 'pipeline');
\c - pipeline

\echo
\echo == SELECT * FROM dap.refresh_all()
SELECT * FROM dap.refresh_all();

\echo
\echo == The analytics tables
\echo daily_kyc_completions
SELECT * FROM analytics.daily_kyc_completions ORDER BY day LIMIT 8;
\echo weekly_kyc_completions
SELECT * FROM analytics.weekly_kyc_completions ORDER BY week_start LIMIT 5;
\echo daily_top_users
SELECT * FROM analytics.daily_top_users ORDER BY day, rank LIMIT 5;
\echo transaction_stats
SELECT * FROM analytics.transaction_stats;
\echo daily_transaction_stats
SELECT * FROM analytics.daily_transaction_stats ORDER BY day LIMIT 5;
\echo kyc_comparison
SELECT * FROM analytics.kyc_comparison ORDER BY kyc_status;
\echo kyc_comparison_by_role
SELECT * FROM analytics.kyc_comparison_by_role ORDER BY role, kyc_status LIMIT 8;

\echo
\echo == What was rejected, and why
SELECT stage, source, reason, count(*) AS records, min(message) AS example
FROM dap.rejects GROUP BY stage, source, reason ORDER BY stage, source, records DESC;

\echo
\echo == Files
SELECT file_id, source, regexp_replace(path, '^.*/', '') AS file, status, rows_read, rows_loaded, rows_rejected
FROM dap.files ORDER BY file_id;

\echo
\echo == One of them came twice, and was loaded once
SELECT file_id, regexp_replace(path, '^.*/', '') AS file, status, reason FROM dap.ingest_csv('transactions');

\echo
\echo == The steps of the run
SELECT * FROM dap.run_steps WHERE run_id = (SELECT max(run_id) FROM dap.runs WHERE command LIKE '%refresh_all%')
ORDER BY 1, 2;

\echo
\echo == The same again: nothing is new, nothing is done
SELECT step, object, action, elapsed FROM dap.refresh_all();

\echo
\echo == Every night at two, by pg_cron
SET client_min_messages = notice;
SELECT dap.schedule();
SELECT jobid, jobname, schedule, command, database, username, active FROM cron.job;

SELECT dap.grant_access('analyst', 'reader') \g /dev/null
