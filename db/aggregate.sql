-- How many items of a search there are, together and by each of {keys}, in one pass over them. What comes in braces is
-- put in by http/stac/aggregation.py: columns of `found` by name, and the condition as pgSTAC writes it of a search.
-- Of the columns of `found` PostgreSQL computes those that are used: `content` is not touched for days or collections.
-- At most $1 rows a key, the most frequent ones. $2: characters of a geohash. $3: zoom of a tile.
SELECT *
FROM (
  SELECT
    {keys},
    grouping({keys}) AS key_set,
    count(*) AS frequency,
    min(datetime) AS earliest,
    max(datetime) AS latest,
    row_number() OVER (PARTITION BY grouping({keys}) ORDER BY count(*) DESC, {keys}) AS place
  FROM (
    SELECT
      datetime,
      collection,
      date_trunc('day', datetime AT TIME ZONE 'UTC')::date AS day,
      CASE WHEN jsonb_typeof(content -> 'properties' -> 'platform') = 'string'
        THEN content -> 'properties' ->> 'platform' END AS platform,
      CASE WHEN jsonb_typeof(content -> 'properties' -> 'grid:code') = 'string'
        THEN content -> 'properties' ->> 'grid:code' END AS grid_code,
      CASE WHEN jsonb_typeof(content -> 'properties' -> 'eo:cloud_cover') = 'number'
          AND (content -> 'properties' -> 'eo:cloud_cover')::numeric BETWEEN 0 AND 100
        THEN least(floor((content -> 'properties' -> 'eo:cloud_cover')::numeric / 10), 9)::int END AS cloud_tenth,
      CASE WHEN abs(longitude) <= 180 AND abs(latitude) <= 90
        THEN st_geohash(st_point(longitude, latitude), $2::int) END AS geohash,
      -- Web Mercator ends at 85.0511 degrees.
      CASE WHEN abs(longitude) <= 180 AND abs(latitude) < 85.0511
        THEN concat_ws(
          '/',
          $3::int,
          least(floor((longitude + 180) / 360 * 2 ^ $3::int), 2 ^ $3::int - 1)::int,
          floor((1 - asinh(tan(radians(latitude))) / pi()) / 2 * 2 ^ $3::int)::int
        ) END AS geotile
    FROM (
      -- The first part: of a footprint that the antimeridian cuts in two, the middle of both lies on the other side.
      SELECT
        datetime,
        collection,
        content,
        st_x(st_centroid(st_geometryn(geometry, 1))) AS longitude,
        st_y(st_centroid(st_geometryn(geometry, 1))) AS latitude
      FROM pgstac.items
      WHERE {condition}
    ) AS placed
  ) AS found
  GROUP BY GROUPING SETS ((), {sets})
) AS counted
WHERE place <= $1
