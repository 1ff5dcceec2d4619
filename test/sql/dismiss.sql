-- dap.dismiss_file: past a file that fails, with the reason on record. Files on disk are in test/t.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE SCHEMA staging;
CREATE SCHEMA intermediate;
CREATE SCHEMA analytics;
SELECT dap.create_source('a', columns => '{id,v}');
SELECT dap.create_source('b', columns => '{id,v}');
RESET client_min_messages;

-- What cannot be dismissed
SELECT dap.dismiss_file(NULL, 'why');
SELECT dap.dismiss_file('', 'why');
SELECT dap.dismiss_file('/in/x.csv', NULL);
SELECT dap.dismiss_file('/in/x.csv', ' ');
SELECT dap.dismiss_file('/nowhere/x.csv', 'why');
SELECT dap.dismiss_file('x.csv', 'why');
\getenv builddir PG_ABS_BUILDDIR
\set nobodys_file :builddir '/dismiss_nobodys.csv'
COPY (SELECT 'id,v') TO :'nobodys_file';
\set VERBOSITY sqlstate
SELECT dap.dismiss_file(:'nobodys_file', 'why');
\set VERBOSITY default

-- A failed content, by the end of its name
SELECT status, reason FROM dap.ingest_bytes('a', '/in/x.csv', E'id\n1\n'::bytea);
SELECT status, reason FROM dap.ingest_bytes('a', '/in/x.csv', E'id\n1\n'::bytea);
SELECT object, state, message FROM dap.status;
SELECT count(*) FROM dap.dismiss_file('x.csv', 'column v is missing');
SELECT path, status, reason FROM dap.files;
SELECT object, state, message FROM dap.status;
SELECT status, reason FROM dap.ingest_bytes('a', '/in/x.csv', E'id\n1\n'::bytea);
SELECT status, reason FROM dap.ingest_bytes('a', '/in/copy_of_x.csv', E'id\n1\n'::bytea);
-- other bytes under the name are a new file; and the other source was not asked
SELECT status, rows_loaded FROM dap.ingest_bytes('a', '/in/x.csv', E'id,v\n1,2\n'::bytea);
SELECT status FROM dap.ingest_bytes('b', '/in/x.csv', E'id\n1\n'::bytea);
-- once is enough
SELECT count(*) FROM dap.dismiss_file('/in/x.csv', 'again, for b');
SELECT source, path, status, reason FROM dap.files ORDER BY file_id;
SELECT count(*) FROM dap.dismiss_file('/in/x.csv', 'and again');
SELECT count(*) FROM dap.files WHERE status = 'dismissed';
-- an end that means several files
SELECT status FROM dap.ingest_bytes('a', '/one/y.csv', E'id\n1\n2\n'::bytea);
SELECT status FROM dap.ingest_bytes('b', '/two/y.csv', E'id\n1\n2\n'::bytea);
SELECT dap.dismiss_file('y.csv', 'why');
SELECT count(*) FROM dap.dismiss_file('one/y.csv', 'why');
-- "again" loads regardless
SELECT status, rows_loaded
FROM dap.ingest_bytes('a', '/one/y.csv', E'id\n1\n2\n'::bytea, '{"again": true, "optional": ["v"]}');

SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
