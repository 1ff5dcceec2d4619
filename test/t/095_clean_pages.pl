# Clean steps from pages to pages: the same table whatever the number of processes and the memory, and every way in
# which they can end.
use strict;
use warnings FATAL => 'all';

use FindBin;
use IPC::Run;
use lib "$FindBin::Bin/../perl";
use DapTest qw(comes_back fails seeded sql start_server);
use Test::More;

seeded('DAP_SEED');
my $inbox = Cwd::realpath(PostgreSQL::Test::Utils::tempdir());
chmod 0755, $inbox;
my $node = start_server(
  'clean_pages', qq{
restart_after_crash = on
max_worker_processes = 16
max_parallel_workers = 8
max_parallel_maintenance_workers = 8
dap.max_refresh_workers = 3
wal_level = logical
logical_decoding_work_mem = 64kB
track_io_timing = off
}, q{CREATE EXTENSION amcheck; CREATE ROLE keeper; GRANT CREATE ON DATABASE postgres TO keeper;
     SET client_min_messages = warning; SELECT dap.setup(owner => 'keeper')});

# Two files of records with keys in no order, many of them twice or more often, some wrong.
my $records = 60_000;
for my $name ('one', 'two')
{
  open my $file, '>:raw', "$inbox/$name.csv" or die $!;
  print $file "id,code,day,amount,note\n";
  for my $i (1 .. $records)
  {
    my $id = int(rand(80_000)) - 20_000;
    printf $file "%s,%s,%s,%s,%s\n", rand() < 0.005 ? 'none' : $id, 'customer number ' . ($id % 1000),
      rand() < 0.01 ? '2026-02-30' : sprintf('2026-%02d-%02d', 1 + $id % 12, 1 + $id % 28),
      rand() < 0.01 ? 'much' : sprintf('%.2f', rand(1000)), rand() < 0.3 ? '' : 'n' x int(rand(200));
  }
  close $file;
}
sql(
  qq{SELECT dap.create_source('things', NULL, '{id,code,day,amount,note}', '{"max_reject_percent": 100}');
  GRANT pg_read_server_files TO keeper;
  SELECT dap.ingest_csv('things', '$inbox/one.csv'); SELECT dap.ingest_csv('things', '$inbox/two.csv')});

sub define
{
  my ($key, $latest_by) = @_;
  my $by = defined $latest_by ? "'$latest_by'" : 'NULL';
  return sql(
    qq{SET client_min_messages = warning;
      SELECT dap.drop_model('things_clean') FROM dap.status WHERE object = 'intermediate.things_clean';
      DROP TABLE IF EXISTS intermediate.things_clean;
      SELECT dap.create_clean_model('things_clean', 'things', '[{"name": "id", "type": "bigint"},
        {"name": "code", "type": "text"}, {"name": "day", "type": "date"}, {"name": "amount", "type": "numeric(18,2)"},
        {"name": "note", "type": "text"}]', '$key', $by)});
}

# What a refresh into the empty table says, at DEBUG1.
sub refresh
{
  my ($settings, $more) = @_;
  my ($out, $err);
  sql('TRUNCATE intermediate.things_clean');
  $node->psql(
    'postgres',
    "\\set VERBOSITY verbose\n$settings; SET client_min_messages = debug1;
      SELECT * FROM dap.refresh_intermediate('full')" . ($more // ''),
    stdout => \$out,
    stderr => \$err);
  return $err;
}

# Changes the table by hand, and what a refresh then does, and says at DEBUG1.
sub mend
{
  my ($settings) = @_;
  my ($out, $err);
  sql(
    q{DELETE FROM intermediate.things_clean WHERE id % 11 = 0;
    UPDATE intermediate.things_clean SET note = 'by hand', amount = amount + 1 WHERE id % 13 = 0;
    INSERT INTO intermediate.things_clean SELECT id + 1000000, code || '!', day, amount, note
      FROM intermediate.things_clean WHERE id % 17 = 0});
  $node->psql(
    'postgres',
    "$settings; SET client_min_messages = debug1; SELECT action, rows_in, rows_inserted, rows_updated, rows_deleted
      FROM dap.refresh_intermediate('full') WHERE object = 'intermediate.things_clean'",
    stdout => \$out,
    stderr => \$err);
  return ($out, $err);
}

sub contents
{
  return sql(
    q{SELECT (SELECT concat_ws(' ', count(*), md5(string_agg(t::text, E'\n' ORDER BY id, code)))
        FROM intermediate.things_clean AS t),
      (SELECT concat_ws(' ', count(*), md5(string_agg(concat_ws(' ', file_id, line, column_name, reason, message,
        raw), E'\n' ORDER BY file_id, line))) FROM dap.rejects WHERE stage = 'clean')});
}

# Does the index have every row once, and the table no damage?
sub sound
{
  sql(q{SELECT bt_index_parent_check('intermediate.things_clean_pkey', true, true)});
  return sql(q{SELECT count(*) FROM verify_heapam('intermediate.things_clean')}) eq '0';
}

# Whatever the number of processes, and the memory
my $spilled = sub { return sql('SELECT temp_files FROM pg_stat_database WHERE datname = current_database()'); };
for my $case ([ '{id}', undef ], [ '{code,id}', '{day,amount}' ], [ '{id,code}', '{day}' ], [ '{code}', undef ])
{
  my ($key, $latest_by) = @$case;
  define($key, $latest_by);
  unlike(refresh('SET dap.engine = off'), qr/in bulk by/, "$key: as SQL");
  my $expected = contents();
  if (defined $latest_by && $latest_by =~ /amount/)
  {
    unlike(refresh(''), qr/things_clean is cleaned in bulk/, "$key: in an order that bytes do not have: as SQL");
    define($key, '{day}');
    refresh('SET dap.engine = off');
    $expected = contents();
  }
  for my $processes (1, 2, 4)
  {
    my $workers = $processes - 1;
    like(
      refresh("SET dap.max_refresh_workers = $workers"),
      qr/things_clean is cleaned in bulk by $processes process/,
      "$key: $processes processes");
    is(contents(), $expected, '... the same rows and rejects');
    ok(sound(), '... in a sound table and index');
  }
  my $files = $spilled->();
  like(refresh("SET maintenance_work_mem = '1MB'"), qr/in bulk by 4/, "$key: little memory");
  is(contents(), $expected, '... the same');
  $node->poll_query_until('postgres',
    "SELECT temp_files > $files FROM pg_stat_database WHERE datname = current_database()")
    or fail('... temporary files were written');
  like(refresh('SET max_parallel_workers = 0'), qr/in bulk by 1 process/, "$key: no worker to be had");
  is(contents(), $expected, '... the same');

  # The occupied table
  my ($did, $said) = mend('SET dap.engine = off');
  like($did, qr/^merged\|\d+\|[1-9]\d*\|[1-9]\d*\|[1-9]\d*$/, "$key: rows that differ, as SQL");
  unlike($said, qr/in bulk by/, '... and not in bulk');
  is(contents(), $expected, '... the same');
  for my $case (
    [ 'SET dap.max_refresh_workers = 0', 1 ],
    [ 'SET dap.max_refresh_workers = 1', 2 ],
    [ '', 4 ],
    [ "SET maintenance_work_mem = '1MB'", 4 ],
    [ "SET maintenance_work_mem = '1MB'; SET dap.max_refresh_workers = 0", 1 ],
    [ 'SET max_parallel_workers = 0', 1 ])
  {
    my ($settings, $processes) = @$case;
    my ($did_in_bulk, $said_in_bulk) = mend($settings);
    like($said_in_bulk, qr/things_clean is compared in bulk by $processes process/, "$key: compared, $settings");
    is($did_in_bulk, $did, '... as many rows written');
    is(contents(), $expected, '... the same rows and rejects');
  }
  ok(sound(), '... in a sound table and index');
}

define('{id}');
refresh('SET dap.engine = off');
my $expected = contents();

# A limit of temporary files is kept
like(
  refresh("SET maintenance_work_mem = '1MB'; SET temp_file_limit = '1MB'"),
  qr/ERROR:  53400: temporary file size exceeds/,
  'temp_file_limit holds');
is(sql('SELECT count(*) FROM intermediate.things_clean'), '0', '... and nothing is published');
refresh('');
is(contents(), $expected, '... the next run does it all');

# Somebody who reads the table is not waited for
my $reader = $node->background_psql('postgres');
sql('TRUNCATE intermediate.things_clean');
$reader->query_safe('BEGIN; SELECT count(*) FROM intermediate.things_clean');
my $err;
$node->psql(
  'postgres',
  "SET client_min_messages = debug1; SELECT * FROM dap.refresh_intermediate('full')",
  stderr => \$err);
unlike($err, qr/things_clean is cleaned in bulk/, 'a reader has the table: rows are inserted');
is(
  $reader->query_safe('SELECT count(*) FROM intermediate.things_clean'),
  sql('SELECT count(*) FROM intermediate.things_clean'),
  '... which it sees in its next statement');
$reader->query_safe('COMMIT');
$reader->quit;
is(contents(), $expected, '... the same');

# What others have committed since the run began is seen
my $writer = $node->background_psql('postgres');
$writer->query_safe('BEGIN; UPDATE intermediate.things_clean SET amount = -1 WHERE id % 3 = 0');
my ($in, $out) = ('', '');
my $waiting = IPC::Run::start(
  [ 'psql', '-XAtq', '-d', $node->connstr('postgres'),
    '-c', "SELECT rows_updated > 0 FROM dap.refresh_intermediate('full') WHERE object = 'intermediate.things_clean'" ],
  '<',
  \$in,
  '>',
  \$out);
$node->poll_query_until('postgres',
  q{SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'intermediate.things_clean'::regclass)})
  or fail('a run waits for the table');
$writer->query_safe('COMMIT');
$writer->quit;
$waiting->finish;
is($out, "t\n", 'a table that was changed after the run had begun');
is(contents(), $expected, '... is the model\'s');

# Rights of the owner
sql('REVOKE INSERT ON intermediate.things_clean FROM keeper');
like(refresh(''), qr/ERROR:  42501: permission denied for table things_clean/, 'an owner who may not insert');
sql('GRANT INSERT ON intermediate.things_clean TO keeper; REVOKE SELECT ON staging.things FROM keeper');
like(refresh(''), qr/ERROR:  42501: permission denied for table things/, 'an owner who may not read the source');
sql('GRANT SELECT ON staging.things TO keeper');
refresh('');
sql('REVOKE SELECT ON intermediate.things_clean FROM keeper');
$node->psql('postgres', "SELECT * FROM dap.refresh_intermediate('full')", stderr => \$err);
like($err, qr/permission denied for table things_clean/, 'an owner who may not read the table');
sql('GRANT SELECT ON intermediate.things_clean TO keeper');
like(refresh(''), qr/things_clean is cleaned in bulk/, '... and may');
is(contents(), $expected, '... the same');

# Who looks at the state of things does not wait for a run that has not ended, and sees no size of what it fills
my $run = $node->background_psql('postgres');
sql('TRUNCATE intermediate.things_clean');
$run->query_safe("BEGIN; SELECT * FROM dap.refresh_intermediate('full')");
is(
  sql(
    q{SET lock_timeout = '5s'; SELECT state, bytes IS NULL FROM dap.status
    WHERE object = 'intermediate.things_clean'}),
  'running|t',
  'dap.status beside a run that fills the table');
$run->query_safe('ROLLBACK');
$run->quit;

# What is given up lets others read
sql(
  q{SELECT dap.ingest_bytes('things', 'long', convert_to(E'id,code,day,amount,note\n900000,c,2026-01-01,1,'
      || (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 400) AS g) || E'\n', 'UTF8'))});
$run = $node->background_psql('postgres');
sql('TRUNCATE intermediate.things_clean');
$run->query_safe("BEGIN; SELECT * FROM dap.refresh_intermediate('full')");
is(sql(q{SET lock_timeout = '5s'; SELECT count(*) FROM intermediate.things_clean}),
  '0', 'a step that was given up: readers see what was there before');
$run->query_safe('ROLLBACK');
$run->quit;
refresh('SET dap.engine = off');
$expected = contents();

# Logical decoding that streams what has not ended yet has to know whose the workers' rows are, also where the leader
# writes none: most keys are the lowest one, which is the first of another process's range.
sql(
  qq{SELECT dap.create_source('zeros', NULL, '{id,more}');
  SELECT dap.create_clean_model('zeros_clean', 'zeros', '[{"name": "id", "type": "bigint"},
    {"name": "more", "type": "bigint"}]', '{id,more}')});
{
  open my $file, '>:raw', "$inbox/zeros.csv" or die $!;
  print $file "id,more\n", map { ($_ % 5 < 3 ? 0 : $_) . ",$_\n" } 1 .. 200_000;
  close $file;
}
sql(
  "SELECT dap.ingest_csv('zeros', '$inbox/zeros.csv');
  SELECT pg_create_logical_replication_slot('decoded', 'test_decoding')");
sql(q{SET dap.max_refresh_workers = 1; SELECT dap.refresh_intermediate()});
is(
  sql(
    q{WITH changes AS (SELECT data FROM pg_logical_slot_get_changes('decoded', NULL, NULL, 'stream-changes', '1')),
      streamed AS (SELECT substring(data FROM 'streaming change for TXN (\d+)') AS txn FROM changes),
      committed AS (SELECT substring(data FROM 'committing streamed transaction TXN (\d+)') AS txn FROM changes)
    SELECT count(*) > 0, count(*) FILTER (WHERE txn NOT IN (SELECT txn FROM committed WHERE txn IS NOT NULL))
    FROM streamed WHERE txn IS NOT NULL}),
  't|0',
  'what is streamed to a subscriber is committed there');
sql("SELECT pg_drop_replication_slot('decoded'); SELECT dap.drop_model('zeros_clean')");

# A column of the source that is computed when it is read
if ($node->pg_version >= 18)
{
  sql(
    q{ALTER TABLE staging.zeros ADD twice text GENERATED ALWAYS AS (more || more) VIRTUAL;
      SELECT dap.create_clean_model('twice_clean', 'zeros', '[{"name": "more", "type": "bigint"},
        {"name": "twice", "type": "text"}]', '{more}');
      SELECT dap.refresh_intermediate()});
  is(sql('SELECT twice FROM intermediate.twice_clean WHERE more = 17'), '1717', 'a virtual column has its value');
}

# Within a transaction that has made other changes, and is rolled back
$node->psql(
  'postgres', q{BEGIN; SAVEPOINT s; TRUNCATE intermediate.things_clean; SELECT dap.refresh_intermediate('full');
    ROLLBACK TO s; SELECT dap.refresh_intermediate('full'); ROLLBACK});
is(contents(), $expected, 'rolled back');

# Ends in the middle: cancelled, killed. A trigger on the source's file would not help: the moment is left to chance,
# and so tried more than once.
sub in_background
{
  my ($settings) = @_;
  sql('TRUNCATE intermediate.things_clean');
  my ($in, $out, $err) = ('', '', '');
  my $handle = IPC::Run::start(
    [ 'psql', '-XAtq', '-d', $node->connstr('postgres'),
      '-c', "$settings; SELECT count(*) FROM dap.refresh_intermediate('full')" ],
    '<',
    \$in,
    '>',
    \$out,
    '2>',
    \$err);
  return ($handle, \$err);
}

for my $way ('pg_cancel_backend(l.pid)', 'pg_terminate_backend(w.pid)', 'pg_terminate_backend(l.pid)')
{
  my $met = 0;
  for (1 .. 20)
  {
    my ($handle, $err) = in_background("SET dap.max_refresh_workers = 2");
    $met = $node->poll_query_until(
      'postgres',
      qq{SELECT count($way) > 0 OR NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE query LIKE '%refresh_intermediate%'
           AND pid <> pg_backend_pid() AND state = 'active')
         FROM pg_stat_activity AS w JOIN pg_stat_activity AS l ON l.pid = w.leader_pid
         WHERE w.backend_type = 'parallel worker' AND w.query LIKE '%refresh_intermediate%'});
    $handle->finish;
    last if $$err =~ /canceling|terminating|terminated|lost/;
    $met = 0;
  }
  ok($met, "$way met it");
  is(sql('SELECT count(*) FROM intermediate.things_clean'), '0', '... nothing is published');
  refresh('');
  is(contents(), $expected, '... the next run does it all');
}

# kill -9 of a worker, then of all
for my $round (1 .. 2)
{
  my ($handle, $err) = in_background('SET dap.max_refresh_workers = 2');
  if ($round == 1)
  {
    # Again where no worker was met
    for (1 .. 20)
    {
      my $pid = '';
      while ($handle->pump_nb && $pid eq '')
      {
        $pid = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'parallel worker' LIMIT 1});
      }
      last if $pid ne '' && kill('KILL', $pid);
      $handle->finish;
      ($handle, $err) = in_background('SET dap.max_refresh_workers = 2');
    }
  }
  else { $node->stop('immediate'); }
  eval { $handle->finish };
  $node->start if $round == 2;
  ok(comes_back($node), 'the server comes back');
  my ($whole) = $expected =~ /^(\d+)/;
  like(sql('SELECT count(*) FROM intermediate.things_clean'), qr/^(0|$whole)$/, '... with all or nothing');
  refresh('');
  is(contents(), $expected, '... the next run does it all');
}
ok(sound(), 'sound in the end');

done_testing();
