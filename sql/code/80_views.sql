-- Files and rejects, for people. A view reads the ledger with its owner's rights; the functions it calls are all
-- PostgreSQL's own.

CREATE VIEW dap.files AS
SELECT f.file_id, f.source, f.path, f.status, f.reason, f.content_hash, f.modified_at, f.bytes, f.rows_read,
  f.rows_loaded, f.rows_rejected,
  f.options, f.loaded_at, f.loaded_by, f.run_id,
  (SELECT pg_catalog.array_agg(k.path ORDER BY k.path COLLATE pg_catalog."C") FROM dap_internal.skip_ledger k
    WHERE k.file_id = f.file_id) AS also_at
FROM dap_internal.file_ledger f;
COMMENT ON VIEW dap.files IS 'Every content that was loaded, failed, unloaded, dismissed or archived';
COMMENT ON COLUMN dap.files.file_id IS 'Number of the file; _file_id in the source''s table';
COMMENT ON COLUMN dap.files.source IS 'The source that it was given to';
COMMENT ON COLUMN dap.files.path IS 'Where it was read, or the name that the client gave';
COMMENT ON COLUMN dap.files.status
  IS 'loaded (its records are live), failed (none is), unloaded, dismissed or archived';
COMMENT ON COLUMN dap.files.reason IS 'Why it has that status';
COMMENT ON COLUMN dap.files.content_hash IS 'XXH3-128 of the decompressed bytes';
COMMENT ON COLUMN dap.files.modified_at IS 'When the file was changed last, by the server''s file system';
COMMENT ON COLUMN dap.files.bytes IS 'Length, decompressed';
COMMENT ON COLUMN dap.files.rows_read IS 'Records: those loaded and those rejected';
COMMENT ON COLUMN dap.files.rows_loaded IS 'Records that went into the source''s table';
COMMENT ON COLUMN dap.files.rows_rejected IS 'Records that did not, see dap.rejects';
COMMENT ON COLUMN dap.files.options IS 'Options that were given to the call';
COMMENT ON COLUMN dap.files.loaded_at IS 'When this was written';
COMMENT ON COLUMN dap.files.loaded_by IS 'The user who called';
COMMENT ON COLUMN dap.files.run_id IS 'The refresh, see dap.runs; NULL outside one';
COMMENT ON COLUMN dap.files.also_at
  IS 'Other names under which the same bytes were found and left out, see dap.skipped_files; NULL if none';

CREATE VIEW dap.skipped_files AS
SELECT f.source, k.path, k.file_id, f.path AS known_as, f.status, k.skipped_at, k.skipped_by, k.run_id
FROM dap_internal.skip_ledger k JOIN dap_internal.file_ledger f ON f.file_id = k.file_id;
COMMENT ON VIEW dap.skipped_files
  IS 'Every file that was left out because the source knows its bytes under another name';
COMMENT ON COLUMN dap.skipped_files.source IS 'The source that it was given to';
COMMENT ON COLUMN dap.skipped_files.path IS 'The file that was left out';
COMMENT ON COLUMN dap.skipped_files.file_id IS 'The file that has the same bytes, see dap.files';
COMMENT ON COLUMN dap.skipped_files.known_as IS 'Its path';
COMMENT ON COLUMN dap.skipped_files.status IS 'Its status: loaded, unloaded, dismissed or archived';
COMMENT ON COLUMN dap.skipped_files.skipped_at IS 'When the file was left out first';
COMMENT ON COLUMN dap.skipped_files.skipped_by IS 'The user who called then';
COMMENT ON COLUMN dap.skipped_files.run_id IS 'The refresh, see dap.runs; NULL outside one';

CREATE VIEW dap.rejects AS
SELECT r.reject_id, r.file_id, f.path, f.source, r.line, r.byte_offset, r.stage,
  CASE WHEN c.oid IS NULL THEN coalesce(m.model, s.source) ELSE pg_catalog.format('%I.%I', n.nspname,
    c.relname) END AS object, r.column_name,
  r.reason, r.message, r.raw, r.raw_length
FROM dap_internal.reject_ledger r
LEFT JOIN dap_internal.file_ledger f ON f.file_id = r.file_id
LEFT JOIN dap_internal.source_definition s ON s.source_id = r.source_id AND r.stage = 'ingest'
LEFT JOIN dap_internal.model_definition m ON m.model_id = r.model_id
LEFT JOIN pg_catalog.pg_class c ON c.oid = coalesce(m.relation, s.relation)
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace;
COMMENT ON VIEW dap.rejects IS 'Every record that was not taken, and why. Holds data: raw is what the file says';
COMMENT ON COLUMN dap.rejects.reject_id IS 'Number of the reject';
COMMENT ON COLUMN dap.rejects.file_id IS 'The file, see dap.files';
COMMENT ON COLUMN dap.rejects.path IS 'Where the file was read';
COMMENT ON COLUMN dap.rejects.source IS 'The source';
COMMENT ON COLUMN dap.rejects.line IS 'Line of the file where the record starts; the header is line 1';
COMMENT ON COLUMN dap.rejects.byte_offset IS 'Where the record starts, in decompressed bytes from the file''s start';
COMMENT ON COLUMN dap.rejects.stage IS 'ingest (not in the source''s table) or clean (there, but not in a model)';
COMMENT ON COLUMN dap.rejects.object IS 'The table that did not take it';
COMMENT ON COLUMN dap.rejects.column_name IS 'The column that is wrong; NULL for a whole record';
COMMENT ON COLUMN dap.rejects.reason IS 'Code of the reason, the same in every version';
COMMENT ON COLUMN dap.rejects.message IS 'The reason in words, without the value';
COMMENT ON COLUMN dap.rejects.raw IS 'The bytes of the record or value, up to dap.max_reject_bytes';
COMMENT ON COLUMN dap.rejects.raw_length IS 'How many bytes it had';
