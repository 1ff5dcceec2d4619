# pg_dump and pg_restore carry definitions, ledger, sequences, grants, comments and rows; the next refresh finds nothing
# new.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_statement = none\n");
$node->start;
my $directory = PostgreSQL::Test::Utils::tempdir;
my $inbox = "$directory/inbox";
mkdir $inbox;
chmod 0755, $directory, $inbox;
sub put_file
{
  my ($name, $text) = @_;
  append_to_file("$inbox/$name", $text);
  chmod 0644, "$inbox/$name";
}

# A pipeline with everything in it: another owner, levels, own source and models, rejects, failures, dismissed files,
# odd names
$node->safe_psql('postgres',
  'CREATE ROLE etl; CREATE ROLE op; CREATE ROLE "Re ader"; CREATE ROLE boss; CREATE DATABASE original');
$node->safe_psql('original', 'CREATE EXTENSION dap_analytics');
$node->safe_psql('original', "SELECT count(*) FROM dap.setup('$inbox', 'etl')");
$node->safe_psql(
  'original',
  "SELECT dap.grant_access('op', 'operator'), dap.grant_access('\"Re ader\"', 'reader'),
      dap.grant_access('boss', 'admin')"
);
$node->safe_psql(
  'original', q{
  SELECT dap.create_source('Odd; "source"', columns => '{"A b",c}', options => '{"delimiter": ";"}');
  SELECT dap.create_clean_model('"Odd clean"', 'Odd; "source"',
    '[{"name": "A b", "type": "uuid"}, {"name": "c", "type": "numeric(10,3)"}]', '{A b}');
  SELECT dap.create_model('"Odd count"',
    'SELECT 1 AS one, count(*) AS n, sum(c) AS "s u m" FROM intermediate."Odd clean"', '{one}');
  SELECT dap.create_model('user_names',
    'SELECT lower(name) AS name, count(*) AS n FROM intermediate.users_clean WHERE name IS NOT NULL GROUP BY 1',
    '{name}');
  CREATE SCHEMA extra;
  CREATE VIEW extra.top AS SELECT user_id FROM analytics.daily_top_users WHERE rank = 1;
  GRANT USAGE ON SCHEMA extra TO etl;
  GRANT SELECT ON extra.top TO etl;
  SELECT dap.create_model('from_view', 'SELECT DISTINCT user_id FROM extra.top', '{user_id}');
  COMMENT ON TABLE analytics.user_names IS 'My own words';
  SELECT i.status FROM (SELECT E'A b;c\n' || string_agg(gen_random_uuid() || ';' || n || '.125', E'\n') AS t
    FROM generate_series(1, 50) AS n) s,
    dap.ingest_bytes('Odd; "source"', 'by hand', convert_to(s.t, 'UTF8')) i;
});
put_file('users.csv',
      "user_id,name,email,phone,created_at\n"
    . join('', map { "$_,Name $_,n$_\@example.com,,2024-01-0" . (1 + $_ % 9) . "\n" } 1 .. 200)
    . "x,bad,,,\n");
put_file('onboarding.csv',
  "onboarding_id,user_id,role,status,onboarding_date\n"
    . join('', map { "$_,$_,buyer,kyc_done,2024-01-0" . (1 + $_ % 9) . "\n" } 1 .. 150));
put_file('transactions.csv',
      "transaction_id,user_id,amount,transaction_date\n"
    . join('', map { "$_,$_,$_.25,2024-02-0" . (1 + $_ % 9) . "\n" } 1 .. 220)
    . "300,1,broken,2024-01-01\nshort\n");
$node->safe_psql('original', 'SELECT count(*) FROM dap.refresh_all()');
put_file('transactions_2.csv', "transaction_id,user_id\n1,1\n");
my ($code) = $node->psql('original', 'SELECT count(*) FROM dap.refresh_all()');
isnt($code, 0, 'a file without its columns fails a run');
$node->safe_psql('original', "SELECT dap.dismiss_file('transactions_2.csv', 'columns are missing')");
put_file('transactions_3.csv', "transaction_id,user_id,amount,transaction_date\n1,1,99.99,2024-03-01\n");
$node->safe_psql('original', 'SELECT count(*) FROM dap.refresh_all()');
is($node->safe_psql('original', "SELECT count(*) FROM dap.refresh_all() WHERE action NOT IN ('unchanged', 'skipped')"),
  '0', 'the original is up to date');

# What must be the same: every row of every table, and of the catalog what people see
my @state = (
  [ 'rows' => q{SELECT c.oid::regclass || ' '
          || md5(query_to_xml('SELECT * FROM ' || c.oid::regclass || ' AS t ORDER BY t::text', true, true, '')::text)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('staging', 'intermediate', 'analytics', 'dap', 'dap_internal') AND c.relkind = 'r' ORDER BY 1}
  ],
  [ 'sequences' => q{SELECT schemaname || '.' || sequencename || ' ' || coalesce(last_value, 0) FROM pg_sequences
          WHERE schemaname = 'dap_internal' ORDER BY 1}
  ],
  [ 'grants on tables' => q{SELECT c.oid::regclass || ' ' || c.relowner::regrole || ' '
          || string_agg(a::text, ' ' ORDER BY a::text COLLATE "C") FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL unnest(coalesce(c.relacl, acldefault('r', c.relowner))) AS a
    WHERE n.nspname IN ('staging', 'intermediate', 'analytics', 'dap', 'dap_internal') AND c.relkind IN ('r', 'v')
    GROUP BY c.oid, c.relowner ORDER BY 1}
  ],
  [ 'grants on functions' =>
      q{SELECT p.oid::regprocedure || ' ' || string_agg(a::text, ' ' ORDER BY a::text COLLATE "C") FROM pg_proc p
          CROSS JOIN LATERAL unnest(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
    WHERE p.pronamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace) GROUP BY p.oid ORDER BY 1} ],
  [ 'grants on schemas' =>
      q{SELECT n.nspname || ' ' || n.nspowner::regrole || ' ' || string_agg(a::text, ' ' ORDER BY a::text COLLATE "C")
          FROM pg_namespace n
    CROSS JOIN LATERAL unnest(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
    WHERE n.nspname IN ('staging', 'intermediate', 'analytics', 'dap', 'dap_internal') GROUP BY n.oid ORDER BY 1}
  ],
  [ 'default privileges' =>
      q{SELECT defaclrole::regrole || ' ' || defaclnamespace::regnamespace || ' ' || defaclobjtype::text || ' '
          || defaclacl::text FROM pg_default_acl ORDER BY 1}
  ],
  [ 'comments' => q{SELECT c.oid::regclass || '.' || d.objsubid || ' ' || d.description FROM pg_description d
          JOIN pg_class c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('staging', 'intermediate', 'analytics', 'dap', 'dap_internal') ORDER BY 1}
  ],
  [ 'columns, keys, triggers' => q{SELECT c.oid::regclass || ' '
          || coalesce((SELECT string_agg(format('%I %s %s %s', a.attname, format_type(a.atttypid, a.atttypmod),
          a.attnotnull, pg_get_expr(d.adbin, d.adrelid)), ', ' ORDER BY a.attnum)
      FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '')
      || coalesce((SELECT string_agg(pg_get_constraintdef(k.oid), ', ') FROM pg_constraint k
        WHERE k.conrelid = c.oid AND k.contype = 'p'), '')
      || coalesce((SELECT string_agg(pg_get_triggerdef(t.oid), ', ' ORDER BY t.tgname) FROM pg_trigger t
        WHERE t.tgrelid = c.oid AND NOT t.tgisinternal), '')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('staging', 'intermediate', 'analytics') AND c.relkind = 'r' ORDER BY 1}
  ],
  [ 'status' => q{SELECT object, layer, rows, run_id, refreshed_at, newest_file_at, state, message FROM dap.status} ],
  [ 'runs' =>
      q{SELECT run_id, command, status, started_at, finished_at, failed_step, sqlstate, message, run_by FROM dap.runs}
  ],);
my %before = map { $_->[0] => $node->safe_psql('original', $_->[1]) } @state;
like($before{'grants on functions'},
  qr/refresh_all.*op=X/, 'grants on the extension\'s functions are part of what is compared');
like($before{'rows'}, qr/dap_internal\.reject_ledger/, 'so is the ledger');

sub compare
{
  my ($restored, $database, $how) = @_;
  is($restored->safe_psql($database, $_->[1]), $before{ $_->[0] }, "$how: $_->[0]") for @state;
  is(
    $restored->safe_psql(
      $database,
      "SELECT string_agg(object || ' ' || action, ', ') FROM dap.refresh_all()
          WHERE action NOT IN ('unchanged', 'skipped')"
    ),
    '',
    "$how: the next refresh finds nothing new");
  is($restored->safe_psql($database, "SELECT count(*) > 15 FROM dap.refresh_all('full')"),
    't', "$how: a full one goes through");
  is(
    $restored->safe_psql(
      $database,
      "SELECT count(*) FROM dap.run_steps WHERE run_id = (SELECT max(run_id) FROM dap.runs)
          AND coalesce(rows_inserted, 0) + coalesce(rows_updated, 0) + coalesce(rows_deleted, 0) > 0"
    ),
    '0',
    "$how: and changes nothing");
  # Life goes on: numbers continue, the guard stands, definitions are known
  is(
    $restored->safe_psql(
      $database,
      "SELECT status, file_id > (SELECT max(file_id) FROM dap.files) - 1 FROM dap.ingest_bytes('users', 'later', "
        . "E'user_id,name,email,phone,created_at\\n500,Later,,,\\n')"),
    'loaded|t',
    "$how: a new file gets a new number");
  is($restored->safe_psql($database, "SELECT count(*) FROM dap.refresh_all() WHERE action = 'merged'") > 2,
    1, "$how: and reaches the models");
  my ($rc, $out, $err) = $restored->psql($database, 'DELETE FROM staging.users');
  like($err, qr/by hand is refused/, "$how: the guard stands");
  ($rc, $out, $err) =
    $restored->psql($database, "SELECT count(*) FROM dap.setup('$inbox', 'etl') WHERE action <> 'exists'");
  is($out, '0', "$how: setup finds everything there");
  ($rc, $out, $err) = $restored->psql($database, 'DROP EXTENSION dap_analytics');
  like($err, qr/other objects depend/, "$how: the extension is still held by its sources");
}

$node->run_log([ 'pg_dump', '-Fd', '-j2', '-f', "$directory/dump_directory", '-d', $node->connstr('original') ]);
$node->run_log([ 'pg_dump', '-Fc', '-f', "$directory/dump_custom", '-d', $node->connstr('original') ]);
$node->run_log([ 'pg_dump', '-Fp', '-f', "$directory/dump_plain.sql", '-d', $node->connstr('original') ]);

# Into new databases of the same server, in each way
$node->safe_psql('postgres', "CREATE DATABASE $_ TEMPLATE template0") for qw(parallel custom plain);
$node->command_ok(
  [ 'pg_restore', '--exit-on-error', '-j2', '-d', $node->connstr('parallel'), "$directory/dump_directory" ],
  'pg_restore -j2');
compare($node, 'parallel', 'parallel');
$node->command_ok(
  [ 'pg_restore', '--exit-on-error', '--single-transaction', '-d', $node->connstr('custom'), "$directory/dump_custom" ],
  'pg_restore --single-transaction');
compare($node, 'custom', 'custom');
$node->command_ok(
  [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$directory/dump_plain.sql", '-d', $node->connstr('plain') ],
  'a plain dump');
compare($node, 'plain', 'plain');

# The data alone, into a database that has the tables: its guards let nothing in but with triggers off
$node->safe_psql('postgres', "CREATE DATABASE $_ TEMPLATE template0") for qw(guarded disabled replica);
for my $database (qw(guarded disabled replica))
{
  $node->command_ok(
    [ 'pg_restore', '--exit-on-error', '--schema-only', '-d', $node->connstr($database), "$directory/dump_custom" ],
    "$database: the schema");
}
$node->command_fails_like(
  [ 'pg_restore', '--exit-on-error', '--data-only', '-d', $node->connstr('guarded'), "$directory/dump_custom" ],
  qr/INSERT into "staging\..*" by hand is refused.*HINT:.*pg_restore --disable-triggers/s,
  'guarded: the data are refused, with the way to do it');
$node->command_ok(
  [ 'pg_restore', '--exit-on-error', '--data-only', '--disable-triggers',
    '-d', $node->connstr('disabled'), "$directory/dump_custom" ],
  'disabled: the data, by --disable-triggers');
compare($node, 'disabled', 'disabled');
{
  local $ENV{PGOPTIONS} = '-c session_replication_role=replica';
  $node->command_ok(
    [ 'pg_restore', '--exit-on-error', '--data-only', '-d', $node->connstr('replica'), "$directory/dump_custom" ],
    'replica: the data, by session_replication_role');
}
compare($node, 'replica', 'replica');

# Into another server, with its roles
$node->run_log([ 'pg_dumpall', '--globals-only', '-f', "$directory/globals.sql", '-d', $node->connstr('postgres') ]);
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->append_conf('postgresql.conf', "autovacuum = off\nlog_statement = none\n");
$other->start;
my $me = $node->safe_psql('postgres', 'SELECT current_user');
my $globals = slurp_file("$directory/globals.sql");
$globals =~ s/^CREATE ROLE "?\Q$me\E"?;$//m;
$other->safe_psql('postgres', $globals);
$other->safe_psql('postgres', 'CREATE DATABASE moved TEMPLATE template0');
$other->command_ok([ 'pg_restore', '--exit-on-error', '-d', $other->connstr('moved'), "$directory/dump_custom" ],
  'pg_restore into another server');
compare($other, 'moved', 'moved');

# The original was not touched
is($node->safe_psql('original', $_->[1]), $before{ $_->[0] }, "original: $_->[0]") for @state;

$other->stop;
$node->stop;
done_testing();
