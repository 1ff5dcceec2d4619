-- Exact order statistics, all made from one list of types: median, percentile, percentile_disc and percentiles, and
-- their companions mode, mad and iqr.
-- Nobody but the aggregates' owner may execute the support functions; they pin no search_path, which would cost a call
-- for every row: the C code behind them runs no SQL. FINALFUNC_MODIFY = SHAREABLE beside MFINALFUNC_MODIFY = READ_ONLY
-- makes the server use the moving form in every window, the default growing frame included: an answer for each row must
-- not sort the frame again.
-- SSPACE is what a group of ten values takes (a handful of intervals, which are wider): the executor takes no more
-- groups at a time than fit by it, and what a group has beyond it goes to a file when memory ends.

DO $make$
DECLARE
  -- To add a type: a line here, and its kind in src/pg/aggregate/quantile_state.h. `between` is the type of a value
  -- between two others (and of percentile_disc), `distance` of the difference of two.
  types constant jsonb := '[
    {"type": "smallint",         "between": "numeric",          "distance": "numeric",          "space": 384},
    {"type": "integer",          "between": "numeric",          "distance": "numeric",          "space": 384},
    {"type": "bigint",           "between": "numeric",          "distance": "numeric",          "space": 384},
    {"type": "numeric",          "between": "numeric",          "distance": "numeric",          "space": 384},
    {"type": "real",             "between": "double precision", "distance": "double precision", "space": 384},
    {"type": "double precision", "between": "double precision", "distance": "double precision", "space": 384},
    {"type": "date",             "between": "timestamp",        "distance": "interval",         "space": 384},
    {"type": "timestamp",        "between": "timestamp",        "distance": "interval",         "space": 384},
    {"type": "timestamptz",      "between": "timestamptz",      "distance": "interval",         "space": 384},
    {"type": "interval",         "between": "interval",         "distance": "interval",         "space": 2048}]';
  -- `arguments` behind the value, with and without their names; `moving` is whose moving state serves it; `result` one
  -- of the above, or the value's own type.
  statistics constant jsonb := '[
    {"name": "median", "result": "between", "moving": "quantile",
      "comment": "Exact median, the mean of the two middle values where their number is even"},
    {"name": "percentile", "result": "between", "moving": "quantile", "named": ", fraction double precision",
      "arguments": ", double precision",
      "comment": "Exact continuous percentile, interpolated between neighbours; the fraction is 0 to 1"},
    {"name": "percentile_disc", "result": "between", "moving": "quantile", "named": ", fraction double precision",
      "arguments": ", double precision",
      "comment": "The first value whose position in the order reaches the fraction, 0 to 1"},
    {"name": "percentiles", "result": "between", "array": "[]", "moving": "quantile",
      "named": ", fractions double precision[]", "arguments": ", double precision[]",
      "comment": "Exact continuous percentiles at several fractions, in one pass"},
    {"name": "mode", "result": "type", "moving": "mode", "comment": "The most frequent value, the lowest of several"},
    {"name": "mad", "result": "distance", "moving": "quantile",
      "comment": "Exact median absolute deviation: the median of the distances from the median"},
    {"name": "iqr", "result": "distance", "moving": "quantile",
      "comment": "Exact interquartile range: the third quartile less the first, both continuous"}]';
  strict_call constant text := 'STRICT';
  any_call constant text := 'CALLED ON NULL INPUT';
  t record;
  s record;
  support record;
  result text;
  answer text;
BEGIN
  -- Functions first: arguments, result and C function of each, once though several types or statistics share it.
  FOR support IN
    WITH type AS (SELECT * FROM jsonb_to_recordset(types) AS x(type text, "between" text, distance text,
      space integer)),
    statistic AS (SELECT * FROM jsonb_to_recordset(statistics) AS x(name text, result text, "array" text, moving text,
      named text, arguments text, comment text))
    SELECT 'quantile_combine' AS name, 'internal, internal' AS arguments, 'internal' AS result,
      'dap_quantile_combine' AS symbol, any_call AS call,
      'Joins two states of an order statistic' AS comment
    UNION VALUES ('quantile_serialize', 'internal', 'bytea', 'dap_quantile_serialize', strict_call,
      'A state of an order statistic as bytes'),
      ('quantile_deserialize', 'bytea, internal', 'internal', 'dap_quantile_deserialize', strict_call,
        'The state that the bytes hold; damaged bytes are an error')
    UNION SELECT f.name, format('internal, %s%s', type.type, a.arguments), 'internal', format('dap_%s', f.name),
      any_call, f.comment
    FROM type CROSS JOIN (SELECT DISTINCT coalesce(arguments, '') AS arguments FROM statistic) AS a
    CROSS JOIN (VALUES ('quantile_add', 'Adds a row to the state of an order statistic'),
      ('quantile_moving_add', 'Adds a row to the state of a moving order statistic'),
      ('quantile_moving_remove', 'Takes a row out of the state of a moving order statistic')) AS f(name, comment)
    UNION SELECT format('mode_moving_%s', f.name), format('internal, %s', type.type), 'internal',
      format('dap_mode_moving_%s', f.name), any_call, f.comment
    FROM type
    CROSS JOIN (VALUES ('add', 'Adds a row to the frame of dap.mode'),
      ('remove', 'Takes a row out of the frame of dap.mode')) AS f(name, comment)
    UNION SELECT format('%s%s_%s', statistic.name, m.moving, split_part(r.result, ' ', 1)), 'internal',
      r.result || coalesce(statistic."array", ''),
      format('dap_%s%s_final', statistic.name, m.moving), any_call,
        format('The answer of dap.%s from its %sstate', statistic.name, m.word)
    FROM statistic CROSS JOIN type
    CROSS JOIN LATERAL (SELECT CASE statistic.result WHEN 'between' THEN type."between"
      WHEN 'distance' THEN type.distance ELSE type.type END) AS r(result)
    CROSS JOIN (VALUES ('', ''), ('_moving', 'moving ')) AS m(moving, word)
  LOOP
    EXECUTE format('CREATE FUNCTION dap_internal.%I(%s) RETURNS %s AS %L, %L LANGUAGE C IMMUTABLE %s PARALLEL SAFE',
      support.name, support.arguments, support.result, 'MODULE_PATHNAME', support.symbol, support.call);
    EXECUTE format('COMMENT ON FUNCTION dap_internal.%I(%s) IS %L', support.name, support.arguments, support.comment);
  END LOOP;

  FOR s IN SELECT * FROM jsonb_to_recordset(statistics) AS x(name text, result text, "array" text, moving text,
      named text, arguments text, comment text) LOOP
    FOR t IN SELECT * FROM jsonb_to_recordset(types) AS x(type text, "between" text, distance text, space integer) LOOP
      result := CASE s.result WHEN 'between' THEN t."between" WHEN 'distance' THEN t.distance ELSE t.type END;
      answer := split_part(result, ' ', 1);
      EXECUTE format('CREATE AGGREGATE dap.%1$I(x %2$s%3$s) (
          SFUNC = dap_internal.quantile_add, STYPE = internal, SSPACE = %4$s,
          FINALFUNC = dap_internal.%1$s_%5$s, FINALFUNC_MODIFY = SHAREABLE,
          COMBINEFUNC = dap_internal.quantile_combine,
          SERIALFUNC = dap_internal.quantile_serialize, DESERIALFUNC = dap_internal.quantile_deserialize,
          MSFUNC = dap_internal.%6$s_moving_add, MINVFUNC = dap_internal.%6$s_moving_remove,
          MSTYPE = internal, MSSPACE = 1024,
          MFINALFUNC = dap_internal.%1$s_moving_%5$s, MFINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE)',
        s.name, t.type, s.named, t.space, answer, s.moving);
      EXECUTE format('COMMENT ON AGGREGATE dap.%I(%s%s) IS %L', s.name, t.type, s.arguments, s.comment);
    END LOOP;
  END LOOP;
END $make$;
