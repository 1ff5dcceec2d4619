# The same files give the same rows and the same rejects, whatever way they take into the table: in bulk or by INSERT,
# with any instruction set, read in chunks of any size, with any number of workers. What a file holds is known to the
# program that writes it, so that not all ways can be wrong alike.
use strict;
use warnings FATAL => 'all';
use feature 'state';

use Digest::MD5 qw(md5_hex);
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{DAP_SEED} // int(rand(2**31));
srand($seed);
note "seed $seed (DAP_SEED)";

my $node = PostgreSQL::Test::Cluster->new('paths');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\nmax_worker_processes = 16\nmax_wal_size = 4GB\n");
$node->start;
my $temp = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);
sub sql { return $node->safe_psql('postgres', $_[0]); }
sql('CREATE EXTENSION dap_analytics; CREATE EXTENSION pg_walinspect; CREATE SCHEMA staging');

#### The files

my ($field_bytes, $record_bytes, $reject_bytes) = (100_000, 150_000, 2000);
my $limits = "SET dap.max_field_bytes = $field_bytes; SET dap.max_record_bytes = $record_bytes;
      SET dap.max_reject_bytes = $reject_bytes;";

sub one_of { return $_[ rand @_ ]; }
sub noise
{
  my ($size) = @_;
  return join '', map { chr(33 + int rand 90) } 1 .. $size;
}

# Bytes of a value, undef: NULL. Some are long enough for TOAST, which compresses some of them.
sub random_value
{
  my ($letters) = @_;
  my $kind = rand;
  return undef if $kind < 0.12;
  return '' if $kind < 0.16;
  return one_of('-17', '3.50', '2024-02-29', '\\.', '\\N', ' blanks ', 'NULL', 'x' x int(rand 200)) if $kind < 0.5;
  return join '', map { one_of(',', '"', "\n", "\r\n", "\r", '""', 'word', @$letters) } 1 .. int(rand 6) if $kind < 0.7;
  return join '', map { one_of(@$letters) } 1 .. int(rand 40) if $kind < 0.99;
  return one_of('y' x (2000 + int rand 60_000), noise(2000 + int rand 8000), noise(9) x (300 + int rand 3000));
}

sub written
{
  my ($value) = @_;
  return '' if !defined $value;
  return $value if $value ne '' && $value !~ /[",\r\n]/ && rand() < 0.8;
  return '"' . $value =~ s/"/""/gr . '"';
}

# A record that is rejected: its bytes and the reason.
sub random_reject
{
  my ($reason, $columns) = @_;
  my @fields = map { one_of('', 'a', '"q,""q"', "\"two\nlines\"", 'long ' x 30) } 1 .. $columns;
  my $at = int rand $columns;
  if ($reason eq 'field_count')
  {
    rand() < 0.5 && $columns > 2 ? pop @fields : push @fields, 'extra';
    $fields[0] = 'a';
  }
  elsif ($reason eq 'invalid_encoding')
  {
    $fields[$at] =
      one_of("\xff", "caf\xe9", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", ('ascii ' x 30) . "\x80");
  }
  elsif ($reason eq 'nul_byte') { $fields[$at] = one_of("\0", "a\0b", "\"a\0b\""); }
  elsif ($reason eq 'quote_in_field') { $fields[$at] = one_of('a"b', 'a"', 'a""b'); }
  elsif ($reason eq 'text_after_quote') { $fields[$at] = one_of('"a"b', '"" ', '"a,b"x"'); }
  elsif ($reason eq 'bare_cr') { $fields[$at] = one_of("a\rb", "a\r\rb"); }
  elsif ($reason eq 'field_too_long')
  {
    $fields[$at] = one_of('x' x ($field_bytes + 1), '"' . ("line\n" x ($field_bytes / 5)) . 'x"');
  }
  elsif ($reason eq 'record_too_long')
  {
    @fields[ 0, 1 ] = (('x' x $field_bytes), ('y' x ($record_bytes - $field_bytes)));
  }
  elsif ($reason eq 'untranslatable_character') { $fields[$at] = "a\x81b"; }
  else { die $reason; }
  return join ',', @fields;
}

# Writes a file; what must come of it: the rows' lines and values, the rejects' places, reasons and bytes.
my @files;
sub make_file
{
  my ($name, $records, $end, %more) = @_;
  my $letters = $more{letters} // [ 'a', 'b', 'c d', "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" ];
  my @reasons = @{
    $more{reasons} // [
      qw(field_count invalid_encoding nul_byte quote_in_field text_after_quote bare_cr field_too_long record_too_long)]
  };
  @reasons = grep { $_ ne 'bare_cr' } @reasons if $end eq "\r";
  my $every = $records > 100 ? int($records / (3 * @reasons)) : 2;
  my $lines =
    sub { my ($bytes) = @_; return $end eq "\r" ? scalar(() = $bytes =~ /\r\n|\r|\n/g) : ($bytes =~ tr/\n//); };
  my $content = "a,b,c,d$end";
  my ($line, $turn, @rows, @rejects) = (2, 0);

  for my $record (1 .. $records)
  {
    if ($every && rand() < 0.02) { $content .= $end; $line++; }    # an empty line is no record
    my ($bytes, $reason);
    if ($record % $every == 0)
    {
      $reason = $reasons[ $turn++ % @reasons ];
      $bytes = random_reject($reason, 4);
      push @rejects, join '|', $line, length($content), $reason, unpack('H*', substr($bytes, 0, $reject_bytes)),
        length $bytes;
    }
    else
    {
      my @values = map { random_value($letters) } 1 .. 4;
      $bytes = join ',', map { written($_) } @values;
      push @rows, join '|', $line,
        map { defined $_ ? '=' . ($more{decode} ? $more{decode}->($_) : $_) : 'NULL' } @values;
    }
    $content .= $bytes . ($record == $records && $more{cut} ? '' : $end);
    $line += 1 + $lines->($bytes);
  }
  my $path = "$temp/$name";
  open my $file, '>:raw', $path or die "$path: $!";
  print $file $content;
  close $file;
  system('gzip', '-k', $path) == 0 and $path .= '.gz' if $more{gzip};
  push @files,
    {
    name => $name,
    path => $path,
    options => $more{options} // '',
    counts => join('|', $records, scalar @rows, scalar @rejects),
    rows => md5_hex(join "\n", @rows),
    rejects => md5_hex(join "\n", @rejects),
    bytes => length $content };
  return $files[-1];
}
make_file('lf.csv', 1500, "\n");
make_file('crlf.csv', 800, "\r\n", cut => 1);
make_file('cr.csv', 400, "\r");
make_file('few.csv', 3, "\n");
make_file('one.csv', 1, "\n");
make_file('packed.csv', 500, "\n", gzip => 1);
make_file(
  'win1252.csv', 400, "\n",
  options => ', "encoding": "WIN1252"',
  letters => [ 'a', "\xe9", "\x80" ],
  reasons => [qw(untranslatable_character field_count nul_byte)],
  decode => sub { return $_[0] =~ s/\xe9/\xc3\xa9/gr =~ s/\x80/\xe2\x82\xac/gr; });
my @small = @files;
my $long = make_file('long.csv', 45_000, "\n");

#### The ways into a table

# What becomes of a file: status, counts, rows and rejects, and by the server's own words and its WAL, the way that it
# took.
sub load
{
  my ($source, $file, $settings) = @_;
  $settings //= '';
  my $columns = join q(, '|', ), map { "coalesce('=' || $_, 'NULL')" } qw(a b c d);
  my ($code, $out, $err) = $node->psql(
    'postgres', qq{
    LOAD 'dap_analytics';
    $limits $settings
    SELECT pg_current_wal_insert_lsn() AS before \\gset
    SET client_min_messages = debug1;
    SELECT status, rows_read, rows_loaded, rows_rejected, file_id
    FROM dap.ingest_csv('$source', '$file->{path}', '{"again": true,
      "max_reject_percent": 100$file->{options}}') \\gset
    SET client_min_messages = warning;
    SELECT :'status', :rows_read, :rows_loaded, :rows_rejected;
    SELECT coalesce(md5(string_agg(concat(_line, '|', $columns), E'\\n' ORDER BY _line)), md5(''))
    FROM staging.$source WHERE _file_id = :file_id;
    SELECT coalesce(md5(string_agg(concat_ws('|', line, byte_offset, reason, encode(raw, 'hex'), raw_length), E'\\n'
        ORDER BY reject_id)), md5('')),
      coalesce(md5(string_agg(concat_ws('|', column_name, message, stage), E'\\n' ORDER BY reject_id)), md5(''))
    FROM dap.rejects WHERE file_id = :file_id;
    SELECT coalesce(string_agg(kind || '=' || n, ' ' ORDER BY kind), '') FROM (
      SELECT trim(leading 'H' FROM record_type) AS kind, count(*) AS n
      FROM pg_get_wal_records_info(:'before', pg_current_wal_flush_lsn()) AS w
      WHERE resource_manager IN ('Heap', 'Heap2') AND record_type ~ 'INSERT' AND EXISTS (
        SELECT FROM (SELECT relid::oid FROM pg_partition_tree('staging.$source')
          UNION SELECT 'staging.$source'::regclass UNION SELECT to_regclass('public.remote')) AS t
        WHERE w.block_ref LIKE '%/' || pg_relation_filenode(relid) || ' %') GROUP BY 1) AS t},
    on_error_stop => 1);
  my ($status, $rows, $rejects, $wal) = split /\n/, $out, -1;
  my ($places, $words) = split /\|/, $rejects // '|';
  my ($way) = $err =~ /loading into "[^"]*" (in bulk|by INSERT)/;
  diag $err if $code;
  return { status => $status, rows => $rows, places => $places, words => $words, way => $way // 'none', wal => $wal };
}

my $hand_made = '(_line bigint, _file_id integer, a text, b text, c text, d text)';
sql(
  q{
  CREATE TABLE public.noted (line bigint, what text);
  CREATE FUNCTION public.note_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.noted
    VALUES (NEW._line, TG_NAME); RETURN NEW; END $$;
  CREATE FUNCTION public.note_table() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.noted
    SELECT _line, TG_NAME FROM fresh; RETURN NULL; END $$;
  CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
  CREATE TABLE public.files (file_id integer PRIMARY KEY);
  INSERT INTO public.files SELECT generate_series(-1, 100000);
  CREATE DOMAIN public.words AS text CHECK (VALUE <> 'never');
  CREATE ROLE row_owner;
  CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
});
my ($host, $port) = ($node->host, $node->port);

# name, the way that must be taken, statements after create_source (or before it, where the table is there first)
my @ways = (
  [ 'plain', 'in bulk' ],
  [ 'other_order', 'in bulk', '', columns => 'd,b,a,c' ],
  [ 'hand_made', 'in bulk', '',
    before => 'CREATE TABLE staging.hand_made (c text, _file_id integer, b text, a text, _line bigint, d text)' ],
  [ 'unlogged', 'in bulk', 'ALTER TABLE staging.unlogged SET UNLOGGED' ],
  [ 'filled', 'in bulk', 'ALTER TABLE staging.filled SET (fillfactor = 40)' ],
  [ 'child', 'in bulk', '',
    before => "CREATE TABLE public.parent $hand_made; CREATE TABLE staging.child () INHERITS (public.parent)" ],
  [ 'adopted', 'in bulk', '',
    options => '{"adopt": true}',
    before =>
      "CREATE TABLE staging.adopted $hand_made; INSERT INTO staging.adopted VALUES (1, 1, 'was', 'there', NULL, '')" ],
  [ 'adopted_index', 'by INSERT', '',
    options => '{"adopt": true}',
    before => "CREATE TABLE staging.adopted_index $hand_made; INSERT INTO staging.adopted_index
          VALUES (1, 1, 'was', 'there', NULL, ''); CREATE INDEX ON staging.adopted_index (_line)"
  ],
  [ 'before_trigger', 'by INSERT',
    'CREATE TRIGGER t BEFORE INSERT ON staging.before_trigger FOR EACH ROW EXECUTE FUNCTION public.note_row()' ],
  [ 'after_trigger', 'by INSERT',
    'CREATE TRIGGER t AFTER INSERT ON staging.after_trigger FOR EACH ROW EXECUTE FUNCTION public.note_row()' ],
  [ 'statement_trigger',
    'by INSERT',
    'CREATE TRIGGER t AFTER INSERT ON staging.statement_trigger REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT
        EXECUTE FUNCTION public.note_table()'
  ],
  [ 'late_trigger',
    'by INSERT',
    'CREATE CONSTRAINT TRIGGER t AFTER INSERT ON staging.late_trigger DEFERRABLE FOR EACH
        ROW EXECUTE FUNCTION public.nothing()'
  ],
  [ 'rule', 'by INSERT',
    'CREATE RULE r AS ON INSERT TO staging.rule DO ALSO INSERT INTO public.noted VALUES (new._line, \'rule\')' ],
  [ 'index_of', 'by INSERT', 'CREATE INDEX ON staging.index_of (md5(a))' ],
  [ 'partial', 'by INSERT', 'CREATE INDEX ON staging.partial (_line) WHERE a = \'x\'' ],
  [ 'primary', 'by INSERT', 'ALTER TABLE staging.primary ADD PRIMARY KEY (_file_id, _line)' ],
  [ 'unique', 'by INSERT', 'ALTER TABLE staging.unique ADD UNIQUE (_file_id, _line) DEFERRABLE' ],
  [ 'checked', 'by INSERT', 'ALTER TABLE staging.checked ADD CHECK (a <> \'never\')' ],
  [ 'not_null', 'by INSERT', 'ALTER TABLE staging.not_null ADD COLUMN e text NOT NULL DEFAULT \'e\'' ],
  [ 'reference', 'by INSERT', 'ALTER TABLE staging.reference ADD FOREIGN KEY (_file_id) REFERENCES public.files' ],
  [ 'domain', 'by INSERT', 'ALTER TABLE staging.domain ALTER COLUMN b TYPE public.words' ],
  [ 'secured',
    'by INSERT',
    'GRANT CREATE, USAGE ON SCHEMA staging TO row_owner; ALTER TABLE staging.secured ENABLE ROW LEVEL SECURITY,
        FORCE ROW LEVEL SECURITY, OWNER TO row_owner; '
      . 'GRANT USAGE ON SCHEMA dap TO row_owner; GRANT EXECUTE ON FUNCTION dap_internal.no_stray_insert(),
          dap_internal.guard() TO row_owner; CREATE POLICY p ON staging.secured FOR INSERT WITH CHECK (_line > 1)'
  ],
  [ 'generated', 'by INSERT',
    'ALTER TABLE staging.generated ADD COLUMN g integer GENERATED ALWAYS AS (length(a)) STORED' ],
  [ 'identity', 'by INSERT', 'ALTER TABLE staging.identity ADD COLUMN i integer GENERATED ALWAYS AS IDENTITY' ],
  [ 'dropped', 'by INSERT', 'ALTER TABLE staging.dropped ADD COLUMN e text; ALTER TABLE staging.dropped DROP COLUMN e'
  ],
  [ 'external', 'by INSERT', 'ALTER TABLE staging.external ALTER COLUMN a SET STORAGE EXTERNAL' ],
  [ 'partitioned',
    'by INSERT',
    '',
    before => "CREATE TABLE staging.partitioned $hand_made PARTITION BY HASH (_line);" . join '',
    map {
      "CREATE TABLE staging.partitioned_$_ PARTITION OF staging.partitioned FOR VALUES WITH (MODULUS 3, REMAINDER $_);"
    } 0 .. 2 ],
  [ 'partition_0',
    'by INSERT',
    '',
    before =>
      "CREATE TABLE staging.whole $hand_made PARTITION BY HASH (_line); CREATE TABLE staging.partition_0 PARTITION OF
          staging.whole FOR VALUES WITH (MODULUS 1, REMAINDER 0)"
  ],
  [ 'far',
    'by INSERT',
    '',
    before => qq{CREATE TABLE public.remote $hand_made; CREATE EXTENSION postgres_fdw;
      CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'postgres',
        batch_size '50');
      CREATE USER MAPPING FOR CURRENT_USER SERVER loopback;
      CREATE FOREIGN TABLE staging.far $hand_made SERVER loopback OPTIONS (schema_name 'public', table_name 'remote')}
  ],
  [ 'heap2', 'by INSERT', '', before => "CREATE TABLE staging.heap2 $hand_made USING heap2" ],);

# Whether a load gave what the file holds, said as the first load of the file said it; if not, why.
my %words;
sub wrong
{
  my ($got, $file, $where) = @_;
  $words{ $file->{name} } //= $got->{words};
  my @wrong;
  push @wrong, "$got->{status} for loaded|$file->{counts}" if $got->{status} ne "loaded|$file->{counts}";
  push @wrong, 'rows differ' if $got->{rows} ne $file->{rows};
  push @wrong, 'rejects differ' if $got->{places} ne $file->{rejects};
  push @wrong, 'columns or messages of rejects differ' if $got->{words} ne $words{ $file->{name} };
  diag "$where, $file->{name}: " . join(', ', @wrong) if @wrong;
  return @wrong > 0;
}

for (@ways)
{
  my ($name, $way, $after, %more) = @$_;
  sql($more{before}) if $more{before};
  sql(
    sprintf q{SELECT dap.create_source('%s', columns => '{%s}', options => '%s')},
    $name,
    $more{columns} // 'a,b,c,d',
    $more{options} // '{}');
  sql($after) if $after;
  my ($wrong, %taken, %wal) = (0);
  for my $file (@small, $more{long} ? $long : ())
  {
    my $got = load($name, $file);
    $wrong += wrong($got, $file, $name);
    $taken{ $got->{way} } = 1;
    for my $count (split / /, $got->{wal}) { my ($kind, $n) = split /=/, $count; $wal{$kind} += $n; }
  }
  is($wrong, 0, "$name: rows and rejects of each file");
  is(join(',', keys %taken), $way, "$name: $way");
  my ($code, $out, $err) = $node->psql('postgres', "INSERT INTO staging.$name (_line, _file_id) VALUES (1, 1)");
  like($err, qr/INSERT into "staging.$name" by hand is refused/, "$name: no INSERT by hand");
  my $wal = join ' ', map { "$_=$wal{$_}" } sort keys %wal;
  if ($name eq 'unlogged') { is($wal, '', "$name: no WAL of rows"); }
  elsif ($way eq 'in bulk') { cmp_ok($wal{'MULTI_INSERT+INIT'} // 0, '>', 10, "$name: whole pages in the WAL ($wal)"); }
  else
  {
    is(join(' ', sort grep { !/^INSERT(\+INIT)?$/ } keys %wal), '', "$name: row by row in the WAL ($wal)");
  }
}
is(
  sql(
    q{SELECT string_agg(what || ' ' || (n = rows)::text, ', ' ORDER BY what)
        FROM (SELECT what, count(*) AS n FROM public.noted GROUP BY 1) AS t,
  (SELECT count(*) AS rows FROM staging.plain) AS p}),
  'rule true, t false',
  'triggers and rules saw the rows');
is(
  sql(q{SELECT count(*), bool_and(g IS NOT DISTINCT FROM length(a)) FROM staging.generated}),
  sql('SELECT count(*), true FROM staging.generated'),
  'generated columns are');
cmp_ok(sql("SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'staging.plain'::regclass"),
  '>', 100_000, 'long values went to the TOAST table');

#### Instruction sets, chunks and workers

# Only the loaded library knows which of them this machine has: before, SET takes any value.
my @levels =
  grep { ($node->psql('postgres', "LOAD 'dap_analytics'; SET dap.simd = '$_'"))[0] == 0 } qw(scalar sse2 avx2 avx512);
cmp_ok(scalar @levels, '>=', 1, "instruction sets: @levels");
my @chunks = (1, 2, 3, 7, 8, 9, 31, 63, 64, 65, 100 + int(rand 1000), 4095, 16_384, 262_144, 1_048_576, 67_108_864);
for my $source (qw(plain index_of))
{
  my ($wrong, $loads) = (0, 0);
  for my $file (@small)
  {
    for my $chunk (@chunks)
    {
      my $level = $levels[ $loads % @levels ];
      $wrong += wrong(load($source, $file, "SET dap.debug_chunk_bytes = $chunk; SET dap.simd = '$level';"),
        $file, "$source, $level, chunks of $chunk");
      $loads++;
    }
    for my $level (@levels)
    {
      $wrong += wrong(load($source, $file, "SET dap.simd = '$level';"), $file, "$source, $level");
      $loads++;
    }
  }
  is($wrong, 0, "$source: $loads loads with " . join(', ', @levels) . ' and chunks from 1 byte to 64 MB');
}
SKIP:
{
  my $calls = 'pg_read_file(\'/proc/self/io\') AS io';
  skip 'no /proc/self/io here', 1 if ($node->psql('postgres', "SELECT $calls"))[0] != 0;
  my ($few, $many) = map {
    sql(  "LOAD 'dap_analytics'; SET dap.debug_chunk_bytes = $_; SELECT $calls \\gset before_\n"
        . "SELECT dap.ingest_csv('plain', '$temp/lf.csv', '{\"again\": true}') \\gset\nSELECT $calls \\gset\n"
        . q{SELECT substring(:'io' FROM 'syscr: (\d+)')::int - substring(:'before_io' FROM 'syscr: (\d+)')::int})
  } 67_108_864, 1;
  cmp_ok($many - $few, '>', (-s "$temp/lf.csv") / 2, "chunks of one byte are read one by one ($many calls, else $few)");
}
like(
  ($node->psql('postgres', q{LOAD 'dap_analytics'; SET ROLE row_owner; SET dap.debug_chunk_bytes = 1}))[2],
  qr/permission denied to set parameter/,
  'chunks are the superuser\'s to set');
for my $source (qw(plain before_trigger partitioned))
{
  my $wrong = 0;
  for my $workers (0, 1, 2)
  {
    my $got =
      load($source, $long, "SET max_parallel_maintenance_workers = $workers; SET max_parallel_workers = $workers;");
    $wrong += wrong($got, $long, "$source, $workers workers");
  }
  is($wrong, 0, "$source: a file of $long->{bytes} bytes with 0, 1 and 2 workers");
}

#### Rows of so many columns that a page may not hold them

my @wide = map { "w$_" } 1 .. 440;
my $wide_columns = join ',', @wide;
sub plain_noise { return noise($_[0]) =~ tr/",/xx/r; }
sub wide_rows
{
  my $content = "$wide_columns\n";
  for my $value (
    sub { 'short' }, sub { plain_noise(10) },
    sub { plain_noise(23) },    # too short to be moved out, too long to stay: no page holds it
    sub { plain_noise(60) },    # moved out, one by one
    sub { plain_noise(8) . 'a' x 52 },    # shrinks to what is not moved out, and is still too long
    sub { '' }, sub { rand() < 0.5 ? '' : plain_noise(200) }, sub { my $word = plain_noise(30); $word x 100 },
    sub { 'end' })
  {
    $content .= join(',', map { $value->() } @wide) . "\n";
  }
  return $content;
}
sub write_content
{
  my ($path, $content) = @_;
  open my $file, '>:raw', $path or die;
  print $file $content;
  close $file;
  return;
}
{
  write_content("$temp/wide.csv", wide_rows());
  my %seen;
  for my $way (
    [ 'wide', '' ],
    [ 'wide_order', '' ],
    [ 'wide_index', 'CREATE INDEX ON staging.wide_index (_line)' ],
    [ 'wide_trigger',
      'CREATE TRIGGER t BEFORE INSERT ON staging.wide_trigger FOR EACH ROW EXECUTE FUNCTION public.note_row()' ],
    [ 'wide_parted',
      '',
      'CREATE TABLE staging.wide_parted (_line bigint, _file_id integer, '
        . join(',', map { "$_ text" } @wide)
        . ') PARTITION BY HASH (_line); '
        . 'CREATE TABLE staging.wide_parted_0 PARTITION OF staging.wide_parted FOR VALUES WITH (MODULUS 1,
            REMAINDER 0)'
    ],
    [ 'wide_heap2',
      '',
      'CREATE TABLE staging.wide_heap2 (_line bigint, _file_id integer, '
        . join(',', map { "$_ text" } @wide)
        . ') USING heap2' ])
  {
    my ($name, $after, $before) = @$way;
    sql($before) if $before;
    sql(  "SELECT dap.create_source('$name', columns => '{"
        . ($name eq 'wide_order' ? join(',', reverse @wide) : $wide_columns)
        . "}')");
    sql($after) if $after;
    my $columns = join ' || \'|\' || ', map { "coalesce($_, '-')" } @wide;
    my $got = sql(
      qq{SELECT status, rows_read, rows_loaded, rows_rejected, reason
          FROM dap.ingest_csv('$name', '$temp/wide.csv', '{"max_reject_percent": 100}')}
      )
      . "\n"
      . sql(qq{SELECT string_agg(_line || ' ' || md5($columns), ', ' ORDER BY _line) FROM staging.$name}) . "\n"
      . sql(
      qq{SELECT string_agg(concat_ws(' ', line, byte_offset, reason, column_name, message, md5(raw), raw_length),
          ', ' ORDER BY reject_id) FROM dap.rejects WHERE source = '$name'}
      );
    push @{ $seen{$got} }, $name;
  }
  my ($got) = sort { @{ $seen{$b} } <=> @{ $seen{$a} } } keys %seen;
  is(scalar keys %seen, 1, 'rows that no page holds: the same everywhere')
    or diag join "\n\n", map { "@{ $seen{$_} }: $_" } keys %seen;
  like(
    $got,
    qr/^loaded\|9\|7\|2\|\n.*\n4 \d+ row_too_big no page can hold the row \w+ \d+, 6 \d+ row_too_big/,
    'they are rejects');
}

#### A record that the table refuses fails the file with the refusal's SQLSTATE, and leaves nothing of it

sql(
  q{CREATE FUNCTION public.refuse() RETURNS trigger
      LANGUAGE plpgsql AS $$ BEGIN IF NEW.a = 'never' THEN RAISE EXCEPTION 'SECRET-4711'
      USING ERRCODE = TG_ARGV[0]; END IF; RETURN NEW; END $$}
);
for (
  [ '23502', 'ALTER TABLE staging.%1$s ALTER COLUMN a SET NOT NULL', "a,b\n1,\n,x\n" ],
  [ '23503',
    'CREATE TABLE public.known (a text PRIMARY KEY); INSERT INTO public.known
        SELECT generate_series(1, 2000); ALTER TABLE staging.%1$s ADD FOREIGN KEY (a) REFERENCES public.known'
  ],
  [ '23505', 'ALTER TABLE staging.%1$s ADD PRIMARY KEY (a)' ],
  [ '23505', 'CREATE UNIQUE INDEX ON staging.%1$s (lower(a))' ],
  [ '23514', q{ALTER TABLE staging.%1$s ADD CHECK (a <> 'never')} ],
  [ '23514',
    q{CREATE DOMAIN public.never AS text CHECK (VALUE <> 'never'); ALTER TABLE staging.%1$s ALTER COLUMN a
        TYPE public.never}
  ],
  [ '23P01', 'CREATE EXTENSION btree_gist; ALTER TABLE staging.%1$s ADD EXCLUDE USING gist (a WITH =)' ],
  [ '22012',
    'ALTER TABLE staging.%1$s ADD COLUMN g integer GENERATED ALWAYS AS (1
        / (CASE a WHEN \'never\' THEN 0 ELSE 1 END)) STORED'
  ],
  [ '22P02', q{CREATE INDEX ON staging.%1$s ((a::integer))} ],
  [ 'DAP42', q{CREATE TRIGGER t BEFORE INSERT ON staging.%1$s FOR EACH ROW EXECUTE FUNCTION public.refuse('DAP42')} ],
  [ 'P0001', q{CREATE TRIGGER t AFTER INSERT ON staging.%1$s FOR EACH ROW EXECUTE FUNCTION public.refuse('P0001')} ],
  [ '42501',
    q{ALTER TABLE staging.%1$s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY,
        OWNER TO row_owner; CREATE POLICY p ON staging.%1$s FOR INSERT WITH CHECK (a <> 'never')}
  ],)
{
  my ($sqlstate, $statements, $content) = @$_;
  state $number = 0;
  my $name = 'refuses_' . ++$number;
  sql("SELECT dap.create_source('$name', columns => '{a,b}')");
  sql(sprintf $statements, $name);
  write_content("$temp/$name.csv", $content // "a,b\n" . join('', map { "$_,\n" } 1 .. 2000) . "never,\n7,\n1,2,3\n");
  my $answer = sql("SELECT status, rows_loaded, reason FROM dap.ingest_csv('$name', '$temp/$name.csv')");
  like($answer, qr/^failed\|0\|lines \d+ to \d+: .* refused a record \(SQLSTATE $sqlstate\)$/, "SQLSTATE $sqlstate");
  is(sql("SELECT count(*) FROM staging.$name"), 0, '  nothing of the file is there');
}

#### Logical decoding

sql(
  q{SELECT dap.create_source(n, columns => '{a,b,c,d}')
      FROM unnest('{decoded_bulk,decoded_insert}'::text[]) AS n; CREATE INDEX ON staging.decoded_insert (_line)}
);
sub decoded
{
  my ($source, $statements) = @_;
  sql("SELECT pg_create_logical_replication_slot('decoded', 'test_decoding')");
  $node->psql('postgres', "$limits $statements");
  my $changes = sql(
    qq{SELECT count(*) || ' ' || coalesce(md5(string_agg(regexp_replace(split_part(data, 'staging.$source', 2),
        '_file_id\\[integer\\]:\\d+', ''), E'\\n'
    ORDER BY substring(data FROM '_line\\[bigint\\]:(\\d+)')::bigint)), '')
        FROM pg_logical_slot_get_changes('decoded', NULL, NULL)
        WHERE data LIKE 'table staging.$source: INSERT:%'}
  );
  sql("SELECT pg_drop_replication_slot('decoded')");
  return $changes;
}
write_content("$temp/cut.csv", slurp_file("$temp/lf.csv") . 'a,"open');
for my $file (@small)
{
  my ($rows) = $file->{counts} =~ /^\d+\|(\d+)/;
  my $options = qq{'{"again": true, "max_reject_percent": 100$file->{options}}'};
  my @changes =
    map { decoded($_, "SELECT dap.ingest_csv('$_', '$file->{path}', $options)") } qw(decoded_bulk decoded_insert);
  like($changes[0], qr/^$rows /, "$file->{name}: decoding gives its rows");
  is($changes[0], $changes[1], '  the same as those of INSERT');
}
my $load = q{SELECT dap.ingest_csv('decoded_bulk', '%s', '{"again": true, "max_reject_percent": 100}');};
is(decoded('decoded_bulk', sprintf $load, "$temp/cut.csv"), '0 ', 'and nothing of a file that fails');
is(decoded('decoded_bulk', 'BEGIN; ' . sprintf($load, "$temp/lf.csv") . ' ROLLBACK'),
  '0 ', 'nor of a load that is rolled back');
like(decoded('decoded_bulk', 'BEGIN; ' . sprintf($load, "$temp/cut.csv") . sprintf($load, "$temp/few.csv") . ' COMMIT'),
  qr/^2 /, 'but what is good beside it');

is(sql("SELECT count(*) FROM dap.files WHERE status = 'loaded' AND rows_read <> rows_loaded + rows_rejected"),
  0, 'rows_read = rows_loaded + rows_rejected');
$node->stop;
done_testing();
