# Parallel workers of a load: the same rows whatever their number, and every way in which they can end.
use strict;
use warnings FATAL => 'all';

use IPC::Run;
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(comes_back random_text write_random);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{DAP_SEED} // int(rand(2**31));
srand($seed);
note "seed $seed (DAP_SEED)";

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf(
  'postgresql.conf', q{
autovacuum = off
restart_after_crash = on
max_worker_processes = 16
max_parallel_workers = 8
max_parallel_maintenance_workers = 8
dap.max_ingest_workers = 2
});
$node->start;
my $temp = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);
sub sql { return $node->safe_psql('postgres', $_[0]); }

sql(
  "CREATE EXTENSION dap_analytics; CREATE EXTENSION amcheck; CREATE EXTENSION pg_freespacemap; CREATE EXTENSION
      pgstattuple; SELECT * FROM dap.setup()"
);

# Result, and standard error with debug messages, of one load.
sub load
{
  my ($source, $path, $settings) = @_;
  my ($out, $err);
  $node->psql(
    'postgres',
    "$settings; SET client_min_messages = debug1; SELECT status, rows_read, rows_loaded
        FROM dap.ingest_csv('$source', '$path')",
    stdout => \$out,
    stderr => \$err);
  return ($out, $err);
}

sub contents
{
  my ($source) = @_;
  return sql(
        "SELECT count(*), md5(string_agg(format('%s|%s|%s|%s|%s', _line, a, b, c, d), E'\\n' ORDER BY _line)) FROM "
      . "staging.$source");
}

write_random("$temp/file.csv", 70000, 60);

# Whatever their number.
my %workers = (
  'no worker allowed to a load' => [ 'SET dap.max_ingest_workers = 0', qr/\A(?!.*parallel worker)/s ],
  'no worker for maintenance' => [ 'SET max_parallel_maintenance_workers = 0', qr/\A(?!.*parallel worker)/s ],
  'no parallel worker at all' => [ 'SET max_parallel_workers = 0', qr/0 parallel workers write/ ],
  'one worker' => [ 'SET dap.max_ingest_workers = 1', qr/1 parallel worker writes/ ],
  'two workers' => [ 'SET dap.max_ingest_workers = 2', qr/2 parallel workers write/ ],
  'eight workers' => [ 'SET dap.max_ingest_workers = 8', qr/8 parallel workers write/ ],
  'two workers, in a subtransaction, serializable' =>
    [ 'BEGIN ISOLATION LEVEL SERIALIZABLE; SAVEPOINT s', qr/2 parallel workers write/ ],);
my $expected;
my $number = 0;
for my $name (sort keys %workers)
{
  my $source = 'w' . ++$number;
  my ($settings, $pattern) = @{ $workers{$name} };
  sql("SELECT dap.create_source('$source', NULL, '{a,b,c,d}')");
  my ($out, $err, $end);
  $node->psql(
    'postgres',
    "$settings; SET client_min_messages = debug1; SELECT status, rows_read, rows_loaded
        FROM dap.ingest_csv('$source', '$temp/file.csv');"
      . ($settings =~ /BEGIN/ ? ' COMMIT' : ''),
    stdout => \$out,
    stderr => \$err);
  is($out, 'loaded|70000|70000', "$name: loaded");
  like($err, $pattern, "$name: as asked");
  $expected //= contents($source);
  is(contents($source), $expected, "$name: the same rows on the same lines");
  is(sql("SELECT count(*) FROM verify_heapam('staging.$source')"), '0', "$name: heap is sound");
}
is((split /\|/, $expected)[0], 70000, 'every row');

# Free space: only the last page has some to speak of, and it is known.
is(
  sql(
    "SELECT count(*) FILTER (WHERE avail > 400) <= 1, count(*) FILTER (WHERE avail > 8192)
        FROM pg_freespace('staging.w1')"
  ),
  't|0',
  'the free space map does not promise what is not there');

# A table that its own transaction made: an insert does not lock its extension.
is(
  ( split /\n/,
    sql(
      "BEGIN; SELECT dap.create_source('fresh', NULL, '{a,b,c,d}'); SELECT status
          FROM dap.ingest_csv('fresh', '$temp/file.csv'); COMMIT"
    ))[-1],
  'loaded',
  'into a table of the same transaction');
is(contents('fresh'), $expected, 'the same rows');
is(sql("SELECT count(*) FROM verify_heapam('staging.fresh')"), '0', 'heap is sound');

# A file that is big enough that something can happen to it.
my $big = "$temp/big.csv";
system("(head -n 1 $temp/file.csv; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do tail -n +2 "
    . "$temp/file.csv; done) > $big") == 0
  or die;
sql("SELECT dap.create_source('$_', NULL, '{a,b,c,d}')") for qw(terminated killed cancelled rejected);

# Looks for a worker at work, a thousand times a second.
my $watch = q{DO $$
DECLARE
  worker integer;
BEGIN
  FOR i IN 1 .. 60000 LOOP
    PERFORM pg_stat_clear_snapshot();
    SELECT pid INTO worker FROM pg_stat_activity WHERE backend_type = 'parallel worker' AND query LIKE '%ingest_csv%'
  LIMIT 1;
    IF worker IS NOT NULL THEN
      RAISE NOTICE 'worker %', worker;
      RETURN;
    END IF;
    PERFORM pg_sleep(0.001);
  END LOOP;
END $$};

# Starts a load and returns the session once a worker is at work, with the worker's pid.
sub start_load
{
  my ($source, $output) = @_;
  my ($seen, $ready) = ('', '');
  my $watcher = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $watch ],
    '<', \undef, '>', \$ready, '2>', \$seen);
  $node->poll_query_until('postgres',
    "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'")
    or die;
  my $session = IPC::Run::start(
    [ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SELECT status FROM dap.ingest_csv('$source', '$big')" ],
    '<', \undef, '>', $output, '2>', $output);
  $watcher->finish;
  my ($pid) = $seen =~ /worker (\d+)/;
  ok(defined $pid, "$source: a worker shows its query in pg_stat_activity") or BAIL_OUT('no worker was seen');
  return ($session, $pid);
}

sub nobody_left
{
  my ($name) = @_;
  is(sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'"),
    '0', "$name: no worker is left");
  return;
}

# A worker is terminated: the load fails with its error.
{
  my $output = '';
  my ($session, $pid) = start_load('terminated', \$output);
  is(sql("SELECT pg_terminate_backend($pid)"), 't', 'a worker is terminated');
  $session->finish;
  like($output, qr/due to administrator command/, 'that is the load\'s error');
  is(sql('SELECT count(*) FROM staging.terminated'), '0', 'terminated: no row stays');
  nobody_left('terminated');
  is(sql("SELECT status FROM dap.ingest_csv('terminated', '$big')"),
    'loaded', 'terminated: the file is loaded after that');
  is(sql('SELECT count(*) FROM staging.terminated'), '1400000', 'terminated: every row');
}

# The load is cancelled.
{
  my $output = '';
  my ($session, $pid) = start_load('cancelled', \$output);
  is(
    sql(
      "SELECT bool_and(pg_cancel_backend(pid)) FROM pg_stat_activity
          WHERE query LIKE '%ingest_csv%' AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    ),
    't',
    'the load is cancelled');
  $session->finish;
  like($output, qr/canceling statement due to user request/, 'cancelled: the load says so');
  nobody_left('cancelled');
  is(sql('SELECT count(*) FROM staging.cancelled'), '0', 'cancelled: no row stays');
}

# kill -9 of a worker: the server starts anew; no row of the load is there.
{
  my $output = '';
  my ($session, $pid) = start_load('killed', \$output);
  kill 'KILL', $pid;
  $session->finish;
  comes_back($node) or die 'no recovery';
  is(sql('SELECT count(*) FROM staging.killed'), '0', 'kill -9 of a worker: no row stays');
  is(sql("SELECT count(*) FROM verify_heapam('staging.killed')"), '0', 'kill -9 of a worker: heap is sound');
  is(sql("SELECT status FROM dap.ingest_csv('killed', '$big')"),
    'loaded', 'kill -9 of a worker: the file is loaded after that');
  is(sql("SELECT count(*), count(DISTINCT _line) FROM staging.killed"),
    '1400000|1400000', 'kill -9 of a worker: every row');
}

# A load that is given up without an error, long after its workers began.
{
  my $path = "$temp/rejected.csv";
  system("(cat $temp/file.csv $temp/file.csv; for i in 1 2 3 4 5 6; do echo 'one,field,too,many,here'; done) > $path")
    == 0
    or die;
  my ($out, $err);
  $node->psql(
    'postgres',
    "SET client_min_messages = debug1; SELECT status FROM dap.ingest_csv('rejected', '$path', '{\"max_rejects\": 5}')",
    stdout => \$out,
    stderr => \$err);
  is($out, 'failed', 'a file that passes its limit at the end');
  like($err, qr/2 parallel workers write/, 'given up: workers had begun');
  nobody_left('given up');
  is(sql('SELECT count(*) FROM staging.rejected'), '0', 'given up: no row stays');
  $node->poll_query_until('postgres', "SELECT n_dead_tup > 0 FROM pg_stat_user_tables WHERE relname = 'rejected'");
  is(
    sql("SELECT n_tup_ins, n_dead_tup, n_live_tup FROM pg_stat_user_tables WHERE relname = 'rejected'"),
    sql("SELECT dead_tuple_count, dead_tuple_count, 0 FROM pgstattuple('staging.rejected')"),
    'given up: the statistics count what is there');
  is(sql("SELECT status, rows_loaded FROM dap.ingest_csv('rejected', '$path', '{\"max_rejects\": 6}')"),
    'loaded|140001', 'and is loaded when the limit allows it');
}

# A file that fails on its rejects leaves no dead pages where that can be known before the first is written.
{
  sql("SELECT dap.create_source('$_', NULL, '{a,b,c,d}')") for qw(early late);
  my $rows = 0;
  open my $file, '>:raw', "$temp/early.csv" or die;
  print $file "a,b,c,d\n";
  print $file $_ % 20 ? "$_,x,y," . random_text(90) . "\n" : "$_,x\n" for 1 .. 60000;
  close $file;
  is(
    sql(
      "SELECT status, rows_read, rows_rejected, reason ~ '3000 of 60000 records rejected'
          FROM dap.ingest_csv('early', '$temp/early.csv')"
    ),
    'failed|60000|3000|t',
    'one record of twenty is bad');
  is(sql("SELECT pg_relation_size('staging.early')"), '0', 'and not a page was written');
  # Bad only at its beginning: it is read a second time, and nothing is counted twice.
  open $file, '>:raw', "$temp/late.csv" or die;
  print $file "a,b,c,d\n";
  print $file $_ > 30 ? "$_,x,y," . random_text(90) . "\n" : "$_,x\n" for 1 .. 60000;
  close $file;
  is(sql("SELECT status, rows_read, rows_loaded, rows_rejected FROM dap.ingest_csv('late', '$temp/late.csv')"),
    'loaded|60000|59970|30', 'only the first thirty records are bad');
  is(sql("SELECT count(*), min(_line), max(_line), count(DISTINCT _line) FROM staging.late"),
    '59970|32|60001|59970', 'the rest is loaded once');
  is(sql("SELECT count(*), min(line), max(line) FROM dap.rejects WHERE path LIKE '%/late.csv'"),
    '30|2|31', 'and thirty rejects are kept');
}

# The same with rejects that do not fit the memory, when the second reading succeeds and when it fails.
{
  sql("SELECT dap.create_source('$_', NULL, '{a,b,c,d}')") for qw(spilled refused);
  sql("ALTER TABLE staging.refused ADD CONSTRAINT last CHECK (a <> '60000')");
  open my $file, '>:raw', "$temp/spilled.csv" or die;
  print $file "a,b,c,d\n";
  print $file $_ <= 30 || $_ % 125 == 1 ? "$_,\"x\"z" . random_text(400) . "\n" : "$_,x,y," . random_text(90) . "\n"
    for 1 .. 60000;
  close $file;
  my $bad = 30 + 479;
  my $load = "SET work_mem = '64kB'; SELECT status, rows_read, rows_loaded, rows_rejected FROM dap.ingest_csv";
  is(
    sql("$load('spilled', '$temp/spilled.csv')"),
    'loaded|60000|' . (60000 - $bad) . "|$bad",
    'spilled rejects: loaded');
  is(sql("SELECT count(*), count(DISTINCT line) FROM dap.rejects WHERE source = 'spilled'"),
    "$bad|$bad", 'spilled rejects: each is kept once');
  is(sql("$load('refused', '$temp/spilled.csv')") =~ s/\|.*//r,
    'failed', 'spilled rejects: refused by a constraint in the second reading');
  is(sql("SELECT reason ~ 'constraint' FROM dap.files WHERE source = 'refused'"),
    't', 'spilled rejects: the reason is kept');
  is(sql("SELECT count(*), count(DISTINCT line) FROM dap.rejects WHERE source = 'refused'"),
    "$bad|$bad", 'spilled rejects: as are the rejects');
}

# Rejects that come back in such a number that workers write them.
{
  sql("SELECT dap.create_source('back', NULL, '{a,b,c,d}')");
  open my $file, '>:raw', "$temp/back.csv" or die;
  print $file "a,b,c,d\n0,x,y,z\n";
  print $file "$_,x,y,q\"z" . random_text(90) . "\n" for 1 .. 80000;
  close $file;
  my $id = sql("SELECT file_id FROM dap.ingest_csv('back', '$temp/back.csv', '{\"max_reject_percent\": 100}')");
  my ($out, $err);
  $node->psql(
    'postgres',
    "SET client_min_messages = debug1; SELECT retried, loaded FROM dap.retry_rejects($id, '{\"lenient\": true}')",
    stdout => \$out,
    stderr => \$err);
  is($out, '80000|80000', 'eighty thousand rejects come back');
  like($err, qr/2 parallel workers write/, 'by parallel workers');
  is(sql("SELECT count(*), count(DISTINCT _line) FROM dap.file_rows(NULL::staging.back, $id)"),
    '80001|80001', 'and are found with their file');
}

# Where the WAL is minimal and the table is new in the transaction, there is none of the rows; they are there after a
# crash.
{
  my $minimal = PostgreSQL::Test::Cluster->new('minimal');
  $minimal->init;
  $minimal->append_conf('postgresql.conf',
        "wal_level = minimal\nmax_wal_senders = 0\nautovacuum = off\nfsync = on\nmax_parallel_maintenance_workers = 2\n"
      . "dap.max_ingest_workers = 2\n");
  $minimal->start;
  $minimal->safe_psql('postgres', 'CREATE EXTENSION dap_analytics; SELECT * FROM dap.setup()');
  my ($out, $err);
  my $load = sub {
    my ($before) = @_;
    my $start = $minimal->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
    $minimal->psql(
      'postgres', "$before; SELECT status FROM dap.ingest_csv('new', '$temp/file.csv'); COMMIT",
      stdout => \$out,
      stderr => \$err);
    like($out, qr/loaded/, 'minimal WAL: loaded');
    return $minimal->safe_psql('postgres', "SELECT pg_current_wal_insert_lsn() - '$start'");
  };
  cmp_ok($load->("BEGIN; SET LOCAL client_min_messages = debug1; SELECT dap.create_source('new', NULL, '{a,b,c,d}')"),
    '<', 1_000_000, 'a new table\'s rows are not logged');
  like($err, qr/2 parallel workers write/, 'by parallel workers');
  $minimal->stop('immediate');
  $minimal->start;
  is(
    $minimal->safe_psql(
      'postgres',
      "SELECT count(*), md5(string_agg(format('%s|%s|%s|%s|%s', _line, a, b, c, d), E'\\n' ORDER BY _line)) FROM "
        . "staging.new"),
    $expected,
    'and are all there after a crash');
  $minimal->safe_psql('postgres', "SELECT dap.drop_source('new'); SELECT dap.create_source('new', NULL, '{a,b,c,d}')");
  cmp_ok($load->('BEGIN'), '>', 4_000_000, 'rows of an older table are');
  $minimal->stop;
}

$node->stop;
done_testing();
