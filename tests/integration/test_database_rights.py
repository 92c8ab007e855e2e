"""What each login may and may not do, asked of pgSTAC itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from psycopg.types.json import Jsonb
from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods

pytestmark = pytest.mark.integration

Connection = psycopg.Connection[tuple[object, ...]]

COLLECTION = {
    "type": "Collection",
    "stac_version": "1.1.0",
    "id": "rights",
    "description": "Written to see who may.",
    "license": "other",
    "links": [],
    "extent": {
        "spatial": {"bbox": [[-180, -90, 180, 90]]},
        "temporal": {"interval": [[None, None]]},
    },
}
POINT = '{"type": "Point", "coordinates": [0.5, 0.5]}'


def _item(name: str, month: int = 1) -> dict[str, object]:
    ring = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": name,
        "collection": "rights",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [0, 0, 1, 1],
        "properties": {"datetime": f"2024-{month:02}-01T00:00:00Z", "eo:cloud_cover": month},
        "links": [],
        "assets": {"red": {"href": "red.tif"}},
    }


@pytest.fixture(scope="module")
def ingest(ingest_conninfo: str) -> Iterator[Connection]:
    """A writer that has written a collection with twelve items, one a month."""
    with psycopg.connect(ingest_conninfo, autocommit=True) as connection:
        connection.execute("SELECT pgstac.create_collection(%s)", [Jsonb(COLLECTION)])
        items = [_item(f"item-{month}", month) for month in range(1, 13)]
        connection.execute("SELECT pgstac.create_items(%s)", [Jsonb(items)])
        yield connection
        connection.execute("SELECT pgstac.delete_collection('rights')")


@pytest.fixture(scope="module")
def read(read_conninfo: str, ingest: Connection) -> Iterator[Connection]:
    """A reader, without any option: what the role gives is what it has."""
    with psycopg.connect(read_conninfo, autocommit=True) as connection:
        yield connection


def _recorded(connection: Connection) -> tuple[object, ...]:
    """Rows of the tables that pgSTAC may write while it reads."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM pgstac.searches), (SELECT count(*) FROM pgstac.search_wheres),"
        " (SELECT count(*) FROM pgstac.format_item_cache)"
    ).fetchone()
    assert row is not None
    return row


READS = {
    "search": "SELECT search('{}')",
    "search cql2": """SELECT search('{"filter-lang": "cql2-json", "filter":
        {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 3]}, "sortby": [{"field": "eo:cloud_cover"}]}')""",
    "search with count": """SELECT search('{"conf": {"context": "on"}}')""",
    "search by geometry": f"SELECT search('{{\"intersects\": {POINT}}}')",
    "search ids": """SELECT search('{"collections": ["rights"], "ids": ["item-1"]}')""",
    "search fields": """SELECT search('{"fields": {"include": ["id"]}}')""",
    "search free text": """SELECT search('{"q": "rights"}')""",
    "search query": "SELECT search_query('{}')",
    "item": "SELECT get_item('item-1', 'rights')",
    "item row": "SELECT item_by_id('item-1', 'rights')",
    "collection": "SELECT get_collection('rights')",
    "collections": "SELECT all_collections()",
    "collection search": """SELECT collection_search('{"bbox": [0, 0, 1, 1]}')""",
    "queryables": "SELECT get_queryables('rights')",
    "all queryables": "SELECT get_queryables(NULL::text)",
    "items": "SELECT content_hydrate(items) FROM items LIMIT 1",
}


@pytest.mark.parametrize("statement", READS.values(), ids=READS.keys())
def test_reading_answers_and_records_nothing(
    read: Connection, ingest: Connection, statement: str
) -> None:
    before = _recorded(ingest)
    row = read.execute(statement.encode()).fetchone()
    assert row is not None
    assert row[0] is not None
    assert _recorded(ingest) == before


def test_a_search_cannot_talk_its_way_into_writing(read: Connection, ingest: Connection) -> None:
    before = _recorded(ingest)
    with pytest.raises(errors.InsufficientPrivilege):
        read.execute("""SELECT search('{"conf": {"context": "on", "readonly": false}}')""")
    assert _recorded(ingest) == before


def test_a_registered_search_is_the_one_row_a_reader_adds(
    read: Connection, ingest: Connection
) -> None:
    before = _recorded(ingest)
    search, metadata = Jsonb({"collections": ["rights"]}), Jsonb({"name": "rights"})
    with read.transaction():
        read.execute("SET LOCAL pgstac.readonly = false")
        row = read.execute(
            "SELECT hash FROM search_query(%s, _metadata => %s)", [search, metadata]
        ).fetchone()
    assert row is not None
    assert read.execute("SHOW pgstac.readonly").fetchone() == ("true",)
    after = _recorded(ingest)
    assert after == (int(str(before[0])) + 1, *before[1:])
    for statement in (
        "SELECT geojsonsearch(%s, %s)",
        "SELECT xyzsearch(0, 0, 0, %s)",
        "SELECT search_fromhash(%s)",
    ):
        arguments = [POINT, row[0]] if "geojson" in statement else [row[0]]
        found = read.execute(statement.encode(), arguments).fetchone()
        assert found is not None
        if "fromhash" not in statement:
            assert isinstance(found[0], dict)
            assert found[0]["features"]
    assert _recorded(ingest) == after


WRITES = {
    "item": ("SELECT create_item(%s)", Jsonb(_item("forbidden"))),
    "items": ("SELECT upsert_items(%s)", Jsonb([_item("forbidden")])),
    "item table": ("DELETE FROM items WHERE id = %s", "item-1"),
    "item delete": ("SELECT delete_item(%s)", "item-1"),
    "collection": ("SELECT create_collection(%s)", Jsonb({**COLLECTION, "id": "forbidden"})),
    "collection update": ("UPDATE collections SET content = %s", Jsonb({})),
    "collection delete": ("SELECT delete_collection(%s)", "rights"),
    "settings": ("UPDATE pgstac_settings SET value = %s", "off"),
    "queryables": ("INSERT INTO queryables (name) VALUES (%s)", "forbidden"),
    "search statistics": ("INSERT INTO search_wheres (_where) VALUES (%s)", "true"),
    "item cache": ("INSERT INTO format_item_cache (id) VALUES (%s)", "x"),
    "forget searches": ("DELETE FROM searches WHERE hash = %s", "x"),
    "partitions": ("SELECT check_partition(%s, NULL, NULL)", "rights"),
    "queue": ("INSERT INTO query_queue (query) VALUES (%s)", "SELECT 1"),
}


@pytest.mark.parametrize(("statement", "value"), WRITES.values(), ids=WRITES.keys())
def test_a_reader_writes_nothing(read: Connection, statement: str, value: object) -> None:
    read.execute("SET pgstac.readonly = false")
    with pytest.raises(errors.InsufficientPrivilege):
        read.execute(statement.encode(), [value])
    read.execute("RESET pgstac.readonly")


DEFINITIONS = {
    "table": "CREATE TABLE pgstac.forbidden (a int)",
    "public table": "CREATE TABLE public.forbidden (a int)",
    "function": "CREATE FUNCTION pgstac.forbidden() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "schema": "CREATE SCHEMA forbidden",
    "drop": "DROP TABLE pgstac.items",
    "alter": "ALTER TABLE pgstac.collections ADD COLUMN forbidden int",
    "truncate": "TRUNCATE pgstac.items",
    "trigger": "CREATE TRIGGER forbidden BEFORE INSERT ON pgstac.collections FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "role": "CREATE ROLE forbidden",
    "become admin": "SET ROLE pgstac_admin",
    "extension": "CREATE EXTENSION dblink",
    "file": "COPY pgstac.collections TO '/tmp/forbidden'",
    "program": "COPY pgstac.collections TO PROGRAM 'cat'",
}


@pytest.mark.parametrize("statement", DEFINITIONS.values(), ids=DEFINITIONS.keys())
def test_readers_and_writers_define_nothing(
    read: Connection, ingest: Connection, statement: str
) -> None:
    for connection in (read, ingest):
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_a_writer_does_all_that_ingest_needs(
    ingest: Connection, ingest_conninfo: str, tmp_path: Path
) -> None:
    other = {**COLLECTION, "id": "rights-2"}
    ingest.execute("SELECT pgstac.create_collection(%s)", [Jsonb(other)])
    ingest.execute("UPDATE pgstac.collections SET partition_trunc = 'month' WHERE id = 'rights-2'")
    items = [{**_item(f"item-{month}", month), "collection": "rights-2"} for month in range(1, 5)]
    with PgstacDB(dsn=ingest_conninfo) as database:
        loader = Loader(database)
        loader.load_items(iter(items), insert_mode=Methods.upsert)
        loader.load_items(iter(items), insert_mode=Methods.upsert)
        pool = database.pool
    pool.close()
    ingest.execute("SELECT pgstac.upsert_items(%s)", [Jsonb(items)])
    changed = {**items[0], "properties": {"datetime": "2025-07-01T00:00:00Z"}}
    ingest.execute("SELECT pgstac.update_item(%s)", [Jsonb(changed)])
    ingest.execute("SELECT pgstac.delete_item('item-2', 'rights-2')")
    ingest.execute("SELECT pgstac.update_collection(%s)", [Jsonb({**other, "title": "changed"})])
    count = "SELECT count(*) FROM pgstac.items WHERE collection = 'rights-2'"
    assert ingest.execute(count).fetchone() == (3,)
    ingest.execute("SELECT pgstac.delete_collection('rights-2')")
    assert ingest.execute(count).fetchone() == (0,)


def test_sessions_have_bounds_by_default(read: Connection, ingest: Connection) -> None:
    assert read.execute("SHOW statement_timeout").fetchone() == ("5s",)
    assert read.execute("SHOW lock_timeout").fetchone() == ("1s",)
    assert ingest.execute("SHOW statement_timeout").fetchone() == ("30s",)
    for connection in (read, ingest):
        assert connection.execute("SHOW search_path").fetchone() == ("pgstac, public",)


def test_nobody_else_connects(read: Connection) -> None:
    row = read.execute(
        "SELECT has_database_privilege('public', current_database(), 'CONNECT'),"
        " has_database_privilege('public', current_database(), 'TEMPORARY'),"
        " has_schema_privilege('public', 'public', 'CREATE')"
    ).fetchone()
    assert row == (False, False, False)
