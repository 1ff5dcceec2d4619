-- Runs and their steps, for people. A view's functions are called as its reader: these are all PostgreSQL's own, open
-- to everybody.

CREATE VIEW dap.runs AS
SELECT r.run_id, r.command, s.status, r.started_at, r.finished_at,
  CASE WHEN s.status = 'running' THEN clock_timestamp() ELSE r.finished_at END - r.started_at AS elapsed,
  r.failed_step, r.sqlstate,
  CASE
    WHEN r.message IS NOT NULL THEN r.message
    WHEN s.status = 'crashed' THEN 'the server process ended before the run did'
    WHEN s.status = 'aborted' THEN 'the run was done, but its caller rolled it back'
  END AS message,
  r.run_by
FROM dap_internal.run_ledger AS r
CROSS JOIN LATERAL (
  -- running and returned hold while the run's transaction goes on. Once it is gone, a line that it did not change is
  -- that of a run that failed to end or that was rolled back. A committed one has changed it, only later than this
  -- snapshot can see.
  -- The lines of another server or database (a restored dump) are judged without asking about their transactions, which
  -- mean nothing here.
  SELECT CASE
    WHEN r.status NOT IN ('running', 'returned') THEN r.status
    ELSE CASE
      WHEN r.system_identifier IS DISTINCT FROM (SELECT c.system_identifier FROM pg_control_system() AS c)
        OR r.database_oid IS DISTINCT FROM (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
        OR r.xid IS NULL OR r.xid >= pg_snapshot_xmax(pg_current_snapshot()) THEN NULL
      ELSE pg_xact_status(r.xid)
      END
    END) AS j (verdict)
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN r.status NOT IN ('running', 'returned') THEN r.status
    WHEN j.verdict = 'in progress' THEN 'running'
    WHEN j.verdict = 'committed' THEN 'succeeded'
    WHEN r.status = 'running' THEN 'crashed'
    ELSE 'aborted'
    END) AS s (status);
COMMENT ON VIEW dap.runs IS 'Every refresh: who ran it, when, and how it ended';
COMMENT ON COLUMN dap.runs.run_id IS 'Number of the run; dap.run_steps, dap.files and dap.rejects refer to it';
COMMENT ON COLUMN dap.runs.command IS 'The call that was run';
COMMENT ON COLUMN dap.runs.status
  IS 'running, succeeded, failed (it raised an error), crashed (its server process ended) or aborted (it returned, and '
  'its caller rolled back)';
COMMENT ON COLUMN dap.runs.started_at IS 'When it had its lock and began';
COMMENT ON COLUMN dap.runs.finished_at IS 'When it returned or failed; NULL while it runs and where nobody can tell';
COMMENT ON COLUMN dap.runs.elapsed IS 'How long it took, or has taken so far';
COMMENT ON COLUMN dap.runs.failed_step IS 'The object whose step raised the error';
COMMENT ON COLUMN dap.runs.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN dap.runs.message
  IS 'The error''s message, never with a field''s value; its detail is with the failed step in dap.run_steps';
COMMENT ON COLUMN dap.runs.run_by IS 'The session''s user';

CREATE VIEW dap.run_steps AS
SELECT s.run_id, s.step, s.object, s.action, s.rows_in, s.rows_inserted, s.rows_updated, s.rows_deleted,
  s.rows_rejected, s.elapsed, s.message
FROM dap_internal.step_ledger AS s;
COMMENT ON VIEW dap.run_steps
  IS 'The steps of each refresh that succeeded or failed; one that found nothing to do has none';
COMMENT ON COLUMN dap.run_steps.run_id IS 'The run, see dap.runs';
COMMENT ON COLUMN dap.run_steps.step IS 'Number of the step within its run';
COMMENT ON COLUMN dap.run_steps.object IS 'What the step worked on: a file, or a table';
COMMENT ON COLUMN dap.run_steps.action
  IS 'loaded, skipped, failed, built (made anew), merged (changed row by row) or unchanged';
COMMENT ON COLUMN dap.run_steps.rows_in IS 'Records or rows that the step read';
COMMENT ON COLUMN dap.run_steps.rows_inserted IS 'Rows added';
COMMENT ON COLUMN dap.run_steps.rows_updated IS 'Rows changed';
COMMENT ON COLUMN dap.run_steps.rows_deleted IS 'Rows removed';
COMMENT ON COLUMN dap.run_steps.rows_rejected IS 'Records that were not taken, see dap.rejects';
COMMENT ON COLUMN dap.run_steps.elapsed IS 'How long the step took';
COMMENT ON COLUMN dap.run_steps.message
  IS 'Why the step failed, or which files it left out and why; never with a field''s value';
