"""An end to waiting for a PostgreSQL that is there and says nothing: its own limits hold only while it runs."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

GRACE_S = 2.0
"""How much longer than PostgreSQL's own limit we wait for it to say that a statement took too long."""

Connection = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]


@contextmanager
def answered(connection: Connection, *, within_s: float) -> Iterator[None]:
    """While in here, `connection` breaks after `within_s` seconds: whoever waits for it gets an OperationalError.

    Cancelling the task would not do: psycopg then asks the server to stop, and waits for it again.
    """
    timer: threading.Timer | asyncio.TimerHandle
    if isinstance(connection, psycopg.AsyncConnection):
        timer = asyncio.get_running_loop().call_later(within_s, _break, connection)
    else:
        timer = threading.Timer(within_s, _break, (connection,))
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _break(connection: Connection) -> None:
    with (
        suppress(OSError, psycopg.Error),
        # A duplicate, since closing the socket itself would pull it from under libpq.
        socket.socket(fileno=os.dup(connection.fileno())) as own,
    ):
        own.shutdown(socket.SHUT_RDWR)
