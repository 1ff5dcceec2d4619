-- What the server sees: the files that a path means, and what reading one of them gives.

CREATE FUNCTION dap_internal.find_files(pattern text)
RETURNS TABLE (path text, bytes bigint, modified_at timestamptz)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_find_files';
COMMENT ON FUNCTION dap_internal.find_files(text) IS
  'The files that a path (file, directory or glob) means to the server now, in the order in which they would be '
  'loaded; checks what the current user may read';

CREATE FUNCTION dap_internal.read_bytes(path text, compression text DEFAULT 'auto')
RETURNS TABLE (length bigint, hash bytea, reason text, message text)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_read_file_bytes';
COMMENT ON FUNCTION dap_internal.read_bytes(text, text) IS
  'Reads a server file to its end: length and XXH3-128 of the decompressed bytes, and why they end early if they do';

CREATE FUNCTION dap_internal.read_bytes(content bytea, compression text DEFAULT 'auto')
RETURNS TABLE (length bigint, hash bytea, reason text, message text)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_read_value_bytes';
COMMENT ON FUNCTION dap_internal.read_bytes(bytea, text) IS
  'Reads a value as a file would be read: length and XXH3-128 of the decompressed bytes, and why they end early if '
  'they do';

CREATE FUNCTION dap_internal.read_bytes(object oid, compression text DEFAULT 'auto')
RETURNS TABLE (length bigint, hash bytea, reason text, message text)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_read_largeobject_bytes';
COMMENT ON FUNCTION dap_internal.read_bytes(oid, text) IS
  'Reads a large object as a file would be read: length and XXH3-128 of the decompressed bytes, and why they end early '
  'if they do';
