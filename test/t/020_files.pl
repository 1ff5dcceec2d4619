# Which files the server reads for whom, what a path means, and what is said about those it does not read.
use strict;
use warnings FATAL => 'all';

use Fcntl qw(:mode);
use File::Path qw(make_path);
use IPC::Run;
use POSIX qw(mkfifo);
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(write_file);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = PostgreSQL::Test::Cluster->new('files');
$node->init;
$node->start;

my $temp = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);
my $inbox = "$temp/inbox";
my $elsewhere = "$temp/elsewhere";
make_path($inbox, $elsewhere, "$temp/inbox2", "$inbox/sub", "$inbox/folder.csv");

sub filter
{
  my ($command, $input) = @_;
  my $output = '';
  IPC::Run::run($command, '<', \$input, '>', \$output) or die "@$command failed";
  return $output;
}

$node->safe_psql('postgres', 'CREATE DATABASE "the db"');
$node->safe_psql(
  'the db', q{
  CREATE EXTENSION dap_analytics;
  CREATE ROLE loader LOGIN;
  CREATE ROLE reader LOGIN IN ROLE pg_read_server_files;
  GRANT USAGE ON SCHEMA dap, dap_internal TO loader, reader;
  GRANT EXECUTE ON FUNCTION dap_internal.find_files(text), dap_internal.read_bytes(text, text),
   dap_internal.read_bytes(oid, text) TO loader, reader;
});

# The result of a statement as a user; with $code, that it fails so and says what $like matches.
sub rows
{
  my ($user, $sql) = @_;
  my ($code, $out, $err) = $node->psql('the db', $sql, extra_params => [ '-U', $user ]);
  return $code == 0 ? $out : "error: $err";
}

sub fails
{
  my ($user, $sql, $code, $like, $name) = @_;
  my $begin = time;
  my (undef, undef, $err) =
    $node->psql('the db', "\\set VERBOSITY verbose\n$sql", extra_params => [ '-U', $user ]);
  my $elapsed = time - $begin;
  like($err, qr/ERROR:  $code: .*$like/s, $name);
  cmp_ok($elapsed, '<', 5, "$name: at once");
  return $err;
}

sub read_sql { my ($path) = @_; return "SELECT length, reason FROM dap_internal.read_bytes('$path')"; }
sub find_sql { my ($path) = @_; return "SELECT replace(path, '$inbox/', '') FROM dap_internal.find_files('$path')"; }

write_file("$inbox/a.csv", "a,b\n1,2\n");
write_file("$elsewhere/secret.csv", "secret\n");
write_file("$temp/inbox2/b.csv", "b\n");

# Nobody but members reads anything until a superuser says so.
my $refusal = fails('loader', read_sql("$inbox/a.csv"), '42501', 'permission denied', 'nothing is allowed at first');
like(
  $refusal,
  qr/HINT:  .*ALTER DATABASE "the db" SET dap\.ingest_directories = '\Q$inbox\E';/,
  'the hint is the whole statement');
is(rows('reader', read_sql("$inbox/a.csv")), '8|', 'a member of pg_read_server_files reads any path');

# The hint's statement, taken literally, by a superuser in a session that has not loaded the module.
my ($statement) = $refusal =~ /(ALTER DATABASE.*?;)/;
$node->safe_psql('the db', $statement);
is(rows('loader', read_sql("$inbox/a.csv")),
  '8|', "a superuser's setting of the database holds in a new session of anybody");
is(rows('loader', "SHOW dap.ingest_directories"), $inbox, 'also before the module is loaded');

# Somebody's own setting does not.
my ($code, $out, $err) = $node->psql(
  'the db',
  "SET dap.ingest_directories = '/'; " . read_sql("$elsewhere/secret.csv"),
  extra_params => [ '-U', 'loader' ]);
like($err, qr/permission denied/, 'what a user sets before the module is loaded is not honoured');
{
  local $ENV{PGOPTIONS} = '-c dap.ingest_directories=/';
  ($code, $out, $err) = $node->psql('the db', read_sql("$elsewhere/secret.csv"), extra_params => [ '-U', 'loader' ]);
  like($err, qr/permission denied for path/, 'nor what a client asks for when it connects');
}
fails(
  'loader', "SELECT 1 FROM dap_internal.read_bytes('$inbox/a.csv'); SET dap.ingest_directories = '/'",
  '42501',
  'permission denied to set parameter',
  'nor what a user sets later');

# Ways out of the inbox
symlink "$elsewhere/secret.csv", "$inbox/out.csv";
symlink $elsewhere, "$inbox/sub/out";
symlink "$elsewhere/absent.csv", "$inbox/sub/dangling_out.csv";
symlink 'a.csv', "$inbox/sub/../in.csv";
symlink "$temp/inbox2", "$inbox/sub/two";
for my $path (
  "$inbox/out.csv", "$inbox/sub/out/secret.csv",
  "$inbox/sub/out/absent.csv", "$inbox/sub/dangling_out.csv",
  "$inbox/../elsewhere/secret.csv", "$inbox/../elsewhere/absent.csv",
  "$inbox/sub/../../elsewhere/secret.csv", "$temp/inbox2/b.csv",
  "$inbox/sub/two/b.csv", "$elsewhere/secret.csv",
  "$elsewhere/absent.csv", "$elsewhere/../inbox/a.csv",
  "$temp/absent/../inbox/a.csv", '/dev/zero',
  '/proc/self/environ', "$inbox/sub/two/../../../elsewhere/secret.csv")
{
  (my $shown = $path) =~ s/\Q$temp\E//;
  fails('loader', read_sql($path), '42501', 'permission denied for path', "no way out: $shown");
}
fails('loader', find_sql($_->[0]), '42501', 'permission denied for path', "no way to list: $_->[1]")
  for [ $elsewhere, 'elsewhere' ], [ "$temp/*", 'the inbox\'s parent' ], [ "$inbox/sub/out", 'a link out' ],
  [ "$inbox/*/*", 'a link out by wildcard' ],
  [ '/', 'the root' ];
is(rows('loader', read_sql("$inbox/in.csv")), '8|', 'a link that stays is followed');
is(rows('loader', read_sql("$inbox/sub/../a.csv")), '8|', 'so is .. that stays');
is(rows('loader', read_sql("$inbox//./a.csv")), '8|', 'slashes and dots mean nothing');
$node->safe_psql('the db', "ALTER DATABASE \"the db\" SET dap.ingest_directories = '$inbox, $temp/inbox2'");
is(rows('loader', read_sql("$inbox/sub/two/b.csv")), '2|', 'a link into another allowed directory is followed');

# An entry that is itself a link, by both its names
symlink $elsewhere, "$temp/alias";
$node->safe_psql('the db', "ALTER DATABASE \"the db\" SET dap.ingest_directories = '$temp/alias'");
is(rows('loader', read_sql("$temp/alias/secret.csv")), '7|', 'an entry may be a symbolic link');
is(rows('loader', read_sql("$elsewhere/secret.csv")), '7|', 'and its target is the same directory');
fails(
  'loader', read_sql("$inbox/a.csv"),
  '42501',
  "SET dap.ingest_directories = '\Q$temp/alias, $inbox\E'",
  'the hint keeps what is allowed already');
$node->safe_psql('the db', "ALTER DATABASE \"the db\" SET dap.ingest_directories = '$inbox'");
unlink "$inbox/out.csv", "$inbox/sub/out", "$inbox/sub/dangling_out.csv", "$inbox/sub/two", "$inbox/in.csv";

# What is no regular file
mkfifo("$inbox/fifo", oct 600) or die $!;
for my $user ('loader', 'reader')
{
  fails($user, read_sql("$inbox/fifo"), '42809', 'FIFO', "$user: a FIFO");
  fails($user, read_sql("$inbox/sub"), '42809', 'directory', "$user: a directory");
  fails($user, read_sql("$inbox/a.csv/b.csv"), '42809', 'not a directory', "$user: a file as directory");
  fails($user, read_sql("$inbox/absent.csv"), '58P01', 'does not exist', "$user: an absent file");
  fails(
    $user, read_sql("$inbox/absent/a.csv"),
    '58P01',
    'There is no "[^"]*/inbox/absent"',
    "$user: an absent directory is named");
}
fails('reader', read_sql('/dev/zero'), '42809', 'character device', 'a device');
symlink 'loop', "$inbox/loop";
fails('loader', read_sql("$inbox/loop"), '42809', 'Too many symbolic links', 'a loop of links');
unlink "$inbox/loop", "$inbox/fifo";

# What the operating system refuses: which part of the path, whose it is, who was refused
my $user = getpwuid($>);
chmod oct(200), "$inbox/a.csv";
fails(
  'loader', read_sql("$inbox/a.csv"),
  '42501',
  "user \"$user\" may not read \"\Q$inbox\E/a.csv\" \\(owner \"$user\", group \"[^\"]+\", mode 0200\\)",
  'an unreadable file');
chmod oct(640), "$inbox/a.csv";
write_file("$inbox/sub/c.csv", "c\n");
chmod oct(600), "$inbox/sub";
fails(
  'loader', read_sql("$inbox/sub/c.csv"),
  '42501',
  "user \"$user\" may not search \"\Q$inbox\E/sub\" .*mode 0600",
  'an unsearchable directory');
fails('loader', find_sql("$inbox/sub"), '42501', "may not search \"\Q$inbox\E/sub\"", 'listing it');
chmod oct(300), "$inbox/sub";
is(rows('loader', read_sql("$inbox/sub/c.csv")), '2|', 'a directory that can be searched but not listed');
fails(
  'loader', find_sql("$inbox/sub"), '42501',
  "may not read \"\Q$inbox\E/sub\" .*mode 0300",
  'an unreadable directory is not an empty one');
fails('loader', find_sql("$inbox/sub/*.csv"), '42501', "may not read \"\Q$inbox\E/sub\"", 'nor by pattern');
fails('loader', find_sql("$inbox/*/*.csv"), '42501', "may not read \"\Q$inbox\E/sub\"",
  'nor by pattern of directories');
chmod oct(755), "$inbox/sub";

# The server's own files
my $data = $node->data_dir;
$node->safe_psql('the db', "ALTER DATABASE \"the db\" SET dap.ingest_directories = '/'");
symlink "$data/PG_VERSION", "$inbox/version.csv";
make_path("$temp/space");
$node->safe_psql('postgres', "CREATE TABLESPACE space LOCATION '$temp/space'");
my ($version) = glob "$temp/space/PG_*";
write_file("$version/x.csv", "x\n");
write_file("$temp/space/beside.csv", "y\n");

for my $role ('loader', 'reader')
{
  fails($role, read_sql("$data/PG_VERSION"), '42501', 'server itself', "$role: the data directory");
  fails($role, read_sql("$data/no-such-file"), '42501', 'server itself', "$role: what is not in it");
  fails($role, find_sql("$data/*"), '42501', 'server itself', "$role: its list");
  fails($role, read_sql("$inbox/version.csv"), '42501', 'server itself', "$role: a link into it");
  fails($role, read_sql("$version/x.csv"), '42501', 'server itself', "$role: a tablespace");
  is(rows($role, read_sql("$temp/space/beside.csv")), '2|', "$role: what lies beside a tablespace's files");
}
unlink "$inbox/version.csv", "$version/x.csv";
$node->safe_psql('the db', "ALTER DATABASE \"the db\" SET dap.ingest_directories = '$inbox'");

# What a path means
write_file("$inbox/$_", "x\n")
  for qw(users_1.csv users_10.csv users_2.csv users_02.csv users_3.csv.gz users_4.csv.zst .users_5.csv
  users_6.csv.tmp users_7.csv.part
  users_8.csv.filepart users_9.txt Users.csv);
write_file("$inbox/sub/users_0.csv", "x\n");
write_file("$inbox/we[i]rd*.csv", "x\n");
is(
  rows('loader', find_sql($inbox)),
  join("\n",
    qw(Users.csv a.csv users_1.csv users_2.csv users_02.csv users_3.csv.gz users_4.csv.zst users_10.csv we[i]rd*.csv)),
  'a directory: its CSV files in natural order, nothing deeper, nothing unfinished');
is(rows('loader', find_sql("$inbox/")), rows('loader', find_sql($inbox)), 'a slash at the end means nothing');
is(
  rows('loader', find_sql("$inbox/users*")),
  join("\n", qw(users_1.csv users_2.csv users_02.csv users_3.csv.gz users_4.csv.zst users_9.txt users_10.csv)),
  'a pattern');
is(
  rows('loader', find_sql("$inbox/users_[1-3]*.csv*")),
  join("\n", qw(users_1.csv users_2.csv users_3.csv.gz users_10.csv)),
  'with a set');
is(
  rows('loader', find_sql("$inbox/users_*.csv{,.gz}")),
  join("\n", qw(users_1.csv users_2.csv users_02.csv users_3.csv.gz users_10.csv)),
  'with alternatives');
is(rows('loader', find_sql("$inbox/{a,users_1,none}.csv")), "a.csv\nusers_1.csv", 'with alternatives alone');
fails('loader', find_sql("$inbox/{none/a,b}.csv"), '58P01', 'does not exist', 'which do not reach past a slash');
is(rows('loader', find_sql("$inbox/*/users*")), 'sub/users_0.csv', 'a pattern of directories');
is(rows('loader', find_sql("$inbox/*/users_0.csv")), 'sub/users_0.csv', 'a name below a pattern');
is(rows('loader', find_sql("$inbox/*/absent/*.csv")), '', 'directories that lack it are passed by');
is(rows('loader', find_sql("$inbox/.users*")), '', 'a pattern never takes dot files');
is(rows('loader', find_sql("$inbox/users_6*")), '', 'nor unfinished ones');
is(rows('loader', find_sql("$inbox/.users_5.csv")), '.users_5.csv', 'but their name does');
is(rows('loader', find_sql("$inbox/we[i]rd*.csv")),
  'we[i]rd*.csv', 'a name of pattern characters, if it is there, is a name');
is(rows('loader', find_sql("$inbox/nothing*.csv")), '', 'a pattern without match is empty');
is(rows('loader', find_sql('users_1.csv')), 'users_1.csv', 'a relative path');
is(rows('loader', find_sql('sub')), "sub/c.csv\nsub/users_0.csv", 'a relative directory');
is(rows('loader', find_sql('sub/*_0.csv')), 'sub/users_0.csv', 'a relative pattern');
fails('loader', find_sql('absent.csv'), '58P01', 'below dap.ingest_directories', 'a relative path that is nowhere');
fails(
  'loader', find_sql('absent/*.csv'),
  '58P01',
  'below dap.ingest_directories',
  'a relative pattern in a directory that is nowhere');
fails('loader', find_sql("$inbox/absent/*.csv"), '58P01', 'does not exist', 'a pattern in an absent directory');
fails('loader', find_sql("$inbox/absent"), '58P01', 'does not exist', 'an absent directory');
fails('loader', find_sql('../elsewhere/secret.csv'), '22023', 'must not contain', 'a relative path that leaves');
$node->safe_psql('the db', "ALTER DATABASE \"the db\" SET dap.ingest_directories = '$inbox, $inbox/sub, $temp/inbox2'");
is(rows('loader', find_sql('*_0.csv')), 'sub/users_0.csv', 'relative paths are looked up below each entry');
is(rows('loader', find_sql('b.csv')), "$temp/inbox2/b.csv", 'and may be in one only');
is(rows('loader', "SELECT count(*), count(DISTINCT path) FROM dap_internal.find_files('*/*.csv')"),
  '2|2', 'no file is found twice');
rename "$temp/inbox2", "$temp/unmounted";
fails('loader', find_sql('b.csv'), '58P01', 'inbox2', 'an entry that is not there is an error');
$node->safe_psql('the db', "ALTER DATABASE \"the db\" SET dap.ingest_directories = '$inbox'");
symlink 'gone.csv', "$inbox/sub/broken.csv";
fails('loader', find_sql("$inbox/sub"), '58P01', 'gone.csv', 'a broken link in the inbox is not passed by in silence');
unlink "$inbox/sub/broken.csv";
mkfifo("$inbox/sub/pipe.csv", oct 600) or die $!;
fails('loader', "SELECT * FROM dap_internal.find_files('$inbox/sub') AS f, LATERAL dap_internal.read_bytes(f.path)",
  '42809', 'FIFO', 'nor a FIFO');
unlink "$inbox/sub/pipe.csv";
SKIP:
{
  skip 'the file system wants UTF-8 names', 2 unless open my $file, '>', "$inbox/sub/bad_\xff.csv";
  close $file;
  fails('loader', find_sql("$inbox/sub"), '22021', 'bad_\?\.csv', 'a name that is no text is an error');
  unlink "$inbox/sub/bad_\xff.csv";
}
is(rows('loader', "SELECT bytes, modified_at = '2001-02-03 04:05:06+00' FROM dap_internal.find_files('a.csv')"),
  '8|f', 'size and time');
utime 981173106, 981173106, "$inbox/a.csv";
is(rows('loader', "SELECT bytes, modified_at = '2001-02-03 04:05:06+00' FROM dap_internal.find_files('a.csv')"),
  '8|t', 'time of modification');

# Contents: told by their first bytes, whatever the name says
my $text = join '', map { "$_,user $_\n" } 1 .. 20000;
my $packed = filter([ 'gzip', '-c' ], $text);
write_file("$inbox/plain.csv.gz", $text);
write_file("$inbox/packed.csv", $packed);
write_file("$inbox/twice.csv.gz", $packed . $packed);
write_file("$inbox/cut.csv.gz", substr($packed, 0, length($packed) / 2));
write_file("$inbox/rest.csv.gz", "$packed\n");
write_file("$inbox/empty.csv.gz", '');
my $length = length $text;
my $hash = rows('loader', "SELECT hash FROM dap_internal.read_bytes('$inbox/plain.csv.gz')");
like($hash, qr/^\\x[0-9a-f]{32}$/, 'plain text in a .gz');
is(rows('loader', read_sql("$inbox/plain.csv.gz")), "$length|", 'is read as it is');
is(rows('loader', "SELECT length, hash FROM dap_internal.read_bytes('$inbox/packed.csv')"),
  "$length|$hash", 'gzip in a .csv is unpacked, to the same hash');
is(rows('loader', read_sql("$inbox/twice.csv.gz")), (2 * $length) . '|', 'two members');
like(rows('loader', read_sql("$inbox/cut.csv.gz")), qr/^\d+\|truncated_gzip$/, 'a cut member');
is(rows('loader', read_sql("$inbox/rest.csv.gz")), "$length|corrupt_gzip", 'something after the last member');
is(rows('loader', read_sql("$inbox/empty.csv.gz")), '0|', 'an empty file');
SKIP:
{
  skip 'zstd is not installed', 4 if system('zstd --version >/dev/null 2>&1') != 0;
  my $frame = filter([ 'zstd', '-c', '-q' ], $text);
  write_file("$inbox/frame.csv", $frame);
  write_file("$inbox/cut.csv.zst", substr($frame, 0, length($frame) - 1));
  is(rows('loader', "SELECT length, hash FROM dap_internal.read_bytes('$inbox/frame.csv')"),
    "$length|$hash", 'zstd in a .csv');
  like(rows('loader', read_sql("$inbox/cut.csv.zst")), qr/^\d+\|truncated_zstd$/, 'a cut frame');
  write_file("$inbox/wide.csv.zst", filter([ 'zstd', '-c', '-q', '--ultra', '--zstd=wlog=27' ], $text));
  like(rows('loader', read_sql("$inbox/wide.csv.zst")), qr/^0\|unsupported_zstd$/, 'a frame that wants 128 MB');
  write_file("$inbox/best.csv.zst", filter([ 'zstd', '-c', '-q', '-19' ], $text));
  is(rows('loader', read_sql("$inbox/best.csv.zst")), "$length|", 'zstd -19');
}

# Files that change under the reader's hands. Zeros pack well: reading these takes a second or more.
my $member = filter([ 'gzip', '-c' ], "\0" x (16 << 20));

sub read_while
{
  my ($change) = @_;
  my $path = "$inbox/large.csv.gz";
  write_file($path, $member x 60);
  my ($output, $error) = ('', '');
  my $psql = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('the db'), '-U', 'loader', '-c', read_sql($path) ],
    '<', \undef, '>', \$output, '2>', \$error);
  $node->poll_query_until('the db',
    "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'loader' AND state = 'active'");
  usleep(100_000);
  $change->($path);
  $psql->finish;
  return $output . $error;
}
my $whole = 60 * (16 << 20);
is(read_while(sub { }), "$whole|\n", 'nothing happens');
like(read_while(sub { open my $file, '>>', shift or die $!; print $file 'more'; close $file; }),
  qr/\|changed_while_read\n/, 'it grows');
like(read_while(sub { truncate shift, 1000000 or die $!; }), qr/\|changed_while_read\n/, 'it shrinks');
like(read_while(sub { utime undef, undef, shift or die $!; }), qr/\|changed_while_read\n/, 'it is touched');
is(read_while(sub { chmod oct(600), shift or die $!; }), "$whole|\n", 'its mode changes: the bytes have not');
is(read_while(sub { rename $_[0], "$inbox/renamed.csv.gz" or die $!; }),
  "$whole|\n", 'it is renamed: the bytes have not changed');

# A reader can be stopped.
write_file("$inbox/large.csv.gz", $member x 1000);
my $begin = time;
like(
  rows('loader', "SET statement_timeout = 300; " . read_sql("$inbox/large.csv.gz")),
  qr/statement timeout/,
  'a timeout');
cmp_ok(time - $begin, '<', 3, 'stops it at once');

# Descriptors and memory are given back, also when a subtransaction fails.
is(
  rows(
    $user, "DO \$\$ BEGIN FOR i IN 1..3000 LOOP PERFORM dap_internal.read_bytes('$inbox/packed.csv');
  BEGIN PERFORM dap_internal.read_bytes('$inbox/absent.csv'); EXCEPTION
   WHEN undefined_file THEN NULL; END; END LOOP; END \$\$;
  SELECT count(*) < 20 FROM pg_catalog.pg_backend_memory_contexts WHERE name ~ 'dap' OR total_bytes > 8000000"),
  't',
  'thousands of files in one statement');

# Large objects: the current user's rights
my $object = $node->safe_psql('the db', "SELECT lo_from_bytea(0, 'a,b')");
fails(
  'loader', "SELECT * FROM dap_internal.read_bytes($object\::oid)",
  '42501',
  "permission denied for large object $object",
  'a large object of another user');
fails('reader', "SELECT * FROM dap_internal.read_bytes(1\::oid)", '42704', 'does not exist', 'an absent one');
$node->safe_psql('the db', "GRANT SELECT ON LARGE OBJECT $object TO loader");
is(rows('loader', "SELECT length, reason FROM dap_internal.read_bytes($object\::oid)"), '3|', 'one that was granted');

$node->stop;
done_testing();
