-- Writing the ledger: called by the extension's C code as the owner of the ledger, executable by nobody else.

CREATE FUNCTION dap_internal.remember_identity(evidence jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO dap_internal.file_identity AS i (source_id, path, device, inode, size, mtime_ns, ctime_ns, read_ns,
    content_hash, bytes)
  SELECT (evidence->>'source_id')::integer, evidence->>'path', e.device, e.inode, e.size, e.mtime_ns, e.ctime_ns,
    e.read_ns,
         decode(evidence->>'content_hash', 'hex'), (evidence->>'bytes')::bigint
  FROM jsonb_to_record(evidence->'identity') AS e(device bigint, inode bigint, size bigint, mtime_ns bigint,
    ctime_ns bigint, read_ns bigint)
  WHERE jsonb_typeof(evidence->'identity') = 'object' AND evidence->>'content_hash' IS NOT NULL
  ON CONFLICT (source_id, path) DO UPDATE
  SET device = excluded.device, inode = excluded.inode, size = excluded.size, mtime_ns = excluded.mtime_ns,
    ctime_ns = excluded.ctime_ns,
      read_ns = excluded.read_ns, content_hash = excluded.content_hash, bytes = excluded.bytes;
END
$$;
COMMENT ON FUNCTION dap_internal.remember_identity(jsonb) IS 'Internal: keeps what bytes a path held when it was read';

-- A file that is not loaded, since its bytes are known: under another name, where `file_id` is that of the line that
-- has them. True if that is no news.
CREATE FUNCTION dap_internal.record_known_file(evidence jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM dap_internal.remember_identity(evidence);
  IF evidence ? 'file_id' THEN
    INSERT INTO dap_internal.skip_ledger (file_id, path, skipped_by, run_id)
    VALUES ((evidence->>'file_id')::integer, evidence->>'path', evidence->>'skipped_by', (evidence->>'run_id')::bigint)
    ON CONFLICT DO NOTHING;
    RETURN NOT FOUND;
  END IF;
  RETURN false;
END
$$;
COMMENT ON FUNCTION dap_internal.record_known_file(jsonb)
  IS 'Internal: keeps what bytes a path held, and that they were left out as another file''s';

-- The line of a loaded file. Earlier failed attempts at the same name or bytes are superseded, with their rejects.
CREATE FUNCTION dap_internal.record_loaded_file(evidence jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF evidence ? 'has_failures' THEN
    PERFORM dap_internal.forget_failures(evidence);
  END IF;
  INSERT INTO dap_internal.file_ledger (file_id, source_id, source, path, status, reason, content_hash, modified_at,
    bytes, rows_read, rows_loaded, rows_rejected,
                               options, ignored_columns, definition_hash, reading, blocks, loaded_by, run_id)
  SELECT r.file_id, r.source_id, r.source, r.path, 'loaded', r.reason, decode(r.content_hash, 'hex'),
    to_timestamp(r.modified_s), r.bytes, r.rows_read,
         r.rows_loaded, r.rows_rejected, r.options, r.ignored_columns, r.definition_hash, r.reading, r.blocks,
           r.loaded_by, r.run_id
  FROM jsonb_to_record(evidence) AS r(file_id integer, source_id integer, source text, path text, reason text,
    content_hash text, modified_s double precision, bytes bigint,
       rows_read bigint, rows_loaded bigint, rows_rejected bigint, options jsonb, ignored_columns text[],
       definition_hash text, reading jsonb, blocks int8multirange,
       loaded_by text, run_id bigint);
  PERFORM dap_internal.remember_identity(evidence);
END
$$;
COMMENT ON FUNCTION dap_internal.record_loaded_file(jsonb) IS 'Internal: the ledger line of a loaded file';

-- Found by the ledger's indexes whatever statistics say: a plan that was made for an empty table would be kept for
-- thousands of files.
CREATE FUNCTION dap_internal.record_earlier_failures(source_id integer, path text, content_hash bytea, bytes bigint)
  RETURNS integer[]
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME',
  'dap_record_earlier_failures';
COMMENT ON FUNCTION dap_internal.record_earlier_failures(integer, text, bytea, bigint)
  IS 'Internal: the lines of failed attempts at a name or content; NULL if there are none';

CREATE FUNCTION dap_internal.forget_failures(evidence jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  lines integer[] := dap_internal.record_earlier_failures((evidence->>'source_id')::integer, evidence->>'path',
    decode(evidence->>'content_hash', 'hex'), (evidence->>'bytes')::bigint);
BEGIN
  IF lines IS NULL THEN
    RETURN;
  END IF;
  -- Planned each time: these tables grow by orders of magnitude within a session. Rows that another transaction works
  -- on are left to it: a recorder must not wait for the run whose evidence it writes.
  EXECUTE $sql$
    WITH old AS (
      SELECT l.file_id FROM dap_internal.file_ledger l WHERE l.file_id = ANY ($1) AND l.status = 'failed'
        FOR UPDATE SKIP LOCKED
    ), rejects AS (
      DELETE FROM dap_internal.reject_ledger r USING old WHERE r.file_id = old.file_id
    )
    DELETE FROM dap_internal.file_ledger l USING old WHERE l.file_id = old.file_id
  $sql$ USING lines;
END
$$;
COMMENT ON FUNCTION dap_internal.forget_failures(jsonb)
  IS 'Internal: removes the lines of earlier failed attempts at a file';

-- The line of a failed file and its kept rejects; they replace those of its earlier failed attempts.
CREATE FUNCTION dap_internal.record_failed_file(evidence jsonb) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  new_id integer;
BEGIN
  PERFORM dap_internal.forget_failures(evidence);
  INSERT INTO dap_internal.file_ledger (file_id, source_id, source, path, status, reason, content_hash, modified_at,
    bytes, rows_read, rows_loaded, rows_rejected,
                               options, definition_hash, loaded_by, run_id)
  SELECT r.file_id, r.source_id, r.source, r.path, 'failed', r.reason, decode(r.content_hash, 'hex'),
    to_timestamp(r.modified_s), r.bytes, r.rows_read,
         0, r.rows_rejected, coalesce(r.options, '{}'), r.definition_hash, r.loaded_by, r.run_id
  FROM jsonb_to_record(evidence) AS r(file_id integer, source_id integer, source text, path text, reason text,
    content_hash text, modified_s double precision, bytes bigint,
       rows_read bigint, rows_rejected bigint, options jsonb, definition_hash text, loaded_by text, run_id bigint)
  RETURNING file_id INTO new_id;
  INSERT INTO dap_internal.reject_ledger (file_id, source_id, line, byte_offset, stage, model_id, column_name, reason,
    message, raw, raw_length, run_id)
  SELECT new_id, (evidence->>'source_id')::integer, r.line, r.byte_offset, r.stage, r.model_id, r.column_name, r.reason,
    r.message,
         decode(r.raw, 'hex'), r.raw_length, (evidence->>'run_id')::bigint
  FROM jsonb_to_recordset(coalesce(evidence->'rejects', '[]'))
       AS r(line bigint, byte_offset bigint, stage text, model_id integer, column_name text, reason text, message text,
         raw text, raw_length bigint);
  PERFORM dap_internal.remember_identity(evidence);
  RETURN new_id;
END
$$;
COMMENT ON FUNCTION dap_internal.record_failed_file(jsonb)
  IS 'Internal: the ledger line of a failed file, and its first rejects';

-- The first rejects of a file that is loaded, from a clean step that failed: they stand beside those of what is
-- published, and replace those of earlier failed attempts of the source's models. False where the file or its source is
-- not there any more: the transaction that loaded it may have been rolled back.
CREATE FUNCTION dap_internal.record_attempt(evidence jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- As above: nobody is waited for.
  WITH old AS (
    SELECT r.reject_id FROM dap_internal.reject_ledger r
    WHERE r.attempt AND r.source_id = (evidence->>'source_id')::integer
      AND r.run_id IS DISTINCT FROM (evidence->>'run_id')::bigint
    FOR UPDATE SKIP LOCKED
  )
  DELETE FROM dap_internal.reject_ledger r USING old WHERE r.reject_id = old.reject_id;
  IF NOT EXISTS (SELECT FROM dap_internal.file_ledger l JOIN dap_internal.source_definition s
    ON s.source_id = l.source_id
                 WHERE l.file_id = (evidence->>'file_id')::integer AND l.status = 'loaded') THEN
    RETURN false;
  END IF;
  INSERT INTO dap_internal.reject_ledger (file_id, source_id, line, stage, model_id, column_name, reason, message, raw,
    raw_length, run_id, attempt)
  SELECT (evidence->>'file_id')::integer, (evidence->>'source_id')::integer, r.line, 'clean', r.model_id, r.column_name,
    r.reason, r.message,
         decode(r.raw, 'hex'), r.raw_length, (evidence->>'run_id')::bigint, true
  FROM jsonb_to_recordset(evidence->'rejects') AS r(line bigint, model_id integer, column_name text, reason text,
    message text, raw text, raw_length bigint)
  JOIN dap_internal.model_definition m ON m.model_id = r.model_id;
  RETURN true;
END
$$;
COMMENT ON FUNCTION dap_internal.record_attempt(jsonb)
  IS 'Internal: the first rejects of a loaded file from a clean step that failed';
