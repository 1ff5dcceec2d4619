# docs/recipes.md: every query of the page runs, in the page's order, and gives the answer that is shown behind it.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = $ENV{DAP_SOURCE} // '.';
my $page = slurp_file("$source/docs/recipes.md");
my @lines = split /\n/, $page;

# The page as (line number, statements, shown answer or undef).
my @recipes;
for (my $i = 0; $i < @lines; $i++)
{
  next unless $lines[$i] =~ /^```/;
  my ($kind, $from, @block) = ($lines[$i], $i + 1);
  push @block, $lines[$i] while ++$i < @lines && $lines[$i] ne '```';
  BAIL_OUT("line $from: the block is not closed") if $i == @lines;
  if ($kind eq '```sql') { push @recipes, [ $from, join("\n", @block) . "\n", undef ] }
  elsif ($kind eq '```' && @recipes && !defined $recipes[-1][2]) { $recipes[-1][2] = join("\n", @block) }
  else { fail("line $from: a block that is neither a query nor the answer to one") }
}
cmp_ok(scalar(@recipes), '>=', 10, scalar(@recipes) . ' queries on the page');
# What the page is for.
for my $title (
  'Percent rank',
  'Winsorised mean',
  'Moving median',
  'Median per cohort',
  'Top users per day',
  'Stored daily bags')
{
  like(
    $page,
    qr/^## \Q$title\E\n(?:(?!^## ).*\n)*?```sql\n(?:(?!^## ).*\n)*?```\n```\n/m,
    "$title: a query and its answer");
}

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\ntimezone = 'UTC'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION dap_analytics');
# As a reader types it in: psql's own form of answers, but for blanks at the ends of lines.
for my $recipe (@recipes)
{
  my ($from, $statements, $shown) = @$recipe;
  my ($out, $err) = ('', '');
  IPC::Run::run([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres') ],
    '<', \$statements, '>', \$out, '2>', \$err);
  is($err, '', "line $from: runs without a word");
  s/[ \t]+$//mg, s/\n+\z// for $out;
  is($out, $shown // '', "line $from: the answer shown");
}

done_testing();
