-- The built-in pipeline, defined through the functions that everybody has.

-- The statement that lets ingest read a directory.
CREATE FUNCTION dap_internal.allow_statement(directory text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT pg_catalog.format('ALTER DATABASE %I SET dap.ingest_directories = %L', pg_catalog.current_database(),
    coalesce(nullif(pg_catalog.current_setting('dap.ingest_directories', true), '') || ', ', '') || directory)
$$;
COMMENT ON FUNCTION dap_internal.allow_statement(text) IS 'Internal: the statement that lets ingest read a directory';

-- What the server sees of a source's files, or what it lacks to see them.
CREATE FUNCTION dap_internal.describe_inbox(inbox text, path text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  allowed text := coalesce(pg_catalog.current_setting('dap.ingest_directories', true), '');
  files text[];
  problem text;
  detail text;
  hint text;
BEGIN
  IF inbox IS NULL AND allowed = '' THEN
    RETURN pg_catalog.format('no directory is allowed yet: %s; then reconnect',
      dap_internal.allow_statement('/path/to/inbox'));
  END IF;
  BEGIN
    files := ARRAY(SELECT f.path FROM dap_internal.find_files(path) WITH ORDINALITY AS f ORDER BY f.ordinality);
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN pg_catalog.concat_ws('; ', problem, nullif(pg_catalog.rtrim(detail, '.'), ''), nullif(hint, ''));
  END;
  -- Those who call this may be allowed more than those who will ingest.
  IF pg_catalog.starts_with(inbox, '/') AND NOT EXISTS (
    SELECT FROM pg_catalog.string_to_table(allowed, ',') AS a(entry),
      pg_catalog.rtrim(pg_catalog.btrim(a.entry, ' "'), '/') AS d(directory)
    WHERE inbox = d.directory OR pg_catalog.starts_with(inbox, d.directory || '/')) THEN
    hint := pg_catalog.format('; for others than members of pg_read_server_files: %s; then reconnect',
      dap_internal.allow_statement(inbox));
  END IF;
  RETURN CASE pg_catalog.cardinality(files)
      WHEN 0 THEN 'no file yet'
      WHEN 1 THEN pg_catalog.format('1 file: %s', pg_catalog.regexp_replace(files[1], '^.*/', ''))
      ELSE pg_catalog.format('%s files: %s to %s', pg_catalog.cardinality(files),
        pg_catalog.regexp_replace(files[1], '^.*/', ''),
        pg_catalog.regexp_replace(files[pg_catalog.cardinality(files)], '^.*/', ''))
    END || coalesce(hint, '');
END $$;
COMMENT ON FUNCTION dap_internal.describe_inbox(text, text) IS 'Internal: what the server sees of a source''s files';

-- Comments are the owner's from then on: only missing ones are written.
CREATE FUNCTION dap_internal.comment_table(relation regclass, comments jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  statements text;
BEGIN
  SELECT pg_catalog.string_agg(CASE WHEN c.key = '' THEN pg_catalog.format('COMMENT ON TABLE %s IS %L', relation,
    c.value)
      ELSE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', relation, c.key, c.value) END, '; ') INTO statements
  FROM pg_catalog.jsonb_each_text(comments) AS c;
  PERFORM dap_internal.run_as((SELECT t.relowner FROM pg_catalog.pg_class t WHERE t.oid = relation)::regrole,
    statements);
END $$;
COMMENT ON FUNCTION dap_internal.comment_table(regclass, jsonb)
  IS 'Internal: comments on a table (empty name) and its columns';

-- Everything that stands in the way, told at once and before anything is made.
CREATE FUNCTION dap_internal.check_setup(owner regrole) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  obstacles text;
  layer_owner text;
BEGIN
  SELECT pg_catalog.string_agg(pg_catalog.format('%I is owned by %s', n.nspname, n.nspowner::regrole), ', '
    ORDER BY t.tier),
    coalesce(pg_catalog.quote_literal(CASE
      WHEN pg_catalog.count(DISTINCT n.nspowner) = 1 THEN pg_catalog.min(n.nspowner::regrole::text) END), '...')
    INTO obstacles, layer_owner
  FROM pg_catalog.generate_series(0, 2) AS t(tier)
  JOIN pg_catalog.pg_namespace n ON n.nspname = dap_internal.layer(t.tier)
  WHERE n.nspowner <> owner::oid;
  IF obstacles IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = pg_catalog.format('the layers'' schemas must be owned by %s', owner),
      DETAIL = pg_catalog.format('Schema %s.', obstacles),
      HINT = pg_catalog.format('Give the owner as dap.setup(owner => %s), or rename the schemas that are not the '
        'pipeline''s.', layer_owner);
  END IF;
  SELECT pg_catalog.string_agg(dap_internal.relation(b.target)::text, ', ' ORDER BY b.n) INTO obstacles
  FROM (SELECT 1 AS n, pg_catalog.format('%I.%I', dap_internal.layer(0), s.source) AS target
    FROM dap_internal.builtin_sources() s
        UNION ALL SELECT 2, m.model FROM dap_internal.builtin_clean_models() m UNION ALL SELECT 3, m.model
          FROM dap_internal.builtin_models() m) AS b
  WHERE dap_internal.relation(b.target) IS NOT NULL
    AND NOT EXISTS (SELECT FROM dap_internal.sources s WHERE s.relation = dap_internal.relation(b.target))
    AND NOT EXISTS (SELECT FROM dap_internal.models m WHERE m.relation = dap_internal.relation(b.target));
  IF obstacles IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = 'tables with the pipeline''s names exist already',
      DETAIL = pg_catalog.format('Not made by dap_analytics: %s.', obstacles),
        HINT = 'Rename or drop them. Nothing was made.';
  END IF;
  SELECT pg_catalog.string_agg(pg_catalog.format('source %I lacks %s', s.source, l.columns), '; '
    ORDER BY s.source) INTO obstacles
  FROM dap_internal.builtin_sources() b JOIN dap_internal.sources s ON s.source = b.source
  CROSS JOIN LATERAL (SELECT pg_catalog.string_agg(c, ', ') AS columns FROM pg_catalog.unnest(b.columns) AS c
    WHERE c <> ALL (s.columns)) AS l
  WHERE l.columns IS NOT NULL;
  IF obstacles IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
      MESSAGE = 'sources with the pipeline''s names have other columns',
      DETAIL = dap_internal.sentence(obstacles), HINT = 'Drop them with dap.drop_source(). Nothing was made.';
  END IF;
END $$;
COMMENT ON FUNCTION dap_internal.check_setup(regrole)
  IS 'Internal: raises with everything that stands in the way of the built-in pipeline';

CREATE FUNCTION dap.setup(inbox text DEFAULT NULL, owner regrole DEFAULT pg_catalog.quote_ident(CURRENT_USER)::regrole)
  RETURNS SETOF dap.setup_result
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
#variable_conflict use_variable
DECLARE
  row dap.setup_result;
  tier integer;
  builtin record;
  known record;
  relation regclass;
  existed boolean;
  directory text := pg_catalog.regexp_replace(inbox, '(.)/+$', '\1');
  wanted_path text;
BEGIN
  IF owner IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'the layers need an owner';
  ELSIF inbox = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'inbox is empty',
      HINT = 'Leave it out to look below dap.ingest_directories.';
  END IF;
  PERFORM dap_internal.run_as(owner, 'SELECT');  -- raises for those who cannot act for the owner
  PERFORM dap_internal.lock_definitions();
  PERFORM dap_internal.check_setup(owner);

  FOR tier IN 0..2 LOOP
    row := ROW(dap_internal.layer(tier), 'schema', 'exists', NULL);
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = dap_internal.layer(tier)) THEN
      EXECUTE pg_catalog.format('CREATE SCHEMA %I AUTHORIZATION %s', dap_internal.layer(tier), owner);
      PERFORM dap_internal.run_as(owner, pg_catalog.format('COMMENT ON SCHEMA %I IS %L', dap_internal.layer(tier),
        (ARRAY[
        'Live records of every file, as they came', 'Typed and cleaned, one row per key',
          'Business metrics: the schema for consumers'])[tier + 1]));
      row.action := 'created';
    END IF;
    RETURN NEXT row;
  END LOOP;

  FOR builtin IN SELECT b.* FROM dap_internal.builtin_sources() b LOOP
    SELECT s.* INTO known FROM dap_internal.sources s WHERE s.source = builtin.source;
    existed := FOUND;
    -- A pattern's own characters in the directory's name stand for themselves.
    wanted_path := CASE WHEN inbox IS NULL AND existed THEN known.path
      ELSE coalesce(pg_catalog.regexp_replace(directory, '([][*?{}\\])', '\\\1', 'g')
        || CASE directory WHEN '/' THEN '' ELSE '/' END, '')
        || builtin.source || '*.csv{,.gz,.zst}' END;
    relation := dap.create_source(builtin.source, wanted_path,
      CASE WHEN existed THEN known.columns ELSE builtin.columns END,
      CASE WHEN existed THEN known.options ELSE '{}' END, or_replace => existed);
    row := ROW(relation::text, 'source',
      CASE WHEN known.has_table IS NOT TRUE THEN 'created' WHEN known.path IS DISTINCT FROM wanted_path THEN 'changed'
      ELSE 'exists' END,
      dap_internal.describe_inbox(directory, wanted_path));
    RETURN NEXT row;
  END LOOP;

  FOR builtin IN SELECT b.* FROM dap_internal.builtin_clean_models() b LOOP
    existed := dap_internal.relation(builtin.model) IS NOT NULL;
    row := ROW(builtin.model, 'clean model', CASE WHEN existed THEN 'exists' ELSE 'created' END, NULL);
    BEGIN
      relation := dap.create_clean_model(builtin.model, builtin.source, builtin.columns, builtin.key,
        builtin.latest_by);
      IF NOT existed THEN
        PERFORM dap_internal.comment_table(relation, builtin.comments);
      END IF;
    EXCEPTION WHEN duplicate_object THEN
      row.action := 'kept';
      row.note := 'it has a definition of its own';
    END;
    RETURN NEXT row;
  END LOOP;

  FOR builtin IN SELECT b.* FROM dap_internal.builtin_models() b LOOP
    relation := dap_internal.relation(builtin.model);
    existed := relation IS NOT NULL;
    SELECT m.settings, r.hash IS NOT NULL AS outdated INTO known
    FROM dap_internal.models m LEFT JOIN dap_internal.released_queries() r
      ON r.model = builtin.model AND r.hash = pg_catalog.md5(m.query)
    WHERE m.relation = relation;
    row := ROW(builtin.model, 'model', CASE WHEN existed THEN 'exists' ELSE 'created' END, NULL);
    BEGIN
      relation := dap.create_model(builtin.model, builtin.query, builtin.key, coalesce(known.outdated, false),
        known.settings);
      IF known.outdated THEN
        row.action := 'changed';
        row.note := 'it was the built-in model of an earlier version';
      END IF;
      IF NOT existed THEN
        PERFORM dap_internal.comment_table(relation, builtin.comments);
      END IF;
    EXCEPTION WHEN duplicate_object THEN
      row.action := 'kept';
      row.note := 'it has a definition of its own';
    END;
    RETURN NEXT row;
  END LOOP;

  -- The owner works with its own layers.
  IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.oid = owner::oid)
      AND NOT pg_catalog.has_function_privilege(owner, 'dap.grant_access(regrole, text)', 'EXECUTE') THEN
    PERFORM dap.grant_access(owner, 'admin');
    row := ROW(owner::text, 'owner', 'changed', 'has access level admin');
    RETURN NEXT row;
  END IF;
END $$;
COMMENT ON FUNCTION dap.setup(text, regrole) IS
  'Makes the three layers and the built-in pipeline over users, onboarding and transactions. inbox: the directory of '
  'the files, or NULL to look below dap.ingest_directories. Calling it again changes nothing but built-in models of '
  'an earlier version';
