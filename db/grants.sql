-- What the logins may do in the database that pgSTAC was just migrated in.
-- pgSTAC's own script grants more to its groups; as it does so at every migration, this follows every migration.

-- Nobody but the three logins (and the owner) connects, and only writers make temporary tables.
DO $grants$
BEGIN
  EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO pgstac_read, pgstac_ingest, pgstac_admin', current_database());
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO pgstac_ingest, pgstac_admin', current_database());
END
$grants$;
