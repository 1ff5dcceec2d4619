-- Conversion of texts by the rules of clean columns.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dap_analytics;
RESET client_min_messages;

-- One rule, many texts. Texts are shown quoted, so that blanks are seen.
CREATE FUNCTION pg_temp.try(rule jsonb, VARIADIC texts text[])
  RETURNS TABLE (input text, ok boolean, value text, reason text) LANGUAGE sql AS
$$ SELECT to_json(t), c.ok, c.value, c.reason
     FROM unnest(texts) WITH ORDINALITY AS u(t, n), LATERAL dap_internal.convert(t, '{"name": "c"}' || rule) AS c
     ORDER BY n $$;

-- Numbers
SELECT * FROM pg_temp.try('{"type": "bigint"}', '0', '-0', '+7', ' 42 ', E'\t42\n', '007', '12.00', '1e3', '1.25e2',
  '10e-1', '12.5', '1e-1',
  '9223372036854775807', '-9223372036854775808', '9223372036854775808', '1e19', '1e99999999999', '', '   ', NULL,
  '.5', '5.', '1e', '1 000', '1,000', '0x10', '0b1', '0o7', '1_000', 'NaN', 'inf', '--1', '+', E'\t', '१२');
SELECT * FROM pg_temp.try('{"type": "integer"}', '2147483647', '-2147483648', '2147483648',
  '2147483647.0000000000000000000');
-- An identifier is not an amount: 12E4 is 120000 only where the rule says that numbers have exponents.
SELECT * FROM pg_temp.try('{"type": "bigint", "exponent": true}', '12E4', '1e3', '1.25e2', '10e-1', '1e-1', '1e19',
  '1e99999999999', '2.147483647e9', '1e', '5.0');
SELECT * FROM pg_temp.try('{"type": "integer", "exponent": false}', '12E4', '5.0', '5.5');
SELECT * FROM pg_temp.try('{"type": "integer", "max": "1e3", "map": {"many": "1e9"}}', '1000', '1001', 'many');
SELECT * FROM pg_temp.try('{"type": "numeric", "exponent": false}', '12E4', '1e400', '5.50', 'x');
SELECT * FROM pg_temp.try('{"type": "numeric(5,1)", "exponent": false}', '1e1', '5.0');
SELECT * FROM pg_temp.try('{"type": "double precision", "exponent": false}', '1e1', '1e999', '5.0', 'e');
SELECT * FROM pg_temp.try('{"type": "real", "exponent": true}', '1e1');
SELECT * FROM pg_temp.try('{"type": "smallint"}', '32767', '-32769');
SELECT * FROM pg_temp.try('{"type": "numeric(18,2)"}', '12.340', '12.345', '12', '-0', '-0.00', '1e3',
  '1234567890123456.99', '12345678901234567',
  '9999999999999999.990000000000000000000000', '0.001', '0e-2000', '0e99999999999', 'NaN', 'Infinity', '1e-1073741822',
  '1e-1073741823');
SELECT * FROM pg_temp.try('{"type": "numeric(2,-3)"}', '12000', '12500', '99e3', '100000', '0.0');
SELECT * FROM pg_temp.try('{"type": "numeric(3,5)"}', '0.00999', '0.01', '0.000001');
SELECT * FROM pg_temp.try('{"type": "numeric"}', '12.340', '-0.000', '1e3', '1.5e-3', '0e-5',
  '123456789012345678901234567890.123456789',
  '1e-16384', '1e131072');
SELECT length(c.value) FROM dap_internal.convert('1e131071', '{"name": "c", "type": "numeric"}') AS c;
SELECT length(c.value) FROM dap_internal.convert('1e-16383', '{"name": "c", "type": "numeric"}') AS c;
SELECT * FROM pg_temp.try('{"type": "double precision"}', '0.1', '-0', '1e308', '1.8e308', '5e-324', '1e-400', '0e-999',
  '1e999', '-1e-400',
  '2.2250738585072011e-308', '9007199254740993', 'NaN', 'infinity', '0x1p3', '1d');
SELECT * FROM pg_temp.try('{"type": "real"}', '0.1', '3.4028235e38', '3.5e38', '1e-45', '1e-46', '16777217');

-- Booleans and UUIDs
SELECT * FROM pg_temp.try('{"type": "boolean"}', 'true', 'T', 'tr', 'YES', 'y', 'on', 'of', '1', ' false ', 'n', '0',
  E'\tno\n', 'o', '01', 'truey', 'wahr', '2');
SELECT * FROM pg_temp.try('{"type": "uuid"}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  'A0EEBC999C0B4EF8BB6D6BB9BD380A11', '{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}',
  'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1',
  'a0eebc9-99c0b-4ef8-bb6d-6bb9bd380a11',
  '{a0eebc999c0b4ef8bb6d6bb9bd380a11', 'a0eebc999c0b4ef8bb6d6bb9bd380a11-', 'g0eebc999c0b4ef8bb6d6bb9bd380a11', '{}',
  '{');

-- Dates and timestamps
SELECT * FROM pg_temp.try('{"type": "date"}', '2024-02-29', ' 2023-12-31 ', E'2023-01-01\n', '1900-01-01', '2199-12-31',
  '2023-02-29', '2023-04-31', '2023-13-01', '2023-00-10',
  '0000-01-01', '1899-12-31', '2200-01-01', '22025-01-01', '2023-1-01', '23-01-01', '2023/01/01', '20230101',
  '2023-01-01 10:00', '2023-01-01T00:00:00',
  '2023-01-01 25:00', '2023-01-01 BC', '-2023-01-01', 'now', 'today', 'infinity', '01.02.2023', 'January 8, 1999',
  '2023-01-01x');
SELECT * FROM pg_temp.try('{"type": "timestamp"}', '2024-02-29', '2024-02-29 23:59', '2024-02-29T23:59:59',
  '2024-02-29 23:59:59.1', ' 2024-02-29 23:59:59.123456 ',
  '2199-12-31 23:59:59.999999', '2024-02-29 23:59:59.1234567', '2024-02-29 23:59:59.', '2024-02-29 24:00',
  '2024-02-29 23:60', '2024-02-29 23:59:60', '2024-02-29  10:00',
  '2024-02-29t10:00', '2024-02-29 1:00', '2024-02-29 10', '2024-02-29 10:00 PM', '2024-02-29T', '2024-02-29 10:00:00Z',
  '2024-02-29 10:00+01', '2023-02-29 10:00', 'epoch');
SELECT * FROM pg_temp.try('{"type": "timestamp", "zone": "Europe/Berlin"}', '2024-07-01 10:00', '2024-07-01T10:00:00Z',
  '2024-01-01T10:00:00Z', '2024-07-01 10:00+05:30', '2024-07-01 10:00-0730',
  '2024-07-01 10:00+15:59', '2024-07-01 10:00+16', '2024-07-01 10:00+5', '2024-07-01 10:00+05:3',
  '2024-07-01 10:00+05:60', '2024-07-01 10:00 +05', '2024-07-01Z', '2024-07-01 10:00z', '2024-07-01 10:00 UTC');
SELECT * FROM pg_temp.try('{"type": "timestamptz"}', '2024-07-01 10:00Z', '2024-07-01 10:00:00.5+02',
  '2024-07-01 10:00', '2024-07-01', '1900-01-01 00:00Z', '1900-01-01 00:00+01', '2199-12-31 23:59:59.999999Z',
  '2199-12-31 23:59:59-01');
-- Clocks forward: the hour from 2 to 3 does not exist; back: the hour from 2 to 3 comes twice, and is read as the
-- second one.
SELECT * FROM pg_temp.try('{"type": "timestamptz", "zone": "Europe/Berlin"}', '2024-07-01 10:00', '2024-01-01',
  '2024-07-01 10:00Z', '2024-03-31 01:59:59', '2024-03-31 02:00', '2024-03-31 02:59:59.999999', '2024-03-31 03:00',
  '2024-10-27 01:59', '2024-10-27 02:00', '2024-10-27 02:30', '2024-10-27 03:00', '1900-01-01',
  '2199-12-31 23:59:59.999999', '2199-12-31 23:00Z');

-- Decimals of a second: zeros say nothing, whatever else is beyond the sixth would be lost.
SELECT * FROM pg_temp.try('{"type": "timestamp"}', '2026-01-31 10:00:00.0000000', '2026-01-31 10:00:00.1230000',
  '2026-01-31T10:00:00.123456000000000000000000000', '2026-01-31 10:00:00.1234567',
  '2026-01-31 10:00:00.0000000000000000000000001', '2026-02-30 10:00:00.1234567', '2026-01-31 10:00:00.1234567x',
  '2026-01-31 24:00:00.0000000');
SELECT * FROM pg_temp.try('{"type": "timestamptz"}', '2026-01-31T10:00:00.1234560Z', '2026-01-31T10:00:00.1234567Z',
  '2026-01-31T10:00:00.5000000+05:30', '2026-01-31T10:00:00.00000001-01');
SELECT * FROM pg_temp.try('{"type": "timestamptz", "zone": "Europe/Berlin"}', '2026-01-31 10:00:00.1234560',
  '2026-01-31 10:00:00.1234567');
SELECT * FROM pg_temp.try('{"type": "timestamp", "zone": "Europe/Berlin"}', '2026-01-31T10:00:00.1234560Z',
  '2026-01-31T10:00:00.1234567Z');

-- The order of things: trim, lower, map, empty is NULL, required
SELECT * FROM pg_temp.try('{"type": "text"}', '  a b ', E'\ta\t', '', '   ', NULL, ' ä ');
SELECT * FROM pg_temp.try('{"type": "text", "trim": false}', '  a b ', '', ' ');
SELECT * FROM
  pg_temp.try('{"type": "text", "lower": true, "map": {"done": "completed", "n/a": null, "none": "", "": "empty",
  "loud": "LOUD"}}',
  ' DONE ', 'Done', 'done', 'DONE!', 'N/A', 'none', '  ', 'Loud', NULL);
-- As lower() does it in this database's collation.
SELECT bool_and(c.value = lower(t)) FROM unnest(ARRAY['ÄÖÜ', 'Straße', 'ΌΔΟΣ', 'İI', 'Aͅ', 'Abc']) AS t,
  dap_internal.convert(t, '{"name": "c", "type": "text", "lower": true}') AS c;
SELECT * FROM pg_temp.try('{"type": "text", "required": true, "map": {"-": null}}', 'x', ' ', '-', NULL, '');
SELECT * FROM pg_temp.try('{"type": "integer", "map": {"one": "1", "-": null}}', 'one', ' one ', 'One', '-', '2');
SELECT * FROM pg_temp.try('{"type": "integer", "trim": false}', ' 1 ', ' ');
SELECT * FROM pg_temp.try('{"type": "uuid", "trim": false}', ' a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');

-- Limits
SELECT * FROM pg_temp.try('{"type": "integer", "min": 1, "max": "10"}', '0', '1', '10', '11');
SELECT * FROM pg_temp.try('{"type": "numeric(10,2)", "min": 0.01, "max": "1e3"}', '0', '0.01', '1000', '1000.01');
SELECT * FROM pg_temp.try('{"type": "double precision", "min": -0.5}', '-0.6', '-0.5', '1e300');
SELECT * FROM pg_temp.try('{"type": "date", "min": "2020-02-01", "max": "2020-02-29"}', '2020-01-31', '2020-02-01',
  '2020-02-29', '2020-03-01');
SELECT * FROM pg_temp.try('{"type": "timestamp", "min": "2020-02-01 12:00", "max": "2020-02-29"}',
  '2020-02-01 11:59:59.999999', '2020-02-01 12:00', '2020-02-29 23:59:59.999999', '2020-03-01');
SELECT * FROM pg_temp.try('{"type": "timestamptz", "max": "2020-02-29", "zone": "America/New_York"}',
  '2020-03-01 04:59:59.999999Z', '2020-03-01 05:00Z', '2020-02-29 23:59');
SELECT * FROM pg_temp.try('{"type": "timestamp", "min": "0001-01-01", "max": "9999-12-31"}', '0001-01-01',
  '9999-12-31 23:59:59.999999', '1066-10-14 09:00');

-- Formats
SELECT * FROM pg_temp.try('{"type": "date", "format": "DD.MM.YYYY"}', '29.02.2024', ' 01.02.2023 ', '30.02.2023',
  '2023-02-01', '1.2.2023', '01.02.23', '32.01.2023', '01.02.2023 ', '01-02-2023');
SELECT * FROM pg_temp.try('{"type": "date", "format": ["YYYYMMDD", "DD Mon YYYY", "Month DD, YYYY", "YYYY-MM-DD"]}',
  '20240229', '01 JAN 2024', '31 sep 2024', '30 Sep 2024', 'may 05, 2024', 'September 05, 2024', 'Sep 05, 2024',
  '2024-12-24', '18991231');
SELECT * FROM
  pg_temp.try('{"type": "timestamp", "format": ["MM/DD/YYYY HH12:MI AM", "YYYY-MM-DD\"T\"HH24:MI:SS.MS",
  "YYYY-MM-DD HH24:MI:SS.US", "YYYYMMDDHH24MISS", "DD.MM.YYYY hh:mi:ss p.m."]}',
  '02/29/2024 12:00 am', '02/29/2024 12:30 PM', '02/29/2024 01:05 pm', '02/29/2024 13:05 pm', '02/29/2024 00:05 am',
  '2024-02-29T23:59:59.123', '2024-02-29T23:59:59.1234', '2024-02-29 23:59:59.000001',
  '20240229235959', '20240229246060', '29.02.2024 11:59:59 A.M.', '29.02.2024 11:59:59 AM');
SELECT * FROM
  pg_temp.try('{"type": "timestamptz", "format": ["YYYY-MM-DD HH24:MI TZH:TZM", "DD.MM.YYYY HH24:MI:SSOF"]}',
  '2024-02-29 10:00 +05:30', '2024-02-29 10:00 -00:30', '2024-02-29 10:00 Z', '29.02.2024 10:00:00Z',
  '29.02.2024 10:00:00-03', '29.02.2024 10:00:00+0530', '29.02.2024 10:00:00+05:45', '29.02.2024 10:00:00+05:',
  '29.02.2024 10:00:00+16');
SELECT * FROM pg_temp.try('{"type": "timestamptz", "zone": "Asia/Kolkata", "format": "DD/MM/YYYY HH24:MI"}',
  '01/02/2024 05:30');
SELECT * FROM pg_temp.try('{"type": "timestamp", "format": ["YYYY-MM-DD HH24:MI:SS.FF9", "YYYY-MM-DD HH24:MI:SS"]}',
  '2026-01-31 10:00:00.000000000', '2026-01-31 10:00:00.123456000', '2026-01-31 10:00:00.123456789',
  '2026-01-31 10:00:00', '2026-01-31 10:00:00.123456');
SELECT * FROM
  pg_temp.try('{"type": "timestamp", "format": ["DD.MM.YYYY HH24:MI:SS.FF", "YYYY-MM-DD HH24:MI:SS.FF \"UTC\""]}',
  '31.01.2026 10:00:00.5', '31.01.2026 10:00:00.1234560000', '31.01.2026 10:00:00.1234567',
  '31.01.2026 10:00:00.', '31.01.2026 10:00:00', '2026-01-31 10:00:00.123 UTC', '2026-01-31 10:00:00.0000000 UTC',
  '2026-01-31 10:00:00.0000001 UTC');
SELECT * FROM pg_temp.try('{"type": "timestamptz", "format": "YYYY-MM-DD HH24:MI:SS.FFTZH:TZM"}',
  '2026-01-31 10:00:00.1234560+01:00', '2026-01-31 10:00:00.1234561+01:00', '2026-01-31 10:00:00+01:00');
-- That there is no such day is the reason only where nothing else is.
CREATE FUNCTION pg_temp.why(rule jsonb, VARIADIC texts text[])
  RETURNS TABLE (input text, reason text, message text) LANGUAGE sql AS
$$ SELECT to_json(t), c.reason, c.message FROM unnest(texts) WITH ORDINALITY AS u(t, n),
  LATERAL dap_internal.convert(t, '{"name": "c"}' || rule) AS c ORDER BY n $$;
SELECT * FROM pg_temp.why('{"type": "date"}', '2023-02-29', '2023-02-29 10:00', '2023-02-28 24:00',
  '2023-02-28 10:00:00.1234567', '2023-13-45x', '2023-2-29', '52');
SELECT * FROM pg_temp.why('{"type": "date", "format": "DD.MM.YYYY"}', '29.02.2023', '99.99.9999', '00.01.2023',
  '29.02.23', '52', '52 rue', '2023-02-29', '29.02.2023 10:00', '29/02/2023');
SELECT * FROM pg_temp.why('{"type": "date", "format": ["YYYYMMDD", "DD Mon YYYY"]}', '20230229', '2023022', '99999999',
  '99 Feb 2023', '99 Foo 2023', '99', 'jednostki');
SELECT * FROM pg_temp.why('{"type": "timestamp", "format": "DD.MM.YYYY HH24:MI"}', '29.02.2023 10:00',
  '28.02.2023 99:99', '99.02.2023', '99.02.2023 10:0');
SELECT * FROM pg_temp.why('{"type": "bigint"}', '12E4', '12E');
SELECT * FROM pg_temp.why('{"type": "timestamp"}', '2026-01-31 10:00:00.1234567');
-- Read so, 10121201 would be 1012-12-01 or 1201-12-10; neither lies within the limits, so no text is two dates.
SELECT * FROM pg_temp.try('{"type": "date", "format": ["YYYYMMDD", "DDMMYYYY"]}', '20240131', '31012024', '10121201',
  '20112010');

-- The same under any settings
SET datestyle = 'SQL, DMY';
SET timezone = 'Asia/Kolkata';
SET intervalstyle = 'sql_standard';
SET extra_float_digits = -15;
SET lc_numeric = 'C';
SELECT * FROM pg_temp.try('{"type": "timestamptz", "zone": "Europe/Berlin"}', '2024-07-01 10:00',
  '2024-07-01 10:00:00.25+00');
SELECT * FROM pg_temp.try('{"type": "date"}', '2024-02-01', '01/02/2024');
SELECT * FROM pg_temp.try('{"type": "double precision"}', '0.30000000000000004');
RESET datestyle;
RESET timezone;
RESET intervalstyle;
RESET extra_float_digits;
RESET lc_numeric;

-- Definitions that are refused
CREATE FUNCTION pg_temp.refused(rule jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  said text;
  detail text;
  hint text;
BEGIN
  PERFORM dap_internal.convert('x', rule);
  RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n  ', SQLSTATE || ' ' || said, 'DETAIL ' || nullif(detail, ''), 'HINT ' || nullif(hint, ''));
END $$;
\pset format unaligned
\pset tuples_only on
SELECT rule || E'\n  ' || pg_temp.refused(rule::jsonb) FROM (VALUES
  ('[]'), ('{"type": "date"}'), ('{"name": "", "type": "date"}'), ('{"name": 5, "type": "date"}'),
  ('{"name": "c"}'), ('{"name": "c", "type": 5}'), ('{"name": "c", "type": "money"}'),
  ('{"name": "c", "type": "nosuchtype"}'), ('{"name": "c", "type": "bigint[]"}'),
  ('{"name": "c", "type": "varchar(10)"}'), ('{"name": "c", "type": "timestamp(3)"}'),
  ('{"name": "c", "type": "bigint; drop"}'),
  ('{"name": "c", "type": "date", "requird": true}'), ('{"name": "c", "type": "date", "required": "yes"}'),
  ('{"name": "c", "type": "date", "source": ""}'),
  ('{"name": "c", "type": "date", "lower": true}'), ('{"name": "c", "type": "text", "map": ["a"]}'),
  ('{"name": "c", "type": "text", "map": {"a": 1}}'),
  ('{"name": "c", "type": "text", "lower": true, "map": {"A": "b"}}'),
  ('{"name": "c", "type": "text", "map": {" a": "b"}}'),
  ('{"name": "c", "type": "date", "zone": "UTC"}'), ('{"name": "c", "type": "timestamp", "zone": "XYZ-3"}'),
  ('{"name": "c", "type": "timestamp", "zone": "Etc/GMT+13"}'),
  ('{"name": "c", "type": "timestamp", "zone": "Mars/Olympus"}'), ('{"name": "c", "type": "timestamp", "zone": "+03"}'),
  ('{"name": "c", "type": "timestamp", "zone": "localtime"}'),
  ('{"name": "c", "type": "timestamp", "zone": "../../etc/passwd"}'),
  ('{"name": "c", "type": "text", "min": "a"}'), ('{"name": "c", "type": "integer", "min": "1.5"}'),
  ('{"name": "c", "type": "integer", "min": true}'), ('{"name": "c", "type": "integer", "min": 5, "max": 4}'),
  ('{"name": "c", "type": "date", "min": "2300-01-01"}'), ('{"name": "c", "type": "date", "max": "01.01.2020"}'),
  ('{"name": "c", "type": "timestamp", "max": "2020-01-01 00:00Z"}'),
  ('{"name": "c", "type": "text", "format": "YYYY"}'), ('{"name": "c", "type": "date", "format": []}'),
  ('{"name": "c", "type": "date", "format": [5]}'),
  ('{"name": "c", "type": "date", "format": "MM-DD"}'), ('{"name": "c", "type": "date", "format": "DD.MM.YY"}'),
  ('{"name": "c", "type": "date", "format": "YYYY-DDD"}'),
  ('{"name": "c", "type": "date", "format": "YYYY-MM-DD HH24"}'),
  ('{"name": "c", "type": "date", "format": "YYYY-MM-DDTHH24"}'),
  ('{"name": "c", "type": "date", "format": "YYYY-MM-MM"}'),
  ('{"name": "c", "type": "date", "format": "YYYY-MM-DD \"x"}'),
  ('{"name": "c", "type": "timestamp", "format": "YYYY-MM-DD HH12:MI"}'),
  ('{"name": "c", "type": "timestamp", "format": "YYYY-MM-DD HH24:SS"}'),
  ('{"name": "c", "type": "timestamp", "format": "HH24:MI:SS.FFYYYY-MM-DD"}'),
  ('{"name": "c", "type": "timestamp", "format": "YYYY-MM-DD HH24:MI:SS.FF0"}'),
  ('{"name": "c", "type": "date", "exponent": true}'), ('{"name": "c", "type": "text", "exponent": false}'),
  ('{"name": "c", "type": "bigint", "exponent": "yes"}'),
  ('{"name": "c", "type": "timestamp", "format": "YYYY-MM-DD HH24:MIOF"}'),
  ('{"name": "c", "type": "timestamptz", "format": "YYYY-MM-DD HH24:MI"}'),
  ('{"name": "c", "type": "timestamptz", "format": "YYYY-MM-DDOF HH24:MI"}'),
  ('{"name": "c", "type": "date", "format": ["DD/MM/YYYY", "MM/DD/YYYY"]}'),
  ('{"name": "c", "type": "date", "min": "0001-01-01", "format": ["YYYYMMDD", "DDMMYYYY"]}'),
  ('{"name": "c", "type": "timestamp", "format": ["DD.MM.YYYY HH24:MI", "DD.MM.YYYY MI:HH24"]}'),
  ('{"name": "c", "type": "timestamp", "format": ["YYYY-MM-DD HH24:MI \"AM\"", "YYYY-MM-DD HH12:MI am"]}')
) AS v(rule);
\pset format aligned
\pset tuples_only off
