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

-- Last: nobody but the owner may execute anything, but for the pure functions; dap.grant_access() opens the rest by level.

DO $$
DECLARE
  routine regprocedure;
BEGIN
  FOR routine IN
    SELECT p.oid FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'dap'::regnamespace
      AND NOT (p.prokind IN ('a', 'w') OR p.proname = 'version' OR p.proname !~ '^_' AND 'dap.bag'::regtype = ANY (p.proargtypes::oid[]))
  LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', routine);
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA dap TO PUBLIC;
