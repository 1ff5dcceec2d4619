# Files that are known by their bytes: dismissed by name, skipped under another.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(fails sql start_server write_file);
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('known_files', '', 'CREATE SCHEMA staging; CREATE SCHEMA intermediate; CREATE SCHEMA analytics;');
my $inbox = Cwd::realpath(PostgreSQL::Test::Utils::tempdir);
sql("ALTER DATABASE postgres SET dap.ingest_directories = '$inbox'");

#
# A directory, or a pattern, is not the path of one file
#
mkdir "$inbox/p" or die $!;
mkdir "$inbox/lone" or die $!;
write_file("$inbox/p/p$_.csv", "id,v\n$_,$_\n") for 1 .. 7;
write_file("$inbox/lone/p1.csv", "id,v\nx,y\n");
sql("SELECT dap.create_source('p', '$inbox/p')");
for my $path ("$inbox/p", 'p', 'p/', "$inbox/p/*.csv", 'p/p[12].csv', 'p/p{1,2}.csv')
{
	like(fails("SELECT dap.dismiss_file('$path', 'oops')"),
		qr/ERROR:  42P08: "\Q$path\E" is not the path of one file\s+DETAIL:  It means \Q$inbox\E\/p\/p1.csv, .*p2.csv.*\.\s+HINT:  Give the path of one file\./s, "$path is refused");
}
like(fails("SELECT dap.dismiss_file('p', 'oops')"), qr/p5\.csv and 2 more now\./, 'a long list is cut');
like(fails("SELECT dap.dismiss_file('$_', 'oops')"), qr/42P08: "\Q$_\E" is not the path of one file\s+DETAIL:  It means \Q$inbox\E\/(lone\/p1|p\/p7)\.csv now\./, "$_ is refused, although it means one file now")
  for "$inbox/lone", 'lone/', 'p/p7*', "$inbox/p/p[7].csv";
is(sql('SELECT count(*) FROM dap.files'), 0, 'nothing was dismissed');
is(sql(q{SELECT count(*) FROM dap.dismiss_file('p//./p3.csv', 'one')}), 1, 'one file by its path below the inbox');
is(sql("SELECT count(*) FROM dap.dismiss_file('$inbox/p/p4.csv', 'two')"), 1, 'and by its whole path');
write_file("$inbox/p/p[5].csv", "id,v\n50,50\n");
is(sql("SELECT count(*) FROM dap.dismiss_file('$inbox/p/p[5].csv', 'a name')"), 1, 'a name that looks like a pattern');
is(sql(q{SELECT string_agg(regexp_replace(path, '.*/', '') || ' ' || status, ', ' ORDER BY path COLLATE "C") FROM dap.ingest_csv('p')}),
	'p1.csv loaded, p2.csv loaded, p3.csv skipped, p4.csv skipped, p5.csv loaded, p6.csv loaded, p7.csv loaded, p[5].csv skipped', 'exactly these are skipped');

# Several that failed
write_file("$inbox/p/bad$_.csv", "wrong\n$_\n") for 1 .. 8;
sql(q{SET client_min_messages = error; SELECT count(*) FROM dap.ingest_csv('p')});
like(fails(q{SELECT dap.dismiss_file('p/bad*.csv', 'oops')}), qr/42P08: "p\/bad\*\.csv" is not the path of one file/, 'a pattern of failed files is refused');
is(sql(q{SELECT count(*) FROM dap.files WHERE status = 'failed'}), 8, 'all are still failed');
# A copy of one that failed: its bytes are what is dismissed, whatever their name
write_file("$inbox/p/copy.csv", "wrong\n1\n");
is(sql(q{SELECT count(*) FROM dap.dismiss_file('p/copy.csv', 'a copy')}), 1, 'a copy is dismissed');
is(sql(q{SELECT regexp_replace(path, '.*/', ''), status FROM dap.files WHERE reason = 'a copy'}), 'bad1.csv|dismissed', 'and with it the file that failed');

$node->stop;
done_testing();
