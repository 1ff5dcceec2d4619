-- Loading files.

CREATE FUNCTION dap_internal.check_options(options jsonb) RETURNS void
LANGUAGE c STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_check_options';
COMMENT ON FUNCTION dap_internal.check_options(jsonb)
  IS 'Internal: raises 22023 unless these can be the options of a source';

CREATE FUNCTION dap_internal.csv_header(path text, options jsonb) RETURNS text[]
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_csv_header';
COMMENT ON FUNCTION dap_internal.csv_header(text, jsonb)
  IS 'Internal: the header of the first file that a path means; NULL without a file';

CREATE FUNCTION dap.ingest_csv(source text, path text DEFAULT NULL, options jsonb DEFAULT '{}')
  RETURNS SETOF dap.ingest_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_ingest_csv';
COMMENT ON FUNCTION dap.ingest_csv(text, text, jsonb) IS
  'Loads the files that path (default: the source''s) means into the source, each content once; one row per file. '
  'Needs INSERT on the source''s table. Options hold for this call. '
  'Raises for definitions, privileges and missing paths (42704, 42501, 58P01), never for contents: those are status '
  'failed with a reason, and rows in dap.rejects';

CREATE FUNCTION dap.ingest_bytes(source text, name text, content bytea, options jsonb DEFAULT '{}')
  RETURNS SETOF dap.ingest_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_ingest_bytes';
COMMENT ON FUNCTION dap.ingest_bytes(text, text, bytea, jsonb) IS
  'As dap.ingest_csv, with the file''s content given by the client; name stands for its path';

CREATE FUNCTION dap.ingest_largeobject(source text, name text, object oid, options jsonb DEFAULT '{}')
  RETURNS SETOF dap.ingest_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME',
  'dap_ingest_largeobject';
COMMENT ON FUNCTION dap.ingest_largeobject(text, text, oid, jsonb) IS
  'As dap.ingest_csv, with the content of a large object: \lo_import file.csv.gz, then pass :LASTOID';

CREATE FUNCTION dap.read_csv(path text, options jsonb DEFAULT '{}') RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_read_csv';
COMMENT ON FUNCTION dap.read_csv(text, jsonb) IS
  'The records of the files that path means, as a set: SELECT * FROM dap.read_csv(''f.csv'') AS t(id text, amount '
  'numeric). Columns are matched by header name; '
  'types other than text are converted exactly, as in clean models. A bad record raises (22P04) unless option '
  'skip_rejects; option limit';
