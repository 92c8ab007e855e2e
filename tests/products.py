"""Generated products: small, with the structure that the agencies document. None of their pixels is real.

Sentinel-2 SAFE folders of both naming conventions, Landsat Collection 2 folders, NAIP images, Sentinel-1 GRD
folders.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

from tests.builders import UTM_19S, north_up


def jpeg2000(
    path: Path,
    data: NDArray[Any],
    *,
    crs: str = UTM_19S,
    transform: Affine | None = None,
    tile_px: int = 128,
    **options: str,
) -> Path:
    """Write (band, y, x) or (y, x) data as a lossless, tiled JPEG 2000 file with its place in GML."""
    planes = data if data.ndim == 3 else data[np.newaxis]
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="JP2OpenJPEG",
        count=planes.shape[0],
        height=planes.shape[1],
        width=planes.shape[2],
        dtype=planes.dtype,
        crs=crs,
        transform=north_up() if transform is None else transform,
        QUALITY="100",
        REVERSIBLE="YES",
        YCBCR420="NO",
        BLOCKXSIZE=str(tile_px),
        BLOCKYSIZE=str(tile_px),
        RESOLUTIONS="3",
        **options,
    ) as dataset:
        dataset.write(planes)
    return path
