\echo Use "CREATE EXTENSION dap_analytics" to load this file. \quit

-- The extension's own schema. A plain CREATE: where somebody made a schema of this name before, the installation fails rather than trust what is in it.
CREATE SCHEMA dap;
COMMENT ON SCHEMA dap IS 'dap_analytics: functions, ledger and views of the pipeline from CSV files to analytics';
-- Definitions and the ledger. Written by the extension's C code alone: no role is granted anything here. Rows are part of a dump.

CREATE SEQUENCE dap.source_id_seq AS integer;
CREATE TABLE dap.source_definition (
  source_id integer PRIMARY KEY DEFAULT pg_catalog.nextval('dap.source_id_seq'),
  source text NOT NULL UNIQUE,
  relation regclass NOT NULL UNIQUE,
  path text,
  path_by text NOT NULL,
  columns text[] NOT NULL CHECK (array_position(columns, NULL) IS NULL),
  options jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(options) = 'object'),
  definition_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  created_by text NOT NULL
);
COMMENT ON TABLE dap.source_definition IS 'Sources: what dap.create_source was given';

CREATE SEQUENCE dap.model_id_seq AS integer;
CREATE TABLE dap.model_definition (
  model_id integer PRIMARY KEY DEFAULT pg_catalog.nextval('dap.model_id_seq'),
  relation regclass NOT NULL UNIQUE,
  tier smallint NOT NULL CHECK (tier IN (1, 2)),
  kind text NOT NULL CHECK (kind IN ('clean', 'query')),
  source_id integer,
  columns jsonb NOT NULL CHECK (jsonb_typeof(columns) = 'array'),
  key text[] NOT NULL CHECK (cardinality(key) > 0 AND array_ndims(key) = 1 AND array_position(key, NULL) IS NULL),
  latest_by text[] CHECK (array_position(latest_by, NULL) IS NULL),
  query text,
  upstream regclass[] NOT NULL CHECK (array_position(upstream, NULL) IS NULL),
  always boolean NOT NULL DEFAULT false,
  definition_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  created_by text NOT NULL,
  -- The module reads these without looking twice.
  CHECK ((kind = 'clean') = (source_id IS NOT NULL) AND (kind = 'query') = (query IS NOT NULL))
);
COMMENT ON TABLE dap.model_definition IS 'Models: what dap.create_clean_model and dap.create_model were given; tier 1 is refreshed by refresh_intermediate, 2 by refresh_analytics';

CREATE TABLE dap.model_state (
  model_id integer PRIMARY KEY,
  definition_hash text NOT NULL,
  inputs jsonb NOT NULL,
  version bigint NOT NULL,
  rows bigint NOT NULL,
  rejected bigint NOT NULL DEFAULT 0,
  run_id bigint,
  refreshed_at timestamptz NOT NULL
);
COMMENT ON TABLE dap.model_state IS 'What each model was last built from: the versions of its inputs, and its own version, which grows when its rows change';

CREATE SEQUENCE dap.file_id_seq AS integer;
CREATE SEQUENCE dap.change_id_seq;
CREATE TABLE dap.file_ledger (
  file_id integer PRIMARY KEY DEFAULT pg_catalog.nextval('dap.file_id_seq'),
  source_id integer NOT NULL,
  source text NOT NULL,
  path text NOT NULL,
  status text NOT NULL CHECK (status IN ('loaded', 'failed', 'unloaded', 'dismissed', 'archived')),
  reason text,
  content_hash bytea,
  modified_at timestamptz,
  bytes bigint,
  rows_read bigint,
  rows_loaded bigint,
  rows_rejected bigint,
  options jsonb NOT NULL DEFAULT '{}',
  ignored_columns text[],
  definition_hash text NOT NULL,
  reading jsonb,  -- of a file with rejects: its header's bytes (hex), delimiter, quote and escape
  blocks int8multirange,  -- of the source's table, that held the file's rows when they were written; NULL: unknown. See dap.file_rows()
  change_id bigint NOT NULL DEFAULT pg_catalog.nextval('dap.change_id_seq'),
  loaded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  loaded_by text NOT NULL,
  run_id bigint
);
CREATE INDEX file_ledger_content_idx ON dap.file_ledger (source_id, bytes, content_hash);
CREATE INDEX file_ledger_path_idx ON dap.file_ledger (source_id, path);
COMMENT ON TABLE dap.file_ledger IS 'One line per content loaded, failed, unloaded, dismissed or archived';

CREATE TABLE dap.file_identity (
  source_id integer NOT NULL,
  path text NOT NULL,
  device bigint NOT NULL,
  inode bigint NOT NULL,
  size bigint NOT NULL,
  mtime_ns bigint NOT NULL,
  ctime_ns bigint NOT NULL,
  read_ns bigint NOT NULL,
  content_hash bytea NOT NULL,
  bytes bigint NOT NULL,
  PRIMARY KEY (source_id, path)
);
CREATE INDEX file_identity_size_idx ON dap.file_identity (source_id, size);
COMMENT ON TABLE dap.file_identity IS 'What bytes a path held when it was last read, so that an unchanged file is recognised without reading it';

CREATE SEQUENCE dap.reject_id_seq;
CREATE TABLE dap.reject_ledger (
  reject_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('dap.reject_id_seq'),
  file_id integer NOT NULL,
  source_id integer NOT NULL,
  line bigint,
  byte_offset bigint,
  stage text NOT NULL CHECK (stage IN ('ingest', 'clean')),
  model_id integer,
  column_name text,
  reason text NOT NULL,
  message text NOT NULL,
  raw bytea,
  raw_length bigint,
  run_id bigint
);
CREATE INDEX reject_ledger_file_idx ON dap.reject_ledger (file_id, line);
CREATE INDEX reject_ledger_model_idx ON dap.reject_ledger (model_id, file_id, line);
COMMENT ON TABLE dap.reject_ledger IS 'Every record or value that was not taken, with its place and reason';

CREATE SEQUENCE dap.run_id_seq;
CREATE TABLE dap.run_ledger (
  run_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('dap.run_id_seq'),
  command text NOT NULL,
  status text NOT NULL CHECK (status IN ('running', 'returned', 'succeeded', 'failed', 'crashed', 'aborted')),
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  failed_step text,
  sqlstate text,
  message text,
  detail text,
  hint text,
  run_by text NOT NULL,
  pid integer,
  xid xid8,
  system_identifier bigint,
  database_oid oid
);
COMMENT ON TABLE dap.run_ledger IS 'One line per refresh; running and returned lines are judged by their transaction (see dap.runs)';

CREATE TABLE dap.step_ledger (
  run_id bigint NOT NULL,
  step integer NOT NULL,
  object text NOT NULL,
  action text NOT NULL CHECK (action IN ('loaded', 'skipped', 'failed', 'built', 'merged', 'unchanged')),
  rows_in bigint,
  rows_inserted bigint,
  rows_updated bigint,
  rows_deleted bigint,
  rows_rejected bigint,
  elapsed interval,
  message text,
  PRIMARY KEY (run_id, step)
);
COMMENT ON TABLE dap.step_ledger IS 'The steps of each refresh';

-- A dump takes rows and sequence positions. One command for each: all of them change the extension's one catalog row.
DO $$
DECLARE
  relation regclass;
BEGIN
  FOREACH relation IN ARRAY ARRAY['dap.source_id_seq', 'dap.source_definition', 'dap.model_id_seq', 'dap.model_definition', 'dap.model_state',
    'dap.file_id_seq', 'dap.change_id_seq', 'dap.file_ledger', 'dap.file_identity', 'dap.reject_id_seq', 'dap.reject_ledger',
    'dap.run_id_seq', 'dap.run_ledger', 'dap.step_ledger']::regclass[]
  LOOP
    PERFORM pg_catalog.pg_extension_config_dump(relation, '');
  END LOOP;
END
$$;
-- What every definition function stands on: the layers' names, the two primitives that change something, and the ledger's writers.

CREATE FUNCTION dap.version() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT e.extversion FROM pg_catalog.pg_extension e WHERE e.extname = 'dap_analytics' $$;
COMMENT ON FUNCTION dap.version() IS 'The version of dap_analytics that is installed in this database';

-- The layers, in the order in which rows pass them.
CREATE FUNCTION dap._layer(tier integer) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT (ARRAY['staging', 'intermediate', 'analytics'])[tier + 1] $$;
COMMENT ON FUNCTION dap._layer(integer) IS 'Internal: the schema of tier 0 (sources), 1 (clean) or 2 (analytics)';

CREATE FUNCTION dap._tier(layer text) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_catalog.array_position(ARRAY['staging', 'intermediate', 'analytics'], layer) - 1 $$;
COMMENT ON FUNCTION dap._tier(text) IS 'Internal: the tier of a layer''s schema; NULL for any other schema';

CREATE FUNCTION dap._layer_owner(tier integer) RETURNS regrole
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  layer_owner oid;
BEGIN
  SELECT n.nspowner INTO layer_owner FROM pg_catalog.pg_namespace n WHERE n.nspname = dap._layer(tier);
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_schema_name', MESSAGE = pg_catalog.format('schema "%s" does not exist', dap._layer(tier)),
      HINT = 'dap.setup() creates the layers.';
  END IF;
  RETURN layer_owner;
END $$;
COMMENT ON FUNCTION dap._layer_owner(integer) IS 'Internal: the role that owns a layer and every table in it';

-- Unlike a cast to regclass it needs no USAGE on the schema: members of the owner that do not inherit its rights define sources too.
CREATE FUNCTION dap._relation(target text) RETURNS regclass
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT c.oid::regclass FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = (pg_catalog.parse_ident(target))[1] AND c.relname = (pg_catalog.parse_ident(target))[2]
$$;
COMMENT ON FUNCTION dap._relation(text) IS 'Internal: the relation of a qualified name; NULL if there is none';

CREATE FUNCTION dap._run_as(owner regrole, statement text) RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_run_as';
COMMENT ON FUNCTION dap._run_as(regrole, text) IS
  'Internal: runs statements as a role that the caller could SET ROLE to, in a security-restricted operation; returns the last one''s first value';

CREATE FUNCTION dap._lock_definitions() RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_lock_definitions';
COMMENT ON FUNCTION dap._lock_definitions() IS
  'Internal: waits for a running refresh and holds the next one until the end of the transaction, before a definition is changed';

CREATE FUNCTION dap._write(kind text, relation regclass, payload jsonb) RETURNS jsonb
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_write';
COMMENT ON FUNCTION dap._write(text, regclass, jsonb) IS
  'Internal: writes a definition or the ledger on behalf of the owner of a relation';

CREATE FUNCTION dap._check_rule(rule jsonb, is_key boolean, OUT name text, OUT source text, OUT type text) RETURNS record
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_check_rule';
COMMENT ON FUNCTION dap._check_rule(jsonb, boolean) IS
  'Internal: validates one rule of a clean model; returns its column, the source''s column and the type';

CREATE FUNCTION dap._analyze_query(query text, owner regrole, OUT columns text[], OUT types text[], OUT upstream regclass[], OUT always boolean)
RETURNS record
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_analyze_query';
COMMENT ON FUNCTION dap._analyze_query(text, regrole) IS
  'Internal: what one SELECT gives and reads, and whether it can change though no table that it reads does';

CREATE FUNCTION dap._guard() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_guard';
COMMENT ON FUNCTION dap._guard() IS 'Internal: trigger that refuses UPDATE, DELETE and TRUNCATE of a source''s records by hand';

CREATE FUNCTION dap._no_stray_insert() RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_no_stray_insert';
COMMENT ON FUNCTION dap._no_stray_insert() IS 'Internal: default of _file_id in a source''s table; refuses INSERT by hand';

-- Definitions as the functions read them: nobody has rights on the tables themselves.
CREATE VIEW dap._sources AS
SELECT s.source_id, s.source, s.relation, s.path, s.columns, s.options, s.definition_hash, c.oid IS NOT NULL AS has_table
FROM dap.source_definition s LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) s.relation;
COMMENT ON VIEW dap._sources IS 'Internal: the sources'' definitions';

CREATE VIEW dap._models AS
SELECT m.model_id, m.relation, m.tier, m.kind, m.source_id, m.columns, m.key, m.latest_by, m.query, m.upstream, m.always, m.definition_hash,
  c.oid IS NOT NULL AS has_table
FROM dap.model_definition m LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) m.relation;
COMMENT ON VIEW dap._models IS 'Internal: the models'' definitions';

-- Columns and dialect decide what a file's bytes parse to; what a caller may do with the result does not belong here.
CREATE FUNCTION dap._source_hash(columns text[], options jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT pg_catalog.md5(pg_catalog.to_jsonb(columns)::text || (dap._effective_options(options) - ARRAY['settle', 'on_failed_file', 'arrival'])::text)
$$;

CREATE FUNCTION dap._effective_options(options jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT '{"delimiter": ",", "quote": "\"", "escape": "\"", "header": true, "null": "", "encoding": "UTF8", "compression": "auto",
    "lenient": false, "on_error": "reject", "max_rejects": null, "max_reject_percent": 1, "on_failed_file": "stop", "on_new_column": "add",
    "aliases": {}, "optional": [], "arrival": "loaded", "settle": 0}'::jsonb || (options - 'adopt')
$$;
COMMENT ON FUNCTION dap._source_hash(text[], jsonb) IS 'Internal: identifies what decides how a file is read';
COMMENT ON FUNCTION dap._effective_options(jsonb) IS 'Internal: a source''s options over their defaults';

-- The writers. dap._write() has checked that the caller owns `relation`; they run as the ledger's owner.
CREATE FUNCTION dap._check_permanent_table(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't') THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = pg_catalog.format('%s is not a permanent table', relation);
  END IF;
END $$;
COMMENT ON FUNCTION dap._check_permanent_table(regclass) IS 'Internal: raises unless every session could load into the relation';

CREATE FUNCTION dap._write_source(relation regclass, payload jsonb, caller text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  id integer;
  names text[] := ARRAY(SELECT c.name FROM pg_catalog.jsonb_array_elements_text(payload->'columns') WITH ORDINALITY AS c(name, n) ORDER BY c.n);
BEGIN
  PERFORM dap._check_permanent_table(relation);
  -- What "later" means decides which records win: the models must see their inputs as changed.
  UPDATE dap.model_state s SET inputs = '{}'
  FROM dap.source_definition d JOIN dap.model_definition m ON m.source_id = d.source_id
  WHERE d.source = payload->>'source' AND m.model_id = s.model_id
    AND dap._effective_options(d.options)->'arrival' <> dap._effective_options(payload->'options')->'arrival';
  INSERT INTO dap.source_definition AS d (source, relation, path, path_by, columns, options, definition_hash, created_by)
  VALUES (payload->>'source', _write_source.relation, payload->>'path', caller, names, payload->'options',
    dap._source_hash(names, payload->'options'), caller)
  ON CONFLICT (source) DO UPDATE SET path = excluded.path,
    path_by = CASE WHEN d.path IS DISTINCT FROM excluded.path THEN excluded.path_by ELSE d.path_by END, columns = excluded.columns, options = excluded.options,
    definition_hash = excluded.definition_hash
  WHERE d.relation = excluded.relation
  RETURNING source_id INTO id;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = pg_catalog.format('source "%s" already exists', payload->>'source');
  END IF;
  RETURN pg_catalog.to_jsonb(id);
END $$;

CREATE FUNCTION dap._write_model(relation regclass, payload jsonb, caller text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  id integer;
BEGIN
  PERFORM dap._check_permanent_table(relation);
  INSERT INTO dap.model_definition AS d (relation, tier, kind, source_id, columns, key, latest_by, query, upstream, always, definition_hash, created_by)
  SELECT _write_model.relation, m.tier, m.kind, m.source_id, m.columns, m.key, m.latest_by, m.query,
    ARRAY(SELECT u::oid::regclass FROM pg_catalog.unnest(m.upstream) AS u ORDER BY 1), m.always, m.definition_hash, caller
  FROM pg_catalog.jsonb_to_record(payload) AS m(tier smallint, kind text, source_id integer, columns jsonb, key text[], latest_by text[],
    query text, upstream bigint[], always boolean, definition_hash text)
  ON CONFLICT (relation) DO UPDATE SET kind = excluded.kind, source_id = excluded.source_id, columns = excluded.columns, key = excluded.key,
    latest_by = excluded.latest_by, query = excluded.query, upstream = excluded.upstream, always = excluded.always,
    definition_hash = excluded.definition_hash
  RETURNING model_id INTO id;
  RETURN pg_catalog.to_jsonb(id);
END $$;

-- The table's owner must be able to execute what the table calls.
CREATE FUNCTION dap._write_guard(relation regclass, payload jsonb, caller text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  table_owner regrole := (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = relation);
BEGIN
  IF NOT (pg_catalog.has_function_privilege(table_owner, 'dap._guard()', 'EXECUTE')
      AND pg_catalog.has_function_privilege(table_owner, 'dap._no_stray_insert()', 'EXECUTE')) THEN
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION dap._guard(), dap._no_stray_insert() TO %s', table_owner);
  END IF;
  RETURN NULL;
END $$;

-- Records that were in a table before the ledger knew it get ledger lines, so that their arrival is ordered before everything that follows.
CREATE FUNCTION dap._write_adopt(relation regclass, payload jsonb, caller text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  held record;
  id integer;
  renumbered jsonb := '{}';
BEGIN
  FOR held IN SELECT f.file_id, f.records FROM pg_catalog.jsonb_to_recordset(payload->'files') AS f(file_id integer, records bigint) ORDER BY 1 LOOP
    id := pg_catalog.nextval('dap.file_id_seq');
    INSERT INTO dap.file_ledger (file_id, source_id, source, path, status, reason, rows_read, rows_loaded, rows_rejected, definition_hash, loaded_by)
    SELECT id, s.source_id, s.source, pg_catalog.format('adopted: file %s of %s', held.file_id, _write_adopt.relation), 'loaded', 'adopted',
      held.records, held.records, 0, s.definition_hash, caller
    FROM dap.source_definition s WHERE s.relation = _write_adopt.relation;
    renumbered := renumbered || pg_catalog.jsonb_build_object(held.file_id::text, id);
  END LOOP;
  RETURN renumbered;
END $$;

CREATE FUNCTION dap._write_dismiss(relation regclass, payload jsonb, caller text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  ids jsonb;
  id integer;
  why text := payload->>'reason';
  hash bytea := pg_catalog.decode(payload->>'content_hash', 'hex');
BEGIN
  WITH dismissed AS (
    UPDATE dap.file_ledger f SET status = 'dismissed', reason = why, content_hash = coalesce(f.content_hash, hash),
      bytes = CASE WHEN f.content_hash IS NULL THEN coalesce((payload->>'bytes')::bigint, f.bytes) ELSE f.bytes END
    FROM dap.source_definition s
    WHERE s.relation = _write_dismiss.relation AND f.source_id = s.source_id AND f.path = payload->>'path' AND f.status = 'failed'
    RETURNING f.file_id)
  SELECT pg_catalog.jsonb_agg(d.file_id ORDER BY d.file_id) INTO ids FROM dismissed d;
  IF ids IS NULL AND hash IS NOT NULL THEN
    SELECT f.file_id INTO id FROM dap.file_ledger f JOIN dap.source_definition s ON s.source_id = f.source_id
    WHERE s.relation = _write_dismiss.relation AND f.status = 'dismissed' AND f.content_hash = hash AND f.bytes = (payload->>'bytes')::bigint
    ORDER BY f.file_id LIMIT 1;
    IF NOT FOUND THEN
      INSERT INTO dap.file_ledger (source_id, source, path, status, reason, content_hash, bytes, definition_hash, loaded_by)
      SELECT s.source_id, s.source, payload->>'path', 'dismissed', why, hash, (payload->>'bytes')::bigint, s.definition_hash, caller
      FROM dap.source_definition s WHERE s.relation = _write_dismiss.relation
      RETURNING file_id INTO id;
    END IF;
    ids := pg_catalog.jsonb_build_array(id);
  END IF;
  RETURN ids;
END $$;

-- The ledger's lines stay as history; what the source held, values in rejects too, goes with it.
CREATE FUNCTION dap._write_drop_source(relation regclass, payload jsonb, caller text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  id integer;
BEGIN
  DELETE FROM dap.source_definition s WHERE s.relation = _write_drop_source.relation RETURNING s.source_id INTO id;
  UPDATE dap.file_ledger f SET status = 'unloaded', reason = pg_catalog.format('source dropped by %s', caller)
  WHERE f.source_id = id AND f.status IN ('loaded', 'archived');
  DELETE FROM dap.file_identity f WHERE f.source_id = id;
  DELETE FROM dap.reject_ledger r WHERE r.source_id = id;
  RETURN NULL;
END $$;

CREATE FUNCTION dap._write_drop_model(relation regclass, payload jsonb, caller text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  id integer;
BEGIN
  DELETE FROM dap.model_definition m WHERE m.relation = _write_drop_model.relation RETURNING m.model_id INTO id;
  DELETE FROM dap.model_state s WHERE s.model_id = id;
  DELETE FROM dap.reject_ledger r WHERE r.model_id = id;
  RETURN NULL;
END $$;

COMMENT ON FUNCTION dap._write_source(regclass, jsonb, text) IS 'Internal: stores a source''s definition';
COMMENT ON FUNCTION dap._write_model(regclass, jsonb, text) IS 'Internal: stores a model''s definition';
COMMENT ON FUNCTION dap._write_guard(regclass, jsonb, text) IS 'Internal: lets a source''s owner use the guard of its table';
COMMENT ON FUNCTION dap._write_adopt(regclass, jsonb, text) IS 'Internal: gives records that were there before the ledger their lines';
COMMENT ON FUNCTION dap._write_dismiss(regclass, jsonb, text) IS 'Internal: marks a file''s bytes as dismissed';
COMMENT ON FUNCTION dap._write_drop_source(regclass, jsonb, text) IS 'Internal: removes a source from the catalog';
COMMENT ON FUNCTION dap._write_drop_model(regclass, jsonb, text) IS 'Internal: removes a model from the catalog';

CREATE FUNCTION dap._check_name(name text, what text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF name IS NULL OR name = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_name', MESSAGE = pg_catalog.format('%s must have a name', what);
  ELSIF pg_catalog.octet_length(name) > 63 THEN
    RAISE EXCEPTION USING ERRCODE = 'name_too_long', MESSAGE = pg_catalog.format('the name of %s is longer than 63 bytes', what),
      DETAIL = pg_catalog.format('It begins "%s".', pg_catalog.left(name, 40));
  END IF;
END $$;
COMMENT ON FUNCTION dap._check_name(text, text) IS 'Internal: raises unless the text can name a table or column';

CREATE FUNCTION dap._check_column_names(columns text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  name text;
  seen text[] := '{}';
BEGIN
  IF pg_catalog.cardinality(columns) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a source needs at least one column';
  ELSIF pg_catalog.array_ndims(columns) > 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'array_subscript_error', MESSAGE = 'columns must be a one-dimensional array';
  END IF;
  FOREACH name IN ARRAY columns LOOP
    PERFORM dap._check_name(name, pg_catalog.format('column %s', pg_catalog.cardinality(seen) + 1));
    IF name IN ('_line', '_file_id', 'tableoid', 'ctid', 'xmin', 'xmax', 'cmin', 'cmax') THEN
      RAISE EXCEPTION USING ERRCODE = 'reserved_name', MESSAGE = pg_catalog.format('column name "%s" is reserved', name),
        HINT = 'Map the header to another name with option "aliases".';
    ELSIF pg_catalog.lower(name) = ANY (seen) THEN
      RAISE EXCEPTION USING ERRCODE = 'duplicate_column', MESSAGE = pg_catalog.format('column name "%s" is given twice (case is ignored)', name);
    END IF;
    seen := seen || pg_catalog.lower(name);
  END LOOP;
END $$;
COMMENT ON FUNCTION dap._check_column_names(text[]) IS 'Internal: raises unless the texts can be the columns of a source';
-- Sources: where files come from, and the table that holds their live records as text.

CREATE FUNCTION dap._make_raw_table(source text, columns text[], owner regrole) RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target text := pg_catalog.format('%I.%I', dap._layer(0), source);
BEGIN
  PERFORM dap._run_as(owner, pg_catalog.format(
    'CREATE TABLE %s (_line bigint NOT NULL, _file_id integer NOT NULL DEFAULT dap._no_stray_insert(), %s)', target,
    (SELECT pg_catalog.string_agg(pg_catalog.format('%I text', c.name), ', ' ORDER BY c.n) FROM pg_catalog.unnest(columns) WITH ORDINALITY AS c(name, n))));
  PERFORM dap._run_as(owner, pg_catalog.format(
    'COMMENT ON TABLE %1$s IS %2$L; COMMENT ON COLUMN %1$s._line IS %3$L; COMMENT ON COLUMN %1$s._file_id IS %4$L', target,
    pg_catalog.format('Live records of source %s, as they came. Written by dap.ingest_csv() alone', source),
    'Line of the file where the record starts; the header is line 1', 'The file, as in dap.files'));
  RETURN dap._relation(target);
END $$;
COMMENT ON FUNCTION dap._make_raw_table(text, text[], regrole) IS 'Internal: creates the table of a source';

CREATE FUNCTION dap._guard_raw_table(relation regclass, owner regrole) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM dap._write('guard', relation, '{}');
  -- PostgreSQL 15 has no TRUNCATE triggers on foreign tables.
  PERFORM dap._run_as(owner, pg_catalog.format(
    'CREATE TRIGGER dap_guard BEFORE UPDATE OR DELETE%s ON %s FOR EACH STATEMENT EXECUTE FUNCTION dap._guard()',
    CASE WHEN pg_catalog.current_setting('server_version_num')::integer < 160000
      AND (SELECT c.relkind FROM pg_catalog.pg_class c WHERE c.oid = relation) = 'f' THEN '' ELSE ' OR TRUNCATE' END, relation));
END $$;
COMMENT ON FUNCTION dap._guard_raw_table(regclass, regrole) IS 'Internal: protects a source''s table from changes by hand';

-- Raises unless `relation`, which the ledger does not know, could have been made by create_source.
CREATE FUNCTION dap._check_adoptable(relation regclass, columns text[], owner regrole) RETURNS void
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
          UNION ALL SELECT c.n, c.name, 'text' FROM pg_catalog.unnest(columns) WITH ORDINALITY AS c(name, n)) AS w(n, name, type)
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = relation AND a.attname = w.name AND NOT a.attisdropped
      AND pg_catalog.format_type(a.atttypid, a.atttypmod) = w.type)
    ORDER BY w.n LIMIT 1;
  END IF;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = pg_catalog.format('table %s already exists', relation),
      DETAIL = pg_catalog.format('It cannot become the table of a source: %s.', problem),
      HINT = 'Rename or drop it, or give the source another name.';
  END IF;
END $$;
COMMENT ON FUNCTION dap._check_adoptable(regclass, text[], regrole) IS 'Internal: raises unless an existing table can become the table of a source';

CREATE FUNCTION dap._adopt_raw_table(relation regclass, owner regrole) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  files jsonb;
  renumbered jsonb;
BEGIN
  files := dap._run_as(owner, pg_catalog.format(
    'SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(f)) FROM (SELECT t._file_id AS file_id, pg_catalog.count(*) AS records FROM %s t GROUP BY 1) f', relation));
  IF files IS NOT NULL THEN
    renumbered := dap._write('adopt', relation, pg_catalog.jsonb_build_object('files', files));
    PERFORM dap._run_as(owner, pg_catalog.format(
      'UPDATE %s t SET _file_id = (%L::jsonb ->> t._file_id::text)::integer', relation, renumbered));
  END IF;
END $$;
COMMENT ON FUNCTION dap._adopt_raw_table(regclass, regrole) IS 'Internal: enters the records of an existing table into the ledger';

-- Brings the table of an existing source to another list of columns. Values are never thrown away.
CREATE FUNCTION dap._alter_raw_table(relation regclass, old_columns text[], new_columns text[], owner regrole) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  name text;
  user_model text;
  holds_values boolean;
BEGIN
  FOR name IN SELECT o FROM pg_catalog.unnest(old_columns) AS o WHERE o <> ALL (new_columns) LOOP
    SELECT m.relation::text INTO user_model FROM dap._models m
    WHERE relation = ANY (m.upstream) AND m.kind = 'clean'
      AND EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(m.columns) AS r WHERE coalesce(r->>'source', r->>'name') = name) LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist', MESSAGE = pg_catalog.format('column "%s" cannot be removed from %s', name, relation),
        DETAIL = pg_catalog.format('Model %s reads it.', user_model), HINT = 'Change or drop the model first.';
    END IF;
    holds_values := dap._run_as(owner, pg_catalog.format('SELECT EXISTS (SELECT FROM %s t WHERE t.%I IS NOT NULL)', relation, name));
    IF holds_values THEN
      RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = pg_catalog.format('column "%s" of %s holds values', name, relation),
        DETAIL = 'A source''s table keeps every live record as it came.',
        HINT = 'Keep the column and list it in option "optional", or drop the source and create it anew.';
    END IF;
    PERFORM dap._run_as(owner, pg_catalog.format('ALTER TABLE %s DROP COLUMN %I', relation, name));
  END LOOP;
  -- A file may have brought the column before (option "on_new_column").
  FOR name IN SELECT n.name FROM pg_catalog.unnest(new_columns) WITH ORDINALITY AS n(name, n)
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = relation AND a.attname = n.name AND NOT a.attisdropped) ORDER BY n.n
  LOOP
    PERFORM dap._run_as(owner, pg_catalog.format('ALTER TABLE %s ADD COLUMN %I text', relation, name));
  END LOOP;
END $$;
COMMENT ON FUNCTION dap._alter_raw_table(regclass, text[], text[], regrole) IS 'Internal: adds columns to the table of a source, removes empty ones';

-- The columns of the first file that a path means now.
CREATE FUNCTION dap._first_header(source text, path text, options jsonb) RETURNS text[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  header text[];
BEGIN
  IF NOT (dap._effective_options(options)->>'header')::boolean THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = pg_catalog.format('source "%s" needs columns', source),
      DETAIL = 'Its files have no header (option "header" is false).';
  ELSIF path IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = pg_catalog.format('source "%s" needs columns or a path', source),
      HINT = 'Without columns they are read from the header of the first file.';
  END IF;
  header := dap._csv_header(path, options);
  IF header IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_file', MESSAGE = pg_catalog.format('no file matches "%s"', path),
      HINT = 'Give the columns, or put a file there first.';
  END IF;
  RETURN ARRAY(SELECT pg_catalog.btrim(h.name, E' \t') FROM pg_catalog.unnest(header) WITH ORDINALITY AS h(name, n) ORDER BY h.n);
END $$;
COMMENT ON FUNCTION dap._first_header(text, text, jsonb) IS 'Internal: the header of the first file of a source';

CREATE FUNCTION dap.create_source(source text, path text DEFAULT NULL, columns text[] DEFAULT NULL, options jsonb DEFAULT '{}',
  or_replace boolean DEFAULT false) RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  owner regrole := dap._layer_owner(0);
  adopt boolean;
  kept_options jsonb := coalesce(options, '{}') - 'adopt';
  known record;
  target regclass;
  holds_rows boolean := false;
BEGIN
  PERFORM dap._run_as(owner, 'SELECT');  -- raises for those who cannot act for the owner, before anything else is told
  PERFORM dap._lock_definitions();
  PERFORM dap._check_name(source, 'a source');
  PERFORM dap._check_options(coalesce(options, '{}'));
  adopt := coalesce((options->>'adopt')::boolean, false);
  IF path = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'path is empty';
  END IF;
  IF columns IS NOT NULL THEN
    PERFORM dap._check_column_names(columns);
  END IF;

  SELECT s.* INTO known FROM dap._sources s WHERE s.source = create_source.source;
  IF FOUND AND known.has_table THEN
    IF (columns IS NULL OR columns = known.columns) AND path IS NOT DISTINCT FROM known.path
        AND dap._effective_options(kept_options) = dap._effective_options(known.options) THEN
      RAISE NOTICE USING MESSAGE = pg_catalog.format('source "%s" already exists with this definition, skipping', source);
      RETURN known.relation;
    ELSIF NOT or_replace THEN
      RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = pg_catalog.format('source "%s" already exists with another definition', source),
        HINT = 'Change it with or_replace => true.';
    END IF;
    columns := coalesce(columns, known.columns);
    PERFORM dap._alter_raw_table(known.relation, known.columns, columns, owner);
    target := known.relation;
  ELSE
    IF FOUND THEN
      IF NOT or_replace THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = pg_catalog.format('the table of source "%s" does not exist any more', source),
          HINT = pg_catalog.format('Remove the definition with dap.drop_source(%L), or create the source again with or_replace => true.', source);
      END IF;
      columns := coalesce(columns, known.columns);
      PERFORM dap._write('drop_source', known.relation, '{}');
    END IF;
    columns := coalesce(columns, dap._first_header(source, path, kept_options));
    PERFORM dap._check_column_names(columns);
    target := dap._relation(pg_catalog.format('%I.%I', dap._layer(0), source));
    IF target IS NULL THEN
      target := dap._make_raw_table(source, columns, owner);
    ELSE
      PERFORM dap._check_adoptable(target, columns, owner);
      holds_rows := dap._run_as(owner, pg_catalog.format('SELECT EXISTS (SELECT FROM %s)', target));
      IF holds_rows AND NOT adopt THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = pg_catalog.format('table %s already exists and holds records', target),
          DETAIL = 'The ledger does not know where they came from.',
          HINT = pg_catalog.format('Take them over with options => %L, or rename the table.', '{"adopt": true}');
      END IF;
      IF EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = target AND t.tgname = 'dap_guard') THEN
        PERFORM dap._run_as(owner, pg_catalog.format('DROP TRIGGER dap_guard ON %s', target));
      END IF;
      PERFORM dap._run_as(owner, pg_catalog.format('ALTER TABLE %s ALTER COLUMN _line SET NOT NULL, ALTER COLUMN _file_id SET NOT NULL, '
        'ALTER COLUMN _file_id SET DEFAULT dap._no_stray_insert()', target));
    END IF;
  END IF;

  PERFORM dap._write('source', target, pg_catalog.jsonb_build_object('source', source, 'path', path, 'columns', columns, 'options', kept_options));
  IF holds_rows THEN
    PERFORM dap._adopt_raw_table(target, owner);
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = target AND t.tgname = 'dap_guard') THEN
    PERFORM dap._guard_raw_table(target, owner);
  END IF;
  RETURN target;
END $$;
COMMENT ON FUNCTION dap.create_source(text, text, text[], jsonb, boolean) IS
  'Defines a source of CSV files and creates its table in the raw layer. path: a file, directory or glob; columns: NULL takes them from the first file';

CREATE FUNCTION dap.drop_source(source text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  known record;
  readers text;
  is_foreign boolean;
BEGIN
  PERFORM dap._lock_definitions();
  SELECT s.* INTO known FROM dap._sources s WHERE s.source = drop_source.source;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = pg_catalog.format('source "%s" does not exist', source);
  END IF;
  SELECT pg_catalog.string_agg(m.relation::text, ', ' ORDER BY m.model_id) INTO readers FROM dap._models m WHERE known.relation = ANY (m.upstream);
  IF readers IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist', MESSAGE = pg_catalog.format('source "%s" cannot be dropped', source),
      DETAIL = pg_catalog.format('Models read it: %s.', readers), HINT = 'Drop them first, with dap.drop_model().';
  END IF;
  SELECT c.relkind = 'f' INTO is_foreign FROM pg_catalog.pg_class c WHERE c.oid = known.relation;
  IF known.has_table AND NOT is_foreign THEN  -- a load that goes on is waited for, so that its file is among those that go
    PERFORM dap._run_as((SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = known.relation)::regrole,
      pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', known.relation));
  END IF;
  PERFORM dap._write('drop_source', known.relation, '{}');
  IF known.has_table THEN
    PERFORM dap._run_as((SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = known.relation)::regrole,
      pg_catalog.format('DROP %s %s', CASE WHEN is_foreign THEN 'FOREIGN TABLE' ELSE 'TABLE' END, known.relation));
  END IF;
END $$;
COMMENT ON FUNCTION dap.drop_source(text) IS
  'Removes a source, its table and its rejects; the lines of its files stay in dap.files as unloaded. Refused while a model reads it';
-- Models: tables that a refresh keeps equal to a rule over sources (clean) or a query over tables (query).

-- A model's name as SQL would read it; without a schema it means `tier`.
CREATE FUNCTION dap._model_name(model text, tier integer, OUT layer text, OUT name text, OUT target text) RETURNS record
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  parts text[] := pg_catalog.parse_ident(coalesce(model, ''));
BEGIN
  name := parts[pg_catalog.cardinality(parts)];
  layer := CASE pg_catalog.cardinality(parts) WHEN 1 THEN dap._layer(tier) WHEN 2 THEN parts[1] END;
  IF layer IS NULL OR coalesce(dap._tier(layer), 0) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = pg_catalog.format('a model cannot be made as %s', model),
      HINT = pg_catalog.format('Models live in schema %s or %s.', dap._layer(1), dap._layer(2));
  END IF;
  PERFORM dap._check_name(name, 'a model');
  target := pg_catalog.format('%I.%I', layer, name);
END $$;
COMMENT ON FUNCTION dap._model_name(text, integer) IS 'Internal: the layer and table of a model';

-- One element per column: {name, type, not_null}. The table is made, or an existing one brought to these columns and this key.
CREATE FUNCTION dap._shape_model_table(target text, shape jsonb, key text[], owner regrole) RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  relation regclass := dap._relation(target);
  key_list text := (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(k.name), ', ' ORDER BY k.n) FROM pg_catalog.unnest(key) WITH ORDINALITY AS k(name, n));
  old_names text[] := ARRAY(SELECT c.value->>'name' FROM dap._models m CROSS JOIN pg_catalog.jsonb_array_elements(m.columns) AS c(value) WHERE m.relation = dap._relation(target));
  is_empty boolean;
  old_key record;
  difference record;
BEGIN
  IF relation IS NULL THEN
    PERFORM dap._run_as(owner, pg_catalog.format('CREATE TABLE %s (%s, PRIMARY KEY (%s))', target,
      (SELECT pg_catalog.string_agg(pg_catalog.format('%I %s%s', s.name, s.type, CASE WHEN s.not_null THEN ' NOT NULL' ELSE '' END), ', ' ORDER BY e.n)
       FROM pg_catalog.jsonb_array_elements(shape) WITH ORDINALITY AS e(value, n), pg_catalog.jsonb_to_record(e.value) AS s(name text, type text, not_null boolean)),
      key_list));
    RETURN dap._relation(target);
  END IF;

  is_empty := dap._run_as(owner, pg_catalog.format('SELECT NOT EXISTS (SELECT FROM %s)', relation));
  SELECT c.conname, ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(c.conkey) WITH ORDINALITY AS k(attnum, n)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = relation AND a.attnum = k.attnum ORDER BY k.n) AS columns
    INTO old_key FROM pg_catalog.pg_constraint c WHERE c.conrelid = relation AND c.contype = 'p';
  IF old_key.columns IS DISTINCT FROM key AND old_key.conname IS NOT NULL THEN
    PERFORM dap._run_as(owner, pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', relation, old_key.conname));
  END IF;
  FOR difference IN
    SELECT coalesce(s.name, a.name) AS name, a.type AS old_type, s.type AS new_type, a.not_null AS old_not_null, s.not_null AS new_not_null
    FROM (SELECT a.attname::text AS name, a.attnotnull AS not_null,
            pg_catalog.format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attcollation <> t.typcollation
              THEN (SELECT pg_catalog.format(' COLLATE %I.%I', n.nspname, c.collname) FROM pg_catalog.pg_collation c
                    JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace WHERE c.oid = a.attcollation) ELSE '' END AS type
          FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
          WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped) AS a
    FULL JOIN (SELECT e.n, r.* FROM pg_catalog.jsonb_array_elements(shape) WITH ORDINALITY AS e(value, n),
                 pg_catalog.jsonb_to_record(e.value) AS r(name text, type text, not_null boolean)) AS s ON s.name = a.name
    ORDER BY s.n
  LOOP
    IF difference.new_type IS NULL THEN
      CONTINUE WHEN difference.name <> ALL (old_names);  -- somebody else's column
      PERFORM dap._run_as(owner, pg_catalog.format('ALTER TABLE %s DROP COLUMN %I', relation, difference.name));
    ELSIF difference.old_type IS NULL THEN
      PERFORM dap._run_as(owner, pg_catalog.format('ALTER TABLE %s ADD COLUMN %I %s', relation, difference.name, difference.new_type));
    ELSIF difference.old_type <> difference.new_type THEN
      PERFORM dap._run_as(owner, pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I TYPE %s', relation, difference.name, difference.new_type));
    END IF;
    IF difference.new_type IS NOT NULL AND difference.new_not_null IS DISTINCT FROM difference.old_not_null AND difference.name <> ALL (key) THEN
      IF NOT difference.new_not_null THEN
        PERFORM dap._run_as(owner, pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', relation, difference.name));
      ELSIF is_empty THEN
        -- Rows from before may lack values; the refresh that follows sees to them, and rejects what is missing from then on.
        PERFORM dap._run_as(owner, pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', relation, difference.name));
      END IF;
    END IF;
  END LOOP;
  IF old_key.columns IS DISTINCT FROM key THEN
    PERFORM dap._run_as(owner, pg_catalog.format('ALTER TABLE %s ADD PRIMARY KEY (%s)', relation, key_list));
  END IF;
  RETURN relation;
EXCEPTION
  WHEN dependent_objects_still_exist OR unique_violation OR not_null_violation OR cannot_coerce OR datatype_mismatch OR feature_not_supported
    OR numeric_value_out_of_range OR string_data_right_truncation THEN
    RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = pg_catalog.format('table %s cannot be brought to its new definition', target), DETAIL = SQLERRM,
      HINT = pg_catalog.format('Drop the model with dap.drop_model(%L) and create it anew.', target);
END $$;
COMMENT ON FUNCTION dap._shape_model_table(text, jsonb, text[], regrole) IS 'Internal: creates or alters the table of a model';

-- What stands in the way of a definition: says whether the same one is there already.
CREATE FUNCTION dap._is_same_model(target text, hash text, or_replace boolean) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  existing regclass := dap._relation(target);
  known record;
BEGIN
  IF existing IS NULL THEN
    RETURN false;
  END IF;
  SELECT m.definition_hash INTO known FROM dap._models m WHERE m.relation = existing;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = pg_catalog.format('relation %s already exists', existing),
      DETAIL = 'It was not made as a model.', HINT = 'Rename or drop it, or give the model another name.';
  ELSIF known.definition_hash = hash THEN
    RAISE NOTICE USING MESSAGE = pg_catalog.format('model %s already exists with this definition, skipping', existing);
    RETURN true;
  ELSIF NOT or_replace THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = pg_catalog.format('model %s already exists with another definition', existing),
      HINT = 'Change it with or_replace => true.';
  END IF;
  RETURN false;
END $$;
COMMENT ON FUNCTION dap._is_same_model(text, text, boolean) IS 'Internal: raises if a model''s table or definition stands in the way of another';

-- Raises unless `names` is a list of different columns of the model.
CREATE FUNCTION dap._check_column_list(names text[], columns text[], what text, model text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  name text;
  seen text[] := '{}';
BEGIN
  FOREACH name IN ARRAY names LOOP
    IF name IS NULL OR name <> ALL (columns) THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_column', MESSAGE = pg_catalog.format('%s names column "%s", which model %s does not have', what, name, model),
        HINT = pg_catalog.format('Its columns are %s.', pg_catalog.array_to_string(columns, ', '));
    ELSIF name = ANY (seen) THEN
      RAISE EXCEPTION USING ERRCODE = 'duplicate_column', MESSAGE = pg_catalog.format('%s names column "%s" twice', what, name);
    END IF;
    seen := seen || name;
  END LOOP;
END $$;
COMMENT ON FUNCTION dap._check_column_list(text[], text[], text, text) IS 'Internal: raises unless the names are columns of a model';

CREATE FUNCTION dap._check_key(key text[], columns text[], model text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF coalesce(pg_catalog.cardinality(key), 0) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = pg_catalog.format('model %s needs a key', model),
      DETAIL = 'A refresh finds the rows that differ by their key.';
  END IF;
  IF pg_catalog.cardinality(columns) > 832 THEN
    RAISE EXCEPTION USING ERRCODE = 'too_many_columns', MESSAGE = pg_catalog.format('model %s has %s columns', model, pg_catalog.cardinality(columns)),
      DETAIL = 'A refresh compares a row''s old and new values side by side: of a row''s 1664 columns a model can have half.',
      HINT = 'Make several models with the same key.';
  END IF;
  PERFORM dap._check_column_list(key, columns, 'key', model);
END $$;
COMMENT ON FUNCTION dap._check_key(text[], text[], text) IS 'Internal: raises unless the names can be the key of a model';

CREATE FUNCTION dap.create_clean_model(model text, source text, columns jsonb, key text[], latest_by text[] DEFAULT NULL, or_replace boolean DEFAULT false)
RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  owner regrole := dap._layer_owner(1);
  place record := dap._model_name(model, 1);
  known record;
  rule jsonb;
  checked record;
  source_columns text[];
  names text[] := '{}';
  shape jsonb := '[]';
  hash text;
  relation regclass;
BEGIN
  PERFORM dap._run_as(owner, 'SELECT');  -- raises for those who cannot act for the owner, before anything else is told
  PERFORM dap._lock_definitions();
  IF place.layer <> dap._layer(1) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = pg_catalog.format('clean model %s must live in schema %s', place.target, dap._layer(1));
  END IF;
  SELECT s.* INTO known FROM dap._sources s WHERE s.source = create_clean_model.source AND s.has_table;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = pg_catalog.format('source "%s" does not exist', source),
      HINT = 'Define it with dap.create_source().';
  ELSIF coalesce(pg_catalog.jsonb_typeof(columns), '') <> 'array' OR pg_catalog.jsonb_array_length(columns) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'columns must be a JSON array with one object per column';
  END IF;

  -- More than the definition's where files brought new ones.
  source_columns := ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = known.relation AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'text'::regtype ORDER BY a.attnum);
  FOR rule IN SELECT e.value FROM pg_catalog.jsonb_array_elements(columns) WITH ORDINALITY AS e(value, n) ORDER BY e.n LOOP
    IF pg_catalog.jsonb_typeof(rule) <> 'object' THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'columns must be a JSON array with one object per column';
    END IF;
    checked := dap._check_rule(rule, coalesce(rule->>'name' = ANY (key), false));
    PERFORM dap._check_name(checked.name, 'a column');
    IF checked.name = ANY (names) THEN
      RAISE EXCEPTION USING ERRCODE = 'duplicate_column', MESSAGE = pg_catalog.format('column "%s" is given twice', checked.name);
    ELSIF checked.source <> ALL (source_columns) THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_column', MESSAGE = pg_catalog.format('source "%s" has no column "%s"', source, checked.source),
        HINT = pg_catalog.format('Its columns are %s.', pg_catalog.array_to_string(source_columns, ', '));
    END IF;
    names := names || checked.name;
    shape := shape || pg_catalog.jsonb_build_object('name', checked.name, 'type', checked.type,
      'not_null', coalesce((rule->>'required')::boolean, false) OR checked.name = ANY (key));
  END LOOP;
  PERFORM dap._check_key(key, names, place.target);
  IF latest_by IS NOT NULL THEN
    PERFORM dap._check_column_list(latest_by, names, 'latest_by', place.target);
  END IF;

  hash := pg_catalog.md5(pg_catalog.jsonb_build_array('clean', source, columns, key, coalesce(latest_by, '{}'))::text);
  IF dap._is_same_model(place.target, hash, or_replace) THEN
    RETURN dap._relation(place.target);
  END IF;
  relation := dap._shape_model_table(place.target, shape, key, owner);
  PERFORM dap._write('model', relation, pg_catalog.jsonb_build_object('tier', 1, 'kind', 'clean', 'source_id', known.source_id, 'columns', columns,
    'key', key, 'latest_by', latest_by, 'upstream', ARRAY[known.relation::oid::bigint], 'always', false, 'definition_hash', hash));
  IF pg_catalog.obj_description(relation, 'pg_class') IS NULL THEN
    PERFORM dap._run_as(owner, pg_catalog.format('COMMENT ON TABLE %s IS %L', relation,
      pg_catalog.format('Clean model over source %s: the latest good record of each key, typed. Written by dap''s refresh alone', source)));
  END IF;
  RETURN relation;
END $$;
COMMENT ON FUNCTION dap.create_clean_model(text, text, jsonb, text[], text[], boolean) IS
  'Defines a typed table over a source with one row per key, the latest record. columns: array of {name, source, type, required, trim, lower, map, format, zone, min, max}';

CREATE FUNCTION dap.create_model(model text, query text, key text[], or_replace boolean DEFAULT false) RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  place record := dap._model_name(model, 2);
  tier integer := dap._tier(place.layer);
  owner regrole := dap._layer_owner(tier);
  analysis record;
  shape jsonb;
  later text;
  hash text;
  target regclass;
  always boolean;
BEGIN
  PERFORM dap._run_as(owner, 'SELECT');  -- raises for those who cannot act for the owner, before anything else is told
  PERFORM dap._lock_definitions();
  IF query IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = pg_catalog.format('model %s needs a query', place.target);
  END IF;
  analysis := dap._analyze_query(query, owner);
  PERFORM dap._check_key(key, analysis.columns, place.target);
  SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', c.name, 'type', analysis.types[c.n], 'not_null', c.name = ANY (key)) ORDER BY c.n)
    INTO shape FROM pg_catalog.unnest(analysis.columns) WITH ORDINALITY AS c(name, n);

  target := dap._relation(place.target);
  -- The tables that the query reads, those that their models read, and so on.
  IF EXISTS (
    WITH RECURSIVE reached(relation) AS (
      SELECT u FROM pg_catalog.unnest(analysis.upstream) AS u
      UNION SELECT u FROM reached r JOIN dap._models m ON m.relation = r.relation CROSS JOIN pg_catalog.unnest(m.upstream) AS u)
    SELECT FROM reached r WHERE r.relation = target) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_object_definition', MESSAGE = pg_catalog.format('model %s would depend on itself', place.target),
      DETAIL = pg_catalog.format('Its query reads %s.', pg_catalog.array_to_string(analysis.upstream, ', '));
  END IF;
  SELECT m.relation::text INTO later FROM dap._models m WHERE m.relation = ANY (analysis.upstream) AND m.tier > tier LIMIT 1;
  IF later IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_object_definition', MESSAGE = pg_catalog.format('model %s reads %s, which is made after it', place.target, later),
      HINT = pg_catalog.format('Make it in schema %s.', dap._layer(2));
  END IF;
  -- A table that no run writes has no version to compare: the model is computed each time.
  always := analysis.always OR EXISTS (
    SELECT FROM pg_catalog.unnest(analysis.upstream) AS u
    WHERE NOT EXISTS (SELECT FROM dap._models m WHERE m.relation = u) AND NOT EXISTS (SELECT FROM dap._sources s WHERE s.relation = u));

  hash := pg_catalog.md5(pg_catalog.jsonb_build_array('query', query, shape, key)::text);
  IF dap._is_same_model(place.target, hash, or_replace) THEN
    RETURN target;
  END IF;
  target := dap._shape_model_table(place.target, shape, key, owner);
  PERFORM dap._write('model', target, pg_catalog.jsonb_build_object('tier', tier, 'kind', 'query', 'columns', shape, 'key', key, 'query', query,
    'upstream', (SELECT coalesce(pg_catalog.array_agg(u::oid::bigint), '{}') FROM pg_catalog.unnest(analysis.upstream) AS u), 'always', always,
    'definition_hash', hash));
  IF pg_catalog.obj_description(target, 'pg_class') IS NULL THEN
    PERFORM dap._run_as(owner, pg_catalog.format('COMMENT ON TABLE %s IS %L', target, 'Model of a query. Written by dap''s refresh alone'));
  END IF;
  RETURN target;
END $$;
COMMENT ON FUNCTION dap.create_model(text, text, text[], boolean) IS
  'Defines a table that each refresh keeps equal to a SELECT; the tables that it reads are found in the query. Names in the query must have their schema';

CREATE FUNCTION dap.drop_model(model text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  parts text[];
  candidates regclass[];
  known record;
  readers text;
BEGIN
  PERFORM dap._lock_definitions();
  IF model ~ '^[0-9]+$' THEN  -- as dap.status shows a model whose table is gone
    candidates := ARRAY[model::oid::regclass];
  ELSE
    parts := pg_catalog.parse_ident(coalesce(model, ''));
    -- Without a schema the name is looked for in both layers.
    candidates := CASE pg_catalog.cardinality(parts)
      WHEN 1 THEN ARRAY[dap._relation(pg_catalog.format('%I.%I', dap._layer(2), parts[1])),
        dap._relation(pg_catalog.format('%I.%I', dap._layer(1), parts[1]))]
      WHEN 2 THEN ARRAY[dap._relation(pg_catalog.format('%I.%I', parts[1], parts[2]))]
      ELSE '{}' END;
  END IF;
  SELECT m.* INTO known FROM dap._models m WHERE m.relation = ANY (candidates) ORDER BY m.tier DESC LIMIT 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = pg_catalog.format('model %s does not exist', model);
  END IF;
  SELECT pg_catalog.string_agg(m.relation::text, ', ' ORDER BY m.model_id) INTO readers FROM dap._models m WHERE known.relation = ANY (m.upstream);
  IF readers IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist', MESSAGE = pg_catalog.format('model %s cannot be dropped', known.relation),
      DETAIL = pg_catalog.format('Models read it: %s.', readers), HINT = 'Drop them first.';
  END IF;
  PERFORM dap._write('drop_model', known.relation, '{}');
  IF known.has_table THEN
    PERFORM dap._run_as((SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = known.relation)::regrole,
      pg_catalog.format('DROP TABLE %s', known.relation));
  END IF;
END $$;
COMMENT ON FUNCTION dap.drop_model(text) IS 'Removes a model and its table. Refused while another model or a view reads it';
-- Getting past a file at 03:00.

-- What a file holds, for the ledger: {content_hash, bytes}; empty if it cannot be read (any more).
CREATE FUNCTION dap._describe_content(file text, options jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  content record;
BEGIN
  SELECT b.* INTO content FROM dap._read_bytes(file, dap._effective_options(options)->>'compression') AS b;
  IF content.reason IS NOT NULL THEN  -- cut or broken: known by its bytes as they are
    SELECT b.* INTO content FROM dap._read_bytes(file, 'plain') AS b;
  END IF;
  IF content.reason <> 'changed_while_read' THEN  -- what cannot be decompressed is known by its bytes as they are
    SELECT b.* INTO content FROM dap._read_bytes(file, 'plain') AS b;
  END IF;
  RETURN pg_catalog.jsonb_build_object('content_hash', pg_catalog.encode(content.hash, 'hex'), 'bytes', content.length);
END $$;
COMMENT ON FUNCTION dap._describe_content(text, jsonb) IS 'Internal: the hash and length of a file''s bytes';

-- Would the source take this file?
CREATE FUNCTION dap._takes_file(source_path text, file text) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN EXISTS (SELECT FROM dap._find_files(source_path) AS f WHERE f.path = file);
EXCEPTION WHEN undefined_file OR insufficient_privilege OR object_not_in_prerequisite_state THEN
  RETURN false;  -- another source's directory may be missing; that is not what is asked
END $$;
COMMENT ON FUNCTION dap._takes_file(text, text) IS 'Internal: does a source''s path mean a file?';

CREATE FUNCTION dap.dismiss_file(path text, reason text) RETURNS SETOF integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  file text;
  failed_paths text[];
  known record;
  content jsonb;
  live integer;
  ids jsonb := '[]';
BEGIN
  IF path IS NULL OR path = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'the path of a file must be given';
  ELSIF coalesce(pg_catalog.btrim(reason), '') = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a reason must be given',
      DETAIL = 'It stands in dap.files for those who ask why the file''s records are missing.';
  END IF;

  failed_paths := ARRAY(SELECT DISTINCT f.path FROM dap.files f WHERE f.status = 'failed' AND f.path = dismiss_file.path);
  IF failed_paths = '{}' THEN  -- the end of a path will do where it means one file
    failed_paths := ARRAY(SELECT DISTINCT f.path FROM dap.files f
      WHERE f.status = 'failed' AND pg_catalog.right(f.path, pg_catalog.length(dismiss_file.path) + 1) = '/' || dismiss_file.path);
  END IF;
  IF pg_catalog.cardinality(failed_paths) > 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'ambiguous_parameter', MESSAGE = pg_catalog.format('"%s" means several failed files', path),
      DETAIL = pg_catalog.format('They are %s.', pg_catalog.array_to_string(failed_paths, ', '));
  END IF;

  IF pg_catalog.cardinality(failed_paths) = 1 THEN
    file := failed_paths[1];
    FOR known IN
      SELECT s.relation, s.options, pg_catalog.bool_or(f.content_hash IS NULL) AS unknown_bytes
      FROM dap.files f JOIN dap._sources s ON s.source = f.source
      WHERE f.status = 'failed' AND f.path = file GROUP BY s.source_id, s.relation, s.options ORDER BY s.source_id
    LOOP
      content := '{}';
      IF known.unknown_bytes THEN
        BEGIN
          content := dap._describe_content(file, known.options);
        EXCEPTION WHEN undefined_file OR wrong_object_type THEN
          NULL;  -- what is gone cannot come back under these bytes
        END;
      END IF;
      ids := ids || coalesce(dap._write('dismiss', known.relation, content || pg_catalog.jsonb_build_object('path', file, 'reason', reason)), '[]');
    END LOOP;
  ELSE
    BEGIN
      SELECT f.path INTO file FROM dap._find_files(path) AS f;
    EXCEPTION WHEN undefined_file OR object_not_in_prerequisite_state THEN
      -- There is no such file, or no directory to look for it in. What was dismissed stays so.
      ids := coalesce((SELECT pg_catalog.jsonb_agg(f.file_id) FROM dap.files f WHERE f.status = 'dismissed' AND f.path = dismiss_file.path), '[]');
    END;
    FOR known IN SELECT s.* FROM dap._sources s WHERE dap._takes_file(s.path, file) ORDER BY s.source_id LOOP
      content := dap._describe_content(file, known.options);
      SELECT f.file_id INTO live FROM dap.files f
      WHERE f.source = known.source AND f.status IN ('loaded', 'archived') AND pg_catalog.encode(f.content_hash, 'hex') = content->>'content_hash'
        AND f.bytes = (content->>'bytes')::bigint LIMIT 1;
      IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = pg_catalog.format('the records of "%s" are loaded', file),
          DETAIL = pg_catalog.format('They are file %s of source "%s".', live, known.source);
      END IF;
      ids := ids || coalesce(dap._write('dismiss', known.relation, content || pg_catalog.jsonb_build_object('path', file, 'reason', reason)), '[]');
    END LOOP;
  END IF;
  IF ids = '[]' THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = pg_catalog.format('no source has or takes a file "%s"', path),
      HINT = 'Failed files are the lines of dap.files with status failed.';
  END IF;
  RETURN QUERY SELECT i::integer FROM pg_catalog.jsonb_array_elements_text(ids) AS i;
END $$;
COMMENT ON FUNCTION dap.dismiss_file(text, text) IS
  'Makes later runs skip the bytes of a file, usually one that failed; returns its lines in dap.files. The reason is kept there. Bytes that are corrected since are a new file';
-- What the server sees: the files that a path means, and what reading one of them gives.

CREATE FUNCTION dap._find_files(pattern text)
RETURNS TABLE (path text, bytes bigint, modified_at timestamptz)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_find_files';
COMMENT ON FUNCTION dap._find_files(text) IS
  'The files that a path (file, directory or glob) means to the server now, in the order in which they would be loaded; checks what the current user may read';
REVOKE ALL ON FUNCTION dap._find_files(text) FROM PUBLIC;

CREATE FUNCTION dap._read_bytes(path text, compression text DEFAULT 'auto')
RETURNS TABLE (length bigint, hash bytea, reason text, message text)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_read_file_bytes';
COMMENT ON FUNCTION dap._read_bytes(text, text) IS
  'Reads a server file to its end: length and XXH3-128 of the decompressed bytes, and why they end early if they do';
REVOKE ALL ON FUNCTION dap._read_bytes(text, text) FROM PUBLIC;

CREATE FUNCTION dap._read_bytes(content bytea, compression text DEFAULT 'auto')
RETURNS TABLE (length bigint, hash bytea, reason text, message text)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_read_value_bytes';
COMMENT ON FUNCTION dap._read_bytes(bytea, text) IS
  'Reads a value as a file would be read: length and XXH3-128 of the decompressed bytes, and why they end early if they do';
REVOKE ALL ON FUNCTION dap._read_bytes(bytea, text) FROM PUBLIC;

CREATE FUNCTION dap._read_bytes(object oid, compression text DEFAULT 'auto')
RETURNS TABLE (length bigint, hash bytea, reason text, message text)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_read_largeobject_bytes';
COMMENT ON FUNCTION dap._read_bytes(oid, text) IS
  'Reads a large object as a file would be read: length and XXH3-128 of the decompressed bytes, and why they end early if they do';
REVOKE ALL ON FUNCTION dap._read_bytes(oid, text) FROM PUBLIC;
CREATE FUNCTION dap._convert(value text, rule jsonb, OUT ok boolean, OUT value text, OUT reason text, OUT message text)
  AS 'MODULE_PATHNAME', 'dap_convert'
  LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 5
  SET search_path = pg_catalog, pg_temp;

COMMENT ON FUNCTION dap._convert(text, jsonb) IS
  'Converts a text by the rule of a clean model''s column; the value is shown in ISO form, in UTC, whatever the session''s settings are';

REVOKE ALL ON FUNCTION dap._convert(text, jsonb) FROM PUBLIC;
-- Support functions of the order statistics. Nobody but the aggregates' owner may execute them; they pin no search_path, which
-- would cost a call for every row: the C code behind them runs no SQL.

CREATE FUNCTION dap._quantile_combine(internal, internal) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_combine'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_combine(internal, internal) IS 'Joins two states of an order statistic';

CREATE FUNCTION dap._quantile_serialize(internal) RETURNS bytea AS 'MODULE_PATHNAME', 'dap_quantile_serialize'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_serialize(internal) IS 'A state of an order statistic as bytes';

CREATE FUNCTION dap._quantile_deserialize(bytea, internal) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_deserialize'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_deserialize(bytea, internal) IS 'The state that the bytes hold; damaged bytes are an error';

CREATE FUNCTION dap._quantile_add(internal, smallint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, smallint) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, smallint, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, smallint, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, smallint, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, smallint, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, integer) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, integer) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, integer, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, integer, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, integer, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, integer, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, bigint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, bigint) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, bigint, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, bigint, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, bigint, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, bigint, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, numeric) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, numeric) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, numeric, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, numeric, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, numeric, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, numeric, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, real) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, real) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, real, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, real, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, real, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, real, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, double precision, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, double precision, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, double precision, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, double precision, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, date) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, date) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, date, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, date, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, date, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, date, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, timestamp) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, timestamp) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, timestamp, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, timestamp, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, timestamp, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, timestamp, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, timestamptz) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, timestamptz) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, timestamptz, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, timestamptz, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, timestamptz, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, timestamptz, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, interval) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, interval) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, interval, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, interval, double precision) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_add(internal, interval, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_add(internal, interval, double precision[]) IS 'Adds a row to the state of an order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, smallint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, smallint) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, smallint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, smallint) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, smallint, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, smallint, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, smallint, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, smallint, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, smallint, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, smallint, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, smallint, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, smallint, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, integer) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, integer) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, integer) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, integer) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, integer, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, integer, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, integer, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, integer, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, integer, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, integer, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, integer, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, integer, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, bigint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, bigint) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, bigint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, bigint) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, bigint, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, bigint, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, bigint, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, bigint, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, bigint, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, bigint, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, bigint, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, bigint, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, numeric) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, numeric) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, numeric) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, numeric) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, numeric, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, numeric, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, numeric, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, numeric, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, numeric, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, numeric, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, numeric, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, numeric, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, real) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, real) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, real) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, real) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, real, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, real, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, real, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, real, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, real, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, real, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, real, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, real, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, double precision, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, double precision, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, double precision, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, double precision, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, double precision, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, double precision, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, double precision, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, double precision, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, date) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, date) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, date) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, date) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, date, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, date, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, date, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, date, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, date, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, date, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, date, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, date, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, timestamp) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, timestamp) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, timestamp) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, timestamp) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, timestamp, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, timestamp, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, timestamp, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, timestamp, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, timestamp, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, timestamp, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, timestamp, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, timestamp, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, timestamptz) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, timestamptz) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, timestamptz) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, timestamptz) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, timestamptz, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, timestamptz, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, timestamptz, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, timestamptz, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, timestamptz, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, timestamptz, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, timestamptz, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, timestamptz, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, interval) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, interval) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, interval) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, interval) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, interval, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, interval, double precision) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, interval, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, interval, double precision) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_add(internal, interval, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_add(internal, interval, double precision[]) IS 'Adds a row to the state of a moving order statistic';

CREATE FUNCTION dap._quantile_moving_remove(internal, interval, double precision[]) RETURNS internal AS 'MODULE_PATHNAME', 'dap_quantile_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._quantile_moving_remove(internal, interval, double precision[]) IS 'Takes a row out of the state of a moving order statistic';

CREATE FUNCTION dap._median_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_median_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_numeric(internal) IS 'The answer of dap.median from its state';

CREATE FUNCTION dap._median_moving_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_median_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_moving_numeric(internal) IS 'The answer of dap.median from its moving state';

CREATE FUNCTION dap._median_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_median_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_double(internal) IS 'The answer of dap.median from its state';

CREATE FUNCTION dap._median_moving_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_median_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_moving_double(internal) IS 'The answer of dap.median from its moving state';

CREATE FUNCTION dap._median_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_median_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_timestamp(internal) IS 'The answer of dap.median from its state';

CREATE FUNCTION dap._median_moving_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_median_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_moving_timestamp(internal) IS 'The answer of dap.median from its moving state';

CREATE FUNCTION dap._median_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_median_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_timestamptz(internal) IS 'The answer of dap.median from its state';

CREATE FUNCTION dap._median_moving_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_median_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_moving_timestamptz(internal) IS 'The answer of dap.median from its moving state';

CREATE FUNCTION dap._median_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_median_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_interval(internal) IS 'The answer of dap.median from its state';

CREATE FUNCTION dap._median_moving_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_median_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._median_moving_interval(internal) IS 'The answer of dap.median from its moving state';

CREATE FUNCTION dap._percentile_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_percentile_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_numeric(internal) IS 'The answer of dap.percentile from its state';

CREATE FUNCTION dap._percentile_moving_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_percentile_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_moving_numeric(internal) IS 'The answer of dap.percentile from its moving state';

CREATE FUNCTION dap._percentile_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_percentile_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_double(internal) IS 'The answer of dap.percentile from its state';

CREATE FUNCTION dap._percentile_moving_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_percentile_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_moving_double(internal) IS 'The answer of dap.percentile from its moving state';

CREATE FUNCTION dap._percentile_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_percentile_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_timestamp(internal) IS 'The answer of dap.percentile from its state';

CREATE FUNCTION dap._percentile_moving_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_percentile_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_moving_timestamp(internal) IS 'The answer of dap.percentile from its moving state';

CREATE FUNCTION dap._percentile_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_percentile_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_timestamptz(internal) IS 'The answer of dap.percentile from its state';

CREATE FUNCTION dap._percentile_moving_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_percentile_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_moving_timestamptz(internal) IS 'The answer of dap.percentile from its moving state';

CREATE FUNCTION dap._percentile_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_percentile_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_interval(internal) IS 'The answer of dap.percentile from its state';

CREATE FUNCTION dap._percentile_moving_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_percentile_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_moving_interval(internal) IS 'The answer of dap.percentile from its moving state';

CREATE FUNCTION dap._percentile_disc_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_percentile_disc_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_numeric(internal) IS 'The answer of dap.percentile_disc from its state';

CREATE FUNCTION dap._percentile_disc_moving_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_percentile_disc_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_moving_numeric(internal) IS 'The answer of dap.percentile_disc from its moving state';

CREATE FUNCTION dap._percentile_disc_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_percentile_disc_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_double(internal) IS 'The answer of dap.percentile_disc from its state';

CREATE FUNCTION dap._percentile_disc_moving_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_percentile_disc_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_moving_double(internal) IS 'The answer of dap.percentile_disc from its moving state';

CREATE FUNCTION dap._percentile_disc_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_percentile_disc_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_timestamp(internal) IS 'The answer of dap.percentile_disc from its state';

CREATE FUNCTION dap._percentile_disc_moving_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_percentile_disc_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_moving_timestamp(internal) IS 'The answer of dap.percentile_disc from its moving state';

CREATE FUNCTION dap._percentile_disc_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_percentile_disc_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_timestamptz(internal) IS 'The answer of dap.percentile_disc from its state';

CREATE FUNCTION dap._percentile_disc_moving_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_percentile_disc_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_moving_timestamptz(internal) IS 'The answer of dap.percentile_disc from its moving state';

CREATE FUNCTION dap._percentile_disc_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_percentile_disc_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_interval(internal) IS 'The answer of dap.percentile_disc from its state';

CREATE FUNCTION dap._percentile_disc_moving_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_percentile_disc_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentile_disc_moving_interval(internal) IS 'The answer of dap.percentile_disc from its moving state';

CREATE FUNCTION dap._percentiles_numeric(internal) RETURNS numeric[] AS 'MODULE_PATHNAME', 'dap_percentiles_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_numeric(internal) IS 'The answer of dap.percentiles from its state';

CREATE FUNCTION dap._percentiles_moving_numeric(internal) RETURNS numeric[] AS 'MODULE_PATHNAME', 'dap_percentiles_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_moving_numeric(internal) IS 'The answer of dap.percentiles from its moving state';

CREATE FUNCTION dap._percentiles_double(internal) RETURNS double precision[] AS 'MODULE_PATHNAME', 'dap_percentiles_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_double(internal) IS 'The answer of dap.percentiles from its state';

CREATE FUNCTION dap._percentiles_moving_double(internal) RETURNS double precision[] AS 'MODULE_PATHNAME', 'dap_percentiles_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_moving_double(internal) IS 'The answer of dap.percentiles from its moving state';

CREATE FUNCTION dap._percentiles_timestamp(internal) RETURNS timestamp[] AS 'MODULE_PATHNAME', 'dap_percentiles_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_timestamp(internal) IS 'The answer of dap.percentiles from its state';

CREATE FUNCTION dap._percentiles_moving_timestamp(internal) RETURNS timestamp[] AS 'MODULE_PATHNAME', 'dap_percentiles_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_moving_timestamp(internal) IS 'The answer of dap.percentiles from its moving state';

CREATE FUNCTION dap._percentiles_timestamptz(internal) RETURNS timestamptz[] AS 'MODULE_PATHNAME', 'dap_percentiles_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_timestamptz(internal) IS 'The answer of dap.percentiles from its state';

CREATE FUNCTION dap._percentiles_moving_timestamptz(internal) RETURNS timestamptz[] AS 'MODULE_PATHNAME', 'dap_percentiles_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_moving_timestamptz(internal) IS 'The answer of dap.percentiles from its moving state';

CREATE FUNCTION dap._percentiles_interval(internal) RETURNS interval[] AS 'MODULE_PATHNAME', 'dap_percentiles_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_interval(internal) IS 'The answer of dap.percentiles from its state';

CREATE FUNCTION dap._percentiles_moving_interval(internal) RETURNS interval[] AS 'MODULE_PATHNAME', 'dap_percentiles_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._percentiles_moving_interval(internal) IS 'The answer of dap.percentiles from its moving state';
-- Exact order statistics. FINALFUNC_MODIFY = SHAREABLE beside MFINALFUNC_MODIFY = READ_ONLY makes the server use the moving form in every window,
-- the default growing frame included: an answer for each row must not sort the frame again.
-- SSPACE is what a group of ten values takes (a handful of intervals, which are wider): the executor takes no more groups at a time than fit by it, and what
-- a group has beyond it goes to a file when memory ends.

CREATE AGGREGATE dap.median(x smallint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(smallint) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x integer) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(integer) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x bigint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(bigint) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x numeric) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(numeric) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x real) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(real) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(double precision) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x date) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(date) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x timestamp) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(timestamp) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x timestamptz) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._median_timestamptz, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_timestamptz, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(timestamptz) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.median(x interval) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 2048, FINALFUNC = dap._median_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._median_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.median(interval) IS 'Exact median, the mean of the two middle values where their number is even';

CREATE AGGREGATE dap.percentile(x smallint, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(smallint, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x integer, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(integer, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x bigint, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(bigint, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x numeric, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(numeric, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x real, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(real, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x double precision, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(double precision, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x date, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(date, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x timestamp, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(timestamp, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x timestamptz, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_timestamptz, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_timestamptz, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(timestamptz, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile(x interval, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 2048, FINALFUNC = dap._percentile_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile(interval, double precision) IS 'Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x smallint, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(smallint, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x integer, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(integer, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x bigint, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(bigint, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x numeric, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(numeric, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x real, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(real, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x double precision, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(double precision, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x date, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(date, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x timestamp, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(timestamp, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x timestamptz, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentile_disc_timestamptz, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_timestamptz, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(timestamptz, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentile_disc(x interval, fraction double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 2048, FINALFUNC = dap._percentile_disc_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentile_disc_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentile_disc(interval, double precision) IS 'The first value whose position in the order reaches the fraction, 0 to 1';

CREATE AGGREGATE dap.percentiles(x smallint, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(smallint, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x integer, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(integer, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x bigint, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(bigint, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x numeric, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(numeric, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x real, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(real, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x double precision, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(double precision, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x date, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(date, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x timestamp, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(timestamp, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x timestamptz, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._percentiles_timestamptz, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_timestamptz, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(timestamptz, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';

CREATE AGGREGATE dap.percentiles(x interval, fractions double precision[]) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 2048, FINALFUNC = dap._percentiles_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._percentiles_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.percentiles(interval, double precision[]) IS 'Exact continuous percentiles at several fractions, in one pass';
-- dap.bag: a compressed multiset of numerics as a value. Functions with an underscore are the type's own; the others are everybody's.
-- None pins a search_path, which would cost a call for every row: the C code behind them runs no SQL.

CREATE TYPE dap.bag;

CREATE FUNCTION dap._bag_in(cstring) RETURNS dap.bag AS 'MODULE_PATHNAME', 'dap_bag_in'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._bag_in(cstring) IS 'Reads a bag as {value:times,...}, such as {1.25:3,2:1}';

CREATE FUNCTION dap._bag_out(dap.bag) RETURNS cstring AS 'MODULE_PATHNAME', 'dap_bag_out'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._bag_out(dap.bag) IS 'Writes a bag as {value:times,...}, values in order';

CREATE FUNCTION dap._bag_receive(internal) RETURNS dap.bag AS 'MODULE_PATHNAME', 'dap_bag_receive'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._bag_receive(internal) IS 'Takes a bag''s bytes from a client; all of them are checked';

CREATE FUNCTION dap._bag_send(dap.bag) RETURNS bytea AS 'MODULE_PATHNAME', 'dap_bag_send'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._bag_send(dap.bag) IS 'The bytes of a bag, the same for the same multiset';

CREATE TYPE dap.bag (
  INPUT = dap._bag_in, OUTPUT = dap._bag_out, RECEIVE = dap._bag_receive, SEND = dap._bag_send,
  INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended);
COMMENT ON TYPE dap.bag IS 'A multiset of numerics, compressed: values with how often each is there. For tables of your own; no layer table may have a column of it';

-- ---- sum, difference, equality ----

CREATE FUNCTION dap.bag_add(a dap.bag, b dap.bag) RETURNS dap.bag AS 'MODULE_PATHNAME', 'dap_bag_add'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_add(dap.bag, dap.bag) IS 'The values of both bags together; what OPERATOR(dap.+) calls';

CREATE FUNCTION dap.bag_subtract(a dap.bag, b dap.bag) RETURNS dap.bag AS 'MODULE_PATHNAME', 'dap_bag_subtract'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_subtract(dap.bag, dap.bag) IS 'The first bag without the values of the second, which must all be in it (else 22003); what OPERATOR(dap.-) calls';

CREATE FUNCTION dap.bag_equal(a dap.bag, b dap.bag) RETURNS boolean AS 'MODULE_PATHNAME', 'dap_bag_equal'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_equal(dap.bag, dap.bag) IS 'Whether both bags hold the same values equally often; what OPERATOR(dap.=) calls';

CREATE FUNCTION dap.bag_not_equal(a dap.bag, b dap.bag) RETURNS boolean AS 'MODULE_PATHNAME', 'dap_bag_not_equal'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_not_equal(dap.bag, dap.bag) IS 'Whether the bags differ; what OPERATOR(dap.<>) calls';

CREATE OPERATOR dap.+ (LEFTARG = dap.bag, RIGHTARG = dap.bag, FUNCTION = dap.bag_add, COMMUTATOR = OPERATOR(dap.+));
COMMENT ON OPERATOR dap.+ (dap.bag, dap.bag) IS 'The values of both bags together';

CREATE OPERATOR dap.- (LEFTARG = dap.bag, RIGHTARG = dap.bag, FUNCTION = dap.bag_subtract);
COMMENT ON OPERATOR dap.- (dap.bag, dap.bag) IS 'The first bag without the values of the second, which must all be in it';

CREATE OPERATOR dap.= (LEFTARG = dap.bag, RIGHTARG = dap.bag, FUNCTION = dap.bag_equal, COMMUTATOR = OPERATOR(dap.=), NEGATOR = OPERATOR(dap.<>),
  RESTRICT = eqsel, JOIN = eqjoinsel, HASHES);
COMMENT ON OPERATOR dap.= (dap.bag, dap.bag) IS 'The same values equally often';

CREATE OPERATOR dap.<> (LEFTARG = dap.bag, RIGHTARG = dap.bag, FUNCTION = dap.bag_not_equal, COMMUTATOR = OPERATOR(dap.<>), NEGATOR = OPERATOR(dap.=),
  RESTRICT = neqsel, JOIN = neqjoinsel);
COMMENT ON OPERATOR dap.<> (dap.bag, dap.bag) IS 'Not the same values equally often';

CREATE FUNCTION dap._bag_hash(dap.bag) RETURNS integer AS 'MODULE_PATHNAME', 'dap_bag_hash'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._bag_hash(dap.bag) IS 'Hash of a bag, for GROUP BY, DISTINCT and joins';

CREATE FUNCTION dap._bag_hash_extended(dap.bag, bigint) RETURNS bigint AS 'MODULE_PATHNAME', 'dap_bag_hash_extended'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._bag_hash_extended(dap.bag, bigint) IS 'Hash of a bag with a salt, for hash partitioning';

CREATE OPERATOR FAMILY dap.bag_ops USING hash;
COMMENT ON OPERATOR FAMILY dap.bag_ops USING hash IS 'Equality of bags by their hash; bags have no order';

CREATE OPERATOR CLASS dap.bag_ops DEFAULT FOR TYPE dap.bag USING hash FAMILY dap.bag_ops AS
  OPERATOR 1 dap.= (dap.bag, dap.bag), FUNCTION 1 dap._bag_hash(dap.bag), FUNCTION 2 dap._bag_hash_extended(dap.bag, bigint);
COMMENT ON OPERATOR CLASS dap.bag_ops USING hash IS 'Equality of bags by their hash; bags have no order';

-- ---- answers ----

CREATE FUNCTION dap.bag_count(bag dap.bag) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_bag_count'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_count(dap.bag) IS 'How many values the bag holds, equal ones counted';

CREATE FUNCTION dap.bag_sum(bag dap.bag) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_bag_sum'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_sum(dap.bag) IS 'The exact sum of all values, NULL of the empty bag';

CREATE FUNCTION dap.bag_min(bag dap.bag) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_bag_min'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_min(dap.bag) IS 'The least value, NULL of the empty bag';

CREATE FUNCTION dap.bag_max(bag dap.bag) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_bag_max'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.bag_max(dap.bag) IS 'The greatest value (NaN above all), NULL of the empty bag';

CREATE FUNCTION dap.median(bag dap.bag) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_bag_median'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.median(dap.bag) IS 'Exact median of the bag''s values, as the aggregate of the same name gives it of the rows';

CREATE FUNCTION dap.percentile(bag dap.bag, fraction double precision) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_bag_percentile'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap.percentile(dap.bag, double precision) IS 'Exact continuous percentile of the bag''s values, as the aggregate of the same name gives it of the rows';

-- ---- bags of rows: collected as the order statistics collect ----

CREATE FUNCTION dap._bag_agg_final(internal) RETURNS dap.bag AS 'MODULE_PATHNAME', 'dap_bag_agg_final'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._bag_agg_final(internal) IS 'The bag of what an order statistic''s state holds';

CREATE AGGREGATE dap.bag_agg(x smallint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._bag_agg_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.bag_agg(smallint) IS 'All values as one dap.bag';

CREATE AGGREGATE dap.bag_agg(x integer) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._bag_agg_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.bag_agg(integer) IS 'All values as one dap.bag';

CREATE AGGREGATE dap.bag_agg(x bigint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._bag_agg_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.bag_agg(bigint) IS 'All values as one dap.bag';

CREATE AGGREGATE dap.bag_agg(x numeric) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._bag_agg_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.bag_agg(numeric) IS 'All values as one dap.bag';

-- ---- bags of bags ----

CREATE FUNCTION dap._bag_merge_add(internal, dap.bag) RETURNS internal AS 'MODULE_PATHNAME', 'dap_bag_merge_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._bag_merge_add(internal, dap.bag) IS 'Adds a bag to the state of dap.bag_merge';

CREATE FUNCTION dap._bag_merge_combine(internal, internal) RETURNS internal AS 'MODULE_PATHNAME', 'dap_bag_merge_combine'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._bag_merge_combine(internal, internal) IS 'Joins two states of dap.bag_merge';

CREATE FUNCTION dap._bag_merge_serialize(internal) RETURNS bytea AS 'MODULE_PATHNAME', 'dap_bag_merge_serialize'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._bag_merge_serialize(internal) IS 'A state of dap.bag_merge as a bag''s bytes';

CREATE FUNCTION dap._bag_merge_deserialize(bytea, internal) RETURNS internal AS 'MODULE_PATHNAME', 'dap_bag_merge_deserialize'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._bag_merge_deserialize(bytea, internal) IS 'The state that the bytes hold; damaged bytes are an error';

CREATE FUNCTION dap._bag_merge_final(internal) RETURNS dap.bag AS 'MODULE_PATHNAME', 'dap_bag_merge_final'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._bag_merge_final(internal) IS 'The bag that a state of dap.bag_merge has come to';

CREATE AGGREGATE dap.bag_merge(bag dap.bag) (
  SFUNC = dap._bag_merge_add, STYPE = internal, SSPACE = 131072, FINALFUNC = dap._bag_merge_final, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap._bag_merge_combine, SERIALFUNC = dap._bag_merge_serialize, DESERIALFUNC = dap._bag_merge_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.bag_merge(dap.bag) IS 'The values of all bags together';
-- Analysts' companions: dap.mode, dap.mad and dap.iqr over the states of the order statistics, and dap.top_n. Like there, nobody but the aggregates' owner may
-- execute the support functions, which run no SQL and pin no search_path.

CREATE FUNCTION dap._mode_moving_add(internal, smallint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, smallint) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, smallint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, smallint) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, integer) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, integer) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, integer) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, integer) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, bigint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, bigint) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, bigint) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, bigint) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, numeric) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, numeric) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, numeric) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, numeric) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, real) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, real) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, real) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, real) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, double precision) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, double precision) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, double precision) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, date) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, date) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, date) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, date) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, timestamp) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, timestamp) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, timestamp) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, timestamp) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, timestamptz) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, timestamptz) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, timestamptz) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, timestamptz) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_add(internal, interval) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_add'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_add(internal, interval) IS 'Adds a row to the frame of dap.mode';

CREATE FUNCTION dap._mode_moving_remove(internal, interval) RETURNS internal AS 'MODULE_PATHNAME', 'dap_mode_moving_remove'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_remove(internal, interval) IS 'Takes a row out of the frame of dap.mode';

CREATE FUNCTION dap._mode_smallint(internal) RETURNS smallint AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_smallint(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_smallint(internal) RETURNS smallint AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_smallint(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_integer(internal) RETURNS integer AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_integer(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_integer(internal) RETURNS integer AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_integer(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_bigint(internal) RETURNS bigint AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_bigint(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_bigint(internal) RETURNS bigint AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_bigint(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_numeric(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_numeric(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_real(internal) RETURNS real AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_real(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_real(internal) RETURNS real AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_real(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_double(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_double(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_date(internal) RETURNS date AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_date(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_date(internal) RETURNS date AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_date(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_timestamp(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_timestamp(internal) RETURNS timestamp AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_timestamp(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_timestamptz(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_timestamptz(internal) RETURNS timestamptz AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_timestamptz(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mode_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_mode_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_interval(internal) IS 'The answer of dap.mode from its state';

CREATE FUNCTION dap._mode_moving_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_mode_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mode_moving_interval(internal) IS 'The answer of dap.mode from its moving state';

CREATE FUNCTION dap._mad_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_mad_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mad_numeric(internal) IS 'The answer of dap.mad from its state';

CREATE FUNCTION dap._mad_moving_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_mad_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mad_moving_numeric(internal) IS 'The answer of dap.mad from its moving state';

CREATE FUNCTION dap._mad_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_mad_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mad_double(internal) IS 'The answer of dap.mad from its state';

CREATE FUNCTION dap._mad_moving_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_mad_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mad_moving_double(internal) IS 'The answer of dap.mad from its moving state';

CREATE FUNCTION dap._mad_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_mad_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mad_interval(internal) IS 'The answer of dap.mad from its state';

CREATE FUNCTION dap._mad_moving_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_mad_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._mad_moving_interval(internal) IS 'The answer of dap.mad from its moving state';

CREATE FUNCTION dap._iqr_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_iqr_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._iqr_numeric(internal) IS 'The answer of dap.iqr from its state';

CREATE FUNCTION dap._iqr_moving_numeric(internal) RETURNS numeric AS 'MODULE_PATHNAME', 'dap_iqr_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._iqr_moving_numeric(internal) IS 'The answer of dap.iqr from its moving state';

CREATE FUNCTION dap._iqr_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_iqr_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._iqr_double(internal) IS 'The answer of dap.iqr from its state';

CREATE FUNCTION dap._iqr_moving_double(internal) RETURNS double precision AS 'MODULE_PATHNAME', 'dap_iqr_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._iqr_moving_double(internal) IS 'The answer of dap.iqr from its moving state';

CREATE FUNCTION dap._iqr_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_iqr_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._iqr_interval(internal) IS 'The answer of dap.iqr from its state';

CREATE FUNCTION dap._iqr_moving_interval(internal) RETURNS interval AS 'MODULE_PATHNAME', 'dap_iqr_moving_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._iqr_moving_interval(internal) IS 'The answer of dap.iqr from its moving state';

CREATE AGGREGATE dap.mode(x smallint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_smallint, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_smallint, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(smallint) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x integer) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_integer, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_integer, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(integer) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x bigint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_bigint, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_bigint, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(bigint) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x numeric) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(numeric) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x real) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_real, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_real, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(real) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(double precision) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x date) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_date, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_date, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(date) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x timestamp) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_timestamp, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_timestamp, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(timestamp) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x timestamptz) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mode_timestamptz, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_timestamptz, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(timestamptz) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mode(x interval) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 2048, FINALFUNC = dap._mode_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._mode_moving_add, MINVFUNC = dap._mode_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mode_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mode(interval) IS 'The most frequent value, the lowest of several';

CREATE AGGREGATE dap.mad(x smallint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(smallint) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x integer) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(integer) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x bigint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(bigint) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x numeric) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(numeric) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x real) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(real) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(double precision) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x date) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(date) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x timestamp) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(timestamp) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x timestamptz) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._mad_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(timestamptz) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.mad(x interval) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 2048, FINALFUNC = dap._mad_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._mad_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.mad(interval) IS 'Exact median absolute deviation: the median of the distances from the median';

CREATE AGGREGATE dap.iqr(x smallint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(smallint) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x integer) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(integer) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x bigint) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(bigint) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x numeric) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_numeric, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_numeric, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(numeric) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x real) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(real) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x double precision) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_double, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_double, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(double precision) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x date) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(date) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x timestamp) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(timestamp) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x timestamptz) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 384, FINALFUNC = dap._iqr_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(timestamptz) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE AGGREGATE dap.iqr(x interval) (
  SFUNC = dap._quantile_add, STYPE = internal, SSPACE = 2048, FINALFUNC = dap._iqr_interval, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = dap._quantile_combine, SERIALFUNC = dap._quantile_serialize, DESERIALFUNC = dap._quantile_deserialize,
  MSFUNC = dap._quantile_moving_add, MINVFUNC = dap._quantile_moving_remove, MSTYPE = internal, MSSPACE = 1024,
  MFINALFUNC = dap._iqr_moving_interval, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.iqr(interval) IS 'Exact interquartile range: the third quartile less the first, both continuous';

CREATE TYPE dap.top_item AS (rank integer, key text, amount numeric, share numeric);
COMMENT ON TYPE dap.top_item IS 'One of the first items of dap.top_n';
COMMENT ON COLUMN dap.top_item.rank IS '1 is the item with the largest amount';
COMMENT ON COLUMN dap.top_item.key IS 'The key, NULL where the rows'' key is; a number as its decimal text';
COMMENT ON COLUMN dap.top_item.amount IS 'The sum of the key''s amounts, as sum() gives it';
COMMENT ON COLUMN dap.top_item.share IS 'The amount divided by that of all keys, NULL where it is 0';

CREATE FUNCTION dap._top_n_add(internal, bigint, numeric, integer) RETURNS internal AS 'MODULE_PATHNAME', 'dap_top_n_add_number'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._top_n_add(internal, bigint, numeric, integer) IS 'Adds a row to the sums of dap.top_n';

CREATE FUNCTION dap._top_n_add(internal, text, numeric, integer) RETURNS internal AS 'MODULE_PATHNAME', 'dap_top_n_add_text'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._top_n_add(internal, text, numeric, integer) IS 'Adds a row to the sums of dap.top_n';

CREATE FUNCTION dap._top_n_combine(internal, internal) RETURNS internal AS 'MODULE_PATHNAME', 'dap_top_n_combine'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._top_n_combine(internal, internal) IS 'Joins two states of dap.top_n';

CREATE FUNCTION dap._top_n_serialize(internal) RETURNS bytea AS 'MODULE_PATHNAME', 'dap_top_n_serialize'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._top_n_serialize(internal) IS 'A state of dap.top_n as bytes';

CREATE FUNCTION dap._top_n_deserialize(bytea, internal) RETURNS internal AS 'MODULE_PATHNAME', 'dap_top_n_deserialize'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dap._top_n_deserialize(bytea, internal) IS 'A state of dap.top_n from bytes';

CREATE FUNCTION dap._top_n(internal) RETURNS dap.top_item[] AS 'MODULE_PATHNAME', 'dap_top_n_final'
  LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION dap._top_n(internal) IS 'The answer of dap.top_n from its state';

-- How many keys a group has nobody can know: room for about a hundred is what the planner counts on.
CREATE AGGREGATE dap.top_n(key bigint, amount numeric, n integer) (
  SFUNC = dap._top_n_add, STYPE = internal, SSPACE = 8192, FINALFUNC = dap._top_n, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap._top_n_combine, SERIALFUNC = dap._top_n_serialize, DESERIALFUNC = dap._top_n_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.top_n(bigint, numeric, integer) IS 'The n keys with the largest sums, with rank, amount and share of the total; ties by lower key';

CREATE AGGREGATE dap.top_n(key text, amount numeric, n integer) (
  SFUNC = dap._top_n_add, STYPE = internal, SSPACE = 8192, FINALFUNC = dap._top_n, FINALFUNC_MODIFY = READ_ONLY,
  COMBINEFUNC = dap._top_n_combine, SERIALFUNC = dap._top_n_serialize, DESERIALFUNC = dap._top_n_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE dap.top_n(text, numeric, integer) IS 'The n keys with the largest sums, with rank, amount and share of the total; ties by lower key';
-- Writing the ledger: called by the extension's C code as the owner of the ledger, executable by nobody else.

-- What to do with a content: 'load', 'skip' or 'failed', with the ledger line that decides and the reason in words.
CREATE FUNCTION dap._decide_content(a_source_id integer, a_path text, a_hash bytea, a_bytes bigint, a_definition_hash text,
  OUT verdict text, OUT file_id integer, OUT reason text, OUT renewed boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  known dap.file_ledger;
  newest_here dap.file_ledger;
  carried boolean;
BEGIN
  SELECT * INTO newest_here FROM dap.file_ledger l
  WHERE l.source_id = a_source_id AND l.path = a_path AND l.status IN ('loaded', 'archived', 'unloaded')
  ORDER BY l.file_id DESC LIMIT 1;
  -- The same name with other bytes than last time.
  renewed := newest_here.file_id IS NOT NULL AND (newest_here.content_hash, newest_here.bytes) IS DISTINCT FROM (a_hash, a_bytes);

  SELECT * INTO known FROM dap.file_ledger l
  WHERE l.source_id = a_source_id AND l.content_hash = a_hash AND l.bytes = a_bytes AND l.status <> 'failed'
  ORDER BY (l.status IN ('loaded', 'archived')) DESC, l.file_id DESC LIMIT 1;
  IF known.file_id IS NOT NULL THEN
    -- A, B, A under one name ends at A: this name carried these bytes, then others.
    carried := renewed AND known.status IN ('loaded', 'archived') AND EXISTS (
      SELECT 1 FROM dap.file_ledger l
      WHERE l.source_id = a_source_id AND l.path = a_path AND l.content_hash = a_hash AND l.bytes = a_bytes
        AND l.status IN ('loaded', 'archived') AND l.file_id < newest_here.file_id);
    IF NOT carried THEN
      verdict := 'skip';
      file_id := known.file_id;
      reason := CASE
        WHEN known.status = 'loaded' AND known.path = a_path THEN 'already loaded'
        WHEN known.status = 'loaded' THEN format('already loaded as file %s (%s)', known.file_id, known.path)
        WHEN known.status = 'archived' THEN format('already loaded as file %s, archived since', known.file_id)
        WHEN known.status = 'unloaded' THEN format('unloaded as file %s', known.file_id) || coalesce(': ' || known.reason, '')
        ELSE 'dismissed' || coalesce(': ' || known.reason, '') END;
      RETURN;
    END IF;
  END IF;

  SELECT * INTO known FROM dap.file_ledger l
  WHERE l.source_id = a_source_id AND l.content_hash = a_hash AND l.bytes = a_bytes AND l.status = 'failed'
    AND l.definition_hash = a_definition_hash
  ORDER BY l.file_id DESC LIMIT 1;
  IF known.file_id IS NOT NULL THEN
    verdict := 'failed';
    file_id := known.file_id;
    reason := known.reason;
    RETURN;
  END IF;
  verdict := 'load';
END
$$;
COMMENT ON FUNCTION dap._decide_content(integer, text, bytea, bigint, text) IS 'Internal: whether a content is to be loaded, skipped or failed again';

CREATE FUNCTION dap._remember_identity(evidence jsonb) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO dap.file_identity AS i (source_id, path, device, inode, size, mtime_ns, ctime_ns, read_ns, content_hash, bytes)
  SELECT (evidence->>'source_id')::integer, evidence->>'path', e.device, e.inode, e.size, e.mtime_ns, e.ctime_ns, e.read_ns,
         decode(evidence->>'content_hash', 'hex'), (evidence->>'bytes')::bigint
  FROM jsonb_to_record(evidence->'identity') AS e(device bigint, inode bigint, size bigint, mtime_ns bigint, ctime_ns bigint, read_ns bigint)
  WHERE jsonb_typeof(evidence->'identity') = 'object' AND evidence->>'content_hash' IS NOT NULL
  ON CONFLICT (source_id, path) DO UPDATE
  SET device = excluded.device, inode = excluded.inode, size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns,
      read_ns = excluded.read_ns, content_hash = excluded.content_hash, bytes = excluded.bytes
$$;
COMMENT ON FUNCTION dap._remember_identity(jsonb) IS 'Internal: keeps what bytes a path held when it was read';

-- The line of a loaded file. Earlier failed attempts at the same name or bytes are superseded, with their rejects.
CREATE FUNCTION dap._record_loaded_file(evidence jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM dap._forget_failures(evidence);
  INSERT INTO dap.file_ledger (file_id, source_id, source, path, status, reason, content_hash, modified_at, bytes, rows_read, rows_loaded, rows_rejected,
                               options, ignored_columns, definition_hash, reading, blocks, loaded_by, run_id)
  SELECT r.file_id, r.source_id, r.source, r.path, 'loaded', r.reason, decode(r.content_hash, 'hex'), to_timestamp(r.modified_s), r.bytes, r.rows_read,
         r.rows_loaded, r.rows_rejected, r.options, r.ignored_columns, r.definition_hash, r.reading, r.blocks, r.loaded_by, r.run_id
  FROM jsonb_to_record(evidence) AS r(file_id integer, source_id integer, source text, path text, reason text, content_hash text, modified_s double precision, bytes bigint,
       rows_read bigint, rows_loaded bigint, rows_rejected bigint, options jsonb, ignored_columns text[], definition_hash text, reading jsonb, blocks int8multirange,
       loaded_by text, run_id bigint);
  PERFORM dap._remember_identity(evidence);
END
$$;
COMMENT ON FUNCTION dap._record_loaded_file(jsonb) IS 'Internal: the ledger line of a loaded file';

CREATE FUNCTION dap._forget_failures(evidence jsonb) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  -- Rows that another transaction works on are left to it: a recorder must not wait for the run whose evidence it writes.
  WITH old AS (
    SELECT l.file_id FROM dap.file_ledger l
    WHERE l.source_id = (evidence->>'source_id')::integer AND l.status = 'failed'
      AND (l.path = evidence->>'path' OR l.bytes = (evidence->>'bytes')::bigint AND l.content_hash = decode(evidence->>'content_hash', 'hex'))
    FOR UPDATE SKIP LOCKED
  ), rejects AS (
    DELETE FROM dap.reject_ledger r USING old WHERE r.file_id = old.file_id
  )
  DELETE FROM dap.file_ledger l USING old WHERE l.file_id = old.file_id
$$;
COMMENT ON FUNCTION dap._forget_failures(jsonb) IS 'Internal: removes the lines of earlier failed attempts at a file';

-- The line of a failed file and its kept rejects; they replace those of its earlier failed attempts.
CREATE FUNCTION dap._record_failed_file(evidence jsonb) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  new_id integer;
BEGIN
  PERFORM dap._forget_failures(evidence);
  INSERT INTO dap.file_ledger (file_id, source_id, source, path, status, reason, content_hash, modified_at, bytes, rows_read, rows_loaded, rows_rejected,
                               options, definition_hash, loaded_by, run_id)
  SELECT r.file_id, r.source_id, r.source, r.path, 'failed', r.reason, decode(r.content_hash, 'hex'), to_timestamp(r.modified_s), r.bytes, r.rows_read,
         0, r.rows_rejected, coalesce(r.options, '{}'), r.definition_hash, r.loaded_by, r.run_id
  FROM jsonb_to_record(evidence) AS r(file_id integer, source_id integer, source text, path text, reason text, content_hash text, modified_s double precision, bytes bigint,
       rows_read bigint, rows_rejected bigint, options jsonb, definition_hash text, loaded_by text, run_id bigint)
  RETURNING file_id INTO new_id;
  INSERT INTO dap.reject_ledger (file_id, source_id, line, byte_offset, stage, model_id, column_name, reason, message, raw, raw_length, run_id)
  SELECT new_id, (evidence->>'source_id')::integer, r.line, r.byte_offset, r.stage, r.model_id, r.column_name, r.reason, r.message,
         decode(r.raw, 'hex'), r.raw_length, (evidence->>'run_id')::bigint
  FROM jsonb_to_recordset(coalesce(evidence->'rejects', '[]'))
       AS r(line bigint, byte_offset bigint, stage text, model_id integer, column_name text, reason text, message text, raw text, raw_length bigint);
  PERFORM dap._remember_identity(evidence);
  RETURN new_id;
END
$$;
COMMENT ON FUNCTION dap._record_failed_file(jsonb) IS 'Internal: the ledger line of a failed file, and its first rejects';
-- The ledger of runs. These functions are called by the module alone, as the ledger's owner: inside a run's transaction, and by the recorder,
-- a background worker with a transaction of its own.

-- Runs that may still be going on; looked through at the start of each run.
CREATE INDEX run_ledger_open_idx ON dap.run_ledger (run_id) WHERE status IN ('running', 'returned');

-- Writes a run's line as it is known now. Steps come with the final states only.
CREATE FUNCTION dap._record_run(line jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  earlier bigint;
BEGIN
  IF line ->> 'status' = 'running' THEN
    -- What dap.runs already says about runs whose transaction is gone is written down before it is forgotten which transactions committed.
    -- A line that its own transaction is just changing is left alone.
    FOR earlier IN
      SELECT l.run_id FROM dap.run_ledger AS l
      WHERE l.status IN ('running', 'returned') AND l.run_id <> (line ->> 'run_id')::bigint
      ORDER BY l.run_id
      FOR UPDATE SKIP LOCKED
    LOOP
      UPDATE dap.run_ledger AS l SET status = r.status, message = r.message
      FROM dap.runs AS r
      WHERE l.run_id = earlier AND r.run_id = earlier AND r.status IN ('crashed', 'aborted');
    END LOOP;
  END IF;

  INSERT INTO dap.run_ledger AS l (run_id, command, status, started_at, finished_at, failed_step, sqlstate, message, detail, hint, run_by, pid, xid,
    system_identifier, database_oid)
  SELECT r.run_id, r.command, r.status, r.started_at, r.finished_at, r.failed_step, r.sqlstate, r.message, r.detail, r.hint, r.run_by, r.pid, r.xid,
    r.system_identifier, r.database_oid
  FROM jsonb_to_record(line) AS r (run_id bigint, command text, status text, started_at timestamptz, finished_at timestamptz, failed_step text,
    sqlstate text, message text, detail text, hint text, run_by text, pid integer, xid xid8, system_identifier bigint, database_oid oid)
  -- A recorder that comes late must not put an earlier state over a later one.
  ON CONFLICT (run_id) DO UPDATE
    SET status = excluded.status, finished_at = excluded.finished_at, failed_step = excluded.failed_step, sqlstate = excluded.sqlstate,
      message = excluded.message, detail = excluded.detail, hint = excluded.hint
    WHERE excluded.status <> 'running' AND l.status IN ('running', 'returned');

  INSERT INTO dap.step_ledger AS s (run_id, step, object, action, rows_in, rows_inserted, rows_updated, rows_deleted, rows_rejected, elapsed, message)
  SELECT (line ->> 'run_id')::bigint, t.step, t.object, t.action, t.rows_in, t.rows_inserted, t.rows_updated, t.rows_deleted, t.rows_rejected,
    t.elapsed_us * interval '1 microsecond', t.message
  FROM jsonb_to_recordset(line -> 'steps') AS t (step integer, object text, action text, rows_in bigint, rows_inserted bigint, rows_updated bigint,
    rows_deleted bigint, rows_rejected bigint, elapsed_us bigint, message text)
  ON CONFLICT DO NOTHING;
  RETURN true;
END
$$;
COMMENT ON FUNCTION dap._record_run(jsonb) IS 'Internal: writes the line and the steps of a run';
REVOKE ALL ON FUNCTION dap._record_run(jsonb) FROM PUBLIC;

-- One failed file of a failed run. Its trouble must not take the run's own line along.
CREATE FUNCTION dap._record_run_file(evidence text) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM dap._record_failed_file(evidence::jsonb);
  RETURN true;
EXCEPTION WHEN OTHERS THEN
  -- Not the message: it might quote a field.
  RAISE LOG 'could not record a failed file: SQLSTATE %', SQLSTATE;
  RETURN false;
END
$$;
COMMENT ON FUNCTION dap._record_run_file(text) IS 'Internal: writes the line and the rejects of a file that failed in a failed run';
REVOKE ALL ON FUNCTION dap._record_run_file(text) FROM PUBLIC;

-- Who holds the refresh lock (an ExclusiveLock on the extension itself), for the DETAIL of a lock timeout.
CREATE FUNCTION dap._describe_lock_holder() RETURNS text
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE
    WHEN r.run_id IS NOT NULL THEN
      format('Run %s (pid %s, user %s) holds the lock since %s.', r.run_id, coalesce(h.pid::text, 'none: a prepared transaction'), r.run_by,
        r.started_at)
    WHEN h.pid IS NULL THEN 'A prepared transaction holds the lock.'
    ELSE format('Process %s (user %s) holds the lock, in a transaction since %s.', h.pid, coalesce(a.usename::text, 'unknown'), a.xact_start)
    END
  FROM pg_locks AS h
  LEFT JOIN pg_stat_activity AS a ON a.pid = h.pid
  LEFT JOIN LATERAL (
    SELECT l.run_id, l.run_by, l.started_at
    FROM dap.run_ledger AS l JOIN dap.runs AS v ON v.run_id = l.run_id
    WHERE l.status IN ('running', 'returned') AND v.status = 'running' AND (l.pid = h.pid OR h.pid IS NULL)
    ORDER BY l.run_id DESC LIMIT 1) AS r ON true
  WHERE h.locktype = 'object' AND h.granted AND h.mode IN ('ExclusiveLock', 'AccessExclusiveLock')
    AND h.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
    AND h.classid = 'pg_extension'::regclass AND h.objsubid = 0
    AND h.objid = (SELECT e.oid FROM pg_extension AS e WHERE e.extname = 'dap_analytics')
    AND h.pid IS DISTINCT FROM pg_backend_pid()
  ORDER BY h.pid LIMIT 1
$$;
COMMENT ON FUNCTION dap._describe_lock_holder() IS 'Internal: who holds the refresh lock';
REVOKE ALL ON FUNCTION dap._describe_lock_holder() FROM PUBLIC;
-- Loading files.

CREATE TYPE dap.ingest_result AS (
  file_id integer,
  path text,
  status text,
  reason text,
  rows_read bigint,
  rows_loaded bigint,
  rows_rejected bigint,
  bytes bigint,
  elapsed interval
);
COMMENT ON TYPE dap.ingest_result IS 'What became of one file: status loaded, skipped or failed, and why';

CREATE FUNCTION dap._check_options(options jsonb) RETURNS void
LANGUAGE c STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_check_options';
COMMENT ON FUNCTION dap._check_options(jsonb) IS 'Internal: raises 22023 unless these can be the options of a source';

CREATE FUNCTION dap._csv_header(path text, options jsonb) RETURNS text[]
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_csv_header';
COMMENT ON FUNCTION dap._csv_header(text, jsonb) IS 'Internal: the header of the first file that a path means; NULL without a file';

CREATE FUNCTION dap.ingest_csv(source text, path text DEFAULT NULL, options jsonb DEFAULT '{}') RETURNS SETOF dap.ingest_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_ingest_csv';
COMMENT ON FUNCTION dap.ingest_csv(text, text, jsonb) IS
  'Loads the files that path (default: the source''s) means into the source, each content once; one row per file. Needs INSERT on the source''s table. Options hold for this call. '
  'Raises for definitions, privileges and missing paths (42704, 42501, 58P01), never for contents: those are status failed with a reason, and rows in dap.rejects';

CREATE FUNCTION dap.ingest_bytes(source text, name text, content bytea, options jsonb DEFAULT '{}') RETURNS SETOF dap.ingest_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_ingest_bytes';
COMMENT ON FUNCTION dap.ingest_bytes(text, text, bytea, jsonb) IS
  'As dap.ingest_csv, with the file''s content given by the client; name stands for its path';

CREATE FUNCTION dap.ingest_largeobject(source text, name text, object oid, options jsonb DEFAULT '{}') RETURNS SETOF dap.ingest_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_ingest_largeobject';
COMMENT ON FUNCTION dap.ingest_largeobject(text, text, oid, jsonb) IS
  'As dap.ingest_csv, with the content of a large object: \lo_import file.csv.gz, then pass :LASTOID';

CREATE FUNCTION dap.read_csv(path text, options jsonb DEFAULT '{}') RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_read_csv';
COMMENT ON FUNCTION dap.read_csv(text, jsonb) IS
  'The records of the files that path means, as a set: SELECT * FROM dap.read_csv(''f.csv'') AS t(id text, amount numeric). Columns are matched by header name; '
  'types other than text are converted exactly, as in clean models. A bad record raises (22P04) unless option skip_rejects; option limit';
-- The rows of one file.

CREATE FUNCTION dap.file_rows(row_type anyelement, file_id integer) RETURNS SETOF anyelement
LANGUAGE c STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_file_rows';
COMMENT ON FUNCTION dap.file_rows(anyelement, integer) IS
  'The rows that a file brought into its source''s table, as the table''s row type: SELECT * FROM dap.file_rows(NULL::staging.orders, 7). Takes time for the file, not for the table, and no '
  'index, in no particular order: the ledger knows the blocks that the rows were written to; where they are no longer there (VACUUM FULL, CLUSTER, a restore) the whole table is read, as it is where row security '
  'hides some of them. Empty for a file that is not loaded; knows the files that the statement''s snapshot shows, not one that the same statement loads. Needs SELECT on the table; 42704 for an unknown file, 42804 for another table''s type';
-- Looking into a file before it has a source.

CREATE TYPE dap.sniff_column AS (
  "position" integer,
  name text,
  type text,
  format text,
  "values" bigint,
  nulls bigint,
  min text,
  max text,
  longest bigint,
  note text
);
COMMENT ON TYPE dap.sniff_column IS 'What a file''s column holds, and the type that would keep every value as it is written';
COMMENT ON COLUMN dap.sniff_column."position" IS 'Place in the file, from 1';
COMMENT ON COLUMN dap.sniff_column.name IS 'The header''s name, trimmed and through option aliases; column_1 and so on without a header';
COMMENT ON COLUMN dap.sniff_column.type IS 'A type that keeps every value: written again it is the same, but for blanks around it and ways to write one moment (T or a blank, zeros at the end); else text';
COMMENT ON COLUMN dap.sniff_column.format IS 'The one format that every date or timestamp matches; NULL for ISO 8601';
COMMENT ON COLUMN dap.sniff_column."values" IS 'Values that are neither NULL nor empty';
COMMENT ON COLUMN dap.sniff_column.nulls IS 'Values that are NULL or empty: a clean model takes both as NULL';
COMMENT ON COLUMN dap.sniff_column.min IS 'The least value in the type''s order, as written; texts are compared by their bytes, and shown up to 64 characters';
COMMENT ON COLUMN dap.sniff_column.max IS 'The greatest value, likewise';
COMMENT ON COLUMN dap.sniff_column.longest IS 'Characters of the longest value';
COMMENT ON COLUMN dap.sniff_column.note IS 'Why the column is text though it looks like something else';

CREATE TYPE dap.sniff_result AS (
  path text,
  files integer,
  delimiter text,
  quote text,
  escape text,
  header boolean,
  encoding text,
  suggested_encoding text,
  bom boolean,
  line_ends text,
  bytes bigint,
  records bigint,
  rejects bigint,
  notes text[],
  create_source text,
  clean_columns jsonb,
  columns dap.sniff_column[]
);
COMMENT ON TYPE dap.sniff_result IS 'What reading a whole file says of its dialect and columns';
COMMENT ON COLUMN dap.sniff_result.path IS 'The file that was read';
COMMENT ON COLUMN dap.sniff_result.files IS 'How many files the path means; the first was read';
COMMENT ON COLUMN dap.sniff_result.delimiter IS 'The delimiter, given or found';
COMMENT ON COLUMN dap.sniff_result.quote IS 'The quote, given or found; empty where nothing is quoted by a given option';
COMMENT ON COLUMN dap.sniff_result.escape IS 'What stands before a quote within quotes, given or found; NULL without a quote';
COMMENT ON COLUMN dap.sniff_result.header IS 'Whether the first record is a header, given or found; NULL without a record';
COMMENT ON COLUMN dap.sniff_result.encoding IS 'UTF8 where every byte is, or what was given; NULL where it is not known';
COMMENT ON COLUMN dap.sniff_result.suggested_encoding IS 'For a file that is not UTF-8: an encoding in which it can be read. A suggestion, never a finding';
COMMENT ON COLUMN dap.sniff_result.bom IS 'Whether a UTF-8 byte order mark begins the file';
COMMENT ON COLUMN dap.sniff_result.line_ends IS 'LF, CRLF, CR or mixed';
COMMENT ON COLUMN dap.sniff_result.bytes IS 'Length, decompressed';
COMMENT ON COLUMN dap.sniff_result.records IS 'Records that a load would take';
COMMENT ON COLUMN dap.sniff_result.rejects IS 'Records that a load would reject';
COMMENT ON COLUMN dap.sniff_result.notes IS 'What was undecided, and what would go wrong';
COMMENT ON COLUMN dap.sniff_result.create_source IS 'The statement that makes a source of such files; NULL where the header''s names cannot be columns';
COMMENT ON COLUMN dap.sniff_result.clean_columns IS 'The columns for dap.create_clean_model()';
COMMENT ON COLUMN dap.sniff_result.columns IS 'The columns one by one; dap.sniff_columns() shows them as rows';

CREATE FUNCTION dap.sniff_csv(path text, options jsonb DEFAULT '{}') RETURNS dap.sniff_result
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_sniff_csv';
COMMENT ON FUNCTION dap.sniff_csv(text, jsonb) IS
  'Reads a whole file (SELECT * FROM dap.sniff_csv(''f.csv'') \gx) and says its delimiter, quote, header, encoding, line ends, records and rejects, and how to define a source and a clean model for it. '
  'Options given, as for dap.read_csv(), are taken as they are; option limit reads no further. Types are suggested only where they keep every value';

CREATE FUNCTION dap.sniff_columns(path text, options jsonb DEFAULT '{}') RETURNS SETOF dap.sniff_column
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT c.* FROM dap.sniff_csv(path, options) AS s CROSS JOIN LATERAL pg_catalog.unnest(s.columns) AS c $$;
COMMENT ON FUNCTION dap.sniff_columns(text, jsonb) IS
  'As dap.sniff_csv, one row per column: type, format, values, nulls, min, max, longest, and a note where a column is text though it looks like something else';
-- Rejects: read again after a correction, and taken out for whoever sent them.

CREATE TYPE dap.retry_result AS (
  file_id integer,
  retried bigint,
  loaded bigint,
  still_rejected bigint,
  status text,
  reason text
);
COMMENT ON TYPE dap.retry_result IS 'What became of a file''s rejects: how many were read again, are loaded now, and are still rejected';
COMMENT ON COLUMN dap.retry_result.file_id IS 'The file, see dap.files; a new number where a failed file was read again';
COMMENT ON COLUMN dap.retry_result.retried IS 'Records that were read again';
COMMENT ON COLUMN dap.retry_result.loaded IS 'Of these, records that are in the source''s table now';
COMMENT ON COLUMN dap.retry_result.still_rejected IS 'Records that are not, with those that could not be read again';
COMMENT ON COLUMN dap.retry_result.status IS 'loaded, skipped or failed, as in dap.ingest_csv()';
COMMENT ON COLUMN dap.retry_result.reason IS 'Why a file is skipped or failed';

CREATE FUNCTION dap.retry_rejects(file_id integer, options jsonb DEFAULT '{}') RETURNS dap.retry_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_retry_rejects';
COMMENT ON FUNCTION dap.retry_rejects(integer, jsonb) IS
  'After a correction of the source''s options, or with options for this call: reads the rejected records of a loaded file again and loads those that are good now, with their lines, into the '
  'same file; those longer than dap.max_reject_bytes stay. Options given to the call that loaded it have to be given again. A failed file is loaded again from its path. The limits of rejects do not apply to what is retried. With another delimiter, quote or '
  'escape the file itself is read again and must hold the same bytes. Needs INSERT on the source''s table; 42704 for an unknown file, 55000 for one that is unloaded, dismissed or archived';

CREATE FUNCTION dap._reject_text(raw bytea) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_reject_text';
COMMENT ON FUNCTION dap._reject_text(bytea) IS 'Internal: bytes as text where they are valid in the database''s encoding, else NULL';

CREATE TYPE dap.exported_reject AS (
  file_id integer,
  path text,
  source text,
  line bigint,
  byte_offset bigint,
  stage text,
  object text,
  column_name text,
  reason text,
  message text,
  record text,
  raw bytea,
  raw_length bigint
);
COMMENT ON TYPE dap.exported_reject IS 'A reject as it is exported: its place, its reason and its bytes';
COMMENT ON COLUMN dap.exported_reject.file_id IS 'The file, see dap.files';
COMMENT ON COLUMN dap.exported_reject.path IS 'Where the file was read';
COMMENT ON COLUMN dap.exported_reject.source IS 'The source';
COMMENT ON COLUMN dap.exported_reject.line IS 'Line of the file where the record starts; the header is line 1';
COMMENT ON COLUMN dap.exported_reject.byte_offset IS 'Where the record starts, in decompressed bytes from the file''s start';
COMMENT ON COLUMN dap.exported_reject.stage IS 'ingest (not in the source''s table) or clean (there, but not in a model)';
COMMENT ON COLUMN dap.exported_reject.object IS 'The table that did not take it';
COMMENT ON COLUMN dap.exported_reject.column_name IS 'The column that is wrong; NULL for a whole record';
COMMENT ON COLUMN dap.exported_reject.reason IS 'Code of the reason';
COMMENT ON COLUMN dap.exported_reject.message IS 'The reason in words';
COMMENT ON COLUMN dap.exported_reject.record IS 'The bytes as text, to be read; NULL where they are no valid text';
COMMENT ON COLUMN dap.exported_reject.raw IS 'The bytes exactly, up to dap.max_reject_bytes; in a CSV file \x and hexadecimal digits';
COMMENT ON COLUMN dap.exported_reject.raw_length IS 'How many bytes there were';

CREATE FUNCTION dap.export_rejects(file_id integer DEFAULT NULL) RETURNS SETOF dap.exported_reject
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF export_rejects.file_id IS NOT NULL AND NOT EXISTS (SELECT FROM dap.files f WHERE f.file_id = export_rejects.file_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = pg_catalog.format('file %s does not exist', export_rejects.file_id),
      HINT = 'The files are the lines of dap.files.';
  END IF;
  RETURN QUERY
  SELECT r.file_id, r.path, r.source, r.line, r.byte_offset, r.stage, r.object, r.column_name, r.reason, r.message, dap._reject_text(r.raw), r.raw, r.raw_length
  FROM dap.rejects r
  WHERE export_rejects.file_id IS NULL OR r.file_id = export_rejects.file_id
  ORDER BY r.file_id, r.line, r.reject_id;
END $$;
COMMENT ON FUNCTION dap.export_rejects(integer) IS
  'The rejects of a file, or all, with their reasons, for \copy (SELECT * FROM dap.export_rejects(4)) TO ''rejects.csv'' (FORMAT csv, HEADER): record is to be read, '
  'raw gives the bytes back exactly when the file is copied into a bytea column or its hexadecimal digits are decoded. Needs SELECT on dap.files and dap.rejects';
-- Refreshing models.

CREATE TYPE dap.step_result AS (
  run_id bigint,
  step integer,
  object text,
  action text,
  rows_in bigint,
  rows_inserted bigint,
  rows_updated bigint,
  rows_deleted bigint,
  rows_rejected bigint,
  elapsed interval
);
COMMENT ON TYPE dap.step_result IS 'One step of a refresh: action loaded, skipped, failed, built, merged or unchanged';

CREATE FUNCTION dap.refresh_all(mode text DEFAULT 'auto', ingest boolean DEFAULT true) RETURNS SETOF dap.step_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_refresh_all';
COMMENT ON FUNCTION dap.refresh_all(text, boolean) IS
  'Loads new files into every source, then brings every model up to date, in one transaction: all or nothing. mode auto skips what is current, full recomputes everything. '
  'A failure changes no data, raises, and is recorded in dap.runs. 25000 under REPEATABLE READ, 25006 where writing is impossible, 55P03 on lock_timeout while another refresh runs';

CREATE FUNCTION dap.refresh_intermediate(mode text DEFAULT 'auto') RETURNS SETOF dap.step_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_refresh_first';
COMMENT ON FUNCTION dap.refresh_intermediate(text) IS 'Brings the intermediate models up to date, from what is loaded; see dap.refresh_all';

CREATE FUNCTION dap.refresh_analytics(mode text DEFAULT 'auto') RETURNS SETOF dap.step_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_refresh_second';
COMMENT ON FUNCTION dap.refresh_analytics(text) IS 'Brings the analytics models up to date, from the intermediate tables as they are; see dap.refresh_all';

-- A file that the run loaded and that then failed in the clean step, as dap._record_failed_file takes it. Its definition hash is that of no source, so that
-- the bytes are tried again when the model's rules may have changed; the content hash lets them be dismissed.
CREATE FUNCTION dap._failed_file_evidence(a_file_id integer, why text, rejected bigint) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_build_object('file_id', l.file_id, 'source_id', l.source_id, 'source', l.source, 'path', l.path, 'reason', why,
           'content_hash', encode(l.content_hash, 'hex'), 'definition_hash', 'clean', 'loaded_by', l.loaded_by, 'options', l.options, 'bytes', l.bytes,
           'modified_s', extract(epoch FROM l.modified_at), 'rows_read', l.rows_read, 'rows_loaded', 0, 'rows_rejected', rejected, 'run_id', l.run_id,
           'rejects', coalesce((
             SELECT jsonb_agg(jsonb_build_object('stage', r.stage, 'line', r.line, 'byte_offset', r.byte_offset, 'model_id', r.model_id, 'column_name', r.column_name,
                      'reason', r.reason, 'message', r.message, 'raw_length', r.raw_length, 'raw', encode(substr(r.raw, 1, 16384), 'hex')) ORDER BY r.line, r.reject_id)
             FROM (SELECT * FROM dap.reject_ledger x WHERE x.file_id = l.file_id ORDER BY x.line, x.reject_id
                   LIMIT current_setting('dap.max_kept_rejects')::integer) AS r), '[]'))
  FROM dap.file_ledger l
  WHERE l.file_id = a_file_id
$$;
COMMENT ON FUNCTION dap._failed_file_evidence(integer, text, bigint) IS 'Internal: a file that failed in the clean step, for the ledger';

-- The first file of a source whose rejects, those of every clean model included, are more than its limits allow. A file that was loaded before this run cannot be
-- left out any more: a source that tolerates everything (max_reject_percent 100) is the way to go on with it.
CREATE FUNCTION dap._files_over_limit(a_source_id integer, a_run_id bigint)
RETURNS TABLE (path text, reason text, rows_read bigint, rows_rejected bigint, evidence jsonb, run_id bigint)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  WITH cleaned AS (
    SELECT r.file_id, count(DISTINCT r.line) AS rejected, min(r.line) AS first_line
    FROM dap.reject_ledger r
    WHERE r.source_id = a_source_id AND r.stage = 'clean'
    GROUP BY r.file_id
  ), judged AS (
    SELECT l.*, l.rows_rejected + c.rejected AS rejected, c.first_line,
           (o.options->>'max_rejects')::numeric AS max_rejects,
           coalesce((o.options->>'max_reject_percent')::numeric, 1) AS max_percent
    FROM cleaned c
    JOIN dap.file_ledger l ON l.file_id = c.file_id AND l.status = 'loaded'
    JOIN dap.source_definition d ON d.source_id = l.source_id,
    LATERAL (SELECT d.options || l.options AS options) AS o
    WHERE l.run_id IS NOT DISTINCT FROM a_run_id OR coalesce((d.options->>'max_reject_percent')::numeric, 1) < 100
  ), over AS (
    SELECT j.*, CASE
        WHEN j.rejected > j.max_rejects THEN format('more than %s records rejected', j.max_rejects)
        WHEN j.rejected >= j.rows_read THEN format('none of %s records is good', j.rows_read)
        WHEN j.rejected > 10 AND j.rejected * 100 > j.max_percent * j.rows_read
          THEN format('%s of %s records rejected, more than %s percent', j.rejected, j.rows_read, j.max_percent)
      END AS why
    FROM judged j
  )
  SELECT o.path, format('line %s, column %I: %s; %s', f.line, f.column_name, f.message, o.why), o.rows_read, o.rejected,
         dap._failed_file_evidence(o.file_id, o.why, o.rejected), o.run_id
  FROM over o,
  LATERAL (SELECT r.line, r.column_name, r.message FROM dap.reject_ledger r
           WHERE r.file_id = o.file_id AND r.stage = 'clean' ORDER BY r.line, r.reject_id LIMIT 1) AS f
  WHERE o.why IS NOT NULL
  ORDER BY o.file_id
  LIMIT 1  -- the one that stops the run: evidence of a thousand others would only cost memory
$$;
COMMENT ON FUNCTION dap._files_over_limit(integer, bigint) IS 'Internal: the first file that fails in the clean step';
-- Nightly runs by pg_cron, which is looked for when it is needed: everything else works without it.

CREATE FUNCTION dap._schedule_setting(name text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_schedule_setting';
COMMENT ON FUNCTION dap._schedule_setting(text) IS 'Internal: pg_cron''s time zone, database and rule for days, which only superusers may SHOW; NULL where pg_cron does not have the setting';
REVOKE ALL ON FUNCTION dap._schedule_setting(text) FROM PUBLIC;

CREATE FUNCTION dap._schedule_next_run(schedule text, zone text, after timestamptz, both_days boolean DEFAULT false) RETURNS timestamptz
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  fields text[];
  lows CONSTANT integer[] := '{0, 0, 1, 1, 0}';
  highs CONSTANT integer[] := '{59, 23, 31, 12, 7}';
  months CONSTANT text[] := '{jan, feb, mar, apr, may, jun, jul, aug, sep, oct, nov, dec}';
  days CONSTANT text[] := '{sun, mon, tue, wed, thu, fri, sat}';
  sets jsonb := '[]';
  picked integer[];
  item text;
  part text[];
  low integer;
  high integer;
  step integer;
  minutes integer[];
  hours integer[];
  month_days integer[];
  week_days integer[];
  of_months integer[];
  last_day boolean := false;
  any_day boolean;
  day date;
  found timestamptz;
BEGIN
  part := regexp_match(schedule, '^\s*(\d{1,2}) seconds?\s*$', 'i');
  IF part IS NOT NULL THEN
    RETURN after + part[1]::integer * interval '1 second';
  END IF;
  fields := regexp_split_to_array(CASE btrim(schedule, E' \t')
    WHEN '@yearly' THEN '0 0 1 1 *' WHEN '@annually' THEN '0 0 1 1 *' WHEN '@monthly' THEN '0 0 1 * *' WHEN '@weekly' THEN '0 0 * * 0'
    WHEN '@daily' THEN '0 0 * * *' WHEN '@midnight' THEN '0 0 * * *' WHEN '@hourly' THEN '0 * * * *'
    ELSE lower(btrim(schedule, E' \t')) END, '[ \t]+');
  IF cardinality(fields) < 5 THEN
    RETURN NULL;
  END IF;

  FOR f IN 1..5 LOOP
    picked := '{}';
    IF f = 3 AND fields[f] = '$' THEN
      last_day := true;
    ELSE
      FOREACH item IN ARRAY string_to_array(fields[f], ',') LOOP
        part := regexp_match(item, '^(\*|[0-9]{1,2}|[a-z]{3})(-([0-9]{1,2}|[a-z]{3}))?(/([0-9]{1,2}))?$');
        IF part IS NULL OR (part[1] = '*' AND part[2] IS NOT NULL) OR (part[1] <> '*' AND part[2] IS NULL AND part[4] IS NOT NULL) THEN
          RETURN NULL;
        END IF;
        step := coalesce(part[5]::integer, 1);
        IF part[1] = '*' THEN
          low := lows[f];
          high := highs[f];
        ELSE
          -- Names count from the field's lowest number on: jan is 1, sun is 0.
          low := CASE WHEN part[1] ~ '^[0-9]' THEN part[1]::integer WHEN f = 4 THEN array_position(months, part[1])
            WHEN f = 5 THEN array_position(days, part[1]) - 1 END;
          high := CASE WHEN part[3] IS NULL THEN low WHEN part[3] ~ '^[0-9]' THEN part[3]::integer WHEN f = 4 THEN array_position(months, part[3])
            WHEN f = 5 THEN array_position(days, part[3]) - 1 END;
        END IF;
        IF low IS NULL OR high IS NULL OR low < lows[f] OR high > highs[f] OR step = 0 THEN
          RETURN NULL;
        END IF;
        picked := picked || ARRAY(SELECT generate_series(low, high, step));
      END LOOP;
    END IF;
    CASE f
      WHEN 1 THEN minutes := picked;
      WHEN 2 THEN hours := picked;
      WHEN 3 THEN month_days := picked;
      WHEN 4 THEN of_months := picked;
      ELSE week_days := picked;
    END CASE;
  END LOOP;

  -- As cron has it: days of the month and of the week both hold where one of the fields starts with a star, else one of them is enough.
  any_day := NOT (both_days OR fields[3] LIKE '*%' OR fields[5] LIKE '*%');
  -- Eight years on from any day there is a 29th of February, whatever the century.
  FOR ahead IN 0..8 * 366 + 1 LOOP
    day := (after AT TIME ZONE zone)::date + ahead;
    CONTINUE WHEN NOT extract(month FROM day)::integer = ANY (of_months);
    DECLARE
      month_fits CONSTANT boolean := extract(day FROM day)::integer = ANY (month_days) OR (last_day AND extract(day FROM day + 1) = 1);
      week_fits CONSTANT boolean := extract(dow FROM day)::integer = ANY (week_days) OR extract(isodow FROM day)::integer = ANY (week_days);
    BEGIN
      CONTINUE WHEN NOT CASE WHEN any_day THEN month_fits OR week_fits ELSE month_fits AND week_fits END;
    END;
    -- Minute by minute of the day as it is in the zone: when clocks go forward a time may be skipped, when they go back it comes twice.
    SELECT min(m.at) INTO found
    FROM generate_series(day::timestamp AT TIME ZONE zone - interval '2 hours', (day + 1)::timestamp AT TIME ZONE zone, interval '1 minute') AS m (at),
      LATERAL (SELECT m.at AT TIME ZONE zone) AS l (at)
    WHERE m.at > after AND l.at::date = day AND extract(hour FROM l.at)::integer = ANY (hours) AND extract(minute FROM l.at)::integer = ANY (minutes);
    IF found IS NOT NULL THEN
      RETURN found;
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION dap._schedule_next_run(text, text, timestamptz, boolean) IS 'Internal: when a schedule of pg_cron is due next, in the time zone given; NULL where it cannot tell';
REVOKE ALL ON FUNCTION dap._schedule_next_run(text, text, timestamptz, boolean) FROM PUBLIC;

-- Raises unless pg_cron can be used from here; `call` is what to run in pg_cron's own database instead.
CREATE FUNCTION dap._schedule_requirements(call text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  home CONSTANT text := dap._schedule_setting('cron.database_name');
  version integer[];
BEGIN
  IF home IS NULL THEN
    RAISE EXCEPTION 'pg_cron is not loaded in this server' USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = format('%sAdd pg_cron to shared_preload_libraries, set cron.database_name = %L, restart the server, then run CREATE EXTENSION pg_cron in database %I.',
        CASE WHEN NOT EXISTS (SELECT FROM pg_available_extensions AS a WHERE a.name = 'pg_cron') THEN
          format('Install pg_cron (on Debian: package postgresql-%s-cron). ', current_setting('server_version_num')::integer / 10000) ELSE '' END,
        current_database(), current_database());
  END IF;
  IF home <> current_database() THEN
    RAISE EXCEPTION 'pg_cron is in database "%", not in "%"', home, current_database() USING ERRCODE = 'object_not_in_prerequisite_state',
      DETAIL = 'Jobs are kept in the database that cron.database_name says.',
      HINT = format('In database "%s", as a superuser, run: %s', home, call);
  END IF;
  SELECT regexp_match(e.extversion, '^(\d+)\.(\d+)')::integer[] INTO version FROM pg_extension AS e WHERE e.extname = 'pg_cron';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'extension "pg_cron" is not installed in database "%"', current_database() USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = format('As a superuser, run: CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO %I;', current_user);
  END IF;
  IF version < '{1,4}' THEN
    RAISE EXCEPTION 'pg_cron is too old' USING ERRCODE = 'feature_not_supported', DETAIL = 'Version 1.4 or later is needed.',
      HINT = 'Install a newer pg_cron, restart the server and run: ALTER EXTENSION pg_cron UPDATE;';
  END IF;
  IF NOT has_schema_privilege(current_user, 'cron', 'USAGE') THEN
    RAISE EXCEPTION 'permission denied for schema cron' USING ERRCODE = 'insufficient_privilege',
      HINT = format('As a superuser, run: GRANT USAGE ON SCHEMA cron TO %I;', current_user);
  END IF;
END
$$;
COMMENT ON FUNCTION dap._schedule_requirements(text) IS 'Internal: raises unless jobs can be scheduled from this database';
REVOKE ALL ON FUNCTION dap._schedule_requirements(text) FROM PUBLIC;

CREATE FUNCTION dap.schedule(schedule text DEFAULT '0 2 * * *', command text DEFAULT 'SELECT * FROM dap.refresh_all()',
  name text DEFAULT 'dap_' || pg_catalog.current_database()) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  zone CONSTANT text := coalesce(dap._schedule_setting('cron.timezone'), 'GMT');  -- before 1.5 always GMT
  role pg_roles;
  known boolean;
  job bigint;
  next timestamptz;
BEGIN
  IF schedule IS NULL OR command IS NULL OR name IS NULL THEN
    RAISE EXCEPTION 'schedule, command and name must not be null' USING ERRCODE = 'null_value_not_allowed';
  END IF;
  PERFORM dap._schedule_requirements(format('SELECT cron.schedule_in_database(%L, %L, %L, %L, %L);', name, schedule, command, current_database(), current_user));
  SELECT * INTO STRICT role FROM pg_roles AS r WHERE r.rolname = current_user;
  IF NOT role.rolcanlogin THEN
    RAISE EXCEPTION 'role "%" cannot log in, so pg_cron cannot run its jobs', current_user USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = format('Schedule it as a role that can log in, or run: ALTER ROLE %I LOGIN;', current_user);
  END IF;

  EXECUTE 'SELECT EXISTS (SELECT FROM cron.job AS j WHERE j.jobname::text IN ($1, $1::name::text) AND j.username = current_user)' INTO known USING name;
  EXECUTE 'SELECT cron.schedule($1, $2, $3)' INTO STRICT job USING name, schedule, command;

  IF role.rolsuper THEN
    RAISE WARNING 'job "%" will run as superuser "%"', name, current_user
      USING HINT = 'Schedule it as a role that dap.grant_access made an operator: what the job reads could then do less harm.';
  END IF;
  next := dap._schedule_next_run(schedule, zone, clock_timestamp(), coalesce(dap._schedule_setting('cron.match_dom_and_dow'), 'off') = 'on');
  IF next IS NULL THEN
    RAISE NOTICE 'job % "%" %, time zone %', job, name, CASE WHEN known THEN 'changed' ELSE 'scheduled' END, zone
      USING DETAIL = 'When it is due next cannot be told.';
  ELSE
    RAISE NOTICE 'job % "%" %, next run % %', job, name, CASE WHEN known THEN 'changed' ELSE 'scheduled' END,
      to_char(next AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI:SS'), zone
      USING DETAIL = format('That is %s here (pg_cron keeps time zone %s, this session %s).', next, zone, current_setting('TimeZone'));
  END IF;
  RETURN job;
END
$$;
COMMENT ON FUNCTION dap.schedule(text, text, text) IS 'Has pg_cron run a command in this database on a cron schedule, as the current user; returns the job''s id and says when it is due. The same name again changes the job';
REVOKE ALL ON FUNCTION dap.schedule(text, text, text) FROM PUBLIC;

CREATE FUNCTION dap.unschedule(name text DEFAULT 'dap_' || pg_catalog.current_database()) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  job bigint;
  mine text;
  others text;
BEGIN
  IF name IS NULL THEN
    RAISE EXCEPTION 'name must not be null' USING ERRCODE = 'null_value_not_allowed';
  END IF;
  PERFORM dap._schedule_requirements(format('SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = %L;', name));
  -- By number: some versions of pg_cron look a name up cut to 63 bytes.
  EXECUTE 'SELECT j.jobid FROM cron.job AS j WHERE j.jobname::text IN ($1, $1::name::text) AND j.username = current_user' INTO job USING name;
  IF job IS NULL THEN
    EXECUTE 'SELECT string_agg(format(''%L'', j.jobname), '', '' ORDER BY j.jobname) FROM cron.job AS j WHERE j.username = current_user' INTO mine;
    EXECUTE 'SELECT string_agg(format(''%s of %I'', j.jobid, j.username), '', '') FROM cron.job AS j WHERE j.jobname::text IN ($1, $1::name::text)'
      INTO others USING name;
    RAISE EXCEPTION 'job "%" of user "%" does not exist', name, current_user USING ERRCODE = 'undefined_object',
      HINT = CASE
        WHEN others IS NOT NULL THEN format('Other users have jobs of this name (%s): SELECT cron.unschedule(jobid) removes one.', others)
        WHEN mine IS NOT NULL THEN format('The jobs of this user are: %s.', mine)
        ELSE 'This user has no jobs.' END;
  END IF;
  EXECUTE 'SELECT cron.unschedule($1)' USING job;
  RETURN true;
END
$$;
COMMENT ON FUNCTION dap.unschedule(text) IS 'Removes a job that dap.schedule made';
REVOKE ALL ON FUNCTION dap.unschedule(text) FROM PUBLIC;
-- The built-in pipeline, defined through the functions that everybody has.

-- The statement that lets ingest read a directory.
CREATE FUNCTION dap._allow_statement(directory text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT pg_catalog.format('ALTER DATABASE %I SET dap.ingest_directories = %L', pg_catalog.current_database(),
    coalesce(nullif(pg_catalog.current_setting('dap.ingest_directories', true), '') || ', ', '') || directory)
$$;
COMMENT ON FUNCTION dap._allow_statement(text) IS 'Internal: the statement that lets ingest read a directory';

-- What the server sees of a source's files, or what it lacks to see them.
CREATE FUNCTION dap._describe_inbox(inbox text, path text) RETURNS text
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
    RETURN pg_catalog.format('no directory is allowed yet: %s; then reconnect', dap._allow_statement('/path/to/inbox'));
  END IF;
  BEGIN
    files := ARRAY(SELECT f.path FROM dap._find_files(path) WITH ORDINALITY AS f ORDER BY f.ordinality);
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN pg_catalog.concat_ws('; ', problem, nullif(pg_catalog.rtrim(detail, '.'), ''), nullif(hint, ''));
  END;
  -- Those who call this may be allowed more than those who will ingest.
  IF pg_catalog.starts_with(inbox, '/') AND NOT EXISTS (
    SELECT FROM pg_catalog.string_to_table(allowed, ',') AS a(entry), pg_catalog.rtrim(pg_catalog.btrim(a.entry, ' "'), '/') AS d(directory)
    WHERE inbox = d.directory OR pg_catalog.starts_with(inbox, d.directory || '/')) THEN
    hint := pg_catalog.format('; for others than members of pg_read_server_files: %s; then reconnect', dap._allow_statement(inbox));
  END IF;
  RETURN CASE pg_catalog.cardinality(files)
      WHEN 0 THEN 'no file yet'
      WHEN 1 THEN pg_catalog.format('1 file: %s', pg_catalog.regexp_replace(files[1], '^.*/', ''))
      ELSE pg_catalog.format('%s files: %s to %s', pg_catalog.cardinality(files), pg_catalog.regexp_replace(files[1], '^.*/', ''),
        pg_catalog.regexp_replace(files[pg_catalog.cardinality(files)], '^.*/', ''))
    END || coalesce(hint, '');
END $$;
COMMENT ON FUNCTION dap._describe_inbox(text, text) IS 'Internal: what the server sees of a source''s files';

-- Comments are the owner's from then on: only missing ones are written.
CREATE FUNCTION dap._comment_table(relation regclass, comments jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  statements text;
BEGIN
  SELECT pg_catalog.string_agg(CASE WHEN c.key = '' THEN pg_catalog.format('COMMENT ON TABLE %s IS %L', relation, c.value)
      ELSE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', relation, c.key, c.value) END, '; ') INTO statements
  FROM pg_catalog.jsonb_each_text(comments) AS c;
  PERFORM dap._run_as((SELECT t.relowner FROM pg_catalog.pg_class t WHERE t.oid = relation)::regrole, statements);
END $$;
COMMENT ON FUNCTION dap._comment_table(regclass, jsonb) IS 'Internal: comments on a table (empty name) and its columns';

-- Everything that stands in the way, told at once and before anything is made.
CREATE FUNCTION dap._check_setup(owner regrole) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  obstacles text;
  layer_owner text;
BEGIN
  SELECT pg_catalog.string_agg(pg_catalog.format('%I is owned by %s', n.nspname, n.nspowner::regrole), ', ' ORDER BY t.tier),
    coalesce(pg_catalog.quote_literal(CASE WHEN pg_catalog.count(DISTINCT n.nspowner) = 1 THEN pg_catalog.min(n.nspowner::regrole::text) END), '...')
    INTO obstacles, layer_owner
  FROM pg_catalog.generate_series(0, 2) AS t(tier) JOIN pg_catalog.pg_namespace n ON n.nspname = dap._layer(t.tier)
  WHERE n.nspowner <> owner::oid;
  IF obstacles IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = pg_catalog.format('the layers'' schemas must be owned by %s', owner),
      DETAIL = pg_catalog.format('Schema %s.', obstacles),
      HINT = pg_catalog.format('Give the owner as dap.setup(owner => %s), or rename the schemas that are not the pipeline''s.', layer_owner);
  END IF;
  SELECT pg_catalog.string_agg(dap._relation(b.target)::text, ', ' ORDER BY b.n) INTO obstacles
  FROM (SELECT 1 AS n, pg_catalog.format('%I.%I', dap._layer(0), s.source) AS target FROM dap._builtin_sources() s
        UNION ALL SELECT 2, m.model FROM dap._builtin_clean_models() m UNION ALL SELECT 3, m.model FROM dap._builtin_models() m) AS b
  WHERE dap._relation(b.target) IS NOT NULL
    AND NOT EXISTS (SELECT FROM dap._sources s WHERE s.relation = dap._relation(b.target))
    AND NOT EXISTS (SELECT FROM dap._models m WHERE m.relation = dap._relation(b.target));
  IF obstacles IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = 'tables with the pipeline''s names exist already',
      DETAIL = pg_catalog.format('Not made by dap_analytics: %s.', obstacles), HINT = 'Rename or drop them. Nothing was made.';
  END IF;
  SELECT pg_catalog.string_agg(pg_catalog.format('source %I lacks %s', s.source, l.columns), '; ' ORDER BY s.source) INTO obstacles
  FROM dap._builtin_sources() b JOIN dap._sources s ON s.source = b.source
  CROSS JOIN LATERAL (SELECT pg_catalog.string_agg(c, ', ') AS columns FROM pg_catalog.unnest(b.columns) AS c WHERE c <> ALL (s.columns)) AS l
  WHERE l.columns IS NOT NULL;
  IF obstacles IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = 'sources with the pipeline''s names have other columns',
      DETAIL = pg_catalog.upper(pg_catalog.left(obstacles, 1)) || pg_catalog.substr(obstacles, 2) || '.', HINT = 'Drop them with dap.drop_source(). Nothing was made.';
  END IF;
END $$;
COMMENT ON FUNCTION dap._check_setup(regrole) IS 'Internal: raises with everything that stands in the way of the built-in pipeline';

CREATE TYPE dap.setup_result AS (object text, kind text, action text, note text);
COMMENT ON TYPE dap.setup_result IS 'A row of dap.setup(): what was made, kept or is missing';
COMMENT ON COLUMN dap.setup_result.object IS 'Schema, source, model or role';
COMMENT ON COLUMN dap.setup_result.kind IS 'schema, source, clean model, model or owner';
COMMENT ON COLUMN dap.setup_result.action IS 'created, changed, exists, or kept where it is defined otherwise';
COMMENT ON COLUMN dap.setup_result.note IS 'The files that the server sees, or the statement that is missing';

CREATE FUNCTION dap.setup(inbox text DEFAULT NULL, owner regrole DEFAULT pg_catalog.quote_ident(CURRENT_USER)::regrole) RETURNS SETOF dap.setup_result
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
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'inbox is empty', HINT = 'Leave it out to look below dap.ingest_directories.';
  END IF;
  PERFORM dap._run_as(owner, 'SELECT');  -- raises for those who cannot act for the owner
  PERFORM dap._check_setup(owner);

  FOR tier IN 0..2 LOOP
    row := ROW(dap._layer(tier), 'schema', 'exists', NULL);
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = dap._layer(tier)) THEN
      EXECUTE pg_catalog.format('CREATE SCHEMA %I AUTHORIZATION %s', dap._layer(tier), owner);
      PERFORM dap._run_as(owner, pg_catalog.format('COMMENT ON SCHEMA %I IS %L', dap._layer(tier), (ARRAY[
        'Live records of every file, as they came', 'Typed and cleaned, one row per key', 'Business metrics: the schema for consumers'])[tier + 1]));
      row.action := 'created';
    END IF;
    RETURN NEXT row;
  END LOOP;

  FOR builtin IN SELECT b.* FROM dap._builtin_sources() b LOOP
    SELECT s.* INTO known FROM dap._sources s WHERE s.source = builtin.source;
    existed := FOUND;
    -- A pattern's own characters in the directory's name stand for themselves.
    wanted_path := CASE WHEN inbox IS NULL AND existed THEN known.path
      ELSE coalesce(pg_catalog.regexp_replace(directory, '([][*?{}\\])', '\\\1', 'g') || CASE directory WHEN '/' THEN '' ELSE '/' END, '')
        || builtin.source || '*.csv{,.gz,.zst}' END;
    relation := dap.create_source(builtin.source, wanted_path, CASE WHEN existed THEN known.columns ELSE builtin.columns END,
      CASE WHEN existed THEN known.options ELSE '{}' END, or_replace => existed);
    row := ROW(relation::text, 'source', CASE WHEN NOT existed THEN 'created' WHEN known.path IS DISTINCT FROM wanted_path THEN 'changed' ELSE 'exists' END,
      dap._describe_inbox(directory, wanted_path));
    RETURN NEXT row;
  END LOOP;

  FOR builtin IN SELECT b.* FROM dap._builtin_clean_models() b LOOP
    existed := dap._relation(builtin.model) IS NOT NULL;
    row := ROW(builtin.model, 'clean model', CASE WHEN existed THEN 'exists' ELSE 'created' END, NULL);
    BEGIN
      relation := dap.create_clean_model(builtin.model, builtin.source, builtin.columns, builtin.key, builtin.latest_by);
      IF NOT existed THEN
        PERFORM dap._comment_table(relation, builtin.comments);
      END IF;
    EXCEPTION WHEN duplicate_object THEN
      row.action := 'kept';
      row.note := 'it has a definition of its own';
    END;
    RETURN NEXT row;
  END LOOP;

  FOR builtin IN SELECT b.* FROM dap._builtin_models() b LOOP
    existed := dap._relation(builtin.model) IS NOT NULL;
    row := ROW(builtin.model, 'model', CASE WHEN existed THEN 'exists' ELSE 'created' END, NULL);
    BEGIN
      relation := dap.create_model(builtin.model, builtin.query, builtin.key);
      IF NOT existed THEN
        PERFORM dap._comment_table(relation, builtin.comments);
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
  'Makes the three layers and the built-in pipeline over users, onboarding and transactions. inbox: the directory of the files, or NULL to look below dap.ingest_directories. Calling it again changes nothing';
-- The built-in pipeline as data: what dap.setup() gives to dap.create_source(), dap.create_clean_model() and dap.create_model().

CREATE FUNCTION dap._builtin_sources() RETURNS TABLE (source text, columns text[])
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
VALUES
  ('users', '{user_id,name,email,phone,created_at}'::text[]),
  ('onboarding', '{onboarding_id,user_id,role,status,onboarding_date}'),
  ('transactions', '{transaction_id,user_id,amount,transaction_date}')
$$;
COMMENT ON FUNCTION dap._builtin_sources() IS 'Internal: the sources of the built-in pipeline';

CREATE FUNCTION dap._builtin_clean_models() RETURNS TABLE (model text, source text, columns jsonb, key text[], latest_by text[], comments jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
VALUES
  ('intermediate.onboarding_clean', 'onboarding', '[
      {"name": "onboarding_id", "type": "bigint", "required": true},
      {"name": "user_id", "type": "bigint", "required": true},
      {"name": "role", "type": "text", "lower": true},
      {"name": "kyc_status", "source": "status", "type": "text", "lower": true,
       "map": {"kyc_done": "completed", "completed": "completed", "complete": "completed", "verified": "completed"}},
      {"name": "onboarding_date", "type": "date", "required": true}]'::jsonb,
    '{onboarding_id}'::text[], NULL::text[], '{
      "": "Onboarding records, typed: the one that arrived last for each onboarding_id",
      "onboarding_id": "The record",
      "user_id": "The user that was onboarded; may be unknown to users_clean",
      "role": "Role in lower case",
      "kyc_status": "Status in lower case; kyc_done, completed, complete and verified are completed",
      "onboarding_date": "Day of the record"}'::jsonb),
  ('intermediate.user_records', 'users', '[
      {"name": "user_id", "type": "bigint", "required": true},
      {"name": "name", "type": "text"},
      {"name": "email", "type": "text", "lower": true},
      {"name": "phone", "type": "text"},
      {"name": "created_at", "type": "timestamp"}]',
    '{user_id}', '{created_at}', '{
      "": "User records, typed: for each user_id the one with the latest created_at, then the one that arrived last",
      "user_id": "The user",
      "name": "Name",
      "email": "E-mail address in lower case",
      "phone": "Phone number as it came",
      "created_at": "When the record was made; NULL is oldest"}'),
  ('intermediate.transactions_clean', 'transactions', '[
      {"name": "transaction_id", "type": "bigint", "required": true},
      {"name": "user_id", "type": "bigint", "required": true},
      {"name": "amount", "type": "numeric(18,2)", "required": true},
      {"name": "transaction_at", "source": "transaction_date", "type": "timestamp", "required": true}]',
    '{transaction_id}', NULL, '{
      "": "Transactions, typed: the record that arrived last for each transaction_id",
      "transaction_id": "The transaction",
      "user_id": "The user; may be unknown to users_clean",
      "amount": "Amount; all amounts are of one currency",
      "transaction_at": "When it was made"}')
$$;
COMMENT ON FUNCTION dap._builtin_clean_models() IS 'Internal: the clean models of the built-in pipeline; in comments the empty name is the table';

-- Two habits of these queries, both for exactness.
-- Medians: percentile_disc() takes the value at rank ceil(fraction * n). 0.5 gives the lower one of the two in the middle, 0.5 + 2^-50 the upper
-- one (the same if n is odd, exactly for every n below 2^49), from one sort and without leaving numeric; their mean has one digit more.
-- Quotients: numeric division keeps some 16 digits, and rounding its result once more could turn 0.4999... into 1. With a dividend of many
-- decimals the first rounding is finer than the distance of any possible quotient from a half.
CREATE FUNCTION dap._builtin_models() RETURNS TABLE (model text, query text, key text[], comments jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
VALUES
  ('intermediate.users_clean', $query$
SELECT u.user_id, u.name, u.email, u.phone, u.created_at, o.onboarding_id, o.role, o.kyc_status, o.onboarding_date
FROM intermediate.user_records u
LEFT JOIN (
  SELECT DISTINCT ON (c.user_id) c.user_id, c.onboarding_id, c.role, c.kyc_status, c.onboarding_date
  FROM intermediate.onboarding_clean c
  ORDER BY c.user_id, c.onboarding_date DESC, c.onboarding_id DESC) o ON o.user_id = u.user_id$query$,
    '{user_id}'::text[], '{
      "": "Users with their latest onboarding record",
      "user_id": "The user",
      "name": "Name",
      "email": "E-mail address in lower case",
      "phone": "Phone number as it came",
      "created_at": "When the latest record of the user was made",
      "onboarding_id": "Latest onboarding record: by onboarding_date, then onboarding_id; NULL without one",
      "role": "Its role",
      "kyc_status": "Its status",
      "onboarding_date": "Its day"}'::jsonb),

  ('intermediate.user_activity', $query$
SELECT t.user_id, count(*) AS transaction_count, sum(t.amount)::numeric(38,2) AS total_amount,
  (sum(t.amount)::numeric(60,22) / count(*))::numeric(38,4) AS avg_amount,
  min(t.transaction_at) AS first_transaction_at, max(t.transaction_at) AS last_transaction_at
FROM intermediate.transactions_clean t
GROUP BY t.user_id$query$,
    '{user_id}', '{
      "": "What each user with a transaction did",
      "user_id": "The user; may be unknown to users_clean",
      "transaction_count": "Number of transactions",
      "total_amount": "Sum of their amounts",
      "avg_amount": "Mean of their amounts",
      "first_transaction_at": "The earliest",
      "last_transaction_at": "The latest"}'),

  ('analytics.daily_kyc_completions', $query$
WITH completed AS (
  SELECT o.onboarding_date AS day, count(DISTINCT o.user_id) AS completions
  FROM intermediate.onboarding_clean o
  WHERE o.kyc_status = 'completed'
  GROUP BY o.onboarding_date),
calendar AS (
  SELECT s.first_day + n AS day
  FROM (SELECT min(c.day) AS first_day, max(c.day) AS last_day FROM completed c) s, generate_series(0, s.last_day - s.first_day) AS n),
counted AS (
  SELECT k.day, coalesce(c.completions, 0) AS completions, lag(coalesce(c.completions, 0), 7) OVER (ORDER BY k.day) AS completions_week_ago
  FROM calendar k LEFT JOIN completed c ON c.day = k.day)
SELECT d.day, d.completions, d.completions_week_ago,
  (100 * (d.completions - d.completions_week_ago)::numeric(60,30) / nullif(d.completions_week_ago, 0))::numeric(38,2) AS wow_growth_pct
FROM counted d$query$,
    '{day}', '{
      "": "Users who completed KYC, by day; no day is missing between the first and the last",
      "day": "Day of the onboarding record",
      "completions": "Distinct users with a completed onboarding record of that day",
      "completions_week_ago": "The same of seven days before; NULL before the first day",
      "wow_growth_pct": "Growth against a week ago in percent; NULL where that is NULL or 0"}'),

  ('analytics.weekly_kyc_completions', $query$
WITH weeks AS (
  SELECT date_trunc('week', d.day::timestamp)::date AS week_start, sum(d.completions)::bigint AS completions
  FROM analytics.daily_kyc_completions d
  GROUP BY 1),
counted AS (
  SELECT w.week_start, w.completions, lag(w.completions) OVER (ORDER BY w.week_start) AS completions_previous_week
  FROM weeks w)
SELECT c.week_start, c.completions, c.completions_previous_week,
  (100 * (c.completions - c.completions_previous_week)::numeric(60,30) / nullif(c.completions_previous_week, 0))::numeric(38,2) AS wow_growth_pct
FROM counted c$query$,
    '{week_start}', '{
      "": "KYC completions by week; no week is missing between the first and the last",
      "week_start": "Monday of the week",
      "completions": "Sum of daily_kyc_completions.completions over the week",
      "completions_previous_week": "The same of the week before; NULL for the first week",
      "wow_growth_pct": "Growth against the previous week in percent; NULL where that is NULL or 0"}'),

  ('analytics.daily_top_users', $query$
WITH spent AS (
  SELECT t.transaction_at::date AS day, t.user_id, sum(t.amount) AS total_amount
  FROM intermediate.transactions_clean t
  GROUP BY 1, 2),
ranked AS (
  SELECT s.day, row_number() OVER (PARTITION BY s.day ORDER BY s.total_amount DESC, s.user_id) AS rank, s.user_id, s.total_amount,
    sum(s.total_amount) OVER (PARTITION BY s.day) AS day_amount
  FROM spent s)
SELECT r.day, r.rank::integer AS rank, r.user_id, r.total_amount::numeric(38,2) AS total_amount,
  (100 * r.total_amount::numeric(80,40) / nullif(r.day_amount, 0))::numeric(38,2) AS contribution_pct
FROM ranked r
WHERE r.rank <= 5$query$,
    '{day,rank}', '{
      "": "The five users with the highest amounts of each day",
      "day": "Day of the transactions",
      "rank": "1 to 5 by total_amount; the lower user_id comes first among equals",
      "user_id": "The user; may be unknown to intermediate.users_clean",
      "total_amount": "Sum of the user''s amounts that day",
      "contribution_pct": "Its share of the day''s total in percent; NULL where that is 0"}'),

  ('analytics.transaction_stats', $query$
SELECT 'all'::text AS scope, a.transactions, a.users, a.total_amount::numeric(38,2) AS total_amount,
  (a.total_amount::numeric(60,22) / nullif(a.transactions, 0))::numeric(38,4) AS avg_amount,
  ((m.middle[1] + m.middle[2]) * 0.5)::numeric(38,3) AS median_amount, m.min_amount, m.max_amount
FROM (
  SELECT coalesce(sum(u.transaction_count), 0)::bigint AS transactions, count(*) AS users, sum(u.total_amount) AS total_amount
  FROM intermediate.user_activity u) a
CROSS JOIN (
  SELECT percentile_disc('{0.5,0.50000000000000088817841970012523}'::double precision[]) WITHIN GROUP (ORDER BY t.amount) AS middle,
    min(t.amount)::numeric(38,2) AS min_amount, max(t.amount)::numeric(38,2) AS max_amount
  FROM intermediate.transactions_clean t) m$query$,
    '{scope}', '{
      "": "All transactions in one row",
      "scope": "all",
      "transactions": "Number of transactions",
      "users": "Distinct users with a transaction",
      "total_amount": "Sum of the amounts; NULL without a transaction, as the following columns",
      "avg_amount": "Mean of the amounts",
      "median_amount": "Exact median of the amounts",
      "min_amount": "Lowest amount",
      "max_amount": "Highest amount"}'),

  ('analytics.daily_transaction_stats', $query$
SELECT s.day, s.transactions, s.users, s.total_amount::numeric(38,2) AS total_amount,
  (s.total_amount::numeric(60,22) / s.transactions)::numeric(38,4) AS avg_amount,
  ((s.middle[1] + s.middle[2]) * 0.5)::numeric(38,3) AS median_amount, s.min_amount, s.max_amount
FROM (
  SELECT t.transaction_at::date AS day, count(*) AS transactions, count(DISTINCT t.user_id) AS users, sum(t.amount) AS total_amount,
    percentile_disc('{0.5,0.50000000000000088817841970012523}'::double precision[]) WITHIN GROUP (ORDER BY t.amount) AS middle,
    min(t.amount)::numeric(38,2) AS min_amount, max(t.amount)::numeric(38,2) AS max_amount
  FROM intermediate.transactions_clean t
  GROUP BY 1) s$query$,
    '{day}', '{
      "": "Transactions by day; days without a transaction have no row",
      "day": "Day of the transactions",
      "transactions": "Number of transactions",
      "users": "Distinct users with a transaction",
      "total_amount": "Sum of the amounts",
      "avg_amount": "Mean of the amounts",
      "median_amount": "Exact median of the amounts",
      "min_amount": "Lowest amount",
      "max_amount": "Highest amount"}'),

  ('analytics.kyc_comparison', $query$
WITH known AS (
  SELECT u.user_id, coalesce(u.kyc_status, 'none') AS kyc_status
  FROM intermediate.users_clean u),
people AS (
  SELECT coalesce(k.kyc_status, 'unknown') AS kyc_status, count(*) AS users, count(a.user_id) AS active_users,
    coalesce(sum(a.transaction_count), 0)::bigint AS transactions, sum(a.total_amount) AS total_amount
  FROM known k FULL JOIN intermediate.user_activity a ON a.user_id = k.user_id
  GROUP BY 1),
amounts AS (
  SELECT coalesce(k.kyc_status, 'unknown') AS kyc_status,
    percentile_disc('{0.5,0.50000000000000088817841970012523}'::double precision[]) WITHIN GROUP (ORDER BY t.amount) AS middle,
    min(t.amount)::numeric(38,2) AS min_amount, max(t.amount)::numeric(38,2) AS max_amount
  FROM intermediate.transactions_clean t LEFT JOIN known k ON k.user_id = t.user_id
  GROUP BY 1)
SELECT p.kyc_status, p.users, p.active_users, p.transactions, p.total_amount::numeric(38,2) AS total_amount,
  (p.total_amount::numeric(60,22) / nullif(p.transactions, 0))::numeric(38,4) AS avg_amount,
  ((m.middle[1] + m.middle[2]) * 0.5)::numeric(38,3) AS median_amount, m.min_amount, m.max_amount
FROM people p LEFT JOIN amounts m ON m.kyc_status = p.kyc_status$query$,
    '{kyc_status}', '{
      "": "Users and their transactions by KYC status; the transactions add up to transaction_stats",
      "kyc_status": "Status of the latest onboarding record; none for users without one, unknown for users that only transactions name",
      "users": "Number of users",
      "active_users": "Users with a transaction",
      "transactions": "Number of their transactions",
      "total_amount": "Sum of the amounts; NULL without a transaction, as the following columns",
      "avg_amount": "Mean of the amounts",
      "median_amount": "Exact median of the amounts",
      "min_amount": "Lowest amount",
      "max_amount": "Highest amount"}'),

  ('analytics.kyc_comparison_by_role', $query$
WITH known AS (
  SELECT u.user_id, coalesce(u.role, 'none') AS role, coalesce(u.kyc_status, 'none') AS kyc_status
  FROM intermediate.users_clean u),
people AS (
  SELECT coalesce(k.role, 'unknown') AS role, coalesce(k.kyc_status, 'unknown') AS kyc_status, count(*) AS users, count(a.user_id) AS active_users,
    coalesce(sum(a.transaction_count), 0)::bigint AS transactions, sum(a.total_amount) AS total_amount
  FROM known k FULL JOIN intermediate.user_activity a ON a.user_id = k.user_id
  GROUP BY 1, 2),
amounts AS (
  SELECT coalesce(k.role, 'unknown') AS role, coalesce(k.kyc_status, 'unknown') AS kyc_status,
    percentile_disc('{0.5,0.50000000000000088817841970012523}'::double precision[]) WITHIN GROUP (ORDER BY t.amount) AS middle,
    min(t.amount)::numeric(38,2) AS min_amount, max(t.amount)::numeric(38,2) AS max_amount
  FROM intermediate.transactions_clean t LEFT JOIN known k ON k.user_id = t.user_id
  GROUP BY 1, 2)
SELECT p.role, p.kyc_status, p.users, p.active_users, p.transactions, p.total_amount::numeric(38,2) AS total_amount,
  (p.total_amount::numeric(60,22) / nullif(p.transactions, 0))::numeric(38,4) AS avg_amount,
  ((m.middle[1] + m.middle[2]) * 0.5)::numeric(38,3) AS median_amount, m.min_amount, m.max_amount
FROM people p LEFT JOIN amounts m ON m.role = p.role AND m.kyc_status = p.kyc_status$query$,
    '{role,kyc_status}', '{
      "": "Users and their transactions by role and KYC status; the transactions add up to transaction_stats",
      "role": "Role of the latest onboarding record; none and unknown as for kyc_status",
      "kyc_status": "Status of the latest onboarding record; none for users without one, unknown for users that only transactions name",
      "users": "Number of users",
      "active_users": "Users with a transaction",
      "transactions": "Number of their transactions",
      "total_amount": "Sum of the amounts; NULL without a transaction, as the following columns",
      "avg_amount": "Mean of the amounts",
      "median_amount": "Exact median of the amounts",
      "min_amount": "Lowest amount",
      "max_amount": "Highest amount"}')
$$;
COMMENT ON FUNCTION dap._builtin_models() IS 'Internal: the query models of the built-in pipeline; in comments the empty name is the table';
-- Levels of access. Roles are the administrator's own; these functions only grant.

CREATE FUNCTION dap._grant(role regrole, level text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_grant';
COMMENT ON FUNCTION dap._grant(regrole, text) IS 'Internal: grants what a level may use of schema dap, on behalf of an admin';

-- What a level may use of the extension itself. Runs as the extension's owner.
CREATE FUNCTION dap._write_grant(role regrole, level text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  granted regclass;
  routine regprocedure;
BEGIN
  FOR granted IN
    SELECT c.oid FROM pg_catalog.pg_class c
    WHERE c.relnamespace = 'dap'::regnamespace AND c.relkind = 'v'
      AND c.relname = ANY (CASE level
        WHEN 'monitor' THEN '{status,runs,run_steps,files,health}'::name[]
        WHEN 'reader' THEN '{status}'
        WHEN 'operator' THEN '{status,runs,run_steps,files,health,rejects}'
        WHEN 'admin' THEN '{status,runs,run_steps,files,health,rejects,_sources,_models}' END)
  LOOP
    EXECUTE pg_catalog.format('GRANT SELECT ON %s TO %s', granted, role);
  END LOOP;
  FOR routine IN
    SELECT p.oid FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'dap'::regnamespace AND CASE level
      WHEN 'operator' THEN p.proname IN ('ingest_csv', 'ingest_bytes', 'ingest_largeobject', 'file_rows', 'read_csv', 'sniff_csv', 'sniff_columns', 'retry_rejects',
        'export_rejects', '_reject_text', 'refresh_intermediate', 'refresh_analytics',
        'refresh_all', 'schedule', 'unschedule', '_no_stray_insert') OR p.proname LIKE '\_schedule%'
      -- The writers of the ledger check nothing themselves: they are the module's alone.
      WHEN 'admin' THEN p.proname NOT LIKE '\_write\_%' AND p.proname NOT LIKE '\_record\_%' ELSE false END
  LOOP
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %s', routine, role);
  END LOOP;
END $$;
COMMENT ON FUNCTION dap._write_grant(regrole, text) IS 'Internal: grants what a level may use of schema dap';

CREATE FUNCTION dap.grant_access(role regrole, level text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  owner regrole;
BEGIN
  IF role IS NULL OR level IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'role and level must be given';
  ELSIF level NOT IN ('monitor', 'reader', 'operator', 'admin') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = pg_catalog.format('unknown level "%s"', level),
      HINT = 'The levels are monitor, reader, operator and admin.';
  ELSIF role = 0::regrole OR NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role) THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = pg_catalog.format('role %s does not exist', role);
  END IF;

  IF level = 'reader' THEN
    owner := dap._layer_owner(2);
    PERFORM dap._run_as(owner, pg_catalog.format(
      'GRANT USAGE ON SCHEMA %1$I TO %2$s; GRANT SELECT ON ALL TABLES IN SCHEMA %1$I TO %2$s; '
      'ALTER DEFAULT PRIVILEGES FOR ROLE %3$s IN SCHEMA %1$I GRANT SELECT ON TABLES TO %2$s', dap._layer(2), role, owner));
  ELSIF level = 'operator' THEN
    owner := dap._layer_owner(0);
    PERFORM dap._run_as(owner, pg_catalog.format(
      'GRANT USAGE ON SCHEMA %1$I TO %2$s; GRANT INSERT ON ALL TABLES IN SCHEMA %1$I TO %2$s; '
      'ALTER DEFAULT PRIVILEGES FOR ROLE %3$s IN SCHEMA %1$I GRANT INSERT ON TABLES TO %2$s', dap._layer(0), role, owner));
  ELSIF level = 'admin' THEN
    owner := dap._layer_owner(0);
    -- As the caller: only those who may admit members to the owner can make an admin.
    IF NOT pg_catalog.pg_has_role(role, owner, 'MEMBER') THEN
      EXECUTE pg_catalog.format('GRANT %s TO %s', owner, role);
    END IF;
  END IF;
  PERFORM dap._grant(role, level);

  -- pg_cron keeps its schema to itself.
  IF level IN ('operator', 'admin') AND EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE e.extname = 'pg_cron')
      AND NOT pg_catalog.has_schema_privilege(role, 'cron', 'USAGE') THEN
    BEGIN
      EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA cron TO %s', role);
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE WARNING USING MESSAGE = pg_catalog.format('role %s cannot schedule yet', role),
        HINT = pg_catalog.format('Scheduling needs, from a superuser: GRANT USAGE ON SCHEMA cron TO %s', role);
    END;
  END IF;
END $$;
COMMENT ON FUNCTION dap.grant_access(regrole, text) IS
  'Grants a role monitor (status, runs, files: no data), reader (analytics), operator (ingest, refresh, schedule) or admin (definitions too, as a member of the layers'' owner), for objects made later too';
-- Files and rejects, for people. A view reads the ledger with its owner's rights; the functions it calls are all PostgreSQL's own.

CREATE VIEW dap.files AS
SELECT f.file_id, f.source, f.path, f.status, f.reason, f.content_hash, f.modified_at, f.bytes, f.rows_read, f.rows_loaded, f.rows_rejected,
  f.options, f.loaded_at, f.loaded_by, f.run_id
FROM dap.file_ledger f;
COMMENT ON VIEW dap.files IS 'Every content that was loaded, failed, unloaded, dismissed or archived';
COMMENT ON COLUMN dap.files.file_id IS 'Number of the file; _file_id in the source''s table';
COMMENT ON COLUMN dap.files.source IS 'The source that it was given to';
COMMENT ON COLUMN dap.files.path IS 'Where it was read, or the name that the client gave';
COMMENT ON COLUMN dap.files.status IS 'loaded (its records are live), failed (none is), unloaded, dismissed or archived';
COMMENT ON COLUMN dap.files.reason IS 'Why it has that status';
COMMENT ON COLUMN dap.files.content_hash IS 'XXH3-128 of the decompressed bytes';
COMMENT ON COLUMN dap.files.modified_at IS 'When the file was changed last, by the server''s file system';
COMMENT ON COLUMN dap.files.bytes IS 'Length, decompressed';
COMMENT ON COLUMN dap.files.rows_read IS 'Records: those loaded and those rejected';
COMMENT ON COLUMN dap.files.rows_loaded IS 'Records that went into the source''s table';
COMMENT ON COLUMN dap.files.rows_rejected IS 'Records that did not, see dap.rejects';
COMMENT ON COLUMN dap.files.options IS 'Options that were given to the call';
COMMENT ON COLUMN dap.files.loaded_at IS 'When this was written';
COMMENT ON COLUMN dap.files.loaded_by IS 'The user who called';
COMMENT ON COLUMN dap.files.run_id IS 'The refresh, see dap.runs; NULL outside one';

CREATE VIEW dap.rejects AS
SELECT r.reject_id, r.file_id, f.path, f.source, r.line, r.byte_offset, r.stage, pg_catalog.format('%I.%I', n.nspname, c.relname) AS object, r.column_name,
  r.reason, r.message, r.raw, r.raw_length
FROM dap.reject_ledger r
LEFT JOIN dap.file_ledger f ON f.file_id = r.file_id
LEFT JOIN dap.source_definition s ON s.source_id = r.source_id AND r.stage = 'ingest'
LEFT JOIN dap.model_definition m ON m.model_id = r.model_id
LEFT JOIN pg_catalog.pg_class c ON c.oid = coalesce(m.relation, s.relation)
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace;
COMMENT ON VIEW dap.rejects IS 'Every record that was not taken, and why. Holds data: raw is what the file says';
COMMENT ON COLUMN dap.rejects.reject_id IS 'Number of the reject';
COMMENT ON COLUMN dap.rejects.file_id IS 'The file, see dap.files';
COMMENT ON COLUMN dap.rejects.path IS 'Where the file was read';
COMMENT ON COLUMN dap.rejects.source IS 'The source';
COMMENT ON COLUMN dap.rejects.line IS 'Line of the file where the record starts; the header is line 1';
COMMENT ON COLUMN dap.rejects.byte_offset IS 'Where the record starts, in decompressed bytes from the file''s start';
COMMENT ON COLUMN dap.rejects.stage IS 'ingest (not in the source''s table) or clean (there, but not in a model)';
COMMENT ON COLUMN dap.rejects.object IS 'The table that did not take it';
COMMENT ON COLUMN dap.rejects.column_name IS 'The column that is wrong; NULL for a whole record';
COMMENT ON COLUMN dap.rejects.reason IS 'Code of the reason, the same in every version';
COMMENT ON COLUMN dap.rejects.message IS 'The reason in words, without the value';
COMMENT ON COLUMN dap.rejects.raw IS 'The bytes of the record or value, up to dap.max_reject_bytes';
COMMENT ON COLUMN dap.rejects.raw_length IS 'How many bytes it had';
-- Runs and their steps, for people. A view's functions are called as its reader: these are all PostgreSQL's own, open to everybody.

CREATE VIEW dap.runs AS
SELECT r.run_id, r.command, s.status, r.started_at, r.finished_at,
  CASE WHEN s.status = 'running' THEN clock_timestamp() ELSE r.finished_at END - r.started_at AS elapsed,
  r.failed_step, r.sqlstate,
  CASE
    WHEN r.message IS NOT NULL THEN r.message
    WHEN s.status = 'crashed' THEN 'the server process ended before the run did'
    WHEN s.status = 'aborted' THEN 'the run was done, but its caller rolled it back'
  END AS message,
  r.run_by
FROM dap.run_ledger AS r
CROSS JOIN LATERAL (
  -- running and returned hold while the run's transaction goes on. Once it is gone, a line that it did not change is that of a run that failed
  -- to end or that was rolled back. A committed one has changed it, only later than this snapshot can see.
  -- The lines of another server or database (a restored dump) are judged without asking about their transactions, which mean nothing here.
  SELECT CASE
    WHEN r.status NOT IN ('running', 'returned') THEN r.status
    ELSE CASE
      WHEN r.system_identifier IS DISTINCT FROM (SELECT c.system_identifier FROM pg_control_system() AS c)
        OR r.database_oid IS DISTINCT FROM (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
        OR r.xid IS NULL OR r.xid >= pg_snapshot_xmax(pg_current_snapshot()) THEN NULL
      ELSE pg_xact_status(r.xid)
      END
    END) AS j (verdict)
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN r.status NOT IN ('running', 'returned') THEN r.status
    WHEN j.verdict = 'in progress' THEN 'running'
    WHEN j.verdict = 'committed' THEN 'succeeded'
    WHEN r.status = 'running' THEN 'crashed'
    ELSE 'aborted'
    END) AS s (status);
COMMENT ON VIEW dap.runs IS 'Every refresh: who ran it, when, and how it ended';
COMMENT ON COLUMN dap.runs.run_id IS 'Number of the run; dap.run_steps, dap.files and dap.rejects refer to it';
COMMENT ON COLUMN dap.runs.command IS 'The call that was run';
COMMENT ON COLUMN dap.runs.status IS 'running, succeeded, failed (it raised an error), crashed (its server process ended) or aborted (it returned, and its caller rolled back)';
COMMENT ON COLUMN dap.runs.started_at IS 'When it had its lock and began';
COMMENT ON COLUMN dap.runs.finished_at IS 'When it returned or failed; NULL while it runs and where nobody can tell';
COMMENT ON COLUMN dap.runs.elapsed IS 'How long it took, or has taken so far';
COMMENT ON COLUMN dap.runs.failed_step IS 'The object whose step raised the error';
COMMENT ON COLUMN dap.runs.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN dap.runs.message IS 'The error''s message, never with a field''s value; its detail is with the failed step in dap.run_steps';
COMMENT ON COLUMN dap.runs.run_by IS 'The session''s user';

CREATE VIEW dap.run_steps AS
SELECT s.run_id, s.step, s.object, s.action, s.rows_in, s.rows_inserted, s.rows_updated, s.rows_deleted, s.rows_rejected, s.elapsed, s.message
FROM dap.step_ledger AS s;
COMMENT ON VIEW dap.run_steps IS 'The steps of each refresh that succeeded or failed; one that found nothing to do has none';
COMMENT ON COLUMN dap.run_steps.run_id IS 'The run, see dap.runs';
COMMENT ON COLUMN dap.run_steps.step IS 'Number of the step within its run';
COMMENT ON COLUMN dap.run_steps.object IS 'What the step worked on: a file, or a table';
COMMENT ON COLUMN dap.run_steps.action IS 'loaded, skipped, failed, built (made anew), merged (changed row by row) or unchanged';
COMMENT ON COLUMN dap.run_steps.rows_in IS 'Records or rows that the step read';
COMMENT ON COLUMN dap.run_steps.rows_inserted IS 'Rows added';
COMMENT ON COLUMN dap.run_steps.rows_updated IS 'Rows changed';
COMMENT ON COLUMN dap.run_steps.rows_deleted IS 'Rows removed';
COMMENT ON COLUMN dap.run_steps.rows_rejected IS 'Records that were not taken, see dap.rejects';
COMMENT ON COLUMN dap.run_steps.elapsed IS 'How long the step took';
COMMENT ON COLUMN dap.run_steps.message IS 'Why the step failed, never with a field''s value';
-- One line per source and model: is it there, is it current, and what to do if not.

CREATE VIEW dap.status AS
WITH RECURSIVE sources AS (
  SELECT s.source_id, s.source, s.relation, f.rows, f.run_id, f.refreshed_at, f.newest_file_at, f.change_id, f.failure
  FROM dap.source_definition s
  LEFT JOIN LATERAL (
    SELECT sum(l.rows_loaded) FILTER (WHERE l.status = 'loaded')::bigint AS rows,
      max(l.run_id) FILTER (WHERE l.status = 'loaded') AS run_id,
      max(l.loaded_at) FILTER (WHERE l.status = 'loaded') AS refreshed_at,
      max(coalesce(l.modified_at, l.loaded_at)) FILTER (WHERE l.status = 'loaded') AS newest_file_at,
      max(l.change_id) FILTER (WHERE l.status NOT IN ('failed', 'dismissed')) AS change_id,
      min(format('%s: %s', l.path, l.reason)) FILTER (WHERE l.status = 'failed') AS failure
    FROM dap.file_ledger l WHERE l.source_id = s.source_id) f ON true
), edges AS (
  SELECT m.model_id, m.relation, u.upstream
  FROM dap.model_definition m CROSS JOIN LATERAL unnest(m.upstream) AS u(upstream)
), inputs AS (
  -- What a refresh would write down as the model's inputs now.
  SELECT e.model_id,
    jsonb_object_agg(CASE WHEN s.source_id IS NULL THEN 'model ' || m.model_id ELSE 'source ' || s.source_id END,
      CASE WHEN s.source_id IS NULL THEN coalesce(v.version, 0) ELSE coalesce(s.change_id, 0) END) AS versions
  FROM edges e
  LEFT JOIN sources s ON s.relation = e.upstream
  LEFT JOIN dap.model_definition m ON m.relation = e.upstream
  LEFT JOIN dap.model_state v ON v.model_id = m.model_id
  WHERE s.source_id IS NOT NULL OR m.model_id IS NOT NULL
  GROUP BY e.model_id
), outdated (relation, message) AS (
  SELECT m.relation, CASE WHEN v.definition_hash <> m.definition_hash THEN 'its definition has changed' ELSE 'what it reads has changed' END
  FROM dap.model_definition m
  JOIN dap.model_state v ON v.model_id = m.model_id
  LEFT JOIN inputs i ON i.model_id = m.model_id
  WHERE v.definition_hash <> m.definition_hash OR (NOT m.always AND v.inputs - 'views' <> coalesce(i.versions, '{}'))
  UNION
  SELECT e.relation, 'what it reads is stale' FROM outdated o JOIN edges e ON e.upstream = o.relation
), stale AS (
  SELECT o.relation, min(o.message) AS message FROM outdated o GROUP BY o.relation
), reached (relation, upstream) AS (
  SELECT e.relation, e.upstream FROM edges e
  UNION
  SELECT r.relation, e.upstream FROM reached r JOIN edges e ON e.relation = r.upstream
), newest AS (
  SELECT r.relation, max(s.newest_file_at) AS newest_file_at FROM reached r JOIN sources s ON s.relation = r.upstream GROUP BY r.relation
), objects AS (
  SELECT 0 AS tier, s.source_id AS number, s.source, s.relation, s.rows, s.run_id, s.refreshed_at, s.newest_file_at, s.refreshed_at IS NOT NULL AS is_there,
    s.failure, NULL::text AS staleness
  FROM sources s
  UNION ALL
  SELECT m.tier, m.model_id, NULL, m.relation, v.rows, v.run_id, v.refreshed_at, n.newest_file_at, v.model_id IS NOT NULL, NULL, t.message
  FROM dap.model_definition m
  LEFT JOIN dap.model_state v ON v.model_id = m.model_id
  LEFT JOIN newest n ON n.relation = m.relation
  LEFT JOIN stale t ON t.relation = m.relation
), last_run AS (
  SELECT r.run_id, r.status, r.failed_step, r.message FROM dap.runs r ORDER BY r.run_id DESC LIMIT 1
)
SELECT CASE WHEN c.oid IS NULL THEN o.relation::oid::text ELSE format('%I.%I', n.nspname, c.relname) END AS object, n.nspname::text AS layer, o.rows, pg_total_relation_size(c.oid) AS bytes,
  o.run_id, o.refreshed_at, o.newest_file_at, j.state,
  CASE j.state
    WHEN 'failed' THEN coalesce(
      CASE WHEN c.oid IS NULL THEN format('the table does not exist any more; SELECT dap.drop_%s(%L) removes the definition',
        CASE WHEN o.tier = 0 THEN 'source' ELSE 'model' END, coalesce(o.source, o.relation::oid::text)) END,
      o.failure, format('run %s: %s', l.run_id, l.message))
    WHEN 'running' THEN format('run %s is under way', l.run_id)
    WHEN 'stale' THEN o.staleness || '; dap.refresh_all() brings it up to date'
    WHEN 'never' THEN CASE WHEN o.tier = 0 THEN 'no file was loaded yet' ELSE 'not built yet: call dap.refresh_all()' END
  END AS message
FROM objects o
LEFT JOIN pg_class c ON c.oid = o.relation
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN last_run l ON true
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN c.oid IS NULL THEN 'failed'
    WHEN l.status = 'running' THEN 'running'
    WHEN o.failure IS NOT NULL OR (l.status = 'failed' AND l.failed_step = format('%I.%I', n.nspname, c.relname)) THEN 'failed'
    WHEN NOT o.is_there THEN 'never'
    WHEN o.staleness IS NOT NULL THEN 'stale'
    ELSE 'ok'
  END) AS j(state)
ORDER BY o.tier, o.number;
COMMENT ON VIEW dap.status IS 'Sources and models: how many rows, how fresh, and what is wrong';
COMMENT ON COLUMN dap.status.object IS 'The table';
COMMENT ON COLUMN dap.status.layer IS 'Its schema';
COMMENT ON COLUMN dap.status.rows IS 'Rows after the last refresh';
COMMENT ON COLUMN dap.status.bytes IS 'Size on disk with its indexes';
COMMENT ON COLUMN dap.status.run_id IS 'The run that wrote it last, see dap.runs; NULL for files that were loaded outside a run';
COMMENT ON COLUMN dap.status.refreshed_at IS 'When it was written last';
COMMENT ON COLUMN dap.status.newest_file_at IS 'When the newest of the files that it comes from was changed last';
COMMENT ON COLUMN dap.status.state IS 'ok, stale (a refresh would change it), failed, running or never (not built, nothing loaded)';
COMMENT ON COLUMN dap.status.message IS 'What the state means here';
-- Bodies are parsed when they are called, with the caller's settings: none may change what their literals mean.
DO $$
DECLARE
  routine regprocedure;
BEGIN
  FOR routine IN
    SELECT p.oid FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    WHERE p.pronamespace = 'dap'::regnamespace AND p.prokind = 'f' AND l.lanname IN ('sql', 'plpgsql')
  LOOP
    EXECUTE pg_catalog.format('ALTER FUNCTION %s SET standard_conforming_strings = on', routine);
  END LOOP;
END $$;

-- Last: nobody but the owner may execute anything, but for the pure functions that are named here; dap.grant_access() opens the rest by level.

REVOKE ALL ON ALL ROUTINES IN SCHEMA dap FROM PUBLIC;

DO $$
DECLARE
  routine regprocedure;
BEGIN
  FOR routine IN
    SELECT p.oid FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'dap'::regnamespace AND p.prokind = 'a'
      AND p.proname = ANY ('{median,percentile,percentile_disc,percentiles,mode,mad,iqr,top_n,bag_agg,bag_merge}')
  LOOP
    EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', routine);
  END LOOP;
END $$;

GRANT EXECUTE ON FUNCTION
  dap.bag_add(dap.bag, dap.bag), dap.bag_subtract(dap.bag, dap.bag), dap.bag_equal(dap.bag, dap.bag), dap.bag_not_equal(dap.bag, dap.bag),
  dap.bag_count(dap.bag), dap.bag_sum(dap.bag), dap.bag_min(dap.bag), dap.bag_max(dap.bag), dap.median(dap.bag), dap.percentile(dap.bag, double precision),
  dap.version(),
  -- The server checks these where it folds constants and hashes a list.
  dap._bag_in(cstring), dap._bag_out(dap.bag), dap._bag_send(dap.bag), dap._bag_hash(dap.bag), dap._bag_hash_extended(dap.bag, bigint)
  TO PUBLIC;

GRANT USAGE ON SCHEMA dap TO PUBLIC;
