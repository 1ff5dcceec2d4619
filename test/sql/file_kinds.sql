-- Files that are no CSV are named, wherever they are met: archives, documents, databases, encodings of more bytes.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE SCHEMA staging;
RESET client_min_messages;
\getenv builddir PG_ABS_BUILDDIR
\set file :builddir '/file_kinds.csv'
SELECT set_config('file_kinds.file', :'file', false) IS NOT NULL AS set;
CREATE FUNCTION pg_temp.put(content bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE object oid := lo_from_bytea(0, content);
BEGIN
  PERFORM lo_export(object, current_setting('file_kinds.file'));
  PERFORM lo_unlink(object);
END $$;
-- What an error says
CREATE FUNCTION pg_temp.said(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
  EXECUTE statement;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN concat_ws(' ', SQLSTATE, regexp_replace(SQLERRM, '/[^"]*/', ''), '|', detail);
END $$;

CREATE TEMP TABLE kind (n integer GENERATED ALWAYS AS IDENTITY, name text, content bytea);
INSERT INTO kind (name, content) VALUES
  ('zip', '\x504b0304140000000800767c7c5d5ca94dc9130000001100000009000000'::bytea || convert_to('sales.csv', 'UTF8')
    || '\xcb4cd149'::bytea),
  ('workbook', '\x504b0304140000000800767c7c5dc71c173c0a0000000800000013000000'::bytea
    || convert_to('[Content_Types].xml', 'UTF8') || '\xb3c9a92c'::bytea),
  ('old workbook', '\xd0cf11e0a1b11ae10000'),
  ('bzip2', '\x425a683931415926535947a1b2c3'), ('xz', '\xfd377a585a000004'), ('7z', '\x377abcaf271c0004'),
  ('pdf', convert_to(E'%PDF-1.4\n1 0 obj\n<<>>\n', 'UTF8')),
  ('html', convert_to(E'<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n', 'UTF8')),
  ('parquet', '\x504152311504150a'), ('orc', '\x4f52430803100a'),
  ('avro', '\x4f626a0104'::bytea || convert_to('avro.codec', 'UTF8')),
  ('sqlite', convert_to('SQLite format 3', 'UTF8') || '\x001000'::bytea),
  ('utf16 with a mark', '\xfffe690064000a003100'), ('utf16', '\x7a017200f30064002c0078000d000a0031002c0035000d000a00'),
  ('utf16 big-endian', '\x017a007200f300640042000a0031000a'),
  ('utf32', '\x690000002c000000640000000a000000'), ('utf32 big-endian', '\x000000690000002c000000640000000a'),
  -- and what is one, though it begins so
  ('text PK', convert_to(E'PK,amount\n1,2\n', 'UTF8')), ('text BZh', convert_to(E'BZh91AY,amount\n1,2\n', 'UTF8')),
  ('text html', convert_to(E'<html>,amount\n<p>,2\n', 'UTF8')),
  ('text pdf', convert_to(E'%PDF-1.4,amount\n1,2\n', 'UTF8')), ('text PAR1', convert_to(E'PAR1,amount\n1,2\n', 'UTF8')),
  ('text ORC', convert_to(E'ORC,amount\n1,2\n', 'UTF8')),
  ('text NUL', '\x612c620a312c000a322c330a');

SELECT dap.create_source('s', NULL, '{a,b}', '{"header": false, "max_reject_percent": 50}');
SELECT k.name, i.status, i.rows_loaded, i.reason FROM kind k, LATERAL dap.ingest_bytes('s', k.name, k.content) i
ORDER BY n;
SELECT count(*) FROM staging.s;
-- Looked into, taken for columns, read as a set: by file
CREATE FUNCTION pg_temp.at_file(content bytea, OUT notes text, OUT first_file text, OUT read_csv text)
  LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.put(content);
  SELECT concat_ws(' ', array_to_string(s.notes, ' | '), s.header, s.records, s.create_source) INTO notes
  FROM dap.sniff_csv(current_setting('file_kinds.file')) s;
  first_file := pg_temp.said(format('SELECT dap.create_source(''first'', %L)', current_setting('file_kinds.file')));
  read_csv := pg_temp.said(format('SELECT * FROM dap.read_csv(%L) AS t(id text)', current_setting('file_kinds.file')));
END $$;
\x on
\pset format unaligned
SELECT k.name, f.* FROM kind k, LATERAL pg_temp.at_file(k.content) f WHERE k.name NOT LIKE 'text%' ORDER BY n;
\pset format aligned
\x off
SELECT count(*) FROM dap.files WHERE source = 'first';
SELECT pg_temp.put(content) FROM kind WHERE name = 'html';
SELECT status, reason FROM dap.ingest_csv('s', :'file', '{"again": true}');
-- The same content again fails at once, and an option does not make a text of it
SELECT status, reason FROM dap.ingest_bytes('s', 'again', (SELECT content FROM kind WHERE name = 'zip'));
SELECT status, reason FROM dap.ingest_bytes('s', 'latin', (SELECT content FROM kind WHERE name = 'zip'),
  '{"encoding": "LATIN1"}');
-- Compressed twice, or against the option
SELECT status, reason FROM dap.ingest_bytes('s', 'gzip', '\x1f8b0800000000000003', '{"compression": "plain"}');
SELECT status, reason FROM dap.ingest_bytes('s', 'zstd', '\x28b52ffd0458', '{"compression": "plain"}');
SELECT name, status FROM (SELECT path AS name, status FROM dap.files) f WHERE status = 'loaded' ORDER BY 1;
