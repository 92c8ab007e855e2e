"""What an ingest says about options that are likely a mistake."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eotiles.core.domain import Domain
from eotiles.ingest.doubts import doubts
from eotiles.ingest.layers import NamedBand
from eotiles.ingest.options import parse_bands
from eotiles.ingest.scenes import Scene, SceneFile
from eotiles.ingest.statistics import BandStatistics


def band(common: str | None, *, scale: float = 1.0, domain: Domain = "dn") -> NamedBand:
    sample = np.linspace(500.0, 3_000.0, 101)
    statistics = BandStatistics(500.0, 3_000.0, 1_750.0, 1.0, 101, 101, sample)
    return NamedBand("data", 1, common or "b1", common, scale, 0.0, domain, statistics)


def scene(*tokens: str | None) -> Scene:
    files = tuple(SceneFile(Path(f"x_{token}.tif"), token or "data", token) for token in tokens)
    return Scene("x", files, "x", None)


def test_bands_without_a_name_are_told() -> None:
    (said,) = doubts(scene(None), [band(None)] * 4, ())
    assert "none of the 4 bands is known by name" in said
    assert "--bands" in said


@pytest.mark.parametrize(
    "bands", [[band(None)], [band(None)] * 2, [band("red"), *[band(None)] * 3]]
)
def test_radar_and_named_bands_raise_no_doubt(bands: list[NamedBand]) -> None:
    assert doubts(scene(None), bands, ()) == ()


def test_reflectance_far_above_white_is_told() -> None:
    (said,) = doubts(scene(None), [band("red", domain="reflectance")], ())
    assert "band red has a reflectance above 2 in most places" in said
    assert doubts(scene(None), [band("red", scale=0.0001, domain="reflectance")], ()) == ()
    assert doubts(scene(None), [band("red", domain="dn")], ()) == ()


def test_names_in_order_for_one_file_a_band_are_told() -> None:
    files, bands = scene("B04", "B08"), [band("red"), band("nir")]
    (said,) = doubts(files, bands, parse_bands("red,nir"))
    assert said.startswith("--bands red, nir counted for nothing")
    assert "B04=red" in said
    assert doubts(files, bands, parse_bands("B04=red,B11=swir16")) == ()
    assert doubts(scene("red"), bands, parse_bands("first,second")) == (), "a file of several bands"


def test_a_band_that_lost_its_mark_of_transparency_is_told() -> None:
    (said,) = doubts(scene(None), [band("nir")], parse_bands("nir"), unmarked=[("data", 1)])
    assert said.startswith("band 1 is marked as transparency in the file and called nir by --bands")
    assert doubts(scene(None), [band("nir")], parse_bands("nir"), unmarked=[("data", 2)]) == ()


def test_an_mtl_beside_it_is_told(tmp_path: Path) -> None:
    name = "LC08_L2SP_193030_20200704_20200913_02_T1"
    files = (SceneFile(tmp_path / f"{name}_SR_B4.TIF", "B4", "SR_B4"),)
    landsat = Scene(name, files, name, "landsat-oli")
    assert doubts(landsat, [band("red")], ()) == ()
    (tmp_path / f"{name}_MTL.txt").touch()
    (said,) = doubts(landsat, [band("red")], ())
    assert "eotiles ingest landsat" in said
