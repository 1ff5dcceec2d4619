# Damaged states of every aggregate, as bytes from a worker (or another machine) may be, through the server's own
# deserialize, combine, serialize and final functions, and damaged bags through receive: an error, or a state that is
# the same after it was sent on; never a crash, never an internal error.
# DAP_HOSTILE_SEED repeats a run; DAP_HOSTILE_STATES (50,000, with DAP_SLOW=1 a million) says how many.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(seeded sql start_server test_module);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = seeded('DAP_HOSTILE_SEED');
my $wanted = $ENV{DAP_HOSTILE_STATES} // ($ENV{DAP_SLOW} ? 1_000_000 : 50_000);

my $library = test_module('hostile_states');
# What a damaged state claims may take long, but not for ever. Memory holds it: a file would belong to the
# subtransaction that made it.
my $node = start_server('primary',
      "jit = off\ntimezone = 'UTC'\nwork_mem = '1GB'\nlog_statement = none\nlog_min_error_statement = panic\n"
    . "statement_timeout = '300s'\n");
sql(
  "CREATE SCHEMA hostile;
  CREATE FUNCTION hostile.add(internal, oid, bytea, bytea, bigint, integer) RETURNS internal AS '$library',
    'hostile_add' LANGUAGE C;
  CREATE FUNCTION hostile.final(internal) RETURNS bigint[] AS '$library', 'hostile_final' LANGUAGE C STRICT;
  CREATE FUNCTION hostile.receive(oid, bytea, bytea, bigint, integer) RETURNS bigint[] AS '$library', 'hostile_receive'
    LANGUAGE C STRICT;
  CREATE AGGREGATE hostile.states(oid, bytea, bytea, bigint, integer) (SFUNC = hostile.add, STYPE = internal,
    FINALFUNC = hostile.final);
  CREATE TABLE images (id integer GENERATED ALWAYS AS IDENTITY, arguments text, image bytea)");

# Rows of each type, from a row number i: few plain ones, many different ones, so many equal ones that they are counted,
# and what is no plain key.
my $values = {
  smallint => [ 'i', '(i * 37 % 3000)::smallint', '(i % 30)::smallint' ],
  integer => [ 'i', '(i * 7919) % 100000', 'i % 30 * 100' ],
  bigint => [ 'i', 'i * 1000000007::bigint', 'i % 30 * 1000' ],
  numeric => [
    'i * 1.25',
    "CASE i % 5 WHEN 0 THEN i * 1e30 WHEN 1 THEN 'NaN'::numeric WHEN 2 THEN -1 / (i + 0.0) ELSE i END",
    '(i % 30)::numeric * 0.05',
    'i * 1e-20' ],
  real =>
    [ 'i::real', 'sqrt(i)::real', "(CASE i % 4 WHEN 0 THEN 'NaN'::float8 WHEN 1 THEN '-Infinity' ELSE -i END)::real" ],
  'double precision' => [
    'i::float8', 'exp(i % 300)', "(CASE i % 4 WHEN 0 THEN 'NaN'::float8 WHEN 1 THEN '-Infinity' ELSE -i END)::float8" ],
  date => [
    "date '2025-01-01' + i",
    "date '2025-01-01' + i % 30",
    "CASE i % 4 WHEN 0 THEN 'infinity' ELSE date '1999-01-01' - i END" ],
  timestamp => [
    "timestamp '2025-01-01' + i * interval '1 hour'",
    "timestamp '2025-01-01' + i % 30 * interval '1 second'",
    "CASE i % 4 WHEN 0 THEN '-infinity' ELSE timestamp '2025-01-01' END" ],
  timestamptz =>
    [ "timestamptz '2025-01-01' + i * interval '1 hour'", "timestamptz '2025-01-01' + i % 30 * interval '1 second'" ],
  interval => [ "i * interval '1 hour'", "i % 5 * interval '1 month -3 days'" ], };
my %of_type = ('timestamp without time zone' => 'timestamp', 'timestamp with time zone' => 'timestamptz');
my @aggregates = map { [ split /\|/ ] } split /\n/, sql(
  q{
  SELECT a.aggfnoid::oid, p.proname, pg_get_function_identity_arguments(a.aggfnoid), a.aggtransfn, a.aggserialfn,
    (SELECT string_agg(format_type(t, NULL), ';' ORDER BY n) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY s (t, n))
  FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid WHERE p.pronamespace = 'dap'::regnamespace
    AND a.aggdeserialfn <> 0 ORDER BY 2, 3}
);
cmp_ok(scalar(@aggregates), '>=', 70, 'aggregates whose states travel');
my $tables = 0;
my %known;

for my $aggregate (@aggregates)
{
  my ($oid, $name, undef, $add, $serialize, $types) = @$aggregate;
  my @types = map { $of_type{$_} // $_ } split /;/, $types;
  my $key = "$add $types";
  $aggregate->[6] = $key;
  next if $known{$key}++;
  my $state = 'hostile.state_' . ++$tables;
  sql("CREATE AGGREGATE $state(" . join(',', @types) . ") (SFUNC = $add, STYPE = internal, FINALFUNC = $serialize)");
  my @expressions =
    $name eq 'top_n'
    ? map { "$_, 3" }
    $types[0] eq 'bigint'
      ? ('i % 5, i * 1.25', "i, CASE i % 3 WHEN 0 THEN 1e40 ELSE 1 / (i + 0.0) END", 'NULL, i')
      : ("'k' || i % 5, i * 1.25", "repeat('x', i % 50), 1e-20 * i", 'NULL, i')
    : $name eq 'bag_merge' ? (
    "'{1.25:3,2:1}'", "('{' || i || ',' || i * 7 || '.5:9,NaN:2}')::dap.bag",
    "'{1e-1000:2,1e40,-Infinity,Infinity}'", "dap.bag_add('{1:1}', ('{' || i || '}')::dap.bag)")
    : @{ $values->{ $types[0] } };
  my $more = $name eq 'percentile'
    || $name eq 'percentile_disc' ? ', 0.5' : $name eq 'percentiles' ? ", '{0,0.5,NULL,1}'::float8[]" : '';

  for my $expression (@expressions)
  {
    my $first = $more ne '' || $name eq 'top_n' || $name eq 'bag_merge' ? $expression : "($expression)::$types[0]";
    $first = "($expression)::$types[0]$more" if $more ne '';
    for my $rows (3, 60, 17000)
    {
      # A table of counts is small, so many different values are not.
      next if $rows == 17000 && $expression !~ /% 30/;
      sql("INSERT INTO images (arguments, image) SELECT \$\$$key\$\$, $state($first) FROM generate_series(1, $rows) i");
    }
  }
}
is(sql('SELECT count(*) FROM images WHERE image IS NULL'), '0', 'an image of each');
cmp_ok(sql("SELECT count(*) FROM images WHERE position('\\x02'::bytea IN substring(image FROM 22)) > 0"),
  '>', 0, 'of tables of counts too');

my %images;
push @{ $images{ $_->[1] } }, $_->[0]
  for map { [ split /\|/, $_, 2 ] } split /\n/, sql('SELECT id, arguments FROM images ORDER BY id');
my $images = sql('SELECT count(*) FROM images');
my $sum = { states => [ 0, 0, 0, 0 ], bags => [ 0, 0, 0, 0 ] };
my $crashed = 0;
sub attack
{
  my ($kind, $query, $what) = @_;
  return if $crashed;
  my ($out, $err) = ('', '');
  my $code = eval { $node->psql('postgres', $query, stdout => \$out, stderr => \$err) } // 255;
  if ($code != 0)
  {
    fail("$what: $err");
    $crashed++;
    return;
  }
  my @counts = split /,/, $out =~ s/[{}]//gr;
  $sum->{$kind}[$_] += $counts[$_] for 0 .. 3;
  fail("$what: $counts[1] internal errors, $counts[3] different") if $counts[1] + $counts[3] > 0;
}
my $each = int($wanted * 0.85 / @aggregates) + 1;
for my $aggregate (@aggregates)
{
  my ($oid, $name, $arguments, undef, undef, undef, $key) = @$aggregate;
  # A group for every so many states: each begins with memory of its own, as groups do.
  my $of_image = int($each / @{ $images{$key} }) + 1;
  my @groups;
  for my $image (@{ $images{$key} })
  {
    for (my $left = $of_image; $left > 0; $left -= 500)
    {
      push @groups, sprintf '(%d,%d,%d,%d,%d)', scalar(@groups), $image, 1 + int(rand($images)), int(rand(1 << 31)),
        $left < 500 ? $left : 500;
    }
  }
  attack(
    'states',
    "SET enable_hashagg = off; SELECT ARRAY[sum(c[1]), sum(c[2]), sum(c[3]), sum(c[4])]
        FROM (SELECT hostile.states($oid, i.image, o.image, seed, rounds) AS c
      FROM (VALUES "
      . join(',', @groups)
      . ") g (id, image, other, seed, rounds) JOIN images i ON i.id = g.image JOIN images o ON o.id = g.other GROUP "
      . "BY g.id) s",
    "$name($arguments)");
}
sql(
  "CREATE TABLE bags AS SELECT '{1.25:3,2:1}'::dap.bag AS b UNION ALL SELECT dap.bag_agg(i * i)
      FROM generate_series(1, 400) i UNION ALL SELECT dap.bag_agg(i % 300 * 0.5) FROM generate_series(1, 4000) i
  UNION ALL SELECT '{1e-1000:2,1e40,-Infinity,NaN:7,3}' UNION ALL SELECT '{-Infinity:9223372036854775800,1:7}'
    UNION ALL SELECT '{}'"
);
my $rounds = int($wanted * 0.15 / 6) + 1;
for my $bag (1 .. 6)
{
  attack(
    'bags',
    "SELECT hostile.receive('dap.bag'::regtype, dap_internal.bag_send(b),
        (SELECT dap_internal.bag_send(b) FROM bags OFFSET 1 LIMIT 1), $seed + $bag, $rounds)
        FROM bags OFFSET $bag - 1 LIMIT 1",
    "bag $bag");
}
for my $kind ('states', 'bags')
{
  my ($refused, $internal, $same, $different) = @{ $sum->{$kind} };
  diag( "damaged $kind: "
      . ($refused + $internal + $same + $different)
      . ", $refused refused, $same the same after they were sent on, $different different, $internal internal errors");
  is("$internal $different", '0 0', "$kind: refused or the same");
  cmp_ok($refused, '>', 0, "$kind: some are refused");
  cmp_ok($same, '>', 0, "$kind: some are taken");
}
cmp_ok($sum->{states}[0] + $sum->{states}[2] + $sum->{bags}[0] + $sum->{bags}[2], '>=', $wanted, "$wanted in all");
is($crashed, 0, 'no connection was lost');
unlike(slurp_file($node->logfile), qr/terminated by signal|TRAP|PANIC/, 'no crash in the log');
$node->stop;
done_testing();
