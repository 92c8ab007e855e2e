-- The embedded database, which is nobody else's. Run in it by the superuser whenever the cluster starts.

-- The extensions that pgSTAC needs. Only a superuser may make PostGIS; pgSTAC leaves those that exist alone.
CREATE EXTENSION IF NOT EXISTS postgis;
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS unaccent;

-- Nobody but members of pgSTAC's groups connects or makes temporary tables.
DO $embedded$
BEGIN
  EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format(
    'GRANT CONNECT, TEMPORARY ON DATABASE %I TO pgstac_read, pgstac_ingest, pgstac_admin', current_database()
  );
END
$embedded$;
