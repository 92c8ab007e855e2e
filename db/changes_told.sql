-- Whether changes are told in this database (db/changes.sql was applied): asked at every heartbeat of a listener.
SELECT count(*) = 2 FROM pg_catalog.pg_trigger
WHERE tgname = 'eotiles_changed' AND tgenabled <> 'D'
  AND tgrelid IN (to_regclass('pgstac.items'), to_regclass('pgstac.collections'));
