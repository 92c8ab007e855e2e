"""What a request asked for before names in its query were replaced (http/tiles/named.py)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from urllib.parse import urlencode

from starlette.requests import Request

from eotiles.catalog.layers import OfferedLayer

ASKED = "eotiles.asked"
LAYER = "eotiles.layer"
"""Keys of the scope: the query as it was asked, the layer that it names."""

VERSION = "v"
"""Parameter with the version of a render: with the current one, a picture is kept as long as any other."""

Pairs = Sequence[tuple[str, str]]


def version_of(query: Pairs) -> str:
    """A short name for what a render is now."""
    return blake2b(urlencode(query).encode(), digest_size=4).hexdigest()


def asked_layer(request: Request) -> OfferedLayer | None:
    """The layer that the request names with `render=`."""
    found: OfferedLayer | None = request.scope.get(LAYER)
    return found


def asked_query(request: Request) -> list[tuple[str, str]]:
    """The query as it was asked, with the current version of the render that it names."""
    layer = asked_layer(request)
    if layer is None:
        return request.query_params.multi_items()
    asked: Pairs = request.scope[ASKED]
    return [
        *(pair for pair in asked if pair[0] != VERSION),
        (VERSION, version_of(layer.query)),
    ]
