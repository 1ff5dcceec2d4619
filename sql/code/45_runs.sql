-- The ledger of runs. These functions are called by the module alone, as the ledger's owner: inside a run's
-- transaction, and by the recorder, a background worker with a transaction of its own.

-- Writes a run's line as it is known now. Steps come with the final states only.
CREATE FUNCTION dap_internal.record_run(line jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  earlier bigint;
BEGIN
  IF line ->> 'status' = 'running' THEN
    -- What dap.runs already says about runs whose transaction is gone is written down before it is forgotten which
    -- transactions committed.
    -- A line that its own transaction is just changing is left alone.
    FOR earlier IN
      SELECT l.run_id FROM dap_internal.run_ledger AS l
      WHERE l.status IN ('running', 'returned') AND l.run_id <> (line ->> 'run_id')::bigint
      ORDER BY l.run_id
      FOR UPDATE SKIP LOCKED
    LOOP
      UPDATE dap_internal.run_ledger AS l SET status = r.status, message = r.message
      FROM dap.runs AS r
      WHERE l.run_id = earlier AND r.run_id = earlier AND r.status IN ('crashed', 'aborted');
    END LOOP;
  END IF;

  INSERT INTO dap_internal.run_ledger AS l (run_id, command, status, started_at, finished_at, failed_step, sqlstate,
    message, detail, hint, run_by, pid, xid,
    system_identifier, database_oid)
  SELECT r.run_id, r.command, r.status, r.started_at, r.finished_at, r.failed_step, r.sqlstate, r.message, r.detail,
    r.hint, r.run_by, r.pid, r.xid,
    r.system_identifier, r.database_oid
  FROM jsonb_to_record(line) AS r (run_id bigint, command text, status text, started_at timestamptz,
    finished_at timestamptz, failed_step text,
    sqlstate text, message text, detail text, hint text, run_by text, pid integer, xid xid8, system_identifier bigint,
    database_oid oid)
  -- A recorder that comes late must not put an earlier state over a later one.
  ON CONFLICT (run_id) DO UPDATE
    SET status = excluded.status, finished_at = excluded.finished_at, failed_step = excluded.failed_step,
      sqlstate = excluded.sqlstate,
      message = excluded.message, detail = excluded.detail, hint = excluded.hint
    WHERE excluded.status <> 'running' AND l.status IN ('running', 'returned');

  INSERT INTO dap_internal.step_ledger AS s (run_id, step, object, action, rows_in, rows_inserted, rows_updated,
    rows_deleted, rows_rejected, elapsed, message)
  SELECT (line ->> 'run_id')::bigint, t.step, t.object, t.action, t.rows_in, t.rows_inserted, t.rows_updated,
    t.rows_deleted, t.rows_rejected,
    t.elapsed_us * interval '1 microsecond', t.message
  FROM jsonb_to_recordset(line -> 'steps') AS t (step integer, object text, action text, rows_in bigint,
    rows_inserted bigint, rows_updated bigint,
    rows_deleted bigint, rows_rejected bigint, elapsed_us bigint, message text)
  ON CONFLICT DO NOTHING;
  RETURN true;
END
$$;
COMMENT ON FUNCTION dap_internal.record_run(jsonb) IS 'Internal: writes the line and the steps of a run';

-- One file that failed a run, itself or in the clean step. Its trouble must not take the run's own line along.
CREATE FUNCTION dap_internal.record_run_file(evidence text) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF (evidence::jsonb->'attempt')::boolean THEN
    RETURN dap_internal.record_attempt(evidence::jsonb);
  END IF;
  PERFORM dap_internal.record_failed_file(evidence::jsonb);
  RETURN true;
EXCEPTION WHEN OTHERS THEN
  -- Not the message: it might quote a field.
  RAISE LOG 'could not record a failed file: SQLSTATE %', SQLSTATE;
  RETURN false;
END
$$;
COMMENT ON FUNCTION dap_internal.record_run_file(text)
  IS 'Internal: writes the line and the rejects of a file that failed in a failed run';

-- Who holds a lock of runs (that of the extension itself) or of a source, for the DETAIL of a lock timeout.
CREATE FUNCTION dap_internal.describe_lock_holder(a_classid oid, a_objid oid) RETURNS text
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE
    WHEN r.run_id IS NOT NULL THEN
      format('Run %s (pid %s, user %s) holds the lock since %s.', r.run_id,
        coalesce(h.pid::text, 'none: a prepared transaction'), r.run_by,
        r.started_at)
    WHEN h.pid IS NULL THEN 'A prepared transaction holds the lock.'
    ELSE format('Process %s (user %s) holds the lock%s, in a transaction since %s.', h.pid,
      coalesce(a.usename::text, 'unknown'),
      (SELECT format(' of source "%s"', s.source) FROM dap_internal.source_definition s
        WHERE a_classid = 'dap_internal.source_definition'::regclass AND s.source_id = a_objid::bigint),
      a.xact_start)
    END
  FROM pg_locks AS h
  LEFT JOIN pg_stat_activity AS a ON a.pid = h.pid
  LEFT JOIN LATERAL (
    SELECT l.run_id, l.run_by, l.started_at
    FROM dap_internal.run_ledger AS l JOIN dap.runs AS v ON v.run_id = l.run_id
    WHERE l.status IN ('running', 'returned') AND v.status = 'running' AND (l.pid = h.pid OR h.pid IS NULL)
    ORDER BY l.run_id DESC LIMIT 1) AS r ON true
  WHERE h.locktype = 'object' AND h.granted AND h.mode IN ('ExclusiveLock', 'AccessExclusiveLock')
    AND h.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
    AND h.classid = a_classid AND h.objsubid = 0 AND h.objid = a_objid
    AND h.pid IS DISTINCT FROM pg_backend_pid()
  ORDER BY h.pid LIMIT 1
$$;
COMMENT ON FUNCTION dap_internal.describe_lock_holder(oid, oid)
  IS 'Internal: who holds the lock of runs, or that of a source';

-- Waits outside the server's queues leave a mark: a lock on what they ask for, with number 1 where the lock itself has
-- 0, that holds nobody up. (A table is asked for by who wants to have it alone.) Whom they and the queues make wait for
-- whom is followed from this process. Of several that wait outside in one circle, one gives up.
CREATE FUNCTION dap_internal.waits_in_circle() RETURNS boolean
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH RECURSIVE held AS MATERIALIZED (
    SELECT l.pid, l.locktype, l.relation, l.classid, l.objid, l.objsubid, l.mode
    FROM pg_locks AS l
    WHERE l.granted AND l.pid IS NOT NULL AND l.database = (SELECT d.oid FROM pg_database AS d
      WHERE d.datname = current_database())
  ), outside AS MATERIALIZED (
    SELECT m.pid, h.pid AS holder
    FROM held AS m JOIN held AS h ON h.pid <> m.pid AND CASE
      WHEN m.classid = 'pg_class'::regclass THEN h.locktype = 'relation' AND h.relation = m.objid
      ELSE h.locktype = 'object' AND h.classid = m.classid AND h.objid = m.objid AND h.objsubid = 0
        AND h.mode <> 'AccessShareLock' END
    WHERE m.locktype = 'object' AND m.objsubid = 1 AND m.classid IN ('pg_class'::regclass, 'pg_extension'::regclass,
      'dap_internal.source_definition'::regclass)
  ), way AS (
    SELECT o.holder AS pid, ARRAY[o.pid] AS passed FROM outside AS o WHERE o.pid = pg_backend_pid()
    UNION
    SELECT n.pid, w.passed || w.pid
    FROM way AS w CROSS JOIN LATERAL (
      SELECT b.pid FROM unnest(pg_blocking_pids(w.pid)) AS b(pid) UNION SELECT o.holder FROM outside AS o
      WHERE o.pid = w.pid) AS n
    WHERE w.pid <> ALL (w.passed)
  )
  SELECT EXISTS (SELECT FROM way AS w WHERE w.pid = pg_backend_pid() AND w.pid = (SELECT max(o.pid) FROM outside AS o
    WHERE o.pid = ANY (w.passed)))
$$;
COMMENT ON FUNCTION dap_internal.waits_in_circle()
  IS 'Internal: does this process wait, outside the server''s queues, for one that waits for it?';
