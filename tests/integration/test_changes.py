"""Changes of the catalogue are heard within a second, whoever makes them and whatever happens to the database."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb
from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods

from eotiles.catalog.changes import Changes
from eotiles.catalog.epochs import STALE_S, Epochs
from eotiles.catalog.migrations import migrate
from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests import builders
from tests.stac_server import serving

pytestmark = pytest.mark.integration

COLLECTION, OTHER = "changes", "changes-other"
WITHIN_S = 1.0
"""What the issue asks for."""


@pytest.fixture
def sql(ingest_conninfo: str) -> Iterator[Callable[..., None]]:
    """Runs a statement as the ingest login; two collections with an item each are there."""
    options = "-c search_path=pgstac,public"
    with psycopg.connect(ingest_conninfo, autocommit=True, options=options) as connection:

        def run(statement: str, *values: Any) -> None:
            connection.execute(statement.encode(), values)

        for name in (COLLECTION, OTHER):
            run("SELECT upsert_collection(%s)", Jsonb(builders.collection(name)))
            run("SELECT upsert_item(%s)", Jsonb(builders.item("one", collection=name)))
        yield run
        run("SELECT delete_collection(id) FROM collections WHERE id LIKE 'changes%%'")


@pytest.fixture
async def epochs(sql: Callable[..., None], read_conninfo: str) -> AsyncIterator[Epochs]:
    """Fed by a listener with the login that reads."""
    made = Epochs()
    async with Changes(read_conninfo, epochs=made):
        await until(lambda: made.heard)
        yield made


async def until(
    is_so: Callable[[], bool], *, within_s: float = 5.0, what: str = "it happens"
) -> float:
    """Seconds until something is so."""
    began = time.perf_counter()
    while not is_so():
        assert time.perf_counter() - began < within_s, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.002)
    return time.perf_counter() - began


async def heard(
    epochs: Epochs, change: Callable[[], Any], *collections: str, others: bool = False
) -> float:
    """Make a change, in a thread, and wait until each collection's epoch has grown; seconds after it returned."""
    before = {name: epochs.epoch(name) for name in (*collections, OTHER)}
    done = await asyncio.to_thread(change)
    assert done is None
    seconds = await until(
        lambda: all(epochs.epoch(name) > before[name] for name in collections),
        within_s=WITHIN_S,
        what=f"a change of {collections} is heard",
    )
    if not others and OTHER not in collections:
        assert epochs.epoch(OTHER) == before[OTHER], "a change of one is none of another"
    return seconds


def loads(
    conninfo: str, items: list[dict[str, Any]], mode: Methods = Methods.upsert
) -> Callable[[], None]:
    """What `pypgstac load items` does."""

    def run() -> None:
        with PgstacDB(dsn=conninfo) as database:
            Loader(database).load_items(iter(items), insert_mode=mode)
            pool = database.pool
        pool.close()

    return run


async def test_sql(epochs: Epochs, sql: Callable[..., None]) -> None:
    item = builders.item("two", collection=COLLECTION)
    changed = {**item, "properties": {"datetime": "2020-01-01T00:00:00Z"}}
    collection = {**builders.collection(COLLECTION), "title": "changed"}
    statements: list[tuple[str, Any]] = [
        ("SELECT create_item(%s)", Jsonb(item)),
        ("SELECT update_item(%s)", Jsonb(changed)),
        ("SELECT upsert_item(%s)", Jsonb(item)),
        ("UPDATE items SET content = content || %s WHERE id = 'two'", Jsonb({"x": 1})),
        ("SELECT delete_item(%s, 'changes')", "two"),
        ("DELETE FROM items WHERE collection = %s", COLLECTION),
        ("SELECT update_collection(%s)", Jsonb(collection)),
    ]
    for statement, value in statements:
        await heard(epochs, lambda s=statement, v=value: sql(s, v), COLLECTION)


@pytest.mark.parametrize("trunc", [None, "month"])
async def test_pypgstac_load(
    epochs: Epochs, sql: Callable[..., None], ingest_conninfo: str, trunc: str | None
) -> None:
    """It writes partitions directly; a statement trigger of `items` would not fire."""
    sql("UPDATE collections SET partition_trunc = %s WHERE id = %s", trunc, COLLECTION)
    await asyncio.sleep(0.1)
    months = [
        builders.item(f"m{month}", collection=COLLECTION, datetime=f"2024-{month:02}-03T00:00:00Z")
        for month in range(1, 5)
    ]
    await heard(epochs, loads(ingest_conninfo, months), COLLECTION)
    months[0]["properties"]["title"] = "changed"
    await heard(epochs, loads(ingest_conninfo, months), COLLECTION)
    month = builders.item("m9", collection=COLLECTION, datetime="2025-09-03T00:00:00Z")
    await heard(epochs, loads(ingest_conninfo, [month], Methods.insert), COLLECTION)


async def test_a_new_collection_with_a_new_partition(
    epochs: Epochs, sql: Callable[..., None], ingest_conninfo: str
) -> None:
    name = "changes-new"
    await heard(
        epochs,
        lambda: sql("SELECT create_collection(%s)", Jsonb(builders.collection(name))),
        name,
    )
    await heard(epochs, loads(ingest_conninfo, [builders.item("a", collection=name)]), name)


async def test_a_deleted_collection(epochs: Epochs, sql: Callable[..., None]) -> None:
    """pgSTAC drops its partition, which no trigger of `items` sees."""
    await heard(epochs, lambda: sql("SELECT delete_collection(%s)", COLLECTION), COLLECTION)


async def test_a_collection_that_gets_another_name(
    epochs: Epochs, sql: Callable[..., None]
) -> None:
    """One without items: pgSTAC cannot rename a partition."""
    sql("SELECT create_collection(%s)", Jsonb(builders.collection("changes-named")))
    await asyncio.sleep(0.1)
    renamed = Jsonb(builders.collection("changes-renamed"))
    statement = "UPDATE collections SET content = %s WHERE id = 'changes-named'"
    await heard(epochs, lambda: sql(statement, renamed), "changes-named", "changes-renamed")


async def test_names_too_long_for_a_payload(epochs: Epochs, sql: Callable[..., None]) -> None:
    name = "changes-" + "long" * 600
    await heard(
        epochs,
        lambda: sql("SELECT create_collection(%s)", Jsonb(builders.collection(name))),
        name,
        others=True,
    )


async def test_odd_names(epochs: Epochs, sql: Callable[..., None]) -> None:
    for name in ("changes-'quoted'; --", "changes-ünï ☃", "changes\n*", 'changes-"'):
        collection = Jsonb(builders.collection(name))
        await heard(epochs, lambda c=collection: sql("SELECT create_collection(%s)", c), name)


async def test_nothing_is_told_before_the_commit_nor_after_a_rollback(
    epochs: Epochs, ingest_conninfo: str
) -> None:
    before = epochs.clock
    async with await psycopg.AsyncConnection.connect(ingest_conninfo) as connection:
        await connection.execute("DELETE FROM pgstac.items WHERE collection = 'changes'")
        await asyncio.sleep(0.4)
        assert epochs.clock == before
        await connection.rollback()
        await asyncio.sleep(0.2)
        assert epochs.clock == before
        await connection.execute("DELETE FROM pgstac.items WHERE collection = 'changes'")
        await connection.commit()
    await until(lambda: epochs.clock > before, within_s=WITHIN_S)


async def test_a_transaction_tells_once(epochs: Epochs, ingest_conninfo: str) -> None:
    told: list[str | None] = []
    epochs.subscribe(told.append)
    items = [builders.item(f"i{number}", collection=COLLECTION) for number in range(500)]
    async with await psycopg.AsyncConnection.connect(
        ingest_conninfo, options="-c search_path=pgstac,public"
    ) as connection:
        await connection.execute("SELECT create_items(%s)", [Jsonb(items)])
    await until(lambda: len(told) > 0, within_s=WITHIN_S)
    await asyncio.sleep(0.2)
    assert told == [COLLECTION]


async def test_http(
    epochs: Epochs, cluster: Cluster, settings: Settings, sql: Callable[..., None]
) -> None:
    """Our own Transactions API, in another thread's server."""
    token = "the-token-of-the-tests"
    allowing = Settings(
        _env_file=None,
        data=settings.data,
        ingest_token_sha256=hashlib.sha256(token.encode()).hexdigest(),
    )
    item = builders.item("by-http", collection=COLLECTION)
    with (
        serving(allowing) as origin,
        httpx.Client(
            base_url=f"{origin}/stac/collections",
            headers={"Authorization": f"Bearer {token}"},
            timeout=20,
        ) as http,
    ):

        def does(method: str, path: str, body: Any = None) -> Callable[[], None]:
            def run() -> None:
                answer = http.request(method, path, json=body)
                assert answer.status_code < 300, answer.text

            return run

        changed = {**item, "properties": {**item["properties"], "title": "x"}}
        items = f"/{COLLECTION}/items"
        await heard(epochs, does("POST", items, item), COLLECTION)
        await heard(epochs, does("PUT", f"{items}/by-http", changed), COLLECTION)
        await heard(epochs, does("DELETE", f"{items}/by-http"), COLLECTION)
        await heard(epochs, does("DELETE", f"/{COLLECTION}"), COLLECTION)


async def test_without_triggers_nothing_counts_as_heard(
    own_cluster: Cluster,
) -> None:
    """A database that an older eotiles migrated: answers live for a second, until it is migrated."""
    own_cluster.start()
    admin = own_cluster.conninfo("admin")
    migrate(admin)
    with psycopg.connect(admin) as connection:
        connection.execute("DROP TRIGGER eotiles_changed ON pgstac.items")
    epochs = Epochs()
    async with Changes(own_cluster.conninfo("read"), epochs=epochs) as changes:
        await until(lambda: changes.connections == 1)
        await asyncio.sleep(0.5)
        assert not epochs.heard
        await asyncio.to_thread(migrate, admin)
        await until(lambda: epochs.heard, within_s=2)


async def test_truncated_tables(own_cluster: Cluster) -> None:
    own_cluster.start()
    admin = own_cluster.conninfo("admin")
    migrate(admin)
    epochs = Epochs()

    def truncate() -> None:
        with psycopg.connect(admin) as connection:
            connection.execute("TRUNCATE pgstac.items")

    async with Changes(own_cluster.conninfo("read"), epochs=epochs):
        await until(lambda: epochs.heard)
        await heard(epochs, truncate, COLLECTION, OTHER)


async def test_it_starts_while_the_database_is_down_and_heals(own_cluster: Cluster) -> None:
    own_cluster.start()
    migrate(own_cluster.conninfo("admin"))
    conninfo = own_cluster.conninfo("read")
    await asyncio.to_thread(own_cluster.stop)
    epochs = Epochs()
    async with Changes(conninfo, epochs=epochs) as changes:
        await asyncio.sleep(0.5)
        assert not epochs.heard
        await asyncio.to_thread(own_cluster.start)
        await until(lambda: epochs.heard)
        for number in (2, 3):
            clock, pid = epochs.clock, own_cluster.status().pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until(lambda: not epochs.heard, within_s=STALE_S + 0.5)
            await asyncio.to_thread(own_cluster.start)
            await until(lambda n=number: changes.connections == n)
            await until(lambda: epochs.heard)
            assert epochs.clock > clock, "what happened meanwhile is not known"


async def test_a_server_that_falls_silent_is_not_believed(own_cluster: Cluster) -> None:
    own_cluster.start()
    migrate(own_cluster.conninfo("admin"))
    epochs = Epochs()
    async with Changes(own_cluster.conninfo("read"), epochs=epochs) as changes:
        await until(lambda: epochs.heard)
        with psycopg.connect(own_cluster.conninfo("admin")) as connection:
            row = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'eotiles-changes'"
            ).fetchone()
        assert row is not None
        backend = int(row[0])
        os.kill(backend, signal.SIGSTOP)
        try:
            stamp = epochs.stamp()
            await until(lambda: not epochs.holds(stamp, frozenset()), within_s=STALE_S + 0.4)
            await until(lambda: changes.connections == 2)
            await until(lambda: epochs.heard)
        finally:
            os.kill(backend, signal.SIGCONT)


async def test_leaving_ends_the_connection(read_conninfo: str, admin_conninfo: str) -> None:
    """Servers of other tests have connections of this kind too."""
    epochs = Epochs()
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'eotiles-changes'"
    with psycopg.connect(admin_conninfo, autocommit=True) as connection:

        def connected() -> set[int]:
            return {pid for (pid,) in connection.execute(query.encode()).fetchall()}

        before = connected()
        async with Changes(read_conninfo, epochs=epochs):
            await until(lambda: epochs.heard)
            (mine,) = connected() - before
        assert not epochs.heard
        await until(lambda: mine not in connected())
