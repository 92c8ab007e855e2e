"""What of the catalogue has changed since when, and how sure that is. Pure; fed by catalog/changes.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

STALE_S = 1.0
"""How old an answer may be that nobody has confirmed to be the catalogue's."""

LIFETIME_S = 60.0
"""How long an answer lives at most: what no trigger tells (a partition dropped by hand) is noticed within it."""

COLLECTIONS_MAX = 10_000
"""Collections whose changes are told apart; one more, and everything counts as changed."""

Collections = frozenset[str] | None
"""What an answer depends on; None: on every collection."""

Listener = Callable[[str | None], None]
"""Called in the event loop with the collection that changed; None: everything may have."""


@dataclass(frozen=True)
class Stamp:
    """The moment before something was looked up."""

    clock: int
    begun_s: float
    """Of time.monotonic."""


class Epochs:
    """Counts changes. Lives in one event loop.

    While nobody confirms that changes are heard, an answer holds for STALE_S from the moment it was asked for.
    """

    def __init__(self) -> None:
        self.clock = 0
        """Grows at every change."""

        self._everything = 0
        self._of: dict[str, int] = {}
        self._confirmed_s = -float("inf")
        self._listeners: list[Listener] = []

    def stamp(self) -> Stamp:
        """Of now: take it before looking something up."""
        return Stamp(self.clock, time.monotonic())

    def epoch(self, collection: str | None = None) -> int:
        """A number that grows whenever a collection, its items included, changes; None: whenever anything does."""
        if collection is None:
            return self.clock
        return max(self._everything, self._of.get(collection, 0))

    def holds(self, stamp: Stamp, collections: Collections) -> bool:
        """Whether what was looked up at `stamp` is still the catalogue's answer, less than STALE_S ago at the least."""
        now = time.monotonic()
        age_s = now - stamp.begun_s
        if age_s > LIFETIME_S or (age_s > STALE_S and now - self._confirmed_s > STALE_S):
            return False
        if collections is None:
            return self.clock <= stamp.clock
        if self._everything > stamp.clock:
            return False
        return all(self._of.get(name, 0) <= stamp.clock for name in collections)

    @property
    def heard(self) -> bool:
        """Whether changes are heard at present."""
        return time.monotonic() - self._confirmed_s <= STALE_S

    def changed(self, collection: str | None) -> None:
        """A collection changed; None: everything may have."""
        self.clock += 1
        if collection is not None and (collection in self._of or len(self._of) < COLLECTIONS_MAX):
            self._of[collection] = self.clock
        else:
            self._of.clear()
            self._everything = self.clock
        for listener in tuple(self._listeners):
            try:
                listener(collection)
            except Exception:  # one listener's fault is not to deafen the others
                structlog.get_logger("eotiles.changes").exception("a listener failed")

    def confirm(self, asked_s: float) -> None:
        """Every change that was committed before `asked_s` (time.monotonic) has been counted."""
        self._confirmed_s = asked_s

    def lose(self) -> None:
        """Changes are not heard any more."""
        self._confirmed_s = -float("inf")

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called at every change; calling what is returned ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
