# Files that cannot be read, and files that grow, shrink or are replaced while they are read, at a place that is the
# same every time: a small library, loaded into the server before libc, does it.
use strict;
use warnings FATAL => 'all';

use File::Path qw(make_path);
use IPC::Run;
use POSIX qw(mkfifo);
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(write_file);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $source = $ENV{DAP_SOURCE} // '.';
my $temp = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);
my $library = "$temp/read_faults.so";
my $built = eval {
  IPC::Run::run([ 'g++', '-shared', '-fPIC', '-O1', '-o', $library, "$source/test/faults/read_faults.cpp", '-ldl' ]);
};
plan skip_all => 'no compiler' if !$built;

my $node = PostgreSQL::Test::Cluster->new('read_faults');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\n");
{
  # The server's only: psql and pg_ctl read no such files.
  local $ENV{LD_PRELOAD} = $library;
  $node->start;
}
$node->safe_psql('postgres', 'CREATE EXTENSION dap_analytics; CREATE SCHEMA staging;');
$node->safe_psql('postgres',
  q{SELECT dap.create_source('s', columns => '{id,name}', options => '{"max_reject_percent": 100}')});

sub query { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }
# A statement that fails: its report, and how long it took.
sub failure
{
  my ($sql) = @_;
  my $began = time;
  my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT never\n$sql");
  isnt($code, 0, "fails: $sql");
  cmp_ok(time - $began, '<', 10, 'and does not hang');
  return $err;
}
sub load
{
  my ($path, $options) = @_;
  return sprintf q{SELECT status, rows_read, rows_loaded, rows_rejected, reason FROM dap.ingest_csv('s', '%s', '%s')},
    $path, $options // '{}';
}
sub columns_of
{
  my ($path, $options) = @_;
  return
    sprintf
    q{SELECT count(*), count(DISTINCT id), min(name), max(name) FROM dap.read_csv('%s', '%s') AS t(id text, name text)},
    $path, $options // '{}';
}
sub sniff { my ($path) = @_; return "SELECT records, rejects, bytes, notes FROM dap.sniff_csv('$path')"; }
sub content
{
  my ($rows, $name) = @_;
  return "id,name\n" . join '', map { sprintf "%07d,%s\n", $_, $name } 1 .. $rows;
}
sub is_clean
{
  my ($name) = @_;
  is(query(q{SELECT (SELECT count(*) FROM staging.s), (SELECT count(*) FROM dap.files WHERE path LIKE '%.at-%')}),
    '0|0', "$name: nothing is loaded or known");
  return;
}

#
# EIO: at the first byte, within a record, within what is compressed, while known bytes are hashed
#
my $rows = 100_000;
my $content = content($rows, 'old');
my $packed = '';
IPC::Run::run([ 'gzip', '-1', '-c' ], '<', \$content, '>', \$packed) or die;
for my $at (0, 3, 300_000, length($content) - 1)
{
  my $path = write_file("$temp/a.at-$at.eio.csv", $content);
  for my $sql (
    load($path), columns_of($path, '{"skip_rejects": true}'),
    sniff($path), "SELECT dap.create_source('new', '$path')")
  {
    next if $at > 1_000_000 && $sql =~ /create_source/;    # it reads no further than the header
    next if $at == 300_000 && $sql =~ /create_source/;
    my $report = failure($sql);
    like(
      $report,
      qr/ERROR:  58030: could not read file "\Q$path\E": Input\/output error\s+DETAIL:  Bytes up to \d+ of @{[ length $content ]} were read\./s,
      "EIO at $at");
    my ($read) = $report =~ /Bytes up to (\d+)/;
    is($read, $at, 'says where');
  }
  is_clean("EIO at $at");
}
my $at = int(length($packed) / 2);
my $path = write_file("$temp/packed.at-$at.eio.csv", $packed);
like(failure($_), qr/58030: could not read file "\Q$path\E": Input\/output error/, 'EIO within gzip')
  for load($path), columns_of($path), sniff($path);
is_clean('EIO within gzip');
# the first records of a file that cannot be read further
is(query(columns_of("$temp/a.at-300000.eio.csv", '{"limit": 5}')),
  '5|5|old|old', 'with a limit, what lies before is read');
# A run says so, and goes on where the disk does again
query(
  qq{SELECT dap.create_source('nightly', '$temp/a.at-300000.eio.csv',
      '{id,name}'); CREATE SCHEMA intermediate; CREATE SCHEMA analytics}
);
like(failure('SELECT dap.refresh_all()'), qr/58030: could not read file/, 'a run ends with it');
like(
  query('SELECT status, sqlstate, message FROM dap.runs ORDER BY run_id DESC LIMIT 1'),
  qr/^failed\|58030\|could not read file "[^"]*a\.at-300000\.eio\.csv": Input\/output error/,
  'and keeps it');
rename "$temp/a.at-300000.eio.csv", "$temp/mended.csv" or die;
query(qq{SELECT dap.create_source('nightly', '$temp/mended.csv', '{id,name}', or_replace => true)});
is(query(q{SELECT action, rows_inserted FROM dap.refresh_all() WHERE object = 'staging.nightly'}),
  "loaded|$rows", 'the next run loads it');
# A file that every user may open and none can read: reading one's own memory at 0 is an I/O error
SKIP:
{
  skip 'no /proc/self/mem', 3 if !-e '/proc/self/mem';
  like(failure(load('/proc/self/mem')), qr/ERROR:  (58030|42501)/, 'a file without size that cannot be read');
}

#
# Short reads and interruptions: the same bytes
#
my $short = write_file("$temp/short.at-0.short.csv", content(20_000, 'short'));
is(query(load($short)), 'loaded|20000|20000|0|', 'a few bytes at a time');
is(query(columns_of($short)), '20000|20000|short|short', 'for read_csv too');
is(
  query(
        qq{SELECT f.content_hash = g.content_hash FROM dap.files f, dap.ingest_bytes('s', 'same', convert_to('}
      . content(20_000, 'short')
      . qq{', 'UTF8')) i, dap.files g
  WHERE f.path = '$short' AND g.file_id = f.file_id AND i.status = 'skipped'}),
  't',
  'they are the same content');
query(
  q{DELETE FROM dap_internal.file_ledger WHERE source = 's'; DELETE FROM dap_internal.file_identity;
      SET session_replication_role = replica; DELETE FROM staging.s}
);

#
# Files that change under the reader's hands
#
my $middle = 700_000;
my %hooks = (
  'grows' => [ 'printf "9999999,late\n" >> "$1"', 'changed' ],
  'grows by a part of a record' => [ 'printf "9999999,\"la" >> "$1"', 'changed' ],
  'shrinks to before what was read' => [ 'truncate -s 1000 "$1"', 'changed' ],
  'shrinks to nothing' => [ ': > "$1"', 'changed' ],
  'shrinks by a byte' => [ 'truncate -s -1 "$1"', 'changed' ],
  'is written anew, with other bytes and the same length and time' => [
    'touch -r "$1" "$1.time"; sed s/old/new/ "$1" > "$1.new"; cat "$1.new" > "$1"; touch -r "$1.time" "$1"', 'changed'
  ],
  'is written anew, with the same bytes' => [ 'cp "$1" "$1.new"; cat "$1.new" > "$1"', 'changed' ],
  'is touched' => [ 'touch "$1"', 'changed' ],
  'is replaced by a rename' => [ 'sed s/old/new/ "$1" > "$1.new"; mv "$1.new" "$1"', 'whole' ],
  'is replaced by a shorter one' => [ 'printf "id,name\n1,x\n" > "$1.new"; mv "$1.new" "$1"', 'whole' ],
  'is replaced by a directory' => [ 'rm "$1"; mkdir "$1"', 'whole' ],
  'is removed' => [ 'rm "$1"', 'whole' ],
  'gets another mode' => [ 'chmod 600 "$1"', 'whole' ]);
my $number = 0;
for my $name (sort keys %hooks)
{
  my ($script, $outcome) = @{ $hooks{$name} };
  $number++;
  $path = "$temp/h$number.at-$middle.hook.csv";
  my $bring = sub { system('rm', '-rf', $path); write_file($path, $content); write_file("$path.sh", $script); };
  $bring->();
  my $result = query("SET client_min_messages = error; " . load($path, '{"again": true}'));
  ok(-e "$path.sh.done", "$name: it did, while it was read");
  if ($outcome eq 'whole')
  {
    is($result, "loaded|$rows|$rows|0|", "$name: what was opened is read to its end");
    is(query(q{SELECT count(*), count(DISTINCT id), min(name), max(name) FROM staging.s}),
      "$rows|$rows|old|old", "$name: nothing is mixed");
    $bring->();
    is(query(columns_of($path)), "$rows|$rows|old|old", "$name: read_csv");
  }
  else
  {
    like($result, qr/^failed\|\d+\|0\|\d+\|the file changed while it was read/, "$name: it fails");
    is(query('SELECT count(*) FROM staging.s'), 0, "$name: nothing is loaded");
    is(query(qq{SELECT count(*), count(content_hash), bool_and(rows_loaded = 0) FROM dap.files WHERE path = '$path'}),
      '1|0|t', "$name: no bytes are held to be bad");
    $bring->();
    like(failure(columns_of($path)), qr/22P04.*The file changed while it was read/s, "$name: read_csv");
  }
  # As it is afterwards, the next load sees: new bytes are loaded, the bytes that failed are not remembered as bad
  if (-f $path)
  {
    my $now = query("SET client_min_messages = error; " . load($path));
    my ($lines) =
      query("SELECT count(*) FROM dap.read_csv('$path', '{\"skip_rejects\": true}') AS t(id text, name text)") =~
      /(\d+)/
      if $name !~ /part of a record/;
    if ($name =~ /part of a record/)
    {
      like($now, qr/^failed\|$rows\|0\|0\|line @{[ $rows + 2 ]}: the quote that opens/, "$name: then it is what it is");
    }
    elsif ($name eq 'shrinks to nothing')
    {
      is($now, 'loaded|0|0|0|the file is empty', "$name: then it is what it is");
    }
    elsif ($name eq 'gets another mode') { is($now, "skipped|0|0|0|already loaded", "$name: then it is known"); }
    else { like($now, qr/^loaded\|\d+\|$lines\|\d+\|$/, "$name: then it is loaded as it is ($now)"); }
  }
  query(
    q{DELETE FROM dap_internal.file_ledger WHERE source = 's'; DELETE FROM dap_internal.reject_ledger
        WHERE source_id = (SELECT source_id FROM dap_internal.source_definition WHERE source = 's');
    DELETE FROM dap_internal.file_identity; SET session_replication_role = replica; DELETE FROM staging.s});
}

#
# Whoever dismisses a file that changes meanwhile is told so: neither what was read nor its compressed bytes are what is
# to be skipped
#
$number++;
$path = "$temp/h$number.at-1.hook.csv";
write_file($path, $packed);
write_file("$path.sh", 'touch "$1"');
query(qq{SELECT dap.create_source('packed', '$path', '{id,name}')});
like(
  failure("SELECT dap.dismiss_file('$path', 'why')"),
  qr/ERROR:  55006: "\Q$path\E" cannot be dismissed: it changed while it was read.*HINT:  Dismiss it when/s,
  'a file that changes is not dismissed');
is(query(q{SELECT count(*) FROM dap.files WHERE source = 'packed'}), 0, 'nor are any other bytes');
is(query("SELECT count(*) FROM dap.dismiss_file('$path', 'why')"), 1, 'at rest it is dismissed');
is(query(q{SELECT status, reason FROM dap.ingest_csv('packed')}), 'skipped|dismissed: why', 'and skipped');

#
# What is no regular file, by every function that reads one
#
mkfifo("$temp/fifo.csv", oct 600) or die $!;
make_path("$temp/folder.csv");
IPC::Run::run(
  [ 'perl', '-MIO::Socket::UNIX', '-e',
    'IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => shift, Listen => 1) or die',
    "$temp/socket.csv" ]) or die;
for my $case (
  [ "$temp/fifo.csv", 'FIFO' ],
  [ "$temp/socket.csv", 'socket' ],
  [ '/dev/zero', 'character device' ],
  [ '/dev/null', 'character device' ])
{
  my ($path, $kind) = @$case;
  like(failure($_), qr/ERROR:  42809: "\Q$path\E" is not a regular file\s+DETAIL:  It is a $kind/s, $kind)
    for load($path), columns_of($path), sniff($path), "SELECT dap.create_source('new', '$path')";
}
is(query("SELECT count(*) FROM dap.ingest_csv('s', '$temp/folder.csv')"), 0,
  'a directory that is empty holds no files');
like(failure($_), qr/ERROR:  58P01/, 'nor does it for who wants one')
  for columns_of("$temp/folder.csv"), sniff("$temp/folder.csv");

$node->stop;
done_testing();
