"""Which files there are, which are one scene, and what their bands are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eotiles.core.errors import BadParameter, IngestRefused
from eotiles.ingest.naming import data_bands, name_bands
from eotiles.ingest.options import IngestOptions, parse_bands
from eotiles.ingest.scenes import Scene, find_files, group_scenes
from eotiles.ingest.survey import survey
from tests.builders import geotiff, ramp

OPTIONS = IngestOptions(collection="imagery")


def scenes(*names: str, options: IngestOptions = OPTIONS) -> dict[str, list[str]]:
    found, refused = group_scenes([Path("/archive", name) for name in names], options)
    assert refused == []
    return {scene.id: [file.key for file in scene.files] for scene in found}


def test_files_that_differ_by_the_band_are_one_scene() -> None:
    assert scenes(
        "T53NMJ_20170527T012701_B02_10m.tif",
        "T53NMJ_20170527T012701_B8A_20m.tif",
        "T53NMJ_20170527T012701_SCL_20m.tif",
        "T53NMJ_20170606T012701_B02_10m.tif",
    ) == {
        "T53NMJ_20170527T012701": ["B02", "B8A", "SCL"],
        "T53NMJ_20170606T012701": ["B02"],
    }


@pytest.mark.parametrize(
    ("name", "identifier", "key"),
    [
        ("scene_red.tif", "scene", "red"),
        ("scene-NIR.TIFF", "scene", "nir"),
        ("scene.swir1.tif", "scene", "swir16"),
        (
            "LC08_L2SP_143054_20230213_20230218_02_T1_SR_B4.TIF",
            "LC08_L2SP_143054_20230213_20230218_02_T1",
            "B4",
        ),
        (
            "LC08_L2SP_143054_20230213_20230218_02_T1_QA_PIXEL.TIF",
            "LC08_L2SP_143054_20230213_20230218_02_T1",
            "QA_PIXEL",
        ),
        ("s1-20190917_VV.tif", "s1-20190917", "VV"),
        ("L7_ETMs.tif", "L7_ETMs", "data"),
        (
            "LC08_L1TP_143054_20230213_20230218_02_T1.tif",
            "LC08_L1TP_143054_20230213_20230218_02_T1",
            "data",
        ),
        ("Ort höhe (1).tif", "Ort-h-he-1", "data"),
        ("S2A_30SXH_20200704/B04.tif", "S2A_30SXH_20200704", "B04"),
    ],
)
def test_one_file(name: str, identifier: str, key: str) -> None:
    assert scenes(name) == {identifier: [key]}


def test_a_suffix_of_ones_own() -> None:
    options = IngestOptions(collection="imagery", bands=parse_bands("ch1=red,ch2=nir"))
    assert scenes("a_ch1.tif", "a_ch2.tif", "a_ch3.tif", options=options) == {
        "a": ["ch1", "ch2"],
        "a_ch3": ["data"],
    }


def test_two_scenes_of_one_id_are_not_mixed_up() -> None:
    found, refused = group_scenes([Path("/one/scene_red.tif"), Path("/two/scene_red.tif")], OPTIONS)
    assert [scene.files[0].path for scene in found] == [Path("/one/scene_red.tif")]
    assert "same item id 'scene' as /one/scene_red.tif" in str(refused[0])


def test_one_band_twice_is_refused() -> None:
    found, refused = group_scenes([Path("/a/x_B2.tif"), Path("/a/x_B02.tif")], OPTIONS)
    assert found == []
    assert str(refused[0]) == "/a/x_B2.tif holds the same band B02 as x_B2.tif"


def test_an_id_is_for_one_scene() -> None:
    options = IngestOptions(collection="imagery", item="mine")
    assert list(scenes("a_red.tif", "a_nir.tif", options=options)) == ["mine"]
    with pytest.raises(BadParameter, match="--id names one item, but 2 scenes were found"):
        scenes("a.tif", "b.tif", options=options)


def test_a_folder_is_walked_for_geotiffs(tmp_path: Path) -> None:
    for name in ("b.TIF", "deep/a.tiff", "notes.txt", ".hidden.tif", ".trash/c.tif"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found, refused = find_files([tmp_path, tmp_path / "b.TIF"])
    assert [path.name for path in found] == ["b.TIF", "a.tiff"]
    assert refused == []


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    _, refused = find_files([tmp_path / "empty", tmp_path / "gone.tif"])
    assert [str(refusal) for refusal in refused] == [
        f"{tmp_path}/empty holds no GeoTIFF (.tif, .tiff)",
        f"{tmp_path}/gone.tif does not exist",
    ]


def names(path: Path, options: IngestOptions = OPTIONS) -> list[tuple[str, str | None]]:
    scene = one_scene(path, options)
    surveys = {file.key: survey(file.path) for file in scene.files}
    named = name_bands(scene, surveys, options)
    return [(band.name, band.common_name) for bands in named.values() for band in bands]


def one_scene(path: Path, options: IngestOptions = OPTIONS) -> Scene:
    (scene,), refused = group_scenes([path], options)
    assert refused == []
    return scene


def test_bands_by_description(tmp_path: Path) -> None:
    described = ("B4", "B8A", "Blue", "cloud mask", "cloud mask")
    path = geotiff(tmp_path / "s2-scene.tif", ramp(4, 4, bands=5), descriptions=described)
    assert names(path) == [
        ("B04", "red"),
        ("B8A", "nir08"),
        ("blue", "blue"),
        ("cloud-mask", None),
        ("cloud-mask-5", None),
    ]


def test_bands_by_colour(tmp_path: Path) -> None:
    options = {"photometric": "RGB", "alpha": "YES"}
    data = np.full((4, 4, 4), 255, np.uint8)
    path = geotiff(tmp_path / "photo.tif", data, nodata=None, options=options)
    assert names(path) == [("red", "red"), ("green", "green"), ("blue", "blue"), ("alpha", None)]


def test_bands_without_any_hint(tmp_path: Path) -> None:
    assert names(geotiff(tmp_path / "x.tif", ramp(4, 4, bands=2))) == [("b1", None), ("b2", None)]


def test_bands_by_option(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "x.tif", ramp(4, 4, bands=3))
    options = IngestOptions(
        collection="imagery", bands=parse_bands("red,B5,c=nir"), sensor="landsat-oli"
    )
    assert names(path, options) == [("red", "red"), ("B5", "nir08"), ("c", "nir")]


def test_too_few_names_are_refused(tmp_path: Path) -> None:
    options = IngestOptions(collection="imagery", bands=parse_bands("red,nir"))
    with pytest.raises(IngestRefused, match="has 3 bands, but --bands names 2"):
        names(geotiff(tmp_path / "x.tif", ramp(4, 4, bands=3)), options)


def test_an_unknown_common_name_is_refused(tmp_path: Path) -> None:
    options = IngestOptions(collection="imagery", bands=parse_bands("b1=infrared"))
    with pytest.raises(IngestRefused, match="common name 'infrared': STAC knows pan, coastal"):
        names(geotiff(tmp_path / "x.tif", ramp(4, 4)), options)


def test_what_bands_calls_otherwise_than_alpha_is_data() -> None:
    assert data_bands(parse_bands("red,green,blue,nir")) == (1, 2, 3, 4)
    assert data_bands(parse_bands("red,green,blue,Alpha")) == (1, 2, 3)
    assert data_bands(()) == ()


def test_a_safe_folder_is_left_to_its_own_verb(tmp_path: Path) -> None:
    geotiff(tmp_path / "x" / "S1A_IW_GRDH_1SDV_x.SAFE" / "measurement" / "a.tif", ramp(4, 4))
    geotiff(tmp_path / "plain.tif", ramp(4, 4))
    found, refused = find_files([tmp_path])
    assert found == [tmp_path / "plain.tif"]
    assert "eotiles ingest sentinel1" in str(refused[0])
    found, refused = find_files([tmp_path / "x"])
    assert (found, len(refused)) == ([], 1)
