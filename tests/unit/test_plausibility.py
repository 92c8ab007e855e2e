"""Numbers that cannot be right, and numbers that can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from eotiles.catalog.plausibility import Sample, figures, implausible
from eotiles.core.domain import DOMAINS, Domain
from tests import builders


def sample(
    numbers: Any,
    *,
    domain: Domain = "reflectance",
    scale: float = 0.0001,
    offset: float = 0.0,
    data_type: str = "uint16",
    name: str = "red",
) -> Sample:
    values = np.asarray(numbers, np.float64)
    return Sample(name, domain, scale, offset, data_type, name, values)


def ground(seed: int, dark: float, bright: float) -> NDArray[np.float64]:
    """Reflectance × 10000 of a landscape with shadow and roofs."""
    random = np.random.default_rng(seed)
    return np.clip(random.gamma(4.0, (bright - dark) / 8, 5_000) + dark, 1, 12_000).round()


LAND = {
    "blue": ground(1, 150, 900),
    "green": ground(2, 250, 1200),
    "red": ground(3, 180, 1500),
    "nir": ground(4, 300, 4000),
    "swir16": ground(5, 200, 3000),
}


def scene(add: int = 0, **fields: Any) -> list[Sample]:
    return [sample(numbers + add, name=name, **fields) for name, numbers in LAND.items()]


def test_a_landscape_raises_no_doubt_however_it_is_stored() -> None:
    assert implausible(scene(), is_sentinel_2=True) == ()
    assert implausible(scene(1000, offset=-0.1), is_sentinel_2=True) == ()
    assert implausible(scene(domain="toa_reflectance"), is_sentinel_2=True) == ()


def test_an_offset_that_is_still_in_is_told_of_sentinel_2() -> None:
    (said,) = implausible(scene(1000), is_sentinel_2=True)
    assert said.startswith("bands blue, green, red, nir and 1 more have no pixel darker than 0.095")
    assert implausible(scene(1000)) == (), "no other sensor has that offset"
    assert implausible(scene(1000)[:1], is_sentinel_2=True) == (), "one band says too little"


def test_an_offset_that_is_taken_off_twice_is_told() -> None:
    (said,) = implausible(scene(offset=-0.1), is_sentinel_2=True)
    assert "reflectance below -0.01 in more than 5% of the pixels" in said
    assert "taken off twice" in said


def test_water_a_little_below_0_is_water() -> None:
    assert implausible([sample(np.full(1000, 960), offset=-0.1)]) == ()


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (sample(LAND["red"], scale=1.0), "band red has a reflectance above 2 in most places"),
        (
            sample(np.r_[np.full(90, 3_000), np.full(10, 17_000)]),
            "above 1.6 in more than 5% of the pixels",
        ),
        (sample(LAND["red"] / 10_000), "below 0.001 nearly everywhere: is the scale taken twice"),
        (
            sample(np.arange(256) / 256, data_type="uint8", scale=1.0),
            "bytes for reflectance: are they made to be looked at",
        ),
        (sample([3, 9, 40], domain="db", scale=1.0), "decibels that are all above 0"),
        (sample([-20, -9, -3], domain="power", scale=1.0), "are they decibels"),
        (sample([-20, -9, -3], domain="amplitude", scale=1.0), "are they decibels"),
        (sample([290, 300, 21_000], domain="kelvin", scale=1.0), "outside of 180 to 350 K"),
        (sample([10, 20, 25], domain="kelvin", scale=1.0), "outside of 180 to 350 K"),
        (sample([10, 20, 9_900], domain="metres", scale=1.0), "the Earth does not have"),
        (sample([7_000, -2_000], domain="index", scale=1.0), "an index beyond 100"),
        (sample([100, 4_000], domain="display", scale=1.0), "outside of 0 to 255"),
    ],
)
def test_what_cannot_be(made: Sample, sentence: str) -> None:
    (said,) = implausible([made])
    assert sentence in said


@pytest.mark.parametrize(
    "made",
    [
        sample([-25, -10, 2, 25], domain="db", scale=1.0),
        sample([0, 0.1, 400], domain="power", scale=1.0),
        sample([40_000, 45_000], domain="kelvin", scale=0.00341802, offset=149.0),
        sample([-10_900, 0, 8_849], domain="metres", scale=1.0),
        sample([-9_000, 10_000], domain="index", scale=0.0001),
        sample([0, 255], domain="display", scale=1.0),
        sample([0, 65_535], domain="dn", scale=1.0),
        sample([0, 25, 200], scale=1 / 255, data_type="uint8"),
        sample([]),
    ],
)
def test_what_can_be(made: Sample) -> None:
    assert implausible([made]) == ()


def test_cirrus_is_dark_everywhere() -> None:
    cirrus = sample(np.full(100, 11), name="cirrus", domain="toa_reflectance")
    assert implausible([cirrus, sample(LAND["red"])]) == ()


def test_figures() -> None:
    found = figures(sample(np.arange(-100, 901), offset=0.01))
    assert found is not None
    assert (found.count, found.minimum, found.maximum) == (1001, 0.0, 0.1)
    assert (found.median, found.p1, found.p99) == pytest.approx((0.05, 0.001, 0.099))
    assert (found.below_0, found.too_low, found.too_high) == (0.0, 0.0, 0.0)
    for domain in DOMAINS:
        assert figures(sample([], domain=domain)) is None


def real(path: str) -> NDArray[np.float64]:
    """(band, n) valid pixels of a real file."""
    file = builders.SHARED / "imagery" / path
    if not file.exists():
        pytest.skip("the shared imagery is not here")
    with rasterio.open(file) as dataset:
        data = dataset.read().reshape(dataset.count, -1).astype(np.float64)
    return np.asarray(data[:, np.isfinite(data).all(axis=0)])


class TestReal:
    """Real imagery is believed as it is meant, and doubted where it is said to be something else."""

    def test_sentinel_2_above_the_atmosphere(self) -> None:
        planes = real("flood-spain-s1-s2/s2-l1c-13bands-20190918.tif")
        names = [*(f"b{number}" for number in range(10)), "cirrus", "swir16", "swir22"]

        def told(add: float = 0, **fields: Any) -> tuple[str, ...]:
            bands = [
                sample(plane + add, name=name, domain="toa_reflectance", **fields)
                for plane, name in zip(planes, names, strict=True)
            ]
            return implausible(bands, is_sentinel_2=True)

        assert told() == ()
        assert told(1000, offset=-0.1) == ()
        assert "still in the numbers" in told(1000)[0]
        assert "taken off twice" in told(offset=-0.1)[0]
        assert "above 2 in most places" in told(scale=1.0)[0]

    def test_landsat_at_the_surface(self) -> None:
        planes = real("landsat8-india-ms-pan/LC08_L2SP_143054_20230213_20230218_02_T1_SR.tif")[:6]
        right = [sample(plane, scale=0.0000275, offset=-0.2) for plane in planes]
        assert implausible(right) == ()
        assert implausible([sample(plane, scale=0.0001) for plane in planes]) != ()

    def test_sentinel_1_in_decibels(self) -> None:
        planes = real("flood-spain-s1-s2/s1-vv-vh-db-20190917.tif")
        assert implausible([sample(plane, domain="db", scale=1.0) for plane in planes]) == ()
        power = [sample(10 ** (plane / 10), domain="power", scale=1.0) for plane in planes]
        assert implausible(power) == ()
        assert implausible([sample(each.numbers, domain="db", scale=1.0) for each in power]) != ()
        assert implausible([sample(plane, domain="power", scale=1.0) for plane in planes]) != ()

    def test_aerial_photographs(self) -> None:
        planes = real("naip-prairie-rgbn/m_4709963_se_14_1_20200831.tif")
        as_display = [
            sample(each, domain="display", scale=1.0, data_type="uint8") for each in planes
        ]
        assert implausible(as_display) == ()
        as_reflectance = [sample(each, scale=1.0, data_type="uint8") for each in planes]
        assert any("bytes for reflectance" in said for said in implausible(as_reflectance))
