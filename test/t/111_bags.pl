# Bags against plain SQL over the same rows, for random data of every type: their contents, however they came about (one
# process, parallel, files, merged from parts, added, subtracted, read from text or bytes), and every answer.
# DAP_ORACLE_SEED repeats a run, DAP_ORACLE_ROUNDS (12) asks for more.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(fails seeded sql start_server);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('primary', "max_parallel_workers = 4\njit = off\n");
my $seed = seeded('DAP_ORACLE_SEED');
my $rounds = $ENV{DAP_ORACLE_ROUNDS} // 12;

sql(
  q{
CREATE SCHEMA oracle;
CREATE FUNCTION oracle.percentile(v numeric[], f numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT trim_scale(CASE WHEN part = 0 OR lo = hi THEN lo ELSE (1 - part) * lo + part * hi END)
  FROM (SELECT v[floor(p)::int + 1] AS lo, v[ceil(p)::int + 1] AS hi, p - floor(p) AS part
    FROM (SELECT f * (cardinality(v) - 1) AS p) s) s $$;
});

my $money = 'round((random() * random() * 10000)::numeric, 2)';
my @makers = (
  [ smallint => '(random() * 65535 - 32768)::int' ],
  [ smallint => 'i % 7' ],
  [ integer => '(random() * 4294967295 - 2147483648)::bigint' ],
  [ integer => '(random() * 100)::int' ],
  [ integer => 'i' ],
  [ integer => '-i' ],
  [ bigint => '((random() - 0.5) * 1.8e19)::bigint' ],
  [ bigint => '(random() * 1000)::bigint * 1000000' ],
  [ bigint => 'CASE WHEN i % 2 = 0 THEN 9223372036854775807 ELSE -9223372036854775808 + i % 3 END' ],
  [ numeric => $money ],
  [ numeric => "-$money" ],
  [ numeric => '5.50' ],
  [ numeric => 'i * 0.05' ],
  [ numeric => '(100000 - i) * 100' ],
  [ numeric => '(random()::numeric * 10 ^ (random() * 60 - 30)::int * (CASE WHEN random() < 0.5 THEN -1 ELSE 1 END))' ],
  [ numeric =>
      "CASE i % 50 WHEN 3 THEN 'NaN' WHEN 5 THEN 'Infinity' WHEN 7 THEN '-Infinity' WHEN 9 THEN 1e-20 WHEN 11 THEN "
      . "123456789012345678901234567890.5 ELSE $money END" ],
  [ numeric => "CASE i % 1000 WHEN 3 THEN '1e-1000'::numeric WHEN 5 THEN 1e1000 WHEN 7 THEN -1e1000 ELSE $money END" ],
  [ numeric => "CASE WHEN i % 100 = 0 THEN round(exp(random() * 30)::numeric, 2) ELSE $money END" ],
  [ numeric => 'CASE WHEN i < 60 THEN round(random()::numeric, 2) ELSE round(random()::numeric * 90, 7) END' ],
  [ numeric => "CASE WHEN i % 3 = 0 THEN round(random()::numeric * 90) * 1e18 ELSE random()::numeric END" ],);
my $parallel = 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
      SET min_parallel_table_scan_size = 0;';
my $serial = 'SET max_parallel_workers_per_gather = 0;';
my $little = "SET work_mem = '64kB'; SET hash_mem_multiplier = 1;";
my @plans = (
  [ 'one process' => $serial ],
  [ 'parallel' => $parallel ],
  [ 'little memory' => "$serial $little" ],
  [ 'parallel, little memory' => "$parallel $little" ],
  [ 'sorted, little memory' => "$serial $little SET enable_hashagg = off;" ]);
my @fractions = (0, 1, 0.5, 0.25, 0.9, 0.123456789, 0.3333333333333333, 1e-9, rand());
my $fractions = join(',', @fractions);

for my $round (1 .. $rounds)
{
  my ($type, $maker) = @{ $makers[ int(rand(@makers)) ] };
  my $rows = (0, 1, 2, 3, 10, 100, 3000, 30000, 100000)[ int(rand(9)) ];
  my $groups = (1, 3, 40)[ int(rand(3)) ];
  my $parts = (1, 2, 9, 60)[ int(rand(4)) ];
  my $start = sprintf('%.9f', rand());
  my $nulls = rand() < 0.3 ? 'CASE WHEN random() < 0.1 THEN NULL ELSE v END' : 'v';
  my $what = "$type from $maker, $rows rows, $groups groups, $parts parts, setseed($start)";
  sql(
    "SET client_min_messages = warning; DROP TABLE IF EXISTS t, bags, parts; SELECT setseed($start);
    CREATE TABLE t AS SELECT i % $groups AS g, (i / $groups) % $parts AS part, ($nulls)::$type AS x
      FROM (SELECT i, ($maker)::$type AS v FROM generate_series(1, $rows) i OFFSET 0) s; ANALYZE t"
  );
  my $expected = sql(
    q{SELECT g, '{' || string_agg(trim_scale(x)::text || ':' || c, ',' ORDER BY x) || '}'
        FROM (SELECT g, x::numeric AS x, count(*) AS c FROM t WHERE x IS NOT NULL GROUP BY 1, 2) s GROUP BY g
        ORDER BY g}
  );

  for my $plan (@plans)
  {
    my ($name, $settings) = @$plan;
    my $got = sql(
      "$settings SELECT g, b FROM (SELECT g, dap.bag_agg(x) AS b FROM t GROUP BY g) s WHERE b IS NOT NULL ORDER BY g");
    ok($got eq $expected, "contents, $name: $what");
  }
  sql(
    "$serial CREATE TABLE bags AS SELECT g, dap.bag_agg(x) AS b FROM t GROUP BY g; CREATE TABLE parts AS SELECT g,
        part, dap.bag_agg(x) AS b FROM t GROUP BY g, part; ANALYZE bags, parts"
  );
  for my $plan (@plans)
  {
    my ($name, $settings) = @$plan;
    is(
      sql(
        "$settings SELECT count(*) FROM bags JOIN (SELECT g, dap.bag_merge(b) AS m FROM parts GROUP BY g) p USING (g)
      WHERE m OPERATOR(dap.<>) b OR m IS NULL <> (b IS NULL) OR dap_internal.bag_hash(m) <> dap_internal.bag_hash(b)"),
      '0',
      "merged from parts, $name: $what");
  }
  # A window adds and asks in turn; the last row has everything.
  is(
    sql(
      "SELECT count(*) FROM bags JOIN (SELECT g, dap.bag_merge(b) OVER (PARTITION BY g ORDER BY part) AS m,
          row_number() OVER (PARTITION BY g ORDER BY part DESC) AS r FROM parts) p USING (g)
    WHERE r = 1 AND m OPERATOR(dap.<>) b"),
    '0',
    "merged by a window: $what");
  # All but a part is the bag of the rest; a part more is too much.
  is(
    sql(
      "SELECT count(*) FROM bags b JOIN parts p USING (g),
          LATERAL (SELECT dap.bag_agg(x) AS rest FROM t WHERE t.g = b.g AND t.part <> p.part) r
    WHERE b.b IS NOT NULL AND p.b IS NOT NULL AND p.part < 3
      AND (b.b OPERATOR(dap.-) p.b OPERATOR(dap.<>) coalesce(rest, '{}')
      OR coalesce(rest, '{}') OPERATOR(dap.+) p.b OPERATOR(dap.<>) b.b)"),
    '0',
    "the whole without a part: $what");
  if (sql("SELECT count(*) FROM parts WHERE b IS NOT NULL") > 0)
  {
    like(fails("SELECT b OPERATOR(dap.-) (b OPERATOR(dap.+) '{12345.678}') FROM bags WHERE b IS NOT NULL"),
      qr/22003/, "less than nothing: $what");
  }
  # Text and bytes.
  is(
    sql(
      "SELECT count(*) FROM bags WHERE b::text::dap.bag OPERATOR(dap.<>) b
          OR dap_internal.bag_send(b::text::dap.bag) <> dap_internal.bag_send(b)"
    ),
    '0',
    "text and back: $what");
  is(
    sql(
      "SET dap.debug_longest_bag_text = '100B'; SELECT count(*) FROM bags WHERE b::text::dap.bag OPERATOR(dap.<>) b
          OR dap_internal.bag_send(b::text::dap.bag) <> dap_internal.bag_send(b) OR b::text !~ '^(\{|base64:)'"
    ),
    '0',
    "a long text and back: $what");
  my $file = $node->basedir . "/bags.$round";
  is(
    sql(
      "CREATE TEMPORARY TABLE again (g integer, b dap.bag); COPY bags TO '$file' (FORMAT binary); COPY again
          FROM '$file' (FORMAT binary);
    SELECT count(*) FROM bags LEFT JOIN again USING (g) WHERE bags.b OPERATOR(dap.<>) again.b
      OR bags.b IS NULL <> (again.b IS NULL)"
    ),
    '0',
    "bytes and back: $what");
  unlink $file;
  # Answers.
  is(
    sql(
      "SELECT count(*) FROM bags
          JOIN (SELECT g, count(x) AS n, trim_scale(sum(x::numeric)) AS total, trim_scale(min(x::numeric)) AS least,
          trim_scale(max(x::numeric)) AS most FROM t GROUP BY g) o USING (g)
    WHERE b IS NOT NULL AND (dap.bag_count(b) <> n OR dap.bag_sum(b)::text IS DISTINCT FROM total::text
      OR dap.bag_min(b)::text IS DISTINCT FROM least::text OR dap.bag_max(b)::text IS DISTINCT FROM most::text)
      OR b IS NULL AND n > 0"),
    '0',
    "count, sum, least, greatest: $what");
  is(
    sql(
      "WITH o AS MATERIALIZED (SELECT g, array_agg(x::numeric ORDER BY x) FILTER (WHERE x IS NOT NULL) AS v,
          dap.median(x) AS median FROM t GROUP BY g)
    SELECT count(*) FROM bags JOIN o USING (g), unnest(ARRAY[$fractions]::float8[]) f
    WHERE dap.percentile(b, f)::text IS DISTINCT FROM oracle.percentile(v, f::text::numeric)::text
      OR dap.median(b)::text IS DISTINCT FROM median::text"
    ),
    '0',
    "percentiles: $what");
}

# Of integers, min to max, percentile_cont and percentile_disc agree where they can.
is(
  sql(
    "SELECT dap.percentile(dap.bag_agg(x), 0.5)::float8 = percentile_cont(0.5) WITHIN GROUP (ORDER BY x)
        AND dap.percentile(dap.bag_agg(x), 1) = percentile_disc(1) WITHIN GROUP (ORDER BY x)
  FROM (SELECT (random() * 1000)::int AS x FROM generate_series(1, 1001)) s"),
  't',
  'percentile_cont');

# Enough bags for the table of counts, some of them coarser, finer, far away or with values of every width: as the bag
# of all rows, whatever memory there is.
sql(
  "CREATE TABLE rows AS SELECT d,
      CASE d % 12 WHEN 1 THEN round(x) WHEN 2 THEN x / 1000 WHEN 3 THEN x + 1000000 WHEN 4 THEN x + d * 100
      WHEN 5 THEN CASE WHEN i % 50 = 0 THEN x * 1e30 ELSE x END
    WHEN 6 THEN CASE WHEN i % 30 = 0 THEN exp(x / 500) ELSE x END WHEN 7 THEN -x ELSE x END AS x
      FROM (SELECT i, i % 200 AS d, $money AS x FROM generate_series(1, 400000) i OFFSET 0) s;
  CREATE TABLE days AS SELECT d, dap.bag_agg(x) AS b FROM rows GROUP BY d; ANALYZE rows, days");
for my $memory ('1MB', '8MB', '64MB')
{
  is(
    sql(
      "SET work_mem = '$memory'; SET hash_mem_multiplier = 1; SELECT (SELECT dap.bag_merge(b)
          FROM days) OPERATOR(dap.=) dap.bag_agg(x) FROM rows"
    ),
    't',
    "200 bags merged with $memory");
  is(
    sql(
      "SET work_mem = '$memory'; SET hash_mem_multiplier = 1; SELECT count(*)
          FROM (SELECT d % 3 AS g, dap.bag_merge(b) AS m FROM days GROUP BY 1) m
          JOIN (SELECT d % 3 AS g, dap.bag_agg(x) AS b FROM rows GROUP BY 1) r USING (g)
    WHERE m OPERATOR(dap.=) b"),
    '3',
    "in three groups with $memory");
}
# One state serves several aggregates of the same rows.
is(
  sql(
    "SELECT b OPERATOR(dap.=) c AND m = dap.median(b) AND p = dap.percentile(b, 0.3)
        FROM (SELECT dap.median(x) AS m, dap.bag_agg(x) AS b, dap.percentile(x, 0.3) AS p FROM rows WHERE d < 3) s,
        (SELECT dap.bag_agg(x) AS c FROM rows WHERE d < 3) t"
  ),
  't',
  'beside other order statistics');

# Toasted: count, least and greatest read the beginning alone, everything else the whole; compressed, external, as they
# come.
sql(
  "CREATE TABLE toasted (b dap.bag); INSERT INTO toasted SELECT dap.bag_agg((random() * 1e15)::bigint)
      FROM generate_series(1, 100000); INSERT INTO toasted SELECT dap.bag_agg(x * 8) FROM generate_series(1, 3000000) x;
  INSERT INTO toasted SELECT dap.bag_agg(x + 1e30) FROM generate_series(1, 2000) x");
is(sql("SELECT string_agg(dap.bag_count(b)::text, ',' ORDER BY dap.bag_count(b)) FROM toasted"),
  '2000,100000,3000000', 'counts of toasted bags');
is(
  sql(
    "SELECT dap.bag_min(b) || ' ' || dap.bag_max(b) || ' ' || dap.median(b) FROM toasted
        WHERE dap.bag_count(b) = 3000000"
  ),
  '8 24000000 12000004',
  'ends of a toasted bag');
is(sql("SELECT dap.bag_min(b) - 1e30 || ' ' || (dap.bag_max(b) - 1e30) FROM toasted WHERE dap.bag_count(b) = 2000"),
  '1 2000', 'ends of a bag of wide values');

# A day of cent amounts: at most two bytes a different value, in the row as well.
cmp_ok(
  sql(
    "SELECT pg_column_size(dap.bag_agg(x)) / count(DISTINCT x)::numeric
        FROM (SELECT $money AS x FROM generate_series(1, 27000)) s"
  ),
  '<=',
  2,
  'bytes a different value');

# Foreign bytes: an error of receive, or a bag; never the end of the server.
sql(
  "CREATE TABLE seeds AS SELECT '{1.25:3,2:1}'::dap.bag AS b UNION ALL SELECT dap.bag_agg($money)
      FROM generate_series(1, 400)
      UNION ALL SELECT '{1e-1000:2,1e40,-Infinity,NaN:7,3}'; CREATE TABLE taken (b dap.bag)"
);
my @seeds = map { pack('H*', $_) } split /\n/, sql("SELECT encode(dap_internal.bag_send(b), 'hex') FROM seeds");
my $script = "\\set VERBOSITY verbose\n";
for my $n (1 .. 300)
{
  my $bytes = $seeds[ $n % @seeds ];
  for (1 .. ($n <= @seeds ? 0 : 1 + int(rand(2))))
  {
    my $at = int(rand(rand() < 0.5 ? 20 : length($bytes))) % length($bytes);
    my $way = int(rand(3));
    if ($way == 0) { substr($bytes, $at, 1) = chr(int(rand(256))); }
    elsif ($way == 1) { $bytes = substr($bytes, 0, $at) . 'x'; }
    else { substr($bytes, $at, 0) = chr(int(rand(256))); }
  }
  my $file = $node->basedir . "/hostile.$n";
  open my $out, '>:raw', $file or die $!;
  print $out "PGCOPY\n\377\r\n\0", pack('N N n N', 0, 0, 1, length $bytes), $bytes, pack('n', 0xffff);
  close $out;
  $script .= "COPY taken FROM '$file' (FORMAT binary);\n";
}
my ($out, $err);
$node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 0);
my @errors = $err =~ /ERROR:  (.*)/g;
cmp_ok(scalar(@errors), '>', 200, 'most mutated bytes are refused');
is(scalar(grep { $_ ne '22P03: invalid binary form of type dap.bag' } @errors), 0, 'as invalid binary representation');
is(sql("SELECT count(*) FROM (SELECT DISTINCT t.b FROM taken t JOIN seeds s ON t.b OPERATOR(dap.=) s.b) s"),
  '3', 'true ones are taken');
is(sql("SELECT count(*) FROM taken WHERE b::text::dap.bag OPERATOR(dap.<>) b"), '0', 'what is taken is a bag');

# Cancelled in the middle, nothing stays behind.
sql("CREATE TABLE big AS SELECT dap.bag_agg((random() * 1e18)::bigint) AS b FROM generate_series(1, 2000000)");
for my $query (
  'SELECT count(b::text) FROM big, generate_series(1, 20)',
  'SELECT dap.bag_add(b, b) OPERATOR(dap.-) b FROM big, generate_series(1, 20)',
  'SELECT dap.bag_merge(b) FROM big, generate_series(1, 20)',
  'SELECT dap.bag_agg((random() * 1e18)::bigint) FROM generate_series(1, 5000000)')
{
  like(fails("SET statement_timeout = '150ms'; $query"), qr/57014/, "cancelled: $query");
}
is(sql("SELECT count(*) FROM pg_ls_tmpdir()"), '0', 'no temporary file is left');

# Dumped and restored, as text; hash partitions and DISTINCT find what is equal.
sql(
  "CREATE TABLE kept (day integer, b dap.bag) PARTITION BY HASH (b); CREATE TABLE kept_0 PARTITION OF kept FOR VALUES
      WITH (MODULUS 2, REMAINDER 0); CREATE TABLE kept_1 PARTITION OF kept FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  INSERT INTO kept SELECT i, dap.bag_agg($money) FROM generate_series(1, 3000) x,
    LATERAL (SELECT x % 30 AS i OFFSET 0) s GROUP BY i"
);
my $dump = $node->basedir . '/kept.sql';
$node->command_ok(
  [ 'pg_dump', '--dbname', $node->connstr('postgres'), '--table', 'kept*', '--table', 'big', '--file', $dump ],
  'pg_dump');
sql('CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION dap_analytics');
$node->command_ok(
  [ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '--quiet', '--dbname', $node->connstr('other'), '--file', $dump ],
  'restored');
my $sums = "SELECT md5(string_agg(dap_internal.bag_send(b)::text, ',' ORDER BY day)),
      (SELECT md5(dap_internal.bag_send(b)) FROM big) FROM kept";
is($node->safe_psql('other', $sums), sql($sums), 'the same bags after a dump');
is(sql('SELECT count(*) FROM (SELECT DISTINCT b FROM (SELECT b FROM kept UNION ALL SELECT b FROM kept) s) s'),
  '30', 'DISTINCT');

# A text that would be too long for a dump is of the bytes; a table of such bags is dumped and restored. DAP_SLOW=1: one
# that really is, 100 million different values.
my $limit = $ENV{DAP_SLOW} ? 1_000_000_000 : 500;
my $many = $ENV{DAP_SLOW} ? 100_000_000 : 160;
sql(
  "CREATE TABLE long AS SELECT dap.bag_agg(i) AS b FROM generate_series(1, $many) i
      UNION ALL SELECT dap.bag_agg(i * i + 0.5) FROM generate_series(1, 150) i UNION ALL SELECT '{1:3}'
      UNION ALL SELECT '{1e-1000}';
  ALTER DATABASE postgres SET dap.debug_longest_bag_text = '${limit}B'");
is(sql("SELECT left(b::text, 7) FROM long WHERE dap.bag_count(b) = $many"), 'base64:', 'bytes');
is(sql("SELECT b::text FROM long WHERE dap.bag_count(b) = 3"), '{1:3}', 'a short text is of values');
my $long = $node->basedir . '/long.sql';
$node->command_ok([ 'pg_dump', '--dbname', $node->connstr('postgres'), '--table', 'long', '--file', $long ],
  'pg_dump of long ones');
$node->command_ok(
  [ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '--quiet', '--dbname', $node->connstr('other'), '--file', $long ],
  'restored');
$sums = "SELECT string_agg(md5(dap_internal.bag_send(b)), ',' ORDER BY dap.bag_count(b), md5(dap_internal.bag_send(b)))
      FROM long";
is($node->safe_psql('other', $sums), sql($sums), 'the same bags after a dump of their bytes');
sql('ALTER DATABASE postgres RESET dap.debug_longest_bag_text');

for my $text (
  'base64:', 'base64:AQAB', 'base64:AQA', 'base64:AQAA=',
  'base64:AQAAAA==', 'Base64:AQAA', 'base64:AQ=A', 'base64:AgAA')
{
  like(fails("SELECT '$text'::dap.bag"), qr/22P02: invalid input for type dap.bag/, "no bag: $text");
}
is(sql("SELECT E' base64:AQAA\n '::dap.bag"), '{}', 'the empty bag, of bytes');

# The documentation's own queries.
my ($section) = slurp_file("$ENV{DAP_SOURCE}/docs/order_statistics.md") =~ /^## Bags$(.*)/ms;
my ($queries) = $section =~ /^```sql\n(.*?)^```/ms;
sql(
  "CREATE SCHEMA intermediate; CREATE TABLE intermediate.transactions_clean AS SELECT timestamp '2025-01-01' + i
      * interval '1 minute' AS transaction_at, $money AS amount FROM generate_series(0, 99999) i"
);
is(scalar(my @lines = split /\n/, sql($queries)), 4, 'three months and what is left without a day');
is(
  $lines[3],
  sql(
    "SELECT dap.percentile(amount, 0.9) FROM intermediate.transactions_clean
        WHERE transaction_at::date <> '2025-01-01'"
  ),
  'the 90th percentile without the first day');
is(
  $lines[1],
  sql(
    "SELECT date_trunc('month', transaction_at::date) || '|' || dap.median(amount)
        FROM intermediate.transactions_clean WHERE transaction_at >= '2025-02-01' AND transaction_at < '2025-03-01'
        GROUP BY date_trunc('month', transaction_at::date)"
  ),
  'the median of February');

done_testing();
