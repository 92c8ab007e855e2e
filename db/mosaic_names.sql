-- Names and footprints of the items of a search, best first: those of mosaic_items.sql in the same order.
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
