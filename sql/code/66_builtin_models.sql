-- The built-in pipeline as data: what dap.setup() gives to dap.create_source(), dap.create_clean_model() and
-- dap.create_model().

CREATE FUNCTION dap_internal.builtin_sources() RETURNS TABLE (source text, columns text[])
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
VALUES
  ('users', '{user_id,name,email,phone,created_at}'::text[]),
  ('onboarding', '{onboarding_id,user_id,role,status,onboarding_date}'),
  ('transactions', '{transaction_id,user_id,amount,transaction_date}')
$$;
COMMENT ON FUNCTION dap_internal.builtin_sources() IS 'Internal: the sources of the built-in pipeline';

CREATE FUNCTION dap_internal.builtin_clean_models()
  RETURNS TABLE (model text, source text, columns jsonb, key text[], latest_by text[], comments jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
VALUES
  ('intermediate.onboarding_clean', 'onboarding', '[
      {"name": "onboarding_id", "type": "bigint", "required": true},
      {"name": "user_id", "type": "bigint", "required": true},
      {"name": "role", "type": "text", "lower": true},
      {"name": "kyc_status", "source": "status", "type": "text", "lower": true,
       "map": {"kyc_done": "completed", "completed": "completed", "complete": "completed", "verified": "completed"}},
      {"name": "onboarding_date", "type": "date", "required": true}]'::jsonb,
    '{onboarding_id}'::text[], NULL::text[], '{
      "": "Onboarding records, typed: the one that arrived last for each onboarding_id",
      "onboarding_id": "The record",
      "user_id": "The user that was onboarded; may be unknown to users_clean",
      "role": "Role in lower case",
      "kyc_status": "Status in lower case; kyc_done, completed, complete and verified are completed",
      "onboarding_date": "Day of the record"}'::jsonb),
  ('intermediate.user_records', 'users', '[
      {"name": "user_id", "type": "bigint", "required": true},
      {"name": "name", "type": "text"},
      {"name": "email", "type": "text", "lower": true},
      {"name": "phone", "type": "text"},
      {"name": "created_at", "type": "timestamp"}]',
    '{user_id}', '{created_at}', '{
      "": "User records, typed: for each user_id the one with the latest created_at, then the one that arrived last",
      "user_id": "The user",
      "name": "Name",
      "email": "E-mail address in lower case",
      "phone": "Phone number as it came",
      "created_at": "When the record was made; NULL is oldest"}'),
  ('intermediate.transactions_clean', 'transactions', '[
      {"name": "transaction_id", "type": "bigint", "required": true},
      {"name": "user_id", "type": "bigint", "required": true},
      {"name": "amount", "type": "numeric(18,2)", "required": true},
      {"name": "transaction_at", "source": "transaction_date", "type": "timestamp", "required": true}]',
    '{transaction_id}', NULL, '{
      "": "Transactions, typed: the record that arrived last for each transaction_id",
      "transaction_id": "The transaction",
      "user_id": "The user; may be unknown to users_clean",
      "amount": "Amount; all amounts are of one currency",
      "transaction_at": "When it was made"}')
$$;
COMMENT ON FUNCTION dap_internal.builtin_clean_models()
  IS 'Internal: the clean models of the built-in pipeline; in comments the empty name is the table';

-- A habit of these queries, for exactness: numeric division keeps some 16 digits, and rounding its result once more
-- could turn 0.4999... into 1. With a dividend of many decimals the first rounding is finer than the distance of any
-- possible quotient from a half.
CREATE FUNCTION dap_internal.builtin_models() RETURNS TABLE (model text, query text, key text[], comments jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
VALUES
  ('intermediate.users_clean', $query$
SELECT u.user_id, u.name, u.email, u.phone, u.created_at, o.onboarding_id, o.role, o.kyc_status, o.onboarding_date
FROM intermediate.user_records u
LEFT JOIN (
  SELECT DISTINCT ON (c.user_id) c.user_id, c.onboarding_id, c.role, c.kyc_status, c.onboarding_date
  FROM intermediate.onboarding_clean c
  ORDER BY c.user_id, c.onboarding_date DESC, c.onboarding_id DESC) o ON o.user_id = u.user_id$query$,
    '{user_id}'::text[], '{
      "": "Users with their latest onboarding record",
      "user_id": "The user",
      "name": "Name",
      "email": "E-mail address in lower case",
      "phone": "Phone number as it came",
      "created_at": "When the latest record of the user was made",
      "onboarding_id": "Latest onboarding record: by onboarding_date, then onboarding_id; NULL without one",
      "role": "Its role",
      "kyc_status": "Its status",
      "onboarding_date": "Its day"}'::jsonb),

  ('intermediate.user_activity', $query$
SELECT t.user_id, count(*) AS transaction_count, sum(t.amount)::numeric(38,2) AS total_amount,
  (sum(t.amount)::numeric(60,22) / count(*))::numeric(38,4) AS avg_amount,
  min(t.transaction_at) AS first_transaction_at, max(t.transaction_at) AS last_transaction_at
FROM intermediate.transactions_clean t
GROUP BY t.user_id$query$,
    '{user_id}', '{
      "": "What each user with a transaction did",
      "user_id": "The user; may be unknown to users_clean",
      "transaction_count": "Number of transactions",
      "total_amount": "Sum of their amounts",
      "avg_amount": "Mean of their amounts",
      "first_transaction_at": "The earliest",
      "last_transaction_at": "The latest"}'),

  ('analytics.daily_kyc_completions', $query$
WITH completed AS (
  SELECT o.onboarding_date AS day, count(DISTINCT o.user_id) AS completions
  FROM intermediate.onboarding_clean o
  WHERE o.kyc_status = 'completed'
  GROUP BY o.onboarding_date),
calendar AS (
  SELECT s.first_day + n AS day
  FROM (SELECT min(c.day) AS first_day, max(c.day) AS last_day FROM completed c) s,
    generate_series(0, s.last_day - s.first_day) AS n),
counted AS (
  SELECT k.day, coalesce(c.completions, 0) AS completions,
    lag(coalesce(c.completions, 0), 7) OVER (ORDER BY k.day) AS completions_week_ago
  FROM calendar k LEFT JOIN completed c ON c.day = k.day)
SELECT d.day, d.completions, d.completions_week_ago,
  (100 * (d.completions - d.completions_week_ago)::numeric(60,30)
    / nullif(d.completions_week_ago, 0))::numeric(38,2) AS wow_growth_pct
FROM counted d$query$,
    '{day}', '{
      "": "Users who completed KYC, by day; no day is missing between the first and the last",
      "day": "Day of the onboarding record",
      "completions": "Distinct users with a completed onboarding record of that day",
      "completions_week_ago": "The same of seven days before; NULL before the first day",
      "wow_growth_pct": "Growth against a week ago in percent; NULL where that is NULL or 0"}'),

  ('analytics.weekly_kyc_completions', $query$
WITH weeks AS (
  SELECT date_trunc('week', d.day::timestamp)::date AS week_start, sum(d.completions)::bigint AS completions
  FROM analytics.daily_kyc_completions d
  GROUP BY 1),
counted AS (
  SELECT w.week_start, w.completions, lag(w.completions) OVER (ORDER BY w.week_start) AS completions_previous_week
  FROM weeks w)
SELECT c.week_start, c.completions, c.completions_previous_week,
  (100 * (c.completions - c.completions_previous_week)::numeric(60,30) / nullif(c.completions_previous_week,
    0))::numeric(38,2) AS wow_growth_pct
FROM counted c$query$,
    '{week_start}', '{
      "": "KYC completions by week; no week is missing between the first and the last",
      "week_start": "Monday of the week",
      "completions": "Sum of daily_kyc_completions.completions over the week",
      "completions_previous_week": "The same of the week before; NULL for the first week",
      "wow_growth_pct": "Growth against the previous week in percent; NULL where that is NULL or 0"}'),

  ('analytics.daily_top_users', $query$
WITH spent AS (
  SELECT t.transaction_at::date AS day, t.user_id, sum(t.amount) AS total_amount
  FROM intermediate.transactions_clean t
  GROUP BY 1, 2),
ranked AS (
  SELECT s.day, row_number() OVER (PARTITION BY s.day ORDER BY s.total_amount DESC, s.user_id) AS rank, s.user_id,
    s.total_amount,
    sum(s.total_amount) OVER (PARTITION BY s.day) AS day_amount
  FROM spent s)
SELECT r.day, r.rank::integer AS rank, r.user_id, r.total_amount::numeric(38,2) AS total_amount,
  (100 * r.total_amount::numeric(80,40) / nullif(r.day_amount, 0))::numeric(38,2) AS contribution_pct
FROM ranked r
WHERE r.rank <= 5$query$,
    '{day,rank}', '{
      "": "The five users with the highest amounts of each day",
      "day": "Day of the transactions",
      "rank": "1 to 5 by total_amount; the lower user_id comes first among equals",
      "user_id": "The user; may be unknown to intermediate.users_clean",
      "total_amount": "Sum of the user''s amounts that day",
      "contribution_pct": "Its share of the day''s total in percent; NULL where that is 0"}'),

  ('analytics.transaction_stats', $query$
SELECT 'all'::text AS scope, a.transactions, a.users, a.total_amount::numeric(38,2) AS total_amount,
  (a.total_amount::numeric(60,22) / nullif(a.transactions, 0))::numeric(38,4) AS avg_amount,
  m.median_amount::numeric(38,3) AS median_amount, m.min_amount, m.max_amount
FROM (
  SELECT coalesce(sum(u.transaction_count), 0)::bigint AS transactions, count(*) AS users,
    sum(u.total_amount) AS total_amount
  FROM intermediate.user_activity u) a
CROSS JOIN (
  SELECT dap.median(t.amount) AS median_amount,
    min(t.amount)::numeric(38,2) AS min_amount, max(t.amount)::numeric(38,2) AS max_amount
  FROM intermediate.transactions_clean t) m$query$,
    '{scope}', '{
      "": "All transactions in one row",
      "scope": "all",
      "transactions": "Number of transactions",
      "users": "Distinct users with a transaction",
      "total_amount": "Sum of the amounts; NULL without a transaction, as the following columns",
      "avg_amount": "Mean of the amounts",
      "median_amount": "Exact median of the amounts",
      "min_amount": "Lowest amount",
      "max_amount": "Highest amount"}'),

  ('analytics.daily_transaction_stats', $query$
SELECT s.day, s.transactions, s.users, s.total_amount::numeric(38,2) AS total_amount,
  (s.total_amount::numeric(60,22) / s.transactions)::numeric(38,4) AS avg_amount,
  s.median_amount::numeric(38,3) AS median_amount, s.min_amount, s.max_amount
FROM (
  SELECT t.transaction_at::date AS day, count(*) AS transactions, count(DISTINCT t.user_id) AS users,
    sum(t.amount) AS total_amount,
    dap.median(t.amount) AS median_amount,
    min(t.amount)::numeric(38,2) AS min_amount, max(t.amount)::numeric(38,2) AS max_amount
  FROM intermediate.transactions_clean t
  GROUP BY 1) s$query$,
    '{day}', '{
      "": "Transactions by day; days without a transaction have no row",
      "day": "Day of the transactions",
      "transactions": "Number of transactions",
      "users": "Distinct users with a transaction",
      "total_amount": "Sum of the amounts",
      "avg_amount": "Mean of the amounts",
      "median_amount": "Exact median of the amounts",
      "min_amount": "Lowest amount",
      "max_amount": "Highest amount"}'),

  ('analytics.kyc_comparison', $query$
WITH known AS (
  SELECT u.user_id, coalesce(u.kyc_status, 'none') AS kyc_status
  FROM intermediate.users_clean u),
people AS (
  SELECT coalesce(k.kyc_status, 'unknown') AS kyc_status, count(*) AS users, count(a.user_id) AS active_users,
    coalesce(sum(a.transaction_count), 0)::bigint AS transactions, sum(a.total_amount) AS total_amount
  FROM known k FULL JOIN intermediate.user_activity a ON a.user_id = k.user_id
  GROUP BY 1),
amounts AS (
  SELECT coalesce(k.kyc_status, 'unknown') AS kyc_status,
    dap.median(t.amount) AS median_amount,
    min(t.amount)::numeric(38,2) AS min_amount, max(t.amount)::numeric(38,2) AS max_amount
  FROM intermediate.transactions_clean t LEFT JOIN known k ON k.user_id = t.user_id
  GROUP BY 1)
SELECT p.kyc_status, p.users, p.active_users, p.transactions, p.total_amount::numeric(38,2) AS total_amount,
  (p.total_amount::numeric(60,22) / nullif(p.transactions, 0))::numeric(38,4) AS avg_amount,
  m.median_amount::numeric(38,3) AS median_amount, m.min_amount, m.max_amount
FROM people p LEFT JOIN amounts m ON m.kyc_status = p.kyc_status$query$,
    '{kyc_status}', '{
      "": "Users and their transactions by KYC status; the transactions add up to transaction_stats",
      "kyc_status": "Status of the latest onboarding record; none for users without one, unknown for users that only '
      'transactions name",
      "users": "Number of users",
      "active_users": "Users with a transaction",
      "transactions": "Number of their transactions",
      "total_amount": "Sum of the amounts; NULL without a transaction, as the following columns",
      "avg_amount": "Mean of the amounts",
      "median_amount": "Exact median of the amounts",
      "min_amount": "Lowest amount",
      "max_amount": "Highest amount"}'),

  ('analytics.kyc_comparison_by_role', $query$
WITH known AS (
  SELECT u.user_id, coalesce(u.role, 'none') AS role, coalesce(u.kyc_status, 'none') AS kyc_status
  FROM intermediate.users_clean u),
people AS (
  SELECT coalesce(k.role, 'unknown') AS role, coalesce(k.kyc_status, 'unknown') AS kyc_status, count(*) AS users,
    count(a.user_id) AS active_users,
    coalesce(sum(a.transaction_count), 0)::bigint AS transactions, sum(a.total_amount) AS total_amount
  FROM known k FULL JOIN intermediate.user_activity a ON a.user_id = k.user_id
  GROUP BY 1, 2),
amounts AS (
  SELECT coalesce(k.role, 'unknown') AS role, coalesce(k.kyc_status, 'unknown') AS kyc_status,
    dap.median(t.amount) AS median_amount,
    min(t.amount)::numeric(38,2) AS min_amount, max(t.amount)::numeric(38,2) AS max_amount
  FROM intermediate.transactions_clean t LEFT JOIN known k ON k.user_id = t.user_id
  GROUP BY 1, 2)
SELECT p.role, p.kyc_status, p.users, p.active_users, p.transactions, p.total_amount::numeric(38,2) AS total_amount,
  (p.total_amount::numeric(60,22) / nullif(p.transactions, 0))::numeric(38,4) AS avg_amount,
  m.median_amount::numeric(38,3) AS median_amount, m.min_amount, m.max_amount
FROM people p LEFT JOIN amounts m ON m.role = p.role AND m.kyc_status = p.kyc_status$query$,
    '{role,kyc_status}', '{
      "": "Users and their transactions by role and KYC status; the transactions add up to transaction_stats",
      "role": "Role of the latest onboarding record; none and unknown as for kyc_status",
      "kyc_status": "Status of the latest onboarding record; none for users without one, unknown for users that only '
      'transactions name",
      "users": "Number of users",
      "active_users": "Users with a transaction",
      "transactions": "Number of their transactions",
      "total_amount": "Sum of the amounts; NULL without a transaction, as the following columns",
      "avg_amount": "Mean of the amounts",
      "median_amount": "Exact median of the amounts",
      "min_amount": "Lowest amount",
      "max_amount": "Highest amount"}')
$$;
COMMENT ON FUNCTION dap_internal.builtin_models()
  IS 'Internal: the query models of the built-in pipeline; in comments the empty name is the table';

-- Whoever still has one of these has not changed it. A release adds those of the one before it that it changes.
CREATE FUNCTION dap_internal.released_queries() RETURNS TABLE (model text, hash text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
VALUES  -- 0.1.0
  ('analytics.daily_kyc_completions', 'ea82f0540c0a96e2a21b3ed32b4eb67d'),
  ('analytics.weekly_kyc_completions', 'c91353077be5a36e7ced591fbda6db9a'),
  ('analytics.daily_top_users', 'a2ea4a9813199cf3df4603db23794821'),
  ('analytics.transaction_stats', '47eaa493f010cc8015d1f3cc95795f84'),
  ('analytics.daily_transaction_stats', '30e1190e24ec348f75ff692c5d89e465'),
  ('analytics.kyc_comparison', 'e6c86de7479acc57c9bcd28c04f0c1f4'),
  ('analytics.kyc_comparison_by_role', '698906a6427cc001d2ddada4505a4ac0')
$$;
COMMENT ON FUNCTION dap_internal.released_queries()
  IS 'Internal: the queries that released versions gave the built-in models, where they are others now';
