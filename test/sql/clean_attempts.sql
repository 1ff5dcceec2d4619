-- What a clean step that fails has rejected can be looked at, whenever its file was loaded; the file stays what it is.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE TEMP TABLE made AS SELECT * FROM dap.setup();
RESET client_min_messages;
SET datestyle = 'ISO';
CREATE FUNCTION pg_temp.load(name text, content text) RETURNS text
LANGUAGE sql AS $$ SELECT format('%s: %s loaded, %s rejected', status, rows_loaded, rows_rejected)
  FROM dap.ingest_bytes('rates', name, convert_to(content, 'UTF8')) $$;
CREATE VIEW pg_temp.seen AS
  SELECT r.path, r.line, r.stage, r.object, r.column_name, r.reason, convert_from(r.raw, 'UTF8') AS raw
  FROM dap.rejects r WHERE r.source = 'rates' ORDER BY r.file_id, r.line, r.reject_id;
-- The query in an error's HINT
CREATE FUNCTION pg_temp.hinted(OUT message text, OUT detail text, OUT hint text, OUT rows bigint) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM * FROM dap.refresh_all(ingest => false);
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  EXECUTE format('SELECT count(*) FROM (%s) q', split_part(hint, ';', 1)) INTO rows;
END $$;

SELECT dap.create_source('rates', NULL, '{day,usd}', '{"delimiter": ";"}');
SELECT dap.create_clean_model('rates_clean', 'rates',
  '[{"name": "day", "type": "date", "format": "YYYYMMDD"}, {"name": "usd", "type": "numeric(10,4)"}]', '{day}');
SELECT pg_temp.load('2025', E'day;usd\n20250102;3.5\n20250103;x\n20250104;3.6\n');
SELECT action, rows_inserted, rows_rejected FROM dap.refresh_all(ingest => false)
WHERE object = 'intermediate.rates_clean';
SELECT * FROM pg_temp.seen;
-- Loaded before the run that fails, one file good, two bad
SELECT pg_temp.load('2026', E'day;usd\n20260105;3,6112\n20260106;3,6090\n');
SELECT pg_temp.load('2026b', E'day;usd\n20260107;3,61\n20260199;3.60\n');
SELECT * FROM pg_temp.hinted();
SELECT * FROM pg_temp.seen;
SELECT path, status, reason, rows_loaded, rows_rejected FROM dap.files ORDER BY file_id;
SELECT count(*) FROM staging.rates;
SELECT * FROM intermediate.rates_clean ORDER BY 1;
-- Once more: replaced, not added; also with other rules
SELECT rows FROM pg_temp.hinted();
SELECT count(*) FROM pg_temp.seen;
SELECT dap.create_clean_model('rates_clean', 'rates',
  '[{"name": "day", "type": "date", "format": "YYYYMMDD"}, {"name": "usd", "type": "integer"}]', '{day}',
  or_replace => true);
SELECT detail, rows FROM pg_temp.hinted();
SELECT * FROM pg_temp.seen;
-- As many of each file as dap.max_kept_rejects says
SET dap.max_kept_rejects = 1;
SELECT rows FROM pg_temp.hinted();
SELECT * FROM pg_temp.seen;
RESET dap.max_kept_rejects;
-- They go with their model
SELECT dap.drop_model('rates_clean');
SELECT count(*) FROM pg_temp.seen;

-- Rules under which two files are bad, and back: what was built last is current, and nothing is left of the failure
CREATE FUNCTION pg_temp.rule(map text) RETURNS jsonb
  LANGUAGE sql AS $$
  SELECT format('[{"name": "day", "type": "text"}, {"name": "usd", "type": "text", "required": true, "map": {%s}}]',
  map)::jsonb $$;
SELECT dap.create_clean_model('rates_days', 'rates', '[{"name": "day", "type": "text"}]', '{day}');
SELECT dap.create_clean_model('rates_clean', 'rates', pg_temp.rule(''), '{day}');
SELECT object, action, rows_inserted, rows_rejected FROM dap.refresh_all(ingest => false)
WHERE object LIKE 'intermediate.rates%';
SELECT dap.create_clean_model('rates_clean', 'rates', pg_temp.rule('"3,6112": null, "3,6090": null'), '{day}',
  or_replace => true);
SELECT rows FROM pg_temp.hinted();
SELECT path, line, reason FROM pg_temp.seen;
-- They count nowhere: the source's other model, which comes first, is not to blame
SELECT pg_temp.load('good', E'day;usd\n20260201;1\n');
SELECT detail, rows FROM pg_temp.hinted();
SELECT failed_step FROM dap.runs ORDER BY run_id DESC LIMIT 1;
SELECT dap.create_clean_model('rates_clean', 'rates', pg_temp.rule(''), '{day}', or_replace => true);
SELECT object, action FROM dap.refresh_all(ingest => false) WHERE object LIKE 'intermediate.rates%';
SELECT * FROM pg_temp.seen;
SELECT dap.create_clean_model('rates_clean', 'rates', pg_temp.rule('"3,6112": null, "3,6090": null'), '{day}',
  or_replace => true);
SELECT rows FROM pg_temp.hinted();
SELECT dap.create_clean_model('rates_clean', 'rates', pg_temp.rule(''), '{day}', or_replace => true);
SELECT object, action FROM dap.refresh_analytics() WHERE action <> 'unchanged';
SELECT count(*) FROM pg_temp.seen;
SELECT object, action FROM dap.refresh_intermediate() WHERE object LIKE 'intermediate.rates%';
SELECT count(*) FROM pg_temp.seen;

-- Beside what is published, which a failed run does not change
SELECT dap.create_source('rates', NULL, '{day,usd}', '{"delimiter": ";", "max_reject_percent": 100}',
  or_replace => true);
SELECT dap.create_clean_model('rates_clean', 'rates', pg_temp.rule('"3,6112": null, "3,6090": null'), '{day}',
  or_replace => true);
SELECT object, action, rows_rejected FROM dap.refresh_all(ingest => false) WHERE object LIKE 'intermediate.rates%';
SELECT path, line, reason FROM pg_temp.seen;
SELECT dap.create_source('rates', NULL, '{day,usd}', '{"delimiter": ";"}', or_replace => true);
SELECT dap.create_clean_model('rates_clean', 'rates',
  pg_temp.rule('"3,6112": null, "3,6090": null, "3.60": null, "3,61": null'), '{day}', or_replace => true);
SELECT rows FROM pg_temp.hinted();
SELECT path, line, reason FROM pg_temp.seen;
SELECT dap.create_source('rates', NULL, '{day,usd}', '{"delimiter": ";", "max_reject_percent": 100}',
  or_replace => true);
SELECT object, action, rows_rejected FROM dap.refresh_all(ingest => false) WHERE object = 'intermediate.rates_clean';
SELECT path, line, reason FROM pg_temp.seen;

-- A load that its transaction takes back leaves nothing behind, and a WARNING says that it does
SELECT dap.create_source('rates', NULL, '{day,usd}', '{"delimiter": ";"}', or_replace => true);
SELECT dap.create_clean_model('rates_clean', 'rates', pg_temp.rule('"-": null'), '{day}', or_replace => true);
SELECT action FROM dap.refresh_all(ingest => false) WHERE object = 'intermediate.rates_clean';
\set VERBOSITY terse
BEGIN;
SELECT pg_temp.load('2027', E'day;usd\n20270105;-\n');
DO $$ BEGIN PERFORM * FROM dap.refresh_all(ingest => false); EXCEPTION WHEN bad_copy_file_format THEN RAISE NOTICE '%',
  SQLERRM; END $$;
ROLLBACK;
SELECT count(*) FROM pg_temp.seen;
SELECT count(*) FROM dap.rejects WHERE path IS NULL;
SELECT status, failed_step, message FROM dap.runs ORDER BY run_id DESC LIMIT 1;
