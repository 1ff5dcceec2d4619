-- Definitions and the ledger. Written by the extension's C code alone: no role is granted anything here. Rows are part
-- of a dump.

CREATE SEQUENCE dap_internal.source_id_seq AS integer;
CREATE TABLE dap_internal.source_definition (
  source_id integer PRIMARY KEY DEFAULT pg_catalog.nextval('dap_internal.source_id_seq'),
  source text NOT NULL UNIQUE,
  relation regclass NOT NULL UNIQUE,
  path text,
  path_by text NOT NULL,
  columns text[] NOT NULL CHECK (cardinality(columns) > 0 AND array_ndims(columns) = 1
    AND array_position(columns, NULL) IS NULL),
  options jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(options) = 'object'),
  definition_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  created_by text NOT NULL
);
COMMENT ON TABLE dap_internal.source_definition IS 'Sources: what dap.create_source was given';

CREATE SEQUENCE dap_internal.model_id_seq AS integer;
CREATE TABLE dap_internal.model_definition (
  model_id integer PRIMARY KEY DEFAULT pg_catalog.nextval('dap_internal.model_id_seq'),
  relation regclass NOT NULL UNIQUE,
  model text NOT NULL,  -- the table's name when it was last seen: what is left of it when somebody drops it
  tier smallint NOT NULL CHECK (tier IN (1, 2)),
  kind text NOT NULL CHECK (kind IN ('clean', 'query')),
  source_id integer,
  -- Objects with a name each, and nothing else.
  columns jsonb NOT NULL CHECK (jsonb_typeof(columns) = 'array' AND jsonb_array_length(columns) > 0
    AND jsonb_array_length(columns)
      = jsonb_array_length(jsonb_path_query_array(columns,
        'strict $[*] ? (@.type() == "object").name ? (@.type() == "string" && @ != "")', silent => true))),
  key text[] NOT NULL CHECK (cardinality(key) > 0 AND array_ndims(key) = 1 AND array_position(key, NULL) IS NULL),
  latest_by text[] CHECK (array_position(latest_by, NULL) IS NULL),
  query text,
  settings jsonb CHECK (jsonb_typeof(settings) = 'object'),
  upstream regclass[] NOT NULL CHECK (array_position(upstream, NULL) IS NULL),
  always boolean NOT NULL DEFAULT false,
  definition_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  created_by text NOT NULL,
  CHECK ((kind = 'clean') = (source_id IS NOT NULL) AND (kind = 'query') = (query IS NOT NULL)),
  CHECK (kind <> 'clean' OR (tier = 1 AND cardinality(upstream) = 1)),
  CHECK (to_jsonb(key) <@ jsonb_path_query_array(columns, '$[*].name')
    AND (latest_by IS NULL OR to_jsonb(latest_by) <@ jsonb_path_query_array(columns, '$[*].name')))
);
COMMENT ON TABLE dap_internal.model_definition
  IS 'Models: what dap.create_clean_model and dap.create_model were given; tier 1 is refreshed by '
  'refresh_intermediate, 2 by refresh_analytics';

CREATE TABLE dap_internal.model_state (
  model_id integer PRIMARY KEY,
  definition_hash text NOT NULL,
  inputs jsonb NOT NULL,
  version bigint NOT NULL,
  rows bigint NOT NULL,
  rejected bigint NOT NULL DEFAULT 0,
  run_id bigint,
  refreshed_at timestamptz NOT NULL
);
COMMENT ON TABLE dap_internal.model_state
  IS 'What each model was last built from: the versions of its inputs, and its own version, which grows when its rows '
  'change';

CREATE SEQUENCE dap_internal.file_id_seq AS integer;
CREATE SEQUENCE dap_internal.change_id_seq;
CREATE TABLE dap_internal.file_ledger (
  file_id integer PRIMARY KEY DEFAULT pg_catalog.nextval('dap_internal.file_id_seq'),
  source_id integer NOT NULL,
  source text NOT NULL,
  path text NOT NULL,
  status text NOT NULL CHECK (status IN ('loaded', 'failed', 'unloaded', 'dismissed', 'archived')),
  reason text,
  content_hash bytea CHECK (octet_length(content_hash) = 16),
  modified_at timestamptz,
  bytes bigint,
  rows_read bigint,
  rows_loaded bigint,
  rows_rejected bigint,
  options jsonb NOT NULL DEFAULT '{}',
  ignored_columns text[],
  definition_hash text NOT NULL,
  reading jsonb,  -- of a file with rejects: its header's bytes (hex), delimiter, quote, escape, encoding and "lenient"
  -- of the source's table, that held the file's rows when they were written; NULL: unknown. See dap.file_rows()
  blocks int8multirange,
  change_id bigint NOT NULL DEFAULT pg_catalog.nextval('dap_internal.change_id_seq'),
  loaded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  loaded_by text NOT NULL,
  run_id bigint
);
CREATE INDEX file_ledger_content_idx ON dap_internal.file_ledger (source_id, bytes, content_hash);
CREATE INDEX file_ledger_path_idx ON dap_internal.file_ledger (source_id, path);
COMMENT ON TABLE dap_internal.file_ledger IS 'One line per content loaded, failed, unloaded, dismissed or archived';

CREATE TABLE dap_internal.file_identity (
  source_id integer NOT NULL,
  path text NOT NULL,
  device bigint NOT NULL,
  inode bigint NOT NULL,
  size bigint NOT NULL,
  mtime_ns bigint NOT NULL,
  ctime_ns bigint NOT NULL,
  read_ns bigint NOT NULL,
  content_hash bytea NOT NULL CHECK (octet_length(content_hash) = 16),
  bytes bigint NOT NULL,
  PRIMARY KEY (source_id, path)
);
CREATE INDEX file_identity_size_idx ON dap_internal.file_identity (source_id, size);
COMMENT ON TABLE dap_internal.file_identity
  IS 'What bytes a path held when it was last read, so that an unchanged file is recognised without reading it';

CREATE TABLE dap_internal.skip_ledger (
  file_id integer NOT NULL,
  path text NOT NULL,
  skipped_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  skipped_by text NOT NULL,
  run_id bigint,
  PRIMARY KEY (file_id, path)
);
COMMENT ON TABLE dap_internal.skip_ledger
  IS 'The other names under which the bytes of a file were found, and were left out';

CREATE SEQUENCE dap_internal.reject_id_seq;
CREATE TABLE dap_internal.reject_ledger (
  reject_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('dap_internal.reject_id_seq'),
  file_id integer NOT NULL,
  source_id integer NOT NULL,
  line bigint,
  byte_offset bigint,
  stage text NOT NULL CHECK (stage IN ('ingest', 'clean')),
  model_id integer,
  column_name text,
  reason text NOT NULL,
  message text NOT NULL,
  raw bytea,
  raw_length bigint,
  run_id bigint,
  -- of a clean step that failed, in a file that is loaded: to be looked at until the model is built again, counted
  -- nowhere
  attempt boolean NOT NULL DEFAULT false
);
CREATE INDEX reject_ledger_file_idx ON dap_internal.reject_ledger (file_id, line);
CREATE INDEX reject_ledger_model_idx ON dap_internal.reject_ledger (model_id, file_id, line);
CREATE INDEX reject_ledger_attempt_idx ON dap_internal.reject_ledger (source_id) WHERE attempt;
COMMENT ON TABLE dap_internal.reject_ledger IS 'Every record or value that was not taken, with its place and reason';

CREATE SEQUENCE dap_internal.run_id_seq;
CREATE TABLE dap_internal.run_ledger (
  run_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('dap_internal.run_id_seq'),
  command text NOT NULL,
  status text NOT NULL CHECK (status IN ('running', 'returned', 'succeeded', 'failed', 'crashed', 'aborted')),
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  failed_step text,
  sqlstate text,
  message text,
  detail text,
  hint text,
  run_by text NOT NULL,
  pid integer,
  xid xid8,
  system_identifier bigint,
  database_oid oid
);
-- Runs that may still be going on; looked through at the start of each run.
CREATE INDEX run_ledger_open_idx ON dap_internal.run_ledger (run_id) WHERE status IN ('running', 'returned');
COMMENT ON TABLE dap_internal.run_ledger
  IS 'One line per refresh; running and returned lines are judged by their transaction (see dap.runs)';

CREATE TABLE dap_internal.step_ledger (
  run_id bigint NOT NULL,
  step integer NOT NULL,
  object text NOT NULL,
  action text NOT NULL CHECK (action IN ('loaded', 'skipped', 'failed', 'built', 'merged', 'unchanged')),
  rows_in bigint,
  rows_inserted bigint,
  rows_updated bigint,
  rows_deleted bigint,
  rows_rejected bigint,
  elapsed interval,
  message text,
  PRIMARY KEY (run_id, step)
);
COMMENT ON TABLE dap_internal.step_ledger IS 'The steps of each refresh';

-- A dump takes rows and sequence positions. One command for each: all of them change the extension's one catalog row.
DO $$
DECLARE
  relation regclass;
BEGIN
  FOREACH relation IN ARRAY ARRAY['dap_internal.source_id_seq', 'dap_internal.source_definition',
    'dap_internal.model_id_seq', 'dap_internal.model_definition', 'dap_internal.model_state',
    'dap_internal.file_id_seq', 'dap_internal.change_id_seq', 'dap_internal.file_ledger', 'dap_internal.file_identity',
    'dap_internal.skip_ledger', 'dap_internal.reject_id_seq', 'dap_internal.reject_ledger',
    'dap_internal.run_id_seq', 'dap_internal.run_ledger', 'dap_internal.step_ledger']::regclass[]
  LOOP
    PERFORM pg_catalog.pg_extension_config_dump(relation, '');
  END LOOP;
END
$$;
