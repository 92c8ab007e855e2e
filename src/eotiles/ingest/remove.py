"""Out of the catalogue again: items, a collection, and the converted files that nothing names any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg

from eotiles.core.errors import SetupError, Unavailable, UnknownCollection
from eotiles.core.sql import read_sql
from eotiles.ingest.folder import scene_folder
from eotiles.ingest.session import check_catalogue, connect

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('eotiles-ingest:' || %s, 0))"
_EXISTS = "SELECT EXISTS (SELECT FROM pgstac.items WHERE collection = %s AND id = %s)"


@dataclass(frozen=True)
class Found:
    """What is to be removed."""

    collection: str
    items: tuple[str, ...]
    """Ids of those that are there; of a whole collection none is listed."""

    unknown: tuple[str, ...]
    """Ids that the collection does not have."""

    count: int
    """How many items there are to remove."""


def find_items(conninfo: str, collection: str, names: Sequence[str]) -> Found:
    """Which of the items named are in a collection.

    Raises:
        UnknownCollection: there is no such collection.
        SetupError: the login may not write.
        Unavailable: the database cannot be reached.
    """
    check_catalogue(conninfo)
    with connect(conninfo) as connection:
        _check_collection(connection, collection)
        query = "SELECT id FROM pgstac.items WHERE collection = %s AND id = ANY(%s)"
        known = {row[0] for row in connection.execute(query, [collection, list(names)])}
    ordered = tuple(dict.fromkeys(names))
    return Found(
        collection,
        tuple(name for name in ordered if name in known),
        tuple(name for name in ordered if name not in known),
        len(known),
    )


def find_collection(conninfo: str, collection: str) -> Found:
    """How many items a collection has.

    Raises:
        UnknownCollection: there is no such collection.
        SetupError: the login may not write.
        Unavailable: the database cannot be reached.
    """
    check_catalogue(conninfo)
    with connect(conninfo) as connection:
        _check_collection(connection, collection)
        query = "SELECT count(*) FROM pgstac.items WHERE collection = %s"
        row = connection.execute(query, [collection]).fetchone()
    assert row is not None
    return Found(collection, (), (), int(row[0]))


def remove_items(conninfo: str, found: Found) -> int:
    """Remove items, all or none; how many were still there comes back.

    Raises:
        Unavailable: the database cannot be reached, or went away.
    """
    query = "DELETE FROM pgstac.items WHERE collection = %s AND id = ANY(%s)"
    with _patient(conninfo) as connection, connection.transaction():
        connection.execute(_LOCK, [found.collection])
        return connection.execute(query, [found.collection, list(found.items)]).rowcount


def remove_collection(conninfo: str, collection: str) -> None:
    """Remove a collection with its items. Nothing happens where it is gone already.

    Raises:
        Unavailable: the database cannot be reached, or went away.
    """
    query = "SELECT pgstac.delete_collection(id) FROM pgstac.collections WHERE id = %s"
    with _patient(conninfo) as connection, connection.transaction():
        connection.execute(_LOCK, [collection])
        connection.execute(query, [collection])


def converted_files(assets: Path, collection: str, items: Sequence[str] | None) -> Iterator[Path]:
    """Files that ingest put into the data folder for some items of a collection; None: for all that it ever had."""
    folder = assets / collection
    if not _is_folder(folder, within=assets):
        return
    names = sorted(entry.name for entry in folder.iterdir()) if items is None else sorted(items)
    for name in names:
        scene = folder / name
        if _is_folder(scene, within=folder):
            yield from sorted(
                path for path in scene.iterdir() if path.is_file() or path.is_symlink()
            )


def remove_files(conninfo: str, assets: Path, collection: str, files: Iterable[Path]) -> int:
    """Remove those converted files that neither an item nor a collection names; how many comes back.

    The folder of an item that somebody ingests again meanwhile is left alone.

    Raises:
        SetupError: the data folder cannot be written.
        Unavailable: the database cannot be reached, or went away.
    """
    removed = 0
    with _patient(conninfo) as connection:
        connection.execute("CREATE TEMPORARY TABLE removed (path text)")
        with connection.cursor().copy("COPY pg_temp.removed FROM STDIN") as copy:
            for file in files:
                copy.write_row([str(file)])
        connection.execute("ANALYZE pg_temp.removed")
        connection.execute(read_sql("files_named"))
        rows = connection.execute('SELECT path FROM pg_temp.removed ORDER BY path COLLATE "C"')
        spelled = connection.execute(read_sql("files_spelled")).fetchall()
        named = {path for (href,) in spelled if (path := _path_of(href)) is not None}
        paths = (path for (name,) in rows.fetchall() if (path := Path(name)).resolve() not in named)
        for folder, inside in groupby(paths, key=lambda path: path.parent):
            with scene_folder(assets, collection, folder.name):
                row = connection.execute(_EXISTS, [collection, folder.name]).fetchone()
                if row is not None and not row[0]:
                    removed += sum(_unlink(path) for path in inside)
    return removed


def _path_of(href: str) -> Path | None:
    """The file that an href names however it spells it, as read/hrefs.py reads it."""
    try:
        path = unquote(urlsplit(href).path) if href.startswith("file:") else href
        return Path(path).resolve()
    except (ValueError, OSError):
        return None


def _unlink(path: Path) -> int:
    try:
        path.unlink()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise SetupError(f"{path} cannot be removed ({error.strerror})") from error
    return 1


def _is_folder(path: Path, *, within: Path) -> bool:
    """Whether it is a folder of ours: a link could lead anywhere, and an id could be `..`."""
    return (
        path.parent == within
        and path.name not in ("", "..")
        and path.is_dir()
        and not path.is_symlink()
    )


def _check_collection(connection: psycopg.Connection[Any], collection: str) -> None:
    query = "SELECT 1 FROM pgstac.collections WHERE id = %s"
    if connection.execute(query, [collection]).fetchone() is None:
        raise UnknownCollection(f"there is no collection {collection!r}")


@contextmanager
def _patient(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection without a limit on a statement: a large collection takes its time."""
    with connect(conninfo) as connection:
        try:
            connection.execute("SET statement_timeout TO 0")
            yield connection
        except psycopg.errors.LockNotAvailable as error:
            raise Unavailable("somebody else is writing this collection; try again") from error
        except psycopg.OperationalError as error:
            raise Unavailable("the database went away; try again") from error
