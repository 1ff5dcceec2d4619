# The refresh, promise by promise: what it writes, what it leaves alone, which record wins, and what is left when it
# fails.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('refresh');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_worker_processes = 8\nlog_statement = none\n");
$node->start;
my $inbox = PostgreSQL::Test::Utils::tempdir;
chmod 0755, $inbox;

my $database;
sub sql { return $node->safe_psql($database, $_[0]); }
# Standard error of statements that may fail, with SQLSTATEs.
sub complaints
{
  my ($code, $out, $err) = $node->psql($database, "\\set VERBOSITY verbose\n$_[0]");
  return $err;
}
sub put_file
{
  my ($name, @lines) = @_;
  open(my $handle, '>:raw', "$inbox/$name") or die $!;
  print $handle join('', map { "$_\n" } @lines);
  close($handle);
  chmod 0644, "$inbox/$name";
}
# A file that came twice is skipped aloud until it is old enough to be recognised unread: which run that is depends on
# the machine.
sub refresh
{
  return sql(
    q{SELECT string_agg(action || ' ' || object, ', ' ORDER BY step) FROM dap.refresh_all()
        WHERE action NOT IN ('unchanged', 'skipped')}
  );
}
sub last_run { return sql("SELECT $_[0] FROM dap.runs ORDER BY run_id DESC LIMIT 1"); }
sub versions
{
  return sql("SELECT string_agg(ctid::text || xmin::text || t::text, ',' ORDER BY ctid) FROM $_[0] AS t");
}
my $digest_query = q{
  SELECT string_agg(format('SELECT %L, count(*), md5(coalesce(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE '
    '"C"), '''')) FROM %s AS t', c.oid::regclass, c.oid::regclass),
    ' UNION ALL ' ORDER BY c.oid::regclass::text)
  FROM pg_class AS c WHERE c.relnamespace IN ('staging'::regnamespace, 'intermediate'::regnamespace,
    'analytics'::regnamespace) AND c.relkind IN ('r', 'p')};
sub digest { return sql(sql($digest_query)); }

sub new_database
{
  my ($name, %files) = @_;
  $database = $name;
  unlink glob("$inbox/*");
  $node->safe_psql('postgres', "CREATE DATABASE $name");
  put_file($_, @{ $files{$_} }) for keys %files;
  sql("CREATE EXTENSION dap_analytics; SELECT count(*) FROM dap.setup('$inbox')");
}
my %small = (
  'users_1.csv' => [
    'user_id,name,email,phone,created_at', '1,Ann,ann@example.com,1,2024-01-01',
    '2,Bob,bob@example.com,2,2024-01-02' ],
  'onboarding_1.csv' => [
    'onboarding_id,user_id,role,status,onboarding_date', '1,1,buyer,kyc_done,2024-01-03',
    '2,2,seller,pending,2024-01-04' ],
  'transactions_1.csv' => [
    'transaction_id,user_id,amount,transaction_date', '1,1,10.50,2024-01-04',
    '2,2,20.00,2024-01-05', '3,1,5.00,2024-01-05' ]);
my $transaction_header = 'transaction_id,user_id,amount,transaction_date';

# --- what is written ----------------------------------------------------------------------------
new_database(
  'written', %small,
  'transactions_1_again.csv' => $small{'transactions_1.csv'},
  'users_0.csv' => ['wrong,header']);
sleep 3;    # so that files are recognised without being read
complaints('SELECT * FROM dap.refresh_all()');
sql("SELECT dap.dismiss_file('$inbox/users_0.csv', 'not ours')");
like(
  refresh(),
  qr/^loaded staging.onboarding, loaded staging.transactions, loaded staging.users, built intermediate/,
  'a first run builds');
refresh();
my $counters = q{SELECT string_agg(relid::regclass || ':' || n_tup_ins || '/' || n_tup_upd || '/' || n_tup_del, ' '
      ORDER BY relid::regclass::text)
  FROM pg_stat_user_tables WHERE relid NOT IN ('dap_internal.run_ledger'::regclass)
    AND schemaname IN ('dap_internal', 'staging', 'intermediate', 'analytics')};
my $flush = 'SELECT pg_stat_force_next_flush()';
sql($flush);
my $counted = sql($counters);
my $run_lines = sql('SELECT count(*) FROM dap.runs');
is(
  sql(
    "SELECT string_agg(DISTINCT action, ','),
        sum(rows_in + rows_inserted + rows_updated + rows_deleted + rows_rejected) FROM dap.refresh_all(); $flush"
  ),
  "unchanged|0\n",
  'nothing changed: every step says so, that of a source with a duplicate and a dismissed file too');
is(
  sql("SELECT string_agg(DISTINCT action, ',') FROM dap.refresh_all('full') WHERE object NOT LIKE 'staging.%'; $flush"),
  "unchanged\n", 'full agrees');
is(sql($counters), $counted, 'neither wrote a row of any layer, model state, file ledger or step');
is(sql('SELECT count(*) FROM dap.runs'), $run_lines + 2, 'but the runs have their lines');
is(sql('SELECT count(*) FROM dap.run_steps WHERE run_id = (SELECT max(run_id) FROM dap.runs)'), 0, 'without steps');

# --- what a merge leaves alone ------------------------------------------------------------------
sql(
  q{
  CREATE ROLE consumer;
  GRANT SELECT ON analytics.daily_transaction_stats, intermediate.transactions_clean TO consumer;
  CREATE VIEW public.dependent AS SELECT * FROM analytics.transaction_stats;
  CREATE INDEX by_user ON intermediate.transactions_clean (user_id);
  ALTER TABLE intermediate.transactions_clean ADD COLUMN note text NOT NULL DEFAULT 'noted', ADD COLUMN gone int,
    ADD COLUMN twice numeric GENERATED ALWAYS AS (amount * 2) STORED;
  ALTER TABLE intermediate.transactions_clean DROP COLUMN gone;
  UPDATE intermediate.transactions_clean SET note = 'mine' WHERE transaction_id = 1;
  CREATE TABLE public.seen (what text, n bigint);
  CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen
    VALUES (TG_OP, coalesce(new.transaction_id, old.transaction_id)); RETURN NULL; END $$;
  CREATE TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON intermediate.transactions_clean FOR EACH
    ROW EXECUTE FUNCTION public.see();
});
my $identity =
  q{SELECT string_agg(c.oid || ' ' || c.relfilenode || ' ' || coalesce(c.relacl::text, ''), ',' ORDER BY c.oid)
      FROM pg_class c
  WHERE c.relnamespace IN ('intermediate'::regnamespace, 'analytics'::regnamespace)};
my $identities = sql($identity);
my $kept =
  sql('SELECT xmin FROM intermediate.transactions_clean WHERE transaction_id IN (1, 3) ORDER BY transaction_id');
put_file(
  'transactions_2.csv', $transaction_header, '2,2,20.0,2024-01-05', '3,1,5.00,2024-01-05T00:00',
  '4,2,1,2024-01-06', '1,1,11.50,2024-01-04');
is(
  sql(
    "SELECT action, rows_in, rows_inserted, rows_updated, rows_deleted FROM dap.refresh_all()
        WHERE object = 'intermediate.transactions_clean'"
  ),
  'merged|7|1|1|0',
  'a record that says the same in another way is no change');
is(sql('SELECT string_agg(what || n, \',\' ORDER BY n) FROM public.seen'),
  'UPDATE1,INSERT4', 'a trigger sees just the rows that changed');
is(
  sql('SELECT transaction_id, amount, note, twice FROM intermediate.transactions_clean ORDER BY 1'),
  "1|11.50|mine|23.00\n2|20.00|noted|40.00\n3|5.00|noted|10.00\n4|1.00|noted|2.00",
  "columns that somebody added keep their values, new rows get their defaults");
is(
  sql('SELECT xmin FROM intermediate.transactions_clean WHERE transaction_id = 3'),
  (split /\n/, $kept)[1],
  'rows that are the same are not touched');
is(sql($identity), $identities, 'OIDs, files and grants are the same');
is(sql('SELECT transactions, total_amount FROM public.dependent'), '4|37.50', 'a dependent view sees the new rows');
is(sql("SELECT string_agg(DISTINCT action, ',') FROM dap.refresh_all('full') WHERE object NOT LIKE 'staging.%'"),
  'unchanged', 'full finds nothing to change in such a table');
sql(
  "SELECT dap.create_clean_model('intermediate.transactions_clean', 'transactions', c.columns, '{transaction_id}',
      or_replace => true)
  FROM (SELECT jsonb_insert(columns, '{0}',
    '{\"name\": \"raw_amount\", \"source\": \"amount\", \"type\": \"text\"}') AS columns
    FROM dap_internal.builtin_clean_models() WHERE source = 'transactions') c"
);
is(
  refresh(),
  'merged intermediate.transactions_clean',
  'a new definition is computed at once; what it does not change stays unchanged');
is(
  sql('SELECT transaction_id, amount, note, twice, raw_amount FROM intermediate.transactions_clean ORDER BY 1 LIMIT 1'),
  '1|11.50|mine|23.00|11.50', 'and somebody else\'s columns outlive it');

# Rows that trade what a user's index keeps unique.
sql('CREATE UNIQUE INDEX ON analytics.daily_top_users (day, user_id)');
put_file('transactions_3.csv', $transaction_header, '3,1,50.00,2024-01-05');
like(refresh(), qr/merged analytics.daily_top_users/, 'ranks change places under a unique index of the user\'s');
is(sql("SELECT rank, user_id FROM analytics.daily_top_users WHERE day = '2024-01-05' ORDER BY 1"),
  "1|1\n2|2", 'correctly');

# Equal is not identical; a column's own type and collation decide what is a key.
sql(
  q{
  SELECT dap.create_source('m', NULL, '{k,v,at}');
  SELECT dap.create_clean_model('m', 'm',
    '[{"name": "k", "type": "numeric"}, {"name": "v", "type": "numeric"}, {"name": "at", "type": "date"}]', '{k}',
    '{at}');
  CREATE COLLATION public.blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE SCHEMA elsewhere; CREATE EXTENSION citext SCHEMA elsewhere;
  SELECT dap.create_model('blind',
    'SELECT (k::text || ''A'') COLLATE public.blind AS "Key", max(v) AS v FROM intermediate.m GROUP BY 1', '{Key}');
  SELECT dap.create_model('ci', 'SELECT (''Ab'' || k::text)::elsewhere.citext AS k, v FROM intermediate.m', '{k}');
});
sub bytes
{
  my ($source, $name, $text) = @_;
  return sql("SELECT status FROM dap.ingest_bytes('$source', '$name', convert_to(E'$text', 'UTF8'))");
}
bytes('m', 'a', 'k,v,at\n1.0,1.0,2024-01-02\n2,1,2024-01-01\n2.0,2,\n3,5,\n3.0,6,\n');
refresh();
is(
  sql('SELECT * FROM intermediate.m ORDER BY k'),
  "1.0|1.0|2024-01-02\n2|1|2024-01-01\n3.0|6|",
  'equal keys are one key; NULL is the lowest date; of a tie the later line wins');
bytes('m', 'b', 'k,v,at\n1.00,1.00,2024-01-02\n2.000,9,\n');
like(refresh(), qr/merged intermediate.m\b/, 'another scale is another value');
is(sql('SELECT * FROM intermediate.m ORDER BY k'), "1.00|1.00|2024-01-02\n2|1|2024-01-01\n3.0|6|", 'in keys, too');
sql(
  q{SELECT dap.create_model('blind',
      'SELECT (k::text || ''a'') COLLATE public.blind AS "Key", max(v) AS v FROM intermediate.m GROUP BY 1', '{Key}',
      true);
      SELECT dap.create_model('ci', 'SELECT (''aB'' || k::text)::elsewhere.citext AS k, v FROM intermediate.m',
        '{k}', true)}
);
is(
  sql(
    "SELECT rows_inserted, rows_updated, rows_deleted FROM dap.refresh_all()
        WHERE object IN ('analytics.blind', 'analytics.ci')"
  ),
  "0|3|0\n0|3|0",
  'equality is that of the key\'s index: a collation\'s or a type\'s of another schema');
is(sql('SELECT "Key" FROM analytics.blind ORDER BY 1'), "1.00a\n2a\n3.0a", 'and the images follow');

# --- which record wins --------------------------------------------------------------------------
sql(
  q{SELECT dap.create_source('w', NULL, '{k,v}'); SELECT dap.create_clean_model('w', 'w',
      '[{"name": "k", "type": "integer"}, {"name": "v", "type": "integer"}]', '{k}')}
);
bytes('w', 'f10', 'k,v\n1,1\n2,1\n');
bytes('w', 'f9', 'k,v\n1,2\n2,x\n3,3\n');
refresh();
is(sql('SELECT * FROM intermediate.w ORDER BY 1'),
  "1|2\n2|1\n3|3", 'the file loaded later wins; a rejected record never does');
is(
  sql("SELECT path, line, object, column_name, reason, convert_from(raw, 'UTF8') FROM dap.rejects WHERE source = 'w'"),
  'f9|3|intermediate.w|v|invalid_number|x', 'and is kept with its place');
my $reject = sql("SELECT reject_id FROM dap.rejects WHERE source = 'w'");
sql(q{SELECT dap.create_source('w', NULL, '{k,v}', '{"arrival": "name"}', true)});
is(sql(q{SELECT state FROM dap.status WHERE object = 'intermediate.w'}),
  'stale', 'another rule of arrival makes the model stale');
like(refresh(), qr/merged intermediate.w\b/, 'and is followed');
is(sql('SELECT * FROM intermediate.w ORDER BY 1'), "1|1\n2|1\n3|3", 'by name: f10 after f9');
bytes('w', 'f1', 'k,v\n1,7\n4,4\n');
refresh();
is(sql('SELECT * FROM intermediate.w ORDER BY 1'),
  "1|1\n2|1\n3|3\n4|4", 'a file that comes late under an early name is early');
is(sql("SELECT reject_id FROM dap.rejects WHERE source = 'w'"), $reject,
  'a reject that is still true keeps its number');
sql(
  q{SELECT dap.create_clean_model('w', 'w',
      '[{"name": "k", "type": "integer"}, {"name": "v", "type": "integer", "map": {"x": "8"}}]', '{k}',
      or_replace => true)}
);
refresh();
is(sql('SELECT v FROM intermediate.w WHERE k = 2') . sql("SELECT count(*) FROM dap.rejects WHERE source = 'w'"),
  '10', 'a rule that takes it makes it a record: here an earlier one');

# --- what models may read -----------------------------------------------------------------------
sql(
  q{
  CREATE TABLE public.factor (f int); INSERT INTO public.factor VALUES (2);
  CREATE VIEW public.inner_view AS SELECT k, v FROM intermediate.w;
  CREATE VIEW public.outer_view AS SELECT k, v AS "V" FROM public.inner_view;
  SELECT dap.create_model('of_view', 'SELECT k, "V" FROM public.outer_view', '{k}');
  SELECT dap.create_model('of_table', 'SELECT w.k, w.v * f.f AS v FROM intermediate.w w, public.factor f', '{k}');
  SELECT dap.create_model('volatile', 'SELECT 1 AS one, clock_timestamp() AS now', '{one}');
  SELECT dap.create_model('constant', 'SELECT 1 AS one; -- nothing else', '{one}');
  SELECT dap.create_model('intermediate."Äpfel & Birnen"', 'SELECT k AS "Der Schlüssel", v FROM intermediate.w',
    '{Der Schlüssel}');
  SELECT dap.create_model('after',
    'SELECT "Der Schlüssel" AS k, sum(v) AS v FROM intermediate."Äpfel & Birnen" GROUP BY 1 /* ; */ ;;', '{k}');
});
refresh();
is(
  refresh(),
  'merged analytics.volatile',
  'a volatile query is computed each time; a table that is neither source nor model is, too, and has not changed');
sql('UPDATE public.factor SET f = 3');
is(refresh(), 'merged analytics.of_table, merged analytics.volatile', 'now it has');
bytes('w', 'g', 'k,v\n5,5\n');
like(
  refresh(),
  qr/merged intermediate.w, .*merged intermediate."Äpfel & Birnen"/,
  'through views, names with blanks and letters, and two layers');
is(
  sql('SELECT count(*), sum(v) FROM analytics.after'),
  sql('SELECT count(*), sum("V") FROM analytics.of_view'),
  'rows follow');
sql('CREATE OR REPLACE VIEW public.inner_view AS SELECT k, v + 100 AS v FROM intermediate.w');
like(refresh(), qr/merged analytics.of_view/, 'a view that is replaced is followed');
is(sql('SELECT sum("V") FROM analytics.of_view') - sql('SELECT sum(v) FROM intermediate.w'),
  500, 'with its new meaning');
is(sql("SELECT state FROM dap.status WHERE object = 'analytics.of_view'"), 'ok', 'and is not called stale for it');
sql('CREATE OR REPLACE VIEW public.inner_view AS SELECT r.k::integer AS k, r.v::integer AS v FROM intermediate.m r');
like(refresh(), qr/merged analytics.of_view/, 'a view that reads something else now, as well');
bytes('m', 'c', 'k,v,at\n7,7,\n');
like(refresh(), qr/merged intermediate.m\b.*merged analytics.of_view/, 'whose changes then count');

# --- failures -----------------------------------------------------------------------------------
new_database('failing', %small);
refresh();
my $canary = 'CANARY4711';
sql(
  q{
  CREATE TABLE public.knob (n numeric); INSERT INTO public.knob VALUES (1);
  SELECT dap.create_source('c', NULL, '{k,v}');
  SELECT dap.create_clean_model('c', 'c', '[{"name": "k", "type": "text"}, {"name": "v", "type": "text"}]', '{k}');
  SELECT dap.create_clean_model('cc', 'c', '[{"name": "k", "type": "text"}, {"name": "v", "type": "text"}]', '{k}');
  SELECT dap.create_model('divided', 'SELECT 1 AS one, 1 / k.n AS q FROM public.knob k', '{one}');
  SELECT dap.create_model('converted',
    'SELECT c.k, CASE WHEN k.n = 2 THEN c.v ELSE ''0'' END::integer AS v FROM intermediate.c c, public.knob k', '{k}');
  SELECT dap.create_model('narrow', 'SELECT 1 AS one, (k.n * 1)::numeric(4,2) AS n FROM public.knob k', '{one}');
  SELECT dap.create_model('one_key',
    'SELECT 1 AS one, c.v FROM intermediate.c c, public.knob k WHERE k.n = 3 OR c.k = ''a''', '{one}');
  SELECT dap.create_model('null_key',
    'SELECT nullif(c.k, ''a'') AS k FROM intermediate.c c, public.knob k WHERE k.n = 4', '{k}');
});
bytes('c', 'first', "k,v\\na,$canary\\nb,$canary\\n");
refresh();
my $before = digest();
sub fails
{
  my ($name, $sqlstate, $step, $how, $undo) = @_;
  sql($how) if $how;
  $before = digest() if $how;
  my $log = -s $node->logfile;
  my $err = complaints('SELECT * FROM dap.refresh_all()');
  like($err, qr/ERROR:  $sqlstate: /, "$name: SQLSTATE $sqlstate");
  is(last_run('status, sqlstate, failed_step'), "failed|$sqlstate|$step", "$name: its line");
  my $said =
      $err
    . slurp_file($node->logfile, $log)
    . sql("SELECT coalesce(string_agg(message, ' '), '') FROM dap.run_steps")
    . sql("SELECT string_agg(to_jsonb(l)::text, ' ') FROM dap_internal.run_ledger l");
  unlike($said, qr/$canary/, "$name: no value in message, log, run or step");
  is(digest(), $before, "$name: no row of any layer changed");
  is(
    sql(
      "SELECT count(*) FROM dap.run_steps WHERE run_id = (SELECT max(run_id) FROM dap.runs) AND action = 'failed'
          AND message IS NOT NULL"
    ),
    1,
    "$name: the failed step is kept");
  sql($undo) if $undo;
  $before = digest() if $undo;
  return $err;
}
sub knob { return "UPDATE public.knob SET n = $_[0]"; }
fails('division by zero', '22012', 'analytics.divided', knob(0), knob(1));
fails('conversion', '22P02', 'analytics.converted', knob(2), knob(1));
fails('overflow', '22003', 'analytics.narrow', knob(1000), knob(1));
like(
  fails('two rows for a key', '21000', 'analytics.one_key', knob(3), knob(1)),
  qr/model analytics.one_key gives more than one row.*HINT:.*one row per key/s,
  'two rows for a key: says so');
fails('NULL key', '21000', 'analytics.null_key', knob(4), knob(1));
put_file('transactions_2.csv', $transaction_header, '9,9,9.99,2024-02-01');
fails(
  'check constraint',
  '23514',
  'intermediate.transactions_clean',
  'ALTER TABLE intermediate.transactions_clean ADD CONSTRAINT mine CHECK (user_id < 5)',
  'ALTER TABLE intermediate.transactions_clean DROP CONSTRAINT mine');
fails(
  'column dropped',
  '42703', 'analytics.narrow',
  'ALTER TABLE analytics.narrow DROP COLUMN n',
  'ALTER TABLE analytics.narrow ADD COLUMN n numeric(4,2)');
bytes('c', 'second', "k,v\\nc,$canary\\n");
like(
  fails(
    'column of another type',
    '42804', 'intermediate.cc',
    'ALTER TABLE intermediate.cc ALTER COLUMN v TYPE integer USING 0',
    'ALTER TABLE intermediate.cc ALTER COLUMN v TYPE text'),
  qr/column v of intermediate.cc has type integer, its rule gives text/,
  'column of another type: says so');
fails(
  'table gone',
  '42P01',
  'analytics.divided',
  'ALTER TABLE public.knob RENAME TO bonk',
  'ALTER TABLE public.bonk RENAME TO knob');
unlink "$inbox/transactions_2.csv";

# As the layers' owner, who may be denied something.
sql(
  qq{CREATE ROLE layers; CREATE ROLE batch LOGIN;
  DO \$\$ DECLARE o record; BEGIN
    FOR o IN SELECT c.oid::regclass AS t FROM pg_class c
      WHERE c.relnamespace IN ('staging'::regnamespace, 'intermediate'::regnamespace, 'analytics'::regnamespace)
      AND c.relkind = 'r'
    LOOP EXECUTE format('ALTER TABLE %s OWNER TO layers', o.t); END LOOP;
    FOR o IN SELECT n
      FROM unnest(ARRAY['staging', 'intermediate', 'analytics']) AS n LOOP
      EXECUTE format('ALTER SCHEMA %I OWNER TO layers', o.n); END LOOP;
  END \$\$;
  SELECT dap.grant_access('layers', 'admin'); GRANT SELECT ON public.knob TO layers;
    SELECT dap.grant_access('batch', 'operator'); ALTER DATABASE failing SET dap.ingest_directories = '$inbox'}
);
fails(
  'revoked', '42501', 'analytics.divided',
  'REVOKE SELECT ON public.knob FROM layers',
  'GRANT SELECT ON public.knob TO layers');
put_file('transactions_3.csv', $transaction_header, '9,9,9.99,2024-02-01');
is(
  sql(
    "SET ROLE batch; SELECT action FROM dap.refresh_all() WHERE object = 'intermediate.transactions_clean';
        SELECT current_user"
  ),
  "merged\nbatch",
  'SET ROLE to an operator without a right on any table');
$before = digest();

# Files: each one that failed leaves its line and rejects, the run its error.
put_file(
  'users_2.csv',
  'user_id,name,email,phone,created_at',
  map { "$_,$canary,$canary,$canary,2024-01-01,too,many" } 10 .. 30);
put_file('users_3.csv', 'user_id,name', "5,$canary");
my $error = fails('bad files', '22P04', 'staging.users');
like(
  $error,
  qr/users_2\.csv" failed, nothing was published.*DETAIL:  Source users, line 2.*21 records read, 21 rejected.*HINT: .*dap\.rejects WHERE path = .*dismiss_file/s,
  'bad files: the error has file, line, reason and counts, and what to do');
like($error, qr/HINT: .*dap\.sniff_csv/, 'bad files: and what this reason asks for');
is(
  sql(
    "SELECT regexp_replace(path, '.*/', ''), status, rows_read, rows_rejected,
        run_id = (SELECT max(run_id) FROM dap.runs) FROM dap.files WHERE status = 'failed' ORDER BY path"
  ),
  "users_2.csv|failed|21|21|t\nusers_3.csv|failed|0|0|t",
  'bad files: a line for each');
is(
  sql("SELECT count(*) FROM dap.rejects WHERE path LIKE '%users_2.csv' AND convert_from(raw, 'UTF8') LIKE '%$canary%'"),
  21, 'bad files: the values are in dap.rejects');
like(
  fails('bad files again', '22P04', 'staging.users'),
  qr/line 2.*21 records read, 21 rejected/s,
  'bad files again: the error says as much as the first time');
sql(qq{SELECT dap.create_source('users', '$inbox/users*.csv', NULL, '{"on_failed_file": "set_aside"}', true)});
put_file('users_4.csv', 'user_id,name,email,phone,created_at', '6,Fay,fay@example.com,6,2024-01-06');
$error = complaints('SELECT * FROM dap.refresh_all()');
like(
  $error,
  qr/WARNING:  22P04: file ".*users_2\.csv" is set aside.*WARNING:  22P04: file ".*users_3\.csv" is set aside/s,
  'set aside: a WARNING for each');
unlike($error, qr/ERROR|$canary/, 'set aside: no error, no value');
is(last_run('status'), 'succeeded', 'set aside: the run goes on');
is(sql("SELECT count(*) FROM intermediate.users_clean WHERE user_id = 6"), 1, 'set aside: with the other files');
is(sql("SELECT count(*) FROM dap.run_steps WHERE run_id = (SELECT max(run_id) FROM dap.runs) AND action = 'failed'"),
  2, 'set aside: they are steps');
$before = digest();
put_file('users_5.csv', 'user_id', "7");
fails('set aside in a run that fails', '22012', 'analytics.divided', knob(0), knob(1));
is(sql("SELECT status FROM dap.files WHERE path LIKE '%users_5.csv'"),
  'failed', 'set aside in a run that fails: its line is kept');
sql(
  "SELECT dap.dismiss_file(f, 'why not')
      FROM unnest(ARRAY['$inbox/users_2.csv', '$inbox/users_3.csv', '$inbox/users_5.csv']) f"
);
is(complaints('SELECT * FROM dap.refresh_all()'), '', 'dismissed: no WARNING any more');
is(sql("SELECT count(*) FROM dap.rejects WHERE path LIKE '%users_2.csv'"), 21, 'dismissed: the rejects stay');

# The limit holds over both stages.
$before = digest();
put_file(
  'onboarding_2.csv',
  'onboarding_id,user_id,role,status,onboarding_date',
  (map { "$_,1,buyer,$canary,2024-01-07" } 100 .. 199),
  (map { "$_,1,buyer,$canary,07/01/2024" } 200 .. 205),
  (map { "$_,1,buyer,$canary,2024-01-07,$canary" } 206 .. 210));
$error = fails('limit', '22P04', 'intermediate.onboarding_clean');
like(
  $error,
  qr/onboarding_2\.csv" failed.*DETAIL:.*line 102, column onboarding_date.*11 of 111 records rejected, more than 1 percent/s,
  'limit: the place of the first and the counts of both stages');
is(
  sql(
    "SELECT f.status, f.rows_rejected, count(*) FILTER (WHERE r.stage = 'clean'),
        count(*) FILTER (WHERE r.stage = 'ingest') FROM dap.files f JOIN dap.rejects r USING (file_id)
        WHERE f.path LIKE '%onboarding_2.csv' GROUP BY 1, 2"
  ),
  'failed|11|6|5',
  'limit: the file has failed, with the rejects of both stages');
fails('limit again', '22P04', 'intermediate.onboarding_clean');
is(sql("SELECT count(*) FROM dap.files WHERE path LIKE '%onboarding_2.csv'"), 1, 'limit again: one line');
is(sql("SELECT count(*) FROM dap.dismiss_file('$inbox/onboarding_2.csv', 'sent again tomorrow')"),
  1, 'limit: it can be dismissed');
is(complaints('SELECT * FROM dap.refresh_all()'), '', 'limit: and runs go on without it');
is(digest(), $before, 'limit: as if it were not there');
is(sql("SELECT count(*) FROM dap.rejects WHERE path LIKE '%onboarding_2.csv'"), 11, 'limit: its rejects stay');
put_file(
  'onboarding_3.csv',
  'onboarding_id,user_id,role,status,onboarding_date',
  map { "$_,1,buyer,done,08/01/2024" } 300 .. 320);
fails('a rule that is wrong', '22P04', 'intermediate.onboarding_clean');
sql(
  "SELECT dap.create_clean_model('onboarding_clean', 'onboarding',
      jsonb_set(columns, '{4,format}', '[\"YYYY-MM-DD\", \"DD/MM/YYYY\"]'), '{onboarding_id}', or_replace => true)
  FROM dap_internal.builtin_clean_models() WHERE source = 'onboarding'");
like(
  refresh(),
  qr/loaded staging.onboarding, .*merged intermediate.onboarding_clean/,
  'a rule that is corrected takes the same bytes');
is(
  sql("SELECT count(*) FROM intermediate.onboarding_clean WHERE onboarding_date = '2024-01-08'")
    . sql("SELECT count(*) FROM dap.rejects WHERE path LIKE '%onboarding_3.csv'"),
  '210',
  'and their rejects are gone');

# A file that was loaded outside a run cannot be left out any more.
bytes('c', 'none', "v,k\\n$canary,\\n");
$before = digest();
like(
  fails('loaded before', '22P04', 'intermediate.c'),
  qr/none of 1 records is good.*HINT: .*option max_reject_percent 100/s,
  'loaded before: the hint has a way out');
sql(q{SELECT dap.create_source('c', NULL, '{k,v}', '{"max_reject_percent": 100}', true)});
is(complaints('SELECT * FROM dap.refresh_all()'), '', 'loaded before: which works');

# --- where it is called -------------------------------------------------------------------------
put_file('transactions_4.csv', $transaction_header, '10,1,1.00,2024-02-01');
$before = digest();
is(
  sql(
    "BEGIN; CREATE TABLE public.mine AS SELECT 1 AS a; SELECT count(*) > 10
        FROM dap.refresh_all(); INSERT INTO public.mine SELECT 2; SELECT count(*)
        FROM intermediate.transactions_clean WHERE transaction_id = 10; ROLLBACK"
  ),
  "t\n1",
  'within a larger transaction');
is(digest(), $before, 'which takes it along when it is rolled back');
is(last_run('status'), 'aborted', 'aborted');
is(
  sql(
    q{DO $$ BEGIN UPDATE public.knob SET n = 0; PERFORM dap.refresh_all(); EXCEPTION
        WHEN division_by_zero THEN RAISE LOG 'caught'; END $$; SELECT n FROM public.knob}
  ),
  1,
  'in a block that catches its error');
is(digest(), $before, 'nothing changed');
is(last_run('status, sqlstate'), 'failed|22012', 'but it is on record');
is(
  sql(
    q{CREATE FUNCTION public.nightly() RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE n bigint; BEGIN
        SELECT count(*) INTO n FROM dap.refresh_all() WHERE action <> 'unchanged'; RETURN n; END $$;
        SELECT public.nightly() > 3}
  ),
  't',
  'from a function');
is(sql('SELECT count(*) FROM intermediate.transactions_clean WHERE transaction_id = 10'), 1, 'published');
put_file('transactions_5.csv', $transaction_header, '11,1,1.00,2024-02-01');
like(
  sql(
    "BEGIN; DECLARE c CURSOR FOR SELECT action FROM dap.refresh_all(); FETCH 1 FROM c; COMMIT; SELECT count(*)
        FROM intermediate.transactions_clean WHERE transaction_id = 11"
  ),
  qr/^\w+\n1$/,
  'from a cursor: all of it, however little is fetched');
like(complaints("SELECT * FROM dap.refresh_all('fast')"), qr/22023: invalid mode "fast"/, 'an unknown mode');

# --- what people do to tables -------------------------------------------------------------------
new_database('hands', %small);
refresh();
sql(
  'DELETE FROM intermediate.transactions_clean WHERE transaction_id = 1; UPDATE intermediate.transactions_clean
      SET amount = 1 WHERE transaction_id = 2;
  INSERT INTO intermediate.transactions_clean VALUES (99, 1, 1, \'2024-01-01\'); DELETE FROM analytics.kyc_comparison');
is(refresh(), '', 'changes by hand are not looked for');
is(
  sql(
    "SELECT object, action, rows_inserted, rows_updated, rows_deleted FROM dap.refresh_all('full')
        WHERE action NOT IN ('unchanged', 'skipped')"
  ),
  "intermediate.transactions_clean|merged|1|1|1\nanalytics.kyc_comparison|built|2|0|0",
  'full repairs them');
$before = digest();
sql(
  'ALTER TABLE staging.transactions ALTER COLUMN user_id TYPE integer USING user_id::integer,
      ALTER COLUMN amount TYPE varchar(30), ALTER COLUMN _line TYPE integer'
);
is(sql("SELECT string_agg(DISTINCT action, ',') FROM dap.refresh_all('full') WHERE action <> 'skipped'"),
  'unchanged', 'columns of a source with other types are read as text all the same');
sql(
  'ALTER TABLE staging.transactions ALTER COLUMN user_id TYPE text, ALTER COLUMN amount TYPE text,
      ALTER COLUMN _line TYPE bigint'
);
my $load = q{SELECT status
      FROM dap.ingest_bytes('onboarding', 'x%d',
      convert_to(E'onboarding_id,user_id,role,status,onboarding_date\n%d,7,a,b,2024-01-01\n', 'UTF8'))};
my $merged = q{SELECT coalesce(sum(rows_inserted), 0) FROM dap.refresh_all('auto', false)
      WHERE object = 'intermediate.onboarding_clean'};
is(
  sql(
        'BEGIN; '
      . sprintf($load, 7, 7)
      . "; $merged; SAVEPOINT a; "
      . sprintf($load, 8, 8)
      . "; $merged; ROLLBACK TO a; $merged; COMMIT; $merged"),
  "loaded\n1\nloaded\n1\n0\n0",
  'a refresh sees what its own transaction has loaded, and forgets what that takes back');
is(sql("SELECT string_agg(DISTINCT action, ',') FROM dap.refresh_all('full') WHERE action <> 'skipped'"),
  'unchanged', 'full agrees');
my $gone = sql("SELECT 'analytics.kyc_comparison'::regclass::oid");
sql('DROP TABLE analytics.kyc_comparison');
like(
  complaints('SELECT * FROM dap.refresh_all()'),
  qr/42P01: .*HINT:.*drop_model\('$gone'\)/s,
  'a model whose table is gone: what to do');
sql("SELECT dap.drop_model('$gone')");
is(refresh(), '', 'which helps');

# --- other kinds of table, little memory --------------------------------------------------------
new_database('kinds', %small);
sql(
  q{
  CREATE TABLE staging.p (_line bigint NOT NULL, _file_id integer NOT NULL, k text, v text) PARTITION BY HASH (k);
  CREATE TABLE staging.p_0 PARTITION OF staging.p FOR VALUES WITH (modulus 2, remainder 0);
  CREATE TABLE staging.p_1 PARTITION OF staging.p FOR VALUES WITH (modulus 2, remainder 1);
  SELECT dap.create_source('p', NULL, '{k,v}');
  SELECT dap.create_clean_model('p', 'p', '[{"name": "k", "type": "integer"}, {"name": "v", "type": "text"}]', '{k}');
  SELECT dap.create_model('q',
    'SELECT k % 10 AS d, count(*) AS n, string_agg(v, '','' ORDER BY k) AS vs FROM intermediate.p GROUP BY 1', '{d}');
});
# A table that a DBA has put in the place of the one that was made.
sub replace_table
{
  my ($table, $create) = @_;
  my $old = sql("SELECT '$table'::regclass::oid");
  sql(
    "ALTER TABLE $table RENAME TO old_one; $create;
    UPDATE dap_internal.model_definition SET relation = '$table'
    WHERE relation = $old; UPDATE dap_internal.model_definition SET upstream = array_replace(upstream, ${old}::regclass,
      '$table');
    DROP TABLE " . $table =~ s/\..*/.old_one/r);
}
replace_table(
  'intermediate.p', q{CREATE TABLE intermediate.p (k integer NOT NULL, v text, PRIMARY KEY (k)) PARTITION BY RANGE (k);
  CREATE TABLE intermediate.p_low PARTITION OF intermediate.p FOR VALUES
    FROM (MINVALUE) TO (500); CREATE TABLE intermediate.p_high PARTITION OF intermediate.p FOR VALUES
    FROM (500) TO (MAXVALUE)}
);
SKIP:
{
  skip 'postgres_fdw is not there', 0
    unless sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'");
  sql(
    "CREATE EXTENSION postgres_fdw; CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname 'kinds',
        host '"
      . $node->host . "', port '" . $node->port . "');
    CREATE USER MAPPING FOR CURRENT_USER SERVER loopback;
    CREATE TABLE public.far (d integer PRIMARY KEY, n bigint, vs text)"
  );
  replace_table(
    'analytics.q',
    "CREATE FOREIGN TABLE analytics.q (d integer NOT NULL, n bigint,
        vs text) SERVER loopback OPTIONS (schema_name 'public', table_name 'far')"
  );
}
sub numbers
{
  my ($name, $from, $to, $what) = @_;
  return sql(
        "SELECT status FROM dap.ingest_bytes('p', '$name', convert_to(E'k,v\\n' || (SELECT string_agg(n || ',$what' "
      . "|| "
      . "n, E'\\n') FROM generate_series($from, $to) n), 'UTF8'))");
}
numbers('one', 1, 1000, 'a');
like(refresh(), qr/built intermediate.p, .*built analytics.q/, 'partitioned and foreign tables: built');
is(
  sql(
    'SELECT count(*), (SELECT count(*) FROM intermediate.p_low), (SELECT sum(n) FROM analytics.q) FROM intermediate.p'),
  '1000|499|1000',
  'with their rows');
numbers('two', 991, 1010, 'b');
is(
  sql(
    "SELECT action, rows_inserted, rows_updated, rows_deleted FROM dap.refresh_all()
        WHERE object IN ('intermediate.p', 'analytics.q')"
  ),
  "merged|10|10|0\nmerged|0|10|0",
  'merged');
is(sql("SELECT count(*) FROM intermediate.p WHERE v LIKE 'b%'") . '|' . sql('SELECT sum(n) FROM analytics.q'),
  '20|1010', 'row by row');
is(sql("SELECT string_agg(DISTINCT action, ',') FROM dap.refresh_all('full') WHERE object NOT LIKE 'staging.%'"),
  'unchanged', 'full finds nothing to change');

my $log = -s $node->logfile;
numbers('three', 1, 60000, 'c');
is(
  sql(
    "SET work_mem = '64kB'; SET maintenance_work_mem = '1MB'; SET log_temp_files = 0; SELECT rows_updated
        + rows_inserted FROM dap.refresh_all() WHERE object = 'intermediate.p'"
  ),
  60000,
  'with little memory');
my $said = slurp_file($node->logfile, $log);
like($said, qr/LOG:  temporary file/, 'rows went to temporary files');
unlike($said, qr/leak/, 'which were all closed');
is(
  sql(
    "SET work_mem = '64kB'; SET maintenance_work_mem = '1MB'; SELECT string_agg(DISTINCT action, ',')
        FROM dap.refresh_all('full') WHERE object NOT LIKE 'staging.%'"
  ),
  'unchanged',
  'full finds nothing to change');
unlike(slurp_file($node->logfile, $log), qr/leak/, 'and leaves nothing open');

$node->stop;
done_testing();
