-- Bodies are parsed when they are called, with the caller's settings: none may change what their literals mean.
DO $$
DECLARE
  routine regprocedure;
BEGIN
  FOR routine IN
    SELECT p.oid FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    WHERE p.pronamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace) AND p.prokind = 'f'
      AND l.lanname IN ('sql', 'plpgsql')
  LOOP
    EXECUTE pg_catalog.format('ALTER FUNCTION %s SET standard_conforming_strings = on', routine);
  END LOOP;
END $$;

-- Last: nobody but the owner may execute anything, but for the pure functions that are named here; dap.grant_access()
-- opens the rest by level.

REVOKE ALL ON ALL ROUTINES IN SCHEMA dap, dap_internal FROM PUBLIC;

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
  dap.bag_add(dap.bag, dap.bag), dap.bag_subtract(dap.bag, dap.bag), dap.bag_equal(dap.bag, dap.bag),
  dap.bag_not_equal(dap.bag, dap.bag),
  dap.bag_count(dap.bag), dap.bag_sum(dap.bag), dap.bag_min(dap.bag), dap.bag_max(dap.bag), dap.median(dap.bag),
  dap.percentile(dap.bag, double precision),
  dap.version(),
  -- The server checks these where it folds constants and hashes a list.
  dap_internal.bag_in(cstring), dap_internal.bag_out(dap.bag), dap_internal.bag_send(dap.bag),
    dap_internal.bag_hash(dap.bag), dap_internal.bag_hash_extended(dap.bag, bigint)
  TO PUBLIC;

GRANT USAGE ON SCHEMA dap TO PUBLIC;
