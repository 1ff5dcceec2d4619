# Every conversion against PostgreSQL's own input functions, over generated texts: what is accepted is what PostgreSQL
# accepts, with the same value and the same text, and what the documented grammar allows and the type holds exactly is
# accepted.  DAP_CONVERT_STRINGS texts per type (a million), DAP_CONVERT_SEED to repeat a run.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $count = $ENV{DAP_CONVERT_STRINGS} // 1_000_000;
my $seed = $ENV{DAP_CONVERT_SEED} // int(rand(1_000_000_000));
diag "DAP_CONVERT_SEED=$seed DAP_CONVERT_STRINGS=$count";

my $node = PostgreSQL::Test::Cluster->new('convert');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->append_conf('postgresql.conf',
      "fsync = off\nwal_level = minimal\nmax_wal_senders = 0\nwork_mem = '64MB'\nmax_parallel_workers_per_gather = 0\n"
    . "jit = off\n");
$node->start;
# Other collations, as far as this server has them.
my @databases;
my %locales = (
  plain => 'LOCALE "C"',
  turkish => 'LOCALE_PROVIDER icu ICU_LOCALE "tr-TR" LOCALE "C.UTF-8"',
  lithuanian => 'LOCALE_PROVIDER icu ICU_LOCALE "lt-LT" LOCALE "C.UTF-8"',
  greek => 'LOCALE_PROVIDER icu ICU_LOCALE "el-GR" LOCALE "C.UTF-8"',
  builtin => 'LOCALE_PROVIDER builtin BUILTIN_LOCALE "C.UTF-8" LOCALE "C.UTF-8"',
  unicode => 'LOCALE_PROVIDER builtin BUILTIN_LOCALE "PG_UNICODE_FAST" LOCALE "C.UTF-8"');
for my $database (sort keys %locales)
{
  my $status = $node->psql('postgres', "CREATE DATABASE $database TEMPLATE template0 $locales{$database}");
  push @databases, $database if $status == 0;
}
ok((grep { $_ eq 'plain' } @databases) == 1, "databases: @databases");

# The texts.  random() picks pieces: most of them right, at the edges, and some wrong.
my $generators = <<'SQL';
CREATE EXTENSION dap_analytics;
CREATE SCHEMA gen;
CREATE FUNCTION gen.pick(VARIADIC text[]) RETURNS text
  LANGUAGE sql VOLATILE AS $$ SELECT $1[1 + floor(random() * cardinality($1))::integer] $$;
CREATE FUNCTION gen.digits(longest integer) RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT left(lpad(floor(random() * 1e15)::bigint::text, 15, '0') || lpad(floor(random() * 1e15)::bigint::text, 15,
  '0'), 1 + floor(random() * longest)::integer) $$;
CREATE FUNCTION gen.blank() RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT gen.pick('', '', '', '', '', '', '', '', '', '', '', '', ' ', '  ', E'\t', E' \n', E'\r', E'\v', E'\f ',
  U&'\00A0') $$;
-- A text with one character put in, replaced or taken out, one time in eight.
CREATE FUNCTION gen.spoilt(s text) RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT CASE WHEN random() < 0.875 THEN s
     ELSE overlay(s placing gen.pick('', '', '0', '9', '.', '-', '+', 'e', '_', 'x', ' ', E'\t', ',', 'T', 'Z', ':',
       '/', 'a', 'N', U&'\0663')
                  from 1 + floor(random() * (1 + length(s)))::integer for gen.pick('0', '1')::integer) END $$;
CREATE FUNCTION gen.two(lowest integer, highest integer) RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT lpad((lowest + floor(random() * (highest - lowest + 1))::integer)::text, 2, '0') $$;

CREATE FUNCTION gen.number() RETURNS text LANGUAGE sql VOLATILE AS $$
SELECT CASE
  WHEN random() < 0.02 THEN gen.pick('NaN', 'nan', 'Infinity', '-inf', '+inf', '0x1F', '0b101', '0o17', '1_000', 'null',
    '', ' ', U&'\0661\0662', '.5', '5.', '1 000', '1,000', '1e', E'\t', '٫5')
  ELSE gen.blank() || gen.pick('', '', '', '', '', '+', '-', '-', '--', '- ')
    || CASE WHEN random() < 0.5 THEN gen.digits(20)
         ELSE gen.pick('0', '1', '9', '12', '00', '007', '127', '128', '32767', '32768', '2147483647', '2147483648',
           '9223372036854775807', '9223372036854775808', '9999999999999999',
                       '99999999999999999', '', repeat('9', 25), repeat('0', 30) || '5', '1797693134862315', '34028235',
                         '49406564584124654', '14012985') END
    || CASE WHEN random() < 0.4 THEN '' WHEN random() < 0.5 THEN '.' || gen.digits(20)
         ELSE gen.pick('.0', '.00', '.5', '.340', '.345', '.', '.99', '.' || repeat('0', 18), '.1e1') END
    || CASE WHEN random() < 0.7 THEN '' WHEN random() < 0.995 THEN
         gen.pick('e0', 'e1', 'E3', 'e-1', 'e+2', 'e-2', 'e5', 'e18', 'e19', 'e-18', 'e293', 'e308', 'e-308', 'e-324',
           'e-330', 'e309', 'e31', 'e38', 'e39', 'e-45', 'e-52', 'e-53', 'e', 'e+', 'e1.5', 'e 2')
         ELSE gen.pick('e400', 'e-400', 'e16383', 'e-16383', 'e-16384', 'e131071', 'e131072', 'e99999', 'e1073741822',
           'e1073741823', 'e-1073741822', 'e-1073741823', 'e99999999999999999999') END
    || gen.blank()
  END $$;

CREATE FUNCTION gen.day() RETURNS text LANGUAGE sql VOLATILE AS $$
SELECT CASE WHEN random() < 0.2 THEN gen.pick('2024', '2023', '2000', '1900', '1899', '2199', '2200', '0001', '0000',
  '9999', '1582', '22025', '24') ELSE (1895 + floor(random() * 310)::integer)::text END
  || gen.pick('-', '-', '-', '-', '-', '-', '-', '-', '-', '-', '-', '-', '/', '')
    || CASE WHEN random() < 0.1 THEN gen.pick('00', '13', '2', '02', '02', 'Feb', '12') ELSE gen.two(1, 12) END
  || '-' || CASE WHEN random() < 0.2 THEN gen.pick('00', '28', '29', '30', '31', '32', '1') ELSE gen.two(1, 28) END $$;
CREATE FUNCTION gen.moment() RETURNS text LANGUAGE sql VOLATILE AS $$
SELECT CASE
  WHEN random() < 0.02 THEN gen.pick('now', 'today', 'epoch', 'infinity', '-infinity', 'January 8, 1999', '20240101',
    '20240101T100000', '2024.001', 'J2451187', '2024-01-01 BC', '1/2/2024', '2024-01-01 24:00:00',
    '2024-01-01 23:59:60', 'yesterday', '', ' ', '2024-01-01 allballs', '2024-01-01 10:00 PM',
      '2024-01-01 10:00 Europe/Berlin', '2024-01-01 100000', '2024-W01-1')
  WHEN random() < 0.06 THEN -- around the changes of clocks in Berlin
    gen.pick('2024-03-31', '2024-10-27', '2000-03-26', '2000-10-29', '1945-05-24', '1947-05-11', '1980-04-06',
      '1916-04-30', '1893-04-01') || gen.pick(' ', 'T') || gen.two(0, 4) || ':' || gen.two(0, 59)
  ELSE gen.blank() || gen.day() || CASE WHEN random() < 0.3 THEN '' ELSE
    gen.pick(' ', ' ', ' ', 'T', 'T', '  ', 't', '_')
    || CASE WHEN random() < 0.05 THEN gen.pick('24', '25', '1', '') ELSE gen.two(0, 23) END || ':'
      || CASE WHEN random() < 0.05 THEN gen.pick('60', '5', '') ELSE gen.two(0, 59) END
    || CASE WHEN random() < 0.2 THEN '' ELSE ':' || CASE WHEN random() < 0.05 THEN gen.pick('60', '61', '5', '')
      ELSE gen.two(0, 59) END
       || CASE WHEN random() < 0.6 THEN '' WHEN random() < 0.8 THEN '.' || gen.digits(6)
         ELSE gen.pick('.', '.1234567', ',5', '.999999', '.9999999', '.000001', '.0000000', '.1234560', '.100000000',
         '.9999990000000000000', '.0000001') END END
    || CASE WHEN random() < 0.4 THEN '' WHEN random() < 0.5 THEN gen.pick('+', '-') || gen.two(0, 14)
      || gen.pick('', '', ':', '') || gen.pick('', '00', '30', '45', '59', '60')
       ELSE gen.pick('Z', 'Z', '+00', '-00:00', '+15:59', '+16', '-15:59', '-16:00', 'z', ' UTC', ' Z', '+5', ' +02',
         '+05:30:15', '+0530', '+530', 'BC', ' AM') END
    END || gen.blank()
  END $$;

CREATE FUNCTION gen.truth() RETURNS text LANGUAGE sql VOLATILE AS $$
SELECT gen.blank()
  || left(gen.pick('true', 'false', 'yes', 'no', 'on', 'off', 'TRUE', 'FALSE', 'Yes', 'No', 'oN', 'OFF', '1', '0', '00',
  'tRuE', 'wahr'), gen.pick('1', '2', '3', '4', '5', '9')::integer) || gen.blank() $$;
CREATE FUNCTION gen.identity() RETURNS text LANGUAGE sql VOLATILE AS $$
SELECT a || CASE kind WHEN '1' THEN u WHEN '2' THEN upper(u) WHEN '3' THEN replace(u, '-', '')
  WHEN '4' THEN regexp_replace(replace(u, '-', ''), '(.{4})(?!$)', '\1-', 'g')
  WHEN '5' THEN regexp_replace(replace(u, '-', ''), '(.{8})(?!$)', '\1-', 'g')
    WHEN '6' THEN regexp_replace(replace(u, '-', ''), '(.{6})(?!$)', '\1-', 'g') ELSE left(u, 35) END || b
  FROM (SELECT gen_random_uuid()::text AS u, gen.pick('1', '2', '3', '4', '5', '6', '7') AS kind,
    gen.pick('', '', '', '', '{', ' ', E'\t') AS a, gen.pick('', '', '', '', '}', ' ', '-', E'\n') AS b OFFSET 0) AS x
    $$;
CREATE FUNCTION gen.words() RETURNS text LANGUAGE sql VOLATILE AS $$
SELECT gen.pick('', '', ' ', '   ', E'\t') || gen.pick('a', 'I', 'i', 'Z', U&'\0130', U&'\0131', 'DONE', 'Done',
  U&'\03A3', U&'\039F\03A3', '', ' ')
  || gen.pick('', 'x', 'I', U&'\0307', U&'\00C4\00D6', U&'\00DF', U&'\1E9E', U&'\01C4', '!', '9', U&'\03A3',
    'J' || U&'\0301') || gen.pick('', ' ', 'AbC', U&'\00C9', U&'\+01F600', U&'\+010400', U&'\00A0')
    || gen.pick('', '', ' ', '  ', E'\n') $$;

-- The texts of the types; what PostgreSQL makes of a text, NULL where it refuses.
DO $do$
DECLARE
  t text[];
BEGIN
  FOREACH t SLICE 1 IN ARRAY ARRAY[['numeric', 'numeric'], ['numeric_18_2', 'numeric(18,2)'], ['float8', 'float8'],
    ['float4', 'float4'], ['boolean', 'boolean'], ['uuid', 'uuid'],
                                   ['date', 'date'], ['timestamp', 'timestamp'], ['timestamptz', 'timestamptz']] LOOP
    EXECUTE format($f$ CREATE FUNCTION gen.try_%s(s text) RETURNS %s LANGUAGE plpgsql STABLE AS
      $b$ BEGIN RETURN s::%2$s; EXCEPTION WHEN OTHERS THEN RETURN NULL; END $b$ $f$, t[1], t[2]);
  END LOOP;
END $do$;
SQL
$node->safe_psql('postgres', $generators);

my $settings =
  "SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1;\n";
my $hostile = "SET datestyle = 'SQL, DMY'; SET timezone = 'Asia/Kolkata'; SET intervalstyle = 'sql_standard';
      SET extra_float_digits = -15; SET lc_monetary = 'C'; SET search_path = pg_temp, gen;\n";

# The grammar, as the documentation has it.
my $b = '[ \t\n\v\f\r]*';
my $number = "^$b" . '[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?' . "$b\$";
my $integer = "^$b" . '[+-]?[0-9]+(\.[0-9]+)?' . "$b\$";    # without an exponent, unless the rule takes it
my $zero = "^$b" . '[+-]?0+(\.0+)?([eE][+-]?[0-9]+)?' . "$b\$";
my $zero_beyond = "^$b"
  . '[+-]?0+(\.0+)?[eE]\+?0*[1-9][0-9]{9,}'
  . "$b\$";    # PostgreSQL refuses such an exponent before it looks at the digits
my $day = '[0-9]{4}-[0-9]{2}-[0-9]{2}';
my $time = '[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.([0-9]{1,6}|[0-9]{6}0+))?)?';
my $offset = '(Z|[+-][0-9]{2}(:?[0-5][0-9])?)';
my $has_offset = "s ~ ':.*$offset$b\$'";
my $years = sub { my ($value, $end) = @_; return "$value >= '1900-01-01' AND $value < '2200-01-01'" };

sub integer_case
{
  my ($type, $lowest, $highest, $exponent) = @_;
  return {
    name => $exponent ? "$type with exponents" : $type,
    texts => 'numbers',
    rule => $exponent ? qq({"type": "$type", "exponent": true}) : qq({"type": "$type"}),
    grammar => $exponent ? $number : $integer,
    # 12.00 and 1e3 are integers here, for PostgreSQL they are numerics.
    value =>
      "CASE WHEN s ~ '$zero' THEN '0' WHEN s !~ '[.eE]' THEN (s::$type)::text WHEN s::numeric = trunc(s::numeric) "
      . "THEN (s::numeric::$type)::text ELSE 'rounded' END",
    complete => "CASE WHEN s ~ '$zero' THEN true ELSE (SELECT n = trunc(n) AND n BETWEEN $lowest AND $highest
          FROM (SELECT gen.try_numeric(s) AS n OFFSET 0) AS x) END", };
}

my @numbers = (
  integer_case('bigint', '-9223372036854775808', '9223372036854775807'),
  integer_case('bigint', '-9223372036854775808', '9223372036854775807', 1),
  integer_case('integer', '-2147483648', '2147483647'),
  integer_case('smallint', '-32768', '32767'),
  { name => 'numeric',
    texts => 'numbers',
    rule => '{"type": "numeric"}',
    grammar => $number,
    value => "CASE WHEN s ~ '$zero_beyond' THEN '0' ELSE (s::numeric)::text END",
    complete => "CASE WHEN s ~ '$zero_beyond' THEN true ELSE gen.try_numeric(s) IS NOT NULL END" },
  { name => 'numeric(18,2)',
    texts => 'numbers',
    rule => '{"type": "numeric(18,2)"}',
    grammar => $number,
    value => "CASE WHEN s ~ '$zero' THEN '0.00' WHEN s::numeric = s::numeric(18,2) THEN (s::numeric(18,2))::text ELSE "
      . "'rounded' END",
    complete => "CASE WHEN s ~ '$zero' THEN true ELSE gen.try_numeric(s) = gen.try_numeric_18_2(s) END" },
  { name => 'double precision',
    texts => 'numbers',
    rule => '{"type": "double precision"}',
    grammar => $number,
    value => '(s::float8)::text',
    complete => 'gen.try_float8(s) IS NOT NULL' },
  { name => 'real',
    texts => 'numbers',
    rule => '{"type": "real"}',
    grammar => $number,
    value => '(s::float4)::text',
    complete => 'gen.try_float4(s) IS NOT NULL' },);
my @moments = (
  { name => 'date',
    texts => 'moments',
    rule => '{"type": "date"}',
    grammar => "^$b$day$b\$",
    value => '(s::date)::text',
    complete => $years->('gen.try_date(s)') },
  { name => 'timestamp',
    texts => 'moments',
    rule => '{"type": "timestamp"}',
    grammar => "^$b$day($time)?$b\$",
    value => '(s::timestamp)::text',
    complete => $years->('gen.try_timestamp(s)') },
  { name => 'timestamp of a zone',
    texts => 'moments',
    rule => '{"type": "timestamp", "zone": "Europe/Berlin"}',
    grammar => "^$b$day($time$offset?)?$b\$",
    value => "(CASE WHEN $has_offset THEN s::timestamptz AT TIME ZONE 'Europe/Berlin' ELSE s::timestamp END)::text",
    complete => $years->(
      "(CASE WHEN $has_offset THEN gen.try_timestamptz(s) AT TIME ZONE 'Europe/Berlin' ELSE gen.try_timestamp(s) END)")
  },
  { name => 'timestamptz',
    texts => 'moments',
    rule => '{"type": "timestamptz"}',
    grammar => "^$b$day$time$offset$b\$",
    value => '(s::timestamptz)::text',
    complete => $years->('gen.try_timestamptz(s)') },
  # A local time that clocks skip comes back as another one.
  { name => 'timestamptz of a zone',
    texts => 'moments',
    rule => '{"type": "timestamptz", "zone": "Europe/Berlin"}',
    grammar => "^$b$day($time$offset?)?$b\$",
    value => "(CASE WHEN $has_offset THEN s::timestamptz WHEN s::timestamp AT TIME ZONE 'Europe/Berlin' AT TIME ZONE "
      . "'Europe/Berlin' = s::timestamp THEN s::timestamp AT TIME ZONE 'Europe/Berlin' END)::text",
    complete => $years->(
      "(CASE WHEN $has_offset THEN gen.try_timestamptz(s) AT TIME ZONE 'Europe/Berlin' ELSE gen.try_timestamp(s) END)")
      . " AND ($has_offset OR gen.try_timestamp(s) AT TIME ZONE 'Europe/Berlin' AT TIME ZONE 'Europe/Berlin'
          = gen.try_timestamp(s))"
  },
  { name => 'boolean',
    texts => 'truths',
    rule => '{"type": "boolean"}',
    grammar => '',
    value => "left((s::boolean)::text, 1)",
    complete => 'gen.try_boolean(s) IS NOT NULL' },
  { name => 'uuid',
    texts => 'identities',
    rule => '{"type": "uuid"}',
    grammar => '',
    value => '(btrim(s)::uuid)::text',
    complete => 'gen.try_uuid(btrim(s)) IS NOT NULL' },
  { name => 'text',
    texts => 'words',
    rule => '{"type": "text", "lower": true}',
    grammar => '',
    value => 'lower(btrim(s))',
    complete => 'true' },);
my %generator = (
  numbers => 'gen.number()',
  moments => 'gen.moment()',
  truths => 'gen.truth()',
  identities => 'gen.identity()',
  words => 'gen.words()');

sub texts_sql
{
  my ($texts, $rows) = @_;
  return "CREATE UNLOGGED TABLE gen.$texts AS SELECT gen.spoilt(s) AS s
        FROM (SELECT $generator{$texts} AS s FROM generate_series(1, $rows) OFFSET 0) AS x;\n";
}

# Each check is a line: name, number of counterexamples, three of them.
sub case_sql
{
  my ($case) = @_;
  my $rule = $case->{rule} =~ s/^\{/{"name": "c", /r;
  my $sql = $settings . "CREATE TEMPORARY TABLE r AS SELECT s, (c).ok, (c).value, (c).reason
        FROM (SELECT s, dap_internal.convert(s, '$rule') AS c FROM gen.$case->{texts} OFFSET 0) AS x;\n";
  my $check = sub {
    my ($what, $from) = @_;
    $sql .= "SELECT '$case->{name}: $what', count(*),
          coalesce(string_agg(to_json(s) || ' -> ' || coalesce(left(value, 60), reason, 'NULL'), '; ')
          FILTER (WHERE n <= 3), '') FROM (SELECT s, value, reason, row_number() OVER () AS n FROM $from) AS x;\n";
  };
  $check->('what is empty is NULL, nothing else', "r WHERE (ok AND value IS NULL) <> (btrim(s, ' ') = '')");
  $check->('what is accepted is in the grammar', "r WHERE ok AND value IS NOT NULL AND s !~ '$case->{grammar}'");
  $check->(
    'what is accepted has the value and text of PostgreSQL',
    "r WHERE ok AND value IS NOT NULL AND value IS DISTINCT FROM $case->{value}");
  $check->(
    'what the grammar and the type allow is accepted',
    "r WHERE NOT ok AND s ~ '$case->{grammar}' AND CASE WHEN s ~ '$case->{grammar}' THEN $case->{complete} END");
  # Shares of accepted texts: a generator that makes only good or only bad ones tests nothing.
  $sql .= "SELECT '$case->{name}: many accepted, many refused',
        CASE WHEN count(*) FILTER (WHERE ok) BETWEEN count(*) * 0.02 AND count(*) * 0.98
        OR '$case->{name}' = 'text' THEN 0 ELSE 1 END, count(*) FILTER (WHERE ok) || ' of ' || count(*) FROM r;\n";
  $sql .= $hostile;
  $check->(
    'the same under any settings',
    "(SELECT r.*, dap_internal.convert(s, '$rule') AS c FROM r LIMIT $count / 4 OFFSET 0) AS y
        WHERE (ok, value, reason) IS DISTINCT FROM ((c).ok, (c).value, (c).reason)"
  );
  return $sql . "RESET ALL;\nDROP TABLE r;\n";
}

# Texts written by to_char are read back, by formats and by PostgreSQL's to_timestamp, as the same moment.
my $rows = int($count / 20) || 1;
my $formats = $settings;
for my $format (
  'YYYY-MM-DD',
  'DD/MM/YYYY',
  'MM/DD/YYYY',
  'YYYYMMDD',
  'DD.MM.YYYY HH24:MI:SS',
  'YYYYMMDDHH24MISS',
  'YYYY-MM-DD"T"HH24:MI:SS.MS',
  'YYYY-MM-DD HH24:MI:SS.US',
  'DD Mon YYYY HH24:MI',
  'Month DD, YYYY HH12:MI:SS AM',
  'YYYY/MM/DD HH12:MI P.M.',
  'DD-MON-YYYY HH12 am',
  'YYYY-MM-DD HH24:MI:SS.FF3',
  'YYYY-MM-DD HH24')
{
  my $unit =
      $format =~ /US/ ? 'microseconds'
    : $format =~ /MS|FF3/ ? 'milliseconds'
    : $format =~ /SS/ ? 'second'
    : $format =~ /MI/ ? 'minute'
    : $format =~ /HH/ ? 'hour'
    : 'day';
  my $pattern = $format =~ s/Month/FMMonth/r;
  $formats .= <<"SQL";
SELECT 'format $format: reads what to_char writes', count(*),
    coalesce(min(s || ' -> ' || coalesce((c).value, (c).reason)), '')
  FROM (SELECT at, to_char(at, '$pattern') AS s,
    dap_internal.convert(to_char(at, '$pattern'),
    jsonb_build_object('name', 'c', 'type', 'timestamp', 'format', '$format')) AS c
          FROM (SELECT timestamp '1900-01-01' + random() * interval '109000 days' AS at
            FROM generate_series(1, $rows) OFFSET 0) AS x OFFSET 0) AS y
 WHERE (c).value IS DISTINCT FROM date_trunc('$unit', at)::text OR (c).value::timestamp IS DISTINCT FROM to_timestamp(s,
   '$format')::timestamp;
SQL
}

# Two sessions, for two cores.
my $seeds = sub {
  my ($n) = @_;
  return sprintf("SELECT setseed(%.9f) IS NULL;\n", ($seed % 1_000_000_000) / 1_000_000_000 * ($n ? -1 : 1));
};
my @scripts = (
  $seeds->(0) . texts_sql('numbers', $count) . join('', map { case_sql($_) } @numbers),
  $seeds->(1)
    . join('', map { texts_sql($_, $count) } qw(moments truths identities words))
    . join('', map { case_sql($_) } @moments)
    . $formats);
my (@running, @out, @err);
for my $i (0 .. $#scripts)
{
  my $file = PostgreSQL::Test::Utils::tempdir() . "/script.sql";
  open(my $handle, '>', $file) or die $!;
  print $handle $scripts[$i];
  close $handle;
  push @running,
    IPC::Run::start(
    [ 'psql', '-XAtq', '-F', "\t", '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', $file ],
    '<', \'', '>', \$out[$i], '2>', \$err[$i]);
}
for my $i (0 .. $#running)
{
  $running[$i]->finish;
  is($err[$i], '', "session $i ends without an error");
  for my $line (split /\n/, $out[$i])
  {
    my ($what, $violations, $examples) = split /\t/, $line, 3;
    next unless defined $examples || defined $violations;
    is($violations, 0, $what) or diag $examples;
    note "$what: $examples" if $what =~ /many accepted/;
  }
}

# Lower case in databases whose collations differ.
for my $database (@databases)
{
  $node->safe_psql($database, $generators);
  my $result = $node->safe_psql($database, $seeds->(0) . texts_sql('words', $rows) . case_sql($moments[-1]));
  for my $line (grep { /\|/ } split /\n/, $result)
  {
    my ($what, $violations, $examples) = split /\|/, $line, 3;
    is($violations, 0, "$what (database $database)") or diag $examples;
  }
}
$node->stop;
done_testing();
