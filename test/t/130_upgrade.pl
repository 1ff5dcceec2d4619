# A database of each released version, with data and definitions, is updated: its catalog is that of a new installation,
# its numbers are what they were, and what stands on the extension stands. The releases' install scripts and the
# database are frozen in test/upgrade.
use strict;
use warnings FATAL => 'all';

use Cwd ();
use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(sql start_server);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = Cwd::realpath($ENV{DAP_SOURCE} // '.');
my $old = '0.1.0';
my $node = start_server('upgrade', '',
  (join '', map { "CREATE ROLE upgrade_$_ LOGIN;" } qw(owner admin operator reader monitor))
    . ' GRANT upgrade_owner TO upgrade_admin');

# The files that the database had loaded lie in another directory now, and are known by their contents.
my $inbox = Cwd::realpath(PostgreSQL::Test::Utils::tempdir) . '/inbox';
mkdir $inbox or die;
system("cp $source/test/upgrade/inbox/*.csv $inbox/") == 0 or die;
unlink "$inbox/readings_bad.csv";
chmod 0755, Cwd::realpath("$inbox/.."), $inbox;
chmod 0644, glob "$inbox/*";

sub run_file
{
  my ($database, $path) = @_;
  my $answer = $node->safe_psql($database, "\\i $path");
  return $answer;
}

# How a statement fails, all of it
sub refused
{
  my ($database, $statement) = @_;
  my ($out, $err) = ('', '');
  $node->psql($database, "\\set VERBOSITY verbose\n$statement", stdout => \$out, stderr => \$err);
  return $err;
}

# The rows of every table of the layers, as one text a table; floats and all
sub tables
{
  my ($database, $schemas) = @_;
  my @tables = split /\n/, $node->safe_psql(
    $database, "SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY ('$schemas') AND c.relkind = 'r' ORDER BY 1");
  return {
    map {
      my $table = $_;
      $table => $node->safe_psql($database,
            "SET TimeZone = UTC; SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\")) || ' ' || "
          . "count(*) FROM $table t")
    } @tables };
}

sub restore
{
  my ($database, $zone, $owner) = @_;
  $node->safe_psql('postgres', "CREATE DATABASE $database");
  $node->safe_psql('postgres',
    "ALTER DATABASE $database SET TimeZone = '$zone'; ALTER DATABASE $database SET dap.ingest_directories = '$inbox'");
  $node->safe_psql($database,
    ($owner ? "SET SESSION AUTHORIZATION $owner;\n" : '') . "\\i $source/test/upgrade/${old}_data.sql");
  return;
}

sub update
{
  my ($database) = @_;
  my ($out, $err) = ('', '');
  is($node->psql($database, 'ALTER EXTENSION dap_analytics UPDATE', stdout => \$out, stderr => \$err),
    0, "$database is updated")
    or diag $err;
  return $err;
}

#
# Before
#
my $version = sql("SELECT default_version FROM pg_available_extensions WHERE name = 'dap_analytics'");
isnt($version, $old, "this is $version");
restore('shop', 'Europe/Berlin');
is($node->safe_psql('shop', "SELECT extversion FROM pg_extension WHERE extname = 'dap_analytics'"),
  $old, "a database of $old");
my $before = tables('shop', '{staging,intermediate,analytics}');
cmp_ok(scalar keys %$before, '>', 15, 'with tables');
my $ledger = $node->safe_psql('shop',
  'SELECT file_id, source, status, rows_read, rows_loaded, rows_rejected FROM dap.files ORDER BY 1');
my $rejects =
  $node->safe_psql('shop', 'SELECT file_id, line, stage, reason, message, raw FROM dap.rejects ORDER BY reject_id');
like($rejects, qr/ingest.*\n.*clean/s, 'and rejects of both stages');
my $answers =
  $node->safe_psql('shop', 'SELECT * FROM public.medians ORDER BY 1; SELECT * FROM public.kept_answers ORDER BY 1');

# What needs the catalog of this version says so; what does not works.
for my $call (
  '* FROM dap.refresh_all()',
  "dap.create_model('analytics.x', 'SELECT 1 AS a', '{a}')",
  "* FROM dap.ingest_csv('readings')")
{
  my $err = refused('shop', "SELECT $call");
  like($err, qr/55000.*HINT:  Run ALTER EXTENSION dap_analytics UPDATE/s, "before the update: $call");
}

#
# The update
#
my $said = update('shop');
like(
  $said,
  qr/NOTICE:  \d+ models keep time zone Europe\/Berlin in their definitions: .*analytics\.readings_by_day\b.*\nDETAIL:.*\nHINT:/,
  'models in which the time zone can matter are named');
is(
  $node->safe_psql(
    'shop',
    q{SELECT string_agg(m.relation::text, ' ' ORDER BY m.relation::text COLLATE "C") FROM dap_internal.models m
        WHERE m.settings IS NULL AND m.kind = 'query'}
  ),
  'analytics.daily_top_users analytics.daily_transaction_stats analytics.kyc_comparison '
    . 'analytics.kyc_comparison_by_role analytics.transaction_stats intermediate.user_activity '
    . 'intermediate.users_clean',
  'others do not keep it');
is($node->safe_psql('shop', "SELECT extversion FROM pg_extension WHERE extname = 'dap_analytics'"),
  $version, "a database of $version");
my ($updated, $fresh) = map { run_file($_, "$source/test/upgrade/catalog.sql") } 'shop', 'postgres';
cmp_ok(scalar(split /\n/, $fresh), '>', 3000, 'a catalog to compare');
my %fresh = map { $_ => 1 } split /\n/, $fresh;
my %updated = map { $_ => 1 } split /\n/, $updated;
is(join("\n", grep { !$updated{$_} } sort keys %fresh), '', 'nothing of a new installation is missing');
is(join("\n", grep { !$fresh{$_} } sort keys %updated), '', 'nothing else is there');

is(
  $node->safe_psql(
    'shop', 'SELECT file_id, source, status, rows_read, rows_loaded, rows_rejected FROM dap.files ORDER BY 1'),
  $ledger,
  'the ledger is what it was');
is($node->safe_psql('shop', 'SELECT file_id, line, stage, reason, message, raw FROM dap.rejects ORDER BY reject_id'),
  $rejects, 'so are the rejects');
is($node->safe_psql('shop', 'SELECT * FROM public.medians ORDER BY 1; SELECT * FROM public.kept_answers ORDER BY 1'),
  $answers, "people's views and columns of dap.bag stand");
is_deeply(tables('shop', '{staging,intermediate,analytics}'), $before, 'no table changed');

#
# After
#
# By its owner, in a session of another time zone: the same numbers, computed again.
my $refreshed = $node->safe_psql(
  'shop',
  "SET TimeZone = 'Asia/Tokyo'; SET ROLE upgrade_owner; SELECT object, action, rows_inserted, rows_updated,
      rows_deleted FROM dap.refresh_all() ORDER BY object"
);
like($refreshed, qr/^analytics\.readings_by_day\|\w+\|/m, 'a refresh');
unlike($refreshed, qr/^staging[^|]*\|loaded/m, 'loads nothing again');
is_deeply(tables('shop', '{staging,intermediate,analytics}'), $before, 'the same numbers');
my $full = $node->safe_psql(
  'shop',
  "SET ROLE upgrade_owner; SELECT count(*), sum(rows_inserted + rows_updated + rows_deleted)
      FROM dap.refresh_all('full', false)"
);
like($full, qr/^\d+\|0$/, 'and once more, in full');
is(
  $node->safe_psql(
    'shop', "SELECT count(*) FROM dap.files WHERE status = 'loaded' AND rows_read <> rows_loaded + rows_rejected"),
  0,
  'every record is accounted for');

# Levels hold what this version gives them.
my @may = (
  [ operator => 'SELECT count(*) > 0 FROM dap.refresh_all()' ],
  [ operator => "SELECT count(*) >= 0 FROM dap.skipped_files" ],
  [ admin => "SELECT dap.create_model('analytics.more', 'SELECT 1 AS a', '{a}',
          settings => '{\"TimeZone\": \"Asia/Tokyo\"}') IS NOT NULL"
  ],
  [ monitor => 'SELECT count(*) >= 0 FROM dap.skipped_files' ],
  [ reader => 'SELECT count(*) > 0 FROM analytics.transaction_stats' ]);
is($node->safe_psql('shop', "SET ROLE upgrade_$_->[0]; $_->[1]"), 't', "$_->[0]: $_->[1]") for @may;
like(refused('shop', 'SET ROLE upgrade_reader; SELECT * FROM dap.refresh_all()'),
  qr/42501/, 'a reader does not refresh');
like(
  refused('shop', "SET ROLE upgrade_owner; INSERT INTO staging.users (_line, _file_id) VALUES (1, 1)"),
  qr/by hand is refused/,
  'staging is closed');

# The next night
append_to_file("$inbox/readings_3.csv", "sensor;at;value\n1;2026-06-30 23:30;4\n");
chmod 0644, "$inbox/readings_3.csv";
my $night = $node->safe_psql(
  'shop',
  "SET ROLE upgrade_operator; SELECT object, action FROM dap.refresh_all()
      WHERE action NOT IN ('unchanged', 'skipped')"
);
like($night, qr/^staging\.readings\|loaded$/m, 'the next file is loaded');
is(
  $node->safe_psql(
    'shop', "SELECT day, readings FROM analytics.readings_by_day WHERE day BETWEEN '2026-06-29' AND '2026-07-01'"),
  '2026-06-30|1',
  'and belongs to the day of its time zone');

# What this version says otherwise of the built-in models is taken where nobody said something of his own.
my $setup = q{SET ROLE upgrade_owner; SELECT s.object, s.note FROM dap.setup(owner => 'upgrade_owner') AS s
  WHERE s.kind LIKE '%%model' AND s.action = '%s' ORDER BY s.object COLLATE "C"};
my $own = 'analytics.kyc_comparison_by_role';
$node->safe_psql(
  'shop',
  "SET ROLE upgrade_owner; SELECT dap.create_model(m.relation::text, m.query || ' ', m.key, true, m.settings)
      FROM dap_internal.models m WHERE m.relation = '$own'::regclass");
my $kept = q{SELECT string_agg(m.relation::text, ' ' ORDER BY m.relation::text COLLATE "C")
  FROM dap_internal.models m WHERE m.settings IS NOT NULL};
my $zones = $node->safe_psql('shop', $kept);
$before = tables('shop', '{staging,intermediate,analytics}');
is(
  $node->safe_psql('shop', sprintf $setup, 'changed'),
  join(
    "\n",
    map { "analytics.$_|it was the built-in model of an earlier version" }
      qw(daily_kyc_completions daily_top_users daily_transaction_stats kyc_comparison transaction_stats
      weekly_kyc_completions)),
  'setup renews the built-in models of the earlier version');
is($node->safe_psql('shop', sprintf $setup, 'changed'), '', 'once');
is($node->safe_psql('shop', sprintf $setup, 'kept'), "$own|it has a definition of its own", "and leaves one's own");
is($node->safe_psql('shop', $kept), $zones, 'time zones are kept');
$node->safe_psql('shop', 'SET ROLE upgrade_owner; SELECT count(*) FROM dap.refresh_all()');
is_deeply(tables('shop', '{staging,intermediate,analytics}'), $before, 'the numbers are the same');

# A dump of the updated database is restored as any other.
my $dump = PostgreSQL::Test::Utils::tempdir . '/shop.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('shop') ], 'the updated database is dumped');
$node->safe_psql('postgres', 'CREATE DATABASE again');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('again'), '--exit-on-error', $dump ], 'and restored');
is_deeply(
  tables('again', '{staging,intermediate,analytics}'),
  tables('shop', '{staging,intermediate,analytics}'),
  'with its tables');
is(run_file('again', "$source/test/upgrade/catalog.sql"), $fresh, 'and its catalog');
is($node->safe_psql('again', "SET ROLE upgrade_$_->[0]; $_->[1]"), 't', "there too, $_->[0]: $_->[1]")
  for grep { $_->[1] !~ /refresh/ } @may;
$node->safe_psql($_, 'REASSIGN OWNED BY upgrade_monitor TO upgrade_owner; DROP OWNED BY upgrade_monitor')
  for qw(shop again);
$node->safe_psql('postgres', 'DROP ROLE upgrade_monitor');
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('shop') ], 'a dump after a role was dropped');
$node->safe_psql('postgres', 'CREATE DATABASE yet_again');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('yet_again'), '--exit-on-error', $dump ], 'is restored');
$node->safe_psql('postgres', 'CREATE ROLE upgrade_monitor LOGIN');

#
# Another one: its time zone is UTC, a table was dropped by hand, others put something into the schema, a privilege is
# alone, and another role owns the extension
#
$node->safe_psql('postgres', 'CREATE ROLE upgrade_keeper SUPERUSER; CREATE ROLE upgrade_alone LOGIN');
restore('bare', 'UTC', 'upgrade_keeper');
$node->safe_psql(
  'bare', q{
  DROP TABLE analytics.kyc_comparison;
  CREATE TABLE dap.mine (id serial);
  CREATE FUNCTION dap._mine() RETURNS integer LANGUAGE sql AS 'SELECT 1';
  GRANT EXECUTE ON FUNCTION dap._mine() TO upgrade_alone;
  CREATE VIEW public.sources AS SELECT s.source FROM dap._sources s;
  GRANT EXECUTE ON FUNCTION dap.ingest_csv(text, text, jsonb) TO upgrade_alone;
  GRANT SELECT ON dap.status, dap.runs TO upgrade_alone;
  REVOKE EXECUTE ON FUNCTION dap.unschedule(text) FROM upgrade_operator});
my $privileges = q{SELECT string_agg(DISTINCT p.proname, ' ' ORDER BY p.proname) FROM pg_proc p
      JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  WHERE has_function_privilege('upgrade_%s', p.oid, 'EXECUTE') AND NOT has_function_privilege('public', p.oid,
    'EXECUTE')};
my $alone = $node->safe_psql('bare', sprintf $privileges, 'alone');

# Not beside somebody's transaction: it would wait for it, and he for it
my $reader = $node->background_psql('bare');
$reader->query_safe('BEGIN; SELECT count(*) FROM dap.files');
like(
  refused('bare', 'ALTER EXTENSION dap_analytics UPDATE'),
  qr/55P03: the extension is in use: it cannot be updated now\n.*HINT:/s,
  'beside a transaction that has read the ledger it is refused at once');
$reader->query_safe('ROLLBACK');
$reader->quit;

# Definitions that no function wrote are named
$node->safe_psql('bare',
  q{UPDATE dap.model_definition SET columns = '[1]' WHERE relation = 'intermediate.users_clean'::regclass});
like(
  refused('bare', 'ALTER EXTENSION dap_analytics UPDATE'),
  qr/23514: the catalog holds definitions that are damaged\nDETAIL:  .*model intermediate\.users_clean\.\nHINT:/,
  'a damaged definition is named');
$node->safe_psql('bare', q{DELETE FROM dap.model_definition WHERE columns = '[1]'});

unlike(update('bare'), qr/NOTICE/, 'in UTC nothing keeps a time zone');
is($node->safe_psql('bare', 'SELECT count(*) FROM dap_internal.model_definition WHERE settings IS NOT NULL'),
  0, 'indeed');
is(run_file('bare', "$source/test/upgrade/catalog.sql"), $fresh, 'its catalog is that of a new installation');
like(
  $node->safe_psql('bare', 'SELECT message FROM dap.status WHERE state = $$failed$$'),
  qr/the table of model .* does not exist any more/,
  'dap.status knows the dropped table');
is($node->safe_psql('bare', 'SET ROLE upgrade_alone; SELECT dap._mine()'), 1, "others' functions stay where they are");
is($node->safe_psql('bare', 'SELECT count(*) FROM dap.mine; SELECT count(*) > 2 FROM public.sources'),
  "0\nt", 'so do their tables, and views of what moved');
is($node->safe_psql('bare', sprintf $privileges, 'alone'), $alone, 'single privileges are no level');
is($node->safe_psql('bare', "SELECT has_function_privilege('upgrade_operator', 'dap.unschedule(text)', 'EXECUTE')"),
  'f', 'a level that somebody narrowed is left as it is');

#
# A definition of 0.1.0 is a text that an admin gave: it is looked at, not run.
#
restore('hostile', 'Asia/Tokyo');
$node->safe_psql(
  'hostile',
  q{UPDATE dap.model_definition SET query = 'SELECT 1 AS day; ALTER ROLE upgrade_admin SUPERUSER; SELECT 2'
      WHERE relation = 'analytics.readings_by_day'::regclass}
);
update('hostile');
is($node->safe_psql('hostile', "SELECT rolsuper FROM pg_roles WHERE rolname = 'upgrade_admin'"),
  'f', 'nobody becomes a superuser');

$node->stop;
done_testing();
