"""Products of strangers: metadata that lies, loops, or leads elsewhere. Nothing outside the product is opened."""

from __future__ import annotations

import json
import os
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from eotiles.core.errors import IngestRefused
from eotiles.ingest.products.kinds import product_kind
from eotiles.ingest.products.metadata import inside, parse_xml, read_bytes, read_xml
from eotiles.ingest.products.mtl import read_mtl
from tests import products
from tests.products import Landsat, Sentinel1, Sentinel2

CANARY = "canary-of-a-file-outside"

LAUGHS = (
    '<!DOCTYPE a [<!ENTITY l0 "ha">'
    + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    + "]>"
)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("originals")
    return {
        "sentinel2": Sentinel2(level="L2A", baseline="05.09").write(folder),
        "old": products.old_sentinel2(folder),
        "landsat": Landsat().write(folder, mtl=("xml",)),
        "sentinel1": Sentinel1().write(folder),
    }


@pytest.fixture
def copy(originals: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    def made(name: str) -> Path:
        target: Path = shutil.copytree(originals[name], tmp_path / originals[name].name)
        return target

    return made


def refusal(kind: str, path: Path) -> str:
    """Why a product is refused; a Landsat product by its MTL."""
    known = product_kind(kind)
    found, refused = known.find([path])
    if refused:
        return str(refused[0])
    with pytest.raises(IngestRefused) as caught:
        known.read(found[0])
    return str(caught.value)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("kind", "name", "pattern"),
    [
        ("sentinel2", "sentinel2", "manifest.safe"),
        ("sentinel2", "sentinel2", "MTD_MSIL2A.xml"),
        ("sentinel2", "sentinel2", "GRANULE/*/MTD_TL.xml"),
        ("sentinel2", "old", "S2A_OPER_MTD_*.xml"),
        ("sentinel2", "old", "GRANULE/*/S2A_OPER_MTD_*.xml"),
        ("landsat", "landsat", "*_MTL.xml"),
        ("sentinel1", "sentinel1", "manifest.safe"),
    ],
)
class TestXml:
    """Every file that is parsed, in every kind of product."""

    def test_entities(
        self, copy: Callable[[str], Path], kind: str, name: str, pattern: str, tmp_path: Path
    ) -> None:
        (tmp_path / "secret").write_text(CANARY)
        folder = copy(name)
        path = sorted(folder.glob(pattern))[0]
        for doctype in (
            f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>',
            '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd">',
            LAUGHS,
        ):
            text = path.read_text()
            head, rest = text.split("?>", 1) if "?>" in text else ("<?xml version='1.0'", text)
            start = rest.index(">") + 1
            path.write_text(f"{head}?>{doctype}{rest[:start]}<x>&x;&l9;</x>{rest[start:]}")
            began, before = time.process_time(), _memory_mib()
            said = refusal(kind, folder)
            assert "XML" in said or "document type" in said, said
            assert CANARY not in said
            assert time.process_time() - began < 2
            assert _memory_mib() - before < 200
            path.write_text(text)

    def test_not_xml(self, copy: Callable[[str], Path], kind: str, name: str, pattern: str) -> None:
        folder = copy(name)
        path = sorted(folder.glob(pattern))[0]
        whole = path.read_bytes()
        for content in (b"", b"not xml", whole[: len(whole) // 2], b"\x00" * 100, b"<a/>"):
            path.write_bytes(content)
            said = refusal(kind, folder)
            assert str(folder) not in said

    def test_missing_or_no_file(
        self, copy: Callable[[str], Path], kind: str, name: str, pattern: str
    ) -> None:
        folder = copy(name)
        path = sorted(folder.glob(pattern))[0]
        path.unlink()
        assert refusal(kind, folder)
        os.mkfifo(path)  # must not be waited for
        assert refusal(kind, folder)

    def test_too_large(
        self, copy: Callable[[str], Path], kind: str, name: str, pattern: str
    ) -> None:
        folder = copy(name)
        path = sorted(folder.glob(pattern))[0]
        with path.open("r+b") as stream:
            stream.truncate(2**40)  # sparse: it takes no disk
        before = _memory_mib()
        assert "more than" in refusal(kind, folder)
        assert _memory_mib() - before < 200

    def test_a_link_out(
        self, copy: Callable[[str], Path], kind: str, name: str, pattern: str, tmp_path: Path
    ) -> None:
        if kind == "landsat":
            return  # the MTL is what was named; files that it names are tested below
        folder = copy(name)
        path = sorted(folder.glob(pattern))[0]
        outside = tmp_path / "outside.xml"
        path.rename(outside)
        path.symlink_to(outside)
        if path.name == "manifest.safe":
            return  # read, but it describes this folder: what it names is what counts
        assert "outside of itself" in refusal(kind, folder)


@pytest.mark.parametrize(
    "href",
    [
        "../../../../etc/passwd",
        "/etc/passwd",
        "GRANULE/../../x",
        "a\\..\\b",
        "file:///etc/passwd",
        "http://127.0.0.1/x",
    ],
)
def test_manifests_name_files_inside(copy: Callable[[str], Path], href: str) -> None:
    for kind, name in (
        ("sentinel2", "sentinel2"),
        ("sentinel1", "sentinel1"),
        ("sentinel2", "old"),
    ):
        folder = copy(name)
        manifest = folder / "manifest.safe"
        text = manifest.read_text()
        start = text.index('href="') + 6
        manifest.write_text(text[:start] + href + text[text.index('"', start) :])
        assert "names a file" in refusal(kind, folder)
        shutil.rmtree(folder)


def test_images_named_elsewhere(copy: Callable[[str], Path]) -> None:
    folder = copy("sentinel2")
    edit(folder / "MTD_MSIL2A.xml", "<IMAGE_FILE>GRANULE/", "<IMAGE_FILE>../../GRANULE/")
    assert "outside of itself" in refusal("sentinel2", folder)
    folder = copy("landsat")
    edit(
        next(folder.glob("*_MTL.xml")),
        ">LC08_L2SP_193030_20200704_20200913_02_T1_SR_B4.TIF",
        ">../x_SR_B4.TIF",
    )
    assert "outside of itself" in refusal("landsat", folder)
    folder = copy("old")
    edit(
        next(folder.glob("S2A_OPER_MTD_*.xml")),
        'granuleIdentifier="S2A',
        'granuleIdentifier="../../S2A',
    )
    assert "malformed name" in refusal("sentinel2", folder)


def test_links_out_of_the_product(copy: Callable[[str], Path], tmp_path: Path) -> None:
    for kind, name, pattern in (
        ("sentinel2", "sentinel2", "GRANULE/*/IMG_DATA/R10m/*_B04_10m.jp2"),
        ("landsat", "landsat", "*_SR_B4.TIF"),
        ("sentinel1", "sentinel1", "measurement/*-vv-*.tiff"),
    ):
        folder = copy(name)
        path = next(folder.glob(pattern))
        outside = tmp_path / f"outside-{path.name}"
        path.rename(outside)
        path.symlink_to(outside)
        assert "outside of itself" in refusal(kind, folder)


@pytest.mark.parametrize(
    ("kind", "name", "pattern", "reason"),
    [
        ("sentinel2", "sentinel2", "GRANULE/*/IMG_DATA/R10m/*_B04_10m.jp2", "_B04_10m.jp2"),
        ("sentinel2", "old", "GRANULE/*/IMG_DATA/*_B04.jp2", "_B04.jp2"),
        ("landsat", "landsat", "*_SR_B4.TIF", "_SR_B4.TIF"),
        ("sentinel1", "sentinel1", "measurement/*-vv-*.tiff", "-vv-"),
    ],
)
def test_a_missing_image_is_named(
    copy: Callable[[str], Path], kind: str, name: str, pattern: str, reason: str
) -> None:
    folder = copy(name)
    sorted(folder.glob(pattern))[0].unlink()
    said = refusal(kind, folder)
    assert "lacks its" in said
    assert reason in said


VALUE = '<BOA_QUANTIFICATION_VALUE unit="none">{}<'


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (VALUE.format(10000), VALUE.format("many"), "no number"),
        (VALUE.format(10000), VALUE.format("nan"), "no number"),
        (VALUE.format(10000), VALUE.format(0), "quantification value of 0"),
        ('<BOA_ADD_OFFSET band_id="3">-1000</BOA_ADD_OFFSET>', "", "no BOA_ADD_OFFSET of B04"),
        ('<BOA_ADD_OFFSET band_id="3">', '<BOA_ADD_OFFSET band_id="99">', "unknown band '99'"),
        ("<PRODUCT_URI>", "<PRODUCT_URI>x", "no name of a product"),
        ("<PRODUCT_URI>", "<PRODUCT_URI>../", "no name of a product"),
        ('datastripIdentifier="', 'datastripIdentifier="x', "no data strip"),
        ("EXT_POS_LIST>42.44", "EXT_POS_LIST>here", "cannot be used"),
        ("<Datatake ", "<Other ", "cannot be used|well-formed"),
    ],
)
def test_metadata_that_says_nonsense(
    copy: Callable[[str], Path], old: str, new: str, reason: str
) -> None:
    folder = copy("sentinel2")
    edit(folder / "MTD_MSIL2A.xml", old, new)
    said = refusal("sentinel2", folder)
    assert any(each in said for each in reason.split("|")), said
    assert str(folder) not in said


def test_mtl_texts(tmp_path: Path) -> None:
    path = tmp_path / "a_MTL.txt"
    whole = products.mtl_text(Landsat().groups(), "txt")
    path.write_text(whole)
    read_mtl(path)
    for text in (
        "",
        whole[: len(whole) // 2],
        "GROUP = A\n" * 100_00 + "END\n",
        "END_GROUP = A\nEND\n",
        "no assignment\nEND\n",
        "GROUP = LANDSAT_METADATA_FILE\nEND_GROUP = LANDSAT_METADATA_FILE\nEND\n",
        whole.replace("ORIGIN = ", "OR<>IGIN = ", 1),
        whole.replace("PROCESSING_LEVEL = ", "\x01 = ", 1),
    ):
        path.write_text(text)
        with pytest.raises(IngestRefused):
            read_mtl(path)


def test_mtl_json(tmp_path: Path) -> None:
    path = tmp_path / "a_MTL.json"
    groups = Landsat().groups()
    path.write_text(json.dumps({"LANDSAT_METADATA_FILE": groups}))
    assert read_mtl(path).findtext("PRODUCT_CONTENTS/PROCESSING_LEVEL") == "L2SP"
    for text in (
        "[" * 100_000,
        "{}",
        "[]",
        "null",
        '{"LANDSAT_METADATA_FILE": 3}',
        '{"LANDSAT_METADATA_FILE": {"PRODUCT_CONTENTS": {"a b": 1}}}',
        json.dumps({"LANDSAT_METADATA_FILE": {str(n): n for n in range(10_000)}}),
        '{"LANDSAT_METADATA_FILE":' + '{"PRODUCT_CONTENTS":' * 500 + "{}" + "}" * 501,
    ):
        path.write_text(text)
        with pytest.raises(IngestRefused):
            read_mtl(path)


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("LANDSAT_PRODUCT_ID", "LC08_L2SP_193030_20200704_20200913_01_T1"),
        ("LANDSAT_PRODUCT_ID", "LM05_L1TP_193030_20200704_20200913_02_T1"),
        ("LANDSAT_PRODUCT_ID", "../../x"),
        ("REFLECTANCE_MULT_BAND_4", "0"),
        ("REFLECTANCE_MULT_BAND_4", "NULL"),
        ("DATE_ACQUIRED", "yesterday"),
        ("SUN_AZIMUTH", "north"),
    ],
)
def test_mtl_values(copy: Callable[[str], Path], tag: str, value: str) -> None:
    folder = copy("landsat")
    path = next(folder.glob("*_MTL.xml"))
    text = path.read_text()
    start = text.rindex(f"<{tag}>") + len(tag) + 2
    path.write_text(text[:start] + value + text[text.index("<", start) :])
    said = refusal("landsat", folder)
    assert str(folder) not in said


def test_sentinel_1_of_another_type(copy: Callable[[str], Path]) -> None:
    folder = copy("sentinel1")
    other = folder.rename(folder.with_name(folder.name.replace("GRDH", "SLC_")))
    assert "type SLC" in refusal("sentinel1", other)


def test_what_is_named_is_checked_first(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("")
    for kind in ("sentinel2", "landsat", "naip", "sentinel1"):
        known = product_kind(kind)
        for name in ("empty", "file.txt", "nothing"):
            found, refused = known.find([tmp_path / name])
            assert found == []
            assert len(refused) == 1


def test_paths_stay_inside(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    assert inside(tmp_path / "in", "./a/../b") == tmp_path / "in" / "b"
    for href in ("..", ".", "", "link/x", "a/../../in2/x", "x\0y"):
        with pytest.raises(IngestRefused):
            inside(tmp_path / "in", href)


def test_deep_and_wide_xml(tmp_path: Path) -> None:
    with pytest.raises(IngestRefused):
        parse_xml(b"<a>" * 100_000, "deep.xml")
    with pytest.raises(IngestRefused):
        parse_xml(
            b"<a " + b" ".join(b'x%d="1"' % n for n in range(10)) + b"><b>&undefined;</b></a>",
            "x.xml",
        )
    path = tmp_path / "wide.xml"
    path.write_bytes(b"<a>" + b"<b/>" * 2_000_000 + b"</a>")
    assert len(read_xml(path)) == 2_000_000
    with pytest.raises(IngestRefused, match="more than 10 bytes"):
        read_bytes(path, limit=10)


def _memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
