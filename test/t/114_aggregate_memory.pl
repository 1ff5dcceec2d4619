# Memory of the order statistics: `work_mem` times `hash_mem_multiplier` for all groups and all aggregates of a plan
# node together, whatever they hold; the answers are those of the server's own aggregates, and nothing is left behind.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep time);

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf',
      "autovacuum = off\nfsync = off\njit = off\nshared_buffers = 256MB\nmax_parallel_workers_per_gather = 0\n"
    . "work_mem = '4MB'\nhash_mem_multiplier = 2\n");
$node->start;
my $limit = 8 * 1024;
sub sql { return $node->safe_psql('postgres', $_[0]); }
sub fails
{
  my ($query) = @_;
  my ($out, $err);
  $node->psql('postgres', "\\set VERBOSITY verbose\n$query", stdout => \$out, stderr => \$err);
  return $err;
}
sub nothing_left
{
  my ($what) = @_;
  is(sql('SELECT count(*) FROM pg_ls_tmpdir()'), '0', "$what: no temporary file is left");
}

sql('CREATE EXTENSION dap_analytics');
sql(
  'CREATE UNLOGGED TABLE t AS SELECT i, i * 7919::bigint % 1000003 AS x
      FROM generate_series(1, 1000000) i; VACUUM (FREEZE, ANALYZE) t'
);

# The most kB that the backend's own memory grew by while it ran the query, as the kernel counts them, and its output.
sub grown
{
  my ($query) = @_;
  my ($out, $err) = ('', '');
  my $session = IPC::Run::start(
    [ 'psql', '-XAtq',
      '-v', 'ON_ERROR_STOP=1',
      '-d', $node->connstr('postgres'),
      '-c', 'SELECT pg_backend_pid()',
      '-c', 'SELECT count(*) FROM t WHERE x < 0',
      '-c', "SELECT pg_sleep(0.1) || ''",
      map({ ('-c', $_) } split(/; /, $query)) ],
    '<',
    \undef,
    '>',
    \$out,
    '2>',
    \$err);
  my ($pid, $before, $most) = (0, 0, 0);
  while ($session->pumpable)
  {
    $session->pump_nb;
    ($pid) = $out =~ /^(\d+)\n/ unless $pid;
    if ($pid && open(my $status, '<', "/proc/$pid/status"))
    {
      my ($now) = join('', <$status>) =~ /^RssAnon:\s+(\d+)/m;
      close $status;
      $before = $now if defined $now && $before == 0 && $out =~ /\n0\n\n/;
      $most = $now if defined $now && $now > $most;
    }
    usleep(2_000);
  }
  $session->finish;
  is($err, '', "no error: $query");
  ok($before > 0 && $most > 0, 'its memory was seen') or $most = 1e9;
  return ($most - $before, $out);
}

my %values = (
  keys => 'x',
  floats => 'x::float8',
  numerics => 'x * 0.01',
  wide => '(x + 1e-20)',
  'wide that share a key' => '(1 + x * 1e-20)',
  intervals => 'make_interval(secs => x)');
for my $groups (1, 40, 8000)
{
  for my $what (sort keys %values)
  {
    my $query =
      "SET enable_sort = off; SELECT count(m) FROM (SELECT x % $groups AS k, dap.median($values{$what}) AS m FROM t
          GROUP BY 1) s";
    my ($grown) = grown($query);
    # What the last step and the server itself take is not the groups' own.
    cmp_ok($grown, '<', $limit * 1.4, "$groups groups of $what");
  }
}
# Several aggregates of a node share the limit, and so do grouping sets, hashed or sorted.
my $several =
    'dap.median(x), dap.percentile(-x, 0.3), dap.percentile_disc(x::float8, 0.4), dap.median(x + 1e-20), '
  . 'dap.mode(make_interval(secs => x))';
for my $by (
  '',
  'GROUP BY x % 20',
  'GROUP BY x % 3000',
  'GROUP BY ROLLUP (x % 7, x % 3000)',
  'GROUP BY GROUPING SETS ((x % 20), (x % 3000), ())')
{
  for my $sort ('on', 'off')
  {
    my ($grown) =
      grown("SET enable_hashagg = "
        . ($sort eq 'on' ? 'off' : 'on')
        . "; SET enable_sort = $sort; SELECT count(s) FROM (SELECT ROW($several) AS s FROM t $by) s");
    # A sort may take work_mem for itself, twice where sets are sorted anew, and so may the last step of dap.mode.
    cmp_ok(
      $grown, '<',
      $limit * 1.8 + ($by ne '' && ($sort eq 'on' || $by =~ /SETS|ROLLUP/) ? $limit * 1.2 : 0),
      "several aggregates $by, sort $sort");
  }
}
# What EXPLAIN shows of hash aggregation.
for my $what (sort keys %values)
{
  my ($memory) = sql(
    "SET enable_sort = off; EXPLAIN (ANALYZE, COSTS OFF) SELECT x % 8000, dap.median($values{$what}) FROM t GROUP BY 1")
    =~ /Memory Usage: (\d+)kB/;
  cmp_ok($memory, '<=', $limit * 1.1, "8000 groups of $what in EXPLAIN");
}
# Values that do not repeat come first, others, and new groups, after memory has ended.
my ($uneven) = grown(
  "SET enable_sort = off; SELECT count(m)
      FROM (SELECT CASE WHEN i < 400000 THEN 0 WHEN i % 2 = 0 THEN 1 ELSE x % 5000 + 2 END AS k, dap.median(x) AS m,
      dap.median(x % 100) AS n, dap.median(x % 1000 + 1e-20) AS o FROM t GROUP BY 1) s"
);
cmp_ok($uneven, '<', $limit * 1.4, 'groups that grow one after the other');

# The answers are those of the server, and those of plenty of memory.
my $ours =
    'dap.median(x) AS a, dap.percentile(x::float8, 0.25) AS b, dap.percentile_disc(make_interval(secs => x), 0.75) AS '
  . 'c, dap.percentile_disc(x + 1e-20, 0.625) AS d, dap.median(x % 50) AS e, dap.mode(x % 50) AS f';
my $theirs = 'percentile_cont(0.5) WITHIN GROUP (ORDER BY x)::numeric AS a,
  percentile_cont(0.25) WITHIN GROUP (ORDER BY x::float8) AS b,
  percentile_disc(0.75) WITHIN GROUP (ORDER BY make_interval(secs => x)) AS c,
  percentile_disc(0.625) WITHIN GROUP (ORDER BY x + 1e-20) AS d,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY x % 50)::numeric AS e,
  mode() WITHIN GROUP (ORDER BY x % 50) AS f';
for my $key ('x % 8000', 'x % 150', 'CASE WHEN i < 200000 THEN 0 ELSE x % 3000 END')
{
  for my $settings (
    "enable_sort = off",
    "enable_hashagg = off",
    "max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET enable_sort "
    . "= off")
  {
    for my $memory ('64kB', '512kB', '4MB')
    {
      is(
        sql(
          "SET work_mem = '$memory'; SET $settings; CREATE TEMP TABLE ours AS SELECT $key AS k, $ours FROM t
              WHERE i <= 400000 GROUP BY 1; RESET ALL; SET work_mem = '256MB';
        CREATE TEMP TABLE theirs AS SELECT $key AS k, $theirs FROM t WHERE i <= 400000 GROUP BY 1;
        SELECT count(*) FROM (SELECT * FROM ours EXCEPT ALL SELECT * FROM theirs) s; SELECT count(*)
        FROM (SELECT * FROM theirs EXCEPT ALL SELECT * FROM ours) s"
        ),
        "0\n0",
        "$key, $memory, $settings");
    }
  }
}
is(
  sql(
    "SET work_mem = '64kB'; SET enable_sort = off; SELECT sum(dap.bag_count(b)), trim_scale(sum(dap.bag_sum(b)))
        FROM (SELECT dap.bag_agg(x + CASE WHEN x % 2 = 0 THEN 1e-20 ELSE 0 END) AS b FROM t GROUP BY x % 2000) s"
  ),
  sql('SELECT count(x)::numeric, trim_scale(sum(x + CASE WHEN x % 2 = 0 THEN 1e-20 ELSE 0 END)) FROM t'),
  'bags behind a file');
nothing_left('answers');

# A node that starts over, and a query that is left early.
my $again = "SELECT string_agg(n::numeric::text, ',' ORDER BY g) FROM generate_series(1, 3) g,
      LATERAL (SELECT sum(m) AS n FROM (SELECT MEDIAN AS m FROM t WHERE i <= 100000 GROUP BY x % 900) s) l";
is(
  sql(
    "SET work_mem = '64kB'; SET enable_sort = off; " . $again =~ s/MEDIAN/dap.median(x + g)/r =~
      s/n::numeric/trim_scale(n)/r),
  sql($again =~ s/MEDIAN/percentile_cont(0.5) WITHIN GROUP (ORDER BY x + g)/r),
  'rescans');
is(
  sql(
    "SET work_mem = '64kB'; SET enable_sort = off; SELECT count(*)
        FROM (SELECT dap.median(x) FROM t GROUP BY x % 900 LIMIT 3) s"
  ),
  '3',
  'LIMIT');
nothing_left('rescans');

# Limits and cancellation.
like(
  fails(
    "SET temp_file_limit = '1MB'; SET work_mem = '256kB'; SET enable_sort = off; SELECT count(m)
        FROM (SELECT dap.median(x) AS m FROM t GROUP BY x % 300) s"
  ),
  qr/53400/,
  'temp_file_limit');
nothing_left('temp_file_limit');
my ($cancelled, $finished) = (0, 0);
for my $wait (1 .. 12)
{
  my $err = fails(
        "SET statement_timeout = '"
      . $wait * $wait * 6
      . "ms'; SET work_mem = '256kB'; SET enable_sort = off; SELECT count(m) FROM (SELECT dap.median(x) AS m,
          dap.median(x + 1e-20) FROM t GROUP BY x % 2000) s"
  );
  $err eq '' ? $finished++ : $err =~ /57014/ ? $cancelled++ : fail("cancelled: $err");
}
ok($cancelled > 3, "$cancelled were cancelled, $finished finished");
nothing_left('cancellation');

# What the planner is told of a group is what one of ten values takes, as the server counts it.
sub told
{
  my ($type) = @_;
  return sql("SELECT aggtransspace FROM pg_aggregate WHERE aggfnoid = 'dap.median($type)'::regprocedure");
}
# With the number of groups known to the planner, so that the server's own table has the same size.
sql('CREATE UNLOGGED TABLE grouped AS SELECT x % 100000 AS k10, x FROM t; ANALYZE grouped');
sub memory_of
{
  my ($call, $key) = @_;
  my ($kilobytes) = sql(
    "SET work_mem = '256MB'; SET enable_sort = off; SET max_parallel_workers_per_gather = 0; EXPLAIN (ANALYZE,
        COSTS off, TIMING off) SELECT $key, $call FROM grouped GROUP BY 1"
  ) =~ /Batches: 1  Memory Usage: (\d+)kB/;
  return $kilobytes * 1024;
}
for ([ 'bigint', 'x', 10 ], [ 'double precision', 'x::float8', 10 ], [ 'interval', 'make_interval(secs => x)', 10 ])
{
  my ($type, $argument, $values) = @$_;
  my $takes =
    (memory_of("dap.median($argument)", "k$values") - memory_of('count(*)', "k$values")) / (1000000 / $values);
  my $told = told($type);
  ok(
    $takes > $told * 0.5 && $takes < $told * 1.5,
    sprintf('%s, %d values a group: the planner is told of %d bytes, and %d are taken', $type, $values, $told, $takes));
}
is(
  sql(
    "SELECT count(DISTINCT aggtransspace) FROM pg_aggregate JOIN pg_proc ON pg_proc.oid = aggfnoid
        WHERE pronamespace = 'dap'::regnamespace AND aggtransfn::text LIKE '%quantile%'
  AND pg_get_function_arguments(aggfnoid) NOT LIKE '%interval%'"),
  '1',
  'the same for all that keep the same');

done_testing();
