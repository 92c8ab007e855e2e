"""Renders as metadata: what is drawn, described and linked follows them, by their names."""

from __future__ import annotations

import io
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from PIL import Image
from psycopg.types.json import Jsonb

from eotiles.settings import Settings
from tests.integration.render_scenes import SIDE_PX, everything
from tests.stac_server import load, serving

pytestmark = pytest.mark.integration

NAMES = {"wmts": "http://www.opengis.net/wmts/1.0", "ows": "http://www.opengis.net/ows/1.1"}
XLINK = "{http://www.w3.org/1999/xlink}href"
KINDS = ("optical", "radar", "elevation", "labels", "bare", "photo")


@dataclass(frozen=True)
class World:
    """A running eotiles with a collection of each kind."""

    origin: str
    http: httpx.Client
    conninfo: str

    def stac(self, path: str) -> Any:
        got = self.http.get(f"/stac{path}")
        assert got.status_code == 200, got.text
        return got.json()

    def get(self, path: str, **options: Any) -> httpx.Response:
        got = self.http.get(f"/raster{path}", **options)
        assert got.status_code == 200, (path, got.text)
        return got

    def set_renders(self, collection: str, renders: Any) -> None:
        with psycopg.connect(self.conninfo, options="-c search_path=pgstac,public") as connection:
            row = connection.execute("SELECT get_collection(%s)", [collection]).fetchone()
            assert row is not None
            changed = {**row[0], "renders": renders}
            connection.execute("SELECT update_collection(%s)", [Jsonb(changed)])


@pytest.fixture(scope="module")
def world(settings: Settings, ingest_conninfo: str) -> Iterator[World]:
    collections, items = everything(settings.assets / "renders")
    load(ingest_conninfo, collections=collections, items=items)
    with (
        serving(settings, ["stac", "raster"]) as origin,
        httpx.Client(base_url=origin, timeout=60) as http,
    ):
        yield World(origin, http, ingest_conninfo)


def picture(content: bytes) -> NDArray[np.uint8]:
    """(y, x, 4)."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))


def links(thing: dict[str, Any], rel: str) -> list[dict[str, Any]]:
    return [link for link in thing["links"] if link["rel"] == rel]


ITEM = "/collections/optical/items/west"
TILE = "/tiles/WebMercatorQuad/13/4332/2778.png"


class TestNames:
    @pytest.mark.parametrize("place", [ITEM, "/collections/optical"])
    def test_a_tile_by_name_is_the_tile_of_the_parameters(self, world: World, place: str) -> None:
        spelled = world.get(
            f"{place}{TILE}?assets=red&assets=green&assets=blue&unscale=true&rescale=0,0.3"
        )
        named = world.get(f"{place}{TILE}?render=true-colour")
        assert named.content == spelled.content
        assert named.headers["etag"] == spelled.headers["etag"]
        assert picture(named.content)[..., 3].any()

    def test_what_a_request_says_itself_counts_more(self, world: World) -> None:
        spelled = world.get(f"{ITEM}{TILE}?assets=red&unscale=true&rescale=0,0.1")
        assert world.get(f"{ITEM}{TILE}?render=red&rescale=0,0.1").content == spelled.content
        coloured = world.get(f"{ITEM}{TILE}?render=red&colormap_name=viridis")
        assert coloured.content != world.get(f"{ITEM}{TILE}?render=red").content

    @pytest.mark.parametrize(
        "route",
        [
            "/preview.png",
            "/WebMercatorQuad/tilejson.json",
            "/WMTSCapabilities.xml",
            "/legend",
            "/point/10.41,49.99",
            "/bbox/10.40,49.98,10.43,49.99.png",
            "/tiles/WebMercatorQuad/13/4332/2778/explain",
            "/WebMercatorQuad/map.html",
        ],
    )
    def test_every_route_knows_them(self, world: World, route: str) -> None:
        got = world.http.get(f"/raster{ITEM}{route}", params={"render": "ndvi"})
        assert got.status_code == (307 if route.endswith("map.html") else 200), got.text
        if route.endswith("map.html"):
            assert got.headers["location"].endswith("layer=ndvi")

    @pytest.mark.parametrize(
        ("query", "sentence"),
        [
            ("render=nothing", "it has: true-colour, red, ndvi"),
            ("render=", "has no render"),
            ("render=ndvi&render=red", "render"),
            ("render=ndvi&index=ndwi", "either render or index"),
            ("render=ndvi&assets=red", "either render or assets"),
            ("render=ndvi&rescale=x", "rescale"),
            ("render=%00", "NUL"),
            ("render=" + "x" * 3000, "has no render"),
        ],
    )
    def test_what_cannot_be_meant(self, world: World, query: str, sentence: str) -> None:
        got = world.http.get(f"/raster{ITEM}{TILE}?{query}")
        assert got.status_code in (400, 422), got.text
        assert sentence in got.json()["detail"]
        assert len(got.content) < 1000

    def test_of_what_is_not_there(self, world: World) -> None:
        for place in ("/collections/optical/items/x", "/collections/x", "/searches/x"):
            got = world.http.get(f"/raster{place}{TILE}?render=ndvi")
            assert got.status_code == 404, got.text

    def test_a_registered_search_has_those_that_came_with_it(self, world: World) -> None:
        mine = {"mine": {"assets": ["red"], "rescale": [[0, 5000]]}}
        body = {"collections": ["optical"], "metadata": {"defaults": mine}}
        made = world.http.post("/raster/searches/register", json=body).json()
        place = f"/searches/{made['id']}"
        spelled = world.get(f"{place}{TILE}?assets=red&rescale=0,5000")
        assert world.get(f"{place}{TILE}?render=mine").content == spelled.content
        assert world.http.get(f"/raster{place}{TILE}?render=ndvi").status_code == 422
        assert b">mine<" in world.get(f"{place}/WMTSCapabilities.xml").content

    def test_a_render_with_a_missing_band_says_so(self, world: World) -> None:
        got = world.http.get("/raster/collections/radar/items/one" + TILE + "?render=true-colour")
        assert got.status_code == 422


class TestEditing:
    def test_a_tile_follows_its_render_within_a_second(self, world: World) -> None:
        """Long names in caches go stale in a minute; with the version in it an address is for ever."""
        before = world.stac("/collections/optical")["renders"]
        url = f"{ITEM}{TILE}?render=red"
        first = world.get(url)
        assert first.headers["cache-control"] == "public, max-age=60"
        tiles = world.get(f"{ITEM}/WebMercatorQuad/tilejson.json?render=red").json()["tiles"][0]
        kept = world.http.get(tiles.format(z=13, x=4332, y=2778))
        assert kept.headers["cache-control"] == "public, max-age=3600"
        known = {"if-none-match": first.headers["etag"]}
        assert world.http.get(f"/raster{url}", headers=known).status_code == 304
        changed = {**before, "red": {**before["red"], "rescale": [[0, 0.6]]}}
        try:
            world.set_renders("optical", changed)
            began = time.monotonic()
            while (got := world.http.get(f"/raster{url}", headers=known)).status_code == 304:
                assert time.monotonic() - began < 1
                time.sleep(0.01)
            assert got.status_code == 200
            assert got.headers["etag"] != first.headers["etag"]
            assert got.content != first.content
            fresh = world.get(f"{ITEM}/WebMercatorQuad/tilejson.json?render=red").json()["tiles"]
            assert fresh[0] != tiles, "the version in it is another"
            old = world.http.get(tiles.format(z=13, x=4332, y=2778))
            assert old.headers["cache-control"] == "public, max-age=60"
        finally:
            world.set_renders("optical", before)


class TestTileJson:
    def test_it_tells_name_zooms_legend_and_short_tiles(self, world: World) -> None:
        found = world.get(f"{ITEM}/WebMercatorQuad/tilejson.json?render=ndvi").json()
        assert found["name"] == "NDVI: Vegetation of optical/west"
        assert (found["minzoom"], found["maxzoom"]) == (9, 14)
        query = dict(parse_qsl(urlsplit(found["tiles"][0]).query))
        assert query.keys() == {"render", "v", "tilesize"}
        assert found["renders"] == {"ndvi": {"title": "NDVI: Vegetation", "index": ["ndvi"]}}
        source = found["legend"].split('src="')[1].split('"')[0].replace("&amp;", "&")
        assert world.http.get(source).headers["content-type"] == "image/png"
        colour = world.get(f"{ITEM}/WebMercatorQuad/tilejson.json?render=true-colour").json()
        assert "legend" not in colour

    @pytest.mark.parametrize("name", KINDS)
    def test_every_link_of_every_kind_leads_to_pixels(self, world: World, name: str) -> None:
        things = [world.stac(f"/collections/{name}")]
        things += world.stac(f"/collections/{name}/items")["features"]
        for thing in things:
            found = links(thing, "tilejson")
            assert found, thing["id"]
            for link in found:
                got = world.http.get(link["href"])
                assert got.status_code == 200, got.text
                tile = got.json()["tiles"][0].format(z=13, x=4332, y=2778)
                drawn = world.http.get(tile)
                assert drawn.status_code == 200, (tile, drawn.text)
                if thing["type"] == "Collection" or thing["id"] != "east":
                    seen = picture(drawn.content)
                    seen = seen[seen[..., 3] > 0]
                    assert len(np.unique(seen[:, :3], axis=0)) > 1, "neither black nor white"


class TestLegends:
    @pytest.mark.parametrize(
        ("name", "kind", "unit"),
        [("radar", "ramp", "dB"), ("elevation", "ramp", "m"), ("labels", "classes", "")],
    )
    def test_each_kind_has_its_own(self, world: World, name: str, kind: str, unit: str) -> None:
        thing = world.stac(f"/collections/{name}/items/one")
        (layer,) = links(thing, "tilejson")
        href = layer["href"].replace("/WebMercatorQuad/tilejson.json", "/legend")
        found = world.http.get(f"{href}&f=json").json()
        assert (found["type"], found["unit"]) == (kind, unit)
        drawn = world.http.get(href)
        assert drawn.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(drawn.content)).size[0] == 320

    def test_classes_have_names_and_what_is_not_drawn_is_not_explained(self, world: World) -> None:
        found = world.get("/collections/labels/items/one/legend?render=class&f=json").json()
        assert found["stops"] == [
            {"label": "Tree cover", "color": "#006400"},
            {"label": "Shrubland", "color": "#ffbb22"},
            {"label": "Water & ice <wet>", "color": "#0064c8"},
        ]
        assert world.get("/collections/labels/legend?render=class&f=json").json() == found

    def test_a_picture_of_three_bands_has_none(self, world: World) -> None:
        found = world.get(f"{ITEM}/legend?render=true-colour&f=json").json()
        assert (found["type"], found["stops"]) == ("none", [])
        got = world.http.get(f"/raster{ITEM}/legend?render=true-colour")
        assert got.status_code == 404

    def test_classes_are_drawn_in_their_colours(self, world: World) -> None:
        drawn = picture(world.get("/collections/labels/items/one/preview.png?render=class").content)
        middle = drawn[drawn.shape[0] // 2]
        width = len(middle)
        assert middle[width // 8, 3] == 0
        assert middle[3 * width // 8].tolist() == [0, 100, 0, 255]
        assert middle[7 * width // 8].tolist() == [0, 100, 200, 255]


class TestAuto:
    def test_a_range_is_found_in_the_pixels_once_for_all_tiles(self, world: World) -> None:
        place = "/collections/bare/items/one"
        found = world.get(f"{place}/WebMercatorQuad/tilejson.json?assets=data&rescale=auto").json()
        low, high = map(
            float, dict(parse_qsl(urlsplit(found["tiles"][0]).query))["rescale"].split(",")
        )
        assert low == pytest.approx(0.64, abs=0.05)
        assert high == pytest.approx(7.36, abs=0.05)
        tile = world.get(f"{place}{TILE}?assets=data&rescale=auto")
        spelled = world.get(f"{place}{TILE}?assets=data&rescale={low:.6g},{high:.6g}")
        assert tile.content == spelled.content

    def test_bytes_are_left_alone(self, world: World) -> None:
        place = "/collections/photo/items/one"
        assert (
            world.get(f"{place}{TILE}?assets=data&rescale=auto").content
            == world.get(f"{place}{TILE}?assets=data").content
        )

    def test_of_a_mosaic_it_is_that_of_its_first_items(self, world: World) -> None:
        assert picture(world.get(f"/collections/bare{TILE}?assets=data&rescale=auto").content).any()

    def test_of_what_cannot_be_read_it_is_an_error(self, world: World) -> None:
        got = world.http.get(f"/raster{ITEM}{TILE}?assets=nothing&rescale=auto")
        assert got.status_code == 404


class TestWmts:
    def root(self, world: World, path: str) -> ET.Element:
        got = world.get(f"{path}/WMTSCapabilities.xml")
        assert got.headers["content-type"] == "application/xml"
        assert len(got.content) < 32_000, "TiTiler's has 186 to 387 KB"
        return ET.fromstring(got.content)

    @pytest.mark.parametrize("place", [ITEM, "/collections/optical"])
    def test_a_layer_for_each_render(self, world: World, place: str) -> None:
        root = self.root(world, place)
        layers = root.findall(".//wmts:Layer", NAMES)
        names = [layer.findtext("ows:Identifier", namespaces=NAMES) for layer in layers]
        assert names == ["true-colour", "red", "ndvi"]
        titles = [layer.findtext("ows:Title", namespaces=NAMES) for layer in layers]
        assert titles == ["True colour", "Red", "NDVI: Vegetation"]
        legends = [layer.find(".//wmts:LegendURL", NAMES) for layer in layers]
        assert legends[0] is None
        for legend in legends[1:]:
            assert legend is not None
            assert world.http.get(legend.attrib[XLINK]).headers["content-type"] == "image/png"
        sets = [found.text for found in root.findall(".//wmts:TileMatrixSet/ows:Identifier", NAMES)]
        assert sets == ["WebMercatorQuad", "WorldCRS84Quad"]
        asked = layers[2].findall(".//wmts:TileMatrixSetLink[1]//wmts:TileMatrix", NAMES)
        assert [each.text for each in asked] == [str(zoom) for zoom in range(9, 15)]

    def test_every_tile_within_the_limits_is_there(self, world: World) -> None:
        root = self.root(world, ITEM)
        layer = root.find(".//wmts:Layer", NAMES)
        assert layer is not None
        resource = layer.find("wmts:ResourceURL", NAMES)
        assert resource is not None
        for link in layer.findall("wmts:TileMatrixSetLink", NAMES):
            last = link.findall(".//wmts:TileMatrixLimits", NAMES)[-1]
            value = {each.tag.split("}")[1]: each.text or "" for each in last}
            url = resource.attrib["template"]
            for name, text in {
                "TileMatrixSet": link.findtext("wmts:TileMatrixSet", "", NAMES),
                "TileMatrix": value["TileMatrix"],
                "TileCol": value["MaxTileCol"],
                "TileRow": value["MinTileRow"],
            }.items():
                url = url.replace(f"{{{name}}}", text)
            got = world.http.get(url)
            assert got.status_code == 200, got.text
            assert picture(got.content)[..., 3].any()

    def test_other_matrix_sets_can_be_asked_for(self, world: World) -> None:
        got = world.get(f"{ITEM}/WMTSCapabilities.xml?tilematrixsets=UTM31WGS84Quad&index=ndvi")
        assert b"UTM31WGS84Quad" in got.content
        assert b"WebMercatorQuad<" not in got.content
        for junk in ("x", "WebMercatorQuad," * 9, ""):
            path = f"/raster{ITEM}/WMTSCapabilities.xml"
            got = world.http.get(path, params={"tilematrixsets": junk})
            assert got.status_code == (200 if junk == "" else 422)


class TestPreviews:
    @pytest.mark.parametrize("name", KINDS)
    def test_every_collection_and_item_has_a_picture(self, world: World, name: str) -> None:
        things = [world.stac(f"/collections/{name}")]
        things += world.stac(f"/collections/{name}/items")["features"]
        for thing in things:
            asset = thing["assets"]["thumbnail"]
            got = world.http.get(asset["href"])
            assert got.status_code == 200, got.text
            assert got.headers["content-type"] == asset["type"] == "image/png"
            drawn = picture(got.content)
            is_mosaic = thing["type"] == "Collection"
            assert max(drawn.shape) == (512 if is_mosaic else SIDE_PX), "items are not magnified"
            seen = drawn[drawn[..., 3] > 0]
            assert len(seen) > drawn.shape[0] * drawn.shape[1] / 2
            assert len(np.unique(seen[:, :3], axis=0)) > 2
            tag = {"if-none-match": got.headers["etag"]}
            again = world.http.get(asset["href"], headers=tag)
            assert (again.status_code, again.content) == (304, b"")

    def test_a_collection_shows_its_mosaic(self, world: World) -> None:
        got = world.get("/collections/optical/preview.png")
        drawn = picture(got.content)
        assert drawn.shape[1] > 1.8 * drawn.shape[0], "two scenes beside each other"
        assert "x-preview" not in got.headers
        row = drawn[drawn.shape[0] // 2]
        east, west = row[3 * len(row) // 4, 0], row[len(row) // 4, 0]
        assert row[[len(row) // 8, 7 * len(row) // 8], 3].all()
        assert abs(int(east) - int(west)) < 25, "both are ramps"
        only = picture(world.get("/collections/optical/preview.png?ids=west").content)
        assert only.shape[1] < 1.2 * only.shape[0]

    def test_where_nothing_can_be_drawn_there_is_no_picture(self, world: World) -> None:
        for path in ("/collections/text", "/collections/text/items/one", "/collections/empty"):
            thing = world.stac(path)
            assert "thumbnail" not in thing.get("assets", {})
            assert not links(thing, "wmts")
            got = world.http.get(f"/raster{path}/preview.png")
            assert got.status_code == 422
            assert "nothing that can be drawn" in got.json()["detail"]

    def test_a_mosaic_of_nothing_is_a_picture_without_a_pixel(self, world: World) -> None:
        got = world.get("/collections/optical/preview.png?ids=nobody")
        assert not picture(got.content)[..., 3].any()

    def test_one_that_cannot_be_read_hides_no_other(
        self, world: World, ingest_conninfo: str
    ) -> None:
        good = world.stac("/collections/bare/items/one")
        broken = {**good, "id": "broken", "links": []}
        broken["properties"] = {**good["properties"], "datetime": "2025-01-01T00:00:00Z"}
        broken["assets"] = {"data": {**good["assets"]["data"], "href": "/nowhere/x.tif"}}
        load(ingest_conninfo, items=[broken])
        try:
            deadline = time.monotonic() + 2
            while (
                world.http.get("/raster/collections/bare/items/broken/info?assets=data").status_code
                == 404
            ):
                assert time.monotonic() < deadline
            got = world.get("/collections/bare/preview.png?assets=data&rescale=0,8")
            assert (picture(got.content)[..., 3] > 0).mean() > 0.8
            alone = world.http.get("/raster/collections/bare/preview.png?ids=broken&assets=data")
            assert alone.status_code == 424
            assert "/nowhere" not in alone.text
        finally:
            with psycopg.connect(ingest_conninfo, options="-c search_path=pgstac,public") as base:
                base.execute("SELECT delete_item('broken', 'bare')")

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("max_size=100000", 422),
            ("max_size=0", 422),
            ("max_size=x", 422),
            ("render=nothing", 422),
            ("assets=nothing", 404),
            ("index=ndmi", 422),
            ("rescale=0", 422),
        ],
    )
    def test_what_cannot_be_drawn(self, world: World, query: str, status: int) -> None:
        got = world.http.get(f"/raster/collections/optical/preview.png?{query}")
        assert got.status_code == status, got.text
        assert got.headers["cache-control"] == "no-store"

    def test_formats(self, world: World) -> None:
        place = "/collections/optical/preview"
        assert world.get(f"{place}.webp").headers["content-type"] == "image/webp"
        assert world.get(f"{place}.jpg").headers["content-type"] == "image/jpeg"
        assert world.get(place).headers["content-type"].startswith("image/")
        assert world.http.get(f"/raster{place}.npy").status_code == 422
        assert world.http.get(f"/raster{place}.exe").status_code in (404, 422)
        assert max(picture(world.get(f"{place}.png?max_size=64").content).shape) == 64

    def test_it_follows_the_catalogue(self, world: World) -> None:
        before = world.stac("/collections/optical")["renders"]
        first = world.get("/collections/optical/preview.png")
        changed = {**before, "true-colour": {**before["true-colour"], "rescale": [[0, 0.9]] * 3}}
        try:
            world.set_renders("optical", changed)
            tag = {"if-none-match": first.headers["etag"]}
            began = time.monotonic()
            path = "/raster/collections/optical/preview.png"
            while (got := world.http.get(path, headers=tag)).status_code == 304:
                assert time.monotonic() - began < 1
                time.sleep(0.01)
            assert got.content != first.content
        finally:
            world.set_renders("optical", before)
