-- Headers: columns are matched by name.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE SCHEMA staging;
RESET client_min_messages;
-- Loads a text as a file
CREATE FUNCTION pg_temp.load(source text, name text, content text, options jsonb DEFAULT '{}',
  OUT status text, OUT reason text, OUT read bigint, OUT loaded bigint, OUT rejected bigint)
LANGUAGE sql AS $$ SELECT r.status, r.reason, r.rows_read, r.rows_loaded, r.rows_rejected
  FROM dap.ingest_bytes(source, name, convert_to(content, 'UTF8'), options) AS r $$;

CREATE FUNCTION pg_temp.table_columns(relation regclass) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = relation AND attnum > 2
    AND NOT attisdropped $$;

-- Order, case and blanks do not matter; exact goes before ignoring case
SELECT dap.create_source('s', columns => '{id,"Full Name",amount}',
  options => '{"aliases": {"txn_amount": "amount", "Nick Name": "Full Name"}, "optional": ["amount"]}');
SELECT * FROM pg_temp.load('s', '1', E'id,Full Name,amount\n1,Ann,1.0\n');
SELECT * FROM pg_temp.load('s', '2', E'amount,id,Full Name\n2.0,2,Bob\n');
SELECT * FROM pg_temp.load('s', '3', E' ID ,\tFULL NAME , Amount\n3,Cid,3.0\n');
SELECT * FROM pg_temp.load('s', '4', E'"id"," Full Name ","amount"\n4,Dot,4.0\n');
-- Aliases, exact and ignoring case
SELECT * FROM pg_temp.load('s', '5', E'txn_amount,id,nick name\n5.0,5,Eve\n');
SELECT * FROM pg_temp.load('s', '6', E'TXN_AMOUNT,ID,Nick Name\n6.0,6,Fay\n');
SELECT * FROM pg_temp.load('s', '6 twice', E'TXN_AMOUNT,ID,Nick Name,amount\n6.0,6,Fay,7\n');
-- Optional ones may be missing; others are named, all of them
SELECT * FROM pg_temp.load('s', '7', E'id,Full Name\n7,Gus\n');
SELECT * FROM pg_temp.load('s', '8', E'id,amount\n8,8.0\n');
SELECT * FROM pg_temp.load('s', '9', E'name,amount\nx,8.0\n');
-- A file without header is such a file, and nothing of its first record is told or made a column
SELECT * FROM pg_temp.load('s', '10', E'4711,secret@example.com,secret@example.com\n4712,x,y\n');
SELECT * FROM pg_temp.load('s', '11', E'4711,secret@example.com,9\n', '{"on_new_column": "stop"}');
-- Empty, duplicate and long names
SELECT * FROM pg_temp.load('s', '12', E'id,Full Name,amount,\n1,2,3,4\n');
SELECT * FROM pg_temp.load('s', '13', E'id,Full Name,amount,  \n1,2,3,4\n');
SELECT * FROM pg_temp.load('s', '14', E'id,Full Name,amount,ID\n1,2,3,4\n');
SELECT * FROM pg_temp.load('s', '15', E'id,Full Name,amount,new,New\n1,2,3,4,5\n');
SELECT * FROM pg_temp.load('s', '16', E'id,Full Name,amount,' || repeat('n', 64) || E'\n1,2,3,4\n');
SELECT * FROM pg_temp.load('s', '17', E'id,Full Name,amount,_line\n1,2,3,4\n');
SELECT * FROM pg_temp.load('s', '18', E'id,Full Name,amount,_File_Id\n1,2,3,4\n');
SELECT * FROM pg_temp.load('s', '19', E'id,Full Name,amount,xmin\n1,2,3,4\n');
-- Broken ones
SELECT * FROM pg_temp.load('s', '20', E'id,"Full Name,amount\n1,2,3\n');
SELECT * FROM pg_temp.load('s', '21', E'id,Full "Name",amount\n1,2,3\n');
SELECT status, reason FROM dap.ingest_bytes('s', '22', '\x69642cff2c616d6f756e740a312c322c330a');
SELECT status, reason FROM dap.ingest_bytes('s', '23', '\x69642c002c616d6f756e740a312c322c330a');
SELECT * FROM pg_temp.load('s', '24', (SELECT string_agg('c' || n, ',') FROM generate_series(1, 1601) AS n) || E'\n');
SELECT * FROM pg_temp.load('s', '25',
  'id,Full Name,' || (SELECT string_agg('c' || n, ',') FROM generate_series(1, 1596) AS n) || E'\n1,2\n');
SELECT t.*, l.path FROM staging.s t JOIN dap.files l ON l.file_id = t._file_id ORDER BY l.file_id, _line;
SELECT pg_temp.table_columns('staging.s');

-- New columns: added
SELECT * FROM pg_temp.load('s', '30', E'id,Full Name,amount,"new ""x"" col",Neu\n30,N,1,x,y\n');
SELECT * FROM pg_temp.load('s', '31', E'id,Full Name,amount\n31,N,1\n');
SELECT * FROM pg_temp.load('s', '32', E'id,Full Name,amount,NEU\n32,N,1,z\n');
SELECT pg_temp.table_columns('staging.s');
SELECT id, "new ""x"" col", "Neu" FROM staging.s WHERE id::int >= 30 ORDER BY id;
-- an alias may lead to a column that is not there yet
SELECT * FROM pg_temp.load('s', '33', E'id,Full Name,amount,txn_note\n33,N,1,z\n', '{"aliases": {"txn_note": "note"}}');
SELECT pg_temp.table_columns('staging.s');
-- a file that fails adds none
SELECT * FROM pg_temp.load('s', '34', E'id,Full Name,amount,failed_column\n1\n');
SELECT pg_temp.table_columns('staging.s');
-- stop
SELECT * FROM pg_temp.load('s', '35', E'id,Full Name,amount,other\n35,N,1,2\n', '{"on_new_column": "stop"}');
-- ignore: its name is kept, its values are not; its records are still checked
SELECT * FROM pg_temp.load('s', '36', E'other,id,Full Name,amount,another\n1,36,N,1,2\n3,37,"N\n4,38,N,1,2\n',
  '{"on_new_column": "ignore"}');
SELECT * FROM pg_temp.load('s', '37',
  E'other,id,Full Name,amount,another\n1,36,N,1,2\n3,37,N,x"\n4,38,N,1,2\n5,39,N,1,x"y\n',
  '{"on_new_column": "ignore"}');
SELECT path, ignored_columns FROM dap_internal.file_ledger WHERE ignored_columns IS NOT NULL;
SELECT line, column_name, reason, convert_from(raw, 'UTF8') FROM dap.rejects WHERE path = '37' ORDER BY line;
SELECT _line, id FROM staging.s WHERE id IN ('36', '37', '38', '39');
-- a generated column is no column of files
ALTER TABLE staging.s ADD COLUMN made text GENERATED ALWAYS AS (id || '!') STORED;
SELECT * FROM pg_temp.load('s', '40', E'id,Full Name,made\n40,N,x\n');
SELECT * FROM pg_temp.load('s', '41', E'id,Full Name\n41,N\n');
SELECT id, made FROM staging.s WHERE id = '41';

-- Without header: by position, and the columns' number counts
SELECT dap.create_source('p', columns => '{a,b}', options => '{"header": false}');
SELECT * FROM pg_temp.load('p', '1', E'b,a\n1,2\n1,2,3\n');
SELECT * FROM pg_temp.load('p', '2', E'');
SELECT _line, a, b FROM staging.p ORDER BY _line;
SELECT line, reason, message FROM dap.rejects WHERE source = 'p';


-- A table's column that somebody dropped does not come back with a file that has it
SELECT dap.create_source('d', columns => '{a,b}');
SELECT * FROM pg_temp.load('d', '1', E'a,b\n1,2\n');
ALTER TABLE staging.d DROP COLUMN b;
SELECT * FROM pg_temp.load('d', '2', E'a,b\n3,4\n');
SELECT dap.create_source('d', columns => '{a,b}', or_replace => true);
SELECT * FROM pg_temp.load('d', '2', E'a,b\n3,4\n');
SELECT a, b FROM staging.d ORDER BY _file_id;

SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging CASCADE;
CREATE EXTENSION dap_analytics;

