-- Refreshing models.

CREATE FUNCTION dap.refresh_all(mode text DEFAULT 'auto', ingest boolean DEFAULT true) RETURNS SETOF dap.step_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_refresh_all';
COMMENT ON FUNCTION dap.refresh_all(text, boolean) IS
  'Loads new files into every source, then brings every model up to date, in one transaction: all or nothing. mode '
  'auto skips what is current, full recomputes everything. '
  'A failure changes no data, raises, and is recorded in dap.runs. 25000 under REPEATABLE READ, 25006 where writing is '
  'impossible, 55P03 on lock_timeout while another refresh runs';

CREATE FUNCTION dap.refresh_intermediate(mode text DEFAULT 'auto') RETURNS SETOF dap.step_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_refresh_first';
COMMENT ON FUNCTION dap.refresh_intermediate(text)
  IS 'Brings the intermediate models up to date, from what is loaded; see dap.refresh_all';

CREATE FUNCTION dap.refresh_analytics(mode text DEFAULT 'auto') RETURNS SETOF dap.step_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_refresh_second';
COMMENT ON FUNCTION dap.refresh_analytics(text)
  IS 'Brings the analytics models up to date, from the intermediate tables as they are; see dap.refresh_all';

CREATE FUNCTION dap_internal.reject_evidence(a_file_id integer, a_run_id bigint) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object('stage', r.stage, 'line', r.line, 'byte_offset', r.byte_offset,
    'model_id', r.model_id, 'column_name', r.column_name,
                    'reason', r.reason, 'message', r.message, 'raw_length', r.raw_length, 'raw',
                      encode(substr(r.raw, 1, 16384), 'hex')) ORDER BY r.line, r.reject_id), '[]')
  FROM (SELECT * FROM dap_internal.reject_ledger x
        WHERE x.file_id = a_file_id AND NOT x.attempt
          AND (a_run_id IS NULL OR (x.run_id = a_run_id AND x.stage = 'clean'))
        ORDER BY x.line, x.reject_id
        LIMIT current_setting('dap.max_kept_rejects')::integer) AS r
$$;
COMMENT ON FUNCTION dap_internal.reject_evidence(integer, bigint)
  IS 'Internal: the first rejects of a file, all or those that a run''s clean steps have written';

-- A file that the run loaded and that then failed in the clean step, as dap_internal.record_failed_file takes it. Its
-- definition hash is that of no source, so that the bytes are tried again when the model's rules may have changed; the
-- content hash lets them be dismissed.
CREATE FUNCTION dap_internal.failed_file_evidence(a_file_id integer, why text, rejected bigint) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_build_object('file_id', l.file_id, 'source_id', l.source_id, 'source', l.source, 'path', l.path,
    'reason', why,
           'content_hash', encode(l.content_hash, 'hex'), 'definition_hash', 'clean', 'loaded_by', l.loaded_by,
           'options', l.options, 'bytes', l.bytes,
           'modified_s', extract(epoch FROM l.modified_at), 'rows_read', l.rows_read, 'rows_loaded', 0, 'rows_rejected',
           rejected, 'run_id', l.run_id,
           'rejects', dap_internal.reject_evidence(l.file_id, NULL))
  FROM dap_internal.file_ledger l
  WHERE l.file_id = a_file_id
$$;
COMMENT ON FUNCTION dap_internal.failed_file_evidence(integer, text, bigint)
  IS 'Internal: a file that failed in the clean step, for the ledger';

-- A file that was loaded before the run stays loaded: what the run's rollback takes away is the rejects that the run
-- itself has written, as dap_internal.record_attempt takes them.
CREATE FUNCTION dap_internal.attempt_evidence(a_file_id integer, a_run_id bigint) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_build_object('attempt', true, 'file_id', l.file_id, 'source_id', l.source_id, 'run_id', a_run_id,
    'rejects', dap_internal.reject_evidence(l.file_id, a_run_id))
  FROM dap_internal.file_ledger l
  WHERE l.file_id = a_file_id
$$;
COMMENT ON FUNCTION dap_internal.attempt_evidence(integer, bigint)
  IS 'Internal: what a clean step that fails has rejected of a file that stays loaded, for the ledger';

-- The files of a source whose rejects, those of every clean model included, are more than its limits allow. A file that
-- was loaded before this run cannot be left out any more: a source that tolerates everything (max_reject_percent 100)
-- is the way to go on with it.
CREATE FUNCTION dap_internal.files_over_limit(a_source_id integer, a_run_id bigint)
RETURNS TABLE (file_id integer, path text, place text, why text, rows_read bigint, rows_rejected bigint, of_run boolean)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  WITH cleaned AS (
    SELECT r.file_id, count(DISTINCT r.line) AS rejected
    FROM dap_internal.reject_ledger r
    WHERE r.source_id = a_source_id AND r.stage = 'clean' AND NOT r.attempt
    GROUP BY r.file_id
  ), judged AS (
    SELECT l.*, l.rows_rejected + c.rejected AS rejected,
           (o.options->>'max_rejects')::numeric AS max_rejects,
           (o.options->>'max_reject_percent')::numeric AS max_percent
    FROM cleaned c
    JOIN dap_internal.file_ledger l ON l.file_id = c.file_id AND l.status = 'loaded'
    JOIN dap_internal.source_definition d ON d.source_id = l.source_id,
    LATERAL (SELECT dap_internal.effective_options(d.options || l.options) AS options) AS o
    WHERE l.run_id IS NOT DISTINCT FROM a_run_id
      OR (dap_internal.effective_options(d.options)->>'max_reject_percent')::numeric < 100
  ), over AS (
    SELECT j.*, CASE
        WHEN j.rejected > j.max_rejects THEN format('more than %s records rejected', j.max_rejects)
        WHEN j.rejected >= j.rows_read THEN format('none of %s records is good', j.rows_read)
        WHEN j.rejected > 10 AND j.rejected * 100 > j.max_percent * j.rows_read
          THEN format('%s of %s records rejected, more than %s percent', j.rejected, j.rows_read, j.max_percent)
      END AS why
    FROM judged j
  )
  SELECT o.file_id, o.path, format('line %s, column %I: %s', f.line, f.column_name, f.message), o.why, o.rows_read,
    o.rejected, o.run_id IS NOT DISTINCT FROM a_run_id
  FROM over o,
  LATERAL (SELECT r.line, r.column_name, r.message FROM dap_internal.reject_ledger r
           WHERE r.file_id = o.file_id AND r.stage = 'clean' AND NOT r.attempt ORDER BY r.line, r.reject_id
           LIMIT 1) AS f
  WHERE o.why IS NOT NULL
  ORDER BY o.file_id
$$;
COMMENT ON FUNCTION dap_internal.files_over_limit(integer, bigint) IS 'Internal: the files that fail in the clean step';
