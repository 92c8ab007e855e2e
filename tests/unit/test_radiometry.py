"""From digital numbers to physical values."""

from __future__ import annotations

import numpy as np
import pytest

from eotiles.catalog.radiometry import BASELINE, OFFSET_APPLIED, physical, radiometry


def test_physical_values_equal_float64_arithmetic() -> None:
    dn = np.array([[[0, 1, 10_000, 65_535]], [[5, 6, 7, 8]]], np.uint16)
    values = physical(dn, scales=(0.0001, 2.75e-5), offsets=(-0.1, -0.2))
    assert values.dtype == np.float32
    expected = dn * np.array([[[0.0001]], [[2.75e-5]]]) + np.array([[[-0.1]], [[-0.2]]])
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-6)


def test_a_number_that_means_zero_is_zero() -> None:
    dn = np.array([[[1000]], [[7272]]], np.uint16)
    values = physical(dn, scales=(0.0001, 1.0), offsets=(-0.1, -7272.0))
    assert values.tolist() == [[[0.0]], [[0.0]]]


def test_physical_leaves_plain_numbers_and_the_input_alone() -> None:
    dn = np.array([[[1, 2]]], np.int16)
    assert physical(dn, scales=(1,), offsets=(0,)).tolist() == [[[1.0, 2.0]]]
    assert dn.tolist() == [[[1, 2]]]


@pytest.mark.parametrize(
    ("applied", "offset"), [(True, 0.0), (False, -0.1), (None, -0.1), ("yes", -0.1)]
)
def test_an_offset_that_the_pixels_already_have_is_not_applied_twice(
    applied: object, offset: float
) -> None:
    found = radiometry(
        {},
        raster_band={"scale": 0.0001, "offset": -0.1},
        asset={},
        properties={OFFSET_APPLIED: applied},
        is_reflectance=True,
    )
    assert found is not None
    assert (found.scale, found.offset) == (0.0001, offset)


@pytest.mark.parametrize(
    ("baseline", "declared", "is_reflectance", "expected"),
    [
        ("05.09", {}, True, (0.0001, -0.1)),
        ("04.00", {}, True, (0.0001, -0.1)),
        ("03.01", {}, True, (1.0, 0.0)),
        ("unknown", {}, True, (1.0, 0.0)),
        (None, {}, True, (1.0, 0.0)),
        ("05.09", {}, False, (1.0, 0.0)),
        ("05.09", {"scale": 0.0001}, True, (0.0001, 0.0)),
        ("05.09", {"scale": 0.0001, "offset": 0}, True, (0.0001, 0.0)),
    ],
)
def test_the_baseline_of_sentinel_2_tells_where_nothing_else_does(
    baseline: object,
    declared: dict[str, float],
    is_reflectance: bool,
    expected: tuple[float, float],
) -> None:
    found = radiometry(
        {},
        raster_band=declared,
        asset={},
        properties={BASELINE: baseline},
        is_reflectance=is_reflectance,
    )
    assert found is not None
    assert (found.scale, found.offset) == expected


def test_an_impossible_scale_means_nothing() -> None:
    band = {"raster:scale": 0}
    assert radiometry(band, raster_band={}, asset={}, properties={}, is_reflectance=True) is None
