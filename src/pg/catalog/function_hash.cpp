#include "pg/catalog/function_hash.h"

namespace dap {
namespace {

// What an aggregate, or a body that was parsed when the function was made, calls is in pg_depend. An operator that
// sorts or hashes stands for its family's support functions. A body kept as text, of whatever language, is searched for
// names: each function of that name counts, every operator of that name, and all casts, since these have none. More
// than it calls, but nothing less, unless it puts a name together and executes it.
constexpr const char* hash_query = R"(
  WITH RECURSIVE odd AS MATERIALIZED (
    SELECT p.oid, p.proname FROM pg_proc AS p WHERE p.oid >= 16384 AND p.proname !~ '^[[:alnum:]_$]+$'
  ), called (oid) AS (
    SELECT f.oid FROM unnest($1) AS f (oid)
    UNION
    SELECT c.oid FROM called JOIN pg_proc AS p ON p.oid = called.oid JOIN pg_language AS l ON l.oid = p.prolang
    CROSS JOIN LATERAL (SELECT p.prosqlbody IS NULL AND (l.lanispl OR l.lanname = 'sql') AS is_text) AS body
    CROSS JOIN LATERAL (
      SELECT d.refobjid FROM pg_depend AS d
      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_proc'::regclass
      UNION ALL
      SELECT o.oprcode FROM pg_depend AS d JOIN pg_operator AS o ON o.oid = d.refobjid
      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_operator'::regclass
      UNION ALL
      SELECT s.amproc FROM pg_operator AS o JOIN pg_amop AS m ON m.amopopr = o.oid
      JOIN pg_amproc AS s ON s.amprocfamily = m.amopfamily WHERE o.oprcode = p.oid
      UNION ALL
      SELECT o.oid FROM regexp_split_to_table(p.prosrc || ' ' || lower(p.prosrc), '[^[:alnum:]_$]+') AS w (word)
      JOIN pg_proc AS o ON o.proname = w.word::name
      WHERE body.is_text AND o.oid >= 16384
      UNION ALL
      SELECT o.oid FROM odd AS o WHERE body.is_text AND strpos(p.prosrc, o.proname) > 0
      UNION ALL
      SELECT o.oprcode FROM pg_operator AS o WHERE body.is_text AND o.oid >= 16384 AND strpos(p.prosrc, o.oprname) > 0
      UNION ALL
      SELECT c.castfunc FROM pg_cast AS c WHERE body.is_text AND c.oid >= 16384 AND c.castfunc <> 0
    ) AS c (oid) JOIN pg_proc AS f ON f.oid = c.oid
    JOIN pg_namespace AS n ON n.oid = f.pronamespace AND n.nspname !~ '^pg_temp_'
  )
  SELECT md5(string_agg(CASE WHEN a.aggfnoid IS NULL THEN pg_get_functiondef(p.oid)
      ELSE concat_ws(' ', p.oid::regprocedure, a.aggtransfn, a.aggfinalfn, a.aggmtransfn, a.aggminvtransfn,
        a.aggmfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
        a.aggtranstype::regtype, quote_nullable(a.agginitval), quote_nullable(a.aggminitval)) END,
        E'\n' ORDER BY p.oid::regprocedure::text COLLATE "C"))
  FROM called JOIN pg_proc AS p ON p.oid = called.oid LEFT JOIN pg_aggregate AS a ON a.aggfnoid = p.oid)";

}  // namespace

char* function_hash(Parameter functions) { return query_text(hash_query, &functions, 1); }

}  // namespace dap
