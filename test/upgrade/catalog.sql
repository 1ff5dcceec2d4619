-- What the extension has in a database, object by object, a line each, the same for each way that led there.
\pset format unaligned
\pset tuples_only on
SET search_path = pg_catalog;

WITH member AS (
  SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
  WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'dap_analytics'),
table_part AS (
  SELECT c.oid, c.relkind FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid)
SELECT l.line FROM (
SELECT concat_ws(' | ', 'owner', pg_describe_object(m.classid, m.objid, 0),
  coalesce(c.relowner, p.proowner, n.nspowner, t.typowner, o.oprowner)
  = (SELECT e.extowner FROM pg_extension e WHERE e.extname = 'dap_analytics')) AS line
FROM member m LEFT JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
LEFT JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
LEFT JOIN pg_namespace n ON m.classid = 'pg_namespace'::regclass AND n.oid = m.objid
LEFT JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
LEFT JOIN pg_operator o ON m.classid = 'pg_operator'::regclass AND o.oid = m.objid
UNION ALL
SELECT concat_ws(' | ', 'member', pg_describe_object(m.classid, m.objid, 0),
  obj_description(m.objid, m.classid::regclass::name),
  -- what a dump does not hold
  (SELECT 'initially for ' || string_agg(DISTINCT a.grantee::regrole::text, ', ')
   FROM pg_init_privs i CROSS JOIN LATERAL aclexplode(i.initprivs) a
   WHERE i.classoid = m.classid AND i.objoid = m.objid AND a.grantee <> 0 AND a.grantee <> a.grantor)) AS line
FROM member m
UNION ALL
SELECT concat_ws(' | ', 'function', p.oid::regprocedure, pg_get_function_arguments(p.oid),
  pg_get_function_result(p.oid), l.lanname, p.prokind, p.provolatile, p.proparallel,
  p.proisstrict, p.prosecdef, p.proleakproof, p.procost, p.prorows, p.proconfig, p.probin, p.prosrc, a.aggtransfn,
  a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
  a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn, a.aggfinalextra, a.aggmfinalextra, a.aggfinalmodify,
  a.aggmfinalmodify, a.aggtranstype::regtype, a.aggtransspace,
  a.aggmtranstype::regtype, a.aggmtransspace, a.agginitval,
  'everybody ' || EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
    WHERE x.grantee = 0))
FROM member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
JOIN pg_language l ON l.oid = p.prolang LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
UNION ALL
SELECT concat_ws(' | ', 'relation', c.oid::regclass, c.relkind, c.relpersistence, c.reloptions,
  CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END,
  (SELECT format('%s %s %s %s', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax) FROM pg_sequence s
    WHERE s.seqrelid = c.oid),
  'dumped ' || (c.oid = ANY (e.extconfig)), obj_description(c.oid, 'pg_class'),
  'everybody ' || EXISTS (SELECT FROM aclexplode(c.relacl) x WHERE x.grantee = 0))
FROM table_part t JOIN pg_class c ON c.oid = t.oid CROSS JOIN pg_extension e WHERE e.extname = 'dap_analytics'
UNION ALL
SELECT concat_ws(' | ', 'column', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
  a.attcollation::regcollation, pg_get_expr(d.adbin, d.adrelid),
  -- a column that was added is the table's last
  CASE WHEN c.relkind <> 'r' THEN a.attnum END, col_description(c.oid, a.attnum))
FROM (SELECT oid, relkind FROM table_part
  -- row types of tables are members, too, in later versions of PostgreSQL
  UNION SELECT r.oid, r.relkind FROM member m
  JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid JOIN pg_class r ON r.oid = t.typrelid) c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'v', 'c')
UNION ALL
SELECT concat_ws(' | ', 'constraint', n.conrelid::regclass, n.conname, pg_get_constraintdef(n.oid)) FROM table_part t
JOIN pg_constraint n ON n.conrelid = t.oid
UNION ALL
SELECT concat_ws(' | ', 'index', pg_get_indexdef(i.indexrelid)) FROM table_part t JOIN pg_index i ON i.indrelid = t.oid
UNION ALL
SELECT concat_ws(' | ', 'type', t.oid::regtype, t.typtype, t.typlen, t.typbyval, t.typcategory, t.typinput, t.typoutput,
  t.typreceive, t.typsend, t.typalign, t.typstorage)
FROM member m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
UNION ALL
SELECT concat_ws(' | ', 'operator', o.oid::regoperator, o.oprcode, o.oprresult::regtype, o.oprcom::regoperator,
  o.oprnegate::regoperator, o.oprcanhash, o.oprcanmerge, o.oprrest, o.oprjoin)
FROM member m JOIN pg_operator o ON m.classid = 'pg_operator'::regclass AND o.oid = m.objid
UNION ALL
SELECT concat_ws(' | ', 'schema', n.nspname,
  'everybody ' || EXISTS (SELECT FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) x
  WHERE x.grantee = 0))
FROM member m JOIN pg_namespace n ON m.classid = 'pg_namespace'::regclass AND n.oid = m.objid
) AS l ORDER BY l.line COLLATE "C";
