# What a backend needs for files that are made to need much: its peak of resident memory, as the kernel keeps it, stays
# below 64 MB and the limits of a field and a record, for every function that reads files. With DAP_SLOW=1 the files are
# of 1 GB and the limits those by default; else both are smaller, the bound is nearer, and what would hold a file or a
# record once too often is seen as well.
use strict;
use warnings FATAL => 'all';

use Digest::MD5 qw(md5_hex);
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $began_all = time;
my $temp = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);
my $mega = 1 << 20;
my $slow = $ENV{DAP_SLOW};
my $size = $slow ? 1 << 30 : 32 * $mega;
my ($field_limit, $record_limit) = $slow ? (16, 64) : (2, 8);    # MB: dap.max_field_bytes and dap.max_record_bytes
my ($field_bytes, $record_bytes) = map { $_ * $mega } $field_limit, $record_limit;
my $bound = ($slow ? 64 : 12) + $field_limit + $record_limit;

my $node = PostgreSQL::Test::Cluster->new('memory');
$node->init;
# Little is shared, so that resident memory is private memory.
$node->append_conf('postgresql.conf',
      "fsync = off\nautovacuum = off\nshared_buffers = 4MB\nmax_wal_size = 4GB\njit = off\n"
    . "dap.max_field_bytes = '${field_limit}MB'\ndap.max_record_bytes = '${record_limit}MB'\n");
$node->start;
$node->safe_psql(
  'postgres',
  q{CREATE EXTENSION dap_analytics; CREATE SCHEMA staging; CREATE SCHEMA intermediate; CREATE SCHEMA analytics;
  SELECT dap.create_source('two', columns => '{id,name}', options => '{"max_reject_percent": 100}');
  SELECT dap.create_source('four', columns => '{a,b,c,d}', options => '{"max_reject_percent": 100}');
  SELECT dap.create_source('ordinary', columns => '{a,b,c,d}', options => '{"max_reject_percent": 100}');
  CREATE INDEX ON staging.ordinary (_line); CREATE TABLE read_back (a text, b text, c text, d text);});
sub query { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }

# Writes parts: texts, or [ text, how many bytes of its repetition ].
sub write_parts
{
  my ($name, @parts) = @_;
  my $path = "$temp/$name.csv";
  open my $file, '>:raw', $path or die "$path: $!";
  for my $part (@parts)
  {
    if (!ref $part) { print $file $part; next; }
    my ($text, $bytes) = @$part;
    my $block = $text x (1 + int($mega / length $text));
    for (my $left = $bytes; $left > 0; $left -= length $block)
    {
      print $file $left < length $block ? substr($block, 0, $left) : $block;
    }
  }
  close $file or die $!;
  return $path;
}

sub status_of
{
  my ($pid) = @_;
  open my $status, '<', "/proc/$pid/status" or return ();
  return join('', <$status>) =~ /^(VmHWM|VmRSS|RssAnon):\s+(\d+)/mg;
}

# The answer of a statement in a fresh session that has everything loaded, the megabytes that it needed at its peak, and
# those that it kept.
sub measure
{
  my ($sql) = @_;
  my $session = $node->background_psql('postgres', on_error_stop => 0, timeout => 300);
  my $pid = $session->query('SELECT pg_backend_pid()');
  $session->query(
    q{SELECT count(*) FROM dap.ingest_bytes('two', 'warm ' || pg_backend_pid(), convert_to('id,name', 'UTF8'))});
  my $reset = open my $refs, '>', "/proc/$pid/clear_refs";    # the peak begins anew
  $reset &&= syswrite($refs, '5') && close $refs;
  my %before = status_of($pid);
  my $began = time;
  # psql's errors go elsewhere: they are made a part of the answer
  my $answer =
    $session->query("DO \$\$ BEGIN NULL; END \$\$;\n$sql;\n\\if :ERROR\n\\echo :SQLSTATE :LAST_ERROR_MESSAGE\n\\endif");
  my $seconds = time - $began;
  my %after = status_of($pid);
  $session->quit;
  my ($peak, $kept) =
       $reset
    && %before
    && %after ? (($after{VmHWM} - $before{VmRSS}) / 1024, ($after{RssAnon} - $before{RssAnon}) / 1024) : ();
  return ($answer, $peak, $kept, $seconds);
}

my ($most, $most_name) = (0, '');
sub within
{
  my ($name, $sql, $want, $limit) = @_;
  my ($answer, $peak, $kept, $seconds) = measure($sql);
  if (ref $want) { like($answer, $want, $name); }
  else { is($answer, $want, $name); }
SKIP:
  {
    skip 'the kernel does not tell a peak here', 1 if !defined $peak;
    cmp_ok(
      $peak, '<',
      $limit // $bound,
      sprintf '%s: %.1f MB at its peak, %.1f MB kept, %.1f s',
      $name, $peak, $kept, $seconds);
    ($most, $most_name) = ($peak, $name) if $peak > $most;
  }
  return;
}
sub ingest
{
  my ($source, $path, $options) = @_;
  return sprintf q{SELECT status, rows_read, rows_loaded, rows_rejected, reason FROM dap.ingest_csv('%s', '%s', '%s')},
    $source, $path, $options // '{"again": true}';
}
sub read_two
{
  my ($path, $options) = @_;
  return sprintf q{SELECT count(*), max(length(name)) FROM dap.read_csv('%s', '%s') AS t(id text, name text)}, $path,
    $options // '{}';
}
sub sniff
{
  my ($path) = @_;
  return "SELECT records, rejects, array_to_string(notes, ' ') FROM dap.sniff_csv('$path')";
}

#
# Files of one field, one line, one record; none of it may be held
#
my $long = qr/a field is longer than dap\.max_field_bytes \($field_bytes bytes\)/;
my $far = qr/the record is longer than dap\.max_record_bytes \($record_bytes bytes\)/;
my $open = 'the quote that opens in line 3 is never closed';
my @cases = (
  [ 'a quoted field',
    [ qq{id,name\n1,x\n2,"}, [ 'y', $size ], qq{"\n3,z\n} ],
    'loaded|3|2|1|', '2|1', qr/^2\|1\|.*field_too_long 1/ ],
  [ 'a quoted field of lines',
    [ qq{id,name\n1,x\n2,"}, [ "a line, or two\r\n", $size ], qq{"\n3,z\n} ],
    'loaded|3|2|1|', '2|1', qr/^2\|1\|.*field_too_long 1/ ],
  [ 'a quote that is never closed',
    [ qq{id,name\n1,x\n2,"}, [ 'y', $size ] ],
    "failed|1|0|0|line 3: $open",
    qr/^22P04 /,
    qr/^1\|0\|.*would fail.*\Q$open/ ],
  [ 'a quote that is never closed, over lines',
    [ qq{id,name\n1,x\n2,"}, [ "a line, or two\n", $size ] ],
    "failed|1|0|0|line 3: $open",
    qr/^22P04 /,
    qr/^1\|0\|.*would fail.*\Q$open/ ],
  [ 'one line',
    [ [ 'y', $size ] ],
    qr/^failed\|0\|0\|0\|line 1: the header is broken: $long$/,
    qr/^22P04 /, qr/^0\|0\|.*would fail.*$long/ ],
  [ 'one line of fields',
    [ [ 'y,', $size ] ],
    qr/^failed\|0\|0\|0\|line 1: the header is broken: $far$/,
    qr/^22P04 /, qr/^0\|0\|.*would fail.*$far/ ],
  [ 'one line after the header, without end',
    [ "id,name\n1,x\n2,", [ 'y', $size ] ],
    'loaded|2|1|1|',
    '1|1',
    qr/^1\|1\|.*field_too_long 1/ ],
  [ 'one line of fields after the header',
    [ "id,name\n1,x\n", [ ',', $size ] ],
    'loaded|2|1|1|',
    '1|1',
    qr/^1\|1\|.*record_too_long 1/ ],
  [ 'quotes', [ "id,name\n1,x\n2,", [ '"', $size ], "\n3,z\n" ], 'loaded|3|2|1|', '2|1', qr/^2\|1\|.*field_too_long 1/
  ],
  [ 'NULs', [ "id,name\n1,x\n", [ "\0", $size ] ], 'loaded|2|1|1|', '1|1', qr/^1\|1\|.*nul_byte 1/ ],
  [ 'bytes that are no UTF-8',
    [ "id,name\n1,x\n2,", [ "\xff", $size ] ],
    'loaded|2|1|1|', '1|1', qr/^1\|1\|.*invalid_encoding 1/ ],
  [ 'carriage returns', [ [ "\r", $size / 8 ] ], 'loaded|0|0|0|the file is empty', '0|', qr/^0\|0\|.*empty/ ],
  [ 'a header of too many columns',
    [ join(',', map { "c$_" } 1 .. 1_000_000) . "\n" . join(',', 1 .. 1_000_000) . "\n" ],
    'failed|0|0|0|line 1: the header is broken: it has 1000000 fields, more than any table can have columns',
    qr/^22P04 /,
    qr/^0\|0\|.*would fail.*1000000 fields/ ],
  [ 'a record of too many columns',
    [ "id,name\n" . join(',', 1 .. 1_000_000) . "\n1,x\n" ],
    'loaded|2|1|1|', '1|1', qr/^1\|1\|.*field_count 1/ ],
  [ 'a header of long names',
    [ join(',', map { $_ x (3 * $mega / 2) } qw(a b c d)), "\n1,2,3,4\n" ],
    'failed|0|0|0|line 1: the header is broken: it is longer than 4194304 bytes',
    qr/^22P04 /,
    qr/^0\|0\|.*would fail.*longer than 4194304 bytes/ ],
  [ 'a header of as many names as can be',
    [ join(',', 'id', 'name', map { "c$_" } 1 .. 60_000), "\n" . join(',', 1 .. 60_002) . "\n" x 2 ],
    'failed|0|0|0|line 1: the header has 60002 columns, a table can have 1600',
    '1|1',
    qr/^0\|0\|.*60002 fields/ ],
  [ 'many rejects, each long',
    [ "id,name\n", [ 'x' x 69_999 . "\n", 70_000 * int($size / 70_000) ] ],
    qr/^failed\|\d+\|0\|\d+\|line 2: none of/,
    '0|', qr/^0\|\d+\|.*field_count/ ]);
my $cases = 0;
for my $case (@cases)
{
  my ($name, $parts, $loaded, $skipping, $sniffed) = @$case;
  my $path = write_parts('hostile', @$parts);
  within("ingest_csv, $name", ingest('two', $path), $loaded);
  if (!$slow && $cases++ % 3) { unlink $path; next; }
  within("read_csv, $name", read_two($path, '{"skip_rejects": true}'), $skipping);
  within("sniff_csv, $name", sniff($path), $sniffed);
  unlink $path;
}
is(query(q{SELECT count(*) FROM dap.files WHERE status = 'loaded' AND (rows_read <> rows_loaded + rows_rejected)}),
  0, 'nothing is lost');
is(query(q{SELECT count(*) FROM dap.rejects WHERE octet_length(raw) > 65536 OR raw_length < octet_length(raw)}),
  0, 'rejects are kept by their beginning');
my $kept = int($size / 70_000) > 1000 ? 1000 : int($size / 70_000);
is(
  query(
    q{SELECT count(*), bool_and(octet_length(raw) = 65536 AND raw_length = 69999) FROM dap.rejects
        WHERE reason = 'field_count' AND raw_length = 69999}
  ),
  "$kept|t",
  'a failed file keeps its first thousand, each as long as any');

# In a run that fails, too
my $rejects = write_parts('rejects', "id,name\n", [ 'x' x 69_999 . "\n", 70_000 * 1500 ]);
query(qq{SELECT dap.create_source('nightly', '$rejects', '{id,name}')});
within('refresh_all, many rejects', 'SELECT * FROM dap.refresh_all()', qr/^22P04 /, 144);
# Where a busy machine does not let them be written within 5 s, a run promises a WARNING and no more: then another one.
my $nightly = q{SELECT count(*) FROM dap.rejects WHERE source = 'nightly'};
for (1 .. 10)
{
  last if query($nightly) > 0;
  my ($answer, $said);
  $node->psql('postgres', 'SELECT * FROM dap.refresh_all()', stdout => \$answer, stderr => \$said);
  note $said;
}
cmp_ok(query($nightly), '>', 50, 'whose first rejects are kept');
query(q{SELECT dap.drop_source('nightly')});
unlink $rejects;

#
# Records that are as long as the limits allow are loaded, whole
#
my $bound_of_full = $slow ? $bound : 12 + 2 * $record_limit;
my $random = substr join('', map { md5_hex($_) } 1 .. $field_bytes / 32), 0,
  ($slow ? $field_bytes : $record_bytes / 4) - 1000;
my $letters = int(length($random) / 2) - 10;
my @full = (
  [ 'plain', join(',', ($random) x 4), '{"again": true}', $random ],
  [ 'quoted', join(',', (qq{"$random""x"}) x 4), '{"again": true}', qq{$random"x} ],
  [ 'quotes', join(',', ('"' . '""' x $letters . '"') x 4), '{"again": true}', '"' x $letters ],
  [ 'converted', join(',', ("\xe9" x $letters) x 4), '{"again": true, "encoding": "LATIN1"}', "\xc3\xa9" x $letters ]);
for my $case (@full)
{
  my ($name, $record, $options, $want) = @$case;
  my $path = write_parts('full', "a,b,c,d\n1,2,3,4\n", $record, "\n5,6,7,8\n");
  my $others = $options =~ s/"again": true(, )?//r;
  within("four long fields, $name", ingest('four', $path, $options), 'loaded|3|3|0|', $bound_of_full);
  # INSERT itself holds a row more than once: that is the executor's memory, not the reader's
  within(
    "four long fields, $name, through INSERT",
    ingest('ordinary', $path, $options),
    'loaded|3|3|0|', $bound_of_full + $record_limit);
  for my $table (qw(four ordinary))
  {
    is(
      query("SELECT md5(a), md5(b), md5(c), md5(d) FROM staging.$table WHERE _line = 3"),
      join('|', (md5_hex($want)) x 4),
      "$table, $name: every byte of it");
    is(query("SELECT string_agg(_line || a || b || c || d, ' ' ORDER BY _line) FROM staging.$table WHERE _line <> 3"),
      '21234 45678', "$table, $name: and the others");
  }
  within(
    "four long fields, $name, by read_csv",
    "INSERT INTO read_back SELECT * FROM dap.read_csv('$path', '$others') AS t(a text, b text, c text, d text)",
    '', $bound_of_full + $record_limit);
  is(
    query('SELECT md5(a), md5(b), md5(c), md5(d) FROM read_back WHERE length(a) > 1'),
    join('|', (md5_hex($want)) x 4),
    "read_csv, $name: every byte of it");
  within(
    "four long fields, $name, by sniff_csv",
    "SELECT records, rejects FROM dap.sniff_csv('$path', '$others')",
    '3|0', $bound_of_full);
  unlink $path;
  query('SET session_replication_role = replica; TRUNCATE staging.four, staging.ordinary, read_back');
}
# Long rows are formed apart: NULL, empty and short values around the long ones, whatever the place
my $pieces = write_parts(
  'pieces', "a,b,c,d\n",
  map { join(',', @$_) . "\n" }[ '', $random, 'x' x 126, '""' ],
  [ 'x' x 127, '""', $random, '' ],
  [ $random, '', '', '' ],
  [ '""', '', 'y', '"' . $random . '"' x 3 ]);
for my $table (qw(four ordinary))
{
  is(query("SET client_min_messages = error; " . ingest($table, $pieces)), 'loaded|4|4|0|', "pieces, $table");
  is(
    query(
      "SELECT _line, coalesce(md5(a), '-'), coalesce(md5(b), '-'), coalesce(md5(c), '-'), coalesce(md5(d), '-')
          FROM staging.$table WHERE _file_id = (SELECT max(_file_id) FROM staging.$table) ORDER BY _line"
    ),
    join("\n",
      join('|', 2, '-', md5_hex($random), md5_hex('x' x 126), md5_hex('')),
      join('|', 3, md5_hex('x' x 127), md5_hex(''), md5_hex($random), '-'),
      join('|', 4, md5_hex($random), '-', '-', '-'),
      join('|', 5, md5_hex(''), '-', md5_hex('y'), md5_hex(qq{$random"}))),
    "pieces, $table: each value in its place");
}
unlink $pieces;
# What grows past the limits by its conversion is a reject, as what is past them before
my $much = int($field_bytes * 0.6);
my $grown = write_parts(
  'grown', "a,b,c,d\n1,2,3,4\n", join(',', ("\xe9" x $much) x 4),
  "\n", join(',', ("\xe9" x int($field_bytes * 0.3)) x 4),
  "\n5,6,7,8\n");
within(
  'fields that are too long once they are converted',
  ingest('four', $grown, '{"encoding": "LATIN1"}'),
  'loaded|4|3|1|', $bound_of_full);
is(
  query(qq{SELECT line, column_name, reason, raw_length, octet_length(raw) FROM dap.rejects WHERE path = '$grown'}),
  '3|a|field_too_long|' . (4 * $much + 3) . '|65536',
  'rejected with their place');
within(
  'records that are',
  "SET dap.max_record_bytes = "
    . int($field_bytes * 2) . '; '
    . ingest('four', $grown, '{"encoding": "LATIN1", "again": true}'),
  'loaded|4|2|2|',
  $bound_of_full);
is(
  query(
    qq{SELECT string_agg(DISTINCT line || ' ' || coalesce(column_name, '-') || ' ' || reason, ', ') FROM dap.rejects
        WHERE path = '$grown'}
  ),
  '3 - record_too_long, 3 a field_too_long, 4 - record_too_long',
  'with theirs');

# What sniff_csv keeps of each column: the least and the greatest, not all of their digits
my $digits = int(($record_bytes - 20_000) / 1600);
my $numbers = write_parts(
  'numbers',
  join(',', map { "c$_" } 1 .. 1600) . "\n",
  map { join(',', ($_ . '1' x ($digits - 5) . '.5') x 1600) . "\n" } 1 .. 3);
within(
  'sniff_csv, 1600 columns of long numbers',
  "SELECT records, rejects, (SELECT string_agg(DISTINCT c.type || ' ' || length(c.min) || ' ' || c.longest, ', ')
      FROM unnest(columns) c) FROM dap.sniff_csv('$numbers')",
  "3|0|text 67 @{[ $digits - 2 ]}",
  $slow ? $bound : $bound + 4);
unlink $numbers;

note sprintf 'at most %.1f MB: %s; %.0f s in all', $most, $most_name, time - $began_all;
$node->stop;
done_testing();
