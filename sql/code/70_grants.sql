-- Levels of access. Roles are the administrator's own; these functions only grant.

CREATE FUNCTION dap_internal.grant(role regrole, level text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_grant';
COMMENT ON FUNCTION dap_internal.grant(regrole, text)
  IS 'Internal: grants what a level may use of schema dap, on behalf of an admin';

CREATE FUNCTION dap_internal.check_level(level text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF level NOT IN ('monitor', 'reader', 'operator', 'admin') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = pg_catalog.format('unknown level "%s"', level),
      HINT = 'The levels are monitor, reader, operator and admin.';
  END IF;
END $$;
COMMENT ON FUNCTION dap_internal.check_level(text)
  IS 'Internal: raises unless a level is one of those that dap.grant_access() knows';

-- What a level may use of the extension itself. Runs as the extension's owner.
CREATE FUNCTION dap_internal.write_grant(role regrole, level text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  granted regclass;
  routine regprocedure;
BEGIN
  PERFORM dap_internal.check_level(level);
  -- As relations: a name that is not there is an error.
  FOREACH granted IN ARRAY CASE level
    WHEN 'monitor' THEN '{dap.status,dap.runs,dap.run_steps,dap.files,dap.skipped_files}'::regclass[]
    WHEN 'reader' THEN '{dap.status}'
    WHEN 'operator' THEN '{dap.status,dap.runs,dap.run_steps,dap.files,dap.skipped_files,dap.rejects}'
    WHEN 'admin' THEN
      '{dap.status,dap.runs,dap.run_steps,dap.files,dap.skipped_files,dap.rejects,'
      'dap_internal.sources,dap_internal.models}' END
  LOOP
    EXECUTE pg_catalog.format('GRANT SELECT ON %s TO %s', granted, role);
  END LOOP;
  IF level IN ('operator', 'admin') THEN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA dap_internal TO %s', role);
  END IF;
  FOR routine IN
    SELECT p.oid FROM pg_catalog.pg_proc p
    WHERE CASE p.pronamespace
      WHEN 'dap'::regnamespace THEN level = 'admin' OR level = 'operator'
        AND p.proname IN ('ingest_csv', 'ingest_bytes', 'ingest_largeobject', 'file_rows', 'read_csv',
        'sniff_csv', 'sniff_columns', 'retry_rejects', 'export_rejects', 'refresh_intermediate', 'refresh_analytics',
          'refresh_all', 'schedule', 'unschedule')
      -- The writers of the ledger check nothing themselves: they are the module's alone.
      WHEN 'dap_internal'::regnamespace THEN level = 'admin' AND p.proname NOT LIKE 'write\_%'
        AND p.proname NOT LIKE 'record\_%'
        OR level = 'operator' AND (p.proname IN ('reject_text', 'no_stray_insert') OR p.proname LIKE 'schedule%')
      ELSE false END
  LOOP
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %s', routine, role);
  END LOOP;
END $$;
COMMENT ON FUNCTION dap_internal.write_grant(regrole, text) IS 'Internal: grants what a level may use of schema dap';

CREATE FUNCTION dap.grant_access(role regrole, level text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  owner regrole;
BEGIN
  IF role IS NULL OR level IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'role and level must be given';
  ELSIF role = 0::regrole OR NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role) THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = pg_catalog.format('role %s does not exist', role);
  END IF;
  PERFORM dap_internal.check_level(level);

  -- Two that grant on one object at a time fail.
  PERFORM dap_internal.lock_definitions();
  IF level = 'reader' THEN
    owner := dap_internal.layer_owner(2);
    PERFORM dap_internal.run_as(owner, pg_catalog.format(
      'GRANT USAGE ON SCHEMA %1$I TO %2$s; GRANT SELECT ON ALL TABLES IN SCHEMA %1$I TO %2$s; '
      'ALTER DEFAULT PRIVILEGES FOR ROLE %3$s IN SCHEMA %1$I GRANT SELECT ON TABLES TO %2$s', dap_internal.layer(2),
        role, owner));
  ELSIF level = 'operator' THEN
    owner := dap_internal.layer_owner(0);
    -- So does a grant while a load adds a column to the table.
    PERFORM dap_internal.run_as(owner,
      pg_catalog.format('LOCK TABLE %s IN ACCESS SHARE MODE',
      pg_catalog.string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid)))
    FROM pg_catalog.pg_class c WHERE c.relnamespace = dap_internal.layer(0)::regnamespace AND c.relowner = owner::oid
      AND c.relkind IN ('r', 'p') HAVING pg_catalog.count(*) > 0;
    PERFORM dap_internal.run_as(owner, pg_catalog.format(
      'GRANT USAGE ON SCHEMA %1$I TO %2$s; GRANT INSERT ON ALL TABLES IN SCHEMA %1$I TO %2$s; '
      'ALTER DEFAULT PRIVILEGES FOR ROLE %3$s IN SCHEMA %1$I GRANT INSERT ON TABLES TO %2$s', dap_internal.layer(0),
        role, owner));
  ELSIF level = 'admin' THEN
    owner := dap_internal.layer_owner(0);
    -- As the caller: only those who may admit members to the owner can make an admin.
    IF NOT pg_catalog.pg_has_role(role, owner, 'MEMBER') THEN
      EXECUTE pg_catalog.format('GRANT %s TO %s', owner, role);
    END IF;
  END IF;
  PERFORM dap_internal.grant(role, level);

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
  'Grants a role monitor (status, runs, files: no data), reader (analytics), operator (ingest, refresh, schedule) or '
  'admin (definitions too, as a member of the layers'' owner), for objects made later too';
