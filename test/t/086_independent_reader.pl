# Random files, read by ingest_csv, read_csv and a reader in Python, strictly and leniently: the same records at the
# same lines, value for value, and what is not loaded is in dap.rejects with its bytes. The files are made of quotes,
# line ends, faults and bytes that are no text; each round prints its seed.
use strict;
use warnings FATAL => 'all';

use IPC::Run;
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(seeded sql start_server);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $source = $ENV{DAP_SOURCE} // '.';
my ($python) = grep { -x } '/usr/bin/python3', '/usr/local/bin/python3';
plan skip_all => 'no python3' if !$python;

my $node = start_server('reader', '', 'CREATE SCHEMA staging');
my $seed = seeded('DAP_SEED');
my $temp = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);
my $files = $ENV{DAP_SLOW} ? 5000 : 300;

sub one { return $_[ rand @_ ]; }

# A value's bytes as they might stand in a file: good ones, ones that need quotes, and ones that are faults.
my @texts = (
  '', '', 'a', '1', 'abc', ' ', ' x ', '\\.', '\\N', "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", 'NULL', '0',
  'x' x 70, "\xef\xbb\xbf");
my @inside = ("\n", "\r\n", "\r", "\n\n", "\r\r\n", "\\", "\t");
my @faults = (
  "\0", "\xff", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
  "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\x80");
sub field
{
  my ($delimiter, $quote, $faulty) = @_;
  my $kind = rand;
  my $text = join '', map { one(@texts) } 1 .. int(rand 3);
  $text =~ s/[\Q$delimiter$quote\E]//g;
  $text .= one(@faults) if $faulty && rand() < 0.06;
  $text .= one(@texts) =~ s/[\Q$delimiter$quote\E]//gr if rand() < 0.2;
  return $text if $kind < 0.5;
  # Quoted, with everything in it
  $text = join '', map { one($text, $delimiter, "$quote$quote", one(@inside), '') } 1 .. int(rand 6);
  my $quoted = "$quote$text$quote";
  return $quoted if !$faulty || rand() < 0.85;
  # A quote that is not written twice, text after the closing quote, a quote in the middle
  return one(
    qq{$quoted tail}, qq{$quoted${quote}x$quote},
    qq{x$quote}, qq{x${quote}y$quote},
    " $quoted", "$quoted ",
    qq{$quote$quoted$quote}, qq{$quote$quoted},
    qq{${quote}x}, qq{${quote}a ${quote}b$quote$quote},
    $quote);
}

sub make
{
  my ($ends) = @_;
  my ($delimiter, $quote) = (one(',', ',', ';', "\t", '|'), one('"', '"', "'"));
  my $columns = one(1, 2, 2, 3, 5);
  my $faulty = rand() < 0.7;
  my $end = $ends eq 'cr' ? "\r" : one("\n", "\r\n");
  my @header = map { rand() < 0.2 ? "${quote}c$_$quote" : "c$_" } 1 .. $columns;
  my $content = (rand() < 0.3 ? "\xef\xbb\xbf" : '') . (rand() < 0.1 ? $end : '') . join($delimiter, @header) . $end;
  for (1 .. int rand 40)
  {
    my $fields = $faulty && rand() < 0.1 ? int rand($columns + 3) : $columns;
    my $line_end = rand() < 0.2 ? ($ends eq 'cr' ? one("\r", "\n", "\r\n") : one("\n", "\r\n")) : $end;
    $content .= join($delimiter, map { field($delimiter, $quote, $faulty) } 1 .. $fields) . $line_end;
  }
  # cut anywhere: within a character, a quote, a line end
  $content = substr $content, 0, length($content) - int rand 8 if rand() < 0.3;
  # A CR at the very end is half a CRLF that was cut: what that is, the two do not agree on, and need not
  $content =~ s/\r+\z// if $ends eq 'lf';
  return { content => $content, delimiter => $delimiter, quote => $quote, columns => $columns, ends => $ends };
}

#
# The files, and what the reader in Python finds in them
#
my @made = map { make(rand() < 0.8 ? 'lf' : 'cr') } 1 .. $files;
# A file that has no more than a header, or not even that, has no line end to tell by; and a CR before an empty record
# that ends with LF is a CRLF
@made = grep { my $last = "c$_->{columns}"; $_->{content} =~ /\Q$last\E(?:"|')?[\r\n]/ } @made;    # whole headers only
@made = grep { my $last = "c$_->{columns}"; $_->{ends} eq 'lf' || $_->{content} !~ /\Q$last\E(?:"|')?\r\n/ } @made;
@made =
  grep { ($_->{content} =~ s/^\xef\xbb\xbf//r) =~ /^[\r\n]*c1|^[\r\n]*["']c1/ && $_->{content} =~ /[\r\n][^\r\n]/ }
  @made;
my $manifest = '';
for my $n (0 .. $#made)
{
  my $made = $made[$n];
  $made->{path} = "$temp/f$n.csv";
  open my $file, '>:raw', $made->{path} or die;
  print $file $made->{content};
  close $file;
  $manifest .= sprintf "%s %02x %02x %d %s\n", $made->{path}, ord $made->{delimiter}, ord $made->{quote},
    $made->{columns}, $made->{ends};
}
open my $list, '>', "$temp/manifest" or die;
print $list $manifest;
close $list;
my ($found, $errors) = ('', '');
IPC::Run::run([ $python, "$source/test/oracle/csv_reader.py", "$temp/manifest" ], '>', \$found, '2>', \$errors)
  or die "python: $errors";
my (%python, $at);
for (split /\n/, $found)
{
  if (/^file (\S+) (\w+) (\w+)$/)
  {
    $at = $python{$1} = { strict => { status => $2, records => [] }, lenient => { status => $3, records => [] } };
  }
  elsif (/^(\w+) (\d+) (\w+) ([0-9a-f,]*)$/) { push @{ $at->{$1}{records} }, [ $2, $3, $4 ]; }
  else { die "python said $_"; }
}
is(scalar keys %python, scalar @made, 'Python read every file');

#
# The same files, loaded
#
sub json { my ($text) = @_; $text =~ s/([\\"])/\\$1/g; $text =~ s/\t/\\t/g; $text =~ s/'/''/g; return qq{"$text"}; }
sub dialect
{
  my ($made, $lenient) = @_;
  return sprintf '"delimiter": %s, "quote": %s, "lenient": %s', json($made->{delimiter}), json($made->{quote}),
    $lenient ? 'true' : 'false';
}
# A source each: a failed file's rejects would take the place of those of the attempt before
my @sources = ('strict', 'lenient');
for my $columns (1, 2, 3, 5)
{
  my $names = join ',', map { "'c$_'" } 1 .. $columns;
  sql("SELECT dap.create_source('$_$columns', columns => ARRAY[$names], options => '{\"max_reject_percent\": 100}')")
    for @sources;
}
my $sql = '';
for my $lenient (0, 1)
{
  $sql .= "SELECT '$_', $lenient, f.file_id, f.status, f.rows_read, f.rows_loaded, f.rows_rejected, f.reason
        FROM dap.ingest_csv('$sources[$lenient]$made[$_]{columns}', '$made[$_]{path}', '{\"again\": true, "
    . dialect($made[$_], $lenient) . "}') AS f;\n" for 0 .. $#made;
}
my (@result, %of_file);
for (split /\n/, sql("SET client_min_messages = error;\n$sql"))
{
  my ($n, $lenient, $file_id, @rest) = split /\|/, $_, 8;
  $result[$n][$lenient] = {
    status => $rest[0],
    read => $rest[1],
    loaded => $rest[2],
    rejected => $rest[3],
    reason => $rest[4],
    records => {},
    rejects => [] };
  $of_file{$file_id} = $result[$n][$lenient];
}
for my $columns (1, 2, 3, 5)
{
  my $fields = join " || ',' || ", map { "coalesce(encode(convert_to(c$_, 'UTF8'), 'hex'), '')" } 1 .. $columns;
  for (split /\n/, join "\n",
    map { sql("SELECT _file_id, _line, $fields FROM staging.$_$columns ORDER BY _file_id, _line") } @sources)
  {
    my ($file, $line, $values) = split /\|/, $_, -1;
    die 'two records of one line' if exists $of_file{$file}{records}{$line};
    $of_file{$file}{records}{$line} = $values;
  }
}
for (
  split /\n/,
  sql(
    q{SELECT file_id, line, byte_offset, reason, encode(raw, 'hex'), raw_length FROM dap.rejects
        WHERE stage = 'ingest' ORDER BY file_id, line, reject_id}
  ))
{
  my ($file, $line, $offset, $reason, $raw, $length) = split /\|/;
  push @{ $of_file{$file}{rejects} },
    { line => $line, offset => $offset, reason => $reason, raw => pack('H*', $raw), length => $length }
    if $of_file{$file};
}

my %count = map { $_ => 0 } qw(files open records rejects quote_rejects lenient_records none);
my %reason_of = (
  count => qr/^field_count$/,
  nul => qr/^nul_byte$/,
  encoding => qr/^invalid_encoding$/,
  cr => qr/^bare_cr$/,
  quote => qr/./);
my @wrong;
sub check
{
  my ($n, $what, $good) = @_;
  push @wrong, "file $n ($what)" if !$good;
  return;
}
sub check_dialect
{
  my ($n, $dialect, $python, $result) = @_;
  my $made = $made[$n];
  if ($python->{status} eq 'open')
  {
    $count{open}++;
    check(
      $n,
      "$dialect: an open quote",
      $result->{status} eq 'failed' && $result->{reason} =~ /the quote that opens in line \d+ is never closed/);
    return;
  }
  my @records = @{ $python->{records} };
  my @good = grep { $_->[1] eq 'ok' } @records;
  my @bad = grep { $_->[1] ne 'ok' } @records;
  # Nothing is lost
  my $rejected = $result->{status} eq 'failed' ? @{ $result->{rejects} } : $result->{rejected};
  my $loaded = keys %{ $result->{records} };
  check(
    $n,
    "$dialect: records are read or rejected",
    $result->{read} == @records && $loaded + $rejected == @records && @{ $result->{rejects} } == $rejected);
  check(
    $n,
    "$dialect: what fails is what has no good record",
    ($result->{status} eq 'failed') == (@records > 0 && $loaded == 0)) if $result->{status} ne 'loaded' || $loaded == 0;
  # Each reject is these bytes of the file, from the start of a line
  for my $reject (@{ $result->{rejects} })
  {
    check(
      $n,
      "$dialect: the bytes of a reject",
      $reject->{raw} eq substr($made->{content}, $reject->{offset}, $reject->{length})
        && $reject->{length} == length $reject->{raw});
    check(
      $n,
      "$dialect: a reject begins a line",
      $reject->{offset} == 0 || substr($made->{content}, $reject->{offset} - 1, 1) =~ /[\r\n]/);
  }
  # The very same records, and rejects in the same lines; for the same reason, where that is not which of several quotes
  # is out of place
  check(
    $n,
    "$dialect: records",
    join(' ', map { "$_:$result->{records}{$_}" } sort { $a <=> $b } keys %{ $result->{records} }) eq
      join(' ', map { "$_->[0]:$_->[2]" } @good));
  check(
    $n,
    "$dialect: rejects",
    join(' ', map { $_->{line} } @{ $result->{rejects} }) eq join(' ', map { $_->[0] } @bad));
  for my $i (0 .. ($#bad < $#{ $result->{rejects} } ? $#bad : $#{ $result->{rejects} }))
  {
    next if $bad[$i][1] eq 'cr' && $result->{rejects}[$i]{reason} =~ /nul_byte|invalid_encoding/;    # which comes first
    check($n, "$dialect: reasons", $result->{rejects}[$i]{reason} =~ $reason_of{ $bad[$i][1] });
    $count{quote_rejects} += $bad[$i][1] eq 'quote';
  }
  $count{records} += @good;
  $count{rejects} += @bad;
  $count{none}++ if !@records;
  return;
}
for my $n (0 .. $#made)
{
  my $python = $python{ $made[$n]{path} };
  $count{files}++;
  check_dialect($n, $sources[$_], $python->{ $sources[$_] }, $result[$n][$_]) for 0, 1;
  # What is good strictly is the same record for both, but where quotes out of place let an earlier one end elsewhere
  my ($strict, $lenient) = map { $result[$n][$_]{records} } 0, 1;
  $count{lenient_records} += grep { !exists $strict->{$_} } keys %$lenient;
}
is(
  scalar @wrong,
  0,
  "$count{files} files: $count{records} records as Python reads them, $count{lenient_records} more if lenient, "
    . "$count{rejects} rejects, $count{quote_rejects} for their quotes, $count{open} open quotes")
  or diag "seed $seed\n" . join(
  "\n",
  map {
    my ($n) = /file (\d+)/;
    "$_: " . unpack('H*', $made[$n]{content}) . ' ' . join(' ', map { $made[$n]{$_} } qw(delimiter quote columns ends))
  } @wrong[ 0 .. ($#wrong > 4 ? 4 : $#wrong) ]);
cmp_ok($count{$_}, '>', $files / 20, "of enough $_: $count{$_}")
  for qw(records lenient_records rejects quote_rejects open);

#
# read_csv gives what ingest_csv loads
#
my $same = 0;
for my $n (grep { $result[$_][1]{status} eq 'loaded' } 0 .. ($#made > 150 ? 150 : $#made))
{
  my $made = $made[$n];
  my $columns = join ', ', map { "c$_ text" } 1 .. $made->{columns};
  my $fields = join " || ',' || ", map { "coalesce(encode(convert_to(c$_, 'UTF8'), 'hex'), '')" } 1 .. $made->{columns};
  my $read =
    sql("SELECT $fields FROM dap.read_csv('$made->{path}', '{\"skip_rejects\": true, "
      . dialect($made, 1)
      . "}') AS t($columns)");
  my $records = $result[$n][1]{records};
  $same++ if $read eq join "\n", map { $records->{$_} } sort { $a <=> $b } keys %$records;
}
my $loaded = grep { $result[$_][1]{status} eq 'loaded' } 0 .. ($#made > 150 ? 150 : $#made);
is($same, $loaded, "read_csv gives the records of $loaded files in their order");

$node->stop;
done_testing();
