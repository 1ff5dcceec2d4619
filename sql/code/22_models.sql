-- Models: tables that a refresh keeps equal to a rule over sources (clean) or a query over tables (query).

-- A model's name as SQL would read it; without a schema it means `tier`.
CREATE FUNCTION dap_internal.model_name(model text, tier integer, OUT layer text, OUT name text, OUT target text)
  RETURNS record
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
  parts text[] := pg_catalog.parse_ident(coalesce(model, ''));
BEGIN
  name := parts[pg_catalog.cardinality(parts)];
  layer := CASE pg_catalog.cardinality(parts) WHEN 1 THEN dap_internal.layer(tier) WHEN 2 THEN parts[1] END;
  IF layer IS NULL OR coalesce(dap_internal.tier(layer), 0) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = pg_catalog.format('a model cannot be made as %s', model),
      HINT = pg_catalog.format('Models live in schema %s or %s.', dap_internal.layer(1), dap_internal.layer(2));
  END IF;
  PERFORM dap_internal.check_name(name, 'a model');
  target := pg_catalog.format('%I.%I', layer, name);
END $$;
COMMENT ON FUNCTION dap_internal.model_name(text, integer) IS 'Internal: the layer and table of a model';

-- The types as dap_internal.analyze_query() and dap_internal.check_rule() give them.
CREATE FUNCTION dap_internal.table_columns(relation regclass) RETURNS TABLE (name text, type text, not_null boolean)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
  SELECT a.attname::text, dap_internal.type_text(a.atttypid, a.atttypmod, a.attcollation), a.attnotnull
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION dap_internal.table_columns(regclass)
  IS 'Internal: a table''s columns as a model''s shape names them';

CREATE FUNCTION dap_internal.table_key(relation regclass, OUT name text, OUT columns text[]) RETURNS record
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT c.conname, ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(c.conkey) WITH ORDINALITY AS k(attnum, n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum ORDER BY k.n)
  FROM pg_catalog.pg_constraint c WHERE c.conrelid = relation AND c.contype = 'p'
$$;
COMMENT ON FUNCTION dap_internal.table_key(regclass)
  IS 'Internal: a table''s primary key, its constraint and columns; NULL without one';

-- One element per column: {name, type, not_null}. The table is made, or an existing one brought to these columns and
-- this key.
CREATE FUNCTION dap_internal.shape_model_table(target text, shape jsonb, key text[], owner regrole) RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  relation regclass := dap_internal.relation(target);
  key_list text := (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(k.name), ', ' ORDER BY k.n)
    FROM pg_catalog.unnest(key) WITH ORDINALITY AS k(name, n));
  old_names text[] := ARRAY(SELECT c.value->>'name' FROM dap_internal.models m
    CROSS JOIN pg_catalog.jsonb_array_elements(m.columns) AS c(value) WHERE m.relation = dap_internal.relation(target));
  is_empty boolean;
  old_key record;
  difference record;
BEGIN
  IF relation IS NULL THEN
    PERFORM dap_internal.run_as(owner, pg_catalog.format('CREATE TABLE %s (%s, PRIMARY KEY (%s))', target,
      (SELECT pg_catalog.string_agg(pg_catalog.format('%I %s%s', s.name, s.type,
        CASE WHEN s.not_null THEN ' NOT NULL' ELSE '' END), ', ' ORDER BY e.n)
       FROM pg_catalog.jsonb_array_elements(shape) WITH ORDINALITY AS e(value, n),
         pg_catalog.jsonb_to_record(e.value) AS s(name text, type text, not_null boolean)),
      key_list));
    RETURN dap_internal.relation(target);
  END IF;

  is_empty := dap_internal.run_as(owner, pg_catalog.format('SELECT NOT EXISTS (SELECT FROM %s)', relation));
  SELECT k.* INTO old_key FROM dap_internal.table_key(relation) AS k;
  IF old_key.columns IS DISTINCT FROM key AND old_key.name IS NOT NULL THEN
    PERFORM dap_internal.run_as(owner, pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', relation, old_key.name));
  END IF;
  FOR difference IN
    SELECT coalesce(s.name, a.name) AS name, a.type AS old_type, s.type AS new_type, a.not_null AS old_not_null,
      s.not_null AS new_not_null
    FROM dap_internal.table_columns(relation) AS a
    FULL JOIN (SELECT e.n, r.* FROM pg_catalog.jsonb_array_elements(shape) WITH ORDINALITY AS e(value, n),
                 pg_catalog.jsonb_to_record(e.value) AS r(name text, type text, not_null boolean)) AS s
                   ON s.name = a.name
    ORDER BY s.n
  LOOP
    IF difference.new_type IS NULL THEN
      CONTINUE WHEN difference.name <> ALL (old_names);  -- somebody else's column
      PERFORM dap_internal.run_as(owner, pg_catalog.format('ALTER TABLE %s DROP COLUMN %I', relation, difference.name));
    ELSIF difference.old_type IS NULL THEN
      PERFORM dap_internal.run_as(owner, pg_catalog.format('ALTER TABLE %s ADD COLUMN %I %s', relation, difference.name,
        difference.new_type));
    ELSIF difference.old_type <> difference.new_type THEN
      PERFORM dap_internal.run_as(owner, pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I TYPE %s', relation,
        difference.name, difference.new_type));
    END IF;
    IF difference.new_type IS NOT NULL AND difference.new_not_null IS DISTINCT FROM difference.old_not_null
        AND difference.name <> ALL (key) THEN
      IF NOT difference.new_not_null THEN
        PERFORM dap_internal.run_as(owner, pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', relation,
          difference.name));
      ELSIF is_empty THEN
        -- Rows from before may lack values; the refresh that follows sees to them, and rejects what is missing from
        -- then on.
        PERFORM dap_internal.run_as(owner, pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', relation,
          difference.name));
      END IF;
    END IF;
  END LOOP;
  IF old_key.columns IS DISTINCT FROM key THEN
    PERFORM dap_internal.run_as(owner, pg_catalog.format('ALTER TABLE %s ADD PRIMARY KEY (%s)', relation, key_list));
  END IF;
  RETURN relation;
EXCEPTION
  WHEN dependent_objects_still_exist OR unique_violation OR not_null_violation OR cannot_coerce OR datatype_mismatch
    OR feature_not_supported
    OR numeric_value_out_of_range OR string_data_right_truncation THEN
    RAISE EXCEPTION USING ERRCODE = SQLSTATE,
      MESSAGE = pg_catalog.format('table %s cannot be brought to its new definition', target),
      DETAIL = dap_internal.sentence(SQLERRM),
      HINT = pg_catalog.format('Drop the model with dap.drop_model(%L) and create it anew.', target);
END $$;
COMMENT ON FUNCTION dap_internal.shape_model_table(text, jsonb, text[], regrole)
  IS 'Internal: creates or alters the table of a model';

-- What stands in the way of a definition: says whether the same one is there already, and with or_replace its table too
-- as it says.
CREATE FUNCTION dap_internal.is_same_model(target text, hash text, shape jsonb, key text[], or_replace boolean)
  RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  existing regclass := dap_internal.relation(target);
  known record;
BEGIN
  IF existing IS NULL THEN
    RETURN false;
  END IF;
  SELECT m.definition_hash INTO known FROM dap_internal.models m WHERE m.relation = existing;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table',
      MESSAGE = pg_catalog.format('relation %s already exists', existing),
      DETAIL = 'It was not made as a model.', HINT = 'Rename or drop it, or give the model another name.';
  ELSIF known.definition_hash = hash THEN
    IF or_replace AND (key IS DISTINCT FROM (dap_internal.table_key(existing)).columns OR EXISTS (
        SELECT FROM pg_catalog.jsonb_array_elements(shape) AS s(value)
        WHERE NOT EXISTS (SELECT FROM dap_internal.table_columns(existing) AS c
          WHERE c.name = s.value->>'name' AND c.type = s.value->>'type'))) THEN
      RETURN false;  -- somebody changed the table by hand
    END IF;
    RAISE NOTICE USING MESSAGE = pg_catalog.format('model %s already exists with this definition, skipping', existing);
    RETURN true;
  ELSIF NOT or_replace THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
      MESSAGE = pg_catalog.format('model %s already exists with another definition', existing),
      HINT = 'Change it with or_replace => true.';
  END IF;
  RETURN false;
END $$;
COMMENT ON FUNCTION dap_internal.is_same_model(text, text, jsonb, text[], boolean)
  IS 'Internal: raises if a model''s table or definition stands in the way of another';

CREATE FUNCTION dap_internal.query_hash(query text, shape jsonb, key text[], settings jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_catalog.md5(pg_catalog.jsonb_build_array('query', query, shape, key, settings)::text) $$;
COMMENT ON FUNCTION dap_internal.query_hash(text, jsonb, text[], jsonb)
  IS 'Internal: identifies the definition of a query model';

-- The models whose queries read a table that was changed: their tables take the types that the queries give now, and so
-- on with those that read them.
CREATE FUNCTION dap_internal.bring_readers(changed regclass) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  reader record;
  owner regrole;
  analysis record;
  problem text;
  shape jsonb;
BEGIN
  FOR reader IN SELECT m.* FROM dap_internal.models m WHERE changed = ANY (m.upstream) AND m.kind = 'query'
      AND m.has_table ORDER BY m.model_id LOOP
    owner := (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = reader.relation);
    BEGIN
      analysis := dap_internal.analyze_query(reader.query, owner, coalesce(reader.settings, '{}'));
      SELECT pg_catalog.jsonb_agg(c.value || pg_catalog.jsonb_build_object('type', g.type) ORDER BY c.n),
        CASE WHEN pg_catalog.count(g.type) < pg_catalog.count(*) THEN
          'its query does not give all columns of its table any more'
          WHEN pg_catalog.array_agg(c.value->>'name' ORDER BY c.n) <> analysis.columns THEN
            'its query gives columns that its table does not have' END
        INTO shape, problem
      FROM pg_catalog.jsonb_array_elements(reader.columns) WITH ORDINALITY AS c(value, n)
      LEFT JOIN ROWS FROM (pg_catalog.unnest(analysis.columns), pg_catalog.unnest(analysis.types)) AS g(name, type)
        ON g.name = c.value->>'name';
      CONTINUE WHEN shape = reader.columns;  -- columns that it gives besides are not published and hinder no run
    EXCEPTION WHEN OTHERS THEN
      problem := SQLERRM;
    END;
    IF problem IS NOT NULL THEN  -- no error: both may have to change, one after the other
      RAISE WARNING USING MESSAGE = pg_catalog.format('model %s cannot be computed', reader.relation),
        DETAIL = pg_catalog.format('It reads %s: %s.', changed, problem),
        HINT = 'Define it again with or_replace => true, or drop it, before the next refresh.';
    ELSE
      PERFORM dap_internal.shape_model_table(reader.relation::text, shape, reader.key, owner);
      PERFORM dap_internal.write('model', reader.relation,
          pg_catalog.to_jsonb(reader) - ARRAY['model_id', 'relation', 'model', 'has_table']
          || pg_catalog.jsonb_build_object(
        'columns', shape, 'upstream', analysis.upstream::oid[]::bigint[], 'definition_hash',
          dap_internal.query_hash(reader.query, shape, reader.key, reader.settings)));
      PERFORM dap_internal.bring_readers(reader.relation);
    END IF;
  END LOOP;
END $$;
COMMENT ON FUNCTION dap_internal.bring_readers(regclass)
  IS 'Internal: alters the tables of models to what their queries give after a change of a table that they read';

-- Raises unless `names` is a list of different columns of the model.
CREATE FUNCTION dap_internal.check_column_list(names text[], columns text[], what text, model text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  name text;
  seen text[] := '{}';
BEGIN
  FOREACH name IN ARRAY names LOOP
    IF name IS NULL OR name <> ALL (columns) THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_column',
        MESSAGE = pg_catalog.format('%s names column "%s", which model %s does not have', what, name, model),
        HINT = pg_catalog.format('Its columns are %s.', pg_catalog.array_to_string(columns, ', '));
    ELSIF name = ANY (seen) THEN
      RAISE EXCEPTION USING ERRCODE = 'duplicate_column',
        MESSAGE = pg_catalog.format('%s names column "%s" twice', what, name);
    END IF;
    seen := seen || name;
  END LOOP;
END $$;
COMMENT ON FUNCTION dap_internal.check_column_list(text[], text[], text, text)
  IS 'Internal: raises unless the names are columns of a model';

CREATE FUNCTION dap_internal.check_key(key text[], columns text[], model text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF coalesce(pg_catalog.cardinality(key), 0) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = pg_catalog.format('model %s needs a key', model),
      DETAIL = 'A refresh finds the rows that differ by their key.';
  END IF;
  IF pg_catalog.cardinality(columns) > 832 THEN
    RAISE EXCEPTION USING ERRCODE = 'too_many_columns',
      MESSAGE = pg_catalog.format('model %s has %s columns', model, pg_catalog.cardinality(columns)),
      DETAIL =
        'A refresh compares a row''s old and new values side by side: of a row''s 1664 columns a model can have half.',
      HINT = 'Make several models with the same key.';
  END IF;
  PERFORM dap_internal.check_column_list(key, columns, 'key', model);
END $$;
COMMENT ON FUNCTION dap_internal.check_key(text[], text[], text)
  IS 'Internal: raises unless the names can be the key of a model';

CREATE FUNCTION dap.create_clean_model(model text, source text, columns jsonb, key text[],
  latest_by text[] DEFAULT NULL, or_replace boolean DEFAULT false)
RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  owner regrole := dap_internal.layer_owner(1);
  place record := dap_internal.model_name(model, 1);
  known record;
  rule jsonb;
  checked record;
  source_columns text[];
  names text[] := '{}';
  shape jsonb := '[]';
  hash text;
  relation regclass;
BEGIN
  -- raises for those who cannot act for the owner, before anything else is told
  PERFORM dap_internal.run_as(owner, 'SELECT');
  PERFORM dap_internal.lock_definitions();
  owner := dap_internal.layer_owner(1);  -- it may be another one since the lock was waited for
  PERFORM dap_internal.run_as(owner, 'SELECT');
  IF place.layer <> dap_internal.layer(1) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = pg_catalog.format('clean model %s must live in schema %s', place.target, dap_internal.layer(1));
  END IF;
  SELECT s.* INTO known FROM dap_internal.sources s WHERE s.source = create_clean_model.source AND s.has_table;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = pg_catalog.format('source "%s" does not exist', source),
      HINT = 'Define it with dap.create_source().';
  ELSIF coalesce(pg_catalog.jsonb_typeof(columns), '') <> 'array' OR pg_catalog.jsonb_array_length(columns) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = 'columns must be a JSON array with one object per column';
  END IF;

  -- More than the definition's where files brought new ones.
  source_columns := ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = known.relation AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'text'::regtype
    ORDER BY a.attnum);
  FOR rule IN SELECT e.value FROM pg_catalog.jsonb_array_elements(columns) WITH ORDINALITY AS e(value, n)
      ORDER BY e.n LOOP
    IF pg_catalog.jsonb_typeof(rule) <> 'object' THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
        MESSAGE = 'columns must be a JSON array with one object per column';
    END IF;
    checked := dap_internal.check_rule(rule, coalesce(rule->>'name' = ANY (key), false));
    PERFORM dap_internal.check_name(checked.name, 'a column');
    IF checked.name = ANY (names) THEN
      RAISE EXCEPTION USING ERRCODE = 'duplicate_column',
        MESSAGE = pg_catalog.format('column "%s" is given twice', checked.name);
    ELSIF checked.source <> ALL (source_columns) THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_column',
        MESSAGE = pg_catalog.format('source "%s" has no column "%s"', source, checked.source),
        HINT = pg_catalog.format('Its columns are %s.', pg_catalog.array_to_string(source_columns, ', '));
    END IF;
    names := names || checked.name;
    shape := shape || pg_catalog.jsonb_build_object('name', checked.name, 'type', checked.type,
      'not_null', coalesce((rule->>'required')::boolean, false) OR checked.name = ANY (key));
  END LOOP;
  PERFORM dap_internal.check_key(key, names, place.target);
  IF latest_by IS NOT NULL THEN
    PERFORM dap_internal.check_column_list(latest_by, names, 'latest_by', place.target);
  END IF;

  hash := pg_catalog.md5(pg_catalog.jsonb_build_array('clean', source, columns, key, coalesce(latest_by, '{}'))::text);
  IF dap_internal.is_same_model(place.target, hash, shape, key, or_replace) THEN
    RETURN dap_internal.relation(place.target);
  END IF;
  relation := dap_internal.shape_model_table(place.target, shape, key, owner);
  PERFORM dap_internal.write('model', relation, pg_catalog.jsonb_build_object('tier', 1, 'kind', 'clean', 'source_id',
    known.source_id, 'columns', columns,
    'key', key, 'latest_by', latest_by, 'upstream', ARRAY[known.relation::oid::bigint], 'always', false,
      'definition_hash', hash));
  PERFORM dap_internal.bring_readers(relation);
  IF pg_catalog.obj_description(relation, 'pg_class') IS NULL THEN
    PERFORM dap_internal.run_as(owner, pg_catalog.format('COMMENT ON TABLE %s IS %L', relation,
      pg_catalog.format('Clean model over source %s: the latest good record of each key, typed. Written by dap''s '
        'refresh alone', source)));
  END IF;
  RETURN relation;
END $$;
COMMENT ON FUNCTION dap.create_clean_model(text, text, jsonb, text[], text[], boolean) IS
  'Defines a typed table over a source with one row per key, the latest record. columns: array of {name, source, type, '
  'required, trim, lower, map, decimal, thousands, affix, negative, percent, exponent, format, zone, min, max}';

CREATE FUNCTION dap.create_model(model text, query text, key text[], or_replace boolean DEFAULT false,
  settings jsonb DEFAULT NULL) RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  place record := dap_internal.model_name(model, 2);
  tier integer := dap_internal.tier(place.layer);
  owner regrole := dap_internal.layer_owner(tier);
  analysis record;
  shape jsonb;
  hash text;
  target regclass;
  always boolean;
BEGIN
  -- raises for those who cannot act for the owner, before anything else is told
  PERFORM dap_internal.run_as(owner, 'SELECT');
  PERFORM dap_internal.lock_definitions();
  owner := dap_internal.layer_owner(tier);  -- it may be another one since the lock was waited for
  PERFORM dap_internal.run_as(owner, 'SELECT');
  IF query IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
      MESSAGE = pg_catalog.format('model %s needs a query', place.target);
  END IF;
  analysis := dap_internal.analyze_query(query, owner, coalesce(settings, '{}'));
  PERFORM dap_internal.check_key(key, analysis.columns, place.target);
  SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', c.name, 'type', analysis.types[c.n], 'not_null',
    c.name = ANY (key)) ORDER BY c.n)
    INTO shape FROM pg_catalog.unnest(analysis.columns) WITH ORDINALITY AS c(name, n);

  target := dap_internal.relation(place.target);
  PERFORM dap_internal.check_upstream(place.target, tier, analysis.upstream);
  -- A table that no run writes has no version to compare: the model is computed each time.
  always := analysis.always OR EXISTS (
    SELECT FROM pg_catalog.unnest(analysis.upstream) AS u
    WHERE NOT EXISTS (SELECT FROM dap_internal.models m WHERE m.relation = u)
      AND NOT EXISTS (SELECT FROM dap_internal.sources s WHERE s.relation = u));

  hash := dap_internal.query_hash(query, shape, key, analysis.settings);
  IF dap_internal.is_same_model(place.target, hash, shape, key, or_replace) THEN
    RETURN target;
  END IF;
  target := dap_internal.shape_model_table(place.target, shape, key, owner);
  PERFORM dap_internal.write('model', target, pg_catalog.jsonb_build_object('tier', tier, 'kind', 'query', 'columns',
    shape, 'key', key, 'query', query,
    'settings', analysis.settings,
    'upstream', (SELECT coalesce(pg_catalog.array_agg(u::oid::bigint), '{}')
      FROM pg_catalog.unnest(analysis.upstream) AS u), 'always', always,
    'definition_hash', hash));
  PERFORM dap_internal.bring_readers(target);
  IF pg_catalog.obj_description(target, 'pg_class') IS NULL THEN
    PERFORM dap_internal.run_as(owner,
      pg_catalog.format('COMMENT ON TABLE %s IS %L', target, 'Model of a query. Written by dap''s refresh alone'));
  END IF;
  RETURN target;
END $$;
COMMENT ON FUNCTION dap.create_model(text, text, text[], boolean, jsonb) IS
  'Defines a table that each refresh keeps equal to a SELECT; the tables that it reads are found in the query. Names '
  'in the query must have their schema. settings: those that it wants otherwise than UTC, ISO dates, ...';

-- A model by its name, as SQL would read it, or by the number under which dap.status shows one whose table is gone.
-- Without a schema the name is looked for in both layers. 42704 where there is none.
CREATE FUNCTION dap_internal.known_model(model text) RETURNS dap_internal.models
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
#variable_conflict use_variable
DECLARE
  parts text[];
  names text[] := '{}';
  candidates regclass[];
  known dap_internal.models;
BEGIN
  IF model ~ '^[0-9]+$' THEN
    candidates := ARRAY[CASE WHEN pg_catalog.length(model) < 11
      AND model::bigint < 4294967296 THEN model::oid::regclass END];
  ELSE
    parts := pg_catalog.parse_ident(coalesce(model, ''));
    names := CASE pg_catalog.cardinality(parts)
      WHEN 1 THEN ARRAY[pg_catalog.format('%I.%I', dap_internal.layer(2), parts[1]),
        pg_catalog.format('%I.%I', dap_internal.layer(1), parts[1])]
      WHEN 2 THEN ARRAY[pg_catalog.format('%I.%I', parts[1], parts[2])]
      ELSE '{}' END;
    candidates := ARRAY(SELECT coalesce(dap_internal.relation(n), dap_internal.gone_model(n))
      FROM pg_catalog.unnest(names) AS n);
  END IF;
  SELECT m.* INTO known FROM dap_internal.models m WHERE m.relation = ANY (candidates) ORDER BY m.tier DESC LIMIT 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = pg_catalog.format('model %s does not exist', model);
  END IF;
  RETURN known;
END $$;
COMMENT ON FUNCTION dap_internal.known_model(text) IS 'Internal: the model of a name';

CREATE FUNCTION dap.drop_model(model text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
#variable_conflict use_variable
DECLARE
  known dap_internal.models;
BEGIN
  PERFORM dap_internal.lock_definitions();
  known := dap_internal.known_model(model);
  PERFORM dap_internal.write('drop_model', known.relation, '{}');
  IF known.has_table THEN
    PERFORM dap_internal.run_as((SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = known.relation)::regrole,
      pg_catalog.format('DROP TABLE %s', known.relation));
  END IF;
END $$;
COMMENT ON FUNCTION dap.drop_model(text)
  IS 'Removes a model and its table. Refused while another model or a view reads it';

CREATE FUNCTION dap_internal.explain_model(model_id integer)
RETURNS TABLE (part integer, reads text, runs_in text, does text, forbids text)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_explain_model';
COMMENT ON FUNCTION dap_internal.explain_model(integer) IS 'Internal: the parts of a model, for dap.explain_model()';

CREATE FUNCTION dap.explain_model(model text)
RETURNS TABLE (part integer, reads text, runs_in text, does text, forbids text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT e.part, e.reads, e.runs_in, e.does, e.forbids
  FROM dap_internal.explain_model((dap_internal.known_model(model)).model_id) AS e
  ORDER BY e.part
$$;
COMMENT ON FUNCTION dap.explain_model(text) IS
  'How a refresh computes a model, part by part: the tables that a part reads, whether it runs in the engine or as '
  'SQL, what it does, and what about the query forbids the engine (NULL: nothing). A part that meets what the engine '
  'does not hold (a sum past 64 bits, more memory than maintenance_work_mem) is left to SQL while it runs. Nothing '
  'is run. '
  '42704 where there is no such model';
