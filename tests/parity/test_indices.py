"""The four indices on real bands against plain NumPy, and against what is known about the scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from eotiles.bandmath.kernels import warm
from eotiles.core.index import PRESETS

IMAGERY = Path(__file__).resolve().parents[3] / "shared" / "data" / "imagery"
FLOOD = IMAGERY / "flood-spain-s1-s2"
LANDSAT = IMAGERY / "landsat8-india-ms-pan" / "LC08_L2SP_143054_20230213_20230218_02_T1_SR.tif"

FORMULAS = {
    "ndvi": lambda b: (b["N"] - b["R"]) / (b["N"] + b["R"]),
    "ndwi": lambda b: (b["G"] - b["N"]) / (b["G"] + b["N"]),
    "ndmi": lambda b: (b["N"] - b["S1"]) / (b["N"] + b["S1"]),
    "mndwi": lambda b: (b["G"] - b["S1"]) / (b["G"] + b["S1"]),
}
"""Written here once more, by hand, from the papers that core/index.py names."""

KERNELS = warm(PRESETS.values())


def bands(path: Path, numbers: dict[str, int]) -> dict[str, NDArray[np.float64]]:
    """Symbol → (y, x) digital numbers."""
    if not path.exists():
        pytest.skip(f"the shared imagery is not here: {path.name}")
    with rasterio.open(path) as file:
        return {symbol: file.read(band).astype(np.float64) for symbol, band in numbers.items()}


@pytest.fixture(scope="module")
def sentinel() -> dict[str, NDArray[np.float64]]:
    """Sentinel-2 L1C reflectance over a flood; 13 bands, B8A as the ninth."""
    numbers = bands(FLOOD / "s2-l1c-13bands-20190918.tif", {"G": 3, "R": 4, "N": 8, "S1": 12})
    return {symbol: band * 1e-4 for symbol, band in numbers.items()}


@pytest.fixture(scope="module")
def landsat() -> dict[str, NDArray[np.float64]]:
    """Landsat 8 collection 2 surface reflectance, bands 2 to 7; DN 0 is none."""
    numbers = bands(LANDSAT, {"G": 2, "R": 3, "N": 4, "S1": 5})
    return {
        symbol: np.where(band == 0, np.nan, band * 2.75e-5 - 0.2)
        for symbol, band in numbers.items()
    }


def drawn(
    name: str, scene: dict[str, NDArray[np.float64]]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    data = np.stack([scene[symbol] for symbol in PRESETS[name].bands]).astype(np.float32)
    return KERNELS[name](data, np.isfinite(data).all(axis=0))


@pytest.mark.parametrize("name", PRESETS)
def test_sentinel_to_1e_6(name: str, sentinel: dict[str, NDArray[np.float64]]) -> None:
    values, valid = drawn(name, sentinel)
    assert valid.all()
    assert np.abs(values - FORMULAS[name](sentinel)).max() < 1e-6


@pytest.mark.parametrize("name", PRESETS)
def test_landsat_to_1e_6(name: str, landsat: dict[str, NDArray[np.float64]]) -> None:
    values, valid = drawn(name, landsat)
    with np.errstate(all="ignore"):
        expected = FORMULAS[name](landsat)
    np.testing.assert_array_equal(valid, np.isfinite(expected))
    assert valid.mean() > 0.9
    assert np.abs(values - expected)[valid].max() < 1e-6


@pytest.mark.parametrize(
    ("name", "water_above", "iou", "accuracy"),
    [("ndwi", True, 0.676, 0.907), ("mndwi", True, 0.612, 0.833), ("ndvi", False, 0.642, 0.896)],
)
def test_water_of_the_flood(
    name: str,
    water_above: bool,
    iou: float,
    accuracy: float,
    sentinel: dict[str, NDArray[np.float64]],
) -> None:
    """Threshold 0 against the hand-drawn label (Sen1Floods11): a wrong band or sign would miss these by far."""
    label = bands(FLOOD / "water-label.tif", {"water": 1})["water"]
    values, valid = drawn(name, sentinel)
    known = valid & (label >= 0)
    water = (values > 0) == water_above
    truth = label == 1
    assert (water & truth & known).sum() / ((water | truth) & known).sum() == pytest.approx(
        iou, abs=1e-3
    )
    assert (water == truth)[known].mean() == pytest.approx(accuracy, abs=1e-3)


def test_the_offset_matters() -> None:
    """Sentinel-2 baseline 04.00 adds 1000 to every number; a normalised difference does not cancel that."""
    stored = np.array([3000, 1500], np.float64).reshape(2, 1, 1)
    everywhere = np.ones((1, 1), bool)
    right, _ = KERNELS["ndvi"]((stored * 1e-4 - 0.1).astype(np.float32), everywhere)
    wrong, _ = KERNELS["ndvi"]((stored * 1e-4).astype(np.float32), everywhere)
    assert right[0, 0] == pytest.approx(0.6, abs=1e-6)  # (0.20 - 0.05) / (0.20 + 0.05)
    assert wrong[0, 0] == pytest.approx(1 / 3, abs=1e-6)


@pytest.mark.parametrize("name", PRESETS)
def test_what_cannot_be_computed_is_transparent(name: str) -> None:
    pairs = [
        (0, 0),
        (0.1, -0.1),
        (np.nan, 0.1),
        (0.1, np.inf),
        (-np.inf, np.inf),
        (3.4e38, -3.39e38),
    ]
    data = np.array(pairs, np.float32).T.reshape(2, 1, len(pairs))
    values, valid = KERNELS[name](data, np.ones((1, len(pairs)), bool))
    assert valid[0].tolist() == [False] * 5 + [True]
    assert np.isfinite(values).all()
