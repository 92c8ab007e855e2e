-- Last in the transaction that restores a backup: nothing is kept unless every collection has the items that the
-- backup has (pg_temp.expected). Whoever listens is told that everything changed.
DO $restored$
DECLARE
  wrong record;
BEGIN
  SELECT coalesce(expected.collection, found.id) AS name, expected.items AS wanted, found.items AS there INTO wrong
  FROM pg_temp.expected
    FULL JOIN (
      SELECT collections.id, count(items.id) AS items
      FROM pgstac.collections LEFT JOIN pgstac.items ON items.collection = collections.id
      GROUP BY collections.id
    ) AS found ON found.id = expected.collection
  WHERE expected.items IS DISTINCT FROM found.items
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'collection % would have % items instead of %', wrong.name, wrong.there, wrong.wanted;
  END IF;
  PERFORM pg_notify('eotiles_changes', '*');
END
$restored$;
