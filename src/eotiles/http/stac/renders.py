"""Which renders the collections declare, kept for a while: a search gives items, and those lack them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

KEPT_S = 30.0
"""How old a collection's renders may be on an item found by a search."""

MOST_COLLECTIONS = 1024


class Renders(Mapping[str, Mapping[str, Any]]):
    """Collection → its renders (STAC render extension), as far as known and not too old."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[float, Mapping[str, Any]]] = OrderedDict()

    def remember(self, collection: Mapping[str, Any]) -> None:
        """Take note of a collection just read."""
        renders = collection.get("renders")
        self._known[str(collection["id"])] = (
            time.monotonic(),
            renders if isinstance(renders, dict) else {},
        )
        self._known.move_to_end(str(collection["id"]))
        while len(self._known) > MOST_COLLECTIONS:
            self._known.popitem(last=False)

    def __getitem__(self, collection: str) -> Mapping[str, Any]:
        read_at, renders = self._known[collection]
        if time.monotonic() - read_at > KEPT_S:
            raise KeyError(collection)
        return renders

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
