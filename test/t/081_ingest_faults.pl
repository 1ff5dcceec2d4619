# Loading that is cancelled, killed, raced, starved of disk or fed with what does not fit memory: nothing half loaded,
# nothing lost, and the next load works.
use strict;
use warnings FATAL => 'all';

use File::Path qw(make_path);
use IPC::Run;
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(write_file);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = PostgreSQL::Test::Cluster->new('faults');
$node->init;
$node->append_conf('postgresql.conf',
      "fsync = on\nautovacuum = off\nrestart_after_crash = on\nlog_statement = none\nlog_min_messages = debug1\n"
    . "log_error_verbosity = verbose\nmax_wal_size = 4GB\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION dap_analytics; CREATE SCHEMA staging;');
my $temp = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);

sub query { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }
sub create { my ($source, @more) = @_; return query("SELECT dap.create_source('$source', columns => '{id,name}')"); }
sub ingest
{
  my ($source, $file, $options) = @_;
  return sprintf "SELECT status, rows_read, rows_loaded, rows_rejected FROM dap.ingest_csv('%s', '%s', '%s')", $source,
    $file, $options // '{}';
}

# A file of $count records, made by the shell: perl would take longer than the load.
sub write_records
{
  my ($path, $count) = @_;
  system("seq 1 $count | sed 's/\$/,abcdefghijklmnopqrstuvwxyz-0123456789-SECRET4711/; 1i id,name' > '$path'") == 0
    or die;
  return $path;
}
my $big_rows = 3_000_000;
my $big = write_records("$temp/big.csv", $big_rows);
my $big_bytes = -s $big;
note "$big_bytes bytes";

# Starts a load in a session of its own and waits until it is some way in, as pg_stat_progress_copy shows it.
sub start_load
{
  my ($source, $file) = @_;
  my $out = "$temp/load.out";
  my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', ingest($source, $file) ],
    '<', \undef, '>', $out, '2>&1');
  my ($pid, $seen);
  for (1 .. 600)
  {
    $seen = query(
      q{SELECT pid, command, type, bytes_processed, bytes_total, tuples_processed, relid::regclass
          FROM pg_stat_progress_copy WHERE bytes_processed > 1000000 AND tuples_processed > 10000}
    );
    last if $seen ne '';
    usleep(5_000);
  }
  ($pid) = split /\|/, $seen;
  return { run => $run, pid => $pid, seen => $seen, out => $out };
}
sub finish
{
  my ($load) = @_;
  eval { $load->{run}->finish; };
  return slurp_file($load->{out});
}

#
# Progress, cancel, timeout, terminate
#
create('s');
my $load = start_load('s', $big);
like($load->{seen}, qr/^\d+\|COPY FROM\|FILE\|\d+\|$big_bytes\|\d+\|staging\.s$/, 'progress shows');
my $started = time;
query("SELECT pg_cancel_backend($load->{pid})");
like(finish($load), qr/canceling statement due to user request/, 'cancel');
cmp_ok(time - $started, '<', 2, 'at once');
is(query(q{SELECT count(*) FROM pg_stat_progress_copy}), 0, 'the progress is gone');
# How late a statement ends, as psql measures it: in bulk, through the executor, while rejects are written, while known
# bytes are read again
my ($code, $out, $err);
create('ordinary');
query('CREATE INDEX ON staging.ordinary (id)');
create('rejecting');
system("(echo id,name; yes xxx | head -n 3000000) > '$temp/rejecting.csv'") == 0 or die;
for my $case ([ 's', $big ], [ 'ordinary', $big ], [ 'rejecting', "$temp/rejecting.csv" ])
{
  my ($source, $file) = @$case;
  my $latest = 0;
  for my $timeout (100, 230, 360)
  {
    ($code, $out, $err) = $node->psql(
      'postgres',
      "SET statement_timeout = $timeout;\n\\timing on\n" . ingest($source, $file, '{"again": true}'),
      on_error_stop => 0);
    like($err, qr/canceling statement due to statement timeout/, "$source: statement_timeout $timeout ms");
    my ($took) = $out =~ /^Time: ([0-9.]+) ms/m;
    $latest = $took - $timeout if $took - $timeout > $latest;
  }
  cmp_ok($latest, '<', 1000, sprintf '%s: at most %.0f ms late', $source, $latest);
}
$load = start_load('s', $big);
$started = time;
query("SELECT pg_terminate_backend($load->{pid}, 5000)");
cmp_ok(time - $started, '<', 1, sprintf 'within a second: %.0f ms', 1000 * (time - $started));
like(finish($load), qr/terminating connection/, 'terminate');
is(
  query(
    q{SELECT (SELECT count(*) FROM staging.s), (SELECT count(*) FROM dap.files),
        (SELECT count(*) FROM dap_internal.file_identity)}
  ),
  '0|0|0',
  'nothing is left of it');
#
# kill -9
#
$load = start_load('s', $big);
kill 'KILL', $load->{pid};
like(finish($load), qr/server closed the connection|terminating connection/, 'kill -9');
$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no recovery';
is(query(q{SELECT (SELECT count(*) FROM staging.s), (SELECT count(*) FROM dap.files)}),
  '0|0', 'recovered, nothing is half loaded');
$load = start_load('s', $big);
$node->stop('immediate');
finish($load);
$node->start;
is(query(q{SELECT (SELECT count(*) FROM staging.s), (SELECT count(*) FROM dap.files)}),
  '0|0', 'nor after the server was stopped at once');
is(query(ingest('s', $big)), "loaded|$big_rows|$big_rows|0", 'the next load works');
$node->stop('immediate');
$node->start;
is(
  query(q{SELECT count(*), count(DISTINCT id), min(_line), max(_line), min(length(name)) FROM staging.s}),
  "$big_rows|$big_rows|2|" . ($big_rows + 1) . '|48',
  'what was committed survives a crash');
is(query(ingest('s', $big)), 'skipped|0|0|0', 'and is known');

#
# Two sessions with the same file: one loads, the other waits and skips; an older snapshot cannot
#
create('race');
my $small = write_records("$temp/small.csv", 1000);
my $first = $node->background_psql('postgres', on_error_stop => 0);
my $second = $node->background_psql('postgres', on_error_stop => 0);
my $old = $node->background_psql('postgres', on_error_stop => 0);
$old->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
$old->query('SELECT count(*) FROM dap.files');
$first->query('BEGIN');
is($first->query(ingest('race', $small)), 'loaded|1000|1000|0', 'one session loads');
$second->query_until(qr/waits/, "\\echo waits\n" . ingest('race', $small) . ";\n\\echo done\n");
ok(
  $node->poll_query_until(
    'postgres',
    q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ingest_csv%'}),
  'another waits');
$first->query('COMMIT');
like($second->query('SELECT 1'), qr/skipped\|0\|0\|0/, 'and skips');
like($old->query(ingest('race', $small) . ";\n\\echo :SQLSTATE"),
  qr/^40001$/m, 'a transaction with an older snapshot is refused');
$old->query('ROLLBACK');
is(query(q{SELECT count(*) FROM staging.race}), 1000, 'once');
# the first rolls back: the second loads
create('race2');
$first->query('BEGIN');
$first->query(ingest('race2', $small));
$second->query_until(qr/waits/, "\\echo waits\n" . ingest('race2', $small) . ";\n");
$node->poll_query_until('postgres',
  q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ingest_csv%'});
$first->query('ROLLBACK');
like($second->query('SELECT 1'), qr/loaded\|1000\|1000\|0/, 'after a rollback the other loads');
# under lock_timeout
$first->query('BEGIN');
$first->query(ingest('race2', $small, '{"again": true}'));
($code, $out, $err) =
  $node->psql('postgres', "SET lock_timeout = '100ms';\n\\set VERBOSITY verbose\n" . ingest('race2', $small));
like($err, qr/55P03/, 'lock_timeout');
# different sources do not wait
is(query(ingest("race", "$temp/rejecting.csv", q({"again": true}))),
  "failed|3000000|0|3000000", q(another source does not wait));
$first->query('ROLLBACK');
# a definition that changes meanwhile is the one that holds
create('changes');
write_file("$temp/semicolons.csv", "id;name\n1;x\n");
$first->query('BEGIN');
$first->query(
  q{SELECT dap.create_source('changes', columns => '{id,name}', options => '{"delimiter": ";"}', or_replace => true)});
$second->query_until(qr/waits/, "\\echo waits\n" . ingest('changes', "$temp/semicolons.csv") . ";\n");
$node->poll_query_until('postgres',
  q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ingest_csv%'});
$first->query('COMMIT');
like($second->query('SELECT 1'), qr/loaded\|1\|1\|0/, 'the definition after the wait holds');
# a source that is dropped meanwhile leaves no file behind that is loaded
$first->query('BEGIN');
$first->query(ingest('race2', $small, '{"again": true}'));
$second->query_until(qr/waits/, "\\echo waits\nSELECT dap.drop_source('race2');\n");
$node->poll_query_until('postgres',
  q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%drop_source%'});
$first->query('COMMIT');
$second->query('SELECT 1');
is(query(q{SELECT string_agg(DISTINCT status, ',') FROM dap.files WHERE source = 'race2'}),
  'unloaded', 'the files of a dropped source are unloaded, also those of the last moment');
$_->quit for $first, $second, $old;

#
# A file that changes while it is read is not taken for whole, nor held against its bytes
#
create('moving');
for my $change ([ 'grows', sub { append_to_file($_[0], "99999999,x\n"); } ],
  [ 'shrinks', sub { truncate $_[0], 150_000_000; } ])
{
  my ($name, $action) = @$change;
  system("cp '$big' '$temp/moving.csv'") == 0 or die;
  my $load = start_load('moving', "$temp/moving.csv");
  $action->("$temp/moving.csv");
  like(finish($load), qr/^failed\|/, "a file that $name while it is read fails");
  like(
    query(q{SELECT reason || ' ' || coalesce(content_hash::text, 'no hash') FROM dap.files WHERE source = 'moving'}),
    qr/^the file changed while it was read.* no hash$/,
    'and says so');
  is(query('SELECT count(*) FROM staging.moving'), 0, 'nothing of it is loaded');
}
append_to_file("$temp/moving.csv", "\n");
like(query(ingest('moving', "$temp/moving.csv", '{"max_reject_percent": 100}')),
  qr/^loaded\|/, 'and the next load takes it as it is then');
is(query(q{SELECT count(*) FROM dap.files WHERE source = 'moving'}), 1, 'in place of the failed attempts');

#
# Memory: a quoted field of 1 GB, a line of 1 GB, many large records, many rejects, many columns; from gzip, so that the
# disk stays small
#
sub gzip_of { my ($path, $shell) = @_; system("($shell) | gzip -1 > '$path'") == 0 or die; return $path; }
create('wide');
gzip_of("$temp/field.csv.gz",
  q{printf 'id,name\n1,x\n2,"'; head -c 1000000000 /dev/zero | tr '\0' 'y'; printf '"\n3,z\n'});
gzip_of("$temp/lines.csv.gz",
  q{printf 'id,name\n1,x\n2,"'; yes 'a line within quotes' | head -n 20000000; printf '"\n3,z\n'});
gzip_of("$temp/open.csv.gz", q{printf 'id,name\n1,x\n2,"'; yes 'a line within quotes' | head -n 15000000});
gzip_of(
  "$temp/large.csv.gz",
  q{printf 'id,name\n'; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
      printf "$i,"; head -c 15000000 /dev/zero | tr '\0' 'y'; printf '\n'; done}
);
gzip_of("$temp/rejects.csv.gz", q{printf 'id,name\n'; yes x | head -n 1000000});
gzip_of("$temp/rows.csv.gz", q{printf 'id,name\n'; yes '1,2' | head -n 6000000});
sub peak
{
  my ($pid) = @_;
  open my $status, '<', "/proc/$pid/status" or return undef;
  my ($kilobytes) = join('', <$status>) =~ /^RssAnon:\s+(\d+)/m;
  return $kilobytes;
}
# Loads in a fresh session, and samples its private memory.
sub measure
{
  my ($sql, $options) = @_;
  my $session = $node->background_psql('postgres', on_error_stop => 0, timeout => 120);
  my $pid = $session->query('SELECT pg_backend_pid()');
  $session->query(
    "SELECT count(*) FROM dap.ingest_bytes('wide', 'warm ' || pg_backend_pid(), convert_to('id,name', 'UTF8'))");
  $session->query($options) if $options;
  my $before = peak($pid);
  my $most = $before // 0;
  $session->query_until(qr/started/, "\\echo started\n$sql;\n");

  while (query("SELECT state FROM pg_stat_activity WHERE pid = $pid") eq 'active')
  {
    my $now = peak($pid) // 0;
    $most = $now if $now > $most;
    usleep(5_000);
  }
  my $answer = $session->query('SELECT 1');
  $answer =~ s/\n?1$//;
  $session->quit;
  return ($answer, defined $before ? $most - $before : undef);
}
my @cases = (
  [ 'field.csv.gz', 'loaded|3|2|1', 64 * 1024, 'a field of 1 GB' ],
  [ 'lines.csv.gz', 'loaded|3|2|1', 64 * 1024, 'a field of 20,000,000 lines' ],
  [ 'open.csv.gz', 'failed|1|0|0', 64 * 1024, 'a quote that is never closed' ],
  [ 'large.csv.gz', 'loaded|12|12|0', 128 * 1024, '12 fields of 15 MB' ],
  [ 'rejects.csv.gz', 'failed|1000000|0|1000000', 64 * 1024, 'a million rejects' ],
  [ 'rows.csv.gz', 'loaded|6000000|6000000|0', 64 * 1024, '6,000,000 records' ]);
for my $case (@cases)
{
  my ($file, $want, $limit, $name) = @$case;
  my $started = time;
  my ($answer, $growth) = measure(ingest('wide', "$temp/$file"));
  is($answer, $want, $name);
SKIP:
  {
    skip 'no /proc/PID/status here', 1 if !defined $growth;
    cmp_ok($growth, '<', $limit, sprintf '%s: %.1f MB more, %.1f s', $name, $growth / 1024, time - $started);
  }
}
is(
  query(
    q{SELECT line, byte_offset, reason, octet_length(raw), raw_length FROM dap.rejects WHERE path LIKE '%field.csv.gz'}
  ),
  '3|12|field_too_long|65536|1000000004',
  'the reject keeps its beginning and its length');
is(
  query(
    q{SELECT string_agg(s._line::text, ' ' ORDER BY s._line) FROM staging.wide AS s
        JOIN dap.files AS f ON f.file_id = s._file_id WHERE f.path LIKE '%lines.csv.gz'}
  ),
  '2 20000004',
  'lines are counted on');
is(
  query(
    q{SELECT count(*), min(length(name)), max(length(name)) FROM staging.wide AS s
        JOIN dap.files AS f ON f.file_id = s._file_id WHERE f.path LIKE '%large.csv.gz'}
  ),
  '12|15000000|15000000',
  'large values are whole');

#
# A full disk
#
# A small file system in a name space of the server's own; where there is no right to that, a limit to the size of files
# does.
my $full = "$temp/full";
make_path($full);
my ($group) = split ' ', $);
my $mount =
    "unshare -U -m --map-user=$> --map-group=$group --keep-caps sh -c \"mount -t tmpfs -o size=64m,mode=0777 tmpfs "
  . "'$full'";
my $mounts = system("$mount && mkdir '$full/trial'\" 2>/dev/null") == 0;
note $mounts ? 'on a small tmpfs' : 'no right to mount: by a limit to the size of files';
my $pg_ctl = "pg_ctl -D '" . $node->data_dir . "' -l '" . $node->logfile . "' -w start > /dev/null";
$node->stop;
system($mounts ? "$mount && mkdir '$full/space' && $pg_ctl\"" : "ulimit -f 131072; $pg_ctl") == 0 or die 'no server';
$node->_update_pid(1);
query("SET allow_in_place_tablespaces = on; CREATE TABLESPACE small LOCATION '" . ($mounts ? "$full/space" : '') . "'");
create('disk');
query('ALTER TABLE staging.disk SET TABLESPACE small');
is(query(ingest('disk', $small)), 'loaded|1000|1000|0', 'a small file fits');
($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n" . ingest('disk', $big));
like(
  $err,
  $mounts ? qr/ERROR:  53100: .*No space left on device/ : qr/File too large/,
  'a full disk is an error of the call');
unlike($err, qr/SECRET/, 'without values');
is(query(q{SELECT count(*), (SELECT count(*) FROM dap.files WHERE source = 'disk') FROM staging.disk}),
  '1000|1', 'nothing is lost or half loaded');
query('VACUUM staging.disk');
is(query(ingest('disk', write_records("$temp/small2.csv", 1001))), 'loaded|1001|1001|0', 'smaller files go on');
query('ALTER TABLE staging.disk SET TABLESPACE pg_default');
query('DROP TABLESPACE small');
$node->stop;
$node->start;
is(query(ingest('disk', $big)), "loaded|$big_rows|$big_rows|0", 'with space, so does the big one');

#
# No message and no log line holds a value
#
create('quiet');
query(
  q{ALTER TABLE staging.quiet ADD CONSTRAINT quiet_check CHECK (name <> 'SECRET4711'),
      ADD CONSTRAINT quiet_key UNIQUE (id)}
);
my $number = 0;
for my $content (
  "id,name\n1,SECRET4711\n", "id,name\nSECRET4711,1\nSECRET4711,2\n",
  "id,name\n\"SECRET4711\"x,1\n", "id,name\n1,\"SECRET4711\n",
  "id,name\nSECRET4711\n", "SECRET4711,SECRET4711\n",
  "id,name,,SECRET4711\n1,2,3,4\n")
{
  $number++;
  my ($code, $out, $err) = $node->psql('postgres',
        "SET client_min_messages = debug1;\nSELECT * FROM dap.ingest_bytes('quiet', 'f$number', decode('"
      . unpack('H*', $content)
      . "', 'hex'))");
  is($code, 0, 'fails as a status') or diag $err;
  unlike("$out$err", qr/SECRET/, 'without its value');
}
unlike(slurp_file($node->logfile), qr/SECRET/, 'nor does the log hold one');
is(
  query(
    q{SELECT count(*) FROM dap.rejects WHERE source = 'quiet' AND convert_from(raw, 'UTF8') LIKE '%SECRET4711%'
        AND message NOT LIKE '%SECRET%'}
  ),
  2,
  'dap.rejects does');

$node->stop;
done_testing();
