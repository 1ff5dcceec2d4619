-- Every table of a model has a key: unique and without NULL, in the rows and not only in the index.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off
BEGIN ISOLATION LEVEL REPEATABLE READ;
-- An index that lies would answer for itself.
SET LOCAL enable_indexscan = off;
SET LOCAL enable_indexonlyscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT * FROM no_plan();

CREATE TEMPORARY TABLE model ON COMMIT DROP AS
SELECT o.object, i.indrelid, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS key,
  string_agg(quote_ident(a.attname) || ' IS NULL', ' OR ') AS any_null
FROM dap.status AS o
LEFT JOIN pg_index AS i ON i.indrelid = to_regclass(o.object) AND i.indisprimary AND i.indisvalid
LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE o.layer <> 'staging'
GROUP BY o.object, i.indrelid;

SELECT skip('there are no models', 1) WHERE NOT EXISTS (SELECT FROM model);
SELECT ok(indrelid IS NOT NULL, format('%s has a primary key', object)) FROM model ORDER BY object;
SELECT is_empty(format('SELECT %s, count(*) FROM %s GROUP BY %1$s HAVING count(*) > 1', key, object),
  format('%s: %s is unique', object, key))
FROM model WHERE indrelid IS NOT NULL ORDER BY object;
SELECT is_empty(format('SELECT * FROM %s WHERE %s', object, any_null), format('%s: %s is never NULL', object, key))
FROM model WHERE indrelid IS NOT NULL ORDER BY object;

SELECT * FROM finish();
ROLLBACK;
