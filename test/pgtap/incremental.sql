-- Incremental equals full, on the data that is here: what the tables hold after an incremental refresh is what a full
-- one gives, to the last digit. Loads no files. Everything is rolled back; dap.runs keeps the two runs, as aborted.
-- Holds the refresh lock meanwhile, and takes as long as a full refresh.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off
BEGIN;
SELECT * FROM no_plan();
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL extra_float_digits = 1;
SET LOCAL bytea_output = 'hex';

-- Rows as texts, so that scale counts; their hashes added up, so that order does not.
CREATE FUNCTION pg_temp.fingerprint(model text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
  EXECUTE format('SELECT format(''%%s rows, %%s'', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric + '
    'hashtextextended(t::text, 1)::numeric * 1000003), 0)) FROM %s AS t', model)
    INTO answer;
  RETURN answer;
END $$;

SELECT lives_ok($$ SELECT * FROM dap.refresh_all('auto', ingest => false) $$, 'an incremental refresh');
CREATE TEMPORARY TABLE incremental ON COMMIT DROP AS
SELECT o.object, pg_temp.fingerprint(o.object) AS rows FROM dap.status AS o WHERE o.layer <> 'staging';
SELECT lives_ok($$ SELECT * FROM dap.refresh_all('full', ingest => false) $$, 'a full one after it');
SELECT is(pg_temp.fingerprint(i.object), i.rows, format('%s is the same after both', i.object)) FROM incremental AS i
ORDER BY i.object;

SELECT * FROM finish();
ROLLBACK;
