# pg_cron for real: a job of an operator who is no superuser makes new files analytics at its tick, and one whose run
# fails says so.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(extra => ['--encoding=UTF8']);
if (!-e $node->config_data('--pkglibdir') . '/pg_cron.so')
{
  plan skip_all => 'pg_cron is not installed';
}
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE shop; CREATE DATABASE "the other"');

my $inbox = PostgreSQL::Test::Utils::tempdir;
chmod 0755, $inbox;

sub put_file
{
  my ($name, $text) = @_;
  append_to_file("$inbox/$name", $text);
  chmod 0644, "$inbox/$name";
}

# The outcome of a statement that raises: SQLSTATE, then everything that was said.
sub refused
{
  my ($database, $sql, @options) = @_;
  my ($code, $out, $err) = $node->psql($database, "\\set VERBOSITY verbose\n$sql", @options);
  return $err;
}

$node->safe_psql($_, 'CREATE EXTENSION dap_analytics') for 'shop', 'the other';
like(
  refused('shop', 'SELECT dap.schedule()'),
  qr/ERROR:  55000: .*HINT: .*shared_preload_libraries.*CREATE EXTENSION pg_cron/s,
  'without pg_cron in the server');
$node->append_conf(
  'postgresql.conf', q{
shared_preload_libraries = 'pg_cron'
cron.database_name = 'shop'
cron.use_background_workers = on
max_worker_processes = 20
});
$node->restart;
like(
  refused('shop', 'SELECT dap.schedule()'),
  qr/ERROR:  55000: .*HINT: .*CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron/s,
  'without the extension in the database');
$node->safe_psql('shop', 'CREATE EXTENSION pg_cron');

# --- a pipeline, and an operator ----------------------------------------------------------------
put_file('users.csv', "user_id,name,email,phone,created_at\n1,Ann,ann\@example.com,1,2024-01-01\n");
put_file('onboarding.csv', "onboarding_id,user_id,role,status,onboarding_date\n1,1,buyer,kyc_done,2024-01-03\n");
put_file('transactions.csv', "transaction_id,user_id,amount,transaction_date\n1,1,10.50,2024-01-04\n");
$node->safe_psql('shop', 'CREATE ROLE night LOGIN; CREATE ROLE nobody NOLOGIN');
for my $database ('shop', 'the other')
{
  $node->safe_psql($database, "ALTER DATABASE \"$database\" SET dap.ingest_directories = '$inbox'");
  $node->safe_psql(
    $database,
    "SELECT * FROM dap.setup('$inbox'); SELECT dap.grant_access('night', 'operator');
        SELECT dap.grant_access('nobody', 'operator')"
  );
}
my @night = (extra_params => [ '-U', 'night' ]);
is($node->safe_psql('shop', "SELECT has_schema_privilege('night', 'cron', 'USAGE')"),
  't', 'access level operator opens pg_cron');
$node->safe_psql('shop', 'REVOKE USAGE ON SCHEMA cron FROM night, nobody');
like(
  refused('shop', 'SELECT dap.schedule()', @night),
  qr/ERROR:  42501: .*HINT: .*GRANT USAGE ON SCHEMA cron TO night/s,
  'without access to pg_cron');
$node->safe_psql('shop', 'GRANT USAGE ON SCHEMA cron TO night, nobody');
$node->safe_psql('shop', 'CREATE ROLE stranger LOGIN; GRANT USAGE ON SCHEMA cron TO stranger');
like(
  refused('shop', 'SELECT dap.schedule()', extra_params => [ '-U', 'stranger' ]),
  qr/ERROR:  42501: /,
  'not for roles that are no operators');

# --- scheduling ---------------------------------------------------------------------------------
like(refused('shop', "SELECT dap.schedule('every night')", @night), qr/ERROR:  22023: /, 'no schedule');
like(refused('shop', "SELECT dap.schedule(NULL)", @night), qr/ERROR:  22004: /, 'NULL');
like(
  refused('shop', "SET ROLE nobody; SELECT dap.schedule()"),
  qr/ERROR:  55000: .*HINT: .*LOGIN/s,
  'a role that cannot log in');
my ($code, $out, $err) = $node->psql('shop', "SET TimeZone = 'Asia/Tokyo'; SELECT dap.schedule()", @night);
like($out, qr/^\d+$/, 'the id of the job is returned');
my $job = $out;
like(
  $err,
  qr/NOTICE:  job $job "dap_shop" scheduled, next run \d{4}-\d\d-\d\d 02:00:00 GMT\nDETAIL:  That is \d{4}-\d\d-\d\d 11:00:00\+09 here/,
  'time zone and next run are said');
unlike($err, qr/WARNING/, 'an operator is not warned');
is(
  $node->safe_psql(
    'shop', "SELECT jobid, schedule, command, database, username FROM cron.job WHERE jobname = 'dap_shop'"),
  "$job|0 2 * * *|SELECT * FROM dap.refresh_all()|shop|night",
  'as it stands in pg_cron');
($code, $out, $err) = $node->psql('shop', 'SELECT dap.schedule()');
like($err, qr/WARNING:  job "dap_shop" will run as superuser/, 'a superuser is warned');
isnt($out, $job, 'and has a job of his own');
is($node->safe_psql('shop', 'SELECT dap.unschedule()'), 't', 'which he removes');
is($node->safe_psql('shop', 'SELECT string_agg(username, \',\') FROM cron.job'), 'night', 'and none but it');

# The other database: what the HINT says is run as it is.
my $hint = refused('the other',
  "SELECT dap.schedule('* * * * *', 'SELECT count(*) FROM dap.refresh_all() WHERE object <> ''it''''s''')", @night);
like($hint, qr/ERROR:  55000: .*HINT:  In database "shop", as a superuser, run: /s, 'pg_cron in another database');
like(refused('the other', 'SELECT dap.unschedule()', @night), qr/ERROR:  55000: .*"shop"/s, 'for unschedule too');
$hint =~ /run: (SELECT cron\.schedule_in_database.*?\);)\n/s or die $hint;

# --- a tick -------------------------------------------------------------------------------------
# New files for one; for the other, besides, a file that fails it.
$node->safe_psql('shop', 'SELECT * FROM dap.refresh_all()');
$node->safe_psql('the other', "SELECT * FROM dap.refresh_all()");
put_file('transactions_2.csv', "transaction_id,user_id,amount,transaction_date\n2,1,20.00,2024-01-05\n");
$node->safe_psql(
  'the other',
  q{CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'SECRET-4711'; END $$;
  CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON analytics.transaction_stats FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse()}
);
my $logged = -s $node->logfile;
$node->safe_psql('shop', $1);
($code, $out, $err) = $node->psql('shop', "SELECT dap.schedule('* * * * *')", @night);
is($out, $job, 'the same name changes the job');
like($err, qr/NOTICE:  job $job "dap_shop" changed, next run .* GMT/, 'and says so');
is(
  $node->safe_psql('shop', "SELECT database, username FROM cron.job WHERE jobname = 'dap_the other'"),
  'the other|night',
  'the call from the HINT made its job');

ok(
  $node->poll_query_until(
    'shop', "SELECT count(DISTINCT jobid) = 2 FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')"),
  'the minute comes');
is(
  $node->safe_psql(
    'shop',
    "SELECT DISTINCT database, username, status FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')
        ORDER BY database"
  ),
  "shop|night|succeeded\nthe other|night|failed",
  'pg_cron says what became of the jobs');
is($node->safe_psql('shop', 'SELECT transactions, total_amount FROM analytics.transaction_stats'),
  '2|30.50', 'new files are analytics');
is($node->safe_psql('shop', "SELECT status, run_by FROM dap.runs WHERE run_by = 'night' ORDER BY run_id LIMIT 1"),
  'succeeded|night', 'dap.runs has the run');
is($node->safe_psql('the other', 'SELECT transactions, total_amount FROM analytics.transaction_stats'),
  '1|10.50', 'a failed run changed nothing');
is(
  $node->safe_psql(
    'the other',
    "SELECT status, sqlstate, failed_step, run_by FROM dap.runs WHERE run_by = 'night' ORDER BY run_id LIMIT 1"),
  'failed|P0001|analytics.transaction_stats|night',
  'and left its evidence');
unlike(slurp_file($node->logfile, $logged), qr/SECRET/, 'without values');

# The job that failed is the other database's: pg_cron's own database shows none.
is($node->safe_psql('shop', "SELECT count(*) FROM dap.status WHERE layer IS NULL", @night),
  '0', 'dap.status has no job that failed');

# --- jobs that cannot connect -------------------------------------------------------------------
# pg_cron's default: jobs connect as clients do.
sub told
{
  my ($code, $out, $err) = $node->psql('shop', "SELECT dap.schedule('* * * * *')", @night);
  return $code == 0 ? $err : "error: $err";
}
sub hba
{
  unlink $node->data_dir . '/pg_hba.conf';
  $node->append_conf('pg_hba.conf', join('', map { "$_\n" } @_));
  $node->reload;
}
delete local @ENV{qw(PGPASSWORD PGPASSFILE)};
local $ENV{HOME} = PostgreSQL::Test::Utils::tempdir;
$node->append_conf('postgresql.conf', "cron.use_background_workers = off\nlisten_addresses = ''");
$node->restart;
like(
  told(),
  qr/WARNING:  job "dap_shop" will not be able to connect\nDETAIL:  As cron.use_background_workers is off, pg_cron connects to host "localhost" as user "night": .*listen_addresses.*HINT:  Set cron.use_background_workers = on/s,
  'no address to connect to');
$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");
my @local = ('local all all trust');
hba(@local, 'host all all 127.0.0.1/32 trust', 'host all all ::1/128 scram-sha-256');
$node->restart;
unlike(told(), qr/WARNING/, 'trusted');
hba(@local, 'host shop night 0.0.0.0/0 scram-sha-256', 'host all all all trust');
unlike(told(), qr/WARNING/, 'trusted by one of the addresses');
hba(
  @local, '# first',
  'host "the other" all all trust',
  'host all postgres samehost trust',
  'hostssl all all all trust',
  'host all +nobody all trust',
  'host sameuser all all trust',
  'host all night localhost scram-sha-256');
like(
  told(),
  qr/WARNING: .*DETAIL: .*: line 8 of pg_hba.conf asks for a password \(scram-sha-256\), and it has none\.\n/s,
  'the line that asks for a password');
hba(@local, 'host all all 10.0.0.0/8 trust', 'host all night all reject');
like(told(), qr/WARNING: .*DETAIL: .*: line 3 of pg_hba.conf rejects it\.\n/s, 'a line that rejects');
hba(@local, 'host all all 10.0.0.0/8 trust');
like(told(), qr/WARNING: .*DETAIL: .*: no line of pg_hba.conf lets it in\.\n/s, 'no line');
$node->append_conf('postgresql.conf', "cron.host = '/nowhere'");
$node->restart;
like(told(), qr/WARNING: .*the server has no socket there/s, 'no such socket');
my ($sockets) = $node->host;
$node->append_conf('postgresql.conf', "cron.host = '$sockets'");
hba('local all postgres trust', 'local all night trust');
$node->restart;
unlike(told(), qr/WARNING/, 'a trusted socket');
hba('local all postgres trust', 'local shop night peer', 'local all all trust');
# The test itself would not get in; the function is what dap.schedule() asks.
is($node->safe_psql('shop', "SELECT dap_internal.login_refusal('night', '$sockets', 'night', false) IS NULL"),
  't', 'peer: the same name gets in');
like(
  $node->safe_psql('shop', "SELECT dap_internal.login_refusal('night', '$sockets', 'somebody', false)"),
  qr/line 2 of pg_hba.conf lets the operating system's user "somebody" in under no other name/,
  'another name does not');
is(
  $node->safe_psql(
    'shop',
    "SELECT dap_internal.login_refusal('night', h, 'x', false) IS NULL
        FROM unnest(ARRAY['db.example.com', '1.2', '::::', '']) h"
  ),
  "t\nt\nt\nt",
  'what cannot be told is not said');

# The job's own end: a line in dap.status, for its owner and for superusers, until it succeeds.
$node->append_conf('postgresql.conf', "cron.host = 'localhost'");
hba('local all all trust', 'host all all all scram-sha-256');
$node->restart;
$node->safe_psql('shop', 'TRUNCATE cron.job_run_details');
like(told(), qr/WARNING: .*asks for a password/s, 'told beforehand');
ok(
  $node->poll_query_until(
    'shop', "SELECT count(*) > 0 FROM cron.job_run_details WHERE status = 'failed' AND jobid = $job"),
  'and so it is');
for my $who ([], \@night)
{
  is(
    $node->safe_psql(
      'shop',
      "SELECT object, layer IS NULL, state, regexp_replace(message, 'at .*?: ', 'at T: ') FROM dap.status LIMIT 1",
      @$who),
    "dap_shop|t|failed|job $job of user night failed at T: connection failed; with cron.use_background_workers = on "
      . "jobs need no connection",
    'dap.status says so');
}
$node->safe_psql('shop', "CREATE ROLE watcher LOGIN; SELECT dap.grant_access('watcher', 'monitor')");
is(
  $node->safe_psql(
    'shop',
    'SELECT count(*) > 0, count(*) FILTER (WHERE layer IS NULL) FROM dap.status',
    extra_params => [ '-U', 'watcher' ]),
  't|0',
  'a role that may not look into pg_cron sees the rest');
$node->safe_psql('shop', 'GRANT USAGE ON SCHEMA cron TO watcher');
is(
  $node->safe_psql(
    'shop',
    'SELECT count(*) FILTER (WHERE layer IS NULL) FROM dap.status',
    extra_params => [ '-U', 'watcher' ]),
  '0',
  'one that may sees no jobs of others');
$node->safe_psql(
  'shop',
  "INSERT INTO cron.job_run_details (jobid, runid, status, return_message, database, username)
      VALUES ($job, nextval('cron.runid_seq'), 'succeeded', '1 row', 'shop', 'night')"
);
is($node->safe_psql('shop', 'SELECT count(*) FROM dap.status WHERE layer IS NULL'),
  '0', 'a job that succeeded again is no news');
# A job of one's own that has nothing to do with dap
$node->safe_psql(
  'shop',
  "INSERT INTO cron.job_run_details (jobid, runid, status, return_message, database, username)
      VALUES (cron.schedule('mine', '0 0 1 1 *', 'VACUUM'), nextval('cron.runid_seq'), 'failed', 'no', 'shop',
      current_user)"
);
is($node->safe_psql('shop', 'SELECT count(*) FROM dap.status WHERE layer IS NULL'),
  '0', 'jobs that do not call dap are not its own');

# --- unscheduling -------------------------------------------------------------------------------
like(
  refused('shop', "SELECT dap.unschedule('dap_nothing')", @night),
  qr/ERROR:  42704: .*HINT: .*dap_shop/s,
  'an unknown job');
is($node->safe_psql('shop', 'SELECT dap.unschedule()', @night), 't', 'a known one');
like(refused('shop', 'SELECT dap.unschedule()', @night), qr/ERROR:  42704: /, 'is unknown then');
my $long = 'n' x 80;
$node->safe_psql('shop', "SELECT dap.schedule(name => '$long'); SELECT dap.unschedule('$long')", @night);
is($node->safe_psql('shop', "SELECT count(*) FROM cron.job WHERE jobname LIKE 'nn%'"),
  '0', 'long names go the same way');
$node->safe_psql('shop', 'DROP EXTENSION pg_cron');
like(refused('shop', 'SELECT dap.unschedule()', @night), qr/ERROR:  55000: /, 'nothing else depends on pg_cron');
is($node->psql('shop', 'SELECT * FROM dap.refresh_all()', @night), 0, 'the refresh least of all');
$node->stop;
done_testing();
