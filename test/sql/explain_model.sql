-- What of a model runs in the engine, and the words for what does not.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics, explained CASCADE;
CREATE EXTENSION dap_analytics;
SELECT count(*) > 0 AS made FROM dap.setup();
RESET client_min_messages;

-- The built-in models, all of them
SELECT m.relation, e.part, e.reads, e.runs_in, e.does, e.forbids
FROM dap_internal.models AS m CROSS JOIN LATERAL dap.explain_model(m.relation::text) AS e
ORDER BY m.tier, m.relation::text, e.part;

-- A name as SQL would read it, of either layer
SELECT part, runs_in FROM dap.explain_model('Transactions_Clean');
SELECT part, runs_in FROM dap.explain_model('analytics."daily_top_users"') WHERE part = 1;
SELECT * FROM dap.explain_model('nothing');
SELECT * FROM dap.explain_model('a.b.c');
SELECT * FROM dap.explain_model('999999');

-- What a query may do that the engine does not
CREATE SCHEMA explained;
CREATE TABLE explained.t (k integer PRIMARY KEY, g integer, f float8, n numeric, s text, m numeric(12,2));
CREATE TABLE explained.parts (k integer, g integer) PARTITION BY RANGE (k);
CREATE VIEW explained.seen AS SELECT k, g, m FROM explained.t WHERE m > 0;
CREATE VIEW explained.barrier WITH (security_barrier) AS SELECT k, g, m FROM explained.t WHERE m > 0;
CREATE FUNCTION pg_temp.said(query text)
RETURNS TABLE (part integer, reads text, runs_in text, does text, forbids text)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM dap.create_model('said', query, '{g}');
  RETURN QUERY SELECT e.* FROM dap.explain_model('said') AS e;
  PERFORM dap.drop_model('said');
END $$;
SET client_min_messages = warning;
SELECT q.n, s.part, s.reads, s.runs_in, s.does, s.forbids
FROM (VALUES
  (1, 'SELECT g, count(*) AS c, sum(m) AS s, avg(m) AS a, dap.median(m) AS d FROM explained.t GROUP BY g'),
  (2, 'SELECT g, sum(f) AS s FROM explained.t GROUP BY g'),
  (3, 'SELECT g, sum(n) AS s FROM explained.t GROUP BY g'),
  (4, 'SELECT g, count(*) FILTER (WHERE random() < 2) AS c FROM explained.t GROUP BY g'),
  (5, 'SELECT g, count(*) AS c FROM explained.parts GROUP BY g'),
  (6, 'SELECT g, string_agg(s, '','' ORDER BY k) AS c FROM explained.t GROUP BY g'),
  (7, 'SELECT g, count(*) AS c FROM explained.seen GROUP BY g'),
  (8, 'SELECT g, count(*) AS c FROM explained.barrier GROUP BY g'),
  (9, 'SELECT g, m AS c FROM explained.t'),
  (10, 'SELECT DISTINCT ON (g) g, m AS c FROM explained.t ORDER BY g, k'),
  (11, 'SELECT g, count(*) AS c FROM (SELECT DISTINCT g, s FROM explained.t) AS d GROUP BY g'),
  (12, 'SELECT a.g, count(*) AS c FROM explained.t a JOIN explained.t b ON a.k < b.k GROUP BY a.g'),
  (13, 'SELECT a.g, count(*) AS c FROM explained.t a JOIN explained.t b ON a.k = b.k GROUP BY a.g'),
  (14, 'SELECT g, count(*) AS c FROM explained.t GROUP BY GROUPING SETS ((g), ())'),
  (15, 'SELECT g, c, rank FROM (SELECT g, c, row_number() OVER (ORDER BY c DESC, g) AS rank FROM
    (SELECT g, count(*) AS c FROM explained.t GROUP BY g) AS a) AS b WHERE rank <= 3'),
  (16, 'SELECT g, count(*) AS c FROM explained.t GROUP BY g HAVING count(*) > (SELECT 1)')) AS q (n, query)
CROSS JOIN LATERAL pg_temp.said(q.query) AS s ORDER BY q.n, s.part;
RESET client_min_messages;

-- Without the engine
SET dap.engine = off;
SELECT runs_in, forbids FROM dap.explain_model('daily_top_users');
SELECT runs_in, forbids FROM dap.explain_model('transactions_clean');
RESET dap.engine;

-- Clean models by what their keys are
SELECT dap.create_source('odd', NULL, '{k,v}');
SELECT dap.create_clean_model('odd_' || type, 'odd',
  format('[{"name": "k", "type": "%s"}, {"name": "v", "type": "%s"}]', type, type)::jsonb, '{k}', latest_by => '{v}')
FROM unnest('{integer,numeric,text,uuid,boolean}'::text[]) AS type;
SELECT type, runs_in, does, forbids
FROM unnest('{integer,numeric,text,uuid,boolean}'::text[]) AS type, dap.explain_model('odd_' || type);

-- A table that is gone, of a source and of a model
DROP TABLE staging.odd CASCADE;
SELECT * FROM dap.explain_model('odd_integer');
DROP TABLE analytics.transaction_stats CASCADE;
SELECT * FROM dap.explain_model('transaction_stats');

-- An admin may ask, an operator may not
CREATE ROLE explain_admin;
CREATE ROLE explain_operator;
SELECT dap.grant_access('explain_admin', 'admin'), dap.grant_access('explain_operator', 'operator');
SET ROLE explain_admin;
SELECT count(*) FROM dap.explain_model('daily_top_users');
SET ROLE explain_operator;
SELECT count(*) FROM dap.explain_model('daily_top_users');
RESET ROLE;
SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging, intermediate, analytics, explained CASCADE;
DROP ROLE explain_admin, explain_operator;
