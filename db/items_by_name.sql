-- Items by collection and id, as text: jsonb writes one form only, so equal texts mean equal items. With what the
-- collection says of digital numbers, over what its items say.
-- The inner query keeps its LIMIT so that PostgreSQL looks into the one partition of each collection.
SELECT wanted.collection, wanted.id, pgstac.content_hydrate(found.item)::text, (
  SELECT content -> 'eotiles:radiometry' FROM pgstac.collections WHERE id = wanted.collection
)::text
FROM unnest(%(collections)s::text[], %(ids)s::text[]) AS wanted(collection, id)
CROSS JOIN LATERAL (
  SELECT items AS item FROM pgstac.items AS items
  WHERE items.collection = wanted.collection AND items.id = wanted.id
  LIMIT 1
) AS found;
