-- Rejects, read again after a correction and exported.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE SCHEMA staging;
CREATE SCHEMA intermediate;
RESET client_min_messages;
CREATE FUNCTION pg_temp.load(source text, name text, content bytea, options jsonb DEFAULT '{}',
  OUT status text, OUT reason text, OUT read bigint, OUT loaded bigint, OUT rejected bigint)
LANGUAGE sql AS $$ SELECT r.status, r.reason, r.rows_read, r.rows_loaded, r.rows_rejected
  FROM dap.ingest_bytes(source, name, content, options) AS r $$;
CREATE FUNCTION pg_temp.load(source text, name text, content text, options jsonb DEFAULT '{}',
  OUT status text, OUT reason text, OUT read bigint, OUT loaded bigint, OUT rejected bigint)
LANGUAGE sql AS $$ SELECT * FROM pg_temp.load(source, name, convert_to(content, 'UTF8'), options) $$;
CREATE FUNCTION pg_temp.id(name text) RETURNS integer LANGUAGE sql AS $$ SELECT max(file_id) FROM dap.files
  WHERE path = name $$;
-- The last file of a name by its ledger, its reject lines and its rows: the three agree
CREATE FUNCTION pg_temp.ledger(name text, OUT read bigint, OUT loaded bigint, OUT rejected bigint,
  OUT reject_lines bigint, OUT balanced boolean)
LANGUAGE sql AS $$ SELECT f.rows_read, f.rows_loaded, f.rows_rejected,
  (SELECT count(*) FROM dap.rejects r WHERE r.file_id = f.file_id AND r.stage = 'ingest'),
  f.rows_read = f.rows_loaded + f.rows_rejected FROM dap.files f WHERE f.file_id = pg_temp.id(name) $$;
CREATE FUNCTION pg_temp.retry(name text, options jsonb DEFAULT '{}', OUT same_file boolean, OUT retried bigint,
  OUT loaded bigint, OUT still bigint, OUT status text, OUT reason text)
LANGUAGE sql AS $$ SELECT r.file_id = pg_temp.id(name), r.retried, r.loaded, r.still_rejected, r.status, r.reason
  FROM dap.retry_rejects(pg_temp.id(name), options) AS r $$;
CREATE FUNCTION pg_temp.raises(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
  EXECUTE statement;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;

-- Quotes in unquoted fields: the file's columns in another order than the table's, original lines kept
SELECT dap.create_source('goods', columns => '{id,size,name}');
SELECT * FROM pg_temp.load('goods', 'g1',
  E'name,id,size\npipe,1,5" wide\nbolt,2,3\n"x"y,3,\nnut,4\n"two\nlines",5,7\n');
SELECT line, column_name, reason FROM dap.rejects ORDER BY line;
-- Nothing was corrected: nothing changes
SELECT change_id AS before FROM dap_internal.file_ledger \gset
SELECT * FROM pg_temp.retry('g1');
SELECT change_id = :before AS unchanged FROM dap_internal.file_ledger;
-- For this call
SELECT * FROM pg_temp.retry('g1', '{"lenient": true}');
SELECT change_id > :before AS changed, options FROM dap_internal.file_ledger;
SELECT _line, _file_id = pg_temp.id('g1') AS file, id, size, name FROM staging.goods ORDER BY _line;
SELECT * FROM pg_temp.ledger('g1');
SELECT line, reason, message FROM dap.rejects;
-- Twice is once
SELECT * FROM pg_temp.retry('g1', '{"lenient": true}');
SELECT count(*) FROM staging.goods;

-- By the source's definition
SELECT * FROM pg_temp.load('goods', 'g2', E'id,size,name\n6,5" wide,a\n7,,b\n');
SELECT * FROM pg_temp.retry('g2');
SELECT dap.create_source('goods', options => '{"lenient": true}', or_replace => true);
SELECT * FROM pg_temp.retry('g2');
SELECT * FROM pg_temp.ledger('g2');
SELECT * FROM pg_temp.load('goods', 'g2', E'id,size,name\n6,5" wide,a\n7,,b\n');

-- A part of what lenient reads over lines is no record: what begins in line 3 would be one by itself, but may stand in
-- the value that line 2 opens
SELECT dap.create_source('pairs', columns => '{a,b}', options => '{"max_reject_percent": 100}');
SELECT * FROM pg_temp.load('pairs', 'q1', E'a,b\n1,"x" y\nx"y,"b\nc"\n3,4\n5,6"\n');
SELECT line, reason, raw_length FROM dap.rejects WHERE file_id = pg_temp.id('q1') ORDER BY line;
SELECT * FROM pg_temp.retry('q1', '{"lenient": true}');
SELECT _line, a, b FROM staging.pairs ORDER BY _line;
SELECT * FROM pg_temp.load('pairs', 'q1 lenient', E'a,b\n1,"x" y\nx"y,"b\nc"\n3,4\n5,6"\n\n', '{"lenient": true}');
SELECT _line, a, b FROM staging.pairs WHERE _file_id = pg_temp.id('q1 lenient') ORDER BY _line;
-- What stands as it is since no quote of its line closes it is a record in the file, but where another line's quote
-- closes it
SELECT dap.create_source('wines', columns => '{a,b}', options => '{"max_reject_percent": 100}');
SELECT * FROM pg_temp.load('wines', 'q4', E'a,b\n"Best" wine,1\n2,3\n4,"x" y\nz\nw"\n5,6\n');
SELECT * FROM pg_temp.retry('q4', '{"lenient": true}');
SELECT _line, a, b FROM staging.wines ORDER BY _line;
\getenv builddir PG_ABS_BUILDDIR
\set wines_file :builddir '/retry_wines.csv'
COPY (VALUES ('a,b'), ('"Best" wine,1'), ('2,3'), ('4,"x" y'), ('z'), ('w"'), ('5,7')) TO :'wines_file' (FORMAT csv,
  QUOTE E'\x01', DELIMITER E'\x02');
SELECT status, rows_read, rows_loaded, rows_rejected FROM dap.ingest_csv('wines', :'wines_file');
SELECT retried, loaded, still_rejected
FROM dap.retry_rejects((SELECT max(file_id) FROM dap.files), '{"lenient": true}');
SELECT _line, a, b FROM staging.wines WHERE _file_id = (SELECT max(file_id) FROM dap.files) ORDER BY _line;
-- The header's names stay those that were loaded, whatever the correction makes of its quotes and bytes
SELECT * FROM pg_temp.load('pairs', 'q2', E'"a","b"\n5,6"\n7,8\n');
SELECT * FROM pg_temp.retry('q2', '{"quote": ""}');
SELECT dap.create_source('orte', columns => '{"größe",b}', options => '{"max_reject_percent": 100}');
SELECT * FROM pg_temp.load('orte', 'q3', convert_to(E'größe,b\n1,M', 'UTF8') || '\xfc'::bytea
  || convert_to(E'nchen\n2,x\n', 'UTF8'));
SELECT * FROM pg_temp.retry('q3', '{"encoding": "LATIN1"}');
SELECT _line, "größe", b FROM staging.orte ORDER BY _line;

-- Encoding; the reason follows the reading
SELECT dap.create_source('towns', columns => '{id,town}');
SELECT * FROM pg_temp.load('towns', 't1', convert_to(E'id,town\n1,K', 'LATIN1') || '\xf6'::bytea
  || convert_to(E'ln\n2,Bonn\n3,M', 'LATIN1') || '\xfc'::bytea || convert_to(E'nchen,x\n', 'LATIN1'));
SELECT line, column_name, reason FROM dap.rejects WHERE file_id = pg_temp.id('t1') ORDER BY line;
SELECT * FROM pg_temp.retry('t1', '{"encoding": "LATIN1"}');
SELECT _line, id, town FROM staging.towns ORDER BY _line;
SELECT line, column_name, reason FROM dap.rejects WHERE file_id = pg_temp.id('t1') ORDER BY line;
-- An alias does not disturb; a header that does not fit the source any more does
SELECT dap.create_source('towns', columns => '{id,city}', or_replace => true);
SELECT dap.create_source('towns', columns => '{id,town,land}', or_replace => true);
SELECT pg_temp.raises($$SELECT pg_temp.retry('t1', '{"encoding": "LATIN1"}')$$);
SELECT * FROM pg_temp.retry('t1', '{"encoding": "LATIN1", "optional": ["land"]}');

-- Quotes that are data: without quotes each line is a record still
SELECT dap.create_source('inches', columns => '{id,size}');
SELECT * FROM pg_temp.load('inches', 'i1', E'id,size\n1,"5" wide\n2,"3"\n3,"4"x"\n');
SELECT * FROM pg_temp.retry('i1', '{"quote": ""}');
SELECT _line, id, size FROM staging.inches ORDER BY _line;

-- Without a header, by position; a byte order mark within the file is data
SELECT dap.create_source('plain', columns => '{a,b}', options => '{"header": false, "max_reject_percent": 100}');
SELECT * FROM pg_temp.load('plain', 'p1', E'1,x\n\uFEFF2"y,z\n3"a,b\n');
SELECT * FROM pg_temp.retry('p1', '{"lenient": true}');
SELECT _line, encode(convert_to(a, 'UTF8'), 'hex') AS bytes, b FROM staging.plain ORDER BY _line;
-- One column: an empty line is a record there
SELECT dap.create_source('lines', columns => '{l}');
SELECT * FROM pg_temp.load('lines', 'l1', E'l\na"b\n\nc\n');
SELECT * FROM pg_temp.retry('l1', '{"lenient": true}');
SELECT _line, l FROM staging.lines ORDER BY _line;

-- NUL bytes stay rejected; records that were cut off are not read again
SET dap.max_reject_bytes = 64;
SELECT * FROM pg_temp.load('lines', 'l2',
  '\x6c0a610062000a'::bytea || convert_to('long"' || repeat('x', 100) || E'\nshort"\ngood\n', 'UTF8'));
RESET dap.max_reject_bytes;
SELECT line, reason, length(raw), raw_length FROM dap.rejects WHERE file_id = pg_temp.id('l2') ORDER BY line;
SELECT * FROM pg_temp.retry('l2', '{"lenient": true}');
SELECT * FROM pg_temp.ledger('l2');

-- Another quote or escape may move the ends of records: the file itself is read again, and has to be there
SELECT dap.create_source('escaped', columns => '{id,note}');
SELECT * FROM pg_temp.load('escaped', 'e1', E'id,note\n1,"a\\"b"\n2,c\n');
SELECT pg_temp.raises($$SELECT pg_temp.retry('e1', '{"escape": "\\"}')$$);
\getenv builddir PG_ABS_BUILDDIR
\set escaped_file :builddir '/retry_escaped.csv'
-- Once the escape is known the quote in line 3 is not closed, and line 4 stands whole
COPY (VALUES ('id,note'), ('1,"a\"b"'), ('2,"x\", y'), ('3,"in the note\" of 2"'), ('4,d'),
  ('5,e')) TO :'escaped_file' (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
SELECT status, rows_read, rows_loaded, rows_rejected FROM dap.ingest_csv('escaped', :'escaped_file');
SELECT line, reason, raw FROM dap.rejects WHERE file_id = (SELECT max(file_id) FROM dap.files) ORDER BY line;
SELECT retried, loaded, still_rejected FROM dap.retry_rejects((SELECT max(file_id) FROM dap.files), '{"escape": "\\"}');
SELECT _line, id, note FROM staging.escaped ORDER BY _file_id, _line;
SELECT line, reason FROM dap.rejects WHERE file_id = (SELECT max(file_id) FROM dap.files) ORDER BY line;
-- and hold the same bytes
SET client_min_messages = warning;
COPY (VALUES ('id,note'), ('1,"a\"c"'), ('4,d')) TO :'escaped_file' (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
SELECT status, rows_read, rows_loaded, rows_rejected FROM dap.ingest_csv('escaped', :'escaped_file');
COPY (VALUES ('id,note'), ('1,"a\"d"'), ('4,d')) TO :'escaped_file' (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
\set VERBOSITY terse
RESET client_min_messages;
SELECT dap.retry_rejects((SELECT max(file_id) FROM dap.files), '{"escape": "\\"}');
\set VERBOSITY default

-- A failed file is loaded from its path
\set failed_file :builddir '/retry_failed.csv'
COPY (VALUES ('id,note'), ('1,a"'), ('2,"b" ')) TO :'failed_file' (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
SELECT status, rows_read, rows_rejected FROM dap.ingest_csv('escaped', :'failed_file');
SELECT max(file_id) AS failed FROM dap.files \gset
SELECT status FROM dap.ingest_csv('escaped', :'failed_file');
SELECT file_id > :failed AS new, retried, loaded, still_rejected, status, regexp_replace(reason, '^.*/', '') AS reason
FROM dap.retry_rejects(:failed);
SELECT pg_temp.raises(format('SELECT dap.retry_rejects(%s)', :failed));
SELECT max(file_id) AS failed FROM dap.files \gset
SELECT file_id > :failed AS new, retried, loaded, still_rejected, status, reason
FROM dap.retry_rejects(:failed, '{"lenient": true}');
SELECT f.status, f.rows_loaded, f.options, (SELECT count(*) FROM dap.rejects r WHERE r.file_id = f.file_id) AS rejects
FROM dap.files f WHERE path = :'failed_file';
SELECT * FROM pg_temp.load('lines', 'bad', E'l\na"\n');
SELECT pg_temp.raises($$SELECT pg_temp.retry('bad')$$);
-- A client's name is no path, whatever it looks like: what the server has there is not read
SELECT * FROM pg_temp.load('lines', '/etc/hostname', E'l\nname"\n');
SELECT pg_temp.raises($$SELECT pg_temp.retry('/etc/hostname')$$);

-- A table that is not plain: constraints hold, messages do not tell values
ALTER TABLE staging.inches ADD CONSTRAINT no_sevens CHECK (size <> '7"');
SELECT * FROM pg_temp.load('inches', 'i2', E'id,size\n1,7"\n2,x"\n3,8\n');
SELECT pg_temp.raises($$SELECT pg_temp.retry('i2', '{"lenient": true}')$$);
SELECT * FROM pg_temp.ledger('i2');
ALTER TABLE staging.inches DROP CONSTRAINT no_sevens, ADD CHECK (size <> '9');
SELECT * FROM pg_temp.retry('i2', '{"lenient": true}');
SELECT * FROM pg_temp.ledger('i2');
SELECT i._line, i.id, i.size FROM staging.inches i WHERE i._file_id = pg_temp.id('i2') ORDER BY i._line;

-- Clean models see what came back
SELECT dap.create_clean_model('goods_clean', 'goods',
  '[{"name": "id", "type": "bigint"}, {"name": "name", "type": "text"}]', '{id}');
CREATE SCHEMA analytics;
SELECT action, rows_in FROM dap.refresh_intermediate() WHERE object = 'intermediate.goods_clean';
SELECT * FROM pg_temp.load('goods', 'g3', E'id,size,name\n8,1,c\n9,1"x,d\n', '{"lenient": false}');
SELECT action, rows_in FROM dap.refresh_intermediate() WHERE object = 'intermediate.goods_clean';
SELECT action FROM dap.refresh_intermediate() WHERE object = 'intermediate.goods_clean';
SELECT * FROM pg_temp.retry('g3');
SELECT action, rows_in, rows_inserted FROM dap.refresh_intermediate() WHERE object = 'intermediate.goods_clean';
SELECT id, name FROM intermediate.goods_clean ORDER BY id DESC LIMIT 2;
SELECT action FROM dap.refresh_intermediate() WHERE object = 'intermediate.goods_clean';

-- Many, beyond a batch
SELECT * FROM pg_temp.load('goods', 'many',
  E'id,size,name\n' || (SELECT string_agg(n || ',' || CASE n % 3 WHEN 0 THEN '1"' ELSE '1' END || ',n' || n, E'\n')
  FROM generate_series(1, 9000) n),
  '{"lenient": false, "max_reject_percent": 100}');
SELECT * FROM pg_temp.retry('many');
SELECT * FROM pg_temp.ledger('many');
SELECT count(*), count(DISTINCT _line), bool_and(_line = id::integer + 1) AS lines FROM staging.goods
WHERE _file_id = pg_temp.id('many');

-- Errors
SELECT pg_temp.raises($$SELECT dap.retry_rejects(NULL)$$);
SELECT pg_temp.raises($$SELECT dap.retry_rejects(999999)$$);
SELECT pg_temp.raises($$SELECT dap.retry_rejects(1, '{"limit": 1}')$$);
UPDATE dap_internal.file_ledger SET status = 'unloaded' WHERE path = 'g1';
SELECT pg_temp.raises($$SELECT pg_temp.retry('g1')$$);
UPDATE dap_internal.file_ledger SET status = 'dismissed' WHERE path = 'g1';
SELECT pg_temp.raises($$SELECT pg_temp.retry('g1')$$);
UPDATE dap_internal.file_ledger SET status = 'archived' WHERE path = 'g1';
SELECT pg_temp.raises($$SELECT pg_temp.retry('g1')$$);
UPDATE dap_internal.file_ledger SET status = 'loaded' WHERE path = 'g1';

-- Privileges: as loading
CREATE ROLE regress_retry;
SET ROLE regress_retry;
SELECT pg_temp.raises($$SELECT dap.retry_rejects(1)$$);
SELECT pg_temp.raises($$SELECT dap.export_rejects()$$);
RESET ROLE;
SELECT dap.grant_access('regress_retry', 'operator');
SET ROLE regress_retry;
SELECT file_id, still_rejected FROM dap.retry_rejects(1);
SELECT count(*) > 0 AS exported FROM dap.export_rejects();
RESET ROLE;
REVOKE INSERT ON staging.goods FROM regress_retry;
SET ROLE regress_retry;
SELECT pg_temp.raises($$SELECT dap.retry_rejects(1)$$);
RESET ROLE;

-- A line of another encoding is a reject like others, not another kind of file: what follows it, and spans lines, is
-- known to begin by itself
SELECT dap.create_source('wide', columns => '{a,b}', options => '{"max_reject_percent": 100}');
SELECT * FROM pg_temp.load('wide', 'w1', convert_to(E'a,b\n1,2\n', 'UTF8') || '\x31002c0078000a'::bytea
  || convert_to(E'5" x,"two\nlines"\n', 'UTF8'));
SELECT line, reason, raw FROM dap.rejects WHERE file_id = pg_temp.id('w1') ORDER BY line;
SELECT * FROM pg_temp.retry('w1', '{"lenient": true}');
SELECT _line, a, b FROM staging.wide ORDER BY _line;
SELECT line, reason FROM dap.rejects WHERE file_id = pg_temp.id('w1');

-- A column that the header names comes with the first record that is good, not before
SELECT dap.create_source('narrow', columns => '{a}',
  options => '{"on_new_column": "ignore", "max_reject_percent": 100}');
SELECT * FROM pg_temp.load('narrow', 'n1', E'a,b\n1,2\n3,x"y\n');
SELECT * FROM pg_temp.retry('n1', '{"on_new_column": "add"}');
TABLE staging.narrow;
SELECT * FROM pg_temp.retry('n1', '{"on_new_column": "add", "lenient": true}');
SELECT _line, a, b FROM staging.narrow ORDER BY _line;

-- What may be several records may be so as well where CR ends the file's lines
SELECT * FROM pg_temp.load('wines', 'q5', E'a,b\r1,"x"y\rz"\r2,3\r', '{"lenient": true}');
SELECT * FROM pg_temp.retry('q5', '{"lenient": true}');
SELECT line, reason, raw FROM dap.rejects WHERE file_id = pg_temp.id('q5');

-- Exported: to be read, and byte for byte
SELECT line, stage, object, column_name, reason, record, raw, raw_length FROM dap.export_rejects(pg_temp.id('t1'));
SELECT line, reason, record, raw FROM dap.export_rejects(pg_temp.id('l2')) WHERE reason = 'nul_byte';
SELECT pg_temp.raises($$SELECT dap.export_rejects(999999)$$);
\set export_file :builddir '/retry_export.csv'
COPY (SELECT * FROM dap.export_rejects()) TO :'export_file' (FORMAT csv, HEADER);
CREATE TEMP TABLE back AS SELECT * FROM dap.export_rejects() LIMIT 0;
COPY back FROM :'export_file' (FORMAT csv, HEADER MATCH);
SELECT count(*) > 5 AS some, count(*) = (SELECT count(*) FROM dap.rejects) AS every_one FROM back;
SELECT count(*) FROM (TABLE back EXCEPT ALL SELECT * FROM dap.export_rejects()) AS differing;
SELECT count(*) FROM back b
WHERE NOT EXISTS (SELECT FROM dap.rejects r WHERE r.file_id = b.file_id AND r.byte_offset = b.byte_offset
  AND r.raw = b.raw);

SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging, intermediate, analytics CASCADE;
DROP OWNED BY regress_retry;
DROP ROLE regress_retry;
CREATE EXTENSION dap_analytics;
\! rm -f "$PG_ABS_BUILDDIR"/retry_*.csv 2>/dev/null
