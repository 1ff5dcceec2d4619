# The aggregates' parts called one by one by another extension's aggregates, as Citus does on its workers and
# coordinator: function look-ups that last for one call, states as bytes, memory that ends.  The answers are those of
# the aggregates themselves.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(fails sql start_server test_module);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $library = test_module('foreign_caller');
my $node = start_server('primary', "jit = off\nmax_parallel_workers_per_gather = 0\n");
sql(
  "CREATE SCHEMA c;
  CREATE FUNCTION c.part_final(internal) RETURNS bytea AS '$library', 'part_final' LANGUAGE C;
  CREATE FUNCTION c.whole_add(internal, oid, bytea, anyelement) RETURNS internal AS '$library', 'whole_add' LANGUAGE C;
  CREATE FUNCTION c.whole_final(internal, oid, bytea, anyelement) RETURNS anyelement AS '$library', 'whole_final'
    LANGUAGE C;
  CREATE AGGREGATE c.whole(oid, bytea, anyelement) (SFUNC = c.whole_add, STYPE = internal, FINALFUNC = c.whole_final,
    FINALFUNC_EXTRA)"
);
for my $arguments ('anyelement', 'anyelement, float8', 'anyelement, float8[]', 'anyelement, numeric, integer')
{
  sql(
    "CREATE FUNCTION c.part_add(internal, oid, $arguments) RETURNS internal AS '$library', 'part_add' LANGUAGE C;
    CREATE AGGREGATE c.part(oid, $arguments) (SFUNC = c.part_add, STYPE = internal, FINALFUNC = c.part_final)");
}
sql(
  "CREATE UNLOGGED TABLE t AS SELECT i, i * 7919::bigint % 100003 AS b, (i * 7919 % 100003) * 0.01 AS n, sqrt(i) AS f,
      make_interval(secs => i * 7919 % 10007) AS v,
  (i * 7919 % 100003) * 1e-20 AS w FROM generate_series(1, 60000) i; ANALYZE t");

# name, types, what is given, type of the result
my @calls = (
  [ 'median', 'bigint', 'b', 'numeric' ],
  [ 'median', 'numeric', 'n', 'numeric' ],
  [ 'median', 'numeric', 'w', 'numeric' ],
  [ 'median', 'interval', 'v', 'interval' ],
  [ 'percentile', 'double precision, double precision', 'f, 0.3::float8', 'double precision' ],
  [ 'percentile_disc', 'bigint, double precision', 'b, 0.9::float8', 'numeric' ],
  [ 'percentiles', 'numeric, double precision[]', "n, '{0,0.25,1}'::float8[]", 'numeric[]' ],
  [ 'mode', 'bigint', 'b % 100', 'bigint' ],
  [ 'mad', 'double precision', 'f', 'double precision' ],
  [ 'iqr', 'numeric', 'n', 'numeric' ],
  [ 'bag_agg', 'numeric', 'n', 'dap.bag' ],);
for my $call (@calls)
{
  my ($name, $types, $given, $result) = @$call;
  my $number = "'dap.$name($types)'::regprocedure::oid";
  for my $memory ('4MB', '64kB')
  {
    for my $groups (1, 3, 2000)
    {
      my $states = "SELECT c.part($number, $given) AS s FROM t GROUP BY i % $groups";
      is(
        sql(
          "SET work_mem = '$memory'; SET enable_sort = off; SELECT c.whole($number, s, NULL::$result)::text
              FROM ($states) p"
        ),
        sql("SELECT dap.$name($given)::text FROM t"),
        "dap.$name($types), $groups groups, work_mem $memory");
    }
  }
}
# Fractions are checked there as everywhere.
like(
  fails(
    "SELECT c.part('dap.percentiles(bigint, double precision[])'::regprocedure::oid, b, ARRAY[b::float8 / 100003])
        FROM t"
  ),
  qr/22023/,
  'fractions that vary');
like(
  fails("SELECT c.part('dap.percentiles(bigint, double precision[])'::regprocedure::oid, b, '{2}'::float8[]) FROM t"),
  qr/22003/, 'fractions out of range');
# Aggregates without a serialized form keep their memory too.
sql("CREATE TABLE bags AS SELECT i % 40 AS g, dap.bag_agg(n) AS bag FROM t GROUP BY i % 400, 1");
sql(
  "CREATE FUNCTION c.merge_add(internal, oid, dap.bag) RETURNS internal AS '$library', 'part_add' LANGUAGE C;
  CREATE FUNCTION c.merge_final(internal, oid, dap.bag) RETURNS dap.bag AS '$library', 'whole_final' LANGUAGE C;
  CREATE AGGREGATE c.merge(oid, dap.bag) (SFUNC = c.merge_add, STYPE = internal, FINALFUNC = c.merge_final,
    FINALFUNC_EXTRA)"
);
for my $memory ('64MB', '64kB')
{
  is(
    sql(
      "SET work_mem = '$memory'; SELECT count(*)
          FROM (SELECT g, c.merge('dap.bag_merge(dap.bag)'::regprocedure::oid, bag)::text AS m FROM bags GROUP BY g
          EXCEPT SELECT g, dap.bag_merge(bag)::text FROM bags GROUP BY g) s"
    ),
    '0',
    "dap.bag_merge, work_mem $memory");
}
is(sql('SELECT count(*) FROM pg_ls_tmpdir()'), '0', 'no temporary file is left');
done_testing();
