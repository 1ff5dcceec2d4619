-- Numbers as a rule says that they are written.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dap_analytics;
RESET client_min_messages;

-- One rule, many texts: the values, or the reasons.
CREATE FUNCTION pg_temp.try(rule jsonb, VARIADIC texts text[]) RETURNS TABLE (input text, result text) LANGUAGE sql AS
$$ SELECT to_json(t), coalesce(c.value, c.reason, 'NULL')
     FROM unnest(texts) WITH ORDINALITY AS u(t, n), LATERAL dap_internal.convert(t, '{"name": "c"}' || rule) AS c
     ORDER BY n $$;

-- A decimal comma, groups of thousands. A group in the wrong place is a reject, as is what another rule would take.
SELECT * FROM pg_temp.try('{"type": "numeric(18,2)", "decimal": ",", "thousands": "."}', '1.234.567,89', '1234567,89',
  '-12,5', '+1.000', ' 7,00 ', '12,340', '12,345', '1.5', '1.23.456', '1.500', '1234.567', '1.2345', '1,234.50',
  '1,5,5', '1..000', '.500', '1.', ',5', '5,', '.', '0.123', '01.234', '99.999.999.999.999.999,99',
  '9.999.999.999.999.999,99', '1,5e3', '1e-9', '', ' ', NULL);
SELECT * FROM pg_temp.try('{"type": "integer", "decimal": ",", "thousands": [".", " "]}', '2.147.483.647',
  '2 147 483 647', '2.147 483.647', '-2.147.483.648', '2.147.483.648', '5,0', '5,5', '1e3');
SELECT * FROM pg_temp.try('{"type": "integer", "decimal": ",", "exponent": true}', '1,5e3', '15e-1');
SELECT * FROM pg_temp.try('{"type": "smallint", "thousands": ","}', '32,767', '32,768', '3,2768');
SELECT * FROM pg_temp.try('{"type": "bigint", "thousands": ","}', '9,223,372,036,854,775,807',
  '9,223,372,036,854,775,808', '-9,223,372,036,854,775,808');
SELECT * FROM pg_temp.try('{"type": "numeric", "decimal": ","}', '12345678901234567890123456789,0123456789012345678900',
  '1,50', '1.50', '-0,0');
SELECT * FROM pg_temp.try('{"type": "double precision", "decimal": ",", "thousands": "."}', '0,1', '1.000,5', '1,8e308',
  '-0', '5e-324');
SELECT * FROM pg_temp.try('{"type": "real", "decimal": ","}', '0,1', '3,5e38');
-- Blanks that the rule names, apostrophes
SELECT * FROM pg_temp.try('{"type": "numeric", "decimal": ",", "thousands": [" ", "\u00a0", "\u202f"]}', '1 234 567,8',
  U&'1\00A0234\00A0567', U&'1\202F234', U&'1 234\00A0567', '1  234', '12 34', '1 2345');
SELECT * FROM pg_temp.try('{"type": "numeric", "thousands": ["''", "\u2019"]}', '1''234''567.05', U&'1\2019234',
  '1''23');
SELECT * FROM pg_temp.try('{"type": "numeric", "decimal": ","}', U&'1\00A0234', '1 234');

-- Negative numbers. A list says all the ways that there are.
SELECT * FROM pg_temp.try('{"type": "numeric(18,2)", "negative": ["sign", "parentheses", "trailing", "unicode"]}',
  '-5', '(987.65)', '5.00-', U&'\22127.50', U&'7.50\2212', '+5', '5', '(5', '5)', '(-5)', '-(5)', '(5)-', '-5-', '5+',
  '5 -', '- 5', '()', '(0)');
SELECT * FROM pg_temp.try('{"type": "integer", "negative": "parentheses"}', '(5)', '5', '-5', '+5', '5-');
SELECT * FROM pg_temp.try('{"type": "integer", "negative": "trailing"}', '5-', '5', '-5', U&'5\2212');
SELECT * FROM pg_temp.try('{"type": "integer", "negative": "unicode"}', U&'\22125', '-5', U&'5\2212');
SELECT * FROM pg_temp.try('{"type": "integer", "negative": "sign"}', '-5', U&'\22125', '(5)', '5-');

-- Texts beside numbers
SELECT * FROM pg_temp.try('{"type": "numeric(18,2)", "thousands": ",", "negative": ["sign", "parentheses", "trailing"],
  "affix": ["$", "€", "CHF", {"plus": "CR", "minus": ["DR", "Dr."]}]}', '$1,234.50', '($30.00)', '$(30.00)', '-$5.00',
  '$-5.00', '€ 63.12', U&'63.12\00A0€', U&'63.12\202F€', '70.00 CHF', '1200.00CR', '15.10DR', '15.10 Dr.', '$15.10 DR',
  '5.00- CHF', '(5.00) CHF', '(5.00 CHF)', '-5CR', '(5)DR', '5CRDR', '$$5', '$5$', '$ €5', '£5', '5 chf', '$', 'CR',
  'CHF');
SELECT * FROM pg_temp.try('{"type": "integer", "affix": ["C", {"plus": "CR", "minus": "R"}]}', '5C', '5R', '5CR',
  '5 C R');
SELECT * FROM pg_temp.try('{"type": "integer", "affix": {"minus": "S", "plus": "H"}}', '5 S', 'S5', '5 H', '5');
SELECT * FROM pg_temp.try('{"type": "integer", "affix": "%"}', '12 %', '12', '12%%');

-- Hundredths
SELECT * FROM pg_temp.try('{"type": "numeric", "percent": true}', '12 %', '12.5%', '-3.25%', '0%', '100%', '5%',
  '0.1%', '%7', '12', '12%%', '%', '1e2%');
SELECT * FROM pg_temp.try('{"type": "numeric(10,4)", "percent": true, "decimal": ",", "negative": ["sign", "unicode"]}',
  '12,5 %', U&'\22121%', '12,345%', '12,340%', '100000000%');
SELECT * FROM pg_temp.try('{"type": "integer", "percent": true}', '100%', '300,0%', '50%');
SELECT * FROM pg_temp.try('{"type": "double precision", "percent": true}', '10%', '0.7%', '1e-324%');
SELECT * FROM pg_temp.try('{"type": "numeric", "percent": false}', '12 %', '12');

-- Limits are written plainly, whatever the column's texts are; what a map gives is read as the column's texts are.
SELECT * FROM pg_temp.try('{"type": "numeric", "decimal": ",", "percent": true, "min": "0.05", "max": 1.5,
  "map": {"none": "0,1 %", "half": "0.5", "all": "100 %"}}', '5 %', '4,9 %', '150 %', '150,1 %', 'none', 'half', 'all');

-- What is wrong with a text is said of the rule that it does not fit.
SELECT t, c.reason, c.message FROM unnest('{1.5,1.234,"1,25",1e9}'::text[]) AS t,
  LATERAL dap_internal.convert(t, '{"name": "c", "type": "numeric(4,1)", "decimal": ",", "thousands": "."}') AS c
 ORDER BY t COLLATE "C";

-- Rules that cannot be
CREATE FUNCTION pg_temp.refused(rule jsonb) RETURNS text LANGUAGE plpgsql AS
$$ DECLARE d text; h text; m text;
BEGIN
  PERFORM dap_internal.convert('1', '{"name": "c", "type": "numeric"}' || rule);
  RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n  ', SQLSTATE || ' ' || m, 'DETAIL ' || nullif(d, ''), 'HINT ' || nullif(h, ''));
END $$;
\pset format unaligned
\pset tuples_only on
SELECT rule || E'\n  ' || pg_temp.refused(rule::jsonb) FROM (VALUES
  ('{"decimal": ""}'), ('{"decimal": ",,"}'), ('{"decimal": "5"}'), ('{"decimal": "e"}'), ('{"decimal": "-"}'),
  ('{"decimal": " "}'), ('{"decimal": "\u00a0"}'), ('{"decimal": "\u2212"}'), ('{"decimal": 5}'),
  ('{"decimal": [","]}'), ('{"decimal": null}'), ('{"decimal": "."}'), ('{"decimal": "\u066b"}'),
  ('{"thousands": "."}'), ('{"thousands": ",", "decimal": ","}'), ('{"thousands": [" ", ","], "decimal": ","}'),
  ('{"thousands": ""}'), ('{"thousands": []}'), ('{"thousands": [5]}'), ('{"thousands": ", "}'),
  ('{"thousands": "%"}'), ('{"thousands": "("}'), ('{"thousands": "E"}'), ('{"thousands": "\n"}'),
  ('{"thousands": null}'), ('{"thousands": [",", "''", " "]}'),
  ('{"affix": ""}'), ('{"affix": []}'), ('{"affix": {}}'), ('{"affix": 5}'), ('{"affix": [["€"]]}'),
  ('{"affix": {"plus": "CR", "debit": "DR"}}'), ('{"affix": {"plus": 1}}'), ('{"affix": "m2"}'), ('{"affix": "EUR-"}'),
  ('{"affix": " EUR"}'), ('{"affix": "EUR\u00a0"}'), ('{"affix": "."}'), ('{"affix": ",."}'),
  ('{"affix": "_", "thousands": "_"}'), ('{"affix": "(c)"}'), ('{"affix": "%", "percent": true}'),
  ('{"affix": ["€", "€"]}'), ('{"affix": ["CR", {"plus": "CR"}]}'),
  ('{"affix": {"plus": "CR", "minus": ["DR", "CR"]}}'),
  ('{"affix": ["US $", "Rs.", {"minus": "D"}]}'),
  ('{"negative": "minus"}'), ('{"negative": []}'), ('{"negative": true}'), ('{"negative": ["sign", 1]}'),
  ('{"negative": ["sign", "sign", "sign", "sign", "sign"]}'), ('{"negative": ["sign", "unicode"]}'),
  ('{"percent": "yes"}'), ('{"type": "date", "decimal": ","}'), ('{"type": "text", "thousands": ","}'),
  ('{"type": "boolean", "affix": "x"}'), ('{"type": "uuid", "negative": "sign"}'),
  ('{"type": "timestamp", "percent": false}'), ('{"decimals": ","}')
) AS v(rule);
\pset format aligned
\pset tuples_only off

-- Through a model: the same by SQL and by pages.
CREATE SCHEMA IF NOT EXISTS staging;
CREATE SCHEMA IF NOT EXISTS intermediate;
SELECT dap.create_source('styled', NULL, '{id,amount,share}', '{"delimiter": ";", "max_reject_percent": 100}');
SELECT rows_loaded, rows_rejected FROM dap.ingest_bytes('styled', 'day 1', convert_to(E'id;amount;share\n'
  '1;1.234,50 €;12,5 %\n2;(30,00);-3 %\n3;1.5;1 %\n4;15,10 S;0 %\n5;7;7\n', 'UTF8'));
CREATE TABLE styled_rows (engine text, id bigint, amount numeric, share numeric);
SET client_min_messages = warning;
SELECT dap.create_clean_model('styled_clean', 'styled', '[{"name": "id", "type": "bigint"}, {"name": "amount",
  "type": "numeric(18,2)", "decimal": ",", "thousands": ".", "affix": ["€", {"minus": "S", "plus": "H"}],
  "negative": ["sign", "parentheses"]}, {"name": "share", "type": "numeric(6,4)", "decimal": ",", "percent": true}]',
  '{id}');
SELECT rows_in, rows_inserted, rows_rejected FROM dap.refresh_intermediate();
INSERT INTO styled_rows SELECT 'pages', id, amount, share FROM intermediate.styled_clean;
SELECT line, column_name, reason FROM dap.rejects WHERE source = 'styled' ORDER BY line;
SELECT dap.drop_model('intermediate.styled_clean');
SET dap.engine = off;
SELECT dap.create_clean_model('styled_clean', 'styled', '[{"name": "id", "type": "bigint"}, {"name": "amount",
  "type": "numeric(18,2)", "decimal": ",", "thousands": ".", "affix": ["€", {"minus": "S", "plus": "H"}],
  "negative": ["sign", "parentheses"]}, {"name": "share", "type": "numeric(6,4)", "decimal": ",", "percent": true}]',
  '{id}');
SELECT rows_in, rows_inserted, rows_rejected FROM dap.refresh_intermediate();
INSERT INTO styled_rows SELECT 'SQL', id, amount, share FROM intermediate.styled_clean;
SELECT line, column_name, reason FROM dap.rejects WHERE source = 'styled' ORDER BY line;
RESET dap.engine;
SELECT id, amount, share, string_agg(engine, ' ' ORDER BY engine) FROM styled_rows GROUP BY 1, 2, 3 ORDER BY 1;
SELECT dap.drop_model('intermediate.styled_clean');
SELECT dap.drop_source('styled');
DROP TABLE styled_rows;
