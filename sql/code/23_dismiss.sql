-- Getting past a file at 03:00.

-- What a file holds, for the ledger: {content_hash, bytes}.
CREATE FUNCTION dap_internal.describe_content(file text, options jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  compression text;
  content record;
BEGIN
  -- Cut or broken, it is known by its bytes as they are.
  FOREACH compression IN ARRAY ARRAY[dap_internal.effective_options(options)->>'compression', 'plain'] LOOP
    SELECT b.* INTO content FROM dap_internal.read_bytes(file, compression) AS b;
    IF content.reason = 'changed_while_read' THEN  -- neither are these its bytes
      RAISE EXCEPTION USING ERRCODE = 'object_in_use',
        MESSAGE = pg_catalog.format('"%s" cannot be dismissed: it changed while it was read', file),
        HINT = 'Dismiss it when nobody writes to it any more.';
    END IF;
    EXIT WHEN content.reason IS NULL;
  END LOOP;
  RETURN pg_catalog.jsonb_build_object('content_hash', pg_catalog.encode(content.hash, 'hex'), 'bytes', content.length);
END $$;
COMMENT ON FUNCTION dap_internal.describe_content(text, jsonb)
  IS 'Internal: the hash and length of a file''s bytes; 55006 where they change';

-- Would the source take this file?
CREATE FUNCTION dap_internal.takes_file(source_path text, file text) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN EXISTS (SELECT FROM dap_internal.find_files(source_path) AS f WHERE f.path = file);
EXCEPTION WHEN undefined_file OR insufficient_privilege OR object_not_in_prerequisite_state THEN
  RETURN false;  -- another source's directory may be missing; that is not what is asked
END $$;
COMMENT ON FUNCTION dap_internal.takes_file(text, text) IS 'Internal: does a source''s path mean a file?';

-- A list for a message, which may be long.
CREATE FUNCTION dap_internal.some_of(paths text[]) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT array_to_string(paths[:5], ', ')
    || CASE WHEN cardinality(paths) > 5 THEN format(' and %s more', cardinality(paths) - 5) ELSE '' END
$$;
COMMENT ON FUNCTION dap_internal.some_of(text[]) IS 'Internal: a list of paths in words, the first five by name';

CREATE FUNCTION dap.dismiss_file(path text, reason text) RETURNS SETOF integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  file text;
  meant text[];
  known record;
  content jsonb;
  live integer;
  unknown_bytes boolean;
  ids jsonb := '[]';
BEGIN
  IF path IS NULL OR path = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'the path of a file must be given';
  ELSIF coalesce(pg_catalog.btrim(reason), '') = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a reason must be given',
      DETAIL = 'It stands in dap.files for those who ask why the file''s records are missing.';
  END IF;

  meant := ARRAY(SELECT DISTINCT f.path FROM dap.files f WHERE f.status = 'failed' AND f.path = dismiss_file.path);
  IF meant = '{}' THEN  -- the end of a path will do where it means one file
    meant := ARRAY(SELECT DISTINCT f.path FROM dap.files f
      WHERE f.status = 'failed' AND pg_catalog.right(f.path, pg_catalog.length(dismiss_file.path) + 1) = '/'
        || dismiss_file.path);
  END IF;
  IF pg_catalog.cardinality(meant) > 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'ambiguous_parameter',
      MESSAGE = pg_catalog.format('"%s" means several failed files', path),
      DETAIL = pg_catalog.format('They are %s.', dap_internal.some_of(meant)), HINT = 'Give the path of one of them.';
  END IF;

  IF pg_catalog.cardinality(meant) = 1 THEN
    file := meant[1];
    FOR known IN
      SELECT s.source_id, s.source, s.relation, s.options, pg_catalog.max(f.file_id) AS last_failed FROM dap.files f
      JOIN dap_internal.sources s ON s.source = f.source
      WHERE f.status = 'failed' AND f.path = file GROUP BY s.source_id, s.source, s.relation, s.options
      ORDER BY s.source_id
    LOOP
      PERFORM dap_internal.lock_loads(known.source_id);  -- of what is being loaded nobody knows yet how it ends
      SELECT pg_catalog.bool_or(f.content_hash IS NULL) FILTER (WHERE f.status = 'failed'),
        pg_catalog.max(f.file_id) FILTER (WHERE f.status IN ('loaded', 'archived') AND f.file_id > known.last_failed)
      INTO unknown_bytes, live FROM dap.files f WHERE f.source = known.source AND f.path = file;
      IF unknown_bytes IS NULL AND live IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
          MESSAGE = pg_catalog.format('the records of "%s" are loaded', file),
          DETAIL = pg_catalog.format('They are file %s of source "%s".', live, known.source);
      END IF;
      content := '{}';
      IF unknown_bytes THEN
        BEGIN
          content := dap_internal.describe_content(file, known.options);
        EXCEPTION WHEN undefined_file OR wrong_object_type THEN
          NULL;  -- what is gone cannot come back under these bytes
        END;
      END IF;
      ids := ids
        || coalesce(dap_internal.write('dismiss', known.relation,
        content || pg_catalog.jsonb_build_object('path', file, 'reason', reason)), '[]');
    END LOOP;
  ELSE
    BEGIN
      meant := ARRAY(SELECT f.path FROM dap_internal.find_files(path) AS f);
    EXCEPTION WHEN undefined_file OR object_not_in_prerequisite_state THEN
      -- There is no such file, or no directory to look for it in. What was dismissed stays so.
      ids := coalesce((SELECT pg_catalog.jsonb_agg(f.file_id) FROM dap.files f
        WHERE f.status = 'dismissed' AND f.path = dismiss_file.path), '[]');
    END;
    -- What a directory or pattern means is another tomorrow: only a file is dismissed, by its own name.
    IF pg_catalog.cardinality(meant) > 1 OR pg_catalog.regexp_replace(meant[1], '^.*/',
        '') <> pg_catalog.regexp_replace(path, '^.*/', '') THEN
      RAISE EXCEPTION USING ERRCODE = 'ambiguous_parameter',
        MESSAGE = pg_catalog.format('"%s" is not the path of one file', path),
        DETAIL = pg_catalog.format('It means %s now.', dap_internal.some_of(meant)),
        HINT = 'Give the path of one file. Those that failed are the lines of dap.files with status failed.';
    END IF;
    file := meant[1];
    FOR known IN SELECT s.* FROM dap_internal.sources s WHERE dap_internal.takes_file(s.path, file)
        ORDER BY s.source_id LOOP
      PERFORM dap_internal.lock_loads(known.source_id);
      content := dap_internal.describe_content(file, known.options);
      SELECT f.file_id INTO live FROM dap.files f
      WHERE f.source = known.source AND f.status IN ('loaded', 'archived') AND pg_catalog.encode(f.content_hash,
        'hex') = content->>'content_hash'
        AND f.bytes = (content->>'bytes')::bigint LIMIT 1;
      IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
          MESSAGE = pg_catalog.format('the records of "%s" are loaded', file),
          DETAIL = pg_catalog.format('They are file %s of source "%s".', live, known.source);
      END IF;
      ids := ids
        || coalesce(dap_internal.write('dismiss', known.relation,
        content || pg_catalog.jsonb_build_object('path', file, 'reason', reason)), '[]');
    END LOOP;
  END IF;
  IF ids = '[]' THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = pg_catalog.format('no source has or takes a file "%s"', path),
      HINT = 'Failed files are the lines of dap.files with status failed.';
  END IF;
  RETURN QUERY SELECT i::integer FROM pg_catalog.jsonb_array_elements_text(ids) AS i;
END $$;
COMMENT ON FUNCTION dap.dismiss_file(text, text) IS
  'Makes later runs skip the bytes of one file, usually one that failed, named by its path or by the end of it; '
  'returns its lines in dap.files. The reason is kept there. '
  'Bytes that are corrected since are a new file';
