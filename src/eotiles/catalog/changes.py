"""Listens to what db/changes.sql tells: which collections change. One connection a process, which heals by itself."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

import psycopg
import structlog
from psycopg import AsyncConnection, Notify

from eotiles.catalog.database import Connection
from eotiles.catalog.epochs import Epochs
from eotiles.catalog.patience import answered
from eotiles.core.sql import read_sql

CHANNEL = "eotiles_changes"
EVERYTHING = "*"
"""Payload of a change that concerns every collection."""

HEARTBEAT_S = 0.3
"""How often the database is asked whether it is still there: several times within STALE_S."""

ANSWER_S = 1.0
"""How long it may take to say so."""

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 2.0
"""Between two attempts to connect, which double from the first."""

_LOG = structlog.get_logger("eotiles.changes")


class Changes:
    """Feeds Epochs from LISTEN; `async with` starts and ends it, even while PostgreSQL is down.

    Whenever it connects, everything counts as changed. While it is not connected, or the database has no triggers, it
    confirms nothing, and Epochs let an answer live for a second: the fallback is to ask again.
    """

    def __init__(self, conninfo: str, *, epochs: Epochs) -> None:
        self._conninfo = conninfo
        self._epochs = epochs
        self._task: asyncio.Task[None] | None = None
        self._told: bool | None = None
        self.connections = 0
        """How often it has connected."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="eotiles changes")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._epochs.lose()

    async def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            connected = self.connections
            try:
                async with await self._connect() as connection:
                    await self._listen(connection)
            except (psycopg.Error, OSError) as error:
                if connected != self.connections or wait_s == FIRST_WAIT_S:
                    _LOG.warning("changes are not heard", reason=str(error).partition("\n")[0])
            finally:
                self._epochs.lose()
            if connected != self.connections:
                wait_s = FIRST_WAIT_S
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def _connect(self) -> Connection:
        return await AsyncConnection.connect(
            self._conninfo,
            autocommit=True,
            options="-c application_name=eotiles-changes -c statement_timeout=5000",
            connect_timeout=2,
            tcp_user_timeout=5000,
        )

    async def _listen(self, connection: Connection) -> None:
        """Until the connection breaks."""
        with answered(connection, within_s=ANSWER_S):
            await connection.execute(f"LISTEN {CHANNEL}".encode())
        self.connections += 1
        # What changed before LISTEN took effect was told to nobody.
        self._epochs.changed(None)
        while True:
            asked_s = time.monotonic()
            with answered(connection, within_s=ANSWER_S):
                told = await self._is_told(connection)
            # What came along with the answer is in psycopg's backlog: counted before the answer confirms it.
            async for notify in connection.notifies(timeout=0):
                self._hear(notify)
            if told:
                self._epochs.confirm(asked_s)
            async for notify in connection.notifies(timeout=HEARTBEAT_S):
                self._hear(notify)

    async def _is_told(self, connection: Connection) -> bool:
        row = await (await connection.execute(read_sql("changes_told"))).fetchone()
        told = row is not None and bool(row[0])
        if told is False and self._told is not False:
            _LOG.warning("the database tells no changes: run `eotiles db migrate`")
        self._told = told
        return told

    def _hear(self, notify: Notify) -> None:
        self._epochs.changed(None if notify.payload == EVERYTHING else notify.payload)
