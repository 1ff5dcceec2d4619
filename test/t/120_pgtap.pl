# The pipeline's promises that a DBA can test on his own database (test/pgtap), with pg_prove: they hold on generated
# data, night after night, and fail where they are broken.
use strict;
use warnings FATAL => 'all';

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$ENV{DAP_SOURCE}/test/perl";
use DapTest qw(sql start_server);

plan skip_all => 'pgTAP is not packaged for this server'
  if !glob(`$ENV{PG_CONFIG} --sharedir` =~ s/\n//r . '/extension/pgtap.control');

my $server = start_server('pgtap', 'max_worker_processes = 16', 'CREATE EXTENSION pgtap;');
my $inbox = PostgreSQL::Test::Utils::tempdir();
my @suites = sort glob("$ENV{DAP_SOURCE}/test/pgtap/*.sql");
cmp_ok(scalar @suites, '>=', 4, 'test/pgtap has its files');

sub prove
{
  my ($database, @files) = @_;
  local @ENV{qw(PGHOST PGPORT)} = ($server->host, $server->port);
  my ($out, $err);
  my $ok = IPC::Run::run([ 'pg_prove', '--verbose', '-d', $database, @files ], '>', \$out, '2>', \$err);
  return ($ok, $out . $err);
}
sub holds
{
  my ($when) = @_;
  my ($ok, $said) = prove('postgres', @suites);
  ok($ok, "$when: every promise holds") or diag($said);
  unlike($said, qr/# skip/i, "$when: none was skipped");
  return;
}
# Broken on purpose: the suite must see it.
sub notices
{
  my ($what, $statements, $suite, $line) = @_;
  sql("CREATE DATABASE broken TEMPLATE postgres");
  sql($statements, 'broken');
  my ($ok, $said) = prove('broken', "$ENV{DAP_SOURCE}/test/pgtap/$suite.sql");
  ok(!$ok, "$what is noticed");
  like($said, $line, "$what: by name");
  sql('DROP DATABASE broken');
  return;
}

my ($ok, $said) = prove('postgres', @suites);
ok($ok, 'before anything is set up there is nothing to break') or diag($said);

my $none = PostgreSQL::Test::Utils::tempdir() . '/none.sql';
append_to_file($none, "SELECT 'no test';\n");
ok(!(prove('postgres', $none))[0], 'a file that tests nothing is not taken for a promise that holds');

IPC::Run::run([ 'g++', '-std=c++20', '-O1', '-o', "$inbox/generate", "$ENV{DAP_SOURCE}/test/data/generate.cpp" ])
  or BAIL_OUT('no generator');
mkdir "$inbox/files";
IPC::Run::run([ "$inbox/generate", '--dir', "$inbox/files", '--transactions', '20000' ]) or BAIL_OUT('no files');
unlink "$inbox/generate";
sql("SELECT count(*) FROM dap.setup('$inbox/files')");
sql('SELECT count(*) FROM dap.refresh_all()');
holds('after the first night');
my ($user, $transaction) = split /\|/,
  sql('SELECT min(user_id), min(transaction_id) FROM intermediate.transactions_clean');
sql(  "SELECT dap.ingest_bytes('transactions', 'correction.csv', convert_to(E'transaction_id,user_id,amount,"
    . "transaction_date\\n$transaction,$user,17.25,2025-03-01\\n', 'UTF8'))");
sql('SELECT count(*) FROM dap.refresh_all()');
holds('after a correction');

notices(
  'a changed row',
  "UPDATE analytics.daily_transaction_stats SET total_amount = total_amount + 1
      WHERE day = (SELECT min(day) FROM analytics.daily_transaction_stats)",
  'totals',
  qr/^not ok \d+ - the days add up to the total/m);
notices(
  'a row that a full refresh would not give',
  "UPDATE intermediate.transactions_clean SET amount = amount + 1 WHERE transaction_id = $transaction",
  'incremental',
  qr/^not ok \d+ - intermediate\.transactions_clean is the same after both/m);
notices(
  'a lost record',
  "SET session_replication_role = replica; DELETE FROM staging.users
      WHERE ctid = (SELECT min(ctid) FROM staging.users)",
  'records',
  qr/^not ok \d+ - staging\.users holds the rows of its loaded files/m);
notices(
  'a model without its key',
  'ALTER TABLE intermediate.onboarding_clean DROP CONSTRAINT onboarding_clean_pkey',
  'keys', qr/^not ok \d+ - intermediate\.onboarding_clean has a primary key/m);

done_testing();
