# On processors without AVX2, and without AVX-512, which qemu emulates, the server takes the instructions that they have
# and gives the same answers, here in a server of one process: files, rejects, aggregates.
use strict;
use warnings FATAL => 'all';

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'qemu-user is not installed' if !grep { -x "$_/qemu-x86_64" } split /:/, $ENV{PATH};

my $node = PostgreSQL::Test::Cluster->new('processors');
$node->init;
chomp(my $bin = `$ENV{PG_CONFIG} --bindir`);

# In such a server a statement ends with an empty line.
my $work = <<'SQL';
CREATE EXTENSION dap_analytics;

SELECT count(*) AS made FROM dap.setup();

SELECT dap.create_source('words', 'words.csv', '{number,word}');

SELECT f.status, f.reason, f.rows_read, f.rows_loaded, f.rows_rejected
FROM dap.ingest_bytes('words', 'words.csv', convert_to(E'number,word\n' || (
  SELECT string_agg(n || CASE n % 5 WHEN 0 THEN ',"a "" b' || repeat('ü', n % 70) || '"' WHEN 1 THEN E',"two\nlines"'
      WHEN 2 THEN repeat('x', n % 300) ELSE ',' || repeat('€', n % 90) END, E'\n' ORDER BY n)
  FROM generate_series(1, 4000) AS n), 'UTF8'), '{"max_reject_percent": 90}') AS f;

SELECT count(*), md5(string_agg(concat(w._line, ' ', w.number, ' ', w.word), E'\n' ORDER BY w._line)) AS rows
FROM staging.words w;

SELECT md5(string_agg(concat(r.line, ' ', r.reason, ' ', r.raw), E'\n' ORDER BY r.line)) AS rejects FROM dap.rejects r;

SELECT dap.median(w.number::numeric) AS median, dap.median(w.number::float8) AS float, dap.mode(w.word) AS mode
FROM staging.words w;

SQL

# What the server says with these instructions, on this processor or an emulated one.
sub answers
{
  my ($simd, @emulator) = @_;
  my ($out, $err);
  my $ok = IPC::Run::run(
    [ @emulator, "$bin/postgres", '--single', '-j', '-F', '-c', "dap.simd=$simd", '-D', $node->data_dir, 'postgres' ],
    '<',
    \($work . "DROP EXTENSION dap_analytics CASCADE;\n\nDROP SCHEMA staging, intermediate, analytics CASCADE;\n\n"),
    '>',
    \$out,
    '2>',
    \$err);
  my @answers = $out =~ /^(?:backend> )?\t *\d+: (\w+ = ".*")/mg;
  return ($ok ? join("\n", @answers) : "failed\n$out", $err);
}

my ($here, $native) = answers('auto');
like($here, qr/^rows_loaded = "3200"$/m, 'a file is loaded') or diag($native);
like($here, qr/^rows_rejected = "800"$/m, 'with rejects');
for my $processor ('Nehalem', 'Haswell-noTSX')
{
  my ($there, $said) = answers('auto', 'qemu-x86_64', '-cpu', $processor);
  is($there, $here, "$processor: the same answers") or diag($said);
}
my (undef, $said) = answers('avx2', 'qemu-x86_64', '-cpu', 'Nehalem');
like($said, qr/invalid value for parameter "dap.simd": "avx2"/, 'one without AVX2 has none');
(undef, $said) = answers('avx512', 'qemu-x86_64', '-cpu', 'Haswell-noTSX');
like($said, qr/invalid value for parameter "dap.simd": "avx512"/, 'one without AVX-512 has none');

done_testing();
