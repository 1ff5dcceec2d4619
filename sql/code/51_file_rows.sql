-- The rows of one file.

CREATE FUNCTION dap.file_rows(row_type anyelement, file_id integer) RETURNS SETOF anyelement
LANGUAGE c STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dap_file_rows';
COMMENT ON FUNCTION dap.file_rows(anyelement, integer) IS
  'The rows that a file brought into its source''s table, as the table''s row type: SELECT * FROM '
  'dap.file_rows(NULL::staging.orders, 7). Takes time for the file, not for the table, and no '
  'index, in no particular order: the ledger knows the blocks that the rows were written to; where they are no longer '
  'there (VACUUM FULL, CLUSTER, a restore) the whole table is read, as it is where row security '
  'hides some of them. Empty for a file that is not loaded; knows the files that the statement''s snapshot shows, not '
  'one that the same statement loads. Needs SELECT on the table; 42704 for an unknown file, 42804 for another table''s '
  'type';
