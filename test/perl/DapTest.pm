# What several TAP tests need.
package DapTest;
use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
our @EXPORT_OK = qw(comes_back fails random_text seeded sql start_server test_module write_file write_random);

# The server of a test, with the extension, and what else the statements make of it.
my $server;

sub start_server
{
  my ($name, $settings, $statements) = @_;
  $server = PostgreSQL::Test::Cluster->new($name);
  $server->init;
  $server->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\n$settings");
  $server->start;
  $server->safe_psql('postgres', 'CREATE EXTENSION dap_analytics;' . ($statements // ''));
  return $server;
}

# A module of test/faults, built for the server that is tested: its path.
sub test_module
{
  my ($name) = @_;
  my $library = PostgreSQL::Test::Utils::tempdir_short() . "/$name.so";
  chomp(my $include = `$ENV{PG_CONFIG} --includedir-server`);
  ok(
    IPC::Run::run(
      [ 'gcc', '-shared', '-fPIC', '-O1', "-I$include", '-o', $library, "$ENV{DAP_SOURCE}/test/faults/$name.c" ]),
    "the module $name") or BAIL_OUT('no module');
  return $library;
}

# What a query gives there.
sub sql
{
  my ($query, $database) = @_;
  return $server->safe_psql($database // 'postgres', $query);
}

# How it fails there, with the SQLSTATE.
sub fails
{
  my ($query) = @_;
  my ($out, $err);
  $server->psql('postgres', "\\set VERBOSITY verbose\n$query", stdout => \$out, stderr => \$err);
  return $err;
}

# Begins the test's random numbers; the variable repeats those of a run.
sub seeded
{
  my ($variable) = @_;
  my $seed = $ENV{$variable} // int(rand(1_000_000_000));
  diag("seed $seed ($variable)");
  srand($seed);
  return $seed;
}

sub write_file
{
  my ($path, $content) = @_;
  open my $file, '>:raw', $path or die "$path: $!";
  print $file $content;
  close $file;
  return $path;
}

# Waits until a server that crashed takes queries again. A psql that is refused may be gone before it is given its
# query, which the harness takes for an error.
sub comes_back
{
  my ($node) = @_;
  for (1 .. 100)
  {
    my $answer = eval { $node->poll_query_until('postgres', 'SELECT true', 't') };
    return $answer if defined $answer;
    select undef, undef, undef, 0.1;
  }
  return 0;
}

# At most `most` random letters: a part of one long random text, made with the test's seed.
my $letters;

sub random_text
{
  my ($most) = @_;
  $letters //= join '', map { chr(97 + int(rand 26)) } 1 .. 100_000;
  return substr $letters, int(rand(90_000)), int(rand($most + 1));
}

# A file of random records of the columns a to d, some fields empty, some quoted with line ends, a share long enough for
# TOAST.
sub write_random
{
  my ($path, $rows, $most, $long) = @_;
  open my $file, '>:raw', $path or die "$path: $!";
  print $file "a,b,c,d\n";
  for my $i (1 .. $rows)
  {
    my @fields = (
      $i, random_text($most),
      rand() < 0.2 ? '' : random_text(5),
      rand() < 0.1 ? "\"" . random_text(9) . "\n" . random_text(140) . "\"" : random_text(140));
    $fields[1] = random_text(5000) if rand() < ($long // 0.001);
    print $file join(',', @fields), "\n";
  }
  close $file;
  return;
}

1;
