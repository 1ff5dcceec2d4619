# The order statistics against an oracle in exact SQL arithmetic over sorted rows, for random data of every type: in one
# process, parallel, with little memory (files), by sorting and by hashing, and as moving windows.  DAP_ORACLE_SEED
# repeats a run, DAP_ORACLE_ROUNDS (3) asks for more.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(fails seeded sql start_server);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('primary', "timezone = 'UTC'\nmax_parallel_workers = 4\njit = off\n");
my $seed = seeded('DAP_ORACLE_SEED');
my $rounds = $ENV{DAP_ORACLE_ROUNDS} // 3;

sql(
  q{
CREATE SCHEMA oracle;
-- Between two numerics, exactly.
CREATE FUNCTION oracle.mix(lo numeric, hi numeric, part numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS
  $$ SELECT trim_scale(CASE WHEN part = 0 OR lo = hi THEN lo ELSE (1 - part) * lo + part * hi END) $$;
CREATE FUNCTION oracle.mix(lo float8, hi float8, part numeric) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE w float8 := part::text::float8;
BEGIN
  lo := lo + 0; hi := hi + 0;
  IF part = 0 OR lo = hi THEN RETURN lo; END IF;
  BEGIN
    IF (hi - lo) NOT IN ('Infinity', '-Infinity', 'NaN') THEN RETURN lo + w * (hi - lo); END IF;
  EXCEPTION WHEN numeric_value_out_of_range THEN NULL;
  END;
  RETURN (1 - w) * lo + w * hi;
END $$;
CREATE FUNCTION oracle.mix(lo timestamp, hi timestamp, part numeric) RETURNS timestamp LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE l numeric; h numeric; r numeric;
BEGIN
  IF part = 0 OR lo = hi OR lo = '-infinity' THEN RETURN lo; END IF;
  IF hi = 'infinity' THEN RETURN hi; END IF;
  l := extract(epoch FROM lo) * 1000000; h := extract(epoch FROM hi) * 1000000;
  r := floor(l + part * (h - l) + 0.5);
  RETURN timestamp 'epoch' + (div(r, 86400000000)::int) * interval '1 day'
    + ((r % 86400000000) / 1000000)::text::interval;
END $$;
CREATE FUNCTION oracle.mix(lo interval, hi interval, part numeric) RETURNS interval LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE WHEN part = 0 OR (lo = hi AND lo::text = hi::text) THEN lo ELSE (hi - lo) * part::text::float8
    + lo END $$;
SET check_function_bodies = on;
});

# Of each type: expressions over a random number r in 0..1 and a row number i, how the values sort, what the results
# are.
my $money = 'round((random() * 10000)::numeric, 2)';
my %types = (
  smallint => [ [ '(random() * 65535 - 32768)::int::smallint', '(i % 7)::smallint' ], 'x', 'numeric' ],
  integer => [
    [ '(random() * 4294967295 - 2147483648)::bigint::int',
      '(random() * 100)::int',
      'CASE WHEN i % 2 = 0 THEN 2147483647 ELSE -2147483648 END',
      'i' ],
    'x',
    'numeric' ],
  bigint => [
    [ '((random() - 0.5) * 1.8e19)::bigint',
      '(random() * 100000)::bigint',
      '-i::bigint', 'CASE WHEN i % 2 = 0 THEN 9223372036854775807 ELSE -9223372036854775808 + i % 3 END' ],
    'x',
    'numeric' ],
  numeric => [
    [ $money,
      "-$money",
      '(random() * 1e6)::numeric',
      'random()::numeric * 1e-9',
      '(random()::numeric * 10 ^ (random() * 60 - 30)::int * (CASE WHEN random() < 0.5 THEN -1 ELSE 1 END))',
      "CASE i % 50 WHEN 3 THEN 'NaN' WHEN 5 THEN 'Infinity' WHEN 7 THEN '-Infinity' WHEN 9 THEN 1e-20 WHEN 11 THEN "
        . "123456789012345678901234567890.5 ELSE $money END",
      '5.50',
      'CASE WHEN i < 60 THEN round(random()::numeric, 2) ELSE round(random()::numeric * 90, 7) END',
      "10.0 ^ 200 + i * 10.0 ^ (-100)" ],
    'x',
    'numeric' ],
  real => [
    [ 'random()::real', "CASE i % 9 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' ELSE ((random() - 0.5) * 1e30)::real END" ],
    'x', 'double precision' ],
  'double precision' => [
    [ 'random()',
      '(random() - 0.5) * 10 ^ (random() * 600 - 300)::int',
      "CASE i % 9 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' WHEN 2 THEN 0 WHEN 3 THEN 'Infinity' WHEN 4 THEN '-Infinity' "
        . "ELSE random() - 0.5 END",
      'CASE WHEN i % 2 = 0 THEN 1.7e308 ELSE -1.7e308 END',
      'round(random() * 10)' ],
    'x',
    'double precision' ],
  date => [
    [ "date '2024-01-01' + (random() * 364)::int", "date '0001-01-01' + (random() * 3000000)::int" ],
    'x', 'timestamp' ],
  timestamp => [
    [ "timestamp '2024-01-01' + random() * interval '365 days'",
      "timestamp '1900-01-01' + (i % 5) * interval '1 microsecond'",
      "CASE WHEN i % 50 = 0 THEN timestamp 'infinity' ELSE timestamp '2000-01-01' + i * interval '1 hour' END" ],
    'x',
    'timestamp' ],
  timestamptz => [ ["timestamptz '2024-01-01' + random() * interval '365 days'"], 'x', 'timestamptz' ],
  interval => [
    [ "random() * interval '365 days'",
      "(ARRAY['1 month', '30 days', '720 hours', '29 days 24 hours', '-1 month', '0']
        ::interval[])[1 + (random() * 5)::int]",
      "make_interval(months => (random() * 1e8)::int, secs => random() * 1000)" ],
    "x, extract(year FROM x) * 12 + extract(month FROM x), extract(day FROM x)",
    'interval' ],);
my @fractions = (0, 1, 0.5, 0.25, 0.1, 0.9, 1e-9, 0.123456789, 0.3333333333333333, 0.999999);
my $fractions = join(',', @fractions);

# What the oracle makes of table t (i, g, x); p holds the same rows in three parts: group, fraction, continuous,
# discrete.
sub oracle
{
  my ($type) = @_;
  my (undef, $order, $result) = @{ $types{$type} };
  my $as = $result eq 'numeric' ? 'numeric' : $result =~ /timestamp/ ? 'timestamp' : $result;
  my $first =
    $result eq 'double precision' ? '(x::float8 + 0)' : $result eq 'numeric' ? 'trim_scale(x::numeric)' : "x::$as";
  return sql(
    qq{
    WITH s AS (SELECT g, $first AS x, row_number() OVER w - 1 AS r, count(*) OVER (PARTITION BY g) AS n FROM t
      WHERE x IS NOT NULL WINDOW w AS (PARTITION BY g ORDER BY $order)),
    f AS MATERIALIZED (SELECT g, n, f, f::text::numeric * (n - 1) AS pos,
      greatest(ceil(f::text::numeric * n) - 1, 0) AS d
      FROM (SELECT DISTINCT g, n FROM s) q, unnest(ARRAY[$fractions]::float8[]) f)
    SELECT f.g, f.f, oracle.mix(lo.x, hi.x, pos - floor(pos)), d.x FROM f
    JOIN s lo ON lo.g = f.g AND lo.r = floor(pos) JOIN s hi ON hi.g = f.g AND hi.r = ceil(pos)
    JOIN s d ON d.g = f.g AND d.r = f.d ORDER BY 1, 2}
  );
}

my @plans = (
  [ 'one process' => 'SET max_parallel_workers_per_gather = 0;' ],
  [ 'parallel' => 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
          SET min_parallel_table_scan_size = 0;'
  ],
  [ 'little memory' => "SET max_parallel_workers_per_gather = 0; SET work_mem = '64kB'; SET hash_mem_multiplier = 1;" ],
  [ 'parallel, little memory' =>
      "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
          SET min_parallel_table_scan_size = 0; SET work_mem = '64kB'; SET hash_mem_multiplier = 1;"
  ],
  [ 'merged from parts' => 'SET max_parallel_workers_per_gather = 0; SET enable_partitionwise_aggregate = on;', 'p' ],
  [ 'merged from parts, sent in files' =>
      "SET max_parallel_workers_per_gather = 0; SET enable_partitionwise_aggregate = on; SET work_mem = '64kB';
          SET hash_mem_multiplier = 1; SET dap.debug_largest_sent_state = 64;",
    'p' ],
  [ 'sorted, little memory' =>
      "SET max_parallel_workers_per_gather = 0; SET enable_hashagg = off; SET work_mem = '64kB';
          SET hash_mem_multiplier = 1;"
  ],);

for my $round (1 .. $rounds)
{
  for my $type (sort keys %types)
  {
    my ($makers, $order, $result) = @{ $types{$type} };
    my $maker = $makers->[ int(rand(@$makers)) ];
    my $rows = (1, 2, 3, 1 + int(rand(60)), 100, 3000, 30000, 200000)[ int(rand(8)) ];
    $rows = 1000000 if rand() < 0.02;
    my $groups = (1, 1, 3, 40)[ int(rand(4)) ];
    my $start = sprintf('%.9f', rand());
    my $nulls = rand() < 0.3 ? 'CASE WHEN random() < 0.1 THEN NULL ELSE v END' : 'v';
    sql(
      "SET client_min_messages = warning; DROP TABLE IF EXISTS t; SELECT setseed($start);
      CREATE TABLE t AS SELECT i, i % $groups AS g, ($nulls)::$type AS x
        FROM (SELECT i, ($maker)::$type AS v FROM generate_series(1, $rows) i OFFSET 0) s; ANALYZE t;
      DROP TABLE IF EXISTS p; CREATE TABLE p (LIKE t) PARTITION BY HASH (i); CREATE TABLE p_0 PARTITION OF p FOR VALUES
        WITH (MODULUS 3, REMAINDER 0);
      CREATE TABLE p_1 PARTITION OF p FOR VALUES WITH (MODULUS 3,
        REMAINDER 1); CREATE TABLE p_2 PARTITION OF p FOR VALUES WITH (MODULUS 3, REMAINDER 2);
      INSERT INTO p SELECT * FROM t; ANALYZE p");
    my $what = "$type from $maker, $rows rows, $groups groups, setseed($start)";
    my $cast = $result =~ /timestamp/ ? '::timestamp' : '';
    my $discrete = join(',', map { "dap.percentile_disc(x, $_)" } @fractions);
    my $single = join(',', map { "dap.percentile(x, $_)" } @fractions);
    my $expected = oracle($type);
    for my $plan (@plans)
    {
      my ($name, $settings, $from) = @$plan;
      $from //= 't';
      my $got = sql(
        qq{$settings
        WITH a AS (SELECT g, dap.percentiles(x, ARRAY[$fractions]::float8[]) AS c, ARRAY[$single] AS s,
          ARRAY[$discrete] AS d, dap.median(x) AS m FROM $from GROUP BY g)
        SELECT g, f, v$cast, d[o]$cast FROM a, unnest(ARRAY[$fractions]::float8[], c) WITH ORDINALITY u(f, v, o)
        WHERE c IS NOT NULL AND (c::text = s::text AND c[3]::text = m::text OR f = -1) ORDER BY 1, 2});
      ok($got eq $expected, "$name: $what") or do
      {
        my @g = split /\n/, $got;
        my @e = split /\n/, $expected;
        my $shown = 0;
        diag(scalar(@g) . ' lines, expected ' . scalar(@e));
        for my $i (0 .. $#e)
        {
          next if ($g[$i] // '') eq $e[$i];
          diag("got " . ($g[$i] // '-') . " expected $e[$i]");
          last if ++$shown == 4;
        }
      };
    }
    # A window's frame against the plain aggregate over the same rows.
    my $frame = (0, 1, 5, 50)[ int(rand(4)) ];
    my $less = $rows > 3000 ? 2000 : $rows;
    my $differ = sql(
      qq{WITH n AS MATERIALIZED (SELECT x, row_number() OVER () AS i FROM (SELECT x FROM t LIMIT $less) q),
      w AS (SELECT i, dap.median(x) OVER (ORDER BY i ROWS $frame PRECEDING) AS m,
        dap.percentile(x, 0.3) OVER (ORDER BY i ROWS BETWEEN 1 FOLLOWING AND 9 FOLLOWING) AS p,
        dap.percentile_disc(x, 0.7) OVER (ORDER BY i) AS d,
          dap.percentiles(x, '{0.1,NULL,0.8}') OVER (ORDER BY i ROWS $frame PRECEDING) AS a FROM n)
      SELECT count(*) FROM (SELECT * FROM w WHERE i <= 100 OR i % 97 = 0) w WHERE
        m::text IS DISTINCT FROM (SELECT dap.median(x)::text FROM n WHERE n.i BETWEEN w.i - $frame AND w.i)
        OR p::text IS DISTINCT FROM (SELECT dap.percentile(x, 0.3)::text FROM n WHERE n.i BETWEEN w.i + 1 AND w.i + 9)
        OR d::text IS DISTINCT FROM (SELECT dap.percentile_disc(x, 0.7)::text FROM n WHERE n.i <= w.i)
        OR a::text IS DISTINCT FROM (SELECT dap.percentiles(x, '{0.1,NULL,0.8}')::text FROM n
          WHERE n.i BETWEEN w.i - $frame AND w.i)}
    );
    is($differ, '0', "moving, frame $frame: $what");
  }
}

# Cancelled or limited, nothing stays behind.
sql('CREATE TABLE big AS SELECT random() AS x, i % 3 AS g FROM generate_series(1, 1000000) i');
like(
  fails(
    "SET temp_file_limit = '1MB'; SET work_mem = '64kB'; SET max_parallel_workers_per_gather = 0;
        SELECT dap.median(x) FROM big"
  ),
  qr/53400/,
  'temp_file_limit is the statement\'s error');
like(fails("SET statement_timeout = '60ms'; SET work_mem = '64kB'; SELECT g, dap.median(x) FROM big GROUP BY g"),
  qr/57014/, 'a cancelled aggregate');
# At twelve moments of aggregates that take some hundred milliseconds: collecting, writing, reading, selecting, moving.
for my $query (
  "SET work_mem = '64kB'; SELECT dap.percentiles(x, '{0.1,0.5,0.9}') FROM big",
  "SELECT g, dap.median(x::numeric * 1e-20) FROM big GROUP BY g",
  "SELECT max(m) FROM (SELECT dap.median(x) OVER (ORDER BY x) AS m FROM big) s")
{
  my $end = 0;
  for my $wait (map { 5 * 1.7**$_ } 0 .. 11)
  {
    my $err = fails("SET statement_timeout = '" . int($wait) . "ms'; $query");
    $end++ if $err eq '' || $err =~ /57014/;
  }
  is($end, 12, "cancelled at any moment: $query");
}
is(sql("SELECT count(*) FROM pg_ls_tmpdir()"), '0', 'no temporary file is left');
is(sql("SET work_mem = '64kB'; SELECT dap.median(x) = percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM big"),
  't', 'a file behind a million doubles');
is(sql("SELECT count(*) FROM pg_ls_tmpdir()"), '0', 'nor after success');
is(
  sql(
    "SET work_mem = '64kB'; SET enable_hashagg = off; SELECT bool_and(a.m = b.m)
        FROM (SELECT g, dap.median(x) m FROM big GROUP BY g) a
  JOIN (SELECT g, percentile_cont(0.5) WITHIN GROUP (ORDER BY x) m FROM big GROUP BY g) b USING (g)"),
  't',
  'files of sorted groups');
is(
  sql(
    "SET work_mem = '64kB'; SELECT string_agg(m::text, ',' ORDER BY g)
        FROM (SELECT g, dap.median(x)::numeric(10,3) > 0.49 AS m FROM big GROUP BY ROLLUP (g)) s"
  ),
  'true,true,true,true',
  'ROLLUP');

done_testing();
