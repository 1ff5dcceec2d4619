-- The extension's own schema. A plain CREATE: where somebody made a schema of this name before, the installation fails rather than trust what is in it.
CREATE SCHEMA dap;
COMMENT ON SCHEMA dap IS 'dap_analytics: functions, ledger and views of the pipeline from CSV files to analytics';
