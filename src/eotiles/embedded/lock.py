"""One process at a time starts, stops or resets a cluster."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eotiles.core.errors import SetupError
from eotiles.embedded.account import FOREIGN


@contextmanager
def locked(file: Path, *, wait_s: float) -> Iterator[None]:
    """Hold the lock `file`. The kernel lets go of it when the process ends, however it ends.

    Raises:
        SetupError: another process still holds it after `wait_s` seconds, or it belongs to another account.
    """
    # Not inherited by PostgreSQL: Python opens files with O_CLOEXEC.
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except PermissionError as error:
        raise SetupError(FOREIGN) from error
    except OSError as error:
        raise SetupError(
            f"the data folder {file.parent} cannot be written ({error.strerror}); set EOTILES_DATA to another"
        ) from error
    try:
        _acquire(handle, wait_s=wait_s)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, *, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise SetupError(
                    "another eotiles process is starting, stopping or resetting the database of this data folder; "
                    "wait until it has finished and try again"
                ) from None
        time.sleep(0.05)
