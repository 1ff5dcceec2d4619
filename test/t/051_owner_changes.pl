# A table that gets another owner while a load, a retry or a refresh waits for it: nothing is done to it with the rights
# of who had it before.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::Bin/../perl";
use DapTest qw(sql start_server);
use IPC::Run;
use Test::More;

my $node = start_server(
  'owner_changes', '', q{
  CREATE ROLE before_it; CREATE ROLE after_it; CREATE SCHEMA staging; CREATE SCHEMA intermediate;
   CREATE SCHEMA analytics;
  GRANT ALL ON SCHEMA staging, intermediate, analytics TO before_it, after_it;
  CREATE TABLE public.seen (what text, who name); GRANT ALL ON public.seen TO PUBLIC;
  CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen
   VALUES (TG_TABLE_NAME, current_user); RETURN NEW; END $$;}
);
sql(
  q{SELECT dap.create_source('s', NULL, '{id,v}', '{"max_reject_percent": 100}');
  SELECT status FROM dap.ingest_bytes('s', 'a.csv', 'id,v\0121,x\0122,a"b\012');
  SELECT dap.create_model('analytics.m', 'SELECT 1 AS id, current_user::text AS who, now() AS at', '{id}')});
sql(q{CREATE TRIGGER note BEFORE INSERT ON staging.s FOR EACH STATEMENT EXECUTE FUNCTION public.note()});

# How a statement ends where the table changes hands while it waits.
sub meanwhile
{
  my ($table, $statement) = @_;
  sql("TRUNCATE public.seen; ALTER TABLE $table OWNER TO before_it");
  my $changer = $node->background_psql('postgres');
  $changer->query_safe("BEGIN; LOCK TABLE $table");
  my ($out, $err) = ('', '');
  my $session =
    IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-v', 'VERBOSITY=verbose', '-c', $statement ],
    '<', \undef, '>', \$out, '2>', \$err);
  $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    or die "it does not wait: $statement";
  $changer->query_safe("ALTER TABLE $table OWNER TO after_it; COMMIT");
  $changer->quit;
  $session->finish;
  return $err;
}
my $other = qr/40001: table \S+ got another owner meanwhile/;
like(meanwhile('staging.s', q{SELECT status FROM dap.ingest_bytes('s', 'b.csv', 'id,v\0123,y\012')}), $other, 'a load');
is(sql('SELECT count(*) FROM public.seen'), 0, 'whose triggers did not run');
my $file = sql(q{SELECT file_id FROM dap.files WHERE path = 'a.csv'});
is(meanwhile('staging.s', qq{SELECT loaded FROM dap.retry_rejects($file, '{"lenient": true}')}),
  '', 'a retry waits before it asks whose the table is');
is(sql('SELECT DISTINCT who FROM public.seen'), 'after_it', 'and has the rights of who has it now');
like(meanwhile('analytics.m', 'SELECT action FROM dap.refresh_analytics()'), $other, 'a refresh');
is(sql('SELECT count(*) FROM analytics.m'), 0, 'which wrote nothing');
is(sql(q{SELECT status FROM dap.ingest_bytes('s', 'b.csv', 'id,v\0123,y\012')}), 'loaded', 'tried again it goes on');
is(sql('SELECT DISTINCT who FROM public.seen'), 'after_it', 'with the rights of who has it now');
is(sql(q{SELECT count(*) FROM dap.refresh_analytics()}), 1, 'so does the refresh');
is(sql('SELECT who FROM analytics.m'), 'after_it', 'likewise');

$node->stop;
done_testing();
