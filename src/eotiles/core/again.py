"""Trying again what failed for a reason that passes by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

TRIES = 6
WAIT_S = 0.3


def again(work: Callable[[], Result], *, on: type[Exception]) -> Result:
    """What `work` gives, which may be repeated: up to TRIES times while it raises `on`.

    PostgreSQL does not lock the rows of its own catalogues: of two processes that change rights or roles at the same
    moment, the later one is told "tuple concurrently updated" (psycopg.errors.InternalError_).
    """
    for _ in range(TRIES - 1):
        try:
            return work()
        except on:
            time.sleep(WAIT_S)
    return work()
