# Files between parallel workers and their leader: the answers are those of memory, the limits of temporary files hold, and nothing is left behind
# whatever happens: success, errors in worker and leader, cancellation at any moment, a worker that is terminated or killed.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nmax_parallel_workers = 4\njit = off\nrestart_after_crash = on\nlog_temp_files = 0\n"
    . "parallel_setup_cost = 0\nparallel_tuple_cost = 0\nmin_parallel_table_scan_size = 0\nmax_parallel_workers_per_gather = 2\nwork_mem = '64kB'\nhash_mem_multiplier = 1\n");
$node->start;
my $data = $node->data_dir;
sub sql { return $node->safe_psql('postgres', $_[0]); }
sub fails { my ($query) = @_; my ($out, $err); $node->psql('postgres', "\\set VERBOSITY verbose\n$query", stdout => \$out, stderr => \$err); return $err; }
my $elsewhere = PostgreSQL::Test::Utils::tempdir();
sub left { return join(' ', glob("$data/base/pgsql_tmp/* $elsewhere/PG_*/pgsql_tmp/*")); }
# A backend that a client has left is still ending for a moment.
sub nothing_left { my ($what) = @_; for (1 .. 500) { last if left() eq ''; usleep(10_000); } is(left(), '', "$what: no file is left"); }

sql('CREATE EXTENSION dap_analytics');
sql(q{
CREATE TABLE t AS SELECT i, i % 40 AS g, (i * 7919 % 1000003)::bigint AS b, (i * 7919 % 1000003) * 0.01 AS n, sqrt(i) AS f, make_interval(secs => i * 7919 % 10007) AS v,
  CASE WHEN i % 3 = 0 THEN (i * 7919 % 1000003) * 1e-20 ELSE i % 1000 END AS w FROM generate_series(1, 200000) i;
ANALYZE t;
CREATE FUNCTION slow(x float8) RETURNS float8 LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN x; END $$;
});
my $plain = "SET max_parallel_workers_per_gather = 0; SET work_mem = '1GB';";

# The same answers: spilled states, states that are sent in a file only because of their size (counts, keys and wide values), and inline.
my $all = 'dap.percentiles(b, ARRAY[0, 0.1, 0.5, 1]::float8[]), dap.median(n), dap.percentile(f, 0.3), dap.percentile_disc(v, 0.7), dap.median(w), dap.median(i % 100)';
for my $query ("SELECT $all FROM t", "SELECT g, $all FROM t GROUP BY g ORDER BY g", "SELECT i % 5000 AS k, $all FROM t GROUP BY k ORDER BY k", "SELECT g, $all FROM t GROUP BY ROLLUP (g) ORDER BY g") {
  my $expected = sql("$plain $query");
  for my $settings ('', "SET work_mem = '1MB';", "SET work_mem = '1GB'; SET dap.debug_largest_sent_state = 64;", "SET work_mem = '1GB'; SET dap.debug_largest_sent_state = '20kB';",
    'SET parallel_leader_participation = off;', 'SET enable_hashagg = off;', 'SET enable_hashagg = off; SET dap.debug_largest_sent_state = 64;') {
    is(sql("$settings $query"), $expected, "$settings $query");
  }
}
nothing_left('after answers');
# What fits memory is sent, unless its copies would not fit beside it.
sub grows { my ($settings) = @_; my $log = -s $node->logfile; sql("$settings SELECT dap.median(f) FROM t"); return slurp_file($node->logfile, $log) =~ /temporary file: path "[^"]+\.dap\// ? 1 : 0; }
is(grows("SET work_mem = '64MB';"), 0, 'no file where memory has room for all');
is(grows("SET work_mem = '1500kB';"), 1, 'a file where the state fits and its copies do not');
like(sql('EXPLAIN (COSTS off) SELECT dap.median(f) FROM t'), qr/Partial Aggregate/, 'which were parallel');

# Parts of a partitioned table, each aggregated by itself: written and read by one process, which may be a worker that runs the whole plan.
my $forced = sql('SHOW server_version_num') >= 160000 ? 'debug_parallel_query' : 'force_parallel_mode';
sql('CREATE TABLE parts (LIKE t) PARTITION BY HASH (i); CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1); INSERT INTO parts SELECT * FROM t; ANALYZE parts');
for my $query ("SELECT $all FROM parts", "SELECT g, $all FROM parts GROUP BY g ORDER BY g") {
  my $expected = sql("$plain $query");
  for my $settings ('SET max_parallel_workers_per_gather = 0', "SET max_parallel_workers_per_gather = 0; SET $forced = on", "SET max_parallel_workers_per_gather = 2", "SET work_mem = '1GB'; SET dap.debug_largest_sent_state = 64") {
    is(sql("SET enable_partitionwise_aggregate = on; $settings; $query"), $expected, "parts: $settings; $query");
  }
}
like(sql("SET enable_partitionwise_aggregate = on; SET max_parallel_workers_per_gather = 0; EXPLAIN (COSTS off) SELECT dap.median(f) FROM parts"), qr/Append\n +-> +Partial Aggregate/, 'which was by parts');
nothing_left('parts');

# Workers whose numerics begin at different scales: what is in a file is not taken over as it is.
sql('CREATE TABLE scales AS SELECT CASE WHEN i <= 50000 THEN i * 0.01 ELSE i * 0.000000001 END AS n FROM generate_series(1, 100000) i; ANALYZE scales');
for my $settings ('', "SET work_mem = '1GB'; SET dap.debug_largest_sent_state = 64;") {
  is(sql("$settings SELECT dap.percentiles(n, '{0,0.25,0.5,0.9,1}') FROM scales"), sql("$plain SELECT dap.percentiles(n, '{0,0.25,0.5,0.9,1}') FROM scales"), "scales: $settings");
}

# A file is reported when it is removed, and counted by the limit of the process that writes it.
ok($node->log_contains(qr{temporary file: path "base/pgsql_tmp/pgsql_tmp\d+\.dap/\d+\.\d+", size [1-9]}), 'log_temp_files reports it');
like(fails("SET temp_file_limit = '200kB'; SET parallel_leader_participation = off; SELECT dap.median(f) FROM t"), qr/53400/, 'temp_file_limit holds for workers');
nothing_left('temp_file_limit');

# It lies where temp_tablespaces says.
sql("CREATE TABLESPACE elsewhere LOCATION '$elsewhere'");
is(sql("SET temp_tablespaces = elsewhere; SELECT dap.median(f)::numeric(10,3) FROM t"), sql("$plain SELECT dap.median(f)::numeric(10,3) FROM t"), 'in another tablespace');
ok($node->log_contains(qr{temporary file: path "pg_tblspc/\d+/PG_[^/]+/pgsql_tmp/pgsql_tmp\d+\.dap/}), 'the file was there');
like(fails("SET temp_tablespaces = elsewhere; SELECT dap.median(f), 1 / (count(*) - 200000) FROM t"), qr/22012/, 'an error of the leader');
nothing_left('another tablespace');

# A long transaction keeps nothing of a query that has ended.
my $listing = "SELECT count(*) FROM pg_ls_dir('base/pgsql_tmp') d, pg_ls_dir('base/pgsql_tmp/' || d) f";
is(sql("BEGIN; SELECT dap.median(f) > 0 FROM t; $listing; SELECT dap.median(f) > 0 FROM t WHERE i > 100000; $listing; COMMIT"), "t\n0\nt\n0", 'files end with their query');
is(sql("BEGIN; SAVEPOINT a; SELECT count(*) FROM (SELECT g, dap.median(f) FROM t GROUP BY g LIMIT 1) s; ROLLBACK TO a; SELECT count(*) FROM (SELECT g, dap.median(f) FROM t GROUP BY g) s; COMMIT"), "1\n40", 'in a subtransaction, and cut short');
nothing_left('a long transaction');

# Errors late in a worker, and in the leader.
like(fails('SELECT dap.median(f / (i - 199999)) FROM t'), qr/22012/, 'an error of a worker');
like(fails('SELECT dap.median(f), 1 / (count(*) - 200000) FROM t'), qr/22012/, 'an error of the leader');
like(fails('SELECT dap.percentile(f, CASE WHEN i < 150000 THEN 0.1 ELSE 0.2 END) FROM t'), qr/22023/, 'fractions that differ between workers');
nothing_left('errors');

# Cancelled at any moment.
my ($cancelled, $finished) = (0, 0);
for my $query ('SELECT dap.median(f) FROM t', 'SELECT g, dap.median(b), dap.median(w) FROM t GROUP BY g') {
  for my $wait (1 .. 15) {
    my ($out, $err);
    $node->psql('postgres', "SET statement_timeout = '" . $wait * $wait * 2 . "ms'; SET dap.debug_largest_sent_state = 64; $query", stdout => \$out, stderr => \$err);
    $err eq '' ? $finished++ : $err =~ /statement timeout/ ? $cancelled++ : fail("cancelled: $err");
  }
}
ok($cancelled > 3, "$cancelled were cancelled, $finished finished");
nothing_left('cancellation');

# A worker that ends in the middle, when its file is there already.
sub in_the_middle {
  my ($signal) = @_;
  my ($out, $err) = ('', '');
  my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT dap.median(CASE WHEN i % 50000 = 0 THEN slow(f) ELSE f END) FROM t' ],
    '>', \$out, '2>', \$err);
  my $pid = '';
  for (1 .. 1000) {
    my @files = glob("$data/base/pgsql_tmp/pgsql_tmp*.dap/*");
    $pid = @files ? sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'parallel worker' LIMIT 1") : '';
    last if $pid ne '';
    usleep(5_000);
  }
  ok($pid ne '' && left() ne '', "$signal: a worker has written");
  kill $signal, $pid if $pid ne '';
  $session->finish;
  return $err;
}
like(in_the_middle('TERM'), qr/terminating/, 'a terminated worker is the statement\'s error');
nothing_left('TERM');
like(in_the_middle('KILL'), qr/connection|terminat/, 'a killed worker is a crash');
ok($node->poll_query_until('postgres', 'SELECT true'), 'the server is back');
nothing_left('KILL');
is(sql('SELECT dap.median(i) FROM t'), '100000.5', 'and answers');

done_testing();
