-- The built-in pipeline as one would write it by hand in plain SQL today: the same tables, columns, types and contents,
-- rebuilt from all that is staged. test/bench/pipeline runs it in psql, with the variable inbox, and times the parts
-- that begin with a line "-- read", "-- clean", "-- model", "-- key" or "-- statistics" and a name. What was chosen for
-- speed: CREATE TABLE AS, whose query runs in parallel workers as that of INSERT does not; ctid as the order of arrival
-- (true in a table that only COPY in one session has filled), which costs nothing while loading; keys when the rows are
-- there; percentile_cont(0.5), whose double precision is exact here: medians of amounts below 10^11 with two decimals,
-- rounded to three.
CREATE SCHEMA staging;
CREATE SCHEMA intermediate;
CREATE SCHEMA analytics;
CREATE TABLE staging.users (user_id text, name text, email text, phone text, created_at text);
CREATE TABLE staging.onboarding (onboarding_id text, user_id text, role text, status text, onboarding_date text);
CREATE TABLE staging.transactions (transaction_id text, user_id text, amount text, transaction_date text);

-- read users
SELECT format('COPY staging.users FROM %L (FORMAT csv, HEADER)', :'inbox' || '/' || f)
FROM pg_ls_dir(:'inbox') AS f WHERE f LIKE 'users%' ORDER BY f COLLATE "C" \gexec
-- read onboarding
SELECT format('COPY staging.onboarding FROM %L (FORMAT csv, HEADER)', :'inbox' || '/' || f)
FROM pg_ls_dir(:'inbox') AS f WHERE f LIKE 'onboarding%' ORDER BY f COLLATE "C" \gexec
-- read transactions
SELECT format('COPY staging.transactions FROM %L (FORMAT csv, HEADER)', :'inbox' || '/' || f)
FROM pg_ls_dir(:'inbox') AS f WHERE f LIKE 'transactions%' ORDER BY f COLLATE "C" \gexec
-- statistics staging
ANALYZE staging.users, staging.onboarding, staging.transactions;

-- clean intermediate.onboarding_clean
CREATE TABLE intermediate.onboarding_clean AS
SELECT DISTINCT ON (onboarding_id::bigint) onboarding_id::bigint AS onboarding_id, user_id::bigint AS user_id,
  nullif(lower(btrim(role)), '') AS role,
  CASE lower(btrim(status)) WHEN 'kyc_done' THEN 'completed' WHEN 'complete' THEN 'completed'
    WHEN 'verified' THEN 'completed' WHEN '' THEN NULL ELSE lower(btrim(status)) END AS kyc_status,
  onboarding_date::date AS onboarding_date
FROM staging.onboarding
ORDER BY onboarding_id::bigint, ctid DESC;
-- key intermediate.onboarding_clean
ALTER TABLE intermediate.onboarding_clean ADD PRIMARY KEY (onboarding_id);
-- statistics intermediate.onboarding_clean
ANALYZE intermediate.onboarding_clean;

-- clean intermediate.user_records
CREATE TABLE intermediate.user_records AS
SELECT DISTINCT ON (user_id::bigint) user_id::bigint AS user_id, nullif(btrim(name), '') AS name,
  nullif(lower(btrim(email)), '') AS email, nullif(btrim(phone), '') AS phone, created_at::timestamp AS created_at
FROM staging.users
ORDER BY user_id::bigint, created_at::timestamp DESC NULLS LAST, ctid DESC;
-- key intermediate.user_records
ALTER TABLE intermediate.user_records ADD PRIMARY KEY (user_id);
-- statistics intermediate.user_records
ANALYZE intermediate.user_records;

-- clean intermediate.transactions_clean
CREATE TABLE intermediate.transactions_clean AS
SELECT DISTINCT ON (transaction_id::bigint) transaction_id::bigint AS transaction_id, user_id::bigint AS user_id,
  amount::numeric(18,2) AS amount, transaction_date::timestamp AS transaction_at
FROM staging.transactions
ORDER BY transaction_id::bigint, ctid DESC;
-- key intermediate.transactions_clean
ALTER TABLE intermediate.transactions_clean ADD PRIMARY KEY (transaction_id);
-- statistics intermediate.transactions_clean
ANALYZE intermediate.transactions_clean;

-- model intermediate.users_clean
CREATE TABLE intermediate.users_clean AS
SELECT u.user_id, u.name, u.email, u.phone, u.created_at, o.onboarding_id, o.role, o.kyc_status, o.onboarding_date
FROM intermediate.user_records u
LEFT JOIN (
  SELECT DISTINCT ON (c.user_id) c.user_id, c.onboarding_id, c.role, c.kyc_status, c.onboarding_date
  FROM intermediate.onboarding_clean c
  ORDER BY c.user_id, c.onboarding_date DESC, c.onboarding_id DESC) o ON o.user_id = u.user_id;
-- key intermediate.users_clean
ALTER TABLE intermediate.users_clean ADD PRIMARY KEY (user_id);
-- statistics intermediate.users_clean
ANALYZE intermediate.users_clean;

-- model intermediate.user_activity
CREATE TABLE intermediate.user_activity AS
SELECT t.user_id, count(*) AS transaction_count, sum(t.amount)::numeric(38,2) AS total_amount,
  (sum(t.amount)::numeric(60,22) / count(*))::numeric(38,4) AS avg_amount,
  min(t.transaction_at) AS first_transaction_at, max(t.transaction_at) AS last_transaction_at
FROM intermediate.transactions_clean t
GROUP BY t.user_id;
-- key intermediate.user_activity
ALTER TABLE intermediate.user_activity ADD PRIMARY KEY (user_id);
-- statistics intermediate.user_activity
ANALYZE intermediate.user_activity;

-- model analytics.daily_kyc_completions
CREATE TABLE analytics.daily_kyc_completions AS
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
FROM counted d;
-- key analytics.daily_kyc_completions
ALTER TABLE analytics.daily_kyc_completions ADD PRIMARY KEY (day);
-- statistics analytics.daily_kyc_completions
ANALYZE analytics.daily_kyc_completions;

-- model analytics.weekly_kyc_completions
CREATE TABLE analytics.weekly_kyc_completions AS
WITH weeks AS (
  SELECT date_trunc('week', d.day::timestamp)::date AS week_start, sum(d.completions)::bigint AS completions
  FROM analytics.daily_kyc_completions d
  GROUP BY 1),
counted AS (
  SELECT w.week_start, w.completions, lag(w.completions) OVER (ORDER BY w.week_start) AS completions_previous_week
  FROM weeks w)
SELECT c.week_start, c.completions, c.completions_previous_week,
  (100 * (c.completions - c.completions_previous_week)::numeric(60,30)
    / nullif(c.completions_previous_week, 0))::numeric(38,2) AS wow_growth_pct
FROM counted c;
-- key analytics.weekly_kyc_completions
ALTER TABLE analytics.weekly_kyc_completions ADD PRIMARY KEY (week_start);
-- statistics analytics.weekly_kyc_completions
ANALYZE analytics.weekly_kyc_completions;

-- model analytics.daily_top_users
CREATE TABLE analytics.daily_top_users AS
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
WHERE r.rank <= 5;
-- key analytics.daily_top_users
ALTER TABLE analytics.daily_top_users ADD PRIMARY KEY (day, rank);
-- statistics analytics.daily_top_users
ANALYZE analytics.daily_top_users;

-- model analytics.transaction_stats
CREATE TABLE analytics.transaction_stats AS
SELECT 'all'::text AS scope, a.transactions, a.users, a.total_amount::numeric(38,2) AS total_amount,
  (a.total_amount::numeric(60,22) / nullif(a.transactions, 0))::numeric(38,4) AS avg_amount,
  m.median_amount::numeric(38,3) AS median_amount, m.min_amount, m.max_amount
FROM (
  SELECT coalesce(sum(u.transaction_count), 0)::bigint AS transactions, count(*) AS users,
    sum(u.total_amount) AS total_amount
  FROM intermediate.user_activity u) a
CROSS JOIN (
  SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t.amount) AS median_amount,
    min(t.amount)::numeric(38,2) AS min_amount, max(t.amount)::numeric(38,2) AS max_amount
  FROM intermediate.transactions_clean t) m;
-- key analytics.transaction_stats
ALTER TABLE analytics.transaction_stats ADD PRIMARY KEY (scope);
-- statistics analytics.transaction_stats
ANALYZE analytics.transaction_stats;

-- model analytics.daily_transaction_stats
CREATE TABLE analytics.daily_transaction_stats AS
SELECT s.day, s.transactions, s.users, s.total_amount::numeric(38,2) AS total_amount,
  (s.total_amount::numeric(60,22) / s.transactions)::numeric(38,4) AS avg_amount,
  s.median_amount::numeric(38,3) AS median_amount, s.min_amount, s.max_amount
FROM (
  SELECT t.transaction_at::date AS day, count(*) AS transactions, count(DISTINCT t.user_id) AS users,
    sum(t.amount) AS total_amount,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY t.amount) AS median_amount,
    min(t.amount)::numeric(38,2) AS min_amount, max(t.amount)::numeric(38,2) AS max_amount
  FROM intermediate.transactions_clean t
  GROUP BY 1) s;
-- key analytics.daily_transaction_stats
ALTER TABLE analytics.daily_transaction_stats ADD PRIMARY KEY (day);
-- statistics analytics.daily_transaction_stats
ANALYZE analytics.daily_transaction_stats;

-- model analytics.kyc_comparison
CREATE TABLE analytics.kyc_comparison AS
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
    percentile_cont(0.5) WITHIN GROUP (ORDER BY t.amount) AS median_amount,
    min(t.amount)::numeric(38,2) AS min_amount, max(t.amount)::numeric(38,2) AS max_amount
  FROM intermediate.transactions_clean t LEFT JOIN known k ON k.user_id = t.user_id
  GROUP BY 1)
SELECT p.kyc_status, p.users, p.active_users, p.transactions, p.total_amount::numeric(38,2) AS total_amount,
  (p.total_amount::numeric(60,22) / nullif(p.transactions, 0))::numeric(38,4) AS avg_amount,
  m.median_amount::numeric(38,3) AS median_amount, m.min_amount, m.max_amount
FROM people p LEFT JOIN amounts m ON m.kyc_status = p.kyc_status;
-- key analytics.kyc_comparison
ALTER TABLE analytics.kyc_comparison ADD PRIMARY KEY (kyc_status);
-- statistics analytics.kyc_comparison
ANALYZE analytics.kyc_comparison;

-- model analytics.kyc_comparison_by_role
CREATE TABLE analytics.kyc_comparison_by_role AS
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
    percentile_cont(0.5) WITHIN GROUP (ORDER BY t.amount) AS median_amount,
    min(t.amount)::numeric(38,2) AS min_amount, max(t.amount)::numeric(38,2) AS max_amount
  FROM intermediate.transactions_clean t LEFT JOIN known k ON k.user_id = t.user_id
  GROUP BY 1, 2)
SELECT p.role, p.kyc_status, p.users, p.active_users, p.transactions, p.total_amount::numeric(38,2) AS total_amount,
  (p.total_amount::numeric(60,22) / nullif(p.transactions, 0))::numeric(38,4) AS avg_amount,
  m.median_amount::numeric(38,3) AS median_amount, m.min_amount, m.max_amount
FROM people p LEFT JOIN amounts m ON m.role = p.role AND m.kyc_status = p.kyc_status;
-- key analytics.kyc_comparison_by_role
ALTER TABLE analytics.kyc_comparison_by_role ADD PRIMARY KEY (role, kyc_status);
-- statistics analytics.kyc_comparison_by_role
ANALYZE analytics.kyc_comparison_by_role;
