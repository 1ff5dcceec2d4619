-- A model means the same in every session, at every time: settings, literals that the parser reads, functions that it
-- calls, views that it reads.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE SCHEMA staging;
CREATE SCHEMA intermediate;
CREATE SCHEMA analytics;
CREATE SCHEMA regress_meaning;
RESET client_min_messages;
CREATE FUNCTION pg_temp.done(wanted text, mode text DEFAULT 'auto')
  RETURNS TABLE (object text, action text, ins bigint, upd bigint, del bigint) LANGUAGE sql AS
  $$ SELECT object, action, rows_inserted, rows_updated, rows_deleted FROM dap.refresh_all(mode, false)
    WHERE object = 'analytics.' || wanted $$;
CREATE FUNCTION pg_temp.always(wanted text) RETURNS boolean LANGUAGE sql AS $$ SELECT m.always
  FROM dap_internal.models m WHERE m.relation::text = 'analytics.' || wanted $$;

SELECT dap.create_source('pay', NULL, '{id,at,amount}');
SELECT status, rows_loaded
FROM dap.ingest_bytes('pay', 'pay.csv',
  E'id,at,amount\n1,2026-03-01T22:30:00Z,10.00\n2,2026-03-01T23:30:00Z,20.00\n3,2026-03-02T00:30:00Z,30.00\n');
SELECT dap.create_clean_model('pay', 'pay',
  '[{"name": "id", "type": "bigint"}, {"name": "at", "type": "timestamptz"},
  {"name": "amount", "type": "numeric(18,2)"}]', '{id}');

-- Settings of the session that defines a model, of the one that refreshes it first, and of the one that refreshes it
-- next
CREATE FUNCTION pg_temp.strange() RETURNS void LANGUAGE sql AS $$
  SELECT set_config(s.name, s.value, false)
  FROM (VALUES ('TimeZone', 'Asia/Tokyo'), ('DateStyle', 'SQL, DMY'), ('IntervalStyle', 'iso_8601'),
    ('extra_float_digits', '0'),
    ('bytea_output', 'escape'), ('lc_monetary', 'C'), ('transform_null_equals', 'on'), ('array_nulls', 'off'),
    ('xmlbinary', 'hex'), ('xmloption', 'document'),
    ('default_text_search_config', 'pg_catalog.german'), ('backslash_quote', 'off'), ('quote_all_identifiers', 'on'),
    ('standard_conforming_strings', 'off'),
    ('escape_string_warning', 'off'), ('gin_fuzzy_search_limit', '1'), ('synchronize_seqscans', 'on')) AS s(name, value)
  WHERE s.name NOT IN ('standard_conforming_strings', 'escape_string_warning')
    OR current_setting('server_version_num')::integer < 190000 $$;
\set said 'SELECT id, at::text AS at, (amount::float8 / 3)::text AS third, '
\set said :said '(interval ''90 minutes'' * id)::text AS span, '
\set said :said 'convert_to(id::text || chr(9), ''UTF8'')::text AS bytes, at::date AS day, '
\set said :said 'at >= ''02/03/2026'' AS later, amount = NULL AS nothing, ''{NULL}''::text[] AS list, '
\set said :said 'to_tsvector(''the houses'') AS words, quote_ident(''plain'') AS ident, '
\set said :said 'E''it\\''s'' AS quoted, ''a\\b'' AS slash FROM intermediate.pay'
BEGIN;
SELECT pg_temp.strange();
SET LOCAL standard_conforming_strings = on;
SET LOCAL backslash_quote = safe_encoding;
SELECT :'said' AS said \gset
SELECT dap.create_model('said', :'said', '{id}');
COMMIT;
SELECT pg_temp.strange();
SELECT * FROM pg_temp.done('said');
RESET ALL;
\pset format unaligned
SELECT * FROM analytics.said ORDER BY id;
\pset format aligned
SELECT * FROM pg_temp.done('said');
SELECT * FROM pg_temp.done('said', 'full');
SELECT pg_temp.strange();
SELECT * FROM pg_temp.done('said', 'full');
-- the caller's settings are as they were
SELECT current_setting('TimeZone') AS zone, current_setting('DateStyle') AS style,
  current_setting('extra_float_digits') AS digits, current_setting('transform_null_equals') AS nulls;
RESET ALL;
-- a type that changes is converted in the same zone
SELECT dap.create_model('moment', 'SELECT id, timestamp ''2026-03-01 12:00'' AS t FROM intermediate.pay', '{id}');
SELECT * FROM pg_temp.done('moment');
SET TimeZone = 'Asia/Tokyo';
SELECT dap.create_model('moment', 'SELECT id, timestamptz ''2026-03-01 12:00'' AS t FROM intermediate.pay', '{id}',
  or_replace => true);
RESET TimeZone;
SELECT DISTINCT t AT TIME ZONE 'UTC' AS t FROM analytics.moment;
SELECT * FROM pg_temp.done('moment');

-- What a model wants otherwise is part of its definition
SELECT dap.create_model('berlin', 'SELECT id, at::date AS day, at::text AS at FROM intermediate.pay', '{id}',
  settings => '{"timezone": "Europe/Berlin", "extra_float_digits": 0, "array_nulls": true}');
SELECT settings FROM dap_internal.models WHERE relation = 'analytics.berlin'::regclass;
SET TimeZone = 'Asia/Tokyo';
SELECT * FROM pg_temp.done('berlin');
SELECT * FROM analytics.berlin ORDER BY id;
RESET TimeZone;
SELECT * FROM pg_temp.done('berlin', 'full');
SELECT dap.create_model('berlin', 'SELECT id, at::date AS day, at::text AS at FROM intermediate.pay', '{id}',
  settings => '{"TimeZone": "Europe/Berlin", "EXTRA_FLOAT_DIGITS": "0", "array_nulls": "on"}');
SELECT dap.create_model('berlin', 'SELECT id, at::date AS day, at::text AS at FROM intermediate.pay', '{id}');
SELECT dap.create_model('berlin', 'SELECT id, at::date AS day, at::text AS at FROM intermediate.pay', '{id}',
  or_replace => true, settings => '{}');
SELECT * FROM pg_temp.done('berlin');
SELECT * FROM analytics.berlin ORDER BY id;
SELECT settings FROM dap_internal.models WHERE relation = 'analytics.berlin'::regclass;
-- as it is analysed: the literal's day
SELECT dap.create_model('day_first', $$SELECT 1 AS k, date '02/03/2026' AS day, 'now'::text = NULL AS nothing$$, '{k}',
  settings => '{"DateStyle": "DMY", "transform_null_equals": true}');
SELECT * FROM pg_temp.done('day_first');
SELECT * FROM analytics.day_first;
-- and what cannot be wanted
SELECT dap.create_model('wrong', 'SELECT 1 AS a', '{a}', settings => '{"work_mem": "1GB"}');
SELECT dap.create_model('wrong', 'SELECT 1 AS a', '{a}', settings => '{"search_path": "public"}');
SELECT dap.create_model('wrong', 'SELECT 1 AS a', '{a}', settings => '{"TimeZone": "Mars/Phobos"}');
SELECT dap.create_model('wrong', 'SELECT 1 AS a', '{a}', settings => '{"extra_float_digits": 99}');
SELECT dap.create_model('wrong', 'SELECT 1 AS a', '{a}', settings => '{"DateStyle": null}');
SELECT dap.create_model('wrong', 'SELECT 1 AS a', '{a}', settings => '{"DateStyle": ["ISO"]}');
SELECT dap.create_model('wrong', 'SELECT 1 AS a', '{a}', settings => '{"DateStyle": "ISO", "datestyle": "SQL"}');
SELECT dap.create_model('wrong', 'SELECT 1 AS a', '{a}', settings => '["TimeZone"]');
SELECT dap.create_model('wrong', 'SELECT 1 AS a', '{a}', settings => 'null');

-- Literals that the parser reads by the clock, wherever they hide
CREATE DOMAIN regress_meaning.moment AS timestamp;
CREATE TYPE regress_meaning.span AS (since regress_meaning.moment, note text);
SELECT dap.create_model('at_now', $$SELECT 1 AS k, 'now'::timestamp AS t$$, '{k}');
SELECT * FROM pg_temp.done('at_now');
SELECT * FROM pg_temp.done('at_now');
SELECT count(*) FROM pg_temp.done('at_now', 'full');
CREATE TEMP TABLE tried (n integer, expression text);
INSERT INTO tried VALUES (1, $$timestamptz ' NOW '$$), (2, $$DATE 'today'$$), (3, $$'Tomorrow'::date$$),
  (4, $$CAST('yesterday' AS timestamp)$$), (5, $$time 'now'$$), (6, $$timetz 'now'$$),
  (7, $$'now'::regress_meaning.moment$$), (8, $$'(now,x)'::regress_meaning.span$$), (9, $$'{now,epoch}'::timestamp[]$$),
  (10, $$ARRAY['today', 'epoch']::date[]$$),
  (11, $$'[epoch,today)'::daterange$$), (12, $$'{[epoch,today)}'::datemultirange$$),
  (13, $$timestamp '2024-01-01' < 'now'$$), (14, $$E'\x6eow'::timestamp$$), (15, $$'today 10:00'::timestamp$$),
  (16, $$(SELECT max(d) FROM (SELECT 'today' UNION SELECT date '2024-01-01') AS u (d))$$),
  (17, $$coalesce(NULL::date, 'tomorrow')$$), (18, $$ROW('now', 'x')::regress_meaning.span$$),
  -- and what only looks so
  (31, $$'now'$$), (32, $$'now'::text$$), (33, $$date '2024-01-01'$$), (34, $$'known'::text || date '2024-01-01'$$),
    (35, $$'epoch'::timestamp$$), (36, $$'infinity'::date$$), (37, $${'today'}$$), (38, $$'{now}'::text[]$$);
UPDATE tried SET expression = $$'today'::varchar(3)$$ WHERE n = 37;
SELECT n, expression, dap.create_model('lit' || n, 'SELECT 1 AS k, ' || expression || ' AS t', '{k}') AS model
FROM tried ORDER BY n;
SELECT n, expression, pg_temp.always('lit' || n) FROM tried ORDER BY n;
SELECT count(dap.drop_model('lit' || n)) FROM tried;
-- a view froze its literal when it was made
CREATE VIEW regress_meaning.frozen AS SELECT 1 AS k, timestamp 'now' AS t;
SELECT dap.create_model('frozen', 'SELECT k, t FROM regress_meaning.frozen', '{k}');
SELECT pg_temp.always('frozen');
SELECT * FROM pg_temp.done('frozen');
SELECT * FROM pg_temp.done('frozen');
-- a word that only the type's own quoting makes one is found out by the value
SELECT dap.create_model('hidden', $$SELECT 1 AS k, '{n\ow}'::timestamp[] AS t$$, '{k}');
SELECT pg_temp.always('hidden');
SELECT * FROM pg_temp.done('hidden');
SELECT * FROM pg_temp.done('hidden');

-- A function that changes
CREATE FUNCTION regress_meaning.rate() RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 2.0';
CREATE FUNCTION regress_meaning.rated(v numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE AS 'SELECT v * regress_meaning.rate()';
CREATE FUNCTION regress_meaning.parsed(v numeric) RETURNS numeric LANGUAGE sql IMMUTABLE BEGIN ATOMIC
  SELECT regress_meaning.rated(v) + 1; END;
CREATE FUNCTION regress_meaning.twice(v numeric) RETURNS numeric
  LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN Regress_Meaning.Rated(v) * 2; END';
CREATE FUNCTION regress_meaning.add(a numeric, b numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE AS 'SELECT coalesce(a, 0) + b';
CREATE AGGREGATE regress_meaning.total(numeric) (SFUNC = regress_meaning.add, STYPE = numeric);
CREATE OPERATOR regress_meaning.<+> (FUNCTION = regress_meaning.add, LEFTARG = numeric, RIGHTARG = numeric);
CREATE TYPE regress_meaning.wrapped AS (v numeric);
CREATE FUNCTION regress_meaning.wrap(v numeric) RETURNS regress_meaning.wrapped
  LANGUAGE sql IMMUTABLE AS 'SELECT ROW(v)::regress_meaning.wrapped';
CREATE CAST (numeric AS regress_meaning.wrapped) WITH FUNCTION regress_meaning.wrap(numeric);
CREATE FUNCTION regress_meaning.by_operator(v numeric) RETURNS numeric
  LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN v OPERATOR(regress_meaning.<+>) 0; END';
CREATE FUNCTION regress_meaning.by_cast(v numeric) RETURNS numeric
  LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN (v::regress_meaning.wrapped).v; END';
CREATE FUNCTION regress_meaning."Odd Name"(v numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT v';
CREATE FUNCTION regress_meaning.of_odd(v numeric) RETURNS numeric
  LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN regress_meaning."Odd Name"(v); END';
CREATE FUNCTION regress_meaning.other() RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 1.0';
CREATE TYPE regress_meaning.sorted AS (v numeric);
CREATE FUNCTION regress_meaning.sorted_lt(a regress_meaning.sorted, b regress_meaning.sorted) RETURNS boolean
  LANGUAGE sql IMMUTABLE AS 'SELECT a.v < b.v';
CREATE FUNCTION regress_meaning.sorted_eq(a regress_meaning.sorted, b regress_meaning.sorted) RETURNS boolean
  LANGUAGE sql IMMUTABLE AS 'SELECT a.v = b.v';
CREATE FUNCTION regress_meaning.sorted_cmp(a regress_meaning.sorted, b regress_meaning.sorted) RETURNS integer
  LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.sign(a.v - b.v)::integer';
CREATE OPERATOR regress_meaning.<# (FUNCTION = regress_meaning.sorted_lt, LEFTARG = regress_meaning.sorted,
  RIGHTARG = regress_meaning.sorted);
CREATE OPERATOR regress_meaning.=# (FUNCTION = regress_meaning.sorted_eq, LEFTARG = regress_meaning.sorted,
  RIGHTARG = regress_meaning.sorted);
CREATE OPERATOR CLASS regress_meaning.sorted_ops DEFAULT FOR TYPE regress_meaning.sorted USING btree AS OPERATOR 1
  regress_meaning.<#, OPERATOR 3 regress_meaning.=#,
  FUNCTION 1 regress_meaning.sorted_cmp(regress_meaning.sorted, regress_meaning.sorted);
CREATE VIEW regress_meaning.seen AS SELECT id, regress_meaning.parsed(amount) AS v FROM intermediate.pay;
CREATE VIEW regress_meaning.seen_again AS SELECT id, v FROM regress_meaning.seen;
SELECT dap.create_model('f' || n, query, '{id}') FROM (VALUES
  (1, 'SELECT id, amount * regress_meaning.rate() AS v FROM intermediate.pay'),
  (2, 'SELECT id, regress_meaning.rated(amount) AS v FROM intermediate.pay'),
  (3, 'SELECT id, regress_meaning.parsed(amount) AS v FROM intermediate.pay'),
  (4, 'SELECT id, regress_meaning.twice(amount) AS v FROM intermediate.pay'),
  (5, 'SELECT 1 AS id, regress_meaning.total(amount ORDER BY id) AS v FROM intermediate.pay'),
  (6, 'SELECT id, amount OPERATOR(regress_meaning.<+>) 1 AS v FROM intermediate.pay'),
  (7, 'SELECT id, (amount::numeric::regress_meaning.wrapped).v FROM intermediate.pay'),
  (8, 'SELECT id, v FROM regress_meaning.seen_again'),
  (9, 'SELECT id, regress_meaning.by_operator(amount) AS v FROM intermediate.pay'),
  (10, 'SELECT id, regress_meaning.by_cast(amount) AS v FROM intermediate.pay'),
  (11, 'SELECT id, regress_meaning.of_odd(amount) AS v FROM intermediate.pay'),
  (12, 'SELECT id, dap.median(amount) AS v FROM intermediate.pay GROUP BY id'),
  (13, 'SELECT id, row_number() OVER (ORDER BY ROW(amount)::regress_meaning.sorted) AS v FROM intermediate.pay')) AS q
    (n, query);
CREATE FUNCTION pg_temp.ran() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(object || ' ' || action, ', '
  ORDER BY step) FROM dap.refresh_all(ingest => false) WHERE object LIKE 'analytics.f%' AND action <> 'unchanged' $$;
SELECT bool_or(always) AS always FROM dap_internal.models WHERE relation::text LIKE 'analytics.f%';
SELECT pg_temp.ran();
SELECT pg_temp.ran();
CREATE OR REPLACE FUNCTION regress_meaning.rate() RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 3.0';
SELECT pg_temp.ran();
SELECT n, v FROM (SELECT 1 AS n, v FROM analytics.f1 WHERE id = 1 UNION ALL SELECT 2, v FROM analytics.f2 WHERE id = 1
  UNION ALL SELECT 3, v FROM analytics.f3 WHERE id = 1
  UNION ALL SELECT 4, v FROM analytics.f4 WHERE id = 1 UNION ALL SELECT 8, v FROM analytics.f8 WHERE id = 1) AS r
    ORDER BY n;
CREATE OR REPLACE FUNCTION regress_meaning.add(a numeric, b numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE AS 'SELECT coalesce(a, 0) + b + 100';
SELECT pg_temp.ran();
CREATE OR REPLACE FUNCTION regress_meaning.wrap(v numeric) RETURNS regress_meaning.wrapped
  LANGUAGE sql IMMUTABLE AS 'SELECT ROW(v + 7)::regress_meaning.wrapped';
SELECT pg_temp.ran();
CREATE OR REPLACE FUNCTION regress_meaning."Odd Name"(v numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT -v';
SELECT pg_temp.ran();
CREATE OR REPLACE FUNCTION regress_meaning.sorted_cmp(a regress_meaning.sorted, b regress_meaning.sorted)
  RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT -pg_catalog.sign(a.v - b.v)::integer';
SELECT pg_temp.ran();
CREATE OR REPLACE FUNCTION regress_meaning.other() RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 2.0';
SELECT pg_temp.ran();
SELECT object, action FROM dap.refresh_all('full', false)
WHERE object LIKE 'analytics.f%' AND object <> 'analytics.frozen' AND action <> 'unchanged';

-- What an always computed model calls is planned anew, too, in a session that has a plan of it
CREATE FUNCTION regress_meaning.inner_rate() RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 1.0';
CREATE FUNCTION regress_meaning.outer_rate() RETURNS numeric
  LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN regress_meaning.inner_rate(); END';
SELECT dap.create_model('g', 'SELECT 1 AS k, regress_meaning.outer_rate() AS v WHERE now() IS NOT NULL', '{k}');
SELECT * FROM pg_temp.done('g');
CREATE OR REPLACE FUNCTION regress_meaning.inner_rate() RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 2.0';
SELECT * FROM pg_temp.done('g');
SELECT v FROM analytics.g;
SELECT dap.drop_model('g');
-- Whether a model is computed each time is what its query is now
CREATE VIEW regress_meaning.turns AS SELECT 1 AS k, 1 AS v FROM intermediate.pay WHERE id = 1;
SELECT dap.create_model('turning', 'SELECT k, v FROM regress_meaning.turns', '{k}');
SELECT pg_temp.always('turning');
CREATE OR REPLACE VIEW regress_meaning.turns AS SELECT 1 AS k, 1 AS v FROM intermediate.pay
  WHERE id = 1 AND now() IS NOT NULL;
SELECT action FROM pg_temp.done('turning');
SELECT pg_temp.always('turning'), state FROM dap.status WHERE object = 'analytics.turning';
CREATE OR REPLACE VIEW regress_meaning.turns AS SELECT 1 AS k, 1 AS v FROM intermediate.pay WHERE id = 1;
SELECT action FROM pg_temp.done('turning');
SELECT pg_temp.always('turning'), state,
  (SELECT inputs <> '{}' FROM dap_internal.model_state JOIN dap_internal.model_definition USING (model_id)
  WHERE model = 'analytics.turning') AS known
FROM dap.status WHERE object = 'analytics.turning';
CREATE TABLE regress_meaning.loose AS SELECT 1 AS k, 1 AS v;
CREATE OR REPLACE VIEW regress_meaning.turns AS SELECT k, v FROM regress_meaning.loose;
SELECT action FROM pg_temp.done('turning');
SELECT pg_temp.always('turning'), state FROM dap.status WHERE object = 'analytics.turning';
SELECT dap.drop_model('turning');

-- A view that is named twice by each view above it is read once
CREATE VIEW regress_meaning.v0 AS SELECT 1 AS k;
SELECT format('CREATE VIEW regress_meaning.v%s AS SELECT a.k FROM regress_meaning.v%s AS a JOIN regress_meaning.v%s AS '
  'b ON b.k = a.k', n, n - 1, n - 1) FROM generate_series(1, 30) AS n \gexec
SELECT dap.create_model('stacked', 'SELECT k FROM regress_meaning.v30', '{k}');
SELECT pg_temp.always('stacked'),
  (SELECT upstream FROM dap_internal.models WHERE relation = 'analytics.stacked'::regclass);
SELECT dap.drop_model('stacked');
-- and a type (of which PostgreSQL itself makes no more in little time)
CREATE TYPE regress_meaning.t0 AS (a integer, b integer);
SELECT format('CREATE TYPE regress_meaning.t%s AS (a regress_meaning.t%s, b regress_meaning.t%s)', n, n - 1, n - 1)
FROM generate_series(1, 12) AS n \gexec
SELECT dap.create_model('stacked', 'SELECT 1 AS k, NULL::regress_meaning.t12 AS t', '{k}');
SELECT dap.drop_model('stacked');
-- Views that read each other
CREATE VIEW regress_meaning.one AS SELECT 1 AS k;
CREATE VIEW regress_meaning.two AS SELECT k FROM regress_meaning.one;
CREATE OR REPLACE VIEW regress_meaning.one AS SELECT k FROM regress_meaning.two;
SELECT dap.create_model('mutual', 'SELECT k FROM regress_meaning.one', '{k}');
SELECT dap.create_model('mutual', 'SELECT k FROM regress_meaning.two', '{k}');
CREATE OR REPLACE VIEW regress_meaning.one AS SELECT 1 AS k;
CREATE OR REPLACE VIEW regress_meaning.two AS SELECT 1 AS k WHERE EXISTS (SELECT FROM regress_meaning.two);
SELECT dap.create_model('mutual', 'SELECT k FROM regress_meaning.two', '{k}');
-- also when they come to do so later
SELECT dap.create_model('later', 'SELECT k FROM regress_meaning.one', '{k}');
CREATE OR REPLACE VIEW regress_meaning.two AS SELECT k FROM regress_meaning.one;
CREATE OR REPLACE VIEW regress_meaning.one AS SELECT k FROM regress_meaning.two;
SELECT * FROM dap.refresh_all(ingest => false);
CREATE OR REPLACE VIEW regress_meaning.one AS SELECT 1 AS k;
SELECT * FROM pg_temp.done('later');

SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging, intermediate, analytics, regress_meaning CASCADE;
