-- The table of options that the parser, SQL and the README share
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE SCHEMA staging;
RESET client_min_messages;

SELECT name, scopes, type, words, default_value, minimum, maximum, decides_reading FROM dap_internal.options();

-- README.md's table says the same. What only `page` has is not true, what only `options` has is to be put there.
\getenv abs_srcdir PG_ABS_SRCDIR
\set readme :abs_srcdir '/../README.md'
WITH page AS (
  SELECT line FROM regexp_split_to_table(
    substring(pg_read_file(:'readme') FROM E'\n## Options of a source\n.*?\n## '), E'\n') AS line
  WHERE line LIKE '| `%'
), options AS (
  SELECT format('| `%s` | %s | `%s` | %s | %s |', o.name,
    CASE
      WHEN o.words IS NOT NULL THEN '`' || array_to_string(o.words, '`, `') || '`'
      WHEN o.type = 'character' AND o.minimum = 0 THEN 'character or none'
      WHEN o.type = 'character' THEN o.type
      WHEN o.type IN ('names', 'aliases') THEN format('at most %s %s', o.maximum, o.type)
      ELSE concat_ws(' ', o.type, 'from ' || o.minimum, 'to ' || o.maximum,
        CASE WHEN o.type = 'interval' THEN 'days' END)
    END, o.default_value, array_to_string(o.scopes, ', '), o.description) AS line
  FROM dap_internal.options() AS o
)
SELECT p.line AS page, o.line AS options FROM page p FULL JOIN options o ON o.line = p.line
WHERE p.line IS NULL OR o.line IS NULL;

-- Every default can be given where the option may be
SELECT dap.create_source('defaults', columns => '{a}', options => jsonb_object_agg(o.name, o.default_value))
FROM dap_internal.options() AS o WHERE o.scopes && '{source,create}';
SELECT status FROM dap.ingest_bytes('defaults', 'f', convert_to(E'a\n1\n', 'UTF8'),
  (SELECT jsonb_object_agg(o.name, o.default_value) FROM dap_internal.options() AS o WHERE 'call' = ANY (o.scopes)));
-- What a source keeps is what is as if it had not been given
SELECT s.options ? 'adopt' AS keeps_adopt,
  dap_internal.effective_options(s.options) = dap_internal.effective_options('{}') AS as_without
FROM dap_internal.sources s WHERE s.source = 'defaults';

-- A source's hash: as it was written by every version, and not moved by what does not decide how a file is read
SELECT dap_internal.source_hash('{a,b}', '{"delimiter": ";"}') = md5('["a", "b"]' || '{"delimiter": ";", "quote": "\"",
    "escape": "\"", "header": true, "null": "", "encoding": "UTF8", "compression": "auto", "lenient": false,
    "on_error": "reject", "max_rejects": null, "max_reject_percent": 1, "on_new_column": "add", "aliases": {},
    "optional": []}'::jsonb::text) AS as_ever;
SELECT o.key,
  dap_internal.source_hash('{a}', jsonb_build_object(o.key, o.value)) = dap_internal.source_hash('{a}', '{}') AS same
FROM jsonb_each('{"quote": "''", "settle": 60, "on_failed_file": "set_aside", "arrival": "name"}') AS o ORDER BY 1;

SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging CASCADE;
CREATE EXTENSION dap_analytics;
