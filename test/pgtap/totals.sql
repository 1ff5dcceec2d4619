-- The built-in analytics reconcile with each other and with what they were made from. Skipped where the built-in
-- pipeline is not set up, or its last run is older than its files.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM no_plan();

SELECT count(*) = 5 AND bool_and(state = 'ok') AS there FROM dap.status
WHERE object IN ('intermediate.transactions_clean', 'analytics.transaction_stats',
  'analytics.daily_transaction_stats', 'analytics.kyc_comparison', 'analytics.kyc_comparison_by_role') \gset
\if :there
SELECT results_eq('SELECT transactions, total_amount, min_amount, max_amount FROM analytics.transaction_stats',
  'SELECT count(*), sum(amount)::numeric(38,2), min(amount), max(amount) FROM intermediate.transactions_clean',
  'transaction_stats is the total of transactions_clean');
SELECT results_eq('SELECT users FROM analytics.transaction_stats',
  'SELECT count(DISTINCT user_id) FROM intermediate.transactions_clean', 'its users too');
SELECT results_eq('SELECT coalesce(sum(transactions), 0)::bigint, sum(total_amount)::numeric(38,2) FROM '
  'analytics.daily_transaction_stats',
  'SELECT transactions, total_amount FROM analytics.transaction_stats', 'the days add up to the total');
SELECT results_eq('SELECT coalesce(sum(transactions), 0)::bigint, sum(total_amount)::numeric(38,2) FROM '
  'analytics.kyc_comparison',
  'SELECT transactions, total_amount FROM analytics.transaction_stats', 'the KYC statuses add up to the total');
SELECT results_eq('SELECT kyc_status, sum(transactions)::bigint, sum(total_amount)::numeric(38,2) FROM '
  'analytics.kyc_comparison_by_role GROUP BY 1 ORDER BY kyc_status',
  'SELECT kyc_status, transactions, total_amount FROM analytics.kyc_comparison ORDER BY kyc_status',
  'the roles add up to the KYC statuses');
SELECT results_eq('SELECT day, median_amount FROM analytics.daily_transaction_stats ORDER BY 1',
  'SELECT transaction_at::date, dap.median(amount)::numeric(38,3) FROM intermediate.transactions_clean GROUP BY 1 '
  'ORDER BY 1', 'the medians are those of the days');
\else
SELECT skip('the built-in pipeline is not set up and fresh', 6);
\endif

SELECT * FROM finish();
ROLLBACK;
