# Columns of random values: what dap.sniff_csv suggests loses none of them. The suggested statements are run, a file
# goes through source and clean model, and the typed values are written out again by PostgreSQL itself; so are the
# counts, extremes and lengths that it reports.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('suggest');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\n");
$node->start;
$node->safe_psql('postgres',
  'CREATE EXTENSION dap_analytics; CREATE SCHEMA staging; CREATE SCHEMA intermediate; CREATE SCHEMA analytics');
my $seed = $ENV{DAP_SEED} // int(rand(1_000_000_000));
srand($seed);
note "seed $seed (DAP_SEED)";
my $temp = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);
my $files = $ENV{DAP_SLOW} ? 150 : 12;

sub query { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }
sub one { return $_[ rand @_ ]; }
sub digits
{
  my ($count) = @_;
  return join '', map { int rand 10 } 1 .. $count;
}
sub whole { my $most = shift // 17; return (1 + int rand 9) . digits(int rand $most); }
sub day { return (1900 + int rand 299, 1 + int rand 12, 1 + int rand 28); }
sub late_day { return (1900 + int rand 299, 1 + int rand 12, 13 + int rand 16); }
sub moment { return (int rand 24, int rand 60, int rand 60); }

# Kind: what a value of it looks like, and the type (with its format) that a column of nothing else must get; none:
# text.
my %kinds = (
  integer => [ sub { one('0', whole(), '-' . whole()) }, 'bigint' ],
  padded => [ sub { one('', ' ') . whole(5) . one('', ' ', '  ') }, 'bigint' ],
  zeros => [ sub { '0' . digits(4) } ],
  signed => [ sub { '+' . whole(5) } ],
  minus_zero => [ sub { one('-0', '-0.0', '-0.00') } ],
  identifier => [ sub { whole(0) . digits(18 + int rand 6) } ],
  money => [ sub { sprintf '%s%d.%02d', one('', '-'), 1 + int rand 1000, int rand 100 }, 'numeric' ],
  decimal => [ sub { one('', '-') . one('0', whole()) . '.' . digits(int rand 25) . '1' }, 'numeric' ],
  long_decimal => [ sub { whole(40) . '.' . digits(1 + int rand 400) }, 'numeric' ],
  too_long_decimal => [ sub { '0.' . digits(16_390) } ],
  no_whole_part => [ sub { '.' . digits(3) } ],
  no_fraction => [ sub { whole(4) . '.' } ],
  comma => [ sub { whole(2) . ',' . digits(2) } ],
  thousands => [ sub { whole(1) . one("'", ' ', '_', "\xc2\xa0") . digits(3) } ],
  exponent => [ sub { whole(2) . one('e', 'E') . int rand 9 } ],
  other_number => [ sub { one('NaN', 'Infinity', '-inf', '0x1F', '1/2', "\xef\xbc\x91\xef\xbc\x92", '12%') } ],
  telephone => [ sub { one('+43 ', '+43', '0043', '0') . whole(2) . one(' ', '-', '/', '') . digits(7) } ],
  iso => [ sub { sprintf '%04d-%02d-%02d', day() }, 'date' ],
  slashed => [ sub { sprintf '%04d/%02d/%02d', day() }, 'date YYYY/MM/DD' ],
  german => [ sub { my ($y, $m, $d) = late_day(); sprintf '%02d.%02d.%04d', $d, $m, $y }, 'date DD.MM.YYYY' ],
  british => [ sub { my ($y, $m, $d) = late_day(); sprintf '%02d/%02d/%04d', $d, $m, $y }, 'date DD/MM/YYYY' ],
  american => [ sub { my ($y, $m, $d) = late_day(); sprintf '%02d/%02d/%04d', $m, $d, $y }, 'date MM/DD/YYYY' ],
  dashed => [ sub { my ($y, $m, $d) = late_day(); sprintf '%02d-%02d-%04d', $d, $m, $y }, 'date DD-MM-YYYY' ],
  either => [ sub { sprintf '%02d%s%02d/%04d', 1 + int rand 12, '/', 1 + int rand 12, 2000 + int rand 50 } ],
  short_year => [ sub { my ($y, $m, $d) = late_day(); sprintf '%02d.%02d.%02d', $d, $m, $y % 100 } ],
  no_day => [ sub { one('2023-02-29', '2024-02-30', '2024-04-31', '2024-13-01', '2024-00-10', '2024-1-5') } ],
  far_day => [ sub { one('1899-12-31', '2200-01-01', '9999-12-31', '0001-01-01', '22025-01-01', 'infinity') } ],
  moment => [ sub { sprintf '%04d-%02d-%02d %02d:%02d:%02d', day(), moment() }, 'timestamp' ],
  moment_t => [ sub { sprintf '%04d-%02d-%02dT%02d:%02d', day(), (moment())[ 0, 1 ] }, 'timestamp' ],
  fraction =>
    [ sub { sprintf('%04d-%02d-%02d %02d:%02d:%02d.', day(), moment()) . digits(1 + int rand 6) }, 'timestamp' ],
  fine_fraction => [ sub { sprintf('%04d-%02d-%02d %02d:%02d:%02d.', day(), moment()) . digits(7) . '1' } ],
  utc =>
    [ sub { sprintf('%04d-%02d-%02d %02d:%02d:%02d', day(), moment()) . one('Z', '+00', '+00:00') }, 'timestamptz' ],
  offset => [ sub { sprintf('%04d-%02d-%02d %02d:%02d:%02d', day(), moment()) . one('+02', '-05:30') } ],
  german_moment => [
    sub { my ($y, $m, $d) = late_day(); sprintf '%02d.%02d.%04d %02d:%02d:%02d', $d, $m, $y, moment() },
    'timestamp DD.MM.YYYY HH24:MI:SS' ],
  bad_moment =>
    [ sub { sprintf '%04d-%02d-%02d %s', day(), one('24:00', '10:60', '10:00:60', '9:00', '10:00 PM', '') } ],
  truth => [ sub { one('true', 'false') }, 'boolean' ],
  other_truth => [ sub { one('yes', 'no', 'True', 'FALSE', 'on') } ],
  uuid => [
    sub {
      lc join '-', map {
        unpack 'H*', join '',
          map { chr int rand 256 }
          1 .. $_
      } 4, 2, 2, 2, 6;
    },
    'uuid' ],
  upper_uuid => [
    sub {
      'A' . uc substr join(
        '-',
        map {
          unpack 'H*', join '',
            map { chr int rand 256 }
            1 .. $_
        } 4,
        2, 2, 2,
        6),
        1;
    }
  ],
  word => [
    sub { one('a', 'Z', "\xc3\xa4\xc3\xb6", "two\nlines", 'say ""x""', 'x' x 300, 'now', 'today', 'NULL', '-', 'null') }
  ]);
my @names = sort keys %kinds;

my (@wrong, %typed);
for my $n (1 .. $files)
{
  # Columns of one kind, or with some of another; with values that are missing
  my @columns = map {
    my ($main, $other) = (one(@names), one(@names));
    my $mixed = rand() < 0.35 ? 0.05 + rand() / 2 : 0;
    { kind => $main,
      mixed => $mixed > 0 && $main ne $other,
      share => $mixed,
      other => $other,
      missing => one(0, 0, 0.2) };
  } 1 .. 8;
  my $records = '';
  my @seen;
  for my $row (1 .. 30)
  {
    my @fields = ($row);
    for my $column (@columns)
    {
      my $kind = $column->{mixed} && rand() < $column->{share} ? $column->{other} : $column->{kind};
      my $value = rand() < $column->{missing} ? undef : $kinds{$kind}[0]->();
      $column->{pure}++ if defined $value;
      push @fields, !defined $value ? one('', '""', '" "') : $value =~ /[,\n"]/ || rand() < 0.2 ? qq{"$value"} : $value;
    }
    $records .= join(',', @fields) . "\n";
  }
  my $header = join ',', 'k', map { "v$_" } 1 .. @columns;
  open my $file, '>:raw', "$temp/s$n.csv" or die;
  print $file "$header\n$records";
  close $file;

  # The suggestion, taken at its word
  my ($delimiter, $quote, $with_header, $encoding, $found, $rejects) = split /\|/, query(
    "SELECT delimiter, quote, header, encoding, records, rejects
        FROM dap.sniff_csv('$temp/s$n.csv', '{\"delimiter\": \",\"}')"
  );
  is("$delimiter$quote $with_header $encoding $found $rejects", '," t UTF8 30 0', "file $n: its dialect");
  my @types = map { [ split /\|/, $_, -1 ] } split /\n/, query(
    "SELECT name, concat_ws(' ', type, format), type, coalesce(format, '')
        FROM dap.sniff_columns('$temp/s$n.csv', '{\"delimiter\": \",\"}') WHERE name <> 'k' ORDER BY \"position\""
  );
  for my $i (0 .. $#columns)
  {
    my ($column, $want) = ($columns[$i], $kinds{ $columns[$i]{kind} }[1]);
    next if $column->{mixed} || !$column->{pure};
    is($types[$i][1], $want // 'text', "file $n, a column of $column->{kind}");
  }
  is(
    query(
      qq{
    CREATE TEMP TABLE said AS SELECT * FROM dap.sniff_csv('$temp/s$n.csv', '{"delimiter": ","}');
    SELECT create_source AS make, quote_literal(clean_columns) AS columns FROM said \\gset
    \\o /dev/null
    :make
    \\o
    SELECT status, rows_loaded, rows_rejected FROM dap.ingest_csv('s$n');
    SELECT count(dap.create_clean_model('t$n', 's$n', :columns, '{k}'));
    SELECT rows_in, rows_inserted, rows_rejected FROM dap.refresh_intermediate() WHERE object = 'intermediate.t$n'}),
    "loaded|30|0\n1\n30|30|0",
    "file $n: what is suggested takes every value") or diag "seed $seed";

  for my $i (0 .. $#columns)
  {
    my ($name, $full, $type, $format) = @{ $types[$i] };
    $typed{$full}++;
    # The typed value, written by PostgreSQL in the one way that the text has
    my $moment = "to_char(t.$name AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')";
    my $back =
        $type eq 'text' || $type eq 'uuid' || $type eq 'bigint' || $type eq 'numeric' ? "t.$name\::text"
      : $type eq 'boolean' ? "CASE WHEN s.$name ~ '^ *[tf] *\$' THEN left(t.$name\::text, 1) ELSE t.$name\::text END"
      : $format ne '' ? "to_char(t.$name, '$format')"
      : $type eq 'date' ? "to_char(t.$name, 'YYYY-MM-DD')"
      : $type eq 'timestamp' ? "to_char(t.$name, 'YYYY-MM-DD HH24:MI:SS.US')"
      : $moment;
    # A moment may be written with T, without seconds, with fewer digits of them: those are the same moment, and that
    # alone is brought to one form here
    my $text = "nullif(btrim(s.$name, ' '), '')";
    if ($type =~ /timestamp/ && $format eq '')
    {
      $text = "regexp_replace($text, '(Z|\\+00(:?00)?)\$', '')" if $type eq 'timestamptz';
      $text = "regexp_replace($text, 'T', ' ')";
      $text = "CASE WHEN $text ~ ':..:' THEN $text ELSE $text || ':00' END";
      $text = "rpad(CASE WHEN $text ~ '\\.' THEN $text ELSE $text || '.' END, 26, '0')";
    }
    my $lost = query(
      "SELECT count(*), min(s._line) FROM staging.s$n s FULL JOIN intermediate.t$n t ON t.k = s.k::bigint
          WHERE ($back) IS DISTINCT FROM ($text)"
    );
    push @wrong, "file $n, $name ($columns[$i]{kind}, $full): $lost" if $lost !~ /^0\|/;
    # A format tells day from month
    push @wrong, "file $n, $name: two readings"
      if $format =~ /^(DD|MM)/
      && query(
      "SELECT bool_and(substr(btrim($name, ' '), 1, 2)::int <= 12 AND substr(btrim($name, ' '), 4, 2)::int <= 12)
          FROM staging.s$n WHERE btrim($name, ' ') <> ''"
      ) ne 'f';
    # What is reported besides
    my $order =
         $type eq 'boolean'
      || $type eq 'uuid'
      || $type eq 'text' ? "convert_to(left(btrim(s.$name, ' '), 64), 'UTF8')" : "t.$name";
    my $reported =
      $type eq 'text' ? "convert_to(rtrim(c.%s, '.'), 'UTF8') = convert_to(rtrim(x.%s, '.'), 'UTF8')" : 'c.%s = x.%s';
    my $agrees = query(
      qq{
      SELECT c."values" = x.v, c.nulls = x.n, c.longest = x.longest,
        @{[ $type eq 'text'
        || $type eq 'numeric' ? 'true, true' : 'c.min IS NOT DISTINCT FROM x.min, c.max IS NOT DISTINCT FROM x.max' ]}
      FROM dap.sniff_columns('$temp/s$n.csv', '{"delimiter": ","}') c, (
        SELECT count(*) FILTER (WHERE btrim(s.$name, ' ') <> '') AS v,
          count(*) FILTER (WHERE coalesce(btrim(s.$name, ' '), '') = '') AS n,
          coalesce(max(char_length(s.$name)), 0) AS longest,
          (array_agg(btrim(s.$name, ' ') ORDER BY $order, s._line) FILTER (WHERE btrim(s.$name, ' ') <> ''))[1] AS min,
          (array_agg(btrim(s.$name, ' ') ORDER BY $order DESC, s._line)
            FILTER (WHERE btrim(s.$name, ' ') <> ''))[1] AS max
        FROM staging.s$n s JOIN intermediate.t$n t ON t.k = s.k::bigint) x WHERE c.name = '$name'});
    push @wrong, "file $n, $name ($columns[$i]{kind}, $full): reported $agrees" if $agrees ne 't|t|t|t|t';
  }
}
is(scalar @wrong, 0, 'no suggestion loses a value')
  or diag "seed $seed\n" . join "\n", @wrong[ 0 .. ($#wrong > 9 ? 9 : $#wrong) ];
note join ', ', map { "$_ $typed{$_}" } sort keys %typed;
cmp_ok(scalar keys %typed, '>=', 6, 'of many types');
cmp_ok(scalar(grep { $_ ne 'text' } map { ($_) x $typed{$_} } keys %typed), '>', $files, 'and it does suggest them');

$node->stop;
done_testing();
