-- When a cron schedule is due next, and what dap.schedule says without pg_cron. Jobs themselves: t/040_cron.pl.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dap_analytics;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

SELECT t.schedule, t.zone, dap_internal.schedule_next_run(t.schedule, t.zone, '2024-02-27 13:37:20+00') AS next_run
FROM (VALUES
  (1, '* * * * *', 'GMT'),
  (2, '37 13 * * *', 'GMT'),
  (3, '38 13 * * *', 'GMT'),
  (4, '*/15 * * * *', 'GMT'),
  (5, '50-59/3,5 13,14 * * *', 'GMT'),
  (6, '0 2 * * *', 'GMT'),
  (7, '0 2 * * *', 'Asia/Tokyo'),
  (8, '0 2 * * *', 'Europe/Berlin'),
  (9, '0 0 29 2 *', 'GMT'),
  (10, '0 0 31 * *', 'GMT'),
  (11, '0 0 30 2 *', 'GMT'),
  (12, '0 0 $ * *', 'GMT'),
  (13, '5 4 * * 0', 'GMT'),
  (14, '5 4 * * 7', 'GMT'),
  (15, '5 4 * * sat-sun', 'GMT'),
  (16, '5 4 * * Fri', 'GMT'),
  (17, '0 9-17/4 * jan,MAR mon-fri', 'GMT'),
  (18, '5 4 15 * fri', 'GMT'),
  (19, '5 4 */2 * sun', 'GMT'),
  (20, '0 0 1 1 *', 'GMT'),
  (21, '@hourly', 'GMT'),
  (22, '@daily', 'GMT'),
  (23, '@weekly', 'GMT'),
  (24, '@monthly', 'GMT'),
  (25, '@yearly', 'GMT'),
  (26, '30 seconds', 'GMT'),
  (27, '  5   4  * * *  ', 'GMT')) AS t (rank, schedule, zone)
ORDER BY t.rank;

-- Both restricted: either is enough, unless the server wants both.
SELECT dap_internal.schedule_next_run('0 0 13 * fri', 'GMT', '2024-02-27 13:37:20+00', false) AS either,
  dap_internal.schedule_next_run('0 0 13 * fri', 'GMT', '2024-02-27 13:37:20+00', true) AS both;

-- A leap day waits for a century that has none.
SELECT dap_internal.schedule_next_run('0 0 29 2 *', 'GMT', '2096-03-01 00:00:00+00') AS leap_day;
SELECT dap_internal.schedule_next_run('0 2 * * *', 'GMT', 'infinity') AS never,
  dap_internal.schedule_next_run('@hourly', 'GMT', '-infinity') AS nor_then,
  dap_internal.schedule_next_run('5 seconds', 'GMT', 'infinity') AS seconds;

-- Clocks go forward over the time, which then does not come, and back, when it comes twice.
SELECT dap_internal.schedule_next_run('30 2 * * *', 'Europe/Berlin', '2024-03-30 12:00:00+00') AS forward,
  dap_internal.schedule_next_run('30 2 * * *', 'Europe/Berlin', '2024-10-26 12:00:00+00') AS back,
  dap_internal.schedule_next_run('30 2 * * *', 'Europe/Berlin', '2024-10-27 00:30:00+00') AS again;

-- Nothing that cron knows, or nothing that can be told.
SELECT t.schedule
FROM (VALUES ('@reboot'), (''), ('x'), ('* * * *'), ('60 * * * *'), ('* 24 * * *'), ('* * 0 * *'), ('* * * 13 *'),
  ('* * * * 8'), ('1/5 * * * *'),
  ('*/0 * * * *'), ('a * * * *'), ('* * * mon *'), ('* * * * jan'), ('*-5 * * * *'), ('1,,2 * * * *'),
  ('-1 * * * *')) AS t (schedule)
WHERE dap_internal.schedule_next_run(t.schedule, 'GMT', '2024-02-27 13:37:20+00') IS NOT NULL;

-- The settings that may be read, and no other.
SELECT dap_internal.schedule_setting('cron.database_name') IS NULL AS not_loaded;
SELECT dap_internal.schedule_setting('cron.host');
\set VERBOSITY sqlstate
SELECT dap.schedule();
SELECT dap.schedule('0 2 * * *', NULL);
SELECT dap.unschedule();
SELECT dap.unschedule(NULL);
