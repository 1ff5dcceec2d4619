# Files between parallel workers and their leader: the answers are those of memory, the limits of temporary files hold,
# and nothing is left behind whatever happens: success, errors in worker and leader, cancellation at any moment, a
# worker that is terminated or killed.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf',
  "autovacuum = off\nfsync = off\nmax_parallel_workers = 4\njit = off\nrestart_after_crash = on\nlog_temp_files = 0\n"
    . "parallel_setup_cost = 0\nparallel_tuple_cost = 0\nmin_parallel_table_scan_size = 0\n"
    . "max_parallel_workers_per_gather = 2\nwork_mem = '64kB'\nhash_mem_multiplier = 1\n");
$node->start;
my $data = $node->data_dir;
sub sql { return $node->safe_psql('postgres', $_[0]); }
sub fails
{
  my ($query) = @_;
  my ($out, $err);
  $node->psql('postgres', "\\set VERBOSITY verbose\n$query", stdout => \$out, stderr => \$err);
  return $err;
}
my $elsewhere = PostgreSQL::Test::Utils::tempdir();
sub left { return join(' ', glob("$data/base/pgsql_tmp/* $elsewhere/PG_*/pgsql_tmp/*")); }
# A backend that a client has left is still ending for a moment.
sub nothing_left
{
  my ($what) = @_;
  for (1 .. 500) { last if left() eq ''; usleep(10_000); }
  is(left(), '', "$what: no file is left");
}

sql('CREATE EXTENSION dap_analytics');
sql(
  q{
CREATE TABLE t AS SELECT i, i % 40 AS g, (i * 7919 % 1000003)::bigint AS b, (i * 7919 % 1000003) * 0.01 AS n,
  sqrt(i) AS f, make_interval(secs => i * 7919 % 10007) AS v,
  CASE WHEN i % 3 = 0 THEN (i * 7919 % 1000003) * 1e-20 ELSE i % 1000 END AS w FROM generate_series(1, 200000) i;
ANALYZE t;
CREATE FUNCTION slow(x float8) RETURNS float8
  LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN x; END $$;
});
my $plain = "SET max_parallel_workers_per_gather = 0; SET work_mem = '1GB';";

# The same answers: spilled states, states that are sent in a file only because of their size (counts, keys and wide
# values), and inline.
my $all =
    'dap.percentiles(b, ARRAY[0, 0.1, 0.5, 1]::float8[]), dap.median(n), dap.percentile(f, 0.3), '
  . 'dap.percentile_disc(v, 0.7), dap.median(w), dap.median(i % 100)';
for my $query (
  "SELECT $all FROM t",
  "SELECT g, $all FROM t GROUP BY g ORDER BY g",
  "SELECT i % 5000 AS k, $all FROM t GROUP BY k ORDER BY k",
  "SELECT g, $all FROM t GROUP BY ROLLUP (g) ORDER BY g")
{
  my $expected = sql("$plain $query");
  for my $settings (
    '',
    "SET work_mem = '1MB';",
    "SET work_mem = '1GB'; SET dap.debug_largest_sent_state = 64;",
    "SET work_mem = '1GB'; SET dap.debug_largest_sent_state = '20kB';",
    'SET parallel_leader_participation = off;',
    'SET enable_hashagg = off;',
    'SET enable_hashagg = off; SET dap.debug_largest_sent_state = 64;')
  {
    is(sql("$settings $query"), $expected, "$settings $query");
  }
}
nothing_left('after answers');
my $all_groups = "SELECT g, $all FROM t GROUP BY g ORDER BY g";
# What fits memory is sent, unless its copies would not fit beside it.
sub grows
{
  my ($settings, $rows) = @_;
  my $log = -s $node->logfile;
  sql("$settings SELECT dap.median(f) FROM t WHERE i <= $rows");
  return slurp_file($node->logfile, $log) =~ /temporary file: path "[^"]+\.dap\// ? 1 : 0;
}
is(grows("SET work_mem = '64MB';", 100000), 0, 'no file where memory has room for all');
is(
  grows(
    "SET work_mem = '1500kB'; SET temp_file_limit = '1GB'; SET parallel_leader_participation = off;
        SET max_parallel_workers = 1;",
    200000),
  1,
  'a file where the state fits and its copies do not');
# Large states go by a file though memory has room for them, unless files are limited.
sql('CREATE TABLE large AS SELECT sqrt(i) AS f FROM generate_series(1, 900000) i; ANALYZE large');
sub files_of_large
{
  my ($settings) = @_;
  my $log = -s $node->logfile;
  sql("SET work_mem = '256MB'; $settings SELECT dap.median(f) FROM large");
  return slurp_file($node->logfile, $log) =~ /temporary file: path "[^"]+\.dap\// ? 1 : 0;
}
is(files_of_large(''), 1, 'a file for a large state');
is(files_of_large("SET temp_file_limit = '1GB';"), 0, 'no file where files are limited');
is(
  sql("SET work_mem = '256MB'; SELECT dap.median(f) FROM large"),
  sql("$plain SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY f) FROM large"),
  'the same answer');
like(sql('EXPLAIN (COSTS off) SELECT dap.median(f) FROM t'), qr/Partial Aggregate/, 'which were parallel');

# Parts of a partitioned table, each aggregated by itself: written and read by one process, which may be a worker that
# runs the whole plan.
my $forced = sql('SHOW server_version_num') >= 160000 ? 'debug_parallel_query' : 'force_parallel_mode';
sql(
  'CREATE TABLE parts (LIKE t) PARTITION BY HASH (i); CREATE TABLE parts_0 PARTITION OF parts FOR VALUES
      WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1); INSERT INTO parts
    SELECT * FROM t; ANALYZE parts'
);
for my $query ("SELECT $all FROM parts", "SELECT g, $all FROM parts GROUP BY g ORDER BY g")
{
  my $expected = sql("$plain $query");
  for my $settings (
    'SET max_parallel_workers_per_gather = 0',
    "SET max_parallel_workers_per_gather = 0; SET $forced = on",
    "SET max_parallel_workers_per_gather = 2",
    "SET work_mem = '1GB'; SET dap.debug_largest_sent_state = 64")
  {
    is(sql("SET enable_partitionwise_aggregate = on; $settings; $query"), $expected, "parts: $settings; $query");
  }
}
like(
  sql(
    "SET enable_partitionwise_aggregate = on; SET max_parallel_workers_per_gather = 0; EXPLAIN (COSTS off)
        SELECT dap.median(f) FROM parts"
  ),
  qr/Append\n +-> +Partial Aggregate/,
  'which was by parts');
# The same states are asked for again, where a node is scanned once more.
my $twice = 'SELECT y, (SELECT max(m) FROM (SELECT g, MEDIAN AS m FROM parts GROUP BY g HAVING count(*) > y) s)
      FROM generate_series(1, 3) y ORDER BY y';
for my $settings (
  "SET work_mem = '64kB'",
  "SET work_mem = '1GB'; SET dap.debug_largest_sent_state = 64",
  "SET work_mem = '1GB'")
{
  is(
    sql(
      "SET enable_partitionwise_aggregate = on; SET max_parallel_workers_per_gather = 0;
          SET enable_sort = off; $settings; "
        . $twice =~ s/MEDIAN/dap.median(f)/r),
    sql($twice =~ s/MEDIAN/percentile_cont(0.5) WITHIN GROUP (ORDER BY f)/r),
    "scanned again: $settings");
}
nothing_left('parts');

# Workers whose numerics begin at different scales: what is in a file is not taken over as it is.
sql(
  'CREATE TABLE scales AS SELECT CASE WHEN i <= 50000 THEN i * 0.01 ELSE i * 0.000000001 END AS n
      FROM generate_series(1, 100000) i; ANALYZE scales'
);
for my $settings ('', "SET work_mem = '1GB'; SET dap.debug_largest_sent_state = 64;")
{
  is(
    sql("$settings SELECT dap.percentiles(n, '{0,0.25,0.5,0.9,1}') FROM scales"),
    sql("$plain SELECT dap.percentiles(n, '{0,0.25,0.5,0.9,1}') FROM scales"),
    "scales: $settings");
}

# A file is reported when it is removed, and counted by the limit of the process that writes it.
ok($node->log_contains(qr{temporary file: path "base/pgsql_tmp/pgsql_tmp\d+\.dap/\d+\.\d+", size [1-9]}),
  'log_temp_files reports it');
like(fails("SET temp_file_limit = '200kB'; SET parallel_leader_participation = off; SELECT dap.median(f) FROM t"),
  qr/53400/, 'temp_file_limit holds for workers');
nothing_left('temp_file_limit');

# All sorted groups of a worker are in one file, which the limit counts to its end.
sql(
  'CREATE TABLE sorted AS SELECT i, i % 20 AS g, sqrt(i) AS f FROM generate_series(1, 200000) i; CREATE INDEX
      ON sorted (g) INCLUDE (f); VACUUM ANALYZE sorted'
);
my $sorted = 'SET enable_hashagg = off; SET enable_sort = off; SET enable_seqscan = off; SET enable_bitmapscan = off;
      SET parallel_leader_participation = off; SET dap.debug_largest_sent_state = 64;';
my $groups = 'SELECT g, dap.median(f), dap.percentile(f, 0.1) FROM sorted GROUP BY g ORDER BY g';
like(
  sql("$sorted EXPLAIN (COSTS off) $groups"),
  qr/Partial GroupAggregate\n +Group Key: g\n +-> +Parallel Index Only Scan/,
  'groups come sorted to the workers');
{
  my $log = -s $node->logfile;
  is(sql("$sorted $groups"), sql("$plain $groups"), 'sorted groups');
  my %handed = map { $_ => 1 } slurp_file($node->logfile, $log) =~ m{temporary file: path "([^"]+\.dap/[^"]+)"}g;
  ok(keys %handed >= 1 && keys %handed <= 2, 'one file a worker: ' . keys %handed);
}
like(fails("SET temp_file_limit = '500kB'; $sorted $groups"), qr/53400/, 'temp_file_limit holds across groups');
nothing_left('sorted groups');

# The reports: each file once, with the size that the statistics count too.
{
  my $counted = 'SELECT temp_files, temp_bytes FROM pg_stat_database WHERE datname = current_database()';
  my ($files, $bytes) = split /\|/, sql($counted);
  my $log = -s $node->logfile;
  sql("$sorted $groups");
  fails('SELECT dap.median(f / (i - 199999)) FROM t');
  my ($logged, $size, %seen) = (0, 0);
  for (1 .. 500)
  {
    ($logged, $size, %seen) = (0, 0);
    my $text = slurp_file($node->logfile, $log);
    while ($text =~ m{temporary file: path "([^"]+)", size (\d+)}g) { $logged++; $size += $2; $seen{$1}++; }
    last if sql($counted) eq ($files + $logged) . '|' . ($bytes + $size);
    usleep(10_000);
  }
  is(
    sql($counted),
    ($files + $logged) . '|' . ($bytes + $size),
    "what is logged is what is counted: $logged files, $size bytes");
  cmp_ok($size, '>=', 2 * 200000 * 8, 'all of it');
  is(join(' ', grep { $seen{$_} > 1 } keys %seen), '', 'each once');
}

# It lies where temp_tablespaces says.
sql("CREATE TABLESPACE elsewhere LOCATION '$elsewhere'");
is(
  sql("SET temp_tablespaces = elsewhere; SELECT dap.median(f)::numeric(10,3) FROM t"),
  sql("$plain SELECT dap.median(f)::numeric(10,3) FROM t"),
  'in another tablespace');
ok($node->log_contains(qr{temporary file: path "pg_tblspc/\d+/PG_[^/]+/pgsql_tmp/pgsql_tmp\d+\.dap/}),
  'the file was there');
is(
  sql(
    "CREATE FUNCTION there(OUT m numeric)
        LANGUAGE plpgsql
        SET temp_tablespaces = elsewhere AS 'BEGIN SELECT dap.median(f)::numeric(10,3) INTO m FROM t; END';
  CREATE FUNCTION nowhere(OUT m numeric)
    LANGUAGE plpgsql
    SET temp_tablespaces
    = elsewhere AS
    'BEGIN SELECT dap.median(f / (i - 199999)) INTO m FROM t; EXCEPTION WHEN division_by_zero THEN m := -1; END';
  BEGIN; SELECT there(); SELECT nowhere(); SELECT count(*) FROM pg_ls_dir('pg_tblspc') d,
    pg_ls_dir('pg_tblspc/' || d) e, pg_ls_dir('pg_tblspc/' || d || '/' || e || '/pgsql_tmp') f,
    pg_ls_dir('pg_tblspc/' || d || '/' || e || '/pgsql_tmp/' || f) g; COMMIT"),
  sql("$plain SELECT dap.median(f)::numeric(10,3) FROM t") . "\n-1\n0",
  'in another one for a function only');
ok(!$node->log_contains(qr{temporary file: path "[^"]+/in\.}), 'a note of a tablespace is no file to report');
like(fails("SET temp_tablespaces = elsewhere; SELECT dap.median(f), 1 / (count(*) - 200000) FROM t"),
  qr/22012/, 'an error of the leader');
is(sql("SET temp_tablespaces = elsewhere, pg_default; $all_groups"), sql("$plain $all_groups"), 'in several');
nothing_left('another tablespace');
sql('DROP TABLESPACE elsewhere');

# A long transaction keeps nothing of a query that has ended.
my $listing = "SELECT count(*) FROM pg_ls_dir('base/pgsql_tmp') d, pg_ls_dir('base/pgsql_tmp/' || d) f";
is(
  sql(
    "BEGIN; SELECT dap.median(f) > 0 FROM t; $listing; SELECT dap.median(f) > 0 FROM t
        WHERE i > 100000; $listing; COMMIT"
  ),
  "t\n0\nt\n0",
  'files end with their query');
is(
  sql(
    "BEGIN; SAVEPOINT a; SELECT count(m)
        FROM (SELECT g, dap.median(f) AS m FROM t GROUP BY g LIMIT 1) s; ROLLBACK TO a; SELECT count(m)
        FROM (SELECT g, dap.median(f) AS m FROM t GROUP BY g) s; COMMIT"
  ),
  "1\n40",
  'in a subtransaction, and cut short');
nothing_left('a long transaction');
is(
  sql(
    "BEGIN; SELECT count(m) FROM (SELECT g, dap.median(f) AS m FROM t GROUP BY g LIMIT 1) s; $sorted SELECT count(m)
        FROM (SELECT g, dap.median(f) AS m FROM sorted GROUP BY g LIMIT 1) s; $listing; COMMIT"
  ),
  "1\n1\n0",
  'also those of a query that is cut short');

# Nor of one that has failed, in a loop or back at a savepoint.
sql(
  q{
CREATE FUNCTION tries(n integer) RETURNS bigint LANGUAGE plpgsql SET max_parallel_workers_per_gather = 2 AS $$
DECLARE most bigint := 0; now bigint;
BEGIN
  FOR k IN 1 .. n LOOP
    BEGIN
      PERFORM dap.median(f / (i - 199999)) FROM t;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
    SELECT count(*) INTO now FROM pg_ls_dir('base/pgsql_tmp') d, pg_ls_dir('base/pgsql_tmp/' || d) f
    WHERE d LIKE '%.dap';
    most := greatest(most, now);
  END LOOP;
  RETURN most;
END $$});
is(sql('SELECT tries(10)'), '0', 'errors that are caught leave no file');
{
  my ($out, $err);
  $node->psql(
    'postgres',
    "BEGIN; SAVEPOINT a; SELECT dap.median(f / (i - 199999)) FROM t;\nROLLBACK TO a; $listing; SELECT dap.median(f),
        1 / (count(*) - 200000) FROM t;\nROLLBACK TO a; $listing; SELECT dap.median(i) FROM t; COMMIT",
    stdout => \$out,
    stderr => \$err,
    on_error_stop => 0);
  is($out, "0\n0\n100000.5", 'nor do those before a savepoint');
  is(() = $err =~ /division by zero/g, 2, 'errors of worker and leader');
}

# But what a query that goes on has in its files stays, whatever fails beside it: also in a file that it has not yet
# come to.
{
  sql(
    'CREATE TABLE ranges (i integer, g integer, f float8) PARTITION BY RANGE (i); CREATE TABLE ranges_0 PARTITION OF
        ranges FOR VALUES FROM (0) TO (150000);
    CREATE TABLE ranges_1 PARTITION OF ranges FOR VALUES FROM (150000) TO (200000); INSERT INTO ranges SELECT i,
      i / 12500, sqrt(i) FROM generate_series(0, 199999) i; ANALYZE ranges'
  );
  my $parted = 'SELECT g, dap.median(f) AS m FROM ranges GROUP BY g ORDER BY g';
  my $expected = sql("$plain SELECT sum(m) FROM ($parted) s");
  sql(
    "CREATE FUNCTION goes_on() RETURNS float8 LANGUAGE plpgsql AS \$\$
DECLARE r record; total float8 := 0;
BEGIN
  FOR r IN $parted LOOP
    total := total + r.m;
    IF r.g IN (0, 9) AND tries(1) > 2 THEN RAISE 'more files than those of the loop'; END IF;
  END LOOP;
  RETURN total;
END \$\$");
  for my $settings ('SET enable_hashagg = off', 'SET enable_sort = off')
  {
    my $setup =
        "$settings; SET enable_partitionwise_aggregate = on; SET max_parallel_workers_per_gather = 0; SET "
      . "dap.debug_largest_sent_state = 64;";
    is(sql("$setup SELECT goes_on()"), $expected, "$settings: a loop over a query, in which others fail");
    my ($out, $err);
    $node->psql(
      'postgres',
      "$setup BEGIN; DECLARE c CURSOR FOR $parted; FETCH 1 FROM c; SAVEPOINT a; FETCH 1
          FROM c; SET max_parallel_workers_per_gather = 2; SELECT dap.median(f / (i - 199999))
          FROM t;\nROLLBACK TO a; FETCH 20 FROM c; COMMIT",
      stdout => \$out,
      stderr => \$err,
      on_error_stop => 0);
    is($out, sql("$plain $parted"), "$settings: a cursor, in which others fail");
  }
}
if (sql('SHOW server_version_num') >= 170000)
{
  sql(
    q{CREATE FUNCTION beside(x float8) RETURNS float8
        LANGUAGE plpgsql PARALLEL RESTRICTED AS $$ BEGIN BEGIN PERFORM 1 / 0; EXCEPTION
        WHEN division_by_zero THEN NULL; END; RETURN x; END $$}
  );
  my $query = 'SELECT g, beside(dap.median(f)) FROM sorted GROUP BY g ORDER BY g';
  like(sql("$sorted EXPLAIN (COSTS off) $query"), qr/Gather/, 'workers run while their leader catches errors');
  is(sql("$sorted $query"), sql("$plain $query"), 'and their files stay');
}
nothing_left('subtransactions');

# A file of the same name that is there already, of a crashed process say, is left alone, or replaced whole: never
# written to.
{
  my $session = $node->background_psql('postgres');
  my $pid = $session->query_safe("$sorted BEGIN; SELECT pg_backend_pid()");
  my $folder = "$data/base/pgsql_tmp/pgsql_tmp$pid.dap";
  mkdir "$data/base/pgsql_tmp";
  mkdir $folder or die "$folder: $!";
  my @strangers = map { "$folder/$_" } map { ("$pid.$_", "0.$_") } 0 .. 3;
  for my $stranger (@strangers)
  {
    append_to_file($stranger, 'of a stranger');
    link $stranger, $stranger =~ s/pgsql_tmp\d+\.dap\//kept./r or die $!;
  }
  mkdir "$folder/0.4";
  is(
    $session->query_safe(
      "SET enable_partitionwise_aggregate = on; SET max_parallel_workers_per_gather = 0; SELECT g, dap.median(f)
          FROM parts WHERE g < 3 GROUP BY g ORDER BY g"
    ),
    sql("$plain SELECT g, dap.median(f) FROM parts WHERE g < 3 GROUP BY g ORDER BY g"),
    'in a folder that is there already');
  $session->query_safe('COMMIT');
  $session->quit;
  my @kept = map { s/pgsql_tmp\d+\.dap\//kept./r } @strangers;
  is(join(' ', grep { slurp_file($_) ne 'of a stranger' } @kept), '', 'other files are not written to');
  unlink @kept;
}
nothing_left('a folder that was there');

# Errors late in a worker, and in the leader.
like(fails('SELECT dap.median(f / (i - 199999)) FROM t'), qr/22012/, 'an error of a worker');
like(fails('SELECT dap.median(f), 1 / (count(*) - 200000) FROM t'), qr/22012/, 'an error of the leader');
like(fails('SELECT dap.percentile(f, CASE WHEN i < 150000 THEN 0.1 ELSE 0.2 END) FROM t'),
  qr/22023/, 'fractions that differ between workers');
nothing_left('errors');

# Cancelled at any moment.
my ($cancelled, $finished) = (0, 0);
for my $query ('SELECT dap.median(f) FROM t', 'SELECT g, dap.median(b), dap.median(w) FROM t GROUP BY g')
{
  for my $wait (1 .. 15)
  {
    my ($out, $err);
    $node->psql(
      'postgres',
      "SET statement_timeout = '" . $wait * $wait * 2 . "ms'; SET dap.debug_largest_sent_state = 64; $query",
      stdout => \$out,
      stderr => \$err);
    $err eq '' ? $finished++ : $err =~ /statement timeout/ ? $cancelled++ : fail("cancelled: $err");
  }
}
ok($cancelled > 3, "$cancelled were cancelled, $finished finished");
nothing_left('cancellation');

# A worker, or its leader, that ends in the middle, when there is a file already. The moment is short, so that it may be
# missed and is waited for again.
sub in_the_middle
{
  my ($signal, $whom) = @_;
  my $met = 0;
  my $err;
  for (1 .. 20)
  {
    my $out = '';
    $err = '';
    my $session = IPC::Run::start(
      [ 'psql', '-XAtq', '-d', $node->connstr('postgres'),
        '-c', 'SELECT dap.median(CASE WHEN i % 50000 = 0 THEN slow(f) ELSE f END) FROM t' ],
      '>',
      \$out,
      '2>',
      \$err);
    while ($session->pump_nb && !$met)
    {
      usleep(5_000);
      my @files = glob("$data/base/pgsql_tmp/pgsql_tmp*.dap/*");
      next if !@files;
      my $pid = sql("SELECT $whom FROM pg_stat_activity WHERE backend_type = 'parallel worker' LIMIT 1");
      $met = $pid ne '' && left() ne '' && kill($signal, $pid);
    }
    $session->finish;
    last if $err ne '';
    $met = 0;
  }
  ok($met, "$signal, $whom: a worker has written");
  return $err;
}
like(in_the_middle('TERM', 'pid'), qr/terminating/, 'a terminated worker is the statement\'s error');
nothing_left('TERM');
like(in_the_middle('INT', 'leader_pid'), qr/canceling/, 'a leader that is cancelled');
nothing_left('a cancelled leader');
like(in_the_middle('TERM', 'leader_pid'), qr/terminating/, 'a leader that is terminated');
nothing_left('a terminated leader');
like(in_the_middle('KILL', 'pid'), qr/connection|terminat/, 'a killed worker is a crash');
ok($node->poll_query_until('postgres', 'SELECT true'), 'the server is back');
nothing_left('KILL');
is(sql('SELECT dap.median(i) FROM t'), '100000.5', 'and answers');

done_testing();
