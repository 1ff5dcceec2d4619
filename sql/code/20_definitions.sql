-- What every definition function stands on: the layers' names, the two primitives that change something, and the
-- ledger's writers.

CREATE FUNCTION dap.version() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT e.extversion FROM pg_catalog.pg_extension e WHERE e.extname = 'dap_analytics' $$;
COMMENT ON FUNCTION dap.version() IS 'The version of dap_analytics that is installed in this database';

-- The layers, in the order in which rows pass them.
CREATE FUNCTION dap_internal.layer(tier integer) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT (ARRAY['staging', 'intermediate', 'analytics'])[tier + 1] $$;
COMMENT ON FUNCTION dap_internal.layer(integer)
  IS 'Internal: the schema of tier 0 (sources), 1 (clean) or 2 (analytics)';

CREATE FUNCTION dap_internal.tier(layer text) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_catalog.array_position(ARRAY['staging', 'intermediate', 'analytics'], layer) - 1 $$;
COMMENT ON FUNCTION dap_internal.tier(text) IS 'Internal: the tier of a layer''s schema; NULL for any other schema';

CREATE FUNCTION dap_internal.layer_owner(tier integer) RETURNS regrole
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  layer_owner oid;
BEGIN
  SELECT n.nspowner INTO layer_owner FROM pg_catalog.pg_namespace n WHERE n.nspname = dap_internal.layer(tier);
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_schema_name',
      MESSAGE = pg_catalog.format('schema "%s" does not exist', dap_internal.layer(tier)),
      HINT = 'dap.setup() creates the layers.';
  END IF;
  RETURN layer_owner;
END $$;
COMMENT ON FUNCTION dap_internal.layer_owner(integer) IS 'Internal: the role that owns a layer and every table in it';

-- Unlike a cast to regclass it needs no USAGE on the schema: members of the owner that do not inherit its rights define
-- sources too.
CREATE FUNCTION dap_internal.relation(target text) RETURNS regclass
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT c.oid::regclass FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = (pg_catalog.parse_ident(target))[1] AND c.relname = (pg_catalog.parse_ident(target))[2]
$$;
COMMENT ON FUNCTION dap_internal.relation(text) IS 'Internal: the relation of a qualified name; NULL if there is none';

CREATE FUNCTION dap_internal.run_as(owner regrole, statement text) RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_run_as';
COMMENT ON FUNCTION dap_internal.run_as(regrole, text) IS
  'Internal: runs statements as a role that the caller could SET ROLE to, in a security-restricted operation; returns '
  'the first value of the last one that gives rows';

CREATE FUNCTION dap_internal.lock_definitions() RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_lock_definitions';
COMMENT ON FUNCTION dap_internal.lock_definitions() IS
  'Internal: waits for a running refresh and holds the next one until the end of the transaction, before a definition '
  'is changed';

CREATE FUNCTION dap_internal.lock_definition(source text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_lock_definition';
COMMENT ON FUNCTION dap_internal.lock_definition(text) IS
  'Internal: as dap_internal.lock_definitions(), and waits for loads of the source and holds the next ones, before its '
  'definition is changed';

CREATE FUNCTION dap_internal.lock_loads(source_id integer) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_lock_loads';
COMMENT ON FUNCTION dap_internal.lock_loads(integer)
  IS 'Internal: waits for loads of a source and holds the next ones, before lines of its files are changed';

CREATE FUNCTION dap_internal.write(kind text, relation regclass, payload jsonb) RETURNS jsonb
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_write';
COMMENT ON FUNCTION dap_internal.write(text, regclass, jsonb) IS
  'Internal: writes a definition or the ledger on behalf of the owner of a relation';

CREATE FUNCTION dap_internal.type_text(type oid, typmod integer, collation oid) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_type_text';
COMMENT ON FUNCTION dap_internal.type_text(oid, integer, oid) IS 'Internal: a type as a definition spells it';

CREATE FUNCTION dap_internal.check_rule(rule jsonb, is_key boolean, OUT name text, OUT source text, OUT type text)
  RETURNS record
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS 'MODULE_PATHNAME', 'dap_check_rule';
COMMENT ON FUNCTION dap_internal.check_rule(jsonb, boolean) IS
  'Internal: validates one rule of a clean model; returns its column, the source''s column and the type';

CREATE FUNCTION dap_internal.analyze_query(query text, owner regrole, INOUT settings jsonb, OUT columns text[],
  OUT types text[], OUT upstream regclass[], OUT always boolean)
RETURNS record
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_analyze_model_query';
COMMENT ON FUNCTION dap_internal.analyze_query(text, regrole, jsonb) IS
  'Internal: what one SELECT gives and reads under these settings, and whether it can change though no table that it '
  'reads does; the settings as they are kept';

CREATE FUNCTION dap_internal.guard() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_guard';
COMMENT ON FUNCTION dap_internal.guard()
  IS 'Internal: trigger that refuses INSERT, UPDATE, DELETE and TRUNCATE of a source''s records by hand';

CREATE FUNCTION dap_internal.no_stray_insert() RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_no_stray_insert';
COMMENT ON FUNCTION dap_internal.no_stray_insert()
  IS 'Internal: default of _file_id in a source''s table; refuses INSERT by hand';

-- Definitions as the functions read them: nobody has rights on the tables themselves.
CREATE VIEW dap_internal.sources AS
SELECT s.source_id, s.source, s.relation, s.path, s.columns, s.options, s.definition_hash,
  c.oid IS NOT NULL AS has_table
FROM dap_internal.source_definition s LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) s.relation;
COMMENT ON VIEW dap_internal.sources IS 'Internal: the sources'' definitions';

CREATE VIEW dap_internal.models AS
SELECT m.model_id, m.relation, m.tier, m.kind, m.source_id, m.columns, m.key, m.latest_by, m.query,
  m.upstream, m.always, m.definition_hash, c.oid IS NOT NULL AS has_table, m.settings, m.model
FROM dap_internal.model_definition m LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) m.relation;
COMMENT ON VIEW dap_internal.models IS 'Internal: the models'' definitions';

-- Whoever makes a model under the name of one whose table was dropped makes that one again.
CREATE FUNCTION dap_internal.gone_model(name text) RETURNS regclass
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT m.relation FROM dap_internal.models m WHERE m.model = name AND NOT m.has_table ORDER BY m.model_id DESC
  LIMIT 1 $$;
COMMENT ON FUNCTION dap_internal.gone_model(text)
  IS 'Internal: what the model of this name was whose table somebody dropped; NULL if there is none';

CREATE FUNCTION dap_internal.options(
  OUT name text, OUT scopes text[], OUT type text, OUT words text[], OUT default_value jsonb,
  OUT minimum bigint, OUT maximum bigint, OUT decides_reading boolean, OUT description text) RETURNS SETOF record
LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_options';
COMMENT ON FUNCTION dap_internal.options() IS
  'Internal: every option of sources and calls: where it may be given, its type, words, default and range';

-- Columns and dialect decide what a file's bytes parse to; what a caller may do with the result does not belong here.
CREATE FUNCTION dap_internal.source_hash(columns text[], options jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT pg_catalog.md5(pg_catalog.to_jsonb(columns)::text || (dap_internal.effective_options(options)
    - ARRAY(SELECT o.name FROM dap_internal.options() AS o WHERE NOT o.decides_reading))::text)
$$;

CREATE FUNCTION dap_internal.effective_options(options jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT pg_catalog.jsonb_object_agg(o.name, coalesce(options->o.name, o.default_value))
  FROM dap_internal.options() AS o WHERE 'source' = ANY (o.scopes)
$$;
COMMENT ON FUNCTION dap_internal.source_hash(text[], jsonb) IS 'Internal: identifies what decides how a file is read';
COMMENT ON FUNCTION dap_internal.effective_options(jsonb) IS 'Internal: a source''s options over their defaults';

-- The writers. dap_internal.write() has checked that the caller owns `relation`; they run as the ledger's owner.
CREATE FUNCTION dap_internal.check_permanent_table(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relkind IN ('r', 'p', 'f')
      AND c.relpersistence <> 't') THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
      MESSAGE = pg_catalog.format('%s is not a permanent table', relation);
  END IF;
END $$;
COMMENT ON FUNCTION dap_internal.check_permanent_table(regclass)
  IS 'Internal: raises unless every session could load into the relation';

-- The next refresh computes anew what was built from this, whatever else stays as it was. `input` is named as a refresh
-- names it in model_state.
CREATE FUNCTION dap_internal.write_outdated(input text) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$ UPDATE dap_internal.model_state s SET inputs = '{}' WHERE s.inputs ? input $$;
COMMENT ON FUNCTION dap_internal.write_outdated(text)
  IS 'Internal: forgets what the models that were built from a source or model read';

-- Models that read a table which somebody dropped read the one that took its place.
CREATE FUNCTION dap_internal.write_successor(gone regclass, successor regclass) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
  UPDATE dap_internal.model_definition m SET upstream = ARRAY(SELECT u
    FROM pg_catalog.unnest(pg_catalog.array_replace(m.upstream, gone, successor)) AS u ORDER BY u::oid)
  WHERE gone = ANY (m.upstream)
$$;
COMMENT ON FUNCTION dap_internal.write_successor(regclass, regclass)
  IS 'Internal: lets models follow from a table that is gone to another';

-- A source whose table somebody dropped gets another number, so that its files load again. What failed or was dismissed
-- has no record in the table: it stays.
CREATE FUNCTION dap_internal.write_source_again(gone integer, relation regclass, caller text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  id integer := pg_catalog.nextval('dap_internal.source_id_seq');
BEGIN
  PERFORM dap_internal.write_successor(d.relation, write_source_again.relation) FROM dap_internal.source_definition d
  WHERE d.source_id = gone;
  UPDATE dap_internal.source_definition d SET source_id = id, relation = write_source_again.relation
  WHERE d.source_id = gone;
  UPDATE dap_internal.model_definition m SET source_id = id WHERE m.source_id = gone;
  UPDATE dap_internal.file_ledger f SET source_id = id WHERE f.source_id = gone AND f.status IN ('failed', 'dismissed');
  UPDATE dap_internal.file_ledger f SET status = 'unloaded',
    reason = pg_catalog.format('table dropped, source made again by %s', caller)
  WHERE f.source_id = gone AND f.status IN ('loaded', 'archived');
  UPDATE dap_internal.reject_ledger r SET source_id = id FROM dap_internal.file_ledger f
  WHERE r.source_id = gone AND f.file_id = r.file_id AND f.source_id = id;
  DELETE FROM dap_internal.reject_ledger r WHERE r.source_id = gone;
  DELETE FROM dap_internal.file_identity i WHERE i.source_id = gone;
END $$;
COMMENT ON FUNCTION dap_internal.write_source_again(integer, regclass, text)
  IS 'Internal: gives a source whose table is gone another table';

CREATE FUNCTION dap_internal.write_source(relation regclass, payload jsonb, caller text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  id integer;
  names text[] := ARRAY(SELECT c.name
    FROM pg_catalog.jsonb_array_elements_text(payload->'columns') WITH ORDINALITY AS c(name, n) ORDER BY c.n);
BEGIN
  PERFORM dap_internal.check_permanent_table(relation);
  PERFORM dap_internal.check_name(payload->>'source', 'a source');
  PERFORM dap_internal.check_column_names(names);
  IF NOT EXISTS (SELECT FROM dap_internal.source_definition d WHERE d.relation = write_source.relation
    AND d.source = payload->>'source')
      AND write_source.relation IS DISTINCT FROM dap_internal.relation(pg_catalog.format('%I.%I', dap_internal.layer(0),
        payload->>'source')) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = pg_catalog.format('%s is not the table of a source "%s"', relation, payload->>'source');
  END IF;
  -- What "later" means decides which records win, and a query may read rows as a whole: the models must see their
  -- inputs as changed.
  PERFORM dap_internal.write_outdated('source ' || d.source_id) FROM dap_internal.source_definition d
  WHERE d.source = payload->>'source'
    AND (d.columns <> names
      OR dap_internal.effective_options(d.options)->'arrival'
      <> dap_internal.effective_options(payload->'options')->'arrival');
  PERFORM dap_internal.write_source_again(s.source_id, write_source.relation, caller) FROM dap_internal.sources s
  WHERE s.source = payload->>'source' AND NOT s.has_table;
  INSERT INTO dap_internal.source_definition AS d (source, relation, path, path_by, columns, options, definition_hash,
    created_by)
  VALUES (payload->>'source', write_source.relation, payload->>'path', caller, names, payload->'options',
    dap_internal.source_hash(names, payload->'options'), caller)
  ON CONFLICT (source) DO UPDATE SET path = excluded.path,
    path_by = CASE WHEN d.path IS DISTINCT FROM excluded.path THEN excluded.path_by ELSE d.path_by END,
    columns = excluded.columns, options = excluded.options,
    definition_hash = excluded.definition_hash
  WHERE d.relation = excluded.relation
  RETURNING source_id INTO id;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
      MESSAGE = pg_catalog.format('source "%s" already exists', payload->>'source');
  END IF;
  RETURN pg_catalog.to_jsonb(id);
END $$;

-- Raises unless a model of `tier` can be made from these relations.
CREATE FUNCTION dap_internal.check_upstream(target text, tier integer, upstream regclass[]) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  later text;
BEGIN
  -- The tables that it reads, those that their models read, and so on.
  IF EXISTS (
    WITH RECURSIVE reached(relation) AS (
      SELECT u FROM pg_catalog.unnest(upstream) AS u
      UNION SELECT u FROM reached r JOIN dap_internal.models m ON m.relation = r.relation
        CROSS JOIN pg_catalog.unnest(m.upstream) AS u)
    SELECT FROM reached r
    WHERE r.relation = coalesce(dap_internal.relation(target), dap_internal.gone_model(target))) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_object_definition',
      MESSAGE = pg_catalog.format('model %s would depend on itself', target),
      DETAIL = pg_catalog.format('Its query reads %s.', pg_catalog.array_to_string(upstream, ', '));
  END IF;
  SELECT m.relation::text INTO later FROM dap_internal.models m WHERE m.relation = ANY (upstream) AND m.tier > tier
  LIMIT 1;
  IF later IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_object_definition',
      MESSAGE = pg_catalog.format('model %s reads %s, which is made after it', target, later),
      HINT = pg_catalog.format('Make it in schema %s.', dap_internal.layer(2));
  END IF;
END $$;
COMMENT ON FUNCTION dap_internal.check_upstream(text, integer, regclass[])
  IS 'Internal: raises unless a model can be made from these relations';

CREATE FUNCTION dap_internal.write_model(relation regclass, payload jsonb, caller text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
#variable_conflict use_column
DECLARE
  id integer;
  reads regclass[] := ARRAY(SELECT u::bigint::oid::regclass
    FROM pg_catalog.jsonb_array_elements_text(payload->'upstream') AS u ORDER BY 1);
  name text := (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = write_model.relation);
  gone regclass := dap_internal.gone_model(name);
BEGIN
  PERFORM dap_internal.check_permanent_table(relation);
  -- A model whose table somebody dropped comes back under its name and number, so that those that read it follow.
  IF gone IS NOT NULL AND NOT EXISTS (SELECT FROM dap_internal.model_definition d
      WHERE d.relation = write_model.relation) THEN
    UPDATE dap_internal.model_definition d SET relation = write_model.relation WHERE d.relation = gone;
    PERFORM dap_internal.write_successor(gone, relation);
  END IF;
  PERFORM dap_internal.check_upstream(relation::text, (payload->>'tier')::integer, reads);
  IF (payload->>'tier')::integer IS DISTINCT FROM (SELECT dap_internal.tier(n.nspname::text) FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = write_model.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = pg_catalog.format('%s is not in the schema of its tier', relation);
  END IF;
  IF payload->>'kind' = 'clean' AND NOT EXISTS (
      SELECT FROM dap_internal.source_definition s WHERE s.source_id = (payload->>'source_id')::integer
        AND reads = ARRAY[s.relation]) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = pg_catalog.format('model %s does not read its source alone', relation);
  END IF;
  INSERT INTO dap_internal.model_definition AS d (relation, model, tier, kind, source_id, columns, key, latest_by,
    query, settings, upstream, always, definition_hash, created_by)
  SELECT write_model.relation, name, m.tier, m.kind, m.source_id, m.columns, m.key, m.latest_by, m.query, m.settings,
    reads, m.always, m.definition_hash, caller
  FROM pg_catalog.jsonb_to_record(payload) AS m(tier smallint, kind text, source_id integer, columns jsonb, key text[],
    latest_by text[],
    query text, settings jsonb, always boolean, definition_hash text)
  ON CONFLICT (relation) DO UPDATE SET model = excluded.model, tier = excluded.tier, kind = excluded.kind,
    source_id = excluded.source_id, columns = excluded.columns, key = excluded.key,
    latest_by = excluded.latest_by, query = excluded.query, settings = excluded.settings, upstream = excluded.upstream,
    always = excluded.always,
    definition_hash = excluded.definition_hash
  RETURNING model_id INTO id;
  -- A definition may return to what it was: the table has been another in between, and so have the values of those that
  -- read it.
  UPDATE dap_internal.model_state s SET definition_hash = '', inputs = '{}' WHERE s.model_id = id;
  PERFORM dap_internal.write_outdated('model ' || id);
  -- Rules that are gone reject nothing.
  DELETE FROM dap_internal.reject_ledger r WHERE r.model_id = id AND payload->>'kind' <> 'clean';
  RETURN pg_catalog.to_jsonb(id);
END $$;

-- The table's owner must be able to name and to execute what the table calls.
CREATE FUNCTION dap_internal.write_guard(relation regclass, payload jsonb, caller text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  table_owner regrole := (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = relation);
BEGIN
  IF NOT pg_catalog.has_schema_privilege(table_owner, 'dap_internal', 'USAGE') THEN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA dap_internal TO %s', table_owner);
  END IF;
  IF NOT (pg_catalog.has_function_privilege(table_owner, 'dap_internal.guard()', 'EXECUTE')
      AND pg_catalog.has_function_privilege(table_owner, 'dap_internal.no_stray_insert()', 'EXECUTE')) THEN
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION dap_internal.guard(), dap_internal.no_stray_insert() TO %s',
      table_owner);
  END IF;
  RETURN NULL;
END $$;

-- Records that were in a table before the ledger knew it get ledger lines, so that their arrival is ordered before
-- everything that follows.
CREATE FUNCTION dap_internal.write_adopt(relation regclass, payload jsonb, caller text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  held record;
  id integer;
  renumbered jsonb := '{}';
BEGIN
  IF EXISTS (SELECT FROM dap_internal.source_definition s JOIN dap_internal.file_ledger f ON f.source_id = s.source_id
      WHERE s.relation = write_adopt.relation AND f.status IN ('loaded', 'archived')) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = pg_catalog.format('the ledger knows the records of %s', relation);
  END IF;
  FOR held IN SELECT f.file_id, f.records
      FROM pg_catalog.jsonb_to_recordset(payload) AS f(file_id integer, records bigint) ORDER BY 1 LOOP
    id := pg_catalog.nextval('dap_internal.file_id_seq');
    INSERT INTO dap_internal.file_ledger (file_id, source_id, source, path, status, reason, rows_read, rows_loaded,
      rows_rejected, definition_hash, loaded_by)
    SELECT id, s.source_id, s.source, pg_catalog.format('adopted: file %s of %s', held.file_id, write_adopt.relation),
      'loaded', 'adopted',
      held.records, held.records, 0, s.definition_hash, caller
    FROM dap_internal.source_definition s WHERE s.relation = write_adopt.relation;
    renumbered := renumbered || pg_catalog.jsonb_build_object(held.file_id::text, id);
  END LOOP;
  RETURN renumbered;
END $$;

CREATE FUNCTION dap_internal.write_dismiss(relation regclass, payload jsonb, caller text) RETURNS jsonb
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
    UPDATE dap_internal.file_ledger f SET status = 'dismissed', reason = why,
      content_hash = coalesce(f.content_hash, hash),
      bytes = CASE WHEN f.content_hash IS NULL THEN coalesce((payload->>'bytes')::bigint, f.bytes) ELSE f.bytes END
    FROM dap_internal.source_definition s
    WHERE s.relation = write_dismiss.relation AND f.source_id = s.source_id AND f.status = 'failed'
      AND (f.path = payload->>'path' OR f.content_hash = hash AND f.bytes = (payload->>'bytes')::bigint)
    RETURNING f.file_id)
  SELECT pg_catalog.jsonb_agg(d.file_id ORDER BY d.file_id) INTO ids FROM dismissed d;
  IF ids IS NULL AND hash IS NOT NULL THEN
    SELECT f.file_id INTO id FROM dap_internal.file_ledger f JOIN dap_internal.source_definition s
      ON s.source_id = f.source_id
    WHERE s.relation = write_dismiss.relation AND f.status = 'dismissed' AND f.content_hash = hash
      AND f.bytes = (payload->>'bytes')::bigint
    ORDER BY f.file_id LIMIT 1;
    IF NOT FOUND THEN
      INSERT INTO dap_internal.file_ledger (source_id, source, path, status, reason, content_hash, bytes,
        definition_hash, loaded_by)
      SELECT s.source_id, s.source, payload->>'path', 'dismissed', why, hash, (payload->>'bytes')::bigint,
        s.definition_hash, caller
      FROM dap_internal.source_definition s WHERE s.relation = write_dismiss.relation
      RETURNING file_id INTO id;
    END IF;
    ids := pg_catalog.jsonb_build_array(id);
  END IF;
  RETURN ids;
END $$;

-- Raises for a relation that models read. What somebody dropped, they do not; but a source is more than its table,
-- which can be made again for them.
CREATE FUNCTION dap_internal.check_no_readers(relation regclass, what text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  readers text;
BEGIN
  SELECT pg_catalog.string_agg(m.relation::text, ', ' ORDER BY m.model_id) INTO readers FROM dap_internal.models m
  WHERE relation = ANY (m.upstream);
  IF readers IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist',
      MESSAGE = pg_catalog.format('%s cannot be dropped', what),
      DETAIL = pg_catalog.format('Models read it: %s.', readers),
      HINT = CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_class c
        WHERE c.oid = relation) THEN 'Drop them first, with dap.drop_model().'
        ELSE 'Drop them first, with dap.drop_model(), or make the table again with dap.create_source().' END;
  END IF;
END $$;
COMMENT ON FUNCTION dap_internal.check_no_readers(regclass, text) IS 'Internal: raises if a model reads the relation';

-- The ledger's lines stay as history; what the source held, values in rejects too, goes with it.
CREATE FUNCTION dap_internal.write_drop_source(relation regclass, payload jsonb, caller text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  id integer;
BEGIN
  PERFORM dap_internal.check_no_readers(relation, relation::text);
  DELETE FROM dap_internal.source_definition s WHERE s.relation = write_drop_source.relation
  RETURNING s.source_id INTO id;
  UPDATE dap_internal.file_ledger f SET status = 'unloaded', reason = pg_catalog.format('source dropped by %s', caller)
  WHERE f.source_id = id AND f.status IN ('loaded', 'archived');
  DELETE FROM dap_internal.file_identity f WHERE f.source_id = id;
  DELETE FROM dap_internal.reject_ledger r WHERE r.source_id = id;
  RETURN NULL;
END $$;

CREATE FUNCTION dap_internal.write_drop_model(relation regclass, payload jsonb, caller text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  id integer;
BEGIN
  -- else there is nothing left that they could read
  IF EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = write_drop_model.relation) THEN
    PERFORM dap_internal.check_no_readers(relation, pg_catalog.format('model %s', relation));
  END IF;
  DELETE FROM dap_internal.model_definition m WHERE m.relation = write_drop_model.relation RETURNING m.model_id INTO id;
  DELETE FROM dap_internal.model_state s WHERE s.model_id = id;
  DELETE FROM dap_internal.reject_ledger r WHERE r.model_id = id;
  RETURN NULL;
END $$;

COMMENT ON FUNCTION dap_internal.write_source(regclass, jsonb, text) IS 'Internal: stores a source''s definition';
COMMENT ON FUNCTION dap_internal.write_model(regclass, jsonb, text) IS 'Internal: stores a model''s definition';
COMMENT ON FUNCTION dap_internal.write_guard(regclass, jsonb, text)
  IS 'Internal: lets a source''s owner use the guard of its table';
COMMENT ON FUNCTION dap_internal.write_adopt(regclass, jsonb, text)
  IS 'Internal: gives records that were there before the ledger their lines';
COMMENT ON FUNCTION dap_internal.write_dismiss(regclass, jsonb, text) IS 'Internal: marks a file''s bytes as dismissed';
COMMENT ON FUNCTION dap_internal.write_drop_source(regclass, jsonb, text)
  IS 'Internal: removes a source from the catalog';
COMMENT ON FUNCTION dap_internal.write_drop_model(regclass, jsonb, text)
  IS 'Internal: removes a model from the catalog';

CREATE FUNCTION dap_internal.sentence(message text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_catalog.upper(pg_catalog.left(message, 1)) || pg_catalog.rtrim(pg_catalog.substr(message, 2), '.')
  || '.' $$;
COMMENT ON FUNCTION dap_internal.sentence(text)
  IS 'Internal: a message as a DETAIL has it, capitalised and with a full stop';

CREATE FUNCTION dap_internal.check_name(name text, what text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF name IS NULL OR name = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_name', MESSAGE = pg_catalog.format('%s must have a name', what);
  ELSIF pg_catalog.octet_length(name) > 63 THEN
    RAISE EXCEPTION USING ERRCODE = 'name_too_long',
      MESSAGE = pg_catalog.format('the name of %s is longer than 63 bytes', what),
      DETAIL = pg_catalog.format('It begins "%s".', pg_catalog.left(name, 40));
  END IF;
END $$;
COMMENT ON FUNCTION dap_internal.check_name(text, text)
  IS 'Internal: raises unless the text can name a table or column';

CREATE FUNCTION dap_internal.check_column_names(columns text[]) RETURNS void
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
    PERFORM dap_internal.check_name(name, pg_catalog.format('column %s', pg_catalog.cardinality(seen) + 1));
    IF name IN ('_line', '_file_id', 'tableoid', 'ctid', 'xmin', 'xmax', 'cmin', 'cmax') THEN
      RAISE EXCEPTION USING ERRCODE = 'reserved_name',
        MESSAGE = pg_catalog.format('column name "%s" is reserved', name),
        HINT = 'Map the header to another name with option "aliases".';
    ELSIF pg_catalog.lower(name) = ANY (seen) THEN
      RAISE EXCEPTION USING ERRCODE = 'duplicate_column',
        MESSAGE = pg_catalog.format('column name "%s" is given twice (case is ignored)', name);
    END IF;
    seen := seen || pg_catalog.lower(name);
  END LOOP;
END $$;
COMMENT ON FUNCTION dap_internal.check_column_names(text[])
  IS 'Internal: raises unless the texts can be the columns of a source';
