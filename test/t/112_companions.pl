# The analysts' companions against oracles in plain SQL, for random data of every type: dap.mode, dap.mad and dap.iqr
# (GROUP BY, sorted rows and exact arithmetic), dap.top_n (GROUP BY, window functions): in one process, parallel, with
# little memory (files), by sorting and by hashing, partition-wise, and as moving windows.  DAP_ORACLE_SEED repeats a
# run, DAP_ORACLE_ROUNDS (2) asks for more.
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
my $rounds = $ENV{DAP_ORACLE_ROUNDS} // 2;
sub same_lines
{
  my ($got, $expected, $name) = @_;
  return if ok($got eq $expected, $name);
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
}

sql(
  q{
CREATE SCHEMA oracle;
CREATE FUNCTION oracle.us(t timestamp) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT extract(epoch FROM t)
  * 1000000 $$;
CREATE FUNCTION oracle.span(us numeric) RETURNS interval LANGUAGE sql IMMUTABLE AS
  $$ SELECT div(us, 86400000000)::int * interval '1 day' + ((us % 86400000000) / 1000000)::text::interval $$;
CREATE FUNCTION oracle.us(i interval) RETURNS numeric LANGUAGE sql IMMUTABLE AS
  $$ SELECT ((extract(year FROM i) * 12 + extract(month FROM i)) * 30 + extract(day FROM i)) * 86400000000
       + extract(hour FROM i) * 3600000000 + extract(minute FROM i) * 60000000 + extract(microsecond FROM i) $$;
-- Between two values, as the continuous percentile is.
CREATE FUNCTION oracle.mix(lo numeric, hi numeric, part numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS
  $$ SELECT trim_scale(CASE WHEN part = 0 OR lo = hi THEN lo ELSE (1 - part) * lo + part * hi END) $$;
CREATE FUNCTION oracle.minus(a float8, b float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN RETURN a - b; EXCEPTION WHEN numeric_value_out_of_range THEN RETURN CASE WHEN a > b THEN 'Infinity'
  ELSE '-Infinity' END; END $$;
CREATE FUNCTION oracle.mix(lo float8, hi float8, part numeric) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE w float8 := part::text::float8; d float8;
BEGIN
  lo := lo + 0; hi := hi + 0;
  IF part = 0 OR lo = hi THEN RETURN lo; END IF;
  d := oracle.minus(hi, lo);
  RETURN CASE WHEN d NOT IN ('Infinity', '-Infinity', 'NaN') THEN lo + w * d ELSE (1 - w) * lo + w * hi END;
END $$;
CREATE FUNCTION oracle.mix(lo timestamp, hi timestamp, part numeric) RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN part = 0 OR lo = hi OR lo = '-infinity' THEN lo WHEN hi = 'infinity' THEN hi
    ELSE timestamp 'epoch' + oracle.span(floor(oracle.us(lo) + part * (oracle.us(hi) - oracle.us(lo)) + 0.5)) END $$;
CREATE FUNCTION oracle.mix(lo interval, hi interval, part numeric) RETURNS interval LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE WHEN part = 0 OR (lo = hi AND lo::text = hi::text) THEN lo ELSE (hi - lo) * part::text::float8
    + lo END $$;
-- The centre that values deviate from, how far, and the middle of two deviations.
CREATE FUNCTION oracle.centre(lo numeric, hi numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE AS $$ SELECT oracle.mix(lo, hi, 0.5) $$;
CREATE FUNCTION oracle.centre(lo float8, hi float8) RETURNS float8
  LANGUAGE sql IMMUTABLE AS $$ SELECT oracle.mix(lo, hi, 0.5) $$;
CREATE FUNCTION oracle.centre(lo timestamp, hi timestamp) RETURNS timestamp
  LANGUAGE sql IMMUTABLE AS $$ SELECT oracle.mix(lo, hi, 0.5) $$;
CREATE FUNCTION oracle.centre(lo interval, hi interval) RETURNS numeric
  LANGUAGE sql IMMUTABLE AS $$ SELECT (oracle.us(lo) + oracle.us(hi)) * 0.5 $$;
CREATE FUNCTION oracle.deviation(x numeric, c numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE AS $$ SELECT abs(x - c) $$;
CREATE FUNCTION oracle.deviation(x float8, c float8) RETURNS float8
  LANGUAGE sql IMMUTABLE AS $$ SELECT abs(oracle.minus(x, c)) $$;
CREATE FUNCTION oracle.deviation(x timestamp, c timestamp) RETURNS numeric
  LANGUAGE sql IMMUTABLE AS $$ SELECT abs(oracle.us(x) - oracle.us(c)) $$;
CREATE FUNCTION oracle.deviation(x interval, c numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE AS $$ SELECT abs(oracle.us(x) - c) $$;
CREATE FUNCTION oracle.middle(kind numeric, a numeric, b numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE AS $$ SELECT trim_scale((a + b) * 0.5) $$;
CREATE FUNCTION oracle.middle(kind float8, a float8, b float8) RETURNS float8
  LANGUAGE sql IMMUTABLE AS $$ SELECT oracle.mix(a, b, 0.5) $$;
CREATE FUNCTION oracle.middle(kind timestamp, a numeric, b numeric) RETURNS interval
  LANGUAGE sql IMMUTABLE AS $$ SELECT oracle.span(floor((a + b) * 0.5 + 0.5)) $$;
CREATE FUNCTION oracle.middle(kind interval, a numeric, b numeric) RETURNS interval
  LANGUAGE sql IMMUTABLE AS $$ SELECT oracle.span(floor((a + b) * 0.5 + 0.5)) $$;
CREATE FUNCTION oracle.range(lo numeric, hi numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE AS $$ SELECT trim_scale(hi - lo) $$;
CREATE FUNCTION oracle.range(lo float8, hi float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT hi - lo $$;
CREATE FUNCTION oracle.range(lo timestamp, hi timestamp) RETURNS interval
  LANGUAGE sql IMMUTABLE AS $$ SELECT oracle.span(oracle.us(hi) - oracle.us(lo)) $$;
CREATE FUNCTION oracle.range(lo interval, hi interval) RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT hi - lo $$;
});

# Of each type: expressions over random() and a row number i, the type in which the oracle reckons, and that of dap.mode
# where it is another.
my $money = 'round((random() * 10000)::numeric, 2)';
my %types = (
  smallint => [
    [ '(random() * 65535 - 32768)::int::smallint',
      '(i % 7)::smallint',
      'CASE WHEN i % 2 = 0 THEN 32767 ELSE -32768 END' ],
    'numeric' ],
  integer => [
    [ '(random() * 4294967295 - 2147483648)::bigint::int',
      '(random() * 100)::int',
      'CASE WHEN i % 2 = 0 THEN 2147483647 ELSE -2147483648 END',
      'i', '-i' ],
    'numeric' ],
  bigint => [
    [ '((random() - 0.5) * 1.8e19)::bigint',
      '(random() * 100000)::bigint',
      'CASE WHEN i % 2 = 0 THEN 9223372036854775807 ELSE -9223372036854775808 + i % 3 END' ],
    'numeric' ],
  numeric => [
    [ $money,
      "-$money",
      '(random() * 1e6)::numeric',
      'random()::numeric * 1e-9',
      '(random()::numeric * 10 ^ (random() * 60 - 30)::int * (CASE WHEN random() < 0.5 THEN -1 ELSE 1 END))',
      "CASE i % 50 WHEN 3 THEN 'NaN' WHEN 5 THEN 'Infinity' WHEN 7 THEN '-Infinity' WHEN 9 THEN 1e-20 WHEN 11 THEN "
        . "123456789012345678901234567890.5 ELSE round((random() * 100)::numeric) END",
      "CASE WHEN i % 5 < 2 THEN 'Infinity' WHEN i % 5 < 4 THEN '-Infinity' ELSE 1.0 END",
      '5.50',
      'CASE WHEN i < 60 THEN round(random()::numeric, 2) ELSE round(random()::numeric * 90, 7) END',
      '10.0 ^ 200 + (random() * 9)::int * 10.0 ^ (-100)' ],
    'numeric' ],
  real => [
    [ 'random()::real',
      "CASE i % 9 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' ELSE ((random() - 0.5) * 1e30)::real END",
      'round((random() * 20)::numeric) / 10' ],
    'double precision' ],
  'double precision' => [
    [ 'random()',
      '(random() - 0.5) * 10 ^ (random() * 600 - 300)::int',
      "CASE i % 9 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' WHEN 2 THEN 0 WHEN 3 THEN 'Infinity' WHEN 4 THEN '-Infinity' "
        . "ELSE random() - 0.5 END",
      "CASE WHEN i % 3 < 2 THEN 'Infinity' ELSE 1::float8 END",
      "CASE WHEN i % 3 < 2 THEN '-Infinity' ELSE 1::float8 END",
      'CASE WHEN i % 3 = 0 THEN 8e307 ELSE -8e307 END',
      'round(random() * 10)' ],
    'double precision' ],
  date =>
    [ [ "date '2024-01-01' + (random() * 364)::int", "date '0001-01-01' + (random() * 3000000)::int" ], 'timestamp' ],
  timestamp => [
    [ "timestamp '2024-01-01' + random() * interval '365 days'",
      "timestamp '1900-01-01' + (i % 5) * interval '1 microsecond'",
      "CASE i % 997 WHEN 500 THEN timestamp 'infinity' WHEN 501 THEN '-infinity' ELSE timestamp '2000-01-01' + i * "
        . "interval '1 hour' END",
      "CASE WHEN i % 2 = 0 THEN timestamp '4000-01-01 BC' ELSE '290000-01-01' END" ],
    'timestamp' ],
  timestamptz => [
    [ "timestamptz '2024-01-01' + random() * interval '365 days'",
      "date_trunc('day', timestamptz '2024-01-01' + random() * interval '99 days')" ],
    'timestamp' ],
  interval => [
    [ "random() * interval '365 days'",
      "(ARRAY['1 month', '30 days', '720 hours', '29 days 24 hours', '-1 month', '0', '5 days', '4 days 24 hours']
        ::interval[])[1 + (random() * 7)::int]",
      "make_interval(months => (random() * 1e8)::int, secs => random() * 1000)",
      "make_interval(days => (random() * 30)::int, secs => -(random() * 3)::int)" ],
    'interval' ],);

# Group, mode, median absolute deviation, interquartile range of table t (g, x).
sub oracle
{
  my ($type) = @_;
  my $as = $types{$type}[1];
  my $parts = 'extract(year FROM x) * 12 + extract(month FROM x), extract(day FROM x)';
  my $order = $as eq 'interval' ? "x, $parts" : 'x';
  my $first = $as eq 'double precision' ? '(x::float8 + 0)' : $as eq 'numeric' ? 'trim_scale(x::numeric)' : "x::$as";
  my $own =
      $type eq 'numeric' ? 'trim_scale(x)'
    : $type eq 'real' ? '(x + 0::real)'
    : $type eq 'double precision' ? '(x + 0)'
    : $type eq 'timestamptz' ? 'x::timestamp'
    : 'x';
  my $shown = $as eq 'interval' ? "(SELECT x FROM t WHERE t.g = c.g AND t.x = c.x ORDER BY $parts LIMIT 1)" : 'x';
  return sql(
    qq{
    WITH c AS (SELECT g, $own AS x, count(*) AS times FROM t WHERE x IS NOT NULL GROUP BY g, $own),
    mode AS (SELECT DISTINCT ON (g) g, $shown AS mode FROM c ORDER BY g, times DESC, x),
    s AS MATERIALIZED (SELECT g, $first AS x, row_number() OVER w - 1 AS r, count(*) OVER (PARTITION BY g) AS n FROM t
      WHERE x IS NOT NULL WINDOW w AS (PARTITION BY g ORDER BY $order)),
    centre AS (SELECT lo.g, oracle.centre(lo.x, hi.x) AS c FROM s lo JOIN s hi ON hi.g = lo.g AND hi.r = lo.n / 2
      WHERE lo.r = (lo.n - 1) / 2),
    d AS MATERIALIZED (SELECT s.g, s.n, s.x, oracle.deviation(s.x, c) AS d,
      row_number() OVER (PARTITION BY s.g ORDER BY oracle.deviation(s.x, c)) - 1 AS r FROM s JOIN centre USING (g)),
    mad AS (SELECT lo.g, oracle.middle(lo.x, lo.d, hi.d) AS mad FROM d lo JOIN d hi ON hi.g = lo.g AND hi.r = lo.n / 2
      WHERE lo.r = (lo.n - 1) / 2),
    q AS (SELECT g, f, f * (n - 1) AS pos FROM (SELECT DISTINCT g, n FROM s) q, unnest('{0.25,0.75}'::numeric[]) f),
    quartile AS (SELECT q.g, f, oracle.mix(lo.x, hi.x, pos - floor(pos)) AS v FROM q
      JOIN s lo ON lo.g = q.g AND lo.r = floor(pos) JOIN s hi ON hi.g = q.g AND hi.r = ceil(pos)),
    iqr AS (SELECT a.g, oracle.range(a.v, b.v) AS iqr FROM quartile a JOIN quartile b ON a.g = b.g AND a.f = 0.25
      AND b.f = 0.75)
    SELECT g, mode, mad, iqr FROM mode JOIN mad USING (g) JOIN iqr USING (g) ORDER BY 1});
}

my $parallel = 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
      SET min_parallel_table_scan_size = 0;';
my $serial = 'SET max_parallel_workers_per_gather = 0;';
my $little = "SET work_mem = '64kB'; SET hash_mem_multiplier = 1;";
my @plans = (
  [ 'one process' => $serial ],
  [ 'parallel' => $parallel ],
  [ 'little memory' => "$serial $little" ],
  [ 'parallel, little memory' => "$parallel $little" ],
  [ 'sorted, little memory' => "$serial $little SET enable_hashagg = off;" ],);

for my $round (1 .. $rounds)
{
  for my $type (sort keys %types)
  {
    my $makers = $types{$type}[0];
    my $maker = $makers->[ int(rand(@$makers)) ];
    my $rows = (1, 2, 3, 10, 100, 3000, 30000, 200000)[ int(rand(8)) ];
    my $groups = (1, 1, 3, 40)[ int(rand(4)) ];
    my $start = sprintf('%.9f', rand());
    my $nulls = rand() < 0.3 ? 'CASE WHEN random() < 0.1 THEN NULL ELSE v END' : 'v';
    sql(
      "SET client_min_messages = warning; DROP TABLE IF EXISTS t; SELECT setseed($start);
      CREATE TABLE t AS SELECT i % $groups AS g, ($nulls)::$type AS x
        FROM (SELECT i, ($maker)::$type AS v FROM generate_series(1, $rows) i OFFSET 0) s; CREATE INDEX
        ON t (g, x); ANALYZE t"
    );
    my $what = "$type from $maker, $rows rows, $groups groups, setseed($start)";
    my $cast = $type eq 'timestamptz' ? '::timestamp' : '';
    my $expected = oracle($type);

    for my $plan (@plans)
    {
      my ($name, $settings) = @$plan;
      my $got = sql(
        "$settings SELECT g, m$cast, d, r FROM (SELECT g, dap.mode(x) AS m, dap.mad(x) AS d, dap.iqr(x) AS r FROM t
            GROUP BY g) s WHERE m IS NOT NULL ORDER BY 1"
      );
      same_lines($got, $expected, "$name: $what");
    }
    # A window's frame against the plain aggregate over the same rows.
    my $frame = (0, 1, 5, 50)[ int(rand(4)) ];
    my $less = $rows > 3000 ? 2000 : $rows;
    my $differ = sql(
      qq{WITH n AS MATERIALIZED (SELECT x, row_number() OVER () AS i FROM (SELECT x FROM t LIMIT $less) q),
      w AS (SELECT i, dap.mode(x) OVER (ORDER BY i ROWS $frame PRECEDING) AS m,
        dap.mad(x) OVER (ORDER BY i ROWS $frame PRECEDING) AS d,
        dap.iqr(x) OVER (ORDER BY i ROWS BETWEEN 1 FOLLOWING AND 9 FOLLOWING) AS r,
          dap.mode(x) OVER (ORDER BY i) AS grown, dap.mad(x) OVER (ORDER BY i) AS all FROM n)
      SELECT count(*) FROM (SELECT * FROM w WHERE i <= 100 OR i % 97 = 0) w WHERE
        m::text IS DISTINCT FROM (SELECT dap.mode(x)::text FROM n WHERE n.i BETWEEN w.i - $frame AND w.i)
        OR d::text IS DISTINCT FROM (SELECT dap.mad(x)::text FROM n WHERE n.i BETWEEN w.i - $frame AND w.i)
        OR r::text IS DISTINCT FROM (SELECT dap.iqr(x)::text FROM n WHERE n.i BETWEEN w.i + 1 AND w.i + 9)
        OR grown::text IS DISTINCT FROM (SELECT dap.mode(x)::text FROM n WHERE n.i <= w.i)
        OR w.all::text IS DISTINCT FROM (SELECT dap.mad(x)::text FROM n WHERE n.i <= w.i)}
    ) unless $maker =~ /infinity'/;
    is($differ // '0', '0', "moving, frame $frame: $what");
  }
}

# dap.top_n: keys and amounts, over random() and i.
my %keys = (
  bigint => [
    '(random() * 50)::bigint',
    '(random() * random() * 100000)::bigint',
    'i',
    '((random() - 0.5) * 1.8e19)::bigint',
    'CASE i % 4 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN -9223372036854775808 WHEN 2 THEN NULL ELSE 0 END', 'NULL' ],
  text => [
    q{'user ' || (random() * 300)::int},
    q{chr(65 + (random() * 60)::int)},
    q{CASE i % 5 WHEN 0 THEN '' WHEN 1 THEN NULL WHEN 2 THEN 'é' WHEN 3 THEN 'z' ELSE 'Z' END},
    q{repeat(md5((i % 20)::text), 200)},
    q{left(repeat('x', 9), i % 10)},
    q{md5(random()::text)} ],);
my @amounts = (
  $money,
  "-$money",
  '1',
  '0',
  '(random() * 10)::int',
  'round((random() * 3)::numeric, (random() * 12)::int)',
  'random()::numeric(40,30) * (random() * 3)::int',
  'CASE WHEN i % 2 = 0 THEN 1 ELSE -1 END * (10.0 ^ (random() * 60 - 30)::int)',
  '9223372036854775807',
  '10.0 ^ 33 + i * 0.0001',
  '99999999999999999999999999999.99999999',
  "CASE (random() * 400)::int WHEN 3 THEN 'NaN' WHEN 5 THEN 'Infinity' WHEN 7 THEN '-Infinity' ELSE $money END",
  'CASE WHEN i % 3 = 0 THEN NULL ELSE 2.50 END');
my $top = q{SELECT g, count(*) || ' ' || coalesce(dap.top_n(k, a, %d)::text, 'none') FROM t GROUP BY g ORDER BY g};
for my $round (1 .. $rounds)
{
  for my $type (sort keys %keys)
  {
    for my $key (@{ $keys{$type} })
    {
      my $amount = $amounts[ int(rand(@amounts)) ];
      my $rows = (1, 2, 10, 100, 3000, 30000, 100000)[ int(rand(7)) ];
      my $groups = (1, 1, 3, 40)[ int(rand(4)) ];
      my $n = (0, 1, 3, 5, 100, 2147483647)[ int(rand(6)) ];
      my $start = sprintf('%.9f', rand());
      sql(
        "SET client_min_messages = warning; DROP TABLE IF EXISTS t; SELECT setseed($start);
        CREATE TABLE t AS SELECT i % $groups AS g, ($key)::$type AS k, ($amount)::numeric AS a
          FROM generate_series(1, $rows) i; ANALYZE t"
      );
      my $what = "$type keys $key, amounts $amount, n $n, $rows rows, $groups groups, setseed($start)";
      my $collate = $type eq 'text' ? 'COLLATE "C"' : '';
      my $expected = sql(
        qq{WITH s AS (SELECT g, k, sum(a) AS s FROM t WHERE a IS NOT NULL GROUP BY g, k),
        r AS (SELECT g, row_number() OVER (PARTITION BY g ORDER BY s DESC, k $collate) AS rank, k, s,
          sum(s) OVER (PARTITION BY g) AS total FROM s),
        a AS (SELECT g,
          coalesce(array_agg(ROW(rank, k, s, s / nullif(total, 0))::dap.top_item ORDER BY rank)
          FILTER (WHERE rank <= $n), '{}') AS items FROM r GROUP BY g)
        SELECT c.g, c.c || ' ' || coalesce(items::text, 'none') FROM (SELECT g, count(*) AS c FROM t GROUP BY g) c
        LEFT JOIN a USING (g) ORDER BY 1}
      );

      for my $plan (@plans)
      {
        my ($name, $settings) = @$plan;
        same_lines(sql($settings . sprintf($top, $n)), $expected, "$name: $what");
      }
    }
  }
}

# The plans are what they are called.
sql(
  "DROP TABLE t; SELECT setseed(0.5);
  CREATE TABLE t AS SELECT i % 7 AS g, (random() * 1000)::bigint AS k, round((random() * 100)::numeric, 2) AS a
    FROM generate_series(1, 100000) i;
  CREATE TABLE p (g int, k bigint, a numeric) PARTITION BY LIST (g); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (0, 1,
    2); CREATE TABLE p2 PARTITION OF p DEFAULT;
  INSERT INTO p SELECT * FROM t; ANALYZE t; ANALYZE p");
my $all = 'dap.mode(a), dap.mad(a), dap.iqr(a), dap.top_n(k, a, 3), dap.top_n(k::text, a, 3)';
my $once = sql("$serial SELECT $all FROM t");
my $by_group = sql("$serial SELECT g, $all FROM t GROUP BY g ORDER BY g");
like(sql("$parallel EXPLAIN SELECT $all FROM t"), qr/Finalize Aggregate.*Partial Aggregate/s, 'a parallel plan');
is(sql("$parallel SELECT $all FROM t"), $once, 'parallel, one group');
is(sql("$parallel SET parallel_leader_participation = off; SELECT g, $all FROM t GROUP BY g ORDER BY g"),
  $by_group, 'parallel, by group, workers only');
my $wise = 'SET enable_partitionwise_aggregate = on;';
like(sql("$serial $wise EXPLAIN SELECT g, $all FROM p GROUP BY g"), qr/Append.*Aggregate/s, 'a partition-wise plan');
is(sql("$serial $wise SELECT g, $all FROM p GROUP BY g ORDER BY g"), $by_group, 'partition-wise, whole groups');
is(sql("$serial $wise SELECT $all FROM p"), $once, 'partition-wise, partial groups');
is(sql("$parallel $wise SELECT $all FROM p"), $once, 'partition-wise and parallel');
is(sql("SELECT $all FROM (SELECT * FROM t ORDER BY md5(a::text || k)) s"), $once, 'whatever the order of rows');
my $force = $node->safe_psql('postgres',
  q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
is(sql("$parallel SET $force = on; SELECT g, $all FROM t GROUP BY g ORDER BY g"), $by_group, 'in a worker');
is(sql("SELECT $all FROM t GROUP BY GROUPING SETS ((), (g)) ORDER BY count(*) DESC LIMIT 1"), $once, 'GROUPING SETS');
is(
  sql(
    "SET enable_hashagg = off; SELECT g, $all FROM t GROUP BY GROUPING SETS ((g), (k % 3)) HAVING g IS NOT NULL
        ORDER BY 1"
  ),
  $by_group,
  'GROUPING SETS, sorted');
is(sql("SELECT dap.mode(DISTINCT a), dap.mad(DISTINCT a), dap.iqr(DISTINCT a) FROM t"),
  sql("SELECT dap.mode(a), dap.mad(a), dap.iqr(a) FROM (SELECT DISTINCT a FROM t) s"), 'DISTINCT');
is(sql("SELECT dap.top_n(k, a, 3) FILTER (WHERE g = 1), dap.mode(a) FILTER (WHERE g = 1) FROM t"),
  sql("SELECT dap.top_n(k, a, 3), dap.mode(a) FROM t WHERE g = 1"), 'FILTER');
is(
  sql(
    "WITH n AS MATERIALIZED (SELECT row_number() OVER () AS i, k % 9 AS k, a FROM t LIMIT 300),
  w AS (SELECT i, dap.top_n(k, a, 2) OVER (ORDER BY i) AS grown,
    dap.top_n(k, a, 2) OVER (ORDER BY i ROWS 5 PRECEDING) AS framed FROM n)
  SELECT count(*) FROM w WHERE grown IS DISTINCT FROM (SELECT dap.top_n(k, a, 2) FROM n WHERE n.i <= w.i)
    OR framed IS DISTINCT FROM (SELECT dap.top_n(k, a, 2) FROM n WHERE n.i BETWEEN w.i - 5 AND w.i)"),
  '0',
  'dap.top_n OVER a window');

# n that varies between the rows of two processes.
like(fails("$parallel SELECT dap.top_n(k, a, CASE WHEN a < 50 THEN 3 ELSE 4 END) FROM t"),
  qr/22023/, 'n that varies, parallel');

# Cancelled or limited, nothing stays behind.
sql('CREATE TABLE big AS SELECT random() AS x, i FROM generate_series(1, 1000000) i');
for my $call ('dap.mode(x)', 'dap.mad(x)', 'dap.iqr(x)')
{
  like(fails("SET temp_file_limit = '1MB'; $serial $little SELECT $call FROM big"),
    qr/53400/, "temp_file_limit is the statement's error: $call");
}
is(sql("$serial $little SELECT dap.mode(x) = min(x) FROM big"),
  't', 'a file behind a million doubles: all are as frequent as the lowest');
is(
  sql(
    "$serial $little SELECT dap.mode(x) FROM (SELECT x::numeric * 1e-30 AS x FROM big UNION ALL SELECT 7
        FROM generate_series(1, 2)) s"
  ),
  '7',
  'numerics beyond 64 bits in a file');
is(
  sql(
    "$serial SET work_mem = '1GB'; SELECT dap.mode(x)
        FROM (SELECT x FROM big UNION ALL SELECT 7 FROM generate_series(1, 2)) s"
  ),
  '7',
  'a million doubles in memory');
my $peak = q{SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\s+(\d+)'))[1];};
for my $case (
  [ 'doubles', 'dap.mode(x) < dap.mad(x)', 'random()', 4_000_000 ],
  [ 'numerics beyond 64 bits', 'dap.mode(x) > 0', 'i * 1e25', 1_500_000 ])
{
  my ($kind, $call, $value, $values) = @$case;
  my ($before, undef, $after) = split /\n/, sql(
    "$serial $little $peak SELECT $call
        FROM (SELECT $value AS x FROM (SELECT generate_series(1, $values) AS i) i OFFSET 0) s; $peak"
  );
  cmp_ok($after - $before, '<', 25_000, "kB for $values $kind in little memory");
}
for my $call ('dap.mode(x)', 'dap.mad(x)', 'dap.top_n(i, 1, 5)', 'dap.top_n(i::text, 1, 2000000)')
{
  like(
    fails(
      "SET statement_timeout = '250ms'; $serial $little SELECT $call
          FROM (SELECT * FROM big UNION ALL SELECT * FROM big UNION ALL SELECT * FROM big) b"
    ),
    qr/57014/,
    "cancelled: $call");
}
is(sql("SELECT count(*) FROM pg_ls_tmpdir()"), '0', 'no temporary file is left');

done_testing();
