# Files as people really get them, and a collection of CSV files that break readers where it lies beside the repository:
# each has its one right outcome here.
use strict;
use warnings FATAL => 'all';

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('torture');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION dap_analytics; CREATE SCHEMA staging;');
my $temp = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);

sub query { my ($sql) = @_; return $node->safe_psql('postgres', "\\encoding UTF8\n$sql"); }

# The records of a file in a source's table, one text each.
sub records
{
  my ($source, $columns) = @_;
  my $values = join ', ', map { "coalesce(replace(replace(\"$_\", E'\\r', '\\r'), E'\\n', '\\n'), '-')" } @$columns;
  return query(qq{SELECT concat_ws('|', _line, $values) FROM staging.$source ORDER BY _file_id, _line});
}

sub packed
{
  my ($program, $content) = @_;
  IPC::Run::run([ $program, '-c' ], '<', \$content, '>', \my $packed) or die $program;
  return $packed;
}

my $number = 0;

sub check_file
{
  my ($name, $content, $expected) = @_;
  my $source = 't' . ++$number;
  # Copied: the server's user may not be allowed to look where the collection is.
  append_to_file("$temp/$source", $content);
  my $columns = $expected->{columns} ? "'$expected->{columns}'" : 'NULL';
  my $options = $expected->{options} // '{}';
  query("SELECT dap.create_source('$source', '$temp/$source', $columns, '$options')");
  my @columns = split /\n/,
    query("SELECT unnest(columns) FROM dap_internal.source_definition WHERE source = '$source'");
  my @records = @{ $expected->{records} // [] };
  my $result = $expected->{result} // sprintf('loaded|%d|%d|0|', scalar @records, scalar @records);
  is(query("SELECT status, rows_read, rows_loaded, rows_rejected, reason FROM dap.ingest_csv('$source')"),
    $result, $name);
  is(records($source, \@columns), join("\n", @records), "$name: records");
  is(
    query(
      "SELECT concat_ws('|', line, byte_offset, coalesce(column_name, '-'), reason, encode(raw, 'escape'))
        FROM dap.rejects WHERE source = '$source' ORDER BY line"
    ),
    join("\n", map { s/([\x80-\xff\0])/sprintf '\\%03o', ord $1/ger } @{ $expected->{rejects} // [] }),
    "$name: rejects");
  # the same bytes, compressed: known, or failing as before
  my $hex = unpack 'H*', packed('gzip', $content);
  my ($status) = $result =~ /^(\w+)/;
  is(
    query("SELECT status FROM dap.ingest_bytes('$source', 'packed', decode('$hex', 'hex'))"),
    $status eq 'loaded' ? 'skipped' : 'failed',
    "$name: compressed") if $content !~ /^(\x1f\x8b|\x28\xb5\x2f\xfd)/;
  return if !$expected->{lenient};
  query("SELECT dap.ingest_csv('$source', options => '{\"lenient\": true}')");
  is(records($source, \@columns), join("\n", @{ $expected->{lenient} }), "$name: lenient");
  return;
}

# Per file: the source's columns (NULL: from the header) and options, the result's status, numbers and reason, the
# records as line and values (-: NULL), the rejects as line, offset, column, reason and raw bytes. lenient: the records
# under that option, where they are others.

# What the project makes itself, beside what is right
my $bom = "\xef\xbb\xbf";
my $two = [ '2|1|Ann', '3|2|Bob' ];
my $small = "id,name\n1,Ann\n2,Bob\n";
my ($gzip, $zstd) = (packed('gzip', $small), packed('zstd', $small));
my ($short_gzip, $short_zstd) = (substr($gzip, 0, -6), substr($zstd, 0, -3));
my $is_cut = 'data are cut: they end after %d bytes, before their end mark';
my %made = (
  'plain' => { content => $small, records => $two },
  'BOM' => { content => "$bom$small", records => $two },
  'BOM before a quoted header' => { content => "$bom\"id\",name\n1,Ann\n2,Bob\n", records => $two },
  'nothing but a BOM' => { content => $bom, columns => '{id,name}', result => 'loaded|0|0|0|the file is empty' },
  'empty' => { content => '', columns => '{id,name}', result => 'loaded|0|0|0|the file is empty' },
  'one line end' => { content => "\n", columns => '{id,name}', result => 'loaded|0|0|0|the file is empty' },
  'header alone' => { content => "id,name\n" },
  'header alone, no line end' => { content => 'id,name' },
  'CRLF' => { content => $small =~ s/\n/\r\n/gr, records => $two },
  'CR' => { content => $small =~ s/\n/\r/gr, records => $two },
  'CRLF and LF mixed' => { content => "id,name\r\n1,Ann\n2,Bob\r\n", records => $two },
  'no line end at the end' => { content => "id,name\n1,Ann\n2,Bob", records => $two },
  'no line end behind a quote' => { content => "id,name\n1,Ann\n2,\"Bob\"", records => $two },
  'blank lines' => { content => "id,name\n\n1,Ann\n\n\n2,Bob\n\n", records => [ '3|1|Ann', '6|2|Bob' ] },
  'quotes within quotes' =>
    { content => qq{id,name\n1,"Ann ""A."" ""B"""\n2,""""\n}, records => [ '2|1|Ann "A." "B"', '3|2|"' ] },
  'line ends within quotes' =>
    { content => qq{id,name\n1,"Ann\nB."\n2,"Bob\r\nC."\n}, records => [ '2|1|Ann\nB.', '4|2|Bob\r\nC.' ] },
  'a quote that is never closed' => {
    content => qq{id,name\n1,"Ann\n2,Bob\n},
    result => 'failed|0|0|0|line 2: the quote that opens in line 2 is never closed' },
  'NUL' => {
    content => "id,name\n1,A\0nn\n2,Bob\n",
    result => 'loaded|2|1|1|',
    records => ['3|2|Bob'],
    rejects => ["2|8|name|nul_byte|1,A\0nn"] },
  'invalid UTF-8' => {
    content => "id,name\n1,A\xffnn\n2,Bob\n",
    result => 'loaded|2|1|1|',
    records => ['3|2|Bob'],
    rejects => ["2|8|name|invalid_encoding|1,A\xffnn"] },
  'UTF-8 cut off' => {
    content => "id,name\n1,Ann\n2,Bo\xe2\x82",
    result => 'loaded|2|1|1|',
    records => ['2|1|Ann'],
    rejects => ["3|14|name|invalid_encoding|2,Bo\xe2\x82"] },
  'Latin-1 for UTF-8' => {
    content => "id,name\n1,Zo\xeb\n2,Bob\n",
    result => 'loaded|2|1|1|',
    records => ['3|2|Bob'],
    rejects => ["2|8|name|invalid_encoding|1,Zo\xeb"] },
  'Latin-1' => {
    content => "id,name\n1,Zo\xeb\n2,Bob\n",
    options => '{"encoding": "LATIN1"}',
    records => [ "2|1|Zo\xc3\xab", '3|2|Bob' ] },
  'UTF-16' => {
    content => "\xff\xfe" . join('', map { "$_\0" } split //, $small),
    columns => '{id,name}',
    result => 'failed|0|0|0|the file is UTF-16; convert it to UTF-8 first' },
  'ragged' => {
    content => "id,name\n1\n2,Bob\n3,Cid,x\n",
    result => 'loaded|3|1|2|',
    records => ['3|2|Bob'],
    rejects => [ '2|8|-|field_count|1', '4|16|-|field_count|3,Cid,x' ] },
  'a delimiter at the end of each line' => {
    content => "id,name,\n1,Ann,\n2,Bob,\n",
    columns => '{id,name}',
    result => 'failed|0|0|0|line 1: column 3 of the header has no name' },
  'a delimiter at the end of each record' => {
    content => "id,name\n1,Ann,\n2,Bob,\n",
    result => 'failed|2|0|2|line 2: none of 2 records is good; the first: the record has 3 fields instead of 2',
    rejects => [ '2|8|-|field_count|1,Ann,', '3|15|-|field_count|2,Bob,' ] },
  'semicolons and decimal commas' => {
    content => "id;amount\n1;1.234,50\n2;-0,5\n",
    options => '{"delimiter": ";"}',
    records => [ '2|1|1.234,50', '3|2|-0,5' ] },
  'tabs' => { content => "id\tname\n1\tAnn\n2\tBob\n", options => '{"delimiter": "\t"}', records => $two },
  'a very long field' =>
    { content => "id,name\n1," . 'x' x 300_000 . "\n2,Bob\n", records => [ '2|1|' . 'x' x 300_000, '3|2|Bob' ] },
  'a name twice in the header' => {
    content => "id,name,name\n1,Ann,Bob\n",
    columns => '{id,name}',
    result => 'failed|0|0|0|line 1: the header names column "name" twice' },
  'names in another order, with blanks' =>
    { content => "name , id\nAnn,1\nBob,2\n", columns => '{id,name}', records => $two },
  'gzip' => { content => $gzip, records => $two },
  'zstd' => { content => $zstd, records => $two },
  'gzip in two members' =>
    { content => packed('gzip', "id,name\n1,A") . packed('gzip', "nn\n2,Bob\n"), records => $two },
  'gzip cut off' => {
    content => $short_gzip,
    columns => '{id,name}',
    result => sprintf("failed|2|0|0|the gzip $is_cut", length $short_gzip) },
  'zstd cut off' => {
    content => $short_zstd,
    columns => '{id,name}',
    result => sprintf("failed|2|0|0|the zstd $is_cut", length $short_zstd) },
  'gzip with something behind it' => {
    content => $gzip . 'junk',
    columns => '{id,name}',
    result => sprintf('failed|2|0|0|the gzip data are broken near compressed byte %d, or something else follows them',
      2 + length $gzip) },);
check_file($_, $made{$_}{content}, $made{$_}) for sort keys %made;

# The collection
my $repository = $ENV{DAP_REPOSITORY} // $ENV{DAP_SOURCE} // '.';
my $collection = "$repository/../shared/data/csv_torture";
if (!-d $collection)
{
  note "no collection in $collection";
  done_testing();
  exit;
}

my $abc = [ '2|1||', '3|2|3|4' ];
my $poem = [ '2|1|2|3', '3|Once upon \na time|5|6', '5|7|8|9' ];
my $plain = ['2|1|2|3'];
my %expected = (
  'all-empty.csv' => { columns => '{foo,bar,baz}', result => 'loaded|0|0|0|the file is empty' },
  'bad-header-less-fields.csv' => {
    result => 'failed|1|0|1|line 2: none of 1 records is good; the first: the record has 2 fields instead of 3',
    rejects => ['2|12|-|field_count|1,2'] },
  'bad-header-more-fields.csv' => {
    result => 'failed|1|0|1|line 2: none of 1 records is good; the first: the record has 4 fields instead of 3',
    rejects => ['2|12|-|field_count|1,2,3,4'] },
  'bad-header-no-header.csv' => { columns => '{foo,bar,baz}', result => 'loaded|0|0|0|the file is empty' },
  'bad-header-wrong-header.csv' =>
    { columns => '{foo,bar,baz}', result => 'failed|0|0|0|line 1: the header lacks "foo", "bar", "baz"' },
  'bad-missing-quote.csv' => { result => 'failed|0|0|0|line 2: the quote that opens in line 2 is never closed' },
  'bad-quotes-with-unescaped-quote.csv' => {
    result => 'failed|1|0|1|line 2, column "bar": none of 1 records is good; the first: text follows a closing quote',
    rejects => ['2|12|bar|text_after_quote|1,"Hey, I missed " it",3'],
    lenient => ['2|1|Hey, I missed " it|3'] },
  'bad-unescaped-quote.csv' => {
    result =>
      'failed|1|0|1|line 2, column "bar": none of 1 records is good; the first: a quote stands inside an unquoted '
      . 'field',
    rejects => ['2|12|bar|quote_in_field|1,This "quotes" must be escaped,3'],
    lenient => ['2|1|This "quotes" must be escaped|3'] },
  'comma_in_quotes.csv' => { records => ['2|John|Doe|120 any st.|Anytown, WW|08123'] },
  'empty-field.csv' => { records => ['2|1|-|3'] },
  'empty-one-column.csv' => { records => ['2|-'] },
  'empty.csv' => { records => $abc },
  'empty_crlf.csv' => { records => $abc },
  'escaped_quotes.csv' => { records => [ '2|1|ha "ha" ha', '3|3|4' ] },
  'header-no-rows.csv' => { records => [] },
  'header-simple.csv' => { records => $plain },
  'json.csv' => { records => ['2|1|{"type": "Point", "coordinates": [102.0, 0.5]}'] },
  'leading-space.csv' => { records => ['2|1| leading space|3'] },
  'location_coordinates.csv' => {
    result =>
      'failed|1|0|1|line 2, column "Location Coordinates": none of 1 records is good; the first: a quote stands '
      . 'inside an unquoted field',
    rejects => [
          "2|58|Location Coordinates|quote_in_field|2095257564,37\xef\xbf\xbd36'37.8\"N "
        . "121\xef\xbf\xbd2'17.9\"W,Modesto,Stanislaus" ],
    lenient => ["2|2095257564|37\xef\xbf\xbd36'37.8\"N 121\xef\xbf\xbd2'17.9\"W|Modesto|Stanislaus"] },
  'newlines.csv' => { records => $poem },
  'newlines_crlf.csv' => { records => [ '2|1|2|3', '3|Once upon \r\na time|5|6', '5|7|8|9' ] },
  'one-column.csv' => { records => ['2|1'] },
  'quotes-empty.csv' => { records => ['2|1||3'] },
  'quotes-with-comma.csv' => { records => ['2|1|Luke, I am your father.|3'] },
  'quotes-with-escaped-quote.csv' => { records => ['2|1|The " must be escaped|3'] },
  'quotes-with-newline.csv' => { records => ['2|1|No man is an island,\nEntire of itself|3'] },
  'quotes-with-space.csv' => { records => ['2|1|Field with spaces|3'] },
  'quotes_and_newlines.csv' => { records => [ '2|1|ha \n"ha" \nha', '5|3|4' ] },
  'simple-crlf.csv' => { records => $plain },
  'simple-lf.csv' => { records => $plain },
  'simple.csv' => { records => $plain },
  'simple_crlf.csv' => { records => $plain },
  'trailing-newline-one-field.csv' => { records => ['2|1'] },
  'trailing-newline.csv' => { records => $plain },
  'trailing-space.csv' => { records => ['2|1|trailing space |3'] },
  'utf8.csv' => { records => ["2|1|\xf0\x9f\x98\x8e|3"] },);

opendir my $directory, $collection or die;
my @files = sort grep { !/^\./ } readdir $directory;
closedir $directory;
is(join(' ', @files), join(' ', sort keys %expected), 'each file of the collection has its outcome');
check_file($_, slurp_file("$collection/$_"), $expected{$_}) for grep { $expected{$_} } @files;

$node->stop;
done_testing();
