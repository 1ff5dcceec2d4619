
-- After the code, from 0.1.0: what its databases hold gets what this version's functions would have given it.

-- Models meant what the session's TimeZone said; now it is UTC unless their definition says otherwise. Those in which
-- it can matter keep the database's.
DO $$
DECLARE
  zone text := coalesce(
    (SELECT pg_catalog.split_part(s.setting, '=', 2) FROM pg_catalog.pg_db_role_setting d
     CROSS JOIN LATERAL pg_catalog.unnest(d.setconfig) AS s (setting)
     WHERE d.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
       AND d.setrole = 0 AND pg_catalog.lower(s.setting) LIKE 'timezone=%'),
    (SELECT f.setting FROM pg_catalog.pg_file_settings f WHERE pg_catalog.lower(f.name) = 'timezone' AND f.applied),
    (SELECT s.boot_val FROM pg_catalog.pg_settings s WHERE s.name = 'TimeZone'));
  query_model record;
  zoned boolean;
  kept text[] := '{}';
BEGIN
  FOR query_model IN SELECT m.model_id, m.relation, m.query FROM dap_internal.model_definition m WHERE m.kind = 'query'
  LOOP
    zoned := NOT pg_catalog.lower(zone) = ANY ('{utc,gmt,etc/utc,etc/gmt,uct,etc/uct,zulu,etc/zulu,universal}');
    IF zoned THEN
      BEGIN
        EXECUTE 'CREATE TEMPORARY VIEW dap_upgraded AS ' || query_model.query;
        -- Does a timestamptz, a timetz or an array of these occur in its tree?
        SELECT r.ev_action::text ~ 'type (1184|1185|1266|1270)\M' INTO zoned
        FROM pg_catalog.pg_rewrite r WHERE r.ev_class = 'pg_temp.dap_upgraded'::regclass;
        DROP VIEW pg_temp.dap_upgraded;
      EXCEPTION WHEN OTHERS THEN
        NULL;  -- what cannot be read now may matter once it can
      END;
    END IF;
    IF zoned THEN
      kept := kept || query_model.relation::text;
    END IF;
    UPDATE dap_internal.model_definition m
    SET settings = CASE WHEN zoned THEN pg_catalog.jsonb_build_object('TimeZone', zone) END,
      definition_hash = dap_internal.query_hash(m.query, m.columns, m.key,
        CASE WHEN zoned THEN pg_catalog.jsonb_build_object('TimeZone', zone) END)
    WHERE m.model_id = query_model.model_id;
  END LOOP;
  IF pg_catalog.cardinality(kept) > 0 THEN
    -- The server lets no script say less than a warning.
    PERFORM pg_catalog.set_config('client_min_messages', 'notice', true);
    RAISE NOTICE USING MESSAGE = pg_catalog.format('%s models keep time zone %s in their definitions: %s',
        pg_catalog.cardinality(kept), zone, pg_catalog.array_to_string(kept, ', ')),
      DETAIL = 'Others are computed in UTC, whatever the session''s TimeZone is.',
      HINT = 'Define one again with dap.create_model(..., or_replace => true) where UTC is meant.';
    PERFORM pg_catalog.set_config('client_min_messages', 'warning', true);
  END IF;
END $$;

-- The guard of sources' tables asks for each row as well, and their owner may name it.
DO $$
BEGIN
  PERFORM dap_internal.guard_raw_table(s.relation, c.relowner::regrole)
  FROM dap_internal.sources s JOIN pg_catalog.pg_class c ON c.oid = s.relation;
END $$;

-- What a level may use has changed: who has one, by what only it may do, gets it again.
DO $$
DECLARE
  holder record;
BEGIN
  FOR holder IN
    SELECT DISTINCT ON (a.grantee) a.grantee::regrole AS role, g.level
    FROM (
      SELECT 1 AS rank, 'admin' AS level, p.proacl AS acl FROM pg_catalog.pg_proc p
      WHERE p.oid = 'dap.create_source(text, text, text[], jsonb, boolean)'::regprocedure
      UNION ALL
      SELECT 2, 'operator', p.proacl FROM pg_catalog.pg_proc p
      WHERE p.oid = 'dap.ingest_csv(text, text, jsonb)'::regprocedure
      UNION ALL
      SELECT 3, 'monitor', c.relacl FROM pg_catalog.pg_class c WHERE c.oid = 'dap.runs'::regclass
      UNION ALL
      SELECT 4, 'reader', c.relacl FROM pg_catalog.pg_class c WHERE c.oid = 'dap.status'::regclass) AS g
    CROSS JOIN LATERAL pg_catalog.aclexplode(g.acl) AS a
    WHERE a.grantee <> 0 AND a.grantee <> a.grantor
    ORDER BY a.grantee, g.rank
  LOOP
    PERFORM dap_internal.write_grant(holder.role, holder.level);
  END LOOP;
END $$;
