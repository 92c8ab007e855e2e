-- What the properties of a collection's newest items hold: of each its JSON types, range and first different values.
-- {condition} narrows to the collection $2, or to nothing, and is put in by http/stac/queryables.py: as a parameter it
-- would keep PostgreSQL from looking into one partition only. $1: how many items are looked at. $3: how many values.
WITH newest AS (
  SELECT content -> 'properties' AS properties
  FROM pgstac.items
  WHERE {condition}
  ORDER BY datetime DESC
  LIMIT $1::int + 1
)
SELECT
  name,
  (SELECT count(*) FROM newest) <= $1::int AS is_complete,
  (SELECT content -> 'summaries' -> name FROM pgstac.collections WHERE id = $2::text) AS summary,
  array_agg(DISTINCT jsonb_typeof(value)) AS types,
  min(number)::float AS low,
  max(number)::float AS high,
  (array_agg(DISTINCT value) FILTER (WHERE jsonb_typeof(value) IN ('string', 'boolean')))[:$3::int] AS some
FROM newest
CROSS JOIN LATERAL jsonb_each(properties) AS property (name, value)
-- JSON has numbers that no float holds; those are left out.
CROSS JOIN LATERAL (
  SELECT
    CASE WHEN jsonb_typeof(value) = 'number'
      THEN CASE WHEN value::numeric = 0 OR abs(value::numeric) BETWEEN 1e-307 AND 1e308 THEN value::numeric END
    END AS number
) AS numbers
GROUP BY name
ORDER BY count(*) DESC, name
LIMIT 200
