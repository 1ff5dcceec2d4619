# No call is deaf: each public function, at work on much, is cancelled at random moments and answers soon. What counts
# is that it answers at all: the times are printed, the bound is far above them. The seed is printed; DAP_SEED repeats
# it, DAP_ROUNDS makes it longer.
use strict;
use warnings FATAL => 'all';

use Cwd ();
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(seeded sql start_server write_file);
use IO::Compress::Gzip qw(gzip);
use PostgreSQL::Test::Utils;
use Test::More;

seeded('DAP_SEED');
my $rounds = $ENV{DAP_ROUNDS} // 3;
my $most_delay_ms = 300;
my $most_answer_ms = 5000;
my $patience = 60;    # seconds for all moments of one call

my $inbox = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);
chmod 0755, $inbox;
my $node = start_server('cancel', "work_mem = 4MB\njit = off\ndap.ingest_directories = '$inbox'\n", <<'EOS');
CREATE SCHEMA staging; CREATE SCHEMA intermediate; CREATE SCHEMA analytics;
CREATE TABLE numbers AS SELECT i AS n, k, (k / 8.0)::float8 AS x, (k / 4.0)::numeric(12,2) AS q,
  date '2020-01-01' + (i % 3000)::integer AS d
  FROM generate_series(1, 300000::bigint) AS i, LATERAL (SELECT i * 7919 % 1000003) AS l(k);
ANALYZE numbers;
EOS

# One gzip member after the other: 60 MB that stand for 60 GB.
sub bomb
{
  my ($name, $unit, $head) = @_;
  my ($plain, $member, $first) = ($unit x (8 * 1024 * 1024 / length $unit));
  gzip(\$plain, \$member, -Level => 9) or die;
  $first = '';
  if (defined $head) { gzip(\$head, \$first) or die; }
  write_file("$inbox/$name", $first . $member x (60 * 1024 * 1024 / length $member));
}
bomb('zeros.csv.gz', "\0");
bomb('letters.csv.gz', 'a');
bomb('commas.csv.gz', ',', "a,b\n1,2\n");
bomb('quoted.csv.gz', 'a', "a,b\n1,\"");
bomb('records.csv.gz', "1,2\n", "a,b\n");
bomb('bad.csv.gz', "1,2,3\n", "a,b\n");
write_file("$inbox/wide.csv",
  join(',', map { "c$_" } 1 .. 1600) . "\n" . (join(',', map { "2024-01-0" . (1 + $_ % 9) } 1 .. 1600) . "\n") x 1000);
write_file("$inbox/long.csv", "a,b\n" . ('7' x 15_000_000 . ',' . '7' x 15_000_000 . "\n") x 4);
write_file("$inbox/latin.csv", "a,b\n" . ("\xe4" x 7_000_000 . ',' . "\xf6" x 7_000_000 . "\n") x 4);
write_file("$inbox/good.csv", "a,b\n" . join('', map { "$_," . ($_ * 7919 % 1000003) . "\n" } 1 .. 300_000));
write_file("$inbox/quotes.csv", "a,b\n0,x\n" . join('', map { "$_,x\"y\n" } 1 .. 60_000));
chmod 0644, glob "$inbox/*";

my %id;
sql("SELECT dap.create_source('$_', columns => '{a,b}')") for qw(s other);
$id{$_} = sql("SELECT file_id FROM dap.ingest_csv('s', '$_.csv', '{\"max_reject_percent\": 100}')") for qw(good quotes);
sql(
  q{SELECT dap.create_clean_model('m', 's',
      '[{"name": "a", "type": "bigint"}, {"name": "b", "type": "numeric(12,2)", "map": {"x": "1"}}]', '{a}')}
);
sql(
  q{SELECT dap.create_model('t',
      'SELECT s.a, dap.median(n.x) AS middle FROM generate_series(1, 100) AS s(a) CROSS JOIN public.numbers n '
      'GROUP BY s.a', '{a}')}
);
sql(
  q{CREATE TABLE bags AS SELECT dap.bag_agg(q) AS b FROM numbers
      GROUP BY n % 3; INSERT INTO bags SELECT dap.bag_agg((n * 1000003.7 + k)::numeric) FROM numbers,
      generate_series(1, 3)}
);
my $groups = '{' . ',' x 28 . '}';

# Formats of which it takes long to tell that no text has two readings
my $formats = '["MI.HH24.SSDD.Mon.YYYY.", ' . join(', ', map { '"DD.MM.YYYY' . '.' x $_ . '"' } 1 .. 31) . ']';

# What each call does for long. Where it is over soon, it is not expected to be cancelled.
my @long = (
  [ 'sniff_csv, zeros', "dap.sniff_csv('zeros.csv.gz')" ],
  [ 'sniff_csv, one field', "dap.sniff_csv('letters.csv.gz')" ],
  [ 'sniff_csv, an open quote', "dap.sniff_csv('quoted.csv.gz')" ],
  [ 'sniff_csv, fields', "dap.sniff_csv('commas.csv.gz')" ],
  [ 'sniff_csv, records', "dap.sniff_csv('records.csv.gz')" ],
  [ 'sniff_csv, rejects', "dap.sniff_csv('bad.csv.gz')" ],
  [ 'sniff_csv, columns', "dap.sniff_csv('wide.csv')" ],
  [ 'sniff_csv, long fields', "dap.sniff_csv('long.csv')" ],
  [ 'sniff_columns', "dap.sniff_columns('wide.csv')" ],
  [ 'read_csv, records', "(SELECT count(*) FROM dap.read_csv('records.csv.gz') AS t(a integer, b integer)) AS c" ],
  [ 'read_csv, rejects',
    q{(SELECT count(*) FROM dap.read_csv('bad.csv.gz', '{"skip_rejects": true}') AS t(a text, b text)) AS c} ],
  [ 'read_csv, another encoding',
    q{(SELECT sum(length(a)) FROM dap.read_csv('latin.csv', '{"encoding": "LATIN1"}') AS t(a text, b text)) AS c} ],
  [ 'ingest_csv, records', "dap.ingest_csv('other', 'records.csv.gz')" ],
  [ 'ingest_csv, rejects', "dap.ingest_csv('other', 'bad.csv.gz')" ],
  [ 'ingest_csv, one field', "dap.ingest_csv('other', 'quoted.csv.gz')" ],
  [ 'ingest_bytes', q{dap.ingest_bytes('other', 'x', convert_to(repeat(E'a,b\n', 8000000), 'UTF8'))} ],
  [ 'ingest_largeobject',
    q{dap.ingest_largeobject('other', 'x', lo_from_bytea(0, convert_to(repeat(E'a,b\n', 8000000), 'UTF8')))} ],
  [ 'create_source, its header', "dap.create_source('h', 'letters.csv.gz')" ],
  [ 'dismiss_file',
    "dap.dismiss_file('zeros.csv.gz', 'why')",
    "SELECT dap.create_source('z', 'zeros.csv.gz', '{a,b}');" ],
  [ 'file_rows', "(SELECT count(*) FROM generate_series(1, 30), dap.file_rows(NULL::staging.s, $id{good})) AS c" ],
  [ 'retry_rejects', "dap.retry_rejects($id{quotes}, '{\"lenient\": true}')" ],
  [ 'export_rejects', "(SELECT count(*) FROM generate_series(1, 30), dap.export_rejects($id{quotes})) AS c" ],
  [ 'refresh_all', "dap.refresh_all('full', false)" ],
  [ 'refresh_intermediate', "dap.refresh_intermediate('full')" ],
  [ 'refresh_analytics', "dap.refresh_analytics('full')" ],
  [ 'create_clean_model, formats',
    qq{dap.create_clean_model('f', 's', jsonb_build_array('{"name": "a", "type": "bigint"}'::jsonb,
        jsonb_build_object('name', 'b', 'type', 'timestamp', 'format', '$formats'::jsonb)), '{a}')}
  ],
  map({
      my $call = $_->[1];
      [ $_->[0], "(SELECT $call FROM numbers CROSS JOIN generate_series(1, 20)) AS c" ]
    }[ 'median', 'dap.median(q)' ],
    [ 'percentile', 'dap.percentile(x, 0.3)' ],
    [ 'percentile_disc', 'dap.percentile_disc(d, 0.3)' ],
    [ 'percentiles', 'dap.percentiles(k, (SELECT array_agg(i / 300000.0) FROM generate_series(0, 300000) AS i))' ],
    [ 'mode', 'dap.mode(k)' ],
    [ 'mad', 'dap.mad(x)' ],
    [ 'iqr', 'dap.iqr(q)' ],
    [ 'top_n', 'dap.top_n(k::text, q, 1000)' ],
    [ 'bag_agg', 'dap.bag_agg(q)' ]),
  [ 'median in a window',
    '(SELECT sum(m) FROM (SELECT dap.median(x) OVER (ORDER BY n ROWS 50000 PRECEDING) AS m FROM numbers,
        generate_series(1, 5)) AS w) AS c'
  ],
  [ 'mode in a window',
    '(SELECT sum(m) FROM (SELECT dap.mode(k) OVER (ORDER BY n ROWS 5000 PRECEDING) AS m FROM numbers,
        generate_series(1, 5)) AS w) AS c'
  ],
  [ 'bag_merge', '(SELECT dap.bag_count(dap.bag_merge(b)) FROM bags CROSS JOIN generate_series(1, 100)) AS c' ],
  map({
      my $call = $_->[1];
      [ $_->[0], "(SELECT count($call) FROM bags AS l CROSS JOIN bags AS r CROSS JOIN generate_series(1, 5000)) AS c" ]
    }[ 'bag +', 'l.b OPERATOR(dap.+) r.b' ],
    [ 'bag -', 'l.b OPERATOR(dap.-) l.b' ],
    [ 'bag to text', 'l.b::text' ],
    [ 'bag from text', 'l.b::text::dap.bag' ],
    [ 'bag_sum', 'dap.bag_sum(l.b)' ],
    [ 'percentile of a bag', 'dap.percentile(l.b, 0.3)' ]));
my @short = (
  [ 'a pattern of many names', "dap.read_csv('x" . $groups x 6 . "') AS t(a text)" ],
  [ 'a pattern of stars', "dap.sniff_csv('" . '{*a,}' x 700 . "b')" ],
  [ 'ingest_csv of a pattern', "dap.ingest_csv('other', 'x" . $groups x 6 . "')" ],
  [ 'setup', 'dap.setup()' ],
  [ 'create_source',
    "dap.create_source('new', columns => (SELECT array_agg('c' || i) FROM generate_series(1, 1500) AS i))" ],
  [ 'drop_source', "dap.drop_source('other')" ],
  [ 'create_clean_model', qq{dap.create_clean_model('n', 's', '[{"name": "a", "type": "bigint"}]', '{a}')} ],
  [ 'create_model', q{dap.create_model('w', 'SELECT a FROM intermediate.m', '{a}')} ],
  [ 'drop_model', "dap.drop_model('t')" ],
  [ 'grant_access', "dap.grant_access('pg_monitor', 'reader')" ],
  [ 'bag =',
    '(SELECT count(l.b OPERATOR(dap.=) r.b) FROM bags AS l CROSS JOIN bags AS r
        CROSS JOIN generate_series(1, 50)) AS c'
  ],
  [ 'status', '(SELECT count(*) FROM dap.status, dap.files, dap.rejects) AS c' ]);

# The call at `rounds` moments of its work, each in a transaction that is rolled back: how late it ended at most, and
# how often it was cancelled.
sub cancel
{
  my ($call, $before, $latest_ms) = @_;
  my @delays = map { 1 + int(rand($latest_ms)) } 1 .. $rounds;
  my $script = "\\set ON_ERROR_STOP 0\n\\o /dev/null\nSET client_min_messages = error;\n";
  for my $delay (@delays)
  {
    $script .=
        "BEGIN; "
      . ($before // '')
      . "SET LOCAL statement_timeout = $delay;\n\\timing on\nSELECT * FROM $call;\n\\timing off\nROLLBACK;\n";
  }
  my ($out, $err, $timed_out);
  $node->psql(
    'postgres', $script,
    stdout => \$out,
    stderr => \$err,
    timeout => $patience,
    timed_out => \$timed_out,
    extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
  return (undef, 0) if $timed_out;
  my @times = $out =~ /^Time: ([0-9.]+) ms/mg;
  my @late = sort { $b <=> $a } map { $times[$_] - $delays[$_] } 0 .. $#times;
  my @errors = $err =~ /ERROR:\s+(\w+)/g;
  return ($late[0], scalar(grep { $_ eq '57014' } @errors), scalar(@times), join(' ', grep { $_ ne '57014' } @errors));
}

for my $case (map({ [ @$_[ 0 .. 2 ], !$_->[3] ] } @long), map { [ @$_[ 0 .. 2 ], 0 ] } @short)
{
  my ($name, $call, $before, $is_long) = @$case;
  my ($late, $cancelled, $calls, $errors) = cancel($call, $before, $most_delay_ms);
  # A fast machine is done before the moment comes: earlier ones.
  for (my $latest_ms = $most_delay_ms / 4; $is_long && !$cancelled && $latest_ms >= 1; $latest_ms /= 4)
  {
    ($late, $cancelled, $calls, $errors) = cancel($call, $before, $latest_ms);
  }
  ok(defined $late && $calls == $rounds && $late < $most_answer_ms, "$name answers")
    or diag(defined $late ? "$calls calls, $late ms late" : "not within $patience s");
  ok($cancelled > 0, "$name was at work") or diag("errors: $errors") if $is_long;
  diag(
    sprintf(
      '%-30s cancelled %d of %d, at most %4.0f ms late%s',
      $name, $cancelled, $rounds, $late, $errors ? ", $errors" : '')) if defined $late;
}
is(sql('SELECT count(*) FROM dap.files'), '2', 'nothing stays of what was cancelled');
$node->stop('immediate');
done_testing();
