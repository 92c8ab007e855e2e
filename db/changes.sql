-- Whoever listens on `eotiles_changes` is told which collection changed, when the change is committed.
-- The payload is the collection's id, or * for everything. A transaction tells each payload once, however many rows.

-- As the owner of pgSTAC's tables, so that any login that migrates may do it again.
SET ROLE pgstac_admin;

CREATE OR REPLACE FUNCTION pgstac.eotiles_changed() RETURNS trigger LANGUAGE plpgsql SET search_path TO pg_catalog AS $$
DECLARE
  was text;
  is_now text;
BEGIN
  IF TG_LEVEL = 'STATEMENT' THEN
    PERFORM pg_notify('eotiles_changes', '*');
    RETURN NULL;
  END IF;
  IF TG_ARGV[0] = 'items' THEN
    IF TG_OP <> 'INSERT' THEN was := OLD.collection; END IF;
    IF TG_OP <> 'DELETE' THEN is_now := NEW.collection; END IF;
  ELSE
    IF TG_OP <> 'INSERT' THEN was := OLD.id; END IF;
    IF TG_OP <> 'DELETE' THEN is_now := NEW.id; END IF;
  END IF;
  -- A payload has at most 8000 bytes.
  IF is_now IS NOT NULL THEN
    PERFORM pg_notify('eotiles_changes', CASE WHEN octet_length(is_now) > 1000 THEN '*' ELSE is_now END);
  END IF;
  IF was IS NOT NULL AND was IS DISTINCT FROM is_now THEN
    PERFORM pg_notify('eotiles_changes', CASE WHEN octet_length(was) > 1000 THEN '*' ELSE was END);
  END IF;
  RETURN NULL;
END
$$;

-- Row by row: `pypgstac load` writes partitions, where a statement trigger of `items` does not fire. PostgreSQL gives
-- row triggers to every partition, those to come too. Deleting a collection drops its partition; the row in
-- `collections` tells. Made only where missing, as making them waits for whoever is writing.
DO $changes$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['items', 'collections'] LOOP
    IF NOT EXISTS (
      SELECT FROM pg_trigger WHERE tgrelid = format('pgstac.%I', name)::regclass AND tgname = 'eotiles_changed'
    ) THEN
      EXECUTE format(
        'CREATE TRIGGER eotiles_changed AFTER INSERT OR UPDATE OR DELETE ON pgstac.%I'
        ' FOR EACH ROW EXECUTE FUNCTION pgstac.eotiles_changed(%L)', name, name
      );
    END IF;
    IF NOT EXISTS (
      SELECT FROM pg_trigger WHERE tgrelid = format('pgstac.%I', name)::regclass AND tgname = 'eotiles_truncated'
    ) THEN
      EXECUTE format(
        'CREATE TRIGGER eotiles_truncated AFTER TRUNCATE ON pgstac.%I'
        ' FOR EACH STATEMENT EXECUTE FUNCTION pgstac.eotiles_changed(%L)', name, name
      );
    END IF;
  END LOOP;
END
$changes$;

RESET ROLE;
