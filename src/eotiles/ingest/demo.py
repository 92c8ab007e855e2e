"""The demo scene: real Sentinel-2 imagery that the wheel of xarray-spatial ships as sample data.

The wheel serves as data only: it is never imported. Its six NetCDF-3 files hold whole digital numbers as float64. All
are 300 × 200 pixels, but four cover 3 × 2 km at 10 m and two cover 6 × 4 km at 20 m: they share the north-west corner,
not a grid. They name neither a date nor a processing level.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

from eotiles.core.errors import SetupError
from eotiles.ingest.options import IngestOptions
from eotiles.ingest.period import parse_period

WHEEL = "xarray-spatial==0.5.3"
COLLECTION = "sentinel-2-demo"
ITEM = "s2-patagonia-demo"
EPSG = 32719
"""UTM zone 19 south, as the files say."""

BAND_FILES = {
    "B02": "blue_band.nc",
    "B03": "green_band.nc",
    "B04": "red_band.nc",
    "B08": "nir_band.nc",
    "B11": "swir1_band.nc",
    "B12": "swir2_band.nc",
}
VARIABLE = "__xarray_dataarray_variable__"
NODATA = 0
"""As in every Sentinel-2 product; no pixel of the sample has it."""

Source = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""(y, x) digital numbers; (x,) and (y,) coordinates of pixel centres in metres."""

# From the first light of Sentinel-2A to the release of the wheel: all that is certain.
INTERVAL = "2015-06-27T00:00:00Z/2026-02-23T00:00:00Z"


def demo_files(folder: Path) -> list[Path]:
    """Write the scene as six GeoTIFFs of digital numbers (uint16) and return their paths.

    Raises:
        SetupError: the wheel or SciPy is not installed.
    """
    return [_write(path, folder / f"{ITEM}_{band}.tif") for band, path in _wheel_files().items()]


def demo_sources() -> dict[str, Source]:
    """What the wheel holds, by band: for comparing with what is served.

    Raises:
        SetupError: the wheel or SciPy is not installed.
    """
    return {band: read_source(path) for band, path in _wheel_files().items()}


def _wheel_files() -> dict[str, Path]:
    try:
        wheel = distribution(WHEEL.partition("==")[0])
    except PackageNotFoundError as error:
        raise SetupError(
            f"the demo imagery is not installed: run `pip install --no-deps {WHEEL}`"
        ) from error
    return {
        band: Path(str(wheel.locate_file(f"xrspatial/datasets/sentinel-2/{name}")))
        for band, name in BAND_FILES.items()
    }


def demo_options() -> IngestOptions:
    """How the demo scene is described: what is known about it, and that the rest is declared."""
    return IngestOptions(
        collection=COLLECTION,
        item=ITEM,
        title="Sentinel-2 demo",
        description="One real Sentinel-2 scene in Patagonia, the sample data of the Python package xarray-spatial "
        "(MIT licence).",
        item_description="Sample data of xarray-spatial 0.5.3. The files name neither a date nor a processing level: "
        "the interval is all that is certain (from the first images of Sentinel-2A to the release of the package), and "
        "the values are declared to be top-of-atmosphere reflectance, digital number × 0.0001, because blue is "
        "brighter than green as it is before atmospheric correction.",
        license="other",
        license_url="https://sentinels.copernicus.eu/documents/247904/690755/Sentinel_Data_Legal_Notice",
        provider="European Union/ESA/Copernicus",
        attribution="contains modified Copernicus Sentinel data",
        period=parse_period(INTERVAL),
        sensor="sentinel-2",
        domain="toa_reflectance",
        scale=0.0001,
        offset=0.0,
        nodata=NODATA,
    )


def read_source(path: Path) -> Source:
    """One NetCDF file of the wheel.

    Raises:
        SetupError: SciPy is not installed, or the file is not there.
    """
    try:
        # SciPy comes with the extra `demo` only.
        from scipy.io import netcdf_file  # noqa: PLC0415
    except ImportError as error:
        raise SetupError("the demo needs SciPy: run `pip install 'eotiles[demo]'`") from error
    try:
        with netcdf_file(path, "r", mmap=False) as file:
            values, x, y = (file.variables[name][...] for name in (VARIABLE, "x", "y"))
    except (OSError, KeyError, TypeError) as error:
        raise SetupError(
            f"the demo imagery {path.name} is missing or damaged: run `pip install --no-deps --force-reinstall {WHEEL}`"
        ) from error
    native = (np.ascontiguousarray(part, dtype=np.float64) for part in (values, x, y))
    return next(native), next(native), next(native)


def grid_of_centres(x: NDArray[np.float64], y: NDArray[np.float64]) -> Affine:
    """The transform of a raster whose pixel centres have these coordinates: its corner is half a pixel away."""
    width = (x[-1] - x[0]) / (x.size - 1)
    height = (y[-1] - y[0]) / (y.size - 1)
    return Affine(width, 0.0, x[0] - width / 2, 0.0, height, y[0] - height / 2)


def _write(source: Path, target: Path) -> Path:
    values, x, y = read_source(source)
    if y[0] < y[-1]:
        values, y = values[::-1], y[::-1]
    numbers = values.astype(np.uint16)
    if not np.array_equal(numbers, values):
        raise SetupError(f"the demo imagery {source.name} does not hold whole digital numbers")
    with rasterio.open(
        target,
        "w",
        driver="GTiff",
        width=x.size,
        height=y.size,
        count=1,
        dtype="uint16",
        nodata=NODATA,
        crs=f"EPSG:{EPSG}",
        transform=grid_of_centres(x, y),
    ) as dataset:
        dataset.write(numbers, 1)
        dataset.set_band_description(1, target.stem.rpartition("_")[2])
    return target
