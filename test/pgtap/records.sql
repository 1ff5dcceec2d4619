-- Every record of every file is accounted for: read is loaded and rejected, and what is loaded is there once.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM no_plan();

SELECT is_empty($$
  SELECT file_id, path, rows_read, rows_loaded, rows_rejected FROM dap.files
  WHERE status = 'loaded' AND rows_read <> rows_loaded + rows_rejected
$$, 'of each loaded file: records read = loaded + rejected');

SELECT is_empty($$
  SELECT f.file_id, f.path, f.rows_rejected, count(r.reject_id) AS kept
  FROM dap.files f LEFT JOIN dap.rejects r ON r.file_id = f.file_id AND r.stage = 'ingest'
  WHERE f.status = 'loaded' GROUP BY f.file_id, f.path, f.rows_rejected HAVING count(r.reject_id) <> f.rows_rejected
$$, 'of each loaded file: every reject is in dap.rejects');

SELECT is_empty($$
  SELECT source, content_hash, bytes, count(*) FROM dap.files
  WHERE status = 'loaded' AND coalesce(options->>'again', 'false') <> 'true'
    AND coalesce(options->>'identity', 'content') = 'content'
  GROUP BY source, path, content_hash, bytes HAVING count(*) > 1
$$, 'no name has the same content live twice, unless a call asked for it');

-- Staging against the ledger: each live file's rows, and no others.
SELECT is_empty(format($$
    SELECT coalesce(f.file_id, s._file_id) AS file_id, f.rows_loaded, s.rows
    FROM (SELECT * FROM dap.files WHERE source = %L AND status = 'loaded' AND rows_loaded > 0) AS f
    FULL JOIN (SELECT _file_id, count(*) AS rows FROM %s GROUP BY 1) AS s ON s._file_id = f.file_id
    WHERE f.rows_loaded IS DISTINCT FROM s.rows
  $$, f.source, o.object), format('%s holds the rows of its loaded files and no others', o.object))
FROM (SELECT DISTINCT source FROM dap.files) AS f
JOIN dap.status AS o ON o.layer = 'staging' AND (parse_ident(o.object))[2] = f.source ORDER BY 1;

SELECT is_empty(format('SELECT _file_id, _line, count(*) FROM %s GROUP BY 1, 2 HAVING count(*) > 1', o.object),
  format('%s holds no record twice', o.object))
FROM dap.status AS o WHERE o.layer = 'staging' ORDER BY o.object;

SELECT * FROM finish();
ROLLBACK;
