-- Refreshing models.

CREATE TYPE dap.step_result AS (
  run_id bigint,
  step integer,
  object text,
  action text,
  rows_in bigint,
  rows_inserted bigint,
  rows_updated bigint,
  rows_deleted bigint,
  rows_rejected bigint,
  elapsed interval
);
COMMENT ON TYPE dap.step_result IS 'One step of a refresh: action loaded, skipped, failed, built, merged or unchanged';

CREATE FUNCTION dap.refresh_all(mode text DEFAULT 'auto', ingest boolean DEFAULT true) RETURNS SETOF dap.step_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_refresh_all';
COMMENT ON FUNCTION dap.refresh_all(text, boolean) IS
  'Loads new files into every source, then brings every model up to date, in one transaction: all or nothing. mode auto skips what is current, full recomputes everything. '
  'A failure changes no data, raises, and is recorded in dap.runs. 25000 under REPEATABLE READ, 25006 where writing is impossible, 55P03 on lock_timeout while another refresh runs';

CREATE FUNCTION dap.refresh_intermediate(mode text DEFAULT 'auto') RETURNS SETOF dap.step_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_refresh_first';
COMMENT ON FUNCTION dap.refresh_intermediate(text) IS 'Brings the intermediate models up to date, from what is loaded; see dap.refresh_all';

CREATE FUNCTION dap.refresh_analytics(mode text DEFAULT 'auto') RETURNS SETOF dap.step_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_refresh_second';
COMMENT ON FUNCTION dap.refresh_analytics(text) IS 'Brings the analytics models up to date, from the intermediate tables as they are; see dap.refresh_all';

-- A file that the run loaded and that then failed in the clean step, as dap._record_failed_file takes it. Its definition hash is that of no source, so that
-- the bytes are tried again when the model's rules may have changed; the content hash lets them be dismissed.
CREATE FUNCTION dap._failed_file_evidence(a_file_id integer, why text, rejected bigint) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_build_object('file_id', l.file_id, 'source_id', l.source_id, 'source', l.source, 'path', l.path, 'reason', why,
           'content_hash', encode(l.content_hash, 'hex'), 'definition_hash', 'clean', 'loaded_by', l.loaded_by, 'options', l.options, 'bytes', l.bytes,
           'modified_s', extract(epoch FROM l.modified_at), 'rows_read', l.rows_read, 'rows_loaded', 0, 'rows_rejected', rejected, 'run_id', l.run_id,
           'rejects', coalesce((
             SELECT jsonb_agg(jsonb_build_object('stage', r.stage, 'line', r.line, 'byte_offset', r.byte_offset, 'model_id', r.model_id, 'column_name', r.column_name,
                      'reason', r.reason, 'message', r.message, 'raw_length', r.raw_length, 'raw', encode(substr(r.raw, 1, 16384), 'hex')) ORDER BY r.line, r.reject_id)
             FROM (SELECT * FROM dap.reject_ledger x WHERE x.file_id = l.file_id ORDER BY x.line, x.reject_id
                   LIMIT current_setting('dap.max_kept_rejects')::integer) AS r), '[]'))
  FROM dap.file_ledger l
  WHERE l.file_id = a_file_id
$$;
COMMENT ON FUNCTION dap._failed_file_evidence(integer, text, bigint) IS 'Internal: a file that failed in the clean step, for the ledger';

-- The first file of a source whose rejects, those of every clean model included, are more than its limits allow. A file that was loaded before this run cannot be
-- left out any more: a source that tolerates everything (max_reject_percent 100) is the way to go on with it.
CREATE FUNCTION dap._files_over_limit(a_source_id integer, a_run_id bigint)
RETURNS TABLE (path text, reason text, rows_read bigint, rows_rejected bigint, evidence jsonb, run_id bigint)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  WITH cleaned AS (
    SELECT r.file_id, count(DISTINCT r.line) AS rejected, min(r.line) AS first_line
    FROM dap.reject_ledger r
    WHERE r.source_id = a_source_id AND r.stage = 'clean'
    GROUP BY r.file_id
  ), judged AS (
    SELECT l.*, l.rows_rejected + c.rejected AS rejected, c.first_line,
           (o.options->>'max_rejects')::numeric AS max_rejects,
           coalesce((o.options->>'max_reject_percent')::numeric, 1) AS max_percent
    FROM cleaned c
    JOIN dap.file_ledger l ON l.file_id = c.file_id AND l.status = 'loaded'
    JOIN dap.source_definition d ON d.source_id = l.source_id,
    LATERAL (SELECT d.options || l.options AS options) AS o
    WHERE l.run_id IS NOT DISTINCT FROM a_run_id OR coalesce((d.options->>'max_reject_percent')::numeric, 1) < 100
  ), over AS (
    SELECT j.*, CASE
        WHEN j.rejected > j.max_rejects THEN format('more than %s records rejected', j.max_rejects)
        WHEN j.rejected >= j.rows_read THEN format('none of %s records is good', j.rows_read)
        WHEN j.rejected > 10 AND j.rejected * 100 > j.max_percent * j.rows_read
          THEN format('%s of %s records rejected, more than %s percent', j.rejected, j.rows_read, j.max_percent)
      END AS why
    FROM judged j
  )
  SELECT o.path, format('line %s, column %I: %s; %s', f.line, f.column_name, f.message, o.why), o.rows_read, o.rejected,
         dap._failed_file_evidence(o.file_id, o.why, o.rejected), o.run_id
  FROM over o,
  LATERAL (SELECT r.line, r.column_name, r.message FROM dap.reject_ledger r
           WHERE r.file_id = o.file_id AND r.stage = 'clean' ORDER BY r.line, r.reject_id LIMIT 1) AS f
  WHERE o.why IS NOT NULL
  ORDER BY o.file_id
  LIMIT 1  -- the one that stops the run: evidence of a thousand others would only cost memory
$$;
COMMENT ON FUNCTION dap._files_over_limit(integer, bigint) IS 'Internal: the first file that fails in the clean step';
