-- The extension's own schemas. A plain CREATE: where somebody made a schema of such a name before, the installation
-- fails rather than trust what is in it.
CREATE SCHEMA dap;
COMMENT ON SCHEMA dap IS 'dap_analytics: functions, ledger and views of the pipeline from CSV files to analytics';

-- What nobody calls: the tables of the ledger and the definitions, the functions behind those of dap, the parts of
-- aggregates and types. Tab and \df dap.* show what is for people.
CREATE SCHEMA dap_internal;
COMMENT ON SCHEMA dap_internal
  IS 'dap_analytics: tables and functions behind those of schema dap, not to be called or written';
