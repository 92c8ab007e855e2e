-- A page of a search: what pgstac.search finds, row by row, instead of one document put together in the database, which
-- takes ten times as long for a thousand items. Condition, order and paging are pgSTAC's own functions'. It writes nothing.
-- $1: the search. $2: rows; one more than the page has tells whether another follows.
--
-- Comes back, by `place`: 1 and above the items, in the order of the search (backwards with a token `prev:`), without what
-- their base item says; 0 the base items that these need, `name` being how an item names its one; -1 how many items match
-- in all, where pgSTAC is set to count them. JSON as text.
WITH asked AS MATERIALIZED (
  SELECT
    given.search, token.prev, token.item AS anchor,
    pgstac.to_text_array(given.search -> 'collections') AS collections
  FROM (SELECT $1::text::jsonb AS search) AS given
  CROSS JOIN LATERAL pgstac.get_token_record(given.search ->> 'token') AS token
),
plan AS MATERIALIZED (
  SELECT
    pgstac.stac_search_to_where(search) AS condition,
    CASE WHEN prev IS NOT NULL
      THEN pgstac.get_token_filter(search -> 'sortby', anchor, prev, FALSE, collections) END AS beyond,
    CASE
      WHEN search ? 'sortby' THEN pgstac.sort_sqlorderby(search, coalesce(prev, FALSE), '{collection,id}', collections)
      -- What that function makes of no sort order; it takes a millisecond.
      WHEN prev THEN 'datetime ASC, collection ASC, id ASC'
      ELSE 'datetime DESC, collection DESC, id DESC'
    END AS ordering
  FROM asked
),
found AS MATERIALIZED (
  SELECT item.*
  FROM plan
  CROSS JOIN LATERAL pgstac.search_rows(concat_ws(' AND ', condition, beyond), ordering, NULL, $2) WITH ORDINALITY
    AS item (id, geometry, collection, datetime, end_datetime, content, private, place)
)
SELECT place, collection, id AS name, st_asgeojson(geometry, 20) AS geometry, content::text AS content
FROM found
UNION ALL
SELECT
  0, collection, tag, NULL,
  -- As pgstac.content_nonhydrated chooses it.
  coalesce(
    CASE WHEN tag IS NULL OR tag ~ '^\s*\d{1,9}\s*$' THEN pgstac.collection_base_item(collection, tag::int) END,
    (SELECT base_item FROM pgstac.collections WHERE id = collection)
  )::text
FROM (SELECT DISTINCT collection, content ->> 'pgstac:base_item' AS tag FROM found) AS base
UNION ALL
SELECT -1, NULL, NULL, NULL, coalesce(stats.total_count, stats.estimated_count)::text
FROM plan
CROSS JOIN LATERAL pgstac.where_stats(plan.condition) AS stats
WHERE lower(pgstac.context()) <> 'off'
ORDER BY place
