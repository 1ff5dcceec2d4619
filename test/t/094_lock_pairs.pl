# Every pair of calls in two transactions at once, then random ones in three: they wait, or end with 55P03, but no
# deadlock is found, and no internal error.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(seeded sql start_server write_file);
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

seeded('DAP_LOCK_SEED');
my $inbox = PostgreSQL::Test::Utils::tempdir;
chmod 0755, $inbox;
sub file { my ($name, $text) = @_; chmod 0644, write_file("$inbox/$name", $text); return; }
# A wait of this length would be one for ever.
my $node = start_server(
  'pairs',
  "max_worker_processes = 16\ndeadlock_timeout = '50ms'\nlock_timeout = '60s'\nlog_statement = none\n"
    . "client_min_messages = error\n",
  'CREATE ROLE somebody');
file('users.csv', "user_id,name,email,phone,created_at\n1,A,,,2024-01-01\n");
file('onboarding.csv', "onboarding_id,user_id,role,status,onboarding_date\n1,1,buyer,kyc_done,2024-01-03\n");
file('transactions.csv', "transaction_id,user_id,amount,transaction_date\n1,1,1.00,2024-01-05\n");
file('p1.csv', "id,v\n1,1\n");
sql(
  qq{SELECT dap.setup('$inbox'); SELECT dap.create_source('p', '$inbox/p*.csv', '{id,v}');
      SELECT dap.create_source('q', columns => '{id,v}')}
);
sql(
  q{SELECT dap.create_clean_model('m' || s, s,
      '[{"name": "id", "type": "bigint"}, {"name": "v", "type": "integer"}]', '{id}')
      FROM unnest('{p,q}'::text[]) AS s}
);
sql(
  q{SELECT dap.ingest_bytes('q', 'rejects', convert_to(E'id,v\n1,1\n2\n', 'UTF8'), '{"max_reject_percent": 100}');
      SELECT dap.refresh_all()}
);
my $rejects = sql("SELECT file_id FROM dap.files WHERE path = 'rejects'");

my $new = 0;
sub number { return ++$new; }
my %calls = (
  ingest_csv => sub {
    my $n = number;
    file("p$n.csv", "id,v\n$n,1\n") if rand() < 0.3;
    return "SELECT count(*) FROM dap.ingest_csv('p')";
  },
  ingest_bytes => sub {
    my $n = number;
    my $s = ('p', 'q')[ rand 2 ];
    my $column = rand() < 0.3 ? ",c$n" : '';
    my $value = $column && ",$n";
    return "SELECT status FROM dap.ingest_bytes('$s', 'b$n', convert_to(E'id,v$column\\n$n,$n$value\\n', 'UTF8'))";
  },
  ingest_bad => sub {
    my $n = number;
    return "SELECT status FROM dap.ingest_bytes('q', 'bad', convert_to(E'id,v\\n$n\\n', 'UTF8'))";
  },
  refresh_all => sub { return 'SELECT count(*) FROM dap.refresh_all()'; },
  refresh_intermediate =>
    sub { return "SELECT count(*) FROM dap.refresh_intermediate('" . ('auto', 'full')[ rand 2 ] . "')"; },
  create_source => sub {
    my $s = ('p', 'q')[ rand 2 ];
    my $path = $s eq 'p' ? "'$inbox/p*.csv'" : 'NULL';
    my $n = int rand 5;
    return qq[SELECT dap.create_source('$s', $path, '{id,v}', '{"max_rejects": 10$n}', true)];
  },
  create_clean_model => sub {
    my $s = ('p', 'q')[ rand 2 ];
    my $most = number;
    return qq[SELECT dap.create_clean_model('m$s', '$s',
          '[{"name": "id", "type": "bigint"}, {"name": "v", "type": "integer", "max": 1000$most}]', '{id}',
          or_replace => true)];
  },
  create_model => sub {
    my $n = int rand 5;
    my $m = ('mp', 'mq')[ rand 2 ];
    return "SELECT dap.create_model('x', 'SELECT $n AS one, count(*) AS n FROM intermediate.$m, staging.p', '{one}',
          or_replace => true)";
  },
  drop_model => sub { return "SELECT dap.drop_model('x')"; },
  drop_source => sub { return "SELECT dap.drop_source('z')"; },
  make_source => sub { return "SELECT dap.create_source('z', columns => '{a}')"; },
  dismiss_file => sub { return "SELECT dap.dismiss_file('bad', 'why')"; },
  retry_rejects => sub { return "SELECT status FROM dap.retry_rejects($rejects)"; },
  setup => sub { return "SELECT count(*) FROM dap.setup('$inbox')"; },
  analyze => sub {
    my $m = ('intermediate.mp', 'intermediate.mq', 'staging.p', 'staging.q')[ rand 4 ];
    return "ANALYZE $m; SELECT count(*) FROM dap.refresh_intermediate()";
  },
  grant_access =>
    sub { return "SELECT dap.grant_access('somebody', '" . ('operator', 'reader', 'monitor')[ rand 3 ] . "')"; },);
my @names = sort keys %calls;
# What may end a call beside others: locks that cannot be had in order, an older snapshot, and that what it names is not
# there, is there, or is in use.
my %may_end = map { $_ => 1 } qw(55P03 40001 42704 42710 2BP01 25P02 25001 25000);
my %ended;
sub count_errors
{
  my ($report) = @_;
  my @wrong;
  while ($report =~ /ERROR:\s+([0-9A-Z]{5}): ([^\n]*)/g)
  {
    $ended{$1}++;
    push @wrong, "$1: $2" if !$may_end{$1} || $2 =~ /lock.timeout/;
  }
  return @wrong;
}

# Two sessions step by step: each has made its first call when it makes its second.
sub session
{
  my $s = $node->background_psql('postgres', on_error_stop => 0);
  $s->query_safe('\set VERBOSITY verbose');
  return $s;
}
sub start { my ($session, $query) = @_; $session->query_until(qr/go/, "\\echo go\n$query;\n"); return; }
sub finish
{
  my ($session) = @_;
  $session->query('SELECT 0');
  my $report = $session->{stderr};
  $session->{stderr} = '';
  return $report;
}
my @sessions = (session(), session());
my (@wrong, $pairs);
for my $i (0 .. $#names)
{
  for my $j ($i .. $#names)
  {
    my ($a, $b) = @names[ $i, $j ];
    my @first = ($calls{$a}->(), $calls{$b}->());
    my @second = ($calls{$b}->(), $calls{$a}->());
    start($sessions[$_], "BEGIN; $first[$_]; SELECT pg_sleep(0.01); $second[$_]; COMMIT") for 0, 1;
    my @errors = map { count_errors(finish($_)) } @sessions;
    push @wrong, map { "$a, $b: $_" } @errors;
    $pairs++;
  }
}
is(join("\n", @wrong), '', "$pairs pairs of calls, each in both orders");
$_->quit for @sessions;
diag('ended: ' . join(', ', map { "$_ $ended{$_}" } sort keys %ended));
%ended = ();

# Three sessions with random transactions
my @runs;
for my $session (1 .. 3)
{
  my $script = "\\set VERBOSITY verbose\n";
  for (1 .. ($ENV{DAP_LOCK_TRANSACTIONS} // 40))
  {
    my @calls = map { $calls{ $names[ rand @names ] }->() } 1 .. 1 + int rand 3;
    my $level = rand() < 0.1 ? ' ISOLATION LEVEL REPEATABLE READ' : '';
    $script .= "BEGIN$level;\n" . join(";\n", @calls) . ";\n" . (rand() < 0.1 ? 'ROLLBACK' : 'COMMIT') . ";\n";
  }
  my ($out, $err) = ('', '');
  push @runs,
    {
    out => \$out,
    err => \$err,
    run => IPC::Run::start(
      [ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
      '<', \$script, '>', \$out, '2>', \$err, IPC::Run::timeout(600)) };
}
$_->{run}->finish for @runs;
is(join("\n", map { count_errors(${ $_->{err} }) } @runs), '', 'three sessions with random transactions');
diag('ended: ' . join(', ', map { "$_ $ended{$_}" } sort keys %ended));

unlike(
  slurp_file($node->logfile),
  qr/deadlock detected|XX000|tuple concurrently updated/,
  'no deadlock, no internal error');
is(sql("SELECT count(*) FROM pg_locks WHERE locktype = 'object'"), 0, 'no lock and no mark is left');
is(sql("SELECT string_agg(DISTINCT action, ',') FROM dap.refresh_all()") =~ /failed/ ? 1 : 0, 0, 'the pipeline runs');
is(sql("SELECT string_agg(DISTINCT action, ',') FROM dap.refresh_all('full') WHERE action <> 'skipped'"),
  'unchanged', 'and full finds nothing to change');
is(
  sql(
    "SELECT count(*) FROM dap.files f WHERE status = 'loaded' AND source IN ('p', 'q') GROUP BY source
        HAVING sum(rows_loaded) <> (SELECT CASE source WHEN 'p' THEN (SELECT count(*) FROM staging.p)
        ELSE (SELECT count(*) FROM staging.q) END)"
  ),
  '',
  'every record is there once');
$node->stop;
done_testing();
