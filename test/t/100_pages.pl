# What the bulk path and its parallel workers leave on disk, in the WAL and in the statistics is what PostgreSQL's own
# insert would leave.
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
$node->init(allows_streaming => 'logical', extra => ['--data-checksums']);
$node->append_conf(
  'postgresql.conf', q{
wal_consistency_checking = 'all'
shared_buffers = 32MB
max_wal_size = 4GB
wal_keep_size = 4GB
autovacuum = off
restart_after_crash = on
dap.max_ingest_workers = 2
});
$node->start;
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

my $temp = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub caught_up
{
  $node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
  return;
}

# The same rows in the source's table as COPY reads from the files.
sub same_as_copy
{
  my ($source, $name, @files) = @_;
  sql("DROP TABLE IF EXISTS copied; CREATE TABLE copied (a text, b text, c text, d text)");
  sql("COPY copied FROM '$_' (FORMAT csv, HEADER)") for @files;
  is(
    sql("SELECT count(*) FROM (SELECT a, b, c, d FROM staging.$source EXCEPT ALL TABLE copied) t") . ','
      . sql("SELECT count(*) FROM (TABLE copied EXCEPT ALL SELECT a, b, c, d FROM staging.$source) t"),
    '0,0',
    "$name: the rows that COPY reads");
  return;
}

# A page that another process has pinned just then, the background writer say, is passed over by VACUUM: the next one
# takes it.
sub vacuumed
{
  my ($table, $condition, $name) = @_;
  my $holds = 'f';
  for (1 .. 20)
  {
    sql("VACUUM $table");
    $holds = sql("SELECT $condition FROM pg_class WHERE oid = '$table'::regclass");
    last if $holds eq 't';
    sleep 1;
  }
  is($holds, 't', $name);
  return;
}

sub sound
{
  my ($source, $name) = @_;
  is(sql("SELECT count(*) FROM verify_heapam('staging.$source')"), '0', "$name: heap is sound");
  return;
}

sql("CREATE EXTENSION dap_analytics; CREATE EXTENSION amcheck; SELECT * FROM dap.setup()");
sql("SELECT dap.create_source('$_', NULL, '{a,b,c,d}')") for qw(t small crashed aborted shared decoded);

write_random("$temp/t1.csv", 60000, 60);
write_random("$temp/t2.csv", 2000, 300);
{
  my ($out, $err);
  $node->psql(
    'postgres',
    "SET client_min_messages = debug1; SELECT status, rows_read, rows_loaded FROM dap.ingest_csv('t', '$temp/t1.csv')",
    stdout => \$out,
    stderr => \$err);
  is($out, 'loaded|60000|60000', 'a file is loaded');
  like($err, qr/2 parallel workers write pages of "t"/, 'with parallel workers');
}
is(sql("SELECT rows_loaded FROM dap.ingest_csv('t', '$temp/t2.csv')"), '2000', 'and a second one');
same_as_copy('t', 'two files', "$temp/t1.csv", "$temp/t2.csv");
sound('t', 'two files');
caught_up();
is(
  $standby->safe_psql(
    'postgres', 'SELECT count(*), md5(string_agg(t::text, NULL ORDER BY _file_id, _line)) FROM staging.t t'),
  sql('SELECT count(*), md5(string_agg(t::text, NULL ORDER BY _file_id, _line)) FROM staging.t t'),
  'the standby has the same rows');

# Hint bits, visibility map, free space map, statistics.
vacuumed('staging.t', 'relpages = relallvisible AND reltuples = 62000', 'VACUUM sees every page as visible');
sound('t', 'after VACUUM');
$node->poll_query_until('postgres',
  "SELECT n_tup_ins = 62000 AND n_dead_tup = 0 FROM pg_stat_user_tables WHERE relname = 't'")
  or diag sql("SELECT n_tup_ins, n_dead_tup FROM pg_stat_user_tables WHERE relname = 't'");
is(sql("SELECT n_tup_ins, n_dead_tup FROM pg_stat_user_tables WHERE relname = 't'"),
  '62000|0', 'statistics count the rows');
sql('CREATE INDEX key ON staging.t (a); CLUSTER staging.t USING key; DROP INDEX staging.key');
same_as_copy('t', 'after CLUSTER', "$temp/t1.csv", "$temp/t2.csv");

# Many small files do not take a page each.
for my $i (1 .. 60)
{
  write_random(sprintf('%s/small_%02d.csv', $temp, $i), 3, 10);
}
is(sql("SELECT count(*), sum(rows_loaded) FROM dap.ingest_csv('small', '$temp/small_*.csv')"),
  '60|180', 'sixty small files');
cmp_ok(sql("SELECT pg_relation_size('staging.small') / 8192"), '<=', 5, 'share pages');
sound('small', 'small files');

# An aborted load leaves dead rows and nothing else.
write_random("$temp/aborted.csv", 60000, 40);
sql("BEGIN; SELECT * FROM dap.ingest_csv('aborted', '$temp/aborted.csv'); ROLLBACK");
is(sql('SELECT count(*) FROM staging.aborted'), '0', 'rows of an aborted load are not there');
$node->poll_query_until('postgres', "SELECT n_dead_tup = 60000 FROM pg_stat_user_tables WHERE relname = 'aborted'");
is(sql("SELECT n_live_tup, n_dead_tup FROM pg_stat_user_tables WHERE relname = 'aborted'"),
  '0|60000', 'they are counted as dead');
vacuumed('staging.aborted', 'pg_relation_size(oid) = 0', 'VACUUM gives their pages back');
is(sql("SELECT rows_loaded FROM dap.ingest_csv('aborted', '$temp/aborted.csv')"),
  '60000', 'the file is loaded after that');
same_as_copy('aborted', 'after an abort', "$temp/aborted.csv");

# Other sessions extend the same relation at the same time.
{
  my @writers;
  for my $i (1 .. 2)
  {
    my $statement =
        'INSERT INTO staging.shared (_line, _file_id, a) SELECT g, -'
      . $i
      . ", repeat('w', 50) FROM generate_series(1, 20) g;\n" x 1;
    my $out = '';
    my $in = "SET session_replication_role = replica;\n" . $statement x 400;    # past the guard
    push @writers,
      [
      IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$out), \$out
      ];
  }
  my $loaded = 0;
  for my $i (1 .. 4)
  {
    write_random("$temp/shared_$i.csv", 50000, 60);
    $loaded += sql("SELECT rows_loaded FROM dap.ingest_csv('shared', '$temp/shared_$i.csv')");
  }
  $_->[0]->finish for @writers;
  is(join('', map { ${ $_->[1] } } @writers), '', 'other writers have no error');
  is($loaded, 200000, 'files beside other writers');
  is(sql('SELECT count(*) FILTER (WHERE _file_id < 0), count(*) FILTER (WHERE _file_id > 0) FROM staging.shared'),
    '16000|200000', 'every row of everybody is there');
  sound('shared', 'beside other writers');
  caught_up();
  is($standby->safe_psql('postgres', 'SELECT count(*) FROM staging.shared'), '216000', 'on the standby too');
}

# Logical decoding reads the records; an aborted file is not seen.
{
  sql("SELECT pg_create_logical_replication_slot('decoded', 'test_decoding')");
  write_random("$temp/decoded.csv", 60000, 40, 0.02);
  write_random("$temp/bad.csv", 60000, 40);
  append_to_file("$temp/bad.csv", "1,\"open\n");
  is(sql("SELECT status FROM dap.ingest_csv('decoded', '$temp/bad.csv')"),
    'failed', 'a file that fails after many pages');
  sql("SELECT * FROM dap.ingest_csv('decoded', '$temp/decoded.csv')");
  sql(
    "CREATE TABLE changes AS SELECT data FROM pg_logical_slot_get_changes('decoded', NULL, NULL)
        WHERE data LIKE 'table staging.decoded: INSERT:%'"
  );
  sql(
    "CREATE TABLE rows AS
        SELECT format('table staging.decoded: INSERT: _line[bigint]:%s _file_id[integer]:%s a[text]:%s b[text]:%s '
        'c[text]:%s d[text]:%s', _line, _file_id,
    coalesce(quote_literal(a), 'null'), coalesce(quote_literal(b), 'null'), coalesce(quote_literal(c), 'null'),
    coalesce(quote_literal(d), 'null')) AS data FROM staging.decoded"
  );
  is(
    sql(
      'SELECT (SELECT count(*) FROM changes), (SELECT count(*) FROM (TABLE changes EXCEPT ALL TABLE rows) t),
          (SELECT count(*) FROM (TABLE rows EXCEPT ALL TABLE changes) t)'
    ),
    '60000|0|0',
    'decoding gives the rows of the good file, long ones too');
  cmp_ok(sql("SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'staging.decoded'::regclass"),
    '>', 1_000_000, 'of which many are in TOAST');
  sql("SELECT pg_drop_replication_slot('decoded')");
}

# kill -9 in the middle of a load: crash recovery, no row of it, then the load again.
{
  write_random("$temp/crashed.csv", 60000, 60);
  my $big = "$temp/crashed_big.csv";
  system(
        "head -n 1 $temp/crashed.csv > $big && for i in 1 2 3 4 5 6 7 8 9 10; do tail -n +2 $temp/crashed.csv >> $big; "
      . "done") == 0
    or die;
  my ($in, $out) = ("SELECT 'pid', pg_backend_pid();\nSELECT * FROM dap.ingest_csv('crashed', '$big');\n", '');
  my $session =
    IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$out);
  $session->pump until $out =~ /pid\|(\d+)/;
  my $pid = $1;
  $node->poll_query_until('postgres', "SELECT pg_relation_size('staging.crashed') > 1000000");
  kill 'KILL', $pid;
  $session->finish;
  comes_back($node) or die 'no recovery';
  is(sql('SELECT count(*) FROM staging.crashed'), '0', 'kill -9: no row stays');
  sound('crashed', 'after kill -9');
  is(sql("SELECT status FROM dap.ingest_csv('crashed', '$big')"), 'loaded', 'the file is loaded after recovery');
  same_as_copy('crashed', 'after recovery', $big);
  sound('crashed', 'loaded after recovery');
  caught_up();
  is(
    $standby->safe_psql('postgres', 'SELECT count(*) FROM staging.crashed'),
    sql('SELECT count(*) FROM staging.crashed'),
    'and on the standby');
}

# Across the end of a 1 GB segment.
SKIP:
{
  skip 'needs 3 GB of disk and time; set DAP_SLOW=1', 3 unless $ENV{DAP_SLOW};
  sql("ALTER SYSTEM SET wal_consistency_checking = ''; SELECT pg_reload_conf()");
  $standby->stop('immediate');
  sql("SELECT dap.create_source('wide', NULL, '{a,b,c,d}')");
  my $line = join(',', 'x' x 900, 'y' x 900, 'z', 'w') . "\n";
  open my $file, '>:raw', "$temp/wide.csv" or die;
  print $file "a,b,c,d\n";
  print $file $line for 1 .. 600000;
  close $file;
  is(sql("SELECT rows_loaded FROM dap.ingest_csv('wide', '$temp/wide.csv')"),
    '600000', 'a table of more than one segment');
  cmp_ok(sql("SELECT pg_relation_size('staging.wide')"), '>', 1 << 30, 'indeed');
  is(sql("SELECT count(*), count(DISTINCT _line), min(length(a)), max(length(b)) FROM staging.wide"),
    '600000|600000|900|900', 'every row is there');
}

# The fewest buffers that a server can have: pages are added as they allow.
$node->append_conf('postgresql.conf', 'shared_buffers = 128kB');
$node->restart;
sql("SELECT dap.create_source('tight', NULL, '{a,b,c,d}')");
write_random("$temp/tight.csv", 20000, 60);
is(sql("SELECT rows_loaded FROM dap.ingest_csv('tight', '$temp/tight.csv')"), '20000', 'a load with 16 buffers');
same_as_copy('tight', 'with 16 buffers', "$temp/tight.csv");
sound('tight', 'with 16 buffers');

is(sql("SELECT count(*) FROM dap.files WHERE status = 'loaded' AND rows_read <> rows_loaded + rows_rejected"),
  '0', 'rows_read = rows_loaded + rows_rejected');
unlike(
  slurp_file($standby->logfile),
  qr/inconsistent page found|PANIC|FATAL:  .*consist/,
  'the standby found no inconsistent page');
$standby->stop;
$node->command_ok([ 'pg_amcheck', '--heapallindexed', '--no-dependent-indexes', '--table=staging.*', '-d', 'postgres' ],
  'pg_amcheck');
$node->stop;
$node->command_ok([ 'pg_checksums', '--check', '-D', $node->data_dir ], 'pg_checksums');
done_testing();
