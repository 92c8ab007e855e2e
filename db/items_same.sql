-- Which of the items of a JSON array are in the catalogue exactly so. Each is brought into pgSTAC's form once.
WITH given AS MATERIALIZED (
  SELECT made.*
  FROM jsonb_array_elements($1::text::jsonb) AS sent(content), LATERAL pgstac.content_dehydrate(sent.content) AS made
)
SELECT given.id
FROM given JOIN pgstac.items AS stored ON stored.collection = given.collection AND stored.id = given.id
WHERE stored.geometry IS NOT DISTINCT FROM given.geometry
  AND (stored.datetime, stored.end_datetime, stored.content)
    IS NOT DISTINCT FROM (given.datetime, given.end_datetime, given.content);
