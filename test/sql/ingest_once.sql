-- Each content once: by its bytes, whatever its name; and what happens to bytes that failed.
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
CREATE FUNCTION pg_temp.values_of(relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
  EXECUTE format('SELECT string_agg(a, '' '' ORDER BY _file_id, _line) FROM staging.%I', relation) INTO result;
  RETURN result;
END $$;

-- The same bytes under the same name, another name, and compressed
SELECT * FROM pg_temp.load('s', 'one.csv', E'a,b\n1,x\n');
SELECT * FROM pg_temp.load('s', 'one.csv', E'a,b\n1,x\n');
SELECT * FROM pg_temp.load('s', 'two.csv', E'a,b\n1,x\n');
\set gzip '\'H4sIAAAAAAAC/0vUSeIy1KngAgD0oAEACAAAAA==\''
\set zstd '\'KLUv/QRYQQAAYSxiCjEseApmAzAf\''
SELECT status, reason FROM dap.ingest_bytes('s', 'one.csv.gz', decode(:gzip, 'base64'));
SELECT status, reason FROM dap.ingest_bytes('s', 'one.csv.zst', decode(:zstd, 'base64'));
SELECT lo_from_bytea(0, decode(:gzip, 'base64')) AS object \gset
SELECT status, reason FROM dap.ingest_largeobject('s', 'one.csv.gz', :object);
-- and in another order: compressed first
SELECT dap.create_source('z', columns => '{a,b}');
SELECT status, reason, rows_loaded, bytes FROM dap.ingest_largeobject('z', 'one.csv.gz', :object);
SELECT * FROM pg_temp.load('z', 'one.csv', E'a,b\n1,x\n');
SELECT lo_unlink(:object);
SELECT path, status, encode(content_hash, 'hex') AS content_hash, bytes, rows_read, rows_loaded, rows_rejected,
  loaded_by = current_user AS mine, run_id FROM dap.files ORDER BY file_id;

-- The same name with other bytes is a new file, with one NOTICE; A, B, A ends at A
SELECT * FROM pg_temp.load('s', 'one.csv', E'a,b\n2,y\n');
SELECT * FROM pg_temp.load('s', 'one.csv', E'a,b\n1,x\n');
SELECT * FROM pg_temp.load('s', 'one.csv', E'a,b\n1,x\n');
SELECT * FROM pg_temp.load('s', 'one.csv', E'a,b\n2,y\n');
SELECT pg_temp.values_of('s');
-- but under a name that never carried them, bytes that are live stay what they are
SELECT * FROM pg_temp.load('s', 'three.csv', E'a,b\n3,z\n');
SELECT * FROM pg_temp.load('s', 'three.csv', E'a,b\n1,x\n');
SELECT pg_temp.values_of('s');
-- again loads regardless, and is no news
SELECT * FROM pg_temp.load('s', 'three.csv', E'a,b\n3,z\n', '{"again": true}');
SELECT * FROM pg_temp.load('s', 'three.csv', E'a,b\n3,z\n', '{"again": false}');
SELECT pg_temp.values_of('s');
-- every source for itself
SELECT * FROM pg_temp.load('z', 'three.csv', E'a,b\n3,z\n');
-- rolled back, it was not loaded
BEGIN;
SELECT * FROM pg_temp.load('s', 'four.csv', E'a,b\n4,z\n');
ROLLBACK;
SELECT * FROM pg_temp.load('s', 'four.csv', E'a,b\n4,z\n');

-- Bytes that failed fail again under the same definition, whatever their name
SELECT * FROM pg_temp.load('s', 'bad.csv', E'a,c\n1,2\n', '{"on_new_column": "stop"}');
SELECT * FROM pg_temp.load('s', 'bad.csv', E'a,c\n1,2\n', '{"on_new_column": "stop"}');
SELECT * FROM pg_temp.load('s', 'copy of bad.csv', E'a,c\n1,2\n', '{"on_new_column": "stop"}');
SELECT path, status, reason FROM dap.files WHERE status = 'failed';
-- under another one they are tried
SELECT dap.create_source('s', columns => '{a,b}', options => '{"aliases": {"c": "b"}}', or_replace => true);
SELECT * FROM pg_temp.load('s', 'bad.csv', E'a,c\n1,2\n');
SELECT path, status, reason FROM dap.files WHERE path LIKE '%bad.csv';
-- or with "again"
SELECT dap.create_source('c', columns => '{a,b}');
SELECT * FROM pg_temp.load('c', 'checked.csv', E'a,b\n1,x\n');
ALTER TABLE staging.c ADD CONSTRAINT no_two CHECK (a <> '2');
SELECT * FROM pg_temp.load('c', 'checked too.csv', E'a,b\n2,x\n');
SELECT * FROM pg_temp.load('c', 'checked too.csv', E'a,b\n2,x\n');
ALTER TABLE staging.c DROP CONSTRAINT no_two;
SELECT * FROM pg_temp.load('c', 'checked too.csv', E'a,b\n2,x\n');
SELECT * FROM pg_temp.load('c', 'checked too.csv', E'a,b\n2,x\n', '{"again": true}');
SELECT path, status FROM dap.files WHERE source = 'c' ORDER BY file_id;

-- Dismissed bytes are skipped, under any name and compression, although they could not be loaded
SELECT * FROM pg_temp.load('c', 'wrong.csv', E'a,wrong\n1,x\n');
SELECT count(*) FROM dap.dismiss_file('wrong.csv', 'sent by mistake');
SELECT * FROM pg_temp.load('c', 'wrong.csv', E'a,wrong\n1,x\n');
SELECT * FROM pg_temp.load('c', 'also wrong.csv', E'a,wrong\n1,x\n');
\set wrong '\'H4sIAAAAAAAC/0vUKS/Kz0vnMtSp4AIA5haUfQwAAAA=\''
SELECT status, reason FROM dap.ingest_bytes('c', 'wrong.csv.gz', decode(:wrong, 'base64'));
SELECT path, status, reason FROM dap.files WHERE source = 'c' AND status <> 'loaded';
-- corrected, it is a new file
SELECT * FROM pg_temp.load('c', 'wrong.csv', E'a,b\n1,y\n');

-- Bytes that cannot be decompressed have no content; as they are, they fail and are dismissed like others
SELECT status, reason FROM dap.ingest_bytes('c', 'cut.csv.gz', substr(decode(:gzip, 'base64'), 1, 20));
SELECT path, status, reason, octet_length(content_hash) AS hash, bytes FROM dap.files WHERE path = 'cut.csv.gz';
SELECT status, reason FROM dap.ingest_bytes('c', 'cut.csv.zst', substr(decode(:zstd, 'base64'), 1, 15));
SELECT status, reason FROM dap.ingest_bytes('c', 'cut.csv.gz', substr(decode(:gzip, 'base64'), 1, 20));
SELECT count(*) FROM dap.dismiss_file('cut.csv.gz', 'cut');
SELECT status, reason FROM dap.ingest_bytes('c', 'cut.csv.gz', substr(decode(:gzip, 'base64'), 1, 20));
SELECT status, reason FROM dap.ingest_bytes('c', 'another cut.csv.gz', substr(decode(:gzip, 'base64'), 1, 20));
SELECT status, reason FROM dap.ingest_bytes('c', 'cut.csv.gz', decode(:gzip, 'base64'), '{"again": true}');
SELECT status, reason FROM dap.ingest_bytes('c', 'rubbish.gz', decode(:gzip, 'base64') || '\x00');
SELECT status, reason FROM dap.ingest_bytes('c', 'no gzip', 'a,b', '{"compression": "gzip"}');

-- Transactions that see one snapshot
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM pg_temp.load('s', 'rr1.csv', E'a,b\n11,x\n');
SELECT * FROM pg_temp.load('s', 'rr1.csv', E'a,b\n11,x\n');
SELECT * FROM pg_temp.load('s', 'rr1.csv', E'a,b\n12,x\n');
COMMIT;
SELECT path, status, rows_loaded FROM dap.files WHERE path = 'rr1.csv' ORDER BY file_id;

-- The table is guarded
UPDATE staging.s SET b = 'changed';
DELETE FROM staging.s WHERE false;
TRUNCATE staging.s;
INSERT INTO staging.s (_line, a) VALUES (1, 'stray');
INSERT INTO staging.s (_line, a) SELECT 1, 'stray';
\copy staging.s (_line, a) FROM stdin
1	stray
\.
MERGE INTO staging.s USING (VALUES ('1')) AS v(a) ON s.a = v.a WHEN MATCHED THEN DELETE;
SELECT pg_temp.values_of('s');

SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging CASCADE;
CREATE EXTENSION dap_analytics;

