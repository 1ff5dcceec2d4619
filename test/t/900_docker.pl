# The image's build uses the scripts that the other two commands use, what it copies exists, the compose file joins the
# parts; and the entry point, laid out as the image lays it out, makes a server, serves the analyst, and starts again.
use strict;
use warnings;

use File::Copy ();
use File::Path qw(make_path);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $source = $ENV{DAP_SOURCE} || '.';

sub text
{
  my ($file) = @_;
  return slurp_file("$source/$file");
}

# The Dockerfile's instructions, continued lines joined, comments dropped.
my $dockerfile = join("\n", grep { !/^\s*#/ } split(/\n/, text('docker/Dockerfile')));
$dockerfile =~ s/\\\n\s*/ /g;
my @instructions = grep { /\S/ } split(/\n/, $dockerfile);
my @stages;
for (@instructions)
{
  push @stages, [] if /^FROM\s/;
  push @{ $stages[-1] }, $_ if @stages;
}
is(scalar @stages, 2, 'the image is built in two stages');

my ($build, $final) = map { join("\n", @$_) } @stages;
like($build, qr{^FROM \S+ AS build$}m, 'the first stage builds');
like(
  $build,
  qr{^RUN scripts/install_packages --small \$\{PG_MAJOR\} build$}m,
  'its packages come from the common script');
like(
  $build,
  qr{^RUN DAP_JOINED=1 scripts/build_module /source /usr/lib/postgresql/\$\{PG_MAJOR\}/bin/pg_config /stage}m,
  'so does the build');
like(
  $final,
  qr{^RUN /opt/dap_analytics/install_packages \$\{PG_MAJOR\} server}m,
  'the second stage has a server from the common script');
like($final, qr{^COPY --from=build /stage/ /$}m, 'and what the first one installed');
unlike($final, qr{^RUN .*\b(g\+\+|make)\b}m, 'but no compiler is asked for');
like($final, qr{^USER postgres$}m, 'the server does not run as root');
unlike($dockerfile, qr{apt-get|\bpip\b|\bcurl\b|\bwget\b}, 'nothing is fetched past the common script');

for my $command ('demo', 'check')
{
  like(text($command), qr{scripts/install_packages }, "./$command installs by the same script");
}
like(text('demo'), qr{scripts/build_module }, './demo builds by the same script');
like(text('scripts/test_server'), qr{/build_module"}, './check builds by the same script');
like(text('demo'), qr{scripts/demo\.sql}, './demo shows what the image loads');

# What is copied from the project is there; what is meant to be run can be.
my $image = PostgreSQL::Test::Utils::tempdir() . '/opt';
make_path($image);
my %laid_out;
for my $copy (grep { /^COPY (?!--from)/ } @instructions)
{
  my @words = split(' ', $copy);
  shift @words;
  my $to = pop @words;
  for my $from (@words)
  {
    ok(-e "$source/$from", "\"$from\" can be copied into the image");
    next unless $to eq '/opt/dap_analytics/';
    my ($name) = $from =~ m{([^/]+)$};
    $laid_out{$name} = 1;
    File::Copy::copy("$source/$from", "$image/$name");
    chmod((stat("$source/$from"))[2] & oct('0777'), "$image/$name");
  }
}
ok($laid_out{entrypoint} && -x "$image/entrypoint", 'the entry point is laid out and can be run');
like($final, qr{^ENTRYPOINT \["/opt/dap_analytics/entrypoint"\]$}m, 'the image starts it');
like($build, qr{test/data/generate(\s|$)}, 'the generator of samples is built');
like($final, qr{^COPY --from=build /source/test/data/generate /opt/dap_analytics/$}m, 'and copied');

# The compose file: the server built here, the API on the analytics schema alone, as a role that only reads.
my $compose = text('docker/compose.yml');
unlike($compose, qr{\t}, 'the compose file has no tab');
like(
  $compose,
  qr{^services:\n  server:\n    build:\n      context: \.\.\n      dockerfile: docker/Dockerfile$}m,
  'the server is built from this project');
like($compose, qr{^  api:\n    image: postgrest/postgrest:v[0-9.]+$}m, 'the API is a fixed version of PostgREST');
like($compose, qr{PGRST_DB_SCHEMAS: analytics$}m, 'it serves the analytics layer and nothing else');
like($compose, qr{PGRST_DB_ANON_ROLE: analyst$}m, 'as the reader');
my ($api_role) = $compose =~ m{PGRST_DB_URI: postgres://(\w+)\@server:5432/demo$}m;
like(text('docker/api.sql'), qr{^CREATE ROLE $api_role LOGIN NOINHERIT PASSWORD}m, 'by a role that the image makes');
like(text('scripts/demo.sql'), qr{^CREATE ROLE analyst }m, 'the reader is made too');
unlike($compose, qr{^\s+- "?\d+:\d+"?$}m, 'no port is open to other machines');
unlike($compose, qr{PASSWORD: (?!\$\{)}, 'no password is written down');

# The entry point itself.
my $work = PostgreSQL::Test::Utils::tempdir_short();
make_path("$work/data", "$work/inbox");
system_or_bail('g++', '-std=c++20', '-O1', '-o', "$image/generate", "$source/test/data/generate.cpp");
my $port = PostgreSQL::Test::Cluster::get_free_port();
my %environment = (
  DAP_DATA => "$work/data",
  DAP_INBOX => "$work/inbox",
  DAP_SOCKET => $work,
  DAP_PORT => $port,
  DAP_LISTEN => '127.0.0.1',
  DAP_READER_PASSWORD => "it's a secret",
  DAP_SAMPLE_TRANSACTIONS => 5000);

sub start
{
  my ($log) = @_;
  local @ENV{ keys %environment } = values %environment;
  delete local @ENV{qw(PGHOST PGPORT PGDATABASE PGUSER PGDATA)};
  return IPC::Run::start(["$image/entrypoint"], '<', \undef, '>', $log, '2>&1');
}

sub ask
{
  my ($user, $sql, $host) = @_;
  local $ENV{PGPASSWORD} = $environment{DAP_READER_PASSWORD};
  my ($out, $err) = ('', '');
  my $connection = sprintf('host=%s port=%d dbname=demo user=%s', $host || '127.0.0.1', $port, $user);
  IPC::Run::run([ 'psql', '-X', '-A', '-t', '-q', '-d', $connection, '-c', $sql ], '<', \undef, '>', \$out, '2>',
    \$err);
  chomp($out);
  return wantarray ? ($out, $err) : $out;
}

sub wait_until_served
{
  my ($handle) = @_;
  for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
  {
    return 1 if ask('authenticator', 'SELECT 1') eq '1';
    return 0 unless $handle->pumpable;
    $handle->pump_nb;
    usleep(100_000);
  }
  return 0;
}

{
  local $environment{DAP_READER_PASSWORD} = '';
  my $refused = start("$work/refused.log");
  ok(!IPC::Run::finish($refused), 'without a password no server is made');
  like(slurp_file("$work/refused.log"), qr/DAP_READER_PASSWORD/, 'and the message names the setting');
  ok(!-e "$work/data/cluster", 'nothing is left of it');
}

my $handle = start("$work/first.log");
ok(wait_until_served($handle), 'the first start makes the server and serves it')
  or diag(slurp_file("$work/first.log"), glob("$work/data/*/first_start.log"));

cmp_ok(ask('authenticator', 'SET ROLE analyst; SELECT count(*) FROM analytics.daily_top_users'),
  '>', 0, 'the API sees the analytics');
is(
  ask(
    'authenticator',
    'SET ROLE analyst; SELECT transactions = (SELECT sum(transactions) FROM analytics.kyc_comparison)
        FROM analytics.transaction_stats'
  ),
  't',
  'whose totals reconcile');
my (undef, $error) = ask('authenticator', 'SELECT count(*) FROM analytics.daily_top_users');
like($error, qr/permission denied/, 'the connecting role itself reads nothing');
(undef, $error) = ask('authenticator', 'SET ROLE analyst; SELECT count(*) FROM intermediate.users_clean');
like($error, qr/permission denied/, 'the reader reads no other layer');
(undef, $error) = ask('authenticator', 'SET ROLE pipeline');
like($error, qr/permission denied/, 'and becomes nobody else');
is(ask('postgres', 'SELECT count(*) FROM cron.job WHERE active', $work), 1, 'the nightly job is scheduled');

$handle->signal('INT');
ok(IPC::Run::finish($handle), 'the stop signal of the image ends it cleanly');

$handle = start("$work/second.log");
ok(wait_until_served($handle), 'it starts again');
is(ask('postgres', 'SELECT count(*) FROM cron.job', $work), 1, 'with the data it had');
$handle->signal('INT');
IPC::Run::finish($handle);

done_testing();
