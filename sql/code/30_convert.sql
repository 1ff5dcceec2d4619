CREATE FUNCTION dap_internal.convert(value text, rule jsonb, OUT ok boolean, OUT value text, OUT reason text,
  OUT message text)
  AS 'MODULE_PATHNAME', 'dap_convert'
  LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 5
  SET search_path = pg_catalog, pg_temp;

COMMENT ON FUNCTION dap_internal.convert(text, jsonb) IS
  'Converts a text by the rule of a clean model''s column; the value is shown in ISO form, in UTC, whatever the '
  'session''s settings are';

