-- The extensions that pgSTAC needs. Only a superuser may make PostGIS; pgSTAC leaves those that exist alone.
CREATE EXTENSION IF NOT EXISTS postgis;
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS unaccent;
