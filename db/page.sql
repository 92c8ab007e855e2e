-- A page of a search: what pgstac.search finds, row by row, instead of one document put together in the database, which
-- takes ten times as long for a thousand items. Condition, order and paging are pgSTAC's own functions'. It writes nothing.
-- $1: the search. $2: rows; one more than the page has tells whether another follows. $3, $4: collection and id of the item
-- of a paging token, $5: whether that is the first of the page after this one; all null without a token. pgSTAC's own
-- get_token_record reads the whole catalogue for that item.
--
-- Comes back, by `place`: 1 and above the items, in the order of the search (backwards with $5), without what their base
-- item says; 0 the base items that these need, `name` being how an item names its one; -1 how many items match in all,
-- where pgSTAC is set to count them; -2 that the token's item is gone. JSON is text.
WITH anchor AS MATERIALIZED (
  SELECT items AS item FROM pgstac.items AS items WHERE items.collection = $3::text AND items.id = $4::text LIMIT 1
),
asked AS MATERIALIZED (
  SELECT
    given.search, $5::boolean AS prev, anchor.item AS anchor,
    pgstac.to_text_array(given.search -> 'collections') AS collections,
    -- The direction of a search that goes by time first.
    CASE
      WHEN NOT given.search ? 'sortby' THEN 'DESC'
      WHEN pgstac.queryable_column(given.search #>> '{sortby,0,field}') = 'datetime'
        THEN pgstac.parse_sort_dir(given.search #>> '{sortby,0,direction}')
    END AS by_time
  FROM (SELECT $1::text::jsonb AS search) AS given
  LEFT JOIN anchor ON TRUE
  WHERE $5 IS NULL OR anchor.item IS DISTINCT FROM NULL
),
plan AS MATERIALIZED (
  SELECT
    -- With a place, an index on a number narrows nothing that the place has not, and has far more entries. The plus
    -- keeps the planner from reading them.
    CASE WHEN search ?| '{bbox,intersects}'
      THEN replace(pgstac.stac_search_to_where(search), 'eotiles_number(content->', '+eotiles_number(content->')
      ELSE pgstac.stac_search_to_where(search) END AS condition,
    CASE WHEN prev IS NOT NULL
      THEN pgstac.get_token_filter(search -> 'sortby', anchor, prev, FALSE, collections) END AS beyond,
    -- What follows from that filter, in words that an index understands: without it, all pages before are read again.
    CASE WHEN prev IS NOT NULL AND by_time IS NOT NULL
      THEN format('datetime %s %L', CASE WHEN (by_time = 'DESC') <> prev THEN '<=' ELSE '>=' END, (anchor).datetime)
    END AS bound,
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
  CROSS JOIN LATERAL pgstac.search_rows(concat_ws(' AND ', condition, beyond, bound), ordering, NULL, $2) WITH ORDINALITY
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
UNION ALL
SELECT -2, NULL, NULL, NULL, NULL
WHERE $5 IS NOT NULL AND NOT EXISTS (SELECT FROM anchor)
ORDER BY place
