-- From 0.1.0. What nobody calls moves to schema dap_internal, each object as it is: aggregates, operators, triggers,
-- defaults and views that hang on it stay.

CREATE SCHEMA dap_internal;
COMMENT ON SCHEMA dap_internal IS
  'dap_analytics: tables and functions behind those of schema dap, not to be called or written';

DROP VIEW dap._sources, dap._models;
-- Those that have other arguments or other results now, or are gone
DROP FUNCTION dap.create_model(text, text, text[], boolean);
DROP FUNCTION dap._analyze_query(text, regrole);
DROP FUNCTION dap._decide_content(integer, text, bytea, bigint, text);
DROP FUNCTION dap._describe_lock_holder();
DROP FUNCTION dap._files_over_limit(integer, bigint);
DROP FUNCTION dap._is_same_model(text, text, boolean);

DO $$
DECLARE
  moved record;
BEGIN
  FOR moved IN
    SELECT c.oid::regclass AS name, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
    FROM pg_catalog.pg_class c WHERE c.relnamespace = 'dap'::regnamespace AND c.relkind IN ('r', 'S')
  LOOP
    EXECUTE pg_catalog.format('ALTER %s %s SET SCHEMA dap_internal', moved.kind, moved.name);
  END LOOP;
  FOR moved IN
    SELECT p.oid::regprocedure AS name, p.oid, pg_catalog.substr(p.proname, 2) AS new_name
    FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'dap'::regnamespace AND p.proname LIKE '\_%'
  LOOP
    EXECUTE pg_catalog.format('ALTER FUNCTION %s SET SCHEMA dap_internal', moved.name);
    EXECUTE pg_catalog.format('ALTER FUNCTION %s RENAME TO %I', moved.oid::regprocedure, moved.new_name);
  END LOOP;
END $$;

ALTER TABLE dap_internal.source_definition DROP CONSTRAINT source_definition_columns_check;
ALTER TABLE dap_internal.source_definition ADD CONSTRAINT source_definition_columns_check
  CHECK (cardinality(columns) > 0 AND array_ndims(columns) = 1 AND array_position(columns, NULL) IS NULL);

ALTER TABLE dap_internal.model_definition ADD COLUMN model text,
  ADD COLUMN settings jsonb CHECK (jsonb_typeof(settings) = 'object');
UPDATE dap_internal.model_definition m
SET model = coalesce((SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = m.relation), m.relation::oid::text);
ALTER TABLE dap_internal.model_definition ALTER COLUMN model SET NOT NULL,
  DROP CONSTRAINT model_definition_columns_check,
  ADD CONSTRAINT model_definition_columns_check CHECK (
    jsonb_typeof(columns) = 'array' AND jsonb_array_length(columns) > 0 AND jsonb_array_length(columns)
      = jsonb_array_length(jsonb_path_query_array(columns,
        'strict $[*] ? (@.type() == "object").name ? (@.type() == "string" && @ != "")', silent => true))),
  ADD CONSTRAINT model_definition_check1 CHECK (kind <> 'clean' OR (tier = 1 AND cardinality(upstream) = 1)),
  ADD CONSTRAINT model_definition_check2 CHECK (to_jsonb(key) <@ jsonb_path_query_array(columns, '$[*].name')
    AND (latest_by IS NULL OR to_jsonb(latest_by) <@ jsonb_path_query_array(columns, '$[*].name')));

ALTER TABLE dap_internal.file_ledger
  ADD CONSTRAINT file_ledger_content_hash_check CHECK (octet_length(content_hash) = 16);
ALTER TABLE dap_internal.file_identity
  ADD CONSTRAINT file_identity_content_hash_check CHECK (octet_length(content_hash) = 16);

CREATE TABLE dap_internal.skip_ledger (
  file_id integer NOT NULL,
  path text NOT NULL,
  skipped_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  skipped_by text NOT NULL,
  run_id bigint,
  PRIMARY KEY (file_id, path)
);
COMMENT ON TABLE dap_internal.skip_ledger IS
  'The other names under which the bytes of a file were found, and were left out';
SELECT pg_catalog.pg_extension_config_dump('dap_internal.skip_ledger', '');

ALTER TABLE dap_internal.reject_ledger ADD COLUMN attempt boolean NOT NULL DEFAULT false;
CREATE INDEX reject_ledger_attempt_idx ON dap_internal.reject_ledger (source_id) WHERE attempt;

