"""When the time of a piece of work is over: for whoever waits on its behalf far below, such as for a slow server.

It goes along with the thread (contextvars), not through the arguments of every station: a cache between the two serves
many pieces of work, and only who waits has a use for it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from eotiles.core.errors import OutOfTime

_end: ContextVar[float] = ContextVar("eotiles_deadline", default=math.inf)


@contextmanager
def ends_at(moment: float) -> Iterator[None]:
    """What is done inside ends at a moment of `time.monotonic()`, or earlier if it had to before."""
    token = _end.set(min(moment, _end.get()))
    try:
        yield
    finally:
        _end.reset(token)


def deadline() -> float:
    """When the time is over, of `time.monotonic()`; infinity where nobody said."""
    return _end.get()


def left_s(most: float) -> float:
    """How long to wait for something that may take `most` seconds.

    Raises:
        OutOfTime: the time is over.
    """
    left = _end.get() - time.monotonic()
    if left <= 0:
        raise OutOfTime
    return min(most, left)
