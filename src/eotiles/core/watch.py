"""A Watch goes along with a piece of work: how long each station takes, and whether to go on after it."""

from __future__ import annotations

import time
from collections.abc import Callable


def _go_on() -> None:
    """Nobody minds."""


class Watch:
    """Laps of one piece of work, in one thread."""

    def __init__(self, check: Callable[[], None] = _go_on) -> None:
        self._check = check
        self._last = time.perf_counter()

        self.seconds: dict[str, float] = {}
        """By station, in the order in which they were first passed."""

    def lap(self, station: str) -> None:
        """What was done since the last lap counts for `station`.

        Raises:
            Exception: whatever `check` raises to stop the work here.
        """
        now = time.perf_counter()
        self.seconds[station] = self.seconds.get(station, 0.0) + now - self._last
        self._last = now
        self._check()
