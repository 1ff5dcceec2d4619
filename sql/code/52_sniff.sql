-- Looking into a file before it has a source.

COMMENT ON TYPE dap.sniff_column
  IS 'What a file''s column holds, and the type that would keep every value as it is written';
COMMENT ON COLUMN dap.sniff_column.name
  IS 'The header''s name, trimmed and through option aliases; column_1 and so on without a header';
COMMENT ON COLUMN dap.sniff_column.type
  IS 'A type that keeps every value: written again it is the same, but for blanks around it and ways to write one '
  'moment (T or a blank, zeros at the end); else text';
COMMENT ON COLUMN dap.sniff_column.min
  IS 'The least value in the type''s order, as written; texts are compared by their bytes, and shown up to 64 '
  'characters';

COMMENT ON COLUMN dap.sniff_result.quote
  IS 'The quote, given or found; empty where nothing is quoted by a given option';
COMMENT ON COLUMN dap.sniff_result.escape
  IS 'What stands before a quote within quotes, given or found; NULL without a quote';
COMMENT ON COLUMN dap.sniff_result.header
  IS 'Whether the first record is a header, given or found; NULL without a record';
COMMENT ON COLUMN dap.sniff_result.encoding
  IS 'UTF8 where every byte is, or what was given; NULL where it is not known';
COMMENT ON COLUMN dap.sniff_result.suggested_encoding
  IS 'For a file that is not UTF-8: an encoding in which it can be read. A suggestion, never a finding';
COMMENT ON COLUMN dap.sniff_result.create_source
  IS 'The statement that makes a source of such files; NULL where the header''s names cannot be columns';

CREATE FUNCTION dap.sniff_csv(path text, options jsonb DEFAULT '{}') RETURNS dap.sniff_result
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_sniff_csv';
COMMENT ON FUNCTION dap.sniff_csv(text, jsonb) IS
  'Reads a whole file (SELECT * FROM dap.sniff_csv(''f.csv'') \gx) and says its delimiter, quote, header, encoding, '
  'line ends, records and rejects, and how to define a source and a clean model for it. '
  'Options given, as for dap.read_csv(), are taken as they are; option limit reads no further. Types are suggested '
  'only where they keep every value';

CREATE FUNCTION dap.sniff_columns(path text, options jsonb DEFAULT '{}') RETURNS SETOF dap.sniff_column
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT c.* FROM dap.sniff_csv(path, options) AS s CROSS JOIN LATERAL pg_catalog.unnest(s.columns) AS c $$;
COMMENT ON FUNCTION dap.sniff_columns(text, jsonb) IS
  'As dap.sniff_csv, one row per column: type, format, values, nulls, min, max, longest, and a note where a column is '
  'text though it looks like something else';
