# Looking into files and reading rejects again: against direct loads, on large and hostile files, beside each other.
use strict;
use warnings FATAL => 'all';

use Cwd;
use File::Path qw(make_path);
use IPC::Run;
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(seeded sql start_server write_file);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('sniff', '', 'CREATE SCHEMA staging');
my $seed = seeded('DAP_SEED');

my $temp = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);

#
# What a retry under corrected options loads is what a load under them gives: all of it where records end where they
# did, else a part
#
sub field
{
  my @pieces = ('a', '1', ' ', '"', '\\', ',', "\n", ';', '""', '\\"', 'é', "\xE9");
  my $text = join '', map { $pieces[ int rand @pieces ] } 1 .. int rand 4;
  my $kind = int rand 6;
  return $text =~ s/[,\n"]//gr if $kind < 3;
  return '"' . ($text =~ s/"/""/gr) . '"' if $kind == 3;
  return '"' . ($text =~ s/([\\"])/\\$1/gr) . '"' if $kind == 4;
  return $text =~ s/\n//gr;
}

my @corrections = (
  [ 'some', '{"lenient": true}' ],
  [ 'all', '{"encoding": "LATIN1"}' ],
  [ 'some', '{"lenient": true, "encoding": "LATIN1", "null": "a"}' ],
  [ 'some', '{"quote": ""}' ],
  [ 'some', '{"escape": "\\\\"}' ],
  [ 'some', '{"escape": "\\\\", "lenient": true}' ],
  [ 'some', '{"quote": "\\\\"}' ]);
my ($compared, $came_back) = (0, 0);
for my $round (1 .. 60)
{
  my $content = "x,y\n" . join("\n", "good,one", map { field() . ',' . field() } 1 .. 30) . "\n";
  my $path = write_file("$temp/round_$round.csv", $content);
  my ($how_much, $options) = @{ $corrections[ $round % @corrections ] };
  my $limits = '"max_reject_percent": 100';
  my $with_limits = $options =~ s/^\{/{$limits, /r;
  my $result = sql(
    qq{
    BEGIN;
    SELECT FROM dap.create_source('first', columns => '{x,y}', options => '{$limits}');
    SELECT FROM dap.create_source('direct', columns => '{x,y}', options => '$with_limits');
    CREATE TEMP TABLE loads AS SELECT * FROM dap.ingest_csv('first', '$path')
      UNION ALL SELECT * FROM dap.ingest_csv('direct', '$path');
    CREATE TEMP TABLE before AS SELECT _line, x, y FROM staging.first;
    CREATE TEMP TABLE retries AS SELECT r.* FROM loads l, LATERAL dap.retry_rejects(l.file_id, '$options') r
      WHERE l.status = 'loaded' AND l.file_id = (SELECT min(file_id) FROM loads) AND (SELECT bool_and(status = 'loaded')
        FROM loads);
    SELECT (SELECT string_agg(status, ',' ORDER BY file_id) FROM loads), (SELECT loaded FROM retries),
      -- what came back and is not so in a direct load
      (SELECT count(*) FROM ((SELECT _line, x, y FROM staging.first EXCEPT ALL TABLE before) EXCEPT SELECT _line, x, y
        FROM staging.direct) AS wrong),
      -- lines that a direct load has and this has not
      (SELECT count(*) FROM (SELECT _line FROM staging.direct EXCEPT SELECT _line FROM staging.first) AS missing),
      (SELECT rows_read = rows_loaded + rows_rejected AND rows_loaded = (SELECT count(*) FROM staging.first)
          AND rows_rejected = (SELECT count(*) FROM dap.rejects r WHERE r.file_id = f.file_id)
        FROM dap.files f WHERE source = 'first' AND status = 'loaded'),
      (SELECT count(*) = count(DISTINCT _line) FROM staging.first);
    ROLLBACK;});
  my ($statuses, $loaded, $wrong, $missing, $balanced, $distinct) = split /\|/, $result, -1;
  next unless $statuses eq 'loaded,loaded';
  $compared++;
  $came_back += $loaded;
  is($wrong, 0, "round $round: $options gives back what a direct load has");
  is($missing, 0, "round $round: and all of it") if $how_much eq 'all';
  is("$balanced$distinct", 'tt', "round $round: the ledger agrees");
}
cmp_ok($compared, '>=', 5, "$compared files compared, $came_back records came back");
cmp_ok($came_back, '>', 0, 'records came back');

#
# Two sessions retry the same file: each record comes back once
#
sql(q{SELECT dap.create_source('raced', columns => '{x,y}', options => '{"max_reject_percent": 100}')});
my $raced = write_file("$temp/raced.csv", "x,y\n" . join('', map { $_ % 2 ? "$_,a\n" : "$_,a\"\n" } 1 .. 20000));
my $file_id = sql(qq{SELECT file_id FROM dap.ingest_csv('raced', '$raced')});
my @sessions = map {
  my ($out, $err) = ('', '');
  [ IPC::Run::start(
      [ 'psql', '-XAtq', '-d', $node->connstr('postgres'),
        '-c', qq{SELECT loaded FROM dap.retry_rejects($file_id, '{"lenient": true}')} ],
      '<',
      \undef,
      '>',
      \$out,
      '2>',
      \$err),
    \$out,
    \$err ]
} 1 .. 3;
$_->[0]->finish for @sessions;
is(join(',', sort { $a <=> $b } map { ${ $_->[1] } + 0 } @sessions), '0,0,10000', 'once among three sessions')
  or diag map { ${ $_->[2] } } @sessions;
is(sql(q{SELECT count(*), count(DISTINCT _line) FROM staging.raced}), '20000|20000', 'every record once');
is(sql(qq{SELECT rows_loaded, rows_rejected FROM dap.files WHERE file_id = $file_id}), '20000|0', 'the ledger says so');
# A standby's or a read-only transaction writes nothing
like(
  ($node->psql('postgres', "BEGIN READ ONLY; SELECT dap.retry_rejects($file_id)"))[2],
  qr/read-only transaction/,
  'refused where nothing may be written');

#
# A privileged caller lends its rights to nobody's path: what the definition's giver may not read is not read again
#
make_path("$temp/in", "$temp/out");
sql("ALTER DATABASE postgres SET dap.ingest_directories = '$temp/in'; CREATE ROLE giver; CREATE DATABASE given");
$node->safe_psql(
  'given',
  "ALTER DATABASE given
      SET dap.ingest_directories = '$temp/in'; CREATE EXTENSION dap_analytics; CREATE SCHEMA staging AUTHORIZATION
      giver; SELECT dap.grant_access('giver', 'admin')"
);
my $bad = write_file("$temp/in/bad.csv", "x,y\n1,a\"\n");
write_file("$temp/out/secret.csv", "x,y\n1,secret\n");
$node->safe_psql('given', "SET ROLE giver; SELECT dap.create_source('given', '$temp/in/*.csv', '{x,y}')");
my $failed = $node->safe_psql('given', "SELECT file_id FROM dap.ingest_csv('given') WHERE status = 'failed'");
is($node->safe_psql('given', "BEGIN; SELECT loaded FROM dap.retry_rejects($failed, '{\"lenient\": true}'); ROLLBACK"),
  '1', 'what the giver may read');
unlink $bad;
symlink "$temp/out/secret.csv", $bad;
like(($node->psql('given', "\\set VERBOSITY verbose\nSELECT dap.retry_rejects($failed, '{\"lenient\": true}')"))[2],
  qr/42501/, 'and what it may not, by a superuser');
is($node->safe_psql('given', 'SELECT count(*) FROM staging.given'), '0', 'nothing was read');

#
# Bytes that are stored as they come are worth one warning a file, not one a reject or a pass
#
sql(q{CREATE DATABASE ascii TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'});
$node->safe_psql(
  'ascii',
  q{CREATE EXTENSION dap_analytics; CREATE SCHEMA staging; SELECT dap.create_source('s', columns => '{x,y}',
      options => '{"max_reject_percent": 100}')}
);
my $quotes = write_file("$temp/quotes.csv", "x,y\n" . join('', map { "$_,a\"\n" } 1 .. 20) . "1,2\n");
for my $case (
  [ "SELECT rows_rejected FROM dap.ingest_csv('s', '$quotes')", '20', 1 ],
  [ q{SELECT loaded FROM dap.retry_rejects((SELECT file_id FROM dap.files), '{"lenient": true}')}, '20', 0 ],
  [ "SELECT records FROM dap.sniff_csv('$quotes')", '1', 1 ])
{
  my ($statement, $answer, $most) = @$case;
  my ($code, $out, $err) = $node->psql('ascii', $statement);
  is($out, $answer, "SQL_ASCII: $statement");
  is(scalar(() = $err =~ /is SQL_ASCII/g), $most, 'warns as often as a file is opened');
}

#
# Looking into a large file takes no more memory than into a small one; gzip is the same
#
sub memory_of
{
  my ($sql) = @_;
  my $out =
    sql("$sql; SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM 'VmHWM:\\s*(\\d+)')");
  my @lines = split /\n/, $out;
  return ($lines[0], $lines[-1]);
}
my $large = "$temp/large.csv";
open my $out, '>:raw', $large or die $!;
print $out "id;day;text;amount\n";
for my $block (0 .. 99)
{
  print $out join '', map {
    my $n = $block * 10000 + $_;
    "$n;2024-01-" . sprintf('%02d', 1 + $n % 28) . ";some text $n;" . ($n / 4) . "\n"
  } 1 .. 10000;
}
close $out;
my $small = write_file("$temp/small.csv", "id;day;text;amount\n1;2024-01-01;a;2.5\n");
my $types = q{string_agg(c.name || ' ' || c.type || ' ' || c.min || ' ' || c.max, ',' ORDER BY c."position")};
my ($small_answer, $small_memory) = memory_of("SELECT $types FROM dap.sniff_columns('$small') c");
is($small_answer, 'id bigint 1 1,day date 2024-01-01 2024-01-01,text text a a,amount numeric 2.5 2.5', 'a small file');
my ($large_answer, $large_memory) = memory_of("SELECT $types FROM dap.sniff_columns('$large') c");
is(
  $large_answer,
  'id bigint 1 1000000,day date 2024-01-01 2024-01-28,text text some text 1 some text 999999,amount numeric 0.25 '
    . '250000',
  'a large one');
cmp_ok($large_memory - $small_memory,
  '<', 16 * 1024, "memory is flat: $small_memory kB, $large_memory kB for " . int((-s $large) / 1024) . ' kB');
is(system("gzip -c '$large' > '$large.gz'"), 0, 'compressed');
is(
  sql("SELECT delimiter, header, records, rejects, bytes FROM dap.sniff_csv('$large.gz')"),
  ";|t|1000000|0|" . (-s $large),
  'compressed, the same');
is(sql("SELECT files, path FROM dap.sniff_csv('$temp/l*.csv*')"), "2|$temp/large.csv", 'the first of several');

# It can be ended at any time
my ($code, undef, $err) = $node->psql('postgres', "SET statement_timeout = 200; SELECT dap.sniff_csv('$large')");
like($err, qr/statement timeout/, 'ended by a timeout');

# Whatever the bytes, an answer: records and rejects are those of a load
my $torture = ($ENV{DAP_REPOSITORY} // getcwd()) . '/../shared/data/csv_torture';
my @hostile = -d $torture ? sort glob("$torture/*.csv") : ();
for my $kind (1 .. 30)
{
  my @bytes = (10, 13, 34, 44, 59, 9, 0, 49, 97, 0xC3, 0xA9, 0xFF);
  push @hostile,
    write_file("$temp/hostile_$kind.csv", join '', map { chr $bytes[ int rand @bytes ] } 1 .. 1 + int rand 200);
}
my $agree = 0;
for my $path (@hostile)
{
  my $answer = sql(
    qq{SELECT records, rejects, create_source IS NOT NULL AND header,
        coalesce(array_to_string(notes, ' ') LIKE '%would fail%', false), create_source FROM dap.sniff_csv('$path')}
  );
  my ($records, $rejects, $usable, $fails, $create) = split /\|/, $answer, 5;
  next unless $usable eq 't' && $fails eq 'f' && $records > 0;
  $create =~ s/create_source\('[^']*'/create_source('hostile'/;
  $create =~ s/;\s*\z//;
  is(
    sql(
      qq{BEGIN; $create; SELECT rows_loaded, rows_rejected
          FROM dap.ingest_csv('hostile', '$path', '{"max_reject_percent": 100}'); ROLLBACK}
    ) =~ s/^[^|]*\n//r,
    "$records|$rejects",
    "a load of $path is as foretold");
  $agree++;
}
note "$agree of " . @hostile . ' hostile files loaded as foretold';

$node->stop;
done_testing();
