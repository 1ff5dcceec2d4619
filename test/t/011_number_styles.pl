# Numbers as rules say that they are written ("decimal", "thousands", "affix", "negative", "percent"), random ones in
# random styles: what is accepted has the value that PostgreSQL's own numeric has of its digits, to the last one, and
# what a grammar in regular expressions does not take, or takes for two numbers, is a reject. Half of the texts are
# written by a style, half of these spoilt; each is known to the test by its digits.  DAP_STYLES styles (300), DAP_SEED
# to repeat a run.
use strict;
use warnings FATAL => 'all';
use utf8;

use Encode qw(encode);
use FindBin;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib "$FindBin::Bin/../perl";
use DapTest qw(seeded);

my $styles = $ENV{DAP_STYLES} // 300;
my $texts = 150;
my $server = PostgreSQL::Test::Cluster->new('styles');
$server->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$server->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\njit = off\n");
$server->start;
$server->safe_psql('postgres', 'CREATE EXTENSION dap_analytics');
seeded('DAP_SEED');

sub one { return $_[ rand @_ ]; }
sub chance { return rand() < $_[0]; }
sub some
{
  my ($share, @from) = @_;
  return grep { chance($share) } @from;
}
sub digits
{
  return join '', map { int rand 10 } 1 .. $_[0];
}
sub any
{
  return join '|', map { quotemeta } @_;
}

my @types = ('numeric', 'numeric(18,2)', 'bigint', 'double precision');
my $blank = "[ \\t\\n\\x0b\\f\\r\x{a0}\x{202f}]*";

sub random_style
{
  my %style = (decimal => one('.', ',', ',', "'", "\x{b7}"), percent => chance(0.25) ? 1 : 0);
  $style{thousands} =
    [ some(0.35, grep { $_ ne $style{decimal} } '.', ',', "'", ' ', "\x{a0}", "\x{202f}", '_', "\x{2019}") ];
  $style{neutral} = [ some(0.3, '$', '€', 'EUR', 'R$', 'US$', 'kr.', "z\x{142}", 'C', 'CHF') ];
  $style{plus} = [ some(0.2, 'CR', 'H', 'Cr.') ];
  $style{minus} = [ some(0.2, 'DR', 'S', 'R', 'F') ];
  $style{negative} = [ some(0.5, qw(sign trailing parentheses unicode)) ];
  $style{is}{$_} = 1 for @{ $style{negative} } ? @{ $style{negative} } : 'sign';
  return \%style;
}

sub rule_of
{
  my ($style, $type) = @_;
  my @affix = @{ $style->{neutral} };
  my %signed = map { @{ $style->{$_} } ? ($_ => $style->{$_}) : () } qw(plus minus);
  push @affix, \%signed if %signed;
  my %rule = (name => 'c', type => $type, decimal => $style->{decimal});
  $rule{thousands} = $style->{thousands} if @{ $style->{thousands} };
  $rule{affix} = \@affix if @affix;
  $rule{negative} = $style->{negative} if @{ $style->{negative} };
  $rule{percent} = JSON::PP::true if $style->{percent};
  return JSON::PP->new->canonical->encode(\%rule);
}

# The marks of a style on one side: a for a text, % for percent, and those that say a sign: - and + as characters,
# ( for either parenthesis, p and m for texts.
sub mark_patterns
{
  my ($style, $front) = @_;
  my $is = $style->{is};
  my @minus = (
    ($is->{ $front ? 'sign' : 'trailing' } ? '-' : ()),
    ($is->{unicode} && ($front || $is->{trailing}) ? "\x{2212}" : ()));
  my %pattern;
  $pattern{'-'} = \@minus;
  $pattern{'+'} = [ $front && $is->{sign} ? '+' : () ];
  $pattern{'('} = [ $is->{parentheses} ? ($front ? '(' : ')') : () ];
  $pattern{p} = $style->{plus};
  $pattern{m} = $style->{minus};
  $pattern{a} = $style->{neutral};
  $pattern{'%'} = [ $style->{percent} ? '%' : () ];
  delete @pattern{ grep { !@{ $pattern{$_} } } keys %pattern };
  return \%pattern;
}

sub orders
{
  my ($done, @left) = @_;
  return $done unless @left;
  return map {
    my $i = $_;
    orders($done . $left[$i], @left[ grep { $_ != $i } 0 .. $#left ])
  } 0 .. $#left;
}

# Every order of marks on a side: at most one of each kind.
sub sequences
{
  my ($patterns) = @_;
  my @all;
  for my $sign ('', grep { $patterns->{$_} } qw(- + p m), '(')
  {
    for my $text ('', grep { $patterns->{$_} } 'a')
    {
      push @all, orders('', grep { $_ ne '' } $sign, $text, $_) for '', grep { $patterns->{$_} } '%';
    }
  }
  return @all;
}

# `9` are the digits, `|` an end of the text: a blank may stand beside what is neither these nor a sign.
sub sequence_pattern
{
  my ($sequence, $front, $patterns) = @_;
  my @marks = $front ? ('|', split(//, $sequence), '9') : ('9', split(//, $sequence), '|');
  my $regex = '';
  for my $i (0 .. $#marks - 1)
  {
    $regex .= '(?:' . any(@{ $patterns->{ $marks[$i] } }) . ')' if $i > 0;
    $regex .= $blank if "$marks[$i]$marks[$i + 1]" !~ /^[-+9|]{2}$/;
  }
  return $regex;
}

# Two patterns, of positive and of negative numbers.
sub grammar
{
  my ($style) = @_;
  my $front = mark_patterns($style, 1);
  my $back = mark_patterns($style, 0);
  my $groups = join '', map { '|[1-9][0-9]{0,2}(?:' . quotemeta($_) . '[0-9]{3})+' } @{ $style->{thousands} };
  my $body = "(?<whole>[0-9]+$groups)(?:" . quotemeta($style->{decimal}) . '(?<part>[0-9]+))?(?<exp>[eE][+-]?[0-9]+)?';
  my @of = ([], []);
  for my $one (sequences($front))
  {
    for my $other (sequences($back))
    {
      next if "$one$other" =~ tr/%// != $style->{percent};
      my $signs = "$one$other" =~ s/[a%]//gr;
      next unless $signs eq '((' || $signs =~ /^[-+pm]?$/;
      push @{ $of[ $signs =~ /[-m(]/ ? 1 : 0 ] },
        sequence_pattern($one, 1, $front) . '#' . sequence_pattern($other, 0, $back);
    }
  }
  # The digits stand between what is before and behind them.
  return map {
    my $all = join '|', map { s/#/(?&body)/r } @$_;
    @$_ ? qr/^(?:$all)$(?(DEFINE)(?<body>$body))/ : undef
  } @of;
}

# What the grammar makes of a text: its digits with an exponent, or nothing.
sub reading
{
  my ($style, $text) = @_;
  $text =~ s/^[ \t\n\x0b\f\r]+|[ \t\n\x0b\f\r]+$//g;
  my @is = map { defined $_ && $text =~ $_ ? 1 : 0 } @{ $style->{grammar} };
  return if $is[0] == $is[1];
  my ($number) = $text =~ /([0-9].*[0-9]|[0-9])/s or return;
  my $exponent = $number =~ s/[eE]([+-]?[0-9]+)$// ? $1 : undef;
  my ($whole, $part) = split /\Q$style->{decimal}\E/, $number;
  $whole =~ s/[^0-9]//g;
  $part //= '';
  return (($is[1] ? '-' : '') . "$whole$part" . 'e' . (($exponent // 0) - length($part) - 2 * $style->{percent}),
    defined $exponent);
}

sub grouped
{
  my ($style, $whole) = @_;
  return $whole if !@{ $style->{thousands} } || length $whole < 4 || chance(0.3);
  my $separator = one(@{ $style->{thousands} });
  return scalar reverse join reverse($separator), unpack '(A3)*', reverse $whole;
}

# A text of the style, and the number that it is.
sub written
{
  my ($style) = @_;
  my $whole = chance(0.1) ? '0' : one(1 .. 9) . digits(one(0 .. 6, int rand 25));
  my $part = chance(0.5) ? digits(one(1, 2, 2, 3, 1 + int rand 20)) : '';
  my %sides = (front => mark_patterns($style, 1), back => mark_patterns($style, 0));
  my %marks = (front => '', back => '');
  my $negative = 0;
  my @signs;
  for my $side (qw(front back))
  {
    push @signs, map { [ $side, $_ ] } grep { /[-+pm(]/ } sort keys %{ $sides{$side} };
  }
  if (@signs && chance(0.6))
  {
    my ($side, $sign) = @{ one(@signs) };
    $negative = $sign =~ /[-m(]/ ? 1 : 0;
    $marks{$_} .= $sign for $sign eq '(' ? qw(front back) : $side;
  }
  for my $side (qw(front back))
  {
    $marks{$side} .= 'a' if $sides{$side}{a} && chance(0.3);
  }
  $marks{ one('front', 'back', 'back') } .= '%' if $style->{percent};
  my $text = '';
  for my $side (qw(front back))
  {
    my @order = split //, one(orders('', split //, $marks{$side}));
    my @ends = $side eq 'front' ? ('|', @order, '9') : ('9', @order, '|');
    for my $i (0 .. $#ends - 1)
    {
      $text .= one(@{ $sides{$side}{ $ends[$i] } }) if $i > 0;
      $text .= one('', '', ' ', "\x{a0}", "\x{202f}") if "$ends[$i]$ends[$i + 1]" !~ /^[-+9|]{2}$/;
    }
    $text .= grouped($style, $whole) . ($part ne '' ? $style->{decimal} . $part : '') if $side eq 'front';
  }
  return ($text, ($negative ? '-' : '') . "$whole$part" . 'e' . (-length($part) - 2 * $style->{percent}));
}

sub spoilt
{
  my ($text) = @_;
  for (1 .. one(1, 1, 1, 2))
  {
    my $at = int rand(1 + length $text);
    substr($text, $at, $at < length $text ? one(0, 1, 1) : 0) =
      one('', '', '.', ',', "'", ' ', '-', '+', '(', ')', '%', '0', '7', 'e2', '$', 'C', 'R', "\x{a0}", "\x{2212}",
      '_', '000', '.000', ',000', "\x{661}");
  }
  return $text;
}

my %count = (read => 0, refused => 0, 'two readings' => 0);
my @wrong;
my $data = PostgreSQL::Test::Utils::tempdir() . '/texts';
open my $file, '>:encoding(UTF-8)', $data or die $!;
for (1 .. $styles)
{
  my $style = random_style();
  $style->{grammar} = [ grammar($style) ];
  for my $type (@types)
  {
    my $rule = rule_of($style, $type);
    for my $i (1 .. $texts)
    {
      my ($text, $known) = written($style);
      if ($i % 2) { ($text, $known) = (spoilt($text), undef); }
      # Beyond that double precision's limits would be the question, not the style.
      next if $text =~ /[eE][+-]?0*[0-9]{3}/;
      my ($number, $has_exponent) = reading($style, $text);
      if (!defined $number)
      {
        $count{ defined $known ? 'two readings' : 'refused' }++;
        # What the style itself has written is refused only where it is another number as well.
        my $readings = grep { defined $_ && $text =~ $_ } @{ $style->{grammar} };
        push @wrong, "$rule: $text" if defined $known && $readings != 2;
      }
      else
      {
        $count{read}++;
        push @wrong, "$rule: $text is $known, not $number" if defined $known && $known ne $number;
      }
      my @row = ($rule, $type, $text, $number // '\\N', $has_exponent ? 't' : 'f');
      for (@row[ 0, 2 ])
      {
        s/\\/\\\\/g;
        s/\t/\\t/g;
        s/\n/\\n/g;
        s/\r/\\r/g;
      }
      print $file join("\t", @row), "\n";
    }
  }
}
close $file;
is(scalar @wrong, 0, 'the grammar reads what styles write') or diag encode('UTF-8', join "\n", splice @wrong, 0, 5);
note join ', ', map { "$count{$_} $_" } sort keys %count;
cmp_ok($count{$_}, '>', $styles * $texts / 20, "texts $_") for qw(read refused);

my $differences = $server->safe_psql('postgres', <<"SQL");
SET client_encoding = 'UTF8';
CREATE TABLE t (rule jsonb, type text, s text, number text, has_exponent boolean);
\\copy t FROM '$data'
WITH expected AS (
  SELECT *, CASE type
    WHEN 'numeric' THEN number::numeric::text
    WHEN 'double precision' THEN number::float8::text
    WHEN 'bigint' THEN CASE WHEN NOT has_exponent AND number::numeric = trunc(number::numeric)
      AND number::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN number::numeric::bigint::text END
    ELSE CASE WHEN number::numeric = round(number::numeric, 2) AND abs(number::numeric) < 1e16
      THEN number::numeric(18,2)::text END
    END AS value
  FROM t)
SELECT count(*) || coalesce(min(format(' %s, %s: %s, not %s', rule, to_json(s), (c).value, value)), '')
FROM (SELECT e.*, dap_internal.convert(s, rule) AS c FROM expected AS e OFFSET 0) AS x
WHERE (c).value IS DISTINCT FROM value OR ((c).ok AND number IS NULL AND btrim(s) <> '')
  OR (number IS NULL AND btrim(s) <> '' AND (c).reason IS DISTINCT FROM 'invalid_number');
SQL
is($differences, '0', 'values are PostgreSQL\'s of the same digits, all else is a reject');
$server->stop;
done_testing();
