-- Bodies are parsed when they are called, with the caller's settings: none may change what their literals mean.
DO $$
DECLARE
  routine regprocedure;
BEGIN
  FOR routine IN
    SELECT p.oid FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
    WHERE e.extname = 'dap_analytics' AND p.prokind = 'f' AND l.lanname IN ('sql', 'plpgsql')
  LOOP
    EXECUTE pg_catalog.format('ALTER FUNCTION %s SET standard_conforming_strings = on', routine);
  END LOOP;
END $$;

-- Last: nobody but the owner may execute anything, but for the pure functions that are named here; dap.grant_access()
-- opens the rest by level. What is as it should be is left alone: a statement on it in an update script would make
-- the privileges that people have on it the extension's own, which no dump holds.
DO $$
DECLARE
  routine record;
BEGIN
  FOR routine IN
    SELECT r.name, r.wanted FROM (
      SELECT p.oid::regprocedure AS name,
        EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a
          WHERE a.grantee = 0) AS given,
        CASE p.pronamespace
          WHEN 'dap'::regnamespace THEN p.proname = ANY (CASE p.prokind
            WHEN 'a' THEN '{median,percentile,percentile_disc,percentiles,mode,mad,iqr,top_n,bag_agg,bag_merge}'::name[]
            ELSE '{bag_add,bag_subtract,bag_equal,bag_not_equal,bag_count,bag_sum,bag_min,bag_max,median,percentile,
              version}' END)
          -- The server checks these where it folds constants and hashes a list.
          ELSE p.proname = ANY ('{bag_in,bag_out,bag_send,bag_hash,bag_hash_extended}') END AS wanted
      FROM pg_catalog.pg_proc p
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
      JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
      WHERE e.extname = 'dap_analytics') AS r
    WHERE r.wanted <> r.given
  LOOP
    EXECUTE pg_catalog.format(CASE WHEN routine.wanted THEN 'GRANT EXECUTE ON ROUTINE %s TO PUBLIC'
      ELSE 'REVOKE ALL ON ROUTINE %s FROM PUBLIC' END, routine.name);
  END LOOP;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n
      CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) a
      WHERE n.nspname = 'dap' AND a.grantee = 0 AND a.privilege_type = 'USAGE') THEN
    GRANT USAGE ON SCHEMA dap TO PUBLIC;
  END IF;
END $$;
