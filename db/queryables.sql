-- What searches name most besides place and time gets an index: clouds to sort and filter by, and the square of a grid.
-- Without them sorting a collection by its clouds reads all of it. An entry that somebody made already is left alone.
SET ROLE pgstac_admin;

-- pgSTAC's to_float stops a search, and an index any writing, at a property that is no number. This one finds none.
CREATE OR REPLACE FUNCTION pgstac.eotiles_number(value jsonb) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT jsonb_path_query_first(value, '$.double()', '{}', TRUE)::float8
$$;
INSERT INTO pgstac.queryable_wrappers (name) VALUES ('eotiles_number') ON CONFLICT DO NOTHING;

DO $queryables$
DECLARE
  made int;
BEGIN
  SET LOCAL search_path TO pgstac, public;
  INSERT INTO queryables (name, definition, property_wrapper, property_index_type)
  SELECT *
  FROM (VALUES
    (
      'eo:cloud_cover',
      '{"title": "Cloud cover", "type": "number"}'::jsonb,
      'eotiles_number', 'BTREE'
    ),
    -- Any length, unlike a B-tree; nobody asks for a range of squares.
    ('grid:code', '{"title": "Grid code", "type": "string"}'::jsonb, 'to_text', 'HASH')
  ) AS ours (name, definition, property_wrapper, property_index_type)
  WHERE NOT EXISTS (SELECT FROM queryables WHERE queryables.name = ours.name);
  GET DIAGNOSTICS made = ROW_COUNT;
  -- The planner has to know how the new indexes' values are spread.
  IF made > 0 THEN
    ANALYZE items;
  END IF;
END
$queryables$;

RESET ROLE;
