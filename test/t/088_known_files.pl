# Files that are known by their bytes: dismissed by name, skipped under another.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(fails sql start_server write_file);
use PostgreSQL::Test::Utils;
use Test::More;

my $node =
  start_server('known_files', '', 'CREATE SCHEMA staging; CREATE SCHEMA intermediate; CREATE SCHEMA analytics;');
my $inbox = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);
sql("ALTER DATABASE postgres SET dap.ingest_directories = '$inbox'");

#
# A directory, or a pattern, is not the path of one file
#
mkdir "$inbox/p" or die $!;
mkdir "$inbox/lone" or die $!;
write_file("$inbox/p/p$_.csv", "id,v\n$_,$_\n") for 1 .. 7;
write_file("$inbox/lone/p1.csv", "id,v\nx,y\n");
sql("SELECT dap.create_source('p', '$inbox/p')");
for my $path ("$inbox/p", 'p', 'p/', "$inbox/p/*.csv", 'p/p[12].csv', 'p/p{1,2}.csv')
{
  like(
    fails("SELECT dap.dismiss_file('$path', 'oops')"),
    qr/ERROR:  42P08: "\Q$path\E" is not the path of one file\s+DETAIL:  It means \Q$inbox\E\/p\/p1.csv, .*p2.csv.*\.\s+HINT:  Give the path of one file\./s,
    "$path is refused");
}
like(fails("SELECT dap.dismiss_file('p', 'oops')"), qr/p5\.csv and 2 more now\./, 'a long list is cut');
like(
  fails("SELECT dap.dismiss_file('$_', 'oops')"),
  qr/42P08: "\Q$_\E" is not the path of one file\s+DETAIL:  It means \Q$inbox\E\/(lone\/p1|p\/p7)\.csv now\./,
  "$_ is refused, although it means one file now") for "$inbox/lone", 'lone/', 'p/p7*', "$inbox/p/p[7].csv";
is(sql('SELECT count(*) FROM dap.files'), 0, 'nothing was dismissed');
is(sql(q{SELECT count(*) FROM dap.dismiss_file('p//./p3.csv', 'one')}), 1, 'one file by its path below the inbox');
is(sql("SELECT count(*) FROM dap.dismiss_file('$inbox/p/p4.csv', 'two')"), 1, 'and by its whole path');
write_file("$inbox/p/p[5].csv", "id,v\n50,50\n");
is(sql("SELECT count(*) FROM dap.dismiss_file('$inbox/p/p[5].csv', 'a name')"), 1, 'a name that looks like a pattern');
is(
  sql(
    q{SELECT string_agg(regexp_replace(path, '.*/', '') || ' ' || status, ', ' ORDER BY path COLLATE "C")
        FROM dap.ingest_csv('p')}
  ),
  'p1.csv loaded, p2.csv loaded, p3.csv skipped, p4.csv skipped, p5.csv loaded, p6.csv loaded, p7.csv loaded, '
    . 'p[5].csv skipped',
  'exactly these are skipped');

# Several that failed
write_file("$inbox/p/bad$_.csv", "wrong\n$_\n") for 1 .. 8;
sql(q{SET client_min_messages = error; SELECT count(*) FROM dap.ingest_csv('p')});
like(
  fails(q{SELECT dap.dismiss_file('p/bad*.csv', 'oops')}),
  qr/42P08: "p\/bad\*\.csv" is not the path of one file/,
  'a pattern of failed files is refused');
is(sql(q{SELECT count(*) FROM dap.files WHERE status = 'failed'}), 8, 'all are still failed');
# A copy of one that failed: its bytes are what is dismissed, whatever their name
write_file("$inbox/p/copy.csv", "wrong\n1\n");
is(sql(q{SELECT count(*) FROM dap.dismiss_file('p/copy.csv', 'a copy')}), 1, 'a copy is dismissed');
is(sql(q{SELECT regexp_replace(path, '.*/', ''), status FROM dap.files WHERE reason = 'a copy'}),
  'bad1.csv|dismissed', 'and with it the file that failed');


#
# A file whose bytes are known under another name is left out, and leaves a trace that names both
#
sub last_step
{
  my ($column) = @_;
  return sql(
    qq{SELECT $column FROM dap.run_steps WHERE run_id = (SELECT max(run_id) FROM dap.runs) AND object = 'staging.day'});
}
sub steps { return sql(q{SELECT action FROM dap.refresh_all() WHERE object = 'staging.day'}); }
mkdir "$inbox/day" or die $!;
write_file("$inbox/day/d$_.csv", "sku,pieces\nA,5\n") for 1, 2;
write_file("$inbox/day/d3.csv", "sku,pieces\nA,6\n");
sql(q{SELECT dap.drop_source('p'); SELECT dap.create_source('day', 'day', '{sku,pieces}')});
is(steps(), 'loaded', 'a day that is as the day before');
is(
  last_step('message'),
  qq{"$inbox/day/d2.csv" was left out: already loaded as file }
    . qq{@{[ sql("SELECT file_id FROM dap.files WHERE path = '$inbox/day/d1.csv'") ]} ($inbox/day/d1.csv)},
  'the step names both files');
my $trace = q{SELECT source, regexp_replace(path, '.*/', ''), regexp_replace(known_as, '.*/', ''), status,
      run_id = (SELECT max(run_id) FROM dap.runs), skipped_by = current_user FROM dap.skipped_files ORDER BY path};
is(sql($trace), 'day|d2.csv|d1.csv|loaded|t|t', 'so does dap.skipped_files');
is(
  sql(
    qq{SELECT regexp_replace(path, '.*/', ''), also_at = ARRAY['$inbox/day/d2.csv'] FROM dap.files
        WHERE source = 'day' ORDER BY 1}
  ),
  "d1.csv|t\nd3.csv|",
  'and dap.files at the file that has its bytes');
is(steps(), 'unchanged', 'it is told once');
# once more, with a run of its own, also in a run that loads nothing; and a run that is rolled back has told nothing
write_file("$inbox/day/e$_.csv", "sku,pieces\nA,6\n") for 1 .. 7;
sql(q{BEGIN; SELECT count(*) FROM dap.refresh_all(); ROLLBACK});
is(sql('SELECT count(*) FROM dap.skipped_files'), 1, 'rolled back, nothing was left out');
is(steps(), 'skipped', 'a run that only leaves out');
like(
  last_step('message'),
  qr/^"[^"]*e1.csv" was left out: already loaded as file \d+ \([^)]*d3.csv\)\n(?:"[^"]*e[2-5].csv" was .*\n){4}and 2 more; dap\.skipped_files has those whose bytes are known$/,
  'a long list is cut');
is(sql('SELECT count(*) FROM dap.skipped_files'), 8, 'dap.skipped_files has all of them');
# contents from a client, dismissed and failed ones
my $bytes = sub {
  my ($name, $content) = @_;
  return sql("SELECT status, reason FROM dap.ingest_bytes('day', '$name', '$content')");
};
like(
  $bytes->('client.csv', 'sku,pieces\012A,6\012'),
  qr/^skipped\|already loaded as file \d+ \(.*d3\.csv\)$/,
  'a content from a client');
like($bytes->('client.csv', 'sku,pieces\012A,6\012'), qr/^skipped/, 'given every night');
is(sql(q{SELECT count(*), bool_and(run_id IS NULL) FROM dap.skipped_files WHERE path = 'client.csv'}),
  '1|t', 'is told once');
$bytes->('wrong.csv', 'wrong\012');
my $wrong = sql(q{SELECT file_id FROM dap.files WHERE path = 'wrong.csv'});
write_file("$inbox/day/wrong_too.csv", "wrong\n");
like(
  fails('SELECT * FROM dap.refresh_all()'),
  qr/DETAIL: .*the header lacks.*; the same bytes as file $wrong \(wrong\.csv\).*HINT:  SELECT \* FROM dap\.files WHERE file_id = $wrong;/s,
  'a copy of a failed file: the error names both, its query finds the line');
sql("SELECT dap.dismiss_file('wrong.csv', 'by mistake')");
is(steps(), 'skipped', 'dismissed');
is(
  last_step('message'),
  qq{"$inbox/day/wrong_too.csv" was left out: dismissed as file $wrong (wrong.csv): by mistake},
  'the step says as which file');
is(
  sql(
    q{SELECT regexp_replace(path, '.*/', ''), known_as, status FROM dap.skipped_files
        ORDER BY path LIKE '%wrong_too%' DESC LIMIT 1}
  ),
  'wrong_too.csv|wrong.csv|dismissed',
  'and dap.skipped_files');

# Files that failed, recognised when another file is the one that has their bytes
mkdir "$inbox/twice" or die $!;
write_file("$inbox/twice/$_.csv", "sku;pieces\nA;5\n") for 'a', 'b';
sql(q{SELECT dap.create_source('twice', 'twice', '{sku,pieces}')});
sleep 3;
is(sql(q{SELECT string_agg(status, ',') FROM dap.ingest_csv('twice')}),
  'failed,failed', 'two files of the same bytes fail');
sql(q{SELECT dap.create_source('twice', 'twice', '{sku,pieces}', '{"delimiter": ";"}', or_replace => true)});
sql('SELECT count(*) FROM dap.refresh_all()');
my $message =
  q{SELECT message FROM dap.run_steps WHERE run_id = (SELECT max(run_id) FROM dap.runs) AND object = 'staging.twice'};
like(
  sql($message),
  qr/^"\S+b\.csv" was left out: already loaded as file \d+ \(\S+a\.csv\)$/,
  'corrected, one is loaded and the other is told of');
is(
  sql(
    q{SELECT regexp_replace(path, '.*/', ''), regexp_replace(known_as, '.*/', '') FROM dap.skipped_files
        WHERE source = 'twice'}
  ),
  'b.csv|a.csv',
  'and is in dap.skipped_files');
sql('SELECT count(*) FROM dap.refresh_all()');
is(sql($message), '', 'once');

#
# A link is known by what it leads to
#
mkdir "$inbox/data" or die $!;
mkdir "$inbox/links" or die $!;
write_file("$inbox/data/$_.csv", "sku,pieces\n$_,1\n") for 'x', 'y';
symlink "$inbox/data/x.csv", "$inbox/links/now.csv" or die $!;
sql(q{SELECT dap.create_source('links', 'links', '{sku,pieces}')});
sleep 3;
is(sql(q{SELECT status FROM dap.ingest_csv('links')}), 'loaded', 'a link');
is(sql(q{SELECT status, reason FROM dap.ingest_csv('links')}), 'skipped|already loaded', 'is known again');
unlink "$inbox/links/now.csv";
symlink "$inbox/data/y.csv", "$inbox/links/now.csv" or die $!;
is(sql(q{SET client_min_messages = error; SELECT status, rows_loaded FROM dap.ingest_csv('links')}),
  'loaded|1', 'until it leads elsewhere');

#
# Many files: each is looked up by itself, whatever statistics say of the ledger's tables, with plans kept from when
# they were empty too
#
my $count = 300;
my $read = q{SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_xact_all_tables
      WHERE relid IN ('dap_internal.file_ledger'::regclass, 'dap_internal.file_identity'::regclass,
        'dap_internal.reject_ledger'::regclass, 'dap_internal.skip_ledger'::regclass)};
my $analyze =
  'ANALYZE dap_internal.file_ledger, dap_internal.file_identity, dap_internal.reject_ledger, dap_internal.skip_ledger;';
for my $statistics ('none', 'of empty tables', 'of one file', 'true')
{
  my $session = $node->background_psql('postgres', on_error_stop => 1);
  my $query = sub { my ($query) = @_; return $session->query_safe("SET client_min_messages = error; $query"); };
  my $scans = sub {
    my ($expected, $what) = @_;
    # the view still has what a transaction shortly before has read
    my ($before, $outcome, $after) = split /\n/,
      $query->(qq{BEGIN; $read; SELECT status, count(*) FROM dap.ingest_csv('many') GROUP BY status; $read; COMMIT;});
    my $tuples = $after - $before;
    is($outcome, "$expected|$count", "statistics $statistics: $count files are $what");
    # 13 at most: where found and where opened, its identity, name and content; name and content when loaded, and of its
    # failure; that twice to remove it; its identity. PostgreSQL 18 counts 15.
    cmp_ok(
      $tuples, '<',
      16 * $count,
      "statistics $statistics: a few rows of the ledger were read for each, not all of it ($tuples)");
    $query->($analyze) if $statistics eq 'true';
  };
  $query->(
    'DROP EXTENSION dap_analytics CASCADE; DROP SCHEMA staging CASCADE; CREATE EXTENSION dap_analytics;
        CREATE SCHEMA staging;'
  );
  system('rm', '-rf', "$inbox/many");
  mkdir "$inbox/many" or die $!;
  my $write = sub { write_file("$inbox/many/$_[0].csv", "id,v\n$_[0],1\n" . ($_[1] // '')); };
  $query->($analyze) if $statistics eq 'of empty tables';
  $query->(q{SELECT dap.create_source('many', 'many', '{id,w}', '{"on_new_column": "ignore"}')});

  if ($statistics eq 'of one file')
  {
    # what a session plans for the first files serves all that follow
    $query->(qq{SELECT count(*) FROM dap.ingest_bytes('many', 'one.csv', 'id,w\n1,1\n'); $analyze}) for 1 .. 8;
  }
  $write->($_) for 1 .. $count;
  sleep 3;
  $scans->('failed', 'new and fail');
  $scans->('failed', 'known and fail again');
  $query->(q{SELECT dap.create_source('many', 'many', '{id,w}', '{"aliases": {"v": "w"}}', true)});
  $scans->('loaded', 'loaded, and their failures are forgotten');
  is($query->(q{SELECT count(*) FROM dap.files WHERE status = 'failed'}),
    0, "statistics $statistics: no failure is left");
  $scans->('skipped', 'known');
  $write->($_, "2,2\n") for 1 .. $count;
  $scans->('loaded', 'other bytes under their names');
  rename "$inbox/many/$_.csv", "$inbox/many/moved_$_.csv" or die $! for 1 .. $count;
  $scans->('skipped', 'known under other names');
  is($query->(q{SELECT count(*) FROM dap.skipped_files}), $count, "statistics $statistics: each left a trace");
  $session->quit;
}

$node->stop;
done_testing();
