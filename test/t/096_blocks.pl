# Query models by the engine and by SQL alone: the same rows to the last digit of scale, or the same error, for random
# queries over random data. DAP_SEED repeats a run, DAP_ROUNDS makes it longer. Then what the engine must not touch.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(seeded sql start_server);
use Test::More;

my $seed = seeded('DAP_SEED');
my $rounds = $ENV{DAP_ROUNDS} // 100;
my $node = start_server(
  'blocks',
  "max_worker_processes = 8\njit = off\n",
  'CREATE SCHEMA staging; CREATE SCHEMA intermediate; CREATE SCHEMA analytics;');

sub pick { return $_[ int(rand(@_)) ]; }
sub chance { return rand() < $_[0]; }

# NULLs, equal values, extremes, texts that are kept out of line, numerics of every form.
my $unit = $seed / 1_000_000_000;
sql(
  qq{SELECT setseed($unit);
  CREATE TABLE public.users AS SELECT (i * 3)::bigint AS id, i AS kk, nullif('user ' || i % 50, 'user 7') AS name,
    CASE WHEN random() < 0.2 THEN NULL ELSE (ARRAY['red', 'green', '', 'blue'])[1 + (random() * 3)::int] END AS grp,
    date '2024-01-01' + (random() * 100)::int AS since, round((random() * 1000)::numeric, 2)::numeric(12,2) AS w
    FROM generate_series(1, 300) AS i;
  INSERT INTO public.users VALUES (NULL, NULL, 'nobody', NULL, NULL, NULL), (-5, 1, 'minus', 'red', 'infinity', 'NaN');
  CREATE TABLE public.twice AS SELECT id / 2 AS id, kk, name, grp, since, w FROM public.users;
  CREATE TABLE public.nobody AS SELECT * FROM public.users WHERE false;
  CREATE TABLE public.facts AS SELECT i::bigint AS id, CASE WHEN random() < 0.9 THEN (random() * 40)::int - 20 END AS k,
      CASE WHEN random() < 0.9 THEN (random() * 6)::int::smallint END AS s,
      CASE WHEN random() < 0.95 THEN (random() * 1000)::bigint END AS u,
      (CASE WHEN random() < 0.9 THEN (random() - 0.3) * 10000 END)::numeric(12,2) AS n,
      (CASE WHEN random() < 0.9 THEN (random() - 0.5) * 1e9 END)::numeric(30,10) AS m,
      CASE WHEN random() < 0.9 THEN date '2024-01-01' + (random() * 60)::int END AS d,
      CASE WHEN random() < 0.9 THEN timestamp '2023-12-30' + random() * interval '90 days' END AS ts,
      CASE WHEN random() < 0.9 THEN timestamptz '2023-12-30 00:00+00' + random() * interval '90 days' END AS tz,
      CASE WHEN random() < 0.9 THEN random() < 0.5 END AS b,
      CASE WHEN random() < 0.9 THEN 'text ' || (random() * 15)::int END AS t,
      (CASE WHEN random() < 0.9 THEN 'v' || (random() * 5)::int END)::varchar(20) AS v,
      random()::float8 AS f
    FROM generate_series(1, 4000) AS i;
  INSERT INTO public.facts VALUES
    (9223372036854775807, 2147483647, 32767, -9223372036854775808, 9999999999.99, 99999999999999999999.0123456789,
     'infinity', 'infinity', '-infinity', true, repeat('long ', 3000), 'v', 'NaN'),
    (-1, -2147483648, -32768, 9223372036854775807, -9999999999.99, 0.0000000001, '-infinity', '-infinity', 'infinity',
     false, (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 300) AS g), '', 0),
    (0, 0, 0, 0, 0, 0, '2000-01-01', '1999-12-31 23:59:59.999999', '0044-03-15 BC', NULL, '', ' ', 1);
  CREATE TABLE public.calm AS SELECT id, k, 'gone'::text AS gone, s, u, n, m, d, ts, tz, b, t, v, f FROM public.facts
    WHERE id BETWEEN 1 AND 4000;
  ALTER TABLE public.calm DROP COLUMN gone;
  CREATE VIEW public.seen AS SELECT id, k, s, u, n, m, d, ts, tz, b, coalesce(t, 'none') AS t, v, f FROM public.calm
    WHERE k IS DISTINCT FROM 3;
  CREATE VIEW public.barred WITH (security_barrier) AS SELECT * FROM public.calm WHERE k > 0;
  CREATE FUNCTION public.define(query text) RETURNS void LANGUAGE plpgsql AS \$\$
  BEGIN
    PERFORM dap.drop_model('blocks') FROM dap.status WHERE object = 'analytics.blocks';
    DROP TABLE IF EXISTS analytics.blocks;
    PERFORM dap.create_model('analytics.blocks', format(
      'SELECT row_number() OVER (ORDER BY q::text COLLATE "C") AS id, q.* FROM (\%s) AS q', query), '{id}');
  END \$\$;
  CREATE FUNCTION public.by(engine text, OUT state text, OUT rows bigint, OUT content text) LANGUAGE plpgsql AS \$\$
  BEGIN
    PERFORM set_config('dap.engine', engine, true);
    TRUNCATE analytics.blocks;
    BEGIN
      PERFORM dap.refresh_analytics('full');
    EXCEPTION WHEN others THEN state := SQLSTATE;
    END;
    SELECT count(*), md5(string_agg(b::text, E'\\n' ORDER BY id)) INTO rows, content FROM analytics.blocks AS b;
  END \$\$;
  CREATE FUNCTION public.compare(query text) RETURNS text LANGUAGE plpgsql AS \$\$
  DECLARE one record; other record;
  BEGIN
    PERFORM public.define(query);
    one := public.by('on');
    other := public.by('off');
    IF one IS DISTINCT FROM other THEN RETURN format('engine \%s, SQL \%s', one, other); END IF;
    RETURN coalesce('error ' || one.state, 'rows ' || one.rows);
  END \$\$});

# ---- random queries ----
my @other;    # what of the joined table may be named

sub integer
{
  return pick(
    'f.k',
    'f.s',
    'f.u',
    'f.id',
    'f.k + 1',
    'f.k * f.s',
    'f.u - f.k',
    'coalesce(f.k, 7)',
    'f.s::integer',
    'f.u / ' . pick(3, -2, 'f.s', '(f.k + 100)'),
    'f.u % ' . pick(7, -3, '(f.k + 100)'),
    '-f.k',
    '-(-f.s)',
    'CASE WHEN ' . condition() . ' THEN f.k ELSE 5 END',
    @other ? 'o.kk' : 'f.k') if chance(0.9);
  return 'f.k % 5';
}
sub day { return pick('f.d', 'f.ts::date', @other ? 'o.since' : 'f.d'); }
sub moment
{
  return pick('f.ts', "date_trunc('" . pick(qw(day week month quarter year hour)) . "', f.ts)",
    'f.d::timestamp', 'f.tz');
}
sub amount
{
  my $plain = pick('f.n', 'f.n', 'f.m', @other ? ('o.w', 'coalesce(f.n, o.w)') : ());
  return $plain if chance(0.5);
  return pick(
    "-$plain",
    "$plain * f.k",
    "f.k * $plain * 2",
    "$plain * 0.19",
    "$plain * (1 - 0.05)",
    "$plain + f.s",
    "f.n - f.m * 3",
    "1.5 + $plain",
    "$plain * $plain",
    "f.k + 0.001 - $plain",
    'CASE WHEN ' . condition() . " THEN $plain * 1.00 ELSE -$plain * 1.00 END");
}
sub word
{
  return pick(
    'f.t', 'f.v',
    'coalesce(f.t, \'?\')',
    "coalesce(f.v::text, '')",
    @other ? ('o.grp', 'o.name', "coalesce(o.grp, 'unknown')") : ());
}

sub condition
{
  my $depth = shift // 0;
  return pick(
    'NOT (' . condition($depth + 1) . ')',
    '(' . condition($depth + 1) . ' AND ' . condition($depth + 1) . ')',
    '(' . condition($depth + 1) . ' OR ' . condition($depth + 1) . ')') if $depth < 2 && chance(0.3);
  my $compare = pick('=', '<>', '<', '<=', '>', '>=');
  return pick(
    "f.k $compare " . (int(rand(40)) - 20),
    "f.u $compare f.id",
    "f.n $compare " . int(rand(5000)) . '.5',
    "f.n $compare " . int(rand(5000)),
    "f.n * 1.25 $compare f.m",
    "f.m $compare f.n",
    "f.k % 3 $compare 1",
    "f.n $compare 0.00001",
    'f.k ' . pick('IN', 'NOT IN') . ' (1, ' . int(rand(20)) . ', -3' . pick('', ', NULL') . ')',
    'f.t ' . pick('IN', 'NOT IN') . " ('text 1', 'text " . int(rand(15)) . "')",
    '(f.k > 3) IS ' . pick('', 'NOT ') . pick('TRUE', 'FALSE', 'UNKNOWN'),
    "CASE f.t WHEN 'text 1' THEN f.b WHEN 'text 2' THEN NULL ELSE f.k > 2 END",
    "CASE f.k WHEN 1 THEN true WHEN f.s THEN f.k = CASE f.b WHEN true THEN 4 ELSE 5 END END",
    "f.d $compare date '2024-01-" . (10 + int(rand(20))) . "'",
    "f.ts $compare timestamp '2024-02-01 12:00'",
    "f.t = 'text " . int(rand(15)) . "'",
    "f.v <> 'v1'",
    'f.b',
    'f.t IS NULL',
    'f.n IS NOT NULL',
    'f.k IS DISTINCT FROM f.s',
    "f.t LIKE '%1%'",
    @other ? ("o.grp = 'red'", 'o.w > f.n', 'o.id IS NULL') : ());
}

sub key { return pick(integer(), day(), moment(), word(), amount(), 'f.b'); }

sub aggregate
{
  my $filter = chance(0.2) ? ' FILTER (WHERE ' . condition() . ')' : '';
  my $any = key();
  my $number = chance(0.5) ? integer() : amount();
  my $ordered = pick($number, day(), moment());
  return pick(
    'count(*)', "count($any)",
    "sum($number)", "avg($number)",
    "min($ordered)", "max($ordered)",
    "dap.median($number)", 'dap.median(' . day() . ')',
    "count(DISTINCT $any)", "sum($number)",
    chance(0.2) ? pick('bool_or', 'bool_and', 'every') . '(f.b)' : "max($number)") . $filter;
}

sub source
{
  @other = ();
  my $facts = pick('public.facts', ('public.calm') x 6, 'public.seen', 'public.barred',
    '(SELECT * FROM public.calm WHERE s > 1)');
  return "$facts AS f" if chance(0.5);
  @other = (1);
  my $users = pick(
    ('public.users') x 6,
    'public.nobody', 'public.twice',
    '(SELECT id, kk, name, coalesce(grp, \'none\')' . ' AS grp, since, w FROM public.users WHERE kk <> 9)',
    'known', 'known');
  my $join = pick(qw(JOIN LEFT RIGHT FULL)) =~ s/(LEFT|RIGHT|FULL)/$1 JOIN/r;
  my $on = pick(('o.id = f.u') x 6, 'f.u = o.id AND f.k = o.kk', 'f.k = o.kk', 'o.id = f.u AND o.w > 5');
  return chance(0.3) ? "$users AS o $join $facts AS f ON $on" : "$facts AS f $join $users AS o ON $on";
}

my $known =
  'known AS (SELECT z.id, z.kk, z.name, coalesce(z.grp, \'none\') AS grp, z.since, z.w FROM public.users AS z)';

sub block
{
  my $source = source();
  my @keys = map { key() } 1 .. pick(0, 1, 1, 1, 2, 2, 3);
  my @answers = map { aggregate() } 1 .. pick(1, 2, 3, 4);
  my $number = 0;
  my @outputs = (map({ "$_ AS k" . ++$number } @keys), map({ "$_ AS a" . ++$number } @answers));
  push @outputs, 'count(*) * 2 + 1 AS more', 'rank() OVER (ORDER BY count(*)) AS place' if chance(0.2);
  return
      'SELECT '
    . (chance(0.05) ? 'DISTINCT ' : '')
    . join(', ', @outputs)
    . " FROM $source"
    . (chance(0.4) ? ' WHERE ' . condition() : '')
    . (@keys ? ' GROUP BY ' . join(', ', @keys) : '')
    . (chance(0.15) ? ' HAVING count(*) > 3' : '');
}

# The first of each partition of a block's rows. By row_number() where the order is total, else by rank().
sub first_of_each
{
  my $source = source();
  my @keys = (key(), pick(integer(), day(), moment()), chance(0.3) ? key() : ());
  my @answers =
    (pick('sum(' . integer() . ')', 'sum(' . amount() . ')', 'count(*)', 'max(' . integer() . ')'), aggregate());
  my @names = (map({ "k$_" } 1 .. @keys), 'a1', 'a2');
  my $number = 0;
  my $made =
      'SELECT '
    . join(', ', map({ "$_ AS " . $names[ $number++ ] } @keys, @answers))
    . (chance(0.1) ? ', ' . pick('count(*) + 1', 'rank() OVER (ORDER BY count(*))', 'now() IS NULL') . ' AS more' : '')
    . " FROM $source GROUP BY "
    . join(', ', 1 .. @keys)
    . (chance(0.15) ? ' HAVING count(*) > ' . int(rand(8)) : '')
    . (chance(0.1) ? ' ORDER BY ' . join(', ', 1 .. @keys) . ' LIMIT ' . int(rand(60)) : '');
  my $order = join(', ',
    map { "m.$_" . pick('', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST') } pick('a1', 'a2', 'k2'),
    chance(0.6) ? grep({ $_ ne 'k1' && /k/ } @names) : ());
  my $rank = @keys == 2 && $order =~ /k2/ && chance(0.7) ? 'row_number' : 'rank';
  my $by = chance(0.15) ? 'k1, m.k2' : 'k1';
  my $windows =
      "SELECT m.*, $rank() OVER (PARTITION BY m.$by ORDER BY $order) AS place"
    . (chance(0.6) ? ", sum(m.a1) OVER (PARTITION BY m.$by) AS total" : '')
    . (chance(0.3) ? ", count(*) OVER (PARTITION BY m.$by) AS size" : '')
    . (chance(0.1) ? ', count(*) OVER () AS every' : '');
  my $bound = pick('r.place <= 3', 'r.place < 2', 'r.place <= 5 AND r.a2 IS NOT NULL', 'r.place <= 0', 'r.place <= 40');
  return "WITH $known, made AS ($made), ranked AS ($windows FROM made AS m) SELECT r.* FROM ranked AS r WHERE $bound"
    if chance(0.5);
  return "WITH $known SELECT r.* FROM ($windows FROM ($made) AS m) AS r WHERE $bound";
}

sub query
{
  return first_of_each() if chance(0.3);
  my $with = "WITH $known";
  my $form = pick(qw(plain plain plain twice union));
  return "$with " . block() if $form eq 'plain';
  return
      "$with "
    . "SELECT 1 AS arm, count(*) AS rows, max(x::text COLLATE \"C\") AS most FROM ("
    . block()
    . ") AS x UNION ALL SELECT 2, count(*), min(y::text COLLATE \"C\") FROM ("
    . block()
    . ") AS y"
    if $form eq 'union';
  return "$with, made AS (" . block() . ') SELECT l.*, (SELECT count(*) FROM made) AS size FROM made AS l';
}

my @queries = map { query() } 1 .. $rounds;
my $script = "SET client_min_messages = debug1;\n"
  . join('', map { my $q = $_ =~ s/'/''/gr; "SELECT public.compare('$q');\n" } @queries);
my ($out, $err) = ('', '');
$node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 0);
my @answers = split /\n/, $out;
is(scalar @answers, $rounds, 'each query was tried')
  or diag($err =~ /((?:ERROR|FATAL|server closed)[^\n]*\n[^\n]*)/);
my @wrong = grep { ($answers[$_] // '') !~ /^(?:rows|error) / } 0 .. $#answers;
is(scalar @wrong, 0, 'the engine and SQL give the same');
diag("$answers[$_]:\n$queries[$_]") for @wrong[ 0 .. ($#wrong > 4 ? 4 : $#wrong) ];
my $ran = () = $err =~ /a block read/g;
my $first = () = $err =~ /were taken/g;
my $given_up = () = $err =~ /was given up/g;
my %stays;
$stays{$1}++ while $err =~ /a block stays with SQL: ([^\n]*)/g;
my $errors = grep { /^error/ } @answers;
my $ended = "$ran blocks ran in the engine, $first of them to the first of each partition, $given_up were given up, "
  . "$errors queries were errors";
ok($ran > $rounds / 3, $ended);
diag($ended);
diag("$stays{$_} × $_") for sort { $stays{$b} <=> $stays{$a} } keys %stays;

# ---- what the engine must leave alone, or give up ----
# The answer of both, and what the engine said of the blocks.
sub compare
{
  my ($query, $settings) = @_;
  my ($answer, $said) = ('', '');
  $node->psql(
    'postgres',
    ($settings // '') . "SET client_min_messages = debug1; SELECT public.compare(\$q\$$query\$q\$)",
    stdout => \$answer,
    stderr => \$said);
  return ($answer, join('; ', $said =~ /(a block [^\n]*)/g));
}
sql(
  q{CREATE TABLE public.parts (k integer, n numeric(8,2)) PARTITION BY LIST (k);
  CREATE TABLE public.part_1 PARTITION OF public.parts FOR VALUES IN (1);
  CREATE TABLE public.part_2 PARTITION OF public.parts DEFAULT;
  INSERT INTO public.parts SELECT i % 3, i FROM generate_series(1, 100) AS i;
  CREATE TABLE public.parent (k integer);
  CREATE TABLE public.child () INHERITS (public.parent);
  INSERT INTO public.parent VALUES (1), (2); INSERT INTO public.child VALUES (1);
  CREATE TABLE public.added AS SELECT i % 4 AS k FROM generate_series(1, 100) AS i;
  ALTER TABLE public.added ADD late integer DEFAULT 7;
  CREATE TABLE public.wide_sum AS SELECT i % 2 AS k, 9223372036854775807 AS big, 9999999999999999.99::numeric(18,2) AS n
    FROM generate_series(1, 1000) AS i;
  CREATE TABLE public.many AS SELECT i AS k, 'number ' || i AS t FROM generate_series(1, 60000) AS i;
  CREATE TABLE public.keyed (k integer PRIMARY KEY, t text); INSERT INTO public.keyed VALUES (1, 'a'), (2, 'b');
  CREATE TABLE public.padded (id integer, c text); INSERT INTO public.padded VALUES (1, 'a'), (2, 'b  '), (3, 'c');
  CREATE TABLE public.trimmed (id integer, c text); INSERT INTO public.trimmed VALUES (1, 'a '), (2, 'b'), (3, 'c');
  CREATE TABLE public.empty (k integer, n numeric(8,2), d date, t text);
  CREATE TABLE public.mixed AS SELECT 'a'::char(5) AS c, 1.5::numeric AS any, 2.25::float8 AS f, '{1}'::int[] AS a});
for my $case (
  [ 'a partitioned table', 'SELECT k, count(*), sum(n) FROM public.parts GROUP BY k', qr/stays with SQL: .*parts/ ],
  [ 'one with children', 'SELECT k, count(*) FROM public.parent GROUP BY k', qr/stays with SQL: .*parent/ ],
  [ 'ONLY the parent', 'SELECT k, count(*) FROM ONLY public.parent GROUP BY k', qr/stays with SQL: .*parent/ ],
  [ 'a partition', 'SELECT k, count(*), sum(n) FROM public.part_1 GROUP BY k', qr/a block read 34 rows/ ],
  [ 'a column with a default for older rows',
    'SELECT late, count(*) FROM public.added GROUP BY late',
    qr/was given up/ ],
  [ 'a security barrier', 'SELECT k, count(*) FROM public.barred GROUP BY k', qr/stays with SQL/ ],
  [ 'a view', 'SELECT t, count(*), avg(n) FROM public.seen GROUP BY t', qr/a block read/ ],
  [ 'sums beyond 64 bits',
    'SELECT k, sum(big) AS a, avg(big) AS b, sum(n) AS c, avg(n) AS d, dap.median(n) AS e FROM public.wide_sum'
      . ' GROUP BY k',
    qr/a block read/ ],
  [ 'no rows, no GROUP BY',
    'SELECT count(*) AS a, sum(n), avg(n), min(d), max(k), dap.median(n), count(DISTINCT t) AS b FROM public.empty',
    qr/a block read 0 rows/ ],
  [ 'no rows, GROUP BY', 'SELECT t, count(*) FROM public.empty GROUP BY t', qr/a block read 0 rows .* 0 groups/ ],
  [ 'a catalog', 'SELECT relkind::text, count(*) FROM pg_catalog.pg_class GROUP BY 1', qr/stays with SQL/ ],
  [ 'a sample', 'SELECT k, count(*) FROM public.many TABLESAMPLE system (100) GROUP BY k', qr/TABLESAMPLE/ ],
  [ 'grouping sets', 'SELECT k, s, count(*) FROM public.calm GROUP BY ROLLUP (k, s)', qr/grouping sets/ ],
  [ 'character(n)', 'SELECT c, count(*) FROM public.mixed GROUP BY c', qr/stays with SQL/ ],
  [ 'numeric of any scale', 'SELECT sum(m.any) FROM public.mixed AS m', qr/stays with SQL/ ],
  [ 'floats', 'SELECT sum(f) FROM public.mixed', qr/stays with SQL/ ],
  [ 'a volatile function',
    "SELECT q.k, count(*) FROM (SELECT k, pg_catalog.random() AS r FROM public.calm) AS q GROUP BY q.k", qr/volatile/ ],
  [ 'an inner column of a subquery',
    'SELECT u.id AS u, (SELECT count(f.k + u.kk) FROM public.calm AS f WHERE f.u = u.id) AS c'
      . ' FROM public.users AS u',
    qr/^$/ ],
  [ 'LATERAL',
    'SELECT u.id AS u, c.n FROM public.users AS u CROSS JOIN LATERAL (SELECT count(*) AS n FROM public.calm AS f'
      . ' WHERE f.u = u.id) AS c',
    qr/outer query/ ],
  [ 'a join that finds many',
    'SELECT f.k, count(*) FROM public.users AS u LEFT JOIN public.calm AS f ON f.u = u.id' . ' GROUP BY f.k',
    qr/was given up/ ],
  [ 'a key that is not in the list',
    'SELECT count(*) AS c, max(n) AS n FROM public.calm GROUP BY k, d',
    qr/a block read/ ],
  [ 'the first of each partition',
    'SELECT r.* FROM (SELECT b.*, row_number() OVER (PARTITION BY b.k ORDER BY b.s DESC NULLS LAST, b.u) AS place,'
      . ' sum(b.s) OVER (PARTITION BY b.k) AS total'
      . ' FROM (SELECT k, u, sum(n) AS s FROM public.calm GROUP BY k, u) AS b) AS r WHERE r.place <= 2',
    qr/of which the first \d+ were taken/ ],
  [ 'groups that are read twice',
    'WITH b AS (SELECT k, u, sum(n) AS s FROM public.calm GROUP BY k, u), r AS (SELECT b.*, row_number() OVER'
      . ' (PARTITION BY b.k ORDER BY b.s, b.u) AS place FROM b) SELECT r.*, (SELECT count(*) FROM b) AS c FROM r'
      . ' WHERE r.place <= 2',
    qr/groups, \d+ ms/ ],
  [ 'an order and a limit',
    'SELECT k, count(*) FROM public.calm GROUP BY k ORDER BY count(*) DESC, k NULLS FIRST LIMIT 7',
    qr/a block read/ ],
  [ 'a column that the key determines',
    'SELECT i.k, i.t, count(*) FROM public.keyed AS i GROUP BY i.k',
    qr/determined by the primary key/ ],
  [ 'an order of values in an aggregate',
    "SELECT k, string_agg(t, ',' ORDER BY t) FROM public.calm GROUP BY k",
    qr/stays with SQL/ ])
{
  my ($name, $query, $expected) = @$case;
  my ($answer, $said) = compare($query);
  like($answer, qr/^rows /, "$name: the same");
  like($said, $expected, "$name: who ran it");
}

# What the block's query itself does above its groups it does to all of them, before any is dropped.
sql(  'CREATE SEQUENCE public.counted; CREATE VIEW public.grouped AS SELECT k, u, sum(n) AS s FROM public.calm'
    . ' GROUP BY k, u');
for my $case (
  [ 'HAVING', 'SELECT k, u, sum(n) AS s FROM public.calm GROUP BY k, u HAVING sum(n) < 3000' ],
  [ 'LIMIT', 'SELECT k, u, sum(n) AS s FROM public.calm GROUP BY k, u ORDER BY u, k LIMIT 20' ],
  [ 'OFFSET', 'SELECT k, u, sum(n) AS s FROM public.calm GROUP BY k, u ORDER BY u, k OFFSET 20' ],
  [ 'DISTINCT', 'SELECT DISTINCT k, count(*) AS s FROM public.calm GROUP BY k, u' ],
  [ 'DISTINCT ON', 'SELECT DISTINCT ON (k) k, u, sum(n) AS s FROM public.calm GROUP BY k, u ORDER BY k, u' ],
  [ 'a window', 'SELECT k, u, sum(n) AS s, rank() OVER (ORDER BY sum(n)) AS r FROM public.calm GROUP BY k, u' ],
  [ 'a set', 'SELECT k, u, sum(n) AS s, generate_series(1, 2) AS r FROM public.calm GROUP BY k, u' ],
  [ 'an expression that fails in some', 'SELECT k, u, sum(n) AS s, 1 / (u - 20) AS z FROM public.calm GROUP BY k, u' ],
  [ 'a volatile function',
    "SELECT k, u, sum(n) AS s, nextval('public.counted') > 0 AS z FROM public.calm GROUP BY k, u" ])
{
  my ($name, $made) = @$case;
  my ($answer, $said) =
    compare('SELECT r.* FROM (SELECT b.*, rank() OVER (PARTITION BY b.k ORDER BY b.s DESC'
      . ' NULLS LAST) AS place, sum(b.s) OVER (PARTITION BY b.k) AS total, count(*) OVER (PARTITION BY b.k) AS size'
      . " FROM ($made) AS b) AS r WHERE r.place <= 1");
  like($answer, qr/^(?:rows|error 22012)/, "the first of each partition below $name: the same");
  unlike($said, qr/were taken/, '... of all groups');
}
is(sql('SELECT last_value % 2 FROM public.counted'), '0', 'a volatile function was called as often both ways');
for my $rows ('b AS whole', 'b.*::text AS whole', '(SELECT b.s) AS whole')
{
  my ($answer, $said) =
    compare("SELECT r.k, r.whole::text AS w, r.total FROM (SELECT b.k, $rows, rank() OVER"
      . ' (PARTITION BY b.k ORDER BY b.s DESC NULLS LAST) AS place, count(*) OVER (PARTITION BY b.k) AS total FROM'
      . ' public.grouped AS b) AS r WHERE r.place <= 2');
  like($answer, qr/^rows /, "the first of each partition with $rows: the same");
}

# What nobody reads fails for nobody.
sql(
  q{CREATE FUNCTION public.boom(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
  BEGIN RAISE 'boom'; END $$});
for my $query (
  'WITH unused AS (SELECT k, sum(1 / 0) AS z FROM public.calm GROUP BY k) SELECT 1 AS a',
  'SELECT x.k FROM (SELECT k, sum(1 / 0) AS z FROM public.calm GROUP BY k) AS x',
  'SELECT x.k FROM (SELECT k, sum(public.boom(1)) AS z FROM public.calm GROUP BY k) AS x',
  'SELECT q.k, q.c FROM (SELECT k, count(*) AS c FROM public.calm WHERE 1 / 0 = 1 GROUP BY k) AS q WHERE false')
{
  my ($answer, $said) = compare($query);
  like($answer, qr/^rows /, "not an error: $query");
}

# Lists in lists multiply: the engine leaves them alone in time.
{
  my $condition = 'k IN (1, 2, 3)';
  $condition = "($condition) IN (true, false)" for 1 .. 14;
  my ($answer, $said) = compare("SELECT $condition AS x, count(*) AS c FROM public.calm GROUP BY 1");
  like($answer, qr/^rows /, 'lists in lists: the same');
  like($said, qr/stays with SQL: a large expression/, '... by SQL');
  $condition = "($condition) IN (true, false)" for 1 .. 60;
  sql("SELECT public.define('SELECT $condition AS x, count(*) AS c FROM public.calm GROUP BY 1')");
  is(
    sql("SET statement_timeout = '5s'; SELECT forbids FROM dap.explain_model('blocks') WHERE part = 1"),
    'a large expression',
    'said at once of deeper ones');
}

# What stands in a WITH that is kept as rows is computed, read or not.
my $fails = '(SELECT id, 1 / (id - 1) AS y, t AS k FROM public.calm)';
my $groups = '(SELECT k, count(*) AS n FROM q GROUP BY k)';
for my $case (
  [ "WITH q AS $fails SELECT a.k, a.n, b.n AS m FROM $groups AS a JOIN $groups AS b USING (k)", qr/not read/ ],
  [ "WITH q AS MATERIALIZED $fails SELECT k, count(*) FROM q GROUP BY k", qr/not read/ ],
  [ "WITH q AS $fails SELECT k, count(*) FROM q GROUP BY k", qr/a block read/ ],
  [ 'SELECT k, sum(k + 2147483647) AS s FROM public.calm GROUP BY k', qr/was given up/ ],
  [ 'SELECT k, count(*) AS c FROM public.calm WHERE k + 2147483640 > 0 GROUP BY k', qr/was given up/ ])
{
  my ($query, $expected) = @$case;
  my ($answer, $said) = compare($query);
  like($answer, qr/^(?:rows|error (?:22012|22003))/, "the same: $query");
  like($said, $expected, '... who ran it');
}
for my $join ('JOIN', 'LEFT JOIN', 'FULL JOIN')
{
  my ($answer, $said) = compare("SELECT count(*) AS c, sum(b.id) AS s FROM public.padded AS a $join public.trimmed AS b"
      . ' ON a.c::bpchar = b.c::bpchar');
  like($answer, qr/^rows 1$/, "$join by text as character: the same");
  like($said, qr/stays with SQL/, '... by SQL');
}
# One query with a block that the engine knows, and one that it does not
{
  my ($answer, $said) =
    compare('SELECT a.k, a.c, b.f FROM (SELECT k, count(*) AS c FROM public.calm GROUP BY k) AS a JOIN'
      . ' (SELECT k, sum(f) > 0 AS f FROM public.calm GROUP BY k) AS b ON b.k = a.k');
  like($answer, qr/^rows /, 'a block of the engine beside one of SQL: the same');
  like($said, qr/stays with SQL: .*double precision; a block read/, '... each by its own');
}

# Memory
my ($answer, $said) = compare('SELECT t, count(*) FROM public.many GROUP BY t', "SET maintenance_work_mem = '1MB';");
like($answer, qr/^rows 60000$/, 'more groups than memory has room for: the same');
like($said, qr/was given up/, '... by SQL');
($answer, $said) = compare(
  'SELECT r.* FROM (SELECT b.*, rank() OVER (PARTITION BY b.k ORDER BY b.c) AS place, count(*) OVER (PARTITION BY'
    . ' b.k) AS size FROM (SELECT k, k % 2 AS g, count(*) AS c FROM public.many GROUP BY 1, 2) AS b) AS r'
    . ' WHERE r.place <= 9',
  "SET maintenance_work_mem = '8MB';");
like($answer, qr/^rows 60000$/, 'more partitions than memory has room for: the same');
like($said, qr/a block read 60000 rows of public.many into 60000 groups, \d+ ms/, '... of all groups');
is(sql(q{SELECT count(*) FROM pg_catalog.pg_ls_tmpdir()}), '0', 'no file is left');

# Whose rights: the model's owner may not read what he may not read by SQL.
sql(
  q{CREATE ROLE keeper; CREATE ROLE other; GRANT CREATE, USAGE ON SCHEMA analytics TO keeper;
  GRANT USAGE ON SCHEMA dap TO keeper;
  CREATE TABLE public.secret AS SELECT i % 3 AS k, i AS n, i AS hidden FROM generate_series(1, 10) AS i;
  GRANT SELECT ON public.secret TO keeper});
sql('SELECT dap.drop_model(\'blocks\')');
sql('DROP TABLE IF EXISTS analytics.blocks');
sql(
  q{SELECT dap.create_model('analytics.secrets', 'SELECT k, count(*) AS c, sum(n) AS n, max(hidden) AS h
    FROM public.secret GROUP BY k', '{k}'); ALTER TABLE analytics.secrets OWNER TO keeper});

sub refused
{
  my ($out, $err);
  $node->psql(
    'postgres',
    "\\set VERBOSITY sqlstate\nTRUNCATE analytics.secrets; SELECT * FROM dap.refresh_analytics('full')",
    stdout => \$out,
    stderr => \$err);
  return $err;
}
is(refused(), '', 'an owner who may read');
is(sql('SELECT count(*) FROM analytics.secrets'), '3', '... has rows');
sql('REVOKE SELECT ON public.secret FROM keeper');
like(refused(), qr/42501/, 'one who may not');
sql('GRANT SELECT (k, n) ON public.secret TO keeper');
like(refused(), qr/42501/, 'one who may read some of the columns');
sql('GRANT SELECT (hidden) ON public.secret TO keeper');
is(refused(), '', 'one who may read all that the query names');
sql('ALTER TABLE public.secret ENABLE ROW LEVEL SECURITY');
like(refused(), qr/42501/, 'row-level security that would hide rows');
sql('CREATE POLICY everything ON public.secret USING (k > 0)');
like(refused(), qr/42501/, '... with a policy');
sql('ALTER TABLE public.secret DISABLE ROW LEVEL SECURITY');
is(refused(), '', '... and without');

done_testing();
