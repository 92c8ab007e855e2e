-- What eotiles_admin needs in the embedded cluster to migrate without being superuser. Run by the superuser.

-- pgSTAC's migrations make roles, set attributes of the three groups and act as them; grants.sql sets attributes of
-- the logins. From PostgreSQL 16 on that takes ADMIN OPTION on each role besides CREATEROLE.
ALTER ROLE eotiles_admin CREATEROLE;
GRANT pgstac_admin, pgstac_read, pgstac_ingest, eotiles_read, eotiles_ingest TO eotiles_admin WITH ADMIN OPTION;

-- grants.sql makes pgstac.readonly the default of eotiles_read.
GRANT SET ON PARAMETER pgstac.readonly TO eotiles_admin;
