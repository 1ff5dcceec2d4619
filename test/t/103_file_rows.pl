# dap.file_rows: one file's rows, found without reading the rest of the table, wherever PostgreSQL has moved them since.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(random_text write_random);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{DAP_SEED} // int(rand(2**31));
srand($seed);
note "seed $seed (DAP_SEED)";

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf',
  "autovacuum = off\nmax_parallel_maintenance_workers = 2\ndap.max_ingest_workers = 1\n");
$node->start;
my $temp = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);
sub sql { return $node->safe_psql('postgres', $_[0]); }

sql("CREATE EXTENSION dap_analytics; SELECT * FROM dap.setup()");
sql("SELECT dap.create_source('t', NULL, '{a,b,c,d}')");

# Large and small files in turn, so that blocks are shared; one so large that workers write it; one whose rows go to
# TOAST.
my @sizes = (3, 60000, 5, 1, 4000, 7, 900, 2, 2, 40, 12000, 3);
for my $i (0 .. $#sizes)
{
  write_random(sprintf('%s/f_%02d.csv', $temp, $i), $sizes[$i], 50);
}
open my $long, '>:raw', "$temp/f_99.csv" or die;
print $long "a,b,c,d\n", map {
  join(',', map { random_text(4000) } 1 .. 4) . "\n"
} 1 .. 50;
close $long;
is(
  sql("SELECT count(*), sum(rows_loaded) FROM dap.ingest_csv('t', '$temp/f_*.csv')"),
  '13|' . (eval(join '+', @sizes) + 50),
  'files are loaded');

# Every file's rows are what the table says; returns how many files had to be looked for in the whole table.
sub same_as_table
{
  my ($name, $table) = @_;
  my $elsewhere = 0;
  for my $file (split /\n/, sql('SELECT file_id FROM dap.files WHERE status = \'loaded\' ORDER BY 1'))
  {
    my ($out, $err);
    $node->psql(
      'postgres', "SET client_min_messages = debug1; SELECT count(*), count(*) FILTER (WHERE f IS DISTINCT FROM t)
      FROM dap.file_rows(NULL::$table, $file) f
      FULL JOIN (SELECT * FROM $table WHERE _file_id = $file) t USING (_line)",
      stdout => \$out,
      stderr => \$err);
    my $rows = sql("SELECT rows_loaded FROM dap.files WHERE file_id = $file");
    is($out, "$rows|0", "$name: file $file");
    $elsewhere++ if $err =~ /whole table is read/;
  }
  return $elsewhere;
}

is(same_as_table('as loaded', 'staging.t'), 0, 'as loaded: every file is where it was written');

# Blocks read for one file, by the executor's own count. The plan is warm.
sub blocks_read
{
  my ($file) = @_;
  my $plan = sql(
    "SELECT count(*) FROM dap.file_rows(NULL::staging.t, $file); EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON, TIMING off)
        SELECT * FROM dap.file_rows(NULL::staging.t, $file)"
  );
  my ($hit) = $plan =~ /"Shared Hit Blocks": (\d+)/;
  my ($read) = $plan =~ /"Shared Read Blocks": (\d+)/;
  return $hit + $read;
}
my $table_blocks = sql("SELECT pg_relation_size('staging.t') / 8192");
my ($small) = split /\n/, sql("SELECT file_id FROM dap.files WHERE rows_loaded = 40");
cmp_ok($table_blocks, '>', 1000, 'the table is long');
cmp_ok(blocks_read($small), '<', 100, 'forty rows take few blocks');

# The planner's switch for TID scans does not matter.
like(
  sql(
    "SET enable_tidscan = off; EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON, TIMING off)
        SELECT * FROM dap.file_rows(NULL::staging.t, $small)"
  ),
  qr/"Shared Hit Blocks": \d{1,2},/,
  'without TID scans too');

# Children's rows are not the table's, and hidden rows are not shown.
sql(
  "CREATE TABLE public.child () INHERITS (staging.t); INSERT INTO public.child (_line, _file_id, a)
      VALUES (-1, $small, 'child')"
);
is(sql("SELECT count(*), min(_line) > 0 FROM dap.file_rows(NULL::staging.t, $small)"), '40|t', 'an inheriting table');
sql(
  "CREATE ROLE reads; GRANT EXECUTE ON FUNCTION dap.file_rows TO reads; GRANT USAGE ON SCHEMA staging TO reads; GRANT
      SELECT ON staging.t TO reads"
);
sql("ALTER TABLE staging.t ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON staging.t TO reads USING (_line <= 11)");
is(
  sql("SET ROLE reads; SELECT count(*), max(_line) FROM dap.file_rows(NULL::staging.t, $small)"),
  sql("SELECT count(*), max(_line) FROM ONLY staging.t WHERE _file_id = $small AND _line <= 11"),
  'row security');
sql(
  "DROP TABLE public.child; DROP POLICY few
      ON staging.t; ALTER TABLE staging.t DISABLE ROW LEVEL SECURITY; DROP OWNED BY reads; DROP ROLE reads"
);

# VACUUM FULL moves rows over the place of dead ones, CLUSTER anywhere.
write_random("$temp/dead.csv", 5000, 50);
sql("BEGIN; SELECT * FROM dap.ingest_csv('t', '$temp/dead.csv'); ROLLBACK");
write_random("$temp/behind.csv", 5000, 50);
is(sql("SELECT rows_loaded FROM dap.ingest_csv('t', '$temp/behind.csv')"), '5000', 'a file behind dead rows');
sql("VACUUM FULL staging.t");
cmp_ok(same_as_table('after VACUUM FULL', 'staging.t'),
  '>', 0, 'after VACUUM FULL: a file is looked for in the whole table');
sql("CREATE INDEX by_text ON staging.t (md5(b)); CLUSTER staging.t USING by_text; DROP INDEX staging.by_text");
cmp_ok(same_as_table('after CLUSTER', 'staging.t'), '>', 5, 'after CLUSTER: files are looked for in the whole table');

# A restored table.
command_ok([ 'pg_dump', '-Fc', '-f', "$temp/dump", '-d', $node->connstr('postgres') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'pg_restore', '-d', $node->connstr('restored'), "$temp/dump" ], 'pg_restore');
my $different =
  'SELECT count(*) FROM dap.files l, LATERAL (SELECT count(*) AS n FROM dap.file_rows(NULL::staging.t, l.file_id)) r
      WHERE l.status = \'loaded\' AND r.n <> l.rows_loaded';
is($node->safe_psql('postgres', $different) . ',' . $node->safe_psql('restored', $different),
  '0,0', 'a restored table gives every file\'s rows');
my $all = 'SELECT l.file_id, md5(string_agg(r::text, NULL ORDER BY r._line)) FROM dap.files l,
      LATERAL dap.file_rows(NULL::staging.t, l.file_id) r GROUP BY 1 ORDER BY 1';
is($node->safe_psql('restored', $all), $node->safe_psql('postgres', $all), 'the same rows');

# A column more, one less, rejects that come back, a file that was not loaded.
sql("SELECT dap.create_source('u', NULL, '{a,b}')");
append_to_file("$temp/u.csv", "a,b\n" . join('', map { "$_,x\n" } 1 .. 100) . "101,y\"z\n102,z\n");
append_to_file("$temp/u2.csv", "a,b,e\n1,2,3\n");
my $file = sql("SELECT file_id FROM dap.ingest_csv('u', '$temp/u.csv')");
is(sql("SELECT rows_loaded FROM dap.ingest_csv('u', '$temp/u2.csv')"), '1', 'a file with a new column');
is(sql("SELECT loaded FROM dap.retry_rejects($file, '{\"lenient\": true}')"), '1', 'a reject comes back');
is(sql("SELECT count(*), max(_line), count(e) FROM dap.file_rows(NULL::staging.u, $file)"), '102|103|0', 'with it');
sql("ALTER TABLE staging.u DROP COLUMN b");
is(sql("SELECT count(*), max(e) FROM dap.file_rows(NULL::staging.u, $file + 1)"), '1|3', 'without a dropped column');
sql("ALTER TABLE staging.u ADD COLUMN b text");
append_to_file("$temp/bad.csv", "a,e\n1,\"open\n");
my $failed = sql("SELECT file_id FROM dap.ingest_csv('u', '$temp/bad.csv')");
is(sql("SELECT count(*) FROM dap.file_rows(NULL::staging.u, $failed)"), '0', 'a failed file has no rows');

# Errors and rights.
my @wrong = (
  [ "SELECT * FROM dap.file_rows(NULL::staging.t, $file)", qr/file $file was loaded into staging\.u/ ],
  [ 'SELECT * FROM dap.file_rows(NULL::text, ' . $file . ')', qr/file $file was loaded into staging\.u/ ],
  [ 'SELECT * FROM dap.file_rows(NULL::staging.t, 99999)', qr/file 99999 does not exist/ ],
  [ 'SELECT * FROM dap.file_rows(NULL::staging.t, NULL)', qr/file_id must not be NULL/ ],
  [ "CREATE ROLE nobody; GRANT EXECUTE ON FUNCTION dap.file_rows TO nobody; GRANT USAGE ON SCHEMA staging TO nobody;
      SET ROLE nobody; SELECT * FROM dap.file_rows(NULL::staging.u, $file)",
    qr/permission denied for table u/ ],);
for my $case (@wrong)
{
  my ($out, $err);
  $node->psql('postgres', $case->[0], stdout => \$out, stderr => \$err);
  like($err, $case->[1], $case->[0]);
}

$node->stop;
done_testing();
