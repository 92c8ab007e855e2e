-- How many items each collection has.
SELECT collections.id, count(items.id)
FROM pgstac.collections LEFT JOIN pgstac.items ON items.collection = collections.id
GROUP BY collections.id;
