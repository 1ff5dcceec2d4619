-- Looking into a file before it has a source.

CREATE TYPE dap.sniff_column AS (
  "position" integer,
  name text,
  type text,
  format text,
  "values" bigint,
  nulls bigint,
  min text,
  max text,
  longest bigint,
  note text
);
COMMENT ON TYPE dap.sniff_column
  IS 'What a file''s column holds, and the type that would keep every value as it is written';
COMMENT ON COLUMN dap.sniff_column."position" IS 'Place in the file, from 1';
COMMENT ON COLUMN dap.sniff_column.name
  IS 'The header''s name, trimmed and through option aliases; column_1 and so on without a header';
COMMENT ON COLUMN dap.sniff_column.type
  IS 'A type that keeps every value: written again it is the same, but for blanks around it and ways to write one '
  'moment (T or a blank, zeros at the end); else text';
COMMENT ON COLUMN dap.sniff_column.format IS 'The one format that every date or timestamp matches; NULL for ISO 8601';
COMMENT ON COLUMN dap.sniff_column."values" IS 'Values that are neither NULL nor empty';
COMMENT ON COLUMN dap.sniff_column.nulls IS 'Values that are NULL or empty: a clean model takes both as NULL';
COMMENT ON COLUMN dap.sniff_column.min
  IS 'The least value in the type''s order, as written; texts are compared by their bytes, and shown up to 64 '
  'characters';
COMMENT ON COLUMN dap.sniff_column.max IS 'The greatest value, likewise';
COMMENT ON COLUMN dap.sniff_column.longest IS 'Characters of the longest value';
COMMENT ON COLUMN dap.sniff_column.note IS 'Why the column is text though it looks like something else';

CREATE TYPE dap.sniff_result AS (
  path text,
  files integer,
  delimiter text,
  quote text,
  escape text,
  header boolean,
  encoding text,
  suggested_encoding text,
  bom boolean,
  line_ends text,
  bytes bigint,
  records bigint,
  rejects bigint,
  notes text[],
  create_source text,
  clean_columns jsonb,
  columns dap.sniff_column[]
);
COMMENT ON TYPE dap.sniff_result IS 'What reading a whole file says of its dialect and columns';
COMMENT ON COLUMN dap.sniff_result.path IS 'The file that was read';
COMMENT ON COLUMN dap.sniff_result.files IS 'How many files the path means; the first was read';
COMMENT ON COLUMN dap.sniff_result.delimiter IS 'The delimiter, given or found';
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
COMMENT ON COLUMN dap.sniff_result.bom IS 'Whether a UTF-8 byte order mark begins the file';
COMMENT ON COLUMN dap.sniff_result.line_ends IS 'LF, CRLF, CR or mixed';
COMMENT ON COLUMN dap.sniff_result.bytes IS 'Length, decompressed';
COMMENT ON COLUMN dap.sniff_result.records IS 'Records that a load would take';
COMMENT ON COLUMN dap.sniff_result.rejects IS 'Records that a load would reject';
COMMENT ON COLUMN dap.sniff_result.notes IS 'What was undecided, and what would go wrong';
COMMENT ON COLUMN dap.sniff_result.create_source
  IS 'The statement that makes a source of such files; NULL where the header''s names cannot be columns';
COMMENT ON COLUMN dap.sniff_result.clean_columns IS 'The columns for dap.create_clean_model()';
COMMENT ON COLUMN dap.sniff_result.columns IS 'The columns one by one; dap.sniff_columns() shows them as rows';

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
