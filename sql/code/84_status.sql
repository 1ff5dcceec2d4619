-- One line per source and model: is it there, is it current, and what to do if not; before them, one per job that
-- failed.

CREATE VIEW dap.status AS
WITH RECURSIVE sources AS (
  SELECT s.source_id, s.source, s.relation, f.rows, f.run_id, f.refreshed_at, f.newest_file_at, f.change_id, f.failure
  FROM dap_internal.source_definition s
  LEFT JOIN LATERAL (
    SELECT sum(l.rows_loaded) FILTER (WHERE l.status = 'loaded')::bigint AS rows,
      max(l.run_id) FILTER (WHERE l.status = 'loaded') AS run_id,
      max(l.loaded_at) FILTER (WHERE l.status = 'loaded') AS refreshed_at,
      max(coalesce(l.modified_at, l.loaded_at)) FILTER (WHERE l.status = 'loaded') AS newest_file_at,
      max(l.change_id) FILTER (WHERE l.status NOT IN ('failed', 'dismissed')) AS change_id,
      min(format('%s: %s', l.path, l.reason)) FILTER (WHERE l.status = 'failed') AS failure
    FROM dap_internal.file_ledger l WHERE l.source_id = s.source_id) f ON true
), edges AS (
  SELECT m.model_id, m.relation, u.upstream
  FROM dap_internal.model_definition m CROSS JOIN LATERAL unnest(m.upstream) AS u(upstream)
), inputs AS (
  -- What a refresh would write down as the model's inputs now.
  SELECT e.model_id,
    jsonb_object_agg(CASE WHEN s.source_id IS NULL THEN 'model ' || m.model_id ELSE 'source ' || s.source_id END,
      CASE WHEN s.source_id IS NULL THEN coalesce(v.version, 0) ELSE coalesce(s.change_id, 0) END) AS versions
  FROM edges e
  LEFT JOIN sources s ON s.relation = e.upstream
  LEFT JOIN dap_internal.model_definition m ON m.relation = e.upstream
  LEFT JOIN dap_internal.model_state v ON v.model_id = m.model_id
  WHERE s.source_id IS NOT NULL OR m.model_id IS NOT NULL
  GROUP BY e.model_id
), outdated (relation, message) AS (
  SELECT m.relation,
    CASE WHEN v.definition_hash <> m.definition_hash THEN 'its definition has changed'
    ELSE 'what it reads has changed' END
  FROM dap_internal.model_definition m
  JOIN dap_internal.model_state v ON v.model_id = m.model_id
  LEFT JOIN inputs i ON i.model_id = m.model_id
  WHERE v.definition_hash <> m.definition_hash
    OR (NOT m.always AND v.inputs - ARRAY['views', 'functions', 'literals'] <> coalesce(i.versions, '{}'))
  UNION
  SELECT e.relation, 'what it reads is stale' FROM outdated o JOIN edges e ON e.upstream = o.relation
), stale AS (
  SELECT o.relation, min(o.message) AS message FROM outdated o GROUP BY o.relation
), reached (relation, upstream) AS (
  SELECT e.relation, e.upstream FROM edges e
  UNION
  SELECT r.relation, e.upstream FROM reached r JOIN edges e ON e.relation = r.upstream
), newest AS (
  SELECT r.relation, max(s.newest_file_at) AS newest_file_at FROM reached r JOIN sources s ON s.relation = r.upstream
  GROUP BY r.relation
), objects AS (
  SELECT 0 AS tier, s.source_id AS number, s.source, NULL::text AS model, s.relation, s.rows, s.run_id, s.refreshed_at,
    s.newest_file_at, s.refreshed_at IS NOT NULL AS is_there,
    s.failure, NULL::text AS staleness
  FROM sources s
  UNION ALL
  SELECT m.tier, m.model_id, NULL, m.model, m.relation, v.rows, v.run_id, v.refreshed_at, n.newest_file_at,
    v.model_id IS NOT NULL, NULL, t.message
  FROM dap_internal.model_definition m
  LEFT JOIN dap_internal.model_state v ON v.model_id = m.model_id
  LEFT JOIN newest n ON n.relation = m.relation
  LEFT JOIN stale t ON t.relation = m.relation
), jobs AS (
  -- Jobs of this database that call dap and whose last run failed. pg_cron may not be there, so it is asked by a text,
  -- once it is sure that the tables are its own and open to the reader, as whom the text runs. Of a history that nobody
  -- clears only the last part is searched.
  SELECT query_to_xml($cron$
    SELECT j.jobid,
      pg_catalog.encode(pg_catalog.convert_to(coalesce(j.jobname::pg_catalog.text,
      pg_catalog.format('job %s', j.jobid)), pg_catalog.getdatabaseencoding()), 'hex') AS name,
      pg_catalog.encode(pg_catalog.convert_to(pg_catalog.format('job %s of user %I failed at %s: %s', j.jobid,
        j.username, coalesce(d.end_time, d.start_time),
        pg_catalog."left"(pg_catalog.regexp_replace(coalesce(d.return_message, ''), '[[:space:]]+', ' ', 'g'), 300)),
          pg_catalog.getdatabaseencoding()), 'hex') AS message
    FROM cron.job AS j
    CROSS JOIN LATERAL (
      SELECT d.status, d.return_message, d.start_time, d.end_time
      FROM cron.job_run_details AS d
      WHERE d.jobid OPERATOR(pg_catalog.=) j.jobid
        AND d.status OPERATOR(pg_catalog.=) ANY ('{succeeded,failed}'::pg_catalog.text[])
        AND d.runid OPERATOR(pg_catalog.>) (SELECT pg_catalog.max(r.runid) OPERATOR(pg_catalog.-) 100000
          FROM cron.job_run_details AS r)
      ORDER BY d.runid DESC LIMIT 1) AS d
    WHERE d.status OPERATOR(pg_catalog.=) 'failed'
      AND j.database::pg_catalog.text OPERATOR(pg_catalog.=) pg_catalog.current_database()::pg_catalog.text
      AND j.command OPERATOR(pg_catalog.~) '(^|[^[:alnum:]_])"?dap"?[.]'
    $cron$, false, true, '')::text AS failed
  WHERE (SELECT count(*) FROM pg_extension x
      JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid
        AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
      JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'r'
      JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE x.extname = 'pg_cron' AND n.nspname = 'cron' AND c.relname IN ('job', 'job_run_details')
      AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) = 2
), failed_jobs AS (
  SELECT m[1]::bigint AS number, convert_from(decode(m[2], 'hex'), getdatabaseencoding()) AS name,
    convert_from(decode(m[3], 'hex'), getdatabaseencoding()) AS message
  FROM jobs
  CROSS JOIN LATERAL regexp_matches(jobs.failed,
    '<jobid>(\d+)</jobid>\s*<name>([0-9a-f]*)</name>\s*<message>([0-9a-f]*)</message>', 'g') AS m
), last_run AS (
  SELECT r.run_id, r.status, r.failed_step, r.message FROM dap.runs r ORDER BY r.run_id DESC LIMIT 1
)
SELECT r.object, r.layer, r.rows, r.bytes, r.run_id, r.refreshed_at, r.newest_file_at, r.state,
  r.message COLLATE "default" AS message
FROM (
SELECT -1 AS tier, f.number, f.name AS object, NULL AS layer, NULL::bigint AS rows, NULL::bigint AS bytes,
  NULL::bigint AS run_id, NULL::timestamptz AS refreshed_at,
  NULL::timestamptz AS newest_file_at, 'failed' AS state,
  f.message
    || CASE WHEN f.message ~ ': connection failed' THEN
    '; with cron.use_background_workers = on jobs need no connection' ELSE '' END AS message
FROM failed_jobs f
UNION ALL
SELECT o.tier, o.number,
  CASE WHEN c.oid IS NULL THEN o.relation::oid::text ELSE format('%I.%I', n.nspname, c.relname) END AS object,
  n.nspname::text AS layer, o.rows, CASE WHEN x.relation IS NULL THEN pg_total_relation_size(c.oid) END AS bytes,
  o.run_id, o.refreshed_at, o.newest_file_at, j.state,
  CASE j.state
    WHEN 'failed' THEN coalesce(
      CASE WHEN c.oid IS NULL THEN
        format('the table of %s %s does not exist any more; create it again, or SELECT dap.drop_%1$s(%3$L) removes the '
        'definition',
        CASE WHEN o.tier = 0 THEN 'source' ELSE 'model' END, coalesce(o.source, o.model),
          coalesce(o.source, o.relation::oid::text)) END,
      o.failure, format('run %s: %s', l.run_id, l.message))
    WHEN 'running' THEN format('run %s is under way', l.run_id)
    WHEN 'stale' THEN o.staleness || '; dap.refresh_all() brings it up to date'
    WHEN 'never' THEN CASE WHEN o.tier = 0 THEN 'no file was loaded yet'
      ELSE 'not built yet: call dap.refresh_all()' END
  END AS message
FROM objects o
LEFT JOIN pg_class c ON c.oid = o.relation
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN last_run l ON true
-- Who asks how large a table is would wait for a run that fills it for the first time.
LEFT JOIN (
  SELECT DISTINCT k.relation FROM pg_locks k
  WHERE k.locktype = 'relation' AND k.mode = 'AccessExclusiveLock' AND k.granted AND k.pid <> pg_backend_pid()
    AND k.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())) x ON x.relation = c.oid
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN c.oid IS NULL THEN 'failed'
    WHEN l.status = 'running' THEN 'running'
    WHEN o.failure IS NOT NULL OR (l.status = 'failed' AND l.failed_step = format('%I.%I', n.nspname, c.relname)) THEN
      'failed'
    WHEN NOT o.is_there THEN 'never'
    WHEN o.staleness IS NOT NULL THEN 'stale'
    ELSE 'ok'
  END) AS j(state)
) r
ORDER BY r.tier, r.number;
COMMENT ON VIEW dap.status
  IS 'Sources and models: how many rows, how fresh, and what is wrong; and the jobs of pg_cron that call dap and whose '
  'last run failed, for those who may see them';
COMMENT ON COLUMN dap.status.object IS 'The table, or the name of a job that failed';
COMMENT ON COLUMN dap.status.layer IS 'Its schema; NULL for a job';
COMMENT ON COLUMN dap.status.rows IS 'Rows after the last refresh';
COMMENT ON COLUMN dap.status.bytes
  IS 'Size on disk with its indexes; NULL while a transaction has the table to itself, as a run that fills it first';
COMMENT ON COLUMN dap.status.run_id
  IS 'The run that wrote it last, see dap.runs; NULL for files that were loaded outside a run';
COMMENT ON COLUMN dap.status.refreshed_at IS 'When it was written last';
COMMENT ON COLUMN dap.status.newest_file_at IS 'When the newest of the files that it comes from was changed last';
COMMENT ON COLUMN dap.status.state
  IS 'ok, stale (a refresh would change it), failed, running or never (not built, nothing loaded)';
COMMENT ON COLUMN dap.status.message IS 'What the state means here';
