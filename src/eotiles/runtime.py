"""The composition root: from Settings to the parts that a process is made of."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from eotiles.catalog.database import Database, Role, is_conninfo
from eotiles.core.errors import SetupError
from eotiles.core.key import Key, parse_keys
from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings

if TYPE_CHECKING:
    from eotiles.catalog.known import Known


def uses_embedded(settings: Settings) -> bool:
    """Whether the private cluster is used: no database is named by EOTILES_DATABASE_URL or PGHOST."""
    named = settings.database_url is not None and settings.database_url.get_secret_value()
    return not named and not os.environ.get("PGHOST")


def conninfo(settings: Settings, role: Role) -> str:
    """Connection URI of the database for a role.

    The embedded cluster has a login for each role. An external database is given to a process with the one login
    that this process should have (docs/deploy.md), so there `role` changes nothing.

    Raises:
        SetupError: the embedded cluster was never started in this data folder; or the address of an external database
            is none.
    """
    if uses_embedded(settings):
        return Cluster(settings.data).conninfo(role)
    password = None
    if settings.database_password_file is not None:
        password = settings.database_password_file.read_text().strip()
    if settings.database_url is not None and settings.database_url.get_secret_value():
        url = settings.database_url.get_secret_value()
        if not is_conninfo(url):
            raise SetupError(
                "EOTILES_DATABASE_URL is no address of a PostgreSQL database: it looks like "
                "postgresql://user:password@host:5432/name"
            )
        if password is not None:
            url += ("&" if "?" in url else "?") + f"password={quote(password, safe='')}"
        return url
    secret = password if password is not None else os.environ.get("PGPASSWORD", "")
    user = quote(os.environ.get("PGUSER", "postgres"), safe="")
    host = os.environ.get("PGHOST", "")
    port = os.environ.get("PGPORT", "5432")
    name = quote(os.environ.get("PGDATABASE", "postgis"), safe="")
    login = f"{user}:{quote(secret, safe='')}" if secret else user
    if host.startswith("/"):
        return f"postgresql://{login}@/{name}?host={quote(host, safe='')}&port={port}"
    return f"postgresql://{login}@{host}:{port}/{name}"


def writing_keys(settings: Settings) -> tuple[Key, ...]:
    """Who may write over HTTP; empty: nobody may.

    Raises:
        SetupError: the file of keys cannot be read, others than its owner could change it, or a key is written wrong.
    """
    lines = settings.ingest_token_sha256.split(",")
    file = settings.ingest_token_sha256_file
    if file is not None:
        name = "the file of EOTILES_INGEST_TOKEN_SHA256_FILE"
        try:
            with file.open(encoding="utf-8") as opened:
                if os.fstat(opened.fileno()).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    raise SetupError(
                        f"{name} can be changed by others than its owner, who could let anybody write: chmod go-w"
                    )
                # Its lines come first: they are counted from 1 in what is said about them.
                lines = [*opened.read().splitlines(), *lines]
        except (OSError, UnicodeDecodeError) as error:
            raise SetupError(
                f"{name} cannot be read ({getattr(error, 'strerror', 'no text')})"
            ) from error
    try:
        return parse_keys(lines)
    except ValueError as error:
        raise SetupError(
            f"the keys that may write over HTTP cannot be used, {error} (EOTILES_INGEST_TOKEN_SHA256, "
            "EOTILES_INGEST_TOKEN_SHA256_FILE)"
        ) from error


def open_database(settings: Settings, role: Role) -> Database:
    """The pool of a role; `async with` opens it."""
    reading = role == "read"
    return Database(
        conninfo(settings, role),
        pool_max=settings.database_pool_max,
        wait_s=settings.database_wait_s,
        statement_timeout_s=settings.statement_timeout_s if reading else 30.0,
        readonly=reading,
    )


@asynccontextmanager
async def open_known(settings: Settings, database: Database) -> AsyncIterator[Known]:
    """What a process that draws knows of the catalogue, and the connection over which it hears of changes."""
    # Imported here: a catalogue-only process needs neither, nor the geometry libraries behind them.
    from eotiles.catalog.changes import Changes  # noqa: PLC0415
    from eotiles.catalog.epochs import Epochs  # noqa: PLC0415
    from eotiles.catalog.known import ITEMS_BYTES, LISTS_BYTES, Known  # noqa: PLC0415

    epochs, processes = Epochs(), settings.web_concurrency
    async with (
        Changes(conninfo(settings, "read"), epochs=epochs),
        Known(
            database,
            epochs,
            items_bytes=ITEMS_BYTES // processes,
            lists_bytes=LISTS_BYTES // processes,
        ) as known,
    ):
        yield known


@asynccontextmanager
async def entered(*lifespans: AbstractAsyncContextManager[Any]) -> AsyncIterator[None]:
    """Enter the lifespans of the applications that one process runs, and leave them in reverse."""
    async with AsyncExitStack() as stack:
        for lifespan in lifespans:
            await stack.enter_async_context(lifespan)
        yield
