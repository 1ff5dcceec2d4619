-- Sources: where files come from, and the table that holds their live records as text.

CREATE FUNCTION dap_internal.make_raw_table(source text, columns text[], owner regrole) RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target text := pg_catalog.format('%I.%I', dap_internal.layer(0), source);
BEGIN
  PERFORM dap_internal.run_as(owner, pg_catalog.format(
    'CREATE TABLE %s (_line bigint NOT NULL, _file_id integer NOT NULL, %s)', target,
    (SELECT pg_catalog.string_agg(pg_catalog.format('%I text', c.name), ', ' ORDER BY c.n)
      FROM pg_catalog.unnest(columns) WITH ORDINALITY AS c(name, n))));
  PERFORM dap_internal.run_as(owner, pg_catalog.format(
    'COMMENT ON TABLE %1$s IS %2$L; COMMENT ON COLUMN %1$s._line IS %3$L; COMMENT ON COLUMN %1$s._file_id IS %4$L',
    target,
    pg_catalog.format('Live records of source %s, as they came. Written by dap.ingest_csv() alone', source),
    'Line of the file where the record starts; the header is line 1', 'The file, as in dap.files'));
  RETURN dap_internal.relation(target);
END $$;
COMMENT ON FUNCTION dap_internal.make_raw_table(text, text[], regrole) IS 'Internal: creates the table of a source';

-- For new tables and for those that an earlier version made: what is there already stays. Where rows come in by way of
-- another table (a partition's parent) or are changed there (an inheritance parent), statements do not fire the table's
-- own triggers: there each row is asked for, in later partitions too, and whenever the table gets such a parent. A load
-- that writes pages asks no trigger.
CREATE FUNCTION dap_internal.guard_raw_table(relation regclass, owner regrole) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  -- PostgreSQL 15 has no TRUNCATE triggers on foreign tables.
  truncates boolean := pg_catalog.current_setting('server_version_num')::integer >= 160000
    OR (SELECT c.relkind FROM pg_catalog.pg_class c WHERE c.oid = relation) <> 'f';
  inserts boolean := EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = relation)
    OR (SELECT c.relkind FROM pg_catalog.pg_class c WHERE c.oid = relation) <> 'f';
BEGIN
  PERFORM dap_internal.write('guard', relation, '{}');
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid
    AND a.attnum = d.adnum
      WHERE d.adrelid = relation AND a.attname = '_file_id' AND pg_catalog.pg_get_expr(d.adbin,
        d.adrelid) = 'dap_internal.no_stray_insert()') THEN
    PERFORM dap_internal.run_as(owner,
      pg_catalog.format('ALTER TABLE %s ALTER COLUMN _file_id SET DEFAULT dap_internal.no_stray_insert()', relation));
  END IF;
  -- tgtype: 1 ROW, 2 BEFORE, 4 INSERT, 8 DELETE, 16 UPDATE, 32 TRUNCATE
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = relation AND t.tgname = 'dap_guard'
      AND t.tgfoid = 'dap_internal.guard()'::regprocedure AND t.tgtype = 30
        + CASE WHEN truncates THEN 32 ELSE 0 END) THEN
    PERFORM dap_internal.run_as(owner, pg_catalog.format(
      'CREATE OR REPLACE TRIGGER dap_guard BEFORE INSERT OR UPDATE OR DELETE%s ON %s FOR EACH STATEMENT EXECUTE '
      'FUNCTION dap_internal.guard()',
      CASE WHEN truncates THEN ' OR TRUNCATE' ELSE '' END, relation));
  END IF;
  -- A name of its own: the table may become a partition of another source's, whose trigger it gets beside its own. A
  -- foreign table that has no parent takes no row trigger of INSERT, which would have it send row by row.
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = relation AND t.tgparentid = 0
      AND t.tgfoid = 'dap_internal.guard()'::regprocedure AND t.tgtype = 27 + CASE WHEN inserts THEN 4 ELSE 0 END) THEN
    PERFORM dap_internal.run_as(owner, pg_catalog.format(
      'CREATE OR REPLACE TRIGGER %I BEFORE %sUPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION dap_internal.guard()',
      'dap_guard_rows_' || (SELECT s.source_id FROM dap_internal.sources s WHERE s.relation = guard_raw_table.relation),
      CASE WHEN inserts THEN 'INSERT OR ' ELSE '' END, relation));
  END IF;
END $$;
COMMENT ON FUNCTION dap_internal.guard_raw_table(regclass, regrole)
  IS 'Internal: protects a source''s table from changes by hand';

-- Raises unless `relation`, which the ledger does not know, could have been made by create_source.
CREATE FUNCTION dap_internal.check_adoptable(relation regclass, columns text[], owner regrole) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  problem text;
BEGIN
  SELECT CASE
    WHEN c.relkind NOT IN ('r', 'p', 'f') THEN 'it is no table'
    WHEN c.relowner <> owner::oid THEN pg_catalog.format('its owner is not %s, the owner of the schema', owner)
  END INTO problem FROM pg_catalog.pg_class c WHERE c.oid = relation;
  IF problem IS NULL THEN
    SELECT pg_catalog.format('it lacks column %I of type %s', w.name, w.type) INTO problem
    FROM (VALUES (-1::bigint, '_line', 'bigint'), (0, '_file_id', 'integer')
          UNION ALL SELECT c.n, c.name, 'text' FROM pg_catalog.unnest(columns) WITH ORDINALITY AS c(name, n)) AS w(n,
            name, type)
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = relation AND a.attname = w.name
      AND NOT a.attisdropped
      AND pg_catalog.format_type(a.atttypid, a.atttypmod) = w.type)
    ORDER BY w.n LIMIT 1;
  END IF;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = pg_catalog.format('table %s already exists', relation),
      DETAIL = pg_catalog.format('It cannot become the table of a source: %s.', problem),
      HINT = 'Rename or drop it, or give the source another name.';
  END IF;
END $$;
COMMENT ON FUNCTION dap_internal.check_adoptable(regclass, text[], regrole)
  IS 'Internal: raises unless an existing table can become the table of a source';

CREATE FUNCTION dap_internal.adopt_raw_table(relation regclass, owner regrole) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  renumbered jsonb := dap_internal.write('adopt', relation, '{}');
BEGIN
  IF renumbered <> '{}' THEN
    PERFORM dap_internal.run_as(owner, pg_catalog.format(
      'UPDATE %s t SET _file_id = (%L::jsonb ->> t._file_id::text)::integer', relation, renumbered));
  END IF;
END $$;
COMMENT ON FUNCTION dap_internal.adopt_raw_table(regclass, regrole)
  IS 'Internal: enters the records of an existing table into the ledger';

-- Brings the table of an existing source to another list of columns. Values are never thrown away.
CREATE FUNCTION dap_internal.alter_raw_table(relation regclass, old_columns text[], new_columns text[], owner regrole)
  RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  name text;
  user_model text;
  holds_values boolean;
BEGIN
  FOR name IN SELECT o FROM pg_catalog.unnest(old_columns) AS o WHERE o <> ALL (new_columns)
    AND EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = relation AND a.attname = o
      AND NOT a.attisdropped)
  LOOP
    SELECT m.relation::text INTO user_model FROM dap_internal.models m
    WHERE relation = ANY (m.upstream) AND m.kind = 'clean'
      AND EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(m.columns) AS r
        WHERE coalesce(r->>'source', r->>'name') = name) LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist',
        MESSAGE = pg_catalog.format('column "%s" cannot be removed from %s', name, relation),
        DETAIL = pg_catalog.format('Model %s reads it.', user_model), HINT = 'Change or drop the model first.';
    END IF;
    holds_values := dap_internal.run_as(owner,
      pg_catalog.format('SELECT EXISTS (SELECT FROM %s t WHERE t.%I IS NOT NULL)', relation, name));
    IF holds_values THEN
      RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = pg_catalog.format('column "%s" of %s holds values', name, relation),
        DETAIL = 'A source''s table keeps every live record as it came.',
        HINT = 'Keep the column and list it in option "optional", or drop the source and create it anew.';
    END IF;
    PERFORM dap_internal.run_as(owner, pg_catalog.format('ALTER TABLE %s DROP COLUMN %I', relation, name));
  END LOOP;
  -- A file may have brought the column before (option "on_new_column").
  FOR name IN SELECT n.name FROM pg_catalog.unnest(new_columns) WITH ORDINALITY AS n(name, n)
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = relation AND a.attname = n.name
      AND NOT a.attisdropped) ORDER BY n.n
  LOOP
    PERFORM dap_internal.run_as(owner, pg_catalog.format('ALTER TABLE %s ADD COLUMN %I text', relation, name));
    IF name = ANY (old_columns) THEN
      RAISE WARNING USING MESSAGE = pg_catalog.format('column "%s" of %s was dropped by hand and is made anew, empty',
        name, relation),
        DETAIL = 'Records of files that were loaded before have no value in it.';
    END IF;
  END LOOP;
END $$;
COMMENT ON FUNCTION dap_internal.alter_raw_table(regclass, text[], text[], regrole)
  IS 'Internal: adds columns to the table of a source, removes empty ones';

-- The columns of the first file that a path means now.
CREATE FUNCTION dap_internal.first_header(source text, path text, options jsonb) RETURNS text[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  header text[];
BEGIN
  IF NOT (dap_internal.effective_options(options)->>'header')::boolean THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = pg_catalog.format('source "%s" needs columns', source),
      DETAIL = 'Its files have no header (option "header" is false).';
  ELSIF path IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = pg_catalog.format('source "%s" needs columns or a path', source),
      HINT = 'Without columns they are read from the header of the first file.';
  END IF;
  header := dap_internal.csv_header(path, options);
  IF header IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_file', MESSAGE = pg_catalog.format('no file matches "%s"', path),
      HINT = 'Give the columns, or put a file there first.';
  END IF;
  RETURN ARRAY(SELECT pg_catalog.btrim(h.name, E' \t') FROM pg_catalog.unnest(header) WITH ORDINALITY AS h(name, n)
    ORDER BY h.n);
END $$;
COMMENT ON FUNCTION dap_internal.first_header(text, text, jsonb)
  IS 'Internal: the header of the first file of a source';

-- Is the source defined like this already (NULL columns: whatever they are)? What or_replace would bring back, a column
-- that was dropped by hand, is a difference, too.
CREATE FUNCTION dap_internal.is_same_source(source text, path text, columns text[], options jsonb, or_replace boolean)
  RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT EXISTS (
    SELECT FROM dap_internal.sources s
    WHERE s.source = is_same_source.source AND s.has_table
      AND (is_same_source.columns IS NULL OR is_same_source.columns = s.columns)
      AND is_same_source.path IS NOT DISTINCT FROM s.path
      AND dap_internal.effective_options(is_same_source.options) = dap_internal.effective_options(s.options)
      AND NOT (or_replace IS NOT FALSE AND EXISTS (
        SELECT FROM pg_catalog.unnest(s.columns) AS c
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = s.relation AND a.attname = c
          AND NOT a.attisdropped))))
$$;
COMMENT ON FUNCTION dap_internal.is_same_source(text, text, text[], jsonb, boolean)
  IS 'Internal: is a source defined like this already?';

CREATE FUNCTION dap.create_source(source text, path text DEFAULT NULL, columns text[] DEFAULT NULL,
  options jsonb DEFAULT '{}',
  or_replace boolean DEFAULT false) RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  owner regrole := dap_internal.layer_owner(0);
  adopt boolean;
  kept_options jsonb;
  known record;
  target regclass;
  holds_rows boolean := false;
BEGIN
  -- raises for those who cannot act for the owner, before anything else is told
  PERFORM dap_internal.run_as(owner, 'SELECT');
  -- A load in flight is waited for, so that what it brings counts; not where nothing changes.
  IF source IS NULL OR dap_internal.is_same_source(source, path, columns,
      CASE WHEN options IS NULL THEN '{}' WHEN pg_catalog.jsonb_typeof(options) = 'object' THEN options - 'adopt' END,
        or_replace) THEN
    PERFORM dap_internal.lock_definitions();
  ELSE
    PERFORM dap_internal.lock_definition(source);
  END IF;
  PERFORM dap_internal.check_name(source, 'a source');
  owner := dap_internal.layer_owner(0);  -- it may be another one since the lock was waited for
  PERFORM dap_internal.run_as(owner, 'SELECT');
  PERFORM dap_internal.check_options(coalesce(options, '{}'));
  kept_options := coalesce(options, '{}') - 'adopt';
  adopt := coalesce((options->>'adopt')::boolean, false);
  IF path = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'path is empty';
  END IF;
  IF columns IS NOT NULL THEN
    PERFORM dap_internal.check_column_names(columns);
  END IF;

  SELECT s.* INTO known FROM dap_internal.sources s WHERE s.source = create_source.source;
  IF FOUND AND known.has_table THEN
    IF dap_internal.is_same_source(source, path, columns, kept_options, or_replace) THEN
      RAISE NOTICE USING MESSAGE = pg_catalog.format('source "%s" already exists with this definition, skipping',
        source);
      RETURN known.relation;
    ELSIF NOT or_replace THEN
      RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
        MESSAGE = pg_catalog.format('source "%s" already exists with another definition', source),
        HINT = 'Change it with or_replace => true.';
    END IF;
    PERFORM dap_internal.lock_definition(source);  -- it may have become another one since
    columns := coalesce(columns, known.columns);
    PERFORM dap_internal.alter_raw_table(known.relation, known.columns, columns, owner);
    target := known.relation;
  ELSE
    -- Where only the table is gone nothing is left that or_replace would protect.
    columns := coalesce(columns, known.columns, dap_internal.first_header(source, path, kept_options));
    PERFORM dap_internal.check_column_names(columns);
    target := dap_internal.relation(pg_catalog.format('%I.%I', dap_internal.layer(0), source));
    IF target IS NULL THEN
      target := dap_internal.make_raw_table(source, columns, owner);
    ELSE
      PERFORM dap_internal.check_adoptable(target, columns, owner);
      holds_rows := dap_internal.run_as(owner, pg_catalog.format('SELECT EXISTS (SELECT FROM %s)', target));
      IF holds_rows AND NOT adopt THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_table',
          MESSAGE = pg_catalog.format('table %s already exists and holds records', target),
          DETAIL = 'The ledger does not know where they came from.',
          HINT = pg_catalog.format('Take them over with options => %L, or rename the table.', '{"adopt": true}');
      END IF;
      -- Of an earlier source: what is adopted gets new numbers.
      PERFORM dap_internal.run_as(owner, pg_catalog.format('DROP TRIGGER %I ON %s', t.tgname, target))
      FROM pg_catalog.pg_trigger t
      WHERE t.tgrelid = target AND t.tgfoid = 'dap_internal.guard()'::regprocedure AND t.tgparentid = 0;
      PERFORM dap_internal.run_as(owner,
        pg_catalog.format('ALTER TABLE %s ALTER COLUMN _line SET NOT NULL, ALTER COLUMN _file_id SET NOT NULL',
        target));
    END IF;
  END IF;

  PERFORM dap_internal.write('source', target, pg_catalog.jsonb_build_object('source', source, 'path', path, 'columns',
    columns, 'options', kept_options));
  PERFORM dap_internal.bring_readers(target);
  IF holds_rows THEN
    PERFORM dap_internal.adopt_raw_table(target, owner);
  END IF;
  PERFORM dap_internal.guard_raw_table(target, owner);
  RETURN target;
END $$;
COMMENT ON FUNCTION dap.create_source(text, text, text[], jsonb, boolean) IS
  'Defines a source of CSV files and creates its table in the raw layer. path: a file, directory or glob; columns: '
  'NULL takes them from the first file';

CREATE FUNCTION dap.drop_source(source text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  known record;
  is_foreign boolean;
BEGIN
  -- a load that goes on is waited for, so that its file is among those that go
  PERFORM dap_internal.lock_definition(coalesce(source, ''));
  SELECT s.* INTO known FROM dap_internal.sources s WHERE s.source = drop_source.source;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = pg_catalog.format('source "%s" does not exist', source);
  END IF;
  PERFORM dap_internal.check_no_readers(known.relation, pg_catalog.format('source "%s"', source));
  SELECT c.relkind = 'f' INTO is_foreign FROM pg_catalog.pg_class c WHERE c.oid = known.relation;
  PERFORM dap_internal.write('drop_source', known.relation, '{}');
  IF known.has_table THEN
    PERFORM dap_internal.run_as((SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = known.relation)::regrole,
      pg_catalog.format('DROP %s %s', CASE WHEN is_foreign THEN 'FOREIGN TABLE' ELSE 'TABLE' END, known.relation));
  END IF;
END $$;
COMMENT ON FUNCTION dap.drop_source(text) IS
  'Removes a source, its table and its rejects; the lines of its files stay in dap.files as unloaded. Refused while a '
  'model reads it';
