-- The door behind the definition functions: whoever may call it stores nothing that they would refuse, and nothing that
-- is stored can hurt the server.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
RESET client_min_messages;
CREATE SCHEMA staging;
CREATE SCHEMA intermediate;
CREATE SCHEMA analytics;
SELECT dap.create_source('s', columns => '{id,v}');
SELECT dap.create_clean_model('m', 's', '[{"name": "id", "type": "bigint"}, {"name": "v", "type": "numeric"}]', '{id}');
SELECT dap.create_model('t', 'SELECT 1 AS k, sum(v) AS total FROM intermediate.m', '{k}');
SELECT status, rows_loaded FROM dap.ingest_bytes('s', 'a.csv', E'id,v\n1,1.25\n2,2.50\n');
SELECT object, action FROM dap.refresh_all(ingest => false);
CREATE TABLE saved AS SELECT * FROM dap_internal.model_definition;

-- The entries of the definitions above
CREATE FUNCTION pg_temp.entry(target regclass) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('tier', tier, 'kind', kind, 'source_id', source_id, 'columns', columns, 'key', key,
    'latest_by', latest_by, 'query', query,
    'upstream', upstream::oid[]::bigint[], 'always', always, 'definition_hash', definition_hash)
  FROM saved WHERE relation = target $$;
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  EXECUTE statement;
  RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN format('%s %s', SQLSTATE, concat_ws(' / ', SQLERRM, nullif(detail, '')));
END $$;
CREATE FUNCTION pg_temp.write(kind text, target regclass, payload jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT pg_temp.attempt(format('SELECT dap_internal.write(%L, %L, %L)', kind, target, payload)) $$;

-- Models
SELECT pg_temp.write('model', 'analytics.t', pg_temp.entry('analytics.t')) AS query,
  pg_temp.write('model', 'intermediate.m', pg_temp.entry('intermediate.m')) AS clean;
SELECT change,
  pg_temp.write('model', 'analytics.t',
  CASE WHEN jsonb_typeof(change) = 'object' THEN pg_temp.entry('analytics.t') || change ELSE change END)
FROM (VALUES (1, '[]'::jsonb), (2, '7'), (3, '"text"'), (4, 'null'), (5, '{"more": 1}'),
  (10, '{"columns": null}'), (11, '{"columns": {"name": "k"}}'), (12, '{"columns": "name"}'), (13, '{"columns": []}'),
  (14, '{"columns": [["\u00e9\u008f\u0129\u008f", "abcd", "xxxxxxxxname"]]}'),
  (15, '{"columns": ["name"]}'), (16, '{"columns": [null]}'), (17, '{"columns": [7]}'), (18, '{"columns": [{}]}'),
  (19, '{"columns": [{"name": ["k"]}]}'), (20, '{"columns": [{"name": ""}]}'),
  (21, '{"columns": [{"name": "k", "type": "integer"}, {"name": "k"}]}'),
  (22, '{"columns": [{"name": "k", "source": "x"}]}'), (23, '{"columns": [{"name": "k", "not_null": "yes"}]}'),
  (24, '{"columns": [{"name": "k"}]}'), (25, '{"columns": [{"name": "total"}, {"name": "k"}]}'),
  (30, '{"key": []}'), (31, '{"key": [null]}'), (32, '{"key": "k"}'), (33, '{"key": [["k"]]}'),
  (34, '{"key": ["other"]}'), (35, '{"key": ["k", "k"]}'),
  (40, '{"query": null}'), (41, '{"query": 7}'), (42, '{"query": "SELECT"}'),
  (43, '{"query": "DELETE FROM intermediate.m"}'), (44, '{"query": "SELECT 1 AS k, 2 AS other"}'),
  (50, '{"upstream": []}'), (51, '{"upstream": [1]}'), (52, '{"upstream": [null]}'), (53, '{"upstream": [-1]}'),
  (54, '{"upstream": [99999999999999999999]}'), (55, '{"upstream": 7}'),
  (60, '{"tier": 1}'), (61, '{"tier": 3}'), (62, '{"tier": "two"}'), (63, '{"kind": "clean"}'),
  (64, '{"kind": "other"}'), (65, '{"always": null}'), (66, '{"definition_hash": null}'),
  (72, '{"definition_hash": ""}'),
  (67, '{"latest_by": ["k"]}'), (68, '{"source_id": 1}'), (69, '{"settings": ["TimeZone"]}'),
  (70, '{"settings": {"work_mem": "1GB"}}'), (71, '{"settings": {"TimeZone": {}}}')) AS c(n, change) ORDER BY n;
SELECT change, pg_temp.write('model', 'intermediate.m', pg_temp.entry('intermediate.m') || change)
FROM (VALUES (1, '{"columns": [["name", "id"]]}'::jsonb),
  (2, '{"columns": [{"name": "id", "type": "bigint"}, ["name"]]}'), (3, '{"columns": [{"name": "id", "type": "box"}]}'),
  (4, '{"columns": [{"name": "id", "map": ["a"]}]}'), (5, '{"columns": [{"name": "id", "map": {"a": {}}}]}'),
  (6, '{"columns": [{"name": "id", "format": [[]]}]}'),
  (7, '{"columns": [{"name": "id", "type": "bigint", "source": ""}]}'),
  (8, '{"columns": [{"name": "id", "not_null": true}]}'), (9, '{"latest_by": ["other"]}'), (10, '{"latest_by": []}'),
  (11, '{"upstream": []}'), (12, '{"source_id": 999}'), (13, '{"source_id": null}'),
  (14, '{"query": "SELECT 1 AS id"}'), (15, '{"tier": 2}'), (16, '{"settings": {}}'),
  (17, jsonb_build_object('columns', (SELECT jsonb_agg(jsonb_build_object('name', 'c' || i, 'type', 'text'))
    FROM generate_series(1, 1601) AS i)))) AS c(n, change) WHERE n < 17 ORDER BY n;
SELECT pg_temp.write('model', 'intermediate.m', pg_temp.entry('intermediate.m')
  || jsonb_build_object('columns', (SELECT jsonb_agg(jsonb_build_object('name', 'c' || i, 'type', 'text'))
    FROM generate_series(1, 1601) AS i)));
SELECT dap.create_model('u', 'SELECT k FROM analytics.t', '{k}');
SELECT pg_temp.write('model', 'analytics.t', pg_temp.entry('analytics.t')
  || jsonb_build_object('query', 'SELECT 1 AS k, 2 AS total FROM analytics.u', 'upstream',
  ARRAY['analytics.u'::regclass::oid::bigint]));

-- Sources, their records, files
SELECT payload, pg_temp.write('source', 'staging.s', payload)
FROM (VALUES (1, '[]'::jsonb), (2, '{}'), (3, '{"source": "s", "columns": ["id", "v"]}'),
  (4, '{"source": "s", "columns": [], "options": {}}'), (5, '{"source": "s", "columns": [["id"]], "options": {}}'),
  (6, '{"source": "s", "columns": "id", "options": {}}'),
  (7, '{"source": "s", "columns": ["id", "_line"], "options": {}}'),
  (8, '{"source": "s", "columns": ["id"], "options": []}'),
  (9, '{"source": "s", "columns": ["id"], "options": {"delimiter": 7}}'),
  (10, '{"source": "s", "columns": ["id"], "options": {"again": true}}'),
  (11, '{"source": "", "columns": ["id"], "options": {}}'),
  (12, '{"source": "other", "columns": ["id"], "options": {}}'),
  (13, '{"source": "s", "path": "", "columns": ["id"], "options": {}}')) AS c(n, payload) ORDER BY n;
SELECT payload, pg_temp.write('adopt', 'staging.s', payload)
FROM (VALUES (1, '{}'::jsonb), (2, '{"files": [{"file_id": 1, "records": 1000}]}')) AS c(n, payload) ORDER BY n;
SELECT payload, pg_temp.write('dismiss', 'staging.s', payload)
FROM (VALUES (1, '{"path": "a", "reason": " "}'::jsonb), (2, '{"path": "", "reason": "r"}'),
  (3, '{"path": "a", "reason": "r", "content_hash": "00"}'),
  (4, '{"path": "a", "reason": "r", "content_hash": "zz000000000000000000000000000000", "bytes": 1}'),
  (5, '{"path": "a", "reason": "r", "content_hash": "00000000000000000000000000000000"}'),
  (6, '{"path": "a", "reason": "r", "content_hash": "00000000000000000000000000000000", "bytes": -1}'),
  (7, '{"path": "a", "reason": "r", "bytes": {}}'), (8, '["path"]')) AS c(n, payload) ORDER BY n;
SELECT pg_temp.write('drop_source', 'staging.s', '{}') AS source,
  pg_temp.write('drop_model', 'intermediate.m', '{}') AS model, pg_temp.write('guard', 'staging.s', '[]') AS guard;
SELECT pg_temp.attempt($$SELECT dap_internal.grant(current_user::regrole, 'owner')$$) AS level,
  pg_temp.attempt($$SELECT dap_internal.grant(4294967294::oid::regrole, 'admin')$$) AS role;
SELECT count(*) AS changed FROM (SELECT to_jsonb(d) - 'created_at' FROM dap_internal.model_definition d
  JOIN saved USING (model_id) EXCEPT SELECT to_jsonb(s) - 'created_at' FROM saved s) AS c;
SELECT object, action FROM dap.refresh_all(ingest => false);

-- The tables refuse it, too; and where nothing refused it, the refresh says what is wrong
SELECT change,
  left(pg_temp.attempt(format('UPDATE dap_internal.model_definition SET %s WHERE relation = %L::regclass', change,
  'analytics.t')), 5) AS sqlstate
FROM (VALUES (1, $$columns = '[["x", "y", "name"]]'$$), (2, $$columns = '[null]'$$), (3, $$columns = '[{"name": 7}]'$$),
  (4, $$columns = '[]'$$), (5, $$columns = '"name"'$$),
  (6, $$columns = '[{"name": "k"}, {}]'$$), (7, $$key = '{other}'$$), (8, $$latest_by = '{other}'$$),
  (9, $$kind = 'clean', query = NULL, source_id = 1, tier = 1, upstream = '{}'$$)) AS c(n, change) ORDER BY n;
DO $$
DECLARE
  constraint_name name;
BEGIN
  FOR constraint_name IN SELECT conname FROM pg_constraint WHERE conrelid = 'dap_internal.model_definition'::regclass
      AND contype = 'c' LOOP
    EXECUTE format('ALTER TABLE dap_internal.model_definition DROP CONSTRAINT %I', constraint_name);
  END LOOP;
END $$;
CREATE FUNCTION pg_temp.damage(target regclass, change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  EXECUTE format('UPDATE dap_internal.model_definition SET %s WHERE relation = %L::regclass', change, target);
  answer := pg_temp.attempt($q$SELECT * FROM dap.refresh_all('full', false)$q$);
  UPDATE dap_internal.model_definition d SET (columns, key, latest_by, upstream, source_id, query,
    settings) = (s.columns, s.key, s.latest_by, s.upstream, s.source_id, s.query, s.settings) FROM saved s
    WHERE s.model_id = d.model_id;
  RETURN answer;
END $$;
SET client_min_messages = error;
SELECT target, change, pg_temp.damage(target, change)
FROM (VALUES (1, 'analytics.t'::regclass, $$columns = '[["\u00e9\u008f\u0129\u008f", "abcd", "xxxxxxxxname"]]'$$),
  (2, 'analytics.t', $$columns = '"name"'$$), (3, 'analytics.t', $$columns = '[7]'$$),
  (4, 'analytics.t', $$columns = '{"name": "k"}'$$), (5, 'analytics.t', $$key = '{other}'$$),
  (6, 'intermediate.m', $$columns = '[["\u00e9\u008f\u0129\u008f", "abcd", "xxxxxxxxname"]]'$$),
  (7, 'intermediate.m', $$columns = '[{"name": "id", "map": [["a"]]}]'$$),
  (8, 'intermediate.m', $$latest_by = '{other}'$$), (9, 'intermediate.m', $$source_id = 999$$),
  (10, 'intermediate.m', $$key = '{other}'$$), (11, 'intermediate.m', $$key = '{NULL}'$$),
  (12, 'analytics.t', $$key = '{}'$$), (13, 'intermediate.m', $$upstream = '{}'$$),
  (14, 'analytics.t', $$query = NULL$$), (15, 'intermediate.m', $$columns = '[{"name": "id"}]'$$),
  (16, 'intermediate.m', $$columns = '[{"name": "id", "type": "text"}]'$$),
  (17, 'analytics.t', $$settings = '["TimeZone"]'$$),
  (18, 'analytics.t', $$settings = '{"work_mem": "1GB"}'$$), (19, 'intermediate.m', $$settings = '7'$$)) AS c(n, target,
  change) ORDER BY n;
RESET client_min_messages;
SELECT object, action FROM dap.refresh_all(ingest => false);

-- Statements as another role: no transaction is ended, nothing is copied to a client, no row is kept
SELECT statement, pg_temp.attempt(format('SELECT dap_internal.run_as(current_user::regrole, %L)', statement))
FROM (VALUES (1, 'COMMIT'), (2, 'ROLLBACK'), (3, 'BEGIN'), (4, 'SAVEPOINT here'), (5, 'ROLLBACK TO SAVEPOINT here'),
  (6, 'SELECT 1; COMMIT'), (7, 'COPY dap.files TO STDOUT'), (8, 'COPY staging.s FROM STDIN'),
  (9, 'PREPARE TRANSACTION ''x'''), (10, 'VACUUM staging.s'), (11, 'SELEC'), (12, '')) AS c(n, statement) ORDER BY n;
SELECT dap_internal.run_as(current_user::regrole, 'SELECT 1; SELECT i FROM generate_series(7, 9) AS i') AS last,
  dap_internal.run_as(current_user::regrole, 'SELECT 1; SELECT 2 WHERE false') AS none,
  dap_internal.run_as(current_user::regrole, 'SELECT') AS no_column,
  dap_internal.run_as(current_user::regrole, 'SHOW search_path') AS utility;
CREATE TABLE counted (i bigint);
SELECT dap_internal.run_as(current_user::regrole,
  'INSERT INTO public.counted SELECT i FROM generate_series(1, 5) AS i RETURNING i') AS first;
SELECT count(*) FROM counted;
DROP TABLE counted, saved;
