-- What the logins may do in the database that pgSTAC was just migrated in.
-- pgSTAC's own script grants more to its groups; as it does so at every migration, this follows every migration.

-- Also where somebody took these from everybody: readers need temporary tables, as geojsonsearch and xyzsearch make one.
DO $grants$
BEGIN
  EXECUTE format(
    'GRANT CONNECT, TEMPORARY ON DATABASE %I TO pgstac_read, pgstac_ingest, pgstac_admin', current_database()
  );
END
$grants$;

-- Readers add rows to `searches` (a registered search) and to nothing else. pgSTAC also lets them write two caches,
-- and the body of a search may switch that on: {"conf": {"context": "on", "readonly": false}}.
REVOKE INSERT, UPDATE ON pgstac.search_wheres, pgstac.format_item_cache FROM pgstac_read;

-- Writers change rows, not tables: pgSTAC's functions that make partitions run with the rights of pgstac_admin.
REVOKE CREATE ON SCHEMA pgstac FROM pgstac_ingest;
REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA pgstac FROM pgstac_ingest;

-- A login does not inherit its group's search_path.
ALTER ROLE eotiles_read SET search_path TO pgstac, public;
ALTER ROLE eotiles_ingest SET search_path TO pgstac, public;
ALTER ROLE eotiles_admin SET search_path TO pgstac, public;

-- Bounds that hold for a session that forgets to ask for them (each session may choose others).
ALTER ROLE eotiles_read SET statement_timeout TO '5s';
ALTER ROLE eotiles_read SET lock_timeout TO '1s';
ALTER ROLE eotiles_read SET idle_in_transaction_session_timeout TO '10s';
ALTER ROLE eotiles_ingest SET statement_timeout TO '30s';
ALTER ROLE eotiles_ingest SET lock_timeout TO '5s';
ALTER ROLE eotiles_ingest SET idle_in_transaction_session_timeout TO '60s';

-- How searches are planned. They take milliseconds: starting workers or compiling costs more than it saves. Functions are
-- priced in operators, an st_intersects at 10,000 of them by PostGIS, the reading of a property at 5,000 by pgSTAC. They
-- are not worth that: to save a few hundred calls whole indexes were read (docs/database.md has the measurements).
ALTER ROLE eotiles_read SET max_parallel_workers_per_gather TO 0;
ALTER ROLE eotiles_read SET jit TO off;
ALTER ROLE eotiles_read SET random_page_cost TO 1.1;
ALTER ROLE eotiles_read SET cpu_operator_cost TO 0.0005;
ALTER ROLE eotiles_read SET cpu_index_tuple_cost TO 0.02;

-- Readers do not record their searches. Setting a parameter that PostgreSQL does not know needs a right of its own,
-- which a migrating login may lack in a database that is not ours; eotiles also asks for it in every session.
DO $grants$
BEGIN
  ALTER ROLE eotiles_read SET pgstac.readonly TO 'true';
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'pgstac.readonly is not made a default of eotiles_read';
END
$grants$;
