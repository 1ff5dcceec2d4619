
-- After the code, from 0.1.0: what its databases hold gets what this version's functions would have given it.

-- What is new belongs to whom the extension belongs to, who may be another than the one who updates it.
DO $$
DECLARE
  own record;
BEGIN
  FOR own IN
    SELECT o.type, o.name, e.extowner::regrole AS owner FROM pg_catalog.pg_extension e
    CROSS JOIN LATERAL (
      SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS type,
        c.oid::regclass::text AS name, 'pg_class'::regclass AS class, c.oid, c.relowner AS owner
      FROM pg_catalog.pg_class c
      WHERE c.relkind IN ('r', 'v', 'S')
      UNION ALL
      SELECT 'ROUTINE', p.oid::regprocedure::text, 'pg_proc'::regclass, p.oid, p.proowner FROM pg_catalog.pg_proc p
      UNION ALL
      SELECT 'SCHEMA', n.nspname, 'pg_namespace'::regclass, n.oid, n.nspowner FROM pg_catalog.pg_namespace n) AS o
    JOIN pg_catalog.pg_depend d ON d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e'
      AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
    WHERE e.extname = 'dap_analytics' AND o.owner <> e.extowner
  LOOP
    EXECUTE pg_catalog.format('ALTER %s %s OWNER TO %s', own.type, own.name, own.owner);
  END LOOP;
END $$;

-- Models meant what the session's TimeZone said; now it is UTC unless their definition says otherwise. They keep the
-- database's where it can matter: everywhere but in a model that reads plain tables without a column of a moment, and
-- whose text names neither a function nor a type nor a word of moments. Nothing of the text is run.
DO $$
DECLARE
  zone text := coalesce(
    (SELECT pg_catalog.split_part(s.setting, '=', 2) FROM pg_catalog.pg_db_role_setting d
     CROSS JOIN LATERAL pg_catalog.unnest(d.setconfig) AS s (setting)
     WHERE d.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
       AND d.setrole = 0 AND pg_catalog.lower(s.setting) LIKE 'timezone=%'),
    (SELECT f.setting FROM pg_catalog.pg_file_settings f WHERE pg_catalog.lower(f.name) = 'timezone' AND f.applied),
    (SELECT s.reset_val FROM pg_catalog.pg_settings s WHERE s.name = 'TimeZone' AND s.source = 'command line'),
    (SELECT s.boot_val FROM pg_catalog.pg_settings s WHERE s.name = 'TimeZone'));
  matters boolean := NOT pg_catalog.lower(zone) = ANY (
    '{utc,gmt,etc/utc,etc/gmt,uct,etc/uct,zulu,etc/zulu,universal,etc/universal,greenwich,etc/greenwich}');
  words text;
  kept text[];
BEGIN
  -- Functions that make a moment of something else, those that take a date or a timestamp for one, and what SQL has
  -- words for
  SELECT pg_catalog.string_agg(DISTINCT p.proname, '|') INTO words FROM pg_catalog.pg_proc p
  WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ '^[a-z_0-9]+$'
    AND p.prorettype = ANY ('{1184,1185,1266,1270,3910,3911,4534,6152}'::oid[])
    AND NOT p.proargtypes::oid[] && '{1184,1185,1266,1270,3910,3911,4534,6152,2276,2277,2283,5077,5078}'::oid[];
  words := '\m(' || words || '|age|date_trunc|date_bin|date_part|extract|to_char|generate_series|now|today|tomorrow'
    || '|yesterday|current_date|current_time|current_timestamp|localtime|localtimestamp|timestamptz|timetz|tstzrange'
    || '|tstzmultirange|zone|to_json|to_jsonb|row_to_json|json_agg|jsonb_agg'
    || '|xpath|query_to_xml|jsonb_path_[a-z_]*_tz)\M';
  UPDATE dap_internal.model_definition m
  SET settings = CASE WHEN z.zoned THEN pg_catalog.jsonb_build_object('TimeZone', zone) END,
    definition_hash = dap_internal.query_hash(m.query, m.columns, m.key,
      CASE WHEN z.zoned THEN pg_catalog.jsonb_build_object('TimeZone', zone) END)
  FROM (
    SELECT q.model_id, matters AND (
      pg_catalog.lower(q.query) ~ words
      -- a function or an operator that is not the server's may do anything
      OR pg_catalog.lower(q.query) ~ '\moperator\s*\('
      OR EXISTS (SELECT FROM pg_catalog.regexp_matches(pg_catalog.lower(q.query),
          '([a-z_0-9]+|"[^"]*")\s*\.\s*([a-z_0-9]+|"[^"]*")\s*\(', 'g') AS call (part)
        WHERE call.part[1] NOT IN ('dap', 'pg_catalog'))
      OR EXISTS (SELECT FROM pg_catalog.unnest(q.upstream) AS u (relation)
        LEFT JOIN pg_catalog.pg_class c ON c.oid = u.relation
        WHERE c.oid IS NULL OR c.relkind NOT IN ('r', 'p') OR EXISTS (
          SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            -- types that hold no moment; of others nobody knows here
            AND a.atttypid <> ALL ('{bool,bytea,int8,int2,int4,text,float4,float8,bpchar,varchar,date,time,timestamp,
              interval,numeric,uuid,name,oid,int4[],int8[],text[],numeric[]}'::regtype[]::oid[])))) AS zoned
    FROM dap_internal.model_definition q WHERE q.kind = 'query') AS z
  WHERE z.model_id = m.model_id;
  SELECT pg_catalog.array_agg(m.relation::text ORDER BY m.model_id) INTO kept
  FROM dap_internal.model_definition m WHERE m.settings IS NOT NULL;
  IF kept IS NOT NULL THEN
    -- The server lets no script say less than a warning.
    PERFORM pg_catalog.set_config('client_min_messages', 'notice', true);
    RAISE NOTICE USING MESSAGE = pg_catalog.format('%s models keep time zone %s in their definitions: %s',
        pg_catalog.cardinality(kept), zone, pg_catalog.array_to_string(kept, ', ')),
      DETAIL = 'Others are computed in UTC, whatever the session''s TimeZone is.',
      HINT = 'Define one again with dap.create_model(..., or_replace => true) where UTC is meant.';
    PERFORM pg_catalog.set_config('client_min_messages', 'warning', true);
  END IF;
END $$;

-- The guard of sources' tables asks for each row as well, and their owner may name it. Parents first: a partition gets
-- theirs.
DO $$
BEGIN
  PERFORM dap_internal.guard_raw_table(s.relation, s.owner)
  FROM (SELECT s.relation, c.relowner::regrole AS owner FROM dap_internal.sources s
    JOIN pg_catalog.pg_class c ON c.oid = s.relation
    ORDER BY c.relkind <> 'p', c.relispartition, s.source_id) AS s;
END $$;

DO $$
BEGIN
  PERFORM dap_internal."grant"(l.role::regrole, l.level)
  FROM pg_catalog.jsonb_each_text(pg_catalog.current_setting('dap_upgrade.levels')::jsonb) AS l (role, level);
  PERFORM pg_catalog.set_config('dap_upgrade.levels', '', true);
END $$;
