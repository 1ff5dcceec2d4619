-- From 0.1.0. What nobody calls moves to schema dap_internal, each object as it is: aggregates, operators, triggers,
-- defaults and views that hang on it stay.

-- Beside a load or a refresh it does not wait, holding some tables while it asks for others: it is refused.
DO $$
DECLARE
  held regclass;
BEGIN
  FOR held IN
    SELECT d.objid::regclass FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
    JOIN pg_catalog.pg_class c ON c.oid = d.objid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
      AND e.extname = 'dap_analytics' AND c.relkind = 'r'
  LOOP
    EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE NOWAIT', held);
  END LOOP;
EXCEPTION WHEN lock_not_available THEN
  RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = 'the extension is in use: it cannot be updated now',
    DETAIL = pg_catalog.format('Another transaction has read or written %s.', held),
    HINT = 'Update it while no load and no refresh runs.';
END $$;

-- What the tables will refuse from now on is told by its names.
DO $$
DECLARE
  refused text;
BEGIN
  SELECT pg_catalog.string_agg(d.name, ', ') INTO refused FROM (
    SELECT pg_catalog.format('source %s', s.source) AS name FROM dap.source_definition s
    WHERE NOT (cardinality(s.columns) > 0 AND array_ndims(s.columns) = 1)
    UNION ALL
    SELECT pg_catalog.format('model %s', m.relation) FROM dap.model_definition m
    WHERE NOT (jsonb_array_length(m.columns) > 0 AND jsonb_array_length(m.columns)
        = jsonb_array_length(jsonb_path_query_array(m.columns,
          'strict $[*] ? (@.type() == "object").name ? (@.type() == "string" && @ != "")', silent => true))
      AND (m.kind <> 'clean' OR (m.tier = 1 AND cardinality(m.upstream) = 1))
      AND to_jsonb(m.key) <@ jsonb_path_query_array(m.columns, '$[*].name')
      AND (m.latest_by IS NULL OR to_jsonb(m.latest_by) <@ jsonb_path_query_array(m.columns, '$[*].name')))) AS d;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'the catalog holds definitions that are damaged',
      DETAIL = pg_catalog.format('No function of dap wrote them: %s.', refused),
      HINT = 'Delete them from dap.source_definition and dap.model_definition, and define them again after the update.';
  END IF;
END $$;

-- Who holds all that a level gave in this version holds the level: after the update it gets what is new in it.
SELECT pg_catalog.set_config('dap_upgrade.levels', coalesce((
  SELECT pg_catalog.jsonb_object_agg(h.role::regrole::text, h.level)::text FROM (
    SELECT DISTINCT ON (a.grantee) a.grantee AS role, l.level
    FROM pg_catalog.pg_class status
    CROSS JOIN LATERAL pg_catalog.aclexplode(status.relacl) AS a
    CROSS JOIN (VALUES (1, 'admin', '{status,runs,run_steps,files,rejects,_sources,_models}'::text[]),
      (2, 'operator', '{status,runs,run_steps,files,rejects}'), (3, 'monitor', '{status,runs,run_steps,files}'))
      AS l (rank, level, views)
    WHERE status.oid = 'dap.status'::regclass AND a.grantee <> 0 AND a.grantee <> status.relowner
      AND NOT EXISTS (
        SELECT FROM pg_catalog.unnest(l.views) AS v (name)
        JOIN pg_catalog.pg_class c ON c.oid = ('dap.' || v.name)::regclass
        WHERE NOT EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) x
          WHERE x.grantee = a.grantee AND x.privilege_type = 'SELECT'))
      AND (l.level = 'monitor' OR NOT EXISTS (
        SELECT FROM pg_catalog.pg_proc p
        JOIN pg_catalog.pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
        WHERE e.extname = 'dap_analytics' AND CASE l.level
            WHEN 'operator' THEN p.proname = ANY ('{ingest_csv,ingest_bytes,ingest_largeobject,file_rows,read_csv,
              sniff_csv,sniff_columns,retry_rejects,export_rejects,refresh_intermediate,refresh_analytics,refresh_all,
              schedule,unschedule}')
            ELSE p.proname NOT LIKE '\_write\_%' AND p.proname NOT LIKE '\_record\_%' END
          AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(p.proacl) x WHERE x.grantee = a.grantee)))
    ORDER BY a.grantee, l.rank) AS h), '{}'), true);

CREATE SCHEMA dap_internal;
COMMENT ON SCHEMA dap_internal IS
  'dap_analytics: tables and functions behind those of schema dap, not to be called or written';

-- Those that have other arguments or other results now, or are gone
DROP FUNCTION dap.create_model(text, text, text[], boolean);
DROP FUNCTION dap._analyze_query(text, regrole);
DROP FUNCTION dap._decide_content(integer, text, bytea, bigint, text);
DROP FUNCTION dap._describe_lock_holder();
DROP FUNCTION dap._files_over_limit(integer, bigint);
DROP FUNCTION dap._is_same_model(text, text, boolean);

-- The extension's members, not what others put into its schema
DO $$
DECLARE
  moved record;
BEGIN
  FOR moved IN
    SELECT c.oid::regclass AS name,
      CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind,
      CASE WHEN c.relname LIKE '\_%' THEN pg_catalog.substr(c.relname, 2) END AS new_name, c.oid
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
    WHERE e.extname = 'dap_analytics' AND (c.relkind IN ('r', 'S') OR c.relname IN ('_sources', '_models'))
  LOOP
    EXECUTE pg_catalog.format('ALTER %s %s SET SCHEMA dap_internal', moved.kind, moved.name);
    IF moved.new_name IS NOT NULL THEN
      EXECUTE pg_catalog.format('ALTER %s %s RENAME TO %I', moved.kind, moved.oid::regclass, moved.new_name);
    END IF;
  END LOOP;
  FOR moved IN
    SELECT p.oid::regprocedure AS name, p.oid, pg_catalog.substr(p.proname, 2) AS new_name
    FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
    WHERE e.extname = 'dap_analytics' AND p.proname LIKE '\_%'
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

