-- Options of sources and calls: every one with values that do and that do not.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE SCHEMA staging;
RESET client_min_messages;
-- Loads a text as a file
CREATE FUNCTION pg_temp.load(source text, name text, content text, options jsonb DEFAULT '{}',
  OUT status text, OUT reason text, OUT read bigint, OUT loaded bigint, OUT rejected bigint)
LANGUAGE sql AS $$ SELECT r.status, r.reason, r.rows_read, r.rows_loaded, r.rows_rejected
  FROM dap.ingest_bytes(source, name, convert_to(content, 'UTF8'), options) AS r $$;

-- What a statement raises
CREATE FUNCTION pg_temp.raises(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
  EXECUTE statement;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;

-- Unknown ones, by place
SELECT pg_temp.raises($$SELECT dap.create_source('s', columns => '{a}', options => '{"delimeter": ";"}')$$);
SELECT pg_temp.raises($$SELECT dap.create_source('s', columns => '{a}', options => '{"again": true}')$$);
SELECT pg_temp.raises($$SELECT dap.create_source('s', columns => '{a}', options => '{"Delimiter": ";"}')$$);
SELECT pg_temp.raises($$SELECT dap.create_source('s', columns => '{a}', options => '[]')$$);
SELECT pg_temp.raises($$SELECT dap.create_source('s', columns => '{a}', options => '"delimiter"')$$);
SELECT dap.create_source('s', columns => '{a,b}');
SELECT pg_temp.raises($$SELECT dap.ingest_bytes('s', 'f', '', '{"arrival": "name"}')$$);
SELECT pg_temp.raises($$SELECT dap.ingest_bytes('s', 'f', '', '{"limit": 3}')$$);
SELECT pg_temp.raises($$SELECT dap.ingest_csv('s', '/nowhere', '{"skip_rejects": true}')$$);
SELECT pg_temp.raises($$SELECT * FROM dap.read_csv('/nowhere', '{"max_rejects": 1}') AS t(a text)$$);

-- Each with values that cannot be
SELECT o, pg_temp.raises(format('SELECT dap.create_source(''bad'', columns => ''{a}'', options => %L)', o))
FROM unnest(ARRAY[
  '{"delimiter": ""}', '{"delimiter": ";;"}', '{"delimiter": "\n"}', '{"delimiter": "é"}', '{"delimiter": 1}',
  '{"delimiter": null}', '{"delimiter": "\""}',
  '{"quote": "ab"}', '{"quote": "\r"}', '{"quote": ","}', '{"quote": true}',
  '{"escape": ""}', '{"escape": ","}', '{"escape": "\\\\"}',
  '{"header": "perhaps"}', '{"header": 1}', '{"header": null}',
  '{"null": null}', '{"null": 0}', '{"null": "a,b"}', '{"null": "\""}', '{"null": "\n"}',
  '{"null": ";", "delimiter": ";"}',
  '{"encoding": "UTF-9"}', '{"encoding": 8}', '{"encoding": "SJIS", "delimiter": "|"}',
  '{"encoding": "GB18030", "escape": "\\"}',
  '{"compression": "bzip2"}', '{"compression": null}',
  '{"lenient": "maybe"}', '{"on_error": "ignore"}', '{"on_error": true}',
  '{"max_rejects": -1}', '{"max_rejects": 1.5}', '{"max_rejects": "5"}', '{"max_rejects": 1e30}',
  '{"max_reject_percent": -0.1}', '{"max_reject_percent": 100.01}', '{"max_reject_percent": "1"}',
  '{"max_reject_percent": null}', '{"max_reject_percent": 1e400}',
  '{"on_failed_file": "skip"}', '{"on_new_column": "drop"}', '{"on_new_column": true}',
  '{"aliases": []}', '{"aliases": {"a": 1}}', '{"aliases": {"a": ""}}', '{"aliases": "a"}', '{"optional": "a"}',
  '{"optional": {"a": "b"}}', '{"optional": [1]}',
  '{"arrival": "mtime"}', '{"settle": -1}', '{"settle": "-1 s"}', '{"settle": "1 month"}', '{"settle": "soon"}',
  '{"settle": 1e300}', '{"settle": 1e400}', '{"settle": "infinity"}', '{"settle": "P1Y2M3DT4H"}',
  '{"settle": "99999999999999999999 days"}', '{"settle": ""}', '{"settle": "100000000 days"}', '{"settle": true}',
  '{"adopt": "what"}']) AS o;
SELECT count(*) FROM dap_internal.source_definition;

-- Each with a value that can be
SELECT o, dap.create_source('good_' || n, columns => '{a}', options => o::jsonb) FROM unnest(ARRAY[
  '{"delimiter": ";"}', '{"delimiter": "\t", "quote": "''", "escape": "\\"}', '{"quote": ""}', '{"header": false}',
  '{"header": "off"}', '{"null": "NULL"}', '{"null": "\\N"}',
  '{"encoding": "latin1"}', '{"encoding": "SJIS"}', '{"compression": "gzip"}', '{"compression": "zstd"}',
  '{"compression": "plain"}', '{"compression": "auto"}', '{"lenient": true}', '{"on_error": "stop"}',
  '{"max_rejects": 0}', '{"max_rejects": null}', '{"max_rejects": 9223372036854775807}', '{"max_reject_percent": 0}',
  '{"max_reject_percent": 100}', '{"max_reject_percent": 0.5}',
  '{"on_failed_file": "set_aside"}', '{"on_new_column": "ignore"}', '{"aliases": {"x": "a"}}', '{"optional": ["a"]}',
  '{"arrival": "name"}', '{"settle": 30}', '{"settle": "5 minutes"}', '{"settle": "1 day"}',
  '{"adopt": true}', '{}']) WITH ORDINALITY AS u(o, n);
SELECT pg_temp.raises($$SELECT dap.create_source('headless', options => '{"header": false}')$$);

-- An option of a call holds for that call and is kept
SELECT * FROM pg_temp.load('s', 'call', E'a;b\n1;2\n', '{"delimiter": ";"}');
SELECT path, options FROM dap.files;
SELECT * FROM pg_temp.load('s', 'next call', E'a;b\n3;4\n');
SELECT path, status, options FROM dap.files ORDER BY file_id;
SELECT options FROM dap_internal.source_definition WHERE source = 's';

-- NULL arguments, and names
SELECT pg_temp.raises($$SELECT dap.ingest_csv(NULL)$$);
SELECT pg_temp.raises($$SELECT dap.ingest_csv('nobody')$$);
SELECT pg_temp.raises($$SELECT dap.ingest_csv('s')$$);
SELECT pg_temp.raises($$SELECT dap.ingest_csv('s', '')$$);
SELECT pg_temp.raises($$SELECT dap.ingest_csv('s', '/nowhere/x.csv')$$);
SELECT pg_temp.raises($$SELECT dap.ingest_bytes('s', NULL, '')$$);
SELECT pg_temp.raises($$SELECT dap.ingest_bytes('s', '', '')$$);
SELECT pg_temp.raises($$SELECT dap.ingest_bytes('s', repeat('n', 2001), '')$$);
SELECT pg_temp.raises($$SELECT dap.ingest_bytes('s', 'f', NULL)$$);
SELECT pg_temp.raises($$SELECT dap.ingest_largeobject('s', 'f', NULL)$$);
SELECT pg_temp.raises($$SELECT dap.ingest_largeobject('s', 'f', 0)$$);
SELECT status, path FROM dap.ingest_bytes('s', 'no options', 'a,b', NULL);
BEGIN READ ONLY;
SELECT dap.ingest_bytes('s', 'f', '');
ROLLBACK;

SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging CASCADE;
CREATE EXTENSION dap_analytics;

