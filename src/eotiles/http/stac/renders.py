"""Which renders the collections declare, kept for a while: a search gives items, and those lack them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

KEPT_S = 30.0
"""How old a collection's renders may be on an item found by a search."""

MOST_COLLECTIONS = 1024


class Renders:
    """Collection → its renders (STAC render extension)."""

    def __init__(self, *, kept_s: float = KEPT_S, most: int = MOST_COLLECTIONS) -> None:
        self._kept_s = kept_s
        self._most = most
        self._known: OrderedDict[str, tuple[float, Mapping[str, Any]]] = OrderedDict()

    def remember(self, collection: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take note of the renders of a collection just read, and return them."""
        declared = collection.get("renders")
        renders = declared if isinstance(declared, dict) else {}
        self._known[str(collection["id"])] = (time.monotonic(), renders)
        self._known.move_to_end(str(collection["id"]))
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return renders

    def recall(self, collection: str) -> Mapping[str, Any] | None:
        """The renders of a collection; None where they are not known, or too old."""
        read_at, renders = self._known.get(collection, (float("-inf"), {}))
        return renders if time.monotonic() - read_at < self._kept_s else None
