"""Items that look alike offer the same layers: `offered_layers`, worked out once for all of them. Pure.

Nearly all items of a collection have the same assets but for their hrefs, and of their properties only a few tell what
a number in a band means. Which ones is not written down here: it is watched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson

from eotiles.catalog.layers import OfferedLayer, declared_layers, offered_layers
from eotiles.catalog.override import OVERRIDE, with_override

Json = Mapping[str, Any]

MOST_ALIKE = 1024
"""Kinds of items that are remembered; each takes some kilobytes."""

MOST_BYTES = 1 << 16
"""Of what makes a kind; items with more about their assets are looked at anew."""


def layers_of(assets: Json, *, renders: Json, properties: Json) -> tuple[OfferedLayer, ...]:
    """What `offered_layers` gives for an item.

    Of an href only counts whether it is an address, and the file's extension.
    """
    try:
        shape = orjson.dumps((_shapes(assets), renders))
        if len(shape) > MOST_BYTES:
            return offered_layers(assets, renders=renders, properties=properties)
        names = _names(shape)
        while True:
            told = {name: properties[name] for name in sorted(names) if name in properties}
            looked_for, layers = _worked_out(shape, orjson.dumps(told))
            if looked_for is None:
                return offered_layers(assets, renders=renders, properties=properties)
            if looked_for <= names:
                return layers
            names |= looked_for
    except TypeError:  # a number beyond 64 bits, half a surrogate pair
        return offered_layers(assets, renders=renders, properties=properties)


def collection_layers(collection: Json) -> tuple[OfferedLayer, ...]:
    """The layers of all of a collection's items together; where it does not describe their assets, its renders."""
    described, renders = collection.get("item_assets"), collection.get("renders")
    renders = renders if isinstance(renders, Mapping) else {}
    if isinstance(described, Mapping) and described:
        properties = with_override({}, collection.get(OVERRIDE))
        return layers_of(described, renders=renders, properties=properties)
    return declared_layers(renders)


class _Watched(Mapping[str, Any]):
    """Properties that take note of what is looked for in them."""

    def __init__(self, properties: Json) -> None:
        self._properties = properties
        self.looked_for: set[str] | None = set()
        """None: all of them."""

    def __getitem__(self, name: str) -> Any:
        if self.looked_for is not None:
            self.looked_for.add(name)
        return self._properties[name]

    def __iter__(self) -> Iterator[str]:
        self.looked_for = None
        return iter(self._properties)

    def __len__(self) -> int:
        self.looked_for = None
        return len(self._properties)


@lru_cache(maxsize=MOST_ALIKE)
def _names(shape: bytes) -> set[str]:
    """Properties known to count for items of this shape; the set grows."""
    return set()


@lru_cache(maxsize=MOST_ALIKE)
def _worked_out(shape: bytes, told: bytes) -> tuple[set[str] | None, tuple[OfferedLayer, ...]]:
    """Which properties were looked for, and the layers if these were `told` as far as there are such."""
    assets, renders = orjson.loads(shape)
    properties = _Watched(orjson.loads(told))
    layers = offered_layers(assets, renders=renders, properties=properties)
    return properties.looked_for, layers


def _shapes(assets: Json) -> dict[str, Any]:
    """Assets with the shape of their href for it."""
    return {
        key: {**asset, "href": _shape(asset["href"])}
        if isinstance(asset, Mapping) and isinstance(asset.get("href"), str)
        else asset
        for key, asset in assets.items()
    }


def _shape(href: str) -> str:
    """`s3://.tif` of `s3://bucket/scene.tif?versionId=1`."""
    scheme, mark, _ = href.partition("://")
    start = f"{scheme}://" if mark and len(scheme) < 8 else ""
    _, dot, extension = href.partition("?")[0].rpartition(".")
    return f"{start}.{extension}" if dot and "/" not in extension and len(extension) < 8 else start
