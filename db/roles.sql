-- The roles of eotiles. Roles belong to the whole server, so this runs in any database of it, as often as one likes.
-- Whoever runs it needs CREATEROLE (or to be superuser) while a role or a membership is missing, and nothing otherwise.

-- pgSTAC's three groups. pgSTAC makes them too, but the memberships below have to exist before it does.
DO $roles$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['pgstac_admin', 'pgstac_read', 'pgstac_ingest'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    END IF;
  END LOOP;
END
$roles$;

-- The three logins, without a password at first: nobody gets in until one is set.
DO $roles$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['eotiles_admin', 'eotiles_read', 'eotiles_ingest'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', name);
    END IF;
  END LOOP;
END
$roles$;

-- Each login is a member of its group.
DO $roles$
DECLARE
  suffix text;
BEGIN
  FOREACH suffix IN ARRAY ARRAY['admin', 'read', 'ingest'] LOOP
    IF NOT pg_has_role('eotiles_' || suffix, 'pgstac_' || suffix, 'USAGE') THEN
      EXECUTE format('GRANT %I TO %I', 'pgstac_' || suffix, 'eotiles_' || suffix);
    END IF;
  END LOOP;
END
$roles$;
