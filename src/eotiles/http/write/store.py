"""Writes in the database: each request is one transaction, tried again where others were in its way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from asyncpg import Connection, exceptions
from fastapi import Request

from eotiles.core.errors import (
    BadParameter,
    Conflict,
    EotilesError,
    ItemsRefused,
    UnknownCollection,
    UnknownItem,
)
from eotiles.core.sql import read_sql
from eotiles.http.stac.connections import translate

Json = dict[str, Any]
Result = TypeVar("Result")
Method = Literal["insert", "upsert"]

ATTEMPTS = 4
_WAIT_S = 0.1
_TRY_AGAIN = (
    exceptions.DeadlockDetectedError,
    exceptions.SerializationError,
    # Somebody made the same item between our look and our insert: the next look finds it.
    exceptions.UniqueViolationError,
)

# Of a collection: pypgstac and `eotiles ingest` may widen it. The key is the one of ingest/load.py.
_LOCK_COLLECTION = "SELECT pg_advisory_xact_lock(hashtextextended('eotiles-ingest:' || $1, 0))"
# Of an item, that is: pgSTAC replaces its row, so a lock on the row would not be seen.
_LOCK_ITEM = "SELECT pg_advisory_xact_lock(hashtextextended('eotiles-item:' || $1 || '/' || $2, 0))"
# Against those who write many items, or by other ways than HTTP.
_HOLD_ITEM = "SELECT 1 FROM pgstac.items WHERE collection = $1 AND id = $2 FOR UPDATE"
# Keeps a collection from being deleted until the commit.
_HOLD_COLLECTION = "SELECT content FROM pgstac.collections WHERE id = $1 FOR KEY SHARE"

_THERE = "SELECT id FROM pgstac.items WHERE collection = $1 AND id = ANY($2)"


@dataclass(frozen=True)
class Written:
    """What became of many items."""

    stored: int
    same: int
    """Items of an insert that were there already exactly so: a request that is sent again changes nothing."""


async def transaction(request: Request, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """What `work` gives, done in one transaction. It is run again where others held or changed the same rows.

    Raises:
        Unavailable: the database is down or busy.
        EotilesError: whatever `work` raises; nothing is stored then.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with request.app.state.get_connection(request, "w") as connection:
                # Inside the lender: it would make an error of ours of the one that is looked for here.
                try:
                    async with connection.transaction():
                        return await work(connection)
                except _TRY_AGAIN:
                    if attempt == ATTEMPTS:
                        raise
        except exceptions.PostgresError as error:
            raise (translate(error) or error) from error
        await asyncio.sleep(_WAIT_S * attempt)
    raise AssertionError("unreachable")


async def write_items(
    request: Request, collection: str, items: Sequence[Json], *, method: Method, repeatable: bool
) -> Written:
    """Store checked items, all or none. `repeatable`: an insert of what is there exactly so already is none.

    Raises:
        UnknownCollection: there is no such collection.
        ItemsRefused: some exist already, or the database cannot store them.
        Unavailable: the database is down or busy.
    """

    async def work(connection: Connection) -> Written:
        await hold_collection(connection, collection)
        if method == "upsert":
            await _call(connection, "upsert_items", items)
            return Written(len(items), 0)
        names = [item["id"] for item in items]
        there = {row["id"] for row in await connection.fetch(_THERE, collection, names)}
        same: set[str] = set()
        if repeatable and there:
            sent = json.dumps([item for item in items if item["id"] in there])
            same = {row["id"] for row in await connection.fetch(_query("items_same"), sent)}
        others = [name for name in names if name in there - same]
        if others:
            raise ItemsRefused(
                [(name, _exists(name, collection)) for name in others], total=len(items)
            )
        new = [item for item in items if item["id"] not in same]
        if new:
            await _call(connection, "create_items", new)
        return Written(len(new), len(same))

    try:
        return await transaction(request, work)
    except BadParameter as error:
        raise await _blame(request, items, error) from error


async def hold_collection(connection: Connection, collection: str) -> Json:
    """The collection, which is there until the transaction ends.

    Raises:
        UnknownCollection: it is not there.
    """
    stored = await connection.fetchval(_HOLD_COLLECTION, collection)
    if stored is None:
        raise UnknownCollection(f"there is no collection {collection!r}")
    return cast(Json, stored)


async def replace_item(
    request: Request, collection: str, item: str, *, change: Callable[[Json], Awaitable[Json]]
) -> Json:
    """Store what `change` makes of an item, while nobody else changes it over HTTP; what was stored comes back.

    Raises:
        UnknownItem: there is no such item.
        Unavailable: the database is down or busy.
    """

    async def work(connection: Connection) -> Json:
        await connection.execute(_LOCK_ITEM, collection, item)
        await connection.execute(_HOLD_ITEM, collection, item)
        stored = await connection.fetchval("SELECT pgstac.get_item($1, $2)", item, collection)
        if stored is None:
            raise UnknownItem(f"there is no item {item!r} in collection {collection!r}")
        made = await change(stored)
        await _call(connection, "update_item", made)
        return made

    return await transaction(request, work)


async def delete_item(request: Request, collection: str, item: str) -> None:
    """Delete an item.

    Raises:
        UnknownItem: there is no such item.
        Unavailable: the database is down or busy.
    """

    async def work(connection: Connection) -> None:
        await connection.execute(_LOCK_ITEM, collection, item)
        query = "DELETE FROM pgstac.items WHERE collection = $1 AND id = $2 RETURNING id"
        if await connection.fetchval(query, collection, item) is None:
            raise UnknownItem(f"there is no item {item!r} in collection {collection!r}")

    await transaction(request, work)


async def create_collection(request: Request, collection: Json) -> None:
    """Store a new collection.

    Raises:
        Conflict: there is one of that id.
        Unavailable: the database is down or busy.
    """

    async def work(connection: Connection) -> None:
        await connection.execute(_LOCK_COLLECTION, collection["id"])
        query = "SELECT 1 FROM pgstac.collections WHERE id = $1"
        if await connection.fetchval(query, collection["id"]):
            raise Conflict(f"collection {collection['id']!r} exists already")
        await _call(connection, "create_collection", collection)

    await transaction(request, work)


async def replace_collection(
    request: Request, collection: str, *, change: Callable[[Json], Awaitable[Json]]
) -> Json:
    """Store what `change` makes of a collection, while neither HTTP nor `eotiles ingest` changes it.

    Raises:
        UnknownCollection: there is no such collection.
        Unavailable: the database is down or busy.
    """

    async def work(connection: Connection) -> Json:
        await connection.execute(_LOCK_COLLECTION, collection)
        made = await change(await hold_collection(connection, collection))
        await _call(connection, "update_collection", made)
        return made

    return await transaction(request, work)


async def delete_collection(request: Request, collection: str) -> None:
    """Delete a collection with its items.

    Raises:
        UnknownCollection: there is no such collection.
        Unavailable: the database is down or busy.
    """

    async def work(connection: Connection) -> None:
        await connection.execute(_LOCK_COLLECTION, collection)
        await hold_collection(connection, collection)
        await connection.execute("SELECT pgstac.delete_collection($1)", collection)

    await transaction(request, work)


async def _call(connection: Connection, function: str, document: Any) -> None:
    """One of pgSTAC's functions that take JSON; as text, for the connection's codec has no integers beyond 64 bits."""
    await connection.execute(f"SELECT pgstac.{function}($1::text::jsonb)", json.dumps(document))


def _exists(name: str, collection: str) -> EotilesError:
    return Conflict(f"item {name!r} in collection {collection!r} exists already")


async def _blame(request: Request, items: Sequence[Json], error: BadParameter) -> EotilesError:
    """Which of many items it is that the database refuses; the error as it is where that cannot be told."""
    refusals: list[tuple[str, EotilesError]] = []
    async with request.app.state.get_connection(request, "r") as connection:
        for item in items:
            try:
                query = "SELECT pgstac.content_dehydrate($1::text::jsonb) IS NULL"
                await connection.execute(query, json.dumps(item))
            except exceptions.PostgresError as refused:
                reason = translate(refused) or error
                refusals.append((item["id"], BadParameter(f"item {item['id']!r}: {reason}")))
    return ItemsRefused(refusals, total=len(items)) if refusals else error


def _query(name: str) -> str:
    return read_sql(name).decode()
