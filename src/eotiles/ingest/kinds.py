"""The kinds of products, by the name that the command line has for them."""

from __future__ import annotations

from eotiles.core.errors import BadParameter
from eotiles.ingest.product import ProductKind
from eotiles.ingest.sentinel2 import SENTINEL2


def product_kind(name: str, *, state: str | None = None) -> ProductKind:
    """A kind: sentinel2, landsat, naip or sentinel1.

    Raises:
        BadParameter: there is none of that name, or it takes no state.
    """
    if name == "sentinel2":
        return SENTINEL2
    raise BadParameter(f"no kind of product is called {name!r}")
