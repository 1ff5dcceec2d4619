# Every table of the built-in pipeline against an independent computation: the raw files are read with COPY into plain
# text tables and everything is computed from them in plain SQL that shares no query with the product.  After every
# batch of files all tables are compared, values and scale, with EXCEPT ALL both ways.  DAP_ORACLE_SEED repeats a run,
# DAP_ORACLE_ROUNDS (4) asks for more.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::Local qw(timegm);

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf',
  "autovacuum = off\nlog_statement = none\nfsync = off\ndatestyle = 'SQL, DMY'\ntimezone = 'America/New_York'\n");
$node->start;
my $seed = $ENV{DAP_ORACLE_SEED} // int(rand(1_000_000_000));
my $rounds = $ENV{DAP_ORACLE_ROUNDS} // 4;
diag("seed $seed");

my %columns = (
  users => 'user_id,name,email,phone,created_at',
  onboarding => 'onboarding_id,user_id,role,status,onboarding_date',
  transactions => 'transaction_id,user_id,amount,transaction_date',);
my %limits = map { $_ => '{"max_reject_percent": 100}' } keys %columns;

#### The oracle

my $helpers = q{
-- What a text means, exactly, or nothing.
CREATE FUNCTION oracle.whole(t text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF btrim(t) !~ '^[+-]?[0-9]+(\.0*)?$' THEN RETURN NULL; END IF;
  RETURN btrim(t)::numeric::bigint;
EXCEPTION WHEN OTHERS THEN RETURN NULL;
END $$;
CREATE FUNCTION oracle.money(t text) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE n numeric;
BEGIN
  IF btrim(t) !~ '^[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$' THEN RETURN NULL; END IF;
  n := btrim(t)::numeric;
  RETURN CASE WHEN n = round(n, 2) AND abs(n) < 1e16 THEN n::numeric(18,2) END;
END $$;
CREATE FUNCTION oracle.day(t text) RETURNS date LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE d date;
BEGIN
  IF btrim(t) !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN RETURN NULL; END IF;
  d := make_date(substr(btrim(t), 1, 4)::int, substr(btrim(t), 6, 2)::int, substr(btrim(t), 9, 2)::int);
  RETURN CASE WHEN d BETWEEN '1900-01-01' AND '2199-12-31' THEN d END;
EXCEPTION WHEN OTHERS THEN RETURN NULL;
END $$;
CREATE FUNCTION oracle.moment(t text) RETURNS timestamp LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF btrim(t) !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?)?$' THEN
    RETURN NULL;
  END IF;
  IF oracle.day(left(btrim(t), 10)) IS NULL THEN RETURN NULL; END IF;
  RETURN replace(btrim(t), 'T', ' ')::timestamp;
END $$;
CREATE FUNCTION oracle.word(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT nullif(btrim(t), '') $$;
};

# seq: the order of arrival.  A record counts if every required value is there and every value given can be read.
my @oracle = (
  [ 'intermediate.onboarding_clean' => q{
    SELECT DISTINCT ON (id) id AS onboarding_id, user_id, role,
      CASE WHEN status IN ('kyc_done', 'completed', 'complete', 'verified') THEN 'completed'
      ELSE status END AS kyc_status, d AS onboarding_date
    FROM (SELECT seq, oracle.whole(onboarding_id) AS id, oracle.whole(user_id) AS user_id,
      lower(oracle.word(role)) AS role, lower(oracle.word(status)) AS status, oracle.day(onboarding_date) AS d
    FROM raw_onboarding) r
    WHERE id IS NOT NULL AND user_id IS NOT NULL AND d IS NOT NULL
    ORDER BY id, seq DESC} ],
  [ 'intermediate.user_records' => q{
    SELECT id AS user_id, name, email, phone, created_at FROM (
      SELECT *, row_number() OVER (PARTITION BY id ORDER BY created_at DESC NULLS LAST, seq DESC) AS n FROM (
        SELECT seq, oracle.whole(user_id) AS id, oracle.word(name) AS name, lower(oracle.word(email)) AS email,
          oracle.word(phone) AS phone,
          oracle.moment(created_at) AS created_at, oracle.word(created_at) IS NOT NULL
            AND oracle.moment(created_at) IS NULL AS bad FROM raw_users) r
      WHERE id IS NOT NULL AND NOT bad) s WHERE n = 1} ],
  [ 'intermediate.transactions_clean' => q{
    SELECT id AS transaction_id, user_id, amount::numeric(18,2) AS amount, at AS transaction_at FROM (
      SELECT *, max(seq) OVER (PARTITION BY id) AS newest FROM (
        SELECT seq, oracle.whole(transaction_id) AS id, oracle.whole(user_id) AS user_id,
          oracle.money(amount) AS amount, oracle.moment(transaction_date) AS at FROM raw_transactions) r
      WHERE id IS NOT NULL AND user_id IS NOT NULL AND amount IS NOT NULL AND at IS NOT NULL) s WHERE seq = newest} ],
  [ 'intermediate.users_clean' => q{
    SELECT u.user_id, u.name, u.email, u.phone, u.created_at, o.onboarding_id, o.role, o.kyc_status, o.onboarding_date
    FROM "intermediate.user_records" u LEFT JOIN "intermediate.onboarding_clean" o ON o.user_id = u.user_id
      AND NOT EXISTS (
      SELECT FROM "intermediate.onboarding_clean" later
      WHERE later.user_id = o.user_id AND (later.onboarding_date, later.onboarding_id) > (o.onboarding_date,
        o.onboarding_id))}
  ],
  [ 'intermediate.user_activity' => q{
    SELECT user_id, count(transaction_id) AS transaction_count, sum(amount)::numeric(38,2) AS total_amount,
      round(sum(amount)::numeric(100,40) / count(*), 4)::numeric(38,4) AS avg_amount,
      (array_agg(transaction_at ORDER BY transaction_at))[1] AS first_transaction_at,
        (array_agg(transaction_at ORDER BY transaction_at DESC))[1] AS last_transaction_at
    FROM "intermediate.transactions_clean" GROUP BY user_id} ],
  [ 'analytics.daily_kyc_completions' => q{
    WITH RECURSIVE done AS (SELECT DISTINCT user_id, onboarding_date AS day FROM "intermediate.onboarding_clean"
      WHERE kyc_status = 'completed'),
    days(day) AS (SELECT min(day) FROM done HAVING min(day) IS NOT NULL UNION ALL SELECT day + 1 FROM days
      WHERE day < (SELECT max(day) FROM done)),
    counted AS (SELECT day, (SELECT count(*) FROM done x WHERE x.day = d.day) AS n FROM days d)
    SELECT c.day, c.n AS completions, w.n AS completions_week_ago,
      CASE WHEN w.n > 0 THEN round((c.n - w.n)::numeric(60,40) * 100 / w.n, 2)::numeric(38,2) END AS wow_growth_pct
    FROM counted c LEFT JOIN counted w ON w.day = c.day - 7} ],
  [ 'analytics.weekly_kyc_completions' => q{
    WITH weeks AS (SELECT day - (extract(isodow FROM day)::int - 1) AS week_start, sum(completions)::bigint AS n
      FROM "analytics.daily_kyc_completions" GROUP BY 1)
    SELECT c.week_start, c.n AS completions, p.n AS completions_previous_week,
      CASE WHEN p.n > 0 THEN round((c.n - p.n)::numeric(60,40) * 100 / p.n, 2)::numeric(38,2) END AS wow_growth_pct
    FROM weeks c LEFT JOIN weeks p ON p.week_start = c.week_start - 7} ],
  [ 'analytics.daily_top_users' => q{
    WITH t AS (SELECT cast(transaction_at AS date) AS day, user_id, sum(amount) AS total
      FROM "intermediate.transactions_clean" GROUP BY 1, 2),
    d AS (SELECT day, sum(total) AS total FROM t GROUP BY day),
    r AS (SELECT t.*,
      1 + (SELECT count(*) FROM t x
      WHERE x.day = t.day AND (x.total > t.total OR x.total = t.total AND x.user_id < t.user_id)) AS rank FROM t)
    SELECT r.day, r.rank::integer AS rank, r.user_id, r.total::numeric(38,2) AS total_amount,
      CASE WHEN d.total <> 0 THEN round(r.total::numeric(100,50) * 100 / d.total,
      2)::numeric(38,2) END AS contribution_pct
    FROM r JOIN d USING (day) WHERE r.rank <= 5} ],);
# The statistics over transactions by some grouping; the median from the ranks of the middle rows.
sub statistics
{
  my ($keys, $from) = @_;
  return qq{
    SELECT $keys, count(*) AS transactions, count(DISTINCT user_id) AS users,
      sum(amount)::numeric(38,2) AS total_amount,
      round(sum(amount)::numeric(100,40) / nullif(count(*), 0), 4)::numeric(38,4) AS avg_amount,
      (avg(amount) FILTER (WHERE 2 * place IN (size, size + 1, size + 2)))::numeric(38,3) AS median_amount,
        min(amount)::numeric(38,2) AS min_amount, max(amount)::numeric(38,2) AS max_amount
    FROM (SELECT *, row_number() OVER (PARTITION BY $keys ORDER BY amount) AS place,
      count(*) OVER (PARTITION BY $keys) AS size FROM ($from) f) s};
}
my $labelled = q{SELECT t.*, CASE WHEN u.user_id IS NULL THEN 'unknown' ELSE coalesce(u.role, 'none') END AS role,
      CASE WHEN u.user_id IS NULL THEN 'unknown' ELSE coalesce(u.kyc_status, 'none') END AS kyc_status
  FROM "intermediate.transactions_clean" t LEFT JOIN "intermediate.users_clean" u USING (user_id)};
my $everybody = q{SELECT user_id, coalesce(role, 'none') AS role, coalesce(kyc_status, 'none') AS kyc_status
      FROM "intermediate.users_clean"
  UNION ALL SELECT user_id, 'unknown', 'unknown' FROM "intermediate.user_activity"
    WHERE user_id NOT IN (SELECT user_id FROM "intermediate.users_clean")};
sub comparison
{
  my ($keys) = @_;
  my $statistics = statistics($keys, $labelled) . " GROUP BY $keys";
  my $same = join ' AND ', map { "s.$_ = p.$_" } split /, /, $keys;
  my $chosen = join ', ', map { "p.$_" } split /, /, $keys;
  return qq{SELECT $chosen, p.users, coalesce(s.users, 0) AS active_users, coalesce(s.transactions, 0) AS transactions,
        s.total_amount, s.avg_amount, s.median_amount, s.min_amount, s.max_amount
    FROM (SELECT $keys, count(*) AS users FROM ($everybody) e GROUP BY $keys) p LEFT JOIN ($statistics) s ON $same};
}
push @oracle, [
  'analytics.transaction_stats' =>
    "SELECT 'all' AS scope, transactions, users, total_amount, avg_amount, median_amount, min_amount, max_amount
        FROM ("
    . statistics('min(1)', 'SELECT * FROM "intermediate.transactions_clean"') =~
    s/PARTITION BY min\(1\)/PARTITION BY 1/gr . ') s' ],
  [ 'analytics.daily_transaction_stats' =>
    statistics('day', 'SELECT *, cast(transaction_at AS date) AS day FROM "intermediate.transactions_clean"')
    . ' GROUP BY day' ],
  [ 'analytics.kyc_comparison' => comparison('kyc_status') ],
  [ 'analytics.kyc_comparison_by_role' => comparison('role, kyc_status') ];

# Differences between the product's tables and the oracle's, over the files given in order of arrival.
sub differences
{
  my ($database, @files) = @_;
  my $sql = "SET client_min_messages = warning; SET search_path = pg_temp, public; SET enable_nestloop = on;\n";
  $sql .=
    "CREATE TEMP TABLE raw_$_ (seq bigint GENERATED ALWAYS AS IDENTITY, "
    . join(', ', map { "$_ text" } split /,/, $columns{$_}) . ");\n"
    for sort keys %columns;
  for my $file (@files)
  {
    next if $file->{empty};
    $sql .=
        "COPY raw_$file->{source} ("
      . join(',', @{ $file->{header} })
      . ") FROM '$file->{plain}' WITH (FORMAT csv, HEADER);\n";
  }
  $sql .= qq{CREATE TEMP TABLE "$_->[0]" AS $_->[1];\nANALYZE "$_->[0]";\n} for @oracle;
  $sql .= join(
    "\nUNION ALL\n",
    map {
      my $table = $_->[0];
      my ($schema, $name) = split /\./, $table;
      qq{
    (SELECT '$table ' || side || ' ' || line FROM (
      SELECT 'has' AS side, line FROM (SELECT t::text AS line FROM $schema.$name t EXCEPT ALL SELECT o::text
        FROM "$table" o) a
      UNION ALL SELECT 'lacks', line FROM (SELECT o::text AS line FROM "$table" o EXCEPT ALL SELECT t::text
        FROM $schema.$name t) b) d LIMIT 5)}
    } @oracle) . ";\n";
  my $out = $node->safe_psql($database, $sql);
  return $out;
}

sub new_database
{
  my ($name) = @_;
  my $inbox = PostgreSQL::Test::Utils::tempdir;
  chmod 0755, $inbox;
  $node->safe_psql('postgres', "CREATE DATABASE $name");
  $node->safe_psql($name, 'CREATE EXTENSION dap_analytics');
  $node->safe_psql($name, "SELECT count(*) FROM dap.setup('$inbox')");
  $node->safe_psql($name, 'CREATE SCHEMA oracle');
  $node->safe_psql($name, $helpers);
  $node->safe_psql(
    $name,
    "SELECT dap.create_source(source, path, columns, '$limits{$_}', or_replace => true)
        FROM dap_internal.source_definition WHERE source = '$_'"
  ) for sort keys %columns;
  return $inbox;
}

#### Files

my $twins = 0;
# Writes a file and its plain twin for COPY; returns what the oracle needs to know of it.
sub write_file
{
  my ($inbox, $source, $name, $header, $records, %how) = @_;
  my $end = $how{crlf} ? "\r\n" : "\n";
  my $text = '';
  if ($header)
  {
    my @lines = (
      join(',', @$header),
      map {
        my $r = $_;
        join(
          ',',
          map {
            my $v = $r->{$_};
            !defined $v ? ''
              : ($v =~ /[",\r\n]/ || $v eq '' || rand() < 0.05) ? do { (my $q = $v) =~ s/"/""/g; qq{"$q"} }
              : $v
          } @$header)
      } @$records);
    $text = join($end, @lines) . ($how{unended} ? '' : $end);
    $text = "\xEF\xBB\xBF$text" if $how{bom};
  }
  my $target = "$inbox/$name";
  unlink $target;
  open my $file, '>:raw', "$target.tmp" or die;
  print $file $text;
  close $file;
  if ($name =~ /\.(gz|zst)$/)
  {
    my $program = $1 eq 'gz' ? 'gzip' : 'zstd';
    system("$program -q -c '$target.tmp' > '$target.part'") == 0 or die;
    rename "$target.part", $target;
    unlink "$target.tmp";
  }
  else
  {
    rename "$target.tmp", $target;
  }
  chmod 0644, $target;
  (my $plain_text = $text) =~ s/^\xEF\xBB\xBF//;
  my $plain = "$inbox/.plain_" . ++$twins . "_$source";
  open $file, '>:raw', $plain or die;
  print $file $plain_text;
  close $file;
  chmod 0644, $plain;
  return { source => $source, name => $name, plain => $plain, header => $header, empty => $text eq '' };
}

sub pick { return $_[ int(rand(@_)) ]; }
sub some_day
{
  my ($first, $span) = @_;
  my @t = gmtime($first + 86400 * int(rand($span)));
  return sprintf('%04d-%02d-%02d', $t[5] + 1900, $t[4] + 1, $t[3]);
}

sub record_of
{
  my ($source, $shape) = @_;
  my $dirt = rand() < $shape->{dirt};
  my $number = sub { my $n = 1 + int(rand($_[0])); return rand() < 0.03 ? pick(" $n ", "+$n", "0$n", "$n.0") : $n; };
  my $bad_number = sub { return pick('', 'x1', '1_0', '0x1f', '12 3', '1.5', 'NaN', '99999999999999999999', undef); };
  my $day = some_day($shape->{first}, $shape->{span});
  my $bad_day = sub {
    return pick(
      '', '2023-02-29', '2024-2-3', '2024-13-01', 'today', '2025-04-31',
      '0024-01-01', '22025-01-01', '2024-01-01 BC', undef);
  };
  my $moment = $day
    . pick(
    '', '',
    sprintf(' %02d:%02d', rand(24), rand(60)),
    sprintf('T%02d:%02d:%02d', rand(24), rand(60), rand(60)),
    sprintf(' %02d:%02d:%02d.%d', rand(24), rand(60), rand(60), rand(1000000)));
  if ($source eq 'users')
  {
    return {
      user_id => $dirt && rand() < 0.5 ? $bad_number->() : $number->($shape->{users}),
      name => pick('Ann', ' Bob ', 'Ob, "Q"', "two\nlines", '', undef, "Ünï"),
      email => pick('A@Example.com', ' b@x.org', '', undef),
      phone => pick('+49 1', '', '007', undef),
      created_at => $dirt
      ? pick('x', '2024-01-01 24:00', '2024-01-01 10:00+02', '2024-02-30')
      : pick($moment, $moment, '', undef) };
  }
  if ($source eq 'onboarding')
  {
    return {
      onboarding_id => $dirt && rand() < 0.3 ? $bad_number->() : $number->($shape->{onboardings}),
      user_id => $dirt && rand() < 0.5 ? $bad_number->() : $number->($shape->{users} * 1.2),
      role => pick('buyer', 'Seller', ' AGENT ', '', undef),
      status => pick(
        'kyc_done', 'KYC_DONE', 'completed', 'Complete', 'verified', 'pending',
        ' pending ', 'rejected', '', undef, 'none'),
      onboarding_date => $dirt ? $bad_day->() : pick($day, $day, " $day ") };
  }
  my $amount = sprintf('%.2f', (rand() < 0.3 ? int(rand(5)) : rand(500)) * pick(1, 1, 1, -1));
  $amount = pick("$amount ", "${amount}0", '1e2', '5', '.5' x 0 . '0.5', $amount) if rand() < 0.1;
  $amount = pick('', '12.345', 'ten', '1,000.00', '1e-3', 'Infinity', '10000000000000000', undef)
    if $dirt && rand() < 0.5;
  return {
    transaction_id => $number->($shape->{transactions}),
    user_id => $dirt && rand() < 0.2 ? $bad_number->() : $number->($shape->{users} * 1.2),
    amount => $amount,
    transaction_date => $dirt && rand() < 0.3 ? $bad_day->() : $moment };
}

# A good record, so that a file with records does not fail for having none.
my $good_number = 900_000;
sub good_record
{
  my ($source, $shape) = @_;
  my $day = some_day($shape->{first}, $shape->{span});
  $good_number++;
  return {
    user_id => $good_number,
    onboarding_id => $good_number,
    transaction_id => $good_number,
    amount => '1.01',
    name => 'Good',
    role => 'buyer',
    status => 'kyc_done',
    created_at => $day,
    onboarding_date => $day,
    transaction_date => $day };
}

sub check
{
  my ($database, $what, @files) = @_;
  is(differences($database, @files), '', $what);
}

#### Random rounds

my @zips = ('', '', '.gz', system('zstd -q --version > /dev/null 2>&1') == 0 ? '.zst' : '.gz');
for my $round (1 .. $rounds)
{
  srand($seed + $round);
  my $database = "round_$round";
  my $inbox = new_database($database);
  my $users = pick(1, 5, 40, 300);
  my $shape = {
    users => $users,
    onboardings => $users * 2,
    transactions => $users * pick(1, 8),
    first => timegm(0, 0, 0, pick(1, 28), pick(0, 1, 11), pick(2023, 2024)),
    span => pick(1, 10, 100),
    dirt => pick(0, 0.02, 0.15) };
  my $size = pick(1, 20, 400);
  my (@files, %number);
  my $sent = 0;

  for my $batch (1 .. 4)
  {
    my %found;
    for my $source (sort keys %columns)
    {
      for (1 .. pick(0, 1, 1, 2, 3))
      {
        # 9 comes before 10, and the same name may come back with other bytes
        my $number = rand() < 0.15 && $number{$source} ? 1 + int(rand($number{$source})) : ++$number{$source};
        my $kind = rand();
        my @header = sort { rand() <=> 0.5 } split /,/, $columns{$source};
        my @records = $kind < 0.1 ? () : map { record_of($source, $shape) } 1 .. 1 + rand($size);
        # What was sent before is sent again, corrected or not
        push @records, { %{ pick(@records) } } for 1 .. (@records ? rand(3) : 0);
        push @records, good_record($source, $shape) if @records;
        my $zip = pick(@zips);
        next if grep { $_ ne $zip && -e "$inbox/${source}_$number.csv$_" } ('', '.gz', '.zst');
        # A header alone says nothing, but its bytes are known from the second one on; so are no bytes at all.
        $found{"$source $number"} = write_file(
          $inbox, $source, "${source}_$number.csv$zip", $kind < 0.05 ? undef : \@header, \@records,
          crlf => rand() < 0.2,
          unended => rand() < 0.2,
          bom => rand() < 0.2);
      }
    }
    push @files, map { $found{$_} } sort { ($a =~ /(\d+)/)[0] <=> ($b =~ /(\d+)/)[0] } sort keys %found;
    my ($code, $out, $err) =
      $node->psql($database, "SELECT count(*) FILTER (WHERE action = 'failed') FROM dap.refresh_all()");
    is("$code$out", '00', "round $round batch $batch: refreshed") or diag($err);
    check($database, "round $round batch $batch: " . scalar(@files) . ' files, every table as computed independently',
      @files);
  }
  $node->safe_psql($database, "SELECT count(*) FROM dap.refresh_all('full')");
  is(
    $node->safe_psql(
      $database,
      "SELECT count(*) FROM dap.run_steps WHERE run_id = (SELECT max(run_id) FROM dap.runs)
          AND coalesce(rows_inserted, 0) + coalesce(rows_updated, 0) + coalesce(rows_deleted, 0) > 0"
    ),
    '0',
    "round $round: a full rebuild finds nothing to change");
  is(
    $node->safe_psql(
      $database, "SELECT count(*) FROM dap.files WHERE status <> 'loaded' OR rows_read <> rows_loaded + rows_rejected"),
    '0',
    "round $round: nothing was lost on the way");
}

#### What must be right by itself

my $inbox = new_database('corners');
my @files;
sub deliver
{
  my ($what, @new) = @_;
  push @files, map { write_file($inbox, @$_) } @new;
  my ($code, $out, $err) = $node->psql('corners', 'SELECT count(*) FROM dap.refresh_all()');
  is($code, 0, "$what: refreshed") or diag($err);
  check('corners', $what, @files);
}
my %header = map { $_ => [ split /,/, $columns{$_} ] } keys %columns;
deliver('no file at all');
deliver(
  'files without a byte',
  [ 'users', 'users_01.csv', undef, [] ],
  [ 'transactions', 'transactions_01.csv', undef, [] ]);
deliver('files with a header alone', map { [ $_, "${_}_02.csv", $header{$_}, [] ] } sort keys %columns);
deliver(
  'one single row',
  [ 'transactions', 'transactions_03.csv', $header{transactions},
    [ { transaction_id => 1, user_id => 1, amount => '0.01', transaction_date => '2024-02-29' } ] ]);
deliver('an orphan becomes known', [ 'users', 'users_04.csv', $header{users}, [ { user_id => 1, name => 'Ann' } ] ]);
deliver(
  'leap days and a week without completions',
  [ 'onboarding',
    'onboarding_05.csv',
    $header{onboarding},
    [ map { { onboarding_id => $_->[0], user_id => 1, role => 'x', status => 'complete', onboarding_date => $_->[1] } }
        [ 1, '2024-02-22' ],
      [ 2, '2024-02-29' ],
      [ 3, '2024-03-21' ],
      [ 4, '2024-02-29' ] ] ]);
deliver(
  'a tie of onboarding records and one of amounts',
  [ 'onboarding',
    'onboarding_06.csv',
    $header{onboarding},
    [ { onboarding_id => 9, user_id => 1, role => 'b', status => 'pending', onboarding_date => '2024-03-21' },
      { onboarding_id => 8, user_id => 1, role => 'a', status => 'verified', onboarding_date => '2024-03-21' } ] ],
  [ 'transactions',
    'transactions_06.csv',
    $header{transactions},
    [ map { { transaction_id => 10 + $_, user_id => 20 - $_, amount => '5.00', transaction_date => '2024-03-01' } }
        1 .. 9 ] ]);
deliver(
  'amounts that cancel out',
  [ 'transactions',
    'transactions_07.csv',
    $header{transactions},
    [ { transaction_id => 30, user_id => 2, amount => '7', transaction_date => '2024-04-01' },
      { transaction_id => 31, user_id => 3, amount => '-7', transaction_date => '2024-04-01' } ] ]);
deliver(
  'halves are rounded away from zero',
  [ 'transactions',
    'transactions_08.csv',
    $header{transactions},
    [ map {
        { transaction_id => 100 + $_,
          user_id => 50,
          amount => $_ == 1 ? '-0.01' : '0.00',
          transaction_date => '2024-05-01' }
      } 1 .. 200 ] ]);
deliver(
  'the largest amounts',
  [ 'transactions',
    'transactions_09.csv',
    $header{transactions},
    [ map {
        { transaction_id => 400 + $_,
          user_id => 60 + $_ % 2,
          amount => '9999999999999999.99',
          transaction_date => '2024-06-01 23:59:59.999999' }
      } 1 .. 7 ] ]);
deliver(
  'a record corrected to another day, user and status',
  [ 'transactions', 'transactions_10.csv', $header{transactions},
    [ { transaction_id => 1, user_id => 2, amount => '3.33', transaction_date => '2023-12-31T00:00' } ] ],
  [ 'onboarding', 'onboarding_10.csv', $header{onboarding},
    [ { onboarding_id => 1, user_id => 2, role => '', status => 'rejected', onboarding_date => '2024-01-01' } ] ]);
deliver(
  'a broken correction keeps the last good values',
  [ 'transactions',
    'transactions_11.csv',
    $header{transactions},
    [ { transaction_id => 1, user_id => 2, amount => '3.333', transaction_date => '2024-01-01' },
      { transaction_id => 5000, user_id => 2, amount => '1', transaction_date => '2024-01-01' } ] ]);
deliver(
  'an older created_at does not win',
  [ 'users',
    'users_12.csv',
    $header{users},
    [ { user_id => 1, name => 'New', created_at => '2024-02-01' },
      { user_id => 1, name => 'Old', created_at => '2024-01-01' },
      { user_id => 1, name => 'None' } ] ]);

# The comparison itself is worth something: it sees one value, one scale, one row
my $spoil = sub { my ($sql) = @_; $node->safe_psql('corners', $sql); return differences('corners', @files); };
like(
  $spoil->("UPDATE analytics.daily_transaction_stats SET users = users + 1 WHERE day = '2024-05-01'"),
  qr/^analytics.daily_transaction_stats/,
  'a changed value is seen');
like(
  $spoil->("DELETE FROM intermediate.users_clean WHERE user_id = 1"),
  qr/intermediate.users_clean lacks/,
  'a missing row is seen');
$node->safe_psql('corners', "SELECT count(*) FROM dap.refresh_all('full')");
check('corners', 'a full refresh repairs what was changed by hand', @files);

#### The known answers of the case study, where its files are at hand

SKIP:
{
  my ($case) = grep { -d $_ } map { "$_/../shared/data/case_study" } grep { defined } $ENV{DAP_REPOSITORY},
    $ENV{DAP_SOURCE}, '.';
  skip 'the files of the case study are not here', 9 unless $case;
  my $inbox = new_database('case_study');
  my @files;
  for my $source (sort keys %columns)
  {
    system("cp '$case/$source.csv' '$inbox/$source.csv' && chmod 644 '$inbox/$source.csv'") == 0 or die;
    push @files, { source => $source, plain => "$inbox/$source.csv", header => $header{$source} };
  }
  $node->safe_psql('case_study', 'SELECT count(*) FROM dap.refresh_all()');
  check('case_study', 'case study: every table as computed independently', @files);
  my $answer = sub { return $node->safe_psql('case_study', "SET datestyle = iso; $_[0]"); };
  is(
    $answer->(
      'SELECT (SELECT count(*) FROM intermediate.users_clean), (SELECT count(*) FROM intermediate.onboarding_clean),
          (SELECT count(*) FROM intermediate.transactions_clean), (SELECT count(*) FROM intermediate.user_activity)'
    ),
    '3000|5000|10000|2350',
    'case study: rows of the intermediate tables');
  is(
    $answer->(
      'SELECT transactions, users, total_amount, avg_amount, median_amount, min_amount, max_amount
          FROM analytics.transaction_stats'
    ),
    '10000|2350|2104506.98|210.4507|149.290|10.02|1567.53',
    'case study: transaction_stats');
  is(
    $answer->(
      "SELECT completions, completions_week_ago, wow_growth_pct FROM analytics.daily_kyc_completions
          WHERE day = '2025-01-08'"
    ),
    '24|40|-40.00',
    'case study: daily_kyc_completions');
  is(
    $answer->(
      "SELECT user_id, total_amount, contribution_pct FROM analytics.daily_top_users
          WHERE day = '2025-01-01' AND rank = 1"
    ),
    '2298|1430.40|5.71',
    'case study: daily_top_users');
  is(
    $answer->(
      "SELECT users, active_users, transactions, total_amount, median_amount FROM analytics.kyc_comparison
          WHERE kyc_status = 'completed'"
    ),
    '1465|1161|6042|1274229.62|148.675',
    'case study: kyc_comparison');
  is($answer->('SELECT sum(transactions), sum(active_users), sum(total_amount) FROM analytics.kyc_comparison'),
    '10000|2350|2104506.98', 'case study: the comparison adds up');
  is($answer->('SELECT sum(transactions), sum(active_users), sum(total_amount) FROM analytics.kyc_comparison_by_role'),
    '10000|2350|2104506.98', 'case study: by role too');
  is($answer->("SELECT count(*) FROM dap.refresh_all() WHERE action <> 'unchanged'"),
    '0', 'case study: the second refresh finds nothing new');
}

$node->stop;
done_testing();
