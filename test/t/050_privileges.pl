# Who may do what, function by function, and what an attacker gains from names made beforehand or from the layers'
# owner: nothing.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_statement = none\n");
$node->start;

my $inbox = PostgreSQL::Test::Utils::tempdir;
chmod 0755, $inbox;
sub put_file
{
  my ($name, $text) = @_;
  append_to_file("$inbox/$name", $text);
  chmod 0644, "$inbox/$name";
}
put_file('users.csv', "user_id,name,email,phone,created_at\n1,Ann,a\@example.com,1,2024-01-01\n");
put_file('onboarding.csv', "onboarding_id,user_id,role,status,onboarding_date\n1,1,buyer,kyc_done,2024-01-03\n");
put_file('transactions.csv', "transaction_id,user_id,amount,transaction_date\n1,1,10.50,2024-01-04\n");

# SQLSTATE of the first error, or 'ok'.
sub outcome
{
  my ($database, $sql) = @_;
  my ($code, $out, $err) = $node->psql($database, $sql, extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
  return $err =~ /ERROR:\s+(\w+)/ ? $1 : 'ok';
}
sub outcome_as { my ($role, $sql) = @_; return outcome('postgres', "SET ROLE $role; $sql"); }

$node->safe_psql('postgres', 'CREATE ROLE mallory LOGIN; CREATE ROLE etl');
$node->safe_psql('postgres', "CREATE ROLE $_ LOGIN") for qw(nobody monitor reader operator admin);

# The schema was made before by somebody else
$node->safe_psql('postgres', 'CREATE DATABASE occupied');
$node->safe_psql('occupied', 'CREATE SCHEMA dap AUTHORIZATION mallory');
is(outcome('occupied', 'CREATE EXTENSION dap_analytics'),
  '42P06', 'a schema dap made beforehand stops the installation');
is(outcome('occupied', 'CREATE EXTENSION dap_analytics SCHEMA public'),
  '0A000', 'the extension cannot be put into another schema');
is($node->safe_psql('occupied', "SELECT count(*) FROM pg_extension WHERE extname = 'dap_analytics'"),
  '0', 'nothing is left of it');
is(outcome('occupied', 'SET ROLE mallory; CREATE EXTENSION dap_analytics'), '42501', 'only a superuser installs it');

# Names made beforehand, first in the search_path of everything that follows: each notes who called it
$node->safe_psql(
  'postgres', q{
  CREATE SCHEMA evil AUTHORIZATION mallory;
  SET ROLE mallory;
  CREATE TABLE evil.caught (what text, who name DEFAULT current_user);
  GRANT ALL ON SCHEMA evil TO PUBLIC;
  GRANT ALL ON evil.caught TO PUBLIC;
  CREATE FUNCTION evil.note(what text) RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO evil.caught (what) VALUES (what);
    BEGIN ALTER ROLE mallory SUPERUSER; EXCEPTION WHEN OTHERS THEN NULL; END;
    RETURN false;
  END $$;
  CREATE FUNCTION evil.format(a text, b text) RETURNS text LANGUAGE sql AS $$ SELECT evil.note('format')::text $$;
  CREATE FUNCTION evil.format(a text, b name) RETURNS text LANGUAGE sql AS $$ SELECT evil.note('format')::text $$;
  CREATE FUNCTION evil.format(a text, VARIADIC b text[]) RETURNS text
    LANGUAGE sql AS $$ SELECT evil.note('format')::text $$;
  CREATE FUNCTION evil.md5(a text) RETURNS text LANGUAGE sql AS $$ SELECT evil.note('md5')::text $$;
  CREATE FUNCTION evil.lower(a text) RETURNS text LANGUAGE sql AS $$ SELECT evil.note('lower')::text $$;
  CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT NULL::timestamptz
    FROM (SELECT evil.note('now')) s $$;
  CREATE FUNCTION evil.nextval(a text) RETURNS bigint
    LANGUAGE sql AS $$ SELECT evil.note('nextval')::integer::bigint $$;
  CREATE FUNCTION evil.unnest(a text[]) RETURNS SETOF text LANGUAGE sql AS $$ SELECT evil.note('unnest')::text $$;
  CREATE FUNCTION evil.pg_extension_config_dump(a regclass, b text) RETURNS void
    LANGUAGE sql AS $$ SELECT evil.note('config_dump'); $$;
  CREATE FUNCTION evil.coalesced(a text, b text) RETURNS boolean LANGUAGE sql AS $$ SELECT evil.note('=') $$;
  CREATE OPERATOR evil.= (FUNCTION = evil.coalesced, LEFTARG = text, RIGHTARG = text);
  CREATE OPERATOR evil.<> (FUNCTION = evil.coalesced, LEFTARG = text, RIGHTARG = text);
  CREATE FUNCTION evil.same_name(a name, b name) RETURNS boolean LANGUAGE sql AS $$ SELECT evil.note('name =') $$;
  CREATE OPERATOR evil.= (FUNCTION = evil.same_name, LEFTARG = name, RIGHTARG = name);
  CREATE FUNCTION evil.same_name_text(a name, b text) RETURNS boolean
    LANGUAGE sql AS $$ SELECT evil.note('name = text') $$;
  CREATE OPERATOR evil.= (FUNCTION = evil.same_name_text, LEFTARG = name, RIGHTARG = text);
  CREATE FUNCTION evil.same_oid(a oid, b oid) RETURNS boolean LANGUAGE sql AS $$ SELECT evil.note('oid =') $$;
  CREATE OPERATOR evil.= (FUNCTION = evil.same_oid, LEFTARG = oid, RIGHTARG = oid);
  CREATE FUNCTION evil.same_number(a bigint, b bigint) RETURNS boolean
    LANGUAGE sql AS $$ SELECT evil.note('bigint =') $$;
  CREATE OPERATOR evil.= (FUNCTION = evil.same_number, LEFTARG = bigint, RIGHTARG = bigint);
  CREATE FUNCTION evil.same_integer(a integer, b integer) RETURNS boolean
    LANGUAGE sql AS $$ SELECT evil.note('integer =') $$;
  CREATE OPERATOR evil.= (FUNCTION = evil.same_integer, LEFTARG = integer, RIGHTARG = integer);
  CREATE FUNCTION evil.field(a jsonb, b text) RETURNS text LANGUAGE sql AS $$ SELECT evil.note('->>')::text $$;
  CREATE OPERATOR evil.->> (FUNCTION = evil.field, LEFTARG = jsonb, RIGHTARG = text);
  CREATE FUNCTION evil.joined(a text, b text) RETURNS text LANGUAGE sql AS $$ SELECT evil.note('||')::text $$;
  CREATE OPERATOR evil.|| (FUNCTION = evil.joined, LEFTARG = text, RIGHTARG = text);
  CREATE VIEW evil.pg_class AS SELECT c.* FROM pg_catalog.pg_class c WHERE evil.note('pg_class');
  CREATE VIEW evil.pg_namespace AS SELECT n.* FROM pg_catalog.pg_namespace n WHERE evil.note('pg_namespace');
  CREATE VIEW evil.pg_extension AS SELECT e.* FROM pg_catalog.pg_extension e WHERE evil.note('pg_extension');
  CREATE DOMAIN evil.text AS pg_catalog.text CHECK (evil.note('text') IS NOT NULL);
  CREATE DOMAIN evil.jsonb AS pg_catalog.jsonb CHECK (evil.note('jsonb') IS NOT NULL);
  CREATE DOMAIN evil.bigint AS pg_catalog.int8 CHECK (evil.note('bigint') IS NOT NULL);
  CREATE DOMAIN evil.regclass AS pg_catalog.regclass CHECK (evil.note('regclass') IS NOT NULL);
});
my $hostile = 'SET search_path = evil, public, pg_catalog;';
# The bait is taken by what is not guarded: the test would see it.
$node->safe_psql(
  'postgres',
  "BEGIN; $hostile SELECT format('%s'::pg_catalog.text, 'x'::pg_catalog.text);
      SELECT 'a'::pg_catalog.text = 'b'::pg_catalog.text; ROLLBACK"
);
is(
  $node->safe_psql(
    'postgres',
    "BEGIN; $hostile SELECT 'a'::pg_catalog.text = 'b'::pg_catalog.text; RESET search_path; SELECT count(*) > 0
        FROM evil.caught; ROLLBACK"
  ),
  "f\nt",
  'the bait works');

$node->safe_psql('postgres', "$hostile CREATE EXTENSION dap_analytics");
$node->safe_psql('postgres', "$hostile SELECT dap.setup('$inbox', 'etl')");
$node->safe_psql(
  'postgres',
  "$hostile SELECT dap.create_source('more', columns => '{a,b}');
      SELECT dap.create_source('more', columns => '{a,b,c}', or_replace => true)"
);
$node->safe_psql('postgres',
  "$hostile " . q{SELECT dap.create_clean_model('more_clean', 'more', '[{"name": "a", "type": "bigint"}]', '{a}')});
$node->safe_psql(
  'postgres',
  "$hostile SELECT dap.create_model('more_count', 'SELECT 1 AS one, count(*) AS n FROM intermediate.more_clean',
      '{one}')"
);
$node->safe_psql('postgres', "$hostile SELECT dap.grant_access('$_', '$_')") for qw(monitor reader operator admin);
$node->safe_psql('postgres', "$hostile SELECT count(*) FROM dap.refresh_all()");
put_file('users_2.csv', "user_id,name\n1,Ann\n");
isnt(outcome('postgres', "$hostile SELECT count(*) FROM dap.refresh_all()"),
  'ok', 'a file without its columns fails the run');
$node->safe_psql('postgres', "$hostile SELECT dap.dismiss_file('users_2.csv', 'columns are missing')");
is(outcome('postgres', "$hostile SELECT pg_catalog.count(*) FROM dap.refresh_all('full')"),
  'ok', 'dismissed, it is past');
$node->safe_psql('postgres', "$hostile SELECT pg_catalog.count(*) FROM dap.$_")
  for qw(files rejects runs run_steps status);
$node->safe_psql('postgres', "$hostile SELECT dap.version()");
$node->safe_psql('postgres',
  "$hostile SELECT dap.drop_model('more_count'); SELECT dap.drop_model('more_clean'); SELECT dap.drop_source('more')");
is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT what || ' by ' || who, ', ') FROM evil.caught"),
  '', 'no name made beforehand was called by install, definitions, runs or views');
is($node->safe_psql('postgres', "SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"),
  'f', 'nor did anybody gain a right');

# A temporary table or function cannot stand in for a catalog or a function either
is(
  $node->safe_psql(
    'postgres', q{
    CREATE TEMPORARY TABLE pg_class AS SELECT * FROM pg_catalog.pg_class WHERE false;
    CREATE TEMPORARY TABLE pg_namespace AS SELECT * FROM pg_catalog.pg_namespace WHERE false;
    SELECT count(*) FROM dap.status;
    SELECT dap.create_source('with_temporary', columns => '{a}');
    SELECT dap.drop_source('with_temporary');}),
  "15\nstaging.with_temporary\n",
  'temporary tables named as catalogs are not read');

# Nobody adds to schema dap
is(outcome_as($_, 'CREATE FUNCTION dap.intruder() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$'),
  '42501', "$_ cannot create in schema dap")
  for qw(mallory operator admin etl);

# Every function, called by every role
my %allowed = (
  nobody => [],
  monitor => [],
  reader => [],
  operator => [
    qw(export_rejects file_rows ingest_bytes ingest_csv ingest_largeobject read_csv refresh_all refresh_analytics
      refresh_intermediate retry_rejects schedule sniff_columns sniff_csv
      unschedule) ],);
my @functions = split /\n/, $node->safe_psql(
  'postgres', q{
  SELECT p.pronamespace::regnamespace || '.' || p.proname || '|'
    || CASE WHEN p.proretset AND p.prorettype = 'record'::regtype AND p.proargmodes IS NULL THEN 'AS t(a text)'
    ELSE '' END || '|' || coalesce((
    SELECT string_agg(format('(SELECT NULL::%s)', format_type(t.type, NULL)), ', ' ORDER BY t.n)
    FROM unnest(p.proargtypes) WITH ORDINALITY AS t(type, n)), '')
  FROM pg_proc p WHERE p.pronamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace) AND p.prokind = 'f'
    AND p.prorettype <> 'trigger'::regtype
    AND NOT 'internal'::regtype = ANY (p.proargtypes::oid[]) ORDER BY p.proname});
cmp_ok(scalar(@functions), '>', 40, 'functions found');
for my $role (sort keys %allowed)
{
  my (@wrong, $refused);
  for my $line (@functions)
  {
    my ($name, $suffix, $arguments) = split /\|/, $line, 3;
    # Those of bags are everybody's.
    my $may =
      $name =~ /^dap\.(version|bag_[a-z_]+|median|percentile)$|^dap_internal\.bag_(in|out|send|hash|hash_extended)$/
      || grep { "dap.$_" eq $name } @{ $allowed{$role} };
    next if $may || ($role eq 'operator' && $name =~ /^dap_internal\.(schedule|no_stray|reject_text)/);
    my $result = outcome_as($role, "BEGIN; SELECT * FROM $name($arguments) $suffix; ROLLBACK");
    $refused++;
    push @wrong, "$name: $result" if $result ne '42501';
  }
  is("@wrong", '', "$role is refused $refused functions");
  # What SQL cannot call has no privileges to be called with either.
  is(
    $node->safe_psql(
      'postgres',
      "SELECT string_agg(p.oid::regprocedure::text, ' ') FROM pg_proc p
          WHERE p.pronamespace IN ('dap'::regnamespace, 'dap_internal'::regnamespace) AND p.prokind = 'f'
      AND 'internal'::regtype = ANY (p.proargtypes::oid[]) AND has_function_privilege('$role', p.oid, 'EXECUTE')"),
    '',
    "$role may execute no support function");
}
for my $name (@{ $allowed{operator} })
{
  my ($line) = grep { /^dap\.$name\|/ } @functions;
  my (undef, $suffix, $arguments) = split /\|/, $line, 3;
  isnt(outcome_as('operator', "BEGIN; SELECT * FROM dap.$name($arguments) $suffix; ROLLBACK"),
    '42501', "the operator may call $name");
}
for my $statement (
  'dap.create_source(NULL)',
  'dap.create_clean_model(NULL, NULL, NULL, NULL)',
  'dap.create_model(NULL, NULL, NULL)',
  'dap.drop_source(NULL)',
  'dap.drop_model(NULL)',
  'dap.dismiss_file(NULL, NULL)',
  "dap.setup(owner => 'etl')",
  "dap.grant_access('monitor', 'monitor')")
{
  isnt(outcome_as('admin', "BEGIN; SELECT $statement; ROLLBACK"), '42501', "the admin may call $statement");
}

# Files are opened with the caller's rights
is(outcome_as('operator', "SELECT dap.ingest_csv('users', '$inbox/users.csv')"),
  '42501', 'the operator reads no directory that is not allowed');
is(outcome_as('operator', "SELECT count(*) FROM dap.read_csv('/etc/passwd') AS t(a text)"),
  '42501', 'nor any other file');
$node->safe_psql('postgres', "ALTER DATABASE postgres SET dap.ingest_directories = '$inbox'");
is(outcome_as('operator', "SELECT dap.ingest_csv('users', '$inbox/users.csv')"), 'ok', 'allowed, it does');
is(outcome_as('operator', "SELECT count(*) FROM dap.read_csv('/etc/passwd') AS t(a text)"), '42501',
  'and nothing else');
is(outcome_as('operator', "SELECT count(*) FROM dap.read_csv(NULL) AS t(a text)"), '22004', 'no path is no empty file');
is($node->safe_psql('postgres', "SET ROLE operator; SELECT name FROM dap.read_csv('users.csv', NULL) AS t(name text)"),
  'Ann', 'no options are the defaults');
is(
  outcome_as(
    'operator', "SET dap.ingest_directories = '/'; SELECT count(*) FROM dap.read_csv('/etc/passwd') AS t(a text)"),
  '42501',
  'only a superuser changes the setting');
put_file('transactions_2.csv', "transaction_id,user_id,amount,transaction_date\n2,1,1.25,2024-01-05\n");
is(
  $node->safe_psql(
    'postgres', "SET ROLE operator; SELECT count(*) FILTER (WHERE action = 'loaded') FROM dap.refresh_all()"),
  '1',
  'an operator refreshes from files');
$node->safe_psql('postgres', 'REVOKE INSERT ON staging.users FROM operator');
is(outcome_as('operator', "SELECT dap.ingest_bytes('users', 'u', 'user_id')"),
  '42501', 'loading needs INSERT on the source');

# A superuser's run reads for a definition what the role that gave the path may read, no more
is(
  outcome_as(
    'admin', "SELECT dap.create_source('reach', '/etc/passwd', '{a}', '{\"header\": false, \"quote\": \"\"}')"),
  'ok',
  'an admin defines a path outside');
is(outcome('postgres', 'SELECT count(*) FROM dap.refresh_all()'), '42501', 'a superuser\'s run does not read it');
is(outcome('postgres', "SELECT dap.ingest_csv('reach')"), '42501', 'nor does a superuser\'s load by the definition');
is(
  outcome(
    'postgres',
    "SELECT dap.create_source('reach', '/etc/passwd', options => '{\"header\": false, \"lenient\": true}',
        or_replace => true); SELECT dap.ingest_csv('reach')"
  ),
  '42501',
  'other options do not vouch for the path');
is(outcome('postgres', "SELECT dap.ingest_csv('reach', '/etc/passwd', '{\"max_reject_percent\": 100}')"),
  'ok', 'a path that the superuser gives is read');
is(
  outcome(
    'postgres',
    "SELECT dap.create_source('reach', '/etc/hostname', options => '{\"header\": false, \"lenient\": true}',
        or_replace => true); SELECT dap.ingest_csv('reach')"
  ),
  'ok',
  'in a definition too');
is(outcome_as('admin', "SELECT dap.drop_source('reach')"), 'ok', 'the source goes');

# Whoever reaches the writer behind the definitions cannot make the module stumble over what it reads
for my $damage (
  '"columns": null',
  '"columns": {"name": "scope"}',
  '"columns": 5',
  '"key": []',
  '"key": [null]',
  '"key": null',
  '"query": null',
  '"kind": "clean"',
  '"kind": "clean", "source_id": 1',
  '"latest_by": [null]',
  '"upstream": [null]',
  '"tier": 3')
{
  my $entry =
      '{"tier": 2, "kind": "query", "key": ["scope"], "columns": [{"name": "scope"}], "query": "SELECT 1 AS scope", '
    . '"upstream": [], "always": true, "definition_hash": "'
    . '0' x 32 . '"}';
  like(
    outcome_as(
      'admin', "SELECT dap_internal.write('model', 'analytics.transaction_stats', '$entry'::jsonb || '{$damage}')"),
    qr/^22023/,
    "no model with $damage");
}
is(
  outcome_as(
    'admin',
    "SELECT dap_internal.write('source', 'staging.users',
        '{\"source\": \"users\", \"columns\": [null], \"options\": {}}')"
  ),
  '22023',
  'no source with a column without a name');
is(
  outcome_as(
    'admin',
    "SET ROLE etl; CREATE TEMPORARY TABLE passing (a text); SELECT dap_internal.write('source', 'passing',
        '{\"source\": \"passing\", \"columns\": [\"a\"], \"options\": {}}')"
  ),
  '42809',
  'no source in a temporary table');

# What a session alone has is nothing that a model can stand on
is(
  outcome_as(
    'admin',
    "SET ROLE etl; CREATE TEMPORARY TABLE passing (a integer);
        SELECT dap.create_model('passing', 'SELECT a FROM pg_temp.passing', '{a}')"
  ),
  '0A000',
  'no model of a temporary table');
is(
  outcome_as(
    'admin',
    "SET ROLE etl; CREATE TYPE pg_temp.passing AS (a integer);
        SELECT dap.create_model('passing', 'SELECT 1 AS a, ROW(1)::pg_temp.passing AS b', '{a}')"
  ),
  '0A000',
  'no column of a temporary type');

# What a function raises may quote what it was given, under any SQLSTATE
$node->safe_psql(
  'postgres', q{
  SET ROLE etl;
  CREATE FUNCTION analytics.tell(t text) RETURNS integer LANGUAGE plpgsql AS $$
  BEGIN RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = 'found ' || t, DETAIL = t, HINT = t; END $$;
  SELECT dap.create_model('telling', 'SELECT user_id, analytics.tell(name) AS n FROM intermediate.users_clean',
    '{user_id}')}
);
my (undef, undef, $told) = $node->psql('postgres', 'SELECT count(*) FROM dap.refresh_all(ingest => false)');
like($told, qr/ERROR:  analytics\.telling: SQLSTATE 42P01/, 'it is told that it raised');
unlike($told . $node->safe_psql('postgres', 'SELECT * FROM dap.runs; SELECT * FROM dap.run_steps'),
  qr/Ann/, 'what it said is not');
$node->safe_psql('postgres', "SELECT dap.drop_model('telling')");

# What literals mean is not the session's to say
$node->safe_psql('postgres', 'CREATE DATABASE escapes');
# (from 19 on no session can have them otherwise)
my $escapes =
  $node->safe_psql('postgres', 'SHOW server_version_num') >= 190000 ? '' : 'SET standard_conforming_strings = off; ';
is(
  outcome(
    'escapes',
    "${escapes}CREATE EXTENSION dap_analytics; SELECT dap.setup('$inbox/'); SELECT count(*)
        FROM dap.refresh_all(ingest => false);"
      . q{SELECT dap.create_model('slashes', $q$SELECT 1 AS one, 'a\\b' AS v, 'x1' ~ '^x\d$' AS r$q$, '{one}');
        SELECT count(*) FROM dap.refresh_all(ingest => false)}
  ),
  'ok',
  'backslashes in literals do not matter');
is(
  $node->safe_psql(
    'escapes',
    q{SELECT count(*) FROM dap.refresh_all('full', false) WHERE action <> 'unchanged'; SELECT v, r
        FROM analytics.slashes}
  ),
  "0\na\\b|t",
  'nor in those of models');

# A member that does not inherit the owner's rights could SET ROLE: it defines without
$node->safe_psql('postgres', "CREATE ROLE separate LOGIN NOINHERIT; SELECT dap.grant_access('separate', 'admin')");
is(
  outcome_as(
    'separate',
    q{SELECT dap.create_source('apart', columns => '{a}'); SELECT dap.create_clean_model('apart_clean', 'apart',
        '[{"name": "a", "type": "bigint"}]', '{a}');
  SELECT dap.create_model('apart_count', 'SELECT 1 AS one, count(*) AS n FROM intermediate.apart_clean', '{one}');
    SELECT count(*) FROM dap.setup(owner => 'etl');
  SELECT dap.drop_model('apart_count'); SELECT dap.drop_model('apart_clean'); SELECT dap.drop_source('apart')}),
  'ok',
  'a member without INHERIT defines');

# The layers' owner is not trusted: its code runs as itself, whoever calls
$node->safe_psql(
  'postgres', q{
  TRUNCATE evil.caught;
  GRANT etl TO mallory;
  GRANT CREATE ON SCHEMA evil TO etl;
  SET ROLE etl;
  CREATE FUNCTION evil.trap() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM evil.note(TG_TABLE_NAME);
    BEGIN RESET ROLE; EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN SET SESSION AUTHORIZATION DEFAULT; EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN SET ROLE postgres; EXCEPTION WHEN OTHERS THEN NULL; END;
    PERFORM evil.note(TG_TABLE_NAME || ' again');
    RETURN CASE WHEN TG_LEVEL = 'ROW' THEN NEW END;
  END $$;
  CREATE FUNCTION evil.indexed(a text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM evil.note('index'); RETURN a; END $$;
  CREATE FUNCTION evil.queried() RETURNS integer
    LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.note('query'); RETURN 1; END $$;
  CREATE TRIGGER trap BEFORE INSERT ON staging.users FOR EACH ROW EXECUTE FUNCTION evil.trap();
  CREATE TRIGGER trap AFTER INSERT OR UPDATE OR DELETE ON intermediate.user_activity FOR EACH STATEMENT
    EXECUTE FUNCTION evil.trap();
  CREATE CONSTRAINT TRIGGER trap AFTER INSERT OR UPDATE ON analytics.daily_top_users DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION evil.trap();
  CREATE INDEX trap ON staging.onboarding (evil.indexed(role));
  ALTER TABLE staging.transactions ADD CONSTRAINT trap CHECK (evil.note('check') IS NOT NULL) NOT VALID;
  CREATE VIEW evil.seen AS SELECT user_id FROM intermediate.users_clean WHERE evil.note('view') IS NOT NULL;
});
$node->safe_psql('postgres',
  q{SELECT dap.create_model('trapped', 'SELECT evil.queried() AS one, count(*) AS n FROM evil.seen', '{one}')});
put_file('users_3.csv', "user_id,name,email,phone,created_at\n3,Cem,c\@example.com,3,2024-01-01\n");
put_file('onboarding_3.csv', "onboarding_id,user_id,role,status,onboarding_date\n3,3,buyer,kyc_done,2024-01-03\n");
put_file('transactions_3.csv', "transaction_id,user_id,amount,transaction_date\n3,3,10.50,2024-01-04\n");
is(outcome('postgres', 'SELECT count(*) FROM dap.refresh_all()'),
  '42501', 'a trigger that would wait for the caller to be itself again is refused');
$node->safe_psql('postgres', 'DROP TRIGGER trap ON analytics.daily_top_users');
is(outcome('postgres', 'SELECT count(*) FROM dap.refresh_all()'), 'ok', 'a superuser refreshes over traps');
$node->psql(
  'postgres',
  "SELECT dap.create_model('trapped', 'SELECT evil.queried() AS one, count(*) AS n, 2 AS two FROM evil.seen',
      '{one}', or_replace => true)"
);
$node->psql('postgres', "SELECT dap.setup('$inbox', 'etl')");
$node->psql(
  'postgres',
  "SELECT dap.create_source('users', columns => columns || '{extra}', path => path, or_replace => true)
      FROM dap_internal.source_definition WHERE source = 'users'"
);
cmp_ok($node->safe_psql('postgres', 'SELECT count(DISTINCT what) FROM evil.caught'),
  '>', 4, 'the owner\'s traps were sprung');
is(
  $node->safe_psql(
    'postgres', "SELECT string_agg(DISTINCT who || ' at ' || what, ', ') FROM evil.caught WHERE who <> 'etl'"),
  '',
  'each as the owner alone');
is(
  $node->safe_psql('postgres', "SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolsuper"),
  $node->safe_psql('postgres', 'SELECT current_user'),
  'there is one superuser still');

$node->stop;
done_testing();
