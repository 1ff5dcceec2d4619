-- Every object of the extension explains itself; functions say how they may be called.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dap_analytics;
RESET client_min_messages;

-- Members without a comment. Sequences and indexes are their tables'; so are the types of tables and arrays.
SELECT pg_describe_object(d.classid, d.objid, 0) AS without_comment
FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
  AND d.deptype = 'e'
LEFT JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
LEFT JOIN pg_type t ON t.oid = d.objid AND d.classid = 'pg_type'::regclass
WHERE e.extname = 'dap_analytics' AND coalesce(c.relkind, 'r') NOT IN ('S', 'i')
  AND NOT (t.oid IS NOT NULL
    AND (t.typelem <> 0 OR EXISTS (SELECT FROM pg_class r WHERE r.oid = t.typrelid AND r.relkind <> 'c')))
  AND d.classid NOT IN ('pg_cast'::regclass, 'pg_rewrite'::regclass, 'pg_amop'::regclass, 'pg_amproc'::regclass)
  AND coalesce(obj_description(d.objid, d.classid::regclass::name), '') = ''
ORDER BY 1;
-- Columns of the views and result types that people see
SELECT format('%I.%I', c.relname, a.attname) AS without_comment
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'dap'::regnamespace
  AND (c.relkind = 'v' OR c.relkind = 'c' AND c.relname = 'setup_result') AND col_description(c.oid, a.attnum) IS NULL
ORDER BY 1;
-- Comments that say nothing
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace)
  AND length(obj_description(p.oid, 'pg_proc')) < 20 ORDER BY 1;

-- The built-in pipeline's tables and columns
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
SELECT count(*) > 0 AS made FROM dap.setup();
SELECT c.oid::regclass, a.attname AS without_comment
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname <> 'staging'
  AND col_description(c.oid, a.attnum) IS NULL
WHERE n.nspname IN ('staging', 'intermediate', 'analytics') AND c.relkind = 'r'
  AND (a.attname IS NOT NULL OR obj_description(c.oid, 'pg_class') IS NULL)
ORDER BY 1, 2;
SELECT nspname FROM pg_namespace n WHERE nspname IN ('dap', 'dap_internal', 'staging', 'intermediate', 'analytics')
  AND obj_description(n.oid, 'pg_namespace') IS NULL;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;

-- Each function pins its search_path, is invoked with its caller's rights, and says how it may be called
SELECT p.oid::regprocedure AS loose FROM pg_proc p
WHERE p.pronamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace) AND p.prokind = 'f'
  AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)
  AND NOT (p.provolatile = 'i' AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'c'))
ORDER BY 1;
SELECT p.oid::regprocedure AS definer FROM pg_proc p
WHERE p.pronamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace) AND p.prosecdef;
-- Only pure functions are everybody's
SELECT p.oid::regprocedure AS executable FROM pg_proc p
WHERE p.pronamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace) AND p.prokind = 'f'
  AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)
ORDER BY 1;
SELECT c.oid::regclass AS readable FROM pg_class c
WHERE c.relnamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace)
  AND EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner);
-- Tables and sequences are part of a dump, whole
SELECT c.relname AS not_dumped FROM pg_class c CROSS JOIN pg_extension e
WHERE e.extname = 'dap_analytics' AND c.relnamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace)
  AND c.relkind IN ('r', 'S') AND c.oid <> ALL (e.extconfig) ORDER BY 1;
-- Types that pg_upgrade cannot carry
SELECT a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace) AND c.relkind = 'r' AND a.attnum > 0
  AND format_type(a.atttypid, NULL) ~ '^reg(proc|procedure|oper|operator|config|dictionary|namespace|collation)'
ORDER BY 1, 2;

-- Tab, \df dap.* and \dv dap.* show what is for people: nothing that is behind it
SELECT p.oid::regprocedure AS not_for_people FROM pg_proc p
WHERE p.pronamespace = 'dap'::regnamespace
  AND (p.proname ~ '^_' OR 'internal'::regtype = ANY (p.proargtypes::oid[] || p.prorettype)
  OR p.prorettype = 'trigger'::regtype
  OR obj_description(p.oid, 'pg_proc') ~ '^Internal') ORDER BY 1;
SELECT c.oid::regclass AS not_for_people FROM pg_class c WHERE c.relnamespace = 'dap'::regnamespace
  AND c.relkind NOT IN ('v', 'c') ORDER BY 1;
SELECT has_schema_privilege('public', 'dap', 'USAGE') AS dap,
  has_schema_privilege('public', 'dap_internal', 'USAGE') AS dap_internal;
