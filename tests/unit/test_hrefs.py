"""The allow-list: what is opened, and a corpus of what is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eotiles.core.errors import HrefRefused
from eotiles.read.hrefs import AllowList, allow_list

ROOTS = ("https://data.example.org:8443/cogs", "s3://bucket/prefix/", "http://plain.example.org/")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "assets"
    (inside / "c").mkdir(parents=True)
    (inside / "c" / "a.tif").touch()
    (inside / "c" / "ä b%20.tif").touch()
    (tmp_path / "secret.tif").touch()
    (inside / "link.tif").symlink_to(tmp_path / "secret.tif")
    (inside / "loop").symlink_to(inside)
    return inside


@pytest.fixture
def allowed(folder: Path) -> AllowList:
    return allow_list((str(folder), *ROOTS))


def locate(allowed: AllowList, href: str) -> str:
    return allowed.locate(href, asset="red", item="'i' of collection 'c'")


def test_files_below_a_root(allowed: AllowList, folder: Path) -> None:
    file = str(folder / "c" / "a.tif")
    for href in (
        file,
        f"file://{file}",
        f"file://localhost{file}",
        str(folder / "c" / ".." / "c" / "a.tif"),
    ):
        assert locate(allowed, href) == file
    assert locate(allowed, str(folder / "loop" / "c" / "a.tif")) == file
    assert locate(allowed, f"file://{folder}/c/%C3%A4%20b%2520.tif") == str(
        folder / "c" / "ä b%20.tif"
    )


def test_remote_files_below_a_root(allowed: AllowList) -> None:
    assert locate(allowed, "https://data.example.org:8443/cogs/a/b.tif?sig=x%2Fy") == (
        "/vsicurl/https://data.example.org:8443/cogs/a/b.tif?sig=x%2Fy"
    )
    assert locate(allowed, "https://DATA.example.org:8443/cogs/b.tif").endswith(
        "data.example.org:8443/cogs/b.tif"
    )
    assert locate(allowed, "s3://bucket/prefix/b.tif") == "/vsis3/bucket/prefix/b.tif"
    assert (
        locate(allowed, "http://plain.example.org/b.tif")
        == "/vsicurl/http://plain.example.org/b.tif"
    )


HOSTILE = (
    "",
    " ",
    "a.tif",
    "./a.tif",
    "../a.tif",
    "//etc/passwd",
    "/etc/passwd",
    "/etc/../etc/passwd",
    "file:///etc/passwd",
    "file://host/etc/passwd",
    "file:etc/passwd",
    "file:///etc/passwd?x",
    "file:///etc/passwd#x",
    "~/a.tif",
    "/proc/self/environ",
    "/vsicurl/http://127.0.0.1/a.tif",
    "/vsicurl?header_file=/etc/passwd&url=http://x/a.tif",
    "/vsis3/bucket/prefix/a.tif",
    "/vsizip//etc/x.zip",
    "/vsimem/a.tif",
    "/vsistdin/",
    "/vsisubfile/0_100,/etc/passwd",
    "vrt:///etc/passwd",
    "<VRTDataset></VRTDataset>",
    "WMS:http://x",
    "WCS:x",
    "WMTS:x",
    "STACIT:x",
    "GTI:x",
    'ZARR:"/vsicurl/http://x"',
    "GTIFF_DIR:1:/etc/passwd",
    "GTIFF_RAW:/etc/passwd",
    "DERIVED_SUBDATASET:LOGAMPLITUDE:/etc/passwd",
    "NETCDF:/etc/passwd:x",
    "http://127.0.0.1/a.tif",
    "http://2130706433/a.tif",
    "http://[::1]/a.tif",
    "http://[::1/a.tif",
    "ftp://plain.example.org/a.tif",
    "https://data.example.org/cogs/a.tif",
    "https://data.example.org:8443/cogs",
    "https://data.example.org:8443/cogs/",
    "https://data.example.org:8443/cogsX/a.tif",
    "https://data.example.org:8443/other/a.tif",
    "https://data.example.org:8443/cogs/../other/a.tif",
    "https://data.example.org:8443/cogs/%2e%2e/other/a.tif",
    "https://data.example.org:8443/cogs/..%2fother/a.tif",
    "https://data.example.org:8443/cogs//a.tif",
    "https://data.example.org:8443/cogs/a.tif#x",
    "https://user@data.example.org:8443/cogs/a.tif",
    "https://data.example.org:8443@127.0.0.1/cogs/a.tif",
    "https://data.example.org:8443\\@127.0.0.1/cogs/a.tif",
    "http://data.example.org:8443/cogs/a.tif",
    "https:/data.example.org:8443/cogs/a.tif",
    "HTTPS://data.example.org/cogs/a.tif",
    "https://data.example.org:8443/cogs/a.tif\nHost: x",
    "https://data.example.org:8443/cogs/a%00.tif",
    "https://data.example.org:8443/cogs/a.vrt",
    "https://data.example.org:8443/cogs/a?x=.tif",
    "s3://bucket/prefix/a.tif.ovr",
    "s3://bucket/other/a.tif",
    "s3://bucket//prefix/a.tif",
    "s3://bucket/prefix//a.tif",
    "s3://Bucket/prefix/a.tif",
    "s3://bucket/prefix/../a.tif",
    "s3://bucket/prefix/a.tif?versionId=1",
    "s3:///prefix/a.tif",
    "gs://bucket/prefix/a.tif",
    "data:image/tiff;base64,AAAA",
    "javascript:alert(1)",
)


@pytest.mark.parametrize("href", HOSTILE)
def test_hostile_hrefs_are_refused(allowed: AllowList, href: str) -> None:
    with pytest.raises(HrefRefused, match=r"asset 'red' of item 'i' of collection 'c'") as refused:
        locate(allowed, href)
    assert not href.strip() or href not in str(refused.value), "the href itself stays inside"


def test_a_link_that_leads_out_is_refused(allowed: AllowList, folder: Path) -> None:
    for href in (
        folder / "link.tif",
        folder / "c" / ".." / ".." / "secret.tif",
        folder.parent / "secret.tif",
    ):
        with pytest.raises(HrefRefused):
            locate(allowed, str(href))


def test_a_root_that_is_itself_a_link(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "alias").symlink_to(folder)
    alias = allow_list((str(tmp_path / "alias"),))
    assert locate(alias, str(tmp_path / "alias" / "c" / "a.tif")) == str(folder / "c" / "a.tif")


@pytest.mark.parametrize(
    "root", ["relative/folder", "ftp://x/y", "https://", "s3://", "https://user@host/x"]
)
def test_roots_that_mean_nothing_are_refused(root: str) -> None:
    with pytest.raises(ValueError, match="asset root"):
        allow_list((root,))


@given(
    st.text(max_size=60),
    st.sampled_from(("", "file://", "https://data.example.org:8443/cogs/", "s3://bucket/prefix/")),
)
def test_any_text_is_located_below_a_root_or_refused(text: str, start: str) -> None:
    roots = allow_list(("/srv/eotiles-assets", *ROOTS))
    try:
        location = locate(roots, start + text)
    except HrefRefused:
        return
    path = os.path.normpath(location)
    assert path.startswith(
        (
            "/srv/eotiles-assets",
            "/vsicurl/https:/data.example.org:8443/cogs/",
            "/vsicurl/http:/plain.example.org/",
            "/vsis3/bucket/prefix/",
        )
    )


@given(
    st.sampled_from([*ROOTS, "https://data.example.org/cogs/", "s3://bucket/", "file:///", "/"]),
    st.lists(
        st.sampled_from(
            ["a", "B-2_x", "..", ".", "", "%2e", "?", "a b", "//", "\\", "#", "@", "x.tif"]
        )
    ),
    st.sampled_from([".tif", ".TIFF", ".vrt", "", ".tif?x", ".tif/", ".tif\n"]),
)
def test_what_is_sure_is_allowed(root: str, parts: list[str], ending: str) -> None:
    allowed = allow_list(ROOTS)
    href = f"{root.rstrip('/')}/{'/'.join([*parts, 'scene'])}{ending}"
    if allowed.is_sure(href):
        locate(allowed, href)


def test_what_is_plain_is_sure() -> None:
    allowed = allow_list(ROOTS)
    assert allowed.is_sure("https://data.example.org:8443/cogs/30/T/XH/S2A_30TXH.v1/B04.tif")
    assert allowed.is_sure("s3://bucket/prefix/a.TIFF")
    assert not allowed.is_sure("https://data.example.org:8443/cogs/../B04.tif")
    assert not allow_list(()).is_sure("https://data.example.org:8443/cogs/B04.tif")
