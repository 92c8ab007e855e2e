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

BUSY = (
    "another eotiles process is starting, stopping or resetting the database of this data folder; "
    "wait until it has finished and try again"
)


@contextmanager
def locked(file: Path, *, wait_s: float, refusal: str = BUSY) -> Iterator[int]:
    """Hold the lock `file`; its file descriptor comes. The kernel lets go of it when the process ends, however it ends.

    A program that inherits the descriptor goes on holding the lock, as do the programs that it starts.

    Raises:
        SetupError: somebody still holds it after `wait_s` seconds (`refusal`), or it belongs to another account.
    """
    # O_CLOEXEC is Python's default: only who is given the descriptor on purpose inherits it.
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except PermissionError as error:
        raise SetupError(FOREIGN) from error
    except OSError as error:
        raise SetupError(
            f"the data folder {file.parent} cannot be written ({error.strerror}); set EOTILES_DATA to another"
        ) from error
    try:
        if not _acquire(handle, wait_s=wait_s):
            raise SetupError(refusal)
        yield handle
    finally:
        os.close(handle)


def _acquire(handle: int, *, wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
        else:
            return True
        time.sleep(0.05)
