-- Bytes in: settings, paths, compression, large objects. What needs files of its own is in test/t/020_files.pl.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dap_analytics;
RESET client_min_messages;
SELECT count(*) FROM dap_internal.read_bytes('\x'::bytea);

-- Settings
SELECT name, setting, unit, context FROM pg_settings WHERE name LIKE 'dap.%' ORDER BY name COLLATE "C";
SET dap.ingest_directories = 'relative/inbox';
SET dap.ingest_directories = '/a, "unclosed';
SET dap.ingest_directories = '/a, "/b, c"';
SHOW dap.ingest_directories;
SET dap.ingest_directories = '/a', '/b';
SHOW dap.ingest_directories;
RESET dap.ingest_directories;
SET dap.max_field_bytes = '20 MB';
SHOW dap.max_field_bytes;
RESET dap.max_field_bytes;
SET dap.simd = 'mmx';
SET dap.simd = 'scalar';
RESET dap.simd;
SET dap.unknown_setting = 1;

-- Content is named by its decompressed bytes
CREATE FUNCTION pg_temp.shown(content bytea, compression text DEFAULT 'auto', OUT length bigint, OUT hash text,
  OUT reason text, OUT message text)
LANGUAGE sql AS $$ SELECT length, encode(hash, 'hex'), reason, message
  FROM dap_internal.read_bytes(content, compression) $$;
SELECT * FROM pg_temp.shown('');
SELECT * FROM pg_temp.shown(convert_to(E'a,b\n1,2\n', 'UTF8'));
\set gzip '\'H4sIAAAAAAACA0vUSeIy1DHiAgB7B5cKCAAAAA==\''
\set gzip_one '\'H4sIAAAAAAACA0vUSeICAMUQlyQEAAAA\''
\set gzip_two '\'H4sIAAAAAAACAzPUMeICADNCIVUEAAAA\''
\set zstd '\'KLUv/SQIQQAAYSxiCjEsMgo158rO\''
SELECT * FROM pg_temp.shown(decode(:gzip, 'base64'));
SELECT * FROM pg_temp.shown(decode(:zstd, 'base64'));
-- Members and frames in a row are one content
SELECT * FROM pg_temp.shown(decode(:gzip_one, 'base64') || decode(:gzip_two, 'base64'));
SELECT length FROM pg_temp.shown(decode(:zstd, 'base64') || decode(:zstd, 'base64'));
-- so is a frame that is to be skipped
SELECT length, reason FROM pg_temp.shown('\x502a4d18030000000a0b0c'::bytea || decode(:zstd, 'base64'));
-- Cut at every place: never taken for whole
SELECT reason, count(*), min(n), max(n) FROM generate_series(2, octet_length(decode(:gzip, 'base64')) - 1) AS n,
  LATERAL pg_temp.shown(substr(decode(:gzip, 'base64'), 1, n)) GROUP BY reason;
SELECT reason, count(*), min(n), max(n) FROM generate_series(4, octet_length(decode(:zstd, 'base64')) - 1) AS n,
  LATERAL pg_temp.shown(substr(decode(:zstd, 'base64'), 1, n)) GROUP BY reason;
-- Something else after the end, even one byte
SELECT length, reason, message FROM pg_temp.shown(decode(:gzip, 'base64') || '\x0a');
SELECT length, reason, message FROM pg_temp.shown(decode(:gzip, 'base64') || '\x00000000000000000000');
SELECT length, reason, message FROM pg_temp.shown(decode(:zstd, 'base64') || '\x0a');
SELECT reason FROM pg_temp.shown(decode(:zstd, 'base64') || decode(:gzip, 'base64'));
SELECT reason, message FROM pg_temp.shown(decode(:gzip, 'base64') || '\x1f');
-- A wrong checksum
SELECT reason FROM pg_temp.shown(set_byte(decode(:gzip, 'base64'), 20, 7));
SELECT reason FROM pg_temp.shown(set_byte(decode(:zstd, 'base64'), 19, 7));
-- Told what it is, it must be that
SELECT length, reason FROM pg_temp.shown(convert_to(E'a,b\n', 'UTF8'), 'gzip');
SELECT length, reason FROM pg_temp.shown(convert_to(E'a,b\n', 'UTF8'), 'zstd');
SELECT length, reason FROM pg_temp.shown('', 'gzip');
SELECT length, reason FROM pg_temp.shown('', 'zstd');
SELECT length, reason FROM pg_temp.shown(decode(:gzip, 'base64'), 'plain');
SELECT * FROM pg_temp.shown('', 'lzma');
-- A frame that asks for a window of 64 MB is refused before it gets one
SELECT length, reason, message FROM pg_temp.shown('\x28b52ffd0080010000');

-- Large objects, with their own privileges
SELECT lo_from_bytea(0, convert_to(E'a,b\n1,2\n', 'UTF8')) AS plain_object,
  lo_from_bytea(0, decode(:gzip, 'base64')) AS gzip_object \gset
SELECT length, hash, reason FROM dap_internal.read_bytes(:plain_object::oid);
SELECT length, hash, reason FROM dap_internal.read_bytes(:gzip_object::oid);
SELECT lo_from_bytea(0, decode(repeat('00', 1000000), 'hex')) AS large_object \gset
SELECT length, reason FROM dap_internal.read_bytes(:large_object::oid);
SELECT length FROM dap_internal.read_bytes(0::oid);
CREATE ROLE regress_dap_files_user;
GRANT USAGE ON SCHEMA dap_internal TO regress_dap_files_user;
GRANT EXECUTE ON FUNCTION dap_internal.read_bytes(oid, text), dap_internal.read_bytes(text, text),
  dap_internal.find_files(text) TO regress_dap_files_user;
GRANT USAGE ON SCHEMA dap TO regress_dap_files_user;
SET ROLE regress_dap_files_user;
DO $$ BEGIN PERFORM dap_internal.read_bytes(loid)
  FROM (SELECT oid AS loid FROM pg_largeobject_metadata ORDER BY oid DESC LIMIT 1) AS newest;
EXCEPTION WHEN insufficient_privilege THEN RAISE NOTICE 'not allowed'; END $$;
RESET ROLE;
GRANT SELECT ON LARGE OBJECT :gzip_object TO regress_dap_files_user;
SET ROLE regress_dap_files_user;
SELECT length, reason FROM dap_internal.read_bytes(:gzip_object::oid);
RESET ROLE;
SELECT lo_unlink(:plain_object), lo_unlink(:gzip_object), lo_unlink(:large_object);

-- Paths
SELECT * FROM dap_internal.find_files('');
SELECT * FROM dap_internal.find_files('/nowhere/at/all.csv');
SELECT * FROM dap_internal.find_files('/nowhere/*.csv');
SELECT * FROM dap_internal.find_files('/dev/null/a.csv');
SELECT count(*) FROM dap_internal.find_files('/*.no-such-suffix');
SELECT length FROM dap_internal.read_bytes('relative.csv');
SELECT length FROM dap_internal.read_bytes('/dev/zero');
SELECT length FROM dap_internal.read_bytes('/');
SET dap.ingest_directories = '/nowhere';
SELECT * FROM dap_internal.find_files('../etc/passwd');
SELECT * FROM dap_internal.find_files('a.csv');
SET dap.ingest_directories = '/';
SELECT * FROM dap_internal.find_files('nowhere.csv');
RESET dap.ingest_directories;
DO $$ BEGIN PERFORM dap_internal.read_bytes(current_setting('data_directory') || '/PG_VERSION');
EXCEPTION WHEN insufficient_privilege THEN RAISE NOTICE 'the data directory is not read'; END $$;
DO $$ BEGIN PERFORM dap_internal.read_bytes(current_setting('data_directory') || '/nothing');
EXCEPTION WHEN insufficient_privilege THEN RAISE NOTICE 'nor is it said what is not there'; END $$;

-- Without membership nobody learns what exists
SET ROLE regress_dap_files_user;
SET dap.ingest_directories = '/';
SELECT length FROM dap_internal.read_bytes('/etc/passwd');
SELECT length FROM dap_internal.read_bytes('/etc/no-such-file');
SELECT length FROM dap_internal.read_bytes('/nowhere/at/all.csv');
SELECT length FROM dap_internal.read_bytes('/dev/zero');
SELECT * FROM dap_internal.find_files('/etc');
SELECT * FROM dap_internal.find_files('/*.csv');
SELECT * FROM dap_internal.find_files('a.csv');
DO $$ DECLARE wanted text; detail text; hint text;
BEGIN
  FOREACH wanted IN ARRAY '{"/srv/in, box/a.csv",/srv/inbox,/srv/inbox/2*/*.csv}'::text[] LOOP
    BEGIN
      PERFORM dap_internal.find_files(wanted);
    EXCEPTION WHEN insufficient_privilege THEN
      GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
      RAISE NOTICE '%: %', wanted, replace(hint, quote_ident(current_database()), '<database>');
    END;
  END LOOP;
  RAISE NOTICE '%', detail;
END $$;
RESET ROLE;
GRANT pg_read_server_files TO regress_dap_files_user;
SET ROLE regress_dap_files_user;
SELECT length > 0 AS read FROM dap_internal.read_bytes('/etc/passwd');
RESET ROLE;

DROP OWNED BY regress_dap_files_user;
DROP ROLE regress_dap_files_user;
