-- Takes those files off the list (pg_temp.removed) that an item or a collection still names.
DELETE FROM pg_temp.removed
WHERE path IN (
  SELECT regexp_replace(asset.value->>'href', '^file://', '')
  FROM (
    SELECT content FROM pgstac.items
    UNION ALL
    SELECT content FROM pgstac.collections
    UNION ALL
    -- What all items of a collection share is stored with it.
    SELECT base_item FROM pgstac.collections
  ) AS named(content),
    LATERAL jsonb_each(
      CASE jsonb_typeof(named.content->'assets') WHEN 'object' THEN named.content->'assets' ELSE '{}' END
    ) AS asset
);
