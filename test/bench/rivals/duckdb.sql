-- The built-in pipeline in DuckDB: the same tables, columns and contents, rebuilt from all that is staged.
-- test/bench/rivals/duckdb.js runs it and times the parts that begin with a line "-- read", "-- clean", "-- model" or
-- "-- key" and a name; key parts are left out in the run without primary keys. What was chosen for speed: a semi-join
-- with max(rowid) for the latest record of a key and max(value, 5) for the best five (half the time of DISTINCT ON and
-- of window functions), keys when the rows are there. DuckDB's median of decimals keeps their scale and cuts a half
-- cent off, so that it is taken of three decimals (in 64 bits: below 10^15); division of decimals is in double
-- precision, so that quotients are made of integers.
CREATE SCHEMA staging;
CREATE SCHEMA intermediate;
CREATE SCHEMA analytics;
-- The nearest integer to a / b, halves away from zero, as numeric division and rounding have it; NULL where b is 0.
CREATE MACRO quotient(a, b) AS sign(a) * sign(b) * ((2 * abs(a) + abs(b)) // (2 * nullif(abs(b), 0)));
CREATE MACRO cents(amount) AS (amount * 100)::BIGINT;
CREATE MACRO mean(total, n) AS (quotient(cents(total) * 100, n)::DECIMAL(18,0) * 0.0001)::DECIMAL(38,4);
CREATE MACRO percent(a, b) AS (quotient(a * 10000, b)::DECIMAL(18,0) * 0.01)::DECIMAL(38,2);

-- read users
CREATE TABLE staging.users AS
SELECT * FROM read_csv(getvariable('inbox') || '/users_*.csv', header = true, all_varchar = true);
-- read onboarding
CREATE TABLE staging.onboarding AS
SELECT * FROM read_csv(getvariable('inbox') || '/onboarding_*.csv', header = true, all_varchar = true);
-- read transactions
CREATE TABLE staging.transactions AS
SELECT * FROM read_csv(getvariable('inbox') || '/transactions_*.csv', header = true, all_varchar = true);

-- clean intermediate.onboarding_clean
CREATE TABLE intermediate.onboarding_clean AS
SELECT onboarding_id::BIGINT AS onboarding_id, user_id::BIGINT AS user_id, nullif(lower(trim(role)), '') AS role,
  CASE lower(trim(status)) WHEN 'kyc_done' THEN 'completed' WHEN 'complete' THEN 'completed'
    WHEN 'verified' THEN 'completed' WHEN '' THEN NULL ELSE lower(trim(status)) END AS kyc_status,
  onboarding_date::DATE AS onboarding_date
FROM staging.onboarding
WHERE rowid IN (SELECT max(rowid) FROM staging.onboarding GROUP BY onboarding_id::BIGINT);
-- key intermediate.onboarding_clean
ALTER TABLE intermediate.onboarding_clean ADD PRIMARY KEY (onboarding_id);

-- clean intermediate.user_records
CREATE TABLE intermediate.user_records AS
SELECT user_id::BIGINT AS user_id, nullif(trim(name), '') AS name, nullif(lower(trim(email)), '') AS email,
  nullif(trim(phone), '') AS phone, created_at::TIMESTAMP AS created_at
FROM staging.users
QUALIFY row_number() OVER (PARTITION BY user_id::BIGINT ORDER BY created_at::TIMESTAMP DESC NULLS LAST, rowid DESC) = 1;
-- key intermediate.user_records
ALTER TABLE intermediate.user_records ADD PRIMARY KEY (user_id);

-- clean intermediate.transactions_clean
CREATE TABLE intermediate.transactions_clean AS
SELECT transaction_id::BIGINT AS transaction_id, user_id::BIGINT AS user_id, amount::DECIMAL(18,2) AS amount,
  transaction_date::TIMESTAMP AS transaction_at
FROM staging.transactions
WHERE rowid IN (SELECT max(rowid) FROM staging.transactions GROUP BY transaction_id::BIGINT);
-- key intermediate.transactions_clean
ALTER TABLE intermediate.transactions_clean ADD PRIMARY KEY (transaction_id);

-- model intermediate.users_clean
CREATE TABLE intermediate.users_clean AS
SELECT u.user_id, u.name, u.email, u.phone, u.created_at, o.onboarding_id, o.role, o.kyc_status, o.onboarding_date
FROM intermediate.user_records u
LEFT JOIN (
  SELECT c.user_id, c.onboarding_id, c.role, c.kyc_status, c.onboarding_date
  FROM intermediate.onboarding_clean c
  QUALIFY row_number() OVER (PARTITION BY c.user_id ORDER BY c.onboarding_date DESC, c.onboarding_id DESC) = 1) o
  ON o.user_id = u.user_id;
-- key intermediate.users_clean
ALTER TABLE intermediate.users_clean ADD PRIMARY KEY (user_id);

-- model intermediate.user_activity
CREATE TABLE intermediate.user_activity AS
SELECT t.user_id, count(*) AS transaction_count, sum(t.amount)::DECIMAL(38,2) AS total_amount,
  mean(sum(t.amount), count(*)) AS avg_amount,
  min(t.transaction_at) AS first_transaction_at, max(t.transaction_at) AS last_transaction_at
FROM intermediate.transactions_clean t
GROUP BY t.user_id;
-- key intermediate.user_activity
ALTER TABLE intermediate.user_activity ADD PRIMARY KEY (user_id);

-- model analytics.daily_kyc_completions
CREATE TABLE analytics.daily_kyc_completions AS
WITH completed AS (
  SELECT o.onboarding_date AS day, count(DISTINCT o.user_id) AS completions
  FROM intermediate.onboarding_clean o
  WHERE o.kyc_status = 'completed'
  GROUP BY o.onboarding_date),
calendar AS (
  SELECT unnest(generate_series(min(c.day)::TIMESTAMP, max(c.day)::TIMESTAMP, INTERVAL 1 DAY))::DATE AS day
  FROM completed c),
counted AS (
  SELECT k.day, coalesce(c.completions, 0) AS completions,
    lag(coalesce(c.completions, 0), 7) OVER (ORDER BY k.day) AS completions_week_ago
  FROM calendar k LEFT JOIN completed c ON c.day = k.day)
SELECT d.day, d.completions, d.completions_week_ago,
  percent(d.completions - d.completions_week_ago, d.completions_week_ago) AS wow_growth_pct
FROM counted d;
-- key analytics.daily_kyc_completions
ALTER TABLE analytics.daily_kyc_completions ADD PRIMARY KEY (day);

-- model analytics.weekly_kyc_completions
CREATE TABLE analytics.weekly_kyc_completions AS
WITH weeks AS (
  SELECT date_trunc('week', d.day)::DATE AS week_start, sum(d.completions)::BIGINT AS completions
  FROM analytics.daily_kyc_completions d
  GROUP BY 1),
counted AS (
  SELECT w.week_start, w.completions, lag(w.completions) OVER (ORDER BY w.week_start) AS completions_previous_week
  FROM weeks w)
SELECT c.week_start, c.completions, c.completions_previous_week,
  percent(c.completions - c.completions_previous_week, c.completions_previous_week) AS wow_growth_pct
FROM counted c;
-- key analytics.weekly_kyc_completions
ALTER TABLE analytics.weekly_kyc_completions ADD PRIMARY KEY (week_start);

-- model analytics.daily_top_users
CREATE TABLE analytics.daily_top_users AS
WITH spent AS (
  SELECT t.transaction_at::DATE AS day, t.user_id, sum(t.amount) AS total_amount
  FROM intermediate.transactions_clean t
  GROUP BY 1, 2),
days AS (
  SELECT s.day, sum(s.total_amount) AS day_amount, max({total_amount: s.total_amount, order_id: -s.user_id}, 5) AS top
  FROM spent s
  GROUP BY s.day),
ranked AS (
  SELECT d.day, unnest(range(1, len(d.top) + 1)) AS rank, unnest(d.top) AS best, d.day_amount
  FROM days d)
SELECT r.day, r.rank::INTEGER AS rank, -r.best.order_id AS user_id,
  r.best.total_amount::DECIMAL(38,2) AS total_amount,
  percent(cents(r.best.total_amount), cents(r.day_amount)) AS contribution_pct
FROM ranked r;
-- key analytics.daily_top_users
ALTER TABLE analytics.daily_top_users ADD PRIMARY KEY (day, rank);

-- model analytics.transaction_stats
CREATE TABLE analytics.transaction_stats AS
SELECT 'all' AS scope, a.transactions, a.users, a.total_amount::DECIMAL(38,2) AS total_amount,
  mean(a.total_amount, a.transactions) AS avg_amount,
  m.median_amount::DECIMAL(38,3) AS median_amount, m.min_amount, m.max_amount
FROM (
  SELECT coalesce(sum(u.transaction_count), 0)::BIGINT AS transactions, count(*) AS users,
    sum(u.total_amount) AS total_amount
  FROM intermediate.user_activity u) a
CROSS JOIN (
  SELECT median(t.amount::DECIMAL(18,3)) AS median_amount,
    min(t.amount)::DECIMAL(38,2) AS min_amount, max(t.amount)::DECIMAL(38,2) AS max_amount
  FROM intermediate.transactions_clean t) m;
-- key analytics.transaction_stats
ALTER TABLE analytics.transaction_stats ADD PRIMARY KEY (scope);

-- model analytics.daily_transaction_stats
CREATE TABLE analytics.daily_transaction_stats AS
SELECT s.day, s.transactions, s.users, s.total_amount::DECIMAL(38,2) AS total_amount,
  mean(s.total_amount, s.transactions) AS avg_amount,
  s.median_amount::DECIMAL(38,3) AS median_amount, s.min_amount, s.max_amount
FROM (
  SELECT t.transaction_at::DATE AS day, count(*) AS transactions, count(DISTINCT t.user_id) AS users,
    sum(t.amount) AS total_amount,
    median(t.amount::DECIMAL(18,3)) AS median_amount,
    min(t.amount)::DECIMAL(38,2) AS min_amount, max(t.amount)::DECIMAL(38,2) AS max_amount
  FROM intermediate.transactions_clean t
  GROUP BY 1) s;
-- key analytics.daily_transaction_stats
ALTER TABLE analytics.daily_transaction_stats ADD PRIMARY KEY (day);

-- model analytics.kyc_comparison
CREATE TABLE analytics.kyc_comparison AS
WITH known AS (
  SELECT u.user_id, coalesce(u.kyc_status, 'none') AS kyc_status
  FROM intermediate.users_clean u),
people AS (
  SELECT coalesce(k.kyc_status, 'unknown') AS kyc_status, count(*) AS users, count(a.user_id) AS active_users,
    coalesce(sum(a.transaction_count), 0)::BIGINT AS transactions, sum(a.total_amount) AS total_amount
  FROM known k FULL JOIN intermediate.user_activity a ON a.user_id = k.user_id
  GROUP BY 1),
amounts AS (
  SELECT coalesce(k.kyc_status, 'unknown') AS kyc_status,
    median(t.amount::DECIMAL(18,3)) AS median_amount,
    min(t.amount)::DECIMAL(38,2) AS min_amount, max(t.amount)::DECIMAL(38,2) AS max_amount
  FROM intermediate.transactions_clean t LEFT JOIN known k ON k.user_id = t.user_id
  GROUP BY 1)
SELECT p.kyc_status, p.users, p.active_users, p.transactions, p.total_amount::DECIMAL(38,2) AS total_amount,
  mean(p.total_amount, p.transactions) AS avg_amount,
  m.median_amount::DECIMAL(38,3) AS median_amount, m.min_amount, m.max_amount
FROM people p LEFT JOIN amounts m ON m.kyc_status = p.kyc_status;
-- key analytics.kyc_comparison
ALTER TABLE analytics.kyc_comparison ADD PRIMARY KEY (kyc_status);

-- model analytics.kyc_comparison_by_role
CREATE TABLE analytics.kyc_comparison_by_role AS
WITH known AS (
  SELECT u.user_id, coalesce(u.role, 'none') AS role, coalesce(u.kyc_status, 'none') AS kyc_status
  FROM intermediate.users_clean u),
people AS (
  SELECT coalesce(k.role, 'unknown') AS role, coalesce(k.kyc_status, 'unknown') AS kyc_status, count(*) AS users,
    count(a.user_id) AS active_users,
    coalesce(sum(a.transaction_count), 0)::BIGINT AS transactions, sum(a.total_amount) AS total_amount
  FROM known k FULL JOIN intermediate.user_activity a ON a.user_id = k.user_id
  GROUP BY 1, 2),
amounts AS (
  SELECT coalesce(k.role, 'unknown') AS role, coalesce(k.kyc_status, 'unknown') AS kyc_status,
    median(t.amount::DECIMAL(18,3)) AS median_amount,
    min(t.amount)::DECIMAL(38,2) AS min_amount, max(t.amount)::DECIMAL(38,2) AS max_amount
  FROM intermediate.transactions_clean t LEFT JOIN known k ON k.user_id = t.user_id
  GROUP BY 1, 2)
SELECT p.role, p.kyc_status, p.users, p.active_users, p.transactions, p.total_amount::DECIMAL(38,2) AS total_amount,
  mean(p.total_amount, p.transactions) AS avg_amount,
  m.median_amount::DECIMAL(38,3) AS median_amount, m.min_amount, m.max_amount
FROM people p LEFT JOIN amounts m ON m.role = p.role AND m.kyc_status = p.kyc_status;
-- key analytics.kyc_comparison_by_role
ALTER TABLE analytics.kyc_comparison_by_role ADD PRIMARY KEY (role, kyc_status);
