# Transactions of several calls beside each other: they wait, or end with 55P03, and never in a deadlock; what is in
# flight is neither lost nor superseded.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(fails sql start_server write_file);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $inbox = PostgreSQL::Test::Utils::tempdir;
chmod 0755, $inbox;
# A deadlock that the server could see would be seen.
my $node = start_server(
  'order',
  "max_worker_processes = 8\ndeadlock_timeout = '100ms'\nmax_prepared_transactions = 1\nlog_statement = none\n",
  'CREATE SCHEMA staging; CREATE SCHEMA intermediate; CREATE SCHEMA analytics');
sub file { my ($name, $text) = @_; chmod 0644, write_file("$inbox/$name", $text); return; }
sub session
{
  my $s = $node->background_psql('postgres', on_error_stop => 0);
  $s->{pid} = $s->query_safe('SELECT pg_backend_pid()');
  $s->query_safe('\set VERBOSITY verbose');
  return $s;
}
sub start
{
  my ($session, $query) = @_;
  $session->{stderr} = '';
  $session->query_until(qr/go/, "\\echo go\n$query;\n");
  return;
}
# In a queue of the server, or outside with a mark.
sub waits
{
  my ($session) = @_;
  return $node->poll_query_until(
    'postgres',
    "SELECT EXISTS (SELECT FROM pg_locks
        WHERE pid = $session->{pid} AND (NOT granted OR locktype = 'object' AND objsubid = 1))"
  );
}
# What the session said since it was started, or its error.
sub finished
{
  my ($session) = @_;
  my $out = $session->query('SELECT 0') =~ s/\n?0$//r;
  return $session->{stderr} =~ /ERROR:\s+(.*)/ ? $1 : $out;
}
sub asks
{
  my ($session, $query) = @_;
  $session->{stderr} = '';
  my $out = $session->query($query);
  return $session->{stderr} =~ /ERROR:\s+(.*)/ ? $1 : $out;
}
sub does
{
  my ($session, $query) = @_;
  my $answer = asks($session, $query);
  die "$query: $session->{stderr}" if $session->{stderr} =~ /ERROR/;
  return $answer;
}
my $number = 0;
sub bytes
{
  my ($source, $text) = @_;
  $number++;
  return "SELECT status FROM dap.ingest_bytes('$source', 'file $number', convert_to(E'$text\\n', 'UTF8'))";
}
my $refresh = "SELECT count(*) FROM dap.refresh_all() WHERE action IN ('loaded', 'merged', 'built')";

file("$_.csv", "id,v\n1,1\n") for qw(p q);
sql("SELECT dap.create_source(s, '$inbox/' || s || '*.csv', '{id,v}') FROM unnest('{p,q}'::text[]) AS s");
sql(
  q{SELECT dap.create_clean_model('m' || s, s,
      '[{"name": "id", "type": "bigint"}, {"name": "v", "type": "integer"}]', '{id}')
      FROM unnest('{p,q}'::text[]) AS s}
);
sql("SELECT dap.create_source('w', columns => '{id,extra}')");
is(sql($refresh), 4, 'the pipeline');
my ($one, $two, $three) = (session(), session(), session());

#### A definition beside a load in flight

does($one, 'BEGIN; ' . bytes('w', 'id,extra\n1,precious'));
is(sql("SELECT dap.create_source('w', columns => '{id,extra}')"),
  'staging.w', 'the same definition does not wait for a load');
start($two, "SELECT dap.create_source('w', columns => '{id}', or_replace => true)");
waits($two);
does($one, 'COMMIT');
like(
  finished($two),
  qr/^55000: column "extra" of staging.w holds values/,
  'a definition waits for a load, and what it brought counts');
is(sql('SELECT id, extra FROM staging.w'), '1|precious', 'nothing is lost');
does($two, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
sql("SELECT dap.create_source('w2', columns => '{id,extra}')");
like(
  asks($two, "SELECT dap.create_source('w', columns => '{id,extra,more}', or_replace => true)"),
  qr/^40001: could not serialize access: definitions were changed/,
  'with an older snapshot it is refused where definitions changed');
does($two, 'ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
sql(bytes('w2', 'id,extra\n1,precious'));
like(
  asks($two, "SELECT dap.create_source('w2', columns => '{id}', or_replace => true)"),
  qr/^40001: could not serialize access: files were loaded/,
  'and where files came that it could not see');
does($two, 'ROLLBACK');
is(sql('SELECT extra FROM staging.w2'), 'precious', 'nothing is lost there either');
does($one, 'BEGIN; ' . bytes('w2', 'id,extra\n2,late'));
start($two, "SELECT dap.drop_source('w2')");
waits($two);
does($one, 'COMMIT');
is(finished($two), '', 'a source is dropped when the load has ended');
is(sql("SELECT string_agg(DISTINCT status, ',') FROM dap.files WHERE source = 'w2'"), 'unloaded', 'with its file');

# What was looked up before the wait is looked up again after it.
does($one, "BEGIN; SELECT dap.create_source('held', columns => '{a}')");
start($two, "SELECT dap.create_source('handed', columns => '{a}')");
waits($two);
does(
  $one,
  'CREATE ROLE new_owner; GRANT CREATE ON SCHEMA staging TO new_owner; ALTER TABLE staging.held OWNER TO new_owner;
      ALTER SCHEMA staging OWNER TO new_owner; COMMIT'
);
is(finished($two), 'staging.handed', 'a source is made');
is(sql("SELECT tableowner FROM pg_tables WHERE tablename = 'handed'"),
  'new_owner', 'and belongs to who owns its layer now');
sql(
  "ALTER SCHEMA staging OWNER TO postgres; ALTER TABLE staging.held OWNER TO postgres; ALTER TABLE staging.handed
      OWNER TO postgres"
);
sql(
  "SELECT dap.create_source('late', columns => '{id,v}'); SELECT status
      FROM dap.ingest_bytes('late', '/in/late.csv', 'id')"
);
does($one, q{BEGIN; SELECT status FROM dap.ingest_bytes('late', '/in/late.csv', 'id,v\0121,1\012')});
start($two, "SELECT dap.dismiss_file('late.csv', 'why')");
waits($two);
does($one, 'COMMIT');
like(
  finished($two),
  qr/^55000: the records of "\/in\/late\.csv" are loaded/,
  'a file that was loaded while its dismissal waited');
is(sql(q{SELECT string_agg(status, ',') FROM dap.files WHERE source = 'late'}), 'loaded', 'is not dismissed');

#### A load under a superseded definition

does($two, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
sql(q{SELECT dap.create_source('w', columns => '{id,extra}', options => '{"delimiter": ";"}', or_replace => true)});
like(
  asks($two, bytes('w', 'id;extra\n9;"9"')),
  qr/^40001: could not serialize access: the definition of the source was changed/,
  'an older snapshot does not load under an older definition');
does($two, 'ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ');
is(
  asks(
    $two,
    q{SELECT dap.create_source('w', columns => '{id,extra}', or_replace => true);}
      . bytes('w', 'id,extra\n7,7') . ';'
      . bytes('w', 'id,extra\n8,8')),
  "staging.w\nloaded\nloaded",
  'its own changes do not disturb it');
does($two, 'COMMIT');

#### Load, then refresh

file('p2.csv', "id,v\n2,2\n");
does($one, 'BEGIN; ' . bytes('p', 'id,v\n5,5'));
start($two, $refresh);
waits($two);
is(asks($one, $refresh), 2, 'a transaction that loads and then refreshes goes first');
is(sql("SELECT count(*) FROM pg_locks WHERE pid = $two->{pid} AND granted AND locktype = 'object'"),
  0, 'the refresh that waits for it holds nothing');
does($one, 'COMMIT');
is(finished($two), 0, 'and goes on when it has ended');

# Two that wait for each other: one ends with 55P03, the other goes on when that one is rolled back.
sub circle
{
  my ($what, $first, $then, $second, $thereafter) = @_;
  asks($one, "BEGIN; $first");
  asks($two, "BEGIN; $second");
  start($one, $then);
  waits($one);
  start($two, $thereafter);
  my $loser =
    $node->poll_query_until('postgres',
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'idle in transaction (aborted)')")
    && sql("SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction (aborted)'");
  my ($out, $on) = $loser == $one->{pid} ? ($one, $two) : ($two, $one);
  like(
    finished($out),
    qr/^55P03: could not .*: this transaction and another one wait for each other/,
    "$what: one gives up");
  asks($out, 'ROLLBACK');
  unlike(finished($on), qr/^[0-9A-Z]{5}:/, "$what: the other goes on");
  asks($on, 'ROLLBACK');
  return;
}
circle('two that load, then refresh', bytes('p', 'id,v\n6,6'), $refresh, bytes('q', 'id,v\n6,6'), $refresh);
circle(
  'two that load two sources',
  bytes('p', 'id,v\n6,6'),
  bytes('q', 'id,v\n7,7'),
  bytes('q', 'id,v\n8,8'),
  bytes('p', 'id,v\n9,9'));
circle(
  'a load and a definition',
  bytes('p', 'id,v\n6,6'),
  "SELECT dap.drop_model('mq')",
  "SELECT dap.create_source('w3', columns => '{a}')",
  bytes('p', 'id,v\n7,7'));
circle(
  'one that holds a table, then refreshes',
  'LOCK TABLE intermediate.mp IN SHARE MODE',
  $refresh,
  "SELECT dap.create_source('w3', columns => '{a}')",
  "SELECT count(*) FROM dap.refresh_intermediate('full')");
circle(
  'one that analyzed, then defines',
  'ANALYZE intermediate.mp',
  "SELECT dap.drop_model('mq')",
  "SELECT dap.create_source('w3', columns => '{a}')",
  "SELECT count(*) FROM dap.refresh_intermediate('full')");
circle(
  'one that wrote, then defines',
  'UPDATE intermediate.mp SET v = v',
  "SELECT dap.drop_model('mq')",
  "SELECT dap.create_source('w3', columns => '{a}')",
  "SELECT count(*) FROM dap.refresh_intermediate('full')");

# A plain refresh is not the one that gives up.
asks($one, 'BEGIN; ANALYZE intermediate.mp');
file('p3.csv', "id,v\n3,3\n");
start($two, $refresh);
waits($two);
like(
  asks($one, $refresh),
  qr/^55P03: could not start a refresh: this transaction and another one wait for each other/,
  'whoever holds a table that a refresh waits for cannot refresh');
like($one->{stderr}, qr/DETAIL:  The transaction holds locks.*HINT:  Commit before/s, 'is told why, and what to do');
asks($one, 'ROLLBACK');
is(finished($two), 2, 'and the refresh goes on');

# Where nobody is in a circle it is only a wait, which keeps to lock_timeout and can be cancelled.
asks($one, 'BEGIN; ' . bytes('p', 'id,v\n10,10'));
asks($two, 'BEGIN; ' . bytes('q', 'id,v\n10,10'));
start($one, bytes('q', 'id,v\n11,11'));
waits($one);
does($two, 'COMMIT');
is(finished($one), 'loaded', 'a second source in a transaction is waited for');
asks($two, 'BEGIN; ' . bytes('w', 'id,extra\n10,10'));
like(
  asks($two, "SET lock_timeout = '200ms';" . bytes('q', 'id,v\n12,12')),
  qr/^55P03: could not load into source "q" within "lock_timeout"/,
  'within lock_timeout');
asks($two, "ROLLBACK; BEGIN; RESET lock_timeout; " . bytes('w', 'id,extra\n11,11'));
my $began = time;
like(asks($two, "SET statement_timeout = '300ms';" . bytes('q', 'id,v\n12,12')), qr/^57014/, 'and statement_timeout');
cmp_ok(time - $began, '<', 5, 'at once');
asks($two, 'ROLLBACK; RESET ALL');
does($one, 'ROLLBACK');
like(fails("BEGIN; " . bytes('p', 'id,v\n13,13') . "; SET lock_timeout = '1ms'; SELECT dap.drop_model('nothing')"),
  qr/42704/, 'what is free is not waited for');
is(sql("SELECT count(*) FROM pg_locks WHERE locktype = 'object'"), 0, 'no mark is left');

# A prepared transaction waits for nobody.
asks($one, 'BEGIN; ' . bytes('p', 'id,v\n14,14') . "; PREPARE TRANSACTION 'gone'");
asks($two, 'BEGIN; ' . bytes('q', 'id,v\n14,14'));
start($two, bytes('p', 'id,v\n15,15'));
waits($two);
sql("COMMIT PREPARED 'gone'");
is(finished($two), 'loaded', 'a prepared transaction is waited for');
does($two, 'COMMIT');

#### A column that a file brings

my ($loader, $reader) = (session(), session());
sub columns
{
  return sql(
    "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'staging.$_[0]'::regclass
        AND attnum > 0 AND NOT attisdropped"
  );
}
file('p4.csv', "id,v\n4,4\n");
file('p5.csv', "id,v,n\n5,5,new\n");
does($loader, "BEGIN; $refresh");
is(sql("SET lock_timeout = '2s'; SELECT count(*), count(n) FROM staging.p"), '6|0', 'readers go on while the run does');
does($loader, 'COMMIT');
is(sql('SELECT count(*), count(n) FROM staging.p'), '8|1', 'then they see its rows');
does($loader, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
is(asks($loader, bytes('p', 'id,v,rr\n6,6,x') . '; SELECT count(rr) FROM staging.p'),
  "loaded\n1", 'a transaction with a snapshot adds a column too');
is(sql("SET lock_timeout = '2s'; SELECT count(*) FROM staging.p"), 8, 'and keeps no reader out');
does($loader, 'ROLLBACK');
is(columns('p'), '_line,_file_id,id,v,n,rr', 'a column stays where its load is rolled back');
is(sql('SELECT count(*) FROM staging.p'), 8, 'the records do not');

# A reader that stays: the load waits for it, other readers do not wait for the load.
does($reader, 'BEGIN; SELECT count(*) FROM staging.p');
start($loader, bytes('p', 'id,v,late\n7,7,x'));
waits($loader);
is(
  join(',', map { sql("SET lock_timeout = '2s'; SELECT count(*) FROM staging.p") } 1 .. 20),
  join(',', (8) x 20),
  'readers pass a load that waits for one of them');
does($reader, 'COMMIT');
is(finished($loader), 'loaded', 'it goes on when that one has ended');
does($reader, 'BEGIN; SELECT count(*) FROM staging.p');
like(
  asks($loader, "SET lock_timeout = '300ms';" . bytes('p', 'id,v,later\n8,8,x')),
  qr/^55P03: could not add columns to staging\.p within "lock_timeout"/,
  'lock_timeout ends the wait');
like(asks($loader, "RESET lock_timeout; SET statement_timeout = '500ms';" . bytes('p', 'id,v,later\n8,8,x')),
  qr/^57014/, 'so does a cancel');
is(sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dap column adder'"), 0, 'and the worker is gone');
does($loader, 'RESET statement_timeout; BEGIN; ' . bytes('q', 'id,v\n20,20'));
start($loader, bytes('p', 'id,v,later\n8,8,x'));
waits($loader);
like(
  asks($reader, bytes('q', 'id,v\n21,21')),
  qr/^55P03: could not load into source "q": this transaction and another one wait/,
  'a reader that needs what the load holds gives up') if $reader->{pid} > $loader->{pid};
asks($reader, 'ROLLBACK');
is(finished($loader), 'loaded', 'and the load goes on');
does($loader, 'COMMIT');
is(columns('p'), '_line,_file_id,id,v,n,rr,late,later', 'its column is there');

# What only this transaction can see, or has changed, it alters itself.
does($loader, "BEGIN; SELECT dap.create_source('fresh', columns => '{a}')");
is(asks($loader, bytes('fresh', 'a,b\n1,2') . ';' . bytes('fresh', 'a,b,c\n1,2,3')),
  "loaded\nloaded", 'a source of this transaction');
does($loader, 'COMMIT');
is(columns('fresh'), '_line,_file_id,a,b,c', 'has the columns');
does($loader, 'BEGIN; GRANT SELECT ON staging.fresh TO PUBLIC');
is(asks($loader, bytes('fresh', 'a,d\n1,2')), 'loaded', 'a table whose catalog entry it has changed');
does($loader, 'COMMIT; BEGIN; SAVEPOINT s; ALTER TABLE staging.fresh ADD COLUMN f text; ROLLBACK TO s');
is(asks($loader, bytes('fresh', 'a,f\n1,2')), 'loaded', 'a change of which was rolled back');
does($loader, 'COMMIT');
is(sql('SELECT string_agg(concat(a, b, c, d, f), \',\' ORDER BY _file_id) FROM staging.fresh'),
  '12,123,12,12', 'every value is in its column');
sql("SELECT dap.create_source('changed', columns => '{a,c}')");
does($loader, "BEGIN; SELECT dap.create_source('changed', columns => '{a}', or_replace => true)");
is(asks($loader, bytes('changed', 'a,c\n1,2') . '; SELECT a, c FROM staging.changed'),
  "loaded\n1|2", 'a table of which it has dropped a column');
does($loader, 'COMMIT; BEGIN; ALTER TABLE staging.changed RENAME COLUMN c TO d');
is(asks($loader, bytes('changed', 'a,c\n3,4') . '; SELECT a, c, d FROM staging.changed ORDER BY a'),
  "loaded\n1||2\n3|4|", 'and renamed one');
does($loader, 'COMMIT');
like(
  fails(
        "SELECT l.status FROM staging.fresh f, LATERAL dap.ingest_bytes('fresh', f.a || 'x', "
      . "convert_to(E'a,g\\n1,2\\n', 'UTF8')) l"),
  qr/55006: cannot ALTER TABLE "fresh" because it is being used/,
  'a table that the calling query reads is refused as before');

# Partitions, and a file that fails.
sql(
  q{CREATE TABLE staging.parted (_line bigint, _file_id integer, a text) PARTITION BY HASH (_line);
  CREATE TABLE staging.parted_0 PARTITION OF staging.parted FOR VALUES WITH (MODULUS 1, REMAINDER 0);
    SELECT dap.create_source('parted', columns => '{a}')}
);
is(
  sql(
        'BEGIN; '
      . bytes('parted', 'a\n1') . ';'
      . bytes('parted', 'a,b\n1,2')
      . "; COMMIT; SELECT count(b) FROM staging.parted_0"),
  "loaded\nloaded\n1",
  'a partitioned table');
like(
  fails(
        "SELECT l.status FROM staging.parted_0 f, LATERAL dap.ingest_bytes('parted', f.a || 'x', "
      . "convert_to(E'a,g\\n1,2\\n', 'UTF8')) l"),
  qr/55006: cannot ALTER TABLE "parted_0" because it is being used/,
  'a partition that the calling query reads');
is(sql(bytes('fresh', 'a,never\n1,2,3')), 'failed', 'a file that fails');
unlike(columns('fresh'), qr/never/, 'leaves no column');

# An event trigger that waits for a row that the load's transaction has written: the load goes on by itself.
sql(
  q{CREATE TABLE public.changes (n int); INSERT INTO public.changes VALUES (0);
  CREATE FUNCTION public.count_changes() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.changes
    SET n = n + 1; END $$;
  CREATE EVENT TRIGGER counting ON ddl_command_end
    WHEN tag IN ('ALTER TABLE') EXECUTE FUNCTION public.count_changes()}
);
does($loader, 'BEGIN; UPDATE public.changes SET n = n + 1');
$began = time;
like(asks($loader, "SET LOCAL statement_timeout = '500ms';" . bytes('fresh', 'a,counted\n1,2')),
  qr/^57014/, 'an event trigger that waits for the load: a cancel ends it');
cmp_ok(time - $began, '<', 2.5, 'at once');
does($loader, "ROLLBACK; BEGIN; UPDATE public.changes SET n = n + 1; SET LOCAL statement_timeout = '60s'");
is(asks($loader, bytes('fresh', 'a,counted\n1,2')), 'loaded', 'else the load adds the column itself');
like(
  $loader->{stderr},
  qr/WARNING:.*no background worker could add columns to staging\.fresh: ALTER TABLE did not end within 3 s\n.*HINT:  .*event triggers/s,
  'with a warning');
does($loader, 'COMMIT');
is(sql('SELECT count(counted) FROM staging.fresh'), 1, 'and its values are there');
is(sql('SELECT n FROM public.changes'), 2, 'and what the trigger did');
sql('DROP EVENT TRIGGER counting');

#### DROP EXTENSION

does($one, 'BEGIN; ' . bytes('p', 'id,v\n30,30'));
like(fails("SET lock_timeout = '300ms'; DROP EXTENSION dap_analytics CASCADE"),
  qr/55P03/, 'DROP EXTENSION waits for a load');
does($one, 'COMMIT');
unlike(slurp_file($node->logfile), qr/deadlock detected|XX000/, 'no deadlock, no internal error');
$_->quit for ($one, $two, $three, $loader, $reader);
$node->stop;

# Without a worker to be had
$node = start_server('workers', "max_worker_processes = 0\n", 'CREATE SCHEMA staging');
sql("SELECT dap.create_source('p', columns => '{a}')");
my ($code, $out, $err) = $node->psql('postgres', bytes('p', 'a,b\n1,2'));
is($out, 'loaded', 'without a worker a column is added all the same');
like(
  $err,
  qr/WARNING:  no background worker could add columns to staging\.p: no background worker slot is free\nDETAIL:  .*until it ends.*\nHINT:  .*max_worker_processes/,
  'with a warning');
is(sql('SELECT concat(a, b) FROM staging.p'), '12', 'and holds its values');
$node->stop;
done_testing();
