-- Records: what is data, what is NULL, what is rejected, and when a file fails.
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

SELECT dap.create_source('s', columns => '{a,b}');
CREATE FUNCTION pg_temp.rejected(name text)
  RETURNS TABLE (line bigint, byte_offset bigint, column_name text, reason text, message text, raw text,
  raw_length bigint)
LANGUAGE sql AS $$ SELECT r.line, r.byte_offset, r.column_name, r.reason, r.message, encode(r.raw, 'escape'),
  r.raw_length
  FROM dap.rejects AS r WHERE r.path = name ORDER BY r.reject_id $$;
CREATE FUNCTION pg_temp.records(name text) RETURNS TABLE (line bigint, a text, b text)
LANGUAGE sql AS $$ SELECT s._line, coalesce('<' || replace(replace(s.a, E'\r', '\r'), E'\n', '\n') || '>', 'NULL'),
  coalesce('<' || replace(replace(s.b, E'\r', '\r'), E'\n', '\n') || '>', 'NULL')
  FROM staging.s AS s JOIN dap.files AS f ON f.file_id = s._file_id WHERE f.path = name ORDER BY s._line $$;

-- NULL and empty, blanks, quotes, line ends within quotes, a backslash and a dot
SELECT * FROM pg_temp.load('s', 'values',
  E'a,b\n1,\n2,""\n3," "\n4, x \n5,"a ""b"" c"\n6,"x\ny\r\nz"\n\\.,\\N\n"\\.",x\n\n  \n8,NULL\n,\n"",\n9,last');
SELECT * FROM pg_temp.records('values');
SELECT * FROM pg_temp.rejected('values');
-- LF and CRLF mixed; a bare CR is a reject
SELECT * FROM pg_temp.load('s', 'ends', E'a,b\r\n1,x\n2,y\r\n\r\n3,z\r4,z\n5,"\r"\n6,u\r\r\n7,v\n');
SELECT * FROM pg_temp.records('ends');
SELECT * FROM pg_temp.rejected('ends');
-- CR alone, where the header says so
SELECT * FROM pg_temp.load('s', 'cr', E'a,b\r1,x\r2,"y\r"\r\r3,z\n\r4,u\r');
SELECT * FROM pg_temp.records('cr');
SELECT * FROM pg_temp.rejected('cr');
-- A byte order mark, once
SELECT status, reason, rows_read FROM dap.ingest_bytes('s', 'bom', '\xefbbbf' || convert_to(E'a,b\n1,2\n', 'UTF8'));
SELECT status, reason, rows_read
FROM dap.ingest_bytes('s', 'boms', '\xefbbbfefbbbf' || convert_to(E'a,b\n1,2\n', 'UTF8'));
SELECT status, reason, rows_read
FROM dap.ingest_bytes('s', 'bom quoted', '\xefbbbf' || convert_to(E'"a","b"\n1,3\n', 'UTF8'));
-- and a mark that is data, in a record
SELECT status, reason, rows_loaded
FROM dap.ingest_bytes('s', 'bom within', convert_to(E'a,b\n', 'UTF8') || '\xefbbbf' || convert_to('1,', 'UTF8')
  || '\xefbbbf' || convert_to(E'\n', 'UTF8'));
SELECT encode(convert_to(a, 'UTF8'), 'hex') AS a, encode(convert_to(b, 'UTF8'), 'hex') AS b FROM staging.s AS s
JOIN dap.files AS f ON f.file_id = s._file_id WHERE f.path = 'bom within';
-- Nothing at all, and next to nothing
SELECT * FROM pg_temp.load('s', 'empty', '');
SELECT * FROM pg_temp.load('s', 'newlines', E'\n\n');
SELECT * FROM pg_temp.load('s', 'header only', 'a,b');
SELECT * FROM pg_temp.load('s', 'header and empty lines', E'\na,b\n\n\n');
SELECT * FROM pg_temp.load('s', 'one', E'\n\na,b\n\n1,2');
SELECT * FROM pg_temp.records('one');
-- UTF-16, UTF-32, an open quote
SELECT status, reason FROM dap.ingest_bytes('s', 'utf16le', '\xfffe61002c0062000a00');
SELECT status, reason FROM dap.ingest_bytes('s', 'utf16be', '\xfeff0061002c0062000a');
SELECT status, reason FROM dap.ingest_bytes('s', 'utf32le', '\xfffe0000610000002c000000620000000a000000');
SELECT status, reason FROM dap.ingest_bytes('s', 'utf32be', '\x0000feff000000610000002c000000620000000a');
SELECT name, status, reason FROM (VALUES ('utf16le without mark', '\x61002c0062000a003100'::bytea),
  ('utf16be without mark', '\x0061002c0062000a0031'), ('utf32le without mark', '\x610000002c000000620000000a000000'),
  ('utf32be without mark', '\x000000610000002c000000620000000a'), ('utf16le mark alone', '\xfffe'),
  ('utf16le beyond ASCII', '\xfffe04040a00')) AS v(name, content), LATERAL dap.ingest_bytes('s', name, content);
SELECT * FROM pg_temp.load('s', 'open', E'a,b\n1,2\n3,"4\n5,6\n');
SELECT status, reason, rows_read, rows_loaded, rows_rejected FROM dap.files WHERE path = 'open';
SELECT count(*) FROM pg_temp.records('open');

-- One column: an empty line is an empty value
SELECT dap.create_source('one', columns => '{a}');
SELECT * FROM pg_temp.load('one', 'one column', E'a\n1\n\n""\n\n2');
SELECT _line, coalesce('<' || a || '>', 'NULL') FROM staging.one ORDER BY _line;

-- Dialects
SELECT * FROM pg_temp.load('s', 'tabs', E'a\tb\n1\t\\N\n2\t''it\\''s''\n3\t""\n',
  '{"delimiter": "\t", "quote": "''", "escape": "\\", "null": "\\N"}');
SELECT * FROM pg_temp.records('tabs');
SELECT * FROM pg_temp.load('s', 'unquoted', E'a,b\n"1","2"\n', '{"quote": ""}');
SELECT * FROM pg_temp.records('unquoted');
SELECT * FROM pg_temp.load('s', 'null', E'a,b\nnull,"null"\nNULL,\n', '{"null": "null"}');
SELECT * FROM pg_temp.records('null');
SELECT * FROM pg_temp.load('s', 'strict', E'a,b\n1,x"y\n2,"x"y\n3,"x" \n4,z\n5,a"b"\n');
SELECT * FROM pg_temp.records('strict');
SELECT * FROM pg_temp.rejected('strict');
SELECT * FROM pg_temp.load('s', 'lenient', E'a,b\n1,x"y\n2,"x"y\n3,"x" \n4,z\n5,a"b"\n',
  '{"lenient": true, "again": true}');
SELECT * FROM pg_temp.records('lenient');
SELECT * FROM pg_temp.rejected('lenient');
-- Values as a person reads them; a broken quote swallows no line that stands whole, and what has another width then is
-- a reject
SELECT * FROM pg_temp.load('s', 'lenient values',
  E'a,b\n1,"yogurt "Alma" 3.5%"\n2,"nails 4" long"\n3,"say ""hi"" twice"\n4,""u"\n5,""hi""\n6,"two "l"\nines"\n',
  '{"lenient": true}');
SELECT * FROM pg_temp.records('lenient values');
-- Text after a closing quote: the field stands as it is where no quote of its line closes it and the width is right
-- then
SELECT * FROM pg_temp.load('s', 'lenient bare',
  E'a,b\n"Best" wine,2\n3,4\n5,"x"y\n"Old" ale,"x" \n"7","8"\n9,"\n10,"x"\n"p, q" '
  'r,11\n"12",13\n"s"t,14,15\n16,17\n"u" v,18', '{"lenient": true}');
SELECT * FROM pg_temp.records('lenient bare');
SELECT * FROM pg_temp.rejected('lenient bare');
-- A record of several lines that begins with such a line may be several: it is a reject
SELECT * FROM pg_temp.load('s', 'lenient merged', E'a,b\n1,"x"y\n2,"\n"3",4\n5,"p"q\nr\ns"\n7,"t\n"u"v"\n',
  '{"lenient": true}');
SELECT * FROM pg_temp.records('lenient merged');
SELECT * FROM pg_temp.rejected('lenient merged');
SELECT * FROM pg_temp.load('s', 'lenient swallows',
  E'a,b\n1,"\n2,"x"\n3,"5,"x, y",z\n4,"p"q,"r"\n5,"a\n6,7\n8,9\n"\n"10","11"\n', '{"lenient": true}');
SELECT * FROM pg_temp.records('lenient swallows');
SELECT * FROM pg_temp.rejected('lenient swallows');
SELECT * FROM pg_temp.load('s', 'strict swallows',
  E'a,b\r\n1,"\r\n2,"x"\r\n3,"y""\r\n4,5\r\n6,"z"\r\n7,8"\r\n"9\r\n10","11\r\n12,13"\r\n');
SELECT * FROM pg_temp.records('strict swallows');
SELECT * FROM pg_temp.rejected('strict swallows');
-- A null text is compared in the file's encoding
SELECT status, rows_loaded FROM dap.ingest_bytes('s', 'latin null', '\x612c620a312ce90a322cfc0a',
  '{"encoding": "LATIN1", "null": "é"}');
SELECT * FROM pg_temp.records('latin null');

-- Encodings: bytes that are none, and that are another's
SELECT status, reason, rows_read, rows_loaded, rows_rejected
FROM dap.ingest_bytes('s', 'utf8', '\x612c620a312cc3a90a322cff0a332ceda0800a342cf09f98800a352cc0af0a');
SELECT * FROM pg_temp.records('utf8');
SELECT * FROM pg_temp.rejected('utf8');
SELECT status, reason, rows_loaded
FROM dap.ingest_bytes('s', 'latin1', '\x612c620a312ce9ff0a', '{"encoding": "LATIN1"}');
SELECT * FROM pg_temp.records('latin1');
SELECT status, reason, rows_loaded, rows_rejected
FROM dap.ingest_bytes('s', 'sjis', '\x612c620a312c93fa967b0a322c835c835c0a332c820a342cff0a', '{"encoding": "SJIS"}');
SELECT * FROM pg_temp.records('sjis');
SELECT * FROM pg_temp.rejected('sjis');
SELECT status, reason, rows_loaded, rows_rejected
FROM dap.ingest_bytes('s', 'gb18030', '\x612c620a312cc4e3bac30a322c8130813020fe0a332c8140225c0a',
  '{"encoding": "GB18030"}');
SELECT * FROM pg_temp.records('gb18030');
SELECT * FROM pg_temp.rejected('gb18030');
SELECT status, reason, rows_loaded, rows_rejected
FROM dap.ingest_bytes('s', 'win1252', '\x612c620a312c800a322c810a', '{"encoding": "WIN1252"}');
SELECT * FROM pg_temp.records('win1252');
SELECT * FROM pg_temp.rejected('win1252');
-- No encoding is no way around the database's
SELECT status, reason, rows_loaded, rows_rejected
FROM dap.ingest_bytes('s', 'sql_ascii', '\x612c620a312cff0a322cc3a90a', '{"encoding": "SQL_ASCII"}');
SELECT * FROM pg_temp.records('sql_ascii');
-- A long field grows when it is converted
SELECT status, reason, rows_loaded
FROM dap.ingest_bytes('s', 'growth', '\x612c620a312c' || decode(repeat('e9', 100000), 'hex'), '{"encoding": "LATIN1"}');
SELECT length(b), octet_length(b) FROM staging.s AS s JOIN dap.files AS f ON f.file_id = s._file_id
WHERE f.path = 'growth';

-- Rejects: number of fields, NUL, sizes; raw bytes as they came
SELECT status, reason, rows_read, rows_loaded, rows_rejected
FROM dap.ingest_bytes('s', 'rejects', convert_to(E'a,b\n1\n2,"x",y\n', 'UTF8') || '\x332c61006262220a'
  || convert_to(E'"4\n4",x\n5,"u\nv",\n6,x\n', 'UTF8'));
SELECT * FROM pg_temp.records('rejects');
SELECT * FROM pg_temp.rejected('rejects');
SET dap.max_field_bytes = 10;
SET dap.max_record_bytes = 25;
SET dap.max_reject_bytes = 8;
SELECT * FROM pg_temp.load('s', 'sizes',
  E'a,b\n1,0123456789\n2,0123456789x\n3,"0123456789"\n4,"0123456789\nx"\n'
  '01234567,"0123456789",01234567890123456789\n6,x\n');
SELECT * FROM pg_temp.records('sizes');
SELECT * FROM pg_temp.rejected('sizes');
RESET dap.max_field_bytes;
RESET dap.max_record_bytes;
RESET dap.max_reject_bytes;

-- When a file fails: max_rejects, more than a percentage and more than 10, none good, on_error stop
CREATE FUNCTION pg_temp.mixed(good int, bad int) RETURNS text LANGUAGE sql AS $$
  SELECT E'a,b\n' || repeat(E'x\n', bad)
    || coalesce((SELECT string_agg(n || E',' || good || ' ' || bad || E'\n', '' ORDER BY n)
    FROM generate_series(1, good) AS n), '') $$;
SELECT v.*, l.* FROM (VALUES (1, 10), (1, 11), (989, 10), (989, 11), (1088, 11), (1089, 11), (1090, 11), (0, 1),
  (0, 0)) AS v(good, bad),
  LATERAL pg_temp.load('s', good || ' ' || bad, pg_temp.mixed(good, bad)) AS l;
SELECT * FROM pg_temp.load('s', 'percent', pg_temp.mixed(11, 11), '{"max_reject_percent": 50}');
SELECT * FROM pg_temp.load('s', 'percent 49', pg_temp.mixed(12, 12), '{"max_reject_percent": 49.9}');
SELECT * FROM pg_temp.load('s', 'percent 0', pg_temp.mixed(13, 10), '{"max_reject_percent": 0}');
SELECT * FROM pg_temp.load('s', 'percent 0 too', pg_temp.mixed(13, 11), '{"max_reject_percent": 0}');
SELECT * FROM pg_temp.load('s', 'percent 0.29', pg_temp.mixed(49855, 145), '{"max_reject_percent": 0.29}');
SELECT * FROM pg_temp.load('s', 'more than 0.29', pg_temp.mixed(49854, 146), '{"max_reject_percent": 0.29}');
SELECT * FROM pg_temp.load('s', 'all', pg_temp.mixed(0, 20), '{"max_reject_percent": 100}');
SELECT * FROM pg_temp.load('s', 'most 3', pg_temp.mixed(20, 3), '{"max_rejects": 3}');
SELECT * FROM pg_temp.load('s', 'most 3 of 4', pg_temp.mixed(20, 4), '{"max_rejects": 3}');
SELECT * FROM pg_temp.load('s', 'most 0', pg_temp.mixed(21, 1), '{"max_rejects": 0}');
SELECT * FROM pg_temp.load('s', 'stop', E'a,b\n1,2\nx"y,3\n5\n', '{"on_error": "stop"}');
SELECT * FROM pg_temp.rejected('stop');
SELECT status, count(*), bool_and(rows_read = coalesce(rows_loaded, 0) + rows_rejected) AS "sums for those loaded"
FROM dap.files WHERE status = 'loaded' GROUP BY 1;
-- rejects of every file are all there, and nothing of failed files is in the table
SELECT count(*) FROM dap.files AS f WHERE f.rows_rejected <> (SELECT count(*) FROM dap.rejects AS r
  WHERE r.file_id = f.file_id);
SELECT count(*) FROM dap.files AS f WHERE f.rows_loaded <> (SELECT count(*) FROM staging.s WHERE s._file_id = f.file_id)
  + (SELECT count(*) FROM staging.one AS s WHERE s._file_id = f.file_id);
-- kept of a failed file: the first dap.max_kept_rejects
SET dap.max_kept_rejects = 2;
SELECT * FROM pg_temp.load('s', 'kept', pg_temp.mixed(0, 5));
SELECT line FROM pg_temp.rejected('kept');
RESET dap.max_kept_rejects;
-- The failed file's rejects replace those of its earlier attempts, and go when it is loaded
SELECT * FROM pg_temp.load('s', 'kept', pg_temp.mixed(0, 3));
SELECT line FROM pg_temp.rejected('kept');
SELECT count(*) FROM dap.files WHERE path = 'kept';
SELECT * FROM pg_temp.load('s', 'kept', pg_temp.mixed(2, 1));
SELECT line FROM pg_temp.rejected('kept');
SELECT status, rows_loaded FROM dap.files WHERE path = 'kept';

-- A row that no page can hold
DO $$ BEGIN PERFORM dap.create_source('wide',
  columns => (SELECT array_agg('c' || n) FROM generate_series(1, 1000) AS n)); END $$;
CREATE FUNCTION pg_temp.wide(value text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(value, ',') || E'\n'
  FROM generate_series(1, 1000) $$;
SELECT * FROM pg_temp.load('wide', 'wide',
  (SELECT string_agg('c' || n, ',') || E'\n' FROM generate_series(1, 1000) AS n) || pg_temp.wide('"1"')
  || pg_temp.wide('"12345678"') || E'x\n' || pg_temp.wide(''));
SELECT line, byte_offset, reason, message, left(encode(raw, 'escape'), 30) AS raw, raw_length FROM dap.rejects
WHERE source = 'wide' ORDER BY reject_id;
SELECT _line, c1, c1000 FROM staging.wide ORDER BY _line;
-- Large values are kept whole, out of line
SELECT * FROM pg_temp.load('s', 'toast',
  E'a,b\n' || (SELECT string_agg(n || ',' || repeat(md5(n::text), 100 * n), E'\n') FROM generate_series(1, 30) AS n));
SELECT count(*) FROM staging.s AS s JOIN dap.files AS f ON f.file_id = s._file_id
WHERE f.path = 'toast'
  AND CASE WHEN s.a ~ '^[0-9]+$' AND length(s.b) > 1000 THEN s.b = repeat(md5(s.a), 100 * s.a::int) END;

SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging CASCADE;
CREATE EXTENSION dap_analytics;

