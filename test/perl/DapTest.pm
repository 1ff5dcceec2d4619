# What several TAP tests need.
package DapTest;
use strict;
use warnings FATAL => 'all';

use Exporter 'import';
our @EXPORT_OK = qw(comes_back);

# Waits until a server that crashed takes queries again. A psql that is refused may be gone before it is given its query, which the harness takes for an error.
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

1;
