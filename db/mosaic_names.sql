-- Names and footprints of the items of a search, best first: what pgstac.search returns, less its paging, and it never
-- writes. The order is total: the search's own, else datetime descending, then collection and id.
-- `geometry` narrows the search further, whatever bbox or intersects it has itself; null: no further.
SELECT item.collection, item.id, st_asbinary(item.geometry)
FROM pgstac.search_rows(
  CASE
    WHEN %(geometry)s::jsonb IS NULL THEN pgstac.stac_search_to_where(%(search)s)
    ELSE format(
      '%%s AND st_intersects(geometry, %%L::geometry)',
      pgstac.stac_search_to_where(%(search)s),
      st_geomfromgeojson(%(geometry)s::jsonb)
    )
  END,
  pgstac.sort_sqlorderby(
    %(search)s, FALSE, '{collection,id}', pgstac.to_text_array(%(search)s::jsonb -> 'collections')
  ),
  NULL,
  %(limit)s
) AS item;
