"""Who competes, how each is started, and how each is asked for the same picture."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from server import Server, free_port

TMS = "WebMercatorQuad"

GDAL_TUNED = {
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif,.TIF,.tiff",
    "CPL_VSIL_CURL_CACHE_SIZE": "200000000",
    "GDAL_BAND_BLOCK_CACHE": "HASHSET",
    "GDAL_CACHEMAX": "512",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "PROJ_NETWORK": "OFF",
}
"""TiTiler's advice (https://developmentseed.org/titiler/advanced/performance_tuning/), with more memory for blocks."""

VSI_CACHE = {"VSI_CACHE": "TRUE", "VSI_CACHE_SIZE": "5000000"}
"""Its advice for remote files; of local ones the kernel keeps the pages."""

ONE_THREAD = {"RIO_TILER_MAX_THREADS": "1", "MOSAIC_CONCURRENCY": "1"}
"""Without them rio-tiler starts threads for each request, and each initialises PROJ anew."""


@dataclass(frozen=True)
class Layer:
    """A picture, in the words of both APIs. Digital numbers are ten thousand times the reflectance, without offset."""

    name: str
    ours: str
    """Query."""

    peer: str
    bands: tuple[str, ...]
    suffix: str = "png"


_RGB = "assets=red&assets=green&assets=blue&rescale=0,2500"

NDVI = Layer(
    "NDVI",
    "index=ndvi",
    "assets=nir&assets=red&expression=(b1-b2)/(b1%2Bb2)&rescale=-0.2,0.9&colormap_name=rdylgn",
    ("nir", "red"),
)
RGB_PNG = Layer("true colour PNG", _RGB, _RGB, ("red", "green", "blue"))
RGB_WEBP = Layer("true colour WebP", _RGB, _RGB, ("red", "green", "blue"), suffix="webp")


@dataclass(frozen=True)
class Rival:
    """A server and its dialect."""

    server: Server
    prefix: str
    is_ours: bool

    @property
    def name(self) -> str:
        """Short, for people."""
        return self.server.name

    def tile(self, place: str, layer: Layer, tile: tuple[int, int, int]) -> str:
        """Path of a tile; `place` is `/collections/c/items/i` or `/searches/id`, `tile` z, x, y."""
        z, x, y = tile
        query = layer.ours if self.is_ours else layer.peer
        return f"{self.prefix}{place}/tiles/{TMS}/{z}/{x}/{y}.{layer.suffix}?{query}"

    @property
    def empty(self) -> str:
        """Path of the emptiest answer."""
        return f"{self.prefix}/healthz"


def ours(data: Path, *, roots: str, logs: Path, name: str = "ours") -> Rival:
    """eotiles' raster service, as `eotiles serve` starts it."""
    port = free_port()
    server = Server(
        name,
        [sys.executable, "-m", "eotiles", "serve", "--service", "raster", "--port", str(port)],
        environment=environment()
        | {
            "EOTILES_DATA": str(data),
            "EOTILES_ASSET_ROOTS": roots,
            "EOTILES_LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(Path(__file__).resolve().parents[1] / "src"),
        },
        port=port,
        ready="/readyz",
        log=logs / f"{name}.log",
    )
    return Rival(server, "/raster", is_ours=True)


def peer(name: str, *, conninfo: str, logs: Path, settings: dict[str, str]) -> Rival:
    """The stock application of titiler.pgstac in one worker of uvicorn, on the same database."""
    port = free_port()
    server = Server(
        name,
        [
            sys.executable, "-m", "uvicorn", "titiler.pgstac.main:app", "--workers", "1", "--port", str(port),
            "--log-level", "warning", "--no-access-log",
        ],
        environment=environment() | libpq(conninfo) | settings,
        port=port,
        ready="/healthz",
        log=logs / f"{name}.log",
    )  # fmt: skip
    return Rival(server, "", is_ours=False)


def libpq(conninfo: str) -> dict[str, str]:
    """An address of a database as the variables that the stock applications take."""
    address = urlsplit(conninfo)
    return {
        "PGHOST": address.hostname or "",
        "PGPORT": str(address.port),
        "PGUSER": unquote(address.username or ""),
        "PGPASSWORD": unquote(address.password or ""),
        "PGDATABASE": address.path.strip("/"),
    }


def environment() -> dict[str, str]:
    """Ours without what would configure a rival or a database by accident."""
    odd = (
        "PG",
        "EOTILES_",
        "GDAL_",
        "CPL_",
        "VSI_",
        "TITILER_",
        "RIO_TILER_",
        "MOSAIC_",
        "USE_",
        "ENABLE",
    )
    return {name: value for name, value in os.environ.items() if not name.startswith(odd)}
