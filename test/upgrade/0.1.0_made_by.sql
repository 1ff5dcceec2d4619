-- How the database was made that 0.1.0_data.sql holds: with 0.1.0's own library, in a database with TimeZone Europe/Berlin and dap.ingest_directories
-- /srv/inbox, where the files of inbox/ lay.
CREATE ROLE upgrade_owner LOGIN;
CREATE ROLE upgrade_admin LOGIN;
CREATE ROLE upgrade_operator LOGIN;
CREATE ROLE upgrade_reader LOGIN;
CREATE ROLE upgrade_monitor LOGIN;
CREATE EXTENSION dap_analytics;
SELECT * FROM dap.setup(owner => 'upgrade_owner');
SELECT dap.grant_access('upgrade_admin', 'admin'), dap.grant_access('upgrade_operator', 'operator'), dap.grant_access('upgrade_reader', 'reader'),
  dap.grant_access('upgrade_monitor', 'monitor');
-- A source of the user's own, with an option, a rejected record, a failed and a dismissed file
SELECT dap.create_source('readings', 'readings*.csv', '{sensor,at,value}', '{"delimiter": ";", "max_reject_percent": 50}');
SELECT dap.create_clean_model('intermediate.readings_clean', 'readings', '[
  {"name": "sensor", "type": "integer", "required": true}, {"name": "at", "type": "timestamptz", "zone": "Europe/Berlin", "required": true},
  {"name": "value", "type": "numeric(10,3)"}]', '{sensor,at}');
-- What a day is depends on the time zone, how a date is written on DateStyle
SELECT dap.create_model('analytics.readings_by_day', 'SELECT date_trunc(''day'', r.at)::date AS day, count(*) AS readings, sum(r.value)::numeric(20,3) AS total
  FROM intermediate.readings_clean r GROUP BY 1', '{day}');
SELECT dap.create_model('analytics.readings_by_sensor', 'SELECT r.sensor, count(*) AS readings, max(r.value) AS highest FROM intermediate.readings_clean r GROUP BY 1', '{sensor}');
SELECT * FROM dap.refresh_all();
SELECT dap.dismiss_file('/srv/inbox/readings_bad.csv', 'the sensor was broken');
SELECT * FROM dap.ingest_bytes('readings', 'by hand', E'sensor;at;value\n9;2026-03-29 12:00;1.5\nx;\n'::bytea, '{"max_reject_percent": 60}');
SELECT * FROM dap.refresh_all();
-- What stands on the extension
CREATE VIEW public.recent_files AS SELECT f.path, f.status, f.rows_loaded FROM dap.files f;
CREATE VIEW public.medians AS SELECT t.user_id, dap.median(t.amount) AS median FROM intermediate.transactions_clean t GROUP BY 1;
CREATE TABLE public.kept (day date PRIMARY KEY, amounts dap.bag);
INSERT INTO public.kept SELECT t.transaction_at::date, dap.bag_agg(t.amount) FROM intermediate.transactions_clean t GROUP BY 1;
CREATE VIEW public.kept_answers AS SELECT k.day, dap.median(k.amounts) AS median, k.amounts OPERATOR(dap.=) k.amounts AS same FROM public.kept k;
