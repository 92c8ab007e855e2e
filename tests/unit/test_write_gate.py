"""Who may write, and what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eotiles.core.errors import BadParameter, Forbidden, HrefRefused, Unauthorized
from eotiles.core.key import Key, hash_token
from eotiles.http.write.gate import check_token
from eotiles.ingest.check import REACH_ELSEWHERE, check_footprint, check_hrefs, check_id
from eotiles.read.hrefs import allow_list
from tests import builders

TOKEN = "a-token"
KEYS = (Key("other", "0" * 64), Key("mine", hash_token(TOKEN)))


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER  {TOKEN} "])
def test_a_known_token_passes(header: str) -> None:
    assert check_token(header, keys=KEYS) == KEYS[1]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {KEYS[1].sha256}",
        f"Bearer {KEYS[1].name}",
        "Bearer é",
    ],
)
def test_anything_else_does_not(header: str) -> None:
    with pytest.raises(Unauthorized):
        check_token(header, keys=KEYS)


def test_without_a_key_writing_is_off() -> None:
    with pytest.raises(Forbidden, match="EOTILES_INGEST_TOKEN_SHA256"):
        check_token(f"Bearer {TOKEN}", keys=())


@pytest.mark.parametrize("name", ["S2A_MSIL1C_20190918T105031", "a.b-c~d", "ü", "x" * 200])
def test_usual_ids_pass(name: str) -> None:
    assert check_id("an item", name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 201,
        "a/b",
        "a b",
        "..",
        ".hidden",
        "-",
        "a?b",
        "a#b",
        "a%2fb",
        "a\nb",
        "a\x7f",
        "a\\b",
        None,
        5,
    ],
)
def test_ids_that_cannot_stand_in_an_address_do_not(name: Any) -> None:
    with pytest.raises(BadParameter, match="id"):
        check_id("an item", name)


@pytest.mark.parametrize(
    "geometry", [None, "x", {"type": "LineString", "coordinates": [[0, 0]] * 10_001}]
)
def test_footprints_have_to_be_there_and_small(geometry: Any) -> None:
    with pytest.raises(BadParameter, match="item 'scene'"):
        check_footprint({**builders.item("scene"), "geometry": geometry})


def test_points_of_collected_geometries_count() -> None:
    line = {"type": "LineString", "coordinates": [[n / 100, 0] for n in range(6_000)]}
    check_footprint(
        {**builders.item(), "geometry": {"type": "GeometryCollection", "geometries": [line]}}
    )
    with pytest.raises(BadParameter):
        check_footprint(
            {
                **builders.item(),
                "geometry": {"type": "GeometryCollection", "geometries": [line, line]},
            }
        )


@pytest.mark.parametrize(
    ("coordinates", "reason"),
    [
        ([[[0, 0], [1, 1]]], "no GeoJSON"),
        ([[[0, 0], [1, 1], [1, 0], [0.5, 0]]], "no GeoJSON"),
        ([[[0, 0], [1, 1], [1, float("nan")], [0, 0]]], "no GeoJSON"),
        ([[[0, 0], [1, 1], [1, "0"], [0, 0]]], "no GeoJSON"),
        ("everywhere", "no GeoJSON"),
        ([], "empty"),
        ([[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]], "Self-intersection"),
        ([[[600000, 4700000], [600010, 4700000], [600010, 4700010], [600000, 4700000]]], "degrees"),
        ([[[0, 80], [1, 80], [1, 91], [0, 80]]], "degrees"),
    ],
)
def test_footprints_lie_on_the_earth_and_do_not_cross_themselves(
    coordinates: Any, reason: str
) -> None:
    geometry = {"type": "Polygon", "coordinates": coordinates}
    with pytest.raises(BadParameter, match=reason):
        check_footprint({**builders.item("scene"), "geometry": geometry})


def test_a_footprint_may_cross_the_antimeridian() -> None:
    ring = [[179, 0], [181, 0], [181, 1], [179, 1], [179, 0]]
    item = {**builders.item(), "geometry": {"type": "Polygon", "coordinates": [ring]}}
    assert check_footprint(item, reach=REACH_ELSEWHERE).area == 2.0
    with pytest.raises(BadParameter, match="-180 to 180"):
        check_footprint(item)


class TestHrefs:
    COG = "image/tiff; application=geotiff; profile=cloud-optimized"

    def check(self, folder: Path, href: str, kind: str | None = COG) -> None:
        asset = {"href": href} | ({} if kind is None else {"type": kind})
        allowed = allow_list((str(folder), "https://data.example.org/cogs"))
        check_hrefs(builders.item(assets={"a": asset}), allowed, name="c/i")

    def test_what_lies_below_a_root_passes(self, tmp_path: Path) -> None:
        self.check(tmp_path, str(tmp_path / "x.tif"))
        self.check(tmp_path, "https://data.example.org/cogs/x.tif")

    def test_what_is_never_opened_may_lie_anywhere_on_the_web(self, tmp_path: Path) -> None:
        self.check(tmp_path, "https://elsewhere.example.org/t.png", "image/png")

    @pytest.mark.parametrize(
        ("href", "kind"),
        [
            ("/etc/passwd", COG),
            ("file:///etc/passwd", COG),
            ("/etc/passwd", "text/plain"),
            ("../../x.tif", COG),
            ("http://127.0.0.1/x.tif", COG),
            ("http://169.254.169.254/latest/meta-data", "image/tiff"),
            ("https://data.example.org/other/x.tif", COG),
            ("https://elsewhere.example.org/x.tif", None),
            ("/vsicurl/https://data.example.org/cogs/x.tif", COG),
            ("javascript:alert(1)", "text/html"),
            ("s3://bucket/x.tif", COG),
        ],
    )
    def test_the_rest_is_refused(self, tmp_path: Path, href: str, kind: str | None) -> None:
        with pytest.raises(HrefRefused, match="'a' of item c/i"):
            self.check(tmp_path, href, kind)

    @pytest.mark.parametrize(
        "href", ["javascript:alert(1)", "JavaScript:x", "data:text/html,x", "file:///etc/passwd"]
    )
    def test_links_lead_to_addresses(self, href: str) -> None:
        linked = {**builders.item(), "links": [{"rel": "alternate", "href": href}]}
        with pytest.raises(HrefRefused, match="'alternate'"):
            check_hrefs(linked, allow_list(()), name="c/i")

    def test_an_asset_has_an_href(self) -> None:
        with pytest.raises(BadParameter, match="asset 'a'"):
            check_hrefs(builders.item(assets={"a": {}}), allow_list(()), name="c/i")
