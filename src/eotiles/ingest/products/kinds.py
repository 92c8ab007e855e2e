"""The kinds of products, by the name that the command line has for them."""

from __future__ import annotations

from eotiles.core.errors import BadParameter
from eotiles.ingest.products.landsat import LANDSAT
from eotiles.ingest.products.naip import naip
from eotiles.ingest.products.product import ProductKind
from eotiles.ingest.products.sentinel1 import SENTINEL1
from eotiles.ingest.products.sentinel2 import SENTINEL2

_KINDS = {kind.name: kind for kind in (SENTINEL2, LANDSAT, SENTINEL1)}


def product_kind(name: str, *, state: str | None = None) -> ProductKind:
    """A kind: sentinel2, landsat, naip or sentinel1. `state` is for NAIP.

    Raises:
        BadParameter: there is none of that name, or no such state.
    """
    if name == "naip":
        return naip(state)
    if name not in _KINDS:
        raise BadParameter(
            f"no kind of product is called {name!r}: take {', '.join(_KINDS)} or naip"
        )
    return _KINDS[name]
