# A collection of CSV files that break readers: each has its one right outcome here.
use strict;
use warnings FATAL => 'all';

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $repository = $ENV{DAP_REPOSITORY} // $ENV{DAP_SOURCE} // '.';
my $collection = "$repository/../shared/data/csv_torture";
plan skip_all => 'the collection of torture files is not beside this repository' if !-d $collection;

my $node = PostgreSQL::Test::Cluster->new('torture');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION dap_analytics; CREATE SCHEMA staging;');
# Copied: the server's user may not be allowed to look where the collection is.
my $temp = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);

# Per file: the source's columns (NULL: from the header), the result's status, numbers and reason, the records as line
# and values (-: NULL), the rejects as line, offset, column, reason and raw bytes. lenient: the records under that
# option, where they are others.
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

sub query { my ($sql) = @_; return $node->safe_psql('postgres', "\\encoding UTF8\n$sql"); }

# The records of a file in a source's table, one text each.
sub records
{
  my ($source, $columns) = @_;
  my $values = join ', ', map { "coalesce(replace(replace(\"$_\", E'\\r', '\\r'), E'\\n', '\\n'), '-')" } @$columns;
  return query(qq{SELECT concat_ws('|', _line, $values) FROM staging.$source ORDER BY _file_id, _line});
}

my $number = 0;
for my $name (@files)
{
  my $expected = $expected{$name} // next;
  my $content = slurp_file("$collection/$name");
  append_to_file("$temp/$name", $content);
  $number++;
  my $columns = $expected->{columns} ? "'$expected->{columns}'" : 'NULL';
  query("SELECT dap.create_source('t$number', '$temp/$name', $columns)");
  my @columns = split /\n/,
    query("SELECT unnest(columns) FROM dap_internal.source_definition WHERE source = 't$number'");
  my @records = @{ $expected->{records} // [] };
  my $result = $expected->{result} // sprintf('loaded|%d|%d|0|', scalar @records, scalar @records);
  is(query("SELECT status, rows_read, rows_loaded, rows_rejected, reason FROM dap.ingest_csv('t$number')"),
    $result, $name);
  is(records("t$number", \@columns), join("\n", @records), "$name: records");
  is(
    query(
      "SELECT concat_ws('|', line, byte_offset, coalesce(column_name, '-'), reason, convert_from(raw, 'UTF8'))
          FROM dap.rejects WHERE source = 't$number' ORDER BY line"
    ),
    join("\n", @{ $expected->{rejects} // [] }),
    "$name: rejects");
  # the same bytes, compressed: known, or failing as before
  my $packed = '';
  IPC::Run::run([ 'gzip', '-c' ], '<', \$content, '>', \$packed) or die;
  my ($status) = $result =~ /^(\w+)/;
  is(
    query("SELECT status FROM dap.ingest_bytes('t$number', 'packed', decode('" . unpack('H*', $packed) . "', 'hex'))"),
    $status eq 'loaded' ? 'skipped' : 'failed',
    "$name: compressed");
  next if !$expected->{lenient};
  query("SELECT dap.ingest_csv('t$number', options => '{\"lenient\": true}')");
  is(records("t$number", \@columns), join("\n", @{ $expected->{lenient} }), "$name: lenient");
}

$node->stop;
done_testing();
