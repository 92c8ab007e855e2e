-- Which of the items of a JSON array are in the catalogue, and whether exactly so.
SELECT given.id, stored IS NOT DISTINCT FROM given AS same
FROM jsonb_array_elements($1::text::jsonb) AS sent(content),
  LATERAL pgstac.content_dehydrate(sent.content) AS given
  JOIN pgstac.items AS stored ON stored.collection = given.collection AND stored.id = given.id
ORDER BY given.id;
