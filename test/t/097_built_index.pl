# The index of a key that a clean step makes of the rows as they come: sound in the server's own eyes, for each type of
# key and number of rows, also after later changes, a crash, on a standby; and the server's own work where it cannot be.
use strict;
use warnings FATAL => 'all';

use Cwd ();
use FindBin;
use IPC::Run;
use lib "$FindBin::Bin/../perl";
use DapTest qw(seeded);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

seeded('DAP_SEED');
my $inbox = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);
chmod 0755, $inbox;
my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf(
  'postgresql.conf', q{
wal_consistency_checking = 'all'
shared_buffers = 64MB
max_wal_size = 4GB
wal_keep_size = 4GB
autovacuum = off
fsync = off
max_worker_processes = 16
max_parallel_workers = 8
max_parallel_maintenance_workers = 8
});
$node->start;
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

sub sql { return $node->safe_psql('postgres', $_[0]); }
sql(
  q{CREATE EXTENSION dap_analytics; CREATE EXTENSION amcheck; CREATE EXTENSION pageinspect;
  SET client_min_messages = warning; SELECT dap.setup()});

# A source of so many records for each number of rows, in no order, all keys of it twice.
my %type = (
  small => 'smallint',
  medium => 'integer',
  big => 'bigint',
  flag => 'boolean',
  day => 'date',
  at => 'timestamp',
  atz => 'timestamptz',
  ref => 'uuid',
  ratio => 'double precision',
  share => 'real',
  code => 'text',
  pad => 'text');
my @columns = qw(small medium big flag day at atz ref ratio share code pad);

sub record
{
  my ($n) = @_;
  my $mixed = $n * 7919 % 1000003;
  my @day = gmtime(($n - 15000) * 86400);
  my $day = sprintf '%04d-%02d-%02d', $day[5] + 1900, $day[4] + 1, $day[3];
  my $time = sprintf '%s %02d:%02d:%02d', $day, $n % 24, $n % 60, $n % 59;
  return join ',', $n - 15000, $n * 60011 - 1000000000, ($n - 10000) * 100000000003, $n % 2 ? 'true' : 'false', $day,
    $time, "$time+00", sprintf('%08x-0000-4000-8000-%012x', $mixed, $n), ($n - 15000) / 8, ($n - 15000) / 4,
    (chr(65 + $n % 26) x ($n % 40)) . "-$n", 'p' x 450;
}

my $many = 30_000;
for my $rows (0, 1, 2, 3_000, $many)
{
  my @numbers = sort { ($a * 7919 % 60013) <=> ($b * 7919 % 60013) } 1 .. $rows;
  open my $file, '>:raw', "$inbox/$rows.csv" or die $!;
  print $file join(',', @columns), "\n", map { record($_) . "\n" } @numbers, @numbers[ 0 .. ($rows > 5 ? 5 : 0) - 1 ];
  close $file;
  my $names = join ',', @columns;
  sql("SELECT dap.create_source('s$rows', NULL, '{$names}'); SELECT dap.ingest_csv('s$rows', '$inbox/$rows.csv')");
}

# A model of one source under this key, its text in the order of bytes.
sub define
{
  my ($rows, $key, $more) = @_;
  my $list = join ', ', map { qq{{"name": "$_", "type": "$type{$_}"}} } grep { $_ ne 'pad' } @columns;
  return sql(
    qq{SET client_min_messages = warning;
      SELECT dap.drop_model('m') FROM dap.status WHERE object = 'intermediate.m'; DROP TABLE IF EXISTS intermediate.m;
      SELECT dap.create_clean_model('m', 's$rows', '[$list]', '{$key}');
      ALTER TABLE intermediate.m ALTER code TYPE text COLLATE "C"; } . ($more // ''));
}

# What a refresh into the empty table says, at DEBUG1.
sub refresh
{
  my ($settings, $before) = @_;
  my ($out, $err);
  $node->psql(
    'postgres',
    ($before // 'TRUNCATE intermediate.m')
      . ";\n$settings; SET client_min_messages = debug1;
      SELECT dap.refresh_intermediate('full')",
    stdout => \$out,
    stderr => \$err);
  fail("a run ends: $1") if $err =~ /(ERROR: .*)/;
  return $err;
}

my $made = qr/intermediate\.m: index "m_pkey" is made of the rows as they come: its leaves in \d+ ms/;
my $built = qr/intermediate\.m: PostgreSQL builds its indexes in \d+ ms/;

# amcheck finds nothing, and each row is found by its key: '0'.
sub sound
{
  my ($key, $on) = @_;
  my $check = "SELECT bt_index_check('intermediate.m_pkey', true);";
  $check .= "SELECT bt_index_parent_check('intermediate.m_pkey', true, true);"
    if !defined $on;    # a lock of the primary's
  my $same = join ' AND ', map { "a.$_ = b.$_" } split /,/, $key;
  my ($out, $err);
  ($on // $node)->psql(
    'postgres', qq{$check
    SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
    SET max_parallel_workers_per_gather = 0;
    SELECT count(*) - (SELECT count(*) FROM intermediate.m) FROM intermediate.m AS a, intermediate.m AS b WHERE $same},
    stdout => \$out,
    stderr => \$err);
  return "$out$err" =~ s/^\s*\n//mgr;
}

# How many rows stand elsewhere in the order of the index than in that of a sort
sub in_order
{
  my ($key) = @_;
  return sql(
    qq{SET max_parallel_workers_per_gather = 0;
    SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off;
    CREATE TEMP TABLE walked AS SELECT row_number() OVER () AS number, place
      FROM (SELECT ctid AS place FROM intermediate.m ORDER BY $key) AS i;
    RESET ALL; SET enable_indexscan = off; SET enable_indexonlyscan = off;
    CREATE TEMP TABLE sorted AS SELECT row_number() OVER () AS number, place
      FROM (SELECT ctid AS place FROM intermediate.m ORDER BY $key) AS i;
    SELECT (SELECT count(*) FROM intermediate.m) - count(*) FROM walked JOIN sorted USING (number, place)});
}

# Height, flag and size of the index, and what pg_class has of it
sub figures
{
  my ($index) = @_;
  return sql(
    qq{SELECT level, allequalimage, relpages, reltuples, pg_relation_size(c.oid) / 8192 = relpages
      FROM bt_metap('intermediate.$index'), pg_class AS c WHERE c.oid = 'intermediate.$index'::regclass});
}

# Every type, alone and beside others
for my $key (@columns[ 0 .. 10 ], 'day,medium', 'code,ref,small', 'flag,big')
{
  define($many, $key);
  for my $processes ($key eq 'big' || $key eq 'flag' || $key eq 'code,ref,small' ? (1, 2, 4) : 4)
  {
    my $said = refresh('SET dap.max_refresh_workers = ' . ($processes - 1));
    like($said, qr/cleaned in bulk by $processes process/, "$key: $processes processes");
    like($said, $made, '... the index is made by hand');
    is(sql('SELECT count(*) FROM intermediate.m'), $key eq 'flag' ? 2 : $many, '... all rows');
    unlike($said, $built, '... and not built again');
    is(sound($key), '0', '... sound');
    is(in_order($key), '0', '... in order');
    next if $processes > 1;
    my $ours = figures('m_pkey');
    sql('REINDEX TABLE intermediate.m');
    is($ours, figures('m_pkey'), '... as large and high as the server makes it');
  }
}

# Numbers of rows, fill factors
for my $rows (0, 1, 2, 3_000)
{
  define($rows, 'big');
  my $said = refresh('');
  like($said, qr/m is cleaned in bulk/, "$rows rows in bulk");
  if ($rows > 0) { like($said, $made, '... by hand') }
  else { unlike($said, qr/index "m_pkey"|$built/, '... nothing to do') }
  is(sql('SELECT count(*) FROM intermediate.m'), $rows, '... all rows');
  is(sound('big'), '0', '... sound');
}
for my $fill (10, 50, 100)
{
  define($many, 'code,big', "ALTER INDEX intermediate.m_pkey SET (fillfactor = $fill)");
  for my $workers (0, 3)
  {
    like(refresh("SET dap.max_refresh_workers = $workers"), $made, "fillfactor $fill, $workers workers");
    is(sound('code,big'), '0', '... sound');
  }
  like(figures('m_pkey'), qr{^[2-9]\|t\|}, '... several levels') if $fill == 10;
}
# A row of a kilobyte and more of key, which no page has many of
sql(
  q{SELECT dap.create_source('long', NULL, '{code}');
  SELECT dap.ingest_bytes('long', 'long', convert_to(E'code\n' || (SELECT string_agg(
    (SELECT string_agg(md5(g::text || h), '') FROM generate_series(1, 5 + g % 50) AS h), E'\n')
    FROM generate_series(1, 4000) AS g) || E'\n', 'UTF8'));
  SELECT dap.drop_model('m');
  SELECT dap.create_clean_model('m', 'long', '[{"name": "code", "type": "text"}]', '{code}');
  ALTER TABLE intermediate.m ALTER code TYPE text COLLATE "C"});
for my $workers (0, 3)
{
  like(refresh("SET dap.max_refresh_workers = $workers"), $made, "long keys, $workers workers");
  is(sound('code'), '0', '... sound');
}

# The server's own to build: another order than that of bytes, another order of columns, what it has only for some
for my $case (
  [ 'code', 'ALTER TABLE intermediate.m ALTER code TYPE text COLLATE "default"', 'text in a language\'s order' ],
  [ 'day,big',
    'ALTER TABLE intermediate.m DROP CONSTRAINT m_pkey; ALTER TABLE intermediate.m ADD PRIMARY KEY (big, day)',
    'columns in another order' ],
  [ 'big', 'ALTER TABLE intermediate.m SET UNLOGGED', 'an unlogged table' ],
  # 18 has no such primary key any more
  $node->pg_version < 18
  ? [
    'big',
    'ALTER TABLE intermediate.m DROP CONSTRAINT m_pkey;
    CREATE UNIQUE INDEX m_pkey ON intermediate.m (big) NULLS NOT DISTINCT;
    ALTER TABLE intermediate.m ADD PRIMARY KEY USING INDEX m_pkey', 'nulls not distinct' ]
  : ())
{
  my ($key, $change, $name) = @$case;
  define(3_000, $key, $change);
  my $said = refresh('');
  like($said, $built, "$name: PostgreSQL's own");
  unlike($said, $made, '... not by hand');
  is(sound($key), '0', '... sound');
}

# The standby has all this, and what later changes make of it. Nothing gets in twice.
define($many, 'code,big');
like(refresh('SET dap.max_refresh_workers = 3'), $made, 'for later');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is(sound('code,big', $standby), '0', 'sound on the standby');
my ($code, $out, $err) =
  $node->psql('postgres', 'INSERT INTO intermediate.m SELECT * FROM intermediate.m ORDER BY random() LIMIT 1');
like($err, qr/duplicate key value violates unique constraint "m_pkey"/, 'a key that is there');
sql(
  q{UPDATE intermediate.m SET code = code || 'x' WHERE medium % 3 = 0; DELETE FROM intermediate.m WHERE medium % 5 < 2;
    INSERT INTO intermediate.m (code, big) SELECT repeat('K', g % 60), g FROM generate_series(1, 20000) AS g});
is(sound('code,big'), '0', 'sound after changes');
sql('VACUUM intermediate.m');
is(sound('code,big'), '0', '... and VACUUM');
sql("DELETE FROM intermediate.m WHERE code < 'P'; ");
sql('VACUUM intermediate.m');
sql(q{INSERT INTO intermediate.m (code, big) SELECT repeat('C', g % 60), g FROM generate_series(1, 20000) AS g});
is(sound('code,big'), '0', '... and in pages that were given back');
is(in_order('code,big'), '0', '... in order');
like(refresh('', 'SELECT 1'), qr/is compared in bulk/, 'a later run compares');
is(sound('code,big'), '0', '... sound');

# A crash just after, everything redone
sql('TRUNCATE intermediate.m; CHECKPOINT');
like(refresh('SET dap.max_refresh_workers = 3', 'SELECT 1'), $made, 'before a crash');
$node->stop('immediate');
$node->start;
is(sql('SELECT count(*) FROM intermediate.m'), $many, 'all rows after a crash');
is(sound('code,big'), '0', '... the index is sound');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is(sound('code,big', $standby), '0', '... on the standby too');

# Cancelled at any moment, nothing is left of it, and an answer comes soon
sql('TRUNCATE intermediate.m');
my $place = sql(q{SELECT pg_relation_filenode('intermediate.m_pkey')});
my $cancelled = 0;
for (1 .. 15)
{
  my $after = 20 + int rand 600;
  my ($stdout, $stderr);
  $node->psql(
    'postgres',
    "SET dap.max_refresh_workers = 1; BEGIN; SET LOCAL statement_timeout = $after;
      SELECT dap.refresh_intermediate('full'); ROLLBACK",
    stdout => \$stdout,
    stderr => \$stderr);
  $cancelled++ if $stderr =~ /canceling statement/;
}
cmp_ok($cancelled, '>', 3, 'cancelled');
sql('CHECKPOINT');
is(
  sql(
    q{SELECT count(*) FROM pg_ls_dir('base/' || (SELECT oid FROM pg_database WHERE datname = current_database())) AS f
    WHERE f ~ '^\d+$' AND pg_filenode_relation(0, f::oid) IS NULL}),
  '0',
  'no file is left');
is(sql(q{SELECT pg_relation_filenode('intermediate.m_pkey')}), $place, '... the index is where it was');
is(sound('code,big'), '0', '... and sound');
like(refresh('SET dap.max_refresh_workers = 1'), $made, '... the next run makes it');
is(sound('code,big'), '0', '... sound');

# What a run undoes because a row needs another way leaves the index that the SQL form then fills
my $head = join ',', @columns;
is(
  sql(
    qq{SELECT rows_loaded FROM dap.ingest_bytes('s2', 'long', convert_to(E'$head\n,,1,,,,,,,,'
      || (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 400) AS g) || E',\n', 'UTF8'))}),
  '1',
  'a row that needs TOAST');
define(2, 'big');
unlike(refresh(''), $made, 'given up');
is(sound('big'), '0', '... sound');
is(sql('SELECT count(*) FROM intermediate.m'), 3, '... with all rows');

# Without WAL, as long as the storage is new: a small index is logged at commit, a large one is written
$standby->stop;
$node->append_conf('postgresql.conf', "wal_level = minimal\nmax_wal_senders = 0\nfsync = on");
for my $case ([ 3_000, '10MB' ], [ $many, '64kB' ])
{
  my ($rows, $threshold) = @$case;
  $node->append_conf('postgresql.conf', "wal_skip_threshold = '$threshold'");
  $node->restart;
  define($rows, 'ref');
  sql('CHECKPOINT');
  like(refresh('SET dap.max_refresh_workers = 3'), $made, "wal_level minimal, $rows rows");
  $node->stop('immediate');
  $node->start;
  is(sql('SELECT count(*) FROM intermediate.m'), $rows, '... all rows after a crash');
  is(sound('ref'), '0', '... sound after a crash');
}

done_testing();
