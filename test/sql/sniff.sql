-- Looking into files: dialect, header, encoding, and types that lose nothing.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS dap_analytics CASCADE;
DROP SCHEMA IF EXISTS staging, intermediate, analytics CASCADE;
CREATE EXTENSION dap_analytics;
CREATE SCHEMA staging;
CREATE SCHEMA intermediate;
RESET client_min_messages;
\getenv builddir PG_ABS_BUILDDIR
\set file :builddir '/sniff_file.csv'
SELECT set_config('sniff.file', :'file', false) IS NOT NULL AS set;
-- Writes the bytes to the file; as a large object, so that every byte arrives
CREATE FUNCTION pg_temp.put(content bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE object oid := lo_from_bytea(0, content);
BEGIN
  PERFORM lo_export(object, current_setting('sniff.file'));
  PERFORM lo_unlink(object);
END $$;
CREATE FUNCTION pg_temp.sniff(content bytea, options jsonb DEFAULT '{}', OUT delimiter text, OUT header boolean,
  OUT encoding text, OUT suggested text, OUT bom boolean, OUT line_ends text,
  OUT bytes bigint, OUT records bigint, OUT rejects bigint, OUT types text, OUT notes text) LANGUAGE plpgsql AS $$
DECLARE r dap.sniff_result;
BEGIN
  PERFORM pg_temp.put(content);
  r := dap.sniff_csv(current_setting('sniff.file'), options);
  delimiter := replace(r.delimiter, E'\t', 'tab'); header := r.header; encoding := r.encoding; suggested
    := r.suggested_encoding; bom := r.bom; line_ends := r.line_ends;
  bytes := r.bytes; records := r.records; rejects := r.rejects; notes := array_to_string(r.notes, E'\n');
  types := (SELECT string_agg(concat_ws(' ', c.name, c.type, c.format), ', ' ORDER BY c."position")
    FROM unnest(r.columns) c);
END $$;
CREATE FUNCTION pg_temp.sniff(content text, options jsonb DEFAULT '{}', OUT delimiter text, OUT header boolean,
  OUT encoding text, OUT suggested text, OUT bom boolean, OUT line_ends text,
  OUT bytes bigint, OUT records bigint, OUT rejects bigint, OUT types text, OUT notes text)
    LANGUAGE sql AS $$ SELECT * FROM pg_temp.sniff(convert_to(content, 'UTF8'), options) $$;
-- The type of a column of these values
CREATE FUNCTION pg_temp.type_of(VARIADIC contents text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r dap.sniff_column;
BEGIN
  PERFORM pg_temp.put(convert_to(E'k,value\n' || (SELECT string_agg(format('x,"%s"', replace(c, '"', '""')), E'\n')
    FROM unnest(contents) c), 'UTF8'));
  SELECT * INTO r FROM dap.sniff_columns(current_setting('sniff.file')) WHERE "position" = 2;
  RETURN concat_ws(' ', r.type, r.format, '[' || r.min || ' to ' || r.max || ']', '-- ' || r.note);
END $$;
CREATE FUNCTION pg_temp.raises(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
  EXECUTE statement;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;

-- A whole answer
SELECT pg_temp.put(convert_to(E'id;Name;amount;day;born;zip;active;since;note\n'
  '1;Zoë;1.50;2024-01-31;31.12.1999;10115;true;2024-01-31 10:00:00;\n'
  '2;"A;b";-20.05;2024-02-01;01.02.2000;20095;false;2024-02-01 00:00:00;\n', 'UTF8'));
\x on
SELECT files, delimiter, quote, escape, header, encoding, suggested_encoding, bom, line_ends, bytes, records, rejects,
  notes, replace(create_source, :'file', 'FILE') AS create_source, clean_columns
FROM dap.sniff_csv(:'file');
\x off
SELECT * FROM dap.sniff_columns(:'file');
-- What it suggests works, and rejects nothing
SELECT create_source, clean_columns FROM dap.sniff_csv(:'file') \gset
:create_source
SELECT status, rows_loaded, rows_rejected FROM dap.ingest_csv('sniff_file');
SELECT dap.create_clean_model('sniffed', 'sniff_file', :'clean_columns', '{id}');
CREATE SCHEMA analytics;
SELECT action, rows_in, rows_rejected FROM dap.refresh_intermediate() WHERE object = 'intermediate.sniffed';
SELECT id, "Name", amount, to_char(day, 'YYYY-MM-DD') AS day, to_char(born, 'YYYY-MM-DD') AS born, zip, active
FROM intermediate.sniffed ORDER BY id;

-- Numbers: only where the text comes back
SELECT v, pg_temp.type_of(VARIADIC v::text[]) FROM (VALUES
  ('{1,2,-30,0}'), ('{10,9,8}'), ('{" 1 ",2}'), ('{01,2}'), ('{007,008}'), ('{+1,2}'), ('{+491701234567}'),
  ('{030-1234,555-1234}'), ('{-0,1}'), ('{1e3,2}'), ('{1.0,2}'), ('{1.50,2.5}'), ('{.5,1}'), ('{5.,1}'),
  ('{00.5,1}'), ('{-0.0,1}'), ('{-0.5,1}'), ('{123456789012345678,1}'), ('{1234567890123456789,1}'),
  ('{12345678901234567890}'), ('{12345678901234567890.5,1}'), ('{12345678901234567890.5,1234567890123456789}'),
  ('{"1,5","2,5"}'), ('{0x1F,1}'), ('{NaN,1}'), ('{Infinity}'), ('{1_000,1}'), ('{"1 000",1}'), ('{-,1}'), ('{1,a}'),
  ('{"",""}'), ('{"",5}'), ('{"  ",5}'), ('{10,9.5}')) AS t(v);
-- A name can say that digits are no number
CREATE FUNCTION pg_temp.named(name text, OUT type text, OUT note text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.put(convert_to(format(E'k,%s\nx,123\n', name), 'UTF8'));
  SELECT c.type, c.note INTO type, note FROM dap.sniff_columns(current_setting('sniff.file')) c WHERE "position" = 2;
END $$;
SELECT n, t.* FROM unnest('{phone,Mobile_No,zip code,amount}'::text[]) n, LATERAL pg_temp.named(n) t;
-- Days and moments: one format, without doubt
SELECT v, pg_temp.type_of(VARIADIC v::text[]) FROM (VALUES
  ('{2024-01-31,2023-12-01}'), ('{2024-02-30}'), ('{2024-1-31}'), ('{31.01.2024,01.02.2024}'), ('{01.31.2024}'),
  ('{01.02.2024,03.04.2024}'), ('{01/02/2024}'), ('{13/02/2024,01/02/2024}'), ('{02/13/2024,01/02/2024}'),
  ('{13/02/2024,02/13/2024}'), ('{31-01-2024}'), ('{2024/01/31}'), ('{31.01.2024,2024-01-31}'), ('{31.01.24}'),
  ('{20240131,20240201}'), ('{1899-12-31,2024-01-01}'), ('{9999-12-31}'),
  ('{2024-01-31 10:00:00,2024-01-31T09:59}'), ('{2024-01-31 10:00:00,2024-01-31}'), ('{2024-01-31 24:00}'),
  ('{2024-01-31 10:00:00.123456}'), ('{2024-01-31 10:00:00Z,2024-01-31T10:00:00+00:00}'), ('{2024-01-31 10:00:00+02}'),
  ('{2024-01-31 10:00:00Z,2024-01-31 10:00:00}'), ('{31.01.2024 10:00:00}'), ('{31.01.2024 10:00,01.02.2024 23:59}'),
  ('{01.02.2024 10:00}'), ('{12/31/2024 10:00:00}'), ('{now,today}')) AS t(v);
-- Words and identifiers
SELECT v, pg_temp.type_of(VARIADIC v::text[]) FROM (VALUES
  ('{true,false}'), ('{true,true}'), ('{TRUE,FALSE}'), ('{t,f}'), ('{t,t}'), ('{yes,no}'), ('{1,0}'),
  ('{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'), ('{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'),
  ('{a0eebc999c0b4ef8bb6d6bb9bd380a11}'),
  ('{b,a,ab,Z}')) AS t(v);
-- Nearly
SELECT pg_temp.put(convert_to(E'k,n,d\n'
  || (SELECT string_agg(CASE WHEN n IN (50, 70) THEN 'x,?,2024-02-30' ELSE 'x,' || n || ',2024-01-01' END, E'\n')
  FROM generate_series(1, 100) n), 'UTF8'));
SELECT name, type, "values", min, max, note FROM dap.sniff_columns(:'file') WHERE name <> 'k';
-- NULL, empty, longest in characters, long values shown by their beginning
SELECT pg_temp.put(convert_to(E'a,b,c\n1,,"' || repeat('é', 100) || E'"\n2,"",\n,x,\n', 'UTF8'));
SELECT name, type, "values", nulls, min, max, longest, note FROM dap.sniff_columns(:'file');
SELECT name, type, nulls FROM dap.sniff_columns(:'file', '{"null": "x"}');

-- Delimiters
SELECT delimiter, header, records, rejects, types, notes FROM pg_temp.sniff(E'a,b\n1,2\n');
SELECT delimiter, header, records, rejects, types, notes FROM pg_temp.sniff(E'a\tb\n1\t2\n');
SELECT delimiter, header, records, rejects, types, notes FROM pg_temp.sniff(E'a|b\n1|2\n');
SELECT delimiter, header, records, rejects, types, notes FROM pg_temp.sniff(E'a;b\n1,5;2,5\n3,5;4,5\n');
SELECT delimiter, header, records, rejects, types, notes FROM pg_temp.sniff(E'a,b\n"1;2;3",2\n"x\ny|",3\n');
SELECT delimiter, header, records, rejects, types, notes FROM pg_temp.sniff(E'a;b,c;d\n1;2,3;4\n');
SELECT delimiter, header, records, rejects, types, notes FROM pg_temp.sniff(E'only\n1\n2\n');
SELECT delimiter, header, records, rejects, types, notes FROM pg_temp.sniff(E'a,b\n1,2\n3\n4,5,6\n7,8\n');
SELECT delimiter, header, records, rejects, types, notes FROM pg_temp.sniff(E'a,b;c\n1,2;3\n', '{"delimiter": ","}');
SELECT delimiter, header, records, rejects, types, notes FROM pg_temp.sniff(E'a:b\n1:2\n', '{"delimiter": ":"}');

-- Quotes and escapes: what explains all of them, where the default does not
CREATE FUNCTION pg_temp.quotes(content text, options jsonb DEFAULT '{}', OUT quote text, OUT escape text,
  OUT delimiter text, OUT line_ends text, OUT records bigint, OUT rejects bigint, OUT types text, OUT given text,
  OUT notes text) LANGUAGE plpgsql AS $$
DECLARE r dap.sniff_result;
BEGIN
  PERFORM pg_temp.put(convert_to(content, 'UTF8'));
  r := dap.sniff_csv(current_setting('sniff.file'), options);
  quote := r.quote; escape := r.escape; delimiter := r.delimiter; line_ends := r.line_ends; records := r.records;
    rejects := r.rejects; notes := array_to_string(r.notes, E'\n');
  types := (SELECT string_agg(concat_ws(' ', c.name, c.type, c.max), ', ' ORDER BY c."position")
    FROM unnest(r.columns) c);
  given := substring(r.create_source FROM '\], (.*)\);$');
END $$;
SELECT * FROM pg_temp.quotes(E'id,name\n1,"a ""b"""\n2,it''s\n');
SELECT * FROM pg_temp.quotes(E'id,name\n1,''a,b''\n2,''it''''s''\n3,''two\r\nlines''\n');
SELECT * FROM pg_temp.quotes(E'id;name\n1;''a;b''\n2;''c''\n');
SELECT * FROM pg_temp.quotes(E'''id'',''name''\n''1'',''x''\n');
SELECT * FROM pg_temp.quotes(E'id,name\n1,"a \\"b\\""\n2,"c:\\\\"\n');
-- an apostrophe is no quote, a backslash no escape, where that does not explain everything, or nothing has to be
-- explained
SELECT * FROM pg_temp.quotes(E'id,name\n1,''tis\n2,''twas\n');
SELECT * FROM pg_temp.quotes(E'id,name\n1,''a''\n2,O''Brien\n');
SELECT * FROM pg_temp.quotes(E'id,name\n1,''a''\n2,"c"\n');
SELECT * FROM pg_temp.quotes(E'id,name\n1,"c:\\"\n2,"d"\n');
SELECT * FROM pg_temp.quotes(E'id,name\n1,"a \\"b\\""\n2,"c"d"\n');
-- nor where the call says what they are
SELECT * FROM pg_temp.quotes(E'id,name\n1,"a \\"b\\""\n', '{"escape": "\""}');
SELECT * FROM pg_temp.quotes(E'id,name\n1,''a''\n', '{"quote": "\""}');
-- The suggestion, taken at its word
SELECT pg_temp.put(convert_to(E'id;name\n1;''it''''s;''\n2;''\n''\n', 'UTF8'));
SELECT regexp_replace(create_source, '''sniff_file''', '''sniff_quoted''') AS create_source FROM dap.sniff_csv(:'file')
\gset
\o /dev/null
:create_source
\o
SELECT status, rows_loaded, rows_rejected FROM dap.ingest_csv('sniff_quoted');
SELECT id, replace(name, E'\n', '\n') AS name FROM staging.sniff_quoted ORDER BY id;
SELECT pg_temp.put(convert_to(E'id,name\n1,"a \\"b\\""\n2,"c:\\\\"\n', 'UTF8'));
SELECT regexp_replace(create_source, '''sniff_file''', '''sniff_escaped''') AS create_source FROM dap.sniff_csv(:'file')
\gset
\o /dev/null
:create_source
\o
SELECT status, rows_loaded, rows_rejected FROM dap.ingest_csv('sniff_escaped');
SELECT id, name FROM staging.sniff_escaped ORDER BY id;

-- Headers
SELECT header, records, types, notes FROM pg_temp.sniff(E'1,x\n2,y\n');
SELECT header, records, types, notes FROM pg_temp.sniff(E'id,name\n');
SELECT header, records, types, notes FROM pg_temp.sniff(E'name,city\nann,rome\nbob,bonn\n');
SELECT header, records, types, notes FROM pg_temp.sniff(E'ann,rome\nann,bonn\n', '{"header": false}');
SELECT header, records, types, notes FROM pg_temp.sniff(E'ann,ann\nann,bonn\n');
SELECT header, records, types, notes FROM pg_temp.sniff(E'2020,2021\n1,2\n3,4\n');
SELECT header, records, types, notes FROM pg_temp.sniff(E'2020,2021\n1,2\n3,4\n', '{"header": true}');
SELECT header, records, types, notes FROM pg_temp.sniff(E',name\n1,x\n2,y\n');
SELECT header, records, types, notes FROM pg_temp.sniff(E'id,ID\n1,x\n2,y\n');
SELECT header, records, types, notes FROM pg_temp.sniff(E'ctid,a\n1,2\n');
SELECT header, records, types, notes FROM pg_temp.sniff(E' id ,Old Name\n1,x\n', '{"aliases": {"old name": "name"}}');
SELECT pg_temp.put(convert_to(E'1,it''s\n2,x\n', 'UTF8'));
SELECT replace(create_source, :'file', 'FILE') FROM dap.sniff_csv(:'file');
SELECT create_source IS NULL AS none FROM pg_temp.put(convert_to(E'a,a\n1,2\n', 'UTF8')) p,
  dap.sniff_csv(:'file', '{"header": true, "limit": 5}');

-- Encodings and line ends
SELECT encoding, suggested, bom, records, rejects, types, notes
FROM pg_temp.sniff('\xefbbbf'::bytea || convert_to(E'id,ü\n1,é\n', 'UTF8'));
SELECT encoding, suggested, bom, records, rejects, types, notes
FROM pg_temp.sniff('\x69642c740a312ce90a322c780a'::bytea);
SELECT encoding, suggested, bom, records, rejects, types, notes
FROM pg_temp.sniff('\x69642c740a312c93e9940a322c780a'::bytea);
SELECT encoding, suggested, bom, records, rejects, types, notes
FROM pg_temp.sniff('\x69642c740a312c93e9940a322c780a'::bytea, '{"encoding": "WIN1252"}');
SELECT encoding, suggested, bom, records, rejects, types, notes FROM pg_temp.sniff('\x69642ce90a312c780a'::bytea);
SELECT encoding, suggested, bom, records, rejects, types, notes FROM pg_temp.sniff('\x69642c740a312c78e2'::bytea);
SELECT encoding, suggested, bom, records, rejects, types, notes FROM pg_temp.sniff('\xfffe690064000a00'::bytea);
SELECT line_ends, records, rejects, notes FROM pg_temp.sniff(E'a,b\r\n1,"x\ny"\r\n');
SELECT line_ends, records, rejects, notes FROM pg_temp.sniff(E'a,b\r1,2\r3,4\r');
SELECT line_ends, records, rejects, notes FROM pg_temp.sniff(E'a,b\r\n1,2\n3,4\r\n');
SELECT line_ends, header, records, rejects, notes FROM pg_temp.sniff(E'a,b');
SELECT line_ends, header, bytes, records, rejects, types, notes FROM pg_temp.sniff('');

-- What would be rejected or fail
SELECT records, rejects, types, notes FROM pg_temp.sniff(E'id,size\n1,5" wide\n2,3\n3\n4,"a"b\n');
SELECT records, rejects, types, notes FROM pg_temp.sniff(E'id,size\n1,5" wide\n2,3\n3\n4,"a"b\n', '{"lenient": true}');
-- Without a header the first record is one like the others, good or bad
\set retail '"120903";"A";"yogurt "Alma" 3.5%";7\n"120904";"B";"nails 4" long";8\n'
\set retail :retail '"120905";"C";"plain";9\n"120906";"D";"say ""hi"" twice";3\n'
SELECT records, rejects, types, notes
FROM pg_temp.sniff(format('%s', replace(:'retail', '\n', E'\n')), '{"header": false}');
SELECT records, rejects, types, notes
FROM pg_temp.sniff(format('%s', replace(:'retail', '\n', E'\n')), '{"header": false, "lenient": true}');
SELECT records, rejects, types, notes FROM pg_temp.sniff(E'"",1\n\n,2\n', '{"header": false}');
SELECT records, rejects, types, notes FROM pg_temp.sniff(E'a"b\n"x"y\n', '{"header": false}');
SELECT records, rejects, types, notes FROM pg_temp.sniff('', '{"header": false}');
-- An option that does not help is not proposed
SELECT records, rejects, types, notes FROM pg_temp.sniff(E'id,size\n1,2\n2,3\n4,"a"b,c\n');
SELECT records, rejects, types, notes FROM pg_temp.sniff(E'id,size\n1,2\n2,"3\n3,4\n');
SELECT records, rejects, types, notes FROM pg_temp.sniff('\x1f8b0800000000000003'::bytea);
SELECT records, rejects, notes FROM pg_temp.sniff(E'id\n' || repeat(E'1\n', 5000), '{"limit": 3000}');
SELECT records, left(types, 40), notes
FROM pg_temp.sniff((SELECT string_agg('c' || n, ',') || E'\n' || string_agg(n::text, ',')
  FROM generate_series(1, 1600) n));
SELECT records, types, notes
FROM pg_temp.sniff((SELECT string_agg('c' || n, ',') || E'\n' || string_agg(n::text, ',')
  FROM generate_series(1, 5000) n));
-- The whole file counts, not its beginning
SELECT records, rejects, types, notes FROM pg_temp.sniff(E'id,v\n' || repeat(E'1,12\n', 400000) || E'2,x\n3\n');

-- Errors and privileges
SELECT pg_temp.raises($$SELECT dap.sniff_csv('/nowhere/x.csv')$$);
SELECT pg_temp.raises($$SELECT dap.sniff_csv('/nowhere/x.csv', '{"max_rejects": 1}')$$);
SELECT pg_temp.raises($$SELECT dap.sniff_csv('/nowhere/x.csv', '{"skip_rejects": true}')$$);
SELECT dap.sniff_csv(NULL) IS NULL AS nothing;
CREATE ROLE regress_sniff;
SET ROLE regress_sniff;
SELECT pg_temp.raises($$SELECT dap.sniff_csv('/nowhere/x.csv')$$);
RESET ROLE;
GRANT EXECUTE ON FUNCTION dap.sniff_csv(text, jsonb) TO regress_sniff;
SET ROLE regress_sniff;
\set VERBOSITY sqlstate
SELECT dap.sniff_csv(:'file');
\set VERBOSITY default
RESET ROLE;

SET client_min_messages = warning;
DROP EXTENSION dap_analytics CASCADE;
DROP SCHEMA staging, intermediate, analytics CASCADE;
DROP OWNED BY regress_sniff;
DROP ROLE regress_sniff;
CREATE EXTENSION dap_analytics;
\! rm -f "$PG_ABS_BUILDDIR"/sniff_*.csv 2>/dev/null
