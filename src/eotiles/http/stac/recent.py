"""What was read from the catalogue a moment ago."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

KEPT_S = 30.0
"""How old may be what a search says about a collection, or what an asset file is looked up by."""


class Recent(Generic[K, V]):
    """A few values by key, each for a while."""

    def __init__(self, *, most: int, kept_s: float = KEPT_S) -> None:
        self._most = most
        self._kept_s = kept_s
        self._known: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def put(self, key: K, value: V) -> V:
        """Take note of a value just read, and return it."""
        self._known[key] = (time.monotonic(), value)
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return value

    def get(self, key: K) -> V | None:
        """The value; None where it is not known, or too old."""
        if key not in self._known:
            return None
        read_at, value = self._known[key]
        return value if time.monotonic() - read_at < self._kept_s else None
