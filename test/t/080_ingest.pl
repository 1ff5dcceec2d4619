# Files into sources: order, names, what is read again and what is not, the same records as COPY and as an independent
# reader give.
use strict;
use warnings FATAL => 'all';

use Digest::MD5 qw(md5_hex);
use Encode qw(encode);
use File::Path qw(make_path);
use IPC::Run;
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(seeded sql start_server write_file);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = start_server('ingest', '', 'CREATE SCHEMA staging');
my $seed = seeded('DAP_SEED');

my $temp = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);
my $inbox = "$temp/inbox";
make_path($inbox);

sub filter
{
  my ($command, $input) = @_;
  my $output = '';
  IPC::Run::run($command, '<', \$input, '>', \$output) or die "@$command failed";
  return $output;
}

# A statement that fails: its report.
sub failure
{
  my ($sql, @options) = @_;
  my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT never\n$sql", @options);
  isnt($code, 0, "fails: $sql");
  return $err;
}
sub load
{
  my ($source, $path, $options) = @_;
  return sql(
    sprintf "SELECT status, rows_read, rows_loaded, rows_rejected, reason FROM dap.ingest_csv('%s', %s, '%s')",
    $source,
    defined $path ? "'$path'" : 'NULL',
    $options // '{}');
}

#
# The files of a directory, in natural order; what is not taken; compressed ones
#
write_file("$inbox/part_$_.csv", "id,name\n$_,n$_\n") for (10, 9, 2, 1, 100);
write_file("$inbox/part_11.csv.gz", filter([ 'gzip', '-c' ], "id,name\n11,n11\n"));
write_file("$inbox/part_12.csv.zst", filter([ 'zstd', '-q', '-c' ], "id,name\n12,n12\n"));
write_file("$inbox/$_", "id,name\n0,never\n") for ('.hidden.csv', 'a.csv.tmp', 'b.csv.part', 'c.csv.filepart', 'd.txt');
make_path("$inbox/deeper");
write_file("$inbox/deeper/e.csv", "id,name\n0,never\n");
sql("SELECT dap.create_source('parts', '$inbox')");
is(
  sql(
    q{SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'staging.parts'::regclass
        AND attnum > 0}
  ),
  '_line,_file_id,id,name',
  'columns of the first file');
is(
  sql(
    q{SELECT string_agg(regexp_replace(path, '.*/', ''), ' ' ORDER BY n)
        FROM dap.ingest_csv('parts') WITH ORDINALITY AS r(file_id, path, status, reason, rows_read, rows_loaded,
        rows_rejected, bytes, elapsed, n)}
  ),
  'part_1.csv part_2.csv part_9.csv part_10.csv part_11.csv.gz part_12.csv.zst part_100.csv',
  'natural order');
is(
  sql('SELECT string_agg(id, \' \' ORDER BY _file_id) FROM staging.parts'),
  '1 2 9 10 11 12 100',
  'loaded in that order');
is(sql(q{SELECT count(*) FROM dap.ingest_csv('parts') WHERE status = 'skipped' AND reason = 'already loaded'}),
  7, 'and once');
is(
  sql(
        q{SELECT string_agg(status || ' ' || (elapsed >= interval '0')::text, ',') FROM dap.ingest_csv('parts', '}
      . "$inbox/part_[12].csv')"),
  'skipped true,skipped true',
  'a glob');
is(sql(qq{SELECT count(*) FROM dap.ingest_csv('parts', '$inbox/nothing*.csv')}), 0, 'a glob may match nothing');
like(
  failure(qq{SELECT dap.ingest_csv('parts', '$temp/not mounted')}),
  qr/58P01.*does not exist/s,
  'a directory that is missing is an error');
like(failure(qq{SELECT dap.ingest_csv('parts', '$temp/not mounted/*.csv')}), qr/58P01/, 'with a glob too');
like(failure(qq{SELECT dap.ingest_csv('parts', '$inbox/missing.csv')}), qr/58P01/, 'and a file');
# A file without records, among others
write_file("$inbox/part_200.csv", '');
write_file("$inbox/part_201.csv", "id,name\n");
write_file("$inbox/part_202.csv", "id,name\n");
is(
  load('parts', "$inbox/part_20?.csv"),
  "loaded|0|0|0|the file is empty\nloaded|0|0|0|\nskipped|0|0|0|already loaded as file "
    . sql(qq{SELECT file_id || ' (' || path || ')' FROM dap.files WHERE path = '$inbox/part_201.csv'}),
  'files without records');
# Awkward names
my @names =
  ("it's.csv", 'with blank.csv', "\xc3\xa9.csv", "new\nline.csv", 'a"b.csv', 'back\\slash.csv', '[x].csv', '{y}.csv');
make_path("$inbox/names");
write_file("$inbox/names/$names[$_]", "id,name\n3000$_,x\n") for 0 .. $#names;
sql("SELECT dap.create_source('names', '$inbox/names')");
is(sql(q{SELECT count(*) FROM dap.ingest_csv('names') WHERE status = 'loaded'}), scalar @names, 'awkward names');
is(sql(q{SELECT count(*) FROM dap.ingest_csv('names') WHERE status = 'skipped'}), scalar @names, 'are known again');

#
# Columns from the first file: trimmed, through the aliases
#
write_file("$temp/first.csv", "\xef\xbb\xbf id ,txn_date,\"Full Name\"\n1,2,3\n");
sql(
  "SELECT dap.create_source('first', '$temp/first.csv',
      options => '{\"aliases\": {\"txn_date\": \"transaction_date\"}}')"
);
is(
  sql(q{SELECT columns::text FROM dap_internal.source_definition WHERE source = 'first'}),
  '{id,transaction_date,"Full Name"}',
  'columns are trimmed and renamed');
is(load('first'), 'loaded|1|1|0|', 'and the same file loads');
write_file("$temp/$_->[0]", $_->[1])
  for [ 'duplicate.csv', "a,A\n" ], [ 'blank.csv', "a,,b\n" ], [ 'nothing.csv', '' ], [ 'reserved.csv', "a,_line\n" ],
  [ 'broken.csv', "a,\"b\n" ];
like(
  failure("SELECT dap.create_source('x', '$temp/$_.csv')"),
  qr/ERROR:  (42701|42602|22P04|42939)/,
  "no source from $_") for qw(duplicate blank nothing reserved broken);

#
# What is read: a file that is known by its identity is not
#
write_file("$temp/big.csv", "id,name\n" . join('', map { "$_," . md5_hex($_) . "\n" } 1 .. 200_000));
my $written = time;
sql("SELECT dap.create_source('big', '$temp/big.csv')");
write_file("$temp/worse.csv", "id,wrong\n" . join('', map { "$_," . md5_hex($_) . "\n" } 1 .. 200_000));
my $cut_content = filter([ 'gzip', '-1', '-c' ], join '', "id,name\n", map { $_ . ',' . rand() . "\n" } 1 .. 200_000);
write_file("$temp/cut_big.csv.gz", substr($cut_content, 0, length($cut_content) - 100));
sql("SELECT dap.create_source('worse', columns => '{id,name}')");
my $session = $node->background_psql('postgres');
my $pid = $session->query('SELECT pg_backend_pid()');
my $read_bytes = sub {
  open my $io, '<', "/proc/$pid/io" or return undef;
  my ($bytes) = join('', <$io>) =~ /^rchar: (\d+)/m;
  return $bytes;
};
my $reads = sub {
  my ($sql) = @_;
  my $before = $read_bytes->();
  my $answer = $session->query($sql);
  return ($answer, $read_bytes->() - $before);
};

#
# COPY and ingest agree
#
sub copy_literal
{
  my ($text) = @_;
  $text =~ s/'/''/g;
  $text =~ s/\\/\\\\/g;
  $text =~ s/\t/\\t/g;
  $text =~ s/\n/\\n/g;
  $text =~ s/\r/\\r/g;
  return "E'$text'";
}
sub json_string { my ($text) = @_; $text =~ s/([\\"])/\\$1/g; $text =~ s/\t/\\t/g; return "\"$text\""; }
my @copy_bad;
my $dialects = 0;
for my $round (1 .. 24)
{
  my $delimiter = (',', ';', "\t", '|', ' ', 'x', ':')[ rand 7 ];
  my $quote = ('"', "'", '~', '"')[ rand 4 ];
  my $escape = ($quote, '\\', '!', $quote)[ rand 4 ];
  my $null = ('', 'NULL', '-', 'N', '\\N', "\xc3\xa9")[ rand 6 ];
  my $eol = ("\n", "\r\n", "\n")[ rand 3 ];
  my $columns = 1 + int rand 5;
  $null = 'NULL' if $null eq '' && $columns == 1;    # an empty line means different things to COPY's versions
  my @pieces = (
    $delimiter, $quote, $escape, "\n", "\r", "\r\n", ' ', 'a', 'bc', "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
    '\\', '\\.', $null, '', '0', '"', ',', "'" x 2, 'text ' x 20);
  my $content = join($delimiter, map { "c$_" } 1 .. $columns) . $eol;

  for my $row (1 .. 200)
  {
    my @fields;
    for my $column (1 .. $columns)
    {
      my $value = join '', map { $pieces[ rand @pieces ] } 1 .. int(rand 4);
      my $kind = rand;
      if ($kind < 0.15) { $value = $null; }
      elsif ($kind < 0.2) { $value = "$quote$quote"; }
      elsif ($kind < 0.6
        || $value =~ /[\n\r\Q$delimiter$quote$escape\E]/
        || $value =~ /^\\\.$/
        || ($columns == 1 && $value eq ''))
      {
        # as COPY reads it: the escape before a quote or an escape
        $value =~ s/(\Q$quote\E|\Q$escape\E)/$escape$1/g;
        $value = "$quote$value$quote";
      }
      push @fields, $value;
    }
    my $line = join $delimiter, @fields;

    $content .= $line . ($row == 200 && rand() < 0.5 ? '' : $eol);
  }
  my $file = write_file("$temp/copy_$round.csv", $content);
  my $list = join ', ', map { "c$_" } 1 .. $columns;
  my $definition = join ', ', map { "c$_ text" } 1 .. $columns;
  my ($code, $out, $err) = $node->psql('postgres',
        "CREATE TABLE copied_$round (n bigint GENERATED ALWAYS AS IDENTITY, $definition);\n"
      . "COPY copied_$round ($list) FROM '$file' (FORMAT csv, HEADER, DELIMITER "
      . copy_literal($delimiter)
      . ', QUOTE '
      . copy_literal($quote)
      . ', ESCAPE '
      . copy_literal($escape)
      . ', NULL '
      . copy_literal($null)
      . ", ENCODING 'UTF8');");
  if ($code != 0)    # a dialect that COPY does not know
  {
    push @copy_bad, $err;
    next;
  }
  $dialects++;
  my $options = sprintf '{"delimiter": %s, "quote": %s, "escape": %s, "null": %s, "again": true}',
    map { json_string($_) } $delimiter, $quote, $escape, $null;
  $options =~ s/'/''/g;
  sql("SELECT dap.create_source('copy_$round', columns => ARRAY[" . join(',', map { "'c$_'" } 1 .. $columns) . '])');
  my $result = load("copy_$round", $file, $options);
  my $difference =
    sql("SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY n) AS row, $list FROM copied_$round) AS c FULL JOIN "
      . "(SELECT row_number() OVER (ORDER BY _line) AS row, $list FROM staging.copy_$round) AS d USING (row) WHERE ("
      . join(', ', map { "c.c$_" } 1 .. $columns)
      . ') IS DISTINCT FROM ('
      . join(', ', map { "d.c$_" } 1 .. $columns)
      . ')');
  is(
    "$result / $difference",
    'loaded|200|200|0| / 0',
    "as COPY: delimiter " . json_string($delimiter) . " quote $quote escape $escape null '$null'"
  ) or diag "seed $seed, round $round";
}
cmp_ok($dialects, '>=', 8, "$dialects dialects that COPY knows");

#
# What the server writes comes back as it was
#
sql(
  q{CREATE TABLE written AS SELECT n::text AS id,
      CASE n % 7 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'two\nlines' WHEN 3 THEN 'a "quoted" one, with comma'
      WHEN 4 THEN ' blanks '
  WHEN 5 THEN E'cr\rlf\r\n' ELSE '\.' END AS name FROM generate_series(1, 5000) AS n});
sql("COPY written TO '$temp/written.csv' (FORMAT csv, HEADER)");
sql("SELECT dap.create_source('written', '$temp/written.csv')");
is(load('written'), 'loaded|5000|5000|0|', 'COPY TO writes it');
is(
  sql(
    'SELECT count(*) FROM ((TABLE written EXCEPT ALL SELECT id, name FROM staging.written)
        UNION ALL (SELECT id, name FROM staging.written EXCEPT ALL TABLE written)) AS d'
  ),
  0,
  'and ingest reads it');

#
# An independent reader finds the same records and rejects: nothing lost, nothing altered
#
# Splits content (after the header) as the contract says. Returns (fault line or undef, good: [line, a, b], bad: [line,
# offset, raw]).
my $field_alone = qr/"(?:[^"]|"")*"|[^",]*/;
sub reference
{
  my ($content, $offset, $line) = @_;
  my (@good, @bad);
  my $length = length $content;
  while ($offset < $length)
  {
    my ($start, $start_line, $state, $error, $opened) = ($offset, $line, 'start', 0, 0);
    my @fields = ({ value => '', quoted => 0 });
    my ($end, $broken, @inside);    # where lines begin inside quotes
    while (!defined $end)
    {
      my $c = $offset < $length ? substr($content, $offset, 1) : '';
      if ($state eq 'quoted')
      {
        last if $c eq '';
        $line++ if $c eq "\n";
        $offset++;
        push @inside, [ $offset, $line ] if $c eq "\n";
        if ($c eq '"')
        {
          if (substr($content, $offset, 1) eq '"') { $fields[-1]{value} .= '"'; $offset++; }
          else { $state = 'after'; }
        }
        else { $fields[-1]{value} .= $c; }
        next;
      }
      if ($c eq '' || $c eq "\n" || substr($content, $offset, 2) eq "\r\n")
      {
        $end = $offset;
        $offset += $c eq "\r" ? 2 : length $c;
        $line++;
      }
      elsif ($c eq ',') { push @fields, { value => '', quoted => 0 }; $state = 'start'; $offset++; }
      elsif ($c eq '"' && $state eq 'start') { $state = 'quoted'; $fields[-1]{quoted} = 1; $opened = $line; $offset++; }
      else
      {
        $error = 1 if $c eq '"' || $c eq "\r" || $state eq 'after';
        $broken = 1 if $c eq '"' || $state eq 'after';
        $state = 'plain' if $state eq 'start';
        $fields[-1]{value} .= $c;
        $offset++;
      }
    }
    # A quote out of place: the record ends before the first of its further lines that is a record of two fields by
    # itself
    my ($whole) = $broken
      ? grep {
      my ($text) = substr($content, $_->[0]) =~ /\A([^\n]*?)\r?(?:\n|\z)/;
      $text =~ /\A(?:$field_alone),(?:$field_alone)\z/
      } @inside
      : ();
    if ($whole)
    {
      ($offset, $line) = @$whole;
      push @bad, [ $start_line, $start, substr($content, $start, $offset - $start) =~ s/\r?\n\z//r ];
      next;
    }
    return ($opened, \@good, \@bad) if !defined $end;
    my $raw = substr $content, $start, $end - $start;
    next if $raw eq '';
    if ($error || @fields != 2) { push @bad, [ $start_line, $start, $raw ]; next; }
    push @good, [ $start_line, map { $_->{value} eq '' && !$_->{quoted} ? undef : $_->{value} } @fields ];
  }
  return (undef, \@good, \@bad);
}

my @contents;
my @alphabet = ('a', 'b', ',', ',', '"', "\n", "\n", "\r", "\r\n", '""', '1', ' ', "x,y\n", "\"q\",z\n");
for (1 .. 600)
{
  push @contents,
      "a,b\ngood,one\n"
    . join('', map { $alphabet[ rand @alphabet ] } 1 .. int(rand 30))
    . (rand() < 0.7 ? "\nlast,one\n" : '');
}
my $input = join '', map { "$_\t\\\\x" . unpack('H*', $contents[$_]) . "\n" } 0 .. $#contents;
sql('CREATE TABLE contents (n int, content bytea)');
write_file("$temp/contents.txt", $input);
sql("COPY contents FROM '$temp/contents.txt'");
sql(q{SELECT dap.create_source('fuzz', columns => '{a,b}')});
my %result = map { my ($n, @rest) = split /\|/, $_, -1; ($n => \@rest) } split /\n/, sql(
  q{SELECT n, r.file_id, r.status, r.rows_read, r.rows_loaded, r.rows_rejected, r.reason FROM contents,
      LATERAL dap.ingest_bytes('fuzz', 'f' || n, content, '{"again": true, "max_reject_percent": 100}') AS r
      ORDER BY n}
);
my (%good, %bad);

for (
  split /\n/,
  sql(
    q{SELECT _file_id, _line, coalesce(encode(convert_to(a, 'UTF8'), 'hex'), '-'),
        coalesce(encode(convert_to(b, 'UTF8'), 'hex'), '-') FROM staging.fuzz ORDER BY _file_id, _line}
  ))
{
  my ($file, @rest) = split /\|/, $_, -1;
  push @{ $good{$file} }, join ' ', @rest;
}
for (
  split /\n/,
  sql(
    q{SELECT file_id, line, byte_offset, encode(raw, 'hex'), raw_length FROM dap.rejects WHERE source = 'fuzz'
        ORDER BY file_id, line, byte_offset}
  ))
{
  my ($file, @rest) = split /\|/, $_, -1;
  push @{ $bad{$file} }, join ' ', @rest;
}
my ($wrong, $failed, $records, $rejects) = (0, 0, 0, 0);
for my $n (0 .. $#contents)
{
  my ($fault, $want_good, $want_bad) = reference($contents[$n], length("a,b\n"), 2);
  my ($file, $status, $read, $loaded, $rejected, $reason) = @{ $result{$n} };
  my $hex = sub { defined $_[0] ? unpack('H*', $_[0]) : '-' };
  my $want = defined $fault ? "failed line $fault" : join "\n", 'loaded',
    (map { my ($line, $a, $b) = @$_; join ' ', $line, $hex->($a), $hex->($b) } @$want_good),
    map { join ' ', $_->[0], $_->[1], unpack('H*', $_->[2]), length $_->[2] } @$want_bad;
  my $have =
    $status eq 'failed'
    ? ($reason =~ /^line (\d+): the quote that opens/ ? "failed line $1" : "failed $reason")
    : join "\n", 'loaded', @{ $good{$file} // [] }, @{ $bad{$file} // [] };
  if (defined $fault) { $failed++; }
  else
  {
    $records += $read;
    $rejects += $rejected;
    $have .= " (sum)" if $read != $loaded + $rejected || $loaded != @$want_good;
  }
  next if $want eq $have;
  $wrong++;
  diag "seed $seed, content " . unpack('H*', $contents[$n]) . "\nwanted $want\ngot $have" if $wrong <= 3;
}
is($wrong, 0,
      scalar(@contents)
    . " random files read as an independent reader does ($failed with an open quote, $records records, $rejects "
    . "rejects)");

#
# Other databases: a character that LATIN1 lacks, and no encoding at all
#
sql($_)
  for 'CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1 LOCALE \'C\'',
  'CREATE DATABASE ascii TEMPLATE template0 ENCODING SQL_ASCII LOCALE \'C\'';
for my $database (qw(latin ascii))
{
  sql(q{CREATE EXTENSION dap_analytics; CREATE SCHEMA staging; SELECT dap.create_source('s', columns => '{a,b}')},
    $database);
}
write_file("$temp/euro.csv", "a,b\n1,\xc3\xa9\n2,\xe2\x82\xac\n3,\xff\n4,plain\n");
my ($code, $out, $err) = $node->psql('latin',
  "SELECT status, rows_read, rows_loaded, rows_rejected FROM dap.ingest_csv('s', '$temp/euro.csv')");
is("$out$err", 'loaded|4|2|2', 'LATIN1: what it lacks is rejected');
is(
  sql(
    q{SELECT string_agg(line || ' ' || reason || ' ' || encode(raw, 'hex'), ', ' ORDER BY line) FROM dap.rejects},
    'latin'),
  '3 untranslatable_character 322ce282ac, 4 invalid_encoding 332cff',
  'with its bytes');
is(sql(q{SELECT encode(convert_to(b, 'UTF8'), 'hex') FROM staging.s WHERE a = '1'}, 'latin'),
  'c3a9', 'the rest is converted');

($code, $out, $err) = $node->psql('ascii',
  "SELECT status, rows_read, rows_loaded, rows_rejected FROM dap.ingest_csv('s', '$temp/euro.csv')");
is($out, 'loaded|4|3|1', 'SQL_ASCII takes bytes, if they are what the source says');
like($err, qr/WARNING:  the database's encoding is SQL_ASCII/, 'with a WARNING');
is(sql(q{SELECT encode(b::bytea, 'hex') FROM staging.s WHERE a = '2'}, 'ascii'), 'e282ac', 'as they come');
($code, $out, $err) = $node->psql(
  'latin',
  q{SELECT dap.create_source('n', columns => '{a}', options => '{"encoding": "SJIS"}');
      SELECT dap.ingest_bytes('n', 'f', 'a')}
);
like($err, qr/there is no conversion from encoding SJIS to LATIN1/, 'no conversion is an error of the definition');

#
# Back to the big file, which is old enough by now
#
usleep(100_000) while time < $written + 3;
SKIP:
{
  skip 'no /proc/PID/io here', 12 if !defined $read_bytes->();
  my ($answer, $bytes) = $reads->(q{SELECT status, rows_loaded FROM dap.ingest_csv('big')});
  is($answer, 'loaded|200000', 'a big file');
  cmp_ok($bytes, '>', 7_000_000, "is read ($bytes bytes)");
  ($answer, $bytes) = $reads->(q{SELECT status, reason FROM dap.ingest_csv('big')});
  is($answer, 'skipped|already loaded', 'and then known');
  cmp_ok($bytes, '<', 500_000, "without being read ($bytes bytes)");
  my $lines = sql(q{SELECT count(*), max(xmin::text) FROM dap_internal.file_identity WHERE path LIKE '%/big.csv'});
  $reads->(q{SELECT status, reason FROM dap.ingest_csv('big')});
  is(sql(q{SELECT count(*), max(xmin::text) FROM dap_internal.file_identity WHERE path LIKE '%/big.csv'}),
    $lines, 'and without writing anything');
  utime time, time, "$temp/big.csv";
  ($answer, $bytes) = $reads->(q{SELECT status, reason FROM dap.ingest_csv('big')});
  is($answer, 'skipped|already loaded', 'touched, it is read again but not loaded');
  cmp_ok($bytes, '>', 7_000_000, "it is read ($bytes bytes)");
  my $touched = time;
  # The same length and times, other bytes: the change time tells
  usleep(100_000) while time < $touched + 2.5;
  $reads->(q{SELECT status, reason FROM dap.ingest_csv('big')});
  my @before = stat "$temp/big.csv";
  open my $file, '+<:raw', "$temp/big.csv" or die;
  seek $file, -2, 2;
  print $file '#';
  close $file;
  utime $before[8], $before[9], "$temp/big.csv";
  my @after = stat "$temp/big.csv";
  is("$after[7] $after[9] $after[1]", "$before[7] $before[9] $before[1]", 'same size, time and inode');
  ($answer, $bytes) =
    $reads->(q{SET client_min_messages = error; SELECT status, rows_loaded FROM dap.ingest_csv('big')});
  is($answer, 'loaded|200000', 'other bytes under cover of the old times are found');
}
# Bytes that fail are known as well, also where they cannot be decompressed
SKIP:
{
  skip 'no /proc/PID/io here', 12 if !defined $read_bytes->();
  for my $case ([ 'worse.csv', 'line 1: the header lacks "name"' ], [ 'cut_big.csv.gz', 'the gzip data are cut' ])
  {
    my ($file, $reason) = @$case;
    my $size = -s "$temp/$file";
    my ($answer, $bytes) = $reads->("SELECT status, reason FROM dap.ingest_csv('worse', '$temp/$file')");
    like($answer, qr/^failed\|$reason/, "$file fails");
    cmp_ok($bytes, '>=', $size, "it is read ($bytes bytes)");
    ($answer, $bytes) = $reads->("SELECT status, reason FROM dap.ingest_csv('worse', '$temp/$file')");
    like($answer, qr/^failed\|$reason/, 'it fails again at once');
    cmp_ok($bytes, '<', 500_000, "without being read ($bytes bytes)");
    $reads->("SELECT dap.dismiss_file('$temp/$file', 'enough')");
    ($answer, $bytes) = $reads->("SELECT status, reason FROM dap.ingest_csv('worse', '$temp/$file')");
    is($answer, 'skipped|dismissed: enough', 'until it is dismissed');
    cmp_ok($bytes, '<', 500_000, "without being read ($bytes bytes)");
  }
}
$session->quit;

#
# Names that need quotes, in bulk and through the executor
#
for my $index ('', q{CREATE INDEX ON staging."My ""Source"".x" ("a b")})
{
  sql(qq{SELECT dap.create_source('My "Source".x', columns => '{"a b","c\\"d",select,"O''Brien"}'); $index});
  my $file = write_file("$temp/quotes_" . length($index) . '.csv',
    qq{a b,"c""d",select,O'Brien,"new ""one"", here"\n1,2,3,4,5\n});
  is(load('My "Source".x', $file), 'loaded|1|1|0|', 'names with quotes');
  is(sql(q{SELECT "a b", "c""d", "select", "O'Brien", "new ""one"", here" FROM staging."My ""Source"".x"}),
    '1|2|3|4|5', 'each value in its column');
  sql(q{SELECT dap.drop_source('My "Source".x')});
}

#
# settle
#
write_file("$temp/fresh.csv", "a,b\n1,2\n");
sql(qq{SELECT dap.create_source('fresh', '$temp/fresh.csv', options => '{"settle": "1 hour"}')});
is(load('fresh'), 'skipped|0|0|0|changed too recently, left for the next run (option settle)', 'a fresh file is left');
is(sql(q{SELECT count(*) FROM dap.files WHERE source = 'fresh'}), 0, 'and not known');
utime time - 3601, time - 3601, "$temp/fresh.csv";
is(load('fresh'), 'loaded|1|1|0|', 'until it has settled');
write_file("$temp/fresh.csv", "a,b\n1,3\n");
is(load('fresh', undef, '{"settle": 0}'), 'loaded|1|1|0|', 'or the call says otherwise');

#
# A foreign table, here in the same server: the rows arrive at the other end
#
SKIP:
{
  skip 'no postgres_fdw', 8 if sql(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'}) == 0;
  my ($host, $port) = ($node->host, $node->port);
  sql(
    qq{
    CREATE TABLE public.remote (_line bigint, _file_id int, a text, b text CHECK (b <> 'never'));
    CREATE EXTENSION postgres_fdw;
    CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'postgres',
      batch_size '100');
    CREATE USER MAPPING FOR CURRENT_USER SERVER loopback;
    CREATE FOREIGN TABLE staging.far (_line bigint, _file_id int, a text,
      b text) SERVER loopback OPTIONS (schema_name 'public', table_name 'remote');}
  );
  my ($code, $out, $err) = $node->psql('postgres', q{SELECT dap.create_source('far', columns => '{a,b}')});
  is($err, '', 'a foreign table becomes a source\'s');
  my $rows = join '', map { "$_,v$_\n" } 1 .. 3000;
  write_file("$temp/far.csv", "a,b\n" . $rows . "bad\n");
  is(load('far', "$temp/far.csv"), 'loaded|3001|3000|1|', 'it is loaded');
  is(sql(q{SELECT count(*), count(DISTINCT _line), min(b), sum(a::int) FROM public.remote}),
    '3000|3000|v1|4501500', 'and the rows are there');
  write_file("$temp/far.csv", "a,b\n1,x\n2,never\n");
  like(
    load('far', "$temp/far.csv"),
    qr/^failed\|2\|0\|0\|lines 2 to 3: .*23514/,
    'what is refused there fails the file');
  is(sql(q{SELECT count(*) FROM public.remote}), 3000, 'without leaving rows');
  sql('ALTER SERVER loopback OPTIONS (SET port \'1\')');
  write_file("$temp/far.csv", "a,b\n5,x\n");
  like(failure(qq{SELECT dap.ingest_csv('far', '$temp/far.csv')}),
    qr/08001/, 'a server that is not there is no fault of the file');
  sql(q{SELECT dap.drop_source('far')});
  is(sql(q{SELECT to_regclass('staging.far') IS NULL}), 't', 'the source goes with its foreign table');
}

#
# read_csv
#
write_file("$temp/read.csv",
      "id,Amount,when,note\n1,10.50,2024-02-29,first\n2,,2024-03-01,\"\"\n3,12.345,2024-03-02,SECRET-4711\n4,1\n"
    . "5,7,not a date SECRET-4711,x\n6,8,2024-03-03,y\n");
my $columns = 'AS t(amount numeric(10,2), id bigint, "when" date, note text)';
is(
  sql("SELECT * FROM dap.read_csv('$temp/read.csv', '{\"limit\": 2}') $columns"),
  "10.50|1|2024-02-29|first\n|2|2024-03-01|",
  'read_csv: by name, typed, limited before what is bad');
my $report = failure("SELECT * FROM dap.read_csv('$temp/read.csv') $columns");
like($report, qr/22P04: bad record in .*read\.csv.*Line 4, column "amount"/s, 'the first bad record raises');
unlike($report, qr/12\.345|SECRET/, 'without its value');
is(sql("SELECT string_agg(id::text, ',') FROM dap.read_csv('$temp/read.csv', '{\"skip_rejects\": true}') $columns"),
  '1,2,6', 'or is left out');
is(sql("SELECT count(*) FROM dap.read_csv('$temp/read.csv', '{\"skip_rejects\": true}') AS t(id text)"),
  5, 'columns that nobody asks for are not converted');
like(failure("SELECT * FROM dap.read_csv('$temp/read.csv', '{\"limit\": 3}') $columns"),
  qr/Line 4/, 'within the limit it is bad');
is(sql("SELECT count(*) FROM dap.read_csv('$temp/read.csv', '{\"limit\": 0}') $columns"), 0, 'none');
like(
  failure("SELECT * FROM dap.read_csv('$temp/read.csv') AS t(missing text)"),
  qr/42703.*has no column "missing"/s,
  'a missing column raises');
is(
  sql(
    "SELECT count(missing)
        FROM dap.read_csv('$temp/read.csv', '{\"skip_rejects\": true, \"optional\": [\"missing\"]}')
        AS t(missing text)"
  ),
  0,
  'unless it is optional');
is(
  sql(
    "SELECT sum(total)
        FROM dap.read_csv('$temp/read.csv', '{\"skip_rejects\": true, \"aliases\": {\"AMOUNT\": \"total\"}}')
        AS t(total numeric)"
  ),
  '37.845',
  'aliases');
is(sql("SELECT string_agg(a, ',') FROM dap.read_csv('$temp/names.csv', '{\"header\": false}') AS t(a text, b text)"),
  'id,1', 'without header, by position')
  if write_file("$temp/names.csv", "id,x\n1,2\n");
write_file("$temp/twice.csv", "a,b,B\n1,2,3\n");
is(sql("SELECT a FROM dap.read_csv('$temp/twice.csv') AS t(a text)"), '1', 'a name twice does not matter');
like(failure("SELECT * FROM dap.read_csv('$temp/twice.csv') AS t(b text)"), qr/42701/, 'where it is not asked for');
is(sql("SELECT count(*), sum(id) FROM dap.read_csv('$inbox/part_*.csv*', '{\"optional\": [\"id\"]}') AS t(id int)"),
  '7|145', 'many files, compressed or not');
write_file("$temp/cut.csv.gz",
  substr(filter([ 'gzip', '-c' ], join '', "id\n", map { rand() . "\n" } 1 .. 1000), 0, 2000));
like(
  failure("SELECT count(*) FROM dap.read_csv('$temp/cut.csv.gz') AS t(id text)"),
  qr/22P04.*The gzip data are cut/s,
  'a cut file raises');
is(sql("SELECT count(*) FROM dap.read_csv('$temp/cut.csv.gz', '{\"limit\": 5}') AS t(id text)"),
  5, 'but for its first records');
like(failure("SELECT * FROM dap.read_csv('$temp/none*.csv') AS t(a text)"), qr/58P01/, 'no file raises');
like(failure("SELECT dap.read_csv('$temp/read.csv')"), qr/ERROR/, 'no columns');
# Into targets that are no ordinary tables: what INSERT can write to
sql(
  q{CREATE TABLE public.by_month (id bigint NOT NULL, amount numeric(10,3), "when" date NOT NULL,
      note text) PARTITION BY RANGE ("when");
  CREATE TABLE public.february PARTITION OF by_month FOR VALUES
    FROM ('2024-02-01') TO ('2024-03-01'); CREATE TABLE public.march PARTITION OF by_month FOR VALUES
    FROM ('2024-03-01') TO ('2024-04-01');
  CREATE VIEW public.notes AS SELECT id, note FROM by_month; CREATE TABLE public.noted (id bigint, note text);
  CREATE FUNCTION public.keep() RETURNS trigger
    LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.noted VALUES (new.id, new.note); RETURN new; END';
  CREATE TRIGGER keep INSTEAD OF INSERT ON public.notes FOR EACH ROW EXECUTE FUNCTION public.keep();});
sql(
  "INSERT INTO by_month SELECT * FROM dap.read_csv('$temp/read.csv', '{\"skip_rejects\": true}') AS t(id bigint,
      amount numeric(10,3), \"when\" date, note text)"
);
is(
  sql('SELECT tableoid::regclass, id, amount, "when", coalesce(note, \'-\') FROM by_month ORDER BY id'),
  "february|1|10.500|2024-02-29|first\nmarch|2||2024-03-01|\nmarch|3|12.345|2024-03-02|SECRET-4711\n"
    . "march|6|8.000|2024-03-03|y",
  'into partitions');
sql("INSERT INTO notes SELECT * FROM dap.read_csv('$temp/read.csv', '{\"limit\": 2}') AS t(id bigint, note text)");
is(sql('SELECT id, note FROM noted ORDER BY id'), "1|first\n2|", 'into a view, by its trigger');
is(
  sql(
    "MERGE INTO noted n USING (SELECT * FROM dap.read_csv('$temp/read.csv', '{\"skip_rejects\": true}')
        AS t(id bigint, note text)) r ON n.id = r.id WHEN NOT MATCHED THEN INSERT VALUES (r.id, r.note);
        SELECT count(*) FROM noted"
  ),
  5,
  'by MERGE');
# What the call itself has wrong
like(
  failure("SELECT * FROM dap.read_csv('$temp/read.csv', '$_') AS t(id text)"),
  qr/ERROR:  22023/,
  "no option of it: $_")
  for '{"max_rejects": 1}', '{"again": true}', '{"limits": 1}', '{"limit": -1}', '{"limit": 1.5}',
  '{"skip_rejects": 1}', '[]';
like(failure('SELECT * FROM dap.read_csv(NULL) AS t(id text)'), qr/ERROR:  22004/, 'no path');
like(
  failure("SELECT * FROM dap.read_csv('$temp/read.csv', '{\"header\": false}') AS t(a text, b text)"),
  qr/22P04: bad record.*Line 1: the record has 4 fields instead of 2/s,
  'by position, the number of columns counts');
# A record that is bad for another reason than its values, in the file's order with those
like(
  failure("SELECT * FROM dap.read_csv('$temp/read.csv', '{\"skip_rejects\": false}') AS t(id bigint)"),
  qr/Line 5: the record has 2 fields instead of 4/,
  'the first bad record of those that are');
like(
  failure("SELECT * FROM dap.read_csv('$temp/read.csv') AS t(id point)"),
  qr/ERROR:  42704/,
  'a type that has no conversion');

#
# Nobody without the right loads, and nobody reads a file by way of another's rights
#
sql(
  qq{
  CREATE ROLE loader LOGIN; CREATE ROLE table_owner LOGIN; CREATE ROLE outsider LOGIN;
  GRANT USAGE ON SCHEMA dap, staging TO loader, outsider, table_owner;
  GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA dap TO loader, outsider;
  ALTER SCHEMA staging OWNER TO table_owner;
  SELECT dap.create_source('owned', columns => '{a,b}');
  ALTER TABLE staging.owned OWNER TO table_owner;
  GRANT INSERT ON staging.owned TO loader;
});
write_file("$temp/owned.csv", "a,b\n1,2\n");
my @as_outsider = (extra_params => [ '-U', 'outsider' ]);
my @as_loader = (extra_params => [ '-U', 'loader' ]);
like(
  failure("SELECT dap.ingest_bytes('owned', 'f', 'a,b')", @as_outsider),
  qr/42501.*permission denied for source "owned".*INSERT on staging\.owned.*GRANT INSERT/s,
  'loading needs INSERT');
($code, $out, $err) =
  $node->psql('postgres', "SELECT status FROM dap.ingest_bytes('owned', 'f', convert_to(E'a,b\\n0,0\\n', 'UTF8'))",
  @as_loader);
is("$out$err", 'loaded', 'and no more');
like(
  failure("SELECT dap.ingest_csv('owned', '$temp/owned.csv')", @as_loader),
  qr/42501.*dap\.ingest_directories/s,
  'files are the caller\'s to read');
sql("GRANT pg_read_server_files TO table_owner");
like(failure("SELECT dap.ingest_csv('owned', '$temp/owned.csv')", @as_loader), qr/42501/, 'not the table owner\'s');
sql("ALTER ROLE loader SET dap.ingest_directories = '$temp'");
($code, $out, $err) = $node->psql('postgres', "SELECT status FROM dap.ingest_csv('owned', 'owned.csv')", @as_loader);
is("$out$err", 'loaded', 'relative to a directory that is allowed');
is(sql(q{SELECT string_agg(DISTINCT loaded_by, ',') FROM dap.files WHERE source = 'owned'}),
  'loader', 'and the ledger names the caller');
like(
  failure("INSERT INTO staging.owned (_line, _file_id, a) VALUES (1, $_, 1)", @as_loader),
  qr/55000.*by hand/,
  "INSERT by hand of file $_ fails") for ('NULL', 1);
sql('SELECT lo_from_bytea(4711, convert_to(E\'a,b\n7,7\n\', \'UTF8\'))');
like(failure("SELECT dap.ingest_largeobject('owned', 'lo', 4711)", @as_loader),
  qr/42501/, 'a large object is the caller\'s too');
sql('GRANT SELECT ON LARGE OBJECT 4711 TO loader');
($code, $out, $err) =
  $node->psql('postgres', "SELECT status, bytes FROM dap.ingest_largeobject('owned', 'lo', 4711)", @as_loader);
is("$out$err", 'loaded|8', 'if it may be read');

$node->stop;
done_testing();
