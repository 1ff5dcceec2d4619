-- Rejects: read again after a correction, and taken out for whoever sent them.

COMMENT ON TYPE dap.retry_result
  IS 'What became of a file''s rejects: how many were read again, are loaded now, and are still rejected';
COMMENT ON COLUMN dap.retry_result.file_id
  IS 'The file, see dap.files; a new number where a failed file was read again';

CREATE FUNCTION dap.retry_rejects(file_id integer, options jsonb DEFAULT '{}') RETURNS dap.retry_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_retry_rejects';
COMMENT ON FUNCTION dap.retry_rejects(integer, jsonb) IS
  'After a correction of the source''s options, or with options for this call: reads the rejected records of a loaded '
  'file again and loads those that are good now, with their lines, into the '
  'same file; those longer than dap.max_reject_bytes stay. Options given to the call that loaded it have to be given '
  'again. A failed file is loaded again from its path. The limits of rejects do not apply to what is retried. With '
  'another delimiter, quote or '
  'escape the file itself is read again and must hold the same bytes. Needs INSERT on the source''s table; 42704 for '
  'an unknown file, 55000 for one that is unloaded, dismissed or archived';

CREATE FUNCTION dap_internal.reject_text(raw bytea) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_reject_text';
COMMENT ON FUNCTION dap_internal.reject_text(bytea)
  IS 'Internal: bytes as text where they are valid in the database''s encoding, else NULL';

COMMENT ON COLUMN dap.exported_reject.byte_offset
  IS 'Where the record starts, in decompressed bytes from the file''s start';
COMMENT ON COLUMN dap.exported_reject.stage
  IS 'ingest (not in the source''s table) or clean (there, but not in a model)';
COMMENT ON COLUMN dap.exported_reject.raw
  IS 'The bytes exactly, up to dap.max_reject_bytes; in a CSV file \x and hexadecimal digits';

CREATE FUNCTION dap.export_rejects(file_id integer DEFAULT NULL) RETURNS SETOF dap.exported_reject
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF export_rejects.file_id IS NOT NULL AND NOT EXISTS (SELECT FROM dap.files f
      WHERE f.file_id = export_rejects.file_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = pg_catalog.format('file %s does not exist', export_rejects.file_id),
      HINT = 'The files are the lines of dap.files.';
  END IF;
  RETURN QUERY
  SELECT r.file_id, r.path, r.source, r.line, r.byte_offset, r.stage, r.object, r.column_name, r.reason, r.message,
    dap_internal.reject_text(r.raw), r.raw, r.raw_length
  FROM dap.rejects r
  WHERE export_rejects.file_id IS NULL OR r.file_id = export_rejects.file_id
  ORDER BY r.file_id, r.line, r.reject_id;
END $$;
COMMENT ON FUNCTION dap.export_rejects(integer) IS
  'The rejects of a file, or all, with their reasons, for \copy (SELECT * FROM dap.export_rejects(4)) TO '
  '''rejects.csv'' (FORMAT csv, HEADER): record is to be read, '
  'raw gives the bytes back exactly when the file is copied into a bytea column or its hexadecimal digits are decoded. '
  'Needs SELECT on dap.files and dap.rejects';
