"""Values to bytes: our encoder against TiTiler's render_image, on the demo's Sentinel-2 scene. Prints sizes too.

    python benchmarks/encoders.py [--json PATH]        STRICT=1: exit 1 where a bar is missed

Both rescale, colour and encode; the scene is mirrored where a tile is larger. True colour is digital numbers (uint16).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from report import Line, compare, finish, options
from rio_tiler.colormap import cmap
from rio_tiler.models import ImageData
from titiler.core.resources.enums import ImageType
from titiler.core.utils import render_image

from eotiles.http.titiler.encoding import encode
from eotiles.ingest.demo import demo_sources
from eotiles.render.colour import ramp
from eotiles.render.paint import rescaled
from eotiles.render.picture import Picture, encode_picture

ROUNDS = 11
NDVI: dict[str, Any] = {"rescale": [(-0.2, 0.9)], "colormap": cmap.get("rdylgn")}
BARS = {"png": 8.0, "webp": 1.0, "jpeg": 2.0}


def tiles(size: int, *, holes: bool) -> tuple[ImageData, ImageData]:
    """NDVI (float32) and true colour (uint16), with an invalid triangle or without."""
    bands: dict[str, NDArray[np.float64]] = {}
    for name, (values, _, _) in demo_sources().items():
        height, width = values.shape
        grown = np.pad(values, ((0, max(0, size - height)), (0, max(0, size - width))), "symmetric")
        bands[name] = grown[:size, :size]
    invalid = np.add.outer(np.arange(size), np.arange(size)) < (size // 2 if holes else 0)
    red, nir = bands["B04"], bands["B08"]
    with np.errstate(all="ignore"):
        ndvi = ((nir - red) / (nir + red)).astype(np.float32)[None]
    colour = np.stack([red, bands["B03"], bands["B02"]]).astype(np.uint16)
    return (
        ImageData(np.ma.MaskedArray(ndvi, mask=invalid[None])),
        ImageData(np.ma.MaskedArray(colour, mask=np.broadcast_to(invalid, colour.shape).copy())),
    )


def fresh(image: ImageData) -> ImageData:
    """TiTiler's encoder writes into its input."""
    return ImageData(image.array.copy())


def compared(
    name: str,
    ours: Callable[[], tuple[bytes, str]],
    peer: Callable[[], tuple[bytes, str]],
    *,
    bar: float,
) -> Line:
    mine, theirs = len(ours()[0]) / 1024, len(peer()[0]) / 1024
    found = compare(f"{name} {mine:.1f}/{theirs:.1f} KiB", ours, peer, bar=bar, rounds=ROUNDS)
    return {**found, "ours_kib": mine, "peer_kib": theirs}


def cases(size: int, *, holes: bool) -> list[Line]:
    ndvi, colour = tiles(size, holes=holes)
    limits = [tuple(np.percentile(band, (1, 99))) for band in colour.data]
    place = f"{size}{' edge' if holes else ''}"
    lines = [
        compared(
            f"NDVI png {place}",
            lambda: encode(fresh(ndvi), output_format=ImageType.png, **NDVI),
            lambda: render_image(fresh(ndvi), output_format=ImageType.png, **NDVI),
            bar=20,
        )
    ]
    for kind in (ImageType.png, ImageType.webp, ImageType.jpeg):

        def ours(kind: ImageType = kind) -> tuple[bytes, str]:
            return encode(fresh(colour), output_format=kind, rescale=limits)

        def peer(kind: ImageType = kind) -> tuple[bytes, str]:
            return render_image(fresh(colour), output_format=kind, rescale=limits)

        lines.append(compared(f"colour {kind.value} {place}", ours, peer, bar=BARS[kind.value]))
    return lines + _files_only(ndvi, colour, limits, place)


def _files_only(ndvi: ImageData, colour: ImageData, limits: Any, place: str) -> list[Line]:
    """From bytes to a file, without the rescale: what a fused kernel leaves to do. The peer is rio-tiler's render."""
    valid, palette = ~ndvi.array.mask[0], ramp(NDVI["colormap"])
    indices = rescaled(ndvi.data, valid[None], NDVI["rescale"])
    drawn = rescaled(colour.data, ~colour.array.mask, limits)
    bytes_only = [
        ("NDVI", Picture(indices, valid, palette), {"colormap": NDVI["colormap"]}),
        ("colour", Picture(drawn, valid), {}),
    ]
    return [
        compared(
            f"{name} png {place}, file only",
            lambda picture=picture: encode_picture(picture, "png"),
            lambda picture=picture, more=more: render_image(
                ImageData(
                    np.ma.MaskedArray(
                        picture.bands, mask=np.broadcast_to(~valid, picture.bands.shape)
                    )
                ),
                output_format=ImageType.png,
                **more,
            ),
            bar=10,
        )
        for name, picture, more in bytes_only
    ]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    path = options(__doc__ or "")
    lines = [
        each for size in (256, 512) for holes in (False, True) for each in cases(size, holes=holes)
    ]
    raise SystemExit(finish(lines, path))
