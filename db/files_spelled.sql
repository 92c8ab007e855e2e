-- Hrefs that may name a file on the list (pg_temp.removed) in another spelling: with percent signs, `..`, `file:/` or by
-- another path to the same folder. Which of them do is for who can look at the folders.
SELECT DISTINCT asset.value->>'href'
FROM (
  SELECT content FROM pgstac.items
  UNION ALL
  SELECT content FROM pgstac.collections
  UNION ALL
  SELECT base_item FROM pgstac.collections
) AS named(content),
  LATERAL jsonb_each(
    CASE jsonb_typeof(named.content->'assets') WHEN 'object' THEN named.content->'assets' ELSE '{}' END
  ) AS asset
WHERE asset.value->>'href' ~ '^(/|file:)'
  AND (
    asset.value->>'href' LIKE 'file:%\%%'
    OR regexp_replace(asset.value->>'href', '^.*/', '') IN (
      SELECT regexp_replace(path, '^.*/', '') FROM pg_temp.removed
    )
  )
