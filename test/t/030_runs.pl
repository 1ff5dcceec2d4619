# How a run ends and what it leaves behind: each way to fail, to be ended and to be rolled back.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(comes_back);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $refresh = 'SELECT * FROM dap.refresh_all()';
my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1, extra => ['--encoding=UTF8']);
$node->append_conf('postgresql.conf',
      "max_worker_processes = 8\nautovacuum = off\nlog_statement = none\nmax_prepared_transactions = 2\n"
    . "restart_after_crash = on\n");
$node->start;

# The pipeline, with a knob at the table that is refreshed late: a trigger that sleeps, waits at a gate, raises or lets
# pass.
my $inbox = PostgreSQL::Test::Utils::tempdir;
sub put_file
{
  my ($name, $text) = @_;
  append_to_file("$inbox/$name", $text);
  chmod 0644, "$inbox/$name";
}
chmod 0755, $inbox;
put_file('users.csv',
  "user_id,name,email,phone,created_at\n1,Ann,ann\@example.com,1,2024-01-01\n2,Bob,bob\@example.com,2,2024-01-02\n");
put_file('onboarding.csv', "onboarding_id,user_id,role,status,onboarding_date\n1,1,buyer,kyc_done,2024-01-03\n");
put_file('transactions.csv',
  "transaction_id,user_id,amount,transaction_date\n1,1,10.50,2024-01-04\n2,2,20.00,2024-01-05\n");

sub prepare_database
{
  my ($database) = @_;
  $node->safe_psql($database, "CREATE EXTENSION dap_analytics");
  $node->safe_psql($database, "SELECT * FROM dap.setup('$inbox')");
  $node->safe_psql($database, $refresh);
  $node->safe_psql(
    $database, q{
    CREATE TABLE public.knob (action text);
    INSERT INTO public.knob VALUES ('pass');
    CREATE FUNCTION public.knob_turned() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      CASE (SELECT k.action FROM public.knob AS k)
        WHEN 'sleep' THEN PERFORM pg_sleep(60);
        WHEN 'gate' THEN PERFORM pg_advisory_xact_lock_shared(1);
        WHEN 'raise' THEN RAISE EXCEPTION 'the field is SECRET-4711' USING ERRCODE = 'check_violation',
          DETAIL = 'SECRET-4711', HINT = 'SECRET-4711';
        WHEN 'convert' THEN PERFORM 'SECRET-4711'::text::bigint;
        WHEN 'divide' THEN PERFORM 1 / (SELECT 0);
        ELSE NULL;
      END CASE;
      RETURN NULL;
    END $$;
    CREATE TRIGGER knob BEFORE INSERT OR UPDATE ON analytics.transaction_stats FOR EACH STATEMENT
      EXECUTE FUNCTION public.knob_turned();
  });
}
sub turn { $node->safe_psql('postgres', "UPDATE public.knob SET action = '$_[0]'"); }
my $transaction = 2;
sub new_file
{
  $transaction++;
  put_file("transactions_$transaction.csv",
    "transaction_id,user_id,amount,transaction_date\n$transaction,1,1.25,2024-01-06\n");
}
sub last_run
{
  my $columns = shift;
  return $node->safe_psql('postgres', "SELECT $columns FROM dap.runs ORDER BY run_id DESC LIMIT 1");
}
sub digest
{
  return $node->safe_psql(
    'postgres', q{
    SELECT string_agg(c.oid::regclass::text || '='
      || md5(query_to_xml('SELECT * FROM ' || c.oid::regclass || ' AS t ORDER BY t::text', true, true, '')::text), E'\n'
      ORDER BY c.oid::regclass::text)
    FROM pg_class AS c WHERE c.relnamespace IN ('staging'::regnamespace, 'intermediate'::regnamespace,
      'analytics'::regnamespace) AND c.relkind = 'r'}
  );
}
# Starts the refresh in a session of its own and waits until it sleeps in the trigger, or waits for another event there;
# returns the session and its process id.
sub start_sleeping
{
  my ($event) = @_;
  $event //= 'PgSleep';
  my $session = $node->background_psql('postgres', on_error_stop => 0);
  my $pid = $session->query_safe('SELECT pg_backend_pid()');
  $session->query_until(qr/go/, "\\echo go\n$refresh;\n");
  $node->poll_query_until('postgres', "SELECT wait_event = '$event' FROM pg_stat_activity WHERE pid = $pid")
    or die 'the refresh does not reach the trigger';
  return ($session, $pid);
}
# The session may be gone already: what matters is said by the ledger.
sub finish
{
  my ($session) = @_;
  eval { $session->quit };
  return;
}
sub wait_for_end
{
  my ($pid) = @_;
  $node->poll_query_until('postgres',
    "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE pid = $pid AND locktype = 'object' AND mode = 'ExclusiveLock')");
  return;
}

prepare_database('postgres');
is(
  last_run('status, failed_step, sqlstate, message, run_by, finished_at >= started_at, elapsed >= interval \'0\''),
  'succeeded||||' . $node->safe_psql('postgres', 'SELECT session_user') . '|t|t',
  'a run that succeeded');
is(
  $node->safe_psql(
    'postgres',
    "SELECT count(*) > 3, bool_and(elapsed >= interval '0'), bool_and(message IS NULL) FROM dap.run_steps
        WHERE run_id = (SELECT max(run_id) FROM dap.runs)"
  ),
  't|t|t',
  'its steps are kept');

# --- errors of the work -------------------------------------------------------------------------
new_file();
my $before = digest();
my ($code, $out, $err);
for my $case (
  [ 'raise', '23514', qr/SQLSTATE 23514/ ],
  [ 'convert', '22P02', qr/invalid input syntax for type \.\.\./ ],
  [ 'divide', '22012', qr/division by zero/ ])
{
  my ($knob, $sqlstate, $message) = @$case;
  turn($knob);
  my $log = -s $node->logfile;
  ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$refresh");
  isnt($code, 0, "$knob: the caller gets the error");
  like($err, qr/ERROR:  $sqlstate: /, "$knob: with its SQLSTATE");
  like($err, $message, "$knob: and says what went wrong");
  unlike($err, qr/SECRET/, "$knob: without the value");
  like(
    last_run('status, failed_step, sqlstate, message'),
    qr/^failed\|analytics\.transaction_stats\|$sqlstate\|/,
    "$knob: dap.runs has the step and the SQLSTATE");
  like(last_run('message'), $message, "$knob: and the message");
  is(
    $node->safe_psql(
      'postgres',
      "SELECT count(*) FROM dap.run_steps WHERE run_id = (SELECT max(run_id) FROM dap.runs) AND action = 'failed'
          AND object = 'analytics.transaction_stats'"
    ),
    '1',
    "$knob: the failed step is among the steps");
  cmp_ok(
    $node->safe_psql(
      'postgres',
      "SELECT count(*) FROM dap.run_steps WHERE run_id = (SELECT max(run_id) FROM dap.runs) AND action <> 'failed'"),
    '>', 0,
    "$knob: after the steps done");
  is(
    $node->safe_psql('postgres', "SELECT count(*) FROM dap.runs WHERE message LIKE '%SECRET%'") +
      $node->safe_psql('postgres', "SELECT count(*) FROM dap.run_steps WHERE message LIKE '%SECRET%'"),
    0,
    "$knob: no value in the ledger");
  unlike(slurp_file($node->logfile, $log), qr/SECRET/, "$knob: nor in the server log");
  is(digest(), $before, "$knob: no row of any layer changed");
}
$node->safe_psql('postgres', "DO \$\$ BEGIN PERFORM dap.refresh_all(); EXCEPTION WHEN OTHERS THEN NULL; END \$\$");
is(last_run('status, sqlstate'), 'failed|22012', 'a caller that swallows the error leaves the evidence too');

# --- a bad file ---------------------------------------------------------------------------------
turn('pass');
put_file('users_bad.csv', "user_id,name,email\n3,Cyd,SECRET-4711\n");
($code, $out, $err) = $node->psql('postgres', $refresh);
isnt($code, 0, 'a file without its columns stops the run');
like($err, qr/users_bad\.csv/, 'the error names the file');
like($err, qr/DETAIL:.*phone/s, 'and what it lacks');
like($err, qr/HINT:/, 'and where to look');
is(last_run('status'), 'failed', 'the run failed');
is(
  $node->safe_psql(
    'postgres',
    "SELECT status, reason IS NOT NULL, run_id = (SELECT max(run_id) FROM dap.runs) FROM dap.files
        WHERE path LIKE '%users_bad.csv'"
  ),
  'failed|t|t',
  'the file has its line, though the transaction is gone');
is(digest(), $before, 'no row changed');
put_file('onboarding_bad.csv',
  "onboarding_id,user_id,role,status,onboarding_date\n"
    . join('', map { "$_,1,buyer,SECRET-4711,2024-01-03,too,many\n" } 100 .. 120));
unlink "$inbox/users_bad.csv";
($code, $out, $err) = $node->psql('postgres', $refresh);
isnt($code, 0, 'a file of broken records stops the run');
unlike($err, qr/SECRET/, 'its fields are not in the error');
is(
  $node->safe_psql(
    'postgres',
    "SELECT count(*), count(DISTINCT line), bool_and(convert_from(raw, 'UTF8') LIKE '%SECRET-4711%') FROM dap.rejects
        WHERE path LIKE '%onboarding_bad.csv'"
  ),
  '21|21|t',
  'its rejects are kept with their bytes');
is($node->psql('postgres', $refresh), 3, 'and it fails again');
is($node->safe_psql('postgres', "SELECT count(*) FROM dap.rejects WHERE path LIKE '%onboarding_bad.csv'"),
  '21', 'once in dap.rejects all the same');
$node->safe_psql('postgres', "SELECT dap.dismiss_file('$inbox/onboarding_bad.csv', 'broken at its origin')");
$node->safe_psql('postgres', $refresh);
is(last_run('status'), 'succeeded', 'dismissed, it is passed by');
isnt(digest(), $before, 'and what waited behind it is published');

# --- ended from outside -------------------------------------------------------------------------
new_file();
$before = digest();
turn('sleep');
my ($session, $pid) = start_sleeping();
is(last_run('status, finished_at IS NULL, elapsed > interval \'0\''), 'running|t|t', 'a run is seen while it runs');
my $cancelled = time;
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
wait_for_end($pid);
cmp_ok(time - $cancelled, '<', 3, 'a cancel takes effect at once');
is(last_run('status, sqlstate, failed_step'), 'failed|57014|analytics.transaction_stats', 'a cancelled run is failed');
finish($session);

($code, $out, $err) = $node->psql('postgres', "SET statement_timeout = '2s'; $refresh");
like($err, qr/statement timeout/, 'a statement_timeout is said to be one');
is(last_run('status, sqlstate'), 'failed|57014', 'a timed-out run is failed');

($session, $pid) = start_sleeping();
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 10000)");
is(last_run('status, finished_at IS NULL, message IS NOT NULL'), 'crashed|t|t', 'a terminated run is crashed');
is($node->safe_psql('postgres', 'SELECT status FROM dap_internal.run_ledger ORDER BY run_id DESC LIMIT 1'),
  'running', 'which is told from its transaction');
finish($session);
turn('divide');
$node->psql('postgres', $refresh);
is($node->safe_psql('postgres', 'SELECT status FROM dap_internal.run_ledger ORDER BY run_id DESC OFFSET 1 LIMIT 1'),
  'crashed', 'and written down by the next run');

turn('sleep');
($session, $pid) = start_sleeping();
kill 'KILL', $pid;
finish($session);
comes_back($node) or die 'the server does not come back';
is(last_run('status'), 'crashed', 'a killed run is crashed');
is(digest(), $before, 'no row changed by any of them');

# At the very end, when only its own line is left to write: another session keeps that from it.
turn('gate');
my $keeper = $node->background_psql('postgres');
$keeper->query_safe('SELECT pg_advisory_lock(1)');
($session, $pid) = start_sleeping('advisory');
$keeper->query_safe("BEGIN; SELECT status FROM dap_internal.run_ledger ORDER BY run_id DESC LIMIT 1 FOR UPDATE");
$keeper->query_safe('SELECT pg_advisory_unlock(1)');
$node->poll_query_until('postgres', "SELECT wait_event = 'transactionid' FROM pg_stat_activity WHERE pid = $pid")
  or die 'the run does not wait for its line';
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
$node->poll_query_until('postgres',
  "SELECT wait_event IS DISTINCT FROM 'transactionid' FROM pg_stat_activity WHERE pid = $pid")
  or die 'the cancel has no effect';
$keeper->query_safe('COMMIT');
$keeper->quit;
wait_for_end($pid);
is(last_run('status, sqlstate'), 'failed|57014', 'a run cancelled in its last moment is failed as well');
finish($session);
is(digest(), $before, 'and changed nothing');

# --- rolled back by the caller ------------------------------------------------------------------
turn('pass');
$node->safe_psql('postgres', "BEGIN; $refresh; ROLLBACK");
is(last_run('status, finished_at IS NOT NULL, message IS NOT NULL'), 'aborted|t|t', 'ROLLBACK: aborted');
is(
  $node->safe_psql(
    'postgres',
    "BEGIN; SAVEPOINT s; SELECT count(*) > 0 FROM dap.refresh_all(); ROLLBACK TO s; SELECT status FROM dap.runs
        ORDER BY run_id DESC LIMIT 1; COMMIT"
  ),
  "t\naborted",
  'ROLLBACK TO: aborted, while the transaction goes on');
is(last_run('status'), 'aborted', 'and when it committed');
is(digest(), $before, 'no row changed');
is(
  $node->safe_psql(
    'postgres',
    "BEGIN; SELECT count(*) > 0 FROM dap.refresh_all(); SELECT status FROM dap.runs ORDER BY run_id DESC
        LIMIT 1; COMMIT"
  ),
  "t\nsucceeded",
  'the caller sees its own run as succeeded');
is(last_run('status'), 'succeeded', 'as does everybody after COMMIT');
is(
  $node->safe_psql(
    'postgres', "BEGIN; SELECT count(*) > 0 FROM dap.refresh_all(); SELECT count(*) > 0 FROM dap.refresh_all(); COMMIT"
  ),
  "t\nt",
  'two in one transaction');

# --- one at a time ------------------------------------------------------------------------------
$session = $node->background_psql('postgres');
$pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query_safe("BEGIN; SELECT count(*) FROM dap.refresh_all()");
my $holder = last_run('run_id');
is(last_run('status'), 'running', 'a run whose transaction is open still runs, for the others');
($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET lock_timeout = '300ms'; $refresh");
like($err, qr/ERROR:  55P03: /, 'another one waits no longer than lock_timeout');
like($err, qr/DETAIL:  Run $holder \(pid $pid, user \w+\) holds the lock since \d{4}-/, 'and says who holds the lock');
($code, $out, $err) =
  $node->psql('postgres', "\\set VERBOSITY verbose\nSET lock_timeout = '300ms'; DROP EXTENSION dap_analytics CASCADE");
like($err, qr/ERROR:  55P03: /, 'DROP EXTENSION waits too');
my $second = $node->background_psql('postgres');
my $second_pid = $second->query_safe('SELECT pg_backend_pid()');
$second->query_until(qr/go/,
  "\\echo go\nSELECT string_agg(DISTINCT action, ',') FROM dap.refresh_all() WHERE object LIKE 'analytics.%';\n");
$node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $second_pid")
  or die 'the second does not wait';
$session->query_safe('COMMIT');
is($second->query_safe('SELECT 1'),
  "unchanged\n1", 'the second goes on when the first is done, and finds nothing to do');
$session->quit;
$second->quit;

$node->safe_psql('postgres', "BEGIN; SELECT count(*) FROM dap.refresh_all(); PREPARE TRANSACTION 'p'");
($code, $out, $err) = $node->psql('postgres', "SET lock_timeout = '300ms'; $refresh");
like($err, qr/DETAIL:  Run \d+ \(pid none: a prepared transaction, user/, 'a prepared transaction holds it as well');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'p'");
is(last_run('status'), 'aborted', 'and is rolled back as any other');

# --- where no refresh can be --------------------------------------------------------------------
for my $level ('REPEATABLE READ', 'SERIALIZABLE')
{
  ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nBEGIN ISOLATION LEVEL $level; $refresh");
  like($err, qr/ERROR:  25000: .*HINT:/s, "$level: 25000");
}
($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nBEGIN READ ONLY; $refresh");
like($err, qr/ERROR:  25006: /, 'READ ONLY: 25006');

# --- who runs it --------------------------------------------------------------------------------
new_file();
turn('divide');
$node->safe_psql(
  'postgres',
  "CREATE ROLE batch NOLOGIN; SELECT dap.grant_access('batch', 'operator'); CREATE ROLE person LOGIN CONNECTION
      LIMIT 1; GRANT batch TO person"
);
$node->safe_psql('postgres', "ALTER DATABASE postgres SET dap.ingest_directories = '$inbox'");
($code, $out, $err) = $node->psql('postgres', "SET ROLE batch; $refresh", extra_params => [ '-U', 'person' ]);
like($err, qr/division by zero/, 'as a role that cannot log in, in a session whose role has no connection to spare');
unlike($err, qr/WARNING/, 'without trouble');
is(last_run('status, sqlstate, run_by'), 'failed|22012|person', 'the evidence names the session user');
like(
  $node->safe_psql(
    'postgres',
    "SELECT string_agg(privilege, ',') FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
        WHERE has_table_privilege('batch', 'dap_internal.run_ledger', privilege)"
  ),
  qr/^$/,
  'who may run may not write the ledger');
($code, $out, $err) = $node->psql('postgres', "SET ROLE batch; SELECT dap_internal.record_run('{}')");
like($err, qr/permission denied/, 'nor call what writes it');

# --- settings that would stand in the recorder's way --------------------------------------------
$node->safe_psql(
  'postgres',
  "ALTER DATABASE postgres SET default_transaction_read_only = on; ALTER DATABASE postgres
      SET default_transaction_isolation = 'serializable'; ALTER DATABASE postgres SET search_path = nowhere"
);
($code, $out, $err) = $node->psql('postgres',
  "SET default_transaction_read_only = off; SET default_transaction_isolation = 'read committed'; $refresh");
like($err, qr/division by zero/, 'read-only by default: the error is the original one');
unlike($err, qr/WARNING/, 'and recorded');
$node->safe_psql(
  'postgres',
  "SET default_transaction_read_only = off; ALTER DATABASE postgres RESET ALL; ALTER DATABASE postgres
      SET dap.ingest_directories = '$inbox'"
);
is(last_run('status, sqlstate'), 'failed|22012', 'so it is');

# --- the recorder is kept from its work ---------------------------------------------------------
$session = $node->background_psql('postgres');
$session->query_safe("BEGIN; LOCK TABLE dap_internal.run_ledger IN SHARE MODE");
my $count = $node->safe_psql('postgres', 'SELECT count(*) FROM dap.runs');
my $started = time;
($code, $out, $err) = $node->psql('postgres', $refresh);
like($err, qr/ERROR: .*division by zero/, 'a locked ledger: the original error is raised');
like($err, qr/WARNING: .*could not record run/, 'with a WARNING');
cmp_ok(time - $started, '<', 12, 'after seconds');
$session->query_safe('COMMIT');
$session->quit;
is($node->safe_psql('postgres', 'SELECT count(*) FROM dap.runs'), $count, 'the line is lost');
like(
  slurp_file($node->logfile),
  qr/LOG:  run \d+ \(.*\) failed in step \d+ on analytics\.transaction_stats: SQLSTATE 22012: .*division by zero/,
  'and the evidence in the server log');

$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->restart;
($code, $out, $err) = $node->psql('postgres', $refresh);
like($err, qr/ERROR: .*division by zero/, 'no worker slot: the original error is raised');
like(
  $err,
  qr/WARNING: .*could not record run \d+ outside its transaction: no background worker slot is free.*HINT: .*max_worker_processes/s,
  'with a WARNING and a hint');
turn('pass');
($code, $out, $err) = $node->psql('postgres', $refresh);
is($code, 0, 'no worker slot: a run can succeed');
is(() = $err =~ /WARNING/g, 1, 'with one WARNING');
is(last_run('status, finished_at >= started_at'), 'succeeded|t', 'and its line is written with its data');
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;

# --- lines from elsewhere -----------------------------------------------------------------------
my $committed = $node->safe_psql('postgres', 'SELECT pg_current_xact_id()');
$node->safe_psql(
  'postgres', qq{
  INSERT INTO dap_internal.run_ledger (command, status, started_at, run_by, pid, xid, system_identifier, database_oid)
  SELECT 'elsewhere', s.status, now(), 'nobody', 1, x.xid, i.identifier, d.oid
  FROM (VALUES (1, 'running'), (2, 'returned')) AS s (rank, status),
    (VALUES (1, '$committed'::xid8), (2, '18446744073709551000'::xid8)) AS x (rank, xid),
    (SELECT 1, system_identifier FROM pg_control_system() UNION ALL SELECT 2, 42) AS i (rank, identifier),
      pg_database AS d
  WHERE d.datname IN ('postgres', 'template1')
  ORDER BY s.rank, x.rank, i.rank, d.datname});
is(
  $node->safe_psql(
    'postgres', "SELECT status, count(*) FROM dap.runs WHERE command = 'elsewhere' GROUP BY status ORDER BY status"),
  "aborted|7\ncrashed|7\nsucceeded|2",
  'transactions of another server or database, or of the future, are not asked about');
$node->safe_psql('postgres',
  "DELETE FROM dap_internal.run_ledger WHERE command = 'elsewhere' AND xid = '$committed'; $refresh");
is(
  $node->safe_psql(
    'postgres',
    "SELECT status, count(*) FROM dap_internal.run_ledger WHERE command = 'elsewhere' GROUP BY status ORDER BY status"),
  "aborted|4\ncrashed|4",
  'the next run writes down what they are');

# --- standby ------------------------------------------------------------------------------------
turn('sleep');
new_file();
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
($code, $out, $err) = $standby->psql('postgres', "\\set VERBOSITY verbose\n$refresh");
like($err, qr/ERROR:  25006: .*HINT: /s, 'a standby: 25006');
($session, $pid) = start_sleeping();
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT status FROM dap.runs ORDER BY run_id DESC LIMIT 1'),
  'running', 'it shows a run of the primary');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 10000)");
finish($session);
$node->safe_psql('postgres', 'CHECKPOINT');    # nothing else flushes the end of an aborted transaction
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT status FROM dap.runs ORDER BY run_id DESC LIMIT 1'),
  'crashed', 'and how it ended');
$standby->stop;
$node->stop;
done_testing();
