-- Nightly runs by pg_cron, which is looked for when it is needed: everything else works without it.

CREATE FUNCTION dap_internal.schedule_setting(name text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_schedule_setting';
COMMENT ON FUNCTION dap_internal.schedule_setting(text)
  IS 'Internal: pg_cron''s time zone, database and rule for days, which only superusers may SHOW; NULL where pg_cron '
  'does not have the setting';

CREATE FUNCTION dap_internal.schedule_next_run(schedule text, zone text, after timestamptz,
  both_days boolean DEFAULT false) RETURNS timestamptz
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
  IF NOT isfinite(after) OR length(schedule) > 1000 THEN
    RETURN NULL;
  END IF;
  part := regexp_match(schedule, '^\s*(\d{1,2}) seconds?\s*$', 'i');
  IF part IS NOT NULL THEN
    RETURN after + part[1]::integer * interval '1 second';
  END IF;
  fields := regexp_split_to_array(CASE btrim(schedule, E' \t')
    WHEN '@yearly' THEN '0 0 1 1 *' WHEN '@annually' THEN '0 0 1 1 *' WHEN '@monthly' THEN '0 0 1 * *'
      WHEN '@weekly' THEN '0 0 * * 0'
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
        IF part IS NULL OR (part[1] = '*' AND part[2] IS NOT NULL)
            OR (part[1] <> '*' AND part[2] IS NULL AND part[4] IS NOT NULL) THEN
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
          high := CASE WHEN part[3] IS NULL THEN low WHEN part[3] ~ '^[0-9]' THEN part[3]::integer
            WHEN f = 4 THEN array_position(months, part[3])
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

  -- As cron has it: days of the month and of the week both hold where one of the fields starts with a star, else one of
  -- them is enough.
  any_day := NOT (both_days OR fields[3] LIKE '*%' OR fields[5] LIKE '*%');
  -- Eight years on from any day there is a 29th of February, whatever the century.
  FOR ahead IN 0..8 * 366 + 1 LOOP
    day := (after AT TIME ZONE zone)::date + ahead;
    CONTINUE WHEN NOT extract(month FROM day)::integer = ANY (of_months);
    DECLARE
      month_fits CONSTANT boolean := extract(day FROM day)::integer = ANY (month_days)
        OR (last_day AND extract(day FROM day + 1) = 1);
      week_fits CONSTANT boolean := extract(dow FROM day)::integer = ANY (week_days)
        OR extract(isodow FROM day)::integer = ANY (week_days);
    BEGIN
      CONTINUE WHEN NOT CASE WHEN any_day THEN month_fits OR week_fits ELSE month_fits AND week_fits END;
    END;
    -- Minute by minute of the day as it is in the zone: when clocks go forward a time may be skipped, when they go back
    -- it comes twice.
    SELECT min(m.at) INTO found
    FROM generate_series(day::timestamp AT TIME ZONE zone - interval '2 hours', (day + 1)::timestamp AT TIME ZONE zone,
      interval '1 minute') AS m (at),
      LATERAL (SELECT m.at AT TIME ZONE zone) AS l (at)
    WHERE m.at > after AND l.at::date = day AND extract(hour FROM l.at)::integer = ANY (hours)
      AND extract(minute FROM l.at)::integer = ANY (minutes);
    IF found IS NOT NULL THEN
      RETURN found;
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION dap_internal.schedule_next_run(text, text, timestamptz, boolean)
  IS 'Internal: when a schedule of pg_cron is due next, in the time zone given; NULL where it cannot tell';

-- Raises unless pg_cron can be used from here; `call` is what to run in pg_cron's own database instead.
CREATE FUNCTION dap_internal.schedule_requirements(call text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  home CONSTANT text := dap_internal.schedule_setting('cron.database_name');
  version integer[];
BEGIN
  IF home IS NULL THEN
    RAISE EXCEPTION 'pg_cron is not loaded in this server' USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = format('%sAdd pg_cron to shared_preload_libraries, set cron.database_name = %L, restart the server, then '
        'run CREATE EXTENSION pg_cron in database %I.',
        CASE WHEN NOT EXISTS (SELECT FROM pg_available_extensions AS a WHERE a.name = 'pg_cron') THEN
          format('Install pg_cron (on Debian: package postgresql-%s-cron). ',
            current_setting('server_version_num')::integer / 10000) ELSE '' END,
        current_database(), current_database());
  END IF;
  IF home <> current_database() THEN
    RAISE EXCEPTION 'pg_cron is in database "%", not in "%"', home, current_database()
      USING ERRCODE = 'object_not_in_prerequisite_state',
      DETAIL = 'Jobs are kept in the database that cron.database_name says.',
      HINT = format('In database "%s", as a superuser, run: %s', home, call);
  END IF;
  SELECT regexp_match(e.extversion, '^(\d+)\.(\d+)')::integer[] INTO version FROM pg_extension AS e
  WHERE e.extname = 'pg_cron';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'extension "pg_cron" is not installed in database "%"', current_database()
      USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = format('As a superuser, run: CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO %I;', current_user);
  END IF;
  IF version < '{1,4}' THEN
    RAISE EXCEPTION 'pg_cron is too old' USING ERRCODE = 'feature_not_supported',
      DETAIL = 'Version 1.4 or later is needed.',
      HINT = 'Install a newer pg_cron, restart the server and run: ALTER EXTENSION pg_cron UPDATE;';
  END IF;
  IF NOT has_schema_privilege(current_user, 'cron', 'USAGE') THEN
    RAISE EXCEPTION 'permission denied for schema cron' USING ERRCODE = 'insufficient_privilege',
      HINT = format('As a superuser, run: GRANT USAGE ON SCHEMA cron TO %I;', current_user);
  END IF;
END
$$;
COMMENT ON FUNCTION dap_internal.schedule_requirements(text)
  IS 'Internal: raises unless jobs can be scheduled from this database';

-- Why the server, as it and pg_hba.conf stand, would turn pg_cron away that connects so; NULL where it would not, or
-- where that cannot be told. Every way in that libpq may try is looked at: both loopback addresses, with encryption
-- where there is any and without. Run by the module, as a superuser.
CREATE FUNCTION dap_internal.login_refusal(role text, host text, server_user text, has_password boolean) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  is_local CONSTANT boolean := host ~ '^[/@]';
  addresses inet[];
  refusal text;
BEGIN
  IF is_local THEN
    IF NOT EXISTS (SELECT FROM regexp_split_to_table(current_setting('unix_socket_directories'),
        '\s*,\s*') AS d(directory) WHERE d.directory = host) THEN
      refusal := 'the server has no socket there';
    END IF;
    addresses := '{NULL}';
  ELSIF current_setting('listen_addresses') = '' THEN
    refusal := 'the server listens on no address (listen_addresses is empty)';
  ELSIF host = 'localhost' THEN
    addresses := '{127.0.0.1, ::1}';
  ELSIF host ~ '^[0-9a-f.:]+$' THEN
    addresses := ARRAY[host::inet];
  ELSE
    RETURN NULL;
  END IF;

  refusal := coalesce(refusal, (
  SELECT min(v.refusal)
  FROM unnest(addresses) AS a(address)
  CROSS JOIN unnest(CASE WHEN is_local OR current_setting('ssl') = 'off' THEN '{f}'::boolean[] ELSE '{t,f}' END)
    AS e(encrypted)
  LEFT JOIN LATERAL (
    SELECT h.line_number, h.auth_method, h.options
    FROM pg_hba_file_rules AS h
    WHERE h.error IS NULL
      AND h.type = ANY (CASE WHEN is_local THEN '{local}'::text[] WHEN e.encrypted THEN '{host,hostssl,hostnogssenc}'
        ELSE '{host,hostnossl,hostnogssenc}' END)
      AND CASE
        WHEN is_local OR h.address IN ('all', 'samehost', 'samenet') THEN true
        WHEN h.netmask IS NULL THEN h.address = host
        WHEN family(h.address::inet) <> family(a.address) THEN false
        ELSE h.address::inet & h.netmask::inet = a.address & h.netmask::inet END
      AND EXISTS (SELECT FROM unnest(h.database) AS d(name) WHERE CASE
        WHEN d.name IN ('samerole', 'samegroup') THEN EXISTS (SELECT FROM pg_roles AS g
          WHERE g.rolname = current_database() AND pg_has_role(role, g.oid, 'MEMBER'))
        WHEN d.name ~ '^/' THEN current_database() ~ substr(d.name, 2)
        ELSE d.name IN ('all', current_database()) OR (d.name = 'sameuser' AND role = current_database()) END)
      AND EXISTS (SELECT FROM unnest(h.user_name) AS u(name) WHERE CASE
        WHEN u.name ~ '^[+]' THEN EXISTS (SELECT FROM pg_roles AS g WHERE g.rolname = substr(u.name, 2)
          AND pg_has_role(role, g.oid, 'MEMBER'))
        WHEN u.name ~ '^/' THEN role ~ substr(u.name, 2)
        ELSE u.name IN ('all', role) END)
    -- since 16 a rule may stand in an included file
    ORDER BY coalesce((to_jsonb(h)->>'rule_number')::integer, h.line_number)
    LIMIT 1) AS r ON true
  CROSS JOIN LATERAL (SELECT CASE
    WHEN r.auth_method IS NULL THEN 'no line of pg_hba.conf lets it in'
    WHEN r.auth_method = 'reject' THEN format('line %s of pg_hba.conf rejects it', r.line_number)
    WHEN r.auth_method IN ('scram-sha-256', 'md5', 'password', 'ldap', 'radius', 'pam', 'bsd') AND NOT has_password THEN
      format('line %s of pg_hba.conf asks for a password (%s), and it has none', r.line_number, r.auth_method)
    WHEN r.auth_method = 'peer' AND role <> server_user AND NOT EXISTS (SELECT FROM unnest(r.options) AS o(name)
        WHERE o.name LIKE 'map=%') THEN
      format('line %s of pg_hba.conf lets the operating system''s user "%s" in under no other name (peer)',
        r.line_number, server_user)
    END) AS v(refusal)
  HAVING bool_and(v.refusal IS NOT NULL)));
  -- NULL if nothing refuses it
  RETURN 'As cron.use_background_workers is off, pg_cron connects to host "' || host || '" as user "' || role || '": '
    || refusal || '.';
EXCEPTION WHEN insufficient_privilege OR undefined_file OR invalid_text_representation THEN
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION dap_internal.login_refusal(text, text, text, boolean)
  IS 'Internal: why pg_cron''s connection would be turned away, as a sentence; NULL if it would not';

CREATE FUNCTION dap_internal.schedule_refusal() RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dap_schedule_refusal';
COMMENT ON FUNCTION dap_internal.schedule_refusal()
  IS 'Internal: why a job of the current user could not connect to the server; NULL where it can, or needs no '
  'connection';

CREATE FUNCTION dap.schedule(schedule text DEFAULT '0 2 * * *', command text DEFAULT 'SELECT * FROM dap.refresh_all()',
  name text DEFAULT 'dap_' || pg_catalog.current_database()) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  zone CONSTANT text := coalesce(dap_internal.schedule_setting('cron.timezone'), 'GMT');  -- before 1.5 always GMT
  role pg_roles;
  known boolean;
  job bigint;
  next timestamptz;
  refusal text;
BEGIN
  IF schedule IS NULL OR command IS NULL OR name IS NULL THEN
    RAISE EXCEPTION 'schedule, command and name must not be null' USING ERRCODE = 'null_value_not_allowed';
  END IF;
  PERFORM dap_internal.schedule_requirements(format('SELECT cron.schedule_in_database(%L, %L, %L, %L, %L);', name,
    schedule, command, current_database(), current_user));
  SELECT * INTO STRICT role FROM pg_roles AS r WHERE r.rolname = current_user;
  IF NOT role.rolcanlogin THEN
    RAISE EXCEPTION 'role "%" cannot log in, so pg_cron cannot run its jobs', current_user
      USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = format('Schedule it as a role that can log in, or run: ALTER ROLE %I LOGIN;', current_user);
  END IF;

  EXECUTE 'SELECT EXISTS (SELECT FROM cron.job AS j WHERE j.jobname::text IN ($1, $1::name::text) AND j.username = '
    'current_user)' INTO known USING name;
  EXECUTE 'SELECT cron.schedule($1, $2, $3)' INTO STRICT job USING name, schedule, command;

  IF role.rolsuper THEN
    RAISE WARNING 'job "%" will run as superuser "%"', name, current_user
      USING HINT
        = 'Schedule it as a role that dap.grant_access made an operator: what the job reads could then do less harm.';
  END IF;
  refusal := dap_internal.schedule_refusal();
  IF refusal IS NOT NULL THEN
    RAISE WARNING 'job "%" will not be able to connect', name
      USING DETAIL = refusal,
        HINT = 'Set cron.use_background_workers = on and restart the server: jobs need no connection then. Otherwise '
          'open pg_hba.conf for this connection, or give the server''s operating system user a password file.';
  END IF;
  next := dap_internal.schedule_next_run(schedule, zone, clock_timestamp(),
    coalesce(dap_internal.schedule_setting('cron.match_dom_and_dow'), 'off') = 'on');
  IF next IS NULL THEN
    RAISE NOTICE 'job % "%" %, time zone %', job, name, CASE WHEN known THEN 'changed' ELSE 'scheduled' END, zone
      USING DETAIL = 'When it is due next cannot be told.';
  ELSE
    RAISE NOTICE 'job % "%" %, next run % %', job, name, CASE WHEN known THEN 'changed' ELSE 'scheduled' END,
      to_char(next AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI:SS'), zone
      USING DETAIL = format('That is %s here (pg_cron keeps time zone %s, this session %s).', next, zone,
        current_setting('TimeZone'));
  END IF;
  RETURN job;
END
$$;
COMMENT ON FUNCTION dap.schedule(text, text, text)
  IS 'Has pg_cron run a command in this database on a cron schedule, as the current user; returns the job''s id, says '
  'when it is due, and warns if pg_cron will not be able to connect. The same name again changes the job';

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
  PERFORM dap_internal.schedule_requirements(format('SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = %L;',
    name));
  -- By number: some versions of pg_cron look a name up cut to 63 bytes.
  EXECUTE 'SELECT j.jobid FROM cron.job AS j WHERE j.jobname::text IN ($1, $1::name::text) AND j.username = '
    'current_user' INTO job USING name;
  IF job IS NULL THEN
    EXECUTE 'SELECT string_agg(format(''%L'', j.jobname), '', '' ORDER BY j.jobname) FROM cron.job AS j WHERE '
      'j.username = current_user' INTO mine;
    EXECUTE 'SELECT string_agg(format(''%s of %I'', j.jobid, j.username), '', '') FROM cron.job AS j WHERE '
      'j.jobname::text IN ($1, $1::name::text)'
      INTO others USING name;
    RAISE EXCEPTION 'job "%" of user "%" does not exist', name, current_user USING ERRCODE = 'undefined_object',
      HINT = CASE
        WHEN others IS NOT NULL THEN
          format('Other users have jobs of this name (%s): SELECT cron.unschedule(jobid) removes one.', others)
        WHEN mine IS NOT NULL THEN format('The jobs of this user are: %s.', mine)
        ELSE 'This user has no jobs.' END;
  END IF;
  EXECUTE 'SELECT cron.unschedule($1)' USING job;
  RETURN true;
END
$$;
COMMENT ON FUNCTION dap.unschedule(text) IS 'Removes a job that dap.schedule made';
