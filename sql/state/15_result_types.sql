-- The rows that functions return. A released type keeps its columns: new ones are added at the end, by ALTER TYPE in
-- the update script.

CREATE TYPE dap.top_item AS (rank integer, key text, amount numeric, share numeric);
COMMENT ON TYPE dap.top_item IS 'One of the first items of dap.top_n';
COMMENT ON COLUMN dap.top_item.rank IS '1 is the item with the largest amount';
COMMENT ON COLUMN dap.top_item.key IS 'The key, NULL where the rows'' key is; a number as its decimal text';
COMMENT ON COLUMN dap.top_item.amount IS 'The sum of the key''s amounts, as sum() gives it';
COMMENT ON COLUMN dap.top_item.share IS 'The amount divided by that of all keys, NULL where it is 0';

CREATE TYPE dap.ingest_result AS (
  file_id integer,
  path text,
  status text,
  reason text,
  rows_read bigint,
  rows_loaded bigint,
  rows_rejected bigint,
  bytes bigint,
  elapsed interval
);
COMMENT ON TYPE dap.ingest_result IS 'What became of one file: status loaded, skipped or failed, and why';

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
COMMENT ON COLUMN dap.sniff_column."position" IS 'Place in the file, from 1';
COMMENT ON COLUMN dap.sniff_column.format IS 'The one format that every date or timestamp matches; NULL for ISO 8601';
COMMENT ON COLUMN dap.sniff_column."values" IS 'Values that are neither NULL nor empty';
COMMENT ON COLUMN dap.sniff_column.nulls IS 'Values that are NULL or empty: a clean model takes both as NULL';
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
COMMENT ON COLUMN dap.sniff_result.bom IS 'Whether a UTF-8 byte order mark begins the file';
COMMENT ON COLUMN dap.sniff_result.line_ends IS 'LF, CRLF, CR or mixed';
COMMENT ON COLUMN dap.sniff_result.bytes IS 'Length, decompressed';
COMMENT ON COLUMN dap.sniff_result.records IS 'Records that a load would take';
COMMENT ON COLUMN dap.sniff_result.rejects IS 'Records that a load would reject';
COMMENT ON COLUMN dap.sniff_result.notes IS 'What was undecided, and what would go wrong';
COMMENT ON COLUMN dap.sniff_result.clean_columns IS 'The columns for dap.create_clean_model()';
COMMENT ON COLUMN dap.sniff_result.columns IS 'The columns one by one; dap.sniff_columns() shows them as rows';

CREATE TYPE dap.retry_result AS (
  file_id integer,
  retried bigint,
  loaded bigint,
  still_rejected bigint,
  status text,
  reason text
);
COMMENT ON COLUMN dap.retry_result.retried IS 'Records that were read again';
COMMENT ON COLUMN dap.retry_result.loaded IS 'Of these, records that are in the source''s table now';
COMMENT ON COLUMN dap.retry_result.still_rejected IS 'Records that are not, with those that could not be read again';
COMMENT ON COLUMN dap.retry_result.status IS 'loaded, skipped or failed, as in dap.ingest_csv()';
COMMENT ON COLUMN dap.retry_result.reason IS 'Why a file is skipped or failed';

CREATE TYPE dap.exported_reject AS (
  file_id integer,
  path text,
  source text,
  line bigint,
  byte_offset bigint,
  stage text,
  object text,
  column_name text,
  reason text,
  message text,
  record text,
  raw bytea,
  raw_length bigint
);
COMMENT ON TYPE dap.exported_reject IS 'A reject as it is exported: its place, its reason and its bytes';
COMMENT ON COLUMN dap.exported_reject.file_id IS 'The file, see dap.files';
COMMENT ON COLUMN dap.exported_reject.path IS 'Where the file was read';
COMMENT ON COLUMN dap.exported_reject.source IS 'The source';
COMMENT ON COLUMN dap.exported_reject.line IS 'Line of the file where the record starts; the header is line 1';
COMMENT ON COLUMN dap.exported_reject.object IS 'The table that did not take it';
COMMENT ON COLUMN dap.exported_reject.column_name IS 'The column that is wrong; NULL for a whole record';
COMMENT ON COLUMN dap.exported_reject.reason IS 'Code of the reason';
COMMENT ON COLUMN dap.exported_reject.message IS 'The reason in words';
COMMENT ON COLUMN dap.exported_reject.record IS 'The bytes as text, to be read; NULL where they are no valid text';
COMMENT ON COLUMN dap.exported_reject.raw_length IS 'How many bytes there were';

CREATE TYPE dap.step_result AS (
  run_id bigint,
  step integer,
  object text,
  action text,
  rows_in bigint,
  rows_inserted bigint,
  rows_updated bigint,
  rows_deleted bigint,
  rows_rejected bigint,
  elapsed interval
);
COMMENT ON TYPE dap.step_result IS 'One step of a refresh: action loaded, skipped, failed, built, merged or unchanged';

CREATE TYPE dap.setup_result AS (object text, kind text, action text, note text);
COMMENT ON TYPE dap.setup_result IS 'A row of dap.setup(): what was made, kept or is missing';
COMMENT ON COLUMN dap.setup_result.object IS 'Schema, source, model or role';
COMMENT ON COLUMN dap.setup_result.kind IS 'schema, source, clean model, model or owner';
COMMENT ON COLUMN dap.setup_result.action IS 'created, changed, exists, or kept where it is defined otherwise';
COMMENT ON COLUMN dap.setup_result.note IS 'The files that the server sees, or the statement that is missing';
