# Incremental equals full: random sequences of files, each followed by refresh_all(), against a database that gets all
# of them at once, and against a full refresh of the same database, which must not write one row. The seed is printed;
# DAP_SEED repeats it, DAP_ROUNDS and DAP_STEPS make it longer.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{DAP_SEED} || int(rand(2**31));
srand($seed);
diag("seed $seed");
my $rounds = $ENV{DAP_ROUNDS} || 3;
my $steps = $ENV{DAP_STEPS} || 6;

my $node = PostgreSQL::Test::Cluster->new('properties');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_worker_processes = 8\n");
$node->start;
my $inbox = PostgreSQL::Test::Utils::tempdir;
chmod 0755, $inbox;

sub pick { return $_[ int(rand(@_)) ]; }
sub chance { return rand() < $_[0]; }
sub day { return sprintf('2024-%02d-%02d', pick(2, 2, 2, 3), 1 + int(rand(28))); }
# Few users and few days: records meet each other.
sub user { return chance(0.03) ? 900 + int(rand(5)) : 1 + int(rand(25)); }

my %header = (
  users => [qw(user_id name email phone created_at)],
  onboarding => [qw(onboarding_id user_id role status onboarding_date)],
  transactions => [qw(transaction_id user_id amount transaction_date)]);
my %record = (
  users => sub {
    return (
      user(),
      pick('Ann', 'Bob', "  Cyd\xc3\xa9 ", '"Dee, Eve"', "\"Q\"\"x\"", ''),
      pick('A@Example.COM', 'b@example.com', ' c@x.org', ''),
      pick('', '+49 1', '2'),
      pick('', day(), day() . ' 10:00:00', day() . 'T23:59:59.5'));
  },
  onboarding => sub {
    return (
      1 + int(rand(40)),
      user(),
      pick('Buyer', 'seller', 'SELLER ', ''),
      pick('KYC_done', 'completed', 'verified', 'pending', 'rejected', '', ' Complete'),
      chance(0.1) ? pick('2024-02-29', '2023-12-31', '2025-01-06', '2024-06-30') : day());
  },
  transactions => sub {
    return (
      1 + int(rand(150)),
      user(),
      pick(
        '10', '10.0', '10.00', '0', '-5.25', '0.01', '1e2', '+7.5', ' 3.30 ', int(rand(1000)) . '.' . int(rand(100))),
      (chance(0.1) ? pick('2024-02-29', '2023-12-31', '2025-01-01') : day())
        . pick('', ' 00:00:00', ' 12:30', 'T23:59:59.999999'));
  });
my @dirt = (
  sub { my @f = @_; $f[0] = pick('', 'x', '1.5', '99999999999999999999', 'NaN'); return join(',', @f); },
  sub {
    my @f = @_;
    $f[-1] = pick('2024-02-30', 'yesterday', '2024-13-01', '22025-01-01', '01/02/2024');
    return join(',', @f);
  },
  sub { my @f = @_; $f[1] = pick('abc', '', '0x1F', "\"\""); return join(',', @f); },
  sub { my @f = @_; return join(',', @f, 'one too many'); },
  sub { return 'short'; },
  sub { my @f = @_; $f[2] = 'quote " inside'; return join(',', @f); });

sub make_file
{
  my ($source) = @_;
  my @columns = @{ $header{$source} };
  my $text = join(',', @columns) . "\n";
  return '' if chance(0.04);
  return $text if chance(0.06);
  my $good = 1 + int(rand(chance(0.2) ? 120 : 25));
  my $bad = chance(0.5) ? int(rand(9)) : 0;
  my @lines;
  push @lines, join(',', $record{$source}->()) for 1 .. $good;
  push @lines, pick(@dirt)->($record{$source}->()) for 1 .. $bad;
  # Somewhere among the others, but one that is good first: a file without any fails.
  my $first = shift @lines;
  for my $i (reverse 1 .. $#lines) { @lines[ $i, $_ ] = @lines[ $_, $i ] for int(rand($i + 1)); }
  push @lines, $first if chance(0.3);    # the same record again
  my $end = pick("\n", "\n", "\r\n");
  return $text . join($end, $first, @lines) . (chance(0.9) ? $end : '');
}

sub write_file
{
  my ($name, $text) = @_;
  open(my $handle, '>:raw', "$inbox/$name") or die $!;
  print $handle $text;
  close($handle);
  chmod 0644, "$inbox/$name";
}

# The built-in pipeline, and models as users would add them.
sub make_base
{
  my ($name, $arrival) = @_;
  $node->safe_psql('postgres', "CREATE DATABASE $name");
  $node->safe_psql(
    $name, qq{
    CREATE EXTENSION dap_analytics;
    SELECT count(*) FROM dap.setup('$inbox');
    SELECT dap.create_source(s, '$inbox/' || s || '*.csv', NULL, '{"arrival": "$arrival", "max_reject_percent": 100}',
      true) FROM unnest(ARRAY['users', 'onboarding', 'transactions']) AS s;
    SELECT dap.create_clean_model('"Latest amount"', 'transactions',
      '[{"name": "User", "source": "user_id", "type": "bigint"},
      {"name": "day", "source": "transaction_date", "type": "timestamp"}, {"name": "amount", "type": "numeric"}]',
        '{User,day}', '{amount}');
    SELECT dap.create_clean_model('by_amount', 'transactions',
      '[{"name": "amount", "type": "numeric"}, {"name": "at", "source": "transaction_date", "type": "timestamp"},
      {"name": "user_id", "type": "double precision"}]', '{amount}', '{at}');
    SELECT dap.create_clean_model('names', 'users',
      '[{"name": "name", "type": "text"}, {"name": "phone", "type": "text", "map": {"2": "\xc3\xbc"}},
      {"name": "user_id", "type": "integer"}]', '{name}', '{phone,user_id}');
    CREATE VIEW public.big AS SELECT t.user_id, t.amount, u.name FROM intermediate.transactions_clean t
      LEFT JOIN intermediate.users_clean u USING (user_id) WHERE t.amount > 5;
    SELECT dap.create_model('"Spent by name"', \$\$ SELECT coalesce(b.name, '') AS "Name of it", sum(b.amount) AS spent,
      array_agg(b.amount ORDER BY b.amount, b.user_id) AS all
      FROM public.big b GROUP BY 1; -- a comment \$\$, '{Name of it}');
    SELECT dap.create_model('intermediate.raw_count',
      'SELECT t._file_id IS NULL AS none, count(*) AS n, min(length(t.amount)) AS shortest FROM staging.transactions t '
      'GROUP BY 1', '{none}');
    SELECT dap.create_model('second',
      'SELECT s."Name of it" AS k, s.spent + r.n AS v FROM analytics."Spent by name" s CROSS JOIN '
      'intermediate.raw_count r', '{k}');
  });
}

my $tables_query = q{
  SELECT string_agg(format('SELECT %L AS o, count(*) AS n, md5(coalesce(string_agg(t::text, E''\n'' ORDER BY t::text '
    'COLLATE "C"), '''')) AS digest FROM %s AS t', c.oid::regclass, c.oid::regclass),
    ' UNION ALL ' ORDER BY c.oid::regclass::text)
  FROM pg_class AS c WHERE c.relnamespace IN ('intermediate'::regnamespace, 'analytics'::regnamespace)
    AND c.relkind = 'r'};
my $rejects_query =
  q{ UNION ALL SELECT 'rejects', count(*), md5(coalesce(string_agg(r::text, E'\n' ORDER BY r::text COLLATE "C"), ''))
  FROM (SELECT r.path, r.line, r.stage, r.object, r.column_name, r.reason, r.message, r.raw, r.raw_length
    FROM dap.rejects AS r JOIN dap.files AS f USING (file_id) WHERE f.status = 'loaded') AS r};
my $versions_query = q{
  SELECT string_agg(format('SELECT %L AS o, coalesce(string_agg(t.ctid::text || '' '' || t.xmin::text || '' '' || '
    't.xmax::text, '','' ORDER BY t.ctid), '''') FROM %s AS t',
    c.oid::regclass, c.oid::regclass), ' UNION ALL ' ORDER BY c.oid::regclass::text)
  FROM pg_class AS c
  WHERE (c.relnamespace IN ('staging'::regnamespace, 'intermediate'::regnamespace, 'analytics'::regnamespace)
    AND c.relkind = 'r')
    OR c.oid IN ('dap_internal.model_state'::regclass, 'dap_internal.file_ledger'::regclass,
      'dap_internal.reject_ledger'::regclass, 'dap_internal.step_ledger'::regclass)};
my %generated;
sub generated { my ($database, $query) = @_; return $generated{$query} //= $node->safe_psql($database, $query); }

for my $round (1 .. $rounds)
{
  my $arrival = pick('loaded', 'loaded', 'name');
  my $base = "base_$round";
  unlink glob("$inbox/*");
  make_base($base, $arrival);
  $node->safe_psql('postgres', "CREATE DATABASE live_$round TEMPLATE $base");
  my $live = $node->background_psql("live_$round", on_error_stop => 0);
  my (@arrived, %used, %reject_ids);
  for my $step (1 .. $steps)
  {
    my $where = "seed $seed, arrival by $arrival, round $round, step $step";
    my @new;
    for (1 .. pick(1, 1, 2, 3))
    {
      my $source = pick('users', 'onboarding', 'transactions', 'transactions');
      my $name;
      do { $name = sprintf('%s_%d.csv', $source, int(rand(2000))) } while $used{$name}++;
      my $text = @arrived && chance(0.1) ? slurp_file("$inbox/" . pick(@arrived)->[1]) : make_file($source);
      write_file($name, $text);
      push @new, [ $source, $name ];
    }
    my $number = sub { $_[0][1] =~ /_(\d+)\.csv/; return $1 };
    @new = sort { $number->($a) <=> $number->($b) } @new;

    my $failed = $live->query("SELECT count(*) FROM dap.refresh_all()");
    if ($live->{stderr} =~ /ERROR/)
    {
      # A file of another source under this name, or one that has nothing good: taken away, as a DBA would.
      note("$where: $live->{stderr}");
      my %dropped;
      while ($live->{stderr} =~ /file "([^"]+)" failed/g) { $dropped{$1} = 1; }
      $live->{stderr} = '';
      my $tries = 0;
      while (1)
      {
        unlink $_ for keys %dropped;
        @new = grep { !$dropped{"$inbox/$_->[1]"} } @new;
        $live->query("SELECT count(*) FROM dap.refresh_all()");
        last if $live->{stderr} !~ /file "([^"]+)" failed/;
        $dropped{$1} = 1;
        $live->{stderr} = '';
        die "$where: no end of failures" if ++$tries > 20;
      }
      if ($live->{stderr} =~ /ERROR/)
      {
        fail("$where: refresh: $live->{stderr}");
        BAIL_OUT('the refresh fails');
      }
    }
    push @arrived, @new;

    # The same files at once, in the same order.
    my $reference = "reference_$round";
    $node->safe_psql('postgres', "DROP DATABASE IF EXISTS $reference", on_error_stop => 1);
    $node->safe_psql('postgres', "CREATE DATABASE $reference TEMPLATE $base");
    $node->safe_psql($reference,
      join('', map { "SELECT count(*) FROM dap.ingest_csv('$_->[0]', '$inbox/$_->[1]');\n" } @arrived)
        . "SELECT count(*) FROM dap.refresh_all('full', false);");

    my $all = generated($base, $tables_query) . $rejects_query;
    my $is = $live->query_safe($all);
    my $should_be = $node->safe_psql($reference, $all);
    if (!is($is, $should_be, "$where: incremental is what all files at once give"))
    {
      diag("files: " . join(' ', map { $_->[1] } @arrived));
      for my $object (map { /^([^|]+)/ ? $1 : () } grep { index($should_be, $_) < 0 } split /\n/, $is)
      {
        my $query =
          $object eq 'rejects' ? $rejects_query =~ s/^.*?FROM \((SELECT.*)\) AS r$/$1/sr : "SELECT * FROM $object";
        diag("$object is\n" . $node->safe_psql("live_$round", "SELECT t::text FROM ($query) AS t ORDER BY 1"));
        diag("$object should be\n" . $node->safe_psql($reference, "SELECT t::text FROM ($query) AS t ORDER BY 1"));
      }
      last;
    }

    # A full refresh agrees, and writes nothing.
    my $versions = generated($base, $versions_query);
    my $before = $live->query_safe($versions);
    is(
      $live->query_safe("SELECT string_agg(DISTINCT action, ',' ORDER BY action) FROM dap.refresh_all('full', false)"),
      'unchanged', "$where: full finds nothing to change");
    is($live->query_safe($versions) eq $before ? 1 : 0, 1, "$where: full writes no row");

    # Rejects that are still true are still the same ones.
    my %now = map { my ($id, $what) = split /\|/, $_, 2; ($what => $id) } split /\n/,
      $live->query_safe("SELECT reject_id, file_id, line, object, column_name, reason, raw FROM dap.rejects");
    my $moved = grep { exists $reject_ids{$_} && $reject_ids{$_} ne $now{$_} } keys %now;
    is($moved, 0, "$where: rejects keep their numbers");
    %reject_ids = %now;
  }
  $live->quit;
  $node->safe_psql('postgres', "DROP DATABASE live_$round; ");
  $node->safe_psql('postgres', "DROP DATABASE $base");
}
$node->stop;
done_testing();
