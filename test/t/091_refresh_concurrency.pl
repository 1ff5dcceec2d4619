# The refresh beside everything else: readers, loads, changes of definitions, other people's locks, and a server that
# goes down.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(comes_back);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = PostgreSQL::Test::Cluster->new('concurrency');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf',
      "autovacuum = off\nmax_worker_processes = 16\nlog_statement = none\ndeadlock_timeout = '200ms'\n"
    . "log_lock_waits = off\nrestart_after_crash = on\n");
$node->start;
my $inbox = PostgreSQL::Test::Utils::tempdir;
chmod 0755, $inbox;
sub sql { return $node->safe_psql('postgres', $_[0]); }
sub complaints { my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$_[0]"); return $err; }
sub put_file
{
  my ($name, @lines) = @_;
  open(my $handle, '>:raw', "$inbox/$name") or die $!;
  print $handle join('', map { "$_\n" } @lines);
  close($handle);
  chmod 0644, "$inbox/$name";
}
my $header = 'transaction_id,user_id,amount,transaction_date';
my $next = 100;
# Each moves every sum by the same amount.
sub new_file { $next++; put_file("transactions_$next.csv", $header, "$next,1,100.00,2024-01-05"); return $next; }

put_file('users_1.csv', 'user_id,name,email,phone,created_at', map { "$_,N$_,e$_\@example.com,1,2024-01-01" } 1 .. 50);
put_file(
  'onboarding_1.csv',
  'onboarding_id,user_id,role,status,onboarding_date',
  map { "$_,$_,buyer,kyc_done,2024-01-03" } 1 .. 50);
put_file('transactions_1.csv', $header, map { "$_," . (1 + $_ % 50) . ",10.00,2024-01-0" . (1 + $_ % 9) } 1 .. 90);
sql("CREATE EXTENSION dap_analytics; SELECT count(*) FROM dap.setup('$inbox'); SELECT count(*) FROM dap.refresh_all()");
# A gate: a refresh that has a row to write waits at it while somebody holds the key.
sql(
  q{
  CREATE FUNCTION public.gate() RETURNS trigger
    LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END $$;
  CREATE TRIGGER gate BEFORE INSERT OR UPDATE ON intermediate.transactions_clean FOR EACH STATEMENT
    EXECUTE FUNCTION public.gate();
});
my $keeper = $node->background_psql('postgres');
sub close_gate { $keeper->query_safe('SELECT pg_advisory_lock(4711)'); }
sub open_gate { $keeper->query_safe('SELECT pg_advisory_unlock(4711)'); }
sub wait_until { my ($what, $query) = @_; $node->poll_query_until('postgres', $query) or die "timed out: $what"; }
sub session
{
  my $s = $node->background_psql('postgres', on_error_stop => 0);
  return ($s, $s->query_safe('SELECT pg_backend_pid()'));
}
sub start { my ($session, $query) = @_; $session->query_until(qr/go/, "\\echo go\n$query;\n"); }
sub waits_at_gate
{
  my ($pid) = @_;
  wait_until('gate', "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $pid AND locktype = 'advisory' AND NOT granted)");
}
# In a queue of the server, or outside with a mark.
sub waits
{
  my ($pid) = @_;
  wait_until('wait',
    "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $pid AND (NOT granted OR locktype = 'object' AND objsubid = 1))");
}
# What the session said since it was started; its errors are left in stderr.
sub finished { my ($session) = @_; return $session->query('SELECT 0') =~ s/\n?0$//r; }

my $refresh = "SELECT count(*) FROM dap.refresh_all() WHERE action IN ('loaded', 'merged')";
my $sums = q{SELECT (SELECT total_amount FROM analytics.transaction_stats) AS a,
      (SELECT sum(total_amount) FROM analytics.daily_transaction_stats) AS b,
  (SELECT sum(total_amount) FROM analytics.kyc_comparison) AS c,
    (SELECT sum(total_amount) FROM analytics.kyc_comparison_by_role) AS d,
  (SELECT sum(total_amount) FROM intermediate.user_activity) AS e,
    (SELECT sum(amount) FROM intermediate.transactions_clean) AS f};

# --- readers ------------------------------------------------------------------------------------
my ($refresher, $refresher_pid) = session();
my ($reader, $reader_pid) = session();
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $seen = $reader->query_safe($sums);
my ($cursor) = session();
$cursor->query_safe(
  'BEGIN; DECLARE c CURSOR FOR SELECT user_id, total_amount FROM intermediate.user_activity ORDER BY 1');
$cursor->query_safe('FETCH 10 FROM c');
new_file();
close_gate();
start($refresher, $refresh);
waits_at_gate($refresher_pid);
is($node->safe_psql('postgres', "SET statement_timeout = '10s'; $sums"),
  $seen, 'a reader does not wait for a refresh, and sees what was before it');
$node->command_ok(
  [ 'pg_dump', '-p', $node->port, '-h',
    $node->host, '--lock-wait-timeout=10000', '-f', "$inbox/../dump.sql",
    'postgres' ],
  'pg_dump does not wait either');
open_gate();
cmp_ok(finished($refresher), '>', 5, 'nor does the refresh wait for open readers');
is($reader->query_safe($sums), $seen, 'whose transaction still sees its one set');
is($cursor->query_safe('FETCH ALL FROM c') =~ tr/\n//, 39, 'as does a cursor');
$reader->query_safe('COMMIT');
isnt($reader->query_safe($sums), $seen, 'and the new one afterwards');
$cursor->quit;

# All tables at once: each statement of a reader, while refreshes come and go.
my $dir = PostgreSQL::Test::Utils::tempdir;
put_file('../looks.sql',
  "$sums \\gset\nSELECT 1 / (CASE WHEN :a = :b AND :a = :c AND :a = :d AND :a = :e AND :a = :f THEN 1 ELSE 0 END);");
my $looks = IPC::Run::start(
  [ 'pgbench', '-n', '-f', "$inbox/../looks.sql", '-T', '4', '-p', $node->port, '-h', $node->host, 'postgres' ],
  '>', \my $looks_out,
  '2>', \my $looks_err);
my $published = 0;
for (1 .. 6) { new_file(); $published++ if $refresher->query_safe($refresh) > 5; }
$looks->finish;
is($published, 6, 'refreshes go on while others read');
unlike($looks_err, qr/division by zero|aborted/, 'and no statement sees one table of a run without the others');
like($looks_out, qr/number of transactions actually processed: [1-9]/, 'of many');

# --- one set of files ---------------------------------------------------------------------------
sql(
  q{
  SELECT dap.create_source('s', NULL, '{k,v}');
  SELECT dap.create_clean_model('late', 's', '[{"name": "k", "type": "integer"}, {"name": "v", "type": "integer"}]',
    '{k}');
  SELECT dap.create_model('intermediate.late_raw', 'SELECT k, count(*) AS n FROM staging.s GROUP BY 1', '{k}');
  CREATE TABLE public.rate (n int); INSERT INTO public.rate VALUES (7);
  SELECT dap.create_model('rated', 'SELECT l.k, l.v * r.n AS v FROM intermediate.late l, public.rate r', '{k}');
  SELECT count(*) FROM dap.ingest_bytes('s', 'a', convert_to(E'k,v\n1,1\n', 'UTF8'));
});
new_file();
close_gate();
start($refresher, $refresh);
waits_at_gate($refresher_pid);
my ($other, $other_pid) = session();
is(
  $other->query_safe(
    q{SET statement_timeout = '10s'; SELECT status FROM dap.ingest_bytes('s', 'b', convert_to(E'k,v\n2,2\n', 'UTF8'))}),
  'loaded',
  'a load of another source does not wait for a refresh');
start($other, 'TRUNCATE public.rate; INSERT INTO public.rate VALUES (8)');
waits($other_pid);
open_gate();
finished($refresher);
is(
  sql(
    'SELECT (SELECT count(*) FROM intermediate.late), (SELECT count(*) FROM intermediate.late_raw),
        (SELECT string_agg(v::text, \',\') FROM analytics.rated)'
  ),
  '1|1|7',
  'every step reads the files that were there when it began, and what else it reads is held fast');
finished($other);
is(
  $refresher->query_safe("SELECT string_agg(object, ',' ORDER BY step) FROM dap.refresh_all() WHERE action = 'merged'"),
  'intermediate.late,intermediate.late_raw,analytics.rated', 'the next one reads the others');
is(sql('SELECT string_agg(v::text, \',\' ORDER BY k) FROM analytics.rated'), '8,16', 'and what was changed since');

# --- definitions --------------------------------------------------------------------------------
new_file();
close_gate();
start($refresher, $refresh);
waits_at_gate($refresher_pid);
like(
  complaints("SET lock_timeout = '300ms'; SELECT dap.create_model('m', 'SELECT 1 AS one', '{one}')"),
  qr/ERROR:  55P03: could not change a definition.*DETAIL:  Run \d+ \(pid $refresher_pid,/s,
  'a definition is not changed during a refresh: lock_timeout says who holds the lock');
start(
  $other,
  q{SELECT dap.create_model('rated', 'SELECT l.k, l.v * r.n AS v, true AS b FROM intermediate.late l, public.rate r',
      '{k}', or_replace => true)}
);
waits($other_pid);
open_gate();
cmp_ok(finished($refresher), '>', 5, 'a refresh with a definition waiting');
is(finished($other), 'analytics.rated', 'which then changes');
$other->query_safe(
  q{BEGIN; SELECT dap.create_clean_model('late', 's',
      '[{"name": "k", "type": "bigint"}, {"name": "v", "type": "integer"}]', '{k}', or_replace => true)}
);
start($refresher, $refresh);
waits($refresher_pid);
# In the order that would end in a deadlock if the refresh held its tables already.
$other->query_safe(
  q{SELECT dap.create_model('intermediate.late_raw',
      'SELECT k, count(*) AS n, min(v) AS v FROM staging.s GROUP BY 1', '{k}', or_replace => true);
      SELECT dap.drop_model('rated'); COMMIT}
);
is(finished($refresher), 1, 'a refresh waits for a transaction that changes definitions, and takes them all');
is($refresher->{stderr}, '', 'without trouble');

# --- other people's locks -----------------------------------------------------------------------
new_file();
$other->query_safe('BEGIN; CREATE INDEX by_day ON intermediate.transactions_clean (transaction_at)');
like(
  complaints("SET lock_timeout = '500ms'; $refresh"),
  qr/ERROR:  55P03: /,
  'CREATE INDEX holds a refresh up, for lock_timeout at most');
is(
  sql('SELECT status, sqlstate, failed_step FROM dap.runs ORDER BY run_id DESC LIMIT 1'),
  'failed|55P03|intermediate.transactions_clean',
  'which is on record');
start($refresher, $refresh);
waits($refresher_pid);
$other->query_safe('COMMIT');
cmp_ok(finished($refresher), '>', 5, 'it goes on when the index is there');
new_file();
close_gate();
start($refresher, $refresh);
waits_at_gate($refresher_pid);
start($other, 'VACUUM (ANALYZE) intermediate.transactions_clean');
waits($other_pid);
open_gate();
cmp_ok(finished($refresher), '>', 5, 'VACUUM waits for a refresh');
finished($other);
is($other->{stderr}, '', 'and is done after it');

# A load that adds a column waits for a reader of the table, never for one who waits for it.
new_file();
close_gate();
start($refresher, $refresh);
waits_at_gate($refresher_pid);
start(
  $other,
  q{SELECT status
      FROM dap.ingest_bytes('users', 'wider',
      convert_to(E'user_id,name,email,phone,created_at,more\n51,N,,,2024-01-01,x\n', 'UTF8'))}
);
waits($other_pid);
open_gate();
cmp_ok(finished($refresher), '>', 5, 'a refresh while a load of its source waits');
is(finished($other), 'loaded', 'which is then done');

# --- all of it together -------------------------------------------------------------------------
put_file('../refresh.sql', 'SELECT count(*) FROM dap.refresh_all();');
put_file(
  '../tiers.sql',
  'SELECT count(*) FROM dap.refresh_intermediate();',
  'SELECT count(*) FROM dap.refresh_analytics(\'full\');');
put_file(
  '../load.sql',
  '\set n random(1, 1000000000)',
  q{SELECT count(*) FROM dap.ingest_bytes('transactions', 'n' || :n, convert_to(E'}
    . $header
    . q{\n' || :n || E',1,1.00,2024-01-05\n', 'UTF8'));});
put_file(
  '../define.sql',
  '\set n random(1, 3)',
  q{SELECT dap.create_model('m', 'SELECT ' || :n || ' AS one, count(*) AS n FROM intermediate.transactions_clean',
      '{one}', or_replace => true);},
  q{SELECT dap.create_source('s', NULL, '{k,v}', jsonb_build_object('max_rejects', :n), true);});
put_file(
  '../maintain.sql',
  'ANALYZE intermediate.transactions_clean;',
  'VACUUM analytics.transaction_stats;',
  'REINDEX INDEX intermediate.by_day;',
  "$sums;");
my @benches;
for my $script ('refresh', 'refresh', 'tiers', 'load', 'load', 'define', 'maintain')
{
  my ($out, $err) = ('', '');
  push @benches,
    {
    script => $script,
    out => \$out,
    err => \$err,
    run => IPC::Run::start(
      [ 'pgbench', '-n', '-f', "$inbox/../$script.sql", '-T', '6', '-p', $node->port, '-h', $node->host, 'postgres' ],
      '>', \$out, '2>', \$err) };
}
$_->{run}->finish for @benches;
for my $bench (@benches)
{
  unlike(${ $bench->{err} }, qr/ERROR|aborted/, "$bench->{script}, beside all others: no error")
    or diag(${ $bench->{err} });
  like(${ $bench->{out} }, qr/number of transactions actually processed: [1-9]/, "$bench->{script}: done");
}
unlike(slurp_file($node->logfile), qr/deadlock detected/, 'no deadlock');
$refresher->query_safe('SELECT count(*) FROM dap.refresh_all()');
is(sql("SELECT string_agg(DISTINCT action, ',') FROM dap.refresh_all('full') WHERE action <> 'skipped'"),
  'unchanged', 'and full finds nothing to change at the end');
is(sql("SELECT count(*) FROM dap.runs WHERE status <> 'succeeded'"),
  1, 'every run but the one that waited too long has succeeded');

# --- the server goes down -----------------------------------------------------------------------
my $digest = q{SELECT md5(string_agg(t::text, '' ORDER BY t::text))
      FROM (SELECT t::text FROM intermediate.transactions_clean t UNION ALL SELECT t::text
      FROM analytics.daily_transaction_stats t
  UNION ALL SELECT t::text FROM staging.transactions t UNION ALL SELECT t::text FROM dap_internal.file_ledger t) AS t};
my $before = sql($digest);
for my $mode ('kill', 'immediate')
{
  new_file();
  close_gate();
  start($refresher, $refresh);
  waits_at_gate($refresher_pid);
  if ($mode eq 'kill') { kill 'KILL', $refresher_pid; }
  else { $node->stop('immediate'); $node->start; }
  eval { $_->quit } for ($refresher, $keeper, $reader, $other);
  comes_back($node) or die 'the server does not come back';
  is(sql($digest), $before, "$mode: data as before");
  is(sql('SELECT status FROM dap.runs ORDER BY run_id DESC LIMIT 1'), 'crashed', "$mode: the run has crashed");
  cmp_ok(sql($refresh), '>', 5, "$mode: the next one does its work");
  is(sql("SELECT string_agg(DISTINCT action, ',') FROM dap.refresh_all('full') WHERE action <> 'skipped'"),
    'unchanged', "$mode: completely");
  $before = sql($digest);
  $keeper = $node->background_psql('postgres');
  ($refresher, $refresher_pid) = session();
}
eval { $_->quit } for ($refresher, $keeper);
$node->stop;
done_testing();
