"""Headers of a tile: a strong ETag known before a pixel is read, how long caches keep it, where its time went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b

from rasterio.crs import CRS
from rio_tiler.utils import CRS_to_uri

import eotiles
from eotiles.core.grid import Bounds, Grid

CACHE_CONTROL = "public, max-age=3600"
"""As TiTiler's pictures: an hour without a question; after it the ETag answers for the price of a look-up."""


def etag(*parts: str, versions: Iterable[str]) -> str:
    """The strong ETag of what is made from `parts` and items of these versions, by this release."""
    digest = blake2b(digest_size=16)
    for part in (eotiles.__version__, *parts, *versions):
        digest.update(part.encode(errors="surrogatepass"))
        digest.update(b"\0")
    return f'"{digest.hexdigest()}"'


def is_known(tag: str, if_none_match: str) -> bool:
    """Whether a client that sent this If-None-Match has the version `tag` (RFC 9110, 13.1.2: compared weakly).

    `*` asks whether there is any version, which only drawing the tile can tell: it is not looked at.
    """
    if not if_none_match:
        return False
    known = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return tag in known


def tile_headers(
    grid: Grid, *, tag: str, seconds: Mapping[str, float], bounds: Bounds | None = None
) -> dict[str, str]:
    """Headers of a tile that was drawn; `seconds` by station, `bounds` if they are not those of the grid."""
    found = {
        "ETag": tag,
        "Cache-Control": CACHE_CONTROL,
        "Content-Bbox": ",".join(map(str, bounds or grid.bounds)),
        "Server-Timing": ", ".join(
            f"{station};dur={spent * 1000:.2f}" for station, spent in seconds.items()
        ),
    }
    if (uri := _uri(grid.crs.wkt)) is not None:
        found["Content-Crs"] = f"<{uri}>"
    return found


@lru_cache(maxsize=256)
def _uri(wkt: str) -> str | None:
    uri = CRS_to_uri(CRS.from_wkt(wkt))
    return None if uri is None else str(uri)
